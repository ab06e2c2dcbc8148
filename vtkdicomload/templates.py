"""Reading the headers of one series at a time: files that are built alike are compared, not parsed.

The headers of a series share their layout. A template holds every structural byte (tag, VR and length of every element)
of one strictly parsed header. A file whose bytes at the same places are the same is built alike: a strict parse of it
would visit the same elements at the same places, so their values can be taken from it directly. All values come from
the file itself, and a file that fits no template is parsed strictly.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .attributes import FIELDS
from .elements import LONG_VRS
from .header import EXPLICIT_BIG, Header, read_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .elements import Element

_META = (0x00020002, 0x00020010)  # MediaStorageSOPClassUID and TransferSyntaxUID
_MAX_TEMPLATES = 256
_MAX_PREFIX = 1 << 20
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)

# Attributes that differ from slice to slice and are judged by themselves. Another one that differs decides how the rest
# is understood, so the file is parsed strictly.
_FREE = {
    *("sop_instance_uid", "instance_number", "acquisition_number", "acquisition_time", "content_time", "image_type"),
    *("position", "orientation", "slice_thickness", "slope", "intercept", "window_center", "window_width"),
    *("echo_time", "echo_number", "trigger_time", "temporal_position", "inversion_time", "flip_angle"),
    *("b_value", "diffusion_direction"),
}


class _Wanted(NamedTuple):
    """Where the value of one attribute lies, what it was in the file of the template, and how another is parsed."""

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


class HeaderReader:
    """Reads headers like `read_header`, faster where files are alike. One for each scan; threads may share it."""

    def __init__(self) -> None:
        self._by_size: dict[int, list[_Template]] = {}
        self._count = 0

    def read(self, path: str) -> Header:
        """The header of a file; errors as `header.read_header`."""
        if self._count:
            header = self._matched(path)
            if header is not None:
                return header
        visited: list[Element] = []
        header = read_header(path, visited)
        if self._count < _MAX_TEMPLATES:
            template = _learn(header, visited)
            if template is not None:
                self._by_size.setdefault(header.size, []).append(template)
                self._count += 1
        return header

    def _matched(self, path: str) -> Header | None:
        """The header by a template that the file fits; None where it fits none."""
        try:
            fd = os.open(path, _FLAGS)
        except OSError:
            return None  # the strict reader says why
        try:
            status = os.fstat(fd)
            templates = self._by_size.get(status.st_size)
            if templates is None or not stat.S_ISREG(status.st_mode):
                return None
            longest = max(t.prefix for t in templates) if len(templates) > 1 else templates[0].prefix
            data = os.read(fd, longest)
        finally:
            os.close(fd)
        structure = np.frombuffer(data, np.uint8)
        for template in templates:
            if len(data) < template.prefix or structure.take(template.places).tobytes() != template.expected:
                continue
            header = _filled(template, path, status.st_mtime_ns, data)
            if header is not None:
                return header
        return None


def _filled(template: _Template, path: str, modified_ns: int, data: bytes) -> Header | None:
    """The template's header with the values of another file; None where that file needs a strict parse."""
    changed: dict[str, object] = {"path": path, "modified_ns": modified_ns}
    for start, end, raw, name, parse in template.wanted:
        value = data[start:end]
        if value == raw:
            continue
        if not raw.strip(b" \0"):
            return None
        try:
            parsed = parse(value)
        except ValueError:
            return None
        if parsed is None or (name == "slope" and parsed == 0):
            return None
        changed[name] = parsed
    return template.header._replace(**changed)  # type: ignore[arg-type]


def _learn(header: Header, visited: list[Element]) -> _Template | None:
    """A template from a strictly parsed header; None where the file does not end with its native pixel data."""
    end = header.pixel_offset + header.pixel_length
    if not header.native or header.functional_groups or end != header.size or header.pixel_offset > _MAX_PREFIX:
        return None
    with open(header.path, "rb", buffering=0) as file:
        data = file.read(header.pixel_offset)
    if data[128:132] != b"DICM" or len(data) < header.pixel_offset or visited[-1].offset != header.pixel_offset:
        return None
    big = header.transfer_syntax == EXPLICIT_BIG
    wanted = [
        (f, e.offset, e.offset + e.length)
        for e in visited
        if e.depth == 0 and (f := FIELDS.get(e.tag)) and e.length >= 0
    ]
    free = [(f, a, b) for f, a, b in wanted if f.name in _FREE and not (big and f.width > 1)]
    # The tag, VR and length of every element, and the values that must be the same.
    heads = [(128, 132), *((e.offset - (12 if e.vr in LONG_VRS else 8), e.offset) for e in visited)]
    fixed = [(a, b) for f, a, b in wanted if (f, a, b) not in free]
    fixed += [(e.offset, e.offset + e.length) for e in visited if e.tag in _META]
    spans = np.array(heads + fixed)
    lengths = spans[:, 1] - spans[:, 0]
    before = np.cumsum(lengths) - lengths
    places = np.arange(lengths.sum()) + np.repeat(spans[:, 0] - before, lengths)
    expected = np.frombuffer(data, np.uint8).take(places).tobytes()
    values = tuple(_Wanted(a, b, data[a:b], f.name, f.parse) for f, a, b in free)
    template = _Template(header, header.pixel_offset, places, expected, values)
    # Its parsers must say of its own file what the strict parser says.
    return template if all(_agrees(w, header) for w in values) else None


def _agrees(wanted: _Wanted, header: Header) -> bool:
    try:
        return not wanted.raw.strip(b" \0") or wanted.parse(wanted.raw) == getattr(header, wanted.name)
    except ValueError:
        return False
