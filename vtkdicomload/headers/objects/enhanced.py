"""Enhanced objects: what the functional groups say of each frame (PS3.3 C.7.6.16)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from ..model import Dimension
from ..sop_classes import LABEL_MAP, SEGMENTATION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pydicom

    from ..model import Header

    _Known = dict[tuple[int, bytes], dict[str, Any]]

_SPACING = "PixelMeasuresSequence"
_VALUES = "PixelValueTransformationSequence"

# functional group sequence → attribute, field of Header, how many numbers
_NUMBERS: dict[str, tuple[tuple[str, str, int], ...]] = {
    "PlanePositionSequence": (("ImagePositionPatient", "position", 3),),
    "PlaneOrientationSequence": (("ImageOrientationPatient", "orientation", 6),),
    _SPACING: (
        ("PixelSpacing", "pixel_spacing", 2),
        ("SliceThickness", "slice_thickness", 1),
        ("SpacingBetweenSlices", "spacing_between_slices", 1),
    ),
    _VALUES: (("RescaleSlope", "slope", 1), ("RescaleIntercept", "intercept", 1)),
    "FrameVOILUTSequence": (("WindowCenter", "window_center", 0), ("WindowWidth", "window_width", 0)),
    "FramePixelDataPropertiesSequence": (("ImagerPixelSpacing", "imager_pixel_spacing", 2),),
    "MREchoSequence": (("EffectiveEchoTime", "echo_time", 1),),
    "MRTimingAndRelatedParametersSequence": (("FlipAngle", "flip_angle", 1),),
    "MRModifierSequence": (("InversionTimes", "inversion_time", 0),),
    "MRDiffusionSequence": (("DiffusionBValue", "b_value", 1),),
    "CardiacSynchronizationSequence": (("NominalCardiacTriggerDelayTime", "trigger_time", 1),),
    "SegmentIdentificationSequence": (("ReferencedSegmentNumber", "segment", 1),),
    "FrameContentSequence": (
        ("TemporalPositionIndex", "temporal_position", 1),
        ("FrameAcquisitionNumber", "acquisition_number", 1),
    ),
}
_INTEGERS = ("temporal_position", "acquisition_number", "segment")
# Attributes that must have a value where their group is there (type 1, and PixelSpacing).
_NEVER_EMPTY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept")
_FRAME_TYPES = (
    "MRImageFrameTypeSequence",
    "MRSpectroscopyFrameTypeSequence",
    "CTImageFrameTypeSequence",
    "PETFrameTypeSequence",
    "XAXRFFrameTypeSequence",
    "XRay3DFrameTypeSequence",
    "ParametricMapFrameTypeSequence",
)
# What legacy converted objects keep of the files that they were made from.
_CONVERTED = ("UnassignedSharedConvertedAttributesSequence", "UnassignedPerFrameConvertedAttributesSequence")
_OF_CONVERTED: dict[str, tuple[str, Callable[[Any], object]]] = {
    "EchoTime": ("echo_time", float),
    "EchoNumbers": ("echo_number", int),
    "InversionTime": ("inversion_time", float),
    "FlipAngle": ("flip_angle", float),
    "TriggerTime": ("trigger_time", float),
    "DiffusionBValue": ("b_value", float),
    "DiffusionGradientOrientation": ("diffusion_direction", lambda v: numbers_of("DiffusionGradientOrientation", v, 3)),
    "TemporalPositionIdentifier": ("temporal_position", int),
    "AcquisitionNumber": ("acquisition_number", int),
    "AcquisitionTime": ("acquisition_time", str),
    "ContentTime": ("content_time", str),
    "Units": ("units", str),
}


def headers_of(header: Header, data_set: pydicom.Dataset) -> list[Header]:
    """One header for each frame, with what its functional groups say; its own go before those shared by all.

    Raises
    ------
    ValueError
        The groups do not describe the frames.
    """
    from pydicom import Dataset

    shared = first_item(data_set, "SharedFunctionalGroupsSequence")
    each = list(data_set.get("PerFrameFunctionalGroupsSequence") or [])
    if not each and data_set.get("DimensionOrganizationType") == "TILED_FULL":
        each = [Dataset()] * header.number_of_frames  # PS3.3 C.7.6.17.3: tiles in the order of the file
    if len(each) != header.number_of_frames:
        raise ValueError(f"{len(each)} per-frame groups for {header.number_of_frames} frames")
    common = _common(header, data_set)
    known: _Known = {}
    said = {} if shared is None else _said(shared, known)
    finish = _of_segments(data_set) if header.sop_class_uid == SEGMENTATION else None
    pointers = _pointers(data_set)
    headers = []
    for own in each:
        found = {**said, **_said(own, known)}
        if pointers:
            found["dimensions"] = _dimensions(pointers, own, shared)
        if finish is not None:
            found.update(finish(found))
        headers.append(common._replace(**found))
    return headers


def first_item(data_set: Any, sequence: str) -> Any:
    """The first item of a sequence; None where there is none."""
    items = None if data_set is None else data_set.get(sequence)
    return items[0] if items else None


def many(value: Any) -> list[Any]:
    """The values of an element, also where it holds a single one."""
    return list(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else [value]


def numbers_of(attribute: str, value: Any, count: int) -> Any:
    """The numbers of an attribute: a tuple of `count`, or the number itself where `count` is 1."""
    given = many(value)
    numbers = tuple(map(float, given))
    if any("_" in getattr(v, "original_string", "") for v in given):  # which Python takes in a number, DICOM does not
        raise ValueError(f"{attribute} is not a number")
    if len(numbers) != count:
        raise ValueError(f"{attribute} holds {len(numbers)} values where {count} belong")
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{attribute} is not finite")
    return numbers if count > 1 else numbers[0]


def _common(header: Header, data_set: pydicom.Dataset) -> Header:
    """The header without what only a functional group can say of a frame."""
    if header.number_of_frames > 1:
        header = header._replace(position=None, orientation=None)
    if header.sop_class_uid == LABEL_MAP:
        # PS3.3 C.8.20.2.3: stored values are segment numbers, whatever colours a palette shows them in.
        header = header._replace(photometric_interpretation="MONOCHROME2", palette_bits=None)
    return header


def _said(groups: pydicom.Dataset, known: _Known) -> dict[str, Any]:
    """What the functional groups of one item say, by the fields of `Header`."""
    found: dict[str, Any] = {}
    present = set(map(int, groups.keys()))  # without parsing values, private ones too
    for tag, sequence in _wanted().items():
        if tag not in present:
            continue
        # Most groups are the same bytes in every frame, which pydicom leaves unparsed until they are asked for.
        raw = groups.get_item(tag).value
        said = known.get((tag, raw)) if isinstance(raw, bytes) else None
        if said is None:
            items = groups[tag].value
            said = _of_group(sequence, items[0]) if items else {}
            if isinstance(raw, bytes):
                known[tag, raw] = said
        found.update(said)
    if found.get("slope") == 0:
        raise ValueError("RescaleSlope is 0")
    if min(found.get("pixel_spacing", (1.0,))) <= 0:
        raise ValueError("PixelSpacing is no distance")
    for name in _INTEGERS:
        if name in found:
            found[name] = int(found[name])
    return found


@cache
def _wanted() -> dict[int, str]:
    """The tags of the functional groups that are read; those that others go before come first."""
    from pydicom.datadict import tag_for_keyword

    return {tag_for_keyword(keyword) or 0: keyword for keyword in (*_CONVERTED, *_NUMBERS, *_FRAME_TYPES)}


def _of_group(sequence: str, group: pydicom.Dataset) -> dict[str, Any]:
    """What one functional group says, by the fields of `Header`."""
    if sequence in _CONVERTED:
        return _of_converted(group)
    if sequence in _FRAME_TYPES:
        return _of_frame_type(group)
    found: dict[str, Any] = {}
    for attribute, field, count in _NUMBERS[sequence]:
        try:
            value = group.get(attribute)
            if value is not None and value != "":
                # Of several windows, the first one; so of inversion times.
                found[field] = numbers_of(attribute, value if count else many(value)[0], count or 1)
            elif attribute in _NEVER_EMPTY:
                raise ValueError(f"{attribute} is missing or empty")
        except (TypeError, ValueError):
            if attribute in (*_NEVER_EMPTY, "ReferencedSegmentNumber"):
                raise  # others count as absent
    if sequence == _VALUES and group.get("RescaleType"):
        found["rescale_type"] = str(group.RescaleType)
    elif sequence == "FrameContentSequence" and group.get("StackID"):
        found["stack"] = (("StackID", str(group.StackID)),)
    elif sequence == "MRDiffusionSequence":
        direction = first_item(group, "DiffusionGradientDirectionSequence")
        value = None if direction is None else direction.get("DiffusionGradientOrientation")
        if value is not None:
            found["diffusion_direction"] = numbers_of("DiffusionGradientOrientation", value, 3)
    return found


def _of_frame_type(group: pydicom.Dataset) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if group.get("FrameType"):
        found["image_type"] = tuple(str(word) for word in many(group.FrameType))
    if group.get("ComplexImageComponent"):
        found["complex_component"] = str(group.ComplexImageComponent)
    return found


def _of_converted(group: pydicom.Dataset) -> dict[str, Any]:
    """What a single-frame file would have said; values that cannot be used count as absent, as in such a file."""
    found: dict[str, Any] = {}
    for keyword, (field, parse) in _OF_CONVERTED.items():
        value = group.get(keyword)
        if value is None or value == "":
            continue
        try:
            found[field] = parse(value)
        except (TypeError, ValueError):
            continue
    return found


# ------------------------------------------------------------------------------------------------------ dimensions
def _pointers(data_set: pydicom.Dataset) -> list[tuple[str, int, int | None]]:
    """Keyword, tag and functional group of each dimension (PS3.3 C.7.6.17)."""
    from pydicom.datadict import keyword_for_tag

    found = []
    for item in data_set.get("DimensionIndexSequence") or []:
        tag, group = item.get("DimensionIndexPointer"), item.get("FunctionalGroupPointer")
        if tag is not None:
            keyword = keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
            found.append((keyword, int(tag), None if group is None else int(group)))
    return found


def _dimensions(pointers: list[tuple[str, int, int | None]], own: Any, shared: Any) -> tuple[Dimension, ...]:
    content = first_item(own, "FrameContentSequence")
    values = None if content is None else content.get("DimensionIndexValues")
    if values is None or values == "":
        return ()
    indices = [int(v) for v in many(values)]
    if len(indices) != len(pointers):
        return ()  # it says nothing that geometry or values depend on
    return tuple(
        Dimension(keyword, index, _pointed_at(tag, group, own, shared))
        for (keyword, tag, group), index in zip(pointers, indices, strict=True)
    )


def _pointed_at(tag: int, group: int | None, own: Any, shared: Any) -> object:
    """The value of the attribute that a dimension points at, where it is a number or a text."""
    for groups in (own, shared):
        if groups is None or group is None or group not in groups or not groups[group].value:
            continue
        item = groups[group].value[0]
        if tag in item and item[tag].VM == 1 and item[tag].VR != "SQ":
            value = item[tag].value
            return value if isinstance(value, (int, str)) else float(value) if isinstance(value, float) else None
    return None


# ---------------------------------------------------------------------------------------------------- segmentations
def _of_segments(data_set: pydicom.Dataset) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """What the whole segmentation says of a frame: the label of its segment, and the scale of fractions."""
    labels = {
        int(item.SegmentNumber): str(item.get("SegmentLabel") or "") or None
        for item in data_set.get("SegmentSequence") or []
    }
    scale: dict[str, Any] = {}
    if data_set.get("SegmentationType") == "FRACTIONAL":
        # PS3.3 C.8.20.2.3: stored values from 0 to MaximumFractionalValue stand for 0 to 1.
        most = numbers_of("MaximumFractionalValue", data_set.get("MaximumFractionalValue", ()), 1)
        if most <= 0:
            raise ValueError("MaximumFractionalValue is 0")
        scale = {"slope": 1 / most, "intercept": 0.0}

    def of_frame(found: Mapping[str, Any]) -> dict[str, Any]:
        return {"segment_label": labels.get(found.get("segment", 0)), **scale}

    return of_frame
