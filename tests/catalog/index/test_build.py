"""Building an index: by one writer, whole files only, resumed after whatever stopped it, nothing read twice."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from archives import write_archive
from catalog.index.same import check_index
from full_disk import largest_file
from hangs import LAST_RESORT

import vtkdicomload as vdl
from vtkdicomload.catalog.index.about import About
from vtkdicomload.catalog.index.root import Root

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthetic import Truth

    Write = Callable[..., Truth]


def list_parquet(index: Path) -> list[Path]:
    return sorted(index.rglob("*.parquet"))


def read_all(index: Path) -> list[Any]:
    """Every value of every file of an index."""
    return [pq.read_table(path, partitioning=None).to_pydict() for path in list_parquet(index)]


def count_rows(index: Path) -> int:
    """The files of an index."""
    return sum(pq.read_metadata(path).num_rows for path in (index / "files").rglob("*.parquet"))


# ---------------------------------------------------------------------------------------------------- once and again
def test_every_file_and_every_stack_has_a_row(archive: Path, tmp_path: Path) -> None:
    index = vdl.Index.build(archive, tmp_path / "index")
    found = vdl.scan(archive)
    assert index.files_read == len(found.files) == count_rows(tmp_path / "index") == 26
    assert len(index) == len(found.stacks()) == 5
    counts = index.counts
    assert (counts.files, counts.images, counts.skipped, counts.damaged) == (26, 25, 1, 0)
    assert (counts.series, counts.stacks, counts.loads) == (4, 5, 5)
    assert str(archive) in repr(index)
    assert "5 stacks" in repr(vdl.Index.open(tmp_path / "index"))


def test_a_second_run_opens_no_file_and_writes_none(archive: Path, tmp_path: Path, opened: list[str]) -> None:
    vdl.Index.build(archive, tmp_path / "index")
    assert len(set(opened)) == 26
    opened.clear()
    before = {path: path.stat().st_mtime_ns for path in list_parquet(tmp_path / "index")}
    again = vdl.Index.build(archive, tmp_path / "index")
    assert opened == []
    assert again.files_read == 0
    assert {path: path.stat().st_mtime_ns for path in list_parquet(tmp_path / "index")} == before


def test_only_what_is_new_or_has_changed_is_opened(
    archive: Path, series: Write, tmp_path: Path, opened: list[str]
) -> None:
    vdl.Index.build(archive, tmp_path / "index")
    first, *_ = sorted((archive / "patient2/ct").iterdir())
    os.utime(first, ns=(1, 1))
    sorted((archive / "patient3/ct").iterdir())[-1].unlink()
    series("in/patient3/other", seed=9, count=4)
    opened.clear()
    index = vdl.Index.build(archive, tmp_path / "index")
    assert index.files_read == 5
    others = {name for name in opened if "patient1" in name or "patient4" in name}
    assert others == set()
    assert [row.files for row in index] == [row.files for row in vdl.scan(archive).to_table()]
    assert count_rows(tmp_path / "index") == 26 - 1 + 4
    fresh = vdl.Index.build(archive, tmp_path / "fresh", patient_key=(tmp_path / "index.key").read_bytes())
    assert [*index] == [*fresh]


def test_a_folder_that_is_gone_leaves_no_row(archive: Path, tmp_path: Path) -> None:
    vdl.Index.build(archive, tmp_path / "index")
    for path in (archive / "patient4/pet").iterdir():
        path.unlink()
    index = vdl.Index.build(archive, tmp_path / "index")
    assert (len(index), index.files_read) == (3, 0)
    for path in archive.rglob("*.*"):
        path.unlink()
    assert len(vdl.Index.build(archive, tmp_path / "index")) == 0
    assert len(list_parquet(tmp_path / "index")) == 1


def test_an_archive_that_was_moved_is_not_read_again(archive: Path, tmp_path: Path) -> None:
    vdl.Index.build(archive, tmp_path / "index")
    moved = archive.rename(tmp_path / "moved")
    index = vdl.Index.build(moved, tmp_path / "index")
    assert (index.files_read, index.root) == (0, str(moved))
    np.testing.assert_array_equal(vdl.load(next(iter(index))).frames, vdl.load(moved / "patient1").frames)


def test_a_link_leads_nowhere_twice(archive: Path, tmp_path: Path) -> None:
    (archive / "again").symlink_to(archive / "patient1")
    (archive / "patient2" / "up").symlink_to(archive)
    (archive / "patient2" / "lost.dcm").symlink_to(tmp_path / "nowhere")
    index = vdl.Index.build(archive, tmp_path / "index")
    assert index.counts.images == 25
    assert index.counts.damaged == 1
    assert vdl.Index.build(archive, tmp_path / "index").files_read == 0


def test_progress_ends_at_the_number_of_files(archive: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    for _ in range(2):
        told.clear()
        vdl.Index.build(archive, tmp_path / "index", progress=lambda done, total: told.append((done, total)))
        assert told == [(k, 26) for k in range(1, 27)]


# ---------------------------------------------------------------------------------------------------- whole, one writer
CHILD = """
    import os, signal, sys
    import vtkdicomload as vdl
    replace, left = os.replace, int(sys.argv[3])
    def die(*paths):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(*paths)
    os.replace = die
    vdl.Index.build(sys.argv[1], sys.argv[2])
