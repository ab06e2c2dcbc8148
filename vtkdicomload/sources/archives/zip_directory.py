"""The central directory of a zip archive (APPNOTE 4.3.12 to 4.3.16): what its members are called, where they lie."""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from ...errors import CorruptFileError, make_damaged_error
from ...errors.remedies import Unpack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..file import File, Handle

_TAIL = 1 << 18  # bytes at the end in which most archives have their directory
_WRAP = 1 << 16  # some programs write more members than the count of a small archive holds
_UTF8 = 0x800
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")  # of the end record of ZIP64
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_EXTRA = struct.Struct("<2H")
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075  # extra fields; the second holds the name in UTF-8, from Info-ZIP
_IN_ZIP64, _NO_PART = 0xFFFFFFFF, 0xFFFF  # what stands for a number that ZIP64 has


class Entry(NamedTuple):
    """What the directory says of a member."""

    name: bytes  # as it is written
    text: str | None  # the name, where it is said how it is encoded
    flags: int
    method: int
    checksum: int  # CRC-32 of its own bytes
    packed: int  # bytes in the archive
    size: int
    place: int  # where its own header begins
    part: int  # of an archive that is split

    @property
    def is_folder(self) -> bool:
        """Tell whether it stands for a folder."""
        return not self.size and self.name.endswith((b"/", b"\\"))


class _End(NamedTuple):
    """What the end of an archive says of the directory before it."""

    place: int  # where the directory ends
    part: int
    part_of_directory: int
    members: int
    length: int
    offset: int  # of the directory, by those who wrote it: other bytes may have been put before the archive


def read_directory(archive: File, handle: Handle) -> list[Entry]:
    """Read the directory of a zip archive that is open.

    Raises
    ------
    CorruptFileError
        It is damaged, or a part of an archive that is split.
    """
    before = max(0, handle.size - _TAIL)
    tail = handle.read_at(before, handle.size - before)
    try:
        end = _read_end(tail)
        start = before + end.place - end.length
        if end.part == end.part_of_directory:
            directory = tail[start - before : end.place] if start >= before else handle.read_at(start, end.length)
            entries = list(_read_entries(directory, start - end.offset))
            if all(entry.part == end.part for entry in entries):
                if start < end.offset or len(entries) % _WRAP != end.members % _WRAP:
                    raise ValueError("its beginning is missing, or some of its entries")
                return entries
    except (ValueError, struct.error) as error:
        raise make_damaged_error(archive.name, "it is no whole zip archive") from error
    words = f"it is the last of {end.part + 1} parts of a zip archive"
    raise CorruptFileError(
        f"{archive.name}: {words}", files=[archive.name], remedies=[Unpack(archive.name)], what=words
    )


def _read_end(tail: bytes) -> _End:
    """Read the record at the end of an archive; another one may stand in its comment."""
    ends: dict[tuple[bool, int], tuple[int, ...]] = {}
    for match in re.finditer(b"PK\5\6", tail[: len(tail) - _END.size + 4]):
        values = _END.unpack_from(tail, match.start())
        behind = len(tail) - match.end() + 4 - _END.size - values[-1]  # bytes that are not of its comment
        if behind >= 0:
            ends[not behind, match.start()] = values
    if not ends:
        raise ValueError("it has no end record")
    _, place = max(ends)
    _, part, part_of_directory, _, count, length, offset, _ = ends[max(ends)]
    if tail[max(0, place - _LOCATOR.size) : place].startswith(b"PK\6\7"):
        place = tail.rindex(b"PK\6\6", 0, place)
        _, _, _, _, part, part_of_directory, _, count, length, offset = _END64.unpack_from(tail, place)
    return _End(place, part % _NO_PART, part_of_directory % _NO_PART, count, length, offset)


def _read_entries(directory: bytes, shift: int) -> Iterator[Entry]:
    """Read the entries, whose members lie so many bytes behind where they say."""
    at = 0
    while at < len(directory):
        (
            signature, _, _, flags, method, _, _, checksum, packed, size, name_length, extra_length, comment_length,
            part, _, _, offset,
        ) = _ENTRY.unpack_from(directory, at)  # fmt: skip
        if signature != b"PK\1\2":
            raise ValueError("an entry does not begin as one")
        name_at = at + _ENTRY.size
        extra_at = name_at + name_length
        name, extra = directory[name_at:extra_at], _read_extra(directory[extra_at : extra_at + extra_length])
        size, packed, offset = _widen(extra.get(_ZIP64), size, packed, offset)
        text = _find_text(name, flags, extra.get(_UNICODE_PATH, b""))
        yield Entry(name, text, flags, method, checksum, packed, size, offset + shift, part % _NO_PART)
        at = extra_at + extra_length + comment_length
    if at != len(directory):
        raise ValueError("its last entry is cut")


def _read_extra(extra: bytes) -> dict[int, bytes]:
    """The fields behind a name, by their kind."""
    fields: dict[int, bytes] = {}
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size + length
        fields[kind] = extra[at - length : at]
    return fields


def _widen(wide: bytes | None, *values: int) -> list[int]:
    """Take those values from the field of ZIP64 that do not fit into 32 bits."""
    if wide is None:
        return list(values)
    places = [k for k, value in enumerate(values) if value == _IN_ZIP64]
    taken = dict(zip(places, struct.unpack_from(f"<{len(places)}Q", wide), strict=True))
    return [taken.get(k, value) for k, value in enumerate(values)]


def _find_text(name: bytes, flags: int, field: bytes) -> str | None:
    """The name as text, where a flag or a field that was made for it says so."""
    stated = name if flags & _UTF8 else None
    if len(field) > 5 and int.from_bytes(field[1:5], "little") == zlib.crc32(name):
        stated = field[5:]
    try:
        return None if stated is None else stated.decode("utf-8")
    except UnicodeDecodeError:
        return None
