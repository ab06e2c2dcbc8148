"""`load` and `load_all`: the thin line from a source to a checked volume."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from . import guard
from .choice import choose_series, choose_stack
from .errors import CorruptFileError, DicomLoadError, NoDicomError
from .geometry import GAP_TOLERANCE
from .memory import available_bytes
from .order import ORDERS, Arrangement, arrange
from .paths import describe, find_files
from .quiet import warn
from .readers import ENGINES, check_supported, choose
from .readers.threads import stepper
from .readers.values import ValueOverflow, conversion_for, pixel_shape, wider
from .resample import resample, upright_grid
from .scan import Scan, scan_files
from .series import Problem, Series
from .volume import LAYOUTS, Volume, allocate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .geometry import Geometry
    from .guard import Check
    from .readers.protocol import Reader
    from .readers.values import Conversion, Pixels

    Ignore = Iterable[str | os.PathLike[str]] | Callable[[str], bool]
    Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Options:
    """The options of `load`, checked; shared by every call that loads."""

    order: str = "position"
    irregular: str = "raise"
    tolerance: float = GAP_TOLERANCE
    engine: str = "auto"
    layout: str = "vtk"
    rescale: bool = True
    verify: str = "probe"
    workers: int | None = None
    progress: Progress | None = None
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        for name, allowed in (
            ("order", ORDERS),
            ("irregular", ("raise", "resample", "keep")),
            ("engine", ENGINES),
            ("layout", LAYOUTS),
            ("verify", guard.VERIFY),
        ):
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")
        if self.irregular == "resample" and self.order != "position":
            raise ValueError(f'irregular="resample" needs order="position", not order={self.order!r}')
        if isinstance(self.tolerance, bool) or not isinstance(self.tolerance, (int, float)):
            raise TypeError(f"tolerance must be a number, not {self.tolerance!r}")
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance must lie between 0 and 1 (a part of the spacing), not {self.tolerance!r}")
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers must be 1 or more, not {self.workers!r}")
        if self.max_bytes is not None and self.max_bytes < 1:
            raise ValueError(f"max_bytes must be positive, not {self.max_bytes!r}")


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
    rescale: bool = True,
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
    rescale : bool
        Apply the modality transform (slope and intercept, or the modality LUT); False gives stored values.
    verify : {"probe", "all", "none"}
        Read one frame, every frame or none again through a second, independent reader and compare.
    workers : int, optional
        Threads.
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
    options = _Options(order, irregular, tolerance, engine, layout, rescale, verify, workers, progress, max_bytes)
    found, ignored = _scan(source, ignore, workers)
    if series is None or not found.series:
        _refuse_problems(found.problems)
    chosen = choose_series(found, series)
    _refuse_problems(chosen.problems)
    return _load_stack(choose_stack(chosen, stack), options, ignored)


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
        As `load` does, for the first stack that cannot be loaded.
    """
    checked = _options(options)
    found, ignored = _scan(source, ignore, checked.workers)
    _refuse_problems(found.problems)
    return [_load_stack(stack, checked, ignored) for series in found for stack in series.stacks()]


def check_options(options: dict[str, Any]) -> None:
    """Refuse options that `load` does not have, before anything is read: TypeError, or ValueError for a wrong value."""
    chosen = ("series", "stack", "ignore")
    _options({name: value for name, value in options.items() if name not in chosen})


def _options(options: dict[str, Any]) -> _Options:
    known = [field.name for field in fields(_Options)]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TypeError(f"there is no option {unknown[0]!r}; there are {', '.join(known)}")
    return _Options(**options)


