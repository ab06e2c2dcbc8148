"""Values beyond BitsStored in streams: overlays are cut off, ringing is clipped, and what is neither is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
from compressed import J2K, J2K_LOSSLESS, JPEG_12, JPEG_LS, RLE, SV1, decoded, j2k, jpegls, ljpeg, padded, rle, write

import vtkdicomload as vdl
from vtkdicomload import CorruptFileError, DicomLoadWarning

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Raw

    Pixels = np.ndarray[Any, Any]

IDENTITY: Raw = (0x00281052, "DS", b"0 ")
LOSSY: Raw = (0x00282110, "CS", b"01")


def bits(stored: int, signed: int = 0) -> tuple[Raw, ...]:
    us = lambda n: int(n).to_bytes(2, "little")  # noqa: E731
    words = (0x00280101, "US", us(stored)), (0x00280102, "US", us(stored - 1)), (0x00280103, "US", us(signed))
    return (*words, IDENTITY)


def overlaid(stored: int, signed: bool) -> tuple[Pixels, Pixels]:
    """Words of 16 bits with a ring in the bit above those stored, and their pixels."""
    y, x = np.mgrid[:40, :48]
    low = -(1 << stored - 1) if signed else 0
    pixels = (low + (x * 37 + y * 11) % (1 << stored)).astype(np.int64)
    ring = abs(np.hypot(x - 24, y - 20) - 12) < 2
    words = (pixels & ((1 << stored) - 1)) | (ring.astype(np.int64) << stored)
    return words.astype(np.uint16), pixels.astype(np.int16 if signed else np.uint16)


ENCODERS: dict[str, tuple[str, Callable[[Pixels], bytes]]] = {
    "j2k": (J2K_LOSSLESS, j2k),
    "j2k under the UID for lossy ones": (J2K, j2k),
    "jpeg-ls": (JPEG_LS, jpegls),
    "jpeg lossless": (SV1, ljpeg),
}


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("stored", [10, 12, 15])
@pytest.mark.parametrize("name", ENCODERS)
def test_overlays_in_high_bits_are_cut_off_with_a_warning(tmp_path: Path, name: str, stored: int, signed: int) -> None:
    syntax, encode = ENCODERS[name]
    words, pixels = overlaid(stored, bool(signed))
    words = words.view(np.int16) if signed and name.startswith("j2k") else words
    path = write(tmp_path / "x.dcm", syntax, [padded(encode(words))], pixels, *bits(stored, signed))
    with pytest.warns(DicomLoadWarning, match=f"hold bits above the {stored} that are stored"):
        volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames[0], pixels)


def test_overlays_in_rle_are_no_news(tmp_path: Path) -> None:
    words, pixels = overlaid(12, signed=False)
    path = write(tmp_path / "x.dcm", RLE, [rle(words)], pixels, *bits(12))
    np.testing.assert_array_equal(decoded(path)[0], pixels)


def edge(stored: int, height: float) -> Pixels:
    """A bright square whose edge goes up to the highest value that is stored."""
    y, x = np.mgrid[:64, :64]
    top = (1 << stored) - 1
    inside = (abs(x - 31) < 14) & (abs(y - 30) < 17)
    return np.where(inside, top, int(top * (1 - height))).astype(np.uint16)


def ringing(pixels: Pixels, top: int, *, reversible: bool) -> tuple[bytes, Pixels]:
    """A stream that rings some levels beyond `top`, no more than a quarter of the range, and its pixels unclipped.

    Its precision is said to be 16 bits, as by writers that take those allocated for it; a reversible wavelet is cut off
    to be smaller.
    """
    for level in range(90, 40, -1):
        options = {"level": level, "codecformat": "j2k", "reversible": reversible, "bitspersample": 16}
        stream = bytes(imagecodecs.jpeg2k_encode(pixels, **options))
        raw = imagecodecs.jpeg2k_decode(stream).astype(np.int64)
        if top + 4 < raw.max() <= top + (top + 1) // 8:
            return stream, raw
    raise AssertionError("it rings at no level")


@pytest.mark.parametrize("stored", [10, 12])
@pytest.mark.parametrize("reversible", [False, True])
def test_ringing_of_a_lossy_stream_is_clipped_with_a_warning(tmp_path: Path, stored: int, reversible: bool) -> None:
    pixels, top = edge(stored, 0.6), (1 << stored) - 1
    stream, raw = ringing(pixels, top, reversible=reversible)
    path = write(tmp_path / "x.dcm", J2K, [padded(stream)], pixels, *bits(stored), LOSSY)
    with pytest.warns(DicomLoadWarning, match=f"ring beyond the {stored} bits stored: their values are clipped to 0"):
        volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames[0], raw.clip(0, top))
    assert dict(volume.checks)["second reader"] == "1 of 1 frames equal to pydicom"


def test_ringing_beyond_a_signed_range_is_clipped(tmp_path: Path) -> None:
    pixels = (edge(12, 0.9).astype(np.int64) - 2048).astype(np.int16)
    stream, raw = ringing(pixels, 2047, reversible=False)
    path = write(tmp_path / "x.dcm", J2K, [padded(stream)], pixels, *bits(12, 1), LOSSY)
    with pytest.warns(DicomLoadWarning, match="clipped to -2048 … 2047"):
        np.testing.assert_array_equal(decoded(path)[0], raw.clip(-2048, 2047))


def test_lossy_jpeg_of_12_bits_beyond_fewer_stored_is_clipped(tmp_path: Path) -> None:
    """It wrapped: 1030 came out as 6."""
    pixels = edge(10, 0.6)
    stream = bytes(imagecodecs.jpeg8_encode(pixels, level=60, bitspersample=12))
    raw = imagecodecs.jpeg8_decode(stream)
    assert 1023 < raw.max() < 1280, "it does not ring"
    path = write(tmp_path / "x.dcm", JPEG_12, [padded(stream)], pixels, *bits(10), LOSSY)
    with pytest.warns(DicomLoadWarning, match="clipped to 0 … 1023"):
        np.testing.assert_array_equal(decoded(path)[0], raw.clip(0, 1023))


@pytest.mark.parametrize("stored", [10, 12])
def test_a_lossy_stream_far_beyond_its_bits_is_refused(tmp_path: Path, stored: int) -> None:
    pixels = edge(stored + 1, 0.6)
    stream = bytes(imagecodecs.jpeg2k_encode(pixels, level=60, codecformat="j2k", reversible=False, bitspersample=16))
    path = write(tmp_path / "x.dcm", J2K, [padded(stream)], pixels, *bits(stored), LOSSY)
    with pytest.raises(CorruptFileError, match=f"its values go from .*, its header says {stored} bits stored"):
        decoded(path)


def test_an_overlay_that_the_file_declares_is_no_ringing(tmp_path: Path) -> None:
    """Its LossyImageCompression is that of an earlier compression."""
    words, pixels = overlaid(12, signed=False)
    place: Raw = (0x60000102, "US", (12).to_bytes(2, "little"))
    path = write(tmp_path / "x.dcm", J2K, [padded(j2k(words))], pixels, *bits(12), LOSSY, place)
    with pytest.warns(DicomLoadWarning, match="hold bits above the 12 that are stored"):
        np.testing.assert_array_equal(decoded(path)[0], pixels)


@pytest.mark.parametrize("syntax", [J2K_LOSSLESS, JPEG_LS, SV1])
def test_values_within_their_bits_are_left_alone(tmp_path: Path, syntax: str) -> None:
    encode = {J2K_LOSSLESS: j2k, JPEG_LS: jpegls, SV1: ljpeg}[syntax]
    pixels = edge(12, 0.6)
    path = write(tmp_path / "x.dcm", syntax, [padded(encode(pixels))], pixels, *bits(12))
    np.testing.assert_array_equal(decoded(path)[0], pixels)
