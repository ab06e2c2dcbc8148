"""Volumes as objects of other libraries: one memory where they allow it, geometry as they compute it themselves."""

from __future__ import annotations

import gc
import itertools
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import pyvista
import SimpleITK
import xarray
from patient_space import Slice, sample, slices_of
from synthetic import Truth

import vtkdicomload as vdl
from vtkdicomload import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

Write = Callable[..., Truth]
Points = np.ndarray[Any, Any]

DATA = Path(__file__).parents[1] / "data"
REAL = ("small_ct", "mr_plain4", "slope_per_slice", "rgb_stack", "enh_mr_phase", "rtdose_32bit")
OBLIQUE = (0.8, 0.6, 0, -0.36, 0.48, -0.8)
TO = ("to_xarray", "to_pyvista", "to_sitk", "to_nibabel")


@cache
def real_slices(name: str) -> list[Slice]:
    return slices_of(DATA / name)


def pixels_of(thing: Any) -> Any:
    """The memory that an object of another library holds."""
    if isinstance(thing, xarray.DataArray):
        return thing.data
    return thing.active_scalars if isinstance(thing, pyvista.ImageData) else thing.dataobj


# ------------------------------------------------------------------------------------------------------ positions
def value_in_xarray(volume: Volume, point: Points) -> Any:
    array = volume.to_xarray()
    x, y, z = np.linalg.inv(np.reshape(array.patient.attrs["direction"], (3, 3))) @ point
    found = array.sel(z=z, y=y, x=x, method="nearest", tolerance=0.05)
    return found.to_numpy()


def value_in_pyvista(volume: Volume, point: Points) -> Any:
    image = volume.to_pyvista()
    at = image.find_closest_point(point)
    assert np.linalg.norm(image.points[at] - point) < 0.05
    return image.active_scalars[at]


def value_in_sitk(volume: Volume, point: Points) -> Any:
    image = volume.to_sitk()
    index = image.TransformPhysicalPointToIndex(point.tolist())
    np.testing.assert_allclose(image.TransformIndexToPhysicalPoint(index), point, atol=0.05)
    return np.array(image[index])


def value_in_nibabel(volume: Volume, point: Points) -> Any:
    image = volume.to_nibabel()
    index = (np.linalg.inv(image.affine) @ [-point[0], -point[1], point[2], 1.0])[:3]
    np.testing.assert_allclose(index, np.rint(index), atol=0.02)
    value = image.dataobj[tuple(np.rint(index).astype(int))]
    return np.array(value.tolist() if value.dtype.names else value)


@pytest.mark.parametrize("value_in", [value_in_xarray, value_in_pyvista, value_in_sitk, value_in_nibabel])
@pytest.mark.parametrize("shape", ["loaded", "reoriented"])
@pytest.mark.parametrize("name", REAL)
def test_a_place_in_the_patient_has_the_value_of_the_file(
    name: str, shape: str, value_in: Callable[[Volume, Points], Any]
) -> None:
    volume = vdl.load(DATA / name)
    if shape == "reoriented":
        volume = volume.reorient("SRA")
    for point, value in sample(real_slices(name), count=12):
        np.testing.assert_allclose(value_in(volume, point), value, rtol=1e-6)


@pytest.mark.parametrize("name", REAL)
def test_geometry_goes_and_comes_back(name: str) -> None:
    volume = vdl.load(DATA / name)
    geometry, affine = volume.geometry, volume.affine
    assert affine is not None
    itk, nifti, grid = volume.to_sitk(), volume.to_nibabel(), volume.to_pyvista()
    np.testing.assert_allclose(itk.GetOrigin(), geometry.origin, atol=1e-9)
    np.testing.assert_allclose(itk.GetSpacing(), geometry.spacing, atol=1e-9)
    np.testing.assert_allclose(np.reshape(itk.GetDirection(), (3, 3)), geometry.direction, atol=1e-9)
    np.testing.assert_allclose(np.diag([-1, -1, 1, 1]) @ nifti.affine, affine, atol=1e-9)
    np.testing.assert_allclose(nifti.header.get_best_affine(), nifti.affine, atol=1e-4)
    np.testing.assert_allclose(nifti.header.get_qform(), nifti.affine, atol=1e-4)
    np.testing.assert_allclose(grid.index_to_physical_matrix, volume.affine, atol=1e-9)
    np.testing.assert_allclose(vdl.affine_of(volume.to_xarray()), affine, atol=2e-6)


