"""The files of an index: a Parquet file for each bucket of top folders, kept where nothing has changed."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...errors import CorruptFileError, take_first_line
from ...errors.remedies import Use
from ...headers.reading import HeaderReader
from ...sources.archives.placement import place_member
from ...sources.archives.section import Member
from ...sources.folders import sort_names
from ...sources.keeping import Keeping
from ...sources.remote.sharing import keep_connections
from ...sources.resolve import enter_if_readable
from ..outcomes import FileOutcome, read_outcomes
from .arrow import pa, pq, replace_parquet
from .columns import FILES
from .entry import Entry, InArchive
from .file_rows import make_rows
from .known_rows import ROWS_AT_A_TIME, open_rows
from .root import BUCKETS, find_bucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from ...sources.file import File
    from .known_rows import KnownRows
    from .root import Root, Tops

    Ints = NDArray[np.int64]

_CHECKPOINT = ".checkpoint-"  # the rows that were read of a bucket which is not whole yet


def find_bucket_path(index: str, bucket: int) -> str:
    """The Parquet file of a bucket."""
    return os.path.join(index, "files", f"bucket={bucket:02}", "data.parquet")


def list_bucket_paths(index: str) -> dict[int, str]:
    """The Parquet files that there are, by bucket."""
    paths = {bucket: find_bucket_path(index, bucket) for bucket in range(BUCKETS)}
    return {bucket: path for bucket, path in paths.items() if os.path.exists(path)}


class Updated(NamedTuple):
    """What became of a bucket: how many files it lists, and how many were opened, as they are new or have changed."""

    listed: int
    read: int


@dataclass(frozen=True)
class BucketUpdate:
    """Bringing the files of one bucket up to date, here or in another process.

    Attributes
    ----------
    bucket : int
        Its number.
    path : str
        Its Parquet file.
    root : Root
        What is indexed.
    tops : Tops
        The folders that it is divided by.
    names : tuple of str
        Those of the bucket.
    workers : int, optional
        Threads that read headers.
    """

    bucket: int
    path: str
    root: Root
    tops: Tops
    names: tuple[str, ...]
    workers: int | None

    def run(self, reader: HeaderReader | None = None, step: Callable[[], None] = lambda: None) -> Updated:
        """Write its file where anything has changed; `step` is called for each file that the root lists."""
        with keep_connections():
            return self._run(reader or HeaderReader(), step)

    def _run(self, reader: HeaderReader, step: Callable[[], None]) -> Updated:
        checkpoints = _list_checkpoints(self.path)
        if not checkpoints:
            with open_rows([self.path]) as known:
                if known.count and (listed := self._count_unchanged(known)) is not None:
                    for _ in range(listed):
                        step()
                    return Updated(listed, 0)
        with open_rows([self.path, *checkpoints]) as known:
            writing = _Writing(self.root, known, reader, self.workers, step)
            writing.write(self.path, self.root.walk(self.tops, self.names))
        for path in _list_checkpoints(self.path):
            with suppress(FileNotFoundError):
                os.unlink(path)
        with suppress(OSError):  # there are no files any more
            os.rmdir(os.path.dirname(self.path))
        return Updated(writing.listed, writing.read)

    def _count_unchanged(self, known: KnownRows) -> int | None:
        """Count the files of a bucket that says of its folders what is there; None where it does not."""
        listed = 0
        entries = iter(known.list_entries())
        rows = (entry for entry in entries if entry.inside is None)
        for there in self.root.walk(self.tops, self.names):
            if set(there) != set(islice(rows, len(there))):
                return None
            listed += len(there)
        return listed if next(rows, None) is None and known.is_settled() else None


def list_updates(index: str, root: Root, tops: Tops, workers: int | None) -> list[BucketUpdate]:
    """List what is to be done to bring the files of an index up to date, by bucket."""
    names: dict[int, list[str]] = {bucket: [] for bucket in range(BUCKETS)}
    for name in tops.names:
        names[find_bucket(name)].append(name)
    paths = {bucket: find_bucket_path(index, bucket) for bucket in names}
    return [
        BucketUpdate(bucket, path, root, tops, tuple(names[bucket]), workers)
        for bucket, path in paths.items()
        if names[bucket] or os.path.exists(os.path.dirname(path))
    ]


def _list_checkpoints(path: str) -> list[str]:
    """The files of the rows that were read for a bucket in a run that was stopped."""
    folder = os.path.dirname(path)
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [os.path.join(folder, name) for name in sorted(names) if name.startswith(_CHECKPOINT)]


class _Item(NamedTuple):
    """A row to write: one that is known, or that of a file to be read, or of an archive that was entered."""

    entry: Entry
    row: int | None
    file: File | None


class _Writing:
    """The writing of one bucket.

    Attributes
    ----------
    listed, read : int
        Files that the root lists, and files that were opened.
    """

    def __init__(
        self, root: Root, known: KnownRows, reader: HeaderReader, workers: int | None, step: Callable[[], None]
    ) -> None:
        self._root, self._known, self._reader, self._workers, self._step = root, known, reader, workers, step
        self.listed = self.read = 0

    def write(self, path: str, folders: Iterable[list[Entry]]) -> None:
        """Write the rows of all files of a bucket; without any there is no file.

        What was read is written as checkpoints too: when this run is stopped, the next need not read it again.
        """
        chunks = self._gather(folders)
        first = next(chunks, None)
        if first is None:
            with suppress(FileNotFoundError):
                os.unlink(path)
            return
        unwritten: Any = None  # what was read last: of a bucket of one chunk there is no checkpoint
        with replace_parquet(path, FILES) as writer:
            for chunk in chain([first], chunks):
                if unwritten is not None:
                    checkpoint = os.path.join(os.path.dirname(path), f"{_CHECKPOINT}{secrets.token_hex(8)}")
                    with replace_parquet(checkpoint, FILES) as beside:
                        beside.write_table(unwritten)
                table, unwritten = self._make_chunk(chunk)
                writer.write_table(table)

    # ------------------------------------------------------------------------------------------ what there is
    def _gather(self, folders: Iterable[list[Entry]]) -> Iterator[list[_Item]]:
        """Yield files with the rows of those that have not changed, so many at a time."""
        items = (item for entries in folders for item in self._list_items(entries))
        while chunk := list(islice(items, ROWS_AT_A_TIME)):
            yield chunk

    def _list_items(self, entries: Sequence[Entry]) -> Iterator[_Item]:
        """List the files of a folder in the order of a scan, those in an archive in its place."""
        self.listed += len(entries)
        known = self._known.find_listed(os.path.dirname(entries[0].path)) if entries else {}
        by_path = {entry.path: entry for entry in entries}
        for entry in map(by_path.__getitem__, sort_names(by_path)):
            row = None if entry.stamp is None else known.get(entry)
            if not entry.is_entered:
                yield _Item(entry, row, self._root.find_file(entry) if row is None else None)
                continue
            members = self._known.find_members(entry.path)
            if row is None or any(member.stamp is None for member in members):
                yield from self._enter(entry, members)
            else:
                yield from (_Item(member, at, None) for member, at in members.items() if member.stamp == entry.stamp)
            yield _Item(entry, row, None)

    def _enter(self, entry: Entry, known: dict[Entry, int]) -> Iterator[_Item]:
        """List the files in an archive, of which some may be known of a run that was stopped."""
        rows = {(member.path, member.size, member.stamp): row for member, row in known.items()}
        for file in enter_if_readable(self._root.find_file(entry), True, Keeping()).files:
            holder = file.archive if isinstance(file, Member) else None
            inside = InArchive(entry.path, holder.size if holder else entry.size, place_member(file))
            stamp = holder.stamp if holder else entry.stamp
            member = Entry(file.name, file.size, stamp, inside=inside)  # type: ignore[arg-type] # of a file or an object
            row = None if stamp is None else rows.get((member.path, member.size, member.stamp))
            yield _Item(member, row, None if row is not None else file)

    # ------------------------------------------------------------------------------------------ what is read
    def _make_chunk(self, chunk: Sequence[_Item]) -> tuple[Any, Any]:
        """Make the rows of some files, and those of them that were read."""
        kept = {place: item.row for place, item in enumerate(chunk) if item.row is not None}
        new = [place for place in range(len(chunk)) if place not in kept]
        for place in kept:
            if chunk[place].entry.inside is None:
                self._step()
        taken = self._known.take([*kept.values()]) if kept else FILES.empty_table()
        if not new:
            return taken, None
        made = make_rows(self._root, [chunk[place].entry for place in new], self._read([chunk[place] for place in new]))
        if not kept:
            return made, made
        return pa.concat_tables([taken, made]).take(pa.array(np.argsort([*kept, *new]))), made

    def _read(self, items: Sequence[_Item]) -> list[FileOutcome]:
        """Read files, those that the root lists with a step for each."""
        outcomes = [FileOutcome()] * len(items)
        listed = [k for k, item in enumerate(items) if item.file is not None and item.entry.inside is None]
        inside = [k for k, item in enumerate(items) if item.file is not None and item.entry.inside is not None]
        for chosen, step in ((listed, self._step), (inside, lambda: None)):
            files = [file for k in chosen if (file := items[k].file) is not None]
            for k, outcome in zip(chosen, read_outcomes(files, self._reader, self._workers, step=step), strict=True):
                outcomes[k] = outcome
            self.read += len(files)
        for item in items:
            if item.entry.is_entered:
                self._step()
        return outcomes


def read_bucket(path: str, columns: Sequence[str]) -> Any:
    """Some columns of all rows of a bucket.

    Raises
    ------
    CorruptFileError
        It is damaged.
    """
    try:
        return pq.read_table(path, columns=list(columns), partitioning=None)
    except pa.ArrowInvalid as error:
        words = f"the file {path} of the index is damaged: {take_first_line(error)}"
        raise CorruptFileError(words, files=[path], remedies=[Use("Index.build, which makes it again")]) from error


def read_bucket_rows(path: str, rows: Sequence[int] | Ints) -> Any:
    """All columns of some rows of a bucket, in their order."""
    with open_rows([path]) as known:
        return known.take(rows) if known.count else FILES.empty_table()  # another version has written it meanwhile
