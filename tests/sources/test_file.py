"""Every kind of file keeps the contract; and what only one kind has."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEGLSLossless
from sources.contract import CONTENT, ChangingFileContract, FileContract, opened
from sources.kinds import HttpObject, ZipMember, http_server, url_path

import vtkdicomload as vdl
from vtkdicomload.loading.options import Options
from vtkdicomload.loading.plan import plan_volume
from vtkdicomload.sources.file import File, Request, read_many
from vtkdicomload.sources.local import LocalFile, as_file
from vtkdicomload.sources.memory import MemoryFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from synthetic import Truth

    Write = Callable[..., Truth]
    Make = Callable[[str, bytes], File]


class TestLocalFile(ChangingFileContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        def made(name: str, content: bytes) -> File:
            path = tmp_path / name
            # A clock may tick too slowly for two writes.
            before = path.stat().st_mtime_ns if path.exists() else 0
            path.write_bytes(content)
            os.utime(path, ns=(before + 1, before + 1))
            return as_file(path)

        return made

    @pytest.fixture
    def remove(self) -> Callable[[File], None]:
        return lambda file: os.unlink(file.local_path or "")


class TestMemoryFile(FileContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda name, content: MemoryFile.of(content, name)


class TestZipMember(ChangingFileContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        members: dict[str, bytes] = {}

        def made(name: str, content: bytes) -> File:
            members[f"folder/{name}"] = content
            with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                for member in members.items():
                    archive.writestr(*member)
            return ZipMember(f"folder/{name}", archive=str(tmp_path / "a.zip"))

        return made

    @pytest.fixture
    def remove(self, tmp_path: Path) -> Callable[[File], None]:
        return lambda _: zipfile.ZipFile(tmp_path / "a.zip", "w").close()


class TestHttpObject(ChangingFileContract):
    @pytest.fixture
    def served(self) -> Iterator[tuple[str, dict[str, bytes]]]:
        with http_server() as server:
            yield server

    @pytest.fixture
    def make(self, served: tuple[str, dict[str, bytes]]) -> Make:
        address, objects = served

        def made(name: str, content: bytes) -> File:
            objects[url_path(name)] = content
            return HttpObject(name, url=address + url_path(name))

        return made

    @pytest.fixture
    def remove(self, served: tuple[str, dict[str, bytes]]) -> Callable[[File], None]:
        return lambda file: served[1].clear()


# ------------------------------------------------------------------------------------------------- several kinds
def test_requests_for_files_of_several_kinds(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    files = [as_file(tmp_path / "a"), MemoryFile.of(CONTENT[::-1], "b")]
    requests = [Request(files[k % 2], k, memoryview(bytearray(1000))) for k in range(10)]
    assert sorted(read_many(requests, 2500)) == list(range(10))
    for k, request in enumerate(requests):
        assert request.buffer == (CONTENT, CONTENT[::-1])[k % 2][k : k + 1000]


def test_a_volume_of_files_of_several_kinds(series: Write) -> None:
    truth = series()
    sources = [MemoryFile.of(p.read_bytes(), f"{p}") if k % 2 else p for k, p in enumerate(truth.files)]
    np.testing.assert_array_equal(vdl.load(sources).frames, truth.frames)


def test_two_files_of_one_name_are_refused(series: Write) -> None:
    truth = series()
    with pytest.raises(ValueError, match="have the same name: 'x'"):
        vdl.scan([MemoryFile.of(path.read_bytes(), "x") for path in truth.files])


def test_a_file_given_twice_is_one(series: Write) -> None:
    files = [MemoryFile.of(path.read_bytes(), path.name) for path in series().files]
    assert len(vdl.scan([*files, *files])[0].files) == 5
    (found,) = vdl.scan(files[0])
    assert found.files == (files[0].name,)


def test_files_in_memory_are_ignored_by_name(series: Write) -> None:
    truth = series()
    files = [MemoryFile.of(path.read_bytes(), path.name) for path in truth.files]
    with pytest.warns(vdl.DicomLoadWarning, match="left out"):
        volume = vdl.load(files, ignore=[files[0].name])
    np.testing.assert_array_equal(volume.frames, truth.frames[1:])
    assert volume.ignored == (files[0].name,)


# ------------------------------------------------------------------------------------------------- without ranges
@pytest.mark.parametrize("encapsulated", [False, True])
@pytest.mark.parametrize("has_table", [False, True])
def test_a_file_without_ranges_is_read_once_for_all_its_frames(
    series: Write, tmp_path: Path, encapsulated: bool, has_table: bool
) -> None:
    (path,) = series("written", count=1, **({"syntax": JPEGLSLossless} if encapsulated else {})).files
    dataset = dcmread(path)
    dataset.NumberOfFrames = 6
    if encapsulated:
        (stream,) = generate_frames(dataset.PixelData, number_of_frames=1)
        dataset.PixelData = encapsulate([stream] * 6, has_bot=has_table, fragments_per_frame=1 + has_table)
    else:
        dataset.PixelData *= 6
    dataset.save_as(path)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "x.dcm")
    member = opened(ZipMember("x.dcm", archive=str(tmp_path / "a.zip")))
    (found,) = vdl.scan(member)
    ZipMember.inflated.clear()
    with pytest.warns(vdl.DicomLoadWarning, match="no ImagePositionPatient"):
        volume = found.load(verify="none")
    assert ZipMember.inflated == ["x.dcm"]
    np.testing.assert_array_equal(volume.frames, dataset.pixel_array)


# ------------------------------------------------------------------------------------------------- on disk
def test_a_relative_path_keeps_its_folder(series: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    truth = series("study")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    (found,) = vdl.scan("study")
    monkeypatch.chdir("elsewhere")
    volume = found.load()
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert volume.series.files == tuple(os.path.join("study", path.name) for path in truth.files)
    assert found.dataset(0).Modality == "CT"
    np.testing.assert_array_equal(found.load(engine="vtk").frames, truth.frames)


_CHILD = """
import os, pickle, sys
import numpy as np
from vtkdicomload.loading.read import read

