"""Native pixel data from disk into the final buffer: one open a file, one read, one pass, several threads."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from .._util.threads import for_each
from ..headers.transfer_syntaxes import EXPLICIT_BIG
from . import rescale
from .dtype import describe_transform, find_dtype_in_file, find_stored_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._util.arrays import Pixels
    from ..headers.model import Frame
    from .dtype import Conversion

NAME = "direct"

_INLINE_BYTES = 4 << 20  # below, starting threads costs more than it gains


def refusal(frames: Sequence[Frame], conversion: Conversion) -> str | None:
    """Say why the stored words of one of the frames are not simply its values; see `protocol.Reader.refusal`."""
    for header in {id(f.header): f.header for f in frames}.values():
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
    if workers is None and sum(f.length for f in frames) < _INLINE_BYTES:
        workers = 1
    scratch = Scratch()
    converters: dict[tuple[float, ...], Callable[[Pixels, Pixels], None]] = {}

    def work(k: int) -> None:
        frame = frames[k]
        kind = describe_transform(frame)
        convert = converters.get(kind)
        if convert is None:
            convert = converters[kind] = rescale.make_converter(frame, conversion)
        convert(view_stored_words(frame, scratch.of(frame.length)), out[k])

    last = len(frames) - 1
    # From the end of the memory to its beginning: of a huge page touched so, what is filled next was cleared last and
    # is still in the cache (Linux; 10 to 15 % on 200 slices of 512²).
    for_each(len(frames), (lambda i: work(last - i)) if out.strides[0] > 0 else work, step, workers)
    return ()


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
