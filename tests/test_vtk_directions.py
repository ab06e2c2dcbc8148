"""Which classes of VTK heed the direction matrix of an image: each is shown a phantom, and where its mark appears.

The phantom is an oblique series with a bright cube at a known place in the patient. A class that heeds the matrix puts
the cube there; one that takes origin and spacing alone puts it elsewhere. Filters are asked for the bounds or voxels
of the cube, mappers for the pixels of two off-screen pictures.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
import vtkmodules.vtkRenderingOpenGL2
import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401 - the factories of windows and mappers
from synthetic import write_series
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkVersion
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPiecewiseFunction, vtkPlane
from vtkmodules.vtkCommonTransforms import vtkTransform
from vtkmodules.vtkFiltersCore import (
    vtkContourFilter,
    vtkCutter,
    vtkFlyingEdges3D,
    vtkFlyingEdgesPlaneCutter,
    vtkMarchingCubes,
    vtkProbeFilter,
    vtkSurfaceNets3D,
    vtkSynchronizedTemplates3D,
    vtkThreshold,
)
from vtkmodules.vtkFiltersGeneral import (
    vtkDiscreteFlyingEdges3D,
    vtkDiscreteMarchingCubes,
    vtkTransformFilter,
)
from vtkmodules.vtkFiltersGeometry import vtkDataSetSurfaceFilter, vtkGeometryFilter
from vtkmodules.vtkFiltersModeling import vtkOutlineFilter
from vtkmodules.vtkImagingCore import (
    vtkExtractVOI,
    vtkImageCast,
    vtkImageChangeInformation,
    vtkImageConstantPad,
    vtkImageFlip,
    vtkImagePermute,
    vtkImageResample,
    vtkImageResize,
    vtkImageReslice,
    vtkImageShrink3D,
)
from vtkmodules.vtkImagingGeneral import vtkImageGaussianSmooth, vtkImageMedian3D
from vtkmodules.vtkInteractionImage import vtkImageViewer2, vtkResliceImageViewer
from vtkmodules.vtkInteractionWidgets import (
    vtkImagePlaneWidget,
    vtkResliceCursor,
    vtkResliceCursorLineRepresentation,
    vtkResliceCursorWidget,
)
from vtkmodules.vtkIOImage import vtkMetaImageReader, vtkMetaImageWriter
from vtkmodules.vtkIOXML import vtkXMLImageDataReader, vtkXMLImageDataWriter
from vtkmodules.vtkRenderingCore import (
    vtkColorTransferFunction,
    vtkImageActor,
    vtkImageSlice,
    vtkImageSliceMapper,
    vtkRenderer,
    vtkRenderWindow,
    vtkRenderWindowInteractor,
    vtkVolume,
    vtkVolumeProperty,
    vtkWindowToImageFilter,
)
from vtkmodules.vtkRenderingImage import vtkImageResliceMapper
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper, vtkGPUVolumeRayCastMapper
from vtkmodules.vtkRenderingVolumeOpenGL2 import vtkSmartVolumeMapper

from vtkdicomload import DicomLoadWarning, DICOMSeriesSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import Dataset

OBLIQUE = (0.8, 0.6, 0, -0.36, 0.48, -0.8)
SHAPE = (24, 30, 36)  # slices, rows, columns
CUBE = (slice(15, 20), slice(4, 9), slice(24, 30))  # of the frames: where the bright cube is
BRIGHT, HALF = 1000, 500
PIXELS, SCALE = 300, 60.0  # of a picture: its side, and half its height in mm


class Lost(Exception):  # noqa: N818
    """The cube is nowhere."""


class Phantom(NamedTuple):
    """The series, and where the centre of its cube lies."""

    folder: Path
    patient: np.ndarray  # LPS mm
    voxel: np.ndarray  # x, y, z of the frames, fractions

    def source(self, geometry: str) -> DICOMSeriesSource:
        source = DICOMSeriesSource(directory_name=self.folder)
        getattr(source, f"SetGeometryTo{geometry}")()
        source.Update()
        return source

    def index(self, source: DICOMSeriesSource) -> np.ndarray:
        """The cube's index in the image: in VTK's geometry rows and slices are counted from the other end."""
        count, rows, _ = SHAPE
        x, y, z = self.voxel
        in_patient = source.GetGeometryAsString() == "Patient"
        return self.voxel if in_patient else np.array([x, rows - 1 - y, count - 1 - z])

    def without_direction(self, source: DICOMSeriesSource) -> np.ndarray:
        """Where a class puts the cube that takes origin and spacing of the image alone."""
        image = source.GetOutput()
        return np.array(image.GetOrigin()) + self.index(source) * image.GetSpacing()


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Phantom:
    frames = np.full(SHAPE, 100, np.int16)
    frames[CUBE] = BRIGHT

    def draw(dataset: Dataset, k: int) -> None:
        dataset.PixelData = frames[k].tobytes()

    count, rows, columns = SHAPE
    options = {"count": count, "rows": rows, "columns": columns, "orientation": OBLIQUE, "edit": draw}
    truth = write_series(tmp_path_factory.mktemp("phantom"), **options)
    z, y, x = ((part.start + part.stop - 1) / 2 for part in CUBE)
    place = (truth.affine @ [x, y, z, 1])[:3]
    return Phantom(truth.folder, place, np.array([x, y, z]))


def _slice_of_cube(source: DICOMSeriesSource) -> int:
    z = (CUBE[0].start + CUBE[0].stop - 1) // 2
    return z if source.GetGeometryAsString() == "Patient" else SHAPE[0] - 1 - z


# ------------------------------------------------------------------------------------------------- what filters say
def _surface(kind: type) -> Callable[[DICOMSeriesSource], np.ndarray]:
    def measure(source: DICOMSeriesSource) -> np.ndarray:
        surface = kind()
        surface.SetInputConnection(source.GetOutputPort())
        surface.SetValue(0, BRIGHT if "Discrete" in kind.__name__ or kind is vtkSurfaceNets3D else HALF)
        surface.Update()
        return _centre(surface.GetOutput())

    return measure


def _centre(shape: Any) -> np.ndarray:
    assert shape.GetNumberOfPoints() > 7
    return np.reshape(shape.GetBounds(), (3, 2)).mean(axis=1)


def _threshold(source: DICOMSeriesSource) -> np.ndarray:
    threshold = vtkThreshold()
    threshold.SetInputConnection(source.GetOutputPort())
    threshold.SetUpperThreshold(HALF)
    threshold.SetThresholdFunction(vtkThreshold.THRESHOLD_UPPER)
    threshold.Update()
    return _centre(threshold.GetOutput())


def _image(kind: type, **settings: Any) -> Callable[[DICOMSeriesSource], np.ndarray]:
    def measure(source: DICOMSeriesSource) -> np.ndarray:
        image_filter = kind()
        image_filter.SetInputConnection(source.GetOutputPort())
        for name, value in settings.items():
            getattr(image_filter, name)(*value) if isinstance(value, tuple) else getattr(image_filter, name)(value)
        image_filter.Update()
        return _bright_voxels(image_filter.GetOutput())

    return measure


def _bright_voxels(image: vtkImageData) -> np.ndarray:
    """The mean position of the bright voxels, as the image itself says."""
    nx, ny, nz = image.GetDimensions()
    scalars = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(nz, ny, nx)
    x0, _, y0, _, z0, _ = image.GetExtent()
    weights = np.where(scalars > HALF, 1.0, 0.0)
    if not weights.any():
        raise Lost("no voxel is bright")
    k, j, i = (float((grid * weights).sum() / weights.sum()) for grid in np.indices(scalars.shape))
    point = [0.0] * 3
    image.TransformContinuousIndexToPhysicalPoint(i + x0, j + y0, k + z0, point)
    return np.array(point)


def _reslice(source: DICOMSeriesSource) -> np.ndarray:
    """The default output of vtkImageReslice has the axes of its input; here it is asked for the patient's own."""
    reslice = vtkImageReslice()
    reslice.SetInputConnection(source.GetOutputPort())
    reslice.SetOutputDirection(1, 0, 0, 0, 1, 0, 0, 0, 1)
    reslice.SetOutputSpacing(0.5, 0.5, 0.5)
    x0, x1, y0, y1, z0, z1 = source.GetOutput().GetBounds()
    reslice.SetOutputOrigin(x0, y0, z0)
    reslice.SetOutputExtent(0, int((x1 - x0) * 2), 0, int((y1 - y0) * 2), 0, int((z1 - z0) * 2))
    reslice.SetInterpolationModeToLinear()
    reslice.Update()
    return _bright_voxels(reslice.GetOutput())


