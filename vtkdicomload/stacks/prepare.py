"""Preparation of a whole series, before it is divided into stacks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from .completeness import judge_completeness
from .copies import leave_out_copies
from .places import settle_frames_of_reference, settle_positions, settle_rotation
from .series_data import SeriesData

if TYPE_CHECKING:
    from .assumptions import Assumption

S = TypeVar("S", bound=SeriesData)

_STEPS = (leave_out_copies, settle_positions, settle_frames_of_reference, settle_rotation)


def prepare(series: S) -> S:
    """Settle what only all frames of a series can tell: copies, places, frames of reference, and whether some lack.

    What had to be assumed is added to `assumptions`, from which it is told with every stack of the series.
    """
    frames = series.frames
    assumptions: list[Assumption] = []
    for settle in _STEPS:
        frames, found = settle(frames)
        assumptions += found
    assumptions += judge_completeness(frames)
    if frames is series.frames and not assumptions:
        return series
    return replace(series, frames=frames, assumptions=(*series.assumptions, *assumptions))
