"""Where compressed frames lie: the streams that were put in come out, or an error; pydicom puts them in."""

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless
from synthetic import Raw, padded, raw_image, write_series

from vtkdicomload import CorruptFileError, DicomLoadWarning, load
from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.parser import read_header
from vtkdicomload.readers import encapsulation
from vtkdicomload.readers.encapsulation import CompressedFrames
from vtkdicomload.sources.local import LocalHandle
from vtkdicomload.sources.memory import MemoryFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from vtkdicomload.headers.model import Frame

JPEG_LS = "1.2.840.10008.1.2.4.80"
END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def item(value: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


def written(path: Path, data: bytes, count: int, *tables: Raw) -> list[Frame]:
    """The frames of a file with this encapsulated pixel data."""
    us = lambda n: n.to_bytes(2, "little")  # noqa: E731
    number = [(0x00280008, "IS", padded(str(count).encode(), b" "))] if count > 1 else []
    header: list[Raw] = [(tag, "US", us(n)) for tag, n in ((0x00280010, 4), (0x00280011, 4), (0x00280103, 0))]
    pixels: Raw = (0x7FE00010, "OB", data + END, 0xFFFFFFFF)
    path.write_bytes(raw_image(*header, *number, *tables, pixels, syntax=JPEG_LS))
    return list(make_frames(read_header(path)))


def buffer(size: int) -> np.ndarray:
    return np.empty(size, np.uint8)


def streams_of(frames: Sequence[Frame]) -> list[bytes]:
    compressed = CompressedFrames()
    return [compressed.stream(frame, buffer) for frame in frames]


def noise(count: int, size: int = 40) -> list[bytes]:
    """Streams without padding, each other than the rest."""
    return [np.random.default_rng(k).bytes(size + 2 * k) for k in range(count)]


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("fragments", [1, 2, 5])
def test_a_single_frame_is_all_of_its_fragments(tmp_path: Path, fragments: int, table: bool) -> None:
    streams = noise(1)
    data = encapsulate(streams, fragments_per_frame=fragments, has_bot=table)
    assert streams_of(written(tmp_path / "x.dcm", data, 1)) == streams


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=2, max_size=9),
    fragments=st.integers(1, 4),
    order=st.randoms(use_true_random=False),
)
def test_frames_by_number_or_by_offset_table(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], fragments: int, order: object
) -> None:
    streams = [np.random.default_rng(k).bytes(2 * n) for k, n in enumerate(sizes)]
    fragments = min(fragments, *sizes)
    data = encapsulate(streams, fragments_per_frame=fragments, has_bot=True)
    frames = written(tmp_path_factory.mktemp("x") / "x.dcm", data, len(streams))
    backwards = frames[::-1]
    assert streams_of(frames) == streams == list(generate_frames(data + END, number_of_frames=len(streams)))
    assert streams_of(backwards) == streams[::-1]


def test_without_offset_table_one_fragment_is_one_frame(tmp_path: Path) -> None:
    streams = noise(5)
    assert streams_of(written(tmp_path / "x.dcm", encapsulate(streams, has_bot=False), 5)) == streams


def test_without_offset_table_end_markers_tell_frames_apart(tmp_path: Path) -> None:
    streams = [b"\xff\xd8" + bytes(30 + 2 * k) + b"\xff\xd9" for k in range(3)]
    data = encapsulate(streams, fragments_per_frame=2, has_bot=False)
    assert streams_of(written(tmp_path / "x.dcm", data, 3)) == streams


def test_an_extended_offset_table(tmp_path: Path) -> None:
    streams = noise(3)
    _, offsets, lengths = encapsulate_extended(streams)
    first = [item(part) for part in (b"", streams[0][:20], streams[0][20:])]  # two fragments: the table must be used
    starts = np.frombuffer(offsets, "<u8") + np.array([0, 8, 8], np.uint64)
    sizes = np.frombuffer(lengths, "<u8") + np.array([8, 0, 0], np.uint64)
    data = b"".join([*first, *map(item, streams[1:])])
    tables: list[Raw] = [(0x7FE00001, "OV", starts.tobytes()), (0x7FE00002, "OV", sizes.tobytes())]
    found = streams_of(written(tmp_path / "x.dcm", data, 3, *tables))
    assert found[1:] == streams[1:]
    assert found == list(
        generate_frames(data + END, number_of_frames=3, extended_offsets=(starts.tobytes(), sizes.tobytes()))
    )


@pytest.mark.parametrize(
    ("table", "why"),
    [((0, 3), "point"), ((8, 48), "point"), ((0, 0), "point"), ((48, 0), "point"), ((0,), "1 compressed frames")],
)
def test_an_offset_table_that_is_wrong_is_refused(tmp_path: Path, table: tuple[int, ...], why: str) -> None:
    parts = [np.random.default_rng(k).bytes(20) for k in range(3)]
    data = item(struct.pack(f"<{len(table)}I", *table)) + b"".join(map(item, parts))
    with pytest.raises(ValueError, match=why):
        streams_of(written(tmp_path / "x.dcm", data, 2))


