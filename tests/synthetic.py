"""DICOM series and single files made for the tests, with the truth beside them.

`write_series` writes a valid series with pydicom and says what a loader owes for it. `raw_file` and `raw_image` build
a file byte by byte, for what pydicom refuses to write.
"""

from __future__ import annotations

import io
import math
import pickle
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import Dataset, FileMetaDataset, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

ROOT = "1.2.826.0.1.3680043.8.498.9"
STUDY = f"{ROOT}.1000"
UNDEFINED = 0xFFFFFFFF
_MOST_KEPT = 1 << 20  # voxels of a series that is kept to be written again

Edit = Callable[[Dataset, int], None]


@dataclass(frozen=True, eq=False)
class Truth:
    """What a loader owes for a series that `write_series` wrote."""

    folder: Path
    files: tuple[Path, ...]  # ascending along n = row × column
    frames: NDArray[np.float64]  # (slices, rows, columns) or (..., 3), after slope and intercept, in that order
    stored: NDArray[Any]  # the same before slope and intercept
    positions: NDArray[np.float64]  # (slices, 3), ImagePositionPatient in that order
    spacing: tuple[float, float, float]  # dx, dy, dz in mm
    orientation: tuple[float, ...]
    series_uid: str

    @property
    def array(self) -> NDArray[np.float64]:
        """`frames` by index (x, y, z)."""
        return self.frames.transpose(2, 1, 0, *range(3, self.frames.ndim))

    @property
    def vtk_array(self) -> NDArray[np.float64]:
        """`frames` as vtkDICOMImageReader gives them."""
        return in_vtk_order(self.frames)

    @property
    def affine(self) -> NDArray[np.float64]:
        """Index (column, row, slice, 1) of `frames` → LPS mm, from the positions as written."""
        row, column = np.array(self.orientation[:3]), np.array(self.orientation[3:])
        count = len(self.positions)
        last, first = self.positions[-1], self.positions[0]
        step = (last - first) / (count - 1) if count > 1 else np.cross(row, column) * self.spacing[2]
        result = np.eye(4)
        result[:3] = np.column_stack([row * self.spacing[0], column * self.spacing[1], step, first])
        return result


def in_vtk_order(frames: NDArray[Any]) -> NDArray[Any]:
    """Frames as vtkDICOMImageReader gives them: by index (x, y, z), rows from the bottom, slices descending along n."""
    return frames[::-1, ::-1].transpose(2, 1, 0, *range(3, frames.ndim))


