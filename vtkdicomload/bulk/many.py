"""`load_many`: one series after another, read ahead in threads."""

from __future__ import annotations

import os
import threading
import traceback
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .._util.public import public
from .._util.tracebacks import forget_frames
from .._util.warnings import collect_warnings, warn
from .._util.wording import describe_argument
from ..errors import DicomLoadError
from ..loading.volume_data import VolumeData
from ..sources.remote.urls import hide_credentials
from ..stacks.series_data import SeriesData
from .running import run_in_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    import numpy as np

    from .._util.arrays import Floats
    from .._util.threads import Progress
    from ..loading.checks import Check


V = TypeVar("V", bound=VolumeData)
R = TypeVar("R")


@public
@dataclass(frozen=True, repr=False, eq=False)
class Loaded(Generic[V, R]):
    """The outcome of one source of `load_many`: a volume, what was made of it, or an error.

    Attributes
    ----------
    source
        The source as it was given.
    index : int
        Its place among the sources.
    volume : Volume or None
        None where it could not be loaded, and with ``apply=``.
    result
        What ``apply=`` has made of the volume; else None.
    error : Exception or None
        Why there is no volume, or no result: a DicomLoadError, or what ``apply=`` has raised, with a note of where.
    warnings : tuple of str
        What was assumed, each said as a DicomLoadWarning too.
    shape : tuple of int or None
        That of `Volume.array`, (nx, ny, nz) or (nx, ny, nz, 3); like `dtype`, `affine` and `checks` there wherever a
        volume was loaded, also where only its result is kept.
    dtype : numpy.dtype or None
        Of its values.
    affine : numpy.ndarray (4, 4) or None
        Its index (x, y, z, 1) → LPS mm; None also where the files hold no position.
    checks : tuple of Check
        What was verified.
    """

    source: Any
    index: int
    volume: V | None = None
    result: R | None = None
    error: Exception | None = None
    warnings: tuple[str, ...] = ()
    shape: tuple[int, ...] | None = None
    dtype: np.dtype[Any] | None = None
    affine: Floats | None = None
    checks: tuple[Check, ...] = ()

    def __repr__(self) -> str:
        source = hide_credentials(self.source)
        source = repr(source) if isinstance(source, (str, os.PathLike, SeriesData)) else describe_argument(source)
        what = f"volume={self.volume!r}" if self.volume is not None or self.shape is None else f"shape={self.shape}"
        return f"Loaded({source}, index={self.index}, {what}, error={self.error!r})"

    @property
    def series(self) -> SeriesData | None:
        """The series of the volume; None where there is none."""
        return self.volume.series if self.volume is not None else None


@dataclass(frozen=True, repr=False)
class Loading(Generic[V, R]):
    """The loading of one source, and what is made of the volume.

    Attributes
    ----------
    load : callable
        Loads the source, with the options that are given by name.
    apply : callable, optional
        Makes the result of the volume, which is then let go.
    source
        What `load` takes.
    index : int
        Its place among the sources.
    """

    load: Callable[..., V]
    apply: Callable[[V], R] | None
    source: Any
    index: int

    def run(self, **changed: Any) -> Loaded[V, R]:
        """Do it, with these options changed; what it warns of is in the result."""
        with collect_warnings() as said:
            done = self._load(**changed)
        return replace(done, warnings=tuple(said))

    def _load(self, **changed: Any) -> Loaded[V, R]:
        try:
            volume = self.load(self.source, **changed)
        except DicomLoadError as error:
            return Loaded(self.source, self.index, error=error.detached())
        facts: dict[str, Any] = {"dtype": volume.dtype, "affine": volume.affine, "checks": volume.checks}
        done: Loaded[V, R] = Loaded(self.source, self.index, shape=volume.shape, **facts)
        if self.apply is None:
            return replace(done, volume=volume)
        try:
            return replace(done, result=self.apply(volume))
        except Exception as error:  # whatever the caller's function raises is what became of this source
            error.add_note("".join(("raised by apply=:\n", *traceback.format_tb(error.__traceback__)[1:])).rstrip())
            return replace(done, error=forget_frames(error))


class _Stopped(Exception):  # noqa: N818 - a signal to a worker thread
    """Nobody waits for the result any more."""


def load_each(
    load: Callable[..., V],
    apply: Callable[[V], R] | None,
    sources: Iterable[Any],
    progress: Progress | None,
    *,
    threads: int,
    ahead: int,
    as_completed: bool,
) -> Iterator[Loaded[V, R]]:
    """Load one volume from each of many sources by `load`; the other parameters are those of `load_many`."""
    stop = threading.Event()

    def go_on(done: int, total: int) -> None:
        if stop.is_set():
            raise _Stopped
        if progress is not None:
            progress(done, total)

    one = partial(Loading[V, R].run, workers=1 if threads > 1 else None, progress=go_on)
    pieces = (partial(one, Loading(load, apply, source, index)) for index, source in enumerate(sources))
    return _tell_each(run_in_threads(pieces, stop.set, threads=threads, ahead=ahead, as_completed=as_completed))


def _tell_each(results: Generator[Loaded[V, R], None, None]) -> Iterator[Loaded[V, R]]:
    """Warn of what each result has to say when it is yielded, and keep no volume of it."""
    with closing(results):
        yield from map(_tell, results)


def _tell(done: Loaded[V, R]) -> Loaded[V, R]:
    for sentence in done.warnings:
        warn(sentence)
    return done
