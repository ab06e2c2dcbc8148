"""Segments of segmentation objects on the voxels of a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._util.warnings import warn
from ..loading.options import Options
from ..loading.plan import plan_volume
from ..loading.read import read_whole
from ..stacks.assumptions import AssumptionKind
from .grid import crop_grid, find_common_box
from .interpolation import Sampling
from .sampling import sample

if TYPE_CHECKING:
    from .._util.arrays import Pixels
    from ..headers.objects.segments import SegmentSet
    from ..stacks.geometry import Geometry
    from ..stacks.series_data import SeriesData

_EXPECTED = AssumptionKind.RESAMPLED  # a segmentation leaves out empty frames


class Stored(NamedTuple):
    """The values of a segment as they are stored, and where they lie."""

    values: Pixels
    geometry: Geometry


def read_segment(series: SeriesData) -> Stored:
    """Read the frames of one segment, or of a label map, with zeros for those that were left out as empty.

    Raises
    ------
    DicomLoadError
        As `load`.
    """
    plan, reading = read_whole(plan_volume(series, Options(irregular="resample", rescale=False)))
    for assumption in plan.assumptions:
        if assumption.kind is not _EXPECTED:
            warn(str(assumption))
    return Stored(reading.pixels, plan.geometry)


def mask_segment(stored: Stored, said: SegmentSet, number: int, threshold: float | None, grid: Geometry) -> Pixels:
    """The voxels of a grid, (nz, ny, nx) bool, whose centres lie in a segment.

    Parameters
    ----------
    stored : Stored
        From `read_segment`.
    said : SegmentSet
        Of its file.
    number : int
        Of the segment.
    threshold : float or None
        Of a fractional segment, 0 to 1: from which fraction on a voxel belongs to it.
    grid : Geometry
        Of the volume.
    """
    mask = np.zeros(grid.dimensions[::-1], bool)
    box = find_common_box(stored.geometry, grid)
    if box is None:
        return mask
    part = crop_grid(grid, box)
    (x0, x1), (y0, y1), (z0, z1) = box
    if said.kind == "FRACTIONAL":
        assert threshold is not None  # noqa: S101 - for the type checker: seen by the caller
        fractions = stored.values.astype(np.float32)
        found = sample(fractions, stored.geometry, part, Sampling("linear", False, 0.0))
        mask[z0:z1, y0:y1, x0:x1] = found >= threshold * said.full - 1e-4
        return mask
    found = sample(stored.values, stored.geometry, part, Sampling("nearest", False, 0.0))
    mask[z0:z1, y0:y1, x0:x1] = found == number if said.kind == "LABELMAP" else found != 0
    return mask
