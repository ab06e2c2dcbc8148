"""Bytes in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

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

    def open(self) -> MemoryHandle:
        """Open the bytes; never an error."""
        return MemoryHandle(self, len(self.data))


class MemoryHandle(Handle):
    """Open bytes."""

    __slots__ = ()

    file: MemoryFile

    def _read(self, offset: int, length: int) -> bytes:
        return self.file.data[offset : offset + length]

    def _fill(self, buffer: memoryview, offset: int) -> int:
        buffer[:] = memoryview(self.file.data)[offset : offset + len(buffer)]
        return len(buffer)
