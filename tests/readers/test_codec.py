"""The codec reader: every syntax gives what GDCM (SimpleITK) or pydicom gives, and no damage goes through unseen."""

from __future__ import annotations

import io
import itertools
import random
import struct
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pydicom
import pytest
import SimpleITK
from compressed import (
    DEFLATED,
    ENCODERS,
    HTJ2K,
    J2K,
    J2K_LOSSLESS,
    JPEG,
    JPEG_12,
    JPEG_LS,
    JPEG_XL,
    LOSSLESS,
    NAMES,
    NEAR,
    PROGRESSIVE,
    RLE,
    SV1,
    SYNTAXES,
    UNCOMPRESSED,
    assert_refused_or,
    by_gdcm,
    decoded,
    deflated,
    htj2k,
    items,
    j2k,
    jpegls,
    jpegxl,
    ljpeg,
    picture,
    rle,
    scanned,
    unsigned,
    write,
)
from hangs import LOOPING, limit_cpu, list_threads
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate_extended
from pydicom.pixels import convert_color_space
from synthetic import Raw, Truth, padded, raw_image

import vtkdicomload as vdl
from vtkdicomload import CompressedPixelDataError, CorruptFileError, DicomLoadWarning
from vtkdicomload.headers.transfer_syntaxes import name_syntax
from vtkdicomload.readers import codec
from vtkdicomload.readers import pydicom as plain
from vtkdicomload.readers.dtype import Conversion, choose_conversion

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[..., Truth]
    Pixels = np.ndarray[Any, Any]

HERE = Path(__file__).parents[1]
CPU_SECONDS = 10  # for one damaged frame


# ------------------------------------------------------------------------------------------------------ lossless
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
@pytest.mark.parametrize("shape", [(24, 31), (7, 5), (1, 9), (9, 1), (64, 64)])
def test_lossless_frames_come_back_exactly(tmp_path: Path, syntax: str, dtype: Any, shape: tuple[int, int]) -> None:
    pixels = picture(*shape, dtype=dtype)
    path = write(tmp_path / "x.dcm", syntax, [ENCODERS[syntax](pixels)], pixels)
    found = decoded(path)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found[0], pixels)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colour_comes_back_exactly(tmp_path: Path, syntax: str, dtype: Any) -> None:
    pixels = picture(24, 31, 3, dtype)
    path = write(tmp_path / "x.dcm", syntax, [ENCODERS[syntax](pixels)], pixels)
    found = decoded(path)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found[0], pixels)


@pytest.mark.parametrize("syntax", [RLE, JPEG_LS, J2K_LOSSLESS, SV1])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_gdcm_reads_the_same_from_the_same_file(tmp_path: Path, syntax: str, dtype: Any) -> None:
    pixels = picture(dtype=dtype)
    path = write(tmp_path / "x.dcm", syntax, [ENCODERS[syntax](pixels)], pixels, (0x00281052, "DS", b"0 "))
    np.testing.assert_array_equal(decoded(path)[0], by_gdcm(path)[0])


@pytest.mark.parametrize("syntax", [UNCOMPRESSED, DEFLATED])
def test_32_bits_come_back_exactly(tmp_path: Path, syntax: str) -> None:
    pixels = picture(dtype=np.uint32)
    path = write(tmp_path / "x.dcm", syntax, [ENCODERS[syntax](pixels)], pixels)
    np.testing.assert_array_equal(decoded(path)[0], pixels)


def stored(bits: int, signed: int) -> tuple[Raw, ...]:
    """Elements that say so many bits stored of 16, signed or not."""
    us = lambda n: bytes((n, 0))  # noqa: E731
    return (0x00280101, "US", us(bits)), (0x00280102, "US", us(bits - 1)), (0x00280103, "US", us(signed))


@pytest.mark.parametrize("syntax", [s for s in ENCODERS if s not in (LOSSLESS,)])
def test_twelve_bits_in_sixteen(tmp_path: Path, syntax: str) -> None:
    pixels = picture(bits=12)
    path = write(tmp_path / "x.dcm", syntax, [ENCODERS[syntax](pixels)], pixels, *stored(12, 0))
    np.testing.assert_array_equal(decoded(path)[0], pixels)


@pytest.mark.parametrize("syntax", [RLE, UNCOMPRESSED, SV1, JPEG_LS])
def test_twelve_signed_bits_are_extended(tmp_path: Path, syntax: str) -> None:
    values = picture(bits=12).astype(np.int16) - 2048
    words = (values & 0xFFF).astype(np.uint16)
    path = write(tmp_path / "x.dcm", syntax, [ENCODERS[syntax](words)], words, *stored(12, 1))
    np.testing.assert_array_equal(decoded(path)[0], values)


def test_unsigned_jpeg_2000_under_a_signed_header_is_read_with_a_warning() -> None:
    path = get_testdata_file("J2K_pixelrep_mismatch.dcm", download=False)
    with pytest.warns(DicomLoadWarning, match="unsigned, their headers say signed"):
        found = decoded(path)
    np.testing.assert_array_equal(found, by_gdcm(path))
    np.testing.assert_array_equal(found[0], pydicom.dcmread(path).pixel_array)


def whole(bits: int, signed: int) -> Pixels:
    """A picture over most of the range of its bits, in 16."""
    values = picture(40, 44, bits=bits).astype(np.int64) - (signed << bits - 1)
    return values.astype(np.int16 if signed else np.uint16)


def in_j2k(path: Path, pixels: Pixels, bits: int, *header: Raw) -> Path:
    stream = bytes(imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="j2k", reversible=True, bitspersample=bits))
    intercept: Raw = (0x00281052, "DS", b"0 ")
    return write(path, J2K_LOSSLESS, [padded(stream)], unsigned(pixels), *header, intercept)


