"""Volumes on other grids against SimpleITK, which knows nothing of ours but files' geometry, and arithmetic by hand."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from orientations import ORIENTATIONS
from pydicom.uid import SegmentationStorage
from synthetic import Truth

import vtkdicomload as vdl
from vtkdicomload import Geometry, GeometryError, Volume
from vtkdicomload.conversions import sampling

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

Write = Callable[..., Truth]
ITK = {"nearest": sitk.sitkNearestNeighbor, "linear": sitk.sitkLinear, "bspline": sitk.sitkBSpline}


def smooth_field(shape: tuple[int, int, int], seed: int = 3) -> np.ndarray:
    """Values (z, y, x) like a body's: waves of several voxels, and an edge."""
    z, y, x = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    rng = np.random.default_rng(seed)
    total = 1000.0 * ((x - shape[2] / 2) ** 2 + (y - shape[1] / 2) ** 2 < (min(shape[1:]) / 3) ** 2)
    for _ in range(5):
        a, b, c, p = rng.uniform(0.1, 0.5, 4)
        total = total + 300 * np.sin(a * x + b * y + c * z + 6 * p)
    return total


def body(series: Write, *, shear: bool = False, orientation: str = "axial", **options: Any) -> Volume:
    """A volume of 14 × 26 × 30 voxels of 2.5 × 0.8 × 0.5 mm."""
    values = np.rint(smooth_field((14, 26, 30))).astype(np.int16)

    def edit(dataset: Dataset, k: int) -> None:
        dataset.PixelData = values[k].tobytes()
        if shear:
            position = np.array(dataset.ImagePositionPatient, float) + 0.7 * k * np.array(
                dataset.ImageOrientationPatient[3:]
            )
            dataset.ImagePositionPatient = [f"{p:.9g}" for p in position]

    truth = series(count=14, rows=26, columns=30, orientation=ORIENTATIONS[orientation], edit=edit, **options)
    if not shear:
        return vdl.load(truth.folder)
    with pytest.warns(vdl.DicomLoadWarning, match="lean"):
        return vdl.load(truth.folder, irregular="keep")


def itk_values(volume: Volume, grid: Geometry, order: str, background: float, sigma: Any = None) -> np.ndarray:
    """The values that SimpleITK gives, in floating point."""
    image = sitk.Cast(volume.to_sitk(), sitk.sitkFloat64)
    if sigma is not None:
        image = sitk.DiscreteGaussian(image, [float(s) ** 2 for s in sigma], 64, 1e-4, False)
    resample = sitk.ResampleImageFilter()
    resample.SetSize(grid.dimensions)
    resample.SetOutputOrigin(grid.origin)
    resample.SetOutputSpacing(grid.spacing)
    resample.SetOutputDirection(np.asarray(grid.direction).ravel().tolist())
    resample.SetDefaultPixelValue(background)
    resample.SetInterpolator(ITK[order])
    return sitk.GetArrayFromImage(resample.Execute(image))


def fractional_indices(volume: Volume, grid: Geometry) -> np.ndarray:
    """Where the voxels of a grid lie in a volume, (z, y, x, 3): by inverting matrices."""
    x, y, z = (np.arange(n) for n in grid.dimensions)
    index = np.stack(np.meshgrid(z, y, x, indexing="ij")[::-1], axis=-1)
    a, b = np.asarray(grid.affine), np.linalg.inv(np.asarray(volume.affine))
    return (index @ a[:3, :3].T + a[:3, 3]) @ b[:3, :3].T + b[:3, 3]


def turned_matrix(volume: Volume, spacing: tuple[float, float, float], shear: float = 0.0) -> np.ndarray:
    """A grid about the middle of a volume, turned about two axes; its slices lean by `shear` mm a slice."""
    c, s = np.cos(0.4), np.sin(0.4)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn * spacing
    matrix[:3, 2] += shear
    middle = volume.geometry.to_patient([(n - 1) / 2 for n in volume.dimensions])
    matrix[:3, 3] = middle - matrix[:3, :3] @ [12.2, 14.1, 11.3]
    return matrix


SIZE = (24, 28, 22)


