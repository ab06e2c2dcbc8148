"""Positions, orientations and frames of reference of a whole series, as far as they can be believed."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .._util.arrays import find_median
from .._util.wording import name_files_of
from ..headers.orientation import compute_direction, compute_normal, find_orientation_fault
from . import consistency
from .along import find_places, get_locations, measure_along
from .assumptions import Assumed, Assumption, AssumptionKind
from .evenness import Evenness, judge_evenness
from .split_places import are_several_grids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..headers.model import Frame

_LOCATION_TOLERANCE = 0.02  # mm between SliceLocation and a position along the normal
_FEWEST_FILES = 4  # that may each have a frame of reference of their own, of which none is true
_FEWEST_VIEWS = 4  # of a rotation
_ANGLE_TOLERANCE = 0.02  # between the steps of a rotation, relative ...
_ANGLE_SLACK = 0.05  # ... plus this many degrees
_AXIS_TOLERANCE = 0.02  # between the axes of its steps


# ------------------------------------------------------------------------------------------ positions that are none
def settle_positions(frames: tuple[Frame, ...]) -> Assumed[tuple[Frame, ...]]:
    """Place frames by SliceLocation where all positions are equal, or by none where that does not agree with them."""
    position = frames[0].position
    if position is None or len(frames) < 2 or any(f.position != position for f in frames):
        return Assumed(frames)
    unplaced = tuple(f._replace(position=None) for f in frames)
    along = get_locations(unplaced)
    if along is None:
        return Assumed(frames)
    orientation = frames[0].orientation
    one = orientation is not None and len(consistency.group_by_orientation(frames)) == 1
    if orientation is None or not one or find_orientation_fault(orientation):
        return Assumed(unplaced, (Assumption(AssumptionKind.USELESS_POSITIONS),))
    normal = compute_normal(orientation)
    origin = np.array(position)
    agreeing = np.flatnonzero(np.abs(along - origin @ normal) <= _LOCATION_TOLERANCE)
    if not len(agreeing):
        return Assumed(unplaced, (Assumption(AssumptionKind.USELESS_POSITIONS),))
    points = origin + np.outer(along - origin @ normal, normal)
    placed = tuple(f._replace(position=(x, y, z)) for f, (x, y, z) in zip(frames, points.tolist(), strict=True))
    facts = {"agreeing": consistency.name_files([frames[int(k)] for k in agreeing])}
    return Assumed(placed, (Assumption(AssumptionKind.POSITIONS_FROM_LOCATION, facts),))


# ------------------------------------------------------------------------------------------------ views of a rotation
def settle_rotation(frames: tuple[Frame, ...]) -> Assumed[tuple[Frame, ...]]:
    """Take the place from images that are each turned by one angle against the one before: they make no volume."""
    orientations = [f.orientation for f in frames if f.orientation is not None]
    few = len(orientations) < max(len(frames), _FEWEST_VIEWS)
    if few or len(set(orientations)) < len(frames) - 1 or any(map(find_orientation_fault, set(orientations))):
        return Assumed(frames)
    ordered, order = _sort_by_number(frames)
    step = ordered and _find_step([compute_direction(f.orientation or ()) for f in ordered])
    if not step:
        return Assumed(frames)
    views = tuple(f._replace(position=None, orientation=None) for f in frames)
    return Assumed(views, (Assumption(AssumptionKind.ROTATION, {"frames": len(frames), "step": step, "order": order}),))


def _sort_by_number(frames: Sequence[Frame]) -> tuple[list[Frame], str]:
    """Sort frames by their numbers, and name those; empty where these do not tell them apart."""
    if len({f.path for f in frames}) == 1:
        return sorted(frames, key=lambda f: f.index_in_file), "the file"
    numbers = {f.header.instance_number for f in frames}
    if None in numbers or len(numbers) < len(frames):
        return [], ""
    return sorted(frames, key=lambda f: f.header.instance_number or 0), "InstanceNumber"


def _find_step(directions: Sequence[Floats]) -> float | None:
    """Find the angle in degrees by which each of some directions is turned against the last; None where they differ."""
    turns = [after @ before.T for before, after in pairwise(directions)]
    # Of a rotation matrix the antisymmetric part is the axis times the sine of the angle, the trace tells its cosine.
    axes = np.array([(m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]) for m in turns]) / 2
    angles = np.degrees(np.arctan2(np.linalg.norm(axes, axis=1), [(np.trace(m) - 1) / 2 for m in turns]))
    step = find_median(angles)
    if step < _ANGLE_SLACK or np.any(np.abs(angles - step) > _ANGLE_TOLERANCE * step + _ANGLE_SLACK) or step > 179:
        return None
    units = axes / np.linalg.norm(axes, axis=1)[:, np.newaxis]
    return step if np.abs(units - units[0]).max() <= max(_AXIS_TOLERANCE, _ANGLE_SLACK / step) else None


# ------------------------------------------------------------------------------------------------ frames of reference
def settle_frames_of_reference(frames: tuple[Frame, ...]) -> Assumed[tuple[Frame, ...]]:
    """Settle the frame of reference of even grids whose files tell of it each for itself, or of which some do not."""
    uids = {f.header.frame_of_reference_uid for f in frames}
    if len(uids) == 2 and None in uids:
        return _fill_in_frame_of_reference(frames, uids)
    if len(uids) < _FEWEST_FILES or None in uids or len(uids) != len({f.path for f in frames}):
        return Assumed(frames)
    if not all(map(_make_even_grids, consistency.group_by_orientation(frames))):
        return Assumed(frames)
    unknown = tuple(f._replace(header=f.header._replace(frame_of_reference_uid=None)) for f in frames)
    return Assumed(unknown, (Assumption(AssumptionKind.FRAMES_OF_REFERENCE, {"files": len(uids)}),))


def _fill_in_frame_of_reference(frames: tuple[Frame, ...], uids: set[str | None]) -> Assumed[tuple[Frame, ...]]:
    """Take the one frame of reference there is for files without one, which would leave gaps in the grids of others."""
    lacking: list[Frame] = []
    for group in consistency.group_by_orientation(frames):
        parts = consistency.group_by_frame_of_reference(group)
        if len(parts) == 1:
            continue
        if not _make_even_grids(group) or all(map(_may_be_volume, parts)):
            return Assumed(frames)
        lacking += next(part for part in parts if part[0].header.frame_of_reference_uid is None)
    if not lacking:
        return Assumed(frames)
    (uid,) = uids - {None}
    filled = {id(f) for f in lacking}
    settled = tuple(
        f._replace(header=f.header._replace(frame_of_reference_uid=uid)) if id(f) in filled else f for f in frames
    )
    paths = consistency.list_paths(lacking)
    facts = {"files": len(paths), "all_files": len(consistency.list_paths(frames)), "names": name_files_of(paths)}
    return Assumed(settled, (Assumption(AssumptionKind.NO_FRAME_OF_REFERENCE, facts),))


def _make_even_grids(frames: Sequence[Frame]) -> bool:
    """Tell whether frames of one orientation lie on one even grid, or on several between each other."""
    along = measure_along(frames)
    places = None if along is None else find_places(along)
    if places is None or len(places) < _FEWEST_FILES:
        return False
    return judge_evenness(places) is Evenness.EVEN or are_several_grids(places)


def _may_be_volume(frames: Sequence[Frame]) -> bool:
    """Tell whether frames of one orientation are even by themselves."""
    along = measure_along(frames)
    return along is not None and judge_evenness(find_places(along)) is Evenness.EVEN
