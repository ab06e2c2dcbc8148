"""Ranges over HTTP/1.1, received straight into the memory that they are for: a client of HTTP copies every piece.

Nothing here knows redirections, proxies or cookies. What is asked, and with which headers, a client has asked before;
what is answered in another way than its answer was is left to it.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEAD_BYTES = 1 << 16
_STATUS = re.compile(r"HTTP/1\.1 (\d{3})(?: .*)?")
_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_END = b"\r\n\r\n"
# Headers that another reader of answers than this one has to see.
_UNKNOWN = ("transfer-encoding", "content-encoding", "set-cookie", "trailer", "upgrade")
_ONCE = ("content-length", "content-range", "content-type", "connection", "etag", "last-modified")


class Origin(NamedTuple):
    """Whom to ask, and the lines of a request that are the same for all objects there."""

    host: str
    port: int
    secure: bool
    headers: bytes


class Head(NamedTuple):
    """What stands above the bytes of an answer."""

    status: int
    headers: Mapping[str, str]  # by names in lower case


class UnknownAnswerError(Exception):
    """An answer that is not understood here."""


class Ranges:
    """Connections of one event loop that are kept, to any number of servers.

    Parameters
    ----------
    silence : float
        Seconds without a byte after which a server is given up.
    """

    def __init__(self, silence: float) -> None:
        self._silence = silence
        self._idle: dict[Origin, list[_Line]] = {}
        self._lines: set[_Line] = set()
        self._ssl: ssl.SSLContext | None = None

    async def fetch(self, origin: Origin, target: str, start: int, buffer: memoryview) -> tuple[Head, int]:
        """Ask for as many bytes as a buffer has, and put there what is answered.

        Parameters
        ----------
        origin : Origin
            Whom to ask.
        target : str
            Path and query, as they are sent.
        start : int
            The first byte.
        buffer : memoryview
            Where to put them.

        Returns
        -------
        tuple
            The head of the answer, and how many bytes there were: 0 where it is no range.

        Raises
        ------
        UnknownAnswerError
            It is not understood.
        OSError
            The server cannot be reached, has cut the connection (ConnectionError) or is silent (TimeoutError).
        """
        lines = f"GET {target} HTTP/1.1\r\nRange: bytes={start}-{start + len(buffer) - 1}\r\n"
        request = lines.encode("ascii") + origin.headers + b"\r\n"
        while True:
            line, is_fresh = await self._take_line(origin)
            try:
                head = await line.ask(request, buffer, self._silence)
            except ConnectionError:
                if is_fresh or line.heard:
                    raise
                continue  # the server has given up a connection that was kept
            if line.may_be_kept:
                self._idle[origin].append(line)
            else:
                line.close()
            return head, line.count

    async def _take_line(self, origin: Origin) -> tuple[_Line, bool]:
        """A connection that nobody uses, and whether it was made now."""
        idle = self._idle.setdefault(origin, [])
        while idle:
            line = idle.pop()
            if not line.is_closed:
                return line, False
        if origin.secure and self._ssl is None:
            self._ssl = ssl.create_default_context()
        context = self._ssl if origin.secure else None
        connecting = asyncio.get_running_loop().create_connection(_Line, origin.host, origin.port, ssl=context)
        _, line = await asyncio.wait_for(connecting, self._silence)
        self._lines = {line for line in self._lines if not line.is_closed} | {line}
        return line, True

    def close(self) -> None:
        """Close all connections."""
        for line in self._lines:
            line.close()


class _Line(asyncio.BufferedProtocol):
    """One connection, with one request at a time."""

    _transport: asyncio.Transport

    def __init__(self) -> None:
        self.is_closed = False
        self.may_be_kept = False  # whether the answer has come to its end, and another may follow
        self.heard = False  # whether anything of the answer has come
        self.count = 0  # bytes of the body that have
        self._loop = asyncio.get_running_loop()
        self._above = bytearray(_HEAD_BYTES)
        self._filled = 0  # bytes of that
        self._head: Head | None = None
        self._body = memoryview(b"")  # where to put it, of its length once that is known
        self._answer: asyncio.Future[Head] | None = None  # while somebody waits
        self._latest = 0.0  # when something came

    async def ask(self, request: bytes, buffer: memoryview, silence: float) -> Head:
        """Send a request, and put the bytes of the answer into a buffer; see `Ranges.fetch`."""
        self.may_be_kept = self.heard = False
        self.count = self._filled = 0
        self._head, self._body = None, buffer
        answer: asyncio.Future[Head] = self._loop.create_future()
        self._answer = answer
        self._latest = self._loop.time()
        watch = self._loop.call_later(silence, self._watch, silence)
        try:
            if self.is_closed:
                raise ConnectionResetError
            self._transport.write(request)
            return await answer
        except BaseException:
            self.close()  # and nothing is put into the buffer any more
            raise
        finally:
            watch.cancel()
            self._answer, self._body = None, memoryview(b"")

    def _watch(self, silence: float) -> None:
        """Give a silent server up."""
        left = self._latest + silence - self._loop.time()
        if left <= 0:
            self._fail(TimeoutError())
        elif self._answer is not None:
            self._loop.call_later(left, self._watch, silence)

    def close(self) -> None:
        """Close it at once."""
        self.is_closed = True
        self._transport.abort()

    def _succeed(self, head: Head) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(head)

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    # ------------------------------------------------------------------------------------------ called by the loop
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = transport  # type: ignore[assignment] # one that writes

    def get_buffer(self, sizehint: int) -> memoryview:
        """The rest of the body, or room for what stands above it; there too goes what nobody has asked for."""
        if self._head is not None and self.count < len(self._body):
            return self._body[self.count :]
        return memoryview(self._above)[self._filled % _HEAD_BYTES :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was put into the buffer."""
        self.heard, self._latest = True, self._loop.time()
        if self._answer is None or self._answer.done():
            self.close()  # more than was asked for
        elif self._head is None:
            self._filled += nbytes
            self._read_above()
        else:
            self.count += nbytes
            self._end_at_last()

    def _read_above(self) -> None:
        end = self._above.find(_END, 0, self._filled) + len(_END)
        if end < len(_END):
            if self._filled == _HEAD_BYTES:
                self._fail(UnknownAnswerError())
            return
        try:
            self._head = _parse_head(self._above[:end].decode("latin-1"))
            length = _find_length(self._head, len(self._body))
        except UnknownAnswerError as error:
            self._fail(error)
            return
        rest = self._filled - end
        if length is None:
            self._succeed(self._head)
        elif rest > length:
            self._fail(UnknownAnswerError())
        else:
            self._body = self._body[:length]
            self._body[:rest] = self._above[end : self._filled]
            self.count = rest
            self._end_at_last()

    def _end_at_last(self) -> None:
        if self.count == len(self._body) and self._head is not None:
            self.may_be_kept = self._head.headers.get("connection", "keep-alive").lower() == "keep-alive"
            self._succeed(self._head)

    def eof_received(self) -> None:
        """Close it: the server has ended."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits."""
        self.is_closed, self.may_be_kept = True, False
        self._fail(ConnectionResetError())


def _parse_head(text: str) -> Head:
    """The status and headers of an answer that is understood here."""
    first, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    status = _STATUS.fullmatch(first)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not _NAME.fullmatch(name) or name in _UNKNOWN or (name in headers and name in _ONCE):
            raise UnknownAnswerError
        headers[name] = value.strip(" \t")
    if status is None or int(status[1]) < HTTPStatus.OK:
        raise UnknownAnswerError
    return Head(int(status[1]), headers)


def _find_length(head: Head, room: int) -> int | None:
    """The length of a body that fits; None where the answer is no range."""
    if head.status != HTTPStatus.PARTIAL_CONTENT:
        return None
    length = head.headers.get("content-length", "")
    if not (length.isascii() and length.isdigit() and 0 < int(length) <= room):
        raise UnknownAnswerError
    return int(length)
