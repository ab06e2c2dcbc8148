"""`DICOMSeriesSource`: vtkDICOMImageReader's scripts run on it, parts are read in part, and failures are raised."""

from __future__ import annotations

import gc
import inspect
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.uid import RLELossless
from synthetic import in_vtk_order
from vtkmodules.util.misc import calldata_type
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.util.vtkConstants import VTK_DOUBLE, VTK_FLOAT, VTK_INT, VTK_SHORT, VTK_STRING, VTK_UNSIGNED_CHAR
from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkStringArray, vtkVersion
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkCommonMisc import vtkErrorCode
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D
from vtkmodules.vtkImagingCore import vtkExtractVOI, vtkImageCast, vtkImageDataStreamer, vtkRTAnalyticSource
from vtkmodules.vtkImagingGeneral import vtkImageGaussianSmooth
from vtkmodules.vtkIOImage import vtkDICOMImageReader

import vtkdicomload as vdl
from vtkdicomload import DICOMSeriesSource
from vtkdicomload.loading.read import read
from vtkdicomload.sources.local import LocalFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]

OBLIQUE = (0.8, 0.6, 0, -0.36, 0.48, -0.8)


def array_of(image: vtkImageData) -> np.ndarray:
    """The scalars of an image as (nx, ny, nz) or (nx, ny, nz, 3)."""
    scalars = vtk_to_numpy(image.GetPointData().GetScalars())
    nx, ny, nz = image.GetDimensions()
    return scalars.reshape(nz, ny, nx, *scalars.shape[1:]).swapaxes(0, 2)


def reading(folder: object, **properties: Any) -> DICOMSeriesSource:
    """A source that has read a folder."""
    source = DICOMSeriesSource(directory_name=folder, **properties)
    source.Update()
    return source


def string_array(paths: Any) -> vtkStringArray:
    names = vtkStringArray()
    for path in paths:
        names.InsertNextValue(str(path))
    return names


def matrix_of(matrix: Any) -> np.ndarray:
    return np.array([[matrix.GetElement(r, c) for c in range(4)] for r in range(4)])


# ------------------------------------------------------------------------------------------------- in VTK's place
SCRIPT = """
import sys
import numpy
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D
from vtkmodules.vtkIOImage import vtkDICOMImageReader, vtkPNGWriter
from vtkmodules.vtkRenderingCore import (
    vtkActor, vtkPolyDataMapper, vtkRenderer, vtkRenderWindow, vtkWindowToImageFilter
)
import vtkmodules.vtkRenderingOpenGL2

reader = vtkDICOMImageReader()
reader.SetDirectoryName(sys.argv[1])
reader.SetDataByteOrderToLittleEndian()
reader.Update()

image = reader.GetOutput()
pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions(), order="F")
numpy.save(sys.argv[2] + ".npy", pixels)

surface = vtkFlyingEdges3D()
surface.SetInputConnection(reader.GetOutputPort())
surface.SetValue(0, 150)
mapper = vtkPolyDataMapper()
mapper.SetInputConnection(surface.GetOutputPort())
mapper.ScalarVisibilityOff()
actor = vtkActor()
actor.SetMapper(mapper)
renderer = vtkRenderer()
renderer.AddActor(actor)
window = vtkRenderWindow()
window.SetOffScreenRendering(1)
window.SetSize(200, 200)
window.AddRenderer(renderer)
window.Render()
picture = vtkWindowToImageFilter()
picture.SetInput(window)
writer = vtkPNGWriter()
writer.SetInputConnection(picture.GetOutputPort())
writer.SetFileName(sys.argv[2] + ".png")
writer.Write()
print(actor.GetBounds(), reader.GetWidth(), reader.GetHeight(), reader.GetDataExtent(), reader.GetPixelSpacing())
print(reader.GetImagePositionPatient(), reader.GetTransferSyntaxUID(), reader.GetStudyUID(), reader.GetDataSpacing())
"""


@pytest.mark.parametrize("name", ["small_ct", "mr_plain4"])
def test_a_script_runs_with_the_class_swapped(data: Path, tmp_path: Path, name: str) -> None:
    """The same array, bounds, answers and picture: the script is run twice, the second time with another import."""
    swapped = SCRIPT.replace("import vtkDICOMImageReader, vtkPNGWriter", "import vtkPNGWriter")
    swapped = "import warnings; warnings.simplefilter('ignore')\nimport vtkdicomload\n" + swapped
    swapped = swapped.replace("vtkDICOMImageReader()", "vtkdicomload.DICOMSeriesSource()")
    said = []
    for label, script in (("theirs", SCRIPT), ("ours", swapped)):
        command = [sys.executable, "-c", script, str(data / name), str(tmp_path / label)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        said.append(re.split(r"[(),\s]+", done.stdout))
    assert "DICOMSeriesSource" in swapped
    theirs, ours = (np.load(tmp_path / f"{label}.npy") for label in ("theirs", "ours"))
    assert theirs.dtype == ours.dtype
    np.testing.assert_array_equal(theirs, ours)
    assert (tmp_path / "theirs.png").read_bytes() == (tmp_path / "ours.png").read_bytes()
    assert len(set((tmp_path / "ours.png").read_bytes())) > 50
    for one, other in zip(*said, strict=True):  # UIDs and such are equal, numbers to VTK's single precision
        assert one == other or float(one) == pytest.approx(float(other), rel=1e-6)


@pytest.mark.parametrize("name", ["small_ct", "mr_plain4", "mr_small_slope", "ct_head"])
def test_the_answers_are_those_of_vtkdicomimagereader(data: Path, ct_head: Path, name: str) -> None:
    theirs, ours = vtkDICOMImageReader(), DICOMSeriesSource()
    for reader in (theirs, ours):
        reader.SetDirectoryName(str(ct_head if name == "ct_head" else data / name))
        reader.Update()
    for getter in (
        *("GetWidth", "GetHeight", "GetDataExtent", "GetBitsAllocated", "GetPixelRepresentation", "GetGantryAngle"),
        *("GetNumberOfComponents", "GetNumberOfScalarComponents", "GetDataScalarType", "GetTransferSyntaxUID"),
        *("GetStudyUID", "GetDataOrigin", "GetDataDirection", "GetFileExtensions", "GetDescriptiveName"),
        *("GetDirectoryName", "GetFileName", "GetFileNames", "GetErrorCode"),
    ):
        assert getattr(ours, getter)() == getattr(theirs, getter)(), getter
    for getter in (
        *("GetPixelSpacing", "GetDataSpacing", "GetImagePositionPatient", "GetImageOrientationPatient"),
        *("GetRescaleSlope", "GetRescaleOffset"),
    ):
        assert getattr(ours, getter)() == pytest.approx(getattr(theirs, getter)(), rel=1e-6), getter
    for getter in ("GetPatientName", "GetStudyID"):
        assert getattr(ours, getter)() == getattr(theirs, getter)().strip(" \0"), getter


def test_before_an_update_the_answers_are_those_of_a_fresh_vtkdicomimagereader() -> None:
    theirs, ours = vtkDICOMImageReader(), DICOMSeriesSource()
    for getter in (
        *("GetWidth", "GetHeight", "GetDataExtent", "GetBitsAllocated", "GetPixelRepresentation", "GetGantryAngle"),
        *("GetNumberOfComponents", "GetNumberOfScalarComponents", "GetDataScalarType", "GetTransferSyntaxUID"),
        *("GetStudyUID", "GetDataOrigin", "GetDataDirection", "GetPixelSpacing", "GetDataSpacing", "GetRescaleSlope"),
        *("GetDirectoryName", "GetFileName", "GetFileNames", "GetErrorCode", "GetPatientName", "GetStudyID"),
        "GetRescaleOffset",
    ):
        assert getattr(ours, getter)() == getattr(theirs, getter)(), getter
    assert ours.GetImagePositionPatient() == (0, 0, 0)
    assert ours.GetNumberOfDICOMFileNames() == 0
    assert repr(ours) == "<DICOMSeriesSource nothing set: no headers read>"


def test_pixel_spacing_is_x_y_z_whatever_vtk_says(data: Path) -> None:
    """PixelSpacing is 4.0\\6.4: rows lie 4 mm apart. VTK 9.4 swaps them, in its image too."""
    source = reading(data / "slope_per_slice")
    assert source.GetPixelSpacing() == pytest.approx((6.39995861, 4, 0.5), rel=1e-6)
    assert source.GetOutput().GetSpacing() == source.GetPixelSpacing() == source.GetDataSpacing()
    theirs = vtkDICOMImageReader()
    theirs.SetDirectoryName(str(data / "slope_per_slice"))
    theirs.Update()
    swapped = vtkVersion().GetVTKMinorVersion() < 5 and vtkVersion().GetVTKMajorVersion() == 9
    x, y = theirs.GetPixelSpacing()[:2]
    assert source.GetPixelSpacing()[:2] == pytest.approx((y, x) if swapped else (x, y), rel=1e-6)


FORMATS: dict[str, dict[str, Any]] = {
    "int16": {},
    "uint8": {"dtype": np.uint8},
    "int8": {"dtype": np.int8},
    "int32": {"dtype": np.int32},
    "uint32": {"dtype": np.uint32},
    "float32": {"RescaleSlope": 0.5},
    "float64": {"dtype": np.int32, "RescaleSlope": 0.5},
    "RGB": {"dtype": np.uint8, "SamplesPerPixel": 3},
    "RGB of 16 bits": {"dtype": np.uint16, "SamplesPerPixel": 3},
    "RLE": {"syntax": RLELossless, "RescaleIntercept": -5},
    "one slice": {"count": 1},
    "one pixel": {"count": 1, "rows": 1, "columns": 1},
    "oblique": {"orientation": OBLIQUE},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_comes_as_load_gives_it(series: Write, capfd: pytest.CaptureFixture[str], name: str) -> None:
    truth = series(**FORMATS[name])
    source = reading(truth.folder)
    volume = vdl.load(truth.folder)
    found = array_of(source.GetOutput())
    assert found.dtype == volume.dtype
    np.testing.assert_array_equal(found, truth.vtk_array)
    assert source.GetOutput().GetScalarType() == source.GetDataScalarType()
    assert source.GetOutput().GetNumberOfScalarComponents() == source.GetNumberOfComponents()
    assert source.GetOutput().GetPointData().GetScalars().GetName() == "DICOMImage"
    assert source.GetOutput().GetSpacing() == volume.spacing
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["rgb_stack", "comp_j2k", "comp_rle", "enh_mr_phase", "slope_per_slice"])
def test_what_vtkdicomimagereader_cannot_read_is_read(data: Path, name: str) -> None:
    np.testing.assert_array_equal(
        array_of(reading(data / name).GetOutput()), in_vtk_order(vdl.load(data / name).frames)
    )


def test_one_file(data: Path) -> None:
    (first, *_) = sorted((data / "small_ct").iterdir())
    theirs, ours = vtkDICOMImageReader(), DICOMSeriesSource()
    for reader in (theirs, ours):
        reader.SetFileName(str(first))
        reader.Update()
    np.testing.assert_array_equal(array_of(ours.GetOutput()), array_of(theirs.GetOutput()))
    assert ours.GetOutput().GetSpacing() == theirs.GetOutput().GetSpacing()
    assert (ours.GetFileName(), ours.GetDirectoryName()) == (str(first), None)


@pytest.mark.parametrize("kind", [string_array, list, tuple, iter])
def test_file_names_in_any_order_make_the_right_volume(series: Write, kind: Callable[[Any], Any]) -> None:
    """vtkDICOMImageReader ignores SetFileNames."""
    truth = series(count=12, names=[f"MR{k}" for k in range(12)])
    shuffled = list(truth.files)
    random.Random(3).shuffle(shuffled)
    source = DICOMSeriesSource()
    source.SetFileNames(kind(shuffled))
    source.Update()
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)
    assert [source.GetDICOMFileName(k) for k in range(source.GetNumberOfDICOMFileNames())] == list(
        map(str, truth.files)
    )


