"""One file's header against pydicom, on real, synthetic and damaged files; no exception but the promised ones."""

from __future__ import annotations

import os
import pickle
import struct
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from conftest import CT_HEAD, DATA
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, Sequence
from pydicom.encaps import encapsulate
from pydicom.multival import MultiValue
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)
from synthetic import UNDEFINED, csa_header, image_elements, padded, raw_element, raw_image, write_series

from vtkdicomload.errors import CorruptFileError
from vtkdicomload.headers.attributes import FIELDS
from vtkdicomload.headers.csa import parse_csa
from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.liberties import Liberty
from vtkdicomload.headers.parser import parse_beginning, read_header
from vtkdicomload.headers.preamble import NotDicomError
from vtkdicomload.sources.local import LocalFile
from vtkdicomload.sources.memory import MemoryFile

if TYPE_CHECKING:
    from vtkdicomload.headers.model import Header

BUNDLED = Path(pydicom.data.__file__).parent
NATIVE = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


# ------------------------------------------------------------------------------------------------------- the oracle
def text(value):
    return str(value).strip(" \0") or None if value not in (None, "") else None


def texts(value):
    if value in (None, ""):
        return ()
    return tuple(str(v).strip(" \0") for v in ([value] if isinstance(value, str) else value))


def number(value):
    return None if value in (None, "") or isinstance(value, pydicom.multival.MultiValue) else float(value)


def whole(value):
    return None if value in (None, "") or isinstance(value, pydicom.multival.MultiValue) else int(value)


def first(value):
    return number(value[0] if isinstance(value, pydicom.multival.MultiValue) else value)


def numbers(value):
    return None if not value else tuple(float(v) for v in value)


def private_count(value):
    return None if value is None else (value,) if isinstance(value, int) else ()


def joined(value):
    """Several texts as they are written."""
    return text("\\".join(value) if isinstance(value, MultiValue) else value)


def private_number(value):
    found = None if value is None else first(value)
    return None if value is None else () if found is None or found < 0 else (found % 1e9,)


def private_part(value):
    number = None if value in (None, "") else first(value)
    return None if value is None else () if number is None or abs(number) > 1.1 else (number,)


def private_single(value):
    """A single float, as bytes where nothing tells pydicom its VR."""
    if isinstance(value, bytes):
        value = struct.unpack("<f", value)[0] if len(value) == 4 else -1
    return None if value is None else (value,) if 0 <= value < 1e6 else ()


def private_direction(value):
    return None if value is None else tuple(value)


# Field of Header → (keyword or tag, how pydicom's value is written plainly).
PLAIN = {
    "sop_class_uid": ("SOPClassUID", text),
    "sop_instance_uid": ("SOPInstanceUID", text),
    "study_uid": ("StudyInstanceUID", text),
    "study_date": ("StudyDate", text),
    "series_uid": ("SeriesInstanceUID", text),
    "frame_of_reference_uid": ("FrameOfReferenceUID", text),
    "modality": ("Modality", text),
    "series_description": ("SeriesDescription", text),
    "series_number": ("SeriesNumber", whole),
    "instance_number": ("InstanceNumber", whole),
    "image_type": ("ImageType", texts),
    "position": ("ImagePositionPatient", numbers),
    "orientation": ("ImageOrientationPatient", numbers),
    "pixel_spacing": ("PixelSpacing", numbers),
    "imager_pixel_spacing": ("ImagerPixelSpacing", numbers),
    "pixel_aspect_ratio": ("PixelAspectRatio", numbers),
    "slice_thickness": ("SliceThickness", number),
    "spacing_between_slices": ("SpacingBetweenSlices", number),
    "gantry_tilt": ("GantryDetectorTilt", number),
    "slice_location": ("SliceLocation", number),
    "images_in_acquisition": ("ImagesInAcquisition", whole),
    "frame_time": ("FrameTime", number),
    "frame_time_vector": ("FrameTimeVector", lambda v: numbers(v if v is None or isinstance(v, MultiValue) else [v])),
    "cine_rate": ("CineRate", number),
    "rows": ("Rows", whole),
    "columns": ("Columns", whole),
    "samples": ("SamplesPerPixel", whole),
    "photometric_interpretation": ("PhotometricInterpretation", text),
    "bits_allocated": ("BitsAllocated", whole),
    "palette_bits": ("RedPaletteColorLookupTableDescriptor", lambda v: None if not v else int(v[2])),
    "slope": ("RescaleSlope", number),
    "intercept": ("RescaleIntercept", number),
    "rescale_type": ("RescaleType", text),
    "units": ("Units", text),
    "window_center": ("WindowCenter", first),
    "window_width": ("WindowWidth", first),
    "padding_value": ("PixelPaddingValue", number),
    "padding_limit": ("PixelPaddingRangeLimit", number),
    "temporal_position": ("TemporalPositionIdentifier", whole),
    "echo_number": ("EchoNumbers", whole),
    "echo_time": ("EchoTime", number),
    "acquisition_number": ("AcquisitionNumber", whole),
    "acquisition_date": ("AcquisitionDate", text),
    "acquisition_time": ("AcquisitionTime", text),
    "content_time": ("ContentTime", text),
    "trigger_time": ("TriggerTime", number),
    "inversion_time": ("InversionTime", number),
    "flip_angle": ("FlipAngle", number),
    "phase_encoding": ("InPlanePhaseEncodingDirection", text),
    "kvp": ("KVP", number),
    "convolution_kernel": ("ConvolutionKernel", joined),
    "stack_id": ("StackID", text),
    "cardiac_number_of_images": ("CardiacNumberOfImages", whole),
    "number_of_temporal_positions": ("NumberOfTemporalPositions", whole),
    "frame_reference_time": ("FrameReferenceTime", number),
    "image_index": ("ImageIndex", whole),
    "number_of_slices": ("NumberOfSlices", whole),
    "number_of_time_slices": ("NumberOfTimeSlices", whole),
    "number_of_rr_intervals": ("NumberOfRRIntervals", whole),
    "number_of_time_slots": ("NumberOfTimeSlots", whole),
    "complex_component": ("ComplexImageComponent", text),
    "dimension_organization": ("DimensionOrganizationType", text),
    "total_rows": ("TotalPixelMatrixRows", whole),
    "total_columns": ("TotalPixelMatrixColumns", whole),
    "b_value": ("DiffusionBValue", number),
    "diffusion_direction": ("DiffusionGradientOrientation", numbers),
    "creator_0019": (0x00190010, text),
    "creator_0043": (0x00430010, text),
    "creator_2001": (0x20010010, text),
    "slices_of_philips": (0x20011018, private_count),
    "b_value_of_siemens": (0x0019100C, private_number),
    "b_value_of_ge": (0x00431039, private_number),
    "b_value_of_philips": (0x20011003, private_single),
    "direction_of_siemens": (0x0019100E, private_direction),
    "frequency_part_of_ge": (0x001910BB, private_part),
    "phase_part_of_ge": (0x001910BC, private_part),
    "slice_part_of_ge": (0x001910BD, private_part),
}