def voxels(count: int, rows: int, columns: int, samples: int, dtype: DTypeLike, bits: int) -> NDArray[Any]:
    """Stored values that name their slice, row, column and sample, negative ones among them where signed.

    All differ as long as they are no more than `bits` can tell apart.
    """
    shape = (count, rows, columns, samples) if samples > 1 else (count, rows, columns)
    total = int(np.prod(shape))
    signed = np.dtype(dtype).kind == "i"
    low = max(-(total // 3), -(1 << bits - 1)) if signed else 0
    values = np.arange(total, dtype=np.int64)
    half = 1 << bits - 1 if signed else 0
    return ((values + low + half) % (1 << bits) - half).astype(dtype).reshape(shape)


def write_series(folder: Path, *, edit: Edit | None = None, **options: Any) -> Truth:
    """Write single-frame CT files, one a slice, and return what a loader owes for them.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    edit : callable, optional
        Called as ``edit(dataset, k)`` before slice *k* is written and compressed; may change anything.
    **options
        Those of `make_series`. Small series without an edit are made once and kept.
    """
    total = math.prod(options.get(name, 8) for name in ("count", "rows", "columns"))
    small = edit is None and total <= _MOST_KEPT
    truth, contents = _kept_series(pickle.dumps(options)) if small else make_series(edit=edit, **options)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return replace(
        truth,
        folder=folder,
        files=tuple(folder / name for name in truth.files),
        frames=truth.frames.copy(),
        stored=truth.stored.copy(),
        positions=truth.positions.copy(),
    )


@lru_cache(maxsize=256)
def _kept_series(options: bytes) -> tuple[Truth, dict[str, bytes]]:
    return make_series(**pickle.loads(options))


def make_series(
    *,
    count: int = 5,
    rows: int = 6,
    columns: int = 8,
    dtype: DTypeLike = np.int16,
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
    origin: Sequence[float] = (-10, -20, 30),
    gap: float = 2.5,
    names: Sequence[str] | None = None,
    syntax: str = ExplicitVRLittleEndian,
    edit: Edit | None = None,
    seed: int = 1,
    **attributes: Any,
) -> tuple[Truth, dict[str, bytes]]:
    """The truth of a series of single-frame CT files, one a slice, and what stands in each file.

    Parameters
    ----------
    count, rows, columns, dtype
        Shape and stored type; BitsAllocated follows from `dtype`, BitsStored too unless it is among `attributes`.
    orientation, origin, gap
        ImageOrientationPatient, position of the first slice, and distance along row × column in mm.
    names : sequence of str, optional
        File names in spatial order; ``{seed}-{k + 1}.dcm`` by default.
    syntax : str
        Transfer syntax UID: the native ones, RLE, JPEG-LS, JPEG 2000, and JPEG lossless SV1 (grey only).
    edit : callable, optional
        Called as ``edit(dataset, k)`` before slice *k* is written and compressed; may change anything.
    seed : int
        Tells the UIDs of several series apart.
    **attributes
        DICOM attributes by keyword, for every file; None takes the attribute out.
    """
    dtype = np.dtype(dtype)
    samples = int(attributes.get("SamplesPerPixel") or 1)
    bits = int(attributes.get("BitsStored") or dtype.itemsize * 8)
    stored = voxels(count, rows, columns, samples, dtype, bits)
    normal = np.cross(orientation[:3], orientation[3:])
    names = [f"{seed}-{k + 1}.dcm" for k in range(count)] if names is None else names
    contents: dict[str, bytes] = {}
    made: list[tuple[float, Path, NDArray[np.float64], NDArray[Any], list[float]]] = []
    for k in range(count):
        position = np.asarray(origin, np.float64) + k * gap * normal
        dataset = _slice_dataset(stored[k], k, bits, orientation, position, seed)
        for keyword, value in attributes.items():
            if value is None:
                dataset.pop(keyword, None)
            else:
                setattr(dataset, keyword, value)
        dataset.PixelData = padded(stored[k].astype(dtype.newbyteorder(_order(syntax))).tobytes())
        if edit is not None:
            edit(dataset, k)
        pixels = _native(dataset, stored[k], dtype.newbyteorder(_order(syntax)))
        values = pixels * float(dataset.get("RescaleSlope") or 1) + float(dataset.get("RescaleIntercept") or 0)
        place = [float(p) for p in dataset.get("ImagePositionPatient") or position]
        contents[names[k]] = _file_of(dataset, syntax)
        made.append((float(np.dot(place, normal)), Path(names[k]), values, pixels, place))
    made.sort(key=lambda slice_: slice_[0])
    dy, dx = (float(s) for s in attributes.get("PixelSpacing") or (0.8, 0.5))
    truth = Truth(
        Path(),
        tuple(m[1] for m in made),
        np.array([m[2] for m in made], np.float64),
        np.array([m[3] for m in made]),
        np.array([m[4] for m in made], np.float64),
        (dx, dy, float(gap)),
        tuple(map(float, orientation)),
        str(attributes.get("SeriesInstanceUID") or f"{ROOT}.{seed}"),
    )
    return truth, contents


def _native(dataset: Dataset, planned: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The stored values as they are after an edit; the planned ones where an edit took them or some of them away."""
    value = dataset.get("PixelData", b"")
    if len(value) < planned.nbytes:
        return planned
    return np.frombuffer(value, dtype, count=planned.size).reshape(planned.shape).astype(planned.dtype)


def _slice_dataset(
    pixels: NDArray[Any], k: int, bits: int, orientation: Sequence[float], position: NDArray[np.float64], seed: int
) -> Dataset:
    d = Dataset()
    d.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    d.SOPClassUID, d.SOPInstanceUID = CTImageStorage, f"{ROOT}.{seed}.{k + 1}"
    d.Modality, d.SeriesDescription = "CT", f"series {seed}"
    d.PatientName, d.PatientID, d.PatientBirthDate = "Secret^Name", "SECRET-ID", "19700102"
    d.StudyInstanceUID, d.SeriesInstanceUID = STUDY, f"{ROOT}.{seed}"
    d.FrameOfReferenceUID = f"{ROOT}.2000"
    d.SeriesNumber, d.AcquisitionNumber, d.InstanceNumber = seed, 1, k + 1
    d.ImagePositionPatient = [f"{p:.10g}" for p in position]
    d.ImageOrientationPatient = [f"{o:.10g}" for o in orientation]
    d.PixelSpacing, d.SliceThickness = [0.8, 0.5], 2.0
    d.SamplesPerPixel = pixels.shape[2] if pixels.ndim == 3 else 1
    d.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        d.PlanarConfiguration = 0
    d.Rows, d.Columns = pixels.shape[:2]
    d.BitsAllocated, d.BitsStored, d.HighBit = pixels.dtype.itemsize * 8, bits, bits - 1
    d.PixelRepresentation = int(pixels.dtype.kind == "i")
    d.RescaleIntercept, d.RescaleSlope = 0, 1
    return d


def write_dataset(path: Path, dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> None:
    """Write `dataset`, whose PixelData is native, as a DICOM file in `syntax`."""
    path.write_bytes(_file_of(dataset, syntax))


def _file_of(dataset: Dataset, syntax: str) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", CTImageStorage)
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", f"{ROOT}.0.1")
    dataset.file_meta = meta
    if "PixelData" in dataset:
        if syntax in _ENCODERS:
            dataset.PixelData = encapsulate([_encoded(dataset, syntax)])
            dataset["PixelData"].VR = "OB"
            dataset["PixelData"].is_undefined_length = True
        else:
            dataset["PixelData"].VR = "OB" if dataset.BitsAllocated <= 8 and syntax != ImplicitVRLittleEndian else "OW"
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _order(syntax: str) -> str:
    return ">" if syntax == ExplicitVRBigEndian else "<"


def csa_header(slices: int, normal: Sequence[float], first: int) -> bytes:
    """The CSA image header of a mosaic, as https://nipy.org/nibabel/dicom/siemens_csa.html describes it."""
    tags: list[tuple[bytes, bytes, list[str]]] = [
        (b"EchoLinePosition", b"IS", []),
        (b"NumberOfImagesInMosaic", b"US", [str(slices)]),
        (b"SliceNormalVector", b"FD", [f"{n:.8f}" for n in normal]),
        (b"ProtocolSliceNumber", b"IS", [str(first)]),
    ]
    data = b"SV10\4\3\2\1" + struct.pack("<ii", len(tags), 77)
    for name, vr, values in tags:
        data += struct.pack("<64si4siii", name, len(values), vr, 0, 6, 77)
        for value in [*values, *[""] * (6 - len(values))]:
            text = value.encode() + b"\0" if value else b""
            data += struct.pack("<iiii", len(text), len(text), 77, len(text)) + text + b"\0" * (-len(text) % 4)
    return data


def padded(value: bytes, pad: bytes = b"\0") -> bytes:
    """A value made even in length (PS3.5 7.1.1)."""
    return value + pad if len(value) % 2 else value


# ------------------------------------------------------------------------------------------------- compressed
def _encoded(dataset: Dataset, syntax: str) -> bytes:
    kind = "i" if dataset.PixelRepresentation else "u"
    shape = (dataset.Rows, dataset.Columns) + ((dataset.SamplesPerPixel,) if dataset.SamplesPerPixel > 1 else ())
    pixels = np.frombuffer(dataset.PixelData, f"<{kind}{dataset.BitsAllocated // 8}", count=int(np.prod(shape)))
    return padded(_ENCODERS[syntax](pixels.reshape(shape)))


def _unsigned(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels.view(f"u{pixels.dtype.itemsize}")


def _rle(pixels: NDArray[Any]) -> bytes:
    from pydicom.pixels.encoders import RLELosslessEncoder

    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    return RLELosslessEncoder.encode(
        pixels,
        encoding_plugin="pydicom",
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        samples_per_pixel=samples,
        photometric_interpretation="RGB" if samples > 1 else "MONOCHROME2",
        bits_allocated=pixels.dtype.itemsize * 8,
        bits_stored=pixels.dtype.itemsize * 8,
        pixel_representation=int(pixels.dtype.kind == "i"),
        number_of_frames=1,
        **({"planar_configuration": 0} if samples > 1 else {}),
    )


def _jpegls(pixels: NDArray[Any]) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.jpegls_encode(_unsigned(pixels), level=0))


def _j2k(pixels: NDArray[Any]) -> bytes:
    import imagecodecs

    # MCT 1 would be YBR_RCT in DICOM's words; the datasets here say RGB.
    return bytes(imagecodecs.jpeg2k_encode(pixels, level=0, codecformat="j2k", reversible=True, mct=False))


def _ljpeg(pixels: NDArray[Any]) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.ljpeg_encode(_unsigned(pixels), bitspersample=pixels.dtype.itemsize * 8))


_ENCODERS: dict[str, Callable[[NDArray[Any]], bytes]] = {
    RLELossless: _rle,
    JPEGLSLossless: _jpegls,
    JPEG2000Lossless: _j2k,
    JPEGLosslessSV1: _ljpeg,
}


# ------------------------------------------------------------------------------------------------- byte by byte
# (tag, VR, value) or (tag, VR, value, length to declare): the value as it shall stand in the file, or a list of items
# for a sequence, each item a list of elements. Length UNDEFINED adds the delimiters.
Raw = tuple[int, str, Any] | tuple[int, str, Any, int]

_LONG = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))