def test_file_names_stay_those_that_were_given(series: Write) -> None:
    truth = series()
    names = string_array(truth.files)
    source = DICOMSeriesSource()
    source.SetFileNames(names)
    assert source.GetFileNames() is names
    source.SetFileNames(truth.files)
    assert source.GetFileNames() == tuple(map(str, truth.files))
    source.SetFileNames(None)
    assert source.GetFileNames() is None


def test_names_added_to_the_array_later_are_read(series: Write) -> None:
    truth = series()
    names = string_array(truth.files[:3])
    source = DICOMSeriesSource(file_names=names)
    source.Update()
    assert source.GetDataExtent()[5] == 2
    for path in truth.files[3:]:
        names.InsertNextValue(str(path))
    source.UpdateWholeExtent()
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)


def test_orders(series: Write) -> None:
    truth = series(names=["e2", "e10", "e1", "e3", "e4"])
    source = DICOMSeriesSource(file_names=truth.files[::-1], order="given")
    with pytest.warns(vdl.DicomLoadWarning, match="against the slice normal"):
        source.Update()
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array[:, :, ::-1])
    source.SetOrder("natural")
    with pytest.warns(vdl.DicomLoadWarning) as warned:
        source.Update()
    assert "not monotone" in str(warned[0].message)
    by_name = truth.frames[[2, 0, 3, 4, 1]]
    np.testing.assert_array_equal(array_of(source.GetOutput()), by_name[::-1, ::-1].swapaxes(0, 2))


def test_a_folder_means_its_own_files_unless_recursive(series: Write, tmp_path: Path) -> None:
    truth = series(seed=1)
    other = series("below", seed=2, count=3)
    source = reading(tmp_path)
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)
    source.RecursiveOn()
    with pytest.raises(vdl.MultipleSeriesError):
        source.Update()
    source.SetSeries(other.series_uid)
    source.UpdateWholeExtent()
    np.testing.assert_array_equal(array_of(source.GetOutput()), other.vtk_array)
    assert source.GetRecursive() is True
    source.RecursiveOff()
    assert source.GetRecursive() is False


def test_a_folder_of_folders_says_how_to_read_them(series: Write, tmp_path: Path) -> None:
    truth = series("below")
    source = DICOMSeriesSource(directory_name=tmp_path)
    with pytest.raises(
        vdl.NoDicomError, match=r"no DICOM image .*: 1 folder; the folders in it are not read → SetRecursive\(True\)"
    ):
        source.Update()
    source.SetRecursive(True)
    source.Update()
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)


@pytest.mark.parametrize("spelt", [str, lambda path: path, os.fsencode], ids=["str", "Path", "bytes"])
def test_paths_may_be_spelt_as_anywhere(series: Write, spelt: Callable[[Path], Any]) -> None:
    truth = series()
    source = DICOMSeriesSource()
    source.SetDirectoryName(spelt(truth.folder))
    assert source.GetDirectoryName() == str(truth.folder)
    source.Update()
    source.SetFileNames([spelt(path) for path in truth.files])
    source.Update()
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)
    source.SetFileName(spelt(truth.files[0]))
    assert source.GetFileName() == str(truth.files[0])


def test_can_read_file(data: Path, series: Write, capfd: pytest.CaptureFixture[str]) -> None:
    truth = series()
    source = DICOMSeriesSource()
    assert source.CanReadFile(str(truth.files[0])) == source.CanReadFile(truth.files[0]) == 1
    assert source.CanReadFile(data / "mosaic" / "1.dcm") == source.CanReadFile(data / "enh_mr_phase" / "0001.dcm") == 1
    truth.files[0].write_bytes(truth.files[0].read_bytes()[:300])
    for path in (truth.files[0], truth.folder, "/no/such/file", *(data / "not_images").iterdir()):
        assert source.CanReadFile(path) == 0
    assert capfd.readouterr() == ("", "")


