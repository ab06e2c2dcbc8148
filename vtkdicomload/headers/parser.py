"""One file: the attributes that loading needs, read strictly, and where its pixel bytes lie.

Nothing nested ever stands for an attribute of the image, a required value that cannot be parsed is an error, and an
optional one that cannot be parsed counts as absent. Attributes that identify a patient are not kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import CorruptFileError
from ..sources.local import as_file
from ..sources.reasons import Reason
from .attributes import (
    DOUBLE_PIXEL_DATA,
    FIELDS,
    FLOAT_PIXEL_DATA,
    FUNCTIONAL_GROUPS,
    MODALITY_LUT,
    PIXEL_DATA,
    SEQUENCES,
    decode_description,
    parse_padding,
)
from .elements import SEQUENCE_END, UNDEFINED, Element, Encoding, Source, name_of, walk
from .model import Header
from .pixel_bytes import count_least_compressed, count_pixel_bytes
from .preamble import NotDicomError, begin, find_data_set
from .sop_classes import explain_lost_pixels, is_private
from .transfer_syntaxes import NATIVE_SYNTAXES

if TYPE_CHECKING:
    import os

    from ..sources.file import File, Handle

_PIXEL_TAGS = frozenset((PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA))
_BITS_OF_FLOATS = {FLOAT_PIXEL_DATA: 32, DOUBLE_PIXEL_DATA: 64}  # PS3.3 C.7.6.24 and C.7.6.25


# pydicom reads these, and does not mind a length that leaves its container, so they are walked strictly first.
_WALKED = frozenset(SEQUENCES)
_DEFAULTS: dict[str, object] = {
    **dict.fromkeys(("image_type", "blank", "stack", "dimensions"), ()),
    **dict.fromkeys(("has_modality_lut", "functional_groups"), False),
    "planar_configuration": 0,
    "tiles_across": 1,
}
_REQUIRED = ("rows", "columns", "samples", "photometric_interpretation", "bits_allocated")


# ---------------------------------------------------------------------------------------------------- one file
def read_header(source: File | str | os.PathLike[str]) -> Header:
    """Read the header of one DICOM image file, walked to its last byte; no pixel is read.

    Parameters
    ----------
    source : File or path-like
        A file of any kind.

    Raises
    ------
    NotDicomError
        The file does not say it is DICOM, or is DICOM without an image (a report, a DICOMDIR).
    CorruptFileError
        It says it is DICOM and cannot be read whole, or a value that loading needs is missing or unparsable.
    OSError
        The file cannot be opened.
    """
    with as_file(source).open() as handle:
        return parse_header(handle, [])


def parse_header(handle: Handle, visited: list[Element]) -> Header:
    """Parse the header of an open file; `visited` gets every element that was walked. Errors as `read_header`."""
    source = Source(handle)
    start, said = begin(source)
    try:
        return _parse(source, start, visited)
    except CorruptFileError as error:
        if said:
            raise
        raise NotDicomError(Reason.MAYBE_DAMAGED) from error


def _parse(source: Source, start: int, visited: list[Element]) -> Header:
    data_set = find_data_set(source, start, visited)
    values: dict[str, object] = {}
    seen: set[int] = set()
    pixels: Element | None = None
    pixels_end = 0
    for element in walk(source, data_set.start, data_set.encoding, enter=_WALKED):
        visited.append(element)
        tag = element.tag
        if element.depth:
            if pixels is not None and element.depth == 1 and tag == SEQUENCE_END and not pixels_end:
                pixels_end = element.offset - 8  # where the delimiter begins
            continue
        if tag in FIELDS:
            if element.length != UNDEFINED:
                _take(source, element, data_set.encoding, seen, values)
        elif tag in _PIXEL_TAGS:
            if pixels is not None:
                raise source.corrupt(f"it has two pixel data elements, {name_of(pixels.tag)} and {name_of(tag)}")
            pixels = element
        elif tag == MODALITY_LUT:
            values["has_modality_lut"] = True
        elif tag in FUNCTIONAL_GROUPS:
            values["functional_groups"] = True
    if pixels is None:
        values.setdefault("sop_class_uid", data_set.media_sop_class_uid)
        lost = explain_lost_pixels(values)
        if lost:
            raise source.corrupt(lost)
        # A private class may be anything: only another file of it can tell that this one had an image.
        private = "rows" in values and is_private(str(values["sop_class_uid"] or ""))
        raise NotDicomError(Reason.MAYBE_STRIPPED if private else Reason.NO_PIXELS)
    encapsulated = pixels.length == UNDEFINED
    values.update(
        file=source.file,
        transfer_syntax=data_set.transfer_syntax,
        pixel_tag=pixels.tag,
        pixel_vr=pixels.vr,
        pixel_offset=pixels.offset,
        pixel_length=pixels_end - pixels.offset if encapsulated else pixels.length,
        encapsulated=encapsulated,
    )
    return _check_header(source, values)


def _take(source: Source, element: Element, encoding: Encoding, seen: set[int], values: dict[str, object]) -> None:
    """Parse the value of one wanted element into `values`."""
    field = FIELDS[element.tag]
    if element.tag in seen:
        raise source.corrupt(f"it has two {field.keyword} elements {name_of(element.tag)}")
    seen.add(element.tag)
    if element.length > field.written.longest:
        if field.strict:
            raise source.corrupt(f"its {field.keyword} is {element.length} bytes long")
        return
    value = source.at(element.offset, element.length)
    width = field.written.width
    if encoding.big_endian and width > 1:
        value = b"".join(value[i : i + width][::-1] for i in range(0, len(value), width))
    try:
        if element.vr and element.vr not in field.written.vrs:
            raise ValueError(f"its VR is {element.vr.decode()}")
        values[field.name] = field.parse(value)
        if values[field.name] is None:
            values["blank"] = (*values.get("blank", ()), field.keyword)  # type: ignore[misc]
    except ValueError as error:
        if field.strict:
            raise source.corrupt(f"its {field.keyword} {name_of(element.tag)} cannot be used: {error}") from error


def _find_keyword(name: str) -> str:
    return next(f.keyword for f in FIELDS.values() if f.name == name)


def _check_header(source: Source, values: dict[str, object]) -> Header:
    """The Header of `values`, once they make one image."""
    for name in _REQUIRED:
        if values.get(name) is None:
            raise source.corrupt(f"its {_find_keyword(name)} is missing or empty")
    floats = values["pixel_tag"] != PIXEL_DATA
    # PS3.3 C.7.6.24: float pixel data has no BitsStored, HighBit and PixelRepresentation.
    for name, implied in (("bits_stored", values["bits_allocated"]), ("pixel_representation", 1)):
        if floats:
            values[name] = implied
        elif values.get(name) is None:
            raise source.corrupt(f"its {_find_keyword(name)} is missing or empty")
    if floats:
        values.pop("high_bit", None)
    charset = values.pop("charset", None)
    values["series_description"] = decode_description(values.get("series_description"), charset)
    signed = values["pixel_representation"] == 1
    values["padding_value"] = parse_padding(values.get("padding_value"), signed=signed)
    if values.get("number_of_frames") is None:
        values["number_of_frames"] = 1
    values.setdefault("high_bit", int(values["bits_stored"]) - 1)  # type: ignore[call-overload]
    for name, default in _DEFAULTS.items():
        values.setdefault(name, default)
    header = Header(**{name: values.get(name) for name in Header._fields})  # type: ignore[arg-type]
    _check_pixel_layout(source, header)
    if header.position is not None and "PixelSpacing" in header.blank:
        # Projections may leave it open (PS3.3 C.8.4.8: type 2), slices that have a place in the patient may not.
        raise source.corrupt("its PixelSpacing (0028,0030) cannot be used: it is empty or 0\\0")
    if header.slope == 0:
        raise source.corrupt("its RescaleSlope is 0: every stored value would become the same")
    return header


def _check_pixel_layout(source: Source, h: Header) -> None:
    if h.rows < 1 or h.columns < 1 or h.number_of_frames < 1 or h.samples < 1:
        raise source.corrupt(
            f"it declares {h.number_of_frames} frames of {h.rows} rows × {h.columns} columns × {h.samples} samples"
        )
    if not 1 <= h.bits_stored <= h.bits_allocated or h.pixel_representation not in (0, 1):
        raise source.corrupt(
            f"BitsAllocated {h.bits_allocated}, BitsStored {h.bits_stored} and PixelRepresentation "
            f"{h.pixel_representation} do not go together"
        )
    if _BITS_OF_FLOATS.get(h.pixel_tag, h.bits_allocated) != h.bits_allocated:
        raise source.corrupt(f"its pixels in {name_of(h.pixel_tag)} are said to have {h.bits_allocated} bits allocated")
    if h.samples > 1 and h.planar_configuration not in (0, 1):
        raise source.corrupt(f"its PlanarConfiguration is {h.planar_configuration}, not 0 or 1")
    if h.encapsulated:
        if h.transfer_syntax in NATIVE_SYNTAXES:
            raise source.corrupt(f"its pixel data is encapsulated, its transfer syntax {h.transfer_syntax} is not")
        if h.pixel_length < count_least_compressed(h):
            raise source.corrupt(
                f"its compressed pixel data has {h.pixel_length} bytes, too few for {h.number_of_frames} × {h.rows} × "
                f"{h.columns} × {h.samples} at {h.bits_allocated} bits"
            )
        return
    if h.transfer_syntax not in NATIVE_SYNTAXES and h.transfer_syntax.startswith("1.2.840.10008."):
        raise source.corrupt(f"its pixel data is not encapsulated, its transfer syntax {h.transfer_syntax} is")
    expected = count_pixel_bytes(h)
    if h.pixel_length not in (expected, expected + expected % 2):
        fault = "less" if h.pixel_length < expected else "more"
        raise source.corrupt(
            f"its pixel data has {h.pixel_length} bytes, {fault} than the {expected} of "
            f"{h.number_of_frames} × {h.rows} × {h.columns} × {h.samples} at {h.bits_allocated} bits"
        )
