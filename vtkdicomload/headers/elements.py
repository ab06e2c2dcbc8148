"""The element structure of a DICOM file (PS3.5 section 7), walked strictly: every length stays inside its container.

Two liberties are taken here, where a walk may: VRs that the standard does not know, and delimiters of undefined length.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ..errors import make_damaged_error
from .liberties import STRICT, Liberties, Liberty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..errors import CorruptFileError
    from ..sources.file import Handle

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
UNDEFINED = -1
_UNDEFINED_LENGTH = 0xFFFFFFFF  # as it is written
_ITEM_GROUP = 0xFFFE
_ITEMS = frozenset((ITEM,))

# PS3.5 table 7.1-1 and 7.1-2: VRs with a 4-byte length after two reserved bytes, and those with a 2-byte one.
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_NO_VR = (b"\0\0", b"  ", b"--")  # of private elements
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


# Element(…) takes twice as long, for each element of each file.
_new_element = partial(tuple.__new__, Element)


class Encoding(NamedTuple):
    """The way elements are written."""

    explicit: bool
    big_endian: bool = False


class Source:
    """The bytes of one open file, read in blocks and bounded by the file's size."""

    def __init__(self, handle: Handle) -> None:
        self.file = handle.file
        self.size = handle.size
        self._handle = handle
        self._start = 0
        self._block = handle.read_first(_FIRST_BLOCK)

    @property
    def block(self) -> tuple[bytes, int]:
        """The bytes that are at hand, and where they begin."""
        return self._block, self._start

    def at(self, start: int, count: int) -> bytes:
        """Read the `count` bytes at `start`; a CorruptFileError where the file ends before."""
        i = start - self._start
        if i < 0 or i + count > len(self._block):
            if start < 0 or start + count > self.size:
                raise self.corrupt(
                    f"ends at byte {self.size}, but {count} bytes at {start} belong to it: it is truncated"
                )
            self._block = self._handle.read_at(start, min(max(count, _BLOCK), self.size - start))
            self._start, i = start, 0
        return self._block[i : i + count]

    def peek(self, start: int, count: int) -> bytes:
        """Read the `count` bytes at `start`, which lie in the file, without losing the place of a walk."""
        i = start - self._start
        if 0 <= i <= len(self._block) - count:
            return self._block[i : i + count]
        return self._handle.read_at(start, count)

    def only_zeros(self, start: int, count: int | None = None) -> bool:
        """Tell whether nothing but zero bytes follows: `count` of them, or up to the end of the file."""
        end = self.size if count is None else start + count
        if end - start > MAX_TRAILING_ZEROS:
            return False
        return all(not any(self.at(p, min(_BLOCK, end - p))) for p in range(start, end, _BLOCK))

    def inflate(self, start: int) -> None:
        """Continue in the inflated bytes of a Deflated Explicit VR data set that begins at `start` (PS3.5 A.5)."""
        deflated = self._handle.read_at(start, self.size - start)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = inflater.decompress(deflated, MAX_INFLATED)
        except zlib.error as error:
            raise self.corrupt(f"its deflated data set cannot be inflated: {error}") from error
        if not inflater.eof:
            what = f"inflates to more than {MAX_INFLATED} bytes" if inflater.unconsumed_tail else "is truncated"
            raise self.corrupt(f"its deflated data set {what}")
        self.size, self._start, self._block = len(data), 0, data

    def corrupt(self, what: str) -> CorruptFileError:
        """Make the error that says `what` of this file."""
        return make_damaged_error(self.file.name, what)


def name_of(tag: int) -> str:
    """Write a tag as the standard does, ``(gggg,eeee)``."""
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


@dataclass(slots=True)
class _Container:
    """The data set, a sequence or an item: what elements lie in."""

    end: int  # no element inside may pass it
    explicit: bool
    depth: int  # of the elements inside
    entered: frozenset[int]  # tags of the elements of defined length that are walked too
    delimiter: int | None = None  # of a sequence SEQUENCE_END, of an item of undefined length ITEM_END
    bounded: bool = True  # of defined length, so that it ends at `end` without a delimiter


# Of tag, VR and short length, of a long length, and of a short one, for either byte order.
_UNPACKERS = tuple(tuple(struct.Struct(order + form).unpack_from for form in ("HH2sH", "I", "H")) for order in "<>")
_LONGEST_HEAD = 12
_PLAIN_GROUPS = 0x0001, _ITEM_GROUP - 1