# ------------------------------------------------------------------------------------------------- set and get
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("Order", "natural"), ("Irregular", "keep"), ("Engine", "pydicom"), ("Verify", "all"), ("Tolerance", 0.1)),
        *(("Workers", 3), ("MaxBytes", 1 << 20), ("Rescale", False), ("Series", 0), ("Stack", "axial")),
        *(("Ignore", ("a.dcm",)), ("Recursive", True), ("DirectoryName", "/some/where"), ("FileName", "/a/file")),
        *(("OutputScalarType", VTK_INT), ("DataOrigin", (1.0, 2.0, 3.0)), ("FileNames", ("a", "b"))),
        ("DataDirection", (0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -1.0)),
    ],
)
def test_what_is_set_is_got_and_modifies_once(name: str, value: Any) -> None:
    source = DICOMSeriesSource()
    before = source.GetMTime()
    getattr(source, f"Set{name}")(value)
    assert getattr(source, f"Get{name}")() == value
    after = source.GetMTime()
    assert after > before
    getattr(source, f"Set{name}")(value)
    assert source.GetMTime() == after


def test_every_setter_has_a_getter_and_a_property() -> None:
    own = [name for name, _ in inspect.getmembers(DICOMSeriesSource, inspect.isfunction) if name.startswith("Set")]
    plain = [name for name in own if "To" not in name]
    assert len(plain) >= 17
    for name in plain:
        assert hasattr(DICOMSeriesSource, "G" + name[1:]), name
    for kind in ("order", "directory_name", "output_scalar_type", "data_origin"):
        assert isinstance(vars(DICOMSeriesSource)[kind], property)


def test_properties_are_those_of_vtkdicomimagereader(data: Path) -> None:
    source = reading(data / "small_ct", order="natural", tolerance=0.05)
    snake = [name for name in vars(vtkDICOMImageReader) if name.islower() and not name.startswith("_")]
    assert len(snake) > 15
    for name in snake:
        assert hasattr(source, name), name
    assert (source.width, source.height, source.order, source.tolerance) == (88, 128, "natural", 0.05)
    assert source.output is source.GetOutput()
    assert source.update() is source
    with pytest.raises(TypeError, match="no property 'colour'"):
        DICOMSeriesSource(colour="blue")


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        *(("Order", "name", ValueError), ("Irregular", True, ValueError), ("Engine", "itk", ValueError)),
        *(("Tolerance", 0, ValueError), ("Tolerance", "much", TypeError), ("Workers", 0, ValueError)),
        *(("MaxBytes", -1, ValueError), ("Verify", False, ValueError), ("FileNames", "one.dcm", TypeError)),
        *(("FileNames", 5, TypeError), ("DirectoryName", 5, TypeError), ("FileName", 5, TypeError)),
        *(("Ignore", 5, TypeError), ("OutputScalarType", VTK_UNSIGNED_CHAR, ValueError)),
        *(("DataOrigin", (1, 2), TypeError), ("DataOrigin", "xyz", TypeError), ("DataDirection", (1, 2, 3), TypeError)),
        ("DataDirection", (1, 0, 0, 1, 0, 0, 0, 0, 1), ValueError),
    ],
)
def test_a_wrong_value_is_refused_at_once(name: str, value: Any, error: type[Exception]) -> None:
    source = DICOMSeriesSource()
    before = source.GetMTime(), getattr(source, f"Get{name}")()
    with pytest.raises(error) as caught:
        getattr(source, f"Set{name}")(value)
    assert not isinstance(caught.value, vdl.DicomLoadError)
    assert (source.GetMTime(), getattr(source, f"Get{name}")()) == before


@pytest.mark.parametrize("choose", ["SetSeries", "SetStack"])
def test_a_choice_that_is_none_is_refused_by_the_update(series: Write, choose: str) -> None:
    source = DICOMSeriesSource(directory_name=series().folder)
    getattr(source, choose)(7)
    with pytest.raises(vdl.DicomLoadError, match=r" 7 fits 0 of 1"):
        source.Update()
    getattr(source, choose)(1.5)
    with pytest.raises(TypeError, match="choose by a row number"):
        source.Update()
    getattr(source, choose)(None)
    source.Update()
    assert source.GetError() is None


def test_setting_one_source_replaces_the_other(series: Write) -> None:
    truth = series()
    source = DICOMSeriesSource(directory_name="/no/such/folder")
    source.SetFileName(truth.files[0])
    source.Update()
    assert (source.GetDirectoryName(), source.GetDataExtent()[5]) == (None, 0)
    source.SetFileNames(truth.files)
    source.UpdateWholeExtent()
    assert (source.GetFileName(), source.GetDataExtent()[5]) == (None, 4)
    source.SetDirectoryName(None)
    with pytest.raises(vdl.NoDicomError, match="nothing to read is set → SetDirectoryName"):
        source.Update()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("SetDataSpacing", (9, 9, 9)),
        ("SetDataExtent", (0, 1, 0, 1, 0, 1)),
        ("SetDataScalarTypeToUnsignedShort", ()),
        ("SetDataByteOrderToBigEndian", ()),
        ("SetNumberOfScalarComponents", (3,)),
        ("FileLowerLeftOn", ()),
        ("SetFileDimensionality", (3,)),
    ],
)
def test_what_vtkdicomimagereader_overwrites_has_no_effect_and_says_so(
    series: Write, name: str, arguments: tuple[Any, ...]
) -> None:
    truth = series(PixelSpacing=[0.8, 0.8])  # VTK 9.4 would swap two
    theirs, ours = vtkDICOMImageReader(), DICOMSeriesSource()
    for reader in (theirs, ours):
        reader.SetDirectoryName(str(truth.folder))
    getattr(theirs, name)(*arguments)
    with pytest.warns(vdl.DicomLoadWarning, match=f"{name} has no effect") as warned:
        getattr(ours, name)(*arguments)
    assert warned[0].filename == __file__
    for reader in (theirs, ours):
        reader.Update()
        np.testing.assert_array_equal(array_of(reader.GetOutput()), truth.vtk_array)
    assert ours.GetOutput().GetSpacing() == pytest.approx(theirs.GetOutput().GetSpacing())


@pytest.mark.parametrize("name", ["SetFilePattern", "SetFilePrefix", "SetMemoryBuffer", "SetStream"])
def test_other_kinds_of_sources_are_refused(name: str) -> None:
    with pytest.raises(AttributeError, match=f"{name}: a series is named by SetDirectoryName"):
        getattr(DICOMSeriesSource(), name)
    assert not hasattr(DICOMSeriesSource(), name)


def test_an_unknown_method_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'SetColour'"):
        DICOMSeriesSource().SetColour()


def test_real_world_values(data: Path) -> None:
    path = data / "highdicom" / "parametric_int.dcm"
    source = DICOMSeriesSource(file_name=path, rescale="real-world")
    assert source.GetRescale() == "real-world"
    source.Update()
    volume = vdl.load(path, rescale="real-world")
    assert not np.array_equal(volume.array, vdl.load(path).array)
    np.testing.assert_array_equal(array_of(source.GetOutput()), in_vtk_order(volume.frames))


def test_the_options_of_load_do_what_they_do_there(series: Write, tmp_path: Path) -> None:
    truth = series("a", RescaleSlope=0.5)
    series("b", seed=2, count=3)
    source = DICOMSeriesSource(directory_name=tmp_path, recursive=True, series="largest", rescale=False)
    source.Update()
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.stored[::-1, ::-1].swapaxes(0, 2))
    source.SetRescale(True)
    source.SetEngine("pydicom")
    source.Update()
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)
    source.SetEngine("codec")
    with pytest.raises(vdl.UnsupportedPixelDataError, match="the reader 'codec' cannot read this"):
        source.Update()
    source.SetEngine("auto")
    source.SetMaxBytes(10)
    with pytest.raises(vdl.DicomLoadError, match=r"SetMaxBytes\(960\)"):
        source.Update()
    source.SetMaxBytes(None)
    source.SetIgnore(truth.files[2].name)
    with pytest.raises(vdl.MissingSliceError):
        source.Update()
    source.SetTolerance(0.9)
    source.SetIgnore([truth.files[4]])
    with pytest.warns(vdl.DicomLoadWarning, match="left out"):
        source.UpdateWholeExtent()
    assert source.GetDataExtent()[5] == 3
    source.SetIgnore(lambda path: "1-1" in path)
    with pytest.warns(vdl.DicomLoadWarning, match="left out"):
        source.UpdateWholeExtent()
    assert source.GetDICOMFileName(0) == str(truth.files[1])


