"""Values that are not written as their VR has it, and leave one reading only."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from .liberties import Liberty

if TYPE_CHECKING:
    from collections.abc import Callable

    from .attributes import Field
    from .elements import Encoding
    from .liberties import Liberties

_WHOLE = re.compile(rb" *([+-]?\d+)\.0* *\Z")
_COMMAS = re.compile(rb" *[+-]?\d+(?:,\d+)? *(?:\\ *[+-]?\d+(?:,\d+)? *)*\0*\Z")
# 1,024 may be 1024: nothing else in the file says how large a slope or an intercept may be.
_THOUSANDS = re.compile(rb" *[+-]?[1-9]\d{0,2}(?:,\d{3})+ *\Z")
_MODALITY = ("slope", "intercept")


def reread_value(field: Field, vr: bytes, value: bytes, encoding: Encoding, liberties: Liberties) -> object:
    """Parse a value that is not written as PS3.5 6.2 has it, by the one liberty that makes sense of it.

    Raises
    ------
    ValueError
        None does, or the file has another one already.
    """
    if field.name == "samples" and not value:
        return None
    if field.written.numerals:
        for liberty, respell in _RESPELLINGS:
            text = respell(field, vr, value, encoding)
            if text is not None and (vr in field.written.vrs or not vr or liberty is Liberty.BINARY_NUMBERS):
                parsed = field.parse(text)
                if liberties.take(liberty):
                    return parsed
    raise ValueError("it has no one reading")


def _respell_doubles(_field: Field, vr: bytes, value: bytes, encoding: Encoding) -> bytes | None:
    """Write doubles (FD) as the decimal string (DS) that belongs there; Python's shortest form is exact."""
    if vr != b"FD" or not value or len(value) % 8:
        return None
    order = ">" if encoding.big_endian else "<"
    return b"\\".join(repr(number).encode() for (number,) in struct.iter_unpack(order + "d", value))


def _respell_backslash(_field: Field, _vr: bytes, value: bytes, _encoding: Encoding) -> bytes | None:
    """Leave out a backslash behind the last number: PS3.5 6.4 has it between values only."""
    text = value.rstrip(b" \0")
    return text[:-1] if text.endswith(b"\\") else None


def _respell_comma(field: Field, _vr: bytes, value: bytes, _encoding: Encoding) -> bytes | None:
    """Write a decimal comma as the point that PS3.5 6.2 (DS) asks for."""
    if b"," not in value or not _COMMAS.match(value):
        return None
    grouped = field.name in _MODALITY and _THOUSANDS.match(value.rstrip(b"\0"))
    return None if grouped else value.replace(b",", b".")


def _respell_whole(field: Field, _vr: bytes, value: bytes, _encoding: Encoding) -> bytes | None:
    """Write a whole number with decimals, such as 5.0, as the integer string (IS) that NumberOfFrames is."""
    whole = _WHOLE.match(value.strip(b"\0"))
    return whole[1] if whole and field.name == "number_of_frames" else None


_RESPELLINGS: tuple[tuple[Liberty, Callable[[Field, bytes, bytes, Encoding], bytes | None]], ...] = (
    (Liberty.BINARY_NUMBERS, _respell_doubles),
    (Liberty.TRAILING_BACKSLASH, _respell_backslash),
    (Liberty.DECIMAL_COMMA, _respell_comma),
    (Liberty.NUMBER_OF_FRAMES, _respell_whole),
)
