"""Native pixel data from disk into the final buffer: one open a file, one read, one pass, several threads."""

from __future__ import annotations

import threading
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._util.threads import choose_threads, for_each
from ..headers.transfer_syntaxes import EXPLICIT_BIG
from . import rescale
from .dtype import NamedOverflow, describe_transform, find_dtype_in_file, find_stored_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .._util.arrays import Pixels
    from ..headers.model import Frame
    from .dtype import Conversion

NAME = "direct"

# What its refusal depends on.
_ASKED = attrgetter(
    *("encapsulated", "transfer_syntax", "bits_allocated", "has_modality_lut", "pixel_vr", "photometric_interpretation")
)
_INLINE_BYTES = 4 << 20  # below, starting threads costs more than it gains


def refusal(frames: Sequence[Frame], conversion: Conversion) -> str | None:
    """Say why the stored words of one of the frames are not simply its values; see `protocol.Reader.refusal`."""
    for header in {_ASKED(f.header): f.header for f in reversed(frames)}.values():
        if not header.native:
            return f"{header.path}: its pixel data is not native"
        if header.bits_allocated == 1:
            return f"{header.path}: its pixels are single bits"
        if header.has_modality_lut and conversion.rescale:
            return f"{header.path}: it has a modality LUT"
        if header.transfer_syntax == EXPLICIT_BIG and header.bits_allocated == 8 and header.pixel_vr == b"OW":
            return f"{header.path}: its bytes are swapped within 16-bit words"
        if header.photometric_interpretation not in ("MONOCHROME1", "MONOCHROME2", "RGB"):
            return f"{header.path}: its colour space is {header.photometric_interpretation}"
    return None


def fill(
    frames: Sequence[Frame],
    conversion: Conversion,
    out: Pixels,
    step: Callable[[], None],
    workers: int | None = None,
) -> tuple[str, ...]:
    """Read the stored words of every frame and convert them in place; see `protocol.Reader.fill`."""
    scratch = Scratch()
    ways: dict[tuple[object, ...], _Conversion] = {}

    def work(k: int) -> None:
        frame, place = frames[k], out[k]
        h = frame.header
        kind = (*describe_transform(frame), h.transfer_syntax, h.planar_configuration, frame.length)
        way = ways.get(kind)
        if way is None:
            way = ways[kind] = _find_way(frame, conversion, place)
        if way.in_place is None:
            words = view_stored_words(frame, scratch.of(frame.length))
        else:
            h.file.read_into(place.data.cast("B"), frame.offset)
            words = place.view(way.in_place)
        with NamedOverflow(frame):
            way.convert(words, place)

    begun = 0
    if workers is None and sum(f.length for f in frames) < _INLINE_BYTES:
        workers = 1
    elif workers is None:
        workers, begun = choose_threads(lambda: work(0)), 1
        step()
    for_each(len(frames) - begun, lambda k: work(k + begun), step, workers)
    return ()


class _Conversion(NamedTuple):
    """From the stored words of a frame to its values; the same for every frame of one layout and transform."""

    convert: Callable[[Pixels, Pixels], None]
    in_place: np.dtype[Any] | None  # of the words, where they are read into the place of the values


def _find_way(frame: Frame, conversion: Conversion, place: Pixels) -> _Conversion:
    """Find the way of a frame: words that fit the place of its values are converted there, still in the cache."""
    header = frame.header
    in_file = find_dtype_in_file(header)
    whole = place.flags.c_contiguous and place.nbytes == frame.length
    planar = header.samples > 1 and header.planar_configuration
    same_words = (
        in_file.isnative and in_file.itemsize == place.itemsize and (in_file.kind == "f") == (place.dtype.kind == "f")
    )
    return _Conversion(
        rescale.make_converter(frame, conversion),
        find_stored_dtype(header) if same_words and whole and not planar else None,
    )


class Scratch(threading.local):
    """A buffer for each thread that stays in its cache from frame to frame."""

    def __init__(self) -> None:
        self._buffer: Pixels = np.empty(0, np.uint8)

    def of(self, size: int) -> Pixels:
        """The thread's buffer, at least `size` bytes long."""
        if self._buffer.size < size:
            self._buffer = np.empty(size, np.uint8)
        return self._buffer


def view_stored_words(frame: Frame, scratch: Pixels) -> Pixels:
    """The stored words of a native frame in native byte order, as a view of the scratch buffer; errors as `fill`.

    Returns
    -------
    numpy.ndarray, shape (rows, columns) or (rows, columns, samples)
    """
    header = frame.header
    header.file.read_into(scratch.data[: frame.length], frame.offset)
    in_file = find_dtype_in_file(header)
    words: Pixels
    if header.samples == 1:
        words = np.ndarray(
            (header.rows, header.columns), in_file, scratch.data, strides=(header.row_bytes, in_file.itemsize)
        )
    elif header.planar_configuration:
        words = np.ndarray((header.samples, header.rows, header.columns), in_file, scratch.data).transpose(1, 2, 0)
    else:
        words = np.ndarray((header.rows, header.columns, header.samples), in_file, scratch.data)
    return words.astype(find_stored_dtype(header), copy=False)
