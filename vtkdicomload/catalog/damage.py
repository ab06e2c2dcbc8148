"""Damaged files: which ones may be lost slices, and where they are refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import numpy as np

from .._util.wording import count_noun, name_files_of
from ..errors import CorruptFileError, MissingSliceError, make_damaged_error
from ..errors.remedies import ENTER, GetAgain, LeaveOut, SetOption, Unpack
from ..headers.orientation import compute_normal
from ..headers.remnant import read_remnant
from ..headers.sop_classes import is_private
from ..sources.archives.enter import is_named_as_archive
from ..sources.folders import sort_names
from ..sources.reasons import Reason
from ..stacks.series_data import Problem
from ..stacks.tolerances import compute_same_position_limit

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from .._util.arrays import Floats
    from ..sources.file import File
    from ..stacks.series_data import SeriesData

DAMAGED: Final[Literal["damaged"]] = "damaged"  # of ``ignore=``: all damaged files

SUSPECT = frozenset((Reason.NOT_DICOM, Reason.MAYBE_DAMAGED, Reason.MAYBE_STRIPPED))  # of a file that may be lost
_LITTLE_LEFT = (Reason.EMPTY, Reason.ONLY_ZEROS, Reason.CUT_PREAMBLE)
_SUFFIXES = (".dcm", ".dicom", ".ima", ".dc3")


class SliceKind(NamedTuple):
    """What the slices of a series mostly share."""

    folder: str
    suffix: str
    size: int | None


# ---------------------------------------------------------------------------------------------------- which are damaged
def judge_foreign(path: str, reason: Reason) -> CorruptFileError | None:
    """The error for a file that is no DICOM image but ought to be one; None where it is passed over."""
    if reason is Reason.GZIPPED_DICOM:
        unpack = ENTER if is_named_as_archive(path) else Unpack(path, ("python", "-m", "gzip", "-d", path))
        remedies = [unpack, LeaveOut((path,))]
        return CorruptFileError(f"{path} is {reason}", files=[path], remedies=remedies, what=str(reason))
    if _ought_to_be_dicom(path, reason):
        return make_damaged_error(path, f"{reason}, where DICOM was expected")
    return None


def restore_damage(path: str, what: str) -> CorruptFileError:
    """The error for a damaged file, by its `what` alone."""
    packed = judge_foreign(path, Reason.GZIPPED_DICOM) if what == str(Reason.GZIPPED_DICOM) else None
    return packed or make_damaged_error(path, what)


def judge_unreadable(file: File, error: OSError) -> CorruptFileError | None:
    """Make the error for a file that the system does not read; None for a link to nothing that is passed over."""
    is_link = file.local_path is not None and os.path.islink(file.local_path)
    if is_link and not _is_named_like_slices(file.name, bare=False):
        return None
    return make_damaged_error(file.name, f"it cannot be read: {error.strerror}")


def find_lost_slices(
    kinds: Collection[SliceKind],
    classes: Collection[tuple[str | None, str | None]],
    suspects: Sequence[tuple[File, Reason]],
) -> list[Problem]:
    """Find files that are no DICOM image, but beside slices of their kind of name and of their size or beginning.

    Parameters
    ----------
    kinds : collection of SliceKind
        Of the slices in their folders.
    classes : collection of (str or None, str or None)
        SeriesInstanceUID and SOPClassUID of all images that were found.
    suspects : sequence of (File, Reason)
        What was passed over for one of the reasons of SUSPECT.
    """
    stripped = [file for file, reason in suspects if reason is Reason.MAYBE_STRIPPED]
    problems = (Problem(file.name, _make_stripped_error(file), read_remnant(file)) for file in stripped)
    lost = [problem for problem in problems if _was_image(problem, classes)]
    names = {kind[:2] for kind in kinds}
    for file, reason in suspects:
        if reason is Reason.MAYBE_STRIPPED:
            continue
        path = file.name
        try:
            kind = classify_slice(path, _find_size(file))
        except (OSError, CorruptFileError):
            continue
        if kind in kinds:
            words = "it has the size and name of the slices beside it, but is not DICOM: it is damaged"
        elif reason is Reason.MAYBE_DAMAGED and kind[:2] in names:
            words = "it begins and is named like the slices beside it, but is no whole DICOM file: it is damaged"
        else:
            continue
        lost.append(Problem(path, make_damaged_error(path, words), read_remnant(file)))
    return lost


def _find_size(file: File) -> int:
    """The size of a file, which is opened only where that is not known."""
    if file.size is not None:
        return file.size
    with file.open() as handle:
        return handle.size


def _was_image(problem: Problem, classes: Collection[tuple[str | None, str | None]]) -> bool:
    """Tell whether a file of a private class without pixels had some: others of its class and series have."""
    remnant = problem.remnant
    uids = remnant.sop_class_uids
    return not all(map(is_private, uids)) or any((remnant.series_uid, uid) in classes for uid in uids)


def _make_stripped_error(file: File) -> CorruptFileError:
    what = "it declares Rows and Columns, others of its class and series are images, but it holds no pixel data"
    return make_damaged_error(file.name, what)


def _ought_to_be_dicom(path: str, reason: Reason) -> bool:
    """Tell whether a file that is not DICOM may be a damaged slice: by its name, or by how little is left of it."""
    if reason in (Reason.NO_PIXELS, Reason.MAYBE_STRIPPED):
        return False
    named = os.path.splitext(path)[1].lower() in _SUFFIXES
    return named or (_is_named_like_slices(path) and reason in _LITTLE_LEFT)


def _is_named_like_slices(path: str, *, bare: bool = True) -> bool:
    """Tell whether a file is named as slices are: with a suffix of DICOM, a number, or (`bare`) none."""
    suffix = os.path.splitext(path)[1].lower()
    return suffix in _SUFFIXES or suffix[1:].isdigit() or (bare and suffix == "")


def classify_slice(path: str, size: int | None) -> SliceKind:
    """The kind of a file; numbers, as behind the last dot of a UID, are no suffix."""
    suffix = os.path.splitext(path)[1]
    return SliceKind(os.path.dirname(path), "" if suffix[1:].isdigit() else suffix, size)


# ---------------------------------------------------------------------------------------------------- what to say
def refuse_problems(problems: Sequence[Problem]) -> None:
    """Refuse damaged files, which may be slices that are lost: none is dropped unless ``ignore=`` says so."""
    if problems:
        raise make_damage_error(problems)


def make_all_damaged_error(problems: Sequence[Problem]) -> CorruptFileError:
    """The error for a source of damaged files alone, where nothing would be left without them."""
    error = make_damage_error(problems)
    error.remedies = tuple(remedy for remedy in error.remedies if "ignore" not in remedy.options)
    return error


def make_damage_error(problems: Sequence[Problem]) -> CorruptFileError:
    """The error for damaged files, made afresh so that it does not gather tracebacks."""
    first = problems[0].error
    if len(problems) == 1:
        return first.detached()
    paths = tuple(problem.path for problem in problems)
    return CorruptFileError(
        f"{count_noun(len(paths), 'file')} cannot be read ({name_files_of(paths)}), the first because: {first.message}",
        files=paths,
        remedies=[GetAgain(paths), SetOption("ignore", (DAMAGED,))],
    )


def describe_left_out(
    ignored: Sequence[str], damaged: Sequence[str] = (), strays: Sequence[str] = ()
) -> tuple[str, ...]:
    """Say which files are not in a volume: those that ``ignore=`` names, damaged ones, damaged ones of no series."""
    reasons = {"as ignore= says": ignored, "damaged": damaged, "damaged and of no series that is listed": strays}
    return tuple(
        f"{count_noun(len(paths), 'file')} left out, {why}: {name_files_of(paths)}"
        for why, paths in reasons.items()
        if paths
    )


# ---------------------------------------------------------------------------------------------------- what is missing
def refuse_gaps(stack: SeriesData, lost: Sequence[Problem]) -> None:
    """Refuse slices between which damaged files lay, however even what is left may be.

    Raises
    ------
    MissingSliceError
        A damaged file that is left out lies between two slices of the stack.
    """
    between = [problem for problem in lost if _lies_between(stack, problem)]
    if not between:
        return
    paths = [problem.path for problem in between]
    raise MissingSliceError(
        f"{count_noun(len(paths), 'damaged file')} to be left out ({name_files_of(paths)}) lay between the slices of "
        f"{stack.title}, which has gaps without",
        files=paths,
        remedies=[GetAgain(tuple(paths))],
    )


def _lies_between(stack: SeriesData, lost: Problem) -> bool:
    """Tell whether a damaged file is a slice inside the stack: by its position or, where that is lost, its name."""
    first, position = stack.frames[0], lost.remnant.position
    if first.position is None or first.orientation is None:
        return False
    normal = compute_normal(first.orientation)
    places = np.array([f.position for f in stack.frames if f.position is not None]) @ normal
    if position is not None:
        place = float(np.dot(position, normal))
        if not places.min() < place < places.max():
            return False
        gaps = np.diff(np.sort(places))
        return bool(np.abs(places - place).min() > compute_same_position_limit(gaps))
    return _lies_between_neighbours(stack, lost, places)


def _lies_between_neighbours(stack: SeriesData, lost: Problem, places: Floats) -> bool:
    """Tell it by the files on either side of its name: next to each other in space, but not in InstanceNumber."""
    names = sort_names([lost.path, *(f.path for f in stack.frames)])
    k = names.index(lost.path)
    if not 0 < k < len(names) - 1 or len(set(names)) != len(names):
        return False
    by_path = {f.path: i for i, f in enumerate(stack.frames)}
    before, after = by_path[names[k - 1]], by_path[names[k + 1]]
    rank = {int(i): r for r, i in enumerate(np.argsort(places))}
    numbers = [stack.frames[i].header.instance_number for i in (before, after)]
    apart = None if None in numbers else abs(numbers[0] - numbers[1])  # type: ignore[operator]
    return abs(rank[before] - rank[after]) == 1 and apart is not None and apart > 1
