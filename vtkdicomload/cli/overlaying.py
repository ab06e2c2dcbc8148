"""The value of ``--overlay``: structures to outline, or another volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import NoDicomError
from .finding import choose_series_of, find_at, load_series

if TYPE_CHECKING:
    from ..pictures.overlays import Overlay
    from ..volume import Volume


def read_overlay(volume: Volume, path: str, *, fill: bool, colormap: str | None) -> Overlay:
    """What lies at a path, to be drawn over a volume.

    Parameters
    ----------
    volume : Volume
        Whose planes are drawn.
    path : str
        An RT structure set, a segmentation, or one series of images.
    fill : bool
        Structures filled, not outlined.
    colormap : str or None
        Of a series of images.
    """
    from ..conversions.structures import read_structures
    from ..pictures.overlays import make_overlay

    try:
        read_structures(path)
    except NoDicomError:
        other = load_series(
            choose_series_of(find_at([path], None, archives=False, storage_options={}), None, None), "raise"
        )
        return make_overlay(volume, other, colormap=colormap)
    return make_overlay(volume, volume.masks_of(path), fill=fill)
