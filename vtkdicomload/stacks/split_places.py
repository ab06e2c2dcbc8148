"""Dividing frames of which several lie in one place, by the attributes that tell them apart."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .along import measure_along
from .series_data import Label, Rank
from .split_attributes import list_attributes
from .tolerances import compute_same_position_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..headers.model import Frame
    from .split_attributes import Attribute, Indices

    Rule = Callable[["PlacedFrames"], "list[Piece] | None"]

_UNRANKED = ("ImageType", "ComplexImageComponent", "DiffusionGradientOrientation")
_MOST_ATTRIBUTES = 3  # that may tell volumes apart together


class Piece(NamedTuple):
    """Some of the frames, and what tells them apart from the others."""

    labels: tuple[Label, ...]
    members: Indices


class PlacedFrames(NamedTuple):
    """Frames of one layout and orientation: which ones, and of all frames the places and attributes."""

    members: Indices
    places: Indices  # the number of each frame's position along the normal
    attributes: Sequence[Attribute]  # the last is the frames' own number, which is of use for its rank alone

    def count_in_places(self) -> Indices:
        """Count the frames in each place that has any."""
        counts = np.bincount(self.places[self.members])
        return counts[counts > 0]

    def may_divide(self) -> list[Attribute]:
        """List the attributes of which these frames have several values, but no more than frames in one place."""
        # Every frame's own time would make a stack of one: no more volumes than frames in the fullest place.
        most = int(self.count_in_places().max())
        return [a for a in self.attributes[:-1] if 1 < len(np.unique(a.codes[self.members])) <= most]


def divide_shared_places(frames: Sequence[Frame]) -> list[Piece]:
    """Find the volumes among frames of one layout and orientation; all in one piece where no place is shared."""
    everything = np.arange(len(frames))
    places = number_places(frames)
    if not len(places) or np.bincount(places).max() == 1:
        return [Piece((), everything)]
    return _divide(PlacedFrames(everything, places, list_attributes(frames)))


def number_places(frames: Sequence[Frame]) -> Indices:
    """Number the positions of frames along the normal; empty where a frame has none."""
    along = measure_along(frames)
    if along is None:
        return np.zeros(0, np.int64)
    order = np.argsort(along, kind="stable")
    gaps = np.diff(along[order])
    numbers = np.empty(len(frames), np.int64)
    numbers[order] = np.concatenate([[0], np.cumsum(gaps > compute_same_position_limit(gaps))])
    return numbers


def _divide(frames: PlacedFrames) -> list[Piece]:
    """Divide by the first rule that fits, and its pieces again, until no two frames of a piece share a place."""
    if frames.count_in_places().max() > 1:
        for rule in RULES:
            pieces = rule(frames)
            if pieces:
                return [
                    Piece((*piece.labels, *volume.labels), volume.members)
                    for piece in pieces
                    for volume in _divide(frames._replace(members=piece.members))
                ]
    return [Piece((), frames.members)]


# ------------------------------------------------------------------------------------------------------------- rules
def divide_by_fewest_attributes(frames: PlacedFrames) -> list[Piece] | None:
    """Divide by the fewest attributes whose values make as many volumes as frames lie in the fullest place."""
    fullest = int(frames.count_in_places().max())
    few = frames.may_divide()
    for count in range(1, _MOST_ATTRIBUTES + 1):
        for chosen in combinations(few, count):
            groups = _group_by_values(frames.members, chosen)
            if len(groups) == fullest and all(len(np.unique(frames.places[g])) == len(g) for g in groups):
                return [Piece(_label(chosen, group), group) for group in groups]
    return None


def divide_by_even_attribute(frames: PlacedFrames) -> list[Piece] | None:
    """Divide by the first attribute each of whose values fills all places alike, where all places are alike full."""
    counts = frames.count_in_places()
    if counts.min() < counts.max():
        return None
    for attribute in frames.may_divide():
        groups = _group_by_values(frames.members, [attribute])
        if all(_fills_evenly(frames.places[group], len(counts)) for group in groups):
            return [Piece(_label([attribute], group), group) for group in groups]
    return None


def divide_by_rank(frames: PlacedFrames) -> list[Piece] | None:
    """Divide by the rank within each place of the first attribute that has one, where all places are alike full."""
    counts = frames.count_in_places()
    if counts.min() < counts.max():
        return None
    for attribute in frames.attributes:
        pieces = _rank(frames, attribute, int(counts.max()))
        if pieces:
            return pieces
    return None


RULES: tuple[Rule, ...] = (divide_by_fewest_attributes, divide_by_even_attribute, divide_by_rank)


def _group_by_values(members: Indices, chosen: Sequence[Attribute]) -> list[Indices]:
    """Group frames by their combinations of values, in the order of the values."""
    combined = np.zeros(len(members), np.int64)
    for attribute in chosen:
        _, codes = np.unique(attribute.codes[members], return_inverse=True)
        combined = combined * (int(codes.max()) + 1) + codes
    return [members[combined == value] for value in np.unique(combined)]


def _label(chosen: Sequence[Attribute], group: Indices) -> tuple[Label, ...]:
    return tuple(Label(attribute.name, attribute.values[int(group[0])]) for attribute in chosen)


def _fills_evenly(places: Indices, count: int) -> bool:
    """Tell whether frames lie in all of `count` places, and equally many in each."""
    _, times = np.unique(places, return_counts=True)
    return len(times) == count and bool((times == times[0]).all())


def _rank(frames: PlacedFrames, attribute: Attribute, each: int) -> list[Piece] | None:
    """Make the volumes of an attribute's rank within each place; None where it is missing or tied."""
    members = frames.members
    if attribute.name in _UNRANKED or attribute.codes[members].min() < 0:
        return None
    order = np.lexsort((attribute.codes[members], frames.places[members]))
    grid = members[order].reshape(-1, each)
    if not np.diff(attribute.codes[grid], axis=1).all():
        return None
    return [Piece((Label(attribute.name, Rank(rank + 1, each)),), np.sort(grid[:, rank])) for rank in range(each)]
