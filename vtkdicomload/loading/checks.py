"""The zero guard and the range of a real-world mapping: what must hold after reading."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._util.public import public
from .._util.warnings import warn
from ..errors import ZeroPixelDataError
from ..errors.remedies import SetOption
from ..headers.transfer_syntaxes import name_syntax
from ..readers import rescale
from ..readers.colour import PALETTE
from ..readers.dtype import find_dtype_in_file, find_stored_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Pixels
    from ..headers.model import Frame
    from ..readers.dtype import Conversion
    from ..readers.protocol import Reader


@public
class Check(NamedTuple):
    """One thing that was verified, or could not be."""

    name: str
    result: str


class IncompleteCheck(Check):
    """A check that some of what was to be verified escaped, or that was not asked for."""

    __slots__ = ()


def check_zeros(frames: Sequence[Frame], conversion: Conversion, out: Pixels, reader: Reader) -> Check:
    """Accept a slice of zeros only where the file's stored pixels say so.

    Raises
    ------
    ZeroPixelDataError
        A slice is zero in memory, and its file holds something else.
    """
    # The middle row decides nearly always, at a hundredth of the cost of a slice.
    middle = out.shape[1] // 2
    blank = [k for k in range(len(frames)) if not out[k, middle].any() and not out[k].any()]
    for k in blank:
        frame = frames[k]
        true = _read_true_values(frame, conversion)
        if true.any():
            raise ZeroPixelDataError(
                f"{reader.NAME} gave zeros for {os.path.basename(frame.path)} "
                f"({name_syntax(frame.header.transfer_syntax)}), but the file holds values up to "
                f"{true.max():g}",
                files=[frame.path],
                remedies=[SetOption("engine", ("pydicom",))],
            )
    return Check("zero guard", f"{len(blank)} of {len(frames)} slices are blank, as in the files")


def _read_true_values(frame: Frame, conversion: Conversion) -> Pixels:
    """The values of a native frame straight from its file; empty where only a decoder or a lookup table knows them."""
    if frame.header.has_modality_lut or frame.header.photometric_interpretation == PALETTE:
        return np.zeros(0)
    stored = rescale.mask_words(read_stored_words(frame), frame.header)
    return stored * frame.slope + frame.intercept if conversion.rescale else stored


def read_stored_words(frame: Frame) -> Pixels:
    """The stored words of a native frame straight from its file, without any reader; empty where it is not native.

    Returns
    -------
    numpy.ndarray, shape (n,), of the stored dtype
    """
    header = frame.header
    dtype = find_stored_dtype(header)
    if frame.offset < 0 or header.bits_allocated == 1:
        return np.zeros(0, dtype)
    in_file = find_dtype_in_file(header)
    if header.is_tile:
        width = header.columns * header.tiles_across
        strip = header.file.read_at(frame.offset, frame.length)
        rows = [strip[k * width * dtype.itemsize :][: header.columns * dtype.itemsize] for k in range(header.rows)]
        return np.frombuffer(b"".join(rows), in_file).astype(dtype, copy=False)
    count = header.rows * header.columns * header.samples  # without the byte that pads an odd length
    return np.frombuffer(header.file.read_at(frame.offset, count * dtype.itemsize), in_file).astype(dtype, copy=False)


def check_mapped(frames: Sequence[Frame], out: Pixels) -> None:
    """Warn where a real-world value mapping is not for all stored values that there are (PS3.3 C.7.6.16.2.11)."""
    beyond = sum(_exceeds_mapping(frame, pixels) for frame, pixels in zip(frames, out, strict=True))
    if beyond:
        warn(
            f"{beyond} of {len(frames)} frames hold stored values outside those that their real-world value mapping is "
            "for: these are mapped all the same"
        )


def _exceeds_mapping(frame: Frame, pixels: Pixels) -> bool:
    ends = frame.header.mapped_values
    if ends is None:
        return False
    low, high = sorted(end * frame.slope + frame.intercept for end in ends)
    rounding = abs(frame.slope) / 100  # of float32
    return bool(pixels.min() < low - rounding or pixels.max() > high + rounding)
