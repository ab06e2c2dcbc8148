"""Dividing frames of which several lie in one place by the attributes that tell them apart."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ..headers.orientation import normal_of, orientation_fault
from .split_attributes import attributes_of
from .tolerances import same_position_limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..headers.model import Frame
    from .split_attributes import Attribute, Indices

    Labels = tuple[tuple[str, str], ...]
    Labelled = tuple[Labels, list[Frame]]

_UNRANKED = ("ImageType", "ComplexImageComponent", "DiffusionGradientOrientation")


def split_by_attributes(labels: Labels, frames: list[Frame]) -> list[Labelled]:
    """One stack for each volume among frames of one layout and orientation."""
    places = _places(frames)
    if not len(places) or np.bincount(places).max() == 1:
        return [(labels, frames)]
    found = _volumes(np.arange(len(frames)), places, attributes_of(frames))
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


def _volumes(members: Indices, places: Indices, attributes: Sequence[Attribute]) -> list[tuple[Labels, Indices]]:
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


def _groups(members: Indices, chosen: Sequence[Attribute]) -> list[Indices]:
    """The frames of each combination of values, in the order of the values."""
    combined = np.zeros(len(members), np.int64)
    for attribute in chosen:
        _, codes = np.unique(attribute.codes[members], return_inverse=True)
        combined = combined * (int(codes.max()) + 1) + codes
    return [members[combined == value] for value in np.unique(combined)]


def _labels(chosen: Sequence[Attribute], group: Indices) -> Labels:
    return tuple((attribute.name, label_words(attribute.values[int(group[0])])) for attribute in chosen)


def _evenly(places: Indices, count: int) -> bool:
    """Whether frames lie in all of `count` places, and equally many in each."""
    _, times = np.unique(places, return_counts=True)
    return len(times) == count and bool((times == times[0]).all())


def _by_rank(members: Indices, places: Indices, attribute: Attribute, each: int) -> list[tuple[Labels, Indices]] | None:
    """The volumes that an attribute's rank within each place makes; None where it is missing or tied."""
    if attribute.name in _UNRANKED or attribute.codes[members].min() < 0:
        return None
    order = np.lexsort((attribute.codes[members], places[members]))
    grid = members[order].reshape(-1, each)
    if not np.diff(attribute.codes[grid], axis=1).all():
        return None
    return [(((attribute.name, f"{rank + 1} of {each}"),), np.sort(grid[:, rank])) for rank in range(each)]


def label_words(value: object) -> str:
    """Write the value of a label."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return "\\".join(label_words(v) for v in value)
    return "none" if value is None else str(value)
