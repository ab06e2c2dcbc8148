"""Siemens mosaics: the slices of a volume are tiles of one image, and the CSA header says where they lie.

Siemens does not document them; https://nipy.org/nibabel/dicom/dicom_mosaic.html does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..orientation import COSINE_TOLERANCE, compute_normal, find_orientation_fault

if TYPE_CHECKING:
    from ..model import Header

MOSAIC = "MOSAIC"  # in ImageType


def divide_mosaic(header: Header) -> list[Header]:
    """A header for each slice of a mosaic, tiles from left to right and down; the one it has where they lie nowhere."""
    csa, spacing, step = header.csa, header.pixel_spacing, header.spacing_between_slices
    if csa is None or not header.position or not header.orientation or not spacing or not step:
        return [header]
    if find_orientation_fault(header.orientation):
        return [header]
    across = math.ceil(math.sqrt(csa.slices))
    if csa.slices < 2 or header.rows % across or header.columns % across or header.samples != 1:
        return [header]
    # The first tile is the first slice, from the feet or from the head: the normal says which way the others follow.
    towards = np.dot(csa.normal, compute_normal(header.orientation)) if len(csa.normal) == 3 else 0.0
    if abs(abs(towards) - 1) > COSINE_TOLERANCE:
        return [header]
    rows, columns = header.rows // across, header.columns // across
    row, column = np.array(header.orientation[:3]), np.array(header.orientation[3:])
    # The position is that of the first slice, were it as large as the whole image.
    first = np.array(header.position)
    first += row * spacing[1] * (header.columns - columns) / 2 + column * spacing[0] * (header.rows - rows) / 2
    steps = np.outer(np.arange(csa.slices), compute_normal(header.orientation) * np.sign(towards) * abs(step))
    tile = header._replace(
        rows=rows, columns=columns, number_of_frames=csa.slices, tiles_across=across, tiles_down=across
    )
    return [tile._replace(position=(x, y, z)) for x, y, z in (first + steps).tolist()]
