"""A series on a web server that takes its time to answer, beside the plain way to fetch the same bytes."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Thread, local
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import measure, peers
from .peers import Peer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from pathlib import Path

    from numpy.typing import NDArray

    from .data import Data
    from .measure import Row

    Pixels = NDArray[Any]

_LATENCY = 0.02  # seconds that the server waits before it answers
_REQUESTS = 32  # at a time, as vtkdicomload has
_BEGINNING = 1 << 16  # bytes that a header is looked for in first
_REQUEST = re.compile(rb"GET /(\S*) HTTP/1\.1\r\n")
_RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-(\d+)\r\n", re.IGNORECASE)
OURS, PLAIN = "vtkdicomload, HTTP", f"http.client in {_REQUESTS} threads"
ALONE = "http.client, one request at a time"
NOTE = (
    f"The server is a process on this machine that waits {_LATENCY * 1000:.0f} ms before each answer. http.client asks "
    "for the same two ranges of every object, by connections that it keeps: the first 64 KiB, and the pixels, whose "
    "place it knows; it reads them into an array."
)


# ---------------------------------------------------------------------------------------------------- the server
def _serve_folder(folder: Path, ready: Connection) -> None:
    """Serve the files of a folder, and a page with their names, until the process is ended."""
    page = "".join(f'<a href="{name}">{name}</a>\n' for name in sorted(os.listdir(folder))).encode()
    with socket.create_server(("127.0.0.1", 0), backlog=2 * _REQUESTS) as server:
        ready.send(server.getsockname()[1])
        while True:
            Thread(target=_answer_each, args=(server.accept()[0], folder, page), daemon=True).start()


def _answer_each(client: socket.socket, folder: Path, page: bytes) -> None:
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with client:
        asked = b""
        while True:
            while b"\r\n\r\n" not in asked:
                part = client.recv(1 << 16)
                if not part:
                    return
                asked += part
            head, _, asked = asked.partition(b"\r\n\r\n")
            time.sleep(_LATENCY)
            name = _REQUEST.match(head)
            if name is None:
                return
            _answer(client, folder / os.fsdecode(name[1]), _RANGE.search(head + b"\r\n"), page)


def _answer(client: socket.socket, path: Path, wanted: re.Match[bytes] | None, page: bytes) -> None:
    if path.is_dir():
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page) + page)
        return
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        first, last = (int(wanted[1]), min(int(wanted[2]), size - 1)) if wanted else (0, size - 1)
        told = b'ETag: "%d"\r\nContent-Length: %d\r\nContent-Type: application/dicom\r\n' % (size, last - first + 1)
        status = b"206 Partial Content\r\nContent-Range: bytes %d-%d/%d" % (first, last, size) if wanted else b"200 OK"
        client.sendall(b"HTTP/1.1 " + status + b"\r\n" + told + b"\r\n", socket.MSG_MORE)
        client.sendfile(file, first, last - first + 1)


class _Server(NamedTuple):
    """Where the server is."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@contextmanager
def _run_server(folder: Path) -> Iterator[_Server]:
    context = multiprocessing.get_context("spawn")
    ready, theirs = context.Pipe()
    process = context.Process(target=_serve_folder, args=(folder, theirs), daemon=True)
    process.start()
    try:
        yield _Server(ready.recv())
    finally:
        process.terminate()
        process.join()
        process.close()


# ---------------------------------------------------------------------------------------------------- the peers
def _load(_: Data, server: _Server) -> list[Pixels]:
    import vtkdicomload

    return [vtkdicomload.load(server.url).frames]


def _fetch(data: Data, server: _Server, threads: int) -> list[Pixels]:
    work, files = data.work, data.files
    out = np.empty((work.slices, work.frame_bytes), np.uint8)
    kept = local()

    def ask(path: Path, first: int, last: int) -> http.client.HTTPResponse:
        kept.connection.request("GET", f"/{path.name}", headers={"Range": f"bytes={first}-{last}"})
        answer: http.client.HTTPResponse = kept.connection.getresponse()
        return answer

    def fetch(k: int) -> None:
        if not hasattr(kept, "connection"):
            kept.connection = http.client.HTTPConnection("127.0.0.1", server.port)
        with ask(files[k], 0, _BEGINNING - 1) as beginning:
            beginning.read()
            size = int(beginning.headers["Content-Range"].rpartition("/")[2])
        with ask(files[k], size - work.frame_bytes, size - 1) as pixels:
            got = 0
            while got < work.frame_bytes:
                got += pixels.readinto(out[k, got:].data)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fetch, range(work.slices)))
    return [out]


def measure_http(data: Data, tiny: Data, rounds: int) -> list[Row]:
    """Time a series from a server and the plain fetching of its bytes, and measure the peak memory."""
    ours = ("vtkdicomload", "vtkdicomload")
    with _run_server(data.folders[0]) as server, _run_server(tiny.folders[0]) as small:
        load = Peer(OURS, *ours, partial(_load, server=server))
        plain, alone = (
            Peer(name, "numpy", "http.client", partial(_fetch, server=server, threads=threads), peers.of_bytes)
            for name, threads in ((PLAIN, _REQUESTS), (ALONE, 1))
        )
        rows = measure.timed((load, plain), [data], rounds)
        rows += measure.timed((alone,), [data], 1)
        where = {data.folder: server, tiny.folder: small}
        remote = load._replace(run=partial(_load_by_place, where=where))
        rows += measure.peak_memory((remote, peers.DEFAULT), _retitle(data), tiny)
    return rows


def _load_by_place(data: Data, where: dict[Path, _Server]) -> list[Pixels]:
    return _load(data, where[data.folder])


def _retitle(data: Data) -> Data:
    return data._replace(work=data.work._replace(title=f"{data.work.title}, peak memory × the volume"))
