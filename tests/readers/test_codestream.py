"""The size in a stream's own header is the encoder's, and a stream cut short never gives a wrong one."""

from __future__ import annotations

import io
import random
import struct
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from vtkdicomload.readers.codestream import (
    CodestreamSize,
    Coding,
    find_stray_marker,
    read_codestream_size,
    read_declared_colour,
    strip_boxes,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = [(1, 1), (1, 9), (9, 1), (7, 5), (24, 31), (64, 64), (100, 300), (257, 513), (8, 1000)]
# rows × columns of every ratio that JPEG XL has a short form for, in multiples of 8 and not
RATIOS = [(8, 8), (200, 240), (96, 128), (80, 120), (144, 256), (64, 80), (40, 80)]
RATIOS += [(33, 33), (50, 60), (27, 48), (9, 18)]


def pixels(rows: int, columns: int, samples: int, dtype: Any) -> np.ndarray[Any, Any]:
    shape = (rows, columns, samples) if samples > 1 else (rows, columns)
    return (np.arange(rows * columns * samples) % 251).astype(dtype).reshape(shape)


def jpeg(image: Any) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(image, level=90))


def pillow_progressive(image: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", progressive=True, comment=b"a comment" * 40)
    return file.getvalue()


def pillow_jp2(image: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG2000")
    return file.getvalue()


def codec(name: str, **options: Any) -> Callable[[Any], bytes]:
    return lambda image: bytes(getattr(imagecodecs, f"{name}_encode")(image, **options))


# name → (encoder, dtypes, samples, whether the stream says components and bits, whether it says the sign)
ENCODERS: dict[str, tuple[Callable[[Any], bytes], tuple[type, ...], tuple[int, ...], bool, bool]] = {
    "jpeg": (jpeg, (np.uint8,), (1, 3), True, False),
    "jpeg progressive": (pillow_progressive, (np.uint8,), (1, 3), True, False),
    "jpeg 12": (codec("jpeg8", bitspersample=12), (np.uint16,), (1,), True, False),
    "jpeg lossless": (codec("ljpeg"), (np.uint8, np.uint16), (1,), True, False),
    "jpeg lossless 1": (codec("jpeg8", lossless=True, predictor=1), (np.uint8,), (1, 3), True, False),
    "jpeg lossless 6": (
        codec("jpeg8", lossless=True, predictor=6, bitspersample=16),
        *((np.uint16,), (1, 3), True, False),
    ),
    "jpeg-ls": (codec("jpegls", level=0), (np.uint8, np.uint16), (1, 3), True, False),
    "j2k": (codec("jpeg2k", codecformat="j2k", level=0), (np.uint8, np.uint16, np.int16), (1, 3), True, True),
    "jp2": (codec("jpeg2k", codecformat="jp2", level=0), (np.uint8, np.uint16, np.int16), (1, 3), True, True),
    "jp2 pillow": (pillow_jp2, (np.uint8,), (1, 3), True, True),
    "htj2k": (codec("htj2k"), (np.uint8, np.uint16, np.int16), (1, 3), True, True),
    "jpeg xl": (codec("jpegxl", lossless=True, usecontainer=False), (np.uint8, np.uint16), (1, 3), False, False),
    "jpeg xl container": (
        codec("jpegxl", lossless=True, usecontainer=True),
        *((np.uint8, np.uint16), (1, 3), False, False),
    ),
}
CASES = [
    pytest.param(name, dtype, samples, id=f"{name}-{np.dtype(dtype)}-{samples}")
    for name, (_, dtypes, components, _, _) in ENCODERS.items()
    for dtype in dtypes
    for samples in components
]


@pytest.mark.parametrize(("name", "dtype", "samples"), CASES)
def test_size_is_that_of_the_encoded_image(name: str, dtype: type, samples: int) -> None:
    encode, _, _, full, signs = ENCODERS[name]
    for rows, columns in [*SIZES, *(RATIOS if "xl" in name else [])]:
        size = read_codestream_size(encode(pixels(rows, columns, samples, dtype)))
        assert size is not None
        assert (size.rows, size.columns) == (rows, columns)
        if full:
            assert size.components == samples
            assert size.bits == (12 if name == "jpeg 12" else np.dtype(dtype).itemsize * 8)
        else:
            assert size.components in (None, samples)
        if signs:
            assert size.signed == (np.dtype(dtype).kind == "i")


def test_jpeg_xl_of_larger_sizes() -> None:
    for rows, columns in ((520, 8), (3, 9000), (70000, 2), (600, 800), (1000, 999)):
        stream = bytes(imagecodecs.jpegxl_encode(np.zeros((rows, columns), np.uint8), lossless=True, effort=1))
        size = read_codestream_size(stream)
        assert size is not None
        assert (size.rows, size.columns) == (rows, columns)


@pytest.mark.parametrize(("name", "dtype", "samples"), CASES)
def test_a_stream_cut_anywhere_gives_its_size_or_valueerror(name: str, dtype: type, samples: int) -> None:
    encode = ENCODERS[name][0]
    for rows, columns in ((7, 5), (24, 31), (100, 300), (48, 64)):
        stream = encode(pixels(rows, columns, samples, dtype))
        whole = read_codestream_size(stream)
        for end in range(12, min(len(stream), 700)):
            try:
                size = read_codestream_size(stream[:end])
            except ValueError:
                continue
            # Whether a JPEG 2000 stream is reversible comes behind its size.
            assert size in (whole, whole and whole._replace(reversible=None)), f"cut after {end} of {len(stream)} bytes"


@pytest.mark.parametrize(("name", "dtype", "samples"), CASES)
def test_a_stream_cut_in_its_first_bytes_is_no_image_or_valueerror(name: str, dtype: type, samples: int) -> None:
    stream = ENCODERS[name][0](pixels(24, 31, samples, dtype))
    whole = read_codestream_size(stream)
    for end in range(12):
        try:
            assert read_codestream_size(stream[:end]) in (None, whole)
        except ValueError:
            continue


@pytest.mark.parametrize(("name", "dtype", "samples"), CASES)
def test_damage_raises_nothing_but_valueerror(name: str, dtype: type, samples: int) -> None:
    stream = ENCODERS[name][0](pixels(24, 31, samples, dtype))
    chance = random.Random(name)
    for _ in range(300):
        damaged = bytearray(stream)
        for _ in range(chance.randrange(1, 5)):
            damaged[chance.randrange(min(len(stream), 120))] = chance.randrange(256)
        try:
            size = read_codestream_size(bytes(damaged))
        except ValueError:
            continue
        assert size is None or isinstance(size, CodestreamSize)


OTHERS = [b"", b"\0", bytes(64), b"\xff", b"\xff\xd9\xff\xd8", b"BM\0\0\0\0", b"\x89PNG\r\n\x1a\n"]


@pytest.mark.parametrize("data", OTHERS)
def test_other_streams_declare_nothing(data: bytes) -> None:
    assert read_codestream_size(data) is None


def jpeg_of(*segments: tuple[int, bytes]) -> bytes:
    return b"\xff\xd8" + b"".join(struct.pack(">BBH", 0xFF, m, len(v) + 2) + v for m, v in segments)


FRAME = struct.pack(">BHHB", 8, 24, 31, 1) + b"\x01\x11\0"
BASELINE = CodestreamSize(Coding.JPEG, 24, 31, 1, 8, reversible=False)


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xCB])
def test_every_frame_marker_is_known(marker: int) -> None:
    lossless = marker in (0xC3, 0xCB)
    coding = Coding.JPEG_LOSSLESS if lossless else Coding.JPEG
    expected = CodestreamSize(coding, 24, 31, 1, 8, reversible=lossless)
    assert read_codestream_size(jpeg_of((marker, FRAME))) == expected


