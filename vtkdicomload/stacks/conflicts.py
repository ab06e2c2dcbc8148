"""The errors for frames that lie at one place, or nowhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import DuplicateSliceError, GeometryError
from . import consistency

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ..headers.model import Frame

IGNORE_FILES = "ignore=error.files[1:]"
_NAMED = 8  # files to leave out that a message names one by one


def some_without_position(frames: Sequence[Frame]) -> GeometryError:
    """The error for frames without a place among frames that have one."""
    without = [f for f in frames if f.position is None or f.orientation is None]
    files = consistency.paths_of(without)
    # Frames of one file cannot be left out one by one.
    way = f"ignore={files!r}" if len(files) < len(consistency.paths_of(frames)) else "get the file again"
    return GeometryError(
        f"{len(without)} of {len(frames)} frames have no ImagePositionPatient or ImageOrientationPatient "
        f"({consistency.some_names(without)}) → {way}",
        files=files,
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
    if pair[0].path == pair[1].path:
        words, way = " and ".join(map(consistency.frame_name, pair)), 'order="given" keeps the order of the file'
    else:
        words, way = " and ".join(f.path for f in pair), _without(consistency.paths_of(again), frames)
    return DuplicateSliceError(
        f"{len(same)} of {len(frames)} slices {'lies' if len(same) == 1 else 'lie'} at the position of another, "
        f"the first at {mm(pair[0])}: {words} → {way}",
        files=consistency.paths_of([*pair, *again]),
    )


def _without(files: Sequence[str], frames: Sequence[Frame]) -> str:
    """The call that leaves files of `frames` out; where many are copies in another folder, that loads the first."""
    if len(files) <= _NAMED:
        return f"ignore={list(files)!r}"
    left_out = set(files)
    folders = {os.path.dirname(f.path) for f in frames if f.path not in left_out}
    folder = folders.pop()
    if folders or any(path.startswith(os.path.join(folder, "")) for path in files):
        return IGNORE_FILES
    return f"load({folder!r})"


def mm(frame: Frame) -> str:
    """The position of a frame for a message."""
    return "({:g}, {:g}, {:g}) mm".format(*(frame.position or (0, 0, 0)))
