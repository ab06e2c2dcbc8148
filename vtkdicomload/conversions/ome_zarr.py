"""An array as OME-Zarr: a pyramid of scales in a Zarr store, written a chunk at a time by ngff-zarr.

OME-Zarr 0.5 has a scale and a translation for each axis, and says which side of the patient it runs to; it fits arrays
whose axes are those of the patient. 0.6 has an affine transform to another coordinate system beside, and fits all.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from .._util.optional import require
from .._util.wording import describe_argument
from ..errors import GeometryError
from ..errors.remedies import SetOption
from ..stacks.geometry import name_side
from .coordinates import AXES, COMPONENT, affine_of
from .whole import check_target, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray

    from .._util.arrays import Floats

Version = Literal["0.5", "0.6"]
_VERSIONS = ("0.5", "0.6")
_ALONG = 1e-6  # by which a unit vector may differ from an axis of the patient
_SIDES = {  # RFC 4 of OME-Zarr, by the side that an axis runs to
    "L": "right-to-left",
    "R": "left-to-right",
    "P": "anterior-to-posterior",
    "A": "posterior-to-anterior",
    "H": "inferior-to-superior",
    "F": "superior-to-inferior",
}
_PATIENT = dict(zip(AXES, ("L", "P", "H"), strict=True))
_TIMES = ("time", "frame_time", "phase")
_FEWEST = 64  # voxels along an axis that is halved once more
_SLICES, _ROWS = 16, 256  # of a chunk, which has as many columns as rows


def save_ome_zarr(array: xarray.DataArray, path: str | os.PathLike[str], version: Version | None) -> None:
    """Write an array as OME-Zarr (`DicomAccessor.to_ome_zarr`)."""
    write_store = plan_store(array, version)
    target = os.path.realpath(os.path.abspath(os.fsdecode(path)))
    if not target.lower().endswith(".zarr"):
        raise ValueError("the name of an OME-Zarr store ends in .ome.zarr, or .zarr")
    check_target(target, ".zarr")
    with write_whole(target, ".zarr") as unfinished:
        write_store(unfinished)


def plan_store(array: xarray.DataArray, version: Version | None = None) -> Callable[[str], None]:
    """Plan the writing of an array as a new store of a path; errors as `DicomAccessor.to_ome_zarr`."""
    if version not in (None, *_VERSIONS):
        raise ValueError(f'version must be "0.5" or "0.6", not {describe_argument(version)}')
    ngff = require("ngff_zarr", extra="ome-zarr")
    require("zarr", extra="zarr")
    laid_out = _order_axes(array)
    affine = affine_of(laid_out)
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    direction, steps = affine[:3, :3] / steps, np.round(steps, 9)
    upright = bool(np.allclose(np.abs(direction).max(axis=0), 1, rtol=0, atol=_ALONG))
    if version == "0.5" and not upright:
        raise GeometryError(
            "the axes of the array are not those of the patient, and OME-Zarr 0.5 has no room for an affine",
            remedies=[SetOption("version", ("0.6",)), SetOption("grid", ("patient",))],
        )
    chosen = version or ("0.5" if upright else "0.6")
    sides = {name: name_side(cosines) for name, cosines in zip(AXES, direction.T, strict=True)} if upright else {}
    multiscales = _make_multiscales(ngff, laid_out, steps, sides)
    if chosen == "0.6":
        multiscales = replace(multiscales, metadata=_add_patient(multiscales.metadata, direction))
    return partial(_write_store, partial(ngff.to_ome_zarr, multiscales=multiscales, version=chosen))


def _write_store(write: Callable[[str], None], path: str) -> None:
    """Write a store; what the Rust below says of the system is an error of the system."""
    try:
        write(path)
    except Exception as error:  # of a class that is not public
        code = re.search(r"\(os error (\d+)\)", str(error))
        if code is None:
            raise
        number = int(code[1])
        raise OSError(number, os.strerror(number), path) from error


class _Further(NamedTuple):
    """The dimension before z: time with a scale of its own, or channels."""

    name: str  # t or c
    scale: float = 1.0
    translation: float = 0.0
    labels: list[str] | None = None


def _order_axes(array: xarray.DataArray) -> xarray.DataArray:
    """The array with ascending axes, what has further dimensions first, and all three of space.

    Raises
    ------
    ValueError
        More dimensions than OME-Zarr has room for.
    """
    affine_of(array)  # its errors first
    flipped = {
        name: slice(None, None, -1)
        for name in AXES
        if name in array.dims and array.sizes[name] > 1 and array[name].values[0] > array[name].values[-1]
    }
    array = array.isel(flipped).expand_dims([name for name in AXES if name not in array.dims])
    others = [str(dim) for dim in array.dims if dim not in AXES]
    if len(others) > 1:
        sizes = " × ".join(f"{array.sizes[dim]} of {dim}" for dim in others)
        raise ValueError(f"OME-Zarr has room for one dimension beside space here, not for {sizes}: isel chooses")
    return array.transpose(*others, *reversed(AXES))


def _describe_further(array: xarray.DataArray) -> tuple[_Further, ...]:
    others = [str(dim) for dim in array.dims if dim not in AXES]
    if not others:
        return ()
    name = others[0]
    if name == COMPONENT:
        return (_Further("c", labels=["red", "green", "blue"][: array.sizes[name]]),)
    values = array[name].values if name in array.coords else np.arange(array.sizes[name])
    steps = np.diff(values) if values.dtype.kind in "iuf" else np.zeros(0)
    timed = name in array.coords and array[name].attrs.get("units") == "ms"
    if timed and len(steps) and name in _TIMES and np.allclose(steps, steps[0]) and steps[0] > 0:
        return (_Further("t", float(steps[0]), float(values[0])),)
    return (_Further("c", labels=[f"{name} {value}" for value in values.tolist()]),)


def _make_multiscales(ngff: Any, array: xarray.DataArray, steps: Floats, sides: dict[str, str]) -> Any:
    """The pyramid of an array: each scale is the mean of two voxels along every axis, of labels the most frequent."""
    further = _describe_further(array)
    dims = (*(one.name for one in further), *reversed(AXES))
    chunks = {"z": _SLICES, "y": _ROWS, "x": _ROWS} | {one.name: 1 for one in further}
    if array.chunks is None:  # whole slices, so that none is read twice
        array = array.chunk(
            {dim: chunks[name] for dim, name in zip(array.dims, dims, strict=True)} | {"y": -1, "x": -1}
        )
    image = ngff.to_ngff_image(
        array.data,
        dims=dims,
        scale=dict(zip(AXES, map(float, steps), strict=True)) | {one.name: one.scale for one in further},
        translation={name: float(array[name].values[0]) for name in AXES} | {f.name: f.translation for f in further},
        axes_units=dict.fromkeys(AXES, "millimeter") | ({"t": "millisecond"} if "t" in dims else {}),
        channel_names=next((one.labels for one in further), None),
    )
    longest = max(array.sizes[name] for name in AXES)
    halvings = max(0, int(np.log2(max(1, longest / _FEWEST))))
    labels = array.attrs.get("modality") == "SEG"
    orientation = {name: ngff.AnatomicalOrientation(_SIDES[side]) for name, side in sides.items()} or None
    return ngff.to_multiscales(
        image,
        scale_factors=[_list_factors(array, 2**k) for k in range(1, halvings + 1)],
        method=ngff.Methods.ITKWASM_LABEL_IMAGE if labels else ngff.Methods.DASK_BIN_SHRINK,
        chunks=chunks,
        orientation=orientation,
        axis_order="preserve",
    )


def _list_factors(array: xarray.DataArray, factor: int) -> dict[str, int]:
    """By what each axis of space is shrunk: one that is short already stays."""
    return {name: factor if array.sizes[name] >= factor * 2 else 1 for name in AXES}


def _add_patient(metadata: Any, direction: Floats) -> Any:
    """Metadata of 0.6 with the coordinate system LPS, and the affine that leads there."""
    from ngff_zarr import AnatomicalOrientation, AnatomicalOrientationValues
    from ngff_zarr.v06.zarr_metadata import Affine, Axis, CoordinateSystem, CoordinateSystemIdentifier

    (own,) = metadata.coordinateSystems
    count = len(own.axes) - len(AXES)  # of axes before z
    matrix = np.eye(len(own.axes), len(own.axes) + 1)
    matrix[count:, count:-1] = direction[::-1, ::-1]  # by z, y, x
    axes = [
        Axis(
            axis.name,
            axis.type,
            axis.unit,
            AnatomicalOrientation(AnatomicalOrientationValues(_SIDES[_PATIENT[axis.name]])),
        )
        if axis.name in AXES
        else axis
        for axis in own.axes
    ]
    transform = Affine(
        affine=matrix.tolist(),
        input=CoordinateSystemIdentifier(name=own.name),
        output=CoordinateSystemIdentifier(name="LPS"),
        name="to_patient",
    )
    return replace(
        metadata,
        coordinateSystems=[own, CoordinateSystem("LPS", axes)],
        coordinateTransformations=[*(metadata.coordinateTransformations or []), transform],
    )
