"""A folder on disk as the root of an index, or an archive there: walked in the order of a scan."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...sources.folders import list_folders, list_subfolders
from ...sources.local import LocalFile
from .entry import Entry
from .root import ROOT_ITSELF, Root, Tops

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...sources.reasons import Skipped


@dataclass(frozen=True)
class LocalRoot(Root):
    """A folder or a file on disk."""

    def list_tops(self) -> Tops:
        """List the folders that it is divided by, each under one name. Errors as `os.scandir`."""
        if self.is_file:
            return Tops((ROOT_ITSELF,))
        names: list[str] = []
        seen: set[tuple[int, int]] = set()
        waiting = [ROOT_ITSELF]
        while waiting:
            name = waiting.pop()
            identity = _identify(os.path.join(self.name, name))
            if identity is not None and identity not in seen:
                names.append(name)
                seen.add(identity)
                if self.is_divided(name):
                    waiting += reversed(self.list_subfolders([name]))
        return Tops(tuple(names), frozenset(seen))

    def list_subfolders(self, folders: Sequence[str]) -> list[str]:
        """List the folders in some folders; see `Root.list_subfolders`."""
        found: list[str] = []
        for folder in folders:
            try:
                names = list_subfolders(os.path.join(self.name, folder))
            except OSError:
                if folder == ROOT_ITSELF:
                    raise
                continue  # the walk tells of it
            found += names if folder == ROOT_ITSELF else [f"{folder}/{name}" for name in names]
        return found

    def count_files(self, tops: Tops) -> int:
        """Count the files, without a look at any."""
        return sum(map(len, self._list_paths(tops, tops.names)))

    def walk(self, tops: Tops, names: Sequence[str]) -> Iterator[list[Entry]]:
        """Yield the files with their sizes and times; see `Root.walk`."""
        folder = os.path.dirname(self.name) if self.is_file else self.name
        start = len(folder.rstrip(os.sep)) + 1
        for paths in self._list_paths(tops, names):
            below = (path[start:] for path in paths)
            if os.sep != "/":
                below = (path.replace(os.sep, "/") for path in below)
            yield list(map(self._look_at, paths, below))

    def _list_paths(self, tops: Tops, names: Sequence[str]) -> Iterator[list[str]]:
        if self.is_file:
            yield [self.name]
            return
        skipped: list[Skipped] = []
        seen = set(tops.seen)
        for name in names:
            folder = os.path.join(self.name, name) if name else self.name
            identity = _identify(folder)
            if identity is None:
                continue
            seen.discard(identity)
            for listed in list_folders(folder, not self.is_divided(name), skipped, seen):
                yield listed
                skipped.clear()  # hidden files and the like: they are no candidates

    def _look_at(self, path: str, below: str) -> Entry:
        try:
            status = os.stat(path)
        except OSError:
            return Entry(below, None, None)
        if not stat.S_ISREG(status.st_mode):
            return Entry(below, status.st_size, None)
        return Entry(below, status.st_size, status.st_mtime_ns, self.enters(below))

    def _locate(self, name: str, path: str, size: int | None, stamp: int | str | None) -> LocalFile:
        if os.path.isabs(name):
            return LocalFile(name, size, stamp)
        return LocalFile(name, size, stamp, os.path.dirname(self.name) if self.is_file else self.name)


def _identify(folder: str) -> tuple[int, int] | None:
    """Say which folder it is; None where it is gone meanwhile."""
    try:
        status = os.stat(folder)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
