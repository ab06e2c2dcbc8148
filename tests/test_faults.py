"""Faults of our own come out as they are, damage of a file as an error that names it; whatever read the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from enhanced import group, multi_frame, write_enhanced
from pydicom import Dataset, dcmread
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    NuclearMedicineImageStorage,
    RLELossless,
)
from synthetic import write_dataset, write_series

import vtkdicomload as vdl
from vtkdicomload.conversions import rewriting
from vtkdicomload.conversions.decompress import decompress
from vtkdicomload.headers import frames as frames_room
from vtkdicomload.headers.objects import enhanced, nuclear_medicine, real_world_values, rt_dose, ultrasound
from vtkdicomload.readers import codec, colour, encapsulation, rescale
from vtkdicomload.readers import pydicom as plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FAULTS = (AttributeError, TypeError, KeyError, ZeroDivisionError, ValueError, RuntimeError)


class Case(NamedTuple):
    """A file that is read, and the functions of ours that take part in it."""

    make: Callable[[Path, Path], Path]  # from (an empty folder, the test data) to what is loaded
    places: tuple[tuple[Any, str], ...]
    options: dict[str, Any] = {}  # noqa: RUF012 - of `load`, never changed


# ------------------------------------------------------------------------------------------------------------- files
def _series(**options: Any) -> Callable[[Path, Path], Path]:
    return lambda folder, _: write_series(folder, **options).folder


def _real(name: str) -> Callable[[Path, Path], Path]:
    return lambda _, data: data / name


def _enhanced(folder: Path, _: Path) -> Path:
    def stack(groups: Dataset, k: int) -> None:
        groups.FrameContentSequence[0].DimensionIndexValues = [1, k + 1]

    pointers = [(0x00209056, 0x00209111), (0x00209057, 0x00209111)]
    write_enhanced(folder / "1.dcm", range(5), dimensions=pointers, edit_frame=stack)
    return folder / "1.dcm"


def _nuclear(folder: Path, _: Path) -> Path:
    d = multi_frame(5, NuclearMedicineImageStorage, "NM")
    d.PixelSpacing, d.SliceThickness, d.SpacingBetweenSlices = [2.5, 2], 4, 4
    d.FrameIncrementPointer, d.SliceVector = [0x00540080], list(range(1, 6))
    place: dict[str, Any] = {"ImagePositionPatient": [1, 2, 3], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
    d.DetectorInformationSequence = group(**place)
    write_dataset(folder / "1.dcm", d)
    return folder / "1.dcm"


def _coloured(syntax: str) -> Callable[[Path, Path], Path]:
    table: dict[str, Any] = {}
    for k, name in enumerate(("Red", "Green", "Blue")):
        table[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 8]
        table[f"{name}PaletteColorLookupTableData"] = bytes(np.roll(np.arange(256, dtype=np.uint8), k))
    return _series(syntax=syntax, dtype=np.uint8, PhotometricInterpretation="PALETTE COLOR", **table)


def _ultrasound(folder: Path, _: Path) -> Path:
    regions = group(RegionSpatialFormat=1, PhysicalUnitsXDirection=3, PhysicalUnitsYDirection=3)
    regions[0].PhysicalDeltaX, regions[0].PhysicalDeltaY = 0.02, 0.03
    write_series(folder, count=1, Modality="US", PixelSpacing=None, SequenceOfUltrasoundRegions=regions)
    return folder


CASES = {
    "RLE": Case(
        _series(syntax=RLELossless),
        (
            (codec, "_decode_words"),
            (codec, "_convert_words"),
            (encapsulation, "_read_items"),
            (rescale, "make_converter"),
        ),
    ),
    "JPEG 2000": Case(_series(syntax=JPEG2000Lossless), ((codec, "_apply_declared_sign"), (codec, "strip_boxes"))),
    "colour in JPEG": Case(_real("compressed/ybr_full_jpeg.dcm"), ((codec, "_find_coded_colour"),)),
    "compressed frames": Case(_real("compressed/two_frames_jpegls_80.dcm"), ((encapsulation, "_find_frames"),)),
    "a palette, decoded": Case(_coloured(RLELossless), ((colour, "_read_palette_entries"), (colour, "_read_table"))),
    "a palette, by pydicom": Case(
        _coloured(ExplicitVRLittleEndian), ((colour, "_read_palette_entries"), (colour, "_read_descriptor"))
    ),
    "pydicom": Case(_series(), ((plain, "_read_stored_values"), (rescale, "make_converter")), {"engine": "pydicom"}),
    "pydicom's decoders": Case(_series(syntax=RLELossless), ((plain, "_decode_stream"),), {"engine": "pydicom"}),
    "bits by pydicom": Case(
        _real("seg_1bit"), ((plain, "_unpack_bits"),), {"engine": "pydicom", "series": 0, "stack": 0}
    ),
    "functional groups": Case(
        _enhanced,
        tuple(
            (enhanced, name)
            for name in ("_read_groups", "_read_group", "_read_pointers", "_read_dimensions", "_follow_pointer")
        ),
    ),
    "segments": Case(
        _real("seg_1bit"), ((enhanced, "_read_segments"), (enhanced, "_strip_header")), {"series": 0, "stack": 0}
    ),
    "a mosaic": Case(_real("mosaic"), ((frames_room, "divide_mosaic"), (frames_room, "_locate_frames"))),
    "nuclear medicine": Case(_nuclear, tuple((nuclear_medicine, n) for n in ("_read_vectors", "compute_normal"))),
    "a dose grid": Case(_real("rtdose_32bit"), ((frames_room, "read_dose_grid"), (rt_dose, "compute_normal"))),
    "real-world values": Case(
        _real("highdicom/parametric_int.dcm"),
        ((real_world_values, "_read_mapping"), (real_world_values, "_read_stored_ends")),
        {"rescale": "real-world"},
    ),
    "regions of ultrasound": Case(_ultrasound, ((ultrasound, "_read_region"),)),
}
PLACES = [
    pytest.param(name, module, function, id=f"{name}: {function}")
    for name, case in CASES.items()
    for module, function in case.places
]


# ------------------------------------------------------------------------------------------------------- our own faults
@pytest.mark.filterwarnings("ignore::vtkdicomload.DicomLoadWarning")
@pytest.mark.parametrize("name", CASES)
def test_without_a_fault_they_load(name: str, tmp_path: Path, data: Path) -> None:
    case = CASES[name]
    assert vdl.load(case.make(tmp_path, data), **case.options).frames.size


@pytest.mark.filterwarnings("ignore::vtkdicomload.DicomLoadWarning")
@pytest.mark.parametrize(("name", "module", "function"), PLACES)
def test_a_fault_of_ours_comes_out_as_itself(
    name: str, module: Any, function: str, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    path = case.make(tmp_path, data)
    for kind in FAULTS:

        def fail(*_: Any, kind: type[Exception] = kind, **__: Any) -> Any:
            raise kind("a fault of ours")

        with monkeypatch.context() as patched:
            patched.setattr(module, function, fail)
            with pytest.raises(kind, match="a fault of ours") as caught:
                vdl.load(path, **case.options)
        assert not isinstance(caught.value, vdl.DicomLoadError)


@pytest.mark.parametrize("function", ["_replace_pixels", "_complete_meta", "_swap_bytes"])
def test_a_fault_in_decompressing_comes_out_as_itself(
    function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = write_series(tmp_path / "in", syntax=ExplicitVRBigEndian if function == "_swap_bytes" else RLELossless)

    def fail(*_: Any) -> Any:
        raise AttributeError("a fault of ours")

    monkeypatch.setattr(rewriting, function, fail)
    with pytest.raises(AttributeError, match="a fault of ours"):
        decompress(truth.folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# ------------------------------------------------------------------------------------------------------------- damage
def _edited(path: Path, target: Path, edit: Callable[[Dataset], object]) -> Path:
    d = dcmread(path if path.is_file() else next(p for p in sorted(path.iterdir()) if p.suffix == ".dcm"))
    edit(d)
    d.save_as(target)
    return target


def _cut_stream(d: Dataset) -> None:
    """Of every run of bytes in the coded pixels another one, but for its beginning and end."""
    value = bytearray(d.PixelData)
    value[120:-40] = bytes(0xA5 for _ in value[120:-40])
    d.PixelData = bytes(value)


DAMAGE: dict[str, tuple[str, Callable[[Dataset], object], str]] = {
    "a stream": ("JPEG 2000", _cut_stream, "imagecodecs cannot decode it"),
    "groups": ("functional groups", lambda d: d.PerFrameFunctionalGroupsSequence.pop(), "4 per-frame groups for 5"),
    "a position": (
        "functional groups",
        lambda d: d.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0].pop("ImagePositionPatient"),
        "ImagePositionPatient is missing",
    ),
    "segments": ("segments", lambda d: d.SegmentSequence[0].pop("SegmentNumber"), "SegmentNumber is missing"),
    "a vector": ("nuclear medicine", lambda d: d.SliceVector.pop(), "SliceVector holds 4 values for 5 frames"),
    "a scale": ("a dose grid", lambda d: d.pop("DoseGridScaling"), "DoseGridScaling is missing"),
    "offsets": ("a dose grid", lambda d: d.pop("GridFrameOffsetVector"), "GridFrameOffsetVector is missing"),
    "a palette": ("a palette, decoded", lambda d: d.pop("BluePaletteColorLookupTableData"), "has no blue"),
    "a short palette": (
        "a palette, by pydicom",
        lambda d: setattr(d, "RedPaletteColorLookupTableData", b"12"),
        "its palette has 2 of 256 entries",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_names_the_file(name: str, tmp_path: Path, data: Path) -> None:
    like, edit, words = DAMAGE[name]
    case = CASES[like]
    (tmp_path / "in").mkdir()
    path = _edited(case.make(tmp_path / "in", data), tmp_path / "x.dcm", edit)
    with pytest.raises(vdl.CorruptFileError, match=words) as caught:
        vdl.load(path, **case.options)
    assert caught.value.files == (str(path),)
    assert str(path) in str(caught.value)


def test_a_mapping_that_cannot_be_used_names_the_file(tmp_path: Path, data: Path) -> None:
    def edit(d: Dataset) -> None:
        mapping = d.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence[0]
        mapping.RealWorldValueSlope = [1.0, 2.0]

    path = _edited(data / "highdicom" / "parametric_int.dcm", tmp_path / "x.dcm", edit)
    with pytest.raises(vdl.UnsupportedPixelDataError, match="RealWorldValueSlope holds 2 values where 1 belong") as e:
        vdl.load(path, rescale="real-world")
    assert e.value.files == (str(path),)


def test_attributes_that_cannot_be_rewritten_name_the_file(tmp_path: Path) -> None:
    truth = write_series(tmp_path / "in", count=1, syntax=RLELossless, StudyDescription="0123456789")
    path = truth.files[0]
    path.write_bytes(path.read_bytes().replace(b"\x08\0\x30\x10LO", b"\x08\0\x30\x10Z1"))  # no VR can be that
    with pytest.raises(vdl.CorruptFileError) as caught:
        decompress(truth.folder, tmp_path / "out")
    assert caught.value.files == (str(path),)
