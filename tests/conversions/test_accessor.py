"""`array.dicom`: the affine, a selection in mm and a volume of any array."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray
    from synthetic import Truth

    Write = Callable[..., Truth]


@pytest.fixture
def array(series: Write) -> xarray.DataArray:
    """Five slices at z = 30, 32.5 … 40 mm, of 6 rows of 0.8 mm from -20 and 8 columns of 0.5 mm from -10 mm."""
    return vdl.load(series().folder).to_xarray()


def test_the_affine_is_that_of_the_array(array: xarray.DataArray) -> None:
    np.testing.assert_array_equal(array[2:].dicom.affine, vdl.affine_of(array[2:]))


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("ends", [(32.5, 37.5), (37.5, 32.5), (31, 38)])
def test_a_range_in_mm_is_found_whichever_way_the_axis_runs(
    array: xarray.DataArray, ends: tuple[float, float], flipped: bool
) -> None:
    array = array[::-1] if flipped else array
    found = array.dicom.sel_mm(z=slice(*ends), x=slice(None, -9))
    assert found.z.values.tolist() == ([37.5, 35, 32.5] if flipped else [32.5, 35, 37.5])
    assert found.x.values.tolist() == [-10, -9.5, -9]
    assert found.sizes["y"] == 6


def test_a_number_takes_the_nearest_voxel_and_drops_the_axis(array: xarray.DataArray) -> None:
    found = array.dicom.sel_mm(z=36.1, y=-17)
    assert found.dims == ("x",)
    assert (float(found.z), float(found.y)) == (35, -16.8)
    np.testing.assert_array_equal(found, array[2, 4])


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "between two slices": ({"z": slice(33, 34)}, ValueError, "no voxel lies between z = 33 and 34 mm: z is 30 to 40"),
    "beside": ({"x": 200}, ValueError, "x = 200 mm lies outside: x is -10 to -6.5"),
    "another axis": ({"t": 1}, TypeError, "sel_mm takes x, y, z, not t"),
    "a step": ({"z": slice(30, 40, 2)}, TypeError, "a slice of z has two ends in mm and no step"),
    "a text": ({"z": "30"}, TypeError, "z is chosen by mm, not by a str of 2 characters"),
    "no number": ({"z": float("nan")}, ValueError, "z is chosen by mm, not by nan"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_selects_nothing_is_an_error(array: xarray.DataArray, name: str) -> None:
    places, kind, words = WRONG[name]
    with pytest.raises(kind, match=re.escape(words)):
        array.dicom.sel_mm(**places)


def test_a_coordinate_that_goes_to_and_fro_is_no_range(array: xarray.DataArray) -> None:
    with pytest.raises(ValueError, match="z goes to and fro"):
        array[[0, 4, 1]].dicom.sel_mm(z=slice(30, 33))


def test_a_volume_is_made_of_it(array: xarray.DataArray) -> None:
    assert type(array.dicom.to_volume()) is vdl.Volume
