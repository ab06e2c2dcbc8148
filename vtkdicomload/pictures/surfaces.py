"""Surfaces of one value through a volume, in the patient's coordinates where it has a place there, and their files."""

from __future__ import annotations

import errno
import os
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from .._util.names import is_utf8
from .._util.warnings import hush
from ..conversions.grid import is_placed
from ..conversions.vtk import make_image
from ..errors import GeometryError
from ..errors.remedies import RESAMPLE
from ..loading.facts import has_scale
from ..loading.volume_data import VolumeData
from .windows import write_units

if TYPE_CHECKING:
    from typing import Any

    from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData

FORMATS = (".stl", ".ply", ".obj", ".vtp")
_MOST_SMOOTHED = 1_000_000  # triangles; 4 million took 9 s


def require_solid(volume: VolumeData) -> None:
    """Refuse what has no body: colour, a single row or column of voxels, no regular grid.

    Raises
    ------
    ValueError
        Colour, which has three values a voxel, or fewer than two rows or columns.
    GeometryError
        Slices on no regular grid.
    """
    if volume.frames.ndim == 4:
        raise ValueError(f"{volume.series.title} is colour: a surface or rendering needs one value a voxel")
    if min(volume.dimensions[:2]) < 2:
        nx, ny, nz = volume.dimensions
        raise ValueError(f"{volume.series.title} is {nx} × {ny} × {nz} voxels: a body needs two rows and columns")
    if not volume.geometry.regular:
        raise GeometryError("the slices do not lie on a regular grid", remedies=[RESAMPLE])


def make_solid_image(volume: VolumeData) -> vtkImageData:
    """The image that bodies and surfaces are made of: the volume's own, or a single slice as a slab of its thickness.

    Raises
    ------
    ValueError, GeometryError
        As `require_solid`.
    """
    require_solid(volume)
    if volume.frames.shape[0] > 1:
        return make_image(volume)
    nx, ny, _ = volume.dimensions
    geometry = replace(volume.geometry, dimensions=(nx, ny, 2), positions=None)
    slab = VolumeData(volume.frames.repeat(2, axis=0), geometry, volume.series, engine=volume.engine)
    image = make_image(slab)
    half = image.GetSpacing()[2] / 2
    image.SetOrigin([o - half * image.GetDirectionMatrix().GetElement(i, 2) for i, o in enumerate(image.GetOrigin())])
    return image


def describe_coordinates(volume: VolumeData) -> str:
    """The coordinates of a body: LPS mm, or those of the stored voxels where the files do not say where it lies."""
    if is_placed(volume.geometry):
        return "LPS mm"
    unit = "mm" if has_scale(volume) else "pixels, whose size the files do not say,"
    return f"{unit} from the first voxel along columns, rows and slices: it has no place in the patient"


def extract_surface(volume: VolumeData, value: float) -> vtkPolyData:
    """The surface where a volume has one value, between the voxel centres, as triangles.

    Where the body leaves the volume the surface ends, open. A single slice is a slab as thick as it is.

    Parameters
    ----------
    volume : Volume
        Grey, on a regular grid.
    value : float
        In the units of the volume.

    Returns
    -------
    vtkPolyData
        Points in LPS mm, float32, or as `describe_coordinates` says. Triangles and point normals face from higher
        values to lower: away from what is brighter than `value`, in left-handed volumes too.

    Raises
    ------
    ValueError
        No voxel reaches the value, or all do; the message gives the range. Colour, or fewer than two rows or columns.
    GeometryError
        Slices on no regular grid.
    """
    from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D, vtkReverseSense

    image = make_solid_image(volume)
    value = float(value)
    low, high = float(np.nanmin(volume.frames)), float(np.nanmax(volume.frames))
    if not low < value <= high:
        units = write_units(volume)
        raise ValueError(
            f"no surface at {value:g}{units}: the values of {volume.series.title} run from {low:g} to {high:g}{units}"
        )
    edges = vtkFlyingEdges3D(input_data=image, compute_normals=True, compute_gradients=False, compute_scalars=False)
    edges.SetValue(0, value)
    last: Any = edges
    if image.GetDirectionMatrix().Determinant() < 0:
        # A mirrored grid turns VTK's triangles and normals inside out (measured, VTK 9.7).
        last = vtkReverseSense(reverse_cells=True, reverse_normals=True)
        last.SetInputConnection(edges.GetOutputPort())
    last.Update()
    surface: vtkPolyData = last.GetOutput()
    if surface.GetNumberOfCells() == 0:
        raise ValueError(f"no surface at {value:g}{write_units(volume)}: no cell of the grid crosses it")
    return surface


