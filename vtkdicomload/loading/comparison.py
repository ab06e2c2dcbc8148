"""`vtkdicomload bench`: the ways to load one series, side by side on the user's own files."""

from __future__ import annotations

import os
import statistics
import time
import warnings
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.names import is_utf8
from .._util.warnings import hush
from ..catalog.damage import make_damage_error
from ..errors import DicomLoadError
from ..headers.transfer_syntaxes import DEFLATED_LITTLE
from ..readers.vtk_safety import explain_unsafe_file
from ..sources.folders import find_whole_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    import pydicom

    from .._util.arrays import Pixels
    from ..sources.file import File
    from ..stacks.series_data import SeriesData
    from .volume_data import VolumeData

    Load = Callable[..., VolumeData]

FLOOR = "floor: read of the pixel bytes"
_FAILED = "failed"
_UNREADABLE_NAME = "it cannot open the folder's name"
_CLOSE = 1e-6  # of the largest value: what single precision may cost


@dataclass(frozen=True)
class Row:
    """One way to load the series.

    Attributes
    ----------
    name : str
        The way.
    seconds : float or None
        Median; None where it could not be timed.
    ratio : float or None
        The median over that of the floor.
    words : str
        Whether its values are those of `vtkdicomload.load`, or why it was not timed.
    """

    name: str
    seconds: float | None
    ratio: float | None
    words: str


@dataclass(frozen=True)
class Comparison:
    """The measurements of `compare`.

    Attributes
    ----------
    title : str
        The series in words.
    pixel_bytes : int
        Stored bytes of its pixels, compressed ones as they are.
    rounds, cores : int
        Rounds that count, and processor cores that this process may use.
    rows : tuple of Row
        The ways, the floor first.
    """

    title: str
    pixel_bytes: int
    rounds: int
    cores: int
    rows: tuple[Row, ...]


