"""Going into an archive: which kind a file is, and what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from ...errors import CorruptFileError
from .compressed import CompressedFile
from .members import Listed, LostFile
from .streams import check_codec, find_codec, open_decompressed
from .tar import is_tar, list_tar
from .zip import list_zip

if TYPE_CHECKING:
    from ..file import File, Handle
    from ..keeping import Keeping
    from .streams import Codec

_HEAD = 512  # bytes that tell what a file is
_PACKED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
_SUFFIXES = (".zip", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst", *_PACKED_SUFFIXES)
_FOREIGN = tuple(".nii" + suffix for suffix in _PACKED_SUFFIXES)


class Archive(NamedTuple):
    """What a file is that holds others."""

    kind: Literal["zip", "tar", "file"]  # "file": one compressed file
    codec: Codec | None


def is_named_as_archive(name: str) -> bool:
    """Tell whether a file is named as one that may be entered."""
    lower = name.lower()
    return lower.endswith(_SUFFIXES) and not lower.endswith(_FOREIGN)


def enter_archive(file: File, keeping: Keeping, *, recursive: bool) -> Listed | None:
    """List what an archive holds; None where a file is none.

    Raises
    ------
    OSError, CorruptFileError
        The file cannot be opened.
    ImportError
        It is compressed by Zstandard, and no library for that is there.

    Notes
    -----
    An archive that is damaged is listed as a file that cannot be read, beside what was found before the damage.
    """
    with file.open() as handle:
        head = handle.read_first(_HEAD)
        archive = _keep_whole(handle, keeping) if is_archive(head) else handle.file
        try:
            found = find_archive(archive, head)
            if found is None:
                return None
            if found.kind == "zip":
                return list_zip(archive, handle, recursive=recursive)
        except CorruptFileError as error:
            return Listed((LostFile(file.name, what=error.what, remedies=error.remedies),), ())
    if found.kind == "tar":
        return list_tar(archive, found.codec, keeping, recursive=recursive)
    assert found.codec is not None  # noqa: S101 - a file that is not packed is no archive
    return Listed((CompressedFile(file.name, archive=archive, codec=found.codec),), ())


def _keep_whole(handle: Handle, keeping: Keeping) -> File:
    """An opened archive; with its bytes, where a server gives no part of it and there is room for them."""
    archive = handle.file
    if archive.has_ranges or keeping.take(handle.size) < handle.size:
        return archive
    return keeping.keep(archive, handle.read_at(0, handle.size))


def find_archive(file: File, head: bytes) -> Archive | None:
    """Tell what kind of archive an opened file is, by its first bytes; None where it is none."""
    if head[128:132] == b"DICM":
        return None
    if head.startswith((b"PK\3\4", b"PK\5\6")) or file.name.lower().endswith(".zip"):
        return Archive("zip", None)
    if is_tar(head):
        return Archive("tar", None)
    codec = find_codec(head)
    if codec is None or file.name.lower().endswith(_FOREIGN):
        return None
    check_codec(codec)
    with open_decompressed(file, codec) as stream:
        return Archive("tar" if is_tar(stream.read(_HEAD)) else "file", codec)


def is_archive(head: bytes) -> bool:
    """Tell whether a file that begins so is an archive or a compressed file."""
    return head.startswith((b"PK\3\4", b"PK\5\6")) or is_tar(head) or find_codec(head) is not None
