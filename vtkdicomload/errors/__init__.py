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
        print(error.files)  # what to look at
        print(error.remedies)  # what goes past it, as data: see `vtkdicomload.errors.remedies`
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypedDict

from .remedies import GetAgain, LeaveOut
from .wording import compose_message, word_for_python

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self, Unpack

    from .remedies import Remedy
    from .wording import Wording

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


class _Common(TypedDict, total=False):
    """The arguments that every error takes beside its message."""

    files: Iterable[str | os.PathLike[str]]
    remedies: Iterable[Remedy]
    what: str


class DicomLoadError(Exception):
    """The base of every error that loading raises; its text is `message` and the `remedies` in words.

    Parameters
    ----------
    message : str
        What is wrong, the numbers and which files.
    files : iterable of path-like, optional
        The files to look at.
    remedies : iterable of Remedy, optional
        What goes past it.
    what : str, optional
        What is wrong, without the file's name.

    Attributes
    ----------
    message : str
        What is wrong, without the way past.
    what : str
        The same without the name of a file, where that was given; else `message`.
    files : tuple of str
        The files given.
    remedies : tuple of Remedy
        What goes past it, each by itself, the nearest first; empty where nothing is known to.
    """

    _wording: Wording = staticmethod(word_for_python)

    def __init__(
        self,
        message: str,
        *,
        files: Iterable[str | os.PathLike[str]] = (),
        remedies: Iterable[Remedy] = (),
        what: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.what = what or message
        self.files: tuple[str, ...] = tuple(os.fspath(f) for f in files)
        self.remedies: tuple[Remedy, ...] = tuple(remedies)

    def __str__(self) -> str:
        return compose_message(self.message, self.remedies, self._wording)

    def detached(self) -> Self:
        """The same error without its traceback, cause and context, whose frames would keep pixels alive."""
        # Not copy.copy: the import of dask.distributed makes that keep the traceback, and share the attributes.
        again = type(self).__new__(type(self), *self.args)
        again.args = self.args  # which an OSError does not take from __new__
        again.__dict__.update(self.__dict__)
        if hasattr(self, "__notes__"):
            again.__notes__ = list(self.__notes__)
        return again

    def reworded(self, wording: Wording) -> Self:
        """The same error, traceback, cause and notes too, with its remedies in the words of another place."""
        again = self.detached()
        again._wording = wording
        again.__cause__, again.__context__ = self.__cause__, self.__context__
        again.__suppress_context__ = self.__suppress_context__
        return again.with_traceback(self.__traceback__)


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

    def __init__(self, message: str, *, scan: Any = None, **common: Unpack[_Common]) -> None:
        super().__init__(message, **common)
        self.scan = scan


class InconsistentSeriesError(DicomLoadError):
    """Rows, columns, pixel format, orientation or spacing differ between the frames of one series.

    Attributes
    ----------
    stacks : tuple of Series
        The clean stacks that the series divides into; empty where it does not.
    """

    def __init__(self, message: str, *, stacks: Sequence[Any] = (), **common: Unpack[_Common]) -> None:
        super().__init__(message, **common)
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

    def __init__(self, message: str, *, gaps: Sequence[float] = (), **common: Unpack[_Common]) -> None:
        super().__init__(message, **common)
        self.gaps = tuple(gaps)


class DuplicateSliceError(GeometryError):
    """Several frames lie at one position: copies of files, or several volumes in one series.

    Attributes
    ----------
    stacks : tuple of Series
        The clean stacks that the series divides into; empty where it does not.
    """

    def __init__(self, message: str, *, stacks: Sequence[Any] = (), **common: Unpack[_Common]) -> None:
        super().__init__(message, **common)
        self.stacks = tuple(stacks)


class ShearedSeriesError(GeometryError):
    """The slices do not step along their normal: a tilted gantry, or an in-plane shift.

    Attributes
    ----------
    tilt : float
        The angle in degrees between the step from slice to slice and the slice normal.
    """

    def __init__(self, message: str, *, tilt: float = 0.0, **common: Unpack[_Common]) -> None:
        super().__init__(message, **common)
        self.tilt = tilt


class UnsupportedPixelDataError(DicomLoadError):
    """The pixel data is in a form that is not read.

    Attributes
    ----------
    encoding : str
        What of its encoding, in a few words; empty where it is something else.
    """

    def __init__(self, message: str, *, encoding: str = "", **common: Unpack[_Common]) -> None:
        super().__init__(message, **common)
        self.encoding = encoding


class CompressedPixelDataError(UnsupportedPixelDataError):
    """The pixel data is compressed and could not be decoded; the message names the transfer syntax."""


class ZeroPixelDataError(DicomLoadError):
    """A reader gave zeros where the file holds something else."""


class ReaderMismatchError(DicomLoadError):
    """Two independent readers gave different pixels or sizes for one file."""


class DicomLoadWarning(UserWarning):
    """The result is right as far as the files say, but something was assumed."""


def make_damaged_error(path: str, what: str, *, part: str = "") -> CorruptFileError:
    """The error that says what is wrong with one file or, as in ``part=", frame 3"``, with a part of it."""
    remedies = [GetAgain((path,)), LeaveOut((path,))]
    return CorruptFileError(f"{path}{part}: {what}", files=[path], remedies=remedies, what=what)


def make_unreadable_error(path: str, what: str) -> CorruptFileError:
    """The error that says what is wrong with a file that is needed: there is nothing to do without it."""
    return CorruptFileError(f"{path}: {what}", files=[path], remedies=[GetAgain((path,))], what=what)


def take_first_line(error: Exception) -> str:
    """Say what another library says of an error, short enough for a message of ours; its kind where it says nothing."""
    words = str(error).strip()
    return words.splitlines()[0][:200] if words else type(error).__name__


for _name in __all__:
    if isinstance(_kind := globals()[_name], type):
        _kind.__module__ = "vtkdicomload"  # pickles shall not depend on where in the package it is written
