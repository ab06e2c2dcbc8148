"""A DICOMDIR is a source like its folder: its records in order, what is missing is named, the rest is taken too."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.fileset import FileSet

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from synthetic import Truth

    Write = Callable[..., Truth]
    Medium = Callable[..., tuple[Truth, Path]]

pytestmark = pytest.mark.filterwarnings("ignore:.*left out:vtkdicomload.DicomLoadWarning")  # as the test says


def _write_medium(folder: Path, paths: Sequence[Path]) -> Path:
    files = FileSet()
    for path in paths:
        files.add(path)
    files.write(folder)
    files._stage["t"].cleanup()  # pydicom leaves that to the garbage collection, which warns
    return folder / "DICOMDIR"


@pytest.fixture
def medium(series: Write, tmp_path: Path) -> Medium:
    """Write a series as a medium, by pydicom: its truth, and the path of the DICOMDIR."""

    def write(**options: Any) -> tuple[Truth, Path]:
        truth = series(
            "written", PatientID="1", PatientName="A", StudyID="1", StudyDate="20200101", StudyTime="12", **options
        )
        return truth, _write_medium(tmp_path / "medium", truth.files)

    return write


def test_a_dicomdir_gives_the_volume_of_its_folder(medium: Medium) -> None:
    truth, path = medium()
    for source in (path, str(path), [path]):
        volume = vdl.load(source)
        np.testing.assert_array_equal(volume.frames, truth.frames)
        assert "equal to vtk" in volume.checks[-1].result
    np.testing.assert_array_equal(vdl.load(path.parent).frames, truth.frames)
    assert vdl.scan(path).skipped == ()


def test_files_come_in_the_order_of_the_records(series: Write, tmp_path: Path) -> None:
    truth = series("written", PatientID="1", PatientName="A", StudyID="1", StudyDate="20200101", StudyTime="12")
    order = [3, 0, 4, 1, 2]
    path = _write_medium(tmp_path / "medium", [truth.files[k] for k in order])
    (found,) = vdl.scan(path)
    assert [found.dataset(k).InstanceNumber for k in range(5)] == [k + 1 for k in order]


def test_a_listed_image_that_is_missing_is_named(medium: Medium) -> None:
    truth, path = medium()
    missing = vdl.load(path).series.files[1]
    os.unlink(missing)
    assert [p.path for p in vdl.scan(path).problems] == [missing]
    with pytest.raises(vdl.CorruptFileError, match="DICOMDIR lists it, and it is not there") as caught:
        vdl.load(path)
    assert caught.value.files == (missing,)
    with pytest.warns(vdl.DicomLoadWarning, match="not evenly spaced"):
        volume = vdl.load(path, irregular="keep", ignore=missing)
    np.testing.assert_array_equal(volume.frames, truth.frames[[0, 2, 3, 4]])


def test_files_beside_it_that_are_not_listed_are_taken(medium: Medium, series: Write) -> None:
    truth, path = medium(count=4)
    more = series("more", count=5)
    (path.parent / "EXTRA").mkdir()
    dataset = pydicom.dcmread(more.files[4])
    dataset.SeriesInstanceUID = pydicom.dcmread(truth.files[0]).SeriesInstanceUID
    dataset.StudyInstanceUID = pydicom.dcmread(truth.files[0]).StudyInstanceUID
    dataset.save_as(path.parent / "EXTRA" / "1.dcm")
    (path.parent / "README.TXT").write_bytes(b"a viewer lies on this medium")
    found = vdl.scan(path)
    assert found[0].files[-1] == str(path.parent / "EXTRA" / "1.dcm")
    assert len(found[0].files) == 5
    assert [s.path for s in found.skipped] == [str(path.parent / "README.TXT")]
    assert found[0].load().frames.shape[0] == 5


@pytest.mark.parametrize("change", [str.lower, lambda name: name + ";1", lambda name: name + ".", str.swapcase])
def test_names_are_found_in_whatever_way_a_file_system_shows_them(medium: Medium, change: Callable[[str], str]) -> None:
    truth, path = medium()
    for folder, folders, files in os.walk(path.parent, topdown=False):
        for name in (*folders, *files):
            os.rename(os.path.join(folder, name), os.path.join(folder, change(name)))
    np.testing.assert_array_equal(vdl.load(path.parent / change("DICOMDIR")).frames, truth.frames)


@pytest.mark.parametrize("separator", ["/", "\\"])
def test_a_whole_path_in_one_component_is_understood(
    medium: Medium, separator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vtkdicomload.sources import dicomdir

    truth, path = medium()
    real = dicomdir._read_values

    def parse(item: pydicom.Dataset) -> Any:
        if "ReferencedFileID" in item:  # "CS" of pydicom would divide it at a backslash
            item = {e.keyword: e.value for e in item} | {"ReferencedFileID": separator.join(item.ReferencedFileID)}
        return real(item)

    monkeypatch.setattr(dicomdir, "_read_values", parse)
    assert not vdl.scan(path).problems
    np.testing.assert_array_equal(vdl.load(path, order="given").frames, truth.frames)


def test_a_fault_of_our_own_is_no_damage_of_the_medium(medium: Medium, monkeypatch: pytest.MonkeyPatch) -> None:
    from vtkdicomload.sources import dicomdir

    def fail(*_: object) -> None:
        raise AttributeError("ours")

    _, path = medium()
    monkeypatch.setattr(dicomdir, "_make_record", fail)
    with pytest.raises(AttributeError, match="ours"):
        vdl.scan(path)


def test_a_relative_path_is_read_wherever_the_process_goes(
    medium: Medium, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    truth, path = medium()
    (path.parent / "EXTRA.TXT").write_bytes(b"x")
    for start, name in ((path.parent, "DICOMDIR"), (tmp_path, "medium/DICOMDIR")):
        monkeypatch.chdir(start)
        found = vdl.scan(name)
        assert not found.problems
        assert len(found.skipped) == 1
        assert not any(os.path.isabs(file) for file in found[0].files)
        monkeypatch.chdir("/")
        np.testing.assert_array_equal(found[0].load().frames, truth.frames)


def test_a_lone_dicomdir_names_what_is_missing(tmp_path: Path) -> None:
    shutil.copy(str(get_testdata_file("DICOMDIR")), tmp_path / "DICOMDIR")
    with pytest.raises(vdl.CorruptFileError, match=r"31 files cannot be read .* DICOMDIR lists it"):
        vdl.load(tmp_path / "DICOMDIR")


def test_the_medium_of_pydicom_is_read_as_its_folder(tmp_path: Path) -> None:
    root = Path(str(get_testdata_file("DICOMDIR"))).parent
    assert (root / "77654033").is_dir()
    expected = {frame.path for series in vdl.scan(root / "77654033") for frame in series.frames}
    assert {frame.path for series in vdl.scan(root / "DICOMDIR") for frame in series.frames} >= expected


def test_a_file_of_that_name_that_is_none_is_read_as_what_it_is(series: Write, tmp_path: Path) -> None:
    truth = series("s", count=1)
    shutil.copy(truth.files[0], tmp_path / "DICOMDIR")
    np.testing.assert_array_equal(vdl.load(tmp_path / "DICOMDIR").frames, truth.frames)
    (tmp_path / "DICOMDIR").write_bytes(b"not at all")
    with pytest.raises(vdl.NoDicomError, match="DICOMDIR is not DICOM"):
        vdl.load(tmp_path / "DICOMDIR")


def test_a_medium_in_an_archive_is_read_as_its_files(medium: Medium, tmp_path: Path) -> None:
    truth, path = medium()
    archive = shutil.make_archive(str(tmp_path / "medium"), "zip", path.parent)
    found = vdl.scan(archive)
    assert [s.reason for s in found.skipped] == [vdl.Reason.NO_PIXELS]
    np.testing.assert_array_equal(found[0].load().frames, truth.frames)