@pytest.mark.parametrize("count", [2, 4, 9])
def test_frames_that_cannot_be_told_apart_are_refused(tmp_path: Path, count: int) -> None:
    data = encapsulate(noise(3), has_bot=False)
    frames = written(tmp_path / "x.dcm", data, count)
    with pytest.raises(CorruptFileError, match=f"its frames cannot be found: .*{count}") as caught:
        streams_of(frames)
    assert caught.value.files == (frames[0].path,)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
def test_a_second_image_in_a_single_frame_is_not_dropped(tmp_path: Path, syntax: str) -> None:
    """NumberOfFrames is 1, or was lost: a decoder would stop behind the first image."""
    write_series(tmp_path, count=1, syntax=syntax)
    (path,) = tmp_path.iterdir()
    d = dcmread(path)
    (stream,) = generate_frames(d.PixelData, number_of_frames=1)
    d.PixelData = encapsulate([stream, stream])
    d.save_as(path)
    with pytest.raises(CorruptFileError, match="several images where NumberOfFrames says 1"):
        load(path)


def test_no_fragment_at_all(tmp_path: Path) -> None:
    assert streams_of(written(tmp_path / "x.dcm", item(b""), 1)) == [b""]


def test_a_file_that_changed_is_named(tmp_path: Path) -> None:
    frames = written(tmp_path / "x.dcm", encapsulate(noise(3)), 3)
    compressed = CompressedFrames()
    assert compressed.stream(frames[0], buffer) == noise(3)[0]
    with open(tmp_path / "x.dcm", "ab") as file:
        file.write(b"\0\0")
    with pytest.raises(CorruptFileError, match=r"x\.dcm changed since it was scanned"):
        compressed.stream(frames[1], buffer)


def test_a_multi_frame_file_is_never_held_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    streams = noise(20, size=4000)
    frames = written(tmp_path / "x.dcm", encapsulate(streams), 20)
    asked: list[int] = []
    real = LocalHandle.read_at

    def counted(handle: LocalHandle, offset: int, length: int) -> bytes:
        asked.append(length)
        return real(handle, offset, length)

    monkeypatch.setattr(LocalHandle, "read_at", counted)
    assert streams_of(frames) == streams
    assert max(asked) == max(map(len, streams))
    assert sum(asked) < sum(map(len, streams)) + 20 * 8 + 200


@pytest.mark.parametrize("engine", ["codec", "pydicom"])
def test_no_buffer_is_as_large_as_a_multi_frame_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    write_series(tmp_path, count=1, syntax=JPEGLSLossless)
    (path,) = tmp_path.iterdir()
    d = dcmread(path)
    (stream,) = generate_frames(d.PixelData, number_of_frames=1)
    d.NumberOfFrames, d.PixelData = 20, encapsulate([stream] * 20)
    d.save_as(path)
    asked: list[int] = []
    real = CompressedFrames.stream

    def counted(self: CompressedFrames, frame: Frame, scratch: Callable[[int], np.ndarray]) -> bytes:
        return real(self, frame, lambda size: asked.append(size) or scratch(size))

    monkeypatch.setattr(CompressedFrames, "stream", counted)
    with pytest.warns(DicomLoadWarning, match="no ImagePositionPatient"):
        volume = load(path, engine=engine, order="given", verify="none")
    assert len(volume.frames) == 20
    assert not asked


def test_files_whose_frames_alternate_are_searched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    streams = {name: noise(6, size) for name, size in (("a", 50), ("b", 70))}
    a, b = (written(tmp_path / name, encapsulate(s, has_bot=False), 6) for name, s in streams.items())
    searched: list[str] = []
    real = encapsulation._find_frames
    monkeypatch.setattr(encapsulation, "_find_frames", lambda h: searched.append(h.path) or real(h))
    alternating = [frame for pair in zip(a, b, strict=True) for frame in pair]
    assert streams_of(alternating) == [s for pair in zip(*streams.values(), strict=True) for s in pair]
    assert searched == [a[0].path, b[0].path]


def test_several_threads_and_files_at_once(tmp_path: Path) -> None:
    streams = {name: noise(8, size) for name, size in (("a", 50), ("b", 70))}
    files = {name: written(tmp_path / name, encapsulate(s, has_bot=name == "a"), 8) for name, s in streams.items()}
    compressed = CompressedFrames()

    def stream(wanted: tuple[str, int]) -> bytes:
        name, k = wanted
        return compressed.stream(files[name][k], buffer)

    wanted = [(name, k) for k in range(8) for name in "ab"] * 5
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(stream, wanted)) == [streams[name][k] for name, k in wanted]


@given(st.lists(st.binary(max_size=9), max_size=5), st.booleans())
def test_streams_are_encapsulated_as_pydicom_does_it(streams: list[bytes], table: bool) -> None:
    ours = encapsulation.encapsulate(streams)
    if all(streams) and streams:  # pydicom refuses others
        assert ours == encapsulate(streams, has_bot=False)
    theirs = encapsulate(streams, has_bot=table) if all(streams) and streams else ours
    with MemoryFile.of(b"head" + theirs + END, "a").open() as handle:
        first = encapsulation.read_first_fragment(handle, 4)
    assert first == (padded(streams[0]) if streams else None)
