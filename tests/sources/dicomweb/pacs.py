"""A small DICOMweb server in this process, that may be told to misbehave."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pydicom
from pydicom.encaps import generate_frames
from pydicom.pixels.utils import get_expected_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    Answer = Callable[[str, int], int | str | None]
    Parts = list[tuple[str, bytes]]  # what each says of itself, and its content

ANY_FRAME = ('type="application/octet-stream"', "transfer-syntax=*")
AS_STORED = ('type="application/dicom"', "transfer-syntax=*")
BOUNDARY = "0f1e2d3c"
_PIECE = 1 << 16  # bytes that are sent at a time
_BULK_BYTES = 64  # of a binary value from which it lies apart


def give_frames(content: bytes, numbers: list[int]) -> Parts:
    """Frames of a file by their numbers from 1, as they are stored."""
    d = pydicom.dcmread(io.BytesIO(content))
    count, syntax = int(d.NumberOfFrames), d.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        frames = list(generate_frames(d.PixelData, number_of_frames=count))
    else:
        length = get_expected_length(d) // count
        frames = [d.PixelData[k * length : (k + 1) * length] for k in range(count)]
    head = f"Content-Type: application/octet-stream; transfer-syntax={syntax}"
    return [(head, frames[number - 1]) for number in numbers]


class Pacs:
    """What the server has, and how it answers.

    `answer(path, count)` may give an HTTP status to answer a request with, ``"cut"`` to end the connection in the
    middle of the body, ``"ended"`` to do so without having said how long it is, or None to answer as it should; `count`
    says how many times the path was asked for before.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.instances: dict[str, bytes] = {}  # by the path behind the service
        self.bulk: dict[str, bytes] = {}
        self.answer: Answer = lambda path, count: None
        self.edit: Callable[[dict[str, Any]], None] = lambda metadata: None
        self.login = ""  # "user:password", where one has to log in
        self.header: tuple[str, str] | None = None  # that has to be sent
        self.multipart = True
        self.counts = True  # whether it says how many instances a series has
        self.together = True  # whether it gives a series in one answer
        self.left_out = 0  # instances at the end of a series that an answer with all of them lacks
        self.frames = give_frames
        self.quoted = False  # whether it writes the boundary of parts in quotation marks
        self.asked: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()  # bytes of each path, as far as the client took them

    def store(self, files: Iterable[Path]) -> str:
        """Take files of one study, and return the URL of that."""
        for file in files:
            content = file.read_bytes()
            d = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
            study = f"studies/{d.StudyInstanceUID}"
            self.instances[f"{study}/series/{d.SeriesInstanceUID}/instances/{d.SOPInstanceUID}"] = content
        return f"{self.url}/{study}"

    def metadata(self, prefix: str) -> list[dict[str, Any]]:
        """What the server says of all instances below a path."""
        return [self._describe(path) for path in self.instances if path == prefix or path.startswith(f"{prefix}/")]

    def _describe(self, path: str) -> dict[str, Any]:
        data_set = pydicom.dcmread(io.BytesIO(self.instances[path]))

        def set_apart(element: Any) -> str:
            place = f"{path}/bulk/{int(element.tag):08x}"
            self.bulk[place] = element.value
            return f"{self.url}/{place}"

        described = data_set.to_json_dict(_BULK_BYTES, set_apart)
        self.edit(described)
        return described


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pacs: Pacs

    def do_GET(self) -> None:
        pacs, path = self.pacs, urlsplit(self.path).path.removeprefix("/web/")
        count = pacs.asked[path]
        pacs.asked[path] += 1
        fault = pacs.answer(path, count)
        if isinstance(fault, int):
            self._send(fault, "text/plain", b"")
        elif not self._is_welcome():
            self._send(401, "text/plain", b"")
        elif path.endswith("/metadata"):
            self._send_list(pacs.metadata(path.removesuffix("/metadata")))
        elif path.endswith("/series"):
            self._send_series(path)
        elif "/frames/" in path:
            self._send_frames(path, cut=fault)
        elif path in pacs.instances and not all(word in self.headers["Accept"] for word in AS_STORED):
            self._send(406, "text/plain", b"")
        elif path in pacs.instances:
            self._send_part("application/dicom", pacs.instances[path], cut=fault)
        elif any(instance.startswith(f"{path}/instances/") for instance in pacs.instances) and "/series/" in path:
            if pacs.together:
                self._send_all(path, cut=fault)
            else:
                self._send(501, "text/plain", b"")
        elif path in pacs.bulk:
            self._send_part("application/octet-stream", pacs.bulk[path])
        else:
            self._send(404, "text/plain", b"")

    def _is_welcome(self) -> bool:
        pacs = self.pacs
        if pacs.login:
            return self.headers.get("Authorization") == f"Basic {base64.b64encode(pacs.login.encode()).decode()}"
        return pacs.header is None or self.headers.get(pacs.header[0]) == pacs.header[1]

    def _send_series(self, path: str) -> None:
        counts = Counter(p.split("/")[3] for p in self.pacs.instances if p.startswith(f"{path}/"))
        said: list[dict[str, Any]] = [{"0020000E": {"vr": "UI", "Value": [uid]}} for uid in counts]
        if self.pacs.counts:
            said = [
                one | {"00201209": {"vr": "IS", "Value": [n]}} for one, n in zip(said, counts.values(), strict=True)
            ]
        self._send_list(said)

    def _send_all(self, path: str, *, cut: int | str | None) -> None:
        found = [content for name, content in self.pacs.instances.items() if name.startswith(f"{path}/instances/")]
        self._send_parts("application/dicom", found[: len(found) - self.pacs.left_out], cut=cut)

    def _send_frames(self, path: str, *, cut: int | str | None) -> None:
        instance, _, numbers = path.rpartition("/frames/")
        if not all(word in self.headers["Accept"] for word in ANY_FRAME):
            self._send(406, "text/plain", b"")
            return
        parts = self.pacs.frames(self.pacs.instances[instance], [*map(int, numbers.split(","))])
        if not self.pacs.multipart:
            ((head, content),) = parts
            self._send(200, head.removeprefix("Content-Type: "), content, cut=cut)
            return
        self._send_multipart("application/octet-stream", parts, cut=cut)

    def _send_list(self, found: list[dict[str, Any]]) -> None:
        if found:
            self._send(200, "application/dicom+json", json.dumps(found).encode())
        else:
            self._send(404, "text/plain", b"")

    def _send_part(self, kind: str, content: bytes, *, cut: int | str | None = None) -> None:
        if not self.pacs.multipart:
            self._send(200, kind, content, cut=cut)
            return
        self._send_parts(kind, [content], cut=cut)

    def _send_parts(self, kind: str, parts: list[bytes], *, cut: int | str | None) -> None:
        self._send_multipart(kind, [(f"Content-Type: {kind}", part) for part in parts], cut=cut)

    def _send_multipart(self, kind: str, parts: Parts, *, cut: int | str | None) -> None:
        body = b"".join(f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts)
        boundary = f'"{BOUNDARY}"' if self.pacs.quoted else BOUNDARY
        body += f"--{BOUNDARY}--\r\n".encode()
        self._send(200, f'multipart/related; type="{kind}"; boundary={boundary}', body, cut=cut)

    def _send(self, status: int, kind: str, body: bytes, *, cut: int | str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if cut == "ended":
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        body = body[: len(body) // 2] if cut else body
        self.close_connection = bool(cut)
        for start in range(0, len(body), _PIECE):
            try:
                self.wfile.write(body[start : start + _PIECE])
            except ConnectionError:  # the client has seen enough
                self.close_connection = True
                return
            self.pacs.sent[urlsplit(self.path).path.removeprefix("/web/")] += len(body[start : start + _PIECE])

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def run_pacs() -> Iterator[Pacs]:
    """Run a server on a free port of this machine."""

    class Own(Handler):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Own) as server:
        Own.pacs = Pacs(f"http://127.0.0.1:{server.server_port}/web")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Own.pacs
        finally:
            server.shutdown()
            thread.join()
