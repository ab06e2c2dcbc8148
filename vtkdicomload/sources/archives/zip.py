"""Zip archives: the list of their members, and where in them each lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import CorruptFileError, make_damaged_error
from ...errors.remedies import Unpack
from .deflated import DeflatedMember
from .members import Listed, LostFile, find_passed_over, join_name, sort_members
from .names import MemberNames, decode_names
from .stored import StoredMember
from .zip_directory import read_directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..file import File, Handle
    from .zip_directory import Entry

_ENCRYPTED = 0x1
_STORED, _DEFLATED = 0, 8
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
    entries = [entry for entry in read_directory(archive, handle) if not entry.is_folder]
    members = dict(zip(_name_members(entries), entries, strict=True))
    encrypted = [name for name, entry in members.items() if entry.flags & _ENCRYPTED]
    if encrypted and len(encrypted) == len(members):
        raise CorruptFileError(
            f"{archive.name}: its {len(members)} files are encrypted",
            files=[archive.name],
            remedies=[Unpack(archive.name)],
            what=f"its {len(members)} files are encrypted",
        )
    _refuse_overlap(archive, members.values())
    files, skipped = [], []
    for name, entry in members.items():
        path = join_name(archive, name)
        passed = find_passed_over(name, path, recursive=recursive)
        if passed is not None:
            skipped.append(passed)
        else:
            files.append((name, _make_zip_member(archive, path, entry)))
    return Listed(sort_members(files), tuple(skipped))


def _name_members(entries: Sequence[Entry]) -> Iterable[str]:
    """Name members: of several that are written alike the last one counts, as when they are unpacked."""
    decoded = iter(decode_names([entry.name for entry in entries if entry.text is None]))
    names = MemberNames()
    for entry in entries:
        text = next(decoded) if entry.text is None else entry.text
        yield names.give((entry.name, entry.text), text)


def _refuse_overlap(archive: File, entries: Iterable[Entry]) -> None:
    """Refuse members that share bytes: thousands of them may make a small archive inflate without end."""
    total = sum(entry.packed for entry in entries)
    if archive.size is not None and total > archive.size:
        raise make_damaged_error(
            archive.name, f"its files take {total} bytes, and it has {archive.size}: they lie in one another"
        )


def _make_zip_member(archive: File, path: str, entry: Entry) -> File:
    """The file that a member is."""
    packed, size = entry.packed, entry.size
    if entry.flags & _ENCRYPTED:
        return LostFile(path, what="it is encrypted", remedies=(Unpack(archive.name),))
    if entry.method not in (_STORED, _DEFLATED):
        what = f"it is packed by method {entry.method} of zip, which is not read"
        return LostFile(path, what=what, remedies=(Unpack(archive.name),))
    if entry.method == _STORED:
        if size != packed:
            return LostFile(path, what=f"it has {packed} bytes, and is said to have {size}")
        return StoredMember(path, size, archive=archive, entry=entry.place, checksum=entry.checksum)
    if size > _MOST_TIMES * (packed + 1):
        words = f"it is said to inflate from {packed} to {size} bytes, more than can be"
        return LostFile(path, what=words)
    return DeflatedMember(path, size, archive=archive, entry=entry.place, packed=packed, checksum=entry.checksum)
