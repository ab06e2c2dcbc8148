"""Reading the headers of one series at a time: files that are built alike are compared, not parsed.

The headers of a series share their layout. A template holds every structural byte (tag, VR and length of every element)
of one strictly parsed header. A file whose bytes at the same places are the same is built alike: a strict parse of it
would visit the same elements at the same places, so their values can be taken from it directly. Where a value is longer
or shorter, what follows it has moved: the template is stretched, as the strict parser would step over that value. All
values come from the file itself, and a file that fits no template is parsed strictly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from .._util.log import is_logging, logger
from ..sources.local import as_file
from .attributes import FIELDS
from .elements import ITEM_END, LONG_VRS, SEQUENCE_END
from .model import Header
from .objects.enhanced import is_classic
from .parser import parse_header
from .preamble import META_UIDS
from .transfer_syntaxes import EXPLICIT_BIG

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ..sources.file import File, Handle
    from .attributes import Field
    from .elements import Element

_DELIMITERS = (ITEM_END, SEQUENCE_END)
_MAX_TEMPLATES = 256
_MAX_ENCAPSULATED = 16  # templates that are compared with each encapsulated file
_MAX_ITEMS = 4096  # of encapsulated pixel data
_MAX_PREFIX = 1 << 20
_ITEM, _SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_MAX_STRETCHES = 32
_SPARE = 1024  # bytes that the next encapsulated header may be longer than the latest

# Attributes that differ from slice to slice and are judged by themselves. Another one that differs decides how the rest
# is understood, so the file is parsed strictly.
_FREE = {
    "sop_instance_uid",
    "instance_number",
    "acquisition_number",
    "acquisition_time",
    "content_time",
    "image_type",
    "position",
    "orientation",
    "slice_thickness",
    "slice_location",
    "images_in_acquisition",
    "slope",
    "intercept",
    "window_center",
    "window_width",
    "echo_time",
    "echo_number",
    "trigger_time",
    "temporal_position",
    "inversion_time",
    "flip_angle",
    "frame_reference_time",
    "image_index",
    "stack_id",
    "b_value",
    "diffusion_direction",
    "csa",
    "creator_0019",
    "b_value_of_siemens",
    "direction_of_siemens",
    "creator_0043",
    "b_value_of_ge",
    "b_value_of_philips",
}


class _Wanted(NamedTuple):
    """An attribute to parse: its element, its value in the file of the template, and its parser."""

    element: int
    start: int
    end: int
    raw: bytes
    name: str
    parse: Callable[[bytes], object]


# Of an element of a template: the value that another file may have.
_Role = Literal[
    "fixed",  # the same
    "rigid",  # any of the same length
    "free",  # any that can be parsed
    "elastic",  # any
]


@dataclass(slots=True)
class _Part:
    """One element of a template."""

    head: int  # where its tag stands
    size: int  # where its length stands
    start: int  # of its value
    end: int
    role: _Role
    field: Field | None  # that its value is parsed for
    longest: int  # the bytes that its value may have in another file; -1 where just as many


class _Template(NamedTuple):
    header: Header
    size: int  # of the file
    prefix: int  # how many bytes come before the pixels
    places: NDArray[np.intp]
    expected: bytes
    wanted: tuple[_Wanted, ...]
    elements: NDArray[np.intp]  # of each: where its length stands, where its value begins and ends
    longest: NDArray[np.intp]  # of each: the bytes that its value may have in another file; -1 where just as many


class HeaderReader:
    """Reads headers like `read_header`, faster where files are alike. One for each scan; threads may share it."""

    def __init__(self) -> None:
        self._by_size: dict[int, list[_Template]] = {}  # of native files
        self._encapsulated: tuple[_Template, ...] = ()  # which have a size each; the latest first
        self._count = 0
        self._latest: _Template | None = None

    def read(self, source: File | str | os.PathLike[str]) -> Header:
        """Read the header of a file; errors as `parser.read_header`."""
        with as_file(source).open() as handle:
            header = self._match(handle, self._latest) if self._latest is not None else None
            if header is not None:
                return header
            visited: list[Element] = []
            header = parse_header(handle, visited)
            if is_logging():
                logger.debug("%s was parsed: %s", header.path, _explain_mismatch(header, self._latest))
            if self._count < _MAX_TEMPLATES:
                template = _learn(header, visited, handle)
                if template is not None:
                    self._keep(template)
            return header

    def _keep(self, template: _Template) -> None:
        if template.header.encapsulated:
            self._encapsulated = (template, *self._encapsulated[: _MAX_ENCAPSULATED - 1])
        else:
            self._by_size.setdefault(template.size, []).append(template)
        self._count += 1
        self._latest = template

    def _match(self, handle: Handle, latest: _Template) -> Header | None:
        """Read the header by a template that the file fits, or by the latest one stretched; None where it fits none."""
        templates = (*self._by_size.get(handle.size, ()), *self._encapsulated)
        data = handle.read_at(0, min(_count_bytes(templates, latest, handle.size), handle.size))
        structure = np.frombuffer(data, np.uint8)
        for template in templates:
            if len(data) < template.prefix or structure.take(template.places).tobytes() != template.expected:
                continue
            header = _fill_header(template, handle, data)
            if header is not None:
                self._latest = template
                return header
        if self._count >= _MAX_TEMPLATES:
            return None
        stretched = _stretch(latest, structure)
        header = stretched and _fill_header(stretched, handle, data)
        if stretched and header:
            self._keep(stretched)
        return header


def _explain_mismatch(header: Header, latest: _Template | None) -> str:
    """Say by name which attributes are not those of the latest template, and may not differ; without their values."""
    if latest is None:
        return "there is no template yet"
    variable = _FREE | {"file", "pixel_offset", "pixel_length", "blank"}
    names = [
        name
        for name in Header._fields
        if name not in variable and getattr(header, name) != getattr(latest.header, name)
    ]
    return f"it is not built like the latest template, {', '.join(names) or 'the structure of its elements'} differs"


def _count_bytes(templates: tuple[_Template, ...], latest: _Template, size: int) -> int:
    """Count the bytes of a file that the templates are compared with, and that stretching the latest one needs."""
    stretched = latest.prefix + _SPARE if latest.header.encapsulated else size - latest.header.pixel_length
    return max(
        0,
        *(t.prefix for t in templates),
        0 if templates and not latest.header.encapsulated else min(stretched, _MAX_PREFIX),
    )


def _stretch(template: _Template, structure: NDArray[np.uint8]) -> _Template | None:
    """Stretch a template to the lengths of another file's values; None where that file is built in another way.

    Element by element as the strict parser steps: the first structural byte that differs must be the length of a value,
    and what comes behind that value has moved by the difference.
    """
    places, elements = template.places.copy(), template.elements.copy()
    expected = np.frombuffer(template.expected, np.uint8).copy()
    if not len(structure):
        return None
    for _ in range(_MAX_STRETCHES):
        found = structure.take(places, mode="clip")  # what lies behind the end yet may come nearer
        wrong = found != expected
        if not wrong.any():
            break
        first = places[wrong].min()
        k = int(np.searchsorted(elements[:, 0], first, "right")) - 1
        at, start, end = elements[k].tolist()
        length = int.from_bytes(structure[at:start].tobytes(), "little")
        if first >= start or length > template.longest[k]:
            return None
        head = (places >= at) & (places < start)
        expected[head] = found[head]
        moved = length - (end - start)
        places[places >= end] += moved
        elements[k, 2] += moved
        elements[k + 1 :] += moved
    else:
        return None
    prefix = int(elements[-1, 1])
    if max(prefix, places.max() + 1) > len(structure):
        return None
    # Of native pixel data the size follows; of encapsulated one each file has its own.
    header = template.header._replace(pixel_offset=prefix)
    wanted = tuple(
        w._replace(start=int(elements[w.element, 1]), end=int(elements[w.element, 2])) for w in template.wanted
    )
    size = prefix + header.pixel_length
    return _Template(header, size, prefix, places, expected.tobytes(), wanted, elements, template.longest)


def _fill_header(template: _Template, handle: Handle, data: bytes) -> Header | None:
    """Fill the template's header with the values of another file; None where that file needs a strict parse."""
    length = template.header.pixel_length
    if template.header.encapsulated:
        length = _measure_items(handle, template.prefix)
    elif template.prefix + length != handle.size:
        return None
    if length < 0:
        return None
    changed: dict[str, object] = {"file": handle.file, "pixel_length": length}
    for _, start, end, raw, name, parse in template.wanted:
        value = data[start:end]
        if value == raw:
            continue
        if getattr(template.header, name) is None:
            return None  # the template's own file says so in `blank`
        try:
            parsed = parse(value)
        except ValueError:
            return None
        if parsed is None or (name == "slope" and parsed == 0):
            return None
        changed[name] = parsed
    return template.header._replace(**changed)  # type: ignore[arg-type]


