"""The items of sequences by the strict walk of a file: a value is parsed when it is asked for.

Of PerFrameFunctionalGroupsSequence, which may have thousands, those that are built alike are found together
(`alike.py`), and read like all others.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from .._util.warnings import silence_warnings
from ..errors import CorruptFileError
from ..sources.memory import MemoryFile
from .attributes import FUNCTIONAL_GROUPS
from .data_set import UnusableAttribute, find_tag
from .element_values import ElementValues
from .elements import ITEM_END, SEQUENCE_END, Encoding, Source, walk
from .parser import WALKED
from .walking import walk_again

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .alike import PassedItem
    from .elements import Element
    from .layouts import Places
    from .model import Header

    _Node = dict[int, "_Place"]

_PER_FRAME = FUNCTIONAL_GROUPS[1]
_MAY_BE_SEQUENCE = (b"SQ", b"UN", b"")  # the last of implicit VR
_CHARSET = 0x00080005


class _Place:
    """An element of an item: which of the elements that were visited, and the items in it that were."""

    __slots__ = ("index", "items", "last", "vr")

    def __init__(self, index: int, vr: bytes) -> None:
        self.index, self.last, self.vr = index, index, vr  # `last` is its delimiter where it has one
        self.items: list[tuple[int, _Node]] = []


def _build_tree(elements: Sequence[Element]) -> _Node:
    """The elements of a data set by their tags, with those that were visited inside; of two alike the latter."""
    root: _Node = {}
    containers: list[Any] = [root]
    owners: list[_Place | None] = [None]
    for index, (tag, vr, _, _, depth) in enumerate(elements):
        level = depth - elements[0].depth + 1
        del containers[level:], owners[level:]
        here = containers[-1]
        if tag in (ITEM_END, SEQUENCE_END):
            if (owner := owners[-1]) is not None:
                owner.last = index
            continue
        inside: list[tuple[int, _Node]] | _Node
        if isinstance(here, list):
            inside, place = {}, None
            here.append((index, inside))
        else:
            here[tag] = place = _Place(index, vr)
            inside = place.items
        containers.append(inside)
        owners.append(place)
    return root


class Item:
    """The attributes of a data set, or of an item of a sequence, by keyword or tag.

    Every method raises UnusableAttribute where a value cannot be parsed.
    """

    __slots__ = ("_ends", "_explicit", "_node", "_read", "_ready", "_starts", "_values")

    def __init__(
        self,
        node: _Node,
        values: ElementValues,
        read: Callable[[int, int], bytes],
        starts: Sequence[int] | Places,
        ends: Sequence[int] | Places,
        *,
        explicit: bool,
    ) -> None:
        self._node, self._values, self._read, self._starts, self._ends = node, values, read, starts, ends
        self._explicit = explicit
        self._ready: dict[int, list[Item]] = {}

    def get(self, name: str | int) -> Any:
        """The value of an element: a number, a text, or several of them; None where there is none, or a sequence."""
        tag = find_tag(name)
        place = self._node.get(tag)
        if place is None or place.vr == b"SQ" or place.items:
            return None
        return self._values.convert(tag, place.vr, self._read_place(place))

    def text(self, name: str | int) -> str | None:
        """The value of an element as text; None where there is none, or an empty one."""
        value = self.get(name)
        return str(value) or None if value else None

    def items(self, sequence: str | int) -> list[Item]:
        """The items of a sequence; none where there is no such sequence."""
        tag = find_tag(sequence)
        place = self._node.get(tag)
        if place is None:
            return []
        if tag in self._ready:
            return self._ready[tag]
        explicit = self._explicit and place.vr != b"UN"
        if place.items or place.last != place.index:
            return [self._open_item(index, node, explicit=explicit) for index, node in place.items]
        written = self._read_place(place)
        if written and place.vr not in _MAY_BE_SEQUENCE:
            raise UnusableAttribute(f"{sequence} is no sequence")
        if not written:
            return []
        alone = _write_sequence(tag, written, self._values, explicit=explicit)
        return _walk_data_set(alone, self._values, explicit=explicit, enter=frozenset((tag,))).items(tag)

    def _open_item(self, index: int, node: _Node, *, explicit: bool) -> Item:
        """An item that was visited: with what is inside of it, or stepped over."""
        start, end = self._starts[index], self._ends[index]
        if not node and start < end:
            return _walk_data_set(self._read(start, end), self._values, explicit=explicit)
        return Item(node, self._values, self._read, self._starts, self._ends, explicit=explicit)

    def first(self, sequence: str | int) -> Item | None:
        """The first item of a sequence; None where there is none."""
        items = self.items(sequence)
        return items[0] if items else None

    def tags(self) -> set[int]:
        """The tags of all elements."""
        return set(self._node)

    def written(self, tag: int) -> bytes | None:
        """The bytes of a value as they are written; None where there is no such element."""
        place = self._node.get(tag)
        return None if place is None else self._read_place(place)

    def _read_place(self, place: _Place) -> bytes:
        return self._read(self._starts[place.index], self._ends[place.last])

    def add_passed(self, sequence: int, passed: Sequence[PassedItem]) -> None:
        """Add to the items of a sequence those that the walk has stepped over, each in its place."""
        place = self._node[sequence]
        explicit = self._explicit and place.vr != b"UN"
        trees = {layout: _build_tree(layout.elements[1:]) for layout in {item.layout for item in passed}}
        found = [*zip((index for index, _ in place.items), self.items(sequence), strict=True)]
        for before, layout, window, rows, row in passed:
            starts, ends = rows.starts[row, 1:], rows.ends[row, 1:]
            found.append((before - 1, Item(trees[layout], self._values, window.read, starts, ends, explicit=explicit)))
        self._ready[sequence] = [item for _, item in sorted(found, key=lambda entry: entry[0])]


def _write_sequence(tag: int, written: bytes, values: ElementValues, *, explicit: bool) -> bytes:
    """A sequence of defined length as the one element of a data set."""
    order: Literal["big", "little"] = "big" if values.big_endian else "little"
    head = b"".join(n.to_bytes(2, order) for n in (tag >> 16, tag & 0xFFFF))
    return b"".join((head, b"SQ\0\0" if explicit else b"", len(written).to_bytes(4, order), written))


def _walk_data_set(
    written: bytes, values: ElementValues, *, explicit: bool, enter: frozenset[int] = frozenset()
) -> Item:
    """Walk a part of a file that the walk of that has stepped over, by itself."""
    source = Source(MemoryFile.of(written, "").open())
    try:
        elements = [*walk(source, 0, Encoding(explicit, values.big_endian), enter=enter)]
    except CorruptFileError as error:
        raise UnusableAttribute(error.what) from error
    starts, ends = _list_places(elements)
    return Item(_build_tree(elements), values, lambda start, end: written[start:end], starts, ends, explicit=explicit)


def _list_places(elements: Sequence[Element]) -> tuple[list[int], list[int]]:
    """List where the value of each element begins and ends; where it begins of undefined length."""
    return [e.offset for e in elements], [e.offset + max(e.length, 0) for e in elements]


@contextmanager
def open_items(header: Header) -> Iterator[Item]:
    """The data set of a file that was parsed, up to its pixels.

    A context, because values are read and parsed when they are asked for, and pydicom warns of some of them.

    Raises
    ------
    UnusableAttribute
        It cannot be walked any more.
    """
    with silence_warnings(), header.file.open() as handle:
        source = Source(handle)
        encoding, _, visited, passed = walk_again(source, header, WALKED)
        starts, ends = _list_places(visited)

        def read(start: int, end: int) -> bytes:
            return source.peek(start, end - start)

        values = ElementValues(big_endian=encoding.big_endian)
        root = Item(_build_tree(visited), values, read, starts, ends, explicit=encoding.explicit)
        values.charset = root.get(_CHARSET)
        if passed:
            root.add_passed(_PER_FRAME, passed)
        yield root
