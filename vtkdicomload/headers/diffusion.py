"""Diffusion weighting: the b-value and the gradient direction of a file, those of Siemens, GE and Philips too."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .orientation import compute_direction, find_orientation_fault

if TYPE_CHECKING:
    from .model import Header

_SIEMENS = "SIEMENS MR HEADER"  # creator of (0019,100C) and (0019,100E)
_PHILIPS = "Philips Imaging DD 001"  # creator of (2001,1003)
_GE = "GEMS_PARM_01"  # creator of (0043,1039)
_GE_ACQUISITION = "GEMS_ACQU_01"  # creator of (0019,10BB) to (0019,10BD)
_WEAKENED = (0.03, 0.97)  # lengths of a gradient of GE that is weaker than the b-value written beside it takes
_STEP_OF_WEAKENED = 5  # s/mm²; the digits of such a gradient tell no more
_DIGITS = 6
# Where rows and columns run to in axial and sagittal pictures of GE: the nearest axes of the patient (LPS), and signs.
_UPRIGHT = (((0, 1), (1, 1)), ((1, 1), (2, -1)))
_CORONAL = 0.6  # of the normal along the axis from front to back: programs contradict each other on coronal slices


def find_b_value(header: Header) -> float | None:
    """DiffusionBValue in s/mm², or what Siemens, GE and Philips write in its place."""
    if header.b_value is not None:
        return header.b_value
    siemens = header.b_value_of_siemens if header.creator_0019 == _SIEMENS else None
    philips = header.b_value_of_philips if header.creator_2001 == _PHILIPS else None
    return next(iter(siemens or philips or ()), _find_b_value_of_ge(header))


def _find_b_value_of_ge(header: Header) -> float | None:
    """The b-value of GE, which is that of a gradient of length 1: a shorter one weights less."""
    if header.creator_0043 != _GE or not header.b_value_of_ge:
        return None
    b_value, gradient = header.b_value_of_ge[0], _find_gradient_of_ge(header)
    length = 1.0 if gradient is None else math.hypot(*gradient)
    if not _WEAKENED[0] < length < _WEAKENED[1]:
        return b_value
    return float(max(round(b_value * length**2 / _STEP_OF_WEAKENED), 1) * _STEP_OF_WEAKENED) if b_value else 0.0


def find_gradient_direction(header: Header) -> tuple[float, ...] | None:
    """DiffusionGradientOrientation, or what Siemens and GE write in its place, in LPS."""
    if header.diffusion_direction is not None:
        return header.diffusion_direction
    if header.creator_0019 == _SIEMENS:
        return header.direction_of_siemens or None
    gradient = _find_gradient_of_ge(header)
    if gradient is None or header.orientation is None:
        return None
    return _turn_gradient(gradient, header.phase_encoding, header.orientation)


def _find_gradient_of_ge(header: Header) -> tuple[float, float, float] | None:
    """The gradient of GE along the frequency, phase and slice axes of its image; None where it says none."""
    parts = (header.frequency_part_of_ge, header.phase_part_of_ge, header.slice_part_of_ge)
    if header.creator_0019 != _GE_ACQUISITION or not all(parts):
        return None
    x, y, z = (part[0] for part in parts if part)
    return x, y, z


@lru_cache(4096)  # every slice of a volume has the same
def _turn_gradient(
    gradient: tuple[float, float, float], phase_encoding: str | None, orientation: tuple[float, ...]
) -> tuple[float, ...] | None:
    """The unit vector of a gradient of GE in LPS; None where it is 0, or nothing is sure to say where its axes run to.

    Its axes turn with the slice: frequency and phase run along the rows and columns of the pictures that the scanner
    shows, patient's left or front on the usual side, and the third one against row × column.
    """
    length = math.hypot(*gradient)
    if not length or find_orientation_fault(orientation) is not None:
        return None
    direction = compute_direction(orientation)
    sides = tuple((int(np.abs(axis).argmax()), int(np.sign(axis[np.abs(axis).argmax()]))) for axis in direction.T[:2])
    if sides not in _UPRIGHT or abs(direction[1, 2]) > _CORONAL:
        return None
    x, y, z = (part / length for part in gradient)
    if phase_encoding == "ROW":
        x, y = y, -x
    elif phase_encoding not in ("COL", "COLUMN"):
        return None
    turned: list[float] = np.round(direction @ (x, y, -z), _DIGITS).tolist()
    return tuple(part + 0.0 for part in turned)  # no -0.0
