"""From the frames of one stack to their order and the geometry of the volume they make."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._util.names import natural_key
from ..errors import DuplicateSliceError, GeometryError, MissingSliceError, ShearedSeriesError
from ..headers.orientation import direction_of, is_unit, normal_of, orientation_fault
from . import consistency
from .assumptions import taken_for_granted
from .geometry import GAP_SLACK, GAP_TOLERANCE, LARGEST, Geometry, same_position_limit
from .spacing import grid_tolerance, sheared, uneven, usual_gap
from .split import split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .._util.arrays import Floats
    from ..headers.model import Frame
    from .series_data import SeriesData

ORDERS = ("position", "natural", "given")
IGNORE_FILES = "ignore=error.files[1:]"
_NAMED = 8  # files to leave out that a message names one by one


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
    in_plane = _in_plane_spacing(frames, assumptions)
    _check_sizes(frames, in_plane)
    placed = [f for f in frames if f.position is not None and f.orientation is not None]
    if order != "position":
        frames = _in_named_order(frames, order)
    elif not placed:
        frames = _in_instance_order(frames, assumptions)
    if len(placed) < len(frames) and placed:
        raise _some_without_position(frames)
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
        spacing = (*in_plane, _spacing_without_positions(frames, assumptions))
        return Arrangement(tuple(frames), Geometry(_dimensions(frames), spacing), tuple(assumptions))

    if not is_unit(orientation):
        assumptions.append("the cosines of ImageOrientationPatient have not quite length 1: they are made unit vectors")
    if order == "position":
        frames = _in_space(frames, normal_of(orientation))
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


def _in_plane_spacing(frames: Sequence[Frame], assumptions: list[str]) -> tuple[float, float]:
    """Distance of columns and of rows in mm: PixelSpacing holds the rows' first (PS3.3 10.7.1.1)."""
    header = frames[0].header
    if header.pixel_spacing is not None:
        return header.pixel_spacing[1], header.pixel_spacing[0]
    imager = header.imager_pixel_spacing
    if imager is not None and min(imager) > 0:
        assumptions.append(
            f"no PixelSpacing: ImagerPixelSpacing ({imager[0]:g}\\{imager[1]:g} mm, at the detector, without its "
            "magnification) is taken for it"
        )
        return imager[1], imager[0]
    regions = {frame.header.region_spacing for frame in frames}
    region = regions.pop() if len(regions) == 1 else None
    if region is not None:
        assumptions.append(
            f"no PixelSpacing: that of the ultrasound regions ({region[0]:g}\\{region[1]:g} mm) is taken for it"
        )
        return region[1], region[0]
    assumptions.append("no PixelSpacing: 1 mm is taken for the distance of pixels")
    return 1.0, 1.0


def _check_sizes(frames: Sequence[Frame], in_plane: tuple[float, float]) -> None:
    if max(in_plane) > LARGEST:
        raise GeometryError(
            f"PixelSpacing of {max(in_plane):g} mm is no distance of pixels ({consistency.some_names(frames)}) → "
            "get the files again",
            files=consistency.paths_of(frames),
        )
    far = [f for f in frames if f.position is not None and max(map(abs, f.position)) > LARGEST]
    if far:
        raise GeometryError(
            f"{consistency.frame_name(far[0])} lies at {_mm(far[0])}, which is no place of a slice → "
            f"ignore={consistency.paths_of(far)!r}",
            files=consistency.paths_of(far),
        )


def _dimensions(frames: Sequence[Frame]) -> tuple[int, int, int]:
    return frames[0].header.columns, frames[0].header.rows, len(frames)


def _in_named_order(frames: list[Frame], order: str) -> list[Frame]:
    if order == "given":
        return frames
    key = natural_key()
    return sorted(frames, key=lambda f: (key(f.path), f.index_in_file))


def _in_instance_order(frames: list[Frame], assumptions: list[str]) -> list[Frame]:
    """Order without positions: InstanceNumber where every file has its own, else natural order of the names."""
    missing = "ImagePositionPatient" if any(f.position is None for f in frames) else "ImageOrientationPatient"
    if len(frames) == 1:
        assumptions.append(f"no {missing}: the volume has no place in the patient")
        return frames
    numbers = [f.header.instance_number for f in frames]
    files = len({f.path for f in frames})
    if files == 1:
        assumptions.append(f"no {missing}: frames are in file order")
        return sorted(frames, key=lambda f: f.index_in_file)
    if twins := _twins(frames):
        copies = [f.path for members in twins for f in members[1:]]
        raise DuplicateSliceError(
            f"{consistency.some_names(twins[0])} have the same SOPInstanceUID: they are copies of one image → "
            f'ignore={copies!r}, or order="natural" takes them all',
            files=consistency.paths_of(f for members in twins for f in members),
        )
    if None not in numbers and len(set(numbers)) == files:
        assumptions.append(f"no {missing}: slices are in the order of InstanceNumber, their direction is not known")
        return sorted(frames, key=lambda f: (f.header.instance_number or 0, f.index_in_file))
    assumptions.append(f"no {missing}: slices are in natural order of the file names, their direction is not known")
    return _in_named_order(frames, "natural")


def _some_without_position(frames: Sequence[Frame]) -> GeometryError:
    without = [f for f in frames if f.position is None or f.orientation is None]
    files = consistency.paths_of(without)
    # Frames of one file cannot be left out one by one.
    way = f"ignore={files!r}" if len(files) < len(consistency.paths_of(frames)) else "get the file again"
    return GeometryError(
        f"{len(without)} of {len(frames)} frames have no ImagePositionPatient or ImageOrientationPatient "
        f"({consistency.some_names(without)}) → {way}",
        files=files,
    )