# Free text and private data say as much empty as absent.
TEXTS = ("ImageType", "SeriesDescription", "CSAImageHeaderInfo")


CSA = 0x00291010


def value_of(dataset, at: str | int) -> object:
    return dataset[at].value if at in dataset else None


def expected(path, dataset) -> dict[str, object]:
    """Every field of the header of `path`, as pydicom reads the file."""
    status = Path(path).stat()
    tag = next(t for t in (0x7FE00010, 0x7FE00008, 0x7FE00009) if t in dataset)
    fields = {name: plain(value_of(dataset, at)) for name, (at, plain) in PLAIN.items()}
    if (syntax := dataset.file_meta.get("TransferSyntaxUID")) is None:
        syntax = ImplicitVRLittleEndian if dataset.original_encoding[0] else ExplicitVRLittleEndian
    floats = tag != 0x7FE00010
    if floats:
        kind = "Float" if tag == 0x7FE00008 else "DoubleFloat"
        keywords = {"padding_value": f"{kind}PixelPaddingValue", "padding_limit": f"{kind}PixelPaddingRangeLimit"}
        fields |= {name: number(value_of(dataset, keyword)) for name, keyword in keywords.items()}
    bits = int(dataset.get("BitsStored", dataset.BitsAllocated)) if not floats else int(dataset.BitsAllocated)
    return fields | {
        "file": LocalFile(str(path), status.st_size, status.st_mtime_ns),
        "transfer_syntax": str(syntax),
        "pixel_tag": tag,
        "encapsulated": syntax.is_encapsulated,
        "functional_groups": (
            "SharedFunctionalGroupsSequence" in dataset or "PerFrameFunctionalGroupsSequence" in dataset
        ),
        "planar_configuration": int(dataset.get("PlanarConfiguration", 0)),
        # Float pixel data has none of the three; where it has, they say nothing (PS3.3 C.7.6.24).
        "bits_stored": bits,
        "high_bit": bits - 1 if floats else int(dataset.get("HighBit", bits - 1)),
        "pixel_representation": 1 if floats else int(dataset.PixelRepresentation),
        "number_of_frames": int(dataset.get("NumberOfFrames") or 1),
        "blank": tuple(
            f.keyword for t, f in FIELDS.items() if t in dataset and dataset[t].is_empty and f.keyword not in TEXTS
        ),
        "has_modality_lut": "ModalityLUTSequence" in dataset,
        "vframes": 0x00651050 in dataset or 0x00651051 in dataset,
        # Known of the frames of multi-frame files only.
        **{
            "region_spacing": None,
            "segment": None,
            "segment_label": None,
            "stack": (),
            "dimensions": (),
            "on_slide": False,
            "tiles_across": 1,
            "tiles_down": 1,
            "mapped_values": None,
        },
        "csa": parse_csa(bytes(dataset[CSA].value)) if CSA in dataset else None,
    }


def read(path: Path) -> Dataset:
    """What pydicom says of a file; it warns of odd values that are not the matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        for _ in dataset:
            pass
    return dataset


def assert_as_pydicom(path: Path, header: Header) -> None:
    dataset = read(path)
    want = expected(path, dataset)
    got = header._asdict()
    odd = {"pixel_offset", "pixel_length", "pixel_vr", "liberties"}
    assert {n: got[n] for n in got if n not in odd} == {n: want[n] for n in got if n not in odd}
    pixels = dataset[header.pixel_tag]
    if not dataset.original_encoding[0]:
        assert header.pixel_vr.decode() in pixels.VR
    stored = path.read_bytes()
    if header.transfer_syntax == DeflatedExplicitVRLittleEndian:
        meta = 132 + 12 + dataset.file_meta.FileMetaInformationGroupLength
        stored = zlib.decompress(stored[meta:], wbits=-15)
    value = stored[header.pixel_offset : header.pixel_offset + header.pixel_length]
    raw = pixels.value if isinstance(pixels.value, bytes) else np.asarray(pixels.value).tobytes()
    assert value == (raw[: len(value)] if Liberty.SURPLUS_BYTES in header.liberties else raw)


# ------------------------------------------------------------------------------------------------------- real files
REAL = sorted(p for root in (DATA, CT_HEAD) for p in root.rglob("*.dcm") if p.parent.name != "not_images")


def test_there_are_real_files():
    assert len(REAL) > 180


@pytest.mark.parametrize("folder", sorted({p.parent for p in REAL}), ids=lambda p: p.name)
def test_real_files_are_read_as_pydicom_reads_them(folder):
    for path in (p for p in REAL if p.parent == folder):
        assert_as_pydicom(path, read_header(path))


# pydicom's own test files that it reads in spite of a fault; why each is refused here.
REFUSED = {
    "MR_truncated.dcm": "it is truncated",
    "badVR.dcm": "NumberOfFrames .* not an integer",
    "meta_missing_tsyntax.dcm": "no TransferSyntaxUID",
    "nested_priv_SQ.dcm": "Rows is missing",
}


# Its test files that depart from the standard, and leave one reading.
LIBERTIES = {"MR_small_padded.dcm": Liberty.SURPLUS_BYTES, "SC_rgb_jpeg.dcm": Liberty.OTHER_VR_ENCODING}


def bundled() -> list[Path]:
    """pydicom's own test files that came with it and that hold pixels; none is downloaded."""
    found = []
    for path in sorted(p for p in BUNDLED.rglob("*") if p.is_file()):
        try:
            dataset = read(path)
        except Exception:
            continue  # what pydicom cannot read is no oracle
        if any(tag in dataset for tag in (0x7FE00010, 0x7FE00008, 0x7FE00009)):
            found.append(path)
    return found