@pytest.mark.parametrize("said", [12, 16])
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("bits", [10, 12])
def test_fewer_bits_in_the_stream_than_stored_are_as_by_pydicom_and_gdcm(
    tmp_path: Path, bits: int, signed: int, said: int
) -> None:
    pixels = whole(bits, signed)
    path = in_j2k(tmp_path / "x.dcm", pixels, bits, *stored(said, signed))
    found = decoded(path)[0]
    np.testing.assert_array_equal(found, pixels)
    np.testing.assert_array_equal(found, pydicom.dcmread(path).pixel_array)
    np.testing.assert_array_equal(found, by_gdcm(path)[0])


@pytest.mark.parametrize("bits", [12, 13, 16])
def test_unsigned_streams_of_the_bits_stored_are_signed_as_by_pydicom_and_gdcm(tmp_path: Path, bits: int) -> None:
    path = in_j2k(tmp_path / "x.dcm", whole(bits, 0), bits, *stored(bits, 1))
    with pytest.warns(DicomLoadWarning, match="1 file are unsigned, their headers say signed"):
        found = decoded(path)[0]
    assert found.min() < 0
    np.testing.assert_array_equal(found, pydicom.dcmread(path).pixel_array)
    np.testing.assert_array_equal(found, by_gdcm(path)[0])


def test_a_stream_of_the_wrong_sign_whose_values_are_positive_is_read(tmp_path: Path) -> None:
    pixels = picture(40, 44, bits=11)
    for bits, signed, said in ((16, 0, 1), (16, 1, 0), (12, 0, 1)):
        path = in_j2k(tmp_path / "x.dcm", pixels.astype(np.int16 if signed else np.uint16), bits, *stored(16, said))
        np.testing.assert_array_equal(decoded(path)[0], pixels)


DISPUTED = {  # bits and sign of the stream, bits stored and sign of the header, words
    "negative under unsigned": (12, 1, 12, 0, r"signed and goes down to -\d+, its header says unsigned"),
    "fewer unsigned under signed": (12, 0, 16, 1, r"12 unsigned bits, its header 16 signed ones: values from 2048 to"),
}


@pytest.mark.parametrize("name", DISPUTED)
def test_a_stream_whose_values_its_header_disputes_is_refused(tmp_path: Path, name: str) -> None:
    bits, signed, said, sign, words = DISPUTED[name]
    path = in_j2k(tmp_path / "x.dcm", whole(bits, signed), bits, *stored(said, sign))
    with pytest.raises(CorruptFileError, match=words) as caught:
        decoded(path)
    assert caught.value.files == (str(path),)


@pytest.mark.parametrize("codecformat", ["j2k", "jp2"])
def test_jpeg_2000_with_and_without_a_file_format(tmp_path: Path, codecformat: str) -> None:
    pixels = picture(dtype=np.int16)
    path = write(tmp_path / "x.dcm", J2K_LOSSLESS, [j2k(pixels, codecformat=codecformat)], pixels)
    np.testing.assert_array_equal(decoded(path)[0], pixels)


def test_jpeg_2000_colour_transform(tmp_path: Path) -> None:
    pixels = picture(24, 31, 3, np.uint8)
    words = (0x00280004, "CS", b"YBR_RCT ")
    path = write(tmp_path / "x.dcm", J2K_LOSSLESS, [j2k(pixels, mct=True)], pixels, words)
    np.testing.assert_array_equal(decoded(path)[0], pixels)


@pytest.mark.parametrize("syntax", [RLE, J2K_LOSSLESS, JPEG_LS, UNCOMPRESSED])
def test_ybr_full_becomes_rgb(tmp_path: Path, syntax: str) -> None:
    pixels = picture(24, 31, 3, np.uint8)
    path = write(tmp_path / "x.dcm", syntax, [ENCODERS[syntax](pixels)], pixels, (0x00280004, "CS", b"YBR_FULL"))
    np.testing.assert_array_equal(decoded(path)[0], convert_color_space(pixels, "YBR_FULL", "RGB"))


def test_jpeg_ls_planes_one_after_another(tmp_path: Path) -> None:
    """Interleave mode none: a scan for each sample, put together by hand."""
    pixels = picture(24, 31, 3, np.uint8)
    scans = b""
    for c in range(3):
        stream = jpegls(np.ascontiguousarray(pixels[..., c]))
        at = stream.index(b"\xff\xda")
        scans += stream[at : at + 5] + bytes([c + 1]) + stream[at + 6 : -2]
    frame = struct.pack(">HHBHHB", 0xFFF7, 17, 8, 24, 31, 3) + b"\1\x11\0\2\x11\0\3\x11\0"
    path = write(tmp_path / "x.dcm", JPEG_LS, [b"\xff\xd8" + frame + scans + b"\xff\xd9"], pixels)
    np.testing.assert_array_equal(decoded(path)[0], pixels)


@pytest.mark.parametrize(
    "start",
    [b"\xff\xd8\xff\xe0", b"\xff\x0a\0\0", b"\xff\x4f\xff\x51", b"\0\0\0\0jP  ", b"\0\0\0\0JXL "],
)
@pytest.mark.parametrize("syntax", [UNCOMPRESSED, DEFLATED])
def test_pixels_that_look_like_a_stream_are_pixels(tmp_path: Path, syntax: str, start: bytes) -> None:
    pixels = picture()
    pixels.reshape(-1).view(np.uint8)[: len(start)] = np.frombuffer(start, np.uint8)
    path = write(tmp_path / "x.dcm", syntax, [ENCODERS[syntax](pixels)], pixels)
    np.testing.assert_array_equal(decoded(path)[0], pixels)


