"""The functions of the package for whole archives."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .._util.names import find_absolute_path
from .._util.wording import describe_argument
from ..bulk.cluster import check_client
from ..bulk.conversion import Conversion, Converted, convert_groups, plan_conversion
from ..bulk.jobs import Target
from ..bulk.many import settle_path
from ..bulk.naming import DEFAULT_TEMPLATE, check_template
from ..bulk.reuse import Buffers
from ..bulk.verification import Record, Verification, Verified, verify_stacks
from ..catalog.choose import list_strays
from ..catalog.find import find_series, settle_ignored
from ..catalog.index.stack_row import IndexedStack
from ..conversions.files import suffix_of
from ..loading.options import check_count, make_options
from ..loading.volume_data import VolumeData
from ..series import Scan, Series, load_volume
from ..sources.remote.sharing import keep_connections
from ..stacks.geometry import Geometry
from ..stacks.series_data import SeriesData
from ..volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Unpack

    import distributed

    from .._util.threads import Progress
    from ..catalog.find import Ignore
    from ..loading.destination import Allocate
    from ..loading.options import LoadOptions, Options
    from ..sources.resolve import Source

    _Sources = Source | Scan | SeriesData | IndexedStack | Sequence[SeriesData | IndexedStack]
    Grid = float | Sequence[float] | Volume | Geometry

_MOST_AT_ONCE = 8
_NO_MATTER = ("workers", "progress", "max_bytes", "verify", "engine")  # of options: they do not decide about values


def convert(
    source: _Sources,
    target: str | os.PathLike[str],
    *,
    format: str = "nii.gz",  # noqa: A002 - what other converters call it
    per: Literal["stack", "series"] = "stack",
    name: str = DEFAULT_TEMPLATE,
    grid: Grid | None = None,
    resume: bool = True,
    dry_run: bool = False,
    ignore: Ignore = (),
    archives: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    client: distributed.Client | None = None,
    on_outcome: Callable[[Converted], None] | None = None,
    **options: Unpack[LoadOptions],
) -> Conversion:
    """Write every stack of a source as a file of another format, each whole or not at all.

    A run that was stopped goes on where it was: ``conversion.jsonl`` in the target says what was made of which files,
    with what options, what was refused and why. Only what is of files that have changed, or would be made in another
    way, is made again. Paths and descriptions go into it and into the names; they may name patients.

    Parameters
    ----------
    source
        As for `scan`; or what it returned, some of the `Series` in it, or some rows of an `Index`.
    target : path-like
        The folder for the new files; made where it does not exist.
    format : {"nii.gz", "nii", "nrrd", "mha", "vti", "npz", "zarr", "ome.zarr"}
        As the suffixes of `Volume.save`. Beside NIfTI files stand ``.json`` with the acquisition parameters as BIDS
        names them and, of diffusion, ``.bval`` and ``.bvec``.
    per : {"stack", "series"}
        One file a stack; or, of NIfTI, one a series, with its stacks along the fourth axis.
    name : str
        A template of the names, without the suffix: modality, number, description, label, date, plane, folder, uid,
        study in braces; ``{uid:8}`` is 8 digits of the UID's hash, ``/`` makes folders. Where stacks of a series would
        share a name, the label is added, and a number to names that are still not unique. By another template all is
        made again, beside what there is.
    grid : float, (x, y, z), Volume or Geometry, optional
        Interpolate onto voxels of this size in mm, or onto that grid (`Volume.resampled`).
    resume : bool
        Keep what an earlier run has made; else all is made again.
    dry_run : bool
        Write nothing, and say what would be.
    ignore, archives, storage_options
        As for `load`.
    workers : int, optional
        Stacks at the same time, each by one thread and in memory as a whole; by default one a core, up to 8.
    client : distributed.Client, optional
        Convert on the workers of a dask cluster, which see the sources and the target under the same paths. A stack of
        which a worker dies is tried once more, alone. Without it all is done in this process, also where a client is
        open.
    on_outcome : callable, optional
        Called with what became of each as soon as it is known, in this thread.
    **options
        The other options of `load`, the same for all; ``progress`` is called with (files done, files in all).

    Returns
    -------
    Conversion
        A list of what became of each; ``.whole`` tells whether nothing was refused, ``.outdated`` names files of
        earlier runs that are still there, though their images are refused now or have become other files.

    Raises
    ------
    NoDicomError
        There is no DICOM image.
    ValueError, TypeError
        Options that do not exist or do not go together.
    OSError
        The target cannot be written, or the cluster has ended; the next run keeps what was written so far.
    """
    suffix, folder = _choose_suffix(format, per), find_absolute_path("target", target)
    check_template(name)
    _check_callable("on_outcome", on_outcome)
    if workers is not None:
        check_count("workers", workers)
    check_client(client)
    progress = options.pop("progress", None)
    checked, ignore = make_options(progress=progress, **options), settle_ignored(ignore)
    checked = replace(checked, progress=None)
    with keep_connections():
        found = _find_all(source, ignore, archives, storage_options)
        groups = _list_groups(found, per)
        damaged = [settle_path(problem.path) for problem in found.problems]
        goal = Target(folder, suffix, name, _describe_making(checked, per, grid), resume)
        if dry_run:
            work = plan_conversion(groups, goal, damaged, on_outcome)
            return Conversion(goal.folder, work.outcomes, list_strays(found), work.outdated)
        threads = _count_threads(workers)
        memory = _choose_memory(client, threads)
        load_one = partial(_load_on_grid, None if grid is None else _lighten(grid), ignore, checked, memory)
        work = convert_groups(
            groups,
            goal,
            load_one,
            checked,
            damaged=damaged,
            client=client,
            threads=threads,
            progress=progress,
            on_outcome=on_outcome,
        )
    return Conversion(goal.folder, work.outcomes, list_strays(found), work.outdated)


def verify(
    source: _Sources,
    *,
    record: str | os.PathLike[str] | None = None,
    resume: bool = True,
    ignore: Ignore = (),
    archives: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    client: distributed.Client | None = None,
    on_outcome: Callable[[Verified], None] | None = None,
    **options: Unpack[LoadOptions],
) -> Verification:
    """Load every stack of a source with two independent readers for every frame, and say what they say.

    Parameters
    ----------
    source
        As for `scan`; or what it returned, some of the `Series` in it, or some rows of an `Index`.
    record : path-like, optional
        A file of JSON lines with every outcome as it is found, by which the next run goes on: stacks whose files are
        the same and that were equal, or could not be read twice, are not read again. Paths and descriptions go into
        it; they may name patients. By default nothing is written.
    resume : bool
        Go by what an earlier run has written down; else all is read again.
    ignore, archives, storage_options
        As for `load`.
    workers : int, optional
        Stacks at the same time, each by one thread and in memory as a whole; by default one a core, up to 8.
    client : distributed.Client, optional
        Read on the workers of a dask cluster, which see the source under the same paths. Without it all is done in this
        process, also where a client is open.
    on_outcome : callable, optional
        Called with what was found of each as soon as it is known, in this thread.
    **options
        The other options of `load` but for `verify`, the same for all; ``progress`` is called with (stacks done, stacks
        in all).

    Returns
    -------
    Verification
        A list of what became of each; ``.whole`` tells whether all are equal.

    Raises
    ------
    NoDicomError
        There is no DICOM image.
    ValueError, TypeError
        Options that do not exist.
    OSError
        The record cannot be written, or the cluster has ended.
    """
    path = None if record is None else find_absolute_path("record", record)
    _check_callable("on_outcome", on_outcome)
    if workers is not None:
        check_count("workers", workers)
    check_client(client)
    if "verify" in options:
        raise TypeError('verify= is "all" here')
    progress = options.pop("progress", None)
    checked, ignore = make_options(progress=progress, verify="all", **options), settle_ignored(ignore)
    checked = replace(checked, progress=None)
    with keep_connections():
        found = _find_all(source, ignore, archives, storage_options)
        how = {**_describe_options(checked), "engine": checked.engine}
        threads = _count_threads(workers)
        load_one = partial(_load_on_grid, None, ignore, checked, _choose_memory(client, threads))
        outcomes = verify_stacks(
            found.stacks(),
            Record(path, how, resume),
            load_one,
            checked,
            client=client,
            threads=threads,
            progress=progress,
            on_outcome=on_outcome,
        )
    return Verification(found.source, outcomes, list_strays(found))


def _check_callable(name: str, function: Any) -> None:
    if function is not None and not callable(function):
        raise TypeError(f"{name} must be callable, not {describe_argument(function)}")


def _find_all(
    source: _Sources,
    ignore: Ignore,
    archives: bool,
    storage_options: Mapping[str, Any] | None,
) -> Scan:
    """Find the series at a source, or take those that were found."""
    if isinstance(source, Scan):
        return source
    one_by_one = isinstance(source, (list, tuple)) and all(isinstance(p, (SeriesData, IndexedStack)) for p in source)
    parts: Sequence[Any] = source if one_by_one and source else [source]  # type: ignore[assignment] # as was seen
    found = [find_series(p, ignore, None, archives=archives, storage_options=storage_options)[0] for p in parts]
    if len(found) == 1:
        return Scan.of(found[0])
    return Scan(
        f"{len(found)} series",
        tuple(Series.of(series) for scan in found for series in scan),
        tuple({problem.path: problem for scan in found for problem in scan.problems}.values()),
        tuple(skipped for scan in found for skipped in scan.skipped),
        tuple(dict.fromkeys(file for scan in found for file in scan.files)),
    )


def _count_threads(workers: int | None) -> int:
    return workers or min(os.cpu_count() or 1, _MOST_AT_ONCE)


def _choose_memory(client: distributed.Client | None, threads: int) -> Allocate:
    """Choose the memory of volumes: here it is filled again and again."""
    return Buffers(threads).allocate if client is None else np.empty


def _load_on_grid(
    grid: float | Sequence[float] | VolumeData | Geometry | None,
    ignore: Ignore,
    options: Options,
    allocate: Allocate,
    stack: SeriesData,
    *,
    workers: int,
    max_bytes: int | None = None,
    progress: Progress | None = None,
) -> Volume:
    """Load a stack, and put it on the grid that is meant."""
    options = replace(options, workers=workers, max_bytes=max_bytes or options.max_bytes, progress=progress)
    volume = load_volume(stack, options, allocate, ignore=ignore)
    if grid is None:
        return volume
    if isinstance(grid, (VolumeData, Geometry)):
        return volume.resampled(like=grid)
    return volume.resampled(spacing=grid)


def _lighten(grid: Grid) -> float | Sequence[float] | VolumeData | Geometry:
    """The grid without the pixels of a volume, which need not go to every worker."""
    return VolumeData(np.empty(0), grid.geometry, grid.series, engine="") if isinstance(grid, Volume) else grid


def _choose_suffix(wanted: Any, per: Any) -> str:
    """The suffix of a format, once it goes together with what one file holds."""
    if not isinstance(wanted, str):
        raise TypeError(f"format must be a suffix such as 'nii.gz', not {describe_argument(wanted)}")
    suffix = suffix_of(f"volume.{wanted}")
    if per not in ("stack", "series"):
        raise ValueError(f'per must be "stack" or "series", not {describe_argument(per)}')
    if per == "series" and suffix not in (".nii", ".nii.gz"):
        raise ValueError(
            f'per="series" makes files of four dimensions: format must be "nii" or "nii.gz", not {wanted!r}'
        )
    return suffix


def _list_groups(found: Scan, per: str) -> list[tuple[SeriesData, ...]]:
    """List the stacks that become one file each."""
    if per == "series":
        return [series.stacks() for series in found]
    return [(stack,) for stack in found.stacks()]


def _describe_making(options: Options, per: str, grid: Grid | None) -> dict[str, Any]:
    """Describe what decides about the values of a file, as JSON gives it back."""
    where = repr(grid.geometry if isinstance(grid, Volume) else grid)
    return {**_describe_options(options), "per": per, "grid": None if grid is None else where}


def _describe_options(options: Options) -> dict[str, Any]:
    """The options that decide about values, as JSON gives them back."""
    described = {name: value for name, value in asdict(options).items() if name not in _NO_MATTER}
    texts = {name: str(described[name]) for name in ("dtype", "slices") if described[name] is not None}
    return {**described, **texts}
