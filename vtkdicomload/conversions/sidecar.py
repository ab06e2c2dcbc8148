"""The files beside a NIfTI file by the custom of BIDS: acquisition parameters as JSON, b-values and gradients."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from ..headers.attributes import FUNCTIONAL_GROUPS
from ..headers.data_set import UnusableAttribute
from ..headers.diffusion import find_b_value, find_gradient_direction
from ..headers.items import open_items

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .._util.arrays import Floats
    from ..headers.items import Item
    from ..headers.model import Frame
    from ..loading.volume_data import VolumeData

    Parameters = dict[str, Any]

_LISTED = "ImageType"  # other texts of several values are one in BIDS, or may be, as dcm2niix has them
_MS, _AS_IT_IS = 1e-3, 1.0  # BIDS counts times in seconds
# Keyword of PS3.6 → name in BIDS (or in the JSON of dcm2niix), and the factor to its unit; the attributes that enhanced
# objects have in the place of others stand behind these. None of them names a person.
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
    "FrameType": ("ImageType", _AS_IT_IS),
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
    "PulseSequenceName": ("SequenceName", _AS_IT_IS),
    "EffectiveEchoTime": ("EchoTime", _MS),
    "InversionTimes": ("InversionTime", _MS),
    "TransmitterFrequency": ("ImagingFrequency", _AS_IT_IS),
    "XRayTubeCurrentInmA": ("XRayTubeCurrent", _AS_IT_IS),
    "ExposureInmAs": ("Exposure", _AS_IT_IS),
}


def write_sidecar(said: Sequence[Parameters]) -> str:
    """The acquisition parameters that volumes share, as the JSON text beside a NIfTI file."""
    shared = {name: value for name, value in said[0].items() if all(other.get(name) == value for other in said)}
    software = {"ConversionSoftware": "vtkdicomload", "ConversionSoftwareVersion": _find_version()}
    return json.dumps({**shared, **software}, indent=2) + "\n"


@cache
def _find_version() -> str:
    return version("vtkdicomload")


def read_parameters(volume: VolumeData) -> Parameters:
    """The acquisition parameters of a volume, by its first frame, as BIDS names and counts them.

    Raises
    ------
    CorruptFileError
        The file of that is another than when it was loaded.
    """
    found: Parameters = {}
    with suppress(UnusableAttribute), open_items(volume.series.header) as whole:
        said = [*_list_functional_groups(whole, volume.series.frames[0]), whole]
        for keyword, (name, factor) in _FIELDS.items():
            values = (_take_value(item, keyword, factor) for item in said)
            value = next((value for value in values if value not in (None, "", [])), None)
            if value is not None:
                found.setdefault(name, value)
    for name, value in found.items():
        if isinstance(value, list) and name != _LISTED and all(isinstance(part, str) for part in value):
            found[name] = "\\".join(value)
    return found


def _list_functional_groups(whole: Item, frame: Frame) -> Iterator[Item]:
    """The functional groups of a frame, and behind them those that all frames share."""
    each = whole.items(FUNCTIONAL_GROUPS[1])
    own = [each[frame.index_in_file]] if len(each) == frame.header.number_of_frames else []
    for groups in (*own, *whole.items(FUNCTIONAL_GROUPS[0])[:1]):
        for tag in sorted(groups.tags()):
            if tag >> 16 & 1 == 0:  # what private ones mean, their makers know
                yield from groups.items(tag)[:1]


def _take_value(item: Item, keyword: str, factor: float) -> Any:
    """A value as JSON holds it, in the unit of BIDS; None where it is missing or cannot be read."""
    try:
        value = item.get(keyword)
        if value is None or isinstance(value, (str, bytes)):
            return value if isinstance(value, str) else None
        if hasattr(value, "__iter__"):
            return [_to_number_or_text(part, factor) for part in value]
        return _to_number_or_text(value, factor)
    except (ValueError, TypeError, ArithmeticError):
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