def _measure_items(handle: Handle, start: int) -> int:
    """Measure the items up to the delimiter that ends the file; -1 where it ends in another way."""
    place = start
    for _ in range(_MAX_ITEMS):
        if place + 8 > handle.size:
            return -1
        head = handle.read_at(place, 8)
        if head == _SEQUENCE_END:
            return place - start if place + 8 == handle.size else -1
        if head[:4] != _ITEM:
            return -1
        place += 8 + int.from_bytes(head[4:], "little")
    return -1


def _learn(header: Header, visited: list[Element], handle: Handle) -> _Template | None:
    """Make a template of a strictly parsed header; None where the file does not end with its pixel data.

    None too where a liberty was taken: each such file is parsed, and judged, by itself.
    """
    if header.liberties or header.pixel_offset > _MAX_PREFIX or not (header.native or header.encapsulated):
        return None
    if header.functional_groups and not is_classic(header):
        return None
    end = visited[-1].offset if header.encapsulated else header.pixel_offset + header.pixel_length
    if end != handle.size:
        return None
    data = handle.read_at(0, header.pixel_offset)
    if data[128:132] != b"DICM":
        return None
    big_endian = header.transfer_syntax == EXPLICIT_BIG
    parts = _describe_elements(visited, header.pixel_offset, big_endian=big_endian)
    bounds = np.array([(p.head, p.size, p.start, p.end) for p in parts])
    same = bounds[[p.role == "fixed" for p in parts]]
    places = _list_places(np.concatenate([[(128, 132)], bounds[:, [0, 2]], same[:, 2:]]))
    wanted = tuple(
        _Wanted(k, p.start, p.end, data[p.start : p.end], p.field.name, p.field.parse)
        for k, p in enumerate(parts)
        if p.field and p.role == "free"
    )
    template = _Template(
        header,
        handle.size,
        header.pixel_offset,
        places,
        expected=np.frombuffer(data, np.uint8).take(places).tobytes(),
        wanted=wanted,
        elements=bounds[:, 1:],
        longest=np.array([-1 if big_endian else p.longest for p in parts]),
    )
    # Its parsers must say of its own file what the strict parser says.
    return template if all(_agrees(w, header) for w in wanted) else None


