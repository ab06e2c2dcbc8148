"""Planes at any angle: every pixel against the value at its place, the sides against the patient's."""

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
NORMALS = {"axial": (0.2, -0.3, 1.0), "coronal": (0.3, -1.0, 0.4), "sagittal": (1.0, 0.1, 0.4)}


def ramp_volume(series: Write, orientation: str = "axial", *, uneven: bool = False) -> Volume:
    """Values that are linear in LPS mm, so that linear interpolation gives them exactly."""
    cosines = np.array(ORIENTATIONS[orientation], float)

    def edit(dataset: Dataset, k: int) -> None:
        place = np.array(dataset.ImagePositionPatient, float)
        if uneven and k > 3:
            place = place + 1.3 * np.cross(cosines[:3], cosines[3:])
            dataset.ImagePositionPatient = [f"{p:.10g}" for p in place]
        y, x = np.mgrid[:20, :22]
        at = place + x[..., None] * 0.5 * cosines[:3] + y[..., None] * 0.8 * cosines[3:]
        dataset.PixelData = np.rint(at @ [30.0, -20.0, 50.0]).astype(np.int16).tobytes()

    truth = series(count=9, rows=20, columns=22, orientation=cosines, edit=edit)
    if not uneven:
        return vdl.load(truth.folder)
    with pytest.warns(vdl.DicomLoadWarning, match="not evenly spaced"):
        return vdl.load(truth.folder, irregular="keep")


@pytest.mark.parametrize("uneven", [False, True], ids=["even", "uneven"])
@pytest.mark.parametrize("orientation", ["axial", "oblique", "sagittal"])
@pytest.mark.parametrize("name", NORMALS)
def test_every_pixel_has_the_value_of_its_place(series: Write, name: str, orientation: str, uneven: bool) -> None:
    volume = ramp_volume(series, orientation, uneven=uneven)
    volume.frames[...] = np.maximum(volume.frames, -30000)
    plane = volume.plane(NORMALS[name])
    assert plane.direction is not None
    assert plane.origin is not None
    rows, columns = np.mgrid[: plane.pixels.shape[0], : plane.pixels.shape[1]]
    steps = plane.direction[:, :2] * plane.spacing
    at = plane.origin + columns[..., None] * steps[:, 0] + rows[..., None] * steps[:, 1]
    expected = at @ [30.0, -20.0, 50.0]
    inside = plane.pixels != volume.frames.min()
    near = np.abs(plane.pixels - expected) < 1.5
    # At the rim, half a voxel wide, the outer voxel's value is repeated.
    assert np.mean(near[inside]) > 0.7
    middle = tuple(slice(n // 2 - 2, n // 2 + 3) for n in plane.pixels.shape)
    assert near[middle].all()
    assert inside.mean() > 0.25


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", NORMALS)
def test_it_stands_as_the_named_plane_that_it_is_nearest_to(series: Write, name: Any, sign: int) -> None:
    volume = ramp_volume(series)
    plane, named = volume.plane(sign * np.array(NORMALS[name])), volume.plane(name)
    assert plane.letters == named.letters
    assert plane.direction is not None
    assert named.direction is not None
    assert np.all((plane.direction * named.direction).sum(axis=0) > 0.5)
    np.testing.assert_allclose(plane.direction.T @ plane.direction, np.eye(3), atol=1e-12)
    normal = np.array(NORMALS[name])
    np.testing.assert_allclose(abs(plane.direction[:, 2] @ normal), np.linalg.norm(normal))
    angle = np.degrees(np.arccos(abs(normal[{"sagittal": 0, "coronal": 1, "axial": 2}[name]]) / np.linalg.norm(normal)))
    assert plane.name.startswith(f"oblique {name} (")
    assert float(plane.name.split("(")[1].rstrip("°)")) >= round(angle) - 1


def test_a_point_lies_on_the_plane_and_on_a_pixel(series: Write) -> None:
    volume = ramp_volume(series)
    point = np.array([-6.3, -14.2, 41.7])
    plane = volume.plane(NORMALS["coronal"], point)
    assert plane.mm == pytest.approx(float(point @ plane.direction[:, 2]))
    column, row = (point - plane.origin) @ plane.direction[:, :2] / plane.spacing
    assert (column, row) == pytest.approx((round(column), round(row)), abs=1e-6)
    assert plane.pixels[round(row), round(column)] == pytest.approx(point @ [30, -20, 50], abs=1.1)


def test_across_an_axis_it_is_the_named_plane(series: Write) -> None:
    truth = series(rows=9, columns=11, PixelSpacing=[0.5, 0.5], gap=0.5)
    volume = vdl.load(truth.folder)
    named = volume.plane("coronal", index=4)
    plane = volume.plane((0, 1, 0), volume.geometry.to_patient((5, 4, 2)))
    np.testing.assert_array_equal(plane.pixels, named.pixels)
    assert (plane.name, plane.letters, plane.spacing) == ("coronal", named.letters, (0.5, 0.5))
    np.testing.assert_allclose(plane.origin, named.origin, atol=1e-9)
    assert plane.extent == pytest.approx(named.extent)


def test_a_named_plane_is_found_by_a_point_too(series: Write) -> None:
    volume = ramp_volume(series)
    assert volume.plane("axial", volume.geometry.to_patient((3, 4, 7))).number == 7


WRONG: dict[str, tuple[tuple[Any, ...], dict[str, Any], type[Exception], str]] = {
    "zero": (((0, 0, 0),), {}, ValueError, "a direction in LPS"),
    "two numbers": (((0, 1),), {}, ValueError, "a direction in LPS"),
    "letters": ((("a", "b", "c"),), {}, TypeError, "a direction in LPS"),
    "index": (((0, 0, 1),), {"index": 2}, ValueError, "by point="),
    "two ways": (("axial", (0, 0, 0)), {"mm": 2}, ValueError, "by a point, by index or by mm"),
    "far away": (((0, 0, 1), (0, 0, 900)), {}, ValueError, "does not meet the volume"),
    "another name": (("oblique", (0, 0, 1)), {}, ValueError, "a plane is axial"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_plane_is_refused(series: Write, name: str) -> None:
    arguments, options, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        vdl.load(series().folder).plane(*arguments, **options)


def test_without_a_place_there_is_no_normal(series: Write) -> None:
    with pytest.warns(vdl.DicomLoadWarning, match="no place in the patient"):
        volume = vdl.load(series(count=1, ImagePositionPatient=None, ImageOrientationPatient=None).folder)
    with pytest.raises(GeometryError, match="no position or orientation"):
        volume.plane((0, 0, 1))
