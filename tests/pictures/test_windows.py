from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pydicom
import pytest
import SimpleITK
from enhanced import group
from pets import write_pet
from pydicom.data import get_testdata_file

import vtkdicomload as vdl
from vtkdicomload.pictures import windows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


def test_window_of_the_file_or_of_the_values(series: Write) -> None:
    given = vdl.load(series("a", WindowCenter=50, WindowWidth=200).folder)
    assert windows.choose_window(given)[:2] == (50, 200)
    assert "center 50, width 200 HU (from the file)" in windows.choose_window(given).words
    nowhere = vdl.load(series("b", WindowCenter=50000, WindowWidth=2, dtype=np.uint16).folder)
    window = windows.choose_window(nowhere)
    assert "percentile" in window.words
    assert window.center < 300


def test_a_window_is_one_of_values_that_are_no_padding(series: Write) -> None:
    def edit(dataset: Any, _: int) -> None:
        pixels = np.empty((40, 40), np.uint16)
        pixels[:, :20] = np.arange(20) * 7 + 9001
        pixels[:, 20:] = np.arange(20) + 100
        dataset.PixelData = pixels.tobytes()
        dataset.PixelPaddingValue, dataset.PixelPaddingRangeLimit = 9500, 9000
        dataset.Modality = "MR"

    volume = vdl.load(series(dtype=np.uint16, rows=40, columns=40, edit=edit).folder)
    window = windows.choose_window(volume)
    assert window.center - window.width / 2 == pytest.approx(100, abs=1)
    assert window.center + window.width / 2 == pytest.approx(119, abs=1)


def test_a_blank_volume_has_a_window(series: Write) -> None:
    def blank(dataset: Any, _: int) -> None:
        dataset.PixelData = bytes(len(dataset.PixelData))

    assert windows.choose_window(vdl.load(series(edit=blank).folder)).width == 1


def test_monochrome1_is_shown_inverted(series: Write) -> None:
    stored = vdl.load(series("a", dtype=np.uint16).folder)
    inverted = vdl.load(series("b", dtype=np.uint16, PhotometricInterpretation="MONOCHROME1").folder)
    one, other = (windows.choose_window(v).grey(v.frames).astype(int) for v in (stored, inverted))
    assert np.abs(one + other - 255).max() <= 1
    assert "inverted" in windows.choose_window(inverted).words


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colour_is_shown_as_stored(series: Write, dtype: type) -> None:
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}
    volume = vdl.load(series(dtype=dtype, rows=30, columns=30, **colour).folder)
    shown = windows.choose_window(volume).grey(volume.frames[0])
    assert shown.dtype == np.uint8
    assert shown.shape == (30, 30, 3)
    if dtype == np.uint8:
        assert np.array_equal(shown, volume.frames[0])
    with pytest.raises(ValueError, match="colour is shown as it is stored"):
        windows.choose_window(volume, (1, 2))


def test_a_palette_of_16_bits_under_indices_of_8_is_shown_as_simpleitk_has_it() -> None:
    path = str(get_testdata_file("examples_palette.dcm", download=False))
    assert pydicom.dcmread(path).BitsStored == 8
    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load(path)
    assert volume.dtype == np.uint16
    expected = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))
    np.testing.assert_array_equal(
        windows.choose_window(volume).grey(volume.frames), expected.reshape(volume.frames.shape)
    )


# ---------------------------------------------------------------------------------------------------- by name
@pytest.mark.parametrize("name", windows.CT_WINDOWS)
def test_every_name_is_a_window_of_a_ct(series: Write, name: str) -> None:
    volume = vdl.load(series(WindowCenter=1, WindowWidth=2).folder)  # with negative values: Hounsfield units
    window = windows.choose_window(volume, name)
    assert window[:2] == windows.CT_WINDOWS[name]
    assert window.words.endswith(f"HU ({name})")
    low, high = window.center - window.width / 2, window.center + window.width / 2
    assert window.grey(np.array([low - 1, low, high, high + 1])).tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("name", ["Soft-Tissue", "soft_tissue", " SOFT  TISSUE "])
def test_names_are_taken_as_people_write_them(series: Write, name: str) -> None:
    assert windows.choose_window(vdl.load(series().folder), name)[:2] == (50, 400)


def test_percentiles_go_before_the_window_of_the_file(series: Write) -> None:
    volume = vdl.load(series(WindowCenter=50, WindowWidth=200, Modality="MR").folder)
    window = windows.choose_window(volume, "percentiles")
    low, high = np.percentile(volume.frames, [1, 99.5])
    assert window[:2] == pytest.approx(((low + high) / 2, high - low))