def test_bundled_files_are_read_as_pydicom_reads_them():
    files = bundled()
    assert len(files) > 80
    for path in files:
        if path.name not in REFUSED:
            header = read_header(path)
            assert header.liberties == ((LIBERTIES[path.name],) if path.name in LIBERTIES else ())
            assert_as_pydicom(path, header)


@pytest.mark.parametrize("name", REFUSED)
def test_bundled_files_with_a_fault_are_refused(name):
    (path,) = BUNDLED.rglob(name)
    with pytest.raises(CorruptFileError, match=REFUSED[name]) as caught:
        read_header(path)
    assert caught.value.files == (str(path),)
    assert f"ignore=[{str(path)!r}]" in str(caught.value)


def test_bundled_files_without_pixels_are_not_images():
    pixels = set(bundled())
    for path in sorted(p for p in BUNDLED.rglob("*") if p.is_file() and p not in pixels):
        with pytest.raises((NotDicomError, CorruptFileError), match=r".+"):
            read_header(path)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("sr_document.dcm", "DICOM without pixel data"),
        ("picture.jpeg", "not DICOM"),
        ("notes.md", "not DICOM"),
    ],
)
def test_what_is_no_image(data, name, why):
    with pytest.raises(NotDicomError, match=f"^{why}$"):
        read_header(data / "not_images" / name)


# ------------------------------------------------------------------------------------------------------- encodings
def rich(dataset: Dataset, k: int) -> None:
    """Every attribute of the table, and sequences that hold the same tags with other values."""
    d = dataset
    d.SpecificCharacterSet = "ISO_IR 192"
    d.SeriesDescription = "Schädel – 頭"
    d.StudyDate, d.AcquisitionDate = "20240229", "20240301"
    d.AcquisitionTime, d.ContentTime = "101112.5", "235959"
    d.SliceThickness, d.SpacingBetweenSlices, d.GantryDetectorTilt = 1.25, -2.5, -14.5
    d.EchoTime, d.EchoNumbers, d.TriggerTime, d.DiffusionBValue = 4.6, 2, 33.5, 1000.5
    d.DiffusionGradientOrientation, d.ComplexImageComponent = [0.6, -0.8, 0.0], "MAGNITUDE"
    d.DimensionOrganizationType = "3D"
    d.TotalPixelMatrixRows, d.TotalPixelMatrixColumns = 66_000, 70_000
    d.InversionTime, d.FlipAngle, d.InPlanePhaseEncodingDirection = 900.5, 12, "COL"
    d.SliceLocation, d.ImagesInAcquisition, d.FrameTime, d.FrameTimeVector, d.CineRate = -7.5, 9, 40.5, [0, 40, 41], 25
    d.NumberOfSlices, d.NumberOfTimeSlices = 5, 3
    d.KVP, d.ConvolutionKernel, d.StackID, d.CardiacNumberOfImages, d.NumberOfTemporalPositions = 120, "B30f", "1", 5, 3
    d.FrameReferenceTime, d.ImageIndex, d.NumberOfSlices, d.NumberOfTimeSlices = 1500.5, 7, 5, 3
    d.NumberOfRRIntervals, d.NumberOfTimeSlots = 1, 2
    d.ImagerPixelSpacing, d.PixelAspectRatio = [0.15, 0.16], [3, 2]
    d.TemporalPositionIdentifier, d.NumberOfTemporalPositions = 3, 8
    d.NumberOfFrames = 1
    d.add_new("PixelPaddingValue", "US", 7)
    d.add_new("PixelPaddingRangeLimit", "US", 9)
    d.WindowCenter, d.WindowWidth, d.VOILUTFunction = [40, 300], [400, 1500], "SIGMOID"
    d.RescaleIntercept, d.RescaleSlope, d.RescaleType = -1024.5, 2, "HU"
    d.Units = "BQML"
    d.RedPaletteColorLookupTableDescriptor = [256, 0, 16]
    block = d.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", csa_header(35, (0.6, 0, 0.8), 0))
    block = d.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", 1000)
    block.add_new(0x0E, "FD", [0.6, 0.0, -0.8])
    for element, part in ((0xBB, "0.6"), (0xBC, "-0.8"), (0xBD, "1.5")):
        block.add_new(element, "DS", part)
    d.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [1_000_000_500, 8, 0, 0])
    block = d.private_block(0x2001, "Philips Imaging DD 001", create=True)
    block.add_new(0x03, "FL", 1000.5)
    block.add_new(0x18, "SL", 24)
    nested = Dataset()
    nested.Rows, nested.Columns, nested.BitsAllocated = 99, 98, 8
    nested.SOPInstanceUID, nested.SeriesDescription = "1.2.3", "nested"
    nested.ImagePositionPatient, nested.RescaleSlope = [9, 9, 9], 9
    nested.PixelData = b"\7" * 4
    nested["PixelData"].VR = "OW"
    d.ReferencedImageSequence = Sequence([nested])
    d.IconImageSequence = Sequence([nested, nested])
    d.RequestAttributesSequence = Sequence([])
    d.add_new(0x00091010, "LO", "PRIVATE")
    d.add_new(0x00091001, "SQ", Sequence([nested]))


def undefined(dataset: Dataset, k: int) -> None:
    """As `rich`, with undefined lengths all over."""
    rich(dataset, k)
    for element in dataset:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True


@pytest.mark.parametrize("edit", [rich, undefined], ids=["defined", "undefined"])
@pytest.mark.parametrize("syntax", [*NATIVE, RLELossless, JPEG2000Lossless], ids=lambda s: s.keyword)
def test_every_field_in_every_encoding(series, syntax, edit):
    truth = series(count=1, dtype=np.uint16, syntax=syntax, edit=edit)
    header = read_header(truth.files[0])
    assert_as_pydicom(truth.files[0], header)
    absent = {name for name, value in header._asdict().items() if value is None}
    assert absent == {"region_spacing", "segment", "segment_label", "mapped_values"}
    assert (header.rows, header.columns, header.series_description) == (6, 8, "Schädel – 頭")
    assert header.native == (syntax in NATIVE[:3])


