"""A strict whitelist of the files that vtkDICOMImageReader reads without crashing and exactly as they are.

Its parser (VTK's ``Utilities/DICOMParser``) walks into sequences of undefined length as if their elements were the
image's, guesses explicit VR from two bytes, dereferences values it could not parse, and keeps the rescale in single
precision.
Only what was measured to come out right is let through; anything else has a reason here.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import CorruptFileError
from ..headers.attributes import PIXEL_DATA
from ..headers.elements import Encoding, Source, name_of, walk
from ..headers.pixel_bytes import count_pixel_bytes
from ..headers.preamble import NotDicomError, open_data_set_of
from ..headers.transfer_syntaxes import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from .dtype import compute_stored_range, find_dtype_in_file, is_fractional, predict_vtk_dtype

if TYPE_CHECKING:
    from ..headers.elements import Element
    from ..headers.model import Frame, Header
    from ..headers.preamble import DataSet

# DICOMParser::IsValidRepresentation, without UT: VTK reads its length in 2 bytes where it has 4.
_KNOWN_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US OB OW SQ UN".split())

_PREAMBLE = 128
_TRANSFER_SYNTAX, _INSTANCE_NUMBER, _SWITCH_BYTES = 0x00020010, 0x00200013, 0x08000000
_MAX_SIZE = 1 << 31  # DICOMFile keeps lengths in a signed 32-bit integer
_MAX_TRAILING_ZEROS = 16 << 20  # each 8 of them become one record in VTK's memory
_EXACT_INTEGER = 1 << 24  # DICOMAppHelper keeps slope and intercept in single precision
# A number that does not fit a float is a failed scan, which VTK dereferences; far within it nothing can go wrong.
_TINY, _HUGE = 1e-30, 1e30

# What every VTK since 9.4 parses: no plus, no leading or trailing dot, no space behind a number but at the end.
_NUMBER = rb" *-?\d{1,12}(?:\.\d{1,24})?(?:[eE][+-]?\d{1,3})?"
_PADDING = rb"[ \0]*\Z"


def _match_numbers(count: int) -> re.Pattern[bytes]:
    return re.compile(rb"\\".join([_NUMBER] * count) + _PADDING)


_WORD = re.compile(rb"[\0-\xff]{2}\Z")
_ANYTHING = re.compile(b"")


class _Known(NamedTuple):
    """The way in which an element that VTK listens to must be written."""

    vr: bytes
    plain: re.Pattern[bytes]


# The tags that DICOMAppHelper::RegisterCallbacks listens to at any depth, and the values known to be read right.
_LISTENED = {
    _TRANSFER_SYNTAX: _Known(b"UI", re.compile(rb"[0-9.]+\0?\Z")),
    0x00100010: _Known(b"PN", _ANYTHING),  # PatientName
    0x00180050: _Known(b"DS", _match_numbers(1)),  # SliceThickness
    0x00181120: _Known(b"DS", _match_numbers(1)),  # GantryDetectorTilt
    0x0020000D: _Known(b"UI", _ANYTHING),  # StudyInstanceUID
    0x0020000E: _Known(b"UI", re.compile(rb"[0-9.]{1,64}\0?\Z")),  # SeriesInstanceUID: compared with its padding
    0x00200010: _Known(b"SH", _ANYTHING),  # StudyID
    _INSTANCE_NUMBER: _Known(b"IS", re.compile(rb" *-?\d{1,10}" + _PADDING)),
    0x00200032: _Known(b"DS", _match_numbers(3)),  # ImagePositionPatient
    0x00200037: _Known(b"DS", _match_numbers(6)),  # ImageOrientationPatient
    0x00201041: _Known(b"DS", _match_numbers(1)),  # SliceLocation
    0x00280002: _Known(b"US", _WORD),  # SamplesPerPixel
    0x00280004: _Known(b"CS", re.compile(rb"MONOCHROME[12] ?\Z")),  # PhotometricInterpretation
    0x00280010: _Known(b"US", _WORD),  # Rows
    0x00280011: _Known(b"US", _WORD),  # Columns
    0x00280030: _Known(b"DS", _match_numbers(2)),  # PixelSpacing
    0x00280100: _Known(b"US", _WORD),  # BitsAllocated
    0x00280103: _Known(b"US", _WORD),  # PixelRepresentation
    0x00281052: _Known(b"DS", _match_numbers(1)),  # RescaleIntercept
    0x00281053: _Known(b"DS", _match_numbers(1)),  # RescaleSlope
    PIXEL_DATA: _Known(b"", _ANYTHING),
    _SWITCH_BYTES: _Known(b"UL", _ANYTHING),
}
_REQUIRED = (
    (_TRANSFER_SYNTAX, "TransferSyntaxUID"),
    (0x0020000E, "SeriesInstanceUID"),
    (0x00280004, "PhotometricInterpretation"),
    (0x00280010, "Rows"),
    (0x00280011, "Columns"),
    (0x00280100, "BitsAllocated"),
    (0x00280101, "BitsStored"),
    (0x00280102, "HighBit"),
    (0x00280103, "PixelRepresentation"),
    (PIXEL_DATA, "PixelData"),
)


def explain_unsafe_file(header: Header) -> str | None:
    """Say why vtkDICOMImageReader must not see a file, in a few words.

    Parameters
    ----------
    header : Header
        As scanned. The elements of the file are walked once more, no pixel is read.

    Returns
    -------
    str or None
        None where VTK's parser neither crashes on the file nor takes anything else than the image's own attributes and
        pixels from it. Whether the values come out right too is for `explain_unsafe_values`.
    """
    fault = _find_image_fault(header) or _transform_fault(header)
    if fault:
        return fault
    try:
        with header.file.open() as handle:
            return _find_structure_fault(Source(handle), header)
    except (CorruptFileError, NotDicomError):
        return "it changed since it was scanned"


def explain_unsafe_values(frame: Frame) -> str | None:
    """Say why the pixels of a file that is safe for VTK would come out wrong, in a few words.

    Parameters
    ----------
    frame : Frame
        Of a file for which `explain_unsafe_file` is None. Its stored values are read.

    Returns
    -------
    str or None
        None where vtkDICOMImageReader returns the stored values after the modality transform: exactly, or for a
        fractional RescaleSlope up to the last place of float32.
    """
    header = frame.header
    dtype = find_dtype_in_file(header)
    try:
        data = header.file.read_at(frame.offset, dtype.itemsize * header.rows * header.columns)
    except CorruptFileError:
        return "its pixels cannot be read"
    stored = np.frombuffer(data, dtype)
    low, high = int(stored.min()), int(stored.max())
    allowed = compute_stored_range(header)
    if low < allowed[0] or high > allowed[1]:
        return f"its pixels have bits set above BitsStored {header.bits_stored}, which VTK does not mask"
    return None if is_fractional(frame) else _find_overflow(frame, low, high)


def _find_overflow(frame: Frame, low: int, high: int) -> str | None:
    slope, intercept = Fraction(frame.slope), Fraction(frame.intercept)
    rescaled = sorted((low * slope + intercept, high * slope + intercept))
    limits = np.iinfo(predict_vtk_dtype(frame))
    if rescaled[0] < limits.min or rescaled[1] > limits.max:
        return f"its values {rescaled[0]} … {rescaled[1]} do not fit VTK's {predict_vtk_dtype(frame)}, they would wrap"
    # DICOMAppHelper::PixelDataCallback takes every 16-bit word as signed; the conversion to int must still be defined.
    words = (-0x8000, 0x7FFF) if frame.header.bits_allocated == 16 and high > 0x7FFF else (low, high)
    if any(abs(word * slope + intercept) >= 1 << 31 for word in words):
        return "its values overflow in VTK's rescaling"
    return None


# ---------------------------------------------------------------------------------------------- what the header says
def _find_image_fault(h: Header) -> str | None:
    if h.liberties:
        return f"it departs from the standard: {h.liberties[0].value}"
    if h.transfer_syntax not in (IMPLICIT_LITTLE, EXPLICIT_LITTLE) or h.encapsulated:
        return f"VTK does not read its transfer syntax {h.transfer_syntax}"
    if h.file.size is None or h.file.size >= _MAX_SIZE:
        return "it has 2 GiB or more"
    if h.number_of_frames != 1 or h.functional_groups:
        return "VTK reads the first frame of a multi-frame file only"
    if h.samples != 1 or h.photometric_interpretation not in ("MONOCHROME1", "MONOCHROME2"):
        return f"VTK scrambles {h.photometric_interpretation} of {h.samples} samples"
    if h.pixel_tag != PIXEL_DATA or h.bits_allocated not in (8, 16):
        return f"VTK does not read {h.bits_allocated}-bit pixels"
    if h.bits_allocated == 8 and h.pixel_representation:
        return "VTK takes signed 8-bit pixels as unsigned"
    if h.high_bit != h.bits_stored - 1:
        return f"VTK ignores HighBit {h.high_bit} with BitsStored {h.bits_stored}"
    if h.pixel_vr not in (b"", b"OB", b"OW"):
        return f"its pixel data has the VR {h.pixel_vr.decode('latin-1')}"
    if h.has_modality_lut:
        return "VTK ignores a Modality LUT"
    if h.pixel_length - count_pixel_bytes(h) not in (0, 1):
        return "its pixel data has not the length of its rows and columns"
    return None


def _transform_fault(h: Header) -> str | None:
    slope = 1.0 if h.slope is None else h.slope
    intercept = 0.0 if h.intercept is None else h.intercept
    if slope == 0:
        return "its RescaleSlope is 0"
    in_range = max(abs(slope), abs(intercept)) <= _EXACT_INTEGER
    single = (float(np.float32(slope)), float(np.float32(intercept))) if in_range else (0.0, 0.0)
    # A slope alone, rounded, moves the result in the last place of its float32; a sum can lose all its places.
    if single != (slope, intercept) and (intercept or single[0].is_integer()):
        return "VTK keeps RescaleSlope and RescaleIntercept in single precision, too little for them"
    if h.pixel_representation and not (slope.is_integer() and intercept.is_integer()):
        return "VTK takes signed pixels as unsigned where RescaleSlope or RescaleIntercept is a fraction"
    return None


# ---------------------------------------------------------------------------------------------- what the bytes hold
def _find_structure_fault(source: Source, header: Header) -> str | None:
    magic = source.at(0, _PREAMBLE + 4)
    if magic[_PREAMBLE:] != b"DICM" or magic[:4] == b"DICM":  # DICOMParser::IsDICOMFile looks at both places
        return "it has no plain preamble"
    data_set = open_data_set_of(source)
    if data_set.start == _PREAMBLE + 4:
        return "it has no file meta information"
    if data_set.transfer_syntax != header.transfer_syntax:
        return "it changed since it was scanned"
    elements = _list_records(source, data_set)
    for element in elements:
        # Of most, the VR and the tag say that there is nothing to look at.
        if element[1] not in _KNOWN_VRS or element[0] in _LISTENED:
            fault = _find_element_fault(source, element, data_set)
            if fault:
                return fault
    tags = [element.tag for element in elements if element.depth == 0]
    # The last of two counts for VTK; and it rescales the pixels with what it has heard before them.
    for tag, behind in pairwise(tags):
        if behind <= tag:
            return f"its {name_of(behind)} follows {name_of(tag)}, not in ascending order"
    for tag, keyword in _REQUIRED:
        if tag not in tags:
            return f"it has no {keyword}"
    end = elements[-1].offset + max(elements[-1].length, 0)
    if (source.size - end) % 8 or source.size - end > _MAX_TRAILING_ZEROS:
        return f"{source.size - end} bytes follow its data set"
    return None


def _list_records(source: Source, data_set: DataSet) -> list[Element]:
    """List what VTK's parser takes for elements, in its order."""
    meta = walk(source, _PREAMBLE + 4, Encoding(explicit=True), only_group=0x0002)
    return [*meta, *walk(source, data_set.start, data_set.encoding)]


