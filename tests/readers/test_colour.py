"""Colour comes out red, green and blue: as GDCM (SimpleITK), Pillow or pydicom give it, or as the palette says."""

from __future__ import annotations

import io
import struct
import warnings
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from compressed import (
    ENCODERS,
    J2K,
    J2K_LOSSLESS,
    JPEG,
    JPEG_LS,
    RLE,
    SV1,
    by_gdcm,
    decoded,
    j2k,
    picture,
    scanned,
    write,
)
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.pixels import convert_color_space
from pydicom.pixels.processing import _expand_segmented_lut
from synthetic import Raw, padded, raw_image

import vtkdicomload as vdl
from vtkdicomload import CorruptFileError, DicomLoadWarning, UnsupportedPixelDataError
from vtkdicomload.readers import colour
from vtkdicomload.readers import pydicom as plain
from vtkdicomload.readers.choose import check_supported
from vtkdicomload.readers.dtype import choose_conversion, find_pixel_shape

if TYPE_CHECKING:
    from pathlib import Path

    Pixels = np.ndarray[Any, Any]

NATIVE, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"


def us(*values: int, big: bool = False) -> bytes:
    return struct.pack((">" if big else "<") + f"{len(values)}H", *values)


def said(photometric: str) -> Raw:
    return (0x00280004, "CS", padded(photometric.encode(), b" "))


IDENTITY: Raw = (0x00281052, "DS", b"0 ")  # which GDCM applies to colour too


def by_pydicom(path: Path) -> Pixels:
    """What the pydicom reader makes of a file."""
    frames = scanned([path])
    check_supported(frames)
    conversion = choose_conversion(frames, rescale=False)
    out = np.zeros((len(frames), *find_pixel_shape(frames[0].header)), conversion.dtype)
    plain.fill(frames, conversion, out, lambda: None)
    return out


# ------------------------------------------------------------------------------------------------------ palettes
def palette(entries: Pixels, first: int = 0, *, wide: bool = False, big: bool = False) -> list[Raw]:
    """The elements of a palette, entries (n, 3); `wide` gives every entry of 8 bits 16."""
    bits = entries.dtype.itemsize * 8
    elements: list[Raw] = []
    for k in range(3):
        elements.append((0x00281101 + k, "US", us(len(entries) & 0xFFFF, first, bits, big=big)))
        data = entries[:, k]
        if bits == 16 or wide:
            value = data.astype(">u2" if big else "<u2").tobytes()
        else:
            value = padded(data.tobytes())
            value = np.frombuffer(value, "<u2").astype(">u2" if big else "<u2").tobytes()
        elements.append((0x00281201 + k, "OW", value))
    return elements


def entries(count: int, dtype: Any) -> Pixels:
    return np.random.default_rng(count).integers(0, np.iinfo(dtype).max, (count, 3), dtype, endpoint=True)


def in_palette(path: Path, indices: Pixels, table: list[Raw], syntax: str = NATIVE) -> Path:
    if syntax in ENCODERS:
        return write(path, syntax, [ENCODERS[syntax](indices)], indices, said("PALETTE COLOR"), IDENTITY, *table)
    big, bits = syntax == BIG, indices.dtype.itemsize * 8
    words = (0x00280010, indices.shape[0]), (0x00280011, indices.shape[1]), (0x00280100, bits), (0x00280101, bits)
    elements: list[Raw] = [(tag, "US", us(n, big=big)) for tag, n in (*words, (0x00280102, bits - 1), (0x00280103, 0))]
    elements += [said("PALETTE COLOR"), IDENTITY, (0x00280002, "US", us(1, big=big)), *table]
    data = indices.astype(indices.dtype.newbyteorder(">" if big else "<")).tobytes()
    pixels: Raw = (0x7FE00010, "OW" if bits == 16 else "OB", padded(data))
    path.write_bytes(raw_image(*elements, pixels, big_endian=big))
    return path


