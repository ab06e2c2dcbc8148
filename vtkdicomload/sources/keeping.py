"""Bytes that are kept of files which have to be passed through, from their headers to their pixels."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

from .._util.memory import measure_usable_bytes
from .file import read_whole
from .memory import KeptFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from .file import File

_BEGINNING = 1 << 16  # bytes of each file, where only its header is wanted
_ROOM_FOR_HEADERS = 64 << 20  # of all of them
_TOGETHER = 32 << 20  # of files that are read at a time to be kept whole
_PART_OF_MEMORY = 4  # one of so many parts of the usable memory, where pixels will be wanted


class Keeping:
    """The bytes that may be kept, and the files that have some; a context that lets go of them.

    Parameters
    ----------
    limit_bytes : int
        Of all files.
    longest : int
        Of each file.
    """

    def __init__(self, limit_bytes: int = _ROOM_FOR_HEADERS, longest: int = _BEGINNING) -> None:
        self._left, self._longest = limit_bytes, longest
        self._measured = True  # what may be kept
        self._files: list[KeptFile] = []
        self._lock = threading.Lock()

    @classmethod
    def whole(cls) -> Self:
        """Keep files whole, as far as memory allows: for those whose pixels will be read."""
        keeping = cls()
        keeping._measured = False  # that takes as long as to read the header of a file, and few sources need it
        return keeping

    def take(self, size: int) -> int:
        """Take the room for a file: how many of its first bytes may be kept."""
        with self._lock:
            if not self._measured:
                self._left = self._longest = measure_usable_bytes() // _PART_OF_MEMORY
                self._measured = True
            wanted = min(size, self._longest)
            if wanted > self._left:
                wanted = min(size, _BEGINNING) if min(size, _BEGINNING) <= self._left else 0
            self._left -= wanted
            return wanted

    def keep(self, opened: File, data: bytes) -> File:
        """The file with all of its bytes, for which there is room."""
        file = KeptFile.of(opened, data)
        self._files.append(file)
        return file

    def keep_whole(self, files: Sequence[File]) -> dict[File, File]:
        """Keep files whole, as far as there is room, each under the one it was read of; none that cannot be read."""
        chosen = [file for file in files if file.size and self.take(file.size) == file.size]
        kept: dict[File, File] = {}
        with closing(read_whole(chosen, _TOGETHER, 1)) as whole:
            for place, opened, data, error in whole:
                if error is None:
                    kept[chosen[place]] = self.keep(opened, data)
        return kept

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files:
            file.data = b""
        self._files.clear()
