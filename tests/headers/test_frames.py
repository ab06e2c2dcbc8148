"""Multi-frame files: enhanced objects, plain runs of frames, dose grids; frames, geometry and scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from enhanced import COLUMNS, ROWS, group, multi_frame, write_enhanced
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.pixels import pixel_array
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ParametricMapStorage,
    PositronEmissionTomographyImageStorage,
    RTDoseStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    UltrasoundMultiFrameImageStorage,
    VLWholeSlideMicroscopyImageStorage,
    XRayAngiographicImageStorage,
)
from synthetic import ROOT, write_dataset, write_series

import vtkdicomload as vdl
from vtkdicomload.headers.sop_classes import LABEL_MAP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Edit = Callable[[Dataset], None]


def _stored(count: int) -> np.ndarray:
    return np.arange(count * ROWS * COLUMNS).reshape(count, ROWS, COLUMNS)


def _enhanced(
    path: Path,
    order: Sequence[int] = (0, 1, 2, 3, 4),
    *,
    slopes: Sequence[float] | None = None,
    edit: Edit | None = None,
    edit_frame: Callable[[Dataset, int], None] | None = None,
    syntax: str = ExplicitVRLittleEndian,
) -> None:
    """An enhanced CT whose frame *i* lies at place ``order[i]``, 2.5 mm apart; slope 2 and intercept -10 by default."""
    d = multi_frame(len(order), EnhancedCTImageStorage)
    shared = Dataset()
    shared.PlaneOrientationSequence = group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.PixelMeasuresSequence = group(PixelSpacing=[0.8, 0.5], SliceThickness=2)
    if slopes is None:
        shared.PixelValueTransformationSequence = group(RescaleSlope=2, RescaleIntercept=-10, RescaleType="HU")
    d.SharedFunctionalGroupsSequence = [shared]
    each = []
    for i, place in enumerate(order):
        own = Dataset()
        own.PlanePositionSequence = group(ImagePositionPatient=[-10, -20, 30 + 2.5 * place])
        if slopes is not None:
            own.PixelValueTransformationSequence = group(RescaleSlope=slopes[i], RescaleIntercept=i)
        if edit_frame is not None:
            edit_frame(own, i)
        each.append(own)
    d.PerFrameFunctionalGroupsSequence = each
    if edit is not None:
        edit(d)
    write_dataset(path, d, syntax)


# ------------------------------------------------------------------------------------------------------------ enhanced
def test_a_real_enhanced_mr(data: Path) -> None:
    (path,) = (data / "enh_mr_phase").iterdir()
    d = pydicom.dcmread(path)
    groups = d.PerFrameFunctionalGroupsSequence
    places = np.array([g.PlanePositionSequence[0].ImagePositionPatient for g in groups], float)
    orientation = np.array(groups[0].PlaneOrientationSequence[0].ImageOrientationPatient, float)
    row, column = orientation.reshape(2, 3)
    order = np.argsort(places @ np.cross(row, column))
    transform = groups[0].PixelValueTransformationSequence[0]
    truth = d.pixel_array[order] * float(transform.RescaleSlope) + float(transform.RescaleIntercept)
    for engine in ("auto", "direct", "pydicom"):
        volume = vdl.load(path, engine=engine)
        np.testing.assert_array_equal(volume.frames, truth)
        for k in (0, 16, 32):
            np.testing.assert_allclose(
                volume.geometry.to_patient((0, 0, k)), places[order[k]], atol=0.02 * volume.spacing[2]
            )
        np.testing.assert_allclose(volume.geometry.positions, places[order])
        measures = groups[0].PixelMeasuresSequence[0]
        assert volume.spacing[:2] == tuple(float(s) for s in measures.PixelSpacing)[::-1]
    assert [f.index_in_file for f in volume.series.frames] == order.tolist()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3)])
def test_frames_are_sorted_by_position(tmp_path: Path, order: Sequence[int], syntax: str) -> None:
    path = tmp_path / "1.dcm"
    _enhanced(path, order, syntax=syntax)
    truth = _stored(5)[np.argsort(order)] * 2 - 10
    for engine in ("auto", "pydicom"):
        volume = vdl.load(path, engine=engine, verify="all")
        np.testing.assert_array_equal(volume.frames, truth)
        assert volume.spacing == pytest.approx((0.5, 0.8, 2.5))
        np.testing.assert_allclose(volume.geometry.to_patient((0, 0, 0)), (-10, -20, 30), atol=1e-6)
        assert volume.units == "HU"


def test_every_frame_has_its_own_slope(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    order, slopes = (2, 0, 4, 1, 3), (0.5, 1.5, 2.5, 3.5, 4.5)
    _enhanced(path, order, slopes=slopes)
    scaled = _stored(5) * np.array(slopes)[:, None, None] + np.arange(5)[:, None, None]
    volume = vdl.load(path)
    assert volume.dtype == np.float32
    np.testing.assert_array_equal(volume.frames, scaled[np.argsort(order)])
    np.testing.assert_array_equal(vdl.load(path, rescale=False).frames, _stored(5)[np.argsort(order)])


def test_own_groups_go_before_shared_ones(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"

    def own(groups: Dataset, i: int) -> None:
        groups.PixelValueTransformationSequence = group(RescaleSlope=3, RescaleIntercept=1)

    _enhanced(path, edit_frame=own)
    np.testing.assert_array_equal(vdl.load(path).frames, _stored(5) * 3 + 1)


def test_nested_tags_of_the_groups_are_not_those_of_other_files(tmp_path: Path) -> None:
    """Top-level attributes that the groups override."""
    path = tmp_path / "1.dcm"

    def edit(d: Dataset) -> None:
        d.ImagePositionPatient, d.PixelSpacing, d.RescaleSlope, d.RescaleIntercept = [9, 9, 9], [9, 9], 9, 9

    _enhanced(path, edit=edit)
    volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames, _stored(5) * 2 - 10)
    assert volume.spacing == pytest.approx((0.5, 0.8, 2.5))


@pytest.mark.parametrize("order", [(0, 1, 3, 4), (0, 2, 3, 4), (4, 3, 1, 0)])
def test_a_missing_frame(tmp_path: Path, order: Sequence[int]) -> None:
    _enhanced(tmp_path / "1.dcm", order)
    with pytest.raises(vdl.MissingSliceError, match="1 slice missing in 4"):
        vdl.load(tmp_path)
    with pytest.warns(vdl.DicomLoadWarning, match="interpolated"):
        volume = vdl.load(tmp_path, irregular="resample")
    assert volume.frames.shape == (5, ROWS, COLUMNS)


def test_two_frames_at_one_place(tmp_path: Path) -> None:
    _enhanced(tmp_path / "1.dcm", (0, 1, 2, 2, 3))
    with pytest.raises(vdl.DuplicateSliceError):
        vdl.load(tmp_path)


def test_echoes_in_one_file_are_stacks(tmp_path: Path) -> None:
    def echo(groups: Dataset, i: int) -> None:
        groups.MREchoSequence = group(EffectiveEchoTime=float(5 + 5 * (i % 2)))

    _enhanced(tmp_path / "1.dcm", (0, 0, 1, 1, 2, 2), edit_frame=echo)
    with pytest.raises(vdl.DuplicateSliceError, match=r"2 volumes of 3 slices \(2\.5 mm\).*EchoTime 5, EchoTime 10"):
        vdl.load(tmp_path)
    first, second = vdl.load_all(tmp_path)
    np.testing.assert_array_equal(first.frames, _stored(6)[::2] * 2 - 10)
    np.testing.assert_array_equal(second.frames, _stored(6)[1::2] * 2 - 10)


def _one_group_less(d: Dataset) -> None:
    d.PerFrameFunctionalGroupsSequence = d.PerFrameFunctionalGroupsSequence[:-1]


def _no_orientation(d: Dataset) -> None:
    del d.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0].ImageOrientationPatient


def _slope_zero(d: Dataset) -> None:
    d.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence[0].RescaleSlope = 0


def _two_values(d: Dataset) -> None:
    d.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient = [1, 2]


def _spacing_zero(d: Dataset) -> None:
    d.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [0, 1]


def _empty_position(d: Dataset) -> None:
    d.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0].ImagePositionPatient = None


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (_one_group_less, "4 per-frame groups for 5 frames"),
        (_no_orientation, "ImageOrientationPatient is missing or empty"),
        (_slope_zero, "RescaleSlope is 0"),
        (_two_values, "2 values where 3 belong"),
        (_spacing_zero, "PixelSpacing is no distance"),
        (_empty_position, "ImagePositionPatient is missing or empty"),
        (lambda d: setattr(d, "NumberOfFrames", 6), "less than the"),
        (lambda d: setattr(d, "NumberOfFrames", 4), "more than the"),
        (lambda d: setattr(d, "NumberOfFrames", 0), "more than the"),
    ],
)
def test_groups_that_do_not_describe_the_frames(tmp_path: Path, edit: Edit, words: str) -> None:
    path = tmp_path / "1.dcm"
    _enhanced(path, edit=edit)
    with pytest.raises(vdl.CorruptFileError, match=words) as caught:
        vdl.load(path)
    assert caught.value.files == (str(path),)
    (problem,) = vdl.scan(path).problems
    assert problem.path == str(path)


@pytest.mark.parametrize("spelling", [b"1_00.5", b"0x1.ap", b"1,00.5", b"infini", b"1e999 "])
def test_spellings_that_are_no_number_of_dicom(tmp_path: Path, spelling: bytes) -> None:
    path = tmp_path / "1.dcm"

    def edit(d: Dataset) -> None:
        shared = d.SharedFunctionalGroupsSequence[0]
        shared.PixelMeasuresSequence[0].PixelSpacing = ["100.25", "100.50"]

    _enhanced(path, edit=edit)
    data = path.read_bytes()
    assert data.count(b"100.25") == 1
    path.write_bytes(data.replace(b"100.25", spelling))
    with pytest.raises(vdl.CorruptFileError, match="its functional groups cannot be used"):
        vdl.load(path)


@pytest.mark.parametrize("sequence", [b"\x28\0\x10\x91SQ\0\0", b"\x28\0\x45\x91SQ\0\0", b"\x20\0\x13\x91SQ\0\0"])
def test_a_group_whose_length_leaves_its_item(tmp_path: Path, sequence: bytes) -> None:
    """PixelMeasuresSequence then swallows the rescale; pydicom says nothing, but the length points out of the item."""
    path = tmp_path / "1.dcm"
    _enhanced(path)
    data = bytearray(path.read_bytes())
    data[data.index(sequence) + len(sequence) + 1] ^= 0x20
    path.write_bytes(data)
    with pytest.raises(vdl.CorruptFileError):
        vdl.load(path)


def test_one_frame_of_one_without_position(tmp_path: Path) -> None:
    def edit(groups: Dataset, i: int) -> None:
        if i == 1:
            del groups.PlanePositionSequence

    _enhanced(tmp_path / "1.dcm", edit_frame=edit)
    with pytest.raises(vdl.DicomLoadError):
        vdl.load(tmp_path)


def test_several_enhanced_files_make_one_stack(tmp_path: Path) -> None:
    """A series of two enhanced files with three frames each, the odd ones in one of them: that is told."""
    _enhanced(tmp_path / "1.dcm", (0, 2, 4), edit=lambda d: setattr(d, "SOPInstanceUID", f"{ROOT}.3.1"))
    _enhanced(tmp_path / "2.dcm", (5, 3, 1), edit=lambda d: setattr(d, "SOPInstanceUID", f"{ROOT}.3.2"))
    with pytest.warns(vdl.DicomLoadWarning, match="SOPInstanceUID differs between the slices"):
        volume = vdl.load(tmp_path)
    first, second = _stored(3) * 2 - 10, _stored(3) * 2 - 10
    truth = [first[0], second[2], first[1], second[1], first[2], second[0]]
    np.testing.assert_array_equal(volume.frames, truth)


# ------------------------------------------------------------------------------------------- plain runs of frames
def _plain(path: Path, **attributes: Any) -> None:
    d = multi_frame(5, SecondaryCaptureImageStorage)
    d.PixelSpacing = [0.8, 0.5]
    for keyword, value in attributes.items():
        setattr(d, keyword, value)
    write_dataset(path, d)


@pytest.mark.parametrize("engine", ["auto", "pydicom"])
def test_plain_frames_come_in_file_order_with_a_warning(tmp_path: Path, engine: str) -> None:
    path = tmp_path / "1.dcm"
    _plain(path, SliceThickness=3)
    with pytest.warns(vdl.DicomLoadWarning) as said:
        volume = vdl.load(path, engine=engine)
    assert [str(w.message) for w in said] == [
        "no ImagePositionPatient: frames are in file order, 3 mm is taken for the distance of slices"
    ]
    np.testing.assert_array_equal(volume.frames, pydicom.dcmread(path).pixel_array)
    assert volume.affine is None
    assert volume.spacing == (0.5, 0.8, 3.0)


def test_one_position_does_not_place_many_frames(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    _plain(path, ImagePositionPatient=[0, 0, 0], ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    volume = vdl.load(path)
    assert volume.geometry.third_axis == "frames"
    assert volume.affine is None
    np.testing.assert_array_equal(volume.frames, _stored(5))


def test_a_real_ultrasound_is_a_run_of_frames() -> None:
    """Colour, JPEG compressed, of pydicom's own test files."""
    path = get_testdata_file("examples_ybr_color.dcm", download=False)
    d = pydicom.dcmread(path)
    with pytest.warns(vdl.DicomLoadWarning, match="that of the ultrasound regions") as said:
        volume = vdl.load(path)
    assert len(said) == 1
    assert volume.frames.shape == (30, 240, 320, 3)
    assert (volume.geometry.third_axis, volume.affine) == ("frames", None)
    np.testing.assert_allclose(volume.geometry.frame_times, np.arange(30) * float(d.FrameTime))
    for k in (0, 13, 29):
        truth = pixel_array(d, index=k).astype(int)
        assert np.abs(volume.frames[k] - truth).max() <= 3
    assert volume.photometric_interpretation == "RGB"


