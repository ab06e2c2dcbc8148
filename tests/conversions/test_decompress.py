from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from synthetic import in_vtk_order, write_dataset

import vtkdicomload as vdl
from vtkdicomload.conversions import decompress as module
from vtkdicomload.conversions.decompress import decompress, summarize

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthetic import Truth

    Write = Callable[..., Truth]

# What describes the encoding of the pixels; every other attribute stays.
ENCODING = {"PixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"}
COLOUR = {"PhotometricInterpretation", "PlanarConfiguration"}


def attributes(dataset: pydicom.Dataset, without: set[str]) -> dict[Any, Any]:
    return {e.tag: (e.VR, e.value) for e in dataset if e.keyword not in without and e.tag.element != 0}


def check_rewritten(source: Path, target: Path, *, coloured: bool = False) -> None:
    """The new file is native and says the same; pydicom has nothing to complain of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = pydicom.dcmread(source, force=True)
        before = attributes(old, ENCODING | (COLOUR if coloured else set()))
    new = pydicom.dcmread(target)
    assert attributes(new, ENCODING | (COLOUR if coloured else set())) == before
    assert new.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID == old.SOPInstanceUID
    assert not set(ENCODING - {"PixelData"}) & set(new.dir())
    assert new.pixel_array.size
    assert len(new.PixelData) % 2 == 0


def check_loads_the_same(source: Path, target: Path, **options: Any) -> vdl.Volume:
    before, after = vdl.load(source, **options), vdl.load(target, **options)
    assert after.dtype == before.dtype
    assert np.array_equal(after.array, before.array)
    assert repr(after.geometry) == repr(before.geometry)
    assert np.array_equal(after.affine, before.affine)
    assert {f.header.transfer_syntax for f in after.series.frames} == {ExplicitVRLittleEndian}
    return before


def read_by_vtk(folder: Path) -> Any:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOImage import vtkDICOMImageReader

    reader = vtkDICOMImageReader()
    reader.SetDirectoryName(str(folder))
    reader.Update()
    image = reader.GetOutput()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions(), order="F")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# ---------------------------------------------------------------------------------------------------- encodings
@pytest.mark.parametrize("name", ["comp_rle", "comp_j2k"])
def test_vtk_reads_what_was_real_and_compressed(data: Path, tmp_path: Path, name: str) -> None:
    before = tree(data / name)
    summary = decompress(data / name, tmp_path / "out")
    assert tree(data / name) == before
    volume = check_loads_the_same(data / name, tmp_path / "out")
    assert np.array_equal(read_by_vtk(tmp_path / "out"), in_vtk_order(volume.frames))
    for path in volume.series.files:
        check_rewritten(Path(path), tmp_path / "out" / Path(path).name)
    assert sorted(summary.written) == sorted(str(p) for p in (tmp_path / "out").iterdir())


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless, JPEGLosslessSV1])
@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
def test_every_compression_equals_the_truth_and_vtk(series: Write, tmp_path: Path, syntax: str, dtype: str) -> None:
    written = series("in", syntax=syntax, dtype=dtype, rows=7, columns=9, RescaleIntercept=-3 if dtype != "u1" else 0)
    decompress(written.folder, tmp_path / "out")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", vdl.DicomLoadWarning)
        check_loads_the_same(written.folder, tmp_path / "out")
    assert np.array_equal(vdl.load(tmp_path / "out").frames, written.frames)
    assert np.array_equal(read_by_vtk(tmp_path / "out"), written.vtk_array)
    for path in written.files:
        check_rewritten(path, tmp_path / "out" / path.name)


@pytest.mark.filterwarnings("ignore:the compressed streams of")
def test_stored_values_are_not_rescaled(series: Write, tmp_path: Path) -> None:
    written = series("in", syntax=RLELossless, RescaleSlope=0.25, RescaleIntercept=-7)
    decompress(written.folder, tmp_path / "out")
    for path, stored in zip(written.files, written.stored, strict=True):
        assert np.array_equal(pydicom.dcmread(tmp_path / "out" / path.name).pixel_array, stored)


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
)
@pytest.mark.parametrize("dtype", ["u2", "i2", "u4"])
def test_native_files_are_copied_through(series: Write, tmp_path: Path, syntax: str, dtype: str) -> None:
    written = series("in", syntax=syntax, dtype=dtype)
    decompress(written.folder, tmp_path / "out")
    check_loads_the_same(written.folder, tmp_path / "out")
    for path in written.files:
        check_rewritten(path, tmp_path / "out" / path.name)
    if dtype != "u4":
        assert np.array_equal(read_by_vtk(tmp_path / "out"), written.vtk_array)


def test_words_of_big_endian_files_are_turned_everywhere(series: Write, tmp_path: Path) -> None:
    table = np.arange(256, dtype=np.uint16)

    def edit(dataset: pydicom.Dataset, _: int) -> None:
        item = pydicom.Dataset()
        item.LUTDescriptor, item.ModalityLUTType = [256, 0, 16], "US"
        item.add_new("LUTData", "OW", table.astype(">u2").tobytes())
        dataset.VOILUTSequence = [item]
        dataset.add_new(0x00660016, "OF", table.astype(">f4").tobytes())

    written = series("in", syntax=ExplicitVRBigEndian, edit=edit)
    decompress(written.folder, tmp_path / "out")
    new = pydicom.dcmread(tmp_path / "out" / written.files[0].name)
    assert new.VOILUTSequence[0].LUTData == table.astype("<u2").tobytes()
    assert new[0x00660016].value == table.astype("<f4").tobytes()


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_colour_is_rgb_by_pixel(series: Write, tmp_path: Path, syntax: str) -> None:
    written = series("in", syntax=syntax, dtype="u1", SamplesPerPixel=3)
    decompress(written.folder, tmp_path / "out")
    check_loads_the_same(written.folder, tmp_path / "out")
    for path, stored in zip(written.files, written.stored, strict=True):
        check_rewritten(path, tmp_path / "out" / path.name)
        assert np.array_equal(pydicom.dcmread(tmp_path / "out" / path.name).pixel_array, stored)


@pytest.mark.parametrize("name", ["SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_rgb_rle.dcm", "examples_ybr_color.dcm"])
@pytest.mark.filterwarnings("ignore::vtkdicomload.DicomLoadWarning")
def test_coded_colour_becomes_what_it_says(tmp_path: Path, name: str) -> None:
    source = Path(str(get_testdata_file(name)))
    decompress(source, tmp_path / "out")
    check_rewritten(source, tmp_path / "out" / source.name, coloured=True)
    new = pydicom.dcmread(tmp_path / "out" / source.name)
    assert (new.PhotometricInterpretation, new.PlanarConfiguration) == ("RGB", 0)
    lossy = "rle" not in name
    truth = pixel_array(source, decoding_plugin="pillow" if lossy else "pydicom")  # pylibjpeg upsamples otherwise
    # Two decoders of a lossy stream may round differently.
    assert np.abs(new.pixel_array.astype(int) - truth.astype(int)).max() <= (2 if lossy else 0)


def test_palette_indices_stay_indices(tmp_path: Path) -> None:
    source = tmp_path / "palette.dcm"
    dataset = pydicom.dcmread(str(get_testdata_file("examples_palette.dcm")))
    indices = dataset.pixel_array
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(source)
    decompress(source, tmp_path / "out")
    check_rewritten(source, tmp_path / "out" / source.name)
    new = pydicom.dcmread(tmp_path / "out" / source.name)
    assert new.PhotometricInterpretation == "PALETTE COLOR"
    assert np.array_equal(new.pixel_array, indices)


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")  # the UID of the source
@pytest.mark.parametrize(("name", "twin"), [("rtdose_rle.dcm", "rtdose.dcm"), ("SC_rgb_rle_16bit_2frame.dcm", None)])
def test_frames_of_a_file_stay_in_file_order(tmp_path: Path, name: str, twin: str | None) -> None:
    source = Path(str(get_testdata_file(name)))
    decompress(source, tmp_path / "out")
    check_rewritten(source, tmp_path / "out" / name)
    new = pydicom.dcmread(tmp_path / "out" / name)
    truth = pydicom.dcmread(source if twin is None else str(get_testdata_file(twin)))
    assert np.array_equal(new.pixel_array, truth.pixel_array)
    assert len(new.pixel_array) == truth.NumberOfFrames > 1


@pytest.mark.parametrize("batch", [1, 10**9])
def test_frames_that_lie_backwards_in_space_stay_in_file_order(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(module, "_BATCH_BYTES", batch)
    (source,) = (data / "enh_mr_phase").iterdir()
    dataset = pydicom.dcmread(source)
    truth = dataset.pixel_array
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.PerFrameFunctionalGroupsSequence = list(reversed(dataset.PerFrameFunctionalGroupsSequence))
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / "0001.dcm")
    decompress(tmp_path / "in", tmp_path / "out")
    assert np.array_equal(pydicom.dcmread(tmp_path / "out" / "0001.dcm").pixel_array, truth)
    check_rewritten(tmp_path / "in" / "0001.dcm", tmp_path / "out" / "0001.dcm")
    check_loads_the_same(tmp_path / "in", tmp_path / "out")


def test_extended_offset_tables_are_taken_out(series: Write, tmp_path: Path) -> None:
    written = series("in", count=1, syntax=RLELossless)
    dataset = pydicom.dcmread(written.files[0])
    length = len(dataset.PixelData) - 24
    dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = bytes(8), length.to_bytes(8, "little")
    dataset.save_as(written.files[0])
    decompress(written.files[0], tmp_path / "out")
    check_rewritten(written.files[0], tmp_path / "out" / written.files[0].name)


def _snake(keyword: str) -> str:
    return "".join("_" * (i > 0 and c.isupper()) + c.lower() for i, c in enumerate(keyword))


def icon(syntax: str) -> Callable[[pydicom.Dataset, int], None]:
    def edit(dataset: pydicom.Dataset, _: int) -> None:
        from pydicom.encaps import encapsulate
        from pydicom.pixels.encoders import RLELosslessEncoder

        item = pydicom.Dataset()
        item.SamplesPerPixel, item.PhotometricInterpretation = 1, "MONOCHROME2"
        item.Rows, item.Columns, item.BitsAllocated, item.BitsStored, item.HighBit = 4, 6, 8, 8, 7
        item.PixelRepresentation = 0
        pixels = np.arange(24, dtype=np.uint8).reshape(4, 6)
        described = {e.keyword: e.value for e in item}
        options = {_snake(k): v for k, v in described.items()}
        coded = RLELosslessEncoder.encode(pixels, encoding_plugin="pydicom", number_of_frames=1, **options)
        if not syntax:
            coded = b"not a stream"
        item.PixelData = encapsulate([coded])
        item["PixelData"].VR, item["PixelData"].is_undefined_length = "OB", True
        dataset.IconImageSequence = [item, item]

    return edit


def test_compressed_icons_become_native(series: Write, tmp_path: Path) -> None:
    written = series("in", count=1, syntax=RLELossless, edit=icon(RLELossless))
    decompress(written.folder, tmp_path / "out")
    new = pydicom.dcmread(tmp_path / "out" / written.files[0].name)
    for item in new.IconImageSequence:
        assert not item["PixelData"].is_undefined_length
        assert item.PixelData == bytes(range(24))


def test_an_icon_that_cannot_be_decoded_is_left_out_and_said(series: Write, tmp_path: Path) -> None:
    written = series("in", count=2, syntax=RLELossless, edit=icon(""))
    with pytest.warns(vdl.DicomLoadWarning, match="icon images of 2 files"):
        decompress(written.folder, tmp_path / "out")
    assert "IconImageSequence" not in pydicom.dcmread(tmp_path / "out" / written.files[0].name)
    check_loads_the_same(written.folder, tmp_path / "out")


def test_bits_above_high_bit_are_kept(series: Write, tmp_path: Path) -> None:
    def overlay(dataset: pydicom.Dataset, _: int) -> None:
        words = np.frombuffer(dataset.PixelData, np.uint16) | 0x8000
        dataset.PixelData = words.tobytes()

    written = series("in", count=1, dtype="u2", BitsStored=12, HighBit=11, syntax=RLELossless, edit=overlay)
    decompress(written.folder, tmp_path / "out")
    words = np.frombuffer(pydicom.dcmread(tmp_path / "out" / written.files[0].name).PixelData, np.uint16)
    assert (words & 0x8000).all()
    check_loads_the_same(written.folder, tmp_path / "out")


def test_a_file_without_meta_information_gets_some(series: Write, tmp_path: Path) -> None:
    written = series("in", count=1)
    dataset = pydicom.dcmread(written.files[0])
    pydicom.dcmwrite(written.files[0], _bare(dataset), implicit_vr=False, little_endian=True)
    assert written.files[0].read_bytes()[128:132] != b"DICM"
    decompress(written.folder, tmp_path / "out")
    check_rewritten(written.files[0], tmp_path / "out" / written.files[0].name)


def _bare(dataset: pydicom.Dataset) -> pydicom.Dataset:
    bare = pydicom.Dataset()
    bare.update(dataset)
    return bare


def test_mixed_layouts_keep_their_files_apart(series: Write, tmp_path: Path) -> None:
    truths = [
        series("in/a", seed=1, syntax=RLELossless, names=[f"{k}" for k in range(5)]),
        series("in/b/c", seed=2, syntax=RLELossless, rows=3, dtype="u1", names=[f"{k}" for k in range(5)]),
        series("in/d", seed=3, names=[f"{k}" for k in range(5)]),
    ]
    summary = decompress(tmp_path / "in", tmp_path / "out")
    for truth in truths:
        folder = tmp_path / "out" / truth.folder.relative_to(tmp_path / "in")
        assert np.array_equal(vdl.load(folder).frames, truth.frames)
    assert summary.syntaxes == {RLELossless: 10, ExplicitVRLittleEndian: 5}
    assert summary.bytes_written == sum(len(b) for b in tree(tmp_path / "out").values())
    assert summarize(summary)[1:] == ["10 files of RLE Lossless", "5 files of Explicit VR Little Endian"]


@pytest.mark.parametrize("batch", [1, 10**9])
def test_batches_of_any_size_and_any_workers(
    series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(module, "_BATCH_BYTES", batch)
    written = series("in", count=9, syntax=JPEGLSLossless, dtype="u2")
    steps: list[tuple[int, int]] = []
    decompress(written.folder, tmp_path / "out", workers=3, progress=lambda *step: steps.append(step))
    assert np.array_equal(vdl.load(tmp_path / "out").frames, written.frames)
    assert steps == [(k, 9) for k in range(1, 10)]


# ---------------------------------------------------------------------------------------------------- what is refused
def test_what_is_no_image_is_passed_over_and_said(series: Write, tmp_path: Path) -> None:
    written = series("in", syntax=RLELossless)
    (written.folder / "readme.txt").write_text("not DICOM")
    shutil.copy(str(get_testdata_file("DICOMDIR")), written.folder / "DICOMDIR")
    summary = decompress(written.folder, tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 5
    assert sorted(summarize(summary)[2:]) == [
        "passed over: 1 file, DICOM without pixel data",
        "passed over: 1 file, not DICOM",
    ]


def test_no_image_at_all(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "readme.txt").write_text("not DICOM")
    with pytest.raises(vdl.NoDicomError, match=r"readme\.txt is not DICOM"):
        decompress(tmp_path / "in", tmp_path / "out")
    with pytest.raises(vdl.NoDicomError, match="there is nothing at"):
        decompress(tmp_path / "missing", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", [".", "below", "a/../below"])
def test_never_into_the_source(series: Write, place: str) -> None:
    written = series("in", syntax=RLELossless)
    before = tree(written.folder)
    with pytest.raises(vdl.DicomLoadError, match="which is read → another folder"):
        decompress(written.folder, written.folder / place, overwrite=True)
    assert tree(written.folder) == before


def test_never_into_the_source_by_a_link(series: Write, tmp_path: Path) -> None:
    written = series("in", syntax=RLELossless)
    (tmp_path / "link").symlink_to(written.folder)
    with pytest.raises(vdl.DicomLoadError, match="which is read"):
        decompress(written.folder, tmp_path / "link" / "out", overwrite=True)


def test_never_over_a_file_of_the_source(series: Write, tmp_path: Path) -> None:
    written = series("in", count=2, syntax=RLELossless)
    before = tree(written.folder)
    (tmp_path / "out").mkdir()
    os.link(written.files[1], tmp_path / "out" / written.files[1].name)
    with pytest.raises(vdl.DicomLoadError, match="is a file of the source"):
        decompress(written.folder, tmp_path / "out", overwrite=True)
    with pytest.raises(vdl.DicomLoadError, match="is a file of the source"):
        decompress(written.files[0], written.folder, overwrite=True)
    assert tree(written.folder) == before


def test_existing_files_are_kept_unless_asked(series: Write, tmp_path: Path) -> None:
    written = series("in", syntax=RLELossless)
    (tmp_path / "out").mkdir()
    kept = tmp_path / "out" / written.files[2].name
    kept.write_text("mine")
    with pytest.raises(vdl.DicomLoadError, match=r"exists already → overwrite=True, or another folder") as caught:
        decompress(written.folder, tmp_path / "out")
    assert caught.value.files == (str(kept),)
    assert tree(tmp_path / "out") == {kept.name: b"mine"}
    decompress(written.folder, tmp_path / "out", overwrite=True)
    check_loads_the_same(written.folder, tmp_path / "out")


def test_the_target_is_a_file(series: Write, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(vdl.DicomLoadError, match="is a file; the new files need a folder"):
        decompress(series("in").folder, tmp_path / "out")


def test_a_truncated_file_is_named_and_nothing_written(series: Write, tmp_path: Path) -> None:
    written = series("in", syntax=RLELossless)
    written.files[3].write_bytes(written.files[3].read_bytes()[:-20])
    with pytest.raises(vdl.CorruptFileError, match=r"ignore=") as caught:
        decompress(written.folder, tmp_path / "out")
    assert caught.value.files == (str(written.files[3]),)
    assert not (tmp_path / "out").exists()
    for k, ignore in enumerate([[written.files[3]], written.files[3].name, lambda path: path == str(written.files[3])]):
        summary = decompress(written.folder, tmp_path / f"out{k}", ignore=ignore)
        assert len(summary.written) == 4
        assert summarize(summary)[-1] == "passed over: 1 file, ignored"


def test_a_broken_stream_is_named_and_nothing_is_left(
    series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BATCH_BYTES", 1)
    written = series("in", syntax=JPEGLSLossless, dtype="u2")
    content = bytearray(written.files[3].read_bytes())
    start = content.index(b"\xff\xd8\xff")
    content[start : start + 40] = bytes(40)
    written.files[3].write_bytes(content)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    with pytest.raises(vdl.CorruptFileError) as caught:
        decompress(written.folder, tmp_path / "out" / "new" / "folder")
    assert caught.value.files == (str(written.files[3]),)
    assert tree(tmp_path / "out") == {"mine": b"kept"}
    assert not (tmp_path / "out" / "new").exists()


def test_an_interrupt_leaves_nothing(series: Write, tmp_path: Path) -> None:
    written = series("in", syntax=RLELossless)

    def interrupted(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decompress(written.folder, tmp_path / "out", progress=interrupted)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing(series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = series("in", syntax=RLELossless)
    real, calls = pydicom.dcmwrite, []

    def full(*arguments: Any, **options: Any) -> None:
        calls.append(arguments)
        if len(calls) == 4:
            arguments[0].write(b"a part")
            raise OSError(28, "No space left on device")
        real(*arguments, **options)

    monkeypatch.setattr(pydicom, "dcmwrite", full)
    with pytest.raises(OSError, match="No space left"):
        decompress(written.folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_not_decoded_is_named_first(series: Write, tmp_path: Path) -> None:
    written = series("in", syntax=RLELossless)
    dataset = pydicom.dcmread(written.files[0])
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
    dataset.save_as(written.files[0])
    with pytest.raises(vdl.CompressedPixelDataError, match=r"MPEG-4 AVC .* not decoded → ignore="):
        decompress(written.folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_pixels_that_no_native_element_holds(series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST", 90)
    with pytest.raises(vdl.UnsupportedPixelDataError, match="a native element holds less than 4"):
        decompress(series("in", syntax=RLELossless).folder, tmp_path / "out")


def test_words_of_an_error_hold_no_identity(series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("Secret^Name")

    monkeypatch.setattr(pydicom, "dcmwrite", refuse)
    with pytest.raises(vdl.CorruptFileError, match=r"pydicom cannot rewrite it \(ValueError\)") as caught:
        decompress(series("in").folder, tmp_path / "out")
    assert "Secret" not in str(caught.value)


def test_single_bits_are_copied_through(tmp_path: Path, data: Path) -> None:
    for path in sorted((data / "seg_1bit").rglob("*.dcm")):
        decompress(path, tmp_path / path.stem)
        check_rewritten(path, tmp_path / path.stem / path.name)


@pytest.mark.filterwarnings("ignore::vtkdicomload.DicomLoadWarning")
def test_eight_bit_words_of_big_endian_files(series: Write, tmp_path: Path) -> None:
    written = series("in", count=1, dtype="u1", rows=4, columns=6)
    dataset = pydicom.dcmread(written.files[0])
    words = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    dataset.PixelData = words
    write_dataset(written.files[0], dataset, ExplicitVRLittleEndian)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset["PixelData"].VR = "OW"
        dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        pydicom.dcmwrite(written.files[0], dataset, implicit_vr=False, little_endian=False)
    decompress(written.folder, tmp_path / "out")
    new = pydicom.dcmread(tmp_path / "out" / written.files[0].name)
    assert np.array_equal(new.pixel_array, written.stored[0])


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_zeros_behind_a_data_set_are_left_out(series: Write, tmp_path: Path, syntax: str) -> None:
    written = series("in", syntax=syntax)
    for file in written.files:
        file.write_bytes(file.read_bytes() + bytes(32))
    decompress(written.folder, tmp_path / "out")
    check_loads_the_same(written.folder, tmp_path / "out")
    assert not any(element.tag.group == 0 for element in pydicom.dcmread(tmp_path / "out" / written.files[0].name))
