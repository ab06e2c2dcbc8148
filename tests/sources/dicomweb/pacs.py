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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    Answer = Callable[[str, int], int | str | None]

AS_STORED = ('type="application/dicom"', "transfer-syntax=*")
BOUNDARY = "0f1e2d3c"
_BULK_BYTES = 64  # of a binary value from which it lies apart


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
        self.asked: Counter[str] = Counter()

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
        head = f"--{BOUNDARY}\r\nContent-Type: {kind}\r\n\r\n".encode()
        body = b"".join(head + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()
        self._send(200, f'multipart/related; type="{kind}"; boundary={BOUNDARY}', body, cut=cut)

    def _send(self, status: int, kind: str, body: bytes, *, cut: int | str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if cut == "ended":
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = bool(cut)

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
