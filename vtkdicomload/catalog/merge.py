"""The files of a source as one series, whatever their SeriesInstanceUID: ``series="all"``."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._util.wording import name_files_of
from ..errors import InconsistentSeriesError
from ..headers.remnant import read_patient_id
from ..stacks.assumptions import AssumptionKind
from ..stacks.consistency import list_paths
from ..stacks.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from ..headers.model import Frame
    from .scan import S, ScanData


# What is assumed of a series that is only a part here.
_OF_ONE_SERIES = (AssumptionKind.FEWER_SAID, AssumptionKind.INSTANCE_STEP, AssumptionKind.WIDE_GAPS)


def merge_series(found: ScanData[S]) -> S:
    """Make one series of all files of a source, in its order; every damaged file there is one of it.

    Raises
    ------
    InconsistentSeriesError
        The files are of different patients, studies, modalities or frames of reference. Of these no value is told.
    """
    first = found[0]
    if len(found) == 1:
        return replace(first, problems=found.problems, beside=(), strays=())
    order = {path: i for i, path in enumerate(found.files)}
    frames = sorted((f for series in found for f in series.frames), key=lambda f: order.get(f.path, len(order)))
    files = {f.path: f for f in reversed(frames)}
    _refuse_several("PatientID", files.values(), lambda f: read_patient_id(f.header.file))
    _refuse_several("StudyInstanceUID", files.values(), lambda f: f.header.study_uid)
    _refuse_several("Modality", files.values(), lambda f: f.header.modality)
    # De-identification may give every file one of its own: what that means is judged with the places of the slices.
    if len({f.header.frame_of_reference_uid for f in files.values()}) < len(files):
        _refuse_several("FrameOfReferenceUID", files.values(), lambda f: f.header.frame_of_reference_uid)
    told = dict.fromkeys(a for series in found for a in series.assumptions if a.kind not in _OF_ONE_SERIES)
    merged = replace(first, frames=tuple(frames), problems=found.problems, beside=(), strays=())
    return prepare(replace(merged, assumptions=tuple(told)))


def _refuse_several(keyword: str, frames: Iterable[Frame], value: Callable[[Frame], Hashable]) -> None:
    groups: dict[Any, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[value(frame)].append(frame)
    if len(groups) > 1:
        few = list_paths(reversed(min(groups.values(), key=len)))
        raise InconsistentSeriesError(
            f'the files are of {len(groups)} different {keyword}: they make no one series for series="all" '
            f"({name_files_of(few)})",
            files=few,
        )
