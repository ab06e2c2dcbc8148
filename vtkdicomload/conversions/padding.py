"""A volume with more voxels around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._util.wording import describe_argument
from .grid import check_size, crop_grid
from .resampling import choose_background, take_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Pixels
    from ..loading.volume_data import VolumeData
    from ..stacks.geometry import Geometry


def pad(
    volume: VolumeData, before: int | Sequence[int], after: int | Sequence[int], background: float | None
) -> tuple[Pixels, Geometry]:
    """Pixels and grid with more voxels on every side (`Volume.pad`)."""
    first, last = _check_numbers("before", before), _check_numbers("after", after)
    if first[2] or last[2]:
        volume.geometry.require_even()
    value = choose_background(volume, background)
    stored = take_values(volume, value)
    box = [(-a, n + b) for a, b, n in zip(first, last, volume.dimensions, strict=True)]
    check_size([last - first for first, last in box], volume.dtype.itemsize)
    width = [(a, b) for a, b in zip(reversed(first), reversed(last), strict=True)]
    width += [(0, 0)] * (stored.ndim - 3)
    return np.pad(stored, width, constant_values=value), crop_grid(volume.geometry, box)


def _check_numbers(name: str, value: int | Sequence[int]) -> tuple[int, int, int]:
    try:
        given = [value] * 3 if hasattr(value, "__index__") else list(value)
        x, y, z = (n.__index__() for n in given)
    except (AttributeError, TypeError, ValueError):
        raise TypeError(
            f"{name} must be a whole number or three, along x, y, z, not {describe_argument(value)}"
        ) from None
    if min(x, y, z) < 0:
        raise ValueError(f"{name} must not be below 0, not {describe_argument(value)} (crop makes a volume smaller)")
    return x, y, z