# ------------------------------------------------------------------------------------------------------ real files
LOSSY_LEVELS = 1
REAL = {
    "jpegls_80_12bit": 0,
    "jpeg_lossless_70_12bit": 0,
    "jpeg_baseline_50": LOSSY_LEVELS,
    "jpeg_extended_51": LOSSY_LEVELS,
    "jpeg_53_retired": LOSSY_LEVELS,
    "jpeg_55_retired": LOSSY_LEVELS,
    "jpegls_near_81": 0,
    "j2k_91": LOSSY_LEVELS,
    "j2k_91_brain": LOSSY_LEVELS,
    "ybr422_jpeg": 2,
    "ybr_full_jpeg": 2,
    "rgb_jpegls": 0,
    "rgb_jpeg_lossless": 0,
    "fragmented_jpeg_lossless_57": 0,
    "two_frames_jpegls_80": 0,
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_are_decoded_as_by_gdcm(data: Path, name: str) -> None:
    path = data / "compressed" / f"{name}.dcm"
    found, expected = decoded(path).astype(np.float64), by_gdcm(path)
    assert found.std() > 1
    np.testing.assert_allclose(found, np.reshape(expected, found.shape), rtol=0, atol=REAL[name] + 1e-3)


@pytest.mark.parametrize("name", REAL)
def test_real_files_load_with_the_default_options(data: Path, name: str) -> None:
    path = data / "compressed" / f"{name}.dcm"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DicomLoadWarning)  # most have no position
        volume = vdl.load(path)
    assert volume.engine == "codec"
    first = volume.series.frames[0]
    if first.header.samples == 1:
        order = [frame.index_in_file for frame in volume.series.frames]
        expected = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))[order]
        np.testing.assert_allclose(volume.frames, expected, atol=REAL[name] * first.slope + 1e-3, rtol=1e-6)


BUNDLED = [
    *("693_J2KI", "JPEG-lossy", "JPEG2000", "JPEGLSNearLossless_08", "JPEGLSNearLossless_16", "JPGExtended"),
    *("MR_small_RLE", "MR_small_jp2klossless", "MR_small_jpeg_ls_lossless", "SC_rgb_jls_lossy_line"),
    *("SC_rgb_jls_lossy_sample", "SC_rgb_dcmtk_+eb+cr", "SC_rgb_dcmtk_+eb+cy+n1", "SC_rgb_dcmtk_+eb+cy+n2"),
    *("SC_rgb_dcmtk_+eb+cy+np", "SC_rgb_dcmtk_+eb+cy+s2", "SC_rgb_dcmtk_+eb+cy+s4", "SC_rgb_gdcm_KY"),
    *("SC_rgb_jpeg_dcmtk", "SC_rgb_jpeg_gdcm", "SC_rgb_jpeg_lossy_gdcm", "SC_rgb_rle", "SC_rgb_rle_2frame"),
    *("SC_rgb_small_odd_jpeg", "SC_jpeg_no_color_transform", "SC_jpeg_no_color_transform_2", "GDCMJ2K_TextGBR"),
    *("SC_rgb_jpeg_app14_dcmd",),
]


@pytest.mark.parametrize("name", BUNDLED)
def test_files_that_come_with_pydicom_are_decoded_as_by_gdcm(name: str) -> None:
    path = get_testdata_file(f"{name}.dcm", download=False)
    found = decoded(path).astype(np.float64)
    expected = np.reshape(by_gdcm(path), found.shape)
    lossy = "jpeg" in name.lower() or "+eb" in name or "jls" in name or name == "JPGExtended"
    np.testing.assert_allclose(found, expected, rtol=0, atol=2 if lossy else 0)


@pytest.mark.parametrize("name", ["SC_rgb_rle_16bit", "SC_rgb_rle_16bit_2frame", "rtdose_rle", "rtdose_rle_1frame"])
def test_rle_is_decoded_as_by_pydicoms_own_decoder(name: str) -> None:
    path = get_testdata_file(f"{name}.dcm", download=False)
    dataset = pydicom.dcmread(path)
    expected = pydicom.pixels.pixel_array(dataset, decoding_plugin="pydicom")
    found = decoded(path)
    np.testing.assert_array_equal(found, expected.reshape(found.shape))


@pytest.mark.parametrize("name", ["JPEG-lossy", "GDCMJ2K_TextGBR"])
def test_a_witness_that_cannot_decode_does_not_make_a_file_corrupt(name: str) -> None:
    path = get_testdata_file(f"{name}.dcm", download=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DicomLoadWarning)
        assert vdl.load(path).engine == "codec"


def test_one_scan_in_four_encodings_is_one_volume(data: Path) -> None:
    first = [
        data / "comp_rle" / "IM-0001-0001-0001.dcm",
        data / "comp_j2k" / "IM-0001-0001-0001.dcm",
        data / "compressed" / "jpegls_80_12bit.dcm",
        data / "compressed" / "jpeg_lossless_70_12bit.dcm",
    ]
    one, *others = (decoded(path) for path in first)
    assert one.std() > 10
    for other in others:
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one[0], pydicom.dcmread(first[0]).pixel_array)


@pytest.mark.parametrize("name", ["comp_rle", "comp_j2k", "rgb_stack"])
def test_compressed_series_load_as_volumes(data: Path, name: str) -> None:
    volume = vdl.load(data / name, verify="all")
    assert volume.engine == "codec"
    expected = [by_gdcm(f.path)[0] for f in volume.series.frames]
    np.testing.assert_array_equal(volume.frames, expected)


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_any_number_of_workers_gives_the_same(series: Write, workers: int) -> None:
    truth = series(count=9, syntax=J2K_LOSSLESS)
    np.testing.assert_array_equal(decoded(*truth.files, workers=workers), truth.stored)


