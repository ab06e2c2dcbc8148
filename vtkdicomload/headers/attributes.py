"""The attributes that loading needs, and how their values are parsed, as the standard and common writers spell them."""

from __future__ import annotations

import math
import re
import struct
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

from .csa import parse_csa
from .elements import LONG_VRS, SHORT_VRS

if TYPE_CHECKING:
    from collections.abc import Callable

_DECIMAL = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z")
_INTEGER = re.compile(rb"[+-]?\d+\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LONGEST_PART = 1.1


@lru_cache(4096)  # the same numbers stand in all files of a series, or in one of each
def _parse_number(text: bytes) -> float:
    """A decimal string (DS, PS3.5 6.2), as the standard and common writers spell it; ValueError otherwise."""
    text = text.strip(b" \0")
    if not _DECIMAL.match(text):
        comma = ", a decimal comma" if b"," in text else ""
        raise ValueError(f"{text[:32].decode('latin-1')!r} is not a number{comma}")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:32].decode('latin-1')!r} is not finite")
    return value


def _parse_numbers(value: bytes, count: int) -> tuple[float, ...] | None:
    if not value.strip(b" \0"):
        return None
    parts = value.split(b"\\")
    if len(parts) != count:
        raise ValueError(f"{len(parts)} values where {count} belong")
    return tuple(map(_parse_number, parts))


def _parse_decimal(value: bytes) -> float | None:
    numbers = _parse_numbers(value, 1)
    return numbers[0] if numbers else None


def _parse_integer(value: bytes) -> int | None:
    text = value.strip(b" \0")
    if not text:
        return None
    if not _INTEGER.match(text) or len(text) > 12:
        raise ValueError(f"{text[:32].decode('latin-1')!r} is not an integer")
    return int(text)


def _parse_word(value: bytes) -> int:
    if len(value) != 2:
        raise ValueError(f"{len(value)} bytes where 2 belong")
    return int.from_bytes(value, "little")


def _parse_long(value: bytes) -> int:
    if len(value) != 4:
        raise ValueError(f"{len(value)} bytes where 4 belong")
    return int.from_bytes(value, "little")


def _keep_word(value: bytes) -> bytes:
    """A word for `parse_padding`: its sign depends on an attribute that comes elsewhere."""
    return value


def _parse_descriptor_bits(value: bytes) -> int:
    """The third word of a lookup table descriptor: the bits of its entries (PS3.3 C.7.6.3.1.5)."""
    if len(value) != 6:
        raise ValueError(f"{len(value)} bytes where 6 belong")
    bits = int.from_bytes(value[4:], "little")
    if bits not in (8, 16):
        raise ValueError(f"entries of {bits} bits")
    return bits


def _parse_double(value: bytes) -> float | None:
    if not value:
        return None
    if len(value) != 8:
        raise ValueError(f"{len(value)} bytes where 8 belong")
    number: float = struct.unpack("<d", value)[0]
    return number if math.isfinite(number) else None


def _parse_single(value: bytes) -> float | None:
    if not value:
        return None
    if len(value) != 4:
        raise ValueError(f"{len(value)} bytes where 4 belong")
    number: float = struct.unpack("<f", value)[0]
    return number if math.isfinite(number) else None


def _parse_doubles(value: bytes) -> tuple[float, ...] | None:
    if len(value) not in (0, 24):
        raise ValueError(f"{len(value)} bytes where 24 belong")
    numbers = struct.unpack("<3d", value) if value else ()
    return numbers if numbers and all(map(math.isfinite, numbers)) else None


def parse_text(value: bytes) -> str | None:
    """A text value without padding and control characters; None where nothing is left."""
    text = value.decode("latin-1").rstrip("\0 ")
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    return text.strip() or None


def _parse_texts(value: bytes) -> tuple[str, ...]:
    return tuple((parse_text(part) or "") for part in value.split(b"\\")) if value.strip(b" \0") else ()


def _parse_pixel_spacing(value: bytes) -> tuple[float, ...] | None:
    numbers = _parse_numbers(value, 2)
    if numbers is None or not any(numbers):  # 0\0 is how some radiography says that it does not know
        return None
    if min(numbers) <= 0:
        raise ValueError(f"{numbers[0]:g}\\{numbers[1]:g} mm is no distance")
    return numbers


def _parse_times(value: bytes) -> tuple[float, ...] | None:
    """Any number of numbers."""
    return _parse_numbers(value, value.count(b"\\") + 1)


def _parse_first(value: bytes) -> float | None:
    return _parse_decimal(value.split(b"\\")[0])


