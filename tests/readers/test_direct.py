"""The direct reader: every format gives the values that numpy computes in float64, and every engine the same."""

from __future__ import annotations

import os
import threading
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hangs import list_threads
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless
from synthetic import Truth, padded, raw_image

import vtkdicomload as vdl
from vtkdicomload import CorruptFileError, DicomLoadWarning, UnsupportedPixelDataError
from vtkdicomload._util.threads import for_each
from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.parser import read_header
from vtkdicomload.readers import direct, vtk
from vtkdicomload.readers.dtype import Conversion, choose_conversion
from vtkdicomload.sources.local import LocalFile, as_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    from vtkdicomload.headers.model import Frame

    Write = Callable[..., Truth]
    Pixels = np.ndarray[Any, Any]

SYNTAXES = ("1.2.840.10008.1.2.1", ImplicitVRLittleEndian, ExplicitVRBigEndian)
SHAPES = ((1, 1), (1, 9), (9, 1), (7, 5), (6, 8), (33, 17))
SLOPES = (1, 1, 1, 0.5, 2, -1, 0.1206, 21.276, 3, -0.25)
INTERCEPTS = (0, 0, -1024, 1, -1, -40000, 100000, 3e10, 0.5, -3.75)


# ------------------------------------------------------------------------------------------------------ all formats
def expected_dtype(stored: Pixels, values: Pixels, bits: int, transforms: list[tuple[float, float]]) -> Any:
    """DESIGN's table, from the true values alone."""
    size = stored.dtype.itemsize
    if any(not float(x).is_integer() for pair in transforms for x in pair):
        return np.float64 if size >= 4 else np.float32
    if size >= 4 and all(pair == (1, 0) for pair in transforms):
        return stored.dtype
    signed = stored.dtype.kind == "i" or any(slope < 0 or intercept < 0 for slope, intercept in transforms)
    first = np.uint8 if size == 1 else np.int32 if size >= 4 else np.int16 if signed else np.uint16
    for dtype in (first, np.int32):
        limits = np.iinfo(dtype)
        if limits.min <= values.min() and values.max() <= limits.max:
            return dtype
    return np.float64