@pytest.mark.parametrize(
    ("sop_class", "modality"),
    [(UltrasoundMultiFrameImageStorage, "US"), (XRayAngiographicImageStorage, "XA")],
)
def test_runs_of_other_modalities(tmp_path: Path, sop_class: str, modality: str) -> None:
    path = tmp_path / "1.dcm"
    d = multi_frame(4, sop_class, modality)
    d.FrameIncrementPointer, d.FrameTime = 0x00181063, 40
    write_dataset(path, d)
    volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames, _stored(4))
    assert (volume.geometry.third_axis, volume.affine) == ("frames", None)
    assert volume.geometry.frame_times.tolist() == [0, 40, 80, 120]


@pytest.mark.parametrize(
    ("sop_class", "modality", "attributes"),
    [
        (PositronEmissionTomographyImageStorage, "PT", {"Units": "BQML", "RescaleSlope": 0.25}),
        (XRayAngiographicImageStorage, "XA", {"ImagePositionPatient": None, "ImageOrientationPatient": None}),
        (ComputedRadiographyImageStorage, "CR", {"ImagePositionPatient": None, "ImageOrientationPatient": None}),
        (DigitalMammographyXRayImageStorageForPresentation, "MG", {"ImagePositionPatient": None}),
    ],
)
def test_single_frames_of_other_modalities(
    tmp_path: Path, sop_class: str, modality: str, attributes: dict[str, Any]
) -> None:
    """PET makes a volume; a projection is one image without a place."""
    count = 4 if modality == "PT" else 1
    truth = write_series(tmp_path, count=count, dtype=np.uint16, SOPClassUID=sop_class, Modality=modality, **attributes)
    if modality == "PT":
        volume = vdl.load(tmp_path, verify="all")
        np.testing.assert_allclose(volume.geometry.affine, truth.affine, atol=1e-9)
        assert volume.units == "BQML"
        assert volume.dtype == np.float32
    else:
        volume = vdl.load(tmp_path, verify="all")
        assert volume.affine is None
    np.testing.assert_array_equal(volume.frames, truth.frames)


