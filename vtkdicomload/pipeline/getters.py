"""Answers of a DICOMSeriesSource about its series after UpdateInformation: the getters of vtkDICOMImageReader."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .._util.warnings import silence_warnings
from ..conversions.vtk import compute_vtk_spacing
from ..errors import DicomLoadError
from ..headers.data_set import read_attributes
from ..headers.frames import make_frames
from ..headers.parser import read_header
from ..headers.preamble import NotDicomError
from ..readers.choose import check_supported
from ..readers.dtype import is_colour

if TYPE_CHECKING:
    from ..headers.model import Frame, Header, Triple
    from ..loading.plan import Plan
    from .planning import SourcePlan


class SourceAnswers:
    """The getters of vtkDICOMImageReader, of the series that the last `UpdateInformation` found.

    Before that, and after one that failed, they give what a fresh vtkDICOMImageReader gives. What differs from slice to
    slice is that of the first one along row × column of ImageOrientationPatient, as there.
    """

    if TYPE_CHECKING:

        @property
        def _plan(self) -> Plan | None: ...

    _planned: SourcePlan | None
    _in_patient: bool

    @property
    def _frame(self) -> Frame | None:
        return None if self._plan is None else self._plan.series.frames[0]

    @property
    def _header(self) -> Header | None:
        return None if self._plan is None else self._plan.series.header

    def GetTimeSteps(self) -> tuple[float, ...]:
        """The steps of time that are announced; empty without `SetTimeDimension`."""
        return () if self._planned is None else self._planned.times

    # ------------------------------------------------------------------------------------------ the grid
    def GetDataExtent(self) -> tuple[int, int, int, int, int, int]:
        """(0, nx-1, 0, ny-1, 0, nz-1)."""
        nx, ny, nz = (1, 1, 1) if self._plan is None else self._plan.geometry.dimensions
        return 0, nx - 1, 0, ny - 1, 0, nz - 1

    def GetDataSpacing(self) -> Triple:
        """Distance of voxel centres along x, y, z of the image in mm."""
        if self._plan is None:
            return 1.0, 1.0, 1.0
        return self._plan.geometry.spacing if self._in_patient else compute_vtk_spacing(self._plan.geometry)

    def GetPixelSpacing(self) -> Triple:
        """`GetDataSpacing`: x, y, z, as vtkDICOMImageReader gives it since VTK 9.5; before, its x and y are swapped."""
        return self.GetDataSpacing()

    def GetWidth(self) -> int:
        """Columns of the image."""
        return 0 if self._plan is None else self._plan.geometry.dimensions[0]

    def GetHeight(self) -> int:
        """Rows of the image."""
        return 0 if self._plan is None else self._plan.geometry.dimensions[1]

    def GetImagePositionPatient(self) -> Triple:
        """ImagePositionPatient of the first slice along row × column, in LPS mm; zeros where the file has none.

        It is the centre of that slice's first stored pixel: voxel (0, 0, 0) of the image in the patient's geometry. In
        VTK's that lies at the other end of rows and slices; `GetPatientMatrix` says where.
        """
        return (self._frame and self._frame.position) or (0.0, 0.0, 0.0)

    def GetImageOrientationPatient(self) -> tuple[float, float, float, float, float, float]:
        """Cosines of the rows, then of the columns, in LPS; zeros where the file has none."""
        return (self._frame and self._frame.orientation) or (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    def GetGantryAngle(self) -> float:
        """GantryDetectorTilt in degrees; 0 where the file has none."""
        return (self._header and self._header.gantry_tilt) or 0.0

    # ------------------------------------------------------------------------------------------ the values
    def GetBitsAllocated(self) -> int:
        """BitsAllocated of the stored values."""
        return 8 if self._header is None else self._header.bits_allocated

    def GetPixelRepresentation(self) -> int:
        """1 where the stored values are signed, else 0."""
        return 0 if self._header is None else self._header.pixel_representation

    def GetNumberOfComponents(self) -> int:
        """3 for colour, else 1."""
        return 3 if self._header is not None and is_colour(self._header) else 1

    def GetNumberOfScalarComponents(self) -> int:
        """`GetNumberOfComponents`."""
        return self.GetNumberOfComponents()

    def GetDataScalarType(self) -> int:
        """The type of the image's scalars, a constant such as ``VTK_SHORT``."""
        from vtkmodules.util.numpy_support import get_vtk_array_type
        from vtkmodules.util.vtkConstants import VTK_SHORT

        return VTK_SHORT if self._plan is None else int(get_vtk_array_type(self._plan.conversion.dtype))

    def GetRescaleSlope(self) -> float:
        """RescaleSlope of the first slice along row × column."""
        return 1.0 if self._frame is None else self._frame.slope

    def GetRescaleOffset(self) -> float:
        """RescaleIntercept of the first slice along row × column."""
        return 0.0 if self._frame is None else self._frame.intercept

    def GetTransferSyntaxUID(self) -> str:
        """Transfer syntax UID; of the most files where they differ."""
        return "" if self._plan is None else self._plan.series.transfer_syntax

    # ------------------------------------------------------------------------------------------ study and patient
    def GetStudyUID(self) -> str:
        """StudyInstanceUID."""
        return (self._header and self._header.study_uid) or ""

    def GetStudyID(self) -> str:
        """StudyID, read from the file now."""
        return self._read_now("StudyID")

    def GetPatientName(self) -> str:
        """PatientName, read from the file now: it is never kept."""
        return self._read_now("PatientName")

    def _read_now(self, keyword: str) -> str:
        if self._plan is None:
            return ""
        with silence_warnings():
            return str(read_attributes(self._plan.series.frames[0].header.file).get(keyword) or "")

    # ------------------------------------------------------------------------------------------ files
    def GetNumberOfDICOMFileNames(self) -> int:
        """Count how many files the image is read from."""
        return 0 if self._plan is None else len(self._plan.series.files)

    def GetDICOMFileName(self, index: int) -> str:
        """One of the files, in the order of the slices along row × column.

        Raises
        ------
        IndexError
            There are fewer.
        """
        files = () if self._plan is None else self._plan.series.files
        if not 0 <= index < len(files):
            raise IndexError(f"there are {len(files)} files, no file {index}")
        return files[index]

    def CanReadFile(self, name: str | os.PathLike[str]) -> int:
        """1 for a DICOM file with an image that can be read, else 0."""
        if "\0" in os.fsdecode(name):
            return 0  # no file has such a name, and Python says so by a ValueError
        try:
            check_supported(make_frames(read_header(name)))
        except (OSError, DicomLoadError, NotDicomError):
            return 0
        return 1

    def GetFileExtensions(self) -> str:
        """``.dcm``, as vtkDICOMImageReader says; files are known by their contents, not their names."""
        return ".dcm"

    def GetDescriptiveName(self) -> str:
        """``DICOM``."""
        return "DICOM"
