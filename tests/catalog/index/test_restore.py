"""Rows of an index as series and stacks: what a scan gives, without another look at the headers; never stale ones."""

from __future__ import annotations

import gzip
import os
import pickle
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from catalog.index.same import check_same, load

import vtkdicomload as vdl
from vtkdicomload.catalog.index.restore import restore_stack
from vtkdicomload.headers.reading import HeaderReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


def test_real_stacks_are_those_of_a_scan(data: Path, tmp_path: Path) -> None:
    names = ("small_ct", "asl_4d", "slope_per_slice", "enh_mr_phase", "mosaic", "comp_rle", "rgb_stack", "seg_1bit")
    for name in names:
        shutil.copytree(data / name, tmp_path / "in" / name)
    index = vdl.Index.build(tmp_path / "in", tmp_path / "index")
    stacks = vdl.scan(tmp_path / "in").stacks()
    loaded = [check_same(row, stack) for row, stack in zip(index, stacks, strict=True)]
    assert [row.loads for row in index] == loaded
    assert sum(loaded) >= 14


def test_the_headers_of_native_single_frame_files_are_not_read_again(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = vdl.Index.build(archive, tmp_path / "index").to_table()
    monkeypatch.setattr(HeaderReader, "read", lambda *_: pytest.fail("a header is read") if _[1] else [])
    series = restore_stack(rows[-1])
    assert len(series.frames) == 5


def test_files_that_say_more_than_a_row_are_read_again(data: Path, tmp_path: Path, opened: list[str]) -> None:
    for name in ("enh_mr_phase", "mosaic", "comp_rle"):
        shutil.copytree(data / name, tmp_path / "in" / name)
    index = vdl.Index.build(tmp_path / "in", tmp_path / "index")
    opened.clear()
    vdl.Index.build(tmp_path / "in", tmp_path / "index")
    assert opened == []
    for row in index:
        opened.clear()
        restore_stack(row)
        assert len({*opened}) == row.files


def test_a_series_over_two_folders_is_one(series: Write, tmp_path: Path) -> None:
    truth = series("in/b10", seed=1, count=8)
    (tmp_path / "in" / "b9").mkdir()
    for path in truth.files[::2]:
        path.rename(tmp_path / "in" / "b9" / path.name)
    index = vdl.Index.build(tmp_path / "in", tmp_path / "index")
    (row,), (stack,) = [*index], vdl.scan(tmp_path / "in").stacks()
    assert len(row.buckets) == 2
    assert row.folder == "."
    assert check_same(row, stack)
    np.testing.assert_array_equal(vdl.load(row).frames, truth.frames)


def test_a_series_is_found_by_its_uid_or_the_beginning_of_it(archive: Path, tmp_path: Path) -> None:
    index = vdl.Index.build(archive, tmp_path / "index")
    uids = [series.uid or "" for series in vdl.scan(archive)]
    assert [index[uid].uid for uid in uids] == uids
    assert [len(stack.frames) for stack in index["1.2.3"].stacks()] == [5, 5]
    assert index["1.2.3"].stacks()[1].load().frames.shape[0] == 5
    whole = index[uids[0]]
    assert whole.load().frames.shape == vdl.load(archive / "patient1").frames.shape
    with pytest.raises(vdl.DicomLoadError, match=r"^4 series of the index"):
        index["1"]
    with pytest.raises(vdl.DicomLoadError, match=r"^0 series of the index"):
        index["9"]
    with pytest.raises(TypeError, match="asked for a SeriesInstanceUID"):
        index[0]  # type: ignore[index]


def test_a_row_is_a_source(archive: Path, tmp_path: Path) -> None:
    index = vdl.Index.build(archive, tmp_path / "index")
    stacks = vdl.scan(archive).stacks()
    for result, stack in zip(vdl.load_many(index), stacks, strict=True):
        assert result.volume is not None
        np.testing.assert_array_equal(result.volume.frames, stack.load().frames)
    row = pickle.loads(pickle.dumps(index.to_table()[0]))
    assert len(vdl.load_all(row)) == 1
    np.testing.assert_array_equal(vdl.open(row).values, stacks[0].load().frames)
    assert vdl.convert(row, tmp_path / "out", format="nii").whole


def test_the_table_has_the_types_of_any_index(archive: Path, tmp_path: Path) -> None:
    frame = vdl.Index.build(archive, tmp_path / "index").to_pandas()
    assert frame["frames"].tolist() == [5] * 5
    assert str(frame["spacing_z"].dtype) == "float64"
    assert "location" not in frame
    (tmp_path / "nothing").mkdir()
    empty = vdl.Index.build(tmp_path / "nothing", tmp_path / "other").to_pandas()
    assert empty.dtypes.to_dict() == frame.dtypes.to_dict()


# ---------------------------------------------------------------------------------------------------- damage
@pytest.mark.parametrize("how", ["cut", "gzip", "page", "zeros", "lost"])
def test_damaged_files_are_told_as_a_scan_tells_them(series: Write, tmp_path: Path, how: str) -> None:
    truth = series("in/a", seed=1)
    series("in/b", seed=2)
    victim = truth.files[2]
    content = victim.read_bytes()
    match how:
        case "cut":
            victim.write_bytes(content[:-40])
        case "gzip":
            victim.write_bytes(gzip.compress(content))
        case "page":
            victim.with_name("page.dcm").write_bytes(b"503 Service Unavailable")
        case "zeros":
            victim.write_bytes(bytes(len(content)))
        case "lost":
            victim.unlink()
            victim.symlink_to(tmp_path / "nowhere")
    index = vdl.Index.build(tmp_path / "in", tmp_path / "index")
    rows, stacks = index.to_table(), vdl.scan(tmp_path / "in").stacks()
    loaded = [check_same(row, stack) for row, stack in zip(rows, stacks, strict=True)]
    assert loaded == [row.loads for row in rows] == [how == "page", True]
    assert (rows[0].reason is None) is (how == "page")
    assert (rows[0].beside if how == "page" else rows[0].damaged) == (
        f"a/{'page.dcm' if how == 'page' else victim.name}",
    )
    assert load(rows[0], ignore="damaged")[1:] == load(stacks[0], ignore="damaged")[1:]


# ---------------------------------------------------------------------------------------------------- stale rows
@pytest.mark.parametrize("how", ["touched", "grown", "gone"])
def test_a_row_whose_files_changed_is_refused_by_the_name_of_one(archive: Path, tmp_path: Path, how: str) -> None:
    index = vdl.Index.build(archive, tmp_path / "index")
    rows = index.to_table()
    victim = sorted((archive / "patient1/ct").iterdir())[1]
    match how:
        case "touched":
            os.utime(victim, ns=(1, 1))
        case "grown":
            victim.write_bytes(victim.read_bytes() + b"\0\0")
        case "gone":
            victim.unlink()
    with pytest.raises(vdl.CorruptFileError) as caught:
        vdl.load(rows[0])
    assert caught.value.files == (str(victim),)
    assert f"the index {index.path} is out of date: {victim} changed" in str(caught.value)
    assert f"Index.build({str(archive)!r}, {index.path!r})" in str(caught.value)
    with pytest.raises(vdl.CorruptFileError, match="out of date"):
        index[rows[0].series_uid or ""]
    assert vdl.load(rows[1]).frames.shape[0] == 5


def test_a_row_of_an_index_that_was_built_again_is_refused(archive: Path, series: Write, tmp_path: Path) -> None:
    rows = vdl.Index.build(archive, tmp_path / "index").to_table()
    victim = sorted((archive / "patient1/ct").iterdir())[1]
    os.utime(victim, ns=(1, 1))
    (archive / "patient2/ct/page.dcm").write_bytes(b"503 Service Unavailable")
    again = vdl.Index.build(archive, tmp_path / "index").to_table()
    for old in rows[:2]:
        with pytest.raises(vdl.CorruptFileError, match="built again since this row was read"):
            vdl.load(old)
    assert vdl.load(again[0]).frames.shape == vdl.load(rows[2]).frames.shape


@pytest.mark.parametrize(("version", "words"), [(2, "build it again"), (4, "update vtkdicomload, or build another")])
def test_an_index_of_another_version_is_refused(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, words: str
) -> None:
    from vtkdicomload.catalog.index import about

    with monkeypatch.context() as patch:
        patch.setattr(about, "SCHEMA_VERSION", version)
        vdl.Index.build(archive, tmp_path / "index")
    with pytest.raises(ValueError, match=f"has the columns of version {version}, not 3: {words}"):
        vdl.Index.open(tmp_path / "index")
    if version > 3:
        with pytest.raises(ValueError, match="update vtkdicomload"):
            vdl.Index.build(archive, tmp_path / "index")
    else:
        assert len(vdl.Index.build(archive, tmp_path / "index")) == 5


@pytest.mark.parametrize("digits", ["1", "10"])
def test_another_image_of_the_same_size_and_time_is_noticed(archive: Path, tmp_path: Path, digits: str) -> None:
    first = sorted((archive / "patient1/ct").iterdir())[0]
    dataset = pydicom.dcmread(first)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3.1"
    dataset.save_as(first)
    status = first.stat()
    row = vdl.Index.build(archive, tmp_path / "index").to_table()[0]
    assert vdl.load(row).frames.shape[0] == 5
    first.write_bytes(first.read_bytes().replace(b"1.2.3.1\0", f"1.2.3.{digits}".encode().ljust(8, b"\0")))
    os.utime(first, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert first.stat().st_size == status.st_size
    if digits == "1":
        assert vdl.load(row).frames.shape[0] == 5
        return
    with pytest.raises(vdl.CorruptFileError, match=r"out of date: .* it holds another image") as caught:
        vdl.load(row)
    assert caught.value.files == (str(first),)


def test_a_row_of_another_machine_says_that_its_index_is_not_here(archive: Path, tmp_path: Path) -> None:
    rows = vdl.Index.build(archive, tmp_path / "index").to_table()
    (tmp_path / "index").rename(tmp_path / "elsewhere")
    with pytest.raises(vdl.NoDicomError, match=r"there is no index at .*index: it was moved or deleted"):
        vdl.load(rows[0])
    (result,) = vdl.load_many(rows[:1])
    assert isinstance(result.error, vdl.NoDicomError)
    assert vdl.load(vdl.Index.open(tmp_path / "elsewhere").to_table()[0]).frames.shape[0] == 5


def test_a_row_is_scanned_as_its_stack_and_found_as_its_series(archive: Path, tmp_path: Path) -> None:
    index = vdl.Index.build(archive, tmp_path / "index")
    row = index.to_table()[-1]
    found = vdl.scan(row)
    assert [series.uid for series in found] == ["1.2.3"]
    np.testing.assert_array_equal(found[0].load().frames, vdl.load(row).frames)
    assert len(index[row].stacks()) == 2
