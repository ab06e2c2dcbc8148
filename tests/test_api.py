"""`load` and `load_all`: options, guards, limits, progress, and that every reader gives the same bits as the truth."""

from __future__ import annotations

import json
import pickle
import re
import threading
import tracemalloc
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from hangs import list_threads
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

import vtkdicomload as vdl
from vtkdicomload.loading import read
from vtkdicomload.readers import codec, direct
from vtkdicomload.readers import pydicom as plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]

DATA = Path(__file__).parent / "data"
NATIVE = ("small_ct", "mr_plain4", "mr_small_slope", "slope_per_slice", "ct_head")


def _folder(name: str) -> Path:
    return Path(vdl.__file__).parent / "data" / name if name == "ct_head" else DATA / name


@cache
def _by_pydicom(name: str) -> np.ndarray:
    """The frames of a real series, rescaled in float64, by pydicom and numpy alone."""
    datasets = [pydicom.dcmread(p) for p in _folder(name).iterdir() if p.suffix == ".dcm" or p.suffix == ""]
    row, column = np.reshape(np.array(datasets[0].ImageOrientationPatient, float), (2, 3))
    datasets.sort(key=lambda d: float(np.dot(np.array(d.ImagePositionPatient, float), np.cross(row, column))))
    return np.array(
        [d.pixel_array * float(d.get("RescaleSlope", 1)) + float(d.get("RescaleIntercept", 0)) for d in datasets]
    )


# -------------------------------------------------------------------------------------------- the readers agree
@pytest.mark.parametrize("name", NATIVE)
def test_every_engine_gives_the_same_bits_on_real_series(name: str) -> None:
    truth = _by_pydicom(name)
    volumes = {}
    for engine in ("auto", "direct", "pydicom", "vtk"):
        try:
            volumes[engine] = vdl.load(_folder(name), engine=engine)
        except vdl.UnsupportedPixelDataError:
            # vtkDICOMImageReader is right for some files only; the others read every native file.
            assert engine == "vtk"
    for volume in volumes.values():
        assert volume.dtype == volumes["auto"].dtype
        if volume.dtype.kind == "f":
            np.testing.assert_allclose(volume.frames, truth, rtol=1e-6)
        else:
            np.testing.assert_array_equal(volume.frames, truth)
        if volume.dtype.kind != "f" or volume.engine != "vtk":
            np.testing.assert_array_equal(volume.frames, volumes["auto"].frames)


def test_vtk_reads_some_of_the_real_series() -> None:
    volume = vdl.load(_folder("ct_head"), engine="vtk")
    assert volume.engine == "vtk"
    np.testing.assert_array_equal(volume.frames, _by_pydicom("ct_head"))


@pytest.mark.parametrize("name", ["comp_rle", "comp_j2k", "rgb_stack"])
def test_compressed_real_series_equal_simpleitk(name: str) -> None:
    volume = vdl.load(DATA / name)
    assert volume.engine == "codec"
    files = [f.path for f in volume.series.frames]
    truth = sitk.GetArrayFromImage(sitk.ReadImage(files))
    np.testing.assert_array_equal(volume.frames, truth)


def test_the_truth_of_the_real_series() -> None:
    for name, expected in json.loads((DATA / "truth.json").read_text()).items():
        if expected["expect"] != "ok":
            continue
        volume = vdl.load(_folder(name))
        assert volume.frames.shape[:3] == (expected["slices"], expected["rows"], expected["columns"])
        assert volume.spacing == pytest.approx(expected["spacing"], rel=1e-6)
        assert float(volume.frames.min()) == pytest.approx(expected["min"], rel=1e-6)
        assert float(volume.frames.max()) == pytest.approx(expected["max"], rel=1e-6)
        assert float(volume.frames.sum(dtype=np.float64)) == pytest.approx(expected["sum"], rel=1e-6)
        geometry = volume.geometry
        np.testing.assert_allclose(geometry.to_patient((0, 0, 0)), expected["position"], atol=1e-3)
        last = geometry.to_patient((0, 0, expected["slices"] - 1))
        np.testing.assert_allclose(last, expected["last_position"], atol=2e-3)


