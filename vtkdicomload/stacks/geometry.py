"""The grid of a volume's voxels in the patient, in plain numbers.

All positions are in the patient coordinate system of DICOM (LPS: x to the patient's left, y to the back, z to the
head), in mm (PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from .._util.public import public
from .._util.wording import describe_argument, inflect_noun
from ..errors import GeometryError
from ..errors.remedies import RESAMPLE, SetOption, Use
from ..headers.orientation import compute_normal
from .tolerances import DRIFT_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from .._util.arrays import Floats, Pixels

_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))


class AxisTurn(NamedTuple):
    """The way from the pixels of a grid to those of the same grid with other axes."""

    order: tuple[int, ...]  # which of the old axes x, y, z become the new ones
    reversed: tuple[int, ...]  # the old axes that are counted from the other end

    def view(self, frames: Pixels) -> Pixels:
        """Pixels, (z, y, x) or (z, y, x, component), on the new axes: a view."""
        frames = np.flip(frames, tuple(2 - axis for axis in self.reversed))
        return frames.transpose(*(2 - axis for axis in reversed(self.order)), *range(3, frames.ndim))


@public
@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """The grid of a volume, index (x, y, z) → LPS mm.

    Attributes
    ----------
    dimensions : tuple of int
        Number of voxels along x, y, z.
    spacing : tuple of float
        Distance of neighbouring voxel centres along x, y, z, in mm. Along z it is the length of the step from one slice
        to the next (`slice_distance` is the perpendicular distance), of uneven slices their usual distance along the
        normal; 1.0 where the files say nothing.
    origin : tuple of float or None
        LPS position of the centre of voxel (0, 0, 0); None where the files hold no position.
    direction : numpy.ndarray or None, shape (3, 3), float64
        Column *a* is the unit vector of axis *a* in LPS: rows run along the first, columns along the second, slices
        along the third, which leans against the other two where the slices are sheared. None where the files hold no
        orientation.
    positions : numpy.ndarray or None, shape (dimensions[2], 3), float64
        LPS position of the centre of voxel (0, 0, z) for every z, as the files say.
    even : bool
        Whether one step leads from each slice to the next. Only then there is an affine.
    third_axis : {"slices", "frames"}
        What z counts: slices of the patient, or the frames of a run, such as a cine loop or the views of a projection.
        Frames have no distance in space: their ``spacing[2]`` is 1.0 and means nothing.
    frame_times : numpy.ndarray or None, shape (dimensions[2],), float64
        When each frame of a run was made, in ms after the first; None where the files do not say, and of slices.
    """

    dimensions: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float] | None = None
    direction: Floats | None = None
    positions: Floats | None = None
    even: bool = True
    third_axis: Literal["slices", "frames"] = "slices"
    frame_times: Floats | None = None

    @property
    def affine(self) -> Floats | None:
        """Index (x, y, z, 1) → LPS mm, a (4, 4) float64 matrix: `direction` times `spacing`, and `origin`.

        None where the files hold no position or orientation, and where uneven gaps allow no affine at all.
        """
        if self.origin is None or self.direction is None or not self.even:
            return None
        return locate(self).matrix()

    @property
    def normal(self) -> Floats | None:
        """The unit vector of row × column in LPS, (3,) float64; None where the files hold no orientation."""
        if self.direction is None:
            return None
        return compute_normal(self.direction[:, :2].T.ravel().tolist())

    @property
    def leans(self) -> bool:
        """True where the step from slice to slice is not along their normal, as of a tilted gantry (a shear)."""
        normal = self.normal
        if self.direction is None or normal is None:
            return False
        step = self.direction[:, 2]
        return bool(np.linalg.norm(step - (step @ normal) * normal) > DRIFT_TOLERANCE)

    @property
    def regular(self) -> bool:
        """True where the slices lie on an even, upright grid."""
        return self.even and not self.leans

    @property
    def slice_distance(self) -> float:
        """Distance of neighbouring slices along their normal in mm: less than ``spacing[2]`` where they lean."""
        if self.direction is None or self.normal is None or not self.leans:
            return self.spacing[2]
        return abs(float(self.direction[:, 2] @ self.normal)) * self.spacing[2]

    @property
    def axes(self) -> tuple[Floats, Floats, Floats]:
        """The coordinate of every voxel centre along x, y and z, in mm from the first voxel's centre, ascending.

        They run along the columns of `direction`: ``origin + direction @ (axes[0][x], axes[1][y], axes[2][z])`` is the
        place of a voxel.

        Raises
        ------
        GeometryError
            Uneven slices.
        """
        self.require_even()
        return self.measure_axes()

    @property
    def edges(self) -> tuple[Floats, Floats, Floats]:
        """The n + 1 cell edges along x, y and z, in mm from the first voxel's centre, ascending (for pcolormesh).

        Raises
        ------
        GeometryError
            Uneven slices.
        """
        self.require_even()
        x, y, z = (
            (np.arange(n + 1, dtype=np.float64) - 0.5) * s for n, s in zip(self.dimensions, self.spacing, strict=True)
        )
        return x, y, z

    def require_even(self) -> None:
        """Refuse slices that no affine describes.

        Raises
        ------
        GeometryError
            The gaps between the slices are uneven, or the slices do not follow each other in space.
        """
        if not self.even:
            self.measure_axes()  # an error of its own where the order is not that of space
            raise GeometryError(
                "the gaps between the slices are uneven, no affine describes them",
                remedies=[RESAMPLE, Use("to_xarray() and geometry.positions")],
            )

    def measure_axes(self) -> tuple[Floats, Floats, Floats]:
        """Measure `axes`, with the true place of every slice along the normal where gaps between them are uneven.

        Raises
        ------
        GeometryError
            The slices do not follow each other in space.
        """
        x, y, z = (np.arange(n, dtype=np.float64) * s for n, s in zip(self.dimensions, self.spacing, strict=True))
        if not self.even and self.positions is not None and self.direction is not None:
            z = (self.positions - self.positions[0]) @ self.direction[:, 2]
            if not np.all(np.diff(z) > 0):
                remedy = SetOption("order", ("position",), function="load")
                raise GeometryError("the slices do not follow each other in space", remedies=[remedy])
        return x, y, z

    def to_patient(self, index: ArrayLike) -> Floats:
        """LPS mm of voxel indices.

        Parameters
        ----------
        index : array-like, shape (..., 3)
            Indices (x, y, z); fractions lie between voxel centres.

        Returns
        -------
        numpy.ndarray, shape (..., 3), float64

        Raises
        ------
        GeometryError
            The files hold no position or orientation, or uneven gaps allow no affine.
        ValueError
            The indices are no numbers, or not three each.
        """
        affine = self.require_affine()
        result: Floats = _read_points("index", index) @ affine[:3, :3].T + affine[:3, 3]
        return result

    def to_index(self, position: ArrayLike) -> Floats:
        """Fractional voxel indices (x, y, z) of LPS positions in mm: the inverse of `to_patient`."""
        affine = self.require_affine()
        result: Floats = (_read_points("position", position) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
        return result

    def require_affine(self) -> Floats:
        """Return the affine, or raise a GeometryError where there is none."""
        self.require_even()
        affine = self.affine
        if affine is None:
            raise GeometryError("the files hold no position or orientation")
        return affine

    def reorient(self, axes: str = "LPS") -> tuple[Geometry, AxisTurn]:
        """Count the same voxels most nearly toward three sides of the patient.

        Parameters
        ----------
        axes : str
            As for `Volume.reorient`.

        Returns
        -------
        geometry : Geometry
            Of the new indices.
        turn : AxisTurn
            Which of the old axes they count, and from which end.

        Raises
        ------
        ValueError
            `axes` does not name one side of each pair R/L, A/P, I/S (F/H).
        GeometryError
            The files hold no position or orientation, or slices on no regular grid would become rows.
        """
        sides = _parse_sides(axes)
        if self.direction is None or self.origin is None:
            raise GeometryError("the files hold no position or orientation, so there is no way to reorient the volume")
        along = _match_axes(self.direction)
        order = tuple(along.index(patient_axis) for patient_axis, _ in sides)
        if order[2] != 2 and not self.regular:
            raise GeometryError("the slices do not lie on a regular grid", remedies=[RESAMPLE])
        turn = AxisTurn(
            order,
            tuple(
                axis
                for axis, (patient_axis, sign) in zip(order, sides, strict=True)
                if self.direction[patient_axis, axis] * sign < 0
            ),
        )
        return self._reverse(turn.reversed)._permute(order), turn

    def shear(self, step: Floats) -> Geometry:
        """Give the slices one step from each to the next; none where it leans too little to be a shear."""
        if self.direction is None:
            return self
        length = float(np.linalg.norm(step))
        direction = np.column_stack([self.direction[:, :2], step / length])
        sheared = replace(self, spacing=(*self.spacing[:2], length), direction=direction, even=True)
        return sheared if sheared.leans else self

    def _reverse(self, axes: Sequence[int]) -> Geometry:
        """Count some axes from the other end."""
        assert self.direction is not None  # noqa: S101 - for the type checker: seen by `reorient`
        assert self.origin is not None  # noqa: S101 - as above
        signs = np.array([-1.0 if axis in axes else 1.0 for axis in range(3)])
        last = self.direction * np.array(self.spacing) * (np.array(self.dimensions) - 1)
        # The grid, not the last slice's own wobble, decides where the far corner lies.
        origin = np.array(self.origin) + last[:, signs < 0].sum(axis=1)
        positions = self.positions
        if positions is not None:
            positions = positions[:: int(signs[2])] + last[:, :2][:, signs[:2] < 0].sum(axis=1)
            origin = origin if self.even else positions[0]
        x, y, z = (float(mm) for mm in origin)
        return replace(self, origin=(x, y, z), direction=self.direction * signs, positions=positions)

    def _permute(self, order: Sequence[int]) -> Geometry:
        """Put the axes in another order."""
        assert self.direction is not None  # noqa: S101 - for the type checker: seen by `reorient`
        nx, ny, nz = (self.dimensions[axis] for axis in order)
        sx, sy, sz = (self.spacing[axis] for axis in order)
        direction = self.direction[:, order]
        positions = self.positions
        if order[2] != 2:
            positions = np.array(self.origin) + np.outer(np.arange(nz) * sz, direction[:, 2])
        return replace(self, dimensions=(nx, ny, nz), spacing=(sx, sy, sz), direction=direction, positions=positions)

    def __repr__(self) -> str:
        nx, ny, nz = self.dimensions
        x, y, z = self.spacing
        if self.third_axis == "frames":
            times = "" if self.frame_times is None else f" over {self.frame_times[-1]:.6g} ms"
            return (
                f"Geometry({nx}×{ny}, {nz} {inflect_noun(nz, 'frame')}{times}, spacing {x:.6g}×{y:.6g} mm, no position)"
            )
        origin = "no position" if self.origin is None else "origin ({:.6g}, {:.6g}, {:.6g}) mm".format(*self.origin)
        axes = "" if self.direction is None else ", axes " + " ".join(name_side(c) for c in self.direction.T)
        fault = ", uneven" if not self.even else ", sheared" if self.leans else ""
        return f"Geometry({nx}×{ny}×{nz}, spacing {x:.6g}×{y:.6g}×{z:.6g} mm, {origin}{axes}{fault})"


class Place(NamedTuple):
    """The place of a grid, as VTK, ITK and NRRD hold it.

    Attributes
    ----------
    origin : tuple of float
        Position of voxel (0, 0, 0).
    spacing : tuple of float
        Distance of voxel centres along x, y, z in mm.
    direction : tuple of float
        The (3, 3) direction matrix row by row: column *a* is the unit vector of axis *a*. Of sheared slices they are
        not orthogonal.
    """

    origin: tuple[float, ...]
    spacing: tuple[float, ...]
    direction: tuple[float, ...]

    def matrix(self) -> Floats:
        """Index (x, y, z, 1) → position, (4, 4)."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.reshape(self.direction, (3, 3)) * np.array(self.spacing)
        matrix[:3, 3] = self.origin
        return matrix


