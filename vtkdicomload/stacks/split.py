"""Dividing one series into clean 3-D stacks: segments, orientations, echoes, time points, b-values, image types."""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from .._util.log import logger
from ..headers.orientation import normal_of, orientation_fault, plane_of
from . import consistency
from .geometry import same_position_limit
from .series_data import SeriesData

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ..headers.model import Frame

    Indices = NDArray[np.int64]
    Labels = tuple[tuple[str, str], ...]
    Labelled = tuple[Labels, list[Frame]]
    Named = tuple[str, Callable[[Frame], object]]


S = TypeVar("S", bound=SeriesData)


# ------------------------------------------------------------------------------------- what cannot share a volume
def split(series: S) -> tuple[S, ...]:
    """The clean stacks of a series, in the order of their label values; the series itself where it is one.

    Frames are divided by what cannot share a volume (segment, pixel layout, pixel spacing, orientation, run of frames),
    then, where several lie at one position, by the fewest attributes whose values explain it, or else by an attribute's
    rank within each position.
    """
    parts: list[Labelled] = [((), list(series.frames))]
    for group, names in (
        (consistency.by_kind, consistency.KINDS),
        (consistency.by_layout, (("rows × columns", lambda f: f"{f.header.rows}×{f.header.columns}"),)),
        (
            consistency.by_pixel_spacing,
            (
                ("PixelSpacing", lambda f: f.header.pixel_spacing),
                ("ImagerPixelSpacing", consistency.spacing_at_detector),
            ),
        ),
        (consistency.by_orientation, (("plane", lambda f: plane_of(f.orientation)),)),
        (consistency.by_stack, _stack_names(series.frames)),
        (consistency.by_run, _run_names(series.frames)),
    ):
        parts = [piece for part in parts for piece in _divided(part, group, names)]
    parts = [piece for labels, frames in parts for piece in _told_apart(labels, frames)]
    if len(parts) == 1:
        return (series,)
    # By name alone: the values of a label may be any text.
    dividing = dict.fromkeys(name for labels, _ in parts for name, _ in labels)
    logger.debug("%d frames are divided into %d stacks by %s", len(series.frames), len(parts), ", ".join(dividing))
    return tuple(replace(series, frames=tuple(frames), labels=labels) for labels, frames in parts)


def _stack_names(frames: Sequence[Frame]) -> tuple[Named, ...]:
    def value_of(name: str) -> Callable[[Frame], object]:
        return lambda frame: dict(frame.header.stack).get(name)

    return tuple((name, value_of(name)) for name in dict.fromkeys(name for f in frames for name, _ in f.header.stack))


def _run_names(frames: Sequence[Frame]) -> tuple[Named, ...]:
    """InstanceNumber where every file has one of its own, else the name of the file."""
    numbers = {f.path: f.header.instance_number for f in frames}
    if None not in numbers.values() and len(set(numbers.values())) == len(numbers):
        return (("InstanceNumber", lambda f: f.header.instance_number),)
    return (("file", lambda f: os.path.basename(f.path)),)


def _divided(
    part: Labelled, group: Callable[[Sequence[Frame]], list[list[Frame]]], names: Sequence[Named]
) -> list[Labelled]:
    """The groups of a part, each labelled by those of the names that differ; by all where none does."""
    labels, frames = part
    groups = group(frames)
    if len(groups) == 1:
        return [part]
    differing = [(name, value) for name, value in names if len({value(members[0]) for members in groups}) > 1]
    return [
        ((*labels, *((name, _words(value(members[0]))) for name, value in differing or names)), members)
        for members in groups
    ]


def _words(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return "\\".join(_words(v) for v in value)
    return "none" if value is None else str(value)


# ---------------------------------------------------------------------------- what tells volumes in one place apart
# The most meaningful first; the dimensions of multi-frame files come before the times.
_ATTRIBUTES: tuple[Named, ...] = (
    ("ImageType", lambda f: "\\".join(f.header.image_type) or None),
    ("ComplexImageComponent", lambda f: f.header.complex_component),
    ("EchoNumbers", lambda f: f.header.echo_number),
    ("EchoTime", lambda f: f.header.echo_time),
    ("InversionTime", lambda f: f.header.inversion_time),
    ("FlipAngle", lambda f: f.header.flip_angle),
    ("DiffusionBValue", lambda f: f.header.diffusion_b_value),
    ("DiffusionGradientOrientation", lambda f: f.header.gradient_direction),
    ("TemporalPositionIdentifier", lambda f: f.header.temporal_position),
    ("TriggerTime", lambda f: f.header.trigger_time),
)
_TIMES: tuple[Named, ...] = (
    ("AcquisitionNumber", lambda f: f.header.acquisition_number),
    ("AcquisitionTime", lambda f: f.header.acquisition_time),
    ("ContentTime", lambda f: f.header.content_time),
)
_UNRANKED = ("ImageType", "ComplexImageComponent", "DiffusionGradientOrientation")


class _Attribute(NamedTuple):
    """The values of one attribute in all frames."""

    name: str
    codes: Indices  # the rank of each frame's value; -1 where it has none
    values: list[object]  # as a label shows them


def _told_apart(labels: Labels, frames: list[Frame]) -> list[Labelled]:
    """One stack for each volume among frames of one layout and orientation."""
    places = _places(frames)
    if not len(places) or np.bincount(places).max() == 1:
        return [(labels, frames)]
    found = _volumes(np.arange(len(frames)), places, _attributes(frames))
    return [((*labels, *extra), [frames[i] for i in members]) for extra, members in found]


def _places(frames: Sequence[Frame]) -> Indices:
    """The number of the position of every frame along the normal; empty where a frame has none."""
    nowhere = np.zeros(0, np.int64)
    if any(f.position is None or f.orientation is None for f in frames):
        return nowhere
    orientation = frames[0].orientation
    if orientation is None or orientation_fault(orientation):
        return nowhere
    points = np.array([f.position for f in frames], np.float64)
    along = points @ normal_of(orientation)
    order = np.argsort(along, kind="stable")
    gaps = np.diff(along[order])
    numbers = np.empty(len(frames), np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(gaps > same_position_limit(gaps))])
    return numbers