def random_series(series: Write, seed: int, **options: Any) -> tuple[Truth, Pixels, list[tuple[float, float]], int]:
    """A series of random format, its true stored values, and slope and intercept of each slice."""
    chance = np.random.default_rng(seed)
    dtype = np.dtype(chance.choice(["u1", "i1", "u2", "i2", "u2", "i2", "u4", "i4"]))
    allocated = dtype.itemsize * 8
    bits = int(chance.choice([allocated, allocated, max(2, allocated - 4), allocated // 2 + 1]))
    rows, columns = SHAPES[chance.integers(len(SHAPES))]
    count = int(chance.integers(2, 5))
    each = bool(chance.random() < 0.3)
    pick = [(float(chance.choice(SLOPES)), float(chance.choice(INTERCEPTS))) for _ in range(count)]
    transforms = pick if each else pick[:1] * count
    syntax = str(chance.choice(SYNTAXES))
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    low, high = (-(1 << bits - 1), 1 << bits - 1) if dtype.kind == "i" else (0, 1 << bits)
    part = float(chance.choice([1.0, 0.01]))  # the whole range, or values near zero
    stored = chance.integers(int(low * part), max(int(high * part), 1), (count, rows, columns)).astype(dtype)
    unsigned = np.dtype(f"u{dtype.itemsize}")
    garbage = chance.integers(0, 1 << allocated, stored.shape, np.uint64).astype(unsigned)
    mask = unsigned.type((1 << bits) - 1)
    words = (stored.view(unsigned) & mask) | (garbage & ~mask) if chance.random() < 0.5 else stored.view(unsigned)

    def edit(dataset: Dataset, k: int) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = (f"{x:.10g}" for x in transforms[k])
        dataset.PixelData = padded(words[k].astype(unsigned.newbyteorder(order)).tobytes())

    shape = {"count": count, "rows": rows, "columns": columns, "dtype": dtype, "BitsStored": bits}
    return series(str(seed), **shape, syntax=syntax, edit=edit, **options), stored, transforms, bits


@pytest.mark.parametrize("seed", range(60))
def test_every_format_gives_the_true_values(series: Write, seed: int) -> None:
    truth, stored, transforms, bits = random_series(series, seed)
    values = np.array([s.astype(np.float64) * a + b for s, (a, b) in zip(stored, transforms, strict=True)])
    volume = vdl.load(truth.folder, engine="direct", verify="none")
    assert volume.dtype == expected_dtype(stored, values, bits, transforms)
    if volume.dtype == np.float32:
        np.testing.assert_array_equal(volume.frames, values.astype(np.float32))
    else:
        np.testing.assert_array_equal(volume.frames, values)
    plain = vdl.load(truth.folder, engine="pydicom", verify="none")
    assert plain.dtype == volume.dtype
    assert plain.frames.tobytes() == volume.frames.tobytes()
    raw = vdl.load(truth.folder, rescale=False, verify="none")
    assert raw.dtype == stored.dtype
    np.testing.assert_array_equal(raw.frames, stored)


@pytest.mark.parametrize("seed", range(60, 110))
def test_vtk_gives_the_same_where_it_does_not_refuse(series: Write, seed: int) -> None:
    truth, *_ = random_series(series, seed)
    volume = vdl.load(truth.folder, engine="direct", verify="none")
    frames = list(volume.series.frames)
    conversion = Conversion(volume.dtype, rescale=True, checked=True)
    if vtk.refusal(frames, conversion):
        with pytest.raises(UnsupportedPixelDataError, match="1-"):
            vdl.load(truth.folder, engine="vtk", verify="none")
        return
    theirs = vdl.load(truth.folder, engine="vtk", verify="none")
    assert theirs.dtype == volume.dtype
    if volume.dtype.kind == "f":  # VTK computes in float32 what others do in float64
        np.testing.assert_allclose(theirs.frames, volume.frames, rtol=1e-6, atol=1e-6)
    else:
        np.testing.assert_array_equal(theirs.frames, volume.frames)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("syntax", SYNTAXES[:2])
@pytest.mark.parametrize(
    ("dtype", "slope", "intercept"),
    [
        (np.uint8, 1, 0),
        (np.uint16, 1, 0),
        (np.uint16, 1, -1024),
        (np.int16, 1, 0),
        (np.int16, 2, -7),
        (np.int16, -1, 3),
    ],
)
def test_vtk_agrees_about_ordinary_files(
    series: Write, dtype: Any, slope: int, intercept: int, syntax: str, shape: tuple[int, int]
) -> None:
    values = np.random.default_rng(5).integers(0, 200, (3, *shape)).astype(dtype)
    options = {"count": 3, "rows": shape[0], "columns": shape[1], "dtype": dtype, "syntax": syntax}
    truth = series(
        **options,
        RescaleSlope=slope,
        RescaleIntercept=intercept,
        edit=lambda d, k: setattr(d, "PixelData", padded(values[k].tobytes())),
    )
    expected = values.astype(np.int64) * slope + intercept
    for engine in ("vtk", "direct"):
        volume = vdl.load(truth.folder, engine=engine, verify="all")
        np.testing.assert_array_equal(volume.frames, expected)


@pytest.mark.parametrize(("tag", "vr", "dtype"), [(0x7FE00008, "OF", "<f4"), (0x7FE00009, "OD", "<f8")])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (2, -40000), (0.1206, 3)])
def test_float_pixel_data_is_read(
    tmp_path: Path, tag: int, vr: str, dtype: str, big: bool, slope: float, intercept: float
) -> None:
    pixels = np.array([[0.0, -1.5, 1e-30], [3.25e30, np.inf, -0.0]], dtype)
    order = ">" if big else "<"
    us = lambda n: n.to_bytes(2, "big" if big else "little")  # noqa: E731
    path = tmp_path / "float.dcm"
    path.write_bytes(
        raw_image(
            *((0x7FE00010, None), (0x00280101, None), (0x00280102, None), (0x00280103, None)),
            (0x00280100, "US", us(np.dtype(dtype).itemsize * 8)),
            (0x00180050, "DS", b"2 "),
            (0x00281052, "DS", padded(str(intercept).encode(), b" ")),
            (0x00281053, "DS", padded(str(slope).encode(), b" ")),
            (tag, vr, pixels.astype(np.dtype(dtype).newbyteorder(order)).tobytes()),
            big_endian=big,
        )
    )
    expected = pixels.astype(np.float64) * slope + intercept
    if (slope, intercept) == (1, 0):
        expected = pixels
    for engine in ("direct", "pydicom"):
        volume = vdl.load(path, engine=engine, verify="none")
        assert volume.dtype == (pixels.dtype if expected is pixels else np.float64)
        np.testing.assert_array_equal(volume.frames[0], expected)


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (7, 5), (6, 8)])
def test_colour_planes_and_triples(series: Write, shape: tuple[int, int], dtype: Any, syntax: str, planar: int) -> None:
    rows, columns = shape
    pixels = np.random.default_rng(3).integers(0, np.iinfo(dtype).max, (2, *shape, 3)).astype(dtype)
    order = ">" if syntax == ExplicitVRBigEndian else "<"

    def edit(dataset: Dataset, k: int) -> None:
        dataset.PlanarConfiguration = planar
        words = pixels[k].transpose(2, 0, 1) if planar else pixels[k]
        dataset.PixelData = padded(words.astype(np.dtype(dtype).newbyteorder(order)).tobytes())

    options = {"count": 2, "rows": rows, "columns": columns, "dtype": dtype, "SamplesPerPixel": 3, "syntax": syntax}
    folder = series(**options, edit=edit).folder
    for engine in ("direct", "pydicom"):
        volume = vdl.load(folder, engine=engine, verify="none")
        assert volume.dtype == dtype
        np.testing.assert_array_equal(volume.frames, pixels)


