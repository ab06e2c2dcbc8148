"""One protocol for bytes, be they files on disk, in memory, members of an archive or objects on a server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from .._util.threads import for_each
from .._util.tracebacks import forget_frames
from ..errors import CorruptFileError, make_damaged_error
from ..errors.remedies import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
    from types import TracebackType
    from typing import Self


class Handle(ABC):
    """An open file, for several reads by one thread. A context that closes it.

    A kind of file has `_read`, or `_fill` too where that saves a copy, and `close` where something is held open.

    Attributes
    ----------
    file : File
        The file as it was opened, with its size and stamp.
    size : int
        Its size in bytes.
    """

    __slots__ = ("file", "size")

    def __init__(self, file: File, size: int) -> None:
        self.file, self.size = file, size

    def read_at(self, offset: int, length: int) -> bytes:
        """Read just these bytes.

        Raises
        ------
        CorruptFileError
            The file does not hold all of them, or cannot be read any more.
        """
        if offset < 0 or offset + length > self.size:
            raise self._incomplete(offset, length, self.size - offset)
        try:
            data = self._read(offset, length)
        except OSError as error:
            raise self._unreadable(error) from error
        if len(data) != length:
            raise self._incomplete(offset, length, len(data))
        return data

    def read_first(self, length: int) -> bytes:
        """Read so many of the first bytes, or as many as there are; errors as `read_at`."""
        return self.read_at(0, min(length, self.size))

    def read_into(self, buffer: memoryview, offset: int) -> None:
        """Fill a writable buffer of bytes with those at an offset; errors as `read_at`."""
        length = len(buffer)
        if offset < 0 or offset + length > self.size:
            raise self._incomplete(offset, length, self.size - offset)
        try:
            got = self._fill(buffer, offset)
        except OSError as error:
            raise self._unreadable(error) from error
        if got != length:
            raise self._incomplete(offset, length, got)

    def close(self) -> None:  # noqa: B027 - most kinds hold nothing open
        """Give back what the open file holds; a second time nothing happens."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def _read(self, offset: int, length: int) -> bytes:
        """Read bytes that the file ought to hold; fewer where it ends before."""

    def _fill(self, buffer: memoryview, offset: int) -> int:
        """Fill a buffer with bytes that the file ought to hold, and return how many there were."""
        data = self._read(offset, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _incomplete(self, offset: int, length: int, there: int) -> CorruptFileError:
        return self.file.changed(f"{max(0, there)} of {length} bytes at {offset} could be read")

    def _unreadable(self, error: OSError) -> CorruptFileError:
        return make_damaged_error(self.file.name, f"it cannot be read: {error.strerror or type(error).__name__}")


class BegunHandle(Handle):
    """A file of which the first bytes were read; for what lies behind them it is opened again.

    Attributes
    ----------
    beginning : bytes
        Its first bytes.
    """

    __slots__ = ("_again", "beginning")

    def __init__(self, file: File, size: int, beginning: bytes) -> None:
        super().__init__(file, size)
        self.beginning = beginning
        self._again: Handle | None = None

    def read_first(self, length: int) -> bytes:
        """Take those that were read already, however many are asked for."""
        return self.beginning

    def _read(self, offset: int, length: int) -> bytes:
        if offset + length <= len(self.beginning):
            return self.beginning[offset : offset + length]
        if self._again is None:
            self._again = self.file.open()
        return self._again.read_at(offset, length)

    def close(self) -> None:
        """Close the file, if it was opened again."""
        if self._again is not None:
            self._again.close()
            self._again = None


# Nothing changes a file once it is made; to freeze it would take four times as long, for each file of an archive.
@dataclass(slots=True, unsafe_hash=True)
class File(ABC):
    """One file of a source: plain data without descriptor, lock or session, so that it pickles into any process.

    A file that was found has a name. `open` gives it with its size and stamp (`Handle.file`), and such a file refuses
    to be read once it has changed. A kind of file has `open`, and `read_many` where it knows a better order.

    Attributes
    ----------
    name : str
        For messages, natural order and folders, written as a path. No two files of a source have the same.
    size : int or None
        Bytes; None where that is not known before it is opened.
    stamp : hashable or None
        Beside the size, what tells that it changed; None where it was not opened yet.
    """

    name: str
    size: int | None = None
    stamp: Hashable = None

    # False where reading a part of the file means reading the whole of it: `read_whole` does so for many.
    has_ranges: ClassVar[bool] = True
    # False where reading even its beginning means reading the whole of it, and perhaps what lies before it.
    has_beginning: ClassVar[bool] = True
    # True where a server has said what the header says, and the bytes have still to be fetched: `origin` has them.
    is_described: ClassVar[bool] = False

    @property
    def origin(self) -> File:
        """The file itself, where this one stands for it with what is known or was read of it."""
        return self

    @property
    def is_remote(self) -> bool:
        """Tell whether each read waits for a server, so that many ought to be under way at the same time."""
        return False

    @property
    def local_path(self) -> str | None:
        """The absolute path, for libraries that take nothing else; None where the bytes lie in no file on disk."""
        return None

    @abstractmethod
    def open(self) -> Handle:
        """Open the file.

        Raises
        ------
        OSError
            It cannot be opened, and never was.
        CorruptFileError
            It is not the file any more that was opened before, or nothing that has bytes.
        """

    def read_at(self, offset: int, length: int) -> bytes:
        """Read just these bytes; errors as `open` and `Handle.read_at`."""
        with self.open() as handle:
            return handle.read_at(offset, length)

    def read_into(self, buffer: memoryview, offset: int) -> None:
        """Fill a writable buffer of bytes with those at an offset; errors as `read_at`."""
        with self.open() as handle:
            handle.read_into(buffer, offset)

    @property
    def beginning(self) -> File | None:
        """The first bytes of the file, where they are at hand and the whole is not; reading more is a NotAtHand."""
        return None

    @property
    def kept_whole(self) -> bytes | None:
        """All bytes of the file, where they are at hand with its beginning."""
        return None

    def begin(self, length: int) -> BegunHandle:
        """Open the file, read its first bytes, as many as there are, and close it; errors as `open` and `read_at`."""
        with self.open() as handle:
            return BegunHandle(handle.file, handle.size, handle.read_first(length))

    def check_unchanged(self) -> None:
        """Refuse a file that is not the one any more that was opened before; errors as `open`."""
        self.open().close()

    def changed(self, what: str) -> CorruptFileError:
        """Make the error for a file that is not the one that was scanned."""
        words = f"changed since it was scanned: {what}"
        return CorruptFileError(
            f"{self.name} {words}", files=[self.name], remedies=[Step.SCAN_AGAIN], what=f"it {words}"
        )

    @classmethod
    def begin_many(
        cls, files: Sequence[File], length: int, step: Callable[[], None], threads: int | None
    ) -> list[Begun]:
        """Open files of this kind and read their first bytes, as `begin_many` says."""
        begun: list[Any] = [None] * len(files)

        def begin(k: int) -> None:
            try:
                begun[k] = files[k].begin(length)
            except (CorruptFileError, OSError) as error:
                begun[k] = forget_frames(error)

        for_each(len(files), begin, step, threads or 1)
        return begun

    @classmethod
    def read_many(cls, requests: Sequence[Request], limit_bytes: int) -> Generator[int]:
        """Fill the buffers of requests for files of this kind, as `read_many` says."""
        return fill_in_turn(requests)

    @classmethod
    def read_whole(cls, files: Sequence[File], limit_bytes: int, threads: int) -> Generator[Whole]:
        """Read files of this kind from end to end, as `read_whole` says."""
        return (read_one(index, file) for index, file in enumerate(files))


Begun = BegunHandle | CorruptFileError | OSError
"""A file of which the first bytes were read, or why that cannot be."""


def begin_many(
    files: Sequence[File], length: int, step: Callable[[], None] = lambda: None, threads: int | None = None
) -> list[Begun]:
    """Open files, read the first bytes of each, as many as there are, and close them.

    Parameters
    ----------
    files : sequence of File
        Files of any kinds.
    length : int
        How many bytes.
    step : callable, optional
        Called as each is begun.
    threads : int, optional
        How many are read at a time; by default one, and on a server as many as are usual there.

    Returns
    -------
    list
        In the order of the files; where that cannot be read, the error of `File.open`.
    """
    begun: list[Any] = [None] * len(files)
    for kind, indices in _group_by_kind(files).items():
        for index, one in zip(
            indices, kind.begin_many([files[i] for i in indices], length, step, threads), strict=True
        ):
            begun[index] = one
    return begun


def _group_by_kind(files: Iterable[File]) -> dict[type[File], list[int]]:
    """Group files, as their indices, by their kind."""
    kinds: dict[type[File], list[int]] = defaultdict(list)
    for index, file in enumerate(files):
        kinds[type(file)].append(index)
    return kinds


class NotAtHand(BaseException):
    """More of a file is needed than its beginning."""


class Request(NamedTuple):
    """Bytes that are wanted, and the buffer that they belong into."""

    file: File
    offset: int
    buffer: memoryview  # writable, of bytes


def read_many(requests: Sequence[Request], limit_bytes: int) -> Generator[int]:
    """Fill the buffers of many requests, each kind of file in the order that is cheapest for it.

    Parameters
    ----------
    requests : sequence of Request
        For files of any kinds.
    limit_bytes : int
        The bytes that may be under way at a time: asked for and not yielded yet. A longer request goes alone.

    Yields
    ------
    int
        The index of each request once its buffer is filled.

    Raises
    ------
    OSError, CorruptFileError
        As `File.read_into`; what was not yielded is not filled.

    Notes
    -----
    Closing the generator ends the reading; no thread, descriptor or connection outlives it.
    """
    for kind, indices in _group_by_kind(request.file for request in requests).items():
        with closing(kind.read_many([requests[i] for i in indices], limit_bytes)) as filled:
            for own in filled:
                yield indices[own]


class Whole(NamedTuple):
    """A file that was read from end to end, or why it cannot be."""

    place: int  # among the files that were asked for
    file: File  # as it was opened, with its size and stamp
    data: bytes
    error: CorruptFileError | None = None


def read_whole(files: Sequence[File], limit_bytes: int, threads: int) -> Generator[Whole]:
    """Read many files from end to end, each kind in the order that is cheapest for it.

    Parameters
    ----------
    files : sequence of File
        Files of any kinds; those of an archive that has to be passed through are read in its order, in one pass.
    limit_bytes : int
        The bytes that may be under way at a time: begun and not yielded yet. A larger file goes alone.
    threads : int
        How many may be unpacked at the same time.

    Yields
    ------
    Whole
        Each file once, the damaged ones with their error.

    Notes
    -----
    Closing the generator ends the reading; no thread, descriptor or connection outlives it.
    """
    for kind, indices in _group_by_kind(files).items():
        with closing(kind.read_whole([files[i] for i in indices], limit_bytes, threads)) as whole:
            for read in whole:
                yield read._replace(place=indices[read.place])


def read_one(index: int, file: File) -> Whole:
    """Read one of many files from end to end."""
    try:
        with file.open() as handle:
            return Whole(index, handle.file, handle.read_at(0, handle.size))
    except CorruptFileError as error:
        return Whole(index, file, b"", error)


def fill_in_turn(requests: Sequence[Request]) -> Generator[int]:
    """Fill one buffer after the other, each file opened once: for kinds where nothing is won by more at a time."""
    files: dict[File, list[int]] = defaultdict(list)
    for index, request in enumerate(requests):
        files[request.file].append(index)
    for file, indices in files.items():
        with file.open() as handle:
            for index in indices:
                handle.read_into(requests[index].buffer, requests[index].offset)
                yield index
