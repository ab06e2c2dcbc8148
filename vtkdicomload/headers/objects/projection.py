"""Projections: by how much the patient is magnified at the detector (PS3.3 C.8.7.5, C.8.11.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..data_set import UnusableAttribute, convert_numbers, open_data_set

if TYPE_CHECKING:
    from ...sources.file import File
    from ..data_set import Attributes

_FACTOR, _TO_DETECTOR, _TO_PATIENT = (
    "EstimatedRadiographicMagnificationFactor",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
)


class Projection(NamedTuple):
    """Facts of one file about the way from the source of X-rays through the patient to the detector."""

    factor: float | None  # EstimatedRadiographicMagnificationFactor
    to_detector: float | None  # mm
    to_patient: float | None  # mm
    calibration: str | None  # PixelSpacingCalibrationType: GEOMETRY or FIDUCIAL where PixelSpacing is the patient's


def read_projection(file: File) -> Projection:
    """Read how a projection was made, at the top of a file or of all of its frames.

    Raises
    ------
    UnusableAttribute
        The file cannot be read.
    """
    with open_data_set(file) as attributes:
        shared = attributes.first("SharedFunctionalGroupsSequence")
        geometry = None if shared is None else shared.first("XRayGeometrySequence")
        places = (attributes, *([geometry] if geometry is not None else []))
        factor, to_detector, to_patient = (
            _find_first_length(places, name) for name in (_FACTOR, _TO_DETECTOR, _TO_PATIENT)
        )
        return Projection(factor, to_detector, to_patient, attributes.text("PixelSpacingCalibrationType"))


def _find_first_length(places: tuple[Attributes, ...], keyword: str) -> float | None:
    """A number above 0 from the first place that has one; 0 is how some write that they do not know."""
    for attributes in places:
        try:
            value = float(convert_numbers(keyword, attributes.get(keyword), 1))
        except UnusableAttribute:
            continue
        if value > 0:
            return value
    return None
