"""Walking folders: natural order, hidden entries and what is no regular file passed over."""

from __future__ import annotations

import os
from operator import attrgetter
from typing import TYPE_CHECKING, Literal

from .._util.names import sort_naturally
from .reasons import Reason, Skipped

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


def walk_folder(folder: str, recursive: bool, skipped: list[Skipped]) -> Iterator[str]:
    """Yield the regular files below a folder in natural order, and note in `skipped` what is passed over."""
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            status = os.stat(current)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(current) as listing:
                entries = sort_naturally(listing, attrgetter("name"))
        except OSError:
            yield current  # reading it as a file says why it cannot be listed
            continue
        folders = []
        for entry in entries:
            kind = _sort_entry(entry)
            if isinstance(kind, Skipped):
                skipped.append(kind)
            elif kind == "folder":
                folders.append(entry.path)
            else:
                yield entry.path
        if recursive:
            waiting.extend(reversed(folders))
        else:
            skipped.extend(Skipped(path, Reason.FOLDER) for path in folders)


def find_whole_folder(paths: Collection[str]) -> str | None:
    """Find the folder that holds these files and nothing else; None where there is none, or it cannot be listed."""
    folders = {os.path.dirname(path) or os.curdir for path in paths}
    if len(folders) != 1:
        return None
    (folder,) = folders
    try:
        held = os.listdir(folder)
    except OSError:
        return None
    return folder if sorted(held) == sorted(map(os.path.basename, paths)) else None


def find_common_folder(names: Collection[str]) -> str | None:
    """Find the innermost folder, archive or prefix that the names of files share; None where there is none."""
    folders = {os.path.dirname(name) for name in names}
    common = min(folders, key=len, default="")
    while common and not all(_lies_below(folder, common) for folder in folders):
        above = os.path.dirname(common)
        common = above if above != common else ""
    return common or None


def _lies_below(folder: str, other: str) -> bool:
    return folder == other or folder.startswith(other.rstrip("/") + "/")


def _sort_entry(entry: os.DirEntry[str]) -> Literal["file", "folder"] | Skipped:
    """An entry of a folder as what it is, or why it is passed over."""
    if entry.name.startswith("."):
        return Skipped(entry.path, Reason.HIDDEN)
    try:
        if entry.is_symlink() and not os.path.exists(entry.path):
            return "file"  # a link to nothing may stand for a slice: reading it says so
        if entry.is_dir():
            return "folder"
        return "file" if entry.is_file() else Skipped(entry.path, Reason.NOT_REGULAR)
    except OSError as error:  # a link to itself
        return Skipped(entry.path, Reason.UNFOLLOWED, error.strerror or "")


def sort_names(paths: Iterable[str]) -> list[str]:
    """Sort files of one folder as `walk_folder` does."""
    return sort_naturally(paths, os.path.basename)
