"""Nuclear medicine: where the slices of a reconstruction lie, and what the frames of other images are of.

PS3.3 C.8.4.8 names the vectors that count the frames, C.8.4.11 holds the place of the first slice, C.8.4.15 the step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..data_set import UnusableAttribute, convert_integers, convert_numbers, find_keyword
from ..model import Dimension
from ..orientation import compute_normal

if TYPE_CHECKING:
    from ..data_set import Attributes
    from ..model import Header

_SLICES = "SliceVector"


def read_frame_vectors(header: Header, attributes: Attributes) -> list[Header]:
    """One header for each frame: slices of a reconstruction in their places, other frames without.

    Raises
    ------
    UnusableAttribute
        A vector or a position does not describe the frames.
    """
    count, step = header.number_of_frames, header.spacing_between_slices
    vectors = _read_vectors(attributes, count)
    dimensions = [tuple(Dimension(name, v[k], v[k]) for name, v in vectors.items()) for k in range(count)]
    place = _place_of_first(attributes) if _SLICES in vectors or count == 1 else None
    if place is not None and (step or count == 1):
        position, orientation = place
        slices = np.array(vectors.get(_SLICES, [1]))
        # PS3.3 C.8.4.15: behind the first slice along row × column; before it where the spacing is negative.
        steps = np.outer(slices - slices[0], compute_normal(orientation) * (step or 0.0))
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


def _read_vectors(attributes: Attributes, count: int) -> dict[str, list[int]]:
    """The vectors that FrameIncrementPointer names, by keyword, the slowest first."""
    pointers = attributes.get("FrameIncrementPointer")
    found: dict[str, list[int]] = {}
    for tag in [] if pointers is None else convert_integers("FrameIncrementPointer", pointers):
        keyword = find_keyword(tag)
        if keyword.endswith("Vector") and (values := attributes.get(keyword)) is not None:
            found[keyword] = convert_integers(keyword, values)
            if len(found[keyword]) != count:
                raise UnusableAttribute(f"{keyword} holds {len(found[keyword])} values for {count} frames")
    return found


def _place_of_first(attributes: Attributes) -> tuple[Any, Any] | None:
    """Position and orientation of the first slice; None where they are not there."""
    detector = attributes.first("DetectorInformationSequence")
    names = (("ImagePositionPatient", 3), ("ImageOrientationPatient", 6))
    if detector is None or any(not detector.get(name) for name, _ in names):
        return None
    position, orientation = (convert_numbers(name, detector.get(name), count) for name, count in names)
    return position, orientation