FORMATS: dict[str, dict[str, Any]] = {
    "int16": {},
    "int16 with intercept": {"RescaleIntercept": -1024},
    "uint16 with intercept": {"dtype": np.uint16, "RescaleIntercept": -1024},
    "uint16": {"dtype": np.uint16},
    "12 of 16 bits": {"dtype": np.uint16, "BitsStored": 12, "HighBit": 11, "RescaleIntercept": -1000},
    "12 of 16 bits, signed": {"BitsStored": 12, "HighBit": 11},
    "uint8": {"dtype": np.uint8},
    "uint8 with intercept": {"dtype": np.uint8, "RescaleIntercept": -100},
    "int8": {"dtype": np.int8},
    "uint32": {"dtype": np.uint32},
    "int32 with slope": {"dtype": np.int32, "RescaleSlope": 3, "RescaleIntercept": -7},
    "integer slope": {"RescaleSlope": 2, "RescaleIntercept": -10},
    "negative slope": {"RescaleSlope": -1},
    "fractional slope": {"RescaleSlope": 0.5, "RescaleIntercept": 0.25},
    "implicit": {"syntax": ImplicitVRLittleEndian},
    "big endian": {"syntax": ExplicitVRBigEndian},
    "RGB": {"dtype": np.uint8, "SamplesPerPixel": 3},
    "RGB of 16 bits": {"dtype": np.uint16, "SamplesPerPixel": 3},
    "odd number of bytes": {"dtype": np.uint8, "rows": 3, "columns": 5},
    "MONOCHROME1": {"PhotometricInterpretation": "MONOCHROME1"},
    "one pixel": {"rows": 1, "columns": 1},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_engine_gives_the_truth_on_every_format(series: Write, name: str) -> None:
    truth = series(**FORMATS[name])
    for engine in ("auto", "direct", "pydicom", "vtk"):
        try:
            volume = vdl.load(truth.folder, engine=engine, verify="all")
        except vdl.UnsupportedPixelDataError:
            assert engine == "vtk"
            continue
        np.testing.assert_array_equal(volume.frames, truth.frames)
        np.testing.assert_array_equal(volume.array, truth.array)
        np.testing.assert_allclose(volume.geometry.affine, truth.affine, atol=1e-6)
        assert volume.engine == ("direct" if engine == "auto" else engine)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless, JPEGLosslessSV1])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
def test_compressed_formats_give_the_truth(series: Write, syntax: str, dtype: type) -> None:
    truth = series(syntax=syntax, dtype=dtype, rows=16, columns=20, RescaleIntercept=-50)
    volume = vdl.load(truth.folder)
    assert volume.engine == "codec"
    np.testing.assert_array_equal(volume.frames, truth.frames)


def test_codec_is_for_compressed_files_only(series: Write) -> None:
    truth = series()
    with pytest.raises(
        vdl.UnsupportedPixelDataError, match=r"the reader 'codec' cannot read this: .* → engine=\"auto\""
    ):
        vdl.load(truth.folder, engine="codec")


def test_vtk_refuses_compressed_files_with_the_reason(series: Write) -> None:
    truth = series(syntax=RLELossless)
    with pytest.raises(vdl.UnsupportedPixelDataError, match="the reader 'vtk' cannot read this"):
        vdl.load(truth.folder, engine="vtk")


# ----------------------------------------------------------------------------------------------------- dtype
@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        ({}, np.int16),
        ({"dtype": np.uint16}, np.uint16),
        ({"dtype": np.uint16, "RescaleIntercept": -1024}, np.int16),
        ({"dtype": np.uint8}, np.uint8),
        ({"RescaleSlope": 0.5}, np.float32),
        ({"dtype": np.int32, "RescaleSlope": 0.5}, np.float64),
        ({"dtype": np.int32}, np.int32),
        ({"RescaleIntercept": 100_000}, np.int32),
        ({"RescaleSlope": 1e8}, np.float64),
        ({"dtype": np.uint8, "RescaleIntercept": -100}, np.int32),
    ],
)
def test_the_dtype_rule(series: Write, options: dict[str, Any], dtype: type) -> None:
    truth = series(**options)
    volume = vdl.load(truth.folder)
    assert volume.dtype == dtype
    np.testing.assert_array_equal(volume.frames, truth.frames)


