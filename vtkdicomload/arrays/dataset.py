"""An image that was opened as a Dataset of xarray, with one variable: `image`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from ..conversions.accessor import register
from ..conversions.coordinates import make_coordinates
from ..conversions.patient_space import find_frame_of_reference
from ..conversions.xarray import describe_values, name_dimensions
from ..loading.volume_data import VolumeData
from ..volume import Volume

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._util.arrays import Pixels
    from ..loading.lazy import LazyImage
    from .opening import OpenedImage

IMAGE = "image"


class LazyPixels(BackendArray):
    """The pixels of an image, read where xarray indexes them."""

    def __init__(self, image: LazyImage) -> None:
        self.image, self.shape, self.dtype = image, image.shape, image.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Pixels:
        if isinstance(key, (indexing.BasicIndexer, indexing.OuterIndexer)):
            return self.image.read(key.tuple)  # xarray's own way stumbles over an empty slice of negative step
        pixels: Pixels = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self.image.read
        )
        return pixels

    def __dask_tokenize__(self) -> tuple[str, str]:
        return self.image.__dask_tokenize__()


def make_dataset(opened: OpenedImage, drop_variables: str | Iterable[str] | None = None) -> xr.Dataset:
    """A Dataset with the variable `image` and the coordinates of its voxels and further dimensions."""
    register(Volume)
    image, grid = opened.image, opened.grid
    plan = image.plan
    geometry, series = plan.geometry, plan.series
    dims = name_dimensions(geometry, len(plan.shape))
    coordinates: dict[str, Any] = dict(make_coordinates(geometry, find_frame_of_reference(series)))
    leading: tuple[str, ...] = ()
    if grid is not None:
        leading = grid.names
        for own in grid.coordinates:
            coordinates[own.name] = (own.dimensions, own.values, dict(own.attributes))
    blank = VolumeData(
        np.empty((0, *plan.shape[1:]), image.dtype),
        geometry,
        series,
        engine=plan.reader.NAME,
        rescaled=bool(plan.options.rescale),
    )
    slices = dict.fromkeys((*leading, dims[0]), 1) | dict(zip(dims[1:], plan.shape[1:], strict=True))
    variable = xr.Variable(
        (*leading, *dims),
        indexing.LazilyIndexedArray(LazyPixels(image)),
        describe_values(blank),
        {"preferred_chunks": slices},
    )
    dropped = {drop_variables} if isinstance(drop_variables, str) else set(drop_variables or ())
    kept = {name: value for name, value in coordinates.items() if name not in dropped}
    return xr.Dataset({} if IMAGE in dropped else {IMAGE: variable}, kept)
