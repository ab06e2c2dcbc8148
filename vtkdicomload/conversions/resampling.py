"""A volume on another grid: whether it goes there, which interpolation fits it, and what lies outside."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from .._util.memory import measure_usable_bytes
from .._util.wording import describe_argument, size_words
from ..errors import UnsupportedPixelDataError
from ..headers.sop_classes import LABEL_MAP, RT_DOSE, SEGMENTATION
from .doses import refuse_other_doses
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
    check_numbers(volume, "VTK")
    _check_memory(grid, volume)
    how = Sampling(
        choose_order(volume, order), antialias, choose_background(volume, background), _find_padding_value(volume)
    )
    return sample(take_values(volume, how.background), volume.geometry, grid, how)


def _check_memory(grid: Geometry, volume: VolumeData) -> None:
    """Refuse a result that does not fit into memory: a spacing of 0.01 mm is a slip of the pen."""
    needed = math.prod(grid.dimensions) * volume.dtype.itemsize * (3 if volume.frames.ndim == 4 else 1)
    usable = measure_usable_bytes()
    if needed > usable:
        raise ValueError(
            f"a grid of {size_words(*grid.dimensions)} voxels {volume.dtype} needs {needed / 2**20:.0f} MiB, more than "
            f"the {usable / 2**20:.0f} MiB of three quarters of the available memory"
        )


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
    """
    if background is None:
        kind = volume.series.header.sop_class_uid
        if kind in (LABEL_MAP, SEGMENTATION):
            return 0.0
        if kind == RT_DOSE:
            return float("nan")
        padding = _find_padding_value(volume)
        values = volume.frames
        return float(np.nanmin(values) if values.dtype.kind == "f" else values.min()) if padding is None else padding
    value = float(background)
    if volume.dtype.kind != "f" and value == value and np.array(value).astype(volume.dtype) != value:
        raise ValueError(f"a volume of {volume.dtype} does not hold background={describe_argument(background)}")
    return value


def take_values(volume: VolumeData, background: float) -> Pixels:
    """The pixels of a volume, in a type that holds what is not known where the background is NaN."""
    if volume.dtype.kind == "f" or background == background:
        return volume.frames
    if volume.frames.ndim == 4:
        raise UnsupportedPixelDataError("colour has no value for what is not known (background=nan)")
    return volume.frames.astype(np.float64 if volume.dtype.itemsize > 2 else np.float32)


def _find_padding_value(volume: VolumeData) -> float | None:
    """The padding value, where the pixels can hold it."""
    padding = volume.padding_value
    if padding is None or volume.frames.ndim == 4:
        return None
    if volume.dtype.kind != "f" and np.array(padding).astype(volume.dtype) != padding:
        return None
    return float(padding)
