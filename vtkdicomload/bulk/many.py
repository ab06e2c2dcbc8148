"""`load_many`: one series after another, read ahead in threads or by the workers of a cluster."""

from __future__ import annotations

import os
import pickle
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
from ..sources.objects import is_content
from ..sources.remote.sharing import keep_connections
from ..sources.remote.urls import hide_credentials, is_url
from ..stacks.series_data import SeriesData
from .cluster import find_pickling_fault, run_on_cluster
from .running import Stop, run_in_threads
from .tasks import measure_volumes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    import distributed
    import numpy as np

    from .._util.arrays import Floats
    from .._util.threads import Progress
    from ..loading.checks import Check
    from ..loading.options import Options
    from .tasks import Place


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


@dataclass(frozen=True, repr=False)
class _RemoteLoading(Generic[V, R]):
    """A loading as a task for a worker; the source does not come back with the result."""

    loading: Loading[V, R]
    options: Options

    @property
    def title(self) -> str:
        source = self.loading.source
        if isinstance(source, SeriesData):
            return source.title
        named = isinstance(source, (str, os.PathLike))
        return str(hide_credentials(source)) if named else f"source {self.loading.index}"

    def measure(self) -> int | None:
        source = self.loading.source
        return measure_volumes([source], self.options) if isinstance(source, SeriesData) else None

    def run(self) -> Loaded[V, R]:
        return replace(self.loading.run(), source=None)

    def run_at(self, place: Place) -> Loaded[V, R]:
        done = self.loading.run(workers=place.threads, max_bytes=self.options.max_bytes or place.max_bytes)
        if self.loading.apply is not None and (fault := find_pickling_fault(done.result)) is not None:
            words = f"what apply= has returned, {describe_argument(done.result)}, cannot be sent: {fault}"
            done = replace(done, result=None, error=TypeError(words))
        return replace(done, source=None, error=None if done.error is None else _make_portable(done.error))

    def fail(self, error: DicomLoadError) -> Loaded[V, R]:
        return Loaded(None, self.loading.index, error=error)


def _make_portable(error: Exception) -> Exception:
    """The error, or one with its words where its kind cannot be pickled, as many with arguments of their own cannot."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - what was just pickled
    except Exception:  # whatever the methods of its class do
        plain = RuntimeError(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            plain.add_note(note)
        return plain
    return error


def load_each_remotely(
    client: distributed.Client,
    load: Callable[..., V],
    apply: Callable[[V], R] | None,
    sources: Iterable[Any],
    options: Options,
    *,
    as_completed: bool,
) -> Iterator[Loaded[V, R]]:
    """Load one volume from each of many sources on a cluster; the parameters are those of `load_each`.

    ``options.progress`` is called for each volume that is there, with (slices, slices).
    """
    fault = find_pickling_fault(apply)
    if fault is not None:
        raise TypeError(f"apply= cannot be sent to the workers: {fault}")
    given: dict[int, Any] = {}

    def make_tasks() -> Iterator[_RemoteLoading[V, R]]:
        for index, source in enumerate(sources):
            given[index] = source
            yield _RemoteLoading(Loading(load, apply, settle_path(source), index), replace(options, progress=None))

    def bring_back(done: Loaded[V, R]) -> Loaded[V, R]:
        if options.progress is not None and done.shape is not None:
            options.progress(done.shape[2], done.shape[2])
        return _tell(replace(done, source=given.pop(done.index)))

    results = run_on_cluster(client, make_tasks(), as_completed=as_completed)
    return _change_each(bring_back, results)


def settle_path(source: Any) -> Any:
    """A source as it means the same in another working directory."""
    if type(source) in (list, tuple):
        return [settle_path(part) for part in source]
    if isinstance(source, (str, bytes, os.PathLike)) and not is_url(source) and not is_content(source):
        return os.path.abspath(source)
    return source


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
    stop = Stop(progress)
    one = partial(Loading[V, R].run, workers=1 if threads > 1 else None, progress=stop)
    pieces = (partial(one, Loading(load, apply, source, index)) for index, source in enumerate(sources))
    results = run_in_threads(pieces, stop.set, threads=threads, ahead=ahead, as_completed=as_completed)
    return _change_each(_tell, results)


def _change_each(
    change: Callable[[Loaded[V, R]], Loaded[V, R]], results: Generator[Loaded[V, R], None, None]
) -> Iterator[Loaded[V, R]]:
    """Yield each result as `change` makes it, and keep no volume of it; connections to servers serve all of them."""
    with keep_connections(), closing(results):
        yield from map(change, results)


def _tell(done: Loaded[V, R]) -> Loaded[V, R]:
    """Warn here of what the loading had to say."""
    for sentence in done.warnings:
        warn(sentence)
    return done
