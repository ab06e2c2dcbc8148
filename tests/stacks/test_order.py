"""Slices in their places, and what happens where they make no regular stack: numbers, files, hints, geometry."""

from __future__ import annotations

import math
import random
import re
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from synthetic import ROOT, Truth, write_series

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pydicom import Dataset

    Write = Callable[..., Truth]
    Edit = Callable[[Dataset, int], None]

ORIENTATIONS = {
    "axial": (1, 0, 0, 0, 1, 0),
    "axial, head down": (1, 0, 0, 0, -1, 0),
    "axial, prone": (-1, 0, 0, 0, -1, 0),
    "coronal": (1, 0, 0, 0, 0, -1),
    "coronal, from behind": (-1, 0, 0, 0, 0, -1),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "sagittal, from the other side": (0, -1, 0, 0, 0, -1),
    "turned in plane": (0, 1, 0, -1, 0, 0),
    "oblique": (0.8660254038, 0.5, 0, -0.4330127019, 0.75, 0.5),
}


def _placed(place: Callable[[int], Sequence[float]]) -> Edit:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [f"{v:.10g}" for v in place(k)]

    return edit


def _assert_right(volume: vdl.Volume, truth: Truth) -> None:
    np.testing.assert_array_equal(volume.frames, truth.frames)
    np.testing.assert_array_equal(volume.array, truth.array)
    np.testing.assert_allclose(volume.geometry.affine, truth.affine, atol=1e-5)
    np.testing.assert_allclose(volume.spacing, truth.spacing, rtol=1e-6)
    assert volume.geometry.regular


# --------------------------------------------------------------------------------------------------------- by position
@pytest.mark.parametrize("names", ["ascending", "descending", "shuffled"])
@pytest.mark.parametrize("plane", ORIENTATIONS)
def test_slices_ascend_along_their_normal_whatever_the_names(series: Write, plane: str, names: str) -> None:
    order = list(range(7))
    if names == "descending":
        order.reverse()
    elif names == "shuffled":
        random.Random(plane).shuffle(order)
    truth = series(count=7, orientation=ORIENTATIONS[plane], names=[f"{k:03}" for k in order])
    _assert_right(vdl.load(truth.folder), truth)
    _assert_right(vdl.load(random.Random(1).sample(truth.files, 7)), truth)


@pytest.mark.parametrize("plane", ORIENTATIONS)
def test_every_voxel_lies_where_simpleitk_puts_it(series: Write, plane: str) -> None:
    truth = series(orientation=ORIENTATIONS[plane])
    image = sitk.ReadImage([str(p) for p in truth.files])
    volume = vdl.load(truth.folder)
    for index in ((0, 0, 0), (7, 0, 0), (0, 5, 0), (7, 5, 4), (3, 2, 1)):
        there = image.TransformIndexToPhysicalPoint(index)
        np.testing.assert_allclose(volume.geometry.to_patient(index), there, atol=1e-5)
        assert volume.array[index] == image[index]


def test_instance_numbers_do_not_matter_where_there_are_positions(series: Write) -> None:
    truth = series(edit=lambda d, k: setattr(d, "InstanceNumber", (k * 3) % 5))
    _assert_right(vdl.load(truth.folder), truth)


def test_a_small_gap_far_from_the_origin(series: Write) -> None:
    truth = series(origin=(-1234.5, 987.6, -8765.4), gap=0.1)
    _assert_right(vdl.load(truth.folder), truth)


def test_positions_that_wobble_within_the_tolerance(series: Write) -> None:
    truth = series(count=9, edit=_placed(lambda k: (-10, -20, 30 + 2.5 * k + 0.02 * (-1) ** k)))
    volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert volume.spacing[2] == pytest.approx(2.5)


# ------------------------------------------------------------------------------------------------- by name, as given
def test_natural_order_that_agrees_with_space(series: Write) -> None:
    truth = series(count=12, names=[f"IM{k + 1}" for k in range(12)])
    _assert_right(vdl.load(truth.folder, order="natural"), truth)