def test_a_value_that_does_not_fit_is_never_wrapped(series: Write) -> None:
    def one_high(dataset: Dataset, k: int) -> None:
        if k == 3:
            dataset.PixelData = dataset.PixelData[:-2] + b"\xff\xff"

    truth = series(dtype=np.uint16, RescaleIntercept=-1024, edit=one_high)
    assert truth.frames.max() == 64511
    for engine in ("auto", "pydicom"):
        volume = vdl.load(truth.folder, engine=engine)
        assert volume.dtype == np.int32
        np.testing.assert_array_equal(volume.frames, truth.frames)


@pytest.mark.parametrize("options", [{"RescaleSlope": 0.5}, {"RescaleIntercept": 100_000}, {"dtype": np.int8}])
def test_without_rescale_the_stored_values_come_in_their_dtype(series: Write, options: dict[str, Any]) -> None:
    truth = series(**options)
    volume = vdl.load(truth.folder, rescale=False)
    assert volume.dtype == truth.stored.dtype
    np.testing.assert_array_equal(volume.frames, truth.stored)


def test_each_slice_has_its_own_slope(series: Write) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = 0.5 * (k + 1), k

    truth = series(edit=edit)
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)


# ----------------------------------------------------------------------------------------------- workers
@pytest.mark.parametrize("workers", [1, 2, 5, 64])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
def test_any_number_of_workers_gives_the_same(series: Write, workers: int, syntax: str) -> None:
    truth = series(count=23, syntax=syntax, RescaleIntercept=-7)
    np.testing.assert_array_equal(vdl.load(truth.folder, workers=workers).frames, truth.frames)
    assert list_threads() == []


# -------------------------------------------------------------------------------------------------- wrong options
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"order": "name"}, "order must be one of 'position', 'natural', 'given', not a str of 4 characters"),
        ({"irregular": True}, "irregular must be one of 'raise', 'resample', 'keep', not True"),
        (
            {"engine": "itk"},
            "engine must be one of 'auto', 'direct', 'codec', 'vtk', 'pydicom', not a str of 3",
        ),
        ({"verify": False}, "verify must be one of 'probe', 'all', 'none', not False"),
        ({"tolerance": 0}, "tolerance must lie between 0 and 1"),
        ({"tolerance": 2}, "tolerance must lie between 0 and 1"),
        ({"workers": 0}, "workers must be 1 or more"),
        ({"max_bytes": 0}, "max_bytes must be positive"),
    ],
)
def test_a_wrong_option_lists_the_right_ones_before_anything_is_read(options: dict[str, Any], words: str) -> None:
    for load in (vdl.load, vdl.load_all):
        with pytest.raises(ValueError, match=re.escape(words)) as caught:
            load("/no/such/folder", **options)
        assert not isinstance(caught.value, vdl.DicomLoadError)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tolerance": None}, "tolerance must be a number, not None"),
        ({"workers": "2"}, "workers must be a whole number, not a str of 1 character"),
        ({"workers": 1.5}, "workers must be a whole number, not 1.5"),
        ({"max_bytes": "2 GB"}, "max_bytes must be a number, not a str of 4 characters"),
        ({"progress": 5}, "progress must be callable, not 5"),
    ],
)
def test_an_option_of_a_wrong_type_says_so_before_anything_is_read(options: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=re.escape(words)):
        vdl.load("/no/such/folder", **options)


def test_numbers_of_numpy_are_numbers(series: Write) -> None:
    truth = series()
    volume = vdl.load(truth.folder, tolerance=np.float32(0.02), workers=np.int64(2), max_bytes=np.int64(2**30))
    np.testing.assert_array_equal(volume.frames, truth.frames)


def test_an_unknown_option_is_a_type_error(series: Write) -> None:
    truth = series()
    for load in (vdl.load, vdl.load_all):
        with pytest.raises(TypeError, match="colour"):
            load(truth.folder, colour="blue")


# --------------------------------------------------------------------------------------------- damage and ignore
@pytest.fixture
def damaged(series: Write) -> tuple[Truth, Path]:
    """A series of five slices with a cut-off file beside them."""
    truth = series()
    bad = truth.folder / "cut.dcm"
    bad.write_bytes(truth.files[0].read_bytes()[:-10])
    return truth, bad


