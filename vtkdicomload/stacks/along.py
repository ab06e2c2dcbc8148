"""Places of frames along their normal: by position, or by SliceLocation where none has one."""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from ..headers.orientation import compute_normal, find_orientation_fault
from .tolerances import LARGEST, compute_same_position_limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..headers.model import Frame


def list_points(frames: Sequence[Frame]) -> Floats:
    """List the positions of frames that have one (LPS, mm), (n, 3)."""
    # numpy.array takes three times as long.
    numbers = chain.from_iterable(map(attrgetter("position"), frames))
    return np.fromiter(numbers, np.float64, 3 * len(frames)).reshape(-1, 3)


def measure_along(frames: Sequence[Frame]) -> Floats | None:
    """Measure where frames of one orientation lie along their normal in mm, by SliceLocation where none has a position.

    None where some lie nowhere, or the orientation cannot be used.
    """
    if any(f.position is None for f in frames):
        return get_locations(frames)
    orientation = frames[0].orientation
    if orientation is None or any(f.orientation is None for f in frames) or find_orientation_fault(orientation):
        return None
    along: Floats = list_points(frames) @ compute_normal(orientation)
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
