"""Members of a compressed tar archive: one stream, that has to be passed through up to each of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from ..._util.memory import measure_usable_bytes
from ...errors import CorruptFileError
from ..file import BegunHandle, File, Handle, NotAtHand, Whole
from ..filling import fill_from_whole
from .deflated import make_too_large_error
from .section import Member
from .streams import Codec, open_decompressed

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ..file import Request

_SMALL = 64 << 20  # bytes that need no look at how much memory there is


@dataclass(slots=True, unsafe_hash=True)
class SolidMember(Member):
    """A file in a compressed tar archive.

    Attributes
    ----------
    start : int
        Where in the unpacked archive its bytes begin.
    codec : {"gzip", "bzip2", "xz", "zstd"}
        How the archive is compressed.
    kept : bytes
        Its first bytes, where they were kept when the archive was listed, so that it is not passed through again for
        the header. An opened file has them no more.
    """

    codec: Codec = "gzip"
    kept: bytes = field(default=b"", repr=False, compare=False)

    has_ranges: ClassVar[bool] = False
    has_beginning: ClassVar[bool] = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave the bytes that were kept behind."""
        return SolidMember, (self.name, self.size, self.stamp, self.archive, self.start, self.codec)

    def as_opened(self) -> SolidMember:
        """The same file with the stamp of an opened one, without the bytes that were kept."""
        return replace(super(SolidMember, self).as_opened(), kept=b"")

    def open(self) -> SolidHandle:
        """Open the file; the archive is passed through for its first byte that is read. Errors as `File.open`."""
        self.open_archive().close()
        return SolidHandle(self.as_opened(), self.size or 0)

    @property
    def beginning(self) -> File | None:
        """The bytes that were kept of the file; see `File.beginning`."""
        return _Beginning(self.name, self.size, self.stamp, self.kept) if self.kept else None

    @property
    def kept_whole(self) -> bytes | None:
        """The bytes that were kept, where they are all of the file."""
        return self.kept if self.size and len(self.kept) == self.size else None

    @classmethod
    def read_many(cls, requests: Sequence[Request], limit_bytes: int) -> Generator[int]:
        """Fill buffers in one pass through each archive; see `file.read_many`."""
        return fill_from_whole(requests, limit_bytes, cls)

    @classmethod
    def read_whole(cls, files: Sequence[File], limit_bytes: int, threads: int) -> Generator[Whole]:
        """Read files in their order in the archive, in one pass; see `file.read_whole`."""
        members = [file for file in files if isinstance(file, SolidMember)]
        archives: dict[tuple[File, Codec], list[int]] = defaultdict(list)
        for index, member in enumerate(members):
            archives[member.archive, member.codec].append(index)
        for indices in archives.values():
            yield from _pass_through(members, sorted(indices, key=lambda i: members[i].start))


class SolidHandle(Handle):
    """An open file of a compressed archive, which is passed through for its first byte that is read."""

    __slots__ = ("_data",)

    file: SolidMember

    def __init__(self, file: SolidMember, size: int) -> None:
        super().__init__(file, size)
        self._data: bytes | None = None

    def _read(self, offset: int, length: int) -> bytes:
        if self._data is None and length:
            ((_, _, data, error),) = SolidMember.read_whole([self.file], 1, 1)
            if error is not None:
                raise error
            self._data = data
        return (self._data or b"")[offset : offset + length]


@dataclass(slots=True, unsafe_hash=True)
class _Beginning(File):
    """The first bytes of a file that was found, under its name and size."""

    data: bytes = field(default=b"", repr=False)

    def open(self) -> _BeginningHandle:
        return _BeginningHandle(self, self.size or 0)

    def begin(self, length: int) -> BegunHandle:
        return BegunHandle(self, self.size or 0, self.data)


class _BeginningHandle(Handle):
    __slots__ = ()

    file: _Beginning

    def _read(self, offset: int, length: int) -> bytes:
        if offset + length > len(self.file.data):
            raise NotAtHand
        return self.file.data[offset : offset + length]


def _pass_through(members: Sequence[SolidMember], indices: Sequence[int]) -> Generator[Whole]:
    """Read members of one archive, in ascending order of their places; once it is damaged, the rest is."""
    left = list(indices)
    first = members[indices[0]]
    read: tuple[int, bytes] = 0, b""  # place and bytes of the latest, which a link may lead to again
    try:
        with open_decompressed(first.archive, first.codec) as stream:
            while left:
                member = members[left[0]]
                error = _refuse_unpacked_size(member)
                if error is None and (member.start, member.size) != (read[0], len(read[1])):
                    stream.seek(member.start)
                    read = member.start, stream.read(member.size or 0)
                    if len(read[1]) != member.size:
                        raise member.changed(f"{len(read[1])} of its {member.size} bytes are there")
                yield Whole(left[0], member.as_opened(), b"" if error else read[1], error)
                del left[0]
    except CorruptFileError as error:
        for index in left:
            member = members[index]
            yield Whole(index, member, b"", error if error.files == (member.name,) else member.of_archive(error))


def _refuse_unpacked_size(member: SolidMember) -> CorruptFileError | None:
    size = member.size or 0
    if size > _SMALL and 2 * size > (usable := measure_usable_bytes()):
        return make_too_large_error(member.name, member.archive.name, size, usable)
    return None
