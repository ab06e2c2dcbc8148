"""Zip archives: the list of their members, and where in them each lies."""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from ...errors import CorruptFileError, make_damaged_error
from ...errors.remedies import Unpack
from ..part import PartFile
from ..stream import open_stream
from .deflated import DeflatedMember
from .members import Listed, LostFile, clean_name, find_passed_over, join_name, sort_members
from .stored import StoredMember

if TYPE_CHECKING:
    from ...errors.remedies import Remedy
    from ..file import File, Handle

_ENCRYPTED, _UTF8 = 0x1, 0x800
_UNICODE_PATH = 0x7075  # the extra field in which Info-ZIP keeps the name in UTF-8
_WRAP = 1 << 16  # some programs write more members than the count of a small archive holds
_LONGEST_END = 22 + 0xFFFF + 20 + 56  # the end record with its comment, behind those of ZIP64
_TAIL = 1 << 18  # bytes at the end in which most archives have their list
_MOST_TIMES = 1032  # as many bytes as deflated ones, at most


def list_zip(archive: File, handle: Handle, *, recursive: bool) -> Listed:
    """List the members of a zip archive.

    Parameters
    ----------
    archive : File
        As it was opened.
    handle : Handle
        The same, open.
    recursive : bool
        Whether what lies in folders is listed.

    Raises
    ------
    CorruptFileError
        It is damaged, or none of its members can be read.
    """
    length = min(handle.size, _TAIL)
    end = handle.read_at(handle.size - length, length)
    with open_stream(PartFile.of(archive, handle.size - length, memoryview(end))) as stream:
        try:
            with zipfile.ZipFile(stream) as opened:
                if len(opened.infolist()) % _WRAP != _count_members(end[-_LONGEST_END:]) % _WRAP:
                    raise zipfile.BadZipFile("it lists fewer members than it says")
                infos = {clean_name(_decode_name(info)): info for info in opened.infolist() if not info.is_dir()}
        except (zipfile.BadZipFile, NotImplementedError, OSError, struct.error, ValueError) as error:
            raise make_damaged_error(archive.name, "it is no whole zip archive") from error
    encrypted = [name for name, info in infos.items() if info.flag_bits & _ENCRYPTED]
    if encrypted and len(encrypted) == len(infos):
        raise CorruptFileError(
            f"{archive.name}: its {len(infos)} files are encrypted",
            files=[archive.name],
            remedies=[suggest_unpacking(archive)],
            what=f"its {len(infos)} files are encrypted",
        )
    _refuse_overlap(archive, infos.values())
    files, skipped = [], []
    for name, info in infos.items():
        path = join_name(archive, name)
        passed = find_passed_over(name, path, recursive=recursive)
        if passed is not None:
            skipped.append(passed)
        elif name:
            files.append((name, _make_zip_member(archive, path, info)))
    return Listed(sort_members(files), tuple(skipped))


def _count_members(end: bytes) -> int:
    """Count the members that the end of an archive says there are; of damaged entries zipfile lists what is left."""
    at = end.rfind(b"PK\5\6")
    count: int = struct.unpack_from("<H", end, at + 10)[0]
    at64 = end.rfind(b"PK\6\6")
    return struct.unpack_from("<Q", end, at64 + 32)[0] if count == _WRAP - 1 and at64 >= 0 else count


def suggest_unpacking(archive: File) -> Remedy:
    """The remedy for an archive that is not read here: what unpacks it."""
    return Unpack(archive.name)


def _decode_name(info: zipfile.ZipInfo) -> str:
    """The name of a member: in UTF-8 where that is said or fits, else in the code page of MS-DOS."""
    name = info.orig_filename
    if info.flag_bits & _UTF8:
        return name
    raw = name.encode("cp437")
    stated = _find_unicode_path(info.extra, raw)
    try:
        return (raw if stated is None else stated).decode("utf-8")
    except UnicodeDecodeError:
        return name


def _find_unicode_path(extra: bytes, raw: bytes) -> bytes | None:
    """The name that an extra field holds for the one that is written."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        value = extra[at + 4 : at + 4 + length]
        if kind == _UNICODE_PATH and len(value) > 5 and int.from_bytes(value[1:5], "little") == zlib.crc32(raw):
            return value[5:]
        at += 4 + length
    return None


def _refuse_overlap(archive: File, infos: object) -> None:
    """Refuse members that share bytes: thousands of them may make a small archive inflate without end."""
    total = sum(info.compress_size for info in infos)  # type: ignore[attr-defined]
    if archive.size is not None and total > archive.size:
        raise make_damaged_error(
            archive.name, f"its files take {total} bytes, and it has {archive.size}: they lie in one another"
        )


def _make_zip_member(archive: File, path: str, info: zipfile.ZipInfo) -> File:
    """The file that a member is."""
    if info.flag_bits & _ENCRYPTED:
        return LostFile(path, what="it is encrypted", remedies=(suggest_unpacking(archive),))
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        what = f"it is packed by method {info.compress_type} of zip, which is not read"
        return LostFile(path, what=what, remedies=(suggest_unpacking(archive),))
    if info.compress_type == zipfile.ZIP_STORED:
        if info.file_size != info.compress_size:
            return LostFile(path, what=f"it has {info.compress_size} bytes, and is said to have {info.file_size}")
        return StoredMember(path, info.file_size, archive=archive, entry=info.header_offset, checksum=info.CRC)
    if info.file_size > _MOST_TIMES * (info.compress_size + 1):
        words = f"it is said to inflate from {info.compress_size} to {info.file_size} bytes, more than can be"
        return LostFile(path, what=words)
    return DeflatedMember(
        path,
        info.file_size,
        archive=archive,
        entry=info.header_offset,
        packed=info.compress_size,
        checksum=info.CRC,
    )
