"""The order of the house: rooms in layers, no circle of imports, short modules, and tests beside them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import grimp
import pytest

if TYPE_CHECKING:
    from grimp import ImportGraph

ROOT = Path(__file__).parents[1]
PACKAGE, TESTS = ROOT / "vtkdicomload", ROOT / "tests"
MOST_SIBLINGS, MOST_LINES = 20, 400
# Tests of the whole, or of what lies beside the package.
OF_NO_MODULE = {
    *(
        "test_benchmarks",
        "test_docs",
        "test_api",
        "test_archive",
        "test_fuzz",
        "test_house",
        "test_isolation",
        "test_notebooks",
        "test_traps",
    ),
    *("test_faults", "test_identity", "test_one_geometry", "test_typing", "test_vtk_directions"),
    *("conversions/test_conversions", "conversions/test_face", "errors/test_tree", "sources/dicomweb/test_orthanc"),
    "sources/remote/test_s3",
}


def in_a_circle(graph: ImportGraph) -> list[str]:
    """Every import that leads back to where it stands, be it lazy or for types alone."""
    imports = [(a, b) for a in sorted(graph.modules) for b in sorted(graph.find_modules_directly_imported_by(a))]
    return [f"{importer} → {imported}" for importer, imported in imports if graph.chain_exists(imported, importer)]


def test_rooms_import_only_what_lies_below_them() -> None:
    # A process of its own: import-linter switches off the loggers of the one that it runs in.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "0 broken" in run.stdout


def test_no_import_leads_back_to_where_it_stands() -> None:
    graph = grimp.build_graph("vtkdicomload", cache_dir=None)
    assert len(graph.modules) > 50
    assert in_a_circle(graph) == []


BACK = {
    "lazy": "def late():\n    from . import a\n",
    "types": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .a import A\n",
}


@pytest.mark.parametrize("how", BACK)
def test_a_circle_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    folder = tmp_path / f"circle_{how}"
    folder.mkdir()
    contents = {"__init__": "", "a": "from . import b\nA = 1\n", "b": "from . import c\n", "c": BACK[how]}
    for name, content in contents.items():
        (folder / f"{name}.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    circle = in_a_circle(grimp.build_graph(folder.name, cache_dir=None))
    assert [line.replace(f"{folder.name}.", "") for line in circle] == ["a → b", "b → c", "c → a"]
    assert folder.name not in sys.modules


def test_the_package_folder_can_be_taken_in_at_a_glance() -> None:
    siblings = [path.name for path in PACKAGE.iterdir() if path.name not in ("__pycache__", "py.typed")]
    assert len(siblings) <= MOST_SIBLINGS, sorted(siblings)


def test_no_module_is_longer_than_one_sitting() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert not {path: count for path, count in lines.items() if count > MOST_LINES}


def test_every_test_file_mirrors_a_module() -> None:
    modules = {path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py")}
    mirrored = {module.with_name("test_" + module.name.lstrip("_")) for module in modules}
    found = {path.relative_to(TESTS).with_suffix("") for path in TESTS.rglob("test_*.py")}
    assert found - mirrored == {Path(name) for name in OF_NO_MODULE}
