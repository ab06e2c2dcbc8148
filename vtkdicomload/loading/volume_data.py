"""The pixels of one stack in memory, where they lie in the patient, and how they were read: plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..stacks.padding import find_padding_range, find_padding_value
from ..stacks.uniform import is_uniform
from .units import find_units

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from .._util.arrays import Floats, Pixels
    from ..headers.model import Frame
    from ..stacks.geometry import Geometry
    from ..stacks.padding import PaddingRange
    from ..stacks.series_data import Label, SeriesData
    from .checks import Check


class VolumeData:
    """The pixels of one stack and where they lie in the patient.

    Attributes
    ----------
    frames : numpy.ndarray
        The pixels, (z, y, x) or (z, y, x, 3), C-contiguous.
    geometry : Geometry
        Where the voxels lie, by their index (x, y, z).
    series : Series
        The frames that were read: ``series.frames[z]`` for ``frames[z]``, unless slices were interpolated or the
        volume was `reorient`ed.
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
        geometry: Geometry,
        series: SeriesData,
        *,
        engine: str,
        rescaled: bool = True,
        checks: tuple[Check, ...] = (),
        ignored: tuple[str, ...] = (),
    ) -> None:
        if not frames.flags.c_contiguous:
            raise ValueError("frames must be C-contiguous: all views of a volume share their memory")
        self.frames = frames
        self.geometry = geometry
        self.series = series
        self.rescaled = rescaled
        self.engine = engine
        self.checks = checks
        self.ignored = ignored

    # ------------------------------------------------------------------------------------------ pixels
    @property
    def array(self) -> Pixels:
        """The memory of `frames` by index (x, y, z): (nx, ny, nz) in Fortran order, or (nx, ny, nz, 3)."""
        return self.frames.transpose(2, 1, 0, *range(3, self.frames.ndim))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of `array`."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the pixels."""
        return self.frames.dtype

    # ------------------------------------------------------------------------------------------ geometry
    @property
    def affine(self) -> Floats | None:
        """Index (x, y, z, 1) → LPS mm, (4, 4): `direction` times `spacing`, and `origin`; None where there is none."""
        return self.geometry.affine

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of voxel centres along x, y, z in mm."""
        return self.geometry.spacing

    @property
    def origin(self) -> tuple[float, float, float] | None:
        """LPS position in mm of voxel (0, 0, 0), the first pixel of the first slice."""
        return self.geometry.origin

    @property
    def direction(self) -> Floats | None:
        """Direction matrix, (3, 3): column *a* is the unit vector of axis *a* in LPS."""
        return self.geometry.direction

    @property
    def dimensions(self) -> tuple[int, int, int]:
        """(nx, ny, nz)."""
        return self.geometry.dimensions

    @property
    def extent(self) -> tuple[int, int, int, int, int, int]:
        """(0, nx-1, 0, ny-1, 0, nz-1), as VTK writes it."""
        nx, ny, nz = self.dimensions
        return 0, nx - 1, 0, ny - 1, 0, nz - 1

    @property
    def axes(self) -> tuple[Floats, Floats, Floats]:
        """Coordinates of the voxel centres along x, y, z in mm from the first, ascending."""
        return self.geometry.axes

    @property
    def edges(self) -> tuple[Floats, Floats, Floats]:
        """The n + 1 cell edges along x, y, z in mm from the first voxel's centre, ascending."""
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
        values = {find_padding_value(frame, rescaled=self.rescaled) for frame in self._list_distinct()}
        return values.pop() if len(values) == 1 else None

    @property
    def padding_range(self) -> PaddingRange | None:
        """(lowest, highest) of what PixelPaddingValue and PixelPaddingRangeLimit span, as `padding_value` says it.

        Twice the value where there is no limit; None where slices have none, or several.
        """
        ranges = {find_padding_range(frame, rescaled=self.rescaled) for frame in self._list_distinct()}
        return ranges.pop() if len(ranges) == 1 else None

    def _list_distinct(self) -> Sequence[Frame]:
        """Frames of which one speaks for all that are like it."""
        return self.series.frames[:1] if is_uniform(self.series) else self.series.frames

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

        None for colour. Of a CT whose RescaleType is US ("unspecified", PS3.3 C.11.1.1.2) only where an intercept makes
        them HU; of secondary captures without rescale and of lookup tables only where they say so themselves.
        """
        return find_units(self.series) if self.rescaled and self.frames.ndim == 3 else None

    def reorient(self, axes: str = "LPS") -> Self:
        """The same voxels with axes reversed and permuted to run most nearly toward three sides of the patient.

        Parameters
        ----------
        axes : str
            Where x, y and z of the result run to: ``"LPS"`` (left, posterior, superior) makes each ``frames[z]`` an
            upright axial picture as radiologists look at it.

        Returns
        -------
        Volume
            Over the same memory where no axis turns, else over a copy.

        Raises
        ------
        ValueError
            `axes` does not name one side of each pair R/L, A/P, I/S (F/H).
        GeometryError
            The files hold no position or orientation, or slices on no regular grid would become rows.
        """
        geometry, turn = self.geometry.reorient(axes)
        return self.replaced(np.ascontiguousarray(turn.view(self.frames)), geometry)

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
