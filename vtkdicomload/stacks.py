"""Dividing one series into clean 3-D stacks: orientations, echoes, time points, b-values, image types."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from . import consistency
from .geometry import normal_of, orientation_fault, plane_of, same_position_limit
from .series import Series

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .header import Frame

    Labelled = tuple[tuple[tuple[str, str], ...], list[Frame]]

# What may tell volumes apart, the most meaningful first.
_ATTRIBUTES: tuple[tuple[str, Callable[[Frame], object]], ...] = (
    ("ImageType", lambda f: "\\".join(f.header.image_type) or None),
    ("EchoNumbers", lambda f: f.header.echo_number),
    ("EchoTime", lambda f: f.header.echo_time),
    ("DiffusionBValue", lambda f: f.header.b_value),
    ("TemporalPositionIdentifier", lambda f: f.header.temporal_position),
    ("TriggerTime", lambda f: f.header.trigger_time),
    ("AcquisitionNumber", lambda f: f.header.acquisition_number),
    ("AcquisitionTime", lambda f: f.header.acquisition_time),
    ("ContentTime", lambda f: f.header.content_time),
)
_INSTANCE: tuple[str, Callable[[Frame], object]] = ("InstanceNumber", lambda f: f.header.instance_number)


def split(series: Series) -> tuple[Series, ...]:
    """The clean stacks of a series, in the order of their label values; the series itself where it is one.

    Frames are divided by what cannot share a volume (pixel layout, pixel spacing, orientation), then, where several lie
    at one position, by the fewest attributes whose values explain it, or else by an attribute's rank within each
    position.
    """
    parts: list[Labelled] = [((), list(series.frames))]
    for group, label in (
        (consistency.by_kind, ("kind", consistency.kind_label)),
        (consistency.by_layout, ("rows × columns", lambda f: f"{f.header.rows}×{f.header.columns}")),
        (consistency.by_pixel_spacing, ("PixelSpacing", lambda f: _words(f.header.pixel_spacing))),
        (consistency.by_orientation, ("plane", lambda f: plane_of(f.orientation))),
    ):
        parts = [piece for part in parts for piece in _divided(part, group, *label)]
    parts = [piece for labels, frames in parts for piece in _told_apart(labels, frames)]
    if len(parts) == 1:
        return (series,)
    return tuple(Series(tuple(frames), labels, series.problems) for labels, frames in parts)


def _divided(
    part: Labelled,
    group: Callable[[Sequence[Frame]], list[list[Frame]]],
    name: str,
    value: Callable[[Frame], str],
) -> list[Labelled]:
    labels, frames = part
    groups = group(frames)
    if len(groups) == 1:
        return [part]
    return [((*labels, (name, value(members[0]))), members) for members in groups]


def _words(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return "\\".join(_words(v) for v in value)
    return "none" if value is None else str(value)


def _told_apart(labels: tuple[tuple[str, str], ...], frames: list[Frame]) -> list[Labelled]:
    """One stack for each volume among frames of one layout and orientation."""
    places = _places(frames)
    times = Counter(places)
    if not places or max(times.values()) == 1:
        return [(labels, frames)]
    varying = [(n, v) for n, v in _ATTRIBUTES if len({v(f) for f in frames}) > 1]
    for count in (1, 2, 3):
        for chosen in combinations(varying, count):
            found = _by_values(frames, places, chosen)
            if found is not None:
                return [((*labels, *extra), members) for extra, members in found]
    if len(set(times.values())) == 1:
        for name, value in (*(a for a in varying if a[0] != "ImageType"), _INSTANCE):
            ranked = _by_rank(frames, places, name, value)
            if ranked is not None:
                return [((*labels, *extra), members) for extra, members in ranked]
    return [(labels, frames)]


def _places(frames: Sequence[Frame]) -> list[int]:
    """The number of the position of every frame along the normal; empty where a frame has none."""
    if any(f.position is None or f.orientation is None for f in frames):
        return []
    orientation = frames[0].orientation
    if orientation is None or orientation_fault(orientation):
        return []
    points = np.array([f.position for f in frames], np.float64)
    along = points @ normal_of(orientation)
    order = np.argsort(along, kind="stable")
    gaps = np.diff(along[order])
    limit = same_position_limit(gaps)
    numbers = np.empty(len(frames), int)
    numbers[order] = np.concatenate([[0], np.cumsum(gaps > limit)])
    result: list[int] = numbers.tolist()
    return result


def _by_values(
    frames: Sequence[Frame], places: Sequence[int], chosen: Sequence[tuple[str, Callable[[Frame], object]]]
) -> list[Labelled] | None:
    """The stacks that the values of some attributes make; None where those are no volumes.

    There must be as many as frames at the fullest position (else every frame's own time would make a stack of one), and
    no position twice in any.
    """
    parts: dict[tuple[object, ...], list[int]] = {}
    for i, frame in enumerate(frames):
        parts.setdefault(tuple(value(frame) for _, value in chosen), []).append(i)
    if len(parts) != max(Counter(places).values()):
        return None
    if any(len({places[i] for i in members}) < len(members) for members in parts.values()):
        return None
    ordered = sorted(parts.items(), key=lambda item: tuple(_sortable(v) for v in item[0]))
    return [
        (tuple((name, _words(v)) for (name, _), v in zip(chosen, values, strict=True)), [frames[i] for i in members])
        for values, members in ordered
    ]


def _sortable(value: object) -> tuple[bool, bool, float, str]:
    number = value if isinstance(value, (int, float)) else 0.0
    return value is not None, isinstance(value, str), number, value if isinstance(value, str) else ""


def _by_rank(
    frames: Sequence[Frame], places: Sequence[int], name: str, value: Callable[[Frame], object]
) -> list[Labelled] | None:
    """The stacks that an attribute's rank within each position makes; None where it is missing or tied."""
    at: dict[int, list[int]] = {}
    for i, place in enumerate(places):
        at.setdefault(place, []).append(i)
    ranked: list[list[int]] = [[] for _ in range(max(map(len, at.values())))]
    for members in at.values():
        values = [value(frames[i]) for i in members]
        if None in values or len(set(values)) < len(values):
            return None
        for rank, i in enumerate(sorted(members, key=lambda i: _sortable(value(frames[i])))):
            ranked[rank].append(i)
    return [
        (((name, f"{rank + 1} of {len(ranked)}"),), [frames[i] for i in sorted(members)])
        for rank, members in enumerate(ranked)
    ]