@pytest.mark.parametrize("explicit", [True, False])
def test_attributes_without_a_value_are_told_from_absent_ones(tmp_path, explicit):
    path = tmp_path / "a.dcm"
    path.write_bytes(
        raw_image(
            (0x00200032, "DS", b""),
            (0x00281053, "DS", b"  "),
            (0x00180050, "DS", b""),
            (0x00281050, "DS", b"0 "),
            (0x00281052, None),
            # Zero is a value.
            (0x00280120, "US", b"\0\0"),
            (0x00189087, "FD", bytes(8)),
            explicit=explicit,
        )
    )
    header = read_header(path)
    assert header.blank == ("SliceThickness", "ImagePositionPatient", "RescaleSlope")
    assert (header.position, header.slope, header.intercept, header.slice_thickness) == (None,) * 4
    assert (header.padding_value, header.b_value, header.window_center) == (0, 0, 0)


@pytest.mark.parametrize("dtype", [np.int16, np.uint16])
@pytest.mark.parametrize("big_endian", [False, True])
def test_padding_is_signed_as_the_pixels_are(tmp_path, dtype, big_endian):
    signed = np.dtype(dtype).kind == "i"
    order = ">" if big_endian else "<"
    path = tmp_path / "a.dcm"
    path.write_bytes(
        raw_image(
            (0x00280103, "US", struct.pack(order + "H", signed)),
            (0x00280120, "SS" if signed else "US", struct.pack(order + "H", 0xF830)),
            big_endian=big_endian,
        )
    )
    assert read_header(path).padding_value == (-2000 if signed else 0xF830)
    assert_as_pydicom(path, read_header(path))


@pytest.mark.parametrize("bits_stored", [None, 12])
@pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
def test_float_pixel_data(series, keyword, bits_stored):
    kind, bits = ("f4", 32) if keyword == "FloatPixelData" else ("f8", 64)
    values = np.linspace(-1, 1, 48).astype("<" + kind)

    def edit(d, k):
        del d.PixelData, d.PixelRepresentation, d.HighBit, d.BitsStored
        d.BitsAllocated = bits
        if bits_stored:
            d.BitsStored, d.HighBit, d.PixelRepresentation = bits_stored, bits_stored - 1, 0
        setattr(d, keyword, values.tobytes())

    (path,) = series(count=1, edit=edit).files
    header = read_header(path)
    assert_as_pydicom(path, header)
    stored = path.read_bytes()[header.pixel_offset : header.pixel_offset + header.pixel_length]
    assert np.array_equal(np.frombuffer(stored, values.dtype), values)
    assert (header.pixel_representation, header.bits_stored, header.high_bit) == (1, bits, bits - 1)


@pytest.mark.parametrize(
    ("tag", "bits", "kind"), [(0x7FE00008, 64, "<f8"), (0x7FE00009, 32, "<f4"), (0x7FE00008, 16, "<f2")]
)
def test_float_pixels_of_other_bits_are_refused(tmp_path, tag, bits, kind):
    """As many bytes as the bits say, but Float Pixel Data is of 32 bits and Double Float Pixel Data of 64."""
    path = tmp_path / "a.dcm"
    pixels = (tag, "OD" if tag & 1 else "OF", np.ones((2, 3), kind).tobytes())
    gone = ((t, None) for t in (0x00280101, 0x00280102, 0x00280103, 0x7FE00010))
    path.write_bytes(raw_image((0x00280100, "US", bits.to_bytes(2, "little")), pixels, *gone))
    with pytest.raises(CorruptFileError, match=f"are said to have {bits} bits allocated"):
        read_header(path)


@pytest.mark.parametrize("syntax", NATIVE[:2], ids=lambda s: s.keyword)
@pytest.mark.parametrize("meta", [False, True])
def test_without_preamble(tmp_path, syntax, meta):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image(explicit=syntax == ExplicitVRLittleEndian, meta=meta, preamble=False))
    header = read_header(path)
    dataset = pydicom.dcmread(path, force=True)
    assert header.transfer_syntax == syntax
    assert (header.rows, header.columns, header.position) == (dataset.Rows, dataset.Columns, (-1.5, 2, 3))
    assert path.read_bytes()[header.pixel_offset :] == dataset.PixelData