@pytest.mark.parametrize("near", [0, 3])
@pytest.mark.parametrize("components", [1, 3])
def test_a_jpeg_ls_scan_says_whether_it_is_lossless(near: int, components: int) -> None:
    frame = struct.pack(">BHHB", 8, 24, 31, components) + b"".join(bytes((k, 0x11, 0)) for k in range(components))
    scan = bytes((components, *(v for k in range(components) for v in (k, 0)), near, 0, 0))
    expected = CodestreamSize(Coding.JPEG_LS, 24, 31, components, 8, reversible=not near)
    assert read_codestream_size(jpeg_of((0xF7, frame), (0xDA, scan))) == expected


@pytest.mark.parametrize("reversible", [True, False])
@pytest.mark.parametrize("codecformat", ["j2k", "jp2"])
def test_a_jpeg_2000_stream_says_whether_its_wavelet_is_reversible(reversible: bool, codecformat: str) -> None:
    options = {"level": 0 if reversible else 40, "reversible": reversible, "codecformat": codecformat}
    size = read_codestream_size(imagecodecs.jpeg2k_encode(pixels(24, 31, 1, np.uint8), **options))
    assert size is not None
    assert size.reversible is reversible


@pytest.mark.parametrize("marker", [0xC4, 0xC8, 0xCC, 0xDB, 0xDD, 0xE0, 0xE1, 0xEE, 0xFE])
def test_tables_and_comments_before_the_frame_are_passed_over(marker: int) -> None:
    # The segment itself looks like a frame header.
    decoy = b"\xff\xc0" + struct.pack(">H", 11) + struct.pack(">BHHB", 8, 1, 2, 1) + b"\x01\x11\0"
    assert read_codestream_size(jpeg_of((marker, decoy), (0xC0, FRAME))) == BASELINE


