"""A part of the slices of a grid, in their places."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .geometry import Geometry


def cut_grid(geometry: Geometry, first: int, stop: int) -> Geometry:
    """Cut a grid to its slices, or frames of a run, from one up to, without, another."""
    nx, ny, _ = geometry.dimensions
    times, positions, origin = geometry.frame_times, geometry.positions, geometry.origin
    if origin is not None and geometry.direction is not None:
        # The grid, not the slice's own wobble, decides where an even slice lies.
        place = np.array(origin) + geometry.direction[:, 2] * geometry.spacing[2] * first
        if not geometry.even and positions is not None:
            place = positions[first]
        x, y, z = map(float, place)
        origin = (x, y, z)
    return replace(
        geometry,
        dimensions=(nx, ny, stop - first),
        origin=origin,
        positions=None if positions is None else positions[first:stop],
        frame_times=None if times is None else times[first:stop] - times[first],
    )
