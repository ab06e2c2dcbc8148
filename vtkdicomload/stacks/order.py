"""The order of the frames of one stack: along the normal, by name, as given, by InstanceNumber."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._util.names import natural_key
from .along import get_locations, list_points
from .assumptions import Assumed, Assumption, AssumptionKind
from .conflicts import judge_shared_uids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..headers.model import Frame


def sort_by_position(frames: Sequence[Frame], normal: Floats) -> list[Frame]:
    """Sort frames along their normal."""
    along = list_points(frames) @ normal
    return [frames[k] for k in np.argsort(along, kind="stable").tolist()]


def sort_by_name(frames: Sequence[Frame]) -> list[Frame]:
    """Sort frames by natural order of the names of their files."""
    key = natural_key()
    return sorted(frames, key=lambda f: (key(f.path), f.index_in_file))


def sort_by_location(frames: Sequence[Frame]) -> Assumed[list[Frame]] | None:
    """Sort frames without a place by SliceLocation; None where it does not tell them apart."""
    along = get_locations(frames)
    if along is None:
        return None
    facts = {"missing": _find_missing(frames)}
    ordered = [frames[k] for k in np.argsort(along, kind="stable").tolist()]
    return Assumed(ordered, (Assumption(AssumptionKind.LOCATION_ORDER, facts),))


def sort_run(frames: Sequence[Frame]) -> Assumed[list[Frame]]:
    """Sort the images of a run: by InstanceNumber where every file has its own, else by name. One file has an order."""
    ordered, (reason, *others) = sort_by_instance_number(frames)
    if len({f.path for f in frames}) == 1:
        return Assumed(ordered)
    by_number = reason.kind is AssumptionKind.INSTANCE_ORDER
    facts = {
        "images": len(frames),
        "order": "the order of InstanceNumber" if by_number else "natural order of their names",
    }
    return Assumed(ordered, (Assumption(AssumptionKind.SEVERAL_IMAGES, facts), *others))


def _find_missing(frames: Sequence[Frame]) -> str:
    return "ImagePositionPatient" if any(f.position is None for f in frames) else "ImageOrientationPatient"


def sort_by_instance_number(frames: Sequence[Frame]) -> Assumed[list[Frame]]:
    """Sort frames without a place: by InstanceNumber where every file has its own, else by name.

    Raises
    ------
    DuplicateSliceError
        Files are said to be of one image, and are no copies of each other.
    """
    facts = {"missing": _find_missing(frames)}
    if len(frames) == 1:
        return Assumed(list(frames), (Assumption(AssumptionKind.NO_PLACE, facts),))
    files = len({f.path for f in frames})
    if files == 1:
        ordered = sorted(frames, key=lambda f: f.index_in_file)
        return Assumed(ordered, (Assumption(AssumptionKind.FILE_ORDER, facts),))
    shared = judge_shared_uids(frames)
    numbers = [f.header.instance_number for f in frames]
    if None not in numbers and len(set(numbers)) == files:
        ordered = sorted(frames, key=lambda f: (f.header.instance_number or 0, f.index_in_file))
        return Assumed(ordered, (Assumption(AssumptionKind.INSTANCE_ORDER, facts), *shared))
    return Assumed(sort_by_name(frames), (Assumption(AssumptionKind.NAME_ORDER, facts), *shared))
