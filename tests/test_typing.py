"""The types of the public calls: a type checker accepts right calls and refuses wrong ones."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from mypy import api

import vtkdicomload as vdl

HERE = Path(__file__).parent


def test_right_calls_are_accepted_and_wrong_ones_refused() -> None:
    # A mark whose call is accepted is an unused one, which is an error too.
    calls = [str(HERE / "right_calls.py"), str(HERE / "wrong_calls.py")]
    words, faults, status = api.run(["--config-file", str(HERE.parent / "pyproject.toml"), *calls])
    assert (status, faults) == (0, ""), words
    assert "no issues found in 2 source files" in words


def test_every_public_class_names_the_package_as_its_module() -> None:
    classes = [value for name in vdl.__all__ if isinstance(value := getattr(vdl, name), type)]
    assert len(classes) > 20
    assert {kind.__module__ for kind in classes} == {"vtkdicomload"}
    assert all(pickle.loads(pickle.dumps(kind)) is kind for kind in classes)


@pytest.mark.parametrize("name", ["load", "load_all", "load_many", "scan"])
def test_a_function_is_no_module(name: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", f"import vtkdicomload.{name}"], capture_output=True, text=True, check=False
    )
    assert f"No module named 'vtkdicomload.{name}'" in run.stderr
