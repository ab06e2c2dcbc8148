"""Slices on no regular grid, interpolated onto one: compared with analytic phantoms sampled where the slices lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from synthetic import write_series

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

    Floats = NDArray[np.float64]

ROWS, COLUMNS, SX, SY = 48, 40, 0.9, 0.8
CENTRE, RADIUS, AIR = np.array([17.0, 19.0]), 12.0, -1000


def _smooth(points: Floats) -> Floats:
    """A gradient along all axes and a slow wave; its linear-interpolation error is known."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    return 20 * x - 15 * y + 8 * z + 100 * np.sin(x / 6) * np.cos(y / 7)


def _cylinder(points: Floats) -> Floats:
    """An upright cylinder with a gradient inside, in air."""
    inside = np.linalg.norm(points[..., :2] - CENTRE, axis=-1) < RADIUS
    return np.where(inside, _smooth(points), AIR)


def _soft_disc(points: Floats) -> Floats:
    """An upright cylinder with an edge of three pixels, so that its centre of mass does not depend on the grid."""
    distance = np.linalg.norm(points[..., :2] - CENTRE, axis=-1)
    return 1000 * np.clip((10 - distance) / 2.5 + 0.5, 0, 1)


@dataclass(frozen=True)
class Stack:
    """Where slices lie: the position of each, and the orientation they share."""

    positions: Floats
    orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0)

    @property
    def row(self) -> Floats:
        return np.array(self.orientation[:3], np.float64)

    @property
    def column(self) -> Floats:
        return np.array(self.orientation[3:], np.float64)

    def points(self, k: int) -> Floats:
        """Positions of the pixels of slice `k`, (rows, columns, 3)."""
        y, x = np.mgrid[0:ROWS, 0:COLUMNS]
        return self.positions[k] + x[..., None] * SX * self.row + y[..., None] * SY * self.column


def _write(folder: Path, stack: Stack, phantom: Callable[[Floats], Floats], **options: Any) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [f"{v:.9g}" for v in stack.positions[k]]
        dataset.PixelSpacing = [SY, SX]
        stored = (phantom(stack.points(k)) - dataset.RescaleIntercept) / dataset.RescaleSlope
        dtype = np.dtype(options.get("dtype", np.int16))
        dataset.PixelData = (np.rint(stored) if dtype.kind in "iu" else stored).astype(dtype).tobytes()

    write_series(
        folder,
        **{"rows": ROWS, "columns": COLUMNS, "count": len(stack.positions), "orientation": stack.orientation},
        edit=edit,
        **options,
    )


def _tilted(degrees: float, count: int = 12, step: float = 2.0, along: int = 1) -> Stack:
    lateral = math.tan(math.radians(degrees)) * step
    positions = np.zeros((count, 3))
    positions[:, 2] = 5 + step * np.arange(count)
    positions[:, along] = lateral * np.arange(count)
    return Stack(positions)


def _gapped(places: Sequence[float]) -> Stack:
    return Stack(np.array([[0.0, 0.0, z] for z in places]))


def _resampled(folder: Path, **options: Any) -> vdl.Volume:
    with pytest.warns(vdl.DicomLoadWarning, match=r"irregular slices \(.*\) were interpolated onto a regular grid"):
        return vdl.load(folder, irregular="resample", **options)


def _points_of(volume: vdl.Volume) -> Floats:
    """LPS positions of all voxels of ``volume.array``, from its affine."""
    index = np.stack(np.meshgrid(*map(np.arange, volume.dimensions), indexing="ij"), axis=-1)
    return volume.geometry.to_patient(index)


def _covered(points: Floats, stack: Stack, margin: float = 0.0) -> NDArray[np.bool_]:
    """Where all slices that the interpolation uses have pixels: inside the stack's own slanted box."""
    normal = np.cross(stack.row, stack.column)
    from_first = points - stack.positions[0]
    along = from_first @ normal
    steps = stack.positions - stack.positions[0]
    places = steps @ normal
    result = (along >= places[0] - 1e-6) & (along <= places[-1] + 1e-6)
    below = np.clip(np.searchsorted(places, along + 1e-6) - 1, 0, len(places) - 1)
    above = np.clip(np.searchsorted(places, along - 1e-6), 0, len(places) - 1)
    for k in (below, above):
        x, y = (from_first - steps[k]) @ stack.row, (from_first - steps[k]) @ stack.column
        result &= (x >= margin - 1e-6) & (x <= (COLUMNS - 1) * SX - margin + 1e-6)
        result &= (y >= margin - 1e-6) & (y <= (ROWS - 1) * SY - margin + 1e-6)
    return result


