"""Distances of pixels and of slices, and the errors for slices that make no even, upright grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._util.arrays import find_median
from .._util.wording import count_noun
from ..errors import GeometryError, MissingSliceError, ShearedSeriesError
from ..errors.remedies import GetAgain, SetOption
from ..headers.sop_classes import LABEL_MAP, SEGMENTATION
from . import consistency
from .along import list_points
from .assumptions import Assumed, Assumption, AssumptionKind
from .conflicts import describe_place
from .evenness import are_alike, count_whole_gaps, estimate_gap, find_drift
from .runs import is_planar
from .tolerances import (
    DRIFT_SLACK,
    DRIFT_TOLERANCE,
    LARGEST,
    WHOLE_GAP,
    compute_gap_tolerance,
    scale_grid_tolerance,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..headers.model import Frame, Header
    from .geometry import Geometry

_PAST_IRREGULAR = (SetOption("irregular", ("resample", "keep")),)
_PAST_BY_KEEPING = (SetOption("irregular", ("keep",)),)
_PAST_OMITTED = (
    SetOption("irregular", ("resample",), "fills in the empty frames that a segmentation may leave out"),
    SetOption("irregular", ("keep",)),
)


def find_uneven_gaps(
    frames: Sequence[Frame], gaps: Floats, tolerance: float, tilt: float = 0.0
) -> MissingSliceError | None:
    """Find the gaps that are not like the others; the error that names them, or None where all are alike.

    Parameters
    ----------
    frames : sequence of Frame
        In spatial order.
    gaps : numpy.ndarray
        From each to the next, in mm.
    tolerance : float
        How far a gap may differ from the median, as a part of it.
    tilt : float
        The angle in degrees by which the slices lean besides, for the message.
    """
    usual = find_usual_gap(frames, gaps)
    if are_alike(gaps, tolerance) and find_median(gaps) < 1.5 * usual:
        return _find_drift(frames, gaps, tolerance, tilt)
    wrong = np.flatnonzero(np.abs(gaps - usual) > compute_gap_tolerance(usual, tolerance))
    k = int(wrong[np.abs(gaps[wrong] - usual).argmax()])
    whole = count_whole_gaps(gaps[wrong], usual)
    missing = 0 if whole is None else int(whole.sum()) - len(wrong)
    what = f"{count_noun(missing, 'slice')} missing" if missing else count_noun(len(wrong), "uneven gap")
    before, after = map(consistency.frame_name, frames[k : k + 2])
    return MissingSliceError(
        f"{what} in {len(frames)}: the gaps are {usual:.4g} mm, but {gaps[k]:.4g} mm between {before} and {after}"
        f" (from {gaps.min():.4g} to {gaps.max():.4g} mm){_describe_tilt(tilt)}",
        files=consistency.list_paths(frames[k : k + 2]),
        remedies=_PAST_OMITTED if missing and may_omit(frames) else _list_ways_past(frames),
        gaps=gaps.tolist(),
    )


def _describe_tilt(tilt: float) -> str:
    return f", and the slices lean {tilt:.1f}° (a tilted gantry)" if tilt else ""


def _list_ways_past(frames: Sequence[Frame]) -> tuple[SetOption, ...]:
    """List the ways past uneven slices; only those with a place can be interpolated."""
    return _PAST_BY_KEEPING if any(f.position is None or f.orientation is None for f in frames) else _PAST_IRREGULAR


def doubt_uneven(
    fault: MissingSliceError | ShearedSeriesError | None, attributes: Sequence[str]
) -> MissingSliceError | ShearedSeriesError | None:
    """Say of uneven slices by which attributes they may be several volumes, which nothing may interpolate between."""
    if not isinstance(fault, MissingSliceError):
        return fault
    return MissingSliceError(
        f"{fault.message}; by {' and '.join(attributes)} they may be several volumes",
        files=fault.files,
        remedies=_PAST_BY_KEEPING,
        gaps=fault.gaps,
    )


def may_omit(frames: Sequence[Frame]) -> bool:
    """Tell whether frames that are not there are empty: segmentations may leave them out (PS3.3 A.51)."""
    return all(f.header.sop_class_uid in (SEGMENTATION, LABEL_MAP) for f in frames)


def _find_drift(frames: Sequence[Frame], gaps: Floats, tolerance: float, tilt: float) -> MissingSliceError | None:
    """Find gaps that are each near the median, but add up to slices beside the even grid."""
    drift = find_drift(gaps, tolerance)
    if drift is None:
        return None
    return MissingSliceError(
        f"the gaps change along the stack (from {gaps.min():.4g} to {gaps.max():.4g} mm): slice {drift.row} "
        f"({consistency.frame_name(frames[drift.row])}) lies {drift.mm:.3g} mm off an even grid{_describe_tilt(tilt)}",
        files=[frames[drift.row].path],
        remedies=_list_ways_past(frames),
        gaps=gaps.tolist(),
    )


def find_usual_gap(frames: Sequence[Frame], gaps: Floats) -> float:
    """Find the spacing that uneven gaps were meant to have: of a segmentation by what it says, else from the gaps."""
    said = frames[0].header.spacing_between_slices
    if said and may_omit(frames):
        # What is left of a segment may lie evenly on every other plane.
        whole = np.rint(gaps / said)
        if whole.min() >= 1 < whole.max() and np.all(np.abs(gaps / said - whole) < WHOLE_GAP):
            return float(np.sum(gaps) / np.sum(whole))
    return estimate_gap(gaps)


def find_shear(
    frames: Sequence[Frame], positions: Floats, normal: Floats, gaps: Floats, tolerance: float
) -> ShearedSeriesError | None:
    """Find slices beside the line along the normal of the first; the error that names them, or None."""
    from_first = positions - positions[0]
    along = from_first @ normal
    lateral = from_first - np.outer(along, normal)
    drift = float(np.linalg.norm(lateral[-1]))
    run = float(along[-1])
    off_line = np.linalg.norm(lateral - np.outer(along / run, lateral[-1]), axis=1)
    step = run / len(gaps)
    if drift > DRIFT_TOLERANCE * run + DRIFT_SLACK:
        tilt = float(np.degrees(np.arctan2(drift, run)))
        oblique = float(np.hypot(drift, run)) / len(gaps)
        return ShearedSeriesError(
            f"slices lean {tilt:.1f}° (step {oblique:.2f} mm, {step:.3f} mm along the normal)",
            files=consistency.list_paths(frames),
            remedies=_PAST_IRREGULAR,
            tilt=tilt,
        )
    worst = int(off_line.argmax())
    if off_line[worst] > scale_grid_tolerance(tolerance) * step:
        tilt = float(np.degrees(np.arctan2(off_line[worst], step)))
        return ShearedSeriesError(
            f"slice {worst} ({consistency.frame_name(frames[worst])}) lies {off_line[worst]:.3g} mm beside the line of "
            f"the others, {step:.3g} mm apart",
            files=[frames[worst].path],
            remedies=_PAST_IRREGULAR,
            tilt=tilt,
        )
    return None


# ------------------------------------------------------------------------------------------ what the attributes say
def find_in_plane_spacing(frames: Sequence[Frame]) -> Assumed[tuple[float, float]]:
    """Find the distance of columns and of rows in mm: PixelSpacing holds the rows' first (PS3.3 10.7.1.1)."""
    header = frames[0].header
    if header.pixel_spacing is not None:
        return Assumed(header.pixel_spacing[::-1])
    imager = header.imager_pixel_spacing
    if imager is not None and min(imager) > 0:
        return _assume_spacing(imager, AssumptionKind.IMAGER_PIXEL_SPACING)
    aspect = header.pixel_aspect_ratio
    if aspect is not None and header.region_spacing is None and min(aspect) > 0 and aspect[0] != aspect[1]:
        return _assume_spacing((aspect[0] / aspect[1], 1.0), AssumptionKind.ASPECT_RATIO)
    regions = {frame.header.region_spacing for frame in frames}
    region = regions.pop() if len(regions) == 1 else None
    if region is not None:
        return _assume_spacing(region, AssumptionKind.REGION_SPACING)
    if all(is_planar(f.header) for f in frames):
        return Assumed((1.0, 1.0))  # pictures of which nothing says how large they are, as is their nature
    return _assume_spacing((1.0, 1.0), AssumptionKind.UNIT_PIXEL_SPACING)


