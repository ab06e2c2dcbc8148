"""Where the voxels of a volume lie in the patient, in plain numbers, and every tolerance that decides it.

All positions are in the patient coordinate system of DICOM (LPS: x to the patient's left, y to the back, z to the
head), in mm (PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import GeometryError
from ..errors.remedies import RESAMPLE, Use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from .._util.arrays import Floats

# Real series taught these: scanners write positions with few digits and wobble by a percent.
GAP_TOLERANCE = 0.02  # a gap may differ from the median by this part of it ...
GAP_SLACK = 0.01  # ... plus this many mm
WHOLE_GAP = 0.1  # how far a wide gap may be from a whole number of usual ones, as a part of those
DRIFT_TOLERANCE = 1e-3  # lateral drift over the whole run, as a part of its length ...
DRIFT_SLACK = 1e-3  # ... plus this many mm
GRID_TOLERANCE = 0.02  # how far a slice may lie off the fitted grid, as a part of the spacing
SAME_POSITION = 1e-3  # two slices closer than this part of the median gap, or this many mm, are at one position
SPACING_TOLERANCE = 1e-4  # between the pixel spacings of two frames, relative
LARGEST = 1e12  # mm that a position or distance may have: squares and single precision hold far more

_LETTERS = (("L", "R"), ("P", "A"), ("H", "F"))


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """The grid of one view of a volume, index (i, j, k) → LPS mm.

    Attributes
    ----------
    dimensions : tuple of int
        Number of voxels along i, j, k.
    spacing : tuple of float
        Distance of neighbouring voxel centres along i, j, k, in mm. Along k it is the distance of slices along their
        normal; 1.0 where the files say nothing.
    origin : tuple of float or None
        LPS position of the centre of voxel (0, 0, 0); None where the files hold no position.
    direction : numpy.ndarray or None, shape (3, 3), float64
        Direction cosines: column *a* is the unit vector of axis *a* in LPS; None where the files hold no orientation.
    positions : numpy.ndarray or None, shape (dimensions[2], 3), float64
        LPS position of the centre of voxel (0, 0, k) for every k, as the files say.
    regular : bool
        Whether the slices lie on the grid that `spacing` and `direction` describe.
    step : tuple of float or None
        For evenly sheared slices, the vector from one slice to the next in LPS mm.
    """

    dimensions: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float] | None = None
    direction: Floats | None = None
    positions: Floats | None = None
    regular: bool = True
    step: tuple[float, float, float] | None = None

    @property
    def affine(self) -> Floats | None:
        """Index (i, j, k, 1) → LPS mm, a (4, 4) float64 matrix.

        None where the files hold no position or orientation, and where uneven gaps allow no affine at all.
        """
        if self.origin is None or self.direction is None:
            return None
        steps = self.direction * np.array(self.spacing)
        if not self.regular:
            if self.step is None:
                return None
            steps = np.column_stack([steps[:, 0], steps[:, 1], self.step])
        affine = np.eye(4)
        affine[:3, :3] = steps
        affine[:3, 3] = self.origin
        return affine

    @property
    def axes(self) -> tuple[Floats, Floats, Floats]:
        """The coordinate of every voxel centre along i, j and k, in mm from the first voxel's centre, ascending."""
        self._require_regular("axes")
        x, y, z = (np.arange(n, dtype=np.float64) * s for n, s in zip(self.dimensions, self.spacing, strict=True))
        return x, y, z

    @property
    def edges(self) -> tuple[Floats, Floats, Floats]:
        """The n + 1 cell edges along i, j and k, in mm from the first voxel's centre, ascending (for pcolormesh)."""
        self._require_regular("edges")
        x, y, z = (
            (np.arange(n + 1, dtype=np.float64) - 0.5) * s for n, s in zip(self.dimensions, self.spacing, strict=True)
        )
        return x, y, z

    def _require_regular(self, what: str) -> None:
        if not self.regular:
            raise GeometryError(
                f"the slices do not lie on a regular grid, so there are no mm {what}",
                remedies=[RESAMPLE, Use("geometry.positions")],
            )

    def to_patient(self, index: ArrayLike) -> Floats:
        """LPS mm of voxel indices.

        Parameters
        ----------
        index : array-like, shape (..., 3)
            Indices (i, j, k); fractions lie between voxel centres.

        Returns
        -------
        numpy.ndarray, shape (..., 3), float64

        Raises
        ------
        GeometryError
            The files hold no position or orientation, or uneven gaps allow no affine.
        """
        affine = self._require_affine()
        result: Floats = np.asarray(index, np.float64) @ affine[:3, :3].T + affine[:3, 3]
        return result

    def to_index(self, position: ArrayLike) -> Floats:
        """Fractional voxel indices (i, j, k) of LPS positions in mm: the inverse of `to_patient`."""
        affine = self._require_affine()
        result: Floats = (np.asarray(position, np.float64) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
        return result

    def _require_affine(self) -> Floats:
        affine = self.affine
        if affine is None:
            raise GeometryError(
                "the files hold no position or orientation"
                if self.regular
                else "the gaps between the slices are uneven, no affine describes them",
                remedies=() if self.regular else [RESAMPLE],
            )
        return affine

    def flipped(self) -> Geometry:
        """The geometry of the same voxels with j and k counted from the other end."""
        _, ny, nz = self.dimensions
        if self.origin is None or self.direction is None:
            return self
        to_last_row = self.direction[:, 1] * self.spacing[1] * (ny - 1)
        positions = None if self.positions is None else self.positions[::-1] + to_last_row
        if self.regular or positions is None:
            # The grid, not the last slice's own wobble, decides where the far corner lies.
            origin = np.array(self.origin) + to_last_row + self.direction[:, 2] * self.spacing[2] * (nz - 1)
        else:
            origin = positions[0]
        return Geometry(
            self.dimensions,
            self.spacing,
            (float(origin[0]), float(origin[1]), float(origin[2])),
            self.direction * np.array([1.0, -1.0, -1.0]),
            positions,
            self.regular,
            None if self.step is None else (-self.step[0], -self.step[1], -self.step[2]),
        )

    def __repr__(self) -> str:
        nx, ny, nz = self.dimensions
        x, y, z = self.spacing
        origin = "no position" if self.origin is None else "origin ({:.6g}, {:.6g}, {:.6g}) mm".format(*self.origin)
        axes = "" if self.direction is None else ", axes " + " ".join(toward(c) for c in self.direction.T)
        regular = "" if self.regular else ", not regular"
        return f"Geometry({nx}×{ny}×{nz}, spacing {x:.6g}×{y:.6g}×{z:.6g} mm, {origin}{axes}{regular})"


class Place(NamedTuple):
    """An affine taken apart, as VTK, ITK and NRRD hold it.

    Attributes
    ----------
    origin : tuple of float
        Position of voxel (0, 0, 0).
    spacing : tuple of float
        Distance of voxel centres along i, j, k in mm.
    direction : tuple of float
        The (3, 3) direction matrix row by row: column *a* is the unit vector of axis *a*. Of sheared slices they are
        not orthogonal.
    """

    origin: tuple[float, ...]
    spacing: tuple[float, ...]
    direction: tuple[float, ...]

    def matrix(self) -> Floats:
        """Index (i, j, k, 1) → position, (4, 4)."""
        matrix = np.eye(4)
        matrix[:3, :3] = np.reshape(self.direction, (3, 3)) * np.array(self.spacing)
        matrix[:3, 3] = self.origin
        return matrix


NOWHERE = Place((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0))


def place_of(affine: Floats) -> Place:
    """Origin, spacing and direction matrix of an affine."""
    steps = affine[:3, :3]
    lengths = np.linalg.norm(steps, axis=0)
    return Place(tuple(affine[:3, 3].tolist()), tuple(lengths.tolist()), tuple((steps / lengths).ravel().tolist()))


def toward(vector: Sequence[float] | Floats) -> str:
    """The anatomical letter that a direction in LPS points to most: R, L, A, P, H or F."""
    axis = int(np.abs(np.asarray(vector)).argmax())
    return _LETTERS[axis][0 if vector[axis] > 0 else 1]


def same_position_limit(gaps: Floats) -> float:
    """The gap in mm up to which two slices count as lying at one position; infinite where all do."""
    apart = gaps[gaps > SAME_POSITION]
    return max(SAME_POSITION, SAME_POSITION * float(np.median(apart))) if len(apart) else np.inf


def opposite(letter: str) -> str:
    """The other end of an anatomical axis."""
    return next(b if a == letter else a for a, b in _LETTERS if letter in (a, b))
