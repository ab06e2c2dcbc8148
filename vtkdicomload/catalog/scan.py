"""Finding the series at a source: every header is read, no pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, overload

from .._util.log import is_logging, logger
from .._util.threads import for_each, make_stepper
from ..errors import CorruptFileError
from ..headers.frames import make_frames
from ..headers.preamble import NotDicomError
from ..headers.remnant import read_remnant
from ..headers.sop_classes import has_no_image
from ..headers.templates import HeaderReader
from ..sources.file import NotAtHand
from ..sources.holding import hold_each
from ..sources.reasons import Reason, Skipped
from ..stacks.prepare import prepare
from ..stacks.series_data import Problem, SeriesData
from .charging import charge_problems
from .damage import find_lost_slices, judge_foreign, judge_unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from ..headers.model import Frame, Header
    from ..sources.file import File
    from ..sources.keeping import Keeping
    from ..sources.resolve import Files
    from .charging import SeriesKey

S = TypeVar("S", bound=SeriesData)

_HELD_BYTES = 32 << 20  # of files that are read whole for their headers, at a time
_SUSPECT = frozenset((Reason.NOT_DICOM, Reason.MAYBE_DAMAGED, Reason.MAYBE_STRIPPED))
_THREADED_FILES = 64  # below, starting threads costs more than it gains


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


class _Result(NamedTuple):
    """The outcome of one file: frames, or a reason why it is passed over, or a problem."""

    frames: tuple[Frame, ...] = ()
    reason: Reason | None = None
    problem: Problem | None = None


def scan_files(
    files: Files,
    *,
    workers: int | None = None,
    keeping: Keeping | None = None,
    progress: Callable[[int, int], None] | None = None,
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
    """
    frames: list[Frame] = []
    problems: list[Problem] = []
    skipped = list(files.skipped)
    suspects: list[tuple[File, Reason]] = []
    foreign: set[str] = set()
    results = _read_files(files, workers, keeping, progress)
    for file, (frames_in_file, reason, problem) in zip(files.files, results, strict=True):
        if problem is not None:
            problems.append(problem)
            if reason is Reason.NOT_DICOM:
                foreign.add(file.name)
        elif reason is not None:
            skipped.append(Skipped(file.name, Reason.NO_PIXELS if reason is Reason.MAYBE_STRIPPED else reason))
            if reason in _SUSPECT:
                suspects.append((file, reason))
        else:
            frames += frames_in_file
    lost = find_lost_slices(frames, suspects)
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


def _read_files(
    files: Files,
    workers: int | None,
    keeping: Keeping | None,
    progress: Callable[[int, int], None] | None,
) -> list[_Result]:
    """Say what `_read_file` says of every file, in the order of the files."""
    headers, total = HeaderReader(), len(files.files)
    results = [_Result()] * total

    def read(k: int) -> None:
        results[k] = _read_file(files.files[k], headers)

    step = make_stepper(total, progress)
    if all(file.has_beginning for file in files.files):
        # One thread unless asked for more: parsing holds the interpreter's lock.
        for_each(total, read, step, 1 if total < _THREADED_FILES else workers or 1)
        return results
    left = []
    for k, file in enumerate(files.files):
        try:
            results[k] = _read_beginning(file, headers, keeping)
            step()
        except NotAtHand:
            left.append(k)
    for place, opened, held, error in hold_each([files.files[k] for k in left], _HELD_BYTES, workers):
        if error is None:
            keeps = keeping is not None and keeping.take(len(held.data)) == len(held.data)
            file = keeping.keep(opened, held.data) if keeping and keeps else opened
            results[left[place]] = _put_back(_read_file(held, headers), file)
        else:
            results[left[place]] = _Result(problem=Problem(opened.name, error))
        step()
    return results


def _read_beginning(file: File, headers: HeaderReader, keeping: Keeping | None) -> _Result:
    """As `_read_file`, by no more of a file than is at hand; NotAtHand where that is too little."""
    if file.has_beginning:
        return _read_file(file, headers)
    if file.beginning is None:
        raise NotAtHand
    found = _read_file(file.beginning, headers)
    with file.open() as handle:
        opened = handle.file
    if keeping is not None and (data := file.kept_whole) is not None:
        opened = keeping.keep(opened, data)
    return _put_back(found, opened)


def _put_back(result: _Result, file: File) -> _Result:
    """The frames of a file that was held in memory, as those of the file itself."""
    return _replace_headers(result, lambda header: header._replace(file=file))


def _forget_storage(result: _Result) -> _Result:
    """Take from the frames of a described file how its pixels are stored, which only the file itself says."""
    return _replace_headers(result, lambda header: header._replace(transfer_syntax=""))


def _replace_headers(result: _Result, change: Callable[[Header], Header]) -> _Result:
    headers = {id(frame.header): frame.header for frame in result.frames}
    changed = {key: change(header) for key, header in headers.items()}
    return result._replace(frames=tuple(f._replace(header=changed[id(f.header)]) for f in result.frames))


def _read_file(file: File, headers: HeaderReader) -> _Result:
    """The frames of a file, what is wrong with it, or why it is passed over."""
    try:
        found = _Result(make_frames(headers.read(file)))
        return _forget_storage(found) if file.is_described else found
    except CorruptFileError as error:
        remnant = read_remnant(file)
        if has_no_image(remnant.sop_class_uids):  # a report that is cut short is no slice that is lost
            return _Result(reason=Reason.NO_PIXELS)
        return _Result(problem=Problem(file.name, error, remnant))
    except NotDicomError as error:
        lost = judge_foreign(file.name, error.reason)
        return _Result(reason=error.reason, problem=Problem(file.name, lost) if lost else None)
    except OSError as error:
        lost = judge_unreadable(file, error)
        return _Result(reason=Reason.LINK_TO_NOTHING, problem=Problem(file.name, lost) if lost else None)


def _group_by_series(
    frames: list[Frame], problems: Sequence[Problem], foreign: Collection[str]
) -> tuple[SeriesData, ...]:
    """One `Series` for each SeriesInstanceUID, by study, series number and first appearance, with its damaged files."""
    by_uid: dict[SeriesKey, list[Frame]] = {}
    for frame in frames:
        by_uid.setdefault((frame.header.study_uid, frame.header.series_uid), []).append(frame)
    studies = {study: i for i, study in enumerate(dict.fromkeys(study for study, _ in by_uid))}
    own, beside = charge_problems(by_uid, problems, foreign)

    def rank(item: tuple[SeriesKey, list[Frame]]) -> tuple[int, float]:
        (study, _), members = item
        number = members[0].header.series_number
        return studies[study], float("inf") if number is None else number

    return tuple(
        prepare(SeriesData(tuple(members), (), tuple(own.get(key, ())), tuple(beside.get(key, ()))))
        for key, members in sorted(by_uid.items(), key=rank)
    )
