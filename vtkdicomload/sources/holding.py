"""Files that can only be read whole, held in memory one after the other while something is done with them."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from .file import read_whole
from .memory import MemoryFile

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from ..errors import CorruptFileError
    from .file import File

_MOST_THREADS = 8


class Held(NamedTuple):
    """A file in memory under its own name, or why it cannot be there."""

    place: int  # among the files that were asked for
    opened: File  # the file itself, with its size and stamp
    file: MemoryFile
    error: CorruptFileError | None


def hold_each(files: Sequence[File], limit_bytes: int, workers: int | None = None) -> Generator[Held]:
    """Hold each of many files in memory, in the order in which they are cheapest to read; see `file.read_whole`."""
    threads = workers or max(2, min(os.cpu_count() or 1, _MOST_THREADS))
    with closing(read_whole(files, limit_bytes, threads)) as whole:
        for place, opened, data, error in whole:
            yield Held(place, opened, MemoryFile.of(data, opened.name), error)
