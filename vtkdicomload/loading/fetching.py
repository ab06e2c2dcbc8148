"""Fetching the stored bytes of frames that lie on a server: many ranges at the same time, ahead of the reader."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..sources.file import Request, read_many
from ..sources.part import PartFile

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from .._util.arrays import Pixels
    from ..headers.model import Frame

_LIMIT_BYTES = 32 << 20  # under way at a time, and of buffers beside those of the volume
_ENOUGH_BYTES = 8 << 20  # that the reader is given at a time


class _Range(NamedTuple):
    """Bytes of a file that one frame takes, or all frames of a compressed file."""

    places: list[int]
    start: int
    buffer: Pixels  # of bytes


def fetch_frames(frames: Mapping[int, Frame], out: Pixels) -> Generator[dict[int, Frame]]:
    """Fetch the stored bytes of frames, and yield these with their bytes in memory, some at a time.

    Parameters
    ----------
    frames : mapping of int to Frame
        By their place in `out`.
    out : numpy.ndarray
        What they are read into: their bytes are put where their values go, where there is room for them.

    Raises
    ------
    CorruptFileError
        As `read_many`.
    """
    for part in _divide_ranges(frames, out):
        requests = [
            Request(frames[each.places[0]].header.file, each.start, each.buffer.data.cast("B")) for each in part
        ]
        ready: dict[int, Frame] = {}
        with closing(read_many(requests, _LIMIT_BYTES)) as filled:
            for index in filled:
                each = part[index]
                header = frames[each.places[0]].header
                header = header._replace(file=PartFile.of(header.file, each.start, requests[index].buffer))
                ready.update((k, frames[k]._replace(header=header)) for k in each.places)
                if len(ready) * out[0].nbytes >= _ENOUGH_BYTES:
                    yield ready
                    ready = {}
        if ready:
            yield ready


def _divide_ranges(frames: Mapping[int, Frame], out: Pixels) -> Iterable[list[_Range]]:
    """The ranges to fetch, in parts whose buffers beside the volume are not too much at a time."""
    compressed: dict[int, list[int]] = {}  # of each header its frames
    for k, frame in frames.items():
        compressed.setdefault(id(frame.header) if frame.header.encapsulated else -1 - k, []).append(k)
    part: list[_Range] = []
    beside = 0
    for places in compressed.values():
        frame = frames[places[0]]
        if frame.header.encapsulated:
            start, length = frame.header.pixel_offset, frame.header.pixel_length
        else:
            start, length = frame.offset, frame.length
        values = out[places[0]]
        if not frame.header.encapsulated and values.flags.c_contiguous and values.nbytes >= length:
            buffer = values.reshape(-1).view(np.uint8)[:length]
        else:
            if part and beside + length > _LIMIT_BYTES:
                yield part
                part, beside = [], 0
            buffer = np.empty(length, np.uint8)
            beside += length
        part.append(_Range(places, start, buffer))
    if part:
        yield part
