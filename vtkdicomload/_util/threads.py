"""Working through frames in several threads, for one call."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from .log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    Progress = Callable[[int, int], None]  # called with (done, total)

_T = TypeVar("_T")
_P = ParamSpec("_P")
THREAD_NAME = "vtkdicomload"  # with which the names of threads of this package begin
_MOST_THREADS = 8
_BLOCKS_A_THREAD = 4  # so that one slow file does not hold up the rest
_STORAGE_THREADS = 8  # a quarter less time than 2 on a cold virtual disk with 2 cores


def for_each(count: int, work: Callable[[int], None], step: Callable[[], None], workers: int | None) -> None:
    """Call ``work(k)`` for every k below `count`, in `workers` threads, and `step` in this thread after each.

    The first exception, of `work` or `step`, ends it: no further k is begun, no thread outlives the call. Where the
    system gives no more threads, this one does what is left.
    """
    threads = min(workers or max(2, min(os.cpu_count() or 1, _MOST_THREADS)), count)
    logger.debug("%d pieces of work in %d threads", count, max(1, threads))
    done = bytearray(count)  # 1 for each k that is done
    if threads > 1:
        _work_in_pool(done, work, step, threads)
    k = done.find(0)
    while k >= 0:
        work(k)
        step()
        k = done.find(0, k + 1)


def _work_in_pool(done: bytearray, work: Callable[[int], None], step: Callable[[], None], threads: int) -> None:
    """Do what `for_each` does in a pool, as much as was done when a thread could not be started."""
    stop = threading.Event()
    count = len(done)
    block = max(1, count // (threads * _BLOCKS_A_THREAD))

    def work_block(start: int) -> int:
        chosen = range(start, min(start + block, count))
        for k in chosen:
            if stop.is_set():
                return 0
            work(k)
            done[k] = 1
        return len(chosen)

    # A pool of this call's own: a forked child would hang on threads that its parent had.
    with ThreadPoolExecutor(threads, thread_name_prefix=THREAD_NAME) as pool:
        try:
            waiting = _submit(pool, work_block, range(0, count, block))
            if waiting is None:  # what was submitted may be under way
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                for _ in range(done.count(1)):
                    step()
                return
            for finished in as_completed(waiting):
                for _ in range(finished.result()):
                    step()
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _submit(pool: ThreadPoolExecutor, work: Callable[[int], int], starts: range) -> list[Future[int]] | None:
    """Submit all blocks of work; None where the system gives no thread for one."""
    try:
        return [pool.submit(work, start) for start in starts]
    except RuntimeError as error:
        logger.debug("no more threads: %s", error)
        return None


class Pool(ThreadPoolExecutor):
    """Threads of this package: where the system gives none for a piece of work, who submits it does it there and then.

    Parameters
    ----------
    threads : int, optional
        How many there may be, by default as many as is usual.
    """

    def __init__(self, threads: int | None = None) -> None:
        super().__init__(threads, thread_name_prefix=THREAD_NAME)

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Begin a piece of work, or do it before this returns."""
        future: Future[_T] = Future()
        claim = threading.Lock()  # a pool keeps what it had no new thread for: one of those that it has may take it

        def do() -> None:
            if not claim.acquire(blocking=False):
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        try:
            super().submit(do)
        except RuntimeError as error:
            logger.debug("no more threads: %s", error)
            do()
        return future


def start_thread(work: Callable[[], None]) -> threading.Thread | None:
    """Start a thread that ends with the process; None where the system gives none, or the interpreter ends."""
    thread = threading.Thread(target=work, name=THREAD_NAME, daemon=True)
    try:
        if sys.is_finalizing():  # to wait for it to start would take for ever
            return None
        thread.start()
    except RuntimeError as error:
        logger.debug("no more threads: %s", error)
        return None
    return thread


def read_in_threads(sizes: Sequence[int], read: Callable[[int], _T], limit_bytes: int, threads: int) -> Generator[_T]:
    """Yield what `read` gives for each index of `sizes`, in threads; no more bytes than the limit are under way."""
    waiting = deque(range(len(sizes)))
    under_way: dict[Future[_T], int] = {}
    free = limit_bytes
    with Pool(threads) as pool:
        try:
            while waiting or under_way:
                while waiting and (not under_way or sizes[waiting[0]] <= free):
                    index = waiting.popleft()
                    free -= sizes[index]
                    under_way[pool.submit(read, index)] = index
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    index = under_way.pop(future)
                    yield result
                    del result
                    free += sizes[index]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def choose_threads(sample: Callable[[], None]) -> int | None:
    """Read one file, and return in how many threads the rest should be read; None: in as many as is usual.

    There are more where it came from a disk or a network, which serve several reads at a time.
    """
    before = _count_blocks()
    sample()
    fetched = _count_blocks() - before
    logger.debug("%d blocks of the first file came from storage", fetched)
    return _STORAGE_THREADS if fetched else None


def _count_blocks() -> int:
    """Count the blocks that the system has fetched from storage for this thread; always 0 where it does not tell."""
    try:
        import resource

        return resource.getrusage(resource.RUSAGE_THREAD).ru_inblock
    except (ImportError, AttributeError):
        return 0


def make_stepper(total: int, progress: Callable[[int, int], None] | None) -> Callable[[], None]:
    """A `step` that counts and tells `progress` (done, total)."""
    if progress is None:
        return lambda: None
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    return step
