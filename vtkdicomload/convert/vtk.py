"""vtkImageData over the memory of a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..stacks.geometry import place_of

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkImageData

    from .._util.arrays import Pixels
    from ..loading.volume_data import VolumeData
    from ..stacks.geometry import Geometry


def image_of(volume: VolumeData) -> vtkImageData:
    """A vtkImageData that shares the volume's memory, with spacing, origin and direction matrix in LPS mm."""
    memory, geometry = _memory_of(volume)
    image = _image_over(memory, geometry)
    affine = geometry.affine
    if affine is None and geometry.origin is not None and geometry.direction is not None:
        # Uneven gaps: the first voxel and the axes are right, the slices in between as near as a spacing can say.
        image.SetOrigin(geometry.origin)
        image.SetDirectionMatrix(geometry.direction.ravel().tolist())
    elif affine is not None:
        place = place_of(affine)
        image.SetOrigin(place.origin)
        image.SetSpacing(place.spacing)
        image.SetDirectionMatrix(place.direction)
    return image


def plain_image_of(volume: VolumeData) -> vtkImageData:
    """A vtkImageData that shares the volume's memory, with origin 0 and identity direction (vtkDICOMImageReader's)."""
    if not volume.frames[::-1, ::-1].flags.c_contiguous:
        raise ValueError('the memory of this volume is not in VTK\'s order → load(p, layout="vtk")')
    return _image_over(*_memory_of(volume))


def _memory_of(volume: VolumeData) -> tuple[Pixels, Geometry]:
    """C-contiguous pixels (k, j, i[, component]) and the geometry of their index order."""
    flipped = volume.frames[::-1, ::-1]
    if flipped.flags.c_contiguous:
        return flipped, volume.geometry
    if volume.frames.flags.c_contiguous:
        return volume.frames, volume.frames_geometry
    return np.ascontiguousarray(flipped), volume.geometry


def _image_over(memory: Pixels, geometry: Geometry) -> vtkImageData:
    from vtkmodules.vtkCommonDataModel import vtkImageData

    image = vtkImageData()
    image.SetDimensions(geometry.dimensions)
    image.SetSpacing(geometry.spacing)
    image.GetPointData().SetScalars(scalars_over(memory))
    return image


def scalars_over(memory: Pixels) -> Any:
    """A vtkDataArray that shares and keeps C-contiguous pixels (k, j, i[, component])."""
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
