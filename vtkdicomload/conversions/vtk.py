"""vtkImageData over the memory of a volume, and a camera that faces it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..stacks.geometry import locate

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkImageData
    from vtkmodules.vtkRenderingCore import vtkCamera

    from .._util.arrays import Pixels
    from ..loading.volume_data import VolumeData
    from ..stacks.geometry import Geometry


def make_image(volume: VolumeData) -> vtkImageData:
    """A vtkImageData that shares the volume's memory (`Volume.image`).

    Raises
    ------
    GeometryError
        Uneven slices, which no affine describes.
    """
    place = locate(volume.geometry)
    image = _wrap_image(volume.frames)
    image.SetOrigin(place.origin)
    image.SetSpacing(place.spacing)
    image.SetDirectionMatrix(place.direction)
    return image


def copy_as_vtk(volume: VolumeData) -> vtkImageData:
    """Copy a volume into the layout of vtkDICOMImageReader (`Volume.image_as`); errors as `make_image`."""
    volume.geometry.require_even()
    image = _wrap_image(np.ascontiguousarray(volume.frames[::-1, ::-1]))
    image.SetSpacing(compute_vtk_spacing(volume.geometry))
    return image


def compute_vtk_spacing(geometry: Geometry) -> tuple[float, float, float]:
    """Compute the spacing that vtkDICOMImageReader gives: along z the distance of slices along their normal."""
    return (*geometry.spacing[:2], geometry.slice_distance)


def face(geometry: Geometry, camera: vtkCamera) -> None:
    """Let a camera look at the slices of an image as they are stored (`Volume.face`); errors as `make_image`."""
    matrix = locate(geometry).matrix()
    dimensions = np.array(geometry.dimensions)
    width, height = np.linalg.norm(matrix[:3, :2], axis=0) * dimensions[:2]
    centre = (matrix @ [*(dimensions - 1) / 2, 1])[:3]
    # Around the whole box, so that every slice lies between the clipping planes.
    radius = float(np.abs(matrix[:3, :3]) @ dimensions @ np.ones(3))
    normal = np.cross(matrix[:3, 0], matrix[:3, 1])
    normal /= np.linalg.norm(normal)
    camera.SetFocalPoint(centre.tolist())
    camera.SetPosition((centre - 2 * radius * normal).tolist())
    camera.SetViewUp((-matrix[:3, 1]).tolist())
    camera.ParallelProjectionOn()
    camera.SetParallelScale(max(width, height) / 2)
    camera.SetClippingRange(radius, 3 * radius)


def _wrap_image(memory: Pixels) -> vtkImageData:
    from vtkmodules.vtkCommonDataModel import vtkImageData

    image = vtkImageData()
    image.SetDimensions(memory.shape[2::-1])
    image.GetPointData().SetScalars(wrap_scalars(memory))
    return image


def wrap_scalars(memory: Pixels) -> Any:
    """A vtkDataArray that shares and keeps C-contiguous pixels (z, y, x[, component])."""
    from vtkmodules.util.numpy_support import numpy_to_vtk

    components = memory.shape[3] if memory.ndim == 4 else 1
    scalars = numpy_to_vtk(memory.reshape(-1, components) if components > 1 else memory.reshape(-1))
    scalars.SetName("DICOMImage")
    # VTK does not own the memory: it must live as long as the VTK array, whoever holds that.
    scalars.AddObserver("DeleteEvent", _Keep(memory))
    return scalars


class _Keep:
    """An observer that holds an array until its VTK object is deleted."""

    def __init__(self, memory: Pixels) -> None:
        self.memory: Pixels | None = memory

    def __call__(self, _caller: object, _event: str) -> None:
        self.memory = None
