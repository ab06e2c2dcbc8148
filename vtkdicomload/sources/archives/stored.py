"""Stored members of zip archives: read in place, and compared with their checksum once their pixels are read."""

from __future__ import annotations

from dataclasses import dataclass, field

from .checksum import compute_crc32, make_checksum_error
from .section import Section, SectionHandle

_COMPARED_BYTES = 1 << 20


@dataclass(slots=True, unsafe_hash=True)
class StoredMember(Section):
    """A stored file in a zip archive.

    Attributes
    ----------
    checksum : int
        CRC-32 of its bytes.
    is_checked : bool
        Whether they were compared with it: once, by the first that fills a buffer with some of them.
    """

    checksum: int = 0
    is_checked: bool = field(default=False, repr=False, compare=False)

    def open(self) -> StoredHandle:
        """Open the file; errors as `File.open`."""
        return StoredHandle(self.as_opened(), self.open_archive())


class StoredHandle(SectionHandle):
    """An open stored file."""

    __slots__ = ()

    file: StoredMember

    def _fill(self, buffer: memoryview, offset: int) -> int:
        count = super()._fill(buffer, offset)
        if not self.file.is_checked:
            self._compare(buffer[:count], offset)
        return count

    def _compare(self, known: memoryview, offset: int) -> None:
        """Compare the file with its checksum; some of it was read already."""
        checksum = self._continue(0, 0, offset)
        checksum = compute_crc32(known, checksum)
        if self._continue(checksum, offset + len(known), self.size) != self.file.checksum:
            raise make_checksum_error(self.file.name)
        self.file.is_checked = True

    def _continue(self, checksum: int, start: int, end: int) -> int:
        for place in range(start, end, _COMPARED_BYTES):
            checksum = compute_crc32(self._read(place, min(_COMPARED_BYTES, end - place)), checksum)
        return checksum
