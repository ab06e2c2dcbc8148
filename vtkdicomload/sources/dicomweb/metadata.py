"""What a server says of an instance (DICOM JSON, PS3.18 annex F), written as the header of a file (PS3.10)."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Fetch = Callable[[str], bytes]

_EXPLICIT_LITTLE = b"1.2.840.10008.1.2.1"
_CHARSET, _SOP_CLASS, _IMAGE_TYPE = 0x00080005, 0x00080016, 0x00080008
_SAMPLES, _PHOTOMETRIC, _FRAMES, _ROWS, _COLUMNS = 0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011
_ALLOCATED, _STORED = 0x00280100, 0x00280101
_PIXELS = {0x7FE00008: b"OF", 0x7FE00009: b"OD", 0x7FE00010: b"OW"}
_CSA = 0x00291010
# What headers need of private attributes, which a server may keep apart as bulk data: the CSA header of a mosaic, and
# b-values and directions of Siemens, GE and Philips.
_NEEDED = frozenset((
    _CSA, 0x0019100C, 0x0019100E, 0x001910BB, 0x001910BC, 0x001910BD, 0x00431039, 0x20011003, 0x20011018,
))  # fmt: skip
_LONGEST_VALUE = 0xFFFFFFFE
_LONGEST_SHORT = 0xFFFE

_LONG = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
_BYTES_VRS = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
_PACKED_VRS = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}


class Described(NamedTuple):
    """The header of a file up to its pixels, and how many bytes those would take uncompressed."""

    header: bytes
    pixel_bytes: int


def describe(metadata: Mapping[str, Any], fetch: Fetch) -> Described:
    """Write what a server says of an instance as a file would say it, in explicit VR and UTF-8.

    Parameters
    ----------
    metadata : mapping
        The data set in DICOM JSON.
    fetch : callable
        Gives the bytes of bulk data that headers need, from its address; its errors come out.

    Returns
    -------
    Described
        An element that is not written as the standard says is left out, as the bytes will be read before loading.
    """
    elements = _sort_by_tag(metadata)
    pixels = _find_pixels(elements)
    elements[_CHARSET] = {"vr": "CS", "Value": ["ISO_IR 192"]}
    is_mosaic = "MOSAIC" in _find_values(elements, _IMAGE_TYPE)
    parts = [bytes(128), b"DICM", *_write_meta(elements)]
    for tag in sorted(elements):
        if tag < 0x00080000 or tag in _PIXELS:
            continue
        needed = tag in _NEEDED and (tag != _CSA or is_mosaic)
        parts.append(_write_element(tag, elements[tag], fetch if needed else None))
    if pixels is not None:
        tag, length = pixels
        parts.append(_write_element_head(tag, _PIXELS[tag].decode(), length))
        return Described(b"".join(parts), length)
    return Described(b"".join(parts), 0)


def _sort_by_tag(metadata: Mapping[str, Any]) -> dict[int, Any]:
    elements = {}
    for key, element in metadata.items():
        try:
            elements[int(key, 16)] = element
        except (TypeError, ValueError):
            continue
    return elements


def _find_values(elements: Mapping[int, Any], tag: int) -> list[Any]:
    element = elements.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _find_number(elements: Mapping[int, Any], tag: int, default: int) -> int:
    try:
        return int(_find_values(elements, tag)[0])
    except (IndexError, TypeError, ValueError):
        return default


def _find_pixels(elements: Mapping[int, Any]) -> tuple[int, int] | None:
    """Tag and bytes of the uncompressed pixels (PS3.5 8.1.1), which some servers do not mention; None without any."""
    rows, columns = (_find_number(elements, tag, 0) for tag in (_ROWS, _COLUMNS))
    allocated = _find_number(elements, _ALLOCATED, 0)
    if min(rows, columns, allocated) < 1:
        return None
    samples = max(1, _find_number(elements, _SAMPLES, 1)) * rows * columns * max(1, _find_number(elements, _FRAMES, 1))
    if "YBR_FULL_422" in _find_values(elements, _PHOTOMETRIC):
        samples = samples // 3 * 2  # PS3.3 C.7.6.3.1.2
    length = (samples * allocated + 7) // 8
    said = next((tag for tag in _PIXELS if tag in elements), None)
    # PS3.3 C.7.6.24: float pixel data has no BitsStored.
    implied = 0x7FE00010 if _STORED in elements or allocated < 32 else 0x7FE00008 if allocated == 32 else 0x7FE00009
    return said or implied, min(length + length % 2, _LONGEST_VALUE)


def _write_meta(elements: Mapping[int, Any]) -> list[bytes]:
    uids = [(0x00020010, _EXPLICIT_LITTLE)]
    for uid in _find_values(elements, _SOP_CLASS)[:1]:
        uids.insert(0, (0x00020002, str(uid).encode("ascii", "replace")))
    return [_write_element_head(tag, "UI", len(uid) + len(uid) % 2) + _pad(uid, b"\0") for tag, uid in uids]


def _write_element(tag: int, element: Any, fetch: Fetch | None) -> bytes:
    """Write an element in explicit VR, little endian; nothing where it cannot be, or lies apart and is not needed."""
    try:
        vr = str(element.get("vr", "UN"))
        if "BulkDataURI" in element:
            if fetch is None:
                return b""
            value = fetch(str(element["BulkDataURI"]))
        elif "InlineBinary" in element:
            value = base64.b64decode(element["InlineBinary"], validate=True)
        else:
            value = _write_values(vr, element.get("Value") or [])
        value = _pad(value, b"\0" if vr == "UI" or vr in _BYTES_VRS else b" ")
        if len(vr) != 2 or (len(value) > _LONGEST_SHORT and vr not in _LONG):
            vr = "UN"
        return _write_element_head(tag, vr, len(value)) + value
    except (AttributeError, LookupError, TypeError, ValueError, OverflowError, struct.error, binascii.Error):
        return b""


def _write_values(vr: str, values: list[Any]) -> bytes:
    if vr == "SQ":
        return b"".join(map(_write_item, values))
    if vr in _PACKED_VRS:
        convert = float if vr in ("FD", "FL") else int
        return struct.pack(f"<{len(values)}{_PACKED_VRS[vr]}", *map(convert, values))
    if vr == "AT":
        return b"".join(struct.pack("<HH", int(value[:4], 16), int(value[4:8], 16)) for value in values)
    if vr in _BYTES_VRS and values:
        raise ValueError("binary data is written in another way")
    return "\\".join(_write_text(vr, value) for value in values).encode()


def _write_item(item: Any) -> bytes:
    if item is None:
        item = {}
    elements = _sort_by_tag(item)
    content = b"".join(_write_element(tag, elements[tag], None) for tag in sorted(elements))
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def _write_text(vr: str, value: Any) -> str:
    if value is None:
        return ""
    if vr == "PN" and isinstance(value, dict):
        groups = [str(value.get(name) or "") for name in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(groups).rstrip("=")
    if vr in ("DS", "IS") and isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _write_element_head(tag: int, vr: str, length: int) -> bytes:
    if vr in _LONG:
        return struct.pack("<HH2s2xI", tag >> 16, tag & 0xFFFF, vr.encode(), length)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), length)


def _pad(value: bytes, padding: bytes) -> bytes:
    return value + padding if len(value) % 2 else value
