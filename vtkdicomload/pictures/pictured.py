"""Pictures of a volume that `Volume` has beside the plain ones: projections, surfaces of masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..convert.gridded import GriddedVolume

if TYPE_CHECKING:
    from vtkmodules.vtkCommonDataModel import vtkPolyData

    from .._util.arrays import Pixels
    from .planes import Plane, PlaneName
    from .projections import ProjectionKind


class PicturedVolume(GriddedVolume):
    """A volume that is projected onto planes."""

    def projection(
        self,
        kind: ProjectionKind = "max",
        name: PlaneName = "axial",
        *,
        slab: float | None = None,
        mm: float | None = None,
    ) -> Plane:
        """The largest, mean or smallest value along the normal of a plane: through the volume, or a slab of it.

        Parameters
        ----------
        kind : {"max", "mean", "min"}
            Maximum intensity, mean or minimum intensity projection. Padding is passed over.
        name : {"axial", "coronal", "sagittal"}
            The planes that are projected onto each other, as of `Volume.plane`.
        slab : float, optional
            Thickness in mm: the planes whose centres lie within half of it from the middle.
        mm : float, optional
            The middle of the slab along the normal, in LPS mm as of `Volume.plane`; by default the volume's.

        Returns
        -------
        Plane
            In the dtype of the volume, a mean in floating point; `Plane.origin` lies in the middle of the slab.

        Raises
        ------
        ValueError
            Another kind or name, colour, or a slab without a plane.
        GeometryError
            The files hold no position or orientation, or the slices lie on no regular grid.
        """
        from .projections import project

        return project(self, kind, name, slab=slab, mm=mm)

    def surface_of(self, mask: Pixels) -> vtkPolyData:
        """The surface of a mask as triangles in LPS mm, by vtkSurfaceNets3D: closed, without the steps of voxels.

        Parameters
        ----------
        mask : numpy.ndarray, (nz, ny, nx), bool
            As of `mask_of`.

        Returns
        -------
        vtkPolyData
            Triangles and normals face outward. `vtkdicomload.pictures.surfaces.write_surface` writes it.

        Raises
        ------
        ValueError
            No mask of this volume, or an empty one.
        GeometryError
            The files hold no position or orientation, or uneven slices.
        """
        from .mask_surfaces import extract_mask_surface

        return extract_mask_surface(self, mask)
