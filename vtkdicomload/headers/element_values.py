"""The value of one element by its bytes: as pydicom gives it, numbers by themselves where they are plainly written."""

from __future__ import annotations

import re
import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .data_set import ask_pydicom

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN_NUMERALS = re.compile(rb"[0-9+\-.eE\\ ]+\Z")
_NUMERALS: dict[bytes, Callable[[bytes], float]] = {b"DS": float, b"IS": int}
_BINARY = {b"FD": "d", b"FL": "f", b"SL": "i", b"SS": "h", b"UL": "I", b"US": "H"}
_UNKNOWN = (b"UN", b"")  # of an unknown VR, and of implicit VR
_LONGEST_KNOWN = 0xFFFF  # bytes of a UN whose VR pydicom looks up


class ElementValues:
    """The values of the elements of one file.

    Attributes
    ----------
    charset : object
        SpecificCharacterSet, once it is known.
    big_endian : bool
        The order of bytes in numbers.
    """

    def __init__(self, *, big_endian: bool) -> None:
        self.charset: Any = None
        self.big_endian = big_endian
        self._order = ">" if big_endian else "<"
        self._by_pydicom: dict[tuple[int, bytes, bytes], Any] = {}

    def convert(self, tag: int, vr: bytes, written: bytes) -> Any:
        """The value of an element: a number, a text, bytes, or a list of them; None of an empty one.

        Raises
        ------
        UnusableAttribute
            It cannot be parsed.
        """
        if vr in _UNKNOWN and len(written) < _LONGEST_KNOWN:
            vr = _find_vr(tag) or vr
        parse = _NUMERALS.get(vr)
        if parse is not None and _PLAIN_NUMERALS.match(written):
            try:
                numbers = list(map(parse, written.split(b"\\")))
            except ValueError:
                pass
            else:
                return numbers if len(numbers) > 1 else numbers[0]
        form = _BINARY.get(vr)
        if form is not None and written and len(written) % struct.calcsize(form) == 0:
            several = struct.unpack(f"{self._order}{len(written) // struct.calcsize(form)}{form}", written)
            return list(several) if len(several) > 1 else several[0]
        key = tag, vr, written
        if key not in self._by_pydicom:
            self._by_pydicom[key] = self._ask_pydicom(tag, vr, written)
        return self._by_pydicom[key]

    def _ask_pydicom(self, tag: int, vr: bytes, written: bytes) -> Any:
        from pydicom.charset import convert_encodings
        from pydicom.dataelem import RawDataElement, convert_raw_data_element
        from pydicom.tag import Tag

        with ask_pydicom():
            raw = RawDataElement(Tag(tag), vr.decode() or None, len(written), written, 0, not vr, not self.big_endian)
            return convert_raw_data_element(raw, encoding=convert_encodings(self.charset)).value


@lru_cache(maxsize=1024)
def _find_vr(tag: int) -> bytes:
    """The VR of a public attribute; empty where the standard has none, or several."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    vr = dictionary_VR(tag) if dictionary_has_tag(tag) else ""
    return vr.encode() if len(vr) == 2 else b""
