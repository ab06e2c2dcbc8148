"""Objects over HTTP: each answer says itself of which object, how long and of which ETag, its bytes are."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from ..._util.optional import require
from .connection import Connection, gather_some
from .pages import list_links
from .ranges import Origin, Ranges, UnknownAnswerError
from .server import Answer, Info, make_gone_error, make_server_error
from .urls import keep_login

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .server import Server

_TRIES = 4
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0  # seconds
_SILENCE = 60.0  # seconds without a byte before a server is given up
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_PAGES = ("text/html", "application/xhtml+xml")
_NOT_THERE = (404, 410)
_SMALL = 1 << 20  # bytes that are read to their end rather than the connection closed
_LONGEST_PAGE = 64 << 20
_DEEPEST_FOLDER = 32
_PLAIN_OPTIONS = {"headers", "auth"}  # what every request shows in its headers
_KEPT = "%" + ":/?#[]@" + "!$&'()*+,;="  # escapes, and what RFC 3986 reserves
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


class _Busy(Exception):  # noqa: N818 - it is tried again
    """An answer that another one may follow."""

    def __init__(self, words: str, wait: float = 0.0) -> None:
        super().__init__(words)
        self.words, self.wait = words, wait


class HttpConnection(Connection):
    """A session of aiohttp, with the options of fsspec's HTTP file system."""

    confirms: ClassVar[bool] = True

    def __init__(self, server: Server) -> None:
        self._aiohttp = require("aiohttp", extra="remote")
        fsspec = require("fsspec", extra="remote")
        options: dict[str, Any] = {"asynchronous": True, "skip_instance_cache": True, **server.options}
        client = dict(options.pop("client_kwargs", None) or {})
        self._is_plain = client.keys() | options.keys() <= {*_PLAIN_OPTIONS, "asynchronous", "skip_instance_cache"}
        self._ranges, self._origins = Ranges(_SILENCE), dict[tuple[Any, ...], Origin | None]()
        client.setdefault("timeout", self._aiohttp.ClientTimeout(total=None, sock_connect=_SILENCE, sock_read=_SILENCE))
        super().__init__()
        try:
            self._system = fsspec.filesystem("http", loop=self._loop.loop, client_kwargs=client, **options)
            self._session = self.run(self._system.set_session())
        except BaseException:
            self._loop.close()
            raise

    def close(self) -> None:
        """Close the session and its sockets."""
        self.run(self._end())
        self._loop.close()

    async def _end(self) -> None:
        self._ranges.close()
        await self._session.close()

    def find_key(self, url: str) -> str:
        """The URL itself."""
        return url.partition("#")[0]

    async def look_at(self, key: str) -> Info:
        """Ask with the first byte: some servers refuse to be asked without any."""
        info = (await self.fetch(key, 0, 1)).info
        assert info is not None  # noqa: S101 - for the type checker
        return info

    async def look_at_all(self, keys: Sequence[str]) -> list[Info | OSError]:
        """Say nothing: each answer has told what its object is like."""
        return []

    # ------------------------------------------------------------------------------------------ one request
    async def fetch(self, key: str, start: int, length: int | None, buffer: memoryview | None = None) -> Answer:
        """Fetch bytes, and try again what may pass; see `Connection.fetch`."""
        wait = _FIRST_WAIT
        for left in reversed(range(_TRIES)):
            try:
                return await self._get(key, start, length, buffer)
            except _Busy as busy:
                if not left:
                    raise make_server_error(f"{busy.words}, {_TRIES} times") from None
                await asyncio.sleep(min(max(wait, busy.wait), _LONGEST_WAIT))
                wait *= 2
        raise AssertionError  # the last try returns or raises

    def _encode(self, url: str) -> Any:
        """Take a URL as it is written: a server, or a signature, may know it by no other spelling."""
        import yarl

        if not url.isascii():
            return self._system.encode_url(url)
        return yarl.URL(quote(url, safe=_KEPT), encoded=True)

    async def _get(self, url: str, start: int, length: int | None, buffer: memoryview | None) -> Answer:
        """Ask once: by a connection of our own where aiohttp has shown the way, else by aiohttp."""
        address = self._encode(url)
        origin = self._origins.get(_find_origin(address))
        if origin is not None and length:
            try:
                answer = await self._get_range(origin, address.raw_path_qs, start, length, buffer)
                return answer._replace(url=url) if answer.is_page else answer
            except UnknownAnswerError:
                self._origins[_find_origin(address)] = None
        return await self._get_by_aiohttp(address, url, start, length, buffer)

    async def _get_range(
        self, origin: Origin, target: str, start: int, length: int, buffer: memoryview | None
    ) -> Answer:
        data = bytearray(length) if buffer is None else b""
        try:
            room = memoryview(data) if buffer is None else buffer[:length]
            head, count = await self._ranges.fetch(origin, target, start, room)
        except (ConnectionResetError, ConnectionAbortedError, BrokenPipeError):
            raise _Busy("the connection was cut") from None
        except TimeoutError:
            raise make_server_error(f"the server has not answered for {_SILENCE:.0f} s") from None
        except OSError as error:
            raise _Busy(f"the server cannot be reached ({error.strerror or type(error).__name__})") from None
        if head.status != HTTPStatus.PARTIAL_CONTENT and head.status < HTTPStatus.BAD_REQUEST:
            raise UnknownAnswerError
        if head.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return _make_empty_answer(head.headers)
        _check_status(head.status, head.headers)
        total = _find_total(head.headers, start)
        return Answer(bytes(data[:count]), count, _find_info(head.headers, total), True, _is_page(head.headers))

    async def _get_by_aiohttp(
        self, address: Any, url: str, start: int, length: int | None, buffer: memoryview | None
    ) -> Answer:
        """Ask by aiohttp. What it raises names the URL with its query, so that only its kind is told."""
        aiohttp = self._aiohttp
        options = dict(self._system.kwargs)
        headers = {"Accept-Encoding": "identity", **(options.pop("headers", None) or {})}
        if length is not None:
            headers["Range"] = f"bytes={start}-{max(start + length, 1) - 1}"
        try:
            async with self._session.get(address, headers=headers, **options) as response:
                answer = await _read_answer(response, start, length, buffer)
                self._learn(address, response)
                return answer._replace(url=keep_login(str(response.url), url)) if answer.is_page else answer
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                raise _Busy(f"the server cannot be reached ({_name_cause(error)})") from None
            raise _Busy("the connection was cut") from None
        except TimeoutError:
            raise make_server_error(f"the server has not answered for {_SILENCE:.0f} s") from None
        except aiohttp.ClientError as error:
            raise make_server_error(f"the server cannot be asked ({type(error).__name__})") from None

    def _learn(self, address: Any, response: Any) -> None:
        """Keep what a server was sent, where it has answered with a range at once."""
        key, sent = _find_origin(address), response.request_info.headers
        if response.status != HTTPStatus.PARTIAL_CONTENT or response.history or key in self._origins:
            return
        is_plain = self._is_plain and "Set-Cookie" not in response.headers
        is_plain = is_plain and "Cookie" not in sent and "Connection" not in sent
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items() if name.lower() != "range")
        made = Origin(address.raw_host, address.port, address.scheme == "https", lines.encode())
        self._origins[key] = made if is_plain else None

    # ------------------------------------------------------------------------------------------ folders
    async def list_folder(self, key: str, *, recursive: bool) -> dict[str, Info | None]:
        """List the links of a page, and of the pages below it; see `Connection.list_folder`."""
        found: dict[str, Info | None] = {}
        level, seen = [key], {key}
        for _ in range(_DEEPEST_FOLDER):
            links = [link for page in await gather_some(self._list_page, level) for link in page]
            folders = [link for link in dict.fromkeys(links) if link.partition("?")[0].endswith("/")]
            found.update(dict.fromkeys(link for link in links if link not in folders))
            level = [folder for folder in folders if folder not in seen]
            seen.update(level)
            if not recursive:
                found.update(dict.fromkeys(level))
                break
            if not level:
                break
        return found

    async def _list_page(self, url: str) -> list[str]:
        answer = await self.fetch(url, 0, None)
        if not answer.is_page:
            raise make_server_error("the server does not list its files: it answers with no web page")
        return list_links(answer.data.decode("utf-8", "replace"), answer.url)


