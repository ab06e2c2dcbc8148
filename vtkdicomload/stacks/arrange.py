"""From the frames of one stack to their order and the geometry of the volume they make."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from ..errors import GeometryError
from ..errors.remedies import SetOption
from ..headers.orientation import compute_normal, find_orientation_fault, is_unit
from . import consistency
from .assumptions import Assumed, Assumption, AssumptionKind, assume_mixed, list_assumptions
from .conflicts import (
    find_shared_places,
    has_place,
    refuse_copies,
    refuse_mislabelled,
    refuse_missing_places,
    refuse_several_volumes,
    refuse_unclear,
)
from .geometry import Geometry
from .grid import fit_grid, is_monotone, measure_dimensions, measure_gaps
from .order import sort_by_instance_number, sort_by_name, sort_by_position
from .spacing import doubt_uneven, find_in_plane_spacing, find_slice_distance, refuse_absurd_sizes
from .split import divide_by_places, split
from .tolerances import GAP_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..errors import MissingSliceError, ShearedSeriesError
    from ..headers.model import Frame
    from .series_data import SeriesData
    from .split import Division


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
        arranged = _arrange_without_place(_order_without_place(frames, order, fault), in_plane.value)
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
        return sort_by_instance_number(frames)
    missing = {"missing": "ImagePositionPatient or ImageOrientationPatient"}
    return Assumed(frames, (Assumption(AssumptionKind.NO_PLACE, missing),))


def _arrange_without_place(ordered: Assumed[list[Frame]], in_plane: tuple[float, float]) -> Arrangement:
    """Give ordered frames the distances that are known of them."""
    frames, (reason,) = ordered
    distance = find_slice_distance(frames)
    reason = replace(reason, consequence=next(iter(distance.assumptions), None))
    return Arrangement(tuple(frames), Geometry(measure_dimensions(frames), (*in_plane, distance.value)), (reason,))


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
    gaps = measure_gaps(frames, compute_normal(frames[0].orientation or ()))
    division = None
    if len(frames) > 1 and (order == "position" or is_monotone(gaps)):
        division = _refuse_shared_places(series, frames, np.abs(gaps))
    rounded = () if is_unit(orientation) else (Assumption(AssumptionKind.ROUNDED_COSINES),)
    grid = fit_grid(frames, in_plane, order, tolerance)
    mixed = () if division is None else assume_mixed(division.mixed)
    unclear = () if division is None or grid.irregularity is None else division.unclear
    return Arrangement(
        tuple(frames),
        grid.geometry,
        (*rounded, *mixed, *grid.assumptions),
        doubt_uneven(grid.irregularity, unclear) if unclear else grid.irregularity,
        may_be_several=bool(unclear),
    )


# ------------------------------------------------------------------------------------------------ several volumes
def _refuse_mixtures(series: SeriesData) -> None:
    """Refuse frames that do not share kind, layout, pixel spacing, orientation, stack and run."""
    frames = series.frames
    for group, describe in (
        (consistency.group_by_kind, consistency.describe_kinds),
        (consistency.group_by_layout, consistency.describe_layouts),
        (consistency.group_by_pixel_spacing, consistency.describe_pixel_spacings),
    ):
        groups = group(frames)
        if len(groups) > 1:
            consistency.refuse_inconsistent(describe(groups), groups, _find_stacks(series))
    groups = consistency.group_by_orientation(frames)
    if len(groups) > 1:
        stacks = _find_stacks(series)
        if stacks and min(map(len, groups)) > 1:
            _refuse_several_volumes(stacks, frames)
        consistency.refuse_inconsistent(consistency.describe_orientations(groups), groups, stacks)
    if any(
        len(group(frames)) > 1
        for group in (consistency.group_by_stack, consistency.group_by_run, consistency.group_by_series_number)
    ):
        _refuse_several_volumes(_find_stacks(series), frames)


def _refuse_shared_places(series: SeriesData, frames: Sequence[Frame], gaps: Floats) -> Division:
    """Refuse several volumes, several slices at one position, and one slice at several; `frames` in spatial order."""
    division = divide_by_places(frames, np.concatenate([[0.0], np.cumsum(gaps)]))
    if len(division.parts) > 1:
        _refuse_several_volumes(_find_stacks(series), frames)
    shared = find_shared_places(gaps)
    if len(shared) and division.unclear:
        refuse_unclear(frames, division.unclear, len(shared))
    if len(shared):
        refuse_copies(frames, shared)
    refuse_mislabelled(frames)
    return division


def _refuse_several_volumes(stacks: Sequence[SeriesData], frames: Sequence[Frame]) -> NoReturn:
    """Refuse the stacks of one series; `frames` in the order in which to name their files."""
    refuse_several_volumes(stacks, consistency.list_paths(frames), _find_common_spacing(stacks))


def _find_stacks(series: SeriesData) -> tuple[SeriesData, ...]:
    """Split a series; empty where it is one stack."""
    stacks = split(series)
    return stacks if len(stacks) > 1 else ()


def _find_common_spacing(stacks: Sequence[SeriesData]) -> float | None:
    """Find the distance of slices in mm, where all stacks have the same."""
    spacings = set()
    for stack in stacks:
        try:
            arrangement = arrange(stack, order="position", tolerance=GAP_TOLERANCE)
        except GeometryError:
            return None
        if arrangement.irregularity is not None or arrangement.geometry.affine is None:
            return None
        spacings.add(round(arrangement.geometry.spacing[2], 3))
    return spacings.pop() if len(spacings) == 1 else None
