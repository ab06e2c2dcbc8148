"""Standardized uptake values: by hand arithmetic, by each way that files say them, and what is refused by name."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from enhanced import group, write_enhanced
from pets import DOSE, HALF_LIFE, INJECTION, SIZE, WEIGHT, write_pet
from pydicom.uid import EnhancedPETImageStorage, LegacyConvertedEnhancedPETImageStorage

import vtkdicomload as vdl

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

LEFT = DOSE * 0.5 ** (3600 / HALF_LIFE)  # Bq, an hour after the injection
BW = WEIGHT * 1000 / LEFT
LEAN = 9270 * WEIGHT / (8780 + 244 * WEIGHT / SIZE**2)  # kg, of a woman
SURFACE = 0.007184 * WEIGHT**0.425 * 175**0.725  # m²


@pytest.mark.parametrize(
    ("kind", "factor", "units"),
    [
        ("suv-bw", BW, "SUVbw g/ml"),
        ("suv-lbm", LEAN * 1000 / LEFT, "SUVlbm g/ml"),
        ("suv-bsa", SURFACE * 10000 / LEFT, "SUVbsa cm2/ml"),
    ],
)
@pytest.mark.parametrize("engine", ["auto", "pydicom"])
def test_activity_is_divided_by_the_dose_that_is_left(
    tmp_path: Path, kind: str, factor: float, units: str, engine: Any
) -> None:
    truth = write_pet(tmp_path)
    volume = vdl.load(tmp_path, rescale=kind, engine=engine, verify="all")
    np.testing.assert_allclose(volume.frames, truth.frames * factor, rtol=1e-6)
    assert (volume.units, volume.dtype) == (units, np.float32)
    told = dict(volume.checks)[units.split()[0]]
    assert f"times {factor:.9g}" in told
    assert "2024-03-01 10:00:00 (SeriesTime" in told


def test_a_figure_worked_out_on_paper(tmp_path: Path) -> None:
    """400 MBq, two half-lives: 100 MBq are left; 80 kg; so 1 Bq/ml is 0.0008 g/ml."""
    truth = write_pet(
        tmp_path, RadionuclideTotalDose=400e6, RadionuclideHalfLife=1800, PatientWeight=80, RescaleSlope=1
    )
    np.testing.assert_allclose(vdl.load(tmp_path, rescale="suv-bw").frames, truth.stored * 0.0008, rtol=1e-6)


def test_lean_mass_of_men_is_another(tmp_path: Path) -> None:
    truth = write_pet(tmp_path, PatientSex="M", DecayCorrection="ADMIN")
    lean = 9270 * WEIGHT / (6680 + 216 * WEIGHT / SIZE**2)
    volume = vdl.load(tmp_path, rescale="suv-lbm")
    np.testing.assert_allclose(volume.frames, truth.frames * lean * 1000 / DOSE, rtol=1e-6)
    assert "lean body mass by Janmahasatian" in dict(volume.checks)["SUVlbm"]


def test_the_window_of_the_file_is_one_of_uptake(tmp_path: Path) -> None:
    write_pet(tmp_path, WindowCenter=5000, WindowWidth=10000)
    assert vdl.load(tmp_path, rescale="suv-bw").window == pytest.approx((5000 * BW, 10000 * BW))


def test_decay_to_the_injection_needs_no_time(tmp_path: Path) -> None:
    truth = write_pet(
        tmp_path,
        DecayCorrection="ADMIN",
        RadionuclideHalfLife=None,
        RadiopharmaceuticalStartDateTime=None,
        RadiopharmaceuticalStartTime=None,
    )
    volume = vdl.load(tmp_path, rescale="suv-bw")
    np.testing.assert_allclose(volume.frames, truth.frames * WEIGHT * 1000 / DOSE, rtol=1e-6)


# ------------------------------------------------------------------------------------------------ times
def test_every_slice_has_the_one_reference_time(tmp_path: Path) -> None:
    """Slices are acquired minutes apart: with times of their own they would differ by up to 3 %."""
    truth = write_pet(tmp_path, count=6)
    np.testing.assert_allclose(vdl.load(tmp_path, rescale="suv-bw").frames, truth.frames * BW, rtol=1e-6)


def test_a_stack_has_the_reference_time_of_its_series(tmp_path: Path) -> None:
    """SeriesTime lies between the two time points: the first acquisition of both is meant, of the second too."""

    def edit(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [0, 0, 3 * (k % 5)]
        dataset.TemporalPositionIdentifier, dataset.NumberOfTemporalPositions = k // 5 + 1, 2

    truth = write_pet(tmp_path, count=10, SeriesTime="100230", edit=edit)
    (series,) = vdl.scan(tmp_path)
    assert len(series.stacks()) == 2
    with pytest.warns(vdl.DicomLoadWarning, match="the first AcquisitionTime is taken"):
        second = vdl.load(tmp_path, rescale="suv-bw", stack=1)
    np.testing.assert_allclose(second.frames, truth.frames[1::2] * BW, rtol=1e-6)
    assert "10:00:00 (first AcquisitionTime" in dict(second.checks)["SUVbw"]
    assert f"times {BW:.9g}" in dict(second.checks)["SUVbw"]


def test_a_series_time_after_the_first_acquisition_is_not_believed(tmp_path: Path) -> None:
    truth = write_pet(tmp_path, SeriesTime="113000")
    with pytest.warns(vdl.DicomLoadWarning, match="since SeriesTime lies after it"):
        volume = vdl.load(tmp_path, rescale="suv-bw")
    np.testing.assert_allclose(volume.frames, truth.frames * BW, rtol=1e-6)


def test_the_scan_time_of_ge_goes_before_the_first_acquisition(tmp_path: Path) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20240301093000.00")

    truth = write_pet(tmp_path, SeriesTime="113000", edit=edit)
    volume = vdl.load(tmp_path, rescale="suv-bw")
    left = DOSE * 0.5 ** (1800 / HALF_LIFE)
    np.testing.assert_allclose(volume.frames, truth.frames * WEIGHT * 1000 / left, rtol=1e-6)
    assert "GE's scan time" in dict(volume.checks)["SUVbw"]


def test_a_frame_reference_time_that_disagrees_is_told(tmp_path: Path) -> None:
    """Slice 0 begins at 10:00 and lasts 2 min: its mean activity is that of 59.9 s later, so 10:00 is right."""
    right = {"ActualFrameDuration": 120000, "FrameReferenceTime": 59900}
    write_pet(tmp_path / "right", count=1, **right)
    vdl.load(tmp_path / "right", rescale="suv-bw")
    write_pet(tmp_path / "wrong", count=1, **right, SeriesTime="093000")
    with pytest.warns(vdl.DicomLoadWarning, match=r"09:30:00 is taken .* 10:00:00, which would change .* \+21%"):
        vdl.load(tmp_path / "wrong", rescale="suv-bw")


@pytest.mark.parametrize(
    ("changed", "seconds"),
    [
        ({"RadiopharmaceuticalStartDateTime": None}, 3600),  # the time of day alone
        ({"RadiopharmaceuticalStartDateTime": None, "RadiopharmaceuticalStartTime": "233000"}, 10.5 * 3600),  # midnight
        ({"RadiopharmaceuticalStartDateTime": "20240229233000", "RadiopharmaceuticalStartTime": None}, 10.5 * 3600),
        ({"RadiopharmaceuticalStartDateTime": "20240301090000+0100", "TimezoneOffsetFromUTC": "+0100"}, 3600),
        (
            {
                "RadiopharmaceuticalStartDateTime": "20240301080000+0000",
                "RadiopharmaceuticalStartTime": None,
                "TimezoneOffsetFromUTC": "+0100",
            },
            3600,
        ),
        ({"SeriesTime": "095500"}, 3300),
    ],
)
def test_the_time_since_the_injection(tmp_path: Path, changed: dict[str, Any], seconds: float) -> None:
    truth = write_pet(tmp_path, **changed)
    expected = truth.frames * WEIGHT * 1000 / (DOSE * 0.5 ** (seconds / HALF_LIFE))
    np.testing.assert_allclose(vdl.load(tmp_path, rescale="suv-bw").frames, expected, rtol=1e-6)


def test_times_of_day_serve_where_dates_were_removed(tmp_path: Path) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        del dataset.AcquisitionDate, dataset.SeriesDate

    truth = write_pet(tmp_path, edit=edit)
    volume = vdl.load(tmp_path, rescale="suv-bw")
    np.testing.assert_allclose(volume.frames, truth.frames * BW, rtol=1e-6)
    assert "1900" not in dict(volume.checks)["SUVbw"]


# ------------------------------------------------------------------------------------------------ units
@pytest.mark.parametrize(
    ("units", "suv_type", "kind", "factor"),
    [
        ("GML", None, "suv-bw", 1.0),
        ("GML", "BW", "suv-bw", 1.0),
        ("GML", "BW", "suv-lbm", LEAN / WEIGHT),
        ("GML", "LBMJANMA", "suv-lbm", 1.0),
        ("GML", "LBMJANMA", "suv-bw", WEIGHT / LEAN),
        ("CM2ML", "BSA", "suv-bsa", 1.0),
        ("GML", None, "suv-bsa", SURFACE * 10 / WEIGHT),
    ],
)
def test_values_that_are_uptake_already(
    tmp_path: Path, units: str, suv_type: str | None, kind: str, factor: float
) -> None:
    truth = write_pet(tmp_path, Units=units, SUVType=suv_type, RadionuclideTotalDose=None, DecayCorrection=None)
    np.testing.assert_allclose(vdl.load(tmp_path, rescale=kind).frames, truth.frames * factor, rtol=1e-6)


def _with_philips(**elements: float) -> Any:
    def edit(dataset: Dataset, k: int) -> None:
        block = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
        for name, value in elements.items():
            block.add_new(int(name[1:], 16), "DS", value)

    return edit


def test_counts_of_philips(tmp_path: Path) -> None:
    truth = write_pet(tmp_path / "suv", Units="CNTS", edit=_with_philips(x00=0.00031, x09=2.0))
    np.testing.assert_allclose(vdl.load(tmp_path / "suv", rescale="suv-bw").frames, truth.frames * 0.00031, rtol=1e-6)
    lean = vdl.load(tmp_path / "suv", rescale="suv-lbm").frames
    np.testing.assert_allclose(lean, truth.frames * 0.00031 * LEAN / WEIGHT, rtol=1e-6)
    truth = write_pet(tmp_path / "activity", Units="CNTS", edit=_with_philips(x00=0, x09=2.0))
    np.testing.assert_allclose(
        vdl.load(tmp_path / "activity", rescale="suv-bw").frames, truth.frames * 2 * BW, rtol=1e-6
    )


def test_a_slope_of_every_slice(tmp_path: Path) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.RescaleSlope = 1.5 + k

    truth = write_pet(tmp_path, edit=edit)
    np.testing.assert_allclose(vdl.load(tmp_path, rescale="suv-bw").frames, truth.frames * BW, rtol=1e-6)


# ------------------------------------------------------------------------------------------------ refusals
@pytest.mark.parametrize(
    ("kind", "changed", "named"),
    [
        ("suv-bw", {"Units": None}, "Units is missing"),
        ("suv-bw", {"Units": "PROPCPS"}, "Units is PROPCPS"),
        ("suv-bw", {"Units": "CNTS"}, r"\(7053,1000\) and \(7053,1009\) are missing"),
        ("suv-bw", {"DecayCorrection": None}, "DecayCorrection is missing"),
        ("suv-bw", {"DecayCorrection": "NONE"}, "DecayCorrection is NONE"),
        ("suv-bw", {"CorrectedImage": ["DECY"]}, "nothing of attenuation"),
        ("suv-bw", {"CorrectedImage": ["ATTN"]}, "nothing of decay"),
        ("suv-bw", {"PatientWeight": None}, "PatientWeight is missing"),
        ("suv-bw", {"PatientWeight": 0}, "PatientWeight is 0"),
        ("suv-bw", {"RadionuclideTotalDose": None}, "RadionuclideTotalDose is missing"),
        ("suv-bw", {"RadionuclideTotalDose": 370}, "RadionuclideTotalDose is 370, which are no Bq"),
        ("suv-bw", {"RadionuclideHalfLife": None}, "RadionuclideHalfLife is missing"),
        ("suv-bw", {"RadionuclideHalfLife": 0}, "RadionuclideHalfLife is 0"),
        (
            "suv-bw",
            {"RadiopharmaceuticalStartDateTime": None, "RadiopharmaceuticalStartTime": None},
            "RadiopharmaceuticalStartDateTime and RadiopharmaceuticalStartTime are missing",
        ),
        (
            "suv-bw",
            {"RadiopharmaceuticalStartDateTime": "20240301100100"},
            "says 10:01:00, RadiopharmaceuticalStartTime",
        ),
        (
            "suv-bw",
            {"RadiopharmaceuticalStartDateTime": "20240301100100", "RadiopharmaceuticalStartTime": None},
            "-60 s lie between",
        ),
        ("suv-bw", {"RadiopharmaceuticalStartDateTime": "20240229090000"}, "90000 s lie between .* outside 0 to 10"),
        (
            "suv-bw",
            {"RadiopharmaceuticalStartDateTime": None, "RadionuclideHalfLife": 45720},
            "may be of several days",
        ),
        ("suv-lbm", {"PatientSize": None}, "PatientSize is missing"),
        ("suv-bsa", {"PatientSize": 175}, "PatientSize is 175, which are no m"),
        ("suv-lbm", {"PatientSex": None}, "PatientSex is missing"),
        ("suv-lbm", {"PatientSex": "O"}, "PatientSex is 'O'"),
        ("suv-lbm", {"Units": "GML", "SUVType": "LBMJAMES128"}, "values of another formula"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, kind: str, changed: dict[str, Any], named: str) -> None:
    write_pet(tmp_path, **changed)
    with pytest.raises(vdl.UnsupportedPixelDataError, match=named) as caught:
        vdl.load(tmp_path, rescale=kind)
    assert "Secret" not in str(caught.value)
    vdl.load(tmp_path, **caught.value.remedies[0].options)


def test_acquisitions_without_a_time_are_refused(tmp_path: Path) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        if k == 2:
            dataset.AcquisitionTime = ""

    write_pet(tmp_path, edit=edit)
    with pytest.raises(vdl.UnsupportedPixelDataError, match="AcquisitionTime is missing"):
        vdl.load(tmp_path, rescale="suv-bw")


def test_files_of_two_weights_are_refused(tmp_path: Path) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.PatientWeight = 70 + k // 3

    write_pet(tmp_path, edit=edit)
    with pytest.raises(vdl.UnsupportedPixelDataError, match="PatientWeight differs") as caught:
        vdl.load(tmp_path, rescale="suv-bw")
    assert len(caught.value.files) == 2


def test_no_word_on_corrections_is_told(tmp_path: Path) -> None:
    truth = write_pet(tmp_path, CorrectedImage=None)
    with pytest.warns(vdl.DicomLoadWarning, match="CorrectedImage is missing"):
        volume = vdl.load(tmp_path, rescale="suv-bw")
    np.testing.assert_allclose(volume.frames, truth.frames * BW, rtol=1e-6)


def test_a_ct_has_no_uptake(ct_head: Path) -> None:
    with pytest.raises(vdl.UnsupportedPixelDataError, match="Units is missing"):
        vdl.load(ct_head, rescale="suv-bw")


def test_an_unknown_scaling_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='"suv-bw", "suv-lbm", "suv-bsa"'):
        vdl.load(tmp_path, rescale="suv")


def test_the_pipeline_gives_uptake_too(tmp_path: Path) -> None:
    truth = write_pet(tmp_path)
    source = vdl.DICOMSeriesSource(directory_name=str(tmp_path))
    source.SetRescale("suv-bw")
    with warnings.catch_warnings():
        source.Update()
    low, high = source.GetOutput().GetScalarRange()
    assert (low, high) == pytest.approx((truth.frames.min() * BW, truth.frames.max() * BW), rel=1e-6)


# ------------------------------------------------------------------------------------------------ enhanced objects
def write_enhanced_pet(path: Path, *, units: str | None = "Bq/ml", **changed: Any) -> np.ndarray:
    """Write three frames whose real-world values are 2, 3 and 4 times the stored ones; None takes an attribute out."""
    said = {
        "PatientWeight": WEIGHT,
        "DecayCorrected": "YES",
        "AttenuationCorrected": "YES",
        "DecayCorrectionDateTime": "20240301100000",
        **changed,
    }
    injected = {k: said.pop(k) for k in INJECTION if k in said}
    injection = {k: v for k, v in {**INJECTION, **injected}.items() if v is not None}
    said = {k: v for k, v in said.items() if v is not None}

    def map_values(own: Dataset, k: int) -> None:
        if units is not None:
            mapping = group(
                RealWorldValueSlope=2.0 + k,
                RealWorldValueIntercept=0.0,
                LUTLabel="activity",
                RealWorldValueFirstValueMapped=0,
                RealWorldValueLastValueMapped=65535,
            )
            mapping[0].MeasurementUnitsCodeSequence = group(CodeValue=units, CodingSchemeDesignator="UCUM")
            own.RealWorldValueMappingSequence = mapping
        own.PixelValueTransformationSequence = group(RescaleSlope=1, RescaleIntercept=0, RescaleType="US")

    stored = write_enhanced(
        path,
        (0, 1, 2),
        sop_class=EnhancedPETImageStorage,
        edit_frame=map_values,
        Modality="PT",
        RadiopharmaceuticalInformationSequence=group(**injection),
        **said,
    )
    return stored * np.array([2, 3, 4])[:, None, None]


@pytest.mark.parametrize("engine", ["auto", "pydicom"])
def test_an_enhanced_object_says_activity_and_time_in_its_own_attributes(tmp_path: Path, engine: Any) -> None:
    values = write_enhanced_pet(tmp_path / "pet.dcm")
    volume = vdl.load(tmp_path / "pet.dcm", rescale="suv-bw", engine=engine)
    np.testing.assert_allclose(volume.frames, values * BW, rtol=1e-6)
    assert volume.units == "SUVbw g/ml"
    told = dict(volume.checks)["SUVbw"]
    assert "real-world values in Bq/ml" in told
    assert "at 2024-03-01 10:00:00 (DecayCorrectionDateTime)" in told


def test_no_word_on_attenuation_of_an_enhanced_object_is_told(tmp_path: Path) -> None:
    values = write_enhanced_pet(tmp_path / "pet.dcm", AttenuationCorrected=None)
    with pytest.warns(vdl.DicomLoadWarning, match="AttenuationCorrected is missing"):
        volume = vdl.load(tmp_path / "pet.dcm", rescale="suv-bw")
    np.testing.assert_allclose(volume.frames, values * BW, rtol=1e-6)


ENHANCED_WITHOUT: dict[str, tuple[dict[str, Any], str]] = {
    "a mapping": ({"units": None}, "it has no RealWorldValueMappingSequence"),
    "activities": ({"units": "{counts}"}, r"0 of its 1 real-world value mappings \('activity'\) fit 'Bq/ml'"),
    "a reference": ({"DecayCorrectionDateTime": None}, "DecayCorrectionDateTime is missing"),
    "a correction": ({"DecayCorrected": "NO"}, "DecayCorrected is NO"),
    "a word on it": ({"DecayCorrected": None}, "DecayCorrected is missing"),
    "attenuation": ({"AttenuationCorrected": "NO"}, "AttenuationCorrected is NO"),
    "a weight": ({"PatientWeight": None}, "PatientWeight is missing"),
    "a dose": ({"RadionuclideTotalDose": None}, "RadionuclideTotalDose is missing"),
    "an injection": (
        {"RadiopharmaceuticalStartDateTime": None, "RadiopharmaceuticalStartTime": None},
        "RadiopharmaceuticalStartDateTime and RadiopharmaceuticalStartTime are missing",
    ),
}


@pytest.mark.parametrize("what", ENHANCED_WITHOUT)
def test_what_an_enhanced_object_lacks_is_named(tmp_path: Path, what: str) -> None:
    changed, words = ENHANCED_WITHOUT[what]
    write_enhanced_pet(tmp_path / "pet.dcm", **changed)
    with pytest.raises(vdl.UnsupportedPixelDataError, match=words):
        vdl.load(tmp_path / "pet.dcm", rescale="suv-bw")


def test_a_legacy_converted_object_has_no_units_of_its_own(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "pet.dcm", (0, 1, 2), sop_class=LegacyConvertedEnhancedPETImageStorage, Modality="PT")
    with pytest.raises(vdl.UnsupportedPixelDataError, match=r"Units is missing → rescale=True or False"):
        vdl.load(tmp_path / "pet.dcm", rescale="suv-bw")
