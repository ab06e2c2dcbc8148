"""A file that was scanned, walked once more up to its pixels: for what its `Header` does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .alike import AlikeItems
from .attributes import FUNCTIONAL_GROUPS, PIXEL_TAGS
from .elements import walk
from .liberties import Liberties, Liberty
from .parser import swap_vr_encoding
from .preamble import begin, find_data_set

if TYPE_CHECKING:
    from .alike import PassedItem
    from .elements import Element, Encoding, Source
    from .model import Header


class Walked(NamedTuple):
    """The walked part of a file.

    Attributes
    ----------
    encoding : Encoding
        How the data set is written.
    meta : list of Element
        The file meta information.
    elements : list of Element
        The data set up to the pixels.
    passed : list of PassedItem
        The items of PerFrameFunctionalGroupsSequence that were stepped over, in file order.
    """

    encoding: Encoding
    meta: list[Element]
    elements: list[Element]
    passed: list[PassedItem]


def walk_again(source: Source, header: Header, enter: frozenset[int]) -> Walked:
    """Walk a file that was scanned, with the liberty that the scan took.

    Parameters
    ----------
    source : Source
        Its bytes.
    header : Header
        As it was scanned.
    enter : frozenset of int
        The sequences that are entered where their length is defined too.

    Raises
    ------
    CorruptFileError, NotDicomError
        It is not the file any more that was scanned.
    """
    liberties = Liberties()
    meta: list[Element] = []
    elements: list[Element] = []
    data_set = find_data_set(source, begin(source)[0], meta, liberties)
    if Liberty.OTHER_VR_ENCODING in header.liberties:
        data_set = swap_vr_encoding(data_set) or data_set
    alike = AlikeItems(source, data_set.encoding, FUNCTIONAL_GROUPS[1], elements, enter, liberties)
    for element in walk(
        source, data_set.start, data_set.encoding, enter=enter, liberties=liberties, step_over=alike.step_over
    ):
        if element.depth == 0 and element.tag in PIXEL_TAGS:
            break
        elements.append(element)
    return Walked(data_set.encoding, meta, elements, alike.passed)
