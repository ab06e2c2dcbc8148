"""The element structure of a DICOM file (PS3.5 section 7), walked strictly: every length stays inside its container."""

from __future__ import annotations

import io
import os
import stat
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from ..errors import CorruptFileError, damaged

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType
    from typing import BinaryIO, Self

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
UNDEFINED = -1
# Without O_NONBLOCK, opening a FIFO would wait for its writer.
READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)

# PS3.5 table 7.1-1 and 7.1-2: VRs with a 4-byte length after two reserved bytes, and those with a 2-byte one.
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
# What may have an undefined length: sequences, also of unknown or implicit VR, and encapsulated pixel data.
_SEQUENCE_VRS = frozenset((b"SQ", b"UN", b""))
_ENCAPSULATED = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))

# Far beyond real headers (149 KiB, nesting 6), small enough that a hostile file is refused in seconds.
MAX_ELEMENTS = 2_000_000
MAX_DEPTH = 64
MAX_TRAILING_ZEROS = 64 << 20
MAX_INFLATED = 1 << 29
_BLOCK = 1 << 16
_FIRST_BLOCK = 1 << 14


class Element(NamedTuple):
    """One element, item or delimiter as it lies in the file."""

    tag: int  # group << 16 | element
    vr: bytes  # b"" in implicit VR and for items and delimiters
    offset: int  # of the first byte of the value
    length: int  # of the value in bytes, or UNDEFINED
    depth: int  # 0 at the top level of the data set


class Encoding(NamedTuple):
    """How elements are written."""

    explicit: bool
    big_endian: bool = False


