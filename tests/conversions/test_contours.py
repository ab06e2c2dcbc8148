"""Contours as lines of VTK."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from structure_sets import circle, closed, write_structure_set
from vtkmodules.util.numpy_support import vtk_to_numpy

import vtkdicomload as vdl

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ring = circle((1, 2, 3), 5, count=12)
    return write_structure_set(
        tmp_path / "rs.dcm",
        {
            "ring": [closed(ring), closed(ring + np.array([0, 0, 2]))],
            "line": [("OPEN_PLANAR", [(0, 0, 0), (1, 0, 0), (1, 1, 0)]), ("POINT", [(7, 8, 9)])],
        },
    )


def test_lines_have_the_places_of_the_file(path: Path) -> None:
    lines = vdl.contours_of(path, "Ring")
    points = vtk_to_numpy(lines.GetPoints().GetData())
    ring = circle((1, 2, 3), 5, count=12)
    np.testing.assert_allclose(points, np.concatenate([ring, ring + np.array([0, 0, 2])]), atol=1e-7)
    assert (lines.GetNumberOfLines(), lines.GetNumberOfVerts()) == (2, 0)
    first = lines.GetCell(0)
    assert [first.GetPointId(i) for i in range(first.GetNumberOfPoints())] == [*range(12), 0]


def test_open_lines_stay_open_and_points_are_points(path: Path) -> None:
    every = vdl.contours_of(path)
    assert (every.GetNumberOfVerts(), every.GetNumberOfLines()) == (1, 3)
    # VTK hands out one object for all cells of a kind.
    assert [every.GetCell(i).GetNumberOfPoints() for i in range(4)] == [1, 13, 13, 3]
    assert every.GetPoint(every.GetCell(0).GetPointId(0)) == (7, 8, 9)
    assert vtk_to_numpy(every.GetCellData().GetArray("ROINumber")).tolist() == [2, 1, 1, 2]
    colors = vtk_to_numpy(every.GetCellData().GetScalars()).tolist()
    assert colors == [[20, 20, 30], [10, 20, 30], [10, 20, 30], [20, 20, 30]]


def test_segmentations_have_none(data: Path) -> None:
    with pytest.raises(vdl.DicomLoadError, match=r"has no contours: volume.surface_of"):
        vdl.contours_of(data / "highdicom" / "seg_binary.dcm")
