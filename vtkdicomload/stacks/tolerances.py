"""Every tolerance that decides how slices lie; those of ImageOrientationPatient are in `headers/orientation.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._util.arrays import find_median

if TYPE_CHECKING:
    from .._util.arrays import Floats

# Real series taught these: scanners write positions with few digits and wobble by a percent.
GAP_TOLERANCE = 0.02  # a gap may differ from the median by this part of it ...
GAP_SLACK = 0.01  # ... plus this many mm
WHOLE_GAP = 0.1  # how far a wide gap may be from a whole number of usual ones, as a part of those
DRIFT_TOLERANCE = 1e-3  # lateral drift over the whole run, as a part of its length ...
DRIFT_SLACK = 1e-3  # ... plus this many mm
GRID_TOLERANCE = 0.02  # how far a slice may lie off the fitted grid, as a part of the spacing
SAME_POSITION = 1e-3  # two slices closer than this part of the median gap, or this many mm, are at one position
SETTING_TOLERANCE = 1e-4  # between two echo times, angles … that are one, relative
SPACING_TOLERANCE = 1e-4  # between the pixel spacings of two frames, relative
LARGEST = 1e12  # mm that a position or distance may have: squares and single precision hold far more


def compute_same_position_limit(gaps: Floats) -> float:
    """The gap in mm up to which two slices count as lying at one position; infinite where all do."""
    apart = gaps[gaps > SAME_POSITION]
    return max(SAME_POSITION, SAME_POSITION * find_median(apart)) if len(apart) else np.inf


def compute_gap_tolerance(gap: float, tolerance: float = GAP_TOLERANCE) -> float:
    """Compute by how many mm a gap may differ from the usual one, where `tolerance` replaces GAP_TOLERANCE."""
    return tolerance * gap + compute_gap_slack(gap)


def compute_gap_slack(gap: float) -> float:
    """The mm by which slices may always be off; less than a slice on the finest grids."""
    return min(GAP_SLACK, 0.1 * gap)


def scale_grid_tolerance(tolerance: float) -> float:
    """Part of the spacing that a slice may lie off the grid, where `tolerance` replaces GAP_TOLERANCE."""
    return GRID_TOLERANCE * tolerance / GAP_TOLERANCE