def test_native_files_may_lie_among_them(series: Write) -> None:
    one = series("a", syntax=RLE, count=2)
    other = series("b", syntax="1.2.840.10008.1.2.1", count=2, RescaleIntercept=0)
    found = decoded(one.files[0], other.files[1], one.files[1], other.files[0], rescale=True)
    expected = (one.stored[0], other.stored[1], one.stored[1], other.stored[0])
    np.testing.assert_array_equal(found, expected)


def test_values_are_rescaled(series: Write) -> None:
    truth = series(syntax=RLE, RescaleSlope=2, RescaleIntercept=-1024)
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)
    truth = series("big", syntax=JPEG_LS, RescaleSlope=0.25, RescaleIntercept=3)
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)


# ------------------------------------------------------------------------------------------------------ many frames
FRAMES = [picture(seed=k) for k in range(4)]


# PS3.5 A.4.2: an RLE frame is one fragment.
FRAGMENTS = [(syntax, count) for syntax in (JPEG_LS, J2K_LOSSLESS, SV1) for count in (1, 2, 3)] + [(RLE, 1)]


@pytest.mark.parametrize(("syntax", "fragments"), FRAGMENTS)
@pytest.mark.parametrize("table", [True, False])
def test_frames_in_fragments_are_put_together(tmp_path: Path, syntax: str, fragments: int, table: bool) -> None:
    streams = [ENCODERS[syntax](f) for f in FRAMES]
    path = write(tmp_path / "x.dcm", syntax, streams, FRAMES[0], data=items(streams, fragments=fragments, table=table))
    np.testing.assert_array_equal(decoded(path), FRAMES)
    np.testing.assert_array_equal(decoded(path, workers=1), FRAMES)


@pytest.mark.parametrize("syntax", [JPEG_LS, RLE, UNCOMPRESSED])
def test_an_extended_offset_table_is_used(tmp_path: Path, syntax: str) -> None:
    streams = [padded(ENCODERS[syntax](f)) for f in FRAMES]
    data, offsets, lengths = encapsulate_extended(streams)
    tables: tuple[Raw, ...] = ((0x7FE00001, "OV", offsets), (0x7FE00002, "OV", lengths))
    data += b"\xfe\xff\xdd\xe0\0\0\0\0"
    path = write(tmp_path / "x.dcm", syntax, streams, FRAMES[0], *tables, data=data)
    np.testing.assert_array_equal(decoded(path), FRAMES)


def test_one_frame_in_many_fragments(tmp_path: Path) -> None:
    for syntax in (JPEG_LS, J2K_LOSSLESS):
        data = items([ENCODERS[syntax](FRAMES[0])], fragments=5, table=syntax == JPEG_LS)
        path = write(tmp_path / "x.dcm", syntax, [b""], FRAMES[0], data=data)
        np.testing.assert_array_equal(decoded(path)[0], FRAMES[0])


@pytest.mark.parametrize("said", [3, 5])
def test_a_wrong_number_of_frames_is_refused(tmp_path: Path, said: int) -> None:
    streams = [jpegls(f) for f in FRAMES]
    for table in (True, False):
        count = (0x00280008, "IS", f"{said} ".encode())
        path = write(tmp_path / "x.dcm", JPEG_LS, streams, FRAMES[0], count, data=items(streams, table=table))
        with pytest.raises(CorruptFileError) as caught:
            decoded(path)
        assert str(path) in str(caught.value)


def test_an_offset_table_that_points_anywhere_is_refused_or_passed_over(tmp_path: Path) -> None:
    streams = [jpegls(f) for f in FRAMES]
    good = items(streams)
    chance = random.Random(4)
    for _ in range(60):
        data = bytearray(good)
        at = 8 + 4 * chance.randrange(4) + chance.randrange(2)
        data[at] ^= 1 << chance.randrange(8)
        path = write(tmp_path / "x.dcm", JPEG_LS, streams, FRAMES[0], data=bytes(data))
        assert_refused_or(FRAMES, path)


# ------------------------------------------------------------------------------------------------------ size first
def with_size(stream: bytes, rows: int, columns: int) -> bytes:
    """A stream of 24 × 31 that says it has another size."""
    if stream[:4] == b"\xff\x4f\xff\x51":
        size = struct.pack(">II", columns, rows)
        return stream[:8] + size + stream[16:24] + size + stream[32:]
    return stream.replace(struct.pack(">HH", 24, 31), struct.pack(">HH", rows, columns), 1)


DECODERS = ("jpeg8_decode", "jpegls_decode", "jpeg2k_decode", "htj2k_decode", "jpegxl_decode", "dicomrle_decode")


@pytest.fixture
def _no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in DECODERS:
        monkeypatch.setattr(imagecodecs, name, lambda *_, **__: pytest.fail("a decoder was called"))


@pytest.mark.usefixtures("_no_decoder")
@pytest.mark.parametrize("syntax", [SV1, LOSSLESS, JPEG_LS, J2K_LOSSLESS, HTJ2K[0]], ids=NAMES.get)
def test_a_huge_stream_in_a_small_file_is_refused_before_it_is_decoded(tmp_path: Path, syntax: str) -> None:
    pixels = picture()
    stream = with_size(ENCODERS[syntax](pixels), 30000, 30000)
    path = write(tmp_path / "x.dcm", syntax, [stream], pixels)
    frames = scanned([path])
    tracemalloc.start()
    try:
        with pytest.raises(CorruptFileError, match="30000 × 30000 × 1, its header says 24 × 31 × 1") as caught:
            codec.fill(frames, Conversion(np.dtype(np.uint16), False, False), np.zeros((1, 24, 31), "u2"), lambda: None)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.files == (str(path),)


