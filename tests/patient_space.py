"""Where every voxel of a series lies in the patient, and its value, by pydicom and the words of PS3.3 alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pydicom

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray


class Slice(NamedTuple):
    """One frame: its values, and the vectors of PS3.3 C.7.6.2.1.1 in LPS mm."""

    pixels: NDArray[Any]  # (rows, columns[, 3]), after slope and intercept
    position: NDArray[np.float64]  # of the first pixel
    along_row: NDArray[np.float64]  # from one column to the next
    along_column: NDArray[np.float64]  # from one row to the next


def slices_of(folder: Path) -> list[Slice]:
    """Every frame of the files of a folder, in no order."""
    return [slice_ for path in sorted(folder.glob("*")) for slice_ in _slices(pydicom.dcmread(path))]


def sample(slices: list[Slice], count: int = 60, seed: int = 7) -> Iterator[tuple[NDArray[np.float64], Any]]:
    """Voxels taken at random: LPS position in mm, and value."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        slice_ = slices[random.integers(len(slices))]
        row, column = (int(random.integers(n)) for n in slice_.pixels.shape[:2])
        yield slice_.position + column * slice_.along_row + row * slice_.along_column, slice_.pixels[row, column]


def _slices(dataset: pydicom.Dataset) -> Iterator[Slice]:
    pixels = dataset.pixel_array
    count = int(dataset.get("NumberOfFrames", 1))
    for k, frame in enumerate(pixels.reshape(count, *pixels.shape[pixels.ndim - _plane_axes(dataset) :])):
        place, orientation, spacing, slope, intercept = _described(dataset, k)
        row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
        values = frame if slope == 1 and intercept == 0 else frame * slope + intercept
        # PixelSpacing is the distance of rows, then of columns.
        yield Slice(values, place, row * float(spacing[1]), column * float(spacing[0]))


def _plane_axes(dataset: pydicom.Dataset) -> int:
    return 3 if dataset.SamplesPerPixel > 1 else 2


def _described(dataset: pydicom.Dataset, k: int) -> tuple[NDArray[np.float64], Any, Any, float, float]:
    if "PerFrameFunctionalGroupsSequence" in dataset:
        groups = [dataset.PerFrameFunctionalGroupsSequence[k], dataset.SharedFunctionalGroupsSequence[0]]
        measures = _group(groups, "PixelMeasuresSequence")
        transform = _group(groups, "PixelValueTransformationSequence")
        place = np.array(_group(groups, "PlanePositionSequence").ImagePositionPatient, float)
        orientation = _group(groups, "PlaneOrientationSequence").ImageOrientationPatient
        slope, intercept = float(transform.RescaleSlope), float(transform.RescaleIntercept)
        return place, orientation, measures.PixelSpacing, slope, intercept
    place, orientation = np.array(dataset.ImagePositionPatient, float), dataset.ImageOrientationPatient
    slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    if "DoseGridScaling" in dataset:
        slope = float(dataset.DoseGridScaling)
        normal = np.cross(orientation[:3], orientation[3:])
        place = place + normal * float(dataset.GridFrameOffsetVector[k])
    return place, orientation, dataset.PixelSpacing, slope, intercept


def _group(groups: list[pydicom.Dataset], name: str) -> pydicom.Dataset:
    return next(group[name][0] for group in groups if name in group)
