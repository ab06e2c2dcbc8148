"""Frames that lie at one place, or at none, and the errors that say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import numpy as np

from .._util.wording import inflect_noun, point_words
from ..errors import DuplicateSliceError, GeometryError
from ..errors.remedies import GetAgain, SetOption
from . import consistency
from .assumptions import Assumption, AssumptionKind
from .copies import find_twins
from .split_places import number_places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .._util.arrays import Floats
    from ..headers.model import Frame
    from .series_data import SeriesData

_MOST_LABELS = 4  # volumes whose labels a message shows


def has_place(frame: Frame) -> bool:
    """Tell whether a frame says where it lies in the patient."""
    return frame.position is not None and frame.orientation is not None


def refuse_missing_places(frames: Sequence[Frame]) -> None:
    """Refuse frames without a place among frames that have one."""
    if None not in [f.position for f in frames] and None not in [f.orientation for f in frames]:
        return
    without = [f for f in frames if not has_place(f)]
    if len(without) == len(frames):
        return
    files = consistency.list_paths(without)
    raise GeometryError(
        f"{len(without)} of {len(frames)} frames have no ImagePositionPatient or ImageOrientationPatient "
        f"({consistency.name_files(without)})",
        files=files,
        remedies=[GetAgain(tuple(files))],  # without them the volume may be short of slices
    )


def judge_shared_uids(frames: Sequence[Frame]) -> tuple[Assumption, ...]:
    """Refuse files that share a SOPInstanceUID, are no copies of each other and lie at several positions or at none.

    Where there is no more than one for two files, a writer did not care for them: they mean nothing.
    """
    twins = find_twins(frames)
    if not twins:
        return ()
    firsts = [f for f in frames if f.index_in_file == 0]
    uids = len({f.header.sop_instance_uid for f in firsts})
    if 2 * uids <= len(firsts):
        return (Assumption(AssumptionKind.SHARED_UIDS, {"files": len(firsts), "uids": uids}),)
    if frames[0].position is None:
        files = consistency.list_paths(f for members in twins for f in members)
        raise DuplicateSliceError(
            f"{consistency.name_files(twins[0])} have the same SOPInstanceUID, but not the same pixels and values: one "
            "is no copy of the other",
            files=files,
            remedies=[GetAgain(tuple(files))],
        )
    paths = consistency.list_paths(twins[0])
    raise DuplicateSliceError(
        f"{consistency.name_files(twins[0])} have the same SOPInstanceUID at different positions "
        f"({describe_place(twins[0][0])} and {describe_place(twins[0][1])}): one is mislabelled",
        files=paths,
        remedies=[GetAgain(tuple(paths))],
    )


def find_shared_places(gaps: Floats) -> NDArray[np.intp]:
    """Find the slices that lie where the next one does, by the gaps between slices in spatial order."""
    return np.flatnonzero(np.diff(number_places(np.concatenate([[0.0], np.cumsum(gaps)]))) == 0)


def refuse_copies(frames: Sequence[Frame], same: NDArray[np.intp]) -> NoReturn:
    """Refuse slices that lie where the next one does and that nothing tells apart; `same` counts them."""
    pair = frames[int(same[0]) : int(same[0]) + 2]
    again = [frames[int(k) + 1] for k in same]
    if pair[0].path == pair[1].path:
        words = " and ".join(map(consistency.frame_name, pair))
        remedies = [SetOption("order", ("given",), "keeps the order of the file")]
    else:
        words = " and ".join(f.path for f in pair)
        remedies = []  # which of two images is the slice, nothing says
    raise DuplicateSliceError(
        f"{len(same)} of {len(frames)} slices {'lies' if len(same) == 1 else 'lie'} at the position of another, "
        f"the first at {describe_place(pair[0])}: {words}",
        files=consistency.list_paths([*pair, *again]),
        remedies=remedies,
    )


def refuse_several_volumes(
    stacks: Sequence[SeriesData], files: Sequence[str], loading: Sequence[int], spacing: float | None
) -> NoReturn:
    """Refuse a series that holds several volumes, and say what tells them apart.

    Parameters
    ----------
    stacks : sequence of SeriesData
        The volumes.
    files : sequence of str
        Those of the series.
    loading : sequence of int
        Which of the volumes load.
    spacing : float or None
        Distance of slices in mm, where all the volumes have the same.
    """
    names = " and ".join(dict.fromkeys(name for stack in stacks for name, _ in stack.labels))
    sizes = {len(stack.frames) for stack in stacks}
    count = f"{min(sizes)}" if len(sizes) == 1 else f"{min(sizes)} to {max(sizes)}"
    slices = f"of {count} {inflect_noun(max(sizes), 'slice')}"
    apart = "" if spacing is None else f" ({spacing:g} mm)"
    shown = f" ({', '.join(stack.label for stack in stacks)})" if len(stacks) <= _MOST_LABELS else ""
    raise DuplicateSliceError(
        f"{len(stacks)} volumes {slices}{apart} in one series, told apart by {names}{shown}",
        files=files,
        remedies=consistency.list_choices(len(stacks), loading),
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
    return point_words(frame.position or (0, 0, 0))
