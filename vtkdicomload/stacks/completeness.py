"""Signs that a series is a part of what it was: what its files say of its size, judged over all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from . import consistency
from .along import find_places, measure_along
from .assumptions import Assumption, AssumptionKind
from .evenness import Evenness, judge_evenness
from .tolerances import GAP_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..headers.model import Frame, Header

    Assumptions = tuple[Assumption, ...]

T = TypeVar("T")

_FEWEST = 3  # images whose numbers make a step
_LARGEST_STEP = 10  # a wider one is how a writer counts
_MULTIPLES = (2, 5)  # of SpacingBetweenSlices: the least and most that a gap may be
_PHILIPS = "Philips Imaging DD 001"


def judge_completeness(frames: Sequence[Frame]) -> Assumptions:
    """Find what tells that images of a series are not here.

    Counts of slices or images are believed first, then the numbers of the images, then their distances. Nothing is
    said of one file, nor of multi-frame files, which count their frames themselves.
    """
    headers = [f.header for f in frames]
    if len(frames) < 2 or any(h.number_of_frames > 1 or h.functional_groups for h in headers):
        return ()
    if any(f.index_in_file for f in frames):  # the tiles of a mosaic
        return ()
    # What was made of other images keeps the counts of those.
    derived = any({"DERIVED", "SECONDARY"} & set(h.image_type[:2]) for h in headers)
    judged = [_judge_slices(frames, derived=derived)]
    judged += [] if derived else [_judge_temporal_positions(headers), _judge_acquisitions(headers)]
    for assumptions in judged:
        if assumptions is not None:
            return assumptions
    return _judge_numbers(headers) or _judge_gaps(frames)


def _get_one(headers: Sequence[Header], value: Callable[[Header], T | None]) -> T | None:
    """The value that all headers have; None where they differ."""
    values = {value(h) for h in headers}
    return values.pop() if len(values) == 1 else None


def _tell_fewer(here: int, what: str, attribute: str, said: int) -> Assumptions:
    facts = {"here": here, "what": what, "attribute": attribute, "said": said}
    return (Assumption(AssumptionKind.FEWER_SAID, facts),)


# ------------------------------------------------------------------------------------------------ counts that are said
def _get_number_of_slices(header: Header) -> int | None:
    """NumberOfSlices of PET and nuclear medicine; MR of United Imaging counts files there."""
    return header.number_of_slices if header.modality in ("PT", "NM") else None


def _judge_slices(frames: Sequence[Frame], *, derived: bool) -> Assumptions | None:
    """Compare the slices with NumberOfSlices (PET) or Number of Slices MR (Philips); None where nothing is said."""
    headers = [f.header for f in frames]
    attribute, said = "NumberOfSlices", _get_one(headers, _get_number_of_slices)
    if not said and not derived and _get_one(headers, lambda h: h.creator_2001) == _PHILIPS:
        attribute, (said, *_) = "(2001,1018)", _get_one(headers, lambda h: h.slices_of_philips) or (None,)
    counts = _count_in_places(frames) if said else None
    if not said or counts is None:
        return None
    times = _get_one(headers, lambda h: h.number_of_time_slices) or 0
    alike = min(counts) == max(counts)
    # Beds may overlap: the images count, not the places.
    if len(counts) < said and (alike or len(frames) < said):
        return _tell_fewer(len(counts), "slices", attribute, said)
    if times > 1 and len(frames) < said * times and alike:
        return _tell_fewer(max(counts), "time slices", "NumberOfTimeSlices", times)
    return ()


def _count_in_places(frames: Sequence[Frame]) -> list[int] | None:
    """Count the frames in each place of each orientation; None where some lie nowhere."""
    counts: list[int] = []
    for group in consistency.group_by_orientation(frames):
        along = measure_along(group)
        if along is None:
            return None
        places = find_places(along)
        middles = (places[1:] + places[:-1]) / 2
        counts += np.bincount(np.searchsorted(middles, along), minlength=len(places)).tolist()
    return counts


def _judge_temporal_positions(headers: Sequence[Header]) -> Assumptions | None:
    """Compare the temporal positions with NumberOfTemporalPositions; None where all are here, or nothing is said."""
    said = _get_one(headers, lambda h: h.number_of_temporal_positions) or 0
    here = {h.temporal_position for h in headers}
    if said < 2 or None in here or len(here) >= said:
        return None
    return _tell_fewer(len(here), "temporal positions", "NumberOfTemporalPositions", said)


def _judge_acquisitions(headers: Sequence[Header]) -> Assumptions | None:
    """Compare the files of each AcquisitionNumber with ImagesInAcquisition; None where some say nothing of it."""
    acquisitions: dict[int | None, list[Header]] = {}
    for header in headers:
        acquisitions.setdefault(header.acquisition_number, []).append(header)
    complete = True
    for number, members in acquisitions.items():
        said = _get_one(members, lambda h: h.images_in_acquisition) or 0
        # Some count the images of all acquisitions of the series.
        if len(members) < said and len(headers) != said:
            what = "images" if number is None else f"images of acquisition {number}"
            return _tell_fewer(len(members), what, "ImagesInAcquisition", said)
        complete = complete and said in (len(members), len(headers))
    return () if complete else None


# ---------------------------------------------------------------------------------------------- numbers and distances
def _judge_numbers(headers: Sequence[Header]) -> Assumptions:
    """Find one step of InstanceNumber from image to image that leaves numbers out."""
    step = _find_step_of_numbers(headers)
    if not 1 < step <= _LARGEST_STEP or len(headers) < _FEWEST:
        return ()
    numbers = [h.instance_number or 0 for h in headers]
    facts = {"first": min(numbers), "last": max(numbers), "step": step, "here": len(headers)}
    return (Assumption(AssumptionKind.INSTANCE_STEP, facts),)


def _find_step_of_numbers(headers: Sequence[Header]) -> int:
    """Find the step of InstanceNumber; 0 where there is not one, or the numbers do not tell the images apart."""
    numbers = sorted(h.instance_number for h in headers if h.instance_number is not None)
    if len(numbers) < len(headers) or (numbers[-1] - numbers[0]) % (len(numbers) - 1):
        return 0
    step = (numbers[-1] - numbers[0]) // (len(numbers) - 1)
    return step if step and numbers == list(range(numbers[0], numbers[-1] + 1, step)) else 0


def _judge_gaps(frames: Sequence[Frame]) -> Assumptions:
    """Find even gaps that are twice to five times SpacingBetweenSlices, where no InstanceNumber says otherwise."""
    headers = [f.header for f in frames]
    said = _get_one(headers, lambda h: h.spacing_between_slices)
    numbers = {h.instance_number for h in headers}
    if said is None or said <= 0 or (None not in numbers and len(numbers) == len(headers)):
        return ()  # numbers of their own with a step that agrees have told it
    for group in consistency.group_by_orientation(frames):
        along = measure_along(group)
        places = None if along is None else find_places(along)
        if places is None or judge_evenness(places) is not Evenness.EVEN:
            continue
        gap = float(places[-1] - places[0]) / (len(places) - 1)
        multiple = round(gap / said)
        edge = {(f.header.slice_thickness or 0.0) + said for f in group}  # some write the gap between the edges
        wide = _MULTIPLES[0] <= multiple <= _MULTIPLES[1] and abs(gap - multiple * said) <= GAP_TOLERANCE * gap
        if wide and not any(abs(gap - other) <= GAP_TOLERANCE * gap for other in edge):
            return (Assumption(AssumptionKind.WIDE_GAPS, {"gap": gap, "said": said}),)
    return ()
