"""Surfaces of masks and their volume, against bodies of known size and VTK's own measure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from orientations import ORIENTATIONS
from synthetic import Truth
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkFiltersCore import vtkFeatureEdges, vtkMassProperties

import vtkdicomload as vdl
from vtkdicomload import Volume

Write = Callable[..., Truth]


def ball(volume: Volume, radius: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    """The voxels within a radius of the middle, and the middle."""
    x, y, z = (np.arange(n) for n in volume.dimensions)
    at = volume.geometry.to_patient(np.stack(np.meshgrid(z, y, x, indexing="ij")[::-1], axis=-1))
    middle = volume.geometry.to_patient([(n - 1) / 2 for n in volume.dimensions])
    return np.linalg.norm(at - middle, axis=-1) <= radius, middle


@pytest.mark.parametrize("orientation", ["axial", "oblique", "axial, feet first"])
def test_the_surface_of_a_ball(series: Write, orientation: str) -> None:
    truth = series(
        count=24, rows=40, columns=44, orientation=ORIENTATIONS[orientation], PixelSpacing=[1.0, 0.9], gap=1.5
    )
    volume = vdl.load(truth.folder)
    mask, middle = ball(volume)
    surface = volume.surface_of(mask)
    measure = vtkMassProperties()
    measure.SetInputData(surface)
    assert measure.GetVolume() / 1000 == pytest.approx(4 / 3 * np.pi * 12**3 / 1000, rel=0.02)
    assert volume.measure_mask(mask) == pytest.approx(4 / 3 * np.pi * 12**3 / 1000, rel=0.01)
    points = vtk_to_numpy(surface.GetPoints().GetData())
    away = points - middle
    assert np.abs(np.linalg.norm(away, axis=1) - 12).max() < 1.2
    normals = vtk_to_numpy(surface.GetPointData().GetNormals())
    assert ((away * normals).sum(axis=1) > 0).all()


def open_edges(surface: Any) -> int:
    edges = vtkFeatureEdges(boundary_edges=True, feature_edges=False, manifold_edges=False, non_manifold_edges=False)
    edges.SetInputData(surface)
    edges.Update()
    return edges.GetOutput().GetNumberOfCells()


def test_it_is_closed_where_the_mask_ends_with_the_volume(series: Write) -> None:
    volume = vdl.load(series().folder)
    mask = np.ones(volume.frames.shape, bool)
    surface = volume.surface_of(mask)
    assert open_edges(surface) == 0
    assert volume.measure_mask(mask) == pytest.approx(8 * 0.5 * 6 * 0.8 * 5 * 2.5 / 1000)


def test_sheared_and_uneven_volumes_are_measured_truly(series: Write) -> None:
    places = [0, 2, 5, 6, 9]
    for name, position in (("sheared", lambda k: [0, 0.8 * k, 2.5 * k]), ("uneven", lambda k: [0, 0, places[k]])):

        def edit(dataset: Any, k: int, position: Any = position) -> None:
            dataset.ImagePositionPatient = position(k)

        truth = series(name, edit=edit)
        with pytest.warns(vdl.DicomLoadWarning, match=r"lean|not evenly spaced"):
            volume = vdl.load(truth.folder, irregular="keep")
        whole = volume.measure_mask(np.ones(volume.frames.shape, bool))
        # Uneven: 1 + 9 + 1.5 mm, half a gap beyond the outer slices.
        length = 12.5 if name == "sheared" else 11.5
        assert whole == pytest.approx(8 * 0.5 * 6 * 0.8 * length / 1000)


def test_what_is_no_mask_is_refused(series: Write) -> None:
    volume = vdl.load(series().folder)
    for wrong in (np.ones((5, 6, 7), bool), volume.frames, np.ones((8, 6, 5), bool)):
        with pytest.raises(ValueError, match="a mask of this volume is bool"):
            volume.measure_mask(wrong)
    with pytest.raises(ValueError, match="holds no voxel"):
        volume.surface_of(np.zeros(volume.frames.shape, bool))
