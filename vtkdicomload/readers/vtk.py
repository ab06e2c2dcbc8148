"""vtkDICOMImageReader itself, let loose only on files that it reads right, and held to what the headers say.

It is configured one of its two classical ways: a directory where a folder holds exactly the files of the frames, else
a ``vtkStringArray`` of naturally sorted file names, walked with a fresh reader a file since it ignores SetFileNames.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.names import is_utf8, natural_key
from ..errors import CorruptFileError
from ..errors.remedies import SetOption, Step
from ..sources.folders import find_whole_folder
from .dtype import NamedOverflow, is_fractional, is_identity, predict_vtk_dtype
from .rescale import put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .._util.arrays import Pixels
    from ..headers.model import Frame
    from ..sources.file import File
    from .dtype import Conversion

NAME = "vtk"

_SINGLE = 1e-5  # vtkDICOMImageReader keeps spacing and positions in single precision
_VTK_TYPES = {"uint8": "unsigned char", "int16": "short", "uint16": "unsigned short", "float32": "float"}
_ROUGH = 0.05  # of a slice spacing: VTK takes the distance of the two highest slices only


def refusal(frames: Sequence[Frame], conversion: Conversion) -> str | None:
    """Say why vtkDICOMImageReader is not right for one of the frames, and for which file; None where it is."""
    from .vtk_safety import explain_unsafe_file, explain_unsafe_values

    for frame in frames:
        reason = (
            _explain_path_fault(frame.header.file)
            or _explain_conversion_fault(frame, conversion)
            or explain_unsafe_file(frame.header)
            or explain_unsafe_values(frame)
        )
        if reason:
            return f"{frame.path}: {reason}"
    return None


def fill(
    frames: Sequence[Frame],
    conversion: Conversion,
    out: Pixels,
    step: Callable[[], None],
    workers: int | None = None,
) -> tuple[str, ...]:
    """Put the values of every frame into `out`, as `Reader.fill` says, through vtkDICOMImageReader."""
    folder = _find_directory(frames)
    if folder is None:
        _fill_by_names(frames, conversion, out, step)
    else:
        _fill_by_directory(folder, frames, conversion, out, step)
    way = "string array" if folder is None else "directory"
    noun = "file" if len(frames) == 1 else "files"
    return (f"extent, spacing and scalars of {len(frames)} {noun} agree with vtkDICOMImageReader (by {way})",)


# ------------------------------------------------------------------------------------------------------ the two ways
def _fill_by_directory(
    folder: str, frames: Sequence[Frame], conversion: Conversion, out: Pixels, step: Callable[[], None]
) -> None:
    for frame in frames:
        frame.header.file.check_unchanged()
    array = _run_reader("SetDirectoryName", folder, frames)
    # VTK counts rows from the bottom and slices from the largest position along row × column.
    for k, values in enumerate(array.T[::-1, ::-1]):
        with NamedOverflow(frames[k]):
            put(values, conversion, out[k])
        step()


def _fill_by_names(frames: Sequence[Frame], conversion: Conversion, out: Pixels, step: Callable[[], None]) -> None:
    names, places = _sort_naturally(frames)
    for i, k in enumerate(places):
        frames[k].header.file.check_unchanged()
        array = _run_reader("SetFileName", names.GetValue(i), frames[k : k + 1])
        with NamedOverflow(frames[k]):
            put(array.T[0, ::-1], conversion, out[k])
        step()


def _sort_naturally(frames: Sequence[Frame]) -> tuple[Any, list[int]]:
    """The file names in natural order as a vtkStringArray, and which frame each one is."""
    from vtkmodules.vtkCommonCore import vtkStringArray

    paths = _list_local_paths(frames)
    places = [*range(len(frames))]
    if len(places) > 1:
        key = natural_key()
        places.sort(key=lambda k: key(paths[k]))
    names = vtkStringArray()
    for k in places:
        names.InsertNextValue(paths[k])
    return names, places


def _find_directory(frames: Sequence[Frame]) -> str | None:
    """The folder that may be handed to SetDirectoryName to get exactly these frames in this order; else None."""
    if len(frames) < 2 or len(set(map(_format, frames))) > 1 or not _vtk_sorts_like(frames):
        return None
    return find_whole_folder(_list_local_paths(frames))


def _format(frame: Frame) -> tuple[object, ...]:
    """Say what VTK takes from the file that the system lists last, for all of them."""
    h = frame.header
    return (
        h.series_uid,
        h.rows,
        h.columns,
        h.bits_allocated,
        h.pixel_representation,
        h.pixel_spacing,
        frame.slope,
        frame.intercept,
    )


def _vtk_sorts_like(frames: Sequence[Frame]) -> bool:
    """Tell whether VTK's sort by a single-precision projection on row × column gives the frames in their order."""
    if any(frame.position is None or frame.orientation is None for frame in frames):
        return False
    projections = _compute_projections(frames)
    reach = max(abs(x) for frame in frames for x in frame.position or ())
    return bool((np.diff(projections) > _SINGLE * max(1.0, reach)).all())


