"""`convert`: every stack of a source as a file of another format, one or several at a time, with a manifest."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

from .._util.atomic import remove_unfinished
from .._util.lock import lock_folder
from .._util.public import public
from .._util.threads import make_stepper
from .._util.warnings import collect_warnings, warn
from ..conversions.files import save
from ..conversions.nifti_series import save_nifti
from ..errors import DicomLoadError
from .manifest import Entry, Manifest, stamp_files
from .naming import name_stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .._util.threads import Progress
    from ..loading.volume_data import VolumeData
    from ..stacks.series_data import SeriesData

Status = Literal["written", "kept", "refused", "planned"]
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
class Conversion(Sequence[Converted]):
    """The outcomes of `convert`, in the order of the scan.

    Attributes
    ----------
    target : str
        The folder of the new files.
    outcomes : tuple of Converted
        The list itself.
    damaged : tuple of str
        Damaged files that belong to no series.
    """

    target: str
    outcomes: tuple[Converted, ...]
    damaged: tuple[str, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Converted: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Converted, ...]: ...
    def __getitem__(self, index: int | slice) -> Converted | tuple[Converted, ...]:
        return self.outcomes[index]

    def __len__(self) -> int:
        return len(self.outcomes)

    def __iter__(self) -> Iterator[Converted]:
        return iter(self.outcomes)

    @property
    def whole(self) -> bool:
        """True where nothing was refused, and no damaged file is left over."""
        return not self.damaged and all(outcome.status != "refused" for outcome in self)

    def count(self, status: object) -> int:
        """Count the outcomes of a status."""
        return sum(outcome.status == status for outcome in self)

    def __repr__(self) -> str:
        lines = [f"{self.target}: {', '.join(f'{n} {status}' for status, n in self._count_all()) or 'nothing found'}"]
        lines += [f"refused: {outcome.title}: {outcome.reason}" for outcome in self if outcome.status == "refused"]
        lines += [f"damaged, of no series: {path}" for path in self.damaged]
        return "\n".join(lines)

    def _count_all(self) -> list[tuple[str, int]]:
        return list(Counter(outcome.status for outcome in self).items())


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
    manifest = Manifest(target.folder)
    return tuple(
        Converted(job.title, _join(target, job), "kept" if _is_done(job, target, manifest) else "planned")
        for job in _make_jobs(groups, target, manifest)
    )


def convert_groups(
    groups: Sequence[tuple[SeriesData, ...]],
    target: Target,
    load: Callable[[SeriesData], VolumeData],
    *,
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
        Loads a stack as the volume to write; what it raises as a DicomLoadError is the reason of a refusal.
    threads : int
        Groups at the same time.
    progress : callable, optional
        Called with (groups done, groups in all).

    Raises
    ------
    OSError
        The target cannot be written: the disk is full, a file is there that no earlier run has made …
    """
    os.makedirs(target.folder, exist_ok=True)
    with lock_folder(os.path.join(target.folder, _LOCK), "a conversion"):
        manifest = Manifest(target.folder)
        remove_unfinished(os.path.dirname(os.path.join(target.folder, path)) for path in manifest.list_begun())
        jobs = _make_jobs(groups, target, manifest)
        outcomes: list[Converted | None] = [None] * len(jobs)
        waiting = []
        for row, job in enumerate(jobs):
            if _is_done(job, target, manifest):
                outcomes[row] = Converted(job.title, _join(target, job), "kept")
            else:
                _refuse_foreign(job, target, manifest)
                waiting.append(row)
        step = make_stepper(len(jobs), progress)
        for _ in range(len(jobs) - len(waiting)):
            step()
        with ThreadPoolExecutor(threads, thread_name_prefix="vtkdicomload") as pool:
            futures = {pool.submit(_convert_one, jobs[row], target, load, manifest): row for row in waiting}
            try:
                for future in as_completed(futures):
                    row = futures[future]
                    outcomes[row] = outcome = future.result()
                    for sentence in outcome.warnings:
                        warn(f"{outcome.title}: {sentence}")
                    step()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
    return tuple(outcome for outcome in outcomes if outcome is not None)


def _make_jobs(groups: Sequence[tuple[SeriesData, ...]], target: Target, manifest: Manifest) -> list[_Job]:
    """One job a group, under the name that an earlier run has given it or a new one."""
    keys = [_make_key(group) for group in groups]
    known = {key: path for key, path in manifest.list_paths().items() if path.lower().endswith(target.suffix)}
    new = [row for row, key in enumerate(keys) if key not in known]
    taken = {path[: -len(target.suffix)].lower() for path in known.values()}
    names = dict(zip(new, name_stacks([groups[row][0] for row in new], target.template, taken), strict=True))
    return [
        _Job(group, key, known.get(key) or f"{names[row]}{target.suffix}", stamp_files(group))
        for row, (key, group) in enumerate(zip(keys, groups, strict=True))
    ]


def _make_key(group: tuple[SeriesData, ...]) -> str:
    """A key of a group that stays the same from one run to the next."""
    first = group[0]
    label = first.label if len(group) == 1 else f"{len(group)} stacks"
    return "|".join((first.header.study_uid or "", first.uid or first.files[0], label))


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


def _convert_one(job: _Job, target: Target, load: Callable[[SeriesData], VolumeData], manifest: Manifest) -> Converted:
    """Make one file. What is begun is noted first: a run that is killed leaves no file that nobody knows."""
    entry = Entry(job.key, job.path, "begun", None, [], target.how, job.files, None)
    manifest.add(entry)
    path = _join(target, job)
    with collect_warnings() as said:
        try:
            _write_job(job, target, load, path)
            outcome = Converted(job.title, path, "written", None, tuple(dict.fromkeys(said)))
        except DicomLoadError as error:
            outcome = Converted(job.title, path, "refused", str(error), tuple(dict.fromkeys(said)))
    _, size = _measure_size(path) if outcome.status == "written" else (False, None)
    told = list(outcome.warnings)
    manifest.add(replace(entry, status=outcome.status, reason=outcome.reason, warnings=told, size=size))
    return outcome


def _write_job(job: _Job, target: Target, load: Callable[[SeriesData], VolumeData], path: str) -> None:
    volumes = [load(stack) for stack in job.stacks]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if target.suffix in _NIFTI:
        save_nifti(volumes, path)
    else:
        save(volumes[0], path)