def by_hand(indices: Pixels, table: Pixels, first: int = 0) -> Pixels:
    """PS3.3 C.7.6.3.1.5, an index at a time."""
    flat = [table[min(max(int(i) - first, 0), len(table) - 1)] for i in indices.ravel()]
    return np.array(flat).reshape(*indices.shape, 3)


@pytest.mark.parametrize("syntax", [NATIVE, BIG, RLE, JPEG_LS, J2K_LOSSLESS, SV1])
@pytest.mark.parametrize(
    ("index", "count", "first"),
    [(np.uint8, 256, 0), (np.uint8, 40, 10), (np.uint16, 256, 0), (np.uint16, 300, 1000), (np.uint16, 65536, 0)],
)
@pytest.mark.parametrize("entry", [np.uint8, np.uint16])
def test_palette_indices_become_their_colours(
    tmp_path: Path, syntax: str, index: Any, count: int, first: int, entry: Any
) -> None:
    table = entries(count, entry)
    indices = picture(dtype=index)
    if index == np.uint16 and count < 65536:
        indices = (indices // 32).astype(index)  # within the table, before it and behind it
    path = in_palette(tmp_path / "x.dcm", indices, palette(table, first, big=syntax == BIG), syntax)
    volume = _loaded(path)
    assert volume.frames.dtype == entry
    expected = by_hand(indices, table, first)
    assert len(np.unique(expected)) > 20
    np.testing.assert_array_equal(volume.frames[0], expected)


def _loaded(path: Path) -> vdl.Volume:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DicomLoadWarning)  # a single slice
        return vdl.load(path, verify="none")


@pytest.mark.parametrize("count", [256, 200])
def test_entries_of_8_bits_may_take_16(tmp_path: Path, count: int) -> None:
    table, indices = entries(count, np.uint8), picture(dtype=np.uint8)
    path = in_palette(tmp_path / "x.dcm", indices, palette(table, wide=True))
    np.testing.assert_array_equal(by_pydicom(path)[0], by_hand(indices, table))


@pytest.mark.parametrize("count", [256, 255, 201, 16])
def test_entries_of_8_bits_may_be_packed_into_words(tmp_path: Path, count: int) -> None:
    """US in the place of OW: two entries in a word, the first one in its low byte."""
    table, indices = entries(count, np.uint8), picture(dtype=np.uint8)
    elements = [
        (tag, "US" if tag in (0x00281201, 0x00281202, 0x00281203) else vr, value) for tag, vr, value in palette(table)
    ]
    path = in_palette(tmp_path / "x.dcm", indices, elements)
    np.testing.assert_array_equal(_loaded(path).frames[0], by_hand(indices, table))


@pytest.mark.parametrize("factor", [256, 257])
@pytest.mark.parametrize("vr", ["OW", "US"])
def test_entries_of_8_bits_may_lie_in_the_high_bytes_of_words(tmp_path: Path, factor: int, vr: str) -> None:
    table, indices = entries(256, np.uint8), picture(dtype=np.uint8)
    wide = palette(table, wide=True)
    elements = [
        (tag, vr, (np.frombuffer(value, "<u2") * factor).astype("<u2").tobytes())
        if tag in (0x00281201, 0x00281202, 0x00281203)
        else (tag, kind, value)
        for tag, kind, value in wide
    ]
    path = in_palette(tmp_path / "x.dcm", indices, elements)
    np.testing.assert_array_equal(_loaded(path).frames[0], by_hand(indices, table))


def test_indices_below_an_overlay_are_masked(tmp_path: Path) -> None:
    table, indices = entries(16, np.uint8), picture(dtype=np.uint8, bits=4)
    bits = ((0x00280101, "US", b"\x04\0"), (0x00280102, "US", b"\x03\0"))
    for syntax in (RLE, J2K_LOSSLESS):
        stream = ENCODERS[syntax](indices | 0x20)
        header = (said("PALETTE COLOR"), IDENTITY, *palette(table), *bits)
        path = write(tmp_path / "x.dcm", syntax, [stream], indices, *header)
        np.testing.assert_array_equal(_loaded(path).frames[0], by_hand(indices, table))


