"""A part of another file that is a file of its own: what an archive holds, as it is or packed."""

from __future__ import annotations

import os
import struct
from abc import abstractmethod
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..._util.threads import for_each
from ..._util.tracebacks import forget_frames
from ...errors import CorruptFileError, make_damaged_error
from ..file import BegunHandle, File, Handle, fill_in_turn
from ..filling import fill_in_threads
from .parts import Range, bring_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from typing import Self

    from ..file import Begun, Request

_CHANGED = "it changed since it was scanned: "
_INLINE_BYTES = 4 << 20  # below, starting threads costs more than it gains
_THREADS = 4
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # of zip: signature … lengths of the name and of what else is behind it
_USUAL_HEADER = 1 << 10  # bytes that it takes with those, at most
_FIRST_READ = 1 << 16  # bytes that are fetched of the first file, whose header tells how many are needed
_LIMIT_BYTES = 32 << 20  # of the beginnings that are fetched at the same time


@dataclass(slots=True, unsafe_hash=True)
class Member(File):
    """A file inside of another one; it changes as that one does, whose size and stamp are its own stamp.

    Attributes
    ----------
    archive : File
        The file that holds it, as it was opened.
    start : int
        Where in it the bytes begin.
    """

    archive: File = None  # type: ignore[assignment] # a default is needed behind those of File
    start: int = 0

    @property
    def is_remote(self) -> bool:
        """Tell whether the file that holds it is on a server."""
        return self.archive.is_remote

    def open_archive(self, archive: File | None = None) -> Handle:
        """Open the file that holds it, or what is at hand of that; an error names this one."""
        try:
            return (archive or self.archive).open()
        except CorruptFileError as error:
            raise self.of_archive(error) from error

    def of_archive(self, error: CorruptFileError) -> CorruptFileError:
        """Make the error of this file for one of the file that holds it."""
        holder = os.path.basename(self.archive.name)
        if error.what.startswith(_CHANGED):
            return self.changed(f"{holder} did, {error.what.removeprefix(_CHANGED)}")
        return make_damaged_error(self.name, f"{holder}: {error.what}")

    def as_opened(self) -> Self:
        """The same file with the stamp that an opened one has."""
        return self if self.stamp is not None else replace(self, stamp=(self.archive.size, self.archive.stamp))


@dataclass(slots=True, unsafe_hash=True)
class PlacedMember(Member):
    """A file that has bytes of its own in another one.

    Attributes
    ----------
    entry : int or None
        Where in a zip archive its own header begins, behind which its bytes do: `start` is known once that was read.
        None where it is known.
    """

    entry: int | None = None

    def open(self) -> Handle:
        """Open the file; errors as `File.open`."""
        return self.open_in(self.archive)

    @abstractmethod
    def open_in(self, archive: File) -> Handle:
        """Open the file in the one that holds it, or in what is at hand of that; errors as `File.open`."""

    @abstractmethod
    def count_beginning(self, length: int) -> int:
        """Count the bytes in the archive that its first bytes take, or a few more."""

    def find_range(self, offset: int, length: int) -> Range:
        """Find the part of the archive that has some of its bytes there."""
        if self.entry is None:
            return Range(self.start + offset, length)
        return Range(self.entry, _USUAL_HEADER + offset + length)

    def locate(self, archive: Handle, length: int) -> Self:
        """The same file as an opened one, whose bytes of this length were found."""
        if self.entry is None:
            return self.as_opened()
        start = self.entry + _LOCAL_HEADER.size
        signature = b""
        if start <= archive.size:
            try:
                signature, *lengths = _LOCAL_HEADER.unpack(archive.read_at(self.entry, _LOCAL_HEADER.size))
            except CorruptFileError as error:
                raise self.of_archive(error) from error
            start += sum(lengths)
        if signature != b"PK\3\4" or start + length > archive.size:
            raise make_damaged_error(
                self.name, f"it does not lie in {os.path.basename(self.archive.name)} where that says"
            )
        return replace(self.as_opened(), start=start, entry=None)

    @classmethod
    def begin_many(
        cls, files: Sequence[File], length: int, step: Callable[[], None], threads: int | None
    ) -> list[Begun]:
        """Open files and read their first bytes, of archives on servers many by one request; see `file.begin_many`."""
        members = [file for file in files if isinstance(file, PlacedMember)]
        if len(members) == 1 and members[0].is_remote:
            length = max(length, _FIRST_READ)
        begun: list[Any] = [None] * len(members)

        def begin(place: int, archive: File) -> None:
            try:
                with members[place].open_in(archive) as handle:
                    begun[place] = BegunHandle(handle.file, handle.size, handle.read_first(length))
            except (CorruptFileError, OSError) as error:
                begun[place] = forget_frames(error)

        ranges = [member.find_range(0, member.count_beginning(length)) for member in members]
        with closing(bring_parts([member.archive for member in members], ranges, _LIMIT_BYTES)) as brought:
            for part in brought:
                for_each(len(part), lambda k, part=part: begin(*part[k]), step, threads or 1)  # type: ignore[misc]
        return begun


@dataclass(slots=True, unsafe_hash=True)
class Section(PlacedMember):
    """A file that lies in another one as it is."""

    def open_in(self, archive: File) -> SectionHandle:
        """Open the file; see `PlacedMember.open_in`."""
        return SectionHandle(self.as_opened(), self.open_archive(archive))

    def count_beginning(self, length: int) -> int:
        """As many as there are of them."""
        return min(length, self.size or 0)

    def find_needed(self, request: Request) -> Range:
        """Find the part of the archive that a request needs."""
        return self.find_range(request.offset, len(request.buffer))

    @classmethod
    def read_many(cls, requests: Sequence[Request], limit_bytes: int) -> Generator[int]:
        """Fill buffers: of archives on servers by ranges, of others in a few threads; see `file.read_many`."""
        if any(request.file.is_remote for request in requests):
            return _fill_from_parts(requests, limit_bytes)
        if sum(len(request.buffer) for request in requests) < _INLINE_BYTES:
            return fill_in_turn(requests)
        return fill_in_threads(requests, limit_bytes, _THREADS)


def _fill_from_parts(requests: Sequence[Request], limit_bytes: int) -> Generator[int]:
    """Fill buffers from parts of archives that are fetched, each as soon as it is there."""
    members = [request.file for request in requests if isinstance(request.file, Section)]
    needed = [member.find_needed(request) for member, request in zip(members, requests, strict=True)]
    with closing(bring_parts([member.archive for member in members], needed, limit_bytes)) as brought:
        for part in brought:
            for place, archive in part:
                with members[place].open_in(archive) as handle:
                    handle.read_into(requests[place].buffer, requests[place].offset)
                yield place


class SectionHandle(Handle):
    """An open part of an open file."""

    __slots__ = ("_archive",)

    file: Section

    def __init__(self, file: Section, archive: Handle) -> None:
        super().__init__(file, file.size or 0)
        self._archive = archive

    def _read(self, offset: int, length: int) -> bytes:
        try:
            return self._archive.read_at(self.file.start + offset, length)
        except CorruptFileError as error:
            raise self.file.of_archive(error) from error

    def _fill(self, buffer: memoryview, offset: int) -> int:
        try:
            self._archive.read_into(buffer, self.file.start + offset)
        except CorruptFileError as error:
            raise self.file.of_archive(error) from error
        return len(buffer)

    def close(self) -> None:
        """Close the file that holds it."""
        self._archive.close()
