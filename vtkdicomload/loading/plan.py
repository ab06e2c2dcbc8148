"""One volume before its pixels are read: its slices, where they lie, their type, and who reads them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.wording import size_words
from ..readers.choose import check_supported, choose, find_reader
from ..readers.dtype import choose_conversion, find_pixel_shape
from ..readers.requested_dtype import request_dtype
from ..stacks.arrange import arrange
from ..stacks.assumptions import Assumption, AssumptionKind
from ..stacks.resample import describe_change, make_upright_grid
from ..stacks.slab import cut_grid
from ..stacks.spacing import may_omit
from ..stacks.uniform import is_uniform
from .scaling import scale_frames

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..headers.model import Frame
    from ..readers.dtype import Conversion
    from ..readers.protocol import Reader
    from ..stacks.geometry import Geometry
    from ..stacks.series_data import SeriesData
    from .checks import Check
    from .options import Options


@dataclass(frozen=True, eq=False)
class Plan:
    """All that is known of a volume from headers alone: its slices, where they lie, their type, and who reads them.

    Attributes
    ----------
    series : Series
        The stored slices in their places: ``series.frames[k]`` is the k-th.
    stored : Geometry
        Where the stored slices lie.
    geometry : Geometry
        Where the slices of the volume lie (`Volume.geometry`): another one where they are to be interpolated.
    conversion : Conversion
        How stored values become those of the volume.
    reader : Reader
        Who reads them.
    options : Options
        The options of `load`.
    assumptions : tuple of Assumption
        What was taken for granted; `str` makes the sentence of each for a DicomLoadWarning.
    checks : tuple of Check
        How values are made of stored ones, where that takes more than the files' own rescale.
    """

    series: SeriesData
    stored: Geometry
    geometry: Geometry
    conversion: Conversion
    reader: Reader
    options: Options
    assumptions: tuple[Assumption, ...]
    checks: tuple[Check, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """Hold the reader by its name, and no `progress`, which is told where the plan was made."""
        return self.__dict__ | {"reader": self.reader.NAME, "options": replace(self.options, progress=None)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state | {"reader": find_reader(state["reader"])})

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of `Volume.frames`: (nz, ny, nx) or (nz, ny, nx, 3)."""
        return (*self.geometry.dimensions[::-1], *find_pixel_shape(self.series.header)[2:])

    @property
    def resampled(self) -> bool:
        """Tell whether the slices of the volume are interpolated between the stored ones."""
        return self.geometry is not self.stored


def plan_volume(series: SeriesData, options: Options) -> Plan:
    """Work out the volume that one stack makes; no pixel is read.

    Raises
    ------
    UnsupportedPixelDataError, InconsistentSeriesError, GeometryError
        It makes none, or none under these options.
    """
    check_supported(series.frames, uniform=is_uniform(series))
    arrangement = arrange(series, order=options.order, tolerance=options.tolerance)
    refused = options.irregular == "raise" or (options.irregular == "resample" and arrangement.may_be_several)
    if refused and arrangement.irregularity is not None:
        raise arrangement.irregularity
    stored = arrangement.geometry
    frames, scaled, assumed = scale_frames(arrangement.frames, series, options.rescale)
    geometry = make_upright_grid(stored) if options.irregular == "resample" and not stored.regular else stored
    conversion = settle_conversion(frames, options)
    reader = choose(options.engine, frames, conversion)
    assumptions = (*arrangement.assumptions, *assumed, *_assume_more(series, stored, geometry))
    ordered = replace(series, frames=frames)
    if frames is arrangement.frames:  # those that were asked, in another order
        ordered._answers.uniform = is_uniform(series)
    plan = Plan(ordered, stored, geometry, conversion, reader, options, assumptions, scaled)
    return plan if options.slices is None else _cut_slices(plan, options.slices)


def _cut_slices(plan: Plan, slices: slice) -> Plan:
    """The plan of some of the slices, in their places.

    Raises
    ------
    ValueError
        There are none, or they are interpolated.
    """
    count = plan.geometry.dimensions[2]
    first, stop, _ = slices.indices(count)
    if first >= stop:
        raise ValueError(f"slices={slices.start}:{slices.stop} holds none of the {count} slices")
    if plan.resampled:
        raise ValueError(
            f"slices= of interpolated slices: load(…).crop(index=(None, None, ({first}, {stop}))) takes them"
        )
    geometry = cut_grid(plan.geometry, first, stop)
    series = replace(plan.series, frames=plan.series.frames[first:stop])
    return replace(plan, series=series, stored=geometry, geometry=geometry)


def settle_conversion(frames: Sequence[Frame], options: Options) -> Conversion:
    """The conversion of the frames of a volume: by the dtype rule, or to the type that ``dtype=`` names.

    Raises
    ------
    DicomLoadError
        As `choose_conversion` and `request_dtype`.
    """
    own = choose_conversion(frames, rescale=bool(options.rescale))
    return own if options.dtype is None else request_dtype(frames, own, np.dtype(options.dtype))


def replace_conversion(plan: Plan, conversion: Conversion) -> Plan:
    """The same volume with values of another type."""
    if conversion == plan.conversion:
        return plan
    reader = choose(plan.options.engine, plan.series.frames, conversion)
    return replace(plan, conversion=conversion, reader=reader)


def describe_resampling(series: SeriesData) -> str:
    """In words, what was done to the stored slices."""
    return "put between empty ones on a grid" if may_omit(series.frames) else "interpolated onto a regular grid"


def _assume_more(series: SeriesData, stored: Geometry, geometry: Geometry) -> Iterable[Assumption]:
    """List what is assumed about a volume beside what its arrangement says."""
    if series.uid is None and len(series.files) > 1:
        yield Assumption(AssumptionKind.ONE_SERIES, {"files": len(series.files)})
    if geometry is not stored:
        before, after = (size_words(*g.dimensions) for g in (stored, geometry))
        facts = {"before": before, "how": describe_resampling(series), "after": after}
        yield Assumption(AssumptionKind.RESAMPLED, {**facts, "change": describe_change(stored, geometry)})
    elif not geometry.even:
        yield Assumption(AssumptionKind.UNEVEN)
    elif geometry.leans:
        yield Assumption(AssumptionKind.SHEARED)
