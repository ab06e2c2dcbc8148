"""Series and stacks of an index, made of its rows again, once its files are seen to be the same."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...errors import CorruptFileError
from ...errors.remedies import BuildIndex
from ...headers.reading import HeaderReader
from ...headers.remnant import read_remnant
from ...sources.folders import sort_names
from ...sources.local import LocalFile
from ...stacks.series_data import Problem
from ...stacks.split import split
from ..damage import restore_damage
from .arrow import pa, pc
from .buckets import ROWS_AT_A_TIME, find_bucket_path, read_bucket, read_bucket_rows
from .columns import FILES, KEY, restore_values
from .file_rows import list_entries
from .grouping import find_series_rows
from .stack_row import IndexedStack, Location
from .stacks import STACK_KINDS, Charged, find_stacks_path, make_fingerprint, prepare_series, read_frames, stamp_stacks
from .walking import find_bucket, find_top

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...stacks.series_data import SeriesData
    from .file_rows import Entry


def list_series_uids(index: str) -> list[str | None]:
    """The SeriesInstanceUID of each row of an index."""
    uids: list[str | None] = read_bucket(find_stacks_path(index), ("series_uid",))["series_uid"].to_pylist()
    return uids


def read_stacks(location: Location, series_uid: str | None = None) -> Iterator[IndexedStack]:
    """Read the rows of all stacks, or of those of one series."""
    table = read_bucket(find_stacks_path(location.index), list(STACK_KINDS))
    if series_uid is not None:
        table = table.filter(pc.equal(table["series_uid"], series_uid))
    for start in range(0, len(table), ROWS_AT_A_TIME):
        part = table.slice(start, ROWS_AT_A_TIME)
        columns = [restore_values(part[name], kind) for name, kind in STACK_KINDS.items()]
        for values in zip(*columns, strict=True):
            yield IndexedStack(**dict(zip(STACK_KINDS, values, strict=True)), location=location)


def restore_stack(row: IndexedStack) -> SeriesData:
    """Make the stack of a row again. Errors as `restore_series`."""
    stacks = split(restore_series(row))
    return stacks[row.stack]


def restore_series(row: IndexedStack) -> SeriesData:
    """Make the whole series of a row again.

    Raises
    ------
    CorruptFileError
        A file is gone or is another than when it was indexed, or the index was built again since the row was read.
    """
    location, key = row.location, (row.study_uid, row.series_uid)
    table = _read_rows(row)
    damage = list(zip((*row.damaged, *row.beside, *row.strays), row.damage, strict=True))
    entries = list(list_entries(table))
    if make_fingerprint(key, entries, damage) != row.fingerprint or not _is_current(row):
        raise _make_stale_error(location, "it was built again since this row was read", ())
    damaged = {entry.path: _open_file(entry, location) for path, _ in damage for entry in _find_file(path, location)}
    for file in (*(_open_file(entry, location) for entry in entries), *damaged.values()):
        _check_unchanged(file, location)
    frames, changed = read_frames(table, partial(_open_file, location=location), HeaderReader())
    problems = iter([_restore_problem(damaged[path], what) for path, what in damage])
    own, beside, strays = (tuple(islice(problems, len(part))) for part in (row.damaged, row.beside, row.strays))
    return prepare_series(frames, Charged((*own, *changed), beside, strays))


def _restore_problem(file: LocalFile, what: str) -> Problem:
    return Problem(file.name, restore_damage(file.name, what), read_remnant(file))


def _open_file(entry: Entry, location: Location) -> LocalFile:
    """The file of a row under the name that a scan of the root gives it."""
    return LocalFile(os.path.join(location.root, entry.path), entry.size, entry.mtime_ns)


def _check_unchanged(file: LocalFile, location: Location) -> None:
    """Refuse a file that is another than its row says; of a link to nothing, that it leads somewhere."""
    try:
        file.check_unchanged()
        changed = file.size is None
    except CorruptFileError as error:
        raise _make_stale_error(location, error.message, (file.name,)) from error
    except OSError:
        changed = file.size is not None
    if changed:
        raise _make_stale_error(location, f"{file.name} is another than when it could not be read", (file.name,))


def _read_rows(row: IndexedStack) -> Any:
    """Read the rows of the files of a series in the order of a scan; none where they are not there any more."""
    tables = [FILES.empty_table()]
    for bucket in row.buckets:
        path = find_bucket_path(row.location.index, bucket)
        with suppress(FileNotFoundError):
            rows = find_series_rows(path, (row.study_uid, row.series_uid))
            tables += [read_bucket_rows(path, rows)] if len(rows) else []
    table = pa.concat_tables(tables)
    tops = [find_top(entry.path) for entry in list_entries(table)]
    rank = {top: k for k, top in enumerate(sort_names(set(tops)))}
    return table.take(pa.array(sorted(range(len(tops)), key=lambda k: rank[tops[k]]), pa.int64()))


def _is_current(row: IndexedStack) -> bool:
    """Tell whether the index still has a row, or one of the same files."""
    path = find_stacks_path(row.location.index)
    if stamp_stacks(path) == row.location.stamp:
        return True
    return row.fingerprint in read_bucket(path, ("fingerprint",))["fingerprint"].to_pylist()


def _find_file(path: str, location: Location) -> list[Entry]:
    """Find a damaged file among the rows.

    Raises
    ------
    CorruptFileError
        It is not there any more.
    """
    with suppress(FileNotFoundError):
        table = read_bucket(find_bucket_path(location.index, find_bucket(find_top(path))), KEY)
        if found := [entry for entry in list_entries(table) if entry.path == path]:
            return found
    raise _make_stale_error(location, f"{path} is in it no more", ())


def _make_stale_error(location: Location, what: str, files: Sequence[str]) -> CorruptFileError:
    remedy = BuildIndex(location.root, location.index)
    return CorruptFileError(f"the index {location.index} is out of date: {what}", files=files, remedies=[remedy])
