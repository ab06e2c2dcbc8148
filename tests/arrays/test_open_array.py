"""`open`: every series equals what `load` gives, whole and in part, eagerly and with threads."""

from __future__ import annotations

import pickle
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from conftest import CT_HEAD, DATA
from hypothesis import given, settings
from hypothesis import strategies as st

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]


def every_stack() -> dict[str, vdl.Series]:
    """The stacks of the real series that load."""
    found = {}
    for folder in (CT_HEAD, *sorted(path for path in DATA.iterdir() if path.is_dir())):
        for row, series in enumerate(vdl.scan(folder)):
            for place, stack in enumerate(series.stacks()):
                found[f"{folder.name}-{row}-{place}"] = stack
    return found


STACKS = every_stack()


def load(stack: vdl.Series) -> vdl.Volume | None:
    try:
        return vdl.load(stack)
    except vdl.DicomLoadError:
        return None


@pytest.mark.filterwarnings("ignore::vtkdicomload.DicomLoadWarning")
@pytest.mark.parametrize("name", STACKS)
def test_every_stack_equals_load_whole_and_in_any_part(name: str) -> None:
    stack = STACKS[name]
    volume = load(stack)
    if volume is None:
        with pytest.raises(vdl.DicomLoadError):
            vdl.open(stack)
        return
    image = vdl.open(stack)
    assert image.dtype == volume.dtype
    whole = vdl.open(stack).load()
    np.testing.assert_array_equal(whole, volume.frames)
    xr.testing.assert_identical(whole.drop_attrs(), volume.to_xarray().rename("image").drop_attrs())
    chunked = vdl.open(stack, chunks={"y": -1})
    np.testing.assert_array_equal(chunked.compute(), volume.frames)

    @settings(max_examples=12)
    @given(st.tuples(*map(st.slices, volume.frames.shape)))
    def check(part: tuple[slice, ...]) -> None:
        np.testing.assert_array_equal(image[part], volume.frames[part])
        if 0 not in image[part].shape and image[part].ndim == volume.frames.ndim and volume.affine is not None:
            at = [s.indices(n)[0] for s, n in zip(part, volume.frames.shape, strict=True)][2::-1]
            place = vdl.affine_of(image[part])[:3, 3]
            np.testing.assert_allclose(place, volume.geometry.to_patient(at), atol=3e-6)

    check()


def test_time_points_are_one_array(data: Path) -> None:
    image = vdl.open(data / "asl_4d")
    assert image.dims == ("time", "z", "y", "x")
    volumes = vdl.load_all(data / "asl_4d")
    np.testing.assert_array_equal(image.values, np.stack([volume.frames for volume in volumes]))
    for k, volume in enumerate(volumes):
        one = image[k].dicom.to_volume()
        np.testing.assert_array_equal(one.frames, volume.frames)
        np.testing.assert_allclose(one.affine, volume.affine, atol=3e-6)
    np.testing.assert_array_equal(image.sel(time=800).dicom.sel_mm(z=22), volumes[2].frames[2])
    with pytest.raises(ValueError, match=r"isel\(time=0\)"):
        image.dicom.to_volume()


def test_echoes_of_one_file_are_one_array(data: Path) -> None:
    series = next(
        s
        for s in vdl.scan(data / "highdicom")
        if len(s.stacks()) == 2 and s.stacks()[0].labels[0].attribute == "EchoNumbers"
    )
    image = vdl.open(series)
    assert image.dims == ("echo", "z", "y", "x")
    np.testing.assert_array_equal(image, np.stack([stack.load().frames for stack in series.stacks()]))


def test_a_type_that_holds_all_volumes_is_that_of_the_array(series: Write, tmp_path: Path) -> None:
    for t in (1, 2):
        names = [f"{t}{k}" for k in range(5)]

        def number(dataset: Dataset, k: int, t: int = t) -> None:
            dataset.SOPInstanceUID += f".{t}"
            dataset.InstanceNumber = 5 * t + k

        series(names=names, TemporalPositionIdentifier=t, RescaleSlope=0.5 * t, edit=number)
    image = vdl.open(tmp_path)
    assert (image.dims[0], image.dtype) == ("time", np.float32)
    np.testing.assert_array_equal(image, np.stack([v.frames for v in vdl.load_all(tmp_path)]))


def test_volumes_of_one_series_are_added_place_by_place(data: Path) -> None:
    with xr.set_options(arithmetic_join="exact"):
        a, b = vdl.open(data / "asl_4d", stack=0), vdl.open(data / "asl_4d", stack=5)
        assert (a + b).shape == a.shape


SOURCES: dict[str, Callable[[Truth, Path], Any]] = {
    "a folder": lambda truth, _: truth.folder,
    "files": lambda truth, _: list(map(str, truth.files)),
    "bytes": lambda truth, _: [path.read_bytes() for path in truth.files],
    "a series": lambda truth, _: vdl.scan(truth.folder)[0],
    "an archive": lambda truth, folder: _zip(truth, folder / "a.zip"),
}


def _zip(truth: Truth, path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in truth.files:
            archive.write(file, file.name)
    return path


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("chunks", [None, {}, {"z": 2}, "auto"])
def test_every_kind_of_source_is_opened(series: Write, tmp_path: Path, kind: str, chunks: Any) -> None:
    truth = series("in")
    image = vdl.open(SOURCES[kind](truth, tmp_path), chunks=chunks)
    assert (image.chunks is None) == (chunks is None)
    np.testing.assert_array_equal(image[1:4, ::2], truth.frames[1:4, ::2])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(image)), truth.frames)


def test_what_is_assumed_is_warned_of_where_it_is_opened(series: Write) -> None:
    folder = series(FrameOfReferenceUID=None, SeriesInstanceUID=None).folder
    with pytest.warns(vdl.DicomLoadWarning, match="taken for one series") as said:
        vdl.open(folder)
    assert said[0].filename == __file__


def test_two_opens_are_two_arrays_for_dask(series: Write) -> None:
    first = series("a")
    a = vdl.open(first.folder, chunks={})
    for path, other in zip(first.files, series("b", RescaleSlope=3).files, strict=True):
        path.write_bytes(other.read_bytes())
    b = vdl.open(first.folder, chunks={})
    assert a.data.name != b.data.name
    with pytest.raises(vdl.CorruptFileError, match="changed since it was scanned"):
        a.compute()
    np.testing.assert_array_equal(b, first.frames * 3)


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "an option": ({"colour": True}, TypeError, "there is no option 'colour'"),
    "an engine": ({"engine": "xarray"}, ValueError, "engine must be one of"),
    "a stack": ({"stack": 7}, vdl.DicomLoadError, "stack 7 fits 0 of 1 stacks"),
    "a type": ({"dtype": "int7"}, ValueError, "dtype must be one of int8"),
    "chunks": ({"chunks": {"t": 1}}, ValueError, "chunks= has t, the dimensions are z, y, x"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_are_refused_at_open(series: Write, name: str) -> None:
    options, kind, words = WRONG[name]
    folder = series().folder
    with pytest.raises(kind, match=words):
        vdl.open(folder, **options)


def test_no_identity_stands_in_an_array(series: Write) -> None:
    image = vdl.open(series().folder, chunks={})
    for words in (repr(image), str(image.attrs), image._repr_html_(), str(image.encoding), image.data.name):
        for secret in ("Secret", "SECRET", "19700102"):
            assert secret not in words