def describe_surface(volume: VolumeData, value: float, surface: vtkPolyData) -> str:
    """A surface in a line: the value with its units, the triangles, and the box that holds them."""
    bounds = surface.GetBounds()
    box = ", ".join(f"{a} {bounds[2 * i]:.1f} to {bounds[2 * i + 1]:.1f}" for i, a in enumerate("xyz"))
    found = f"surface at {value:g}{write_units(volume)}: {surface.GetNumberOfCells()} triangles, {box}"
    return f"{found} in {describe_coordinates(volume)}"


def write_surface(surface: vtkPolyData, path: str | os.PathLike[str]) -> None:
    """Write triangles as .stl (binary), .ply (binary), .obj or .vtp, whole or not at all.

    None of the formats has a field for units or coordinate system: the numbers are the points', mostly LPS mm.

    Raises
    ------
    ValueError
        Another ending.
    OSError
        The file cannot be written.
    """
    kind = find_surface_format(path)
    path = os.path.realpath(path)  # a link stays one
    if not is_utf8(path):
        raise OSError(errno.EILSEQ, "its path is not UTF-8, as VTK needs it", path)
    try:
        # In a folder of its own beside the target: VTK insists on the ending, and a rename is all or nothing.
        with tempfile.TemporaryDirectory(prefix=".", dir=os.path.dirname(path)) as folder:
            temporary = os.path.join(folder, f"surface{kind}")
            _write(surface, temporary, kind)
            if not _is_whole(temporary, kind, surface):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.replace(temporary, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error


def find_surface_format(path: str | os.PathLike[str]) -> str:
    """The ending of a path among `FORMATS`; ValueError for another."""
    kind = os.path.splitext(os.fspath(path))[1].lower()
    if kind not in FORMATS:
        raise ValueError(f"surfaces are written as {', '.join(FORMATS)}: {os.fspath(path)} has another ending")
    return kind


def _write(surface: vtkPolyData, path: str, kind: str) -> None:
    writer = _make_writer(kind)
    hush(writer, "ErrorEvent")
    writer.SetInputData(surface)
    writer.SetFileName(path)
    writer.Write()


def _make_writer(kind: str) -> Any:
    if kind == ".stl":
        from vtkmodules.vtkIOGeometry import vtkSTLWriter

        return vtkSTLWriter(file_type=2)
    if kind == ".ply":
        from vtkmodules.vtkIOPLY import vtkPLYWriter

        return vtkPLYWriter(file_type=2)
    if kind == ".obj":
        from vtkmodules.vtkIOGeometry import vtkOBJWriter

        return vtkOBJWriter()
    from vtkmodules.vtkIOXML import vtkXMLPolyDataWriter

    return vtkXMLPolyDataWriter()


def _is_whole(path: str, kind: str, surface: vtkPolyData) -> bool:
    """Tell whether a file holds every triangle: VTK's writers of PLY and OBJ say nothing of a full disk (9.7)."""
    triangles, points = surface.GetNumberOfCells(), surface.GetNumberOfPoints()
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        content = file.read()
    if kind == ".stl":
        return len(content) == 84 + 50 * triangles
    if kind == ".ply":
        head, _, body = content.partition(b"end_header\n")
        return len(body) == points * 4 * head.count(b"property float") + triangles * 13
    if kind == ".obj":
        return content.count(b"\nf ") == triangles and content.endswith(b"\n")
    return content.rstrip().endswith(b"</VTKFile>")


def smooth_surface(surface: vtkPolyData) -> vtkPolyData:
    """A surface without the steps of thick slices, for a picture; its points move by parts of a voxel.

    One of more than a million triangles comes back as it is: its steps are smaller than a picture shows.
    """
    if surface.GetNumberOfCells() > _MOST_SMOOTHED:
        return surface
    from vtkmodules.vtkFiltersCore import vtkPolyDataNormals, vtkWindowedSincPolyDataFilter

    smooth = vtkWindowedSincPolyDataFilter(
        input_data=surface,
        number_of_iterations=20,
        pass_band=0.08,
        normalize_coordinates=True,
        boundary_smoothing=False,
    )
    normals = vtkPolyDataNormals(feature_angle=80, splitting=False)
    normals.SetInputConnection(smooth.GetOutputPort())
    normals.Update()
    result: vtkPolyData = normals.GetOutput()
    return result
