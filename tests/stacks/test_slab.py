"""Some of the slices of a grid, in their places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import vtkdicomload as vdl
from vtkdicomload.stacks.geometry import Geometry
from vtkdicomload.stacks.slab import cut_grid

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]

OBLIQUE = (0.8, 0.6, 0, -0.36, 0.48, -0.8)


@pytest.mark.parametrize("slices", [slice(1, 4), slice(None, 2), slice(-2, None), slice(3, 4), slice(0, 99)])
def test_slices_lie_where_they_lie_in_the_whole(series: Write, slices: slice) -> None:
    truth = series(orientation=OBLIQUE, RescaleIntercept=-1024)
    whole, part = vdl.load(truth.folder), vdl.load(truth.folder, slices=slices)
    np.testing.assert_array_equal(part.frames, truth.frames[slices])
    np.testing.assert_allclose(part.origin, truth.positions[slices][0], atol=1e-9)
    np.testing.assert_allclose(part.affine[:3, :3], whole.affine[:3, :3])
    assert part.series.frames == whole.series.frames[slices]
    assert part.dtype == whole.dtype
    for index, position in enumerate(truth.positions[slices]):
        np.testing.assert_allclose(part.geometry.to_patient((0, 0, index)), position, atol=1e-9)
        in_sitk = part.to_sitk().TransformIndexToPhysicalPoint((0, 0, index))
        np.testing.assert_allclose(in_sitk, position, atol=1e-9)


def test_only_their_files_are_read(series: Write) -> None:
    truth = series()
    for file in (truth.files[0], truth.files[4]):
        content = bytearray(file.read_bytes())
        content[-4:] = b"\7\7\7\7"  # pixels alone
        file.write_bytes(content)
    np.testing.assert_array_equal(vdl.load(truth.folder, slices=slice(1, 4), verify="all").frames, truth.frames[1:4])


def test_a_part_that_was_loaded_is_that_part_of_what_is_opened(series: Write) -> None:
    folder = series(orientation=OBLIQUE).folder
    part = vdl.load(folder, slices=slice(1, 4)).to_xarray()
    whole = vdl.open(folder)
    assert (part.drop_attrs() == whole[1:4].drop_attrs()).all()
    assert (part + whole).shape == part.shape
    np.testing.assert_array_equal(vdl.open(folder, slices=slice(1, 4)), part)


def test_uneven_slices_keep_their_places(series: Write) -> None:
    def lift(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [0, 0, (0, 2, 4, 9, 11)[k]]

    folder = series(edit=lift).folder
    with pytest.warns(vdl.DicomLoadWarning):
        part = vdl.load(folder, irregular="keep", slices=slice(2, 5))
    assert part.to_xarray().z.values.tolist() == [4, 9, 11]
    assert part.affine is None


def test_frames_of_a_run_keep_their_times() -> None:
    run = Geometry((4, 4, 5), (1, 1, 1), third_axis="frames", frame_times=np.array([0, 40, 80, 120, 160.0]))
    part = cut_grid(run, 2, 4)
    assert (part.dimensions, part.frame_times.tolist(), part.origin) == ((4, 4, 2), [0, 40], None)


WRONG = {
    "none of them": (slice(5, 9), ValueError, "slices=5:9 holds none of the 5 slices"),
    "the wrong way": (slice(4, 1), ValueError, "slices=4:1 holds none"),
    "a step": (slice(0, 4, 2), ValueError, "slices must have step 1, not 2"),
    "a number": (3, TypeError, r"slices must be a slice, slice\(100, 120\), not 3"),
    "fractions": (slice(0.5, 2), TypeError, "an end of slices must be a whole number, not 0.5"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_part_is_refused(series: Write, name: str) -> None:
    slices, kind, words = WRONG[name]
    with pytest.raises(kind, match=words):
        vdl.load(series().folder, slices=slices)


def test_interpolated_slices_are_cropped_in_its_place(series: Write) -> None:
    def lean(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [0, 1.5 * k, 2.5 * k]

    folder = series(edit=lean).folder
    with pytest.raises(ValueError, match=r"load\(…\).crop\(index=\(None, None, \(1, 3\)\)\)"):
        vdl.load(folder, irregular="resample", slices=slice(1, 3))
