"""Connections where threads end or cannot be had: in a forked child, at the end of a process, on a full system."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hangs import LAST_RESORT, run_in_fork
from sources.servers import Web, web_server

import vtkdicomload as vdl
from vtkdicomload.sources.remote import sharing
from vtkdicomload.sources.remote.http import HttpConnection
from vtkdicomload.sources.remote.sharing import keep_connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from synthetic import Truth

    from vtkdicomload.sources.remote.server import Server

    Write = Callable[..., Truth]

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
quietly = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as web:
        yield web


@pytest.fixture
def truth(web: Web, series: Write) -> Truth:
    """A series that lies on the server too, in the folder ``series``."""
    written = series()
    for file in written.files:
        web.put(f"series/{file.name}", file.read_bytes())
    return written


def _loads(web: Web, truth: Truth) -> bool:
    return np.array_equal(vdl.load(web.address + "/series/").frames, truth.frames)


@forks
@quietly
def test_a_forked_child_reads_an_array_that_its_parent_has_read_from(web: Web, truth: Truth) -> None:
    image = vdl.open(web.address + "/series/")
    np.testing.assert_array_equal(image[1], truth.frames[1])
    assert run_in_fork(lambda: np.array_equal(image, truth.frames)) == 0
    np.testing.assert_array_equal(image, truth.frames)


def test_many_sources_are_loaded_over_one_connection(web: Web, series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def make(server: Server) -> HttpConnection:
        made.append(server)
        return HttpConnection(server)

    monkeypatch.setattr(sharing, "_make_connection", make)
    truths = [series(f"{k}", SeriesInstanceUID=f"1.2.{k}") for k in range(4)]
    for truth in truths:
        for file in truth.files:
            web.put(f"{truth.folder.name}/{file.name}", file.read_bytes())
    results = vdl.load_many([f"{web.address}/{truth.folder.name}/" for truth in truths])
    for result, truth in zip(results, truths, strict=True):
        np.testing.assert_array_equal(result.volume.frames, truth.frames)
    assert len(made) == 1


@forks
@quietly
def test_connections_that_a_parent_keeps_stay_open_whatever_its_child_does(web: Web, truth: Truth) -> None:
    kept = keep_connections()
    kept.__enter__()
    assert _loads(web, truth)
    before = web.open_sockets

    def leave() -> bool:
        nonlocal kept
        loaded = _loads(web, truth)
        kept.__exit__(None, None, None)
        del kept
        gc.collect()
        return loaded

    assert run_in_fork(leave) == 0
    assert _loads(web, truth)
    assert web.open_sockets >= before > 0
    kept.__exit__(None, None, None)


KEEPS = """
import atexit, sys
import vtkdicomload as vdl
from vtkdicomload.sources.remote import sharing
from vtkdicomload.sources.remote.http import HttpConnection
from vtkdicomload.sources.remote.sharing import keep_connections

atexit.register(lambda: print(vdl.load(sys.argv[1]).frames.sum()))
kept = keep_connections()
kept.__enter__()
print(vdl.load(sys.argv[1]).frames.sum())
"""


def test_a_process_ends_that_keeps_connections_and_loads_at_its_end(web: Web, truth: Truth) -> None:
    command = [sys.executable, "-c", KEEPS, web.address + "/series/"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LAST_RESORT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == [f"{truth.frames.sum():g}"] * 2


@pytest.fixture
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that gives the package no thread; the server and who calls have theirs."""
    start = threading.Thread.start

    def refuse_ours(thread: threading.Thread) -> None:
        if thread.name.startswith("vtkdicomload"):
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse_ours)


@pytest.mark.usefixtures("_no_threads")
def test_where_the_system_gives_no_thread_this_one_waits_for_the_server(web: Web, truth: Truth) -> None:
    folder = web.address.replace("127.0.0.1", "localhost") + "/series/"  # a name is looked up in a thread else
    np.testing.assert_array_equal(vdl.load(folder).frames, truth.frames)
    image = vdl.open(folder)
    with keep_connections(), ThreadPoolExecutor(5) as callers:  # who share a connection
        read = list(callers.map(lambda k: image[k].values, range(5)))
    np.testing.assert_array_equal(read, truth.frames)


@pytest.mark.usefixtures("_no_threads")
def test_where_the_system_gives_no_thread_an_object_that_is_gone_is_an_error(web: Web, truth: Truth) -> None:
    image = vdl.open(web.address + "/series/")
    web.objects.clear()
    with pytest.raises(vdl.CorruptFileError, match="it vanished"):
        image.load()
