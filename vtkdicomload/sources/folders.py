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
    for listed in list_folders(folder, recursive, skipped, set()):
        yield from sort_names(listed)


def list_folders(
    folder: str, recursive: bool, skipped: list[Skipped], seen: set[tuple[int, int]]
) -> Iterator[list[str]]:
    """Yield the regular files of a folder, in any order, then those of each folder in it, in natural order of these.

    Parameters
    ----------
    folder : str
        Where to begin.
    recursive : bool
        Whether its folders are walked too.
    skipped : list of Skipped
        Gets what is passed over.
    seen : set of (int, int)
        Devices and inodes of folders that are not entered; gets those that are.
    """
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        files: list[str] = []
        folders: list[str] = []
        passed_over: list[Skipped] = []
        try:
            status = os.stat(current)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(current) as listing:
                for entry in listing:
                    kind = _sort_entry(entry)
                    if isinstance(kind, Skipped):
                        passed_over.append(kind)
                    else:
                        (folders if kind == "folder" else files).append(entry.path)
        except OSError:
            yield [current]  # reading it as a file says why it cannot be listed
            continue
        if not recursive:
            passed_over += [Skipped(path, Reason.FOLDER) for path in folders]
        skipped += sort_naturally(passed_over, attrgetter("path"))
        yield files
        if recursive:
            waiting += reversed(sort_names(folders))


def list_subfolders(folder: str) -> list[str]:
    """List the names of the folders in a folder that `walk_folder` enters, in its order. Errors as `os.scandir`."""
    with os.scandir(folder) as listing:
        return sort_names(entry.name for entry in listing if _sort_entry(entry) == "folder")


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
        if entry.is_file(follow_symlinks=False):
            return "file"
        if entry.is_symlink() and not os.path.exists(entry.path):
            return "file"  # a link to nothing may stand for a slice: reading it says so
        if entry.is_dir():
            return "folder"
        return "file" if entry.is_file() else Skipped(entry.path, Reason.NOT_REGULAR)
    except OSError as error:  # a link to itself
        return Skipped(entry.path, Reason.UNFOLLOWED, error.strerror or "")


def sort_names(paths: Iterable[str]) -> list[str]:
    """Sort files of one folder, or folders, as `walk_folder` does."""
    # By name first: a1 and a01 have one place in natural order.
    return sort_naturally(sorted(paths, key=os.path.basename), os.path.basename)
