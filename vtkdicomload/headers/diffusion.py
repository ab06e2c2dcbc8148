"""Diffusion weighting: the b-value and the gradient direction of a file, those of Siemens, GE and Philips too."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Header

_SIEMENS = "SIEMENS MR HEADER"  # creator of (0019,100C) and (0019,100E)
_PHILIPS = "Philips Imaging DD 001"  # creator of (2001,1003)
_GE = "GEMS_PARM_01"  # creator of (0043,1039)


def find_b_value(header: Header) -> float | None:
    """DiffusionBValue in s/mm², or what Siemens, GE and Philips write in its place."""
    if header.b_value is not None:
        return header.b_value
    siemens = header.b_value_of_siemens if header.creator_0019 == _SIEMENS else None
    ge = header.b_value_of_ge if header.creator_0043 == _GE else None
    philips = header.b_value_of_philips if header.creator_2001 == _PHILIPS else None
    return next(iter(siemens or ge or philips or ()), None)


def find_gradient_direction(header: Header) -> tuple[float, ...] | None:
    """DiffusionGradientOrientation, or what Siemens writes in its place."""
    if header.diffusion_direction is None and header.creator_0019 == _SIEMENS:
        return header.direction_of_siemens or None
    return header.diffusion_direction
