"""What a scan finds: grouping, order, damaged files, files passed over; it never raises for what lies in a folder."""

from __future__ import annotations

import copy
import gzip
import os
import pickle
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hangs import list_threads
from synthetic import ROOT, STUDY, Raw, Truth, raw_image

import vtkdicomload as vdl
from vtkdicomload.sources.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Truth]

IDENTITY = ("Secret", "SECRET-ID", "19700102")


def _outline(found: vdl.Scan) -> list[object]:
    """All that a scan says, as plain data."""
    return [
        [(s.uid, s.number, s.files, s.frames) for s in found],
        [(p.path, str(p.error)) for p in found.problems],
        list(found.skipped),
    ]


@pytest.fixture
def mixed(series: Write, tmp_path: Path, data: Path) -> Path:
    """Three series, three damaged files, and four files that are no images, in one folder."""
    ten, two, nine = (series(f"s{n}", seed=n, count=3) for n in (10, 2, 9))
    whole = ten.files[0].read_bytes()
    (tmp_path / "cut.dcm").write_bytes(whole[: len(whole) - 20])
    (tmp_path / "empty.dcm").touch()
    (tmp_path / "slice.dcm.gz").write_bytes(gzip.compress(whole))
    shutil.copy(data / "not_images" / "sr_document.dcm", tmp_path)
    (tmp_path / "notes.txt").write_bytes(b"only words in here")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    assert two.series_uid != nine.series_uid
    return tmp_path


def test_series_come_in_the_order_of_their_number(mixed: Path) -> None:
    found = vdl.scan(mixed)
    assert [s.number for s in found] == [2, 9, 10]
    assert [s.uid for s in found] == [f"{ROOT}.{n}" for n in (2, 9, 10)]
    assert [len(s.frames) for s in found] == [3, 3, 3]
    assert all({f.header.series_uid for f in s.frames} == {s.uid} for s in found)


def test_a_scan_is_a_sequence_of_series(mixed: Path) -> None:
    found = vdl.scan(mixed)
    assert len(found) == 3
    assert list(found) == [found[0], found[1], found[2]]
    assert found[-1] is found[2]
    assert found[1:] == (found[1], found[2])
    assert found[0] in found
    with pytest.raises(IndexError):
        found[3]


def test_series_without_a_number_come_last(series: Write, tmp_path: Path) -> None:
    series("a", seed=1, count=1, SeriesNumber=None)
    series("b", seed=2, count=1)
    assert [s.number for s in vdl.scan(tmp_path)] == [2, None]


def test_series_of_one_study_stay_together(series: Write, tmp_path: Path) -> None:
    series("a", seed=1, count=1)
    series("b", seed=2, count=1, StudyInstanceUID=f"{STUDY}.1")
    series("c", seed=3, count=1)
    assert [s.number for s in vdl.scan(tmp_path)] == [1, 3, 2]


def test_equal_series_uids_of_two_studies_are_two_series(series: Write, tmp_path: Path) -> None:
    series("a", count=1)
    series("b", count=1, StudyInstanceUID=f"{STUDY}.1")
    assert len(vdl.scan(tmp_path)) == 2


def test_files_of_one_series_in_several_folders_are_one_series(series: Write, tmp_path: Path) -> None:
    truth = series("a")
    (tmp_path / "b").mkdir()
    truth.files[1].rename(tmp_path / "b" / "1.dcm")
    (found,) = vdl.scan(tmp_path)
    assert len(found.files) == 5
    np.testing.assert_array_equal(found.load().frames, truth.frames)


# ------------------------------------------------------------------------------------------------------- what is wrong
def test_damaged_files_are_listed_with_their_reason(mixed: Path) -> None:
    problems = {os.path.basename(p.path): p.error for p in vdl.scan(mixed).problems}
    assert sorted(problems) == ["cut.dcm", "empty.dcm", "slice.dcm.gz"]
    assert "truncated" in str(problems["cut.dcm"])
    assert "empty, where DICOM was expected" in str(problems["empty.dcm"])
    assert "gzip-compressed DICOM" in str(problems["slice.dcm.gz"])
    for name, error in problems.items():
        assert type(error) is vdl.CorruptFileError
        assert error.files == (str(mixed / name),)