@pytest.mark.parametrize("organization", ["TILED_FULL", "TILED_SPARSE"])
def test_tiles_of_a_slide_are_no_slices(tmp_path: Path, organization: str) -> None:
    """Functional groups of each tile may be left out (PS3.3 C.7.6.17.3)."""
    d = multi_frame(4, VLWholeSlideMicroscopyImageStorage, "SM")
    d.DimensionOrganizationType, d.SharedFunctionalGroupsSequence = organization, [Dataset()]
    if organization == "TILED_SPARSE":
        d.PerFrameFunctionalGroupsSequence = [Dataset() for _ in range(4)]
    write_dataset(tmp_path / "1.dcm", d)
    assert not vdl.scan(tmp_path).problems
    with pytest.raises(vdl.UnsupportedPixelDataError, match="tiles of a whole slide image"):
        vdl.load(tmp_path)


def test_one_frame_without_position_cannot_be_left_out(tmp_path: Path) -> None:
    def edit(d: Dataset) -> None:
        del d.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence

    path = tmp_path / "1.dcm"
    write_enhanced(path, range(4), edit=edit)
    with pytest.raises(vdl.GeometryError, match="1 of 4 frames have no ImagePositionPatient") as caught:
        vdl.load(path)
    assert str(caught.value).endswith("→ get the file again")


