"""The end of the pixels: which bytes behind them, and which missing delimiter, leave one reading only."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .attributes import PIXEL_TAGS
from .elements import ITEM, LONG_VRS, SEQUENCE_END, SHORT_VRS, UNDEFINED
from .liberties import Liberty
from .pixel_bytes import count_pixel_bytes
from .transfer_syntaxes import JPEG, JPEG_2000, JPEG_LS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .elements import Element, Source
    from .liberties import Liberties
    from .model import Header

_LONGEST_SHIFT = 64  # bytes
_PIXEL_GROUP, _ITEM_GROUP = 0x7FE0, 0xFFFE
_MARKED_STREAMS = JPEG | JPEG_LS | JPEG_2000
_END_OF_IMAGE = b"\xff\xd9"  # of JPEG and JPEG-LS streams, and of JPEG 2000 codestreams


def may_end_here(
    source: Source, visited: Sequence[Element], values: Mapping[str, object], liberties: Liberties
) -> bool:
    """Tell whether a file that cannot be walked further holds its pixels whole, and only a harmless end is odd.

    Parameters
    ----------
    source : Source
        The file.
    visited : sequence of Element
        What was walked, in order.
    values : mapping of str to object
        The attributes found in it, by their names in `Header`.
    liberties : Liberties
        Notes the liberty.
    """
    first = next((k for k, e in enumerate(visited) if e.depth == 0 and e.tag in PIXEL_TAGS), None)
    if first is None:
        return False
    latest = visited[-1]
    end = latest.offset + max(latest.length, 0)
    if visited[first].length == UNDEFINED and not any(_closes_sequence(e) for e in visited[first:]):
        # PS3.5 A.4: what follows the items is a delimiter. Whether they are all there, `explain_open_pixels` tells.
        whole = latest.tag == ITEM and latest.depth == 1 and latest.length > 0 and end == source.size
        return whole and liberties.take(Liberty.OPEN_PIXEL_DATA)
    if (latest.depth == 0 and latest.length != UNDEFINED) or _closes_sequence(latest):
        # Behind a whole element, bytes that are no other one.
        few = source.size - end < _count_row_bytes(values)
        return few and not _holds_displaced_element(source, end) and liberties.take(Liberty.SURPLUS_BYTES)
    # PS3.5 7.5.2: a sequence of undefined length ends with a delimiter. All elements in this one are whole.
    return end == source.size and liberties.take(Liberty.OPEN_SEQUENCE)


def _holds_displaced_element(source: Source, end: int) -> bool:
    """Tell whether an element ends with the file that does not begin at `end`: bytes before it were lost or added."""
    first = max(0, end - _LONGEST_SHIFT)
    data = source.at(first, source.size - first)
    for at in range(len(data) - 7):
        if first + at == end:
            continue
        for order in "<>":
            group, _, vr, short = struct.unpack_from(order + "HH2sH", data, at)
            if group <= _PIXEL_GROUP or group == _ITEM_GROUP:
                continue
            left = len(data) - at
            if vr in SHORT_VRS and short == left - 8:
                return True
            forms = [4] if vr not in LONG_VRS else [8] if left >= 12 else []
            if any(struct.unpack_from(order + "I", data, at + form)[0] == left - form - 4 for form in forms):
                return True
    return False


def _closes_sequence(element: Element) -> bool:
    return element.depth == 1 and element.tag == SEQUENCE_END


def _count_row_bytes(values: Mapping[str, object]) -> int:
    """Count the bytes of a row of pixels; 0 where the header does not say."""
    sizes = [values.get(name) for name in ("columns", "samples", "bits_allocated")]
    columns, samples, bits = (size if isinstance(size, int) else 0 for size in sizes)
    return columns * samples * bits // 8


def is_surplus_harmless(source: Source, header: Header, liberties: Liberties) -> bool:
    """Tell whether native pixel data is longer than its image, and the rest cannot be pixels (PS3.5 8.1.1).

    It is less than a frame, and either zeros, or less than a row and no multiple of a column: other Rows or Columns
    would not account for it.
    """
    expected = count_pixel_bytes(header)
    surplus = header.pixel_length - expected
    if not 0 < surplus < expected // header.number_of_frames:
        return False
    row = header.columns * header.samples * header.bits_allocated // 8
    column = header.rows * header.number_of_frames * header.samples * header.bits_allocated // 8
    told = surplus < row and column and surplus % column > 1  # 1 for the padding of an odd length
    if not told and not source.only_zeros(header.pixel_offset + expected, surplus):
        return False
    return liberties.take(Liberty.SURPLUS_BYTES)


def count_fragments(visited: Sequence[Element]) -> int:
    """Count the fragments of encapsulated pixel data, without its offset table."""
    first = next(k for k, e in enumerate(visited) if e.depth == 0 and e.tag in PIXEL_TAGS)
    end = next((k for k, e in enumerate(visited) if k > first and _closes_sequence(e)), len(visited))
    return sum(e.tag == ITEM and e.depth == 1 for e in visited[first:end]) - 1


def find_missing_end(source: Source, header: Header) -> str | None:
    """Say that the last stream of a file is cut, where streams of its transfer syntax end with a marker."""
    last = source.at(source.size - 8, 8).rstrip(b"\0")
    ended = header.transfer_syntax not in _MARKED_STREAMS or last.endswith(_END_OF_IMAGE)
    return None if ended else "its last stream has no end marker"


def explain_unsure_frames(header: Header, fragments: int) -> str | None:
    """Say why fragments may be more or fewer frames than the header says; None where they cannot."""
    one = header.number_of_frames == 1 and header.transfer_syntax in _MARKED_STREAMS
    return None if one or fragments == header.number_of_frames else f"it has {fragments} fragments"
