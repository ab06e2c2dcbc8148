"""The attributes of one file as pydicom reads them: for what is too rare and deep for `header`.

pydicom parses a value when it is asked for, and raises nearly anything where the bytes are damaged. Whatever asks it
does so through `ask_pydicom` or `Attributes`: what comes out is plain data or an UnusableAttribute, and an error
that is raised anywhere else is a fault of our own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .._util.warnings import silence_warnings
from ..errors import DicomLoadError, take_first_line
from ..sources.stream import path_or_stream
from .attributes import DETECTORS, FUNCTIONAL_GROUPS, VFRAMES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    import pydicom
    from pydicom.tag import BaseTag

    from ..sources.file import File


class UnusableAttribute(ValueError):  # noqa: N818 - a finding, which its catcher makes an error or an absent value of
    """An attribute is missing, cannot be parsed, or does not hold what it has to."""


class _Asking:
    """A context for calls of pydicom; by hand, as a generator would cost more than most of the calls."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # pydicom documents no errors, and they have no base: changed bytes of real files gave AttributeError, KeyError,
        # OSError, TypeError, NotImplementedError (a VR there is not), struct.error, and its own BytesLengthException.
        if isinstance(error, Exception) and not isinstance(error, (MemoryError, DicomLoadError)):
            raise UnusableAttribute(f"{type(error).__name__}: {take_first_line(error)}") from error


_ASKING = _Asking()


def ask_pydicom() -> _Asking:
    """Turn what pydicom raises for damaged bytes into an UnusableAttribute; only calls of pydicom belong inside."""
    return _ASKING


class Attributes:
    """The attributes of a data set, or of an item of a sequence, by keyword or tag.

    Every method raises UnusableAttribute where pydicom cannot parse the value.

    Parameters
    ----------
    data_set : pydicom.Dataset
        Asked for one value at a time, which is when it parses it.
    """

    def __init__(self, data_set: pydicom.Dataset) -> None:
        self._data_set = data_set

    def get(self, name: str | int) -> Any:
        """The value of an element: numbers, text, bytes, or several of them; None where there is none."""
        element = self._element(name)
        return None if element is None else element.value

    def _element(self, name: str | int) -> Any:
        tag = _find_tag(name)
        with _ASKING:
            if tag in self._data_set:
                return self._data_set[tag]
        return None

    def text(self, name: str | int) -> str | None:
        """The value of an element as text; None where there is none, or an empty one."""
        value = self.get(name)
        return str(value) or None if value else None

    def items(self, sequence: str | int) -> list[Attributes]:
        """The items of a sequence; none where there is no such sequence."""
        element = self._element(sequence)
        if element is None or not element.value:
            return []
        if element.VR != "SQ":
            raise UnusableAttribute(f"{sequence} is no sequence")
        return list(map(Attributes, element.value))

    def first(self, sequence: str | int) -> Attributes | None:
        """The first item of a sequence; None where there is none."""
        items = self.items(sequence)
        return items[0] if items else None

    def tags(self) -> set[int]:
        """The tags of all elements, none of which is parsed."""
        return set(map(int, self._data_set.keys()))

    def find_private_tag(self, group: int, creator: str, element: int) -> int | None:
        """Find the tag of a private element of a creator, wherever its block lies (PS3.5 7.8.1); None where none is."""
        for block in range(0x10, 0x100):
            name = group << 16 | block
            if name in self._data_set and (self.text(name) or "").strip() == creator:
                tag = group << 16 | block << 8 | element
                return tag if tag in self._data_set else None
        return None

    def unparsed(self, tag: int) -> bytes | None:
        """The bytes of a value that was not asked for yet; None of one that was."""
        raw = self._data_set.get_item(tag).value
        return raw if isinstance(raw, bytes) else None

    @property
    def little_endian(self) -> bool:
        """Tell whether the words of values that are left as bytes begin with their lowest byte."""
        return bool(self._data_set.original_encoding[1])


def list_values(value: Any) -> list[Any]:
    """The values of an element, also where it holds a single one."""
    return list(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else [value]


def convert_numbers(attribute: str, value: Any, count: int) -> Any:
    """The numbers of an attribute: a tuple of `count`, or the number itself where `count` is 1.

    Raises
    ------
    UnusableAttribute
        There are fewer or more, or one is none.
    """
    numbers = _convert_floats(attribute, value)
    if len(numbers) != count:
        raise UnusableAttribute(f"{attribute} holds {len(numbers)} values where {count} belong")
    return numbers if count > 1 else numbers[0]


def convert_integers(attribute: str, value: Any) -> list[int]:
    """The whole numbers of an attribute, however many there are; errors as `convert_numbers`."""
    return [int(number) for number in _convert_floats(attribute, value)]


def _convert_floats(attribute: str, value: Any) -> tuple[float, ...]:
    if value is None:
        raise UnusableAttribute(f"{attribute} is missing or empty")
    given = list_values(value)
    # An underscore is what Python takes in a number, DICOM does not; pydicom keeps a text that is none as it is.
    written = [v if isinstance(v, str) else getattr(v, "original_string", "") for v in given]
    try:
        numbers = tuple(map(float, given))
    except (TypeError, ValueError, OverflowError) as error:
        raise UnusableAttribute(f"{attribute} is not a number") from error
    if any("_" in text for text in written):
        raise UnusableAttribute(f"{attribute} is not a number")
    if not all(map(math.isfinite, numbers)):
        raise UnusableAttribute(f"{attribute} is not finite")
    return numbers


@lru_cache(maxsize=1024)
def _find_tag(name: str | int) -> BaseTag:
    from pydicom.tag import Tag

    return Tag(name)


@lru_cache(maxsize=1024)
def find_tag(name: str | int) -> int:
    """The tag of a keyword, or of a tag itself."""
    return int(_find_tag(name))


def find_keyword(tag: int) -> str:
    """The keyword of a tag of the standard; empty where it is none."""
    from pydicom.datadict import keyword_for_tag

    with ask_pydicom():
        return keyword_for_tag(tag)


def read_attributes(file: File, keywords: Sequence[str] | None = None) -> pydicom.Dataset:
    """Read what a file says, patient attributes too, without its pixels: everything, or what has these keywords."""
    import pydicom

    tags = None if keywords is None else list(keywords)
    with path_or_stream(file) as readable:
        return pydicom.dcmread(readable, stop_before_pixels=True, force=True, specific_tags=tags)


@contextmanager
def open_data_set(file: File) -> Iterator[Attributes]:
    """The data set of a file without its pixels.

    A context, because pydicom parses and warns when a value is asked for: within it nothing is heard of that.
    """
    import pydicom

    with silence_warnings(), path_or_stream(file) as readable:
        with ask_pydicom():
            data_set = pydicom.dcmread(readable, stop_before_pixels=True, force=True)
            for tag in {*FUNCTIONAL_GROUPS, DETECTORS, VFRAMES} & data_set.keys():
                raw = data_set.get_item(tag)
                # pydicom knows a UN of a public attribute by its VR only up to 64 KiB, and none of these private ones.
                if isinstance(raw, pydicom.dataelem.RawDataElement) and raw.VR in ("UN", None):
                    data_set[tag] = raw._replace(VR="SQ")
        yield Attributes(data_set)
