"""What is indexed: a folder or an archive, on disk or on a server. It lists its files, and opens them."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from ...sources.archives.enter import is_named_as_archive
from ...sources.archives.placement import restore_member
from ...sources.folders import sort_names
from .entry import make_readable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ...sources.file import File
    from .entry import Entry

BUCKETS = 64
ROOT_ITSELF = ""  # in the place of a top folder: the files that lie in the root
_ENOUGH_TOPS = 16  # to divide a root by
_DEEPEST = 4


class Tops(NamedTuple):
    """The folders that a root is divided by, as it is walked: the root, those in it and so on, down to its depth."""

    names: tuple[str, ...]
    seen: frozenset[tuple[int, int]] = frozenset()  # on disk, their devices and inodes: no link leads into them again


def find_bucket(top: str) -> int:
    """The bucket of a top folder, which is the same in every run."""
    return crc32(make_readable(top).encode()) % BUCKETS


def sort_tops(names: Collection[str]) -> list[str]:
    """Sort top folders as the root is walked: each before those in it, these in natural order."""
    rank = {part: place for place, part in enumerate(sort_names({part for name in names for part in name.split("/")}))}
    return sorted(names, key=lambda name: [rank[part] for part in name.split("/")] if name else [])


@dataclass(frozen=True)
class Root(ABC):
    """What is indexed; it pickles into any process that sees the same.

    Attributes
    ----------
    name : str
        Its absolute path, or its URL without credentials.
    archives : bool
        Whether archives in it are entered.
    is_file : bool
        Whether it is one file, an archive mostly; the paths below it begin with the name of that.
    depth : int
        How deep the folders lie that it is divided by: 1 for those in the root itself. Each of them stands for all that
        is in it; the root and the folders between stand for the files that lie in themselves.
    """

    name: str
    archives: bool
    is_file: bool
    depth: int = 1

    def name_file(self, path: str) -> str:
        """The name that a scan of the root gives the file of a path below it."""
        if self.is_file:
            return self.name + path.removeprefix(os.path.basename(self.name))
        return os.path.join(self.name.rstrip("/") or "/", path)

    def enters(self, path: str) -> bool:
        """Tell whether a file that is listed stands for those that it holds."""
        return self.is_file or (self.archives and is_named_as_archive(path))

    def find_file(self, entry: Entry) -> File:
        """The file of an entry that is listed, as it is now; its name is its path."""
        return self._locate(entry.path, entry.path, None, None)

    def restore_file(self, entry: Entry, *, in_full: bool) -> File:
        """The file of an entry, which refuses to be read where it has changed.

        Parameters
        ----------
        entry : Entry
            Of a row.
        in_full : bool
            Give it the name that a scan gives it; else its path.

        Raises
        ------
        OSError, CorruptFileError
            It is lost in an archive, which cannot be opened to tell why.
        """
        name = self.name_file(entry.path) if in_full else entry.path
        if entry.inside is None:
            return self._locate(name, entry.path, entry.size, entry.stamp)
        archive, size, placement = entry.inside
        holder = self._locate(self.name_file(archive) if in_full else archive, archive, size, entry.stamp)
        return restore_member(holder, name, entry.size, placement)

    def find_top(self, listed_path: str) -> str:
        """The top folder of a path below the root, as that lists it."""
        return "/".join(listed_path.split("/")[:-1][: self.depth])

    def is_divided(self, top: str) -> bool:
        """Tell whether the folders in a top folder are top folders themselves."""
        return top == ROOT_ITSELF or top.count("/") + 1 < self.depth

    def choose_depth(self) -> int:
        """Choose the least depth at which there are folders enough, or many more than above; errors as `list_tops`."""
        chosen, most, level = 1, 0, [ROOT_ITSELF]
        for depth in range(1, _DEEPEST + 1):
            level = [] if self.is_file else self.list_subfolders(level)
            if len(level) >= 2 * most and level:
                chosen, most = depth, len(level)
            if not level or most >= _ENOUGH_TOPS:
                break
        return chosen

    @abstractmethod
    def list_subfolders(self, folders: Sequence[str]) -> list[str]:
        """List the folders in some folders, by their paths below the root; errors as `list_tops`, of the root alone."""

    @abstractmethod
    def list_tops(self) -> Tops:
        """List the folders that it is divided by.

        Raises
        ------
        OSError, NoDicomError
            It cannot be listed.
        """

    @abstractmethod
    def count_files(self, tops: Tops) -> int:
        """Count the files that it lists."""

    @abstractmethod
    def walk(self, tops: Tops, names: Sequence[str]) -> Iterator[list[Entry]]:
        """Yield the files in some top folders, in the order of a scan, a folder at a time in any order.

        Raises
        ------
        NoDicomError
            A server does not list them.
        """

    @abstractmethod
    def _locate(self, name: str, path: str, size: int | None, stamp: int | str | None) -> File:
        """The file of a path under a name; with a stamp it refuses to be read where it has changed."""