@pytest.mark.parametrize("organization", ["TILED_FULL", "TILED_SPARSE"])
def test_tiles_of_a_segmentation_are_no_slices(tmp_path: Path, organization: str) -> None:
    def edit(d: Dataset) -> None:
        for own in d.PerFrameFunctionalGroupsSequence:
            del own.PlanePositionSequence
        if organization == "TILED_FULL":
            del d.PerFrameFunctionalGroupsSequence

    path = tmp_path / "1.dcm"
    write_enhanced(path, range(4), sop_class=SegmentationStorage, edit=edit, DimensionOrganizationType=organization)
    with pytest.raises(vdl.UnsupportedPixelDataError, match="tiles of a whole slide image"):
        vdl.load(path)


def _on_slide(own: Dataset, i: int) -> None:
    del own.PlanePositionSequence
    own.PlanePositionSlideSequence = group(
        XOffsetInSlideCoordinateSystem=10.0 + i,
        YOffsetInSlideCoordinateSystem=20.0,
        ZOffsetInSlideCoordinateSystem=0.0,
        ColumnPositionInTotalImagePixelMatrix=1 + COLUMNS * i,
        RowPositionInTotalImagePixelMatrix=1,
    )


def _nowhere(own: Dataset, _: int) -> None:
    del own.PlanePositionSequence


