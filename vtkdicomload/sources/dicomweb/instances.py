"""Instances on a DICOMweb server as files: listed from metadata, and fetched whole."""

from __future__ import annotations

import zlib
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from ..._util.threads import read_in_threads
from ...errors import CorruptFileError
from ...errors.remedies import GetAgain, LeaveOut
from ..file import File, Handle, Whole
from ..filling import fill_from_whole
from ..memory import WholeHandle
from .answers import ServerError
from .server import CONNECTIONS, Server

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ..file import Request
    from .server import Connection

_USUAL_BYTES = 1 << 20  # that a file is taken to have, where none is known
_SOP_INSTANCE = b"\x02\0\x03\0UI"
_META_START, _META_BYTES = 132, 4096  # where file meta information lies, and more than it needs before that element


@dataclass(slots=True, unsafe_hash=True)
class InstanceFile(File):
    """An instance on a DICOMweb server; its size is known once it was fetched, and its stamp is the CRC-32.

    Attributes
    ----------
    server : Server
        The one that has it.
    path : str
        Its address behind that of the server.
    listed : int
        How many instances its series was listed with.
    """

    server: Server = None  # type: ignore[assignment] # a default is needed behind those of File
    path: str = ""
    listed: int = field(default=1, compare=False)

    has_ranges: ClassVar[bool] = False
    has_beginning: ClassVar[bool] = False

    @classmethod
    def at(cls, server: Server, path: str, listed: int = 1) -> InstanceFile:
        """The instance at a path of a server."""
        return cls(f"{server.url}/{path}", server=server, path=path, listed=listed)

    @property
    def series_path(self) -> str:
        """The address of its series behind that of the server."""
        return self.path.rpartition("/instances/")[0]

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
            raise self.explain(error) from None
        return self.take(data)

    def take(self, data: bytes) -> tuple[InstanceFile, bytes]:
        """The file as it is opened with the bytes that were fetched; an error where it has changed."""
        found = len(data), zlib.crc32(data)
        if self.stamp is not None and found != (self.size, self.stamp):
            raise self.changed(f"{found[0]} bytes now, {self.size} when it was scanned, or others")
        return replace(self, size=found[0], stamp=found[1]), data

    def explain(self, error: ServerError) -> CorruptFileError:
        """Make the error for a file that the server gave before."""
        return self.changed("it vanished") if error.status in (404, 410) else self.unreadable(error)

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
                left = indices
                for chosen in _find_whole_series(instances, indices):
                    found = yield from _fetch_together(instances, chosen, connection)
                    left = [index for index in left if index not in found]
                if left:
                    yield from _fetch_each(instances, left, connection, limit_bytes)


def _find_whole_series(files: Sequence[InstanceFile], indices: Sequence[int]) -> list[list[int]]:
    """Find the series of which most is wanted: a server gives it sooner in one answer than in many."""
    by_series: dict[str, list[int]] = {}
    for index in indices:
        by_series.setdefault(files[index].series_path, []).append(index)
    return [chosen for chosen in by_series.values() if 1 < len(chosen) > files[chosen[0]].listed / 2]


def _fetch_together(
    files: Sequence[InstanceFile], indices: Sequence[int], connection: Connection
) -> Generator[Whole, None, set[int]]:
    """Fetch the files of one series in one answer, as many as come, and return which."""
    wanted = {files[index].path: index for index in indices}
    found: set[int] = set()
    with suppress(ServerError):  # what does not come is asked for by itself, and that error told
        for path, data in name_instances(files[indices[0]].series_path, connection):
            index = wanted.get(path, -1)
            if index < 0 or index in found:
                continue
            found.add(index)
            try:
                yield Whole(index, *files[index].take(data))
            except CorruptFileError as error:
                yield Whole(index, files[index], b"", error)
    return found


def name_instances(series_path: str, connection: Connection) -> Generator[tuple[str, bytes]]:
    """Fetch the files of a series in one answer, each with its address; ServerError where it ends too early."""
    with closing(connection.fetch_series(series_path)) as parts:
        for data in parts:
            yield f"{series_path}/instances/{_find_instance_uid(data)}", data


def _find_instance_uid(data: bytes) -> str:
    """MediaStorageSOPInstanceUID of a file (PS3.10 7.1, explicit VR always); empty where it has none at its place."""
    at = data.find(_SOP_INSTANCE, _META_START, _META_START + _META_BYTES)
    length = int.from_bytes(data[at + 6 : at + 8], "little")
    return data[at + 8 : at + 8 + length].rstrip(b"\0 ").decode("ascii", "replace") if at >= 0 else ""


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
