"""Dividing one series into clean 3-D stacks: segments, orientations, echoes, time points, b-values, image types."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .._util.log import logger
from .._util.wording import size_words
from ..headers.orientation import name_plane
from . import consistency
from .series_data import Label, SeriesData
from .split_places import divide_shared_places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..headers.model import Frame
    from .split_attributes import Named

S = TypeVar("S", bound=SeriesData)


class Part(NamedTuple):
    """Some frames of a series, and what tells them apart from the others."""

    labels: tuple[Label, ...]
    frames: list[Frame]


class Trait(NamedTuple):
    """Something that the frames of one volume share, wherever they lie."""

    group: Callable[[Iterable[Frame]], list[list[Frame]]]
    attributes: Callable[[Sequence[Frame]], tuple[Named, ...]]  # that may label the groups; given all of the series


def split(series: S) -> tuple[S, ...]:
    """Split a series into its clean stacks, in the order of their label values; itself where it is one.

    Frames are divided by the `TRAITS` that a volume shares, then, where several lie at one position, by the rules of
    `split_places`.
    """
    parts = [Part((), list(series.frames))]
    for trait in TRAITS:
        attributes = trait.attributes(series.frames)
        parts = [piece for part in parts for piece in _divide_by_trait(part, trait.group(part.frames), attributes)]
    parts = [piece for part in parts for piece in _divide_by_places(part)]
    if len(parts) == 1:
        return (series,)
    # By name alone: the values of a label may be any text.
    names = dict.fromkeys(label.attribute for part in parts for label in part.labels)
    logger.debug("%d frames are divided into %d stacks by %s", len(series.frames), len(parts), ", ".join(names))
    return tuple(replace(series, frames=tuple(part.frames), labels=part.labels) for part in parts)


def _divide_by_trait(part: Part, groups: list[list[Frame]], attributes: Sequence[Named]) -> list[Part]:
    """Label the groups of a part by those of the attributes that differ; by all where none does."""
    if len(groups) == 1:
        return [part]
    differing = [(name, value) for name, value in attributes if len({value(members[0]) for members in groups}) > 1]
    return [
        Part((*part.labels, *(Label(name, value(members[0])) for name, value in differing or attributes)), members)
        for members in groups
    ]


def _divide_by_places(part: Part) -> list[Part]:
    return [
        Part((*part.labels, *piece.labels), [part.frames[i] for i in piece.members])
        for piece in divide_shared_places(part.frames)
    ]


# ---------------------------------------------------------------------------------------- what cannot share a volume
def _list_stack_attributes(frames: Sequence[Frame]) -> tuple[Named, ...]:
    """List what multi-frame files stack their frames by."""

    def value_of(name: str) -> Callable[[Frame], object]:
        return lambda frame: dict(frame.header.stack).get(name)

    return tuple((name, value_of(name)) for name in dict.fromkeys(name for f in frames for name, _ in f.header.stack))


def _choose_run_attribute(frames: Sequence[Frame]) -> tuple[Named, ...]:
    """Choose InstanceNumber where every file has one of its own, else the name of the file."""
    numbers = {f.path: f.header.instance_number for f in frames}
    if None not in numbers.values() and len(set(numbers.values())) == len(numbers):
        return (("InstanceNumber", lambda f: f.header.instance_number),)
    return (("file", lambda f: os.path.basename(f.path)),)


_SIZE: tuple[Named, ...] = (("rows × columns", lambda f: size_words(f.header.rows, f.header.columns)),)
_SPACINGS: tuple[Named, ...] = (
    ("PixelSpacing", lambda f: f.header.pixel_spacing),
    ("ImagerPixelSpacing", consistency.find_detector_spacing),
)
_PLANE: tuple[Named, ...] = (("plane", lambda f: name_plane(f.orientation)),)

TRAITS = (
    Trait(consistency.group_by_kind, lambda _: consistency.KINDS),
    Trait(consistency.divide_by_frame_of_reference, lambda _: consistency.FRAMES_OF_REFERENCE),
    Trait(consistency.group_by_layout, lambda _: _SIZE),
    Trait(consistency.group_by_pixel_spacing, lambda _: _SPACINGS),
    Trait(consistency.group_by_orientation, lambda _: _PLANE),
    Trait(consistency.group_by_stack, _list_stack_attributes),
    Trait(consistency.group_by_run, _choose_run_attribute),
)
