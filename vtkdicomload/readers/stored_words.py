"""Streams of the words of an image, which do not say how large it is: as they are, deflated or run-length encoded."""

from __future__ import annotations

import zlib
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..headers.transfer_syntaxes import DEFLATED_FRAME, RLE_LOSSLESS

if TYPE_CHECKING:
    from .._util.arrays import Pixels
    from ..headers.model import Header


def is_sound_rle(header: Header, data: bytes) -> bool:
    """Tell whether the segments of an RLE stream lie in order inside it (PS3.5 G.5); the decoder does not look."""
    count = header.samples * max(header.bits_allocated // 8, 1)
    if len(data) < 64 or int.from_bytes(data[:4], "little") != count:
        return False
    offsets = [int.from_bytes(data[i : i + 4], "little") for i in range(4, 4 + 4 * count, 4)]
    return offsets[0] == 64 and all(a < b for a, b in pairwise([*offsets, len(data)]))


def decode_words(header: Header, data: bytes) -> Pixels:
    """The pixels of a stream that holds the words of the image: as they are, deflated or run-length encoded.

    Of pixels of one bit it holds eight in a byte, the first one lowest, or in RLE a byte for each (PS3.5 G.2).

    Raises
    ------
    ValueError, RuntimeError, zlib.error
        It does not hold just these words.
    """
    word = np.dtype(f"<u{max(header.bits_allocated // 8, 1)}")
    count = header.rows * header.columns * header.samples
    lengths = [count * word.itemsize]
    if header.bits_allocated == 1:
        packed = (count + 7) // 8
        lengths = [count, packed] if header.transfer_syntax == RLE_LOSSLESS else [packed]
    stored: bytes | bytearray = data
    planar, padded = header.planar_configuration == 1, 1
    if header.transfer_syntax == DEFLATED_FRAME:
        stored = _inflate(data, max(lengths) + 2)
    elif header.transfer_syntax == RLE_LOSSLESS:
        import imagecodecs

        stored = imagecodecs.dicomrle_decode(data, word)
        planar, padded = True, 0  # PS3.5 G.2: a segment a sample
    if not any(len(stored) in (length, length + length % 2 * padded) for length in lengths):
        raise ValueError(f"it has {len(stored)} bytes, {lengths[0]} belong to it")
    if header.bits_allocated == 1:
        bits = np.frombuffer(stored, np.uint8)
        return bits if len(bits) == lengths[0] > lengths[-1] else np.unpackbits(bits, count=count, bitorder="little")
    words = np.frombuffer(stored[: count * word.itemsize], word)
    if header.samples > 1 and planar:
        return np.ascontiguousarray(words.reshape(header.samples, header.rows, header.columns).transpose(1, 2, 0))
    return words


def _inflate(data: bytes, most: int) -> bytes:
    """A deflated frame (RFC 1951); ValueError where it does not end, or something else than padding lies behind it."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    stored = stream.decompress(data, most)
    if len(stored) < most and (not stream.eof or stream.unused_data.strip(b"\0")):
        raise ValueError("its deflated data has no end" if not stream.eof else "bytes lie behind its deflated data")
    return stored
