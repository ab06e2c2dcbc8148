"""Dividing one series into clean 3-D stacks: segments, orientations, echoes, time points, b-values, image types."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from .._util.log import logger
from .._util.wording import size_words
from ..headers.moments import parse_moment
from ..headers.orientation import name_plane
from . import consistency
from .along import measure_along
from .assume import assume_mixed
from .series_data import Doubts, Label, SeriesData
from .split_apart import divide_apart
from .split_attributes import list_attributes, number_frames
from .split_labels import find_missing_places, label_diffusion, make_unique, sort_by_acquisition
from .split_pieces import Piece, PlacedFrames
from .split_places import number_places
from .split_shared import divide_shared
from .uniform import are_uniform, is_uniform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from .._util.arrays import Floats
    from ..headers.model import Frame, Triple
    from .split_attributes import Attribute, Named

S = TypeVar("S", bound=SeriesData)


class Part(NamedTuple):
    """Some frames of a series, and what tells them apart from the others."""

    labels: tuple[Label, ...]
    frames: list[Frame]
    missing_places: tuple[Triple, ...] = ()
    doubts: Doubts | None = None  # where their places do not divide them


class Trait(NamedTuple):
    """Something that the frames of one volume share, wherever they lie."""

    group: Callable[[Iterable[Frame]], list[list[Frame]]]
    attributes: Callable[[Sequence[Frame]], tuple[Named, ...]]  # that may label the groups; given all of the series


def split(series: S) -> tuple[S, ...]:
    """Split a series into its clean stacks, each with a label of its own; itself where it is one.

    Frames are divided by the `TRAITS` that a volume shares, then by where they lie, those in the order of acquisition.
    """
    uniform = is_uniform(series)  # then no trait divides them
    if uniform and series._answers.doubts is not None:
        return (series,)
    parts = [Part((), list(series.frames))]
    for trait in () if uniform else TRAITS:
        attributes = trait.attributes(series.frames)
        parts = [piece for part in parts for piece in _divide_by_trait(part, trait.group(part.frames), attributes)]
    parts = [
        piece._replace(labels=(*part.labels, *piece.labels))
        for part in parts
        for piece in divide_by_places(part.frames, uniform=uniform or None)
    ]
    if len(parts) == 1:
        series._answers.doubts = parts[0].doubts
        return (series,)
    parts = _find_what_lacks(parts)
    # By name alone: the values of a label may be any text.
    names = dict.fromkeys(label.attribute for part in parts for label in part.labels)
    logger.debug("%d frames are divided into %d stacks by %s", len(series.frames), len(parts), ", ".join(names))
    first = series.first_acquired or _find_first_acquired(series)
    stacks = tuple(
        replace(
            series,
            frames=tuple(part.frames),
            labels=labels,
            missing_places=part.missing_places,
            first_acquired=first,
        )
        for part, labels in zip(parts, make_unique([part.labels for part in parts]), strict=True)
    )
    for stack, part in zip(stacks, parts, strict=True):
        stack._answers.doubts = part.doubts
    return stacks


def _find_first_acquired(series: SeriesData) -> datetime | None:
    """Find when the first frame of a series of PET was acquired: one reference time holds for all of its stacks."""
    if series.modality != "PT":
        return None
    days = {(f.header.acquisition_date, f.header.acquisition_time) for f in series.frames}
    moments = [parse_moment(date, clock) for date, clock in days]
    return min((moment for moment in moments if moment is not None), default=None)


def _divide_by_trait(part: Part, groups: list[list[Frame]], attributes: Sequence[Named]) -> list[Part]:
    """Label the groups of a part by those of the attributes that differ; by all where none does."""
    if len(groups) == 1:
        return [part]
    differing = [(name, value) for name, value in attributes if len({value(members[0]) for members in groups}) > 1]
    return [
        Part((*part.labels, *(Label(name, value(members[0])) for name, value in differing or attributes)), members)
        for members in groups
    ]


def _find_what_lacks(parts: Sequence[Part]) -> list[Part]:
    """Find the places that parts lack and others have, which share all traits but the SeriesNumber."""
    grids = [[part.frames[0] for part in parts]]
    for group in _GRID:
        grids = [grid for some in grids for grid in group(some)]
    rows = {id(part.frames[0]): row for row, part in enumerate(parts)}
    found = list(parts)
    for grid in grids:
        alike = [rows[id(frame)] for frame in grid]
        frames = [frame for row in alike for frame in parts[row].frames]
        along = measure_along(frames) if len(alike) > 1 else None
        if along is None:
            continue
        sizes = [len(parts[row].frames) for row in alike]
        members = np.split(np.arange(len(frames)), np.cumsum(sizes)[:-1])
        for row, lacking in zip(alike, find_missing_places(frames, along, members), strict=True):
            found[row] = parts[row]._replace(missing_places=tuple(p for k in lacking if (p := frames[k].position)))
    return found


def divide_by_places(
    frames: Sequence[Frame], along: Floats | None = None, *, uniform: bool | None = None
) -> list[Part]:
    """Divide frames that share all traits by where they lie, and what their attributes say of that.

    Parameters
    ----------
    frames : sequence of Frame
        In any order.
    along : numpy.ndarray, optional
        Where each lies along the normal in mm; by default as their positions say.
    uniform : bool, optional
        What `are_uniform` says of them, where it was asked already.

    Returns
    -------
    list of Part
        The volumes; one, with the doubts about it, where they are not divided.
    """
    along = measure_along(frames) if along is None else along
    if along is None:
        return [Part((), list(frames))]
    places = number_places(along)
    shared = int(places.max()) + 1 < len(places)
    # In places of their own, a volume has two slices or more.
    attributes = list_attributes(
        frames,
        most=len(frames) if shared else max(2, len(frames) // 2),
        uniform=are_uniform(frames) if uniform is None else uniform,
    )
    everything = np.arange(len(frames))
    placed = PlacedFrames(everything, frames, along, places, attributes, cache(partial(number_frames, frames)))
    pieces, mixed, unclear = _divide(placed)
    if len(pieces) == 1:
        return [Part((), list(frames), doubts=Doubts(assume_mixed(mixed), unclear))]
    pieces = sort_by_acquisition(placed, label_diffusion(placed, pieces))
    return [Part(piece.labels, [frames[k] for k in piece.members]) for piece in pieces]


def _divide(frames: PlacedFrames) -> tuple[list[Piece], tuple[Attribute, ...], tuple[str, ...]]:
    """Divide frames, and the pieces again until nothing divides them; with the doubts about the last."""
    mixed: tuple[Attribute, ...] = ()
    if frames.count_in_places().max() > 1:
        pieces, unclear = divide_shared(frames)
    else:
        pieces, mixed, unclear = divide_apart(frames)
    if not pieces:
        return [Piece((), frames.members)], mixed, unclear
    again = [
        Piece((*piece.labels, *volume.labels), volume.members)
        for piece in pieces
        for volume in _divide(frames._replace(members=piece.members))[0]
    ]
    return again, (), ()


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
_NUMBER: tuple[Named, ...] = (("SeriesNumber", lambda f: f.header.series_number),)
_PLANE: tuple[Named, ...] = (("plane", lambda f: name_plane(f.orientation)),)

# What the parts of one grid have in common.
_GRID = (
    consistency.group_by_kind,
    consistency.group_by_frame_of_reference,
    consistency.group_by_layout,
    consistency.group_by_pixel_spacing,
    consistency.group_by_orientation,
    consistency.group_by_named_stack,
)
TRAITS = (
    Trait(consistency.group_by_kind, lambda _: consistency.KINDS),
    Trait(consistency.divide_by_frame_of_reference, lambda _: consistency.FRAMES_OF_REFERENCE),
    Trait(consistency.group_by_layout, lambda _: _SIZE),
    Trait(consistency.group_by_pixel_spacing, lambda _: _SPACINGS),
    Trait(consistency.group_by_orientation, lambda _: _PLANE),
    Trait(consistency.group_by_series_number, lambda _: _NUMBER),
    Trait(consistency.group_by_stack, _list_stack_attributes),
    Trait(consistency.group_by_run, _choose_run_attribute),
)
