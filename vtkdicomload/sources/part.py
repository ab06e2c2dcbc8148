"""A file of which a part lies in memory: what was fetched of it for the readers."""

from __future__ import annotations

from dataclasses import dataclass, field

from .file import File, Handle


@dataclass(slots=True, unsafe_hash=True)
class PartFile(File):
    """A file of which some bytes are at hand; others are read from the file itself.

    Attributes
    ----------
    file : File
        The file itself, as it was opened.
    start : int
        Where in it the bytes lie.
    data : memoryview
        The bytes.
    """

    file: File = None  # type: ignore[assignment] # a default is needed behind those of File
    start: int = 0
    data: memoryview = field(default=memoryview(b""), repr=False, compare=False)

    @classmethod
    def of(cls, file: File, start: int, data: memoryview) -> PartFile:
        """Give a file the bytes that were read of it."""
        return cls(file.name, file.size, file.stamp, file, start, data)

    @property
    def origin(self) -> File:
        """The file itself."""
        return self.file.origin

    def open(self) -> PartHandle:
        """Open the file; the file itself is opened where more than the part is read."""
        return PartHandle(self, self.size or 0)

    def check_unchanged(self) -> None:
        """Refuse a file that has changed; errors as `File.open`."""
        self.file.check_unchanged()


class PartHandle(Handle):
    """An open file of which a part is at hand."""

    __slots__ = ("_rest",)

    file: PartFile

    def __init__(self, file: PartFile, size: int) -> None:
        super().__init__(file, size)
        self._rest: Handle | None = None

    def _read(self, offset: int, length: int) -> bytes:
        at = offset - self.file.start
        if 0 <= at <= len(self.file.data) - length:
            return bytes(self.file.data[at : at + length])
        return self._open_rest().read_at(offset, length)

    def _fill(self, buffer: memoryview, offset: int) -> int:
        at = offset - self.file.start
        if 0 <= at <= len(self.file.data) - len(buffer):
            buffer[:] = self.file.data[at : at + len(buffer)]
        else:
            self._open_rest().read_into(buffer, offset)
        return len(buffer)

    def _open_rest(self) -> Handle:
        if self._rest is None:
            self._rest = self.file.file.open()
        return self._rest

    def close(self) -> None:
        """Close the file itself."""
        if self._rest is not None:
            self._rest.close()