def _probe(source: DICOMSeriesSource) -> np.ndarray:
    """Values at points of a grid along the patient's axes."""
    grid = vtkImageData()
    x0, x1, y0, y1, z0, z1 = source.GetOutput().GetBounds()
    grid.SetOrigin(x0, y0, z0)
    grid.SetDimensions(int(x1 - x0) + 1, int(y1 - y0) + 1, int(z1 - z0) + 1)
    probe = vtkProbeFilter()
    probe.SetInputData(grid)
    probe.SetSourceConnection(source.GetOutputPort())
    probe.Update()
    return _bright_voxels(probe.GetOutput())


def _cut(kind: type) -> Callable[..., np.ndarray]:
    """The bright part of a plane through each place where the cube may be."""

    def measure(source: DICOMSeriesSource, places: list[np.ndarray]) -> np.ndarray:
        for place in places:
            plane = vtkPlane()
            plane.SetOrigin(*place)
            plane.SetNormal(0.2, 0.3, 0.9)
            cutter = kind()
            cutter.SetInputConnection(source.GetOutputPort())
            if kind is vtkCutter:
                cutter.SetCutFunction(plane)
            else:
                cutter.SetPlane(plane)
            cutter.Update()
            found = cutter.GetOutput()
            if found.GetNumberOfPoints():
                points = vtk_to_numpy(found.GetPoints().GetData())
                bright = points[vtk_to_numpy(found.GetPointData().GetScalars()) > HALF]
                if len(bright):
                    return (bright.max(axis=0) + bright.min(axis=0)) / 2
        raise Lost("no plane meets the cube")

    return measure


