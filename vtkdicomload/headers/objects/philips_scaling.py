"""Floating-point values of Philips MR: the private scale slope beside the rescale to display values.

FP = (PV * RS + RI) / (RS * SS), with RS and RI RescaleSlope and RescaleIntercept, SS the Scale Slope (2005,100E): what
the scanner reconstructed, comparable between images, where PV * RS + RI is what its console displays (Chenevert et al.,
Transl Oncol 2014; 7: 65).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from ...errors import UnsupportedPixelDataError
from ...errors.remedies import SetOption
from ..data_set import UnusableAttribute, convert_numbers, open_data_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...sources.file import File
    from ..data_set import Attributes
    from ..model import Frame

_GROUP, _CREATOR, _OF_FRAMES_CREATOR = 0x2005, "Philips MR Imaging DD 001", "Philips MR Imaging DD 005"
_INTERCEPT, _SLOPE, _OF_A_FRAME = 0x0D, 0x0E, 0x0F
_AGREES = 1e-3  # of the intercept, or stored values: both are written in single precision or few digits


class Scale(NamedTuple):
    """Scale Intercept and Scale Slope of Philips; None where they are missing."""

    intercept: float | None
    slope: float | None


class PreciseFrames(NamedTuple):
    """Frames that are scaled to floating-point values."""

    frames: tuple[Frame, ...]
    disputed: tuple[float, float] | None  # a Scale Intercept, and the one that the rescale makes, where they differ


def scale_precisely(frames: Sequence[Frame]) -> PreciseFrames:
    """The frames with the floating-point values of Philips in the place of what they are rescaled to.

    Raises
    ------
    UnsupportedPixelDataError
        The files hold no such scale; the message names what is missing.
    """
    scales: dict[str, list[Scale]] = {}
    result, disputed = [], None
    for frame in frames:
        if frame.path not in scales:
            scales[frame.path] = _read_scales(frame)
        scale = scales[frame.path][frame.index_in_file]
        _check_scale(frame, scale)
        assert scale.slope is not None  # noqa: S101 - for the type checker: seen by `_check_scale`
        divisor = frame.slope * scale.slope
        made = -frame.intercept / frame.slope
        if scale.intercept is not None and abs(scale.intercept - made) > _AGREES * max(1.0, abs(made)):
            disputed = disputed or (scale.intercept, made)
        header = frame.header
        center, width = header.window_center, header.window_width
        header = header._replace(
            units=None,
            rescale_type=None,
            window_center=None if center is None else center / divisor,
            window_width=None if width is None else width / divisor,
        )
        result.append(frame._replace(header=header, slope=1 / scale.slope, intercept=frame.intercept / divisor))
    return PreciseFrames(tuple(result), disputed)


def _check_scale(frame: Frame, scale: Scale) -> None:
    if frame.header.has_modality_lut:
        raise _make_precise_error(frame, "its values are those of a lookup table")
    if scale.slope is None:
        raise _make_precise_error(frame, "the Scale Slope of Philips (2005,100E) is missing")
    if not scale.slope > 0:
        raise _make_precise_error(frame, f"the Scale Slope of Philips (2005,100E) is {scale.slope:g}")
    for value, keyword in ((frame.header.slope, "RescaleSlope"), (frame.header.intercept, "RescaleIntercept")):
        if value is None:
            raise _make_precise_error(frame, f"{keyword} is missing")


def _read_scales(frame: Frame) -> list[Scale]:
    """The scale of every frame of a file."""
    try:
        return _read_scales_of_file(frame.header.file, frame.header.number_of_frames)
    except UnusableAttribute as error:
        raise _make_precise_error(frame, f"the private attributes of Philips cannot be read: {error}") from error


def _read_scales_of_file(file: File, count: int) -> list[Scale]:
    with open_data_set(file) as attributes:
        each = attributes.items("PerFrameFunctionalGroupsSequence")
        if not each:
            return [_read_scale(attributes)] * count
        return [_read_scale_of_frame(groups) for groups in each]


def _read_scale_of_frame(groups: Attributes) -> Scale:
    """The scale in the private sequence of a frame (2005,140F)."""
    tag = groups.find_private_tag(_GROUP, _OF_FRAMES_CREATOR, _OF_A_FRAME)
    item = None if tag is None else groups.first(tag)
    return Scale(None, None) if item is None else _read_scale(item)


def _read_scale(attributes: Attributes) -> Scale:
    tags = (attributes.find_private_tag(_GROUP, _CREATOR, element) for element in (_INTERCEPT, _SLOPE))
    intercept, slope = (
        None if tag is None else float(convert_numbers(f"({tag >> 16:04X},{tag & 0xFFFF:04X})", attributes.get(tag), 1))
        for tag in tags
    )
    return Scale(intercept, slope)


def _make_precise_error(frame: Frame, what: str) -> UnsupportedPixelDataError:
    return UnsupportedPixelDataError(
        f"{os.path.basename(frame.path)}: no floating-point values of Philips: {what}",
        files=[frame.path],
        remedies=[SetOption("rescale", (True, False))],
    )
