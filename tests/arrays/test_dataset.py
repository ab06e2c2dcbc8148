"""Arrays that are read where they are indexed, as xarray, dask and Zarr use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
import zarr
from zarr.core.sync import cleanup_resources

import vtkdicomload as vdl
from vtkdicomload.loading.lazy import LazyImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]

OBLIQUE = (0.8, 0.6, 0, -0.36, 0.48, -0.8)


@pytest.fixture(autouse=True)
def _no_threads_of_zarr() -> Iterator[None]:
    """End the threads that zarr starts on first use and keeps: other tests count threads."""
    yield
    cleanup_resources()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many voxels each read of an image gave."""
    sizes: list[int] = []
    read = LazyImage.read

    def count(image: LazyImage, key: Any) -> Any:
        pixels = read(image, key)
        sizes.append(np.size(pixels))
        return pixels

    monkeypatch.setattr(LazyImage, "read", count)
    return sizes


def test_points_and_masks_take_what_they_take_of_numpy(series: Write) -> None:
    truth = series()
    image, frames = vdl.open(truth.folder), truth.frames
    points = {"z": xr.DataArray([0, 4, 2], dims="p"), "y": xr.DataArray([5, 1, 1], dims="p")}
    np.testing.assert_array_equal(image.isel(points), frames[[0, 4, 2], [5, 1, 1]])
    mask = np.array([True, False, False, True, False, True])
    np.testing.assert_array_equal(image[:, mask], frames[:, mask])
    np.testing.assert_array_equal(image.transpose("x", "z", "y")[3, :, ::-2], frames.transpose(2, 0, 1)[3, :, ::-2])


def test_what_is_indexed_is_read_once_and_may_be_changed(series: Write, asked: list[int]) -> None:
    truth = series()
    image = vdl.open(truth.folder)
    assert "values with dtype=int16" in repr(image)
    assert asked == []
    image.load()
    image.load()
    assert asked == [truth.frames.size]
    image[0, 0, 0] = 7
    assert int(image[0, 0, 0]) == 7
    np.testing.assert_array_equal(vdl.open(truth.folder), truth.frames)


def test_a_series_goes_into_a_store_a_chunk_at_a_time(series: Write, tmp_path: Path, asked: list[int]) -> None:
    truth = series("in", count=6, orientation=OBLIQUE, RescaleIntercept=-1024)
    vdl.open(truth.folder, chunks={"z": 2}).to_dataset().to_zarr(tmp_path / "a.zarr", zarr_format=3, consolidated=False)
    assert max(asked) == 2 * 6 * 8
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    np.testing.assert_array_equal(group["image"][...], truth.frames)
    assert group["image"].chunks == (2, 6, 8)
    place = np.reshape(group["patient"].attrs["direction"], (3, 3))
    for k, position in enumerate(truth.positions):
        np.testing.assert_allclose(place @ [group["x"][0], group["y"][0], group["z"][k]], position, atol=2e-6)
    with xr.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None) as found:
        np.testing.assert_allclose(vdl.affine_of(found.image[1:, ::2]), vdl.affine_of(vdl.open(truth.folder)[1:, ::2]))
        assert vdl.Volume.from_xarray(found.image).units == "HU"


def test_time_points_go_into_a_store_with_their_coordinates(data: Path, tmp_path: Path) -> None:
    image = vdl.open(data / "asl_4d", chunks={"time": 1, "z": -1})
    image.to_dataset().to_zarr(tmp_path / "a.zarr", zarr_format=3, consolidated=False)
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    assert group["image"].metadata.dimension_names == ("time", "z", "y", "x")
    assert group["time"][...].tolist() == [300, 550, 800, 1050, 1300, 1550, 1800, 2050]
    np.testing.assert_array_equal(group["image"][3], vdl.load(data / "asl_4d", stack=3).frames)


def test_a_mean_for_each_b_value_takes_two_lines(data: Path, series: Write) -> None:
    from synthetic import ROOT

    shells = [0.0, 1000.0, 0.0, 1000.0, 1000.0]
    for v, b in enumerate(shells):

        def edit(dataset: Any, k: int, v: int = v) -> None:
            dataset.SOPInstanceUID, dataset.InstanceNumber = f"{ROOT}.4.{v}.{k}", 5 * v + k + 1
            if shells[v]:
                dataset.DiffusionGradientOrientation = np.eye(3)[v % 3].tolist()

        names = [f"{v}-{k}" for k in range(5)]
        truth = series(names=names, edit=edit, DiffusionBValue=b, RescaleIntercept=100 * v, AcquisitionNumber=v + 1)
    dwi = vdl.open(truth.folder, chunks={"z": 2})
    means = dwi.groupby("b_value").mean()
    whole = dwi.values
    assert means.b_value.values.tolist() == [0, 1000]
    np.testing.assert_allclose(means.sel(b_value=0), whole[[0, 2]].mean(0))
    np.testing.assert_allclose(means.sel(b_value=1000), whole[[1, 3, 4]].mean(0))
    np.testing.assert_allclose(vdl.affine_of(means), vdl.affine_of(dwi))