def test_an_odd_number_of_entries_of_8_bits_is_padded(tmp_path: Path) -> None:
    table, indices = entries(201, np.uint8), picture(dtype=np.uint8)
    path = in_palette(tmp_path / "x.dcm", indices, palette(table))
    np.testing.assert_array_equal(by_pydicom(path)[0], by_hand(indices, table))


@pytest.mark.parametrize("bits", [8, 16])
def test_gdcm_gives_the_same_colours(tmp_path: Path, bits: int) -> None:
    table, indices = entries(256, np.dtype(f"u{bits // 8}")), picture(dtype=np.uint8)
    path = in_palette(tmp_path / "x.dcm", indices, palette(table))
    # ITK gives the high byte of entries of 16 bits.
    np.testing.assert_array_equal(by_pydicom(path)[0] >> (bits - 8), by_gdcm(path)[0])


def test_a_real_palette_gives_what_gdcm_gives() -> None:
    path = get_testdata_file("examples_palette.dcm", download=False)
    volume = _loaded(path)
    np.testing.assert_array_equal(volume.frames >> 8, by_gdcm(path))
    np.testing.assert_array_equal(volume.frames[0], pydicom.pixels.apply_color_lut(*_pixels_of(path)))


def _pixels_of(path: str) -> tuple[Pixels, pydicom.Dataset]:
    dataset = pydicom.dcmread(path)
    return dataset.pixel_array, dataset


def segmented(words: list[int], bits: int, count: int, first: int = 0) -> list[Raw]:
    value = us(*words) if bits == 16 else padded(bytes(words))
    elements: list[Raw] = [(0x00281101 + k, "US", us(count, first, bits)) for k in range(3)]
    return [*elements, *((0x00281221 + k, "OW", value) for k in range(3))]


SEGMENTS = {
    "discrete": [0, 4, 10, 20, 5, 7],
    "linear": [0, 1, 0, 1, 100, 200, 1, 27, 13],
    "mixed": [0, 2, 3, 250, 1, 9, 3, 0, 3, 1, 2, 3, 1, 5, 5],
}


@pytest.mark.parametrize("syntax", [NATIVE, RLE])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("name", SEGMENTS)
def test_segmented_palettes(tmp_path: Path, name: str, bits: int, syntax: str) -> None:
    words = SEGMENTS[name]
    table = np.array(_expand_segmented_lut(tuple(words), "<4H" if bits == 16 else "<4B"))
    indices = picture(dtype=np.uint8)
    path = in_palette(tmp_path / "x.dcm", indices, segmented(words, bits, len(table), 5), syntax)
    found = _loaded(path).frames[0]
    assert found.dtype == np.dtype(f"u{bits // 8}")
    np.testing.assert_array_equal(found, by_hand(indices, np.stack([table] * 3, -1), 5))


@pytest.mark.parametrize(("bits", "offset"), [(16, (4 * 2, 0)), (8, (4, 0, 0, 0))])
def test_segments_may_be_repeated_by_their_offset_in_bytes(tmp_path: Path, bits: int, offset: tuple[int, ...]) -> None:
    # Two entries; a line of 3 up to 40; a line of 2 down to 8; then those two lines once more.
    words = [0, 2, 7, 10, 1, 3, 40, 1, 2, 8, 2, 2, *offset]
    table = np.array([7, 10, 20, 30, 40, 24, 8, 19, 29, 40, 24, 8])
    indices = np.arange(24, dtype=np.uint8).reshape(4, 6)
    path = in_palette(tmp_path / "x.dcm", indices, segmented(words, bits, 12))
    np.testing.assert_array_equal(by_pydicom(path)[0], by_hand(indices, np.stack([table] * 3, -1)))