def _compute_projections(frames: Sequence[Frame]) -> Pixels:
    cosines = np.array([frame.orientation for frame in frames])
    # DICOMAppHelper::GetImagePositionPatientFilenamePairs: each by its own orientation, not normalised.
    normals = np.cross(cosines[:, :3], cosines[:, 3:])
    projections: Pixels = (normals * np.array([frame.position for frame in frames])).sum(axis=1)
    return projections


# -------------------------------------------------------------------------------------------------------- one reading
def _make_silent_reader() -> tuple[Any, list[str]]:
    """A fresh vtkDICOMImageReader, and the list that takes its errors and warnings instead of stderr."""
    from vtkmodules.util.misc import calldata_type
    from vtkmodules.util.vtkConstants import VTK_STRING
    from vtkmodules.vtkIOImage import vtkDICOMImageReader

    complaints: list[str] = []

    def complain(_caller: object, _event: str, text: str) -> None:
        complaints.append(text)

    taking: Callable[[int], Callable[[Any], Any]] = calldata_type
    reader: Any = vtkDICOMImageReader()
    for speaker in (reader, reader.GetExecutive()):
        for event in ("ErrorEvent", "WarningEvent"):
            speaker.AddObserver(event, taking(VTK_STRING)(complain))
    return reader, complaints


def _run_reader(way: str, source: str, frames: Sequence[Frame]) -> Pixels:
    """The pixels of one Update as (nx, ny, nz) in Fortran order, once all that VTK says agrees with the headers."""
    from vtkmodules.util.numpy_support import vtk_to_numpy

    reader, complaints = _make_silent_reader()
    getattr(reader, way)(source)
    # Through the executive: Update() of the reader itself returns nothing, whatever happened.
    status = reader.GetExecutive().Update()
    fault = next(_list_failures(reader, complaints, status, frames), None)
    image = reader.GetOutput()
    del reader  # it keeps its last file open, which a traceback would prolong
    if fault:
        raise CorruptFileError(
            f"vtkDICOMImageReader failed on {source}: {fault}",
            files=[frame.path for frame in frames],
            remedies=[Step.SCAN_AGAIN, SetOption("engine", ("auto",))],
            what=fault,
        )
    as_numpy: Callable[[Any], Pixels] = vtk_to_numpy
    return as_numpy(image.GetPointData().GetArray(0)).reshape(image.GetDimensions(), order="F")


