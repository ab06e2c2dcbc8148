"""Coordinates of arrays: they say where the voxels lie, whatever becomes of the array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from zarr.core.sync import cleanup_resources

import vtkdicomload as vdl
from vtkdicomload.conversions.coordinates import geometry_of, make_coordinates
from vtkdicomload.stacks.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from synthetic import Truth

    Write = Callable[..., Truth]
    Floats = NDArray[np.float64]

SHAPE = (7, 6, 5)  # z, y, x
EXACT = 4e-15  # relative to the largest number of an affine
UPRIGHT = np.array([[0.8, -0.36, 0.48], [0.6, 0.48, -0.64], [0, -0.8, -0.6]])
DIRECTIONS = {
    "axial": np.eye(3),
    "oblique": UPRIGHT,
    "left-handed": UPRIGHT * [1, 1, -1],
    "sheared": np.column_stack([UPRIGHT[:, :2], [0.0, 0.28, 0.96]]),
}


def placed(name: str, origin: tuple[float, ...] = (-120.25, 84.5, 17.75)) -> tuple[xr.DataArray, Floats]:
    """An array of running numbers at a place, and its affine by arithmetic."""
    spacing = (0.5, 0.75, 2.5)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = DIRECTIONS[name] * spacing, origin
    geometry = Geometry(SHAPE[::-1], spacing, origin, DIRECTIONS[name])
    values = np.arange(np.prod(SHAPE), dtype=np.float64).reshape(SHAPE)
    return xr.DataArray(values, make_coordinates(geometry, None), ("z", "y", "x")), affine


def assert_same(found: Floats, expected: Floats) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=EXACT * np.abs(expected).max() + 1e-6)


def moved(affine: Floats, starts: list[int], steps: list[int]) -> Floats:
    """The affine of every `steps`-th voxel from `starts` on, both by x, y, z."""
    index = np.eye(4)
    index[:3, :3], index[:3, 3] = np.diag(steps), starts
    return affine @ index


part = st.tuples(st.integers(0, 2), st.integers(4, 5), st.sampled_from([1, 2, 3, -1, -2]))


def as_slice(chosen: tuple[int, int, int]) -> slice:
    start, stop, step = chosen
    return slice(start, stop, step) if step > 0 else slice(stop - 1, start - 1 if start else None, step)


@pytest.mark.parametrize("name", DIRECTIONS)
def test_the_affine_of_an_array_is_that_of_its_place(name: str) -> None:
    array, affine = placed(name)
    assert_same(vdl.affine_of(array), affine)
    assert_same(vdl.affine_of(array.to_dataset(name="image")), affine)


@given(st.sampled_from(sorted(DIRECTIONS)), st.tuples(part, part, part))
def test_it_is_that_of_any_part_and_flip_of_it(name: str, chosen: tuple[tuple[int, int, int], ...]) -> None:
    array, _ = placed(name)
    whole = vdl.affine_of(array)
    x, y, z = map(as_slice, chosen)
    cut = array[z, y, x]
    steps = [s.step for s in (x, y, z)]
    sizes = [cut.sizes[axis] for axis in "xyz"]
    # Of one voxel the attribute says the size, not the sense.
    signs = [step if size > 1 else 1 for step, size in zip(steps, sizes, strict=True)]
    expected = moved(whole, [s.start for s in (x, y, z)], signs)
    np.testing.assert_allclose(vdl.affine_of(cut), expected, rtol=0, atol=EXACT * np.abs(whole).max())


@pytest.mark.parametrize("name", DIRECTIONS)
def test_it_survives_what_becomes_of_an_array(name: str, tmp_path: Path) -> None:
    array, _ = placed(name)
    whole = vdl.affine_of(array)
    tolerance = EXACT * np.abs(whole).max()
    becomes = {
        "arithmetic": (array - array.mean()) / 3 + array,
        "transposed": array.transpose("x", "z", "y"),
        "masked": array.where(array > 40),
        "cast": array.astype(np.float32),
    }
    for words, same in becomes.items():
        np.testing.assert_allclose(vdl.affine_of(same), whole, rtol=0, atol=tolerance, err_msg=words)
    coarse = moved(whole, [0, 0, 0], [1, 2, 1])
    coarse[:3, 3] += whole[:3, 1] / 2
    np.testing.assert_allclose(vdl.affine_of(array.coarsen(y=2).mean()), coarse, rtol=0, atol=tolerance)
    array.to_dataset(name="image").to_zarr(tmp_path / "a.zarr", consolidated=False)
    with xr.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None) as found:
        np.testing.assert_allclose(vdl.affine_of(found["image"]), whole, rtol=0, atol=tolerance)
    cleanup_resources()  # the threads that zarr starts on first use and keeps


def test_an_axis_of_one_sample_has_the_size_that_its_coordinate_says() -> None:
    array, _ = placed("oblique")
    whole = vdl.affine_of(array)
    expected = moved(whole, [0, 0, 3], [1, 1, 1])
    for cut in (array[3:4], array[3], array.isel(z=[3]), array[3].transpose("x", "y")):
        np.testing.assert_allclose(vdl.affine_of(cut), expected, rtol=0, atol=EXACT * np.abs(whole).max())
    bare = array[3:4]
    bare["z"].attrs.clear()
    with pytest.raises(vdl.GeometryError, match="z has one value and no attribute spacing"):
        vdl.affine_of(bare)


def test_volumes_of_one_place_have_equal_coordinates_though_they_differ_by_rounding() -> None:
    """xarray drops what does not match, without a word: `a + b` would be empty."""
    a, _ = placed("axial")
    b, _ = placed("axial", origin=(-120.25 + 1e-13, 84.5 - 1e-13, 17.75 + 3e-14))
    with xr.set_options(arithmetic_join="exact"):
        assert (a + b).shape == SHAPE
        with pytest.raises(ValueError, match="exact"):
            a + placed("axial", origin=(-120, 84.5, 17.75))[0]
    assert (a + placed("axial", origin=(-120, 84.5, 17.8))[0]).shape != SHAPE


def test_arrays_of_other_directions_have_no_place_together_though_they_are_centred_alike() -> None:
    """As the three planes of a localizer, whose coordinates along their own axes are equal."""
    coronal, sagittal = (
        placed("axial")[0].assign_coords(make_coordinates(Geometry(SHAPE[::-1], (1, 1, 2), tuple(origin), axes), None))
        for axes, origin in ((axes, axes @ (-2.0, -2.5, -6.0)) for axes in (np.eye(3)[[0, 2, 1]], np.eye(3)[[2, 0, 1]]))
    )
    for name in "xyz":
        np.testing.assert_array_equal(coronal[name], sagittal[name])
    joined = xr.concat([coronal, sagittal], "plane", coords="different", compat="equals")
    for array in (coronal + sagittal, sagittal.where(coronal > 3), joined, joined[1]):
        with pytest.raises(vdl.GeometryError, match=r"patient .*with different directions"):
            vdl.affine_of(array)
    with pytest.raises(ValueError, match="patient"):
        xr.merge([coronal.rename("a"), sagittal.rename("b")], compat="no_conflicts")
    np.testing.assert_array_equal(vdl.affine_of(coronal + coronal), vdl.affine_of(coronal))


@pytest.mark.parametrize("name", DIRECTIONS)
def test_directions_that_differ_by_rounding_are_those_of_one_place(name: str) -> None:
    array, _ = placed(name)
    for rounding in (1e-13, -1e-13, 1e-7, -1e-7):
        geometry = Geometry(SHAPE[::-1], (1, 1, 1), (0, 0, 0), DIRECTIONS[name] + rounding)
        assert make_coordinates(geometry, None)["patient"][1] == array.patient


# ------------------------------------------------------------------------------------------------- refused
def with_z(values: Any) -> xr.DataArray:
    array, _ = placed("axial")
    return array.assign_coords(z=("z", np.asarray(values), array.z.attrs))


WRONG = {
    "uneven": (with_z([0, 2.5, 5, 7.5, 10, 12.5, 17.5]), "z is not even, no affine describes it: its steps are 2.5 to"),
    "rolled": (placed("axial")[0].roll(x=2, roll_coords=True), "x is not even"),
    "not a number": (with_z([0, 1, 2, np.nan, 4, 5, 6]), "z is no list of numbers"),
    "without end": (with_z([0, 1, 2, 3, 4, 5, np.inf]), "z is no list of numbers"),
    "one place": (with_z([1.0] * 7), "z is not even"),
    "words": (with_z(list("abcdefg")), "z is no list of numbers"),
    "dropped": (placed("axial")[0].isel(z=2, drop=True), r"no coordinate z: .* keep it \(drop=False\)"),
    "nowhere": (placed("axial")[0].drop_vars("patient"), "no coordinate patient"),
}


@pytest.mark.parametrize("name", WRONG)
def test_coordinates_that_say_no_place_are_refused(name: str) -> None:
    array, words = WRONG[name]
    with pytest.raises(vdl.GeometryError, match=words):
        vdl.affine_of(array)


@pytest.mark.parametrize("direction", [None, [1, 0], "axial", [np.nan] * 9])
def test_directions_that_are_none_are_refused(direction: Any) -> None:
    array, _ = placed("axial")
    array.patient.attrs["direction"] = direction
    with pytest.raises(vdl.GeometryError, match="patient"):
        vdl.affine_of(array)
    del array.patient.attrs["direction"]
    with pytest.raises(vdl.GeometryError, match="patient"):
        vdl.affine_of(array)


def test_what_is_no_array_is_described() -> None:
    for wrong in (np.zeros(3), None, "Secret"):
        with pytest.raises(TypeError, match="an array of xarray is needed, not") as info:
            vdl.affine_of(wrong)
        assert "Secret" not in str(info.value)


# --------------------------------------------------------------------------------------------------- a grid again
@pytest.mark.parametrize("name", DIRECTIONS)
def test_the_grid_of_an_array_has_the_affine_of_it(name: str) -> None:
    array, _ = placed(name)
    for cut in (array, array[::-2, 1:, ::3], array[2], array[:, 3].transpose("x", "z")):
        geometry = geometry_of(cut)
        affine = vdl.affine_of(cut)
        np.testing.assert_allclose(geometry.affine, affine, rtol=0, atol=1e-12)
        assert all(step > 0 for step in geometry.spacing)
        assert geometry.dimensions == tuple(cut.sizes.get(axis, 1) for axis in "xyz")


def test_slices_of_a_series_lie_where_the_series_lies(series: Write) -> None:
    truth = series(orientation=(0.8, 0.6, 0, -0.36, 0.48, -0.8))
    array = vdl.load(truth.folder).to_xarray()
    for k in range(len(truth.positions)):
        np.testing.assert_allclose(vdl.affine_of(array[k])[:3, 3], truth.positions[k], atol=2e-6)