def _find_element_fault(source: Source, element: Element, data_set: DataSet) -> str | None:
    """Say why VTK's parser would take one element for something else than it is."""
    tag, vr = element.tag, element.vr
    if vr:
        if vr not in _KNOWN_VRS:
            return f"VTK does not know the VR {vr.decode('latin-1')} of {name_of(tag)}"
    elif (element.length & 0xFFFF).to_bytes(2, "little").isalpha():
        # DICOMParser::IsValidRepresentation takes the first two bytes of such a length for a VR.
        return f"VTK takes the length {element.length} of {name_of(tag)} for a VR"
    if tag not in _LISTENED:
        return None
    if element.depth:
        return f"VTK takes the nested {name_of(tag)} for the image's"
    return _find_value_fault(source, element, data_set)


def _find_value_fault(source: Source, element: Element, data_set: DataSet) -> str | None:
    """Say why VTK would not read the value of one element that it listens to."""
    tag, name = element.tag, name_of(element.tag)
    if tag == _SWITCH_BYTES or element.length < 0:
        return f"VTK stumbles over {name}"
    vr, plain = _LISTENED[tag]
    if vr and element.vr not in (b"", vr):
        return f"its {name} has the VR {element.vr.decode('latin-1')}"
    if plain is _ANYTHING:
        return None
    if not element.length:
        return f"VTK crashes on the empty {name}"
    if element.length > 1024:
        return f"its {name} is {element.length} bytes long"
    value = source.at(element.offset, element.length)
    if not plain.match(value):
        return f"its {name} is not written plainly enough for VTK"
    if vr == b"DS" and not all(map(_is_modest, value.rstrip(b" \0").split(b"\\"))):
        return f"its {name} does not fit VTK's single precision"
    if tag == _INSTANCE_NUMBER and not -(1 << 31) <= int(value.rstrip(b" \0")) < 1 << 31:
        return f"VTK crashes on {name} beyond 32 bits"
    if tag == _TRANSFER_SYNTAX and value.rstrip(b"\0").decode() != data_set.transfer_syntax:
        return "it has no one TransferSyntaxUID"
    return None


def _is_modest(text: bytes) -> bool:
    mantissa = re.split(rb"[eE]", text)[0]
    return not mantissa.strip(b" -0.") or _TINY <= abs(float(text)) <= _HUGE
