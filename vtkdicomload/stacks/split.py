"""Dividing one series into clean 3-D stacks: segments, orientations, echoes, time points, b-values, image types."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from .._util.log import logger
from ..headers.orientation import plane_of
from . import consistency
from .series_data import SeriesData
from .split_places import label_words, split_by_attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..headers.model import Frame

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
    parts = [piece for labels, frames in parts for piece in split_by_attributes(labels, frames)]
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
        ((*labels, *((name, label_words(value(members[0]))) for name, value in differing or names)), members)
        for members in groups
    ]