def test_an_order_against_the_normal_is_left_handed_and_said(series: Write) -> None:
    truth = series(count=12, names=[f"IM{12 - k}" for k in range(12)])
    for source, order in ((truth.folder, "natural"), (truth.files[::-1], "given")):
        with pytest.warns(vdl.DicomLoadWarning, match="runs against the slice normal.*left-handed.*→ order="):
            volume = vdl.load(source, order=order)
        np.testing.assert_array_equal(volume.frames, truth.frames[::-1])
        affine = volume.geometry.affine
        assert affine is not None
        assert np.linalg.det(affine[:3, :3]) < 0
        for k, position in enumerate(truth.positions[::-1]):
            np.testing.assert_allclose(volume.geometry.to_patient((0, 0, k)), position, atol=1e-6)
        assert volume.spacing == pytest.approx(truth.spacing)
        np.testing.assert_allclose(volume.direction[:, 2], (0, 0, -1), atol=1e-12)


def test_a_left_handed_volume_has_its_voxels_in_the_right_places(series: Write) -> None:
    truth = series()
    right = vdl.load(truth.folder)
    with pytest.warns(vdl.DicomLoadWarning, match="left-handed"):
        left = vdl.load(truth.files[::-1], order="given")
    for index in np.ndindex(8, 6, 5):
        at = np.rint(right.geometry.to_index(left.geometry.to_patient(index))).astype(int)
        assert right.array[tuple(at)] == left.array[index]


def test_an_order_that_is_not_monotone_has_no_affine(series: Write) -> None:
    truth = series()
    order = [3, 0, 4, 1, 2]
    not_monotone = 'order="given" is not monotone in space: the volume has no affine'
    with (
        pytest.warns(vdl.DicomLoadWarning, match=not_monotone),
        pytest.warns(vdl.DicomLoadWarning, match="not evenly spaced"),
    ):
        volume = vdl.load([truth.files[k] for k in order], order="given")
    np.testing.assert_array_equal(volume.frames, truth.frames[order])
    assert volume.geometry.affine is None
    assert volume.affine is None
    assert not volume.geometry.regular
    np.testing.assert_allclose(volume.geometry.positions, truth.positions[order])


def test_natural_order_is_not_the_order_of_strings(series: Write) -> None:
    truth = series(count=11, names=[f"s{k}" for k in range(11)])
    volume = vdl.load(truth.files[::-1], order="natural")
    np.testing.assert_array_equal(volume.frames, truth.frames)


def test_frame_k_is_the_kth_file(series: Write) -> None:
    truth = series()
    with pytest.warns(vdl.DicomLoadWarning, match="left-handed"):
        volume = vdl.load(truth.files[::-1], order="given")
    assert [f.path for f in volume.series.frames] == [str(p) for p in truth.files[::-1]]


# -------------------------------------------------------------------------------------------------- slices missing
@pytest.mark.parametrize("gone", [1, 3, 5])
def test_a_missing_slice(series: Write, gone: int) -> None:
    truth = series(count=7)
    truth.files[gone].unlink()
    with pytest.raises(vdl.MissingSliceError) as caught:
        vdl.load(truth.folder)
    assert str(caught.value) == (
        f"1 slice missing in 6: the gaps are 2.5 mm, but 5 mm between 1-{gone}.dcm and 1-{gone + 2}.dcm "
        '(from 2.5 to 5 mm) → irregular="resample" or "keep"'
    )
    assert caught.value.files == (str(truth.files[gone - 1]), str(truth.files[gone + 1]))
    gaps = [2.5] * 5
    gaps[gone - 1] = 5
    assert caught.value.gaps == pytest.approx(gaps)


def test_several_missing_slices_are_counted(series: Write) -> None:
    truth = series(count=12)
    for gone in (2, 3, 8):
        truth.files[gone].unlink()
    with pytest.raises(vdl.MissingSliceError, match=r"3 slices missing in 9: the gaps are 2\.5 mm, but 7\.5 mm"):
        vdl.load(truth.folder)


def test_one_missing_of_three_is_noticed(series: Write) -> None:
    truth = series(count=4)
    truth.files[1].unlink()
    with pytest.raises(vdl.MissingSliceError, match="1 slice missing in 3"):
        vdl.load(truth.folder)


