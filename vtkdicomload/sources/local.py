"""Files on disk: one open, one look at the status, one read, one close."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import CorruptFileError
from .file import File, Handle, fill_in_turn
from .filling import fill_in_threads

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from .file import Request

# Without O_NONBLOCK, opening a FIFO would wait for its writer.
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_INLINE_BYTES = 4 << 20  # below, starting threads costs more than it gains
_THREADS = 4


@dataclass(slots=True, unsafe_hash=True)
class LocalFile(File):
    """A regular file on disk; its stamp is the time of modification in ns.

    A pipe, socket or device is never opened for reading.

    Attributes
    ----------
    folder : str
        Absolute path of the folder that a relative name starts from; empty where the name is absolute.
    """

    folder: str = ""

    @property
    def local_path(self) -> str:
        """The absolute path."""
        return os.path.join(self.folder, self.name) if self.folder else self.name

    def open(self) -> LocalHandle:
        """Open the file; errors as `File.open`."""
        try:
            descriptor = os.open(self.local_path, _READ_FLAGS)
        except OSError as error:
            if self.stamp is None:
                raise
            raise self._gone(error) from error
        try:
            status = os.fstat(descriptor)
            if self.stamp is not None:
                self._check_status(status)
                return LocalHandle(self, status.st_size, descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise CorruptFileError(f"{self.name} is not a regular file", files=[self.name])
            opened = LocalFile(self.name, status.st_size, status.st_mtime_ns, self.folder)
            return LocalHandle(opened, status.st_size, descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def check_unchanged(self) -> None:
        """Refuse another file than was opened before, by its status alone; errors as `File.open`."""
        try:
            status = os.stat(self.local_path)
        except OSError as error:
            if self.stamp is None:
                raise
            raise self._gone(error) from error
        if self.stamp is not None:
            self._check_status(status)

    @classmethod
    def read_many(cls, requests: Sequence[Request], limit_bytes: int) -> Generator[int]:
        """Fill buffers in a few threads, or in this one where they are small; see `file.read_many`."""
        if sum(len(request.buffer) for request in requests) < _INLINE_BYTES:
            return fill_in_turn(requests)
        return fill_in_threads(requests, limit_bytes, _THREADS)

    def _check_status(self, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise self.changed("it is no regular file any more")
        if status.st_size != self.size:
            raise self.changed(f"{status.st_size} bytes now, {self.size} when it was scanned")
        if status.st_mtime_ns != self.stamp:
            raise self.changed("it was written again")

    def _gone(self, error: OSError) -> CorruptFileError:
        return self.changed("it vanished" if isinstance(error, FileNotFoundError) else error.strerror or "unreadable")


class LocalHandle(Handle):
    """An open file on disk."""

    __slots__ = ("_descriptor",)

    def __init__(self, file: LocalFile, size: int, descriptor: int) -> None:
        self.file, self.size, self._descriptor = file, size, descriptor

    def _read(self, offset: int, length: int) -> bytes:
        if hasattr(os, "pread"):
            data = os.pread(self._descriptor, length, offset)
            if len(data) == length:
                return data
        buffer = bytearray(length)
        return bytes(buffer[: self._fill(memoryview(buffer), offset)])

    def _fill(self, buffer: memoryview, offset: int) -> int:
        """Read in as many calls as the system needs; where `preadv` does not exist, seek first."""
        got, descriptor = 0, self._descriptor
        if hasattr(os, "preadv"):
            while got < len(buffer) and (n := os.preadv(descriptor, [buffer[got:]], offset + got)):
                got += n
            return got
        with open(descriptor, "rb", buffering=0, closefd=False) as file:
            file.seek(offset)
            while got < len(buffer) and (n := file.readinto(buffer[got:])):
                got += n
        return got

    def close(self) -> None:
        """Close the descriptor."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def as_file(source: File | str | bytes | os.PathLike[str]) -> File:
    """Take a path for a file on disk, and a file of any kind as it is.

    A relative path starts from the folder that is the working directory now.
    """
    if isinstance(source, File):
        return source
    name = os.fsdecode(source)
    return LocalFile(name, folder="" if os.path.isabs(name) else os.getcwd())
