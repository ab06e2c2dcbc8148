"""The choice of a reader: the fastest that is right, or a reason that names the file and what to do."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, JPEGLSLossless, RLELossless

import vtkdicomload as vdl
from vtkdicomload import CompressedPixelDataError, DicomLoadError, UnsupportedPixelDataError, readers
from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.parser import read_header
from vtkdicomload.loading.options import Engine
from vtkdicomload.readers import pydicom as plain
from vtkdicomload.readers.choose import READERS, check_supported, choose, explain_unsupported
from vtkdicomload.readers.dtype import Conversion, choose_conversion
from vtkdicomload.readers.protocol import Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthetic import Truth

    from vtkdicomload.headers.model import Frame

    Write = Callable[..., Truth]

RESCALE = Conversion(np.dtype(np.int16), rescale=True, checked=False)


def scanned(truth: Truth) -> list[Frame]:
    return [frame for f in truth.files for frame in make_frames(read_header(f))]


def changed(frames: list[Frame], **fields: Any) -> list[Frame]:
    """The frames with other words in the header of the last one."""
    last = frames[-1]._replace(header=frames[-1].header._replace(**fields))
    return [*frames[:-1], last]


# ------------------------------------------------------------------------------------------------------ the protocol
def test_engines_are_auto_and_the_readers() -> None:
    assert get_args(Engine) == ("auto", *(reader.NAME for reader in READERS))


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.NAME)
def test_every_reader_keeps_to_the_protocol(reader: Any) -> None:
    for name in ("refusal", "fill"):
        ours = inspect.signature(getattr(reader, name)).parameters
        theirs = [p for p in inspect.signature(getattr(Reader, name)).parameters.values() if p.name != "self"]
        assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs]
    assert reader.__name__.rpartition(".")[2] == reader.NAME


def test_no_reader_knows_of_loading_or_geometry() -> None:
    forbidden = {"load", "volume", "series", "order", "geometry", "scan", "resample", "images"}
    for path in Path(readers.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 2:
                modules = {(node.module or "").partition(".")[0]} | {a.name for a in node.names if not node.module}
                assert not modules & forbidden, path.name


# ------------------------------------------------------------------------------------------------------ choose
@pytest.mark.parametrize(
    ("syntax", "engine"),
    [
        ("1.2.840.10008.1.2", "direct"),
        ("1.2.840.10008.1.2.1", "direct"),
        (ExplicitVRBigEndian, "direct"),
        (DeflatedExplicitVRLittleEndian, "pydicom"),
        (RLELossless, "codec"),
        (JPEGLSLossless, "codec"),
    ],
)
def test_auto_takes_the_fastest_that_is_right(series: Write, syntax: str, engine: str) -> None:
    truth = series(syntax=syntax)
    frames = scanned(truth)
    assert engine == choose("auto", frames, choose_conversion(frames, rescale=True)).NAME
    volume = vdl.load(truth.folder)
    assert volume.engine == engine
    np.testing.assert_array_equal(volume.frames, truth.frames)


def test_one_odd_file_decides_for_all(series: Write) -> None:
    native, packed = scanned(series("a")), scanned(series("b", syntax=RLELossless))
    deflated = scanned(series("c", syntax=DeflatedExplicitVRLittleEndian))
    assert choose("auto", [*native, packed[0]], RESCALE).NAME == "codec"
    assert choose("auto", [*native, deflated[0]], RESCALE).NAME == "pydicom"
    assert choose("auto", changed(native, has_modality_lut=True), RESCALE).NAME == "pydicom"


@pytest.mark.parametrize("engine", ["direct", "pydicom"])
def test_a_named_reader_that_is_right_is_taken(series: Write, engine: str) -> None:
    truth = series()
    assert engine == choose(engine, scanned(truth), RESCALE).NAME
    assert vdl.load(truth.folder, engine=engine).engine == engine


@pytest.mark.parametrize(
    ("engine", "syntax", "reason"),
    [
        ("direct", RLELossless, "its pixel data is not native"),
        ("direct", DeflatedExplicitVRLittleEndian, "its pixel data is not native"),
        ("codec", "1.2.840.10008.1.2.1", "none of the files is encapsulated"),
        ("vtk", RLELossless, "VTK"),
        ("vtk", ExplicitVRBigEndian, "VTK does not read its transfer syntax"),
    ],
)
def test_a_named_reader_that_is_not_right_says_why(series: Write, engine: str, syntax: str, reason: str) -> None:
    truth = series(syntax=syntax)
    with pytest.raises(UnsupportedPixelDataError) as caught:
        vdl.load(truth.folder, engine=engine)
    words = str(caught.value)
    assert words.startswith(f"the reader {engine!r} cannot read this: ")
    assert reason in words
    assert words.endswith('→ engine="auto"')
    assert vdl.load(truth.folder).engine != engine


@pytest.fixture
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "_list_plugins", lambda _: [])


@pytest.mark.usefixtures("_no_plugins")
def test_pydicom_without_a_plugin_says_so(series: Write) -> None:
    truth = series(syntax=JPEGLSLossless)
    words = "the reader 'pydicom' cannot read this: .*none of pydicom's decoders is installed"
    with pytest.raises(UnsupportedPixelDataError, match=words):
        vdl.load(truth.folder, engine="pydicom")


@pytest.mark.usefixtures("_no_plugins")
def test_where_no_reader_is_right_every_reason_is_a_dicom_error(series: Write) -> None:
    frames = scanned(series(syntax=JPEGLSLossless))
    with pytest.raises(UnsupportedPixelDataError, match=r"\.dcm"):
        choose("auto", changed(frames, has_modality_lut=True), RESCALE)


def test_an_engine_that_does_not_exist_is_a_valueerror(series: Write) -> None:
    truth = series()
    for engine in ("gdcm", "", "AUTO", None):
        with pytest.raises(ValueError, match="engine must be one of 'auto', 'direct', 'codec', 'vtk', 'pydicom'"):
            vdl.load(truth.folder, engine=engine)


# ------------------------------------------------------------------------------------------------------ unsupported
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"image_type": ("ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC")}, "mosaic"),
    ({"bits_allocated": 12, "bits_stored": 12, "high_bit": 11}, "BitsAllocated 12"),
    ({"bits_allocated": 64, "bits_stored": 64, "high_bit": 63}, "64-bit integer"),
    ({"high_bit": 14, "bits_stored": 12}, "HighBit 14 with BitsStored 12"),
    ({"photometric_interpretation": "HSV", "samples": 3}, "HSV with 3 samples"),
    ({"photometric_interpretation": "CMYK", "samples": 4}, "CMYK with 4 samples"),
    ({"photometric_interpretation": "RGB", "samples": 1}, "RGB with 1 samples"),
    ({"photometric_interpretation": "MONOCHROME2", "samples": 3}, "MONOCHROME2 with 3 samples"),
    ({"photometric_interpretation": "RGB", "samples": 3, "pixel_representation": 1}, "RGB with 3 samples"),
    ({"photometric_interpretation": "PALETTE COLOR", "samples": 3}, "PALETTE COLOR"),
    (
        {"photometric_interpretation": "RGB", "samples": 3, "bits_allocated": 32, "bits_stored": 32, "high_bit": 31},
        "RGB with 3 samples of 32 bits",
    ),
]


@pytest.mark.parametrize(("fields", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_no_reader_reads_is_refused_with_its_file(series: Write, fields: dict[str, Any], words: str) -> None:
    frames = changed(scanned(series()), **fields)
    assert words in str(explain_unsupported(frames[-1].header))
    assert explain_unsupported(frames[0].header) is None
    with pytest.raises(UnsupportedPixelDataError) as caught:
        check_supported(frames)
    assert words in str(caught.value)
    assert "1-5.dcm" in str(caught.value)
    assert caught.value.files == (frames[-1].path,)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"photometric_interpretation": "MONOCHROME1"},
        {"bits_stored": 12, "high_bit": 11},
        {"bits_allocated": 32, "bits_stored": 32, "high_bit": 31},
        {"bits_allocated": 8, "bits_stored": 8, "high_bit": 7, "pixel_representation": 0},
        {"photometric_interpretation": "RGB", "samples": 3, "pixel_representation": 0},
        {
            **{"photometric_interpretation": "YBR_FULL", "samples": 3, "pixel_representation": 0},
            **{"bits_allocated": 8, "bits_stored": 8, "high_bit": 7},
        },
    ],
)
def test_what_is_read_is_not_refused(series: Write, fields: dict[str, Any]) -> None:
    frames = changed(scanned(series()), **fields)
    check_supported(frames)
    assert explain_unsupported(frames[-1].header) is None


@pytest.mark.parametrize(("count", "words"), [(1, "1 frame compressed"), (3, "3 frames compressed")])
def test_compressed_frames_without_decoder_are_counted(series: Write, count: int, words: str) -> None:
    uid = "1.2.840.10008.1.2.4.93"
    frames = [
        f._replace(header=f.header._replace(transfer_syntax=uid, encapsulated=True)) if k < count else f
        for k, f in enumerate(scanned(series()))
    ]
    with pytest.raises(CompressedPixelDataError) as caught:
        check_supported(frames)
    assert words in str(caught.value)
    assert f"JPEG 2000 Part 2 ({uid})" in str(caught.value)
    assert caught.value.files == (frames[0].path,)
    assert isinstance(caught.value, UnsupportedPixelDataError)


def test_real_files_that_are_not_read_are_named(data: Path) -> None:
    for path in sorted(data.glob("not_images/*.dcm")):
        with pytest.raises(DicomLoadError, match=path.name):
            vdl.load(path)


# ------------------------------------------------------------------------------------------------------ all readers
def test_every_reader_gives_the_same_bits(ct_head: Path) -> None:
    volumes = [vdl.load(ct_head, engine=e, verify="none") for e in ("direct", "vtk", "pydicom")]
    assert [v.engine for v in volumes] == ["direct", "vtk", "pydicom"]
    first = volumes[0].frames
    assert first.std() > 100
    for volume in volumes[1:]:
        assert volume.dtype == first.dtype
        assert volume.frames.tobytes() == first.tobytes()
        assert volume.frames.strides == first.strides


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.NAME)
def test_a_reader_steps_once_a_frame_and_fills_any_strides(series: Write, reader: Any) -> None:
    truth = series(syntax=RLELossless if reader.NAME == "codec" else "1.2.840.10008.1.2")
    frames = scanned(truth)
    conversion = choose_conversion(frames, rescale=True)
    assert reader.refusal(frames, conversion) is None
    steps: list[int] = []
    memory = np.full((10, 12, 16), 77, conversion.dtype)
    out = memory[::-2, 1::2, ::-2]
    reader.fill(frames, conversion, out, lambda: steps.append(1))
    assert len(steps) == 5
    np.testing.assert_array_equal(out, truth.frames)
    assert (memory[::2] == 77).all()
    assert (memory[:, ::2] == 77).all()


@pytest.mark.parametrize("engine", ["direct", "pydicom", "codec"])
def test_progress_counts_to_the_end_and_may_stop_it(series: Write, engine: str) -> None:
    truth = series(syntax=RLELossless if engine == "codec" else "1.2.840.10008.1.2.1")
    seen: list[tuple[int, int]] = []
    vdl.load(truth.folder, engine=engine, verify="none", progress=lambda *done: seen.append(done))
    assert seen == [(k, 5) for k in range(1, 6)]

    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vdl.load(truth.folder, engine=engine, verify="none", progress=stop)


@pytest.mark.parametrize(
    ("syntax", "space", "bits"),
    [
        ("1.2.840.10008.1.2.1", "YBR_FULL", 16),
        ("1.2.840.10008.1.2.1", "YBR_ICT", 8),
        ("1.2.840.10008.1.2.5", "YBR_FULL_422", 8),
        ("1.2.840.10008.1.2.5", "YBR_FULL", 16),
        ("1.2.840.10008.1.2.4.80", "YBR_RCT", 8),
        ("1.2.840.10008.1.2.4.90", "YBR_FULL_422", 8),
        ("1.2.840.10008.1.2.4.110", "XYB", 8),
    ],
)
def test_colour_spaces_that_are_not_read(series: Write, syntax: str, space: str, bits: int) -> None:
    frames = changed(
        scanned(series()),
        **{"transfer_syntax": syntax, "encapsulated": syntax != "1.2.840.10008.1.2.1", "samples": 3},
        **{"photometric_interpretation": space, "pixel_representation": 0},
        **{"bits_allocated": bits, "bits_stored": bits, "high_bit": bits - 1},
    )
    with pytest.raises(UnsupportedPixelDataError, match=f"{space} with 3 samples of {bits} bits is not read"):
        check_supported(frames)