def test_uneven_gaps(series: Write) -> None:
    truth = series(count=6, edit=_placed(lambda k: (0, 0, [0, 2, 4, 7, 9, 11.5][k])))
    with pytest.raises(vdl.MissingSliceError, match="2 uneven gaps in 6: the gaps are 2 mm, but 3 mm") as caught:
        vdl.load(truth.folder)
    assert caught.value.gaps == pytest.approx((2, 2, 3, 2, 2.5))


@pytest.mark.parametrize(("shift", "tolerance"), [(0.05, 0.02), (0.2, 0.1), (0.5, 0.25)])
def test_the_tolerance_of_a_gap(series: Write, shift: float, tolerance: float) -> None:
    """A gap may differ by `tolerance` of the median and 0.01 mm."""
    inside = tolerance * 2.5 + 0.009 - shift
    assert inside > 0
    for extra, fine in ((inside, True), (inside + 0.002, False)):

        def place(k: int, by: float = shift + extra) -> Sequence[float]:
            return 0, 0, 2.5 * k + (by if k > 3 else 0)

        truth = write_series(series(f"{extra}").folder, count=8, edit=_placed(place), names=[str(k) for k in range(8)])
        for path in truth.folder.glob("1-*.dcm"):
            path.unlink()
        if fine:
            np.testing.assert_array_equal(vdl.load(truth.folder, tolerance=tolerance).frames, truth.frames)
        else:
            with pytest.raises(vdl.MissingSliceError):
                vdl.load(truth.folder, tolerance=tolerance)


# ------------------------------------------------------------------------------------------------------- duplicates
def test_a_copied_file_is_named_and_left_out(series: Write) -> None:
    truth = series()
    (truth.folder / "copy of 3.dcm").write_bytes(truth.files[2].read_bytes())
    with pytest.warns(vdl.DicomLoadWarning, match=r"1 of 6 files .* copies of others, .* \(copy of 3\.dcm\)"):
        volume = vdl.load(truth.folder)
    _assert_right(volume, truth)
    assert str(truth.folder / "copy of 3.dcm") not in volume.series.files


def test_two_images_at_one_position(series: Write) -> None:
    truth = series(edit=_placed(lambda k: (-10, -20, [30, 32.5, 35, 35, 37.5][k])))
    with pytest.raises(vdl.DuplicateSliceError, match=r"at \(-10, -20, 35\) mm") as caught:
        vdl.load(truth.folder)
    assert set(caught.value.files) == {str(truth.folder / "1-3.dcm"), str(truth.folder / "1-4.dcm")}
    assert caught.value.remedies == ()  # neither is a copy
    with pytest.warns(vdl.DicomLoadWarning, match="left out"):
        rest = vdl.load(truth.folder, ignore=[truth.folder / "1-4.dcm"])
    assert len(rest.frames) == 4


@pytest.mark.parametrize("copy", ["b", "a/b"])
def test_a_folder_exported_twice_loads_once_and_makes_no_long_message(series: Write, tmp_path: Path, copy: str) -> None:
    truth = series("a", count=12)
    (tmp_path / copy).mkdir()
    for path in truth.files:
        (tmp_path / copy / path.name).write_bytes(path.read_bytes())
    with pytest.warns(vdl.DicomLoadWarning) as said:
        volume = vdl.load(tmp_path)
    assert str(said[0].message) == (
        "12 of 24 files are copies of others, byte for byte (1-1.dcm, 1-2.dcm, 1-3.dcm and 9 more): the first of each "
        "is taken"
    )
    _assert_right(volume, truth)


def test_a_path_given_twice(series: Write) -> None:
    """One file is one slice however often it is listed."""
    truth = series()
    _assert_right(vdl.load([*truth.files, truth.files[2]]), truth)


def test_equal_uids_at_different_positions(series: Write) -> None:
    truth = series(edit=lambda d, k: setattr(d, "SOPInstanceUID", f"{ROOT}.1.{min(k, 3)}"))
    with pytest.raises(vdl.DuplicateSliceError) as caught:
        vdl.load(truth.folder)
    assert str(caught.value).startswith(
        "1-4.dcm, 1-5.dcm have the same SOPInstanceUID at different positions "
        "((-10, -20, 37.5) mm and (-10, -20, 40) mm)"
    )
    assert caught.value.files == (str(truth.folder / "1-4.dcm"), str(truth.folder / "1-5.dcm"))


