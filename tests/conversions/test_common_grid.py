"""Several volumes as one array on one grid."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from orientations import ORIENTATIONS
from synthetic import Truth

import vtkdicomload as vdl
from vtkdicomload import GeometryError, Volume

Write = Callable[..., Truth]


def test_one_voxel_is_one_place(series: Write) -> None:
    ct = vdl.load(series("ct", rows=20, columns=24, count=10).folder)
    other = vdl.load(series("mr", rows=12, columns=14, count=6, orientation=ORIENTATIONS["oblique"], seed=2).folder)
    frames, geometry = vdl.to_grid([other, ct], like=ct, background=-9)
    assert frames.shape == (2, 10, 20, 24)
    assert geometry is ct.geometry
    np.testing.assert_array_equal(frames[1], ct.frames)
    np.testing.assert_array_equal(frames[0], other.resampled(like=ct, background=-9).frames)


def test_the_first_volume_gives_the_grid(series: Write) -> None:
    volumes = [vdl.load(series(name, seed=seed).folder) for seed, name in enumerate("ab", 1)]
    frames, geometry = vdl.to_grid(volumes, spacing=1, shape=(6, 5, 9))
    assert frames.shape == (2, 9, 5, 6)
    expected = volumes[0].resampled(spacing=1, shape=(6, 5, 9))
    np.testing.assert_allclose(geometry.affine, expected.affine)
    np.testing.assert_array_equal(frames[0], expected.frames)


def test_volumes_come_from_load_many(series: Write) -> None:
    truths = [series(f"s{seed}", seed=seed) for seed in (1, 2, 3)]
    frames, _ = vdl.to_grid(vdl.load_many([t.folder for t in truths]), spacing=(0.5, 0.8, 2.5))
    np.testing.assert_array_equal(frames, np.array([t.frames for t in truths]))


def test_the_error_of_a_source_is_raised(series: Write, tmp_path: Any) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(vdl.NoDicomError):
        vdl.to_grid(vdl.load_many([series("a").folder, tmp_path / "empty"]), spacing=1)


def test_volumes_of_many_patients_lie_about_their_own_middles(series: Write) -> None:
    volumes = [
        vdl.load(series(name, seed=seed, FrameOfReferenceUID=f"1.2.{seed}", orientation=o, rows=n, columns=n).folder)
        for seed, (name, o, n) in enumerate([("a", (1, 0, 0, 0, 1, 0), 8), ("b", (0, 1, 0, 0, 0, -1), 10)], 1)
    ]
    frames, geometry = vdl.to_grid(volumes, spacing=1, shape=(5, 7, 9), align="centre", antialias=False, background=-1)
    assert frames.shape == (2, 9, 7, 5)
    assert geometry.origin is None
    assert geometry.spacing == (1, 1, 1)
    for one, volume in zip(frames, volumes, strict=True):
        middle = volume.geometry.to_patient([(n - 1) / 2 for n in volume.dimensions])
        matrix = np.eye(4)
        matrix[:3, 3] = middle - [2, 3, 4]
        expected = volume.resampled(matrix=matrix, shape=(5, 7, 9), antialias=False, background=-1)
        np.testing.assert_array_equal(one, expected.frames)


def test_frames_of_reference_have_to_match(series: Write) -> None:
    volumes = [
        vdl.load(series(name, seed=seed, FrameOfReferenceUID=f"1.2.{seed}").folder) for seed, name in enumerate("ab", 1)
    ]
    for options in ({"spacing": 1}, {"like": volumes[0]}):
        with pytest.raises(GeometryError, match="different coordinate systems") as error:
            vdl.to_grid(volumes, **options)
        assert error.value.__notes__ == ["in volume 1 of those to bring onto one grid"]
        assert vdl.to_grid(volumes, **options, frame_of_reference="ignore").frames.shape[0] == 2
    assert vdl.to_grid(volumes, like=volumes[0].geometry).frames.shape[0] == 2


def test_the_array_holds_every_value(series: Write) -> None:
    whole = vdl.load(series("a").folder)
    fractions = vdl.load(series("b", seed=2, RescaleSlope="0.5").folder)
    frames, _ = vdl.to_grid([whole, fractions], like=whole)
    assert frames.dtype == np.float32
    np.testing.assert_array_equal(frames[1], fractions.frames)


def test_only_one_volume_has_to_lie_in_memory(series: Write) -> None:
    one = vdl.load(series(rows=64, columns=64, count=64, gap=1.0).folder)
    volume_bytes = one.frames.nbytes

    def volumes() -> Iterator[Volume]:
        for _ in range(12):
            yield one.replaced(one.frames.copy(), one.geometry)

    vdl.to_grid(volumes(), shape=(8, 8, 8))  # what is imported and kept once
    tracemalloc.start()
    frames, _ = vdl.to_grid(volumes(), shape=(8, 8, 8), antialias=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(frames) == 12
    assert peak < 2.5 * volume_bytes


WRONG: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "no volume": ([], {"spacing": 1}, "no volume to bring"),
    "no grid": ([0], {}, "no grid is given"),
    "align": ([0], {"spacing": 1, "align": "corner"}, '"patient" or "centre"'),
    "centre alone": ([0], {"spacing": 1, "align": "centre"}, "needs spacing= and shape="),
    "colour": ([0, 1], {"spacing": 1}, "colour and grey"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_makes_no_array_is_refused(series: Write, name: str) -> None:
    chosen, options, words = WRONG[name]
    volumes = [
        vdl.load(series("grey").folder),
        vdl.load(series("rgb", seed=2, dtype=np.uint8, SamplesPerPixel=3).folder),
    ]
    with pytest.raises(ValueError, match=words):
        vdl.to_grid([volumes[i] for i in chosen], **options)


@pytest.mark.parametrize(("volumes", "words"), [(["a path"], "not a str of 6 characters"), ("one", "not one Volume")])
def test_what_is_no_list_of_volumes_is_refused(series: Write, volumes: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        vdl.to_grid(vdl.load(series().folder) if volumes == "one" else volumes, spacing=1)
