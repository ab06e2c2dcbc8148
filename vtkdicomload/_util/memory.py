"""The amount of memory that there is."""

from __future__ import annotations

import os
import sys


def measure_usable_bytes() -> int:
    """Measure how much a volume may take unless its caller says so: three quarters of the available memory."""
    return measure_available_bytes() * 3 // 4


def measure_available_bytes() -> int:
    """Bytes of memory that this process can have without swapping."""
    return min(_measure_system(), _measure_process(), _measure_groups())


def _measure_process() -> int:
    """Say what the limit of its address space (``ulimit -v``) leaves a process."""
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit == resource.RLIM_INFINITY:
            return sys.maxsize
        taken = int(_read_bytes("/proc/self/statm").split()[0]) * resource.getpagesize()
    except (ImportError, OSError, ValueError):
        return sys.maxsize
    return max(0, limit - taken)


# Where the control groups of Linux lie, and the files of one: its limit, what it takes, and how the lines begin that
# say what of it is page cache, which it can have back. The first are version 2, the others version 1.
_NO_LIMIT = 1 << 60
_OWN_GROUPS = "/proc/self/cgroup"
_GROUPS = {
    "": ("/sys/fs/cgroup", "memory.max", "memory.current", ""),
    "memory": ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
}


def _measure_groups() -> int:
    """Say what the control groups of the process, such as that of a container or a batch job, leave it."""
    left = sys.maxsize
    try:
        for line in os.fsdecode(_read_bytes(_OWN_GROUPS)).splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers not in _GROUPS:
                continue
            root, *names = _GROUPS[controllers]
            parts = [part for part in group.split("/") if part]
            # Those above limit it too; and from within a container its own group may be the root, whatever its name.
            above = ("/".join((root, *parts[:count])) for count in range(len(parts) + 1))
            left = min(left, *(_measure_group(folder, *names) for folder in above))
    except (OSError, ValueError):
        pass
    return left


def _measure_group(folder: str, limit: str, usage: str, prefix: str) -> int:
    try:
        most = int(_read_bytes(f"{folder}/{limit}"))
        if most > _NO_LIMIT:
            return sys.maxsize
        stat = dict(line.split() for line in _read_bytes(f"{folder}/memory.stat").splitlines())
        # Files that were read twice are active, and given back all the same, as MemAvailable of the system counts them.
        cache = sum(int(stat.get(f"{prefix}{kind}_file".encode(), 0)) for kind in ("inactive", "active"))
        return max(0, min(most, most - int(_read_bytes(f"{folder}/{usage}")) + cache))
    except (OSError, ValueError):  # it has none of its own
        return sys.maxsize


def _read_bytes(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # a quarter of the time of a text file
        data: bytes = file.read()
    return data


def _measure_system() -> int:
    """Say what the system has to give; where it does not tell, all that it has."""
    try:
        for line in _read_bytes("/proc/meminfo").splitlines():
            if line.startswith(b"MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 1 << 36