def test_equal_uids_of_a_copy_under_another_series_are_no_matter(series: Write, tmp_path: Path) -> None:
    truth = series("a")
    series("b", SeriesInstanceUID=f"{ROOT}.77")
    _assert_right(vdl.load(tmp_path, series=truth.series_uid), truth)


# ------------------------------------------------------------------------------------------------------------- tilts
@pytest.mark.parametrize("tag", [False, True])
@pytest.mark.parametrize("degrees", [14, -14, 3, -25])
def test_a_tilted_gantry_is_measured_with_or_without_its_tag(series: Write, degrees: float, tag: bool) -> None:
    step = 5 * math.cos(math.radians(degrees))
    truth = series(
        gap=step,
        edit=_placed(lambda k: (-10, -20 + 5 * k * math.sin(math.radians(degrees)), 30 + step * k)),
        GantryDetectorTilt=degrees if tag else None,
    )
    with pytest.raises(vdl.ShearedSeriesError) as caught:
        vdl.load(truth.folder)
    assert caught.value.tilt == pytest.approx(abs(degrees), abs=1e-4)
    assert set(caught.value.files) == set(map(str, truth.files))
    assert f"slices lean {abs(degrees):.1f}° (step 5.00 mm, {step:.3f} mm along the normal)" in str(caught.value)


def test_the_message_of_a_tilt(series: Write) -> None:
    step = 5 * math.cos(math.radians(14))
    truth = series(edit=_placed(lambda k: (0, 5 * k * math.sin(math.radians(14)), step * k)))
    with pytest.raises(vdl.ShearedSeriesError) as caught:
        vdl.load(truth.folder)
    assert str(caught.value) == (
        'slices lean 14.0° (step 5.00 mm, 4.851 mm along the normal) → irregular="resample" or "keep"'
    )


@pytest.mark.parametrize("axis", [0, 1])
def test_one_slice_beside_the_others(series: Write, axis: int) -> None:
    def place(k: int) -> list[float]:
        position = [-10, -20, 30 + 2.5 * k]
        position[axis] += 0.7 if k == 2 else 0
        return position

    truth = series(edit=_placed(place))
    with pytest.raises(vdl.ShearedSeriesError, match=r"slice 2 \(1-3\.dcm\) lies 0\.7 mm beside the line") as caught:
        vdl.load(truth.folder)
    assert caught.value.files == (str(truth.files[2]),)


def test_a_tilt_tag_without_a_tilt_is_no_tilt(series: Write) -> None:
    truth = series(GantryDetectorTilt=15)
    _assert_right(vdl.load(truth.folder), truth)


def test_upright_slices_of_a_turned_plane_are_no_tilt(series: Write) -> None:
    """Orientation and positions lean together: an oblique stack, not a sheared one."""
    c, s = math.cos(math.radians(14)), math.sin(math.radians(14))
    truth = series(orientation=(1, 0, 0, 0, round(c, 8), round(s, 8)), GantryDetectorTilt=14)
    _assert_right(vdl.load(truth.folder), truth)


# ------------------------------------------------------------------------------------- positions, spacing missing
def test_a_copied_file_without_positions_is_left_out(series: Write) -> None:
    truth = series(ImagePositionPatient=None)
    shutil.copy(truth.folder / "1-2.dcm", truth.folder / "copy of 1-2.dcm")
    with pytest.warns(vdl.DicomLoadWarning) as said:
        np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)
    assert ["copies of others" in str(w.message) for w in said] == [True, False]


def test_a_changed_copy_without_positions_is_refused_and_never_left_out(series: Write) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        if k == 3:
            dataset.SOPInstanceUID, dataset.InstanceNumber = f"{ROOT}.1.3", 3

    truth = series(ImagePositionPatient=None, edit=edit)
    with pytest.raises(vdl.DuplicateSliceError, match="have the same SOPInstanceUID, but not the same") as caught:
        vdl.load(truth.folder)
    assert sorted(caught.value.files) == [str(truth.folder / f"1-{k}.dcm") for k in (3, 4)]
    assert "ignore=" not in str(caught.value)
    with pytest.warns(vdl.DicomLoadWarning):
        assert len(vdl.load(truth.folder, order="natural").frames) == 5


