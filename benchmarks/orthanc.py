"""Orthanc with its DICOMweb plug-in, on this machine: a fresh store on a free port. The tests run it too."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import requests

INSTALL = "apt-get install orthanc orthanc-dicomweb"
_PROGRAMS = (shutil.which("Orthanc"), "/usr/sbin/Orthanc")
_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
_TURNS, _TURN = 3000, 0.02  # s


class Orthanc:
    """A server that runs."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self.url, self._session = url, session

    def store(self, files: Iterable[Path]) -> list[str]:
        """Store files, and return the URLs of the studies that the server has; files that it refuses are left out."""
        for file in files:
            self._session.post(f"{self.url}/instances", data=file.read_bytes())
        studies = self._session.get(f"{self.url}/dicom-web/studies").json()
        return [f"{self.url}/dicom-web/studies/{study['0020000D']['Value'][0]}" for study in studies]

    def clear(self) -> None:
        """Remove everything: several series share SOPInstanceUIDs."""
        for patient in self._session.get(f"{self.url}/patients").json():
            self._session.delete(f"{self.url}/patients/{patient}")


def find_orthanc() -> str | None:
    """Find the program; None where it or its plug-in is not installed."""
    program = next((p for p in _PROGRAMS if p and Path(p).is_file()), None)
    return program if _PLUGIN.is_file() else None


@contextmanager
def run_orthanc(program: str, folder: Path) -> Iterator[Orthanc]:
    """Run a server that keeps its files in a folder, and end it."""
    import requests

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "StorageDirectory": str(folder / "store"),
        "IndexDirectory": str(folder / "store"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "OverwriteInstances": True,
        "Plugins": [str(_PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "store").mkdir()
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log)  # noqa: S603
    try:
        with requests.Session() as session:
            url = f"http://127.0.0.1:{port}"
            _wait_for(session, url, process)
            yield Orthanc(url, session)
    finally:
        process.terminate()
        process.wait()


def _wait_for(session: requests.Session, url: str, process: subprocess.Popen[bytes]) -> None:
    import requests

    for _ in range(_TURNS):
        if process.poll() is not None:
            raise RuntimeError("Orthanc has ended")
        try:
            session.get(f"{url}/system").raise_for_status()
        except requests.ConnectionError:
            time.sleep(_TURN)
        else:
            return
    raise RuntimeError("Orthanc does not answer")
