"""Slices in uneven places, on other grids: the truth is a function of the place that linear interpolation keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from orientations import ORIENTATIONS
from synthetic import Truth

import vtkdicomload as vdl
from vtkdicomload import GeometryError, Volume

if TYPE_CHECKING:
    from pydicom import Dataset

Write = Callable[..., Truth]
PLACES = np.array([0, 2, 4.5, 6, 11, 12.5, 14, 17])


def ramp(point: Any) -> Any:
    """A value that is linear in LPS mm."""
    return np.asarray(point) @ [3.0, -2.0, 5.0] + 100


def uneven(series: Write, orientation: str = "axial", *, wobble: float = 0.0, padding: bool = False) -> Volume:
    """Slices in uneven places, moved to and fro along their rows by `wobble` mm, whose values are those of the ramp."""
    cosines = np.array(ORIENTATIONS[orientation], float)
    row, column = cosines[:3], cosines[3:]

    def edit(dataset: Dataset, k: int) -> None:
        place = np.array([-10, -20, 30]) + PLACES[k] * np.cross(row, column) + wobble * (k % 2) * row
        dataset.ImagePositionPatient = [f"{p:.10g}" for p in place]
        y, x = np.mgrid[:10, :12]
        values = ramp(place + x[..., None] * 0.5 * row + y[..., None] * 0.8 * column)
        stored = np.rint(values / 0.02).astype(np.int16)
        if padding:
            stored[:, 6:] = -32768
            dataset.add_new("PixelPaddingValue", "SS", -32768)
        dataset.PixelData = stored.tobytes()
        dataset.RescaleSlope = "0.02"

    truth = series(count=len(PLACES), rows=10, columns=12, orientation=cosines, edit=edit)
    with pytest.warns(vdl.DicomLoadWarning, match="not evenly spaced"):
        return vdl.load(truth.folder, irregular="keep")


def places(geometry: vdl.Geometry) -> np.ndarray:
    """LPS mm of every voxel, (z, y, x, 3)."""
    x, y, z = (np.arange(n) for n in geometry.dimensions)
    return geometry.to_patient(np.stack(np.meshgrid(z, y, x, indexing="ij")[::-1], axis=-1))


@pytest.mark.parametrize("wobble", [0.0, 0.7])
@pytest.mark.parametrize("orientation", ["axial", "oblique", "coronal"])
def test_values_lie_in_their_true_places(series: Write, orientation: str, wobble: float) -> None:
    volume = uneven(series, orientation, wobble=wobble)
    assert not volume.geometry.even
    found = volume.resampled(spacing=(0.5, 0.6, 0.9), antialias=False, background=-1e6)
    assert found.geometry.regular
    inner = found.frames != -1e6
    middle = (slice(1, -1), slice(1, -1), slice(3, -3))
    assert inner[middle].mean() > 0.95
    off = np.abs(found.frames - ramp(places(found.geometry)))[middle]
    assert off[inner[middle]].max() < 0.02


def test_a_turned_grid_is_filled_from_true_places_too(series: Write) -> None:
    volume = uneven(series, "oblique")
    c, s = np.cos(0.3), np.sin(0.3)
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) * 0.4
    centre = np.asarray(volume.geometry.positions).mean(axis=0) + np.asarray(volume.direction)[:, :2] @ [2.75, 3.6]
    matrix[:3, 3] = centre - matrix[:3, :3] @ [3, 3, 3]
    found = volume.resampled(matrix=matrix, shape=(7, 7, 7), background=-1e6)
    assert np.abs(found.frames - ramp(places(found.geometry))).max() < 0.02


@pytest.mark.parametrize("order", ["linear", "nearest"])
def test_its_own_grid_gives_the_values_themselves(series: Write, order: str) -> None:
    volume = uneven(series, "oblique")
    again = volume.resampled(like=volume, order=order)
    np.testing.assert_allclose(again.frames, volume.frames, atol=1e-6)
    assert again.geometry is volume.geometry


def test_an_even_volume_goes_onto_uneven_slices(series: Write) -> None:
    target = uneven(series, "oblique")
    even = target.resampled(spacing=(0.5, 0.8, 0.5), antialias=False)
    back = even.resampled(like=target)
    inner = (slice(1, -1), slice(1, -1), slice(1, -1))
    assert np.abs(back.frames - target.frames)[inner].max() < 0.05


def test_the_nearest_slice_is_the_nearest_by_place(series: Write) -> None:
    volume = uneven(series)
    affine = np.diag([0.5, 0.8, 1.0, 1.0])
    affine[:3, 3] = np.asarray(volume.origin)
    found = volume.resampled(matrix=affine, shape=(12, 10, 18), order="nearest")
    nearest = [int(np.abs(PLACES - z - 1e-9).argmin()) for z in range(18)]
    np.testing.assert_array_equal(found.frames, volume.frames[nearest])


def test_padding_of_uneven_slices_is_no_part_of_any_value(series: Write) -> None:
    volume = uneven(series, padding=True)
    found = volume.resampled(spacing=(0.23, 0.8, 0.9), antialias=False)
    kept = found.frames > -600
    assert 0.4 < kept.mean() < 0.6
    np.testing.assert_allclose(found.frames[~kept], volume.padding_value)
    # Beside padding there is less to interpolate between: never further than to the next voxel.
    assert np.abs(found.frames - ramp(places(found.geometry)))[kept].max() < 3 * 0.5 + 5 * 5 + 2 * 0.8


def test_a_cubic_needs_even_slices(series: Write) -> None:
    volume = uneven(series)
    with pytest.raises(GeometryError, match="needs even slices") as error:
        volume.resampled(spacing=1, order="cubic")
    assert error.value.remedies[0].options == {"order": "linear"}


def test_uneven_slices_are_smoothed_before_a_reduction(series: Write) -> None:
    volume = uneven(series)
    volume.frames[...] = np.where(np.arange(12) % 2, 100.0, -100.0)
    coarse = volume.resampled(spacing=(1.5, 0.8, 2.0)).frames[1:-1, 1:-1, 1:-1]
    assert np.abs(coarse).max() < 10
    assert np.abs(volume.resampled(spacing=(1.5, 0.8, 2.0), antialias=False).frames[1:-1, 1:-1, 1:-1]).max() > 40


def test_one_slice_of_uneven_ones_is_even(series: Write) -> None:
    volume = uneven(series)
    one = volume.crop(index=(None, None, (3, 4)))
    assert one.geometry.even
    same = one.resampled(like=one, order="linear")
    np.testing.assert_array_equal(same.frames, volume.frames[3:4])
    assert one.resampled(spacing=1).frames.size
