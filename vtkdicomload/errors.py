"""Every exception and warning of vtkdicomload.

::

    DicomLoadError(Exception)
    ├── NoDicomError                 nothing there to load (also a FileNotFoundError)
    ├── CorruptFileError             truncated, lengths out of bounds, unparsable required value (also a ValueError)
    ├── MultipleSeriesError          several series and none chosen
    ├── InconsistentSeriesError      rows, columns, pixel format, orientation or spacing differ between frames
    ├── GeometryError                no regular volume can be made of these positions
    │   ├── MissingSliceError
    │   ├── DuplicateSliceError
    │   └── ShearedSeriesError
    ├── UnsupportedPixelDataError    an encoding that is not read
    │   └── CompressedPixelDataError
    ├── ZeroPixelDataError           zeros in memory where the files hold something else
    └── ReaderMismatchError          two independent readers disagree
    DicomLoadWarning(UserWarning)    the result is right, but something was assumed

One clause catches the whole library::

    try:
        volume = vtkdicomload.load(path)
    except vtkdicomload.DicomLoadError as error:
        print(error)  # what, the numbers, which files, and the call that goes past it
        print(error.files)  # what to look at, or to pass to ``ignore=``
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "CompressedPixelDataError",
    "CorruptFileError",
    "DicomLoadError",
    "DicomLoadWarning",
    "DuplicateSliceError",
    "GeometryError",
    "InconsistentSeriesError",
    "MissingSliceError",
    "MultipleSeriesError",
    "NoDicomError",
    "ReaderMismatchError",
    "ShearedSeriesError",
    "UnsupportedPixelDataError",
    "ZeroPixelDataError",
]


class DicomLoadError(Exception):
    """The base of every error that loading raises.

    Parameters
    ----------
    message : str
        What is wrong, the numbers, which files, and the call that goes past it.
    files : iterable of path-like, optional
        The files to look at, or to pass to ``ignore=``.

    Attributes
    ----------
    files : tuple of str
        The files given.
    """

    def __init__(self, message: str, *, files: Iterable[str | os.PathLike[str]] = ()) -> None:
        super().__init__(message)
        self.files: tuple[str, ...] = tuple(os.fspath(f) for f in files)


class NoDicomError(DicomLoadError, FileNotFoundError):
    """There is nothing to load at the source; the message counts what was there instead."""


class CorruptFileError(DicomLoadError, ValueError):
    """A file that says it is DICOM cannot be read whole: it is truncated, a length points outside it,
    or a value that loading needs cannot be parsed.
    """


class MultipleSeriesError(DicomLoadError):
    """The source holds several series and none was chosen.

    Attributes
    ----------
    scan : Scan or None
        The list to choose from.
    """

    def __init__(self, message: str, *, files: Iterable[str | os.PathLike[str]] = (), scan: Any = None) -> None:
        super().__init__(message, files=files)
        self.scan = scan


class InconsistentSeriesError(DicomLoadError):
    """Rows, columns, pixel format, orientation or spacing differ between the frames of one series.

    Attributes
    ----------
    stacks : tuple of Series
        The clean stacks that the series divides into; empty where it does not.
    """

    def __init__(
        self, message: str, *, files: Iterable[str | os.PathLike[str]] = (), stacks: Sequence[Any] = ()
    ) -> None:
        super().__init__(message, files=files)
        self.stacks = tuple(stacks)


class GeometryError(DicomLoadError):
    """No regular volume can be made of the positions in the files."""


class MissingSliceError(GeometryError):
    """The gaps between the slices are not even: slices are missing, or were taken unevenly.

    Attributes
    ----------
    gaps : tuple of float
        Every gap in mm along the slice normal, in ascending order of position.
    """

    def __init__(
        self, message: str, *, files: Iterable[str | os.PathLike[str]] = (), gaps: Sequence[float] = ()
    ) -> None:
        super().__init__(message, files=files)
        self.gaps = tuple(gaps)


class DuplicateSliceError(GeometryError):
    """Several frames lie at one position: copies of files, or several volumes in one series.

    Attributes
    ----------
    stacks : tuple of Series
        The clean stacks that the series divides into; empty where it does not.
    """

    def __init__(
        self, message: str, *, files: Iterable[str | os.PathLike[str]] = (), stacks: Sequence[Any] = ()
    ) -> None:
        super().__init__(message, files=files)
        self.stacks = tuple(stacks)


class ShearedSeriesError(GeometryError):
    """The slices do not step along their normal: a tilted gantry, or an in-plane shift.

    Attributes
    ----------
    tilt : float
        The angle in degrees between the step from slice to slice and the slice normal.
    """

    def __init__(self, message: str, *, files: Iterable[str | os.PathLike[str]] = (), tilt: float = 0.0) -> None:
        super().__init__(message, files=files)
        self.tilt = tilt


class UnsupportedPixelDataError(DicomLoadError):
    """The pixel data is in a form that is not read."""


class CompressedPixelDataError(UnsupportedPixelDataError):
    """The pixel data is compressed and could not be decoded; the message names the transfer syntax."""


class ZeroPixelDataError(DicomLoadError):
    """A reader gave zeros where the file holds something else."""


class ReaderMismatchError(DicomLoadError):
    """Two independent readers gave different pixels or sizes for one file."""


class DicomLoadWarning(UserWarning):
    """The result is right as far as the files say, but something was assumed."""


def damaged(path: str, what: str, *, part: str = "") -> CorruptFileError:
    """The error that says what is wrong with one file or, as in ``part=", frame 3"``, with a part of it."""
    return CorruptFileError(f"{path}{part}: {what} → get the file again, or ignore=[{path!r}]", files=[path])


def first_line(error: Exception) -> str:
    """What another library says of an error, short enough for a message of ours; its kind where it says nothing."""
    words = str(error).strip()
    return words.splitlines()[0][:200] if words else type(error).__name__
