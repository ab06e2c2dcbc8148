"""Flipping and permuting the axes of a grid toward the sides of the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import GeometryError
from ..errors.remedies import RESAMPLE
from .geometry import Geometry

if TYPE_CHECKING:
    from .._util.arrays import Floats, Pixels

_SIDES = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "H": (2, 1), "I": (2, -1), "F": (2, -1)}


class Reorientation(NamedTuple):
    """A grid whose axes run another way, and how the pixels of the old one are seen on it."""

    geometry: Geometry
    order: tuple[int, ...]  # which of the old axes x, y, z become the new ones
    flipped: tuple[int, ...]  # the old axes that run the other way

    def view(self, frames: Pixels) -> Pixels:
        """A view of pixels, (z, y, x) or (z, y, x, component), in the new order."""
        frames = np.flip(frames, tuple(2 - axis for axis in self.flipped))
        return frames.transpose(*(2 - axis for axis in reversed(self.order)), *range(3, frames.ndim))


def reorient(source: Geometry, axes: str) -> Reorientation:
    """Let x, y and z run most nearly toward the sides that `axes` names (`Volume.reorient`)."""
    wanted = [_SIDES.get(letter) for letter in axes.upper()]
    if len(wanted) != 3 or None in wanted or {side[0] for side in wanted if side} != {0, 1, 2}:
        raise ValueError(f'axes must name one side of each pair L/R, P/A, S/I, like "LPS", not {axes!r}')
    if source.direction is None or source.origin is None:
        raise GeometryError("the files hold no position or orientation, so there is no way to reorient the volume")
    along = _nearest_axes(source.direction)
    columns, order, flipped = [], [], []
    origin, positions, step = np.array(source.origin), source.positions, source.step
    for side in wanted:
        assert side is not None  # noqa: S101 - for the type checker: checked above
        patient_axis, sign = side
        axis = along.index(patient_axis)
        column = source.direction[:, axis]
        if column[patient_axis] * sign < 0:
            last = column * source.spacing[axis] * (source.dimensions[axis] - 1)
            if axis == 2 and positions is not None:
                positions = positions[::-1]
                step = None if step is None else (-step[0], -step[1], -step[2])
                last = positions[0] - positions[-1] if not source.regular else last
            elif positions is not None:
                positions = positions + last
            origin = origin + last
            flipped.append(axis)
            column = -column
        columns.append(column)
        order.append(axis)
    nx, ny, nz = (source.dimensions[axis] for axis in order)
    sx, sy, sz = (source.spacing[axis] for axis in order)
    moved = order[2] != 2
    if moved and not source.regular:
        raise GeometryError("the slices do not lie on a regular grid", remedies=[RESAMPLE])
    geometry = Geometry(
        (nx, ny, nz),
        (sx, sy, sz),
        (float(origin[0]), float(origin[1]), float(origin[2])),
        np.column_stack(columns),
        _grid_positions(origin, columns[2], sz, nz) if moved else positions,
        source.regular,
        step,
    )
    return Reorientation(geometry, tuple(order), tuple(flipped))


def _nearest_axes(direction: Floats) -> list[int]:
    """For x, y and z of the volume the axis of the patient that each runs along most nearly, all three different."""
    strength = np.abs(direction)
    result = [-1, -1, -1]
    for _ in range(3):
        patient_axis, axis = np.unravel_index(int(strength.argmax()), strength.shape)
        result[int(axis)] = int(patient_axis)
        strength[patient_axis, :] = -1
        strength[:, axis] = -1
    return result


def _grid_positions(origin: Floats, step: Floats, spacing: float, count: int) -> Floats:
    positions: Floats = origin + np.outer(np.arange(count), step * spacing)
    return positions
