"""What a compressed frame says of its own size and colour, read before anything is decoded."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class CodestreamSize(NamedTuple):
    """The size of an image in its own words."""

    rows: int
    columns: int
    components: int | None  # None where the stream does not say it up front
    bits: int | None
    signed: bool | None = None


def read_codestream_size(data: bytes) -> CodestreamSize | None:
    """The size that a JPEG, JPEG-LS, JPEG 2000, HTJ2K or JPEG XL stream declares.

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
# ITU-T T.81 table B.1: start of frame, without the tables (C4, C8, CC) between; ISO 14495-1: F7 for JPEG-LS.
_START_OF_FRAME = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}


def _walk_jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """The marker of every segment up to the frame header, and where its content begins."""
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
    frame_header = next(at for marker, at in _walk_jpeg_segments(data) if marker in _START_OF_FRAME)
    bits, rows, columns, components = struct.unpack_from(">BHHB", data, frame_header)
    return CodestreamSize(rows, columns, components, bits)


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
    for marker, at in _walk_jpeg_segments(data):
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
    return CodestreamSize(height - top, width - left, components, (precision & 0x7F) + 1, bool(precision & 0x80))


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
    return CodestreamSize(rows, columns, None, None)
