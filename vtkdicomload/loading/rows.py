"""A part of a frame: some of its rows, as a frame of its own that readers take like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..readers import direct

if TYPE_CHECKING:
    from ..headers.model import Frame
    from ..readers.protocol import Reader


def may_cut(frame: Frame, reader: Reader) -> bool:
    """Tell whether the rows of a frame lie in its file one after another, for the reader that takes them so."""
    header = frame.header
    whole = header.rows * header.row_bytes
    planar = header.samples > 1 and bool(header.planar_configuration)
    return reader.NAME == direct.NAME and not (header.is_tile or planar) and frame.length >= whole > 0


def cut_rows(frame: Frame, first: int, count: int) -> Frame:
    """Cut some rows out of a frame of which `may_cut` is true."""
    header = frame.header
    return frame._replace(
        header=header._replace(rows=count),
        offset=frame.offset + first * header.row_bytes,
        length=count * header.row_bytes,
    )
