"""Runs peers in processes of their own, in turns, and checks what they return."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from . import memory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection

    from .data import Data
    from .peers import Peer

SAME, DIFFERENT = "same volume", "different volume"
_LONGEST_RUN = 600  # seconds


class Row(NamedTuple):
    """What one peer did with one work."""

    peer: str
    version: str
    work: str
    outcome: str  # `SAME`, `DIFFERENT`, or why there is none
    seconds: tuple[float, ...] = ()  # of the timed runs
    memory: float | None = None  # peak above the baseline, as a multiple of the volume
    files: int = 0  # that it is told by, where it is

    @property
    def median(self) -> float | None:
        """Of the timed runs; None where what came out is not the volume."""
        return statistics.median(self.seconds) if self.seconds and self.outcome == SAME else None


class PeerError(Exception):
    """A peer raised an exception, crashed or took too long."""


class Worker:
    """A peer in a process of its own."""

    def __init__(self, peer: Peer) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, peer))  # no daemon: it may have processes too
        self._process.start()
        theirs.close()

    def ask(self, command: str, data: Data) -> Any:
        """Let it do one thing and return the answer; PeerError where there is none."""
        try:
            self._connection.send((command, data))
            if not self._connection.poll(_LONGEST_RUN):
                raise PeerError(f"took longer than {_LONGEST_RUN} s")
            done, answer = self._connection.recv()
        except (EOFError, OSError):
            self._process.join(5)
            raise PeerError(f"its process ended with code {self._process.exitcode}") from None
        if not done:
            raise PeerError(answer)
        return answer

    def dismiss(self) -> None:
        """Let the process end by itself: nobody listens any more."""
        self._connection.close()

    def close(self) -> None:
        """End the process."""
        self.dismiss()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


def _serve(connection: Connection, peer: Peer) -> None:
    """Answer the questions of `Worker.ask` until the other side closes."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # readers chatter
        os.dup2(nowhere, stream)
    importlib.import_module(peer.module)
    while True:
        try:
            command, data = connection.recv()
        except EOFError:
            return
        try:
            answer = (True, COMMANDS[command](peer, data))
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            answer = (False, f"{type(error).__name__}: {lines[0]:.150}")
        connection.send(answer)


def _outcome(peer: Peer, made: Any, data: Data) -> str:
    wanted = data.headers if peer.headers else data.digest
    return SAME if peer.checksum(made, data) == wanted else DIFFERENT


def _check(peer: Peer, data: Data) -> str:
    return _outcome(peer, peer.run(data), data)


def _time(peer: Peer, data: Data) -> float:
    gc.collect()
    start = time.perf_counter()
    made = peer.run(data)
    seconds = time.perf_counter() - start
    del made
    return seconds


def _memory(peer: Peer, data: Data) -> tuple[str, float]:
    gc.collect()
    with memory.Peak() as peak:
        made = peer.run(data)
    return _outcome(peer, made, data), peak.bytes / (data.work.frame_bytes * data.work.slices * data.work.series)


COMMANDS: dict[str, Callable[[Peer, Data], Any]] = {"check": _check, "time": _time, "memory": _memory}


# ---------------------------------------------------------------------------------------------------- measurements
def timed(
    peers: Sequence[Peer], works: Sequence[Data], rounds: int, before: Callable[[Data], None] = lambda _: None
) -> list[Row]:
    """Time every peer on every work: one run that is checked and discarded, then `rounds` in turns.

    Parameters
    ----------
    peers : sequence of Peer
    works : sequence of Data
    rounds : int
    before : callable
        Called with the work before each timed run.
    """
    missing = {peer: why for peer in peers if (why := peer.missing())}
    workers = {peer: Worker(peer) for peer in peers if peer not in missing}
    outcomes: dict[tuple[Peer, Data], str] = {}
    seconds: dict[tuple[Peer, Data], list[float]] = {}
    try:
        sides = [(peer, data) for data in works for peer in workers]
        for peer, data in sides:
            outcomes[peer, data] = _answer(workers, peer, "check", data)
        for turn in range(rounds):
            for peer, data in sides[:: -1 if turn % 2 else 1]:
                if outcomes[peer, data] == SAME:
                    before(data)
                    answer = _answer(workers, peer, "time", data)
                    if isinstance(answer, float):
                        seconds.setdefault((peer, data), []).append(answer)
                    else:
                        outcomes[peer, data] = answer
    finally:
        for worker in workers.values():
            worker.dismiss()
        for worker in workers.values():
            worker.close()
    return [
        Row(peer.name, peer.version(), data.work.title, missing[peer])
        if peer in missing
        else Row(peer.name, peer.version(), data.work.title, outcomes[peer, data], tuple(seconds.get((peer, data), ())))
        for data in works
        for peer in peers
    ]