async def _read_answer(response: Any, start: int, length: int | None, buffer: memoryview | None) -> Answer:
    status, headers = response.status, response.headers
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and length is not None:
        return _make_empty_answer(headers)
    _check_status(status, headers)
    first, total = (0, _find_length(headers))
    if status == HTTPStatus.PARTIAL_CONTENT:
        first, total = start, _find_total(headers, start)
    has_ranges = status == HTTPStatus.PARTIAL_CONTENT
    wanted = length
    if not has_ranges and (total is None or (start == 0 and total <= _SMALL and buffer is None)):
        wanted = None  # all of it: it is little, or tells how much it is only by its end
    data, count, end = await _take(response, start - first, wanted, buffer)
    if not has_ranges and total is None:
        total = end
    return Answer(data, count, _find_info(headers, total), has_ranges, _is_page(headers))


def _make_empty_answer(headers: Mapping[str, str]) -> Answer:
    """The answer of a server that has no byte there; few say more of the object than its size."""
    info = _find_info(headers, None)
    return Answer(b"", 0, info._replace(stamp=info.stamp or None))


def _find_total(headers: Mapping[str, str], start: int) -> int | None:
    """The length of the object that a range is of; None where it is not told."""
    found = _RANGE.match(headers.get("content-range", ""))
    if found is None or found[1] is None or int(found[1]) != start:
        raise make_server_error("the server answers with other bytes than it was asked for")
    return None if found[3] == "*" else int(found[3])


