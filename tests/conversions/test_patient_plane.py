"""Projections in the plane of the patient: by hand arithmetic, and what is refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydicom.uid import DigitalXRayImageStorageForPresentation
from synthetic import write_series

import vtkdicomload as vdl

if TYPE_CHECKING:
    from pathlib import Path

DISTANCES = {"DistanceSourceToDetector": 1000, "DistanceSourceToPatient": 800}
FACTOR = {"EstimatedRadiographicMagnificationFactor": 1.25}


pytestmark = pytest.mark.filterwarnings("ignore:no PixelSpacing", "ignore:.*have no place", "ignore:no .*place")


def load_projection(folder: Path, **changed: Any) -> vdl.Volume:
    attributes = {
        "SOPClassUID": DigitalXRayImageStorageForPresentation,
        "Modality": "DX",
        "ImagePositionPatient": None,
        "ImageOrientationPatient": None,
        "PixelSpacing": None,
        "ImagerPixelSpacing": [0.2, 0.1],
        "RescaleSlope": None,
        "RescaleIntercept": None,
        **changed,
    }
    write_series(folder, count=1, **attributes)
    return vdl.load(folder)


@pytest.mark.parametrize("said", [FACTOR, DISTANCES, {**FACTOR, **DISTANCES}])
def test_the_spacing_of_the_detector_is_divided_by_it(tmp_path: Path, said: dict[str, float]) -> None:
    volume = load_projection(tmp_path, **said)
    assert volume.spacing[:2] == (0.1, 0.2)
    near = volume.at_patient()
    assert near.spacing[:2] == pytest.approx((0.08, 0.16))
    assert near.spacing[2] == volume.spacing[2]
    assert near.frames is volume.frames
    assert near.image.GetSpacing()[:2] == pytest.approx((0.08, 0.16))
    assert "by 1.25" in dict(near.checks)["at patient"]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({}, "EstimatedRadiographicMagnificationFactor is missing, and DistanceSourceToDetector and Distance"),
        ({"DistanceSourceToDetector": 1000}, "and DistanceSourceToPatient: the"),
        ({"DistanceSourceToDetector": 1000, "DistanceSourceToPatient": 0}, "and DistanceSourceToPatient: the"),
        ({**FACTOR, "ImagerPixelSpacing": None}, "ImagerPixelSpacing is missing"),
        ({"EstimatedRadiographicMagnificationFactor": 0.8}, "0.8 puts the patient behind"),
        ({**DISTANCES, "EstimatedRadiographicMagnificationFactor": 1.6}, "is 1.6, DistanceSourceToDetector / .* 1.25"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, changed: dict[str, Any], named: str) -> None:
    volume = load_projection(tmp_path, **changed)
    with pytest.raises(vdl.GeometryError, match=named):
        volume.at_patient()


@pytest.mark.parametrize(
    ("changed", "size"),
    [
        ({"PixelSpacing": [0.15, 0.075]}, 0.075),
        ({"PixelSpacing": [0.2, 0.1], "PixelSpacingCalibrationType": "FIDUCIAL"}, 0.1),
        ({"PixelSpacing": [0.2, 0.1], **FACTOR}, 0.08),
    ],
)
def test_a_calibrated_spacing_is_divided_no_more(tmp_path: Path, changed: dict[str, Any], size: float) -> None:
    assert load_projection(tmp_path, **changed).at_patient().spacing[0] == pytest.approx(size)


def test_slices_are_no_projection(tmp_path: Path) -> None:
    write_series(tmp_path)
    with pytest.raises(vdl.GeometryError, match="it is no projection"):
        vdl.load(tmp_path).at_patient()
