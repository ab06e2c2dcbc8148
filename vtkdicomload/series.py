"""`Series` and `Scan`: what is found at a source, with all that can be done with it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from ._util.public import public
from ._util.warnings import warn
from .catalog.choose import choose, choose_series, list_untold_strays
from .catalog.damage import describe_left_out, refuse_gaps
from .catalog.data_frame import to_pandas
from .catalog.find import find_series, leaves_damaged, settle_ignored
from .catalog.rows import StackRow, list_stack_rows
from .catalog.scan import ScanData
from .catalog.tables import scan_html, scan_text
from .errors import DicomLoadError, MultipleSeriesError
from .headers.data_set import read_attributes
from .loading.described import begin_described
from .loading.destination import Given
from .loading.kept import keep_files, retrieve_first
from .loading.options import make_options
from .loading.plan import Plan, plan_volume
from .loading.read import load_stack
from .loading.true_remedies import keep_true_remedies
from .sources.keeping import Keeping
from .sources.remote.sharing import keep_connections
from .stacks.series_data import SeriesData
from .stacks.split import split
from .volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Self, SupportsIndex, Unpack

    import pandas as pd
    import pydicom

    from ._util.arrays import Pixels
    from .catalog.find import Ignore
    from .catalog.index.stack_row import IndexedStack
    from .headers.reading import HeaderReaders
    from .loading.destination import Allocate
    from .loading.options import LoadOptions, Options
    from .sources.resolve import Source

    SeriesChoice = SupportsIndex | str | Callable[["Series"], bool]

T = TypeVar("T")


@public
class Series(SeriesData):
    """The frames that share a SeriesInstanceUID, or one stack of them.

    Attributes
    ----------
    frames : tuple of Frame
        In the order of the source: of a folder in natural order of the names.
    labels : tuple of Label
        For a stack, the attributes and values that tell it apart from the others of its series; else empty.
    problems : tuple of Problem
        Damaged files of the series: it is refused unless they are left out.
    beside : tuple of Problem
        Damaged files of its folder that may belong to this or another series there: it loads with a warning.
    strays : tuple of Problem
        Damaged files of its folder that belong to none of the series there: likewise.
    assumptions : tuple of Assumption
        Made of the whole series: copies that were left out, images that it lacks; each of its stacks tells them.
    missing_places : tuple of tuple of float
        For a stack, the positions (LPS, mm) at which it has no slice and other stacks of the same grid have one.
    first_acquired : datetime or None
        For a stack of PET, when the first frame of its whole series was acquired, as far as the files say.
    """

    __slots__ = ()

    @classmethod
    def of(cls, data: SeriesData) -> Self:
        """The same frames as a `Series`."""
        if isinstance(data, cls):
            return data
        return cls(*(getattr(data, field.name) for field in fields(SeriesData) if field.init))

    def stacks(self) -> tuple[Series, ...]:
        """The clean 3-D stacks of the series, each a `Series` again; one where there is nothing to divide."""
        return split(self)

    def dataset(self, k: int = 0) -> pydicom.Dataset:
        """Everything the file of frame `k` says, as a pydicom Dataset without its pixels; patient attributes too."""
        file = self.frames[k].header.file
        return read_attributes(file.origin if file.is_described else file)

    def load(
        self,
        *,
        stack: SeriesChoice | None = None,
        ignore: Ignore = (),
        workers: int | None = None,
        out: Pixels | None = None,
        **options: Unpack[LoadOptions],
    ) -> Volume:
        """Load the series as one volume; the options of `vtkdicomload.load`."""
        checked = make_options(workers=workers, **options)
        return load_volume(self, checked, np.empty if out is None else Given(out), stack=stack, ignore=ignore)


@public
class Scan(ScanData[Series]):
    """The series found at a source: a list of `Series`, in order of SeriesNumber.

    Attributes
    ----------
    source : str
        What was scanned.
    series : tuple of Series
        The list itself.
    problems : tuple of Problem
        Files that say they are DICOM and cannot be read whole.
    skipped : tuple of Skipped
        Files that are not DICOM, or DICOM without an image, each with the reason.
    files : tuple of str
        All files of the source, in its order.
    """

    __slots__ = ()

    @classmethod
    def of(cls, data: ScanData[Any]) -> Self:
        """The same list with `Series` in it."""
        return cls(data.source, tuple(map(Series.of, data.series)), data.problems, data.skipped, data.files)

    def stacks(self) -> tuple[Series, ...]:
        """The stacks of all series, one after another: what `load_many` takes to load all that there is."""
        return tuple(stack for series in self for stack in series.stacks())

    def to_table(self) -> list[StackRow]:
        """List what each stack is, in plain values: a row a stack, for `pandas`, `polars` or a file."""
        return list_stack_rows(self)

    def to_pandas(self) -> pd.DataFrame:
        """Return `to_table` as a DataFrame. Needs ``vtkdicomload[pandas]``."""
        return to_pandas(self.to_table())

    def __repr__(self) -> str:
        return scan_text(self)

    def _repr_html_(self) -> str:
        return scan_html(self)


def load_volume(
    source: Source | SeriesData | IndexedStack,
    options: Options,
    allocate: Allocate = np.empty,
    *,
    series: SeriesChoice | None = None,
    stack: SeriesChoice | None = None,
    ignore: Ignore = (),
    archives: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    readers: HeaderReaders | None = None,
) -> Volume:
    """Load the one stack at a source that is meant; `readers` as for `scan_files`, most others as for `load`."""
    ignore = settle_ignored(ignore)
    with Keeping.whole() as keeping, keep_connections():
        if isinstance(source, SeriesData):
            source = keep_files(source, keeping)
        elif series is None and stack is None and options.slices is None and not ignore:
            source, options = retrieve_first(source, storage_options, keeping, options)
        found, ignored = find_series(
            source,
            ignore,
            options.workers,
            archives=archives,
            storage_options=storage_options,
            keeping=keeping,
            readers=readers,
        )
        selected = select_stack(Scan.of(found), ignored, options, series=series, stack=stack, ignore=ignore)
        return load_selected(selected, options, allocate)


class Selected(NamedTuple):
    """One stack to load, the files that are not in it, and what is to be warned of once it is loaded."""

    stack: Series
    left_out: tuple[str, ...]
    warnings: tuple[str, ...]
    alone: bool  # whether its series is the only one of the source


def select_stack(
    found: Scan,
    ignored: tuple[str, ...],
    options: Options,
    *,
    series: SeriesChoice | None,
    stack: SeriesChoice | None,
    ignore: Ignore,
) -> Selected:
    """Choose the one stack that is meant, and find the files that are left out.

    Parameters
    ----------
    found : Scan
        What is at the source, without the files that ``ignore=`` names.
    ignored : tuple of str
        Those files.
    options : Options
        Those of `load`.
    series, stack, ignore
        As for `load`.
    """
    try:
        chosen, lost, beside = choose(found, series, stack, leave_damaged=leaves_damaged(ignore))
        if options.irregular == "raise":
            refuse_gaps(chosen, lost)
    except MultipleSeriesError:
        raise
    except DicomLoadError as error:
        if found.series:
            keep_true_remedies(error, choose_series(found, series), options, alone=len(found) == 1)
        raise
    damaged = tuple(problem.path for problem in (*lost, *beside))
    strays = list_untold_strays(found) if series is None else ()
    warnings = describe_left_out(ignored, damaged, strays)
    return Selected(chosen, (*ignored, *damaged), warnings, alone=len(found) == 1)


def select_stacks(series: Series, ignore: Ignore, ignored: tuple[str, ...], options: Options) -> Iterator[Selected]:
    """Select every stack of a series in turn; of what is left out of all alike, the caller warns."""
    for stack in series.stacks():
        found = Scan(stack.title, (stack,), (*stack.problems, *stack.beside), ())
        yield select_stack(found, ignored, options, series=0, stack=None, ignore=ignore)._replace(warnings=())


def load_selected(selected: Selected, options: Options, allocate: Allocate = np.empty) -> Volume:
    """Load one stack, and warn of what is not in it; an error offers only what goes past it."""
    stack, left_out = selected.stack, selected.left_out
    return Volume.of(_finish(selected, options, lambda: load_stack(stack, options, left_out, allocate)))


def plan_selected(selected: Selected, options: Options) -> Plan:
    """Work out the volume of a stack whose parts will be read, with the warnings and remedies of `load_selected`."""
    return _finish(selected, options, lambda: plan_volume(*begin_described(selected.stack, options)))


def _finish(selected: Selected, options: Options, work: Callable[[], T]) -> T:
    try:
        done = work()
    except DicomLoadError as error:
        keep_true_remedies(error, selected.stack, options, alone=selected.alone)
        raise
    for sentence in selected.warnings:
        warn(sentence)
    return done
