"""A DICOM series as a checked NumPy array and vtkImageData: right geometry, right order, or a clear error.

>>> import vtkdicomload as vdl
>>> volume = vdl.load("folder")  # doctest: +SKIP
>>> volume.frames  # numpy, (slices, rows, columns): frames[z, y, x]  # doctest: +SKIP
>>> volume.array  # the same memory, (nx, ny, nz): array[x, y, z]  # doctest: +SKIP
>>> volume.image  # the same memory as vtkImageData, with spacing, origin and direction  # doctest: +SKIP
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
from .series import Scan, Series
from .stacks.geometry import Geometry
from .volume import Volume

if TYPE_CHECKING:
    from .pipeline.algorithm import DICOMSeriesSource

__version__ = "0.1.0"

__all__ = [
    "CompressedPixelDataError",
    "CorruptFileError",
    "DICOMSeriesSource",
    "DicomLoadError",
    "DicomLoadWarning",
    "DuplicateSliceError",
    "Geometry",
    "GeometryError",
    "InconsistentSeriesError",
    "Loaded",
    "MissingSliceError",
    "MultipleSeriesError",
    "NoDicomError",
    "ReaderMismatchError",
    "Scan",
    "Series",
    "ShearedSeriesError",
    "UnsupportedPixelDataError",
    "Volume",
    "ZeroPixelDataError",
    "load",
    "load_all",
    "load_many",
    "scan",
]


def __getattr__(name: str) -> Any:
    if name == "DICOMSeriesSource":  # its module imports VTK
        from .pipeline.algorithm import DICOMSeriesSource

        return DICOMSeriesSource
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})  # what an editor should offer
