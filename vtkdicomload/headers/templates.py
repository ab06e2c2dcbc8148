"""Reading the headers of one series at a time: files that are built alike are compared, not parsed.

The headers of a series share their layout. A template holds every structural byte (tag, VR and length of every element)
of one strictly parsed header. A file whose bytes at the same places are the same is built alike: a strict parse of it
would visit the same elements at the same places, so their values can be taken from it directly. Where a value is longer
or shorter, what follows it has moved: the template is stretched, as the strict parser would step over that value. All
values come from the file itself, and a file that fits no template is parsed strictly.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .attributes import FIELDS
from .elements import ITEM_END, LONG_VRS, READ_FLAGS, SEQUENCE_END
from .parser import read_header
from .preamble import META_UIDS
from .transfer_syntaxes import EXPLICIT_BIG

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .elements import Element
    from .model import Header

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
    "b_value",
    "diffusion_direction",
    "csa",
    "creator_0019",
    "b_value_of_siemens",
    "direction_of_siemens",
    "creator_0043",
    "b_value_of_ge",
}


class _Wanted(NamedTuple):
    """Which element holds one attribute, what it was in the file of the template, and how another is parsed."""

    element: int
    start: int
    end: int
    raw: bytes
    name: str
    parse: Callable[[bytes], object]


class _Template(NamedTuple):
    header: Header
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

    def read(self, path: str) -> Header:
        """The header of a file; errors as `header.read_header`."""
        if self._latest is not None:
            header = self._matched(path, self._latest)
            if header is not None:
                return header
        visited: list[Element] = []
        header = read_header(path, visited)
        if self._count < _MAX_TEMPLATES:
            template = _learn(header, visited)
            if template is not None:
                self._keep(template)
        return header

    def _keep(self, template: _Template) -> None:
        if template.header.encapsulated:
            self._encapsulated = (template, *self._encapsulated[: _MAX_ENCAPSULATED - 1])
        else:
            self._by_size.setdefault(template.header.size, []).append(template)
        self._count += 1
        self._latest = template

    def _matched(self, path: str, latest: _Template) -> Header | None:
        """The header by a template that the file fits, or by the latest one stretched; None where it fits none."""
        try:
            fd = os.open(path, READ_FLAGS)
        except OSError:
            return None  # the strict reader says why
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                return None
            templates = (*self._by_size.get(status.st_size, ()), *self._encapsulated)
            data = os.read(fd, _bytes_needed(templates, latest, status.st_size))
            structure = np.frombuffer(data, np.uint8)
            for template in templates:
                if len(data) < template.prefix or structure.take(template.places).tobytes() != template.expected:
                    continue
                header = _filled(template, path, status, data, fd)
                if header is not None:
                    self._latest = template
                    return header
            if self._count >= _MAX_TEMPLATES:
                return None
            stretched = _stretched(latest, structure)
            header = stretched and _filled(stretched, path, status, data, fd)
        finally:
            os.close(fd)
        if stretched and header:
            self._keep(stretched)
        return header


def _bytes_needed(templates: tuple[_Template, ...], latest: _Template, size: int) -> int:
    """How much of a file to read so that the templates can be compared with it, and the latest one be stretched."""
    stretched = latest.prefix + _SPARE if latest.header.encapsulated else size - latest.header.pixel_length
    return max(
        0,
        *(t.prefix for t in templates),
        0 if templates and not latest.header.encapsulated else min(stretched, _MAX_PREFIX),
    )


def _stretched(template: _Template, structure: NDArray[np.uint8]) -> _Template | None:
    """The template with the lengths of another file's values; None where that file is built in another way.

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
    header = template.header._replace(pixel_offset=prefix, size=prefix + template.header.pixel_length)
    wanted = tuple(
        w._replace(start=int(elements[w.element, 1]), end=int(elements[w.element, 2])) for w in template.wanted
    )
    return _Template(header, prefix, places, expected.tobytes(), wanted, elements, template.longest)


