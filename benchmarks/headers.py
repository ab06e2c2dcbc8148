"""Headers as rich as a scanner's: 250 elements, UIDs and numbers of varying length, private sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import Dataset, FileMetaDataset, Sequence
from pydicom.uid import UID, CTImageStorage

if TYPE_CHECKING:
    from .works import Work

_ROOT = "1.2.826.0.1.3680043.8.498.7"
_STANDARD = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "StudyDate": "20240311",
    "SeriesDate": "20240311",
    "AcquisitionDate": "20240311",
    "ContentDate": "20240311",
    "StudyTime": "101502",
    "SeriesTime": "101733.21",
    "AccessionNumber": "0",
    "Modality": "CT",
    "Manufacturer": "BENCHMARK",
    "StudyDescription": "Chest and abdomen",
    "SeriesDescription": "Axial 0.7 mm, soft",
    "ManufacturerModelName": "Phantom 512",
    "StationName": "CT1",
    "PatientName": "Phantom",
    "PatientID": "1",
    "BodyPartExamined": "CHEST",
    "ScanOptions": "HELICAL MODE",
    "SliceThickness": "0.7",
    "KVP": "120",
    "DataCollectionDiameter": "500",
    "SoftwareVersions": "1.0.3",
    "ProtocolName": "5.1 Chest",
    "ReconstructionDiameter": "360",
    "DistanceSourceToDetector": "949.075012",
    "DistanceSourceToPatient": "541",
    "GantryDetectorTilt": "0",
    "TableHeight": "151.5",
    "RotationDirection": "CW",
    "ExposureTime": "500",
    "FilterType": "BODY FILTER",
    "FocalSpots": "0.7",
    "ConvolutionKernel": "STANDARD",
    "PatientPosition": "FFS",
    "RevolutionTime": 0.5,
    "SingleCollimationWidth": 0.625,
    "TotalCollimationWidth": 40.0,
    "TableSpeed": 78.75,
    "TableFeedPerRotation": 39.375,
    "SpiralPitchFactor": 0.984375,
    "AcquisitionNumber": "1",
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PositionReferenceIndicator": "XY",
    "WindowCenter": "40",
    "WindowWidth": "400",
    "RescaleType": "HU",
}
_PRIVATE_GROUPS = (0x0009, 0x0019, 0x0021, 0x0023, 0x0027, 0x0043, 0x0045)
_ELEMENTS = 250  # of the first level, pixel data among them
_FEWER, _LENGTHS = 30, 23  # elements that each further maker does not have, and lengths of texts that follow in turn
_LARGE = 104 << 10  # bytes of one private element
SLICE_MM = 0.7


def uid(*numbers: int) -> UID:
    """A UID whose length varies with its numbers, as scanners write them."""
    return UID(".".join((_ROOT, *map(str, numbers))))


def position(k: int) -> tuple[float, float, float]:
    """ImagePositionPatient of slice `k`, counted along the normal."""
    return -180.0, -180.0, round(SLICE_MM * k - 153.3, 1)


def file_meta(work: Work, series: int, k: int) -> FileMetaDataset:
    """The file meta information of one slice."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = uid(series + 1, instance_number(work, k) * 37)
    meta.TransferSyntaxUID = UID(work.syntax)
    meta.ImplementationClassUID = uid(0)
    return meta


def instance_number(work: Work, k: int) -> int:
    """InstanceNumber of slice `k`: scanners count from the head, against the normal."""
    return work.slices - k


def kind(work: Work, series: int) -> tuple[int, int]:
    """What decides, beside the number of a slice, about all of its header but the `own` attributes."""
    return series % work.makers, _count_spare(work, series)


def own(work: Work, series: int, k: int) -> Dataset:
    """The attributes of slice `k` that are other ones in each series."""
    dataset = Dataset()
    dataset.SOPInstanceUID = uid(series + 1, instance_number(work, k) * 37)
    dataset.SeriesInstanceUID = uid(9, series + 1)
    dataset.SeriesNumber = series + 1
    return dataset


