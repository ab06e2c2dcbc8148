"""Every value of a header as it is written, to compare the frames of a series in what nothing else asks for."""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from .attributes import FUNCTIONAL_GROUPS
from .data_set import ask_pydicom
from .elements import ITEM, Source
from .walking import walk_again

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from ..sources.file import Handle
    from .alike import PassedItem
    from .elements import Element
    from .model import Header
    from .walking import Walked

Path = tuple[int, ...]
"""The tags of the sequences that an element lies in, and its own."""

_PER_FRAME = FUNCTIONAL_GROUPS[1]
_CONCATENATION = (0x00209161,)
_META, _DELIMITERS = 0x0002, 0xFFFE
_LONGEST = 1 << 14  # bytes of a value that is compared
_BULK = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW"))
_FORMATS = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_NUMERALS = ("DS", "IS")


class RawValue(NamedTuple):
    """A value as it lies in a file."""

    vr: bytes  # b"" in implicit VR
    data: bytes
    big_endian: bool


RawValues = dict[Path, RawValue]


def read_raw_values(
    header: Header, frames: Collection[int], *, handle: Handle, enter: frozenset[int]
) -> list[RawValues]:
    """Read all values of some frames of a file, but for empty, bulky and very long ones.

    Of a multi-frame file those of the functional groups of each frame, and of the file where it is no part of a
    concatenation (PS3.3 C.7.6.16.1.1).

    Parameters
    ----------
    header : Header
        Of the file, as it was scanned.
    frames : collection of int
        The frames in the file, in the order of the result.
    handle : Handle
        The open file.
    enter : frozenset of int
        The sequences that are entered; another one of defined length is a value of many bytes.

    Raises
    ------
    CorruptFileError, OSError
        The file cannot be read any more.
    """
    common: RawValues = {}
    own: dict[int, RawValues] = {index: {} for index in frames}
    source = Source(handle)
    walked = walk_again(source, header, enter)
    items = _number_items(walked)
    index = -1
    for k, (element, path) in enumerate(_list_paths(walked.elements)):
        data = source.at(element.offset, element.length) if _is_kept(element, enter) else b""
        value = RawValue(element.vr, data, walked.encoding.big_endian)
        if path[0] != _PER_FRAME or header.number_of_frames == 1:
            _add_value(common, path, value)
            continue
        index = items.walked.get(k, index)
        if index in own:
            _add_value(own[index], path[1:], value)
    for index in own.keys() & items.passed.keys():
        _add_item(own[index], items.passed[index], enter)
    shared = {} if _CONCATENATION in common and header.number_of_frames > 1 else common
    return [shared | own[index] for index in frames]


class _Items(NamedTuple):
    """The items of PerFrameFunctionalGroupsSequence, by their numbers in the file from 0."""

    walked: dict[int, int]  # the number of each, by its place among the elements
    passed: dict[int, PassedItem]


def _number_items(walked: Walked) -> _Items:
    items = _Items({}, {})
    left = walked.passed[::-1]
    inside = False
    for k, (tag, _, _, _, depth) in enumerate(walked.elements):
        if depth == 0:
            inside = tag == _PER_FRAME
        while left and left[-1].before <= k:
            items.passed[len(items.walked) + len(items.passed)] = left.pop()
        if inside and depth == 1 and tag == ITEM:
            items.walked[k] = len(items.walked) + len(items.passed)
    items.passed.update(enumerate(reversed(left), len(items.walked) + len(items.passed)))
    return items


def _list_paths(elements: Iterable[Element], *around: int) -> Iterator[tuple[Element, Path]]:
    """Give each element with its path; `around` are the sequences that all of them lie in."""
    path = list(around)
    for element in elements:
        del path[(element.depth + 1) // 2 :]
        path.append(element.tag)
        yield element, tuple(path)
        if element.tag >> 16 == _DELIMITERS:
            del path[-1]


def _add_item(values: RawValues, item: PassedItem, enter: frozenset[int]) -> None:
    """Add what an item holds that was stepped over, which is little endian."""
    places = zip(item.rows.starts[item.row].tolist(), item.rows.ends[item.row].tolist(), strict=True)
    for (element, path), (start, end) in zip(_list_paths(item.layout.elements, _PER_FRAME), places, strict=True):
        data = item.window.read(start, end) if _is_kept(element._replace(length=end - start), enter) else b""
        _add_value(values, path[1:], RawValue(element.vr, data, big_endian=False))


def _add_value(values: RawValues, path: Path, value: RawValue) -> None:
    if not value.data:
        return
    if path in values:  # in another item of a sequence
        value = value._replace(vr=b"UN", data=values[path].data + b"\\" + value.data)
    values[path] = value


def _is_kept(element: Element, enter: frozenset[int]) -> bool:
    return 0 < element.length <= _LONGEST and element.tag not in enter and has_small_value(element)


def has_small_value(element: Element) -> bool:
    """Tell whether an element has a value of a few bytes, as far as its head says."""
    group, number = divmod(element.tag, 1 << 16)
    return group not in (_META, _DELIMITERS) and number > 0 and element.length >= 0 and element.vr not in _BULK


@cache
def list_sequences() -> frozenset[int]:
    """List all sequences of the standard."""
    from pydicom.datadict import dictionary_VR, keyword_dict

    return frozenset(tag for tag in keyword_dict.values() if dictionary_VR(tag) == "SQ")


def find_vr(path: Path, value: RawValue) -> str:
    """Find the VR of a value; UN where neither its file nor the standard says one."""
    if value.vr and value.vr != b"UN":
        return value.vr.decode("ascii")
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    with ask_pydicom():
        vr = dictionary_VR(path[-1]) if dictionary_has_tag(path[-1]) and not value.vr else "UN"
    return vr[:2]  # of "US or SS" the first


def spell_value(value: RawValue, vr: str) -> str:
    """Spell a value so that equal ones are spelt alike, as text."""
    if vr in _FORMATS:
        form = (">" if value.big_endian else "<") + _FORMATS[vr]
        size = struct.calcsize(form)
        if len(value.data) % size == 0:
            return "\\".join(f"{number:.12g}" for (number,) in struct.iter_unpack(form, value.data))
    text = value.data.decode("latin-1").strip(" \0")
    if vr in _NUMERALS:
        try:
            return "\\".join(f"{float(part):.12g}" for part in text.split("\\"))
        except ValueError:
            return text  # no numbers, whatever its VR says
    return text
