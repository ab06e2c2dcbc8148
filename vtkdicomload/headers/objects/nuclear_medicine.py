"""Nuclear medicine: where the slices of a reconstruction lie, and what the frames of other images are of.

PS3.3 C.8.4.8 names the vectors that count the frames, C.8.4.11 holds the place of the first slice, C.8.4.15 the step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..model import Dimension
from ..orientation import normal_of
from .enhanced import first_item, many, numbers_of

if TYPE_CHECKING:
    import pydicom

    from ..model import Header

_SLICES = "SliceVector"


def headers_of_detectors(header: Header, data_set: pydicom.Dataset) -> list[Header]:
    """One header for each frame: slices of a reconstruction in their places, other frames without.

    Raises
    ------
    ValueError
        A vector or a position does not describe the frames.
    """
    count, step = header.number_of_frames, header.spacing_between_slices
    vectors = _vectors(data_set, count)
    dimensions = [tuple(Dimension(name, v[k], v[k]) for name, v in vectors.items()) for k in range(count)]
    place = _place_of_first(data_set) if _SLICES in vectors or count == 1 else None
    if place is not None and (step or count == 1):
        position, orientation = place
        slices = np.array(vectors.get(_SLICES, [1]))
        # PS3.3 C.8.4.15: behind the first slice along row × column; before it where the spacing is negative.
        steps = np.outer(slices - slices[0], normal_of(orientation) * (step or 0.0))
        return [
            header._replace(position=(x, y, z), orientation=orientation, dimensions=own)
            for (x, y, z), own in zip((np.array(position) + steps).tolist(), dimensions, strict=True)
        ]
    if count == 1:
        return [header]
    unplaced = header._replace(
        position=None, orientation=None, spacing_between_slices=None if step is None else abs(step)
    )
    # The last vector counts the frames of one run: slices, views, time slices or slots.
    return [
        unplaced._replace(dimensions=own, stack=tuple((d.keyword, str(d.ordinal)) for d in own[:-1]))
        for own in dimensions
    ]


def _vectors(data_set: pydicom.Dataset, count: int) -> dict[str, list[int]]:
    """The vectors that FrameIncrementPointer names, by keyword, the slowest first."""
    from pydicom.datadict import keyword_for_tag

    pointers = data_set.get("FrameIncrementPointer")
    found: dict[str, list[int]] = {}
    for tag in [] if pointers is None else many(pointers):
        keyword = keyword_for_tag(int(tag))
        if keyword.endswith("Vector") and data_set.get(keyword) is not None:
            found[keyword] = [int(v) for v in many(data_set[keyword].value)]
            if len(found[keyword]) != count:
                raise ValueError(f"{keyword} holds {len(found[keyword])} values for {count} frames")
    return found


def _place_of_first(data_set: pydicom.Dataset) -> tuple[Any, Any] | None:
    """Position and orientation of the first slice; None where they are not there."""
    detector = first_item(data_set, "DetectorInformationSequence")
    names = (("ImagePositionPatient", 3), ("ImageOrientationPatient", 6))
    if detector is None or any(not detector.get(name) for name, _ in names):
        return None
    position, orientation = (numbers_of(name, detector[name].value, count) for name, count in names)
    return position, orientation
