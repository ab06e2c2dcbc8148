"""Flat pictures of a volume as plain arrays: upright, with their size and place in mm and the sides of the patient."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np

from .._util.wording import describe_argument
from ..errors import GeometryError
from ..stacks.geometry import find_opposite, name_side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats, Pixels
    from ..loading.volume_data import VolumeData
    from ..stacks.geometry import AxisTurn, Geometry

PlaneName = Literal["axial", "coronal", "sagittal"]

# Where columns, rows and slices run to in the radiological view of each plane: left of the patient on the right.
VIEWS: dict[PlaneName, str] = {"axial": "LPS", "coronal": "LIP", "sagittal": "PIL"}
_PATIENT_AXIS = {"L": 0, "P": 1, "S": 2, "I": 2}
_OBLIQUE_DEGREES = 1.0


class Letters(NamedTuple):
    """The sides of the patient around a picture: R, L, A, P, H or F."""

    left: str
    right: str
    top: str
    bottom: str


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One picture: what to draw, how large it is and where it lies.

    Attributes
    ----------
    name : str
        ``axial``, ``coronal`` or ``sagittal``, with ``oblique`` and the angle where it leans; ``as stored``.
    pixels : numpy.ndarray, shape (rows, columns) or (rows, columns, 3)
        Row 0 is the top of the picture. A view, no pixel is copied, unless the plane is oblique or a projection.
    spacing : tuple of float
        Distance in mm of columns and of rows.
    letters : Letters or None
        The sides of the patient; None where the files do not say.
    number : int or None
        The slice of `volume.frames` where the picture is one; None where it cuts through several or no list is kept.
    index : int or None
        Which plane of its name it is, as `Volume.plane` counts; None where the files hold no orientation.
    origin : numpy.ndarray or None, shape (3,), float64
        LPS mm of the centre of ``pixels[0, 0]``; None where the files hold no position.
    direction : numpy.ndarray or None, shape (3, 3), float64
        Unit vectors in LPS, as columns: to the right of the picture, down it, and to the plane of the next index.
    """

    name: str
    pixels: Pixels
    spacing: tuple[float, float]
    letters: Letters | None
    number: int | None
    index: int | None = None
    origin: Floats | None = None
    direction: Floats | None = None

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in mm."""
        rows, columns = self.pixels.shape[:2]
        return columns * self.spacing[0], rows * self.spacing[1]

    @property
    def mm(self) -> float | None:
        """The place of the plane along its normal in LPS mm (`Volume.plane`); None where the files hold no position."""
        if self.origin is None or self.direction is None:
            return None
        return float(self.origin @ self.direction[:, 2])

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """Coordinates of the left, right, bottom and top edge, as matplotlib's ``imshow`` takes them.

        LPS mm along the axes of the picture, x, y or z where it is not oblique; mm from the top left corner where the
        files hold no position.
        """
        width, height = self.size
        if self.origin is None or self.direction is None:
            return 0.0, width, height, 0.0
        left, right = self._edges(0, width)
        top, bottom = self._edges(1, height)
        return left, right, bottom, top

    def _edges(self, axis: int, length: float) -> tuple[float, float]:
        """Say where an axis of the picture begins and ends, along its vector turned to L, P or S."""
        assert self.origin is not None  # noqa: S101 - for the type checker: seen by `extent`
        assert self.direction is not None  # noqa: S101 - as above
        along = self.direction[:, axis]
        vector = turn_toward_lps(along)
        sign = float(along @ vector)
        first = float(self.origin @ vector) - sign * self.spacing[axis] / 2
        return first, first + sign * length


class View(NamedTuple):
    """The pixels of a volume on axes that run toward the sides of a radiological view: no pixel is copied."""

    frames: Pixels
    geometry: Geometry
    turn: AxisTurn

    @property
    def direction(self) -> Floats:
        """Unit vectors in LPS, as columns: along the rows, down the columns, and from slice to slice along the normal.

        Sheared slices lean against the last.
        """
        geometry = self.geometry
        assert geometry.direction is not None  # noqa: S101 - for the type checker: reoriented geometries have one
        if not geometry.leans or geometry.normal is None:
            return geometry.direction
        sign = np.sign(geometry.normal @ geometry.direction[:, 2])
        return np.column_stack([geometry.direction[:, :2], sign * geometry.normal])

    @property
    def corners(self) -> Floats:
        """LPS mm of the first voxel of every slice, (slices, 3)."""
        geometry = self.geometry
        if not geometry.regular and geometry.positions is not None:
            return geometry.positions
        along = np.arange(geometry.dimensions[2]) * geometry.spacing[2]
        corners: Floats = np.array(geometry.origin, np.float64) + np.outer(along, self.direction[:, 2])
        return corners

    def number_of(self, k: int) -> int | None:
        """The slice of `volume.frames` that slice `k` of the view is; None where it cuts through several."""
        if self.turn.order[2] != 2:
            return None
        return self.geometry.dimensions[2] - 1 - k if 2 in self.turn.reversed else k


def turn_toward_lps(vector: Floats) -> Floats:
    """A direction, or its opposite where that runs toward L, P or H."""
    return vector if name_side(vector) in "LPH" else -vector


def plane(volume: VolumeData, name: str = "axial", *, index: int | None = None, mm: float | None = None) -> Plane:
    """One plane of a volume (`Volume.plane`)."""
    if name not in VIEWS:
        raise ValueError(f"a plane is {', '.join(get_args(PlaneName))}, not {describe_argument(name)}")
    if index is not None and mm is not None:
        both = f"index={describe_argument(index)}, mm={describe_argument(mm)}"
        raise ValueError(f"a plane is chosen by index or by mm, not both ({both})")
    view = turn_view(volume, name)
    count = view.frames.shape[0]
    if mm is not None:
        k = _find_nearest_plane(view, name, mm)
    elif index is not None:
        k = operator.index(index)
        if not -count <= k < count:
            raise ValueError(f"there are {count} {name} planes, 0 to {count - 1}: no index {k}")
        k %= count
    else:
        k = count // 2
    return make_plane(view, name, k)


def cut_orthogonal_planes(volume: VolumeData, at: Sequence[float] | None = None) -> tuple[Plane, ...]:
    """The axial, coronal and sagittal plane through a point.

    Parameters
    ----------
    volume : Volume
        What to cut.
    at : sequence of three float, optional
        The point in LPS mm; by default the middle of the volume.

    Returns
    -------
    tuple of Plane
        Three; only the middle stored slice, or the one nearest to the point, for a single slice, for slices on no
        regular grid, and (as stored, without letters) where the files hold no position or orientation.

    Raises
    ------
    GeometryError
        A point for a volume without position or orientation.
    ValueError
        The point lies outside the volume.
    """
    point = None if at is None else parse_point(volume, at)
    if _cuts_one_way(volume):
        nz = volume.frames.shape[0]
        found = _find_acquired_view(volume) if point is not None else None
        if found is None or point is None:
            return cut_acquired_planes(volume, [nz // 2])
        name, view = found
        return (plane(volume, name, mm=float(point @ view.direction[:, 2])),)
    if point is None:
        return tuple(plane(volume, name) for name in VIEWS)
    return tuple(plane(volume, name, mm=float(point @ turn_view(volume, name).direction[:, 2])) for name in VIEWS)


def cut_acquired_planes(volume: VolumeData, indices: list[int]) -> tuple[Plane, ...]:
    """The stored slices ``volume.frames[k]`` for every k of `indices`, upright where their direction is known."""
    found = _find_acquired_view(volume)
    if found is None:
        sx, sy, _ = volume.spacing
        return tuple(Plane("as stored", volume.frames[k], (sx, sy), None, k) for k in indices)
    name, view = found
    last = volume.frames.shape[0] - 1
    return tuple(make_plane(view, name, last - k if 2 in view.turn.reversed else k) for k in indices)


def space_evenly(total: int, count: int) -> list[int]:
    """At most `count` indices, evenly from the first to the last of `total`."""
    if total <= count:
        return list(range(total))
    return [round(i) for i in np.linspace(0, total - 1, count)]


def describe_slice_direction(volume: VolumeData) -> str:
    """Say where the slices of `volume.frames` run to, as in ``F → H``; empty where that is not known or not one way."""
    geometry = volume.geometry
    direction, positions = geometry.direction, geometry.positions
    if direction is None or volume.frames.shape[0] == 1:
        return ""
    if not geometry.even and (positions is None or not np.all(np.diff(positions @ direction[:, 2]) > 0)):
        return ""
    end = name_side(direction[:, 2])
    return f"{find_opposite(end)} → {end}"


# ---------------------------------------------------------------------------------------------------- steps
def parse_point(volume: VolumeData, at: Sequence[float]) -> Floats:
    """A place in LPS mm, of a volume that has one; TypeError, ValueError or GeometryError where it is none."""
    try:
        point = np.array([float(value) for value in at])
    except (TypeError, ValueError):
        raise TypeError(
            f"at must be three numbers, a position (x, y, z) in LPS mm, not {describe_argument(at)}"
        ) from None
    if point.shape != (3,) or not np.isfinite(point).all():
        raise ValueError(
            f"at must be three finite numbers, a position (x, y, z) in LPS mm, not {describe_argument(at)}"
        )
    if volume.direction is None or volume.origin is None:
        raise GeometryError(
            f"the files hold no position or orientation, so nothing is known to lie at {describe_argument(at)}"
        )
    return point


def _cuts_one_way(volume: VolumeData) -> bool:
    """Tell whether only the stored slices can be shown."""
    geometry = volume.geometry
    return geometry.direction is None or not geometry.regular or volume.frames.shape[0] == 1


def turn_view(volume: VolumeData, name: PlaneName) -> View:
    """The pixels of a volume on the axes of a radiological view."""
    geometry, turn = volume.geometry.reorient(VIEWS[name])
    return View(turn.view(volume.frames), geometry, turn)


def _find_nearest_plane(view: View, name: str, mm: float) -> int:
    """The plane of a view that lies nearest to a coordinate along its normal."""
    if not isinstance(mm, Real):
        raise TypeError(f"mm must be a number, not {describe_argument(mm)}")
    lie, mm = view.corners @ view.direction[:, 2], float(mm)
    half = view.geometry.slice_distance / 2
    first, last = float(lie.min()), float(lie.max())
    if not first - half <= mm <= last + half:
        raise ValueError(f"the {name} planes lie at {first:.6g} to {last:.6g} mm: there is none at {mm:g} mm")
    return int(np.abs(lie - mm).argmin())


def _find_acquired_view(volume: VolumeData) -> tuple[PlaneName, View] | None:
    """The upright view whose slices are the stored ones; None where the files hold no position or orientation."""
    if volume.direction is None:
        return None
    for name in VIEWS:
        try:
            view = turn_view(volume, name)
        except GeometryError:
            continue  # slices on no regular grid cannot be cut another way
        if view.turn.order[2] == 2:
            return name, view
    return None


def make_plane(view: View, name: PlaneName, k: int) -> Plane:
    """Slice `k` of a view as a picture."""
    direction, (sx, sy, _) = view.direction, view.geometry.spacing
    right, bottom = name_side(direction[:, 0]), name_side(direction[:, 1])
    letters = Letters(find_opposite(right), right, find_opposite(bottom), bottom)
    return Plane(
        name_oblique(name, direction),
        view.frames[k],
        (sx, sy),
        letters,
        view.number_of(k),
        k,
        view.corners[k],
        direction,
    )


def name_oblique(name: PlaneName, direction: Floats) -> str:
    """The name of a plane, with the angle by which its axes, the columns of `direction`, lean against the patient's."""
    along = [float(abs(direction[_PATIENT_AXIS[side], column])) for column, side in enumerate(VIEWS[name])]
    degrees = float(np.degrees(np.arccos(min(1.0, *along))))
    return f"oblique {name} ({degrees:.0f}°)" if degrees > _OBLIQUE_DEGREES else name
