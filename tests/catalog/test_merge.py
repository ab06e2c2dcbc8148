"""`series="all"`: the files of a source as one series, whatever their SeriesInstanceUID."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from synthetic import ROOT, STUDY, Truth
from typer.testing import CliRunner

import vtkdicomload as vdl
from vtkdicomload.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset

    Write = Callable[..., Truth]


def _own_uid(dataset: Dataset, k: int) -> None:
    dataset.SeriesInstanceUID = f"{ROOT}.{77 - k}"
    dataset.SeriesNumber = 77 - k


def _uid_of_half(dataset: Dataset, k: int) -> None:
    dataset.SeriesInstanceUID, dataset.SeriesNumber = f"{ROOT}.{77 + k // 3}", 77 + k // 3


@pytest.fixture
def torn(series: Write) -> Truth:
    """Five slices of five series, numbered against their names."""
    return series("in", edit=_own_uid)


def test_all_files_are_one_series_on_every_way(torn: Truth, tmp_path: Path) -> None:
    with pytest.raises(vdl.MultipleSeriesError, match=r'5 series in in: .* → series="all", '):
        vdl.load(torn.folder)
    ways: dict[str, Callable[[], Any]] = {
        "folder": lambda: vdl.load(torn.folder, series="all"),
        "list": lambda: vdl.load(torn.files, series="all"),
        "load_many": lambda: next(iter(vdl.load_many([torn.folder], series="all"))).volume,
    }
    for load in ways.values():
        volume = load()
        np.testing.assert_array_equal(volume.frames, torn.frames)
        np.testing.assert_allclose(volume.affine, vdl.load(torn.folder, series="all").affine)
    source = vdl.DICOMSeriesSource(directory_name=torn.folder, series="all")
    source.Update()
    assert source.GetOutput().GetDimensions() == (8, 6, 5)
    for command in (("show", "-o", str(tmp_path / "a.png")), ("bench", "--rounds", "1"), ("info", "--verify")):
        name, *options = command
        result = CliRunner().invoke(app, [name, str(torn.folder), "--series", "all", *options])
        assert (result.exit_code, result.stderr) == (0, "")
    (line,) = [line for line in result.stdout.splitlines() if "import vtkdicomload" in line]
    names: dict[str, Any] = {}
    exec(line[line.index("import") :], names)
    np.testing.assert_array_equal(names["volume"].frames, torn.frames)


@pytest.mark.parametrize(
    "edit",
    [
        lambda d, k: setattr(d, "Modality", "CT" if k else "MR"),
        lambda d, k: setattr(d, "PatientID", str(k)),
        lambda d, k: setattr(d, "ImagePositionPatient", [0, 0, k * k]),
        lambda d, k: None if k < 3 else setattr(d, "SeriesInstanceUID", f"{ROOT}.70"),
    ],
    ids=["modality", "patient", "uneven", "not each its own"],
)
def test_slices_that_make_no_one_volume_are_not_offered_as_one(
    series: Write, edit: Callable[[Dataset, int], None]
) -> None:
    def tear(dataset: Dataset, k: int) -> None:
        _own_uid(dataset, k)
        edit(dataset, k)

    with pytest.raises(vdl.MultipleSeriesError) as caught:
        vdl.load(series("in", edit=tear).folder)
    assert '"all"' not in str(caught.value)


def test_the_order_is_that_of_the_source(torn: Truth) -> None:
    files = [torn.files[k] for k in (4, 2, 3, 1, 0)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", vdl.DicomLoadWarning)  # that they are not in the order of their places
        volume = vdl.load(files, series="all", order="given", irregular="keep")
    np.testing.assert_array_equal(volume.frames, torn.frames[[4, 2, 3, 1, 0]])


def test_of_one_series_it_is_that(series: Write) -> None:
    truth = series()
    np.testing.assert_array_equal(vdl.load(truth.folder, series="all").frames, truth.frames)
    np.testing.assert_array_equal(vdl.load(vdl.scan(truth.folder)[0], series="all").frames, truth.frames)


def test_the_stacks_of_all_files_are_chosen_from(series: Write, tmp_path: Path) -> None:
    axial = series("in", seed=1)
    coronal = series("in", seed=2, count=4, orientation=(1, 0, 0, 0, 0, -1))
    for stack, truth in (("axial", axial), ("coronal", coronal)):
        volume = vdl.load(tmp_path, series="all", stack=stack)
        np.testing.assert_array_equal(volume.frames, truth.frames)


def test_a_series_number_for_each_uid_divides_nothing(series: Write) -> None:
    truth = series(count=6, edit=_uid_of_half)
    np.testing.assert_array_equal(vdl.load(truth.folder, series="all").frames, truth.frames)


@pytest.mark.parametrize(
    ("keyword", "first", "second"),
    [
        ("PatientID", "Secret-1", "Secret-2"),
        ("PatientID", "Secret-1", None),
        ("StudyInstanceUID", STUDY, f"{STUDY}.5"),
        ("Modality", "CT", "MR"),
        ("FrameOfReferenceUID", f"{ROOT}.5.1", f"{ROOT}.5.2"),
        ("FrameOfReferenceUID", f"{ROOT}.5.1", None),
    ],
)
def test_what_cannot_be_one_series_is_refused_without_showing_values(
    series: Write, tmp_path: Path, keyword: str, first: str, second: str | None
) -> None:
    series("in", seed=1, count=3, **{keyword: first})
    series("in", seed=2, count=2, origin=(-10, -20, 37.5), **{keyword: second})
    with pytest.raises(vdl.InconsistentSeriesError, match=f"2 different {keyword}") as caught:
        vdl.load(tmp_path, series="all")
    assert len(caught.value.files) == 2
    for value in (first, second or first):
        assert value not in str(caught.value).replace(str(tmp_path), "")


def test_a_damaged_file_anywhere_may_be_one_of_all(torn: Truth) -> None:
    torn.files[4].write_bytes(torn.files[4].read_bytes()[:-9])
    with pytest.raises(vdl.CorruptFileError, match=torn.files[4].name):
        vdl.load(torn.folder, series="all")
    with pytest.warns(vdl.DicomLoadWarning, match="1 file left out, damaged"):
        volume = vdl.load(torn.folder, series="all", ignore="damaged")
    np.testing.assert_array_equal(volume.frames, torn.frames[:4])
