"""Finding the series at a source: every header is read, no pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from .._util.log import is_logging, logger
from .._util.threads import make_stepper
from ..headers.reading import HeaderReaders
from ..sources.reasons import Reason, Skipped
from ..sources.remote.sharing import keep_connections
from ..stacks.prepare import prepare
from ..stacks.series_data import Problem, SeriesData
from .charging import NO_CHARGES, KnownImage, charge_problems
from .damage import SUSPECT, classify_slice, find_lost_slices
from .outcomes import read_outcomes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from ..headers.model import Frame
    from ..sources.file import File
    from ..sources.keeping import Keeping
    from ..sources.resolve import Files
    from .charging import SeriesKey

S = TypeVar("S", bound=SeriesData)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class ScanData(Sequence[S], Generic[S]):
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

    source: str
    series: tuple[S, ...]
    problems: tuple[Problem, ...]
    skipped: tuple[Skipped, ...]
    files: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.series)

    @overload
    def __getitem__(self, index: int) -> S: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[S, ...]: ...
    def __getitem__(self, index: int | slice) -> S | tuple[S, ...]:
        return self.series[index]

    def __iter__(self) -> Iterator[S]:
        return iter(self.series)


def scan_files(
    files: Files,
    *,
    workers: int | None = None,
    keeping: Keeping | None = None,
    progress: Callable[[int, int], None] | None = None,
    readers: HeaderReaders | None = None,
) -> ScanData[SeriesData]:
    """Find the series among files. Headers are read, pixels are not; damaged files are listed, never raised.

    Parameters
    ----------
    files : Files
        From `find_files`.
    workers : int, optional
        Threads that read headers; more than one helps where storage is slow.
    keeping : Keeping, optional
        Keeps the files that have to be read whole, for their pixels; by default they are let go of.
    progress : callable, optional
        Called with (files done, files in all).
    readers : HeaderReaders, optional
        Those of a call that scans many sources.
    """
    frames: list[Frame] = []
    problems: list[Problem] = []
    skipped = list(files.skipped)
    suspects: list[tuple[File, Reason]] = []
    foreign: set[str] = set()
    step = make_stepper(len(files.files), progress)
    with keep_connections(), (readers or HeaderReaders()).borrow() as reader:
        results = read_outcomes(files.files, reader, workers, keeping, step)
    for file, (frames_in_file, reason, problem) in zip(files.files, results, strict=True):
        if problem is not None:
            problems.append(problem)
            if reason is Reason.NOT_DICOM:
                foreign.add(file.name)
        elif reason is not None:
            skipped.append(Skipped(file.name, Reason.NO_PIXELS if reason is Reason.MAYBE_STRIPPED else reason))
            if reason in SUSPECT:
                suspects.append((file, reason))
        else:
            frames += frames_in_file
    lost = _find_lost(frames, suspects) if suspects else []
    problems += lost
    if lost:
        paths = {p.path for p in lost}
        skipped = [s for s in skipped if s.path not in paths]
    if is_logging():
        for passed in skipped:
            logger.debug("%s is passed over: %s", passed.path, passed.words)
        for problem in problems:
            logger.debug("%s is damaged", problem.path)  # the error may quote what it holds
    series = _group_by_series(frames, problems, foreign)
    return ScanData(files.name, series, tuple(problems), tuple(skipped), tuple(file.name for file in files.files))


def _find_lost(frames: Sequence[Frame], suspects: Sequence[tuple[File, Reason]]) -> list[Problem]:
    kinds = {classify_slice(frame.path, frame.header.file.size) for frame in frames}
    return find_lost_slices(kinds, {(f.header.series_uid, f.header.sop_class_uid) for f in frames}, suspects)


def _group_by_series(
    frames: list[Frame], problems: Sequence[Problem], foreign: Collection[str]
) -> tuple[SeriesData, ...]:
    """One `Series` for each SeriesInstanceUID, by study, series number and first appearance, with its damaged files."""
    by_uid: dict[SeriesKey, list[Frame]] = {}
    for frame in frames:
        by_uid.setdefault((frame.header.study_uid, frame.header.series_uid), []).append(frame)
    studies = {study: i for i, study in enumerate(dict.fromkeys(study for study, _ in by_uid))}
    charges = charge_problems(_list_known(by_uid), problems, foreign) if problems else NO_CHARGES

    def rank(item: tuple[SeriesKey, list[Frame]]) -> tuple[int, float]:
        (study, _), members = item
        number = members[0].header.series_number
        return studies[study], float("inf") if number is None else number

    return tuple(
        prepare(
            SeriesData(
                tuple(members),
                problems=tuple(charges.own.get(key, ())),
                beside=tuple(charges.beside.get(key, ())),
                strays=tuple(charges.strays.get(key, ())),
            )
        )
        for key, members in sorted(by_uid.items(), key=rank)
    )


def _list_known(series: Mapping[SeriesKey, Sequence[Frame]]) -> dict[SeriesKey, list[KnownImage]]:
    return {
        key: [KnownImage(f.path, h.sop_class_uid, h.modality, h.rows, h.columns) for f in frames for h in (f.header,)]
        for key, frames in series.items()
    }
