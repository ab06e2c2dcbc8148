"""File systems of fsspec, each with its own ways: SFTP and FTP from real servers, and what others were seen to do."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
import pytest
from fsspec.asyn import AsyncFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from sources.file_servers import PASSWORD, ftp_server, sftp_server

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


fsspec.asyn.get_loop()  # its thread stays until the process ends
# What pyftpdlib is made of.
pytestmark = pytest.mark.filterwarnings("ignore:The asyn(core|chat) module is deprecated:DeprecationWarning")


@pytest.fixture(params=["sftp", "ftp"])
def served(
    request: pytest.FixtureRequest, series: Write, tmp_path: Path
) -> Iterator[tuple[Truth, str, dict[str, Any]]]:
    truth = series("written", rows=300, columns=200)
    serve = sftp_server if request.param == "sftp" else ftp_server
    with serve(tmp_path) as options:
        yield truth, f"{request.param}://127.0.0.1", options


def test_a_server_of_files_is_a_source_like_any_other(served: tuple[Truth, str, dict[str, Any]]) -> None:
    truth, root, options = served
    urls = [f"{root}/written/{path.name}" for path in truth.files]
    for source in (f"{root}/written", f"{root}/written/", urls):
        volume = vdl.load(source, storage_options=options, verify="all")
        np.testing.assert_array_equal(volume.frames, truth.frames)
        assert volume.series.files == tuple(urls)
    one = vdl.load(urls[2], storage_options=options)
    np.testing.assert_array_equal(one.frames, truth.frames[2:3])
    login = f"{options['username']}:{options['password']}@127.0.0.1:{options['port']}"
    found = vdl.scan(root.replace("127.0.0.1", f"{login}/written"))
    np.testing.assert_array_equal(found[0].load().frames, truth.frames)
    assert PASSWORD not in repr(found) + str(found.files)


def test_what_a_server_of_files_refuses_is_said_without_the_password(
    served: tuple[Truth, str, dict[str, Any]],
) -> None:
    truth, root, options = served
    for url in (f"{root}/nowhere", f"{root}/written/none.dcm"):
        with pytest.raises(vdl.NoDicomError, match=f"there is nothing at {url}: no such object or folder"):
            vdl.load(url, storage_options=options)
    for wrong in ({**options, "password": "an0therWORD"}, {**options, "port": 1}):
        with pytest.raises(vdl.NoDicomError, match=f"nothing can be listed at {root}/written: the server") as caught:
            vdl.load(f"{root}/written", storage_options=wrong)
        assert PASSWORD not in str(caught.value)
        assert "an0ther" not in str(caught.value)
    found = vdl.scan(f"{root}/written", storage_options=options)
    truth.files[1].unlink()
    with pytest.raises(vdl.CorruptFileError, match=r"1-2\.dcm changed since it was scanned: it vanished"):
        found[0].load()


def test_a_server_that_lets_only_one_connect_is_asked_by_one(series: Write, tmp_path: Path) -> None:
    truth = series("written")
    with ftp_server(tmp_path, most=1) as options:
        volume = vdl.load("ftp://127.0.0.1/written", storage_options=options)
    np.testing.assert_array_equal(volume.frames, truth.frames)


# ------------------------------------------------------------------------------------------------- odd file systems
class WholeFileSystem(AsyncFileSystem):
    """Its constructor waits for a loop of its own, and it gives whole files, whatever part is asked for: as sshfs."""

    protocol = "whole"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._memory = MemoryFileSystem()
        fsspec.asyn.sync(self.loop, self._info, "/")

    async def _info(self, path: str, **_: Any) -> Any:
        return self._memory.info(path)

    async def _ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        return self._memory.ls(path, detail=detail)

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> Any:
        return self._memory.cat_file(path)


class SlowFileSystem(MemoryFileSystem):
    """Of pixels, each waits until another one is asked too."""

    protocol = "slow"
    barrier = threading.Barrier(2)

    @classmethod
    def _strip_protocol(cls, path: str) -> Any:
        return super()._strip_protocol(path.replace("slow://", "memory://"))

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> Any:
        if start:
            self.barrier.wait(20)
        return super().cat_file(path, start, end, **options)


@pytest.fixture
def stored(series: Write) -> Iterator[Truth]:
    truth = series("written", count=6, rows=300, columns=200)
    memory = fsspec.filesystem("memory")
    memory.put(str(truth.folder), "/stored", recursive=True)
    for kind in (WholeFileSystem, SlowFileSystem):
        fsspec.register_implementation(kind.protocol, kind, clobber=True)
    yield truth
    memory.rm("/stored", recursive=True)


def test_one_that_gives_whole_files_whatever_is_asked_for_is_believed_for_what_was_asked(stored: Truth) -> None:
    volume = vdl.load("whole://stored", verify="all")
    np.testing.assert_array_equal(volume.frames, stored.frames)


def test_several_connections_are_asked_at_the_same_time(stored: Truth) -> None:
    np.testing.assert_array_equal(vdl.load("slow://stored", verify="none").frames, stored.frames)


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(protocol: str) -> Any:
        raise ImportError("SMB requires 'smbprotocol' installed")

    monkeypatch.setattr(fsspec, "get_filesystem_class", refuse)
    with pytest.raises(ImportError, match=r'sftp:// is not installed → pip install "vtkdicomload\[sftp\]"'):
        vdl.load("sftp://host/study")
    with pytest.raises(ImportError, match=r"smb:// is not installed \(SMB requires 'smbprotocol' installed\)"):
        vdl.load("smb://host/share/study")