def test_data_set_behind_a_preamble_without_meta_information(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(bytes(128) + b"DICM" + raw_image(meta=False, preamble=False))
    assert read_header(path).transfer_syntax == ExplicitVRLittleEndian
    assert read_header(path).rows == pydicom.dcmread(path).Rows


def test_wrong_group_length_of_the_meta_information_is_harmless(tmp_path):
    # PS3.10 7.1 wants (0002,0000); writers get it wrong, and the data set begins where group 2 ends anyway.
    path = tmp_path / "a.dcm"
    good = raw_image()
    path.write_bytes(good.replace(good[132:144], good[132:140] + struct.pack("<I", 4000), 1))
    assert read_header(path).rows == 2


def test_undefined_length_un_sequence_holds_implicit_elements(tmp_path):
    path = tmp_path / "a.dcm"
    inner = [[(0x00280010, "US", struct.pack("<H", 77)), (0x00091002, "LO", b"ab")]]
    path.write_bytes(raw_image((0x00091001, "UN", inner, UNDEFINED)))
    assert_as_pydicom(path, read_header(path))
    assert read_header(path).rows == 2


@pytest.mark.parametrize("how", [(), (UNDEFINED,)], ids=["defined", "undefined"])
@pytest.mark.parametrize("explicit", [True, False])
def test_nested_values_never_stand_for_those_of_the_image(tmp_path, explicit, how):
    icon = [e for e in image_elements() if e[0] not in (0x00280010, 0x00281052, 0x00200032)]
    inside = [
        [(0x00200032, "DS", b"7\\7\\7 "), (0x00280010, "US", struct.pack("<H", 77)), (0x00281052, "DS", b"5 "), *icon]
    ]
    inside[0].sort(key=lambda e: e[0])
    deep = [[(0x00081140, "SQ", inside, *how)]]
    path = tmp_path / "a.dcm"
    # Before, between and behind the elements of the image; and the image itself has no intercept.
    path.write_bytes(
        raw_image(
            (0x00081140, "SQ", inside, *how),
            (0x00089215, "SQ", deep, *how),
            (0x00880200, "SQ", inside, *how),
            (0xFFFC1001, "SQ", deep, *how),
            (0x00281052, None),
            explicit=explicit,
        )
    )
    header = read_header(path)
    assert_as_pydicom(path, header)
    assert (header.rows, header.position, header.intercept) == (2, (-1.5, 2.0, 3.0), None)


def test_a_rescale_only_inside_a_sequence_is_absent(series):
    def edit(d, k):
        inner = Dataset()
        inner.RescaleSlope, inner.RescaleIntercept = d.RescaleSlope, d.RescaleIntercept
        d.PixelValueTransformationSequence = Sequence([inner])
        del d.RescaleSlope, d.RescaleIntercept

    (path,) = series(count=1, edit=edit).files
    header = read_header(path)
    assert (header.slope, header.intercept) == (None, None)
    assert_as_pydicom(path, header)


def test_modality_lut_and_functional_groups_are_seen(series):
    def edit(d, k):
        d.ModalityLUTSequence = Sequence([Dataset()])
        d.SharedFunctionalGroupsSequence = Sequence([Dataset()])

    header = read_header(series(count=1, edit=edit).files[0])
    assert header.has_modality_lut
    assert header.functional_groups


# ------------------------------------------------------------------------------------------------------- values
@pytest.mark.parametrize(
    ("value", "slope"),
    [
        (b".5", 0.5),
        (b"+1", 1.0),
        (b"1E2 ", 100.0),
        (b"-2.5e-1 ", -0.25),
        (b"  3 ", 3.0),
        (b"2\0", 2.0),
        (b"2 \0\0", 2.0),
        (b"", None),
        (b"    ", None),
    ],
)
def test_spellings_of_a_number(tmp_path, value, slope):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image((0x00281053, "DS", value)))
    assert read_header(path).slope == slope


@pytest.mark.parametrize(
    ("tag", "keyword"), [(0x00281053, "RescaleSlope"), (0x00281052, "RescaleIntercept"), (0x00280008, "NumberOfFrames")]
)
@pytest.mark.parametrize(
    "value", [b"text", b"1,024 ", b"1,5E2 ", b"NaN ", b"inf ", b"-INF", b"1\\2 ", b"1e999 ", b"1;2 "]
)
def test_a_number_that_loading_needs_is_refused_by_name(tmp_path, tag, keyword, value):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image((tag, "DS" if tag != 0x00280008 else "IS", value)))
    with pytest.raises(CorruptFileError, match=rf"{keyword} \({tag >> 16:04x},{tag & 0xFFFF:04x}\) cannot be used"):
        read_header(path)


@pytest.mark.parametrize(
    ("tag", "vr", "value", "keyword"),
    [
        (0x00200032, "DS", b"1\\2 ", "ImagePositionPatient"),
        (0x00200032, "DS", b"1\\2\\3\\4 ", "ImagePositionPatient"),
        (0x00200032, "DS", b"1\\\\3", "ImagePositionPatient"),
        (0x00200037, "DS", b"1\\0\\0", "ImageOrientationPatient"),
        (0x00280030, "DS", b"0\\1 ", "PixelSpacing"),
        (0x00280030, "DS", b"1,0\\1.0 ", "PixelSpacing"),
        (0x00280030, "DS", b"", "PixelSpacing"),
        (0x00280030, "DS", b"0\\0 ", "PixelSpacing"),
        (0x00280010, "US", b"\2\0\2\0", "Rows"),
        (0x00280010, "OB", b"\2\0", "Rows"),
        (0x00280010, "US", b"", "Rows"),
        (0x00280100, "UL", b"\x10\0\0\0", "BitsAllocated"),
        (0x0020000E, "OB", b"1.2.3.", "SeriesInstanceUID"),
        (0x0020000E, "UT", b"1." * 3000, "SeriesInstanceUID"),
    ],
)
def test_required_values_are_refused_by_name(tmp_path, tag, vr, value, keyword):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image((tag, vr, value)))
    with pytest.raises(CorruptFileError, match=keyword):
        read_header(path)


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        (0x00180050, "slice_thickness"),
        (0x00280120, "padding_value"),
        (0x00280121, "padding_limit"),
        (0x00200013, "instance_number"),
        (0x00281050, "window_center"),
        (0x00189087, "b_value"),
    ],
)
def test_an_optional_value_that_cannot_be_parsed_counts_as_absent(tmp_path, tag, name):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image((tag, "LO", b"who knows ")))
    assert getattr(read_header(path), name) is None


@pytest.mark.parametrize(
    ("tag", "keyword"),
    [
        (0x00280010, "Rows"),
        (0x00280011, "Columns"),
        (0x00280004, "PhotometricInterpretation"),
        (0x00280100, "BitsAllocated"),
        (0x00280101, "BitsStored"),
        (0x00280103, "PixelRepresentation"),
    ],
)
def test_a_missing_required_value_is_named(tmp_path, tag, keyword):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image((tag, None)))
    with pytest.raises(CorruptFileError, match=f"its {keyword} is missing"):
        read_header(path)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({0x00280010: 0}, "0 rows"),
        ({0x00280011: 0}, "0 columns"),
        ({0x00280002: 0}, "0 samples"),
        ({0x00280101: 0}, "do not go together"),
        ({0x00280101: 17}, "do not go together"),
        ({0x00280103: 2}, "do not go together"),
        ({0x00280010: 3}, "12 bytes, less than the 18"),
        ({0x00280010: 1}, "12 bytes, more than the 6"),
        ({0x00280100: 8, 0x00280101: 8}, "12 bytes, more than the 6"),
        ({0x00280100: 32}, "12 bytes, less than the 24"),
    ],
)
def test_values_that_do_not_go_together(tmp_path, changes, fault):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image(*((tag, "US", struct.pack("<H", v)) for tag, v in changes.items())))
    with pytest.raises(CorruptFileError, match=fault):
        read_header(path)


