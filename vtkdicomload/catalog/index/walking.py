"""Walking the root of an index, a bucket of top folders at a time, in the order of a scan."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from ...sources.folders import list_folders, list_subfolders
from .file_rows import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...sources.reasons import Skipped

BUCKETS = 64
ROOT_ITSELF = ""  # in the place of a top folder: the files that lie in the root


class Tops(NamedTuple):
    """The folders in a root, in natural order behind the root itself, and what tells each from a link to it."""

    root: str
    names: tuple[str, ...]
    seen: frozenset[tuple[int, int]]  # devices and inodes: a link elsewhere in the root does not lead into them again


def list_tops(root: str) -> Tops:
    """List the folders in a root. Errors as `os.scandir`."""
    names, seen = [ROOT_ITSELF], {_identify(root)}
    for name in list_subfolders(root):
        identity = _identify(os.path.join(root, name))
        if identity not in seen:
            names.append(name)
            seen.add(identity)
    return Tops(root, tuple(names), frozenset(seen))


def _identify(folder: str) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def find_bucket(top: str) -> int:
    """The bucket of a top folder, which is the same in every run."""
    return crc32(os.fsencode(top)) % BUCKETS


def find_top(path: str) -> str:
    """The top folder of a path below the root."""
    return path.partition("/")[0] if "/" in path else ROOT_ITSELF


def walk_entries(tops: Tops, names: Iterable[str]) -> Iterator[list[Entry]]:
    """Yield the files in some top folders with size and time of modification, a folder at a time, in any order."""
    skipped: list[Skipped] = []
    seen = set(tops.seen)
    start = len(tops.root.rstrip(os.sep)) + 1
    for name in names:
        folder = os.path.join(tops.root, name) if name else tops.root
        seen.discard(_identify(folder))
        for listed in list_folders(folder, bool(name), skipped, seen):
            yield [_look_at(path, start) for path in listed]
            skipped.clear()  # hidden files and the like: they are no candidates


def _look_at(path: str, start: int) -> Entry:
    below = path[start:].replace(os.sep, "/")
    try:
        status = os.stat(path)
    except OSError:
        return Entry(below, None, None)
    return Entry(below, status.st_size, status.st_mtime_ns if stat.S_ISREG(status.st_mode) else None)
