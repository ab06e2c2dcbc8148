"""`verify`: every stack of a source read twice, by two readers, one or several at a time, with a record."""

from __future__ import annotations

import contextlib
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .._util.lock import lock_folder
from .._util.public import public
from .._util.threads import make_stepper
from .._util.warnings import collect_warnings
from ..errors import DicomLoadError, ReaderMismatchError
from ..loading.checks import IncompleteCheck
from ..loading.second_reader import SECOND_READER
from .cluster import run_tasks
from .manifest import Entry, Manifest, make_key, stamp_files
from .outcomes import Outcomes
from .running import Stop
from .tasks import measure_volumes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import distributed

    from .._util.threads import Progress
    from ..loading.options import Options
    from ..loading.volume_data import VolumeData
    from ..stacks.series_data import SeriesData
    from .tasks import Place

Verdict = Literal["equal", "unverified", "different", "refused"]
_SETTLED = ("equal", "unverified")  # what is not read again while its files stay as they are


@public
@dataclass(frozen=True, slots=True)
class Verified:
    """The outcome of one stack.

    Attributes
    ----------
    title : str
        What it was: number, modality, description and label.
    folder : str or None
        Where its files lie.
    uid : str or None
        Its SeriesInstanceUID.
    label : str
        What tells it apart from the other stacks of its series.
    status : {"equal", "unverified", "different", "refused"}
        Whether two readers gave the same pixels for every frame; none could read it a second time in whole or in part;
        the two disagree; or it does not load.
    reason : str or None
        Why it is not equal.
    warnings : tuple of str
        What was assumed.
    """

    title: str
    folder: str | None
    uid: str | None
    label: str
    status: Verdict
    reason: str | None = None
    warnings: tuple[str, ...] = ()


@public
class Verification(Outcomes[Verified]):
    """The outcomes of `verify`, in the order of the scan.

    Attributes
    ----------
    where : str
        The source.
    outcomes : tuple of Verified
        The list itself.
    damaged : tuple of str
        Damaged files that belong to no series.
    """

    __slots__ = ()
    _GOOD = ("equal",)


class Record(NamedTuple):
    """Where outcomes are written down, and what else decides about them.

    Attributes
    ----------
    path : str or None
        The file; without one nothing is written, and every stack is read.
    how : dict
        The options; what was verified in another way is verified again.
    resume : bool
        Believe what an earlier run has found of the same files.
    """

    path: str | None
    how: dict[str, Any]
    resume: bool


@dataclass(frozen=True, repr=False)
class _Verifying:
    """The verification of a stack as a task.

    Attributes
    ----------
    row : int
        Its place among the stacks.
    stack : SeriesData
        The stack.
    load : callable
        Loads it, with the options that are given by name.
    options : Options
        Those of `load`.
    """

    row: int
    stack: SeriesData
    load: Callable[..., VolumeData]
    options: Options

    @property
    def title(self) -> str:
        return self.stack.title

    def measure(self) -> int | None:
        return measure_volumes([self.stack], self.options)

    def run(self) -> tuple[int, Verified]:
        return self._verify(partial(self.load, workers=1))

    def run_at(self, place: Place) -> tuple[int, Verified]:
        max_bytes = self.options.max_bytes or place.max_bytes
        return self._verify(partial(self.load, workers=place.threads, max_bytes=max_bytes))

    def fail(self, error: DicomLoadError) -> tuple[int, Verified]:
        return self.row, _describe(self.stack, "refused", str(error))

    def _verify(self, load: Callable[[SeriesData], VolumeData]) -> tuple[int, Verified]:
        status: Verdict = "equal"
        with collect_warnings() as said:
            try:
                checks = load(self.stack).checks
                (check,) = (check for check in checks if check.name == SECOND_READER)
                status, reason = ("unverified", check.result) if isinstance(check, IncompleteCheck) else ("equal", None)
            except ReaderMismatchError as error:
                status, reason = "different", str(error)
            except DicomLoadError as error:
                status, reason = "refused", str(error)
        return self.row, _describe(self.stack, status, reason, tuple(dict.fromkeys(said)))


def _describe(
    stack: SeriesData, status: Verdict, reason: str | None = None, warnings: tuple[str, ...] = ()
) -> Verified:
    return Verified(stack.title, stack.folder, stack.uid, stack.label, status, reason, warnings)


def verify_stacks(
    stacks: Sequence[SeriesData],
    record: Record,
    load: Callable[..., VolumeData],
    options: Options,
    *,
    client: distributed.Client | None,
    threads: int,
    progress: Progress | None,
    on_outcome: Callable[[Verified], None] | None,
) -> tuple[Verified, ...]:
    """Load every stack with a second reader for every frame, and say what became of each.

    Parameters
    ----------
    stacks : sequence of SeriesData
        What to load.
    record : Record
        Where to write down what was found.
    load : callable
        Loads a stack, ``load(stack, *, workers, max_bytes, progress)``, with ``verify="all"``. With a client it
        has to pickle.
    options : Options
        Those of `load`.
    client : distributed.Client, optional
        Whose workers read; the record is written here.
    threads : int
        Stacks at the same time in this process.
    progress : callable, optional
        Called with (stacks done, stacks in all).
    on_outcome : callable, optional
        Called with each outcome as it is there; those that are known first.

    Raises
    ------
    OSError
        The record cannot be written.
    """
    with contextlib.ExitStack() as held:
        manifest = None
        if record.path is not None:
            held.enter_context(lock_folder(f"{record.path}.lock", "a verification"))
            manifest = Manifest(record.path)
        files = [stamp_files([stack]) for stack in stacks]
        found: dict[int, Verified] = {}
        for row, stack in enumerate(stacks):
            known = manifest.find(make_key([stack])) if manifest is not None and record.resume else None
            if known is not None and known.status in _SETTLED and (known.files, known.how) == (files[row], record.how):
                status: Verdict = "equal" if known.status == "equal" else "unverified"
                found[row] = _describe(stack, status, known.reason, tuple(known.warnings))
        step = make_stepper(len(stacks), progress)
        report = on_outcome or (lambda _: None)
        for outcome in found.values():
            report(outcome)
            step()
        stop = Stop()
        load_here = partial(load, progress=stop) if client is None else load  # it does not pickle
        tasks: Iterator[_Verifying] = (
            _Verifying(row, stack, load_here, options) for row, stack in enumerate(stacks) if row not in found
        )
        with closing(run_tasks(tasks, client, stop.set, threads=threads)) as results:
            for row, outcome in results:
                found[row] = outcome
                if manifest is not None:
                    key, told = make_key([stacks[row]]), list(outcome.warnings)
                    manifest.add(Entry(key, "", outcome.status, outcome.reason, told, record.how, files[row], None))
                report(outcome)
                step()
    return tuple(found[row] for row in range(len(stacks)))
