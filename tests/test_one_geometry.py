"""One geometry: whichever view or library is asked, a voxel lies where PS3.3 C.7.6.2.1.1 puts it and has its value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from synthetic import Truth

    Write = Callable[..., Truth]
    Floats = NDArray[np.float64]

SERIES: dict[str, dict[str, Any]] = {
    "axial": {"orientation": (1, 0, 0, 0, 1, 0)},
    "axial, feet first, prone": {"orientation": (-1, 0, 0, 0, -1, 0)},
    "sagittal": {"orientation": (0, 1, 0, 0, 0, -1)},
    "coronal": {"orientation": (1, 0, 0, 0, 0, -1)},
    "oblique": {"orientation": (0.8, 0.6, 0, -0.36, 0.48, -0.8)},
    "pixels that are not square": {"orientation": (0.8, 0.6, 0, 0, 0, -1), "PixelSpacing": [1.7, 0.35]},
    "colour": {"orientation": (0, 1, 0, 0, 0, -1), "dtype": np.uint8, "SamplesPerPixel": 3},
}
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def by_the_standard(folder: Path) -> list[tuple[Floats, Any]]:
    """Every slice along its normal: the matrix of equation C.7.6.2.1-1, index (column, row, 0, 1), and its pixels."""
    slices = []
    for path in folder.iterdir():
        d = pydicom.dcmread(path)
        x, y = (np.array(half, float) for half in np.reshape(d.ImageOrientationPatient, (2, 3)))
        matrix = np.zeros((4, 4))
        matrix[:3, 0] = x * float(d.PixelSpacing[1])  # the second value of PixelSpacing is the distance of columns
        matrix[:3, 1] = y * float(d.PixelSpacing[0])
        matrix[:, 3] = [*map(float, d.ImagePositionPatient), 1]
        pixels = d.pixel_array * float(d.get("RescaleSlope", 1)) + float(d.get("RescaleIntercept", 0))
        slices.append((float(np.cross(x, y) @ matrix[:3, 3]), matrix, pixels))
    return [(matrix, pixels) for _, matrix, pixels in sorted(slices, key=lambda s: s[0])]


def voxels(volume: vdl.Volume, count: int = 80) -> list[tuple[int, int, int]]:
    """Indices taken at random, and every corner."""
    random = np.random.default_rng(11)
    drawn = random.integers(0, volume.dimensions, (count, 3))
    corners = np.array(np.meshgrid(*((0, n - 1) for n in volume.dimensions))).reshape(3, -1).T
    return [(int(x), int(y), int(z)) for x, y, z in np.concatenate([drawn, corners])]


def assert_one_geometry(volume: vdl.Volume, slices: list[tuple[Floats, Any]]) -> None:
    """Every view and conversion puts the voxels of ``frames[z]`` where slice `z` says, with its values."""
    image, itk, nifti, grid = volume.image, volume.to_sitk(), volume.to_nibabel(), volume.to_pyvista()
    in_xarray = vdl.affine_of(volume.to_xarray())
    for x, y, z in voxels(volume):
        matrix, pixels = slices[z]
        place = (matrix @ [x, y, 0, 1])[:3]
        in_vtk = [0.0] * 3
        image.TransformContinuousIndexToPhysicalPoint(x, y, z, in_vtk)
        ras = nifti.affine @ [x, y, z, 1]
        for found in (
            (volume.affine @ [x, y, z, 1])[:3],
            volume.geometry.to_patient((x, y, z)),
            volume.origin + volume.direction @ [volume.axes[0][x], volume.axes[1][y], volume.axes[2][z]],
            in_vtk,
            itk.TransformContinuousIndexToPhysicalPoint((float(x), float(y), float(z))),
            (LPS_TO_RAS @ ras)[:3],
            (grid.index_to_physical_matrix @ [x, y, z, 1])[:3],
            (in_xarray @ [x, y, z, 1])[:3],
        ):
            np.testing.assert_allclose(found, place, rtol=0, atol=1e-6)
        value = pixels[y, x]
        components = [image.GetScalarComponentAsDouble(x, y, z, c) for c in range(image.GetNumberOfScalarComponents())]
        for seen in (volume.frames[z, y, x], volume.array[x, y, z], itk[x, y, z], np.squeeze(components)):
            np.testing.assert_array_equal(seen, value)


@pytest.mark.parametrize("name", SERIES)
def test_every_view_puts_a_voxel_where_the_standard_does(series: Write, name: str) -> None:
    truth = series(count=6, rows=9, columns=7, **SERIES[name])
    assert_one_geometry(vdl.load(truth.folder), by_the_standard(truth.folder))


def tilt(dataset: pydicom.Dataset, k: int) -> None:
    """Each slice lies 0.7 mm further down its columns."""
    place, column = (np.array(v, float) for v in (dataset.ImagePositionPatient, dataset.ImageOrientationPatient[3:]))
    dataset.ImagePositionPatient = [f"{v:.12g}" for v in place + 0.7 * k * column]


@pytest.mark.parametrize("name", ["axial", "coronal", "oblique"])
def test_sheared_slices_lie_there_too(series: Write, name: str) -> None:
    truth = series(count=6, rows=9, columns=7, edit=tilt, **SERIES[name])
    with pytest.warns(vdl.DicomLoadWarning, match="lean"):
        volume = vdl.load(truth.folder, irregular="keep")
    assert volume.geometry.leans
    assert_one_geometry(volume, by_the_standard(truth.folder))


@pytest.mark.parametrize("name", ["axial", "oblique", "colour"])
def test_a_left_handed_order_lies_there_too(series: Write, name: str) -> None:
    truth = series(count=6, rows=9, columns=7, **SERIES[name])
    with pytest.warns(vdl.DicomLoadWarning, match="left-handed"):
        volume = vdl.load(truth.files[::-1], order="given")
    assert_one_geometry(volume, by_the_standard(truth.folder)[::-1])


@pytest.mark.parametrize("word", ["LPS", "RIP", "SAL"])
def test_a_reoriented_volume_has_one_geometry_as_well(series: Write, word: str) -> None:
    truth = series(count=6, rows=9, columns=7, **SERIES["oblique"])
    volume = vdl.load(truth.folder).reorient(word)
    values = {
        float(pixels[y, x]): (m @ [x, y, 0, 1])[:3]
        for m, pixels in by_the_standard(truth.folder)
        for y, x in np.ndindex(9, 7)
    }
    assert len(values) == volume.frames.size
    image, itk = volume.image, volume.to_sitk()
    for x, y, z in voxels(volume):
        place = values[float(volume.frames[z, y, x])]
        in_vtk = [0.0] * 3
        image.TransformContinuousIndexToPhysicalPoint(x, y, z, in_vtk)
        for found in (in_vtk, itk.TransformIndexToPhysicalPoint((x, y, z)), volume.geometry.to_patient((x, y, z))):
            np.testing.assert_allclose(found, place, rtol=0, atol=1e-6)
        assert image.GetScalarComponentAsDouble(x, y, z, 0) == itk[x, y, z] == volume.array[x, y, z]


def test_a_volume_without_a_place_has_its_spacing_alone(series: Write) -> None:
    truth = series(ImagePositionPatient=None, ImageOrientationPatient=None)
    with pytest.warns(vdl.DicomLoadWarning, match="no place in the patient|direction is not known"):
        volume = vdl.load(truth.folder)
    assert volume.affine is volume.origin is volume.direction is None
    with pytest.warns(vdl.DicomLoadWarning, match="origin is written as 0"):
        itk = volume.to_sitk()
    for made in (volume.image, itk):
        assert (made.GetSpacing(), made.GetOrigin()) == (volume.spacing, (0, 0, 0))
    assert volume.image.GetDirectionMatrix().IsIdentity()
    assert volume.image.GetScalarComponentAsDouble(3, 2, 1, 0) == itk[3, 2, 1] == volume.frames[1, 2, 3]


@pytest.mark.parametrize("what", ["image", "to_sitk", "to_pyvista", "to_nibabel", "axes", "edges"])
def test_uneven_slices_are_refused_alike(series: Write, what: str) -> None:
    truth = series(count=7)
    truth.files[2].unlink()
    with pytest.warns(vdl.DicomLoadWarning, match="not evenly spaced"):
        volume = vdl.load(truth.folder, irregular="keep")
    assert volume.affine is None
    ask = getattr(volume, what) if what.startswith("to_") else lambda: getattr(volume, what)
    with pytest.raises(vdl.GeometryError) as caught:
        ask()
    assert str(caught.value).startswith(
        "the gaps between the slices are uneven, no affine describes them → load(…, irreg"
    )


@pytest.mark.parametrize("name", SERIES)
def test_spacing_origin_and_direction_are_the_same_for_all(series: Write, name: str) -> None:
    volume = vdl.load(series(**SERIES[name]).folder)
    image, itk, grid = volume.image, volume.to_sitk(), volume.to_pyvista()
    assert volume.spacing == image.GetSpacing() == itk.GetSpacing() == grid.spacing
    assert volume.origin == image.GetOrigin() == itk.GetOrigin() == grid.origin
    in_vtk = [image.GetDirectionMatrix().GetElement(r, c) for r in range(3) for c in range(3)]
    assert volume.direction.ravel().tolist() == in_vtk == list(itk.GetDirection())
    assert volume.extent == image.GetExtent() == grid.extent
    np.testing.assert_array_equal(volume.affine[:3, :3], volume.direction @ np.diag(volume.spacing))
    for axis, dim in zip(volume.axes, "xyz", strict=True):
        along = volume.to_xarray()[dim]
        np.testing.assert_allclose(along - along[0], axis, atol=2e-6)
