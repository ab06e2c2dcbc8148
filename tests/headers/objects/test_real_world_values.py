"""Real-world values: the mapping in the place of the modality transform, its units, and what it refuses."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from enhanced import assert_as_highdicom, group, highdicom_truth, write_enhanced
from synthetic import write_series

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset


def _mapping(slope: float = 0.25, intercept: float = -3.0, label: str = "T2", units: str = "ms") -> Dataset:
    return group(
        LUTLabel=label,
        RealWorldValueSlope=slope,
        RealWorldValueIntercept=intercept,
        MeasurementUnitsCodeSequence=group(CodeValue=units, CodingSchemeDesignator="UCUM"),
    )[0]


def _with(*mappings: Dataset) -> Callable[[Dataset, int], None]:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.RealWorldValueMappingSequence = list(mappings)

    return edit


@pytest.mark.parametrize("name", ["parametric_int", "parametric_float"])
def test_a_parametric_map_as_highdicom_maps_it(data: Path, name: str) -> None:
    path = data / "highdicom" / f"{name}.dcm"
    volume = vdl.load(path, rescale="real-world", verify="all")
    assert_as_highdicom(volume, highdicom_truth(data)[name]["real-world"], rtol=1e-6)
    assert volume.units == ("ms" if name == "parametric_int" else "mm2/s")
    assert volume.dtype == np.float32
    assert vdl.load(path).units is None


@pytest.mark.parametrize("engine", ["auto", "direct", "pydicom"])
def test_single_frames_have_it_at_the_top(tmp_path: Path, engine: str) -> None:
    """The modality transform is not applied before it, by no reader and no witness."""
    window = {"WindowCenter": 40, "WindowWidth": 400}
    truth = write_series(tmp_path, RescaleSlope=2, RescaleIntercept=-1024, edit=_with(_mapping()), **window)
    volume = vdl.load(tmp_path, rescale="real-world", engine=engine, verify="all")
    np.testing.assert_array_equal(volume.frames, truth.stored * 0.25 - 3)
    assert volume.units == "ms"
    assert volume.window is None  # the file's is one of rescaled values
    assert vdl.load(tmp_path).window == (40, 400)
    np.testing.assert_array_equal(vdl.load(tmp_path).frames, truth.frames)
    np.testing.assert_array_equal(vdl.load(tmp_path, rescale=False).frames, truth.stored)


def test_vtk_is_no_witness_for_it(tmp_path: Path) -> None:
    write_series(tmp_path, RescaleSlope=2, edit=_with(_mapping()))
    with pytest.raises(vdl.UnsupportedPixelDataError, match="VTK rescales by the file's own slope"):
        vdl.load(tmp_path, rescale="real-world", engine="vtk")


def test_every_frame_by_its_own_mapping(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"

    def edit(groups: Dataset, i: int) -> None:
        groups.RealWorldValueMappingSequence = [_mapping(slope=0.5 + i, intercept=i)]

    stored = write_enhanced(path, (1, 0, 2), edit_frame=edit)
    volume = vdl.load(path, rescale="real-world")
    mapped = stored * np.array([0.5, 1.5, 2.5])[:, None, None] + np.arange(3)[:, None, None]
    np.testing.assert_array_equal(volume.frames, mapped[[1, 0, 2]])


def test_a_mapping_of_all_frames(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"

    def edit(d: Dataset) -> None:
        d.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = [_mapping()]

    stored = write_enhanced(path, range(3), edit=edit)
    np.testing.assert_array_equal(vdl.load(path, rescale="real-world").frames, stored * 0.25 - 3)


@pytest.mark.parametrize("slope", [0.25, -0.25])
@pytest.mark.parametrize(("last", "beyond"), [(239, 0), (238, 1), (191, 1), (190, 2)])
def test_stored_values_that_the_mapping_is_not_for_are_said(
    tmp_path: Path, slope: float, last: int, beyond: int
) -> None:
    mapping = _mapping(slope)
    mapping.add_new("RealWorldValueFirstValueMapped", "US", 0)
    mapping.add_new("RealWorldValueLastValueMapped", "US", last)
    truth = write_series(tmp_path, edit=_with(mapping), dtype=np.uint16)
    assert truth.stored.max() == 239  # 48 values a slice
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        volume = vdl.load(tmp_path, rescale="real-world")
    np.testing.assert_array_equal(volume.frames, truth.stored * slope - 3)
    said = [str(w.message) for w in caught]
    assert len(said) == bool(beyond)
    assert all(words.startswith(f"{beyond} of 5 frames hold stored values outside those") for words in said)


def test_the_mapped_values_of_floats(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"

    def edit(d: Dataset) -> None:
        mapping = _mapping()
        mapping.DoubleFloatRealWorldValueFirstValueMapped, mapping.DoubleFloatRealWorldValueLastValueMapped = 0.5, 1e6
        d.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = [mapping]

    stored = write_enhanced(path, range(3), edit=edit)
    assert stored[0].min() < 0.5 <= stored[1].min()
    with pytest.warns(vdl.DicomLoadWarning, match="1 of 3 frames hold stored values outside"):
        vdl.load(path, rescale="real-world")


def test_one_of_several_is_chosen_by_its_label_or_units(tmp_path: Path) -> None:
    both = _with(_mapping(label="SUVbw", units="g/ml"), _mapping(2.0, 0.0, "concentration", "Bq/ml"))
    truth = write_series(tmp_path, edit=both)
    with pytest.raises(vdl.UnsupportedPixelDataError) as caught:
        vdl.load(tmp_path, rescale="real-world")
    assert "2 of its 2 real-world value mappings ('SUVbw', 'concentration') fit" in str(caught.value)
    assert 'rescale="real-world:SUVbw"' in str(caught.value)
    for label in ("concentration", "Bq/ml"):
        volume = vdl.load(tmp_path, rescale=f"real-world:{label}")
        np.testing.assert_array_equal(volume.frames, truth.stored * 2)
        assert volume.units == "Bq/ml"
    with pytest.raises(vdl.UnsupportedPixelDataError, match="0 of its 2"):
        vdl.load(tmp_path, rescale="real-world:SUL")


def _table() -> Dataset:
    mapping = _mapping()
    del mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept
    mapping.RealWorldValueLUTData = [1.0, 2.0]
    return mapping


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (_with(_mapping(label="SUV"), _mapping(2, 0, "SUV")), "2 of its 2"),
        (lambda d, k: None, "it has no RealWorldValueMappingSequence"),
        (_with(_table()), "is a lookup table, which is not read"),
        (_with(_mapping(units="")), "its real-world values have no units"),
        (_with(_mapping(slope=0)), "RealWorldValueSlope is 0"),
        (_with(_mapping(slope=float("inf"))), "cannot be used: RealWorldValueSlope is not finite"),
        (lambda d, k: _with(_mapping(units="ms" if k else "s"))(d, k), "different units: s, ms"),
        (lambda d, k: _with(_mapping())(d, k) if k else None, "it has no RealWorldValueMappingSequence"),
    ],
)
def test_what_cannot_be_mapped_is_refused(tmp_path: Path, edit: Callable[[Dataset, int], Any], words: str) -> None:
    truth = write_series(tmp_path, edit=edit)
    with pytest.raises(vdl.UnsupportedPixelDataError, match=words) as caught:
        vdl.load(tmp_path, rescale="real-world")
    assert "rescale=True or False" in str(caught.value)
    assert caught.value.files
    np.testing.assert_array_equal(vdl.load(tmp_path).frames, truth.frames)


def test_colour_has_no_real_world_values(tmp_path: Path) -> None:
    write_series(tmp_path, edit=_with(_mapping()), dtype=np.uint8, SamplesPerPixel=3)
    with pytest.raises(vdl.UnsupportedPixelDataError, match="colours stand for no real-world values"):
        vdl.load(tmp_path, rescale="real-world")


def test_another_word_is_no_option(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'one of "real-world".*"real-world:LABEL", not a str of 3 characters'):
        vdl.load(tmp_path, rescale="suv")
    truth = write_series(tmp_path, RescaleSlope=2)
    for rescale, values in ((np.True_, truth.frames), (np.False_, truth.stored), (0, truth.stored)):
        np.testing.assert_array_equal(vdl.load(tmp_path, rescale=rescale).frames, values)
