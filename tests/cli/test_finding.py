"""Commands take every kind of source that is a path: archives, archives in folders, a DICOMDIR."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import RLELossless
from sources.packing import write_archive
from typer.testing import CliRunner

import vtkdicomload as vdl
from vtkdicomload.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


def _run(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(params=["stored.zip", "deflated.zip", "tar.gz"])
def archive(request: pytest.FixtureRequest, series: Write, tmp_path: Path) -> tuple[Truth, Path]:
    truth = series("written", syntax=RLELossless)
    (tmp_path / "in").mkdir()
    members = {f"a/{path.name}": path.read_bytes() for path in truth.files}
    return truth, write_archive(tmp_path / "in" / f"study.{request.param}", request.param, members)


def test_info_lists_what_is_in_an_archive_and_the_line_that_loads_it(archive: tuple[Truth, Path]) -> None:
    truth, path = archive
    report = json.loads(_run("info", "--json", path))
    names: dict[str, vdl.Volume] = {}
    exec(report["series"][0]["python"], names)
    np.testing.assert_array_equal(names["volume"].frames, truth.frames)
    assert "this is 1 of" not in _run("info", path)


def test_archives_in_a_folder_are_entered_by_an_option(archive: tuple[Truth, Path]) -> None:
    truth, path = archive
    assert json.loads(_run("info", "--json", "--archives", path.parent))["series"][0]["slices"] == len(truth.frames)
    refused = CliRunner().invoke(app, ["info", str(path.parent)])
    assert refused.exit_code != 0
    assert refused.output.rstrip().endswith("--archives")


def test_show_draws_what_is_in_an_archive(archive: tuple[Truth, Path], tmp_path: Path) -> None:
    _, path = archive
    _run("show", path, "-o", tmp_path / "made.png")
    assert (tmp_path / "made.png").stat().st_size > 1000


def test_decompress_writes_the_files_of_an_archive(archive: tuple[Truth, Path], tmp_path: Path) -> None:
    truth, path = archive
    for attempt in range(2):
        _run("decompress", path, tmp_path / "out", *(["--overwrite"] if attempt else []))
        written = sorted((tmp_path / "out" / "a").iterdir())
        assert [p.name for p in written] == [p.name for p in truth.files]
        np.testing.assert_array_equal(vdl.load(tmp_path / "out").frames, truth.frames)
    assert dcmread(written[0]).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"


def test_bench_says_that_it_times_files_on_disk(archive: tuple[Truth, Path]) -> None:
    result = CliRunner().invoke(app, ["bench", str(archive[1])])
    assert "only files on disk can be compared" in result.output
