"""A lock on a folder: one writer, and that of a dead process taken over by one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from full_disk import largest_file

from vtkdicomload._util.lock import lock_folder

if TYPE_CHECKING:
    from pathlib import Path

fcntl = pytest.importorskip("fcntl", reason="Windows has another kind of locks")


def write_lock(path: Path, pid: int) -> None:
    path.write_text(json.dumps({"host": socket.gethostname(), "pid": pid, "since": "then"}))


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path: Path, dead: int) -> None:
    write_lock(tmp_path / "lock", dead)
    with lock_folder(str(tmp_path / "lock"), "work"):
        assert json.loads((tmp_path / "lock").read_text())["pid"] == os.getpid()
    assert not (tmp_path / "lock").exists()


def test_a_full_disk_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with largest_file(0), pytest.raises(OSError, match="large") as caught, lock_folder(str(path), "work"):
        pass
    assert caught.value.filename == str(path)
    assert not path.exists()


def test_it_is_not_taken_from_who_was_faster(tmp_path: Path, dead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    write_lock(path, dead)
    flock = fcntl.flock

    def lose(file: object, how: int) -> None:
        flock(file, how)
        path.unlink()
        write_lock(path, os.getppid())

    monkeypatch.setattr(fcntl, "flock", lose)
    with (
        pytest.raises(BlockingIOError, match=f"process {os.getppid()} on .* has been at work"),
        lock_folder(str(path), "work"),
    ):
        pass
    assert json.loads(path.read_text())["pid"] == os.getppid()


@pytest.mark.parametrize("content", ["", "[]", '{"host": "another", "pid": 1, "since": "then"}'])
def test_the_lock_of_nobody_known_stays(tmp_path: Path, content: str) -> None:
    path = tmp_path / "lock"
    path.write_text(content)
    with pytest.raises(BlockingIOError, match="if it is not running any more, delete"), lock_folder(str(path), "work"):
        pass
    assert path.read_text() == content
