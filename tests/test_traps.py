"""A table of traps: legal oddities, damage and lies, each with what must come of it, through two readers."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import struct
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.pixels.processing import apply_modality_lut
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from synthetic import ROOT, UNDEFINED, Raw, Truth, raw_image, write_series

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable

    Build = Callable[[Path], Truth | None]
    Edit = Callable[[Dataset, int], None]

RIGHT, WARNED = "right", "warned"  # the truth; the truth with a DicomLoadWarning
EITHER = "warned or error"
SR = Path(__file__).parent / "data" / "not_images" / "sr_document.dcm"


@dataclass(frozen=True)
class Trap:
    kind: str
    name: str
    build: Build
    expected: str | type[vdl.DicomLoadError]
    engines: tuple[str, ...] = ("auto", "pydicom")


# ---------------------------------------------------------------------------------------------------------- builders
def made(**options: Any) -> Build:
    """A series by `write_series`."""
    return lambda folder: write_series(folder, **options)


def set_in(k: int | None, **attributes: Any) -> Edit:
    """An edit of slice `k`, or of all; None takes an attribute out."""

    def edit(dataset: Dataset, slice_: int) -> None:
        for keyword, value in attributes.items() if k in (None, slice_) else ():
            if value is None:
                dataset.pop(keyword, None)
            else:
                setattr(dataset, keyword, value)

    return edit


def placed(place: Callable[[int], list[float]], **options: Any) -> Build:
    """A series with slice `k` at ``place(k)``."""
    return made(edit=lambda d, k: setattr(d, "ImagePositionPatient", place(k)), **options)


def bytes_of(change: Callable[[bytes, int], bytes], only: int | None = None, **options: Any) -> Build:
    """A series whose files, or the one of slice `only`, are changed as bytes."""

    def build(folder: Path) -> Truth:
        truth = write_series(folder, **options)
        for k, path in enumerate(truth.files):
            if only in (None, k):
                path.write_bytes(change(path.read_bytes(), k))
        return truth

    return build


def spelled(
    tag: int, vr: bytes, value: bytes | Callable[[int], bytes], only: int | None = None, **options: Any
) -> Build:
    """A series with the value of a short explicit element as it is spelled here."""

    def change(data: bytes, k: int) -> bytes:
        head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
        at = data.index(head, 132)
        (length,) = struct.unpack_from("<H", data, at + 6)
        new = value(k) if callable(value) else value
        return data[:at] + head + struct.pack("<H", len(new)) + new + data[at + 8 + length :]

    return bytes_of(change, only, **options)


def raw_stack(*changes: Any, only: int | None = None, tail: bytes = b"", **options: Any) -> Build:
    """Three slices of 2 × 3 voxels byte by byte; changes to all of them, or to the one of slice `only`."""

    def build(folder: Path) -> Truth:
        folder.mkdir(exist_ok=True)
        order = ">" if options.get("big_endian") else "<"
        stored = np.arange(18, dtype=np.uint16).reshape(3, 2, 3) + 100
        files = []
        for k in range(3):
            own: list[Any] = [
                (0x00080018, "UI", f"{ROOT}.7.{k + 1}".encode().ljust(34, b"\0")),
                (0x00200032, "DS", f"-1.5\\2\\{k} ".encode()),
                (0x7FE00010, "OW", stored[k].astype(order + "u2").tobytes()),
            ]
            own = [e for e in own if e[0] not in {c[0] for c in changes} or only not in (None, k)]
            here = changes if only in (None, k) else ()
            files.append(folder / f"{k}.dcm")
            files[-1].write_bytes(raw_image(*own, *here, tail=tail if only in (None, k) else b"", **options))
        positions = np.array([[-1.5, 2, k] for k in range(3)], float)
        frames, uid = stored - 1024.0, f"{ROOT}.7"
        return Truth(folder, tuple(files), frames, stored, positions, (0.25, 0.5, 1.0), (1, 0, 0, 0, 1, 0), uid)

    return build


def beside(add: Callable[[Path, Truth], object], **options: Any) -> Build:
    """A series with something else in its folder."""

    def build(folder: Path) -> Truth:
        truth = write_series(folder, **options)
        add(folder, truth)
        return truth

    return build


def nothing(add: Callable[[Path], object]) -> Build:
    """A folder without a series."""

    def build(folder: Path) -> None:
        folder.mkdir()
        add(folder)

    return build


def with_frames(build: Build, change: Callable[[Truth], np.ndarray]) -> Build:
    """The same files, and the values that they hold."""

    def changed(folder: Path) -> Truth:
        truth = build(folder)
        assert truth is not None
        return replace(truth, frames=np.asarray(change(truth), np.float64))

    return changed


# ---------------------------------------------------------------------------------------------------------- geometry
PS, IPP, IOP, SLOPE, INTERCEPT = 0x00280030, 0x00200032, 0x00200037, 0x00281053, 0x00281052


def _z(spelling: str) -> Callable[[int], bytes]:
    def value(k: int) -> bytes:
        text = "\\".join(format(v, spelling) for v in (-10, -20, 30 + 2.5 * k)).encode()
        return text + b" " * (len(text) % 2)

    return value


SPACING = {"PixelSpacing": [0.5, 0.25]}
GEOMETRY = [
    ("coronal", made(orientation=(1, 0, 0, 0, 0, -1)), RIGHT),
    ("sagittal, names reversed", made(orientation=(0, 1, 0, 0, 0, -1), names=list("edcba")), RIGHT),
    ("oblique, names shuffled", made(orientation=(0.8, 0.6, 0, -0.6, 0.8, 0), names=list("cadbe")), RIGHT),
    ("far from the origin, small gap", made(origin=(-4321.1, 1234.5, -9876.5), gap=0.1), RIGHT),
    ("PixelSpacing .5\\.25", spelled(PS, b"DS", b".5\\.25", **SPACING), RIGHT),
    ("PixelSpacing with a space", spelled(PS, b"DS", b"0.5\\ 0.25 ", **SPACING), RIGHT),
    ("PixelSpacing with plus signs", spelled(PS, b"DS", b"+0.5\\+0.25 ", **SPACING), RIGHT),
    ("PixelSpacing with exponents", spelled(PS, b"DS", b"5.0E-01\\2.5e-1 ", **SPACING), RIGHT),
    ("PixelSpacing with leading zeros", spelled(PS, b"DS", b"00.5\\0.250", **SPACING), RIGHT),
    ("PixelSpacing padded with NUL", spelled(PS, b"DS", b"0.5\\0.25\0\0", **SPACING), RIGHT),
    ("PixelSpacing with a trailing dot", spelled(PS, b"DS", b"2.\\1.0 ", PixelSpacing=[2, 1]), RIGHT),
    ("IPP with exponents", spelled(IPP, b"DS", _z(".8e")), RIGHT),
    ("IPP with plus signs", spelled(IPP, b"DS", _z("+.6f")), RIGHT),
    ("IPP with spaces", spelled(IPP, b"DS", _z(" .4f")), RIGHT),
    ("IPP -.5\\.25", spelled(IPP, b"DS", lambda k: b"-.5\\.25\\%d " % k, origin=(-0.5, 0.25, 0), gap=1), RIGHT),
    ("IOP in odd spelling", spelled(IOP, b"DS", b"1.\\.0\\-.0\\0\\1.0E0\\-0 "), RIGHT),
    ("PixelSpacing empty", made(PixelSpacing=""), vdl.CorruptFileError),
    ("PixelSpacing text", spelled(PS, b"DS", b"abc\\def "), vdl.CorruptFileError),
    ("PixelSpacing zero", spelled(PS, b"DS", b"0\\0 "), vdl.CorruptFileError),
    ("PixelSpacing negative", spelled(PS, b"DS", b"-1\\-1 "), vdl.CorruptFileError),
    ("PixelSpacing nan", spelled(PS, b"DS", b"nan\\nan "), vdl.CorruptFileError),
    ("PixelSpacing of one value", spelled(PS, b"DS", b"0.5 "), EITHER),
    ("PixelSpacing with a decimal comma", spelled(PS, b"DS", b"0,8\\0,5 "), EITHER),
    ("PixelSpacing differs", made(edit=set_in(2, PixelSpacing=[0.8, 0.6])), vdl.InconsistentSeriesError),
    ("only ImagerPixelSpacing", made(edit=set_in(None, PixelSpacing=None, ImagerPixelSpacing=[0.8, 0.5])), WARNED),
    ("IPP of two values", spelled(IPP, b"DS", b"1\\2 ", only=2), vdl.CorruptFileError),
    ("IPP text", spelled(IPP, b"DS", b"a\\b\\c ", only=2), vdl.CorruptFileError),
    ("IPP beyond a double", spelled(IPP, b"DS", b"0\\0\\1e999 ", only=2), vdl.CorruptFileError),
    ("IPP missing in one", made(edit=set_in(2, ImagePositionPatient=None)), vdl.GeometryError),
    ("IPP empty in one", spelled(IPP, b"DS", b"", only=2), vdl.GeometryError),
    ("IPP missing in all", made(edit=set_in(None, ImagePositionPatient=None), SliceThickness=2.5), WARNED),
    ("IPP empty in all", spelled(IPP, b"DS", b"", SliceThickness=2.5), WARNED),
    ("IOP missing in all", made(ImageOrientationPatient=None), WARNED),
    ("IOP empty in all", spelled(IOP, b"DS", b""), WARNED),
    ("IOP of five values", spelled(IOP, b"DS", b"1\\0\\0\\0\\1 "), vdl.CorruptFileError),
    ("IOP parallel", spelled(IOP, b"DS", b"1\\0\\0\\1\\0\\0 "), vdl.GeometryError),
    ("IOP zero", spelled(IOP, b"DS", b"0\\0\\0\\0\\0\\0 "), vdl.GeometryError),
    ("a slice missing", placed(lambda k: [0, 0, 2 * k + 2 * (k > 2)]), vdl.MissingSliceError),
    ("uneven gaps", placed(lambda k: [0, 0, k * k + 5 * k]), vdl.MissingSliceError),
    ("one gap 5 % wide", placed(lambda k: [0, 0, 2 * k + 0.1 * (k > 2)]), vdl.MissingSliceError),
    ("a tilted gantry", placed(lambda k: [0, 0.5 * k, 2 * k], GantryDetectorTilt=14), vdl.ShearedSeriesError),
    ("a tilt without tag", placed(lambda k: [0.1 * k, 0, 2 * k]), vdl.ShearedSeriesError),
    ("one slice shifted in plane", placed(lambda k: [0, 3 * (k == 2), 2 * k]), vdl.ShearedSeriesError),
    ("two images at one position", placed(lambda k: [0, 0, min(k, 3)]), vdl.DuplicateSliceError),
    ("two time points", placed(lambda k: [0, 0, k // 2], count=6), vdl.DuplicateSliceError),
    ("all at one position", placed(lambda k: [0, 0, 0]), vdl.DuplicateSliceError),
    ("a localizer", made(edit=set_in(4, ImageOrientationPatient=[1, 0, 0, 0, 0, -1])), vdl.InconsistentSeriesError),
    ("equal SOPInstanceUIDs", made(SOPInstanceUID=f"{ROOT}.1.1"), vdl.DuplicateSliceError),
    ("one slice, thickness .5", spelled(0x00180050, b"DS", b".5", count=1, gap=0.5), RIGHT),
    ("one slice, no thickness", made(count=1, SliceThickness=None, gap=1), WARNED),
    ("InstanceNumber text", spelled(0x00200013, b"IS", b"A1"), RIGHT),
    ("InstanceNumber beyond int32", spelled(0x00200013, b"IS", b"99999999999 "), RIGHT),
    ("SliceThickness text", spelled(0x00180050, b"DS", b"thick "), RIGHT),
    ("SliceThickness empty", made(SliceThickness=""), RIGHT),
    ("GantryDetectorTilt .0", made(GantryDetectorTilt=".0"), RIGHT),
    ("GantryDetectorTilt empty", made(GantryDetectorTilt=""), RIGHT),
]


# ----------------------------------------------------------------------------------------------------------- folders
def _other_series(folder: Path, truth: Truth) -> None:
    write_series(folder / "other", seed=2, rows=9)


def _texts(folder: Path, truth: Truth) -> None:
    for name, content in {"README": b"words", "a.json": b"{}", "b.png": b"\x89PNG\r\n\x1a\n", "c.txt": b""}.items():
        (folder / name).write_bytes(content)


def _no_meta(data: bytes, _: int) -> bytes:
    """The data set without preamble and file meta information."""
    return data[144 + struct.unpack_from("<I", data, 140)[0] :]


FOLDERS = [
    ("two series", beside(_other_series), vdl.MultipleSeriesError),
    ("texts and pictures", beside(_texts), RIGHT),
    ("a report", beside(lambda f, t: shutil.copy(SR, f)), RIGHT),
    ("a hidden copy", beside(lambda f, t: shutil.copy(t.files[1], f / ".copy.dcm")), RIGHT),
    ("a pipe", beside(lambda f, t: os.mkfifo(f / "pipe.dcm")), RIGHT),
    ("a link to itself", beside(lambda f, t: (f / "loop").symlink_to("loop")), RIGHT),
    ("a link to its own folder", beside(lambda f, t: (f / "here").symlink_to(f)), RIGHT),
    ("a folder of its own", lambda f: replace(write_series(f / "x" / "y"), folder=f), RIGHT),
    ("names without extension", made(names=[f"IM{k}" for k in range(5)]), RIGHT),
    ("names with blanks and umlauts", made(names=[f"Bild {k} ä.dcm" for k in range(5)]), RIGHT),
    ("a copied slice", beside(lambda f, t: shutil.copy(t.files[1], f / "copy.dcm")), vdl.DuplicateSliceError),
    ("an empty slice", bytes_of(lambda d, k: b"", only=2), vdl.CorruptFileError),
    ("a gzipped slice", bytes_of(lambda d, k: gzip.compress(d), only=2), vdl.CorruptFileError),
    ("a slice of zeros", bytes_of(lambda d, k: bytes(len(d)), only=2), vdl.CorruptFileError),
    ("a slice of text", bytes_of(lambda d, k: b"lost and not found", only=2), vdl.CorruptFileError),
    ("a half slice", bytes_of(lambda d, k: d[: len(d) // 2], only=2), vdl.CorruptFileError),
    ("a slice one byte short", bytes_of(lambda d, k: d[:-1], only=2), vdl.CorruptFileError),
    ("a slice cut in its meta information", bytes_of(lambda d, k: d[:140], only=2), vdl.CorruptFileError),
    ("only a preamble", bytes_of(lambda d, k: d[:132], only=2), vdl.CorruptFileError),
    ("no preamble", bytes_of(lambda d, k: d[132:]), RIGHT),
    ("no preamble and meta, explicit", bytes_of(_no_meta), RIGHT),
    ("no preamble and meta, implicit", bytes_of(_no_meta, syntax=ImplicitVRLittleEndian), RIGHT),
    ("an empty folder", nothing(lambda f: None), vdl.NoDicomError),
    ("only texts", nothing(lambda f: (f / "notes").write_bytes(b"only words in here")), vdl.NoDicomError),
    ("only a report", nothing(lambda f: shutil.copy(SR, f)), vdl.NoDicomError),
    ("SeriesInstanceUID empty", made(SeriesInstanceUID=""), WARNED),
    ("SeriesInstanceUID missing", made(SeriesInstanceUID=None), WARNED),
    ("SeriesInstanceUID padded in one", spelled(0x0020000E, b"UI", f"{ROOT}.1 ".encode() + b"\0 ", only=2), RIGHT),
    ("SeriesInstanceUID missing in one", made(edit=set_in(2, SeriesInstanceUID=None)), vdl.MultipleSeriesError),
]


# ------------------------------------------------------------------------------------------------------------ pixels
def _garbage_above(dataset: Dataset, k: int) -> None:
    words = np.frombuffer(dataset.PixelData, "<u2")
    dataset.PixelData = (words & 0x0FFF | 0x5000).astype("<u2").tobytes()


def _planar(dataset: Dataset, k: int) -> None:
    dataset.PlanarConfiguration = 1
    pixels = np.frombuffer(dataset.PixelData, np.uint8).reshape(6, 8, 3)
    dataset.PixelData = pixels.transpose(2, 0, 1).tobytes()


def _floats(keyword: str, dtype: str) -> Edit:
    def edit(dataset: Dataset, k: int) -> None:
        words = np.frombuffer(dataset.PixelData, "<i2").astype(dtype) + 0.25
        setattr(dataset, keyword, words.tobytes())
        dataset.BitsAllocated = words.itemsize * 8
        for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
            delattr(dataset, name)

    return edit


def _lut(dataset: Dataset, k: int) -> None:
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [256, 0, 16], "HU"
    item.LUTData = (np.arange(256) * 7 + 3).astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    item["LUTDescriptor"].VR = "US"
    dataset.ModalityLUTSequence = [item]
    del dataset.RescaleSlope, dataset.RescaleIntercept


def _one_slope_lost(dataset: Dataset, k: int) -> None:
    if k == 2:
        del dataset.RescaleSlope


_TWELVE = made(dtype=np.uint16, BitsStored=12, HighBit=11, edit=_garbage_above)
_TWELVE_SIGNED = made(BitsStored=12, HighBit=11, edit=_garbage_above)


def _planned(truth: Truth) -> np.ndarray:
    """Pixel values of a plain series of the same shape."""
    return np.arange(truth.stored.size).reshape(truth.stored.shape)


PIXELS = [
    ("int8", made(dtype=np.int8), RIGHT),
    ("uint8 with -100", made(dtype=np.uint8, RescaleIntercept=-100), RIGHT),
    ("uint8 times 2", made(dtype=np.uint8, RescaleSlope=2), RIGHT),
    ("int16 times 2000", made(RescaleSlope=2000), RIGHT),
    ("int16 plus 100000", made(RescaleIntercept=100000), RIGHT),
    ("uint32", made(dtype=np.uint32), RIGHT),
    ("int32 with -1024", made(dtype=np.int32, RescaleIntercept=-1024), RIGHT),
    ("slope 0.5", made(RescaleSlope=0.5), RIGHT),
    ("intercept 0.5", made(RescaleIntercept=0.5), RIGHT),
    ("slope .5", spelled(SLOPE, b"DS", b".5", RescaleSlope=0.5), RIGHT),
    ("slope -.5", spelled(SLOPE, b"DS", b"-.5 ", RescaleSlope=-0.5), RIGHT),
    ("intercept -1.024E3", spelled(INTERCEPT, b"DS", b"-1.024E3", RescaleIntercept=-1024), RIGHT),
    ("slopes differ", made(edit=lambda d, k: setattr(d, "RescaleSlope", 0.5 * k + 1)), RIGHT),
    ("intercepts differ", made(edit=lambda d, k: setattr(d, "RescaleIntercept", 100 * k)), RIGHT),
    ("one slope missing", made(RescaleSlope=2, edit=_one_slope_lost), WARNED),
    ("slopes empty", made(RescaleSlope=""), EITHER),
    ("slope text", spelled(SLOPE, b"DS", b"one "), vdl.CorruptFileError),
    ("slope nan", spelled(SLOPE, b"DS", b"nan "), vdl.CorruptFileError),
    ("slope 0", made(RescaleSlope=0), vdl.CorruptFileError),
    ("slope 1,0", spelled(SLOPE, b"DS", b"1,0 "), EITHER),
    ("slope of two values", spelled(SLOPE, b"DS", b"1\\1 "), EITHER),
    ("garbage above 12 bits", with_frames(_TWELVE, _planned), RIGHT),
    ("12 bits, sign not extended", with_frames(_TWELVE_SIGNED, lambda t: _planned(t) - 80), RIGHT),
    ("float pixels", with_frames(made(edit=_floats("FloatPixelData", "<f4")), lambda t: t.frames + 0.25), RIGHT),
    ("double pixels", with_frames(made(edit=_floats("DoubleFloatPixelData", "<f8")), lambda t: t.frames + 0.25), RIGHT),
    ("RGB", made(dtype=np.uint8, SamplesPerPixel=3), RIGHT),
    (
        "RGB by planes",
        with_frames(made(dtype=np.uint8, SamplesPerPixel=3, edit=_planar), lambda t: _planned(t) % 256),
        RIGHT,
    ),
    ("RGB padded with NUL", spelled(0x00280004, b"CS", b"RGB\0", dtype=np.uint8, SamplesPerPixel=3), RIGHT),
    (
        "PlanarConfiguration 23601",
        made(dtype=np.uint8, SamplesPerPixel=3, edit=set_in(2, PlanarConfiguration=23601)),
        vdl.DicomLoadError,
    ),
    ("MONOCHROME1", made(PhotometricInterpretation="MONOCHROME1"), RIGHT),
    ("a modality LUT", with_frames(made(dtype=np.uint8, edit=_lut), lambda t: t.stored * 7.0 + 3), RIGHT),
    ("a blank image", made(edit=lambda d, k: setattr(d, "PixelData", bytes(96))), RIGHT),
    ("palette colour", made(dtype=np.uint8, PhotometricInterpretation="PALETTE COLOR"), vdl.UnsupportedPixelDataError),
    ("HighBit 14 of 15", made(edit=set_in(None, BitsStored=12, HighBit=14)), vdl.UnsupportedPixelDataError),
    ("BitsStored over BitsAllocated", made(edit=set_in(2, BitsStored=17, HighBit=16)), vdl.CorruptFileError),
    ("PixelRepresentation 2", made(edit=set_in(2, PixelRepresentation=2)), vdl.CorruptFileError),
    ("signs differ", made(edit=set_in(2, PixelRepresentation=0)), vdl.InconsistentSeriesError),
    ("sizes differ", made(edit=set_in(2, Rows=8, Columns=6)), vdl.InconsistentSeriesError),
    (
        "photometric interpretations differ",
        made(edit=set_in(2, PhotometricInterpretation="MONOCHROME1")),
        vdl.DicomLoadError,
    ),
]


# ---------------------------------------------------------------------------------------------------------- encoding
def _labelled(uid: str) -> Build:
    """A native series that says it is in another transfer syntax."""

    def change(data: bytes, k: int) -> bytes:
        at = data.index(b"\2\0\x10\0UI")
        (length,) = struct.unpack_from("<H", data, at + 6)
        data = data[: at + 6] + struct.pack("<H", len(uid)) + uid.encode() + data[at + 8 + length :]
        (group,) = struct.unpack_from("<I", data, 140)
        return data[:140] + struct.pack("<I", group + len(uid) - length) + data[144:]

    return bytes_of(change)


def _mixed_syntaxes(folder: Path) -> Truth:
    truth = write_series(folder)
    for k, syntax in ((1, RLELossless), (3, ImplicitVRLittleEndian), (4, ExplicitVRBigEndian)):
        other = write_series(folder.parent / f"other{k}", syntax=syntax)
        truth.files[k].write_bytes(other.files[k].read_bytes())
    return truth


_AUTO = ("auto",)
ENCODING = [
    ("implicit", made(syntax=ImplicitVRLittleEndian), RIGHT),
    ("big endian", made(syntax=ExplicitVRBigEndian), RIGHT),
    ("deflated", made(syntax=DeflatedExplicitVRLittleEndian), RIGHT),
    ("RLE", made(syntax=RLELossless), RIGHT),
    ("RLE, RGB", made(syntax=RLELossless, dtype=np.uint8, SamplesPerPixel=3), RIGHT),
    ("JPEG-LS", made(syntax=JPEGLSLossless), RIGHT, _AUTO),
    ("JPEG 2000", made(syntax=JPEG2000Lossless, dtype=np.uint16, rows=64, columns=64), RIGHT, _AUTO),
    ("JPEG lossless", made(syntax=JPEGLosslessSV1, dtype=np.uint16), RIGHT, _AUTO),
    ("several syntaxes", _mixed_syntaxes, RIGHT),
    ("native, labelled RLE", _labelled(RLELossless + "\0"), vdl.CorruptFileError),
    ("explicit, labelled implicit", _labelled(ImplicitVRLittleEndian + "\0"), vdl.CorruptFileError),
    ("little, labelled big endian", _labelled(ExplicitVRBigEndian + "\0"), vdl.CorruptFileError),
    ("no transfer syntax", _labelled(""), vdl.CorruptFileError),
    ("native, labelled MPEG-2", _labelled("1.2.840.10008.1.2.4.100\0"), vdl.CorruptFileError),
    ("a length that spells LO", made(syntax=ImplicitVRLittleEndian, rows=175, columns=58, count=2), RIGHT),
    ("a value that spells a VR", made(syntax=ImplicitVRLittleEndian, SeriesDescription="x" * 0x4F), RIGHT),
]


# --------------------------------------------------------------------------------------------------------- structure
def _nested(**attributes: Any) -> Edit:
    """Sequences of undefined length, before the image's own tags, that hold tags of the same names."""

    def edit(dataset: Dataset, k: int) -> None:
        for name in ("ReferencedImageSequence", "SourceImageSequence", "RequestAttributesSequence"):
            item = Dataset()
            for keyword, value in attributes.items():
                setattr(item, keyword, value)
            item.is_undefined_length_sequence_item = True
            setattr(dataset, name, [item])
            dataset[name].is_undefined_length = True

    return edit