def _describe_elements(visited: list[Element], pixel_offset: int, *, big_endian: bool) -> list[_Part]:
    """Describe the elements of a header, the pixels as the last."""
    parts = []
    for element in visited:
        tag, vr, start, length, depth = element
        field = FIELDS.get(tag) if depth == 0 and length >= 0 else None
        role, longest = _choose_role(tag, length, field, big_endian)
        head, size = (12, 4) if vr in LONG_VRS else (8, 2 if vr else 4)
        end = start + length if length > 0 else start
        parts.append(_Part(start - head, start - size, start, end, role, field, longest))
        if start == pixel_offset and depth == 0:
            break
    parts[-1].role, parts[-1].longest = "rigid", -1  # the pixels, whose length was checked
    return parts


def _choose_role(tag: int, length: int, field: Field | None, big_endian: bool) -> tuple[_Role, int]:
    """Choose the role of an element, and the bytes that its value may have in another file."""
    if tag in META_UIDS:
        return "fixed", -1
    if field is None:
        # A delimiter has no value, and the parser goes into what is of undefined length; over an item it steps.
        return ("rigid", -1) if length < 0 or tag in _DELIMITERS else ("elastic", _MAX_PREFIX)
    if length > field.written.longest:
        return "rigid", -1  # it counts as absent, and so does any other value of that length
    if field.name not in _FREE or (big_endian and field.written.width > 1):
        return "fixed", -1
    return "free", field.written.longest


def _list_places(spans: NDArray[np.intp]) -> NDArray[np.intp]:
    """List every place from the start to the end of each span, rows of (start, end)."""
    starts, lengths = spans[:, 0], spans[:, 1] - spans[:, 0]
    before = np.cumsum(lengths) - lengths
    places: NDArray[np.intp] = np.arange(lengths.sum()) + np.repeat(starts - before, lengths)
    return places


def _agrees(wanted: _Wanted, header: Header) -> bool:
    """Tell whether a parser finds in a value what the header holds."""
    try:
        return not wanted.raw.strip(b" \0") or wanted.parse(wanted.raw) == getattr(header, wanted.name)
    except ValueError:
        return False