def test_without_positions_the_instance_number_orders(series: Write) -> None:
    numbers = [3, 1, 5, 2, 4]

    def edit(dataset: Dataset, k: int) -> None:
        del dataset.ImagePositionPatient
        dataset.InstanceNumber = numbers[k]

    truth = series(edit=edit)
    with pytest.warns(vdl.DicomLoadWarning) as warned:
        volume = vdl.load(truth.folder)
    assert [str(w.message) for w in warned] == [
        "no ImagePositionPatient: slices are in the order of InstanceNumber, their direction is not known, "
        "2 mm is taken for the distance of slices"
    ]
    by_number = [truth.files.index(truth.folder / f"1-{numbers.index(n) + 1}.dcm") for n in (1, 2, 3, 4, 5)]
    np.testing.assert_array_equal(volume.frames, truth.frames[by_number])
    assert volume.affine is None
    assert volume.origin is None
    assert volume.spacing == (0.5, 0.8, 2.0)


@pytest.mark.parametrize("numbers", [[1, 2, 2, 3, 4], [None, 1, 2, 3, 4]])
def test_without_positions_and_usable_numbers_the_names_order(series: Write, numbers: list[int | None]) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        del dataset.ImagePositionPatient
        if numbers[k] is None:
            del dataset.InstanceNumber
        else:
            dataset.InstanceNumber = numbers[k]

    truth = series(edit=edit, names=["s10", "s9", "s1", "s2", "s3"])
    with pytest.warns(vdl.DicomLoadWarning, match="natural order of the file names, .*, 2 mm is taken"):
        volume = vdl.load(truth.folder)
    by_name = [[p.name for p in truth.files].index(name) for name in ("s1", "s2", "s3", "s9", "s10")]
    np.testing.assert_array_equal(volume.frames, truth.frames[by_name])


def test_spacing_between_slices_goes_before_thickness_where_nothing_is_measured(series: Write) -> None:
    truth = series(SpacingBetweenSlices=3.25, edit=lambda d, k: d.pop("ImagePositionPatient") and None)
    with pytest.warns(vdl.DicomLoadWarning, match=r"no ImagePositionPatient: .*, 3\.25 mm is taken"):
        assert vdl.load(truth.folder).spacing[2] == 3.25


def test_orientation_missing_everywhere(series: Write) -> None:
    truth = series(ImageOrientationPatient=None)
    with pytest.warns(vdl.DicomLoadWarning, match="no ImageOrientationPatient: slices are in the order of Instance"):
        volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert volume.affine is None
    assert volume.spacing == pytest.approx(truth.spacing)  # the distance between positions is known


def test_one_slice_without_position(series: Write) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        if k == 2:
            del dataset.ImagePositionPatient

    truth = series(edit=edit)
    with pytest.raises(vdl.GeometryError, match=r"1 of 5 frames have no ImagePositionPatient .*\(1-3\.dcm\)") as caught:
        vdl.load(truth.folder)
    assert caught.value.files == (str(truth.folder / "1-3.dcm"),)
    assert str(caught.value).endswith(" → get the file again")


@pytest.mark.parametrize(
    ("orientation", "words"),
    [
        ([1, 0, 0, 0.1, 0.995, 0], "not orthogonal"),
        ([0.5, 0, 0, 0, 1, 0], "lengths 0.5000 and 1.0000"),
        ([0, 0, 0, 0, 0, 0], "lengths 0.0000 and 0.0000"),
        ([1, 0, 0, 1, 0, 0], "not orthogonal"),
    ],
)
def test_an_orientation_that_is_none(series: Write, orientation: list[float], words: str) -> None:
    truth = series(ImageOrientationPatient=orientation)
    with pytest.raises(vdl.GeometryError, match=words) as caught:
        vdl.load(truth.folder)
    assert "ImageOrientationPatient cannot be used" in str(caught.value)
    assert len(caught.value.files) == 5


def test_pixel_spacing_missing(series: Write) -> None:
    truth = series(PixelSpacing=None)
    with pytest.warns(vdl.DicomLoadWarning, match="no PixelSpacing: 1 mm is taken"):
        volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert volume.spacing == (1, 1, 2.5)