# ------------------------------------------------------------------------------------------------ against SimpleITK
@pytest.mark.parametrize("order", ITK)
@pytest.mark.parametrize("to", ["turned", "sheared"])
@pytest.mark.parametrize("kind", ["axial", "oblique", "oblique coronal", "sheared", "oblique and sheared"])
def test_values_are_those_of_simpleitk(series: Write, kind: str, to: str, order: str) -> None:
    orientation = kind.replace(" and sheared", "").replace("sheared", "axial")
    volume = body(series, orientation=orientation, shear="sheared" in kind)
    assert volume.geometry.leans == ("sheared" in kind)
    matrix = turned_matrix(volume, (0.7, 1.1, 1.9), 0.3 if to == "sheared" else 0.0)
    found = volume.resampled(matrix=matrix, shape=SIZE, order=order, antialias=False, background=-3000)
    expected = itk_values(volume, found.geometry, order, -3000)
    index = fractional_indices(volume, found.geometry)
    ends = np.array(volume.dimensions) - 0.5
    inside = np.all((index > -0.499) & (index < ends - 0.001), axis=-1)
    outside = np.any((index < -0.501) | (index > ends + 0.001), axis=-1)
    assert 1000 < inside.sum() < inside.size - 1000
    assert np.all(found.frames[outside] == -3000)
    np.testing.assert_array_equal(expected[outside], -3000)
    off = np.abs(found.frames - expected)[inside]
    full = float(np.ptp(volume.frames))
    if order == "nearest":  # where two are as near, rounding decides
        ties = np.abs(index[inside] % 1 - 0.5).min(axis=-1) < 1e-3
        assert off[~ties].max() == 0
    else:
        assert off.max() <= 0.01 * full


@pytest.mark.parametrize("order", ["linear", "bspline"])
@pytest.mark.parametrize("kind", ["axial", "oblique", "sheared"])
def test_a_reduction_is_that_of_simpleitk_after_the_same_gaussian(series: Write, kind: str, order: str) -> None:
    volume = body(series, orientation=kind.replace("sheared", "axial"), shear=kind == "sheared")
    factors = np.array([3.0, 2.0, 1.5])
    affine = np.asarray(volume.affine).copy()
    affine[:3, 3] += affine[:3, :3] @ (factors / 2 - 0.5)
    affine[:3, :3] *= factors
    found = volume.resampled(matrix=affine, shape=(10, 13, 9), order=order)
    sigma = np.sqrt(factors**2 - 1) / (2 * np.sqrt(2 * np.log(2)))  # in stored voxels
    expected = itk_values(volume, found.geometry, order, 0, sigma)
    # Where the Gaussian lies within the volume; at its rim ITK repeats the last voxel, VTK weighs those there are.
    inner = (slice(2, -2),) * 3 if order == "linear" else (slice(3, -3),) * 3
    off = np.abs(found.frames - expected)[inner]
    assert off.max() <= 0.01 * np.ptp(volume.frames)
    plain = volume.resampled(matrix=affine, shape=(10, 13, 9), order=order, antialias=False)
    assert np.abs(found.frames - plain.frames)[inner].max() > 0.05 * np.ptp(volume.frames)


def test_a_cubic_is_that_of_catmull_and_rom(series: Write) -> None:
    volume = body(series)
    affine = np.asarray(volume.affine).copy()
    affine[:3, 3] += affine[:3, 0] * 0.3
    found = volume.resampled(matrix=affine, shape=volume.dimensions, order="cubic", antialias=False)
    t, (p0, p1, p2, p3) = 0.3, (volume.frames[..., i : i + 27].astype(float) for i in range(4))
    expected = p1 + 0.5 * t * (p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0)))
    assert np.abs(found.frames[..., 1:28] - expected).max() <= 0.51