def test_stacks(data: Path) -> None:
    source = DICOMSeriesSource(directory_name=data / "asl_4d")
    with pytest.raises(vdl.DuplicateSliceError, match=r"SetStack\(0\) … SetStack\(7\)$"):
        source.Update()
    source.SetStack(3)
    source.Update()
    np.testing.assert_array_equal(array_of(source.GetOutput()), in_vtk_order(vdl.load(data / "asl_4d", stack=3).frames))


def test_file_names_by_number(series: Write) -> None:
    source = reading(series().folder)
    for wrong in (-1, 5):
        with pytest.raises(IndexError, match=f"there are 5 files, no file {wrong}"):
            source.GetDICOMFileName(wrong)


# ------------------------------------------------------------------------------------------------- scalar type
def _one_high(dataset: Dataset, k: int) -> None:
    if k == 3:
        dataset.PixelData = dataset.PixelData[:-2] + b"\xff\xff"


def _highest(dataset: Dataset, k: int) -> None:
    dataset.PixelData = dataset.PixelData[:-4] + b"\xff\xff\xff\x7f"


def test_values_that_do_not_fit_are_read_again_in_a_wider_type(
    series: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    truth = series(dtype=np.uint16, RescaleIntercept=-1024, edit=_one_high)
    source = DICOMSeriesSource(directory_name=truth.folder)
    said = watch(source)
    source.UpdateInformation()
    assert source.GetDataScalarType() == VTK_SHORT
    for _ in range(2):
        source.Update()
        assert source.GetOutput().GetScalarType() == source.GetDataScalarType() == VTK_INT
        np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)
        source.Modified()
    assert (source.GetError(), said) == (None, [])
    assert capfd.readouterr() == ("", "")


def test_filters_downstream_may_rely_on_the_announced_type(series: Write) -> None:
    truth = series(dtype=np.uint16, RescaleIntercept=-1024, edit=_one_high)
    source = DICOMSeriesSource(directory_name=truth.folder)
    said = watch(source)
    smooth = vtkImageCast()
    smooth.SetInputConnection(source.GetOutputPort())
    smooth.SetOutputScalarTypeToDouble()
    smooth.Update()
    assert "do not fit int16, which was announced → Update() of the source" in said.pop()
    assert smooth.GetOutput().GetNumberOfPoints() == 0
    source.SetOutputScalarTypeToInt()
    smooth.Update()
    np.testing.assert_array_equal(array_of(smooth.GetOutput()), truth.vtk_array)
    source.SetOutputScalarType(None)
    source.Update()
    smooth.Update()
    np.testing.assert_array_equal(array_of(smooth.GetOutput()), truth.vtk_array)
    assert not said


def test_a_type_that_was_set_holds_for_a_part_and_the_whole(series: Write) -> None:
    truth = series(dtype=np.uint16, RescaleIntercept=-1024, edit=_one_high)
    source = DICOMSeriesSource(directory_name=truth.folder, output_scalar_type=VTK_INT)
    source.UpdateExtent((0, 7, 0, 5, 3, 4))
    assert source.GetOutput().GetScalarType() == VTK_INT
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array[:, :, 3:])


@pytest.mark.parametrize(
    ("options", "scalar_type"),
    [
        ({"RescaleIntercept": -1024}, VTK_SHORT),
        ({"dtype": np.uint16, "RescaleIntercept": -1024}, VTK_SHORT),
        ({"RescaleSlope": 2}, VTK_INT),
        ({"RescaleIntercept": 100_000}, VTK_INT),
        ({"dtype": np.int8}, VTK_INT),
        ({"dtype": np.uint8, "RescaleIntercept": -100}, VTK_INT),
        ({"RescaleSlope": 1e8}, VTK_DOUBLE),
        ({"RescaleSlope": 2, "BitsStored": 12, "HighBit": 11}, VTK_SHORT),
        ({"RescaleIntercept": -1024, "PixelPaddingValue": -32768}, VTK_INT),
    ],
)
def test_the_type_is_announced_from_headers_and_kept(
    series: Write, bytes_read: dict[str, int], options: dict[str, Any], scalar_type: int
) -> None:
    truth = series(**options)
    source = DICOMSeriesSource(directory_name=truth.folder)
    source.UpdateInformation()
    assert source.GetDataScalarType() == scalar_type
    assert not bytes_read
    for update in (lambda: source.UpdateExtent((0, 7, 0, 5, 2, 2)), source.UpdateWholeExtent):
        update()
        assert source.GetOutput().GetScalarType() == scalar_type
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)


def test_values_that_do_not_fit_int32_take_double(series: Write) -> None:
    truth = series(dtype=np.int32, RescaleIntercept=3_000_000_000)
    source = DICOMSeriesSource(directory_name=truth.folder)
    source.UpdateInformation()
    assert source.GetDataScalarType() == VTK_DOUBLE
    truth = series("3", dtype=np.int32, RescaleIntercept=2**30, edit=_highest)
    source = DICOMSeriesSource(directory_name=truth.folder)
    source.UpdateInformation()
    assert source.GetDataScalarType() == VTK_INT
    source.Update()
    assert source.GetOutput().GetScalarType() == VTK_DOUBLE
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)
    source = DICOMSeriesSource(directory_name=truth.folder, output_scalar_type=VTK_INT)
    with pytest.raises(vdl.DicomLoadError, match=r"do not fit int32, .* → SetOutputScalarTypeToDouble\(\)"):
        source.Update()


@pytest.mark.parametrize("scalar_type", [VTK_INT, VTK_FLOAT, VTK_DOUBLE])
@pytest.mark.parametrize("options", [{}, {"RescaleIntercept": -1024}, {"syntax": RLELossless}, {"dtype": np.uint8}])
def test_a_wider_type_holds_the_same_values(series: Write, scalar_type: int, options: dict[str, Any]) -> None:
    truth = series(**options)
    source = reading(truth.folder, output_scalar_type=scalar_type)
    assert source.GetOutput().GetScalarType() == source.GetDataScalarType() == scalar_type
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)


def test_a_type_that_may_not_hold_the_values_is_refused(series: Write) -> None:
    for folder, options, scalar_type in (
        ("fractions", {"RescaleSlope": 0.5}, VTK_INT),
        ("colour", {"dtype": np.uint8, "SamplesPerPixel": 3}, VTK_INT),
        ("long", {"dtype": np.int32}, VTK_FLOAT),
    ):
        truth = series(folder, **options)
        source = DICOMSeriesSource(directory_name=truth.folder, output_scalar_type=scalar_type)
        with pytest.raises(ValueError, match=r"cannot be given as .* → SetOutputScalarType\(None\)"):
            source.Update()
        source.SetOutputScalarType(None)
        source.Update()
        np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)


# ------------------------------------------------------------------------------------------------- geometry
@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), (-1, 0, 0, 0, -1, 0), (0, 1, 0, 0, 0, -1), OBLIQUE])
def test_the_patient_matrix_takes_each_voxel_to_its_place(series: Write, orientation: tuple[float, ...]) -> None:
    truth = series(orientation=orientation)
    source, image = reading(truth.folder), vtkImageData()
    image.ShallowCopy(source.GetOutput())
    matrix = matrix_of(source.GetPatientMatrix())
    assert (image.GetOrigin(), image.GetDirectionMatrix().IsIdentity()) == ((0, 0, 0), True)
    source.SetGeometryToPatient()
    placed = vtkImageData()
    source.Update()
    placed.ShallowCopy(source.GetOutput())
    np.testing.assert_allclose(matrix_of(source.GetPatientMatrix()), np.eye(4), atol=1e-12)
    for k, j, i in np.ndindex(truth.frames.shape):
        true = (truth.affine @ [i, j, k, 1])[:3]
        point = [0.0] * 3
        placed.TransformIndexToPhysicalPoint(i, j, k, point)
        np.testing.assert_allclose(point, true, atol=1e-9)
        assert placed.GetScalarComponentAsDouble(i, j, k, 0) == truth.frames[k, j, i]
        plain = [i * truth.spacing[0], (5 - j) * truth.spacing[1], (4 - k) * truth.spacing[2], 1]
        np.testing.assert_allclose((matrix @ plain)[:3], true, atol=1e-9)
        assert image.GetScalarComponentAsDouble(i, 5 - j, 4 - k, 0) == truth.frames[k, j, i]


