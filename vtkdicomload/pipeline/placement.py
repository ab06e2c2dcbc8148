"""The place of the image of a DICOMSeriesSource: as vtkDICOMImageReader has it, or in the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.wording import describe_argument
from ..conversions.vtk import compute_vtk_spacing
from ..errors import GeometryError
from ..errors.remedies import RESAMPLE, Use
from ..errors.wording import word_for_vtk
from ..stacks.geometry import Place, locate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    from .._util.arrays import Floats
    from ..loading.plan import Plan

_FLAT = 1e-6  # determinant of a direction matrix


class SourceGeometry:
    """The geometry of a DICOMSeriesSource."""

    if TYPE_CHECKING:

        @property
        def _plan(self) -> Plan | None: ...

    _in_patient: bool
    _data_place: Place  # in VTK's geometry, but for the spacing
    Modified: Callable[[], None]
    UpdateInformation: Callable[[], Any]

    def SetGeometryToVTK(self) -> None:
        """Lay the image out as vtkDICOMImageReader does (the default).

        Rows run from the bottom up, slices from the last to the first along row × column; origin 0, identity direction.
        """
        self._set_in_patient(False)

    def SetGeometryToPatient(self) -> None:
        """Lay the image out as `Volume.image`: the first stored row first, origin and direction matrix in LPS mm.

        Not every class of VTK heeds a direction matrix. An update fails with GeometryError where the files allow no
        affine.
        """
        self._set_in_patient(True)

    def GetGeometryAsString(self) -> str:
        """``VTK`` or ``Patient``."""
        return "Patient" if self._in_patient else "VTK"

    def _set_in_patient(self, in_patient: bool) -> None:
        if in_patient != self._in_patient:
            self._in_patient = in_patient
            self.Modified()

    def SetDataOrigin(self, *origin: Any) -> None:
        """Say where voxel (0, 0, 0) of the image lies, in VTK's geometry; three numbers."""
        self._move(origin=_convert_placement_numbers(origin, 3, "SetDataOrigin"))

    def GetDataOrigin(self) -> tuple[float, ...]:
        """Origin of the image, as it was set; the true one in the patient's geometry, once it is known."""
        return self._place().origin

    def SetDataDirection(self, *direction: Any) -> None:
        """Direction cosines of the image, in VTK's geometry; nine numbers, row by row."""
        numbers = _convert_placement_numbers(direction, 9, "SetDataDirection")
        if abs(np.linalg.det(np.reshape(numbers, (3, 3)))) < _FLAT:
            raise ValueError(f"SetDataDirection takes three axes that span space, not {numbers}")
        self._move(direction=numbers)

    def GetDataDirection(self) -> tuple[float, ...]:
        """Direction cosines of the image, row by row, as they were set; the true ones in the patient's geometry."""
        return self._place().direction

    def _move(self, **changed: tuple[float, ...]) -> None:
        place = self._data_place._replace(**changed)
        if place != self._data_place:
            self._data_place = place
            self.Modified()

    def _place(self) -> Place:
        """Say where the image lies, in the geometry that is chosen."""
        if self._plan is None:
            return self._data_place
        if self._in_patient:
            _require_affine(self._plan)
            return locate(self._plan.geometry)
        return self._data_place._replace(spacing=compute_vtk_spacing(self._plan.geometry))

    def GetPatientMatrix(self) -> vtkMatrix4x4:
        """The matrix that takes coordinates of the image to LPS mm, for `vtkProp3D.SetUserMatrix`.

        It holds the shear of a tilted stack too. In the patient's geometry it is the identity. Headers are read where
        that has not been done.

        Raises
        ------
        GeometryError
            The files hold no position or orientation, or uneven gaps allow no affine.
        DicomLoadError
            As `UpdateInformation`.
        """
        from vtkmodules.vtkCommonMath import vtkMatrix4x4

        self.UpdateInformation()
        assert self._plan is not None  # noqa: S101 - for the type checker: it would have raised
        affine = _require_affine(self._plan)
        if not self._in_patient:
            affine = affine @ _count_backwards(self._plan.geometry.dimensions)
        to_patient = affine @ np.linalg.inv(self._place().matrix())
        matrix = vtkMatrix4x4()
        matrix.DeepCopy((to_patient + 0.0).ravel().tolist())
        return matrix


def _count_backwards(dimensions: tuple[int, int, int]) -> Floats:
    """Index of an image in vtkDICOMImageReader's layout → index of the volume, (4, 4)."""
    _, ny, nz = dimensions
    return np.array([[1.0, 0, 0, 0], [0, -1, 0, ny - 1], [0, 0, -1, nz - 1], [0, 0, 0, 1]])


def _require_affine(plan: Plan) -> Floats:
    """Index of the volume → LPS mm, (4, 4)."""
    affine = plan.geometry.affine
    if affine is None:
        raise GeometryError(
            "the files hold no position or orientation, so the image has no place in the patient"
            if plan.geometry.direction is None
            else "the gaps between the slices are uneven, no affine describes them",
            files=plan.series.files[:1],
            remedies=() if plan.geometry.direction is None else [RESAMPLE, Use("SetGeometryToVTK()")],
        ).reworded(word_for_vtk)
    return affine


def _convert_placement_numbers(given: Sequence[Any], count: int, name: str) -> tuple[float, ...]:
    values = given[0] if len(given) == 1 else given
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        raise TypeError(f"{name} takes {count} numbers, not {describe_argument(values)}") from None
    if len(numbers) != count:
        raise TypeError(f"{name} takes {count} numbers, not {len(numbers)}")
    return numbers
