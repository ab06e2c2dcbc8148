"""The units of the values of a volume, by what its files say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..headers.objects.real_world_values import UNSPECIFIED
from ..headers.sop_classes import is_secondary_capture

if TYPE_CHECKING:
    from ..stacks.series_data import SeriesData


def find_units(series: SeriesData) -> str | None:
    """RescaleType, else Units; ``HU`` for CT that says nothing else; None where they are not known."""
    header = series.header
    if header.rescale_type and header.rescale_type != UNSPECIFIED:
        return header.rescale_type
    return header.units or ("HU" if _is_plain_ct(series) else None)


def _is_plain_ct(series: SeriesData) -> bool:
    """Tell whether these can only be Hounsfield units, though no file says so."""
    header = series.header
    if header.modality != "CT" or header.has_modality_lut:
        return False
    if header.rescale_type == UNSPECIFIED and (header.functional_groups or series.frames[0].intercept == 0):
        return False
    return not is_secondary_capture(header.sop_class_uid) or header.slope is not None
