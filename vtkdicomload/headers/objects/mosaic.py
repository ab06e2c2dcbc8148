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
_WIDEST = 650.0  # mm; no scanner of Siemens sees more at a time, and what is composed of several views is no mosaic


def settle_mosaic(header: Header) -> Header:
    """Say in ImageType of a file with one frame that it is a mosaic, where only its CSA header and its width say so.

    Some software loses the word. A tile that was cut out of a mosaic may have kept the CSA header, and is no wider than
    a slice.
    """
    is_known = MOSAIC in header.image_type or header.csa is None or header.csa.slices < 2
    if is_known or header.pixel_spacing is None or header.rows * header.pixel_spacing[0] <= _WIDEST:
        return header
    return header._replace(image_type=(*header.image_type, MOSAIC))


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


def mark_mosaics(header: Header, headers: list[Header]) -> list[Header]:
    """Say in ImageType of every frame of a multi-frame file whether it is a mosaic; FrameType may not say it.

    Since syngo MR XA, ImageType keeps the word where each slice has a frame, and a place, of its own.
    """
    if (header.csa is not None and header.csa.slices > 1) or not _lie_apart(headers):
        return [h if MOSAIC in h.image_type else h._replace(image_type=(*h.image_type, MOSAIC)) for h in headers]
    return [h._replace(image_type=tuple(value for value in h.image_type if value != MOSAIC)) for h in headers]


def _lie_apart(headers: list[Header]) -> bool:
    """Tell whether frames lie at several places, half a slice or more apart; motion correction moves them by less."""
    if any(h.position is None or h.orientation is None for h in headers):
        return False
    normal = compute_normal(headers[0].orientation or ())
    distances = np.unique(np.round([np.dot(h.position or (), normal) for h in headers], 3))
    return len(distances) > 1 and float(np.diff(distances).min()) >= (headers[0].slice_thickness or 1.0) / 2