# ------------------------------------------------------------------------------------------------------ one memory
@pytest.mark.parametrize("to", ["to_xarray", "to_pyvista", "to_nibabel"])
@pytest.mark.parametrize("options", [{}, {"dtype": np.uint8, "SamplesPerPixel": 3}], ids=["grey", "rgb"])
def test_no_pixel_is_copied(series: Write, options: dict[str, Any], to: str) -> None:
    volume = vdl.load(series(**options).folder)
    assert np.shares_memory(pixels_of(getattr(volume, to)()), volume.frames)


def test_reoriented_volumes_are_not_copied_either(series: Write) -> None:
    volume = vdl.load(series().folder).reorient("SRA")
    for to in ("to_xarray", "to_pyvista", "to_nibabel"):
        assert np.shares_memory(pixels_of(getattr(volume, to)()), volume.frames)


@pytest.mark.parametrize("to", ["to_xarray", "to_pyvista", "to_nibabel"])
def test_the_pixels_outlive_the_volume(series: Write, to: str) -> None:
    # Large enough that freed memory goes back to the system.
    truth = series(count=4, rows=300, columns=400)
    kept = getattr(vdl.load(truth.folder), to)()
    gc.collect()
    junk = [np.full(truth.stored.size, 7, np.int16) for _ in range(20)]
    del junk
    assert np.asarray(pixels_of(kept)).astype(float).sum() == truth.frames.sum()


def test_the_contour_of_pyvista_lies_in_the_patient_by_flying_edges_only(data: Path) -> None:
    """PyVista's default is vtkContourFilter, which ignores the direction matrix."""
    volume = vdl.load(data / "small_ct")
    level = float(np.percentile(volume.frames, 90))
    corners = volume.geometry.to_patient(np.array(list(itertools.product(*((0, n - 1) for n in volume.shape)))))
    image = volume.to_pyvista()
    surfaces = {way: image.contour([level], method=way) for way in ("contour", "flying_edges")}
    inside = {
        way: np.all(surface.points >= corners.min(axis=0) - 0.01)
        and np.all(surface.points <= corners.max(axis=0) + 0.01)
        for way, surface in surfaces.items()
    }
    assert inside == {"contour": False, "flying_edges": True}


def test_simpleitk_has_its_own_pixels(series: Write) -> None:
    truth = series()
    volume = vdl.load(truth.folder)
    image = volume.to_sitk()
    volume.frames[...] = 0
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), truth.frames)


def test_colour_is_a_vector_image_and_structured(data: Path) -> None:
    volume = vdl.load(data / "rgb_stack")
    image, nifti = volume.to_sitk(), volume.to_nibabel()
    assert (image.GetDimension(), image.GetNumberOfComponentsPerPixel()) == (3, 3)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), volume.frames)
    assert nifti.get_data_dtype().names == ("R", "G", "B")
    assert nifti.shape == volume.dimensions
    assert volume.to_pyvista().active_scalars.shape[1] == 3


