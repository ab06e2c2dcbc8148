"""A DICOM series as a checked NumPy array and vtkImageData: right geometry, right order, or a clear error.

>>> import vtkdicomload as vdl
>>> volume = vdl.load("folder")  # doctest: +SKIP
>>> volume.frames  # numpy, (slices, rows, columns): frames[z, y, x]  # doctest: +SKIP
>>> volume.array  # the same memory, (nx, ny, nz): array[x, y, z]  # doctest: +SKIP
>>> volume.image  # the same memory as vtkImageData, with spacing, origin and direction  # doctest: +SKIP

Public is what `__all__` names, with its attributes and methods, and what `vtkdicomload.errors.remedies.__all__` names.
Everything else is private and may move.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._api import load, load_all, load_many, scan
from .bulk.many import Loaded
from .errors import (
    CompressedPixelDataError,
    CorruptFileError,
    DicomLoadError,
    DicomLoadWarning,
    DuplicateSliceError,
    GeometryError,
    InconsistentSeriesError,
    MissingSliceError,
    MultipleSeriesError,
    NoDicomError,
    ReaderMismatchError,
    ShearedSeriesError,
    UnsupportedPixelDataError,
    ZeroPixelDataError,
)
from .headers.model import Frame, Header
from .loading.checks import Check
from .series import Scan, Series
from .sources.reasons import Reason, Skipped
from .stacks.geometry import Geometry
from .stacks.series_data import Problem
from .volume import Volume

if TYPE_CHECKING:
    from .pipeline.algorithm import DICOMSeriesSource

__version__ = "0.1.0"

__all__ = [
    "Check",
    "CompressedPixelDataError",
    "CorruptFileError",
    "DICOMSeriesSource",
    "DicomLoadError",
    "DicomLoadWarning",
    "DuplicateSliceError",
    "Frame",
    "Geometry",
    "GeometryError",
    "Header",
    "InconsistentSeriesError",
    "Loaded",
    "MissingSliceError",
    "MultipleSeriesError",
    "NoDicomError",
    "Problem",
    "ReaderMismatchError",
    "Reason",
    "Scan",
    "Series",
    "ShearedSeriesError",
    "Skipped",
    "UnsupportedPixelDataError",
    "Volume",
    "ZeroPixelDataError",
    "load",
    "load_all",
    "load_many",
    "scan",
]


# Pickles name a class by its module: they shall not depend on where in the package it is written.
for _name in __all__:
    if isinstance(_public := globals().get(_name), type):
        _public.__module__ = __name__


def __getattr__(name: str) -> Any:
    if name == "DICOMSeriesSource":  # its module imports VTK
        from .pipeline.algorithm import DICOMSeriesSource

        DICOMSeriesSource.__module__ = __name__
        return DICOMSeriesSource
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})  # what an editor should offer