def _count_spare(work: Work, series: int) -> int:
    return series % _LENGTHS if work.makers > 1 else 0


def header(work: Work, series: int, k: int) -> Dataset:
    """Everything but the pixels of slice `k`, counted along the normal, of one series of a work."""
    number = instance_number(work, k)
    dataset = Dataset()
    for keyword, value in _STANDARD.items():
        setattr(dataset, keyword, value)
    dataset.SOPClassUID = CTImageStorage
    dataset.update(own(work, series, k))
    dataset.StudyInstanceUID = uid(9)
    dataset.FrameOfReferenceUID = uid(9, 8)
    dataset.InstanceNumber = number
    dataset.AcquisitionTime = dataset.ContentTime = f"1018{number % 60:02d}.{number * 7919 % 1000000:06d}"
    dataset.XRayTubeCurrent = 90 + number * 13 % 400
    dataset.Exposure = number * 13 % 40
    dataset.ImagePositionPatient = [f"{v:g}" for v in position(k)]
    dataset.SliceLocation = f"{position(k)[2]:.6g}"
    for keyword in ("ReferencedImageSequence", "ProcedureCodeSequence", "RequestAttributesSequence"):
        setattr(dataset, keyword, Sequence([_referenced(number, i) for i in range(2)]))
    _add_pixel_description(dataset, work)
    _add_private(dataset, work, series, number)
    return dataset


def _add_pixel_description(dataset: Dataset, work: Work) -> None:
    dataset.SamplesPerPixel = work.samples
    dataset.PhotometricInterpretation = "RGB" if work.samples == 3 else "MONOCHROME2"
    if work.samples > 1:
        dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = work.rows, work.columns
    dataset.PixelSpacing = ["0.703125", "0.703125"]
    dataset.BitsAllocated = 8 if work.bits == 8 else 16
    dataset.BitsStored, dataset.HighBit = work.bits, work.bits - 1
    dataset.PixelRepresentation = int(work.dtype == "int16")
    if work.samples == 1:
        dataset.RescaleIntercept, dataset.RescaleSlope = f"{work.intercept:g}", f"{work.slope:g}"


def _referenced(number: int, i: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = CTImageStorage
    item.ReferencedSOPInstanceUID = uid(5, number * 11 + i)
    return item


def _add_private(dataset: Dataset, work: Work, series: int, number: int) -> None:
    """Fill up with private elements of every usual VR; other makers have fewer, and values of other lengths."""
    elements = _ELEMENTS - _FEWER * (series % work.makers)
    spare = _count_spare(work, series)
    blocks = [dataset.private_block(group, f"BENCHMARK_{group:04X}", create=True) for group in _PRIVATE_GROUPS]
    nested = Dataset()
    nested.is_undefined_length_sequence_item = True
    nested.CodeValue, nested.CodeMeaning = str(number), "a code within a code"
    for block in blocks[:3]:
        block.add_new(0x01, "SQ", Sequence([nested, _referenced(number, 9)]))
        block[0x01].is_undefined_length = True
    if work.large_header:
        blocks[3].add_new(0x02, "OB", bytes(range(256)) * (_LARGE // 256))
    for i in range(elements - len(dataset) - 1):
        vr, value = (
            ("DS", f"{number * (i + 1) % 900 + 100.25:.2f}"),
            ("IS", str(number * i % 9000 + 1000)),
            ("LO", f"value {i}" + "x" * (spare and (7 * i + spare) % _LENGTHS)),
            ("SL", number + i),
            ("SH", f"P{i}"),
            ("FL", float(i)),
            ("UI", uid(4, i)),
            ("UN", bytes(2 * i)),
        )[i % 8]
        blocks[i % len(blocks)].add_new(0x10 + i // len(blocks), vr, value)
