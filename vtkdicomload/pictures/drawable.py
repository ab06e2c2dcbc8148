"""Drawable parts of a series that `load` refuses: its stacks as they lie, or else its frames one by one."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from ..catalog.assess import assess
from ..errors import DicomLoadError, DicomLoadWarning
from ..loading.facts import has_scale
from ..loading.options import Options
from ..loading.read import load_stack
from ..stacks.split import split
from .planes import cut_acquired_planes, describe_slice_direction, space_evenly
from .sheets import TILES_A_ROW, Strip
from .windows import choose_display

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..loading.volume_data import VolumeData
    from ..stacks.series_data import SeriesData
    from .windows import Wanted

_STACKS = 8  # shown of one series
_SERIES = 12  # shown of one list
_GLANCE = 150  # height of a picture of one series among several, in pixels


def draw_series(series: SeriesData, tiles: int = TILES_A_ROW, *, window: Wanted = None) -> list[Strip]:
    """A row of pictures for each stack of a series as far as it can be read; empty where nothing can.

    Parameters
    ----------
    series : Series
        One that `load` refuses.
    tiles : int
        The most pictures of each stack.
    window : str or (center, width), optional
        As for `Volume.plot`.
    """
    # A damaged file beside a frame is no reason not to show the frame: the reason is printed with the picture.
    stacks = split(replace(series, problems=()))
    strips = [strip for stack in stacks[:_STACKS] for strip in _draw_stack(stack, tiles, window)]
    if strips and len(stacks) > _STACKS:
        strips[-1] = strips[-1]._replace(caption=f"{strips[-1].caption}   (and {len(stacks) - _STACKS} more stacks)")
    return strips


def draw_overview(found: Sequence[SeriesData]) -> list[Strip]:
    """A row of pictures for each series of a list, read from a few of its files."""
    strips = []
    for row, series in enumerate(found[:_SERIES]):
        size = f"{len(series.frames)}×{series.rows}×{series.columns}"
        caption = f"[{row}] {series.title}: {size}, {series.plane}, {assess(series).words}"
        strips += [strip._replace(caption=caption) for strip in _draw_glance(series)]
    return strips


def _draw_glance(series: SeriesData) -> list[Strip]:
    """A few evenly spaced frames of the first stack that can be drawn."""
    for stack in split(replace(series, problems=()))[:_STACKS]:
        few = replace(stack, frames=tuple(stack.frames[k] for k in space_evenly(len(stack.frames), TILES_A_ROW)))
        strips = list(_draw_stack(few, TILES_A_ROW, None))
        if strips:
            # Of a few frames the numbers would not be those of the volume.
            planes = tuple(replace(plane, number=None) for plane in strips[0].planes)
            return [strips[0]._replace(planes=planes, height=_GLANCE)]
    return []


def _draw_stack(stack: SeriesData, tiles: int, window: Wanted) -> Iterator[Strip]:
    name = stack.label or stack.title
    volume = _load_kept(stack)
    if volume is not None:
        yield _strip(volume, f"{name}: {_count(volume)}", tiles, window)
        return
    volumes = [
        v
        for k in space_evenly(len(stack.frames), tiles)
        if (v := _load_kept(replace(stack, frames=(stack.frames[k],))))
    ]
    if not volumes:
        return
    parts = [_strip(v, "", 1, window) for v in volumes]
    planes = tuple(replace(plane, number=i) for i, part in enumerate(parts) for plane in part.planes)
    caption = f"{name}: {len(volumes)} of {len(stack.frames)} frames, one by one in natural order of the names"
    yield Strip(caption, planes, parts[0].window, all(part.in_mm for part in parts))


def _strip(volume: VolumeData, caption: str, tiles: int, window: Wanted) -> Strip:
    planes = cut_acquired_planes(volume, space_evenly(volume.frames.shape[0], tiles))
    plane = "" if planes[0].name in caption else f", {planes[0].name}"
    return Strip(caption + plane, planes, choose_display(volume, window), has_scale(volume))


def _count(volume: VolumeData) -> str:
    nz, ny, nx = volume.frames.shape[:3]
    way = describe_slice_direction(volume)
    return f"{nz} {'slice' if nz == 1 else 'slices'} of {ny} × {nx}{', ' + way if way else ''}"


def _load_kept(stack: SeriesData) -> VolumeData | None:
    """A stack as it lies, by position or else by name; None where it cannot be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DicomLoadWarning)
        for order in ("position", "natural"):
            try:
                return load_stack(stack, Options(irregular="keep", order=order))
            except DicomLoadError:
                continue
    return None
