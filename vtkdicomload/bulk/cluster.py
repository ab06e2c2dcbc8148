"""Tasks on the workers of a dask.distributed cluster: so many sent ahead, and a result of each, whatever dies."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice, takewhile
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from .._util.optional import require
from .._util.wording import describe_argument
from ..errors import DicomLoadError, take_first_line
from .running import run_in_threads
from .tasks import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import distributed

    from .tasks import Task

T = TypeVar("T")
_IN_FLIGHT = 4  # tasks for each thread of the workers
_SHARE = 3, 4  # of a worker's memory limit that a volume may take; dask pauses a worker at 80 %
_PATIENCE = 10  # seconds for a scheduler to answer
_MOST_BEGINNINGS = 2  # of a task; dask itself begins one up to four times, and again where a run is repeated


def check_client(client: Any) -> None:
    """Refuse what is no client of a cluster, or one for coroutines; a ConnectionError where it is closed."""
    if client is None:
        return
    if not callable(getattr(client, "submit", None)) or not hasattr(client, "scheduler_info"):
        raise TypeError(f"client must be a distributed.Client, not {describe_argument(client)}")
    if client.asynchronous:
        raise ValueError("client must not be asynchronous: distributed.Client(address)")
    try:
        closed = "workers" not in client.scheduler_info(n_workers=1)
    except RuntimeError:  # its event loop has ended
        closed = True
    if closed:
        raise ConnectionError("client is closed, by its owner or because its scheduler has ended")


def find_pickling_fault(thing: Any) -> str | None:
    """Say why something cannot be sent through a cluster; None where it can. No array in it is copied."""
    from cloudpickle import dumps  # as dask does, which would log what the thing shows of itself

    buffers: list[Any] = []
    try:
        dumps(thing, protocol=5, buffer_callback=buffers.append)
    except Exception as error:  # whatever the methods of its class raise
        return take_first_line(error)
    return None


@contextmanager
def connect(address: str | None) -> Iterator[distributed.Client | None]:
    """A client of the scheduler at an address, which no other code picks up; None where there is no address.

    Raises
    ------
    OSError
        No scheduler answers there.
    """
    if address is None:
        yield None
        return
    distributed = require("distributed", extra="cluster")
    try:
        kind = asyncio.run(asyncio.wait_for(_ask_kind(address), _PATIENCE))
    except (OSError, ValueError, MemoryError) as error:  # the last of another server, whose answer is no length
        words = str(error) if isinstance(error, ValueError) else f"nothing that answers as one within {_PATIENCE} s"
        raise OSError(f"there is no scheduler of dask at {address!r}: {words}") from error
    if kind != "Scheduler":
        raise OSError(f"there is no scheduler of dask at {address!r}: it is a {kind}")
    with distributed.Client(address, timeout=_PATIENCE, set_as_default=False) as client:
        yield client


async def _ask_kind(address: str) -> str:
    """Ask what is at an address; a `Client` that finds no scheduler there would wait for one when it is let go."""
    from distributed import Security, rpc

    async with rpc(address, timeout=_PATIENCE, connection_args=Security().get_connection_args("client")) as server:
        identity = await server.identity()
    return str(identity["type"])


def run_tasks(
    tasks: Iterator[Task[T]], client: distributed.Client | None, stop: Callable[[], None], *, threads: int
) -> Generator[T, None, None]:
    """Run tasks in threads of this process or on a cluster; each is taken when there is room, results as they come.

    `stop` is called in this process where nobody takes a result any more.
    """
    if client is not None:
        return run_on_cluster(client, tasks, as_completed=True)
    return run_in_threads((task.run for task in tasks), stop, threads=threads, ahead=threads + 1, as_completed=True)


def run_on_cluster(
    client: distributed.Client, tasks: Iterator[Task[T]], *, as_completed: bool
) -> Generator[T, None, None]:
    """Run tasks on the workers of a cluster; each is taken when there is room for it.

    A task whose worker died runs once more when nothing else does: only one that is alone when its worker dies is to
    blame for it, and fails. One that no worker has the memory for is not sent.

    Parameters
    ----------
    client : distributed.Client
        To whom.
    tasks : iterator of Task
        What is to be done.
    as_completed : bool
        Yield each result as soon as it is there; else in the order of the tasks.
    """
    crew = _Crew(client)
    waiting: list[_Sent[T]] = []
    try:
        while True:
            room = crew.measure_room() - len(waiting)
            waiting += [crew.send(task) for task in islice(tasks, max(0, room))]
            if not waiting:
                return
            sent = _choose_next(crew, waiting, as_completed)
            waiting.remove(sent)
            yield _finish(crew, sent, waiting)  # and keep nothing of it
    except CancelledError as error:
        raise ConnectionError("the cluster gave the work up: its scheduler has ended or let it go") from error
    finally:
        crew.let_go(waiting)


class Interrupted(NamedTuple):
    """The outcome of a task whose worker died, be it of this task or of another: it is to run once more, alone."""

    address: str


class _Sent(NamedTuple, Generic[T]):
    """A task under its name, and its future or, of one that was not sent, the error."""

    task: Task[T]
    name: str
    future: distributed.Future[Any] | None
    error: DicomLoadError | None = None


@dataclass(frozen=True, repr=False)
class _Parcel(Generic[T]):
    """A task as a worker calls it; dask logs its repr where it fails, so that says nothing of its options."""

    task: Task[T]
    name: str
    alone: bool

    def __repr__(self) -> str:
        return f"<{type(self.task).__name__}>"

    def __call__(self) -> T | Interrupted:
        from distributed import get_worker

        worker = get_worker()
        limit = worker.memory_manager.memory_limit
        share = None if not limit else limit * _SHARE[0] // _SHARE[1]
        beginnings = _Beginnings(self.name, _Link(worker.scheduler, worker.loop))
        begun = beginnings.count()
        if begun and begun < _MOST_BEGINNINGS and not self.alone:
            return Interrupted(worker.address)
        try:
            if begun >= _MOST_BEGINNINGS:
                words = f"{begun} workers died while they were at it, the last at it alone"
                return self.task.fail(DicomLoadError(f"{self.task.title}: {words}"))
            beginnings.note()
            return self.task.run_at(Place(worker.state.nthreads, share))
        finally:
            beginnings.clear()


class _Link(NamedTuple):
    """The connection of a worker to its scheduler; a client there would be picked up by what the caller runs."""

    scheduler: Any
    loop: Any

    def sync(self, ask: Callable[..., Any], **what: Any) -> Any:
        from distributed.utils import sync

        return sync(self.loop, ask, **what)


class _Beginnings:
    """The beginnings of a task, noted at the scheduler: a worker that dies leaves its note there."""

    def __init__(self, name: str, link: _Link | distributed.Client) -> None:
        from distributed import Event

        self._notes = [Event(f"{name}-begun-{number}", link) for number in range(_MOST_BEGINNINGS)]

    def count(self) -> int:
        """Count those of which no end is known."""
        return sum(1 for _ in takewhile(lambda note: note.is_set(), self._notes))

    def note(self) -> None:
        """Note one more."""
        self._notes[self.count()].set()

    def clear(self) -> None:
        """Forget all of them."""
        for note in self._notes:
            note.clear()


class _Crew:
    """The workers of a cluster: how much they take at a time, and how tasks go to them."""

    def __init__(self, client: distributed.Client) -> None:
        self._client = client
        self._run = secrets.token_hex(4)
        self._numbers = count()
        self._room, self._until = 0, 0
        self._shares: dict[str, int] = {}  # bytes that a volume may take, by worker; of those that have a limit
        self._unlimited = False

    def measure_room(self) -> int:
        """Count the tasks that may be in flight; workers that have come or gone since count from time to time."""
        if self._until <= 0:
            workers = self._client.scheduler_info(n_workers=-1).get("workers", {})
            limits = {address: worker["memory_limit"] for address, worker in workers.items()}
            self._shares = {a: limit * _SHARE[0] // _SHARE[1] for a, limit in limits.items() if limit}
            self._unlimited = len(self._shares) < len(workers) or not workers
            self._room = _IN_FLIGHT * max(1, sum(worker["nthreads"] for worker in workers.values()))
            self._until = self._room
        return self._room

    def send(self, task: Task[T]) -> _Sent[T]:
        """Send a task, preferably to workers with memory for it."""
        return self._submit(task, f"vtkdicomload-{self._run}-{next(self._numbers)}", alone=False)

    def send_again(self, sent: _Sent[T]) -> _Sent[T]:
        """Send a task whose worker died, once nothing else of this run is under way."""
        return self._submit(sent.task, sent.name, alone=True)

    def forget(self, sent: _Sent[Any]) -> None:
        """Take back what workers that died have noted of a task."""
        _Beginnings(sent.name, self._client).clear()

    def _submit(self, task: Task[T], name: str, *, alone: bool) -> _Sent[T]:
        needed, most = task.measure() or 0, max(self._shares.values(), default=0)
        if not self._unlimited and needed > most:
            words = f"its volume needs {needed / 2**20:.0f} MiB, more than the {most / 2**20:.0f} MiB that a worker has"
            return _Sent(
                task, name, None, DicomLoadError(f"{task.title}: {words} (three quarters of its memory limit)")
            )
        small = [address for address, share in self._shares.items() if share < needed]
        fitting = [address for address in self._shares if address not in small] if small else None
        self._until -= 1
        future = self._client.submit(
            _Parcel(task, name, alone),
            key=f"{name}-alone" if alone else name,
            pure=False,
            retries=0,
            workers=fitting or None,
            allow_other_workers=bool(fitting),
        )
        return _Sent(task, name, future)

    def wait(self, sent: Sequence[_Sent[Any]], until: str) -> None:
        """Wait until one, or all, of the tasks that were sent are at their end."""
        from distributed import wait

        futures = [one.future for one in sent if one.future is not None]
        if futures:
            with self._client.as_current():  # else it would take the client that happens to be open
                wait(futures, return_when=until)

    def let_go(self, sent: Sequence[_Sent[Any]]) -> None:
        """Let tasks go whose results nobody will take."""
        futures = [one.future for one in sent if one.future is not None]
        if futures:
            with contextlib.suppress(OSError, RuntimeError):  # of a scheduler that is there no more
                self._client.cancel(futures)
            for future in futures:
                future.release()


def _choose_next(crew: _Crew, waiting: Sequence[_Sent[T]], as_completed: bool) -> _Sent[T]:
    """Choose the next task that is at its end, once there is one."""
    candidates = waiting if as_completed else waiting[:1]
    unsent = next((sent for sent in candidates if sent.future is None), None)
    if unsent is not None:
        return unsent
    crew.wait(candidates, "FIRST_COMPLETED")
    return next(sent for sent in candidates if sent.future is not None and sent.future.done())


def _finish(crew: _Crew, sent: _Sent[T], waiting: Sequence[_Sent[T]]) -> T:
    """The result of a task: at once, of a second run that it has for itself, or of its failure."""
    outcome = _take_outcome(sent)
    if not isinstance(outcome, Interrupted):
        return outcome
    crew.wait(waiting, "ALL_COMPLETED")
    outcome = _take_outcome(crew.send_again(sent))
    if not isinstance(outcome, Interrupted):
        return outcome
    crew.forget(sent)
    words = f"the workers that were at it died, the last was {outcome.address}: it may need more memory than they have"
    return sent.task.fail(DicomLoadError(f"{sent.task.title}: {words}"))


def _take_outcome(sent: _Sent[T]) -> T | Interrupted:
    """The outcome of a task that is at its end; what its worker keeps for it is let go at once."""
    from distributed import KilledWorker

    if sent.future is None:
        return sent.task.fail(sent.error or DicomLoadError(sent.task.title))
    try:
        outcome: T | Interrupted = sent.future.result()
    except KilledWorker as error:
        return Interrupted(str(error.last_worker.address))
    finally:
        sent.future.release()
    return outcome
