"""Whose a damaged file is: its own series, the series of its neighbours, or any of its folder; never beyond."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ..sources.folders import sort_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ..headers.model import Frame
    from ..stacks.series_data import Problem

SeriesKey = tuple[str | None, str | None]  # StudyInstanceUID and SeriesInstanceUID


class Charges(NamedTuple):
    """The damaged files of each series, by its key."""

    own: Mapping[SeriesKey, Sequence[Problem]]  # of the series itself
    beside: Mapping[SeriesKey, Sequence[Problem]]  # in its folder, and of this or another series there


def charge_problems(
    series: Mapping[SeriesKey, Sequence[Frame]], problems: Sequence[Problem], foreign: Collection[str]
) -> Charges:
    """Find the series that each damaged file concerns.

    Parameters
    ----------
    series : mapping of key to sequence of Frame
        All that were found.
    problems : sequence of Problem
        The damaged files.
    foreign : collection of str
        Those of them that are no DICOM by what they hold, only by their name.

    Notes
    -----
    A file is charged to its own SeriesInstanceUID where other files have it. Else to that of its neighbours in natural
    order in its folder, where that is one; else it may be of any series of the folder.
    """
    own: dict[SeriesKey, list[Problem]] = defaultdict(list)
    beside: dict[SeriesKey, list[Problem]] = defaultdict(list)
    known: dict[str, SeriesKey] = {}  # path → its own series, of damaged files whose header tells it
    counts = Counter(p.remnant.series_uid for p in problems if p.remnant.series_uid is not None)
    unknown = []
    for problem in problems:
        keys = _match_series(problem, series)
        for key in keys:
            own[key].append(problem)
        if keys:
            known[problem.path] = keys[0]
        elif counts[str(problem.remnant.series_uid)] > 1:  # a series of which nothing else is left
            known[problem.path] = (problem.remnant.study_uid, problem.remnant.series_uid)
        else:
            unknown.append(problem)
    if unknown:
        folders = _list_folders(series, known, {os.path.dirname(problem.path) for problem in unknown})
        for problem in unknown:
            members = folders[os.path.dirname(problem.path)]
            around = set(members.values()) if problem.path not in foreign or _is_named_like(problem, members) else set()
            charged = around if len(around) == 1 else _find_neighbours(problem.path, members) if around else set()
            if len(charged) == 1:
                own[charged.pop()].append(problem)
            else:
                for key in set(members.values()):
                    beside[key].append(problem)
    return Charges(own, beside)


def _match_series(problem: Problem, series: Iterable[SeriesKey]) -> list[SeriesKey]:
    """The series that have the SeriesInstanceUID of a damaged file, in its study where that is told."""
    study, uid = problem.remnant.study_uid, problem.remnant.series_uid
    if uid is None:
        return []
    keys = [key for key in series if key[1] == uid]
    return [key for key in keys if key[0] == study] or keys


def _list_folders(
    series: Mapping[SeriesKey, Sequence[Frame]], known: Mapping[str, SeriesKey], folders: Collection[str]
) -> dict[str, dict[str, SeriesKey]]:
    """Of each of the folders: the files in it whose series is known."""
    found: dict[str, dict[str, SeriesKey]] = {folder: {} for folder in folders}
    members = ((frame.path, key) for key, frames in series.items() for frame in frames)
    for path, key in (*members, *known.items()):
        if (folder := os.path.dirname(path)) in found:
            found[folder][path] = key
    return found


def _find_neighbours(path: str, members: Mapping[str, SeriesKey]) -> set[SeriesKey]:
    """The series of the nearest files on either side of a name in natural order."""
    names = sort_names((path, *members))
    k = names.index(path)
    return {members[name] for name in (*names[max(k - 1, 0) : k], *names[k + 1 : k + 2])}


def _is_named_like(problem: Problem, members: Iterable[str]) -> bool:
    """Tell whether a file may be a slice by its name: not where all slices have another one, but for their numbers."""
    patterns = {_replace_numbers(path) for path in members}
    return len(patterns) != 1 or _replace_numbers(problem.path) in patterns


def _replace_numbers(path: str) -> str:
    return re.sub(r"\d+", "#", os.path.basename(path))
