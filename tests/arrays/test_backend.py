"""The backend of xarray: what it takes, what it leaves to others, and that it is in nobody's way."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr

import vtkdicomload as vdl
from vtkdicomload.arrays.backend import DicomBackend

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthetic import Truth

    Write = Callable[..., Truth]

ROOT = Path(__file__).parents[2]


def open_by_xarray(path: Any, **options: Any) -> xr.Dataset:
    return xr.open_dataset(path, engine=DicomBackend, **options)


# ------------------------------------------------------------------------------------------ beside other engines
@pytest.fixture
def installed(tmp_path: Path) -> dict[str, str]:
    """The environment of a process in which the package is installed with the entry points of its pyproject."""
    points = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]
    folder = tmp_path / "site" / "vtkdicomload-0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: vtkdicomload\nVersion: 0\n")
    lines = [f"[{group}]\n" + "".join(f"{name} = {at}\n" for name, at in own.items()) for group, own in points.items()]
    (folder / "entry_points.txt").write_text("\n".join(lines))
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(folder.parent), str(ROOT)])}


def run(code: str, environment: dict[str, str], *arguments: str) -> str:
    """What a Python process prints, any warning being an error."""
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_other_files_open_as_before_where_the_package_is_installed(installed: dict[str, str], tmp_path: Path) -> None:
    code = """
import sys, numpy as np, xarray as xr
engines = xr.backends.list_engines()
assert "vtkdicomload" in engines, engines
xr.Dataset({"t": ("x", np.arange(3.0))}).to_netcdf(sys.argv[1])
with xr.open_dataset(sys.argv[1]) as found:
    print(found["t"].values.tolist())
heavy = {"pydicom", "imagecodecs", "vtkmodules", "matplotlib"} & set(sys.modules)
print(sorted(heavy), len([name for name in sys.modules if name.startswith("vtkdicomload")]) < 10)
"""
    assert run(code, installed, str(tmp_path / "x.nc")).splitlines() == ["[0.0, 1.0, 2.0]", "[] True"]


def test_the_engine_is_found_by_its_name_and_by_the_suffix_of_a_file(
    installed: dict[str, str], series: Write, tmp_path: Path
) -> None:
    truth = series("in")
    code = """
