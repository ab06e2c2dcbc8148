"""The frames of multi-frame files: enhanced objects with functional groups, dose grids, and plain runs of images.

Functional groups (PS3.3 C.7.6.16) and dose grids (PS3.3 C.8.8.3) are rare and deep, so pydicom reads them; each frame
then gets a header of its own that holds what its groups say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import CorruptFileError
from .geometry import normal_of
from .header import Frame, Header, pixel_bytes
from .quiet import quiet_pydicom

if TYPE_CHECKING:
    import pydicom

RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
_SPACING = "PixelMeasuresSequence"
_VALUES = "PixelValueTransformationSequence"

# functional group sequence, attribute, field of Header
_NUMBERS = (
    ("PlanePositionSequence", "ImagePositionPatient", "position", 3),
    ("PlaneOrientationSequence", "ImageOrientationPatient", "orientation", 6),
    (_SPACING, "PixelSpacing", "pixel_spacing", 2),
    (_SPACING, "SliceThickness", "slice_thickness", 1),
    (_SPACING, "SpacingBetweenSlices", "spacing_between_slices", 1),
    (_VALUES, "RescaleSlope", "slope", 1),
    (_VALUES, "RescaleIntercept", "intercept", 1),
    ("MREchoSequence", "EffectiveEchoTime", "echo_time", 1),
    ("MRDiffusionSequence", "DiffusionBValue", "b_value", 1),
    ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime", "trigger_time", 1),
    ("SegmentIdentificationSequence", "ReferencedSegmentNumber", "segment", 1),
    ("FrameContentSequence", "TemporalPositionIndex", "temporal_position", 1),
    ("FrameContentSequence", "FrameAcquisitionNumber", "acquisition_number", 1),
)
# Attributes that must have a value where their group is there (type 1, and PixelSpacing).
_NEVER_EMPTY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept")
_FRAME_TYPES = (
    "MRImageFrameTypeSequence",
    "CTImageFrameTypeSequence",
    "PETFrameTypeSequence",
    "XAXRFFrameTypeSequence",
)


def frames_of(header: Header) -> tuple[Frame, ...]:
    """The frames of one file, in file order, with all that differs from frame to frame.

    Raises
    ------
    CorruptFileError
        The functional groups of a multi-frame file do not describe its frames.
    """
    if header.functional_groups:
        headers = _from_groups(header)
    elif header.sop_class_uid == RT_DOSE:
        headers = _from_dose_grid(header)
    elif header.number_of_frames == 1:
        headers = [header]
    else:
        # PS3.3 C.7.6.6: nothing says where each frame lies.
        headers = [header._replace(position=None, orientation=None)] * header.number_of_frames
    length = header.pixel_length if len(headers) == 1 else pixel_bytes(header) // len(headers)
    in_file = header.native and header.bits_allocated % 8 == 0
    return tuple(
        Frame(
            h,
            index,
            h.position,
            h.orientation,
            1.0 if h.slope is None else h.slope,
            0.0 if h.intercept is None else h.intercept,
            header.pixel_offset + index * length if in_file else -1,
            length,
        )
        for index, h in enumerate(headers)
    )


def _data_set(header: Header) -> pydicom.Dataset:
    import pydicom

    return pydicom.dcmread(header.path, stop_before_pixels=True, force=True)


def _from_groups(header: Header) -> list[Header]:
    with quiet_pydicom():
        try:
            data_set = _data_set(header)
            shared = _first(data_set, "SharedFunctionalGroupsSequence")
            each = list(data_set.get("PerFrameFunctionalGroupsSequence") or [])
            if len(each) != header.number_of_frames:
                raise ValueError(f"{len(each)} per-frame groups for {header.number_of_frames} frames")
            return [_of_frame(header, shared, own) for own in each]
        except Exception as error:
            raise _unusable(header, "functional groups", error) from error


def _of_frame(header: Header, shared: Any, own: Any) -> Header:
    """The header with what the functional groups of one frame say; its own go before those shared by all."""
    found: dict[str, Any] = {}
    for sequence, attribute, field, count in _NUMBERS:
        group = _first(own, sequence) or _first(shared, sequence)
        value = None if group is None else group.get(attribute)
        if value is not None and value != "":
            found[field] = _numbers(attribute, value, count)
        elif group is not None and attribute in _NEVER_EMPTY:
            raise ValueError(f"{attribute} is missing or empty")
    for sequence in _FRAME_TYPES:
        group = _first(own, sequence) or _first(shared, sequence)
        if group is not None and group.get("FrameType"):
            found["image_type"] = tuple(str(word) for word in group.FrameType)
    window = _first(own, "FrameVOILUTSequence") or _first(shared, "FrameVOILUTSequence")
    if window is not None:
        for attribute, field in (("WindowCenter", "window_center"), ("WindowWidth", "window_width")):
            if window.get(attribute) not in (None, ""):
                found[field] = float(np.atleast_1d(window[attribute].value)[0])
    transform = _first(own, _VALUES) or _first(shared, _VALUES)
    if transform is not None and transform.get("RescaleType"):
        found["rescale_type"] = str(transform.RescaleType)
    if found.get("slope") == 0:
        raise ValueError("RescaleSlope is 0")
    if min(found.get("pixel_spacing", (1.0,))) <= 0:
        raise ValueError("PixelSpacing is no distance")
    for name in ("temporal_position", "acquisition_number", "segment"):
        if name in found:
            found[name] = int(found[name])
    return header._replace(**found)


def _first(data_set: Any, sequence: str) -> Any:
    """The first item of a sequence; None where there is none."""
    items = None if data_set is None else data_set.get(sequence)
    return items[0] if items else None


def _numbers(attribute: str, value: Any, count: int) -> Any:
    numbers = tuple(float(v) for v in np.atleast_1d(value))
    if len(numbers) != count or not np.all(np.isfinite(numbers)):
        raise ValueError(f"{attribute} holds {len(numbers)} values where {count} belong")
    return numbers if count > 1 else numbers[0]


def _from_dose_grid(header: Header) -> list[Header]:
    """A dose grid: planes at offsets along the normal, scaled to Gy or to what DoseUnits says."""
    with quiet_pydicom():
        try:
            data_set = _data_set(header)
            scaling = _numbers("DoseGridScaling", data_set.DoseGridScaling, 1)
            if scaling == 0:
                raise ValueError("DoseGridScaling is 0")
            units = "Gy" if data_set.get("DoseUnits") == "GY" else str(data_set.get("DoseUnits") or "") or None
            common = header._replace(slope=scaling, intercept=0.0, units=units)
            if header.number_of_frames == 1:
                return [common]
            offsets = np.array(
                _numbers("GridFrameOffsetVector", data_set.GridFrameOffsetVector, header.number_of_frames)
            )
        except Exception as error:
            raise _unusable(header, "dose grid", error) from error
    if header.position is None or header.orientation is None:
        raise _unusable(header, "dose grid", ValueError("it has no position"))
    # PS3.3 C.8.8.3.2: offsets from the first plane along the normal, or the z coordinates of an axial grid's planes.
    normal, first = normal_of(header.orientation), np.array(header.position)
    if offsets[0] == 0:
        steps = np.outer(offsets, normal)
    elif abs(normal[2]) > 1 - 1e-6 and abs(offsets[0] - first[2]) < 1e-2:
        steps = np.outer(offsets - offsets[0], (0.0, 0.0, 1.0))
    else:
        fault = ValueError(f"GridFrameOffsetVector begins with {offsets[0]:g}, neither 0 nor the z of the first plane")
        raise _unusable(header, "dose grid", fault)
    positions = (first + steps).tolist()
    return [common._replace(position=(x, y, z)) for x, y, z in positions]


def _unusable(header: Header, what: str, error: Exception) -> CorruptFileError:
    words = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
    return CorruptFileError(
        f"{header.path}: its {what} cannot be used: {words} → get the file again, or ignore=[{header.path!r}]",
        files=[header.path],
    )
