"""Templates: of files that are built alike one is parsed strictly, of the others only their own values are.

The files of a scanner share a layout. What of their values decides how a header is understood is compared byte for
byte: for each such set of bytes one header is made as the strict parser makes it, and it is that of all files with
these bytes, but for what each slice has of its own. A file whose own values may be unusable is parsed strictly.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import CorruptFileError
from ..sources.file import NotAtHand
from .attributes import FIELDS
from .elements import ITEM, LONG_VRS, SEQUENCE_END, UNDEFINED, Element, Encoding, Source
from .file_layouts import PREAMBLE, FileLayout
from .liberties import Liberties
from .model import Header
from .objects.enhanced import is_classic
from .parser import WALKED, explain_own_fault, is_noted, make_header
from .pixel_bytes import is_too_short
from .preamble import META_UIDS, DataSet
from .transfer_syntaxes import EXPLICIT_BIG, IMPLICIT_LITTLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..sources.file import Handle
    from .attributes import Field
    from .blocks import Block, Parsed
    from .file_layouts import AlikeFiles, Ints

    Key = tuple[object, ...]
    Parsers = dict[str, Callable[[bytes], object]]

MAX_HEADER = 1 << 20  # bytes
_MAX_ELEMENTS = 4096
_MAX_SHARED = 4096  # sets of shared values
_MAX_ITEMS = 4096  # of encapsulated pixel data
_MAX_VALUES = 1024  # of one attribute that are remembered
_LONGEST_REMEMBERED = 4096  # bytes
_META_GROUP = 0x0002
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"
_JUDGED = FIELDS.keys() | META_UIDS  # and what is empty
_UNUSABLE = object()
_OF_FILE = ("file", "pixel_offset", "pixel_length")

# Attributes that differ from slice to slice and are judged by themselves. Another one that differs decides how the rest
# is understood.
_OWN = {
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
    "frequency_part_of_ge",
    "phase_part_of_ge",
    "slice_part_of_ge",
    "b_value_of_philips",
}


class Template:
    """A layout, and what the headers of files with it have in common and of their own.

    Parameters
    ----------
    header : Header
        Of a file that was parsed strictly.
    data : bytes
        That file up to its pixels.
    elements : sequence of Element
        What was walked of it, the pixel data as the last.
    parsers : dict
        What parses the values of attributes, by their names; it is added to.
    """

    def __init__(self, header: Header, data: bytes, elements: Sequence[Element], parsers: Parsers) -> None:
        roles = _sort_elements(elements, header, data, parsers)
        self._layout = FileLayout(data, elements, roles.fixed, roles.rigid, roles.longest)
        self._encapsulated = header.encapsulated
        self._data_set = DataSet(0, Encoding(header.transfer_syntax != IMPLICIT_LITTLE), header.transfer_syntax, None)
        self._noted = {index: element for index, element in enumerate(elements) if is_noted(element)}
        self._pixels = len(elements) - 1
        self._own, self._shared = tuple(roles.own), _find_runs(roles.shared)
        self._names = [field.name for field in roles.own.values()]
        self._parsers = [_get_parser(field, parsers) for field in roles.own.values()]
        places = {name: place for place, name in enumerate((*Header._fields, *_OF_FILE, *self._names))}
        self._choose = itemgetter(*(places[name] for name in Header._fields))
        self._headers: dict[Key, Key] = {}  # what they hold, without the file, by the bytes of their shared values

    def find_alike(self, block: Block, rows: Ints) -> AlikeFiles:
        """Find the files among some that have the layout, and native pixels up to their ends."""
        alike = self._layout.find_alike(block.beginnings, rows)
        if self._encapsulated or not len(alike.rows):
            return alike
        return alike.keep(alike.get_ends(self._pixels) == block.ends[alike.rows])

    def fill(self, alike: AlikeFiles, block: Block) -> None:
        """Read the headers of files that have the layout."""
        rows: list[int] = alike.rows.tolist()
        files = [block.files[row] for row in rows]
        offsets = (alike.get_starts(self._pixels) - block.beginnings.starts[alike.rows]).tolist()
        if self._encapsulated:
            lengths = [_measure_items(file, offset) for file, offset in zip(files, offsets, strict=True)]
        else:
            lengths = alike.get_lengths(self._pixels).tolist()
        own = [[*map(parse, block.cut(alike, k, k))] for parse, k in zip(self._parsers, self._own, strict=True)]
        keys = self._list_keys(alike, block, own, lengths)
        self._add_headers(alike, block, keys, lengths)
        every = zip((file.file for file in files), offsets, lengths, *own, strict=True)
        for row, key, values in zip(rows, keys, every, strict=True):
            known = self._headers.get(key)
            header = None if known is None else Header._make(self._choose(known + values))
            if header is None or explain_own_fault(header) or (self._encapsulated and is_too_short(header)):
                block.parse(row, "a value of its own may be unusable")
            else:
                block.outcomes[row] = header

    def _list_keys(
        self, alike: AlikeFiles, block: Block, own: Sequence[list[object]], lengths: Sequence[int]
    ) -> list[Key]:
        """List what decides how the header of each file is understood; empty where it has to be parsed by itself."""
        columns: list[Sequence[Any]] = [block.cut(alike, *run) for run in self._shared]
        if not self._encapsulated:
            columns.append(lengths)
        # Of what is there without a value, a header has the keyword.
        for name, values in zip(self._names, own, strict=True):
            if None in values:
                columns.append([name if value is None else "" for value in values])
        keys: list[Key] = [*zip(*columns, strict=True)] if columns else [("",)] * len(lengths)
        for values in own:
            if _UNUSABLE in values:
                keys = [() if value is _UNUSABLE else key for key, value in zip(keys, values, strict=True)]
        return [key if length >= 0 else () for key, length in zip(keys, lengths, strict=True)]

    def _add_headers(self, alike: AlikeFiles, block: Block, keys: Sequence[Key], lengths: Sequence[int]) -> None:
        """Make the header of one file of each set of shared values that was not met before."""
        unknown = {key: place for place, key in enumerate(keys) if key and key not in self._headers}
        if not unknown:
            return
        if len(self._headers) + len(unknown) > _MAX_SHARED:
            self._headers.clear()
        for key, place in unknown.items():
            begin = int(block.beginnings.starts[alike.rows[place]])
            elements = [
                Element(tag, vr, start - begin, length if length == UNDEFINED else own, depth)
                for (tag, vr, _, length, depth), (start, own) in zip(
                    self._noted.values(), alike.locate(place, [*self._noted]), strict=True
                )
            ]
            if self._encapsulated:
                elements.append(Element(SEQUENCE_END, b"", elements[-1].offset + lengths[place] + 8, 0, 1))
            with block.files[int(alike.rows[place])] as handle, suppress(CorruptFileError, NotAtHand):
                header = make_header(Source(handle), self._data_set, elements, {}, Liberties())
                if not header.liberties:  # which each file takes by itself
                    self._headers[key] = (None, *header[1:])


def _get_parser(field: Field, parsers: Parsers) -> Callable[[bytes], object]:
    """Get what parses the values of an attribute, and remembers them."""

    def parse(value: bytes) -> object:
        try:
            return field.parse(value)
        except ValueError:
            return _UNUSABLE

    if field.name not in parsers:
        remembered = field.written.longest <= _LONGEST_REMEMBERED
        parsers[field.name] = lru_cache(_MAX_VALUES)(parse) if remembered else parse
    return parsers[field.name]


def _measure_items(handle: Handle, start: int) -> int:
    """Measure the items up to the delimiter that ends the file; -1 where it ends in another way."""
    place = start
    with handle, suppress(CorruptFileError, NotAtHand):
        for _ in range(_MAX_ITEMS):
            if place + 8 > handle.size:
                break
            head = handle.read_at(place, 8)
            if head == _DELIMITER:
                return place - start if place + 8 == handle.size else -1
            if head[:4] != _ITEM:
                break
            place += 8 + int.from_bytes(head[4:], "little")
    return -1


def make_template(parsed: Parsed, parsers: Parsers) -> Template | None:
    """Make a template of a strictly parsed file; None where it does not end with its pixel data.

    None too where a liberty was taken: each such file is parsed, and judged, by itself.
    """
    header, file, visited = parsed
    if header.liberties or not (header.native or header.encapsulated) or header.transfer_syntax == EXPLICIT_BIG:
        return None
    if header.functional_groups and not is_classic(header):
        return None
    end = visited[-1].offset if header.encapsulated else header.pixel_offset + header.pixel_length
    pixels = next(k for k, e in enumerate(visited) if e.offset == header.pixel_offset and e.tag == header.pixel_tag)
    if end != file.size or pixels > _MAX_ELEMENTS or header.pixel_offset > MAX_HEADER:
        return None
    elements = visited[: pixels + 1]
    with file, suppress(CorruptFileError, NotAtHand):
        data = file.read_at(0, header.pixel_offset)
        if _begins_as_defined(data, elements) and _follow_each_other(elements):
            return Template(header, data, elements, parsers)
    return None


def _follow_each_other(elements: Sequence[Element]) -> bool:
    """Tell whether elements lie one behind or in the other, so that none was stepped over."""
    for (_, _, start, length, _), (_, vr, behind, _, _) in pairwise(elements):
        at = behind - (12 if vr in LONG_VRS else 8)
        if at not in (start, start + length):
            return False
    return True


def _begins_as_defined(data: bytes, elements: Sequence[Element]) -> bool:
    """Tell whether a file begins as PS3.10 7.1 has it, so that its transfer syntax alone says how it is written."""
    meta = [element for element in elements if element.tag >> 16 == _META_GROUP]
    plain = meta == elements[: len(meta)] and all(e.depth == 0 and e.length >= 0 for e in meta)
    plain = plain and min(element.tag for element in elements) >> 16 > 0
    return data[PREAMBLE : PREAMBLE + 4] == b"DICM" and bool(meta) and plain


class _Roles(NamedTuple):
    """The meaning of the elements of a layout to a header, by their indices."""

    own: dict[int, Field]
    shared: list[int]
    fixed: list[int]
    rigid: list[int]
    longest: dict[int, int]


def _sort_elements(elements: Sequence[Element], header: Header, data: bytes, parsers: Parsers) -> _Roles:
    """Sort the elements of a header by what may differ in another file."""
    roles = _Roles({}, [], [], [], {})
    for index, (tag, vr, start, length, depth) in enumerate(elements):
        if length and tag not in _JUDGED:
            continue
        field = FIELDS.get(tag) if depth == 0 and length >= 0 else None
        if tag in META_UIDS:
            roles.fixed.append(index)
        elif field is None:
            # An empty one is not entered, and another file's may be.
            if length == 0 and (tag == ITEM or tag in WALKED):
                roles.rigid.append(index)
        elif length > field.written.longest:
            roles.rigid.append(index)  # it counts as absent, and so does any other value of that length
        else:
            roles.longest[index] = field.written.longest
            # What a value of its own means must be what the strict parser made of it.
            known = field.name in _OWN and (not vr or vr in field.written.vrs)
            if known and _get_parser(field, parsers)(data[start : start + length]) == getattr(header, field.name):
                roles.own[index] = field
            else:
                roles.shared.append(index)
    return roles


def _find_runs(indices: Sequence[int]) -> list[tuple[int, int]]:
    """Find the first and the last of each run of indices that follow each other."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        if runs and runs[-1][1] == index - 1:
            runs[-1] = runs[-1][0], index
        else:
            runs.append((index, index))
    return runs
