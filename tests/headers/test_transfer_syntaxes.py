"""Transfer syntaxes: the standard's names, and the pixels that an independent decoder finds in each of them."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom.pixels
import pydicom.uid
import pytest
import SimpleITK
from compressed import (
    DEFLATED,
    ENCODERS,
    HTJ2K,
    J2K_LOSSLESS,
    JPEG_LS,
    JPEG_XL,
    LOSSLESS,
    NAMES,
    RLE,
    SV1,
    SYNTAXES,
    UNCOMPRESSED,
    decoded,
    picture,
    write,
)
from conftest import DATA
from PIL import Image
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import UID, AllTransferSyntaxes
from synthetic import Raw, padded

import vtkdicomload as vdl
from vtkdicomload.headers.transfer_syntaxes import LOSSY, NATIVE_SYNTAXES, name_syntax
from vtkdicomload.readers import codec

STANDARD = [str(uid) for uid in AllTransferSyntaxes]
WORDS = (
    ("JPIP", "JPIP"),
    ("High-Throughput", "HTJ2K"),
    ("RLE", "RLE"),
    ("JPEG-LS", "JPEG-LS"),
    ("JPEG 2000", "JPEG 2000"),
    ("JPEG XL", "JPEG XL"),
    ("JPEG Lossless", "JPEG Lossless"),
    ("JPEG Baseline", "JPEG Baseline"),
    ("JPEG Extended", "JPEG Extended"),
    ("MPEG2", "MPEG-2"),
    ("MPEG-4", "MPEG-4"),
    ("HEVC", "HEVC"),
    ("Deflated Explicit", "Deflated"),
    ("Big Endian", "Big Endian"),
)


@pytest.mark.parametrize("uid", [uid for uid in STANDARD if UID(uid).name != uid])
def test_names_are_those_of_the_standard(uid: str) -> None:
    name = name_syntax(uid)
    expected = [ours for theirs, ours in WORDS if theirs in UID(uid).name]
    assert all(word in name for word in expected[:1])
    assert UID(uid).is_compressed == (uid not in NATIVE_SYNTAXES) or "Deflated" in name


def test_every_syntax_that_is_read_has_a_name_of_its_own() -> None:
    names = [name_syntax(uid) for uid in (*NATIVE_SYNTAXES, *codec.SYNTAXES)]
    assert len(set(names)) == len(names)
    assert not any(name.startswith("1.2.") for name in names)


def test_a_syntax_without_name_is_shown_as_it_is() -> None:
    assert name_syntax("1.2.3.4") == "1.2.3.4"
    assert name_syntax("1.2.840.10008.1.2.4.9999") == "1.2.840.10008.1.2.4.9999"
    assert name_syntax("") == "unknown"


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (100, "MPEG-2"),
        ("100.1", "MPEG-2"),
        (101, "MPEG-2"),
        (102, "MPEG-4 AVC"),
        ("106.1", "MPEG-4 AVC"),
        (107, "HEVC"),
    ],
)
def test_videos_are_named(number: object, name: str) -> None:
    assert name_syntax(f"1.2.840.10008.1.2.4.{number}") == name


def test_lossless_ones_are_not_called_lossy() -> None:
    for uid in LOSSY:
        assert "Lossless" not in UID(uid).name.replace("Near-Lossless", "")
        assert "Lossless" not in name_syntax(uid)
    assert not LOSSY & NATIVE_SYNTAXES


@pytest.mark.parametrize(
    "name", ["JPEGBaseline8Bit", "JPEGExtended12Bit", "JPEGLSNearLossless", "JPEG2000", "HTJ2K", "JPEG2000MC"]
)
def test_the_standards_lossy_ones_that_are_read_are_lossy(name: str) -> None:
    uid = str(getattr(pydicom.uid, name))
    assert uid in LOSSY or uid not in codec.SYNTAXES


# ------------------------------------------------------------------------------------------------------ whole series
def transcoded(source: Path, target: Path, syntax: str, **options: Any) -> Path:
    """A native file in another transfer syntax; `options` are those of pydicom's `encapsulate`."""
    dataset = pydicom.dcmread(source)
    frames = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    streams = [padded(ENCODERS[syntax](frame)) for frame in frames]
    if options.pop("extended", False):
        data, dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = encapsulate_extended(streams)
    else:
        data = encapsulate(streams, **options)
    dataset.PixelData = data
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    stand_in = dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless  # pydicom 3.0 knows no newer ones
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset)
    head, tail = file.getvalue().split(b"\x10\0UI" + struct.pack("<H", len(stand_in)) + stand_in.encode())
    uid = padded(syntax.encode())
    (length,) = struct.unpack_from("<I", head, 140)
    head = head[:140] + struct.pack("<I", length + len(uid) - len(stand_in)) + head[144:]
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(head + b"\x10\0UI" + struct.pack("<H", len(uid)) + uid + tail)
    return target


