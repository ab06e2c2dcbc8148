"""What a conversion makes of which stacks: the names of new files, and what earlier runs have done about them."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from .manifest import Entry, make_key, stamp_files
from .naming import name_stacks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..stacks.series_data import SeriesData
    from .manifest import Manifest

# What stands beside a file, by its suffix.
_BESIDE = dict.fromkeys((".nii", ".nii.gz"), (".json", ".bval", ".bvec"))


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

    def join(self, path: str) -> str:
        """A path below the folder, with ``/``, as the system has it."""
        return os.path.join(self.folder, *path.split("/"))


class Job(NamedTuple):
    """What becomes one file.

    Attributes
    ----------
    stacks : tuple of SeriesData
        One, or those of a series.
    key : str
        In the manifest.
    path : str
        Of the file, as `Target.join` takes it.
    files : list of [name, size, stamp]
        What is read.
    how : dict
        How it is named and made.
    """

    stacks: tuple[SeriesData, ...]
    key: str
    path: str
    files: list[list[Any]]
    how: dict[str, Any]

    @property
    def title(self) -> str:
        """The series, and the stack where it is one of several."""
        first, count = self.stacks[0], len(self.stacks)
        return first.title if count == 1 else f"{replace(first, labels=()).title} ({count} stacks)"

    def begin(self) -> Entry:
        """The entry of what is begun."""
        return Entry(self.key, self.path, "begun", None, [], self.how, [], None)

    def end(self, status: str, reason: str | None, warnings: Sequence[str], size: int | None) -> Entry:
        """The entry of what became of it."""
        return Entry(self.key, self.path, status, reason, list(warnings), self.how, self.files, size)


def make_jobs(groups: Sequence[tuple[SeriesData, ...]], target: Target, manifest: Manifest) -> list[Job]:
    """One job a group, under the name that an earlier run has given it by the same template, or a new one."""
    made_of = [make_key(group) for group in groups]
    stems, known = {}, {}
    for entry in manifest.list_entries():
        origin, suffix = _split_key(entry.key)
        stems[origin] = stem = entry.path.removesuffix(suffix)
        if entry.how.get("name") == target.template:
            known[origin] = stem
    new = [row for row, origin in enumerate(made_of) if origin not in known]
    renamed = {made_of[row] for row in new}
    taken = {stem.lower() for origin, stem in stems.items() if origin not in renamed}
    names = dict(zip(new, name_stacks([groups[row][0] for row in new], target.template, taken), strict=True))
    how = _describe_job(target)
    return [
        Job(
            group,
            f"{origin}|{target.suffix}",
            f"{known[origin] if origin in known else names[row]}{target.suffix}",
            stamp_files(group),
            how,
        )
        for row, (origin, group) in enumerate(zip(made_of, groups, strict=True))
    ]


def _describe_job(target: Target) -> dict[str, Any]:
    """How a file is named and made."""
    return {**target.how, "name": target.template}


def _split_key(key: str) -> tuple[str, str]:
    """Split the key of an entry into that of the stacks and the suffix of the file."""
    origin, _, suffix = key.rpartition("|")
    return origin, suffix


def is_done(job: Job, target: Target, manifest: Manifest) -> bool:
    """Tell whether an earlier run has made the file of these very files in this way, and it is still there."""
    entry = manifest.find(job.key) if target.resume else None
    return (
        entry is not None
        and entry.status == "written"
        and (entry.path, entry.how, entry.files) == (job.path, job.how, job.files)
        and measure_size(target.join(job.path)) == (True, entry.size)
    )


def measure_size(path: str) -> tuple[bool, int | None]:
    """Tell whether there is something at a path, and the size of a file."""
    if os.path.isdir(path):
        return True, None
    try:
        return True, os.path.getsize(path)
    except OSError:
        return False, None


def refuse_foreign(jobs: Iterable[Job], target: Target, manifest: Manifest) -> None:
    """Refuse to replace what no earlier run has made of the same stacks.

    Raises
    ------
    FileExistsError
        It is there.
    """
    makers = {}
    for key, path in manifest.history:
        origin, suffix = _split_key(key)
        makers.update(dict.fromkeys(_list_files(path, suffix), origin))
    for job in jobs:
        origin, suffix = _split_key(job.key)
        for file in _list_files(job.path, suffix):
            path = target.join(file)
            if os.path.lexists(path) and makers.get(file) != origin:
                words = "no conversion has made it of these images: move it, or choose another name"
                raise FileExistsError(f"{path} exists, and {words}")


def list_outdated(
    jobs: Sequence[Job], refused: Sequence[Job], damaged: Iterable[str], target: Target, manifest: Manifest
) -> tuple[str, ...]:
    """List the files of earlier runs that are still there, though their images are no more what they were.

    Parameters
    ----------
    jobs, refused : sequence of Job
        All jobs of this run, and those that could not be done.
    damaged : iterable of str
        Files of the source that cannot be read.
    target, manifest
        Where the files are, and what is known of them; those that were made in another way are not looked at.
    """
    gone = {job.key for job in refused}
    made = {job.key for job in jobs} - gone
    now: dict[str, Any] = {file[0]: file for job in jobs for file in job.files} | dict.fromkeys(damaged)
    how = _describe_job(target)
    old = [
        target.join(entry.path)
        for entry in manifest.list_entries()
        if entry.key not in made
        and (_split_key(entry.key)[1], entry.how) == (target.suffix, how)
        and (entry.key in gone or any(now.get(file[0], file) != file for file in entry.files))
    ]
    return tuple(path for path in old if os.path.lexists(path))


def _list_files(path: str, suffix: str) -> Iterator[str]:
    """List the file of a job, and what may stand beside it."""
    yield path
    for beside in _BESIDE.get(suffix, ()):
        yield path.removesuffix(suffix) + beside
