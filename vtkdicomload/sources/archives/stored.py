"""Stored members of zip archives: read in place, and compared with their checksum once their pixels are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .checksum import compute_crc32, make_checksum_error
from .section import Section, SectionHandle

if TYPE_CHECKING:
    from ..file import File, Request
    from .parts import Range

_COMPARED_BYTES = 1 << 20
_MOST_FETCHED = 32 << 20  # bytes of a file on a server that are fetched for this, where only some are wanted


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

    def open_in(self, archive: File) -> StoredHandle:
        """Open the file; see `PlacedMember.open_in`."""
        opened = self.open_archive(archive)
        try:
            return StoredHandle(self.locate(opened, self.size or 0), opened)
        except BaseException:
            opened.close()
            raise

    @property
    def is_to_be_checked(self) -> bool:
        """Tell whether its bytes are to be compared when some of them are read."""
        return not self.is_checked and not (self.is_remote and (self.size or 0) > _MOST_FETCHED)

    def find_needed(self, request: Request) -> Range:
        """Find the part of the archive that a request needs: the whole file, where it is to be compared."""
        if self.is_to_be_checked:
            return self.find_range(0, self.size or 0)
        return self.find_range(request.offset, len(request.buffer))


class StoredHandle(SectionHandle):
    """An open stored file."""

    __slots__ = ()

    file: StoredMember

    def _fill(self, buffer: memoryview, offset: int) -> int:
        count = super()._fill(buffer, offset)
        if self.file.is_to_be_checked:
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
