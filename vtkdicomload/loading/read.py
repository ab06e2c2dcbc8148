"""Reading the slices of a plan, all or some: into one buffer, guarded and verified."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._util.log import logger
from .._util.memory import measure_available_bytes, measure_usable_bytes
from .._util.threads import make_stepper
from .._util.warnings import warn
from ..errors import DicomLoadError
from ..errors.remedies import SetOption, Step
from ..readers.dtype import ValueOverflow, choose_conversion, find_pixel_shape, widen_conversion
from ..readers.requested_dtype import make_overflow_error
from ..sources.remote.sharing import keep_connections
from ..stacks.resample import complete, resample
from ..stacks.spacing import may_omit
from .checks import Check, check_mapped, check_zeros
from .described import fetch_first
from .destination import Given
from .filling import fill_frames
from .kept import release
from .plan import describe_resampling, plan_volume, replace_conversion
from .second_reader import choose_compared, read_beside, verify
from .volume_data import VolumeData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Pixels
    from ..headers.model import Frame
    from ..stacks.series_data import SeriesData
    from .destination import Allocate
    from .options import Options
    from .plan import Plan

_ALL = slice(None)


class Reading(NamedTuple):
    """Pixels, laid out as `Volume.frames`, and what was verified about them."""

    pixels: Pixels
    checks: tuple[Check, ...]


def load_stack(
    series: SeriesData, options: Options, ignored: tuple[str, ...] = (), allocate: Allocate = np.empty
) -> VolumeData:
    """The volume of one stack; `ignored` are the files that its caller has left out.

    Raises
    ------
    DicomLoadError, ValueError
        As `load`.
    """
    plan = plan_volume(*fetch_first(series, options))
    if isinstance(allocate, Given):
        allocate.check(plan)
    plan, reading = read_whole(plan, allocate)
    for assumption in plan.assumptions:
        warn(str(assumption))
    return VolumeData(
        reading.pixels,
        plan.geometry,
        release(plan.series),
        rescaled=bool(options.rescale),
        engine=plan.reader.NAME,
        checks=(*plan.checks, *reading.checks),
        ignored=ignored,
    )


def read_whole(plan: Plan, allocate: Allocate = np.empty) -> tuple[Plan, Reading]:
    """Every slice of a volume, once more in a wider type where the values do not fit; the plan that fitted, first.

    Where the caller has settled the type, values that do not fit it are a DicomLoadError.
    """
    while True:
        try:
            return plan, read(plan, allocate=allocate)
        except ValueOverflow as overflow:
            if plan.options.dtype is not None or isinstance(allocate, Given):
                raise _make_overflow_error(plan, overflow, allocate) from None
        conversion = widen_conversion(plan.conversion)
        logger.debug("the values do not fit %s, they are read again as %s", plan.conversion.dtype, conversion.dtype)
        plan = replace_conversion(plan, conversion)


def _make_overflow_error(plan: Plan, overflow: ValueOverflow, allocate: Allocate) -> DicomLoadError:
    frames = plan.series.frames
    own = choose_conversion(frames, rescale=bool(plan.options.rescale))
    note = "with an out= of it" if isinstance(allocate, Given) else ""
    return make_overflow_error(frames, own, plan.conversion, overflow, note)


def read(plan: Plan, chosen: slice = _ALL, allocate: Allocate = np.empty) -> Reading:
    """The chosen slices of a volume: read, guarded and verified. Interpolated volumes are read whole.

    Parameters
    ----------
    plan : Plan
        From `plan_volume`.
    chosen : slice
        Which of the slices of `Volume.frames`, with step 1.
    allocate : callable
        Gives the buffer that is filled, from its shape (slices, rows, columns[, 3]) and dtype. It may have any strides.

    Raises
    ------
    ValueOverflow
        The values do not fit the type of the plan.
    DicomLoadError
        As `load`.
    """
    if not plan.resampled:
        return _read_stored(plan, chosen, allocate)
    stored, checks = _read_stored(plan, _ALL, np.empty)
    slices = f"{len(stored)} stored slices {describe_resampling(plan.series)} of {plan.geometry.dimensions[2]}"
    return Reading(_put_on_grid(stored, plan, allocate)[chosen], (*checks, Check("resampled", slices)))


def _read_stored(plan: Plan, chosen: slice, allocate: Allocate) -> Reading:
    conversion, reader, options = plan.conversion, plan.reader, plan.options
    frames: Sequence[Frame] = plan.series.frames[chosen]
    out = _allocate(plan, (len(frames), *find_pixel_shape(frames[0].header)), allocate)
    step = make_stepper(len(frames), options.progress)
    compared = choose_compared(options.verify, len(frames))
    cores = options.workers or os.cpu_count() or 1
    with keep_connections(), read_beside(compared, frames, conversion, out, reader, cores) as again:
        verified, held = fill_frames(reader, frames, conversion, out, step, options.workers, compared)
        checks = [Check(reader.NAME, words) for words in verified]
        checks.append(check_zeros(held, conversion, out, reader))
        check_mapped(held, out)
        checks.append(verify(compared, held, conversion, out, reader, again if held is frames else None))
    return Reading(out, tuple(checks))


def _put_on_grid(stored: Pixels, plan: Plan, allocate: Allocate) -> Pixels:
    """The stored slices brought onto the regular upright grid of the plan."""
    out = _allocate(plan, plan.shape, allocate)
    if may_omit(plan.series.frames):
        complete(stored, plan.stored, plan.geometry, out)
        return out
    paddings = [_find_padding(frame, rescaled=bool(plan.options.rescale)) for frame in plan.series.frames]
    background = float(stored.min()) if paddings[0] is None else paddings[0]
    if stored.dtype.kind in "iu":
        limits = np.iinfo(stored.dtype)
        background = min(max(background, float(limits.min)), float(limits.max))
    resample(stored, plan.stored, plan.geometry, out, background, paddings)
    return out


def _find_padding(frame: Frame, *, rescaled: bool) -> float | None:
    """PixelPaddingValue of a frame as it stands in its pixels; None where it has none, or a lookup table hides it."""
    padding = frame.header.padding_value
    if padding is None or frame.header.samples > 1 or (rescaled and frame.header.has_modality_lut):
        return None
    return padding * frame.slope + frame.intercept if rescaled else padding


def _allocate(plan: Plan, shape: tuple[int, ...], allocate: Allocate) -> Pixels:
    """The buffer of a volume; a DicomLoadError where it is larger than it may be, or cannot be had."""
    if isinstance(allocate, Given):
        return allocate(shape, plan.conversion.dtype)  # which takes no more memory
    dtype, max_bytes = plan.conversion.dtype, plan.options.max_bytes
    needed = dtype.itemsize
    for n in shape:
        needed *= n
    limit = measure_usable_bytes() if max_bytes is None else max_bytes
    files = [plan.series.frames[0].path]
    words = f"the volume of {'×'.join(map(str, shape))} {dtype} needs {needed / 2**20:.0f} MiB"
    if needed > limit:
        what = "three quarters of the available memory" if max_bytes is None else "max_bytes"
        fits = needed <= measure_available_bytes()
        raise DicomLoadError(
            f"{words}, more than the {limit / 2**20:.0f} MiB of {what}",
            files=files,
            remedies=[SetOption("max_bytes", (needed,)) if fits else Step.FREE_MEMORY],
        )
    try:
        return allocate(shape, dtype)
    except MemoryError as error:
        raise DicomLoadError(
            f"{words}, which the system does not give", files=files, remedies=[Step.FREE_MEMORY]
        ) from error