@pytest.mark.parametrize("sop_class", [SegmentationStorage, LABEL_MAP, ParametricMapStorage, EnhancedMRImageStorage])
@pytest.mark.parametrize(
    ("place", "total"),
    [(_on_slide, None), (_on_slide, (ROWS, 4 * COLUMNS)), (_nowhere, (2 * ROWS, 2 * COLUMNS))],
)
def test_tiles_that_no_organization_tells_of_are_no_slices(
    tmp_path: Path, sop_class: str, place: Any, total: tuple[int, int] | None
) -> None:
    matrix = {"TotalPixelMatrixRows": total[0], "TotalPixelMatrixColumns": total[1]} if total else {}
    write_enhanced(tmp_path / "1.dcm", range(4), sop_class=sop_class, edit_frame=place, **matrix)
    with pytest.raises(vdl.UnsupportedPixelDataError, match="tiles of a whole slide image"):
        vdl.load(tmp_path)


def test_one_part_of_a_slide_is_no_picture_of_it(tmp_path: Path) -> None:
    d = multi_frame(1, VLWholeSlideMicroscopyImageStorage, "SM")
    d.TotalPixelMatrixRows, d.TotalPixelMatrixColumns = ROWS, 10 * COLUMNS
    write_dataset(tmp_path / "1.dcm", d)
    with pytest.raises(vdl.UnsupportedPixelDataError, match="tiles of a whole slide image"):
        vdl.load(tmp_path)


