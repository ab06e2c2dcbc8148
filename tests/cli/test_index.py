"""``vtkdicomload index``: a summary, JSON for programs, one message where it cannot be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from vtkdicomload.cli import app as cli

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


def test_it_says_what_it_found_and_what_it_read(series: Write, tmp_path: Path) -> None:
    series("in/a", seed=1)
    series("in/b", seed=2).files[2].unlink()
    arguments = ["index", str(tmp_path / "in"), str(tmp_path / "out")]
    first = CliRunner().invoke(cli.app, arguments)
    assert first.exit_code == 0, first.output
    assert "9 files read" in first.output
    assert [line.split(maxsplit=1)[0] for line in first.output.splitlines()[1:]] == ["9", "9", "0", "0", "2", "2", "1"]
    second = CliRunner().invoke(cli.app, [*arguments, "--json"])
    summary = json.loads(second.output)
    assert summary.pop("path") == str(tmp_path / "out")
    assert summary.pop("root") == str(tmp_path / "in")
    images = {"files_read": 0, "files": 9, "images": 9, "skipped": 0, "damaged": 0}
    assert summary == {**images, "series": 2, "stacks": 2, "loads": 1}


def test_what_cannot_be_is_one_message_and_a_status(series: Write, tmp_path: Path) -> None:
    series("in")
    for root, path, words in (("nowhere", "out", "there is no folder"), ("in", "in/index", "be indexed itself")):
        run = CliRunner().invoke(cli.app, ["index", str(tmp_path / root), str(tmp_path / path)])
        assert run.exit_code == 1
        assert words in run.output
        assert "Traceback" not in run.output
