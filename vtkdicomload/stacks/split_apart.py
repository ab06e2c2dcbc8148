"""Frames that all lie in places of their own: one volume, or several beside each other, by what their attributes say.

The parts that the values of one attribute make are held against where their frames lie. Ranges that follow each other
(beds, slabs, concatenations) make one volume where they make one grid. Parts that lie between each other are volumes
beside each other where each is even and their union is not; where the union is even too, as that of odd and even slices
would be, only another content divides them.
"""

from __future__ import annotations

from enum import Enum, auto
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from .evenness import LEAST, Evenness, judge_evenness
from .split_alternate import divide_alternate
from .split_attributes import THICKNESS, Sort
from .split_header import divide_uneven_by_header
from .split_places import are_several_grids, find_gap, follow_each_other

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from .split_attributes import Attribute
    from .split_pieces import Piece, PlacedFrames

_SAME_GAP = 1.5  # times the usual gap of all frames: a part with less lies on the same grid


class Verdict(Enum):
    """The kinds of parts that one attribute makes."""

    ONE = auto()  # one volume, as far as this attribute tells
    MIXED = auto()  # one volume, most likely: it has to be told
    SEVERAL = auto()  # a volume each
    UNCLEAR = auto()  # one uneven volume or several, nothing tells


class Apart(NamedTuple):
    """The division of frames at places of their own."""

    pieces: list[Piece] | None  # None where they are one
    mixed: tuple[Attribute, ...] = ()  # that differ within what is taken for one volume
    unclear: tuple[str, ...] = ()  # by what uneven frames may be several volumes


def divide_apart(frames: PlacedFrames) -> Apart:
    """Divide frames at places of their own by the first attribute whose parts are a volume each."""
    along = frames.along[frames.members]
    if len(along) < LEAST:
        return Apart(None)
    union = judge_evenness(along)
    found: dict[Verdict, list[Attribute]] = {verdict: [] for verdict in Verdict}
    for attribute in frames.list_differing(max(2, len(along) // 2)):
        verdict = _judge_parts(frames, [attribute], union)
        if verdict is Verdict.SEVERAL:
            return Apart(frames.divide([attribute], frames.group([attribute])))
        found[verdict].append(attribute)
    for pair in combinations([a for a in found[Verdict.MIXED] if a.divides_alternate], 2):
        if _judge_parts(frames, pair, union) is Verdict.SEVERAL:
            return Apart(frames.divide(pair, frames.group(pair)))
    mixed, unclear = tuple(found[Verdict.MIXED]), tuple(a.name for a in found[Verdict.UNCLEAR])
    if unclear:
        return Apart(None, mixed, unclear)
    if union is Evenness.UNEVEN:
        pieces, contradiction = divide_uneven_by_header(frames)
        return Apart(pieces, mixed, contradiction or (("their places",) if are_several_grids(along) else ()))
    pieces, alternating = divide_alternate(frames)
    return Apart(pieces, (*mixed, *alternating))


def _judge_parts(frames: PlacedFrames, chosen: Sequence[Attribute], union: Evenness) -> Verdict:
    """Judge what the parts are that the values of attributes make."""
    parts = [frames.along[group] for group in frames.group(chosen)]
    content = all(a.divides_alternate for a in chosen)
    if follow_each_other(parts):
        # Slices that share a time are many: a hole may lie between two of them by chance.
        torn = union is Evenness.UNEVEN or (union is Evenness.HOLES and chosen[0].sort is not Sort.TIME)
        return Verdict.SEVERAL if torn and _are_ranges(parts) else Verdict.ONE
    judged = [judge_evenness(part) for part in parts]
    if all(one is Evenness.EVEN for one in judged):
        if content or union is Evenness.UNEVEN:
            return Verdict.SEVERAL
        # Slices that were acquired together share a time: many small packs are no volumes.
        if all(a.sort is Sort.TIME for a in chosen) and len(parts) ** 2 > len(frames.members):
            return Verdict.ONE
        return Verdict.MIXED if union is Evenness.EVEN else Verdict.UNCLEAR
    if union is Evenness.EVEN or (union is Evenness.HOLES and _lie_on_one_grid(parts, frames)):
        return Verdict.MIXED if all(map(_matters, chosen)) else Verdict.ONE
    sizes = [len(part) for part in parts]
    large = min(sizes) >= LEAST
    if content and (large or 1 < max(sizes) <= 2 * min(sizes)):
        return Verdict.SEVERAL
    sound = any(one is not Evenness.UNEVEN for one in judged)
    return Verdict.UNCLEAR if sound and (large or content) else Verdict.ONE


def _matters(attribute: Attribute) -> bool:
    """Tell whether a slice with another value shows something else: another time or thickness is not unusual."""
    return attribute.sort in (Sort.CONTENT, Sort.SETTING) and attribute.name != THICKNESS


def _are_ranges(parts: Sequence[Floats]) -> bool:
    """Tell whether parts that follow each other are beds or slabs: few, and each even."""
    return len(parts) ** 2 <= LEAST * sum(map(len, parts)) and all(
        judge_evenness(part) is Evenness.EVEN for part in parts
    )


def _lie_on_one_grid(parts: Sequence[Floats], frames: PlacedFrames) -> bool:
    """Tell whether the largest part has the gaps of all frames, so that the others fill its holes."""
    return find_gap(max(parts, key=len)) < _SAME_GAP * find_gap(frames.along[frames.members])