@pytest.mark.parametrize("pair", [(40, 400), [40, 400], np.array([40.0, 400.0])])
def test_numbers_are_taken_as_they_are(series: Write, pair: Any) -> None:
    window = windows.choose_window(vdl.load(series().folder), pair)
    assert window[:2] == (40, 400)
    assert "as given" in window.words


def test_a_wrong_name_lists_the_names(series: Write) -> None:
    with pytest.raises(ValueError, match=r"no window of that name .*; for CT there are abdomen, bone, .*percentiles"):
        windows.choose_window(vdl.load(series().folder), "bones")


@pytest.mark.parametrize("wanted", [5, (1,), (1, 2, 3), ("a", "b"), {}])
def test_neither_a_name_nor_two_numbers(series: Write, wanted: Any) -> None:
    with pytest.raises(TypeError, match="must be a name or"):
        windows.choose_window(vdl.load(series().folder), wanted)


@pytest.mark.parametrize("wanted", [(0, 0), (0, -5), (float("nan"), 1), (0, float("inf"))])
def test_numbers_that_are_no_window(series: Write, wanted: Any) -> None:
    with pytest.raises(ValueError, match="finite center and a width above 0"):
        windows.choose_window(vdl.load(series().folder), wanted)


@pytest.mark.parametrize(
    ("attributes", "options", "reason"),
    [
        ({"Modality": "MR"}, {}, "modality is MR"),
        ({"Modality": None}, {}, "give no modality"),
        ({"RescaleType": "Z_EFF"}, {}, "units are Z_EFF"),
        ({}, {"rescale": False}, "stored values"),
        ({"dtype": np.uint16}, {}, "begin at 0"),
    ],
)
def test_a_name_needs_hounsfield_units(
    series: Write, attributes: dict[str, Any], options: dict[str, Any], reason: str
) -> None:
    volume = vdl.load(series(**attributes).folder, **options)
    with pytest.raises(ValueError, match=reason):
        windows.choose_window(volume, "bone")
    assert windows.choose_window(volume, (1, 2))[:2] == (1, 2)


def test_a_file_that_says_hu_is_believed(series: Write) -> None:
    volume = vdl.load(series(dtype=np.uint16, RescaleType="HU").folder)
    assert windows.choose_window(volume, "bone").words.endswith("HU (bone)")


def test_hounsfield_units_of_a_real_world_mapping(series: Write) -> None:
    def mapped(dataset: Any, _: int) -> None:
        units = {"CodeValue": "[hnsf'U]", "CodingSchemeDesignator": "UCUM"}
        mapping = {"LUTLabel": "HU", "RealWorldValueSlope": 1.0, "RealWorldValueIntercept": 5.0}
        (item,) = group(**mapping, MeasurementUnitsCodeSequence=group(**units))
        dataset.RealWorldValueMappingSequence = [item]

    volume = vdl.load(series(dtype=np.uint16, edit=mapped).folder, rescale="real-world")
    assert windows.choose_window(volume, "bone").words.endswith("HU (bone)")


def test_the_caption_claims_hounsfield_units_only_where_they_are(ct_head: Path) -> None:
    assert "HU" not in windows.choose_window(vdl.load(ct_head)).words


@pytest.mark.parametrize(
    ("words", "expected"), [("40,400", (40, 400)), ("-600, 1500", (-600, 1500)), ("bone", "bone"), ("1,2,3", "1,2,3")]
)
def test_windows_of_the_command_line(words: str, expected: Any) -> None:
    assert windows.parse_window(words) == expected


def test_pet_is_drawn_in_inverted_grey(tmp_path: Path) -> None:
    write_pet(tmp_path)
    pet = vdl.load(tmp_path)
    plain, shown = windows.choose_window(pet), windows.choose_display(pet)
    np.testing.assert_allclose(shown.grey(pet.frames).astype(int) + plain.grey(pet.frames), 255, atol=1)
    assert shown.words.endswith(", inverted")
    assert " g/ml (" in windows.choose_display(vdl.load(tmp_path, rescale="suv-bw")).words


def test_a_colour_map_takes_the_place_of_grey(series: Write) -> None:
    volume = vdl.load(series().folder)
    grey, colour = windows.choose_display(volume), windows.choose_display(volume, colormap="hot")
    expected = mpl.colormaps["hot"](grey.grey(volume.frames))[..., :3]
    np.testing.assert_allclose(colour.grey(volume.frames) / 255, expected, atol=1 / 255)
    with pytest.raises(ValueError, match="matplotlib has no colour map"):
        windows.choose_display(volume, colormap="rainbows")