def _icon(dataset: Dataset, k: int) -> None:
    icon = Dataset()
    icon.Rows, icon.Columns, icon.SamplesPerPixel, icon.PhotometricInterpretation = 4, 4, 1, "MONOCHROME2"
    icon.BitsAllocated, icon.BitsStored, icon.HighBit, icon.PixelRepresentation = 8, 8, 7, 0
    icon.PixelData = bytes(range(16))
    icon["PixelData"].VR = "OB"
    icon.is_undefined_length_sequence_item = True
    dataset.IconImageSequence = [icon]
    dataset["IconImageSequence"].is_undefined_length = True


def _overlay(dataset: Dataset, k: int) -> None:
    dataset.add_new(0x60000010, "US", 6)
    dataset.add_new(0x60000011, "US", 8)
    dataset.add_new(0x60003000, "OW", bytes(range(6)))


def _two_frames(dataset: Dataset, k: int) -> None:
    if k == 2:
        dataset.NumberOfFrames, dataset.PixelData = 2, dataset.PixelData * 2


_PIXELS = np.arange(100, 106, dtype="<u2").tobytes()


def _pixels(value: bytes, *length: int, vr: str = "OW") -> Raw:
    return (0x7FE00010, vr, value, *length)  # type: ignore[return-value]


def _new_vr(vr: str) -> Raw:
    return (0x00081190 if vr == "UR" else 0x00091010, vr, b"8 bytes ")