def _written(writer_kind: type, reader_kind: type, suffix: str) -> Callable[[DICOMSeriesSource], np.ndarray]:
    """The image once it went through a file."""

    def measure(source: DICOMSeriesSource) -> np.ndarray:
        with TemporaryDirectory() as folder:
            name = os.path.join(folder, "image" + suffix)
            writer, reader = writer_kind(), reader_kind()
            writer.SetInputConnection(source.GetOutputPort())
            writer.SetFileName(name)
            writer.Write()
            reader.SetFileName(name)
            reader.Update()
            return _bright_voxels(reader.GetOutput())

    return measure


# ------------------------------------------------------------------------------------------------- what pictures show
VIEWS = (((1, 2, 3), (0, 0, 1)), ((-3, 1, 2), (0, 1, 0)), ((2, -3, -1), (1, 0, 0)))  # along, and roughly up


def _seen(renderer: vtkRenderer, window: vtkRenderWindow, focus: np.ndarray) -> np.ndarray | None:
    """The place of the bright pixels from several pictures of known cameras; None where none is seen."""
    rows, sides = [], []
    for along, up in VIEWS:
        direction = np.array(along) / np.linalg.norm(along)
        right = np.cross(direction, up)
        right /= np.linalg.norm(right)
        true_up = np.cross(right, direction)
        camera = renderer.GetActiveCamera()
        camera.ParallelProjectionOn()
        camera.SetParallelScale(SCALE)
        camera.SetFocalPoint(*focus)
        camera.SetPosition(*(focus - 300 * direction))
        camera.SetViewUp(*true_up)
        camera.SetClippingRange(1, 900)
        window.Render()
        grab = vtkWindowToImageFilter()
        grab.SetInput(window)
        grab.ReadFrontBufferOff()
        grab.Update()
        picture = vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars()).reshape(PIXELS, PIXELS, -1)
        bright = np.argwhere(picture[..., :3].min(axis=2) > 128)
        if not len(bright):
            continue
        v, u = (bright.mean(axis=0) + 0.5 - PIXELS / 2) * 2 * SCALE / PIXELS
        rows += [right, true_up]
        sides += [right @ focus + u, true_up @ focus + v]
    if len(rows) < 4:
        return None
    return np.linalg.lstsq(np.array(rows), np.array(sides), rcond=None)[0]


