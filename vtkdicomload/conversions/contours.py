"""Contours of an RT structure set as lines of VTK, for rendering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DicomLoadError
from ..headers.objects.structure_set import CLOSED
from .structures import RegionSource, choose_structures, read_structures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vtkmodules.vtkCommonDataModel import vtkPolyData

    from ..headers.objects.structure_set import Region
    from ..sources.resolve import Source


def contours_of(
    source: Source, name: str | int | None = None, *, storage_options: Mapping[str, Any] | None = None
) -> vtkPolyData:
    """The contours of an RT structure set as lines, for rendering.

    Parameters
    ----------
    source : path-like or sequence of path-like
        The file, or a folder or files with one of them among others.
    name : str or int, optional
        ROIName, whatever its case and blanks, or ROINumber; all of them by default.
    storage_options : mapping, optional
        Of the server of a URL, as of `scan`.

    Returns
    -------
    vtkPolyData
        Points in LPS mm; closed contours as closed lines, open ones as open lines, single points as vertices. Cell
        data: ``ROINumber``, and ``ROIDisplayColor`` as scalars (red where the file has none).

    Raises
    ------
    ValueError
        The name fits none or several; the message lists all.
    DicomLoadError
        There is none, there are several, it cannot be read, or it is a segmentation.
    """
    found = read_structures(source, storage_options)
    if not isinstance(found, RegionSource):
        raise DicomLoadError(
            f"{found.path} is a segmentation, which has no contours: volume.surface_of(volume.mask_of(…)) shows it",
            files=[found.path],
        )
    regions = found.said.regions
    if name is not None:
        regions = tuple(regions[row] for row in choose_structures(found.structures, [name], found.path))
    return _draw_regions(regions)


def _draw_regions(regions: tuple[Region, ...]) -> vtkPolyData:
    from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPolyData

    contours = [(region, c) for region in regions for c in region.contours if len(c.points)]
    places = [c.points for _, c in contours]
    points, lines, vertices = vtkPoints(), vtkCellArray(), vtkCellArray()
    points.SetDataTypeToDouble()
    if places:
        points.SetData(numpy_to_vtk(np.concatenate(places), deep=True))
    start = 0
    # Vertices are numbered before lines in the cell data of a vtkPolyData.
    order = sorted(range(len(contours)), key=lambda i: len(places[i]) > 1)
    starts = np.cumsum([0, *(len(p) for p in places)])
    for i in order:
        start, count = int(starts[i]), len(places[i])
        ids = np.arange(start, start + count)
        if count > 1 and contours[i][1].kind in CLOSED:
            ids = np.append(ids, start)
        cells = vertices if count == 1 else lines
        cells.InsertNextCell(len(ids), ids.tolist())
    data = vtkPolyData()
    data.SetPoints(points)
    data.SetVerts(vertices)
    data.SetLines(lines)
    numbers = numpy_to_vtkIdTypeArray(np.array([contours[i][0].number for i in order], np.int64), deep=True)
    numbers.SetName("ROINumber")
    data.GetCellData().AddArray(numbers)
    colors = numpy_to_vtk(
        np.array([contours[i][0].color or (255, 0, 0) for i in order], np.uint8).reshape(-1, 3), deep=True
    )
    colors.SetName("ROIDisplayColor")
    data.GetCellData().SetScalars(colors)
    return data
