"""Files whose headers are read together: their first bytes, and what becomes of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._util.log import logger
from .._util.tracebacks import forget_frames
from ..errors import CorruptFileError
from ..sources.file import BegunHandle, NotAtHand, begin_many
from .file_layouts import Beginnings
from .model import Header
from .parser import parse_header
from .preamble import NotDicomError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .elements import Element
    from .file_layouts import AlikeFiles

    Outcome = Header | CorruptFileError | NotDicomError | OSError | NotAtHand


class Parsed(NamedTuple):
    """A file that was parsed strictly, and what was walked of it."""

    header: Header
    file: BegunHandle
    visited: list[Element]


class Block:
    """Files that are read together.

    Attributes
    ----------
    files : list of BegunHandle
        The files.
    beginnings : Beginnings
        Their first bytes.
    ends : array of shape (n,)
        Where each of them would end among the beginnings, if it were there as a whole.
    outcomes : list
        The header of each, or why it has none, once it was read.
    """

    def __init__(self, files: Sequence[BegunHandle]) -> None:
        self.files = list(files)
        self.beginnings = Beginnings([file.beginning for file in files])
        self.ends = self.beginnings.starts + np.array([file.size for file in files], np.int64)
        self.outcomes: list[Any] = [None] * len(files)

    def begin_again(self, rows: Sequence[int], length: int) -> None:
        """Read more of the first bytes of some files, where that can be."""
        for row, begun in zip(rows, begin_many([self.files[row].file for row in rows], length), strict=True):
            if isinstance(begun, BegunHandle):
                self.files[row] = begun
        self.beginnings = Beginnings([file.beginning for file in self.files])
        self.ends = self.beginnings.starts + np.array([file.size for file in self.files], np.int64)

    def parse(self, row: int, why: str) -> Parsed | None:
        """Parse one file strictly; None where it cannot be read."""
        visited: list[Element] = []
        with self.files[row] as handle:
            logger.debug("%s was parsed by itself: %s", handle.file.name, why)
            try:
                self.outcomes[row] = header = parse_header(handle, visited)
            except (CorruptFileError, NotDicomError, OSError, NotAtHand) as error:
                self.outcomes[row] = forget_frames(error)
                return None
        return Parsed(header, handle, visited)

    def cut(self, alike: AlikeFiles, first: int, last: int) -> list[bytes]:
        """Cut from each of some files its bytes from the value of one element to that of another."""
        data = self.beginnings.data
        starts, ends = alike.get_starts(first).tolist(), alike.get_ends(last).tolist()
        return [data[start:end] for start, end in zip(starts, ends, strict=True)]

    def list_headers(self) -> list[Header]:
        """The headers that were read."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, Header)]