def _window() -> tuple[vtkRenderer, vtkRenderWindow]:
    renderer, window = vtkRenderer(), vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetSize(PIXELS, PIXELS)
    window.SetMultiSamples(0)
    window.AddRenderer(renderer)
    return renderer, window


def _shown(make: Callable[[DICOMSeriesSource, int], Any]) -> Callable[..., np.ndarray]:
    """Measure a prop by its pictures, looking at each place where the cube may be."""

    def measure(source: DICOMSeriesSource, places: list[np.ndarray], matrix: Any = None) -> np.ndarray:
        prop = make(source, _slice_of_cube(source))
        if matrix is not None:
            prop.SetUserMatrix(matrix)
        renderer, window = _window()
        renderer.AddViewProp(prop)
        for place in places:
            found = _seen(renderer, window, place)
            if found is not None:
                break
        window.Finalize()
        if found is None:
            raise Lost("the cube is not seen")
        return found

    return measure


def _volume(kind: type) -> Callable[[DICOMSeriesSource, int], vtkVolume]:
    def make(source: DICOMSeriesSource, _k: int) -> vtkVolume:
        opacity, colour = vtkPiecewiseFunction(), vtkColorTransferFunction()
        opacity.AddPoint(HALF - 1, 0)
        opacity.AddPoint(HALF + 1, 1)
        colour.AddRGBPoint(0, 1, 1, 1)
        look = vtkVolumeProperty()
        look.SetScalarOpacity(opacity)
        look.SetColor(colour)
        look.SetInterpolationTypeToLinear()
        mapper = kind()
        mapper.SetInputConnection(source.GetOutputPort())
        volume = vtkVolume()
        volume.SetMapper(mapper)
        volume.SetProperty(look)
        return volume

    return make


def _contrast(prop: Any) -> Any:
    prop.GetProperty().SetColorWindow(2)
    prop.GetProperty().SetColorLevel(HALF)
    return prop


def _image_actor(source: DICOMSeriesSource, k: int) -> vtkImageActor:
    actor = vtkImageActor()
    actor.GetMapper().SetInputConnection(source.GetOutputPort())
    actor.SetDisplayExtent(0, SHAPE[2] - 1, 0, SHAPE[1] - 1, k, k)
    return _contrast(actor)


def _slice(source: DICOMSeriesSource, k: int) -> vtkImageSlice:
    mapper = vtkImageSliceMapper()
    mapper.SetInputConnection(source.GetOutputPort())
    mapper.SetOrientationToZ()
    mapper.SetSliceNumber(k)
    prop = vtkImageSlice()
    prop.SetMapper(mapper)
    return _contrast(prop)


def _reslice_mapper(source: DICOMSeriesSource, _k: int) -> vtkImageSlice:
    mapper = vtkImageResliceMapper()
    mapper.SetInputConnection(source.GetOutputPort())
    mapper.SliceFacesCameraOn()
    mapper.SliceAtFocalPointOn()
    prop = vtkImageSlice()
    prop.SetMapper(mapper)
    return _contrast(prop)


def _viewer(kind: type) -> Callable[..., np.ndarray]:
    def measure(source: DICOMSeriesSource, places: list[np.ndarray], matrix: Any = None) -> np.ndarray:
        viewer = kind()
        viewer.OffScreenRenderingOn()
        viewer.SetInputData(source.GetOutput())  # vtkResliceImageViewer takes no connection
        viewer.SetSize(PIXELS, PIXELS)
        viewer.SetSlice(_slice_of_cube(source))
        viewer.Render()
        viewer.SetColorWindow(2)
        viewer.SetColorLevel(HALF)
        if matrix is not None:
            viewer.GetImageActor().SetUserMatrix(matrix)
        for place in places:
            found = _seen(viewer.GetRenderer(), viewer.GetRenderWindow(), place)
            if found is not None:
                return found
        raise Lost("the cube is not seen")

    return measure


