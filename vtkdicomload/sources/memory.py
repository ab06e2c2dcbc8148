"""Bytes in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .file import File, Handle


@dataclass(slots=True, unsafe_hash=True)
class MemoryFile(File):
    """Bytes under a name; they never change, so that their number stands for them.

    Attributes
    ----------
    data : bytes
        What it holds.
    """

    data: bytes = field(default=b"", repr=False)

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview, name: str) -> MemoryFile:
        """Name some bytes; those of what may change are copied."""
        kept = bytes(data)
        return cls(name, len(kept), len(kept), kept)

    def open(self) -> WholeHandle:
        """Open the bytes; never an error."""
        return WholeHandle(self, self.data)


@dataclass(slots=True, unsafe_hash=True)
class KeptFile(File):
    """A file that can only be read whole, with the bytes that were read of it: they need not be read once more.

    Attributes
    ----------
    read_from : File
        The file itself, as it was opened.
    data : bytes
        All of it; nothing once it was let go of, and the file itself is read then.
    """

    read_from: File = None  # type: ignore[assignment] # a default is needed behind those of File
    data: bytes = field(default=b"", repr=False, compare=False)

    @classmethod
    def of(cls, file: File, data: bytes) -> KeptFile:
        """Keep what was read of an opened file."""
        return cls(file.name, file.size, file.stamp, file, data)

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the bytes behind: in another process it is the file itself."""
        return _restore_file, (self.read_from,)

    @property
    def origin(self) -> File:
        """The file itself."""
        return self.read_from

    @property
    def is_remote(self) -> bool:
        """Tell whether the file itself is on a server, once it is read again."""
        return not self._is_at_hand() and self.read_from.is_remote

    def open(self) -> Handle:
        """Open the bytes, or the file itself."""
        return WholeHandle(self, self.data) if self._is_at_hand() else self.read_from.open()

    def _is_at_hand(self) -> bool:
        return len(self.data) == self.size


def _restore_file(file: File) -> File:
    return file


class WholeHandle(Handle):
    """A file that was read whole."""

    __slots__ = ("_data",)

    def __init__(self, file: File, data: bytes) -> None:
        super().__init__(file, len(data))
        self._data = data

    def _read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]

    def _fill(self, buffer: memoryview, offset: int) -> int:
        buffer[:] = memoryview(self._data)[offset : offset + len(buffer)]
        return len(buffer)