@pytest.mark.parametrize("engine", ["direct", "vtk", "pydicom"])
def test_a_projection_may_leave_its_pixel_spacing_open(series: Write, engine: str) -> None:
    # As computed radiography of Philips (PixelSpacing 0.000\\0.000, no position) has it.
    truth = series(count=1, Modality="CR", PixelSpacing=[0, 0], ImagePositionPatient=None, ImageOrientationPatient=None)
    volume = vdl.load(truth.folder, engine=engine)
    assert "whose size the files do not say" in repr(volume)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert volume.spacing[:2] == (1, 1)


def test_an_empty_pixel_spacing_of_a_projection(series: Write) -> None:
    truth = series(count=1, Modality="NM", PixelSpacing="", ImagePositionPatient=None, ImageOrientationPatient=None)
    with pytest.warns(vdl.DicomLoadWarning) as said:
        np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)
    assert "no PixelSpacing: 1 mm is taken for the distance of pixels" in [str(w.message) for w in said]


def test_imager_pixel_spacing_in_its_place(series: Write) -> None:
    truth = series(PixelSpacing=None, ImagerPixelSpacing=[0.2, 0.3])
    with pytest.warns(vdl.DicomLoadWarning, match=r"ImagerPixelSpacing \(0\.2\\0\.3 mm, at the detector"):
        assert vdl.load(truth.folder).spacing == (0.3, 0.2, 2.5)


def test_imager_pixel_spacings_that_differ(series: Write) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        del dataset.PixelSpacing
        dataset.ImagerPixelSpacing = [0.2, 0.3] if k < 3 else [0.4, 0.6]

    folder = series(edit=edit).folder
    with pytest.raises(vdl.InconsistentSeriesError) as caught:
        vdl.load(folder)
    assert r"ImagerPixelSpacing differs: 0.2\0.3 mm in 3 frames, 0.4\0.6 mm in 2 frames" in str(caught.value)
    labels = [stack.label for stack in vdl.scan(folder)[0].stacks()]
    assert labels == [r"ImagerPixelSpacing 0.2\0.3", r"ImagerPixelSpacing 0.4\0.6"]
    with pytest.warns(vdl.DicomLoadWarning, match="ImagerPixelSpacing"):
        assert vdl.load(folder, stack=1).spacing == (0.6, 0.4, 2.5)


@pytest.mark.parametrize(
    ("attributes", "thickness", "warned"),
    [
        ({}, 2.0, False),
        ({"SliceThickness": None, "SpacingBetweenSlices": 3}, 3.0, False),
        ({"SliceThickness": 0, "SpacingBetweenSlices": 3}, 3.0, False),
        ({"SliceThickness": None}, 1.0, True),
        ({"SliceThickness": ""}, 1.0, True),
    ],
)
def test_the_thickness_of_a_single_slice(
    series: Write, attributes: dict[str, Any], thickness: float, warned: bool
) -> None:
    truth = series(count=1, **attributes)
    if warned:
        with pytest.warns(vdl.DicomLoadWarning, match="one slice without SliceThickness: 1 mm"):
            volume = vdl.load(truth.folder)
    else:
        volume = vdl.load(truth.folder)
    assert volume.spacing[2] == thickness
    np.testing.assert_array_equal(volume.frames, truth.frames)


def test_a_single_slice_without_position(series: Write) -> None:
    truth = series(count=1, edit=lambda d, k: d.pop("ImagePositionPatient") and None)
    with pytest.warns(vdl.DicomLoadWarning, match="no ImagePositionPatient: the volume has no place in the patient"):
        volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert volume.affine is None


