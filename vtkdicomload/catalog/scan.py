"""Finding the series at a source: every header is read, no pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, overload

from .._util.log import is_logging, logger
from .._util.threads import for_each, make_stepper
from .._util.tracebacks import forget_frames
from ..errors import CorruptFileError
from ..headers.frames import make_frames
from ..headers.model import Header
from ..headers.preamble import NotDicomError
from ..headers.reading import HeaderReader
from ..headers.remnant import read_remnant
from ..headers.sop_classes import has_no_image
from ..sources.file import BegunHandle, NotAtHand
from ..sources.holding import hold_each
from ..sources.reasons import Reason, Skipped
from ..sources.remote.connection import THREADS as REMOTE_THREADS
from ..sources.remote.sharing import keep_connections
from ..stacks.prepare import prepare
from ..stacks.series_data import Problem, SeriesData
from .charging import charge_problems
from .damage import find_lost_slices, judge_foreign, judge_unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from ..headers.blocks import Outcome
    from ..headers.model import Frame
    from ..sources.file import File
    from ..sources.holding import Held
    from ..sources.keeping import Keeping
    from ..sources.resolve import Files
    from .charging import SeriesKey

S = TypeVar("S", bound=SeriesData)

_HELD_BYTES, _HELD_FILES = 32 << 20, 256  # of files that are read whole for their headers, at a time
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
    with keep_connections():
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
    """Say what `_judge` says of every file, in the order of the files."""
    every, reader = files.files, HeaderReader()
    results = [_Result()] * len(every)
    step = make_stepper(len(every), progress)
    direct = [k for k, file in enumerate(every) if file.has_beginning]
    outcomes = _read_headers([every[k] for k in direct], reader, step, workers)
    for k, outcome in zip(direct, outcomes, strict=True):
        results[k] = _judge(every[k], outcome)
    if len(direct) < len(every):
        whole = {k: file for k, file in enumerate(every) if not file.has_beginning}
        for k, result in _read_whole_files(whole, reader, keeping, workers):
            results[k] = result
            step()
    return results


def _read_headers(
    files: Sequence[File], reader: HeaderReader, step: Callable[[], None], workers: int | None = None
) -> Iterator[Outcome]:
    """Read the headers of files, block by block, in their order; `step` is called as each is begun."""
    if any(file.is_remote for file in files):
        threads = workers or REMOTE_THREADS
    else:
        # One thread unless asked for more: where files are at hand, several wait for the interpreter's lock.
        threads = 1 if len(files) < _THREADED_FILES else workers or 1
    start = 0
    while start < len(files):
        begun = _begin_files(files[start : start + reader.block_files], reader.beginning_bytes, step, threads)
        headers = iter(reader.read([one for one in begun if isinstance(one, BegunHandle)]))
        yield from (next(headers) if isinstance(one, BegunHandle) else one for one in begun)
        start += len(begun)


def _begin_files(
    files: Sequence[File], length: int, step: Callable[[], None], threads: int
) -> list[BegunHandle | CorruptFileError | OSError]:
    """Read the first bytes of files, or why that cannot be."""
    begun: list[Any] = [None] * len(files)

    def begin(k: int) -> None:
        try:
            begun[k] = files[k].begin(length)
        except (CorruptFileError, OSError) as error:
            begun[k] = forget_frames(error)

    for_each(len(files), begin, step, threads)
    return begun


def _read_whole_files(
    files: Mapping[int, File], reader: HeaderReader, keeping: Keeping | None, workers: int | None
) -> Iterator[tuple[int, _Result]]:
    """Read files whose beginning alone cannot be read, by no more of each than is at hand where that will do."""
    beginnings = {k: beginning for k, file in files.items() if (beginning := file.beginning) is not None}
    left = [k for k in files if k not in beginnings]
    outcomes = _read_headers([*beginnings.values()], reader, lambda: None)
    for (k, beginning), outcome in zip(beginnings.items(), outcomes, strict=True):
        try:
            result = _judge(beginning, outcome)
        except NotAtHand:
            left.append(k)
            continue
        with files[k].open() as handle:
            opened = handle.file
        if keeping is not None and (data := files[k].kept_whole) is not None:
            opened = keeping.keep(opened, data)
        yield k, _put_back(result, opened)
    # One half of the memory is for files that wait to be read together, the other for those that are unpacked.
    held: list[Held] = []
    for one in hold_each([files[k] for k in left], _HELD_BYTES // 2, workers):
        held.append(one)
        if len(held) == _HELD_FILES or sum(len(other.file.data) for other in held) > _HELD_BYTES // 2:
            yield from ((left[place], result) for place, result in _read_held(held, reader, keeping))
            held = []
    yield from ((left[place], result) for place, result in _read_held(held, reader, keeping))


def _read_held(held: Sequence[Held], reader: HeaderReader, keeping: Keeping | None) -> Iterator[tuple[int, _Result]]:
    """Read files that are held in memory, and keep what there is room for."""
    outcomes = _read_headers([file for _, _, file, error in held if error is None], reader, lambda: None)
    for place, opened, file, error in held:
        if error is None:
            keeps = keeping is not None and keeping.take(len(file.data)) == len(file.data)
            put = keeping.keep(opened, file.data) if keeping and keeps else opened
            yield place, _put_back(_judge(file, next(outcomes)), put)
        else:
            yield place, _Result(problem=Problem(opened.name, error))


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


def _judge(file: File, outcome: Outcome) -> _Result:
    """Say which frames a file has by its header, what is wrong with it, or why it is passed over."""
    if isinstance(outcome, Header):
        try:
            found = _Result(make_frames(outcome))
            return _forget_storage(found) if file.is_described else found
        except CorruptFileError as error:
            outcome = error
    if isinstance(outcome, CorruptFileError):
        remnant = read_remnant(file)
        if has_no_image(remnant.sop_class_uids):  # a report that is cut short is no slice that is lost
            return _Result(reason=Reason.NO_PIXELS)
        return _Result(problem=Problem(file.name, outcome, remnant))
    if isinstance(outcome, NotDicomError):
        lost = judge_foreign(file.name, outcome.reason)
        return _Result(reason=outcome.reason, problem=Problem(file.name, lost) if lost else None)
    if isinstance(outcome, NotAtHand):
        raise outcome
    lost = judge_unreadable(file, outcome)
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