def test_a_large_grid_is_the_same_in_blocks(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = body(series, orientation="oblique")
    options: dict[str, Any] = {"matrix": turned_matrix(volume, (2.0, 1.1, 3.0)), "shape": SIZE}
    for order in ("linear", "bspline"):
        whole = volume.resampled(order=order, **options)
        with monkeypatch.context() as small:
            small.setattr(sampling, "_MOST", 3000)
            small.setattr(sampling, "_MOST_FLOATS", 3000)
            in_blocks = volume.resampled(order=order, **options)
        assert np.abs(whole.frames.astype(int) - in_blocks.frames).max() <= 1


# ------------------------------------------------------------------------------------------------ aliasing
def test_a_chirp_leaves_no_false_waves(series: Write) -> None:
    """Waves too short for the new grid go; without smoothing they come back as long ones that are not there."""
    x = np.arange(256.0)
    wave = np.rint(1000 * np.sin(np.pi * 0.45 * x**2 / 256)).astype(np.int16)  # up to 0.45 periods a voxel

    def edit(dataset: Dataset, k: int) -> None:
        dataset.PixelData = np.tile(wave, (8, 1)).tobytes()

    truth = series(count=3, rows=8, columns=256, PixelSpacing=[0.5, 0.5], gap=0.5, edit=edit)
    volume = vdl.load(truth.folder)
    short = slice(48, 62)  # 0.34 periods a stored voxel and more: beyond the new grid's limit of 0.125 by far
    smoothed = volume.resampled(spacing=(2.0, 0.5, 0.5)).frames[1, 4].astype(float)
    false = volume.resampled(spacing=(2.0, 0.5, 0.5), antialias=False).frames[1, 4].astype(float)
    assert np.abs(smoothed[short]).max() < 30
    assert np.abs(false[short]).max() > 300
    assert np.abs(smoothed[:10]).max() > 800  # what the new grid holds stays


# ------------------------------------------------------------------------------------------------ exact
@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8])
@pytest.mark.parametrize("order", ["auto", "linear", "nearest", "cubic"])
def test_a_shift_by_voxels_there_and_back_is_exact(series: Write, order: str, dtype: Any) -> None:
    volume = vdl.load(series(orientation=ORIENTATIONS["oblique"], dtype=dtype, count=6).folder)
    affine = np.asarray(volume.affine).copy()
    affine[:3, 3] = volume.geometry.to_patient((-3, -2, -4))
    there = volume.resampled(matrix=affine, shape=(15, 11, 14), order=order, background=7)
    np.testing.assert_array_equal(there.frames[4:10, 2:8, 3:11], volume.frames)
    assert np.count_nonzero(there.frames != 7) <= volume.frames.size
    back = there.resampled(like=volume, order=order)
    np.testing.assert_array_equal(back.frames, volume.frames)
    assert back.geometry is volume.geometry


@pytest.mark.parametrize("slope", ["0.001", "1234.5"])
def test_floating_point_values_come_back_bit_by_bit(series: Write, slope: str) -> None:
    volume = vdl.load(series(RescaleSlope=slope).folder)
    assert volume.dtype.kind == "f"
    there = volume.pad((2, 3, 1), 2)
    assert np.array_equal(there.resampled(like=volume).frames, volume.frames)


def test_large_integers_are_kept(series: Write) -> None:
    volume = vdl.load(series(RescaleSlope="30001", RescaleIntercept="7").folder)
    assert volume.dtype == np.int32
    np.testing.assert_array_equal(volume.resampled(spacing=volume.spacing).frames, volume.frames)


