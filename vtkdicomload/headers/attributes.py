"""The attributes that loading needs, and how their values are parsed, as the standard and common writers spell them."""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING, NamedTuple

from .elements import SHORT_VRS

if TYPE_CHECKING:
    from collections.abc import Callable

_DECIMAL = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z")
_INTEGER = re.compile(rb"[+-]?\d+\Z")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def _number(text: bytes) -> float:
    """A decimal string (DS, PS3.5 6.2), as the standard and common writers spell it; ValueError otherwise."""
    text = text.strip(b" \0")
    if not _DECIMAL.match(text):
        comma = ", a decimal comma" if b"," in text else ""
        raise ValueError(f"{text[:32].decode('latin-1')!r} is not a number{comma}")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:32].decode('latin-1')!r} is not finite")
    return value


def _numbers(value: bytes, count: int) -> tuple[float, ...] | None:
    if not value.strip(b" \0"):
        return None
    parts = value.split(b"\\")
    if len(parts) != count:
        raise ValueError(f"{len(parts)} values where {count} belong")
    return tuple(map(_number, parts))


def _decimal(value: bytes) -> float | None:
    numbers = _numbers(value, 1)
    return numbers[0] if numbers else None


def _integer(value: bytes) -> int | None:
    text = value.strip(b" \0")
    if not text:
        return None
    if not _INTEGER.match(text) or len(text) > 12:
        raise ValueError(f"{text[:32].decode('latin-1')!r} is not an integer")
    return int(text)


def _word(value: bytes) -> int:
    if len(value) != 2:
        raise ValueError(f"{len(value)} bytes where 2 belong")
    return int.from_bytes(value, "little")


def _descriptor_bits(value: bytes) -> int:
    """The third word of a lookup table descriptor: the bits of its entries (PS3.3 C.7.6.3.1.5)."""
    if len(value) != 6:
        raise ValueError(f"{len(value)} bytes where 6 belong")
    bits = int.from_bytes(value[4:], "little")
    if bits not in (8, 16):
        raise ValueError(f"entries of {bits} bits")
    return bits


def _double(value: bytes) -> float | None:
    if not value:
        return None
    if len(value) != 8:
        raise ValueError(f"{len(value)} bytes where 8 belong")
    number: float = struct.unpack("<d", value)[0]
    return number if math.isfinite(number) else None


def _triple_of_doubles(value: bytes) -> tuple[float, ...] | None:
    if len(value) not in (0, 24):
        raise ValueError(f"{len(value)} bytes where 24 belong")
    numbers = struct.unpack("<3d", value) if value else ()
    return numbers if numbers and all(map(math.isfinite, numbers)) else None


def text_of(value: bytes) -> str | None:
    """A text value without padding and control characters; None where nothing is left."""
    return CONTROL.sub(" ", value.decode("latin-1")).strip() or None


def _texts(value: bytes) -> tuple[str, ...]:
    return tuple((text_of(part) or "") for part in value.split(b"\\")) if value.strip(b" \0") else ()


def _pixel_spacing(value: bytes) -> tuple[float, ...] | None:
    numbers = _numbers(value, 2)
    if numbers is None or not any(numbers):  # 0\0 is how some radiography says that it does not know
        return None
    if min(numbers) <= 0:
        raise ValueError(f"{numbers[0]:g}\\{numbers[1]:g} mm is no distance")
    return numbers


def _first(value: bytes) -> float | None:
    return _decimal(value.split(b"\\")[0])


def described(value: object, charset: object) -> str | None:
    """A text that may hold more than ASCII."""
    if not isinstance(value, bytes):
        return None
    text = value.decode("utf-8" if charset == "ISO_IR 192" else "latin-1", errors="replace")
    return CONTROL.sub(" ", text).strip() or None


def padding_of(value: object, *, signed: bool) -> float | None:
    """A pixel value whose sign only PixelRepresentation tells."""
    if not isinstance(value, bytes) or len(value) != 2:
        return None
    return float(int.from_bytes(value, "little", signed=signed))


class Field(NamedTuple):
    """How one attribute is parsed. A required or strict one that cannot be parsed is an error."""

    name: str
    parse: Callable[[bytes], object]
    strict: bool
    vrs: frozenset[bytes]
    keyword: str

    @property
    def width(self) -> int:
        """Bytes of one binary number, whose order depends on the transfer syntax; 1 for text."""
        return 2 if self.vrs is _WORD_VRS else 8 if self.vrs is _FD_VRS else 1


_TEXT_VRS = (SHORT_VRS - frozenset((b"AT", b"FD", b"FL", b"SL", b"SS", b"UL", b"US"))) | {b"UN", b"UC", b"UT", b"UR"}
_WORD_VRS = frozenset((b"US", b"SS", b"UN"))
_FD_VRS = frozenset((b"FD", b"UN"))


