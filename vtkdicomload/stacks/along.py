"""Places of frames along their normal: by position, or by SliceLocation where none has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._util.arrays import find_median
from ..headers.orientation import compute_normal, find_orientation_fault
from .tolerances import LARGEST, WHOLE_GAP, compute_gap_tolerance, compute_same_position_limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..headers.model import Frame


def measure_along(frames: Sequence[Frame]) -> Floats | None:
    """Measure where frames of one orientation lie along their normal in mm, by SliceLocation where none has a position.

    None where some lie nowhere, or the orientation cannot be used.
    """
    if any(f.position is None for f in frames):
        return get_locations(frames)
    orientation = frames[0].orientation
    if orientation is None or any(f.orientation is None for f in frames) or find_orientation_fault(orientation):
        return None
    points = np.array([f.position for f in frames], np.float64)
    along: Floats = points @ compute_normal(orientation)
    return along


def get_locations(frames: Sequence[Frame]) -> Floats | None:
    """SliceLocation of frames of which none has a position, in mm; None where it does not tell them apart."""
    locations = [f.header.slice_location for f in frames]
    if len(frames) < 2 or None in locations or any(f.position is not None for f in frames):
        return None
    along = np.array(locations, np.float64)
    return along if np.ptp(along) > 0 and np.abs(along).max() < LARGEST else None


def find_places(along: Floats) -> Floats:
    """Find the distinct places among those of frames along their normal, ascending."""
    ordered = np.sort(along)
    gaps = np.diff(ordered)
    places: Floats = ordered[np.concatenate([[True], gaps > compute_same_position_limit(gaps)])]
    return places


def is_even(places: Floats) -> bool:
    """Tell whether three or more places in ascending order follow each other evenly."""
    gaps = np.diff(places)
    if len(gaps) < 2:
        return False
    median = find_median(gaps)
    line = np.linspace(float(places[0]), float(places[-1]), len(places))
    near = np.abs(gaps - median) <= compute_gap_tolerance(median)
    return bool(near.all()) and bool(np.abs(places - line).max() <= 0.1 * median)


def estimate_gap(gaps: Floats) -> float:
    """Estimate the spacing that uneven gaps were meant to have: of two or three the smallest tells, not the median."""
    return float(gaps.min() if len(gaps) < 4 else find_median(gaps))


def count_whole_gaps(wide: Floats, gap: float) -> Floats | None:
    """Count how often a gap goes into each of some wide ones; None where one is no whole number of two or more."""
    whole: Floats = np.rint(wide / gap)
    return whole if whole.min() >= 2 and np.abs(wide / gap - whole).max() < WHOLE_GAP else None
