"""How much memory there is, whatever the system tells."""

from __future__ import annotations

import builtins
import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from vtkdicomload._util import memory
from vtkdicomload._util.memory import measure_available_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_it_lies_between_nothing_and_all_there_is() -> None:
    found = measure_available_bytes()
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
        return io.BytesIO(text.encode())

    patch.setattr(builtins, "open", fake)


def test_linux_says_it_in_kib(monkeypatch: pytest.MonkeyPatch) -> None:
    meminfo("MemTotal:  9999 kB\nMemFree:  1 kB\nMemAvailable:    1234 kB\nBuffers: 2 kB\n", monkeypatch)
    assert measure_available_bytes() == 1234 * 1024


@pytest.mark.parametrize("text", [None, "", "MemTotal: 9999 kB\n", "MemAvailable: lots kB\n"])
def test_elsewhere_all_memory_is_the_guess(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    meminfo(text, monkeypatch)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 1000}.__getitem__, raising=False)
    assert measure_available_bytes() == 4_096_000


@pytest.mark.parametrize("error", [ValueError, OSError])
def test_a_system_that_says_nothing_is_trusted(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def unknown(_: str) -> int:
        raise error

    meminfo(None, monkeypatch)
    monkeypatch.setattr(os, "sysconf", unknown, raising=False)
    assert measure_available_bytes() == 1 << 36
    monkeypatch.delattr(os, "sysconf")
    assert measure_available_bytes() == 1 << 36


def test_a_limited_process_has_no_more_than_its_limit() -> None:
    resource = pytest.importorskip("resource")
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("this system does not say how much a process takes")
    code = "; ".join(
        (
            "import resource",
            "from vtkdicomload._util.memory import measure_available_bytes",
            "taken = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()",
            "resource.setrlimit(resource.RLIMIT_AS, (taken + (64 << 20), resource.RLIM_INFINITY))",
            "print(measure_available_bytes())",
        )
    )
    limit = resource.getrlimit(resource.RLIMIT_AS)[1]
    assert limit == resource.RLIM_INFINITY, "the tests themselves run under a limit"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 32 << 20 < int(result.stdout) <= 64 << 20


V2, V1 = "0::{}\n", "9:name=systemd:/\n4:memory:{}\n0::/\n"
FILES = {
    V2: ("memory.max", "memory.current", ""),
    V1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
}


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let control groups lie in a folder of their own, and make one of them."""
    said = tmp_path / "cgroup"
    monkeypatch.setattr(memory, "_OWN_GROUPS", str(said))
    groups = {key: (str(tmp_path / "groups"), *names) for key, (_, *names) in memory._GROUPS.items()}
    monkeypatch.setattr(memory, "_GROUPS", groups)

    def make(version: str, name: str, limit: object, usage: object = 0, cache: int = 0, *, own: str = "") -> None:
        said.write_text(version.format(own or name))
        folder = tmp_path / "groups" / name.strip("/")
        folder.mkdir(parents=True, exist_ok=True)
        most, taken, prefix = FILES[version]
        (folder / most).write_text(f"{limit}\n")
        (folder / taken).write_text(f"{usage}\n")
        once, again = cache // 4, cache - cache // 4
        lines = f"{prefix}inactive_file {once}\n{prefix}active_file {again}\n"
        (folder / "memory.stat").write_text(f"anon 1\nfile 2\n{lines}slab 3\n")

    return make


MIB = 1 << 20


@pytest.mark.parametrize("version", [V1, V2], ids=["v1", "v2"])
def test_a_container_has_what_its_control_group_leaves(group: Callable[..., None], version: str) -> None:
    group(version, "/", 100 * MIB, 70 * MIB, 20 * MIB)
    assert measure_available_bytes() == 50 * MIB
    group(version, "/", 100 * MIB, 110 * MIB)
    assert measure_available_bytes() == 0


@pytest.mark.parametrize("version", [V1, V2], ids=["v1", "v2"])
def test_the_groups_above_count_too(group: Callable[..., None], version: str) -> None:
    group(version, "/slurm/job", 90 * MIB, 10 * MIB)
    assert measure_available_bytes() == 80 * MIB
    group(version, "/slurm", 50 * MIB, 10 * MIB, own="/slurm/job")
    assert measure_available_bytes() == 40 * MIB
    group(version, "/", 20 * MIB, own="/named/otherwise/outside")
    assert measure_available_bytes() == 20 * MIB


@pytest.mark.parametrize(("limit", "usage"), [("max", 5), (9223372036854771712, 5), (5, "many"), ("", "")])
def test_a_group_without_a_limit_takes_nothing_away(
    group: Callable[..., None], monkeypatch: pytest.MonkeyPatch, limit: object, usage: object
) -> None:
    group(V2, "/", limit, usage)
    meminfo("MemAvailable: 1234 kB\n", monkeypatch)
    assert measure_available_bytes() == 1234 * 1024
