"""The documentation holds: tests, transfer syntaxes, errors, names and files that it speaks of are there."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import sys
import types
from abc import ABC, abstractmethod
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from test_traps import CASES

import vtkdicomload as vdl
from vtkdicomload import errors
from vtkdicomload.headers.transfer_syntaxes import NATIVE_SYNTAXES
from vtkdicomload.readers.codec import SYNTAXES

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGE = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
PIPELINES = (ROOT / "docs" / "vtk-pipelines.md").read_text(encoding="utf-8")
CONVERSIONS = (ROOT / "docs" / "conversions.md").read_text(encoding="utf-8")
LAZY = (ROOT / "docs" / "lazy.md").read_text(encoding="utf-8")
GRIDS = (ROOT / "docs" / "grids.md").read_text(encoding="utf-8")
VALUES = (ROOT / "docs" / "values.md").read_text(encoding="utf-8")
TEST = re.compile(r"`tests/(?P<file>[\w/]+\.py)::(?P<name>test_\w+)(?:\[(?P<case>[^`]+)\])?`")
TRAPS = {case.id for case in CASES}


def table_rows(page: str = PAGE) -> list[tuple[str, list[str]]]:
    """Rows of a page's tables, but for those that head a group: what stands over the last column, and the cells."""
    found, heading = [], ""
    for line in page.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            heading = ""
        elif not heading:
            heading = cells[-1]
        elif not line.startswith(("|---", "| **")):
            found.append((heading, cells))
    return found


@cache
def parsed(file: str) -> ast.Module:
    return ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))


@cache
def functions(file: str) -> frozenset[str]:
    return frozenset(n.name for n in parsed(file).body if isinstance(n, ast.FunctionDef))


