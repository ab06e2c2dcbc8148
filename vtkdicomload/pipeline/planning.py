"""From the settings of a DICOMSeriesSource to what it reads: one volume, or one for each step of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from vtkmodules.util.numpy_support import get_numpy_array_type
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline

from .._util.warnings import warn
from ..arrays.opening import Meant, plan_found
from ..catalog.find import find_series
from ..errors import DicomLoadError, NoDicomError
from ..errors.remedies import SetOption, Use
from ..loading.plan import replace_conversion
from ..readers.dtype import Conversion, announce_conversion, choose_conversion
from ..series import Scan, plan_selected, select_stack
from ..stacks.dimensions import VOLUME
from .settings import ANY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..loading.plan import Plan
    from ..series import Selected
    from ..stacks.dimensions import StackGrid
    from .settings import Settings


class SourcePlan(NamedTuple):
    """The plan of what a source reads.

    Attributes
    ----------
    plans : tuple of Plan
        Of the volume, or of one for each step of time, all of one grid and type.
    times : tuple of float
        The steps of time, ascending; empty where there is no time.
    """

    plans: tuple[Plan, ...]
    times: tuple[float, ...] = ()

    def find_step(self, time: float | None) -> int:
        """Find the last step that is not after a time; the first one before all."""
        return 0 if time is None else max(0, int(np.searchsorted(self.times, time, side="right")) - 1)

    def convert(self, conversion: Conversion) -> SourcePlan:
        """The same with values of another type."""
        return self._replace(plans=tuple(replace_conversion(plan, conversion) for plan in self.plans))


def plan_source(settings: Settings) -> SourcePlan:
    """Work out what a source reads, and warn of what is assumed; no pixel is read.

    Raises
    ------
    DicomLoadError
        As `load`, or no such dimension.
    """
    if settings.time_dimension is None:
        plan = plan_selected(_select_stack(settings), settings.options)
        for assumption in plan.assumptions:
            warn(str(assumption))
        planned = SourcePlan((plan,))
    else:
        planned = _plan_steps(settings, settings.time_dimension)
    frames = [frame for plan in planned.plans for frame in plan.series.frames]
    conversion = planned.plans[0].conversion
    if len(planned.plans) > 1:
        conversion = choose_conversion(frames, rescale=bool(settings.options.rescale))
    planned = planned.convert(announce_conversion(frames, conversion))
    return planned if settings.scalar_type is None else _widen_to(planned, settings.scalar_type)


def _plan_steps(settings: Settings, dimension: str) -> SourcePlan:
    """Plan every volume of a series along the dimension that is time."""
    found, ignored = _find_source_series(settings)
    meant = Meant(settings.series, settings.stack, settings.ignore)
    plans, grid = plan_found(found, ignored, settings.options, meant)
    return SourcePlan(plans) if grid is None else SourcePlan(plans, _list_time_steps(grid, dimension, plans))


def _list_time_steps(grid: StackGrid, dimension: str, plans: Sequence[Plan]) -> tuple[float, ...]:
    """List the steps of time: the values of the dimension where they are ascending numbers, else their indices."""
    counted = tuple(float(step) for step in range(len(plans)))
    if dimension == VOLUME:
        return counted
    if len(grid.names) > 1 or dimension not in (ANY, grid.names[0]):
        sizes = " × ".join(f"{n} of {name}" for name, n in zip(grid.names, grid.lengths, strict=True))
        raise DicomLoadError(
            f"the volumes of the series are {sizes}, {dimension} alone does not tell them apart",
            files=plans[0].series.files[:1],
            remedies=[SetOption("time_dimension", (*(grid.names if len(grid.names) == 1 else ()), VOLUME))],
        )
    values = next((own.values for own in grid.coordinates if own.name == grid.names[0]), np.zeros(0))
    if values.dtype.kind not in "iuf" or len(values) != len(plans) or not np.all(np.diff(values) > 0):
        return counted
    return tuple(map(float, values))


def _select_stack(settings: Settings) -> Selected:
    """The stack that is meant."""
    found, ignored = _find_source_series(settings)
    return select_stack(
        found, ignored, settings.options, series=settings.series, stack=settings.stack, ignore=settings.ignore
    )


def _find_source_series(settings: Settings) -> tuple[Scan, tuple[str, ...]]:
    """The series that are there, and the files that are ignored."""
    recursive = settings.recursive or settings.anything is not None
    try:
        found, ignored = find_series(
            settings.source(),
            settings.ignore,
            settings.options.workers,
            recursive=recursive,
            archives=settings.archives,
            storage_options=settings.storage_options(),
        )
    except NoDicomError as error:
        if settings.recursive or not settings.has_folders():
            raise
        raise NoDicomError(
            f"{error.message}; the folders in it are not read",
            files=error.files,
            remedies=[Use("SetRecursive(True)"), *error.remedies],
        ) from None
    return Scan.of(found), ignored


def _widen_to(planned: SourcePlan, scalar_type: int) -> SourcePlan:
    """The same with values of a type that holds all that its own does, or more."""
    plan = planned.plans[0]
    dtype, own = np.dtype(get_numpy_array_type(scalar_type)), plan.conversion.dtype
    if dtype == own:
        return planned
    if not np.can_cast(own, dtype) or plan.shape[3:]:
        words = "colour" if plan.shape[3:] else str(own)
        raise ValueError(f"the values are {words} and cannot be given as {dtype} → SetOutputScalarType(None)")
    return planned.convert(Conversion(dtype, bool(plan.options.rescale), checked=dtype.kind == "i"))


# ------------------------------------------------------------------------------------------------- in VTK's words
def announce_times(info: Any, times: Sequence[float]) -> None:
    """Announce the steps of time in the information of an output."""
    pipeline = vtkStreamingDemandDrivenPipeline
    if not times:
        info.Remove(pipeline.TIME_STEPS())
        info.Remove(pipeline.TIME_RANGE())
        return
    info.Set(pipeline.TIME_STEPS(), times, len(times))
    info.Set(pipeline.TIME_RANGE(), (times[0], times[-1]), 2)


def find_requested_step(info: Any, planned: SourcePlan) -> int:
    """Find the step of the time that is asked for downstream; the first where none is."""
    key = vtkStreamingDemandDrivenPipeline.UPDATE_TIME_STEP()
    return planned.find_step(float(info.Get(key)) if planned.times and info.Has(key) else None)
