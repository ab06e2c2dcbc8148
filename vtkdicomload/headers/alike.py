"""Stepping over the items of a sequence that are built like one that was walked strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .layouts import Layout, Window

if TYPE_CHECKING:
    from .elements import Element, Encoding, Source
    from .layouts import Rows
    from .liberties import Liberties

_MOST_LAYOUTS = 8  # of one sequence; items of further ones are walked
_FIRST_WINDOW, _LONGEST_WINDOW = 1 << 18, 1 << 22  # bytes


class PassedItem(NamedTuple):
    """An item that was stepped over."""

    before: int  # how many elements were visited before it
    layout: Layout
    window: Window
    rows: Rows
    row: int


class AlikeItems:
    """The items of one sequence at the top level that the strict walk may step over.

    Parameters
    ----------
    source : Source
        The file that is walked.
    encoding : Encoding
        The way its elements are written.
    sequence : int
        The tag of the sequence.
    visited : list of Element
        All that was visited, which the consumer of the walk notes.
    entered : frozenset of int
        The sequences that are walked where their length is defined too.
    liberties : Liberties
        Of the walk: once one is taken, every item is walked.

    Attributes
    ----------
    passed : list of PassedItem
        The items that were stepped over, in file order.
    """

    def __init__(
        self,
        source: Source,
        encoding: Encoding,
        sequence: int,
        visited: list[Element],
        entered: frozenset[int],
        liberties: Liberties,
    ) -> None:
        self.passed: list[PassedItem] = []
        self._source, self._visited, self._liberties = source, visited, liberties
        self._sequence, self._entered, self._little = sequence, entered, not encoding.big_endian
        self._inside = False
        self._begun = 0  # of `visited`: where the item begins that is walked
        self._layouts: list[Layout] = []
        self._untried: list[Layout] = []  # in the window at hand
        self._window: Window | None = None
        self._longest, self._window_bytes = 0, _FIRST_WINDOW
        self._known: dict[int, tuple[int, PassedItem]] = {}  # where an item begins → where it ends, and itself

    def step_over(self, start: int, limit: int) -> tuple[int, int]:
        """Step over the items that are known to be sound.

        Parameters
        ----------
        start : int
            Where an item of a sequence at the top level begins.
        limit : int
            The end of the sequence, or of the file where it has none.

        Returns
        -------
        start : int
            Where the walk goes on.
        count : int
            How many elements it would have visited on the way.
        """
        visited, count = self._visited, 0
        if visited[-1].depth == 0:
            self._inside = visited[-1].tag == self._sequence and self._little
        elif self._inside and not self._liberties.taken:
            if len(visited) > self._begun:
                self._learn(start)
            self._look(start, limit)
            while (known := self._known.pop(start, None)) is not None:
                start, item = known
                self.passed.append(item._replace(before=len(visited)))
                count += len(item.layout.elements)
        self._begun = len(visited)
        return start, count

    def _learn(self, end: int) -> None:
        """Learn the layout of the item that was walked up to here."""
        elements = self._visited[self._begun :]
        self._longest = max(self._longest, end - elements[0].offset)
        if len(self._layouts) < _MOST_LAYOUTS:
            layout = Layout(elements, self._entered)
            if layout.usable:
                self._layouts.append(layout)
                self._untried.append(layout)

    def _look(self, start: int, limit: int) -> None:
        """Find the items from `start` on that have a layout which is known."""
        if start in self._known or not self._layouts:
            return
        window = self._window
        if window is None or (start > window.start and start + 2 * self._longest > window.start + window.size):
            data = self._source.peek(start, min(self._window_bytes, limit - start))
            self._window_bytes = min(4 * self._window_bytes, _LONGEST_WINDOW)
            self._window, self._untried = window, _ = Window(data, start), list(self._layouts)
        while self._untried:
            self._compare(self._untried.pop(), window, start)

    def _compare(self, layout: Layout, window: Window, first: int) -> None:
        starts = layout.find_starts(window, first)
        if self._known:
            starts = np.array([start for start in starts.tolist() if start not in self._known], np.intp)
        good, rows = layout.match(window, starts)
        ends = (rows.ends[:, 0] if layout.elements[0].length >= 0 else rows.ends[:, -1]).tolist()
        for row in np.flatnonzero(good).tolist():
            self._known[int(starts[row])] = ends[row], PassedItem(0, layout, window, rows, row)
