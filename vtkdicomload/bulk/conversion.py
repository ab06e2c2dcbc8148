"""`convert`: every stack of a source as a file of another format, one or several at a time, with a manifest."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from .._util.atomic import remove_unfinished
from .._util.lock import lock_folder
from .._util.public import public
from .._util.threads import make_stepper
from .._util.warnings import collect_warnings, warn
from ..conversions.files import save
from ..conversions.nifti_series import save_nifti
from ..errors import DicomLoadError
from .cluster import run_tasks
from .jobs import is_done, list_outdated, make_jobs, measure_size, refuse_foreign
from .manifest import Manifest
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
    from .jobs import Job, Target
    from .tasks import Place

Status = Literal["written", "kept", "refused", "planned"]
NAME = "conversion.jsonl"
_LOCK = ".conversion.lock"
_NIFTI = (".nii", ".nii.gz")


@public
@dataclass(frozen=True, slots=True)
class Converted:
    """The outcome of one stack, or of one series where ``per="series"``.

    Attributes
    ----------
    title : str
        What it was: number, modality, description and label.
    path : str
        The new file, or what it would be.
    status : {"written", "kept", "refused", "planned"}
        Whether it was written now, was there from an earlier run, could not be made, or would be made.
    reason : str or None
        Why it could not.
    warnings : tuple of str
        What was assumed.
    """

    title: str
    path: str
    status: Status
    reason: str | None = None
    warnings: tuple[str, ...] = ()


@public
@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Conversion(Outcomes[Converted]):
    """The outcomes of `convert`, in the order of the scan.

    Attributes
    ----------
    where : str
        The folder of the new files.
    outcomes : tuple of Converted
        The list itself.
    damaged : tuple of str
        Damaged files that belong to no series.
    outdated : tuple of str
        Files of earlier runs that are still there, though their images are refused now or have become other files.
    """

    outdated: tuple[str, ...] = ()
    _GOOD = ("written", "kept", "planned")

    def __repr__(self) -> str:
        return "\n".join((Outcomes.__repr__(self), *(f"out of date: {path}" for path in self.outdated)))


class Work(NamedTuple):
    """What `convert_groups` has done, or would do: the outcome of each group, and the files that are out of date."""

    outcomes: tuple[Converted, ...]
    outdated: tuple[str, ...]


def plan_conversion(
    groups: Sequence[tuple[SeriesData, ...]],
    target: Target,
    damaged: Sequence[str],
    on_outcome: Callable[[Converted], None] | None,
) -> Work:
    """Say what `convert_groups` would do; nothing is written."""
    manifest = Manifest(os.path.join(target.folder, NAME))
    jobs = make_jobs(groups, target, manifest)
    kept = [is_done(job, target, manifest) for job in jobs]
    refuse_foreign((job for job, done in zip(jobs, kept, strict=True) if not done), target, manifest)
    outcomes = tuple(
        Converted(job.title, target.join(job.path), "kept" if done else "planned")
        for job, done in zip(jobs, kept, strict=True)
    )
    if on_outcome is not None:
        for outcome in outcomes:
            on_outcome(outcome)
    return Work(outcomes, list_outdated(jobs, (), damaged, target, manifest))


@dataclass(frozen=True, repr=False)
class _Making:
    """The making of one file as a task.

    Attributes
    ----------
    row : int
        Its place among the jobs.
    job : Job
        What becomes the file.
    target : Target
        Where to, and how.
    load : callable
        Loads a stack as the volume to write, with the options that are given by name.
    options : Options
        Those of `load`.
    workers : int
        Threads to read in, in this process.
    """

    row: int
    job: Job
    target: Target
    load: Callable[..., VolumeData]
    options: Options
    workers: int

    @property
    def title(self) -> str:
        return self.job.title

    def measure(self) -> int | None:
        return measure_volumes(self.job.stacks, self.options)

    def run(self) -> _Made:
        return self._make(partial(self.load, workers=self.workers))

    def run_at(self, place: Place) -> _Made:
        load = partial(self.load, workers=place.threads, max_bytes=self.options.max_bytes or place.max_bytes)
        return self._make(load)

    def fail(self, error: DicomLoadError) -> _Made:
        return _Made(self.row, Converted(self.title, self.target.join(self.job.path), "refused", str(error)), None)

    def _make(self, load: Callable[[SeriesData], VolumeData]) -> _Made:
        path = self.target.join(self.job.path)
        with collect_warnings() as said:
            try:
                _write_job(self.job, self.target, load, path)
                status: Status = "written"
                reason, size = None, measure_size(path)[1]
            except DicomLoadError as error:
                status, reason, size = "refused", str(error), None
        return _Made(self.row, Converted(self.title, path, status, reason, tuple(dict.fromkeys(said))), size)


class _Made(NamedTuple):
    """The outcome of a job, and the size of its file in bytes."""

    row: int
    outcome: Converted
    size: int | None


def convert_groups(
    groups: Sequence[tuple[SeriesData, ...]],
    target: Target,
    load: Callable[..., VolumeData],
    options: Options,
    *,
    damaged: Sequence[str],
    client: distributed.Client | None,
    threads: int,
    progress: Progress | None,
    on_outcome: Callable[[Converted], None] | None,
) -> Work:
    """Write each group of stacks as one file.

    Parameters
    ----------
    groups : sequence of tuple of SeriesData
        One stack each, or the stacks of one series.
    target : Target
        Where to, and how.
    load : callable
        Loads a stack as the volume to write, ``load(stack, *, workers, max_bytes, progress)``; what it raises as a
        DicomLoadError is the reason of a refusal. With a client it has to pickle.
    options : Options
        Those of `load`.
    damaged : sequence of str
        Files of the source that cannot be read.
    client : distributed.Client, optional
        Whose workers write the files; the manifest is written here.
    threads : int
        Groups at the same time in this process.
    progress : callable, optional
        Called with (groups done, groups in all).
    on_outcome : callable, optional
        Called with each outcome as it is there; those that are kept first.

    Raises
    ------
    OSError
        The target cannot be written: the disk is full, a file is there that no earlier run has made …
    """
    os.makedirs(target.folder, exist_ok=True)
    with lock_folder(os.path.join(target.folder, _LOCK), "a conversion"):
        manifest = Manifest(os.path.join(target.folder, NAME))
        remove_unfinished(os.path.dirname(os.path.join(target.folder, path)) for path in manifest.list_begun())
        jobs = make_jobs(groups, target, manifest)
        outcomes = {
            row: Converted(job.title, target.join(job.path), "kept")
            for row, job in enumerate(jobs)
            if is_done(job, target, manifest)
        }
        step = make_stepper(len(jobs), progress)
        report = on_outcome or (lambda _: None)
        for outcome in outcomes.values():
            report(outcome)
            step()
        waiting = [row for row in range(len(jobs)) if row not in outcomes]
        refuse_foreign((jobs[row] for row in waiting), target, manifest)

        stop = Stop()
        load_here = partial(load, progress=stop) if client is None else load  # it does not pickle

        def begin_each() -> Iterator[_Making]:
            workers = max(1, threads // max(1, len(waiting)))
            for row in waiting:
                # Noted first: a run that is killed leaves no file that nobody knows.
                manifest.add(jobs[row].begin())
                yield _Making(row, jobs[row], target, load_here, options, workers)

        with closing(run_tasks(begin_each(), client, stop.set, threads=threads)) as results:
            for row, outcome, size in results:
                manifest.add(jobs[row].end(outcome.status, outcome.reason, outcome.warnings, size))
                outcomes[row] = outcome
                for sentence in outcome.warnings:
                    warn(f"{outcome.title}: {sentence}")
                report(outcome)
                step()
        if client is not None:  # what killed workers have left
            remove_unfinished({os.path.dirname(outcome.path) for outcome in outcomes.values()})
        refused = [job for row, job in enumerate(jobs) if outcomes[row].status == "refused"]
        outdated = list_outdated(jobs, refused, damaged, target, manifest)
    return Work(tuple(outcomes[row] for row in range(len(jobs))), outdated)


def _write_job(job: Job, target: Target, load: Callable[[SeriesData], VolumeData], path: str) -> None:
    volumes = [load(stack) for stack in job.stacks]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if target.suffix in _NIFTI:
        save_nifti(volumes, path)
    else:
        save(volumes[0], path)
