"""The contract that every kind of file has to keep: a subclass says how one is made, changed and taken away."""

from __future__ import annotations

import io
import os
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless, RLELossless

import vtkdicomload as vdl
from vtkdicomload.sources.file import File, Request, read_many
from vtkdicomload.sources.stream import path_or_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthetic import Truth

    from vtkdicomload.sources.file import Handle

    Write = Callable[..., Truth]

CONTENT = bytes(range(1, 256)) * 3000  # no zeros, so that a buffer shows what is filled


def files_of(contents: list[bytes], make: Callable[[str, bytes], File]) -> list[File]:
    """Files as a scan leaves them: opened once, with size and stamp."""
    return [opened(make(f"{k}.dcm", content)) for k, content in enumerate(contents)]


def opened(file: File) -> File:
    with file.open() as handle:
        return handle.file


def frames_by_pydicom(path: Path) -> list[np.ndarray]:
    dataset = pydicom.dcmread(path)
    count = int(dataset.get("NumberOfFrames", 1))
    return list(dataset.pixel_array.reshape(count, -1))


class FileContract:
    """To be subclassed once a kind of file whose bytes are fixed; `ChangingFileContract` for the others."""

    @pytest.fixture
    def make(self) -> Callable[[str, bytes], File]:
        """Make a file that was found and not opened yet; once more with the same name, other bytes lie there."""
        raise NotImplementedError

    # --------------------------------------------------------------------------------------------- what it says
    def test_an_opened_file_knows_its_name_size_and_stamp(self, make: Callable[[str, bytes], File]) -> None:
        found = make("a.dcm", CONTENT)
        assert found.size in (None, len(CONTENT))
        with found.open() as handle:
            assert (handle.size, handle.file.size) == (len(CONTENT), len(CONTENT))
            assert handle.file.name == found.name
            assert handle.file.stamp is not None
        assert opened(found) == opened(found)
        assert hash(opened(found)) == hash(opened(found))

    def test_files_of_other_bytes_or_names_are_not_equal(self, make: Callable[[str, bytes], File]) -> None:
        assert len({opened(make("a.dcm", CONTENT)), opened(make("b.dcm", CONTENT)), opened(make("a.dcm", b"x"))}) == 3

    def test_a_local_path_leads_to_the_bytes(self, make: Callable[[str, bytes], File]) -> None:
        path = make("a.dcm", CONTENT).local_path
        if path is not None:
            assert os.path.isabs(path)
            assert Path(path).read_bytes() == CONTENT

    def test_its_representation_does_not_hold_its_bytes(self, make: Callable[[str, bytes], File]) -> None:
        assert "PatientName" not in repr(opened(make("a.dcm", b"PatientName" * 10)))

    # --------------------------------------------------------------------------------------------- reading
    @pytest.mark.parametrize("offset", [0, 1, 65_536, len(CONTENT) - 100])
    @pytest.mark.parametrize("length", [0, 1, 99, 100])
    def test_bytes_anywhere(self, make: Callable[[str, bytes], File], offset: int, length: int) -> None:
        file = make("a.dcm", CONTENT)
        expected = CONTENT[offset : offset + length]
        assert file.read_at(offset, length) == opened(file).read_at(offset, length) == expected
        with file.open() as handle:
            assert handle.read_at(offset, length) == handle.read_at(offset, length) == expected

    def test_the_whole_file(self, make: Callable[[str, bytes], File]) -> None:
        assert make("a.dcm", CONTENT).read_at(0, len(CONTENT)) == CONTENT

    @pytest.mark.parametrize("offset", [0, 10, len(CONTENT)])
    def test_empty_reads(self, make: Callable[[str, bytes], File], offset: int) -> None:
        file = make("a.dcm", CONTENT)
        assert file.read_at(offset, 0) == b""
        file.read_into(memoryview(bytearray()), offset)

    def test_an_empty_file(self, make: Callable[[str, bytes], File]) -> None:
        file = make("a.dcm", b"")
        assert opened(file).size == 0
        assert file.read_at(0, 0) == b""
        with pytest.raises(vdl.CorruptFileError):
            file.read_at(0, 1)

    @pytest.mark.parametrize(
        ("offset", "length"), [(len(CONTENT), 1), (len(CONTENT) - 1, 2), (0, 1 << 40), (1 << 40, 4), (-1, 1), (-4, 2)]
    )
    def test_a_read_beyond_the_ends_is_an_error_that_names_the_file(
        self, make: Callable[[str, bytes], File], offset: int, length: int
    ) -> None:
        file = opened(make("a.dcm", CONTENT))
        with file.open() as handle, pytest.raises(vdl.CorruptFileError, match=r"a\.dcm .* bytes at") as caught:
            handle.read_at(offset, length)
        assert caught.value.files == (file.name,)
        if length < 1 << 20:
            with pytest.raises(vdl.CorruptFileError, match=r"a\.dcm"):
                file.read_into(memoryview(bytearray(length)), offset)

    @pytest.mark.parametrize("offset", [0, 5, len(CONTENT) - 300_000])
    def test_read_into_fills_its_buffer_and_nothing_else(self, make: Callable[[str, bytes], File], offset: int) -> None:
        memory = np.zeros(300_020, np.uint8)
        make("a.dcm", CONTENT).read_into(memory.data[10:-10], offset)
        assert memory[10:-10].tobytes() == CONTENT[offset : offset + 300_000]
        assert not memory[:10].any()
        assert not memory[-10:].any()

    def test_threads_read_one_file(self, make: Callable[[str, bytes], File]) -> None:
        file = opened(make("a.dcm", CONTENT))
        places = [(k * 997 % (len(CONTENT) - 5000), 1 + k * 37 % 5000) for k in range(100)]
        with ThreadPoolExecutor(8) as pool:
            parts = list(pool.map(lambda place: file.read_at(*place), places))
        assert parts == [CONTENT[offset : offset + length] for offset, length in places]

    def test_a_stream_is_read_like_any_file_object(self, make: Callable[[str, bytes], File]) -> None:
        truth = io.BytesIO(CONTENT)
        with path_or_stream(make("a.dcm", CONTENT)) as readable:
            if isinstance(readable, str):
                assert readable == make("a.dcm", CONTENT).local_path
                return
            for seek, count in [((0, 0), 132), ((70_000, 0), 8), ((-5, 1), 200_000), ((-10, 2), 100), ((3, 0), -1)]:
                assert readable.seek(*seek) == truth.seek(*seek)
                assert readable.read(count) == truth.read(count)
                assert readable.tell() == truth.tell()

    # --------------------------------------------------------------------------------------------- what it holds
    def test_it_pickles_with_size_and_stamp(self, make: Callable[[str, bytes], File]) -> None:
        with make("a.dcm", CONTENT).open() as handle:  # nothing of what is open goes with it
            file = handle.file
            again = pickle.loads(pickle.dumps(file))
        assert again == file
        assert hash(again) == hash(file)
        assert again.read_at(100, 1000) == CONTENT[100:1100]

    def test_nothing_is_left_open(self, make: Callable[[str, bytes], File], monkeypatch: pytest.MonkeyPatch) -> None:
        file = opened(make("a.dcm", CONTENT))
        kind = type(file)
        with file.open() as handle:
            handle_kind = type(handle)
        opening = "open_in" if hasattr(kind, "open_in") else "open"  # what `open` does, and what opens many
        real_open, real_close = getattr(kind, opening), handle_kind.close
        handles: list[Handle] = []
        closed: list[Handle] = []
        monkeypatch.setattr(kind, opening, lambda *where: handles.append(h := real_open(*where)) or h)
        monkeypatch.setattr(handle_kind, "close", lambda h: closed.append(h) or real_close(h))

        file.read_at(0, 10)
        file.read_into(memoryview(bytearray(10)), 0)
        file.check_unchanged()
        with pytest.raises(vdl.CorruptFileError):
            file.read_at(len(CONTENT), 1)
        requests = [Request(file, k, memoryview(bytearray(400_000))) for k in range(20)]
        assert sorted(read_many(requests, 1 << 30)) == list(range(20))
        with closing(read_many(requests, 1 << 20)) as filled:
            next(filled)
        with path_or_stream(file) as readable:
            assert readable
        assert len(handles) >= 4
        assert set(map(id, handles)) == set(map(id, closed))
        closed[-1].close()  # a second time

    # --------------------------------------------------------------------------------------------- whether it changed
    def test_an_unchanged_file_passes(self, make: Callable[[str, bytes], File]) -> None:
        file = opened(make("a.dcm", CONTENT))
        file.check_unchanged()
        assert opened(file) == file

    # --------------------------------------------------------------------------------------------- many at once
    @pytest.mark.parametrize("limit", [1, 10_000, 1 << 30])
    @pytest.mark.parametrize("length", [10, 700_000])
    def test_many_requests_are_filled_once_each(
        self, make: Callable[[str, bytes], File], limit: int, length: int
    ) -> None:
        files = files_of([CONTENT, CONTENT[::-1], CONTENT[7:] + CONTENT[:7]], make)
        requests = [Request(files[k % 3], k, memoryview(bytearray(length - k))) for k in range(9)]
        for index in read_many(requests, limit):
            _, offset, buffer = requests[index]
            assert buffer == (CONTENT, CONTENT[::-1], CONTENT[7:] + CONTENT[:7])[index % 3][offset:][: len(buffer)]
            buffer[:] = bytes(len(buffer))
        assert not any(any(request.buffer) for request in requests), "some were yielded never, or filled again"

    def test_no_more_bytes_are_under_way_than_allowed(self, make: Callable[[str, bytes], File]) -> None:
        files = files_of([CONTENT] * 12, make)
        size, limit = 500_000, 1_100_000  # two at a time
        requests = [Request(file, 0, memoryview(bytearray(size))) for file in files]
        yielded = set()
        for index in read_many(requests, limit):
            # That which is yielded counts until the next one is asked for.
            ahead = sum(size for k, request in enumerate(requests) if k not in yielded and any(request.buffer[:1]))
            assert ahead <= limit
            yielded.add(index)
        assert yielded == set(range(12))

    def test_closing_ends_the_reading(self, make: Callable[[str, bytes], File]) -> None:
        files = files_of([CONTENT] * 12, make)
        requests = [Request(file, 0, memoryview(bytearray(500_000))) for file in files]
        with closing(read_many(requests, 1_100_000)) as filled:
            next(filled)
        assert sum(any(request.buffer[:1]) for request in requests) <= 2

    def test_no_request_is_no_work(self) -> None:
        assert list(read_many([], 1)) == []

    def test_one_that_cannot_be_filled_is_named(self, make: Callable[[str, bytes], File]) -> None:
        files = files_of([CONTENT] * 10, make)
        requests = [Request(file, 0, memoryview(bytearray(500_000))) for file in files]
        requests[5] = Request(files[5], len(CONTENT) - 1, memoryview(bytearray(2)))
        yielded: list[int] = []
        with pytest.raises(vdl.CorruptFileError) as caught:
            yielded.extend(read_many(requests, 1 << 30))
        assert 5 not in yielded
        assert caught.value.files == (files[5].name,)

    # --------------------------------------------------------------------------------------------- volumes
    @pytest.mark.parametrize("engine", ["auto", "pydicom"])
    @pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEGLSLossless], ids=lambda s: s.keyword)
    def test_a_series_is_loaded(
        self, make: Callable[[str, bytes], File], series: Write, engine: Any, syntax: str
    ) -> None:
        truth = series("written", syntax=syntax, RescaleSlope=2, RescaleIntercept=-5)
        files = [make(f"{k}.dcm", path.read_bytes()) for k, path in enumerate(truth.files[::-1])]
        volume = vdl.load(files, engine=engine)
        np.testing.assert_array_equal(volume.frames, truth.frames)
        assert volume.series.files == tuple(file.name for file in files[::-1])
        assert volume.series.dataset(0).InstanceNumber == pydicom.dcmread(truth.files[0]).InstanceNumber

    @pytest.mark.parametrize("name", ["enh_mr_phase", "seg_1bit", "rtdose_32bit", "rgb_stack", "mono1", "comp_j2k"])
    def test_real_files_are_read_as_pydicom_reads_them(
        self, make: Callable[[str, bytes], File], data: Path, name: str
    ) -> None:
        paths = sorted((data / name).rglob("*.dcm"))[:4]
        stacks = [s for found in vdl.scan([make(p.name, p.read_bytes()) for p in paths]) for s in found.stacks()]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is assumed of slices that are missing here
            volumes = [s.load(order="given", irregular="keep", rescale=False, verify="none") for s in stacks]
        assert sorted(frame.tobytes() for volume in volumes for frame in volume.frames) == sorted(
            frame.tobytes() for path in paths for frame in frames_by_pydicom(path)
        )

    def test_what_is_no_dicom_is_passed_over_and_what_is_cut_is_named(
        self, make: Callable[[str, bytes], File], series: Write
    ) -> None:
        truth = series("written")
        whole = truth.files[0].read_bytes()
        files = [make("a.dcm", whole), make("b.dcm", whole[:-10]), make("notes.txt", b"no DICOM at all")]
        found = vdl.scan(files)
        assert [s.files for s in found] == [(files[0].name,)]
        assert [p.path for p in found.problems] == [files[1].name]
        assert [(s.path, s.reason) for s in found.skipped] == [(files[2].name, vdl.Reason.NOT_DICOM)]

    def test_vtk_is_given_files_on_disk_only(self, make: Callable[[str, bytes], File], series: Write) -> None:
        truth = series("written")
        files = [make(f"{k}.dcm", path.read_bytes()) for k, path in enumerate(truth.files)]
        if files[0].local_path is None:
            with pytest.raises(vdl.UnsupportedPixelDataError, match="VTK reads files on disk only"):
                vdl.load(files, engine="vtk")
        else:
            np.testing.assert_array_equal(vdl.load(files, engine="vtk").frames, truth.frames)


