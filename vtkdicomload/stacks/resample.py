"""Bringing slices that lie on no regular grid onto one: tilted gantries, missing slices, uneven gaps, empty frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import GeometryError
from ..errors.remedies import SetOption
from .geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .._util.arrays import Floats, Pixels
    from .padding import PaddingRange

# Rounding must not cost the last slice of a run that fits exactly.
_FIT = 1e-3
_LEAST_LEAN = 0.05  # degrees that are worth a word
_HALF = 0.5 - 1e-5  # of the weight at a voxel, rounding aside
# How far a slice that is not to be interpolated may lie off the grid, in voxels.
_OFF_GRID = 0.1
# More slices than this for each stored one are no interpolation any more.
_MOST_SLICES = 20


def make_upright_grid(geometry: Geometry) -> Geometry:
    """Make the regular grid onto which the slices of an irregular geometry are interpolated.

    It keeps the pixel grid of the first slice and its spacing, steps along the slice normal by the geometry's slice
    distance, and is as wide and high as all slices together.
    """
    if geometry.positions is None:
        raise GeometryError(
            "slices without a position cannot be interpolated onto an even grid",
            remedies=[SetOption("irregular", ("keep",))],
        )
    along, shift_x, shift_y = _measure_places(geometry)
    (sx, sy, _), sz = geometry.spacing, geometry.slice_distance
    nx, ny, _ = geometry.dimensions
    # Whole pixels before and after the first slice's own grid.
    left, right = int(np.floor(shift_x.min() / sx + _FIT)), int(np.ceil(shift_x.max() / sx - _FIT))
    top, bottom = int(np.floor(shift_y.min() / sy + _FIT)), int(np.ceil(shift_y.max() / sy - _FIT))
    count = int(np.floor(along[-1] / sz + _FIT)) + 1
    if count > _MOST_SLICES * len(along):
        raise GeometryError(
            f"an even grid of {sz:g} mm over {along[-1]:g} mm takes {count} slices for the {len(along)} there are",
            remedies=[SetOption("irregular", ("keep",))],
        )
    direction = _require_direction(geometry)
    origin = np.array(geometry.origin) + direction[:, 0] * left * sx + direction[:, 1] * top * sy
    return Geometry(
        (nx + right - left, ny + bottom - top, count),
        (sx, sy, sz),
        (float(origin[0]), float(origin[1]), float(origin[2])),
        direction,
        origin + np.outer(np.arange(count) * sz, direction[:, 2]),
    )


def describe_change(geometry: Geometry, grid: Geometry) -> str:
    """Say what becomes of the slices on their upright grid: their lean, distance, number and size."""
    along, shift_x, shift_y = _measure_places(geometry)
    lean = float(np.degrees(np.arctan2(np.hypot(shift_x[-1] - shift_x[0], shift_y[-1] - shift_y[0]), along[-1])))
    changes = [f"a lean of {lean:.1f}° is straightened"] if lean > _LEAST_LEAN else []
    columns, rows = (b - a for a, b in zip(geometry.dimensions[:2], grid.dimensions[:2], strict=True))
    if columns or rows:
        changes.append(f"{columns} columns and {rows} rows are added for it")
    changes.append(f"the slices are {grid.spacing[2]:.4g} mm apart")
    return ", ".join(changes)


def resample(
    frames: Pixels,
    geometry: Geometry,
    grid: Geometry,
    out: Pixels,
    background: float,
    paddings: Sequence[PaddingRange | None] = (),
) -> None:
    """Fill `out` with the slices interpolated linearly onto `grid`.

    Parameters
    ----------
    frames : numpy.ndarray, shape (nz, ny, nx) or (nz, ny, nx, 3)
        The stored slices, ascending along the normal.
    geometry : Geometry
        Of `frames`; its positions say where each slice lies.
    grid : Geometry
        From `make_upright_grid`.
    out : numpy.ndarray
        Of the grid's shape, in the dtype of `frames`; integers are rounded.
    background : float
        The value where there is no slice.
    paddings : sequence of PaddingRange or None
        For each slice the values that stand for no measurement there: they are not interpolated, what is measured
        beside them takes their weight, and where they have more than half of that, `background` stands. Empty where
        there is none.
    """
    along, shift_x, shift_y = _measure_places(geometry)
    sx, sy, sz = grid.spacing
    offset = np.array(grid.origin) - np.array(geometry.origin)
    left, top = offset @ _require_direction(geometry)[:, 0], offset @ _require_direction(geometry)[:, 1]
    for k in range(grid.dimensions[2]):
        at = min(max(k * sz, along[0]), along[-1])
        above = min(int(np.searchsorted(along, at - _FIT * sz)), len(along) - 1)
        below = above if abs(along[above] - at) <= _FIT * sz else above - 1
        weight = 0.0 if above == below else float((at - along[below]) / (along[above] - along[below]))
        parts = [(below, 1 - weight), (above, weight)] if weight else [(below, 1.0)]
        places = [(i, part, (shift_x[i] - left) / sx, (shift_y[i] - top) / sy) for i, part in parts]
        if paddings and any(paddings[i] is not None for i, _ in parts):
            plane = _mix_measured(frames, paddings, places, out[k], background)
        else:
            shifted = [part * _shift(frames[i], x, y, out[k], background) for i, part, x, y in places]
            plane = shifted[0] + shifted[1] if len(shifted) > 1 else shifted[0]
        out[k] = np.rint(plane) if out.dtype.kind in "iu" else plane


def _mix_measured(
    frames: Pixels,
    paddings: Sequence[PaddingRange | None],
    places: Sequence[tuple[int, float, float, float]],
    like: Pixels,
    background: float,
) -> Floats:
    """Mix slices by their parts where they measure something; `background` where most of them does not."""
    values, weights = np.zeros(like.shape), np.zeros(like.shape)
    for i, part, x, y in places:
        measured = _find_measured(frames[i], paddings[i])
        values += part * _shift(np.where(measured, frames[i], 0), x, y, like, 0.0)
        weights += part * _shift(measured.astype(np.uint8), x, y, like, 0.0)
    filled = weights >= _HALF
    mixed: Floats = np.where(filled, values / np.where(filled, weights, 1.0), background)
    return mixed


def _find_measured(plane: Pixels, padding: PaddingRange | None) -> NDArray[np.bool_]:
    return np.ones(plane.shape, bool) if padding is None else ~padding.covers(plane)


def complete(frames: Pixels, geometry: Geometry, grid: Geometry, out: Pixels) -> None:
    """Fill `out` with the slices in their places on `grid` and zeros between: labels are not interpolated.

    Parameters
    ----------
    frames, geometry, grid, out
        As for `resample`.

    Raises
    ------
    GeometryError
        A slice does not lie on the grid.
    """
    along, shift_x, shift_y = _measure_places(geometry)
    sx, sy, sz = grid.spacing
    places = np.rint(along / sz).astype(int)
    off = max(
        float(np.abs(values / step).max()) for values, step in ((along - places * sz, sz), (shift_x, sx), (shift_y, sy))
    )
    if off > _OFF_GRID or len(set(places.tolist())) < len(places) or grid.dimensions[:2] != geometry.dimensions[:2]:
        raise GeometryError(
            f"the frames of a segmentation lie up to {off:.2f} voxels off an even grid, and labels are not "
            "interpolated",
            remedies=[SetOption("irregular", ("keep",))],
        )
    out[...] = 0
    out[places] = frames


def _measure_places(geometry: Geometry) -> tuple[Floats, Floats, Floats]:
    """Measure where each slice lies relative to the first, along the normal, the rows and the columns, in mm."""
    assert geometry.positions is not None  # noqa: S101 - for the type checker: irregular geometries have positions
    from_first = geometry.positions - geometry.positions[0]
    along, x, y = (from_first @ _require_direction(geometry)[:, axis] for axis in (2, 0, 1))
    return along, x, y


def _require_direction(geometry: Geometry) -> Floats:
    """Unit vectors of rows, columns and the normal, as columns: the slices stand upright on them."""
    assert geometry.direction is not None  # noqa: S101 - for the type checker, as above
    assert geometry.normal is not None  # noqa: S101 - as above
    return np.column_stack([geometry.direction[:, :2], geometry.normal])


def _shift(plane: Pixels, x: float, y: float, like: Pixels, background: float) -> Pixels:
    """Move a slice onto the grid of `like`, its first pixel to column `x` and row `y`; fractions interpolate."""
    kind = np.float64 if plane.dtype.itemsize > 2 else np.float32
    result = np.full(like.shape, background, kind)
    column, row = int(np.floor(x + _FIT)), int(np.floor(y + _FIT))
    fx, fy = max(x - column, 0.0), max(y - row, 0.0)
    source = plane.astype(kind)
    if fx > _FIT:
        source = _shift_by_fraction(source, fx, 1, background)
    if fy > _FIT:
        source = _shift_by_fraction(source, fy, 0, background)
    height, width = min(source.shape[0], like.shape[0] - row), min(source.shape[1], like.shape[1] - column)
    result[row : row + height, column : column + width] = source[:height, :width]
    return result


def _shift_by_fraction(plane: Pixels, fraction: float, axis: int, background: float) -> Pixels:
    """Move a plane forward by a fraction of a pixel along an axis, one pixel longer."""
    pad = [(0, 0)] * plane.ndim
    pad[axis] = (1, 1)
    padded = np.pad(plane, pad, constant_values=background)
    here = [slice(None)] * plane.ndim
    before = [slice(None)] * plane.ndim
    here[axis], before[axis] = slice(1, None), slice(None, -1)
    moved: Pixels = padded[tuple(here)] * (1 - fraction) + padded[tuple(before)] * fraction
    return moved
