"""The number of bytes that the pixels of a file take, native and compressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .transfer_syntaxes import DEFLATED_FRAME, ENCAPSULATED_UNCOMPRESSED, RLE_LOSSLESS

if TYPE_CHECKING:
    from .model import Header

# How many bytes may come of one where a stream does not say how large it is. RLE repeats a byte up to 128 times by two
# (PS3.5 G.3.1), DEFLATE copies up to 258 by two bits.
_EXPANSION = {RLE_LOSSLESS: 64, ENCAPSULATED_UNCOMPRESSED: 1, DEFLATED_FRAME: 1032}
_LEAST_OF_A_FRAME = 8  # the head of an item, or the shortest picture of a video


def count_pixel_bytes(h: Header) -> int:
    """The bytes that native pixel data of these rows, columns, samples, bits and frames takes (PS3.5 8.1.1)."""
    samples = h.samples * h.rows * h.columns * h.number_of_frames
    if h.photometric_interpretation == "YBR_FULL_422":
        samples = samples // 3 * 2  # PS3.3 C.7.6.3.1.2: two luminance samples share one pair of chrominance
    return (samples * h.bits_allocated + 7) // 8


def is_too_short(h: Header) -> bool:
    """Tell whether compressed pixel data has fewer bytes than it takes, however well it is compressed."""
    expansion = _EXPANSION.get(h.transfer_syntax)
    least = h.number_of_frames * _LEAST_OF_A_FRAME
    return h.pixel_length < least or (expansion is not None and h.pixel_length * expansion < count_pixel_bytes(h))
