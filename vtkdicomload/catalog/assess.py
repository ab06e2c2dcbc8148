"""An assessment of each series from its headers alone, for lists and messages: would it load, and why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from .._util.wording import count_noun
from ..errors import (
    CompressedPixelDataError,
    CorruptFileError,
    DicomLoadError,
    DuplicateSliceError,
    InconsistentSeriesError,
    MissingSliceError,
    ShearedSeriesError,
    UnsupportedPixelDataError,
)
from ..readers.choose import check_supported
from ..stacks.arrange import arrange
from ..stacks.series_data import UNKNOWN_YET
from ..stacks.tolerances import GAP_TOLERANCE
from ..stacks.uniform import is_uniform
from .damage import make_damage_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..stacks.assumptions import Assumption
    from ..stacks.geometry import Geometry
    from ..stacks.series_data import SeriesData


class Refusal(Enum):
    """The reasons for which a series would not load; the value is what a table says, with places for the facts."""

    DAMAGED = "{files} damaged"
    SEVERAL_VOLUMES = "{count} volumes in one"
    SAME_POSITION = "slices at one position"
    SEVERAL_SEGMENTS = "{count} segments"
    INCONSISTENT = "frames do not go together"
    UNEVEN = "missing slices, uneven gaps"
    SHEARED = "slices lean {tilt:.1f}°"
    COMPRESSED = "compressed, not decoded"
    UNSUPPORTED = "{encoding} is not read"
    UNPLACED = "positions cannot be used"


@dataclass(frozen=True)
class Assessment:
    """The promise that the headers of a series make.

    Attributes
    ----------
    refusal : Refusal or None
        Why it would not load; None where it would.
    facts : mapping
        The numbers and names that belong to it.
    error : DicomLoadError or None
        What `load` would raise before it reads pixels.
    geometry : Geometry or None
        Of `Volume.frames`.
    assumptions : tuple of Assumption
        What would be taken for granted.
    is_sure : bool
        False where the files were not fetched yet, so that nothing is known of their pixels.
    """

    refusal: Refusal | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    error: DicomLoadError | None = None
    geometry: Geometry | None = None
    assumptions: tuple[Assumption, ...] = ()
    is_sure: bool = True

    @property
    def words(self) -> str:
        """``ok``, or the reason in about four words."""
        if self.refusal is None:
            return "ok" if self.is_sure else UNKNOWN_YET
        return self.refusal.value.format(**self.facts)

    @property
    def spacing(self) -> tuple[float, float, float] | None:
        """Along x, y and the slices in mm."""
        return self.geometry.spacing if self.geometry else None


def assess(series: SeriesData) -> Assessment:
    """Arrange a series without reading pixels.

    Returns
    -------
    Assessment
        With the geometry where there is one, and the error that `load` would raise.
    """
    try:
        if series.problems:
            raise make_damage_error(series.problems)
        check_supported(series.frames, uniform=is_uniform(series))
        arrangement = arrange(series, order="position", tolerance=GAP_TOLERANCE)
    except DicomLoadError as error:
        kept = _geometry_as_it_lies(series) if series.problems or isinstance(error, UnsupportedPixelDataError) else None
        return Assessment(*_classify(error), error, kept)
    if arrangement.irregularity is not None:
        return Assessment(*_classify(arrangement.irregularity), arrangement.irregularity, arrangement.geometry)
    return Assessment(
        geometry=arrangement.geometry, assumptions=arrangement.assumptions, is_sure=not series.is_described
    )


def _geometry_as_it_lies(series: SeriesData) -> Geometry | None:
    try:
        return arrange(series, order="position", tolerance=GAP_TOLERANCE).geometry
    except DicomLoadError:
        return None


def _classify(error: DicomLoadError) -> tuple[Refusal, dict[str, object]]:
    """The kind of an error, with the facts that a table tells of it."""
    match error:
        case CorruptFileError(files=files):
            return Refusal.DAMAGED, {"files": count_noun(len(files), "file")}
        case DuplicateSliceError(stacks=stacks):
            return (Refusal.SEVERAL_VOLUMES, {"count": len(stacks)}) if stacks else (Refusal.SAME_POSITION, {})
        case InconsistentSeriesError(stacks=stacks):
            segments = any(name.startswith("Segment") for stack in stacks for name, _ in stack.labels)
            return (Refusal.SEVERAL_SEGMENTS, {"count": len(stacks)}) if segments else (Refusal.INCONSISTENT, {})
        case MissingSliceError():
            return Refusal.UNEVEN, {}
        case ShearedSeriesError(tilt=tilt):
            return Refusal.SHEARED, {"tilt": tilt}
        case CompressedPixelDataError():
            return Refusal.COMPRESSED, {}
        case UnsupportedPixelDataError(encoding=encoding):
            return Refusal.UNSUPPORTED, {"encoding": encoding}
    return Refusal.UNPLACED, {}
