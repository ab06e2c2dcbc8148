"""``out=``: the volume lies in the caller's memory, which is refused before a pixel is read where it does not fit."""

from __future__ import annotations

from multiprocessing.shared_memory import SharedMemory
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.uid import RLELossless

import vtkdicomload as vdl
from vtkdicomload import DicomLoadError, DicomLoadWarning
from vtkdicomload.errors.remedies import SetOption
from vtkdicomload.sources.local import LocalFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]
    Memory = np.ndarray[Any, Any]


@pytest.mark.parametrize("engine", ["direct", "codec", "vtk", "pydicom"])
@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_the_frames_are_the_callers_array(series: Write, engine: str, dtype: str) -> None:
    truth = series(RescaleIntercept=-100, **({"syntax": RLELossless} if engine == "codec" else {}))
    out = np.full(truth.frames.shape, 77, dtype)
    volume = vdl.load(truth.folder, out=out, dtype=dtype, engine=engine, verify="all")
    assert volume.frames is out
    np.testing.assert_array_equal(out, truth.frames)
    assert np.shares_memory(volume.array, out)
    out[2, 3, 4] = 1234
    assert volume.image.GetScalarComponentAsDouble(4, 3, 2, 0) == 1234


def test_one_array_takes_one_volume_after_another(series: Write) -> None:
    truths = [series(str(k), SeriesInstanceUID=f"1.2.{k}", seed=k, RescaleIntercept=-k) for k in range(3)]
    out = np.empty(truths[0].frames.shape, np.int16)
    for truth in truths:
        np.testing.assert_array_equal(vdl.scan(truth.folder)[0].load(out=out).frames, truth.frames)


def test_a_memory_map_is_filled(series: Write, tmp_path: Path) -> None:
    truth = series("series")
    mapped = np.memmap(tmp_path / "volume.raw", np.int16, "w+", shape=truth.frames.shape)
    volume = vdl.load(truth.folder, out=mapped)
    assert np.shares_memory(volume.frames, mapped)
    mapped.flush()
    np.testing.assert_array_equal(np.fromfile(tmp_path / "volume.raw", np.int16), truth.frames.ravel())


def test_shared_memory_is_filled(series: Write) -> None:
    truth = series(dtype=np.uint8, SamplesPerPixel=3)
    shared = SharedMemory(create=True, size=truth.frames.size)
    try:
        out: Memory | None = np.ndarray(truth.frames.shape, np.uint8, shared.buf)
        vdl.load(truth.folder, out=out)
        out = None
        again = SharedMemory(shared.name)
        assert bytes(again.buf[: truth.frames.size]) == truth.frames.astype(np.uint8).tobytes()
        again.close()
    finally:
        shared.close()
        shared.unlink()


def test_interpolated_slices_are_put_there_too(series: Write) -> None:
    def tilt(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [-10, -20 + 2 * k, 30 + 2.5 * k]

    truth = series(edit=tilt)
    with pytest.warns(DicomLoadWarning):
        fresh = vdl.load(truth.folder, irregular="resample")
    out = np.empty(fresh.frames.shape, fresh.dtype)
    with pytest.warns(DicomLoadWarning):
        volume = vdl.load(truth.folder, irregular="resample", out=out)
    assert np.shares_memory(volume.frames, out)
    np.testing.assert_array_equal(out, fresh.frames)


def test_no_more_memory_than_that_is_asked_for(series: Write) -> None:
    truth = series()
    assert vdl.load(truth.folder, out=np.empty(truth.frames.shape, np.int16), max_bytes=1).frames.any()


def readonly(array: Memory) -> Memory:
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda shape: np.empty(shape[::-1], np.int16), "out has the shape 8×6×5, the volume is 5×6×8"),
        (lambda shape: np.empty((*shape, 3), np.int16), "out has the shape 5×6×8×3, the volume is 5×6×8"),
        (lambda shape: np.empty(shape, np.uint16), 'out is uint16, the values are int16 → out= of .* dtype="uint16"'),
        (lambda shape: np.empty(shape, np.int16, order="F"), "out must be C-contiguous"),
        (lambda shape: np.empty(shape, np.int16)[::-1], "out must be C-contiguous"),
        (lambda shape: readonly(np.empty(shape, np.int16)), "out cannot be written to"),
        (lambda shape: np.empty(shape, ">i2"), "out must be of one of int8, .* not >i2"),
        (lambda shape: np.empty(shape, object), "out must be of one of int8, .* not object"),
    ],
)
def test_memory_that_does_not_fit_is_refused_before_a_pixel_is_read(
    series: Write, monkeypatch: pytest.MonkeyPatch, make: Callable[[tuple[int, ...]], Memory], words: str
) -> None:
    truth = series()
    monkeypatch.setattr(LocalFile, "read_into", lambda *_: pytest.fail("a pixel was read"))
    with pytest.raises(ValueError, match=words):
        vdl.load(truth.folder, out=make(truth.frames.shape))


@pytest.mark.parametrize("out", [bytearray(480), [[1]], "volume.raw", 480])
def test_what_is_no_array_is_refused_before_anything_is_read(tmp_path: Path, out: Any) -> None:
    with pytest.raises(TypeError, match="out must be a numpy array, not "):
        vdl.load(tmp_path / "nothing", out=out)


def test_calls_that_load_several_volumes_take_no_memory(series: Write) -> None:
    truth = series()
    options: Any = {"out": np.empty(truth.frames.shape, np.int16)}
    for call in (vdl.load_all, lambda path, **given: vdl.load_many([path], **given)):
        with pytest.raises(TypeError, match="out= is the memory of one volume: load"):
            call(truth.folder, **options)


def test_values_that_do_not_fit_are_an_error_that_names_the_type_that_does(series: Write) -> None:
    truth = series(dtype=np.uint16, RescaleIntercept=-1024, edit=lambda d, k: setattr(d, "PixelData", b"\xff" * 96))
    out = np.empty(truth.frames.shape, np.int16)
    with pytest.raises(
        DicomLoadError, match=r'do not fit int16.*dtype="int32" or "float32" \(with an out= of it\)$'
    ) as e:
        vdl.load(truth.folder, out=out)
    assert e.value.remedies == (SetOption("dtype", ("int32", "float32"), "with an out= of it"),)
    wide = np.empty(truth.frames.shape, np.int32)
    np.testing.assert_array_equal(vdl.load(truth.folder, out=wide, dtype="int32").frames, truth.frames)
