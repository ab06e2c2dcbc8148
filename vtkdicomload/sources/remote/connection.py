"""What a connection to a server does for all threads of a process, and the thread that its requests run in."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections import deque
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ..._util.threads import Pool, start_thread
from .server import REQUESTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Sequence

    from .server import Answer, Info

_I = TypeVar("_I")
_T = TypeVar("_T")

_FIRST_READ = 1 << 16


class Connection(ABC):
    """A connection to one server, for all threads; what it does are coroutines, which `run` and `run_each` run.

    Attributes
    ----------
    expected : int
        The bytes that the beginning of the next file is read with, or more: those that the latest was read with.
    confirms : bool
        Whether each answer says which object it is of.
    """

    confirms: ClassVar[bool]

    def __init__(self) -> None:
        self.expected = _FIRST_READ
        self._loop = _Loop()

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine, and wait for what it gives."""
        return self._loop.run(work)

    def run_each(
        self,
        indices: Sequence[int],
        work: Callable[[int], Coroutine[Any, Any, _T]],
        sizes: Sequence[int],
        limit_bytes: int,
        requests: int,
    ) -> Generator[tuple[int, _T]]:
        """Run many coroutines at the same time.

        Parameters
        ----------
        indices : sequence of int
            What `work` makes coroutines of.
        work : callable
            Makes the coroutine of an index.
        sizes : sequence of int
            At each index the bytes that its coroutine gives.
        limit_bytes : int
            Those that may be under way at a time: begun and not yielded yet. A larger one goes alone.
        requests : int
            How many coroutines may run at a time.

        Yields
        ------
        tuple
            Each index with what its coroutine gives, as they end.

        Notes
        -----
        What one raises is raised here. Closing the generator ends the others, before it returns.
        """
        return self._loop.run_each(indices, work, sizes, limit_bytes, requests)

    @abstractmethod
    def find_key(self, url: str) -> str:
        """What the server knows the object of a URL by."""

    @abstractmethod
    async def fetch(self, key: str, start: int, length: int | None, buffer: memoryview | None = None) -> Answer:
        """Fetch bytes of an object, fewer where it ends before.

        Parameters
        ----------
        key : str
            What the server knows it by.
        start, length : int
            Which bytes; all of them where the length is None.
        buffer : memoryview, optional
            Filled with them, in the place of `Answer.data`.

        Raises
        ------
        GoneError
            There is no such object.
        OSError
            The server does not give it; the message says what it answers.
        """

    @abstractmethod
    async def look_at(self, key: str) -> Info:
        """Ask what an object is like now; errors as `fetch`."""

    @abstractmethod
    async def look_at_all(self, keys: Sequence[str]) -> list[Info | OSError]:
        """Ask what many objects are like now; for each that, or why not."""

    @abstractmethod
    async def list_folder(self, key: str, *, recursive: bool) -> dict[str, Info | None]:
        """List what lies below a folder, by its key; a folder that was not gone into ends with a slash.

        Returns
        -------
        dict
            The object itself where there is one of that key; empty where there is nothing.

        Raises
        ------
        OSError
            The server does not list it.
        """

    @abstractmethod
    def close(self) -> None:
        """Close what is open."""


class _Loop:
    """An event loop in a thread of its own: it works where the caller's thread runs one, as in a notebook.

    Where the system gives no thread, whoever waits runs the loop until what is waited for is there.
    """

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._pool = Pool()
        self.loop.set_default_executor(self._pool)
        self._turn = threading.Lock()  # to run the loop where it has no thread
        self._thread = start_thread(self.loop.run_forever)

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run a coroutine; see `Connection.run`."""
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        future.add_done_callback(self._pause)
        try:
            self._run_until(future.done)
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _run_until(self, is_done: Callable[[], bool]) -> None:
        """Run the loop in this thread until something is done, where it has none of its own."""
        if self._thread is None:
            with self._turn:
                while not is_done():
                    self.loop.run_forever()

    def _pause(self, _: object = None) -> None:
        """Let who runs the loop look whether it is done; in the loop."""
        if self._thread is None:
            self.loop.stop()

    def run_each(
        self,
        indices: Sequence[int],
        work: Callable[[int], Coroutine[Any, Any, _T]],
        sizes: Sequence[int],
        limit_bytes: int,
        requests: int,
    ) -> Generator[tuple[int, _T]]:
        """Run many coroutines; see `Connection.run_each`."""
        ended: SimpleQueue[tuple[int, asyncio.Task[_T]]] = SimpleQueue()
        free_requests = asyncio.Semaphore(requests)
        tasks: set[asyncio.Task[_T]] = set()

        async def work_in_turn(index: int) -> _T:
            async with free_requests:
                return await work(index)

        def begin(indices: Iterable[int]) -> None:  # in the loop
            for index in indices:
                task = self.loop.create_task(work_in_turn(index))
                tasks.add(task)
                task.add_done_callback(partial(end, index))

        def end(index: int, task: asyncio.Task[_T]) -> None:
            tasks.discard(task)
            if not task.cancelled():
                task.exception()  # so that asyncio does not tell of those behind the first that is raised here
            ended.put((index, task))
            self._pause()

        waiting, under_way, free = deque(indices), 0, limit_bytes
        try:
            while waiting or under_way:
                begun: list[int] = []
                while waiting and (not under_way or sizes[waiting[0]] <= free):
                    begun.append(waiting.popleft())
                    free -= sizes[begun[-1]]
                    under_way += 1
                if begun:
                    self.loop.call_soon_threadsafe(begin, begun)
                self._run_until(lambda: not ended.empty())
                index, task = ended.get()
                result = task.result()
                del task  # which holds it
                yield index, result
                del result
                free += sizes[index]
                under_way -= 1
        finally:
            self.run(_end_tasks(tasks))

    def close(self) -> None:
        """End the thread, once what was asked for has ended."""
        self.run(_end_others())
        if self._thread is not None:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
        self._pool.shutdown()
        self.loop.close()


async def gather_some(work: Callable[[_I], Awaitable[_T]], items: Iterable[_I]) -> list[_T]:
    """Gather what coroutines give for each item, in their order; as many at a time as there may be requests."""
    free_requests = asyncio.Semaphore(REQUESTS)

    async def work_in_turn(item: _I) -> _T:
        async with free_requests:
            return await work(item)

    return await asyncio.gather(*map(work_in_turn, items))


async def _end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and wait until they have ended: they fill no buffer any more."""
    left = list(tasks)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def _end_others() -> None:
    current = asyncio.current_task()
    await _end_tasks([task for task in asyncio.all_tasks() if task is not current])
    # What was closed is taken apart by callbacks.
    await asyncio.sleep(0)
    await asyncio.get_running_loop().shutdown_asyncgens()
