from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.image import imread
from typer.testing import CliRunner

from vtkdicomload.cli import demonstration
from vtkdicomload.cli.app import app

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> demonstration.Demo:
    return demonstration.run(tmp_path_factory.mktemp("demo") / "new" / "folder")


def test_sheets_are_written_and_not_blank(made: demonstration.Demo) -> None:
    assert {path.name for path in made.files} >= {"head.png", "compared.png"}
    for path in made.files:
        picture = imread(path)
        assert min(picture.shape[:2]) > 400
        assert picture[..., 0].std() > 0.05, path.name


def test_surface_is_upright_and_looks_at_the_viewer(made: demonstration.Demo) -> None:
    if made.trouble:
        pytest.skip(f"no OpenGL here: {made.trouble}")
    bright = imread(made.files[-1])[..., 0] > 0.3
    rows = np.flatnonzero(bright.any(axis=1))
    width = bright.sum(axis=1)
    top, bottom = rows[0] + len(rows) // 8, rows[-1] - len(rows) // 8
    # The scan cuts the skull at the brow, its widest part, and ends below the chin.
    assert width[top] > 1.6 * width[bottom]


def test_facts_say_what_differs(made: demonstration.Demo) -> None:
    assert made.theirs.origin == "(0, 0, 0)"
    assert made.theirs.direction == "1 0 0 | 0 1 0 | 0 0 1"
    assert "but it says" in made.theirs.slices
    assert made.ours.origin == "(0, 0, 0)"
    assert made.ours.direction == "1 0 0 | 0 1 0 | 0 0 1"
    assert made.ours.slices == "F → H, as it says"
    assert made.ours.seconds.endswith(" s")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """The folder that the command wrote to, and what it said."""
    folder = tmp_path_factory.mktemp("command") / "out"
    return folder, CliRunner().invoke(app, ["demo", "-o", str(folder)])


def test_command_tells_times_files_and_lines_to_paste(told: tuple[Path, Result]) -> None:
    folder, result = told
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    assert "All of it took" in result.stdout
    for name in ("head.png", "compared.png"):
        assert str((folder / name).resolve()) in result.stdout
    assert "vtkDICOMImageReader" in result.stdout
    assert "import vtkdicomload as vdl" in result.stdout
    assert "1 series in" in result.stdout


def test_lines_to_paste_work(told: tuple[Path, Result]) -> None:
    lines = [line.strip() for line in told[1].stdout.splitlines()[-3:]]
    ran = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert "(93, 64, 64)" in ran.stdout


def test_without_opengl_the_rest_is_made_and_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, _: object, **options: object) -> None:
            super().__init__([sys.executable, "-c", "import sys; sys.exit('no OpenGL here')"], **options)  # type: ignore[call-overload]

    monkeypatch.setattr(demonstration.subprocess, "Popen", Broken)
    made = demonstration.run(tmp_path)
    assert made.trouble == "no OpenGL here"
    assert [path.name for path in made.files] == ["head.png", "compared.png"]
    assert all(path.is_file() for path in made.files)