def _widget(make: Callable[[DICOMSeriesSource, np.ndarray], Any]) -> Callable[..., np.ndarray]:
    """Measure what a widget shows on the plane that goes through each place where the cube may be."""

    def measure(source: DICOMSeriesSource, places: list[np.ndarray], _matrix: Any = None) -> np.ndarray:
        for place in places:
            renderer, window = _window()
            interactor = vtkRenderWindowInteractor()
            interactor.SetRenderWindow(window)
            widget = make(source, place)
            widget.SetInteractor(interactor)
            widget.SetDefaultRenderer(renderer)
            widget.On()
            _show_bright(widget)
            found = _seen(renderer, window, place)
            widget.Off()
            window.Finalize()
            if found is not None:
                return found
        raise Lost("the cube is not seen")

    return measure


def _show_bright(widget: Any) -> None:
    """The bright voxels alone: no frame, no lines."""
    if isinstance(widget, vtkImagePlaneWidget):
        widget.SetWindowLevel(2, HALF)
        widget.GetPlaneProperty().SetOpacity(0)
        widget.GetSelectedPlaneProperty().SetOpacity(0)
        return
    representation = widget.GetRepresentation()
    representation.SetWindowLevel(2, HALF, 0)
    for axis in range(3):
        representation.GetResliceCursorActor().GetCenterlineProperty(axis).SetOpacity(0)


def _plane_widget(source: DICOMSeriesSource, _place: np.ndarray) -> vtkImagePlaneWidget:
    widget = vtkImagePlaneWidget()
    widget.SetInputConnection(source.GetOutputPort())
    widget.SetPlaneOrientationToZAxes()
    widget.SetSliceIndex(_slice_of_cube(source))
    return widget


def _placed_plane_widget(source: DICOMSeriesSource, _place: np.ndarray) -> vtkImagePlaneWidget:
    """The recipe of the page: three corners of a slice as the image itself says them."""
    image, k = source.GetOutput(), _slice_of_cube(source)
    nx, ny, _ = image.GetDimensions()
    widget = vtkImagePlaneWidget()
    widget.SetInputData(image)
    for put, index in ((widget.SetOrigin, (0, 0)), (widget.SetPoint1, (nx - 1, 0)), (widget.SetPoint2, (0, ny - 1))):
        point = [0.0] * 3
        image.TransformIndexToPhysicalPoint(*index, k, point)
        put(point)
    widget.UpdatePlacement()
    return widget


def _cursor_widget(source: DICOMSeriesSource, place: np.ndarray) -> vtkResliceCursorWidget:
    cursor = vtkResliceCursor()
    cursor.SetImage(source.GetOutput())
    cursor.SetThickMode(0)
    cursor.SetCenter(*place)
    representation = vtkResliceCursorLineRepresentation()
    algorithm = representation.GetResliceCursorActor().GetCursorAlgorithm()
    algorithm.SetResliceCursor(cursor)
    algorithm.SetReslicePlaneNormalToZAxis()
    widget = vtkResliceCursorWidget()
    widget.SetRepresentation(representation)
    return widget


