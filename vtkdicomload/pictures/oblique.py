"""A plane through a volume at any angle, upright as near as may be to one of the three of the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._util.wording import describe_argument
from ..conversions.grid import locate_slices, make_grid
from ..conversions.resampling import resample_onto
from ..errors import GeometryError
from ..stacks.geometry import find_opposite, name_side
from .planes import VIEWS, Letters, Plane, name_oblique, parse_point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..loading.volume_data import VolumeData
    from ..stacks.geometry import Geometry
    from .planes import PlaneName

_TOWARD = {"L": (1, 0, 0), "P": (0, 1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}
_BY_AXIS: tuple[PlaneName, ...] = ("sagittal", "coronal", "axial")


def cut_oblique_plane(volume: VolumeData, normal: Sequence[float], point: Sequence[float] | None) -> Plane:
    """The plane through a point, across a normal (`Volume.plane`).

    Raises
    ------
    ValueError, TypeError
        No direction or no point, or the plane does not meet the volume.
    GeometryError
        The files hold no position or orientation.
    """
    geometry = volume.geometry
    if geometry.direction is None or geometry.origin is None:
        raise GeometryError("the files hold no position or orientation, so no plane has a normal in the patient")
    corners = _find_corners(geometry)
    through = corners.reshape(-1, 3).mean(axis=0) if point is None else parse_point(volume, point)
    name, axes = _stand_upright(_parse_normal(normal))
    met = _meet(corners, through, axes[:, 2]) @ axes[:, :2]
    if not len(met):
        raise ValueError(f"the plane through {tuple(np.round(through, 3).tolist())} mm does not meet the volume")
    size = float(min(*geometry.spacing[:2], geometry.slice_distance))
    # Pixel centres lie about the point: it is one of them.
    first = np.floor((met.min(axis=0) - through @ axes[:, :2]) / size + 0.5)
    last = np.ceil((met.max(axis=0) - through @ axes[:, :2]) / size - 0.5)
    columns, rows = (int(n) for n in np.maximum(last - first, 0) + 1)
    matrix = np.eye(4)
    matrix[:3, :3] = axes * size
    matrix[:3, 3] = through + axes[:, :2] @ (first * size)
    pixels = resample_onto(volume, make_grid(matrix, (columns, rows, 1)), antialias=False)[0]
    right, bottom = name_side(axes[:, 0]), name_side(axes[:, 1])
    letters = Letters(find_opposite(right), right, find_opposite(bottom), bottom)
    return Plane(name_oblique(name, axes), pixels, (size, size), letters, None, None, matrix[:3, 3], axes)


def _parse_normal(normal: Sequence[float]) -> Floats:
    try:
        vector = np.array([float(value) for value in normal])
    except (TypeError, ValueError):
        raise TypeError(
            f"a normal must be three numbers, a direction in LPS, not {describe_argument(normal)}"
        ) from None
    length = float(np.linalg.norm(vector)) if vector.shape == (3,) else 0.0
    if not np.isfinite(length) or not length:
        raise ValueError(f"a normal must be three numbers, a direction in LPS, not {describe_argument(normal)}")
    return vector / length


def _stand_upright(normal: Floats) -> tuple[PlaneName, Floats]:
    """The view of the patient that a plane is nearest to, and its axes: to the right, down, and along the normal."""
    name = _BY_AXIS[int(np.abs(normal).argmax())]
    right, down, along = (np.array(_TOWARD[side], np.float64) for side in VIEWS[name])
    normal = normal if normal @ along > 0 else -normal
    right -= (right @ normal) * normal
    right /= np.linalg.norm(right)
    across = np.cross(normal, right)
    return name, np.column_stack([right, across if across @ down > 0 else -across, normal])


def _find_corners(geometry: Geometry) -> Floats:
    """The corners of all slices with half a voxel around them, (slices + 2, 4, 3): the faces of the ends too."""
    assert geometry.direction is not None  # noqa: S101 - for the type checker: seen by the caller
    nx, ny, _ = geometry.dimensions
    across = geometry.direction[:, :2] * geometry.spacing[:2]
    around = np.array([(-0.5, -0.5), (nx - 0.5, -0.5), (nx - 0.5, ny - 0.5), (-0.5, ny - 0.5)]) @ across.T
    places = locate_slices(geometry)
    half = geometry.direction[:, 2] * geometry.spacing[2] / 2
    places = np.concatenate([places[:1] - half, places, places[-1:] + half])
    corners: Floats = places[:, None] + around
    return corners


def _meet(corners: Floats, point: Floats, normal: Floats) -> Floats:
    """The places where a plane meets the edges of a volume, (n, 3)."""
    edges = [(corners, np.roll(corners, 1, axis=1)), (corners[:-1], corners[1:])]
    starts, ends = (np.concatenate([e[i].reshape(-1, 3) for e in edges]) for i in (0, 1))
    before, after = (starts - point) @ normal, (ends - point) @ normal
    crosses = (before <= 0) != (after <= 0)
    part = before[crosses] / (before[crosses] - after[crosses])
    met: Floats = starts[crosses] + part[:, None] * (ends[crosses] - starts[crosses])
    return met
