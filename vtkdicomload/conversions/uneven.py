"""The values of slices on no even grid, each in its true place, at the voxels of another grid."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .grid import locate_slices, make_step_matrix
from .interpolation import choose_float, find_sigma, fit, is_hole, smooth, weigh

if TYPE_CHECKING:
    from .._util.arrays import Floats, Pixels
    from ..stacks.geometry import Geometry
    from .interpolation import Sampling

_MOST = 1 << 20  # voxels of the result at a time
_EDGE = 1e-6  # voxels: the rim of a volume, half a voxel around its outer centres, is inside


class _Slices(NamedTuple):
    """The places of slices: their order along the normal, and the way from a place to columns and rows."""

    places: Floats  # (nz, 3), ascending along the normal
    along: Floats  # the same along the normal, in mm
    normal: Floats
    to_pixels: Floats  # (2, 3), mm from a slice's first voxel → column, row
    size: tuple[int, int]  # columns, rows


def sample_uneven(frames: Pixels, geometry: Geometry, grid: Geometry, how: Sampling, out: Pixels) -> None:
    """Fill `out` with the values of uneven slices: linear between the two slices around a place, or of the nearest.

    The parameters are those of `sampling.sample`; `out` is of the shape of `grid`.
    """
    slices = _order_slices(geometry)
    values = frames.astype(choose_float(frames.dtype))
    # Weights are kept in every case: a voxel counts by how much of it is no padding.
    holes: Pixels = is_hole(frames, how.padding)
    values[holes] = 0
    weighted = np.concatenate([values.reshape(*frames.shape[:3], -1), _merge(~holes, values.dtype)], axis=-1)
    if how.antialias and how.order != "nearest":
        sigma = find_sigma(np.linalg.inv(make_step_matrix(geometry)) @ make_step_matrix(grid), geometry.dimensions)
        if sigma.any():
            weighted = smooth(weighted, sigma)
    corners = locate_slices(grid)
    assert grid.direction is not None  # noqa: S101 - for the type checker: `locate_slices` has refused others
    steps = grid.direction[:, :2] * grid.spacing[:2]
    nx, ny, nz = grid.dimensions
    rows_at_once = max(1, _MOST // nx)
    for z in range(nz):
        for y0 in range(0, ny, rows_at_once):
            rows = np.arange(y0, min(y0 + rows_at_once, ny))
            points = corners[z] + steps[:, 1] * rows[:, None, None] + steps[:, 0] * np.arange(nx)[:, None]
            out[z, rows] = fit(_interpolate_slices(weighted, slices, points, how), frames.dtype).reshape(
                out[z, rows].shape
            )


def _merge(kept: Pixels, dtype: np.dtype[np.generic]) -> Pixels:
    """The weight of each voxel, (z, y, x, 1); of colour all samples have one."""
    weights: Pixels = np.asarray(kept if kept.ndim == 3 else kept.all(axis=-1))
    return weights[..., None].astype(dtype)


def _order_slices(geometry: Geometry) -> _Slices:
    geometry.measure_axes()  # refuses slices to and fro
    assert geometry.direction is not None  # noqa: S101 - for the type checker, as above
    places, normal = locate_slices(geometry), geometry.direction[:, 2]
    nx, ny, _ = geometry.dimensions
    to_pixels = np.linalg.pinv(geometry.direction[:, :2] * geometry.spacing[:2])
    return _Slices(places, places @ normal, normal, to_pixels, (nx, ny))


def _interpolate_slices(weighted: Pixels, slices: _Slices, points: Floats, how: Sampling) -> Pixels:
    """The values at LPS places, (..., 3): linear between slices and within them, or the nearest."""
    points = points.reshape(-1, 3)
    at = _find_slice(points @ slices.normal, slices.along)
    inside = (at > -0.5 - _EDGE) & (at < len(slices.along) - 0.5 + _EDGE)
    at = np.clip(at, 0, len(slices.along) - 1)
    if how.order == "nearest":
        at = np.floor(at + 0.5)
    below = np.minimum(at.astype(int), max(len(slices.along) - 2, 0))
    total = np.zeros((len(points), weighted.shape[-1]), weighted.dtype)
    for k, weight in ((below, below + 1 - at), (np.minimum(below + 1, len(slices.along) - 1), at - below)):
        total += weight[:, None].astype(weighted.dtype) * _take_slices(weighted, slices, points, k, how)
    total[~inside] = 0
    if how.order == "nearest":
        kept = total[:, -1] > 0.5
        nearest: Pixels = np.where(kept[:, None], total[:, :-1], how.background)
        return nearest
    columns = [weigh(total[:, [c, -1]], how.background) for c in range(total.shape[1] - 1)]
    return np.stack(columns, axis=-1)


def _find_slice(along: Floats, slices: Floats) -> Floats:
    """The fractional number of a slice at places along the normal; half of the last gap lies outside the last slice."""
    numbers = np.arange(len(slices), dtype=np.float64)
    found: Floats = np.interp(along, slices, numbers)
    first, last = slices[1] - slices[0], slices[-1] - slices[-2]
    below, above = along < slices[0], along > slices[-1]
    found[below] = (along[below] - slices[0]) / first
    found[above] = numbers[-1] + (along[above] - slices[-1]) / last
    return found


def _take_slices(weighted: Pixels, slices: _Slices, points: Floats, k: Pixels, how: Sampling) -> Pixels:
    """The values of slice `k` at the feet of places on it; nothing, by weight too, beside it."""
    column, row = ((points - slices.places[k]) @ slices.to_pixels.T).T
    nx, ny = slices.size
    rim = 0.5 + _EDGE
    inside = (column > -rim) & (column < nx - 1 + rim) & (row > -rim) & (row < ny - 1 + rim)
    column, row = np.clip(column, 0, nx - 1), np.clip(row, 0, ny - 1)
    if how.order == "nearest":
        found = weighted[k, np.floor(row + 0.5).astype(int), np.floor(column + 0.5).astype(int)]
        nearest: Pixels = found * inside[:, None]
        return nearest
    x, y = np.minimum(column.astype(int), max(nx - 2, 0)), np.minimum(row.astype(int), max(ny - 2, 0))
    x1, y1 = np.minimum(x + 1, nx - 1), np.minimum(y + 1, ny - 1)
    fx, fy = ((column - x) * inside)[:, None].astype(weighted.dtype), (row - y)[:, None].astype(weighted.dtype)
    gx = inside[:, None] - fx
    total: Pixels = (1 - fy) * (gx * weighted[k, y, x] + fx * weighted[k, y, x1])
    total += fy * (gx * weighted[k, y1, x] + fx * weighted[k, y1, x1])
    return total
