"""Tasks on the workers of a dask.distributed cluster: so many sent ahead, and a result of each, whatever dies."""

from __future__ import annotations

import contextlib
import secrets
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from .._util.optional import require
from .._util.wording import describe_argument
from ..errors import DicomLoadError
from .running import run_in_threads
from .tasks import Interrupted, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import distributed

    from .tasks import Task

T = TypeVar("T")
_IN_FLIGHT = 4  # tasks for each thread of the workers
_SHARE = 3, 4  # of a worker's memory limit that a volume may take; dask pauses a worker at 80 %
_PATIENCE = "10s"  # for a scheduler to answer


def check_client(client: Any) -> None:
    """Refuse what is no client of a cluster, or one for coroutines."""
    if client is None:
        return
    if not callable(getattr(client, "submit", None)) or not hasattr(client, "scheduler_info"):
        raise TypeError(f"client must be a distributed.Client, not {describe_argument(client)}")
    if client.asynchronous:
        raise ValueError("client must not be asynchronous: distributed.Client(address)")


@contextmanager
def connect(address: str | None) -> Iterator[distributed.Client | None]:
    """A client of the scheduler at an address, which no other code picks up; None where there is no address.

    Raises
    ------
    OSError
        Nobody answers there.
    """
    if address is None:
        yield None
        return
    client = require("distributed", extra="cluster").Client(address, timeout=_PATIENCE, set_as_default=False)
    with client:
        yield client


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


class _Sent(NamedTuple, Generic[T]):
    """A task, and its future or, of one that was not sent, the error."""

    task: Task[T]
    future: distributed.Future[Any] | None
    error: DicomLoadError | None = None


@dataclass(frozen=True, repr=False)
class _Parcel(Generic[T]):
    """A task as a worker calls it; dask logs its repr where it fails, so that says nothing of its options."""

    task: Task[T]
    alone: bool

    def __repr__(self) -> str:
        return f"<{type(self.task).__name__}>"

    def __call__(self) -> T | Interrupted:
        from distributed import get_worker

        worker = get_worker()
        limit = worker.memory_manager.memory_limit
        share = None if not limit else limit * _SHARE[0] // _SHARE[1]
        return self.task.run_at(Place(worker.state.nthreads, share, self.alone))


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
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
            limits = {address: worker["memory_limit"] for address, worker in workers.items()}
            self._shares = {a: limit * _SHARE[0] // _SHARE[1] for a, limit in limits.items() if limit}
            self._unlimited = len(self._shares) < len(workers) or not workers
            self._room = _IN_FLIGHT * max(1, sum(worker["nthreads"] for worker in workers.values()))
            self._until = self._room
        return self._room

    def send(self, task: Task[T], *, alone: bool = False) -> _Sent[T]:
        """Send a task, preferably to workers with memory for it."""
        needed, most = task.measure() or 0, max(self._shares.values(), default=0)
        if not self._unlimited and needed > most:
            words = f"its volume needs {needed / 2**20:.0f} MiB, more than the {most / 2**20:.0f} MiB that a worker has"
            return _Sent(task, None, DicomLoadError(f"{task.title}: {words} (three quarters of its memory limit)"))
        small = [address for address, share in self._shares.items() if share < needed]
        fitting = [address for address in self._shares if address not in small] if small else None
        self._until -= 1
        future = self._client.submit(
            _Parcel(task, alone),
            key=f"vtkdicomload-{self._run}-{next(self._numbers)}",
            pure=False,
            retries=0,
            workers=fitting or None,
            allow_other_workers=bool(fitting),
        )
        return _Sent(task, future)

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
    outcome = _take_outcome(crew.send(sent.task, alone=True))
    if not isinstance(outcome, Interrupted):
        return outcome
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