def test_a_damaged_file_is_never_dropped_in_silence(damaged: tuple[Truth, Path]) -> None:
    truth, bad = damaged
    for load in (vdl.load, vdl.load_all):
        with pytest.raises(vdl.CorruptFileError, match=r"cut\.dcm.*truncated.*→ get the file again, or ignore=\[") as e:
            load(truth.folder)
        assert e.value.files == (str(bad),)
        assert isinstance(e.value, ValueError)


@pytest.mark.parametrize(
    "ignore",
    [
        lambda bad: [bad],
        lambda bad: [str(bad)],
        str,
        lambda bad: bad,
        lambda bad: {str(bad)},
        lambda bad: (p for p in [bad]),
        lambda bad: lambda path: path.endswith("cut.dcm"),
        lambda bad: [bad.parent / "." / bad.name, "elsewhere.dcm"],
    ],
    ids=["Path", "str", "one str", "one Path", "set", "generator", "callable", "spelt otherwise"],
)
def test_ignore(damaged: tuple[Truth, Path], ignore: Callable[[Path], Any]) -> None:
    truth, bad = damaged
    with pytest.warns(vdl.DicomLoadWarning, match=r"1 file left out, as ignore= says: cut\.dcm"):
        volume = vdl.load(truth.folder, ignore=ignore(bad))
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert volume.ignored == (str(bad),)
    assert "1 file" in repr(volume)
    with pytest.warns(vdl.DicomLoadWarning, match=r"1 file left out, as ignore= says: cut\.dcm"):
        (again,) = vdl.load_all(truth.folder, ignore=ignore(bad))
    assert again.ignored == (str(bad),)


