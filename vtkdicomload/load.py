"""`load` and `load_all`: the thin line from a source to a checked volume."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from .errors import DicomLoadError
from .geometry import GAP_TOLERANCE
from .plan import Options, plan_volume, read_whole
from .quiet import warn
from .selection import find_series, refuse_problems, select
from .volume import Volume

if TYPE_CHECKING:
    from .plan import Progress
    from .selection import Ignore
    from .series import Series


def load(
    source: Any,
    *,
    series: Any = None,
    stack: Any = None,
    order: str = "position",
    irregular: str = "raise",
    tolerance: float = GAP_TOLERANCE,
    ignore: Ignore = (),
    engine: str = "auto",
    layout: str = "vtk",
    rescale: bool | str = True,
    verify: str = "probe",
    workers: int | None = None,
    progress: Progress | None = None,
    max_bytes: int | None = None,
) -> Volume:
    """Load one series as a checked volume: the right one, or a clear error.

    Parameters
    ----------
    source : path-like, sequence of path-like, vtkStringArray, or Series
        A folder (walked recursively), a file (that file only), or the files of a list.
    series : int, str or callable, optional
        Which series, where the source holds several: a row of ``scan(source)``, a SeriesInstanceUID, ``"largest"``, or
        a callable that is true for one `Series`.
    stack : int, str or callable, optional
        Which stack, where the series holds several: a row of ``series.stacks()``, a label such as ``"axial"``, or a
        callable that is true for one of them.
    order : {"position", "natural", "given"}
        Slices along their normal; in natural order of the file names; or as the source gives them.
    irregular : {"raise", "resample", "keep"}
        What to do with missing slices, uneven gaps and tilted stacks: refuse them; interpolate them linearly onto a
        regular upright grid; or keep the stored slices with a geometry that says so. The last two warn.
    tolerance : float
        How far a gap may differ from the median and a slice lie off the grid, as a part of the spacing.
    ignore : iterable of path-like, or callable
        Files to leave out, by path or by name alone; a callable gets a path and says whether to.
    engine : {"auto", "direct", "codec", "vtk", "pydicom"}
        The reader; ``"auto"`` takes the fastest that is right for the series.
    layout : {"vtk", "dicom"}
        Which view lies contiguous in memory: `Volume.array` in Fortran order, or `Volume.frames` in C order.
    rescale : bool, or "real-world"
        Apply the modality transform (slope and intercept, or the modality LUT); False gives stored values.
        ``"real-world"`` applies RealWorldValueMappingSequence in its place, ``"real-world:LABEL"`` the one of several
        with that LUTLabel or code of its units.
    verify : {"probe", "all", "none"}
        Read one frame, every frame or none again through a second, independent reader and compare.
    workers : int, optional
        Threads, for headers and pixels. By default one for headers, which is the fastest where files come from memory
        or a local disk, and for pixels one for each core, from 2 to 8.
    progress : callable, optional
        Called with (frames done, frames in all). An exception from it ends the load.
    max_bytes : int, optional
        Refuse a volume that takes more memory; three quarters of what is available by default.

    Returns
    -------
    Volume

    Raises
    ------
    DicomLoadError
        One of its kinds; the message names the files and the call that goes past it.
    ValueError, TypeError
        An option or source that does not exist.

    Warns
    -----
    DicomLoadWarning
        The result is right as far as the files say, but something was assumed.

    Examples
    --------
    >>> import vtkdicomload as vdl
    >>> volume = vdl.load("study/series")  # doctest: +SKIP
    >>> volume.frames.shape, volume.spacing  # doctest: +SKIP
    ((93, 64, 64), (3.2, 3.2, 1.5))
    """
    options = Options(order, irregular, tolerance, engine, layout, rescale, verify, workers, progress, max_bytes)
    chosen, ignored = select(source, series, stack, ignore, workers)
    return _load_stack(chosen, options, ignored)


def load_all(source: Any, *, ignore: Ignore = (), **options: Any) -> list[Volume]:
    """Load every stack of every series, in list order.

    Parameters
    ----------
    source
        As for `load`.
    ignore
        As for `load`.
    **options
        The other options of `load`, but for `series` and `stack`.

    Returns
    -------
    list of Volume

    Raises
    ------
    DicomLoadError
        As `load` does, for the first stack that cannot be loaded; ``load_many(scan(source))`` goes on after it.
    """
    checked = _options(options)
    found, ignored = find_series(source, ignore, checked.workers)
    refuse_problems(found.problems)
    return [_named(stack, row, checked, ignored) for row, series in enumerate(found) for stack in series.stacks()]


def _named(stack: Series, row: int, options: Options, ignored: tuple[str, ...]) -> Volume:
    try:
        return _load_stack(stack, options, ignored)
    except DicomLoadError as error:
        error.add_note(f"in [{row}] {stack.title}; load_many(scan(p)) goes on where a series does not load")
        raise


def check_options(options: dict[str, Any]) -> None:
    """Refuse options that `load` does not have, before anything is read: TypeError, or ValueError for a wrong value."""
    chosen = ("series", "stack", "ignore")
    _options({name: value for name, value in options.items() if name not in chosen})


def _options(options: dict[str, Any]) -> Options:
    known = [field.name for field in fields(Options)]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TypeError(f"there is no option {unknown[0]!r}; there are {', '.join(known)}")
    return Options(**options)


def _load_stack(series: Series, options: Options, ignored: tuple[str, ...]) -> Volume:
    plan, reading = read_whole(plan_volume(series, options))
    for sentence in plan.assumptions:
        warn(sentence)
    return Volume(
        reading.pixels,
        plan.geometry,
        plan.series,
        rescaled=bool(options.rescale),
        engine=plan.reader.NAME,
        checks=reading.checks,
        ignored=ignored,
    )
