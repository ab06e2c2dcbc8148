"""Enhanced objects: what the functional groups say of each frame (PS3.3 C.7.6.16)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ..data_set import UnusableAttribute, convert_integers, convert_numbers, find_keyword, list_values
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
    "CTXRayDetailsSequence": (("KVP", "kvp", 1),),
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


def _read_number(attribute: str, value: Any) -> float:
    return float(convert_numbers(attribute, value, 1))


def _read_integer(attribute: str, value: Any) -> int:
    return int(convert_numbers(attribute, value, 1))


def _read_direction(attribute: str, value: Any) -> Any:
    return convert_numbers(attribute, value, 3)


def _read_text_value(_attribute: str, value: Any) -> str:
    return str(value)


# attribute → field of Header, and how its value is taken
_OF_CONVERTED: dict[str, tuple[str, Callable[[str, Any], object]]] = {
    "EchoTime": ("echo_time", _read_number),
    "EchoNumbers": ("echo_number", _read_integer),
    "InversionTime": ("inversion_time", _read_number),
    "FlipAngle": ("flip_angle", _read_number),
    "TriggerTime": ("trigger_time", _read_number),
    "FrameReferenceTime": ("frame_reference_time", _read_number),
    "ImageIndex": ("image_index", _read_integer),
    "KVP": ("kvp", _read_number),
    "DiffusionBValue": ("b_value", _read_number),
    "DiffusionGradientOrientation": ("diffusion_direction", _read_direction),
    "TemporalPositionIdentifier": ("temporal_position", _read_integer),
    "AcquisitionNumber": ("acquisition_number", _read_integer),
    "AcquisitionTime": ("acquisition_time", _read_text_value),
    "ContentTime": ("content_time", _read_text_value),
    "Units": ("units", _read_text_value),
}


def read_functional_groups(header: Header, attributes: Attributes) -> list[Header]:
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
    common = _strip_header(header)
    known: _Known = {}
    said = _read_groups(shared, known)
    finish = _read_segments(attributes) if header.sop_class_uid == SEGMENTATION else None
    pointers = _read_pointers(attributes)
    headers = []
    for own in each:
        found = {**said, **_read_groups(own, known)}
        if pointers:
            found["dimensions"] = _read_dimensions(pointers, own, shared)
        if finish is not None:
            found.update(finish(found))
        headers.append(common._replace(**found))
    return headers


def _strip_header(header: Header) -> Header:
    """The header without what only a functional group can say of a frame."""
    if header.number_of_frames > 1:
        header = header._replace(position=None, orientation=None)
    if header.sop_class_uid == LABEL_MAP:
        # PS3.3 C.8.20.2.3: stored values are segment numbers, whatever colours a palette shows them in.
        header = header._replace(photometric_interpretation="MONOCHROME2", palette_bits=None)
    return header


def _read_groups(groups: Attributes | None, known: _Known) -> dict[str, Any]:
    """Say what the functional groups of one item say, by the fields of `Header`; nothing where there is no item."""
    found: dict[str, Any] = {}
    if groups is None:
        return found
    present = groups.tags()  # private ones too
    for tag, sequence in _list_wanted().items():
        if tag not in present:
            continue
        # Most groups are the same bytes in every frame, which pydicom leaves unparsed until they are asked for.
        raw = groups.unparsed(tag)
        said = None if raw is None else known.get((tag, raw))
        if said is None:
            group = groups.first(tag)
            said = {} if group is None else _read_group(sequence, group)
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
def _list_wanted() -> dict[int, str]:
    """The tags of the functional groups that are read; those that others go before come first."""
    from pydicom.datadict import tag_for_keyword

    return {tag_for_keyword(keyword) or 0: keyword for keyword in (*_CONVERTED, *_NUMBERS, *_FRAME_TYPES)}


def _read_group(sequence: str, group: Attributes) -> dict[str, Any]:
    """Say what one functional group says, by the fields of `Header`."""
    if sequence in _CONVERTED:
        return _read_converted(group)
    if sequence in _FRAME_TYPES:
        return _read_frame_type(group)
    found: dict[str, Any] = {}
    for attribute, field, count in _NUMBERS[sequence]:
        try:
            value = group.get(attribute)
            if value is not None and value != "":
                # Of several windows, the first one; so of inversion times.
                found[field] = convert_numbers(attribute, value if count else list_values(value)[:1], count or 1)
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
            found["diffusion_direction"] = convert_numbers("DiffusionGradientOrientation", value, 3)
    return found


def _read_frame_type(group: Attributes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if frame_type := group.get("FrameType"):
        found["image_type"] = tuple(map(str, list_values(frame_type)))
    if component := group.text("ComplexImageComponent"):
        found["complex_component"] = component
    return found


def _read_converted(group: Attributes) -> dict[str, Any]:
    """Say what a single-frame file would have said; values that cannot be used count as absent, as in such a file."""
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
def _read_pointers(attributes: Attributes) -> list[tuple[str, int, int | None]]:
    """Keyword, tag and functional group of each dimension (PS3.3 C.7.6.17)."""
    found = []
    for item in attributes.items("DimensionIndexSequence"):
        tag, group = _find_tag_in(item, "DimensionIndexPointer"), _find_tag_in(item, "FunctionalGroupPointer")
        if tag is not None:
            found.append((find_keyword(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})", tag, group))
    return found


def _find_tag_in(item: Attributes, pointer: str) -> int | None:
    """The tag that an element of VR AT points at."""
    value = item.get(pointer)
    if value is not None and not isinstance(value, int):
        raise UnusableAttribute(f"{pointer} is not a tag")
    return None if value is None else int(value)


def _read_dimensions(
    pointers: list[tuple[str, int, int | None]], own: Attributes | None, shared: Attributes | None
) -> tuple[Dimension, ...]:
    content = None if own is None else own.first("FrameContentSequence")
    values = None if content is None else content.get("DimensionIndexValues")
    if values is None or values == "":
        return ()
    indices = convert_integers("DimensionIndexValues", values)
    if len(indices) != len(pointers):
        return ()  # it says nothing that geometry or values depend on
    return tuple(
        Dimension(keyword, index, _follow_pointer(tag, group, own, shared))
        for (keyword, tag, group), index in zip(pointers, indices, strict=True)
    )


def _follow_pointer(tag: int, group: int | None, own: Attributes | None, shared: Attributes | None) -> object:
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
def _read_segments(attributes: Attributes) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Say what the whole segmentation says of a frame: the label of its segment, and the scale of fractions."""
    labels = {
        _read_integer("SegmentNumber", item.get("SegmentNumber")): item.text("SegmentLabel")
        for item in attributes.items("SegmentSequence")
    }
    scale: dict[str, Any] = {}
    if attributes.get("SegmentationType") == "FRACTIONAL":
        # PS3.3 C.8.20.2.3: stored values from 0 to MaximumFractionalValue stand for 0 to 1.
        most = _read_number("MaximumFractionalValue", attributes.get("MaximumFractionalValue"))
        if most <= 0:
            raise UnusableAttribute("MaximumFractionalValue is 0")
        scale = {"slope": 1 / most, "intercept": 0.0}

    def of_frame(found: Mapping[str, Any]) -> dict[str, Any]:
        return {"segment_label": labels.get(found.get("segment", 0)), **scale}

    return of_frame