def test_fill_bytes_and_markers_without_length_are_passed_over() -> None:
    stream = jpeg_of((0xC0, FRAME))
    assert read_codestream_size(stream[:2] + b"\xff\xff\xff" + stream[2:]) == BASELINE
    assert read_codestream_size(stream[:2] + b"\xff\x01" + stream[2:]) == BASELINE


@pytest.mark.parametrize("middle", [b"\0\0", b"\xff\0\0", b"\xff\xd9"])
def test_a_jpeg_that_is_broken_before_its_frame_is_refused(middle: bytes) -> None:
    with pytest.raises(ValueError, match="stream"):
        read_codestream_size(b"\xff\xd8" + middle)


def test_a_jpeg_without_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before"):
        read_codestream_size(jpeg_of((0xE0, b"JFIF\0"), (0xDB, bytes(65))))


def test_an_image_area_with_an_offset_is_its_size() -> None:
    # ISO 15444-1 A.5.1: the image is what lies between the offset and the end of the reference grid.
    siz = struct.pack(">HIIIIIIIIH", 0, 131, 124, 100, 100, 131, 124, 0, 0, 1) + b"\x8b\x01\x01"
    stream = b"\xff\x4f\xff\x51" + struct.pack(">H", len(siz) + 2) + siz
    assert read_codestream_size(stream) == CodestreamSize(Coding.JPEG_2000, 24, 31, 1, 12, signed=True)


@pytest.mark.parametrize("kind", [b"jP  ", b"JXL "])
def test_a_container_without_a_stream_is_refused(kind: bytes) -> None:
    box = struct.pack(">I4s", 12, kind) + b"\r\n\x87\n"
    for rest in (b"", *(struct.pack(">I4s", length, b"free") for length in (8, 0, 1, 7))):
        with pytest.raises(ValueError, match="stream"):
            read_codestream_size(box + rest)


def test_a_box_with_a_long_length_is_passed_over() -> None:
    stream = ENCODERS["j2k"][0](pixels(24, 31, 1, np.uint8))
    boxes = struct.pack(">I4s", 12, b"jP  ") + b"\r\n\x87\n"
    boxes += struct.pack(">I4sQ", 1, b"free", 20) + b"abcd"
    boxes += struct.pack(">I4sQ", 1, b"jp2c", 16 + len(stream)) + stream
    assert read_codestream_size(boxes) == read_codestream_size(stream)


# ------------------------------------------------------------------------------------------------------ colour
def rgb_jpeg(space: str, subsampling: str = "444") -> bytes:
    options = {"colorspace": "RGB", "outcolorspace": space, "subsampling": subsampling}
    return bytes(imagecodecs.jpeg8_encode(pixels(16, 24, 3, np.uint8), **options))


def without_jfif(stream: bytes) -> bytes:
    at = stream.index(b"\xff\xe0")
    return stream[:at] + stream[at + 2 + int.from_bytes(stream[at + 2 : at + 4], "big") :]


