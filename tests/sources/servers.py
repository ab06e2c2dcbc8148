"""Servers of the tests' own on this machine: HTTP in every mood, S3, and one between it and the client."""

from __future__ import annotations

import http.client
import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Asked(NamedTuple):
    """A request that came."""

    path: str
    wanted: str  # the Range header
    authorization: str
    query: str

    @property
    def span(self) -> tuple[int, int]:
        """First and last byte that were asked for."""
        first, _, last = self.wanted.removeprefix("bytes=").partition("-")
        return int(first or 0), int(last or 1 << 62)

    @property
    def length(self) -> int:
        """How many bytes were asked for."""
        return self.span[1] - self.span[0] + 1


@dataclass
class Web:
    """A web server and what it serves; every field may be changed while it runs."""

    objects: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    etags: bool = True
    lengths: bool = True  # whether it says how long its answers are
    latency: float = 0.0  # seconds before each answer
    login: str = ""  # the Authorization header that it wants
    # From the path and how often it was asked for to a status to answer with, "cut", or None.
    mood: Callable[[str, int], int | str | None] = lambda path, count: None
    refuse: Callable[[Asked], int | None] = lambda asked: None  # a status for one request
    strict: bool = False  # whether a range that goes beyond the end is answered with 416
    says_size: bool = True  # whether that says the size of the whole
    asked: list[Asked] = field(default_factory=list)
    address: str = ""
    open_sockets: int = 0

    def put(self, name: str, content: bytes) -> str:
        """Serve bytes; returns their URL."""
        path = "/" + quote(name.lstrip("/"))
        self.objects[path] = content
        return self.address + path


@lru_cache
def _make_etag(data: bytes) -> str:
    return f'"{md5(data, usedforsecurity=False).hexdigest()}"'


@contextmanager
def web_server() -> Iterator[Web]:
    """Run a web server."""
    web = Web()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def setup(self) -> None:
            super().setup()
            with lock:
                web.open_sockets += 1

        def finish(self) -> None:
            super().finish()
            with lock:
                web.open_sockets -= 1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            with lock:
                count = sum(asked.path == parts.path for asked in web.asked)
                asked = Asked(
                    parts.path, self.headers.get("Range", ""), self.headers.get("Authorization", ""), parts.query
                )
                web.asked.append(asked)
            if web.latency:
                time.sleep(web.latency)
            mood = web.refuse(asked) or web.mood(parts.path, count)
            if web.login and self.headers.get("Authorization") != web.login:
                self._answer(401, b"")
            elif isinstance(mood, int):
                self._answer(mood, b"busy")
            elif parts.path in web.objects:
                self._give(web.objects[parts.path], cut=mood == "cut")
            elif any(path.startswith(parts.path.rstrip("/") + "/") for path in web.objects):
                self._list(parts.path)
            else:
                self._answer(404, b"")

        def _give(self, data: bytes, *, cut: bool) -> None:
            headers = {"ETag": _make_etag(data)} if web.etags else {}
            wanted = self.headers.get("Range", "") if web.ranges else ""
            status = 200
            if wanted:
                first, last = (int(n) for n in wanted.removeprefix("bytes=").split("-"))
                if first >= len(data) or (web.strict and last >= len(data)):
                    self._answer(416, b"", {"Content-Range": f"bytes */{len(data)}"} if web.says_size else {})
                    return
                total, data = len(data), data[first : last + 1]
                headers["Content-Range"] = f"bytes {first}-{first + len(data) - 1}/{total}"
                status = 206
            self._answer(status, data, headers, cut=cut)

        def _list(self, path: str) -> None:
            if not path.endswith("/"):
                self._answer(301, b"", {"Location": path + "/"})
                return
            below = {name.removeprefix(path).partition("/") for name in web.objects if name.startswith(path)}
            names = sorted({first + slash for first, slash, _ in below})
            links = "".join(f'<li><a href="{name}">{unquote(name)}</a>' for name in names)
            page = f'<html><a href="?C=N;O=D">Name</a><a href="../">up</a><a href="/">top</a><ul>{links}</ul></html>'
            self._answer(200, page.encode(), {"Content-Type": "text/html;charset=utf-8"})

        def _answer(
            self, status: int, data: bytes, headers: dict[str, str] | None = None, *, cut: bool = False
        ) -> None:
            self.send_response(status)
            sent = {"Content-Type": "application/dicom", **(headers or {})}
            if web.lengths:
                sent["Content-Length"] = str(len(data))
            else:
                sent["Connection"] = "close"
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(data[: len(data) // 2] if cut else data)
                self.wfile.flush()
            except (ConnectionError, BrokenPipeError):
                self.close_connection = True
            if cut or not web.lengths:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with _serve(Handler) as web.address:
        yield web


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that goes away is no fault."""


@contextmanager
def _serve(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Run a server on a free port of this machine; yields its address."""
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """Run an S3 server (moto's) with an empty bucket ``bucket``; yields the ``storage_options`` for it."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        options = {"key": "AKIDEXAMPLE", "secret": "WORD0FPASSING", "endpoint_url": f"http://{host}:{port}"}
        yield options
    finally:
        server.stop()


@dataclass
class Between:
    """A server that passes requests on to another one, or answers them in its place."""

    address: str
    # From the method, the path and how often it was asked for so to (status, body), "cut" or None.
    mood: Callable[[str, str, int], tuple[int, bytes] | str | None] = lambda method, path, count: None
    asked: list[tuple[str, str]] = field(default_factory=list)  # methods and paths


@contextmanager
def server_between(target: str) -> Iterator[Between]:
    """Run a server between its clients and the one at an address."""
    host = urlsplit(target).netloc
    lock = threading.Lock()
    between = Between("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            with lock:
                count = between.asked.count((self.command, path))
                between.asked.append((self.command, path))
            mood = between.mood(self.command, path, count)
            if isinstance(mood, tuple):
                self._answer(mood[0], {"Content-Type": "application/xml"}, mood[1])
                return
            connection = http.client.HTTPConnection(host)
            try:
                connection.request(self.command, self.path, headers=dict(self.headers))
                response = connection.getresponse()
                self._answer(response.status, dict(response.headers), response.read(), cut=mood == "cut")
            finally:
                connection.close()

        def do_HEAD(self) -> None:
            self.do_GET()

        def _answer(self, status: int, headers: dict[str, str], body: bytes, *, cut: bool = False) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in ("connection", "content-length", "transfer-encoding", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", headers.get("Content-Length", str(len(body))))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body[: len(body) // 2] if cut else body)
            self.close_connection = cut

        def log_message(self, *_: object) -> None:
            pass

    with _serve(Handler) as between.address:
        yield between
