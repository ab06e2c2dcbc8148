"""A series as one array of xarray that is read where it is indexed: `vtkdicomload.open`."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from .._util.optional import require
from ..loading.options import make_options
from .opening import Meant, open_image

if TYPE_CHECKING:
    from typing import Unpack

    import xarray

    from ..catalog.find import Ignore
    from ..catalog.index.stack_row import IndexedStack
    from ..loading.options import LoadOptions
    from ..series import SeriesChoice
    from ..sources.resolve import Source
    from ..stacks.series_data import SeriesData

Chunks = int | str | Mapping[Hashable, Any] | None


def open(  # noqa: A001 - as xarray, tifffile and nibabel call it
    source: Source | SeriesData | IndexedStack,
    *,
    series: SeriesChoice | None = None,
    stack: SeriesChoice | None = None,
    chunks: Chunks = None,
    ignore: Ignore = (),
    archives: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    **options: Unpack[LoadOptions],
) -> xarray.DataArray:
    """Open a series as an array of xarray: headers are read, and of the pixels only what is indexed, when it is.

    ``open(p)[100:120].load()`` reads 20 slices, ``open(p).load()`` all of them into one array, by all threads.

    Parameters
    ----------
    source, series, stack, ignore, archives, storage_options
        As for `load`.
    chunks : int, dict, "auto" or None
        What dask computes at a time: ``{}`` whole slices, ``{"z": 32}`` 32 of them. None is an array without dask.
    workers : int, optional
        Threads that read what is indexed at once, by default as `load`; one a part while another part is being read.
    **options
        The other options of `load`. `dtype` is by default the type that `load` tries first, and never changes: see the
        errors.

    Returns
    -------
    xarray.DataArray
        Dimensions z, y, x (and component), coordinates and attributes as of `Volume.to_xarray`. Several stacks of one
        geometry have further dimensions before, named by what tells them apart: echo, time, b_value, phase, channel …,
        two of them where each combination is there, or volume, with what is known as its coordinates: b_value in
        s/mm², times in ms, bvec_x, bvec_y and bvec_z, unit vectors in LPS.

    Raises
    ------
    MultipleSeriesError
        Several series, or stacks of several geometries, and none chosen.
    DicomLoadError
        As `load` does. Where it is indexed, or computed by dask: a file that changed since; values that do not fit the
        type, with the `dtype` that holds them; two readers that disagree about the first frame that is read.
    ValueError, TypeError
        An option or source that does not exist.
    ImportError
        xarray or dask is not installed; the message says how to.

    Warns
    -----
    DicomLoadWarning
        As `load` does.

    Examples
    --------
    >>> import vtkdicomload as vdl
    >>> image = vdl.open("study/series")  # doctest: +SKIP
    >>> image.dicom.sel_mm(z=slice(-80, -40)).mean("z")  # doctest: +SKIP
    """
    checked = make_options(workers=workers, **options)
    xr = require("xarray", extra="xarray")
    if chunks is not None:
        require("dask", extra="dask")
    from .backend import DicomBackend
    from .dataset import IMAGE

    opened = open_image(source, checked, Meant(series, stack, ignore, archives, storage_options))
    array: xarray.DataArray = xr.open_dataset(opened, engine=DicomBackend, chunks=chunks)[IMAGE]
    unknown = [str(name) for name in chunks if name not in array.dims] if isinstance(chunks, Mapping) else []
    if unknown:  # which xarray would not heed, silently
        raise ValueError(f"chunks= has {', '.join(unknown)}, the dimensions are {', '.join(map(str, array.dims))}")
    if chunks is None:
        return array
    # xarray divides coordinates into chunks too, and does not group by such.
    others = [name for name in array.coords if name not in array.indexes]
    at_hand: xarray.DataArray = array.assign_coords(
        {name: array.coords[name].variable.compute(scheduler="synchronous") for name in others}
    )
    return at_hand
