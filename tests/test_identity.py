"""What is passed by mistake is described by its type and size: whatever it is and wherever, nothing of it is shown."""

from __future__ import annotations

import io
import traceback
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import dcmread

import vtkdicomload as vdl
from vtkdicomload.conversions.decompress import decompress

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "Doe^Jane"


class _Named:
    def __repr__(self) -> str:
        return SECRET


def _make_wrong(path: Path) -> dict[str, Any]:
    """Everything that people have at hand when they mean a path, an option or a choice."""
    data = path.read_bytes()
    return {
        "bytes": data,
        "short bytes": SECRET.encode(),
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
        "text of a file": data.decode("latin-1"),
        "long text": SECRET * 200,
        "lines": f"PatientName\n{SECRET}\n",
        "NUL": f"{SECRET}\0",
        "open file": io.BytesIO(data),
        "lines of bytes": [data],
        "data set": dcmread(path),
        "array": np.zeros((3, 4)),
        "dict": {SECRET: SECRET},
        "set": {SECRET.encode()},
        "object": _Named(),
        "objects": [_Named(), _Named()],
        "tuple": (_Named(), SECRET),
    }


def _list_calls(folder: Path) -> dict[str, Callable[[Any], object]]:
    volume = vdl.load(folder)
    found = vdl.scan(folder)
    source = vdl.DICOMSeriesSource()
    options = ("order", "irregular", "tolerance", "engine", "verify", "workers", "max_bytes", "series", "stack")
    return {
        "load": vdl.load,
        "load in a list": lambda x: vdl.load([x]),
        "load_all": vdl.load_all,
        "scan": vdl.scan,
        "load_many": lambda x: list(vdl.load_many([x])),
        "load_many of it": lambda x: list(vdl.load_many(x)),
        "load_many ahead": lambda x: list(vdl.load_many([], ahead=x)),
        "ignore": lambda x: vdl.load(folder, ignore=x),
        "progress": lambda x: vdl.load(folder, progress=x),
        **{name: lambda x, name=name: vdl.load(folder, **{name: x}) for name in options},
        "Series.load stack": lambda x: found[0].load(stack=x),
        "Series.load order": lambda x: found[0].load(order=x),
        "reorient": volume.reorient,
        "image_as": volume.image_as,
        "plane": volume.plane,
        "plane index": lambda x: volume.plane("axial", index=x),
        "plane mm": lambda x: volume.plane("axial", mm=x),
        "to_patient": volume.geometry.to_patient,
        "to_index": volume.geometry.to_index,
        "save": volume.save,
        "decompress": lambda x: decompress(x, folder / "out"),
        "decompress ignore": lambda x: decompress(folder, folder.parent / "out", overwrite=True, ignore=x),
        "plot at": lambda x: volume.plot(at=x),
        "plot window": lambda x: volume.plot(window=x),
        "SetDirectoryName": lambda x: (source.SetDirectoryName(x), source.Update()),
        "SetFileNames": lambda x: (source.SetFileNames(x), source.Update()),
        "SetOrder": source.SetOrder,
        "SetIgnore": source.SetIgnore,
        "SetOutputScalarType": source.SetOutputScalarType,
    }


CALLS = (
    *("load", "load in a list", "load_all", "scan", "load_many", "load_many of it", "load_many ahead", "ignore"),
    *("progress", "order", "irregular", "tolerance", "engine", "verify", "workers", "max_bytes", "series", "stack"),
    *("Series.load stack", "Series.load order", "reorient", "image_as", "plane", "plane index", "plot at"),
    *("plane mm", "to_patient", "to_index", "save", "decompress", "decompress ignore"),
    *("plot window", "SetDirectoryName", "SetFileNames", "SetOrder", "SetIgnore", "SetOutputScalarType"),
)


# What is a name there, as VTK takes it or the system.
_NAMES = {
    ("SetDirectoryName", "short bytes"),
    ("SetFileNames", "dict"),
    ("SetFileNames", "set"),
    ("save", "short bytes"),
}


@pytest.mark.parametrize("name", CALLS)
def test_nothing_of_a_wrong_argument_is_shown(name: str, series: Callable[..., Any]) -> None:
    truth = series(PatientName=SECRET, count=3)
    call = _list_calls(truth.folder)[name]
    for what, wrong in _make_wrong(truth.files[0]).items():
        if (name, what) in _NAMES:
            continue
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                call(wrong)
            except Exception as error:
                shown = "".join(traceback.format_exception_only(error)) + repr(error) + repr(vars(error))
                for cause in (error.__cause__, None if error.__suppress_context__ else error.__context__):
                    shown += "" if cause is None else str(cause)
                assert "Doe" not in shown, (what, shown[:300])
                assert "Jane" not in shown, (what, shown[:300])
                assert len(shown) < 3000, (what, len(shown))
        for warning in said:
            assert "Doe" not in str(warning.message), what


def test_what_it_is_is_said_with_its_size(series: Callable[..., Any]) -> None:
    path = series().files[0]
    data = path.read_bytes()
    with pytest.raises(ValueError, match=f"order must be one of .*, not a bytes of {len(data)} bytes"):
        vdl.load(path, order=data)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"order must be one of .*, not a str of 6 characters"):
        vdl.load(path, order="sorted")  # type: ignore[arg-type]


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(vdl.NoDicomError, match=r"there is nothing at .*missing"):
        vdl.load(tmp_path / "missing")