# ------------------------------------------------------------------------------------------------- irregular="keep"
def test_a_kept_tilt_has_its_exact_sheared_affine(series: Write) -> None:
    truth = series(edit=_placed(lambda k: (-10 + 0.3 * k, -20 + 0.9 * k, 30 + 2.5 * k)))
    with pytest.warns(vdl.DicomLoadWarning, match="the slices lean: the volume has a sheared affine"):
        volume = vdl.load(truth.folder, irregular="keep")
    np.testing.assert_array_equal(volume.frames, truth.frames)
    affine = volume.geometry.affine
    assert affine is not None
    np.testing.assert_allclose(affine, truth.affine, atol=1e-9)
    for k, position in enumerate(truth.positions):
        np.testing.assert_allclose(affine @ [0, 0, k, 1], [*position, 1], atol=1e-9)
    np.testing.assert_allclose(affine[:3, :3], volume.direction @ np.diag(volume.spacing), atol=1e-12)
    assert volume.spacing[2] == pytest.approx(math.hypot(0.3, 0.9, 2.5))
    assert volume.geometry.slice_distance == pytest.approx(2.5)
    assert volume.geometry.leans
    assert not volume.geometry.regular


def test_kept_gaps_have_true_positions_and_no_affine(series: Write) -> None:
    truth = series(count=7)
    truth.files[2].unlink()
    rest = [0, 1, 3, 4, 5, 6]
    with pytest.warns(vdl.DicomLoadWarning, match="not evenly spaced: the volume has no affine"):
        volume = vdl.load(truth.folder, irregular="keep")
    np.testing.assert_array_equal(volume.frames, truth.frames[rest])
    assert volume.affine is None
    assert volume.spacing[2] == pytest.approx(2.5)
    np.testing.assert_allclose(volume.geometry.positions, truth.positions[rest])
    np.testing.assert_allclose(volume.origin, truth.positions[0])


@pytest.mark.parametrize("what", ["axes", "edges"])
def test_an_irregular_volume_refuses_mm_axes(series: Write, what: str) -> None:
    truth = series(count=7)
    truth.files[2].unlink()
    with pytest.warns(vdl.DicomLoadWarning, match="not evenly spaced"):
        volume = vdl.load(truth.folder, irregular="keep")
    with pytest.raises(vdl.GeometryError, match=re.escape('irregular="resample"')):
        getattr(volume, what)
    for method in (volume.geometry.to_patient, volume.geometry.to_index):
        with pytest.raises(vdl.GeometryError, match="uneven"):
            method((0, 0, 0))


def test_duplicates_are_refused_whatever_irregular_says(series: Write) -> None:
    truth = series(edit=_placed(lambda k: (-10, -20, [30, 32.5, 35, 35, 37.5][k])))
    for irregular in ("raise", "resample", "keep"):
        with pytest.raises(vdl.DuplicateSliceError):
            vdl.load(truth.folder, irregular=irregular)


def test_a_regular_stack_is_not_touched_by_irregular(series: Write) -> None:
    truth = series()
    for irregular in ("resample", "keep"):
        _assert_right(vdl.load(truth.folder, irregular=irregular), truth)


# ------------------------------------------------------------------------------------------ kinds and even grids
def test_gaps_that_drift_are_refused(series: Write) -> None:
    """Each gap is near the median, but in the middle the slices lie far off an even grid."""
    z = np.concatenate([[0.0], np.cumsum([0.625] * 100 + [0.645] * 100)])
    truth = series(count=201, edit=lambda d, k: setattr(d, "ImagePositionPatient", [0, 0, round(float(z[k]), 4)]))
    with pytest.raises(vdl.MissingSliceError, match=r"change along the stack .* off an even grid"):
        vdl.load(truth.folder)


def test_a_missing_slice_of_a_fine_grid(series: Write) -> None:
    z = [0, 0.01, 0.02, 0.04, 0.05, 0.06]
    truth = series(count=6, edit=lambda d, k: setattr(d, "ImagePositionPatient", [0, 0, z[k]]))
    with pytest.raises(vdl.MissingSliceError):
        vdl.load(truth.folder)


@pytest.mark.parametrize(
    ("keyword", "values"), [("Modality", ("CT", "PT")), ("FrameOfReferenceUID", (f"{ROOT}.7", f"{ROOT}.8"))]
)
def test_interleaved_volumes_of_two_kinds_are_no_volume(series: Write, keyword: str, values: tuple[str, str]) -> None:
    truth = series(count=6, edit=lambda d, k: setattr(d, keyword, values[k % 2]))
    with pytest.raises(vdl.InconsistentSeriesError, match=f"{keyword} differ: .* in 3 frames") as caught:
        vdl.load(truth.folder)
    assert [len(s.frames) for s in caught.value.stacks] == [3, 3]


