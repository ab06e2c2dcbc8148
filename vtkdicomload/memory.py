"""How much memory there is."""

from __future__ import annotations

import os


def usable_bytes() -> int:
    """How much a volume may take unless its caller says so: three quarters of the available memory."""
    return available_bytes() * 3 // 4


def available_bytes() -> int:
    """Bytes of memory that can be had without swapping; where the system does not tell, all that it has."""
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
