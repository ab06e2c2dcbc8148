"""Enhanced objects: what the functional groups say of each frame (PS3.3 C.7.6.16)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ..data_set import UnusableAttribute, integers_of, keyword_of, numbers_of, values_of
from ..model import Dimension
from ..sop_classes import LABEL_MAP, SEGMENTATION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..data_set import Attributes
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


def _number(attribute: str, value: Any) -> float:
    return float(numbers_of(attribute, value, 1))


def _integer(attribute: str, value: Any) -> int:
    return int(numbers_of(attribute, value, 1))


def _direction(attribute: str, value: Any) -> Any:
    return numbers_of(attribute, value, 3)


def _text(_attribute: str, value: Any) -> str:
    return str(value)


# attribute → field of Header, and how its value is taken
_OF_CONVERTED: dict[str, tuple[str, Callable[[str, Any], object]]] = {
    "EchoTime": ("echo_time", _number),
    "EchoNumbers": ("echo_number", _integer),
    "InversionTime": ("inversion_time", _number),
    "FlipAngle": ("flip_angle", _number),
    "TriggerTime": ("trigger_time", _number),
    "DiffusionBValue": ("b_value", _number),
    "DiffusionGradientOrientation": ("diffusion_direction", _direction),
    "TemporalPositionIdentifier": ("temporal_position", _integer),
    "AcquisitionNumber": ("acquisition_number", _integer),
    "AcquisitionTime": ("acquisition_time", _text),
    "ContentTime": ("content_time", _text),
    "Units": ("units", _text),
}


def headers_of(header: Header, attributes: Attributes) -> list[Header]:
    """One header for each frame, with what its functional groups say; its own go before those shared by all.

    Raises
    ------
    UnusableAttribute
        The groups do not describe the frames.
    """
    shared = attributes.first("SharedFunctionalGroupsSequence")
    each: list[Attributes | None] = [*attributes.items("PerFrameFunctionalGroupsSequence")]
    if not each and attributes.get("DimensionOrganizationType") == "TILED_FULL":
        each = [None] * header.number_of_frames  # PS3.3 C.7.6.17.3: tiles in the order of the file
    if len(each) != header.number_of_frames:
        raise UnusableAttribute(f"{len(each)} per-frame groups for {header.number_of_frames} frames")
    common = _common(header)
    known: _Known = {}
    said = _said(shared, known)
    finish = _of_segments(attributes) if header.sop_class_uid == SEGMENTATION else None
    pointers = _pointers(attributes)
    headers = []
    for own in each:
        found = {**said, **_said(own, known)}
        if pointers:
            found["dimensions"] = _dimensions(pointers, own, shared)
        if finish is not None:
            found.update(finish(found))
        headers.append(common._replace(**found))
    return headers


def _common(header: Header) -> Header:
    """The header without what only a functional group can say of a frame."""
    if header.number_of_frames > 1:
        header = header._replace(position=None, orientation=None)
    if header.sop_class_uid == LABEL_MAP:
        # PS3.3 C.8.20.2.3: stored values are segment numbers, whatever colours a palette shows them in.
        header = header._replace(photometric_interpretation="MONOCHROME2", palette_bits=None)
    return header


def _said(groups: Attributes | None, known: _Known) -> dict[str, Any]:
    """What the functional groups of one item say, by the fields of `Header`; nothing where there is no item."""
    found: dict[str, Any] = {}
    if groups is None:
        return found
    present = groups.tags()  # private ones too
    for tag, sequence in _wanted().items():
        if tag not in present:
            continue
        # Most groups are the same bytes in every frame, which pydicom leaves unparsed until they are asked for.
        raw = groups.unparsed(tag)
        said = None if raw is None else known.get((tag, raw))
        if said is None:
            group = groups.first(tag)
            said = {} if group is None else _of_group(sequence, group)
            if raw is not None:
                known[tag, raw] = said
        found.update(said)
    if found.get("slope") == 0:
        raise UnusableAttribute("RescaleSlope is 0")
    if min(found.get("pixel_spacing", (1.0,))) <= 0:
        raise UnusableAttribute("PixelSpacing is no distance")
    for name in _INTEGERS:
        if name in found:
            found[name] = int(found[name])
    return found


@cache
def _wanted() -> dict[int, str]:
    """The tags of the functional groups that are read; those that others go before come first."""
    from pydicom.datadict import tag_for_keyword

    return {tag_for_keyword(keyword) or 0: keyword for keyword in (*_CONVERTED, *_NUMBERS, *_FRAME_TYPES)}


def _of_group(sequence: str, group: Attributes) -> dict[str, Any]:
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
                found[field] = numbers_of(attribute, value if count else values_of(value)[:1], count or 1)
            elif attribute in _NEVER_EMPTY:
                raise UnusableAttribute(f"{attribute} is missing or empty")
        except UnusableAttribute:
            if attribute in (*_NEVER_EMPTY, "ReferencedSegmentNumber"):
                raise  # others count as absent
    if sequence == _VALUES and (rescale_type := group.text("RescaleType")):
        found["rescale_type"] = rescale_type
    elif sequence == "FrameContentSequence" and (stack := group.text("StackID")):
        found["stack"] = (("StackID", stack),)
    elif sequence == "MRDiffusionSequence":
        direction = group.first("DiffusionGradientDirectionSequence")
        value = None if direction is None else direction.get("DiffusionGradientOrientation")
        if value is not None:
            found["diffusion_direction"] = numbers_of("DiffusionGradientOrientation", value, 3)
    return found


def _of_frame_type(group: Attributes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if frame_type := group.get("FrameType"):
        found["image_type"] = tuple(map(str, values_of(frame_type)))
    if component := group.text("ComplexImageComponent"):
        found["complex_component"] = component
    return found


def _of_converted(group: Attributes) -> dict[str, Any]:
    """What a single-frame file would have said; values that cannot be used count as absent, as in such a file."""
    found: dict[str, Any] = {}
    for keyword, (field, take) in _OF_CONVERTED.items():
        try:
            value = group.get(keyword)
            if value is not None and value != "":
                found[field] = take(keyword, value)
        except UnusableAttribute:
            continue
    return found


# ------------------------------------------------------------------------------------------------------ dimensions
def _pointers(attributes: Attributes) -> list[tuple[str, int, int | None]]:
    """Keyword, tag and functional group of each dimension (PS3.3 C.7.6.17)."""
    found = []
    for item in attributes.items("DimensionIndexSequence"):
        tag, group = _tag_in(item, "DimensionIndexPointer"), _tag_in(item, "FunctionalGroupPointer")
        if tag is not None:
            found.append((keyword_of(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})", tag, group))
    return found


def _tag_in(item: Attributes, pointer: str) -> int | None:
    """The tag that an element of VR AT points at."""
    value = item.get(pointer)
    if value is not None and not isinstance(value, int):
        raise UnusableAttribute(f"{pointer} is not a tag")
    return None if value is None else int(value)


def _dimensions(
    pointers: list[tuple[str, int, int | None]], own: Attributes | None, shared: Attributes | None
) -> tuple[Dimension, ...]:
    content = None if own is None else own.first("FrameContentSequence")
    values = None if content is None else content.get("DimensionIndexValues")
    if values is None or values == "":
        return ()
    indices = integers_of("DimensionIndexValues", values)
    if len(indices) != len(pointers):
        return ()  # it says nothing that geometry or values depend on
    return tuple(
        Dimension(keyword, index, _pointed_at(tag, group, own, shared))
        for (keyword, tag, group), index in zip(pointers, indices, strict=True)
    )


def _pointed_at(tag: int, group: int | None, own: Attributes | None, shared: Attributes | None) -> object:
    """The value of the attribute that a dimension points at, where it is a number or a text."""
    for groups in (own, shared):
        item = None if groups is None or group is None else groups.first(group)
        value = None if item is None else item.get(tag)
        if isinstance(value, (int, str)) and value != "":
            return value
        if isinstance(value, float):
            return float(value)
    return None


# ---------------------------------------------------------------------------------------------------- segmentations
def _of_segments(attributes: Attributes) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """What the whole segmentation says of a frame: the label of its segment, and the scale of fractions."""
    labels = {
        _integer("SegmentNumber", item.get("SegmentNumber")): item.text("SegmentLabel")
        for item in attributes.items("SegmentSequence")
    }
    scale: dict[str, Any] = {}
    if attributes.get("SegmentationType") == "FRACTIONAL":
        # PS3.3 C.8.20.2.3: stored values from 0 to MaximumFractionalValue stand for 0 to 1.
        most = _number("MaximumFractionalValue", attributes.get("MaximumFractionalValue"))
        if most <= 0:
            raise UnusableAttribute("MaximumFractionalValue is 0")
        scale = {"slope": 1 / most, "intercept": 0.0}

    def of_frame(found: Mapping[str, Any]) -> dict[str, Any]:
        return {"segment_label": labels.get(found.get("segment", 0)), **scale}

    return of_frame