def decode_description(value: object, charset: object) -> str | None:
    """A text that may hold more than ASCII."""
    if not isinstance(value, bytes):
        return None
    text = value.decode("utf-8" if charset == "ISO_IR 192" else "latin-1", errors="replace")
    return _CONTROL.sub(" ", text).strip() or None


def parse_padding(value: object, *, signed: bool) -> float | None:
    """A pixel value whose sign only PixelRepresentation tells."""
    if not isinstance(value, bytes) or len(value) != 2:
        return None
    return float(int.from_bytes(value, "little", signed=signed))


# Private data may be of any maker, VR and content: a value that is none is an empty tuple, never an error.
def _parse_private_b_value(value: bytes) -> tuple[float, ...]:
    """The first number; GE adds 1e9 to it."""
    try:
        number = _parse_first(value)
    except ValueError:
        return ()
    return () if number is None or number < 0 else (number % 1_000_000_000,)


def _parse_private_part(value: bytes) -> tuple[float, ...]:
    """A part of a vector of length 1 or less; some are a trifle longer."""
    try:
        number = _parse_decimal(value)
    except ValueError:
        return ()
    return () if number is None or abs(number) > _LONGEST_PART else (number,)


def _parse_private_single(value: bytes) -> tuple[float, ...]:
    number = struct.unpack("<f", value)[0] if len(value) == 4 else -1.0
    return (number,) if 0 <= number < 1e6 else ()


def _parse_private_direction(value: bytes) -> tuple[float, ...]:
    return (_parse_doubles(value) if len(value) == 24 else None) or ()


def _parse_private_count(value: bytes) -> tuple[int, ...]:
    return (int.from_bytes(value, "little"),) if len(value) == 4 else ()


class Written(NamedTuple):
    """The way in which the value of an attribute lies in a file."""

    vrs: frozenset[bytes]
    width: int = 1  # bytes of one binary number, whose order depends on the transfer syntax; 1 for text
    longest: int = 4096  # a value of more bytes counts as damaged, or as absent
    numerals: bool = False  # a decimal or integer string


_BINARY_VRS = frozenset((b"AT", b"FD", b"FL", b"SL", b"SS", b"UL", b"US"))
_TEXT = Written((SHORT_VRS - _BINARY_VRS) | {b"UN", b"UC", b"UT", b"UR"})
_NUMERALS = _TEXT._replace(numerals=True)
_WORDS = Written(frozenset((b"US", b"SS", b"UN")), width=2)
_LONGS = Written(frozenset((b"UL", b"UN")), width=4)
_SINGLES = Written(frozenset((b"FL", b"UN")), width=4)
_DOUBLES = Written(frozenset((b"FD", b"UN")), width=8)
_PRIVATE = Written(SHORT_VRS | LONG_VRS, longest=1 << 17)
_NUMBERS: tuple[Callable[[bytes], object], ...] = (_parse_decimal, _parse_first, _parse_integer, _parse_pixel_spacing)
_WRITTEN: dict[Callable[[bytes], object], Written] = {
    _parse_word: _WORDS,
    _keep_word: _WORDS,
    _parse_descriptor_bits: _WORDS,
    _parse_long: _LONGS,
    _parse_single: _SINGLES,
    _parse_double: _DOUBLES,
    _parse_doubles: _DOUBLES,
    **dict.fromkeys((parse_csa, _parse_private_b_value, _parse_private_part), _PRIVATE),
    _parse_private_direction: _PRIVATE._replace(width=8),
    **dict.fromkeys((_parse_private_single, _parse_private_count), _PRIVATE._replace(width=4)),
    _parse_times: _TEXT._replace(longest=1 << 17),
}


class Field(NamedTuple):
    """The parsing of one attribute. A strict one that cannot be parsed is an error; another one counts as absent."""

    name: str  # in `Header`
    parse: Callable[[bytes], object]
    strict: bool
    keyword: str
    written: Written


