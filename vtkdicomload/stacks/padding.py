"""Padding: pixels of grey images that stand for no measurement, as they stand in a volume.

PS3.3 C.7.5.1.1.2 defines it, C.7.6.24 and C.7.6.25 for pixels that are floating-point numbers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .._util.arrays import Pixels
    from ..headers.model import Frame

_GREY = ("MONOCHROME1", "MONOCHROME2")


class PaddingRange(NamedTuple):
    """The values that stand for no measurement, its ends among them; one value where both are equal."""

    low: float
    high: float

    def covers(self, values: Pixels) -> NDArray[np.bool_]:
        """Tell which values are padding; floating-point ones may be off by the last digit that they have."""
        dtype, (low, high) = values.dtype, self
        if dtype.kind == "f":
            low = np.nextafter(dtype.type(low), dtype.type(-np.inf))
            high = np.nextafter(dtype.type(high), dtype.type(np.inf))
        elif dtype.kind in "iu":  # which are compared many times as fast with whole numbers
            limits = np.iinfo(dtype)
            low, high = max(math.ceil(low), int(limits.min)), min(math.floor(high), int(limits.max))
            if low > high:
                return np.zeros(values.shape, np.bool_)
        return values == low if low == high else (values >= low) & (values <= high)


def find_padding_value(frame: Frame, *, rescaled: bool) -> float | None:
    """The padding value as it stands in the pixels of a frame, `rescaled` or stored ones.

    None where there is none, in colour, and where a lookup table hides it.
    """
    header = frame.header
    if header.photometric_interpretation not in _GREY or (rescaled and header.has_modality_lut):
        return None
    return _rescale(frame, header.padding_value, rescaled=rescaled)


def find_padding_range(frame: Frame, *, rescaled: bool) -> PaddingRange | None:
    """The range that the padding value and its limit, of which either may be the larger, span in a frame.

    The value alone where there is no limit; None where there is no value (`find_padding_value`).
    """
    value = find_padding_value(frame, rescaled=rescaled)
    if value is None:
        return None
    limit = _rescale(frame, frame.header.padding_limit, rescaled=rescaled)
    ends = (value, value if limit is None else limit)
    return PaddingRange(min(ends), max(ends))


def _rescale(frame: Frame, stored: float | None, *, rescaled: bool) -> float | None:
    return stored * frame.slope + frame.intercept if stored is not None and rescaled else stored
