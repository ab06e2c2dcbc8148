"""`to_grid`: many volumes on one grid, as they come."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, TypeVar

from .._util.wording import describe_argument
from ..loading.volume_data import VolumeData
from .many import Loaded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..conversions.common_grid import Align, OnGrid
    from ..conversions.patient_space import FrameOfReference
    from ..conversions.resampling import OrderChoice
    from ..stacks.geometry import Geometry

V = TypeVar("V", bound=VolumeData)


def to_grid(
    volumes: Iterable[V | Loaded[V, Any]],
    *,
    like: V | Geometry | None = None,
    spacing: float | Sequence[float] | None = None,
    shape: Sequence[int] | None = None,
    align: Align = "patient",
    order: OrderChoice = "auto",
    antialias: bool = True,
    background: float | None = None,
    frame_of_reference: FrameOfReference = "match",
) -> OnGrid:
    """Bring volumes onto one grid, as one array: one after another, so that only one of them has to be in memory.

    Parameters
    ----------
    volumes : iterable of Volume or Loaded
        From a list, or as they come from `load_many`.
    like : Volume or Geometry, optional
        The grid. By default that of ``volumes[0].resampled(spacing=…, shape=…)``.
    spacing, shape
        As for `Volume.resampled`: in mm, and (nx, ny, nz).
    align : {"patient", "centre"}
        ``"patient"``: one voxel is one place in the patient for all. ``"centre"``, for volumes of many patients: grids
        of `spacing` and `shape` along the patient's axes, each about the middle of its own volume.
    order, antialias, background
        As for `Volume.resampled`.
    frame_of_reference : {"match", "ignore"}
        What to do where the FrameOfReferenceUIDs are not all the same and known: refuse, or take LPS mm of all for the
        same. With ``align="centre"`` and of a `Geometry` nothing has to match.

    Returns
    -------
    OnGrid
        A tuple: ``frames`` (n, z, y, x), or (n, z, y, x, 3) of colour, in a dtype that holds all of them; and their
        ``geometry``, without an origin with ``align="centre"``.

    Raises
    ------
    DicomLoadError
        The `error` of a `Loaded` that has no volume; or as `Volume.resampled` onto another volume.
    ValueError, TypeError
        No volume, or no grid.

    Examples
    --------
    >>> import vtkdicomload as vdl
    >>> frames, geometry = vdl.to_grid([pet, ct], like=ct)  # doctest: +SKIP
    >>> frames, _ = vdl.to_grid(  # doctest: +SKIP
    ...     vdl.load_many(vdl.scan("archive")), spacing=1, shape=(256, 256, 128), align="centre"
    ... )
    """
    from ..conversions.common_grid import put_on_grid

    if isinstance(volumes, VolumeData):
        raise TypeError("volumes must be a list of them, not one Volume")
    source = iter(volumes)
    try:
        return put_on_grid(
            map(_take_volume, source),
            like=like,
            spacing=spacing,
            shape=shape,
            align=align,
            order=order,
            antialias=antialias,
            background=background,
            frame_of_reference=frame_of_reference,
        )
    except BaseException:
        if isinstance(source, Generator):
            source.close()  # as `load_many` reads ahead
        raise


def _take_volume(item: V | Loaded[V, Any]) -> V:
    if isinstance(item, VolumeData):
        return item
    if not isinstance(item, Loaded):
        raise TypeError(f"volumes must be Volumes, or what load_many yields, not {describe_argument(item)}")
    if item.volume is None:
        raise item.error or TypeError(f"source {item.index} has no volume")
    return item.volume
