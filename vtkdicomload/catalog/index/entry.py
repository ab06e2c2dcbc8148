"""A file as the root of an index lists it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ...sources.archives.placement import Placement


class InArchive(NamedTuple):
    """Where in an archive a file lies; it changes as the archive does, whose stamp is its own."""

    archive: str  # below the root
    archive_size: int | None
    placement: Placement


class Entry(NamedTuple):
    """A file as it is listed, or was when it was read; two that are equal need not be read twice.

    Attributes
    ----------
    path : str
        Below the root, with ``/``.
    size : int or None
        Bytes; None where it cannot be looked at.
    stamp : int or str or None
        On disk the time of modification in ns, on a server the ETag or time; None where it is to be read in every run.
    is_entered : bool
        Whether it stands for the files that it holds, as an archive.
    inside : InArchive or None
        Of a file in an archive.
    """

    path: str
    size: int | None
    stamp: int | str | None
    is_entered: bool = False
    inside: InArchive | None = None

    @property
    def listed_path(self) -> str:
        """The path that the walk of the root comes by: its own, or that of its archive."""
        return self.path if self.inside is None else self.inside.archive


def make_readable(path: str) -> str:
    """A path with a mark in the place of what is no UTF-8."""
    return os.fsencode(path).decode(errors="replace")