def _fields() -> dict[int, Field]:
    triple, six, pair = (lambda v: _numbers(v, 3)), (lambda v: _numbers(v, 6)), (lambda v: _numbers(v, 2))
    table: list[tuple[int, str, Callable[[bytes], object], bool, str]] = [
        (0x00080005, "charset", text_of, False, "SpecificCharacterSet"),
        (0x00080008, "image_type", _texts, False, "ImageType"),
        (0x00080016, "sop_class_uid", text_of, True, "SOPClassUID"),
        (0x00080018, "sop_instance_uid", text_of, True, "SOPInstanceUID"),
        (0x00080032, "acquisition_time", text_of, False, "AcquisitionTime"),
        (0x00080033, "content_time", text_of, False, "ContentTime"),
        (0x00080060, "modality", text_of, False, "Modality"),
        (0x0008103E, "series_description", bytes, False, "SeriesDescription"),
        (0x00089208, "complex_component", text_of, False, "ComplexImageComponent"),
        (0x00180050, "slice_thickness", _decimal, False, "SliceThickness"),
        (0x00180081, "echo_time", _decimal, False, "EchoTime"),
        (0x00180082, "inversion_time", _decimal, False, "InversionTime"),
        (0x00180086, "echo_number", _integer, False, "EchoNumbers"),
        (0x00180088, "spacing_between_slices", _decimal, False, "SpacingBetweenSlices"),
        (0x00181060, "trigger_time", _decimal, False, "TriggerTime"),
        (0x00181120, "gantry_tilt", _decimal, False, "GantryDetectorTilt"),
        (0x00181164, "imager_pixel_spacing", pair, False, "ImagerPixelSpacing"),
        (0x00181314, "flip_angle", _decimal, False, "FlipAngle"),
        (0x00189087, "b_value", _double, False, "DiffusionBValue"),
        (0x00189089, "diffusion_direction", _triple_of_doubles, False, "DiffusionGradientOrientation"),
        (0x0020000D, "study_uid", text_of, True, "StudyInstanceUID"),
        (0x0020000E, "series_uid", text_of, True, "SeriesInstanceUID"),
        (0x00200011, "series_number", _integer, False, "SeriesNumber"),
        (0x00200012, "acquisition_number", _integer, False, "AcquisitionNumber"),
        (0x00200013, "instance_number", _integer, False, "InstanceNumber"),
        (0x00200032, "position", triple, True, "ImagePositionPatient"),
        (0x00200037, "orientation", six, True, "ImageOrientationPatient"),
        (0x00200052, "frame_of_reference_uid", text_of, False, "FrameOfReferenceUID"),
        (0x00200100, "temporal_position", _integer, False, "TemporalPositionIdentifier"),
        (0x00209311, "dimension_organization", text_of, False, "DimensionOrganizationType"),
        (0x00280002, "samples", _word, True, "SamplesPerPixel"),
        (0x00280004, "photometric_interpretation", text_of, True, "PhotometricInterpretation"),
        (0x00280006, "planar_configuration", _word, True, "PlanarConfiguration"),
        (0x00280008, "number_of_frames", _integer, True, "NumberOfFrames"),
        (0x00280010, "rows", _word, True, "Rows"),
        (0x00280011, "columns", _word, True, "Columns"),
        (0x00280030, "pixel_spacing", _pixel_spacing, True, "PixelSpacing"),
        (0x00280100, "bits_allocated", _word, True, "BitsAllocated"),
        (0x00280101, "bits_stored", _word, True, "BitsStored"),
        (0x00280102, "high_bit", _word, True, "HighBit"),
        (0x00280103, "pixel_representation", _word, True, "PixelRepresentation"),
        (0x00280120, "padding_value", bytes, False, "PixelPaddingValue"),
        (0x00281050, "window_center", _first, False, "WindowCenter"),
        (0x00281051, "window_width", _first, False, "WindowWidth"),
        (0x00281052, "intercept", _decimal, True, "RescaleIntercept"),
        (0x00281053, "slope", _decimal, True, "RescaleSlope"),
        (0x00281101, "palette_bits", _descriptor_bits, False, "RedPaletteColorLookupTableDescriptor"),
        (0x00281054, "rescale_type", text_of, False, "RescaleType"),
        (0x00541001, "units", text_of, False, "Units"),
    ]

    def vrs(parse: Callable[[bytes], object], name: str) -> frozenset[bytes]:
        if parse in (_word, _descriptor_bits) or name.startswith("padding"):
            return _WORD_VRS
        return _FD_VRS if parse in (_double, _triple_of_doubles) else frozenset(_TEXT_VRS)

    return {tag: Field(name, parse, strict, vrs(parse, name), keyword) for tag, name, parse, strict, keyword in table}


FIELDS = _fields()
