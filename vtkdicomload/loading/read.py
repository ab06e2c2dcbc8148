"""Reading the slices of a plan, all or some: into one buffer, guarded and verified."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

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
from ..stacks.padding import find_padding_range, find_padding_value
from ..stacks.resample import complete, resample
from ..stacks.spacing import may_omit
from .checks import Check, check_mapped, check_zeros
from .described import begin_described, fetch_first, fetch_waiting
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
    from .options import Options, Verify
    from .plan import Plan

_ALL = slice(None)
_SMALL_BYTES = 16 << 20  # that are there: to ask how many are takes as long as to read a slice


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
    plan = _plan_part(series, options) if options.slices is not None else plan_volume(*fetch_first(series, options))
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


def _plan_part(series: SeriesData, options: Options) -> Plan:
    """Plan some of the slices, and fetch no more than these."""
    plan = plan_volume(*begin_described(series, options))
    return fetch_waiting(plan, plan.series.frames) if plan.series.is_described else plan


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
    frames = plan.series.frames
    if not plan.resampled:
        return read_frames(plan, frames[chosen], allocate)
    stored, checks = read_frames(plan, frames)
    slices = f"{len(stored)} stored slices {describe_resampling(plan.series)} of {plan.geometry.dimensions[2]}"
    return Reading(_put_on_grid(stored, plan, allocate)[chosen], (*checks, Check("resampled", slices)))


def read_frames(
    plan: Plan,
    frames: Sequence[Frame],
    allocate: Allocate = np.empty,
    mode: Verify | None = None,
    workers: int | None = None,
) -> Reading:
    """Stored frames of a plan, whichever and in whatever order: read, guarded and verified; errors as `read`.

    Parameters
    ----------
    plan : Plan
        From `plan_volume`.
    frames : sequence of Frame
        Of the plan, or cut out of them.
    allocate : callable
        As for `read`.
    mode, workers
        In the place of `verify` and `workers` of the plan's options.
    """
    if any(frame.header.file.is_described for frame in frames):
        plan = fetch_waiting(plan, frames)
        frames = plan.series.frames
    conversion, reader, options = plan.conversion, plan.reader, plan.options
    workers = workers or options.workers
    out = _allocate(plan, (len(frames), *find_pixel_shape(frames[0].header)), allocate)
    step = make_stepper(len(frames), options.progress)
    compared = choose_compared(mode or options.verify, len(frames))
    with keep_connections(), read_beside(compared, frames, conversion, out, reader, workers) as again:
        verified, held = fill_frames(reader, frames, conversion, out, step, workers, compared)
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
    frames, rescaled = plan.series.frames, bool(plan.options.rescale)
    paddings = [find_padding_range(frame, rescaled=rescaled) for frame in frames]
    padding = find_padding_value(frames[0], rescaled=rescaled)
    background = float(stored.min()) if padding is None else padding
    if stored.dtype.kind in "iu":
        limits = np.iinfo(stored.dtype)
        background = min(max(background, float(limits.min)), float(limits.max))
    resample(stored, plan.stored, plan.geometry, out, background, paddings)
    return out


def _allocate(plan: Plan, shape: tuple[int, ...], allocate: Allocate) -> Pixels:
    """The buffer of a volume; a DicomLoadError where it is larger than it may be, or cannot be had."""
    if isinstance(allocate, Given):
        return allocate(shape, plan.conversion.dtype)  # which takes no more memory
    dtype, max_bytes = plan.conversion.dtype, plan.options.max_bytes
    needed = prod(shape) * dtype.itemsize
    if max_bytes is None and needed > _SMALL_BYTES:
        limit: float = measure_usable_bytes()
    else:
        limit = needed if max_bytes is None else max_bytes
    if needed > limit:
        what = "three quarters of the available memory" if max_bytes is None else "max_bytes"
        fits = needed <= measure_available_bytes()
        raise DicomLoadError(
            f"{_describe_need(shape, dtype)}, more than the {limit / 2**20:.0f} MiB of {what}",
            files=[plan.series.frames[0].path],
            remedies=[SetOption("max_bytes", (needed,)) if fits else Step.FREE_MEMORY],
        )
    try:
        return allocate(shape, dtype)
    except MemoryError as error:
        raise DicomLoadError(
            f"{_describe_need(shape, dtype)}, which the system does not give",
            files=[plan.series.frames[0].path],
            remedies=[Step.FREE_MEMORY],
        ) from error


def _describe_need(shape: tuple[int, ...], dtype: np.dtype[Any]) -> str:
    needed = prod(shape) * dtype.itemsize
    return f"the volume of {'×'.join(map(str, shape))} {dtype} needs {needed / 2**20:.0f} MiB"