def _spacing_without_positions(frames: Sequence[Frame], assumptions: list[str]) -> float:
    """Distance of slices where no orientation gives a normal: between positions, else as the attributes say."""
    points = np.array([f.position for f in frames if f.position is not None])
    if 1 < len(points) == len(frames):
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        if steps.min() > 0 and np.ptp(steps) <= GAP_TOLERANCE * steps.mean() + GAP_SLACK:
            return float(steps.mean())
    header = frames[0].header
    between = _positive(header.spacing_between_slices) or _positive(header.slice_thickness)
    if len(frames) > 1:
        # In the warning that there are no positions: it follows from them.
        assumptions[-1] += f", {between or 1:g} mm is taken for the distance of slices"
    return between or 1.0


def _positive(value: float | None) -> float | None:
    return value if value is not None and 0 < value <= LARGEST else None


# ---------------------------------------------------------------------------------------------------- with positions
def _in_space(frames: Sequence[Frame], normal: Floats) -> list[Frame]:
    along = np.array([f.position for f in frames], np.float64) @ normal
    return [frames[k] for k in np.argsort(along, kind="stable")]


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
        spacing = (*in_plane, _thickness(frames[0], assumptions))
        return Geometry(_dimensions(frames), spacing, origin, direction, positions)

    if order == "position" or np.all(gaps > 0) or np.all(gaps < 0):
        _check_duplicates(series, frames, np.abs(gaps))
    else:
        assumptions.append(f'order="{order}" is not monotone in space: the volume has no affine')
        spacing = (*in_plane, float(np.median(np.abs(gaps))) or 1.0)
        return Geometry(_dimensions(frames), spacing, origin, direction, positions, regular=False)
    if gaps[0] < 0:
        assumptions.append(
            f'order="{order}" runs against the slice normal: the direction matrix of volume.frames is left-handed'
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
    leaning = isinstance(fault, ShearedSeriesError)
    step = _even_step(positions, grid_tolerance(tolerance) * spacing[2]) if leaning else None
    return Geometry(_dimensions(frames), spacing, origin, direction, positions, regular=False, step=step)


def _even_step(positions: Floats, tolerance: float) -> tuple[float, float, float] | None:
    """The one step from slice to slice of a sheared stack; None where the steps differ."""
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    fitted = positions[0] + np.outer(np.arange(len(positions)), step)
    if np.abs(fitted - positions).max() > tolerance + GAP_SLACK:
        return None
    return float(step[0]), float(step[1]), float(step[2])


def _thickness(frame: Frame, assumptions: list[str]) -> float:
    """The extent of a single slice along its normal."""
    header = frame.header
    thickness = _positive(header.slice_thickness) or _positive(header.spacing_between_slices)
    if thickness is None:
        assumptions.append("one slice without SliceThickness: 1 mm is taken for it")
    return thickness or 1.0


def _twins(frames: Sequence[Frame]) -> list[list[Frame]]:
    """The first frames of files that share a SOPInstanceUID."""
    uids: dict[str, list[Frame]] = {}
    for frame in frames:
        if frame.header.sop_instance_uid and frame.index_in_file == 0:
            uids.setdefault(frame.header.sop_instance_uid, []).append(frame)
    return [members for members in uids.values() if len(members) > 1]


def _check_duplicates(series: SeriesData, frames: Sequence[Frame], gaps: Floats) -> None:
    """Refuse several slices at one position, and one slice at several."""
    same = np.flatnonzero(gaps <= same_position_limit(gaps))
    if len(same):
        stacks = _several(series)
        raise _several_volumes(stacks, consistency.paths_of(frames)) if stacks else _copies(frames, same)
    twins = _twins(frames)
    if twins:
        raise DuplicateSliceError(
            f"{consistency.some_names(twins[0])} have the same SOPInstanceUID at different positions "
            f"({_mm(twins[0][0])} and {_mm(twins[0][1])}): one is mislabelled → ignore={[twins[0][1].path]!r}",
            files=consistency.paths_of(twins[0]),
        )


def _copies(frames: Sequence[Frame], same: NDArray[np.intp]) -> DuplicateSliceError:
    """The error for slices that lie where the next one does: `same` counts them."""
    pair = frames[int(same[0]) : int(same[0]) + 2]
    again = [frames[int(k) + 1] for k in same]
    if pair[0].path == pair[1].path:
        words, way = " and ".join(map(consistency.frame_name, pair)), 'order="given" keeps the order of the file'
    else:
        words, way = " and ".join(f.path for f in pair), _without(consistency.paths_of(again), frames)
    return DuplicateSliceError(
        f"{len(same)} of {len(frames)} slices {'lies' if len(same) == 1 else 'lie'} at the position of another, "
        f"the first at {_mm(pair[0])}: {words} → {way}",
        files=consistency.paths_of([*pair, *again]),
    )


def _without(files: Sequence[str], frames: Sequence[Frame]) -> str:
    """The call that leaves files of `frames` out; where many are copies in another folder, that loads the first."""
    if len(files) <= _NAMED:
        return f"ignore={list(files)!r}"
    left_out = set(files)
    folders = {os.path.dirname(f.path) for f in frames if f.path not in left_out}
    folder = folders.pop()
    if folders or any(path.startswith(os.path.join(folder, "")) for path in files):
        return IGNORE_FILES
    return f"load({folder!r})"


def _mm(frame: Frame) -> str:
    return "({:g}, {:g}, {:g}) mm".format(*(frame.position or (0, 0, 0)))


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
