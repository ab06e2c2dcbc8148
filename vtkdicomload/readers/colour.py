"""Colour as red, green and blue (PS3.3 C.7.6.3.1.2), by pydicom's transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..quiet import quiet_pydicom

if TYPE_CHECKING:
    import pydicom

    from ..header import Header
    from .values import Pixels

PALETTE = "PALETTE COLOR"


def from_ybr_full(pixels: Pixels) -> Pixels:
    """Red, green and blue of full-range luminance and chrominance, shape (rows, columns, 3), uint8."""
    from pydicom.pixels.processing import convert_color_space

    return convert_color_space(pixels, "YBR_FULL", "RGB")


def from_palette(indices: Pixels, data_set: pydicom.Dataset) -> Pixels:
    """Red, green and blue of palette indices, segmented palettes too; uint8 or uint16 as the palette's entries."""
    from pydicom.pixels.processing import apply_color_lut

    return apply_color_lut(indices, data_set)[..., :3]


def palette_of(header: Header) -> pydicom.Dataset:
    """The data set that holds the palette of a file."""
    import pydicom

    with quiet_pydicom():
        return pydicom.dcmread(header.path, stop_before_pixels=True, force=True)
