"""Files that are objects on a server."""

from __future__ import annotations

import sys
from collections import defaultdict
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ..._util.tracebacks import forget_frames
from ...errors import CorruptFileError
from ...errors.remedies import Step
from ..file import BegunHandle, File, Handle, Whole
from .server import REQUESTS, GoneError, Info, Server
from .sharing import connect, keep_connections

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence

    from ..file import Begun, Request
    from .connection import Connection
    from .server import Answer

_T = TypeVar("_T")
_FIRST_AHEAD, _MOST_AHEAD = 1 << 16, 4 << 20  # bytes that are read ahead where a file is read on
_LITTLE = 4096  # bytes that are fetched at least


@dataclass(slots=True, unsafe_hash=True)
class RemoteFile(File):
    """An object on a server. Its stamp is the ETag, else the time of modification.

    Attributes
    ----------
    server : Server
        Who has it; it holds what logs in, as the key may, and no `repr` shows either.
    key : str
        What the server knows it by.
    listed : Info or None
        What it was like when its folder was listed.
    """

    server: Server = field(default=None, repr=False, compare=False)  # type: ignore[assignment] # as those of File
    key: str = field(default="", repr=False)
    listed: Info | None = field(default=None, repr=False, compare=False)

    @property
    def is_remote(self) -> bool:
        """True: every read has to wait for an answer."""
        return True

    def open(self) -> RemoteHandle:
        """Open the object, by its beginning where the answer tells what it is like; errors as `File.open`."""
        stack = ExitStack()
        try:
            connection = stack.enter_context(connect(self.server))
            opened, beginning = connection.run(self.fetch_beginning(connection, connection.expected))
            return RemoteHandle(opened, stack, connection, beginning)
        except BaseException:
            stack.close()
            raise

    def begin(self, length: int) -> BegunHandle:
        """Fetch the first bytes by one request; errors as `File.open`."""
        with connect(self.server) as connection:
            return connection.run(self._begin(connection, length))

    def check_unchanged(self) -> None:
        """Refuse another object than was opened before; errors as `File.open`."""
        if self.stamp is None:
            self.open().close()
            return
        with connect(self.server) as connection:
            self._check_info(connection.run(self._ask(connection.look_at(self.key))))

    @classmethod
    def begin_many(
        cls, files: Sequence[File], length: int, step: Callable[[], None], threads: int | None
    ) -> list[Begun]:
        """Fetch the first bytes of objects, many at the same time; see `file.begin_many`."""
        remote = _list_remote(files)

        async def begin(connection: Connection, index: int) -> Begun:
            try:
                return await remote[index]._begin(connection, length)
            except (CorruptFileError, OSError) as error:
                return forget_frames(error)

        begun: list[Any] = [None] * len(remote)
        sizes = [length] * len(remote)
        with closing(_run_each(remote, begin, sizes, sys.maxsize, threads or REQUESTS)) as ended:
            for index, one in ended:
                begun[index] = one
                step()
        return begun

    @classmethod
    def read_many(cls, requests: Sequence[Request], limit_bytes: int) -> Generator[int]:
        """Fill buffers by ranges, many at the same time; see `file.read_many`."""
        remote = _list_remote(request.file for request in requests)

        async def fill(connection: Connection, index: int) -> None:
            await remote[index].fetch_into(connection, requests[index].buffer, requests[index].offset)

        sizes = [len(request.buffer) for request in requests]
        with keep_connections(), closing(_run_each(remote, fill, sizes, limit_bytes)) as ended:
            for index, _ in ended:
                yield index
            check_all_unchanged(remote)

    @classmethod
    def read_whole(cls, files: Sequence[File], limit_bytes: int, threads: int) -> Generator[Whole]:
        """Fetch objects whole, many at the same time; see `file.read_whole`."""
        remote = _list_remote(files)

        async def fetch(connection: Connection, index: int) -> Whole:
            file = remote[index]
            try:
                return Whole(index, *await file.fetch_whole(connection))
            except CorruptFileError as error:
                return Whole(index, file, b"", error)
            except OSError as error:
                return Whole(index, file, b"", file.refused(error))

        sizes = [file.size or 0 for file in remote]
        with keep_connections(), closing(_run_each(remote, fetch, sizes, limit_bytes)) as ended:
            for _, whole in ended:
                yield whole
                del whole
            check_all_unchanged(remote)

    # ------------------------------------------------------------------------------------------ one request
    async def fetch_beginning(self, connection: Connection, length: int) -> tuple[RemoteFile, bytes]:
        """Fetch the first bytes of the object, or all where there are no ranges, and what it is like; as `open`."""
        if not self.has_ranges:
            return await self.fetch_whole(connection)
        known = None
        if not connection.confirms:
            known = self.listed or await self._ask(connection.look_at(self.key))
            self._check_info(known)
        answer = await self._fetch(connection, 0, length)
        file = self._opened(answer.info or known or Info(None, ""), has_ranges=answer.has_ranges)
        if self.stamp is None and file.size != 0 and not answer.length:  # some give nothing where less is there
            return await self.fetch_whole(connection)
        return (file, answer.data) if file.size is not None else await file.fetch_whole(connection)

    async def fetch_into(self, connection: Connection, buffer: memoryview, offset: int) -> None:
        """Fill a buffer by one request; errors as `Handle.read_into`, and what has changed is refused by the answer."""
        length = len(buffer)
        if self.size is not None and not 0 <= offset <= self.size - length:
            raise self._incomplete(offset, length, self.size - offset)
        got = 0
        while got < length:  # a server may answer with less than it was asked for
            answer = await self._fetch(connection, offset + got, length - got, buffer[got:])
            if not answer.length:
                raise self._incomplete(offset, length, got)
            got += answer.length

    async def fetch_whole(self, connection: Connection) -> tuple[RemoteFile, bytes]:
        """Fetch the whole object by one request; errors as `open`."""
        known = None
        if not connection.confirms and self.stamp is None:
            known = self.listed or await connection.look_at(self.key)
        answer = await self._fetch(connection, 0, None)
        file = self._opened(answer.info or known or Info(None, ""), has_ranges=answer.has_ranges)
        if file.size is None:
            file = replace(file, size=answer.length)
        if answer.length != file.size:
            raise file._incomplete(0, file.size or 0, answer.length)
        return file, answer.data

    async def _begin(self, connection: Connection, length: int) -> BegunHandle:
        wanted = max(length, connection.expected)
        file, beginning = await self.fetch_beginning(connection, wanted)
        connection.expected = length
        return BegunHandle(file, file.size or 0, beginning[:wanted])

    async def _fetch(
        self, connection: Connection, offset: int, length: int | None, buffer: memoryview | None = None
    ) -> Answer:
        answer = await self._ask(connection.fetch(self.key, offset, length, buffer))
        self._check_info(answer.info)
        return answer

    async def _ask(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Ask the server; where it had the object before, what it answers instead is an error of the file."""
        try:
            return await work
        except OSError as error:
            if self.stamp is None:
                raise
            raise self.refused(error) from None

    # ------------------------------------------------------------------------------------------ whether it changed
    def refused(self, error: OSError) -> CorruptFileError:
        """Make the error of an object that the server does not give any more."""
        if isinstance(error, GoneError) and self.stamp is not None:
            return self.changed("it vanished")
        words = f"it cannot be read: {error.strerror}"
        return CorruptFileError(f"{self.name}: {words}", files=[self.name], remedies=[Step.SCAN_AGAIN], what=words)

    def _check_info(self, info: Info | None) -> None:
        if self.stamp is None or info is None:
            return
        if info.size is not None and info.size != self.size:
            raise self.changed(f"{info.size} bytes now, {self.size} when it was scanned")
        if info.stamp not in (None, self.stamp):
            raise self.changed("it was written again")

    def _incomplete(self, offset: int, length: int, there: int) -> CorruptFileError:
        return self.changed(f"{max(0, there)} of {length} bytes at {offset} could be read")

    def _opened(self, info: Info, *, has_ranges: bool) -> RemoteFile:
        if self.stamp is not None:
            return self
        kind = RemoteFile if has_ranges else WholeRemoteFile
        return kind(self.name, info.size, info.stamp or "", self.server, self.key)


@dataclass(slots=True, unsafe_hash=True)
class WholeRemoteFile(RemoteFile):
    """An object on a server that answers with the whole of it, whatever part it is asked for."""

    has_ranges: ClassVar[bool] = False


def _list_remote(files: Iterable[File]) -> list[RemoteFile]:
    return [file for file in files if isinstance(file, RemoteFile)]


def _group_by_server(files: Iterable[RemoteFile]) -> dict[Server, list[int]]:
    """Group objects, as their indices, by who has them."""
    grouped: dict[Server, list[int]] = defaultdict(list)
    for index, file in enumerate(files):
        grouped[file.server].append(index)
    return grouped


def _run_each(
    files: Sequence[RemoteFile],
    work: Callable[[Connection, int], Coroutine[Any, Any, _T]],
    sizes: Sequence[int],
    limit_bytes: int,
    requests: int = REQUESTS,
) -> Generator[tuple[int, _T]]:
    """Run a coroutine for each object by its index, server by server; see `Connection.run_each`."""
    for server, indices in _group_by_server(files).items():
        with connect(server) as connection:
            ended = connection.run_each(indices, partial(work, connection), sizes, limit_bytes, requests)
            with closing(ended):
                yield from ended


def look_at_each(files: Sequence[RemoteFile]) -> list[Info | OSError]:
    """Ask what each of many objects is like now, many at the same time; for each that, or why not."""

    async def look(connection: Connection, index: int) -> Info | OSError:
        try:
            return await connection.look_at(files[index].key)
        except OSError as error:
            return forget_frames(error)

    infos: dict[int, Info | OSError] = {}
    with closing(_run_each(files, look, [0] * len(files), sys.maxsize)) as ended:
        infos.update(ended)
    return [infos[index] for index in range(len(files))]


def check_all_unchanged(files: Sequence[RemoteFile]) -> None:
    """Refuse objects of which others were read than were opened, where the answers did not tell.

    Raises
    ------
    CorruptFileError
        One has changed.
    """
    opened = list(dict.fromkeys(file for file in files if file.stamp is not None))
    for server, indices in _group_by_server(opened).items():
        with connect(server) as connection:
            if connection.confirms:
                continue
            infos = connection.run(connection.look_at_all([opened[k].key for k in indices]))
        for k, info in zip(indices, infos, strict=True):
            if isinstance(info, OSError):
                raise opened[k].refused(info)
            opened[k]._check_info(info)


class RemoteHandle(Handle):
    """An open object: what was fetched of it last is kept, and more is fetched ahead where it is read on."""

    __slots__ = ("_ahead", "_connection", "_kept", "_stack", "_start")

    file: RemoteFile

    def __init__(self, file: RemoteFile, stack: ExitStack, connection: Connection, kept: bytes) -> None:
        super().__init__(file, file.size or 0)
        self._stack, self._connection = stack, connection
        self._kept, self._start = kept, 0
        self._ahead = _FIRST_AHEAD

    def _read(self, offset: int, length: int) -> bytes:
        self._provide(offset, length)
        at = offset - self._start
        return self._kept[at : at + length]

    def _fill(self, buffer: memoryview, offset: int) -> int:
        at = offset - self._start
        if 0 <= at <= len(self._kept) - len(buffer) or not self.file.has_ranges:
            return super()._fill(buffer, offset)
        self._fetch_into(buffer, offset)
        return len(buffer)

    def _provide(self, offset: int, length: int) -> None:
        """Fetch bytes that are not kept."""
        kept_end = self._start + len(self._kept)
        if not length or (self._start <= offset and offset + length <= kept_end):
            return
        if not self.file.has_ranges:
            self._start, self._kept = 0, self._connection.run(self.file.fetch_whole(self._connection))[1]
            return
        if self._start <= offset <= kept_end:
            wanted = max(length, self._ahead)
            self._ahead = min(2 * self._ahead, _MOST_AHEAD)
        else:
            wanted = max(length, _LITTLE)
        part = bytearray(min(wanted, self.size - offset))
        self._fetch_into(memoryview(part), offset)
        self._start, self._kept = offset, bytes(part)

    def _fetch_into(self, buffer: memoryview, offset: int) -> None:
        self._connection.run(self.file.fetch_into(self._connection, buffer, offset))

    def close(self) -> None:
        """Leave the connection to others."""
        self._stack.close()
