"""The compressed frames of a file (PS3.5 A.4): their fragments, put together by number or by offset table."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from .._util.warnings import silence_warnings
from ..errors import make_damaged_error
from ..headers.data_set import UnusableAttribute, ask_pydicom
from ..sources.stream import path_or_stream
from .codestream import has_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .._util.arrays import Pixels
    from ..errors import CorruptFileError
    from ..headers.model import Frame, Header
    from ..sources.file import File, Handle

_ITEM = b"\xfe\xff\x00\xe0"
_BEGINNINGS = (b"\xff\xd8\xff", b"\xff\x4f\xff")  # of JPEG and JPEG-LS streams, and of JPEG 2000 codestreams


class _Fragment(NamedTuple):
    """The value of one item, and where the item begins as offset tables count: from the first item after the table."""

    item: int
    offset: int
    length: int


class CompressedFrames:
    """The compressed bytes of frames, for several threads; where the frames of a file lie is found out once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[File, Sequence[Sequence[_Fragment] | bytes]] = {}

    def stream(self, frame: Frame, scratch: Callable[[int], Pixels]) -> bytes:
        """The stream of one frame; `scratch` gives a buffer of at least so many bytes to read into.

        Raises
        ------
        CorruptFileError
            The frames of the file cannot be told apart, or are not as many as NumberOfFrames says; or the file is not
            the one that was scanned.
        """
        header = frame.header
        if header.number_of_frames == 1:
            element = scratch(header.pixel_length).data[: header.pixel_length]
            header.file.read_into(element, header.pixel_offset)
            _, fragments = _read_items(
                header, lambda offset, length: bytes(element[offset : offset + length]), len(element)
            )
            streams = [bytes(element[f.offset : f.offset + f.length]) for f in fragments]
            if any(has_end(a) and b[:3] in _BEGINNINGS for a, b in pairwise(streams)):
                raise _make_not_found_error(header, "its fragments hold several images where NumberOfFrames says 1")
            return b"".join(streams)
        with self._lock:
            if header.file not in self._files:
                self._files[header.file] = _find_frames(header)
            found = self._files[header.file][frame.index_in_file]
        if isinstance(found, bytes):
            return found
        with header.file.open() as handle:
            return b"".join([handle.read_at(header.pixel_offset + f.offset, f.length) for f in found])


def read_first_fragment(handle: Handle, start: int) -> bytes | None:
    """Read the first fragment of the encapsulated pixel data at an offset; None where there is none."""
    end = start
    for _ in range(2):  # the offset table is an item too
        head, start = handle.read_at(end, 8), end + 8
        if head[:4] != _ITEM:
            return None
        end = start + int.from_bytes(head[4:], "little")
    return handle.read_at(start, end - start)


def encapsulate(streams: Iterable[bytes]) -> bytes:
    """Write streams as encapsulated pixel data, without a delimiter: an empty offset table, and a fragment each."""
    padded = (stream + b"\0" * (len(stream) % 2) for stream in (b"", *streams))
    return b"".join(_ITEM + len(value).to_bytes(4, "little") + value for value in padded)


def _find_frames(header: Header) -> Sequence[Sequence[_Fragment] | bytes]:
    """The fragments of every frame of a multi-frame file, or its bytes."""
    with header.file.open() as handle:

        def read(offset: int, length: int) -> bytes:
            return handle.read_at(header.pixel_offset + offset, length)

        return _divide_fragments(header, *_read_items(header, read, header.pixel_length))


def _divide_fragments(
    header: Header, table: tuple[int, ...], fragments: list[_Fragment]
) -> Sequence[Sequence[_Fragment] | bytes]:
    """Divide the fragments of a multi-frame file among its frames, by number, by offset table or by their bytes."""
    count = header.number_of_frames
    if len(fragments) == count:
        return [(fragment,) for fragment in fragments]
    if len(fragments) < count:
        raise _make_not_found_error(
            header, f"{len(fragments)} fragments, fewer than the {count} frames that NumberOfFrames says"
        )
    frames: Sequence[Sequence[_Fragment] | bytes] = (
        _divide_by_offsets(header, fragments, table) if table else _divide_by_extended_offsets_or_markers(header)
    )
    if len(frames) != count:
        raise _make_not_found_error(header, f"{len(frames)} compressed frames where NumberOfFrames says {count}")
    return frames


def _read_items(
    header: Header, read: Callable[[int, int], bytes], size: int
) -> tuple[tuple[int, ...], list[_Fragment]]:
    """The basic offset table and the fragments behind it."""
    offset, first, table, fragments = 0, -1, b"", []
    while offset + 8 <= size:
        head = read(offset, 8)
        length = int.from_bytes(head[4:], "little")
        if head[:4] != _ITEM or offset + 8 + length > size:
            raise _make_not_found_error(header, f"no whole item at byte {offset} of its pixel data")
        if first < 0:
            table = read(8, length)
            first = 8 + length
        else:
            fragments.append(_Fragment(offset - first, offset + 8, length))
        offset += 8 + length
    return tuple(int.from_bytes(table[i : i + 4], "little") for i in range(0, len(table) - 3, 4)), fragments


def _divide_by_offsets(header: Header, fragments: list[_Fragment], table: tuple[int, ...]) -> list[list[_Fragment]]:
    places = {fragment.item: number for number, fragment in enumerate(fragments)}
    if table[0] != 0 or any(offset not in places for offset in table) or any(a >= b for a, b in pairwise(table)):
        raise _make_not_found_error(header, "its basic offset table does not point at its fragments")
    starts = [*(places[offset] for offset in table), len(fragments)]
    return [fragments[a:b] for a, b in pairwise(starts)]


def _divide_by_extended_offsets_or_markers(header: Header) -> list[bytes]:
    """Frames by the extended offset table, else by the end markers of their streams: pydicom knows these."""
    from pydicom import dcmread
    from pydicom.encaps import generate_frames

    # generate_frames reads up to the sequence delimiter, which the header's length leaves out.
    data = header.file.read_at(header.pixel_offset, header.pixel_length) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    try:
        with silence_warnings(), path_or_stream(header.file) as readable, ask_pydicom():
            offsets = dcmread(readable, specific_tags=[0x7FE00001, 0x7FE00002], force=True)
            extended = None
            if "ExtendedOffsetTable" in offsets:
                extended = (offsets.ExtendedOffsetTable, offsets.ExtendedOffsetTableLengths)
            return list(generate_frames(data, number_of_frames=header.number_of_frames, extended_offsets=extended))
    except UnusableAttribute as error:
        raise _make_not_found_error(header, str(error)) from error


def _make_not_found_error(header: Header, what: str) -> CorruptFileError:
    return make_damaged_error(header.path, f"its frames cannot be found: {what}")