def _assert_grid(volume: vdl.Volume, stack: Stack, gap: float) -> None:
    """Upright, with the first slice's pixel grid and the stack's own spacing, to 1e-3 mm."""
    geometry = volume.geometry
    assert volume.geometry.regular
    np.testing.assert_allclose(geometry.spacing, (SX, SY, gap), atol=1e-6)
    normal = np.cross(stack.row, stack.column)
    affine = geometry.affine
    assert affine is not None
    expected = np.column_stack([stack.row * SX, stack.column * SY, normal * gap])
    np.testing.assert_allclose(affine[:3, :3], expected, atol=1e-6)
    first = geometry.to_index(stack.positions[0])
    np.testing.assert_allclose(first, np.rint(first), atol=1e-3)
    assert abs(first[2]) < 1e-3
    last = geometry.to_index(stack.positions[-1])[2]
    assert last == pytest.approx(geometry.dimensions[2] - 1, abs=1e-3)
    np.testing.assert_allclose(geometry.positions[0], geometry.to_patient((0, 0, 0)), atol=1e-3)
    np.testing.assert_allclose(
        geometry.positions[-1], geometry.to_patient((0, 0, geometry.dimensions[2] - 1)), atol=1e-3
    )


# Linear interpolation of _smooth: |f''| is at most 100 (1/36 + 1/49); h²/8 of that along each axis, and the rounding.
_ERROR = 100 * (SX**2 / 36 + SY**2 / 49) / 8 + 0.5


@pytest.mark.parametrize("tag", [False, True], ids=["no tag", "tag"])
@pytest.mark.parametrize("degrees", [15, -15, 4, -27])
def test_a_tilted_gradient_lies_where_it_lay(tmp_path: Path, degrees: float, tag: bool) -> None:
    stack = _tilted(degrees)
    _write(tmp_path, stack, _smooth, GantryDetectorTilt=degrees if tag else None)
    volume = _resampled(tmp_path)
    _assert_grid(volume, stack, 2.0)
    points = _points_of(volume)
    covered = _covered(points, stack, margin=1.0)
    assert covered.sum() > 12 * 40 * 36
    error = volume.array[covered] - _smooth(points[covered])
    assert np.abs(error).max() <= _ERROR + 0.5
    assert abs(error.mean()) < 0.5  # a shift of a tenth of a pixel would be 1.2
    assert volume.dtype == np.int16


@pytest.mark.parametrize("along", [0, 1])
@pytest.mark.parametrize("degrees", [15, -15])
def test_a_tilted_cylinder_stands_upright_again(tmp_path: Path, degrees: float, along: int) -> None:
    stack = _tilted(degrees, along=along)
    _write(tmp_path, stack, _cylinder)
    volume = _resampled(tmp_path)
    points = _points_of(volume)
    covered = _covered(points, stack)
    distance = np.linalg.norm(points[..., :2] - CENTRE, axis=-1)
    inside = covered & (distance < RADIUS - 1.3)
    outside = covered & (distance > RADIUS + 1.3)
    assert np.abs(volume.array[inside] - _smooth(points[inside])).max() <= _ERROR + 0.5
    assert np.all(volume.array[outside] == AIR)


@pytest.mark.parametrize("along", [0, 1])
@pytest.mark.parametrize("degrees", [15, -15])
def test_the_centre_of_every_slice_is_the_axis_of_the_cylinder(tmp_path: Path, degrees: float, along: int) -> None:
    stack = _tilted(degrees, along=along)
    _write(tmp_path, stack, _soft_disc)
    volume = _resampled(tmp_path)
    points = _points_of(volume)[..., :2]
    for k in range(volume.dimensions[2]):
        weight = volume.array[:, :, k, None].astype(np.float64)
        centre = (points[:, :, k] * weight).sum((0, 1)) / weight.sum()
        np.testing.assert_allclose(centre, CENTRE, atol=0.02)


@pytest.mark.parametrize(
    "places",
    [
        [0, 2, 4, 8, 10, 12],
        [0, 2, 4, 10, 12, 14, 16],
        [0, 2, 4, 7, 9, 11, 13, 14],
        [0, 2, 6, 8, 12, 14, 16],
    ],
    ids=["one missing", "two missing", "odd gaps", "two holes"],
)
def test_gaps_are_filled_linearly(tmp_path: Path, places: list[float]) -> None:
    stack = _gapped(places)
    _write(tmp_path, stack, _smooth)
    volume = _resampled(tmp_path)
    _assert_grid(volume, stack, 2.0)
    points = _points_of(volume)
    assert _covered(points, stack).all()
    # Linear along z: only rounding is left, of the stored values and of the result.
    assert np.abs(volume.array - _smooth(points)).max() <= 1.0


def test_stored_slices_that_lie_on_the_grid_are_kept_exactly(tmp_path: Path) -> None:
    stack = _gapped([0, 2, 4, 8, 10])
    _write(tmp_path, stack, _cylinder)
    volume = _resampled(tmp_path)
    kept = volume.frames[[0, 1, 2, 4, 5]]
    np.testing.assert_array_equal(kept, [np.rint(_cylinder(stack.points(k))) for k in range(5)])