@cache
def words(file: str) -> frozenset[str]:
    """Every text constant and name of a file, the identifiers of its cases among them."""
    nodes = list(ast.walk(parsed(file)))
    texts = {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return frozenset(texts | {n.id for n in nodes if isinstance(n, ast.Name)})


# ------------------------------------------------------------------------------------------------------ conformance
@pytest.mark.parametrize(
    ("page", "fewest"),
    [(PAGE, 100), (PIPELINES, 60), (CONVERSIONS, 15), (GRIDS, 40), (VALUES, 20), (LAZY, 12)],
    ids=["conformance", "vtk-pipelines", "conversions", "grids", "values", "lazy"],
)
def test_every_test_that_is_named_exists(page: str, fewest: int) -> None:
    found = list(TEST.finditer(page))
    assert len(found) == page.count("tests/") > fewest
    for match in found:
        file, name, case = match.group("file", "name", "case")
        assert (ROOT / "tests" / file).is_file(), match[0]
        assert name in functions(file), match[0]
        known = TRAPS if name == "test_trap" else words(file)
        assert case is None or case in known, match[0]
        assert name != "test_trap" or case, "a trap is named by its case"


def test_every_row_names_a_test_or_says_that_it_has_none() -> None:
    rows = [cells for heading, cells in table_rows() if heading == "test"]
    assert len(rows) > 100
    for cells in rows:
        assert TEST.fullmatch(cells[-1]) or cells[-1] == "not tested", cells


def test_every_row_about_pipelines_names_a_test() -> None:
    rows = table_rows(PIPELINES)
    assert len(rows) > 60
    for heading, cells in rows:
        assert heading == "test"
        assert TEST.fullmatch(cells[-1]), cells


@pytest.mark.parametrize("uid", sorted(NATIVE_SYNTAXES | SYNTAXES))
def test_every_transfer_syntax_that_is_read_has_a_row(uid: str) -> None:
    assert [cells[0] for _, cells in table_rows()].count(f"`{uid}`") == 1


def test_no_other_transfer_syntax_is_promised() -> None:
    promised = {cells[0].strip("`") for _, cells in table_rows() if cells[0].startswith("`1.2.")}
    assert promised == NATIVE_SYNTAXES | SYNTAXES


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_is_named(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_no_error_is_invented() -> None:
    named = set(re.findall(r"`(\w+(?:Error|Warning))`", PAGE)) - {"FileNotFoundError", "TypeError", "ValueError"}
    assert named == set(errors.__all__)


# ------------------------------------------------------------------------------------------------------ README
@pytest.mark.parametrize("text", [README.read_text(encoding="utf-8"), PIPELINES], ids=["README", "vtk-pipelines"])
def test_the_python_of_the_text_compiles_and_its_names_exist(text: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    names = {
        "vdl": set(dir(vdl)),
        "volume": set(dir(vdl.Volume)) | set(inspect.signature(vdl.Volume).parameters),
        "reader": set(dir(vdl.DICOMSeriesSource)),
    }
    for block in blocks:
        compile(block, "a block of the text", "exec")
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                owner = node.value.id
                assert owner not in names or node.attr in names[owner], ast.unparse(node)


def test_every_method_of_the_source_in_the_text_exists() -> None:
    for name in re.findall(r"`((?:Set|Get|Update|Recursive)\w*)\(?", PIPELINES):
        assert hasattr(vdl.DICOMSeriesSource, name) or name in OF_VTK, name


# Methods of vtkDICOMImageReader that the source warns about or refuses, and of other classes.
OF_VTK = {
    *("SetDataSpacing", "SetDataScalarType", "SetDataByteOrder", "SetFilePattern", "SetFilePrefix", "SetMemoryBuffer"),
    *("SetStream", "SetUserMatrix", "SetOutputDirection", "GetBounds", "SetSlice", "SetSliceIndex"),
    *("SetPlaneOrientationToZAxes", "SetupInteractor"),
}


def test_every_name_of_the_package_in_the_text_exists() -> None:
    for path in (README, *sorted((ROOT / "docs").glob("*.md"))):
        for name in re.findall(r"\bvdl\.(\w+)", path.read_text(encoding="utf-8")):
            assert hasattr(vdl, name), f"{path.name}: vdl.{name}"


# ------------------------------------------------------------------------------------------------------ links
def heading_anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", [README, *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.name)
def test_every_linked_file_and_heading_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        assert file.exists(), f"{path.name} links {target}"
        if anchor:
            assert anchor in heading_anchors(file.read_text(encoding="utf-8")), f"{path.name} links {target}"


def test_times_in_the_readme_are_those_that_were_measured() -> None:
    section = README.read_text(encoding="utf-8").split("## How fast")[1].split("\n## ")[0]
    times = re.findall(r"\d[\d.]* ms", section)
    measured = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert len(times) >= 4
    for time in times:
        assert f"| {time} |" in measured, time


@pytest.mark.parametrize(
    "name", ["README.md", "CHANGELOG.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_modules_that_are_named_exist(name: str) -> None:
    for dotted in set(re.findall(r"vtkdicomload(?:\.\w+)+", (ROOT / name).read_text(encoding="utf-8"))):
        module, _, last = dotted.rpartition(".")
        if importlib.util.find_spec(module) is None or not hasattr(importlib.import_module(module), last):
            importlib.import_module(dotted)


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_files_that_are_named_exist(name: str) -> None:
    named = set(re.findall(r"`([\w/]+\.py)`", (ROOT / name).read_text(encoding="utf-8")))
    assert len(named) > 15
    files = [
        path.relative_to(ROOT).as_posix()
        for folder in ("vtkdicomload", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    for file in named:
        assert any(f"/{path}".endswith(f"/{file}") for path in files), file


def test_every_picture_is_shown() -> None:
    pages = " ".join(p.read_text(encoding="utf-8") for p in [README, *(ROOT / "docs").glob("*.md")])
    for picture in (ROOT / "docs" / "images").iterdir():
        assert f"images/{picture.name}" in pages, picture.name


# ------------------------------------------------------------------------------------------------------ training
class ImageReader(ABC):
    """The protocol of monai.data.ImageReader, as its documentation has it."""

    @abstractmethod
    def verify_suffix(self, filename: Any) -> bool: ...
    @abstractmethod
    def read(self, data: Any, **kwargs: Any) -> Any: ...
    @abstractmethod
    def get_data(self, img: Any) -> tuple[np.ndarray, dict[str, Any]]: ...


class ScalarImage:
    """The protocol of ``reader=`` of torchio.ScalarImage: from a path, a tensor (channels, x, y, z) and an affine."""

    def __init__(self, path: str, reader: Callable[[str], tuple[Any, np.ndarray]]) -> None:
        self.data, self.affine = reader(path)
        assert self.data.ndim == 4
        assert self.affine.shape == (4, 4)


def test_the_recipes_for_training_keep_to_the_protocols(
    series: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "bulk.md").read_text(encoding="utf-8"), re.DOTALL)
    (monai_block,) = (block for block in blocks if "monai" in block)
    (torchio_block,) = (block for block in blocks if "torchio" in block)
    monai = types.ModuleType("monai")
    monai.data = types.ModuleType("monai.data")  # type: ignore[attr-defined]
    monai.data.ImageReader = ImageReader  # type: ignore[attr-defined]
    torch, torchio = types.ModuleType("torch"), types.ModuleType("torchio")
    torch.from_numpy = np.asarray  # type: ignore[attr-defined]
    torchio.ScalarImage = ScalarImage  # type: ignore[attr-defined]
    for name, module in {"monai": monai, "monai.data": monai.data, "torch": torch, "torchio": torchio}.items():
        monkeypatch.setitem(sys.modules, name, module)
    truth = series(dtype=np.uint16)
    folder = str(truth.folder)
    expected = np.diag([-1.0, -1.0, 1.0, 1.0]) @ vdl.load(folder).affine
    names: dict[str, Any] = {}
    exec(monai_block, names)
    reader = names["VolumeReader"](verify="all")
    assert reader.verify_suffix(folder)
    array, meta = reader.get_data(reader.read(folder))
    np.testing.assert_array_equal(array, truth.array)
    np.testing.assert_array_equal(meta["affine"], expected)
    assert (array.dtype, tuple(meta["spatial_shape"]), meta["space"]) == (np.float32, array.shape, "RAS")
    exec(torchio_block.replace('"series"', repr(folder)), names)
    np.testing.assert_array_equal(names["image"].data[0], truth.array)
    np.testing.assert_array_equal(names["image"].affine, expected)
