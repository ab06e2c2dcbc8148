"""One compressed file, as ``IM1.dcm.gz``: it is unpacked whole wherever it is opened."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from ..._util.memory import measure_usable_bytes
from ..._util.threads import read_in_threads
from ...errors import CorruptFileError
from ..file import Whole
from ..filling import fill_from_whole
from ..memory import WholeHandle
from .deflated import make_too_large_error
from .parts import Range, bring_parts
from .section import Member
from .streams import Codec, open_decompressed

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ..file import File, Request

_USUAL_RATIO = 4  # how many times as many bytes such a file is taken to have unpacked, where none is known
_CHUNK = 16 << 20


@dataclass(slots=True, unsafe_hash=True)
class CompressedFile(Member):
    """A file that holds one compressed file; its size is known once it was opened.

    Attributes
    ----------
    codec : {"gzip", "bzip2", "xz", "zstd"}
        How.
    """

    codec: Codec = "gzip"

    has_ranges: ClassVar[bool] = False
    has_beginning: ClassVar[bool] = False

    def open(self) -> WholeHandle:
        """Unpack the file; errors as `File.open`."""
        return self.open_in(self.archive)

    def open_in(self, archive: File) -> WholeHandle:
        """Unpack the file from the one that holds it, or from what is at hand of that; errors as `File.open`."""
        usable = measure_usable_bytes()
        parts: list[bytes] = []
        try:
            with open_decompressed(archive, self.codec) as stream:
                while part := stream.read(_CHUNK):
                    parts.append(part)
                    size = sum(map(len, parts))
                    if 2 * size > usable:
                        raise make_too_large_error(self.name, self.archive.name, size, usable)
        except CorruptFileError as error:
            if error.files == (self.name,):
                raise
            raise self.of_archive(error) from error
        data = b"".join(parts)
        return WholeHandle(replace(self.as_opened(), size=len(data)), data)

    @classmethod
    def read_many(cls, requests: Sequence[Request], limit_bytes: int) -> Generator[int]:
        """Fill buffers, each file unpacked once; see `file.read_many`."""
        return fill_from_whole(requests, limit_bytes, cls)

    @classmethod
    def read_whole(cls, files: Sequence[File], limit_bytes: int, threads: int) -> Generator[Whole]:
        """Unpack files in threads, once those on servers were fetched; see `file.read_whole`."""
        members = [file for file in files if isinstance(file, CompressedFile)]

        def unpack(place: int, archive: File) -> Whole:
            try:
                with members[place].open_in(archive) as handle:
                    return Whole(place, handle.file, handle.read_at(0, handle.size))
            except CorruptFileError as error:
                return Whole(place, members[place], b"", error)

        archives = [member.archive for member in members]
        ranges = [Range(0, archive.size or 0) for archive in archives]
        with closing(bring_parts(archives, ranges, limit_bytes)) as brought:
            for part in brought:
                sizes = [_guess_size(members[place]) for place, _ in part]
                yield from read_in_threads(sizes, lambda k, part=part: unpack(*part[k]), limit_bytes, threads)  # type: ignore[misc]


def _guess_size(file: CompressedFile) -> int:
    return file.size if file.size is not None else _USUAL_RATIO * (file.archive.size or 0)