# ---------------------------------------------------------------------------------------------------- source to series
def _scan(source: Any, ignore: Ignore, workers: int | None) -> tuple[Scan, tuple[str, ...]]:
    """What is at the source without the ignored files, and those."""
    is_ignored = ignored_by(ignore)
    if isinstance(source, Series):
        kept = tuple(f for f in source.frames if not is_ignored(f.path))
        problems = tuple(p for p in source.problems if not is_ignored(p.path))
        left_out = tuple(path for path in source.files if is_ignored(path))
        if not kept:
            raise NoDicomError(f"every file of {source.title} is ignored", files=left_out)
        series = replace(source, frames=kept, problems=problems)
        return Scan(source.title, (series,), problems, ()), left_out
    if isinstance(source, Scan):
        raise TypeError("a Scan is a list of series: load(scan[0]), or [s.load() for s in scan]")
    files = find_files(source)
    kept_paths = tuple(path for path in files.paths if not is_ignored(path))
    left_out = tuple(path for path in files.paths if is_ignored(path))
    found = scan_files(files._replace(paths=kept_paths), workers=workers)
    if not found.series and not found.problems:
        raise _nothing(found, left_out)
    return found, left_out


def ignored_by(ignore: Ignore) -> Callable[[str], bool]:
    """Whether ``ignore=`` leaves a path out."""
    if callable(ignore):
        return ignore
    if isinstance(ignore, (str, os.PathLike)):
        ignore = [ignore]
    given = [os.fspath(path) for path in ignore]
    named = {os.path.abspath(path) for path in given}
    bare = {path for path in given if not os.path.dirname(path)}  # a name alone means that file in any folder
    return lambda path: bool(given) and (os.path.basename(path) in bare or os.path.abspath(path) in named)


def _nothing(found: Scan, ignored: tuple[str, ...]) -> NoDicomError:
    """The error for a source without an image, counting what is there instead."""
    skipped = found.skipped
    if ignored:
        return NoDicomError(f"all {len(ignored)} DICOM files of {found.source} are ignored", files=ignored)
    if len(skipped) == 1 and os.path.isfile(skipped[0].path):
        path, reason = skipped[0]
        if reason == "DICOM without pixel data":
            name = os.path.basename(path)
            what = (
                "a DICOMDIR, the index of a medium → load the folder it lies in"
                if name.upper() == "DICOMDIR"
                else "DICOM without an image (a report, plan or index) → load the folder of the images"
            )
            return NoDicomError(f"{name} is {what}", files=[path])
        return NoDicomError(describe(path), files=[path])
    counts: dict[str, int] = {}
    for _, reason in skipped:
        counts[reason] = counts.get(reason, 0) + 1
    there = ", ".join(f"{n} {reason}" for reason, n in sorted(counts.items(), key=lambda item: -item[1]))
    foreign = [s.path for s in skipped if s.reason == "not DICOM" or "archive" in s.reason]
    archives = [path for path in foreign if path.lower().endswith((".zip", ".gz", ".tar", ".tgz", ".nii"))]
    example = f" ({describe((archives or foreign)[0])})" if foreign else ""
    return NoDicomError(
        f"no DICOM image in {found.source}: {there or 'it is empty'}{example}", files=[s.path for s in skipped]
    )


def _refuse_problems(problems: Sequence[Problem]) -> None:
    """A damaged file may be a slice of any series of its source: it is never dropped unless ``ignore=`` names it."""
    if not problems:
        return
    if len(problems) == 1:
        raise _again(problems[0])
    paths = [p.path for p in problems]
    names = ", ".join(os.path.basename(p) for p in paths[:3]) + (
        f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    )
    raise CorruptFileError(
        f"{len(problems)} files cannot be read ({names}), the first because: {problems[0].error} → "
        "ignore=[p.path for p in scan(p).problems] leaves them all out",
        files=paths,
    )


def _again(problem: Problem) -> CorruptFileError:
    """The error of a scan, raised afresh so that it does not gather tracebacks."""
    return CorruptFileError(str(problem.error), files=problem.error.files)