NOWHERE = Place((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))


def locate(geometry: Geometry) -> Place:
    """Find the place of a grid of even slices: at 0, along x, y and z, where the files do not say.

    Raises
    ------
    GeometryError
        Uneven slices.
    """
    geometry.require_even()
    if geometry.origin is None or geometry.direction is None:
        return NOWHERE._replace(spacing=geometry.spacing)
    return Place(geometry.origin, geometry.spacing, tuple(geometry.direction.ravel().tolist()))


def name_side(vector: Sequence[float] | Floats) -> str:
    """The anatomical letter that a direction in LPS points to most: R, L, A, P, H or F."""
    axis = int(np.abs(np.asarray(vector)).argmax())
    return _LETTERS[axis][0 if vector[axis] > 0 else 1]


def find_opposite(letter: str) -> str:
    """The other end of an anatomical axis."""
    return next(b if a == letter else a for a, b in _LETTERS if letter in (a, b))


def _read_points(name: str, points: ArrayLike) -> Floats:
    """Points of three numbers each, as an argument gives them."""
    try:
        result: Floats = np.asarray(points, np.float64)
    except (TypeError, ValueError, OverflowError):  # whose words may quote what was given
        result = np.empty(0)
    if result.shape[-1:] != (3,):
        raise ValueError(f"{name} must be three numbers (x, y, z), or rows of them, not {describe_argument(points)}")
    return result


# ---------------------------------------------------------------------------------------------------- reorientation
_SIDES = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "H": (2, 1), "I": (2, -1), "F": (2, -1)}


def _parse_sides(axes: str) -> list[tuple[int, int]]:
    """For each letter the axis of the patient and the sign along it."""
    sides = [_SIDES[letter] for letter in axes.upper() if letter in _SIDES]
    if len(axes) != 3 or {patient_axis for patient_axis, _ in sides} != {0, 1, 2}:
        raise ValueError(
            f'axes must name one side of each pair L/R, P/A, S/I, like "LPS", not {describe_argument(axes)}'
        )
    return sides


def _match_axes(direction: Floats) -> list[int]:
    """For x, y and z of the volume the axis of the patient that each runs along most nearly, all three different."""
    strength = np.abs(direction)
    result = [-1, -1, -1]
    for _ in range(3):
        patient_axis, axis = np.unravel_index(int(strength.argmax()), strength.shape)
        result[int(axis)] = int(patient_axis)
        strength[patient_axis, :] = -1
        strength[:, axis] = -1
    return result
