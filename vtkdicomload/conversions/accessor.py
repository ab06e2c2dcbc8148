"""`array.dicom`: what an xarray.DataArray of this package can do beside what xarray can."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.optional import require
from .._util.wording import describe_argument
from .coordinates import AXES, affine_of, read_values
from .from_xarray import make_volume
from .xarray import to_xarray

if TYPE_CHECKING:
    import os
    from typing import Literal

    import xarray

    from .._util.arrays import Floats
    from ..loading.volume_data import VolumeData
    from ..stacks.geometry import Geometry
    from .ome_zarr import Version

_NAME = "dicom"
_HALF = 0.5 + 1e-6  # of a step: how far beside the outermost voxels a place may lie


class DicomAccessor:
    """The methods of an array with a place in the patient, beside those of xarray."""

    volume_kind: type[VolumeData]

    def __init__(self, array: xarray.DataArray) -> None:
        self._array = array

    @property
    def affine(self) -> Floats:
        """Index (x, y, z, 1) → LPS mm, (4, 4): `vtkdicomload.affine_of` the array, with its errors."""
        return affine_of(self._array)

    def to_volume(self) -> Any:
        """The array as a `Volume`; see `Volume.from_xarray`."""
        return make_volume(self.volume_kind, self._array)

    def sel_mm(self, **places: float | slice | None) -> xarray.DataArray:
        """Select by the coordinates x, y and z in mm, whichever way an axis runs.

        Parameters
        ----------
        **places : float or slice
            For x, y or z: a number takes the nearest voxel and drops the axis; a slice takes all voxels between its
            ends, both of them included, in the order that they have. Ends in either order, or None.

        Returns
        -------
        xarray.DataArray

        Raises
        ------
        ValueError
            No voxel lies there; the message gives the range.
        TypeError
            Another axis, or neither a number nor a slice of numbers.
        GeometryError
            The array has no such coordinate.
        """
        chosen: dict[Any, Any] = {}
        for name, place in places.items():
            if name not in AXES or name not in self._array.dims:
                raise TypeError(f"sel_mm takes {_list_axes(self._array)}, not {name}")
            chosen[name] = _find_indices(name, read_values(self._array, name), place)
        return self._array.isel(chosen)

    def to_ome_zarr(
        self,
        path: str | os.PathLike[str],
        *,
        version: Version | None = None,
        grid: Literal["patient"] | VolumeData | Geometry | None = None,
    ) -> None:
        """Write the array as OME-Zarr, a chunk at a time: the voxels as they are, and smaller scales of them.

        Parameters
        ----------
        path : path-like
            Ends in ``.ome.zarr`` or ``.zarr``. The store appears whole or not at all; one that exists is replaced.
        version : {"0.5", "0.6"}, optional
            Of OME-Zarr. By default 0.5 where the axes of the array are those of the patient, which it can say, else
            0.6, whose coordinate system ``LPS`` an affine leads to.
        grid : "patient", Volume or Geometry, optional
            Interpolate first, in memory: onto axes of the patient around the whole array, or onto another grid.

        Raises
        ------
        GeometryError
            Version 0.5 of axes that are not those of the patient; as `affine_of`.
        ValueError
            More than one dimension beside space and colour, or another suffix or version.
        OSError
            As `Volume.save`.
        ImportError
            ngff-zarr, dask or zarr is not installed; the message says how to.
        """
        from .ome_zarr import save_ome_zarr

        save_ome_zarr(self._array if grid is None else _put_array_on_grid(self.to_volume(), grid), path, version)


def register(kind: type[VolumeData]) -> None:
    """Give arrays of xarray `dicom`, whose volumes are of a kind; a second time nothing happens."""
    xr = require("xarray", extra="xarray")
    DicomAccessor.volume_kind = kind
    if getattr(xr.DataArray, _NAME, None) is not DicomAccessor:
        xr.register_dataarray_accessor(_NAME)(DicomAccessor)


def _put_array_on_grid(volume: Any, grid: Literal["patient"] | VolumeData | Geometry) -> xarray.DataArray:
    """The array of a volume on another grid; of ``"patient"`` on axes of the patient around all of it."""
    if not isinstance(grid, str):
        return to_xarray(volume.resampled(like=grid))
    if grid != "patient":
        raise ValueError(f'grid must be "patient", a Volume or a Geometry, not {describe_argument(grid)}')
    geometry = volume.geometry
    affine = geometry.require_affine()
    corners = geometry.to_patient(list(product(*((0, n - 1) for n in geometry.dimensions))))
    low, high = corners.min(axis=0), corners.max(axis=0)
    # The spacing of each axis of the patient is that of the axis which runs most nearly along it.
    spacing = np.array(geometry.spacing)[np.abs(affine[:3, :3] / geometry.spacing).argmax(axis=1)]
    matrix = np.diag([*spacing, 1.0])
    matrix[:3, 3] = low
    shape = np.ceil((high - low) / spacing - _HALF + 0.5).astype(int) + 1
    return to_xarray(volume.resampled(matrix=matrix, shape=shape.tolist()))


def _list_axes(array: xarray.DataArray) -> str:
    return ", ".join(name for name in AXES if name in array.dims) or "an axis, and there is none"


def _find_indices(name: str, values: Floats, place: object) -> int | slice:
    low, high = float(values.min()), float(values.max())
    if isinstance(place, slice):
        if place.step is not None:
            raise TypeError(f"a slice of {name} has two ends in mm and no step")
        first, last = sorted(
            (
                low if place.start is None else _read_mm(name, place.start),
                high if place.stop is None else _read_mm(name, place.stop),
            )
        )
        inside = np.flatnonzero((values >= first) & (values <= last))
        if not inside.size:
            raise ValueError(f"no voxel lies between {name} = {first:g} and {last:g} mm: {name} is {low:g} to {high:g}")
        if inside[-1] - inside[0] + 1 != inside.size:
            raise ValueError(f"the coordinate {name} goes to and fro, so that a range of it is no part of the array")
        return slice(int(inside[0]), int(inside[-1]) + 1)
    mm = _read_mm(name, place)
    nearest = int(np.abs(values - mm).argmin())
    step = (high - low) / (values.size - 1) if values.size > 1 else np.inf
    if not low - step * _HALF <= mm <= high + step * _HALF:
        raise ValueError(f"{name} = {mm:g} mm lies outside: {name} is {low:g} to {high:g}")
    return nearest


def _read_mm(name: str, value: object) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} is chosen by mm, not by {describe_argument(value)}")
    if not np.isfinite(value):
        raise ValueError(f"{name} is chosen by mm, not by {value}")
    return float(value)
