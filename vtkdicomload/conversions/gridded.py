"""The methods that bring a volume together with others: other grids, parts of it, masks. `Volume` extends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..loading.checks import Check
from ..loading.volume_data import VolumeData

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, Self, Unpack

    from numpy.typing import ArrayLike

    from .._util.arrays import Pixels
    from ..sources.resolve import Source
    from ..stacks.geometry import Geometry
    from ..stacks.series_data import SeriesData
    from .masks import MaskOptions
    from .patient_space import FrameOfReference
    from .resampling import OrderChoice
    from .structures import Structure

    Range = tuple[float | None, float | None] | None


class GriddedVolume(VolumeData):
    """A volume that goes onto other grids."""

    def resampled(
        self,
        *,
        spacing: float | Sequence[float] | None = None,
        shape: Sequence[int] | None = None,
        like: VolumeData | Geometry | None = None,
        matrix: ArrayLike | None = None,
        order: OrderChoice = "auto",
        antialias: bool = True,
        background: float | None = None,
        frame_of_reference: FrameOfReference = "match",
    ) -> Self:
        """The same body on another grid, its values interpolated in their true places.

        Parameters
        ----------
        spacing : float or (x, y, z), optional
            Distance of voxel centres in mm, along the volume's own axes, about its middle: as many voxels as cover it.
            Of sheared or uneven slices the result is the upright, even grid over all of them.
        shape : (nx, ny, nz), optional
            Number of voxels, as in `shape` of a volume. Alone it divides the volume's own box anew; with `spacing` it
            is the size of a grid about the volume's middle, smaller or larger than it.
        like : Volume or Geometry, optional
            The grid of another volume, be it sheared or uneven. A `Geometry` (``ct.geometry``) says nothing of the
            frame of reference, which is then taken to be the same.
        matrix : array-like (4, 4), optional
            Index (x, y, z, 1) → LPS mm of the result, with `shape`.
        order : {"auto", "nearest", "linear", "cubic", "bspline"}
            Between voxels the nearest value, a linear, a cubic (Catmull-Rom) or a cubic B-spline interpolation.
            ``"auto"`` takes the nearest for segmentations and label maps, else linear.
        antialias : bool
            Smooth before a reduction, by a Gaussian of sqrt(f² - 1) / 2.355 stored voxels along an axis that gets f
            times coarser. Never with the nearest value.
        background : float, optional
            The value outside the volume. By default PixelPaddingValue where the files have one, 0 of segmentations,
            NaN (not known) of a dose, else the smallest value of the volume. A voxel of padding is no part of an
            interpolation: where less than half of what a value would be made of is left, it is `background` too.
        frame_of_reference : {"match", "ignore"}
            What to do with a `like` of another or an unknown FrameOfReferenceUID: refuse it, or take LPS mm of both
            for the same.

        Returns
        -------
        Volume
            In the dtype of this one, integers rounded; of a dose of whole numbers in floating point, for NaN.

        Raises
        ------
        ValueError, TypeError
            No such grid, order or background.
        GeometryError
            No position or orientation in the files where `like` or `matrix` needs them, another frame of reference,
            uneven slices with a cubic or B-spline order.
        UnsupportedPixelDataError
            A dtype that VTK does not hold; onto another volume a dose in other units than Gy, or a difference of doses.
        """
        from .grid import define_grid
        from .resampling import choose_order, require_comparable, resample_onto

        grid = define_grid(self.geometry, spacing=spacing, shape=shape, like=like, matrix=matrix)
        if isinstance(like, VolumeData):
            require_comparable(self, like.series, frame_of_reference)
        pixels = resample_onto(self, grid, order=order, antialias=antialias, background=background)
        volume = self.replaced(pixels, grid)
        volume.checks = (*self.checks, Check("resampled", f"{choose_order(self, order)}, from {self.geometry!r}"))
        return volume

    def crop(self, *, index: Sequence[Range] | None = None, mm: Sequence[Range] | None = None) -> Self:
        """The part of the volume between indices, or around places in the patient; no value changes.

        Parameters
        ----------
        index : three pairs (first, end), optional
            Along x, y, z as slices of `array`, without the end; None for the whole axis, negative from its end.
        mm : three pairs (low, high), optional
            LPS mm along x, y, z of the patient, None for all: the smallest part with every voxel whose centre lies
            between them.

        Returns
        -------
        Volume
            Over the same memory where whole slices are left, else over a copy.

        Raises
        ------
        ValueError
            Both or none of them, no ranges, or nothing lies in them.
        GeometryError
            `mm` where the files hold no position or orientation.
        """
        from .grid import crop_grid, find_box

        box = find_box(self.geometry, index, mm)
        (x0, x1), (y0, y1), (z0, z1) = box
        return self.replaced(np.ascontiguousarray(self.frames[z0:z1, y0:y1, x0:x1]), crop_grid(self.geometry, box))

    def pad(
        self,
        before: int | Sequence[int] = 0,
        after: int | Sequence[int] = 0,
        *,
        background: float | None = None,
    ) -> Self:
        """The volume with more voxels around it; those that were there stay in their places.

        Parameters
        ----------
        before, after : int or (x, y, z)
            How many before the first and after the last index of each axis.
        background : float, optional
            Their value; by default as of `resampled`.

        Raises
        ------
        ValueError, TypeError
            A number below 0, or no whole number.
        GeometryError
            More slices for uneven ones.
        """
        from .padding import pad

        pixels, geometry = pad(self, before, after, background)
        return self.replaced(pixels, geometry)

    def at_patient(self) -> Self:
        """A projection with the spacing that it has in the patient, not magnified as at the detector.

        X-rays diverge: what lies in the patient is larger on the detector, by
        EstimatedRadiographicMagnificationFactor or DistanceSourceToDetector / DistanceSourceToPatient. `load` gives the
        spacing at the detector, ImagerPixelSpacing, and says so. The one in the patient holds for one depth only, that
        of the isocentre or table that the file means.

        Returns
        -------
        Volume
            Over the same memory; the factor stands in `checks`. Where PixelSpacing was calibrated
            (PixelSpacingCalibrationType, PS3.3 10.7.1.3) it is that of the patient already.

        Raises
        ------
        GeometryError
            No projection; an attribute is missing (the message names it), or two of them contradict each other.
        """
        from .patient_plane import measure_at_patient

        geometry, check = measure_at_patient(self)
        volume = self.replaced(self.frames, geometry)
        volume.checks = (*self.checks, check)
        return volume

    # ------------------------------------------------------------------------------------------ masks
    def mask_of(
        self,
        source: Source | SeriesData,
        name: str | int | None = None,
        *,
        threshold: float | None = None,
        interpolate: bool = False,
        frame_of_reference: FrameOfReference = "match",
        storage_options: Mapping[str, Any] | None = None,
    ) -> Pixels:
        """The voxels of this volume in a structure of an RT structure set or a segmentation object.

        Parameters
        ----------
        source : path-like, sequence of path-like, or Series
            The file, a folder or files with one of them among others, or a `Series` of segmentations.
        name : str or int, optional
            ROIName or SegmentLabel, whatever its case and blanks, or the number; none where there is one structure.
        threshold : float, optional
            Of a fractional segmentation the fraction, above 0 and up to 1, from which a voxel belongs to it.
        interpolate : bool
            Of contours that lie along the slices: put a shape between theirs, by the distance from both outlines, onto
            each slice between two planes. By default each slice has the shape of the nearest plane.
        frame_of_reference : {"match", "ignore"}
            What to do where the structure is not known to lie where this volume does, by FrameOfReferenceUID or as
            drawn on this series: refuse it, or take LPS mm of both for the same.
        storage_options : mapping, optional
            Of the server of a URL, as of `scan`.

        Returns
        -------
        numpy.ndarray, (nz, ny, nx), bool
            As `frames`. A voxel belongs to a structure if its centre lies inside, on an edge if that is the left or
            upper one. Contours: within one the even-odd rule holds, so that a keyhole has its hole; CLOSEDPLANAR_XOR
            ones are combined so too. Of several CLOSED_PLANAR ones in a plane one wholly within another is a hole, and
            overlapping ones are united; a repeated one counts once. A plane of contours reaches half way to the next
            one, and half their usual distance at the ends and into gaps wider than 1.5 times that. Segments: the
            nearest voxel.

        Raises
        ------
        ValueError, TypeError
            The name fits none or several (the message lists all); fractions without a threshold, contours with one; a
            threshold that is no fraction.
        GeometryError
            Another or an unknown frame of reference; a structure without an area; a volume without a place.
        DicomLoadError
            No structures at the source, or several sets of them; or they cannot be read.

        Warns
        -----
        DicomLoadWarning
            Holes and overlaps, contours that bound no area, contours sparser than slices; no voxel lies in it; drawn on
            another series of the same frame of reference.
        """
        from .masks import make_mask

        return make_mask(
            self,
            source,
            name,
            threshold=threshold,
            interpolate=interpolate,
            frame_of_reference=frame_of_reference,
            storage_options=storage_options,
        )

    def masks_of(
        self,
        source: Source | SeriesData,
        names: Sequence[str | int] | None = None,
        **options: Unpack[MaskOptions],
    ) -> Iterator[tuple[Structure, Pixels]]:
        """Each structure with its mask, one after another: ``{s.name: mask for s, mask in volume.masks_of(path)}``.

        Parameters
        ----------
        source
            As for `mask_of`, with its errors and warnings.
        names : sequence of str or int, optional
            By default all that bound an area, but for the background of a label map.
        **options
            `threshold`, `interpolate`, `frame_of_reference` and `storage_options`, as for `mask_of`.

        Yields
        ------
        structure : Structure
            Its number, name, type and colour.
        mask : numpy.ndarray, (nz, ny, nx), bool
            As of `mask_of`.
        """
        from .masks import make_masks

        return make_masks(self, source, names, **options)

    def label_map_of(
        self,
        source: Source | SeriesData,
        names: Sequence[str | int] | None = None,
        **options: Unpack[MaskOptions],
    ) -> Pixels:
        """The number of the structure that each voxel lies in, 0 in none; the parameters are those of `masks_of`.

        Returns
        -------
        numpy.ndarray, (nz, ny, nx), uint16

        Raises
        ------
        ValueError
            Two structures overlap, or a number is no label.
        """
        from .masks import merge_masks

        return merge_masks(self, self.masks_of(source, names, **options))

    def measure_mask(self, mask: Pixels) -> float:
        """The volume of a mask in ml: its voxels times theirs; of uneven slices each reaches half way to the next.

        Raises
        ------
        ValueError
            No mask of this volume.
        GeometryError
            Frames of a run, which have no distance in space.
        """
        from .measure import measure_mask

        return measure_mask(self, mask)