BROKEN: dict[str, list[Raw]] = {
    "too short": [*palette(entries(256, np.uint8))[:5], (0x00281203, "OW", bytes(100))],
    "unequal": palette(entries(256, np.uint8))[:4] + palette(entries(100, np.uint8))[4:],
    "no blue": palette(entries(256, np.uint8))[:4],
    "an unknown segment": segmented([0, 2, 1, 2, 7, 3, 3], 16, 5),
    "a line without a start": segmented([1, 5, 3, 0, 2, 1, 1], 16, 7),
    "too many entries": segmented([0, 1, 0, *([1, 65535, 9] * 400)], 16, 300),
    "a segment that repeats itself": segmented([0, 1, 0, 2, 2, 6, 0], 16, 9),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("syntax", [NATIVE, RLE])
def test_a_broken_palette_is_refused_with_its_file(tmp_path: Path, name: str, syntax: str) -> None:
    path = in_palette(tmp_path / "x.dcm", picture(dtype=np.uint8), BROKEN[name], syntax)
    with pytest.raises(CorruptFileError) as caught:
        _loaded(path)
    assert caught.value.files == (str(path),)


def test_a_palette_is_read_once_for_all_frames_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [picture(dtype=np.uint8, seed=k) for k in range(5)]
    table = entries(256, np.uint8)
    path = write(
        *(tmp_path / "x.dcm", RLE, [ENCODERS[RLE](f) for f in frames], frames[0]),
        *(said("PALETTE COLOR"), *palette(table)),
    )
    calls: list[int] = []
    monkeypatch.setattr(colour, "parse_palette", lambda d, real=colour.parse_palette: calls.append(1) or real(d))
    np.testing.assert_array_equal(decoded(path, workers=1), [by_hand(f, table) for f in frames])
    assert calls == [1]


# ------------------------------------------------------------------------------------------------------ native
def test_native_ybr_full_422_is_read_as_by_gdcm() -> None:
    path = get_testdata_file("SC_ybr_full_422_uncompressed.dcm", download=False)
    frames = _loaded(path).frames
    assert frames.std() > 50
    np.testing.assert_array_equal(frames, by_gdcm(path))


def test_native_ybr_full_422_shares_chrominance(tmp_path: Path) -> None:
    y, cb, cr = (picture(6, 8, dtype=np.uint8, seed=k) for k in range(3))
    cb[:, 1::2], cr[:, 1::2] = cb[:, ::2], cr[:, ::2]
    data = np.stack([y[:, ::2], y[:, 1::2], cb[:, ::2], cr[:, ::2]], -1).tobytes()
    small = [(0x00280002, 3), (0x00280006, 0), (0x00280010, 6), (0x00280011, 8), (0x00280100, 8), (0x00280101, 8)]
    elements: list[Raw] = [(tag, "US", us(n)) for tag, n in (*small, (0x00280102, 7), (0x00280103, 0))]
    path = tmp_path / "x.dcm"
    path.write_bytes(raw_image(*elements, said("YBR_FULL_422"), (0x7FE00010, "OB", data)))
    expected = convert_color_space(np.stack([y, cb, cr], -1), "YBR_FULL", "RGB")
    np.testing.assert_array_equal(_loaded(path).frames[0], expected)


# ------------------------------------------------------------------------------------------------------ JPEG
def coded(subsampling: str, *, rgb: bool = False) -> tuple[bytes, Pixels]:
    """A colour JPEG stream, in YCbCr unless `rgb`, and its pixels by Pillow."""
    y, x = np.mgrid[:32, :48]
    pixels = np.stack([x * 5, y * 7, 255 - x * 2 - y * 3], -1).astype(np.uint8)
    space = "RGB" if rgb else "YCBCR"
    options = {"level": 95, "colorspace": "RGB", "outcolorspace": space, "subsampling": subsampling}
    stream = bytes(imagecodecs.jpeg8_encode(pixels, **options))
    return stream, np.asarray(Image.open(io.BytesIO(stream)))


def relabelled(stream: bytes, marker: str = "", ids: bytes = b"\1\2\3") -> bytes:
    """A JPEG stream with another application marker, or none, and with other names of its components."""
    markers = {
        "": b"",
        "JFIF": b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0",
        "Adobe RGB": b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0",
        "Adobe YCbCr": b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\1",
    }
    at, result = 2, b"\xff\xd8" + markers[marker]
    while stream[at + 1] != 0xDA:
        length = int.from_bytes(stream[at + 2 : at + 4], "big") + 2
        segment = bytearray(stream[at : at + length])
        if segment[1] == 0xC0:
            segment[10:19:3] = ids
        if segment[1] not in (0xE0, 0xEE):
            result += segment
        at += length
    scan = bytearray(stream[at:])
    scan[5:11:2] = ids
    return result + bytes(scan)


def in_jpeg(path: Path, stream: bytes, photometric: str) -> Path:
    return write(path, JPEG, [padded(stream)], np.zeros((32, 48, 3), np.uint8), said(photometric), IDENTITY)


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_FULL"])
@pytest.mark.parametrize("marker", ["", "JFIF", "Adobe YCbCr"])
@pytest.mark.parametrize("subsampling", ["444", "422", "420"])
def test_jpeg_of_any_subsampling_is_decoded_as_by_pillow_and_gdcm(
    tmp_path: Path, subsampling: str, marker: str, photometric: str
) -> None:
    stream, expected = coded(subsampling)
    path = in_jpeg(tmp_path / "x.dcm", relabelled(stream, marker), photometric)
    found = decoded(path)[0].astype(int)
    np.testing.assert_allclose(found, expected, atol=1, rtol=0)
    np.testing.assert_allclose(found, by_gdcm(path)[0], atol=1, rtol=0)
    np.testing.assert_array_equal(_checked(path).frames[0], found)


def _checked(path: Path) -> vdl.Volume:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DicomLoadWarning)
        return vdl.load(path, verify="all")


