"""Enhanced objects: what the functional groups say of each frame (PS3.3 C.7.6.16)."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..data_set import UnusableAttribute, convert_integers, convert_numbers, find_keyword, list_values
from ..liberties import Liberty
from ..model import Dimension
from ..sop_classes import LABEL_MAP, SEGMENTATION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..items import Item
    from ..model import Header

    _Known = dict[tuple[int, bytes], dict[str, Any]]

# CR, CT, MR, secondary capture, PET and RT Image: single-frame objects, whose modules have no functional groups.
_CLASSIC = frozenset(f"1.2.840.10008.5.1.4.1.1.{number}" for number in ("1", "2", "4", "7", "128", "481.1"))
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
    "CTReconstructionSequence": (),
    "SegmentIdentificationSequence": (("ReferencedSegmentNumber", "segment", 1),),
    "PlanePositionSlideSequence": (),
    "FrameContentSequence": (
        ("TemporalPositionIndex", "temporal_position", 1),
        ("FrameAcquisitionNumber", "acquisition_number", 1),
    ),
}
_INTEGERS = ("temporal_position", "acquisition_number", "segment")
# Attributes that must have a value where their group is there (type 1, and PixelSpacing).
_NEVER_EMPTY = {
    "ImagePositionPatient": "position",
    "ImageOrientationPatient": "orientation",
    "PixelSpacing": "pixel_spacing",
    "RescaleSlope": "slope",
    "RescaleIntercept": "intercept",
}
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


def _read_single_number(attribute: str, value: Any) -> float:
    return float(convert_numbers(attribute, value, 1))


def _read_integer(attribute: str, value: Any) -> int:
    return int(convert_numbers(attribute, value, 1))


def _read_triple(attribute: str, value: Any) -> Any:
    return convert_numbers(attribute, value, 3)


def _read_text_value(_attribute: str, value: Any) -> str:
    return str(value)


# attribute → field of Header, and how its value is taken
_OF_CONVERTED: dict[str, tuple[str, Callable[[str, Any], object]]] = {
    "EchoTime": ("echo_time", _read_single_number),
    "EchoNumbers": ("echo_number", _read_integer),
    "InversionTime": ("inversion_time", _read_single_number),
    "FlipAngle": ("flip_angle", _read_single_number),
    "TriggerTime": ("trigger_time", _read_single_number),
    "FrameReferenceTime": ("frame_reference_time", _read_single_number),
    "ImageIndex": ("image_index", _read_integer),
    "KVP": ("kvp", _read_single_number),
    "DiffusionBValue": ("b_value", _read_single_number),
    "DiffusionGradientOrientation": ("diffusion_direction", _read_triple),
    "TemporalPositionIdentifier": ("temporal_position", _read_integer),
    "AcquisitionNumber": ("acquisition_number", _read_integer),
    "AcquisitionTime": ("acquisition_time", _read_text_value),
    "ContentTime": ("content_time", _read_text_value),
    "Units": ("units", _read_text_value),
}


def is_classic(header: Header) -> bool:
    """Tell whether a file is a single-frame object that says where it lies: functional groups only add to it."""
    placed = header.position is not None and header.orientation is not None
    return placed and header.number_of_frames == 1 and header.sop_class_uid in _CLASSIC


def read_functional_groups(header: Header, attributes: Item) -> list[Header]:
    """One header for each frame, with what its functional groups say; its own go before those shared by all.

    Raises
    ------
    UnusableAttribute
        The groups do not describe the frames.
    """
    shared = attributes.first("SharedFunctionalGroupsSequence")
    each: list[Item | None] = [*attributes.items("PerFrameFunctionalGroupsSequence")]
    one = header.number_of_frames == 1
    if not each and (one or attributes.get("DimensionOrganizationType") == "TILED_FULL"):
        each = [None] * header.number_of_frames  # PS3.3 C.7.6.17.3: tiles in the order of the file
    if len(each) not in (header.number_of_frames, header.number_of_frames + 1):
        raise UnusableAttribute(f"{len(each)} per-frame groups for {header.number_of_frames} frames")
    common = _strip_header(header)
    # What the top level says of the one frame may be missing in its groups.
    required = [name for name, field in _NEVER_EMPTY.items() if not one or getattr(header, field) is None]
    known: _Known = {}
    said = _read_groups(shared, known, required)
    finish = _read_segments(attributes) if header.sop_class_uid == SEGMENTATION else None
    pointers = _read_pointers(attributes)
    frames = []
    for own in each:
        found = {**said, **_read_groups(own, known, required)}
        if pointers:
            found["dimensions"] = _read_dimensions(pointers, own, shared)
        if finish is not None:
            found.update(finish(found))
        frames.append(found)
    if len(frames) > header.number_of_frames:
        common = _note_liberty(common, Liberty.SURPLUS_GROUP)
        surplus = _find_surplus_group(each, frames) if common.liberties == (Liberty.SURPLUS_GROUP,) else None
        if surplus is None:
            raise UnusableAttribute(f"{len(each)} per-frame groups for {header.number_of_frames} frames")
        del frames[surplus]
    return _orient_by_top_level(header, [common._replace(**found) for found in frames])


def _note_liberty(header: Header, liberty: Liberty) -> Header:
    """Note a liberty, unless another one was taken already."""
    return header if header.liberties else header._replace(liberties=(liberty,))


def _find_surplus_group(each: list[Item | None], frames: list[dict[str, Any]]) -> int | None:
    """Find the one of per-frame groups that no frame can belong to; None where it may be any.

    It is empty, or equal to its neighbour, or behind groups in order and equal to one of them.
    """
    empty = [k for k, own in enumerate(each) if own is not None and not own.tags()]
    if empty:
        return empty[0] if len(empty) == 1 else None
    equal = [k for k in range(1, len(frames)) if frames[k] == frames[k - 1]]
    if equal:
        return equal[0] if len(equal) == 1 else None
    return len(frames) - 1 if frames[-1] in frames[:-1] and _are_in_order(frames[:-1]) else None


def _are_in_order(frames: list[dict[str, Any]]) -> bool:
    """Tell whether the dimension indices of frames ascend."""
    indices = [[d.ordinal for d in found.get("dimensions", ())] for found in frames]
    return all(a < b for a, b in pairwise(indices))


def _orient_by_top_level(header: Header, headers: list[Header]) -> list[Header]:
    """Take ImageOrientationPatient from the top level where frames have positions and no group says it."""
    if header.orientation is None or any(h.orientation is not None or h.position is None for h in headers):
        return headers
    oriented = _note_liberty(headers[0], Liberty.TOP_LEVEL_ORIENTATION)
    if oriented.liberties != (Liberty.TOP_LEVEL_ORIENTATION,):
        return headers
    return [h._replace(orientation=header.orientation, liberties=oriented.liberties) for h in headers]


def _strip_header(header: Header) -> Header:
    """The header without what only a functional group can say of a frame."""
    if header.number_of_frames > 1:
        header = header._replace(position=None, orientation=None)
    if header.sop_class_uid == LABEL_MAP:
        # PS3.3 C.8.20.2.3: stored values are segment numbers, whatever colours a palette shows them in.
        header = header._replace(photometric_interpretation="MONOCHROME2", palette_bits=None)
    return header


def _read_groups(groups: Item | None, known: _Known, required: Sequence[str]) -> dict[str, Any]:
    """Say what the functional groups of one item say, by the fields of `Header`; nothing where there is no item."""
    found: dict[str, Any] = {}
    if groups is None:
        return found
    for tag, sequence in _list_wanted().items():
        written = groups.written(tag)
        if written is None:
            continue
        said = known.get((tag, written))  # most groups are the same bytes in every frame
        if said is None:
            group = groups.first(tag)
            said = {} if group is None else _read_group(sequence, group, required)
            known[tag, written] = said
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


def _read_group(sequence: str, group: Item, required: Sequence[str]) -> dict[str, Any]:
    """Say what one functional group says, by the fields of `Header`; `required` attributes must have a value."""
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
            elif attribute in required:
                raise UnusableAttribute(f"{attribute} is missing or empty")
        except UnusableAttribute:
            if attribute in (*_NEVER_EMPTY, "ReferencedSegmentNumber"):
                raise  # others count as absent
    if sequence == _VALUES and (rescale_type := group.text("RescaleType")):
        found["rescale_type"] = rescale_type
    elif sequence == "CTReconstructionSequence" and (kernel := group.get("ConvolutionKernel")):
        found["convolution_kernel"] = "\\".join(map(str, list_values(kernel)))
    elif sequence == "PlanePositionSlideSequence":
        found["on_slide"] = True
    elif sequence == "FrameContentSequence" and (stack := group.text("StackID")):
        found["stack"] = (("StackID", stack),)
    elif sequence == "MRDiffusionSequence":
        direction = group.first("DiffusionGradientDirectionSequence")
        value = None if direction is None else direction.get("DiffusionGradientOrientation")
        if value is not None:
            found["diffusion_direction"] = convert_numbers("DiffusionGradientOrientation", value, 3)
    return found


def _read_frame_type(group: Item) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if frame_type := group.get("FrameType"):
        found["image_type"] = tuple(map(str, list_values(frame_type)))
    if component := group.text("ComplexImageComponent"):
        found["complex_component"] = component
    return found


def _read_converted(group: Item) -> dict[str, Any]:
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
def _read_pointers(attributes: Item) -> list[tuple[str, int, int | None]]:
    """Keyword, tag and functional group of each dimension (PS3.3 C.7.6.17)."""
    found = []
    for item in attributes.items("DimensionIndexSequence"):
        tag, group = _find_tag_in(item, "DimensionIndexPointer"), _find_tag_in(item, "FunctionalGroupPointer")
        if tag is not None:
            found.append((find_keyword(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})", tag, group))
    return found


def _find_tag_in(item: Item, pointer: str) -> int | None:
    """The tag that an element of VR AT points at."""
    value = item.get(pointer)
    if value is not None and not isinstance(value, int):
        raise UnusableAttribute(f"{pointer} is not a tag")
    return None if value is None else int(value)


def _read_dimensions(
    pointers: list[tuple[str, int, int | None]], own: Item | None, shared: Item | None
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


def _follow_pointer(tag: int, group: int | None, own: Item | None, shared: Item | None) -> object:
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
def _read_segments(attributes: Item) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Say what the whole segmentation says of a frame: the label of its segment, and the scale of fractions."""
    labels = {
        _read_integer("SegmentNumber", item.get("SegmentNumber")): item.text("SegmentLabel")
        for item in attributes.items("SegmentSequence")
    }
    scale: dict[str, Any] = {}
    if attributes.get("SegmentationType") == "FRACTIONAL":
        # PS3.3 C.8.20.2.3: stored values from 0 to MaximumFractionalValue stand for 0 to 1.
        most = _read_single_number("MaximumFractionalValue", attributes.get("MaximumFractionalValue"))
        if most <= 0:
            raise UnusableAttribute("MaximumFractionalValue is 0")
        scale = {"slope": 1 / most, "intercept": 0.0}

    def of_frame(found: Mapping[str, Any]) -> dict[str, Any]:
        return {"segment_label": labels.get(found.get("segment", 0)), **scale}

    return of_frame
