"""What stands beside a NIfTI file by the custom of BIDS: acquisition parameters as JSON, b-values and gradients."""

from __future__ import annotations

import json
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from ..headers.diffusion import find_b_value, find_gradient_direction

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pydicom

    from .._util.arrays import Floats
    from ..loading.volume_data import VolumeData

_LISTED = "ImageType"  # other texts of several values are one in BIDS, or may be, as dcm2niix has them
_MS, _AS_IT_IS = 1e-3, 1.0  # BIDS counts times in seconds
# Keyword of PS3.6 → name in BIDS (or in the JSON of dcm2niix), and the factor to its unit. None of them names a person.
_FIELDS: dict[str, tuple[str, float]] = {
    "Modality": ("Modality", _AS_IT_IS),
    "Manufacturer": ("Manufacturer", _AS_IT_IS),
    "ManufacturerModelName": ("ManufacturersModelName", _AS_IT_IS),
    "SoftwareVersions": ("SoftwareVersions", _AS_IT_IS),
    "BodyPartExamined": ("BodyPartExamined", _AS_IT_IS),
    "PatientPosition": ("PatientPosition", _AS_IT_IS),
    "ProtocolName": ("ProtocolName", _AS_IT_IS),
    "SeriesDescription": ("SeriesDescription", _AS_IT_IS),
    "SeriesNumber": ("SeriesNumber", _AS_IT_IS),
    "ImageType": ("ImageType", _AS_IT_IS),
    "ImageOrientationPatient": ("ImageOrientationPatientDICOM", _AS_IT_IS),
    "SliceThickness": ("SliceThickness", _AS_IT_IS),
    "SpacingBetweenSlices": ("SpacingBetweenSlices", _AS_IT_IS),
    "MagneticFieldStrength": ("MagneticFieldStrength", _AS_IT_IS),
    "ImagingFrequency": ("ImagingFrequency", _AS_IT_IS),
    "MRAcquisitionType": ("MRAcquisitionType", _AS_IT_IS),
    "ScanningSequence": ("ScanningSequence", _AS_IT_IS),
    "SequenceVariant": ("SequenceVariant", _AS_IT_IS),
    "ScanOptions": ("ScanOptions", _AS_IT_IS),
    "SequenceName": ("SequenceName", _AS_IT_IS),
    "EchoTime": ("EchoTime", _MS),
    "RepetitionTime": ("RepetitionTime", _MS),
    "InversionTime": ("InversionTime", _MS),
    "FlipAngle": ("FlipAngle", _AS_IT_IS),
    "EchoTrainLength": ("EchoTrainLength", _AS_IT_IS),
    "PixelBandwidth": ("PixelBandwidth", _AS_IT_IS),
    "KVP": ("KVP", _AS_IT_IS),
    "XRayTubeCurrent": ("XRayTubeCurrent", _AS_IT_IS),
    "Exposure": ("Exposure", _AS_IT_IS),
    "ConvolutionKernel": ("ConvolutionKernel", _AS_IT_IS),
    "GantryDetectorTilt": ("GantryDetectorTilt", _AS_IT_IS),
    "Units": ("Units", _AS_IT_IS),
    "DecayCorrection": ("DecayCorrection", _AS_IT_IS),
    "AttenuationCorrectionMethod": ("AttenuationCorrectionMethod", _AS_IT_IS),
    "ReconstructionMethod": ("ReconMethodName", _AS_IT_IS),
}
SIDECAR_KEYWORDS = tuple(_FIELDS)


def write_sidecar(data_sets: Sequence[pydicom.Dataset]) -> str:
    """The acquisition parameters that data sets share, as the JSON text beside a NIfTI file.

    Parameters
    ----------
    data_sets : sequence of pydicom.Dataset
        The first of each volume in the file.
    """
    said = [_list_parameters(data_set) for data_set in data_sets]
    shared = {name: value for name, value in said[0].items() if all(other.get(name) == value for other in said)}
    software = {"ConversionSoftware": "vtkdicomload", "ConversionSoftwareVersion": _find_version()}
    return json.dumps({**shared, **software}, indent=2) + "\n"


@cache
def _find_version() -> str:
    return version("vtkdicomload")


def find_repetition_time(data_set: pydicom.Dataset) -> float | None:
    """RepetitionTime in seconds."""
    seconds = _take_value(data_set, "RepetitionTime", _MS)
    return seconds if isinstance(seconds, float) else None


def _list_parameters(data_set: pydicom.Dataset) -> dict[str, Any]:
    found = {name: _take_value(data_set, keyword, factor) for keyword, (name, factor) in _FIELDS.items()}
    for name, value in found.items():
        if isinstance(value, list) and name != _LISTED and all(isinstance(part, str) for part in value):
            found[name] = "\\".join(value)
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def _take_value(data_set: pydicom.Dataset, keyword: str, factor: float) -> Any:
    """A value as JSON holds it, in the unit of BIDS; None where it is missing or cannot be read."""
    try:
        value = data_set.get(keyword)
        if value is None or isinstance(value, (str, bytes)):
            return value if isinstance(value, str) else None
        if hasattr(value, "__iter__"):
            return [_to_number_or_text(part, factor) for part in value]
        return _to_number_or_text(value, factor)
    except (ValueError, TypeError, ArithmeticError):  # pydicom parses values when they are asked for
        return None


def _to_number_or_text(value: Any, factor: float) -> float | int | str:
    if isinstance(value, str):
        return value
    number = float(value) * factor
    return int(number) if number.is_integer() and factor == _AS_IT_IS else round(number, 9)


def list_gradients(volumes: Sequence[VolumeData]) -> tuple[list[float], Floats] | None:
    """The b-value and gradient direction of each volume, in the axes of its voxels as FSL counts them.

    Returns
    -------
    tuple or None
        b-values in s/mm² and unit vectors, (volumes, 3): zeros where nothing is weighted. None where not every volume
        has a b-value, or a weighted one no direction. FSL's axes are those of the voxels, with the first one turned
        where the voxel axes are right-handed in RAS, as they are here.
    """
    b_values: list[float] = []
    vectors = np.zeros((len(volumes), 3))
    for row, volume in enumerate(volumes):
        header, direction = volume.series.header, volume.direction
        b_value, gradient = find_b_value(header), find_gradient_direction(header)
        if b_value is None or direction is None or (b_value > 0 and gradient is None):
            return None
        b_values.append(b_value)
        if b_value > 0 and gradient is not None:
            along = np.linalg.solve(direction, gradient)
            handed = -1.0 if np.linalg.det(direction) > 0 else 1.0
            vectors[row] = along * (handed, 1.0, 1.0) / (np.linalg.norm(along) or 1.0)
    return b_values, vectors