@pytest.mark.parametrize(("marker", "ids"), [("", b"\1\2\3"), ("Adobe RGB", b"\1\2\3"), ("Adobe RGB", b"RGB")])
def test_rgb_in_jpeg_stays_rgb(tmp_path: Path, marker: str, ids: bytes) -> None:
    stream, expected = coded("444", rgb=True)
    path = in_jpeg(tmp_path / "x.dcm", relabelled(stream, marker, ids), "RGB")
    np.testing.assert_array_equal(decoded(path)[0], expected)
    np.testing.assert_array_equal(by_gdcm(path)[0], expected)
    assert _checked(path).engine == "codec"


@pytest.mark.parametrize(
    ("subsampling", "marker"), [("444", "JFIF"), ("444", "Adobe YCbCr"), ("422", ""), ("420", ""), ("420", "JFIF")]
)
def test_a_jpeg_that_states_ycbcr_is_believed_over_its_header(tmp_path: Path, subsampling: str, marker: str) -> None:
    stream, expected = coded(subsampling)
    path = in_jpeg(tmp_path / "x.dcm", relabelled(stream, marker), "RGB")
    with pytest.warns(DicomLoadWarning, match="1 file state YBR colour, their headers say RGB: the streams are belie"):
        found = decoded(path)
    np.testing.assert_allclose(found[0].astype(int), expected, atol=1, rtol=0)
    assert _checked(path).engine == "codec"


def test_pydicom_believes_jfif_too(tmp_path: Path) -> None:
    stream, expected = coded("444")
    path = in_jpeg(tmp_path / "x.dcm", relabelled(stream, "JFIF"), "RGB")
    with pytest.warns(UserWarning, match="JFIF"):
        theirs = pydicom.pixels.pixel_array(path, decoding_plugin="pillow")
    np.testing.assert_allclose(theirs.astype(int), expected, atol=1, rtol=0)


