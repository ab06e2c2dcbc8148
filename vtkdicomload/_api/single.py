"""The functions of the package: thin lines from a source to what is found there, and to checked volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.warnings import say_once, warn
from ..catalog.choose import list_strays, list_untold_strays
from ..catalog.damage import describe_left_out, make_all_damaged_error, make_damage_error
from ..catalog.find import find_series, leaves_damaged, restore_row, settle_ignored
from ..catalog.index.stack_row import IndexedStack
from ..catalog.scan import ScanData, scan_files
from ..errors import DicomLoadError
from ..loading.destination import Given
from ..loading.kept import retrieve_first
from ..loading.options import Options, make_options
from ..series import Scan, Series, load_selected, load_volume, select_stacks
from ..sources.keeping import Keeping
from ..sources.remote.sharing import keep_connections
from ..sources.resolve import find_files
from ..stacks.series_data import SeriesData
from ..stacks.tolerances import GAP_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Unpack

    from numpy.typing import DTypeLike

    from .._util.arrays import Pixels
    from .._util.threads import Progress
    from ..catalog.find import Ignore
    from ..loading.options import Engine, Irregular, LoadOptions, Order, Rescale, Verify
    from ..series import SeriesChoice
    from ..sources.resolve import Source
    from ..volume import Volume


def scan(
    source: Source | SeriesData | IndexedStack,
    *,
    recursive: bool = True,
    archives: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Scan:
    """Find the series at a source. Headers are read, pixels are not; damaged files are listed, never raised.

    Parameters
    ----------
    source : path-like, URL, UPath, bytes, file-like, Dataset, sequence of these, vtkStringArray, or Series
        A folder (walked recursively), a file (that file only), a zip or tar archive, a DICOMDIR, the URL of a file or
        folder (``s3://``, ``gs://``, ``az://``, ``https://``, ``sftp://``, ``memory://``, ``zip::s3://`` …) or of a
        study, series or instance on a DICOMweb server, the content of a file in memory, or a list of these; or a row
        of an `Index`, whose stack is the one series.
    recursive : bool
        Whether a folder's folders are walked too.
    archives : bool
        Whether archives and compressed files in a folder are entered, by their suffix: ``.zip``, ``.tar``, ``.tar.gz``,
        ``.dcm.gz`` …; otherwise they are listed among the skipped. An archive that is the source, or is in a list, is.
    storage_options : mapping, optional
        How a server knows the caller: what fsspec takes for the URL. Of DICOMweb: ``client``, a
        `dicomweb_client.DICOMwebClient`; or ``headers``, ``auth`` and ``timeout`` as requests takes them. They are
        shown nowhere.
    workers : int, optional
        Threads that read headers; by default one, and 32 where files lie on a server.
    progress : callable, optional
        Called with (files done, files in all).

    Returns
    -------
    Scan

    Raises
    ------
    NoDicomError
        The source itself does not exist.
    """
    if isinstance(source, IndexedStack):
        source = restore_row(source, storage_options)
    if isinstance(source, SeriesData):
        return Scan.of(ScanData(source.title, (source,), (*source.problems, *source.beside), (), source.files))
    with keep_connections():
        files = find_files(source, recursive=recursive, archives=archives, storage_options=storage_options)
        return Scan.of(scan_files(files, workers=workers, progress=progress))


def load(
    source: Source | SeriesData | IndexedStack,
    *,
    series: SeriesChoice | None = None,
    stack: SeriesChoice | None = None,
    order: Order = "position",
    irregular: Irregular = "raise",
    tolerance: float = GAP_TOLERANCE,
    ignore: Ignore = (),
    archives: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    engine: Engine = "auto",
    rescale: Rescale = True,
    dtype: DTypeLike | None = None,
    out: Pixels | None = None,
    verify: Verify = "probe",
    workers: int | None = None,
    progress: Progress | None = None,
    max_bytes: int | None = None,
    slices: slice | None = None,
) -> Volume:
    """Load one series as a checked volume: the right one, or a clear error.

    Parameters
    ----------
    source : path-like, URL, UPath, bytes, file-like, Dataset, sequence of these, vtkStringArray, or Series
        A folder (walked recursively), a file (that file only), a zip or tar archive, a DICOMDIR, the URL of a file or
        folder (``s3://``, ``gs://``, ``az://``, ``https://``, ``sftp://``, ``memory://``, ``zip::s3://`` …) or of a
        study, series or instance on a DICOMweb server, the content of a file in memory, or a list of these; or a row
        of an `Index`.
    series : int, str or callable, optional
        Which series, where the source holds several: a row of ``scan(source)``, ``"largest"``, a callable that is true
        for one `Series`, or a text: a SeriesInstanceUID or the beginning of one, a folder or the last parts of its
        path, a description or a part of it; the first of these that fits any series has to fit one only. ``"all"``
        takes the files of the source as one series, whatever their SeriesInstanceUID, and refuses those of several
        patients, studies, modalities or frames of reference.
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
    ignore : "damaged", iterable of path-like, or callable
        Files to leave out, by path or by name alone; a callable gets a path and says whether to. ``"damaged"`` leaves
        out the damaged files of the series, but refuses a volume that has gaps without them. What was left out is
        warned of, and listed by `Volume.ignored`.
    archives : bool
        Whether archives and compressed files in a folder are entered, as for `scan`.
    storage_options : mapping, optional
        How a server knows the caller: what fsspec takes for the URL. Of DICOMweb: ``client``, a
        `dicomweb_client.DICOMwebClient`; or ``headers``, ``auth`` and ``timeout`` as requests takes them. They are
        shown nowhere.
    engine : {"auto", "direct", "codec", "vtk", "pydicom"}
        The reader; ``"auto"`` takes the fastest that is right for the series.
    rescale : bool, or {"real-world", "precise", "suv-bw", "suv-lbm", "suv-bsa"}
        Apply the modality transform (slope and intercept, or the modality LUT); False gives stored values.
        ``"real-world"`` applies RealWorldValueMappingSequence in its place, ``"real-world:LABEL"`` the one of several
        with that LUTLabel or code of its units; ``"precise"`` the private scale of Philips MR. ``"suv-bw"``,
        ``"suv-lbm"`` and ``"suv-bsa"`` give standardized uptake values of PET, by body weight, lean body mass
        (Janmahasatian) or body surface; `Volume.checks` holds the factor and the reference time.
    dtype : dtype-like, optional
        The type of the values, from int8 to float64: whole numbers come out exactly, fractions rounded to float32 or
        float64, and where one does not fit it is an error that says which type would hold all. By default the type
        that vtkDICOMImageReader gives wherever that holds the values.
    out : numpy.ndarray, optional
        Memory to fill, which becomes that of the volume: an array, a memory map, an array over shared memory. Of shape
        (slices, rows, columns[, 3]) and the dtype of the volume, C-contiguous, writable. After an error it may hold
        anything.
    verify : {"probe", "all", "none"}
        Read one frame, every frame or none again through a second, independent reader and compare.
    workers : int, optional
        Threads, for headers and pixels. By default one for headers, which is the fastest where files come from memory
        or a local disk, or 32 where they lie on a server, and for pixels one for each core, from 2 to 8, or 8 where the
        files come from storage.
    progress : callable, optional
        Called with (frames done, frames in all). An exception from it ends the load.
    max_bytes : int, optional
        Refuse a volume that takes more memory; three quarters of what is available by default.
    slices : slice, optional
        Read these of the slices, with step 1: ``slice(100, 120)`` of ``frames``, in their own place.

    Returns
    -------
    Volume

    Raises
    ------
    DicomLoadError
        One of its kinds; the message names the files and the call that goes past it.
    ValueError, TypeError
        An option or source that does not exist, or `out` is not an array for this volume.

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
    options = Options(order, irregular, tolerance, engine, rescale, verify, workers, progress, max_bytes, slices, dtype)
    return load_volume(
        source,
        options,
        np.empty if out is None else Given(out),
        series=series,
        stack=stack,
        ignore=ignore,
        archives=archives,
        storage_options=storage_options,
    )


def load_all(
    source: Source | SeriesData | IndexedStack,
    *,
    ignore: Ignore = (),
    archives: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    **options: Unpack[LoadOptions],
) -> list[Volume]:
    """Load every stack of every series, in list order.

    Parameters
    ----------
    source
        As for `load`.
    ignore, archives, storage_options, workers
        As for `load`.
    **options
        The other options of `load`, but for `series`, `stack` and `out`.

    Returns
    -------
    list of Volume

    Raises
    ------
    DicomLoadError
        As `load` does, for the first stack that cannot be loaded; ``load_many(scan(source))`` goes on after it.
    """
    checked, ignore = make_options(workers=workers, **options), settle_ignored(ignore)
    with Keeping.whole() as keeping:
        if not ignore:
            source, checked = retrieve_first(source, storage_options, keeping, checked)
        found, ignored = find_series(
            source, ignore, checked.workers, archives=archives, storage_options=storage_options, keeping=keeping
        )
        volumes = _load_each(Scan.of(found), ignore, ignored, checked)
    strays, leave_damaged = list_strays(found), leaves_damaged(ignore)
    damaged = [problem.path for problem in found.problems if problem.path not in strays] if leave_damaged else []
    for sentence in describe_left_out(ignored, damaged, list_untold_strays(found)):
        warn(sentence)
    return volumes


def _load_each(scanned: Scan, ignore: Ignore, ignored: tuple[str, ...], options: Options) -> list[Volume]:
    """Load every stack of every series of a list."""
    leave_damaged = leaves_damaged(ignore)
    for row, series in enumerate(scanned):
        if series.problems and not leave_damaged:
            raise _note_where(make_damage_error(series.problems), series, row)
    if not scanned.series:
        raise make_all_damaged_error(scanned.problems)
    volumes = []
    for row, series in enumerate(scanned):
        try:
            with say_once():
                stacks = select_stacks(series, ignore, ignored, options)
                volumes += [load_selected(stack, options) for stack in stacks]
        except DicomLoadError as error:
            _note_where(error, series, row)
            raise
    return volumes


def _note_where(error: DicomLoadError, series: Series, row: int) -> DicomLoadError:
    """Add to an error which of the series it is about."""
    error.add_note(f"in [{row}] {series.title}; load_many(scan(p)) goes on where a series does not load")
    return error
