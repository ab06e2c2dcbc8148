"""A scan as a table of plain values, and as a DataFrame."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields
from typing import TYPE_CHECKING

import pydicom
import pytest

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


def test_a_row_says_of_a_real_series_what_pydicom_reads(data: Path) -> None:
    folder = data / "small_ct"
    (row,) = vdl.scan(folder).to_table()
    dataset = pydicom.dcmread(min(folder.iterdir()))
    volume = vdl.load(folder)
    assert (row.series, row.stack, row.label) == (0, 0, "")
    assert row.folder == str(folder)
    assert (row.study_uid, row.series_uid) == (dataset.StudyInstanceUID, dataset.SeriesInstanceUID)
    assert row.frame_of_reference_uid == dataset.FrameOfReferenceUID
    assert row.date == dt.datetime.strptime(dataset.StudyDate, "%Y%m%d").date()
    assert (row.modality, row.number) == (dataset.Modality, dataset.SeriesNumber)
    assert (row.frames, row.rows, row.columns) == volume.frames.shape
    assert (row.spacing_x, row.spacing_y, row.spacing_z) == volume.spacing
    assert row.transfer_syntax == dataset.file_meta.TransferSyntaxUID
    assert (row.loads, row.refusal, row.reason) == (True, None, None)


def test_every_stack_has_a_row_and_loads_by_it(series: Write, tmp_path: Path) -> None:
    series("a", seed=1)
    for k in (1, 2):
        series("b", seed=1 + k, SeriesInstanceUID="1.2.3", SeriesNumber=9, TemporalPositionIdentifier=k)
    found = vdl.scan(tmp_path)
    rows = found.to_table()
    assert [(row.series, row.stack) for row in rows] == [(0, 0), (1, 0), (1, 1)]
    assert [row.label for row in rows[1:]] == ["TemporalPositionIdentifier 1", "TemporalPositionIdentifier 2"]
    for row, stack in zip(rows, found.stacks(), strict=True):
        assert stack.frames == found[row.series].stacks()[row.stack].frames
        assert vdl.load(tmp_path, series=row.series, stack=row.stack).frames.shape == (
            row.frames,
            row.rows,
            row.columns,
        )


def test_a_refused_stack_says_which_kind_and_why(series: Write) -> None:
    written = series(count=5)
    written.files[2].unlink()
    (row,) = vdl.scan(written.folder).to_table()
    assert (row.loads, row.refusal) == (False, "UNEVEN")
    assert row.reason is not None
    assert "1 slice missing in 4" in row.reason


def test_every_stack_of_a_scan_or_its_error_in_one_line(series: Write, tmp_path: Path) -> None:
    whole = series("whole", seed=1)
    damaged = series("damaged", seed=2)
    damaged.files[0].write_bytes(damaged.files[0].read_bytes()[:-9])
    for k in (1, 2):
        series("two", seed=2 + k, SeriesInstanceUID="1.2.3", SeriesNumber=9, TemporalPositionIdentifier=k)
    results = list(vdl.load_many(vdl.scan(tmp_path).stacks()))
    assert [type(r.error).__name__ for r in results] == ["NoneType", "CorruptFileError", "NoneType", "NoneType"]
    assert results[0].volume is not None
    assert (results[0].volume.frames == whole.frames).all()


@pytest.mark.parametrize(
    ("said", "date"),
    [
        ("20240229", dt.date(2024, 2, 29)),
        ("2024.02.29", dt.date(2024, 2, 29)),
        ("20230229", None),
        ("2024", None),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR DA:UserWarning")
def test_a_date_that_is_none_is_none(series: Write, said: str | None, date: dt.date | None) -> None:
    assert vdl.scan(series(StudyDate=said).folder)[0].date == date


def test_what_the_files_do_not_say_is_none(series: Write) -> None:
    unsaid = dict.fromkeys(("FrameOfReferenceUID", "PixelSpacing", "SeriesDescription", "SeriesNumber", "Modality"))
    (row,) = vdl.scan(series(count=1, **unsaid).folder).to_table()
    assert (row.frame_of_reference_uid, row.description, row.number, row.modality) == (None, None, None, None)
    assert (row.spacing_x, row.spacing_y) == (None, None)


def test_files_of_several_folders_lie_in_the_folder_of_both(series: Write, tmp_path: Path) -> None:
    series("s/ab/1", names=list("12345"), count=5)
    series("s/ac", names=list("67890"), count=5, gap=-2.5)
    assert vdl.scan(tmp_path / "s")[0].folder == str(tmp_path / "s")


def test_a_data_frame_has_the_same_types_whatever_it_holds(series: Write, tmp_path: Path) -> None:
    empty = vdl.scan(tmp_path).to_pandas()
    series("a", seed=1)
    series("b", seed=2, SeriesNumber=None, SeriesDescription=None, StudyDate=None)
    frame = vdl.scan(tmp_path).to_pandas()
    assert list(frame.columns) == [field.name for field in fields(vdl.StackRow)] == list(empty.columns)
    assert (frame.dtypes == empty.dtypes).all()
    assert frame["frames"].sum() == 10
    assert sorted(frame["number"].isna()) == [False, True]
    assert (frame["spacing_z"] == 2.5).all()