def _filled(template: _Template, path: str, status: os.stat_result, data: bytes, fd: int) -> Header | None:
    """The template's header with the values of another file; None where that file needs a strict parse."""
    length = template.header.pixel_length
    if template.header.encapsulated:
        length = _encapsulated_length(fd, template.prefix, status.st_size)
    elif template.prefix + length != status.st_size:
        return None
    if length < 0:
        return None
    changed: dict[str, object] = {"path": path, "size": status.st_size, "modified_ns": status.st_mtime_ns}
    changed["pixel_length"] = length
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


def _encapsulated_length(fd: int, start: int, size: int) -> int:
    """How many bytes of items there are up to the delimiter that ends the file; -1 where it ends in another way."""
    place = start
    for _ in range(_MAX_ITEMS):
        os.lseek(fd, place, os.SEEK_SET)
        head = os.read(fd, 8)
        if head == _SEQUENCE_END:
            return place - start if place + 8 == size else -1
        if head[:4] != _ITEM or place + 8 >= size:
            return -1
        place += 8 + int.from_bytes(head[4:], "little")
    return -1


def _learn(header: Header, visited: list[Element]) -> _Template | None:
    """A template from a strictly parsed header; None where the file does not end with its pixel data."""
    if header.functional_groups or header.pixel_offset > _MAX_PREFIX or not (header.native or header.encapsulated):
        return None
    end = visited[-1].offset if header.encapsulated else header.pixel_offset + header.pixel_length
    visited = visited[: 1 + next(k for k, e in enumerate(visited) if e.offset == header.pixel_offset and e.depth == 0)]
    with open(header.path, "rb", buffering=0) as file:
        data = file.read(header.pixel_offset)
    if data[128:132] != b"DICM" or len(data) < header.pixel_offset or end != header.size:
        return None
    big = header.transfer_syntax == EXPLICIT_BIG
    wanted = [(k, f) for k, e in enumerate(visited) if e.depth == 0 and (f := FIELDS.get(e.tag)) and e.length >= 0]
    absent = {k for k, f in wanted if visited[k].length > f.written.longest}  # so is another value of that length
    free = [(k, f) for k, f in wanted if k not in absent and f.name in _FREE and not (big and f.written.width > 1)]
    known = {k for k, _ in wanted} - absent - {k for k, _ in free}
    fixed = known | {k for k, e in enumerate(visited) if e.tag in META_UIDS}
    offsets = np.array([e.offset for e in visited])
    ends = offsets + np.array([max(e.length, 0) for e in visited])
    # The tag, VR and length of every element, and the values that must be the same.
    heads = offsets - np.array([12 if e.vr in LONG_VRS else 8 for e in visited])
    same = sorted(fixed)
    starts = np.concatenate([[128], heads, offsets[same]])
    lengths = np.concatenate([[132], offsets, ends[same]]) - starts
    before = np.cumsum(lengths) - lengths
    places = np.arange(lengths.sum()) + np.repeat(starts - before, lengths)
    expected = np.frombuffer(data, np.uint8).take(places).tobytes()
    values = tuple(_Wanted(k, a, b, data[a:b], f.name, f.parse) for k, f in free for a, b in [(offsets[k], ends[k])])
    longest = np.full(len(visited), -1)
    if not big:
        # A delimiter has no value, and the parser goes into what is of undefined length; over an item it steps.
        elastic = [k for k, e in enumerate(visited) if e.length >= 0 and e.tag not in _DELIMITERS]
        longest[elastic] = _MAX_PREFIX
        longest[[k for k, _ in free]] = [f.written.longest for _, f in free]
        longest[[*fixed, *absent, len(visited) - 1]] = -1  # the last are the pixels, whose length was checked
    sizes = np.array([2 if e.vr and e.vr not in LONG_VRS else 4 for e in visited])
    elements = np.stack([offsets - sizes, offsets, ends], axis=1)
    template = _Template(header, header.pixel_offset, places, expected, values, elements, longest)
    # Its parsers must say of its own file what the strict parser says.
    return template if all(_agrees(w, header) for w in values) else None


def _agrees(wanted: _Wanted, header: Header) -> bool:
    try:
        return not wanted.raw.strip(b" \0") or wanted.parse(wanted.raw) == getattr(header, wanted.name)
    except ValueError:
        return False
