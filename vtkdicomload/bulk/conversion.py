"""`convert`: every stack of a source as a file of another format, one or several at a time, with a manifest."""

from __future__ import annotations

import os
import secrets
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .._util.atomic import remove_unfinished
from .._util.lock import lock_folder
from .._util.public import public
from .._util.threads import make_stepper
from .._util.warnings import collect_warnings, warn
from ..conversions.files import save
from ..conversions.nifti_series import save_nifti
from ..errors import DicomLoadError
from .cluster import run_tasks
from .manifest import Entry, Manifest, make_key, stamp_files
from .naming import name_stacks
from .outcomes import Outcomes
from .tasks import measure_volumes, name_note, run_noted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import distributed

    from .._util.threads import Progress
    from ..loading.options import Options
    from ..loading.volume_data import VolumeData
    from ..stacks.series_data import SeriesData
    from .tasks import Interrupted, Place

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
    """

    __slots__ = ()
    _GOOD = ("written", "kept", "planned")


class Target(NamedTuple):
    """Where the new files go and what they are like.

    Attributes
    ----------
    folder : str
        It is made where it does not exist.
    suffix : str
        The format.
    template : str
        Of the names.
    how : dict
        What else decides about the content, for the manifest; a file made in another way is made again.
    resume : bool
        Keep what an earlier run has written from the same files in the same way.
    """

    folder: str
    suffix: str
    template: str
    how: dict[str, Any]
    resume: bool


class _Job(NamedTuple):
    """What becomes one file."""

    stacks: tuple[SeriesData, ...]
    key: str
    path: str  # below the folder of the target, with ``/``
    files: list[list[Any]]

    @property
    def title(self) -> str:
        """The series, and the stack where it is one of several."""
        first, count = self.stacks[0], len(self.stacks)
        return first.title if count == 1 else f"{replace(first, labels=()).title} ({count} stacks)"


def plan_conversion(groups: Sequence[tuple[SeriesData, ...]], target: Target) -> tuple[Converted, ...]:
    """Say what `convert_groups` would do; nothing is written."""
    manifest = Manifest(os.path.join(target.folder, NAME))
    return tuple(
        Converted(job.title, _join(target, job), "kept" if _is_done(job, target, manifest) else "planned")
        for job in _make_jobs(groups, target, manifest)
    )


@dataclass(frozen=True, repr=False)
class _Making:
    """The making of one file as a task.

    Attributes
    ----------
    row : int
        Its place among the jobs.
    job : _Job
        What becomes the file.
    target : Target
        Where to, and how.
    load : callable
        Loads a stack as the volume to write, with the options that are given by name.
    options : Options
        Those of `load`.
    note : str
        Where a worker notes that it has begun.
    """

    row: int
    job: _Job
    target: Target
    load: Callable[..., VolumeData]
    options: Options
    note: str

    @property
    def title(self) -> str:
        return self.job.title

    def measure(self) -> int | None:
        return measure_volumes(self.job.stacks, self.options)

    def run(self) -> _Made:
        return self._make(partial(self.load, workers=1))

    def run_at(self, place: Place) -> _Made | Interrupted:
        load = partial(self.load, workers=place.threads, max_bytes=self.options.max_bytes or place.max_bytes)
        return run_noted(lambda: self._make(load), self.note, place, self.fail, self.title)

    def fail(self, error: DicomLoadError) -> _Made:
        return _Made(self.row, Converted(self.title, _join(self.target, self.job), "refused", str(error)), None)

    def _make(self, load: Callable[[SeriesData], VolumeData]) -> _Made:
        path = _join(self.target, self.job)
        with collect_warnings() as said:
            try:
                _write_job(self.job, self.target, load, path)
                status: Status = "written"
                reason, size = None, _measure_size(path)[1]
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
    client: distributed.Client | None,
    threads: int,
    progress: Progress | None,
) -> tuple[Converted, ...]:
    """Write each group of stacks as one file.

    Parameters
    ----------
    groups : sequence of tuple of SeriesData
        One stack each, or the stacks of one series.
    target : Target
        Where to, and how.
    load : callable
        Loads a stack as the volume to write, ``load(stack, *, workers, max_bytes)``; what it raises as a DicomLoadError
        is the reason of a refusal. With a client it has to pickle.
    options : Options
        Those of `load`.
    client : distributed.Client, optional
        Whose workers write the files; the manifest is written here.
    threads : int
        Groups at the same time in this process.
    progress : callable, optional
        Called with (groups done, groups in all).

    Raises
    ------
    OSError
        The target cannot be written: the disk is full, a file is there that no earlier run has made …
    """
    os.makedirs(target.folder, exist_ok=True)
    with lock_folder(os.path.join(target.folder, _LOCK), "a conversion"):
        manifest = Manifest(os.path.join(target.folder, NAME))
        remove_unfinished(os.path.dirname(os.path.join(target.folder, path)) for path in manifest.list_begun())
        jobs = _make_jobs(groups, target, manifest)
        outcomes = {
            row: Converted(job.title, _join(target, job), "kept")
            for row, job in enumerate(jobs)
            if _is_done(job, target, manifest)
        }
        step = make_stepper(len(jobs), progress)
        for _ in outcomes:
            step()
        waiting = [row for row in range(len(jobs)) if row not in outcomes]
        for row in waiting:
            _refuse_foreign(jobs[row], target, manifest)

        def begin_each() -> Iterator[_Making]:
            run = secrets.token_hex(8)
            for row in waiting:
                # Noted first: a run that is killed leaves no file that nobody knows.
                manifest.add(_make_entry(jobs[row], target))
                note = name_note(_join(target, jobs[row]), run)
                yield _Making(row, jobs[row], target, load, options, note)

        with closing(run_tasks(begin_each(), client, threads=threads)) as results:
            for row, outcome, size in results:
                entry = replace(_make_entry(jobs[row], target), status=outcome.status, reason=outcome.reason)
                manifest.add(replace(entry, warnings=list(outcome.warnings), size=size))
                outcomes[row] = outcome
                for sentence in outcome.warnings:
                    warn(f"{outcome.title}: {sentence}")
                step()
        if client is not None:  # what killed workers have left
            remove_unfinished({os.path.dirname(outcome.path) for outcome in outcomes.values()})
    return tuple(outcomes[row] for row in range(len(jobs)))


def _make_entry(job: _Job, target: Target) -> Entry:
    """The entry of what is begun."""
    return Entry(job.key, job.path, "begun", None, [], target.how, job.files, None)


def _make_jobs(groups: Sequence[tuple[SeriesData, ...]], target: Target, manifest: Manifest) -> list[_Job]:
    """One job a group, under the name that an earlier run has given it or a new one."""
    keys = [make_key(group) for group in groups]
    known = {key: path for key, path in manifest.list_paths().items() if path.lower().endswith(target.suffix)}
    new = [row for row, key in enumerate(keys) if key not in known]
    taken = {path[: -len(target.suffix)].lower() for path in known.values()}
    names = dict(zip(new, name_stacks([groups[row][0] for row in new], target.template, taken), strict=True))
    return [
        _Job(group, key, known.get(key) or f"{names[row]}{target.suffix}", stamp_files(group))
        for row, (key, group) in enumerate(zip(keys, groups, strict=True))
    ]


def _join(target: Target, job: _Job) -> str:
    return os.path.join(target.folder, *job.path.split("/"))


def _is_done(job: _Job, target: Target, manifest: Manifest) -> bool:
    """Tell whether an earlier run has made the file of these very files in this way, and it is still there."""
    entry = manifest.find(job.key) if target.resume else None
    return (
        entry is not None
        and entry.status == "written"
        and entry.path == job.path
        and entry.how == target.how
        and entry.files == job.files
        and _measure_size(_join(target, job)) == (True, entry.size)
    )


def _measure_size(path: str) -> tuple[bool, int | None]:
    """Tell whether there is something at a path, and the size of a file."""
    if os.path.isdir(path):
        return True, None
    try:
        return True, os.path.getsize(path)
    except OSError:
        return False, None


def _refuse_foreign(job: _Job, target: Target, manifest: Manifest) -> None:
    """Refuse to replace what no earlier run has made."""
    path, entry = _join(target, job), manifest.find(job.key)
    if os.path.lexists(path) and (entry is None or entry.path != job.path):
        raise FileExistsError(f"{path} exists, and no conversion has made it: move it, or choose another name")


def _write_job(job: _Job, target: Target, load: Callable[[SeriesData], VolumeData], path: str) -> None:
    volumes = [load(stack) for stack in job.stacks]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if target.suffix in _NIFTI:
        save_nifti(volumes, path)
    else:
        save(volumes[0], path)
