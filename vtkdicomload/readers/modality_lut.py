"""Modality lookup tables (PS3.3 C.11.1): what their entries are, and for which stored values."""

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


class ModalityLut(NamedTuple):
    """A modality lookup table."""

    entries: Pixels  # shape (n,), uint16
    first: int  # the stored value that the first entry is for
    bits: int  # of an entry, as the file says

    def map_values(self, stored: Pixels) -> Pixels:
        """The entries for stored values; those outside get the first or the last one."""
        return self.entries[np.clip(stored.astype(np.int64) - self.first, 0, len(self.entries) - 1)]

    @property
    def exceeds_bits(self) -> bool:
        """Tell whether an entry takes more bits than the file says."""
        return int(self.entries.max()) >> self.bits > 0


def read_modality_lut(header: Header) -> ModalityLut | None:
    """The modality lookup table of a file; None where its sequence has no item, or an empty one.

    Raises
    ------
    CorruptFileError
        It is not complete or not one of PS3.3.
    """
    try:
        return _read_modality_lut(header.file, header.pixel_representation == 1)
    except UnusableAttribute as error:
        raise make_damaged_error(header.path, f"its modality LUT cannot be used: {error}") from error


@lru_cache(maxsize=8)  # a file of many frames asks once a frame
def _read_modality_lut(file: File, signed: bool) -> ModalityLut | None:
    with open_data_set(file) as attributes:
        return parse_modality_lut(attributes, signed=signed)


def parse_modality_lut(attributes: Attributes, *, signed: bool) -> ModalityLut | None:
    """The modality lookup table of a data set, whose stored values are `signed` or not; None where it is empty.

    pydicom's own `apply_modality_lut` takes a descriptor that is US for signed pixels as it stands there, and no
    entries that exceed their bits.

    Raises
    ------
    UnusableAttribute
        It is not complete or not one of PS3.3.
    """
    item = attributes.first("ModalityLUTSequence")
    descriptor, data = (None, None) if item is None else (item.get("LUTDescriptor"), item.get("LUTData"))
    if not _is_filled(descriptor) and not _is_filled(data):
        return None
    numbers = convert_integers("LUTDescriptor", descriptor)
    if len(numbers) != 3:
        raise UnusableAttribute(f"LUTDescriptor holds {len(numbers)} values where 3 belong")
    count, first, bits = numbers
    if not 1 <= bits <= 16:
        raise UnusableAttribute(f"it has entries of {bits} bits")
    count = count & 0xFFFF or 1 << 16
    entries = _read_lut_entries(data, count, bits, "<u2" if attributes.little_endian else ">u2")
    if len(entries) != count:
        raise UnusableAttribute(f"it has {len(entries)} entries, its descriptor says {count}")
    # PS3.3 C.11.1.1.1: the sign of the word follows PixelRepresentation, whatever its VR says.
    return ModalityLut(entries, first - 0x10000 if signed and first > 0x7FFF else first, bits)


def _is_filled(value: object) -> bool:
    return value is not None and not (hasattr(value, "__len__") and len(value) == 0)


def _read_lut_entries(data: object, count: int, bits: int, words: str) -> Pixels:
    """The entries as uint16: words, or bytes where there are so few of them that each has to be one."""
    if not isinstance(data, bytes):
        numbers = convert_integers("LUTData", data)
        if not all(0 <= number <= 0xFFFF for number in numbers):
            raise UnusableAttribute("LUTData is no table of 16-bit words")
        data, words = np.array(numbers, "<u2").tobytes(), "<u2"
    if len(data) % 2:
        raise UnusableAttribute(f"LUTData has {len(data)} bytes, no whole words")
    table = np.frombuffer(data, words).astype("<u2")
    if bits <= 8 and len(table) < count:  # two in a word, the first one in its low byte (PS3.5 8.1.2)
        return table.view(np.uint8)[: len(table) * 2 - count % 2].astype(np.uint16)
    return table
