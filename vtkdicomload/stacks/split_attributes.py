"""Attributes that may tell volumes in one place apart: echoes, time points, b-values, image types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..headers.diffusion import find_b_value, find_gradient_direction
from . import consistency

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ..headers.model import Frame

    Indices = NDArray[np.int64]
    Named = tuple[str, Callable[[Frame], object]]

# The most meaningful first; the dimensions of multi-frame files come before the times.
_ATTRIBUTES: tuple[Named, ...] = (
    ("ImageType", lambda f: "\\".join(f.header.image_type) or None),
    ("ComplexImageComponent", lambda f: f.header.complex_component),
    ("EchoNumbers", lambda f: f.header.echo_number),
    ("EchoTime", lambda f: f.header.echo_time),
    ("InversionTime", lambda f: f.header.inversion_time),
    ("FlipAngle", lambda f: f.header.flip_angle),
    ("DiffusionBValue", lambda f: find_b_value(f.header)),
    ("DiffusionGradientOrientation", lambda f: find_gradient_direction(f.header)),
    ("TemporalPositionIdentifier", lambda f: f.header.temporal_position),
    ("TriggerTime", lambda f: f.header.trigger_time),
)
_TIMES: tuple[Named, ...] = (
    ("AcquisitionNumber", lambda f: f.header.acquisition_number),
    ("AcquisitionTime", lambda f: f.header.acquisition_time),
    ("ContentTime", lambda f: f.header.content_time),
)


class Attribute(NamedTuple):
    """The values of one attribute in all frames."""

    name: str
    codes: Indices  # the rank of each frame's value; -1 where it has none
    values: list[object]  # as a label shows them


def list_attributes(frames: Sequence[Frame]) -> list[Attribute]:
    """List what may tell frames apart; their own number comes last."""
    several = any(f.index_in_file for f in frames)
    number: Named = (
        consistency.NUMBERS[several],
        lambda f: None if f.header.instance_number is None else (f.header.instance_number, f.index_in_file),
    )
    return [
        *(_rank_values(name, [value(f) for f in frames]) for name, value in _ATTRIBUTES),
        *_list_dimensions(frames),
        *(_rank_values(name, [value(f) for f in frames]) for name, value in (*_TIMES, number)),
    ]


def _list_dimensions(frames: Sequence[Frame]) -> list[Attribute]:
    """List the dimensions of multi-frame files, named by what they point at; none where the files disagree."""
    keywords = {tuple(d.keyword for d in f.header.dimensions) for f in frames}
    if len(keywords) > 1:
        return []
    found = []
    for i, name in enumerate(keywords.pop()):
        along = [f.header.dimensions[i] for f in frames]
        indices: list[object] = [d.ordinal for d in along]
        # The value itself is the better label where each index has one of its own.
        plain = None not in {d.value for d in along} and (
            len(set(indices)) == len({(d.ordinal, d.value) for d in along}) == len({d.value for d in along})
        )
        found.append(_rank_values(name, indices)._replace(values=[d.value for d in along] if plain else indices))
    return found


def _rank_values(name: str, values: list[object]) -> Attribute:
    """Give each value its rank among all."""
    ranks = {value: rank for rank, value in enumerate(sorted(set(values) - {None}, key=_sort_key))}
    return Attribute(name, np.array([ranks.get(value, -1) for value in values], np.int64), values)


def _sort_key(value: object) -> tuple[tuple[Any, ...], str]:
    numbers = value if isinstance(value, tuple) else (value,) if isinstance(value, (int, float)) else ()
    return numbers, value if isinstance(value, str) else ""
