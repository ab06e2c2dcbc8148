"""The plain pydicom loop: what it reads is what pydicom reads, and what pydicom raises has the name of the file."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from compressed import ENCODERS, picture, write
from pydicom import Dataset, Sequence
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut, convert_color_space
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless
from synthetic import Truth, padded, raw_image

import vtkdicomload as vdl
from vtkdicomload import CorruptFileError, DicomLoadWarning
from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.parser import read_header
from vtkdicomload.readers import pydicom as plain
from vtkdicomload.readers.dtype import Conversion, ValueOverflow, choose_conversion, find_pixel_shape
from vtkdicomload.sources.local import as_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from vtkdicomload.headers.model import Frame

    Write = Callable[..., Truth]

STORED = Conversion(np.dtype(np.int16), rescale=False, checked=False)


def scanned(files: Iterable[Path | str]) -> list[Frame]:
    return [frame for f in files for frame in make_frames(read_header(f))]


def filled(frames: list[Frame], *, rescale: bool = True) -> np.ndarray[Any, Any]:
    conversion = choose_conversion(frames, rescale=rescale)
    out = np.full((len(frames), *find_pixel_shape(frames[0].header)), 77, conversion.dtype)
    steps: list[int] = []
    assert plain.fill(frames, conversion, out, lambda: steps.append(1)) == ()
    assert len(steps) == len(frames)
    return out


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, RLELossless, "1.2.840.10008.1.2.2"])
def test_it_reads_what_lies_compressed_or_swapped(series: Write, syntax: str) -> None:
    truth = series(syntax=syntax, RescaleIntercept=-5)
    frames = scanned(truth.files)
    assert plain.refusal(frames, STORED) is None
    np.testing.assert_array_equal(filled(frames), truth.frames)


def test_it_is_taken_for_deflated_files(series: Write) -> None:
    truth = series(syntax=DeflatedExplicitVRLittleEndian, RescaleSlope=0.5)
    volume = vdl.load(truth.folder)
    assert volume.engine == "pydicom"
    np.testing.assert_array_equal(volume.frames, truth.frames)


@pytest.mark.parametrize("explicit", [True, False])
def test_files_without_a_transfer_syntax_are_read(tmp_path: Path, explicit: bool) -> None:
    path = tmp_path / "bare.dcm"
    path.write_bytes(raw_image(explicit=explicit, meta=False, preamble=False))
    frames = scanned([path])
    np.testing.assert_array_equal(filled(frames, rescale=False)[0], np.arange(6).reshape(2, 3))


def lut(*values: int, bits: int = 16, first: int = 0) -> Callable[[Dataset, int], None]:
    def edit(dataset: Dataset, _: int) -> None:
        item = Dataset()
        item.add_new(0x00283002, "US", [len(values), first, bits])
        item.ModalityLUTType = "HU"
        item.add_new(0x00283006, "OW", np.array(values, "<u2").tobytes())
        dataset.ModalityLUTSequence = Sequence([item])
        del dataset.RescaleSlope, dataset.RescaleIntercept

    return edit


def test_a_modality_lut_is_applied(series: Write) -> None:
    table = [int(x) for x in np.random.default_rng(1).integers(0, 60000, 300)]
    truth = series(dtype=np.uint16, edit=lut(*table))
    frames = scanned(truth.files)
    expected = [apply_modality_lut(d.pixel_array, d) for d in map(pydicom.dcmread, truth.files)]
    np.testing.assert_array_equal(filled(frames), expected)
    np.testing.assert_array_equal(expected, np.array(table)[truth.stored])
    volume = vdl.load(truth.folder)
    assert volume.engine == "pydicom"
    np.testing.assert_array_equal(volume.frames, expected)
    np.testing.assert_array_equal(vdl.load(truth.folder, rescale=False).frames, truth.stored)


def test_a_modality_lut_of_one_slice_is_for_that_slice(series: Write) -> None:
    table = [3 * k + 1 for k in range(300)]
    apply = lut(*table)
    truth = series(dtype=np.uint16, edit=lambda d, k: apply(d, k) if k == 2 else None)
    expected = truth.stored.astype(np.int64)
    expected[2] = np.array(table)[truth.stored[2]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DicomLoadWarning)
        volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, expected)


@pytest.mark.parametrize(("dtype", "low", "count"), [(np.int16, -32768, 0), (np.int8, -128, 256)])
def test_a_modality_lut_of_the_whole_signed_range(series: Write, dtype: type, low: int, count: int) -> None:
    """The distance from the first mapped value does not fit the type of the pixels."""
    table = np.arange(count or 1 << 16).astype("<u2")[::-1].copy()

    def edit(d: Dataset, k: int) -> None:
        item = Dataset()
        item.add_new(0x00283002, "SS", [count, low, 16])
        item.add_new(0x00283006, "OW", table.tobytes())
        d.ModalityLUTSequence = Sequence([item])
        del d.RescaleSlope, d.RescaleIntercept

    truth = series(dtype=dtype, edit=edit)
    assert truth.stored.max() > 0
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, table[truth.stored.astype(np.int64) - low])


@pytest.mark.parametrize("count", [1, 2])
def test_a_compressed_frame_too_many_is_not_dropped(tmp_path: Path, count: int) -> None:
    syntax = "1.2.840.10008.1.2.4.80"
    pixels = picture(dtype=np.uint8)
    number = (0x00280008, "IS", padded(str(count).encode(), b" "))
    path = write(tmp_path / "x.dcm", syntax, [padded(ENCODERS[syntax](pixels))] * (count + 1), pixels, number)
    with pytest.raises(CorruptFileError, match=f"NumberOfFrames says {count}"):
        filled(scanned([path]), rescale=False)


def test_frames_in_fragments_without_a_table_are_told_apart(tmp_path: Path) -> None:
    syntax = "1.2.840.10008.1.2.4.80"
    pixels = picture(dtype=np.uint8)
    stream = padded(ENCODERS[syntax](pixels))
    data = encapsulate([stream] * 3, fragments_per_frame=2, has_bot=False) + b"\xfe\xff\xdd\xe0\0\0\0\0"
    path = write(tmp_path / "x.dcm", syntax, [stream], pixels, (0x00280008, "IS", b"3 "), data=data)
    np.testing.assert_array_equal(filled(scanned([path]), rescale=False), [pixels] * 3)


@pytest.mark.parametrize("words", ["YBR_FULL", "RGB"])
def test_colour_comes_out_as_rgb(series: Write, words: str) -> None:
    options = {"dtype": np.uint8, "SamplesPerPixel": 3, "PhotometricInterpretation": words}
    truth = series(**options)
    expected = [convert_color_space(s, words, "RGB") for s in truth.stored]
    np.testing.assert_array_equal(filled(scanned(truth.files)), expected)


def test_frames_of_several_files_may_alternate(data: Path) -> None:
    first = scanned([data / "seg_1bit" / "seg_16x16.dcm"])
    path = first[0].path
    expected = pydicom.dcmread(path).pixel_array
    chosen = [first[2], first[0], first[1], first[2]]
    np.testing.assert_array_equal(filled(chosen, rescale=False), expected[[2, 0, 1, 2]])


def test_values_that_do_not_fit_are_told(series: Write) -> None:
    frames = scanned(series(RescaleIntercept=40000).files)
    out = np.zeros((5, 6, 8), np.int16)
    with pytest.raises(ValueOverflow):
        plain.fill(frames, Conversion(np.dtype(np.int16), rescale=True, checked=True), out, lambda: None)


# ------------------------------------------------------------------------------------------------------ failures
def as_it_is_now(frame: Frame) -> Frame:
    """The frame of the scan, as if its file had been written before."""
    with as_file(frame.path).open() as now:
        return frame._replace(header=frame.header._replace(file=now.file))


@pytest.mark.parametrize("change", ["cut", "emptied", "gone"])
def test_a_file_changed_since_the_scan_is_named(series: Write, change: str) -> None:
    truth = series()
    frames = scanned(truth.files)
    path = truth.files[3]
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-30] if change == "cut" else b"")
    with pytest.raises(CorruptFileError) as caught:
        filled(frames)
    assert caught.value.files == (str(path),)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("written", "damaged"),
    [
        (b"\x28\0\0\x01US\2\0\x10\0", b"\x28\0\0\x01US\2\0\7\0"),
        (b"\x28\0\x10\0US", b"\x28\0\x0f\0US"),
        (b"\xe0\x7f\x10\0OW", b"\xe0\x7f\x11\0OW"),
    ],
    ids=["BitsAllocated 7", "no Rows", "no PixelData"],
)
def test_whatever_pydicom_raises_names_the_file(series: Write, written: bytes, damaged: bytes) -> None:
    truth = series()
    frames = scanned(truth.files)
    path = truth.files[3]
    data = path.read_bytes()
    assert written in data
    path.write_bytes(data.replace(written, damaged))
    frames[3] = as_it_is_now(frames[3])
    with pytest.raises(CorruptFileError, match="pydicom cannot read it: ") as caught:
        filled(frames)
    assert caught.value.files == (str(path),)
    assert str(path) in str(caught.value)
    assert "ignore=[" in str(caught.value)


def test_an_image_of_another_size_is_refused(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series("a")
    frames = scanned(truth.files)
    other = series("b", rows=7)
    truth.files[1].write_bytes(other.files[1].read_bytes())
    frames[1] = as_it_is_now(frames[1])
    with pytest.raises(CorruptFileError, match=r"shape \(7, 8\), its header says \(6, 8\)"):
        filled(frames)


def test_memory_and_interrupts_are_not_renamed(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = scanned(series().files)
    for error in (MemoryError, KeyboardInterrupt):

        def fail(*_: Any, error: type[BaseException] = error) -> Any:
            raise error

        monkeypatch.setattr(plain, "_read_stored_values", fail)
        with pytest.raises(error):
            filled(frames)


def test_pydicoms_own_warnings_stay_inside(series: Write) -> None:
    truth = series(edit=lambda d, _: setattr(d, "PixelData", d.PixelData + bytes(2)))
    frames = scanned(series("ok").files)
    del truth
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        filled(frames)
    assert not caught


@pytest.mark.parametrize("syntax", [RLELossless, "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80"])
def test_a_stream_that_is_cut_short_or_of_another_size_reaches_no_decoder(
    tmp_path: Path, syntax: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = picture(dtype=np.uint8)
    stream = ENCODERS[syntax](pixels)
    monkeypatch.setattr(pydicom.pixels.utils, "pixel_array", lambda *_, **__: pytest.fail("a decoder was called"))
    if syntax == RLELossless:
        damage = [b"\2" + stream[1:], stream[:60]]
    else:
        damage = [ENCODERS[syntax](picture(20, 20, dtype=np.uint8)), stream[: len(stream) // 2]]
    for damaged in damage:
        path = write(tmp_path / "x.dcm", syntax, [padded(damaged)], pixels)
        with pytest.raises(CorruptFileError) as caught:
            filled(scanned([path]), rescale=False)
        assert caught.value.files == (str(path),)


def test_what_lies_above_bits_stored_in_a_lossless_stream_is_cut_off_as_in_native_words(tmp_path: Path) -> None:
    pixels = picture(dtype=np.uint16)
    header = (0x00280101, "US", b"\x0c\0"), (0x00280102, "US", b"\x0b\0")
    syntax = "1.2.840.10008.1.2.4.90"
    path = write(tmp_path / "x.dcm", syntax, [padded(ENCODERS[syntax](pixels))], pixels, *header)
    np.testing.assert_array_equal(filled(scanned([path]), rescale=False)[0], pixels & 0xFFF)


def test_gdcm_is_never_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It aborts the process on damaged JPEG streams."""
    import pydicom.pixels.decoders.base as base

    asked: list[str] = []
    decoder = SimpleNamespace(
        available_plugins=("gdcm", "pylibjpeg", "pillow"), missing_dependencies=["gdcm - gdcm>=3"]
    )
    monkeypatch.setattr(base, "get_decoder", lambda _: decoder)

    def fail(*_: Any, decoding_plugin: str, **__: Any) -> Any:
        asked.append(decoding_plugin)
        raise RuntimeError("no")

    monkeypatch.setattr(pydicom.pixels.utils, "pixel_array", fail)
    pixels = picture(dtype=np.uint8)
    syntax = "1.2.840.10008.1.2.4.70"
    path = write(tmp_path / "x.dcm", syntax, [padded(ENCODERS[syntax](pixels))], pixels)
    with pytest.raises(CorruptFileError, match="pydicom cannot read it: pylibjpeg: RuntimeError: no"):
        filled(scanned([path]), rescale=False)
    assert asked == ["pillow", "pylibjpeg"]
    decoder.available_plugins = ("gdcm",)
    assert plain.refusal(scanned([path]), STORED) == f"{path}: none of pydicom's decoders is installed: "


def test_a_missing_decoder_is_named(series: Write) -> None:
    frames = scanned(series(syntax=RLELossless).files)
    for syntax, words in (("1.2.840.10008.1.2.4.94", "no decoder"), ("1.2.840.10008.1.2.4.110", "no decoder")):
        said = [f._replace(header=f.header._replace(transfer_syntax=syntax)) for f in frames]
        reason = plain.refusal(said, STORED) or ""
        assert any(f.path in reason for f in frames)
        assert words in reason
        assert syntax in reason


def test_one_slice_without_thickness_warns_as_elsewhere(series: Write) -> None:
    truth = series(count=1, SliceThickness=None)
    with pytest.warns(DicomLoadWarning, match="SliceThickness"):
        assert vdl.load(truth.files[0], engine="pydicom").engine == "pydicom"
