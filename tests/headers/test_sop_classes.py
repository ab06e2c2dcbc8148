"""SOP classes that are no images, and files that must have had one."""

from __future__ import annotations

import pytest
from pydicom.uid import (
    BasicTextSRStorage,
    CTImageStorage,
    EncapsulatedPDFStorage,
    MRSpectroscopyStorage,
    NuclearMedicineImageStorage,
    RTDoseStorage,
    RTPlanStorage,
    RTStructureSetStorage,
    SegmentationStorage,
    SurfaceSegmentationStorage,
    VLWholeSlideMicroscopyImageStorage,
)

from vtkdicomload.headers import sop_classes


def test_the_uids_are_those_of_the_standard() -> None:
    assert VLWholeSlideMicroscopyImageStorage == sop_classes.WHOLE_SLIDE
    named = (sop_classes.RT_DOSE, sop_classes.NUCLEAR_MEDICINE, sop_classes.SEGMENTATION)
    assert named == (RTDoseStorage, NuclearMedicineImageStorage, SegmentationStorage)


@pytest.mark.parametrize(
    "uid", [CTImageStorage, NuclearMedicineImageStorage, SegmentationStorage, sop_classes.LABEL_MAP]
)
def test_an_image_without_pixels_has_lost_them(uid: str) -> None:
    assert "is an image, but it holds no pixel data" in str(sop_classes.explain_lost_pixels({"sop_class_uid": uid}))


@pytest.mark.parametrize(
    "uid",
    [
        *(BasicTextSRStorage, EncapsulatedPDFStorage, RTPlanStorage, RTStructureSetStorage, SurfaceSegmentationStorage),
        *(RTDoseStorage, MRSpectroscopyStorage, "1.2.840.10008.1.3.10"),
        "1.2.3.4",
    ],
)
def test_a_report_a_plan_and_a_private_class_never_had_any(uid: str) -> None:
    assert sop_classes.explain_lost_pixels({"sop_class_uid": uid}) is None


def test_rows_without_pixels_are_damage_where_the_class_is_an_image_or_unknown() -> None:
    for values in ({"sop_class_uid": str(CTImageStorage), "rows": 5}, {"columns": 5}):
        assert "declares Rows and Columns" in str(sop_classes.explain_lost_pixels(values))
    assert sop_classes.explain_lost_pixels({"sop_class_uid": "1.2.3.4", "rows": 5}) is None
    assert "neither a SOPClassUID nor pixel data" in str(sop_classes.explain_lost_pixels({}))


def test_spectra_have_rows_and_columns_but_no_pixels() -> None:
    assert sop_classes.explain_lost_pixels({"sop_class_uid": MRSpectroscopyStorage, "rows": 16, "columns": 16}) is None
