"""Colour as red, green and blue (PS3.3 C.7.6.3.1.2): pydicom's transform of luminance, and palettes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import make_damaged_error
from ..headers.data_set import UnusableAttribute, convert_integers, open_data_set

if TYPE_CHECKING:
    from .._util.arrays import Pixels
    from ..headers.data_set import Attributes
    from ..headers.model import Header
    from ..sources.file import File

PALETTE = "PALETTE COLOR"


def convert_ybr_full(pixels: Pixels) -> Pixels:
    """Red, green and blue of full-range luminance and chrominance, shape (rows, columns, 3), uint8."""
    from pydicom.pixels.processing import convert_color_space

    return convert_color_space(pixels, "YBR_FULL", "RGB")


class Palette(NamedTuple):
    """A colour lookup table (PS3.3 C.7.6.3.1.5)."""

    entries: Pixels  # shape (n, 3): red, green, blue; uint8 or uint16
    first: int  # the index that the first entry is for

    def colours(self, indices: Pixels) -> Pixels:
        """Red, green and blue of palette indices; those outside get the first or the last entry."""
        return self.entries[np.clip(indices.astype(np.int32) - self.first, 0, len(self.entries) - 1)]


def read_palette(header: Header) -> Palette:
    """The palette of a file.

    Raises
    ------
    CorruptFileError
        It is not complete or not one of PS3.3.
    """
    try:
        return _read_palette(header.file)
    except UnusableAttribute as error:
        raise make_damaged_error(header.path, f"its palette cannot be used: {error}") from error


@lru_cache(maxsize=8)  # a file of many frames asks once a frame
def _read_palette(file: File) -> Palette:
    with open_data_set(file) as attributes:
        return parse_palette(attributes)


def parse_palette(attributes: Attributes) -> Palette:
    """The palette of a data set, segmented or not.

    pydicom's own `apply_color_lut` takes no 16-bit indices into entries of 8 bits, and no big endian entries.

    Raises
    ------
    UnusableAttribute
        The palette is not complete or not one of PS3.3.
    """
    colours = [_read_palette_entries(attributes, name) for name in ("Red", "Green", "Blue")]
    if len({len(entries) for entries in colours}) != 1:
        counts = " / ".join(str(len(c)) for c in colours)
        raise UnusableAttribute(f"its palette has {counts} entries of red / green / blue")
    _, first, _ = _read_descriptor(attributes, "Red")
    return Palette(np.stack(colours, axis=-1), first)


def _read_descriptor(attributes: Attributes, colour: str) -> tuple[int, int, int]:
    """Count how many entries there are, the index that the first one is for, and their bits."""
    keyword = f"{colour}PaletteColorLookupTableDescriptor"
    numbers = convert_integers(keyword, attributes.get(keyword))
    if len(numbers) != 3:
        raise UnusableAttribute(f"{keyword} holds {len(numbers)} values where 3 belong")
    count, first, bits = numbers
    if bits not in (8, 16):
        raise UnusableAttribute(f"its palette has entries of {bits} bits")
    return count & 0xFFFF or 1 << 16, first & 0xFFFF, bits


def _read_palette_entries(attributes: Attributes, colour: str) -> Pixels:
    """The entries of one colour."""
    count, _, bits = _read_descriptor(attributes, colour)
    segmented = _read_table(attributes, f"Segmented{colour}PaletteColorLookupTableData")
    data = _read_table(attributes, f"{colour}PaletteColorLookupTableData")
    if segmented is not None:
        entries = _expand_segments(segmented.view(np.uint8) if bits == 8 else segmented)
    elif data is not None:
        # Entries of 8 bits may take 16 bits each.
        entries = data.view(np.uint8) if bits == 8 and len(data) < count else data
    else:
        raise UnusableAttribute(f"its palette has no {colour.lower()}")
    if len(entries) < count:
        raise UnusableAttribute(f"its palette has {len(entries)} of {count} entries")
    entries = entries[:count]
    if int(entries.max()) >> bits:
        entries = _take_high_bytes(entries)
    return entries.astype(np.uint8 if bits == 8 else np.uint16)


def _take_high_bytes(entries: Pixels) -> Pixels:
    """Entries of 8 bits that lie in the high bytes of words, with nothing or the same in the low ones."""
    low, high = entries & 0xFF, entries >> 8
    if low.any() and (low != high).any():
        raise UnusableAttribute(f"its palette has entries up to {entries.max()} in 8 bits")
    return high


def _read_table(attributes: Attributes, keyword: str) -> Pixels | None:
    """The words of a table, OW of either byte order or US; None where there is none."""
    value = attributes.get(keyword)
    if value is None:
        return None
    if isinstance(value, bytes):
        if len(value) % 2:
            raise UnusableAttribute(f"its palette has {len(value)} bytes, no whole words")
        return np.frombuffer(value, "<u2" if attributes.little_endian else ">u2").astype("<u2")
    numbers = convert_integers(keyword, value)
    if not all(0 <= number <= 0xFFFF for number in numbers):
        raise UnusableAttribute(f"{keyword} is no table of 16-bit words")
    return np.array(numbers, "<u2")


def _expand_segments(data: Pixels) -> Pixels:
    """The entries of a segmented table (PS3.3 C.7.9.2)."""
    values = [int(v) for v in data]
    entries: list[float] = []
    _expand(values, 0, None, 16 if data.dtype.itemsize == 2 else 8, entries)
    return np.array(entries, np.float64).round().astype(np.uint16)


def _expand(values: list[int], at: int, segments: int | None, bits: int, entries: list[float]) -> None:
    while at + 2 < len(values) and segments != 0:
        kind, length = values[at : at + 2]
        if kind == 0:  # discrete: entries as they are
            entries.extend(values[at + 2 : at + 2 + length])
            at += 2 + length
        elif kind == 1 and entries:  # linear: from the last entry to the next value
            last, end = entries[-1], values[at + 2]
            entries.extend(np.linspace(last + (end - last) / max(length, 1), end, length))
            at += 3
        elif kind == 2 and entries and segments is None:  # indirect: segments that lie at a byte offset, once more
            words = 32 // bits
            offset = sum(value << bits * k for k, value in enumerate(values[at + 2 : at + 2 + words]))
            _expand(values, offset * 8 // bits, length, bits, entries)
            at += 2 + words
        else:
            raise UnusableAttribute(f"its segmented palette has a segment of kind {kind} at {at}")
        if len(entries) > 1 << 16:
            raise UnusableAttribute(f"its segmented palette has more than {1 << 16} entries")
        segments = None if segments is None else segments - 1