@pytest.mark.usefixtures("_no_decoder")
def test_a_huge_jpeg_xl_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    pixels = picture()
    # ISO 18181-1: not small; 18 bits of height, no ratio, 18 bits of width
    size = 0 | 2 << 1 | 29999 << 3 | 0 << 21 | 2 << 24 | 29999 << 26
    path = write(tmp_path / "x.dcm", JPEG_XL[0], [b"\xff\x0a" + size.to_bytes(8, "little") + bytes(40)], pixels)
    with pytest.raises(CorruptFileError, match="30000 × 30000"):
        decoded(path)


@pytest.mark.usefixtures("_no_decoder")
@pytest.mark.parametrize("syntax", [SV1, JPEG_LS, J2K_LOSSLESS, HTJ2K[0], JPEG_XL[0]], ids=NAMES.get)
@pytest.mark.parametrize("shape", [(24, 32), (25, 31), (31, 24), (12, 31)])
def test_another_size_is_refused_and_its_frame_named(tmp_path: Path, syntax: str, shape: tuple[int, int]) -> None:
    good, bad = picture(), picture(*shape)
    path = write(tmp_path / "one.dcm", syntax, [ENCODERS[syntax](bad)], good)
    with pytest.raises(CorruptFileError, match=f"one.dcm: .*{shape[0]} × {shape[1]}"):
        decoded(path)


