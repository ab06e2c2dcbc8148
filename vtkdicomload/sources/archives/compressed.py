"""One compressed file, as ``IM1.dcm.gz``: it is unpacked whole wherever it is opened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from ..._util.memory import measure_usable_bytes
from ..._util.threads import read_in_threads
from ...errors import CorruptFileError
from ..file import Whole, read_one
from ..filling import fill_from_whole
from ..memory import WholeHandle
from .deflated import make_too_large_error
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
        usable = measure_usable_bytes()
        parts: list[bytes] = []
        try:
            with open_decompressed(self.archive, self.codec) as stream:
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
        """Unpack files in threads; see `file.read_whole`."""
        sizes = [_guess_size(file) for file in files]
        return read_in_threads(sizes, lambda index: read_one(index, files[index]), limit_bytes, threads)


def _guess_size(file: File) -> int:
    assert isinstance(file, CompressedFile)  # noqa: S101 - for the type checker
    return file.size if file.size is not None else _USUAL_RATIO * (file.archive.size or 0)
