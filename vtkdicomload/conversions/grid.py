"""Grids to bring a volume onto: by spacing, by shape, like another volume, cropped and padded. No pixel is touched."""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .._util.memory import measure_usable_bytes
from .._util.wording import describe_argument, size_words
from ..errors import GeometryError
from ..errors.remedies import SetOption
from ..stacks.geometry import Geometry, locate
from ..stacks.resample import make_upright_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from .._util.arrays import Floats

    Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]  # first index and, without, last along x, y, z

_LONGEST = 2**31 - 1  # voxels along an axis, which VTK counts in 32 bits
_FARTHEST = 1e7  # mm: no voxel is that large and no place in a patient that far away
_SLICE_BYTES = 24  # of what a geometry holds of each slice: its position
_FIT = 1e-3  # voxels: rounding must not add one to a box that fits exactly


class HasGeometry(Protocol):
    """What lies on a grid: a `Volume`."""

    @property
    def geometry(self) -> Geometry:
        """Its grid."""


def define_grid(
    geometry: Geometry,
    *,
    spacing: float | Sequence[float] | None = None,
    shape: Sequence[int] | None = None,
    like: HasGeometry | Geometry | None = None,
    matrix: ArrayLike | None = None,
) -> Geometry:
    """The grid that a volume is wanted on; the parameters are those of `Volume.resampled`.

    Raises
    ------
    ValueError, TypeError
        Nothing, too much or no grid is given.
    GeometryError
        Slices to and fro in space, which no grid covers.
    """
    given = [name for name, value in (("like", like), ("matrix", matrix)) if value is not None]
    if len(given) == 2 or (given and spacing is not None) or (like is not None and shape is not None):
        raise ValueError("a grid is given by like=, by matrix= and shape=, or by spacing= and shape= or one of them")
    if like is not None:
        return find_geometry(like)
    if matrix is not None:
        return _grid_of_matrix(matrix, shape)
    if spacing is None and shape is None:
        raise ValueError("no grid is given: spacing=, shape=, like= or matrix=")
    return _divide_box(
        _make_upright(geometry),
        None if spacing is None else check_lengths("spacing", spacing),
        None if shape is None else check_counts("shape", shape),
    )


def find_geometry(thing: HasGeometry | Geometry) -> Geometry:
    """The geometry of a volume, or the one that is given itself."""
    geometry = thing if isinstance(thing, Geometry) else getattr(thing, "geometry", None)
    if not isinstance(geometry, Geometry):
        raise TypeError(f"like must be a Volume or a Geometry, not {describe_argument(thing)}")
    return geometry


def make_grid(matrix: Floats, shape: Sequence[int]) -> Geometry:
    """The grid of an affine, index (x, y, z, 1) → LPS mm, and a shape (nx, ny, nz)."""
    check_size(shape, 1)
    nx, ny, nz = shape
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    sx, sy, sz = map(float, lengths)
    x, y, z = map(float, matrix[:3, 3])
    positions = matrix[:3, 3] + np.outer(np.arange(nz), matrix[:3, 2])
    return Geometry((nx, ny, nz), (sx, sy, sz), (x, y, z), matrix[:3, :3] / lengths, positions)


def locate_slices(geometry: Geometry) -> Floats:
    """The place of voxel (0, 0, z) for every z, (nz, 3): LPS mm where the files hold positions."""
    if geometry.positions is not None and not geometry.even:
        return geometry.positions
    matrix = locate(geometry).matrix()
    places: Floats = matrix[:3, 3] + np.outer(np.arange(geometry.dimensions[2]), matrix[:3, 2])
    return places


def make_step_matrix(geometry: Geometry) -> Floats:
    """The matrix of a grid without its place, as if its slices were even: the steps from voxel to voxel as columns."""
    matrix = np.eye(4)
    matrix[:3, :3] = (np.eye(3) if geometry.direction is None else geometry.direction) * geometry.spacing
    return matrix


def crop_grid(geometry: Geometry, box: Sequence[tuple[int, int]]) -> Geometry:
    """The part of a grid from the first index (x, y, z) of each pair up to, without, the second."""
    (x0, x1), (y0, y1), (z0, z1) = box
    dimensions = (x1 - x0, y1 - y0, z1 - z0)
    if geometry.origin is None or geometry.direction is None:
        return replace(geometry, dimensions=dimensions, positions=None)
    in_plane = geometry.direction[:, :2] @ (np.array([x0, y0]) * geometry.spacing[:2])
    if geometry.even:
        step = geometry.direction[:, 2] * geometry.spacing[2]
        positions = np.array(geometry.origin) + in_plane + np.outer(np.arange(z0, z1), step)
    else:
        positions = locate_slices(geometry)[z0:z1] + in_plane
    x, y, z = map(float, positions[0])
    even = geometry.even or len(positions) == 1
    return replace(geometry, dimensions=dimensions, origin=(x, y, z), positions=positions, even=even)


