"""Frames that lie at one place, or at none, and the errors that say so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from .._util.wording import inflect_noun
from ..errors import DuplicateSliceError, GeometryError
from ..errors.remedies import GetAgain, LeaveOut, LoadFolder, Remedy, SetOption
from . import consistency
from .split_places import number_places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .._util.arrays import Floats
    from ..headers.model import Frame
    from .series_data import SeriesData

_FEW = 8  # copies that are left out one by one


def has_place(frame: Frame) -> bool:
    """Tell whether a frame says where it lies in the patient."""
    return frame.position is not None and frame.orientation is not None


def refuse_missing_places(frames: Sequence[Frame]) -> None:
    """Refuse frames without a place among frames that have one."""
    without = [f for f in frames if not has_place(f)]
    if len(without) in (0, len(frames)):
        return
    files = consistency.list_paths(without)
    # Frames of one file cannot be left out one by one.
    apart = len(files) < len(consistency.list_paths(frames))
    raise GeometryError(
        f"{len(without)} of {len(frames)} frames have no ImagePositionPatient or ImageOrientationPatient "
        f"({consistency.name_files(without)})",
        files=files,
        remedies=[LeaveOut(tuple(files)) if apart else GetAgain(tuple(files))],
    )


def refuse_shared_uids(frames: Sequence[Frame]) -> None:
    """Refuse files without a place that share a SOPInstanceUID: copies of one image."""
    if twins := _find_twins(frames):
        copies = tuple(f.path for members in twins for f in members[1:])
        raise DuplicateSliceError(
            f"{consistency.name_files(twins[0])} have the same SOPInstanceUID: they are copies of one image",
            files=consistency.list_paths(f for members in twins for f in members),
            remedies=[LeaveOut(copies), SetOption("order", ("natural",), "takes them all")],
        )


def refuse_mislabelled(frames: Sequence[Frame]) -> None:
    """Refuse files at several positions that share a SOPInstanceUID."""
    if twins := _find_twins(frames):
        raise DuplicateSliceError(
            f"{consistency.name_files(twins[0])} have the same SOPInstanceUID at different positions "
            f"({describe_place(twins[0][0])} and {describe_place(twins[0][1])}): one is mislabelled",
            files=consistency.list_paths(twins[0]),
            remedies=[LeaveOut((twins[0][1].path,))],
        )


def _find_twins(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Find the files that share a SOPInstanceUID; the first frame of each."""
    uids: dict[str, list[Frame]] = {}
    for frame in frames:
        if frame.header.sop_instance_uid and frame.index_in_file == 0:
            uids.setdefault(frame.header.sop_instance_uid, []).append(frame)
    return [members for members in uids.values() if len(members) > 1]


def find_shared_places(gaps: Floats) -> NDArray[np.intp]:
    """Find the slices that lie where the next one does, by the gaps between slices in spatial order."""
    return np.flatnonzero(np.diff(number_places(np.concatenate([[0.0], np.cumsum(gaps)]))) == 0)


def refuse_copies(frames: Sequence[Frame], same: NDArray[np.intp]) -> NoReturn:
    """Refuse slices that lie where the next one does and that nothing tells apart; `same` counts them."""
    pair = frames[int(same[0]) : int(same[0]) + 2]
    again = [frames[int(k) + 1] for k in same]
    remedy: Remedy
    if pair[0].path == pair[1].path:
        words = " and ".join(map(consistency.frame_name, pair))
        remedy = SetOption("order", ("given",), "keeps the order of the file")
    else:
        words, remedy = " and ".join(f.path for f in pair), _leave_out(consistency.list_paths(again), frames)
    raise DuplicateSliceError(
        f"{len(same)} of {len(frames)} slices {'lies' if len(same) == 1 else 'lie'} at the position of another, "
        f"the first at {describe_place(pair[0])}: {words}",
        files=consistency.list_paths([*pair, *again]),
        remedies=[remedy],
    )


def _leave_out(files: Sequence[str], frames: Sequence[Frame]) -> Remedy:
    """Leave files of `frames` out or, where they are many copies in another folder, load the first folder alone."""
    if len(files) <= _FEW:
        return LeaveOut(tuple(files))
    left_out = set(files)
    folders = {os.path.dirname(f.path) for f in frames if f.path not in left_out}
    folder = folders.pop()
    if folders or any(path.startswith(os.path.join(folder, "")) for path in files):
        return LeaveOut(tuple(files))
    return LoadFolder(folder)


def refuse_several_volumes(stacks: Sequence[SeriesData], files: Sequence[str], spacing: float | None) -> NoReturn:
    """Refuse a series that holds several volumes, and say what tells them apart.

    Parameters
    ----------
    stacks : sequence of SeriesData
        The volumes.
    files : sequence of str
        Those of the series.
    spacing : float or None
        Distance of slices in mm, where all the volumes have the same.
    """
    names = " and ".join(dict.fromkeys(name for stack in stacks for name, _ in stack.labels))
    sizes = {len(stack.frames) for stack in stacks}
    count = f"{min(sizes)}" if len(sizes) == 1 else f"{min(sizes)} to {max(sizes)}"
    slices = f"of {count} {inflect_noun(max(sizes), 'slice')}"
    apart = "" if spacing is None else f" ({spacing:g} mm)"
    shown = f" ({', '.join(stack.label for stack in stacks)})" if len(stacks) <= 4 else ""
    raise DuplicateSliceError(
        f"{len(stacks)} volumes {slices}{apart} in one series, told apart by {names}{shown}",
        files=files,
        remedies=consistency.list_choices(len(stacks)),
        stacks=stacks,
    )


def refuse_unclear(frames: Sequence[Frame], attributes: Sequence[str], count: int) -> NoReturn:
    """Refuse slices of which `count` lie at the position of another, and which of them belong together nothing says."""
    names = " and ".join(attributes)
    verb = "does" if len(attributes) == 1 else "do"
    raise DuplicateSliceError(
        f"{count} of {len(frames)} slices lie at the position of another: {names} {verb} not say which "
        "belong together, or slices are lost",
        files=consistency.list_paths(frames),
        remedies=[GetAgain(tuple(consistency.list_paths(frames)))],
    )


def describe_place(frame: Frame) -> str:
    """The position of a frame for a message."""
    return "({:g}, {:g}, {:g}) mm".format(*(frame.position or (0, 0, 0)))
