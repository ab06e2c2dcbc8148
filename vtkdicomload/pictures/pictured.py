"""Pictures of a volume that `Volume` has beside the plain ones: projections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..convert.gridded import GriddedVolume

if TYPE_CHECKING:
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
