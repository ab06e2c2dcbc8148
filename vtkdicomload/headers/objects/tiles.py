"""Slices that are tiles of one stored image, from left to right and down: cutting them out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..model import Frame


def find_whole_image(frame: Frame) -> Frame:
    """The image that a slice is a tile of; another frame as it is."""
    h = frame.header
    if not h.is_tile:
        return frame
    rows, columns = h.rows * h.tiles_down, h.columns * h.tiles_across
    header = h._replace(rows=rows, columns=columns, number_of_frames=1, tiles_across=1, tiles_down=1)
    return frame._replace(header=header, index_in_file=0)


def cut_tile(pixels: NDArray[Any], frame: Frame) -> NDArray[Any]:
    """The pixels of a slice, shape (rows, columns), a view of those of the whole image."""
    down, across = divmod(frame.index_in_file, frame.header.tiles_across)
    rows, columns = frame.header.rows, frame.header.columns
    return pixels[down * rows : (down + 1) * rows, across * columns : (across + 1) * columns]
