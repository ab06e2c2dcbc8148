"""A volume as an xarray.DataArray."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._util.optional import require
from .coordinates import COMPONENT, make_coordinates, name_third_axis
from .patient_space import find_frame_of_reference

if TYPE_CHECKING:
    import xarray

    from ..loading.volume_data import VolumeData
    from ..stacks.geometry import Geometry


def to_xarray(volume: VolumeData) -> xarray.DataArray:
    """A DataArray over the memory of `frames` (`Volume.to_xarray`)."""
    xr = require("xarray", extra="xarray")
    coordinates = make_coordinates(volume.geometry, find_frame_of_reference(volume.series))
    array: xarray.DataArray = xr.DataArray(
        volume.frames,
        coordinates,
        name_dimensions(volume.geometry, volume.frames.ndim),
        name="frames",
        attrs=describe_values(volume),
    )
    return array


def name_dimensions(geometry: Geometry, ndim: int) -> tuple[str, ...]:
    """Name the dimensions of `Volume.frames`."""
    return (name_third_axis(geometry), "y", "x", COMPONENT)[:ndim]


def describe_values(volume: VolumeData) -> dict[str, Any]:
    """Say what the values are, in lists, numbers and words that JSON holds; what is unknown is left out."""
    known = {
        "units": volume.units,
        "modality": volume.series.modality,
        "description": volume.series.description,
        "photometric_interpretation": volume.photometric_interpretation,
        "window": None if volume.window is None else list(volume.window),
        "padding_value": volume.padding_value,
        "padding_range": None if volume.padding_range is None else list(volume.padding_range),
    }
    return {name: value for name, value in known.items() if value is not None}