def _is_page(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").partition(";")[0].strip().lower() in _PAGES


def _find_origin(address: Any) -> tuple[Any, ...]:
    """Whom a URL asks, and as whom."""
    return address.scheme, address.raw_user, address.raw_password, address.raw_host, address.port


async def _take(response: Any, skip: int, length: int | None, buffer: memoryview | None) -> tuple[bytes, int, int]:
    """Read on from where bytes are wanted; returns them, their number, and how many were read in all.

    Leaving it before its end closes the connection.
    """
    parts: list[bytes] = []
    got = at = 0
    async for chunk in response.content.iter_any():
        begin = max(0, skip - at)
        at += len(chunk)
        part = memoryview(chunk)[begin:]
        if length is not None:
            part = part[: length - got]
        if buffer is None:
            parts.append(bytes(part))
        else:
            part = part[: len(buffer) - got]
            buffer[got : got + len(part)] = part
        got += len(part)
        if length is not None and got >= length:
            break
    return b"".join(parts), got, at


def _find_length(headers: Mapping[str, str]) -> int | None:
    """The length of what is answered whole; None where it is not told, or is that of packed bytes."""
    if headers.get("content-encoding", "identity") not in ("", "identity"):
        return None
    length = headers.get("content-length", "")
    return int(length) if length.isdigit() else None


def _find_info(headers: Mapping[str, str], total: int | None) -> Info:
    if total is None and (found := _RANGE.match(headers.get("content-range", ""))) and found[3] != "*":
        total = int(found[3])
    stamp = headers.get("etag") or headers.get("last-modified") or ""
    return Info(total, stamp.removeprefix("W/"))


def _check_status(status: int, headers: Mapping[str, str]) -> None:
    """Refuse an answer without bytes of the object."""
    if status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return
    try:
        words = f"the server answers {status} {HTTPStatus(status).phrase}"
    except ValueError:
        words = f"the server answers {status}"
    if status in _NOT_THERE:
        raise make_gone_error(words)
    if status not in _BUSY:
        raise make_server_error(words)
    wait = headers.get("retry-after", "")
    raise _Busy(words, float(wait) if wait.isdigit() else 0.0)


def _name_cause(error: Any) -> str:
    """Say why a server cannot be reached, in words of the system."""
    cause = getattr(error, "os_error", None)
    return str(getattr(cause, "strerror", None) or type(error).__name__)
