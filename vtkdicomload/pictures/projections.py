"""The largest, smallest or mean value along the normal of a plane, through the volume or a slab of it."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from .._util.wording import describe_argument
from ..conversions.interpolation import choose_float, is_hole
from ..errors import GeometryError
from ..errors.remedies import RESAMPLE
from .planes import VIEWS, make_plane, turn_view

if TYPE_CHECKING:
    from .._util.arrays import Floats, Pixels
    from ..loading.volume_data import VolumeData
    from ..stacks.padding import PaddingRange
    from .planes import Plane, PlaneName

ProjectionKind = Literal["max", "mean", "min"]
_WORDS = {"max": "maximum", "mean": "mean", "min": "minimum"}


def project(
    volume: VolumeData, kind: ProjectionKind, name: PlaneName, *, slab: float | None, mm: float | None
) -> Plane:
    """Project a volume along the normal of a plane (`Volume.projection`)."""
    if kind not in get_args(ProjectionKind):
        raise ValueError(f'a projection is "max", "mean" or "min", not {describe_argument(kind)}')
    if name not in VIEWS:
        raise ValueError(f"a plane is {', '.join(VIEWS)}, not {describe_argument(name)}")
    if volume.frames.ndim == 4:
        raise ValueError(f"{volume.series.title} is colour: a projection needs one value a voxel")
    if not volume.geometry.regular:
        raise GeometryError("the slices do not lie on a regular grid", remedies=[RESAMPLE])
    view = turn_view(volume, name)
    first, last = _find_slab(view.corners @ view.direction[:, 2], name, slab, mm)
    plane = make_plane(view, name, first)
    assert plane.origin is not None  # noqa: S101 - for the type checker: reoriented geometries have one
    through = last - first
    return replace(
        plane,
        name=f"{plane.name}, {_WORDS[kind]} of {through} planes",
        pixels=_project(view.frames[first:last], kind, volume.padding_range),
        number=None,
        index=None,
        origin=(view.corners[first] + view.corners[last - 1]) / 2,
    )


def _find_slab(lie: Floats, name: str, slab: float | None, mm: float | None) -> tuple[int, int]:
    """The planes of a slab, whose places along the normal ascend: the first, and the one behind the last."""
    if slab is None:
        if mm is not None:
            raise ValueError(f"mm={describe_argument(mm)} is the middle of a slab: it needs slab=, its thickness in mm")
        return 0, len(lie)
    for option, value in (("slab", slab), ("mm", mm)):
        if value is not None and not isinstance(value, Real):
            raise TypeError(f"{option} must be a number of mm, not {describe_argument(value)}")
    if not slab > 0:
        raise ValueError(f"slab must be a thickness in mm, not {describe_argument(slab)}")
    middle = float((lie[0] + lie[-1]) / 2 if mm is None else mm)
    chosen = np.flatnonzero(np.abs(lie - middle) <= slab / 2 * (1 + 1e-9))
    if not len(chosen):
        raise ValueError(f"no {name} plane lies within {slab / 2:g} mm of {middle:g} mm: {lie[0]:.6g} to {lie[-1]:.6g}")
    return int(chosen[0]), int(chosen[-1]) + 1


def _project(frames: Pixels, kind: ProjectionKind, padding: PaddingRange | None) -> Pixels:
    """One plane of many, one after another; padding is passed over where there is anything else."""
    kept = np.zeros(frames.shape[1:], np.intp)
    result = np.zeros(frames.shape[1:], np.float64 if kind == "mean" else frames.dtype)
    for plane in frames:
        holes = is_hole(plane, padding)
        if kind == "mean":
            np.add(result, plane, out=result, where=~holes)
        else:
            best = np.maximum(result, plane) if kind == "max" else np.minimum(result, plane)
            result = np.where(holes, result, np.where(kept == 0, plane, best))
        kept += ~holes
    if kind == "mean":
        result = (result / np.maximum(kept, 1)).astype(choose_float(frames.dtype))
    empty = kept == 0
    if empty.any():
        result[empty] = frames[0][empty]
    return result
