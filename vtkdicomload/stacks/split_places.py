"""Places of frames along their normal: which share one, how even they lie, and whose ranges follow each other."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .._util.arrays import find_median
from .evenness import Evenness, judge_evenness
from .tolerances import compute_gap_tolerance, compute_same_position_limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from .split_attributes import Indices

_JUMP = 4  # the least gap between places is so many times the greatest within one
MOST_GRIDS = 4  # that are looked for between each other
_BESIDE = 0.8  # the part of the mean gap that is no wobble of one grid any more
_MOST_RANGES = 32  # parts that are compared with each other


def number_places(along: Floats) -> Indices:
    """Number the places of frames, from the lowest; those within the tolerance of a gap share one."""
    order = np.argsort(along, kind="stable")
    gaps = np.diff(along[order])
    numbers = np.empty(len(along), np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(gaps > _find_limit(gaps, along[order]))])
    return numbers


def _find_limit(gaps: Floats, ordered: Floats) -> float:
    """Find the gap in mm up to which two frames share a place: the widest that leaves places no wider than jitter."""
    least = compute_same_position_limit(gaps)
    if not len(gaps) or gaps.max() <= _JUMP * gaps.min():
        return least
    sizes = np.sort(gaps)
    for k in np.flatnonzero(sizes[1:] > _JUMP * np.maximum(sizes[:-1], least))[::-1].tolist():
        limit = max(float(sizes[k]), least)
        starts = np.concatenate([[0], np.flatnonzero(gaps > limit) + 1])
        widths = np.maximum.reduceat(ordered, starts) - ordered[starts]
        # Jitter goes to both sides; of two places alone, one gap is all that tells of the spacing.
        sides = 2 if len(starts) > 2 else 1
        if widths.max() <= sides * compute_gap_tolerance(find_median(sizes[k + 1 :])):
            return limit
    return least


def find_gap(along: Floats) -> float:
    """Find the usual gap of frames at places of their own."""
    return find_median(np.diff(np.sort(along)))


def are_several_grids(along: Floats) -> bool:
    """Tell whether frames lie on several even grids between each other."""
    ordered = np.sort(along)
    gaps = np.diff(ordered)
    for count in range(2, MOST_GRIDS + 1):
        grids = [ordered[k::count] for k in range(count)]
        alike = np.ptp([find_gap(grid) if len(grid) > 1 else 0.0 for grid in grids])
        even = all(judge_evenness(grid) is Evenness.EVEN for grid in grids)
        if even and alike <= compute_gap_tolerance(float(gaps.mean())) and gaps.min() < _BESIDE * gaps.mean():
            return True
    return False


def follow_each_other(parts: Sequence[Floats]) -> bool:
    """Tell whether the ranges of parts follow each other, or overlap by less than half of the shorter."""
    ordered = sorted(parts, key=lambda part: float(part.min()))
    if all(a.max() < b.min() for a, b in pairwise(ordered)):
        return True
    if len(parts) > _MOST_RANGES:
        return False
    return not any(_overlap_by_half(a, b) for k, a in enumerate(ordered) for b in ordered[k + 1 :])


def _overlap_by_half(a: Floats, b: Floats) -> bool:
    """Tell whether half of the frames of one lie within the range of the other, or where one of that lies."""
    slack = compute_gap_tolerance(min(find_gap(p) if len(p) > 1 else 0.0 for p in (a, b)))
    return any(
        2 * np.count_nonzero((p >= q.min() - slack) & (p <= q.max() + slack)) >= len(p) for p, q in ((a, b), (b, a))
    )
