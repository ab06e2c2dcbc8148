"""``dtype=``: the conversion to a type that the caller names, and the types that hold every value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._util.wording import name_files_of
from ..errors import DicomLoadError
from ..errors.remedies import SetOption
from .colour import PALETTE
from .dtype import (
    Conversion,
    compute_rescaled_range,
    compute_stored_range,
    find_distinct,
    find_stored_dtype,
    fits_single,
    is_fractional,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..headers.model import Frame
    from .dtype import ValueOverflow

DTYPES = tuple(
    map(np.dtype, ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"))
)
_OFFERED = tuple(map(np.dtype, ("uint8", "int16", "uint16", "int32", "float32", "float64")))


def request_dtype(frames: Sequence[Frame], own: Conversion, dtype: np.dtype[Any]) -> Conversion:
    """The conversion to the type that ``dtype=`` names.

    Whole numbers come out exactly. Fractions are rounded to float32 or float64.

    Parameters
    ----------
    frames : sequence of Frame
        All frames of the volume.
    own : Conversion
        From `choose_conversion`: where no type is named.
    dtype : numpy.dtype
        One of `DTYPES`.

    Raises
    ------
    DicomLoadError
        By the headers alone it cannot hold the values.
    """
    if dtype == own.dtype:
        return own
    distinct = find_distinct(frames)
    odd = next((f for f in distinct if _gives_fractions(f, own)), None)
    if odd is not None:
        return _request_float(distinct, own, dtype, odd)
    conversion = Conversion(dtype, own.rescale, checked=False)
    low, high = _compute_range(distinct, own)
    return conversion._replace(checked=low < conversion.limits[0] or high > conversion.limits[1])


def _request_float(frames: Sequence[Frame], own: Conversion, dtype: np.dtype[Any], odd: Frame) -> Conversion:
    """The conversion of fractions, `odd` being a frame that has some."""
    stored_float = find_stored_dtype(odd.header).kind == "f"
    conversion = Conversion(dtype, own.rescale, checked=stored_float, fractions=True)
    if dtype.kind != "f":
        what = "its stored values are" if stored_float else f"slope {odd.slope:g} and intercept {odd.intercept:g} make"
        fault = f"{what} fractions"
    elif dtype == np.float32 and not stored_float and not all(map(fits_single, frames)):
        fault = f"slope {odd.slope:g} and intercept {odd.intercept:g} are beyond its range"
    else:
        return conversion
    raise DicomLoadError(
        f"{dtype} does not hold the values of {name_files_of([odd.path])}: {fault}",
        files=[odd.path],
        remedies=[SetOption("dtype", (own.dtype.name,))],
    )


def _gives_fractions(frame: Frame, own: Conversion) -> bool:
    if find_stored_dtype(frame.header).kind == "f":
        return True
    return own.rescale and not frame.header.has_modality_lut and is_fractional(frame)


def _compute_range(frames: Sequence[Frame], own: Conversion) -> tuple[float, float]:
    """The smallest and largest value that the headers allow."""
    ends = [end for frame in frames for end in _compute_ends(frame, own)]
    return min(ends), max(ends)


def _compute_ends(frame: Frame, own: Conversion) -> tuple[float, float]:
    if frame.header.photometric_interpretation == PALETTE or (own.rescale and frame.header.has_modality_lut):
        return 0, 0xFFFF  # the entries of a lookup table have 16 bits at most (PS3.3 C.11.1.1.1, C.7.6.3.1.6)
    return compute_rescaled_range(frame) if own.rescale else compute_stored_range(frame.header)


def make_overflow_error(
    frames: Sequence[Frame], own: Conversion, conversion: Conversion, overflow: ValueOverflow, note: str = ""
) -> DicomLoadError:
    """The error where actual values do not fit the type that was asked for.

    Parameters
    ----------
    frames, own
        As for `request_dtype`.
    conversion : Conversion
        That to the type they do not fit.
    overflow : ValueOverflow
        The values.
    note : str
        What else another type takes, in a few words.
    """
    least, most = conversion.limits
    holds = f"{least:.0f} … {most:.0f}" if abs(most) < 1e20 else f"up to {most:g}"
    exactly = " exactly" if conversion.dtype.kind == "f" and not conversion.fractions else ""
    files = [overflow.path] if overflow.path else []
    name = name_files_of(files) or "the series"
    return DicomLoadError(
        f"values {overflow.low:.15g} … {overflow.high:.15g} of {name} do not fit {conversion.dtype}, which holds "
        f"{holds}{exactly}",
        files=files,
        remedies=[
            SetOption("dtype", _list_fitting(frames, own), note),
            *([SetOption("dtype", (None,))] if conversion.dtype != own.dtype else []),
        ],
    )


def _list_fitting(frames: Sequence[Frame], own: Conversion) -> tuple[str, ...]:
    """The smallest whole and the smallest float type that hold every value that the headers allow."""
    fitting = []
    for dtype in _OFFERED:
        try:
            conversion = request_dtype(frames, own, dtype)
        except DicomLoadError:
            continue
        if not conversion.checked:
            fitting.append(dtype)
    by_kind = [next((d for d in fitting if d.kind in kinds), None) for kinds in ("iu", "f")]
    return tuple(d.name for d in by_kind if d is not None)
