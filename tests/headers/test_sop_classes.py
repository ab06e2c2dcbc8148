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
    UID_dictionary,
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


# PS3.4 B.5: storage classes that are images though their names do not say so.
_IMAGES = {
    "Enhanced US Volume Storage",
    "Parametric Map Storage",
    "Segmentation Storage",
    "Label Map Segmentation Storage",
    "Height Map Segmentation Storage",
    "Ophthalmic Optical Coherence Tomography B-scan Volume Analysis Storage",
    "Ophthalmic Thickness Map Storage",
    "Corneal Topography Map Storage",
    "DICOS 2D AIT Storage",
    "DICOS 3D AIT Storage",
    "RT Dose Storage",  # or histograms only
}
_STORAGE = {
    uid: name
    for uid, (name, kind, *_) in UID_dictionary.items()
    if kind == "SOP Class" and name.split(" - ")[0].endswith(("Storage", "Storage SOP Class"))
}


@pytest.mark.parametrize("uid", _STORAGE)
def test_every_storage_class_of_the_standard_has_an_image_or_none(uid: str) -> None:
    name = _STORAGE[uid]
    image = name in _IMAGES or "Image" in name
    assert sop_classes.has_no_image([uid]) is not image, name


def test_a_class_has_no_image_where_all_that_a_file_says_of_it_has_none() -> None:
    report, image = str(BasicTextSRStorage), str(CTImageStorage)
    assert sop_classes.has_no_image([report, report])
    assert not any(map(sop_classes.has_no_image, ([], [image], [report, image])))


def test_spectra_have_rows_and_columns_but_no_pixels() -> None:
    assert sop_classes.explain_lost_pixels({"sop_class_uid": MRSpectroscopyStorage, "rows": 16, "columns": 16}) is None
