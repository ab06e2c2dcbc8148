"""The series that a damaged file is charged to: its own, that of its neighbours, or any of its folder; never beyond."""

from __future__ import annotations

import os
import re
from bisect import bisect
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from ..headers.sop_classes import is_private
from ..sources.dicomdir import is_named_as_dicomdir
from ..sources.folders import sort_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from ..headers.remnant import Remnant
    from ..stacks.series_data import Problem

SeriesKey = tuple[str | None, str | None]  # StudyInstanceUID and SeriesInstanceUID

_NUMBER = re.compile(r"\d+")


class KnownImage(NamedTuple):
    """A file with an image, by what proves a damaged one its neighbour or a stranger."""

    path: str
    sop_class_uid: str | None
    modality: str | None
    rows: int
    columns: int


class Charges(NamedTuple):
    """The damaged files of each series, by its key."""

    own: Mapping[SeriesKey, Sequence[Problem]]  # of the series itself
    beside: Mapping[SeriesKey, Sequence[Problem]]  # in its folder, and of this or another series there
    strays: Mapping[SeriesKey, Sequence[Problem]]  # in its folder, and of none of the series there


NO_CHARGES = Charges({}, {}, {})


def charge_problems(
    series: Mapping[SeriesKey, Sequence[KnownImage]], problems: Sequence[Problem], foreign: Collection[str]
) -> Charges:
    """Find the series that each damaged file concerns.

    Parameters
    ----------
    series : mapping of key to sequence of KnownImage
        All that were found; of one that has no file in the folder of a damaged one, the key alone will do.
    problems : sequence of Problem
        The damaged files.
    foreign : collection of str
        Those of them that are no DICOM by what they hold, only by their name.

    Notes
    -----
    A file is charged to its own SeriesInstanceUID where other files have it, unless it is of a private class, of which
    files may hold no pixels, and none of them is. Else it may be of any series of its folder that is not proven another
    (`_may_be_of`): to the only one, or to that of its neighbours in natural order where the files of that one and of no
    other lie around it (`_Row.find_owner`). Else each of them has it beside. What is proven to be of none of them is a
    stray, which each series of the folder tells of.
    """
    own: dict[SeriesKey, list[Problem]] = defaultdict(list)
    beside: dict[SeriesKey, list[Problem]] = defaultdict(list)
    strays: dict[SeriesKey, list[Problem]] = defaultdict(list)
    by_uid: dict[str | None, list[SeriesKey]] = defaultdict(list)
    for key in series:
        by_uid[key[1]].append(key)
    counts = Counter(p.remnant.series_uid for p in problems if p.remnant.series_uid is not None)
    known: dict[str, SeriesKey] = {}  # path → its own series, of damaged files whose header tells it
    unknown, uncharged = [], []
    for problem in problems:
        study, uid = problem.remnant.study_uid, problem.remnant.series_uid
        keys = [] if uid is None else by_uid.get(uid, [])
        keys = [key for key in keys if key[0] == study] or keys
        keys = [key for key in keys if not _is_private_beside(problem.remnant, series[key])]
        for key in keys:
            own[key].append(problem)
        if keys:
            known[problem.path] = keys[0]
        elif is_named_as_dicomdir(problem.path):  # the index of a medium is no slice
            uncharged.append(problem)
        elif counts[str(uid)] > 1:  # a series of which nothing else is left
            known[problem.path] = (study, uid)
            uncharged.append(problem)
        else:
            unknown.append(problem)
    folders = _list_folders(series, known, unknown)
    for problem in unknown:
        folder = folders[os.path.dirname(problem.path)]
        row = folder.select(problem.remnant)
        one = row.find_owner(problem.path, foreign=problem.path in foreign)
        if one is not None:
            own[one].append(problem)
        else:
            for key in row.series:
                beside[key].append(problem)
            if not row.series:
                uncharged.append(problem)
    for problem in uncharged:
        around = os.path.dirname(problem.path)
        for key, images in series.items():
            if any(os.path.dirname(image.path) == around for image in images):
                strays[key].append(problem)
    return Charges(own, beside, strays)


def _is_private_beside(remnant: Remnant, images: Sequence[KnownImage]) -> bool:
    """Tell whether a damaged file is of private classes, which may hold no pixels, and the images are of others."""
    uids = remnant.sop_class_uids
    private = bool(uids) and all(map(is_private, uids))
    return private and bool(images) and not any(image.sop_class_uid in uids for image in images)


class _Said(NamedTuple):
    """All values that the files of a series have of what may prove a damaged one another's."""

    sop_class_uids: frozenset[str | None]
    modalities: frozenset[str | None]
    sizes: frozenset[tuple[int, int]]  # rows and columns

    @classmethod
    def of(cls, images: Sequence[KnownImage]) -> _Said:
        return cls(
            frozenset(image.sop_class_uid for image in images),
            frozenset(image.modality for image in images),
            frozenset((image.rows, image.columns) for image in images),
        )


def _may_be_of(remnant: Remnant, said: _Said) -> bool:
    """Tell whether a damaged file may be of a series: its class, modality or size do not prove it another's.

    A size proves that only beside a SeriesInstanceUID of its own: else it may be what is damaged.
    """
    if remnant.sop_class_uids and said.sop_class_uids.isdisjoint(remnant.sop_class_uids):
        return False
    if remnant.modality is not None and remnant.modality not in said.modalities:
        return False
    if remnant.series_uid is None or remnant.rows is None or remnant.columns is None:
        return True
    return (remnant.rows, remnant.columns) in said.sizes


