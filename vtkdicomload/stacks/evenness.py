"""The one rule for how evenly slices follow each other along their normal, by the gaps from each to the next."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._util.arrays import find_median
from .tolerances import (
    DRIFT_TOLERANCE,
    GAP_TOLERANCE,
    WHOLE_GAP,
    compute_gap_slack,
    compute_gap_tolerance,
    scale_grid_tolerance,
)

if TYPE_CHECKING:
    from .._util.arrays import Floats

LEAST = 3  # frames of a part that can be called even
_FEW_HOLES = 0.2  # the part of all gaps that may be wide in a grid with holes


class Evenness(Enum):
    """The evenness of frames at places of their own along the normal."""

    EVEN = "one gap, within the tolerances"
    HOLES = "one gap, and few that are a whole number of it"
    UNEVEN = "other gaps, or too few frames to tell"


class Drift(NamedTuple):
    """A slice beside the even grid to which gaps add up that are each alike."""

    row: int
    mm: float


def judge_evenness(along: Floats) -> Evenness:
    """Judge how even frames at places of their own lie."""
    if len(along) < LEAST:
        return Evenness.UNEVEN
    gaps = np.diff(np.sort(along))
    if are_alike(gaps):
        return Evenness.EVEN if find_drift(gaps) is None else Evenness.UNEVEN
    usual = estimate_gap(gaps)
    off = np.abs(gaps - usual) > compute_gap_tolerance(usual)
    holes = count_whole_gaps(gaps[off], usual) is not None
    return Evenness.HOLES if holes and off.sum() <= max(1, _FEW_HOLES * len(gaps)) else Evenness.UNEVEN


def are_alike(gaps: Floats, tolerance: float = GAP_TOLERANCE) -> bool:
    """Tell whether no gap differs from the median by more than a part of it."""
    median = find_median(gaps)
    return bool(np.abs(gaps - median).max() <= compute_gap_tolerance(median, tolerance))


def find_drift(gaps: Floats, tolerance: float = GAP_TOLERANCE) -> Drift | None:
    """Find the slice that lies farthest beside the even grid from the first to the last; None where all lie on it."""
    along = np.concatenate([[0.0], np.cumsum(gaps)])
    run, step = float(along[-1]), float(gaps.mean())
    off = np.abs(along - step * np.arange(len(along)))
    worst = int(off.argmax())
    limit = max(scale_grid_tolerance(tolerance) * step, DRIFT_TOLERANCE * run) + compute_gap_slack(find_median(gaps))
    return Drift(worst, float(off[worst])) if off[worst] > limit else None


def estimate_gap(gaps: Floats) -> float:
    """Estimate the spacing that uneven gaps were meant to have: of two or three the smallest tells, not the median."""
    return float(gaps.min() if len(gaps) < 4 else find_median(gaps))


def count_whole_gaps(wide: Floats, gap: float) -> Floats | None:
    """Count how often a gap goes into each of some wide ones; None where one is no whole number of two or more."""
    whole: Floats = np.rint(wide / gap)
    return whole if whole.min() >= 2 and np.abs(wide / gap - whole).max() < WHOLE_GAP else None
