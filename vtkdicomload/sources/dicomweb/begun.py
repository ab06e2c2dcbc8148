"""Instances on a DICOMweb server of which the header was fetched as it is stored, and single frames can be."""

from __future__ import annotations

import re
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from ..._util.log import logger
from ...errors import CorruptFileError
from ..file import File, Handle, Whole
from .answers import ServerError
from .instances import DescribedFile, InstanceFile
from .server import repeat_cut

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from .answers import Part
    from .server import Connection

_LONGEST_BEGINNING = 256 << 20  # bytes of a header and its first frame
_UNKNOWN_SIZE = 1 << 62
_PLAIN_SYNTAX = "1.2.840.10008.1.2.1"
_NATIVE_LITTLE = frozenset((_PLAIN_SYNTAX, "1.2.840.10008.1.2"))  # in which pixels are the same bytes
_FRAME_NUMBER = re.compile(r"/frames/([0-9]+)/?\Z")


@contextmanager
def begin_instance(instance: InstanceFile) -> Iterator[ComingHandle]:
    """Fetch an instance as far as it is read; ServerError where the server does not give it."""
    with instance.server.connect() as connection, connection.begin_instance(instance.path) as chunks:
        yield ComingHandle(instance, chunks)


class ComingHandle(Handle):
    """An instance on its way, of which as many bytes have come as were read; behind its end there are zeros."""

    __slots__ = ("_chunks", "_come")

    def __init__(self, file: InstanceFile, chunks: Iterator[bytes]) -> None:
        super().__init__(file, _UNKNOWN_SIZE)
        self._chunks, self._come = chunks, bytearray()

    def _read(self, offset: int, length: int) -> bytes:
        if offset + length > _LONGEST_BEGINNING:
            raise CorruptFileError(f"{self.file.name}: its header is too long", files=[self.file.name])
        while len(self._come) < offset + length and (chunk := next(self._chunks, None)) is not None:
            self._come += chunk
        return bytes(self._come[offset : offset + length]).ljust(length, b"\0")  # read ahead, and not looked at


@dataclass(slots=True, unsafe_hash=True)
class BegunFile(DescribedFile):
    """An instance of which the header is at hand as it is stored; its stamp is the CRC-32 of that.

    Attributes
    ----------
    transfer_syntax : str
        In which it is stored.
    """

    transfer_syntax: str = ""

    is_described: ClassVar[bool] = False
    has_ranges: ClassVar[bool] = False

    def fetch_frames(self, numbers: Sequence[int]) -> list[bytes] | None:
        """Fetch frames in one answer, by their numbers from 1.

        Returns
        -------
        list of bytes or None
            The frames as they are stored, in the order of the numbers; None where the server does not give just these,
            or not as they are stored.
        """
        with self.instance.server.connect() as connection:
            try:
                return repeat_cut(lambda: self._take_frames(connection, numbers))
            except ServerError as error:
                logger.debug("%s gives no frames: %s", self.name, error.strerror)
                return None

    def _take_frames(self, connection: Connection, numbers: Sequence[int]) -> list[bytes] | None:
        found: list[bytes] = []
        with closing(connection.fetch_frames(self.instance.path, numbers)) as parts:
            for part, data in parts:
                fault = self._explain_fault(part, numbers[len(found) :])
                if fault is not None:
                    logger.debug("%s gives other frames: %s", self.name, fault)
                    return None
                found.append(data)
        return found if len(found) == len(numbers) else None

    def _explain_fault(self, part: Part, left: Sequence[int]) -> str | None:
        """Say why a part is not the first of the frames that are left, as it is stored; None where it is."""
        if not left:
            return "more come than were asked for"
        named = _FRAME_NUMBER.search(part.location)
        if named is not None and int(named[1]) != left[0]:
            return f"{named[1]} comes in the place of {left[0]}"
        # PS3.18 8.7.3.5.2: bytes of which nothing else is said.
        syntax = part.transfer_syntax or (_PLAIN_SYNTAX if part.media_type == "application/octet-stream" else "")
        if syntax == self.transfer_syntax or {syntax, self.transfer_syntax} <= _NATIVE_LITTLE:
            return None
        return f"the transfer syntax is {syntax or 'not said'}, not {self.transfer_syntax}"

    def check_unchanged(self) -> None:
        """Refuse an instance whose header is not the one any more that was fetched; errors as `File.open`."""
        try:
            with self.instance.server.connect() as connection:
                beginning = connection.fetch_beginning(self.instance.path, len(self.data))
        except ServerError as error:
            raise self.instance.explain(error) from None
        if beginning != self.data:
            raise self._make_header_error()

    def _make_header_error(self) -> CorruptFileError:
        return self.changed("its header is another one")

    @classmethod
    def read_whole(cls, files: Sequence[File], limit_bytes: int, threads: int) -> Generator[Whole]:
        """Fetch instances, and refuse those whose header has changed; see `file.read_whole`."""
        begun = [file for file in files if isinstance(file, BegunFile)]
        instances = [replace(file.instance, size=file.size) for file in begun]
        with closing(InstanceFile.read_whole(instances, limit_bytes, threads)) as whole:
            for read in whole:
                file = begun[read.place]
                changed = read.error is None and not read.data.startswith(file.data)
                yield read._replace(data=b"", error=file._make_header_error()) if changed else read
