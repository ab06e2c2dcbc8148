"""`Series` and `Scan`: what is found at a source, with all that can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._util.public import public
from .catalog.choose import choose
from .catalog.find import find_series
from .catalog.scan import ScanData
from .catalog.tables import scan_html, scan_text
from .headers.data_set import read_attributes
from .loading.options import make_options
from .loading.read import load_stack
from .stacks.series_data import SeriesData
from .stacks.split import split
from .volume import Volume

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self, SupportsIndex, Unpack

    import pydicom

    from .catalog.find import Ignore
    from .loading.options import LoadOptions, Options
    from .sources.resolve import Source

    SeriesChoice = SupportsIndex | str | Callable[["Series"], bool]


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
        Damaged files of the same source that may belong to the series.
    """

    __slots__ = ()

    @classmethod
    def of(cls, data: SeriesData) -> Self:
        """The same frames as a `Series`."""
        return data if isinstance(data, cls) else cls(data.frames, data.labels, data.problems)

    def stacks(self) -> tuple[Series, ...]:
        """The clean 3-D stacks of the series, each a `Series` again; one where there is nothing to divide."""
        return split(self)

    def dataset(self, k: int = 0) -> pydicom.Dataset:
        """Everything the file of frame `k` says, as a pydicom Dataset without its pixels; patient attributes too."""
        return read_attributes(self.frames[k].header.file)

    def load(
        self,
        *,
        stack: SeriesChoice | None = None,
        ignore: Ignore = (),
        workers: int | None = None,
        **options: Unpack[LoadOptions],
    ) -> Volume:
        """Load the series as one volume; the options of `vtkdicomload.load`."""
        return load_volume(self, make_options(workers=workers, **options), stack=stack, ignore=ignore)


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
    """

    __slots__ = ()

    @classmethod
    def of(cls, data: ScanData[Any]) -> Self:
        """The same list with `Series` in it."""
        return cls(data.source, tuple(map(Series.of, data.series)), data.problems, data.skipped)

    def __repr__(self) -> str:
        return scan_text(self)

    def _repr_html_(self) -> str:
        return scan_html(self)


def load_volume(
    source: Source | SeriesData,
    options: Options,
    *,
    series: SeriesChoice | None = None,
    stack: SeriesChoice | None = None,
    ignore: Ignore = (),
    archives: bool = False,
) -> Volume:
    """Load the one stack at a source that is meant; `series`, `stack`, `ignore` and `archives` are those of `load`."""
    found, ignored = find_series(source, ignore, options.workers, archives=archives)
    return Volume.of(load_stack(choose(Scan.of(found), series, stack), options, ignored))
