"""When and where the second reader reads: beside the first one where a core is free, never to another result."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.uid import JPEG2000Lossless

import vtkdicomload as vdl
from vtkdicomload.readers import pydicom as pydicom_reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthetic import Truth

    Write = Callable[..., Truth]


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads in which pydicom reads."""
    names: list[str] = []
    fill = pydicom_reader.fill

    def noted(*arguments: Any, **options: Any) -> Any:
        names.append(threading.current_thread().name)
        return fill(*arguments, **options)

    monkeypatch.setattr(pydicom_reader, "fill", noted)
    return names


@pytest.mark.parametrize(("count", "workers", "beside"), [(1, 2, True), (1, 1, False), (3, 2, False), (3, 4, True)])
def test_it_reads_beside_the_decoder_where_a_core_is_free(
    series: Write, threads: list[str], count: int, workers: int, beside: bool
) -> None:
    truth = series(count=count, syntax=JPEG2000Lossless)
    volume = vdl.load(truth.folder, workers=workers)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert [name.startswith("vtkdicomload") for name in threads] == [beside]
    assert volume.checks[-1].result == f"1 of {count} frames equal to pydicom"
    assert not [t for t in threading.enumerate() if t.name.startswith("vtkdicomload")]


@pytest.mark.parametrize("workers", [1, 2])
def test_another_result_is_an_error_wherever_it_was_read(
    series: Write, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    fill = pydicom_reader.fill

    def lie(frames: Any, conversion: Any, out: Any, *rest: Any) -> Any:
        said = fill(frames, conversion, out, *rest)
        out[0, 2, 3] += 1
        return said

    monkeypatch.setattr(pydicom_reader, "fill", lie)
    folder = series(count=1, syntax=JPEG2000Lossless).folder
    with pytest.raises(vdl.ReaderMismatchError, match="disagree about 1 of 48 pixels"):
        vdl.load(folder, workers=workers)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_of_our_own_comes_out_of_its_thread(
    series: Write, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("a fault of our own")

    monkeypatch.setattr(pydicom_reader, "fill", fail)
    folder = series(count=1, syntax=JPEG2000Lossless).folder
    with pytest.raises(ZeroDivisionError):
        vdl.load(folder, workers=workers)


def test_damage_that_the_first_reader_sees_ends_both(series: Write) -> None:
    truth = series(count=1, syntax=JPEG2000Lossless)
    data = truth.files[0].read_bytes()
    start = data.rindex(b"\xff\x4f\xff\x51")
    truth.files[0].write_bytes(data[: start + 2] + bytes(40) + data[start + 42 :])
    with pytest.raises(vdl.CorruptFileError):
        vdl.load(truth.folder, workers=2)
    assert not [t for t in threading.enumerate() if t.name.startswith("vtkdicomload")]