def test_a_slope_of_zero_is_refused(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image((0x00281053, "DS", b"0 ")))
    with pytest.raises(CorruptFileError, match="RescaleSlope is 0"):
        read_header(path)


@pytest.mark.parametrize("frames", [b"-1", b"2 ", b"4294967296"])
def test_number_of_frames_must_fit_the_pixels(tmp_path, frames):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image((0x00280008, "IS", frames)))
    with pytest.raises(CorruptFileError, match=r"frames|pixel data has 12 bytes"):
        read_header(path)


# ------------------------------------------------------------------------------------------------------- damage
SMALL = {
    "explicit": raw_image((0x00880200, "SQ", [[(0x00280010, "US", b"\1\0")]], UNDEFINED)),
    "implicit": raw_image((0x00880200, "SQ", [[(0x00280010, "US", b"\1\0")]]), explicit=False),
    "big endian": raw_image(big_endian=True),
    "bare": raw_image(meta=False, preamble=False),
    "encapsulated": raw_image(
        (0x7FE00010, "OB", encapsulate([b"\1\2\3\4"]) + b"\xfe\xff\xdd\xe0\0\0\0\0", UNDEFINED), syntax=RLELossless
    ),
}


def header_or_none(path: Path) -> Header | None:
    """The header without what names the file itself; None where the file is refused in a promised way."""
    try:
        return read_header(path)._replace(file=LocalFile(""))
    except (CorruptFileError, NotDicomError):
        return None


@pytest.mark.parametrize("kind", SMALL)
def test_truncation_at_every_byte(tmp_path, kind):
    path = tmp_path / "a.dcm"
    path.write_bytes(SMALL[kind])
    whole_header = header_or_none(path)
    assert whole_header is not None
    for end in range(len(SMALL[kind])):
        path.write_bytes(SMALL[kind][:end])
        # A file that ends within its pixels is never taken for a whole one; a delimiter behind them may be cut off.
        header = header_or_none(path)
        cut = kind == "encapsulated" and end == len(SMALL[kind]) - 8
        assert header == (whole_header._replace(liberties=(Liberty.OPEN_PIXEL_DATA,)) if cut else None), end


def test_truncation_of_a_deflated_file(series):
    (path,) = series(count=1, syntax=DeflatedExplicitVRLittleEndian).files
    stored = path.read_bytes()
    for end in range(0, len(stored) - 1, 5):
        path.write_bytes(stored[:end])
        assert header_or_none(path) is None, f"cut at byte {end}"


@pytest.mark.parametrize("kind", SMALL)
def test_any_byte_changed_gives_a_header_or_a_promised_error(tmp_path, kind):
    path = tmp_path / "a.dcm"
    whole_file = bytearray(SMALL[kind])
    refused = 0
    for i in range(128, len(whole_file)):
        for flip in (0xFF, 0x01):
            whole_file[i] ^= flip
            path.write_bytes(whole_file)
            refused += header_or_none(path) is None
            whole_file[i] ^= flip
    assert refused > len(whole_file) / 4


@pytest.mark.parametrize("tag", [0x00080008, 0x00200032, 0x00280010, 0x00091001, 0x7FE00010])
@pytest.mark.parametrize("explicit", [True, False])
def test_a_length_beyond_the_file(tmp_path, tag, explicit):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image((tag, "UN", b"\1\0", 0x7FFFFFFE), explicit=explicit))
    with pytest.raises(
        CorruptFileError, match=rf"\({tag >> 16:04x},{tag & 0xFFFF:04x}\) at byte \d+ claims 2147483646"
    ):
        read_header(path)


@pytest.mark.parametrize("extra", [1, 2, 7])
def test_a_length_a_little_beyond_the_file(tmp_path, extra):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image((0x7FE00010, "OW", bytes(12), 12 + extra)))
    with pytest.raises(CorruptFileError, match="truncated or damaged") as caught:
        read_header(path)
    assert caught.value.files == (str(path),)


@pytest.mark.parametrize(
    ("bits", "columns", "length", "fits"),
    [
        (16, 3, 12, True),
        (16, 3, 13, False),
        (16, 3, 16, False),
        (16, 3, 10, False),
        (8, 3, 6, True),
        (1, 11, 3, True),
        (1, 11, 4, True),
        (1, 11, 2, False),
        (1, 11, 5, False),
        (1, 11, 6, False),
    ],
)
def test_pixel_data_may_only_be_padded_to_an_even_length(tmp_path, bits, columns, length, fits):
    path = tmp_path / "a.dcm"
    path.write_bytes(
        raw_image(
            (0x00280011, "US", struct.pack("<H", columns)),
            (0x00280100, "US", struct.pack("<H", bits)),
            (0x00280101, "US", struct.pack("<H", min(bits, 12))),
            (0x00280102, "US", struct.pack("<H", min(bits, 12) - 1)),
            (0x7FE00010, "OB", b"\1" * length),
        )
    )
    if fits:
        assert read_header(path).pixel_length == length
        return
    with pytest.raises(CorruptFileError, match=f"its pixel data has {length} bytes, (less|more) than the"):
        read_header(path)


@pytest.mark.parametrize("second", [0x7FE00008, 0x7FE00009, 0x7FE00010])
def test_two_pixel_data_elements(tmp_path, second):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image(tail=raw_element((second, "OW", bytes(12)))))
    with pytest.raises(CorruptFileError, match="two pixel data elements"):
        read_header(path)


def test_one_attribute_twice(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image(tail=raw_element((0x00281053, "DS", b"3 "))))
    with pytest.raises(CorruptFileError, match="two RescaleSlope elements"):
        read_header(path)


@pytest.mark.parametrize("count", [1, 2, 7, 8, 500, 70_000])
def test_zeros_behind_the_data_set_are_padding(tmp_path, count):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image())
    alone = header_or_none(path)
    path.write_bytes(raw_image(tail=bytes(count)))
    assert header_or_none(path) == alone


def test_other_bytes_behind_the_data_set_are_damage(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image(tail=bytes(40) + b"\1"))
    with pytest.raises(CorruptFileError, match=str(path)):
        read_header(path)


