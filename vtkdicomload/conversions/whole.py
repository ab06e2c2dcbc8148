"""Files and stores that appear whole, or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_ZARR_MARKS = ("zarr.json", ".zgroup", ".zarray")  # of version 3, and of version 2


def check_target(target: str, suffix: str) -> None:
    """Refuse a target that cannot be written or must not be replaced, before anything is made."""
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "there is no such folder to write to", folder)
    holds_store = any(os.path.exists(os.path.join(target, mark)) for mark in _ZARR_MARKS)
    is_store = suffix.endswith(".zarr")
    if is_store and os.path.exists(target) and not holds_store:
        raise FileExistsError(errno.EEXIST, "it exists and is no Zarr store, so it is not replaced", target)
    if not is_store and os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, "it is a folder, so it is not replaced", target)


@contextmanager
def write_whole(target: str, suffix: str) -> Iterator[str]:
    """A path for what becomes `target` once it is written without an error; else nothing is left and `target` stays.

    It lies in a hidden folder beside, which no scan enters: writers go by the suffix, and a Zarr store is a folder too.
    """
    try:
        beside = tempfile.mkdtemp(prefix=".", suffix=".part", dir=os.path.dirname(target))
    except OSError as error:
        raise OSError(error.errno, error.strerror, target) from error  # not the name of what lies beside
    try:
        unfinished = os.path.join(beside, f"volume{suffix}")
        try:
            yield unfinished
        except OSError as error:
            if error.errno is None or not str(error.filename or beside).startswith(beside):
                raise
            raise OSError(error.errno, error.strerror, target) from error
        if os.path.isdir(target):
            _swap_folders(unfinished, target, os.path.join(beside, "replaced"))
        else:
            os.replace(unfinished, target)
    finally:
        shutil.rmtree(beside)


def _swap_folders(new: str, target: str, aside: str) -> None:
    """Put a folder in the place of another one; the old one comes back where that fails."""
    os.rename(target, aside)
    try:
        os.rename(new, target)
    except BaseException:
        os.rename(aside, target)
        raise
