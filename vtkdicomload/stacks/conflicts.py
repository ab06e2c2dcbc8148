"""The errors for frames that lie at one place, or nowhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import DuplicateSliceError, GeometryError
from ..errors.remedies import GetAgain, LeaveOut, LoadFolder, Remedy, SetOption
from . import consistency

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ..headers.model import Frame

_FEW = 8  # copies that are left out one by one


def some_without_position(frames: Sequence[Frame]) -> GeometryError:
    """The error for frames without a place among frames that have one."""
    without = [f for f in frames if f.position is None or f.orientation is None]
    files = consistency.paths_of(without)
    # Frames of one file cannot be left out one by one.
    apart = len(files) < len(consistency.paths_of(frames))
    return GeometryError(
        f"{len(without)} of {len(frames)} frames have no ImagePositionPatient or ImageOrientationPatient "
        f"({consistency.some_names(without)})",
        files=files,
        remedies=[LeaveOut(tuple(files)) if apart else GetAgain(tuple(files))],
    )


def find_twins(frames: Sequence[Frame]) -> list[list[Frame]]:
    """The first frames of files that share a SOPInstanceUID."""
    uids: dict[str, list[Frame]] = {}
    for frame in frames:
        if frame.header.sop_instance_uid and frame.index_in_file == 0:
            uids.setdefault(frame.header.sop_instance_uid, []).append(frame)
    return [members for members in uids.values() if len(members) > 1]


def copies(frames: Sequence[Frame], same: NDArray[np.intp]) -> DuplicateSliceError:
    """The error for slices that lie where the next one does: `same` counts them."""
    pair = frames[int(same[0]) : int(same[0]) + 2]
    again = [frames[int(k) + 1] for k in same]
    remedy: Remedy
    if pair[0].path == pair[1].path:
        words = " and ".join(map(consistency.frame_name, pair))
        remedy = SetOption("order", ("given",), "keeps the order of the file")
    else:
        words, remedy = " and ".join(f.path for f in pair), _leave_out(consistency.paths_of(again), frames)
    return DuplicateSliceError(
        f"{len(same)} of {len(frames)} slices {'lies' if len(same) == 1 else 'lie'} at the position of another, "
        f"the first at {mm(pair[0])}: {words}",
        files=consistency.paths_of([*pair, *again]),
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


def mm(frame: Frame) -> str:
    """The position of a frame for a message."""
    return "({:g}, {:g}, {:g}) mm".format(*(frame.position or (0, 0, 0)))
