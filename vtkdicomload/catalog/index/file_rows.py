"""Rows of files: from what was read of a file to a row of Parquet, and back."""

from __future__ import annotations

import os
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from ...headers.frames import make_frame
from ...headers.model import Header
from ...headers.remnant import NOTHING_READ, Remnant
from ...sources.local import LocalFile
from ...sources.reasons import Reason
from ...stacks.series_data import Problem
from ..damage import restore_damage
from .arrow import list_values
from .columns import FILES, HEADER_KINDS, KEY, OF_FRAMES, SCHEMA_VERSION, make_table, restore_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...headers.model import Frame
    from ...sources.file import File
    from ..outcomes import FileOutcome

IMAGE, SKIPPED, DAMAGED = "image", "skipped", "damaged"
_REMNANT = tuple(name for name in Remnant._fields if name in HEADER_KINDS)
_PLACES = {name: place for place, name in enumerate(HEADER_KINDS)}
_take_values = itemgetter(*(Header._fields.index(name) for name in HEADER_KINDS))
_NO_HEADER: tuple[None, ...] = (None,) * len(HEADER_KINDS)


class Entry(NamedTuple):
    """A file as a folder lists it; without size where it cannot be looked at, without time where it is to be read."""

    path: str  # below the root
    size: int | None
    mtime_ns: int | None

    def open_at(self, root: str) -> LocalFile:
        """The file, which refuses to be read where it has changed; its name is the path below the root."""
        return LocalFile(self.path, self.size, self.mtime_ns, root)


class DamagedRow(NamedTuple):
    """A damaged file, with what is readable of it."""

    problem: Problem
    foreign: bool  # no DICOM by what it holds, only by its name


def make_rows(entries: Sequence[Entry], outcomes: Sequence[FileOutcome]) -> Any:
    """Make a table of files of what was read of them."""
    of_file = [_describe_file(entry, outcome) for entry, outcome in zip(entries, outcomes, strict=True)]
    of_header = [_list_header_values(outcome) for outcome in outcomes]
    columns = [*zip(*of_file, strict=True), *zip(*of_header, strict=True)]
    return make_table(columns, FILES, HEADER_KINDS)


def _describe_file(entry: Entry, outcome: FileOutcome) -> tuple[Any, ...]:
    frames, reason, problem = outcome
    path, size, mtime_ns = entry
    if frames:  # as it was when it was opened
        opened = frames[0].header.file
        size, mtime_ns = opened.size, opened.stamp  # type: ignore[assignment] # that of a file on disk
    if reason is Reason.LINK_TO_NOTHING or (problem and isinstance(problem.error.__cause__, OSError)):
        mtime_ns = None
    path_bytes = None
    try:
        path.encode()
    except UnicodeEncodeError:
        path_bytes = os.fsencode(path)
        path = path_bytes.decode(errors="replace")
    return (
        SCHEMA_VERSION,
        path,
        path_bytes,
        os.path.dirname(path),
        size,
        mtime_ns,
        IMAGE if frames else DAMAGED if problem else SKIPPED,
        reason.name if reason else None,
        problem.error.what if problem else None,
        list(problem.remnant.sop_class_uids) if problem else None,
        _has_to_be_read_again(frames),
        len(frames),
    )


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
    for path, path_bytes, size, mtime_ns in zip(*(list_values(table[name]) for name in KEY), strict=True):
        yield Entry(read_path(path, path_bytes), size, mtime_ns)


def restore_frames(table: Any, files: Sequence[File]) -> list[Frame | None]:
    """Make the frames of the images of a table again, each with its file; None where the header is to be read again."""
    columns = [restore_values(table[name], kind) for name, kind in HEADER_KINDS.items()]
    names = ("file", *HEADER_KINDS, *OF_FRAMES)
    order = [names.index(name) for name in Header._fields]
    found: list[Frame | None] = []
    for file, reread, *values in zip(files, list_values(table["reread"]), *columns, strict=True):
        row = (file, *values, (), ())
        found.append(None if reread else make_frame(Header._make([row[place] for place in order])))
    return found


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
