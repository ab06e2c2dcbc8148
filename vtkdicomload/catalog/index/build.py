"""Building an index, by one writer at a time; what is done when it is stopped, the next run keeps."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ..._util.lock import lock_folder
from ..._util.threads import make_stepper
from ...headers.reading import HeaderReader
from .about import OtherVersionError, find_stacks_path, read_about
from .arrow import TEMPORARY
from .buckets import list_updates
from .local_root import LocalRoot
from .stacks import update_stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..._util.threads import Progress
    from .buckets import BucketUpdate, Updated
    from .patients import Patients
    from .root import Root

    Run = Callable[[list[BucketUpdate], Callable[[], None]], Iterable[Updated]]

_LOCK = ".index.lock"
_PARTS = ("files", "stacks")


def build_index(
    index: str, root: Root, patients: Patients, run: Run, *, workers: int | None, progress: Progress | None
) -> int:
    """Bring an index up to date, and return how many files were opened; see `Index.build`.

    Parameters
    ----------
    index : str
        Its folder.
    root : Root
        What is indexed.
    patients : Patients
        How patients are named.
    run : callable
        Runs the updates of buckets, and calls what it is given for each file; `run_here` does so in this thread.
    workers : int, optional
        Threads that read headers.
    progress : callable, optional
        Called with (files done, files in all).
    """
    tops = root.list_tops()
    with lock_folder(os.path.join(index, _LOCK), "an index"):
        remove_unfinished(index)
        step = make_stepper(root.count_files(tops) if progress else 0, progress)
        read = sum(updated.read for updated in run(list_updates(index, root, tops, workers), step))
        remove_unfinished(index)  # what killed workers have left
        update_stacks(index, root, patients)
    return read


def divide_root(index: str, root: Root) -> Root:
    """Divide a root by the folders that its index has it divided by, or that there are; errors as `Root.list_tops`."""
    try:
        depth = read_about(index).depth
    except (FileNotFoundError, ValueError):
        depth = root.choose_depth()
    return replace(root, depth=depth)


def run_here(updates: list[BucketUpdate], step: Callable[[], None]) -> Iterator[Updated]:
    """Bring buckets up to date one after another, with what is learned of the headers of one for the next."""
    reader = HeaderReader()
    return (update.run(reader, step) for update in updates)


def check_folder(index: str, root: Root) -> None:
    """Refuse a folder for an index that holds something else, or would be indexed itself; make one that is missing.

    Raises
    ------
    ValueError
        It lies in the root, or a later version of the package has written it.
    FileExistsError
        It holds something else.
    """
    if isinstance(root, LocalRoot):
        real = os.path.realpath(root.name)
        if os.path.commonpath((os.path.realpath(index), real)) == real:
            raise ValueError(
                f"the index {index} would lie in the root {root.name}, and be indexed itself: choose another place"
            )
    os.makedirs(index, exist_ok=True)
    others = [name for name in os.listdir(index) if name not in (*_PARTS, _LOCK)]
    if others:
        raise FileExistsError(f"{index} holds what is no part of an index, such as {min(others)}: choose another place")
    try:
        read_about(index)
    except FileNotFoundError:
        pass
    except OtherVersionError as error:
        if error.newer:
            raise


def remove_unfinished(index: str) -> None:
    """Remove what a run that was killed has not ended."""
    folders = [os.path.dirname(find_stacks_path(index))]
    files = os.path.join(index, "files")
    if os.path.isdir(files):
        folders += [os.path.join(files, name) for name in os.listdir(files)]
    for folder in filter(os.path.isdir, folders):
        for name in os.listdir(folder):
            if name.startswith(TEMPORARY):
                os.unlink(os.path.join(folder, name))