@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_FULL"])
def test_components_named_r_g_b_are_believed_over_the_header(tmp_path: Path, photometric: str) -> None:
    stream, expected = coded("444", rgb=True)
    path = in_jpeg(tmp_path / "x.dcm", relabelled(stream, "Adobe RGB", b"RGB"), photometric)
    with pytest.warns(DicomLoadWarning, match="state RGB colour"):
        found = decoded(path)
    np.testing.assert_array_equal(found[0], expected)
    with pytest.warns(UserWarning, match="component IDs"):
        np.testing.assert_array_equal(pydicom.pixels.pixel_array(path, decoding_plugin="pillow"), expected)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL_422"])
def test_where_the_stream_states_nothing_the_header_decides(tmp_path: Path, photometric: str) -> None:
    """As GDCM does, right or wrong."""
    for rgb in (True, False):
        stream, _ = coded("444", rgb=rgb)
        path = in_jpeg(tmp_path / "x.dcm", relabelled(stream), photometric)
        np.testing.assert_allclose(decoded(path)[0].astype(int), by_gdcm(path)[0], atol=1, rtol=0)


@pytest.mark.parametrize(
    ("photometric", "marker", "ids"),
    [("RGB", "JFIF", b"\1\2\3"), ("YBR_FULL", "", b"RGB"), ("YBR_FULL", "Adobe YCbCr", b"\1\2\3")],
)
def test_colour_that_pydicoms_decoders_dispute_is_not_read_by_pydicom(
    tmp_path: Path, photometric: str, marker: str, ids: bytes
) -> None:
    path = in_jpeg(tmp_path / "x.dcm", relabelled(coded("444")[0], marker, ids), photometric)
    with pytest.raises(UnsupportedPixelDataError, match=r"pydicom's decoders do not agree") as caught:
        by_pydicom(path)
    assert caught.value.files == (str(path),)


# ------------------------------------------------------------------------------------------------------ JPEG 2000
@pytest.mark.parametrize(("photometric", "reversible"), [("YBR_RCT", True), ("YBR_ICT", False), ("RGB", True)])
@pytest.mark.parametrize("file_format", ["j2k", "jp2"])
def test_the_colour_transform_of_jpeg_2000_is_undone_as_by_gdcm(
    tmp_path: Path, photometric: str, reversible: bool, file_format: str
) -> None:
    """RGB: the stream has the transform, the header does not say so."""
    pixels = picture(24, 31, 3, np.uint8)
    stream = j2k(pixels, mct=True, reversible=reversible, level=0 if reversible else 50, codecformat=file_format)
    assert stream[stream.index(b"\xff\x52") + 8] == 1
    path = write(tmp_path / "x.dcm", J2K, [stream], pixels, said(photometric))
    found = decoded(path)[0].astype(int)
    np.testing.assert_allclose(found, pixels, atol=0 if reversible else 12, rtol=0)
    np.testing.assert_allclose(found, by_gdcm(path)[0], atol=0 if reversible else 1, rtol=0)


@pytest.mark.parametrize("photometric", ["YBR_RCT", "RGB"])
def test_components_without_the_transform_are_red_green_and_blue(tmp_path: Path, photometric: str) -> None:
    pixels = picture(24, 31, 3, np.uint8)
    path = write(tmp_path / "x.dcm", J2K_LOSSLESS, [j2k(pixels, mct=False)], pixels, said(photometric))
    np.testing.assert_array_equal(decoded(path)[0], pixels)
    np.testing.assert_array_equal(by_gdcm(path)[0], pixels)


def test_a_jp2_file_in_sycc_is_converted_once(tmp_path: Path) -> None:
    pixels = picture(24, 31, 3, np.uint8)
    stream = j2k(pixels, codecformat="jp2", colorspace="SYCC")
    expected = convert_color_space(pixels, "YBR_FULL", "RGB")
    path = write(tmp_path / "x.dcm", J2K_LOSSLESS, [stream], pixels, said("YBR_FULL"))
    np.testing.assert_array_equal(decoded(path)[0], expected)
    write(path, J2K_LOSSLESS, [stream], pixels, said("RGB"))
    with pytest.warns(DicomLoadWarning, match="state YBR colour"):
        np.testing.assert_array_equal(decoded(path)[0], expected)
