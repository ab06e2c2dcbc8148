"""The series that a damaged file is charged to: its own, that of its neighbours, or any of its folder; never beyond."""

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
    by_uid: dict[str | None, list[SeriesKey]] = defaultdict(list)
    for key in series:
        by_uid[key[1]].append(key)
    counts = Counter(p.remnant.series_uid for p in problems if p.remnant.series_uid is not None)
    known: dict[str, SeriesKey] = {}  # path → its own series, of damaged files whose header tells it
    unknown = []
    for problem in problems:
        study, uid = problem.remnant.study_uid, problem.remnant.series_uid
        keys = [] if uid is None else by_uid.get(uid, [])
        keys = [key for key in keys if key[0] == study] or keys
        for key in keys:
            own[key].append(problem)
        if keys:
            known[problem.path] = keys[0]
        elif counts[str(uid)] > 1:  # a series of which nothing else is left
            known[problem.path] = (study, uid)
        else:
            unknown.append(problem)
    folders = _list_folders(series, known, unknown)
    for problem in unknown:
        folder = folders[os.path.dirname(problem.path)]
        one = folder.find_series(problem.path, foreign=problem.path in foreign)
        if one is not None:
            own[one].append(problem)
        else:
            for key in folder.series:
                beside[key].append(problem)
    return Charges(own, beside)


class _Folder:
    """The series in a folder, and how their files and the damaged ones follow each other in natural order."""

    def __init__(self, members: Mapping[str, SeriesKey], damaged: Collection[str]) -> None:
        self.series = tuple(dict.fromkeys(members.values()))
        self._patterns = {_replace_numbers(path) for path in members}
        names = sort_names({*members, *damaged}) if len(self.series) > 1 else []
        self._before, self._behind = _find_nearest(names, members), _find_nearest(names[::-1], members)

    def find_series(self, path: str, *, foreign: bool) -> SeriesKey | None:
        """The one series that a damaged file may be of; None where it may be of several, or of none.

        A file that is no DICOM is none of it where all slices have another name than it, but for their numbers.
        """
        if not self.series or (foreign and len(self._patterns) == 1 and _replace_numbers(path) not in self._patterns):
            return None
        if len(self.series) == 1:
            return self.series[0]
        around = {key for key in (self._before[path], self._behind[path]) if key is not None}
        return around.pop() if len(around) == 1 else None


def _find_nearest(names: Iterable[str], members: Mapping[str, SeriesKey]) -> dict[str, SeriesKey | None]:
    """Of each name: the series of the last one before it whose series is known."""
    found: dict[str, SeriesKey | None] = {}
    last: SeriesKey | None = None
    for name in names:
        found[name] = last
        last = members.get(name, last)
    return found


def _list_folders(
    series: Mapping[SeriesKey, Sequence[Frame]], known: Mapping[str, SeriesKey], unknown: Sequence[Problem]
) -> dict[str, _Folder]:
    """The folders of the damaged files whose series is unknown."""
    damaged: dict[str, list[str]] = defaultdict(list)
    for problem in unknown:
        damaged[os.path.dirname(problem.path)].append(problem.path)
    if not damaged:
        return {}
    members: dict[str, dict[str, SeriesKey]] = {folder: {} for folder in damaged}
    files = ((frame.path, key) for key, frames in series.items() for frame in frames)
    for path, key in (*files, *known.items()):
        if (folder := os.path.dirname(path)) in members:
            members[folder][path] = key
    return {folder: _Folder(members[folder], paths) for folder, paths in damaged.items()}


def _replace_numbers(path: str) -> str:
    return re.sub(r"\d+", "#", os.path.basename(path))
