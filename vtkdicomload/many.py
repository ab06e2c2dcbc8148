"""`load_many`: one series after another, read ahead in threads."""

from __future__ import annotations

import os
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from .errors import DicomLoadError
from .load import check_options, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .series import Series
    from .volume import Volume


@dataclass(frozen=True)
class Loaded:
    """What came of one source of `load_many`: a volume or an error.

    Attributes
    ----------
    source
        The source as it was given.
    index : int
        Its place among the sources.
    volume : Volume or None
        None where it could not be loaded.
    error : DicomLoadError or None
        Why not.
    """

    source: Any
    index: int
    volume: Volume | None = None
    error: DicomLoadError | None = None

    @property
    def series(self) -> Series | None:
        """The series that was loaded."""
        return self.volume.series if self.volume is not None else None


class _Stopped(Exception):  # noqa: N818 - a signal to a worker thread
    """Nobody waits for the result any more."""


def load_many(
    sources: Iterable[Any],
    *,
    workers: int | None = None,
    ahead: int = 2,
    as_completed: bool = False,
    **options: Any,
) -> Iterator[Loaded]:
    """Load one volume from each of many sources, reading ahead while the caller works on the last.

    Parameters
    ----------
    sources : iterable
        What `load` takes, one volume each: folders, lists of paths, or `Series` (a `Scan` is a list of them). Taken
        from the iterable as they are needed.
    workers : int, optional
        Series that are read at the same time; by default as many as there are processors, at most `ahead`.
    ahead : int
        How many volumes may be in the making or wait in memory beside the one that was yielded last.
    as_completed : bool
        Yield each result as soon as it is there; else in the order of the sources.
    **options
        The other options of `load`, the same for all.

    Yields
    ------
    Loaded
        With `.source`, `.index`, and `.volume` or `.error`. Volumes may differ in size and type.

    Raises
    ------
    ValueError, TypeError
        Options or sources that do not exist; a DicomLoadError is a result, not raised.

    Notes
    -----
    Closing the iterator, or Ctrl-C, stops the reading at once.
    """
    if isinstance(sources, (str, os.PathLike)):
        raise TypeError(f"load_many takes several sources: load_many([{os.fspath(sources)!r}])")
    if ahead < 1:
        raise ValueError(f"ahead must be 1 or more, not {ahead!r}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be 1 or more, not {workers!r}")
    check_options(options)
    threads = min(workers or os.cpu_count() or 1, ahead)
    return _results(enumerate(sources), threads, ahead, as_completed, options)


def _results(
    sources: Iterator[tuple[int, Any]], threads: int, ahead: int, as_completed: bool, options: dict[str, Any]
) -> Iterator[Loaded]:
    stop = threading.Event()
    progress = options.pop("progress", None)

    def go_on(done: int, total: int) -> None:
        if stop.is_set():
            raise _Stopped
        if progress is not None:
            progress(done, total)

    def one(index: int, source: Any) -> Loaded:
        try:
            return Loaded(source, index, load(source, workers=1, progress=go_on, **options))
        except DicomLoadError as error:
            return Loaded(source, index, error=error)

    pool = ThreadPoolExecutor(threads, thread_name_prefix="vtkdicomload")
    waiting: list[Future[Loaded]] = []
    try:
        while True:
            waiting += [pool.submit(one, *item) for item in islice(sources, ahead - len(waiting))]
            if not waiting:
                return
            ready = _next(waiting, as_completed)
            waiting.remove(ready)
            yield ready.result()
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _next(waiting: list[Future[Loaded]], as_completed: bool) -> Future[Loaded]:
    if as_completed:
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        return next(future for future in waiting if future in done)
    wait(waiting[:1])
    return waiting[0]