def _load(path: Path, syntax: str) -> vdl.Volume:
    """A volume without a word: pydicom, the second reader, has no decoder for JPEG XL, which would be a warning."""
    return vdl.load(path, verify="none" if syntax in JPEG_XL else "probe")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_compressed_series_is_its_native_twin(tmp_path: Path, data: Path, syntax: str) -> None:
    native = data / "mr_plain4"
    for path in native.glob("*.dcm"):
        transcoded(path, tmp_path / syntax / path.name, syntax)
    volume, twin = _load(tmp_path / syntax, syntax), vdl.load(native)
    assert (volume.engine, twin.engine) == ("codec", "direct")
    assert volume.dtype == twin.dtype
    np.testing.assert_array_equal(volume.frames, twin.frames)
    np.testing.assert_array_equal(volume.affine, twin.affine)
    by_itk = [SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(f))[0] for f in twin.series.files]
    np.testing.assert_array_equal(volume.frames, by_itk)


PARTS: dict[str, dict[str, Any]] = {
    "table": {"has_bot": True},
    "empty table": {"has_bot": False},
    "extended table": {"extended": True},
    "fragments and table": {"has_bot": True, "fragments_per_frame": 3},
    "fragments and empty table": {"has_bot": False, "fragments_per_frame": 3},
}
# PS3.5 A.4.2, A.4.11: one fragment a frame; without a table, others are told apart by the end of their JPEG streams.
WHOLE = {RLE, UNCOMPRESSED, DEFLATED}
CASES = [
    pytest.param(syntax, parts, id=f"{NAMES[syntax]}-{parts}")
    for syntax in (RLE, UNCOMPRESSED, DEFLATED, SV1, JPEG_LS, J2K_LOSSLESS, HTJ2K[0], JPEG_XL[0])
    for parts in PARTS
    if not ("fragments" in parts and syntax in WHOLE)
    and not (parts == "fragments and empty table" and syntax in JPEG_XL)
]


@pytest.fixture(scope="module")
def enhanced() -> vdl.Volume:
    """A native file of 33 frames."""
    return vdl.load(DATA / "enh_mr_phase" / "0001.dcm", verify="none")


@pytest.mark.parametrize(("syntax", "parts"), CASES)
def test_a_compressed_enhanced_file_is_its_native_twin(
    tmp_path: Path, enhanced: vdl.Volume, syntax: str, parts: str
) -> None:
    path = transcoded(Path(enhanced.series.files[0]), tmp_path / "x.dcm", syntax, **PARTS[parts])
    volume = _load(path, syntax)
    assert (volume.engine, len(volume.frames)) == ("codec", 33)
    np.testing.assert_array_equal(volume.frames, enhanced.frames)


# ------------------------------------------------------------------------------------------------------ other decoders
@pytest.mark.parametrize("level", [None, 1e-3, 1e-2])
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("syntax", HTJ2K, ids=NAMES.get)
def test_htj2k_is_decoded_as_by_openjph(tmp_path: Path, syntax: str, bits: int, level: float | None) -> None:
    """OpenJPEG, which decodes here, against OpenJPH: equal, or within one level where the stream is irreversible."""
    pixels = picture(40, 53, dtype=np.uint8 if bits == 8 else np.uint16, bits=bits)
    reversible = syntax != HTJ2K[2]
    stream = bytes(imagecodecs.htj2k_encode(pixels, level=None if reversible else level, reversible=reversible))
    path = write(tmp_path / "x.dcm", syntax, [padded(stream)], pixels)
    found, expected = decoded(path)[0].astype(int), imagecodecs.htj2k_decode(stream).astype(int)
    np.testing.assert_allclose(found, expected, rtol=0, atol=0 if reversible else 1)
    if reversible:
        np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("syntax", HTJ2K, ids=NAMES.get)
def test_htj2k_colour_is_decoded_as_by_openjph(tmp_path: Path, syntax: str) -> None:
    pixels = picture(40, 53, 3, np.uint8)
    reversible = syntax != HTJ2K[2]
    stream = bytes(imagecodecs.htj2k_encode(pixels, reversible=reversible))
    said: Raw = (0x00280004, "CS", b"YBR_RCT " if reversible else b"YBR_ICT ")
    path = write(tmp_path / "x.dcm", syntax, [padded(stream)], pixels, said)
    found, expected = decoded(path)[0].astype(int), imagecodecs.htj2k_decode(stream).astype(int)
    np.testing.assert_allclose(found, expected, rtol=0, atol=0 if reversible else 1)
    np.testing.assert_allclose(found, pixels, rtol=0, atol=0 if reversible else 4)


