"""The elements in which a few headers differ: files with the same elements are compared byte by byte, not walked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from ..sources.file import BegunHandle, Request, read_many
from .elements import LONG_VRS, UNDEFINED, Source
from .file_layouts import find_closings
from .raw_values import has_small_value
from .transfer_syntaxes import DEFLATED_LITTLE
from .walking import walk_again

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .elements import Element, Encoding
    from .model import Header

    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]

_WINDOW = 1 << 13  # bytes that are compared at a time
_LIMIT_BYTES = 32 << 20  # under way at a time
_META_GROUP, _DELIMITERS = 0x0002, 0xFFFE


class Comparison(NamedTuple):
    """The elements in which some headers differ.

    Attributes
    ----------
    differs : numpy.ndarray of bool, shape (headers, elements)
        Whether an element is another one than that of the first header.
    list_values : callable
        Gives the values of an element as they are written, a header each, by its column.
    """

    differs: Bools
    list_values: Callable[[int], Sequence[object]]


class _Places(NamedTuple):
    """The places of the values of all elements in one header, and whether they differ from those of the first."""

    begins: Ints
    ends: Ints
    differs: Bools


def compare_headers(headers: Sequence[Header], entered: frozenset[int]) -> Comparison | None:
    """Compare the headers of files of one frame each; None where they are not built alike, or not as plainly as most.

    Parameters
    ----------
    headers : sequence of Header
        As they were scanned.
    entered : frozenset of int
        The sequences that are entered; another one of defined length is a value of many bytes.

    Raises
    ------
    CorruptFileError, OSError
        A file cannot be read any more.
    """
    if any(h.liberties or h.number_of_frames > 1 or h.transfer_syntax == DEFLATED_LITTLE for h in headers):
        return None
    beginnings = _read_beginnings(headers)
    file = headers[0].file
    source = Source(BegunHandle(file, file.size or 0, beginnings[0]))
    encoding, meta, elements, _ = walk_again(source, headers[0], entered)
    return _WalkedHeader(beginnings[0], [*meta, *elements], encoding, entered).compare(beginnings[1:])


def _read_beginnings(headers: Sequence[Header]) -> list[bytes]:
    """Read files up to their pixels: those on a server at the same time, those that are passed through in one pass."""
    beginnings = [b""] * len(headers)
    buffers: dict[int, bytearray] = {}
    for k, header in enumerate(headers):
        if header.file.is_remote or not header.file.has_beginning:
            buffers[k] = bytearray(header.pixel_offset)
        else:
            beginnings[k] = header.file.begin(header.pixel_offset).beginning
    requests = [Request(headers[k].file, 0, memoryview(buffer)) for k, buffer in buffers.items()]
    for _ in read_many(requests, _LIMIT_BYTES):
        pass
    for k, buffer in buffers.items():
        beginnings[k] = bytes(buffer)
    return beginnings


class _WalkedHeader:
    """A header that was walked, against which those of other files may be held.

    Parameters
    ----------
    data : bytes
        The file up to its pixels.
    elements : sequence of Element
        All before the pixel data, those of the file meta information too.
    encoding : Encoding
        How the data set is written.
    entered : frozenset of int
        The sequences that were walked where their length is defined too.
    """

    def __init__(self, data: bytes, elements: Sequence[Element], encoding: Encoding, entered: frozenset[int]) -> None:
        self._data, self._bytes = data, np.frombuffer(data, np.uint8)
        self._elements, self._entered, self._big_endian = elements, entered, encoding.big_endian
        begins, lengths, depths = (np.array(column, np.int64) for column in [*zip(*elements, strict=True)][2:])
        self._opened = np.append(depths[1:] > depths[:-1], False)
        ends = np.where(self._opened | (lengths == UNDEFINED), begins, begins + lengths)
        self._first = _Places(begins, ends, np.zeros(len(begins), np.bool_))
        self._heads = np.append(begins[0] - (12 if elements[0].vr in LONG_VRS else 8), ends[:-1])
        steps = np.zeros(len(data) + 1, np.int8)
        steps[self._heads] += 1
        steps[begins] -= 1
        self._in_head = np.cumsum(steps, dtype=np.int8).view(np.bool_)
        self._closings = find_closings(elements)

    def compare(self, others: Sequence[bytes]) -> Comparison | None:
        """Compare it with other files, each up to its pixels; None where one has other elements or items."""
        places = [self._first]
        for other in others:
            found = self._find(other)
            if found is None:
                return None
            places.append(found)
        differs = np.stack([at.differs for at in places])
        differing = np.flatnonzero(differs.any(axis=0) & ~self._opened).tolist()
        columns = [k for k in differing if has_small_value(self._elements[k])]

        def list_values(column: int) -> Sequence[object]:
            k = columns[column]
            return [data[at.begins[k] : at.ends[k]] for data, at in zip((self._data, *others), places, strict=True)]

        return Comparison(differs[:, columns], list_values)

    def _find(self, other: bytes) -> _Places | None:
        """Find the elements in another file, and those that differ; None where it has other ones."""
        first, compared = self._first, np.frombuffer(other, np.uint8)
        begins, ends = first.begins.copy(), first.ends.copy()
        differing = np.zeros(len(self._bytes), np.bool_)
        lengths: dict[int, int] = {}  # of sequences and items, where they are others
        at, shift, stop = int(self._heads[0]), 0, int(first.ends[-1])
        while at < stop:
            end = min(at + _WINDOW, stop, len(other) - shift)
            if end <= at:
                return None
            part = self._bytes[at:end] != compared[at + shift : end + shift]
            wrong = part & self._in_head[at:end]
            count = int(wrong.argmax())
            if not wrong[count]:
                differing[at:end] = part
                at = end
                continue
            differing[at : at + count] = part[:count]
            k = int(np.searchsorted(first.begins, at + count, "right"))
            length = self._read_length(k, other, shift)
            if length is None:
                return None
            at = int(first.ends[k])
            if self._opened[k]:
                lengths[k] = length
                continue
            differing[int(first.begins[k]) - 1] = True
            grown = length - self._elements[k].length
            shift += grown
            ends[k:] += grown
            begins[k + 1 :] += grown
        for k, last in self._closings:
            if begins[k] + lengths.get(k, self._elements[k].length) != ends[last]:
                return None
        if len(other) - ends[-1] != len(self._data) - first.ends[-1]:
            return None
        return _Places(begins, ends, np.logical_or.reduceat(differing[:stop], self._heads))

    def _read_length(self, k: int, other: bytes, shift: int) -> int | None:
        """Read the length of an element in another file; None where that is no matter of its length alone."""
        tag, vr, offset, length, _ = self._elements[k]
        width = 2 if vr and vr not in LONG_VRS else 4
        start, begin = int(self._heads[k]), offset + shift
        fixed = length == UNDEFINED or tag >> 16 == _DELIMITERS or tag in self._entered
        if (fixed and not (self._opened[k] and length > 0)) or begin > len(other):
            return None
        if self._data[start : offset - width] != other[start + shift : begin - width]:
            return None
        order: Literal["big", "little"] = "big" if self._big_endian and tag >> 16 != _META_GROUP else "little"
        read = int.from_bytes(other[begin - width : begin], order)
        if self._opened[k]:
            return read
        return read if begin + read <= len(other) else None