class _HeadReader:
    """Decoder of tag, VR and length, the head of an element, in one byte order."""

    __slots__ = ("_liberties", "_only_group", "_source", "_unpack_head", "_unpack_length", "_unpack_short")

    def __init__(self, source: Source, *, big_endian: bool, only_group: int | None, liberties: Liberties) -> None:
        self._source, self._only_group, self._liberties = source, only_group, liberties
        self._unpack_head, self._unpack_length, self._unpack_short = _UNPACKERS[big_endian]

    def read_run(self, pos: int, here: _Container) -> list[Element]:
        """Read the elements from `pos` on that lie as plainly as nearly all do; the first that does not ends them.

        Each has its head in the bytes at hand, a known VR and a defined length that stays in the container, and is
        neither entered nor of a group that `read` has to look at.
        """
        block, offset = self._source.block
        unpack_head, unpack_length, explicit = self._unpack_head, self._unpack_length, here.explicit
        end, entered, depth = here.end - offset, here.entered, here.depth
        least, most = _PLAIN_GROUPS if self._only_group is None else (self._only_group, self._only_group)
        run: list[Element] = []
        at, last = pos - offset, min(len(block), end) - _LONGEST_HEAD
        while 0 <= at <= last:
            group, number, vr, length = unpack_head(block, at)
            if not explicit:
                vr, start, (length,) = b"", at + 8, unpack_length(block, at + 4)
            elif vr in SHORT_VRS:
                start = at + 8
            elif vr in LONG_VRS:
                start, (length,) = at + 12, unpack_length(block, at + 8)
            else:
                break
            tag = group << 16 | number
            at = start + length
            if at > end or length == _UNDEFINED_LENGTH or not least <= group <= most or tag in entered:
                break
            run.append(_new_element((tag, vr, start + offset, length, depth)))
        return run

    def read(self, pos: int, here: _Container) -> Element | None:
        """Read the head at `pos`; None where the container ends before it."""
        if here.end - pos < 8 and self._is_used_up(pos, here):
            return None
        head = self._source.at(pos, 8)
        group, number, vr, length = self._unpack_head(head, 0)
        tag = group << 16 | number
        if group != _ITEM_GROUP and here.delimiter != SEQUENCE_END:
            if (tag == 0 or self._only_group is not None) and self._is_foreign(pos, tag, here):
                return None
            if here.explicit:
                if vr in SHORT_VRS:
                    return _new_element((tag, vr, pos + 8, length, here.depth))
                return self._read_long(pos, tag, vr, here)
        return _new_element((tag, b"", pos + 8, self._decode_length(head, 4), here.depth))

    def _read_long(self, pos: int, tag: int, vr: bytes, here: _Container) -> Element:
        if vr not in LONG_VRS:
            return self._read_unknown(pos, tag, vr, here)
        length = self._decode_length(self._source.at(pos + 8, 4), 0)
        return _new_element((tag, vr, pos + 12, length, here.depth))

    def _read_unknown(self, pos: int, tag: int, vr: bytes, here: _Container) -> Element:
        """Read an element whose VR the standard does not know as UN, if only one form of its length fits.

        PS3.5 7.1.2 gives every VR to come 4 bytes of length after two reserved ones; some writers use 2.
        """
        head = self._source.at(pos, max(8, min(12, here.end - pos)))
        forms = [(pos + 8, self._unpack_short(head, 6)[0])]
        if len(head) == 12 and head[6:8] == b"\0\0":
            forms.append((pos + 12, self._unpack_length(head, 8)[0]))
        # Letters, or what writers put for a VR that they do not know; of a damaged head hardly any bytes are so.
        named = (vr.isalpha() and (vr.isupper() or vr.islower())) or vr == b"??" or (vr in _NO_VR and tag >> 16 & 1)
        fitting = [form for form in forms if named and self._is_followed(sum(form), tag, vr, here)]
        if len(fitting) != 1 or not self._liberties.take(Liberty.UNKNOWN_VR):
            raise self._source.corrupt(f"element {name_of(tag)} at byte {pos} has no valid VR ({vr!r})")
        return _new_element((tag, b"UN", *fitting[0], here.depth))

    def _is_followed(self, end: int, tag: int, vr: bytes, here: _Container) -> bool:
        """Tell whether an element of this VR that ends at `end` ends its container, or a later element follows it."""
        if end + 8 > here.end:
            return end == here.end and here.bounded
        group, number, next_vr, _ = self._unpack_head(self._source.peek(end, 8), 0)
        following = group << 16 | number
        if group == _ITEM_GROUP:
            return bool(following == here.delimiter)
        return bool(following > tag) and (next_vr in SHORT_VRS or next_vr in LONG_VRS or next_vr == vr)

    def _decode_length(self, data: bytes, start: int) -> int:
        length: int = self._unpack_length(data, start)[0]
        return UNDEFINED if length == _UNDEFINED_LENGTH else length

    def _is_used_up(self, pos: int, here: _Container) -> bool:
        """Tell whether the container is at its end, or only padding behind the data set is left."""
        if pos < here.end:
            return here.depth == 0 and self._source.only_zeros(pos)
        if not here.bounded:
            raise self._source.corrupt(f"a sequence of undefined length is not closed before byte {here.end}")
        return True

    def _is_foreign(self, pos: int, tag: int, here: _Container) -> bool:
        """Tell whether an element is of another group than wanted, or padding behind the data set."""
        if self._only_group is not None and tag >> 16 != self._only_group:
            return True
        return tag == 0 and here.depth == 0 and self._source.only_zeros(pos)


