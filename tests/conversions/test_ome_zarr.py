"""OME-Zarr: other programs find the values in their places, in one scale and the next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import ngff_zarr
import numpy as np
import pytest
import zarr
from full_disk import largest_file
from zarr.core.sync import cleanup_resources

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]

OBLIQUE = (0.8, 0.6, 0, -0.36, 0.48, -0.8)
UPRIGHT = {
    "axial": ((1, 0, 0, 0, 1, 0), "LPH"),
    "prone": ((-1, 0, 0, 0, -1, 0), "RAH"),
    "sagittal": ((0, 1, 0, 0, 0, -1), "PFR"),
    "coronal": ((1, 0, 0, 0, 0, -1), "LFP"),
}
RUNS_TO = {"left": "L", "right": "R", "posterior": "P", "anterior": "A", "superior": "H", "inferior": "F"}
AXIS = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "H": (2, 1), "F": (2, -1)}


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    """Let dask compute in threads of the test's own, and end those of zarr: other tests count threads."""
    from concurrent.futures import ThreadPoolExecutor

    import dask

    with ThreadPoolExecutor(2) as pool, dask.config.set(scheduler="threads", pool=pool):
        yield
    cleanup_resources()


def scales(path: Path) -> tuple[dict[str, Any], list[tuple[Any, list[float], list[float]]]]:
    """The metadata of a store, and values, scale and translation of every scale, as zarr-python reads them."""
    group = zarr.open_group(path, mode="r")
    (meta,) = group.attrs["ome"]["multiscales"]
    found = []
    for dataset in meta["datasets"]:
        (transforms,) = (
            [dataset["coordinateTransformations"]]
            if len(dataset["coordinateTransformations"]) > 1
            else [dataset["coordinateTransformations"][0]["transformations"]]
        )
        scale, translation = transforms[0]["scale"], transforms[1]["translation"]
        found.append((np.asarray(group[dataset["path"]][...]), scale, translation))
    return meta, found


@pytest.mark.parametrize("name", UPRIGHT)
def test_an_upright_series_is_version_5_with_the_side_of_each_axis(series: Write, tmp_path: Path, name: str) -> None:
    orientation, sides = UPRIGHT[name]
    truth = series("in", orientation=orientation, RescaleIntercept=-1024)
    vdl.open(truth.folder).dicom.to_ome_zarr(tmp_path / "a.ome.zarr")
    meta, ((values, scale, translation),) = scales(tmp_path / "a.ome.zarr")
    np.testing.assert_array_equal(values, truth.frames)
    assert zarr.open_group(tmp_path / "a.ome.zarr", mode="r").attrs["ome"]["version"] == "0.5"
    axes = {axis["name"]: axis for axis in meta["axes"]}
    assert [axis["name"] for axis in meta["axes"]] == ["z", "y", "x"]
    assert {axis["unit"] for axis in axes.values()} == {"millimeter"}
    told = "".join(RUNS_TO[axes[n]["orientation"]["value"].rsplit("-", 1)[1]] for n in "xyz")
    assert told == sides
    # The place of each slice, from the sides, scales and translations alone.
    for k, position in enumerate(truth.positions):
        place = np.zeros(3)
        for n, index in (("x", 0), ("y", 0), ("z", k)):
            at = "zyx".index(n)
            axis, sense = AXIS[told["xyz".index(n)]]
            place[axis] = sense * (translation[at] + scale[at] * index)
        np.testing.assert_allclose(place, position, atol=2e-6)


def test_ngff_zarr_reads_the_same(series: Write, tmp_path: Path) -> None:
    truth = series("in")
    vdl.load(truth.folder).to_xarray().dicom.to_ome_zarr(tmp_path / "a.zarr")
    image = ngff_zarr.from_ngff_zarr(str(tmp_path / "a.zarr"), validate=True).images[0]
    np.testing.assert_array_equal(image.data.compute(), truth.frames)
    assert image.scale == {"z": 2.5, "y": 0.8, "x": 0.5}
    assert image.translation == {"z": 30, "y": -20, "x": -10}


