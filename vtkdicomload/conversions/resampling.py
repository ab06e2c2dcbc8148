"""A volume on another grid: whether it goes there, which interpolation fits it, and what lies outside."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from .._util.wording import describe_argument
from ..errors import GeometryError, UnsupportedPixelDataError
from ..headers.sop_classes import LABEL_MAP, RT_DOSE, SEGMENTATION
from .doses import refuse_other_doses
from .grid import check_size, is_placed
from .holding import check_numbers
from .interpolation import Sampling
from .patient_space import require_same_place
from .sampling import sample

if TYPE_CHECKING:
    from .._util.arrays import Pixels
    from ..loading.volume_data import VolumeData
    from ..stacks.geometry import Geometry
    from ..stacks.series_data import SeriesData
    from .patient_space import FrameOfReference

OrderChoice = Literal["auto", "nearest", "linear", "cubic", "bspline"]


def require_comparable(volume: VolumeData, other: SeriesData, choice: FrameOfReference) -> None:
    """Refuse a volume whose values cannot be compared with those of another series, voxel by voxel.

    Raises
    ------
    GeometryError
        They are not known to lie in one place.
    UnsupportedPixelDataError
        A dose in other units than Gy, or a difference of doses.
    """
    require_same_place(volume.series, other, choice)
    refuse_other_doses(volume)


def resample_onto(
    volume: VolumeData,
    grid: Geometry,
    *,
    order: OrderChoice = "auto",
    antialias: bool = True,
    background: float | None = None,
) -> Pixels:
    """The values of a volume at the voxels of a grid; the parameters and errors are those of `Volume.resampled`."""
    _require_one_space(volume, grid)
    check_numbers(volume, "VTK")
    check_size(grid.dimensions, volume.dtype.itemsize * math.prod(volume.frames.shape[3:]))
    how = Sampling(choose_order(volume, order), antialias, choose_background(volume, background), volume.padding_range)
    return sample(take_values(volume, how.background), volume.geometry, grid, how)


def choose_order(volume: VolumeData, order: OrderChoice) -> Literal["nearest", "linear", "cubic", "bspline"]:
    """The interpolation that fits what a volume is: the nearest value for labels, else linear.

    Raises
    ------
    ValueError
        Another word, or labels that would be interpolated.
    """
    if order not in get_args(OrderChoice):
        raise ValueError(
            f"order must be one of {', '.join(map(repr, get_args(OrderChoice)))}, not {describe_argument(order)}"
        )
    kind = volume.series.header.sop_class_uid
    if order == "auto":
        return "nearest" if kind in (LABEL_MAP, SEGMENTATION) else "linear"
    if kind == LABEL_MAP and order != "nearest":
        raise ValueError(f'a label map has no values between its labels: order={order!r} is not for it, "nearest" is')
    return order


def choose_background(volume: VolumeData, background: float | None) -> float:
    """The value outside a volume: padding; 0 of labels; not known (NaN) of a dose; else the smallest there is.

    Raises
    ------
    ValueError
        `background` is given and the dtype of the volume does not hold it.
    TypeError
        It is no number.
    """
    if background is None:
        kind = volume.series.header.sop_class_uid
        if kind in (LABEL_MAP, SEGMENTATION):
            return 0.0
        if kind == RT_DOSE:
            return float("nan")
        padding = volume.padding_value
        return padding if padding is not None and _can_hold(volume.dtype, padding) else _find_smallest(volume.frames)
    if isinstance(background, bool) or not isinstance(background, Real):
        raise TypeError(f"background must be a number, not {describe_argument(background)}")
    value = float(background)
    if value == value and not _can_hold(volume.dtype, value):
        raise ValueError(f"a volume of {volume.dtype} does not hold background={describe_argument(background)}")
    return value


def take_values(volume: VolumeData, background: float) -> Pixels:
    """The pixels of a volume, in a type that holds what is not known where the background is NaN."""
    if volume.dtype.kind == "f" or background == background:
        return volume.frames
    if volume.frames.ndim == 4:
        raise UnsupportedPixelDataError("colour has no value for what is not known (background=nan)")
    return volume.frames.astype(np.float64 if volume.dtype.itemsize > 2 else np.float32)


def _require_one_space(volume: VolumeData, grid: Geometry) -> None:
    """Refuse a grid in the patient for a volume without a place there, and the reverse."""
    if is_placed(volume.geometry) == is_placed(grid):
        return
    which = "the grid" if is_placed(volume.geometry) else volume.series.title
    raise GeometryError(
        f"{which} has no position or orientation in the patient, so nothing is known to lie on the grid"
    )


def _can_hold(dtype: np.dtype[Any], value: float) -> bool:
    """Tell whether a type holds a number; every floating-point one does, in its precision."""
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return limits.min <= value <= limits.max and value == int(value)


def _find_smallest(values: Pixels) -> float:
    """The smallest of values that are numbers; NaN where none is."""
    return float(np.fmin.reduce(values, axis=None))
