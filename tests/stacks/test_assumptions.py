"""Assumptions are data until they are told."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

import vtkdicomload as vdl
from vtkdicomload.loading.options import Options
from vtkdicomload.loading.plan import plan_volume
from vtkdicomload.stacks.assumptions import Assumption, AssumptionKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthetic import Truth

    Write = Callable[..., Truth]

DISTANCE = Assumption(AssumptionKind.SLICE_DISTANCE, {"mm": 2.5})


def test_a_sentence_is_made_of_kind_and_facts() -> None:
    facts = {"rows": 0.5, "columns": 0.25}
    assert str(Assumption(AssumptionKind.REGION_SPACING, facts)) == (
        r"no PixelSpacing: that of the ultrasound regions (0.5\0.25 mm) is taken for it"
    )


def test_braces_in_a_fact_stay_as_they_are() -> None:
    told = str(Assumption(AssumptionKind.NO_RESCALE, {"without": 1, "frames": 4, "names": "{a}.dcm"}))
    assert "missing or empty in 1 of 4 frames ({a}.dcm)" in told


def test_a_consequence_is_told_in_the_same_sentence() -> None:
    cause = Assumption(AssumptionKind.FILE_ORDER, {"missing": "ImagePositionPatient"}, DISTANCE)
    assert str(cause) == (
        "no ImagePositionPatient: frames are in file order, 2.5 mm is taken for the distance of slices"
    )


def test_an_assumption_goes_to_other_processes_and_into_sets() -> None:
    cause = Assumption(AssumptionKind.NO_PLACE, {"missing": "ImagePositionPatient"}, DISTANCE)
    again = pickle.loads(pickle.dumps(cause))
    assert again == cause
    assert {again, cause} == {cause}


def test_a_plan_holds_them_with_their_numbers(series: Write) -> None:
    truth = series(PixelSpacing=None, ImagerPixelSpacing=[0.5, 0.25])
    (assumption,) = plan_volume(vdl.scan(truth.folder)[0], Options()).assumptions
    assert assumption.kind is AssumptionKind.IMAGER_PIXEL_SPACING
    assert assumption.facts == {"rows": 0.5, "columns": 0.25}


def test_slices_without_a_place_hold_the_distance_as_a_consequence(series: Write) -> None:
    truth = series(ImagePositionPatient=None, SpacingBetweenSlices=2.5)
    (assumption,) = plan_volume(vdl.scan(truth.folder)[0], Options()).assumptions
    assert assumption.kind is AssumptionKind.INSTANCE_ORDER
    assert assumption.consequence == DISTANCE


@pytest.mark.parametrize(
    ("ratio", "spacing"),
    [((2, 1), (1, 2)), ((1, 2), (1, 0.5)), ((5, 4), (1, 1.25)), ((1, 1), (1, 1)), ((0, 1), (1, 1))],
)
def test_pixels_without_spacing_have_the_shape_of_their_aspect_ratio(
    series: Callable[..., Truth], ratio: tuple[int, int], spacing: tuple[float, float]
) -> None:
    truth = series(PixelSpacing=None, PixelAspectRatio=list(ratio))
    square = ratio[0] == ratio[1] or not all(ratio)
    words = "1 mm is taken for the distance of pixels" if square else f"{spacing[1]:g} times as high as wide"
    with pytest.warns(vdl.DicomLoadWarning, match=words):
        volume = vdl.load(truth.folder)
    assert volume.spacing[:2] == spacing


def test_a_pixel_spacing_goes_before_an_aspect_ratio(series: Callable[..., Truth]) -> None:
    assert vdl.load(series(PixelAspectRatio=[2, 1]).folder).spacing[:2] == (0.5, 0.8)
