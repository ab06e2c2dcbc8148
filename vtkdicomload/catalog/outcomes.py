"""The outcome of each file of a source: its frames, why it is passed over, or what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..errors import CorruptFileError
from ..headers.frames import make_frames
from ..headers.model import Header
from ..headers.preamble import NotDicomError
from ..headers.remnant import read_remnant
from ..headers.sop_classes import has_no_image
from ..sources.file import BegunHandle, NotAtHand, begin_many
from ..sources.holding import hold_each
from ..sources.reasons import Reason
from ..sources.remote.server import REQUESTS
from ..stacks.series_data import Problem
from .damage import judge_foreign, judge_unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..headers.blocks import Outcome as HeaderOutcome
    from ..headers.model import Frame
    from ..headers.reading import HeaderReader
    from ..sources.file import File
    from ..sources.holding import Held
    from ..sources.keeping import Keeping

_HELD_BYTES, _HELD_FILES = 32 << 20, 256  # of files that are read whole for their headers, at a time
_THREADED_FILES = 64  # below, starting threads costs more than it gains


class FileOutcome(NamedTuple):
    """The outcome of one file: frames, or a reason why it is passed over, or a problem."""

    frames: tuple[Frame, ...] = ()
    reason: Reason | None = None
    problem: Problem | None = None


def read_outcomes(
    every: Sequence[File],
    reader: HeaderReader,
    workers: int | None = None,
    keeping: Keeping | None = None,
    step: Callable[[], None] = lambda: None,
) -> list[FileOutcome]:
    """Read the headers of files, and say of each what becomes of it, in their order.

    Parameters
    ----------
    every : sequence of File
        The files.
    reader : HeaderReader
        It learns from each file for those that follow.
    workers : int, optional
        Threads that read headers.
    keeping : Keeping, optional
        Keeps the files that have to be read whole.
    step : callable
        Called for each file.
    """
    results = [FileOutcome()] * len(every)
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
) -> Iterator[HeaderOutcome]:
    """Read the headers of files, block by block, in their order; `step` is called as each is begun."""
    if any(file.is_remote for file in files):
        threads = workers or REQUESTS
    else:
        # One thread unless asked for more: where files are at hand, several wait for the interpreter's lock.
        threads = 1 if len(files) < _THREADED_FILES else workers or 1
    start = 0
    while start < len(files):
        begun = begin_many(files[start : start + reader.block_files], reader.beginning_bytes, step, threads)
        headers = iter(reader.read([one for one in begun if isinstance(one, BegunHandle)]))
        yield from (next(headers) if isinstance(one, BegunHandle) else one for one in begun)
        start += len(begun)


def _read_whole_files(
    files: Mapping[int, File], reader: HeaderReader, keeping: Keeping | None, workers: int | None
) -> Iterator[tuple[int, FileOutcome]]:
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


def _read_held(
    held: Sequence[Held], reader: HeaderReader, keeping: Keeping | None
) -> Iterator[tuple[int, FileOutcome]]:
    """Read files that are held in memory, and keep what there is room for."""
    outcomes = _read_headers([file for _, _, file, error in held if error is None], reader, lambda: None)
    for place, opened, file, error in held:
        if error is None:
            keeps = keeping is not None and keeping.take(len(file.data)) == len(file.data)
            put = keeping.keep(opened, file.data) if keeping and keeps else opened
            yield place, _put_back(_judge(file, next(outcomes)), put)
        else:
            yield place, FileOutcome(problem=Problem(opened.name, error))


def _put_back(result: FileOutcome, file: File) -> FileOutcome:
    """The frames of a file that was held in memory, as those of the file itself."""
    return _replace_headers(result, lambda header: header._replace(file=file))


def _forget_storage(result: FileOutcome) -> FileOutcome:
    """Take from the frames of a described file how its pixels are stored, which only the file itself says."""
    return _replace_headers(result, lambda header: header._replace(transfer_syntax=""))


def _replace_headers(result: FileOutcome, change: Callable[[Header], Header]) -> FileOutcome:
    headers = {id(frame.header): frame.header for frame in result.frames}
    changed = {key: change(header) for key, header in headers.items()}
    return result._replace(frames=tuple(f._replace(header=changed[id(f.header)]) for f in result.frames))


def _judge(file: File, outcome: HeaderOutcome) -> FileOutcome:
    """Say which frames a file has by its header, what is wrong with it, or why it is passed over."""
    if isinstance(outcome, Header):
        try:
            found = FileOutcome(make_frames(outcome))
            return _forget_storage(found) if file.is_described else found
        except CorruptFileError as error:
            outcome = error
    if isinstance(outcome, CorruptFileError):
        remnant = read_remnant(file)
        if has_no_image(remnant.sop_class_uids):  # a report that is cut short is no slice that is lost
            return FileOutcome(reason=Reason.NO_PIXELS)
        return FileOutcome(problem=Problem(file.name, outcome, remnant))
    if isinstance(outcome, NotDicomError):
        lost = judge_foreign(file.name, outcome.reason)
        return FileOutcome(reason=outcome.reason, problem=Problem(file.name, lost) if lost else None)
    if isinstance(outcome, NotAtHand):
        raise outcome
    lost = judge_unreadable(file, outcome)
    return FileOutcome(reason=Reason.LINK_TO_NOTHING, problem=Problem(file.name, lost) if lost else None)