def is_placed(geometry: Geometry) -> bool:
    """Tell whether the files say where in the patient a grid lies."""
    return geometry.origin is not None and geometry.direction is not None


def find_box(geometry: Geometry, index: Sequence[Any] | None, mm: Sequence[Any] | None) -> Box:
    """The part of a grid that ranges of indices or of LPS mm mean, as `Volume.crop` takes them.

    Raises
    ------
    ValueError
        Not one of both, no three ranges, or nothing of the volume lies in them.
    GeometryError
        Millimetres where the files hold no position or orientation.
    """
    if (index is None) == (mm is None):
        raise ValueError("a part is given by index= or by mm=, three ranges (first, last) along x, y, z, None for all")
    ranges = _parse_ranges("mm" if index is None else "index", mm if index is None else index)
    if index is not None:
        box = [slice(*map(_whole, r)).indices(n)[:2] for r, n in zip(ranges, geometry.dimensions, strict=True)]
    else:
        box = _find_box_in_patient(geometry, ranges)
    if any(first >= last for first, last in box):
        across = " × ".join(map(str, geometry.dimensions))
        raise ValueError(f"nothing of the volume of {across} voxels lies in {'index' if mm is None else 'mm'}={ranges}")
    (x0, x1), (y0, y1), (z0, z1) = box
    return (x0, x1), (y0, y1), (z0, z1)


def find_common_box(geometry: Geometry, grid: Geometry) -> Box | None:
    """The part of a grid around another one; all of it where one is uneven, None where they lie apart."""
    nx, ny, nz = grid.dimensions
    if not (grid.even and geometry.even):
        return (0, nx), (0, ny), (0, nz)
    ends = np.array([(-0.5, n - 0.5) for n in geometry.dimensions])
    corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
    at = grid.to_index(geometry.to_patient(corners))
    low, high = np.floor(at.min(axis=0)).astype(int), np.ceil(at.max(axis=0)).astype(int) + 1
    x, y, z = ((max(int(a), 0), min(int(b), n)) for a, b, n in zip(low, high, grid.dimensions, strict=True))
    return None if any(first >= last for first, last in (x, y, z)) else (x, y, z)


def check_size(shape: Sequence[int], voxel_bytes: int) -> None:
    """Refuse a grid that does not fit into memory: a spacing of 0.01 mm is a slip of the pen (ValueError)."""
    needed, usable = math.prod(shape) * voxel_bytes + shape[2] * _SLICE_BYTES, measure_usable_bytes()
    if needed > usable:
        raise ValueError(
            f"a grid of {size_words(*shape)} voxels needs {needed >> 20} MiB, more than the {usable >> 20} MiB of "
            "three quarters of the available memory"
        )
    if max(shape) > _LONGEST:
        raise ValueError(f"a grid of {size_words(*shape)} voxels has more than {_LONGEST} along an axis")


def check_lengths(name: str, value: float | Sequence[float]) -> tuple[float, float, float]:
    """Three positive numbers, of which one may stand for all."""
    try:
        values: list[Any] = [value] * 3 if isinstance(value, Real) else list(value)  # type: ignore[arg-type]
    except TypeError:
        values = []
    if len(values) != 3 or any(isinstance(v, bool) or not isinstance(v, Real) for v in values):
        raise TypeError(f"{name} must be a number or three, along x, y, z, not {describe_argument(value)}")
    if not all(0 < v < _FARTHEST for v in values):
        raise ValueError(f"{name} must be positive, and below {_FARTHEST:g} mm, not {describe_argument(value)}")
    x, y, z = map(float, values)
    return x, y, z


def check_counts(name: str, value: Sequence[int]) -> tuple[int, int, int]:
    """Three whole numbers of voxels, 1 or more."""
    try:
        x, y, z = (v.__index__() for v in value)
    except (TypeError, AttributeError, ValueError):
        raise TypeError(f"{name} must be three whole numbers (nx, ny, nz), not {describe_argument(value)}") from None
    if min(x, y, z) < 1:
        raise ValueError(f"{name} must be 1 or more along every axis, not {describe_argument(value)}")
    return x, y, z


# ---------------------------------------------------------------------------------------------------- steps
def _make_upright(geometry: Geometry) -> Geometry:
    """The grid itself, or the upright one over all its slices where they are sheared or uneven."""
    if geometry.regular:
        return geometry
    places = locate_slices(geometry)
    if geometry.normal is not None and not np.all(np.diff(places @ geometry.normal) > 0):
        raise GeometryError(
            "the slices do not ascend along row × column, no upright grid covers them in order",
            remedies=[SetOption("order", ("position",), function="load")],
        )
    return make_upright_grid(replace(geometry, positions=places))


