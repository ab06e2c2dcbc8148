"""A part of another file that is a file of its own: what an archive holds as it is."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...errors import CorruptFileError, make_damaged_error
from ..file import File, Handle, fill_in_turn
from ..filling import fill_in_threads

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import Self

    from ..file import Request

_CHANGED = "it changed since it was scanned: "
_INLINE_BYTES = 4 << 20  # below, starting threads costs more than it gains
_THREADS = 4


@dataclass(slots=True, unsafe_hash=True)
class Member(File):
    """A file inside of another one; it changes as that one does, whose size and stamp are its own stamp.

    Attributes
    ----------
    archive : File
        The file that holds it, as it was opened.
    start : int
        Where in it the bytes begin.
    """

    archive: File = None  # type: ignore[assignment] # a default is needed behind those of File
    start: int = 0

    @property
    def is_remote(self) -> bool:
        """Tell whether the file that holds it is on a server."""
        return self.archive.is_remote

    def open_archive(self) -> Handle:
        """Open the file that holds it; an error names this one."""
        try:
            return self.archive.open()
        except CorruptFileError as error:
            raise self.of_archive(error) from error

    def of_archive(self, error: CorruptFileError) -> CorruptFileError:
        """Make the error of this file for one of the file that holds it."""
        holder = os.path.basename(self.archive.name)
        if error.what.startswith(_CHANGED):
            return self.changed(f"{holder} did, {error.what.removeprefix(_CHANGED)}")
        return make_damaged_error(self.name, f"{holder}: {error.what}")

    def as_opened(self) -> Self:
        """The same file with the stamp that an opened one has."""
        return self if self.stamp is not None else replace(self, stamp=(self.archive.size, self.archive.stamp))


@dataclass(slots=True, unsafe_hash=True)
class Section(Member):
    """A file that lies in another one as it is."""

    def open(self) -> SectionHandle:
        """Open the file; errors as `File.open`."""
        return SectionHandle(self.as_opened(), self.open_archive())

    @classmethod
    def read_many(cls, requests: Sequence[Request], limit_bytes: int) -> Generator[int]:
        """Fill buffers in a few threads, or in this one where they are small; see `file.read_many`."""
        if sum(len(request.buffer) for request in requests) < _INLINE_BYTES:
            return fill_in_turn(requests)
        return fill_in_threads(requests, limit_bytes, _THREADS)


class SectionHandle(Handle):
    """An open part of an open file."""

    __slots__ = ("_archive",)

    file: Section

    def __init__(self, file: Section, archive: Handle) -> None:
        super().__init__(file, file.size or 0)
        self._archive = archive

    def _read(self, offset: int, length: int) -> bytes:
        try:
            return self._archive.read_at(self.file.start + offset, length)
        except CorruptFileError as error:
            raise self.file.of_archive(error) from error

    def _fill(self, buffer: memoryview, offset: int) -> int:
        try:
            self._archive.read_into(buffer, self.file.start + offset)
        except CorruptFileError as error:
            raise self.file.of_archive(error) from error
        return len(buffer)

    def close(self) -> None:
        """Close the file that holds it."""
        self._archive.close()