class ChangingFileContract(FileContract):
    """To be subclassed once a kind of file whose bytes may be others tomorrow."""

    @pytest.fixture
    def remove(self) -> Callable[[File], None]:
        """Take a file away."""
        raise NotImplementedError

    @pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", CONTENT[::-1], b""], ids=range(4))
    def test_other_bytes_under_its_name_are_refused(self, make: Callable[[str, bytes], File], content: bytes) -> None:
        file = opened(make("a.dcm", CONTENT))
        make("a.dcm", content)
        self._assert_refused(file)

    def test_a_file_that_vanished_is_refused(
        self, make: Callable[[str, bytes], File], remove: Callable[[File], None]
    ) -> None:
        found = make("a.dcm", CONTENT)
        file = opened(found)
        remove(file)
        self._assert_refused(file)
        with pytest.raises((OSError, vdl.CorruptFileError)):  # it was never opened: nothing changed
            found.open()

    def _assert_refused(self, file: File) -> None:
        def read_all() -> None:
            list(read_many([Request(file, 0, memoryview(bytearray(4)))], 100))

        for attempt in (
            file.open,
            file.check_unchanged,
            lambda: file.read_at(0, 4),
            lambda: file.read_into(memoryview(bytearray(4)), 0),
            read_all,
        ):
            with pytest.raises(
                vdl.CorruptFileError, match=r"a\.dcm changed since it was scanned: .* → load again"
            ) as e:
                attempt()
            assert e.value.files == (file.name,)
