"""A volume as a pyvista.ImageData."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._util.optional import require
from .holding import check_numbers, place_to_write
from .vtk import make_image

if TYPE_CHECKING:
    import pyvista

    from ..loading.volume_data import VolumeData


def to_pyvista(volume: VolumeData) -> pyvista.ImageData:
    """A pyvista.ImageData over the memory of the volume (`Volume.to_pyvista`)."""
    pv = require("pyvista", extra="pyvista")
    check_numbers(volume, "VTK")
    place_to_write(volume)
    image: pyvista.ImageData = pv.ImageData(make_image(volume))
    return image
