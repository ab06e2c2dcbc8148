"""Images that are read where they are indexed: what is read, and that it is what `load` reads."""

from __future__ import annotations

import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hangs import run_in_fork
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import RLELossless

import vtkdicomload as vdl
from vtkdicomload.loading import lazy as module
from vtkdicomload.loading.lazy import LazyImage, make_lazy
from vtkdicomload.loading.options import Options
from vtkdicomload.loading.plan import plan_volume
from vtkdicomload.readers import pydicom as second
from vtkdicomload.sources.local import LocalHandle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]


def lazy(truth: Truth, dtype: Any = None, **options: Any) -> LazyImage:
    return make_lazy([plan_volume(vdl.scan(truth.folder)[0], Options(dtype=dtype, **options))])


@pytest.fixture
def read_bytes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the pieces that are read from disk."""
    sizes: list[int] = []
    fill, lock = LocalHandle._fill, threading.Lock()

    def count(handle: LocalHandle, buffer: memoryview, offset: int) -> int:
        with lock:
            sizes.append(len(buffer))
        return fill(handle, buffer, offset)

    monkeypatch.setattr(LocalHandle, "_fill", count)
    return sizes


WHOLE = (slice(None),) * 3


def test_nothing_is_read_before_it_is_indexed(series: Write, read_bytes: list[int]) -> None:
    truth = series(RescaleIntercept=-1024)
    image = lazy(truth)
    read_bytes.clear()
    assert (image.shape, image.dtype) == ((5, 6, 8), np.int16)
    assert read_bytes == []
    np.testing.assert_array_equal(image.read(WHOLE), truth.frames)


def test_only_the_frames_and_rows_that_are_asked_for_are_read(series: Write, read_bytes: list[int]) -> None:
    truth = series()
    image = lazy(truth, verify="none")
    read_bytes.clear()
    np.testing.assert_array_equal(image.read((3, slice(None), slice(None))), truth.frames[3])
    assert sum(read_bytes) == 96
    read_bytes.clear()
    np.testing.assert_array_equal(image.read((slice(1, 3), slice(2, 4), slice(None))), truth.frames[1:3, 2:4])
    assert sum(read_bytes) == 2 * 2 * 16
    read_bytes.clear()
    np.testing.assert_array_equal(image.read((slice(None), 5, 7)), truth.frames[:, 5, 7])
    assert sum(read_bytes) == 5 * 16


def keys(n: int) -> st.SearchStrategy[Any]:
    """What one dimension may be indexed by."""
    indices = st.integers(-n, n - 1)
    listed = st.lists(indices, max_size=2 * n).map(lambda found: np.array(found, np.int64))
    return st.one_of(indices, st.slices(n), listed)


@pytest.mark.parametrize("kind", ["direct", "compressed", "colour", "pydicom"])
def test_any_part_is_that_part_of_the_whole(series: Write, kind: str) -> None:
    options: dict[str, Any] = {
        "direct": {"RescaleIntercept": -1024},
        "compressed": {"syntax": RLELossless},
        "colour": {"dtype": np.uint8, "SamplesPerPixel": 3},
        "pydicom": {},
    }[kind]
    truth = series(**options)
    image = lazy(truth, engine="pydicom" if kind == "pydicom" else "auto")

    @given(st.tuples(*map(keys, image.shape)))
    def check(key: tuple[Any, ...]) -> None:
        expected = truth.frames
        for axis in reversed(range(expected.ndim)):  # each dimension by itself
            expected = expected[(slice(None),) * axis + (key[axis],)]
        found = image.read(key)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == image.dtype
        assert np.asarray(found).flags.c_contiguous

    check()


def test_large_frames_are_read_a_few_at_a_time(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH_BYTES", 200)  # two frames
    sizes = []
    read = module.read_frames

    def count(plan: Any, frames: Any, **options: Any) -> Any:
        sizes.append(len(frames))
        return read(plan, frames, **options)

    monkeypatch.setattr(module, "read_frames", count)
    truth = series(syntax=RLELossless)
    np.testing.assert_array_equal(lazy(truth).read((slice(None), slice(None), 3)), truth.frames[:, :, 3])
    assert sizes == [2, 2, 1]


def test_a_part_is_read_by_one_thread_while_another_part_is(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = []
    read = module.read_frames

    def read_another(*arguments: Any, **options: Any) -> Any:
        workers.append(options["workers"])
        if len(workers) == 1:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(image.read, (1, slice(None), slice(None))).result()
        return read(*arguments, **options)

    monkeypatch.setattr(module, "read_frames", read_another)
    truth = series()
    image = lazy(truth, verify="none")
    np.testing.assert_array_equal(image.read((0, slice(None), slice(None))), truth.frames[0])
    np.testing.assert_array_equal(image.read((2, slice(None), slice(None))), truth.frames[2])
    assert workers == [None, 1, None]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_forked_while_a_part_is_read_reads_with_all_threads(
    series: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers, codes = [], []
    read = module.read_frames

    def fork_first(*arguments: Any, **options: Any) -> Any:
        workers.append(options["workers"])
        if len(workers) == 1:
            whole = truth.frames
            codes.append(run_in_fork(lambda: np.array_equal(image.read(WHOLE), whole) and workers == [None, None]))
        return read(*arguments, **options)

    monkeypatch.setattr(module, "read_frames", fork_first)
    truth = series()
    image = lazy(truth, verify="none")
    np.testing.assert_array_equal(image.read((0, slice(None), slice(None))), truth.frames[0])
    assert codes == [0]


# --------------------------------------------------------------------------------------------------- checks
def test_the_second_reader_looks_once_an_open(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    fill = second.fill
    monkeypatch.setattr(second, "fill", lambda frames, *rest: looked.append(len(frames)) or fill(frames, *rest))
    truth = series(dtype=np.uint16, syntax=RLELossless)
    image = lazy(truth)
    for _ in range(2):
        image.read((slice(0, 2), slice(None), slice(None)))
        image.read((4, 1, slice(None)))
    pickle.loads(pickle.dumps(image)).read(WHOLE)
    assert looked == [1]
    lazy(truth).read((4, 1, slice(None)))
    assert looked == [1, 1]
    lazy(truth, verify="all").read((slice(0, 3), 1, slice(None)))
    assert looked == [1, 1, 1, 1, 1]


def test_no_more_images_are_remembered_however_many_are_opened(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_COMPARED", 3)
    truth = series()
    for _ in range(5):
        np.testing.assert_array_equal(lazy(truth).read((2, slice(None), slice(None))), truth.frames[2])
        assert len(module._compared) <= 3


def test_a_second_reader_that_disagrees_is_heard_by_whoever_reads_next(
    series: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = series(dtype=np.uint16, syntax=RLELossless)
    fill = second.fill

    def lie(frames: Any, conversion: Any, out: Any, *rest: Any) -> Any:
        words = fill(frames, conversion, out, *rest)
        out += 1
        return words

    monkeypatch.setattr(second, "fill", lie)
    image = lazy(truth)
    for _ in range(2):
        with pytest.raises(vdl.ReaderMismatchError):
            image.read(WHOLE)


def _brighten(dataset: Dataset, k: int) -> None:
    if k == 3:
        dataset.PixelData = np.full(48, 60000, "<u2").tobytes()


def test_values_that_do_not_fit_the_type_are_an_error_that_names_one_that_does(series: Write) -> None:
    truth = series(dtype=np.uint16, RescaleIntercept=-1000, edit=_brighten)
    image = lazy(truth)
    assert image.dtype == np.int16
    np.testing.assert_array_equal(image.read((slice(0, 3), slice(None), slice(None))), truth.frames[:3])
    with pytest.raises(vdl.DicomLoadError, match=r'do not fit int16, the type .* dtype="int32" or "float64"') as info:
        image.read((slice(2, 4), slice(None), slice(None)))
    assert info.value.files == tuple(map(str, truth.files[2:4]))
    for dtype in info.value.remedies[0].values:
        np.testing.assert_array_equal(lazy(truth, dtype).read(WHOLE), truth.frames)


@pytest.mark.parametrize("dtype", [np.int32, "int64", float, "f4", np.uint16])
def test_another_type_holds_the_same_values(series: Write, dtype: Any) -> None:
    truth = series(dtype=np.uint16, BitsStored=12)
    image = lazy(truth, dtype)
    assert image.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(image.read(WHOLE), truth.frames)


def test_a_type_that_does_not_hold_the_values_is_refused(series: Write) -> None:
    truth = series(RescaleSlope=0.5)
    with pytest.raises(vdl.DicomLoadError, match=r"int16 does not hold the values .* make fractions"):
        lazy(truth, "int16")
    with pytest.raises(vdl.DicomLoadError, match="do not fit uint8"):
        lazy(series("grey"), "u1").read(WHOLE)


def test_a_file_that_changed_since_is_an_error(series: Write) -> None:
    truth = series()
    image = lazy(truth)
    truth.files[2].write_bytes(truth.files[3].read_bytes() + b"\0\0")
    np.testing.assert_array_equal(image.read((0, slice(None), slice(None))), truth.frames[0])
    with pytest.raises(vdl.CorruptFileError, match="changed since it was scanned"):
        image.read((2, slice(None), slice(None)))


def test_an_image_pickles_into_another_working_directory(
    series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = series("here")
    monkeypatch.chdir(tmp_path)
    image = make_lazy([plan_volume(vdl.scan("here")[0], Options())])
    monkeypatch.chdir("/")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(image)).read(WHOLE), truth.frames)


def test_interpolated_slices_are_refused_with_both_ways_past(series: Write) -> None:
    def leave_a_gap(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [0, 0, 2.5 * k + (5 if k > 2 else 0)]

    with pytest.raises(vdl.GeometryError, match=r'→ load\(…, irregular="resample"\), or irregular="keep"'):
        lazy(series(edit=leave_a_gap), irregular="resample")
