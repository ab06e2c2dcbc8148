"""Series and stacks of an index, made of its rows again, once its files are seen to be the same."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from ...errors import CorruptFileError, NoDicomError
from ...errors.remedies import BuildIndex
from ...headers.reading import HeaderReader
from ...headers.remnant import read_remnant
from ...sources.archives.members import LostFile
from ...sources.archives.section import Member
from ...sources.file import BegunHandle, begin_many
from ...sources.local import LocalFile
from ...sources.remote.objects import RemoteFile, check_all_unchanged
from ...sources.remote.sharing import keep_connections
from ...stacks.series_data import Problem
from ...stacks.split import split
from ..damage import restore_damage
from ..outcomes import read_outcomes
from .about import find_stacks_path, stamp_stacks
from .arrow import pa, pc
from .buckets import find_bucket_path, read_bucket, read_bucket_rows
from .columns import FILES, KEY, restore_values
from .file_rows import list_entries
from .find_root import restore_root
from .grouping import find_series_rows
from .known_rows import ROWS_AT_A_TIME
from .root import find_bucket, sort_tops
from .stack_row import IndexedStack, Location
from .stacks import STACK_KINDS, Charged, make_fingerprint, prepare_series, read_frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ...sources.file import File
    from ...stacks.series_data import SeriesData
    from .entry import Entry

_BEGINNING = 4096  # bytes of a file that tell its SOPInstanceUID, mostly
_UID_CHARACTERS = frozenset(b"0123456789.")


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


def restore_stack(row: IndexedStack, storage_options: Mapping[str, Any] | None = None) -> SeriesData:
    """Make the stack of a row again; parameters and errors as `restore_series`."""
    stacks = split(restore_series(row, storage_options))
    return stacks[row.stack]


def restore_series(row: IndexedStack, storage_options: Mapping[str, Any] | None = None) -> SeriesData:
    """Make the whole series of a row again.

    Parameters
    ----------
    row : IndexedStack
        The row.
    storage_options : mapping, optional
        In the place of those that its index was built or opened with.

    Raises
    ------
    CorruptFileError
        A file is gone or is another than when it was indexed, or the index was built again since the row was read.
    NoDicomError
        The index is not there.
    """
    with keep_connections():
        return _Restoring(_give_options(row.location, storage_options)).restore(row)


def _give_options(location: Location, storage_options: Mapping[str, Any] | None) -> Location:
    if storage_options is None:
        return location
    root = location.root
    root = restore_root(
        root.name, archives=root.archives, is_file=root.is_file, depth=root.depth, storage_options=storage_options
    )
    return replace(location, root=root)


class _Restoring:
    """The making of series of an index."""

    def __init__(self, location: Location) -> None:
        self._index, self._root, self._stamp = location.index, location.root, location.stamp

    def restore(self, row: IndexedStack) -> SeriesData:
        """Make the series of a row again; errors as `restore_series`."""
        if not os.path.exists(find_stacks_path(self._index)):
            words = "it was moved or deleted since this row was read, or lies on another machine"
            raise NoDicomError(f"there is no index at {self._index}: {words}", files=[self._index])
        key = row.study_uid, row.series_uid
        table = self._read_rows(row)
        damage = list(zip((*row.damaged, *row.beside, *row.strays), row.damage, strict=True))
        entries = list(list_entries(table))
        if make_fingerprint(key, entries, damage) != row.fingerprint or not self._is_current(row):
            raise self._make_stale_error("it was built again since this row was read", ())
        damaged = [entry for path, _ in damage for entry in self._find_rows(path)]
        files, damaged_files = self._open(entries), self._open(damaged)
        local = [isinstance(file, LocalFile) for file in files]
        self._refuse_changed(
            [*(file for file, is_local in zip(files, local, strict=True) if not is_local), *damaged_files]
        )
        uids = table["sop_instance_uid"].to_pylist()
        self._refuse_others([(file, uid) for file, uid, is_local in zip(files, uids, local, strict=True) if is_local])
        files_by_entry = dict(zip(entries, files, strict=True))
        ((frames, changed),) = read_frames([table], files_by_entry.__getitem__, HeaderReader())
        problems = iter([_restore_problem(file, what) for file, (_, what) in zip(damaged_files, damage, strict=True)])
        own, beside, strays = (tuple(islice(problems, len(part))) for part in (row.damaged, row.beside, row.strays))
        return prepare_series(frames, Charged((*own, *changed), beside, strays))

    # ------------------------------------------------------------------------------------------ rows
    def _read_rows(self, row: IndexedStack) -> Any:
        """Read the rows of the files of a series in the order of a scan; none where they are not there any more."""
        tables = [FILES.empty_table()]
        for bucket in row.buckets:
            path = find_bucket_path(self._index, bucket)
            with suppress(FileNotFoundError):
                rows = find_series_rows(path, (row.study_uid, row.series_uid))
                tables += [read_bucket_rows(path, rows)] if len(rows) else []
        table = pa.concat_tables(tables)
        tops = table["top"].to_pylist()
        rank = {top: k for k, top in enumerate(sort_tops(set(tops)))}
        return table.take(pa.array(sorted(range(len(tops)), key=lambda k: rank[tops[k]]), pa.int64()))

    def _is_current(self, row: IndexedStack) -> bool:
        """Tell whether the index still has a row, or one of the same files."""
        path = find_stacks_path(self._index)
        if stamp_stacks(path) == self._stamp:
            return True
        return row.fingerprint in read_bucket(path, ("fingerprint",))["fingerprint"].to_pylist()

    def _find_rows(self, path: str) -> Iterator[Entry]:
        """Find a damaged file among the rows, by its path as that is written.

        Raises
        ------
        CorruptFileError
            It is not there any more.
        """
        top = self._root.find_top(path)
        folders = top.split("/") if top else []
        for depth in range(len(folders), -1, -1):  # it may lie in an archive above
            top = "/".join(folders[:depth])
            with suppress(FileNotFoundError):
                table = read_bucket(find_bucket_path(self._index, find_bucket(top)), KEY)
                known = list_entries(table.filter(pc.equal(table["path"], path)))
                if found := [entry for entry in known if not entry.is_entered]:
                    yield found[0]
                    return
        raise self._make_stale_error(f"{path} is in it no more", ())

    # ------------------------------------------------------------------------------------------ files
    def _open(self, entries: Sequence[Entry]) -> list[File]:
        """The files of some rows."""
        with self._refusing_stale():
            return [self._root.restore_file(entry, in_full=True) for entry in entries]

    def _refuse_changed(self, files: Sequence[File]) -> None:
        """Refuse files that are others than their rows say, by what is said of them or of what holds them."""
        holders = dict.fromkeys(file.archive if isinstance(file, Member) else file for file in files)
        with self._refusing_stale():
            check_all_unchanged([file for file in holders if isinstance(file, RemoteFile)])
            known = [file for file in holders if not isinstance(file, (RemoteFile, LostFile))]
            readable = [file for file in known if _is_readable(file) is (file.size is None)]
        if readable:
            name = readable[0].name
            raise self._make_stale_error(f"{name} is another than when it could not be read", (name,))

    def _refuse_others(self, known: Sequence[tuple[File, str | None]]) -> None:
        """Refuse files on disk that are others than their rows say, or hold an image of another SOPInstanceUID."""
        begun = begin_many([file for file, _ in known], _BEGINNING)
        with self._refusing_stale():
            for (file, uid), one in zip(known, begun, strict=True):
                if isinstance(one, CorruptFileError):
                    raise one
                told = isinstance(one, BegunHandle) and _tells_uid(one.beginning, uid)
                if not told and _read_instance_uid(file) != uid:
                    raise file.changed("it holds another image")

    @contextmanager
    def _refusing_stale(self) -> Iterator[None]:
        """Say of a file that has changed that the index is out of date; one that cannot be read may be the same."""
        try:
            yield
        except CorruptFileError as error:
            if not error.what.startswith("it changed "):
                raise
            raise self._make_stale_error(error.message, error.files) from error
        except OSError as error:
            words = f"the files of the index {self._index} cannot be looked at: {error.strerror}"
            raise CorruptFileError(words, files=[self._root.name]) from error

    def _make_stale_error(self, what: str, files: Sequence[str]) -> CorruptFileError:
        remedy = BuildIndex(self._root.name, self._index, self._root.archives)
        return CorruptFileError(f"the index {self._index} is out of date: {what}", files=files, remedies=[remedy])


def _is_readable(file: File) -> bool:
    """Tell whether a file is there as it was; CorruptFileError where it was readable and is another now."""
    try:
        file.check_unchanged()
    except OSError:
        return False
    return True


def _tells_uid(beginning: bytes, uid: str | None) -> bool:
    """Tell whether a file begins with a header that names an instance; False where that cannot be said."""
    written = (uid or "").encode()
    at = beginning.find(written) if written else -1
    while at >= 0:
        around = beginning[at - 1 : at] + beginning[at + len(written) : at + len(written) + 1]
        if not _UID_CHARACTERS.intersection(around):
            return True
        at = beginning.find(written, at + 1)
    return False


def _read_instance_uid(file: File) -> str | None:
    """Read the SOPInstanceUID of a file that has images; None where it has none any more."""
    (outcome,) = read_outcomes([file], HeaderReader())
    return outcome.frames[0].header.sop_instance_uid if outcome.frames else None


def _restore_problem(file: File, what: str) -> Problem:
    error = file.make_error() if isinstance(file, LostFile) else restore_damage(file.name, what)
    return Problem(file.name, error, read_remnant(file))