"""


@pytest.mark.parametrize("files", [0, 2, 4])
def test_a_killed_run_leaves_whole_files_and_the_next_one_goes_on(archive: Path, tmp_path: Path, files: int) -> None:
    out = tmp_path / "index"
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(archive), str(out), str(files)]
    killed = subprocess.run(command, capture_output=True, timeout=LAST_RESORT, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(read_all(out)) == files
    assert len(list(out.rglob(".tmp-*"))) == 1
    done = count_rows(out)
    with pytest.raises(FileNotFoundError, match="no finished index"):
        vdl.Index.open(out)
    index = vdl.Index.build(archive, out)
    assert index.files_read == 26 - done
    assert not list(out.rglob(".*"))
    key = (tmp_path / "index.key").read_bytes()
    assert [*index] == [*vdl.Index.build(archive, tmp_path / "fresh", patient_key=key)]
    assert read_all(out / "files") == read_all(tmp_path / "fresh" / "files")


def test_a_run_that_is_killed_within_a_bucket_reads_few_of_its_files_twice(series: Write, tmp_path: Path) -> None:
    for k in range(6):
        series("in/all", seed=k, count=4, names=[f"{k}-{j}" for j in range(4)])
    out = tmp_path / "index"
    few = "import vtkdicomload.catalog.index.buckets as buckets; buckets.ROWS_AT_A_TIME = 5\n"
    command = [sys.executable, "-c", few + textwrap.dedent(CHILD), str(tmp_path / "in"), str(out)]
    for files, checkpoints in (("3", 3), ("1", 4)):
        killed = subprocess.run([*command, files], capture_output=True, timeout=LAST_RESORT, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert not list_parquet(out)
        assert len(list(out.rglob(".checkpoint-*"))) == checkpoints
    index = vdl.Index.build(tmp_path / "in", out)
    assert index.files_read == 24 - 4 * 5
    assert not list(out.rglob(".*"))
    key = (tmp_path / "index.key").read_bytes()
    assert [*index] == [*vdl.Index.build(tmp_path / "in", tmp_path / "fresh", patient_key=key)]
    assert read_all(out / "files") == read_all(tmp_path / "fresh" / "files")


def test_a_second_writer_is_refused_and_told_of_the_first(archive: Path, tmp_path: Path) -> None:
    def start_another(done: int, total: int) -> None:
        with pytest.raises(BlockingIOError, match=f"process {os.getpid()} on {socket.gethostname()} .* an index"):
            vdl.Index.build(archive, tmp_path / "index")

    vdl.Index.build(archive, tmp_path / "index", progress=start_another)
    assert len(vdl.Index.build(archive, tmp_path / "index")) == 5


def test_a_reader_never_finds_a_torn_file(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "index"
    seen: list[int] = []
    replace = os.replace

    def look(*paths: str) -> None:
        for _ in (1, 2):
            seen.append(len(read_all(out)))
            if seen[-1]:
                duckdb.sql(f"select count(*) from '{out}/**/*.parquet'").fetchall()
            if len(seen) % 2:
                replace(*paths)

    monkeypatch.setattr(os, "replace", look)
    vdl.Index.build(archive, out)
    assert seen == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]


def test_a_full_disk_is_an_error_and_what_was_whole_stays(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    with largest_file(20_000), pytest.raises(OSError, match="large"):
        vdl.Index.build(archive, out)
    assert not list(out.rglob(".*"))
    assert len(vdl.Index.build(archive, out)) == 5


# ---------------------------------------------------------------------------------------------------- wrong places
def test_an_index_in_its_root_is_refused(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="be indexed itself"):
        vdl.Index.build(archive, archive / "index")
    (tmp_path / "link").symlink_to(archive)
    with pytest.raises(ValueError, match="be indexed itself"):
        vdl.Index.build(archive, tmp_path / "link" / "index")


def test_a_folder_of_something_else_is_refused(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match=r"no part of an index, such as thesis\.txt"):
        vdl.Index.build(archive, tmp_path / "data")
    with pytest.raises(vdl.NoDicomError, match="there is no folder and no archive"):
        vdl.Index.build(tmp_path / "nowhere", tmp_path / "index")
    with pytest.raises(FileNotFoundError, match="no finished index"):
        vdl.Index.open(tmp_path / "data")
    with pytest.raises(TypeError, match="root must be the path or URL of a folder or an archive, not "):
        vdl.Index.build(3, tmp_path / "index")  # type: ignore[arg-type]


def test_without_pyarrow_the_extra_is_named(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"vtkdicomload\[index\]"):
        vdl.Index.build(archive, tmp_path / "index")
    assert not (tmp_path / "index").exists()


# ---------------------------------------------------------------------------------------------------- other programs
def test_duckdb_and_polars_read_it_as_it_is(archive: Path, tmp_path: Path) -> None:
    index = vdl.Index.build(archive, tmp_path / "index")
    query = f"""
        select s.series_uid, count(*), min(f.position[3]), max(f.position[3])
        from '{index.path}/files/*/*.parquet' f join '{index.path}/stacks/*.parquet' s using (series_uid)
        where s.stack = 0 group by all order by min(s.series)
    """
    rows = duckdb.sql(query).fetchall()
    found = vdl.scan(archive)
    assert [row[:2] for row in rows] == [(series.uid, len(series.frames)) for series in found]
    for row, series in zip(rows, found, strict=True):
        along = [frame.position[2] for frame in series.frames if frame.position]
        assert row[2:] == (min(along), max(along))
    stacks = pl.read_parquet(f"{index.path}/stacks/*.parquet")
    assert stacks["spacing_z"].to_list() == [row.spacing_z for row in index]
    files = pl.read_parquet(f"{index.path}/files/*/*.parquet")
    assert files.filter(pl.col("outcome") == "image").height == 25
    assert files["schema_version"].unique().to_list() == [3]


def test_a_dirty_archive_is_what_a_scan_of_it_is(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "in", series=40, slices=6)
    index = vdl.Index.build(archive.folder, tmp_path / "index")
    scanned = vdl.scan(archive.folder)
    rows, expected = [*index], scanned.to_table()
    assert len(rows) == len(expected)
    for row, other, stack in zip(rows, expected, scanned.stacks(), strict=True):
        for name in ("series", "stack", "series_uid", "number", "files", "spacing_z", "loads", "refusal", "label"):
            assert getattr(row, name) == getattr(other, name), name
        assert Path(other.folder or "") == archive.folder / row.folder
        assert [str(archive.folder / path) for path in row.damaged] == [p.path for p in stack.problems]
        assert [str(archive.folder / path) for path in row.beside] == [p.path for p in stack.beside]
        assert [str(archive.folder / path) for path in row.strays] == [p.path for p in stack.strays]
        assert row.reason is None or str(other.reason).endswith(row.reason.partition(": ")[2])
    assert index.counts.damaged == len(scanned.problems) > 0
    assert sum(not row.loads for row in rows) >= len(archive.cut) == 5
    assert any("copies" in sentence for row in rows for sentence in row.warnings)


# ---------------------------------------------------------------------------------------------------- its buckets
def list_buckets(index: Path) -> dict[str, set[str]]:
    """The top folders in each bucket."""
    return {
        path.parent.name: set(pq.read_table(path, partitioning=None)["top"].to_pylist())
        for path in (index / "files").rglob("*.parquet")
    }


def write_deep_archive(series: Write, archive: Path) -> None:
    """Twenty series below one folder of one folder, with files of no series on the way, and a link back."""
    for k in range(20):
        series(f"in/site/year/{k}/ct", seed=k, count=2)
    for folder in (archive, archive / "site", archive / "site" / "year"):
        (folder / "note.txt").write_text("nothing")
    (archive / "site" / "year" / "19" / "ct" / "broken.dcm").write_bytes(bytes(128) + b"DICM" + b"\x02\x00")
    (archive / "site" / "year" / "up").symlink_to(archive / "site")


def test_a_root_of_one_folder_is_divided_by_those_that_lie_deeper(series: Write, tmp_path: Path) -> None:
    archive = tmp_path / "in"
    write_deep_archive(series, archive)
    index = vdl.Index.build(archive, tmp_path / "index")
    tops = list_buckets(tmp_path / "index")
    assert set.union(*tops.values()) == {"", "site", "site/year", *(f"site/year/{k}" for k in range(20))}
    assert len(tops) > 10
    assert check_index(index, vdl.scan(archive)) == [True] * 19 + [False]


def test_a_root_stays_divided_as_it_is(series: Write, tmp_path: Path, opened: list[str]) -> None:
    archive = tmp_path / "in"
    write_deep_archive(series, archive)
    vdl.Index.build(archive, tmp_path / "index")
    for k in range(20):
        series(f"in/site{k}", seed=20 + k, count=2)
    opened.clear()
    index = vdl.Index.build(archive, tmp_path / "index")
    assert index.files_read == 40
    assert check_index(vdl.Index.open(tmp_path / "index"), vdl.scan(archive)).count(True) == 39


def test_an_index_that_says_nothing_of_its_division_keeps_it(
    series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "in"
    write_deep_archive(series, archive)
    with monkeypatch.context() as patched:
        patched.setattr(Root, "choose_depth", lambda _: 1)
        said = About._asdict
        patched.setattr(About, "_asdict", lambda about: {k: v for k, v in said(about).items() if k != "depth"})
        vdl.Index.build(archive, tmp_path / "index")
    before = list_buckets(tmp_path / "index")
    assert set.union(*before.values()) == {"", "site"}
    assert b"depth" not in pq.read_schema(tmp_path / "index" / "stacks" / "data.parquet").metadata[b"vtkdicomload"]
    index = vdl.Index.build(archive, tmp_path / "index")
    assert index.files_read == 0
    assert check_index(index, vdl.scan(archive)) == [True] * 19 + [False]
