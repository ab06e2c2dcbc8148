"""What `test_cluster` asks of a cluster of two processes, in a process of its own: prints JSON.

dask keeps threads and file handles for as long as a process lives, and its functions travel by value from ``__main__``.
"""

from __future__ import annotations

import inspect
import json
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import numpy as np
from distributed import Client, LocalCluster

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "s3cr3t"


def end_process() -> None:
    """End a worker, once its nanny knows that it runs: in the place of one that dies sooner dask may start no other."""
    import asyncio
    import os

    from distributed import get_worker
    from distributed.protocol import pickle
    from distributed.utils import sync

    worker = get_worker()
    ask = pickle.dumps(lambda dask_worker: dask_worker.status.name == dask_worker.process.status.name == "running")

    async def wait() -> None:
        while not (await worker.rpc(worker.nanny).run(function=ask))["result"]:
            await asyncio.sleep(0.01)

    sync(worker.loop, wait)
    os._exit(1)


# What each worker runs first, maybe twice: the conversion of what is called so ends the process.
DEADLY = f"""
import functools
from vtkdicomload.bulk import conversion

{inspect.getsource(end_process)}
def write(real, job, target, load, path):
    if "deadly" in path:
        end_process()
    real(job, target, load, path)

if not isinstance(conversion._write_job, functools.partial):
    conversion._write_job = functools.partial(write, conversion._write_job)
"""


def is_settled(dask_worker: Any) -> bool:
    """Tell whether a nanny, which dask calls a worker here, knows that its worker runs."""
    running = {getattr(one, "status", None) for one in (dask_worker, dask_worker.process)}
    return {getattr(status, "name", "") for status in running} == {"running"}


def kill_worker(client: Client) -> int:
    """Kill a worker, in whose place dask starts another one."""
    settled: dict[str, bool] = {}
    while not settled or not all(settled.values()):
        with suppress(OSError):  # one that is going does not answer
            settled = client.run(is_settled, nanny=True)
    killed = next(iter(client.run(os.getpid).values()))
    os.kill(killed, signal.SIGKILL)
    return killed


def measure(volume: vdl.Volume) -> tuple[int, float]:
    return os.getpid(), float(volume.frames.sum())


def divide(volume: vdl.Volume) -> float:
    return 1 / (len(volume.frames) - 5)


