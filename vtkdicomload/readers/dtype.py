"""The dtype rule: which type stored values have, which one those of a volume, and whether they fit."""

from __future__ import annotations

import math
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import CorruptFileError, UnsupportedPixelDataError
from ..errors.remedies import SetOption
from ..headers.attributes import DOUBLE_PIXEL_DATA, FLOAT_PIXEL_DATA
from ..headers.transfer_syntaxes import EXPLICIT_BIG
from ..stacks.padding import find_padding_range
from .colour import PALETTE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..headers.model import Frame, Header

_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "XYB", PALETTE)


class Conversion(NamedTuple):
    """The way from the stored values of a checked list of frames to those of the volume."""

    dtype: np.dtype[Any]
    rescale: bool
    checked: bool  # whether only the actual values can tell that they fit the dtype
    fractions: bool = False  # whether they may be fractions, which a float type rounds

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and largest value that the dtype holds: whole numbers exactly, fractions rounded."""
        return _find_limits(self.dtype, self.fractions)


@lru_cache
def _find_limits(dtype: np.dtype[Any], fractions: bool) -> tuple[float, float]:
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    info = np.finfo(dtype)
    high = float(info.max) if fractions else float(2 ** (info.nmant + 1))
    return -high, high


class ValueOverflow(Exception):  # noqa: N818 - a signal between readers and load, not an error
    """Values do not fit the dtype of the conversion.

    Attributes
    ----------
    low, high : float
        The smallest and largest value of the frame.
    path : str
        Its file, where that is known.
    """

    def __init__(self, low: float, high: float) -> None:
        super().__init__(low, high)
        self.low, self.high, self.path = low, high, ""


class NamedOverflow:
    """A context that tells an overflow within it which frame it is of."""

    __slots__ = ("_frame",)

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def __enter__(self) -> None:
        """Nothing is to be done before."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ValueOverflow):
            error.path = self._frame.path


def find_stored_dtype(header: Header) -> np.dtype[Any]:
    """The dtype of the stored values of a file, in native byte order.

    One-bit pixels count as uint8. Raises TypeError where numpy has no such type.
    """
    if header.pixel_tag == FLOAT_PIXEL_DATA:
        return np.dtype(np.float32)
    if header.pixel_tag == DOUBLE_PIXEL_DATA:
        return np.dtype(np.float64)
    if header.bits_allocated == 1:
        return np.dtype(np.uint8)
    if header.bits_allocated % 8:
        raise TypeError(f"numpy has no type of {header.bits_allocated} bits")
    return _find_integer_dtype("iu"[header.pixel_representation == 0], header.bits_allocated)


@lru_cache
def _find_integer_dtype(kind: str, bits: int) -> np.dtype[Any]:
    return np.dtype(f"{kind}{bits // 8}")


def find_dtype_in_file(header: Header) -> np.dtype[Any]:
    """`find_stored_dtype` in the byte order of a native file."""
    return find_stored_dtype(header).newbyteorder(">" if header.transfer_syntax == EXPLICIT_BIG else "<")


def compute_stored_range(header: Header) -> tuple[int, int]:
    """The smallest and largest integer that BitsStored and PixelRepresentation allow (PS3.5 8.1.1)."""
    bits = header.bits_stored
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if header.pixel_representation else (0, (1 << bits) - 1)


def is_identity(frame: Frame) -> bool:
    """Tell whether the modality transform of a frame changes nothing."""
    return frame.slope == 1.0 and frame.intercept == 0.0


def is_fractional(frame: Frame) -> bool:
    """Tell whether the modality transform of a frame gives fractions."""
    return not (float(frame.slope).is_integer() and float(frame.intercept).is_integer())


def choose_conversion(frames: Sequence[Frame], *, rescale: bool) -> Conversion:
    """The dtype rule: which type the volume of these frames has.

    With integer slope and intercept it is the type that vtkDICOMImageReader would choose (uint8 for 8 bits; int16 where
    stored values, slope or intercept of any frame are signed, else uint16); checked against the actual values where
    BitsStored alone cannot tell that they fit. Fractions give float32, or float64 for values stored in 32 bits or more.
    Frames may be stored in words of other sizes and signs: without rescale the type is one that holds all of them.

    Raises
    ------
    CorruptFileError
        The largest stored value would come out infinite.
    UnsupportedPixelDataError
        Colour of 8 and of 16 bits, which have no common scale.
    """
    header = frames[0].header
    distinct = find_distinct(frames)
    if header.photometric_interpretation == PALETTE:
        return Conversion(np.dtype(np.uint16 if header.palette_bits == 16 else np.uint8), rescale=False, checked=False)
    stored = _find_common_dtype(distinct)
    widest = max(find_stored_dtype(f.header).itemsize for f in distinct)
    plain = all(is_identity(f) and not f.header.has_modality_lut for f in distinct)
    if not rescale or header.samples > 1 or (widest > 2 and plain):
        return Conversion(stored, rescale=False, checked=False)
    _check_finite(distinct)
    looked_up = [f for f in distinct if f.header.has_modality_lut]
    distinct = [f for f in distinct if not f.header.has_modality_lut]
    if looked_up and not any(map(is_fractional, distinct)):
        return Conversion(np.dtype(np.uint16), rescale=True, checked=True)  # PS3.3 C.11.1.1: entries of 8 or 16 bits
    if stored.kind == "f" or any(map(is_fractional, distinct)):
        single = widest <= 2 and all(map(fits_single, distinct))
        return Conversion(np.dtype(np.float32 if single else np.float64), rescale=True, checked=False)
    dtype = _choose_like_vtk(distinct, widest)
    limits = np.iinfo(dtype)
    low = min(min(compute_rescaled_range(f)) for f in distinct)
    high = max(max(compute_rescaled_range(f)) for f in distinct)
    return Conversion(dtype, rescale=True, checked=low < limits.min or high > limits.max)


