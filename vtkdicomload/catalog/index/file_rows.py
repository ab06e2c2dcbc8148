"""Rows of files: from what was read of a file to a row of Parquet, and back."""

from __future__ import annotations

import os
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors.remedies import Step
from ...headers.frames import make_frame
from ...headers.model import Header
from ...headers.remnant import NOTHING_READ, Remnant
from ...sources.archives.placement import Placement, place_member
from ...sources.reasons import Reason
from ...stacks.series_data import Problem
from ..damage import restore_damage
from .arrow import list_values, pc
from .columns import FILES, HEADER_KINDS, KEY, OF_FRAMES, SCHEMA_VERSION, make_table, restore_values
from .entry import Entry, InArchive, make_readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ...errors import CorruptFileError
    from ...headers.model import Frame
    from ...sources.file import File
    from ..outcomes import FileOutcome
    from .root import Root

IMAGE, SKIPPED, DAMAGED, ARCHIVE = "image", "skipped", "damaged", "archive"
_REMNANT = tuple(name for name in Remnant._fields if name in HEADER_KINDS)
_PLACES = {name: place for place, name in enumerate(HEADER_KINDS)}
_take_values = itemgetter(*(Header._fields.index(name) for name in HEADER_KINDS))
_NO_HEADER: tuple[None, ...] = (None,) * len(HEADER_KINDS)


class DamagedRow(NamedTuple):
    """A damaged file, with what is readable of it."""

    problem: Problem
    foreign: bool  # no DICOM by what it holds, only by its name


def make_rows(root: Root, entries: Sequence[Entry], outcomes: Sequence[FileOutcome]) -> Any:
    """Make a table of files of what was read of them; of an archive that was entered nothing was."""
    of_file = [_describe_file(root, entry, outcome) for entry, outcome in zip(entries, outcomes, strict=True)]
    of_header = [_list_header_values(outcome) for outcome in outcomes]
    columns = [*zip(*of_file, strict=True), *zip(*of_header, strict=True)]
    return make_table(columns, FILES, HEADER_KINDS)


def _describe_file(root: Root, entry: Entry, outcome: FileOutcome) -> tuple[Any, ...]:
    frames, reason, problem = outcome
    path, size, stamp, is_entered, inside = entry
    if frames:  # as it was when it was opened
        opened = frames[0].header.file
        size = opened.size
        if inside is None:
            stamp = opened.stamp or None  # type: ignore[assignment] # that of a file on disk or on a server
        else:
            inside = inside._replace(placement=place_member(opened))
    if reason is Reason.LINK_TO_NOTHING or (problem and _may_pass(problem.error)):
        stamp = None
    readable, path_bytes = _write_path(path)
    return (
        SCHEMA_VERSION,
        readable,
        path_bytes,
        os.path.dirname(readable),
        root.find_top(make_readable(entry.listed_path)),
        size,
        stamp if isinstance(stamp, int) else None,
        stamp if isinstance(stamp, str) else None,
        None if inside is None else _describe_archive(inside),
        IMAGE if frames else DAMAGED if problem else ARCHIVE if is_entered else SKIPPED,
        reason.name if reason else None,
        problem.error.what if problem else None,
        list(problem.remnant.sop_class_uids) if problem else None,
        _has_to_be_read_again(frames),
        len(frames),
    )


def _may_pass(error: CorruptFileError) -> bool:
    """Tell whether a file may be readable in the next run, though it stays as it is."""
    return isinstance(error.__cause__, OSError) or Step.SCAN_AGAIN in error.remedies


def _write_path(path: str) -> tuple[str, bytes | None]:
    """A path as text and, where that is not all of it, in bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return make_readable(path), os.fsencode(path)
    return path, None


def _describe_archive(inside: InArchive) -> dict[str, Any]:
    return {"path": make_readable(inside.archive), "size": inside.archive_size, **inside.placement._asdict()}


def _has_to_be_read_again(frames: Sequence[Frame]) -> bool:
    """Tell whether a row cannot say what the frames of a file are; of a compressed one, its header always does."""
    if len(frames) != 1:
        return bool(frames)
    header = frames[0].header
    said = any(getattr(header, name) for name in OF_FRAMES)
    return said or header.is_tile or not header.native or frames[0] != make_frame(header)


def _list_header_values(outcome: FileOutcome) -> Sequence[Any]:
    if outcome.frames:
        taken: tuple[Any, ...] = _take_values(outcome.frames[0].header)
        return taken
    if outcome.problem is None:
        return _NO_HEADER
    values: list[Any] = [*_NO_HEADER]
    for name in _REMNANT:
        values[_PLACES[name]] = getattr(outcome.problem.remnant, name)
    return values


def read_path(path: str, path_bytes: bytes | None) -> str:
    """The path of a row as the system takes it."""
    return path if path_bytes is None else os.fsdecode(path_bytes)


def list_entries(table: Any) -> Iterator[Entry]:
    """List the files of a table with the columns of KEY."""
    paths, path_bytes, sizes, times, etags, archives = (list_values(table[name]) for name in KEY[:-1])
    if table["path_bytes"].null_count < len(table):
        paths = list(map(read_path, paths, path_bytes))
    stamps = times
    if table["etag"].null_count < len(table):
        stamps = [time if etag is None else etag for time, etag in zip(times, etags, strict=True)]
    entered = pc.equal(table["outcome"], ARCHIVE)
    insides: Iterable[InArchive | None] = repeat(None, len(paths))
    if table["archive"].null_count < len(table):
        insides = map(_read_archive, paths, archives)
    return map(Entry, paths, sizes, stamps, entered.to_pylist(), insides)


def _read_archive(path: str, archive: dict[str, Any] | None) -> InArchive | None:
    """Where in an archive a row lies; the path of that is the beginning of its own."""
    if archive is None:
        return None
    holder, size, *placement = archive.values()
    parts = path.split("/")[: holder.count("/") + 1]
    return InArchive("/".join(parts), size, Placement(*placement))


def restore_frames(table: Any, files: Sequence[File]) -> list[Frame | None]:
    """Make the frames of the images of a table again, each with its file; None where the header is to be read again."""
    columns: dict[str, Iterable[Any]] = {"file": files, **{name: [()] * len(files) for name in OF_FRAMES}}
    for name, kind in HEADER_KINDS.items():
        columns[name] = restore_values(table[name], kind)
    headers = map(Header._make, zip(*(columns[name] for name in Header._fields), strict=True))
    unsaid = list_values(table["reread"])
    return [None if reread else make_frame(header) for header, reread in zip(headers, unsaid, strict=True)]


def restore_damaged(table: Any) -> list[DamagedRow]:
    """Make the problems of the damaged files of a table again; their names are the paths below the root."""
    remnants = [restore_values(table[name], HEADER_KINDS[name]) for name in _REMNANT]
    found = []
    for entry, what, reason, classes, *rest in zip(
        list_entries(table), *(list_values(table[name]) for name in ("problem", "reason", "class_uids")), *remnants,
        strict=True,
    ):  # fmt: skip
        known = {"sop_class_uids": tuple(classes or ()), **dict(zip(_REMNANT, rest, strict=True))}
        remnant = Remnant(**known) if any(known.values()) else NOTHING_READ
        error = restore_damage(entry.path, what)
        found.append(DamagedRow(Problem(entry.path, error, remnant), reason == Reason.NOT_DICOM.name))
    return found
