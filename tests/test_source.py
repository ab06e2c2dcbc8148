"""`DICOMSeriesSource`: vtkDICOMImageReader's scripts run on it, parts are read in part, and failures are raised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOImage import vtkDICOMImageReader

import vtkdicomload as vdl
from vtkdicomload import DICOMSeriesSource

if TYPE_CHECKING:
    from pathlib import Path


def numbers(reader: Any) -> np.ndarray:
    """The image of a reader as (nx, ny, nz[, components])."""
    image = reader.GetOutput()
    scalars = vtk_to_numpy(image.GetPointData().GetScalars())
    return scalars.reshape(*image.GetDimensions(), *scalars.shape[1:], order="F") if scalars.ndim == 1 else scalars


@pytest.mark.parametrize("name", ["small_ct", "mr_plain4"])
def test_the_array_is_that_of_vtkdicomimagereader(data: Path, name: str) -> None:
    arrays = []
    for kind in (vtkDICOMImageReader, DICOMSeriesSource):
        reader = kind()
        reader.SetDirectoryName(str(data / name))
        reader.Update()
        arrays.append(numbers(reader))
    np.testing.assert_array_equal(*arrays)
    assert arrays[0].dtype == arrays[1].dtype
    np.testing.assert_array_equal(arrays[1], vdl.load(data / name).array)
