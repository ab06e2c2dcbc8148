"""Reorienting a volume: every voxel keeps its value and its place in the patient."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
import SimpleITK

import vtkdicomload as vdl
from vtkdicomload import DicomLoadWarning, GeometryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]

PLANES = {
    "axial": (1, 0, 0, 0, 1, 0),
    "axial from the feet": (-1, 0, 0, 0, 1, 0),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "coronal": (1, 0, 0, 0, 0, -1),
    "oblique": (0.8, 0.6, 0, -0.36, 0.48, -0.8),
    "diagonal": (0.70710678, 0.70710678, 0, -0.5, 0.5, 0.70710678),
}
WORDS = ["".join(sides) for order in itertools.permutations(("LR", "PA", "SI")) for sides in itertools.product(*order)]
LPS = {"L": (1, 0, 0), "R": (-1, 0, 0), "P": (0, 1, 0), "A": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}


@pytest.mark.parametrize("plane", PLANES)
def test_every_voxel_keeps_its_value_and_place(series: Write, plane: str) -> None:
    truth = series(orientation=PLANES[plane], count=4, rows=3, columns=5)
    volume = vdl.load(truth.folder)
    place = {truth.frames[k, j, i]: (truth.affine @ [i, j, k, 1])[:3] for k, j, i in np.ndindex(truth.frames.shape)}
    assert len(place) == truth.frames.size
    for word in WORDS:
        turned = volume.reorient(word)
        assert turned.frames.flags.c_contiguous
        assert turned.frames.shape == turned.dimensions[::-1]
        assert turned.frames.size == truth.frames.size
        for k, j, i in np.ndindex(turned.frames.shape):
            expected = place[turned.frames[k, j, i]]
            np.testing.assert_allclose(turned.geometry.to_patient((i, j, k)), expected, atol=1e-6)
        corner = tuple(n - 1 for n in turned.dimensions)
        expected = place[turned.array[corner]]
        np.testing.assert_allclose(turned.geometry.to_patient(corner), expected, atol=1e-6)


@pytest.mark.parametrize("plane", ["axial", "axial from the feet", "sagittal", "coronal", "oblique"])
def test_axes_run_toward_the_named_sides(series: Write, plane: str) -> None:
    volume = vdl.load(series(orientation=PLANES[plane]).folder)
    for word in WORDS:
        direction = volume.reorient(word).geometry.direction
        assert direction is not None
        for axis, letter in enumerate(word):
            assert direction[:, axis] @ LPS[letter] > 0.45


@pytest.mark.parametrize("plane", ["axial", "sagittal", "coronal", "oblique"])
@pytest.mark.parametrize("word", ["LPS", "RAS", "LIP", "SRA"])
def test_it_turns_the_volume_as_simpleitk_does(series: Write, plane: str, word: str) -> None:
    truth = series(orientation=PLANES[plane])
    volume = vdl.load(truth.folder).reorient(word)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(f) for f in truth.files])
    theirs = SimpleITK.DICOMOrient(reader.Execute(), word)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(theirs), volume.frames)
    geometry = volume.geometry
    np.testing.assert_allclose(geometry.origin, theirs.GetOrigin(), atol=1e-6)
    np.testing.assert_allclose(geometry.spacing, theirs.GetSpacing(), atol=1e-6)
    np.testing.assert_allclose(np.ravel(geometry.direction), theirs.GetDirection(), atol=1e-6)


@pytest.mark.parametrize("name", ["small_ct", "mr_plain4", "rgb_stack"])
def test_real_series_turn_there_and_back(data: Path, name: str) -> None:
    volume = vdl.load(data / name)
    home = "".join(
        max(LPS, key=lambda letter: float(np.dot(LPS[letter], column))) for column in volume.geometry.direction.T
    )
    again = volume.reorient("RIP").reorient(home)
    np.testing.assert_array_equal(again.frames, volume.frames)
    np.testing.assert_allclose(again.affine, volume.affine, atol=1e-6)
    assert again.frames.strides == volume.frames.strides


def test_pixels_are_copied_only_where_an_axis_turns(series: Write) -> None:
    volume = vdl.load(series(orientation=PLANES["sagittal"]).folder)
    assert np.shares_memory(volume.reorient("PIR").frames, volume.frames)
    assert not any(np.shares_memory(volume.reorient(w).frames, volume.frames) for w in ("PIL", "LPS", "IPR"))


def test_a_marked_voxel_is_found_at_its_place(series: Write) -> None:
    def mark(dataset: Dataset, k: int) -> None:
        pixels = np.zeros((6, 8), np.int16)
        if k == 1:
            pixels[4, 6] = 999
        dataset.PixelData = pixels.tobytes()

    truth = series(orientation=PLANES["coronal"], edit=mark)
    for word in WORDS:
        turned = vdl.load(truth.folder).reorient(word)
        (index,) = np.argwhere(turned.frames == 999)
        found = turned.geometry.to_patient(index[::-1])
        np.testing.assert_allclose(found, (truth.affine @ [6, 4, 1, 1])[:3], atol=1e-9)


def test_colour_stays_together(data: Path) -> None:
    volume = vdl.load(data / "rgb_stack")
    turned = volume.reorient("RAS")
    assert turned.frames.shape[-1] == 3
    assert sorted(map(tuple, turned.frames.reshape(-1, 3))) == sorted(map(tuple, volume.frames.reshape(-1, 3)))
    assert turned.frames.flags.c_contiguous


def test_what_is_known_of_the_volume_stays_known(series: Write) -> None:
    volume = vdl.load(series(orientation=PLANES["sagittal"]).folder)
    turned = volume.reorient("LPS")
    assert (turned.engine, turned.checks, turned.ignored) == (volume.engine, volume.checks, volume.ignored)
    assert turned.series is volume.series
    assert turned.photometric_interpretation == volume.photometric_interpretation


def test_letters_may_be_small_and_of_either_convention(series: Write) -> None:
    volume = vdl.load(series().folder)
    for word in ("lps", "LPH", "lph"):
        np.testing.assert_array_equal(volume.reorient(word).frames, volume.reorient("LPS").frames)
    np.testing.assert_array_equal(volume.reorient("RAF").frames, volume.reorient("RAI").frames)


@pytest.mark.parametrize("word", ["", "LP", "LPSS", "LLS", "LRS", "XYZ", "LPX", "L P", "SSS", "HFL"])
def test_words_that_name_no_three_sides_are_refused(series: Write, word: str) -> None:
    with pytest.raises(ValueError, match="axes must name"):
        vdl.load(series().folder).reorient(word)


def test_without_position_there_is_no_way(series: Write) -> None:
    with pytest.warns(DicomLoadWarning):
        volume = vdl.load(series(ImagePositionPatient=None, ImageOrientationPatient=None).folder)
    with pytest.raises(GeometryError, match="no position or orientation"):
        volume.reorient("LPS")


def uneven(dataset: Dataset, k: int) -> None:
    x, y, z = map(float, dataset.ImagePositionPatient)
    dataset.ImagePositionPatient = [x, y, z + (4 if k > 2 else 0)]


@pytest.mark.parametrize("word", ["LPS", "LPI", "RAS", "PLI", "ALS"])
def test_uneven_slices_keep_their_positions(series: Write, word: str) -> None:
    truth = series(edit=uneven)
    with pytest.warns(DicomLoadWarning):
        volume = vdl.load(truth.folder, irregular="keep")
    geometry = volume.reorient(word).geometry
    turned = volume.reorient(word).frames
    assert geometry.positions is not None
    for k, corner in enumerate(geometry.positions):
        (at,) = np.argwhere(truth.frames == turned[k, 0, 0])
        expected = truth.positions[at[0]] + [at[2] * 0.5, at[1] * 0.8, 0]
        np.testing.assert_allclose(corner, expected, atol=1e-9)
    np.testing.assert_allclose(geometry.origin, geometry.positions[0])
    assert not geometry.regular


def test_uneven_slices_do_not_become_rows(series: Write) -> None:
    with pytest.warns(DicomLoadWarning):
        volume = vdl.load(series(edit=uneven).folder, irregular="keep")
    with pytest.raises(GeometryError, match="regular grid"):
        volume.reorient("SPL")
