"""Every value of a header as it is written, to compare the frames of a series in what nothing else asks for."""

from __future__ import annotations

import struct
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from .attributes import FUNCTIONAL_GROUPS, PIXEL_TAGS
from .data_set import ask_pydicom
from .elements import ITEM, Encoding, Source, walk
from .liberties import Liberties, Liberty
from .preamble import begin, find_data_set

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..sources.file import File
    from .elements import Element
    from .model import Header

Path = tuple[int, ...]
"""The tags of the sequences that an element lies in, and its own."""

_PER_FRAME = FUNCTIONAL_GROUPS[1]
_CONCATENATION = (0x00209161,)
_DELIMITERS = 0xFFFE
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


def read_raw_values(header: Header, frames: Collection[int], *, file: File, enter: frozenset[int]) -> list[RawValues]:
    """Read all values of some frames of a file, but for empty, bulky and very long ones.

    Of a multi-frame file those of the functional groups of each frame, and of the file where it is no part of a
    concatenation (PS3.3 C.7.6.16.1.1).

    Parameters
    ----------
    header : Header
        Of the file, as it was scanned.
    frames : collection of int
        The frames in the file, in the order of the result.
    file : File
        Where its bytes are.
    enter : frozenset of int
        The sequences that are entered; another one of defined length is a value of many bytes.

    Raises
    ------
    CorruptFileError, OSError
        The file cannot be read any more.
    """
    common: RawValues = {}
    own: dict[int, RawValues] = {index: {} for index in frames}
    with file.open() as handle:
        source, liberties = Source(handle), Liberties()  # what the scan took is taken again
        data_set = find_data_set(source, begin(source)[0], [], liberties)
        encoding = data_set.encoding
        if Liberty.OTHER_VR_ENCODING in header.liberties:
            encoding = Encoding(not encoding.explicit)
        around: list[int] = []  # the sequences that the walk is in
        index = -1
        for element in walk(source, data_set.start, encoding, enter=enter, liberties=liberties):
            tag, vr, offset, length, depth = element
            if depth == 0 and tag in PIXEL_TAGS:
                break
            del around[(depth + 1) // 2 :]
            index = -1 if depth == 0 else index + (depth == 1 and tag == ITEM)
            if tag >> 16 == _DELIMITERS:
                continue
            values, path = common, (*around, tag)
            if around and around[0] == _PER_FRAME and header.number_of_frames > 1:
                values, path = own.get(index, {}), path[1:]
            around.append(tag)
            if tag not in enter and _is_plain(element):
                data = source.at(offset, length)
                if path in values:  # in another item of a sequence
                    vr, data = b"UN", values[path].data + b"\\" + data
                values[path] = RawValue(vr, data, encoding.big_endian)
    shared = {} if _CONCATENATION in common and header.number_of_frames > 1 else common
    return [shared | own[index] for index in frames]


def _is_plain(element: Element) -> bool:
    return 0 < element.length <= _LONGEST and element.tag & 0xFFFF > 0 and element.vr not in _BULK


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