@pytest.mark.parametrize("name", ["small_ct", "mr_plain4", "slope_per_slice", "mr_small_slope", "mono1"])
def test_real_series_are_bit_identical_to_pydicoms(data: Path, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DicomLoadWarning)
        ours, theirs = (vdl.load(data / name, engine=e, verify="none") for e in ("direct", "pydicom"))
    assert ours.frames.tobytes() == theirs.frames.tobytes()
    assert ours.dtype == theirs.dtype


def test_frames_of_one_file_are_found_at_their_offsets(data: Path) -> None:
    for name in ("rtdose_32bit/rtdose.dcm", "enh_mr_phase/0001.dcm"):
        ours, theirs = (vdl.load(data / name, engine=e, verify="none") for e in ("direct", "pydicom"))
        assert len(ours.frames) > 10
        assert ours.frames.tobytes() == theirs.frames.tobytes()


# ------------------------------------------------------------------------------------------------------ ways to read
def scanned(truth: Truth) -> list[Frame]:
    return [make_frames(read_header(f))[0] for f in truth.files]


def filled(frames: list[Frame], workers: int | None = None) -> Pixels:
    conversion = choose_conversion(frames, rescale=True)
    out = np.full((len(frames), frames[0].header.rows, frames[0].header.columns), 77, conversion.dtype)
    steps: list[int] = []
    assert direct.fill(frames, conversion, out, lambda: steps.append(1), workers) == ()
    assert len(steps) == len(frames)
    return out


@pytest.mark.parametrize("workers", [None, 1, 2, 8, 50])
def test_any_number_of_workers_gives_the_same(series: Write, workers: int | None) -> None:
    truth = series(count=23, rows=40, columns=50, RescaleIntercept=-1024)
    np.testing.assert_array_equal(filled(scanned(truth), workers), truth.frames)


