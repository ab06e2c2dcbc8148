"""Streams that are not what their transfer syntax says: how far a second reader may differ, and their colour."""

from __future__ import annotations

import io
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

import vtkdicomload as vdl
from vtkdicomload.readers import codec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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
