"""Finding the series at a source: every header is read, no pixel."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from .._util.log import is_logging, logger
from .._util.threads import for_each, stepper
from ..errors import CorruptFileError
from ..headers.frames import frames_of
from ..headers.preamble import MAYBE_DAMAGED, NotDicomError
from ..headers.templates import HeaderReader
from ..sources.local import Files, Skipped
from ..stacks.series_data import Problem, SeriesData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..headers.model import Frame

S = TypeVar("S", bound=SeriesData)

_SUFFIXES = (".dcm", ".dicom", ".ima", ".dc3")
_THREADED_FILES = 64  # below, starting threads costs more than it gains


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class ScanData(Sequence[S], Generic[S]):
    """The series found at a source: a list of `Series`, in order of SeriesNumber.

    Attributes
    ----------
    source : str
        What was scanned.
    series : tuple of Series
        The list itself.
    problems : tuple of Problem
        Files that say they are DICOM and cannot be read whole.
    skipped : tuple of Skipped
        Files that are not DICOM, or DICOM without an image, each with the reason.
    """

    source: str
    series: tuple[S, ...]
    problems: tuple[Problem, ...]
    skipped: tuple[Skipped, ...]

    def __len__(self) -> int:
        return len(self.series)

    @overload
    def __getitem__(self, index: int) -> S: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[S, ...]: ...
    def __getitem__(self, index: int | slice) -> S | tuple[S, ...]:
        return self.series[index]

    def __iter__(self) -> Iterator[S]:
        return iter(self.series)


def scan_files(
    files: Files, *, workers: int | None = None, progress: Callable[[int, int], None] | None = None
) -> ScanData[SeriesData]:
    """Find the series among files. Headers are read, pixels are not; damaged files are listed, never raised.

    Parameters
    ----------
    files : Files
        From `find_files`.
    workers : int, optional
        Threads that read headers; more than one helps where storage is slow.
    progress : callable, optional
        Called with (files done, files in all).
    """
    frames: list[Frame] = []
    problems: list[Problem] = []
    skipped = list(files.skipped)
    for path, result in zip(files.paths, _read_all(files, workers, progress), strict=True):
        if isinstance(result, tuple):
            frames += result
        elif isinstance(result, CorruptFileError):
            problems.append(Problem(path, result))
        else:
            skipped.append(Skipped(path, result))
    lost = _lost_slices(frames, skipped)
    problems += lost
    skipped = [s for s in skipped if s.path not in {p.path for p in lost}]
    if is_logging():
        for path, reason in skipped:
            logger.debug("%s is passed over: %s", path, reason)
        for problem in problems:
            logger.debug("%s is damaged", problem.path)  # the error may quote what it holds
    return ScanData(files.name, _grouped(frames, tuple(problems)), tuple(problems), tuple(skipped))


def _read_all(
    files: Files, workers: int | None, progress: Callable[[int, int], None] | None
) -> list[tuple[Frame, ...] | CorruptFileError | str]:
    """What `_read` says of every file, in the order of the files."""
    headers, total = HeaderReader(), len(files.paths)
    results: list[tuple[Frame, ...] | CorruptFileError | str] = [""] * total

    def read(k: int) -> None:
        results[k] = _read(files.paths[k], headers)

    # One thread unless asked for more: parsing holds the interpreter's lock.
    for_each(total, read, stepper(total, progress), 1 if total < _THREADED_FILES else workers or 1)
    return results


def _read(path: str, headers: HeaderReader) -> tuple[Frame, ...] | CorruptFileError | str:
    """The frames of a file, what is wrong with it, or why it is passed over."""
    try:
        return frames_of(headers.read(path))
    except CorruptFileError as error:
        return error
    except NotDicomError as reason:
        words = str(reason)
        if words == "gzip-compressed DICOM":
            return CorruptFileError(f"{path} is {words} → python -m gzip -d {path}, or ignore=[{path!r}]", files=[path])
        if _ought_to_be_dicom(path, words):
            return CorruptFileError(f"{path}: {words}, where DICOM was expected → ignore=[{path!r}]", files=[path])
        return words
    except OSError as error:
        if os.path.islink(path) and not _slice_like(path, bare=False):
            return "a link to nothing"
        return CorruptFileError(f"{path}: it cannot be read: {error.strerror} → ignore=[{path!r}]", files=[path])


def _ought_to_be_dicom(path: str, words: str) -> bool:
    """Whether a file that is not DICOM may be a damaged slice: by its name, or because only zeros are left of it."""
    if words == "DICOM without pixel data":
        return False
    named = os.path.splitext(path)[1].lower() in _SUFFIXES
    return named or (_slice_like(path) and words in ("empty", "only zeros"))


def _slice_like(path: str, *, bare: bool = True) -> bool:
    """Whether a file is named as slices are: with a suffix of DICOM, a number, or (`bare`) none."""
    suffix = os.path.splitext(path)[1].lower()
    return suffix in _SUFFIXES or suffix[1:].isdigit() or (bare and suffix == "")


def _lost_slices(frames: list[Frame], skipped: list[Skipped]) -> list[Problem]:
    """Files that are no DICOM, but beside slices of their kind of name and of their size or beginning."""
    kinds = {(*_kind_of_name(f.path), f.header.size) for f in frames}
    names = {kind[:2] for kind in kinds}
    lost = []
    for path, reason in skipped:
        if reason not in ("not DICOM", MAYBE_DAMAGED):
            continue
        try:
            kind = (*_kind_of_name(path), os.path.getsize(path))
        except OSError:
            continue
        if kind in kinds:
            words = "it has the size and name of the slices beside it, but is not DICOM: it is damaged"
        elif reason == MAYBE_DAMAGED and kind[:2] in names:
            words = "it begins and is named like the slices beside it, but is no whole DICOM file: it is damaged"
        else:
            continue
        lost.append(Problem(path, CorruptFileError(f"{path}: {words} → ignore=[{path!r}]", files=[path])))
    return lost


def _kind_of_name(path: str) -> tuple[str, str]:
    """Folder and suffix of a file; numbers, as behind the last dot of a UID, are no suffix."""
    suffix = os.path.splitext(path)[1]
    return os.path.dirname(path), "" if suffix[1:].isdigit() else suffix


def _grouped(frames: list[Frame], problems: tuple[Problem, ...]) -> tuple[SeriesData, ...]:
    """One `Series` for each SeriesInstanceUID, by study, series number and first appearance."""
    by_uid: dict[tuple[str | None, str | None], list[Frame]] = {}
    for frame in frames:
        by_uid.setdefault((frame.header.study_uid, frame.header.series_uid), []).append(frame)
    studies = {study: i for i, study in enumerate(dict.fromkeys(study for study, _ in by_uid))}

    def rank(item: tuple[tuple[str | None, str | None], list[Frame]]) -> tuple[int, float]:
        (study, _), members = item
        number = members[0].header.series_number
        return studies[study], float("inf") if number is None else number

    return tuple(SeriesData(tuple(members), (), problems) for _, members in sorted(by_uid.items(), key=rank))
