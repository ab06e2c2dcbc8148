"""Whether a series would load, from its headers alone, for lists and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .. import errors
from ..readers.choose import check_supported
from ..stacks.arrange import arrange
from ..stacks.tolerances import GAP_TOLERANCE

if TYPE_CHECKING:
    from ..stacks.geometry import Geometry
    from ..stacks.series_data import SeriesData


class Examination(NamedTuple):
    """What the headers of a series promise."""

    words: str  # "ok", or the reason in about four words
    error: errors.DicomLoadError | None  # what load would raise before it reads pixels
    geometry: Geometry | None  # of volume.frames
    assumptions: tuple[str, ...] = ()

    @property
    def spacing(self) -> tuple[float, float, float] | None:
        """Along x, y and the slices in mm."""
        return self.geometry.spacing if self.geometry else None


def examine(series: SeriesData) -> Examination:
    """Arrange a series without reading pixels.

    Returns
    -------
    Examination
        With the geometry where there is one, and the error that `load` would raise.
    """
    if series.problems:
        return Examination("damaged files beside it", series.problems[0].error, _kept(series))
    try:
        check_supported(series.frames)
        arrangement = arrange(series, order="position", irregular="raise", tolerance=GAP_TOLERANCE)
    except errors.DicomLoadError as error:
        return Examination(_words(error), error, _kept(series))
    return Examination("ok", None, arrangement.geometry, arrangement.assumptions)


def _kept(series: SeriesData) -> Geometry | None:
    try:
        return arrange(series, order="position", irregular="keep", tolerance=GAP_TOLERANCE).geometry
    except errors.DicomLoadError:
        return None


def _words(error: errors.DicomLoadError) -> str:
    """The reason in a few words, for a table."""
    if isinstance(error, errors.DuplicateSliceError):
        return f"{len(error.stacks)} volumes in one" if error.stacks else "slices at one position"
    if isinstance(error, errors.InconsistentSeriesError):
        segments = any(name.startswith("Segment") for stack in error.stacks for name, _ in stack.labels)
        return f"{len(error.stacks)} segments" if segments else "frames do not go together"
    if isinstance(error, errors.MissingSliceError):
        return "missing slices, uneven gaps"
    if isinstance(error, errors.ShearedSeriesError):
        return f"slices lean {error.tilt:.1f}°"
    if isinstance(error, errors.CompressedPixelDataError):
        return "compressed, not decoded"
    if isinstance(error, errors.UnsupportedPixelDataError):
        return str(error).split(" (")[0]
    return "positions cannot be used"
