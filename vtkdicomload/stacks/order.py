"""The order of the frames of one stack: along the normal, by name, as given, by InstanceNumber."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._util.names import natural_key
from .assumptions import Assumed, Assumption, AssumptionKind
from .conflicts import refuse_shared_uids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..headers.model import Frame


def sort_by_position(frames: Sequence[Frame], normal: Floats) -> list[Frame]:
    """Sort frames along their normal."""
    along = np.array([f.position for f in frames], np.float64) @ normal
    return [frames[k] for k in np.argsort(along, kind="stable")]


def sort_by_name(frames: Sequence[Frame]) -> list[Frame]:
    """Sort frames by natural order of the names of their files."""
    key = natural_key()
    return sorted(frames, key=lambda f: (key(f.path), f.index_in_file))


def sort_by_instance_number(frames: Sequence[Frame]) -> Assumed[list[Frame]]:
    """Sort frames without a place: by InstanceNumber where every file has its own, else by name.

    Raises
    ------
    DuplicateSliceError
        Files are copies of one image.
    """
    facts = {
        "missing": "ImagePositionPatient" if any(f.position is None for f in frames) else "ImageOrientationPatient"
    }
    if len(frames) == 1:
        return Assumed(list(frames), (Assumption(AssumptionKind.NO_PLACE, facts),))
    files = len({f.path for f in frames})
    if files == 1:
        ordered = sorted(frames, key=lambda f: f.index_in_file)
        return Assumed(ordered, (Assumption(AssumptionKind.FILE_ORDER, facts),))
    refuse_shared_uids(frames)
    numbers = [f.header.instance_number for f in frames]
    if None not in numbers and len(set(numbers)) == files:
        ordered = sorted(frames, key=lambda f: (f.header.instance_number or 0, f.index_in_file))
        return Assumed(ordered, (Assumption(AssumptionKind.INSTANCE_ORDER, facts),))
    return Assumed(sort_by_name(frames), (Assumption(AssumptionKind.NAME_ORDER, facts),))
