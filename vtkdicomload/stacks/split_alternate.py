"""Frames of one even grid whose odd and even ones may be two volumes, by what nothing but their whole headers says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import CorruptFileError
from ..headers.preamble import NotDicomError
from .evenness import LEAST, Evenness, estimate_gap, judge_evenness
from .header_columns import compare_frames, divide_by_column, read_columns
from .split_attributes import KNOWN, Sort, rank_values
from .split_places import MOST_GRIDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..headers.comparing import Comparison
    from .split_attributes import Attribute, Indices
    from .split_pieces import Piece, PlacedFrames

_FEWEST = 6  # frames that are asked: of two volumes of three; to ask fewer would cost an eighth of loading them
_SOME = 12  # frames in which a value does not return by chance
_MOST_FRAMES = 4096  # whose headers are compared


class Alternation(NamedTuple):
    """The relation of odd to even frames."""

    pieces: list[Piece] | None  # None where they are one volume
    mixed: tuple[Attribute, ...] = ()  # in which they differ nevertheless


def divide_alternate(frames: PlacedFrames) -> Alternation:
    """Divide frames of one even grid by an attribute in which the odd and even ones differ, or every third or fourth.

    Other volumes, where they are three frames or more each; most attributes that differ so by the way in which one
    volume was measured, and private ones, which may be anything, are told instead. All headers are read only where
    those of the first few frames differ so.
    """
    members = frames.members[np.argsort(frames.along[frames.members], kind="stable")]
    if len(members) < _FEWEST or len(members) > _MOST_FRAMES:
        return Alternation(None)
    gaps = np.diff(frames.along[members])
    rungs = np.cumsum([0, *np.rint(gaps / estimate_gap(gaps))]).astype(np.int64)
    periods = [period for period in range(2, MOST_GRIDS + 1) if len(members) >= 2 * period]
    if not _may_alternate(frames, members, rungs, periods):
        return Alternation(None)
    # Where the whole has holes, a part may have one.
    regular = {Evenness.EVEN, judge_evenness(frames.along[members])}
    everything, found = range(len(frames.frames)), []
    for column in read_columns(frames, MOST_GRIDS):
        values = column.list_values(members.tolist())
        if column.name in KNOWN or column.is_one_setting or not any(_returns(values, rungs, p) for p in periods):
            continue
        parts = [frames.along[part] for part in column.list_parts(frames.members)]
        if column.divides_alternate and all(judge_evenness(part) in regular for part in parts):
            return Alternation(divide_by_column(frames, column))
        if all(len(part) < LEAST or judge_evenness(part) in regular for part in parts):
            found.append(column)
    told = ((c.name, c.list_values(everything)) for c in found if not c.may_agree_by_chance)
    return Alternation(None, tuple(rank_values(name, Sort.SETTING, values) for name, values in told))


def _may_alternate(frames: PlacedFrames, members: Indices, rungs: Indices, periods: Sequence[int]) -> bool:
    """Tell whether the first few of some frames in order have a value that returns after one of the periods."""
    for count in (max(periods) + 1, _SOME):
        try:
            compared = compare_frames(frames.frames, members[:count].tolist())
        except (CorruptFileError, NotDicomError, OSError):
            return False
        if not any(_alternate(compared, rungs, period) for period in periods):
            return False
    return True


def _alternate(compared: Comparison, rungs: Indices, period: int) -> bool:
    """Tell whether some frames have an element whose value returns after so many rungs of a grid."""
    differs = compared.differs
    again = (rungs[: len(differs)] - rungs[0]) % period == 0  # where the value of the first has to return
    columns: list[int] = np.flatnonzero(~differs[again].any(axis=0)).tolist()
    return any(_returns(compared.list_values(k), rungs, period) for k in columns)


def _returns(values: Sequence[object], rungs: Indices, period: int) -> bool:
    """Tell whether values return after so many rungs of a grid, and differ between them."""
    found: dict[int, object] = {}
    for value, rung in zip(values, rungs.tolist(), strict=False):
        if found.setdefault(rung % period, value) != value:
            return False
    return len(set(found.values())) > 1
