"""The remedies of an error, tried on headers: what would not go past it is not offered."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..catalog.damage import DAMAGED, refuse_gaps
from ..errors import DicomLoadError, DuplicateSliceError
from ..errors.remedies import GetAgain, LeaveOut, LoadFolder, Remedy, SetOption, Step, Unpack
from ..stacks.copies import have_equal_pixels
from ..stacks.split import split
from .plan import plan_volume

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ..headers.model import Frame
    from ..stacks.series_data import SeriesData
    from .options import Options


def keep_true_remedies(error: DicomLoadError, series: SeriesData, options: Options, *, alone: bool) -> None:
    """Take from an error the remedies after which the series would not load, or not as the right volume.

    Parameters
    ----------
    error : DicomLoadError
        What `load` raises of the series, or would raise.
    series : SeriesData
        All of it, or the stack that was chosen.
    options : Options
        With which it was to be loaded.
    alone : bool
        Whether it is the only series of its source; else `load_all` would load others too.
    """
    kept = (_keep_true(remedy, error, series, options) for remedy in error.remedies)
    true = (remedy for remedy in kept if remedy is not None)
    error.remedies = tuple(remedy for remedy in true if alone or remedy is not Step.LOAD_ALL)


def _keep_true(remedy: Remedy, error: DicomLoadError, series: SeriesData, options: Options) -> Remedy | None:
    """The remedy with those of its values that are true; None where none is."""
    doubled = isinstance(error, DuplicateSliceError)
    match remedy:
        case LeaveOut(files):
            if _loads_without(series, files, options, copies=doubled):
                return remedy
            offered = doubled or any(isinstance(other, (GetAgain, Unpack)) for other in error.remedies)
            return None if offered else GetAgain(files)
        case LoadFolder(folder) if doubled:
            elsewhere = [path for path in series.files if os.path.dirname(path) != folder]
            return remedy if _loads_without(series, elsewhere, options, copies=True) else None
        case SetOption("ignore", (value,)) if value == DAMAGED:
            damaged = [problem.path for problem in series.problems]
            return remedy if _loads_without(series, damaged, options) else None
        case SetOption("stack", values) if values != (None,):
            return _choose_stacks(remedy, series, options)
        case Step.LOAD_ALL:
            return remedy if all(_loads(stack, options) for stack in split(series)) else None
        case SetOption("irregular" | "order" | "engine" | "rescale", values) if remedy.function == "":
            return _keep_values(remedy, lambda value: _loads(series, options, **{remedy.option: value}))
    return remedy


def _keep_values(remedy: SetOption, is_true: Callable[[Any], bool]) -> SetOption | None:
    values = tuple(value for value in remedy.values if is_true(value))
    return replace(remedy, values=values) if values else None


def _choose_stacks(remedy: SetOption, series: SeriesData, options: Options) -> SetOption | None:
    """The stacks that load; segments by their labels, which say more than their rows."""
    stacks = split(series)
    if len(stacks) == 1:
        return None
    names = [dict(stack.labels).get("SegmentLabel") for stack in stacks]
    texts = [name for name in names if isinstance(name, str) and name.isprintable()]
    told = len({text.lower() for text in texts}) == len(stacks)
    good = [i for i, stack in enumerate(stacks) if i in remedy.values and _loads(stack, options)]
    values = tuple(texts[i] for i in good) if told else tuple(good)
    return replace(remedy, values=values) if good else None


def _loads_without(series: SeriesData, files: Collection[str], options: Options, *, copies: bool = False) -> bool:
    """Tell whether a series without some files is a whole volume; where they are said to be copies, that they are."""
    out = frozenset(files)
    kept = tuple(frame for frame in series.frames if frame.path not in out)
    lost = [problem for problem in series.problems if problem.path in out]
    if not kept or len(lost) < len(series.problems):
        return False
    if copies and not _are_copies([f for f in series.frames if f.path in out], kept):
        return False
    rest = replace(series, frames=kept, problems=())
    try:
        if options.irregular == "raise":
            refuse_gaps(rest, lost)
    except DicomLoadError:
        return False
    stacks = split(rest)  # which say themselves what is to be done next
    return all(_loads(stack, options) for stack in stacks)


def _are_copies(frames: Collection[Frame], kept: Collection[Frame]) -> bool:
    """Tell whether each of some frames has the name and the stored bytes of one that is kept."""
    by_uid = {f.header.sop_instance_uid: f for f in kept}
    twins = [(f, by_uid.get(f.header.sop_instance_uid)) for f in frames if f.header.sop_instance_uid]
    if len(twins) < len(frames):
        return False
    return all(twin is not None and have_equal_pixels(frame.header, twin.header) for frame, twin in twins)


def _loads(series: SeriesData, options: Options, **changed: Any) -> bool:
    """Tell whether a series makes a volume, by its headers."""
    try:
        plan_volume(series, replace(options, **changed))
    except (DicomLoadError, ValueError):
        return False
    return True
