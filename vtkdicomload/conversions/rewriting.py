"""One DICOM file written again as Explicit VR Little Endian by pydicom, with other pixels or its own."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np

from .._util.warnings import silence_warnings
from ..errors import CorruptFileError
from ..errors.remedies import LeaveOut
from ..headers.attributes import PIXEL_DATA
from ..headers.data_set import UnusableAttribute, ask_pydicom
from ..headers.transfer_syntaxes import EXPLICIT_BIG
from ..readers.dtype import is_colour
from ..sources.stream import path_or_stream

if TYPE_CHECKING:
    import pydicom

    from ..headers.model import Header

_OFFSET_TABLES = (0x7FE00001, 0x7FE00002, 0x7FE00003)  # extended offsets, their lengths, total length (PS3.3 C.7.6.3)
_ICONS = 0x00880200
_SWAPPED = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}  # bytes a word; pydicom leaves their order as it was read


def rewrite(header: Header, pixels: bytes | None, path: str) -> bool:
    """Write one file again with these pixels, or with its own; whether its icon was lost.

    Raises
    ------
    CorruptFileError
        pydicom cannot read or write its attributes.
    """
    try:
        with silence_warnings():
            return _rewrite(header, pixels, path)
    except UnusableAttribute as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno is not None:
            raise error.__cause__ from None  # the system's, of a file that is gone or a full disk
        # Without pydicom's own words: they may quote the value of an attribute.
        raise CorruptFileError(
            f"{header.path}: pydicom cannot rewrite it ({type(error.__cause__ or error).__name__})",
            files=[header.path],
            remedies=[LeaveOut((header.path,))],
        ) from error


def _rewrite(header: Header, pixels: bytes | None, path: str) -> bool:
    import pydicom

    with path_or_stream(header.file) as readable, ask_pydicom():
        dataset = pydicom.dcmread(readable, force=True)
    if header.pixel_tag not in dataset:
        raise UnusableAttribute("pydicom does not find its way to the pixels")  # nor, it may be, to anything else
    for tag in [tag for tag in dataset.keys() if tag.group == 0]:  # noqa: SIM118 - not the elements
        del dataset[tag]  # zeros behind the data set, which pydicom takes for elements
    lost = not _plain_icon(dataset)
    if header.transfer_syntax == EXPLICIT_BIG:
        _swap_bytes(dataset, header)
    if pixels is not None:
        _replace_pixels(dataset, header, pixels)
    _complete_meta(dataset)
    with open(path, "xb") as file, ask_pydicom():
        pydicom.dcmwrite(file, dataset, implicit_vr=False, little_endian=True)
    return lost


def _replace_pixels(dataset: pydicom.Dataset, header: Header, pixels: bytes) -> None:
    from pydicom import DataElement

    for tag in _OFFSET_TABLES:
        dataset.pop(tag, None)
    padded = pixels + b"\0" * (len(pixels) % 2)
    dataset[PIXEL_DATA] = DataElement(PIXEL_DATA, "OW" if header.bits_allocated > 8 else "OB", padded)
    if header.samples > 1 and is_colour(header):
        dataset.PhotometricInterpretation = "RGB"
        dataset.PlanarConfiguration = 0


def _swap_bytes(dataset: pydicom.Dataset, header: Header) -> None:
    """Turn the big-endian words that pydicom hands on as bytes."""
    with ask_pydicom():
        elements, pixel_data = list(dataset.iterall()), dataset.get(PIXEL_DATA)
    for element in elements:
        width = _SWAPPED.get(element.VR, 0)
        if not width or not element.value:
            continue
        if element is pixel_data:
            width = max(width, header.bits_allocated // 8)
        if len(element.value) % width:
            raise UnusableAttribute(f"{element.tag} holds no whole words")
        element.value = np.frombuffer(element.value, f">u{width}").astype(f"<u{width}").tobytes()


def _plain_icon(dataset: pydicom.Dataset) -> bool:
    """Decode compressed icon images; where that cannot be, take them out and return False."""
    if _ICONS not in dataset:
        return True
    try:
        with ask_pydicom():
            icons = dataset[_ICONS].value
            compressed = [i for i in icons if PIXEL_DATA in i and i[PIXEL_DATA].is_undefined_length]
    except UnusableAttribute:
        del dataset[_ICONS]
        return False
    for icon in compressed:
        # An item has none; decompressing asks for one and changes it.
        icon.file_meta = deepcopy(dataset.file_meta)
        try:
            icon.decompress(generate_instance_uid=False)
        except MemoryError:
            raise
        except Exception:  # pydicom's decoders raise what they like for damaged streams
            del dataset[_ICONS]
            return False
        del icon.file_meta
    return True


def _complete_meta(dataset: pydicom.Dataset) -> None:
    """File meta information as PS3.10 7.1 wants it, without touching what is there."""
    from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, ExplicitVRLittleEndian

    dataset.preamble = getattr(dataset, "preamble", None) or bytes(128)
    meta = dataset.file_meta
    with ask_pydicom():
        sop_class, sop_instance = dataset.get("SOPClassUID"), dataset.get("SOPInstanceUID")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.FileMetaInformationGroupLength = 0  # pydicom writes the true one where there is one
    for keyword, value in (
        ("FileMetaInformationVersion", b"\0\1"),
        ("MediaStorageSOPClassUID", sop_class),
        ("MediaStorageSOPInstanceUID", sop_instance),
        ("ImplementationClassUID", PYDICOM_IMPLEMENTATION_UID),
    ):
        with ask_pydicom():
            if value and not meta.get(keyword):
                setattr(meta, keyword, value)
