"""A volume as an xarray.DataArray."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._util.optional import require
from ..stacks.geometry import name_side

if TYPE_CHECKING:
    import xarray

    from ..loading.volume_data import VolumeData


def to_xarray(volume: VolumeData) -> xarray.DataArray:
    """A DataArray over the memory of `frames` (`Volume.to_xarray`)."""
    xr = require("xarray", extra="xarray")
    letters = "xyz" if volume.direction is None else [name_side(cosines) for cosines in volume.direction.T]
    coordinates = {
        name: (name, places, {"units": "mm", "long_name": f"distance toward {letter}"})
        for name, places, letter in zip("xyz", volume.geometry.measure_axes(), letters, strict=True)
    }
    dims = ("z", "y", "x", "component")[: volume.frames.ndim]
    array: xarray.DataArray = xr.DataArray(
        volume.frames, coordinates, dims, name="frames", attrs=_list_attributes(volume)
    )
    return array


def _list_attributes(volume: VolumeData) -> dict[str, Any]:
    """Say what the coordinates do not say, in lists, numbers and words that JSON holds; what is unknown is left out."""
    geometry, series = volume.geometry, volume.series
    known = {
        "units": volume.units,
        "modality": series.modality,
        "description": series.description,
        "photometric_interpretation": volume.photometric_interpretation,
        "window": None if volume.window is None else list(volume.window),
        "padding_value": volume.padding_value,
        "spacing": list(geometry.spacing),
        "affine": None if geometry.affine is None else geometry.affine.tolist(),
        "positions": None if geometry.even or geometry.positions is None else geometry.positions.tolist(),
        "space": None if geometry.direction is None else "LPS",
    }
    return {name: value for name, value in known.items() if value is not None}
