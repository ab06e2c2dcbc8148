"""Fixtures of every test: data, a series factory, and a watch on hangs and on files and threads left behind."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hangs import LAST_RESORT
from hypothesis import settings
from synthetic import Truth, write_series

import vtkdicomload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DATA = Path(__file__).parent / "data"
CT_HEAD = Path(vtkdicomload.__file__).parent / "data" / "ct_head"
_DESCRIPTORS = Path("/proc/self/fd")

# The same examples in every run, and no time limit an example: a shared machine stalls now and then.
settings.register_profile("tests", deadline=None, derandomize=True, database=None)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz", type=int, default=300, metavar="N", help="how many mutated files to load (300)")
    parser.addoption("--fuzz-seed", type=int, default=1, metavar="S", help="which of them (1)")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many processes as cores; none of their own for a few files, which are run before those would have started."""
    few = all(argument.split("::")[0].endswith(".py") for argument in config.args)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if few or cores == 1 else cores


def pytest_collection_finish() -> None:
    """Leave out of every later garbage collection what the imports made: it stays, and is most of what there is."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """Turn a test that waits for ever into one that fails; children that it waits for are ended by `subprocess`."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return
    hung = False

    def give_up(*_: object) -> None:
        nonlocal hung
        hung = True
        raise TimeoutError("the test hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LAST_RESORT)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    assert not hung, "it hung until a signal came"


@pytest.fixture
def data() -> Path:
    """The folder of the real series."""
    return DATA


@pytest.fixture
def ct_head() -> Path:
    """The folder of the demo series, a head CT of 93 files."""
    return CT_HEAD


@pytest.fixture
def series(tmp_path: Path) -> Callable[..., Truth]:
    """Write a synthetic series: ``series(**options)`` into `tmp_path`, or ``series("folder", **options)`` below it."""

    def write(folder: str = "", **options: Any) -> Truth:
        return write_series(tmp_path / folder, **options)

    return write


def _open_files(roots: tuple[str, ...]) -> dict[str, str]:
    """Descriptor → path of every file open in this process that lies under one of `roots`."""
    found = {}
    for name in os.listdir(_DESCRIPTORS) if _DESCRIPTORS.is_dir() else ():
        try:
            path = os.readlink(_DESCRIPTORS / name)
        except OSError:
            continue  # closed since it was listed
        if path.startswith(roots):
            found[name] = path
    return found


@pytest.fixture(scope="session")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The folders of the files that tests read and write."""
    return tuple(os.path.realpath(p) + os.sep for p in (tmp_path_factory.getbasetemp(), DATA, CT_HEAD))


@pytest.fixture(autouse=True)
def _nothing_left_behind(roots: tuple[str, ...]) -> Iterator[None]:
    """Fail a test that leaves a file under test open, or a thread running."""
    threads = set(threading.enumerate())
    files = _open_files(roots)
    yield
    left_open = _open_files(roots).items() - files.items()
    if left_open:
        # An object in a reference cycle (a traceback) is not a leak.
        gc.collect()
        left_open = _open_files(roots).items() - files.items()
    assert not left_open, f"files left open: {sorted(path for _, path in left_open)}"
    for _ in range(200):  # turns, not seconds: where this thread gets few of them, so does one that is about to end
        if not (running := set(threading.enumerate()) - threads):
            break
        time.sleep(0.01)
    assert not running, f"threads left running: {running}"
