"""Flipping and permuting the axes of a volume toward the sides of the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import GeometryError
from .geometry import Geometry
from .volume import Volume

if TYPE_CHECKING:
    from .geometry import Floats

_SIDES = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "H": (2, 1), "I": (2, -1), "F": (2, -1)}


def reoriented(volume: Volume, axes: str) -> Volume:
    """A view of the volume whose x, y and z run most nearly toward the sides that `axes` names (`Volume.reorient`)."""
    wanted = [_SIDES.get(letter) for letter in axes.upper()]
    if len(wanted) != 3 or None in wanted or {side[0] for side in wanted if side} != {0, 1, 2}:
        raise ValueError(f'axes must name one side of each pair L/R, P/A, S/I, like "LPS", not {axes!r}')
    source = volume.frames_geometry
    if source.direction is None or source.origin is None:
        raise GeometryError("the files hold no position or orientation, so there is no way to reorient the volume")
    along = _nearest_axes(source.direction)
    frames = volume.frames
    columns, order, origin, positions, step = [], [], np.array(source.origin), source.positions, source.step
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
            frames = np.flip(frames, axis=2 - axis)
            column = -column
        columns.append(column)
        order.append(axis)
    memory_order = [2 - axis for axis in reversed(order)]
    frames = frames.transpose(*memory_order, *range(3, frames.ndim))
    nx, ny, nz = (source.dimensions[axis] for axis in order)
    sx, sy, sz = (source.spacing[axis] for axis in order)
    moved = order[2] != 2
    if moved and not source.regular:
        raise GeometryError('the slices do not lie on a regular grid → load(…, irregular="resample")')
    geometry = Geometry(
        (nx, ny, nz),
        (sx, sy, sz),
        (float(origin[0]), float(origin[1]), float(origin[2])),
        np.column_stack(columns),
        _grid_positions(origin, columns[2], sz, nz) if moved else positions,
        source.regular,
        step,
    )
    return Volume(
        frames,
        geometry,
        volume.series,
        rescaled=volume.rescaled,
        engine=volume.engine,
        checks=volume.checks,
        ignored=volume.ignored,
    )


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
