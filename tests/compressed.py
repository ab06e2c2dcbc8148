"""Files of compressed frames, made by encoders, and what readers make of them."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
import SimpleITK
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders import RLELosslessEncoder
from synthetic import Raw, padded, raw_image

from vtkdicomload import CorruptFileError
from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.parser import read_header
from vtkdicomload.readers import codec
from vtkdicomload.readers.choose import check_supported
from vtkdicomload.readers.dtype import choose_conversion, find_pixel_shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from vtkdicomload.headers.model import Frame

    Pixels = np.ndarray[Any, Any]

RLE, UNCOMPRESSED, DEFLATED = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.8.1"
JPEG, JPEG_12, PROGRESSIVE, LOSSLESS, SV1 = (f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 55, 57, 70))
JPEG_LS, NEAR, J2K_LOSSLESS, J2K = (f"1.2.840.10008.1.2.4.{n}" for n in (80, 81, 90, 91))
HTJ2K = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203))
JPEG_XL = tuple(f"1.2.840.10008.1.2.4.{n}" for n in (110, 111, 112))


# ------------------------------------------------------------------------------------------------------ making files
def rle(pixels: Pixels) -> bytes:
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    bits = pixels.dtype.itemsize * 8
    options = {"planar_configuration": 0} if samples > 1 else {}
    return RLELosslessEncoder.encode(
        pixels,
        encoding_plugin="pydicom",
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        samples_per_pixel=samples,
        photometric_interpretation="RGB" if samples > 1 else "MONOCHROME2",
        bits_allocated=bits,
        bits_stored=bits,
        pixel_representation=int(pixels.dtype.kind == "i"),
        number_of_frames=1,
        **options,
    )


def unsigned(pixels: Pixels) -> Pixels:
    return pixels.view(f"u{pixels.dtype.itemsize}")


def deflated(pixels: Pixels) -> bytes:
    squeeze = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return squeeze.compress(pixels.tobytes()) + squeeze.flush()


def j2k(pixels: Pixels, **options: Any) -> bytes:
    options = {"codecformat": "j2k", "level": 0, "reversible": True, "mct": False, **options}
    return bytes(imagecodecs.jpeg2k_encode(pixels, **options))


def ljpeg(pixels: Pixels, predictor: int = 1) -> bytes:
    bits = pixels.dtype.itemsize * 8
    options: dict[str, Any] = {"colorspace": "RGB", "outcolorspace": "RGB"} if pixels.ndim == 3 else {}
    options |= {"lossless": True, "predictor": predictor, "bitspersample": bits}
    return bytes(imagecodecs.jpeg8_encode(unsigned(pixels), **options))


def jpegls(pixels: Pixels) -> bytes:
    return bytes(imagecodecs.jpegls_encode(unsigned(pixels), level=0))


def htj2k(pixels: Pixels) -> bytes:
    return bytes(imagecodecs.htj2k_encode(pixels, reversible=True))


def jpegxl(pixels: Pixels) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(unsigned(pixels), lossless=True))


# syntax → lossless encoder
ENCODERS: dict[str, Callable[[Any], bytes]] = {
    RLE: rle,
    UNCOMPRESSED: lambda pixels: pixels.tobytes(),
    DEFLATED: deflated,
    LOSSLESS: lambda pixels: ljpeg(pixels, 6),
    SV1: ljpeg,
    JPEG_LS: jpegls,
    J2K_LOSSLESS: j2k,
    **dict.fromkeys(HTJ2K, htj2k),
    JPEG_XL[0]: jpegxl,
    JPEG_XL[2]: jpegxl,
}
NAMES = {
    **{RLE: "rle", UNCOMPRESSED: "uncompressed", DEFLATED: "deflated", LOSSLESS: "lossless", SV1: "sv1"},
    **{JPEG_LS: "jpegls", J2K_LOSSLESS: "j2k"},
    **dict(zip((*HTJ2K, *JPEG_XL), ("ht1", "ht2", "ht3", "jxl", "jxl-jpeg", "jxl-lossy"), strict=True)),
}
SYNTAXES = [pytest.param(uid, id=NAMES[uid]) for uid in ENCODERS]


def items(streams: Sequence[bytes], *, fragments: int = 1, table: bool = True) -> bytes:
    """Encapsulated pixel data with its delimiter."""
    if all(streams):
        data = encapsulate(list(streams), fragments_per_frame=fragments, has_bot=table)
    else:  # which pydicom refuses to write
        data = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(s)) + s for s in (b"", *streams))
    return data + b"\xfe\xff\xdd\xe0\0\0\0\0"


def write(
    path: Path, syntax: str, streams: Sequence[bytes], like: Pixels, *changes: Raw, data: bytes | None = None
) -> Path:
    """A file of compressed frames whose header says what the pixels `like` are."""
    us = lambda n: int(n).to_bytes(2, "little")  # noqa: E731
    bits = like.dtype.itemsize * 8
    colour = like.ndim == 3
    elements: list[Raw] = [
        (0x00180050, "DS", b"2 "),
        (0x00280002, "US", us(like.shape[2] if colour else 1)),
        (0x00280004, "CS", b"RGB " if colour else b"MONOCHROME2 "),
        (0x00280010, "US", us(like.shape[0])),
        (0x00280011, "US", us(like.shape[1])),
        (0x00280100, "US", us(bits)),
        (0x00280101, "US", us(bits)),
        (0x00280102, "US", us(bits - 1)),
        (0x00280103, "US", us(like.dtype.kind == "i")),
        (0x7FE00010, "OB", items(streams) if data is None else data, 0xFFFFFFFF),
    ]
    if colour:
        elements.append((0x00280006, "US", us(0)))
    if len(streams) > 1:
        elements.append((0x00280008, "IS", padded(str(len(streams)).encode(), b" ")))
    path.write_bytes(raw_image(*elements, *changes, syntax=syntax))
    return path


def picture(
    rows: int = 24, columns: int = 31, samples: int = 1, dtype: Any = np.uint16, seed: int = 0, bits: int = 0
) -> Pixels:
    """A smooth image with noise, over the whole range of its bits."""
    dtype = np.dtype(dtype)
    bits = bits or dtype.itemsize * 8
    y, x, s = np.mgrid[:rows, :columns, :samples]
    span = (1 << bits) - 1
    values = (x * 3 + y * 2 + s * 5 + seed) / (rows * 2 + columns * 3 + samples * 5) * span * 0.9
    values = np.clip(values + np.random.default_rng(seed).normal(0, span / 50, values.shape), 0, span)
    result = (values.astype(np.int64) - ((span + 1) // 2 if dtype.kind == "i" else 0)).astype(dtype)
    return result if samples > 1 else result[..., 0]


# ------------------------------------------------------------------------------------------------------ reading them
def scanned(files: Iterable[Path | str]) -> list[Frame]:
    return [frame for f in files for frame in make_frames(read_header(f))]


def decoded(*files: Path | str, workers: int | None = None, rescale: bool = False) -> Pixels:
    """What the codec reader makes of the files."""
    frames = scanned(files)
    check_supported(frames)
    conversion = choose_conversion(frames, rescale=rescale)
    assert codec.refusal(frames, conversion) is None
    out = np.zeros((len(frames), *find_pixel_shape(frames[0].header)), conversion.dtype)
    steps: list[int] = []
    assert codec.fill(frames, conversion, out, lambda: steps.append(1), workers) == ()
    assert len(steps) == len(frames)
    return out


def assert_refused_or(expected: Any, path: Path) -> None:
    """Damaged or not: an error that names the file, or the right pixels; never others."""
    try:
        found = decoded(path)
    except CorruptFileError as error:
        refusal = error
    else:
        np.testing.assert_array_equal(found, expected, "other pixels without an error")
        return
    assert str(path) in str(refusal)
    assert refusal.files == (str(path),)


def by_gdcm(path: Path | str) -> Pixels:
    """Pixels by SimpleITK, before slope and intercept: (frames, rows, columns) or (..., 3)."""
    pixels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    first = scanned([path])[0]
    identity = first.header.samples == 3 or (first.slope, first.intercept) == (1, 0)
    return pixels if identity else (pixels - first.intercept) / first.slope