def test_files_passed_over_are_listed_with_their_reason(mixed: Path) -> None:
    assert {os.path.basename(s.path): s.reason for s in vdl.scan(mixed).skipped} == {
        "sr_document.dcm": Reason.NO_PIXELS,
        "notes.txt": Reason.NOT_DICOM,
        ".DS_Store": Reason.HIDDEN,
        "pipe": Reason.NOT_REGULAR,
    }


def test_every_regular_file_is_accounted_for_once(mixed: Path) -> None:
    found = vdl.scan(mixed)
    listed = [*(p for s in found for p in s.files), *(p.path for p in found.problems), *(s.path for s in found.skipped)]
    assert sorted(listed) == sorted(str(p) for p in mixed.rglob("*") if not p.is_dir())


@pytest.mark.parametrize(
    ("name", "content", "where"),
    [
        ("0007", b"", "problems"),
        ("IM.7", b"", "problems"),
        ("slice.ima", b"", "problems"),
        ("0007", bytes(4096), "problems"),
        ("README", b"some words about the study", "skipped"),
        ("list.txt", b"", "skipped"),
        ("lost.dcm", b"these bytes were never DICOM", "problems"),
        ("log.gz", gzip.compress(b"not DICOM" * 40, mtime=0), "skipped"),
        ("VERSION", bytes(128) + b"DIC" + bytes(100), "skipped"),
        ("tail", raw_image()[:140], "problems"),
        ("head", raw_image()[:132], "problems"),
        ("almost.txt", raw_image()[:-1], "problems"),
    ],
)
def test_what_may_be_a_damaged_slice_is_a_problem_and_the_rest_is_passed_over(
    series: Write, name: str, content: bytes, where: str
) -> None:
    truth = series(count=3)
    (truth.folder / name).write_bytes(content)
    found = vdl.scan(truth.folder)
    assert [os.path.basename(x.path) for x in getattr(found, where)] == [name]
    assert len(found.problems) + len(found.skipped) == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_problem(series: Write) -> None:
    truth = series()
    truth.files[2].chmod(0)
    (problem,) = vdl.scan(truth.folder).problems
    assert problem.path == str(truth.files[2])
    with pytest.raises(vdl.CorruptFileError, match="Permission denied"):
        vdl.load(truth.folder)


def test_a_scan_never_raises_for_a_damaged_file(series: Write) -> None:
    truth = series(count=3)
    whole = truth.files[1].read_bytes()
    rng = np.random.default_rng(0)
    for cut in rng.integers(0, len(whole), 60):
        truth.files[1].write_bytes(whole[:cut])
        found = vdl.scan(truth.folder)
        assert len(found.problems) == 1
        assert len(found[0].frames) == 2


# ------------------------------------------------------------------------------------------------------------ options
def test_threads_find_the_same(series: Write, tmp_path: Path) -> None:
    series("a", count=40, seed=1)
    series("b", count=40, seed=2, columns=9)
    (tmp_path / "cut.dcm").write_bytes(raw_image()[:-3])
    alone = vdl.scan(tmp_path)
    together = vdl.scan(tmp_path, workers=4)
    assert _outline(together) == _outline(alone)
    assert list_threads() == []


@pytest.mark.parametrize("workers", [None, 1, 4])
def test_progress_counts_every_file_once(series: Write, workers: int | None) -> None:
    truth = series(count=70, rows=2, columns=2)
    (truth.folder / "notes.txt").write_bytes(b"words")
    calls: list[tuple[int, int]] = []
    vdl.scan(truth.folder, workers=workers, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(k + 1, 71) for k in range(71)]


@pytest.mark.parametrize("workers", [None, 4])
def test_an_exception_from_progress_ends_the_scan(series: Write, workers: int | None) -> None:
    truth = series(count=70, rows=2, columns=2)

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vdl.scan(truth.folder, workers=workers, progress=stop)


def test_a_series_can_be_scanned_again(series: Write) -> None:
    (one,) = vdl.scan(series().folder)
    assert vdl.scan(one).series == (one,)


