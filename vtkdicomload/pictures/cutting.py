"""One plane of a volume, by name or by its normal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import planes
from .oblique import cut_oblique_plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..loading.volume_data import VolumeData
    from .planes import Plane, PlaneName


def plane(
    volume: VolumeData,
    name: PlaneName | Sequence[float],
    point: Sequence[float] | None,
    *,
    index: int | None,
    mm: float | None,
) -> Plane:
    """One plane of a volume (`Volume.plane`)."""
    if point is not None and (index is not None or mm is not None):
        raise ValueError(f"a plane is chosen by a point, by index or by mm, not {point=}, {index=} and {mm=}")
    if not isinstance(name, str):
        if index is not None or mm is not None:
            raise ValueError("a plane across a normal is chosen by point=, a place in LPS mm, not by index or mm")
        return cut_oblique_plane(volume, name, point)
    if point is None:
        return planes.plane(volume, name, index=index, mm=mm)
    at = planes.parse_point(volume, point)
    if name not in planes.VIEWS:
        return planes.plane(volume, name)  # which refuses it
    return planes.plane(volume, name, mm=float(at @ planes.turn_view(volume, name).direction[:, 2]))