def says_pixel_size(header: Header, geometry: Geometry) -> bool:
    """Tell whether a file gives the size of a pixel in mm; where it does not, the geometry has 1 mm."""
    if header.pixel_spacing is not None or header.imager_pixel_spacing is not None:
        return True
    return geometry.spacing[:2] != (1.0, 1.0)  # of ultrasound regions


def _assume_spacing(spacing: tuple[float, float], kind: AssumptionKind) -> Assumed[tuple[float, float]]:
    """Take a distance of rows and of columns for the missing PixelSpacing."""
    rows, columns = spacing
    return Assumed((columns, rows), (Assumption(kind, {"rows": rows, "columns": columns}),))


def refuse_absurd_sizes(frames: Sequence[Frame], in_plane: tuple[float, float]) -> None:
    """Refuse distances and positions that no slice has."""
    if max(in_plane) > LARGEST:
        raise GeometryError(
            f"PixelSpacing of {max(in_plane):g} mm is no distance of pixels ({consistency.name_files(frames)})",
            files=consistency.list_paths(frames),
            remedies=[GetAgain(tuple(consistency.list_paths(frames)))],
        )
    placed = [f for f in frames if f.position is not None]
    far = [placed[k] for k in np.flatnonzero(np.abs(list_points(placed)).max(axis=1, initial=0) > LARGEST).tolist()]
    if far:
        raise GeometryError(
            f"{consistency.frame_name(far[0])} lies at {describe_place(far[0])}, which is no place of a slice",
            files=consistency.list_paths(far),
            remedies=[GetAgain(tuple(consistency.list_paths(far)))],
        )


def find_slice_distance(frames: Sequence[Frame]) -> Assumed[float]:
    """Find the distance of slices where no orientation gives a normal: between positions, else as attributes say."""
    points = np.array([f.position for f in frames if f.position is not None])
    if 1 < len(points) == len(frames):
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        if steps.min() > 0 and are_alike(steps):
            return Assumed(float(steps.mean()))
    header = frames[0].header
    between = _accept_distance(header.spacing_between_slices) or _accept_distance(header.slice_thickness) or 1.0
    assumption = Assumption(AssumptionKind.SLICE_DISTANCE, {"mm": between})
    return Assumed(between, (assumption,) if len(frames) > 1 else ())


def find_slice_thickness(frame: Frame) -> Assumed[float]:
    """Find the extent of a single slice along its normal."""
    header = frame.header
    thickness = _accept_distance(header.slice_thickness) or _accept_distance(header.spacing_between_slices)
    return Assumed(1.0, (Assumption(AssumptionKind.UNIT_THICKNESS),)) if thickness is None else Assumed(thickness)


def _accept_distance(value: float | None) -> float | None:
    return value if value is not None and 0 < value <= LARGEST else None