@pytest.mark.parametrize("organization", ["TILED_FULL", None])
def test_a_whole_picture_of_a_slide_is_an_image(tmp_path: Path, organization: str | None) -> None:
    """As labels, overviews and thumbnails are."""
    d = multi_frame(1, VLWholeSlideMicroscopyImageStorage, "SM")
    d.TotalPixelMatrixRows, d.TotalPixelMatrixColumns = ROWS, COLUMNS
    if organization:
        d.DimensionOrganizationType, d.SharedFunctionalGroupsSequence = organization, [Dataset()]
    write_dataset(tmp_path / "1.dcm", d)
    volume = vdl.load(tmp_path)
    np.testing.assert_array_equal(volume.frames, np.arange(ROWS * COLUMNS).reshape(1, ROWS, COLUMNS))
    assert (volume.geometry.third_axis, volume.affine) == ("frames", None)


@pytest.mark.parametrize("columns", [COLUMNS, 99])
def test_frames_with_a_place_in_the_patient_are_no_tiles(tmp_path: Path, columns: int) -> None:
    path = tmp_path / "1.dcm"
    stored = write_enhanced(path, range(4), TotalPixelMatrixRows=ROWS, TotalPixelMatrixColumns=columns)
    np.testing.assert_array_equal(vdl.load(tmp_path).frames, stored)


# --------------------------------------------------------------------------------------------------------- dose grids
def test_a_real_dose_grid(data: Path) -> None:
    (path,) = (data / "rtdose_32bit").iterdir()
    d = pydicom.dcmread(path)
    truth = d.pixel_array * float(d.DoseGridScaling)
    for engine in ("auto", "direct", "pydicom"):
        volume = vdl.load(path, engine=engine)
        np.testing.assert_allclose(volume.frames, truth, rtol=1e-15)
        assert volume.dtype == np.float64
        assert volume.units == ("Gy" if d.DoseUnits == "GY" else d.DoseUnits)
        first = np.array(d.ImagePositionPatient, float)
        row, column = np.reshape(np.array(d.ImageOrientationPatient, float), (2, 3))
        for k, offset in enumerate(d.GridFrameOffsetVector):
            expected = first + (float(offset) - float(d.GridFrameOffsetVector[0])) * np.cross(row, column)
            np.testing.assert_allclose(volume.geometry.to_patient((0, 0, k)), expected, atol=1e-6)
        assert volume.spacing[:2] == tuple(float(s) for s in d.PixelSpacing)[::-1]


def _dose(path: Path, offsets: Sequence[float] | None, **attributes: Any) -> None:
    d = multi_frame(5, RTDoseStorage)
    d.Modality, d.DoseUnits, d.DoseGridScaling = "RTDOSE", "GY", 0.25
    d.ImagePositionPatient, d.ImageOrientationPatient, d.PixelSpacing = [1, 2, 30], [1, 0, 0, 0, 1, 0], [2, 3]
    if offsets is not None:
        d.GridFrameOffsetVector = list(offsets)
    for keyword, value in attributes.items():
        setattr(d, keyword, value)
    write_dataset(path, d)


@pytest.mark.parametrize("offsets", [(0, 2.5, 5, 7.5, 10), (30, 32.5, 35, 37.5, 40)], ids=["relative", "absolute"])
def test_offsets_say_where_the_planes_lie(tmp_path: Path, offsets: Sequence[float]) -> None:
    path = tmp_path / "1.dcm"
    _dose(path, offsets)
    volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames, _stored(5) * 0.25)
    for k in range(5):
        np.testing.assert_allclose(volume.geometry.to_patient((0, 0, k)), (1, 2, 30 + 2.5 * k), atol=1e-9)


def test_a_dose_grid_lies_where_simpleitk_puts_it(data: Path) -> None:
    (path,) = (data / "rtdose_32bit").iterdir()
    volume, image = vdl.load(path), SimpleITK.ReadImage(str(path))
    for index in ((0, 0, 0), (9, 0, 14), (4, 9, 7)):
        place = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(volume.geometry.to_patient(index), place, atol=1e-6)