def test_interleaved_volumes_of_other_times_are_told(series: Write) -> None:
    truth = series(count=6, edit=lambda d, k: setattr(d, "InversionTime", (150, 2500)[k % 2]))
    with pytest.warns(vdl.DicomLoadWarning, match=r"InversionTime differs between the slices \(2 values\)"):
        vdl.load(truth.folder)


@pytest.mark.parametrize(("keyword", "values"), [("RescaleType", ("HU", "OD")), ("Units", ("BQML", "CNTS"))])
def test_interleaved_volumes_of_other_units_are_divided(series: Write, keyword: str, values: tuple[str, str]) -> None:
    truth = series(count=6, edit=lambda d, k: setattr(d, keyword, values[k % 2]))
    with pytest.raises(vdl.DuplicateSliceError, match=f"2 volumes of 3 slices .* told apart by {keyword}") as caught:
        vdl.load(truth.folder)
    assert [len(s.frames) for s in caught.value.stacks] == [3, 3]


@pytest.mark.parametrize("keyword", ["Units", "RescaleType"])
@pytest.mark.parametrize("count", [2, 3])
def test_a_slice_of_other_units_is_told_however_few_there_are(series: Write, keyword: str, count: int) -> None:
    truth = series(count=count, edit=lambda d, k: setattr(d, keyword, "US" if k == 1 else "HU"))
    with pytest.warns(vdl.DicomLoadWarning, match=rf"{keyword} differs between the slices \(2 values\)"):
        vdl.load(truth.folder)


@pytest.mark.parametrize("far", ["1e300", "-1.7e308", "2e12"])
def test_positions_beyond_every_patient_are_refused(series: Write, far: str) -> None:
    """Distances between them, or the direction matrix of VTK, would be infinite."""

    def edit(dataset: Dataset, k: int) -> None:
        if k == 3:
            dataset.ImagePositionPatient = ["0", "0", far]

    truth = series(edit=edit)
    with pytest.raises(vdl.GeometryError, match="which is no place of a slice") as caught:
        vdl.load(truth.folder)
    assert caught.value.files == (str(truth.folder / "1-4.dcm"),)
    with pytest.warns(vdl.DicomLoadWarning, match="not evenly spaced|left out"):
        vdl.load(truth.folder, ignore=caught.value.files, irregular="keep")


def test_distances_beyond_every_patient_are_none(series: Write) -> None:
    with pytest.raises(vdl.GeometryError, match=r"PixelSpacing of 1e\+300 mm is no distance of pixels"):
        vdl.load(series("a", PixelSpacing=["1e300", "1"]).folder)
    with pytest.warns(vdl.DicomLoadWarning, match="one slice without SliceThickness: 1 mm"):
        assert vdl.load(series("b", count=1, SliceThickness="1e300").folder).spacing[2] == 1


def test_jittered_duplicates_are_duplicates(series: Write, tmp_path: Path) -> None:
    def edit(shift: float, echo: int) -> Callable[[Dataset, int], None]:
        def change(dataset: Dataset, k: int) -> None:
            dataset.ImagePositionPatient = [0, 0, 2.5 * k + shift]
            dataset.EchoTime, dataset.SeriesNumber = echo, 1

        return change

    series("a", edit=edit(0, 5), seed=1, SeriesInstanceUID=f"{ROOT}.1")
    series("b", edit=edit(1e-4, 10), seed=2, SeriesInstanceUID=f"{ROOT}.1")
    with pytest.raises(vdl.DuplicateSliceError, match=r"2 volumes of 5 slices .* told apart by EchoTime"):
        vdl.load(tmp_path)


def test_cosines_that_are_not_quite_unit_vectors_are_told(series: Write) -> None:
    truth = series(edit=lambda d, k: setattr(d, "ImageOrientationPatient", [1, 0, 0, 0, 1.004, 0]))
    with pytest.warns(vdl.DicomLoadWarning, match="not quite length 1"):
        volume = vdl.load(truth.folder)
    np.testing.assert_allclose(np.linalg.norm(volume.direction, axis=0), 1)
