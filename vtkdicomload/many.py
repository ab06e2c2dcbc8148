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
from .plan import check_count
from .quiet import collected, warn

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
    warnings : tuple of str
        What was assumed, each said as a DicomLoadWarning too.
    """

    source: Any
    index: int
    volume: Volume | None = None
    error: DicomLoadError | None = None
    warnings: tuple[str, ...] = ()

    @property
    def series(self) -> Series | None:
        """The series that was loaded; None where there is an error."""
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
        Series that are read at the same time, each by one thread; at most `ahead`. By default one after another, each
        by as many threads as `load` takes: the faster way where files come from memory or a local disk.
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

    Warns
    -----
    DicomLoadWarning
        As `load` does, when the result is yielded.

    Notes
    -----
    Closing the iterator, or Ctrl-C, stops the reading: of pixels at once, of headers when those of the series at hand
    are through.
    """
    if isinstance(sources, (str, bytes, os.PathLike)):
        source = os.fspath(sources)
        raise TypeError(f"load_many takes several sources: load_many(scan({source!r})) reads each series there")
    check_count("ahead", ahead)
    if workers is not None:
        check_count("workers", workers)
    check_options(options)
    return _results(enumerate(sources), min(workers or 1, ahead), ahead, as_completed, options)


def _results(
    sources: Iterator[tuple[int, Any]], threads: int, ahead: int, as_completed: bool, options: dict[str, Any]
) -> Iterator[Loaded]:
    stop = threading.Event()
    progress = options.pop("progress", None)
    each = 1 if threads > 1 else None

    def go_on(done: int, total: int) -> None:
        if stop.is_set():
            raise _Stopped
        if progress is not None:
            progress(done, total)

    def one(index: int, source: Any) -> Loaded:
        with collected() as said:
            try:
                volume = load(source, workers=each, progress=go_on, **options)
                return Loaded(source, index, volume, warnings=tuple(said))
            except DicomLoadError as error:
                return Loaded(source, index, error=error, warnings=tuple(said))

    pool = ThreadPoolExecutor(threads, thread_name_prefix="vtkdicomload")
    waiting: list[Future[Loaded]] = []
    try:
        while True:
            waiting += [pool.submit(one, *item) for item in islice(sources, ahead - len(waiting))]
            if not waiting:
                return
            yield _result(waiting, as_completed)  # and keep no volume of it
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _result(waiting: list[Future[Loaded]], as_completed: bool) -> Loaded:
    """Take the next result off the list, once it is there, and say what its volume assumes."""
    done, _ = wait(waiting if as_completed else waiting[:1], return_when=FIRST_COMPLETED)
    ready = next(future for future in waiting if future in done)
    waiting.remove(ready)
    result = ready.result()
    for sentence in result.warnings:
        warn(sentence)
    return result
