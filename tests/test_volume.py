"""Volume: one memory behind every view, geometry that SimpleITK and VTK agree with, and no identity in its words."""

from __future__ import annotations

import base64
import copy
import gc
import io
import itertools
import pickle
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK
from PIL import Image
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import ExplicitVRLittleEndian
from synthetic import Truth, padded, voxels
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOImage import vtkDICOMImageReader

import vtkdicomload as vdl
from vtkdicomload import DicomLoadWarning, Volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    Write = Callable[..., Truth]

PLANES = {
    "axial": (1, 0, 0, 0, 1, 0),
    "axial upside down": (1, 0, 0, 0, -1, 0),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "coronal": (1, 0, 0, 0, 0, -1),
    "oblique": (0.8, 0.6, 0, -0.36, 0.48, -0.8),
}
REAL = ("small_ct", "mr_plain4", "slope_per_slice", "mr_small_slope", "rgb_stack")


def scalars(volume: Volume) -> np.ndarray[Any, Any]:
    return vtk_to_numpy(volume.image.GetPointData().GetScalars())


def corners(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    return list(itertools.product(*((0, n - 1) for n in shape)))


def itk_series(files: list[str]) -> Any:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(files)
    return reader.Execute()


# ------------------------------------------------------------------------------------------------------ pixels
@pytest.mark.parametrize("plane", PLANES)
def test_both_views_hold_the_truth(series: Write, plane: str) -> None:
    truth = series(orientation=PLANES[plane], RescaleIntercept=-7)
    volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    np.testing.assert_array_equal(volume.array, truth.array)
    np.testing.assert_array_equal(volume.frames, volume.array.T)
    assert volume.frames.shape == (5, 6, 8)
    assert volume.array.shape == volume.shape == volume.dimensions == (8, 6, 5)
    assert volume.dtype == np.int16


@pytest.mark.parametrize("name", REAL)
def test_real_series_hold_what_simpleitk_reads(data: Path, name: str) -> None:
    volume = vdl.load(data / name)
    slices = [SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(f.path))[0] for f in volume.series.frames]
    if volume.dtype.kind == "f":
        np.testing.assert_allclose(volume.frames, slices, rtol=1e-6)
    else:
        np.testing.assert_array_equal(volume.frames, slices)
    for z, slice_ in enumerate(slices):
        np.testing.assert_allclose(volume.array[:, :, z], slice_.swapaxes(0, 1), rtol=1e-6)


@pytest.mark.parametrize("name", REAL)
def test_frames_are_contiguous_as_c_has_it_and_array_as_fortran(data: Path, name: str) -> None:
    volume = vdl.load(data / name)
    assert volume.frames.flags.c_contiguous
    assert volume.array.flags.f_contiguous == (volume.frames.ndim == 3)


def test_pixels_in_another_order_are_refused(series: Write) -> None:
    volume = vdl.load(series().folder)
    with pytest.raises(ValueError, match="must be C-contiguous"):
        volume.replaced(volume.frames[::-1], volume.geometry)


def test_no_pixel_is_copied_between_the_views(series: Write) -> None:
    volume = vdl.load(series().folder)
    views = (volume.frames, volume.array, scalars(volume))
    assert all(np.shares_memory(a, b) for a, b in itertools.combinations(views, 2))
    assert {v.nbytes for v in views} == {5 * 6 * 8 * 2}


def test_what_one_view_writes_the_others_show(series: Write) -> None:
    volume = vdl.load(series().folder)
    volume.frames[1, 2, 3] = 1111
    assert volume.array[3, 2, 1] == 1111
    volume.array[7, 0, 0] = 2222
    assert volume.frames[0, 0, 7] == 2222
    assert {1111, 2222} <= set(scalars(volume).tolist())
    volume.image.SetScalarComponentFromDouble(3, 2, 1, 0, 3333)
    assert volume.frames[1, 2, 3] == 3333