def test_trailing_padding_element(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image((0xFFFCFFFC, "OB", bytes(64))))
    assert_as_pydicom(path, read_header(path))


def test_an_image_that_lost_its_pixels_is_damaged(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image((0x7FE00010, None)))
    with pytest.raises(CorruptFileError, match="no pixel data: it is truncated or was stripped"):
        read_header(path)
    without = ((0x7FE00010, None), (0x00280010, None), (0x00280011, None))
    path.write_bytes(raw_image(*without))
    with pytest.raises(CorruptFileError, match="is an image, but it holds no pixel data"):
        read_header(path)


@pytest.mark.parametrize(
    ("pixels", "syntax", "fault"),
    [
        ((0x7FE00010, "OW", bytes(12)), RLELossless, "not encapsulated"),
        ((0x7FE00010, "OB", [], UNDEFINED), ExplicitVRLittleEndian, "is encapsulated"),
    ],
)
def test_encapsulation_must_fit_the_transfer_syntax(tmp_path, pixels, syntax, fault):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image(pixels, syntax=syntax))
    with pytest.raises(CorruptFileError, match=fault):
        read_header(path)


@pytest.mark.parametrize(
    ("syntax", "rows", "frames", "fault"),
    [
        ("1.2.840.10008.1.2.4.90", 2, 10**11, "has 28 bytes, too few for 100000000000 × 2 × 3 × 1"),
        ("1.2.840.10008.1.2.4.90", 2, 4, "has 28 bytes, too few for 4 × 2 × 3 × 1"),
        ("1.2.840.10008.1.2.4.90", 65535, 1, None),  # a stream of a constant image may be as short as that
        ("1.2.840.10008.1.2.4.100", 2, 3, None),
        ("1.2.840.10008.1.2.5", 65535, 1, "has 28 bytes, too few for 1 × 65535 × 3 × 1 at 16 bits"),
        ("1.2.840.10008.1.2.5", 298, 1, None),  # 1792 bytes of them
        ("1.2.840.10008.1.2.5", 299, 1, "too few for 1 × 299"),
        ("1.2.840.10008.1.2.1.98", 5, 1, "too few for 1 × 5"),
        ("1.2.840.10008.1.2.8.1", 65535, 1, "too few for 1 × 65535"),
    ],
)
def test_compressed_pixels_that_no_compression_explains(tmp_path, syntax, rows, frames, fault):
    """Before a list of the frames is made or memory is taken for them."""
    path = tmp_path / "a.dcm"
    data = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(v)) + v for v in (b"", bytes(12)))
    pixels = (0x7FE00010, "OB", data + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0), 0xFFFFFFFF)
    number = (0x00280008, "IS", padded(str(frames).encode(), b" "))
    path.write_bytes(raw_image((0x00280010, "US", struct.pack("<H", rows)), number, pixels, syntax=syntax))
    if fault is None:
        assert read_header(path).number_of_frames == frames
    else:
        with pytest.raises(CorruptFileError, match=fault):
            read_header(path)


def test_damaged_deflated_data_set(series):
    (path,) = series(count=1, syntax=DeflatedExplicitVRLittleEndian).files
    meta = 132 + 12 + pydicom.dcmread(path).file_meta.FileMetaInformationGroupLength
    stored = path.read_bytes()
    path.write_bytes(stored[:meta] + b"\xff" * 40)
    with pytest.raises(CorruptFileError, match="cannot be inflated"):
        read_header(path)


# ------------------------------------------------------------------------------------------------------- no DICOM
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"x", "not DICOM"),
        (bytes(4000), "only zeros"),
        (b"PK\3\4" + bytes(200), "archive"),
        (bytes(128), "only zeros"),
        (bytes(128) + b"DIC", "cut short behind its preamble"),
        (b"\x08\0 text that begins like group 8", "not DICOM"),
        (bytes(128) + b"DICN" + bytes(100), "only zeros|not DICOM"),
        (np.random.default_rng(1).bytes(5000), "not DICOM"),
    ],
)
def test_other_files_are_not_dicom(tmp_path, content, why):
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(NotDicomError, match=f"^({why})$"):
        read_header(path)


@pytest.mark.parametrize("rest", [b"and then other things", b"\x08\0\x16\0UI\x1a\x001.2.840"])
def test_a_bare_data_set_that_breaks_off_is_damaged(tmp_path, rest):
    path = tmp_path / "a"
    path.write_bytes(raw_element((0x00080005, "CS", b"ISO_IR 100")) + rest)
    with pytest.raises(CorruptFileError, match=r"no valid VR|truncated"):
        read_header(path)


