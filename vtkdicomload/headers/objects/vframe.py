"""Tiled images of United Imaging: the slices of a volume are tiles of one image, each placed by an item of its own.

The maker describes the attributes in https://github.com/rordenlab/dcm2niix/tree/master/UIH.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..attributes import VFRAMES, VFRAMES_COUNT
from ..data_set import UnusableAttribute, convert_numbers

if TYPE_CHECKING:
    from ..data_set import Attributes
    from ..model import Header

VFRAME = "VFRAME"  # in ImageType
_CREATOR, _MAKER = 0x00650010, "Image Private Header"
_B_VALUE, _DIRECTION = 0x00651009, 0x00651037  # BActualValue, MRDiffusionGradOrientation


def divide_vframe(header: Header, attributes: Attributes) -> list[Header]:
    """A header for each tile, from left to right and down; the one it has where nothing places them.

    Raises
    ------
    UnusableAttribute
        There are places for another number of tiles, or one is no position; the image is no grid of tiles.
    """
    if attributes.text(_CREATOR) != _MAKER:
        return [header._replace(vframes=VFRAME in header.image_type)]
    count = _count_tiles(attributes)
    if count == 1 and VFRAME not in header.image_type:
        return [header._replace(vframes=False)]
    places = attributes.items(VFRAMES)
    if not count or not places or not header.orientation or not header.pixel_spacing or header.samples != 1:
        return [header._replace(vframes=True)]
    across = math.ceil(math.sqrt(count))
    down = math.ceil(count / across)
    if len(places) != count:
        raise UnusableAttribute(f"{len(places)} places for {count} tiles")
    if header.rows % down or header.columns % across:
        raise UnusableAttribute(f"{header.rows} × {header.columns} pixels are no {down} × {across} tiles")
    tile = header._replace(
        rows=header.rows // down,
        columns=header.columns // across,
        number_of_frames=count,
        tiles_across=across,
        tiles_down=down,
        vframes=False,
        **_read_diffusion(header, attributes),
    )
    return [tile._replace(**_read_place(place)) for place in places]


def _count_tiles(attributes: Attributes) -> int:
    """Count the tiles; 0 where nothing says how many there are."""
    value = attributes.get(VFRAMES_COUNT)
    count = 0.0 if value in (None, "", b"") else convert_numbers("number of tiles", value, 1)
    return int(count) if count == int(count) and count >= 1 else 0


def _read_place(place: Attributes) -> dict[str, Any]:
    """The position of a tile, and the time it was acquired."""
    position = convert_numbers("ImagePositionPatient", place.get("ImagePositionPatient"), 3)
    time = place.text("AcquisitionTime")
    return {"position": position, **({"acquisition_time": time} if time else {})}


def _read_diffusion(header: Header, attributes: Attributes) -> dict[str, Any]:
    """The diffusion weighting that the maker's own attributes say alone; what cannot be used counts as absent."""
    found: dict[str, Any] = {}
    for field, tag, count in (("b_value", _B_VALUE, 1), ("diffusion_direction", _DIRECTION, 3)):
        try:
            value = attributes.get(tag)
            if value is not None and getattr(header, field) is None:
                found[field] = convert_numbers(field, value, count)
        except UnusableAttribute:
            continue
    return found
