"""The files of an index: a Parquet file for each bucket of top folders, kept where nothing has changed."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ...headers.reading import HeaderReader
from ...sources.folders import sort_names
from ...sources.local import LocalFile
from ..outcomes import read_outcomes
from .arrow import pa, pq, replace_parquet
from .columns import FILES, KEY
from .file_rows import list_entries, make_rows
from .walking import BUCKETS, find_bucket, walk_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from .file_rows import Entry
    from .walking import Tops

    Ints = NDArray[np.int64]

ROWS_AT_A_TIME = 4096  # files whose rows are in memory, and rows of a row group


def find_bucket_path(index: str, bucket: int) -> str:
    """The Parquet file of a bucket."""
    return os.path.join(index, "files", f"bucket={bucket:02}", "data.parquet")


def list_bucket_paths(index: str) -> dict[int, str]:
    """The Parquet files that there are, by bucket."""
    paths = {bucket: find_bucket_path(index, bucket) for bucket in range(BUCKETS)}
    return {bucket: path for bucket, path in paths.items() if os.path.exists(path)}


def update_buckets(index: str, tops: Tops, workers: int | None, step: Callable[[], None]) -> int:
    """Bring the files of an index up to date, and return how many were opened: the new ones, and those that changed.

    Parameters
    ----------
    index : str
        The folder of the index.
    tops : Tops
        The root.
    workers : int, optional
        Threads that read headers.
    step : callable
        Called for each file.
    """
    names: dict[int, list[str]] = {bucket: [] for bucket in range(BUCKETS)}
    for name in tops.names:
        names[find_bucket(name)].append(name)
    reader, read = HeaderReader(), 0
    for bucket, own in names.items():
        path = find_bucket_path(index, bucket)
        with _open_bucket(path) as old:
            if old is not None and _is_unchanged(old, tops, own):
                for _ in range(old.count):
                    step()
                continue
            writing = _Writing(tops.root, old, reader, workers, step)
            writing.write(path, walk_entries(tops, own))
            read += writing.read
    return read


def _is_unchanged(old: OldBucket, tops: Tops, names: Sequence[str]) -> bool:
    """Tell whether a bucket says of its folders what is there; none of what could not be read is believed."""
    known = old.list_entries()
    for entries in walk_entries(tops, names):
        if set(entries) != set(islice(known, len(entries))) or not all(map(_is_known, entries)):
            return False
    return next(known, None) is None


def _is_known(entry: Entry) -> bool:
    """Tell whether a file was read as it is; a link to nothing cannot be read otherwise than it was."""
    return entry.mtime_ns is not None or entry.size is None


@contextmanager
def _open_bucket(path: str) -> Iterator[OldBucket | None]:
    """A bucket that was written before; None where there is none, or it has other columns than this version writes."""
    try:
        file = pq.ParquetFile(path)
    except (FileNotFoundError, pa.ArrowInvalid):
        yield None
        return
    with file:
        yield OldBucket(file) if file.schema_arrow.equals(FILES) else None


class OldBucket:
    """The rows of a bucket as they were; only their keys are in memory.

    Attributes
    ----------
    count : int
        How many there are.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._keys = file.read(columns=list(KEY))
        self.count = len(self._keys)
        groups = [file.metadata.row_group(k).num_rows for k in range(file.metadata.num_row_groups)]
        self._starts = np.cumsum([0, *groups])
        self._folders: dict[str, tuple[int, int]] | None = None
        self._group: tuple[int, Any] = (-1, None)  # the row group that was read last

    def list_entries(self) -> Iterator[Entry]:
        """List the files."""
        for start in range(0, self.count, ROWS_AT_A_TIME):
            yield from list_entries(self._keys.slice(start, ROWS_AT_A_TIME))

    def find_rows(self, folder: str) -> dict[Entry, int]:
        """The rows of the files of one folder."""
        if self._folders is None:
            self._folders = {}
            for row, entry in enumerate(self.list_entries()):
                name = os.path.dirname(entry.path)
                self._folders[name] = (self._folders.get(name, (row, row))[0], row + 1)
        start, stop = self._folders.get(folder, (0, 0))
        return {entry: start + k for k, entry in enumerate(list_entries(self._keys.slice(start, stop - start)))}

    def take(self, rows: Sequence[int] | Ints) -> Any:
        """Read some rows, in their order."""
        places = np.asarray(rows)
        groups = np.searchsorted(self._starts, places, side="right") - 1
        parts, order = [], []
        for group in np.unique(groups).tolist():
            if self._group[0] != group:
                self._group = group, self._file.read_row_group(group)
            chosen = np.flatnonzero(groups == group)
            parts.append(self._group[1].take(pa.array(places[chosen] - self._starts[group])))
            order.append(chosen)
        return pa.concat_tables(parts).take(pa.array(np.argsort(np.concatenate(order))))


class _Writing:
    """The writing of one bucket.

    Attributes
    ----------
    read : int
        Files that were opened.
    """

    def __init__(
        self, root: str, old: OldBucket | None, reader: HeaderReader, workers: int | None, step: Callable[[], None]
    ) -> None:
        self._root, self._old, self._reader, self._workers, self._step = root, old, reader, workers, step
        self.read = 0

    def write(self, path: str, folders: Iterable[list[Entry]]) -> None:
        """Write the rows of all files of a bucket; without any there is no file."""
        chunks = self._gather(folders)
        first = next(chunks, None)
        if first is None:
            with suppress(OSError):
                os.unlink(path)
                os.rmdir(os.path.dirname(path))
            return
        with replace_parquet(path, FILES) as writer:
            for chunk in chain([first], chunks):
                writer.write_table(self._make_chunk(chunk))

    def _gather(self, folders: Iterable[list[Entry]]) -> Iterator[list[tuple[Entry, int | None]]]:
        """Yield files with the rows of those that have not changed, so many at a time."""
        chunk: list[tuple[Entry, int | None]] = []
        for entries in folders:
            known = self._old.find_rows(os.path.dirname(entries[0].path)) if entries and self._old else {}
            of_path = {entry.path: entry for entry in entries}
            for entry in map(of_path.__getitem__, sort_names(of_path)):
                chunk.append((entry, None if entry.mtime_ns is None else known.get(entry)))
                if len(chunk) == ROWS_AT_A_TIME:
                    yield chunk
                    chunk = []
        if chunk:
            yield chunk

    def _make_chunk(self, chunk: Sequence[tuple[Entry, int | None]]) -> Any:
        kept = [(place, row) for place, (_, row) in enumerate(chunk) if row is not None]
        new = [place for place, (_, row) in enumerate(chunk) if row is None]
        for _ in kept:
            self._step()
        parts, order = [], [place for place, _ in kept] + new
        if kept and self._old is not None:
            parts.append(self._old.take([row for _, row in kept]))
        if new:
            self.read += len(new)
            entries = [chunk[place][0] for place in new]
            files = [LocalFile(entry.path, folder=self._root) for entry in entries]
            parts.append(make_rows(entries, read_outcomes(files, self._reader, self._workers, step=self._step)))
        table = pa.concat_tables(parts)
        return table if order == sorted(order) else table.take(pa.array(np.argsort(order)))


def read_bucket(path: str, columns: Sequence[str]) -> Any:
    """Some columns of all rows of a bucket."""
    return pq.read_table(path, columns=list(columns), partitioning=None)


def read_bucket_rows(path: str, rows: Sequence[int] | Ints) -> Any:
    """All columns of some rows of a bucket, in their order."""
    with pq.ParquetFile(path) as file:
        return OldBucket(file).take(rows)