# Streams by cjxl, pixels by jxl-oxide and djxl: tests/data/README.md says how they were made.
STORED = np.load(DATA / "compressed" / "jpeg_xl.npz")
JXL = [name for name in STORED.files if " by " not in name]


@pytest.mark.parametrize("name", JXL)
def test_jpeg_xl_is_decoded_as_by_jxl_oxide(tmp_path: Path, name: str) -> None:
    stream, expected = STORED[name].tobytes(), STORED[f"{name} by jxl-oxide"]
    syntax = JPEG_XL[{"lossless": 0, "recompressed": 1, "lossy": 2}[name.split()[0]]]
    path = write(tmp_path / "x.dcm", syntax, [padded(stream)], expected)
    found = decoded(path)[0]
    assert found.dtype == expected.dtype
    assert expected.std() > 5
    # jxl-oxide computes 16 bits in float32: 8 of 65536 apart.
    levels = 0 if syntax == JPEG_XL[0] else 1 if expected.dtype == np.uint8 else 8
    np.testing.assert_allclose(found.astype(int), expected, rtol=0, atol=levels)
    if f"{name} by djxl" in STORED:
        np.testing.assert_allclose(found.astype(int), STORED[f"{name} by djxl"], rtol=0, atol=1)


@pytest.mark.parametrize("name", [n for n in JXL if n.startswith("recompressed") and "grey" not in n])
@pytest.mark.parametrize("said", ["RGB ", "YBR_FULL", "YBR_FULL_422"])
def test_recompressed_jpeg_comes_out_as_rgb_whatever_its_components_were(tmp_path: Path, name: str, said: str) -> None:
    stream, expected = STORED[name].tobytes(), STORED[f"{name} by jxl-oxide"]
    path = write(tmp_path / "x.dcm", JPEG_XL[1], [padded(stream)], expected, (0x00280004, "CS", said.encode()))
    np.testing.assert_allclose(decoded(path)[0].astype(int), expected, rtol=0, atol=1)
    # The JPEG it was made from, as libjpeg decodes it: another inverse transform and other rounding.
    original = Image.open(io.BytesIO(imagecodecs.jpegxl_decode_jpeg(stream)))
    assert np.abs(decoded(path)[0].astype(int) - np.asarray(original)).mean() < 0.4


def test_lossy_jpeg_xl_in_xyb_comes_out_as_rgb(tmp_path: Path) -> None:
    stream, expected = STORED["lossy colour 8"].tobytes(), STORED["lossy colour 8 by jxl-oxide"]
    path = write(tmp_path / "x.dcm", JPEG_XL[2], [padded(stream)], expected, (0x00280004, "CS", b"XYB "))
    np.testing.assert_allclose(decoded(path)[0].astype(int), expected, rtol=0, atol=1)


LOSSLESS_PLUGINS = [
    *((s, "pylibjpeg") for s in (LOSSLESS, SV1, JPEG_LS, J2K_LOSSLESS, *HTJ2K)),
    *((s, "pyjpegls") for s in (JPEG_LS,)),
    *((s, "pydicom") for s in (RLE,)),
]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
@pytest.mark.parametrize(("syntax", "plugin"), LOSSLESS_PLUGINS, ids=[f"{NAMES[s]}-{p}" for s, p in LOSSLESS_PLUGINS])
def test_lossless_streams_are_decoded_as_by_pydicoms_plugins(
    tmp_path: Path, syntax: str, plugin: str, dtype: Any
) -> None:
    pixels = picture(40, 53, dtype=dtype)
    path = write(tmp_path / "x.dcm", syntax, [padded(ENCODERS[syntax](pixels))], pixels)
    theirs = pydicom.pixels.pixel_array(path, decoding_plugin=plugin)
    np.testing.assert_array_equal(decoded(path)[0], theirs)
    np.testing.assert_array_equal(theirs, pixels)


@pytest.mark.parametrize("name", ["jpeg_baseline_50", "jpeg_extended_51", "jpegls_near_81", "j2k_91", "j2k_91_brain"])
def test_lossy_files_are_decoded_as_by_pylibjpeg(data: Path, name: str) -> None:
    path = data / "compressed" / f"{name}.dcm"
    theirs = pydicom.pixels.pixel_array(path, decoding_plugin="pylibjpeg").astype(int)
    np.testing.assert_allclose(decoded(path)[0], theirs, rtol=0, atol=1)
