"""Optional libraries: imported on use, and an error that names the extra where one is missing."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from synthetic import Truth

import vtkdicomload as vdl
from vtkdicomload._util.optional import require

Write = Callable[..., Truth]

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
LIBRARIES = {
    **{"xarray": "xarray", "dask": "dask", "pyvista": "pyvista", "SimpleITK": "sitk", "nibabel": "nibabel"},
    **{"pandas": "pandas", "zarr": "zarr", "requests": "dicomweb", "fsspec": "remote", "aiohttp": "remote"},
    **{"distributed": "cluster", "pyarrow": "index"},
}
USES: dict[str, tuple[str, Callable[[vdl.Volume, Path], Any]]] = {
    "to_xarray": ("xarray", lambda volume, _: volume.to_xarray()),
    "to_pyvista": ("pyvista", lambda volume, _: volume.to_pyvista()),
    "to_sitk": ("SimpleITK", lambda volume, _: volume.to_sitk()),
    "to_nibabel": ("nibabel", lambda volume, _: volume.to_nibabel()),
    "open": ("xarray", lambda volume, _: vdl.open(volume.series)),
    "open, chunks": ("dask", lambda volume, _: vdl.open(volume.series, chunks={})),
    "affine_of": ("xarray", lambda volume, _: vdl.affine_of(volume)),
    ".mha": ("SimpleITK", lambda volume, folder: volume.save(folder / "a.mha")),
    ".nrrd": ("SimpleITK", lambda volume, folder: volume.save(folder / "a.nrrd")),
    ".nii.gz": ("nibabel", lambda volume, folder: volume.save(folder / "a.nii.gz")),
    ".zarr": ("zarr", lambda volume, folder: volume.save(folder / "a.zarr")),
}


@pytest.mark.parametrize("use", USES)
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    library, call = USES[use]
    volume = vdl.load(series("in").folder)
    monkeypatch.setitem(sys.modules, library, None)  # what makes `import` fail
    command = f'{sys.executable} -m pip install "vtkdicomload[{LIBRARIES[library]}]"'
    with pytest.raises(ImportError, match=f"^{library} is needed here .* → {re.escape(command)}$"):
        call(volume, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_a_library_that_does_not_work_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_library.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match=r"broken_library is needed here \(libGL.so.1: cannot open"):
        require("broken_library", extra="none")


def test_an_error_of_another_kind_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "odd_library.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        require("odd_library", extra="none")


def test_every_extra_that_is_named_exists_and_installs_the_library() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "vtkdicomload").rglob("*.py"))
    named = set(re.findall(r'require\("(\w+)", extra="(\w+)"\)', sources))
    assert named == set(LIBRARIES.items())
    for library, extra in named:
        assert library.lower() in {Requirement(line).name.lower() for line in EXTRAS[extra]}


def test_all_holds_every_extra_for_users_and_no_torch() -> None:
    (everything,) = map(Requirement, EXTRAS["all"])
    assert everything.name == "vtkdicomload"
    assert everything.extras >= set(LIBRARIES.values())
    assert not any("torch" in line for lines in EXTRAS.values() for line in lines)


def test_no_extra_is_imported_before_it_is_used(series: Write) -> None:
    code = f"import sys, vtkdicomload; vtkdicomload.load({str(series().folder)!r}).image; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(LIBRARIES) & set(ran.stdout.split())
