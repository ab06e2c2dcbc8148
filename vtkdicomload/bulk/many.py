"""`load_many`: one series after another, read ahead in threads."""

from __future__ import annotations

import os
import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._util.public import public
from .._util.warnings import collect_warnings, warn
from .._util.wording import describe_argument
from ..errors import DicomLoadError
from ..loading.volume_data import VolumeData
from ..sources.remote.urls import hide_credentials
from ..stacks.series_data import SeriesData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .._util.threads import Progress


V = TypeVar("V", bound=VolumeData)


@public
@dataclass(frozen=True, repr=False)
class Loaded(Generic[V]):
    """The outcome of one source of `load_many`: a volume or an error.

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
    volume: V | None = None
    error: DicomLoadError | None = None
    warnings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        source = hide_credentials(self.source)
        source = repr(source) if isinstance(source, (str, os.PathLike, SeriesData)) else describe_argument(source)
        return f"Loaded({source}, index={self.index}, volume={self.volume!r}, error={self.error!r})"

    @property
    def series(self) -> SeriesData | None:
        """The series that was loaded; None where there is an error."""
        return self.volume.series if self.volume is not None else None


class _Stopped(Exception):  # noqa: N818 - a signal to a worker thread
    """Nobody waits for the result any more."""


def load_each(
    load: Callable[..., V],
    sources: Iterable[Any],
    progress: Progress | None,
    *,
    threads: int,
    ahead: int,
    as_completed: bool,
) -> Iterator[Loaded[V]]:
    """Load one volume from each of many sources by `load`; the other parameters are those of `load_many`."""
    return _yield_results(load, enumerate(sources), progress, threads, ahead, as_completed)


def _yield_results(
    load: Callable[..., V],
    sources: Iterator[tuple[int, Any]],
    progress: Progress | None,
    threads: int,
    ahead: int,
    as_completed: bool,
) -> Iterator[Loaded[V]]:
    stop = threading.Event()
    each = 1 if threads > 1 else None

    def go_on(done: int, total: int) -> None:
        if stop.is_set():
            raise _Stopped
        if progress is not None:
            progress(done, total)

    def one(index: int, source: Any) -> Loaded[V]:
        with collect_warnings() as said:
            try:
                volume = load(source, workers=each, progress=go_on)
                return Loaded(source, index, volume, warnings=tuple(said))
            except DicomLoadError as error:
                return Loaded(source, index, error=error, warnings=tuple(said))

    pool = ThreadPoolExecutor(threads, thread_name_prefix="vtkdicomload")
    waiting: list[Future[Loaded[V]]] = []
    try:
        while True:
            waiting += [pool.submit(one, *item) for item in islice(sources, ahead - len(waiting))]
            if not waiting:
                return
            yield _take_result(waiting, as_completed)  # and keep no volume of it
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


def _take_result(waiting: list[Future[Loaded[V]]], as_completed: bool) -> Loaded[V]:
    """Take the next result off the list, once it is there, and say what its volume assumes."""
    done, _ = wait(waiting if as_completed else waiting[:1], return_when=FIRST_COMPLETED)
    ready = next(future for future in waiting if future in done)
    waiting.remove(ready)
    result = ready.result()
    for sentence in result.warnings:
        warn(sentence)
    return result