# What is asked for places finds the cube by looking at each; the others need none.
FILTERS: dict[str, Callable[..., np.ndarray]] = {
    **{
        kind.__name__: _surface(kind)
        for kind in (
            *(vtkFlyingEdges3D, vtkMarchingCubes, vtkSurfaceNets3D, vtkDiscreteFlyingEdges3D),
            *(vtkDiscreteMarchingCubes, vtkContourFilter, vtkSynchronizedTemplates3D),
        )
    },
    "vtkThreshold": _threshold,
    "vtkImageReslice": _reslice,
    "vtkProbeFilter": _probe,
    "vtkCutter": _cut(vtkCutter),
    "vtkFlyingEdgesPlaneCutter": _cut(vtkFlyingEdgesPlaneCutter),
    "vtkXMLImageDataWriter": _written(vtkXMLImageDataWriter, vtkXMLImageDataReader, ".vti"),
    "vtkMetaImageWriter": _written(vtkMetaImageWriter, vtkMetaImageReader, ".mha"),
    "vtkExtractVOI": _image(vtkExtractVOI, SetVOI=(2, 33, 3, 28, 1, 22)),
    "vtkImageGaussianSmooth": _image(vtkImageGaussianSmooth, SetStandardDeviation=0.5),
    "vtkImageMedian3D": _image(vtkImageMedian3D, SetKernelSize=(3, 3, 3)),
    "vtkImageCast": _image(vtkImageCast, SetOutputScalarType=10),
    "vtkImageResample": _image(vtkImageResample, SetMagnificationFactors=(1.5, 1.5, 1.5)),
    "vtkImageResize": _image(vtkImageResize, SetOutputDimensions=(71, 59, 47)),
    "vtkImageShrink3D": _image(vtkImageShrink3D, SetShrinkFactors=(1, 1, 1)),
    "vtkImageConstantPad": _image(vtkImageConstantPad, SetOutputWholeExtent=(-3, 40, -3, 40, -3, 40)),
    "vtkImageChangeInformation": _image(vtkImageChangeInformation),
    "vtkImageFlip": _image(vtkImageFlip, SetFilteredAxis=1),
    "vtkImagePermute": _image(vtkImagePermute, SetFilteredAxes=(2, 1, 0)),
}
PLACED = ("vtkCutter", "vtkFlyingEdgesPlaneCutter")
PROPS: dict[str, Callable[..., np.ndarray]] = {
    "vtkSmartVolumeMapper": _shown(_volume(vtkSmartVolumeMapper)),
    "vtkGPUVolumeRayCastMapper": _shown(_volume(vtkGPUVolumeRayCastMapper)),
    "vtkFixedPointVolumeRayCastMapper": _shown(_volume(vtkFixedPointVolumeRayCastMapper)),
    "vtkImageActor": _shown(_image_actor),
    "vtkImageSliceMapper": _shown(_slice),
    "vtkImageResliceMapper": _shown(_reslice_mapper),
    "vtkImageViewer2": _viewer(vtkImageViewer2),
    "vtkResliceImageViewer": _viewer(vtkResliceImageViewer),
}
WIDGETS: dict[str, Callable[..., np.ndarray]] = {
    "vtkImagePlaneWidget": _widget(_plane_widget),
    "vtkResliceCursorWidget": _widget(_cursor_widget),
}


# ------------------------------------------------------------------------------------------------- the table
VTK = (vtkVersion.GetVTKMajorVersion(), vtkVersion.GetVTKMinorVersion())
HEEDS, IGNORES, MOVES = "heeds", "ignores", "moves"
IGNORING = ("vtkContourFilter", "vtkSynchronizedTemplates3D", "vtkFixedPointVolumeRayCastMapper")
MOVING = ("vtkImageFlip", "vtkImagePermute")  # in VTK's geometry too
# Where VTK changed its mind: as in 9.4, and as in 9.7.
CHANGED = {"vtkExtractVOI": (HEEDS, MOVES), "vtkMetaImageWriter": (IGNORES, HEEDS)}


def expected(name: str, version: tuple[int, int] = VTK) -> str:
    if name in CHANGED:
        return CHANGED[name][version >= (9, 7)]
    return IGNORES if name in IGNORING else MOVES if name in (*MOVING, *WIDGETS) else HEEDS


def measured(phantom: Phantom, source: DICOMSeriesSource, name: str, matrix: Any = None) -> np.ndarray | None:
    """Where a class puts the cube; None where it is lost."""
    places = [phantom.patient, phantom.without_direction(source)]
    if name in PROPS:
        return PROPS[name](source, places, matrix)
    try:
        if name in WIDGETS:
            return WIDGETS[name](source, places)
        return FILTERS[name](source, places) if name in PLACED else FILTERS[name](source)
    except Lost:
        return None


