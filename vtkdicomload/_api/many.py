"""`load_many`: one volume after another, read ahead; or what a function makes of each."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from .._util.wording import describe_argument
from ..bulk.cluster import check_client
from ..bulk.many import Loaded, load_each, load_each_remotely
from ..bulk.reuse import Buffers
from ..catalog.find import settle_ignored
from ..headers.reading import HeaderReaders
from ..loading.options import check_count, make_options
from ..series import load_volume
from ..sources.objects import is_content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Unpack

    import distributed

    from ..catalog.find import Ignore
    from ..catalog.index.stack_row import IndexedStack
    from ..loading.destination import Allocate
    from ..loading.options import LoadOptions, Options
    from ..series import SeriesChoice
    from ..sources.resolve import Source
    from ..stacks.series_data import SeriesData
    from ..volume import Volume

    class _ManyOptions(LoadOptions, total=False):
        """The options of `load_many` by name, but for `apply`."""

        workers: int | None
        ahead: int
        as_completed: bool
        reuse: bool
        series: SeriesChoice | None
        stack: SeriesChoice | None
        ignore: Ignore
        archives: bool
        storage_options: Mapping[str, Any] | None


R = TypeVar("R")


@overload
def load_many(
    sources: Iterable[Source | SeriesData | IndexedStack],
    *,
    apply: None = None,
    client: distributed.Client | None = None,
    gather: bool = False,
    **options: Unpack[_ManyOptions],
) -> Iterator[Loaded[Volume, None]]: ...
@overload
def load_many(
    sources: Iterable[Source | SeriesData | IndexedStack],
    *,
    apply: Callable[[Volume], R],
    client: distributed.Client | None = None,
    **options: Unpack[_ManyOptions],
) -> Iterator[Loaded[Volume, R]]: ...
def load_many(
    sources: Iterable[Source | SeriesData | IndexedStack],
    *,
    workers: int | None = None,
    ahead: int = 2,
    as_completed: bool = False,
    reuse: bool = False,
    apply: Callable[[Volume], R] | None = None,
    client: distributed.Client | None = None,
    gather: bool = False,
    series: SeriesChoice | None = None,
    stack: SeriesChoice | None = None,
    ignore: Ignore = (),
    archives: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    **options: Unpack[LoadOptions],
) -> Iterator[Loaded[Volume, R]]:
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
    reuse : bool
        Fill the memory of earlier volumes again, which is faster than fresh memory. Only that to which nothing refers
        any more: while a volume, array, view, image or tensor over it is kept, it stays as it is.
    apply : callable, optional
        Called with each volume where it is read, in threads: of the volume only ``.result`` is kept, what it returns.
        An exception that it raises is the ``.error`` of that source.
    client : distributed.Client, optional
        Load on the workers of a dask cluster, as many at a time as they have threads, at most four times as many on
        their way; `workers`, `ahead` and `reuse` are for this process alone. Paths have to be the same there. Without
        it all is done in this process, also where a client is open.
    gather : bool
        Bring volumes from the workers here, where there is no `apply`.
    series, stack, ignore, archives, storage_options
        As for `load`, the same for all.
    **options
        The other options of `load`, but for `out`; the same for all.

    Yields
    ------
    Loaded
        With `.source`, `.index`, and `.volume`, `.result` or `.error`. Volumes may differ in size and type.

    Raises
    ------
    ValueError, TypeError
        Options or sources that do not exist, or `client` with neither `apply` nor `gather`; a DicomLoadError is a
        result, not raised. So is the death of a worker: what it was at is run again, alone.
    ConnectionError
        The scheduler has ended.

    Warns
    -----
    DicomLoadWarning
        As `load` does, when the result is yielded.

    Notes
    -----
    Closing the iterator, or Ctrl-C, stops the reading: of pixels at once, of headers when those of the series at hand
    are through; what `apply` is at comes to its end.

    Examples
    --------
    >>> import vtkdicomload as vdl
    >>> for done in vdl.load_many(vdl.scan("archive").stacks(), apply=lambda v: v.frames.mean()):  # doctest: +SKIP
    ...     print(done.shape, done.result, done.error)
    """
    alone = isinstance(sources, (str, bytes, os.PathLike)) or is_content(sources)
    if alone or not (hasattr(sources, "__iter__") or hasattr(sources, "__getitem__")):
        raise TypeError(f"load_many takes several sources, not {describe_argument(sources)}: load_many(scan(p))")
    check_count("ahead", ahead)
    if workers is not None:
        check_count("workers", workers)
    if apply is not None and not callable(apply):
        raise TypeError(f"apply must be callable, not {describe_argument(apply)}")
    check_client(client)
    if client is not None and (apply is None) is not gather:
        raise ValueError(
            "client= takes apply=f, which makes a small result of each volume where it lies, or gather=True, which "
            "brings the volumes here" + (", not both" if gather else "")
        )
    checked = make_options(**options)
    ignore = settle_ignored(ignore)
    where: dict[str, Any] = {"series": series, "stack": stack, "ignore": ignore, "archives": archives}
    where["storage_options"] = storage_options
    if client is not None:
        load_there = partial(_load_changed, replace(checked, progress=None), np.empty, where)
        return load_each_remotely(client, load_there, apply, sources, checked, as_completed=as_completed)
    where["readers"] = HeaderReaders()
    load_here = partial(_load_changed, checked, Buffers(ahead + 1).allocate if reuse else np.empty, where)
    threads = min(workers or 1, ahead)
    how: dict[str, Any] = {"threads": threads, "ahead": ahead, "as_completed": as_completed}
    return load_each(load_here, apply, sources, checked.progress, **how)


def _load_changed(
    options: Options,
    allocate: Allocate,
    where: Mapping[str, Any],
    source: Source | SeriesData | IndexedStack,
    **changed: Any,
) -> Volume:
    """Load a volume with some of the options changed."""
    return load_volume(source, replace(options, **changed), allocate, **where)