@pytest.mark.parametrize("lean", [0.0, 0.9])
def test_an_oblique_series_is_version_6_with_an_affine_to_the_patient(
    series: Write, tmp_path: Path, lean: float
) -> None:
    def shear(dataset: Any, k: int) -> None:
        dataset.ImagePositionPatient = [
            float(p) + lean * k * a for p, a in zip(dataset.ImagePositionPatient, OBLIQUE, strict=False)
        ]

    truth = series("in", orientation=OBLIQUE, edit=shear if lean else None)
    array = vdl.open(truth.folder, irregular="keep") if not lean else _kept(truth)
    array.dicom.to_ome_zarr(tmp_path / "a.ome.zarr")
    meta, ((values, scale, translation),) = scales(tmp_path / "a.ome.zarr")
    np.testing.assert_array_equal(values, truth.frames)
    assert [system["name"] for system in meta["coordinateSystems"]][-1] == "LPS"
    (transform,) = meta["coordinateTransformations"]
    assert (transform["type"], transform["output"]) == ("affine", {"name": "LPS"})
    group = zarr.open_group(tmp_path / "a.ome.zarr", mode="r")
    affine = np.asarray(group[transform["path"]][...]) if "path" in transform else np.array(transform["affine"])
    for k, position in enumerate(truth.positions):
        own = np.array(translation) + np.array(scale) * [k, 0, 0]
        np.testing.assert_allclose((affine @ [*own, 1])[::-1], position, atol=3e-6)


def _kept(truth: Truth) -> Any:
    with pytest.warns(vdl.DicomLoadWarning, match="sheared"):
        return vdl.open(truth.folder, irregular="keep")


def test_version_5_of_an_oblique_series_is_refused_with_both_ways_past(series: Write, tmp_path: Path) -> None:
    array = vdl.open(series("in", orientation=OBLIQUE).folder)
    words = 'OME-Zarr 0.5 has no room for an affine → version="0.6", or grid="patient"'
    with pytest.raises(vdl.GeometryError, match=re.escape(words)):
        array.dicom.to_ome_zarr(tmp_path / "a.ome.zarr", version="0.5")
    assert not (tmp_path / "a.ome.zarr").exists()
    array.dicom.to_ome_zarr(tmp_path / "a.ome.zarr", version="0.5", grid="patient")
    meta, ((values, scale, translation),) = scales(tmp_path / "a.ome.zarr")
    assert [axis["orientation"]["value"] for axis in meta["axes"]] == [
        "inferior-to-superior",
        "anterior-to-posterior",
        "right-to-left",
    ]
    volume = array.dicom.to_volume()
    corners = volume.geometry.to_patient([(x, y, z) for x in (0, 7) for y in (0, 5) for z in (0, 4)])
    low, high = np.array(translation)[::-1], (np.array(translation) + scale * (np.array(values.shape) - 1))[::-1]
    assert (corners.min(axis=0) >= low - 1e-5).all()
    assert (corners.max(axis=0) <= high + 1e-5).all()
    same = volume.resampled(matrix=_matrix(scale, translation), shape=values.shape[::-1])
    np.testing.assert_array_equal(values, same.frames)


def _matrix(scale: list[float], translation: list[float]) -> Any:
    matrix = np.diag([*scale[::-1], 1.0])
    matrix[:3, 3] = translation[::-1]
    return matrix


def test_a_grid_may_be_that_of_another_volume(series: Write, tmp_path: Path) -> None:
    oblique, other = series("in", orientation=OBLIQUE).folder, vdl.load(series("other").folder)
    vdl.open(oblique).dicom.to_ome_zarr(tmp_path / "a.zarr", grid=other)
    np.testing.assert_array_equal(scales(tmp_path / "a.zarr")[1][0][0], vdl.load(oblique).resampled(like=other).frames)
    with pytest.raises(ValueError, match='grid must be "patient"'):
        vdl.open(oblique).dicom.to_ome_zarr(tmp_path / "b.zarr", grid="upright")