# ------------------------------------------------------------------------------------------------ the grid
def box_of(geometry: Geometry) -> np.ndarray:
    """The corners of all voxels, (8, 3)."""
    ends = np.array([(-0.5, n - 0.5) for n in geometry.dimensions])
    corners = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
    return geometry.to_patient(corners)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_spacing_covers_the_volume_about_its_middle(series: Write, orientation: str) -> None:
    volume = vdl.load(series(orientation=ORIENTATIONS[orientation], rows=9, columns=11).folder)
    found = volume.resampled(spacing=(0.3, 0.7, 1.1))
    assert found.spacing == pytest.approx((0.3, 0.7, 1.1))
    assert found.dimensions == (19, 11, 12)  # 5.5, 7.2 and 12.5 mm
    np.testing.assert_allclose(box_of(found.geometry).mean(axis=0), box_of(volume.geometry).mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(found.direction, volume.direction, atol=1e-12)
    np.testing.assert_allclose(np.asarray(found.geometry.positions)[3], found.geometry.to_patient((0, 0, 3)), atol=1e-9)


def test_a_shape_divides_the_box(series: Write) -> None:
    volume = vdl.load(series(rows=9, columns=11).folder)
    found = volume.resampled(shape=(22, 3, 5))
    assert found.shape == (22, 3, 5)
    np.testing.assert_allclose(box_of(found.geometry), box_of(volume.geometry), atol=1e-9)
    np.testing.assert_allclose(found.spacing, (0.25, 2.4, 2.5))


def test_spacing_and_shape_are_a_grid_about_the_middle(series: Write) -> None:
    volume = vdl.load(series(rows=9, columns=11).folder)
    found = volume.resampled(spacing=1, shape=(32, 4, 16), background=-1)
    assert (found.shape, found.spacing) == ((32, 4, 16), (1, 1, 1))
    np.testing.assert_allclose(box_of(found.geometry).mean(axis=0), box_of(volume.geometry).mean(axis=0), atol=1e-9)
    assert found.frames[0, 0, 0] == -1


def test_a_volume_without_a_place_is_divided_too(series: Write) -> None:
    truth = series(count=1, ImagePositionPatient=None, ImageOrientationPatient=None)
    with pytest.warns(vdl.DicomLoadWarning, match="no place in the patient"):
        volume = vdl.load(truth.folder)
    found = volume.resampled(shape=(4, 3, 1))
    assert found.origin is None
    assert found.spacing[:2] == pytest.approx((1.0, 1.6))
    assert found.frames.shape == (1, 3, 4)


def test_a_volume_without_a_place_is_not_put_into_the_patient(series: Write) -> None:
    nowhere = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    with pytest.warns(vdl.DicomLoadWarning, match="no place in the patient"):
        unplaced, other = (vdl.load(series(name, count=1, **nowhere).folder) for name in ("a", "b"))
    placed = vdl.load(series("c", count=1).folder)
    refused: list[tuple[Volume, dict[str, Any]]] = [
        (unplaced, {"like": placed}),
        (unplaced, {"like": placed.geometry}),
        (unplaced, {"matrix": np.eye(4), "shape": (4, 4, 1)}),
        (placed, {"like": unplaced}),
    ]
    for volume, grid in refused:
        with pytest.raises(GeometryError, match="has no position or orientation in the patient"):
            volume.resampled(**grid, frame_of_reference="ignore")
    same = unplaced.resampled(like=other, frame_of_reference="ignore")  # both from the first voxel
    np.testing.assert_array_equal(same.frames, unplaced.frames)


def test_sheared_slices_come_onto_an_upright_grid(series: Write) -> None:
    volume = body(series, shear=True)
    found = volume.resampled(spacing=1.0)
    assert found.geometry.regular
    expected = itk_values(volume, found.geometry, "linear", float(volume.frames.min()))
    index = fractional_indices(volume, found.geometry)
    inside = np.all((index > 0) & (index < np.array(volume.dimensions) - 1), axis=-1)
    # The grid gets coarser along x and y, hence the smoothing: compare without.
    plain = volume.resampled(like=found.geometry, antialias=False)
    assert np.abs(plain.frames - expected)[inside].max() <= 0.01 * np.ptp(volume.frames)
    lowest, highest = box_of(found.geometry).min(axis=0), box_of(found.geometry).max(axis=0)
    assert np.all(box_of(volume.geometry).max(axis=0) - 0.8 < highest)
    assert np.all(box_of(volume.geometry).min(axis=0) + 0.8 > lowest)


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "nothing": ({}, ValueError, "no grid is given"),
    "two": ({"spacing": 1, "like": Geometry((1, 1, 1), (1, 1, 1))}, ValueError, "a grid is given by"),
    "a matrix alone": ({"matrix": np.eye(4)}, ValueError, "needs shape="),
    "flat": ({"matrix": np.diag([1, 1, 0, 1]), "shape": (2, 2, 2)}, ValueError, "lie in one plane"),
    "three rows": ({"matrix": np.eye(3), "shape": (2, 2, 2)}, ValueError, r"an affine \(4, 4\)"),
    "no spacing": ({"spacing": 0}, ValueError, "must be positive"),
    "words": ({"spacing": "1 mm"}, TypeError, "a number or three"),
    "a thing": ({"spacing": object()}, TypeError, "a number or three"),
    "half a voxel": ({"shape": (2.5, 2, 2)}, TypeError, "three whole numbers"),
    "no voxel": ({"shape": (2, 0, 2)}, ValueError, "1 or more"),
    "order": ({"spacing": 1, "order": "sinc"}, ValueError, "order must be one of"),
    "an array": ({"like": np.zeros((2, 2, 2))}, TypeError, "a Volume or a Geometry"),
    "beyond": ({"spacing": 1, "background": 70000}, ValueError, "int16 does not hold background=70000"),
    "no number": ({"spacing": 1, "background": "air"}, TypeError, "background must be a number"),
    "endless": ({"spacing": 1, "background": float("inf")}, ValueError, "does not hold background=inf"),
    "much": ({"spacing": 1e-4}, ValueError, "three quarters of the available memory"),
    "many slices": ({"spacing": (1, 1, 1e-8)}, ValueError, "three quarters of the available memory"),
    "a long axis": ({"shape": (1 << 31, 1, 1)}, ValueError, "more than 2147483647 along an axis"),
    "no distance": ({"spacing": 1e-300}, ValueError, "makes more than 2147483647 voxels along an axis"),
    "a large voxel": ({"spacing": 1e300}, ValueError, r"below 1e\+07 mm"),
    "a far place": ({"matrix": np.diag([1, 1, 1e9, 1]), "shape": (2, 2, 2)}, ValueError, r"leads 1e\+09 mm away"),
    "letters": ({"matrix": "abc", "shape": (2, 2, 2)}, ValueError, r"an affine \(4, 4\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_grid_is_refused(series: Write, name: str) -> None:
    options, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        vdl.load(series().folder).resampled(**options)


# ------------------------------------------------------------------------------------------------ padding, outside
def with_padding(series: Write, padding: int = -2000) -> Volume:
    """Values of 100 in a circle, padding around it."""
    y, x = np.mgrid[:24, :24]
    plane = np.where((x - 11.5) ** 2 + (y - 11.5) ** 2 < 90, 100, padding).astype(np.int16)

    def edit(dataset: Dataset, k: int) -> None:
        dataset.PixelData = plane.tobytes()
        dataset.add_new("PixelPaddingValue", "SS", padding)

    return vdl.load(series(count=8, rows=24, columns=24, edit=edit).folder)


@pytest.mark.parametrize("order", ["linear", "cubic", "bspline"])
@pytest.mark.parametrize("spacing", [0.31, 1.7])
def test_padding_is_no_part_of_any_value(series: Write, order: str, spacing: float) -> None:
    volume = with_padding(series)
    found = volume.resampled(spacing=spacing, order=order)
    assert set(np.unique(found.frames)) == {-2000, 100}
    stored, wanted = (np.sum(v.frames == 100) * np.prod(v.spacing) for v in (volume, found))
    assert wanted == pytest.approx(stored, rel=0.1)


@pytest.mark.parametrize("order", ["linear", "cubic", "bspline"])
def test_no_value_of_a_range_of_padding_is_part_of_any_value(series: Write, order: str) -> None:
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:24, :24]
    inside = (x - 11.5) ** 2 + (y - 11.5) ** 2 < 90

    def edit(dataset: Dataset, k: int) -> None:
        dataset.PixelData = np.where(inside, 100, rng.integers(-2000, -1499, (24, 24))).astype(np.int16).tobytes()
        dataset.add_new("PixelPaddingValue", "SS", -1500)
        dataset.add_new("PixelPaddingRangeLimit", "SS", -2000)

    volume = vdl.load(series(count=8, rows=24, columns=24, edit=edit).folder)
    assert set(np.unique(volume.resampled(spacing=0.31, order=order).frames)) == {-1500, 100}


def test_outside_lies_padding_else_the_smallest_value(series: Write, tmp_path: Path) -> None:
    volume = with_padding(series)
    assert volume.pad(1).frames[0, 0, 0] == -2000
    plain = vdl.load(series("plain").folder)
    assert plain.pad(1).frames[0, 0, 0] == plain.frames.min()
    assert plain.pad(1, background=5).frames[0, 0, 0] == 5


def test_a_volume_without_a_number_stays_one(series: Write) -> None:
    volume = vdl.load(series(RescaleSlope="0.5").folder)
    volume.frames[:] = np.nan
    assert np.isnan(volume.resampled(spacing=0.7).frames).all()


def test_what_is_no_number_stays_unknown_and_alone(series: Write) -> None:
    volume = vdl.load(series(RescaleSlope="0.5", count=6, rows=10, columns=10).folder)
    volume.frames[2:4, 3:6, 3:6] = np.nan
    volume.frames[~np.isnan(volume.frames)] = 4.0
    found = volume.resampled(spacing=(0.21, 0.33, 1.1), background=4.0)
    assert np.all(found.frames == 4.0)
    unknown = volume.resampled(spacing=(0.21, 0.33, 1.1), background=float("nan"))
    assert set(np.unique(unknown.frames[~np.isnan(unknown.frames)])) == {4.0}
    assert np.isnan(unknown.frames).mean() == pytest.approx(18 / 600, rel=0.3)


def test_a_dose_is_not_known_outside_its_grid(data: Path) -> None:
    dose = vdl.load(data / "rtdose_32bit")
    wide = dose.pad(1, 1)
    assert np.isnan(wide.frames[0, 0, 0])
    np.testing.assert_array_equal(wide.frames[1:-1, 1:-1, 1:-1], dose.frames)
    assert dose.pad(1, background=0).frames[0, 0, 0] == 0


# ------------------------------------------------------------------------------------------------ labels, colour
def test_labels_are_never_mixed(data: Path) -> None:
    with pytest.warns(vdl.DicomLoadWarning, match="put between empty ones"):
        labels = vdl.load(data / "highdicom" / "seg_labelmap.dcm", irregular="resample")
    found = labels.resampled(spacing=0.37)
    assert set(np.unique(found.frames)) <= set(np.unique(labels.frames))
    with pytest.raises(ValueError, match='"nearest" is'):
        labels.resampled(spacing=0.37, order="linear")


def test_segments_are_taken_by_the_nearest(data: Path) -> None:
    with pytest.warns(vdl.DicomLoadWarning, match="put between empty ones"):
        stack = vdl.load_all(data / "highdicom" / "seg_binary.dcm", irregular="resample")[0]
    assert stack.series.header.sop_class_uid == SegmentationStorage
    found = stack.resampled(spacing=0.37)
    assert set(np.unique(found.frames)) == set(np.unique(stack.frames))


def test_colour_is_interpolated_sample_by_sample(series: Write) -> None:
    volume = vdl.load(series(dtype=np.uint8, SamplesPerPixel=3, count=6, rows=12, columns=14).folder)
    found = volume.resampled(spacing=(0.3, 1.1, 2.0), antialias=False, background=0)
    assert found.frames.shape[3] == 3
    for sample in range(3):
        grey = Volume(np.ascontiguousarray(volume.frames[..., sample]), volume.geometry, volume.series, engine="")
        one = grey.resampled(spacing=(0.3, 1.1, 2.0), antialias=False, background=0)
        np.testing.assert_array_equal(found.frames[..., sample], one.frames)


# ------------------------------------------------------------------------------------------------ frame of reference
def test_another_frame_of_reference_is_refused_unless_told(series: Write) -> None:
    first = vdl.load(series("a").folder)
    other = vdl.load(series("b", FrameOfReferenceUID="1.2.3", seed=2).folder)
    unknown = vdl.load(series("c", FrameOfReferenceUID=None, seed=3).folder)
    with pytest.raises(GeometryError, match=re.escape("different coordinate systems")) as error:
        first.resampled(like=other)
    assert error.value.remedies[0].options == {"frame_of_reference": "ignore"}
    with pytest.raises(GeometryError, match="no FrameOfReferenceUID"):
        first.resampled(like=unknown)
    for like in (other, unknown):
        told = first.resampled(like=like, frame_of_reference="ignore")
        np.testing.assert_array_equal(told.frames, first.frames)
        np.testing.assert_array_equal(first.resampled(like=like.geometry).frames, first.frames)
    with pytest.raises(ValueError, match='"match" or "ignore"'):
        first.resampled(like=other, frame_of_reference="same")  # type: ignore[arg-type]


def test_the_result_says_what_was_done(series: Write) -> None:
    volume = vdl.load(series().folder).resampled(spacing=1)
    assert volume.checks[-1].name == "resampled"
    assert "linear, from Geometry(8×6×5" in volume.checks[-1].result
    assert os.linesep not in volume.checks[-1].result


def test_a_grid_of_one_voxel_larger_than_the_body_has_its_mean(series: Write) -> None:
    volume = body(series)
    for spacing in (1e3, 1e6):
        found = volume.resampled(spacing=spacing)
        assert found.frames.shape == (1, 1, 1)
        assert abs(int(found.frames[0, 0, 0]) - volume.frames.mean()) < 0.02 * np.ptp(volume.frames)


def test_infinite_values_stay_where_they_are(series: Write) -> None:
    volume = body(series)
    values = volume.frames.astype(np.float32)
    values[7, 13, 15] = np.inf
    infinite = volume.replaced(values, volume.geometry)
    found = infinite.resampled(spacing=0.5, antialias=False)
    assert 0 < np.isinf(found.frames).sum() < 200
    with pytest.raises(ValueError, match="infinite values"):
        infinite.resampled(spacing=0.5, order="bspline")