def test_a_tilt_with_a_gap(tmp_path: Path) -> None:
    whole = _tilted(12, count=12)
    stack = Stack(np.delete(whole.positions, 5, axis=0))
    _write(tmp_path, stack, _smooth)
    volume = _resampled(tmp_path)
    _assert_grid(volume, stack, 2.0)
    points = _points_of(volume)
    covered = _covered(points, stack, margin=1.0)
    assert np.abs(volume.array[covered] - _smooth(points[covered])).max() <= _ERROR + 0.5


def test_one_slice_beside_the_others(tmp_path: Path) -> None:
    stack = _gapped([0, 2, 4, 6, 8])
    stack.positions[2] += [0.63, -0.5, 0]
    _write(tmp_path, stack, _smooth)
    volume = _resampled(tmp_path)
    points = _points_of(volume)
    covered = _covered(points, stack, margin=1.0)
    assert np.abs(volume.array[covered] - _smooth(points[covered])).max() <= _ERROR + 0.5


@pytest.mark.parametrize("orientation", [(0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1), (-1, 0, 0, 0, -1, 0)])
def test_a_tilt_of_another_plane(tmp_path: Path, orientation: tuple[float, ...]) -> None:
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    normal = np.cross(row, column)
    steps = np.arange(8)[:, None] * (2.0 * normal + 0.5 * column - 0.3 * row)
    stack = Stack(np.array([3.0, -4.0, 5.0]) + steps, orientation)
    _write(tmp_path, stack, _smooth)
    volume = _resampled(tmp_path)
    _assert_grid(volume, stack, 2.0)
    points = _points_of(volume)
    covered = _covered(points, stack, margin=1.0)
    assert covered.any()
    assert np.abs(volume.array[covered] - _smooth(points[covered])).max() <= _ERROR + 0.5


# ------------------------------------------------------------------------------------------------ dtype, background
@pytest.mark.parametrize(
    ("options", "dtype"),
    [
        ({"dtype": np.int16}, np.int16),
        ({"dtype": np.uint16, "RescaleIntercept": -2000}, np.int16),
        ({"dtype": np.int32}, np.int32),
        ({"RescaleSlope": 0.5}, np.float32),
    ],
)
def test_the_dtype_is_kept(tmp_path: Path, options: dict[str, Any], dtype: type) -> None:
    stack = _tilted(10, count=5)
    _write(tmp_path, stack, _smooth, **options)
    volume = _resampled(tmp_path)
    assert volume.dtype == dtype
    points = _points_of(volume)
    covered = _covered(points, stack, margin=1.0)
    assert np.abs(volume.array[covered] - _smooth(points[covered])).max() <= _ERROR + 0.5


@pytest.mark.parametrize(
    ("padding", "intercept", "expected"), [(None, 0, None), (-2000, 0, -2000), (-2000, -24, -2024)]
)
def test_where_there_is_no_slice_lies_padding_or_the_minimum(
    tmp_path: Path, padding: int | None, intercept: int, expected: int | None
) -> None:
    stack = _tilted(20, count=6)
    _write(tmp_path, stack, _smooth, RescaleIntercept=intercept, PixelPaddingValue=padding)
    volume = _resampled(tmp_path)
    points = _points_of(volume)
    # More than a pixel outside of every slice.
    x, y = points[..., 0], points[..., 1]
    lateral = np.tan(np.radians(20)) * 2.0
    k = np.rint((points[..., 2] - 5) / 2.0)
    far = (y - k * lateral < -SY) | (y - k * lateral > ROWS * SY) | (x < -SX)
    assert far.any()
    lowest = min(np.rint(_smooth(stack.points(k))).min() for k in range(6)) if expected is None else expected
    assert np.all(volume.array[far] == lowest)


def test_colour_is_interpolated_by_component(tmp_path: Path) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [0, 0, [0, 2, 4, 8, 10][k]]
        y, x = np.mgrid[0:6, 0:8]
        z = [0, 2, 4, 8, 10][k]
        dataset.PixelData = np.stack([x * 9 + z, y * 7 + 2 * z, 100 + 0 * x + 10 * z], -1).astype(np.uint8).tobytes()

    write_series(tmp_path, dtype=np.uint8, SamplesPerPixel=3, edit=edit)
    volume = _resampled(tmp_path)
    z, y, x = np.mgrid[0:6, 0:6, 0:8]
    np.testing.assert_array_equal(volume.frames, np.stack([x * 9 + 2 * z, y * 7 + 4 * z, 100 + 20 * z], -1))