import sys, xarray as xr
print(xr.open_dataset(sys.argv[1], engine="vtkdicomload").image.shape, xr.open_dataset(sys.argv[2]).image.shape)
"""
    printed = run(code, installed, str(truth.folder), str(truth.files[0]))
    assert printed.strip() == "(5, 6, 8) (1, 6, 8)"


def test_every_parameter_is_named_by_hand() -> None:
    signature = inspect.signature(DicomBackend().open_dataset)
    assert tuple(signature.parameters) == DicomBackend.open_dataset_parameters
    assert not {"args", "kwargs", "options"} & set(signature.parameters)
    assert "vtkdicomload" in repr(DicomBackend())


def test_a_file_is_guessed_by_its_name_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guess = DicomBackend().guess_can_open
    for name in ("a.dcm", "B.DCM", "c.dicom", "d.IMA", "DICOMDIR"):
        (tmp_path / name).write_text("no DICOM")
        assert guess(tmp_path / name)
        assert guess(str(tmp_path / name))
    for name in ("a.nc", "1.2.840", "dicomdir.txt", "x.dcm.gz"):
        (tmp_path / name).write_text("")
        assert not guess(tmp_path / name)
    (tmp_path / "folder.dcm").mkdir()
    (tmp_path / "store.zarr").mkdir()
    assert not any(map(guess, (tmp_path, tmp_path / "folder.dcm", tmp_path / "store.zarr", tmp_path / "missing.dcm")))
    for other in (b"DICM", None, 3, ["a.dcm"], "http://server/a.dcm", "a\0.dcm", "x" * 5000 + ".dcm", object()):
        assert not guess(other)
    monkeypatch.setattr("builtins.open", None)
    assert guess(tmp_path / "a.dcm")


# ------------------------------------------------------------------------------------------------- one series
def test_a_dataset_holds_the_image_and_its_coordinates(series: Write) -> None:
    truth = series(RescaleIntercept=-1024)
    found = open_by_xarray(truth.folder)
    assert list(found.data_vars) == ["image"]
    assert set(found.coords) == {"x", "y", "z", "patient"}
    np.testing.assert_array_equal(found.image, truth.frames)
    assert found.image.attrs["units"] == "HU"
    assert not {"affine", "spacing", "direction", "origin"} & set(found.image.attrs)


def test_chunks_are_whole_slices_where_none_are_asked_for(series: Write, data: Path) -> None:
    truth = series()
    found = open_by_xarray(truth.folder, chunks={})
    assert found.image.chunks == ((1,) * 5, (6,), (8,))
    np.testing.assert_array_equal(found.image[1:4].compute(), truth.frames[1:4])
    assert open_by_xarray(data / "rgb_stack", chunks={}).image.chunks[3] == (3,)
    assert open_by_xarray(data / "asl_4d", chunks={}).image.chunks[:2] == ((1,) * 8, (1,) * 6)


def test_options_are_those_of_load_and_its_engine_is_the_reader(series: Write) -> None:
    truth = series(RescaleSlope=2)
    stored = open_by_xarray(truth.folder, rescale=False, reader="pydicom", verify="none", workers=1, dtype="int32")
    np.testing.assert_array_equal(stored.image, truth.stored)
    assert stored.image.dtype == np.int32
    with pytest.raises(ValueError, match="engine must be one of"):
        open_by_xarray(truth.folder, reader="fast")
    with pytest.raises(TypeError, match="colour"):
        open_by_xarray(truth.folder, colour=True)


def test_a_variable_may_be_dropped(series: Write) -> None:
    folder = series().folder
    assert list(open_by_xarray(folder, drop_variables="image").data_vars) == []
    assert "patient" not in open_by_xarray(folder, drop_variables=["patient"]).coords


def test_a_relative_path_is_absolute_from_then_on(
    series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = series("here")
    monkeypatch.chdir(tmp_path)
    found = open_by_xarray("here")
    monkeypatch.chdir("/")
    np.testing.assert_array_equal(found.image, truth.frames)


def test_what_is_wrong_is_raised_at_open(tmp_path: Path, series: Write) -> None:
    with pytest.raises(vdl.NoDicomError):
        open_by_xarray(str(tmp_path / "missing"))
    truth = series("in")
    truth.files[2].unlink()
    with pytest.raises(vdl.MissingSliceError):
        open_by_xarray(truth.folder)


# ------------------------------------------------------------------------------------------------ several series
def test_several_series_are_an_error_that_names_both_ways_past(series: Write, tmp_path: Path) -> None:
    first, second = series("a"), series("b", seed=2, count=3)
    words = 'series=0 or "largest", or xr.open_datatree(p, engine="vtkdicomload")'
    with pytest.raises(vdl.MultipleSeriesError, match=re.escape(words)):
        open_by_xarray(tmp_path)
    np.testing.assert_array_equal(open_by_xarray(tmp_path, series=1).image, second.frames)
    tree = xr.open_datatree(tmp_path, engine=DicomBackend, chunks={})
    np.testing.assert_array_equal(tree["series_0/image"], first.frames)
    np.testing.assert_array_equal(tree["series_1/image"], second.frames)
    assert tree["series_1/image"].chunks is not None


def test_volumes_on_several_grids_are_a_group_each(series: Write, tmp_path: Path) -> None:
    axial = series("a")
    series("b", orientation=(0, 1, 0, 0, 0, -1), SeriesInstanceUID=axial.series_uid, names=[f"b{k}" for k in range(5)])
    words = "2 volumes of the series lie on 2 grids, and make no array together: [0] "
    with pytest.raises(vdl.MultipleSeriesError, match=re.escape(words)) as info:
        open_by_xarray(tmp_path)
    assert str(info.value).endswith('→ stack=0 or 1, or xr.open_datatree(p, engine="vtkdicomload")')
    assert open_by_xarray(tmp_path, stack="axial").image.shape == (5, 6, 8)
    tree = xr.open_datatree(tmp_path, engine=DicomBackend)
    assert {tree[f"series_0/grid_{k}/image"].shape for k in (0, 1)} == {(5, 6, 8)}
    assert len(xr.open_groups(tmp_path, engine=DicomBackend)) == 2


def test_a_series_of_the_tree_that_does_not_load_is_named(series: Write, tmp_path: Path) -> None:
    series("a")
    series("b", seed=2).files[2].unlink()
    with pytest.raises(vdl.MissingSliceError) as info:
        xr.open_datatree(tmp_path, engine=DicomBackend)
    assert "open(p, series=1) opens one series alone" in info.value.__notes__[0]
    with pytest.raises(TypeError, match="there is no option 'colour'"):
        xr.open_datatree(tmp_path, engine=DicomBackend, colour=1)
