"""Plans: what is known before a pixel is read, and reading all of the slices or some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.uid import RLELossless

import vtkdicomload as vdl
from vtkdicomload.loading.options import Options
from vtkdicomload.loading.plan import Plan, plan_volume, replace_conversion
from vtkdicomload.loading.read import read, read_whole
from vtkdicomload.readers.dtype import ValueOverflow, widen_conversion
from vtkdicomload.sources.local import LocalFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]


def planned(truth: Truth, **options: Any) -> Plan:
    return plan_volume(vdl.scan(truth.folder)[0], Options(**options))


def _tilt(dataset: Dataset, k: int) -> None:
    x, y, z = map(float, dataset.ImagePositionPatient)
    dataset.ImagePositionPatient = [x, y + 1.6 * k, z]


def test_a_plan_knows_the_volume_before_a_pixel_is_read(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series(names=["e", "d", "c", "b", "a"], RescaleIntercept=-1024)
    monkeypatch.setattr(LocalFile, "read_into", None)
    plan = planned(truth)
    assert plan.shape == (5, 6, 8)
    assert plan.conversion.dtype == np.int16
    assert [frame.path for frame in plan.series.frames] == list(map(str, truth.files))
    assert plan.geometry is plan.stored
    assert (plan.resampled, plan.reader.NAME, plan.assumptions) == (False, "direct", ())
    np.testing.assert_allclose(plan.geometry.affine, truth.affine, atol=1e-9)


def test_files_without_a_series_are_said_to_be_one_a_file_alone_is(series: Write) -> None:
    truth = series(SeriesInstanceUID=None)
    (assumed,) = planned(truth).assumptions
    assert str(assumed) == "no SeriesInstanceUID: 5 files are taken for one series"
    assert plan_volume(vdl.scan(truth.files[2])[0], Options()).assumptions == ()


def test_the_shape_of_colour_ends_with_three(series: Write) -> None:
    assert planned(series(dtype=np.uint8, SamplesPerPixel=3)).shape == (5, 6, 8, 3)


def test_memory_that_the_system_does_not_give_is_an_error_about_the_volume(series: Write) -> None:
    def refused(*_: Any) -> None:
        raise MemoryError

    with pytest.raises(vdl.DicomLoadError, match="volume of 5×6×8 int16 needs 0 MiB, which the system does not give"):
        read(planned(series()), allocate=refused)


def test_too_large_a_volume_is_refused_before_memory_is_taken(series: Write) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("allocated")

    with pytest.raises(vdl.DicomLoadError, match=r"5×6×8 int16 needs .* MiB, more than .* → max_bytes=480"):
        read(planned(series(), max_bytes=479), allocate=never)


@pytest.mark.parametrize("options", [{}, {"syntax": RLELossless}, {"edit": _tilt}])
def test_slices_are_read_into_memory_of_the_callers_in_any_order(series: Write, options: dict[str, Any]) -> None:
    memory: list[Any] = []

    def reversed_memory(shape: tuple[int, ...], dtype: Any) -> Any:
        memory.append(np.empty(shape, dtype))
        return memory[0][::-1, ::-1]

    plan = planned(series(**options), irregular="resample")
    pixels = read(plan, allocate=reversed_memory).pixels
    np.testing.assert_array_equal(pixels, read(plan).pixels)
    np.testing.assert_array_equal(memory[0][::-1, ::-1], pixels)
    assert len(memory) == 1


@pytest.mark.parametrize("options", [{}, {"syntax": RLELossless}, {"dtype": np.uint8, "SamplesPerPixel": 3}])
@pytest.mark.parametrize("chosen", [slice(None), slice(0, 1), slice(1, 4), slice(4, 5)])
def test_chosen_slices_are_those_of_the_whole(series: Write, options: dict[str, Any], chosen: slice) -> None:
    truth = series(**options)
    reading = read(planned(truth), chosen)
    np.testing.assert_array_equal(reading.pixels, truth.frames[chosen])
    checks = dict(reading.checks)
    assert checks["zero guard"].endswith(f"of {len(truth.frames[chosen])} slices are blank, as in the files")
    assert checks["second reader"].startswith(f"1 of {len(truth.frames[chosen])} frames equal to")


def test_chosen_slices_of_an_interpolated_volume(series: Write) -> None:
    truth = series(edit=_tilt)
    plan = planned(truth, irregular="resample")
    assert plan.resampled
    assert plan.stored.dimensions == (8, 6, 5)
    assert plan.shape == plan.geometry.dimensions[::-1] == (5, 14, 8)
    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load(truth.folder, irregular="resample")
    np.testing.assert_array_equal(read(plan, slice(1, 3)).pixels, volume.frames[1:3])


def test_values_that_do_not_fit_are_told_and_read_wider(series: Write) -> None:
    truth = series(dtype=np.uint16, RescaleIntercept=-1024, edit=lambda d, k: setattr(d, "PixelData", b"\xff" * 96))
    plan = planned(truth)
    with pytest.raises(ValueOverflow):
        read(plan)
    fitted, reading = read_whole(plan)
    assert fitted.conversion == widen_conversion(plan.conversion)
    assert reading.pixels.dtype == np.int32
    np.testing.assert_array_equal(reading.pixels, truth.frames)


def test_another_conversion_may_take_another_reader(series: Write) -> None:
    plan = planned(series(), engine="vtk")
    assert replace_conversion(plan, plan.conversion) is plan
    wide = replace_conversion(planned(series(RescaleIntercept=-5)), widen_conversion(plan.conversion))
    assert (wide.conversion.dtype, wide.reader.NAME) == (np.int32, "direct")


def test_progress_counts_the_chosen_slices(series: Write) -> None:
    seen: list[tuple[int, int]] = []
    plan = planned(series(), progress=lambda done, total: seen.append((done, total)))
    read(plan, slice(1, 4))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_part_needs_memory_for_the_part_only(series: Write) -> None:
    plan = planned(series(), max_bytes=200)
    assert read(plan, slice(0, 2)).pixels.shape == (2, 6, 8)
    with pytest.raises(vdl.DicomLoadError, match="max_bytes=480"):
        read(plan)
