"""The files that a pipeline is told to read, and whether they have changed since."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..sources.objects import is_content

if TYPE_CHECKING:
    from collections.abc import Iterable


def list_given_paths(source: Any) -> Iterable[str]:
    """Every file on disk that a source of any kind means; what lies in memory does not change."""
    parts = [source] if isinstance(source, (str, bytes, os.PathLike)) or is_content(source) else source
    for part in parts if isinstance(parts, (list, tuple)) else ():
        if isinstance(part, (str, bytes, os.PathLike)) and not is_content(part):
            path = os.fsdecode(part)
            yield from sorted(list_folder_files(path, recursive=True)) if os.path.isdir(path) else (path,)


def list_folder_files(folder: str, recursive: bool) -> Iterable[str]:
    """Every file in a folder, and in its folders."""
    seen = set()
    for parent, folders, files in os.walk(folder, followlinks=True):  # as `find_files`
        yield from (os.path.join(parent, name) for name in files)
        here = os.path.realpath(parent)
        if not recursive or here in seen:
            folders.clear()
        seen.add(here)


def stamp_paths(paths: Iterable[str]) -> Iterable[tuple[str, int, int]]:
    """Path, size and time of modification of files; -1 where there is none."""
    for path in paths:
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            yield path, -1, -1
        else:
            yield path, status.st_size, status.st_mtime_ns
