"""What must hold after reading: no zeros that the files do not hold, and a second reader that agrees."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._util.log import logger
from .._util.warnings import warn
from ..errors import CorruptFileError, ReaderMismatchError, UnsupportedPixelDataError, ZeroPixelDataError
from ..errors.remedies import SetOption, TrustReader
from ..headers.transfer_syntaxes import LOSSY, name_syntax
from ..readers import rescale
from ..readers.choose import READERS
from ..readers.colour import PALETTE
from ..readers.dtype import find_dtype_in_file, find_stored_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Pixels
    from ..headers.model import Frame
    from ..readers.dtype import Conversion
    from ..readers.protocol import Reader

# How far two decoders of a lossy frame may round apart: one level in the samples, one more in the colour transform.
_LOSSY_LEVELS = 2
_LONGEST_REASON = 160  # characters


class Check(NamedTuple):
    """One thing that was verified, or could not be."""

    name: str
    result: str


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
    if header.tiles_across > 1:
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


def verify(mode: str, frames: Sequence[Frame], conversion: Conversion, out: Pixels, reader: Reader) -> Check:
    """Read frames again through a second, independent reader and compare.

    Parameters
    ----------
    mode : {"probe", "all", "none"}
        One frame from the middle, every frame, or none.
    frames, conversion, out, reader
        What was read, how, to where, and by which reader.

    Raises
    ------
    ReaderMismatchError
        The two readers disagree.
    """
    if mode == "none":
        return Check("second reader", "not asked for")
    chosen = [len(frames) // 2] if mode == "probe" else range(len(frames))
    comparisons = [_compare_again(frames[k], conversion, out[k], reader) for k in chosen]
    result = (
        _describe_comparisons(comparisons, len(frames)) or f"none: {_explain_refusal(frames[chosen[0]], conversion)}"
    )
    logger.debug("second reader: %s", result)
    return Check("second reader", result)


class _Comparison(NamedTuple):
    """The second reader that gave the same pixels for a frame, and those that failed before it, with their reasons."""

    witness: str | None
    failures: tuple[tuple[str, str], ...]


def _describe_comparisons(comparisons: Sequence[_Comparison], total: int) -> str:
    """Say how many frames are equal to which reader, and why others failed; empty where none was right for any."""
    equal = Counter(c.witness for c in comparisons if c.witness)
    failed: dict[str, list[str]] = {}
    for name, why in (failure for c in comparisons for failure in c.failures):
        failed.setdefault(name, []).append(why)
    parts = [", ".join(f"{n} of {total} frames equal to {name}" for name, n in equal.items())] if equal else []
    parts += [f"{name} failed for {len(whys)} of {total} frames: {whys[0]}" for name, whys in failed.items()]
    return ("" if equal or not failed else "none: ") + "; ".join(parts)


def _explain_refusal(frame: Frame, conversion: Conversion) -> str:
    """Say why no second reader is right for a frame."""
    reasons = {r.NAME: r.refusal([frame], conversion) for r in READERS if r.NAME in ("vtk", "pydicom")}
    reason = reasons.get("pydicom") or reasons.get("vtk") or "there is no other reader"
    return reason.removeprefix(f"{frame.path}: ")


def _compare_again(frame: Frame, conversion: Conversion, read: Pixels, reader: Reader) -> _Comparison:
    """Compare a frame with what the first other reader that is right for it makes of it.

    One that fails is no witness: pydicom's plug-ins do not decode all that imagecodecs decodes.
    """
    # The C++ reader first: the pixels of `direct` are checked by another hand.
    others = sorted((r for r in READERS if r.NAME != reader.NAME), key=lambda r: r.NAME != "vtk")
    again = np.empty((1, *read.shape), read.dtype)
    failures: list[tuple[str, str]] = []
    for witness in others:
        if witness.refusal([frame], conversion) is not None:
            continue
        try:
            witness.fill([frame], conversion, again, lambda: None)
        except (CorruptFileError, UnsupportedPixelDataError) as error:
            failures.append((witness.NAME, error.what[:_LONGEST_REASON]))
            continue
        _compare(frame, again[0], read, witness, reader)
        return _Comparison(witness.NAME, tuple(failures))
    return _Comparison(None, tuple(failures))


def _compare(frame: Frame, seen: Pixels, read: Pixels, witness: Reader, reader: Reader) -> None:
    levels = _LOSSY_LEVELS if frame.header.transfer_syntax in LOSSY else 0
    if read.dtype.kind == "f":
        # Two routes to a float may differ in the last place: VTK computes in float32 what others do in float64.
        same = np.isclose(seen, read, rtol=1e-6, atol=(levels + 1e-6) * abs(frame.slope), equal_nan=True)
    elif levels:
        same = np.abs(seen.astype(np.int64) - read) <= levels * max(1.0, abs(frame.slope))
    else:
        same = seen == read
    if not same.all():
        at = tuple(int(i) for i in np.argwhere(~same)[0])
        raise ReaderMismatchError(
            f"two readers disagree about {np.count_nonzero(~same)} of {same.size} pixels of "
            f"{os.path.basename(frame.path)}: {reader.NAME} has {read[at]}, {witness.NAME} {seen[at]} at row {at[0]}, "
            f"column {at[1]}",
            files=[frame.path],
            remedies=[TrustReader(reader.NAME)],
        )
