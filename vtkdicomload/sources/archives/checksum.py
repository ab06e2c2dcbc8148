"""Checksums of the members of zip archives."""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING

from ...errors import make_damaged_error

if TYPE_CHECKING:
    from ...errors import CorruptFileError


def compute_crc32(data: bytes | bytearray | memoryview, before: int = 0) -> int:
    """Compute the CRC-32 of some bytes behind others, whose own it continues."""
    if not len(data) or "imagecodecs" not in sys.modules:
        return zlib.crc32(data, before)
    import imagecodecs

    checksum: int = imagecodecs.deflate_crc32(data, before)  # type: ignore[arg-type] # in a fourth of the time
    return checksum


def make_checksum_error(name: str) -> CorruptFileError:
    """Make the error for a file whose bytes are not those that were packed."""
    return make_damaged_error(name, "its checksum is not that of the archive")
