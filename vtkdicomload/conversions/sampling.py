"""The values of a volume at the voxels of another grid: vtkImageReslice over indices, in blocks.

Everything happens between the indices of two grids, not in millimetres: VTK honours a direction matrix only in part,
and a matrix from index to index holds every shear.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import GeometryError
from ..errors.remedies import SetOption
from ..stacks.geometry import locate
from .grid import locate_slices, make_step_matrix
from .interpolation import (
    SMOOTH_RADIUS,
    choose_float,
    find_sigma,
    fit,
    has_holes,
    is_hole,
    run,
    smooth,
    unwrap,
    weigh,
    wrap,
)
from .uneven import sample_uneven

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._util.arrays import Floats, Pixels
    from ..stacks.geometry import Geometry
    from .interpolation import Order, Sampling

_SNAP = 1e-6  # a matrix nearer than this to whole numbers is one of whole numbers: positions are written in few digits
_MOST = 1 << 24  # voxels of a block, of either grid
_MOST_FLOATS = 1 << 22  # the same by way of floating-point numbers, of which there are several copies
_REACH = {"nearest": 1, "linear": 2, "cubic": 3, "bspline": 16}  # voxels that a value depends on: 0.27 ** 16 = 1e-9
_MODES: dict[Order, int] = {"nearest": 0, "linear": 1, "cubic": 3}  # VTK_RESLICE_NEAREST …


class _Block(NamedTuple):
    """A part of the result, and the matrix from its indices to those of the stored volume."""

    extent: tuple[tuple[int, int], ...]  # along x, y, z, the second one without
    matrix: Floats  # of index (x, y, z, 1) of the whole result

    @property
    def slices(self) -> tuple[slice, ...]:
        """Its place in the result, (z, y, x)."""
        return tuple(slice(*pair) for pair in reversed(self.extent))


def sample(frames: Pixels, geometry: Geometry, grid: Geometry, how: Sampling) -> Pixels:
    """Bring the values of a volume onto another grid.

    Parameters
    ----------
    frames : numpy.ndarray, shape (nz, ny, nx) or (nz, ny, nx, 3)
        C-contiguous, of a type that VTK holds.
    geometry : Geometry
        Of `frames`.
    grid : Geometry
        Of the result. It may be sheared or uneven.
    how : Sampling
        How values between voxels are made.

    Returns
    -------
    numpy.ndarray
        (z, y, x) or (z, y, x, 3) of the grid, in the dtype of `frames`; integers are rounded, never wrapped.

    Raises
    ------
    GeometryError
        Uneven slices with an order that needs even ones.
    """
    out = np.empty((*grid.dimensions[::-1], *frames.shape[3:]), frames.dtype)
    if not geometry.even:
        if how.order not in ("nearest", "linear"):
            remedy = SetOption("order", ("linear", "nearest"))
            raise GeometryError(f"{how.order} interpolation needs even slices", remedies=[remedy])
        sample_uneven(frames, geometry, grid, how, out)
        return out
    holes = frames.ndim == 3 and has_holes(frames, how.padding) and how.order != "nearest"
    inverse = np.asarray(np.linalg.inv(locate(geometry).matrix()), np.float64)
    sigma = np.zeros(3)
    if how.antialias and how.order != "nearest":
        sigma = find_sigma(inverse @ make_step_matrix(grid), geometry.dimensions)
    in_floats = bool(holes or sigma.any() or how.order == "bspline")
    for block in _divide_grid(grid, inverse, _MOST_FLOATS if in_floats else _MOST):
        if in_floats:
            out[block.slices] = _sample_floats(frames, block, how, sigma)
        else:
            out[block.slices] = _reslice(frames, (0, 0, 0), block, how.order, how.background)
    return out


# ---------------------------------------------------------------------------------------------------- blocks
def _divide_grid(grid: Geometry, inverse: Floats, most: int) -> Iterator[_Block]:
    """Divide a grid into blocks whose voxels, and those of the stored volume around them, take bounded memory."""
    if grid.even:
        matrix = _snap(inverse @ locate(grid).matrix())
        yield from _divide_extent([(0, n) for n in grid.dimensions], matrix, most)
        return
    nx, ny, _ = grid.dimensions
    for z, place in enumerate(locate_slices(grid)):  # uneven: every slice by itself, where it lies
        matrix = make_step_matrix(grid)
        matrix[:3, 3] = place - z * matrix[:3, 2]
        yield from _divide_extent([(0, nx), (0, ny), (z, z + 1)], _snap(inverse @ matrix), most)


def _divide_extent(extent: list[tuple[int, int]], matrix: Floats, most: int) -> Iterator[_Block]:
    growth = max(1.0, float(np.prod(np.abs(matrix[:3, :3]).sum(axis=1))))  # voxels of the box around one of the result
    pieces = [1, 1, 1]
    while _count_samples(extent, pieces) * growth > most:
        axis = max(range(3), key=lambda a: (extent[a][1] - extent[a][0]) / pieces[a])
        if extent[axis][1] - extent[axis][0] <= pieces[axis]:
            break
        pieces[axis] += 1
    edges = [np.linspace(first, last, n + 1).astype(int) for (first, last), n in zip(extent, pieces, strict=True)]
    for z, y, x in itertools.product(*(itertools.pairwise(e.tolist()) for e in reversed(edges))):
        yield _Block((x, y, z), matrix)


def _count_samples(extent: list[tuple[int, int]], pieces: list[int]) -> float:
    return float(np.prod([(last - first) / n for (first, last), n in zip(extent, pieces, strict=True)]))


def _snap(matrix: Floats) -> Floats:
    """A matrix of whole numbers where it is next to one: a shift by voxels shall move values, not interpolate."""
    whole = np.rint(matrix)
    return np.where(np.abs(matrix - whole) < _SNAP, whole, matrix)


def _find_sampled_box(block: _Block, size: tuple[int, ...], margin: Floats) -> list[tuple[int, int]] | None:
    """The voxels of the stored volume that a block is made of; None where it lies outside."""
    corners = np.array([(*corner, 1) for corner in itertools.product(*((a, b - 1) for a, b in block.extent))])
    places = corners @ block.matrix.T[:, :3]
    low, high = places.min(axis=0) - margin, places.max(axis=0) + margin
    box = [(max(0, int(np.floor(a))), min(n, int(np.ceil(b)) + 1)) for a, b, n in zip(low, high, size, strict=True)]
    return None if any(first >= last for first, last in box) else box


# ---------------------------------------------------------------------------------------------------- values
def _sample_floats(frames: Pixels, block: _Block, how: Sampling, sigma: Floats) -> Pixels:
    """The values of a block by way of floating-point numbers: smoothed, and with padding kept out."""
    shape = tuple(b - a for a, b in reversed(block.extent))
    box = _find_sampled_box(block, frames.shape[2::-1], np.ceil(sigma * SMOOTH_RADIUS) + _REACH[how.order])
    if box is None:
        return np.full((*shape, *frames.shape[3:]), how.background, frames.dtype)
    (x0, x1), (y0, y1), (z0, z1) = box
    stored = frames[z0:z1, y0:y1, x0:x1]
    holes = is_hole(stored, how.padding) if frames.ndim == 3 else np.zeros(1, bool)
    values = stored.astype(choose_float(stored.dtype))
    background = how.background
    weighted = bool(holes.any())
    if weighted:
        values[holes] = 0
        values = np.stack([values, (~holes).astype(values.dtype)], axis=-1)
        background = 0.0
    if sigma.any():
        values = smooth(values, sigma)
    if how.order == "bspline":
        if not np.isfinite(values).all():
            raise ValueError("the volume holds infinite values, which a B-spline would spread over all of it")
        found = _reslice_bspline(values, box, block, frames.shape)
    else:
        found = _reslice(values, (x0, y0, z0), block, how.order, background)
    if weighted:
        found = weigh(found, how.background)
    if how.order == "bspline":
        inside = np.ones(values.shape[:3], np.uint8)
        found[_reslice(inside, (x0, y0, z0), block, "nearest", 0) == 0] = how.background
    return fit(found, frames.dtype)


def _reslice_bspline(values: Pixels, box: list[tuple[int, int]], block: _Block, shape: tuple[int, ...]) -> Pixels:
    """The values of a block by B-splines of a volume that is mirrored at its outer voxels, as ITK has it."""
    (x0, _), (y0, _), (z0, _) = box
    width = [
        (_REACH["bspline"] * (first == 0), _REACH["bspline"] * (last == n))
        for (first, last), n in zip(reversed(box), shape, strict=False)
    ]
    mirrored = np.pad(values, [*width, *[(0, 0)] * (values.ndim - 3)], mode="reflect")
    first = (x0 - width[2][0], y0 - width[1][0], z0 - width[0][0])
    return _reslice(_filter_bspline(mirrored), first, block, "bspline", 0.0)


def _filter_bspline(values: Pixels) -> Pixels:
    from vtkmodules.vtkImagingCore import vtkImageBSplineCoefficients

    coefficients = vtkImageBSplineCoefficients(spline_degree=3)
    (coefficients.SetOutputScalarTypeToFloat if values.itemsize == 4 else coefficients.SetOutputScalarTypeToDouble)()
    return run(coefficients, values)


def _reslice(values: Pixels, first: tuple[int, int, int], block: _Block, order: Order, background: float) -> Pixels:
    """The values of a block; `first` is the index of ``values[0, 0, 0]`` along x, y, z of the stored volume."""
    from vtkmodules.vtkCommonMath import vtkMatrix4x4
    from vtkmodules.vtkImagingCore import vtkImageBSplineInterpolator, vtkImageReslice

    matrix = vtkMatrix4x4()
    matrix.DeepCopy(block.matrix.ravel().tolist())
    reslice = vtkImageReslice()
    reslice.SetInputData(wrap(values, first))
    reslice.SetResliceAxes(matrix)
    if order == "bspline":
        reslice.SetInterpolator(vtkImageBSplineInterpolator())
    else:
        reslice.SetInterpolationMode(_MODES[order])
    reslice.SetBackgroundColor([background] * 4)
    reslice.SetOutputSpacing(1, 1, 1)
    reslice.SetOutputOrigin(0, 0, 0)
    (x0, x1), (y0, y1), (z0, z1) = block.extent
    reslice.SetOutputExtent(x0, x1 - 1, y0, y1 - 1, z0, z1 - 1)
    reslice.Update()
    return unwrap(reslice.GetOutput(), (z1 - z0, y1 - y0, x1 - x0, *values.shape[3:]))
