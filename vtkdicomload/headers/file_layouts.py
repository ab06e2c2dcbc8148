"""The layout of one header, and the other files that share it: stepped over all at once.

`FileLayout.find_alike` steps over many files as the strict walk would step over each: it reads every length that they
have of their own, and compares all other bytes of structure with those of a file that was walked. In a file that it
finds a strict walk would visit the same elements, in the places that it says.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .elements import ITEM_END, LONG_VRS, SEQUENCE_END, UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from .elements import Element

    Ints = NDArray[np.int64]
    Bytes = NDArray[np.uint8]
    Words = NDArray[np.uint64]

PREAMBLE = 128  # bytes, of any content; what follows is DICM
_WORD, _WORDS = 8, np.dtype("<u8")  # bytes that are compared at a time
_SHORT_SHIFT, _LONG_SHIFT = np.uint64(48), np.uint64(32)  # bits before a length, in the word that ends with it
_LONG_VALUE = 256  # bytes of a value that is stepped over rather than compared
_SAMPLE = 16  # files that a new layout is tried with before others
_DELIMITERS = (ITEM_END, SEQUENCE_END)


class Beginnings:
    """The first bytes of many files, one behind the other."""

    def __init__(self, parts: Sequence[bytes]) -> None:
        sizes = np.array([len(part) for part in parts], np.int64)
        self.data = b"".join(parts)
        self.ends: Ints = np.cumsum(sizes)
        self.starts: Ints = self.ends - sizes
        self._windows: dict[int, NDArray[np.void]] = {}

    def gather(self, places: Ints, width: int) -> Words:
        """Take `width` bytes from each of some places, as words: an array of shape (places, words)."""
        windows = self._windows.get(width)
        if windows is None:
            # Void items at every byte: NumPy copies each as a whole, fifty times as fast as it would gather bytes.
            windows = np.ndarray(len(self.data) - width + 1, f"V{width}", self.data, strides=(1,))
            self._windows[width] = windows
        return windows[places].view(_WORDS).reshape(len(places), width // _WORD)


class _Part(NamedTuple):
    """One element of the file that a layout was learned from."""

    start: int  # of its value
    end: int  # of its value; its start where what follows lies inside, or where its length is undefined
    shift: np.uint64  # bits before its length
    elastic: bool  # the length may be another one
    longest: int | None  # that it may be, where there is a limit


_new_part = partial(tuple.__new__, _Part)  # _Part(…) takes twice as long, for each element of each layout


class _Segment(NamedTuple):
    """Elements that are compared at once, up to the one whose length is read."""

    first: int  # of its parts
    last: int  # whose length is read; it ends where the value of that begins
    start: int
    size: int  # in bytes
    width: int  # in bytes, with a few before its start to make whole words
    expected: Words
    mask: Words
    steps: bool  # over the last value, rather than into it


class AlikeFiles:
    """Files with one layout, and where the values of their elements lie in `Beginnings`."""

    def __init__(self, rows: Ints, parts: Sequence[_Part], segments: Sequence[_Segment], steps: Sequence[Ints]) -> None:
        self.rows = rows
        self._parts = parts
        self._segments = segments
        self._anchors, self._lengths = steps[::2], steps[1::2]
        self._lasts = [segment.last for segment in segments]

    def _find(self, index: int) -> tuple[int, Ints]:
        number = bisect_left(self._lasts, index)
        return number, self._anchors[number] + (self._parts[index].start - self._segments[number].start)

    def get_starts(self, index: int) -> Ints:
        """The place where the value of an element begins in each file."""
        return self._find(index)[1]

    def get_ends(self, index: int) -> Ints:
        """The place where the value of an element ends in each file."""
        number, starts = self._find(index)
        if self._segments[number].last == index:
            return starts + self._lengths[number]
        return starts + (self._parts[index].end - self._parts[index].start)

    def get_lengths(self, index: int) -> Ints:
        """The length of the value of an element in each file."""
        return self.get_ends(index) - self.get_starts(index)

    def locate(self, place: int, indices: Sequence[int]) -> list[tuple[int, int]]:
        """Say where the values of some elements begin and how long they are in one file, by its place among these."""
        found = []
        for index in indices:
            number = bisect_left(self._lasts, index)
            part, segment = self._parts[index], self._segments[number]
            start = int(self._anchors[number][place]) + part.start - segment.start
            length = int(self._lengths[number][place]) if segment.last == index else part.end - part.start
            found.append((start, length))
        return found

    def keep(self, kept: NDArray[np.bool_]) -> AlikeFiles:
        """Those of the files for which an array says so."""
        if kept.all():
            return self
        steps = [step[kept] for pair in zip(self._anchors, self._lengths, strict=True) for step in pair]
        return AlikeFiles(self.rows[kept], self._parts, self._segments, steps)


class FileLayout:
    """The layout of one strictly walked header, up to its pixels.

    Parameters
    ----------
    data : bytes
        The file up to the value of its pixel data.
    visited : sequence of Element
        What was walked of it, the pixel data as the last.
    fixed : collection of int
        Indices of elements whose values are the same in all files.
    rigid : collection of int
        Indices of elements whose lengths are the same in all files.
    longest : mapping of int to int
        The most bytes that an element may have, by its index; no limit where it is not given.
    """

    def __init__(
        self,
        data: bytes,
        visited: Sequence[Element],
        fixed: Collection[int],
        rigid: Collection[int],
        longest: Mapping[int, int],
    ) -> None:
        self._data: Bytes = np.frombuffer(data, np.uint8)
        self._closings = find_closings(visited)
        entered = [len(visited) - 1, *(opened for opened, _ in self._closings)]
        tags, vrs, *columns, _ = zip(*visited, strict=True)
        starts, lengths = np.array(columns, np.int64)
        written_long = np.array([vr in LONG_VRS for vr in vrs])
        inside = lengths <= 0
        inside[entered] = True
        ends = np.where(inside, starts, starts + lengths)
        loose = (lengths != UNDEFINED) & np.array([tag not in _DELIMITERS for tag in tags])
        loose[[*fixed, *rigid]] = False
        shifts = [_LONG_SHIFT if long or not vr else _SHORT_SHIFT for vr, long in zip(vrs, written_long, strict=True)]
        limits = map(longest.get, range(len(visited)))
        elastic = loose & ~(inside & (lengths > 0))
        parts = zip(starts.tolist(), ends.tolist(), shifts, elastic.tolist(), limits, strict=True)
        self._parts: list[_Part] = [*map(_new_part, parts)]
        differs = ends > starts
        differs[[*fixed]] = False
        reserved = starts[written_long] - 6  # two bytes
        self._mask = _make_mask(
            np.concatenate([[0], reserved, starts[differs]]),
            np.concatenate([[PREAMBLE], reserved + 2, ends[differs]]),
            len(data),
        )
        is_read = ends - starts > _LONG_VALUE
        is_read[entered] = True
        read: list[int] = np.flatnonzero(is_read).tolist()
        for index in np.flatnonzero(is_read & loose):
            _unmask_length(self._mask, self._parts[index])
        self._segments = self._cut([-1, *read])
        self._tried = False

    def _cut(self, lasts: Sequence[int]) -> list[_Segment]:
        """Cut the parts behind the first of some indices into segments that end with each of the others."""
        return [self._make_segment(before + 1, last) for before, last in pairwise(lasts)]

    def _make_segment(self, first: int, last: int) -> _Segment:
        start = self._parts[first - 1].end if first else PREAMBLE
        stop = self._parts[last].start
        width = -(-(stop - start) // _WORD) * _WORD
        mask = self._mask[stop - width : stop].copy()
        mask[: width - (stop - start)] = 0
        expected = self._data[stop - width : stop].copy()
        steps = self._parts[last].end > stop or self._parts[last].elastic
        return _Segment(first, last, start, stop - start, width, expected.view(_WORDS), mask.view(_WORDS), steps)

    @property
    def size(self) -> int:
        """Bytes of the header it was learned from."""
        return len(self._data)

    def find_alike(self, beginnings: Beginnings, rows: Ints) -> AlikeFiles:
        """Find the files among some that have this layout.

        Parameters
        ----------
        beginnings : Beginnings
            Of the files; a header that goes on behind them is not found.
        rows : array of shape (n,)
            The files to look at, by their places among the beginnings.
        """
        if not self._tried and len(rows) > 2 * _SAMPLE:
            self._step_over(beginnings, rows[:: len(rows) // _SAMPLE])  # most lengths that vary do so in a few files
        self._tried = True
        alike = self._step_over(beginnings, rows)
        # What was entered has to end with its last element.
        for opened, last in self._closings if len(alike.rows) else ():
            alike = alike.keep(alike.get_ends(opened) == alike.get_ends(last))
        return alike

    def _step_over(self, beginnings: Beginnings, rows: Ints) -> AlikeFiles:
        """Step over the segments of some files, and leave out those that differ from them."""
        anchors, ends = beginnings.starts[rows] + PREAMBLE, beginnings.ends[rows]
        steps: list[Ints] = []
        number = 0
        while number < len(self._segments) and len(rows):
            segment = self._segments[number]
            _, _, shift, _, longest = self._parts[segment.last]
            stops = anchors + segment.size
            wrong = stops > ends
            if not np.count_nonzero(wrong):
                words = beginnings.gather(stops - segment.width, segment.width)
                differences = (words ^ segment.expected) & segment.mask
                if np.count_nonzero(differences):
                    wrong = np.any(differences, axis=1)
                    if self._loosen(number, differences[wrong]):
                        continue
                else:
                    lengths = (words[:, -1] >> shift).astype(np.int64)
                    if longest is not None:
                        wrong = lengths > longest
            if np.count_nonzero(wrong):
                right = ~wrong
                rows, anchors, ends = rows[right], anchors[right], ends[right]
                steps = [step[right] for step in steps]
                continue
            steps += (anchors, lengths)
            anchors = stops + lengths if segment.steps else stops
            number += 1
        return AlikeFiles(rows, self._parts, tuple(self._segments), steps)

    def _loosen(self, number: int, differences: Words) -> bool:
        """Read the lengths by which some files differ first in a segment, from now on; False where none may differ."""
        segment = self._segments[number]
        wrong = differences.view(np.uint8).reshape(len(differences), segment.width) != 0
        begin = segment.start + segment.size - segment.width
        places = sorted({begin + first for first in wrong.argmax(axis=1).tolist()})
        starts = [part.start for part in self._parts[segment.first : segment.last + 1]]
        found = []
        for place in places:
            index = bisect_right(starts, place)
            part = self._parts[segment.first + index]
            if part.elastic and place >= part.start - (2 if part.shift == _SHORT_SHIFT else 4):
                found.append(segment.first + index)
        for index in found:
            _unmask_length(self._mask, self._parts[index])
        if found:
            cuts = sorted({segment.first - 1, *found, segment.last})
            self._segments[number : number + 1] = self._cut(cuts)
        return bool(found)


def _make_mask(starts: Ints, ends: Ints, size: int) -> Bytes:
    """Make the mask of so many bytes, all of them but for those between some starts and ends."""
    edges = np.zeros(size + 1, np.int8)
    edges[starts] = 1
    edges[ends] = -1
    return (np.cumsum(edges[:size], dtype=np.int8) - np.int8(1)).view(np.uint8)


def _unmask_length(mask: Bytes, part: _Part) -> None:
    mask[part.start - (2 if part.shift == _SHORT_SHIFT else 4) : part.start] = 0


def find_closings(visited: Sequence[Element]) -> list[tuple[int, int]]:
    """Find the elements of defined length that were entered, each with the last element inside.

    Those of length 0 hold nothing in any file, as their length is compared.
    """
    closings = []
    for index, element in enumerate(visited[:-1]):
        if element.length > 0 and visited[index + 1].depth > element.depth:
            inside = (k for k in range(index + 1, len(visited)) if visited[k].depth <= element.depth)
            closings.append((index, next(inside, len(visited)) - 1))
    return closings
