"""Streams that are not what their transfer syntax says: how far a second reader may differ, and their colour."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
from compressed import (
    J2K,
    J2K_LOSSLESS,
    JPEG,
    JPEG_LS,
    NEAR,
    RLE,
    SV1,
    j2k,
    jpegls,
    ljpeg,
    padded,
    picture,
    rle,
    scanned,
    write,
)
from PIL import Image
from pydicom.uid import JPEG2000Lossless

import vtkdicomload as vdl
from vtkdicomload.readers import codec
from vtkdicomload.readers import pydicom as pydicom_reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]

PIXELS = picture(dtype=np.uint8)
STREAMS: dict[str, tuple[Callable[[], bytes], bool]] = {
    "baseline": (lambda: imagecodecs.jpeg8_encode(PIXELS, level=80), True),
    "lossless jpeg": (lambda: ljpeg(PIXELS), False),
    "9-7": (lambda: j2k(PIXELS, level=40, reversible=False), True),
    "5-3": (lambda: j2k(PIXELS), False),
    "near-lossless": (lambda: imagecodecs.jpegls_encode(PIXELS, level=2), True),
    "jpeg-ls": (lambda: jpegls(PIXELS), False),
    "rle": (lambda: rle(PIXELS), False),
}


@pytest.mark.parametrize(
    ("name", "syntax"),
    [
        *(("baseline", s) for s in (SV1, JPEG, J2K_LOSSLESS)),
        *(("lossless jpeg", s) for s in (SV1, JPEG)),
        *((name, s) for name in ("9-7", "5-3") for s in (J2K, J2K_LOSSLESS, SV1)),
        *((name, s) for name in ("near-lossless", "jpeg-ls") for s in (NEAR, JPEG_LS)),
        ("rle", RLE),
    ],
)
def test_whether_decoders_may_round_apart_is_what_the_stream_says(tmp_path: Path, name: str, syntax: str) -> None:
    encode, lossy = STREAMS[name]
    path = write(tmp_path / "x.dcm", syntax, [padded(bytes(encode()))], PIXELS)
    assert codec.may_round(scanned([path])[0]) is lossy


@pytest.mark.parametrize("sampling", [0, 1])
@pytest.mark.parametrize("said", ["YBR_FULL_422", "YBR_FULL", "RGB"])
@pytest.mark.filterwarnings("ignore::vtkdicomload.DicomLoadWarning")
def test_baseline_colour_under_the_uid_of_lossless_jpeg_is_read_as_by_pillow(
    tmp_path: Path, said: str, sampling: int
) -> None:
    """Of a JFIF stream, which says that it is YCbCr."""
    pixels = picture(48, 64, 3, np.uint8)
    image = io.BytesIO()
    Image.fromarray(pixels).save(image, "jpeg", quality=90, subsampling=sampling)
    name = (0x00280004, "CS", padded(said.encode(), b" "))
    path = write(tmp_path / "x.dcm", SV1, [padded(image.getvalue())], pixels, name)
    expected = np.asarray(Image.open(image)).astype(int)
    with pytest.warns(vdl.DicomLoadWarning, match="are lossy JPEG, their headers say JPEG Lossless SV1"):
        volume = vdl.load(path)
    assert abs(volume.frames[0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize("level", [50, 80, 95])
def test_grey_baseline_under_the_uid_of_lossless_jpeg_loads(tmp_path: Path, level: int) -> None:
    stream: Any = imagecodecs.jpeg8_encode(PIXELS, level=level)
    path = write(tmp_path / "x.dcm", SV1, [padded(bytes(stream))], PIXELS, (0x00281052, "DS", b"0 "))
    with pytest.warns(vdl.DicomLoadWarning, match="are lossy JPEG"):
        volume = vdl.load(path, verify="all")
    expected = np.asarray(Image.open(io.BytesIO(stream))).astype(int)
    assert abs(volume.frames[0].astype(int) - expected).max() <= 1
    assert dict(volume.checks)["second reader"] == "1 of 1 frames equal to pydicom"


# ---------------------------------------------------------------------------------------------------- where it reads
@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads in which pydicom reads."""
    names: list[str] = []
    fill = pydicom_reader.fill

    def noted(*arguments: Any, **options: Any) -> Any:
        names.append(threading.current_thread().name)
        return fill(*arguments, **options)

    monkeypatch.setattr(pydicom_reader, "fill", noted)
    return names


def test_where_the_system_gives_no_thread_it_reads_in_this_one(
    series: Write, threads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = series(count=3, dtype=np.uint16, syntax=JPEG2000Lossless)

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    np.testing.assert_array_equal(vdl.load(truth.folder, workers=4).frames, truth.frames)
    assert threads == [threading.current_thread().name]


@pytest.mark.parametrize(("count", "workers", "beside"), [(1, 2, True), (1, 1, False), (3, 2, False), (3, 4, True)])
def test_it_reads_beside_the_decoder_where_a_core_is_free(
    series: Write, threads: list[str], count: int, workers: int, beside: bool
) -> None:
    truth = series(count=count, syntax=JPEG2000Lossless)
    volume = vdl.load(truth.folder, workers=workers)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert [name.startswith("vtkdicomload") for name in threads] == [beside]
    assert volume.checks[-1].result == f"1 of {count} frames equal to pydicom"
    assert not [t for t in threading.enumerate() if t.name.startswith("vtkdicomload")]


@pytest.mark.parametrize("workers", [1, 2])
def test_another_result_is_an_error_wherever_it_was_read(
    series: Write, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    fill = pydicom_reader.fill

    def lie(frames: Any, conversion: Any, out: Any, *rest: Any) -> Any:
        said = fill(frames, conversion, out, *rest)
        out[0, 2, 3] += 1
        return said

    monkeypatch.setattr(pydicom_reader, "fill", lie)
    folder = series(count=1, syntax=JPEG2000Lossless).folder
    with pytest.raises(vdl.ReaderMismatchError, match="disagree about 1 of 48 pixels"):
        vdl.load(folder, workers=workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_of_our_own_comes_out_of_its_thread(
    series: Write, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("a fault of our own")

    monkeypatch.setattr(pydicom_reader, "fill", fail)
    folder = series(count=1, syntax=JPEG2000Lossless).folder
    with pytest.raises(ZeroDivisionError):
        vdl.load(folder, workers=workers)


def test_damage_that_the_first_reader_sees_ends_both(series: Write) -> None:
    truth = series(count=1, syntax=JPEG2000Lossless)
    data = truth.files[0].read_bytes()
    start = data.rindex(b"\xff\x4f\xff\x51")
    truth.files[0].write_bytes(data[: start + 2] + bytes(40) + data[start + 42 :])
    with pytest.raises(vdl.CorruptFileError):
        vdl.load(truth.folder, workers=2)
    assert not [t for t in threading.enumerate() if t.name.startswith("vtkdicomload")]
