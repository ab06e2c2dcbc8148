"""The files of an index by series, wherever they lie, without all of them in memory."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .arrow import pa, pc
from .buckets import read_bucket, read_bucket_rows
from .file_rows import IMAGE, list_entries
from .known_rows import ROWS_AT_A_TIME
from .root import sort_tops

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from ..charging import SeriesKey
    from .entry import Entry

    Ints = NDArray[np.int64]

_FRAMES_TOGETHER = 2 * ROWS_AT_A_TIME  # of series that are in memory at the same time
_NO_IMAGE = -1
_ROWS_OF_A_TOP = 1 << 40  # more than one has


class GroupedFiles(NamedTuple):
    """Whose each file is.

    Attributes
    ----------
    keys : list of SeriesKey
        The series, in the order of the buckets.
    series : dict of int to array
        For each bucket the series of each of its rows, by its place among the keys; _NO_IMAGE where there is none.
    places : dict of int to array
        For each bucket the place of each of its rows in the order of a scan.
    """

    paths: Mapping[int, str]
    keys: list[SeriesKey]
    series: dict[int, Ints]
    places: dict[int, Ints]

    def find_first_places(self) -> Ints:
        """The place of the first file of each series."""
        first = np.full(len(self.keys), np.iinfo(np.int64).max)
        for bucket, series in self.series.items():
            images = series != _NO_IMAGE
            np.minimum.at(first, series[images], self.places[bucket][images])
        return first


class SeriesRows(NamedTuple):
    """The rows of all files of one series, in the order of a scan."""

    number: int  # its place among the keys
    key: SeriesKey
    table: Any
    entries: list[Entry]  # of each row
    buckets: tuple[int, ...]


def group_files(paths: Mapping[int, str]) -> GroupedFiles:
    """Group the images of buckets by StudyInstanceUID and SeriesInstanceUID."""
    known: dict[SeriesKey, int] = {}
    series, tops = {}, {}
    for bucket, path in paths.items():
        table = read_bucket(path, ("study_uid", "series_uid", "outcome", "top"))
        studies, uids, top = (
            table[name].combine_chunks().dictionary_encode("encode") for name in ("study_uid", "series_uid", "top")
        )
        pairs = np.asarray(studies.indices, np.int64) * len(uids.dictionary) + np.asarray(uids.indices, np.int64)
        images = np.asarray(pc.equal(table["outcome"], IMAGE))
        codes = np.full(len(table), _NO_IMAGE, np.int64)
        found, first, inverse = np.unique(pairs[images], return_index=True, return_inverse=True)
        numbers = np.empty(len(found), np.int64)
        for row in np.argsort(first).tolist():
            study, uid = divmod(int(found[row]), len(uids.dictionary))
            key = studies.dictionary[study].as_py(), uids.dictionary[uid].as_py()
            numbers[row] = known.setdefault(key, len(known))
        codes[images] = numbers[inverse]
        series[bucket] = codes
        tops[bucket] = top
    return GroupedFiles(paths, list(known), series, _number_places(tops))


def _number_places(tops: Mapping[int, Any]) -> dict[int, Ints]:
    """Number the rows of buckets in the order in which the root is walked: each bucket has its own in that order."""
    names = {bucket: top.dictionary.to_pylist() for bucket, top in tops.items()}
    rank = {name: k for k, name in enumerate(sort_tops({name for own in names.values() for name in own}))}
    return {
        bucket: np.array([rank[name] for name in names[bucket]], np.int64)[np.asarray(top.indices)] * _ROWS_OF_A_TOP
        + np.arange(len(top))
        for bucket, top in tops.items()
    }


def read_series(grouped: GroupedFiles) -> Iterator[list[SeriesRows]]:
    """Yield the rows of all series, some whole series at a time, in the order of the keys."""
    counts = np.zeros(len(grouped.keys), np.int64)
    for bucket, series in grouped.series.items():
        frames = np.asarray(read_bucket(grouped.paths[bucket], ("frames",))["frames"])
        images = series != _NO_IMAGE
        counts += np.bincount(series[images], frames[images], len(counts)).astype(np.int64)
    start = 0
    while start < len(counts):
        together = int(np.searchsorted(np.cumsum(counts[start:]), _FRAMES_TOGETHER, side="right"))
        stop = start + max(1, together)
        yield _read_some(grouped, start, stop)
        start = stop


def _read_some(grouped: GroupedFiles, start: int, stop: int) -> list[SeriesRows]:
    """Read the rows of the series of some keys that follow each other."""
    tables, numbers, places, buckets = [], [], [], []
    for bucket, path in grouped.paths.items():
        series = grouped.series[bucket]
        rows = np.flatnonzero((series >= start) & (series < stop))
        if len(rows):
            tables.append(read_bucket_rows(path, rows))
            numbers.append(series[rows])
            places.append(grouped.places[bucket][rows])
            buckets.append(np.full(len(rows), bucket))
    order = np.lexsort((np.concatenate(places), np.concatenate(numbers)))
    table = pa.concat_tables(tables).take(pa.array(order)).combine_chunks()
    number, of_bucket = np.concatenate(numbers)[order], np.concatenate(buckets)[order]
    edges = [*np.flatnonzero(np.diff(number, prepend=-1)).tolist(), len(number)]
    entries = list(list_entries(table))
    return [
        SeriesRows(k, grouped.keys[k], table.slice(a, b - a), entries[a:b], tuple(np.unique(of_bucket[a:b]).tolist()))
        for a, b in pairwise(edges)
        for k in (int(number[a]),)
    ]


def find_series_rows(path: str, key: SeriesKey) -> Ints:
    """Find the rows of the files of a series in a bucket."""
    table = read_bucket(path, ("study_uid", "series_uid", "outcome"))
    study, uid = (_equals(table[name], value) for name, value in zip(("study_uid", "series_uid"), key, strict=True))
    return np.flatnonzero(np.asarray(pc.and_(pc.and_(study, uid), pc.equal(table["outcome"], IMAGE))))


def _equals(column: Any, value: str | None) -> Any:
    return pc.is_null(column) if value is None else pc.fill_null(pc.equal(column, value), False)
