"""The numbers and the place of a volume, as other libraries hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._util.warnings import warn
from ..errors import UnsupportedPixelDataError
from ..stacks.geometry import locate

if TYPE_CHECKING:
    from ..loading.volume_data import VolumeData
    from ..stacks.geometry import Place

# What VTK, ITK and NIfTI-1 all hold; `load` gives no other.
_NUMBERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


def check_numbers(volume: VolumeData, holder: str) -> None:
    """Refuse pixels of a type that `holder` does not know.

    Raises
    ------
    UnsupportedPixelDataError
        The dtype of the volume.
    """
    if volume.dtype.name not in _NUMBERS:
        raise UnsupportedPixelDataError(f"{holder} holds {', '.join(_NUMBERS)}, not {volume.dtype}")


def place_to_write(volume: VolumeData) -> Place:
    """Find the place of a volume for what must hold an origin: at 0, with a warning, where the files do not say.

    Raises
    ------
    GeometryError
        Uneven slices, which no affine describes.

    Warns
    -----
    DicomLoadWarning
        The files do not say where the volume lies.
    """
    place = locate(volume.geometry)
    if volume.affine is None:
        warn("the files do not say where the volume lies: its origin is written as 0, its direction as the identity")
    return place