class _Folder:
    """The series in a folder, and how their files and the damaged ones follow each other in natural order."""

    def __init__(self, members: Mapping[str, SeriesKey], said: Mapping[SeriesKey, _Said], damaged: Collection[str]):
        self._members, self._said = members, said
        self._series = tuple(dict.fromkeys(members.values()))
        self._places = {path: place for place, path in enumerate(sort_names({*members, *damaged}))}
        self._rows: dict[tuple[SeriesKey, ...], _Row] = {}

    def select(self, remnant: Remnant) -> _Row:
        """The files of the series that a damaged file may be of."""
        said = self._said
        keys = tuple(key for key in self._series if key not in said or _may_be_of(remnant, said[key]))
        if keys not in self._rows:
            files = {path: key for path, key in self._members.items() if key in keys}
            self._rows[keys] = _Row(files, self._places)
        return self._rows[keys]


class _Row:
    """Files of some series of a folder in natural order."""

    def __init__(self, files: Mapping[str, SeriesKey], places: Mapping[str, int]) -> None:
        self.series = tuple(dict.fromkeys(files.values()))
        self._places = places
        in_order = sorted(files, key=places.__getitem__)
        self._at = [places[path] for path in in_order]
        self._keys = [files[path] for path in in_order]
        self._spans: dict[SeriesKey, tuple[int, int]] = {}  # of a series: its first and last file
        self._names: dict[SeriesKey, list[str]] = defaultdict(list)
        for k, (path, key) in enumerate(zip(in_order, self._keys, strict=True)):
            self._spans[key] = self._spans.get(key, (k, k))[0], k
            self._names[key].append(os.path.basename(path))
        self._patterns = {_split_name(name)[0] for names in self._names.values() for name in names}
        self._shared: dict[SeriesKey, dict[str, tuple[str | None, ...]]] = {}

    def find_owner(self, path: str, *, foreign: bool) -> SeriesKey | None:
        """The one series that a damaged file may be of; None where it may be of several, or of none.

        That is the only series there is. Of several, that of the files before and behind it, if in natural order its
        files follow each other without one of another series between, no other series has files both before and behind
        the damaged one, and the name of that has the numbers that all names of the series share. A file that is no
        DICOM is none of it where all slices have another name than it, but for their numbers.
        """
        pattern, _ = _split_name(os.path.basename(path))
        if not self.series or (foreign and len(self._patterns) == 1 and pattern not in self._patterns):
            return None
        if len(self.series) == 1:
            return self.series[0]
        k = bisect(self._at, self._places[path])
        around = {self._keys[i] for i in (k - 1, k) if 0 <= i < len(self._keys)}
        if len(around) > 1:
            return None
        (key,) = around
        first, last = self._spans[key]
        mixed = last - first + 1 > len(self._names[key])
        mixed |= any(one < k <= other for at, (one, other) in self._spans.items() if at != key)
        return None if mixed or not self._is_named_like(path, key) else key

    def _is_named_like(self, path: str, key: SeriesKey) -> bool:
        """Tell whether a name has the numbers that all names of a series share which are built like it."""
        if key not in self._shared:
            self._shared[key] = _list_shared_numbers(self._names[key])
        pattern, numbers = _split_name(os.path.basename(path))
        shared = self._shared[key].get(pattern, ())
        return all(each in (number, None) for number, each in zip(numbers, shared, strict=False))


def _list_shared_numbers(names: Iterable[str]) -> dict[str, tuple[str | None, ...]]:
    """List, for each pattern of names, the numbers that are the same in all of them; None where they differ."""
    by_pattern: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for name in names:
        pattern, numbers = _split_name(name)
        by_pattern[pattern].append(numbers)
    return {
        pattern: tuple(column[0] if len(set(column)) == 1 else None for column in zip(*rows, strict=True))
        for pattern, rows in by_pattern.items()
    }


def _list_folders(
    series: Mapping[SeriesKey, Sequence[KnownImage]], known: Mapping[str, SeriesKey], unknown: Sequence[Problem]
) -> dict[str, _Folder]:
    """The folders of the damaged files whose series is unknown."""
    damaged: dict[str, list[str]] = defaultdict(list)
    for problem in unknown:
        damaged[os.path.dirname(problem.path)].append(problem.path)
    if not damaged:
        return {}
    members: dict[str, dict[str, SeriesKey]] = {folder: {} for folder in damaged}
    files = ((image.path, key) for key, images in series.items() for image in images)
    for path, key in (*files, *known.items()):
        if (folder := os.path.dirname(path)) in members:
            members[folder][path] = key
    there = {key for paths in members.values() for key in paths.values()}
    said = {key: _Said.of(images) for key, images in series.items() if key in there}
    return {folder: _Folder(members[folder], said, paths) for folder, paths in damaged.items()}


def _split_name(name: str) -> tuple[str, tuple[str, ...]]:
    """A name with marks in the place of its numbers, and those."""
    return _NUMBER.sub("#", name), tuple(_NUMBER.findall(name))
