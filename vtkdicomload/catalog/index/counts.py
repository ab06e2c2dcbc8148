"""Counts of an index: how much of what there is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .about import find_stacks_path
from .buckets import list_bucket_paths, read_bucket
from .file_rows import ARCHIVE, DAMAGED, IMAGE, SKIPPED


@dataclass(frozen=True, slots=True)
class Counts:
    """How much an index holds.

    Attributes
    ----------
    files, images, skipped, damaged : int
        All files, and those of each kind.
    series, stacks, loads : int
        Series, their stacks, and those that `load` would return as far as headers tell.
    """

    files: int
    images: int
    skipped: int
    damaged: int
    series: int
    stacks: int
    loads: int


def count_index(index: str) -> Counts:
    """Count the rows of an index."""
    kinds: Counter[str] = Counter()
    for path in list_bucket_paths(index).values():
        for count in read_bucket(path, ("outcome",))["outcome"].value_counts().to_pylist():
            kinds[count["values"]] += count["counts"]
    stacks = read_bucket(find_stacks_path(index), ("series", "loads"))
    loads = Counter(stacks["loads"].to_pylist())[True]
    series = len(stacks["series"].unique())
    files = kinds.total() - kinds[ARCHIVE]  # which stand for those that they hold
    return Counts(files, kinds[IMAGE], kinds[SKIPPED], kinds[DAMAGED], series, len(stacks), loads)
