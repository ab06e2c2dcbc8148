"""From stored words to values: bit masks and the modality transform, for every reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..headers.attributes import PIXEL_DATA
from .colour import PALETTE
from .dtype import NamedOverflow, ValueOverflow, compute_stored_range, find_stored_dtype, is_identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._util.arrays import Pixels
    from ..headers.model import Frame, Header
    from .dtype import Conversion


def mask_words(stored: Pixels, header: Header) -> Pixels:
    """Stored words without what lies above HighBit, sign-extended from BitsStored (PS3.5 8.1.1)."""
    mask = _make_bit_mask(header)
    return stored if mask is None else mask(stored)


def _make_bit_mask(header: Header) -> Callable[[Pixels], Pixels] | None:
    """Say what `mask_words` does to the words of a file; None where no bit is spare."""
    spare = header.bits_allocated - header.bits_stored
    if spare <= 0 or header.pixel_tag != PIXEL_DATA:
        return None
    low, high = compute_stored_range(header)
    signed = header.pixel_representation == 1

    def mask(stored: Pixels) -> Pixels:
        # Nearly always clean, and looking costs less than shifting.
        if not stored.size or (stored.max() <= high and (not signed or stored.min() >= low)):
            return stored
        shifted: Pixels = (stored << spare) >> spare
        return shifted

    return mask


def store(stored: Pixels, frame: Frame, conversion: Conversion, out: Pixels) -> None:
    """Write the values of one frame into its place in the volume.

    Parameters
    ----------
    stored : numpy.ndarray, shape (rows, columns) or (rows, columns, samples)
        Stored words in native byte order, row 0 first.
    frame : Frame
        Gives bits, slope and intercept.
    conversion : Conversion
        From `conversion_for`.
    out : numpy.ndarray
        The place, of the same shape and of the conversion's dtype.

    Raises
    ------
    ValueOverflow
        The values do not fit the dtype.
    """
    with NamedOverflow(frame):
        make_converter(frame, conversion)(stored, out)


def make_converter(frame: Frame, conversion: Conversion) -> Callable[[Pixels, Pixels], None]:
    """Say what `store` does to a frame; the same for every frame of one layout, slope, intercept and BitsStored."""
    slope, intercept = frame.slope, frame.intercept

    def keep(stored: Pixels, out: Pixels) -> None:
        put(stored, conversion, out)

    def rescale(stored: Pixels, out: Pixels) -> None:
        put(stored.astype(np.float64) * slope + intercept, conversion, out)

    if frame.header.photometric_interpretation == PALETTE:
        return keep
    convert: Callable[[Pixels, Pixels], None]
    if not conversion.rescale or is_identity(frame):
        convert = keep
    elif slope == 1.0 and _adds_exactly(frame, conversion):
        convert = _make_adder(frame, conversion)
    else:
        convert = rescale
    mask = _make_bit_mask(frame.header)
    return convert if mask is None else lambda stored, out: convert(mask(stored), out)


def _adds_exactly(frame: Frame, conversion: Conversion) -> bool:
    """Tell whether the intercept can be added in the dtype of the volume, whatever comes out."""
    if find_stored_dtype(frame.header).kind == "f" or not float(frame.intercept).is_integer():
        return False
    if conversion.dtype.kind in "iu":
        return True  # it may wrap, and rightly so: results that fit come out right whatever wraps between
    ends = (*compute_stored_range(frame.header), frame.intercept)
    return all(abs(end) <= 2 ** np.finfo(conversion.dtype).nmant for end in ends)


def _make_adder(frame: Frame, conversion: Conversion) -> Callable[[Pixels, Pixels], None]:
    """Add an integer intercept in one pass."""
    dtype, intercept = conversion.dtype, int(frame.intercept)
    (lowest, highest), (low, high) = conversion.limits, compute_stored_range(frame.header)
    least, most = lowest - intercept, highest - intercept
    # One end of the declared range is usually safe and need not be looked at.
    look_low, look_high = conversion.checked and low < least, conversion.checked and high > most
    whole = dtype.kind in "iu"
    wrapped = np.array(intercept % (1 << 8 * dtype.itemsize), f"u{dtype.itemsize}") if whole else np.array(intercept)
    addend = wrapped.view(dtype)[()] if whole else wrapped.astype(dtype)[()]
    same_words = whole and find_stored_dtype(frame.header).itemsize == dtype.itemsize

    def add(values: Pixels, out: Pixels) -> None:
        if values.size and ((look_low and values.min() < least) or (look_high and values.max() > most)):
            raise ValueOverflow(int(values.min()) + intercept, int(values.max()) + intercept)
        if same_words:
            np.add(values.view(dtype), addend, out=out)
        else:
            np.add(values, addend, out=out, dtype=dtype, casting="unsafe")

    return add


def put(values: Pixels, conversion: Conversion, out: Pixels) -> None:
    """Write values that are those of the volume already; ValueOverflow where they do not fit its dtype.

    They may lie in their place already, as words of the same size.
    """
    if conversion.checked and values.size:
        (least, most), (low, high) = conversion.limits, _find_finite_range(values)
        if low < least or high > most:
            raise ValueOverflow(low, high)
    if not np.may_share_memory(values, out):
        out[...] = values


def _find_finite_range(values: Pixels) -> tuple[float, float]:
    """The smallest and largest value; of stored floats without infinities and what is no number."""
    low, high = values.min(), values.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        finite = values[np.isfinite(values)]
        low, high = (finite.min(), finite.max()) if finite.size else (np.float64(0), np.float64(0))
    return low.item(), high.item()