HOLDERS: dict[str, Callable[[Volume], Any]] = {
    "frames": lambda volume: volume.frames,
    "array": lambda volume: volume.array,
    "image": lambda volume: volume.image,
    "scalars": lambda volume: volume.image.GetPointData().GetScalars(),
    "another image": lambda volume: volume.image_as("patient"),
    "numpy of scalars": lambda volume: vtk_to_numpy(volume.image.GetPointData().GetScalars()),
}


@pytest.mark.parametrize("kept", HOLDERS)
def test_one_view_alone_keeps_the_pixels_alive(series: Write, kept: str) -> None:
    # Large enough that freed memory goes back to the system.
    truth = series(count=4, rows=300, columns=400)
    volume = vdl.load(truth.folder)
    keep = HOLDERS[kept](volume)
    del volume
    gc.collect()
    junk = [np.full(truth.stored.size, 7, np.int16) for _ in range(20)]
    del junk
    if "image" in kept:
        keep = keep.GetPointData().GetScalars()
    if "image" in kept or kept == "scalars":
        keep = vtk_to_numpy(keep)
    expected = {"frames": truth.frames, "array": truth.array}.get(kept, truth.frames.ravel())
    np.testing.assert_array_equal(keep, expected)


def test_image_is_made_once_and_image_as_anew(series: Write) -> None:
    volume = vdl.load(series().folder)
    assert volume.image is volume.image
    assert volume.image_as("patient") is not volume.image
    assert volume.image_as("vtk") is not volume.image_as("vtk")


# ------------------------------------------------------------------------------------------------------ geometry
def assert_geometry_is_that_of_itk(volume: Volume, itk: Any, precision: float) -> None:
    nx, ny, nz = volume.dimensions
    assert itk.GetSize() == (nx, ny, nz)
    geometry = volume.geometry
    np.testing.assert_allclose(geometry.spacing, itk.GetSpacing(), atol=precision)
    np.testing.assert_allclose(geometry.origin, itk.GetOrigin(), atol=precision)
    np.testing.assert_allclose(np.ravel(geometry.direction), itk.GetDirection(), atol=precision)
    for x, y, z in corners((nx, ny, nz)):
        point = itk.TransformIndexToPhysicalPoint((x, y, z))
        np.testing.assert_allclose(geometry.to_patient((x, y, z)), point, atol=precision * max(nx, ny, nz))
        np.testing.assert_allclose(volume.affine @ [x, y, z, 1], [*point, 1], atol=precision * max(nx, ny, nz))
        assert volume.array[x, y, z] == volume.frames[z, y, x]


@pytest.mark.parametrize("plane", PLANES)
def test_geometry_is_that_of_simpleitk(series: Write, plane: str) -> None:
    truth = series(orientation=PLANES[plane], PixelSpacing=[0.7, 1.3])
    volume = vdl.load(truth.folder)
    itk = itk_series([str(f) for f in truth.files])
    assert_geometry_is_that_of_itk(volume, itk, 1e-6)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(itk), volume.frames)


@pytest.mark.parametrize("name", ["small_ct", "mr_plain4", "slope_per_slice"])
def test_geometry_of_real_series_is_that_of_simpleitk(data: Path, name: str) -> None:
    volume = vdl.load(data / name)
    itk = itk_series([f.path for f in volume.series.frames])
    assert_geometry_is_that_of_itk(volume, itk, 2e-4)  # ITK fits direction and spacing from first and last


@pytest.mark.parametrize("plane", PLANES)
def test_vtk_finds_every_corner_where_the_geometry_says(series: Write, plane: str) -> None:
    volume = vdl.load(series(orientation=PLANES[plane]).folder)
    for index in corners(volume.dimensions):
        point = [0.0, 0.0, 0.0]
        volume.image.TransformIndexToPhysicalPoint(*index, point)
        np.testing.assert_allclose(point, volume.geometry.to_patient(index), atol=1e-9)
        assert volume.image.GetScalarComponentAsDouble(*index, 0) == volume.array[index]


