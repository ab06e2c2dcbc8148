"""Objects over HTTP: each answer says itself of which object, how long and of which ETag, its bytes are."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from ..._util.optional import require
from .connection import Connection, gather_some
from .pages import list_links
from .server import Answer, Info, make_gone_error, make_server_error
from .urls import keep_login

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .server import Server

_TRIES = 4
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0  # seconds
_SILENCE = 60.0  # seconds without a byte before a server is given up
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_NOT_THERE = (404, 410)
_SMALL = 1 << 20  # bytes that are read to their end rather than the connection closed
_LONGEST_PAGE = 64 << 20
_DEEPEST_FOLDER = 32
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
        self.run(self._session.close())
        self._loop.close()

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

    async def _get(self, url: str, start: int, length: int | None, buffer: memoryview | None) -> Answer:
        """Ask once. What aiohttp raises names the URL with its query, so that only its kind is told."""
        aiohttp = self._aiohttp
        options = dict(self._system.kwargs)
        headers = {"Accept-Encoding": "identity", **(options.pop("headers", None) or {})}
        if length is not None:
            headers["Range"] = f"bytes={start}-{max(start + length, 1) - 1}"
        try:
            async with self._session.get(self._system.encode_url(url), headers=headers, **options) as response:
                answer = await _read_answer(response, start, length, buffer)
                return answer._replace(url=keep_login(str(response.url), url)) if answer.is_page else answer
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                raise _Busy(f"the server cannot be reached ({_name_cause(error)})") from None
            raise _Busy("the connection was cut") from None
        except TimeoutError:
            raise make_server_error(f"the server has not answered for {_SILENCE:.0f} s") from None
        except aiohttp.ClientError as error:
            raise make_server_error(f"the server cannot be asked ({type(error).__name__})") from None

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
    status = response.status
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and length is not None:
        info = _find_info(response.headers, None)
        return Answer(b"", 0, info._replace(stamp=info.stamp or None))  # few servers say more of it than its size
    if status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        raise _make_status_error(response)
    first, total = (0, _find_length(response.headers))
    if status == HTTPStatus.PARTIAL_CONTENT:
        found = _RANGE.match(response.headers.get("Content-Range", ""))
        if found is None or found[1] is None or int(found[1]) != start:
            raise make_server_error("the server answers with other bytes than it was asked for")
        first, total = start, None if found[3] == "*" else int(found[3])
    has_ranges = status == HTTPStatus.PARTIAL_CONTENT
    wanted = length
    if not has_ranges and (total is None or (start == 0 and total <= _SMALL and buffer is None)):
        wanted = None  # all of it: it is little, or tells how much it is only by its end
    data, count, end = await _take(response, start - first, wanted, buffer)
    if not has_ranges and total is None:
        total = end
    is_page = response.content_type in ("text/html", "application/xhtml+xml")
    return Answer(data, count, _find_info(response.headers, total), has_ranges, is_page)


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
    if headers.get("Content-Encoding", "identity") not in ("", "identity"):
        return None
    length = headers.get("Content-Length", "")
    return int(length) if length.isdigit() else None


def _find_info(headers: Mapping[str, str], total: int | None) -> Info:
    if total is None and (found := _RANGE.match(headers.get("Content-Range", ""))) and found[3] != "*":
        total = int(found[3])
    stamp = headers.get("ETag") or headers.get("Last-Modified") or ""
    return Info(total, stamp.removeprefix("W/"))


def _make_status_error(response: Any) -> Exception:
    status = response.status
    try:
        words = f"the server answers {status} {HTTPStatus(status).phrase}"
    except ValueError:
        words = f"the server answers {status}"
    if status in _NOT_THERE:
        return make_gone_error(words)
    if status not in _BUSY:
        return make_server_error(words)
    wait = response.headers.get("Retry-After", "")
    return _Busy(words, float(wait) if wait.isdigit() else 0.0)


def _name_cause(error: Any) -> str:
    """Say why a server cannot be reached, in words of the system."""
    cause = getattr(error, "os_error", None)
    return str(getattr(cause, "strerror", None) or type(error).__name__)
