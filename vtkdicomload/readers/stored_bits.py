"""Decoded values beyond BitsStored: overlays that were compressed with the pixels, and the ringing of lossy streams."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..headers.attributes import PIXEL_DATA
from ..headers.data_set import UnusableAttribute, list_values, open_data_set
from ..headers.transfer_syntaxes import LOSSY
from .codestream import CodestreamSize, Coding
from .dtype import compute_stored_range
from .rescale import mask_words

if TYPE_CHECKING:
    from .._util.arrays import Pixels
    from ..headers.model import Header
    from ..sources.file import File

# How far a lossy stream may ring beyond the range of its pixels, as a part of it.
_OVERSHOOT = 1 / 4


class BeyondBitsStored(ValueError):  # noqa: N818 - a finding, which its catcher makes an error of
    """Decoded values lie farther beyond BitsStored than a codec takes them."""


def fit_bits(header: Header, size: CodestreamSize, words: Pixels) -> tuple[Pixels, str | None]:
    """Decoded words within BitsStored, and what was done to them, the end of a sentence for a warning.

    Parameters
    ----------
    header : Header
        Of their file.
    size : CodestreamSize
        What their stream says.
    words : numpy.ndarray
        In the type of the stored words.

    Raises
    ------
    BeyondBitsStored
        They take more bits, and it is neither an overlay nor ringing.
    """
    bits = header.bits_stored
    if bits >= header.bits_allocated or header.pixel_tag != PIXEL_DATA or (size.bits is not None and size.bits <= bits):
        return words, None
    low, high = compute_stored_range(header)
    least, most = int(words.min()), int(words.max())
    if low <= least and most <= high:
        return words, None
    lossy = is_lossy(header, size)
    if header.pixel_representation and least >= 0 and most < 1 << bits and not (size.signed and lossy):
        return words, None  # negative ones without their sign extended
    if not lossy:
        done = f"hold bits above the {bits} that are stored, such as those of overlays: they are cut off (PS3.5 8.1.1)"
        return mask_words(words, header), done
    beyond = max(low - least, most - high)
    if beyond > (high - low + 1) * _OVERSHOOT:
        raise BeyondBitsStored(f"its values go from {least} to {most}, its header says {bits} bits stored")
    clipped: Pixels = np.clip(words, low, high)
    return clipped, f"are lossy and ring beyond the {bits} bits stored: their values are clipped to {low} … {high}"


def is_lossy(header: Header, size: CodestreamSize) -> bool:
    """Tell whether a stream may give other values than those that were coded.

    A reversible wavelet that was cut off is lossy too, which only the file says (LossyImageCompression).
    """
    if size.reversible is False:
        return True
    if header.transfer_syntax not in LOSSY or (size.reversible and size.coding is not Coding.JPEG_2000):
        return False
    if size.reversible is None:
        return True
    return _is_called_lossy(header.file) and not _find_high_overlay(header.file, header.bits_stored)


def _is_called_lossy(file: File) -> bool:
    return _read_compression(file)[0]


def _find_high_overlay(file: File, bits_stored: int) -> bool:
    """Tell whether a file says of an overlay that it lies in the bits above those of the pixels."""
    return any(bit >= bits_stored for bit in _read_compression(file)[1])


@lru_cache(maxsize=8)  # a file of many frames asks once a frame
def _read_compression(file: File) -> tuple[bool, tuple[int, ...]]:
    """LossyImageCompression, and the bit positions of overlays (PS3.3 C.9.2)."""
    try:
        with open_data_set(file) as attributes:
            places = [tag for tag in attributes.tags() if tag & 0xFFE1FFFF == 0x60000102]
            bits = [v for tag in places for v in list_values(attributes.get(tag)) if isinstance(v, int)]
            return attributes.text("LossyImageCompression") == "01", tuple(bits)
    except UnusableAttribute:
        return False, ()
