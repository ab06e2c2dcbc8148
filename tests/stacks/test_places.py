"""Positions, SliceLocation, frames of reference and orientations that only a whole series can judge."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from synthetic import ROOT

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]
    Edit = Callable[[Dataset, int], None]

OBLIQUE = (0.8660254038, 0.5, 0, -0.4330127019, 0.75, 0.5)


def _said(caught: pytest.WarningsRecorder) -> list[str]:
    return [str(w.message) for w in caught]


# ----------------------------------------------------------------------------------------------------- SliceLocation
def _located(locations: Sequence[float], **attributes: Any) -> Edit:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.SliceLocation = f"{locations[k]:.8g}"
        dataset.InstanceNumber = (k * 3) % 5 + 1  # an order that would be another one
        for keyword, value in attributes.items():
            if value is None:
                dataset.pop(keyword, None)
            else:
                setattr(dataset, keyword, value)

    return edit


@pytest.mark.parametrize("taken", [("ImagePositionPatient",), ("ImagePositionPatient", "ImageOrientationPatient")])
@pytest.mark.parametrize("step", [1.25, 2.5, -3.0])
def test_slice_location_gives_order_and_distance_without_positions(
    series: Write, step: float, taken: tuple[str, ...]
) -> None:
    locations = [-30 + step * k for k in range(5)]
    truth = series(edit=_located(locations, **dict.fromkeys(taken)))
    with pytest.warns(vdl.DicomLoadWarning) as caught:
        volume = vdl.load(truth.folder)
    (said,) = _said(caught)
    assert "SliceLocation gives the order and distance of the slices, its sense is not known" in said
    np.testing.assert_array_equal(volume.frames, truth.frames[:: 1 if step > 0 else -1])
    assert volume.spacing[2] == pytest.approx(abs(step))
    assert volume.affine is None


def test_locations_with_a_hole_are_refused_and_not_interpolated(series: Write) -> None:
    truth = series(edit=_located([0, 2.5, 5, 10, 12.5], ImagePositionPatient=None))
    with pytest.raises(vdl.MissingSliceError, match=r"1 slice missing in 5: the gaps are 2\.5 mm") as caught:
        vdl.load(truth.folder)
    assert "resample" not in str(caught.value)
    with pytest.raises(vdl.GeometryError, match="without a position cannot be interpolated"):
        vdl.load(truth.folder, irregular="resample")
    with pytest.warns(vdl.DicomLoadWarning):
        assert vdl.load(truth.folder, irregular="keep").affine is None


def test_locations_that_are_shared_are_no_one_volume(series: Write) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        _located([0, 0, 2.5, 2.5, 5, 5], ImagePositionPatient=None)(dataset, k)
        dataset.InstanceNumber, dataset.EchoTime = k + 1, 10 + 10 * (k % 2)

    truth = series(count=6, edit=edit)
    with pytest.raises(vdl.DuplicateSliceError, match=r"2 volumes of 3 slices .* told apart by EchoTime"):
        vdl.load(truth.folder)
    with pytest.warns(vdl.DicomLoadWarning, match="SliceLocation gives the order"):
        volumes = vdl.load_all(truth.folder)
    for k, volume in enumerate(volumes):
        np.testing.assert_array_equal(volume.frames, truth.frames[k::2])


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), OBLIQUE])
@pytest.mark.parametrize("at", [0, 2, 4])
def test_equal_positions_are_replaced_where_slice_location_agrees_with_one(
    series: Write, orientation: tuple[float, ...], at: int
) -> None:
    normal = np.cross(orientation[:3], orientation[3:])
    first = np.array([-10, -20, 30.0])
    places = [first + 2.5 * k * normal for k in range(5)]
    locations = [float(place @ normal) for place in places]
    fixed = [f"{v:.10g}" for v in places[at]]
    truth = series(orientation=orientation, edit=_located(locations, ImagePositionPatient=fixed), origin=first.tolist())
    with pytest.warns(vdl.DicomLoadWarning, match="same ImagePositionPatient: SliceLocation, which agrees"):
        volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    expected = np.column_stack([np.array(orientation[:3]) * 0.5, np.array(orientation[3:]) * 0.8, normal * 2.5, first])
    np.testing.assert_allclose(volume.affine[:3], expected, atol=1e-4)


@pytest.mark.parametrize("locations", [[100 + 2.5 * k for k in range(5)], [-30 - 2.5 * k for k in range(5)]])
def test_equal_positions_that_slice_location_contradicts_give_no_affine(series: Write, locations: list[float]) -> None:
    truth = series(edit=_located(locations, ImagePositionPatient=[-10, -20, 30]))
    with pytest.warns(vdl.DicomLoadWarning) as caught:
        volume = vdl.load(truth.folder)
    assert any("all slices have the same ImagePositionPatient: it is taken for none" in s for s in _said(caught))
    assert any("its sense is not known" in s for s in _said(caught))
    assert volume.affine is None
    np.testing.assert_array_equal(volume.frames, truth.frames[:: 1 if locations[0] < locations[-1] else -1])


def test_equal_positions_and_locations_are_refused_as_ever(series: Write) -> None:
    truth = series(edit=lambda d, k: setattr(d, "SliceLocation", 30), origin=(-10, -20, 30), gap=0)
    with pytest.raises(vdl.DuplicateSliceError):
        vdl.load(truth.folder)


# ------------------------------------------------------------------------------------------------ frames of reference
def _referred(uids: Callable[[int], int]) -> Edit:
    return lambda dataset, k: setattr(dataset, "FrameOfReferenceUID", f"{ROOT}.4.{uids(k)}")


@pytest.mark.parametrize("count", [4, 5, 9])
def test_a_frame_of_reference_a_file_is_taken_for_none(series: Write, count: int) -> None:
    truth = series(count=count, edit=_referred(lambda k: k))
    with pytest.warns(vdl.DicomLoadWarning) as caught:
        (volume,) = vdl.load_all(truth.folder)
    assert [s.split(" of its own")[0] for s in _said(caught)] == [f"each of {count} files has a FrameOfReferenceUID"]
    np.testing.assert_array_equal(volume.frames, truth.frames)
    np.testing.assert_allclose(volume.affine, truth.affine, atol=1e-6)
    assert volume.series.header.frame_of_reference_uid is None


def _leave_a_hole(dataset: Dataset, k: int) -> None:
    _referred(lambda k: k)(dataset, k)
    dataset.ImagePositionPatient = [-10, -20, 30 + 2.5 * k + (2.5 if k > 2 else 0)]


@pytest.mark.parametrize(
    ("count", "edit"),
    [
        (2, _referred(lambda k: k)),
        (3, _referred(lambda k: k)),
        (6, _leave_a_hole),
        (6, _referred(lambda k: k // 2)),
        (6, _referred(lambda k: min(k, 1))),
    ],
)
def test_other_frames_of_reference_that_make_no_volumes_are_refused(series: Write, count: int, edit: Edit) -> None:
    """Never as slices one by one, of 1 mm each."""
    truth = series(count=count, edit=edit)
    assert len(vdl.scan(truth.folder)[0].stacks()) == 1
    for load in (vdl.load, vdl.load_all):
        with pytest.raises(vdl.InconsistentSeriesError, match="FrameOfReferenceUID differ") as caught:
            load(truth.folder)
        assert len(str(caught.value)) < 600
        assert caught.value.remedies == ()


@pytest.mark.parametrize("uids", [lambda k: k // 3, lambda k: k % 2])
def test_a_frame_of_reference_for_each_of_two_volumes_divides(series: Write, uids: Callable[[int], int]) -> None:
    truth = series(count=6, edit=_referred(uids))
    volumes = vdl.load_all(truth.folder)
    for value, volume in enumerate(volumes):
        np.testing.assert_array_equal(volume.frames, truth.frames[[k for k in range(6) if uids(k) == value]])


def _unreferred(lacking: set[int], edit: Edit = lambda d, k: None) -> Edit:
    def take_out(dataset: Dataset, k: int) -> None:
        edit(dataset, k)
        if k in lacking:
            del dataset.FrameOfReferenceUID

    return take_out


@pytest.mark.parametrize("lacking", [{0}, {6}, {11}, {2, 3}, {0, 5, 6, 10}])
def test_files_without_frame_of_reference_have_that_of_the_grid_they_lie_on(series: Write, lacking: set[int]) -> None:
    truth = series(count=12, edit=_unreferred(lacking))
    with pytest.warns(vdl.DicomLoadWarning) as caught:
        (volume,) = vdl.load_all(truth.folder)
    (said,) = _said(caught)
    assert f"no FrameOfReferenceUID in {len(lacking)} of 12 files" in said
    assert all(truth.files[k].name in said for k in sorted(lacking)[:3])
    np.testing.assert_array_equal(volume.frames, truth.frames)
    np.testing.assert_allclose(volume.affine, truth.affine, atol=1e-6)
    assert volume.series.header.frame_of_reference_uid == f"{ROOT}.2000"


def test_a_volume_without_frame_of_reference_takes_none(series: Write) -> None:
    """It may be another one, at the places of that with one."""

    def place_twice(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [-10, -20, 30 + 2.5 * (k % 5)]

    truth = series(count=10, edit=_unreferred(set(range(5, 10)), place_twice))
    uids = [volume.series.header.frame_of_reference_uid for volume in vdl.load_all(truth.folder)]
    assert uids == [f"{ROOT}.2000", None]


@pytest.mark.parametrize("place", [32.0, 34.2, 500.0])
def test_a_file_without_frame_of_reference_beside_the_grid_is_refused(series: Write, place: float) -> None:
    def put_beside(dataset: Dataset, k: int) -> None:
        if k == 11:
            dataset.ImagePositionPatient = [-10, -20, place]

    truth = series(count=12, edit=_unreferred({11}, put_beside))
    with pytest.raises(vdl.InconsistentSeriesError, match="FrameOfReferenceUID differ"):
        vdl.load(truth.folder)


def test_many_frames_of_reference_make_a_count_and_two_examples(series: Write) -> None:
    truth = series(count=40, edit=lambda d, k: (_referred(lambda k: k)(d, k), _jump(d, k))[0])
    with pytest.raises(vdl.InconsistentSeriesError, match="40 values, such as ") as caught:
        vdl.load(truth.folder)
    assert len(str(caught.value)) < 300


def _jump(dataset: Dataset, k: int) -> None:
    if k == 39:
        dataset.ImagePositionPatient = [-10, -20, 500]


# ------------------------------------------------------------------------------------------------------- rotations
def _turned(step: float, axis: str) -> Edit:
    def edit(dataset: Dataset, k: int) -> None:
        c, s = math.cos(math.radians(step * k)), math.sin(math.radians(step * k))
        dataset.ImageOrientationPatient = [
            f"{v:.8f}" for v in ((c, s, 0, 0, 0, -1) if axis == "z" else (1, 0, 0, 0, c, s))
        ]
        dataset.ImagePositionPatient = [f"{v:.6f}" for v in (-100 * c, -100 * s, 50)]
        dataset.ImageType = ["DERIVED", "SECONDARY", "PROJECTION IMAGE"]

    return edit


@pytest.mark.parametrize("axis", ["x", "z"])
@pytest.mark.parametrize(("count", "step"), [(12, 30), (24, 15), (13, 30), (9, 2.5), (8, -10)])
def test_views_of_a_rotation_are_one_array_of_frames(series: Write, count: int, step: float, axis: str) -> None:
    truth = series(count=count, edit=_turned(step, axis), names=[f"{(k * 7) % count:02}" for k in range(count)])
    with pytest.warns(
        vdl.DicomLoadWarning, match=rf"{abs(step):g}° from the one before: .* order of InstanceNumber"
    ) as w:
        (volume,) = vdl.load_all(truth.folder)
    assert len(w) == 1
    pixels = np.arange(count * 48).reshape(count, 6, 8) - count * 48 // 3
    np.testing.assert_array_equal(volume.frames, pixels)
    assert (volume.geometry.third_axis, volume.affine) == ("frames", None)


@pytest.mark.parametrize(
    "edit",
    [
        lambda d, k: _turned(10, "z")(d, k if k < 4 else k + 1),
        lambda d, k: _turned(10, "zx"[k % 2])(d, k),
    ],
)
def test_orientations_without_one_rotation_are_refused(series: Write, edit: Edit) -> None:
    truth = series(count=8, edit=edit)
    with pytest.raises(vdl.DicomLoadError):
        vdl.load(truth.folder)