def _divide_box(
    box: Geometry, spacing: tuple[float, float, float] | None, shape: tuple[int, int, int] | None
) -> Geometry:
    """Divide the box of all voxels anew, about the same middle."""
    size = np.array(box.dimensions) * box.spacing
    if shape is None:
        assert spacing is not None  # noqa: S101 - for the type checker: one of both is given
        across = [mm / s - _FIT for mm, s in zip(size.tolist(), spacing, strict=True)]
        if max(across) > _LONGEST:
            raise ValueError(f"a spacing of {min(spacing):g} mm makes more than {_LONGEST} voxels along an axis")
        nx, ny, nz = (max(1, math.ceil(n)) for n in across)
        shape = (nx, ny, nz)
    if spacing is None:
        sx, sy, sz = (float(mm / n) for mm, n in zip(size, shape, strict=True))
        spacing = (sx, sy, sz)
    check_size(shape, 1)
    if box.origin is None or box.direction is None:
        return replace(box, dimensions=shape, spacing=spacing, positions=None)
    middle = np.array(box.origin) + box.direction @ ((size - box.spacing) / 2)
    matrix = np.eye(4)
    matrix[:3, :3] = box.direction * spacing
    matrix[:3, 3] = middle - matrix[:3, :3] @ ((np.array(shape) - 1) / 2)
    return make_grid(matrix, shape)


def _grid_of_matrix(matrix: ArrayLike, shape: Sequence[int] | None) -> Geometry:
    if shape is None:
        raise ValueError("matrix= needs shape=(nx, ny, nz), the number of voxels along its axes")
    try:
        given = np.asarray(matrix, np.float64)
    except (TypeError, ValueError):
        given = np.empty(0)
    if given.shape != (4, 4) or not np.isfinite(given).all() or not np.array_equal(given[3], [0, 0, 0, 1]):
        raise ValueError("matrix must be an affine (4, 4), index (x, y, z, 1) → LPS mm, with (0, 0, 0, 1) as last row")
    if np.abs(given).max() >= _FARTHEST:
        raise ValueError(f"matrix leads {np.abs(given).max():g} mm away")
    lengths = np.linalg.norm(given[:3, :3], axis=0)
    if not np.all(lengths > 0) or abs(np.linalg.det(given[:3, :3] / lengths)) < _FIT:
        raise ValueError("the axes of matrix lie in one plane")
    return make_grid(given, check_counts("shape", shape))


def _parse_ranges(name: str, ranges: Sequence[Any] | None) -> list[tuple[float | None, float | None]]:
    try:
        pairs = [(None, None) if r is None else (r[0], r[1]) for r in ranges or () if r is None or len(r) == 2]
    except (TypeError, IndexError):
        pairs = []
    if len(pairs) != 3 or any(v is not None and not isinstance(v, Real) for pair in pairs for v in pair):
        raise ValueError(
            f"{name} must be three ranges (first, last) along x, y, z, None for all, not {describe_argument(ranges)}"
        )
    return pairs


def _whole(value: Any) -> int | None:
    if value is not None and not hasattr(value, "__index__"):
        raise TypeError(f"index must be of whole numbers, not {describe_argument(value)}")
    return None if value is None else value.__index__()


def _find_box_in_patient(geometry: Geometry, ranges: list[tuple[float | None, float | None]]) -> list[tuple[int, int]]:
    """The smallest box of indices with every voxel whose centre lies between the LPS coordinates."""
    if geometry.origin is None or geometry.direction is None:
        raise GeometryError("the files hold no position or orientation", remedies=[SetOption("index", ("…",))])
    low = np.array([-np.inf if r[0] is None else r[0] for r in ranges])
    high = np.array([np.inf if r[1] is None else r[1] for r in ranges])
    nx, ny, _ = geometry.dimensions
    along = geometry.direction[:, :2] * geometry.spacing[:2]
    columns, rows = along[:, 0, None] * np.arange(nx), along[:, 1, None] * np.arange(ny)
    found = [np.zeros(n, bool) for n in geometry.dimensions]
    for z, place in enumerate(locate_slices(geometry)):
        inside = np.ones((ny, nx), bool)
        for axis in range(3):  # one axis at a time: a plane of numbers is enough
            coordinate = place[axis] + rows[axis][:, None] + columns[axis]
            inside &= (coordinate >= low[axis] - _FIT) & (coordinate <= high[axis] + _FIT)
        found[0] |= inside.any(0)
        found[1] |= inside.any(1)
        found[2][z] = inside.any()
    where = [np.flatnonzero(f) for f in found]
    return [(int(w[0]), int(w[-1]) + 1) if len(w) else (0, 0) for w in where]
