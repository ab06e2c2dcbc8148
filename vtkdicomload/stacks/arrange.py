"""From the frames of one stack to their order and the geometry of the volume they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import DuplicateSliceError, GeometryError, MissingSliceError, ShearedSeriesError
from ..headers.orientation import direction_of, is_unit, normal_of, orientation_fault
from . import consistency
from .assumptions import taken_for_granted
from .conflicts import copies, find_twins, mm, some_without_position
from .geometry import Geometry
from .order import in_instance_order, in_named_order, in_space
from .spacing import (
    check_sizes,
    grid_tolerance,
    in_plane_spacing,
    sheared,
    spacing_without_positions,
    thickness,
    uneven,
    usual_gap,
)
from .split import split
from .tolerances import GAP_SLACK, GAP_TOLERANCE, same_position_limit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..headers.model import Frame
    from .series_data import SeriesData


class Arrangement(NamedTuple):
    """The frames of one volume in their places."""

    frames: tuple[Frame, ...]  # frames[k] is the k-th slice of volume.frames
    geometry: Geometry  # of volume.frames
    assumptions: tuple[str, ...]  # what was taken for granted, each a sentence for a DicomLoadWarning


def arrange(series: SeriesData, *, order: str, irregular: str, tolerance: float) -> Arrangement:
    """Order the frames of a stack and work out where they lie.

    Parameters
    ----------
    series : Series
        One stack.
    order : {"position", "natural", "given"}
        Along the slice normal; by natural order of the file names; as the frames come.
    irregular : {"raise", "resample", "keep"}
        What a missing slice, uneven gaps or a tilt do: an error, or else a geometry that is not regular.
    tolerance : float
        How far a gap may differ from the median, and a slice lie off the grid, as a part of the spacing.

    Raises
    ------
    InconsistentSeriesError
        Layout, spacing or orientation differ between frames.
    GeometryError
        A position is missing, or positions make no regular grid (MissingSliceError, DuplicateSliceError,
        ShearedSeriesError).
    """
    frames = _check_consistent(series)
    assumptions = taken_for_granted(series)
    in_plane = in_plane_spacing(frames, assumptions)
    check_sizes(frames, in_plane)
    placed = [f for f in frames if f.position is not None and f.orientation is not None]
    if order != "position":
        frames = in_named_order(frames, order)
    elif not placed:
        frames = in_instance_order(frames, assumptions)
    if len(placed) < len(frames) and placed:
        raise some_without_position(frames)
    orientation = placed[0].orientation if placed else None
    fault = orientation_fault(orientation) if orientation is not None else None
    if fault and order == "position":
        raise GeometryError(
            f"ImageOrientationPatient cannot be used: {fault} ({consistency.some_names(frames)}) → "
            'order="natural" loads the slices without a place in the patient',
            files=consistency.paths_of(frames),
        )
    if fault:
        assumptions.append(f"ImageOrientationPatient cannot be used ({fault}): the volume has no place in the patient")
    if orientation is None and order != "position":
        assumptions.append("no ImagePositionPatient or ImageOrientationPatient: the volume has no place in the patient")
    if orientation is None or fault:
        spacing = (*in_plane, spacing_without_positions(frames, assumptions))
        return Arrangement(tuple(frames), Geometry(_dimensions(frames), spacing), tuple(assumptions))

    if not is_unit(orientation):
        assumptions.append("the cosines of ImageOrientationPatient have not quite length 1: they are made unit vectors")
    if order == "position":
        frames = in_space(frames, normal_of(orientation))
    geometry = _geometry(series, frames, in_plane, irregular, tolerance, order, assumptions)
    return Arrangement(tuple(frames), geometry, tuple(assumptions))


def _check_consistent(series: SeriesData) -> list[Frame]:
    """The frames of a stack, once they share layout, pixel spacing and orientation."""
    frames = list(series.frames)
    for group, fault in (
        (consistency.by_kind, consistency.kind_fault),
        (consistency.by_layout, consistency.layout_fault),
        (consistency.by_pixel_spacing, consistency.spacing_fault),
    ):
        groups = group(frames)
        if len(groups) > 1:
            raise consistency.inconsistent(fault(groups), groups, _several(series))
    groups = consistency.by_orientation(frames)
    if len(groups) > 1:
        stacks = _several(series)
        if min(map(len, groups)) > 1 and len(stacks) > 1:
            raise _several_volumes(stacks, consistency.paths_of(frames))
        raise consistency.inconsistent(consistency.orientation_difference(groups), groups, stacks)
    if len(consistency.by_stack(frames)) > 1 or len(consistency.by_run(frames)) > 1:
        raise _several_volumes(_several(series), consistency.paths_of(frames))
    return frames


def _several(series: SeriesData) -> tuple[SeriesData, ...]:
    stacks = split(series)
    return stacks if len(stacks) > 1 else ()


def _dimensions(frames: Sequence[Frame]) -> tuple[int, int, int]:
    return frames[0].header.columns, frames[0].header.rows, len(frames)


# ---------------------------------------------------------------------------------------------------- with positions


def _geometry(
    series: SeriesData,
    frames: Sequence[Frame],
    in_plane: tuple[float, float],
    irregular: str,
    tolerance: float,
    order: str,
    assumptions: list[str],
) -> Geometry:
    """The geometry of frames in their final order; an error, or `regular` False, where they make no grid."""
    positions = np.array([f.position for f in frames], np.float64)
    direction = direction_of(frames[0].orientation or ())
    along = positions @ direction[:, 2]
    gaps = np.diff(along)
    origin = (float(positions[0, 0]), float(positions[0, 1]), float(positions[0, 2]))
    if len(frames) == 1:
        spacing = (*in_plane, thickness(frames[0], assumptions))
        return Geometry(_dimensions(frames), spacing, origin, direction, positions)

    if order == "position" or np.all(gaps > 0) or np.all(gaps < 0):
        _check_duplicates(series, frames, np.abs(gaps))
    else:
        assumptions.append(f'order="{order}" is not monotone in space: the volume has no affine')
        spacing = (*in_plane, float(np.median(np.abs(gaps))) or 1.0)
        return Geometry(_dimensions(frames), spacing, origin, direction, positions, even=False)
    if gaps[0] < 0:
        assumptions.append(
            f'order="{order}" runs against the slice normal: the direction matrix is left-handed, and the GPU volume '
            'mapper of VTK draws nothing of it → order="position"'
        )
        direction = direction * np.array([1.0, 1.0, -1.0])
        gaps = -gaps
    spacing = (*in_plane, float(gaps.mean()))
    fault = uneven(frames, gaps, tolerance) or sheared(frames, positions, direction[:, 2], gaps, tolerance)
    if fault is None:
        return Geometry(_dimensions(frames), spacing, origin, direction, positions)
    if irregular == "raise":
        raise fault
    spacing = (*in_plane, usual_gap(frames, gaps) if isinstance(fault, MissingSliceError) else float(gaps.mean()))
    uneven_grid = Geometry(_dimensions(frames), spacing, origin, direction, positions, even=False)
    leaning = isinstance(fault, ShearedSeriesError)
    step = _even_step(positions, grid_tolerance(tolerance) * spacing[2]) if leaning else None
    return uneven_grid if step is None else uneven_grid.shear(step)


def _even_step(positions: Floats, tolerance: float) -> Floats | None:
    """The one step from slice to slice of a sheared stack; None where the steps differ."""
    step: Floats = (positions[-1] - positions[0]) / (len(positions) - 1)
    fitted = positions[0] + np.outer(np.arange(len(positions)), step)
    return None if np.abs(fitted - positions).max() > tolerance + GAP_SLACK else step


def _check_duplicates(series: SeriesData, frames: Sequence[Frame], gaps: Floats) -> None:
    """Refuse several slices at one position, and one slice at several."""
    same = np.flatnonzero(gaps <= same_position_limit(gaps))
    if len(same):
        stacks = _several(series)
        raise _several_volumes(stacks, consistency.paths_of(frames)) if stacks else copies(frames, same)
    twins = find_twins(frames)
    if twins:
        raise DuplicateSliceError(
            f"{consistency.some_names(twins[0])} have the same SOPInstanceUID at different positions "
            f"({mm(twins[0][0])} and {mm(twins[0][1])}): one is mislabelled → ignore={[twins[0][1].path]!r}",
            files=consistency.paths_of(twins[0]),
        )


def _several_volumes(stacks: Sequence[SeriesData], files: Sequence[str]) -> DuplicateSliceError:
    """The error for a series that holds several volumes, saying what tells them apart."""
    names = " and ".join(dict.fromkeys(name for stack in stacks for name, _ in stack.labels))
    sizes = {len(stack.frames) for stack in stacks}
    count = f"{min(sizes)}" if len(sizes) == 1 else f"{min(sizes)} to {max(sizes)}"
    slices = f"of {count} slice{'s' * (max(sizes) > 1)}"
    spacing = _common_spacing(stacks)
    shown = f" ({', '.join(stack.label for stack in stacks)})" if len(stacks) <= 4 else ""
    return DuplicateSliceError(
        f"{len(stacks)} volumes {slices}{spacing} in one series, told apart by {names}{shown} → "
        + consistency.choices(len(stacks)),
        files=files,
        stacks=stacks,
    )


def _common_spacing(stacks: Sequence[SeriesData]) -> str:
    try:
        found = [arrange(s, order="position", irregular="raise", tolerance=GAP_TOLERANCE).geometry for s in stacks]
    except (GeometryError, ValueError):
        return ""
    spacings = {None if g.affine is None else round(g.spacing[2], 3) for g in found}
    if None in spacings:
        return ""
    return f" ({spacings.pop():g} mm)" if len(spacings) == 1 else ""
