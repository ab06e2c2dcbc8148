"""Projections measured in the patient: the spacing of the detector without the magnification of diverging X-rays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import GeometryError, make_damaged_error
from ..headers.data_set import UnusableAttribute
from ..headers.objects.projection import read_projection
from ..loading.checks import Check

if TYPE_CHECKING:
    from ..headers.objects.projection import Projection
    from ..loading.volume_data import VolumeData
    from ..stacks.geometry import Geometry

_AGREE = 0.05  # of two magnifications: the factor is an estimate, of another place in the body


class PatientPlane(NamedTuple):
    """The geometry of a projection in the plane of the patient, and how it was found."""

    geometry: Geometry
    check: Check


def measure_at_patient(volume: VolumeData) -> PatientPlane:
    """The geometry of a projection in the plane of the patient (`Volume.at_patient`)."""
    path = volume.series.header.path
    if volume.direction is not None:
        raise GeometryError(f"{volume.series.title} lies in the patient: it is no projection", files=[path])
    try:
        said = {frame.path: read_projection(frame.header.file) for frame in volume.series.frames}
    except UnusableAttribute as error:
        raise make_damaged_error(path, f"the projection cannot be read: {error}") from error
    if len(set(said.values())) > 1:
        raise GeometryError("the projections differ in their magnification", files=list(said))
    projection, header = said[path], volume.series.header
    at_detector, own = header.imager_pixel_spacing, header.pixel_spacing
    if own is not None and _is_calibrated(projection, own, at_detector):
        words = f"PixelSpacing is that of the patient already ({projection.calibration or 'not ImagerPixelSpacing'})"
        return PatientPlane(volume.geometry, Check("at patient", words))
    if at_detector is None:
        missing = "ImagerPixelSpacing is missing"
        raise GeometryError(f"{missing}, so the spacing at the detector is not known", files=[path])
    magnification, source = _find_magnification(projection, path)
    x, y, z = volume.spacing
    geometry = replace(volume.geometry, spacing=(x / magnification, y / magnification, z))
    words = f"{x:g} × {y:g} mm at the detector by {magnification:.6g} ({source})"
    return PatientPlane(geometry, Check("at patient", words))


def _is_calibrated(projection: Projection, own: tuple[float, float], at_detector: tuple[float, float] | None) -> bool:
    """Tell whether PixelSpacing is one in the patient (PS3.3 10.7.1.3)."""
    if projection.calibration in ("GEOMETRY", "FIDUCIAL"):
        return True
    return at_detector is not None and not np.allclose(own, at_detector, rtol=1e-4)


def _find_magnification(projection: Projection, path: str) -> tuple[float, str]:
    """Find how many times as large the patient is at the detector, and what says so."""
    factor = projection.factor
    measured = None
    if projection.to_detector is not None and projection.to_patient is not None:
        measured = projection.to_detector / projection.to_patient
    found = factor if factor is not None else measured
    if found is None:
        missing = " and ".join(
            name
            for name, value in (
                ("DistanceSourceToDetector", projection.to_detector),
                ("DistanceSourceToPatient", projection.to_patient),
            )
            if value is None
        )
        raise GeometryError(
            f"EstimatedRadiographicMagnificationFactor is missing, and {missing}: the magnification is not known",
            files=[path],
        )
    if found < 1:
        raise GeometryError(f"a magnification of {found:g} puts the patient behind the detector", files=[path])
    if factor is not None and measured is not None and abs(factor / measured - 1) > _AGREE:
        raise GeometryError(
            f"EstimatedRadiographicMagnificationFactor is {factor:g}, DistanceSourceToDetector / "
            f"DistanceSourceToPatient {measured:g}",
            files=[path],
        )
    if factor is None:
        return found, "DistanceSourceToDetector / DistanceSourceToPatient"
    return found, "EstimatedRadiographicMagnificationFactor"
