"""How much memory there is, whatever the system tells."""

from __future__ import annotations

import builtins
import io
import os
import subprocess
import sys
from typing import Any

import pytest

from vtkdicomload.memory import available_bytes


def test_it_lies_between_nothing_and_all_there_is() -> None:
    found = available_bytes()
    assert isinstance(found, int)
    assert found > 1 << 20
    if hasattr(os, "sysconf"):
        assert found <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def meminfo(text: str | None, patch: pytest.MonkeyPatch) -> None:
    """Let /proc/meminfo hold `text`, or not exist."""
    real = builtins.open

    def fake(path: Any, *args: Any, **options: Any) -> Any:
        if path != "/proc/meminfo":
            return real(path, *args, **options)
        if text is None:
            raise FileNotFoundError(path)
        return io.StringIO(text)

    patch.setattr(builtins, "open", fake)


def test_linux_says_it_in_kib(monkeypatch: pytest.MonkeyPatch) -> None:
    meminfo("MemTotal:  9999 kB\nMemFree:  1 kB\nMemAvailable:    1234 kB\nBuffers: 2 kB\n", monkeypatch)
    assert available_bytes() == 1234 * 1024


@pytest.mark.parametrize("text", [None, "", "MemTotal: 9999 kB\n", "MemAvailable: lots kB\n"])
def test_elsewhere_all_memory_is_the_guess(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    meminfo(text, monkeypatch)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}.__getitem__, raising=False)
    assert available_bytes() == 4_096_000


@pytest.mark.parametrize("error", [ValueError, OSError])
def test_a_system_that_says_nothing_is_trusted(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def unknown(_: str) -> int:
        raise error

    meminfo(None, monkeypatch)
    monkeypatch.setattr(os, "sysconf", unknown, raising=False)
    assert available_bytes() == 1 << 36
    monkeypatch.delattr(os, "sysconf")
    assert available_bytes() == 1 << 36


def test_a_limited_process_has_no_more_than_its_limit() -> None:
    resource = pytest.importorskip("resource")
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("this system does not say how much a process takes")
    code = "; ".join(
        (
            "import resource",
            "from vtkdicomload.memory import available_bytes",
            "taken = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()",
            "resource.setrlimit(resource.RLIMIT_AS, (taken + (64 << 20), resource.RLIM_INFINITY))",
            "print(available_bytes())",
        )
    )
    limit = resource.getrlimit(resource.RLIMIT_AS)[1]
    assert limit == resource.RLIM_INFINITY, "the tests themselves run under a limit"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 32 << 20 < int(result.stdout) <= 64 << 20
