"""The place of a member in its archive as plain values, of which the member is made again without another listing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..keeping import Keeping
from .compressed import CompressedFile
from .deflated import DeflatedMember
from .enter import enter_archive
from .members import LostFile
from .section import Member, Section
from .solid import SolidMember
from .stored import StoredMember

if TYPE_CHECKING:
    from ..file import File

_KINDS: dict[str, type[Member]] = {
    "section": Section,
    "stored": StoredMember,
    "deflated": DeflatedMember,
    "solid": SolidMember,
    "compressed": CompressedFile,
}
_LOST, _ITSELF = "lost", "itself"


class Placement(NamedTuple):
    """Where a member lies.

    Attributes
    ----------
    kind : str
        How it is stored; "lost" where it cannot be read, "itself" where the file is no archive but by its name.
    start : int or None
        Where its bytes begin: in the archive, or in what that unpacks to.
    packed : int or None
        How many bytes it takes there.
    checksum : int or None
        CRC-32 of its own bytes.
    codec : str or None
        How the archive is compressed.
    entry : int or None
        Where its own header begins, of a member that was not opened yet.
    """

    kind: str
    start: int | None = None
    packed: int | None = None
    checksum: int | None = None
    codec: str | None = None
    entry: int | None = None


def place_member(file: File) -> Placement:
    """Say where one of the files lies that an archive was found to hold."""
    for kind, of_kind in _KINDS.items():
        if type(file) is of_kind:
            return Placement(kind, *(getattr(file, name, None) for name in Placement._fields[1:]))
    return Placement(_LOST if isinstance(file, LostFile) else _ITSELF)


def restore_member(archive: File, name: str, size: int | None, placement: Placement) -> File:
    """Make the file of a name that lies in an archive, which refuses to be read where that has changed.

    Raises
    ------
    OSError, CorruptFileError
        Why the member is lost is to be found out again, and the archive cannot be opened.
    """
    if placement.kind == _ITSELF:
        return archive
    if placement.kind == _LOST:
        listed = enter_archive(archive, Keeping(), recursive=True)
        found = [file for file in listed.files if file.name == name] if listed else []
        return found[0] if found else LostFile(name, size, what="its archive does not tell of it any more")
    values = placement._asdict().items()
    known: dict[str, Any] = {key: value for key, value in values if key != "kind" and value is not None}
    return _KINDS[placement.kind](name, size, (archive.size, archive.stamp), archive=archive, **known)
