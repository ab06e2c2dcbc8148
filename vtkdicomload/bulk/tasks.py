"""What a task is: a piece of work that runs in a thread of this process, or on a worker of a cluster."""

from __future__ import annotations

import contextlib
import hashlib
import os
from math import prod
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from ..errors import DicomLoadError
from ..loading.plan import plan_volume

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..loading.options import Options
    from ..stacks.series_data import SeriesData

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
_MOST_BEGINNINGS = 2


class Place(NamedTuple):
    """The worker that a task runs on.

    Attributes
    ----------
    threads : int
        In which to read.
    max_bytes : int or None
        What a volume may take there.
    alone : bool
        Whether nothing else of this run is at work anywhere.
    """

    threads: int
    max_bytes: int | None
    alone: bool


class Interrupted(NamedTuple):
    """The outcome of a task whose worker died, be it of this task or of another: it is to run once more, alone."""

    address: str = "a worker"


class Task(Protocol[T_co]):
    """A piece of work. It pickles, and shows nothing of the caller's options."""

    @property
    def title(self) -> str:
        """What it is about, for messages."""

    def measure(self) -> int | None:
        """Bytes of the volumes that it loads, as far as headers tell."""

    def run(self) -> T_co:
        """Do it here."""

    def run_at(self, place: Place) -> T_co | Interrupted:
        """Do it on a worker."""

    def fail(self, error: DicomLoadError) -> T_co:
        """Make the result of what no worker could do."""


def measure_volumes(stacks: Sequence[SeriesData], options: Options) -> int | None:
    """Bytes of the volumes of stacks by their plans; None where one has no plan, or no header of its own yet."""
    try:
        plans = [plan_volume(stack, options) for stack in stacks if not stack.header.file.is_described]
    except (DicomLoadError, ValueError):
        return None  # it will be the result of the task
    sizes = [prod(plan.shape) * plan.conversion.dtype.itemsize for plan in plans]
    return sum(sizes) if len(sizes) == len(stacks) else None


def run_noted(
    work: Callable[[], T], note: str, place: Place, fail: Callable[[DicomLoadError], T], title: str
) -> T | Interrupted:
    """Do work whose beginnings are noted in a file: a worker that dies leaves the note, and a third one is refused.

    Parameters
    ----------
    work : callable
        What is to be done.
    note : str
        From `name_note`.
    place : Place
        Where this is.
    fail : callable
        Makes the result of a refusal.
    title : str
        Of what, for its message.
    """
    begun = os.path.getsize(note) if os.path.exists(note) else 0
    if begun >= _MOST_BEGINNINGS:
        os.unlink(note)
        return fail(DicomLoadError(f"{title}: {begun} workers died while they were at it, the last at it alone"))
    if begun and not place.alone:
        return Interrupted()
    os.makedirs(os.path.dirname(note), exist_ok=True)
    with open(note, "ab") as file:
        file.write(b".")
    try:
        return work()
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(note)


def name_note(path: str, run: str) -> str:
    """The file for the beginnings of what makes `path` in one run: hidden, and removed as an unfinished file is."""
    digest = hashlib.sha256(f"{run}:{path}".encode("utf-8", "surrogateescape")).hexdigest()
    return os.path.join(os.path.dirname(path), f".{digest[:16]}.part")
