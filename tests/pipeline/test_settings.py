"""`DICOMSeriesSource.SetSource` takes whatever `load` takes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from sources.packing import write_archive
from vtkmodules.util.numpy_support import vtk_to_numpy

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


def _frames(source: vdl.DICOMSeriesSource) -> np.ndarray:
    source.SetGeometryToPatient()
    source.Update()
    image = source.GetOutput()
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def test_a_source_of_every_kind_is_read(series: Write, tmp_path: Path) -> None:
    truth = series("a/b")
    members = {f"x/{path.name}": path.read_bytes() for path in truth.files}
    for given in (
        tmp_path / "a",
        str(tmp_path / "a"),
        [*truth.files],
        (path for path in truth.files),
        [path.read_bytes() for path in truth.files],
        [io.BytesIO(path.read_bytes()) for path in truth.files],
        [pydicom.dcmread(path) for path in truth.files],
        write_archive(tmp_path / "a.zip", "deflated.zip", members),
        write_archive(tmp_path / "a.tar.gz", "tar.gz", members),
    ):
        source = vdl.DICOMSeriesSource()
        source.SetSource(given)
        np.testing.assert_array_equal(_frames(source), vdl.load(truth.folder).frames)
        source.SetDirectoryName(truth.folder)
        assert source.GetSource() is None
        np.testing.assert_array_equal(_frames(source), vdl.load(truth.folder).frames)


def test_another_source_and_a_changed_archive_are_read_again(series: Write, tmp_path: Path) -> None:
    first, second = (series(f"s{k}", seed=k) for k in (1, 2))
    packed = [{path.name: path.read_bytes() for path in truth.files} for truth in (first, second)]
    path = write_archive(tmp_path / "a.zip", "stored.zip", packed[0])
    source = vdl.DICOMSeriesSource(source=path)
    np.testing.assert_array_equal(_frames(source), first.frames)
    write_archive(path, "stored.zip", packed[1])
    np.testing.assert_array_equal(_frames(source), second.frames)
    source.SetSource([pydicom.dcmread(path) for path in first.files])
    np.testing.assert_array_equal(_frames(source), first.frames)
    source.SetSource([pydicom.dcmread(path) for path in second.files])
    np.testing.assert_array_equal(_frames(source), second.frames)
