"""Tar archives, plain and compressed: the list of their members, and where in them each lies."""

from __future__ import annotations

import posixpath
import tarfile
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

from ...errors import CorruptFileError, make_damaged_error
from ...errors.remedies import LeaveOut, Unpack
from ..reasons import Reason, Skipped
from ..stream import open_stream
from .ahead import AheadStream
from .members import Listed, LostFile, find_passed_over, join_name, sort_members
from .names import MemberNames, decode_names
from .section import Section
from .solid import SolidMember
from .streams import Codec, open_decompressed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from ..file import File
    from ..keeping import Keeping

_BLOCK = 512
_MOST_TIMES = 1032  # as many bytes as compressed ones, at most, beyond _SMALL
_SMALL = 1 << 30
_STREAM_BUFFER = 1 << 20
_REST = "(rest)"  # what stands for the files behind the end of an archive that is cut short


def is_tar(head: bytes) -> bool:
    """Tell whether a file that begins so is a tar archive: by the checksum of its first header."""
    if len(head) < _BLOCK or not any(head[:_BLOCK]):
        return False
    try:
        tarfile.TarInfo.frombuf(head[:_BLOCK], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def list_tar(archive: File, codec: Codec | None, keeping: Keeping, *, recursive: bool) -> Listed:
    """List the members of a tar archive; of a compressed one that means to pass through it.

    Parameters
    ----------
    archive : File
        As it was opened.
    codec : {"gzip", "bzip2", "xz", "zstd"}, optional
        How it is compressed.
    keeping : Keeping
        What of its files is kept, where it is compressed.
    recursive : bool
        Whether what lies in folders is listed.

    Raises
    ------
    ImportError
        It is compressed by Zstandard, and no library for that is there.
    """
    found: dict[str, File] = {}
    links: list[tuple[str, str]] = []
    names = MemberNames()
    skipped: list[Skipped] = []
    fault: CorruptFileError | None = None
    try:
        with _open_tar(archive, codec) as tar:
            for info in tar:
                name = _name_member(names, info.name)
                path = join_name(archive, name)
                passed = None if info.isdir() else find_passed_over(name, path, recursive=recursive)
                if passed is not None:
                    skipped.append(passed)
                elif info.islnk():
                    links.append((name, _name_member(names, info.linkname)))
                elif info.issym():
                    target = posixpath.join(posixpath.dirname(info.name), info.linkname)
                    links.append((name, _name_member(names, target)))
                elif info.issparse():
                    found[name] = LostFile(path, what="it is stored with holes", remedies=(Unpack(archive.name),))
                elif info.isreg():
                    beginning = b""
                    if codec is not None:
                        _refuse_endless(archive, info.offset_data + info.size)
                        if length := keeping.take(info.size):
                            beginning = tar.extractfile(info).read(length)  # type: ignore[union-attr] # it is a file
                    found[name] = _make_tar_member(archive, codec, path, info, beginning)
                elif not info.isdir():
                    skipped.append(Skipped(path, Reason.NOT_REGULAR))
            fault = _find_end_fault(archive, tar)
    except tarfile.TarError:
        fault = make_damaged_error(archive.name, "it is cut short or damaged")
    except CorruptFileError as error:
        fault = error
    for name, target in links:
        path = join_name(archive, name)
        file = found.get(target)
        if file is None:
            skipped.append(Skipped(path, Reason.LINK_TO_NOTHING))
        else:
            found[name] = replace(file, name=path)
    if fault is not None and fault.__cause__ is not None and not isinstance(fault.__cause__, EOFError):
        found.clear()  # the checksum of a stream is of all that is in it
    lost = [] if fault is None else _list_lost(archive, found, fault)
    return Listed((*sort_members(found.items()), *lost), tuple(skipped))


def _name_member(names: MemberNames, written: str) -> str:
    """Name a member; of several that are written alike the last one counts, as when they are unpacked."""
    path = posixpath.normpath(written)
    (text,) = [path] if path.isascii() else decode_names([path.encode("utf-8", "surrogateescape")])
    return names.give(path, text)


def _list_lost(archive: File, found: Mapping[str, File], fault: CorruptFileError) -> list[File]:
    """For each folder of an archive that is cut short, a file that stands for those that may be missing there."""
    folders = dict.fromkeys(posixpath.dirname(name) for name in found)
    paths = [join_name(archive, posixpath.join(folder, _REST)) for folder in folders] or [archive.name]
    what = f"{fault.what}, files may be missing" if folders else fault.what
    return [LostFile(path, what=what, remedies=(fault.remedies[0], LeaveOut((path,)))) for path in paths]


@contextmanager
def _open_tar(archive: File, codec: Codec | None) -> Iterator[tarfile.TarFile]:
    with _open_archive(archive, codec) as stream:
        watched: Any = _Watched(stream)
        with tarfile.open(fileobj=watched, mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
            yield tar


def _open_archive(archive: File, codec: Codec | None) -> AbstractContextManager[BinaryIO | AheadStream]:
    if codec is not None:
        return open_decompressed(archive, codec)
    return nullcontext(AheadStream(archive)) if archive.is_remote else open_stream(archive, _BLOCK)


class _Watched:
    """A stream that remembers the block it has read last: tarfile takes a damaged header for the end of the archive."""

    def __init__(self, stream: BinaryIO | AheadStream) -> None:
        self.block, self._stream = b"", stream
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.block = data[-_BLOCK:]
        return data


def _find_end_fault(archive: File, tar: tarfile.TarFile) -> CorruptFileError | None:
    """Say what is wrong with the end of an archive whose members were listed; it has to be zeros, up to the last byte.

    Of a compressed archive its checksum is looked at too.
    """
    stream: Any = tar.fileobj
    if len(stream.block) < _BLOCK:
        return make_damaged_error(archive.name, "it has no end: it is truncated")
    clean = not any(stream.block)
    while data := stream.read(_STREAM_BUFFER):
        _refuse_endless(archive, stream.tell())
        clean = clean and not any(data)
    return None if clean else make_damaged_error(archive.name, "it goes on behind what can be listed of it")


def _refuse_endless(archive: File, end: int) -> None:
    """Refuse a stream that unpacks to far more than images do, before it is passed through."""
    packed = archive.size or 0
    if end > max(_SMALL, _MOST_TIMES * packed):
        raise CorruptFileError(
            f"{archive.name} unpacks from {packed} to more than {end} bytes",
            files=[archive.name],
            remedies=[Unpack(archive.name)],
            what=f"it unpacks from {packed} to more than {end} bytes",
        )


def _make_tar_member(archive: File, codec: Codec | None, path: str, info: tarfile.TarInfo, beginning: bytes) -> File:
    if codec is None:
        return Section(path, info.size, archive=archive, start=info.offset_data)
    return SolidMember(path, info.size, archive=archive, start=info.offset_data, codec=codec, kept=beginning)
