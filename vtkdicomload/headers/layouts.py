"""The layout of one item of a sequence, and the other items that share it: found for all of them at once.

The strict walk of an item goes by tags, VRs, lengths and the ends of containers. Where another item holds the same tags
and VRs in the same nesting, and its own lengths lead from each to the next and stay inside their containers, the walk
would take the same steps, and the values lie where these steps lead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .elements import ITEM, ITEM_END, LONG_VRS, SEQUENCE_END, UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .elements import Element

    Places = NDArray[np.intp]

_PADDING = 16  # zeros behind a window, so that the head of an element can be looked at anywhere in it
_AS_WRITTEN = 0xFFFFFFFF  # of an undefined length
_LENGTH_BITS = np.uint64(_AS_WRITTEN)


def _write_head(tag: int, length: int) -> bytes:
    return b"".join(n.to_bytes(size, "little") for n, size in ((tag >> 16, 2), (tag & 0xFFFF, 2), (length, 4)))


_NEXT_ITEM = _write_head(ITEM_END, 0) + _write_head(ITEM, _AS_WRITTEN)


class Window:
    """A part of a file in which many elements are looked at together."""

    def __init__(self, data: bytes, start: int) -> None:
        self.data, self.start, self.size = data, start, len(data)
        # The eight bytes from each place on, as one number.
        self.words = np.ndarray((self.size + _PADDING - 7,), "<u8", data + bytes(_PADDING), strides=(1,))

    def read(self, start: int, end: int) -> bytes:
        """The bytes between two offsets in the file, which lie in the window."""
        return self.data[start - self.start : end - self.start]


class Rows(NamedTuple):
    """The values of items of one layout, an item a row, an element a column: offsets in the file."""

    starts: Places
    ends: Places  # the start where the length is undefined


class _Step(NamedTuple):
    """One element, as the walk meets it."""

    closed: int  # containers of defined length that end before it
    mask: np.uint64  # the bits of its first eight bytes that are the same in every item,
    head: np.uint64  # and these bits
    size: int  # bytes of tag, VR and length
    shift: int  # of a length in the first eight bytes; 0 where it is in the four behind, or all are the same
    length: int  # that all have; -1 where each has its own
    opens: bool  # what lies inside is walked too
    ends: bool  # it is a delimiter


class Layout:
    """The layout of one item that was walked strictly.

    Parameters
    ----------
    elements : sequence of Element
        The item, and all that was visited inside; little endian, and no liberty was taken with it.
    entered : frozenset of int
        The sequences that are walked where their length is defined too.

    Attributes
    ----------
    elements : tuple of Element
        As given; the columns of `Rows`.
    usable : bool
        Whether other items may be compared with it.
    """

    def __init__(self, elements: Sequence[Element], entered: frozenset[int]) -> None:
        self.elements = tuple(elements)
        self.usable = all(element.tag for element in elements)
        steps = []
        bounded: list[bool] = []  # for each container that is open, whether its length is defined
        for element, behind in zip(elements, (*elements[1:], None), strict=True):
            inside = element.depth - elements[0].depth
            closed = len(bounded) - inside
            del bounded[inside:]
            step = _make_step(element, closed, entered, opens=behind is not None and behind.depth > element.depth)
            steps.append(step)
            if step.ends:
                self.usable &= not bounded.pop()
            elif step.opens:
                bounded.append(element.length != UNDEFINED)
        self._steps, self._left_open = tuple(steps), len(bounded)

    def find_starts(self, window: Window, first: int) -> Places:
        """Find where items may begin, the first of them known: one behind the other, or wherever it looks like that."""
        data, at = window.data, first - window.start
        found = []
        if self.elements[0].length == UNDEFINED:
            pattern = _NEXT_ITEM + int(self._steps[1].head).to_bytes(8, "little")[:4]
            while at >= 0:
                found.append(at)
                at = data.find(pattern, at)
                at += 8 if at >= 0 else 0
        else:
            head = _write_head(ITEM, 0)[:4]
            while data[at : at + 4] == head:
                found.append(at)
                at += 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        return np.array(found, np.intp) + window.start

    def match(self, window: Window, starts: Places) -> tuple[NDArray[np.bool_], Rows]:
        """Tell which items have this layout and lie whole in the window, and where the values of those are.

        Parameters
        ----------
        window : Window
            It ends where the sequence does, or before.
        starts : numpy.ndarray, shape (n,)
            Offsets in the file where an item may begin.
        """
        words, size = window.words, window.size
        at = starts - window.start
        good = np.ones(len(at), np.bool_)
        limits: list[Places | int] = [size]  # the end of each container that is open
        first, behind = (np.empty((len(self._steps), len(at)), np.intp) for _ in range(2))
        for k, step in enumerate(self._steps):
            for _ in range(step.closed):
                good &= at == limits.pop()
            word = words[at]
            good &= word & step.mask == step.head
            start = end = at + step.size
            if step.size == _LONG_HEAD or step.shift:
                length = word >> np.uint64(step.shift) if step.shift else words[at + 8] & _LENGTH_BITS
                good &= length != _LENGTH_BITS if step.length < 0 else length == np.uint64(step.length)
                if step.length != _AS_WRITTEN:
                    end = start + length.astype(np.intp)
            good &= end <= limits[-1]
            first[k], behind[k] = start, end
            if step.ends:
                limits.pop()
            elif step.opens:
                limits.append(limits[-1] if step.length == _AS_WRITTEN else end)
            at = np.minimum(start if step.opens else end, size)  # of one that does not match, anywhere
        for _ in range(self._left_open):
            good &= at == limits.pop()
        return good, Rows(first.T + window.start, behind.T + window.start)


_LONG_HEAD, _SHORT_HEAD = 12, 8


def _make_step(element: Element, closed: int, entered: frozenset[int], *, opens: bool) -> _Step:
    tag, vr, _, length, _ = element
    ends = tag in (ITEM_END, SEQUENCE_END)
    # What is entered was empty here: the walk would go into one that is not.
    fixed = length == UNDEFINED or (length == 0 and (ends or tag == ITEM or tag in entered))
    written = (_AS_WRITTEN if length == UNDEFINED else length) if fixed else -1
    head = int.from_bytes(_write_head(tag, 0)[:4] + vr, "little")
    if vr in LONG_VRS:
        return _Step(closed, np.uint64((1 << 48) - 1), np.uint64(head), _LONG_HEAD, 0, written, opens, ends)
    shift = 48 if vr else 32
    if fixed:
        head |= written << shift
        return _Step(closed, np.uint64((1 << 64) - 1), np.uint64(head), _SHORT_HEAD, 0, written, opens, ends)
    return _Step(closed, np.uint64((1 << shift) - 1), np.uint64(head), _SHORT_HEAD, shift, -1, opens, ends)
