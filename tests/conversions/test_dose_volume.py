"""Dose-volume histograms against arithmetic by hand: a dose that rises evenly through a box."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import RTDoseStorage
from structure_sets import closed, rectangle, write_structure_set
from synthetic import ROOT, STUDY, Truth, write_dataset

import vtkdicomload as vdl
from vtkdicomload import DicomLoadWarning, UnsupportedPixelDataError, Volume

if TYPE_CHECKING:
    from pathlib import Path

Write = Callable[..., Truth]


def write_dose(path: Path, *, nz: int = 20, **attributes: Any) -> Path:
    """A dose of (x + 30) Gy over x = -30 to 29 mm, on a grid of 2 mm about the middle."""
    d = Dataset()
    d.SOPClassUID, d.SOPInstanceUID, d.Modality = RTDoseStorage, f"{ROOT}.88.1", "RTDOSE"
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = STUDY, f"{ROOT}.88", f"{ROOT}.2000"
    d.ImagePositionPatient, d.ImageOrientationPatient = [-30, -30, -20], [1, 0, 0, 0, 1, 0]
    d.PixelSpacing, d.Rows, d.Columns, d.NumberOfFrames = [2, 2], 30, 30, nz
    d.GridFrameOffsetVector = [2.0 * k for k in range(nz)]
    d.FrameIncrementPointer = 0x3004000C
    d.SamplesPerPixel, d.PhotometricInterpretation, d.PixelRepresentation = 1, "MONOCHROME2", 0
    d.BitsAllocated, d.BitsStored, d.HighBit = 32, 32, 31
    d.DoseUnits, d.DoseType, d.DoseSummationType, d.DoseGridScaling = "GY", "PHYSICAL", "PLAN", "0.001"
    values = np.broadcast_to((2 * np.arange(30) * 1000).astype(np.uint32), (nz, 30, 30))
    d.PixelData = np.ascontiguousarray(values).tobytes()
    for keyword, value in attributes.items():
        setattr(d, keyword, value)
    write_dataset(path, d)
    return path


@pytest.fixture
def ct(series: Write) -> Volume:
    """Slices of 1 × 1 × 2 mm about the middle."""
    truth = series("ct", count=20, rows=60, columns=64, PixelSpacing=[1.0, 1.0], gap=2.0, origin=(-32, -30, -20))
    return vdl.load(truth.folder)


def box(ct: Volume, folder: Path, x0: float, x1: float) -> np.ndarray:
    lines = [closed(rectangle(x0, -10.5, x1, 9.5, z)) for z in range(-10, 11, 2)]
    return ct.mask_of(write_structure_set(folder / "rs.dcm", {"box": lines}))


def test_figures_are_those_of_an_even_rise(ct: Volume, tmp_path: Path) -> None:
    dose = vdl.load(write_dose(tmp_path / "dose.dcm")).resampled(like=ct)
    histogram = vdl.dvh(dose, box(ct, tmp_path, -20.5, 19.5))  # x = -20 … 19: 10 … 49 Gy, one mm each
    assert histogram.volume == pytest.approx(40 * 20 * 22 / 1000)
    assert (histogram.minimum, histogram.maximum) == (pytest.approx(10), pytest.approx(49))
    assert histogram.mean == pytest.approx(29.5)
    assert histogram.dose_at(50) == pytest.approx(30)  # the hotter half: 30 … 49
    assert histogram.dose_at(95) == pytest.approx(12)
    assert histogram.dose_at(100) == pytest.approx(10)
    assert histogram.dose_at(2.5) == pytest.approx(49)
    assert histogram.dose_at(ml=0.44 * 3) == pytest.approx(47)
    assert histogram.volume_at(39.999) == pytest.approx(10 * 0.44)
    assert histogram.volume_at(0) == pytest.approx(histogram.volume)
    np.testing.assert_allclose(histogram.cumulative([0, 19.5, 48.5, 60]), [17.6, 30 * 0.44, 0.44, 0], atol=1e-9)
    np.testing.assert_allclose(histogram.differential([0, 19.5, 29.5, 60]), [10 * 0.44, 10 * 0.44, 20 * 0.44])
    assert repr(histogram) == "<DoseVolumeHistogram 17.6 ml: 10 to 49 Gy, mean 29.5, PLAN>"


def test_what_the_dose_does_not_cover_is_told(ct: Volume, tmp_path: Path) -> None:
    dose = vdl.load(write_dose(tmp_path / "dose.dcm", nz=11)).resampled(like=ct)  # up to 0 mm, and 1 mm beyond
    mask = box(ct, tmp_path, -20.5, 19.5)
    with pytest.warns(DicomLoadWarning, match=r"8 ml of the structure \(45.5%\) lie outside the dose grid"):
        histogram = vdl.dvh(dose, mask)
    assert histogram.uncovered == pytest.approx(8)
    assert histogram.volume == pytest.approx(17.6)
    assert histogram.volume_at(0) == pytest.approx(9.6)
    with pytest.raises(ValueError, match="lies in the dose"):
        vdl.dvh(dose, mask & (np.arange(20) > 12)[:, None, None])
    zero = vdl.load(tmp_path / "dose.dcm").resampled(like=ct, background=0)
    assert vdl.dvh(zero, mask).minimum == 0


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "relative": ({"DoseUnits": "RELATIVE"}, "DoseUnits RELATIVE"),
    "a difference": ({"DoseType": "ERROR"}, "DoseType ERROR"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_dose_in_gray_is_refused(ct: Volume, tmp_path: Path, name: str) -> None:
    attributes, words = REFUSED[name]
    dose = vdl.load(write_dose(tmp_path / "dose.dcm", **attributes)).resampled(like=ct.geometry)
    with pytest.raises(UnsupportedPixelDataError, match=words):
        vdl.dvh(dose, box(ct, tmp_path, -20.5, 19.5))


def test_an_image_is_no_dose(ct: Volume, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedPixelDataError, match="is no dose"):
        vdl.dvh(ct, box(ct, tmp_path, -20.5, 19.5))


def test_wrong_masks_and_parts_are_refused(ct: Volume, tmp_path: Path) -> None:
    dose = vdl.load(write_dose(tmp_path / "dose.dcm"))
    with pytest.raises(ValueError, match="a mask of this volume is bool"):
        vdl.dvh(dose, box(ct, tmp_path, -20.5, 19.5))
    on_ct = dose.resampled(like=ct)
    with pytest.raises(ValueError, match="holds no voxel"):
        vdl.dvh(on_ct, np.zeros(ct.frames.shape, bool))
    histogram = vdl.dvh(on_ct, box(ct, tmp_path, -20.5, 19.5))
    for options in ({}, {"percent": 5, "ml": 5}, {"percent": 0}, {"percent": 101}, {"ml": 18}):
        with pytest.raises(ValueError, match="part"):
            histogram.dose_at(**options)
    for call, name in ((lambda: histogram.dose_at("95"), "percent"), (lambda: histogram.volume_at("20"), "gray")):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=f"{name} must be a number"):
            call()
    with pytest.raises(ValueError, match="not nan"):
        histogram.volume_at(float("nan"))
    with pytest.raises(TypeError, match="dose must be a Volume, not a str"):
        vdl.dvh("dose.dcm", ct.frames > 0)  # type: ignore[arg-type]


def test_another_frame_of_reference_is_refused(ct: Volume, tmp_path: Path) -> None:
    dose = vdl.load(write_dose(tmp_path / "dose.dcm", FrameOfReferenceUID="1.2.3"))
    with pytest.raises(vdl.GeometryError, match="different coordinate systems"):
        dose.resampled(like=ct)


@pytest.mark.parametrize(("keyword", "value"), [("DoseUnits", "RELATIVE"), ("DoseType", "ERROR")])
def test_what_is_no_dose_in_gray_is_not_brought_onto_a_ct(ct: Volume, tmp_path: Path, keyword: str, value: str) -> None:
    dose = vdl.load(write_dose(tmp_path / "dose.dcm", **{keyword: value}))
    with pytest.raises(UnsupportedPixelDataError, match=f"holds no dose in Gy: {keyword} {value}"):
        dose.resampled(like=ct)
    assert np.nanmax(dose.resampled(like=ct.geometry).frames) == pytest.approx(58)
    for volumes, grid in (([ct, dose], {"like": ct}), ([ct, dose], {"spacing": 2}), ([dose], {"spacing": 2})):
        with pytest.raises(UnsupportedPixelDataError, match=f"{keyword} {value} → like=other.geometry"):
            vdl.to_grid(volumes, **grid)
    frames, _ = vdl.to_grid([ct, dose], like=ct.geometry)
    assert np.nanmax(frames[1]) == pytest.approx(58)


def test_stored_values_are_no_dose(ct: Volume, tmp_path: Path) -> None:
    dose = vdl.load(write_dose(tmp_path / "dose.dcm"), rescale=False)
    with pytest.raises(UnsupportedPixelDataError, match=r"→ load\(…, rescale=True\)"):
        vdl.dvh(dose, np.ones(dose.frames.shape, bool))
