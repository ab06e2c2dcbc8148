"""Copies of files are left out with a word; what is no true copy never is."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from synthetic import ROOT, write_dataset

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]
    Change = Callable[[Dataset], None]


def _copy(path: Path, target: Path, change: Change, syntax: str = ExplicitVRLittleEndian) -> None:
    dataset = pydicom.dcmread(path)
    change(dataset)
    write_dataset(target, dataset, syntax)


def _same(dataset: Dataset) -> None:
    """Change nothing."""


def _describe(dataset: Dataset) -> None:
    """Change what a loader does not look at."""
    dataset.StudyDescription = "exported twice"


@pytest.mark.parametrize("change", [_same, _describe])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("which", [[0], [2], [4], [0, 1, 2, 3, 4]])
def test_a_copy_is_left_out_however_its_header_is_written(
    series: Write, which: list[int], syntax: str, change: Change
) -> None:
    truth = series()
    for k in which:
        _copy(truth.files[k], truth.folder / f"9-{k}.dcm", change, syntax)
    with pytest.warns(vdl.DicomLoadWarning) as said:
        volume = vdl.load(truth.folder)
    assert [str(w.message).split(" (")[0] for w in said] == [
        f"{len(which)} of {5 + len(which)} files are copies of others, byte for byte"
    ]
    np.testing.assert_array_equal(volume.frames, truth.frames)
    np.testing.assert_allclose(volume.affine, truth.affine, atol=1e-6)
    assert volume.series.files == tuple(map(str, truth.files))


@pytest.mark.parametrize("syntax", [RLELossless, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_copies_of_other_encodings_are_left_out(series: Write, tmp_path: Path, syntax: str) -> None:
    deflated = syntax == DeflatedExplicitVRLittleEndian
    truth = series("a", syntax=ExplicitVRLittleEndian if deflated else syntax)
    if deflated:
        for path in truth.files:
            _copy(path, path, _same, syntax)
    shutil.copytree(truth.folder, tmp_path / "b")
    with pytest.warns(vdl.DicomLoadWarning, match="5 of 10 files are copies of others"):
        np.testing.assert_array_equal(vdl.load(tmp_path).frames, truth.frames)


def _brighten(dataset: Dataset) -> None:
    dataset.PixelData = bytes(dataset.PixelData[:-1]) + bytes([dataset.PixelData[-1] ^ 1])


@pytest.mark.parametrize(
    "change",
    [
        _brighten,
        lambda d: setattr(d, "RescaleIntercept", -1024),
        lambda d: setattr(d, "SOPInstanceUID", f"{ROOT}.77"),
        lambda d: setattr(d, "EchoTime", 5),
        lambda d: setattr(d, "AcquisitionNumber", 2),
    ],
)
def test_what_differs_in_pixels_values_or_identity_is_no_copy(series: Write, change: Change) -> None:
    truth = series()
    _copy(truth.files[2], truth.folder / "again.dcm", change)
    with pytest.raises(vdl.DuplicateSliceError) as caught:
        vdl.load(truth.folder)
    assert "ignore=" not in str(caught.value)
    assert not any("ignore" in remedy.options for remedy in caught.value.remedies)


def test_a_copy_of_a_multi_frame_file_is_left_out(tmp_path: Path) -> None:
    from enhanced import write_enhanced

    stored = write_enhanced(tmp_path / "a.dcm", range(6))
    shutil.copy(tmp_path / "a.dcm", tmp_path / "b.dcm")
    with pytest.warns(vdl.DicomLoadWarning, match=r"1 of 2 files are copies of others, .* \(b\.dcm\)"):
        np.testing.assert_array_equal(vdl.load(tmp_path).frames, stored)


@pytest.mark.parametrize("equal", [(0, 4), (1, 3), (0, 1)])
def test_slices_of_equal_pixels_under_one_uid_are_slices(series: Write, equal: tuple[int, int]) -> None:
    """Blank end slices have equal bytes: their places tell that they are two."""

    def edit(dataset: Dataset, k: int) -> None:
        dataset.SOPInstanceUID = f"{ROOT}.1.1"
        if k in equal:
            dataset.PixelData = bytes(len(dataset.PixelData))

    truth = series(edit=edit)
    with pytest.warns(vdl.DicomLoadWarning) as said:
        volume = vdl.load(truth.folder)
    assert [str(w.message) for w in said] == [
        "5 files have 1 SOPInstanceUIDs among them: these are taken for untrue, not for copies"
    ]
    np.testing.assert_array_equal(volume.frames, truth.frames)


@pytest.mark.parametrize("count", [5, 12])
def test_a_series_without_uids_of_its_own_has_no_copies(series: Write, count: int) -> None:
    """Whether there is a position or not: the pixels of images differ."""
    truth = series(
        edit=lambda d, k: setattr(d, "SOPInstanceUID", f"{ROOT}.1.1"), count=count, ImagePositionPatient=None
    )
    with pytest.warns(vdl.DicomLoadWarning) as said:
        np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)
    assert sum("SOPInstanceUIDs" in str(w.message) for w in said) == 1


def test_no_pixel_is_read_where_all_uids_differ(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    from vtkdicomload.stacks import copies

    monkeypatch.setattr(copies, "_read_pixels", lambda header: pytest.fail("pixels were read"))
    truth = series()
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)
