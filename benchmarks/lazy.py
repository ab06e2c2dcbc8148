"""The peers that open a series and read parts of it: ours, and what people use in the place of a lazy reader.

What is opened once is opened by the first run, which is not timed.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import measure, peers
from .peers import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from .data import Data
    from .measure import Row

    Pixels = NDArray[Any]
    Slices = dict[int, Pixels]

_CHUNK = 32  # slices
_SINGLE = 16  # slices that are read one by one
_ZARR_CHUNK = 16  # slices

NOTE = (
    f"**opened**: what is needed before a slice can be asked for. **{_SINGLE} slices**: one by one from an image that "
    "is open; the floor reads their bytes. **dask** computes all in its threads and puts the chunks together, which is "
    "a copy more than `load` takes, and twice the memory: where the system has to find that first, it is most of the "
    "time. dask.delayed over dcmread has a chunk a slice; nibabel reads an uncompressed NIfTI file that dcm2niix has "
    "made before, slices from its `dataobj`. **into Zarr**: peak memory of "
    f"`open(…, chunks={{'z': {_ZARR_CHUNK}}}).to_dataset().to_zarr(…)`."
)


def _single(data: Data) -> list[int]:
    """The slices that are read one by one, all over the series."""
    last, count = data.work.slices - 1, min(_SINGLE, data.work.slices)
    return [last * k // (count - 1) for k in range(count)]


def _read_single(open_image: Callable[[Data], Any], data: Data) -> Slices:
    image = open_image(data)
    return {k: np.asarray(image[k]) for k in _single(data)}


def _put_into_whole(made: Slices, data: Data) -> Iterable[Pixels]:
    """What the files hold, with the slices that were read in their places."""
    (whole,) = peers.DEFAULT.run(data)
    for k, pixels in made.items():
        whole[k] = pixels
    return [whole]


def _read_whole(open_image: Callable[[Data], Any], data: Data) -> list[Pixels]:
    return [np.asarray(open_image(data))]


# ---------------------------------------------------------------------------------------------------- vtkdicomload
def _open(data: Data, chunk: int | None = None) -> Any:
    import vtkdicomload

    (folder,) = data.folders
    return vtkdicomload.open(folder, chunks=chunk and {"z": chunk})


@cache
def _opened(data: Data) -> Any:
    return _open(data)


def _scan(data: Data) -> Any:
    import vtkdicomload

    return vtkdicomload.scan(data.folders[0])


def _load_scanned(found: Any, _: Data) -> list[Pixels]:
    return [found[0].load().frames]


def _load_opened(image: Any, _: Data) -> list[Pixels]:
    return [np.asarray(image)]


def _write_zarr(data: Data) -> Any:
    """A store of the series, in a temporary folder."""
    place = tempfile.TemporaryDirectory()
    _open(data, _ZARR_CHUNK).to_dataset().to_zarr(Path(place.name) / "a.zarr", zarr_format=3, consolidated=False)
    return place


def _read_zarr(place: Any, _: Data) -> list[Pixels]:
    with place:
        return [import_module("zarr").open_group(Path(place.name) / "a.zarr", mode="r")["image"][...]]


# ---------------------------------------------------------------------------------------------------- the floor
def _read_slice_bytes(data: Data) -> Slices:
    work, slices = data.work, {}
    for k in _single(data):
        words = np.empty(work.frame_bytes, np.uint8)
        with open(_names(data)[k], "rb", buffering=0) as file:
            file.seek(-work.frame_bytes, os.SEEK_END)
            file.readinto(words.data)
        slices[k] = words
    return slices


@cache
def _names(data: Data) -> list[Path]:
    return data.files[::-1]  # instance numbers run against the normal


def _from_bytes(made: Slices, data: Data) -> Iterable[Pixels]:
    work = data.work
    values = {k: words.view(work.dtype).reshape(work.rows, work.columns) for k, words in made.items()}
    return _put_into_whole({k: stored + np.int16(work.intercept) for k, stored in values.items()}, data)


# ---------------------------------------------------------------------------------------------------- pydicom and dask
def _read_slice(path: Path) -> Pixels:
    import pydicom

    pixels: Pixels = peers.stack_datasets([pydicom.dcmread(path)])[0]
    return pixels


def _delay(data: Data) -> Any:
    """The recipe that people use: headers for the order, then a delayed `dcmread` for each slice."""
    import pydicom

    dask, array = import_module("dask"), import_module("dask.array")
    headers = {path: pydicom.dcmread(path, stop_before_pixels=True) for path in data.files}
    paths = sorted(headers, key=lambda path: float(headers[path].ImagePositionPatient[2]))
    sample = _read_slice(paths[0])
    read = dask.delayed(_read_slice)
    return array.stack([array.from_delayed(read(path), sample.shape, sample.dtype) for path in paths])


@cache
def _delayed(data: Data) -> Any:
    return _delay(data)


# ---------------------------------------------------------------------------------------------------- nibabel
def _make_twin(data: Data) -> Path:
    """The series as an uncompressed NIfTI file, made once beside it."""
    twin = data.folder / "twin.nii"
    if not twin.is_file():
        command = [import_module("dcm2niix").bin, "-z", "n", "-b", "n", "-f", "twin", "-o", os.fspath(data.folder)]
        subprocess.run([*command, os.fspath(data.folders[0])], check=True, capture_output=True)  # noqa: S603 - a fixed command
    return twin


class _Twin:
    """A NIfTI file in the order of slices, rows and columns."""

    def __init__(self, path: Path) -> None:
        self._pixels = import_module("nibabel").load(path).dataobj

    def __getitem__(self, k: int) -> Pixels:
        return np.asarray(self._pixels[:, :, k]).T[::-1]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Pixels:
        return np.asarray(self._pixels).T[:, ::-1]


def _open_twin(data: Data) -> _Twin:
    return _Twin(_make_twin(data))


# ---------------------------------------------------------------------------------------------------- all of them
_OURS, _DELAYED, _NIBABEL = "vtkdicomload.open", "pydicom + dask.delayed", "nibabel, NIfTI"


def _ours(run: Callable[[Data], Any], values: Callable[[Any, Data], Iterable[Any]] = peers.as_it_is) -> Peer:
    return Peer(_OURS, "vtkdicomload", "vtkdicomload", run, values, needs="open")


def _pydicom(run: Callable[[Data], Any], values: Callable[[Any, Data], Iterable[Any]] = peers.as_it_is) -> Peer:
    return Peer(_DELAYED, "dask", "dask.array", run, values)


def _nibabel(run: Callable[[Data], Any], values: Callable[[Any, Data], Iterable[Any]] = peers.as_it_is) -> Peer:
    return Peer(_NIBABEL, "nibabel", "nibabel", run, values)


SCAN = Peer("vtkdicomload.scan", "vtkdicomload", "vtkdicomload", _scan, _load_scanned)
_OPENED = (SCAN, _ours(_open, _load_opened), _pydicom(_delay, _load_opened), _nibabel(_open_twin, _load_opened))
_SLICES = (
    peers.FLOOR._replace(run=_read_slice_bytes, values=_from_bytes),
    _ours(partial(_read_single, _opened), _put_into_whole),
    _pydicom(partial(_read_single, _delayed), _put_into_whole),
    _nibabel(partial(_read_single, _open_twin), _put_into_whole),
)
_WHOLE = (
    peers.DEFAULT,
    _ours(partial(_read_whole, _open)),
    _ours(partial(_read_whole, partial(_open, chunk=_CHUNK)))._replace(name=f"{_OURS}, dask, {_CHUNK} slices a chunk"),
    _pydicom(partial(_read_whole, _delay)),
    _nibabel(partial(_read_whole, _open_twin)),
)
ZARR = _ours(_write_zarr, _read_zarr)._replace(name=f"{_OURS}, to_zarr")
PARTS = {"opened": _OPENED, f"{_SINGLE} slices": _SLICES, "whole": _WHOLE}


def measure_parts(data: Data, rounds: int) -> list[Row]:
    """Time what it takes to open a series, to read slices and the whole; measure the peak memory of writing it."""
    rows: list[Row] = []
    for words, sides in PARTS.items():
        rows += measure.timed(sides, [_retitle(data, words)], rounds)
    return rows


def measure_memory(data: Data, tiny: Data) -> list[Row]:
    """The peak memory of writing a series to Zarr."""
    return measure.peak_memory([ZARR], _retitle(data, "into Zarr"), tiny)


def _retitle(data: Data, words: str) -> Data:
    return data._replace(work=data.work._replace(title=f"{data.work.title}, {words}"))
