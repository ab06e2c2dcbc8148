"""Masks of structures on the voxels of a volume."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from .._util.warnings import warn
from .._util.wording import describe_argument
from ..errors import GeometryError
from ..errors.remedies import Use
from ..headers.objects.structure_set import CLOSED
from .contour_masks import describe_slices, fill_region, measure_usual_distance
from .patient_space import require_drawn_on
from .segment_masks import mask_segment, read_segment
from .structures import RegionSource, choose_structures, list_structures, read_structures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, Unpack

    from .._util.arrays import Pixels
    from ..loading.volume_data import VolumeData
    from .patient_space import FrameOfReference
    from .segment_masks import Stored
    from .structures import SegmentSource, Structure

    Named = tuple[Structure, Pixels]


class MaskOptions(TypedDict, total=False):
    """The options of `Volume.mask_of` that every call that makes masks takes by name."""

    threshold: float | None
    interpolate: bool
    frame_of_reference: FrameOfReference
    storage_options: Mapping[str, Any] | None


def make_masks(
    volume: VolumeData,
    source: Any,
    names: Sequence[str | int] | None = None,
    *,
    threshold: float | None = None,
    interpolate: bool = False,
    frame_of_reference: FrameOfReference = "match",
    storage_options: Mapping[str, Any] | None = None,
) -> Iterator[Named]:
    """Each structure that is meant with its mask, one after another; what cannot be is refused before the first.

    Parameters
    ----------
    volume : VolumeData
        The masks are (nz, ny, nx) bool of it.
    source
        As for `read_structures`.
    names : sequence of str or int, or None
        Names or numbers; None for all that bound an area, but for the background of a label map.
    threshold, interpolate, frame_of_reference, storage_options
        As for `Volume.mask_of`.
    """
    if names is not None and (isinstance(names, str) or not isinstance(names, Iterable)):
        raise TypeError(f'names must be a list, such as ["liver"], not {describe_argument(names)}')
    _check_threshold(threshold)
    if volume.direction is None or volume.origin is None:
        raise GeometryError("the files hold no position or orientation, so nothing is known to lie in the volume")
    found = read_structures(source, storage_options)
    structures = found.structures
    rows = _list_all(found) if names is None else choose_structures(structures, names, found.path)
    if isinstance(found, RegionSource):
        if threshold is not None:
            raise ValueError(f"threshold= is for fractional segments, {found.path} is an RT structure set")
        for row in rows:
            if not _bounds_area(structures[row]):
                _refuse_without_area(structures[row], found.path)
    else:
        _require_threshold(found, threshold)
        if interpolate:
            raise ValueError(f"interpolate=True is for contours, {found.path} is a segmentation")
    uids = [structures[row].frame_of_reference_uid for row in rows]
    series = [uid for row in rows[:1] for uid in structures[row].series_uids]
    told = require_drawn_on(volume.series, uids, series, found.path, frame_of_reference) if rows else None
    if told:
        warn(told)
    if isinstance(found, RegionSource):
        return _mask_regions(volume, found, rows, interpolate)
    return _mask_segments(volume, found, rows, threshold)


def make_mask(volume: VolumeData, source: Any, name: str | int | None, **options: Unpack[MaskOptions]) -> Pixels:
    """The mask of one structure (`Volume.mask_of`)."""
    if name is None:
        found = read_structures(source, options.get("storage_options"))
        structures = found.structures
        rows = range(1) if len(structures) == 1 else _list_all(found)
        if len(rows) != 1:
            raise ValueError(
                f"{len(structures)} structures in {found.path}, choose by name=: {list_structures(structures)}"
            )
        name = structures[rows[0]].number
    ((_, mask),) = make_masks(volume, source, [name], **options)
    return mask


def merge_masks(volume: VolumeData, masks: Iterable[Named]) -> Pixels:
    """The numbers of structures as one array (`Volume.label_map_of`)."""
    labels = np.zeros(volume.dimensions[::-1], np.uint16)
    known: dict[int, str] = {}
    for structure, mask in masks:
        if not 0 < structure.number < 1 << 16 or structure.number in known:
            raise ValueError(f"the number of {structure!r} is no label of its own, 1 to 65535")
        taken = labels[mask]
        if taken.any():
            others = sorted({known[int(n)] for n in np.unique(taken[taken > 0])})
            raise ValueError(
                f"{structure.name!r} overlaps {', '.join(map(repr, others))} in {np.count_nonzero(taken)} voxels: "
                "a label map holds one of them, masks_of() both"
            )
        known[structure.number] = structure.name
        labels[mask] = structure.number
    return labels


# ---------------------------------------------------------------------------------------------------- steps
def _list_all(found: RegionSource | SegmentSource) -> list[int]:
    """The rows that are meant where none is named: all that bound an area, but for the background of a label map."""
    if isinstance(found, RegionSource):
        return [row for row, structure in enumerate(found.structures) if _bounds_area(structure)]
    return [row for row in range(len(found.structures)) if row not in found.background]


def _bounds_area(structure: Structure) -> bool:
    return any(kind in CLOSED for kind in structure.kinds)


def _mask_regions(volume: VolumeData, found: RegionSource, rows: list[int], interpolate: bool) -> Iterator[Named]:
    slices = describe_slices(volume.geometry)
    regions, structures = found.said.regions, found.structures
    usual = measure_usual_distance(regions, slices)
    for row in rows:
        mask, told = fill_region(regions[row], slices, usual, interpolate)
        if not mask.any():
            told.append("no voxel centre of the volume lies in it")
        if told:
            warn(f"{regions[row].name!r}: {'; '.join(told)}")
        yield structures[row], mask


def _mask_segments(
    volume: VolumeData, found: SegmentSource, rows: list[int], threshold: float | None
) -> Iterator[Named]:
    structures, parts = found.structures, found.parts
    kept: tuple[str, Stored] | None = None  # a label map is read once for all of its segments
    for row in rows:
        said, number, series = parts[row]
        stored = kept[1] if kept is not None and kept[0] == said.path else read_segment(series)
        kept = (said.path, stored) if said.kind == "LABELMAP" else None
        mask = mask_segment(stored, said, number, threshold, volume.geometry)
        if not mask.any():
            warn(f"{structures[row].name!r}: no voxel centre of the volume lies in it")
        yield structures[row], mask


def _check_threshold(threshold: Any) -> None:
    """Refuse what is no fraction."""
    if threshold is None:
        return
    if isinstance(threshold, bool) or not isinstance(threshold, Real):
        raise TypeError(f"threshold must be a number, not {describe_argument(threshold)}")
    if not 0 < float(threshold) <= 1:
        raise ValueError(f"threshold must be a fraction, above 0 and up to 1, not {describe_argument(threshold)}")


def _require_threshold(found: SegmentSource, threshold: float | None) -> None:
    """Refuse fractions of which nobody says from where on a voxel belongs to the segment."""
    if threshold is None and any(said.kind == "FRACTIONAL" for said in found.said):
        raise ValueError(
            f"the segments of {found.path} are fractions, so a threshold is needed: 0.5 takes the voxels where they "
            "reach a half"
        )


def _refuse_without_area(structure: Structure, path: str) -> None:
    kinds = ", ".join(f"{n} {kind}" for kind, n in structure.kinds.items()) or "no contour at all"
    raise GeometryError(
        f"{structure.name!r} in {path} bounds no area: {kinds}",
        files=[path],
        remedies=[Use("contours_of(source, name)")] if structure.kinds else [],
    )