def test_the_geometry_of_the_patient_is_that_of_load(data: Path) -> None:
    for name in ("small_ct", "mr_plain4", "slope_per_slice", "rgb_stack"):
        source = DICOMSeriesSource(directory_name=data / name)
        source.SetGeometryToPatient()
        source.Update()
        ours, theirs = source.GetOutput(), vdl.load(data / name).image
        assert ours.GetOrigin() == theirs.GetOrigin() == source.GetDataOrigin()
        assert ours.GetSpacing() == theirs.GetSpacing() == source.GetDataSpacing()
        assert ours.GetExtent() == theirs.GetExtent() == source.GetDataExtent()
        np.testing.assert_array_equal(array_of(ours), array_of(theirs))
        for r, c in np.ndindex(3, 3):
            assert ours.GetDirectionMatrix().GetElement(r, c) == theirs.GetDirectionMatrix().GetElement(r, c)
            assert source.GetDataDirection()[3 * r + c] == ours.GetDirectionMatrix().GetElement(r, c)


def test_changing_the_geometry_reads_no_header_again(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    source = reading(series().folder)
    monkeypatch.setattr("vtkdicomload.pipeline.planning.find_series", None)
    source.SetGeometryToPatient()
    assert source.GetGeometryAsString() == "Patient"
    source.Update()
    assert source.GetOutput().GetOrigin() != (0, 0, 0)
    source.SetGeometryToVTK()
    assert source.GetGeometryAsString() == "VTK"
    source.Update()
    assert source.GetOutput().GetOrigin() == (0, 0, 0)


def test_origin_and_direction_may_be_set_as_on_vtkdicomimagereader(series: Write) -> None:
    truth = series(orientation=OBLIQUE, PixelSpacing=[0.8, 0.8])
    theirs, ours = vtkDICOMImageReader(), DICOMSeriesSource()
    for reader in (theirs, ours):
        reader.SetDirectoryName(str(truth.folder))
        reader.SetDataOrigin(1, 2, 3)
        reader.SetDataDirection((0, 1, 0, 1, 0, 0, 0, 0, -1))
        reader.Update()
    placed = [matrix_of(r.GetOutput().GetIndexToPhysicalMatrix()) for r in (theirs, ours)]
    np.testing.assert_allclose(*placed, rtol=1e-6)
    np.testing.assert_allclose(
        matrix_of(ours.GetPatientMatrix()) @ placed[1] @ [0, 5, 4, 1], [*truth.positions[0], 1], atol=1e-9
    )
    ours.SetDataOrigin((4, 5, 6))
    assert ours.GetDataOrigin() == (4, 5, 6)


def test_a_volume_without_a_place_has_no_matrix(series: Write) -> None:
    truth = series(ImagePositionPatient=None, ImageOrientationPatient=None)
    source = DICOMSeriesSource(directory_name=truth.folder)
    with pytest.warns(vdl.DicomLoadWarning):
        source.Update()
    with pytest.raises(vdl.GeometryError, match="no position or orientation, so the image has no place"):
        source.GetPatientMatrix()
    source.SetGeometryToPatient()
    with pytest.raises(vdl.GeometryError, match="no position or orientation"):
        source.Update()
    source.SetGeometryToVTK()
    source.Update()
    assert source.GetOutput().GetDimensions() == (8, 6, 5)


def _jump(dataset: Dataset, k: int) -> None:
    x, y, z = map(float, dataset.ImagePositionPatient)
    dataset.ImagePositionPatient = [x, y, z + (2.5 if k > 2 else 0)]


def test_uneven_gaps(series: Write) -> None:
    truth = series(edit=_jump)
    source = DICOMSeriesSource(directory_name=truth.folder)
    with pytest.raises(vdl.MissingSliceError):
        source.Update()
    source.SetIrregular("keep")
    with pytest.warns(vdl.DicomLoadWarning, match="no affine") as warned:
        source.Update()
    assert [w.filename for w in warned] == [__file__]
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)
    with pytest.raises(vdl.GeometryError, match=r'uneven.*→ SetIrregular\("resample"\)'):
        source.GetPatientMatrix()
    source.SetIrregular("resample")
    with pytest.warns(vdl.DicomLoadWarning, match="interpolated"):
        source.UpdateWholeExtent()
    with pytest.warns(vdl.DicomLoadWarning, match="interpolated"):
        volume = vdl.load(truth.folder, irregular="resample")
    assert source.GetDataExtent() == (0, 7, 0, 5, 0, 5)
    np.testing.assert_array_equal(array_of(source.GetOutput()), in_vtk_order(volume.frames))
    part = DICOMSeriesSource(directory_name=truth.folder, irregular="resample")
    with pytest.warns(vdl.DicomLoadWarning, match="interpolated"):
        part.UpdateExtent((2, 5, 1, 3, 2, 3))
    np.testing.assert_array_equal(array_of(part.GetOutput()), in_vtk_order(volume.frames)[2:6, 1:4, 2:4])


def test_a_tilted_stack_keeps_its_shear_in_both_geometries(series: Write) -> None:
    def tilt(dataset: Dataset, k: int) -> None:
        x, y, z = map(float, dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y + 0.6 * k, z]

    truth = series(edit=tilt)
    source = DICOMSeriesSource(directory_name=truth.folder, irregular="keep")
    with pytest.warns(vdl.DicomLoadWarning, match="lean"):
        source.Update()
    matrix, spacing = matrix_of(source.GetPatientMatrix()), source.GetOutput().GetSpacing()
    for k in range(5):
        there = matrix @ [0, 5 * spacing[1], (4 - k) * spacing[2], 1]
        np.testing.assert_allclose(there[:3], truth.positions[k], atol=1e-6)
    source.SetGeometryToPatient()
    source.Update()
    point = [0.0] * 3
    source.GetOutput().TransformIndexToPhysicalPoint(0, 0, 4, point)
    np.testing.assert_allclose(point, truth.positions[4], atol=1e-6)
    assert spacing[2] == pytest.approx(2.5)
    assert source.GetDataSpacing()[2] == source.GetOutput().GetSpacing()[2] == pytest.approx(np.hypot(2.5, 0.6))
    np.testing.assert_allclose(matrix_of(source.GetPatientMatrix()), np.eye(4), atol=1e-12)


# ------------------------------------------------------------------------------------------------- streaming
@pytest.fixture
def bytes_read(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many bytes of pixel data were read from each file, by its name."""
    counted: dict[str, int] = {}
    read_into = LocalFile.read_into

    def counting(file: LocalFile, buffer: memoryview, offset: int) -> None:
        name = os.path.basename(file.name)
        counted[name] = counted.get(name, 0) + len(buffer)
        read_into(file, buffer, offset)

    monkeypatch.setattr(LocalFile, "read_into", counting)
    return counted


def _characters_read() -> int:
    """What this process has read through any call, VTK's C++ too (Linux)."""
    with open("/proc/self/io") as file:
        return int(next(line for line in file if line.startswith("rchar")).split()[1])


def test_ten_of_400_slices_read_only_their_pixels(series: Write, bytes_read: dict[str, int]) -> None:
    truth = series(count=400, rows=128, columns=128, RescaleIntercept=-1024, BitsStored=12, HighBit=11)
    source = DICOMSeriesSource(directory_name=truth.folder, verify="none")
    source.UpdateInformation()
    assert source.GetOutputInformation(0).Get(source.GetExecutive().WHOLE_EXTENT()) == (0, 127, 0, 127, 0, 399)
    assert not bytes_read
    part = vtkExtractVOI()
    part.SetInputConnection(source.GetOutputPort())
    part.SetVOI(0, 127, 0, 127, 100, 109)
    before = _characters_read() if os.path.exists("/proc/self/io") else 0
    part.Update()
    after = _characters_read() if os.path.exists("/proc/self/io") else 0
    np.testing.assert_array_equal(array_of(part.GetOutput()), truth.vtk_array[:, :, 100:110])
    wanted = {path.name: 128 * 128 * 2 for path in truth.files[290:300]}
    assert bytes_read == wanted
    assert after - before < 1.1 * sum(wanted.values()) + 4096


def test_the_check_of_a_part_reads_one_of_its_slices_again(series: Write, bytes_read: dict[str, int]) -> None:
    truth = series(count=40)
    source = DICOMSeriesSource(directory_name=truth.folder, engine="pydicom")
    source.UpdateExtent((0, 7, 0, 5, 10, 13))
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array[:, :, 10:14])
    assert set(bytes_read) <= {path.name for path in truth.files[26:30]}


