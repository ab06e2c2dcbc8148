"""A volume as a SimpleITK.Image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._util.optional import require
from .holding import check_numbers, place_to_write

if TYPE_CHECKING:
    import SimpleITK

    from ..loading.volume_data import VolumeData


def to_sitk(volume: VolumeData) -> SimpleITK.Image:
    """A SimpleITK.Image with a copy of the pixels (`Volume.to_sitk`)."""
    sitk = require("SimpleITK", extra="sitk")
    check_numbers(volume, "ITK")
    place = place_to_write(volume)
    image: SimpleITK.Image = sitk.GetImageFromArray(volume.frames, isVector=volume.frames.ndim == 4)
    image.SetOrigin(place.origin)
    image.SetSpacing(place.spacing)
    image.SetDirection(place.direction)
    return image