def test_gzip_says_what_is_inside(tmp_path):
    import gzip

    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(raw_image()))
    with pytest.raises(NotDicomError, match="gzip-compressed DICOM"):
        read_header(path)
    path.write_bytes(gzip.compress(b"text"))
    with pytest.raises(NotDicomError, match="gzip archive"):
        read_header(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
def test_a_fifo_is_not_read(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(CorruptFileError, match="not a regular file"):
        read_header(path)


def test_folders_and_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_header(tmp_path / "nowhere")
    with pytest.raises((CorruptFileError, OSError), match=r"regular file|directory|denied"):
        read_header(tmp_path)


# ------------------------------------------------------------------------------------------------------- the object
def test_identity_is_not_kept(series):
    (path,) = series(
        count=1,
        PatientAddress="Secret^Street",
        InstitutionName="Secret^Clinic",
        AccessionNumber="Secret^Acc",
        edit=lambda d, k: setattr(d, "ReferringPhysicianName", "Secret^Doctor"),
    ).files
    header = read_header(path)
    assert b"Secret^Name" in path.read_bytes()
    for told in (repr(header), pickle.dumps(header).decode("latin-1")):
        assert "Secret" not in told
        assert "19700102" not in told


def test_a_header_survives_pickling_and_is_equal(series):
    (path,) = series(count=1, edit=rich, dtype=np.uint16).files
    header = read_header(path)
    assert pickle.loads(pickle.dumps(header)) == header == read_header(str(path))


def test_frames_of_a_single_frame_file(series):
    (path,) = series(count=1, RescaleSlope=2, RescaleIntercept=-5).files
    header = read_header(path)
    (frame,) = make_frames(header)
    assert (frame.path, frame.index_in_file) == (str(path), 0)
    assert (frame.position, frame.orientation) == (header.position, header.orientation)
    assert (frame.slope, frame.intercept) == (2.0, -5.0)
    assert (frame.offset, frame.length) == (header.pixel_offset, header.pixel_length)


def test_frames_without_rescale_have_the_identity(series):
    (path,) = series(count=1, RescaleSlope=None, RescaleIntercept=None).files
    (frame,) = make_frames(read_header(path))
    assert (frame.slope, frame.intercept) == (1.0, 0.0)


def test_frames_of_a_multi_frame_file_lie_one_behind_the_other(data):
    (path,) = (data / "rtdose_32bit").iterdir()
    pixels = pydicom.dcmread(path).pixel_array
    frames = make_frames(read_header(path))
    stored = path.read_bytes()
    assert len(frames) == len(pixels) == 15
    for k, frame in enumerate(frames):
        value = np.frombuffer(stored[frame.offset : frame.offset + frame.length], "<u4")
        assert np.array_equal(value.reshape(10, 10), pixels[k])


def test_frames_that_do_not_lie_in_the_file_have_no_offset(data, series):
    compressed = make_frames(read_header(data / "comp_rle" / "IM-0001-0001-0001.dcm"))
    deflated = make_frames(read_header(series(count=1, syntax=DeflatedExplicitVRLittleEndian).files[0]))
    assert [f.offset for f in (*compressed, *deflated)] == [-1, -1]


# ------------------------------------------------------------------------------------------------------- any structure
# Tags of the table and others, so that nested and top-level values compete.
KEYS = ("Rows", "RescaleSlope", "ImagePositionPatient", "SeriesInstanceUID", "InstanceNumber", "StudyDescription")
VALUES = {
    "Rows": st.integers(0, 0xFFFF),
    "RescaleSlope": st.sampled_from(["1", "0.5", "-2E1"]),
    "ImagePositionPatient": st.lists(st.sampled_from(["0", "-1.25", "3e2"]), min_size=3, max_size=3),
    "SeriesInstanceUID": st.sampled_from(["1.2.3", "1.2.34"]),
    "InstanceNumber": st.integers(-99, 9999),
    "StudyDescription": st.text("abc déf", max_size=9),
}
SEQUENCES = ("ReferencedImageSequence", "IconImageSequence", "ModalityLUTSequence", "SourceImageSequence")


@st.composite
def datasets(draw, depth=3):
    d = Dataset()
    d.SpecificCharacterSet = "ISO_IR 100"
    for keyword in draw(st.lists(st.sampled_from(KEYS), unique=True, max_size=4)):
        setattr(d, keyword, draw(VALUES[keyword]))
    for element in draw(st.lists(st.integers(0x10, 0xFF), unique=True, max_size=2)):
        d.add_new(0x00090000 | element, "LO", "PRIVATE")
        for low in draw(st.lists(st.integers(0, 0xFF), unique=True, max_size=3)):
            vr = draw(st.sampled_from(["OB", "UN", "LO", "SQ"])) if depth else "OB"
            value = draw(st.binary(max_size=8)) if vr in ("OB", "UN") else "x"
            if vr == "SQ":
                value = Sequence(draw(st.lists(datasets(depth=depth - 1), max_size=2)))
            d.add_new(0x00090000 | element << 8 | low, vr, padded_value(value))
    for keyword in draw(st.lists(st.sampled_from(SEQUENCES), unique=True, max_size=2)) if depth else ():
        setattr(d, keyword, Sequence(draw(st.lists(datasets(depth=depth - 1), max_size=2))))
    for element in d:
        if element.VR == "SQ":
            element.is_undefined_length = draw(st.booleans())
            for item in element.value:
                item.is_undefined_length_sequence_item = draw(st.booleans())
    return d


def padded_value(value):
    return value + b"\0" if isinstance(value, bytes) and len(value) % 2 else value


@pytest.mark.parametrize("syntax", NATIVE, ids=lambda s: s.keyword)
@given(extra=datasets())
def test_any_structure_is_read_as_pydicom_reads_it(tmp_path_factory, syntax, extra):
    folder = tmp_path_factory.getbasetemp() / "structures"

    def edit(d, k):
        own = {e.tag for e in d}
        for element in extra:
            if element.tag not in own:
                d.add(element)

    (path,) = write_series(folder, count=1, rows=2, columns=3, edit=edit, syntax=syntax).files
    assert_as_pydicom(path, read_header(path))


@given(st.data())
def test_any_bytes_give_a_header_or_a_promised_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "noise.dcm"
    good = SMALL[data.draw(st.sampled_from(sorted(SMALL)))]
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, len(good)))
    noise = data.draw(st.binary(max_size=24))
    path.write_bytes(good[:start] + noise + good[end:])
    header = header_or_none(path)
    assert header is None or header.rows * header.columns > 0


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless])
def test_a_beginning_is_parsed_without_what_lies_behind_it(tmp_path: Path, syntax: str) -> None:
    (path,) = write_series(tmp_path, count=1, rows=64, columns=64, syntax=syntax).files
    whole = read_header(path)
    content = path.read_bytes()
    damaged = content[: whole.pixel_offset] + b"\xff" * (len(content) - whole.pixel_offset)
    if not whole.encapsulated:
        damaged += b"\xff" * 999
    file = MemoryFile.of(damaged, str(path))
    with pytest.raises(CorruptFileError):
        read_header(file)
    with file.open() as handle:
        found = parse_beginning(handle)
    assert found._replace(file=whole.file, pixel_length=whole.pixel_length) == whole


@pytest.mark.parametrize("end", [0, 100, 140, 400])
def test_a_beginning_that_is_cut_before_the_pixels_is_none(tmp_path: Path, end: int) -> None:
    (path,) = write_series(tmp_path, count=1).files
    with (
        MemoryFile.of(path.read_bytes()[:end], str(path)).open() as handle,
        pytest.raises((CorruptFileError, NotDicomError)),
    ):
        parse_beginning(handle)
