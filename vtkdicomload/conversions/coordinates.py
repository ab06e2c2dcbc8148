"""The place of the voxels of an xarray.DataArray: coordinates that say it, and what they say of any part of an array.

The columns of D are the unit vectors of the axes x, y and z in LPS, not orthogonal where slices are sheared, and p is
the LPS position of a voxel in mm. Its coordinates are c = D⁻¹ · p, so that p = D · c: there is no origin beside them
that slicing would make wrong. D itself stands in the attributes of a scalar coordinate, `patient`, whose value is a
number of it: volumes that are centred alike have the same c in any direction, and are not to be added place by place.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.optional import require
from .._util.wording import describe_argument
from ..errors import GeometryError
from ..stacks.geometry import Geometry, name_side

if TYPE_CHECKING:
    import xarray

    from .._util.arrays import Floats

    Coordinates = dict[str, tuple[Any, Any, dict[str, Any]]]  # name → dimensions, values, attributes

PATIENT = "patient"
FRAME_OF_REFERENCE = "frame_of_reference_uid"  # an attribute of `patient`
AXES = ("x", "y", "z")
RUN = ("frame_time", "frame")  # what the third axis is called in the place of z where it counts the frames of a run
COMPONENT = "component"  # the dimension of red, green and blue
_DECIMALS = 6  # of a coordinate in mm: volumes of one place that differ by rounding have the same
_SAME_COSINE = 1e-3  # by which directions differ at least that have other numbers
_EVEN = 1e-4  # mm that a coordinate may lie off an even axis: rounding, in single precision too


def make_coordinates(geometry: Geometry, frame_of_reference_uid: str | None) -> Coordinates:
    """Make the coordinates of `Volume.frames`, as xarray takes them.

    Parameters
    ----------
    geometry : Geometry
        Of the volume. Uneven slices have their true places along the normal; without position or orientation the
        coordinates are distances from the first voxel.
    frame_of_reference_uid : str or None
        FrameOfReferenceUID, where it is known.

    Raises
    ------
    GeometryError
        The slices do not follow each other in space.
    """
    direction, third = geometry.direction, name_third_axis(geometry)
    placed = direction is not None and geometry.origin is not None and third == "z"
    first: Floats = np.linalg.solve(np.asarray(direction), np.array(geometry.origin)) if placed else np.zeros(3)
    letters = AXES if direction is None else [name_side(cosines) for cosines in direction.T]
    coordinates: Coordinates = {
        name: (
            name,
            np.round(places + start, _DECIMALS) + 0.0,  # without a negative zero
            {"units": "mm", "long_name": f"distance toward {letter}", "spacing": float(step)},
        )
        for name, places, start, letter, step in zip(
            AXES, geometry.measure_axes(), first, letters, geometry.spacing, strict=True
        )
    }
    if third != "z":
        del coordinates["z"]
        if geometry.frame_times is not None and third == RUN[0]:
            attributes = {"units": "ms", "long_name": "time after the first frame"}
            coordinates[third] = (third, geometry.frame_times, attributes)
    elif not geometry.even and geometry.positions is not None:
        for axis, name in enumerate(AXES):
            attributes = {"units": "mm", "long_name": f"LPS {name} of the first pixel of a slice"}
            coordinates[f"position_{name}"] = ("z", geometry.positions[:, axis], attributes)
    if placed and direction is not None:
        coordinates[PATIENT] = ((), _number_direction(direction), _describe_space(direction, frame_of_reference_uid))
    return coordinates


def name_third_axis(geometry: Geometry) -> str:
    """Name the axis of `Volume.frames` that counts slices, or the frames of a run."""
    if geometry.third_axis == "slices":
        return "z"
    times = geometry.frame_times
    return RUN[0] if times is not None and len(np.unique(times)) == len(times) else RUN[1]


def _number_direction(direction: Floats) -> int:
    """Number the axes of a volume: others where theirs differ, so that xarray takes arrays of both for different."""
    steps = np.floor(direction / _SAME_COSINE + 1 / np.pi)  # which divides no cosine that is usual from its like
    return zlib.crc32(steps.astype("<i4").tobytes())


def _describe_space(direction: Floats, frame_of_reference_uid: str | None) -> dict[str, Any]:
    """The attributes of `patient`: flat, so that every format holds them."""
    space = {
        "long_name": "unit vectors of x, y and z as columns, row by row: position = direction · (x, y, z)",
        "direction": (direction + 0.0).ravel().tolist(),
        "convention": "LPS",
        "units": "mm",
    }
    return space if frame_of_reference_uid is None else space | {FRAME_OF_REFERENCE: frame_of_reference_uid}


# ------------------------------------------------------------------------------------------------ of any array
def affine_of(array: xarray.DataArray | xarray.Dataset) -> Floats:
    """The place of an array in the patient, by its coordinates: after slicing, flips and arithmetic too.

    Parameters
    ----------
    array : xarray.DataArray or xarray.Dataset
        From `open` or `Volume.to_xarray`, or a part of one or what became of it, with its coordinates x, y, z and
        `patient`; read from a Zarr or netCDF store too. The order of its dimensions does not matter.

    Returns
    -------
    numpy.ndarray, shape (4, 4), float64
        Index (x, y, z, 1) → LPS mm. An axis that was dropped by an index (``array[5]``) counts as one of one sample.

    Raises
    ------
    GeometryError
        A coordinate is missing, not even or not a number.
    TypeError
        It is no array of xarray.

    Examples
    --------
    >>> import vtkdicomload as vdl
    >>> vdl.affine_of(vdl.open("study/series")[10:20, ::2, ::2])  # doctest: +SKIP
    """
    direction, starts, steps = _read_axis_directions(array), np.zeros(3), np.zeros(3)
    for axis, name in enumerate(AXES):
        starts[axis], steps[axis] = _measure_axis(array, name)
    affine = np.eye(4)
    affine[:3, :3] = direction * steps
    affine[:3, 3] = direction @ starts
    return affine


def geometry_of(array: xarray.DataArray) -> Geometry:
    """Make the grid of an array whose coordinates are even; without a place where it has no `patient`.

    Raises
    ------
    GeometryError, TypeError
        As `affine_of`.
    """
    _require_array(array)
    nx, ny, nz = (int(array.coords[name].size) if name in array.coords else 1 for name in AXES)
    run = next((name for name in RUN if name in array.dims), None)
    if run is not None:
        sx, sy = (abs(_measure_axis(array, name)[1]) for name in "xy")
        times = read_values(array, run) if run in array.coords else None
        return Geometry((nx, ny, array.sizes[run]), (sx, sy, 1.0), third_axis="frames", frame_times=times)
    if PATIENT not in array.coords:
        sx, sy, sz = (abs(_measure_axis(array, name)[1]) for name in AXES)
        return Geometry((nx, ny, nz), (sx, sy, sz))
    affine = affine_of(array)
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    x, y, z = (float(mm) for mm in affine[:3, 3])
    positions = affine[:3, 3] + np.outer(np.arange(nz), affine[:3, 2])
    sx, sy, sz = (float(mm) for mm in steps)
    return Geometry((nx, ny, nz), (sx, sy, sz), (x, y, z), affine[:3, :3] / steps, positions)


def read_values(array: xarray.DataArray, name: str) -> Floats:
    """Read a coordinate of an array.

    Raises
    ------
    GeometryError
        It is missing, no number or not one along one axis.
    """
    _require_array(array)
    if name not in array.coords:
        raise GeometryError(f"the array has no coordinate {name}: what took it away should keep it (drop=False)")
    values = np.asarray(array.coords[name].values)
    if values.ndim > 1 or values.dtype.kind not in "iuf" or not values.size or not np.isfinite(values).all():
        raise GeometryError(f"the coordinate {name} is no list of numbers, so that the array has no place")
    floats: Floats = np.atleast_1d(values).astype(np.float64)
    return floats


def _measure_axis(array: Any, name: str) -> tuple[float, float]:
    """The first coordinate and the step of an axis in mm."""
    values = read_values(array, name)
    if values.size == 1:
        spacing = array.coords[name].attrs.get("spacing")
        if not isinstance(spacing, (int, float, np.number)) or not np.isfinite(spacing) or spacing <= 0:
            raise GeometryError(
                f"the coordinate {name} has one value and no attribute spacing, so that the voxels have no size"
            )
        return float(values[0]), float(spacing)
    step = float(values[-1] - values[0]) / (values.size - 1)
    off = np.abs(values - values[0] - step * np.arange(values.size)).max()
    if off > _EVEN or abs(step) < _EVEN:
        gaps = np.diff(values)
        raise GeometryError(
            f"the coordinate {name} is not even, no affine describes it: its steps are {gaps.min():.6g} to "
            f"{gaps.max():.6g} mm"
        )
    return float(values[0]), step


def _read_axis_directions(array: Any) -> Floats:
    """The unit vectors of the axes, as columns."""
    _require_array(array)
    if PATIENT not in array.coords:
        raise GeometryError(
            f"the array has no coordinate {PATIENT}, so that it has no place in the patient (as what is made of arrays "
            "with different directions)"
        )
    attributes = array.coords[PATIENT].attrs
    try:
        direction = np.reshape(np.asarray(attributes["direction"], np.float64), (3, 3))
    except (KeyError, ValueError, TypeError):
        raise GeometryError(f"the coordinate {PATIENT} has no attribute direction of nine numbers") from None
    if attributes.get("convention") != "LPS" or not np.isfinite(direction).all():
        raise GeometryError(f"the coordinate {PATIENT} says no directions in LPS")
    if (np.asarray(array.coords[PATIENT].values) != _number_direction(direction)).any():
        raise GeometryError(f"the coordinate {PATIENT} is put together from arrays with different directions")
    return direction


def _require_array(array: object) -> None:
    xr = require("xarray", extra="xarray")
    if not isinstance(array, (xr.DataArray, xr.Dataset)):
        raise TypeError(f"an array of xarray is needed, not {describe_argument(array)}")