def test_ignore_by_a_relative_path(damaged: tuple[Truth, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    truth, _ = damaged
    monkeypatch.chdir(truth.folder)
    for source, ignore in ((truth.folder, "cut.dcm"), (".", truth.folder / "cut.dcm")):
        with pytest.warns(vdl.DicomLoadWarning, match="left out"):
            np.testing.assert_array_equal(vdl.load(source, ignore=[ignore]).frames, truth.frames)


def test_ignoring_a_slice_makes_a_hole(series: Write) -> None:
    truth = series()
    with pytest.raises(vdl.MissingSliceError):
        vdl.load(truth.folder, ignore=[truth.files[2]])


def test_everything_ignored(series: Write) -> None:
    truth = series()
    with pytest.raises(vdl.NoDicomError, match=r"all 5 DICOM files of .* are ignored"):
        vdl.load(truth.folder, ignore=truth.files)
    with pytest.raises(vdl.NoDicomError, match="every file of #1 CT series 1 is ignored"):
        vdl.scan(truth.folder)[0].load(ignore=lambda path: True)


def test_several_damaged_files_are_counted_and_the_hint_works(damaged: tuple[Truth, Path]) -> None:
    truth, bad = damaged
    others = [truth.folder / f"cut{k}.dcm" for k in range(4)]
    for path in others:
        path.write_bytes(bad.read_bytes()[:400])
    with pytest.raises(vdl.CorruptFileError, match=r"5 files cannot be read \(cut.*\.dcm, .* and 2 more\)") as caught:
        vdl.load(truth.folder)
    assert set(caught.value.files) == {str(bad), *map(str, others)}
    assert str(caught.value).endswith(' → get the files again, or ignore="damaged"')
    with pytest.warns(vdl.DicomLoadWarning, match=r"5 files left out, damaged: cut.*\.dcm, .* and 2 more"):
        volume = vdl.load(truth.folder, **caught.value.remedies[1].options)
    assert set(volume.ignored) == set(caught.value.files)
    np.testing.assert_array_equal(volume.frames, truth.frames)


# -------------------------------------------------------------------------------------------------------- memory
def test_too_large_a_volume_is_refused(series: Write) -> None:
    truth = series()
    with pytest.raises(vdl.DicomLoadError, match=r"5×6×8 int16 needs .* MiB, more than .* → max_bytes=480"):
        vdl.load(truth.folder, max_bytes=479)
    np.testing.assert_array_equal(vdl.load(truth.folder, max_bytes=480).frames, truth.frames)


def test_by_default_the_limit_is_what_memory_there_is(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series()
    monkeypatch.setattr(read, "_SMALL_BYTES", 0)
    monkeypatch.setattr(read, "measure_usable_bytes", lambda: 450)
    with pytest.raises(vdl.DicomLoadError, match="max_bytes"):
        vdl.load(truth.folder)
    monkeypatch.setattr(read, "measure_usable_bytes", lambda: 480)
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)


def test_a_resampled_volume_has_a_limit_too(series: Write) -> None:
    truth = series(count=3, edit=lambda d, k: setattr(d, "ImagePositionPatient", [0, 0, [0, 1, 50][k]]))
    with pytest.raises(vdl.DicomLoadError, match="51×6×8 int16 needs"):
        vdl.load(truth.folder, irregular="resample", max_bytes=2_000)


def test_an_absurd_size_takes_no_memory(series: Write) -> None:
    truth = series(count=1, edit=lambda d, k: setattr(d, "Rows", 65535) or setattr(d, "Columns", 65535))
    tracemalloc.start()
    try:
        with pytest.raises(vdl.CorruptFileError, match="less than the 8589672450"):
            vdl.load(truth.folder)
        assert tracemalloc.get_traced_memory()[1] < 5 << 20
    finally:
        tracemalloc.stop()


# ------------------------------------------------------------------------------------------------------- progress
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("options", [{}, {"syntax": RLELossless}], ids=["native", "compressed"])
@pytest.mark.parametrize("engine", ["auto", "pydicom"])
def test_progress_counts_every_frame_once(series: Write, options: dict[str, Any], engine: str, workers: int) -> None:
    truth = series(count=20, **options)
    calls: list[tuple[int, int]] = []
    vdl.load(
        truth.folder,
        engine=engine,
        workers=workers,
        verify="all",
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(k + 1, 20) for k in range(20)]


def test_progress_through_vtk(series: Write) -> None:
    calls: list[tuple[int, int]] = []
    truth = series()
    vdl.load(truth.folder, engine="vtk", progress=lambda done, total: calls.append((done, total)))
    assert calls == [(k + 1, 5) for k in range(5)]


def test_progress_comes_from_the_calling_thread(series: Write) -> None:
    threads: set[threading.Thread] = set()
    vdl.load(series(count=20).folder, workers=4, progress=lambda *_: threads.add(threading.current_thread()))
    assert threads == {threading.current_thread()}


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError, SystemExit])
@pytest.mark.parametrize("workers", [1, 4])
def test_an_exception_from_progress_ends_the_load(series: Write, kind: type[BaseException], workers: int) -> None:
    truth = series(count=200, rows=2, columns=2)
    calls = 0

    def stop(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        raise kind

    with pytest.raises(kind):
        vdl.load(truth.folder, workers=workers, progress=stop)
    assert calls == 1
    assert list_threads() == []
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)


# ------------------------------------------------------------------------------------------------ checks and guards
def _checks(volume: vdl.Volume) -> dict[str, str]:
    return dict(volume.checks)


def test_verify_says_what_was_compared(series: Write) -> None:
    truth = series()
    results = {mode: _checks(vdl.load(truth.folder, verify=mode)) for mode in ("probe", "all", "none")}
    assert results["probe"]["second reader"] == "1 of 5 frames equal to vtk"
    assert results["all"]["second reader"] == "5 of 5 frames equal to vtk"
    assert results["none"]["second reader"] == "not asked for"
    assert all(r["zero guard"] == "0 of 5 slices are blank, as in the files" for r in results.values())
    volume = vdl.load(truth.folder, engine="vtk", verify="all")
    assert _checks(volume)["second reader"] == "5 of 5 frames equal to direct"
    assert "agree with vtkDICOMImageReader" in _checks(volume)["vtk"]


def test_files_that_are_unsafe_for_vtk_are_verified_by_pydicom(series: Write) -> None:
    volume = vdl.load(series(syntax=ExplicitVRBigEndian).folder, verify="all")
    assert _checks(volume)["second reader"] == "5 of 5 frames equal to pydicom"


