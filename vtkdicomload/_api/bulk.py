"""The functions of the package for whole archives."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

from .._util.wording import describe_argument
from ..bulk.conversion import Conversion, Target, convert_groups, plan_conversion
from ..bulk.naming import DEFAULT_TEMPLATE, check_template
from ..catalog.choose import list_strays
from ..catalog.find import find_series, settle_ignored
from ..conversions.files import suffix_of
from ..loading.options import check_count, make_options
from ..series import Scan
from ..stacks.geometry import Geometry
from ..volume import Volume
from .single import load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from ..catalog.find import Ignore
    from ..catalog.index.stack_row import IndexedStack
    from ..loading.options import LoadOptions, Options
    from ..sources.resolve import Source
    from ..stacks.series_data import SeriesData

    Grid = float | Sequence[float] | Volume | Geometry

_MOST_AT_ONCE = 8
_NO_MATTER = ("workers", "progress", "max_bytes", "verify", "engine")  # of options: they do not decide about values


def convert(
    source: Source | Scan | SeriesData | IndexedStack,
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
    workers: int | None = None,
    **options: Unpack[LoadOptions],
) -> Conversion:
    """Write every stack of a source as a file of another format, each whole or not at all.

    A run that was stopped goes on where it was: ``conversion.jsonl`` in the target says what was made of which files,
    with what options, what was refused and why. Only what is of files that have changed, or would be made in another
    way, is made again. Paths and descriptions go into it and into the names; they may name patients.

    Parameters
    ----------
    source
        As for `scan`; or what it returned.
    target : path-like
        The folder for the new files; made where it does not exist.
    format : {"nii.gz", "nii", "nrrd", "mha", "vti", "npz", "zarr"}
        As the suffixes of `Volume.save`. Beside NIfTI files stand ``.json`` with the acquisition parameters as BIDS
        names them and, of diffusion, ``.bval`` and ``.bvec``.
    per : {"stack", "series"}
        One file a stack; or, of NIfTI, one a series, with its stacks along the fourth axis.
    name : str
        A template of the names, without the suffix: modality, number, description, label, date, plane, folder, uid,
        study in braces; ``{uid:8}`` is 8 digits of the UID's hash, ``/`` makes folders. Where stacks of a series would
        share a name, the label is added, and a number to names that are still not unique.
    grid : float, (x, y, z), Volume or Geometry, optional
        Interpolate onto voxels of this size in mm, or onto that grid (`Volume.resampled`).
    resume : bool
        Keep what an earlier run has made; else all is made again.
    dry_run : bool
        Write nothing, and say what would be.
    ignore, archives
        As for `load`.
    workers : int, optional
        Stacks at the same time, each by one thread and in memory as a whole; by default one a core, up to 8.
    **options
        The other options of `load`, the same for all; ``progress`` is called with (files done, files in all).

    Returns
    -------
    Conversion
        A list of what became of each; ``.whole`` tells whether nothing was refused.

    Raises
    ------
    NoDicomError
        There is no DICOM image.
    ValueError, TypeError
        Options that do not exist or do not go together.
    OSError
        The target cannot be written; the next run keeps what was written so far.
    """
    suffix = _choose_suffix(format, per)
    check_template(name)
    if workers is not None:
        check_count("workers", workers)
    progress = options.pop("progress", None)
    checked, ignore = make_options(progress=progress, **options), settle_ignored(ignore)
    found = source if isinstance(source, Scan) else Scan.of(find_series(source, ignore, None, archives=archives)[0])
    groups = _list_groups(found, per)
    goal = Target(os.fspath(target), suffix, name, _describe_making(checked, per, grid), resume)
    if dry_run:
        return Conversion(goal.folder, plan_conversion(groups, goal), list_strays(found))

    def load_one(stack: SeriesData) -> Volume:
        volume = load(stack, ignore=ignore, workers=1, **options)
        return volume if grid is None else _resample(volume, grid)

    threads = workers or min(os.cpu_count() or 1, _MOST_AT_ONCE)
    outcomes = convert_groups(groups, goal, load_one, threads=threads, progress=progress)
    return Conversion(goal.folder, outcomes, list_strays(found))


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
    said = {name: value for name, value in asdict(options).items() if name not in _NO_MATTER}
    where = repr(grid.geometry if isinstance(grid, Volume) else grid)
    return {**said, "per": per, "grid": None if grid is None else where}


def _resample(volume: Volume, grid: Grid) -> Volume:
    """A volume on the grid that is meant."""
    if isinstance(grid, (Volume, Geometry)):
        return volume.resampled(like=grid)
    return volume.resampled(spacing=grid)
