"""Instances on a DICOMweb server as files: listed from metadata, and fetched whole."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from ..._util.threads import read_in_threads
from ...errors import CorruptFileError
from ...errors.remedies import GetAgain, LeaveOut
from ..file import File, Handle, Whole
from ..filling import fill_from_whole
from ..memory import WholeHandle
from .server import CONNECTIONS, Server, ServerError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ..file import Request
    from .server import Connection

_USUAL_BYTES = 1 << 20  # that a file is taken to have, where none is known


@dataclass(slots=True, unsafe_hash=True)
class InstanceFile(File):
    """An instance on a DICOMweb server; its size is known once it was fetched, and its stamp is the CRC-32.

    Attributes
    ----------
    server : Server
        The one that has it.
    path : str
        Its address behind that of the server.
    """

    server: Server = None  # type: ignore[assignment] # a default is needed behind those of File
    path: str = ""

    has_ranges: ClassVar[bool] = False
    has_beginning: ClassVar[bool] = False

    @classmethod
    def at(cls, server: Server, path: str) -> InstanceFile:
        """The instance at a path of a server."""
        return cls(f"{server.url}/{path}", server=server, path=path)

    def open(self) -> WholeHandle:
        """Fetch the file; errors as `File.open`."""
        with self.server.connect() as connection:
            return WholeHandle(*self.fetch(connection))

    def fetch(self, connection: Connection) -> tuple[InstanceFile, bytes]:
        """Fetch the file, and give it as an opened one; errors as `File.open`."""
        try:
            data = connection.fetch_instance(self.path)
        except ServerError as error:
            if self.stamp is None:
                raise
            vanished = error.status in (404, 410)
            raise self.changed("it vanished") if vanished else self.unreadable(error) from None
        found = len(data), zlib.crc32(data)
        if self.stamp is not None and found != (self.size, self.stamp):
            raise self.changed(f"{found[0]} bytes now, {self.size} when it was scanned, or others")
        return replace(self, size=found[0], stamp=found[1]), data

    def unreadable(self, error: OSError) -> CorruptFileError:
        """Make the error for a file that the server does not give."""
        what = f"it cannot be read: {error.strerror}"
        remedies = [GetAgain((self.name,)), LeaveOut((self.name,))]
        return CorruptFileError(f"{self.name}: {what}", files=[self.name], remedies=remedies, what=what)

    @classmethod
    def read_many(cls, requests: Sequence[Request], limit_bytes: int) -> Generator[int]:
        """Fill buffers, each file fetched once; see `file.read_many`."""
        return fill_from_whole(requests, limit_bytes, cls)

    @classmethod
    def read_whole(cls, files: Sequence[File], limit_bytes: int, threads: int) -> Generator[Whole]:
        """Fetch files through several connections; see `file.read_whole`."""
        by_server: dict[int, list[int]] = {}
        instances = [file for file in files if isinstance(file, InstanceFile)]
        for index, file in enumerate(instances):
            by_server.setdefault(id(file.server), []).append(index)
        for indices in by_server.values():
            with instances[indices[0]].server.connect() as connection:
                yield from _fetch_each(instances, indices, connection, limit_bytes)


def _fetch_each(
    files: Sequence[InstanceFile], indices: Sequence[int], connection: Connection, limit_bytes: int
) -> Generator[Whole]:
    def fetch(k: int) -> Whole:
        file = files[indices[k]]
        try:
            return Whole(indices[k], *file.fetch(connection))
        except ServerError as error:
            return Whole(indices[k], file, b"", file.unreadable(error))
        except CorruptFileError as error:
            return Whole(indices[k], file, b"", error)

    sizes = [files[index].size or _USUAL_BYTES for index in indices]
    return read_in_threads(sizes, fetch, limit_bytes, min(CONNECTIONS, len(sizes)))


@dataclass(slots=True, unsafe_hash=True)
class DescribedFile(File):
    """An instance as the server's metadata describes it, written as the header of a file.

    Its size is that of the file if it were uncompressed, and its pixels cannot be read: `origin` has the true ones.

    Attributes
    ----------
    instance : InstanceFile
        What is described.
    data : bytes
        The header.
    """

    instance: InstanceFile = None  # type: ignore[assignment] # a default is needed behind those of File
    data: bytes = field(default=b"", repr=False, compare=False)

    is_described: ClassVar[bool] = True

    @property
    def origin(self) -> InstanceFile:
        """The instance itself, to be fetched."""
        return self.instance

    def open(self) -> DescribedHandle:
        """Open the header; never an error."""
        return DescribedHandle(self, self.size or 0)


class DescribedHandle(Handle):
    """The header of an instance that was not fetched."""

    __slots__ = ()

    file: DescribedFile

    def _read(self, offset: int, length: int) -> bytes:
        if length and offset >= len(self.file.data):
            raise CorruptFileError(f"{self.file.name}: its pixels were not fetched yet", files=[self.file.name])
        return self.file.data[offset : offset + length].ljust(length, b"\0")  # read ahead, and not looked at
