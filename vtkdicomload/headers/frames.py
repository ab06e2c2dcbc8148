"""The frames of multi-frame files: enhanced objects, dose grids, nuclear medicine, mosaics, and plain runs of images.

Functional groups (PS3.3 C.7.6.16) are read by the strict walk (`items.py`); dose grids (PS3.3 C.8.8.3) and detectors
(PS3.3 C.8.4.11) are rare and deep, so pydicom reads them. Each frame gets a header of its own with what its file says
of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import make_damaged_error
from .data_set import UnusableAttribute, open_data_set
from .items import open_items
from .liberties import Liberty
from .model import Frame, Header
from .objects.enhanced import is_classic, read_functional_groups
from .objects.mosaic import MOSAIC, divide_mosaic, mark_mosaics, settle_mosaic
from .objects.nuclear_medicine import read_frame_vectors
from .objects.rt_dose import read_dose_grid
from .objects.ultrasound import ULTRASOUND, read_region_spacing
from .objects.vframe import VFRAME, divide_vframe
from .pixel_bytes import count_pixel_bytes
from .sop_classes import NUCLEAR_MEDICINE, RT_DOSE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .data_set import Attributes


def make_frames(header: Header) -> tuple[Frame, ...]:
    """The frames of one file, in file order, with all that differs from frame to frame.

    Raises
    ------
    CorruptFileError
        The functional groups of a multi-frame file do not describe its frames.
    """
    if header.modality in ULTRASOUND and header.pixel_spacing is None:
        header = header._replace(region_spacing=read_region_spacing(header.file))
    if header.functional_groups and not is_classic(header):
        headers = _read_enhanced_headers(header)
        if any(MOSAIC in h.image_type for h in (header, *headers)):
            headers = mark_mosaics(header, headers)
    elif header.sop_class_uid == RT_DOSE:
        headers = _read_frames(header, "dose grid", read_dose_grid)
    elif header.sop_class_uid == NUCLEAR_MEDICINE and (header.number_of_frames > 1 or header.position is None):
        headers = _read_frames(header, "frame vectors", read_frame_vectors)
    elif header.vframes or VFRAME in header.image_type:
        headers = _read_frames(header, "tiles", divide_vframe)
    elif header.number_of_frames == 1:
        header = settle_mosaic(header)
        headers = divide_mosaic(header) if MOSAIC in header.image_type else [header]
    else:
        # PS3.3 C.7.6.6: nothing says where each frame lies.
        headers = [header._replace(position=None, orientation=None)] * header.number_of_frames
    places = _locate_frames(header, headers)
    return tuple(
        _make_frame(header, h, index, *place) for index, (h, place) in enumerate(zip(headers, places, strict=True))
    )


def make_frame(header: Header) -> Frame:
    """The frame of a file that has one and whose header says all of it."""
    return _make_frame(header, header, 0, 0, header.pixel_length)


def _make_frame(of_file: Header, header: Header, index: int, offset: int, length: int) -> Frame:
    """A frame whose stored bytes begin at an offset in the pixel data of its file."""
    in_file = of_file.native and of_file.bits_allocated % 8 == 0
    return Frame(
        header,
        index,
        header.position,
        header.orientation,
        1.0 if header.slope is None else header.slope,
        0.0 if header.intercept is None else header.intercept,
        of_file.pixel_offset + offset if in_file else -1,
        length,
    )


def _locate_frames(header: Header, headers: list[Header]) -> list[tuple[int, int]]:
    """Say where in the pixel data the bytes of each frame begin, and how many they are up to its last."""
    tile = headers[0]
    if not tile.is_tile:
        length = header.pixel_length if len(headers) == 1 else count_pixel_bytes(header) // len(headers)
        return [(index * length, length) for index in range(len(headers))]
    width = tile.row_bytes // tile.tiles_across
    corners = (divmod(index, tile.tiles_across) for index in range(len(headers)))
    length = (tile.rows - 1) * tile.row_bytes + width
    return [(down * tile.rows * tile.row_bytes + across * width, length) for down, across in corners]


def _read_enhanced_headers(header: Header) -> list[Header]:
    """The headers of the frames by their functional groups."""
    try:
        with open_items(header) as item:
            return read_functional_groups(header, item)
    except UnusableAttribute as error:
        raise make_damaged_error(header.path, f"its functional groups cannot be used: {error}") from error


def _read_frames(header: Header, what: str, headers: Callable[[Header, Attributes], list[Header]]) -> list[Header]:
    """The headers of the frames by what pydicom reads of a file."""
    if Liberty.UNKNOWN_VR in header.liberties:  # behind which pydicom finds no element, or others
        raise make_damaged_error(header.path, f"its {what} cannot be used: {Liberty.UNKNOWN_VR.value}")
    try:
        with open_data_set(header.file) as attributes:
            return headers(header, attributes)
    except UnusableAttribute as error:
        raise make_damaged_error(header.path, f"its {what} cannot be used: {error}") from error
