"""Deflated members of zip archives: the beginning is inflated for a header, the whole for pixels."""

from __future__ import annotations

import sys
import zlib
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ..._util.memory import measure_usable_bytes
from ..._util.threads import read_in_threads
from ...errors import CorruptFileError, make_damaged_error
from ...errors.remedies import Unpack
from ..file import Handle, Whole
from ..filling import fill_from_whole
from .checksum import compute_crc32, make_checksum_error
from .parts import bring_parts
from .section import PlacedMember

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ..file import File, Request

_CHUNK = 1 << 14  # bytes of a header that are inflated at a time
_WORTH_IMPORTING = 64 << 20  # bytes to inflate from which libdeflate saves more than importing imagecodecs costs


@dataclass(slots=True, unsafe_hash=True)
class DeflatedMember(PlacedMember):
    """A deflated file in a zip archive.

    Attributes
    ----------
    packed : int
        How many bytes it takes in the archive.
    checksum : int
        CRC-32 of its own bytes.
    """

    packed: int = 0
    checksum: int = 0

    has_ranges: ClassVar[bool] = False

    def open_in(self, archive: File) -> DeflatedHandle:
        """Open the file; nothing is inflated yet. See `PlacedMember.open_in`."""
        opened = self.open_archive(archive)
        try:
            return DeflatedHandle(self.locate(opened, self.packed), opened)
        except BaseException:
            opened.close()
            raise

    def count_beginning(self, length: int) -> int:
        """As many as are read for them, as if they were not packed."""
        return min(-(-length // _CHUNK) * _CHUNK, self.packed)

    @classmethod
    def read_many(cls, requests: Sequence[Request], limit_bytes: int) -> Generator[int]:
        """Fill buffers, each file inflated once; see `file.read_many`."""
        return fill_from_whole(requests, limit_bytes, cls)

    @classmethod
    def read_whole(cls, files: Sequence[File], limit_bytes: int, threads: int) -> Generator[Whole]:
        """Inflate files in threads; see `file.read_whole`."""
        members = [file for file in files if isinstance(file, DeflatedMember)]
        has_libdeflate = "imagecodecs" in sys.modules or sum(file.size or 0 for file in files) > _WORTH_IMPORTING
        if has_libdeflate:
            import imagecodecs

            imagecodecs.deflate_decode  # noqa: B018 - it is imported on use, here by one thread

        def inflate(place: int, archive: File) -> Whole:
            try:
                with members[place].open_in(archive) as handle:
                    return Whole(place, handle.file, handle.inflate_whole(with_libdeflate=has_libdeflate))
            except CorruptFileError as error:
                return Whole(place, members[place], b"", error)

        ranges = [member.find_range(0, member.packed) for member in members]
        with closing(bring_parts([member.archive for member in members], ranges, limit_bytes)) as brought:
            for part in brought:
                sizes = [members[place].size or 0 for place, _ in part]
                yield from read_in_threads(sizes, lambda k, part=part: inflate(*part[k]), limit_bytes, threads)  # type: ignore[misc]


class DeflatedHandle(Handle):
    """An open deflated file: what was inflated of it is kept, from its beginning on."""

    __slots__ = ("_archive", "_data", "_inflater", "_taken")

    file: DeflatedMember

    def __init__(self, file: DeflatedMember, archive: Handle) -> None:
        super().__init__(file, file.size or 0)
        self._archive = archive
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._data = bytearray()
        self._taken = 0

    def _read(self, offset: int, length: int) -> bytes:
        self._inflate_up_to(offset + length)
        return bytes(memoryview(self._data)[offset : offset + length])

    def _fill(self, buffer: memoryview, offset: int) -> int:
        self._inflate_up_to(offset + len(buffer))
        with memoryview(self._data) as data:
            buffer[:] = data[offset : offset + len(buffer)]
        return len(buffer)

    def _inflate_up_to(self, end: int) -> None:
        if end <= len(self._data):
            return
        _refuse_inflated_size(self.file, end)
        end = min(self.size, max(end, len(self._data) + _CHUNK))
        while len(self._data) < end:
            chunk = self._inflater.unconsumed_tail or self._read_packed(self._taken, _CHUNK)
            try:
                got = self._inflater.decompress(chunk, end - len(self._data))
            except zlib.error as error:
                raise self._damaged("its deflated bytes are damaged") from error
            self._data += got
            if not got and (self._inflater.eof or not chunk):
                raise self._damaged(f"it inflates to {len(self._data)} bytes where the archive says {self.size}")
        if end == self.size:
            self._check(self._data)

    def _read_packed(self, start: int, count: int) -> bytes:
        count = min(count, self.file.packed - start)
        self._taken = start + count
        try:
            return self._archive.read_at(self.file.start + start, count)
        except CorruptFileError as error:
            raise self.file.of_archive(error) from error

    def inflate_whole(self, *, with_libdeflate: bool) -> bytes:
        """Inflate the whole file, and compare it with its checksum."""
        _refuse_inflated_size(self.file, self.size)
        packed = self._read_packed(0, self.file.packed)
        try:
            if with_libdeflate:
                import imagecodecs

                data = bytes(imagecodecs.deflate_decode(packed, raw=True, out=self.size)) if self.size else b""
            else:
                inflater = zlib.decompressobj(-zlib.MAX_WBITS)
                data = inflater.decompress(packed, self.size + 1)
        except (zlib.error, RuntimeError) as error:
            raise self._damaged(
                f"its deflated bytes are damaged, or not the {self.size} that the archive says"
            ) from error
        if len(data) != self.size:
            raise self._damaged(f"it does not inflate to the {self.size} bytes that the archive says")
        self._check(data)
        return data

    def _check(self, data: bytes | bytearray) -> None:
        if compute_crc32(data) != self.file.checksum:
            raise make_checksum_error(self.file.name)

    def _damaged(self, what: str) -> CorruptFileError:
        return make_damaged_error(self.file.name, what)

    def close(self) -> None:
        """Close the archive."""
        self._archive.close()


def _refuse_inflated_size(file: DeflatedMember, size: int) -> None:
    """Refuse what does not fit into memory, before anything is inflated."""
    if size > _WORTH_IMPORTING and size > (usable := measure_usable_bytes()):
        raise make_too_large_error(file.name, file.archive.name, size, usable)


def make_too_large_error(name: str, archive: str, size: int, usable: int) -> CorruptFileError:
    """The error for a packed file that has to be unpacked whole and does not fit into memory."""
    return CorruptFileError(
        f"{name} unpacks to {size / 2**20:.0f} MiB or more, there are {usable / 2**20:.0f} MiB of memory for it",
        files=[name],
        remedies=[Unpack(archive)],
        what=f"it unpacks to {size / 2**20:.0f} MiB or more, too much for memory",
    )