@pytest.mark.parametrize("options", [{}, {"dtype": np.uint8, "SamplesPerPixel": 3}, {"syntax": RLELossless}])
@pytest.mark.parametrize(
    "extent", [(0, 7, 0, 5, 1, 3), (2, 5, 1, 4, 0, 4), (3, 3, 0, 0, 4, 4), (0, 7, 5, 5, 0, 0), (7, 7, 5, 5, 4, 4)]
)
def test_any_part_is_that_part_of_the_whole(series: Write, options: dict[str, Any], extent: tuple[int, ...]) -> None:
    truth = series(**options)
    source = DICOMSeriesSource(directory_name=truth.folder)
    x, y, z = (slice(extent[a], extent[a + 1] + 1) for a in (0, 2, 4))
    source.UpdateExtent(extent)
    assert source.GetOutput().GetExtent() == extent
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array[x, y, z])
    source.SetGeometryToPatient()
    source.UpdateExtent(extent)
    image = source.GetOutput()
    assert image.GetExtent() == extent
    np.testing.assert_array_equal(array_of(image), truth.array[x, y, z])
    point = [0.0] * 3
    image.TransformIndexToPhysicalPoint(extent[0], extent[2], extent[4], point)
    true = truth.affine @ [extent[0], extent[2], extent[4], 1]
    np.testing.assert_allclose(point, true[:3], atol=1e-9)


@pytest.mark.parametrize("in_patient", [False, True])
def test_the_image_is_read_into_its_own_memory(
    series: Write, monkeypatch: pytest.MonkeyPatch, in_patient: bool
) -> None:
    """No second copy: what the reader filled is what the image holds, in either order of rows and slices."""
    filled = []

    def keeping(plan: Any, *arguments: Any) -> Any:
        reading_ = read(plan, *arguments)
        filled.append(reading_.pixels)
        return reading_

    monkeypatch.setattr("vtkdicomload.pipeline.algorithm.read", keeping)
    source = DICOMSeriesSource(directory_name=series().folder)
    source.SetGeometryToPatient() if in_patient else source.SetGeometryToVTK()
    source.Update()
    assert len(filled) == 1
    assert np.shares_memory(array_of(source.GetOutput()), filled[0])
    assert (filled[0].strides[0] > 0, filled[0].strides[1] > 0) == (in_patient, in_patient)


def test_pieces_and_a_streamer_make_the_whole(series: Write) -> None:
    truth = series(count=12)
    source = DICOMSeriesSource(directory_name=truth.folder, verify="none")
    seen = set()
    for piece in range(3):
        source.UpdatePiece(piece, 3, 0)
        first, last = source.GetOutput().GetExtent()[4:]
        np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array[:, :, first : last + 1])
        seen.update(range(first, last + 1))
        assert last - first < 6
    assert seen == set(range(12))
    streamer = vtkImageDataStreamer()
    streamer.SetInputConnection(source.GetOutputPort())
    streamer.SetNumberOfStreamDivisions(4)
    streamer.Update()
    np.testing.assert_array_equal(array_of(streamer.GetOutput()), truth.vtk_array)


def test_what_is_updated_after_a_part_is_what_any_source_of_vtk_updates(series: Write) -> None:
    """Update keeps the part that is there, a new execution gives the whole, a part of the whole stays the whole."""
    truth = series()
    dimensions = []
    for source in (vtkRTAnalyticSource(), DICOMSeriesSource(directory_name=truth.folder)):
        if isinstance(source, vtkRTAnalyticSource):
            source.SetWholeExtent(0, 7, 0, 5, 0, 4)
        steps = []
        for step in (
            lambda s: s.UpdateExtent((0, 7, 0, 5, 2, 2)),
            lambda s: s.Update(),
            lambda s: s.UpdateExtent((0, 7, 0, 5, 1, 2)),
            lambda s: (s.Modified(), s.Update()),
            lambda s: s.UpdateExtent((0, 7, 0, 5, 2, 2)),
            lambda s: (s.Modified(), s.UpdateExtent((1, 7, 0, 5, 2, 2))),
            lambda s: s.UpdateWholeExtent(),
        ):
            step(source)
            steps.append(source.GetOutput().GetExtent())
        dimensions.append(steps)
    assert dimensions[0] == dimensions[1]
    assert {extent[4:] for extent in dimensions[1]} == {(2, 2), (1, 2), (0, 4)}


def test_an_extent_outside_the_whole_is_a_value_error(series: Write, capfd: pytest.CaptureFixture[str]) -> None:
    source = reading(series().folder)
    with pytest.raises(ValueError, match="0 99 0 5 0 4, which is outside the whole extent 0 7 0 5 0 4"):
        source.UpdateExtent((0, 99, 0, 5, 0, 4))
    source.UpdateWholeExtent()
    assert source.GetError() is None
    assert capfd.readouterr() == ("", "")


def test_filters_see_the_announced_type(series: Write) -> None:
    truth = series(RescaleSlope=0.5)
    source = DICOMSeriesSource(directory_name=truth.folder)
    cast = vtkImageCast()
    cast.SetInputConnection(source.GetOutputPort())
    cast.SetOutputScalarTypeToDouble()
    cast.Update()
    np.testing.assert_array_equal(array_of(cast.GetOutput()), truth.vtk_array)
    smooth = vtkImageGaussianSmooth()
    smooth.SetInputConnection(source.GetOutputPort())
    smooth.UpdateInformation()
    info = smooth.GetOutputInformation(0)
    assert vtkImageData.GetScalarType(info) == VTK_FLOAT
    assert vtkImageData.GetNumberOfScalarComponents(info) == 1
    smooth.Update()
    assert smooth.GetOutput().GetScalarType() == VTK_FLOAT


def test_update_information_reads_no_pixel(series: Write, bytes_read: dict[str, int]) -> None:
    source = DICOMSeriesSource(directory_name=series(RescaleIntercept=-1024).folder)
    source.SetGeometryToPatient()
    source.UpdateInformation()
    info = source.GetOutputInformation(0)
    assert info.Get(vtkImageData.SPACING()) == (0.5, 0.8, 2.5)
    assert info.Get(vtkImageData.ORIGIN()) == pytest.approx((-10, -20, 30))
    assert info.Get(vtkImageData.DIRECTION()) == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert vtkImageData.GetScalarType(info) == VTK_SHORT
    assert not bytes_read
    assert source.GetOutput().GetNumberOfPoints() == 0


# ------------------------------------------------------------------------------------------------- executing again
def count_reads(source: DICOMSeriesSource) -> list[str]:
    reads: list[str] = []
    source.AddObserver("StartEvent", lambda _source, event: reads.append(event))
    return reads


def test_it_reads_again_only_when_something_changed(series: Write) -> None:
    truth = series()
    source = DICOMSeriesSource(directory_name=truth.folder)
    reads = count_reads(source)
    for _ in range(5):
        source.Update()
    assert len(reads) == 1
    source.SetOrder("position")
    source.Update()
    assert len(reads) == 1
    source.SetEngine("pydicom")
    source.Update()
    assert len(reads) == 2
    source.Modified()
    source.Update()
    assert len(reads) == 3