def _list_failures(reader: Any, complaints: list[str], status: int, frames: Sequence[Frame]) -> Iterator[str]:
    """Every sign that one reading went wrong: each misses some failures, so all of them are looked at."""
    yield from map(_strip_complaint, complaints)
    if status != 1:
        yield f"its executive returned {status}"
    if reader.GetErrorCode():
        from vtkmodules.vtkCommonMisc import vtkErrorCode

        yield f"error {reader.GetErrorCode()}, {vtkErrorCode.GetStringFromErrorCode(reader.GetErrorCode())}"
    h = frames[0].header
    extent = (0, h.columns - 1, 0, h.rows - 1, 0, len(frames) - 1)
    if tuple(reader.GetDataExtent()) != extent or tuple(reader.GetOutput().GetExtent()) != extent:
        yield f"its extent is {tuple(reader.GetDataExtent())}, not {extent}"
    if (reader.GetWidth(), reader.GetHeight()) != (h.columns, h.rows):
        yield f"it says {reader.GetWidth()}×{reader.GetHeight()}, not {h.columns}×{h.rows}"
    points = reader.GetOutput().GetPointData()
    scalars = points.GetScalars()
    if points.GetNumberOfArrays() != 1 or scalars is None or points.GetArray(0) is None:
        yield f"its output has {points.GetNumberOfArrays()} arrays"
    elif (scalars.GetNumberOfComponents(), scalars.GetNumberOfTuples()) != (1, h.columns * h.rows * len(frames)):
        yield f"its output has {scalars.GetNumberOfTuples()} values of {scalars.GetNumberOfComponents()} components"
    elif scalars.GetDataTypeAsString() != _VTK_TYPES[predict_vtk_dtype(frames[0]).name]:
        yield f"its output is {scalars.GetDataTypeAsString()}, not {predict_vtk_dtype(frames[0])}"
    yield from _list_spacing_failures(reader.GetPixelSpacing(), frames)


def _list_spacing_failures(said: Sequence[float], frames: Sequence[Frame]) -> Iterator[str]:
    header = frames[0].header
    unstated = 0.0 if "PixelSpacing" in header.blank else 1.0  # 0\0 in the file, or nothing
    row, column = header.pixel_spacing or (unstated, unstated)
    # Up to VTK 9.4 at least the two come in the order of PixelSpacing, not as x and y.
    if not (_close(said[:2], (column, row)) or _close(said[:2], (row, column))):
        yield f"its pixel spacing is {said[0]:g}×{said[1]:g} mm, not {column:g}×{row:g}"
    if len(frames) > 1:
        projections = _compute_projections(frames[-2:])
        gap, reach = float(projections[1] - projections[0]), float(np.abs(projections).max())
        if abs(said[2] - gap) > _ROUGH * gap + _SINGLE * reach:
            yield f"its slice spacing is {said[2]:g} mm, not {gap:g}"


def _close(said: Sequence[float], expected: Sequence[float]) -> bool:
    return all(math.isclose(a, b, rel_tol=_SINGLE) for a, b in zip(said, expected, strict=True))


def _strip_complaint(complaint: str) -> str:
    """VTK's own words without the place in its source and the address of the object."""
    lines = [line for line in complaint.splitlines() if line.strip() and not re.match(r"(ERROR|Warning): In ", line)]
    return re.sub(r"^\w+ \((0x)?[0-9a-fA-F]+\): ", "", lines[0]).strip() if lines else "an error without words"


def _list_local_paths(frames: Sequence[Frame]) -> list[str]:
    """List the paths of frames that `refusal` lets pass, which lie in files on disk."""
    return [frame.header.file.local_path or "" for frame in frames]


def _explain_path_fault(file: File) -> str | None:
    if file.local_path is None:
        return "VTK reads files on disk only"
    return None if is_utf8(file.local_path) else "VTK cannot open its name"


def _explain_conversion_fault(frame: Frame, conversion: Conversion) -> str | None:
    if not conversion.rescale and not is_identity(frame):
        return "VTK always rescales, stored values are asked for"
    h = frame.header
    if (frame.slope, frame.intercept) != (1 if h.slope is None else h.slope, h.intercept or 0):
        return "VTK rescales by the file's own slope and intercept, others are asked for"
    if is_fractional(frame) and conversion.dtype != np.float32:
        return f"VTK gives float32 for a fractional rescale, {conversion.dtype} is asked for"
    return None
