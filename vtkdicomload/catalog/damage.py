"""Damaged files: which ones may be lost slices, and where they are refused."""

from __future__ import annotations

import copy
import os
from typing import TYPE_CHECKING

from .._util.wording import count_noun
from ..errors import CorruptFileError
from ..errors.remedies import ENTER, LeaveOut, Unpack
from ..sources.archives.enter import is_named_as_archive
from ..sources.reasons import Reason
from ..stacks.series_data import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..headers.model import Frame
    from ..sources.file import File

_SUFFIXES = (".dcm", ".dicom", ".ima", ".dc3")
_NAMED = 3  # files named in a message


# ---------------------------------------------------------------------------------------------------- which are damaged
def judge_foreign(path: str, reason: Reason) -> CorruptFileError | None:
    """The error for a file that is no DICOM image but ought to be one; None where it is passed over."""
    if reason is Reason.GZIPPED_DICOM:
        unpack = ENTER if is_named_as_archive(path) else Unpack(path, ("python", "-m", "gzip", "-d", path))
        return CorruptFileError(f"{path} is {reason}", files=[path], remedies=[unpack, LeaveOut((path,))])
    if _ought_to_be_dicom(path, reason):
        return _make_lost_error(path, f"{reason}, where DICOM was expected")
    return None


def judge_unreadable(file: File, error: OSError) -> CorruptFileError | None:
    """Make the error for a file that the system does not read; None for a link to nothing that is passed over."""
    is_link = file.local_path is not None and os.path.islink(file.local_path)
    if is_link and not _is_named_like_slices(file.name, bare=False):
        return None
    return _make_lost_error(file.name, f"it cannot be read: {error.strerror}")


def find_lost_slices(frames: Iterable[Frame], suspects: Sequence[tuple[File, Reason]]) -> list[Problem]:
    """Find files that are no DICOM, but beside slices of their kind of name and of their size or beginning."""
    if not suspects:
        return []
    kinds = {(*_classify_name(f.path), f.header.file.size) for f in frames}
    names = {kind[:2] for kind in kinds}
    lost = []
    for file, reason in suspects:
        path = file.name
        try:
            with file.open() as handle:
                kind = (*_classify_name(path), handle.size)
        except (OSError, CorruptFileError):
            continue
        if kind in kinds:
            words = "it has the size and name of the slices beside it, but is not DICOM: it is damaged"
        elif reason is Reason.MAYBE_DAMAGED and kind[:2] in names:
            words = "it begins and is named like the slices beside it, but is no whole DICOM file: it is damaged"
        else:
            continue
        lost.append(Problem(path, _make_lost_error(path, words)))
    return lost


def _make_lost_error(path: str, what: str) -> CorruptFileError:
    return CorruptFileError(f"{path}: {what}", files=[path], remedies=[LeaveOut((path,))])


def _ought_to_be_dicom(path: str, reason: Reason) -> bool:
    """Tell whether a file that is not DICOM may be a damaged slice: by its name, or as only zeros are left of it."""
    if reason is Reason.NO_PIXELS:
        return False
    named = os.path.splitext(path)[1].lower() in _SUFFIXES
    return named or (_is_named_like_slices(path) and reason in (Reason.EMPTY, Reason.ONLY_ZEROS))


def _is_named_like_slices(path: str, *, bare: bool = True) -> bool:
    """Tell whether a file is named as slices are: with a suffix of DICOM, a number, or (`bare`) none."""
    suffix = os.path.splitext(path)[1].lower()
    return suffix in _SUFFIXES or suffix[1:].isdigit() or (bare and suffix == "")


def _classify_name(path: str) -> tuple[str, str]:
    """Folder and suffix of a file; numbers, as behind the last dot of a UID, are no suffix."""
    suffix = os.path.splitext(path)[1]
    return os.path.dirname(path), "" if suffix[1:].isdigit() else suffix


# ---------------------------------------------------------------------------------------------------- what to say
def refuse_problems(problems: Sequence[Problem]) -> None:
    """A damaged file may be a slice of any series of its source: it is never dropped unless ``ignore=`` names it."""
    if problems:
        raise make_damage_error(problems)


def make_damage_error(problems: Sequence[Problem]) -> CorruptFileError:
    """The error for damaged files, made afresh so that it does not gather tracebacks."""
    first = problems[0].error
    if len(problems) == 1:
        return copy.copy(first)
    paths = tuple(problem.path for problem in problems)
    names = ", ".join(map(os.path.basename, paths[:_NAMED]))
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return CorruptFileError(
        f"{count_noun(len(paths), 'file')} cannot be read ({names}{more}), the first because: {first.message}",
        files=paths,
        remedies=[LeaveOut(paths)],
    )
