"""Native pixel data from disk into the final buffer: one open a file, one read, one pass, several threads."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CorruptFileError
from ..header import EXPLICIT_BIG
from . import values
from .threads import for_each

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..header import Frame, Header
    from .values import Conversion, Pixels

NAME = "direct"

_INLINE_BYTES = 4 << 20  # below, starting threads costs more than it gains
_READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def refusal(frames: Sequence[Frame], conversion: Conversion) -> str | None:
    """Why the stored words of one of the frames are not simply its values; see `protocol.Reader.refusal`."""
    for header in {id(f.header): f.header for f in frames}.values():
        if not header.native:
            return f"{header.path}: its pixel data is not native"
        if header.bits_allocated == 1:
            return f"{header.path}: its pixels are single bits"
        if header.has_modality_lut and conversion.rescale:
            return f"{header.path}: it has a modality LUT"
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

    def work(k: int) -> None:
        fill_one(frames[k], conversion, out[k], scratch.of(frames[k].length))

    for_each(len(frames), work, step, workers)
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


def fill_one(frame: Frame, conversion: Conversion, out: Pixels, scratch: Pixels) -> None:
    """Read one native frame through a scratch buffer into its place; errors as `fill`."""
    header = frame.header
    _read_into(scratch.data[: frame.length], header, frame.offset)
    dtype = values.stored_dtype(header)
    count = header.rows * header.columns * header.samples
    words = scratch[: count * dtype.itemsize].view(dtype.newbyteorder(">" if _big(frame) else "<"))
    if _big(frame):
        words = words.astype(dtype)
    stored: Pixels
    if header.samples == 1:
        stored = words.reshape(header.rows, header.columns)
    elif header.planar_configuration:
        stored = words.reshape(header.samples, header.rows, header.columns).transpose(1, 2, 0)
    else:
        stored = words.reshape(header.rows, header.columns, header.samples)
    values.store(stored, frame, conversion, out)


def _big(frame: Frame) -> bool:
    return frame.header.transfer_syntax == EXPLICIT_BIG


def bytes_of(header: Header, offset: int, length: int) -> bytes:
    """Bytes of a scanned file; a CorruptFileError where it is not the one that was scanned."""
    buffer = bytearray(length)
    _read_into(memoryview(buffer), header, offset)
    return bytes(buffer)


def _read_into(wanted: memoryview, header: Header, offset: int) -> None:
    try:
        fd = os.open(header.path, _READ_FLAGS)
        try:
            status = os.fstat(fd)
            if (status.st_size, status.st_mtime_ns) != (header.size, header.modified_ns):
                raise _changed(header, f"{status.st_size} bytes, {header.size} when it was scanned")
            got = _read_at(fd, wanted, offset)
        finally:
            os.close(fd)
    except OSError as error:
        raise _changed(header, error.strerror or type(error).__name__) from error
    if got < len(wanted):
        raise _changed(header, f"{got} of {len(wanted)} bytes of pixel data could be read")


def _read_at(fd: int, wanted: memoryview, offset: int) -> int:
    """Read at an offset, in as many calls as the system needs; where `preadv` does not exist, seek first."""
    got = 0
    if hasattr(os, "preadv"):
        while got < len(wanted) and (n := os.preadv(fd, [wanted[got:]], offset + got)):
            got += n
        return got
    with open(fd, "rb", buffering=0, closefd=False) as file:
        file.seek(offset)
        while got < len(wanted) and (n := file.readinto(wanted[got:])):
            got += n
    return got


def _changed(header: Header, what: str) -> CorruptFileError:
    return CorruptFileError(f"{header.path} changed since it was scanned: {what} → load again", files=[header.path])
