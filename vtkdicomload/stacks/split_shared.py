"""Frames of which several lie in one place: the attributes that tell them apart, by value, range or rank."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..headers.orientation import compute_direction
from .evenness import LEAST, Evenness, judge_evenness
from .series_data import Label, Rank
from .split_attributes import UNRANKED, Sort
from .split_header import divide_by_header
from .split_pieces import Piece, PlacedFrames
from .split_places import follow_each_other

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._util.arrays import Floats
    from .split_attributes import Attribute, Indices

    Rule = Callable[[PlacedFrames], "list[Piece] | None"]

_MOST_ATTRIBUTES = 3  # that may tell volumes apart together
_BESIDE = 0.1  # mm across the normal that are no rounding any more
_POSITION = "ImagePositionPatient"


class Shared(NamedTuple):
    """The division of frames that share places."""

    pieces: list[Piece] | None  # None where nothing tells them apart
    unclear: tuple[str, ...] = ()  # attributes that tell them apart, but not which belong together


def divide_shared(frames: PlacedFrames) -> Shared:
    """Divide frames by the first rule that fits, else by the rest of their headers, else by their own number."""
    for rule in RULES:
        if pieces := rule(frames):
            return Shared(pieces)
    # What tells the frames of every place apart, and not which belong together, says that some of them are lost.
    unclear = [a.name for a in _list_settings(frames.attributes) if a.name not in UNRANKED and _tells_apart(frames, a)]
    if unclear:
        return Shared(None, tuple(unclear))
    pieces, contradiction = divide_by_header(frames)
    return Shared(pieces or (None if contradiction else divide_by_number(frames)), contradiction)


def _tells_apart(frames: PlacedFrames, attribute: Attribute) -> bool:
    """Tell whether no two frames of a place have the same value."""
    members = frames.members
    pairs = np.stack([frames.places[members], attribute.codes[members]])
    return len(np.unique(pairs, axis=1)[0]) == len(members)


# ------------------------------------------------------------------------------------------------------------ values
def divide_by_fewest_settings(frames: PlacedFrames) -> list[Piece] | None:
    """Divide by the fewest settings whose values make as many volumes as frames lie in the fullest place."""
    return _divide_by_fewest(frames, _list_settings(_list_few(frames)))


def divide_by_fewest_attributes(frames: PlacedFrames) -> list[Piece] | None:
    """Divide likewise by settings and times together."""
    return _divide_by_fewest(frames, _list_few(frames))


def _list_few(frames: PlacedFrames) -> list[Attribute]:
    # Every frame's own time would make a stack of one: no more volumes than frames in the fullest place.
    return frames.list_differing(int(frames.count_in_places().max()))


def _list_settings(attributes: Sequence[Attribute]) -> list[Attribute]:
    return [a for a in attributes if a.sort in (Sort.CONTENT, Sort.SETTING)]


def _divide_by_fewest(frames: PlacedFrames, few: Sequence[Attribute]) -> list[Piece] | None:
    fullest = int(frames.count_in_places().max())
    for count in range(1, _MOST_ATTRIBUTES + 1):
        for chosen in combinations(few, count):
            groups = frames.group(chosen)
            if len(groups) == fullest and all(map(frames.shares_no_place, groups)):
                return frames.divide(chosen, groups)
    return None


def divide_by_even_setting(frames: PlacedFrames) -> list[Piece] | None:
    """Divide by the first setting each of whose values fills all places alike, where all places are alike full."""
    return _divide_evenly(frames, _list_settings(_list_few(frames)))


def divide_by_even_attribute(frames: PlacedFrames) -> list[Piece] | None:
    """Divide likewise by a setting or a time."""
    return _divide_evenly(frames, _list_few(frames))


def _divide_evenly(frames: PlacedFrames, few: Sequence[Attribute]) -> list[Piece] | None:
    counts = frames.count_in_places()
    if counts.min() < counts.max():
        return None
    for attribute in few:
        groups = frames.group([attribute])
        if all(_fills_evenly(frames.places[group], len(counts)) for group in groups):
            return frames.divide([attribute], groups)
    return None


def _fills_evenly(places: Indices, count: int) -> bool:
    """Tell whether frames lie in all of `count` places, and equally many in each."""
    _, times = np.unique(places, return_counts=True)
    return len(times) == count and bool((times == times[0]).all())


def divide_by_loose_values(frames: PlacedFrames) -> list[Piece] | None:
    """Divide by values of which no place has all: each place lost another volume, or a volume has few places."""
    fullest = int(frames.count_in_places().max())
    some = frames.list_differing(2 * fullest)
    for count in range(1, _MOST_ATTRIBUTES + 1):
        for chosen in combinations(some, count):
            groups = frames.group(chosen)
            # A measured time that stands at one place alone is no volume's.
            least = 2 if any(a.sort is Sort.TIME for a in chosen) else 1
            fits = len(groups) <= 2 * fullest and _recurs(groups) and min(map(len, groups)) >= least
            if fits and all(map(frames.shares_no_place, groups)):
                return frames.divide(chosen, groups)
    return None


def _recurs(groups: Sequence[Indices]) -> bool:
    """Tell whether some value stands at several places."""
    return max(map(len, groups)) > 1


# ------------------------------------------------------------------------------------------------------------ ranges
def divide_by_ranges(frames: PlacedFrames) -> list[Piece] | None:
    """Divide by the first attribute whose parts are slabs or beds that overlap."""
    for attribute in frames.list_differing(len(frames.members) // LEAST):
        groups = frames.group([attribute])
        several = [frames.places[g] for g in groups]
        if sum(len(np.unique(p)) for p in several) == len(np.unique(frames.places[frames.members])):
            continue  # no place is shared by two of them
        if len(groups) ** 2 > LEAST * len(frames.members) or not all(_is_even(frames, g) for g in groups):
            continue
        if follow_each_other([frames.along[g] for g in groups]):
            return frames.divide([attribute], groups)
    return None


def _is_even(frames: PlacedFrames, group: Indices) -> bool:
    """Tell whether the places of a group are even, and alike full."""
    _, first, counts = np.unique(frames.places[group], return_index=True, return_counts=True)
    return bool(counts.min() == counts.max()) and judge_evenness(frames.along[group[first]]) is Evenness.EVEN


# ------------------------------------------------------------------------------------------------------------- ranks
def divide_by_rank(frames: PlacedFrames) -> list[Piece] | None:
    """Divide by the rank within each place of the first attribute that can prove it, where places are alike full.

    Settings prove it where no value stands at two places; measured times where their count, or the frames' own number,
    says the same.
    """
    for attribute in frames.attributes:
        if attribute.name in UNRANKED:
            continue
        grid = _rank_in_places(frames, attribute)
        if grid is None:
            continue
        distinct = len(np.unique(attribute.codes[frames.members]))
        if attribute.sort is Sort.TIME:
            proved = not _stand_at_two_places(frames, attribute) and _is_counted(frames, grid)
        else:
            proved = distinct == grid.size
        if proved:
            return _make_ranks(attribute, grid)
    return None


def _rank_in_places(frames: PlacedFrames, attribute: Attribute) -> Indices | None:
    """Sort the frames of each place by an attribute, a place a row; None where places are unlike or values missing."""
    members, counts = frames.members, frames.count_in_places()
    if counts.min() < counts.max() or attribute.codes[members].min() < 0:
        return None
    order = np.lexsort((attribute.codes[members], frames.places[members]))
    grid = members[order].reshape(-1, int(counts.max()))
    return grid if np.diff(attribute.codes[grid], axis=1).all() else None


def _is_counted(frames: PlacedFrames, grid: Indices) -> bool:
    """Tell whether files count as many volumes, or number them in the same order at every place."""
    if grid.shape[1] in _list_counts(frames, grid):
        return True
    numbered = _rank_in_places(frames, frames.number)
    return numbered is not None and np.array_equal(numbered, grid) and _runs_alike(frames, grid)


def _list_counts(frames: PlacedFrames, grid: Indices) -> list[int]:
    """List how many volumes the files say that there are."""
    h = frames.frames[int(grid[0, 0])].header
    counts = (h.number_of_temporal_positions, h.number_of_time_slices, h.cardiac_number_of_images)
    return [count for count in counts if count is not None and count > 1]


def _stand_at_two_places(frames: PlacedFrames, attribute: Attribute) -> bool:
    """Tell whether every value stands at two places or more: then the values are the volumes, not their ranks."""
    _, times = np.unique(attribute.codes[frames.members], return_counts=True)
    return bool(times.min() > 1)


def _make_ranks(attribute: Attribute, grid: Indices) -> list[Piece]:
    each = grid.shape[1]
    return [Piece((Label(attribute.name, Rank(rank + 1, each)),), np.sort(grid[:, rank])) for rank in range(each)]


# ------------------------------------------------------------------------------------------------------ side by side
def divide_by_columns(frames: PlacedFrames) -> list[Piece] | None:
    """Divide by where frames lie across their normal, where volumes stand side by side."""
    members = frames.members
    points = [frames.frames[k].position for k in members.tolist()]
    orientation = frames.frames[int(members[0])].orientation
    if orientation is None or None in points:
        return None
    across = np.array(points, np.float64) @ compute_direction(orientation)[:, :2]
    codes = np.stack([_number_columns(across[:, axis]) for axis in (0, 1)])
    _, column = np.unique(codes, axis=1, return_inverse=True)
    groups = [members[column.ravel() == k] for k in range(int(column.max()) + 1)]
    if len(groups) != frames.count_in_places().max() or not all(map(frames.shares_no_place, groups)):
        return None
    return [Piece((Label(_POSITION, Rank(k + 1, len(groups))),), group) for k, group in enumerate(groups)]


def _number_columns(across: Floats) -> Indices:
    """Number the columns that frames stand in, from the lowest, by their places along one side of the pixels."""
    order = np.argsort(across, kind="stable")
    numbers = np.empty(len(across), np.int64)
    numbers[order] = np.cumsum(np.diff(across[order], prepend=across[order[0]]) > _BESIDE)
    return numbers


# ------------------------------------------------------------------------------------------------------- last resort
def divide_by_number(frames: PlacedFrames) -> list[Piece] | None:
    """Divide by the rank of the frames' own number, where it runs alike at all places."""
    grid = _rank_in_places(frames, frames.number)
    return None if grid is None or not _runs_alike(frames, grid) else _make_ranks(frames.number, grid)


def _runs_alike(frames: PlacedFrames, grid: Indices) -> bool:
    """Tell whether numbers take the same steps at every place: where slices of other volumes were lost, they do not."""
    numbers = np.array([(f.header.instance_number or 0, f.index_in_file) for f in frames.frames], np.int64)
    steps = np.diff(numbers[grid], axis=1)
    if not (steps == steps[:1]).all():
        return False
    # Where there were more volumes, each place has to have kept the same.
    more = [count for count in _list_counts(frames, grid) if count > grid.shape[1]]
    return all(np.ptp(numbers[grid[:, 0], 0] % count) == 0 for count in more)


RULES: tuple[Rule, ...] = (
    divide_by_fewest_settings,
    divide_by_even_setting,
    divide_by_fewest_attributes,
    divide_by_even_attribute,
    divide_by_ranges,
    divide_by_rank,
    divide_by_columns,
    divide_by_loose_values,
)
