"""A file on a server of which blocks are read far apart, as the headers of a tar: they are fetched ahead."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from ..file import Request, read_many

if TYPE_CHECKING:
    from ..file import File

_CLOSE = 1 << 17  # bytes from one block to the next up to which all that lies between them is fetched too
_TOGETHER = 2 << 20  # bytes that one request asks for then
_BLOCK = 2048  # bytes that are fetched of each of the others, and how many of them at the same time
_BLOCKS = 32


class AheadStream:
    """A stream in which the next blocks are taken to lie as far from each other as the latest."""

    def __init__(self, file: File) -> None:
        self._file, self._size = file, file.size or 0
        self._at = self._end = self._jump = self._stride = 0  # end of the latest read, place and length of its jump
        self._parts: list[Request] = []

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place, as file objects do."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def read(self, length: int = -1) -> bytes:
        """Read bytes, fewer only where the file ends; errors as `File.read_at`."""
        left = max(0, self._size - self._at)
        length = left if length < 0 else min(length, left)
        stride = self._stride
        if self._at > self._end:
            stride, self._stride, self._jump = self._stride, self._at - self._jump, self._at
        data = self._take(length)
        if data is None:
            self._fetch(length, is_even=stride == self._stride)
            data = self._take(length) or b""
        self._at = self._end = self._at + length
        return data

    def _take(self, length: int) -> bytes | None:
        for _, start, buffer in self._parts:
            if start <= self._at and self._at + length <= start + len(buffer):
                return bytes(buffer[self._at - start : self._at - start + length])
        return None

    def _fetch(self, length: int, *, is_even: bool) -> None:
        """Fetch what is asked for, and what is likely to be asked for next."""
        starts, wanted = [self._at], max(length, _BLOCK)
        if 0 < self._stride <= _CLOSE:
            wanted = max(length, _TOGETHER)
        elif self._stride and is_even:
            starts = list(range(self._at, self._size, self._stride))[:_BLOCKS]
        lengths = [min(wanted, self._size - start) for start in starts]
        self._parts = [
            Request(self._file, start, memoryview(bytearray(count)))
            for start, count in zip(starts, lengths, strict=True)
        ]
        with closing(read_many(self._parts, sum(lengths))) as filled:
            for _ in filled:
                pass