def _attributes(frames: Sequence[Frame]) -> list[_Attribute]:
    """What may tell the frames apart; their own number comes last."""
    several = any(f.index_in_file for f in frames)
    number: Named = (
        consistency.NUMBERS[several],
        lambda f: None if f.header.instance_number is None else (f.header.instance_number, f.index_in_file),
    )
    return [
        *(_coded(name, [value(f) for f in frames]) for name, value in _ATTRIBUTES),
        *_dimensions(frames),
        *(_coded(name, [value(f) for f in frames]) for name, value in (*_TIMES, number)),
    ]


def _dimensions(frames: Sequence[Frame]) -> list[_Attribute]:
    """The dimensions of multi-frame files, named by what they point at; none where the files do not agree on them."""
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
        found.append(_coded(name, indices)._replace(values=[d.value for d in along] if plain else indices))
    return found


def _coded(name: str, values: list[object]) -> _Attribute:
    ranks = {value: rank for rank, value in enumerate(sorted(set(values) - {None}, key=_sortable))}
    return _Attribute(name, np.array([ranks.get(value, -1) for value in values], np.int64), values)


def _sortable(value: object) -> tuple[tuple[Any, ...], str]:
    numbers = value if isinstance(value, tuple) else (value,) if isinstance(value, (int, float)) else ()
    return numbers, value if isinstance(value, str) else ""


def _volumes(members: Indices, places: Indices, attributes: Sequence[_Attribute]) -> list[tuple[Labels, Indices]]:
    """The volumes among some frames, each without two frames in one place, and what they are called.

    Of the attributes the last one is the frames' own number, which is of use for its rank alone.
    """
    counts = np.bincount(places[members])
    counts = counts[counts > 0]
    fullest = int(counts.max())
    if fullest == 1:
        return [((), members)]
    # Every frame's own time would make a stack of one: there must be as many volumes as frames in the fullest place.
    few = [a for a in attributes[:-1] if 1 < len(np.unique(a.codes[members])) <= fullest]
    for count in (1, 2, 3):
        for chosen in combinations(few, count):
            groups = _groups(members, chosen)
            if len(groups) == fullest and all(len(np.unique(places[g])) == len(g) for g in groups):
                return [(_labels(chosen, group), group) for group in groups]
    if counts.min() < fullest:
        return [((), members)]
    for attribute in few:
        groups = _groups(members, [attribute])
        if all(_evenly(places[group], len(counts)) for group in groups):
            return [
                ((*_labels([attribute], group), *labels), volume)
                for group in groups
                for labels, volume in _volumes(group, places, attributes)
            ]
    for attribute in attributes:
        ranked = _by_rank(members, places, attribute, fullest)
        if ranked:
            return ranked
    return [((), members)]


def _groups(members: Indices, chosen: Sequence[_Attribute]) -> list[Indices]:
    """The frames of each combination of values, in the order of the values."""
    combined = np.zeros(len(members), np.int64)
    for attribute in chosen:
        _, codes = np.unique(attribute.codes[members], return_inverse=True)
        combined = combined * (int(codes.max()) + 1) + codes
    return [members[combined == value] for value in np.unique(combined)]


def _labels(chosen: Sequence[_Attribute], group: Indices) -> Labels:
    return tuple((attribute.name, _words(attribute.values[int(group[0])])) for attribute in chosen)


def _evenly(places: Indices, count: int) -> bool:
    """Whether frames lie in all of `count` places, and equally many in each."""
    _, times = np.unique(places, return_counts=True)
    return len(times) == count and bool((times == times[0]).all())


def _by_rank(
    members: Indices, places: Indices, attribute: _Attribute, each: int
) -> list[tuple[Labels, Indices]] | None:
    """The volumes that an attribute's rank within each place makes; None where it is missing or tied."""
    if attribute.name in _UNRANKED or attribute.codes[members].min() < 0:
        return None
    order = np.lexsort((attribute.codes[members], places[members]))
    grid = members[order].reshape(-1, each)
    if not np.diff(attribute.codes[grid], axis=1).all():
        return None
    return [(((attribute.name, f"{rank + 1} of {each}"),), np.sort(grid[:, rank])) for rank in range(each)]