def _make_fields() -> dict[int, Field]:
    pair, triple, six = (partial(_parse_numbers, count=count) for count in (2, 3, 6))
    written: dict[Callable[[bytes], object], Written] = {
        **_WRITTEN,
        **dict.fromkeys((*_NUMBERS, pair, triple, six), _NUMERALS),
    }
    table: list[tuple[int, str, Callable[[bytes], object], bool, str]] = [
        (0x00080005, "charset", parse_text, False, "SpecificCharacterSet"),
        (0x00080008, "image_type", _parse_texts, False, "ImageType"),
        (0x00080016, "sop_class_uid", parse_text, True, "SOPClassUID"),
        (0x00080018, "sop_instance_uid", parse_text, True, "SOPInstanceUID"),
        (0x00080020, "study_date", parse_text, False, "StudyDate"),
        (0x00080022, "acquisition_date", parse_text, False, "AcquisitionDate"),
        (0x00080032, "acquisition_time", parse_text, False, "AcquisitionTime"),
        (0x00080033, "content_time", parse_text, False, "ContentTime"),
        (0x00080060, "modality", parse_text, False, "Modality"),
        (0x0008103E, "series_description", bytes, False, "SeriesDescription"),
        (0x00089208, "complex_component", parse_text, False, "ComplexImageComponent"),
        (0x00180040, "cine_rate", _parse_decimal, False, "CineRate"),
        (0x00180050, "slice_thickness", _parse_decimal, False, "SliceThickness"),
        (0x00180060, "kvp", _parse_decimal, False, "KVP"),
        (0x00180081, "echo_time", _parse_decimal, False, "EchoTime"),
        (0x00180082, "inversion_time", _parse_decimal, False, "InversionTime"),
        (0x00180086, "echo_number", _parse_integer, False, "EchoNumbers"),
        (0x00180088, "spacing_between_slices", _parse_decimal, False, "SpacingBetweenSlices"),
        (0x00181060, "trigger_time", _parse_decimal, False, "TriggerTime"),
        (0x00181063, "frame_time", _parse_decimal, False, "FrameTime"),
        (0x00181065, "frame_time_vector", _parse_times, False, "FrameTimeVector"),
        (0x00181120, "gantry_tilt", _parse_decimal, False, "GantryDetectorTilt"),
        (0x00181090, "cardiac_number_of_images", _parse_integer, False, "CardiacNumberOfImages"),
        (0x00181164, "imager_pixel_spacing", pair, False, "ImagerPixelSpacing"),
        (0x00181210, "convolution_kernel", parse_text, False, "ConvolutionKernel"),
        (0x00181312, "phase_encoding", parse_text, False, "InPlanePhaseEncodingDirection"),
        (0x00181314, "flip_angle", _parse_decimal, False, "FlipAngle"),
        (0x00189087, "b_value", _parse_double, False, "DiffusionBValue"),
        (0x00189089, "diffusion_direction", _parse_doubles, False, "DiffusionGradientOrientation"),
        (0x00190010, "creator_0019", parse_text, False, "PrivateCreator"),
        (0x0019100C, "b_value_of_siemens", _parse_private_b_value, False, "B_value"),
        (0x0019100E, "direction_of_siemens", _parse_private_direction, False, "DiffusionGradientDirection"),
        (0x001910BB, "frequency_part_of_ge", _parse_private_part, False, "Userdata20"),
        (0x001910BC, "phase_part_of_ge", _parse_private_part, False, "Userdata21"),
        (0x001910BD, "slice_part_of_ge", _parse_private_part, False, "Userdata22"),
        (0x0020000D, "study_uid", parse_text, True, "StudyInstanceUID"),
        (0x0020000E, "series_uid", parse_text, True, "SeriesInstanceUID"),
        (0x00200011, "series_number", _parse_integer, False, "SeriesNumber"),
        (0x00200012, "acquisition_number", _parse_integer, False, "AcquisitionNumber"),
        (0x00200013, "instance_number", _parse_integer, False, "InstanceNumber"),
        (0x00200032, "position", triple, True, "ImagePositionPatient"),
        (0x00200037, "orientation", six, True, "ImageOrientationPatient"),
        (0x00200052, "frame_of_reference_uid", parse_text, False, "FrameOfReferenceUID"),
        (0x00200100, "temporal_position", _parse_integer, False, "TemporalPositionIdentifier"),
        (0x00200105, "number_of_temporal_positions", _parse_integer, False, "NumberOfTemporalPositions"),
        (0x00201002, "images_in_acquisition", _parse_integer, False, "ImagesInAcquisition"),
        (0x00201041, "slice_location", _parse_decimal, False, "SliceLocation"),
        (0x00209056, "stack_id", parse_text, False, "StackID"),
        (0x00209311, "dimension_organization", parse_text, False, "DimensionOrganizationType"),
        (0x00280002, "samples", _parse_word, True, "SamplesPerPixel"),
        (0x00280004, "photometric_interpretation", parse_text, True, "PhotometricInterpretation"),
        (0x00280006, "planar_configuration", _parse_word, True, "PlanarConfiguration"),
        (0x00280008, "number_of_frames", _parse_integer, True, "NumberOfFrames"),
        (0x00280010, "rows", _parse_word, True, "Rows"),
        (0x00280011, "columns", _parse_word, True, "Columns"),
        (0x00280030, "pixel_spacing", _parse_pixel_spacing, True, "PixelSpacing"),
        (0x00280034, "pixel_aspect_ratio", pair, False, "PixelAspectRatio"),
        (0x00280100, "bits_allocated", _parse_word, True, "BitsAllocated"),
        (0x00280101, "bits_stored", _parse_word, True, "BitsStored"),
        (0x00280102, "high_bit", _parse_word, True, "HighBit"),
        (0x00280103, "pixel_representation", _parse_word, True, "PixelRepresentation"),
        (0x00280120, "padding_value", _keep_word, False, "PixelPaddingValue"),
        (0x00280121, "padding_limit", _keep_word, False, "PixelPaddingRangeLimit"),
        (0x00280122, "padding_value_32", _parse_single, False, "FloatPixelPaddingValue"),
        (0x00280123, "padding_value_64", _parse_double, False, "DoubleFloatPixelPaddingValue"),
        (0x00280124, "padding_limit_32", _parse_single, False, "FloatPixelPaddingRangeLimit"),
        (0x00280125, "padding_limit_64", _parse_double, False, "DoubleFloatPixelPaddingRangeLimit"),
        (0x00281050, "window_center", _parse_first, False, "WindowCenter"),
        (0x00281051, "window_width", _parse_first, False, "WindowWidth"),
        (0x00281052, "intercept", _parse_decimal, True, "RescaleIntercept"),
        (0x00281053, "slope", _parse_decimal, True, "RescaleSlope"),
        (0x00281101, "palette_bits", _parse_descriptor_bits, False, "RedPaletteColorLookupTableDescriptor"),
        (0x00281054, "rescale_type", parse_text, False, "RescaleType"),
        (0x00291010, "csa", parse_csa, False, "CSAImageHeaderInfo"),
        (0x00430010, "creator_0043", parse_text, False, "PrivateCreator"),
        (0x00431039, "b_value_of_ge", _parse_private_b_value, False, "Slop_int_6"),
        (0x00480006, "total_columns", _parse_long, False, "TotalPixelMatrixColumns"),
        (0x00480007, "total_rows", _parse_long, False, "TotalPixelMatrixRows"),
        (0x00540061, "number_of_rr_intervals", _parse_word, False, "NumberOfRRIntervals"),
        (0x00540071, "number_of_time_slots", _parse_word, False, "NumberOfTimeSlots"),
        (0x00540081, "number_of_slices", _parse_word, False, "NumberOfSlices"),
        (0x00540101, "number_of_time_slices", _parse_word, False, "NumberOfTimeSlices"),
        (0x00541001, "units", parse_text, False, "Units"),
        (0x00541300, "frame_reference_time", _parse_decimal, False, "FrameReferenceTime"),
        (0x00541330, "image_index", _parse_word, False, "ImageIndex"),
        (0x20010010, "creator_2001", parse_text, False, "PrivateCreator"),
        (0x20011003, "b_value_of_philips", _parse_private_single, False, "DiffusionB-Factor"),
        (0x20011018, "slices_of_philips", _parse_private_count, False, "NumberofSlicesMR"),
    ]
    return {
        tag: Field(name, parse, strict, keyword, written.get(parse, _TEXT))
        for tag, name, parse, strict, keyword in table
    }


