"""The pixels of one stack in memory, where they lie in the patient, and how they were read: plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..stacks.reorientation import reorient

if TYPE_CHECKING:
    from typing import Self

    from .._util.arrays import Floats, Pixels
    from ..stacks.geometry import Geometry
    from ..stacks.series_data import Label, SeriesData
    from .checks import Check

LAYOUTS = ("vtk", "dicom")


def allocate(shape: tuple[int, ...], dtype: np.dtype[Any], layout: str) -> Pixels:
    """An uninitialised buffer for `Volume.frames`, shape (nz, ny, nx) or (nz, ny, nx, 3).

    With layout ``"vtk"`` rows and slices lie in memory in VTK's order, with ``"dicom"`` in that of the view.
    """
    memory = np.empty(shape, dtype)
    return memory[::-1, ::-1] if layout == "vtk" else memory


class VolumeData:
    """The pixels of one stack and where they lie in the patient.

    Attributes
    ----------
    frames : numpy.ndarray
        The pixels the DICOM way.
    frames_geometry : Geometry
        Where the voxels of `frames` lie: index (x, y, z) of ``frames[z, y, x]``.
    series : Series
        The frames that were read: ``series.frames[z]`` for ``frames[z]``, unless slices were interpolated or the
        volume is a `reorient`ed view.
    rescaled : bool
        Whether the values went through the modality transform (``rescale=True``).
    engine : str
        The reader that filled the memory.
    checks : tuple of Check
        What was verified.
    ignored : tuple of str
        Files that ``ignore=`` left out.
    """

    def __init__(
        self,
        frames: Pixels,
        frames_geometry: Geometry,
        series: SeriesData,
        *,
        engine: str,
        rescaled: bool = True,
        checks: tuple[Check, ...] = (),
        ignored: tuple[str, ...] = (),
    ) -> None:
        self.frames = frames
        self.frames_geometry = frames_geometry
        self.series = series
        self.rescaled = rescaled
        self.engine = engine
        self.checks = checks
        self.ignored = ignored

    # ------------------------------------------------------------------------------------------ pixels
    @property
    def array(self) -> Pixels:
        """The pixels in VTK's order, (nx, ny, nz) or (nx, ny, nz, 3): a view of the memory of `frames`."""
        flipped = self.frames[::-1, ::-1]
        return flipped.transpose(2, 1, 0, *range(3, flipped.ndim))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of `array`."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the pixels."""
        return self.frames.dtype

    # ------------------------------------------------------------------------------------------ geometry, of `array`
    @property
    def geometry(self) -> Geometry:
        """Where the voxels of `array` lie."""
        return self.frames_geometry.flipped()

    @property
    def affine(self) -> Floats | None:
        """Index (i, j, k, 1) of `array` → LPS mm, (4, 4); None where the files allow none."""
        return self.geometry.affine

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of voxel centres along i, j, k of `array` in mm."""
        return self.frames_geometry.spacing

    @property
    def origin(self) -> tuple[float, float, float] | None:
        """LPS position in mm of ``array[0, 0, 0]``."""
        return self.geometry.origin

    @property
    def direction(self) -> Floats | None:
        """Direction cosines of `array`, (3, 3): column *a* is axis *a* in LPS."""
        return self.geometry.direction

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """(nx, ny, nz)."""
        return self.frames_geometry.dimensions

    @property
    def extent(self) -> tuple[int, int, int, int, int, int]:
        """(0, nx-1, 0, ny-1, 0, nz-1), as VTK writes it."""
        nx, ny, nz = self.dimensions
        return 0, nx - 1, 0, ny - 1, 0, nz - 1

    @property
    def axes(self) -> tuple[Floats, Floats, Floats]:
        """Coordinates of the voxel centres of `array` along i, j, k in mm from the first, ascending."""
        return self.geometry.axes

    @property
    def edges(self) -> tuple[Floats, Floats, Floats]:
        """The n + 1 cell edges of `array` along i, j, k in mm from the first voxel's centre, ascending."""
        return self.geometry.edges

    # ------------------------------------------------------------------------------------------ what the files say
    @property
    def stack_labels(self) -> tuple[Label, ...]:
        """The attributes that tell this stack apart from the others of its series, with the values it has of them."""
        return self.series.labels

    @property
    def photometric_interpretation(self) -> str:
        """``MONOCHROME2``; ``MONOCHROME1`` where small values are bright (they stay as stored); ``RGB`` for colour."""
        return "RGB" if self.frames.ndim == 4 else self.series.header.photometric_interpretation

    @property
    def padding_value(self) -> float | None:
        """PixelPaddingValue as it stands in the pixels, rescaled like them; None where slices have none, or several."""
        values = {
            padding * f.slope + f.intercept if padding is not None and self.rescaled else padding
            for f in self.series.frames
            for padding in [f.header.padding_value]
        }
        return values.pop() if len(values) == 1 else None

    @property
    def window(self) -> tuple[float, float] | None:
        """(center, width) that the middle slice's file recommends to display these values; None where it does not."""
        frame = self.series.frames[len(self.series.frames) // 2]
        center, width = frame.header.window_center, frame.header.window_width
        if center is None or width is None or width <= 0:
            return None
        if self.rescaled:
            return center, width
        if frame.header.has_modality_lut:
            return None
        # PS3.3 C.11.2.1.2: a window is one of rescaled values.
        return (center - frame.intercept) / frame.slope, width / abs(frame.slope)

    @property
    def units(self) -> str | None:
        """Units of the rescaled values: RescaleType, else Units; ``HU`` for CT that says nothing else.

        Of a CT whose RescaleType is US ("unspecified", PS3.3 C.11.1.1.2) only where an intercept makes them HU.
        """
        header = self.series.header
        if not self.rescaled:
            return None
        unspecified = header.rescale_type == "US"
        if header.rescale_type and not unspecified:
            return header.rescale_type
        hounsfield = header.modality == "CT" and not (unspecified and self.series.frames[0].intercept == 0)
        return header.units or ("HU" if hounsfield else None)

    def reorient(self, axes: str = "LPS") -> Self:
        """The same pixels with axes flipped and permuted to run most nearly toward three sides of the patient.

        Parameters
        ----------
        axes : str
            Where x, y and z of the result's `frames` run to: ``"LPS"`` (left, posterior, superior) makes each
            ``frames[z]`` an upright axial picture as radiologists look at it.

        Returns
        -------
        Volume
            A view; no pixel is copied.

        Raises
        ------
        ValueError
            `axes` does not name one side of each pair R/L, A/P, I/S (F/H).
        GeometryError
            The files hold no position or orientation.
        """
        reorientation = reorient(self.frames_geometry, axes)
        return self.replaced(reorientation.view(self.frames), reorientation.geometry)

    def replaced(self, frames: Pixels, geometry: Geometry) -> Self:
        """The same volume with other pixels in other places."""
        return type(self)(
            frames,
            geometry,
            self.series,
            rescaled=self.rescaled,
            engine=self.engine,
            checks=self.checks,
            ignored=self.ignored,
        )
