"""The size, coding and colour that a compressed frame says of itself, read before anything is decoded."""

from __future__ import annotations

import re
import struct
from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Coding(Enum):
    """The families of streams; each has a decoder of its own."""

    JPEG = "lossy JPEG"
    JPEG_LOSSLESS = "lossless JPEG"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    JPEG_XL = "JPEG XL"


class CodestreamSize(NamedTuple):
    """The size of an image in its own words, and how it is coded."""

    coding: Coding
    rows: int
    columns: int
    components: int | None = None  # None where the stream does not say it up front
    bits: int | None = None
    signed: bool | None = None
    reversible: bool | None = None  # whether every bit of what was coded comes back


def read_codestream_size(data: bytes) -> CodestreamSize | None:
    """The size and the coding that a JPEG, JPEG-LS, JPEG 2000, HTJ2K or JPEG XL stream declares.

    Returns None for a stream of another kind (RLE declares nothing); raises ValueError where the stream is cut short or
    broken before its size.
    """
    try:
        if data[:2] == b"\xff\xd8":
            return _read_jpeg_size(data)
        if data[:4] == b"\xff\x4f\xff\x51":
            return _read_jpeg2000_size(data)
        if data[4:8] == b"jP  ":
            return _read_jpeg2000_size(_find_box(data, b"jp2c"))
        if data[:2] == b"\xff\x0a":
            return _read_jpegxl_size(data)
        if data[4:8] == b"JXL ":
            try:
                return _read_jpegxl_size(_find_box(data, b"jxlc"))
            except ValueError:
                return _read_jpegxl_size(_find_box(data, b"jxlp")[4:])
    except (struct.error, IndexError) as error:
        raise ValueError("the compressed stream ends before its own size") from error
    return None


_NO_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))
_JPEG_LS_FRAME = 0xF7  # ISO 14495-1
# ITU-T T.81 table B.1: start of frame, without the tables (C4, C8, CC) between.
_START_OF_FRAME = frozenset((*range(0xC0, 0xD0), _JPEG_LS_FRAME)) - {0xC4, 0xC8, 0xCC}
_LOSSLESS_FRAMES = frozenset((0xC3, 0xC7, 0xCB, 0xCF))
START_OF_SCAN = 0xDA


