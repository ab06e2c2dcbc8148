"""Ultrasound states the size of its pixels in regions: where those agree, the volume has it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

import vtkdicomload as vdl
from vtkdicomload.headers.objects.ultrasound import read_region_spacing
from vtkdicomload.loading.facts import has_scale
from vtkdicomload.sources.local import as_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]

US = {
    **{"Modality": "US", "PixelSpacing": None, "ImagePositionPatient": None, "ImageOrientationPatient": None},
    **{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.6.1", "dtype": np.uint8, "count": 1},
}


def region(x: float = 0.02, y: float = 0.03, kind: int = 1, units: tuple[int, int] = (3, 3)) -> Dataset:
    found = Dataset()
    found.RegionSpatialFormat, found.RegionDataType = kind, 1
    found.PhysicalUnitsXDirection, found.PhysicalUnitsYDirection = units
    found.PhysicalDeltaX, found.PhysicalDeltaY = x, y
    return found


def lacking(keyword: str) -> Dataset:
    found = region()
    del found[keyword]
    return found


def loaded(truth: Truth) -> tuple[vdl.Volume, list[str]]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", vdl.DicomLoadWarning)
        volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    return volume, [str(w.message) for w in said]


AGREEING = {
    "one": [region()],
    "two alike": [region(), region()],
    "beside a Doppler spectrum": [region(), region(0.0096, 0.0, kind=4, units=(4, 0))],
    "beside a colour bar": [region(kind=0, x=0.0, y=0.0, units=(0, 0)), region()],
}
OTHERWISE: dict[str, list[Dataset]] = {
    "none": [],
    "a spectrum alone": [region(0.0096, 0.5, kind=4, units=(4, 7))],
    "of other sizes": [region(), region(x=0.05)],
    "of no size": [region(x=0.0)],
    "mirrored": [region(y=-0.03)],
    "in seconds": [region(units=(4, 3))],
    "infinite": [region(x=float("inf"))],
    "not a number": [region(x=float("nan"))],
    "not a number down": [region(y=float("nan"))],
    "without a size": [lacking("PhysicalDeltaX")],
    "without units": [lacking("PhysicalUnitsYDirection")],
    "without a kind": [lacking("RegionSpatialFormat")],
}


@pytest.mark.parametrize("name", AGREEING)
def test_regions_that_agree_give_the_size_of_a_pixel(series: Write, name: str) -> None:
    volume, said = loaded(series(SequenceOfUltrasoundRegions=AGREEING[name], **US))
    assert volume.spacing[:2] == pytest.approx((0.2, 0.3))
    assert "no PixelSpacing: that of the ultrasound regions (0.3\\0.2 mm) is taken for it" in said
    assert has_scale(volume)


@pytest.mark.parametrize("name", OTHERWISE)
def test_other_regions_give_none(series: Write, name: str) -> None:
    volume, said = loaded(series(SequenceOfUltrasoundRegions=OTHERWISE[name], **US))
    assert volume.spacing[:2] == (1, 1)
    assert not any("PixelSpacing" in sentence for sentence in said)
    assert "whose size the files do not say" in repr(volume)
    assert not has_scale(volume)


def test_pixel_spacing_goes_before_regions(series: Write) -> None:
    volume, said = loaded(series(SequenceOfUltrasoundRegions=[region()], **US | {"PixelSpacing": [0.7, 0.6]}))
    assert volume.spacing[:2] == (0.6, 0.7)
    assert "PixelSpacing" not in " ".join(said)


def test_images_of_other_sizes_share_none(series: Write) -> None:
    def other(dataset: Dataset, k: int) -> None:
        dataset.SequenceOfUltrasoundRegions = [region(x=0.02 + 0.01 * (k == 2))]

    volume, said = loaded(series(edit=other, **US | {"count": 3}))
    assert volume.spacing[:2] == (1, 1)
    assert not any("PixelSpacing" in sentence for sentence in said)


def test_images_of_one_size(series: Write) -> None:
    volume, _ = loaded(series(SequenceOfUltrasoundRegions=[region()], **US | {"count": 3}))
    assert volume.spacing[:2] == pytest.approx((0.2, 0.3))


def test_regions_of_a_radiograph_are_not_asked(series: Write) -> None:
    # Radiography of Kodak has items of this sequence that say something else.
    volume, _ = loaded(series(SequenceOfUltrasoundRegions=[region()], **US | {"Modality": "CR"}))
    assert volume.spacing[:2] == (1, 1)


def test_a_file_that_is_gone_is_no_file_without_regions(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_region_spacing(as_file(tmp_path / "gone.dcm"))


def test_a_real_ultrasound_of_one_region_and_a_spectrum() -> None:
    path = str(get_testdata_file("examples_palette.dcm", download=False))
    regions: Any = pydicom.dcmread(path).SequenceOfUltrasoundRegions
    assert [r.RegionSpatialFormat for r in regions] == [1, 4]
    with pytest.warns(vdl.DicomLoadWarning):
        spacing = vdl.load(path).spacing
    assert spacing[:2] == (regions[0].PhysicalDeltaX * 10, regions[0].PhysicalDeltaY * 10)