def find_distinct(frames: Sequence[Frame]) -> list[Frame]:
    """One frame for each modality transform and kind of stored words."""
    return list(dict(zip(map(describe_transform, frames), frames, strict=True)).values())


# All that the way from the stored words of a frame to its values depends on, within one pixel layout.
describe_transform: Callable[[Frame], tuple[float, ...]] = attrgetter(
    *("slope", "intercept", "header.bits_allocated", "header.bits_stored", "header.pixel_representation"),
    "header.has_modality_lut",
)


def _find_common_dtype(frames: Sequence[Frame]) -> np.dtype[Any]:
    """The smallest type that holds the stored values of all frames by BitsStored, one of theirs where that does."""
    types = {find_stored_dtype(f.header): f for f in frames}
    if len(types) == 1:
        return next(iter(types))
    if frames[0].header.samples > 1:
        files = [f.path for f in types.values()]
        raise UnsupportedPixelDataError(
            f"colour of {' and of '.join(map(str, types))} has no common scale", files=files
        )
    ranges = [compute_stored_range(f.header) for f in frames]
    low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
    theirs = sorted(types, key=lambda t: t.itemsize)
    for dtype in (*theirs, np.dtype(f"i{theirs[-1].itemsize}")):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return dtype
    return np.result_type(*types)


def _check_finite(frames: Sequence[Frame]) -> None:
    for frame in frames:
        if not all(map(math.isfinite, compute_rescaled_range(frame))):
            raise CorruptFileError(
                f"{frame.path}: slope {frame.slope:g} and intercept {frame.intercept:g} lead to values beyond every "
                "float64",
                files=[frame.path],
                remedies=[SetOption("rescale", (False,))],
            )


def fits_single(frame: Frame) -> bool:
    """Tell whether float32 holds the results in full: their steps are not too fine, their ends not too far."""
    return abs(frame.slope) > 1e-30 and max(map(abs, compute_rescaled_range(frame))) < 1e30


def predict_vtk_dtype(frame: Frame) -> np.dtype[Any]:
    """The type that vtkDICOMImageReader chooses for a file of 8 or 16 bits (its SetupOutputInformation)."""
    if is_fractional(frame):
        return np.dtype(np.float32)
    if frame.header.bits_allocated == 8:
        return np.dtype(np.uint8)
    return np.dtype(np.int16 if _looks_signed(frame) else np.uint16)


def _looks_signed(frame: Frame) -> bool:
    # DICOMAppHelper::RescaledImageDataIsSigned looks at signs only, never at the values.
    return frame.header.pixel_representation == 1 or frame.slope < 0 or frame.intercept < 0


def _choose_like_vtk(frames: Sequence[Frame], widest: int) -> np.dtype[Any]:
    if widest == 1:
        return np.dtype(np.uint8)
    if widest > 2:
        return np.dtype(np.int32)
    return np.dtype(np.int16 if any(map(_looks_signed, frames)) else np.uint16)


def compute_rescaled_range(frame: Frame) -> tuple[float, float]:
    """The values of the smallest and largest stored one that the header allows; a negative slope turns them."""
    low, high = compute_stored_range(frame.header)
    return low * frame.slope + frame.intercept, high * frame.slope + frame.intercept


def widen_conversion(conversion: Conversion) -> Conversion:
    """The conversion to try after values did not fit: int32, then float64, which holds everything."""
    if conversion.dtype == np.int32:
        return Conversion(np.dtype(np.float64), rescale=True, checked=False)
    return Conversion(np.dtype(np.int32), rescale=True, checked=True)


def announce_conversion(frames: Sequence[Frame], conversion: Conversion) -> Conversion:
    """The conversion to settle on before any value is seen, so that a part and the whole have one type.

    Where only the values can tell, it is VTK's 16-bit type as long as that holds all padding and more than half
    of the range that the headers allow (a CT of 16 bits with intercept -1024), else the next wider one.
    """
    while conversion.checked and not all(_mostly_fits(f, conversion.dtype) for f in find_distinct(frames)):
        conversion = widen_conversion(conversion)
    return conversion


def _mostly_fits(frame: Frame, dtype: np.dtype[Any]) -> bool:
    if dtype.itemsize == 1:
        return False  # a sign or an offset leaves VTK's uint8 nearly always
    if frame.header.has_modality_lut:
        return True
    limits, padding = np.iinfo(dtype), find_padding_range(frame, rescaled=True)
    if padding is not None and not limits.min <= padding.low <= padding.high <= limits.max:
        return False
    low, high = sorted(compute_rescaled_range(frame))
    return min(high, limits.max) - max(low, limits.min) > (high - low) / 2


def is_colour(header: Header) -> bool:
    """Tell whether the pixels of a file come out as red, green and blue."""
    return header.photometric_interpretation in _COLOUR


def find_pixel_shape(header: Header) -> tuple[int, ...]:
    """Shape of one frame as it comes out: (rows, columns), or (rows, columns, 3) for colour."""
    return (header.rows, header.columns, 3) if is_colour(header) else (header.rows, header.columns)