FIELDS = _make_fields()

PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA = 0x7FE00010, 0x7FE00008, 0x7FE00009
PIXEL_TAGS = frozenset((PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA))
MODALITY_LUT = 0x00283000
FUNCTIONAL_GROUPS = (0x52009229, 0x52009230)
DETECTORS = 0x00540022
VFRAMES_COUNT, VFRAMES = 0x00651050, 0x00651051  # of United Imaging: how many tiles, and a sequence that places them
# The sequences that decide geometry and values: functional groups (PS3.3 C.7.6.16) and nuclear medicine's detectors.
SEQUENCES = {
    FUNCTIONAL_GROUPS[0]: "SharedFunctionalGroupsSequence",
    FUNCTIONAL_GROUPS[1]: "PerFrameFunctionalGroupsSequence",
    DETECTORS: "DetectorInformationSequence",
    0x00189114: "MREchoSequence",
    0x00189117: "MRDiffusionSequence",
    0x00189118: "CardiacSynchronizationSequence",
    0x00189226: "MRImageFrameTypeSequence",
    0x00209111: "FrameContentSequence",
    0x00209113: "PlanePositionSequence",
    0x00209116: "PlaneOrientationSequence",
    0x00209170: "UnassignedSharedConvertedAttributesSequence",
    0x00209171: "UnassignedPerFrameConvertedAttributesSequence",
    0x00289110: "PixelMeasuresSequence",
    0x00289145: "PixelValueTransformationSequence",
    0x0062000A: "SegmentIdentificationSequence",
}
