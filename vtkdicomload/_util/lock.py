"""One writer at a time in a folder."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .atomic import name_file

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def lock_folder(path: str, work: str) -> Iterator[None]:
    """Hold a lock file while something is written beside it; that of a process that has died here is taken over.

    Parameters
    ----------
    path : str
        The lock file, in a folder that exists.
    work : str
        What is done under the lock, for the message.

    Raises
    ------
    BlockingIOError
        Another process holds it; the message says which, since when, and what to do where it is no longer there.
    """
    _make_lock(path, work)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _make_lock(path: str, work: str) -> None:
    for attempt in (1, 2):
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            if attempt == 1:
                _remove_if_abandoned(path)
                continue
            holder = _read_holder(path)
            since = holder.get("since", "an unknown time")
            who = f"process {holder.get('pid', '?')} on {holder.get('host', 'an unknown host')}"
            raise BlockingIOError(
                f"{who} has been at {work} here since {since}; if it is not running any more, delete {path}"
            ) from None
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
        try:
            with name_file(path), os.fdopen(descriptor, "w") as file:
                json.dump({"host": socket.gethostname(), "pid": os.getpid(), "since": since}, file)
        except BaseException:
            os.unlink(path)  # nobody could tell whose it is
            raise
        return


def _remove_if_abandoned(path: str) -> None:
    """Remove the lock of a process of this host that has died; never the one that another has made of it meanwhile."""
    if os.name != "posix":
        return
    import fcntl

    with contextlib.suppress(OSError), open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.path.samestat(os.fstat(file.fileno()), os.stat(path)) and _has_died(_read_holder(path)):
            os.unlink(path)


def _read_holder(path: str) -> dict[str, object]:
    try:
        with open(path) as file:
            holder = json.load(file)
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _has_died(holder: dict[str, object]) -> bool:
    """Tell whether the holder was a process of this host that is not running any more."""
    pid = holder.get("pid")
    if holder.get("host") != socket.gethostname() or not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
