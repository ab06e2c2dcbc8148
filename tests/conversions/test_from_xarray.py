"""Volumes of arrays: in the place of the array, with its values and what its attributes say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK
import xarray as xr

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]

OBLIQUE = (0.8, 0.6, 0, -0.36, 0.48, -0.8)


def test_the_volume_of_an_array_is_the_volume_again(series: Write) -> None:
    options = {"RescaleIntercept": -1024, "WindowCenter": 40, "WindowWidth": 400}
    padding = {"PixelPaddingValue": 9, "PixelPaddingRangeLimit": 2}
    volume = vdl.load(series(orientation=OBLIQUE, dtype=np.uint16, **options, **padding).folder)
    assert (volume.padding_value, volume.padding_range) == (-1015, (-1022, -1015))
    again = vdl.Volume.from_xarray(volume.to_xarray())
    np.testing.assert_array_equal(again.frames, volume.frames)
    np.testing.assert_allclose(again.affine, volume.affine, atol=2e-6)
    for name in ("dtype", "units", "window", "photometric_interpretation", "padding_value", "padding_range", "extent"):
        assert getattr(again, name) == getattr(volume, name), name
    assert again.series.modality == "CT"
    assert again.series.description == volume.series.description


@pytest.mark.parametrize("dims", [("z", "y", "x"), ("x", "y", "z"), ("y", "x", "z")])
def test_a_flipped_part_lies_where_another_library_finds_it(series: Write, dims: tuple[str, ...]) -> None:
    whole = vdl.load(series(orientation=OBLIQUE).folder)
    cut = whole.to_xarray()[::-1, 1:, ::2].transpose(*dims)
    image = vdl.Volume.from_xarray(cut).to_sitk()
    everything = whole.to_sitk()
    for index in ((0, 0, 0), (3, 4, 4), (2, 1, 3)):
        place = image.TransformIndexToPhysicalPoint(index)
        assert image[index] == everything[everything.TransformPhysicalPointToIndex(place)]


def test_one_slice_is_a_volume_of_one_slice(series: Write) -> None:
    whole = vdl.load(series().folder)
    volume = vdl.Volume.from_xarray(whole.to_xarray()[3])
    assert volume.dimensions == (8, 6, 1)
    np.testing.assert_allclose(volume.affine[:3, 3], whole.geometry.to_patient((0, 0, 3)), atol=2e-6)


def test_colour_stays_colour(data: Path) -> None:
    whole = vdl.load(data / "rgb_stack")
    volume = vdl.Volume.from_xarray(whole.to_xarray().transpose("component", "x", "y", "z"))
    np.testing.assert_array_equal(volume.frames, whole.frames)
    assert volume.photometric_interpretation == "RGB"
    with pytest.raises(ValueError, match="colour has three components, not 2"):
        vdl.Volume.from_xarray(whole.to_xarray()[..., :2])


def test_it_becomes_masks_pictures_and_files(series: Write, tmp_path: Path) -> None:
    array = vdl.load(series(count=6, rows=24, columns=24).folder).to_xarray()
    volume = vdl.Volume.from_xarray((array * 1.5).astype(np.float32))
    volume.save(tmp_path / "volume.mha")
    read = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "volume.mha")))
    np.testing.assert_array_equal(read, volume.frames)
    assert volume.resampled(spacing=1).spacing == (1, 1, 1)
    assert "xarray" in repr(volume)
    assert len(volume.plot().axes) >= 3


def test_an_array_without_a_place_is_a_volume_without_one(data: Path) -> None:
    volume = vdl.load(data / "mono1")
    again = vdl.Volume.from_xarray(volume.to_xarray())
    assert again.affine is None
    assert again.spacing == pytest.approx(volume.spacing)
    assert again.photometric_interpretation == "MONOCHROME1"


def test_a_further_dimension_has_to_be_chosen_from(series: Write) -> None:
    array = vdl.load(series().folder).to_xarray()
    several = xr.concat([array, array], "time")
    with pytest.raises(ValueError, match=r"the array has 2 of time: .* isel\(time=0\)"):
        vdl.Volume.from_xarray(several)
    np.testing.assert_array_equal(vdl.Volume.from_xarray(several[1:]).frames, array)


@pytest.mark.parametrize("wrong", [np.zeros((2, 2, 2)), None, 3])
def test_what_is_no_array_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="array of xarray is needed"):
        vdl.Volume.from_xarray(wrong)


def test_a_dataset_is_no_single_array_and_words_are_no_numbers(series: Write) -> None:
    array = vdl.load(series().folder).to_xarray()
    with pytest.raises(TypeError, match="one array of xarray is needed, not a Dataset"):
        vdl.Volume.from_xarray(array.to_dataset())
    with pytest.raises(TypeError, match="a volume has numbers"):
        vdl.Volume.from_xarray(array.astype(str))
