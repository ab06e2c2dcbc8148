"""Segments of segmentation objects on the voxels of a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._util.warnings import warn
from ..errors.remedies import SetOption
from ..loading.options import Options
from ..loading.plan import plan_volume
from ..loading.read import read_whole
from ..stacks.assumptions import AssumptionKind
from .grid import crop_grid
from .interpolation import Sampling
from .sampling import sample

if TYPE_CHECKING:
    from .._util.arrays import Pixels
    from ..headers.objects.segments import SegmentSet
    from ..stacks.geometry import Geometry
    from ..stacks.series_data import SeriesData

THRESHOLD = SetOption("threshold", (0.5,), "where the fraction reaches it")
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
    box = _find_segment_box(stored.geometry, grid)
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


def _find_segment_box(stored: Geometry, grid: Geometry) -> tuple[tuple[int, int], ...] | None:
    """The part of a grid around the segment's own; all of it where it is uneven, None where they lie apart."""
    if not (grid.even and stored.even):
        return tuple((0, n) for n in grid.dimensions)
    ends = np.array([(-0.5, n - 0.5) for n in stored.dimensions])
    corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
    at = grid.to_index(stored.to_patient(corners))
    low, high = np.floor(at.min(axis=0)).astype(int), np.ceil(at.max(axis=0)).astype(int) + 1
    box = tuple((max(int(a), 0), min(int(b), n)) for a, b, n in zip(low, high, grid.dimensions, strict=True))
    return None if any(first >= last for first, last in box) else box