@pytest.mark.parametrize("syntax", [SV1, JPEG_LS, J2K_LOSSLESS, HTJ2K[0], JPEG_XL[0]], ids=NAMES.get)
def test_the_frame_of_many_is_named(tmp_path: Path, syntax: str) -> None:
    streams = [ENCODERS[syntax](f) for f in (FRAMES[0], FRAMES[1], picture(24, 32), FRAMES[2])]
    path = write(tmp_path / "x.dcm", syntax, streams, FRAMES[0])
    with pytest.raises(CorruptFileError, match=r"x\.dcm, frame 3: ") as caught:
        decoded(path)
    assert caught.value.files == (str(path),)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_another_number_of_samples_is_refused(tmp_path: Path, syntax: str) -> None:
    grey, colour = picture(dtype=np.uint8), picture(samples=3, dtype=np.uint8)
    for real, said in ((grey, colour), (colour, grey)):
        if syntax == UNCOMPRESSED and real is colour:
            continue  # more bytes than are needed
        path = write(tmp_path / "x.dcm", syntax, [ENCODERS[syntax](real)], said)
        with pytest.raises(CorruptFileError) as caught:
            decoded(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("syntax", [s for s in ENCODERS if s not in (UNCOMPRESSED,)])
def test_more_bits_than_allocated_are_refused(tmp_path: Path, syntax: str) -> None:
    pixels = picture(dtype=np.uint16)
    path = write(tmp_path / "x.dcm", syntax, [ENCODERS[syntax](pixels)], picture(dtype=np.uint8))
    with pytest.raises(CorruptFileError) as caught:
        decoded(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("syntax", [J2K_LOSSLESS, HTJ2K[1]])
def test_a_signed_stream_under_an_unsigned_header_is_refused(tmp_path: Path, syntax: str) -> None:
    path = write(tmp_path / "x.dcm", syntax, [ENCODERS[syntax](picture(dtype=np.int16))], picture(dtype=np.uint16))
    with pytest.raises(CorruptFileError, match=r"its stream is signed and goes down to -\d+, its header says unsigned"):
        decoded(path)


@pytest.mark.parametrize("syntax", [SV1, JPEG_LS, J2K_LOSSLESS, HTJ2K[0], JPEG_XL[0]], ids=NAMES.get)
def test_a_stream_of_no_image_is_refused(tmp_path: Path, syntax: str) -> None:
    for stream in (b"", b"\0\0", b"garbage of no kind", bytes(200), bytes(range(256)) * 4):
        path = write(tmp_path / "x.dcm", syntax, [padded(stream)], picture())
        with pytest.raises(CorruptFileError) as caught:
            decoded(path)
        assert str(path) in str(caught.value)


STATED = (SV1, JPEG_LS, J2K_LOSSLESS, JPEG_XL[0])  # streams that say what they are


@pytest.mark.parametrize(("syntax", "other"), list(itertools.permutations(STATED, 2)))
def test_a_stream_of_another_codec_is_believed_with_a_warning(tmp_path: Path, syntax: str, other: str) -> None:
    pixels = picture(dtype=np.uint8)
    path = write(tmp_path / "x.dcm", syntax, [ENCODERS[other](pixels)], pixels)
    with pytest.warns(vdl.DicomLoadWarning, match=f"their headers say {name_syntax(syntax)}: the streams are believed"):
        np.testing.assert_array_equal(decoded(path)[0], pixels)


@pytest.mark.parametrize(("syntax", "other"), [*((RLE, s) for s in STATED), *((s, RLE) for s in STATED)])
def test_a_stream_for_or_of_the_rle_decoder_is_refused_under_another_syntax(
    tmp_path: Path, syntax: str, other: str
) -> None:
    pixels = picture(dtype=np.uint8)
    path = write(tmp_path / "x.dcm", syntax, [ENCODERS[other](pixels)], pixels)
    with pytest.raises(CorruptFileError):
        decoded(path)


# ------------------------------------------------------------------------------------------------------ damage
def baseline(pixels: Pixels) -> bytes:
    options = {"colorspace": "RGB", "outcolorspace": "RGB"} if pixels.ndim == 3 else {}
    return bytes(imagecodecs.jpeg8_encode(pixels, level=90, **options))


def progressive(pixels: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", progressive=True)
    return file.getvalue()


def extended(pixels: Pixels) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(pixels, level=95, bitspersample=12))


GREY, COLOUR, WIDE, TWELVE = (
    picture(dtype=np.uint8),
    picture(samples=3, dtype=np.uint8),
    picture(dtype=np.int16),
    picture(bits=12),
)
# name → syntax, encoder, pixels
DAMAGED: dict[str, tuple[str, Callable[[Any], bytes], Pixels]] = {
    "jpeg": (JPEG, baseline, GREY),
    "jpeg colour": (JPEG, baseline, COLOUR),
    "jpeg progressive": (PROGRESSIVE, progressive, GREY),
    "jpeg 12": (JPEG_12, extended, TWELVE),
    "jpeg lossless": (SV1, ljpeg, WIDE),
    "jpeg lossless colour": (LOSSLESS, lambda p: ljpeg(p, 6), COLOUR),
    "jpeg-ls": (JPEG_LS, jpegls, WIDE),
    "jpeg-ls colour": (JPEG_LS, jpegls, COLOUR),
    "jpeg-ls near": (NEAR, lambda p: bytes(imagecodecs.jpegls_encode(p, level=3)), GREY),
    "jpeg-2000": (J2K_LOSSLESS, j2k, WIDE),
    "jpeg-2000 lossy": (J2K, lambda p: j2k(p, codecformat="jp2", level=40, reversible=False), GREY),
    "jpeg-2000 colour": (J2K_LOSSLESS, j2k, COLOUR),
    "htj2k": (HTJ2K[0], htj2k, WIDE),
    "htj2k colour": (HTJ2K[0], htj2k, COLOUR),
    "jpeg-xl": (JPEG_XL[0], jpegxl, WIDE),
    "jpeg-xl colour": (JPEG_XL[0], jpegxl, COLOUR),
    "rle": (RLE, rle, WIDE),
    "rle colour": (RLE, rle, COLOUR),
    "deflated": (DEFLATED, deflated, WIDE),
    "jpeg-2000 transformed": (J2K_LOSSLESS, lambda p: j2k(p, codecformat="jp2", mct=True), COLOUR),
    "htj2k lossy": (HTJ2K[2], lambda p: bytes(imagecodecs.htj2k_encode(p, level=1e-3, reversible=False)), TWELVE),
    "jpeg-xl lossy": (JPEG_XL[2], lambda p: bytes(imagecodecs.jpegxl_encode(p, distance=1.0)), COLOUR),
    "jpeg-xl recompressed": (JPEG_XL[1], lambda p: bytes(imagecodecs.jpegxl_encode_jpeg(baseline(p))), GREY),
}


@pytest.mark.parametrize("part", [0.1, 0.5, 0.75, 0.95])
@pytest.mark.parametrize("name", DAMAGED)
def test_a_stream_cut_short_is_refused(tmp_path: Path, name: str, part: float) -> None:
    syntax, encode, pixels = DAMAGED[name]
    stream = encode(pixels)
    path = write(tmp_path / "x.dcm", syntax, [stream], pixels)
    whole = decoded(path)
    write(path, syntax, [padded(stream[: int(len(stream) * part)])], pixels)
    assert_refused_or(whole, path)


@pytest.mark.parametrize("name", [n for n, (s, *_) in DAMAGED.items() if s not in (RLE, DEFLATED)])
def test_half_an_end_marker_is_no_end(tmp_path: Path, name: str) -> None:
    syntax, encode, pixels = DAMAGED[name]
    stream = encode(pixels)
    path = write(tmp_path / "x.dcm", syntax, [stream], pixels)
    whole = decoded(path)
    write(path, syntax, [padded(stream[: len(stream) // 2 * 2 - 40] + b"\x12\xd9")], pixels)
    assert_refused_or(whole, path)


@pytest.mark.parametrize("name", [n for n, (s, *_) in DAMAGED.items() if s not in (RLE, DEFLATED)])
def test_padding_behind_a_stream_is_no_damage(tmp_path: Path, name: str) -> None:
    syntax, encode, pixels = DAMAGED[name]
    stream = padded(encode(pixels))
    path = write(tmp_path / "x.dcm", syntax, [stream], pixels)
    whole = decoded(path)
    write(path, syntax, [stream + bytes(6)], pixels)
    np.testing.assert_array_equal(decoded(path), whole)


@pytest.mark.parametrize("tail", [b"\0\xd3\x0c\x99\xfa", b"\0\0\0\x8a\x28\xa2\x8a"])
@pytest.mark.parametrize("name", [n for n, (s, *_) in DAMAGED.items() if s not in (RLE, DEFLATED)])
def test_a_stale_word_behind_a_stream_is_no_damage(tmp_path: Path, name: str, tail: bytes) -> None:
    syntax, encode, pixels = DAMAGED[name]
    stream = encode(pixels)
    path = write(tmp_path / "x.dcm", syntax, [padded(stream)], pixels)
    whole = decoded(path)
    write(path, syntax, [padded(stream + tail)], pixels)
    np.testing.assert_array_equal(decoded(path), whole)


def mutated(stream: bytes, chance: random.Random) -> bytes:
    data = bytearray(stream)
    kind = chance.randrange(5)
    if kind == 0:
        return bytes(data[: chance.randrange(len(data))])
    if kind == 1:
        start = chance.randrange(len(data))
        del data[start : start + chance.randrange(1, 40)]
    for _ in range(chance.randrange(1, 5)):
        if data:
            data[chance.randrange(min(len(data), 120 if kind == 2 else 1 << 30))] = chance.randrange(256)
    return bytes(data)


# Streams that brought a decoder down: an RLE offset behind the data, an HTJ2K tile of no height, an HTJ2K
# quantization segment that is cut short.
def deadly(name: str, stream: bytes) -> list[bytes]:
    if name.startswith("rle"):
        return [stream[:8] + b"\xff\xff\xff\xc0" + stream[12:], b"\xff" * 64, stream[:64], stream[:4] + bytes(60)]
    if name.startswith("htj2k"):
        at = stream.index(b"\xff\x5c")
        no_tiles = stream[:24] + bytes(8) + stream[32:]
        return [no_tiles, stream[:24] + bytes(4) + stream[28:], stream[: at + 3] + b"\3" + stream[at + 4 :]]
    return []


def decode_damaged(family: str, folder: str, count: int) -> None:
    """Decode damaged streams one after another; what comes out is a CorruptFileError or an image of the right shape."""
    path = Path(folder) / "x.dcm"
    ignored: list[Any] = []
    sys.unraisablehook = ignored.append
    for name in FAMILIES[family]:
        syntax, encode, pixels = DAMAGED[name]
        stream = encode(pixels)
        chance = random.Random(name)
        for k, damaged in enumerate([*deadly(name, stream), *(mutated(stream, chance) for _ in range(count))]):
            print(f"{name} #{k}", flush=True)
            limit_cpu(CPU_SECONDS)
            write(path, syntax, [padded(damaged)], pixels)
            try:
                found = decoded(path)
            except CorruptFileError:
                continue
            assert found.shape == (1, *pixels.shape)
            assert not ignored, f"pixels were given although the decoder failed: {ignored[0].exc_value}"
    print("done", flush=True)


FAMILIES: dict[str, list[str]] = {}
for _name in DAMAGED:
    FAMILIES.setdefault(_name.split()[0], []).append(_name)


@pytest.fixture(scope="module")
def damage(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What came of the damaged streams of each family: decoded in one process, and in another after one that died."""
    folder, outcomes = tmp_path_factory.mktemp("damage"), dict[str, str]()
    while rest := [family for family in FAMILIES if family not in outcomes]:
        code = (
            f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
            f"import test_codec\n"
            f"for family in {rest!r}: test_codec.decode_damaged(family, {str(folder)!r}, 250)"
        )
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
        lines = run.stdout.splitlines()
        done = lines.count("done")
        outcomes |= dict.fromkeys(rest[:done], "done")
        if done < len(rest):
            end = "hung" if run.returncode == LOOPING else f"exit {run.returncode}"
            outcomes[rest[done]] = f"{end} at {lines[-1:]}\n{run.stderr[-600:]}"
    return outcomes


@pytest.mark.parametrize("family", FAMILIES)
def test_no_damage_brings_the_process_down(damage: dict[str, str], family: str) -> None:
    assert damage[family] == "done"


@pytest.mark.parametrize("count", [None, 200])
def test_a_deflated_frame_inflates_no_further_than_it_should(tmp_path: Path, count: int | None) -> None:
    pixels = picture()
    bomb = deflated(np.zeros(50_000_000, np.uint8)) if count is None else deflated(pixels)[:count]
    path = write(tmp_path / "x.dcm", DEFLATED, [padded(bomb)], pixels)
    tracemalloc.start()
    try:
        with pytest.raises(CorruptFileError):
            decoded(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_file_that_vanished_or_changed_is_named(series: Write) -> None:
    truth = series(syntax=RLE, count=6)
    frames = scanned(truth.files)
    out = np.zeros((6, 6, 8), np.int16)
    truth.files[1].unlink()
    truth.files[4].write_bytes(truth.files[4].read_bytes()[:-10])
    for workers in (1, 2, 8):
        with pytest.raises(CorruptFileError, match="since it was scanned") as caught:
            codec.fill(frames, choose_conversion(frames, rescale=False), out, lambda: None, workers)
        assert caught.value.files[0] in (str(truth.files[1]), str(truth.files[4]))
    assert list_threads() == []


def test_memory_errors_stay_memory_errors(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise MemoryError

    truth = series(syntax=JPEG_LS, count=2)
    monkeypatch.setattr(imagecodecs, "jpegls_decode", fail)
    with pytest.raises(MemoryError):
        decoded(*truth.files)


# ------------------------------------------------------------------------------------------------------ no decoder
@pytest.mark.parametrize(
    ("number", "name"),
    [
        (92, "JPEG 2000 Part 2 Lossless"),
        (93, "JPEG 2000 Part 2"),
        (94, "JPIP"),
        (95, "JPIP"),
        (100, "MPEG-2"),
        (102, "MPEG-4"),
        (107, "HEVC"),
        (204, "JPIP HTJ2K"),
    ],
)
def test_a_syntax_without_decoder_is_named(tmp_path: Path, number: int, name: str) -> None:
    uid = f"1.2.840.10008.1.2.4.{number}"
    path = write(tmp_path / "x.dcm", uid, [b"\0\0\0\1 stream"], picture())
    with pytest.raises(CompressedPixelDataError) as caught:
        vdl.load(path)
    assert name in str(caught.value)
    assert uid in str(caught.value)
    assert caught.value.files == (str(path),)


@pytest.mark.parametrize("uid", ["1.2.3.4", "1.2.840.113619.5.2", "1.2.840.10008.1.2.4.9999"])
def test_a_compressed_file_in_an_unknown_transfer_syntax_is_named(tmp_path: Path, uid: str) -> None:
    path = write(tmp_path / "x.dcm", uid, [b"\0\0\0\1 stream"], picture())
    words = f"1 frame in the unknown transfer syntax {uid}, which neither imagecodecs nor pydicom decodes"
    with pytest.raises(CompressedPixelDataError, match=words) as caught:
        vdl.load(path)
    assert caught.value.files == (str(path),)


@pytest.mark.parametrize("uid", ["1.2.3.4", "1.2.840.113619.5.2"])
def test_native_pixel_data_in_a_private_transfer_syntax_is_not_guessed_at(tmp_path: Path, uid: str) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(raw_image(syntax=uid))
    with pytest.raises(CompressedPixelDataError, match=f"in the unknown transfer syntax {uid}"):
        vdl.load(path)
    path.write_bytes(raw_image(syntax=uid, explicit=False))
    with pytest.raises(CorruptFileError, match="no valid VR"):
        vdl.load(path)


CODECS = {RLE: "DICOMRLE", SV1: "JPEG8", JPEG_LS: "JPEGLS", J2K_LOSSLESS: "JPEG2K"}
CODECS |= {HTJ2K[0]: "JPEG2K", JPEG_XL[0]: "JPEGXL"}


@pytest.fixture
def uncodable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[Path, Pixels]]:
    """A file, and its pixels, in a syntax whose codec imagecodecs then does not have."""

    def make(syntax: str) -> tuple[Path, Pixels]:
        pixels = picture(dtype=np.uint8)
        stream = padded(ENCODERS[syntax](pixels))
        path = write(tmp_path / "x.dcm", syntax, [stream], pixels, (0x00281052, "DS", b"0 "))
        monkeypatch.setattr(imagecodecs, CODECS[syntax], SimpleNamespace(available=False))
        frames = scanned([path])
        reason = codec.refusal(frames, choose_conversion(frames, rescale=True)) or ""
        assert reason == f"{path}: imagecodecs has no {CODECS[syntax]} codec on this platform"
        return path, pixels

    return make


@pytest.mark.parametrize("syntax", [s for s in CODECS if s not in JPEG_XL], ids=CODECS.get)
def test_without_its_codec_pydicom_decodes(uncodable: Callable[[str], tuple[Path, Pixels]], syntax: str) -> None:
    path, pixels = uncodable(syntax)
    with pytest.warns(vdl.DicomLoadWarning, match="no second reader could look at 1 of 1 compressed frames"):
        volume = vdl.load(path)
    assert volume.engine == "pydicom"
    np.testing.assert_array_equal(volume.frames[0], pixels)


HELP = {SV1: "pip install pylibjpeg pylibjpeg-libjpeg", JPEG_LS: "pip install pyjpegls"}
HELP |= dict.fromkeys((J2K_LOSSLESS, HTJ2K[0]), "pip install pylibjpeg pylibjpeg-openjpeg")
HELP[JPEG_XL[0]] = "export the series uncompressed where it comes from"


@pytest.mark.parametrize("syntax", HELP, ids=NAMES.get)
def test_without_any_decoder_an_error_says_what_was_tried_and_what_helps(
    uncodable: Callable[[str], tuple[Path, Pixels]], syntax: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = uncodable(syntax)
    monkeypatch.setattr(plain, "_list_plugins", lambda _: [])
    with pytest.raises(CompressedPixelDataError) as caught:
        vdl.load(path)
    words = str(caught.value)
    assert f"{name_syntax(syntax)} ({syntax}) cannot be decoded here (vtkDICOMImageReader gives zeros)" in words
    assert f"codec: {path}: imagecodecs has no {CODECS[syntax]} codec on this platform" in words
    assert f"pydicom: {path}: " in words
    assert words.endswith(HELP[syntax])
    assert caught.value.files == (str(path),)


@pytest.mark.parametrize("syntax", [SV1, JPEG_LS, J2K_LOSSLESS, RLE], ids=NAMES.get)
def test_a_damaged_stream_is_not_given_to_other_decoders(
    tmp_path: Path, syntax: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of pydicom make up pixels for most of the damage, and GDCM aborts the process for some."""
    pixels = picture(dtype=np.uint8)
    stream = ENCODERS[syntax](pixels)
    path = write(tmp_path / "x.dcm", syntax, [padded(stream)], pixels)
    name = {SV1: "jpeg8", JPEG_LS: "jpegls", J2K_LOSSLESS: "jpeg2k", RLE: "dicomrle"}[syntax]

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("invalid segment")

    monkeypatch.setattr(imagecodecs, f"{name}_decode", fail)
    monkeypatch.setattr(plain, "fill", lambda *_: pytest.fail("pydicom was asked"))
    with pytest.raises(CorruptFileError, match=f"{path}: imagecodecs cannot decode it: invalid segment"):
        vdl.load(path)


def test_rle_never_needs_imagecodecs(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series(syntax=RLE)
    monkeypatch.setattr(imagecodecs, "DICOMRLE", SimpleNamespace(available=False))
    with pytest.warns(vdl.DicomLoadWarning, match="no second reader could look at 1 of 1 compressed frames"):
        volume = vdl.load(truth.folder)
    assert volume.engine == "pydicom"
    np.testing.assert_array_equal(volume.frames, truth.frames)


def test_what_the_codec_reader_does_not_take(series: Write) -> None:
    rescale = Conversion(np.dtype(np.int16), rescale=True, checked=False)
    native = scanned(series("native").files)
    packed = scanned(series("rle", syntax=RLE).files)
    assert "none of the files is encapsulated" in (codec.refusal(native, rescale) or "")
    assert codec.refusal([*native, *packed], rescale) is None
    for change, words in (
        ({"has_modality_lut": True}, "modality LUT"),
        ({"bits_allocated": 64}, "64 bits"),
        ({"transfer_syntax": "1.2.3"}, "1.2.3 is not decoded"),
    ):
        changed = [f._replace(header=f.header._replace(**change)) for f in packed]
        reason = codec.refusal(changed, rescale) or ""
        assert words in reason
        assert any(f.path in reason for f in packed)