NEW_VRS = ("OD", "OF", "OL", "OV", "SV", "UC", "UR", "UV", "UN")
STRUCTURE = [
    *((f"nested {next(iter(a))}", made(edit=_nested(**a)), RIGHT) for a in (
        {"Rows": 1, "Columns": 1},
        {"ImagePositionPatient": [9, 9, 9], "ImageOrientationPatient": [0, 1, 0, 0, 0, 1]},
        {"RescaleSlope": 5, "RescaleIntercept": 5},
        {"SeriesInstanceUID": "1.2", "StudyInstanceUID": "1.3"},
        {"SOPInstanceUID": "1.4"},
        {"PixelSpacing": [9, 9]},
        {"PixelRepresentation": 0, "BitsAllocated": 8},
        {"PatientName": "Other^Name"},
    )),
    ("an icon", made(edit=_icon), RIGHT),
    ("an icon, implicit", made(edit=_icon, syntax=ImplicitVRLittleEndian), RIGHT),
    ("an overlay", made(edit=_overlay), RIGHT),
    *((f"a {vr} element", raw_stack(_new_vr(vr)), RIGHT) for vr in NEW_VRS),
    ("a private sequence in UN", raw_stack((0x00091010, "UN", [[(0x00280010, "US", b"\7\0")]], UNDEFINED)), RIGHT),
    ("a raw big endian stack", raw_stack(explicit=True, big_endian=True), RIGHT),
    ("a raw implicit stack", raw_stack(explicit=False), RIGHT),
    ("PixelData in OB", bytes_of(lambda d, k: d.replace(b"\xe0\x7f\x10\0OW", b"\xe0\x7f\x10\0OB")), RIGHT),
    ("PixelData in UN", bytes_of(lambda d, k: d.replace(b"\xe0\x7f\x10\0OW", b"\xe0\x7f\x10\0UN")), RIGHT),
    ("trailing padding", raw_stack((0xFFFCFFFC, "OB", bytes(20))), RIGHT),
    ("trailing zeros", raw_stack(tail=bytes(100)), RIGHT),
    ("trailing garbage", raw_stack(tail=b"garbage!" * 5), vdl.CorruptFileError),
    ("a length beyond the file", raw_stack((0x0008103E, "LO", b"abc ", 0xFFFE), only=1), vdl.CorruptFileError),
    *(
        (f"PixelData of {n:#x} bytes", raw_stack(_pixels(_PIXELS, n), only=1), vdl.CorruptFileError)
        for n in (0x7FFFFFF0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, UNDEFINED, 14, 10)
    ),
    ("PixelData missing", made(edit=set_in(2, PixelData=None)), vdl.CorruptFileError),
    ("PixelData missing everywhere", made(edit=set_in(None, PixelData=None)), vdl.CorruptFileError),
    ("PixelData empty", raw_stack(_pixels(b""), only=1), vdl.CorruptFileError),
    ("PixelData short", raw_stack(_pixels(_PIXELS[:-2]), only=1), vdl.CorruptFileError),
    ("PixelData long", raw_stack(_pixels(_PIXELS * 2), only=1), vdl.CorruptFileError),
    ("PixelData twice", bytes_of(lambda d, k: d + d[-108:], only=2), vdl.CorruptFileError),
    ("Rows twice", raw_stack((0x00280010, "US", b"\2\0" + b"\x28\0\x10\0US\2\0\2\0", 2), only=1), vdl.CorruptFileError),
    *(
        (f"{keyword} {how}", made(edit=set_in(2, **{keyword: value})), vdl.CorruptFileError)
        for keyword in ("Rows", "Columns", "PixelRepresentation", "SamplesPerPixel")
        for how, value in (("missing", None), ("empty", ""))
    ),
    ("BitsAllocated missing", raw_stack((0x00280100, None), only=1), vdl.CorruptFileError),
    ("BitsAllocated empty", raw_stack((0x00280100, "US", b""), only=1), vdl.CorruptFileError),
    ("PhotometricInterpretation missing", made(edit=set_in(2, PhotometricInterpretation=None)), vdl.CorruptFileError),
    ("Rows zero", made(edit=set_in(2, Rows=0)), vdl.CorruptFileError),
    ("65535 × 65535", made(edit=set_in(2, Rows=65535, Columns=65535)), vdl.CorruptFileError),
    ("two frames in one of the files", made(edit=_two_frames), vdl.DicomLoadError),
    ("a Siemens mosaic", made(ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"]), vdl.UnsupportedPixelDataError),
    ("private tags", raw_stack((0x00090010, "LO", b"MAKER "), (0x00091001, "DS", b"1\\2 ")), RIGHT),
    ("a wrong group length", raw_stack((0x00080000, "UL", struct.pack("<I", 99999))), RIGHT),
]  # fmt: skip

TRAPS = [
    Trap(kind, *row)
    for kind, rows in (
        *(("geometry", GEOMETRY), ("folders", FOLDERS), ("pixels", PIXELS)),
        *(("encoding", ENCODING), ("structure", STRUCTURE)),
    )
    for row in rows
]
CASES = [
    pytest.param(trap, engine, id=f"{trap.kind}: {trap.name}-{engine}") for trap in TRAPS for engine in trap.engines
]


def _assert_truth(volume: vdl.Volume, truth: Truth) -> None:
    np.testing.assert_allclose(volume.frames, truth.frames, rtol=1e-6)
    if volume.dtype.kind in "iu":
        np.testing.assert_array_equal(volume.frames, truth.frames)
    np.testing.assert_array_equal(volume.array, np.moveaxis(volume.frames, (0, 1, 2), (2, 1, 0)))
    np.testing.assert_allclose(volume.spacing, truth.spacing, rtol=1e-5)
    affine = volume.geometry.affine
    if affine is not None:
        np.testing.assert_allclose(affine, truth.affine, atol=1e-4)
    image = volume.image
    assert image.GetDimensions() == volume.array.shape[:3]
    last = tuple(n - 1 for n in image.GetDimensions())
    assert image.GetScalarComponentAsDouble(*last, 0) == np.ravel(truth.array[last])[0]


@pytest.mark.parametrize(("trap", "engine"), CASES)
def test_trap(tmp_path: Path, trap: Trap, engine: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of what it is made to write here
        truth = trap.build(tmp_path / "case")
    result: vdl.Volume | vdl.DicomLoadError
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = vdl.load(tmp_path / "case", engine=engine)
        except vdl.DicomLoadError as error:
            result = error
    assert {w.category for w in caught} <= {vdl.DicomLoadWarning}
    if isinstance(result, vdl.DicomLoadError):
        assert trap.expected not in (RIGHT, WARNED), result
        assert trap.expected == EITHER or isinstance(result, trap.expected), repr(result)
        assert result.files or isinstance(result, vdl.NoDicomError)
        no_way_past = isinstance(result, (vdl.NoDicomError, vdl.UnsupportedPixelDataError, vdl.DuplicateSliceError))
        assert "→" in str(result) or no_way_past or "IOP" in trap.name, str(result)
        assert not re.search("Secret|SECRET|19700102", str(result))
    else:
        assert trap.expected in (RIGHT, WARNED, EITHER), result
        assert truth is not None
        _assert_truth(result, truth)
        assert bool(caught) == (trap.expected != RIGHT)


@pytest.mark.parametrize("name", ["deflated", "big endian", "RGB by planes", "a modality LUT"])
def test_the_truth_of_the_table_is_pydicom_s(tmp_path: Path, name: str) -> None:
    trap = next(t for t in TRAPS if t.name == name)
    truth = trap.build(tmp_path)
    assert truth is not None
    for path, frame in zip(truth.files, truth.frames, strict=True):
        dataset = pydicom.dcmread(path)
        np.testing.assert_array_equal(apply_modality_lut(dataset.pixel_array, dataset), frame)
