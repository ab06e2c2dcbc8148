"""What VTK's 2-D viewers show of a series with a mark in row 0, column 0: upright, and not mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401 - the factory of windows
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkInteractionImage import vtkImageViewer2, vtkResliceImageViewer
from vtkmodules.vtkRenderingCore import (
    vtkCamera,
    vtkImageActor,
    vtkImageSlice,
    vtkImageSliceMapper,
    vtkRenderer,
    vtkRenderWindow,
    vtkWindowToImageFilter,
)
from vtkmodules.vtkRenderingImage import vtkImageResliceMapper

import vtkdicomload as vdl
from vtkdicomload import DICOMSeriesSource, Volume

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]

ROWS, COLUMNS, COUNT = 24, 30, 5
PIXELS = 300  # a side of the window; 10 of them a mm where the slice fills it
OBLIQUE = (0.8, 0.6, 0, -0.36, 0.48, -0.8)
SERIES: dict[str, dict[str, Any]] = {
    "radiograph": {"count": 1, "ImagePositionPatient": None, "ImageOrientationPatient": None, "Modality": "CR"},
    "axial": {"orientation": (1, 0, 0, 0, 1, 0)},
    "axial, feet first, prone": {"orientation": (-1, 0, 0, 0, -1, 0)},
    "coronal": {"orientation": (1, 0, 0, 0, 0, -1)},
    "sagittal": {"orientation": (0, 1, 0, 0, 0, -1)},
    "oblique": {"orientation": OBLIQUE},
}
pytestmark = pytest.mark.filterwarnings("ignore::vtkdicomload.DicomLoadWarning")


def marked(series: Write, name: str, **options: Any) -> Truth:
    """A series with a bright block in rows 0 to 5 and columns 0 to 3 of every slice, and one that tells which it is."""

    def draw(dataset: Dataset, k: int) -> None:
        pixels = np.full((ROWS, COLUMNS), 100, np.int16)
        pixels[:6, :4] = 1000
        pixels[16:20, 17 : 19 + 2 * k] = 1000  # 2 columns, and 2 more for each slice
        dataset.PixelData = pixels.tobytes()

    given = {"count": COUNT, "rows": ROWS, "columns": COLUMNS, "PixelSpacing": [1, 1], **SERIES[name], **options}
    return series(edit=draw, **given)


def picture(window: Any) -> np.ndarray[Any, Any]:
    """The brightness of a window, (rows, columns), row 0 at the top."""
    grab = vtkWindowToImageFilter(input=window, read_front_buffer=False)
    grab.Update()
    width, height, _ = grab.GetOutput().GetDimensions()
    return vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()).reshape(height, width, -1)[::-1, :, 0]


def corners(pixels: np.ndarray[Any, Any]) -> dict[str, int]:
    """How many bright pixels lie in each quarter of a picture."""
    bright = pixels > 127
    half = PIXELS // 2
    quarters = {"top left": bright[:half, :half], "top right": bright[:half, half:]}
    quarters |= {"bottom left": bright[half:, :half], "bottom right": bright[half:, half:]}
    return {name: int(quarter.sum()) for name, quarter in quarters.items()}


def assert_upright(pixels: np.ndarray[Any, Any], k: int) -> None:
    """The mark is at the top left, and at the bottom right the one that tells slice `k`."""
    seen = corners(pixels)
    # VTK draws an image from the centre of its first pixel to that of its last.
    scale = seen["top left"] / (5.5 * 3.5)  # pixels of the window a pixel of the slice
    assert scale > 40
    assert (seen["top right"], seen["bottom left"]) == (0, 0)
    assert seen["bottom right"] / scale == pytest.approx(4 * (2 + 2 * k), rel=0.15)


# ------------------------------------------------------------------------------------------------- props on `image`
def actor_of(volume: Volume, k: int) -> vtkImageActor:
    actor = vtkImageActor(input_data=volume.image)
    actor.SetDisplayExtent(0, COLUMNS - 1, 0, ROWS - 1, k, k)
    return actor


def slice_of(volume: Volume, k: int) -> vtkImageSlice:
    return vtkImageSlice(mapper=vtkImageSliceMapper(input_data=volume.image, slice_number=k))


def reslice_of(volume: Volume, k: int) -> vtkImageSlice:
    mapper = vtkImageResliceMapper(input_data=volume.image)
    plane = mapper.GetSlicePlane()
    place = [0.0] * 3
    volume.image.TransformIndexToPhysicalPoint(0, 0, k, place)
    plane.SetOrigin(place)
    plane.SetNormal(0, 0, 1) if volume.direction is None else plane.SetNormal(volume.direction[:, 2].tolist())
    return vtkImageSlice(mapper=mapper)


@pytest.mark.parametrize("k", [0, COUNT - 1])
@pytest.mark.parametrize("prop_of", [actor_of, slice_of, reslice_of])
@pytest.mark.parametrize("name", SERIES)
def test_a_camera_that_faces_the_volume_sees_row_0_at_the_top(
    series: Write, name: str, prop_of: Callable[[Volume, int], Any], k: int
) -> None:
    volume = vdl.load(marked(series, name).folder)
    k = min(k, volume.dimensions[2] - 1)
    prop = prop_of(volume, k)
    prop.GetProperty().SetColorWindow(1100)
    prop.GetProperty().SetColorLevel(550)
    renderer = vtkRenderer()
    window = vtkRenderWindow(off_screen_rendering=True, size=(PIXELS, PIXELS), multi_samples=0)
    window.AddRenderer(renderer)
    renderer.AddViewProp(prop)
    volume.face(renderer.GetActiveCamera())
    window.Render()
    pixels = picture(window)
    window.Finalize()
    assert_upright(pixels, k)
    # The longer side fills the window.
    assert corners(pixels)["top left"] == pytest.approx(5.5 * 3.5 * (PIXELS / COLUMNS) ** 2, rel=0.1)


def test_the_patients_left_is_at_the_right_of_an_axial_picture(series: Write) -> None:
    camera = vtkCamera()
    vdl.load(marked(series, "axial").folder).face(camera)
    right = np.cross(camera.GetDirectionOfProjection(), camera.GetViewUp())
    np.testing.assert_allclose(right, (1, 0, 0), atol=1e-12)
    np.testing.assert_allclose(camera.GetViewUp(), (0, -1, 0), atol=1e-12)


@pytest.mark.parametrize("name", ["axial", "oblique"])
def test_a_left_handed_volume_is_not_mirrored(series: Write, name: str) -> None:
    truth = marked(series, name)
    volume = vdl.load(truth.files[::-1], order="given")
    assert np.linalg.det(volume.direction) < 0
    cameras = vtkCamera(), vtkCamera()
    for camera, one in zip(cameras, (volume, vdl.load(truth.folder)), strict=True):
        one.face(camera)
    np.testing.assert_allclose(cameras[0].GetPosition(), cameras[1].GetPosition(), atol=1e-9)
    np.testing.assert_allclose(cameras[0].GetViewUp(), cameras[1].GetViewUp(), atol=1e-12)


def test_leaning_slices_are_faced_along_their_normal(series: Write) -> None:
    def tilt(dataset: Dataset, k: int) -> None:
        x, y, z = map(float, dataset.ImagePositionPatient)
        dataset.ImagePositionPatient = [x, y + 0.9 * k, z]

    camera = vtkCamera()
    vdl.load(series(edit=tilt).folder, irregular="keep").face(camera)
    np.testing.assert_allclose(camera.GetDirectionOfProjection(), (0, 0, 1), atol=1e-12)


def test_uneven_slices_cannot_be_faced(series: Write) -> None:
    truth = series(count=7)
    truth.files[2].unlink()
    with pytest.raises(vdl.GeometryError, match="uneven"):
        vdl.load(truth.folder, irregular="keep").face(vtkCamera())


# ------------------------------------------------------------------------------------------------- viewers
def viewer_of(kind: type, image: Any) -> Any:
    viewer = kind()
    viewer.OffScreenRenderingOn()
    viewer.SetSize(PIXELS, PIXELS)
    viewer.SetInputData(image)
    viewer.Render()
    viewer.SetColorWindow(1100)
    viewer.SetColorLevel(550)
    return viewer


@pytest.mark.parametrize("kind", [vtkImageViewer2, vtkResliceImageViewer])
@pytest.mark.parametrize("name", SERIES)
def test_a_viewer_shows_the_copy_in_vtks_layout_upright(series: Write, name: str, kind: type) -> None:
    volume = vdl.load(marked(series, name).folder)
    last = volume.dimensions[2] - 1
    viewer = viewer_of(kind, volume.image_as("vtk"))
    viewer.GetRenderer().ResetCamera()
    for k in {0, last}:
        viewer.SetSlice(last - k)
        viewer.Render()
        assert_upright(picture(viewer.GetRenderWindow()), k)
    viewer.GetRenderWindow().Finalize()


@pytest.mark.parametrize("name", SERIES)
def test_a_viewer_shows_what_the_source_gives_by_default_upright(series: Write, name: str) -> None:
    source = DICOMSeriesSource(directory_name=marked(series, name).folder)
    source.Update()
    viewer = viewer_of(vtkImageViewer2, source.GetOutput())
    viewer.GetRenderer().ResetCamera()
    viewer.SetSlice(viewer.GetSliceMax())
    viewer.Render()
    assert_upright(picture(viewer.GetRenderWindow()), 0)
    viewer.GetRenderWindow().Finalize()


@pytest.mark.parametrize("kind", [vtkImageViewer2, vtkResliceImageViewer])
@pytest.mark.parametrize("name", SERIES)
def test_a_viewer_of_the_image_faces_it_once_it_has_rendered(series: Write, name: str, kind: type) -> None:
    """A viewer sets its own camera in its first Render, and its clipping range in each SetSlice."""
    volume = vdl.load(marked(series, name).folder)
    viewer = viewer_of(kind, volume.image)
    for k in {0, volume.dimensions[2] - 1}:
        viewer.SetSlice(k)
        volume.face(viewer.GetRenderer().GetActiveCamera())
        viewer.Render()
        assert_upright(picture(viewer.GetRenderWindow()), k)
    viewer.GetRenderWindow().Finalize()


def test_without_it_a_viewer_mirrors_a_radiograph(series: Write) -> None:
    volume = vdl.load(marked(series, "radiograph").folder)
    viewer = viewer_of(vtkImageViewer2, volume.image)
    viewer.GetRenderer().ResetCamera()
    viewer.Render()
    seen = corners(picture(viewer.GetRenderWindow()))
    assert seen["bottom left"] > seen["top right"] > 0  # upside down: a mirror image
    assert (seen["top left"], seen["bottom right"]) == (0, 0)
    viewer.GetRenderWindow().Finalize()
