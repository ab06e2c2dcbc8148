"""The notebooks run from any folder, and what is committed with them is what they give."""

from __future__ import annotations

import base64
import io
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pydicom
import pytest
from conftest import CT_HEAD, DATA
from hangs import LAST_RESORT
from matplotlib.image import imread
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError

from vtkdicomload import DicomLoadError
from vtkdicomload.pictures.rendering import require_rendering

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
IDENTITY = ("PatientName", "PatientID", "PatientBirthDate", "InstitutionName", "ReferringPhysicianName")
A_PATH_OF_A_MACHINE = re.compile(r"/(?:home|root|tmp|work|Users|usr|var|mnt)/|[A-Za-z]:\\\\|site-packages")


_PATIENCE = 100  # seconds for a cell, in the first of two runs


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def pictures(cell: Any) -> list[NDArray[np.float32]]:
    shown = (output.get("data", {}).get("image/png") for output in cell.outputs)
    return [imread(io.BytesIO(base64.b64decode(png)))[..., :3] for png in shown if png]


def words(cell: Any) -> list[str]:
    """What a cell prints, and what it shows beside pictures and sliders."""
    printed = "".join(output.text for output in cell.outputs if output.output_type == "stream")
    shown = [output.data for output in cell.outputs if "data" in output]
    texts = [data["text/plain"] for data in shown if "image/png" not in data]
    return [printed, *(text for text in texts if not text.startswith("interactive("))]


def run(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], Path]:
    """The cells after a run in an empty folder, and the folder of temporary files."""
    for name in ("here", "temporary", "jupyter"):
        (folder / name).mkdir()
    monkeypatch.setenv("PYTHONPATH", os.fspath(ROOT))  # this checkout, whatever is installed
    monkeypatch.setenv("TMPDIR", os.fspath(folder / "temporary"))
    for variable in ("JUPYTER_DATA_DIR", "IPYTHONDIR"):  # no kernel, profile or history of the user's own
        monkeypatch.setenv(variable, os.fspath(folder / "jupyter"))
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": os.fspath(folder / "here")}}
    try:
        NotebookClient(notebook, timeout=_PATIENCE, kernel_name="python3", resources=place).execute()
    except CellTimeoutError:  # a kernel's answer may be lost, and both wait for ever; a slow machine gets all the time
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=LAST_RESORT, kernel_name="python3", resources=place).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"], folder / "temporary"


def test_there_are_six() -> None:
    assert [path.stem[0] for path in NOTEBOOKS] == ["1", "2", "3", "4", "5", "6"]
    assert sum(path.stat().st_size for path in NOTEBOOKS) < 3e6


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_run_gives_what_is_committed(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = code_cells(path)
    if any("vtkRenderWindow(" in cell.source for cell in committed):
        try:
            require_rendering()
        except DicomLoadError as error:
            pytest.skip(f"no OpenGL here: {error}")
    cells, temporary = run(path, tmp_path, monkeypatch)
    for cell, before in zip(cells, committed, strict=True):
        assert words(cell) == words(before), cell.source
        # Fonts and OpenGL differ from machine to machine, and so does what an old VTK leaves unwritten.
        for new, old in zip(pictures(cell), pictures(before), strict=True):
            assert new.mean() == pytest.approx(old.mean(), abs=0.1), cell.source
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_whole_was_run_in_order_without_a_complaint(path: Path) -> None:
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    shown = [picture for cell in cells for picture in pictures(cell)]
    assert len(shown) >= 4
    assert min(picture.std() for picture in shown) > 0.05


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nothing_of_a_machine_or_a_patient_is_in_it(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert "widgets" not in notebook.metadata
    for output in (output for cell in code_cells(path) for output in cell.outputs):
        output.get("data", {}).pop("image/png", None)
        text = str(dict(output))
        assert not A_PATH_OF_A_MACHINE.search(text), text
        assert not any(re.search(rf"\b{re.escape(name)}\b", text) for name in identities()), text


def identities() -> set[str]:
    """What the files say of the patients whose pictures are shown."""
    folders = (CT_HEAD, *(DATA / name for name in ("small_ct", "mr_small_slope", "asl_4d", "enh_mr_phase", "comp_j2k")))
    headers = [pydicom.dcmread(min(folder.iterdir()), stop_before_pixels=True) for folder in folders]
    found = {str(header.get(keyword, "")) for header in headers for keyword in IDENTITY} - {""}
    assert found
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_it_links_to_exists(path: Path) -> None:
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        assert "://" in target or (path.parent / target).exists(), target
