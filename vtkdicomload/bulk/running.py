"""Pieces of work in threads of this process: so many begun ahead, one result after another."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from .._util.threads import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from .._util.threads import Progress

T = TypeVar("T")


class _Stopped(Exception):  # noqa: N818 - a signal to a worker thread
    """Nobody waits for the result any more."""


class Stop:
    """A callback for progress that ends what tells it, once it is set.

    Parameters
    ----------
    progress : callable, optional
        What is told as long as it is not.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._event = threading.Event()

    def set(self) -> None:
        """End what tells its progress."""
        self._event.set()

    def __call__(self, done: int, total: int) -> None:
        """Be told."""
        if self._event.is_set():
            raise _Stopped
        if self._progress is not None:
            self._progress(done, total)


def run_in_threads(
    pieces: Iterator[Callable[[], T]], stop: Callable[[], None], *, threads: int, ahead: int, as_completed: bool
) -> Generator[T, None, None]:
    """Do pieces of work; each is taken when there is room for it.

    Parameters
    ----------
    pieces : iterator of callable
        What is to be done.
    stop : callable
        Called at the end, or where nobody takes a result any more: what is being done may end early.
    threads : int
        Pieces that are done at the same time.
    ahead : int
        Pieces that are begun, wait or are done beside the one whose result was taken last.
    as_completed : bool
        Yield each result as soon as it is there; else in the order of the pieces.
    """
    pool = Pool(threads)
    waiting: list[Future[T]] = []
    try:
        while True:
            waiting += [pool.submit(piece) for piece in islice(pieces, ahead - len(waiting))]
            if not waiting:
                return
            yield _take_result(waiting, as_completed)  # and keep nothing of it
    finally:
        stop()
        pool.shutdown(wait=True, cancel_futures=True)


def _take_result(waiting: list[Future[T]], as_completed: bool) -> T:
    """Take the next result off the list, once it is there."""
    done, _ = wait(waiting if as_completed else waiting[:1], return_when=FIRST_COMPLETED)
    ready = next(future for future in waiting if future in done)
    waiting.remove(ready)
    return ready.result()
