"""How much memory there is."""

from __future__ import annotations

import os
import sys


def usable_bytes() -> int:
    """How much a volume may take unless its caller says so: three quarters of the available memory."""
    return available_bytes() * 3 // 4


def available_bytes() -> int:
    """Bytes of memory that this process can have without swapping."""
    return min(_of_system(), _of_process())


def _of_process() -> int:
    """What the limit of its address space (``ulimit -v``) leaves a process."""
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit == resource.RLIM_INFINITY:
            return sys.maxsize
        with open("/proc/self/statm", encoding="ascii") as file:
            taken = int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError, ValueError):
        return sys.maxsize
    return max(0, limit - taken)


def _of_system() -> int:
    """What the system has to give; where it does not tell, all that it has."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 1 << 36
