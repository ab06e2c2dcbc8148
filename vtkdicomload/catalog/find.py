"""From a source to its series: files are ignored, damage and emptiness refused. Headers are read, no pixel."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from .._util.log import logger
from .._util.wording import count_noun, describe_argument
from ..errors import NoDicomError
from ..errors.remedies import LoadFolder, Step
from ..sources.archives.enter import is_named_as_archive
from ..sources.hints import Foreign, describe_foreign, describe_nested
from ..sources.reasons import Reason, Skipped
from ..sources.resolve import find_files
from ..stacks.series_data import SeriesData
from .damage import DAMAGED
from .index.stack_row import IndexedStack
from .scan import ScanData, scan_files

if TYPE_CHECKING:
    from ..headers.reading import HeaderReaders
    from ..sources.keeping import Keeping

_FOREIGN = frozenset((Reason.NOT_DICOM, Reason.MAYBE_DAMAGED, Reason.GZIP, Reason.ARCHIVE))

_Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Ignore = Literal["damaged"] | _Path | Iterable[_Path] | Callable[[str], bool]


def find_series(
    source: Any,
    ignore: Ignore,
    workers: int | None,
    *,
    recursive: bool = True,
    archives: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    keeping: Keeping | None = None,
    progress: Callable[[int, int], None] | None = None,
    readers: HeaderReaders | None = None,
) -> tuple[ScanData[Any], tuple[str, ...]]:
    """Say what is at the source without the ignored files, and those; ``ignore="damaged"`` is for `choose`.

    Raises
    ------
    NoDicomError
        There is no image, or every one is ignored.
    """
    is_ignored = match_ignored(ignore)
    if isinstance(source, IndexedStack):
        source = restore_row(source, storage_options)
    if isinstance(source, SeriesData):
        return _leave_out_of(source, is_ignored)
    if isinstance(source, ScanData):
        raise TypeError("a Scan is a list of series: load(scan[0]), or [s.load() for s in scan]")
    files = find_files(source, recursive=recursive, archives=archives, storage_options=storage_options, keeping=keeping)
    ignored = [is_ignored(file.name) for file in files.files]
    kept_files = tuple(file for file, out in zip(files.files, ignored, strict=True) if not out)
    left_out = tuple(file.name for file, out in zip(files.files, ignored, strict=True) if out)
    for name in left_out:
        logger.debug("%s is passed over: it is ignored", name)
    kept = files._replace(files=kept_files)
    found = scan_files(kept, workers=workers, keeping=keeping, progress=progress, readers=readers)
    if not found.series and not found.problems:
        raise make_no_image_error(found, left_out)
    return found, left_out


def restore_row(row: IndexedStack, storage_options: Mapping[str, Any] | None) -> SeriesData:
    """Make the stack of a row of an index again. Without pyarrow there is no row."""
    from .index.restore import restore_stack

    return restore_stack(row, storage_options)


def _leave_out_of(series: SeriesData, is_ignored: Callable[[str], bool]) -> tuple[ScanData[Any], tuple[str, ...]]:
    """One series as a list of one, without its ignored files, and those."""
    damaged = (*series.problems, *series.beside, *series.strays)
    files = series.files
    left_out = tuple(path for path in (*files, *(p.path for p in damaged)) if is_ignored(path))
    if left_out:
        out = frozenset(left_out)
        kept = tuple(f for f in series.frames if f.path not in out)
        if not kept:
            raise NoDicomError(f"every file of {series.title} is ignored", files=left_out)
        problems, beside, strays = (
            tuple(p for p in part if p.path not in out) for part in (series.problems, series.beside, series.strays)
        )
        series = replace(series, frames=kept, problems=problems, beside=beside, strays=strays)
        files = series.files
    return ScanData(series.title, (series,), (*series.problems, *series.beside), (), files), left_out


def settle_ignored(ignore: Ignore) -> Callable[[str], bool] | tuple[_Path, ...]:
    """Read what ``ignore=`` says, for every source it is for: a callable, or paths; an iterator is read but once.

    Raises
    ------
    TypeError
        It is no path, no sequence of paths and not callable.
    """
    if callable(ignore):
        return ignore
    try:
        given = (ignore,) if isinstance(ignore, (str, bytes, os.PathLike)) else tuple(ignore)
        for path in given:
            os.fsdecode(path)  # a TypeError where it is none
    except TypeError:
        kinds = 'paths, "damaged" or a callable'
        raise TypeError(f"ignore must be {kinds}, not {describe_argument(ignore)}") from None
    return given


def match_ignored(ignore: Ignore) -> Callable[[str], bool]:
    """Tell whether ``ignore=`` leaves a path out; what it raises is what `settle_ignored` does."""
    settled = settle_ignored(ignore)
    if callable(settled):
        return settled
    given = [os.fsdecode(path) for path in settled if path != DAMAGED]
    named = {os.path.abspath(path) for path in given}
    bare = {path for path in given if not os.path.dirname(path)}  # a name alone means that file in any folder
    return lambda path: bool(given) and (os.path.basename(path) in bare or os.path.abspath(path) in named)


def leaves_damaged(ignore: Ignore) -> bool:
    """Tell whether ``ignore=`` is, or has among its files, the policy that leaves out all damaged files."""
    given = (ignore,) if isinstance(ignore, str) else ignore
    return isinstance(given, (list, tuple, set, frozenset)) and DAMAGED in given


def make_no_image_error(found: ScanData[Any], ignored: tuple[str, ...] = ()) -> NoDicomError:
    """The error for a source without an image, counting what is there instead."""
    skipped = found.skipped
    if ignored:
        return NoDicomError(f"all {len(ignored)} DICOM files of {found.source} are ignored", files=ignored)
    if len(skipped) == 1 and os.path.isfile(skipped[0].path):
        return _make_not_an_image_error(skipped[0])
    counts = Counter((file.reason, file.words) for file in skipped)
    there = ", ".join(
        count_noun(n, "folder") if reason is Reason.FOLDER else f"{n} {words}"
        for (reason, words), n in counts.most_common()
    )
    example = _choose_example(skipped)
    return NoDicomError(
        f"no DICOM image in {found.source}: {there or 'it is empty'}" + (f" ({example.words})" if example else ""),
        files=[s.path for s in skipped],
        remedies=example.remedies if example else (),
    )


def _choose_example(skipped: Sequence[Skipped]) -> Foreign | None:
    """Describe one of the files that are not DICOM, an archive before others."""
    nested = [s.path for s in skipped if s.reason is Reason.ARCHIVE and not os.path.exists(s.path)]
    if nested:
        return describe_nested(nested[0])
    foreign = [s.path for s in skipped if s.reason in _FOREIGN]
    packed = [s.path for s in skipped if s.reason in (Reason.ARCHIVE, Reason.GZIP) or s.path.lower().endswith(".nii")]
    others = [path for path in foreign if not is_named_as_archive(path)]  # an archive of no DICOM was entered
    return describe_foreign((packed or others)[0]) if packed or others else None


def _make_not_an_image_error(skipped: Skipped) -> NoDicomError:
    """The error for one file that is no image."""
    path = skipped.path
    name = os.path.basename(path)
    if is_named_as_archive(path) and skipped.reason not in (Reason.ARCHIVE, Reason.GZIP):
        return NoDicomError(f"{name} holds no DICOM image: {skipped.words}", files=[path])
    if skipped.reason is not Reason.NO_PIXELS:
        foreign = describe_foreign(path)
        return NoDicomError(foreign.words, files=[path], remedies=foreign.remedies)
    if name.upper() == "DICOMDIR":
        what, remedy = "a DICOMDIR, the index of a medium", LoadFolder(os.path.dirname(path) or os.curdir)
        return NoDicomError(f"{name} is {what}", files=[path], remedies=[remedy])
    what = "DICOM without an image (a report, plan or index)"
    return NoDicomError(f"{name} is {what}", files=[path], remedies=[Step.LOAD_IMAGES])