def test_a_jpeg_stream_may_state_its_colour_space() -> None:
    jfif = rgb_jpeg("YCBCR")
    assert read_declared_colour(jfif) == "YBR"
    assert read_declared_colour(without_jfif(jfif)) is None
    assert read_declared_colour(without_jfif(rgb_jpeg("YCBCR", "420"))) == "YBR"
    rgb = rgb_jpeg("RGB")
    frame = rgb.index(b"\xff\xc0")
    assert rgb[frame + 10 : frame + 19 : 3] == b"RGB"
    assert read_declared_colour(rgb) == "RGB"
    for transform, expected in ((1, "YBR"), (0, None), (2, None)):
        adobe = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])
        assert read_declared_colour(b"\xff\xd8" + adobe + without_jfif(jfif)[2:]) == expected


def test_a_jp2_file_may_state_sycc() -> None:
    image = pixels(16, 24, 3, np.uint8)
    for space, expected in (("SYCC", "YBR"), ("SRGB", None)):
        stream = codec("jpeg2k", codecformat="jp2", level=0, colorspace=space)(image)
        assert read_declared_colour(stream) == expected
        assert read_declared_colour(strip_boxes(stream)) is None


def test_the_codestream_of_a_jp2_file_is_what_its_box_holds() -> None:
    image = pixels(16, 24, 3, np.uint8)
    stream = codec("jpeg2k", codecformat="jp2", level=0)(image)
    bare = strip_boxes(stream)
    assert bare[:4] == b"\xff\x4f\xff\x51"
    assert bare[-2:] == b"\xff\xd9"
    np.testing.assert_array_equal(imagecodecs.jpeg2k_decode(bare), image)
    assert strip_boxes(bare) == bare
    at = stream.index(b"jp2c") - 4
    whole = (
        stream[:at] + struct.pack(">I4s", len(bare) + 8, b"jp2c") + bare + struct.pack(">I4s", 12, b"xml ") + b"<a/>"
    )
    assert strip_boxes(whole) == bare
    assert strip_boxes(stream[:at] + struct.pack(">I4s", 0, b"jp2c") + bare) == bare


def test_streams_of_other_kinds_state_no_colour() -> None:
    assert read_declared_colour(ENCODERS["jpeg xl"][0](pixels(16, 24, 3, np.uint8))) is None
    assert read_declared_colour(b"") is None


@pytest.mark.parametrize("kind", ["5-3", "9-7", "5-3 cut off", "high throughput", "high throughput, lossy"])
def test_sound_jpeg_2000_data_holds_no_marker(kind: str) -> None:
    rng = np.random.default_rng(4)
    for rows, columns in ((1, 1), (7, 5), (64, 64), (130, 257)):
        for values in (rng.integers(0, 65536, (rows, columns)), rng.normal(2000, 40, (rows, columns)).clip(0)):
            image = values.astype(np.uint16)
            encode: dict[str, Any] = {
                "5-3": lambda a: imagecodecs.jpeg2k_encode(a, level=0, codecformat="j2k", reversible=True),
                "9-7": lambda a: imagecodecs.jpeg2k_encode(a, level=60, codecformat="j2k", reversible=False),
                "5-3 cut off": lambda a: imagecodecs.jpeg2k_encode(a, level=60, codecformat="j2k", reversible=True),
                "high throughput": lambda a: imagecodecs.htj2k_encode(a, reversible=True),
                "high throughput, lossy": lambda a: imagecodecs.htj2k_encode(a, reversible=False, level=1e-3),
            }
            assert find_stray_marker(bytes(encode[kind](image))) is None


@pytest.mark.parametrize("marker", [b"\xff\x90", b"\xff\xd8", b"\xff\xff"])
def test_a_marker_in_jpeg_2000_data_is_found(marker: bytes) -> None:
    image = np.random.default_rng(4).integers(0, 65536, (64, 64)).astype(np.uint16)
    stream = bytes(imagecodecs.jpeg2k_encode(image, level=0, codecformat="j2k", reversible=True))
    middle = len(stream) // 2
    assert find_stray_marker(stream[:middle] + marker + stream[middle + 2 :]) is not None


@pytest.mark.parametrize("end", range(2, 160, 3))
def test_what_is_no_whole_codestream_has_no_stray_marker(end: int) -> None:
    image = np.zeros((8, 8), np.uint8)
    assert find_stray_marker(bytes(imagecodecs.jpeg2k_encode(image, level=0, codecformat="j2k"))[:end]) is None
