"""From the frames of one stack to their order and the geometry of the volume they make."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from ..errors import GeometryError
from ..errors.remedies import SetOption
from ..headers.orientation import compute_normal, find_orientation_fault, is_unit
from . import consistency
from .along import list_points
from .assume import list_assumptions
from .assumptions import Assumed, Assumption, AssumptionKind
from .conflicts import (
    find_shared_places,
    has_place,
    judge_shared_uids,
    refuse_copies,
    refuse_missing_places,
    refuse_several_volumes,
    refuse_unclear,
)
from .geometry import Geometry
from .grid import fit_grid, is_monotone, measure_dimensions, measure_gaps
from .order import sort_by_instance_number, sort_by_location, sort_by_name, sort_by_position, sort_run
from .runs import find_frame_times, is_run
from .series_data import Doubts
from .spacing import (
    doubt_uneven,
    find_in_plane_spacing,
    find_slice_distance,
    find_uneven_gaps,
    find_usual_gap,
    refuse_absurd_sizes,
)
from .split import divide_by_places, split
from .tolerances import GAP_TOLERANCE
from .uniform import is_uniform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..errors import MissingSliceError, ShearedSeriesError
    from ..headers.model import Frame
    from .series_data import SeriesData


class Arrangement(NamedTuple):
    """The frames of one volume in their places.

    Attributes
    ----------
    frames : tuple of Frame
        ``frames[k]`` is the k-th slice of ``volume.frames``.
    geometry : Geometry
        Of ``volume.frames``.
    assumptions : tuple of Assumption
        What was taken for granted.
    irregularity : MissingSliceError or ShearedSeriesError or None
        The error that ``irregular="raise"`` means, where the slices make no even, upright grid.
    may_be_several : bool
        Whether irregular slices may be those of several volumes: then they are never interpolated.
    """

    frames: tuple[Frame, ...]
    geometry: Geometry
    assumptions: tuple[Assumption, ...]
    irregularity: MissingSliceError | ShearedSeriesError | None = None
    may_be_several: bool = False


def arrange(series: SeriesData, *, order: str, tolerance: float) -> Arrangement:
    """Order the frames of a stack and work out where they lie.

    Parameters
    ----------
    series : SeriesData
        One stack.
    order : {"position", "natural", "given"}
        Along the slice normal; by natural order of the file names; as the frames come.
    tolerance : float
        How far a gap may differ from the median, and a slice lie off the grid, as a part of the spacing.

    Raises
    ------
    InconsistentSeriesError
        Layout, spacing or orientation differ between frames.
    DuplicateSliceError
        Several slices lie at one position.
    GeometryError
        A position is missing, or cannot be used.
    """
    _refuse_mixtures(series)
    in_plane = find_in_plane_spacing(series.frames)
    refuse_absurd_sizes(series.frames, in_plane.value)
    frames = sort_by_name(series.frames) if order == "natural" else list(series.frames)
    refuse_missing_places(frames)
    orientation = series.frames[0].orientation if has_place(series.frames[0]) else None
    fault = None if orientation is None else find_orientation_fault(orientation)
    if fault and order == "position":
        raise GeometryError(
            f"ImageOrientationPatient cannot be used: {fault} ({consistency.name_files(frames)})",
            files=consistency.list_paths(frames),
            remedies=[SetOption("order", ("natural",), "loads the slices without a place in the patient")],
        )
    if orientation is None or fault:
        if not fault and (is_run(frames) or _is_assumed(series, AssumptionKind.ROTATION)):
            arranged = _arrange_run(series, frames, order, in_plane.value)
        else:
            ordered = _order_without_place(frames, order, fault)
            arranged = _arrange_without_place(series, ordered, in_plane.value, tolerance)
    else:
        arranged = _arrange_in_space(series, frames, orientation, in_plane.value, order, tolerance)
    assumptions = (*list_assumptions(series), *in_plane.assumptions, *arranged.assumptions)
    return arranged._replace(assumptions=assumptions)


# ----------------------------------------------------------------------------------------------- without a place
def _order_without_place(frames: list[Frame], order: str, fault: str | None) -> Assumed[list[Frame]]:
    """Sort frames that nothing places, and tell why."""
    if fault:
        return Assumed(frames, (Assumption(AssumptionKind.UNUSABLE_ORIENTATION, {"fault": fault}),))
    if order == "position":
        return sort_by_location(frames) or sort_by_instance_number(frames)
    missing = {"missing": "ImagePositionPatient or ImageOrientationPatient"}
    return Assumed(frames, (Assumption(AssumptionKind.NO_PLACE, missing),))


def _arrange_run(series: SeriesData, frames: list[Frame], order: str, in_plane: tuple[float, float]) -> Arrangement:
    """Put the frames of a run one after another: their third axis is none of the patient."""
    ordered = sort_run(frames) if order == "position" else Assumed(frames)
    told = () if _is_assumed(series, AssumptionKind.ROTATION) else ordered.assumptions
    geometry = Geometry(
        measure_dimensions(frames),
        (*in_plane, 1.0),
        third_axis="frames",
        frame_times=find_frame_times(ordered.value),
    )
    return Arrangement(tuple(ordered.value), geometry, told)


def _arrange_without_place(
    series: SeriesData, ordered: Assumed[list[Frame]], in_plane: tuple[float, float], tolerance: float
) -> Arrangement:
    """Give ordered frames the distances that are known of them."""
    frames, (reason, *others) = ordered
    if reason.kind is AssumptionKind.LOCATION_ORDER:
        return _arrange_by_location(series, frames, reason, in_plane, tolerance)
    distance = find_slice_distance(frames)
    reason = replace(reason, consequence=next(iter(distance.assumptions), None))
    return Arrangement(
        tuple(frames), Geometry(measure_dimensions(frames), (*in_plane, distance.value)), (reason, *others)
    )


def _arrange_by_location(
    series: SeriesData, frames: list[Frame], reason: Assumption, in_plane: tuple[float, float], tolerance: float
) -> Arrangement:
    """Give frames in the order of SliceLocation the distances that it tells."""
    gaps = np.diff([f.header.slice_location or 0.0 for f in frames])
    _refuse_shared_places(series, frames, gaps)
    fault = find_uneven_gaps(frames, gaps, tolerance)
    distance = find_usual_gap(frames, gaps) if fault else float(gaps.mean())
    geometry = Geometry(measure_dimensions(frames), (*in_plane, distance), even=fault is None)
    return Arrangement(tuple(frames), geometry, (reason, *judge_shared_uids(frames)), fault)


# ------------------------------------------------------------------------------------------------------ in space
def _arrange_in_space(
    series: SeriesData,
    frames: list[Frame],
    orientation: Sequence[float],
    in_plane: tuple[float, float],
    order: str,
    tolerance: float,
) -> Arrangement:
    """Sort frames along their normal, unless another order is asked for, and fit a grid to them."""
    if order == "position":
        frames = sort_by_position(frames, compute_normal(orientation))
    positions = list_points(frames)
    gaps = measure_gaps(positions, compute_normal(frames[0].orientation or ()))
    doubts = Doubts()
    shared: tuple[Assumption, ...] = ()
    if len(frames) > 1 and (order == "position" or is_monotone(gaps)):
        doubts = _refuse_shared_places(series, frames, np.abs(gaps))
        shared = judge_shared_uids(frames)
    rounded = () if is_unit(orientation) else (Assumption(AssumptionKind.ROUNDED_COSINES),)
    grid = fit_grid(frames, positions, in_plane, order, tolerance)
    unclear = () if grid.irregularity is None else doubts.unclear
    return Arrangement(
        tuple(frames),
        grid.geometry,
        (*rounded, *shared, *doubts.mixed, *grid.assumptions),
        doubt_uneven(grid.irregularity, unclear) if unclear else grid.irregularity,
        may_be_several=bool(unclear),
    )


# ------------------------------------------------------------------------------------------------ several volumes
def _refuse_mixtures(series: SeriesData) -> None:
    """Refuse frames that do not share kind, layout, pixel spacing, orientation, stack and run."""
    if is_uniform(series):
        return
    frames = series.frames
    for group, describe in (
        (consistency.group_by_kind, consistency.describe_kinds),
        (consistency.group_by_frame_of_reference, consistency.describe_frames_of_reference),
        (consistency.group_by_layout, consistency.describe_layouts),
        (consistency.group_by_pixel_spacing, consistency.describe_pixel_spacings),
    ):
        groups = group(frames)
        if len(groups) > 1:
            _refuse_inconsistent(describe(groups), groups, _find_stacks(series))
    groups = consistency.group_by_orientation(frames)
    if len(groups) > 1:
        stacks = _find_stacks(series)
        if stacks and min(map(len, groups)) > 1:
            _refuse_several_volumes(stacks, frames)
        _refuse_inconsistent(consistency.describe_orientations(groups), groups, stacks)
    if any(
        len(group(frames)) > 1
        for group in (consistency.group_by_stack, consistency.group_by_run, consistency.group_by_series_number)
    ):
        _refuse_several_volumes(_find_stacks(series), frames)


def _refuse_shared_places(series: SeriesData, frames: Sequence[Frame], gaps: Floats) -> Doubts:
    """Refuse several volumes, several slices at one position, and one slice at several; `frames` in spatial order."""
    doubts = series._answers.doubts
    if doubts is None:
        along = np.concatenate([[0.0], np.cumsum(gaps)])
        parts = divide_by_places(frames, along, uniform=is_uniform(series))
        doubts = parts[0].doubts
        if doubts is None:
            _refuse_several_volumes(_find_stacks(series), frames)
        series._answers.doubts = doubts
    shared = find_shared_places(gaps)
    if len(shared) and doubts.unclear:
        refuse_unclear(frames, doubts.unclear, len(shared))
    if len(shared):
        refuse_copies(frames, shared)
    return doubts


def _is_assumed(series: SeriesData, kind: AssumptionKind) -> bool:
    return any(assumption.kind is kind for assumption in series.assumptions)


def _refuse_several_volumes(stacks: Sequence[SeriesData], frames: Sequence[Frame]) -> NoReturn:
    """Refuse the stacks of one series; `frames` in the order in which to name their files."""
    tried = _try_stacks(stacks)
    spacings = {round(a.geometry.spacing[2], 3) if a and a.geometry.affine is not None else None for a in tried}
    spacing = spacings.pop() if len(spacings) == 1 else None
    refuse_several_volumes(stacks, consistency.list_paths(frames), _list_loading(tried), spacing)


def _refuse_inconsistent(what: str, groups: Sequence[Sequence[Frame]], stacks: Sequence[SeriesData]) -> NoReturn:
    consistency.refuse_inconsistent(what, groups, stacks, _list_loading(_try_stacks(stacks)))


def _find_stacks(series: SeriesData) -> tuple[SeriesData, ...]:
    """Split a series; empty where it is one stack."""
    stacks = split(series)
    return stacks if len(stacks) > 1 else ()


def _try_stacks(stacks: Sequence[SeriesData]) -> list[Arrangement | None]:
    """Arrange every stack; None of one that does not load."""
    return [_try_arranging(stack) for stack in stacks]


def _try_arranging(stack: SeriesData) -> Arrangement | None:
    try:
        arrangement = arrange(stack, order="position", tolerance=GAP_TOLERANCE)
    except GeometryError:
        return None
    return arrangement if arrangement.irregularity is None else None


def _list_loading(tried: Sequence[Arrangement | None]) -> list[int]:
    return [row for row, arrangement in enumerate(tried) if arrangement is not None]
