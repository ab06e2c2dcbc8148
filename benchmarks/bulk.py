"""The peers that work through a whole archive: load it, convert it, index it, alone or with workers."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import tempfile
import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import measure, peers
from .data import digest
from .peers import Peer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from .data import Data
    from .measure import Row

    Pixels = NDArray[Any]

_OURS = ("vtkdicomload", "vtkdicomload")
_INDEX_FIELDS = ("outcome", "series_number", "instance_number", "position", "rows", "intercept")
SECOND_RUN = "vtkdicomload.Index, second run"
VOLUMES = "peak memory × one volume"
NOTE = (
    "All volumes of an archive are kept, but for the peak memory, where one is let go before the next is taken. "
    "**pydicom, process pool**: as many processes as cores, forked for each run, send the stacked arrays. "
    "**convert** writes into a fresh folder, with acquisition parameters as JSON beside each file, as dcm2niix does; "
    f"dcm2niix compresses {'by pigz' if shutil.which('pigz') else 'by itself, as there is no pigz'}. "
    "**workers**: processes of dask.distributed with one thread each. **second run** of an index: no file has changed."
)


# ---------------------------------------------------------------------------------------------------- loading
def _take_each(data: Data) -> Iterator[Pixels]:
    import vtkdicomload

    for done in vtkdicomload.load_many(data.folders):
        if done.volume is not None:
            yield done.volume.frames


def _let_go(data: Data) -> str:
    """The checksum of all volumes, of which one is taken at a time."""
    return digest(_take_each(data), data.work)


def _load_in_pool(data: Data) -> list[Pixels]:
    forked = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else None)
    with ProcessPoolExecutor(mp_context=forked) as pool:  # a process that ends waits for those that it has
        return list(pool.map(peers.load_by_pydicom, data.folders))


ONE_AT_A_TIME = Peer("vtkdicomload, load_many", *_OURS, _let_go, summed=True)
POOL = Peer("pydicom, process pool", "pydicom", "pydicom", _load_in_pool)
LOADERS = (peers.DEFAULT, peers.LOAD_MANY, peers.SIMPLEITK, POOL)


def measure_memory(data: Data, tiny: Data) -> list[Row]:
    """The peak memory of `load_many`, as a multiple of one volume."""
    rows = measure.peak_memory([ONE_AT_A_TIME], _retitle(data, VOLUMES), tiny)
    return [row._replace(memory=row.memory and row.memory * data.work.series) for row in rows]


# ---------------------------------------------------------------------------------------------------- converting
def _convert(data: Data, form: str) -> Any:
    import vtkdicomload

    place = tempfile.TemporaryDirectory()
    vtkdicomload.convert(data.folder, place.name, format=form, name="{number}")
    return place


def _convert_by_dcm2niix(data: Data, form: str) -> Any:
    place = tempfile.TemporaryDirectory()
    packed = ["-z", "y" if form == "nii.gz" else "n"]
    command = [import_module("dcm2niix").bin, *packed, "-f", "%s", "-o", place.name, os.fspath(data.folder)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed command
    return place


def _read_converted(place: Any, data: Data, *, turned: bool) -> Iterator[Pixels]:
    """The volumes in the files of a temporary folder, in the order of their series numbers."""
    with place:
        files = [path for path in Path(place.name).iterdir() if ".nii" in path.suffixes]
        for file in sorted(files, key=lambda path: int(path.name.partition(".")[0])):
            frames = peers.read_nifti(file)
            yield frames[:, ::-1] if turned else frames


def _list_converters(form: str) -> tuple[Peer, ...]:
    ours, theirs = (partial(_read_converted, turned=turned) for turned in (False, True))
    return (
        Peer("vtkdicomload.convert", *_OURS, partial(_convert, form=form), ours, needs="convert"),
        Peer("dcm2niix", "dcm2niix", "dcm2niix", partial(_convert_by_dcm2niix, form=form), theirs),
    )


CONVERTERS = {f".{form}": _list_converters(form) for form in ("nii", "nii.gz")}


# ---------------------------------------------------------------------------------------------------- workers
@cache
def _start_workers(count: int) -> Any:
    distributed = import_module("distributed")
    cluster = distributed.LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None)
    return distributed.Client(cluster, set_as_default=False)


def _sum_frames(volume: Any) -> list[int]:
    return [zlib.crc32(frame) for frame in volume.frames]


def _load_by_workers(data: Data, count: int) -> list[list[int]]:
    import vtkdicomload

    many = vtkdicomload.load_many(data.folders, client=_start_workers(count), apply=_sum_frames)
    return [done.result for done in many if done.result is not None]


def _compare_sums(made: list[list[int]], data: Data) -> Iterable[Pixels]:
    """The volumes, where their sums are those that the workers have made."""
    volumes = peers.DEFAULT.run(data)
    return volumes if made == [[zlib.crc32(frame) for frame in volume] for volume in volumes] else []


WORKERS = tuple(
    Peer(
        f"vtkdicomload, {count} worker{'s' if count > 1 else ''}",
        "vtkdicomload",
        "distributed",
        partial(_load_by_workers, count=count),
        _compare_sums,
    )
    for count in (1, 2)
)


# ---------------------------------------------------------------------------------------------------- the index
def _index(data: Data) -> Any:
    import vtkdicomload

    return vtkdicomload.Index.build(data.folder, data.folder.with_name(f"{data.folder.name}.index"))


def _read_index(index: Any, _: Data) -> Iterator[tuple[float, ...]]:
    parquet = import_module("pyarrow.parquet")
    for file in sorted(Path(index.path).glob("files/*/*.parquet")):
        for row in parquet.read_table(file, columns=list(_INDEX_FIELDS), partitioning=None).to_pylist():
            outcome, number, instance, position, rows, intercept = (row[name] for name in _INDEX_FIELDS)
            if outcome == "image":
                yield number, instance, *position, rows, intercept


INDEX = Peer(SECOND_RUN, "vtkdicomload", "pyarrow", _index, _read_index, headers=True)


def measure_archives(
    archives: list[Data], converted: Data, shared: Data, indexed: Data, tiny: Data, rounds: int
) -> list[Row]:
    """Time archives that are loaded, converted, loaded by workers, and indexed again; and measure the peak memory."""
    rows = measure.timed(LOADERS, archives, rounds)
    rows += measure_memory(archives[0], tiny)
    for suffix, sides in CONVERTERS.items():
        rows += measure.timed(sides, [_retitle(converted, f"to {suffix}")], rounds)
    rows += measure.timed(WORKERS, [shared], rounds)
    again = measure.timed([INDEX], [_retitle(indexed, "indexed")], rounds)
    return rows + [row._replace(files=len(indexed.files)) for row in again]


def _retitle(data: Data, words: str) -> Data:
    return data._replace(work=data.work._replace(title=f"{data.work.title}, {words}"))