# ------------------------------------------------------------------------------------------------------ xarray
def test_a_data_array_has_coordinates_in_mm(series: Write) -> None:
    truth = series(orientation=OBLIQUE, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400)
    array = vdl.load(truth.folder).to_xarray()
    assert array.dims == ("z", "y", "x")
    assert array.name == "frames"
    np.testing.assert_array_equal(array, truth.frames)
    place = np.reshape(array.patient.attrs["direction"], (3, 3))
    for dim, n, step in (("z", 5, 2.5), ("y", 6, 0.8), ("x", 8, 0.5)):
        np.testing.assert_allclose(array[dim] - array[dim][0], np.arange(n) * step)
        assert array[dim].attrs["units"] == "mm"
    for k in range(5):
        np.testing.assert_allclose(place @ (array.x[0], array.y[0], array.z[k]), truth.positions[k], atol=2e-6)
    np.testing.assert_allclose(vdl.affine_of(array), truth.affine, atol=2e-6)
    assert (array.patient.attrs["convention"], array.patient.attrs["units"]) == ("LPS", "mm")
    assert array.attrs == {
        "units": "HU",
        "modality": "CT",
        "description": "series 1",
        "photometric_interpretation": "MONOCHROME2",
        "window": [40.0, 400.0],
    }


@pytest.mark.parametrize("axes", ["LPS", "SRA", "AIL"])
def test_labels_of_axes_say_which_way_they_run(series: Write, axes: str) -> None:
    array = vdl.load(series(orientation=(0.8, 0.6, 0, 0, 0, -1)).folder).reorient(axes).to_xarray()
    said = [array[dim].attrs["long_name"] for dim in "xyz"]
    assert said == [f"distance toward {letter.replace('S', 'H').replace('I', 'F')}" for letter in axes]


def test_colour_has_a_dimension_of_its_own(data: Path) -> None:
    volume = vdl.load(data / "rgb_stack")
    array = volume.to_xarray()
    assert array.dims == ("z", "y", "x", "component")
    np.testing.assert_array_equal(array.isel(component=1), volume.frames[..., 1])


def test_flat_attributes_are_what_netcdf_holds(series: Write) -> None:
    array = vdl.load(series().folder).to_xarray()
    for thing in (array, *array.coords.values()):
        assert all(np.ndim(value) <= 1 for value in thing.attrs.values())


@pytest.mark.parametrize("to", TO)
def test_no_identity_is_passed_on(series: Write, to: str) -> None:
    volume = vdl.load(series().folder)
    made = getattr(volume, to)()
    words = [repr(made), str(made), str(vars(made)) if hasattr(made, "__dict__") else ""]
    words.append(str(made.attrs) if to == "to_xarray" else "")
    words.append(str(made.header) if to == "to_nibabel" else "")
    words.extend(made.GetMetaData(key) for key in (made.GetMetaDataKeys() if to == "to_sitk" else ()))
    for secret in ("Secret", "SECRET", "19700102", "1.2.826", str(volume.series.files[0])):
        assert secret not in " ".join(words)


