"""Orientations of slices, named as a radiographer would."""

from __future__ import annotations

import math

import numpy as np


def turned(degrees: float, axis: int, orientation) -> tuple[float, ...]:
    """`orientation` turned about one patient axis."""
    a, b = [i for i in range(3) if i != axis]
    turn = np.eye(3)
    turn[a, a] = turn[b, b] = math.cos(math.radians(degrees))
    turn[a, b], turn[b, a] = -math.sin(math.radians(degrees)), math.sin(math.radians(degrees))
    return tuple(float(c) for half in (orientation[:3], orientation[3:]) for c in turn @ np.array(half, float))


AXIAL = (1, 0, 0, 0, 1, 0)
SAGITTAL = (0, 1, 0, 0, 0, -1)
CORONAL = (1, 0, 0, 0, 0, -1)
ORIENTATIONS = {
    "axial": AXIAL,
    "axial, feet first": (-1, 0, 0, 0, 1, 0),
    "axial, turned round": (-1, 0, 0, 0, -1, 0),
    "sagittal": SAGITTAL,
    "coronal": CORONAL,
    "oblique": turned(25, 0, turned(-14, 2, AXIAL)),
    "oblique coronal": turned(31, 1, turned(12, 0, CORONAL)),
}