def compare(
    series: SeriesData, load: Load, *, rounds: int = 5, progress: Callable[[int, int], None] | None = None
) -> Comparison:
    """Time the ways to load one series, in alternation, and compare the values they give.

    Every way starts from files and ends with an array or image. One more round comes first, in which the values are
    compared; it does not count. The files are in memory then, if they fit: the disk is not measured.

    Parameters
    ----------
    series : Series
        One series, or one stack that is made of whole files.
    load : callable
        `vtkdicomload.load`, which is compared with the others.
    rounds : int
        Rounds that count.
    progress : callable, optional
        Called with (runs done, runs in all).

    Returns
    -------
    Comparison

    Raises
    ------
    DicomLoadError
        The series does not load.
    ValueError
        `rounds` is less than 1.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be 1 or more, not {rounds}")
    if series.problems:
        # It may be a slice of the series: a part of it is not what should be timed.
        raise make_damage_error(series.problems)
    headers = {frame.path: frame.header for frame in series.frames}
    if sum(h.number_of_frames for h in headers.values()) != len(series.frames):
        raise DicomLoadError("a part of a multi-frame file cannot be compared: the other ways load whole files")
    files = [header.file.local_path for header in headers.values()]
    if None in files:
        raise DicomLoadError("only files on disk can be compared: the other ways read nothing else")
    volume = load(files)
    ways, refused = _list_ways(volume, load)
    words: dict[str, str] = {}
    seconds: dict[str, list[float]] = {way.name: [] for way in ways}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # all were said by the load above
        for turn in range(rounds + 1):
            for i, way in enumerate(ways):
                if turn == 0:
                    words[way.name] = _run_first(way, volume.frames)
                elif not words[way.name].startswith(_FAILED):
                    seconds[way.name].append(_time_way(way.run))
                if progress is not None:
                    progress(turn * len(ways) + i + 1, len(ways) * (rounds + 1))
    floor = statistics.median(seconds[FLOOR])
    medians = {name: statistics.median(taken) if taken else None for name, taken in seconds.items()}
    rows = [Row(name, took, None if took is None else took / floor, words[name]) for name, took in medians.items()]
    return Comparison(volume.series.title, _count_pixel_bytes(volume.series), rounds, _count_cores(), (*rows, *refused))


def _run_first(way: _ReadingWay, truth: Pixels) -> str:
    """Run a way once, not for its time: whether it works, and what its values are."""
    try:
        made = way.run()
        values = None if way.values is None else way.values(made)
    except MemoryError:
        raise
    except Exception as error:  # of another library, which may raise whatever it likes
        if way.own:
            raise
        # Without the words of the error: they may quote the value of an attribute.
        return f"{_FAILED} ({type(error).__name__})"
    return "" if values is None else judge_values(values, truth)


def _time_way(run: Callable[[], Any]) -> float:
    start = time.perf_counter()
    made = run()
    took = time.perf_counter() - start
    del made  # giving the memory back is not timed
    return took


def judge_values(values: Pixels, truth: Pixels) -> str:
    """Say how values compare with those of `vtkdicomload.load`, in words; both (slices, rows, columns), or (…, 3)."""
    if values.shape != truth.shape:
        return f"another shape: {'×'.join(map(str, values.shape))}"
    different = sum(np.count_nonzero(a != b) for a, b in zip(values, truth, strict=True))
    if not different:
        return "same values"
    if all(np.array_equal(a, b) for a, b in zip(values[::-1], truth, strict=True)):
        return "same values, slices in the opposite order"
    worst = max(float(np.abs(a - b.astype(np.float64)).max()) for a, b in zip(values, truth, strict=True))
    if worst <= _CLOSE * float(np.abs(truth.astype(np.float64)).max()):
        return "same values to single precision"
    return f"OTHER VALUES: {100 * different / truth.size:.3g} % of them differ, by up to {worst:.6g}"


# ---------------------------------------------------------------------------------------------------- the ways
@dataclass(frozen=True)
class _ReadingWay:
    name: str
    run: Callable[[], Any]
    values: Callable[[Any], Pixels] | None  # what it made as (slices, rows, columns), slices along their normal
    own: bool = False  # nothing of another library, whose failure would be a row of the table


def _list_ways(volume: VolumeData, load: Load) -> tuple[list[_ReadingWay], list[Row]]:
    """Say what can be timed for the series of a volume, the floor first; and what cannot, with the reason."""
    series = volume.series
    files = list({f.header.file.local_path or "": None for f in series.frames})
    folder = find_whole_folder(files)
    ways = [
        _ReadingWay(FLOOR, partial(_read_pixel_bytes, series), None, own=True),
        _ReadingWay("vtkdicomload.load", partial(load, files), lambda made: made.frames, own=True),
        _ReadingWay(
            "vtkdicomload.load, workers=1", partial(load, files, workers=1), lambda made: made.frames, own=True
        ),
    ]
    refused = []
    name = "vtkDICOMImageReader, directory"
    reason = _explain_unfit_for_vtk(series, folder)
    if reason is None and folder is not None:
        ways.append(_ReadingWay(name, partial(_load_vtk, folder), _convert_vtk))
    else:
        refused.append(Row(name, None, None, f"not run: {reason}"))
    if not all(map(is_utf8, files)):
        refused.append(Row("SimpleITK", None, None, f"not run: {_UNREADABLE_NAME}"))
    elif _has_simpleitk():
        ways.append(_ReadingWay("SimpleITK", partial(_load_simpleitk, files, folder, series.uid), _convert_simpleitk))
    else:
        refused.append(Row("SimpleITK", None, None, "not installed → python -m pip install SimpleITK"))
    ways.append(_ReadingWay("pydicom, numpy.stack", partial(_load_pydicom, files, volume.dtype), lambda made: made))
    return ways, refused


def _read_pixel_bytes(series: SeriesData) -> Pixels:
    """One thread reads the stored bytes of the pixels into a fresh array."""
    out = np.empty(_count_pixel_bytes(series), np.uint8)
    at = 0
    for start, length, file in _locate_pixels(series):
        file.read_into(out[at : at + length].data, start)
        at += length
    return out


def _locate_pixels(series: SeriesData) -> list[tuple[int, int, File]]:
    """Offset and length of the pixel bytes of each file; of a deflated one the whole file."""
    headers = {frame.path: frame.header for frame in series.frames}.values()
    return [
        (0, h.file.size or 0, h.file)
        if h.transfer_syntax == DEFLATED_LITTLE
        else (h.pixel_offset, h.pixel_length, h.file)
        for h in headers
    ]


def _count_pixel_bytes(series: SeriesData) -> int:
    return sum(length for _, length, _ in _locate_pixels(series))


def _explain_unfit_for_vtk(series: SeriesData, folder: str | None) -> str | None:
    """Say why vtkDICOMImageReader must not get the folder: it reads every file there and may crash on one."""
    if folder is None:
        return "no folder holds just these files"
    if not is_utf8(folder):
        return _UNREADABLE_NAME
    for header in {frame.path: frame.header for frame in series.frames}.values():
        reason = explain_unsafe_file(header)
        if reason:
            return f"{os.path.basename(header.path)}: {reason}"
    return None


def _load_vtk(folder: str) -> Any:
    from vtkmodules.vtkIOImage import vtkDICOMImageReader

    reader: Any = vtkDICOMImageReader()
    hush(reader, "ErrorEvent", "WarningEvent")
    reader.SetDirectoryName(folder)
    reader.Update()
    return reader.GetOutput()


def _convert_vtk(image: Any) -> Pixels:
    from vtkmodules.util.numpy_support import vtk_to_numpy

    as_numpy: Callable[[Any], Pixels] = vtk_to_numpy
    return as_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])[::-1, ::-1]


def _has_simpleitk() -> bool:
    try:
        import_module("SimpleITK")
    except ImportError:
        return False
    return True


def _load_simpleitk(files: list[str], folder: str | None, uid: str | None) -> Any:
    sitk: Any = import_module("SimpleITK")
    loud = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        if len(files) == 1:
            return sitk.ReadImage(files[0])
        reader = sitk.ImageSeriesReader()
        # Files that it cannot be asked to find alone are handed over in their order.
        reader.SetFileNames(files if folder is None or uid is None else reader.GetGDCMSeriesFileNames(folder, uid))
        return reader.Execute()
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(loud)


def _convert_simpleitk(image: Any) -> Pixels:
    sitk: Any = import_module("SimpleITK")
    values: Pixels = sitk.GetArrayFromImage(image)
    return values


def _load_pydicom(files: list[str], dtype: np.dtype[Any]) -> Pixels:
    """The loop of the tutorials: read, sort along the normal, rescale, stack."""
    import pydicom

    datasets = [pydicom.dcmread(path) for path in files]
    if all(d.get("ImagePositionPatient") and d.get("ImageOrientationPatient") for d in datasets):
        datasets.sort(key=_place)
    slices = [_rescale_values(dataset, dtype) for dataset in datasets]
    return (
        slices[0] if len(slices) == 1 and slices[0].ndim > 2 and "NumberOfFrames" in datasets[0] else np.stack(slices)
    )


def _place(dataset: pydicom.Dataset) -> float:
    row, column = np.reshape(dataset.ImageOrientationPatient, (2, 3)).astype(float)
    return float(np.dot(np.cross(row, column), np.asarray(dataset.ImagePositionPatient, float)))


def _rescale_values(dataset: pydicom.Dataset, dtype: np.dtype[Any]) -> Pixels:
    stored: Pixels = dataset.pixel_array
    slope, intercept = float(dataset.get("RescaleSlope") or 1), float(dataset.get("RescaleIntercept") or 0)
    return stored if (slope, intercept) == (1, 0) else (stored * slope + intercept).astype(dtype)


def _count_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
