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

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import errors as errors
    from ._api.bulk import convert, verify
    from ._api.index import Index
    from ._api.many import load_many
    from ._api.single import load, load_all, scan
    from .arrays.open_array import open  # noqa: A004
    from .bulk.conversion import Conversion, Converted
    from .bulk.many import Loaded
    from .bulk.on_grid import to_grid
    from .bulk.verification import Verification, Verified
    from .catalog.index.stack_row import IndexedStack
    from .catalog.rows import StackRow
    from .conversions.contours import contours_of
    from .conversions.coordinates import affine_of
    from .conversions.dose_volume import DoseVolumeHistogram, dvh
    from .conversions.structures import Structure, structures
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
    from .pipeline.algorithm import DICOMSeriesSource
    from .series import Scan, Series
    from .sources.reasons import Reason, Skipped
    from .stacks.geometry import Geometry
    from .stacks.series_data import Problem
    from .volume import Volume

__version__ = "0.1.0"

__all__ = [
    "Check",
    "CompressedPixelDataError",
    "Conversion",
    "Converted",
    "CorruptFileError",
    "DICOMSeriesSource",
    "DicomLoadError",
    "DicomLoadWarning",
    "DoseVolumeHistogram",
    "DuplicateSliceError",
    "Frame",
    "Geometry",
    "GeometryError",
    "Header",
    "InconsistentSeriesError",
    "Index",
    "IndexedStack",
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
    "StackRow",
    "Structure",
    "UnsupportedPixelDataError",
    "Verification",
    "Verified",
    "Volume",
    "ZeroPixelDataError",
    "affine_of",
    "contours_of",
    "convert",
    "dvh",
    "load",
    "load_all",
    "load_many",
    "open",
    "scan",
    "structures",
    "to_grid",
    "verify",
]


# A name is imported when it is asked for: a program that renders does not wait for what a notebook needs.
_WRITTEN_IN = {
    "Check": "loading.checks",
    "Conversion": "bulk.conversion",
    "Converted": "bulk.conversion",
    "DICOMSeriesSource": "pipeline.algorithm",
    "DoseVolumeHistogram": "conversions.dose_volume",
    "Frame": "headers.model",
    "Geometry": "stacks.geometry",
    "Header": "headers.model",
    "Index": "_api.index",
    "IndexedStack": "catalog.index.stack_row",
    "Loaded": "bulk.many",
    "Problem": "stacks.series_data",
    "Reason": "sources.reasons",
    "Scan": "series",
    "Series": "series",
    "Skipped": "sources.reasons",
    "StackRow": "catalog.rows",
    "Structure": "conversions.structures",
    "Verification": "bulk.verification",
    "Verified": "bulk.verification",
    "Volume": "volume",
    "affine_of": "conversions.coordinates",
    "contours_of": "conversions.contours",
    "convert": "_api.bulk",
    "dvh": "conversions.dose_volume",
    "load": "_api.single",
    "load_all": "_api.single",
    "load_many": "_api.many",
    "open": "arrays.open_array",
    "scan": "_api.single",
    "structures": "conversions.structures",
    "to_grid": "bulk.on_grid",
    "verify": "_api.bulk",
}


if not TYPE_CHECKING:  # a checker shall refuse a name that is not there

    def __getattr__(name: str) -> Any:
        if name == "errors":
            return importlib.import_module(".errors", __name__)
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(f".{_WRITTEN_IN.get(name, 'errors')}", __name__)
        globals()[name] = value = getattr(module, name)
        return value


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})  # what an editor should offer