def raw_element(raw: Raw, *, explicit: bool = True, big_endian: bool = False) -> bytes:
    """One element as bytes, its length as declared, right or wrong."""
    tag, vr, value = raw[:3]
    order = ">" if big_endian else "<"
    if isinstance(value, list):
        undefined = len(raw) == 4 and raw[3] == UNDEFINED
        # PS3.5 6.2.2: a UN of undefined length holds implicit VR little endian.
        inner = explicit and not (vr == "UN" and undefined)
        value = b"".join(_raw_item(item, undefined, inner, big_endian) for item in value)
        if undefined:
            value += struct.pack(order + "HHI", 0xFFFE, 0xE0DD, 0)
    length = raw[3] if len(raw) == 4 else len(value)
    head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack(order + "I", length) + value
    if vr in _LONG:
        return head + vr.encode() + b"\0\0" + struct.pack(order + "I", length) + value
    return head + vr.encode() + struct.pack(order + "H", length) + value


def _raw_item(elements: list[Raw], undefined: bool, explicit: bool, big_endian: bool) -> bytes:
    order = ">" if big_endian else "<"
    content = b"".join(raw_element(e, explicit=explicit, big_endian=big_endian) for e in elements)
    head = struct.pack(order + "HHI", 0xFFFE, 0xE000, UNDEFINED if undefined else len(content))
    return head + content + (struct.pack(order + "HHI", 0xFFFE, 0xE00D, 0) if undefined else b"")


