"""Ranges that are received by connections of our own: whatever a server answers, the bytes are those of the object."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from base64 import b64encode
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sources.servers import web_server

from vtkdicomload.sources.remote.http import HttpConnection
from vtkdicomload.sources.remote.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTENT = bytes(range(1, 256)) * 2000


def head(status: str, count: int, *lines: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {count}", 'ETag: "1"', *lines, "", "")).encode()


def told(first: int, last: int) -> str:
    return f"Content-Range: bytes {first}-{last}/{len(CONTENT)}"


def ranged(first: int, last: int, *lines: str) -> bytes:
    last = min(last, len(CONTENT) - 1)
    part = CONTENT[first : last + 1]
    return head("206 Partial Content", len(part), told(first, last), *lines) + part


def chunked(first: int, last: int) -> bytes:
    part = CONTENT[first : last + 1]
    lines = ("HTTP/1.1 206 Partial Content", told(first, last), 'ETag: "1"', "Transfer-Encoding: chunked", "", "")
    return "\r\n".join(lines).encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(part), part)


def whole(first: int, last: int) -> bytes:
    return head("200 OK", len(CONTENT)) + CONTENT


# What a server answers once it is known; each may take a second request.
ODD: dict[str, Callable[[int, int], bytes]] = {
    "a plain range": ranged,
    "headers that are there twice": lambda a, b: ranged(a, b, "X-A: 1", "X-A: 2"),
    "two lengths": lambda a, b: ranged(a, b, f"Content-Length: {b - a}"),
    "chunks": chunked,
    "a cookie": lambda a, b: ranged(a, b, "Set-Cookie: a=1"),
    "the whole object": whole,
    "another place": lambda a, b: head("302 Found", 0, "Location: /elsewhere"),
    "a version before": lambda a, b: ranged(a, b).replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "no HTTP": lambda a, b: b"\r\n\r\n" * 9,
    "a head without an end": lambda a, b: b"HTTP/1.1 206 Partial Content\r\nX: " + b"x" * 70_000,
    "more than was asked for": lambda a, b: ranged(a, b + 5),
    "less than was asked for": lambda a, b: ranged(a, b - 5),
    "nothing": lambda a, b: b"",
    "a head that is cut": lambda a, b: ranged(a, b)[:20],
    "a body that is cut": lambda a, b: ranged(a, b)[:-20],
    "busy": lambda a, b: head("503 Service Unavailable", 0),
}


@contextmanager
def served(answer: Callable[[int, str, int, int], list[bytes]]) -> Iterator[str]:
    """A server that answers ``answer(request, target, first, last)``, pieces of bytes; after none of them it closes."""
    count = 0
    lock = threading.Lock()

    def work(client: socket.socket) -> None:
        nonlocal count
        with client, contextlib.suppress(OSError):
            while True:
                asked = b""
                while b"\r\n\r\n" not in asked:
                    part = client.recv(1 << 16)
                    if not part:
                        return
                    asked += part
                with lock:
                    number, count = count, count + 1
                first, _, last = asked.lower().partition(b"range: bytes=")[2].partition(b"\r\n")[0].partition(b"-")
                pieces = answer(number, asked.split()[1].decode(), int(first), int(last))
                for piece in pieces:
                    client.sendall(piece)
                    if len(pieces) > 1:
                        time.sleep(0.0005)
                if not pieces or not pieces[-1].endswith(CONTENT[int(last) : int(last) + 1]):
                    return

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threads.append(threading.Thread(target=work, args=(server.accept()[0],)))
                threads[-1].start()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        waiting = threading.Thread(target=accept)
        waiting.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/a.dcm"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            waiting.join()
            for thread in threads:
                thread.join()


@contextmanager
def connected(url: str, **options: Any) -> Iterator[HttpConnection]:
    connection = HttpConnection(Server(url, "http", options))
    try:
        yield connection
    finally:
        connection.close()


def fetch(connection: HttpConnection, url: str, first: int, length: int) -> bytes:
    """Bytes by as many requests as it takes, into a buffer."""
    buffer, got = bytearray(length), 0
    while got < length:
        answer = connection.run(connection.fetch(url, first + got, length - got, memoryview(buffer)[got:]))
        assert answer.length
        assert answer.info is not None
        assert answer.info.size == len(CONTENT)
        got += answer.length
    return bytes(buffer)


@pytest.mark.parametrize("kind", ODD)
def test_whatever_is_answered_the_bytes_are_those_of_the_object(kind: str) -> None:
    requests: list[tuple[int, str]] = []

    def answer(number: int, target: str, first: int, last: int) -> list[bytes]:
        requests.append((number, target))
        return [ODD[kind](first, last) if number == 1 else ranged(first, last)]

    with served(answer) as url, connected(url) as connection:
        for first, length in ((0, 100), (7, 200), (50_000, 100_000), (len(CONTENT) - 9, 9)):
            assert fetch(connection, url, first, length) == CONTENT[first : first + length]
        assert connection.run(connection.fetch(url, 3, 5)).data == CONTENT[3:8]
    assert 5 <= len(requests) <= 7
    assert len(requests) == 5 or kind not in ("a plain range", "headers that are there twice")


def test_an_answer_may_come_in_any_pieces() -> None:
    def answer(number: int, target: str, first: int, last: int) -> list[bytes]:
        data = ranged(first, last)
        return [data[k : k + 1] for k in range(200)] + [data[200:]]

    with served(answer) as url, connected(url) as connection:
        for first in (0, 10, 1000):
            assert fetch(connection, url, first, 300) == CONTENT[first : first + 300]


def test_a_connection_that_the_server_has_given_up_is_made_anew() -> None:
    with web_server() as web, connected(web.address) as connection:
        url = web.put("a.dcm", CONTENT)
        for _ in range(3):
            assert fetch(connection, url, 5, 500) == CONTENT[5:505]
        kept = [line for lines in connection._ranges._idle.values() for line in lines]
        assert len(kept) == 1
        kept[0]._transport.get_extra_info("socket").shutdown(socket.SHUT_RD)
        assert fetch(connection, url, 6, 500) == CONTENT[6:506]
        assert len(web.asked) == 4


@pytest.mark.parametrize("how", ["options", "address"])
def test_every_request_shows_the_same_login(how: str) -> None:
    login = f"Basic {b64encode(b'user:word').decode()}"
    with web_server() as web:
        web.login = login
        url = web.put("a.dcm", CONTENT)
        options = {"client_kwargs": {"headers": {"Authorization": login}}} if how == "options" else {}
        if how == "address":
            url = url.replace("://", "://user:word@")
        with connected(url, **options) as connection:
            for first in (1, 2, 3):
                assert fetch(connection, url, first, 10) == CONTENT[first : first + 10]
            assert [origin is not None for origin in connection._origins.values()] == [True]
            if how == "address":  # another user of the same server is nobody
                with pytest.raises(OSError, match="401"):
                    fetch(connection, url.replace("user:word@", ""), 1, 10)
        assert {asked.authorization for asked in web.asked} == ({web.login, ""} if how == "address" else {web.login})


@pytest.mark.parametrize("options", [{"client_kwargs": {"trust_env": True}}, {"proxy": None}, {"cookies": {"a": "b"}}])
def test_what_no_header_shows_is_left_to_the_client(options: dict[str, Any]) -> None:
    with web_server() as web, connected(web.address, **options) as connection:
        url = web.put("a.dcm", CONTENT)
        for first in (1, 2):
            assert fetch(connection, url, first, 10) == CONTENT[first : first + 10]
        assert list(connection._origins.values()) == [None]


def test_what_is_stopped_fills_no_buffer_any_more_and_leaves_no_connection() -> None:
    buffer = bytearray(1000)
    with web_server() as web, connected(web.address) as connection:
        url = web.put("a.dcm", CONTENT)
        fetch(connection, url, 0, 10)
        web.latency = 0.2
        results = connection.run_each(
            [0, 1],
            lambda k: connection.fetch(url, 0, 500, memoryview(buffer)[500 * k :]) if k else _fail(),
            [500, 500],
            1 << 20,
            2,
        )
        with pytest.raises(ZeroDivisionError):
            list(results)
        assert connection._ranges._idle == {} or not any(connection._ranges._idle.values())
        before = bytes(buffer)
        time.sleep(0.3)
        assert bytes(buffer) == before == bytes(1000)


async def _fail() -> Any:
    raise ZeroDivisionError


def test_a_server_that_cannot_be_reached_is_told() -> None:
    with connected("http://127.0.0.1:9") as connection:
        with web_server() as web:
            url = web.put("a.dcm", CONTENT)
            fetch(connection, url, 0, 10)
        with pytest.raises(OSError, match=r"the server cannot be reached|the connection was cut"):
            fetch(connection, url, 0, 10)