class BrokenError(Exception):
    """One that cannot be unpickled, as many cannot."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{what} in {where}")


def break_down(volume: vdl.Volume) -> None:
    raise BrokenError("nothing", "there")


def die(volume: vdl.Volume) -> int:
    if Path(str(volume.series.folder)).name == "deadly":
        end_process()
    return os.getpid()


def refuse(**options: Any) -> str:
    try:
        vdl.load_many([], **options)
    except ValueError as error:
        return str(error)
    return ""


def list_tasks(client: Client) -> list[str]:
    return client.run_on_scheduler(lambda dask_scheduler: list(map(str, dask_scheduler.tasks)))


def count_left(client: Client) -> int:
    """Futures that are not let go, once the scheduler has forgotten all tasks."""
    while list_tasks(client):
        pass
    return len(client.futures)


def run_ambient(client: Client, root: Path) -> Any:
    (done,) = vdl.load_many([root / "in/a"], apply=measure)
    return done.result[0] == os.getpid()


def run_refusals(client: Client, root: Path) -> Any:
    return [refuse(client=client), refuse(client=client, apply=measure, gather=True)]


def run_apply(client: Client, root: Path) -> Any:
    os.chdir(root / "in")
    sources = ["a", vdl.scan("b")[0], [str(p) for p in sorted(Path("c").iterdir())]]
    results = list(vdl.load_many(sources, apply=measure, client=client))
    here = [vdl.load(source) for source in sources]
    for k, (done, volume) in enumerate(zip(results, here, strict=True)):
        assert (done.index, done.error, done.volume) == (k, None, None)
        assert done.source is sources[k]
        assert done.result[1] == float(volume.frames.sum())
        assert (done.shape, done.dtype, done.checks) == (volume.shape, volume.dtype, volume.checks)
        np.testing.assert_array_equal(done.affine, volume.affine)
    return all(done.result[0] != os.getpid() for done in results)


def run_gather(client: Client, root: Path) -> Any:
    (done,) = vdl.load_many([root / "in/a"], client=client, gather=True)
    volume = vdl.load(root / "in/a")
    np.testing.assert_array_equal(done.volume.frames, volume.frames)
    return bool((done.volume.affine == volume.affine).all())


def run_open(client: Client, root: Path) -> Any:
    shapes = []
    for path in sorted((root / "opened").iterdir()):
        image = vdl.open(path, chunks={"z": 2})
        expected = np.stack([volume.frames for volume in vdl.load_all(path)])
        np.testing.assert_array_equal(image.compute(scheduler=client), expected.reshape(image.shape))
        shapes.append(image.shape)
    return shapes


def run_errors(client: Client, root: Path) -> Any:
    sources = [root / "in/gap", root / "nowhere", root / "in/a", root / "in/b"]
    there = list(vdl.load_many(sources, client=client, gather=True))
    here = list(vdl.load_many(sources))
    for one, other in zip(there[:2], here[:2], strict=True):
        assert type(one.error) is type(other.error)
        assert str(one.error) == str(other.error)
        assert (one.error.files, one.error.remedies) == (other.error.files, other.error.remedies)
    (failed,) = vdl.load_many([root / "in/a"], client=client, apply=divide)
    (broken,) = vdl.load_many([root / "in/a"], client=client, apply=break_down)
    notes = [failed.error.__notes__[0], broken.error.__notes__[0]]
    return [there[0].error.gaps == here[0].error.gaps, type(failed.error).__name__, str(broken.error), *notes]


def take_lock(volume: Any) -> Any:
    return threading.Lock()


def run_unsendable(client: Client, root: Path) -> Any:
    lost, kept = vdl.load_many([root / "in/a", root / "in/gap"], client=client, apply=take_lock)
    try:
        vdl.load_many([root / "in/a"], client=client, apply=threading.Lock().acquire)
    except TypeError as error:
        return [str(lost.error), type(kept.error).__name__, str(error)]
    return None


def run_closed(client: Client, root: Path) -> Any:
    said = []
    other = Client(client.scheduler.address, set_as_default=False)
    other.close()
    for work in (
        lambda: vdl.load_many([root / "in/a"], client=other, apply=measure),
        lambda: vdl.convert(root / "in", root / "closed", client=other),
        lambda: vdl.Index.build(root / "in", root / "closed", client=other),
    ):
        try:
            work()
        except ConnectionError as error:
            said.append(str(error))
    return [said, (root / "closed").exists()]


def run_flight(client: Client, root: Path) -> Any:
    taken, most = 0, 0

    def take() -> Iterator[Path]:
        nonlocal taken
        for _ in range(30):
            taken += 1
            yield root / "in/a"

    keys: list[str] = []
    for count, _ in enumerate(vdl.load_many(take(), client=client, apply=measure)):
        most = max(most, taken - count)
        if count == 3:
            keys = list_tasks(client)
    return [most, keys, count_left(client)]


def run_secret(client: Client, root: Path) -> Any:
    results = vdl.load_many([3], client=client, apply=measure, storage_options={"key": SECRET})
    try:
        next(results)
    except TypeError as error:
        return str(error)
    return None


def run_interrupted(client: Client, root: Path) -> Any:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    try:
        vdl.convert(root / "in", root / "interrupted", format="nii", client=client, progress=stop)
    except KeyboardInterrupt:
        again = vdl.convert(root / "in", root / "interrupted", format="nii", client=client)
        return [again.count("written") + again.count("kept"), count_left(client)]
    return None


def run_convert(client: Client, root: Path) -> Any:
    done = vdl.convert(root / "in", root / "there", format="nii", client=client)
    vdl.convert(root / "in", root / "here", format="nii")
    again = vdl.convert(root / "in", root / "there", format="nii", client=client)
    return [[outcome.status for outcome in done], [outcome.status for outcome in again]]


def run_verify(client: Client, root: Path) -> Any:
    record = root / "record.jsonl"
    there, here = vdl.verify(root / "in", client=client, record=record), vdl.verify(root / "in")
    assert list(there) == list(here)
    return [[outcome.status for outcome in there], len(record.read_text().splitlines())]


def run_killed(client: Client, root: Path) -> Any:
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        if done == 2:
            killed.append(kill_worker(client))

    done = vdl.convert(root / "many", root / "killed", format="nii", client=client, progress=kill)
    return [len(killed), [outcome.status for outcome in done]]


def run_deadly(client: Client, root: Path) -> Any:
    done = vdl.convert(root / "deadly", root / "dead", format="nii", name="{folder}", client=client)
    left = [path.name for path in (root / "dead").iterdir() if path.name.startswith(".")]
    return [[(outcome.status, outcome.reason) for outcome in done], left]


def run_deadly_function(client: Client, root: Path) -> Any:
    client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0))
    found = vdl.scan(root / "deadly")
    results = list(vdl.load_many(found, client=client, apply=die))
    return [[str(done.error or "") for done in results], [done.result is not None for done in results]]


def run_index(client: Client, root: Path) -> Any:
    killed: list[int] = []

    def kill(done: int, total: int) -> None:
        if done > total // 4 and not killed:
            killed.append(kill_worker(client))

    def build(name: str, **options: Any) -> vdl.Index:
        return vdl.Index.build(root / "many", root / name, patient_key="key", **options)

    there, here = build("there.index", client=client, progress=kill), build("here.index")
    assert [*there] == [*here]
    left = [path.name for path in (root / "there.index").rglob(".*")]
    return [len(killed), there.counts == here.counts, build("there.index", client=client).files_read, left]


CASES = (
    *(run_ambient, run_refusals, run_apply, run_gather, run_open, run_errors, run_unsendable),
    *(run_closed, run_flight, run_secret, run_interrupted),
    *(run_convert, run_verify, run_killed, run_deadly, run_index, run_deadly_function),
)


def main(folder: str) -> None:
    root = Path(folder)
    preload = root / "preload.py"
    preload.write_text(DEADLY)
    settings: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    # Two deaths of a worker end a task here, where four do by default: nobody need wait for all of them.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(**settings, preload=[str(preload)]) as cluster,
        Client(cluster) as client,
    ):
        print(json.dumps({case.__name__: case(client, root) for case in CASES}))


if __name__ == "__main__":
    main(sys.argv[1])