# ---------------------------------------------------------------------------------------------------- series to volume
def _load_stack(series: Series, options: _Options, ignored: tuple[str, ...]) -> Volume:
    check_supported(series.frames)
    arrangement = arrange(series, order=options.order, irregular=options.irregular, tolerance=options.tolerance)
    frames = arrangement.frames
    conversion = conversion_for(frames, rescale=options.rescale)
    out, reader, checks = _read(arrangement, conversion, options)
    geometry = arrangement.geometry
    if options.irregular == "resample" and not geometry.regular:
        out, geometry = _on_a_grid(out, arrangement, options)
        slices = f"{len(frames)} stored slices interpolated onto {geometry.dimensions[2]}"
        checks = (*checks, guard.Check("resampled", slices))
    for sentence in (*arrangement.assumptions, *_more_assumptions(series, arrangement.geometry, geometry)):
        warn(sentence)
    return Volume(
        out,
        geometry,
        replace(series, frames=frames),
        rescaled=options.rescale,
        engine=reader.NAME,
        checks=checks,
        ignored=ignored,
    )


def _on_a_grid(stored: Pixels, arrangement: Arrangement, options: _Options) -> tuple[Pixels, Geometry]:
    """The slices interpolated onto a regular upright grid, and that grid."""
    geometry = arrangement.geometry
    grid = upright_grid(geometry)
    shape = (*grid.dimensions[::-1], *stored.shape[3:])
    first = arrangement.frames[0]
    _check_size(first.path, shape, stored.dtype, options.max_bytes)
    padding = first.header.padding_value
    if padding is not None and options.rescale:
        padding = padding * first.slope + first.intercept
    background = float(stored.min() if padding is None else padding)
    if stored.dtype.kind in "iu":
        limits = np.iinfo(stored.dtype)
        background = min(max(background, float(limits.min)), float(limits.max))
    out = allocate(shape, stored.dtype, options.layout)
    resample(stored, geometry, grid, out, background)
    return out, grid


def _more_assumptions(series: Series, stored: Geometry, geometry: Geometry) -> Iterable[str]:
    if series.uid is None:
        yield f"no SeriesInstanceUID: {len(series.files)} files are taken for one series"
    if geometry is not stored:
        before, after = ("×".join(map(str, g.dimensions)) for g in (stored, geometry))
        yield f"irregular slices ({before}) were interpolated onto a regular grid ({after})"
    elif not geometry.regular and geometry.affine is None:
        yield (
            "the slices are not evenly spaced: the volume has no affine, and volume.image is right at its first slice "
            "only; geometry.positions says where they lie"
        )
    elif not geometry.regular:
        yield "the slices lean: the volume has a sheared affine, VTK filters that take spacing only will not see it"


def _check_size(path: str, shape: tuple[int, ...], dtype: np.dtype[Any], max_bytes: int | None) -> None:
    needed = dtype.itemsize
    for n in shape:
        needed *= n
    limit = available_bytes() * 3 // 4 if max_bytes is None else max_bytes
    if limit is not None and needed > limit:
        raise DicomLoadError(
            f"the volume of {'×'.join(map(str, shape))} {dtype} needs {needed / 2**20:.0f} MiB, more than "
            f"the {limit / 2**20:.0f} MiB of max_bytes → max_bytes={needed}",
            files=[path],
        )


def _read(
    arrangement: Arrangement, conversion: Conversion, options: _Options
) -> tuple[Pixels, Reader, tuple[Check, ...]]:
    """Fill a buffer, once more in a wider type where the values do not fit, and check what it holds."""
    frames = arrangement.frames
    reader = choose(options.engine, frames, conversion)
    while True:
        shape = (len(frames), *pixel_shape(frames[0].header))
        _check_size(frames[0].path, shape, conversion.dtype, options.max_bytes)
        out = allocate(shape, conversion.dtype, options.layout)
        try:
            verified = reader.fill(frames, conversion, out, stepper(len(frames), options.progress), options.workers)
            break
        except ValueOverflow:
            del out
            conversion = wider(conversion)
            reader = choose(options.engine, frames, conversion)
    checks = [guard.Check(reader.NAME, words) for words in verified]
    checks.append(guard.check_zeros(frames, conversion, out, reader))
    checks.append(guard.verify(options.verify, frames, conversion, out, reader))
    return out, reader, tuple(checks)
