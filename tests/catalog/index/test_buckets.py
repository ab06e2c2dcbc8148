"""What an archive may hold or do while it is indexed, and never costs more than the file it happens to."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from catalog.index.same import check_index

import vtkdicomload as vdl
from vtkdicomload.catalog.index import buckets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]

ODD = [b"new\nline", b"tab\there", b"not \xff utf-8", "zwölf".encode(), b"n" * 250, b"a=b&c%20d", b"'quote\"", b"::"]


@pytest.mark.parametrize("name", ODD)
def test_any_name_is_indexed(series: Write, tmp_path: Path, name: bytes) -> None:
    folder = os.fsdecode(name)
    truth = series(f"in/{folder}/ct", seed=1)
    os.rename(truth.files[1], truth.files[1].parent / folder)
    victim = series(f"in/{folder}/cut", seed=2).files[2]
    victim.rename(victim.parent / f"{folder[:240]}.dcm").write_bytes(b"")
    index = vdl.Index.build(tmp_path / "in", tmp_path / "index")
    assert check_index(index, vdl.scan(tmp_path / "in")) == [True, False]
    assert vdl.Index.build(tmp_path / "in", tmp_path / "index").files_read == 0
    assert check_index(vdl.Index.open(tmp_path / "index"), vdl.scan(tmp_path / "in")) == [True, False]


def test_a_folder_that_cannot_be_listed_is_told_and_tried_again(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    denied = {archive / "patient2", archive / "patient3" / "ct"}
    scandir = os.scandir

    def deny(path: Any) -> Any:
        if str(path) in map(str, denied):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", deny)
        index = vdl.Index.build(archive, tmp_path / "index")
        assert index.counts.damaged == 2
        assert index.counts.series == 2
        denied.clear()
        index = vdl.Index.build(archive, tmp_path / "index")
    assert check_index(index, vdl.scan(archive)) == [True] * 5


@pytest.mark.parametrize("what", ["top", "folder", "file", "grown", "new"])
def test_an_archive_that_changes_meanwhile_is_right_in_the_next_run(
    archive: Path, series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The change comes when the first headers are read."""
    done = False
    read = buckets.read_outcomes

    def change_and_read(files: Any, *rest: Any, **options: Any) -> Any:
        nonlocal done
        if not done:
            done = True
            victim = sorted((archive / "patient4/pet").iterdir())[0]
            match what:
                case "top":
                    shutil.rmtree(archive / "patient4")
                case "folder":
                    shutil.rmtree(archive / "patient4/pet")
                case "file":
                    victim.unlink()
                case "grown":
                    victim.write_bytes(victim.read_bytes() + b"\0\0")
                case "new":
                    series("in/patient4/new", seed=20)
        return read(files, *rest, **options)

    monkeypatch.setattr(buckets, "read_outcomes", change_and_read)
    first = vdl.Index.build(archive, tmp_path / "index")
    assert first.counts.loads >= 3
    assert done
    index = vdl.Index.build(archive, tmp_path / "index")
    found = vdl.scan(archive)
    assert check_index(index, found) == [True] * len(found.stacks())
    assert index.files_read == 0 or what in ("new", "grown", "file")


def test_links_in_circles_end(archive: Path, tmp_path: Path) -> None:
    (archive / "patient1" / "ct" / "loop").symlink_to(archive / "patient1")
    (archive / "itself").symlink_to(archive / "itself")
    (archive / "ping").symlink_to(archive / "pong")
    (archive / "pong").symlink_to(archive / "ping")
    index = vdl.Index.build(archive, tmp_path / "index")
    assert index.counts.images == 25
    assert check_index(index, vdl.scan(archive))[:4] == [True] * 4


def test_a_root_that_is_a_link_is_its_target(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(archive)
    index = vdl.Index.build(tmp_path / "link", tmp_path / "index")
    assert check_index(index, vdl.scan(tmp_path / "link")) == [True] * 5


def test_a_bucket_that_is_torn_is_written_again(archive: Path, tmp_path: Path) -> None:
    index = vdl.Index.build(archive, tmp_path / "index")
    bucket = sorted((tmp_path / "index" / "files").rglob("*.parquet"))[0]
    count = pq.read_metadata(bucket).num_rows
    bucket.write_bytes(bucket.read_bytes()[:-20])
    again = vdl.Index.build(archive, tmp_path / "index")
    assert again.files_read == count
    assert [row.fingerprint for row in again] == [row.fingerprint for row in index]


@pytest.mark.parametrize("left", [0, 100, -20])
def test_stacks_that_are_torn_are_written_again(archive: Path, tmp_path: Path, left: int) -> None:
    index = vdl.Index.build(archive, tmp_path / "index")
    row = next(iter(index))
    stacks = tmp_path / "index" / "stacks" / "data.parquet"
    stacks.write_bytes(stacks.read_bytes()[:left])
    with pytest.raises(FileNotFoundError, match=r"cannot be read: .*: Index\.build makes it again"):
        vdl.Index.open(tmp_path / "index")
    (loaded,) = vdl.load_many([row])
    assert isinstance(loaded.error, vdl.CorruptFileError)
    again = vdl.Index.build(archive, tmp_path / "index")
    assert again.files_read == 0
    assert check_index(again, vdl.scan(archive)) == [True] * 5


def test_reading_goes_on_while_an_index_is_brought_up_to_date(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = vdl.Index.build(archive, tmp_path / "index")
    expected = [vdl.load(row).frames.sum() for row in index]
    for path in archive.rglob("*.dcm"):
        os.utime(path, ns=(1, 1))
    replace = os.replace
    seen: list[bool] = []

    def look(*paths: str) -> None:
        replace(*paths)
        for row, total in zip(vdl.Index.open(tmp_path / "index"), expected, strict=True):
            (result,) = vdl.load_many([row])
            if result.volume is not None:
                assert result.volume.frames.sum() == total
            else:
                assert "out of date" in str(result.error)
            seen.append(result.volume is not None)

    monkeypatch.setattr(os, "replace", look)
    vdl.Index.build(archive, tmp_path / "index")
    assert seen[-5:] == [True] * 5
    assert False in seen
