"""ImageOrientationPatient: its normal, its faults, the plane it names, and every tolerance that decides it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats

ORTHOGONAL_TOLERANCE = 1e-3  # |row · column|


UNIT_TOLERANCE = 5e-3  # how far the length of row and column cosines may be from 1 ...


UNIT_ROUNDING = 1e-4  # ... and how far without a word: cosines written with four digits


COSINE_TOLERANCE = 1e-4  # between the orientations of two frames


def compute_normal(orientation: Sequence[float]) -> Floats:
    """The unit slice normal, row × column, of an ImageOrientationPatient."""
    a, b, c, d, e, f = orientation
    normal = np.array([b * f - c * e, c * d - a * f, a * e - b * d], np.float64)  # numpy.cross takes ten times as long
    return normal / np.linalg.norm(normal)


def compute_direction(orientation: Sequence[float]) -> Floats:
    """Unit row, column and normal cosines of an ImageOrientationPatient, as columns of a (3, 3) matrix."""
    row, column = np.array(orientation[:3], np.float64), np.array(orientation[3:], np.float64)
    return np.column_stack([row / np.linalg.norm(row), column / np.linalg.norm(column), compute_normal(orientation)])


def find_orientation_fault(orientation: Sequence[float]) -> str | None:
    """Say what makes an ImageOrientationPatient unusable, in words; None where it is two orthogonal unit vectors."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = float(np.linalg.norm(row)), float(np.linalg.norm(column))
    if max(abs(length - 1) for length in lengths) > UNIT_TOLERANCE:
        return f"row and column cosines have lengths {lengths[0]:.4f} and {lengths[1]:.4f}, not 1"
    dot = float(row @ column)
    return f"row and column are not orthogonal (row · column = {dot:.4f})" if abs(dot) > ORTHOGONAL_TOLERANCE else None


def is_unit(orientation: Sequence[float]) -> bool:
    """Tell whether row and column cosines have length 1 within what rounding explains."""
    lengths = (float(np.linalg.norm(orientation[:3])), float(np.linalg.norm(orientation[3:])))
    return max(abs(length - 1) for length in lengths) <= UNIT_ROUNDING


def is_same_orientation(a: Sequence[float], b: Sequence[float]) -> bool:
    """Tell whether two ImageOrientationPatient agree within `COSINE_TOLERANCE`."""
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) <= COSINE_TOLERANCE


def name_plane(orientation: Sequence[float] | None) -> str:
    """``axial``, ``coronal`` or ``sagittal``, with ``oblique`` before it where the normal leans over 1 degree."""
    if orientation is None or find_orientation_fault(orientation):
        return "unknown"
    normal = np.abs(compute_normal(orientation))
    axis = int(normal.argmax())
    name = ("sagittal", "coronal", "axial")[axis]
    return name if normal[axis] > np.cos(np.radians(1.0)) else f"oblique {name}"
