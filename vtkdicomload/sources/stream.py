"""A file as Python's own file object, for libraries that take a path or one of these."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

    from .file import File, Handle

_BUFFER = 1 << 16


@contextmanager
def path_or_stream(file: File) -> Iterator[str | BinaryIO]:
    """Give the path of a file on disk, or a buffered stream of another one; errors as `File.open`."""
    if file.local_path is not None:
        file.check_unchanged()
        yield file.local_path
        return
    with open_stream(file) as stream:
        yield stream


@contextmanager
def open_stream(file: File, buffer: int = _BUFFER) -> Iterator[BinaryIO]:
    """Give a buffered stream of a file of any kind; errors as `File.open`."""
    with file.open() as handle, io.BufferedReader(_Stream(handle), buffer) as stream:
        yield cast("BinaryIO", stream)


class _Stream(io.RawIOBase):
    """An open file that is read from one end to the other, or anywhere."""

    def __init__(self, handle: Handle) -> None:
        self._handle, self._position = handle, 0
        self.name = handle.file.name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._handle.size}[whence]
        if start + offset < 0:
            raise ValueError(f"a file has no byte {start + offset}")
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._handle.size - self._position))
        self._handle.read_into(view[:count], self._position)
        self._position += count
        return count