def walk(
    source: Source,
    start: int,
    encoding: Encoding,
    *,
    only_group: int | None = None,
    enter: frozenset[int] = frozenset(),
    liberties: Liberties = STRICT,
    step_over: Callable[[int, int], tuple[int, int]] | None = None,
) -> Iterator[Element]:
    """Walk the elements of a data set in file order, those nested in sequences of undefined length too.

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
    liberties : Liberties, optional
        Notes the liberty that the walk takes; none by default.
    step_over : callable, optional
        As `AlikeItems.step_over`, asked at each item of a sequence at the top level, which may be known to be sound.

    Raises
    ------
    CorruptFileError
        A length outside the container, an unknown VR, a broken nesting, or structure beyond the limits of this module.
    """
    reader = _HeadReader(source, big_endian=encoding.big_endian, only_group=only_group, liberties=liberties)
    containers = [_Container(source.size, encoding.explicit, 0, enter)]
    pos = behind = start  # where the next element begins, and where the latest one ends
    count = 0
    while containers:
        here = containers[-1]
        if here.delimiter != SEQUENCE_END and (run := reader.read_run(pos, here)):
            count += len(run)
            if count > MAX_ELEMENTS:
                raise source.corrupt(f"its header has more than {MAX_ELEMENTS} elements")
            pos = behind = run[-1].offset + run[-1].length
            yield from run
        element = reader.read(pos, here)
        if element is None:
            pos = _close_container(containers, behind)
            continue
        if element.tag == ITEM and element.depth == 1 and step_over is not None:
            behind, passed = step_over(pos, here.end)
            if passed:
                pos, count = behind, count + passed
                continue
        count += 1
        if count > MAX_ELEMENTS:
            raise source.corrupt(f"its header has more than {MAX_ELEMENTS} elements")
        tag, vr, offset, length, _ = element
        if length == UNDEFINED:
            if tag != here.delimiter or not liberties.take(Liberty.DELIMITER_LENGTH):
                yield element
                containers.append(_open(source, pos, element, here, enter))
                pos = behind = offset
                continue
            element, length = element._replace(length=0), 0  # PS3.5 7.5.1: delimiters have no value
        behind = offset + length
        # What has a VR is no item and in no sequence.
        if behind > here.end or not vr:
            _check_place(source, pos, element, here)
        yield element
        if tag == here.delimiter:
            pos = _close_container(containers, behind)
        elif tag in here.entered:
            containers.append(_open(source, pos, element, here, enter))
            pos = offset
        else:
            pos = behind


def _check_place(source: Source, pos: int, element: Element, here: _Container) -> None:
    """Refuse an element of defined length that is too long for its container, or does not belong there."""
    tag, _, offset, length, _ = element
    if offset + length > here.end:
        raise source.corrupt(
            f"element {name_of(tag)} at byte {pos} claims {length} bytes, {max(0, here.end - offset)} are left: "
            "it is truncated or damaged"
        )
    in_sequence = here.delimiter == SEQUENCE_END
    if tag >> 16 == _ITEM_GROUP:
        closes = tag == here.delimiter and length == 0
        if not closes and not (tag == ITEM and in_sequence):
            raise source.corrupt(f"misplaced item or delimiter {name_of(tag)} at byte {pos}")
    elif in_sequence:
        raise source.corrupt(f"element {name_of(tag)} at byte {pos} stands where a sequence item belongs")


def _open(source: Source, pos: int, element: Element, here: _Container, enter: frozenset[int]) -> _Container:
    """Open the sequence or item whose head is at `pos`."""
    tag, vr, offset, length, depth = element
    if depth >= MAX_DEPTH:
        raise source.corrupt(f"its sequences nest more than {MAX_DEPTH} deep")
    bounded = length != UNDEFINED
    end = offset + length if bounded else here.end
    if tag == ITEM and here.delimiter == SEQUENCE_END:
        return _Container(end, here.explicit, depth + 1, enter, None if bounded else ITEM_END, bounded)
    if here.delimiter == SEQUENCE_END:
        raise source.corrupt(f"element {name_of(tag)} at byte {pos} stands where a sequence item belongs")
    if not bounded and (tag >> 16 == _ITEM_GROUP or not (vr in _SEQUENCE_VRS or tag in _ENCAPSULATED)):
        raise source.corrupt(f"element {name_of(tag)} at byte {pos} must not have an undefined length")
    # PS3.5 6.2.2: a UN of undefined length holds implicit VR; so does one of defined length.
    explicit = here.explicit and vr != b"UN"
    return _Container(end, explicit, depth + 1, _ITEMS if tag in enter else enter, SEQUENCE_END, bounded)


def _close_container(containers: list[_Container], behind: int) -> int:
    """Close the innermost container, and return where the next element begins."""
    here = containers.pop()
    return here.end if here.bounded else behind
