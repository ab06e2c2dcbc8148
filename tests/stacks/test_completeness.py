"""A series that is a part of what its files tell of is told with the numbers; a complete one never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]

ORIGINAL = ["ORIGINAL", "PRIMARY", "AXIAL"]
DERIVED = ["DERIVED", "SECONDARY", "REFORMATTED"]


def _edit(numbers: Sequence[int] | None, acquisitions: Sequence[int] | None) -> Callable[[Dataset, int], None]:
    def edit(dataset: Dataset, k: int) -> None:
        if numbers is not None:
            dataset.InstanceNumber = numbers[k]
        if acquisitions is not None:
            dataset.AcquisitionNumber = acquisitions[k]

    return edit


def _philips(slices: int) -> Callable[[Dataset, int], None]:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x18, "SL", slices)

    return edit


def _write(series: Write, case: dict[str, Any]) -> Truth:
    case = dict(case)
    numbers, acquisitions = case.pop("numbers", None), case.pop("acquisitions", None)
    slices = case.pop("philips", None)
    edit = _edit(numbers, acquisitions) if slices is None else _philips(slices)
    return series(**{"count": 6, "gap": 2.4, **case}, edit=edit)


STEP_2 = [1, 3, 5, 7, 9, 11]
PARTS = {
    "NumberOfSlices of PET": ({"NumberOfSlices": 12, "Modality": "PT"}, "6 slices where NumberOfSlices says 12"),
    "Philips": ({"philips": 24}, r"6 slices where \(2001,1018\) says 24"),
    "Philips in implicit VR": (
        {"philips": 24, "syntax": "1.2.840.10008.1.2"},
        r"6 slices where \(2001,1018\) says 24",
    ),
    "temporal positions": (
        {"NumberOfTemporalPositions": 5, "TemporalPositionIdentifier": 2},
        "1 temporal positions where NumberOfTemporalPositions says 5",
    ),
    "images": ({"ImagesInAcquisition": 196}, "6 images of acquisition 1 where ImagesInAcquisition says 196"),
    "images of no acquisition": (
        {"ImagesInAcquisition": 8, "AcquisitionNumber": None},
        "6 images where ImagesInAcquisition says 8",
    ),
    "one of two acquisitions": (
        {"ImagesInAcquisition": 4, "acquisitions": [1, 1, 1, 1, 2, 2]},
        "2 images of acquisition 2 where ImagesInAcquisition says 4",
    ),
    "every second": ({"numbers": STEP_2}, "InstanceNumber runs from 1 to 11 in steps of 2 .6 images"),
    "every third, backwards": ({"numbers": [30, 27, 24, 21, 18, 15]}, "from 15 to 30 in steps of 3"),
    "every second, edge gap": (
        {"numbers": STEP_2, "SpacingBetweenSlices": 1.2, "SliceThickness": 1.2},
        "in steps of 2",
    ),
    "wide gaps": (
        {"numbers": [1] * 6, "SpacingBetweenSlices": 1.2},
        "the slices are 2.4 mm apart, 1.2 mm by SpacingBetweenSlices",
    ),
    "wide gaps without numbers": (
        {"InstanceNumber": None, "SpacingBetweenSlices": 0.6, "SliceThickness": 0.6},
        "2.4 mm apart, 0.6 mm by",
    ),
}
WHOLE = {
    "NumberOfSlices": {"NumberOfSlices": 6, "Modality": "PT", "numbers": STEP_2},
    "NumberOfSlices of MR, which counts files": {"NumberOfSlices": 60, "Modality": "MR"},
    "NumberOfSlices of another orientation": {"NumberOfSlices": 5, "Modality": "PT"},
    "Philips": {"philips": 6},
    "Philips, derived": {"philips": 24, "ImageType": DERIVED},
    "Philips of another maker": {"count": 6},
    "images": {"ImagesInAcquisition": 6},
    "images, numbered in twos": {"ImagesInAcquisition": 6, "numbers": STEP_2},
    "images of all acquisitions": {"ImagesInAcquisition": 6, "acquisitions": [1, 2, 3, 4, 5, 6]},
    "images of the source": {"ImagesInAcquisition": 77, "ImageType": DERIVED},
    "more than one acquisition": {"ImagesInAcquisition": 1},
    "one temporal position": {"NumberOfTemporalPositions": 1, "TemporalPositionIdentifier": 1},
    "temporal positions without a number": {"NumberOfTemporalPositions": 5},
    "numbers with a hole": {"numbers": [1, 2, 3, 7, 8, 9]},
    "numbers from 101": {"numbers": [101, 102, 103, 104, 105, 106]},
    "numbers of hundreds": {"numbers": [100, 200, 300, 400, 500, 600]},
    "spacing and numbers": {"SpacingBetweenSlices": 2.4},
    "spacing that numbers contradict": {"SpacingBetweenSlices": 1.2, "SliceThickness": 5},
    "edge gap": {"numbers": [1] * 6, "SpacingBetweenSlices": 1.2, "SliceThickness": 1.2},
    "spacing beside multiples": {"numbers": [1] * 6, "SpacingBetweenSlices": 1.0, "SliceThickness": 1.0},
    "negative spacing": {"numbers": [1] * 6, "SpacingBetweenSlices": -1.2},
    "spacing above the gap": {"numbers": [1] * 6, "SpacingBetweenSlices": 4.8},
    "spacing of a sixth": {"numbers": [1] * 6, "SpacingBetweenSlices": 0.4},
    "two images": {"count": 2, "numbers": [1, 3]},
    "one image": {"count": 1, "ImagesInAcquisition": 196},
}


@pytest.mark.parametrize("case", PARTS)
def test_a_part_of_a_series_is_told_with_the_numbers(series: Write, case: str) -> None:
    options, words = PARTS[case]
    truth = _write(series, options)
    with pytest.warns(vdl.DicomLoadWarning, match=f"this may be a part of a series: .*{words}") as caught:
        volume = vdl.load(truth.folder)
    assert len(caught) == 1
    np.testing.assert_array_equal(volume.frames, truth.frames)
    np.testing.assert_allclose(volume.affine, truth.affine, atol=1e-5)


@pytest.mark.parametrize("case", WHOLE)
def test_a_whole_series_is_not_told(series: Write, case: str) -> None:
    truth = _write(series, WHOLE[case])
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)


def _two_echoes(numbers: Callable[[int], int], **attributes: Any) -> Callable[[Dataset, int], None]:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.EchoTime, dataset.InstanceNumber = 10 + 10 * (k % 2), numbers(k)
        dataset.ImagePositionPatient = [-10, -20, 30 + 2.5 * (k // 2)]
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)

    return edit


def test_each_stack_of_a_whole_series_counts_in_twos(series: Write) -> None:
    """The step is judged over the series: 1, 3, 5 … are one echo, 2, 4, 6 … the other."""
    truth = series(count=8, edit=_two_echoes(lambda k: k + 1, ImagesInAcquisition=8, SpacingBetweenSlices=2.5))
    assert [v.frames.shape[0] for v in vdl.load_all(truth.folder)] == [4, 4]


def test_half_of_a_series_of_two_echoes_is_told_once(series: Write) -> None:
    truth = series(count=8, edit=_two_echoes(lambda k: 2 * k + 1))
    with pytest.warns(vdl.DicomLoadWarning, match="in steps of 2") as caught:
        vdl.load_all(truth.folder)
    assert len(caught) == 1
    with pytest.warns(vdl.DicomLoadWarning, match="in steps of 2"):
        vdl.load(truth.folder, stack=1)  # every stack knows it


def test_time_slices_of_pet_are_counted(series: Write) -> None:
    edit = _two_echoes(lambda k: k + 1, Modality="PT", NumberOfSlices=4, NumberOfTimeSlices=3)
    truth = series(count=8, edit=edit)
    with pytest.warns(vdl.DicomLoadWarning, match="2 time slices where NumberOfTimeSlices says 3"):
        vdl.load_all(truth.folder)


def test_no_real_series_is_called_a_part(data: Path) -> None:
    for series in vdl.scan(data):
        assert not [a for a in series.assumptions if "part of a series" in a.kind.value], series.title
