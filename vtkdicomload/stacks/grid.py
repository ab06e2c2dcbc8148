"""The grid that slices in their final order make: an even one, a sheared one, or none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._util.arrays import find_median
from ..errors import MissingSliceError, ShearedSeriesError
from ..headers.orientation import compute_direction
from .assumptions import Assumption, AssumptionKind
from .geometry import Geometry
from .spacing import find_shear, find_slice_thickness, find_uneven_gaps, find_usual_gap
from .tolerances import GAP_SLACK, scale_grid_tolerance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..headers.model import Frame


class FittedGrid(NamedTuple):
    """The grid of slices, and what is wrong with it."""

    geometry: Geometry
    assumptions: tuple[Assumption, ...] = ()
    irregularity: MissingSliceError | ShearedSeriesError | None = None  # why they make no even, upright grid


def measure_dimensions(frames: Sequence[Frame]) -> tuple[int, int, int]:
    """Columns, rows and number of slices."""
    return frames[0].header.columns, frames[0].header.rows, len(frames)


def measure_gaps(positions: Floats, normal: Floats) -> Floats:
    """Measure the gaps from slice to slice along the normal in mm; negative where the order runs against it."""
    gaps: Floats = np.diff(positions @ normal)
    return gaps


def is_monotone(gaps: Floats) -> bool:
    """Tell whether slices follow each other in space, up or down."""
    return bool(np.all(gaps > 0) or np.all(gaps < 0))


def fit_grid(
    frames: Sequence[Frame], positions: Floats, in_plane: tuple[float, float], order: str, tolerance: float
) -> FittedGrid:
    """Fit a grid to the positions of frames in their final order, no two of them in one place.

    Parameters
    ----------
    frames : sequence of Frame
        With position and orientation.
    positions : numpy.ndarray, shape (n, 3)
        Of these frames (LPS, mm).
    in_plane : tuple of float
        Distance of columns and of rows in mm.
    order : {"position", "natural", "given"}
        The order they are in.
    tolerance : float
        How far a gap may differ from the median, and a slice lie off the grid, as a part of the spacing.
    """
    origin = (float(positions[0, 0]), float(positions[0, 1]), float(positions[0, 2]))
    direction = compute_direction(frames[0].orientation or ())
    slices = Geometry(measure_dimensions(frames), (*in_plane, 1.0), origin, direction, positions)
    if len(frames) == 1:
        thickness = find_slice_thickness(frames[0])
        return FittedGrid(replace(slices, spacing=(*in_plane, thickness.value)), thickness.assumptions)
    gaps = measure_gaps(positions, direction[:, 2])
    if not is_monotone(gaps):
        distance = find_median(np.abs(gaps)) or 1.0
        unordered = replace(slices, spacing=(*in_plane, distance), even=False)
        return FittedGrid(unordered, (Assumption(AssumptionKind.NOT_MONOTONE, {"order": order}),))
    if gaps[0] > 0:
        return _fit_steps(slices, positions, frames, gaps, direction[:, 2], tolerance)
    turned = replace(slices, direction=direction * np.array([1.0, 1.0, -1.0]))
    fitted = _fit_steps(turned, positions, frames, -gaps, -direction[:, 2], tolerance)
    return fitted._replace(assumptions=(Assumption(AssumptionKind.LEFT_HANDED, {"order": order}),))


def _fit_steps(
    slices: Geometry, positions: Floats, frames: Sequence[Frame], gaps: Floats, normal: Floats, tolerance: float
) -> FittedGrid:
    """Fit the distance of slices that ascend along `normal`, and the step of those that lean."""
    sheared = find_shear(frames, positions, normal, gaps, tolerance)
    fault = find_uneven_gaps(frames, gaps, tolerance, sheared.tilt if sheared else 0.0) or sheared
    mean = float(gaps.mean())
    distance = find_usual_gap(frames, gaps) if isinstance(fault, MissingSliceError) else mean
    columns, rows, _ = slices.spacing
    grid = replace(slices, spacing=(columns, rows, distance), even=fault is None)
    if isinstance(fault, ShearedSeriesError):
        step = _fit_even_step(positions, scale_grid_tolerance(tolerance) * mean)
        grid = grid if step is None else grid.shear(step)
    return FittedGrid(grid, (), fault)


def _fit_even_step(positions: Floats, tolerance: float) -> Floats | None:
    """Fit the one step from slice to slice of a sheared stack; None where the steps differ."""
    step: Floats = (positions[-1] - positions[0]) / (len(positions) - 1)
    fitted = positions[0] + np.outer(np.arange(len(positions)), step)
    return None if np.abs(fitted - positions).max() > tolerance + GAP_SLACK else step
