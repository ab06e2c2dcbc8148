"""Files that are objects on a server."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from ...errors import CorruptFileError
from ...errors.remedies import Step
from ..file import File, Handle, Whole, read_in_threads
from .connection import THREADS
from .server import GoneError, Info, Server
from .sharing import connect

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ..file import Request
    from .connection import Connection
    from .server import Answer

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
        """Open the object; errors as `File.open`.

        One that was found is read from its beginning, where only that tells what it is like; one that was opened before
        is looked at.
        """
        stack = ExitStack()
        try:
            connection = stack.enter_context(connect(self.server))
            if self.stamp is not None:
                self._check_info(self._look(connection))
                return RemoteHandle(self, stack, connection)
            known = None if connection.confirms else self.listed or connection.look_at(self.key)
            answer = connection.fetch(self.key, 0, connection.expected)
            opened = self._opened(answer.info or known or Info(None, ""), has_ranges=answer.has_ranges)
            return RemoteHandle(opened, stack, connection, answer.data, is_first=True)
        except BaseException:
            stack.close()
            raise

    def check_unchanged(self) -> None:
        """Refuse another object than was opened before; errors as `File.open`."""
        if self.stamp is None:
            self.open().close()
            return
        with connect(self.server) as connection:
            self._check_info(self._look(connection))

    @classmethod
    def read_many(cls, requests: Sequence[Request], limit_bytes: int) -> Generator[int]:
        """Fill buffers by ranges, many at the same time; see `file.read_many`."""

        def fill(index: int) -> int:
            file, offset, buffer = requests[index]
            assert isinstance(file, RemoteFile)  # noqa: S101 - for the type checker
            file.fetch_into(buffer, offset)
            return index

        with ExitStack() as stack:
            files = _enter_connections([request.file for request in requests], stack)
            yield from read_in_threads([len(request.buffer) for request in requests], fill, limit_bytes, THREADS)
            check_all_unchanged(files)

    @classmethod
    def read_whole(cls, files: Sequence[File], limit_bytes: int, threads: int) -> Generator[Whole]:
        """Fetch objects whole, many at the same time; see `file.read_whole`."""

        def fetch(index: int) -> Whole:
            file = files[index]
            assert isinstance(file, RemoteFile)  # noqa: S101 - for the type checker
            try:
                return Whole(index, *file.fetch_whole())
            except CorruptFileError as error:
                return Whole(index, file, b"", error)
            except OSError as error:
                return Whole(index, file, b"", file.refused(error))

        with ExitStack() as stack:
            opened = _enter_connections(files, stack)
            yield from read_in_threads([file.size or 0 for file in files], fetch, limit_bytes, THREADS)
            check_all_unchanged(opened)

    # ------------------------------------------------------------------------------------------ one request
    def fetch_into(self, buffer: memoryview, offset: int) -> None:
        """Fill a buffer by one request; errors as `Handle.read_into`, and what has changed is refused by the answer."""
        length = len(buffer)
        if self.size is not None and not 0 <= offset <= self.size - length:
            raise self._incomplete(offset, length, self.size - offset)
        got = 0
        with connect(self.server) as connection:
            while got < length:  # a server may answer with less than it was asked for
                answer = self._fetch(connection, offset + got, length - got, buffer[got:])
                if not answer.length:
                    raise self._incomplete(offset, length, got)
                got += answer.length

    def fetch_whole(self) -> tuple[RemoteFile, bytes]:
        """Fetch the whole object by one request; errors as `open`."""
        with connect(self.server) as connection:
            if not connection.confirms and self.stamp is None:
                file = self._opened(self.listed or connection.look_at(self.key))
                answer = file._fetch(connection, 0, None)
            else:
                file, answer = self, self._fetch(connection, 0, None)
        if self.stamp is None and answer.info is not None:
            file = self._opened(answer.info, has_ranges=answer.has_ranges)
        if file.size is None:
            file = replace(file, size=answer.length)
        if answer.length != file.size:
            raise file._incomplete(0, file.size or 0, answer.length)
        return file, answer.data

    def _fetch(
        self, connection: Connection, offset: int, length: int | None, buffer: memoryview | None = None
    ) -> Answer:
        try:
            answer = connection.fetch(self.key, offset, length, buffer)
        except OSError as error:
            if self.stamp is None:
                raise
            raise self.refused(error) from None
        if self.stamp is not None and answer.info is not None:
            self._check_info(answer.info)
        return answer

    def _look(self, connection: Connection) -> Info:
        try:
            return connection.look_at(self.key)
        except OSError as error:
            raise self.refused(error) from None

    # ------------------------------------------------------------------------------------------ whether it changed
    def refused(self, error: OSError) -> CorruptFileError:
        """Make the error of an object that the server does not give any more."""
        if isinstance(error, GoneError) and self.stamp is not None:
            return self.changed("it vanished")
        words = f"it cannot be read: {error.strerror}"
        return CorruptFileError(f"{self.name}: {words}", files=[self.name], remedies=[Step.SCAN_AGAIN], what=words)

    def _check_info(self, info: Info) -> None:
        if info.size is not None and info.size != self.size:
            raise self.changed(f"{info.size} bytes now, {self.size} when it was scanned")
        if info.stamp != self.stamp:
            raise self.changed("it was written again")

    def _incomplete(self, offset: int, length: int, there: int) -> CorruptFileError:
        return self.changed(f"{max(0, there)} of {length} bytes at {offset} could be read")

    def _opened(self, info: Info, *, has_ranges: bool = True) -> RemoteFile:
        kind = RemoteFile if has_ranges else WholeRemoteFile
        return kind(self.name, info.size, info.stamp, self.server, self.key)


@dataclass(slots=True, unsafe_hash=True)
class WholeRemoteFile(RemoteFile):
    """An object on a server that answers with the whole of it, whatever part it is asked for."""

    has_ranges: ClassVar[bool] = False


def _enter_connections(files: Sequence[File], stack: ExitStack) -> list[RemoteFile]:
    """Keep the connections to the servers of some files, until the stack is closed."""
    remote = [file for file in files if isinstance(file, RemoteFile)]
    for server in dict.fromkeys(file.server for file in remote):
        stack.enter_context(connect(server))
    return remote


def check_all_unchanged(files: Sequence[RemoteFile]) -> None:
    """Refuse objects of which others were read than were opened, where the answers did not tell.

    Raises
    ------
    CorruptFileError
        One has changed.
    """
    by_server: dict[Server, list[RemoteFile]] = defaultdict(list)
    for file in dict.fromkeys(file for file in files if file.stamp is not None):
        by_server[file.server].append(file)
    for server, part in by_server.items():
        with connect(server) as connection:
            if connection.confirms:
                continue
            for file, info in zip(part, connection.look_at_all([file.key for file in part]), strict=True):
                if isinstance(info, OSError):
                    raise file.refused(info)
                file._check_info(info)


class RemoteHandle(Handle):
    """An open object: what was fetched of it last is kept, and more is fetched ahead where it is read on."""

    __slots__ = ("_ahead", "_connection", "_first", "_kept", "_stack", "_start", "_used")

    file: RemoteFile

    def __init__(
        self, file: RemoteFile, stack: ExitStack, connection: Connection, kept: bytes = b"", *, is_first: bool = False
    ) -> None:
        if file.size is None:  # the server has not said: only its end tells
            opened, kept = file.fetch_whole()
            file = replace(file, size=opened.size)
        super().__init__(file, file.size or 0)
        self._stack, self._connection = stack, connection
        self._kept, self._start = kept, 0
        self._first, self._used = is_first, 0
        self._ahead = _FIRST_AHEAD

    def _read(self, offset: int, length: int) -> bytes:
        self._provide(offset, length)
        at = offset - self._start
        return self._kept[at : at + length]

    def _fill(self, buffer: memoryview, offset: int) -> int:
        at = offset - self._start
        if 0 <= at <= len(self._kept) - len(buffer) or not self.file.has_ranges:
            return super()._fill(buffer, offset)
        self.file.fetch_into(buffer, offset)
        return len(buffer)

    def _provide(self, offset: int, length: int) -> None:
        """Fetch bytes that are not kept."""
        end, kept_end = offset + length, self._start + len(self._kept)
        if self._start <= offset and end <= kept_end:
            self._used = max(self._used, end) if not self._start else self._used
            return
        if not length:
            return
        if not self.file.has_ranges:
            self._start, self._kept = 0, self.file.fetch_whole()[1]
            return
        if self._start <= offset <= kept_end:
            wanted = max(length, self._ahead)
            self._ahead = min(2 * self._ahead, _MOST_AHEAD)
        else:
            wanted = max(length, _LITTLE)
        if offset < kept_end:
            self._used = max(self._used, end)
        part = bytearray(min(wanted, self.size - offset))
        self.file.fetch_into(memoryview(part), offset)
        self._start, self._kept = offset, bytes(part)

    def close(self) -> None:
        """Leave the connection to others."""
        if self._first and self._used:
            self._connection.expect(self._used)
        self._first = False
        self._stack.close()
