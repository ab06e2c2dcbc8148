"""What a task is: a piece of work that runs in a thread of this process, or on a worker of a cluster."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from ..errors import DicomLoadError
from ..loading.plan import plan_volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..loading.options import Options
    from ..stacks.series_data import SeriesData

T_co = TypeVar("T_co", covariant=True)


class Place(NamedTuple):
    """The worker that a task runs on.

    Attributes
    ----------
    threads : int
        In which to read.
    max_bytes : int or None
        What a volume may take there.
    """

    threads: int
    max_bytes: int | None


class Task(Protocol[T_co]):
    """A piece of work. It pickles, and shows nothing of the caller's options."""

    @property
    def title(self) -> str:
        """What it is about, for messages."""

    def measure(self) -> int | None:
        """Bytes of the volumes that it loads, as far as headers tell."""

    def run(self) -> T_co:
        """Do it here."""

    def run_at(self, place: Place) -> T_co:
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