# ------------------------------------------------------------------------------------------------------ irregular
def _kept(series: Write, places: list[tuple[float, float]]) -> Volume:
    """A volume whose slices lie at these (y, z)."""

    def edit(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [-10, -20 + places[k][0], 30 + places[k][1]]

    folder = series(count=len(places), edit=edit).folder
    with pytest.warns(vdl.DicomLoadWarning):
        return vdl.load(folder, irregular="keep")


def test_uneven_slices_have_their_true_coordinates(series: Write) -> None:
    volume = _kept(series, [(0, 0), (0, 2), (0.3, 4.5), (0, 9), (0, 11)])
    array = volume.to_xarray()
    np.testing.assert_allclose(array["z"], [30, 32, 34.5, 39, 41])
    with pytest.raises(vdl.GeometryError, match=r"z is not even, no affine describes it: its steps are 2 to 4\.5 mm"):
        vdl.affine_of(array)
    positions = [float(array[f"position_{axis}"][2]) for axis in "xyz"]
    np.testing.assert_allclose(positions, [-10, -19.7, 34.5])
    at = array.sel(z=39.1, method="nearest")
    np.testing.assert_array_equal(at, volume.frames[3])


def test_leaning_slices_have_one_sheared_affine_everywhere(series: Write) -> None:
    volume = _kept(series, [(0.6 * k, 2.5 * k) for k in range(5)])
    array = volume.to_xarray()
    affine = vdl.affine_of(array)
    np.testing.assert_allclose(array["z"] - array["z"][0], np.arange(5) * np.hypot(0.6, 2.5), atol=2e-6)
    assert volume.spacing == volume.image.GetSpacing() == volume.to_sitk().GetSpacing()
    for k, (i, j) in itertools.product((0, 4), ((0, 0), (7, 5))):
        expected = [-10 + 0.5 * i, -20 + 0.8 * j + 0.6 * k, 30 + 2.5 * k]
        np.testing.assert_allclose((affine @ [i, j, k, 1])[:3], expected, atol=2e-6)
        np.testing.assert_allclose(volume.to_sitk().TransformIndexToPhysicalPoint((i, j, k)), expected)
        np.testing.assert_allclose((np.diag([-1, -1, 1, 1]) @ volume.to_nibabel().affine @ [i, j, k, 1])[:3], expected)
        np.testing.assert_allclose((volume.to_pyvista().index_to_physical_matrix @ [i, j, k, 1])[:3], expected)
    nifti = volume.to_nibabel()
    assert (nifti.header["qform_code"], nifti.header["sform_code"]) == (0, 1)


@pytest.mark.parametrize("to", ["to_pyvista", "to_sitk", "to_nibabel"])
def test_uneven_slices_are_refused_where_an_affine_is_needed(series: Write, to: str) -> None:
    volume = _kept(series, [(0, 0), (0, 2), (0, 4), (0, 9), (0, 11)])
    with pytest.raises(vdl.GeometryError, match=re.escape('uneven, no affine describes them → load(…, irregular="r')):
        getattr(volume, to)()


@pytest.mark.parametrize("to", TO)
def test_slices_that_go_to_and_fro_are_refused(series: Write, to: str) -> None:
    files = series().files
    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load([str(files[k]) for k in (0, 2, 1, 4, 3)], order="given")
    with pytest.raises(vdl.GeometryError, match='→ load\\(…, order="position"\\)'):
        getattr(volume, to)()


def test_a_volume_without_a_place(data: Path) -> None:
    volume = vdl.load(data / "mono1")
    array = volume.to_xarray()
    np.testing.assert_allclose(array["x"][1], volume.spacing[0])
    with pytest.raises(vdl.GeometryError, match="no coordinate patient, so that it has no place"):
        vdl.affine_of(array)
    assert volume.to_nibabel().affine is None
    for to in (volume.to_sitk, volume.to_pyvista):
        with pytest.warns(vdl.DicomLoadWarning, match="origin is written as 0"):
            to()


# ------------------------------------------------------------------------------------------------------ limits
@pytest.mark.parametrize(("to", "holder"), [("to_pyvista", "VTK"), ("to_sitk", "ITK"), ("to_nibabel", "NIfTI")])
def test_pixels_that_a_library_does_not_hold(series: Write, to: str, holder: str) -> None:
    volume = vdl.load(series().folder)
    volume.frames = volume.frames > 0
    with pytest.raises(vdl.UnsupportedPixelDataError, match=f"{holder} holds uint8, .*float64, not bool"):
        getattr(volume, to)()


def test_an_axis_that_is_too_long_for_nifti(series: Write) -> None:
    volume = vdl.load(series(count=1, rows=1, columns=32768, SliceThickness=1).folder)
    with pytest.raises(vdl.UnsupportedPixelDataError, match="an axis of 32768 voxels; NIfTI-1 holds 32767"):
        volume.to_nibabel()


def test_torch_takes_frames_as_they_are(series: Write) -> None:
    """What `torch.from_numpy` asks for: no negative stride, a dtype of its own, memory that can be written."""
    frames = vdl.load(series().folder).frames
    assert all(stride > 0 for stride in frames.strides)
    assert frames.flags.writeable
    assert frames.dtype == np.int16