def _lying(fill: Callable[..., Any], change: Callable[[np.ndarray, Any], None]) -> Callable[..., Any]:
    def fill_and_change(frames: Any, conversion: Any, out: np.ndarray, *rest: Any) -> Any:
        result = fill(frames, conversion, out, *rest)
        change(out, frames)
        return result

    return fill_and_change


def _one_pixel(out: np.ndarray, _: Any) -> None:
    out[len(out) // 2, 4, 2] += 1


@pytest.mark.parametrize("verify", ["probe", "all"])
def test_a_reader_that_lies_is_found_out(series: Write, monkeypatch: pytest.MonkeyPatch, verify: str) -> None:
    truth = series()
    monkeypatch.setattr(direct, "fill", _lying(direct.fill, _one_pixel))
    with pytest.raises(vdl.ReaderMismatchError) as caught:
        vdl.load(truth.folder, verify=verify)
    right = int(truth.frames[2, 4, 2])
    assert str(caught.value).startswith(
        f"two readers disagree about 1 of 48 pixels of 1-3.dcm: direct has {right + 1}, vtk {right} at row 4, column 2"
    )
    assert caught.value.files == (str(truth.files[2]),)


def test_all_finds_what_the_probe_does_not_see(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series()

    def first_slice(out: np.ndarray, frames: Any) -> None:
        if frames[0].path == str(truth.files[0]):
            out[0, 0, 0] += 1

    monkeypatch.setattr(direct, "fill", _lying(direct.fill, first_slice))
    assert not np.array_equal(vdl.load(truth.folder, verify="probe").frames, truth.frames)
    with pytest.raises(vdl.ReaderMismatchError, match=r"1-1\.dcm"):
        vdl.load(truth.folder, verify="all")


@pytest.mark.parametrize("module", [codec, plain])
def test_a_decoder_that_lies_is_found_out(series: Write, monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    truth = series(syntax=RLELossless)
    monkeypatch.setattr(module, "fill", _lying(module.fill, _one_pixel))
    with pytest.raises(vdl.ReaderMismatchError, match="1 of 48 pixels"):
        vdl.load(truth.folder)


@pytest.mark.parametrize("verify", ["probe", "none"])
def test_a_reader_that_leaves_zeros_is_found_out(series: Write, monkeypatch: pytest.MonkeyPatch, verify: str) -> None:
    truth = series()

    def leave(out: np.ndarray, frames: Any) -> None:
        if len(frames) == 5:
            out[1] = 0

    monkeypatch.setattr(direct, "fill", _lying(direct.fill, leave))
    with pytest.raises(vdl.ZeroPixelDataError, match=r'direct gave zeros for 1-2\.dcm .* → engine="pydicom"') as caught:
        vdl.load(truth.folder, verify=verify)
    assert caught.value.files == (str(truth.files[1]),)
    monkeypatch.undo()
    np.testing.assert_array_equal(vdl.load(truth.folder, engine="pydicom").frames, truth.frames)


def test_zeros_beside_one_pixel_are_no_blank_slice(series: Write) -> None:
    def corner(dataset: Dataset, k: int) -> None:
        dataset.PixelData = bytes(94) + bytes([k, 0])

    truth = series(edit=corner)
    volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert _checks(volume)["zero guard"] == "1 of 5 slices are blank, as in the files"


@pytest.mark.parametrize(
    ("word", "intercept"),
    [(b"\0\0", 0), (b"\0\0", -1024), (b"\0\4", -1024), (b"\0\4", 0)],
    ids=["blank", "blank, air", "1024 made 0", "1024"],
)
def test_a_blank_image_is_no_fault(series: Write, word: bytes, intercept: int) -> None:
    truth = series(RescaleIntercept=intercept, edit=lambda d, k: setattr(d, "PixelData", word * 48) if k != 1 else None)
    for engine in ("auto", "vtk", "pydicom"):
        np.testing.assert_array_equal(vdl.load(truth.folder, engine=engine).frames, truth.frames)
    blank = 4 if truth.frames[0].max() == 0 else 0
    assert _checks(vdl.load(truth.folder))["zero guard"].startswith(f"{blank} of 5 slices are blank")


def test_blank_compressed_slices_load(series: Write) -> None:
    truth = series(syntax=RLELossless, edit=lambda d, k: setattr(d, "PixelData", bytes(96)))
    volume = vdl.load(truth.folder)
    assert not volume.frames.any()
    assert volume.frames.shape == (5, 6, 8)


# ---------------------------------------------------------------------------------------------------- what comes out
def test_load_all_gives_every_volume_in_list_order(series: Write, tmp_path: Path) -> None:
    truths = [series(f"{n}", seed=n, count=n) for n in (3, 2, 4)]
    volumes = vdl.load_all(tmp_path)
    assert [v.series.number for v in volumes] == [2, 3, 4]
    for volume in volumes:
        truth = next(t for t in truths if t.series_uid == volume.series.uid)
        np.testing.assert_array_equal(volume.frames, truth.frames)
        assert volume.frames.flags.c_contiguous


def test_load_all_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(vdl.NoDicomError):
        vdl.load_all(tmp_path)


def test_the_frames_of_the_volume_are_those_of_its_series(series: Write) -> None:
    truth = series(names=["e", "d", "c", "b", "a"])
    volume = vdl.load(truth.folder)
    assert [f.path for f in volume.series.frames] == [str(p) for p in truth.files]
    again = volume.series.load()
    np.testing.assert_array_equal(again.frames, truth.frames)


def test_warnings_point_at_the_caller(series: Write) -> None:
    truth = series(PixelSpacing=None)
    (found,) = vdl.scan(truth.folder)
    for load in (vdl.load, vdl.load_all, vdl.Series.load):
        with pytest.warns(vdl.DicomLoadWarning) as warned:
            load(found)
        assert [w.filename for w in warned] == [__file__], load


def test_errors_survive_pickling(damaged: tuple[Truth, Path]) -> None:
    truth, bad = damaged
    with pytest.raises(vdl.CorruptFileError) as caught:
        vdl.load(truth.folder)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.files) == (vdl.CorruptFileError, str(caught.value), (str(bad),))


def test_the_error_with_a_list_survives_pickling(series: Write, tmp_path: Path) -> None:
    series("a", seed=1)
    series("b", seed=2)
    with pytest.raises(vdl.MultipleSeriesError) as caught:
        vdl.load(tmp_path)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert [s.uid for s in again.scan] == [s.uid for s in caught.value.scan]


def test_no_identity_in_errors_and_volumes(damaged: tuple[Truth, Path]) -> None:
    truth, bad = damaged
    with pytest.raises(vdl.CorruptFileError) as caught:
        vdl.load(truth.folder)
    with pytest.warns(vdl.DicomLoadWarning, match="left out"):
        volume = vdl.load(truth.folder, ignore=[bad])
    for shown in (str(caught.value), repr(caught.value), repr(volume), repr(volume.series), repr(volume.checks)):
        assert not re.search("Secret|SECRET|19700102", shown)


def test_resampling_needs_the_order_of_positions(series: Write) -> None:
    with pytest.raises(ValueError, match=r'irregular="resample" needs order="position", not order=\'natural\''):
        vdl.load(series().folder, irregular="resample", order="natural")


def test_an_unusable_orientation_is_refused_with_a_way_past_it(series: Write) -> None:
    truth = series(edit=lambda d, k: setattr(d, "ImageOrientationPatient", [1, 0, 0, 1, 0, 0]))
    with pytest.raises(vdl.GeometryError, match=r'row and column are not orthogonal .* → order="natural"'):
        vdl.load(truth.folder)
    with pytest.warns(vdl.DicomLoadWarning, match="no place in the patient|taken for the distance"):
        volume = vdl.load(truth.folder, order="natural")
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert volume.affine is None


def test_an_error_of_load_all_says_in_which_series(series: Write) -> None:
    whole, holed = series("a/whole", SeriesInstanceUID="1.2.1"), series("a/holed", SeriesInstanceUID="1.2.2", count=9)
    holed.files[4].unlink()
    with pytest.raises(vdl.MissingSliceError) as caught:
        vdl.load_all(whole.folder.parent)
    (note,) = caught.value.__notes__
    assert note.startswith(f"in [{[s.uid for s in vdl.scan(whole.folder.parent)].index('1.2.2')}] ")
