"""The rows of a bucket that are known already: of an earlier run, or of one that was stopped."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrow import pa, pc, pq
from .columns import FILES, KEY
from .file_rows import list_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from .entry import Entry

    Ints = NDArray[np.int64]
    Runs = dict[str, list[list[int]]]  # rows that follow each other, as the first and the one behind the last

ROWS_AT_A_TIME = 4096  # files whose rows are in memory, and rows of a row group


@contextmanager
def open_rows(paths: Iterable[str]) -> Iterator[KnownRows]:
    """Open those of some Parquet files that are there, and have the columns that this version writes."""
    with ExitStack() as opened:
        files = []
        for path in paths:
            try:
                file = opened.enter_context(pq.ParquetFile(path))
            except (FileNotFoundError, pa.ArrowInvalid):
                continue
            if file.schema_arrow.equals(FILES):
                files.append(file)
        yield KnownRows(files)


class KnownRows:
    """Rows of Parquet files, of which the keys are in memory, once they are asked for.

    Attributes
    ----------
    count : int
        How many there are.
    """

    def __init__(self, files: Sequence[Any]) -> None:
        self._files = files
        self.count = sum(file.metadata.num_rows for file in files)
        self._groups = [(file, k) for file in files for k in range(file.metadata.num_row_groups)]
        self._starts = np.cumsum([0, *(file.metadata.row_group(k).num_rows for file, k in self._groups)])
        self._runs: tuple[Runs, Runs] | None = None  # by folder, of what is listed; by archive, of what lies in one
        self._group: tuple[int, Any] = (-1, None)  # the row group that was read last

    @cached_property
    def _keys(self) -> Any:
        empty = FILES.empty_table().select(KEY)
        return pa.concat_tables([empty, *(file.read(columns=list(KEY)).select(KEY) for file in self._files)])

    def list_entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """List the files, or those of some rows that follow each other."""
        stop = self.count if stop is None else stop
        for first in range(start, stop, ROWS_AT_A_TIME):
            yield from list_entries(self._keys.slice(first, min(ROWS_AT_A_TIME, stop - first)))

    def is_settled(self) -> bool:
        """Tell whether none of the files is to be read again though it stays as it is; a link to nothing is not."""
        unstamped = pc.and_(pc.is_null(self._keys["mtime_ns"]), pc.is_null(self._keys["etag"]))
        there = pc.or_(pc.is_valid(self._keys["size"]), pc.is_valid(self._keys["archive"]))
        return not pc.any(pc.and_(unstamped, there)).as_py()

    def find_listed(self, folder: str) -> dict[Entry, int]:
        """The rows of the files that a folder lists."""
        return self._find(self._list_runs()[0], folder)

    def find_members(self, archive: str) -> dict[Entry, int]:
        """The rows of the files in an archive."""
        return self._find(self._list_runs()[1], archive)

    def _find(self, runs: Runs, name: str) -> dict[Entry, int]:
        return {
            entry: row
            for start, stop in runs.get(name, ())
            for row, entry in enumerate(self.list_entries(start, stop), start)
        }

    def _list_runs(self) -> tuple[Runs, Runs]:
        if self._runs is None:
            listed: Runs = {}
            members: Runs = {}
            for row, entry in enumerate(self.list_entries()):
                inside = entry.inside
                runs = (
                    listed.setdefault(os.path.dirname(entry.path), [])
                    if inside is None
                    else members.setdefault(inside.archive, [])
                )
                if runs and runs[-1][1] == row:
                    runs[-1][1] = row + 1
                else:
                    runs.append([row, row + 1])
            self._runs = listed, members
        return self._runs

    def take(self, rows: Sequence[int] | Ints) -> Any:
        """Read some rows, in their order."""
        places = np.asarray(rows)
        groups = np.searchsorted(self._starts, places, side="right") - 1
        parts, order = [], []
        for group in np.unique(groups).tolist():
            if self._group[0] != group:
                file, k = self._groups[group]
                self._group = group, file.read_row_group(k)
            chosen = np.flatnonzero(groups == group)
            parts.append(self._group[1].take(pa.array(places[chosen] - self._starts[group])))
            order.append(chosen)
        return pa.concat_tables(parts).take(pa.array(np.argsort(np.concatenate(order))))
