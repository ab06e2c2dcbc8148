"""Memory that is used again: only once nothing leads to it."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import vtkdicomload as vdl
from vtkdicomload.bulk.reuse import Buffers

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthetic import Truth

    Write = Callable[..., Truth]
    Pixels = np.ndarray[Any, Any]

INT16 = np.dtype(np.int16)


def address(array: Pixels) -> int:
    return int(array.ctypes.data)


def test_memory_comes_back_with_the_last_view() -> None:
    buffers = Buffers(2)
    first = buffers.allocate((4, 5, 6), INT16)
    assert (first.shape, first.dtype) == ((4, 5, 6), INT16)
    assert first.flags.c_contiguous
    assert first.flags.writeable
    at = address(first)
    first[:] = 7
    for make in (
        lambda array: array[1:2],
        lambda array: array.reshape(-1),
        lambda array: array.transpose(2, 1, 0),
        lambda array: array.view(np.uint8),
        lambda array: array.data,
        np.asarray,
    ):
        kept = make(first)
        del first
        second = buffers.allocate((4, 5, 6), INT16)
        assert address(second) != at
        second[:] = 9
        assert not np.any(np.asarray(kept) == 9)
        del kept
        first = buffers.allocate((4, 5, 6), INT16)
        assert address(first) == at
        first[:] = 7
        del second


def test_a_view_in_a_cycle_keeps_it() -> None:
    buffers = Buffers(2)
    array = buffers.allocate((3,), INT16)
    at = address(array)
    cycle: list[Any] = [array[1:]]
    cycle.append(cycle)
    del array
    other = buffers.allocate((3,), INT16)
    assert address(other) != at
    del cycle
    gc.collect()
    assert address(buffers.allocate((3,), INT16)) == at


def test_a_larger_buffer_serves_a_smaller_volume_and_not_the_other_way_round() -> None:
    buffers = Buffers(3)
    large = buffers.allocate((1000,), INT16)
    at = address(large)
    del large
    small = buffers.allocate((10,), INT16)
    assert address(small) == at
    assert small.shape == (10,)
    del small
    huge = buffers.allocate((2000,), INT16)
    huge[:] = 1
    assert huge.size == 2000


def test_no_more_buffers_are_kept_than_that() -> None:
    buffers = Buffers(2)
    arrays = [buffers.allocate((10,), INT16) for _ in range(6)]
    places = {address(array) for array in arrays}
    arrays.clear()
    again = [buffers.allocate((10,), INT16) for _ in range(6)]
    assert len({address(array) for array in again}) == 6
    assert len(places & {address(array) for array in again[:2]}) == 2


@pytest.mark.parametrize("workers", [None, 2])
def test_load_many_fills_it_again(series: Write, workers: int | None) -> None:
    truths = [series(str(k), SeriesInstanceUID=f"1.2.{k}", seed=k, RescaleIntercept=-k) for k in range(12)]
    used = set()
    for result in vdl.load_many([t.folder for t in truths], reuse=True, workers=workers):
        assert result.volume is not None
        np.testing.assert_array_equal(result.volume.frames, truths[result.index].frames)
        used.add(address(result.volume.frames))
        del result
    assert len(used) < 12


def test_what_the_caller_keeps_stays_as_it_is(series: Write) -> None:
    truths = [series(str(k), SeriesInstanceUID=f"1.2.{k}", seed=k, RescaleIntercept=-k) for k in range(8)]
    volumes, slices, images = [], [], []
    for result in vdl.load_many([t.folder for t in truths], reuse=True):
        assert result.volume is not None
        {0: volumes, 1: slices, 2: images, 3: []}[result.index % 4].append(
            {0: result.volume, 1: result.volume.frames[2], 2: result.volume.image, 3: None}[result.index % 4]
        )
    for k, volume in zip((0, 4), volumes, strict=True):
        np.testing.assert_array_equal(volume.frames, truths[k].frames)
    for k, pixels in zip((1, 5), slices, strict=True):
        np.testing.assert_array_equal(pixels, truths[k].frames[2])
    for k, image in zip((2, 6), images, strict=True):
        assert image.GetScalarComponentAsDouble(3, 2, 1, 0) == truths[k].frames[1, 2, 3]


def test_a_wider_type_takes_memory_of_its_own_size(series: Write) -> None:
    truth = series(dtype=np.uint16, RescaleIntercept=-1024, edit=lambda d, k: setattr(d, "PixelData", b"\xff" * 96))
    for result in vdl.load_many([truth.folder] * 4, reuse=True):
        assert result.volume is not None
        assert result.volume.dtype == np.int32
        np.testing.assert_array_equal(result.volume.frames, truth.frames)
