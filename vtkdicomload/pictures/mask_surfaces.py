"""The surface of a mask in the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..conversions.interpolation import wrap
from ..conversions.measure import check_mask, find_mask_box
from .surfaces import smooth_surface

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkPolyData

    from ..loading.volume_data import VolumeData


def extract_mask_surface(volume: VolumeData, mask: Any) -> vtkPolyData:
    """The surface of a mask as triangles in LPS mm, closed, without the steps of voxels (`Volume.surface_of`)."""
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkFiltersCore import vtkPolyDataNormals, vtkSurfaceNets3D

    array = check_mask(volume, mask)
    affine = volume.geometry.require_affine()
    box = find_mask_box(array)
    if box is None:
        raise ValueError("the mask holds no voxel, so it has no surface")
    # Only the part around it, with a rim: the surface is closed where the mask reaches the end of the volume.
    (x, x1), (y, y1), (z, z1) = box
    part = np.pad(array[z:z1, y:y1, x:x1], 1).astype(np.uint8)
    # Its own smoothing shrinks a sphere of 10 voxels by 3 % (VTK 9.7); that of `smooth_surface` keeps the volume.
    nets = vtkSurfaceNets3D(smoothing=False)
    nets.SetInputData(wrap(part, (x - 1, y - 1, z - 1)))
    nets.SetValue(0, 1)
    nets.SetOutputMeshTypeToTriangles()
    nets.Update()
    of_voxels = nets.GetOutput()
    index = vtk_to_numpy(of_voxels.GetPoints().GetData())
    of_voxels.GetPoints().SetData(numpy_to_vtk(index @ affine[:3, :3].T + affine[:3, 3], deep=True))
    normals = vtkPolyDataNormals(splitting=False, consistency=True, auto_orient_normals=True)
    normals.SetInputData(smooth_surface(of_voxels))
    normals.Update()
    surface: vtkPolyData = normals.GetOutput()
    surface.GetCellData().Initialize()  # which label is on which side: there is one
    return surface
