"""Uniform frames: their headers differ in nothing but what every file has of its own, and one speaks for all."""

from __future__ import annotations

from itertools import groupby, repeat
from operator import eq, itemgetter
from typing import TYPE_CHECKING

from ..headers.model import Frame, Header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .series_data import SeriesData

# What each file of one volume may have of its own: its bytes, its number, its place, its time and its window.
OWN = frozenset(
    (
        *("file", "pixel_offset", "pixel_length", "sop_instance_uid", "instance_number", "position", "slice_location"),
        *("window_center", "window_width", "acquisition_number", "acquisition_date", "acquisition_time"),
        *("content_time", "trigger_time", "frame_reference_time", "image_index"),
    )
)


def _list_shared() -> list[slice]:
    """List the fields of a header that are not among these, as few slices of it: one by one they take long."""
    places = [k for k, name in enumerate(Header._fields) if name not in OWN]
    runs = [[k for _, k in run] for _, run in groupby(enumerate(places), key=lambda item: item[1] - item[0])]
    return [slice(run[0], run[-1] + 1) for run in runs]


_SHARED = [itemgetter(run) for run in _list_shared()]
_HEADER = itemgetter(Frame._fields.index("header"))
_OF_FRAME = itemgetter(*(Frame._fields.index(name) for name in ("orientation", "slope", "intercept")))
_POSITION = itemgetter(Header._fields.index("position"))


def is_uniform(series: SeriesData) -> bool:
    """Tell whether the frames of a series are uniform; asked once."""
    known = series._answers.uniform
    if known is None:
        known = series._answers.uniform = are_uniform(series.frames)
    return known


def are_uniform(frames: Sequence[Frame]) -> bool:
    """Tell whether single-frame files differ in nothing but `OWN`, and all or none have a position."""
    first = frames[0]
    if first.header.number_of_frames > 1:
        return False
    if not all(map(eq, map(_OF_FRAME, frames), repeat(_OF_FRAME(first)))):
        return False
    headers = list(map(_HEADER, frames))
    if list(map(_POSITION, headers)).count(None) not in (0, len(headers)):
        return False
    return all(all(map(eq, map(shared, headers), repeat(shared(first.header)))) for shared in _SHARED)
