"""Distances of pixels and of slices, and the errors for slices that make no even, upright grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import GeometryError, MissingSliceError, ShearedSeriesError
from ..headers.objects.ultrasound import ULTRASOUND, region_spacing
from ..headers.sop_classes import LABEL_MAP, SEGMENTATION
from . import consistency
from .conflicts import mm
from .tolerances import DRIFT_SLACK, DRIFT_TOLERANCE, GAP_SLACK, GAP_TOLERANCE, GRID_TOLERANCE, LARGEST, WHOLE_GAP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats
    from ..headers.model import Frame

_PAST_IRREGULAR = 'irregular="resample" or "keep"'
_PAST_OMITTED = 'irregular="resample" (fills in the empty frames that a segmentation may leave out) or "keep"'


def uneven(frames: Sequence[Frame], gaps: Floats, tolerance: float) -> MissingSliceError | None:
    """The error for slices with gaps between them that are not all alike; None where they are."""
    median, usual = float(np.median(gaps)), usual_gap(frames, gaps)
    slack = min(GAP_SLACK, 0.1 * median)  # less than a slice on the finest grids
    if np.all(np.abs(gaps - median) <= tolerance * median + slack) and median < 1.5 * usual:
        return _off_grid(frames, gaps, tolerance, slack)
    wrong = np.flatnonzero(np.abs(gaps - usual) > tolerance * usual + slack)
    k = int(wrong[np.abs(gaps[wrong] - usual).argmax()])
    whole = np.rint(gaps[wrong] / usual)
    holes = bool(np.all(whole >= 2)) and bool(np.all(np.abs(gaps[wrong] / usual - whole) < WHOLE_GAP))
    missing = int(whole.sum()) - len(wrong)
    what = (
        f"{missing} slice{'s' * (missing != 1)} missing"
        if holes
        else f"{len(wrong)} uneven gap{'s' * (len(wrong) != 1)}"
    )
    before, after = map(consistency.frame_name, frames[k : k + 2])
    way = _PAST_OMITTED if holes and may_omit(frames) else _PAST_IRREGULAR
    return MissingSliceError(
        f"{what} in {len(frames)}: the gaps are {usual:.4g} mm, but {gaps[k]:.4g} mm between {before} and {after}"
        f" (from {gaps.min():.4g} to {gaps.max():.4g} mm) → {way}",
        files=consistency.paths_of(frames[k : k + 2]),
        gaps=gaps.tolist(),
    )


def may_omit(frames: Sequence[Frame]) -> bool:
    """Whether frames that are not there are empty: segmentations may leave them out (PS3.3 A.51)."""
    return all(f.header.sop_class_uid in (SEGMENTATION, LABEL_MAP) for f in frames)


def _off_grid(frames: Sequence[Frame], gaps: Floats, tolerance: float, slack: float) -> MissingSliceError | None:
    """Gaps that are each near the median, but add up to slices beside the even grid."""
    along = np.concatenate([[0.0], np.cumsum(gaps)])
    off = np.abs(along - np.linspace(0.0, along[-1], len(along)))
    worst = int(off.argmax())
    limit = max(grid_tolerance(tolerance) * float(gaps.mean()), DRIFT_TOLERANCE * float(along[-1])) + slack
    if off[worst] <= limit:
        return None
    return MissingSliceError(
        f"the gaps change along the stack (from {gaps.min():.4g} to {gaps.max():.4g} mm): slice {worst} "
        f"({consistency.frame_name(frames[worst])}) lies {off[worst]:.3g} mm off an even grid → {_PAST_IRREGULAR}",
        files=[frames[worst].path],
        gaps=gaps.tolist(),
    )


def grid_tolerance(tolerance: float) -> float:
    """How far a slice may lie off the grid, where `tolerance` is asked for in place of GAP_TOLERANCE."""
    return GRID_TOLERANCE * tolerance / GAP_TOLERANCE


def usual_gap(frames: Sequence[Frame], gaps: Floats) -> float:
    """The spacing that uneven gaps were meant to have: of two or three gaps the smallest tells, not the median."""
    usual = float(gaps.min() if len(gaps) < 4 else np.median(gaps))
    said = frames[0].header.spacing_between_slices
    if said and may_omit(frames):
        # What is left of a segment may lie evenly on every other plane.
        whole = np.rint(gaps / said)
        if whole.min() >= 1 < whole.max() and np.all(np.abs(gaps / said - whole) < WHOLE_GAP):
            return float(np.sum(gaps) / np.sum(whole))
    return usual


def sheared(
    frames: Sequence[Frame], positions: Floats, normal: Floats, gaps: Floats, tolerance: float
) -> ShearedSeriesError | None:
    """The error for slices that lie beside the line along the normal of the first; None where they stand upright."""
    from_first = positions - positions[0]
    along = from_first @ normal
    lateral = from_first - np.outer(along, normal)
    drift = float(np.linalg.norm(lateral[-1]))
    run = float(along[-1])
    off_line = np.linalg.norm(lateral - np.outer(along / run, lateral[-1]), axis=1)
    step = run / len(gaps)
    files = consistency.paths_of(frames)
    if drift > DRIFT_TOLERANCE * run + DRIFT_SLACK:
        tilt = float(np.degrees(np.arctan2(drift, run)))
        oblique = float(np.hypot(drift, run)) / len(gaps)
        return ShearedSeriesError(
            f"slices lean {tilt:.1f}° (step {oblique:.2f} mm, {step:.3f} mm along the normal) → {_PAST_IRREGULAR}",
            files=files,
            tilt=tilt,
        )
    worst = int(off_line.argmax())
    if off_line[worst] > grid_tolerance(tolerance) * step:
        tilt = float(np.degrees(np.arctan2(off_line[worst], step)))
        return ShearedSeriesError(
            f"slice {worst} ({consistency.frame_name(frames[worst])}) lies {off_line[worst]:.3g} mm beside the line of "
            f"the others, {step:.3g} mm apart → {_PAST_IRREGULAR}",
            files=[frames[worst].path],
            tilt=tilt,
        )
    return None


# ------------------------------------------------------------------------------------------ what the attributes say
def in_plane_spacing(frames: Sequence[Frame], assumptions: list[str]) -> tuple[float, float]:
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
    region = region_spacing(consistency.paths_of(frames)) if header.modality in ULTRASOUND else None
    if region is not None:
        assumptions.append(
            f"no PixelSpacing: that of the ultrasound regions ({region[0]:g}\\{region[1]:g} mm) is taken for it"
        )
        return region[1], region[0]
    assumptions.append("no PixelSpacing: 1 mm is taken for the distance of pixels")
    return 1.0, 1.0


def check_sizes(frames: Sequence[Frame], in_plane: tuple[float, float]) -> None:
    """Refuse distances and positions that no slice has."""
    if max(in_plane) > LARGEST:
        raise GeometryError(
            f"PixelSpacing of {max(in_plane):g} mm is no distance of pixels ({consistency.some_names(frames)}) → "
            "get the files again",
            files=consistency.paths_of(frames),
        )
    far = [f for f in frames if f.position is not None and max(map(abs, f.position)) > LARGEST]
    if far:
        raise GeometryError(
            f"{consistency.frame_name(far[0])} lies at {mm(far[0])}, which is no place of a slice → "
            f"ignore={consistency.paths_of(far)!r}",
            files=consistency.paths_of(far),
        )


def spacing_without_positions(frames: Sequence[Frame], assumptions: list[str]) -> float:
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


def thickness(frame: Frame, assumptions: list[str]) -> float:
    """The extent of a single slice along its normal."""
    header = frame.header
    thickness = _positive(header.slice_thickness) or _positive(header.spacing_between_slices)
    if thickness is None:
        assumptions.append("one slice without SliceThickness: 1 mm is taken for it")
    return thickness or 1.0