def raw_file(
    elements: Iterable[Raw],
    *,
    explicit: bool = True,
    big_endian: bool = False,
    syntax: str | None = None,
    meta: bool = True,
    preamble: bool = True,
) -> bytes:
    """A file of these elements, in this order.

    Parameters
    ----------
    elements : iterable of Raw
        The data set.
    explicit, big_endian : bool
        How it is written.
    syntax : str, optional
        The TransferSyntaxUID to declare; by default the one that fits.
    meta, preamble : bool
        Whether there is file meta information, and a preamble before it.
    """
    fitting = ExplicitVRBigEndian if big_endian else ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    head = raw_element((0x00020010, "UI", padded((syntax or fitting).encode())))
    head = raw_element((0x00020000, "UL", struct.pack("<I", len(head)))) + head
    data = b"".join(raw_element(e, explicit=explicit, big_endian=big_endian) for e in elements)
    return (bytes(128) + b"DICM" if preamble else b"") + (head if meta else b"") + data


def image_elements(*, big_endian: bool = False) -> list[Raw]:
    """The elements of a small valid CT image of 2 × 3 voxels of 16 bits, in tag order."""

    def us(value: int) -> bytes:
        return struct.pack(">H" if big_endian else "<H", value)

    return [
        (0x00080008, "CS", b"ORIGINAL\\PRIMARY"),
        (0x00080016, "UI", padded(CTImageStorage.encode())),
        (0x00080018, "UI", padded(f"{ROOT}.7.1".encode())),
        (0x00080060, "CS", b"CT"),
        (0x0020000D, "UI", padded(STUDY.encode())),
        (0x0020000E, "UI", padded(f"{ROOT}.7".encode())),
        (0x00200011, "IS", b"7 "),
        (0x00200013, "IS", b"1 "),
        (0x00200032, "DS", b"-1.5\\2\\3 "),
        (0x00200037, "DS", b"1\\0\\0\\0\\1\\0 "),
        (0x00280002, "US", us(1)),
        (0x00280004, "CS", b"MONOCHROME2 "),
        (0x00280010, "US", us(2)),
        (0x00280011, "US", us(3)),
        (0x00280030, "DS", b"0.5\\0.25"),
        (0x00280100, "US", us(16)),
        (0x00280101, "US", us(12)),
        (0x00280102, "US", us(11)),
        (0x00280103, "US", us(0)),
        (0x00281052, "DS", b"-1024 "),
        (0x00281053, "DS", b"1 "),
        (0x7FE00010, "OW", np.arange(6, dtype=">u2" if big_endian else "<u2").tobytes()),
    ]


def raw_image(
    *changes: Raw | tuple[int, None],
    explicit: bool = True,
    big_endian: bool = False,
    tail: bytes = b"",
    **options: Any,
) -> bytes:
    """The bytes of `image_elements` as a file, with elements replaced or added; ``(tag, None)`` takes one out.

    `tail` follows the data set; `options` are those of `raw_file`.
    """
    elements = {e[0]: e for e in image_elements(big_endian=big_endian)}
    for change in changes:
        if change[1] is None:
            elements.pop(change[0])
        else:
            elements[change[0]] = change  # type: ignore[assignment]
    ordered = [elements[tag] for tag in sorted(elements)]
    return raw_file(ordered, explicit=explicit, big_endian=big_endian, **options) + tail