def test_absolute_offsets_may_descend(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    _dose(path, (30, 27.5, 25, 22.5, 20))
    volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames, _stored(5)[::-1] * 0.25)
    np.testing.assert_allclose(volume.geometry.to_patient((0, 0, 0)), (1, 2, 20), atol=1e-9)


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, -1, 0), (1, 0, 0, 0, 0.8, 0.6), (0, 1, 0, 0, 0, -1)], ids=str)
def test_relative_offsets_run_along_row_times_column(tmp_path: Path, orientation: Sequence[float]) -> None:
    """PS3.3 C.8.8.3.2: positive offsets in the direction of the cross product, whichever way that is."""
    path = tmp_path / "1.dcm"
    _dose(path, (0, 2.5, 5, 7.5, 10), ImageOrientationPatient=list(orientation))
    volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames, _stored(5) * 0.25)
    normal = np.cross(orientation[:3], orientation[3:])
    np.testing.assert_allclose(volume.geometry.to_patient((0, 0, 4)), (1, 2, 30) + 10 * normal, atol=1e-9)


def test_a_dose_of_one_plane(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    d = multi_frame(1, RTDoseStorage, "RTDOSE")
    d.DoseUnits, d.DoseGridScaling, d.PixelSpacing, d.SliceThickness = "RELATIVE", 0.5, [2, 3], 4
    d.ImagePositionPatient, d.ImageOrientationPatient = [1, 2, 30], [1, 0, 0, 0, 1, 0]
    del d.NumberOfFrames
    write_dataset(path, d)
    volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames, _stored(1) * 0.5)
    assert volume.units == "RELATIVE"
    assert volume.spacing == (3, 2, 4)


def test_offsets_that_are_neither_relative_nor_absolute(tmp_path: Path) -> None:
    _dose(tmp_path / "1.dcm", (5, 7.5, 10, 12.5, 15))
    with pytest.raises(vdl.CorruptFileError, match="begins with 5, neither 0 nor the z of the first plane"):
        vdl.load(tmp_path)


def test_descending_offsets_are_sorted(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    _dose(path, (0, -2.5, -5, -7.5, -10))
    volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames, _stored(5)[::-1] * 0.25)
    np.testing.assert_allclose(volume.geometry.to_patient((0, 0, 0)), (1, 2, 20), atol=1e-9)


@pytest.mark.parametrize(
    ("offsets", "attributes"),
    [
        (None, {}),
        ((0, 1, 2), {}),
        ((0, 1, 2, 3, 4), {"DoseGridScaling": 0}),
        ((0, 1, 2, 3, 4), {"DoseGridScaling": ""}),
        ((0, 1, 2, 3, 4), {"ImagePositionPatient": None}),
    ],
)
def test_a_dose_grid_that_cannot_be_placed_or_scaled(
    tmp_path: Path, offsets: Sequence[float] | None, attributes: dict[str, Any]
) -> None:
    path = tmp_path / "1.dcm"
    _dose(path, offsets, **attributes)
    with pytest.raises(vdl.CorruptFileError, match="its dose grid cannot be used") as caught:
        vdl.load(path)
    assert caught.value.files == (str(path),)


def test_uneven_planes_of_a_dose_grid(tmp_path: Path) -> None:
    _dose(tmp_path / "1.dcm", (0, 2.5, 5, 10, 12.5))
    with pytest.raises(vdl.MissingSliceError):
        vdl.load(tmp_path)


def test_a_dose_grid_behind_an_unknown_vr_is_refused(tmp_path: Path) -> None:
    """A reader that steps wrongly over such an element may not see it at all."""
    path = tmp_path / "1.dcm"
    write_dataset(path, multi_frame(2, RTDoseStorage, "RTDOSE"))
    written = path.read_bytes()
    at = written.index(b"\x28\0\2\0US")
    path.write_bytes(written[:at] + b"\x19\0\1\x10??\0\0\6\0\0\0abcdef" + written[at:])
    with pytest.raises(vdl.CorruptFileError, match="a VR that the standard does not know"):
        vdl.load(path)
