"""Frames that follow each other in time or angle, and pictures that have no place by their nature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from enhanced import multi_frame
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    XRayAngiographicImageStorage,
)
from synthetic import write_dataset

import vtkdicomload as vdl

if TYPE_CHECKING:
    from pathlib import Path


def _load(path: Path, count: int, sop_class: str, modality: str, **attributes: Any) -> vdl.Volume:
    dataset = multi_frame(count, sop_class, modality)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    write_dataset(path / "1.dcm", dataset)
    volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames.ravel(), np.arange(count * 35))
    return volume


@pytest.mark.parametrize(
    ("sop_class", "modality"),
    [
        (DigitalXRayImageStorageForPresentation, "DX"),
        (UltrasoundImageStorage, "US"),
        (SecondaryCaptureImageStorage, "CT"),
        (SecondaryCaptureImageStorage, "OT"),
        (XRayAngiographicImageStorage, "XA"),
    ],
)
@pytest.mark.parametrize("count", [1, 4])
def test_pictures_without_a_place_by_nature_are_no_matter(
    tmp_path: Path, count: int, sop_class: str, modality: str
) -> None:
    geometry = _load(tmp_path, count, sop_class, modality).geometry
    assert (geometry.third_axis, geometry.affine, geometry.spacing) == ("frames", None, (1, 1, 1))
    assert repr(geometry) == f"Geometry(7×5, {count} frame{'s' * (count > 1)}, spacing 1×1 mm, no position)"


@pytest.mark.parametrize(
    ("attributes", "times"),
    [
        ({"FrameTime": 40}, [0, 40, 80, 120]),
        ({"FrameTimeVector": [0, 33, 34, 33]}, [0, 33, 67, 100]),
        ({"FrameTimeVector": [12, 33, 34, 33], "FrameTime": 7}, [0, 33, 67, 100]),
        ({"FrameTimeVector": [0, 33], "FrameTime": 7}, [0, 7, 14, 21]),
        ({"CineRate": 25}, [0, 40, 80, 120]),
        ({"FrameTime": 0}, None),
        ({}, None),
    ],
)
def test_frames_have_the_times_that_the_file_says(
    tmp_path: Path, attributes: dict[str, Any], times: list[float] | None
) -> None:
    found = _load(tmp_path, 4, UltrasoundMultiFrameImageStorage, "US", **attributes).geometry.frame_times
    assert (None if found is None else found.tolist()) == times


@pytest.mark.parametrize(
    "attributes",
    [{}, {"SpacingBetweenSlices": 2.5}, {"SliceThickness": 2.5}, {"SpacingBetweenSlices": 2.5, "FrameTime": 40}],
)
def test_frames_of_slices_are_told_to_have_no_place(tmp_path: Path, attributes: dict[str, Any]) -> None:
    with pytest.warns(vdl.DicomLoadWarning, match="frames are in file order"):
        volume = _load(tmp_path, 4, CTImageStorage, "CT", PixelSpacing=[1, 1], **attributes)
    assert volume.geometry.third_axis == "slices"
    assert volume.spacing[2] == (2.5 if attributes else 1)