with open(sys.argv[1], "rb") as file:
    plan, member = pickle.load(file)
assert not os.path.exists("study"), "the folder of the parent"
np.savez(sys.argv[2], frames=read(plan).pixels, start=np.frombuffer(member.read_at(128, 4), np.uint8))
"""


@pytest.mark.parametrize("engine", ["auto", "vtk", "pydicom"])
def test_a_plan_is_read_by_another_process_in_another_folder(
    series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    truth = series("study", RescaleIntercept=-1024)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    plan = plan_volume(vdl.scan("study")[0], Options(engine=engine, progress=lambda done, total: None))
    file = plan.series.frames[0].header.file
    assert not os.path.isabs(file.name)
    Path("plan").write_bytes(pickle.dumps((plan, file)))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, map(os.path.abspath, sys.path)))}
    subprocess.run(
        [sys.executable, "-c", _CHILD, tmp_path / "plan", tmp_path / "result.npz"],
        cwd="elsewhere",
        env=environment,
        check=True,
    )
    with np.load("result.npz") as result:
        np.testing.assert_array_equal(result["frames"], truth.frames)
        assert result["start"].tobytes() == b"DICM"


def test_what_is_no_regular_file_is_never_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(vdl.CorruptFileError, match=r"is not a regular file") as caught:
            as_file(path).open()
        assert caught.value.files == (str(path),)


def test_a_file_that_became_a_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(CONTENT)
    file = opened(as_file(path))
    path.unlink()
    path.mkdir()
    with pytest.raises(vdl.CorruptFileError, match="no regular file any more"):
        file.check_unchanged()


def test_an_error_of_the_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(CONTENT)

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", fail)
    monkeypatch.setattr(os, "preadv", fail)
    file = as_file(tmp_path / "a")
    for attempt in (lambda: file.read_at(0, 10), lambda: file.read_into(memoryview(bytearray(10)), 0)):
        with pytest.raises(vdl.CorruptFileError, match=r"a: it cannot be read: Input/output error") as caught:
            attempt()
        assert caught.value.files == (str(tmp_path / "a"),)


def test_a_name_in_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff.dcm"
    with open(path, "wb") as file:
        file.write(CONTENT)
    assert pickle.loads(pickle.dumps(opened(as_file(path)))).read_at(5, 5) == CONTENT[5:10]


def test_paths_and_files_are_taken_for_files(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert as_file(path) == as_file(str(path)) == as_file(os.fsencode(path)) == LocalFile(str(path))
    assert as_file(file := MemoryFile.of(b"", "x")) is file


def test_bytes_that_may_change_are_copied() -> None:
    data = bytearray(CONTENT)
    file = MemoryFile.of(data, "x")
    data[:] = bytes(len(data))
    assert file.read_at(0, len(CONTENT)) == CONTENT
