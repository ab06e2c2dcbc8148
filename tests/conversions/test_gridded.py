"""Parts of volumes, and more around them: values and places against the whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from orientations import ORIENTATIONS
from synthetic import Truth

import vtkdicomload as vdl
from vtkdicomload import GeometryError

if TYPE_CHECKING:
    from pydicom import Dataset

Write = Callable[..., Truth]


def uneven_stack(series: Write) -> vdl.Volume:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [-10, -20, [0, 2, 5, 6, 9][k]]

    with pytest.warns(vdl.DicomLoadWarning, match="not evenly spaced"):
        return vdl.load(series(edit=edit).folder, irregular="keep")


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_part_lies_where_it_lay(series: Write, orientation: str) -> None:
    volume = vdl.load(series(orientation=ORIENTATIONS[orientation]).folder)
    part = volume.crop(index=((2, -1), None, (1, 4)))
    np.testing.assert_array_equal(part.array, volume.array[2:-1, :, 1:4])
    np.testing.assert_allclose(part.geometry.to_patient((1, 2, 1)), volume.geometry.to_patient((3, 2, 2)), atol=1e-9)
    np.testing.assert_allclose(np.asarray(part.geometry.positions)[1], part.geometry.to_patient((0, 0, 1)), atol=1e-9)


def test_whole_slices_share_the_memory(series: Write) -> None:
    volume = vdl.load(series().folder)
    assert np.shares_memory(volume.crop(index=(None, None, (1, 3))).frames, volume.frames)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_millimetres_take_every_voxel_that_lies_in_them(series: Write, orientation: str) -> None:
    volume = vdl.load(series(orientation=ORIENTATIONS[orientation], rows=12, columns=14, count=7).folder)
    x, y, z = (np.arange(n) for n in volume.dimensions)
    places = volume.geometry.to_patient(np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1))
    low, high = places.reshape(-1, 3).min(0), places.reshape(-1, 3).max(0)
    ranges = [(float(a + 0.31 * (b - a)), float(a + 0.74 * (b - a))) for a, b in zip(low, high, strict=True)]
    inside = np.all([(places[..., i] >= r[0]) & (places[..., i] <= r[1]) for i, r in enumerate(ranges)], axis=0)
    part = volume.crop(mm=ranges)
    where = np.argwhere(inside)
    first, last = where.min(axis=0), where.max(axis=0)
    np.testing.assert_array_equal(
        part.array, volume.array[tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))]
    )
    np.testing.assert_allclose(part.origin, volume.geometry.to_patient(first), atol=1e-9)
    only_z = volume.crop(mm=(None, None, ranges[2]))
    inside_z = (places[..., 2] >= ranges[2][0]) & (places[..., 2] <= ranges[2][1])
    assert only_z.dimensions == tuple(np.ptp(np.argwhere(inside_z), axis=0) + 1)


def test_uneven_slices_are_cropped_in_their_places(series: Write) -> None:
    volume = uneven_stack(series)
    part = volume.crop(mm=(None, None, (1.5, 6.5)))
    assert [p[2] for p in np.asarray(part.geometry.positions)] == [2, 5, 6]
    np.testing.assert_array_equal(part.frames, volume.frames[1:4])
    assert part.pad((1, 2, 0), 0, background=0).frames.shape == (3, 8, 9)
    with pytest.raises(GeometryError, match="uneven"):
        part.pad(1)


@pytest.mark.parametrize("orientation", ["axial", "oblique coronal"])
def test_padding_and_cropping_undo_each_other(series: Write, orientation: str) -> None:
    volume = vdl.load(series(orientation=ORIENTATIONS[orientation]).folder)
    wide = volume.pad((1, 2, 3), (4, 5, 6), background=-7)
    assert wide.shape == (13, 13, 14)
    assert np.count_nonzero(wide.frames != -7) <= volume.frames.size
    again = wide.crop(index=((1, -4), (2, -5), (3, -6)))
    np.testing.assert_array_equal(again.frames, volume.frames)
    np.testing.assert_allclose(again.affine, volume.affine, atol=1e-9)


def test_colour_is_padded(series: Write) -> None:
    volume = vdl.load(series(dtype=np.uint8, SamplesPerPixel=3).folder)
    assert volume.pad(1, 1, background=0).frames.shape == (7, 8, 10, 3)


def test_a_volume_without_a_place_is_cropped_by_index(series: Write) -> None:
    truth = series(count=1, ImagePositionPatient=None, ImageOrientationPatient=None)
    with pytest.warns(vdl.DicomLoadWarning, match="no place in the patient"):
        volume = vdl.load(truth.folder)
    part = volume.crop(index=((1, 4), (2, 6), None))
    np.testing.assert_array_equal(part.frames, volume.frames[:, 2:6, 1:4])
    assert part.origin is None
    with pytest.raises(GeometryError, match="no position or orientation"):
        volume.crop(mm=((0, 1), None, None))


WRONG: dict[str, tuple[str, tuple[Any, ...], dict[str, Any], type[Exception], str]] = {
    "nothing": ("crop", (), {}, ValueError, "by index= or by mm="),
    "both": ("crop", (), {"index": (None,) * 3, "mm": (None,) * 3}, ValueError, "by index= or by mm="),
    "two ranges": ("crop", (), {"index": (None, None)}, ValueError, "three ranges"),
    "numbers": ("crop", (), {"index": (1, 2, 3)}, ValueError, "three ranges"),
    "empty": ("crop", (), {"index": ((3, 3), None, None)}, ValueError, "nothing of the volume of 8 × 6 × 5"),
    "far away": ("crop", (), {"mm": ((500, 600), None, None)}, ValueError, "lies in mm="),
    "half a voxel": ("crop", (), {"index": ((0.5, 3), None, None)}, TypeError, "whole numbers, not 0.5"),
    "much": ("pad", (10**9,), {}, ValueError, "three quarters of the available memory"),
    "less": ("pad", (-1,), {}, ValueError, "crop makes a volume smaller"),
    "half": ("pad", (0.5,), {}, TypeError, "a whole number or three"),
    "four": ("pad", ((1, 2, 3, 4),), {}, TypeError, "a whole number or three"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_part_is_refused(series: Write, name: str) -> None:
    method, arguments, options, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        getattr(vdl.load(series().folder), method)(*arguments, **options)
