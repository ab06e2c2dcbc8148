"""Kinds of files that the package does not have, as a user or a later module would write them."""

from __future__ import annotations

import http.client
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote, urlsplit

from vtkdicomload.errors import make_damaged_error
from vtkdicomload.sources.file import File, Handle
from vtkdicomload.sources.filling import fill_in_threads

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from vtkdicomload.sources.file import Request


# ------------------------------------------------------------------------------------------- a member of an archive
@dataclass(slots=True, unsafe_hash=True)
class ZipMember(File):
    """A deflated member of a zip archive: without random access, so that it is inflated whole. Its stamp is its CRC."""

    archive: str = ""

    has_ranges: ClassVar[bool] = False
    inflated: ClassVar[list[str]] = []  # what was read, for the tests

    def open(self) -> WholeHandle:
        try:
            with zipfile.ZipFile(self.archive) as archive:
                info = archive.getinfo(self.name)
                if self.stamp is not None and (info.file_size, info.CRC) != (self.size, self.stamp):
                    raise self.changed("the archive holds another one under its name")
                data = archive.read(info)
        except (KeyError, FileNotFoundError) as error:
            if self.stamp is not None:
                raise self.changed("it vanished") from error
            raise FileNotFoundError(self.name) from error
        except zipfile.BadZipFile as error:
            raise make_damaged_error(self.name, str(error)) from error
        self.inflated.append(self.name)
        return WholeHandle(ZipMember(self.name, info.file_size, info.CRC, self.archive), data)


class WholeHandle(Handle):
    """A file that was read whole."""

    __slots__ = ("_data",)

    def __init__(self, file: File, data: bytes) -> None:
        super().__init__(file, len(data))
        self._data = data

    def _read(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


# ------------------------------------------------------------------------------------------- an object on a server
@dataclass(slots=True, unsafe_hash=True)
class HttpObject(File):
    """An object on an HTTP server that answers range requests. Its stamp is the ETag."""

    url: str = ""

    def open(self) -> HttpHandle:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        try:
            connection.request("HEAD", parts.path)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise self.changed("it vanished") if self.stamp is not None else FileNotFoundError(self.name)
            size, stamp = int(answer.headers["Content-Length"]), answer.headers["ETag"]
            if self.stamp is not None and (size, stamp) != (self.size, self.stamp):
                raise self.changed("the server has another one under its name")
        except BaseException:
            connection.close()
            raise
        return HttpHandle(HttpObject(self.name, size, stamp, self.url), size, connection, parts.path)

    @classmethod
    def read_many(cls, requests: Sequence[Request], limit_bytes: int) -> Generator[int]:
        return fill_in_threads(requests, limit_bytes, threads=8)


class HttpHandle(Handle):
    """A connection that is kept alive."""

    __slots__ = ("_connection", "_path")

    def __init__(self, file: File, size: int, connection: http.client.HTTPConnection, path: str) -> None:
        super().__init__(file, size)
        self._connection, self._path = connection, path

    def _read(self, offset: int, length: int) -> bytes:
        if not length:
            return b""
        self._connection.request("GET", self._path, headers={"Range": f"bytes={offset}-{offset + length - 1}"})
        return self._connection.getresponse().read()

    def close(self) -> None:
        self._connection.close()


@contextmanager
def http_server() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Serve a dictionary of path → bytes from this machine; yields the address and the dictionary."""
    objects: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, *, body: bool) -> None:
            data = objects.get(self.path)
            if data is None:
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            etag = f'"{hash(data):x}"'
            if wanted := self.headers.get("Range"):
                first, last = map(int, wanted.removeprefix("bytes=").split("-"))
                data = data[first : last + 1]
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("ETag", etag)
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", objects
        finally:
            server.shutdown()
            thread.join()


def url_path(name: str) -> str:
    return "/" + quote(name.lstrip("/"))