def test_a_changed_file_is_read_again(series: Write) -> None:
    truth = series()
    source = reading(truth.folder)
    again = series(RescaleIntercept=-7)
    for path in again.files:
        os.utime(path, ns=(1, time.time_ns() + 10**9))
    source.Update()
    np.testing.assert_array_equal(array_of(source.GetOutput()), again.vtk_array)


def test_a_change_behind_a_linked_folder_is_noticed(series: Write, tmp_path: Path) -> None:
    truth = series("real")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "link").symlink_to(tmp_path / "real")
    (tmp_path / "study" / "loop").symlink_to(tmp_path / "study")
    source = reading(tmp_path / "study", recursive=True)
    assert source.GetDataExtent()[5] == len(truth.files) - 1
    truth.files[2].unlink()
    with pytest.raises(vdl.MissingSliceError):
        source.Update()


def test_a_slice_more_or_less_is_noticed(series: Write, tmp_path: Path) -> None:
    truth = series()
    last = tmp_path / "last"
    shutil.move(truth.files[4], last)
    with pytest.warns(vdl.DicomLoadWarning, match="1 file left out, as ignore= says: last"):
        source = reading(truth.folder, ignore="last")
    assert source.GetDataExtent()[5] == 3
    shutil.move(last, truth.files[4])
    source.UpdateWholeExtent()
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)
    truth.files[2].unlink()
    with pytest.raises(vdl.MissingSliceError):
        source.Update()


def test_a_file_that_changes_between_headers_and_pixels_is_an_error_until_the_source_is_updated(series: Write) -> None:
    truth = series()
    source = DICOMSeriesSource(directory_name=truth.folder)
    surface = vtkFlyingEdges3D()
    surface.SetInputConnection(source.GetOutputPort())
    said = watch(source)
    source.UpdateInformation()
    again = series(RescaleIntercept=-7)
    for path in again.files:
        os.utime(path, ns=(1, time.time_ns() + 10**9))
    for _ in range(2):
        surface.Update()
        assert isinstance(source.GetError(), vdl.CorruptFileError)
        assert "changed since it was scanned" in said.pop()
    source.Update()
    assert source.GetError() is None
    np.testing.assert_array_equal(array_of(source.GetOutput()), again.vtk_array)


# ------------------------------------------------------------------------------------------------- failures
def watch(source: DICOMSeriesSource) -> list[str]:
    """What its ErrorEvents say."""
    said: list[str] = []

    @calldata_type(VTK_STRING)
    def take(_caller: object, _event: str, text: str) -> None:
        said.append(text)

    source.AddObserver("ErrorEvent", take)
    return said


