"""One file: the attributes that loading needs, read strictly, and where its pixel bytes lie.

Nothing nested ever stands for an attribute of the image, a required value that cannot be parsed is an error, and an
optional one that cannot be parsed counts as absent. Attributes that identify a patient are not kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import CorruptFileError
from ..sources.local import as_file
from ..sources.reasons import Reason
from .alike import AlikeItems
from .attributes import (
    DOUBLE_PIXEL_DATA,
    FIELDS,
    FLOAT_PIXEL_DATA,
    FUNCTIONAL_GROUPS,
    MODALITY_LUT,
    PIXEL_DATA,
    PIXEL_TAGS,
    SEQUENCES,
    VFRAMES,
    VFRAMES_COUNT,
    decode_description,
    parse_padding,
)
from .elements import SEQUENCE_END, UNDEFINED, Element, Encoding, Source, name_of, walk
from .liberties import STRICT, Liberties, Liberty
from .model import Header
from .pixel_bytes import count_pixel_bytes, is_too_short
from .pixel_tail import count_fragments, explain_unsure_frames, find_missing_end, is_surplus_harmless, may_end_here
from .preamble import DataSet, NotDicomError, begin, find_data_set, open_data_set_of
from .sop_classes import explain_lost_pixels, is_private
from .spellings import reread_value
from .transfer_syntaxes import DEFLATED_LITTLE, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, NATIVE_SYNTAXES

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping

    from ..sources.file import File, Handle

_BITS_OF_FLOATS = {FLOAT_PIXEL_DATA: 32, DOUBLE_PIXEL_DATA: 64}  # PS3.3 C.7.6.24 and C.7.6.25


# What a data set is asked for beside FIELDS.
_NOTED = frozenset((*PIXEL_TAGS, MODALITY_LUT, *FUNCTIONAL_GROUPS, VFRAMES, VFRAMES_COUNT))
_WANTED = _NOTED | FIELDS.keys()

# pydicom reads these, and does not mind a length that leaves its container, so they are walked strictly first.
WALKED = frozenset((*SEQUENCES, VFRAMES))
_DEFAULTS: dict[str, object] = {
    **dict.fromkeys(("image_type", "blank", "stack", "dimensions", "liberties"), ()),
    **dict.fromkeys(("has_modality_lut", "functional_groups", "vframes", "on_slide"), False),
    "planar_configuration": 0,
    "tiles_across": 1,
    "tiles_down": 1,
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


def parse_beginning(handle: Handle) -> Header:
    """Parse the header of an open file of which nothing behind the head of its pixel data is read, without liberties.

    Whether the pixels are all there is not known. Errors as `read_header`.
    """
    source = Source(handle)
    data_set = open_data_set_of(source)
    values: dict[str, object] = {}
    walked = _walk(source, data_set, [], values, STRICT)
    return make_header(source, data_set, _end_with_pixels(walked), values, STRICT)


def _end_with_pixels(elements: Iterable[Element]) -> Iterator[Element]:
    for element in elements:
        yield element
        if element.depth == 0 and element.tag in PIXEL_TAGS:
            return


def _parse(source: Source, start: int, visited: list[Element]) -> Header:
    liberties = Liberties()
    data_set = find_data_set(source, start, visited, liberties)
    before = len(visited), liberties.taken
    try:
        return _parse_data_set(source, data_set, visited, liberties)
    except CorruptFileError as error:
        other = swap_vr_encoding(data_set)
        if other is None or before[1]:
            raise
        del visited[before[0] :]
        try:
            header = _parse_data_set(source, other, visited, STRICT)
        except (CorruptFileError, NotDicomError):
            raise error from None
        return header._replace(liberties=(Liberty.OTHER_VR_ENCODING,))


def swap_vr_encoding(data_set: DataSet) -> DataSet | None:
    """The data set in implicit VR where explicit VR is declared, and the reverse; None where bytes may be swapped."""
    syntax = data_set.transfer_syntax
    if syntax == EXPLICIT_BIG or not syntax.startswith("1.2.840.10008."):
        return None
    explicit = not data_set.encoding.explicit
    if syntax in NATIVE_SYNTAXES and syntax != DEFLATED_LITTLE:
        syntax = EXPLICIT_LITTLE if explicit else IMPLICIT_LITTLE
    return data_set._replace(encoding=Encoding(explicit), transfer_syntax=syntax)


def _walk(
    source: Source, data_set: DataSet, visited: list[Element], values: dict[str, object], liberties: Liberties
) -> Iterator[Element]:
    """Walk a data set up to a harmless end; `values` is what was found in it so far, `visited` gets its elements."""
    alike = AlikeItems(source, data_set.encoding, FUNCTIONAL_GROUPS[1], visited, WALKED, liberties)
    try:
        for element in walk(
            source, data_set.start, data_set.encoding, enter=WALKED, liberties=liberties, step_over=alike.step_over
        ):
            visited.append(element)
            yield element
    except CorruptFileError:
        if not may_end_here(source, visited, values, liberties):
            raise


def _parse_data_set(source: Source, data_set: DataSet, visited: list[Element], liberties: Liberties) -> Header:
    values: dict[str, object] = {}
    walked = _walk(source, data_set, visited, values, liberties)
    header = make_header(source, data_set, walked, values, liberties)
    if liberties.taken:
        _check_fragments(source, header, visited)
    return header


def is_noted(element: Element) -> bool:
    """Tell whether `make_header` looks at an element before the pixels; it is given others too."""
    return element.tag in _WANTED and element.depth == 0


def make_header(
    source: Source, data_set: DataSet, elements: Iterable[Element], values: dict[str, object], liberties: Liberties
) -> Header:
    """Make the header of the elements of a data set; `values` gets what is found in them. Errors as `read_header`."""
    seen: set[int] = set()
    pixels: Element | None = None
    pixels_end = 0
    for element in elements:
        tag, _, offset, length, depth = element
        if depth:
            if pixels is not None and depth == 1 and tag == SEQUENCE_END and not pixels_end:
                pixels_end = offset - 8  # where the delimiter begins
        elif tag in FIELDS:
            if length != UNDEFINED:
                _take(source, element, data_set.encoding, seen, values, liberties)
        elif tag not in _NOTED:
            continue
        elif tag in PIXEL_TAGS:
            if pixels is not None:
                raise source.corrupt(f"it has two pixel data elements, {name_of(pixels.tag)} and {name_of(tag)}")
            pixels = element
        elif tag == MODALITY_LUT:
            values["has_modality_lut"] = True
        elif tag in FUNCTIONAL_GROUPS:
            values["functional_groups"] = True
        else:
            values["vframes"] = True
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
        pixel_length=(pixels_end or source.size) - pixels.offset if encapsulated else pixels.length,
        encapsulated=encapsulated,
    )
    return _check_header(source, values, liberties)


def _take(
    source: Source,
    element: Element,
    encoding: Encoding,
    seen: set[int],
    values: dict[str, object],
    liberties: Liberties,
) -> None:
    """Parse the value of one wanted element into `values`."""
    tag, vr, offset, length, _ = element
    name, parse, strict, keyword, written = field = FIELDS[tag]
    if tag in seen:
        raise source.corrupt(f"it has two {keyword} elements {name_of(tag)}")
    seen.add(tag)
    if length > written.longest:
        if strict:
            raise source.corrupt(f"its {keyword} is {length} bytes long")
        return
    value = source.at(offset, length)
    width = written.width
    if encoding.big_endian and width > 1:
        value = b"".join(value[i : i + width][::-1] for i in range(0, len(value), width))
    try:
        if vr and vr not in written.vrs:
            raise ValueError(f"its VR is {vr.decode()}")
        parsed = parse(value)
    except ValueError as error:
        try:
            parsed = reread_value(field, vr, value, encoding, liberties)
        except ValueError:
            if strict:
                raise source.corrupt(f"its {keyword} {name_of(tag)} cannot be used: {error}") from error
            return
    values[name] = parsed
    if parsed is None:
        values["blank"] = (*values.get("blank", ()), keyword)  # type: ignore[misc]


def _find_keyword(name: str) -> str:
    return next(f.keyword for f in FIELDS.values() if f.name == name)


def _check_header(source: Source, values: dict[str, object], liberties: Liberties) -> Header:
    """The Header of `values`, once they make one image."""
    if values.get("samples") is None and values.get("photometric_interpretation") in ("MONOCHROME1", "MONOCHROME2"):
        # PS3.3 C.7.6.3.1.2: both have one sample.
        values["samples"] = 1 if liberties.take(Liberty.NO_SAMPLES_PER_PIXEL) else None
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
    values.update({name: _find_padding(name, values) for name in ("padding_value", "padding_limit")})
    if values.get("number_of_frames") is None:
        values["number_of_frames"] = 1
    elif values["number_of_frames"] == 0 and liberties.take(Liberty.NUMBER_OF_FRAMES):
        values["number_of_frames"] = 1  # as there are pixels; they have to be those of one frame
    values.setdefault("high_bit", int(values["bits_stored"]) - 1)  # type: ignore[call-overload]
    header = Header._make(map({**_DEFAULTS, **values}.get, Header._fields))
    _check_pixel_layout(source, header)
    if not header.encapsulated:
        header = _check_native_length(source, header, liberties)
    fault = explain_own_fault(header)
    if fault:
        raise source.corrupt(fault)
    return header._replace(liberties=liberties.taken) if liberties.taken else header


def _find_padding(name: str, values: Mapping[str, object]) -> object:
    """The value or limit of padding from the attribute that goes with the pixel data."""
    if values["pixel_tag"] != PIXEL_DATA:
        return values.get(f"{name}_{values['bits_allocated']}")
    return parse_padding(values.get(name), signed=values["pixel_representation"] == 1)


def explain_own_fault(header: Header) -> str | None:
    """Say what is wrong with the values that each slice has of its own; None where nothing is."""
    if header.position is not None and "PixelSpacing" in header.blank:
        # Projections may leave it open (PS3.3 C.8.4.8: type 2), slices that have a place in the patient may not.
        return "its PixelSpacing (0028,0030) cannot be used: it is empty or 0\\0"
    if header.slope == 0:
        return "its RescaleSlope is 0: every stored value would become the same"
    return None


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
        if is_too_short(h):
            raise source.corrupt(
                f"its compressed pixel data has {h.pixel_length} bytes, too few for {h.number_of_frames} × {h.rows} × "
                f"{h.columns} × {h.samples} at {h.bits_allocated} bits"
            )
        return
    if h.transfer_syntax not in NATIVE_SYNTAXES and h.transfer_syntax.startswith("1.2.840.10008."):
        raise source.corrupt(f"its pixel data is not encapsulated, its transfer syntax {h.transfer_syntax} is")


def _check_native_length(source: Source, h: Header, liberties: Liberties) -> Header:
    """The header with the length of its image, without bytes behind it that cannot be pixels."""
    expected = count_pixel_bytes(h)
    if h.pixel_length in (expected, expected + expected % 2):
        return h
    if is_surplus_harmless(source, h, liberties):
        return h._replace(pixel_length=expected)
    fault = "less" if h.pixel_length < expected else "more"
    raise source.corrupt(
        f"its pixel data has {h.pixel_length} bytes, {fault} than the {expected} of "
        f"{h.number_of_frames} × {h.rows} × {h.columns} × {h.samples} at {h.bits_allocated} bits"
    )


def _check_fragments(source: Source, h: Header, visited: list[Element]) -> None:
    """Refuse compressed pixel data whose frames are not sure to be all there, once a liberty was taken."""
    if not h.encapsulated:
        return
    unsure = explain_unsure_frames(h, count_fragments(visited))
    if Liberty.OPEN_PIXEL_DATA in h.liberties and (fault := find_missing_end(source, h) or unsure):
        raise source.corrupt(f"its compressed pixel data is not closed, and {fault}: it is truncated")
    if Liberty.NUMBER_OF_FRAMES in h.liberties and h.number_of_frames == 1 and unsure:
        raise source.corrupt(f"its NumberOfFrames cannot be used: {unsure}")