def _answer(workers: dict[Peer, Worker], peer: Peer, command: str, data: Data) -> Any:
    """The answer, or in words why there is none; a peer that is gone gets a new process."""
    try:
        return workers[peer].ask(command, data)
    except PeerError as error:
        workers[peer].close()
        workers[peer] = Worker(peer)
        return f"failed: {error}"


def peak_memory(peers: Sequence[Peer], data: Data, tiny: Data) -> list[Row]:
    """The peak memory of every peer, each in a fresh process that has read the tiny work before."""
    rows = []
    for peer in peers:
        why = peer.missing()
        ratio = None
        if not why:
            worker = Worker(peer)
            try:
                worker.ask("check", tiny)
                why, ratio = worker.ask("memory", data)
            except PeerError as error:
                why = f"failed: {error}"
            finally:
                worker.close()
        rows.append(Row(peer.name, peer.version(), data.work.title, why, memory=ratio if why == SAME else None))
    return rows


HELP, INFO = "vtkdicomload --help", "vtkdicomload info FOLDER"


def start_times(lines: dict[str, list[str]], rounds: int) -> list[Row]:
    """How long runs of this interpreter take from start to end; bytecode is there, as after pip.

    Parameters
    ----------
    lines : dict of str to list of str
        The name of each, and its arguments.
    rounds : int
    """
    seconds: dict[str, list[float]] = {name: [] for name in lines}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for turn in range(rounds + 1):
            for name in list(lines)[:: -1 if turn % 2 else 1]:
                start = time.perf_counter()
                done = subprocess.run(  # noqa: S603 - this interpreter
                    [sys.executable, *lines[name]], capture_output=True, check=False, env=environment
                )
                if done.returncode:
                    failed[name] = f"failed: exit status {done.returncode}"
                elif turn:
                    seconds[name].append(time.perf_counter() - start)
    return [Row(name, "", "start", failed.get(name, SAME), tuple(seconds[name])) for name in lines]


def import_times(modules: Sequence[Peer], rounds: int) -> list[Row]:
    """How long importing takes once numpy is there, each time in a fresh process; bytecode is there, as after pip."""
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return _import_times(modules, rounds, environment)


def _import_times(modules: Sequence[Peer], rounds: int, environment: dict[str, str]) -> list[Row]:
    missing = {peer: why for peer in modules if (why := peer.missing())}
    seconds: dict[Peer, list[float]] = {peer: [] for peer in modules if peer not in missing}
    for turn in range(rounds + 1):
        for peer in list(seconds)[:: -1 if turn % 2 else 1]:
            code = f"import time, numpy; t = time.perf_counter(); import {peer.module}; print(time.perf_counter() - t)"
            done = subprocess.run(  # noqa: S603 - this interpreter, an import
                [sys.executable, "-W", "ignore", "-c", code],
                capture_output=True,
                text=True,
                check=False,
                env=environment,
            )
            if done.returncode:
                missing[peer] = f"failed: {done.stderr.strip().splitlines()[-1]:.150}"
                del seconds[peer]
            elif turn:
                seconds[peer].append(float(done.stdout.split()[-1]))
    return [
        Row(f"import {p.module}", p.version(), "import", missing.get(p, SAME), tuple(seconds.get(p, ())))
        for p in modules
    ]
