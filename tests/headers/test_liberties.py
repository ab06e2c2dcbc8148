"""Deviations of structure that leave one reading: read with a warning at their limit, refused just beyond it.

The truth is pydicom's reading of the file before anything was changed in it.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pydicom
import pytest
from enhanced import write_enhanced
from pydicom import Dataset, FileMetaDataset, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

import vtkdicomload as vdl
from vtkdicomload.headers.liberties import STRICT, Liberties, Liberty
from vtkdicomload.headers.parser import read_header
from vtkdicomload.headers.reading import HeaderReader
from vtkdicomload.readers.vtk_safety import explain_unsafe_file
from vtkdicomload.sources.local import as_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROWS, COLUMNS = 12, 10
ROW = COLUMNS * 2
FRAME = ROWS * ROW
PIXELS = np.random.default_rng(7).integers(1, 4000, (ROWS, COLUMNS)).astype("<u2")
NATIVE = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
ENCAPSULATED = {"RLE": RLELossless, "JPEG-LS": JPEGLSLossless}
EVERY = {**NATIVE, **ENCAPSULATED}
# A deflated data set is pydicom's to read alone, which stumbles over some liberties.
PLAIN = tuple(syntax for syntax in EVERY if syntax != "deflated")
WITH_VRS = ("explicit", "big endian", *ENCAPSULATED)
LITTLE = ("explicit", "implicit", "deflated")
DELIMITER = b"\xfe\xff\xdd\xe0\0\0\0\0"
OPEN = b"\xff\xff\xff\xff"


class Written(NamedTuple):
    """A file in its parts."""

    meta: bytes  # preamble, prefix and file meta information
    body: bytes  # the data set, not deflated
    syntax: str

    def replace(self, old: bytes, new: bytes) -> Written:
        assert self.body.count(old) == 1, (old, self.body.count(old))
        return self._replace(body=self.body.replace(old, new))

    @property
    def explicit(self) -> bool:
        return self.syntax != "implicit"

    @property
    def order(self) -> str:
        return ">" if self.syntax == "big endian" else "<"

    def tag(self, tag: int) -> bytes:
        return struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF)

    def element(self, tag: int, vr: str, value: bytes, length: bytes | None = None) -> bytes:
        """An element in the encoding of the file; `vr` of two bytes, the long ones with two reserved bytes."""
        size = length or struct.pack(self.order + "I", len(value))
        if not self.explicit:
            return self.tag(tag) + size + value
        if vr in ("OB", "OW", "SQ", "UN"):
            return self.tag(tag) + vr.encode() + b"\0\0" + size + value
        return self.tag(tag) + vr.encode() + struct.pack(self.order + "H", len(value)) + value

    def find(self, tag: int) -> int:
        """Where the only element of this tag begins."""
        assert self.body.count(self.tag(tag)) == 1
        return self.body.index(self.tag(tag))

    def insert(self, tag: int, data: bytes) -> Written:
        """Put bytes before the element of this tag."""
        at = self.find(tag)
        return self._replace(body=self.body[:at] + data + self.body[at:])

    def value(self, tag: int, vr: str, value: bytes) -> Written:
        """Write another value of an element of a short VR."""
        at = self.find(tag)
        size = struct.Struct(self.order + ("H" if self.explicit else "I"))
        start = at + 8
        (length,) = size.unpack_from(self.body, start - size.size)
        return self._replace(body=self.body[:at] + self.element(tag, vr, value) + self.body[start + length :])

    def behind(self, data: bytes) -> Written:
        return self._replace(body=self.body + data)

    @property
    def file(self) -> bytes:
        if self.syntax != "deflated":
            return self.meta + self.body
        deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data = deflater.compress(self.body) + deflater.flush()
        return self.meta + data + b"\0" * (len(data) % 2)


def write(syntax: str, *, position: float = 0.0, **attributes: Any) -> Written:
    """A small valid CT slice."""
    d = Dataset()
    d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, f"1.2.826.0.1.3680043.8.498.9.1.{int(position) + 1}"
    d.Modality, d.StudyInstanceUID, d.SeriesInstanceUID = "CT", "1.2.826.0.1.3680043.8.498.9", "1.2.826.0.1.3680043.8.5"
    d.SeriesNumber, d.InstanceNumber, d.FrameOfReferenceUID = 1, int(position) + 1, "1.2.826.0.1.3680043.8.6"
    d.ImagePositionPatient, d.ImageOrientationPatient = [-10.0, 5.0, position], [1, 0, 0, 0, 1, 0]
    d.SamplesPerPixel, d.PhotometricInterpretation, d.NumberOfFrames = 1, "MONOCHROME2", 1
    d.Rows, d.Columns, d.PixelSpacing, d.SliceThickness = ROWS, COLUMNS, [0.5, 0.5], 1.5
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
    d.RescaleIntercept, d.RescaleSlope = -1024, 1
    d.PixelData = PIXELS.tobytes()
    d["PixelData"].VR = "OW"
    for keyword, value in attributes.items():
        setattr(d, keyword, value)
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = EVERY[syntax] if syntax in NATIVE else ExplicitVRLittleEndian
    if syntax in ENCAPSULATED:
        d.compress(ENCAPSULATED[syntax], generate_instance_uid=False)
    elif syntax == "big endian":
        d.PixelData = PIXELS.astype(">u2").tobytes()
    buffer = io.BytesIO()
    if syntax == "deflated":
        d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dcmwrite(buffer, d, enforce_file_format=True)
    data = buffer.getvalue()
    start = 144 + struct.unpack_from("<I", data, 140)[0]
    meta = data[:start]
    if syntax == "deflated":
        head = b"\2\0\x10\0UI"
        plain, other = (uid + "\0" * (len(uid) % 2) for uid in (ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian))
        old, new = (head + struct.pack("<H", len(uid)) + uid.encode() for uid in (plain, other))
        assert meta.count(old) == 1
        meta = meta.replace(old, new)
    return Written(meta, data[start:], syntax)


def pixel_element(w: Written, value: bytes) -> Written:
    """The file with other native pixel data."""
    at = w.find(0x7FE00010)
    return w._replace(body=w.body[:at] + w.element(0x7FE00010, "OW", value))


def stored(w: Written) -> bytes:
    return w.body[-FRAME:]


def command(explicit: bool, order: str = "<") -> bytes:
    """A command set as it is sent (PS3.7 6.3.1: in implicit VR), or as some writers keep it in a file."""

    def element(number: int, vr: bytes, value: bytes) -> bytes:
        head = struct.pack(order + "HH", 0, number)
        if explicit:
            return head + vr + struct.pack(order + "H", len(value)) + value
        return head + struct.pack(order + "I", len(value)) + value

    body = element(2, b"UI", b"1.2.840.10008.5.1.4.1.1.2\0") + element(0x100, b"US", struct.pack(order + "H", 1))
    return element(0, b"UL", struct.pack(order + "I", len(body))) + body


def implicit_meta(w: Written) -> bytes:
    uid = (EVERY[w.syntax] + "\0" * (len(EVERY[w.syntax]) % 2)).encode()
    return struct.pack("<HHI", 2, 2, 26) + b"1.2.840.10008.5.1.4.1.1.2\0" + struct.pack("<HHI", 2, 0x10, len(uid)) + uid


def add_private(
    w: Written, vr: bytes, value: bytes = b"abcdef", *, long: bool = True, tag: int = 0x00191001
) -> Written:
    """A private element of another VR before ImagePositionPatient."""
    size = b"\0\0" + struct.pack(w.order + "I", len(value)) if long else struct.pack(w.order + "H", len(value))
    return w.insert(0x00200032, w.tag(tag) + vr + size + value)


def add_sequence(w: Written, end: bytes, tag: int = 0x00191001) -> Written:
    """A private sequence of undefined length that ends so, before ImagePositionPatient."""
    item = struct.pack(w.order + "HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    inner = w.element(0x00080060, "CS", b"MR")
    return w.insert(0x00200032, w.element(tag, "SQ", b"", OPEN) + item + inner + end)


def ends(w: Written, item: int, sequence: int) -> bytes:
    """An item and a sequence delimiter of these lengths."""
    return struct.pack(w.order + "HHIHHI", 0xFFFE, 0xE00D, item, 0xFFFE, 0xE0DD, sequence)


def open_sequence(w: Written, inner: bytes) -> bytes:
    return w.element(0xFFFBFFFA, "SQ", b"", OPEN) + struct.pack(w.order + "HHI", 0xFFFE, 0xE000, 0xFFFFFFFF) + inner


def doubles(w: Written, *values: float) -> bytes:
    return struct.pack(f"{w.order}{len(values)}d", *values)


# ------------------------------------------------------------------------------------------------ one reading: warned
TAKEN: dict[str, tuple[Liberty, tuple[str, ...], Callable[[Written], Written]]] = {
    "zeros behind the pixels, nearly a frame": (
        Liberty.SURPLUS_BYTES,
        (*NATIVE,),
        lambda w: pixel_element(w, stored(w) + bytes(FRAME - 2)),
    ),
    "other bytes behind the pixels, less than a row": (
        Liberty.SURPLUS_BYTES,
        (*NATIVE,),
        lambda w: pixel_element(w, stored(w) + b"\7" * (ROW - 2)),
    ),
    "stray bytes behind the last element, less than a row": (
        Liberty.SURPLUS_BYTES,
        (*EVERY,),
        lambda w: w.behind(b"\7" * (ROW - 1)),
    ),
    "one stray byte": (Liberty.SURPLUS_BYTES, (*EVERY,), lambda w: w.behind(b"\1")),
    "compressed pixels without their delimiter": (
        Liberty.OPEN_PIXEL_DATA,
        (*ENCAPSULATED,),
        lambda w: w.replace(DELIMITER, b""),
    ),
    "a delimiter of undefined length behind compressed pixels": (
        Liberty.DELIMITER_LENGTH,
        (*ENCAPSULATED,),
        lambda w: w.replace(DELIMITER, DELIMITER[:4] + OPEN),
    ),
    "a sequence delimiter of undefined length": (
        Liberty.DELIMITER_LENGTH,
        (*EVERY,),
        lambda w: add_sequence(w, ends(w, 0, 0xFFFFFFFF)),
    ),
    "both delimiters of undefined length": (
        Liberty.DELIMITER_LENGTH,
        (*EVERY,),
        lambda w: add_sequence(w, ends(w, 0xFFFFFFFF, 0xFFFFFFFF)),
    ),
    "an unclosed sequence behind the pixels": (
        Liberty.OPEN_SEQUENCE,
        PLAIN,
        lambda w: w.behind(open_sequence(w, w.element(0xFFFBFFFB, "LO", b"ab"))),
    ),
    "an unclosed sequence that holds nothing": (
        Liberty.OPEN_SEQUENCE,
        PLAIN,
        lambda w: w.behind(w.element(0xFFFBFFFA, "SQ", b"", OPEN)),
    ),
    "implicit VR under the name of explicit VR": (
        Liberty.OTHER_VR_ENCODING,
        ("explicit", "deflated"),
        lambda w: w._replace(body=write("implicit").body),
    ),
    "explicit VR under the name of implicit VR": (
        Liberty.OTHER_VR_ENCODING,
        ("implicit",),
        lambda w: w._replace(body=write("explicit").body),
    ),
    "compressed pixels in a data set in implicit VR": (
        Liberty.OTHER_VR_ENCODING,
        (*ENCAPSULATED,),
        lambda w: w._replace(
            body=write("implicit").body[: write("implicit").find(0x7FE00010)]
            + b"\xe0\x7f\x10\0"
            + w.body[w.find(0x7FE00010) + 8 :]
        ),
    ),
    "file meta information in implicit VR": (
        Liberty.IMPLICIT_META,
        (*EVERY,),
        lambda w: w._replace(meta=w.meta[:132] + implicit_meta(w)),
    ),
    "file meta information in implicit VR without a preamble": (
        Liberty.IMPLICIT_META,
        (*EVERY,),
        lambda w: w._replace(meta=implicit_meta(w)),
    ),
    "a command set before the data set": (
        Liberty.COMMAND_ELEMENTS,
        PLAIN,
        lambda w: w._replace(body=command(explicit=False) + w.body),
    ),
    "a command set with VRs": (
        Liberty.COMMAND_ELEMENTS,
        (*EVERY,),
        lambda w: w._replace(body=command(explicit=True, order=w.order) + w.body),
    ),
    "a message as it was sent": (
        Liberty.COMMAND_ELEMENTS,
        ("explicit", "implicit"),
        lambda w: w._replace(meta=command(explicit=False)),
    ),
    "no SamplesPerPixel": (
        Liberty.NO_SAMPLES_PER_PIXEL,
        (*EVERY,),
        lambda w: w.replace(w.element(0x00280002, "US", struct.pack(w.order + "H", 1)), b""),
    ),
    "an empty SamplesPerPixel": (Liberty.NO_SAMPLES_PER_PIXEL, (*EVERY,), lambda w: w.value(0x00280002, "US", b"")),
    "?? and a length of 4 bytes": (
        Liberty.UNKNOWN_VR,
        WITH_VRS,
        lambda w: add_private(w, b"??"),
    ),
    "?? and a length of 2 bytes": (
        Liberty.UNKNOWN_VR,
        WITH_VRS,
        lambda w: add_private(w, b"??", long=False),
    ),
    "two elements of one unknown VR": (
        Liberty.UNKNOWN_VR,
        WITH_VRS,
        lambda w: add_private(add_private(w, b"ox"), b"ox", tag=0x00191002),
    ),
    "zeros for a VR": (
        Liberty.UNKNOWN_VR,
        WITH_VRS,
        lambda w: add_private(w, b"\0\0"),
    ),
    "an unknown VR of a number": (
        Liberty.UNKNOWN_VR,
        ("explicit", "big endian", "deflated", *ENCAPSULATED),
        lambda w: w.replace(w.tag(0x00281053) + b"DS", w.tag(0x00281053) + b"DX"),
    ),
    "NumberOfFrames 0": (Liberty.NUMBER_OF_FRAMES, (*EVERY,), lambda w: w.value(0x00280008, "IS", b"0 ")),
    "NumberOfFrames 1.0": (Liberty.NUMBER_OF_FRAMES, (*EVERY,), lambda w: w.value(0x00280008, "IS", b"1.0 ")),
    "a backslash behind PixelSpacing": (
        Liberty.TRAILING_BACKSLASH,
        (*EVERY,),
        lambda w: w.value(0x00280030, "DS", b"0.5\\0.5\\"),
    ),
    "a backslash behind RescaleSlope": (
        Liberty.TRAILING_BACKSLASH,
        (*EVERY,),
        lambda w: w.value(0x00281053, "DS", b"1\\"),
    ),
    "decimal commas in PixelSpacing": (
        Liberty.DECIMAL_COMMA,
        (*EVERY,),
        lambda w: w.value(0x00280030, "DS", b"0,5\\0,50 "),
    ),
    "decimal commas in ImagePositionPatient": (
        Liberty.DECIMAL_COMMA,
        (*EVERY,),
        lambda w: w.value(0x00200032, "DS", b"-10,000\\5\\0,000 "),
    ),
    "a decimal comma in RescaleIntercept": (
        Liberty.DECIMAL_COMMA,
        (*EVERY,),
        lambda w: w.value(0x00281052, "DS", b"-1024,0 "),
    ),
    "ImagePositionPatient in doubles": (
        Liberty.BINARY_NUMBERS,
        ("explicit", "big endian", "deflated", *ENCAPSULATED),
        lambda w: w.value(0x00200032, "FD", doubles(w, -10, 5, 0)),
    ),
    "PixelSpacing in doubles": (
        Liberty.BINARY_NUMBERS,
        ("explicit", "big endian", "deflated", *ENCAPSULATED),
        lambda w: w.value(0x00280030, "FD", doubles(w, 0.5, 0.5)),
    ),
}


@pytest.mark.parametrize(
    ("name", "syntax"), [(name, syntax) for name, (_, syntaxes, _) in TAKEN.items() for syntax in syntaxes]
)
def test_one_reading_is_loaded_with_a_warning(tmp_path: Path, name: str, syntax: str) -> None:
    liberty, _, change = TAKEN[name]
    path = tmp_path / "1.dcm"
    path.write_bytes(change(write(syntax)).file)
    header = read_header(path)
    assert header.liberties == (liberty,)
    with pytest.warns(vdl.DicomLoadWarning) as said:
        volume = vdl.load(path)
    *others, told = sorted((str(w.message) for w in said), key=lambda sentence: liberty.value in sentence)
    assert told == f"1 of 1 files depart from the standard (1.dcm): {liberty.value}"
    assert all("no second reader could look at" in sentence for sentence in others)  # where pydicom cannot read it
    np.testing.assert_array_equal(volume.frames[0], PIXELS.astype(int) - 1024)
    np.testing.assert_allclose(volume.affine, [[0.5, 0, 0, -10], [0, 0.5, 0, 5], [0, 0, 1.5, 0], [0, 0, 0, 1]])
    assert "departs from the standard" in str(explain_unsafe_file(header)) or syntax not in LITTLE[:2]


# --------------------------------------------------------------------------------------------- two readings: refused
def rows(w: Written, count: int) -> Written:
    return w.value(0x00280010, "US", struct.pack(w.order + "H", count))


def columns(w: Written, count: int) -> Written:
    return w.value(0x00280011, "US", struct.pack(w.order + "H", count))


REFUSED: dict[str, tuple[tuple[str, ...], Callable[[Written], Written]]] = {
    "a frame of zeros more": ((*NATIVE,), lambda w: pixel_element(w, stored(w) + bytes(FRAME))),
    "a row of other bytes more": ((*NATIVE,), lambda w: pixel_element(w, stored(w) + b"\7" * ROW)),
    "a column more, which is less than a row": (
        (*NATIVE,),
        lambda w: columns(rows(w, 4), ROWS * COLUMNS // 4 - 1),
    ),
    "half of the bits": ((*NATIVE,), lambda w: w.value(0x00280100, "US", struct.pack(w.order + "H", 8))),
    "pixels that lack a byte": ((*NATIVE,), lambda w: pixel_element(w, stored(w)[:-1])),
    "a row of stray bytes": ((*EVERY,), lambda w: w.behind(b"\7" * ROW)),
    "a cut element behind the pixels in a sequence": (
        (*EVERY,),
        lambda w: w.behind(open_sequence(w, w.element(0xFFFBFFFB, "LO", b"abcd")[:-1])),
    ),
    "an unclosed sequence before the pixels": ((*NATIVE,), lambda w: add_sequence(w, b"")),
    "compressed pixels that end within a fragment": (
        (*ENCAPSULATED,),
        lambda w: w._replace(body=w.body[: -len(DELIMITER) - 2]),
    ),
    "compressed pixels without end marker or delimiter": (
        ("JPEG-LS",),
        lambda w: w._replace(body=w.body.replace(b"\xff\xd9", b"\0\0")[: -len(DELIMITER)]),
    ),
    "fewer fragments than frames, and no delimiter": (
        ("RLE",),
        lambda w: w.replace(DELIMITER, b"").value(0x00280008, "IS", b"2 "),
    ),
    "elements behind compressed pixels without a delimiter": (
        (*ENCAPSULATED,),
        lambda w: w.replace(DELIMITER, w.element(0xFFFCFFFC, "OB", bytes(4))),
    ),
    "a delimiter that claims bytes": (
        (*ENCAPSULATED,),
        lambda w: w.replace(DELIMITER, DELIMITER[:4] + b"\4\0\0\0").behind(bytes(4)),
    ),
    "little endian under the name of big endian": (
        ("big endian",),
        lambda w: w._replace(body=write("explicit").body),
    ),
    "big endian under the name of little endian": (
        ("explicit", "implicit"),
        lambda w: w._replace(body=write("big endian").body),
    ),
    "implicit VR under another name, and cut": (
        ("explicit",),
        lambda w: w._replace(body=write("implicit").body[:-2]),
    ),
    "a data set of two encodings": (
        ("explicit",),
        lambda w: w._replace(
            body=w.body[: w.find(0x00280002)] + write("implicit").body[write("implicit").find(0x00280002) :]
        ),
    ),
    "file meta information of two encodings": (
        (*EVERY,),
        lambda w: w._replace(meta=w.meta[:132] + struct.pack("<HHI", 2, 2, 4) + b"1.2\0" + w.meta[144:]),
    ),
    "what pydicom does not find its way in, deflated": (
        ("deflated",),
        lambda w: add_private(w, b"??"),
    ),
    "a cut command set": (
        ("explicit", "implicit"),
        lambda w: w._replace(body=command(explicit=False)[:-1] + w.body),
    ),
    "no SamplesPerPixel of a colour image": (
        (*NATIVE,),
        lambda w: w.value(0x00280004, "CS", b"RGB ").replace(
            w.element(0x00280002, "US", struct.pack(w.order + "H", 1)), b""
        ),
    ),
    "an unknown VR whose length does not fit": (
        ("explicit", "big endian", "deflated"),
        lambda w: w.insert(0x00200032, w.tag(0x00191001) + b"??\0\0" + struct.pack(w.order + "I", 5) + b"abcdef"),
    ),
    "an unknown VR of undefined length": (
        ("explicit", "big endian", "deflated"),
        lambda w: w.insert(0x00200032, w.tag(0x00191001) + b"??\0\0" + OPEN + b"abcdef"),
    ),
    "a VR that nobody would write": (
        ("explicit", "big endian", "deflated"),
        lambda w: add_private(w, b"\x0f\xb3"),
    ),
    "a VR of a letter and a sign": (
        ("explicit", "big endian", "deflated"),
        lambda w: add_private(w, b"?S"),
    ),
    "zeros for the VR of an attribute of the standard": (
        ("explicit", "big endian", "deflated"),
        lambda w: w.replace(w.tag(0x00281053) + b"DS", w.tag(0x00281053) + bytes(2)),
    ),
    "an unknown VR that no later element follows": (
        ("explicit", "big endian", "deflated"),
        lambda w: add_private(w, b"??", tag=0x00291001),
    ),
    "one element of group 0000 that may be another whose tag is damaged": (
        ("explicit", "implicit"),
        lambda w: w.replace(w.tag(0x00080016), w.tag(0x00000016)),
    ),
    "pixels that lack bytes, and swallow those of the element behind them": (
        ("explicit", "implicit", "big endian"),
        lambda w: w._replace(body=w.body[:-7] + w.body[-4:]).behind(w.element(0xFFFBFFFB, "LO", b"tail")),
    ),
    "pixels that bytes were put into, before an element behind them": (
        ("explicit", "implicit", "big endian"),
        lambda w: w._replace(body=w.body[:-7] + b"abc" + w.body[-7:]).behind(w.element(0xFFFBFFFB, "LO", b"tail")),
    ),
    "NumberOfFrames 0 over two frames": (
        (*NATIVE,),
        lambda w: pixel_element(w, stored(w) * 2).value(0x00280008, "IS", b"0 "),
    ),
    "NumberOfFrames 1.5": ((*EVERY,), lambda w: w.value(0x00280008, "IS", b"1.5 ")),
    "NumberOfFrames 0 over two fragments of RLE": (
        ("RLE",),
        lambda w: w.replace(DELIMITER, b"\xfe\xff\0\xe0\2\0\0\0ab" + DELIMITER).value(0x00280008, "IS", b"0 "),
    ),
    "a backslash in place of a number": ((*EVERY,), lambda w: w.value(0x00200032, "DS", b"-10\\5\\")),
    "two backslashes": ((*EVERY,), lambda w: w.value(0x00280030, "DS", b"0.5\\0.5\\\\ ")),
    "a backslash before the numbers": ((*EVERY,), lambda w: w.value(0x00280030, "DS", b"\\0.5\\0.5")),
    "commas between the numbers": ((*EVERY,), lambda w: w.value(0x00200032, "DS", b"-10,5,0 ")),
    "a comma and a point": ((*EVERY,), lambda w: w.value(0x00280030, "DS", b"0,5\\0.5 ")),
    "a comma that may group thousands": ((*EVERY,), lambda w: w.value(0x00281052, "DS", b"-1,024")),
    "two commas in a number": ((*EVERY,), lambda w: w.value(0x00281052, "DS", b"1,0,2 ")),
    "doubles of another count": (
        ("explicit", "big endian", "deflated"),
        lambda w: w.value(0x00200032, "FD", doubles(w, -10, 5)),
    ),
    "doubles that are no numbers": (
        ("explicit", "big endian", "deflated"),
        lambda w: w.value(0x00200032, "FD", doubles(w, -10, 5, float("nan"))),
    ),
    "two liberties: a comma and stray bytes": (
        (*EVERY,),
        lambda w: w.value(0x00280030, "DS", b"0,5\\0,5 ").behind(b"\1"),
    ),
    "two liberties: no SamplesPerPixel and a command set": (
        (*EVERY,),
        lambda w: w.replace(w.element(0x00280002, "US", struct.pack(w.order + "H", 1)), b"")._replace(
            body=command(explicit=False)
            + w.replace(w.element(0x00280002, "US", struct.pack(w.order + "H", 1)), b"").body
        ),
    ),
    "two liberties: an implicit meta information and the other encoding": (
        ("explicit",),
        lambda w: Written(w.meta[:132] + implicit_meta(w), write("implicit").body, w.syntax),
    ),
}


@pytest.mark.parametrize(
    ("name", "syntax"), [(name, syntax) for name, (syntaxes, _) in REFUSED.items() for syntax in syntaxes]
)
def test_what_leaves_two_readings_is_refused(tmp_path: Path, name: str, syntax: str) -> None:
    _, change = REFUSED[name]
    path = tmp_path / "1.dcm"
    path.write_bytes(change(write(syntax)).file)
    with pytest.raises(vdl.CorruptFileError, match=str(path)):
        vdl.load(path)


@pytest.mark.parametrize("syntax", EVERY)
def test_the_file_that_is_changed_has_no_liberty(tmp_path: Path, syntax: str) -> None:
    path = tmp_path / "1.dcm"
    path.write_bytes(write(syntax).file)
    dataset = pydicom.dcmread(path)
    np.testing.assert_array_equal(dataset.pixel_array, PIXELS)
    assert read_header(path).liberties == ()
    np.testing.assert_array_equal(vdl.load(path).frames[0], PIXELS.astype(int) - 1024)


# --------------------------------------------------------------------------------------------------- a whole series
def test_command_elements_that_cannot_be_walked_are_named(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    w = write("implicit")
    damaged = command(explicit=False).replace(b"\0\0\2\0\x1a\0\0\0", b"\0\0\2\0\x1a\0\0\x7f")
    path.write_bytes(w._replace(body=damaged + w.body).file)
    with pytest.raises(vdl.CorruptFileError, match=r"network message \(group 0000\) stand before its data set"):
        read_header(path)


def test_one_warning_a_liberty_counts_and_names_the_files(tmp_path: Path) -> None:
    for k in range(6):
        w = write("explicit", position=1.5 * k)
        if k in (1, 2, 3, 4):
            w = w.behind(b"\1\2")
        if k == 5:
            w = w.value(0x00280030, "DS", b"0,5\\0,5 ")
        (tmp_path / f"{k}.dcm").write_bytes(w.file)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        volume = vdl.load(tmp_path)
    assert volume.frames.shape == (6, ROWS, COLUMNS)
    assert [str(w.message) for w in said] == [
        f"4 of 6 files depart from the standard (1.dcm, 2.dcm, 3.dcm and 1 more): {Liberty.SURPLUS_BYTES.value}",
        f"1 of 6 files depart from the standard (5.dcm): {Liberty.DECIMAL_COMMA.value}",
    ]


@pytest.mark.parametrize("name", TAKEN)
def test_no_template_is_made_of_a_liberty_nor_lets_one_pass(tmp_path: Path, name: str) -> None:
    """A reader that has seen valid files, then this one, then valid files says of each what a strict parse says."""
    liberty, syntaxes, change = TAKEN[name]
    reader = HeaderReader()
    for syntax in syntaxes:
        paths = [tmp_path / f"{syntax}{k}.dcm" for k in range(8)]
        for k, path in enumerate(paths):
            w = write(syntax, position=float(k))
            path.write_bytes((change(write(syntax)) if k in (2, 3) else w).file)
        for chosen in (paths, paths[2:] + paths[:2]):
            found = reader.read([as_file(path).begin(reader.beginning_bytes) for path in chosen])
            assert [h.liberties for h in found] == [(liberty,) if path in paths[2:4] else () for path in chosen]
            assert found == [read_header(path) for path in chosen]


def test_vtk_never_sees_a_liberty(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    path.write_bytes(TAKEN["decimal commas in PixelSpacing"][2](write("explicit")).file)
    assert explain_unsafe_file(read_header(path)) == f"it departs from the standard: {Liberty.DECIMAL_COMMA.value}"
    with pytest.raises(vdl.UnsupportedPixelDataError, match="departs from the standard"):
        vdl.load(path, engine="vtk")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("?? and a length of 4 bytes", "pydicom failed for 1 of 1 frames"),
        ("no SamplesPerPixel", "1 of 1 frames equal to pydicom"),
        ("zeros behind the pixels, nearly a frame", "1 of 1 frames equal to pydicom"),
        ("implicit VR under the name of explicit VR", "1 of 1 frames equal to pydicom"),
    ],
)
def test_the_checks_say_whether_a_second_reader_agreed(tmp_path: Path, name: str, words: str) -> None:
    path = tmp_path / "1.dcm"
    path.write_bytes(TAKEN[name][2](write("explicit")).file)
    with pytest.warns(vdl.DicomLoadWarning, match="depart from the standard"):
        volume = vdl.load(path)
    (second,) = (check.result for check in volume.checks if check.name == "second reader")
    assert words in second


def test_several_fragments_of_one_frame_need_no_delimiter_but_an_end_marker(tmp_path: Path) -> None:
    w = write("JPEG-LS")
    at = w.find(0x7FE00010)
    stream = pydicom.dcmread(io.BytesIO(w.file)).PixelData
    (whole,) = pydicom.encaps.generate_fragments(stream[8 + int.from_bytes(stream[4:8], "little") :])
    parts = encapsulate([whole], fragments_per_frame=3, has_bot=False)
    path = tmp_path / "1.dcm"
    path.write_bytes(w.meta + w.body[: at + 12] + parts)
    with pytest.warns(vdl.DicomLoadWarning) as said:  # pydicom, the second reader, may not read such a file
        np.testing.assert_array_equal(vdl.load(path).frames[0], PIXELS.astype(int) - 1024)
    assert any("without its delimiter" in str(w.message) for w in said)
    last = parts.rindex(b"\xfe\xff\0\xe0")
    path.write_bytes(w.meta + w.body[: at + 12] + parts[:last])  # cut between two fragments
    with pytest.raises(vdl.CorruptFileError, match="no end marker"):
        read_header(path)


def test_liberties_are_of_one_kind() -> None:
    liberties = Liberties()
    assert liberties.take(Liberty.DECIMAL_COMMA)
    assert liberties.take(Liberty.DECIMAL_COMMA)
    assert not liberties.take(Liberty.SURPLUS_BYTES)
    assert liberties.taken == (Liberty.DECIMAL_COMMA,)
    assert not STRICT.take(Liberty.DECIMAL_COMMA)
    assert STRICT.taken == ()


# ----------------------------------------------------------------------------------------------- files of many frames
def write_runs(folder: Path, *, implicit: bool = False) -> tuple[bytes, bytes]:
    """The head and the data set of an enhanced object of four frames, all sequences and items of undefined length."""

    def open_sequences(d: Dataset) -> None:
        for element in d.iterall():
            if element.VR == "SQ":
                element.is_undefined_length = True
                for item in element.value:
                    item.is_undefined_length_sequence_item = True

    path = folder / "whole.dcm"
    write_enhanced(path, ORDER, edit=open_sequences)
    if implicit:
        d = pydicom.dcmread(path)
        d.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        d.save_as(path)
    data = path.read_bytes()
    path.unlink()
    start = 144 + struct.unpack_from("<I", data, 140)[0]
    return data[:start], data[start:]


ORDER = (2, 0, 1, 3)
SEQUENCE_END, ITEM_END = b"\xfe\xff\xdd\xe0", b"\xfe\xff\x0d\xe0"
ENHANCED: dict[str, tuple[Liberty, Callable[[bytes], bytes]]] = {
    "sequence delimiters": (
        Liberty.DELIMITER_LENGTH,
        lambda b: b.replace(SEQUENCE_END + bytes(4), SEQUENCE_END + OPEN),
    ),
    "item delimiters": (Liberty.DELIMITER_LENGTH, lambda b: b.replace(ITEM_END + bytes(4), ITEM_END + OPEN)),
    "a command set": (Liberty.COMMAND_ELEMENTS, lambda b: command(explicit=False) + b),
    "a stray byte": (Liberty.SURPLUS_BYTES, lambda b: b + b"\1"),
    "an open sequence": (Liberty.OPEN_SEQUENCE, lambda b: b + b"\xfb\xff\xfa\xffSQ\0\0" + OPEN),
    "no SamplesPerPixel": (Liberty.NO_SAMPLES_PER_PIXEL, lambda b: b.replace(b"\x28\0\2\0US\2\0\1\0", b"")),
    "frames as a decimal": (Liberty.NUMBER_OF_FRAMES, lambda b: b.replace(b"IS\2\0004 ", b"IS\4\0004.0 ")),
}


@pytest.mark.parametrize("name", ENHANCED)
def test_an_enhanced_object_with_a_liberty_is_read_by_its_groups(tmp_path: Path, name: str) -> None:
    liberty, change = ENHANCED[name]
    head, body = write_runs(tmp_path)
    changed = change(body)
    assert changed != body
    assert_enhanced(tmp_path, head + changed, liberty)


@pytest.mark.parametrize("implicit", [False, True])
def test_an_enhanced_object_in_the_other_encoding_is_read_by_its_groups(tmp_path: Path, implicit: bool) -> None:
    (head, _), (_, body) = write_runs(tmp_path, implicit=not implicit), write_runs(tmp_path, implicit=implicit)
    assert_enhanced(tmp_path, head + body, Liberty.OTHER_VR_ENCODING)


def assert_enhanced(folder: Path, data: bytes, liberty: Liberty) -> None:
    (folder / "1.dcm").write_bytes(data)
    with pytest.warns(vdl.DicomLoadWarning, match=re.escape(liberty.value)):
        volume = vdl.load(folder)
    stored = np.frombuffer(write_runs(folder)[1][-4 * 70 :], "<u2").reshape(4, 5, 7)
    np.testing.assert_array_equal(volume.frames, stored[np.argsort(ORDER)])
    np.testing.assert_allclose(volume.affine[:3, 3], (-10, -20, 30))
    assert volume.spacing == pytest.approx((0.5, 0.8, 2.5))


@pytest.mark.parametrize("syntax", ENCAPSULATED.values(), ids=ENCAPSULATED)
def test_frames_whose_sequence_is_open_are_as_many_as_their_fragments(tmp_path: Path, syntax: str) -> None:
    d = pydicom.dcmread(io.BytesIO(write("explicit").file))
    stored = np.stack([PIXELS + k for k in range(3)])
    d.NumberOfFrames, d.PixelData = 3, stored.tobytes()
    d.compress(syntax, generate_instance_uid=False)
    path = tmp_path / "1.dcm"
    d.save_as(path)
    data = path.read_bytes()
    assert data.endswith(DELIMITER)
    path.write_bytes(data[: -len(DELIMITER)])
    assert read_header(path).liberties == (Liberty.OPEN_PIXEL_DATA,)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the frames have no place either
        np.testing.assert_array_equal(vdl.load(path).frames, stored.astype(int) - 1024)
    path.write_bytes(data[: data.rindex(b"\xfe\xff\0\xe0")])  # the last frame is lost, all fragments are whole
    with pytest.raises(vdl.CorruptFileError, match="is not closed, and it has 2 fragments"):
        vdl.load(path)