def walk_jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """The marker of every segment up to the first scan, and where its content begins."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ValueError("the JPEG stream is broken before its frame header")
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _NO_LENGTH:
            at += 2
        else:
            yield marker, at + 4
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])


def _read_jpeg_size(data: bytes) -> CodestreamSize:
    segments = walk_jpeg_segments(data)
    frame, at = next((marker, at) for marker, at in segments if marker in _START_OF_FRAME)
    bits, rows, columns, components = struct.unpack_from(">BHHB", data, at)
    if frame == _JPEG_LS_FRAME:
        scan = next(at for marker, at in segments if marker == START_OF_SCAN)
        near = data[scan + 1 + 2 * data[scan]]
        return CodestreamSize(Coding.JPEG_LS, rows, columns, components, bits, reversible=near == 0)
    lossless = frame in _LOSSLESS_FRAMES
    coding = Coding.JPEG_LOSSLESS if lossless else Coding.JPEG
    return CodestreamSize(coding, rows, columns, components, bits, reversible=lossless)


def read_declared_colour(data: bytes) -> Literal["RGB", "YBR"] | None:
    """The colour space that a sound stream of three components itself states; None where it leaves it open.

    A JPEG stream states it by the names R, G, B of its components, by a JFIF or Adobe marker of YCbCr, or by
    subsampled components (never red, green or blue); a JP2 file by sYCC in its colour box. Other streams do not.
    """
    if data[4:8] == b"jP  ":
        return "YBR" if b"colr\x01\0\0\0\0\0\x12" in data[:512] else None  # ISO 15444-1 I.5.3.3: method 1, 18
    if data[:2] != b"\xff\xd8":
        return None
    marked = False
    for marker, at in walk_jpeg_segments(data):
        if marker == 0xE0:
            marked |= data[at : at + 5] == b"JFIF\0"
        elif marker == 0xEE:  # transform 1: ITU-T T.872 6.5.3
            marked |= data[at : at + 5] == b"Adobe" and data[at + 11] == 1
        elif marker in _START_OF_FRAME:
            components = data[at + 6 : at + 15]
            if components[::3] in (b"RGB", b"rgb"):
                return "RGB"
            return "YBR" if marked or len(set(components[1::3])) > 1 else None
    return None


# Cine runs of Siemens angiography (1996) fill every frame up with zeros and one stale word.
_STALE = 8


def has_end(stream: bytes) -> bool:
    """Tell whether a JPEG, JPEG-LS or JPEG 2000 stream ends with its end of image marker, padding behind it or not.

    Coded data is stuffed so that it never holds the marker's bytes (ITU-T T.81 B.1.1.5, T.87 and T.800 alike): a stream
    that was cut short has none near its end.
    """
    return b"\xff\xd9" in stream.rstrip(b"\0\xff")[-2 - _STALE :]


def strip_boxes(data: bytes) -> bytes:
    """A JPEG 2000 codestream without the JP2 file around it (PS3.5 A.4.4), whose boxes would change its colours."""
    return _find_box(data, b"jp2c") if data[:1] != b"\xff" and data[4:8] == b"jP  " else data


def _read_jpeg2000_size(data: bytes) -> CodestreamSize:
    # ISO 15444-1 A.5.1: the SIZ segment comes first.
    width, height, left, top = struct.unpack_from(">IIII", data, 8)
    components, precision = struct.unpack_from(">HB", data, 40)
    return CodestreamSize(
        Coding.JPEG_2000,
        height - top,
        width - left,
        components,
        (precision & 0x7F) + 1,
        bool(precision & 0x80),
        _has_reversible_wavelet(data),
    )


def _has_reversible_wavelet(data: bytes) -> bool | None:
    """Tell whether the coding style of a JPEG 2000 codestream (ISO 15444-1 A.6.1) is the reversible 5-3 transform."""
    at = 2
    while at + 14 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0x90, 0x93):  # the first tile, its data
        if data[at + 1] == 0x52:
            return data[at + 13] == 1
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return None


_MARKER = re.compile(rb"\xff[\x90-\xff]")


def find_stray_marker(data: bytes) -> bytes | None:
    """A marker inside the coded data of a JPEG 2000 codestream, which is stuffed so that it holds none.

    ISO 15444-1 A.4.2 and C.2.3: no byte of FF is followed by one above 8F there; not looked for where packets have
    markers of their own. A decoder takes one for data and makes pixels of it.
    """
    try:
        for begin, end in _list_tile_data(data):
            stray = _MARKER.search(data, begin, end)
            if stray is not None:
                return stray.group()
    except (struct.error, IndexError, ValueError):
        return None  # broken otherwise, as its decoder says
    return None


def _list_tile_data(data: bytes) -> Iterator[tuple[int, int]]:
    """List where the coded data of each tile-part begins and ends; none of a stream whose packets have markers."""
    at = 2
    while data[at : at + 2] != b"\xff\x90":  # start of the first tile-part
        if data[at : at + 2] == b"\xff\x52" and data[at + 4] & 6:
            return
        at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    while data[at : at + 2] == b"\xff\x90":
        length = int(struct.unpack_from(">I", data, at + 6)[0])
        end = at + length if length else data.rindex(b"\xff\xd9")
        yield data.index(b"\xff\x93", at + 12) + 2, end
        at = end


def _find_box(data: bytes, kind: bytes) -> bytes:
    """The content of the first box of a kind in an ISO box file."""
    at = 0
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1:
            length, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        if name == kind:
            return data[at + head : at + length if length else None]
        if length < head:
            break
        at += length
    raise ValueError(f"the stream has no {kind.decode()} box")


_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}


def _read_jpegxl_size(data: bytes) -> CodestreamSize:
    # ISO 18181-1 annex A: a size header of bit fields, lowest bit first.
    bits, left = int.from_bytes(data[2:18], "little"), 8 * len(data[2:18])

    def take(count: int) -> int:
        nonlocal bits, left
        left -= count
        if left < 0:
            raise ValueError("the compressed stream ends before its own size")
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    def extent(small: int) -> int:
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    small = take(1)
    rows = extent(small)
    ratio = take(3)
    columns = rows * _RATIOS[ratio][0] // _RATIOS[ratio][1] if ratio else extent(small)
    return CodestreamSize(Coding.JPEG_XL, rows, columns)
