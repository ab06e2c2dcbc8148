"""From a source to images that are read where they are indexed: one volume, or several of one geometry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from .._util.warnings import say_once, warn
from .._util.wording import count_noun
from ..catalog.find import find_series, settle_ignored
from ..errors import DicomLoadError, MultipleSeriesError
from ..errors.remedies import SetOption, Step, Use
from ..loading.described import begin_described
from ..loading.lazy import LazyImage, make_lazy
from ..loading.plan import plan_volume
from ..series import Scan, plan_selected, select_stack, select_stacks
from ..stacks.dimensions import StackGrid, arrange_stacks, group_by_geometry
from ..stacks.split import split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from ..catalog.find import Ignore
    from ..catalog.index.stack_row import IndexedStack
    from ..loading.options import Options
    from ..loading.plan import Plan
    from ..series import Selected, SeriesChoice
    from ..sources.resolve import Source
    from ..stacks.series_data import SeriesData

DATATREE = Use('xr.open_datatree(p, engine="vtkdicomload")')
_SHOWN = 12  # volumes of a series that a message lists


@dataclass(frozen=True, slots=True, eq=False)
class OpenedImage:
    """An image that is not read yet.

    Attributes
    ----------
    image : LazyImage
        The image.
    grid : StackGrid or None
        Its further dimensions; None for one volume.
    """

    image: LazyImage
    grid: StackGrid | None = None

    def __dask_tokenize__(self) -> tuple[str, str]:
        return self.image.__dask_tokenize__()


class PlannedStacks(NamedTuple):
    """Volumes of one geometry that are to be read."""

    plans: tuple[Plan, ...]  # in C order of the further dimensions
    grid: StackGrid | None = None  # the further dimensions; None for one volume

    def open(self) -> OpenedImage:
        """All of them as one image; errors as `make_lazy`."""
        return OpenedImage(make_lazy(self.plans, () if self.grid is None else self.grid.lengths), self.grid)


@dataclass(frozen=True, slots=True)
class Meant:
    """What of a source is meant: the arguments of `load` that say so."""

    series: SeriesChoice | None = None
    stack: SeriesChoice | None = None
    ignore: Ignore = ()
    archives: bool = False
    storage_options: Mapping[str, Any] | None = field(default=None, repr=False)

    def find(
        self, source: Source | SeriesData | IndexedStack, options: Options
    ) -> tuple[Scan, tuple[str, ...], Ignore]:
        """The series at a source, the files that are ignored, and what says so."""
        ignore = settle_ignored(self.ignore)
        found, ignored = find_series(
            source, ignore, options.workers, archives=self.archives, storage_options=self.storage_options
        )
        return Scan.of(found), ignored, ignore


def open_image(source: Source | SeriesData | IndexedStack, options: Options, meant: Meant) -> OpenedImage:
    """Open the one series that is meant, or the one stack of it; headers are read, pixels are not.

    Raises
    ------
    MultipleSeriesError
        Several series and none chosen, or volumes on several grids.
    DicomLoadError
        As `load`.
    """
    found, ignored, ignore = meant.find(source, options)
    try:
        return plan_found(found, ignored, options, replace(meant, ignore=ignore)).open()
    except MultipleSeriesError as error:
        error.remedies = (*(r for r in error.remedies if r is not Step.LOAD_ALL), DATATREE)
        raise


def plan_found(found: Scan, ignored: tuple[str, ...], options: Options, meant: Meant) -> PlannedStacks:
    """Plan every stack of the one series that is meant of those that were found; errors as `open_image`."""
    with say_once():
        selected = select_stack(found, ignored, options, series=meant.series, stack=meant.stack, ignore=meant.ignore)
        whole, options = begin_described(selected.stack, options)
        selected = selected._replace(stack=whole)
        if meant.stack is not None:
            return PlannedStacks((_plan(selected, options),))
        plan = _plan_whole(selected, options)
        if plan is not None:
            return PlannedStacks((plan,))
        stacks = split(whole)
        plans = [_plan(selected._replace(stack=one), options) for one in stacks]
    groups = group_by_geometry([plan.geometry for plan in plans])
    if len(groups) > 1:
        raise _make_places_error(stacks, len(groups))
    return _put_together(plans)


def open_all(
    source: Source | SeriesData | IndexedStack, options: Options, meant: Meant
) -> Iterator[tuple[int, int, OpenedImage]]:
    """Open every series of a source: the row of each, and the volumes of each of its geometries as one image.

    Yields
    ------
    row : int
        Of the series.
    place : int
        Which of its geometries.
    opened : OpenedImage
    """
    found, ignored, ignore = meant.find(source, options)
    for row, series in enumerate(found):
        try:
            with say_once():
                plans = [_plan(one, options) for one in select_stacks(series, ignore, ignored, options)]
        except DicomLoadError as error:
            error.add_note(f"in [{row}] {series.title}; open(p, series={row}) opens one series alone")
            raise
        for place, group in enumerate(group_by_geometry([plan.geometry for plan in plans])):
            yield row, place, _put_together([plans[k] for k in group]).open()


def _put_together(plans: Sequence[Plan]) -> PlannedStacks:
    if len(plans) == 1:
        return PlannedStacks(tuple(plans))
    grid = arrange_stacks([plan.series for plan in plans])
    return PlannedStacks(tuple(plans[k] for k in grid.order), grid)


def _plan_whole(selected: Selected, options: Options) -> Plan | None:
    """Plan a whole series as one volume, which costs less than to look for several; None where it is none."""
    places = [frame.position for frame in selected.stack.frames]
    if len(set(places)) < len(places) > 1:
        return None  # as frames of several volumes lie: to find out why there is no plan would take long
    try:
        plan = plan_volume(selected.stack, options)
    except DicomLoadError:
        return None
    for sentence in (*selected.warnings, *map(str, plan.assumptions)):
        warn(sentence)
    return plan


def _plan(selected: Selected, options: Options) -> Plan:
    plan = plan_selected(selected, options)
    for assumption in plan.assumptions:
        warn(str(assumption))
    return plan


def _make_places_error(stacks: Sequence[SeriesData], places: int) -> MultipleSeriesError:
    shown = " | ".join(
        f"[{row}] {one.label} {len(one.frames)}×{one.rows}×{one.columns}" for row, one in enumerate(stacks[:_SHOWN])
    )
    more = f" | and {len(stacks) - _SHOWN} more" if len(stacks) > _SHOWN else ""
    what = f"{count_noun(len(stacks), 'volume')} of the series lie on {places} grids, and make no array together"
    return MultipleSeriesError(
        f"{what}: {shown}{more}",
        files=[one.files[0] for one in stacks],
        remedies=[SetOption("stack", tuple(range(len(stacks))))],
    )
