"""`load_many`: one volume after another, read ahead; or what a function makes of each."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from .._util.wording import describe_argument
from ..bulk.many import Loaded, load_each
from ..bulk.reuse import Buffers
from ..catalog.find import settle_ignored
from ..loading.options import check_count, make_options
from ..series import load_volume
from ..sources.objects import is_content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Unpack

    from ..catalog.find import Ignore
    from ..catalog.index.stack_row import IndexedStack
    from ..loading.options import LoadOptions
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
    sources: Iterable[Source | SeriesData | IndexedStack], *, apply: None = None, **options: Unpack[_ManyOptions]
) -> Iterator[Loaded[Volume, None]]: ...
@overload
def load_many(
    sources: Iterable[Source | SeriesData | IndexedStack],
    *,
    apply: Callable[[Volume], R],
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
        Options or sources that do not exist; a DicomLoadError is a result, not raised.

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
    if isinstance(sources, (str, bytes, os.PathLike)) or is_content(sources):
        raise TypeError(f"load_many takes several sources, not {describe_argument(sources)}: load_many(scan(p))")
    check_count("ahead", ahead)
    if workers is not None:
        check_count("workers", workers)
    if apply is not None and not callable(apply):
        raise TypeError(f"apply must be callable, not {describe_argument(apply)}")
    checked = make_options(**options)
    ignore = settle_ignored(ignore)
    allocate = Buffers(ahead + 1).allocate if reuse else np.empty

    def load_one(source: Source | SeriesData | IndexedStack, **changed: Any) -> Volume:
        return load_volume(
            source,
            replace(checked, **changed),
            allocate,
            series=series,
            stack=stack,
            ignore=ignore,
            archives=archives,
            storage_options=storage_options,
        )

    threads = min(workers or 1, ahead)
    how: dict[str, Any] = {"threads": threads, "ahead": ahead, "as_completed": as_completed}
    return load_each(load_one, apply, sources, checked.progress, **how)
