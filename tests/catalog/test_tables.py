"""Tables of scans and volumes: what they say is right, nothing breaks their HTML, and no patient is in them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom.uid import RLELossless
from synthetic import Truth, raw_image

import vtkdicomload as vdl
from vtkdicomload import DicomLoadWarning
from vtkdicomload.catalog import tables
from vtkdicomload.loading import facts

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


class Cells(HTMLParser):
    """The rows of an HTML table as text, once its tags are found to be nested rightly."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in ("br", "img"):
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("th", "td"):
            self.rows[-1][-1] += data


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
    assert all(row[-1] == "damaged files beside it" for row in tables.scan_rows(vdl.scan(study)))


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


def test_html_of_a_volume_holds_its_facts(series: Write) -> None:
    volume = vdl.load(series(SeriesDescription="<script>alert(1)</script>").folder)
    html = volume._repr_html_()
    assert "<script" not in html
    assert [tuple(row) for row in Cells(html).rows] == facts.volume_facts(volume)


def test_no_identity_is_in_a_table(study: Path) -> None:
    found = vdl.scan(study)
    volume = vdl.load(study, series=0)
    for words in (repr(found), found._repr_html_(), repr(list(found)), repr(volume)):
        assert not SECRETS.search(words.replace(str(study), ""))


def test_facts_of_an_irregular_volume_say_so(series: Write) -> None:
    def jump(dataset: object, k: int) -> None:
        x, y, z = map(float, dataset.ImagePositionPatient)  # type: ignore[attr-defined]
        dataset.ImagePositionPatient = [x, y, z + (4 if k > 2 else 0)]  # type: ignore[attr-defined]

    truth = series(edit=jump)
    with pytest.warns(DicomLoadWarning):
        volume = vdl.load(truth.folder, irregular="keep", ignore=[truth.files[0]])
    said = dict(facts.volume_facts(volume))
    assert said["spacing"].endswith("mm, uneven")
    assert said["ignored"] == "1 file"
    assert said["read by"].startswith("direct; zero guard: ")


def test_facts_name_type_units_and_colour(series: Write, data: Path) -> None:
    assert dict(facts.volume_facts(vdl.load(series("a").folder)))["values"] == "int16, HU, MONOCHROME2"
    truth = series("b", dtype=np.uint8, Modality="MR", PhotometricInterpretation="MONOCHROME1")
    assert dict(facts.volume_facts(vdl.load(truth.folder)))["values"] == "uint8, MONOCHROME1"
    assert dict(facts.volume_facts(vdl.load(data / "rgb_stack")))["values"] == "uint8, RGB"


def test_facts_of_leaning_slices_say_how_far_they_are_apart(series: Write) -> None:
    def tilt(dataset: object, k: int) -> None:
        x, y, z = map(float, dataset.ImagePositionPatient)  # type: ignore[attr-defined]
        dataset.ImagePositionPatient = [x, y + 6 * k, z]  # type: ignore[attr-defined]

    with pytest.warns(DicomLoadWarning):
        volume = vdl.load(series(edit=tilt).folder, irregular="keep")
    said = dict(facts.volume_facts(volume))
    assert said["spacing"] == "0.5 × 0.8 × 6.5 mm, sheared: the slices are 2.5 mm apart"  # 2.5² + 6² = 6.5²


def test_origin_is_that_of_the_first_voxel(series: Write) -> None:
    volume = vdl.load(series().folder)
    assert dict(facts.volume_facts(volume))["origin"] == "(-10, -20, 30) mm LPS of frames[0, 0, 0]"


def test_real_scans_read_as_tables(data: Path) -> None:
    found = vdl.scan(data / "asl_4d")
    (row,) = tables.scan_rows(found)
    assert row[4] == "48×128×128" or row[4].startswith("48×")
    assert row[-1] == "8 volumes in one"
    assert str(len(found)) == repr(found)[0]