def test_extent_axes_and_edges_are_those_of_every_view(series: Write) -> None:
    volume = vdl.load(series().folder)
    assert volume.extent == (0, 7, 0, 5, 0, 4) == volume.image.GetExtent()
    assert volume.spacing == (0.5, 0.8, 2.5)
    for axis, edges, n, step in zip(volume.axes, volume.edges, (8, 6, 5), volume.spacing, strict=True):
        np.testing.assert_allclose(axis, np.arange(n) * step)
        np.testing.assert_allclose(edges, np.arange(-0.5, n) * step)
    np.testing.assert_allclose(volume.origin, volume.geometry.origin)
    np.testing.assert_allclose(volume.direction, np.eye(3))


# ------------------------------------------------------------------------------------------------------ as VTK reads it
@pytest.mark.parametrize("name", ["small_ct", "ct_head"])
def test_image_as_vtk_is_what_vtkdicomimagereader_gives(data: Path, ct_head: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for path in (ct_head if name == "ct_head" else data / name).glob("*.dcm"):
        (folder / path.name).symlink_to(path)  # without the licence text beside them
    reader = vtkDICOMImageReader()
    reader.SetDirectoryName(str(folder))
    reader.Update()
    theirs = reader.GetOutput()
    volume = vdl.load(folder)
    ours = volume.image_as("vtk")
    expected = vtk_to_numpy(theirs.GetPointData().GetScalars())
    found = vtk_to_numpy(ours.GetPointData().GetScalars())
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    assert not np.shares_memory(found, volume.frames)
    assert ours.GetExtent() == theirs.GetExtent()
    assert ours.GetOrigin() == (0, 0, 0)
    assert ours.GetDirectionMatrix().IsIdentity()
    np.testing.assert_allclose(ours.GetSpacing(), theirs.GetSpacing(), rtol=1e-6)
    del reader, theirs


def test_image_as_patient_is_like_image(series: Write) -> None:
    volume = vdl.load(series(orientation=PLANES["oblique"]).folder)
    again = volume.image_as("patient")
    assert again.GetOrigin() == volume.image.GetOrigin()
    assert again.GetSpacing() == volume.image.GetSpacing()
    for i, j in itertools.product(range(3), range(3)):
        assert again.GetDirectionMatrix().GetElement(i, j) == volume.image.GetDirectionMatrix().GetElement(i, j)


@pytest.mark.parametrize("word", ["lps", "VTK", "", "dicom", None])
def test_another_convention_is_refused(series: Write, word: Any) -> None:
    with pytest.raises(ValueError, match="convention must be"):
        vdl.load(series().folder).image_as(word)


# ------------------------------------------------------------------------------------------------------ what files say
def test_padding_value_goes_through_the_modality_transform(series: Write) -> None:
    def pad(dataset: Dataset, _: int) -> None:
        dataset.add_new(0x00280120, "SS", -2000)

    assert vdl.load(series("a", edit=pad, RescaleIntercept=-24).folder).padding_value == -2024
    assert vdl.load(series("b", edit=pad, RescaleSlope=2, RescaleIntercept=1).folder).padding_value == -3999
    assert vdl.load(series("c").folder).padding_value is None


def test_padding_value_stays_stored_without_rescale(series: Write) -> None:
    def pad(dataset: Dataset, _: int) -> None:
        dataset.add_new(0x00280120, "SS", -2000)

    volume = vdl.load(series(edit=pad, RescaleIntercept=-24).folder, rescale=False)
    assert volume.padding_value == -2000


def test_padding_values_that_differ_are_none(series: Write) -> None:
    def pad(dataset: Dataset, k: int) -> None:
        dataset.PixelPaddingValue, dataset.RescaleSlope = -2000, 1 + k

    truth = series(edit=pad)
    assert vdl.load(truth.folder).padding_value is None
    assert vdl.load(truth.folder, rescale=False).padding_value == -2000


@pytest.mark.parametrize(("slope", "intercept"), [(2, -1024), (-0.5, 3), (1, 0)])
def test_the_window_of_stored_values_shows_the_same(series: Write, slope: float, intercept: float) -> None:
    options = {"WindowCenter": 40, "WindowWidth": 400, "RescaleSlope": slope, "RescaleIntercept": intercept}
    truth = series(dtype=np.int16, **options)
    rescaled, stored = vdl.load(truth.folder), vdl.load(truth.folder, rescale=False)
    shown = []
    for volume in (rescaled, stored):
        assert volume.window is not None
        center, width = volume.window
        shown.append((volume.frames.astype(float) - center) / width)
    np.testing.assert_allclose(shown[0], shown[1] * np.sign(slope))


def test_window_is_that_of_the_middle_slice(series: Write) -> None:
    def window(dataset: Dataset, k: int) -> None:
        dataset.WindowCenter, dataset.WindowWidth = [40 + k, 500], [400, 2000]

    assert vdl.load(series("a", edit=window).folder).window == (42, 400)
    assert vdl.load(series("b").folder).window is None
    assert vdl.load(series("c", WindowCenter=40, WindowWidth=0).folder).window is None


def test_units_are_the_first_that_the_file_names(series: Write) -> None:
    assert vdl.load(series("a").folder).units == "HU"
    assert vdl.load(series("b", Modality="PT", Units="BQML").folder).units == "BQML"
    assert vdl.load(series("c", Modality="MR").folder).units is None
    assert vdl.load(series("d", RescaleType="OD").folder).units == "OD"
    # PS3.3 C.11.1.1.2: unspecified
    assert vdl.load(series("e", RescaleType="US", RescaleIntercept=-1024).folder).units == "HU"
    assert vdl.load(series("f", RescaleType="US", RescaleIntercept=0, dtype="i2").folder).units is None
    assert vdl.load(series("g", RescaleType="US", Modality="MR").folder).units is None


@pytest.mark.parametrize("word", ["MONOCHROME1", "MONOCHROME2"])
def test_grey_values_stay_as_stored_whichever_way_they_shine(series: Write, word: str) -> None:
    truth = series(PhotometricInterpretation=word)
    volume = vdl.load(truth.folder)
    assert volume.photometric_interpretation == word
    np.testing.assert_array_equal(volume.frames, truth.stored)


def test_stack_labels_say_which_stack_it_is(data: Path) -> None:
    volume = vdl.load(data / "asl_4d", stack=3)
    assert volume.stack_labels
    assert volume.stack_labels == volume.series.labels
    assert all(name and value for name, value in volume.stack_labels)
    assert vdl.load(data / "small_ct").stack_labels == ()


def test_what_was_left_out_and_verified_is_kept(series: Write) -> None:
    truth = series()
    with pytest.warns(vdl.DicomLoadWarning, match="left out"):
        volume = vdl.load(truth.folder, ignore=[truth.files[0]])
    assert volume.ignored == (str(truth.files[0]),)
    np.testing.assert_array_equal(volume.frames, truth.frames[1:])
    assert volume.engine == "direct"
    assert {check.name for check in volume.checks} == {"zero guard", "second reader"}


# ------------------------------------------------------------------------------------------------------ colour
def colour_edit(planar: int) -> Callable[[Dataset, int], None]:
    def edit(dataset: Dataset, _: int) -> None:
        if planar:
            pixels = np.frombuffer(dataset.PixelData, np.uint8, count=5 * 7 * 3).reshape(5, 7, 3)
            dataset.PixelData = padded(pixels.transpose(2, 0, 1).tobytes())
        dataset.PlanarConfiguration = planar

    return edit


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("words", ["RGB", "YBR_FULL"])
def test_colour_comes_out_as_rgb(series: Write, words: str, planar: int) -> None:
    pixels = voxels(3, 5, 7, 3, np.uint8, 8)
    truth = series(
        count=3,
        rows=5,
        columns=7,
        dtype=np.uint8,
        SamplesPerPixel=3,
        PhotometricInterpretation=words,
        edit=colour_edit(planar),
    )
    volume = vdl.load(truth.folder)
    expected = pixels if words == "RGB" else np.array([convert_color_space(p, words, "RGB") for p in pixels])
    np.testing.assert_array_equal(volume.frames, expected)
    np.testing.assert_array_equal(volume.array, expected.transpose(2, 1, 0, 3))
    assert volume.photometric_interpretation == "RGB"
    assert volume.image.GetNumberOfScalarComponents() == 3
    assert volume.array[6, 4, 2].tolist() == expected[2, 4, 6].tolist()
    found = scalars(volume).reshape(3, 5, 7, 3)
    np.testing.assert_array_equal(found, expected)
    assert np.shares_memory(found, volume.frames)


def test_colour_can_be_had_as_vtk_gives_it(series: Write) -> None:
    options = {"dtype": np.uint8, "SamplesPerPixel": 3, "count": 3}
    volume = vdl.load(series(**options).folder)
    image = volume.image_as("vtk")
    found = vtk_to_numpy(image.GetPointData().GetScalars())
    np.testing.assert_array_equal(found.ravel(), volume.frames[::-1, ::-1].ravel())
    assert image.GetDirectionMatrix().IsIdentity()


# ------------------------------------------------------------------------------------------------------ pickling
def facts(volume: Volume) -> tuple[Any, ...]:
    """Everything a volume says but its pixels and its geometry."""
    return (
        *(volume.engine, volume.checks, volume.ignored, volume.series.frames, volume.stack_labels, volume.dtype),
        *(volume.padding_value, volume.window, volume.units, volume.photometric_interpretation, repr(volume)),
        *(volume.array.strides, volume.frames.strides),
    )


def assert_same(a: Volume, b: Volume) -> None:
    assert facts(a) == facts(b)
    np.testing.assert_array_equal(a.frames, b.frames)
    np.testing.assert_array_equal(a.array, b.array)
    one, other = a.geometry, b.geometry
    assert one.dimensions == other.dimensions
    assert one.regular == other.regular
    np.testing.assert_array_equal(one.affine, other.affine)
    np.testing.assert_array_equal(one.positions, other.positions)


@pytest.mark.parametrize("way", ["pickle", "deepcopy"])
@pytest.mark.parametrize("name", ["mr_small_slope", "rgb_stack"])
def test_a_copy_loses_nothing(data: Path, name: str, way: str) -> None:
    volume = vdl.load(data / name)
    assert volume.image is not None
    again = copy.deepcopy(volume) if way == "deepcopy" else pickle.loads(pickle.dumps(volume))
    assert_same(volume, again)
    assert not np.shares_memory(volume.frames, again.frames)
    assert np.shares_memory(again.frames, scalars(again))
    assert again.frames.flags.writeable


def test_a_reoriented_volume_survives_pickling(series: Write) -> None:
    volume = vdl.load(series(orientation=PLANES["sagittal"]).folder).reorient("RAS")
    again = pickle.loads(pickle.dumps(volume))
    np.testing.assert_array_equal(again.frames, volume.frames)
    np.testing.assert_array_equal(again.affine, volume.affine)


CHILD = """
import pickle, sys
volume = pickle.load(open(sys.argv[1], "rb"))
assert volume.image.GetDimensions() == volume.dimensions
volume.frames += 1
pickle.dump(volume, open(sys.argv[2], "wb"))
"""


def test_a_fresh_process_can_use_a_pickled_volume(series: Write, tmp_path: Path) -> None:
    truth = series("files", orientation=PLANES["oblique"])
    volume = vdl.load(truth.folder)
    (tmp_path / "there").write_bytes(pickle.dumps(volume))
    command = [sys.executable, "-c", CHILD, str(tmp_path / "there"), str(tmp_path / "back")]
    subprocess.run(command, check=True)
    again = pickle.loads((tmp_path / "back").read_bytes())
    np.testing.assert_array_equal(again.frames, truth.frames + 1)
    volume.frames += 1
    assert_same(volume, again)


# ------------------------------------------------------------------------------------------------------ in words
IDENTITY = {
    "PatientName": "Secret^Person",
    "PatientID": "ID-12345",
    "PatientBirthDate": "19630412",
    "PatientAddress": "7 Hidden Lane",
    "OtherPatientIDs": "OTHER-987",
    "ReferringPhysicianName": "Quiet^Physician",
    "PerformingPhysicianName": "Other^Physician",
    "InstitutionName": "Nowhere Hospital",
    "AccessionNumber": "ACC-555",
}
SECRETS = re.compile("Secret|Person|12345|1963|0412|Hidden|OTHER|987|Quiet|Physician|Nowhere|ACC|555")


def test_words_name_both_views_with_their_axes(series: Write) -> None:
    volume = vdl.load(series(SeriesDescription="abdomen").folder)
    lines = repr(volume).splitlines()
    assert lines[0] == "<Volume #1 CT abdomen>"
    assert any("frames" in x and "(5, 6, 8)" in x and "(z→H, y→P, x→L)" in x for x in lines)
    assert any("array" in x and "(8, 6, 5)" in x and "(x→L, y→P, z→H)" in x for x in lines)
    assert any("0.5 × 0.8 × 2.5 mm" in x for x in lines)
    assert any("int16, HU, MONOCHROME2" in x for x in lines)


def test_a_volume_is_no_array_and_says_where_they_are(series: Write) -> None:
    """NumPy would make an array of one Python object."""
    volume = vdl.load(series().folder)
    for use in (np.asarray, np.mean):
        with pytest.raises(TypeError, match=r"volume\.frames .* and volume\.array"):
            use(volume)


def test_axes_of_a_sagittal_stack_are_named_after_the_patient(series: Write) -> None:
    # row (0, 1, 0) × column (0, 0, -1) = (-1, 0, 0): slices ascend to the right
    words = repr(vdl.load(series(orientation=PLANES["sagittal"]).folder))
    assert "(z→R, y→F, x→P)" in words
    assert "(x→P, y→F, z→R)" in words


def test_no_identity_is_in_any_words(series: Write) -> None:
    truth = series(**IDENTITY)
    volume = vdl.load(truth.folder)
    state = " ".join(map(str, volume.__dict__.values()))
    for words in (repr(volume), volume._repr_html_(), state, str(pickle.dumps(volume.series))):
        own_words = re.sub(r"data:image/png;base64,[^']*|stamp=\d+", "", words.replace(str(truth.folder), ""))
        assert not SECRETS.search(own_words)
    assert str(volume.series.dataset(0).PatientName) == "Secret^Person"


def test_html_shows_the_middle_slice_as_a_png(series: Write) -> None:
    volume = vdl.load(series(count=5, rows=30, columns=40, SeriesDescription="<b>&bold</b>").folder)
    html = volume._repr_html_()
    assert "<b>&bold" not in html
    assert "&lt;b&gt;&amp;bold" in html
    assert "(z→H, y→P, x→L)" in html
    assert "(x→L, y→P, z→H)" in html
    found = re.search("src='data:image/png;base64,([^']*)'", html)
    assert found
    with Image.open(io.BytesIO(base64.b64decode(found[1], validate=True))) as picture:
        picture.load()
        assert picture.format == "PNG"
        assert len(np.unique(np.asarray(picture.convert("L")))) > 10


def test_a_volume_without_position_says_so(series: Write) -> None:
    truth = series(ImagePositionPatient=None, ImageOrientationPatient=None)
    with pytest.warns(DicomLoadWarning):
        volume = vdl.load(truth.folder)
    assert volume.affine is volume.origin is volume.direction is None
    assert "none in the files" in repr(volume)
    assert "(8, 6, 5) (x, y, z)" in repr(volume)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert volume.image.GetOrigin() == (0, 0, 0)
    assert volume.image.GetDirectionMatrix().IsIdentity()


def test_explicit_little_endian_is_named_in_the_series(series: Write) -> None:
    volume = vdl.load(series(syntax=ExplicitVRLittleEndian).folder)
    assert volume.series.transfer_syntax == ExplicitVRLittleEndian