def test_a_large_series_is_read_in_threads(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series(count=5)
    names: set[str] = set()
    read_into = LocalFile.read_into

    def watched(*args: Any) -> None:
        names.add(threading.current_thread().name)
        read_into(*args)

    monkeypatch.setattr(LocalFile, "read_into", watched)
    np.testing.assert_array_equal(filled(scanned(truth)), truth.frames)
    assert names == {threading.current_thread().name}
    names.clear()
    monkeypatch.setattr(direct, "_INLINE_BYTES", 100)
    np.testing.assert_array_equal(filled(scanned(truth)), truth.frames)
    assert len(names - {threading.current_thread().name}) >= 1  # the first frame is read here: it tells how many help


def test_files_from_storage_are_read_in_more_threads(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series(count=40)
    asked: list[int | None] = []

    def choose(sample: Callable[[], None]) -> int:
        sample()
        return 8

    def run(count: int, work: Callable[[int], None], step: Callable[[], None], workers: int | None) -> None:
        asked.append(workers)
        for_each(count, work, step, workers)

    monkeypatch.setattr(direct, "choose_threads", choose)
    monkeypatch.setattr(direct, "for_each", run)
    monkeypatch.setattr(direct, "_INLINE_BYTES", 100)
    np.testing.assert_array_equal(filled(scanned(truth)), truth.frames)
    np.testing.assert_array_equal(filled(scanned(truth), 3), truth.frames)
    assert asked == [8, 3]


@pytest.mark.parametrize("slope", [1, 2])
@pytest.mark.parametrize("step", [(-1, -1), (1, -1), (1, 1)])
def test_a_buffer_of_any_strides_is_filled_with_the_same_values(
    series: Write, slope: int, step: tuple[int, int]
) -> None:
    truth = series(count=5, rows=7, columns=9, RescaleSlope=slope, RescaleIntercept=-1024)
    frames = scanned(truth)
    conversion = choose_conversion(frames, rescale=True)
    out = np.full((5, 7, 9), 77, conversion.dtype)[:: step[0], :: step[1]]
    direct.fill(frames, conversion, out, lambda: None)
    np.testing.assert_array_equal(out, truth.frames)


def test_words_of_the_same_size_and_another_kind_are_converted(series: Write) -> None:
    truth = series(dtype=np.int32, BitsStored=32)
    frames = scanned(truth)
    out = np.empty(truth.frames.shape, np.float32)
    direct.fill(frames, Conversion(out.dtype, rescale=True, checked=False), out, lambda: None)
    np.testing.assert_array_equal(out, truth.frames.astype(np.float32))


def test_frames_may_be_asked_for_in_any_order(series: Write) -> None:
    truth = series(count=7)
    frames = scanned(truth)
    order = [5, 0, 6, 2, 2]
    np.testing.assert_array_equal(filled([frames[k] for k in order]), truth.frames[order])


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_portable_path_gives_the_same(series: Write, monkeypatch: pytest.MonkeyPatch, syntax: str) -> None:
    truth = series(syntax=syntax, RescaleSlope=0.5)
    monkeypatch.delattr(os, "preadv")
    for workers in (1, 3):
        np.testing.assert_array_equal(filled(scanned(truth), workers), truth.frames)


def test_the_portable_path_notices_a_short_file(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = scanned(series())
    monkeypatch.delattr(os, "preadv")
    short = [f._replace(length=f.length + 1000) for f in frames]
    with pytest.raises(CorruptFileError, match="96 of 1096 bytes"):
        filled(short)


def test_reads_in_pieces_are_put_together(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series(rows=40, columns=50)
    real = os.preadv
    monkeypatch.setattr(os, "preadv", lambda fd, buffers, at: real(fd, [buffers[0][:301]], at))
    np.testing.assert_array_equal(filled(scanned(truth)), truth.frames)


def shrink(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def vanish(path: Path) -> None:
    path.unlink()


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0" * 8)


def replace(path: Path) -> None:
    """Another file of the same size."""
    status = path.stat()
    path.write_bytes(bytes(status.st_size))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("change", [shrink, vanish, grow, replace, pipe, folder])
def test_a_file_changed_since_the_scan_is_named(series: Write, change: Callable[[Path], None], workers: int) -> None:
    if change is pipe and not hasattr(os, "mkfifo"):
        pytest.skip("no FIFOs here")
    truth = series(count=12)
    frames = scanned(truth)
    change(truth.files[7])
    with pytest.raises(CorruptFileError, match="since it was scanned") as caught:
        filled(frames, workers)
    assert str(truth.files[7]) in str(caught.value)
    assert caught.value.files == (str(truth.files[7]),)
    assert list_threads() == []


def test_a_file_cut_behind_the_status_is_noticed(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series()
    frames = scanned(truth)
    shrink(truth.files[2])
    with as_file(truth.files[2]).open() as now:
        frames[2] = frames[2]._replace(header=frames[2].header._replace(file=now.file))
    with pytest.raises(CorruptFileError, match="76 of 96 bytes"):
        filled(frames)


def test_an_error_of_the_progress_ends_the_reading(series: Write) -> None:
    frames = scanned(series(count=12))
    conversion = choose_conversion(frames, rescale=True)
    out = np.empty((12, 6, 8), conversion.dtype)

    def stop() -> None:
        raise KeyboardInterrupt

    for workers in (1, 4):
        with pytest.raises(KeyboardInterrupt):
            direct.fill(frames, conversion, out, stop, workers)


# ------------------------------------------------------------------------------------------------------ refusals
def test_what_is_not_simply_stored_is_refused(series: Write, data: Path) -> None:
    rescale, stored = (Conversion(np.dtype(np.int16), rescale=r, checked=False) for r in (True, False))

    def reason(frames: list[Frame], conversion: Conversion = rescale) -> str:
        return direct.refusal(frames, conversion) or ""

    plain = scanned(series("plain"))
    assert direct.refusal(plain, rescale) is None
    for syntax in (RLELossless, DeflatedExplicitVRLittleEndian):
        frames = scanned(series(syntax, syntax=syntax))
        assert frames[0].path in reason(frames)
        assert "not native" in reason([*plain, *frames])
    lut = [f._replace(header=f.header._replace(has_modality_lut=True)) for f in plain]
    assert "modality LUT" in reason(lut)
    assert direct.refusal(lut, stored) is None
    assert "single bits" in reason(list(make_frames(read_header(data / "seg_1bit" / "seg_16x16.dcm"))))
    ybr = [f._replace(header=f.header._replace(photometric_interpretation="YBR_FULL")) for f in plain]
    assert "YBR_FULL" in reason(ybr)
