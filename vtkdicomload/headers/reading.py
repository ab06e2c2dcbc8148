"""Reading many headers at a time, most of them by templates."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from .blocks import Block
from .templates import MAX_HEADER, make_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..sources.file import BegunHandle
    from .blocks import Outcome, Parsed
    from .file_layouts import Ints
    from .templates import Template

_MAX_TEMPLATES = 64
_MAX_BLOCK_BYTES, _MAX_BLOCK_FILES = 32 << 20, 1024
_LEAST_BEGINNING = 1 << 13  # bytes that are read of a file at first
_SPARE = 1 << 10  # bytes that the next header may be longer than the longest of those before
_FEWEST_ALIKE = 3  # files for which stepping over them together costs less than parsing each
_MAX_MISSES = 8  # templates of a block that fit no other file of it


class HeaderReader:
    """Reads headers like `read_header`, many at a time. One for each scan at a time, and for one thread."""

    def __init__(self) -> None:
        self._templates: list[Template] = []  # the latest that fitted first
        self._parsers: dict[str, Callable[[bytes], object]] = {}
        self._first: Parsed | None = None  # a file that was read alone
        self._longest: int | None = None  # bytes before the pixels, of the latest files

    @property
    def beginning_bytes(self) -> int:
        """The number of bytes that the next files should be begun with."""
        return min(max((self._longest or 0) + _SPARE, _LEAST_BEGINNING), MAX_HEADER)

    @property
    def block_files(self) -> int:
        """The number of files to read next: one at first, which tells how long the headers are."""
        return 1 if self._longest is None else min(_MAX_BLOCK_BYTES // self.beginning_bytes, _MAX_BLOCK_FILES)

    def read(self, files: Sequence[BegunHandle]) -> list[Outcome]:
        """Read the headers of files that were begun, in their order; each header, or the error of `read_header`."""
        block = Block(files)
        left = np.arange(len(files))
        for template in [*self._templates]:
            left = self._fill(template, block, left)
        if self._first is not None:
            left, self._first = self._learn(self._first, block, left), None
        misses = longest = 0
        begun = max((len(file.beginning) for file in files), default=0)
        while len(left):
            first, left = int(left[0]), left[1:]
            parsed = block.parse(first, "no template fits it")
            if parsed is not None and misses < _MAX_MISSES:
                longest = max(longest, parsed.header.pixel_offset)
                if len(left) >= _FEWEST_ALIKE and begun < longest <= MAX_HEADER:
                    begun = longest + _SPARE
                    block.begin_again(left.tolist(), begun)
                before = len(left)
                left = self._learn(parsed, block, left)
                misses = misses + 1 if len(left) == before else 0
                self._first = parsed if len(files) == 1 else None
        self._longest = max((h.pixel_offset for h in block.list_headers()), default=self._longest or 0)
        return block.outcomes

    def _learn(self, parsed: Parsed, block: Block, rows: Ints) -> Ints:
        """Make a template of a file, read those of some others that it fits, and return the rest."""
        if len(rows) < _FEWEST_ALIKE:
            return rows
        template = make_template(parsed, self._parsers)
        return rows if template is None else self._fill(template, block, rows)

    def _fill(self, template: Template, block: Block, rows: Ints) -> Ints:
        """Read those of some files that a template fits, and return the others."""
        if len(rows) < _FEWEST_ALIKE:
            return rows
        alike = template.find_alike(block, rows)
        if not len(alike.rows):
            return rows
        template.fill(alike, block)
        self._templates = [template, *(other for other in self._templates if other is not template)][:_MAX_TEMPLATES]
        found = np.zeros(len(block.files), np.bool_)
        found[alike.rows] = True
        return rows[~found[rows]]


class HeaderReaders:
    """Header readers that keep what they learn from one scan for the next: one for each scan at the same time."""

    def __init__(self) -> None:
        self._idle: list[HeaderReader] = []

    @contextmanager
    def borrow(self) -> Iterator[HeaderReader]:
        """Give one that no other scan has."""
        try:
            reader = self._idle.pop()
        except IndexError:
            reader = HeaderReader()
        try:
            yield reader
        finally:
            self._idle.append(reader)