def near(a: np.ndarray | None, b: np.ndarray) -> bool:
    return a is not None and bool(np.linalg.norm(a - b) < 1)  # mm; the two places lie 30 mm apart


@pytest.mark.parametrize("name", [*FILTERS, *PROPS, *WIDGETS])
def test_direction(phantom: Phantom, name: str) -> None:
    source = phantom.source("Patient")
    plain = phantom.without_direction(source)
    assert np.linalg.norm(plain - phantom.patient) > 25
    found = measured(phantom, source, name)
    verdict = HEEDS if near(found, phantom.patient) else IGNORES if near(found, plain) else MOVES
    assert verdict == expected(name), found


@pytest.mark.parametrize("name", [name for name in (*FILTERS, *PROPS, *WIDGETS) if name not in MOVING])
def test_in_vtks_geometry_all_agree(phantom: Phantom, name: str) -> None:
    source = phantom.source("VTK")
    assert near(measured(phantom, source, name), phantom.index(source) * source.GetDataSpacing())


@pytest.mark.parametrize("name", PROPS)
def test_a_user_matrix_places_a_prop_in_the_patient(phantom: Phantom, name: str) -> None:
    source = phantom.source("VTK")
    assert near(measured(phantom, source, name, source.GetPatientMatrix()), phantom.patient)


def test_the_page_says_what_is_measured() -> None:
    page = (Path(__file__).parents[1] / "docs" / "vtk-pipelines.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `(vtk\w+)` \| (\w+).*\| `tests/test_vtk_directions\.py::test_direction\[(\w+)\]` \|$", page, re.M
    )
    said = {name: verdict for name, verdict, case in rows if name == case}
    assert said == {name: expected(name, (9, 7)) for name in (*FILTERS, *PROPS, *WIDGETS)}


# ------------------------------------------------------------------------------------------------- and what follows
@pytest.mark.parametrize("kind", [vtkOutlineFilter, vtkGeometryFilter, vtkDataSetSurfaceFilter])
def test_box(phantom: Phantom, kind: type) -> None:
    source = phantom.source("Patient")
    box = kind()
    box.SetInputConnection(source.GetOutputPort())
    box.Update()
    corners = np.array(np.meshgrid((0, SHAPE[2] - 1), (0, SHAPE[1] - 1), (0, SHAPE[0] - 1))).reshape(3, -1)
    places = []
    for corner in corners.T:
        point = [0.0] * 3
        source.GetOutput().TransformIndexToPhysicalPoint(*map(int, corner), point)
        places.append(point)
    true = np.stack([np.min(places, axis=0), np.max(places, axis=0)], axis=1).ravel()
    np.testing.assert_allclose(box.GetOutput().GetBounds(), true, atol=1e-4)


def test_an_image_actor_is_drawn_in_place_but_its_bounds_ignore_the_direction(phantom: Phantom) -> None:
    """So a camera that is reset to them looks past the slice."""
    source = phantom.source("Patient")
    actor = _image_actor(source, 6)
    nx, ny, _ = source.GetOutput().GetDimensions()
    sx, sy, sz = source.GetDataSpacing()
    plain = np.array([[0, (nx - 1) * sx], [0, (ny - 1) * sy], [6 * sz, 6 * sz]]).T + source.GetDataOrigin()
    np.testing.assert_allclose(actor.GetBounds(), plain.T.ravel(), atol=1e-3)


def test_the_camera_of_an_image_viewer_looks_along_the_axes_of_the_patient(phantom: Phantom) -> None:
    """It faces the slice in VTK's geometry, and not in the patient's."""
    facing = []
    for geometry in ("VTK", "Patient"):
        source = phantom.source(geometry)
        viewer = vtkImageViewer2()
        viewer.OffScreenRenderingOn()
        viewer.SetInputConnection(source.GetOutputPort())
        viewer.Render()
        normal = np.reshape(source.GetDataDirection(), (3, 3))[:, 2]
        facing.append(abs(normal @ viewer.GetRenderer().GetActiveCamera().GetDirectionOfProjection()))
        viewer.GetRenderWindow().Finalize()
    assert facing[0] == pytest.approx(1)
    assert facing[1] < 0.9