def test_the_next_scale_has_the_means_of_blocks_in_their_places(series: Write, tmp_path: Path) -> None:
    truth = series("in", count=8, rows=160, columns=132, BitsStored=12)
    vdl.open(truth.folder).dicom.to_ome_zarr(tmp_path / "a.zarr")
    _, (whole, half) = scales(tmp_path / "a.zarr")
    np.testing.assert_array_equal(whole[0], truth.frames)
    assert half[0].shape == (4, 80, 66)
    means = truth.frames.reshape(4, 2, 80, 2, 66, 2).mean(axis=(1, 3, 5))
    np.testing.assert_allclose(half[0], means, atol=1)
    for at in range(3):
        assert half[1][at] == pytest.approx(2 * whole[1][at])
        assert half[2][at] == pytest.approx(whole[2][at] + whole[1][at] / 2)


def test_a_flipped_part_is_written_ascending(series: Write, tmp_path: Path) -> None:
    array = vdl.open(series("in").folder)
    array[::-1, 1:, ::-1].dicom.to_ome_zarr(tmp_path / "a.zarr")
    _, ((values, scale, translation),) = scales(tmp_path / "a.zarr")
    np.testing.assert_array_equal(values, array[:, 1:])
    assert all(step > 0 for step in scale)
    np.testing.assert_allclose(translation, [30, -19.2, -10])


def test_one_slice_is_a_volume_of_one_slice(series: Write, tmp_path: Path) -> None:
    array = vdl.open(series("in").folder)
    array[3].dicom.to_ome_zarr(tmp_path / "a.zarr")
    _, ((values, scale, translation),) = scales(tmp_path / "a.zarr")
    np.testing.assert_array_equal(values, array[3:4])
    assert (scale[0], translation[0]) == (2.5, 37.5)


def test_time_is_an_axis_and_colour_are_channels(data: Path, tmp_path: Path) -> None:
    image = vdl.open(data / "asl_4d", chunks={"time": 1})
    image.dicom.to_ome_zarr(tmp_path / "t.zarr")
    meta, (first, *_) = scales(tmp_path / "t.zarr")
    assert meta["axes"][0] == {"name": "t", "type": "time", "unit": "millisecond"}
    assert (first[1][0], first[2][0]) == (250, 300)
    np.testing.assert_array_equal(first[0], image)
    colour = vdl.open(data / "rgb_stack")
    colour.dicom.to_ome_zarr(tmp_path / "c.zarr")
    meta, (first, *_) = scales(tmp_path / "c.zarr")
    axes = meta.get("axes") or meta["coordinateSystems"][0]["axes"]
    assert axes[0]["name"] == "c"
    np.testing.assert_array_equal(first[0], colour.transpose("component", "z", "y", "x"))


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a version": ({"version": "0.4"}, ValueError, 'version must be "0.5" or "0.6"'),
    "a suffix": ({"path": "a.tif"}, ValueError, "ends in .ome.zarr"),
    "a folder that is none": ({"path": "nowhere/a.zarr"}, FileNotFoundError, "no such folder"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_written_leaves_nothing(series: Write, tmp_path: Path, name: str) -> None:
    options, kind, words = WRONG[name]
    array = vdl.open(series("in").folder)
    path = tmp_path / options.pop("path", "a.zarr")
    with pytest.raises(kind, match=re.escape(words)):
        array.dicom.to_ome_zarr(path, **options)
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


def test_what_has_no_place_is_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(vdl.GeometryError, match="no coordinate patient"):
        vdl.open(data / "mono1").dicom.to_ome_zarr(tmp_path / "a.zarr")


def test_a_full_disk_is_told_of_the_store_that_was_to_be(series: Write, tmp_path: Path) -> None:
    volume = vdl.load(series("in", rows=64, columns=64, seed=3).folder)
    path = tmp_path / "x.ome.zarr"
    with largest_file(1000), pytest.raises(OSError, match=r"File too large|No space") as caught:
        volume.save(path)
    assert caught.value.filename == str(path)
    assert not path.exists()
    cleanup_resources()
