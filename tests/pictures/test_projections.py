"""Projections against NumPy along the axis of a volume whose axes are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from synthetic import Truth

import vtkdicomload as vdl
from vtkdicomload import GeometryError, Volume

if TYPE_CHECKING:
    from pydicom import Dataset

Write = Callable[..., Truth]
AXES: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "axial": (0, lambda a: a),
    "coronal": (1, lambda a: a[::-1]),
    "sagittal": (2, lambda a: a[::-1]),
}


def random_volume(series: Write, **options: Any) -> Volume:
    volume = vdl.load(series(rows=9, columns=11, count=7, **options).folder)
    volume.frames[...] = np.random.default_rng(5).integers(-900, 900, volume.frames.shape)
    return volume


@pytest.mark.parametrize("kind", ["max", "min", "mean"])
@pytest.mark.parametrize("name", AXES)
def test_the_whole_volume(series: Write, name: Any, kind: Any) -> None:
    volume = random_volume(series)
    axis, upright = AXES[name]
    plane = volume.projection(kind, name)
    expected = upright(getattr(volume.frames.astype(float), kind)(axis=axis))
    np.testing.assert_allclose(plane.pixels, expected, rtol=1e-6)
    assert plane.pixels.dtype == (np.float32 if kind == "mean" else np.int16)
    assert plane.letters == volume.plane(name).letters
    assert plane.spacing == volume.plane(name).spacing
    middle = volume.geometry.to_patient([(n - 1) / 2 for n in volume.dimensions])
    assert plane.mm == pytest.approx(float(middle @ plane.direction[:, 2]))
    assert (plane.number, plane.index) == (None, None)


def test_a_slab_has_the_planes_within_half_of_it(series: Write) -> None:
    volume = random_volume(series)  # slices at 30, 32.5 … 45 mm
    plane = volume.projection("max", slab=5, mm=35)
    np.testing.assert_array_equal(plane.pixels, volume.frames[1:4].max(axis=0))
    assert plane.mm == pytest.approx(35)
    assert plane.name == "axial, maximum of 3 planes"
    np.testing.assert_array_equal(volume.projection("min", slab=1).pixels, volume.frames[3])
    sagittal = volume.projection("mean", "sagittal", slab=1.2, mm=-8)
    np.testing.assert_allclose(sagittal.pixels, volume.frames[::-1, :, 3:6].mean(axis=2), rtol=1e-6)


def test_padding_is_passed_over(series: Write) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.PixelPaddingValue = 2000

    volume = random_volume(series, edit=edit)
    volume.frames[2:5, 3, 4] = 2000
    volume.frames[:, 0, 0] = 2000
    kept = np.ma.masked_equal(volume.frames.astype(float), 2000)
    for kind in ("max", "min", "mean"):
        expected = np.ma.filled(getattr(kept, kind)(axis=0), 2000)
        np.testing.assert_allclose(volume.projection(kind).pixels, expected, rtol=1e-6)


def test_a_range_of_padding_is_passed_over(series: Write) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.PixelPaddingValue, dataset.PixelPaddingRangeLimit = 2000, 1500

    volume = random_volume(series, edit=edit)
    volume.frames[2:5, 3, 4] = 1500, 1789, 2000
    volume.frames[:, 0, 0] = 1501
    kept = np.ma.masked_inside(volume.frames.astype(float), 1500, 2000)
    for kind in ("max", "min", "mean"):
        expected = np.ma.filled(getattr(kept, kind)(axis=0), 1501)
        np.testing.assert_allclose(volume.projection(kind).pixels, expected, rtol=1e-6)


WRONG: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "kind": (("median",), {}, '"max", "mean" or "min"'),
    "name": (("max", "oblique"), {}, "a plane is axial"),
    "no slab": (("max",), {"mm": 32}, "needs slab="),
    "thin": (("max",), {"slab": 0}, "a thickness in mm"),
    "between": (("max",), {"slab": 0.5, "mm": 31}, "no axial plane lies within 0.25 mm of 31 mm"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_projection_is_refused(series: Write, name: str) -> None:
    arguments, options, words = WRONG[name]
    with pytest.raises(ValueError, match=words):
        random_volume(series).projection(*arguments, **options)


def test_colour_and_irregular_slices_are_refused(series: Write) -> None:
    with pytest.raises(ValueError, match="is colour"):
        vdl.load(series("rgb", dtype=np.uint8, SamplesPerPixel=3).folder).projection()

    def edit(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [0, 0.8 * k, 2.5 * k]

    with pytest.warns(vdl.DicomLoadWarning, match="lean"):
        volume = vdl.load(series("tilted", edit=edit).folder, irregular="keep")
    with pytest.raises(GeometryError, match="not lie on a regular grid"):
        volume.projection()


@pytest.mark.parametrize("options", [{"slab": "3"}, {"slab": 3, "mm": "0"}])
def test_a_slab_is_given_in_numbers(series: Write, options: Any) -> None:
    with pytest.raises(TypeError, match="must be a number of mm, not a str of 1 character"):
        vdl.load(series().folder).projection("max", **options)
