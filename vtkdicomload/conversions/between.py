"""A shape between two shapes, by the distance from their outlines: Raya and Udupa, IEEE TMI 9 (1990)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .interpolation import wrap

if TYPE_CHECKING:
    from .._util.arrays import Floats, Pixels


def interpolate_shapes(first: Pixels, second: Pixels, weight: float, size: Floats) -> Pixels:
    """The shape between two planes of pixels: those that lie inside by the mean of the distances from both outlines.

    Parameters
    ----------
    first, second : numpy.ndarray, shape (rows, columns), bool
        The shapes.
    weight : float
        0 at the first, 1 at the second.
    size : numpy.ndarray, shape (2,)
        Distance of columns and of rows in mm.

    Returns
    -------
    numpy.ndarray, shape (rows, columns), bool
        Nothing where one shape is empty or both lie far apart.
    """
    result = np.zeros_like(first)
    if not (first.any() and second.any()):
        return result
    either = first | second
    rows, columns = np.flatnonzero(either.any(axis=1)), np.flatnonzero(either.any(axis=0))
    part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    distances = (1 - weight) * _measure_depth(first[part], size) + weight * _measure_depth(second[part], size)
    result[part] = distances > 0
    return result


def _measure_depth(shape: Pixels, size: Floats) -> Floats:
    """The depth in mm of each pixel centre inside a shape; negative outside."""
    # A rim of what is not the shape: it ends where its picture does.
    inside = np.pad(shape, 1)
    rim = float(size.min()) / 2  # from the last pixel centre inside to the outline
    depth = np.where(inside, _measure_distance(inside, size) - rim, rim - _measure_distance(~inside, size))
    return depth[1:-1, 1:-1]


def _measure_distance(shape: Pixels, size: Floats) -> Floats:
    """The distance in mm of each pixel of a shape from the nearest one that is not of it; 0 of the others."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkImagingGeneral import vtkImageEuclideanDistance

    image = wrap(shape[None].astype(np.float64), (0, 0, 0))
    image.SetSpacing(float(size[0]), float(size[1]), 1.0)
    distance = vtkImageEuclideanDistance(dimensionality=2, consider_anisotropy=True, initialize=True)
    distance.SetInputData(image)
    distance.Update()
    squared = vtk_to_numpy(distance.GetOutput().GetPointData().GetScalars()).reshape(shape.shape)
    distances: Floats = np.sqrt(squared)
    return distances
