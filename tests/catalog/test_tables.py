"""Tables of scans: what they say is right, nothing breaks their HTML, and no patient is in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from html_cells import Cells
from pydicom.uid import RLELossless
from synthetic import Truth, raw_image

import vtkdicomload as vdl
from vtkdicomload.catalog import tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Truth]

IDENTITY = {
    "PatientName": "Secret^Person",
    "PatientID": "ID-12345",
    "PatientBirthDate": "19630412",
    "PatientAddress": "7 Hidden Lane",
    "ReferringPhysicianName": "Quiet^Physician",
}
SECRETS = re.compile("Secret|Person|12345|19630412|Hidden|Quiet|Physician")


@pytest.fixture
def study(series: Write, tmp_path: Path) -> Path:
    """Three series, one of them compressed, a damaged file and two that are no DICOM."""
    series("study", seed=2, SeriesDescription="axial <b>&", **IDENTITY)
    series("study", seed=11, count=3, rows=4, columns=9, syntax=RLELossless, orientation=(0, 1, 0, 0, 0, -1))
    series("study", seed=3, count=4, gap=-1.25, Modality="MR", SeriesDescription=None, SeriesNumber=None)
    folder = tmp_path / "study"
    (folder / "notes.txt").write_text("nothing")
    (folder / "more.txt").write_text("nothing else")
    return folder


def test_a_row_says_what_a_series_is(study: Path) -> None:
    rows = {row[1]: row for row in tables.scan_rows(vdl.scan(study))}
    assert rows["2"][2:] == (*("CT", "axial <b>&", "5×6×8", "0.5×0.8×2.5", "axial", "Explicit VR Little Endian", "ok"),)
    assert rows["11"][4:] == ("3×4×9", "0.5×0.8×2.5", "sagittal", "RLE Lossless", "ok")
    assert rows["–"][2:6] == ("MR", "–", "4×6×8", "0.5×0.8×1.25")
    assert sorted(row[0] for row in rows.values()) == ["0", "1", "2"]
    assert all(len(row) == len(tables.HEADINGS) for row in rows.values())


def test_row_numbers_are_those_that_load_takes(study: Path) -> None:
    found = vdl.scan(study)
    for row, series in zip(tables.scan_rows(found), found, strict=True):
        assert vdl.load(study, series=int(row[0])).series.uid == series.uid


def test_columns_of_the_text_stand_under_their_headings(study: Path) -> None:
    lines = repr(vdl.scan(study)).splitlines()
    assert lines[0] == f"3 series in {study}"
    for heading in ("modality", "spacing mm", "plane", "loads"):
        at = lines[1].index(heading)
        assert all(line[at - 1] == " " and line[at] != " " for line in lines[2:5])
    assert not any(line.endswith(" ") for line in lines)
    assert lines[5] == "passed over: 2 files, not DICOM"
    assert len(lines) == 6


def test_damaged_files_are_named(study: Path) -> None:
    good = raw_image()
    for k in range(7):
        (study / f"bad{k}.dcm").write_bytes(good[: -3 - k])
    lines = repr(vdl.scan(study)).splitlines()
    damaged = [line for line in lines if line.startswith("damaged: ")]
    assert all(f"bad{k}.dcm" in line for k, line in enumerate(damaged[:5]))
    assert damaged[5:] == ["damaged: 2 more files, listed by .problems and info --json"]
    loads = [row[-1] for row in tables.scan_rows(vdl.scan(study))]
    assert loads == ["ok", "ok", "ok"]  # all seven have one SeriesInstanceUID: they are a series of their own


def test_nothing_found_is_said_in_one_line(tmp_path: Path) -> None:
    assert repr(vdl.scan(tmp_path)) == f"0 series in {tmp_path}"
    assert Cells(vdl.scan(tmp_path)._repr_html_()).rows == [list(tables.HEADINGS)]


def test_one_file_passed_over_is_one_file(series: Write, tmp_path: Path) -> None:
    series("x")
    (tmp_path / "x" / "a.txt").write_text("a")
    assert repr(vdl.scan(tmp_path / "x")).splitlines()[-1] == "passed over: 1 file, not DICOM"


def test_html_of_a_scan_holds_the_same_cells(study: Path) -> None:
    found = vdl.scan(study)
    html = found._repr_html_()
    assert Cells(html).rows == [list(tables.HEADINGS), *map(list, tables.scan_rows(found))]
    assert "<b>&" not in html
    assert "passed over: 2 files" in html


def test_no_identity_is_in_a_table(study: Path) -> None:
    found = vdl.scan(study)
    volume = vdl.load(study, series=0)
    for words in (repr(found), found._repr_html_(), repr(list(found)), repr(volume)):
        assert not SECRETS.search(words.replace(str(study), ""))


def test_real_scans_read_as_tables(data: Path) -> None:
    found = vdl.scan(data / "asl_4d")
    (row,) = tables.scan_rows(found)
    assert row[4] == "48×128×128" or row[4].startswith("48×")
    assert row[-1] == "8 volumes in one"
    assert str(len(found)) == repr(found)[0]
