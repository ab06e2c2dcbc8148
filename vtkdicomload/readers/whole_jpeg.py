"""JPEG streams whose coded data is not enough for their rows, or too much: libjpeg says so, imagecodecs does not.

libjpeg makes up pixels where the data ends early, skips what is left over, and warns; imagecodecs drops its warnings.
So it is asked for some rows more than there are. The data of a whole stream ends just there: what comes of it behind
the last row is the padding of its last byte, and grey from there on, which costs next to nothing. Data that is left
over fills these rows, and where the data ended before, they are grey from their very first pixel. A stream that makes
exactly as many pixels as it should is not found out, whatever they are.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .codestream import START_OF_SCAN, walk_jpeg_segments

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._util.arrays import Pixels

_PROGRESSIVE, _LOSSLESS = 0xC2, 0xC3
_HUFFMAN_FRAMES = frozenset((0xC0, 0xC1, _PROGRESSIVE, _LOSSLESS))
_RESTART_INTERVAL = 0xDD
_MOST_ROWS = 65500 - 16  # of libjpeg
_BLOCK = 8
# The ones that fill up the last byte, and zeros, make one symbol: no code is of ones alone (T.81 K.2). One more for
# encoders that do not know.
_PADDING = 2
_PADDING_IN_BITS = 8  # where a scan holds a bit a block
_MORE = b"\x5a\x93\xc6\x35\x6d\x1b\xe2\x0f"  # data of any kind, without markers


# T.81 table H.1: what a pixel is predicted from, by those left of it, above it, and above its left neighbour.
_PREDICT: dict[int, Callable[[Pixels, Pixels, Pixels], Pixels]] = {
    1: lambda left, up, corner: left,
    2: lambda left, up, corner: up,
    3: lambda left, up, corner: corner,
    4: lambda left, up, corner: left + up - corner,
    5: lambda left, up, corner: left + ((up - corner) >> 1),
    6: lambda left, up, corner: up + ((left - corner) >> 1),
    7: lambda left, up, corner: (left + up) >> 1,
}


class _Layout(NamedTuple):
    """The parts of a JPEG stream that decide where its data has to end."""

    rows_at: int  # where the stream states its rows
    rows: int
    asked: int  # rows, so that a row of coding units or two are too many
    clear: int  # the first column that the padding of the last byte does not reach
    grey: int
    predictor: int  # 0 of the discrete cosine transform
    shift: int  # bits that a lossless stream leaves out
    scan: int
    single: bool  # one scan without restarts: its end is the end of the data

    @property
    def first_surplus(self) -> int:
        """The first row that no data is for: that of the next block where pixels are coded in blocks."""
        return self.rows if self.predictor else self.asked - _BLOCK


def decode_whole(data: bytes, decode: Callable[[bytes], Pixels]) -> Pixels:
    """The pixels of a JPEG stream, where `decode` gives those of any stream.

    Raises
    ------
    ValueError
        Its coded data ends before its last row, or behind it.
    """
    try:
        layout = _read_layout(data)
    except (ValueError, IndexError, struct.error):
        layout = None  # broken, as the decoder says
    if layout is None:
        return decode(data)
    try:
        pixels = decode(_ask_for_more(data, layout))
    except RuntimeError:
        return decode(data)
    surplus = pixels[layout.first_surplus :]
    grey = surplus == layout.grey
    clear = grey[1:] if layout.predictor else grey[:, layout.clear :]
    if not clear.all() or (layout.predictor and _varies(pixels[layout.rows - 1], surplus[0], layout)):
        raise ValueError("its coded data is damaged: some is left over behind its last row")
    if layout.single and grey.all() and _takes_more(data, pixels, layout, decode):
        raise ValueError("its coded data is damaged: it ends before its last row")
    return pixels[: layout.rows]


def _read_layout(data: bytes) -> _Layout | None:
    """The layout of a stream that can be asked for more rows; None where it cannot, as of arithmetic coding."""
    frame, at, restarts = 0, 0, False
    for marker, place in walk_jpeg_segments(data):
        if marker in _HUFFMAN_FRAMES:
            frame, at = marker, place
        elif marker == _RESTART_INTERVAL:
            restarts = data[place : place + 2] != b"\0\0"
        elif marker == START_OF_SCAN:
            break
    if not frame:
        return None
    scan = place
    bits, rows, columns, components = struct.unpack_from(">BHHB", data, at)
    factors = [divmod(data[at + 7 + 3 * k], 16) for k in range(components)]
    across, down = (1, 1) if components == 1 else (max(f[0] for f in factors), max(f[1] for f in factors))
    parameters = scan + 1 + 2 * data[scan]
    single = not restarts and data[scan] == components and frame != _PROGRESSIVE
    if frame == _LOSSLESS:
        predictor, shift = data[parameters], data[parameters + 2] & 15
        asked, clear = rows + 2, _PADDING + 1
        if (across, down) != (1, 1) or not single or not 1 <= predictor <= 7 or shift >= bits:
            return None
    else:
        predictor, shift = 0, 0
        # Rows of chrominance that are made of two would mix with those behind them.
        padding = _PADDING_IN_BITS if frame == _PROGRESSIVE else _PADDING
        asked, clear = -(-rows // _BLOCK) * _BLOCK + _BLOCK, padding * _BLOCK * across
        if down > 1:
            return None
    if not 0 < rows <= _MOST_ROWS or columns <= clear:
        return None
    return _Layout(at + 1, rows, asked, clear, 1 << bits - 1, predictor, shift, scan, single)


def _ask_for_more(data: bytes, layout: _Layout) -> bytes:
    at = layout.rows_at
    return b"".join((data[:at], struct.pack(">H", layout.asked), data[at + 2 :]))


def _varies(above: Pixels, row: Pixels, layout: _Layout) -> bool:
    """Tell whether a row of a lossless stream is more than what zero bits make of the row above it (T.81 H.1.2)."""
    up, here = (line.astype(np.int32) >> layout.shift for line in (above, row))
    left, corner, up = here[_PADDING:-1], up[_PADDING:-1], up[_PADDING + 1 :]
    predicted = _PREDICT[layout.predictor](left, up, corner)
    # By half the range, as libjpeg halves sums before it cuts them to the range.
    differences = (here[_PADDING + 1 :] - predicted) % max(layout.grey >> layout.shift, 1)
    return bool((differences != differences[:1]).any())


def _takes_more(data: bytes, pixels: Pixels, layout: _Layout, decode: Callable[[bytes], Pixels]) -> bool:
    """Tell whether the pixels of a stream would be others if more data stood behind it, which only lack of it does."""
    end = data.find(b"\xff\xd9", layout.scan)
    while data[end - 1] == 0xFF:
        end -= 1
    more = decode(_ask_for_more(data[:end] + _MORE + data[end:], layout))
    return not np.array_equal(more[: layout.rows], pixels[: layout.rows])
