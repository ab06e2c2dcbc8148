"""Building an index, by one writer at a time; what is done when it is stopped, the next run keeps."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._util.lock import lock_folder
from ..._util.threads import make_stepper
from .arrow import TEMPORARY
from .buckets import update_buckets
from .stacks import find_stacks_path, update_stacks
from .walking import list_tops, walk_entries

if TYPE_CHECKING:
    from ..._util.threads import Progress
    from .patients import Patients
    from .stack_row import Location

_LOCK = ".index.lock"
_PARTS = ("files", "stacks")


def build_index(location: Location, patients: Patients, workers: int | None, progress: Progress | None) -> int:
    """Bring an index up to date, and return how many files were opened; see `Index.build`."""
    index, root = location.index, location.root
    tops = list_tops(root)
    with lock_folder(os.path.join(index, _LOCK), "an index"):
        _remove_unfinished(index)
        total = sum(len(entries) for entries in walk_entries(tops, tops.names)) if progress else 0
        read = update_buckets(index, tops, workers, make_stepper(total, progress))
        update_stacks(index, root, patients)
    return read


def check_folder(location: Location) -> None:
    """Refuse a folder for an index that holds something else, or would be indexed itself; make one that is missing."""
    index, root = location.index, location.root
    if os.path.commonpath((os.path.realpath(index), os.path.realpath(root))) == os.path.realpath(root):
        raise ValueError(f"the index {index} would lie in the root {root}, and be indexed itself: choose another place")
    os.makedirs(index, exist_ok=True)
    others = [name for name in os.listdir(index) if name not in (*_PARTS, _LOCK)]
    if others:
        raise FileExistsError(f"{index} holds what is no part of an index, such as {min(others)}: choose another place")


def _remove_unfinished(index: str) -> None:
    """Remove what a run that was killed has not ended."""
    folders = [os.path.dirname(find_stacks_path(index))]
    files = os.path.join(index, "files")
    if os.path.isdir(files):
        folders += [os.path.join(files, name) for name in os.listdir(files)]
    for folder in filter(os.path.isdir, folders):
        for name in os.listdir(folder):
            if name.startswith(TEMPORARY):
                os.unlink(os.path.join(folder, name))