FAULTS: dict[str, tuple[Callable[[Truth, DICOMSeriesSource], Any], type[Exception], int]] = {
    "no folder": (lambda t, s: s.SetDirectoryName("/no/such"), vdl.NoDicomError, vtkErrorCode.FileNotFoundError),
    "nothing set": (lambda t, s: s.SetDirectoryName(None), vdl.NoDicomError, vtkErrorCode.NoFileNameError),
    "no file": (lambda t, s: s.SetFileName("/no/such.dcm"), vdl.NoDicomError, vtkErrorCode.FileNotFoundError),
    "no names": (lambda t, s: s.SetFileNames(vtkStringArray()), vdl.NoDicomError, vtkErrorCode.NoFileNameError),
    "a folder as file": (lambda t, s: s.SetFileName(t.folder), vdl.NoDicomError, vtkErrorCode.FileNotFoundError),
    "a file as folder": (lambda t, s: s.SetDirectoryName(t.files[0]), vdl.NoDicomError, vtkErrorCode.FileNotFoundError),
    "cut": (
        lambda t, s: t.files[1].write_bytes(t.files[1].read_bytes()[:-9]),
        vdl.CorruptFileError,
        vtkErrorCode.FileFormatError,
    ),
    "a gap": (lambda t, s: t.files[2].unlink(), vdl.MissingSliceError, vtkErrorCode.UnknownError),
    "wrong engine": (
        lambda t, s: s.SetEngine("codec"),
        vdl.UnsupportedPixelDataError,
        vtkErrorCode.UnrecognizedFileTypeError,
    ),
    "empty": (
        lambda t, s: [path.unlink() for path in t.files],
        vdl.NoDicomError,
        vtkErrorCode.FileNotFoundError,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_is_raised_kept_and_signalled_and_stderr_stays_empty(
    series: Write, capfd: pytest.CaptureFixture[str], fault: str
) -> None:
    spoil, kind, code = FAULTS[fault]
    truth = series()
    source = reading(truth.folder)
    said = watch(source)
    spoil(truth, source)
    for update in (source.Update, source.UpdateInformation, source.UpdateWholeExtent, source.Update):
        with pytest.raises(kind) as caught:
            update()
        assert type(caught.value) is kind
        assert type(source.GetError()) is kind
        assert str(source.error) == str(caught.value)
        assert source.GetErrorCode() == source.error_code == code
        assert said.pop() == f"{kind.__name__}: {caught.value}"
        assert source.GetOutput().GetNumberOfPoints() == 0
    assert not said
    whole = series("whole")
    source.SetEngine("auto")
    source.SetDirectoryName(whole.folder)
    source.Update()
    assert (source.GetError(), source.GetErrorCode()) == (None, 0)
    np.testing.assert_array_equal(array_of(source.GetOutput()), whole.vtk_array)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failure_that_comes_from_downstream_is_kept_and_signalled(
    series: Write, capfd: pytest.CaptureFixture[str], fault: str
) -> None:
    spoil, kind, code = FAULTS[fault]
    truth = series()
    source = DICOMSeriesSource(directory_name=truth.folder)
    said = watch(source)
    surface = vtkFlyingEdges3D()
    surface.SetInputConnection(source.GetOutputPort())
    spoil(truth, source)
    for _ in range(5):
        surface.Update()
        assert (type(source.GetError()), source.GetErrorCode()) == (kind, code)
        assert said.pop() == f"{kind.__name__}: {source.GetError()}"
        assert not said
    whole = series("whole")
    source.SetEngine("auto")
    source.SetDirectoryName(whole.folder)
    surface.Update()
    assert source.GetError() is None
    assert capfd.readouterr() == ("", "")


def test_a_failure_that_nobody_hears_is_said_the_way_of_vtk(capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []

    @calldata_type(VTK_STRING)
    def take(_caller: object, _event: str, text: str) -> None:
        said.append(text)

    window = vtkOutputWindow.GetInstance()
    tag = window.AddObserver("ErrorEvent", take)
    mode = window.GetDisplayMode()
    window.SetDisplayModeToNever()
    surface = vtkFlyingEdges3D()
    source = DICOMSeriesSource(directory_name="/no/such")
    surface.SetInputConnection(source.GetOutputPort())
    try:
        surface.Update()
        assert len(said) == 1
        assert said[0].startswith("DICOMSeriesSource: NoDicomError: there is nothing at '/no/such'")
        source.GlobalWarningDisplayOff()
        surface.Update()
        assert len(said) == 1
    finally:
        source.GlobalWarningDisplayOn()
        window.RemoveObserver(tag)
        window.SetDisplayMode(mode)
    assert capfd.readouterr() == ("", "")


def test_a_failure_leaves_nothing_of_what_was_there_before(series: Write) -> None:
    truth = series()
    source = reading(truth.folder)
    kept = source.GetOutput()
    assert kept.GetNumberOfPoints() == truth.frames.size
    source.SetDirectoryName("/no/such")
    with pytest.raises(vdl.NoDicomError):
        source.Update()
    assert kept.GetNumberOfPoints() == 0
    assert (source.GetWidth(), source.GetNumberOfDICOMFileNames()) == (0, 0)


def test_an_exception_of_the_callers_own_comes_out(series: Write) -> None:
    class Odd(Exception):  # noqa: N818
        def __init__(self, one: int, two: int) -> None:
            super().__init__("odd")

    def choose(_series: object) -> bool:
        raise Odd(1, 2)

    source = DICOMSeriesSource(directory_name=series().folder, series=choose)
    with pytest.raises(Odd):
        source.Update()
    assert isinstance(source.GetError(), Odd)


def test_warnings_as_errors_come_out_and_come_again(series: Write) -> None:
    source = DICOMSeriesSource(directory_name=series(PixelSpacing=None).folder)
    for _ in range(2):
        with pytest.raises(vdl.DicomLoadWarning, match="no PixelSpacing"):  # pytest makes warnings errors
            source.Update()
    with pytest.warns(vdl.DicomLoadWarning, match="no PixelSpacing") as warned:
        source.Update()
    assert [w.filename for w in warned] == [__file__]
    source.Update()
    assert source.GetError() is None


# ------------------------------------------------------------------------------------------------- progress, abort
def test_progress_rises_to_one(series: Write) -> None:
    source = DICOMSeriesSource(directory_name=series().folder)
    seen: list[float] = []
    source.AddObserver("ProgressEvent", lambda caller, _: seen.append(caller.GetProgress()))
    source.Update()
    assert {0.2, 0.4, 0.6, 0.8, 1.0} <= {round(p, 6) for p in seen}
    assert seen == sorted(seen)


@pytest.mark.parametrize("syntax", [None, RLELossless])
def test_abort_execute_ends_the_reading(series: Write, capfd: pytest.CaptureFixture[str], syntax: str | None) -> None:
    truth = series(count=40, **({} if syntax is None else {"syntax": syntax}))
    source = DICOMSeriesSource(directory_name=truth.folder, workers=1)
    said, seen = watch(source), []

    def abort(caller: DICOMSeriesSource, _event: str) -> None:
        seen.append(caller.GetProgress())
        caller.SetAbortExecute(len(seen) >= 3)

    tag = source.AddObserver("ProgressEvent", abort)
    source.Update()
    assert len(seen) < 10
    assert source.GetOutput().GetNumberOfPoints() == 0
    assert (source.GetError(), source.GetErrorCode(), said) == (None, 0, [])
    source.RemoveObserver(tag)
    source.SetAbortExecute(0)
    source.Update()
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)
    assert capfd.readouterr() == ("", "")


def _wait_for_ever() -> None:
    while True:
        time.sleep(0.01)


def _interrupted(*_: Any, **__: Any) -> Any:
    signal.raise_signal(signal.SIGINT)
    _wait_for_ever()


def test_ctrl_c_comes_out_of_an_update(
    series: Write, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    truth = series()
    source = DICOMSeriesSource(directory_name=truth.folder)
    monkeypatch.setattr("vtkdicomload.readers.direct.fill", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        source.Update()
    assert isinstance(source.GetError(), KeyboardInterrupt)
    monkeypatch.undo()
    source.Update()
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("where", ["vtkdicomload.readers.direct.fill", "vtkdicomload.pipeline.planning.find_series"])
def test_ctrl_c_in_an_update_from_downstream_is_not_lost(
    series: Write, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], where: str
) -> None:
    truth = series()
    source = DICOMSeriesSource(directory_name=truth.folder)
    surface = vtkFlyingEdges3D()
    surface.SetInputConnection(source.GetOutputPort())
    monkeypatch.setattr(where, _interrupted)
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012
        surface.Update()
        _wait_for_ever()
    assert isinstance(source.GetError(), KeyboardInterrupt)
    monkeypatch.undo()
    surface.Update()
    source.Update()
    np.testing.assert_array_equal(array_of(source.GetOutput()), truth.vtk_array)
    assert capfd.readouterr() == ("", "")


# ------------------------------------------------------------------------------------------------- lifetime, threads
def test_a_pipeline_keeps_its_source_and_lets_it_go(series: Write) -> None:
    truth = series(count=9)

    def pipeline() -> vtkFlyingEdges3D:
        source = DICOMSeriesSource(directory_name=truth.folder)
        surface = vtkFlyingEdges3D()
        surface.SetInputConnection(source.GetOutputPort())
        surface.SetValue(0, 5)
        return surface

    surface = pipeline()
    gc.collect()
    surface.Update()
    assert surface.GetOutput().GetNumberOfPoints() > 0
    assert isinstance(surface.GetInputAlgorithm(), DICOMSeriesSource)


def test_filters_that_ask_for_different_parts_share_one_source(series: Write) -> None:
    truth = series(count=20)
    source = DICOMSeriesSource(directory_name=truth.folder)
    parts = []
    for first, last in ((0, 3), (10, 13)):
        part = vtkExtractVOI()
        part.SetInputConnection(source.GetOutputPort())
        part.SetVOI(0, 7, 0, 5, first, last)
        parts.append((part, truth.vtk_array[:, :, first : last + 1]))
    for part, expected in parts * 2:
        part.Update()
        np.testing.assert_array_equal(array_of(part.GetOutput()), expected)


def test_the_image_outlives_its_source(series: Write) -> None:
    truth = series()
    image = reading(truth.folder).GetOutput()
    gc.collect()
    junk = [np.full(truth.frames.size, 9, np.int16) for _ in range(20)]
    del junk
    np.testing.assert_array_equal(array_of(image), truth.vtk_array)


@pytest.mark.parametrize("how", ["good", "failed", "downstream"])
def test_nothing_keeps_a_source_alive_without_the_garbage_collector(series: Write, how: str) -> None:
    class Token:
        pass

    source = DICOMSeriesSource(directory_name="/no/such" if how != "good" else series().folder)
    if how == "good":
        source.Update()
    elif how == "failed":
        with pytest.raises(vdl.NoDicomError):
            source.Update()
    else:
        source.AddObserver("ErrorEvent", lambda *_: None)
        surface = vtkFlyingEdges3D()
        surface.SetInputConnection(source.GetOutputPort())
        surface.Update()
        del surface
    source.token = Token()
    token = weakref.ref(source.token)
    gc.disable()
    try:
        del source
        DICOMSeriesSource()  # VTK 9.4 forgets the attributes of a deleted object when the next one is made
        assert token() is None
    finally:
        gc.enable()


def test_pixels_are_freed_with_the_image(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    source = reading(series().folder)
    scalars = source.GetOutput().GetPointData().GetScalars()
    memory = weakref.ref(scalars)
    del scalars
    source.Modified()
    source.Update()
    gc.collect()
    assert memory() is None


def test_threads_each_with_a_source_of_their_own(series: Write) -> None:
    truths = [series(f"{n}", seed=n, count=4 + n) for n in range(1, 5)]
    with ThreadPoolExecutor(4) as pool:
        arrays = list(pool.map(lambda truth: array_of(reading(truth.folder).GetOutput()), truths * 5))
    for array, truth in zip(arrays, truths * 5, strict=True):
        np.testing.assert_array_equal(array, truth.vtk_array)


def test_no_identity_in_words(series: Write) -> None:
    truth = series()
    source = reading(truth.folder)
    assert source.GetPatientName() == "Secret^Name"
    shown = [repr(source), str(source), str(source.GetOutput()), repr(vars(source))]
    assert not any(secret in text for text in shown for secret in ("Secret", "SECRET", "19700102"))
    assert repr(source) == f"<DICOMSeriesSource {truth.folder}: 8×6×5 int16, 0.5×0.8×2.5 mm, geometry VTK>"
    source.SetFileNames(truth.files)
    assert "5 files: " in repr(source)


def test_importing_the_package_imports_no_vtk() -> None:
    code = (
        "import sys, vtkdicomload; assert not any('vtk' in m and 'vtkdicomload' not in m for m in sys.modules);"
        "from vtkdicomload import DICOMSeriesSource; assert 'DICOMSeriesSource' in dir(vtkdicomload)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        vdl.Nonsense  # noqa: B018


def test_the_package_offers_its_public_names_alone() -> None:
    assert [name for name in dir(vdl) if not name.startswith("_")] == sorted(vdl.__all__)
