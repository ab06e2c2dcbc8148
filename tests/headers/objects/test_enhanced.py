"""What functional groups say: enhanced and converted objects, segmentations, parametric maps, and their dimensions."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from enhanced import COLUMNS, ROWS, assert_as_highdicom, group, highdicom_truth, multi_frame, write_enhanced
from pydicom import DataElement, Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset as write_elements
from pydicom.uid import (
    EnhancedMRImageStorage,
    EnhancedPETImageStorage,
    EnhancedXAImageStorage,
    ExplicitVRBigEndian,
    MRImageStorage,
    SegmentationStorage,
    XRay3DAngiographicImageStorage,
)
from synthetic import ROOT, write_dataset

import vtkdicomload as vdl
from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.parser import read_header
from vtkdicomload.headers.reading import HeaderReader
from vtkdicomload.sources.local import as_file
from vtkdicomload.stacks.series_data import Rank

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONTENT, STACK_ID, IN_STACK = 0x00209111, 0x00209056, 0x00209057
Label = tuple[tuple[str, object], ...]


@pytest.fixture
def truth(data: Path) -> dict[str, dict[str, Any]]:
    return highdicom_truth(data)


@pytest.mark.parametrize("count", [3, 1000])  # of 1000 frames the groups take more than 64 KiB
def test_groups_that_an_archive_wrote_as_un(tmp_path: Path, count: int) -> None:
    """PS3.5 6.2.2: an archive that does not know an attribute writes UN, and implicit VR inside."""
    path = tmp_path / "1.dcm"
    places = np.random.default_rng(1).permutation(count)

    def map_values(groups: Dataset, _k: int) -> None:
        units = group(CodeValue="ms", CodingSchemeDesignator="UCUM")
        groups.RealWorldValueMappingSequence = group(
            RealWorldValueSlope=0.25, RealWorldValueIntercept=-3.0, MeasurementUnitsCodeSequence=units
        )

    stored = write_enhanced(path, places, edit_frame=map_values)
    d = pydicom.dcmread(path)
    implicit = Dataset()
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        implicit[keyword] = d[keyword]
        assert list(implicit.iterall())  # parsed, to be written in another way
        del d[keyword]
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, True
    write_elements(buffer, implicit)
    written = buffer.getvalue()
    tail = b""
    while written:
        length = int.from_bytes(written[4:8], "little")
        tail += written[:4] + b"UN\0\0" + written[4 : 8 + length]
        written = written[8 + length :]
    pixels = d["PixelData"]
    del d["PixelData"]
    d.save_as(path)
    with open(path, "ab") as file:
        file.write(tail + b"\xe0\x7f\x10\0OW\0\0" + len(pixels.value).to_bytes(4, "little") + pixels.value)
    volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames, stored[np.argsort(places)])
    np.testing.assert_allclose(volume.geometry.affine[:3, 3], (-10, -20, 30))
    real_world = vdl.load(path, rescale="real-world")
    np.testing.assert_array_equal(real_world.frames, volume.frames * 0.25 - 3)


# ------------------------------------------------------------------------------------------- objects made by highdicom
@pytest.mark.parametrize("name", ["legacy_ct", "legacy_pet", "parametric_float", "parametric_int"])
def test_one_volume_as_highdicom_reads_it(data: Path, truth: dict[str, Any], name: str) -> None:
    for engine in ("auto", "pydicom"):
        volume = vdl.load(data / "highdicom" / f"{name}.dcm", engine=engine, verify="all")
        assert_as_highdicom(volume, truth[name]["None"], rtol=1e-6)
        assert volume.spacing == pytest.approx((0.5, 0.8, 2.5))
        assert volume.units == {"legacy_ct": "HU", "legacy_pet": "BQML"}.get(name)


def test_echoes_of_a_converted_mr_are_told_apart(data: Path) -> None:
    """Legacy converted objects keep what tells volumes apart as unassigned attributes."""
    path = data / "highdicom" / "legacy_mr.dcm"
    pixels = pydicom.dcmread(path).pixel_array
    volumes = vdl.load_all(path)
    assert [v.stack_labels for v in volumes] == [(("EchoNumbers", 1),), (("EchoNumbers", 2),)]
    for e, volume in enumerate(volumes):
        assert sorted(f.index_in_file for f in volume.series.frames) == [3 * e, 3 * e + 1, 3 * e + 2]
        np.testing.assert_array_equal(volume.frames, pixels[[f.index_in_file for f in volume.series.frames]])
        np.testing.assert_array_equal(volume.frames.max(axis=(1, 2)) // 100 * 100 - 1000 * e, [0, 100, 200])


# ------------------------------------------------------------------------------------------------------ segmentations
def test_every_segment_is_a_stack(data: Path, truth: dict[str, Any]) -> None:
    """Segments overlap; frames of 5 × 7 bits begin within a byte."""
    path = data / "highdicom" / "seg_binary.dcm"
    (found,) = vdl.scan(path)
    assert [s.labels for s in found.stacks()] == [
        (("SegmentNumber", "1"), ("SegmentLabel", "Bone")),
        (("SegmentNumber", "2"), ("SegmentLabel", "Marrow")),
        (("SegmentNumber", "3"), ("SegmentLabel", "Stripes")),
    ]
    with pytest.raises(vdl.DicomLoadError, match="SegmentNumber differ") as caught:
        vdl.load(path)
    assert "3 segments" in repr(vdl.scan(path))
    assert str(caught.value).endswith('→ stack="Bone"')  # the others leave out empty frames
    volume = vdl.load(path, stack="Bone")
    assert_as_highdicom(volume, truth["seg_binary"]["1"])
    assert volume.frames.shape == (4, 5, 7)
    assert volume.dtype == np.uint8


@pytest.mark.parametrize(
    ("name", "stack", "segment", "missing", "slices"),
    [
        ("seg_binary", "Marrow", "2", "3 slices missing in 3", 6),
        ("seg_binary", "Stripes", "3", "2 slices missing in 3", 5),
        ("seg_labelmap", None, "None", "1 slice missing in 4", 5),
        ("seg_labelmap_palette", None, "None", "1 slice missing in 4", 5),
    ],
)
def test_empty_frames_that_were_left_out_are_filled_in(
    data: Path, truth: dict[str, Any], name: str, stack: str | None, segment: str, missing: str, slices: int
) -> None:
    """Every other plane is even by itself, but not by SpacingBetweenSlices; labels are never interpolated."""
    path = data / "highdicom" / f"{name}.dcm"
    with pytest.raises(vdl.MissingSliceError, match=missing) as caught:
        vdl.load(path, stack=stack)
    assert 'irregular="resample" (fills in the empty frames that a segmentation may leave out)' in str(caught.value)
    with pytest.warns(vdl.DicomLoadWarning, match="were put between empty ones on a grid"):
        volume = vdl.load(path, stack=stack, irregular="resample")
    assert volume.frames.shape == (slices, 5, 7)
    assert volume.spacing == pytest.approx((0.5, 0.8, 2.5))
    assert_as_highdicom(volume, truth[name][segment])
    assert volume.dtype == np.uint8
    with pytest.warns(vdl.DicomLoadWarning, match="not evenly spaced"):
        kept = vdl.load(path, stack=stack, irregular="keep")
    assert len(kept.frames) == len(kept.series.frames) < slices


def test_a_label_map_is_one_volume_of_labels(data: Path) -> None:
    """Segment numbers as stored, in colours or not."""
    for name in ("seg_labelmap", "seg_labelmap_palette"):
        path = data / "highdicom" / f"{name}.dcm"
        d = pydicom.dcmread(path)
        with pytest.warns(vdl.DicomLoadWarning):
            volume = vdl.load(path, irregular="keep")
        order = [f.index_in_file for f in volume.series.frames]
        np.testing.assert_array_equal(volume.frames, d.pixel_array[order])
        assert set(np.unique(volume.frames)) == {0, 1, 2, 3}
        assert volume.photometric_interpretation == "MONOCHROME2"


def test_labels_beside_the_grid_are_not_interpolated(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"

    def shifted(groups: Dataset, i: int) -> None:
        groups.PlanePositionSequence[0].ImagePositionPatient = [0, 0, (0, 2.5, 5, 7.5, 11.5)[i]]

    write_enhanced(path, range(5), sop_class=SegmentationStorage, edit_frame=shifted)
    with pytest.raises(vdl.GeometryError, match="labels are not interpolated"):
        vdl.load(path, irregular="resample")


@pytest.mark.parametrize("vr", ["OB", "OW", "OB big endian", "OW big endian"])
@pytest.mark.parametrize("edge", [(5, 7), (3, 3), (4, 6), (8, 4), (1, 1)], ids=str)
def test_frames_that_begin_within_a_byte(tmp_path: Path, edge: tuple[int, int], vr: str) -> None:
    rows, columns = edge
    bits = np.random.default_rng(3).integers(0, 2, (6, rows, columns), np.uint8)
    packed = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    packed += b"\0" * (len(packed) % 2)
    path = tmp_path / "1.dcm"

    def edit(d: Dataset) -> None:
        d.Rows, d.Columns, d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelData = rows, columns, 1, 1, 0, packed

    write_enhanced(path, range(6), sop_class=SegmentationStorage, edit=edit)
    np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, bits)
    dataset = pydicom.dcmread(path)
    dataset["PixelData"].VR = vr[:2]
    if vr == "OW big endian":
        # PS3.5 7.3: the bytes of each word change places; pydicom leaves that to whoever writes.
        dataset["PixelData"].value = np.frombuffer(packed, "<u2").byteswap().tobytes()
    if vr.endswith("big endian"):
        dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    pydicom.dcmwrite(path, dataset, little_endian=not vr.endswith("big endian"), implicit_vr=False)
    np.testing.assert_array_equal(vdl.load(path, verify="all").frames, bits)


def test_fractions_are_parts_of_one(data: Path, truth: dict[str, Any]) -> None:
    path = data / "highdicom" / "seg_fractional.dcm"
    volume = vdl.load(path)
    assert volume.dtype == np.float32
    assert_as_highdicom(volume, truth["seg_fractional"]["1"], rtol=1e-6)
    d = pydicom.dcmread(path)
    stored = vdl.load(path, rescale=False)
    assert stored.dtype == np.uint8
    np.testing.assert_array_equal(stored.frames, d.pixel_array[[f.index_in_file for f in stored.series.frames]])


def test_segment_1_of_two_files_is_two_segments(tmp_path: Path) -> None:
    """One file a segment, each of them number 1 in its own."""

    def own(groups: Dataset, i: int) -> None:
        groups.SegmentIdentificationSequence = group(ReferencedSegmentNumber=1)

    for name in ("Liver", "Spleen"):
        write_enhanced(
            tmp_path / f"{name}.dcm",
            range(3),
            sop_class=SegmentationStorage,
            edit_frame=own,
            SegmentSequence=group(SegmentNumber=1, SegmentLabel=name),
            SOPInstanceUID=f"{ROOT}.5.{len(name)}",
        )
    (found,) = vdl.scan(tmp_path)
    assert [s.labels for s in found.stacks()] == [(("SegmentLabel", "Liver"),), (("SegmentLabel", "Spleen"),)]
    assert vdl.load(tmp_path, stack="Spleen").series.files == (str(tmp_path / "Spleen.dcm"),)


def test_fractions_of_nothing_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    write_enhanced(
        path, range(3), sop_class=SegmentationStorage, SegmentationType="FRACTIONAL", MaximumFractionalValue=0
    )
    with pytest.raises(vdl.CorruptFileError, match="MaximumFractionalValue is 0"):
        vdl.load(path)


# ------------------------------------------------------------------------------------------------- other modalities
def test_an_enhanced_pet(tmp_path: Path) -> None:
    """A slope for each frame, and shuffled frames."""
    path = tmp_path / "1.dcm"

    def own(groups: Dataset, i: int) -> None:
        groups.PixelValueTransformationSequence = group(RescaleSlope=0.5 + i, RescaleIntercept=0, RescaleType="US")
        groups.PETFrameTypeSequence = group(FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"])

    stored = write_enhanced(
        path, (2, 0, 1), sop_class=EnhancedPETImageStorage, edit_frame=own, Modality="PT", Units="BQML"
    )
    volume = vdl.load(path)
    slopes = np.array([0.5, 1.5, 2.5])[:, None, None]
    np.testing.assert_array_equal(volume.frames, (stored * slopes)[[1, 2, 0]])
    assert volume.units == "BQML"
    assert volume.series.frames[0].header.image_type == ("ORIGINAL", "PRIMARY", "VOLUME", "NONE")


def test_an_enhanced_xa_is_a_run_of_frames(tmp_path: Path) -> None:
    """A projection has no place in the patient; the spacing is that of the detector."""
    path = tmp_path / "1.dcm"

    def own(groups: Dataset, i: int) -> None:
        del groups.PlanePositionSequence
        groups.FramePixelDataPropertiesSequence = group(ImagerPixelSpacing=[0.3, 0.2])

    def edit(d: Dataset) -> None:
        d.SharedFunctionalGroupsSequence = [Dataset()]
        d.Modality, d.ImagePositionPatient, d.ImageOrientationPatient = "XA", [0, 0, 0], [1, 0, 0, 0, 1, 0]

    stored = write_enhanced(path, range(4), sop_class=EnhancedXAImageStorage, edit=edit, edit_frame=own)
    with pytest.warns(vdl.DicomLoadWarning) as caught:
        volume = vdl.load(path)
    said = " | ".join(str(w.message) for w in caught)
    assert (volume.geometry.third_axis, volume.affine) == ("frames", None)
    assert "ImagerPixelSpacing" in said
    np.testing.assert_array_equal(volume.frames, stored)
    assert volume.affine is None
    assert volume.spacing[:2] == (0.2, 0.3)


def test_an_x_ray_3d_angiography_is_a_volume(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    stored = write_enhanced(path, (1, 0, 2), sop_class=XRay3DAngiographicImageStorage, Modality="XA")
    volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames, stored[[1, 0, 2]])
    assert volume.spacing == pytest.approx((0.5, 0.8, 2.5))


# --------------------------------------------------------------------------- what tells the volumes of a file apart
def _diffusion(i: int) -> Dataset:
    """Two frames without a direction, then two of one b-value with one each."""
    item = Dataset()
    item.DiffusionBValue = (0.0, 800.0, 800.0)[i % 3]
    item.DiffusionDirectionality = ("NONE", "DIRECTIONAL", "DIRECTIONAL")[i % 3]
    if i % 3:
        item.DiffusionGradientDirectionSequence = group(
            DiffusionGradientOrientation=([0.6, 0.8, 0.0], [0.0, -0.6, 0.8])[i % 3 - 1]
        )
    return item


def _edit_diffusion(groups: Dataset, i: int) -> None:
    groups.MRDiffusionSequence = [_diffusion(i)]


def _edit_phase(groups: Dataset, i: int) -> None:
    groups.MRImageFrameTypeSequence = group(
        FrameType=["ORIGINAL", "PRIMARY", "M", "NONE"], ComplexImageComponent=("MAGNITUDE", "PHASE")[i % 2]
    )


def _edit_type(groups: Dataset, i: int) -> None:
    groups.MRImageFrameTypeSequence = group(FrameType=["ORIGINAL", "PRIMARY", "MP"[i % 2], "NONE"])


def _edit_trigger(groups: Dataset, i: int) -> None:
    groups.CardiacSynchronizationSequence = group(NominalCardiacTriggerDelayTime=50.5 * (i % 2))


def _edit_temporal(groups: Dataset, i: int) -> None:
    groups.FrameContentSequence[0].TemporalPositionIndex = 1 + i % 2


def _edit_flip(groups: Dataset, i: int) -> None:
    groups.MRTimingAndRelatedParametersSequence = group(FlipAngle=(3, 15)[i % 2], RepetitionTime=5)


def _edit_inversion(groups: Dataset, i: int) -> None:
    groups.MRModifierSequence = group(InversionTimes=[(100, 900)[i % 2]])


GROUPS: dict[str, tuple[Callable[[Dataset, int], None], list[Label]]] = {
    "diffusion": (
        _edit_diffusion,
        [
            (("DiffusionBValue", 0.0), ("DiffusionGradientOrientation", None)),
            (("DiffusionBValue", 800.0), ("DiffusionGradientOrientation", (0.6, 0.8, 0))),
            (("DiffusionBValue", 800.0), ("DiffusionGradientOrientation", (0, -0.6, 0.8))),
        ],
    ),
    "complex component": (
        _edit_phase,
        [(("ComplexImageComponent", "MAGNITUDE"),), (("ComplexImageComponent", "PHASE"),)],
    ),
    "frame type": (
        _edit_type,
        [(("ImageType", "ORIGINAL\\PRIMARY\\M\\NONE"),), (("ImageType", "ORIGINAL\\PRIMARY\\P\\NONE"),)],
    ),
    "cardiac phase": (_edit_trigger, [(("TriggerTime", 0),), (("TriggerTime", 50.5),)]),
    "time": (
        _edit_temporal,
        [(("TemporalPositionIdentifier", 1),), (("TemporalPositionIdentifier", 2),)],
    ),
    "flip angle": (_edit_flip, [(("FlipAngle", 3),), (("FlipAngle", 15),)]),
    "inversion time": (_edit_inversion, [(("InversionTime", 100),), (("InversionTime", 900),)]),
}


@pytest.mark.parametrize("name", GROUPS)
def test_groups_tell_the_volumes_of_a_file_apart(tmp_path: Path, name: str) -> None:
    edit_frame, labels = GROUPS[name]
    count = len(labels)
    path = tmp_path / "1.dcm"
    stored = write_enhanced(path, [i // count for i in range(4 * count)], edit_frame=edit_frame)
    with pytest.raises(vdl.DuplicateSliceError, match=rf"{count} volumes of 4 slices \(2\.5 mm\) in one series"):
        vdl.load(path)
    volumes = vdl.load_all(path)
    assert [v.stack_labels for v in volumes] == labels
    for phase, volume in enumerate(volumes):
        np.testing.assert_array_equal(volume.frames, stored[phase::count])


@pytest.mark.parametrize("offset", [0.5, 0.3, 0.01])
@pytest.mark.parametrize("name", ["complex component", "frame type", "time", "flip angle", "voltage"])
def test_groups_tell_volumes_beside_each_other_apart(tmp_path: Path, name: str, offset: float) -> None:
    edit_frame = _edit_voltage if name == "voltage" else GROUPS[name][0]
    path = tmp_path / "1.dcm"
    places = [i // 2 + offset * (i % 2) for i in range(8)]
    stored = write_enhanced(path, places, edit_frame=edit_frame)
    with pytest.raises(vdl.DuplicateSliceError, match=r"2 volumes of 4 slices \(2\.5 mm\) in one series"):
        vdl.load(path)
    for phase, volume in enumerate(vdl.load_all(path)):
        np.testing.assert_array_equal(volume.frames, stored[phase::2])


def _edit_voltage(groups: Dataset, i: int) -> None:
    groups.CTXRayDetailsSequence = group(KVP=(80, 140)[i % 2])


def _indices(values: Callable[[int], list[int]]) -> Callable[[Dataset, int], None]:
    def edit(groups: Dataset, i: int) -> None:
        content = groups.FrameContentSequence[0]
        content.StackID, content.InStackPositionNumber = "1", 1 + i // 2
        content.DimensionIndexValues = values(i)

    return edit


def test_a_dimension_tells_volumes_apart_and_names_them(tmp_path: Path) -> None:
    """Nothing but the dimension index differs; its keyword is the label's name."""
    path = tmp_path / "1.dcm"
    stored = write_enhanced(
        path,
        [i // 2 for i in range(8)],
        dimensions=((STACK_ID, CONTENT), (IN_STACK, CONTENT), (0x00189214, None)),
        edit_frame=_indices(lambda i: [1, 1 + i // 2, 1 + i % 2]),
    )
    volumes = vdl.load_all(path)
    keyword = pydicom.datadict.keyword_for_tag(0x00189214)
    assert [v.stack_labels for v in volumes] == [((keyword, 1),), ((keyword, 2),)]
    for phase, volume in enumerate(volumes):
        np.testing.assert_array_equal(volume.frames, stored[phase::2])
    assert vdl.load(path, stack=f"{keyword} 2").frames[0, 0, 0] == stored[1, 0, 0]


def test_a_dimension_is_shown_by_the_value_that_it_points_at(tmp_path: Path) -> None:
    """Velocity encoding: an attribute of a group that is not among the usual ones."""
    path = tmp_path / "1.dcm"

    def edit_frame(groups: Dataset, i: int) -> None:
        _indices(lambda i: [1 + i // 2, 1 + i % 2])(groups, i)
        groups.MRSpatialSaturationSequence = group(SlabThickness=[80.0, 120.5][i % 2])

    write_enhanced(
        path,
        [i // 2 for i in range(6)],
        dimensions=((IN_STACK, CONTENT), (0x00189104, 0x00189107)),
        edit_frame=edit_frame,
    )
    assert [s.label for s in vdl.scan(path)[0].stacks()] == ["SlabThickness 80", "SlabThickness 120.5"]


def test_a_private_dimension_is_named_by_its_tag(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    write_enhanced(
        path,
        [i // 2 for i in range(6)],
        dimensions=((IN_STACK, CONTENT), (0x20051010, None)),
        edit_frame=_indices(lambda i: [1 + i // 2, 1 + i % 2]),
    )
    assert [s.label for s in vdl.scan(path)[0].stacks()] == ["(2005,1010) 1", "(2005,1010) 2"]


def test_dimension_values_that_do_not_fit_the_dimensions_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    stored = write_enhanced(
        path, range(3), dimensions=((STACK_ID, CONTENT), (IN_STACK, CONTENT)), edit_frame=_indices(lambda i: [1, 1, 1])
    )
    np.testing.assert_array_equal(vdl.load(path).frames, stored)
    assert all(f.header.dimensions == () for f in vdl.scan(path)[0].frames)


def test_dimensions_may_be_left_out(tmp_path: Path) -> None:
    """DimensionIndexValues without a DimensionIndexSequence, and the reverse."""
    for name, dimensions in (("1.dcm", ()), ("2.dcm", ((STACK_ID, CONTENT),))):
        path = tmp_path / name
        edit_frame = _indices(lambda i: [1, i]) if not dimensions else None
        stored = write_enhanced(path, range(3), dimensions=dimensions, edit_frame=edit_frame)
        np.testing.assert_array_equal(vdl.load(path).frames, stored)


def test_stacks_with_a_name_are_stacks(tmp_path: Path) -> None:
    """Two slabs of one orientation, one behind the other, are told apart by StackID."""
    path = tmp_path / "1.dcm"

    def edit_frame(groups: Dataset, i: int) -> None:
        groups.FrameContentSequence[0].StackID = "AB"[i // 3]

    stored = write_enhanced(path, (0, 1, 2, 7, 8, 9), edit_frame=edit_frame)
    with pytest.raises(vdl.DuplicateSliceError, match=r"told apart by StackID \(StackID A, StackID B\)"):
        vdl.load(path)
    first, second = vdl.load_all(path)
    np.testing.assert_array_equal(first.frames, stored[:3])
    np.testing.assert_array_equal(second.frames, stored[3:])
    assert second.geometry.to_patient((0, 0, 0))[2] == pytest.approx(47.5)


def test_a_stack_name_for_every_frame_divides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"

    def edit_frame(groups: Dataset, i: int) -> None:
        groups.FrameContentSequence[0].StackID = str(i)

    stored = write_enhanced(path, range(4), edit_frame=edit_frame)
    np.testing.assert_array_equal(vdl.load(path).frames, stored)


def test_frames_that_nothing_tells_apart_are_divided_by_their_number(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    stored = write_enhanced(path, (0, 0, 1, 1, 2, 2))
    with pytest.warns(vdl.DicomLoadWarning, match="order of frame number alone"):
        volumes = vdl.load_all(path)
    assert [v.stack_labels for v in volumes] == [(("frame number", Rank(1, 2)),), (("frame number", Rank(2, 2)),)]
    np.testing.assert_array_equal(volumes[1].frames, stored[1::2])


def test_one_frame_too_many_names_the_frames(tmp_path: Path) -> None:
    """The file cannot be ignored; the message says which of its frames, and how to get at them."""
    path = tmp_path / "1.dcm"
    stored = write_enhanced(path, (0, 1, 2, 2, 3))
    with pytest.raises(vdl.DuplicateSliceError, match=r"1\.dcm frame 3 and 1\.dcm frame 4 → order=\"given\""):
        vdl.load(path)
    with pytest.warns(vdl.DicomLoadWarning) as caught:
        volume = vdl.load(path, order="given")
    assert any("not monotone in space" in str(w.message) for w in caught)
    np.testing.assert_array_equal(volume.frames, stored)


def test_a_private_sop_class_with_groups(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    stored = write_enhanced(path, (1, 0, 2), sop_class="1.2.3.4.5")
    np.testing.assert_array_equal(vdl.load(path).frames, stored[[1, 0, 2]])


def test_one_frame_with_groups(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    stored = write_enhanced(path, [3])
    volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames, stored)
    np.testing.assert_allclose(volume.geometry.to_patient((0, 0, 0)), (-10, -20, 37.5))
    assert volume.spacing == (0.5, 0.8, 2.0)


@pytest.mark.parametrize(("value", "field"), [(b"4321.5", "window_center"), (b"7654.5", "slice_thickness")])
def test_an_optional_value_of_a_group_that_cannot_be_parsed_counts_as_absent(
    tmp_path: Path, value: bytes, field: str
) -> None:
    path = tmp_path / "1.dcm"

    def own(groups: Dataset, i: int) -> None:
        groups.FrameVOILUTSequence = group(WindowCenter=4321.5, WindowWidth=100)
        groups.PixelMeasuresSequence = group(PixelSpacing=[0.8, 0.5], SliceThickness=7654.5)

    def edit(d: Dataset) -> None:
        del d.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence

    stored = write_enhanced(path, range(3), edit=edit, edit_frame=own)
    assert getattr(vdl.scan(path)[0].frames[0].header, field) == float(value)
    path.write_bytes(path.read_bytes().replace(value, b"4321,5"))
    assert getattr(vdl.scan(path)[0].frames[0].header, field) is None
    np.testing.assert_array_equal(vdl.load(path).frames, stored)


def test_groups_that_say_nothing(tmp_path: Path) -> None:
    d = multi_frame(2, SegmentationStorage)
    d.PerFrameFunctionalGroupsSequence = [Dataset(), Dataset()]
    write_dataset(tmp_path / "1.dcm", d)
    with pytest.warns(vdl.DicomLoadWarning) as caught:
        volume = vdl.load(tmp_path)
    assert any("frames are in file order" in str(w.message) for w in caught)
    assert volume.frames.shape == (2, ROWS, COLUMNS)


# ------------------------------------------------------------------------------- groups that are empty, or one too many
def _classic_slice(path: Path, k: int, **groups: Any) -> np.ndarray[Any, Any]:
    """Write slice `k` of a classic MR series whose files hold functional groups too; returns its stored values."""
    d = multi_frame(1, MRImageStorage, "MR")
    del d.NumberOfFrames
    d.SOPInstanceUID, d.InstanceNumber = f"{ROOT}.3.{k + 1}", k + 1
    d.ImagePositionPatient, d.ImageOrientationPatient = [-10, -20, 30 + 2.5 * k], [1, 0, 0, 0, 1, 0]
    d.PixelSpacing, d.SliceThickness, d.EchoTime = [0.8, 0.5], 2, 7
    stored = np.arange(ROWS * COLUMNS, dtype="<u2").reshape(ROWS, COLUMNS) + 100 * k
    d.PixelData = stored.tobytes()
    for keyword, value in groups.items():
        setattr(d, keyword, value)
    write_dataset(path, d)
    return stored


OTHER_PLACE = group(
    PlaneOrientationSequence=group(ImageOrientationPatient=[0, 1, 0, 0, 0, 1]),
    PlanePositionSequence=group(ImagePositionPatient=[1, 2, 3]),
    PixelMeasuresSequence=group(PixelSpacing=[9, 9]),
    PixelValueTransformationSequence=group(RescaleSlope=9, RescaleIntercept=9),
)


@pytest.mark.parametrize(
    "groups",
    [
        {"PerFrameFunctionalGroupsSequence": []},
        {"SharedFunctionalGroupsSequence": []},
        {"SharedFunctionalGroupsSequence": [], "PerFrameFunctionalGroupsSequence": []},
        {"SharedFunctionalGroupsSequence": [Dataset()]},
        {"SharedFunctionalGroupsSequence": OTHER_PLACE},
        {"SharedFunctionalGroupsSequence": OTHER_PLACE, "PerFrameFunctionalGroupsSequence": [Dataset()]},
    ],
    ids=["no item", "none shared", "none at all", "an empty item", "another place", "another place shared"],
)
def test_a_classic_object_is_read_by_its_top_level(tmp_path: Path, groups: dict[str, Any]) -> None:
    stored = [_classic_slice(tmp_path / f"{k}.dcm", k, **groups) for k in range(6)]
    volume = vdl.load(tmp_path)
    np.testing.assert_array_equal(volume.frames, stored)
    np.testing.assert_allclose(
        volume.affine, [[0.5, 0, 0, -10], [0, 0.8, 0, -20], [0, 0, 2.5, 30], [0, 0, 0, 1]], atol=1e-9
    )


@pytest.mark.parametrize(
    "groups",
    [
        {"PerFrameFunctionalGroupsSequence": []},
        {"SharedFunctionalGroupsSequence": [], "PerFrameFunctionalGroupsSequence": []},
        {"PerFrameFunctionalGroupsSequence": group(PlanePositionSequence=[])},
        {"PerFrameFunctionalGroupsSequence": group(PlanePositionSequence=[Dataset()])},
        {"SharedFunctionalGroupsSequence": group(PixelMeasuresSequence=[Dataset()])},
    ],
    ids=["no item", "none at all", "a group without item", "an empty position", "an empty spacing"],
)
def test_the_top_level_says_what_the_groups_of_one_frame_leave_out(tmp_path: Path, groups: dict[str, Any]) -> None:
    for k in range(3):
        _classic_slice(tmp_path / f"{k}.dcm", k, SOPClassUID=EnhancedMRImageStorage, **groups)
    volume = vdl.load(tmp_path)
    np.testing.assert_allclose(volume.affine[:3, 3], (-10, -20, 30))
    assert volume.spacing == pytest.approx((0.5, 0.8, 2.5))


def test_groups_of_one_frame_go_before_the_top_level_of_an_enhanced_object(tmp_path: Path) -> None:
    _classic_slice(
        tmp_path / "1.dcm",
        0,
        SOPClassUID=EnhancedMRImageStorage,
        PerFrameFunctionalGroupsSequence=group(PlanePositionSequence=group(ImagePositionPatient=[1, 2, 3])),
    )
    np.testing.assert_allclose(vdl.load(tmp_path).affine[:3, 3], (1, 2, 3))


@pytest.mark.parametrize("defined", [True, False])
def test_classic_objects_with_groups_are_scanned_as_a_strict_parse_reads_them(tmp_path: Path, defined: bool) -> None:
    """Also where one file has an empty group, or more items than the others."""
    paths = [tmp_path / f"{k}.dcm" for k in range(24)]
    for k, path in enumerate(paths):
        shared = group(
            MREchoSequence=group(EffectiveEchoTime=10 ** (k % 3)),
            PatientOrientationInFrameSequence=[Dataset()] * (k % 4),
        )
        if k == 7:
            shared = []
        _classic_slice(path, k, SharedFunctionalGroupsSequence=shared)
        if not defined:
            dataset = pydicom.dcmread(path)
            dataset["SharedFunctionalGroupsSequence"].is_undefined_length = True
            dataset.save_as(path)
    headers = HeaderReader().read([as_file(path).begin(1 << 14) for path in paths])
    assert headers == [read_header(path) for path in paths]


def test_orientation_at_the_top_level_is_that_of_every_frame(tmp_path: Path) -> None:
    order = [3, 0, 4, 1, 2]

    def edit(d: Dataset) -> None:
        del d.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
        d.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]

    stored = write_enhanced(tmp_path / "1.dcm", order, edit=edit)
    with pytest.warns(vdl.DicomLoadWarning, match="ImageOrientationPatient stands outside the functional groups"):
        volume = vdl.load(tmp_path)
    np.testing.assert_array_equal(volume.frames, stored[np.argsort(order)])
    np.testing.assert_allclose(volume.affine[:3, 2], (0, 0, 2.5))


def test_orientation_at_the_top_level_says_nothing_of_frames_without_positions(tmp_path: Path) -> None:
    def edit(d: Dataset) -> None:
        del d.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
        d.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]

    def edit_frame(groups: Dataset, _i: int) -> None:
        del groups.PlanePositionSequence

    write_enhanced(tmp_path / "1.dcm", range(5), edit=edit, edit_frame=edit_frame)
    (header, *_) = make_frames(read_header(tmp_path / "1.dcm"))
    assert header.orientation is None
    assert header.header.liberties == ()


def test_groups_go_before_the_orientation_of_the_top_level(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "1.dcm", range(5), ImageOrientationPatient=[0, 1, 0, 0, 0, 1])
    np.testing.assert_allclose(vdl.load(tmp_path).affine[:3, 2], (0, 0, 2.5))


def test_positions_in_doubles(tmp_path: Path) -> None:
    """FD where PS3.6 has DS."""
    order = [3, 0, 4, 1, 2]

    def edit_frame(groups: Dataset, i: int) -> None:
        item = groups.PlanePositionSequence[0]
        del item.ImagePositionPatient
        item.add(DataElement(0x00200032, "FD", [-10.0, -20.0, 30 + 2.5 * order[i]]))

    stored = write_enhanced(tmp_path / "1.dcm", order, edit_frame=edit_frame)
    volume = vdl.load(tmp_path)
    np.testing.assert_array_equal(volume.frames, stored[np.argsort(order)])
    np.testing.assert_allclose(volume.affine[:3, 3], (-10, -20, 30))


def _repeat(index: int, at: int) -> Callable[[Dataset], None]:
    def edit(d: Dataset) -> None:
        d.PerFrameFunctionalGroupsSequence.insert(at, deepcopy(d.PerFrameFunctionalGroupsSequence[index]))

    return edit


def _insert(item: Dataset, at: int) -> Callable[[Dataset], None]:
    return lambda d: d.PerFrameFunctionalGroupsSequence.insert(at, item)


SURPLUS = {
    "an empty one behind them": _insert(Dataset(), 5),
    "an empty one before them": _insert(Dataset(), 0),
    "an empty one between them": _insert(Dataset(), 2),
    "the last one twice": _repeat(4, 5),
    "the first one twice": _repeat(0, 0),
    "the third one twice": _repeat(2, 3),
    "the first one behind all": _repeat(0, 5),
}


@pytest.mark.parametrize("edit", SURPLUS.values(), ids=SURPLUS)
def test_one_group_too_many_that_no_frame_needs(tmp_path: Path, edit: Callable[[Dataset], None]) -> None:
    dimensions = [(IN_STACK, CONTENT)]

    def edit_frame(groups: Dataset, i: int) -> None:
        groups.FrameContentSequence[0].DimensionIndexValues = [i + 1]
        groups.FrameContentSequence[0].InStackPositionNumber = i + 1

    stored = write_enhanced(tmp_path / "1.dcm", range(5), edit=edit, edit_frame=edit_frame, dimensions=dimensions)
    with pytest.warns(vdl.DicomLoadWarning, match="one per-frame functional group more than frames"):
        volume = vdl.load(tmp_path)
    np.testing.assert_array_equal(volume.frames, stored)
    np.testing.assert_allclose(volume.affine[:3, 3], (-10, -20, 30))


def _next_place(d: Dataset) -> None:
    _repeat(4, 5)(d)
    d.PerFrameFunctionalGroupsSequence[5].PlanePositionSequence[0].ImagePositionPatient[2] += 2.5


def _two_more(d: Dataset) -> None:
    _repeat(4, 5)(d)
    _repeat(4, 5)(d)


AMBIGUOUS = {
    "a place of its own": _next_place,
    "the last one before all": _repeat(4, 0),
    "the first one behind all, without indices": _repeat(0, 5),
    "two more": _two_more,
}


@pytest.mark.parametrize("edit", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_one_group_too_many_that_may_be_any_is_refused(tmp_path: Path, edit: Callable[[Dataset], None]) -> None:
    write_enhanced(tmp_path / "1.dcm", range(5), edit=edit)
    with pytest.raises(vdl.CorruptFileError, match=r"[67] per-frame groups for 5 frames"):
        vdl.load(tmp_path)


def test_groups_behind_an_unknown_vr_are_read(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    stored = write_enhanced(path, [2, 0, 1])
    data = path.read_bytes()
    at = data.index(b"\x28\0\2\0US")
    path.write_bytes(data[:at] + b"\x19\0\1\x10??\0\0\6\0\0\0abcdef" + data[at:])
    with pytest.warns(vdl.DicomLoadWarning, match="a VR that the standard does not know"):
        volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames, stored[[1, 2, 0]])
