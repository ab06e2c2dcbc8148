"""Whatever else the headers say that may tell volumes apart, where nothing that is known does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .evenness import LEAST, Evenness, judge_evenness
from .header_columns import divide_by_column, read_columns
from .split_places import follow_each_other

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .header_columns import Column
    from .split_pieces import Piece, PlacedFrames

_MOST_FRAMES = 4096  # whose headers are compared
TOO_MANY = "the headers of so many files"


class HeaderDivision(NamedTuple):
    """A division by the headers, or what speaks of several volumes without saying which."""

    pieces: list[Piece] | None
    contradiction: tuple[str, ...] = ()  # the attributes that say that there are several, and not which


def divide_by_header(frames: PlacedFrames) -> HeaderDivision:
    """Divide frames that share places by any attribute whose values are whole volumes or slabs; all that are agree.

    UIDs, dates, times, what follows from the pixels and what identifies a person stand back until nothing else does.
    An attribute that tells the frames of each place apart, with more values than frames lie there, says that slices are
    lost.
    """
    counts = frames.count_in_places()
    if len(counts) < 2 or not _may_be_read(frames):
        return HeaderDivision(None)
    columns = read_columns(frames, max(2 * int(counts.max()), len(frames.members) // LEAST))
    for fits in (_are_volumes, _are_slabs):
        for backward in (False, True):
            found = [c for c in columns if c.stands_back is backward and fits(frames, c)]
            if found:
                return _divide_by_agreement(frames, found)
    lossy = [c for c in columns if not c.follows_from_pixels and _are_fragments(frames, c)]
    return HeaderDivision(None, tuple(c.name for c in sorted(lossy, key=lambda c: c.stands_back)[:1]))


def divide_uneven_by_header(frames: PlacedFrames) -> HeaderDivision:
    """Divide uneven frames at places of their own by an attribute each value of which lies evenly.

    UIDs, dates and what else stands back is asked last, the fewest parts first.
    """
    if len(frames.members) > _MOST_FRAMES:
        return HeaderDivision(None, (TOO_MANY,))
    if not _may_be_read(frames):
        return HeaderDivision(None)
    doubtful = []
    columns = read_columns(frames, len(frames.members) // LEAST)
    for column in sorted(columns, key=lambda c: (c.stands_back, len(set(c.values.values())))):
        parts = column.list_parts(frames.members)
        if min(map(len, parts)) < LEAST:
            continue
        even = [len(part) for part in parts if judge_evenness(frames.along[part]) is Evenness.EVEN]
        apart = follow_each_other([frames.along[part] for part in parts])
        if len(even) == len(parts) and (not apart or len(parts) ** 2 <= LEAST * len(frames.members)):
            return HeaderDivision(divide_by_column(frames, column))
        # One is even in spite of the others, and no chance few: they may lack slices.
        if not apart and max(even, default=0) * len(parts) >= len(frames.members) and not column.follows_from_pixels:
            doubtful.append(column.name)
    return HeaderDivision(None, tuple(doubtful[:1]))


def _may_be_read(frames: PlacedFrames) -> bool:
    if len(frames.members) > _MOST_FRAMES:
        return False
    members = [frames.frames[k] for k in frames.members.tolist()]
    files = {f.path: f.header for f in members}
    uids = {header.sop_instance_uid for header in files.values()}
    return len(uids) == len(files) and all(h.number_of_frames == 1 or h.functional_groups for h in files.values())


def _are_volumes(frames: PlacedFrames, column: Column) -> bool:
    """Tell whether an attribute has as many values as frames lie in the fullest place, each once at every place.

    Where a volume lacks places, another has them all, and what follows from the pixels is no proof.
    """
    counts, parts = frames.count_in_places(), column.list_parts(frames.members)
    if len(parts) != counts.max() or not all(map(frames.shares_no_place, parts)):
        return False
    sizes = [len(part) for part in parts]
    return min(sizes) == len(counts) or (
        max(sizes) == len(counts) and min(sizes) > 1 and not column.follows_from_pixels
    )


def _are_slabs(frames: PlacedFrames, column: Column) -> bool:
    """Tell whether each value of an attribute lies evenly, in ranges that overlap by less than half."""
    parts = column.list_parts(frames.members)
    if not 1 < len(parts) <= len(frames.members) // LEAST or len(parts) ** 2 > LEAST * len(frames.members):
        return False
    along = [frames.along[part] for part in parts]
    return (
        all(map(frames.shares_no_place, parts))
        and all(judge_evenness(part) is Evenness.EVEN for part in along)
        and follow_each_other(along)
    )


def _are_fragments(frames: PlacedFrames, column: Column) -> bool:
    """Tell whether an attribute has some values more than frames lie in a place, each of them at several places."""
    parts, fullest = column.list_parts(frames.members), int(frames.count_in_places().max())
    few = fullest < len(parts) <= 2 * fullest and min(map(len, parts)) > 1
    return few and all(map(frames.shares_no_place, parts))


def _divide_by_agreement(frames: PlacedFrames, found: Sequence[Column]) -> HeaderDivision:
    """Divide by the first candidate, if all the others make the same parts."""
    first, members = found[0], frames.members.tolist()
    values = [first.values.get(k, "") for k in members]
    for other in found[1:]:
        if len(set(zip(values, [other.values.get(k, "") for k in members], strict=True))) > len(set(values)):
            return HeaderDivision(None, (first.name, other.name))
    return HeaderDivision(divide_by_column(frames, first))
