"""The order of the frames of one stack: along the normal, by name, as given, by InstanceNumber."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._util.names import natural_key
from ..errors import DuplicateSliceError
from . import consistency
from .conflicts import find_twins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..headers.model import Frame


def in_named_order(frames: list[Frame], order: str) -> list[Frame]:
    """Sort frames by the names of their files, or leave them as given."""
    if order == "given":
        return frames
    key = natural_key()
    return sorted(frames, key=lambda f: (key(f.path), f.index_in_file))


def in_instance_order(frames: list[Frame], assumptions: list[str]) -> list[Frame]:
    """Order without positions: InstanceNumber where every file has its own, else natural order of the names."""
    missing = "ImagePositionPatient" if any(f.position is None for f in frames) else "ImageOrientationPatient"
    if len(frames) == 1:
        assumptions.append(f"no {missing}: the volume has no place in the patient")
        return frames
    numbers = [f.header.instance_number for f in frames]
    files = len({f.path for f in frames})
    if files == 1:
        assumptions.append(f"no {missing}: frames are in file order")
        return sorted(frames, key=lambda f: f.index_in_file)
    if twins := find_twins(frames):
        copies = [f.path for members in twins for f in members[1:]]
        raise DuplicateSliceError(
            f"{consistency.some_names(twins[0])} have the same SOPInstanceUID: they are copies of one image → "
            f'ignore={copies!r}, or order="natural" takes them all',
            files=consistency.paths_of(f for members in twins for f in members),
        )
    if None not in numbers and len(set(numbers)) == files:
        assumptions.append(f"no {missing}: slices are in the order of InstanceNumber, their direction is not known")
        return sorted(frames, key=lambda f: (f.header.instance_number or 0, f.index_in_file))
    assumptions.append(f"no {missing}: slices are in natural order of the file names, their direction is not known")
    return in_named_order(frames, "natural")


def in_space(frames: Sequence[Frame], normal: Floats) -> list[Frame]:
    """Sort frames along their normal."""
    along = np.array([f.position for f in frames], np.float64) @ normal
    return [frames[k] for k in np.argsort(along, kind="stable")]
