from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

import vtkdicomload as vdl
from vtkdicomload.loading import comparison
from vtkdicomload.loading.comparison import FLOOR, compare, judge_values

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]

VTK = "vtkDICOMImageReader, directory"


def rows(folder: Path, **options: Any) -> dict[str, comparison.Row]:
    (series,) = vdl.scan(folder)
    return {row.name: row for row in compare(series, vdl.load, **options).rows}


def test_every_way_is_timed_and_gives_the_same(series: Write) -> None:
    pytest.importorskip("SimpleITK")
    written = series(RescaleIntercept=-1024)
    found = rows(written.folder, rounds=2)
    assert list(found) == [
        *(FLOOR, "vtkdicomload.load", "vtkdicomload.load, workers=1", VTK, "SimpleITK", "pydicom, numpy.stack"),
    ]
    assert found.pop(FLOOR).ratio == 1
    for row in found.values():
        assert row.words == "same values", row
        assert row.seconds
        assert row.ratio


def test_the_floor_reads_the_bytes_of_the_pixels(series: Write) -> None:
    written = series()
    (found,) = vdl.scan(written.folder)
    truth = b"".join(pydicom.dcmread(path).PixelData for path in found.files)
    assert comparison._read_pixel_bytes(found).tobytes() == truth
    measured = compare(found, vdl.load, rounds=1)
    assert measured.pixel_bytes == len(truth)
    assert measured.rounds == 1
    assert measured.cores >= 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"syntax": RLELossless}, "does not read its transfer syntax"),
        ({"dtype": "u1", "SamplesPerPixel": 3}, "RGB"),
    ],
)
def test_vtk_is_not_let_loose_on_what_is_not_safe(
    series: Write, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], reason: str
) -> None:
    monkeypatch.setattr(comparison, "_load_vtk", pytest.fail)
    row = rows(series(**options).folder, rounds=1)[VTK]
    assert row.seconds is None
    assert row.ratio is None
    assert row.words.startswith("not run: ")
    assert reason in row.words


@pytest.mark.parametrize("other", ["notes.txt", ".hidden"])
def test_vtk_is_not_let_loose_on_a_folder_with_other_files(series: Write, other: str) -> None:
    written = series()
    (written.folder / other).write_text("anything")
    assert rows(written.folder, rounds=1)[VTK].words == "not run: no folder holds just these files"


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are Unicode there")
def test_names_that_are_not_utf8_are_kept_from_what_would_crash(series: Write) -> None:
    written = series(os.fsdecode(b"k\xff"))
    found = rows(written.folder, rounds=1)
    assert found[VTK].words == found["SimpleITK"].words == "not run: it cannot open the folder's name"
    assert found["pydicom, numpy.stack"].words == "same values"


def test_a_multi_frame_file(data: Path) -> None:
    found = rows(data / "enh_mr_phase", rounds=1)
    assert found["vtkdicomload.load"].words == "same values"
    assert "multi-frame" in found[VTK].words
    assert found["pydicom, numpy.stack"].words.startswith("OTHER VALUES: ")  # the rescale of the frames is nested


def test_without_simpleitk(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SimpleITK", None)
    row = rows(series().folder, rounds=1)["SimpleITK"]
    assert (row.seconds, row.words) == (None, "not installed → python -m pip install SimpleITK")


def test_a_way_that_fails_is_said_without_its_words(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("Secret^Name")

    monkeypatch.setattr(comparison, "_load_pydicom", broken)
    row = rows(series().folder, rounds=2)["pydicom, numpy.stack"]
    assert (row.seconds, row.words) == (None, "failed (ValueError)")


def test_values_that_differ_are_counted() -> None:
    truth = np.zeros((2, 5, 10), np.int16)
    truth[1] = 1000
    assert judge_values(truth.astype(np.float64), truth) == "same values"
    assert judge_values(truth[::-1], truth) == "same values, slices in the opposite order"
    assert judge_values(truth * (1 + 1e-8), truth) == "same values to single precision"
    assert judge_values(truth[:1], truth) == "another shape: 1×5×10"
    wrong = truth.copy()
    wrong[0, 0, 0] = -7
    assert judge_values(wrong, truth) == "OTHER VALUES: 1 % of them differ, by up to 7"


def test_progress_counts_every_run(series: Write) -> None:
    steps: list[tuple[int, int]] = []
    found = rows(series().folder, rounds=2, progress=lambda *step: steps.append(step))
    total = sum(row.seconds is not None for row in found.values()) * 3
    assert steps == [(k, total) for k in range(1, total + 1)]


def test_what_cannot_be_compared(series: Write, data: Path) -> None:
    with pytest.raises(ValueError, match="rounds must be 1 or more"):
        compare(vdl.scan(series().folder)[0], vdl.load, rounds=0)
    several = next(s for s in vdl.scan(data / "seg_1bit") if s.header.number_of_frames > 1)
    part = vdl.Series(several.frames[:1])
    with pytest.raises(vdl.DicomLoadError, match="part of a multi-frame file"):
        compare(part, vdl.load)
