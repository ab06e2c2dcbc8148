"""Peak memory of this process, and files in the page cache; each where the system can tell."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak:
    """``with Peak() as peak``: then `peak.bytes` is how far resident memory rose above where it stood."""

    bytes = 0

    def __enter__(self) -> Self:
        if _CLEAR.exists():
            _CLEAR.write_text("5")  # the peak starts anew
            self._before = _status("VmRSS")
        else:
            self._before = _highest()
        return self

    def __exit__(self, *_: object) -> None:
        self.bytes = (_status("VmHWM") if _CLEAR.exists() else _highest()) - self._before


def _status(name: str) -> int:
    (line,) = (line for line in _STATUS.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def _highest() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def drop_from_cache(files: Iterable[Path]) -> float | None:
    """Drop files from the page cache.

    Returns
    -------
    float or None
        The part of their pages that is in it still; None where the system cannot tell or cannot drop them.
    """
    if not hasattr(os, "posix_fadvise"):
        return None
    resident = pages = 0
    for file in files:
        fd = os.open(file, os.O_RDONLY)
        try:
            os.fsync(fd)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            here, there = _resident(fd)
        except OSError:
            return None
        finally:
            os.close(fd)
        resident, pages = resident + here, pages + there
    return resident / pages if pages else None


def _resident(fd: int) -> tuple[int, int]:
    """Pages of a file in the page cache, and pages in all."""
    size = os.fstat(fd).st_size
    pages = -(-size // mmap.PAGESIZE)
    libc = ctypes.CDLL(None, use_errno=True)
    with mmap.mmap(fd, size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE) as mapped:
        address = (ctypes.c_char * size).from_buffer(mapped)
        vector = (ctypes.c_ubyte * pages)()
        failed = libc.mincore(ctypes.byref(address), ctypes.c_size_t(size), vector)
        del address
    if failed:
        raise OSError(ctypes.get_errno(), "mincore")
    return sum(v & 1 for v in bytes(vector)), pages