class Source:
    """The bytes of one regular file, read in blocks and bounded by the file's size.

    A pipe, socket or device is never opened for reading (PermissionError and other OSErrors pass through).
    """

    def __init__(self, path: str) -> None:
        self.path = path
        fd = os.open(path, READ_FLAGS)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise CorruptFileError(f"{path} is not a regular file", files=[path])
            self._file: BinaryIO = open(fd, "rb", buffering=0)  # noqa: SIM115 - closed by __exit__
        except BaseException:
            os.close(fd)
            raise
        self.size = status.st_size
        self.modified_ns = status.st_mtime_ns
        self._start = 0
        self._block = self._read(0, _FIRST_BLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _read(self, start: int, count: int) -> bytes:
        self._file.seek(start)
        parts, wanted = [], min(count, self.size - start)
        while wanted > 0:
            part = self._file.read(wanted)
            if not part:
                raise self.corrupt(f"shrank while it was read: {self.size} bytes when opened")
            parts.append(part)
            wanted -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def at(self, start: int, count: int) -> bytes:
        """The `count` bytes at `start`; a CorruptFileError where the file ends before."""
        i = start - self._start
        if i < 0 or i + count > len(self._block):
            if start < 0 or start + count > self.size:
                raise self.corrupt(
                    f"ends at byte {self.size}, but {count} bytes at {start} belong to it: it is truncated"
                )
            self._block = self._read(start, max(count, _BLOCK))
            self._start, i = start, 0
        return self._block[i : i + count]

    def only_zeros(self, start: int) -> bool:
        """Whether nothing but zero bytes follows (padding that some writers leave behind the data set)."""
        if self.size - start > MAX_TRAILING_ZEROS:
            return False
        return all(not any(self.at(p, min(_BLOCK, self.size - p))) for p in range(start, self.size, _BLOCK))

    def inflate(self, start: int) -> None:
        """Continue in the inflated bytes of a Deflated Explicit VR data set that begins at `start` (PS3.5 A.5)."""
        deflated = self._read(start, self.size - start)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = inflater.decompress(deflated, MAX_INFLATED)
        except zlib.error as error:
            raise self.corrupt(f"its deflated data set cannot be inflated: {error}") from error
        if not inflater.eof:
            what = f"inflates to more than {MAX_INFLATED} bytes" if inflater.unconsumed_tail else "is truncated"
            raise self.corrupt(f"its deflated data set {what}")
        self._file.close()
        self._file = io.BytesIO(data)
        self.size, self._start, self._block = len(data), 0, data

    def corrupt(self, what: str) -> CorruptFileError:
        """The error that says `what` of this file."""
        return damaged(self.path, what)


def name_of(tag: int) -> str:
    """``(gggg,eeee)``, as the standard writes a tag."""
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


def walk(
    source: Source,
    start: int,
    encoding: Encoding,
    *,
    only_group: int | None = None,
    enter: frozenset[int] = frozenset(),
) -> Iterator[Element]:
    """Every element of a data set, in file order, those nested in sequences of undefined length too.

    Sequences and items of defined length are stepped over whole, but for those of `enter`. Yields items and delimiters
    as elements without VR.

    Parameters
    ----------
    source : Source
        The bytes; the data set runs to their end.
    start : int
        Offset of the first element.
    encoding : Encoding
        Explicit or implicit VR, little or big endian.
    only_group : int, optional
        Stop before the first element of another group (for the file meta information).
    enter : frozenset of int, optional
        Tags of sequences whose items are walked too where their length is defined.

    Raises
    ------
    CorruptFileError
        A length outside the container, an unknown VR, a broken nesting, or structure beyond the limits of this module.
    """
    order = ">" if encoding.big_endian else "<"
    tag_of = struct.Struct(order + "HH").unpack_from
    short = struct.Struct(order + "H").unpack_from
    long = struct.Struct(order + "I").unpack_from
    count = 0

    def inside(
        pos: int, end: int, explicit: bool, depth: int, closing: int, *, items: bool = False, closed: bool = False
    ) -> Iterator[Element]:
        """Elements up to the delimiter `closing` (0, or `closed`: up to `end`); `items` says to walk items too."""
        nonlocal count
        while pos < end:
            if depth == 0 and end - pos < 8 and source.only_zeros(pos):
                return
            head = source.at(pos, 8)
            group, element = tag_of(head)
            tag = group << 16 | element
            if group == 0xFFFE or closing == SEQUENCE_END:
                vr, offset, length = b"", pos + 8, long(head, 4)[0]
            elif (only_group is not None and group != only_group) or (
                tag == 0 and depth == 0 and source.only_zeros(pos)
            ):
                return
            elif not explicit:
                vr, offset, length = b"", pos + 8, long(head, 4)[0]
            else:
                vr = head[4:6]
                if vr in SHORT_VRS:
                    offset, length = pos + 8, short(head, 6)[0]
                elif vr in LONG_VRS:
                    offset, length = pos + 12, long(source.at(pos + 8, 4))[0]
                else:
                    raise source.corrupt(f"element {name_of(tag)} at byte {pos} has no valid VR ({vr!r})")
            count += 1
            if count > MAX_ELEMENTS:
                raise source.corrupt(f"its header has more than {MAX_ELEMENTS} elements")

            if length == 0xFFFFFFFF:
                yield Element(tag, vr, offset, UNDEFINED, depth)
                if depth >= MAX_DEPTH:
                    raise source.corrupt(f"its sequences nest more than {MAX_DEPTH} deep")
                if closing == SEQUENCE_END and tag == ITEM:
                    pos = yield from nested(offset, end, explicit, depth + 1, ITEM_END)
                elif group != 0xFFFE and (vr in _SEQUENCE_VRS or tag in _ENCAPSULATED):
                    # PS3.5 6.2.2: an undefined-length UN holds implicit VR little endian.
                    inner = explicit and vr != b"UN"
                    pos = yield from nested(offset, end, inner, depth + 1, SEQUENCE_END, items=tag in enter)
                else:
                    raise source.corrupt(f"element {name_of(tag)} at byte {pos} must not have an undefined length")
                continue

            if offset + length > end:
                raise source.corrupt(
                    f"element {name_of(tag)} at byte {pos} claims {length} bytes, {max(0, end - offset)} are left: "
                    "it is truncated or damaged"
                )
            if group == 0xFFFE:
                legal = tag == closing or (closing == SEQUENCE_END and tag == ITEM)
                if not legal or (tag != ITEM and length):
                    raise source.corrupt(f"misplaced item or delimiter {name_of(tag)} at byte {pos}")
            elif closing == SEQUENCE_END:
                raise source.corrupt(f"element {name_of(tag)} at byte {pos} stands where a sequence item belongs")
            yield Element(tag, vr, offset, length, depth)
            pos = offset + length
            if tag == closing:
                return
            if (items and tag == ITEM) or tag in enter:
                if depth >= MAX_DEPTH:
                    raise source.corrupt(f"its sequences nest more than {MAX_DEPTH} deep")
                if tag == ITEM:
                    yield from inside(offset, pos, explicit, depth + 1, 0)
                else:
                    # PS3.5 6.2.2: what is in a UN is implicit VR little endian, of defined length too.
                    inner = explicit and vr != b"UN"
                    yield from inside(offset, pos, inner, depth + 1, SEQUENCE_END, items=True, closed=True)
        if closing and not closed:
            raise source.corrupt(f"a sequence of undefined length is not closed before byte {end}")

    def nested(
        pos: int, end: int, explicit: bool, depth: int, closing: int, *, items: bool = False
    ) -> Generator[Element, None, int]:
        last = pos
        for element in inside(pos, end, explicit, depth, closing, items=items):
            last = element.offset + max(element.length, 0)
            yield element
        return last

    yield from inside(start, source.size, encoding.explicit, 0, 0)
