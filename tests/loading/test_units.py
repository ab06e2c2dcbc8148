"""Units: Hounsfield where nothing else is possible, and not where colour, a capture or a mapping says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from enhanced import group, write_enhanced
from pydicom.uid import (
    EnhancedCTImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    ParametricMapStorage,
    SecondaryCaptureImageStorage,
)

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]

MULTI_FRAME_CAPTURE = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
WITHOUT = {"RescaleSlope": None, "RescaleIntercept": None}
# attributes, units
SINGLE: dict[str, tuple[dict[str, Any], str | None]] = {
    "CT": ({}, "HU"),
    "CT without rescale": (WITHOUT, "HU"),
    "colour": ({"SamplesPerPixel": 3, "dtype": np.uint8}, None),
    "colour that says HU": ({"SamplesPerPixel": 3, "dtype": np.uint8, "RescaleType": "HU"}, None),
    "capture without rescale": ({"SOPClassUID": SecondaryCaptureImageStorage, **WITHOUT}, None),
    "multi-frame capture class": (
        {"SOPClassUID": MULTI_FRAME_CAPTURE, **WITHOUT},
        None,
    ),
    "capture with rescale": ({"SOPClassUID": SecondaryCaptureImageStorage, "RescaleIntercept": -1024}, "HU"),
    "capture that says HU": ({"SOPClassUID": SecondaryCaptureImageStorage, "RescaleType": "HU", **WITHOUT}, "HU"),
    "capture of MR": ({"SOPClassUID": SecondaryCaptureImageStorage, "Modality": "MR"}, None),
    "another rescale type": ({"RescaleType": "MGML"}, "MGML"),
    "unspecified without intercept": ({"RescaleType": "US"}, None),
}


@pytest.mark.parametrize("name", SINGLE)
def test_units_of_single_frames(series: Write, name: str) -> None:
    attributes, units = SINGLE[name]
    truth = series(**attributes)
    assert vdl.load(truth.folder).units == units
    assert vdl.load(truth.folder, rescale=False).units is None


def test_a_palette_has_no_units(series: Write) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.PhotometricInterpretation = "PALETTE COLOR"
        for colour in ("Red", "Green", "Blue"):
            setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 8])
            setattr(dataset, f"{colour}PaletteColorLookupTableData", bytes(range(256)))

    assert vdl.load(series(dtype=np.uint8, edit=edit).folder).units is None


def mapping(units: str, slope: float, intercept: float) -> Dataset:
    return group(
        RealWorldValueSlope=slope,
        RealWorldValueIntercept=intercept,
        LUTLabel="x",
        MeasurementUnitsCodeSequence=group(CodeValue=units, CodingSchemeDesignator="UCUM"),
    )[0]


def transform(kind: str | None) -> list[Dataset]:
    attributes = {} if kind is None else {"RescaleType": kind}
    return group(RescaleSlope=1, RescaleIntercept=-1024, **attributes)


SAME, OTHER = (1.0, -1024.0), (0.01, 0.0)
# RescaleType, real-world mappings, units
ENHANCED: dict[str, tuple[str | None, list[Dataset], str | None]] = {
    "no mapping": ("HU", [], "HU"),
    "no mapping, no type": (None, [], "HU"),
    "HU by both": ("HU", [mapping("[hnsf'U]", *SAME)], "HU"),
    "HU by the mapping": (None, [mapping("[hnsf'U]", *SAME)], "HU"),
    "other units for the same values": ("HU", [mapping("mg/cm3", *SAME)], "mg/cm3"),
    "other units, no type": (None, [mapping("mg/cm3", *SAME)], "mg/cm3"),
    "other units by another transform": (None, [mapping("mL/min", *OTHER)], None),
    "other units by another transform, said to be HU": ("HU", [mapping("mL/min", *OTHER)], None),
    "HU beside others": ("HU", [mapping("mg/cm3", *OTHER), mapping("HU", *SAME)], "HU"),
    "two for the same values": (None, [mapping("mg/cm3", *SAME), mapping("1", *SAME)], None),
    "another type": ("Z_EFF", [mapping("mg/cm3", *OTHER)], "Z_EFF"),
    "unspecified": ("US", [], None),
}


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("name", ENHANCED)
def test_units_of_an_enhanced_ct(tmp_path: Path, name: str, shared: bool) -> None:
    kind, mappings, units = ENHANCED[name]

    def edit(dataset: Dataset) -> None:
        dataset.Modality = "CT"
        common = dataset.SharedFunctionalGroupsSequence[0]
        common.PixelValueTransformationSequence = transform(kind)
        for groups in [common] if shared else dataset.PerFrameFunctionalGroupsSequence:
            if mappings:
                groups.RealWorldValueMappingSequence = mappings

    truth = write_enhanced(tmp_path / "x.dcm", [0, 1, 2, 3], sop_class=EnhancedCTImageStorage, edit=edit)
    volume = vdl.load(tmp_path / "x.dcm")
    assert volume.units == units
    np.testing.assert_array_equal(volume.frames, truth - 1024)
    assert vdl.load(tmp_path / "x.dcm", rescale=False).units is None


@pytest.mark.parametrize(("units", "slope", "expected"), [("ml/100ml/min", 1.0, "ml/100ml/min"), ("s", 0.1, None)])
def test_a_parametric_map_of_ct_is_not_in_hounsfield_units(
    tmp_path: Path, units: str, slope: float, expected: str | None
) -> None:
    def edit(dataset: Dataset) -> None:
        dataset.Modality = "CT"
        dataset.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = [mapping(units, slope, 0.0)]

    write_enhanced(tmp_path / "x.dcm", [0, 1, 2], sop_class=ParametricMapStorage, edit=edit)
    assert vdl.load(tmp_path / "x.dcm").units == expected
    assert vdl.load(tmp_path / "x.dcm", rescale="real-world").units == units
