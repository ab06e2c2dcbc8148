"""Pictures of a volume that `Volume` has beside single planes: figures, projections, surfaces of masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..conversions.gridded import GriddedVolume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from vtkmodules.vtkCommonDataModel import vtkPolyData

    from .._util.arrays import Pixels
    from ..conversions.patient_space import FrameOfReference
    from .overlays import Over
    from .planes import Plane, PlaneName
    from .projections import ProjectionKind
    from .windows import Wanted


class PicturedVolume(GriddedVolume):
    """A volume that is drawn and projected."""

    def plot(
        self,
        window: str | Sequence[float] | None = None,
        *,
        at: Sequence[float] | None = None,
        title: str | None = None,
        width: float = 12.0,
        colormap: str | None = None,
        overlay: Over | None = None,
        overlay_window: Wanted = None,
        fill: bool = False,
        frame_of_reference: FrameOfReference = "match",
    ) -> Figure:
        """Draw the axial, coronal and sagittal plane through a point, at one true scale, with the patient's sides.

        The ticks are LPS mm, the numbers that `at` and `plane` take; of an oblique volume mm along its own axes
        (position · axis), as `plane` takes them. A single slice and slices on no regular grid are shown alone, upright;
        without position or orientation as stored, in mm from the corner. The picture says so.

        Parameters
        ----------
        window : str or (center, width), optional
            For a CT in Hounsfield units ``"bone"``, ``"lung"``, ``"brain"``, ``"soft tissue"`` … (`CT_WINDOWS` of
            `vtkdicomload.pictures.windows`); for every volume ``"percentiles"`` or two numbers. By default the
            file's own window, or percentiles of the values where it has none that shows anything.
        at : sequence of three float, optional
            A position (x, y, z) in LPS mm, inside the volume; it is marked. By default the middle.
            ``volume.geometry.to_patient(index)`` gives that of a voxel.
        title : str, optional
            By default the series' number, modality and description.
        width : float
            Of the figure in inches, more where the names of thin planes need it; its height follows.
        colormap : str, optional
            A colour map of matplotlib, with a bar that says its values and units: of `overlay` where that is a volume,
            else of this one. By default grey, inverted for PET; PET over another volume is ``"hot"``, a dose
            ``"turbo"``.
        overlay : Volume, mask, {name: mask}, or what `masks_of` yields, optional
            What is drawn over the planes. Another volume, of the same frame of reference, as a translucent wash, its
            values taken from their true places, clear below a tenth of its window; labels are never interpolated.
            Masks as contours along the edges of their voxels, in the colours of their structures.
        overlay_window : str or (center, width), optional
            The window of a volume that is drawn over this one. By default that of `window`; of a dose 0 to its maximum.
        fill : bool
            Masks as translucent fill, not as contours.
        frame_of_reference : {"match", "ignore"}
            As for `resampled`, of another volume.

        Returns
        -------
        matplotlib.figure.Figure
            Shown by a notebook as the last line of a cell; ``savefig("volume.png")`` writes it. pyplot knows nothing
            of it, so there is nothing to close.

        Raises
        ------
        ValueError, TypeError
            A window or colour map that does not exist or does not fit the volume; a point outside it; no mask of it.
        GeometryError
            `at` or another volume for one without position or orientation; another frame of reference.
        """
        from .overlays import make_overlay
        from .plotting import plot

        over, own = None, colormap
        if overlay is not None:
            over = make_overlay(
                self,
                overlay,
                fill=fill,
                window=overlay_window,
                colormap=colormap,
                frame_of_reference=frame_of_reference,
            )
            own = colormap if over.of_masks else None
        elif fill or overlay_window is not None:
            raise ValueError("fill= and overlay_window= are for what is drawn over, and overlay= is missing")
        return plot(self, window, at=at, title=title, width=width, colormap=own, overlay=over)

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