def test_stored_values_can_be_resampled_too(tmp_path: Path) -> None:
    stack = _gapped([0, 2, 4, 8, 10])
    _write(tmp_path, stack, _smooth, dtype=np.uint16, RescaleIntercept=-3000)
    volume = _resampled(tmp_path, rescale=False)
    assert volume.dtype == np.uint16
    assert np.abs(volume.array.astype(float) - 3000 - _smooth(_points_of(volume))).max() <= 1.0


def test_without_rescale_the_background_is_the_stored_padding(tmp_path: Path) -> None:
    stack = _tilted(20, count=6)
    _write(tmp_path, stack, _smooth, dtype=np.uint16, RescaleIntercept=-3000, PixelPaddingValue=7)
    volume = _resampled(tmp_path, rescale=False)
    assert volume.frames[-1, 0, 0] == 7  # the last slice lies 3.6 mm further down


def test_a_background_that_the_dtype_cannot_hold_is_not_wrapped(tmp_path: Path) -> None:
    """PixelPaddingValue -2000 with intercept -32000 lies below int16."""
    stack = _tilted(20, count=6)
    _write(tmp_path, stack, lambda p: _smooth(p) - 25000, RescaleIntercept=-32000, PixelPaddingValue=-2000)
    volume = _resampled(tmp_path)
    last_row_of_first = volume.array[0, 0, -1]
    assert last_row_of_first in (-34000, -32768, volume.frames.min())
    assert last_row_of_first < -20000


def test_a_volume_that_was_resampled_says_so(tmp_path: Path) -> None:
    _write(tmp_path, _tilted(15, count=5), _smooth)
    with pytest.warns(vdl.DicomLoadWarning, match=r"\(40×48×5\) were interpolated onto a regular grid \(40×51×5\)"):
        volume = vdl.load(tmp_path, irregular="resample")
    assert volume.frames.shape == (5, 51, 40)
    assert len(volume.series.frames) == 5


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
@pytest.mark.parametrize("lean", [0.2, 0.5, 0.7])
def test_padding_is_never_mixed_with_tissue(series: Callable[..., Any], lean: float, dtype: Any) -> None:
    """Every voxel is padding or lies within the range of the tissue, however the slices lean."""
    tissue = np.full((6, 8), 40, dtype)
    tissue[:, :3] = -2000

    def edit(dataset: Dataset, k: int) -> None:
        dataset.PixelData, dataset.PixelPaddingValue = (tissue + (tissue > 0) * k).astype(dtype).tobytes(), -2000
        dataset["PixelPaddingValue"].VR = "SS"
        dataset.ImagePositionPatient = [-10 + lean * 0.5 * k, -20 + lean * 0.8 * k, 30 + 2.5 * k]

    truth = series(dtype=dtype, edit=edit)
    with pytest.warns(vdl.DicomLoadWarning, match="a lean of .*° is straightened, .* columns and .* rows are added"):
        volume = vdl.load(truth.folder, irregular="resample")
    values = np.unique(volume.frames)
    assert values[0] == -2000
    assert np.all((values[1:] >= 40) & (values[1:] <= 44))
    assert (volume.frames >= 40).sum() >= 0.8 * 5 * 6 * 5


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(("dtype", "slope"), [(np.int16, 1), (np.int16, 0.3), (np.int32, -2)])
def test_no_value_of_a_range_of_padding_is_mixed_with_tissue(
    series: Callable[..., Any], dtype: Any, slope: float, *, swapped: bool
) -> None:
    """A missing slice is the mean of its neighbours, or the one that measures something, or else padding."""
    rng = np.random.default_rng(11)
    value, limit = (-1500, -2000) if swapped else (-2000, -1500)
    stored = rng.integers(100, 500, (4, 6, 8))
    padded = rng.random((4, 6, 8)) < 0.4
    stored[padded] = rng.integers(-2000, -1499, int(padded.sum()))
    places = [0, 2, 4, 8]

    def edit(dataset: Dataset, k: int) -> None:
        dataset.PixelData = stored[k].astype(dtype).tobytes()
        dataset.PixelPaddingValue, dataset.PixelPaddingRangeLimit = value, limit
        dataset["PixelPaddingValue"].VR = dataset["PixelPaddingRangeLimit"].VR = "SS"
        dataset.ImagePositionPatient = [0, 0, places[k]]

    truth = series(count=4, dtype=dtype, edit=edit, RescaleSlope=slope)
    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load(truth.folder, irregular="resample")
    measured = ~padded[2:]
    weights = measured.sum(axis=0)
    sums = (stored[2:] * slope * measured).sum(axis=0)
    gap = np.where(weights > 0, sums / np.maximum(weights, 1), value * slope)
    expected = np.where(padded, value, stored) * slope
    expected = np.concatenate([expected[:3], gap[None], expected[3:]])
    np.testing.assert_allclose(volume.frames, expected, rtol=1e-6, atol=0.5 if slope in (1, -2) else 0)
