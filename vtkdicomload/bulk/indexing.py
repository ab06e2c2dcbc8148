"""The files of an index read on a cluster: each bucket by one worker, which writes its rows."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..catalog.index.build import run_here
from ..errors import DicomLoadError
from .cluster import run_on_cluster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import distributed

    from ..catalog.index.buckets import BucketUpdate, Updated
    from ..catalog.index.build import Run
    from .tasks import Place


@dataclass(frozen=True, repr=False)
class _Updating:
    """The update of a bucket as a task; its result is an error where workers died of it."""

    update: BucketUpdate

    @property
    def title(self) -> str:
        return f"bucket {self.update.bucket} of the index"

    def measure(self) -> int | None:
        return None

    def run(self) -> Updated | DicomLoadError:
        return self.update.run()

    def run_at(self, place: Place) -> Updated | DicomLoadError:
        return self.update.run()

    def fail(self, error: DicomLoadError) -> Updated | DicomLoadError:
        return error


def choose_run(client: distributed.Client | None) -> Run:
    """Choose where the files of an index are read: here, or by the workers of a cluster."""
    return run_here if client is None else partial(_run_there, client)


def _run_there(client: distributed.Client, updates: list[BucketUpdate], step: Callable[[], None]) -> Iterator[Updated]:
    """Bring buckets up to date on a cluster.

    Raises
    ------
    DicomLoadError
        Workers died of some, once all others are done.
    """
    failed: list[DicomLoadError] = []
    with closing(run_on_cluster(client, map(_Updating, updates), as_completed=True)) as results:
        for done in results:
            if isinstance(done, DicomLoadError):
                failed.append(done)
                continue
            for _ in range(done.listed):
                step()
            yield done
    if failed:
        raise DicomLoadError(
            f"{len(failed)} of {len(updates)} buckets of the index could not be written, the others are: "
            f"{failed[0].message}"
        )
