"""Compressed pixels of one bit: a byte for each in RLE, eight in a byte in deflated frames, one of 0 and 1 in all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from compressed import (
    DEFLATED,
    J2K_LOSSLESS,
    JPEG_LS,
    RLE,
    UNCOMPRESSED,
    decoded,
    deflated,
    j2k,
    jpegls,
    padded,
    rle,
    write,
)

import vtkdicomload as vdl
from vtkdicomload import CorruptFileError, DicomLoadWarning

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Raw

    Pixels = np.ndarray[Any, Any]

us = lambda n: int(n).to_bytes(2, "little")  # noqa: E731
ONE_BIT: tuple[Raw, ...] = (
    (0x00280100, "US", us(1)),
    (0x00280101, "US", us(1)),
    (0x00280102, "US", us(0)),
    (0x00281052, "DS", b"0 "),
)


def packed(mask: Pixels) -> Pixels:
    return np.packbits(mask.ravel(), bitorder="little")


ENCODERS: dict[str, tuple[str, Callable[[Pixels], bytes]]] = {
    "rle": (RLE, rle),
    "deflated": (DEFLATED, lambda mask: deflated(packed(mask))),
    "uncompressed": (UNCOMPRESSED, lambda mask: packed(mask).tobytes()),
    "j2k": (J2K_LOSSLESS, lambda mask: j2k(mask, bitspersample=1)),
    "j2k of 8 bits": (J2K_LOSSLESS, j2k),
    "jpeg-ls": (JPEG_LS, jpegls),
}
SHAPES = [(24, 31), (5, 7), (16, 16), (1, 3), (9, 1), (64, 40)]


def masks(shape: tuple[int, int], count: int) -> list[Pixels]:
    rng = np.random.default_rng(shape[0])
    full = [(rng.random(shape) > 0.6).astype(np.uint8) for _ in range(count)]
    return [*full[:-1], np.zeros(shape, np.uint8)] if count > 2 else full


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("name", ENCODERS)
def test_frames_of_one_bit_come_out_as_0_and_1(tmp_path: Path, name: str, count: int, shape: tuple[int, int]) -> None:
    syntax, encode = ENCODERS[name]
    truth = masks(shape, count)
    path = write(tmp_path / "x.dcm", syntax, [padded(encode(mask)) for mask in truth], truth[0], *ONE_BIT)
    found = decoded(path)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.stack(truth))


@pytest.mark.parametrize("name", ["rle", "j2k", "jpeg-ls"])
def test_pydicom_reads_the_same(tmp_path: Path, name: str) -> None:
    syntax, encode = ENCODERS[name]
    truth = masks((24, 31), 1)
    path = write(tmp_path / "x.dcm", syntax, [padded(encode(truth[0]))], truth[0], *ONE_BIT)
    volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames, np.stack(truth))
    assert dict(volume.checks)["second reader"] == "1 of 1 frames equal to pydicom"
    np.testing.assert_array_equal(vdl.load(path, engine="pydicom").frames, np.stack(truth))


def test_rle_of_eight_pixels_in_a_byte_is_told_by_its_length(tmp_path: Path) -> None:
    truth = masks((24, 31), 2)
    path = write(tmp_path / "x.dcm", RLE, [padded(rle(packed(mask)[None])) for mask in truth], truth[0], *ONE_BIT)
    np.testing.assert_array_equal(decoded(path), np.stack(truth))


@pytest.mark.parametrize(
    ("syntax", "stream", "words"),
    [
        (RLE, rle(np.full((24, 31), 255, np.uint8)), "its pixels of one bit go up to 255"),
        (RLE, rle(np.zeros((24, 30), np.uint8)), "it has 720 bytes, 744 belong to it"),
        (DEFLATED, deflated(np.zeros(92, np.uint8)), "it has 92 bytes, 93 belong to it"),
        (DEFLATED, deflated(np.zeros(744, np.uint8)), "bytes, 93 belong to it"),
        (DEFLATED, deflated(np.arange(93, dtype=np.uint8))[:-4], "it has|has no end"),
        (DEFLATED, deflated(np.zeros(93, np.uint8)) + b"\1\2\3\4", "bytes lie behind its deflated data"),
        (UNCOMPRESSED, bytes(744), "it has 744 bytes, 93 belong to it"),
        (J2K_LOSSLESS, j2k(np.full((24, 31), 3, np.uint8)), "its pixels of one bit go up to 3"),
    ],
)
def test_what_are_no_pixels_of_one_bit_is_refused(tmp_path: Path, syntax: str, stream: bytes, words: str) -> None:
    path = write(tmp_path / "x.dcm", syntax, [padded(stream)], np.zeros((24, 31), np.uint8), *ONE_BIT)
    with pytest.raises(CorruptFileError, match=words):
        decoded(path)


def test_without_a_witness_deflated_frames_are_no_news_and_jpeg_xl_is(tmp_path: Path) -> None:
    from compressed import JPEG_XL, jpegxl, picture

    truth = masks((24, 31), 1)
    path = write(tmp_path / "x.dcm", DEFLATED, [padded(deflated(packed(truth[0])))], truth[0], *ONE_BIT)
    np.testing.assert_array_equal(vdl.load(path).frames, np.stack(truth))
    pixels = picture(dtype=np.uint8)
    path = write(tmp_path / "y.dcm", JPEG_XL[0], [padded(jpegxl(pixels))], pixels, (0x00281052, "DS", b"0 "))
    with pytest.warns(DicomLoadWarning, match="no second reader could look at 1 of 1 compressed frames"):
        np.testing.assert_array_equal(vdl.load(path).frames[0], pixels)
    np.testing.assert_array_equal(vdl.load(path, verify="none").frames[0], pixels)
