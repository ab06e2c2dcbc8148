"""The volume that a mask holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import GeometryError
from .grid import locate_slices, make_step_matrix

if TYPE_CHECKING:
    from .._util.arrays import Floats, Pixels
    from ..loading.volume_data import VolumeData
    from .grid import Box


def check_mask(volume: VolumeData, mask: Any) -> Pixels:
    """Refuse what is no mask of a volume (ValueError)."""
    array = np.asarray(mask)
    if array.dtype != bool or array.shape != volume.frames.shape[:3]:
        raise ValueError(
            f"a mask of this volume is bool {volume.frames.shape[:3]} (z, y, x), not {array.dtype} {array.shape}"
        )
    return array


def find_mask_box(mask: Pixels) -> Box | None:
    """The smallest box (x, y, z) with every voxel of a mask; None of an empty one."""
    slices = np.flatnonzero(mask.any(axis=(1, 2)))
    if not len(slices):
        return None
    z = int(slices[0]), int(slices[-1]) + 1
    flat: Pixels = np.any(mask[slice(*z)], axis=0)
    rows, columns = np.flatnonzero(flat.any(axis=1)), np.flatnonzero(flat.any(axis=0))
    return (int(columns[0]), int(columns[-1]) + 1), (int(rows[0]), int(rows[-1]) + 1), z


def measure_mask(volume: VolumeData, mask: Any) -> float:
    """The volume of a mask in ml (`Volume.measure_mask`)."""
    return float(np.count_nonzero(check_mask(volume, mask), axis=(1, 2)) @ measure_voxels(volume))


def measure_voxels(volume: VolumeData) -> Floats:
    """The volume of a voxel of each slice in ml, (nz,); uneven slices reach half way to the next.

    Raises
    ------
    GeometryError
        Frames of a run, which have no distance in space.
    """
    geometry = volume.geometry
    if geometry.third_axis == "frames":
        raise GeometryError(f"the frames of {volume.series.title} follow each other in time: a voxel has no volume")
    row, column = make_step_matrix(geometry)[:3, :2].T
    thickness = np.full(geometry.dimensions[2], geometry.slice_distance)
    if not geometry.even and geometry.normal is not None:
        gaps = np.abs(np.diff(locate_slices(geometry) @ geometry.normal))
        thickness = (np.concatenate([gaps[:1], gaps]) + np.concatenate([gaps, gaps[-1:]])) / 2
    area = float(np.linalg.norm(np.cross(row, column)))
    return thickness * area / 1000