def test_a_plane_widget_that_is_placed_by_the_image_shows_the_slice_in_its_place(phantom: Phantom) -> None:
    for geometry in ("VTK", "Patient"):
        source = phantom.source(geometry)
        true = phantom.patient if geometry == "Patient" else phantom.index(source) * source.GetDataSpacing()
        assert near(_widget(_placed_plane_widget)(source, [true]), true)


def test_the_centre_of_a_reslice_cursor_goes_to_the_patient_by_the_matrix(phantom: Phantom) -> None:
    source = phantom.source("VTK")
    centre = phantom.index(source) * source.GetDataSpacing()
    widget = _cursor_widget(source, centre)
    cursor = widget.GetRepresentation().GetResliceCursorActor().GetCursorAlgorithm().GetResliceCursor()
    assert near(_widget(_cursor_widget)(source, [centre]), centre)
    in_patient = source.GetPatientMatrix().MultiplyPoint((*cursor.GetCenter(), 1))[:3]
    np.testing.assert_allclose(in_patient, phantom.patient, atol=1e-6)


# ------------------------------------------------------------------------------------------------- left-handed
def _turned(phantom: Phantom) -> DICOMSeriesSource:
    """The phantom with its files from the last to the first: its direction matrix is left-handed."""
    named = phantom.source("VTK")
    names = [named.GetDICOMFileName(k) for k in range(named.GetNumberOfDICOMFileNames())][::-1]
    source = DICOMSeriesSource(file_names=names, order="given")
    source.SetGeometryToPatient()
    with pytest.warns(DicomLoadWarning, match="left-handed"):
        source.Update()
    assert np.linalg.det(np.reshape(source.GetDataDirection(), (3, 3))) == pytest.approx(-1)
    return source


def _outward(surface: Any) -> tuple[float, float]:
    """Whether the triangles of a closed surface, and its normals, face out (1) or in (-1)."""
    points = vtk_to_numpy(surface.GetPoints().GetData()).astype(float)
    points -= points.mean(axis=0)
    corners = vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    a, b, c = (points[corner] for corner in corners.T)
    normals = vtk_to_numpy(surface.GetPointData().GetNormals())
    return np.sign(np.sum(a * np.cross(b, c))), np.sign(np.sum(points * normals))


def _surface_of(source: DICOMSeriesSource, kind: type = vtkFlyingEdges3D) -> Any:
    surface = kind()
    surface.SetInputConnection(source.GetOutputPort())
    surface.SetValue(0, HALF)
    surface.Update()
    return surface


@pytest.mark.parametrize("kind", [vtkFlyingEdges3D, vtkMarchingCubes])
def test_surfaces_face_out_in_both_geometries_and_in_when_left_handed(phantom: Phantom, kind: type) -> None:
    for geometry in ("VTK", "Patient"):
        assert _outward(_surface_of(phantom.source(geometry), kind).GetOutput()) == (1, 1)
    turned = _surface_of(_turned(phantom), kind).GetOutput()
    assert near(_centre(turned), phantom.patient)
    assert _outward(turned) == (-1, -1)


def test_a_left_handed_matrix_turns_triangles_round_and_leaves_normals_right(phantom: Phantom) -> None:
    source = _turned(phantom)
    source.SetGeometryToVTK()
    surface, transform, move = _surface_of(source), vtkTransform(), vtkTransformFilter()
    transform.SetMatrix(source.GetPatientMatrix())
    move.SetTransform(transform)
    move.SetInputConnection(surface.GetOutputPort())
    move.Update()
    assert near(_centre(move.GetOutput()), phantom.patient)
    assert _outward(move.GetOutput()) == (-1, 1)


@pytest.mark.parametrize("name", ["vtkSmartVolumeMapper", "vtkGPUVolumeRayCastMapper"])
def test_gpu_mappers_show_nothing_of_a_left_handed_image(phantom: Phantom, name: str) -> None:
    source = _turned(phantom)
    with pytest.raises(Lost, match="not seen"):
        measured(phantom, source, name)
