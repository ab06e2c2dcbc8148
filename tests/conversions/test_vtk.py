"""vtkImageData over a volume: the memory it shares and keeps, and where VTK's own filters see it."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D
from vtkmodules.vtkImagingCore import vtkExtractVOI, vtkImageReslice
from vtkmodules.vtkIOImage import vtkDICOMImageReader

import vtkdicomload as vdl
from vtkdicomload import DicomLoadWarning, Volume
from vtkdicomload.conversions.vtk import make_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]

OBLIQUE = (0.8, 0.6, 0, -0.36, 0.48, -0.8)


def numbers(image: Any) -> np.ndarray[Any, Any]:
    return vtk_to_numpy(image.GetPointData().GetScalars())


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32])
def test_scalars_have_the_type_and_values_of_the_pixels(series: Write, dtype: type) -> None:
    volume = vdl.load(series(dtype=dtype).folder, rescale=False)
    image = make_image(volume)
    assert numbers(image).dtype == volume.dtype == np.dtype(dtype)
    assert image.GetPointData().GetScalars().GetName() == "DICOMImage"
    assert image.GetPointData().GetNumberOfArrays() == 1
    np.testing.assert_array_equal(numbers(image), volume.frames.ravel())
    assert np.shares_memory(numbers(image), volume.frames)


@pytest.mark.parametrize("slope", [0.25, 1e-3])
def test_floats_are_shared_too(series: Write, slope: float) -> None:
    volume = vdl.load(series(RescaleSlope=slope).folder)
    assert numbers(volume.image).dtype == np.float32
    assert np.shares_memory(numbers(volume.image), volume.array)


def test_an_image_knows_where_each_voxel_of_the_patient_lies(series: Write) -> None:
    truth = series(orientation=OBLIQUE)
    image = make_image(vdl.load(truth.folder))
    for k, j, i in np.ndindex(truth.frames.shape):
        point = [0.0] * 3
        image.TransformIndexToPhysicalPoint(i, j, k, point)
        np.testing.assert_allclose(point, (truth.affine @ [i, j, k, 1])[:3], atol=1e-9)
        assert image.GetScalarComponentAsDouble(i, j, k, 0) == truth.frames[k, j, i]


def test_a_tilted_stack_keeps_its_shear(series: Write) -> None:
    def tilt(dataset: Dataset, k: int) -> None:
        x, y, z = map(float, dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y + 0.6 * k, z]

    truth = series(edit=tilt)
    with pytest.warns(DicomLoadWarning, match="lean"):
        volume = vdl.load(truth.folder, irregular="keep")
    for k in range(5):
        point = [0.0] * 3
        volume.image.TransformIndexToPhysicalPoint(0, 0, k, point)
        np.testing.assert_allclose(point, truth.positions[k], atol=1e-6)


@pytest.mark.parametrize("make", [lambda v: v.image, lambda v: v.image_as("patient"), lambda v: v.image_as("vtk")])
def test_uneven_slices_make_no_image(series: Write, make: Callable[[Volume], Any]) -> None:
    def jump(dataset: Dataset, k: int) -> None:
        x, y, z = map(float, dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y, z + (4 if k > 2 else 0)]

    with pytest.warns(DicomLoadWarning, match=r"makes no volume\.image"):
        volume = vdl.load(series(edit=jump).folder, irregular="keep")
    with pytest.raises(vdl.GeometryError, match='uneven, no affine describes them → load\\(…, irregular="resample"'):
        make(volume)


def test_a_reoriented_volume_is_an_image_of_its_own_memory(series: Write) -> None:
    truth = series(orientation=(0, 1, 0, 0, 0, -1))
    volume = vdl.load(truth.folder).reorient("LPS")
    image = volume.image
    assert np.shares_memory(numbers(image), volume.frames)
    for i, j, k in np.ndindex(*volume.dimensions):
        assert image.GetScalarComponentAsDouble(i, j, k, 0) == volume.array[i, j, k]
        point = [0.0] * 3
        image.TransformIndexToPhysicalPoint(i, j, k, point)
        np.testing.assert_allclose(point, volume.geometry.to_patient((i, j, k)), atol=1e-9)


def test_vtks_convention_keeps_the_distance_of_leaning_slices(series: Write) -> None:
    def tilt(dataset: Dataset, k: int) -> None:
        x, y, z = map(float, dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y + 0.6 * k, z]

    truth = series(edit=tilt)
    with pytest.warns(DicomLoadWarning, match="lean"):
        volume = vdl.load(truth.folder, irregular="keep")
    reader = vtkDICOMImageReader()
    reader.SetDirectoryName(str(truth.folder))
    reader.Update()
    image = volume.image_as("vtk")
    np.testing.assert_allclose(image.GetSpacing(), reader.GetOutput().GetSpacing(), rtol=1e-6)
    np.testing.assert_array_equal(numbers(image), numbers(reader.GetOutput()))
    assert volume.spacing[2] == pytest.approx(np.hypot(2.5, 0.6))


def test_memory_lives_as_long_as_the_scalars_and_no_longer(series: Write) -> None:
    volume = vdl.load(series().folder)
    memory = volume.frames
    watch = weakref.ref(memory)
    scalars = make_image(volume).GetPointData().GetScalars()
    del volume, memory
    gc.collect()
    assert watch() is not None
    del scalars
    gc.collect()
    assert watch() is None


def test_a_shallow_copy_of_the_image_keeps_the_memory(series: Write) -> None:
    truth = series(count=4, rows=200, columns=300)
    other = vtkImageData()
    other.ShallowCopy(vdl.load(truth.folder).image)
    gc.collect()
    junk = [np.full(truth.stored.size, 9, np.int16) for _ in range(20)]
    del junk
    np.testing.assert_array_equal(numbers(other), truth.frames.ravel())


def test_a_filter_downstream_sees_pixels_and_places(series: Write) -> None:
    truth = series(orientation=OBLIQUE)
    volume = vdl.load(truth.folder)
    cut = vtkExtractVOI()
    cut.SetInputData(volume.image)
    cut.SetVOI(2, 5, 1, 3, 1, 2)
    cut.Update()
    found = numbers(cut.GetOutput()).reshape(4, 3, 2, order="F")
    np.testing.assert_array_equal(found, volume.array[2:6, 1:4, 1:3])


def test_a_surface_lies_where_the_voxels_of_the_patient_lie(series: Write) -> None:
    def dot(dataset: Dataset, k: int) -> None:
        pixels = np.zeros((6, 8), np.int16)
        pixels[2, 5] = 100 if k == 3 else 0
        dataset.PixelData = pixels.tobytes()

    truth = series(orientation=OBLIQUE, edit=dot)
    surface = vtkFlyingEdges3D()
    surface.SetInputData(vdl.load(truth.folder).image)
    surface.SetValue(0, 50)
    surface.Update()
    points = vtk_to_numpy(surface.GetOutput().GetPoints().GetData())
    np.testing.assert_allclose(points.mean(axis=0), (truth.affine @ [5, 2, 3, 1])[:3], atol=1e-4)


def test_reslice_takes_values_at_patient_positions(series: Write) -> None:
    truth = series(orientation=OBLIQUE)
    image = vdl.load(truth.folder).image
    at = (truth.affine @ [4, 3, 2, 1])[:3]
    reslice = vtkImageReslice()
    reslice.SetInputData(image)
    reslice.SetOutputDirection(1, 0, 0, 0, 1, 0, 0, 0, 1)
    reslice.SetOutputOrigin(at.tolist())
    reslice.SetOutputExtent(0, 0, 0, 0, 0, 0)
    reslice.SetOutputSpacing(1, 1, 1)
    reslice.Update()
    assert reslice.GetOutput().GetScalarComponentAsDouble(0, 0, 0, 0) == pytest.approx(truth.frames[2, 3, 4], abs=1)


def test_one_slice_is_an_image_of_one_layer(series: Write) -> None:
    volume: Volume = vdl.load(series(count=1).files[0])
    assert volume.image.GetDimensions() == (8, 6, 1)
    np.testing.assert_array_equal(numbers(volume.image), volume.frames[0].ravel())