def test_no_pixel_is_read(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series(rows=400, columns=400, count=3)
    read: list[int] = []
    original = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, n, offset: read.append(n) or original(fd, n, offset))
    vdl.scan(truth.folder)
    assert len(read) >= 3
    assert all(n <= 1 << 14 for n in read)  # of 320,000 bytes of pixels


# -------------------------------------------------------------------------------------------------- how it is shown
def test_the_table_names_every_series_and_what_would_happen(mixed: Path) -> None:
    for path in mixed.iterdir():
        if path.name in ("cut.dcm", "empty.dcm", "slice.dcm.gz"):
            path.unlink()
    text = repr(vdl.scan(mixed))
    lines = text.splitlines()
    assert lines[0] == f"3 series in {mixed}"
    assert [line.split()[:3] for line in lines[2:5]] == [["0", "2", "CT"], ["1", "9", "CT"], ["2", "10", "CT"]]
    assert all("3×6×8" in line and "0.5×0.8×2.5" in line and line.endswith("ok") for line in lines[2:5])
    reasons = ("hidden", "not a regular file", "not DICOM", "DICOM without pixel data")
    assert sorted(lines[5:]) == sorted(f"passed over: 1 file, {reason}" for reason in reasons)


def test_the_table_names_what_is_damaged(mixed: Path) -> None:
    text = repr(vdl.scan(mixed))
    assert text.count("damaged: ") == 3
    assert text.count(" ok\n") == 2
    assert text.count("3 files damaged") == 1  # the cut file says whose it is, the others lie beside that alone


def test_the_html_holds_the_table(mixed: Path) -> None:
    html = vdl.scan(mixed)._repr_html_()
    assert html.count("<tr>") == 4
    assert "3×6×8" in html
    assert html.count("damaged: ") == 3


def test_html_escapes_what_files_say(series: Write) -> None:
    truth = series(SeriesDescription="<script>alert(1)</script>")
    html = vdl.scan(truth.folder)._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_no_identity_of_a_patient_is_shown_or_kept(mixed: Path) -> None:
    found = vdl.scan(mixed)
    shown = repr(found) + found._repr_html_() + "".join(repr(s) + s.title for s in found)
    shown += "".join(str(p.error) + repr(p.error) for p in found.problems)
    kept = repr([s.frames for s in found])
    for word in IDENTITY:
        assert word not in shown
        assert word not in kept
    assert b"Secret" not in pickle.dumps(found)


def test_an_empty_scan_is_shown(tmp_path: Path) -> None:
    found = vdl.scan(tmp_path)
    assert len(found) == 0
    assert repr(found) == f"0 series in {tmp_path}"
    assert "<table>" in found._repr_html_()


@pytest.mark.parametrize("again", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy], ids=["pickle", "copy"])
def test_a_scan_survives_pickling(mixed: Path, again: Callable[[vdl.Scan], vdl.Scan]) -> None:
    found = vdl.scan(mixed)
    assert _outline(again(found)) == _outline(found)


@pytest.mark.parametrize("names", [["a", "b", "c"], ["1.2.7", "1.2.8", "1.2.9"]])
def test_a_damaged_slice_without_preamble_is_not_passed_over(tmp_path: Path, names: list[str]) -> None:
    """The last slice of an implicit stack, cut short: nothing in it says that it is DICOM, and no gap tells of it."""
    for k, name in enumerate(names):
        number = str(k).encode()
        position: Raw = (0x00200032, "DS", b"0\\0\\" + number + b" ")
        uid: Raw = (0x00080018, "UI", b"1.2.3." + number + b"\0")
        (tmp_path / name).write_bytes(raw_image(position, uid, explicit=False, preamble=False, meta=False))
    last = tmp_path / names[-1]
    assert len(vdl.scan(tmp_path)[0].frames) == 3
    last.write_bytes(last.read_bytes()[:-4])
    (problem,) = vdl.scan(tmp_path).problems
    assert problem.path == str(last)
    with pytest.raises(vdl.CorruptFileError, match="begins and is named like the slices beside it"):
        vdl.load(tmp_path)
    with pytest.warns(vdl.DicomLoadWarning, match="left out"):
        assert vdl.load(tmp_path, ignore=[last]).frames.shape[0] == 2
