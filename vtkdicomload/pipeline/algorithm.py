"""`DICOMSeriesSource`: a checked series as the source of a VTK pipeline, in the place of vtkDICOMImageReader.

Importing this module imports VTK; ``vtkdicomload.DICOMSeriesSource`` does so on first use.
"""

from __future__ import annotations

import _thread
import copy
import re
import threading
from dataclasses import replace
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
from vtkmodules.util.misc import calldata_type
from vtkmodules.util.vtkAlgorithm import VTKPythonAlgorithmBase
from vtkmodules.util.vtkConstants import VTK_STRING
from vtkmodules.vtkCommonCore import vtkOutputWindow
from vtkmodules.vtkCommonDataModel import vtkDataObject, vtkImageData
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline
from vtkmodules.vtkCommonMisc import vtkErrorCode

from .._util.public import public
from ..conversions.vtk import wrap_scalars
from ..errors import CorruptFileError, DicomLoadError, NoDicomError, UnsupportedPixelDataError
from ..errors.remedies import Use
from ..errors.wording import word_for_vtk
from ..loading.read import read
from ..readers.dtype import ValueOverflow, widen_conversion
from ..sources.remote.urls import hide_credentials
from ..stacks.geometry import NOWHERE
from .getters import SourceAnswers
from .placement import SourceGeometry
from .planning import announce_times, find_requested_step, plan_source
from .settings import Settings, SourceSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._util.arrays import Pixels
    from ..loading.plan import Plan
    from .planning import SourcePlan

_PACKAGE = __name__.split(".", maxsplit=1)[0]
_CTRL_C_AGAIN = 0.05  # seconds


class _Aborted(Exception):  # noqa: N818 - a signal, not an error
    """AbortExecute was set."""


@calldata_type(VTK_STRING)  # type: ignore[untyped-decorator]
def _take_complaint(executive: Any, _event: str, text: str) -> None:
    """Take what the executive would print to stderr."""
    executive.GetAlgorithm()._executive_said(text)


def _add_properties(kind: type) -> type:
    """Add the properties that VTK gives its own classes: ``width`` for GetWidth, ``order`` for GetOrder, SetOrder."""
    for name in dir(kind):
        getter = getattr(kind, name)
        if not name.startswith("Get") or getattr(getter, "__module__", "").split(".")[0] != _PACKAGE:
            continue
        needed = [p for p in signature(getter).parameters.values() if p.default is p.empty]
        if len(needed) == 1:
            snake = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name[3:]).lower()
            setattr(kind, snake, property(getter, getattr(kind, "Set" + name[3:], None), doc=getter.__doc__))
    return kind


@public
@_add_properties
class DICOMSeriesSource(SourceSettings, SourceGeometry, SourceAnswers, VTKPythonAlgorithmBase):  # type: ignore[misc] # VTK has no types
    """A DICOM series as vtkImageData, in the place of vtkDICOMImageReader: swap the class name and the script runs.

    What is read is what `load` would give, and what `load` refuses is refused: compressed files are decoded, slices
    ordered by position, several series or a missing slice are an error. Of a part of the extent that is asked for
    downstream, only the slices in it are read. The text of an error says its `remedies` as methods of this class:
    ``SetIrregular("keep")``.

    The layout is vtkDICOMImageReader's unless `SetGeometryToPatient`: origin 0, no direction, spacing in mm; voxel
    (0, 0, 0) is the bottom left of the last slice along row × column.

    `Update`, `UpdateInformation` and the like raise what went wrong. An update that comes from downstream cannot:
    it fails, invokes ErrorEvent (or, where nothing observes that, speaks to vtkOutputWindow), and leaves the exception
    in `GetError` and its kind in `GetErrorCode`.

    As VTK's own classes it has a property for each Get and Set, which the constructor takes too:
    ``DICOMSeriesSource(directory_name="study", series=1)``.

    Examples
    --------
    >>> from vtkdicomload import DICOMSeriesSource
    >>> reader = DICOMSeriesSource()  # doctest: +SKIP
    >>> reader.SetDirectoryName("study/series")  # doctest: +SKIP
    >>> reader.Update()  # doctest: +SKIP
    >>> mapper.SetInputConnection(reader.GetOutputPort())  # doctest: +SKIP
    """

    def __init__(self, **properties: Any) -> None:
        super().__init__(nInputPorts=0, nOutputPorts=1, outputType="vtkImageData")
        self._settings = Settings()
        self._in_patient = False
        self._data_place = NOWHERE
        self._planned: SourcePlan | None = None
        self._planned_for: Any = None  # settings and file stamps of the plan
        self._raises = False  # whether an update of our own runs, which will raise
        self._fault: BaseException | None = None  # with its traceback, until it is raised
        self._error: BaseException | None = None  # without, until an update goes well
        self._error_code = 0
        self._refusal: BaseException | None = None  # why RequestInformation found no image
        self._refusal_is_told = False
        self._overflowed = False
        self.GetExecutive().AddObserver("ErrorEvent", _take_complaint)
        for name, value in properties.items():
            if not hasattr(type(self), name):
                raise TypeError(f"DICOMSeriesSource has no property {name!r}")
            setattr(self, name, value)

    @property
    def _plan(self) -> Plan | None:
        """The plan of the volume, or of the first step of time."""
        return None if self._planned is None else self._planned.plans[0]

    # ------------------------------------------------------------------------------------------ updates that raise
    def Update(self, *arguments: Any) -> Any:
        """Bring the output up to date; as vtkAlgorithm's, but what goes wrong is raised.

        It reads again where something was set, or a file's size or time of modification changed.

        Raises
        ------
        DicomLoadError
            As `load`.
        """
        return self._run(super().Update, *arguments)

    def UpdateInformation(self) -> Any:
        """Read headers, no pixel: extent, spacing, origin, direction and type are known then. Raises as `Update`."""
        return self._run(super().UpdateInformation)

    def UpdateWholeExtent(self) -> Any:
        """`Update` with the whole extent, whatever was asked for before."""
        self.UpdateInformation()  # VTK would go on after a failure, and fail once more
        return self._run(super().UpdateWholeExtent)

    def UpdateExtent(self, extent: Sequence[int]) -> Any:
        """`Update` with a part of the extent: only its slices are read. ValueError where it leaves the whole."""
        return self._run(super().UpdateExtent, extent)

    def UpdatePiece(self, *arguments: Any) -> Any:
        """`Update` with one piece of several."""
        return self._run(super().UpdatePiece, *arguments)

    def UpdateTimeStep(self, *arguments: Any) -> Any:
        """`Update` with a time: the volume of the last step that is not after it, see `SetTimeDimension`."""
        return self._run(super().UpdateTimeStep, *arguments)

    def update(self) -> DICOMSeriesSource:
        """`Update`, and this source again."""
        self.Update()
        return self

    def _run(self, update: Callable[..., Any], *arguments: Any) -> Any:
        if self._refusal is not None or self._planned_for != (self._settings, self._settings.stamp()):
            self.Modified()
        before, self._raises = self._raises, True
        try:
            result = update(*arguments)
            while self._overflowed:
                self._overflowed = False
                self._widen()
                result = update(*arguments)
        finally:
            self._raises = before
        fault, self._fault = self._fault, None
        try:
            if fault is not None:
                raise fault
        finally:
            del fault  # its traceback leads here
        return result

    def _widen(self) -> None:
        """Announce the next wider type, as `load` would take it, from now on."""
        assert self._planned is not None  # noqa: S101 - for the type checker: it has just been read by
        self._planned = self._planned.convert(widen_conversion(self._planned.plans[0].conversion))
        self.Modified()

    # ------------------------------------------------------------------------------------------ output and error
    def GetOutput(self, port: int = 0) -> vtkImageData:
        """The image."""
        image: vtkImageData = self.GetOutputDataObject(port)
        return image

    def GetError(self) -> BaseException | None:
        """Say what the last update failed with; None where it went well."""
        return self._error

    def GetErrorCode(self) -> int:
        """The vtkErrorCode of what the last update failed with; 0 where it went well."""
        return int(vtkErrorCode.NoError) if self._error is None else self._error_code

    # ------------------------------------------------------------------------------------------ passes of the pipeline
    def ProcessRequest(self, request: Any, inputs: Any, outputs: Any) -> int:
        """One pass of the pipeline. No exception leaves it: VTK would print it and go on."""
        try:
            done: int = super().ProcessRequest(request, inputs, outputs)
        except _Aborted:
            return 0
        except ValueOverflow:
            self._does_not_fit()
            return 0
        except BaseException as error:  # Ctrl-C too
            self._failed(error)
            return 0
        return done

    def RequestInformation(self, _request: Any, _inputs: Any, outputs: Any) -> int:
        """Announce extent, spacing, origin, direction and scalar type."""
        info = outputs.GetInformationObject(0)
        self._error = self._refusal = None
        try:
            self._announce(info)
        except BaseException as error:
            # VTK takes information that failed for known; data that failed it asks for again, and stops there.
            self._failed(error)
            self._refusal, self._refusal_is_told = self._error, True
            info.Set(vtkStreamingDemandDrivenPipeline.WHOLE_EXTENT(), (0, 0, 0, 0, 0, 0), 6)
        return 1

    def _announce(self, info: Any) -> None:
        settings, stamp = self._settings, self._settings.stamp()
        if self._planned is None or self._planned_for != (settings, stamp):
            self._planned = None
            self._planned, self._planned_for = plan_source(settings), (settings, stamp)
        place = self._place()
        info.Set(vtkStreamingDemandDrivenPipeline.WHOLE_EXTENT(), self.GetDataExtent(), 6)
        info.Set(vtkDataObject.ORIGIN(), place.origin, 3)
        info.Set(vtkDataObject.SPACING(), place.spacing, 3)
        info.Set(vtkDataObject.DIRECTION(), place.direction, 9)
        info.Set(self.CAN_PRODUCE_SUB_EXTENT(), 1)
        announce_times(info, self._planned.times)
        vtkDataObject.SetPointDataActiveScalarInfo(info, self.GetDataScalarType(), self.GetNumberOfComponents())

    def RequestData(self, _request: Any, _inputs: Any, outputs: Any) -> int:
        """Read the slices of the extent that is asked for."""
        if self._refusal is not None:
            if not self._refusal_is_told and isinstance(self._refusal, Exception):
                self._failed(self._refusal)
            self._refusal_is_told = False
            return 0
        assert self._planned is not None  # noqa: S101 - for the type checker: RequestInformation went before
        self._error = None
        info = outputs.GetInformationObject(0)
        step = find_requested_step(info, self._planned)
        extent = info.Get(vtkStreamingDemandDrivenPipeline.UPDATE_EXTENT())
        x, y, z = (slice(extent[a], extent[a + 1] + 1) for a in (0, 2, 4))
        image = vtkImageData.GetData(outputs)
        if all(part.stop > part.start for part in (x, y, z)):
            read_slices = _read_like_volume if self._in_patient else _read_like_vtk
            plan = self._planned.plans[step]
            plan = replace(plan, options=replace(plan.options, progress=self._tell_progress))
            pixels = read_slices(plan, z)[:, y, x]
            image.GetPointData().SetScalars(wrap_scalars(np.ascontiguousarray(pixels)))
        image.SetExtent(extent)
        if self._planned.times:
            image.GetInformation().Set(vtkDataObject.DATA_TIME_STEP(), self._planned.times[step])
        return 1

    def _tell_progress(self, done: int, total: int) -> None:
        self.UpdateProgress(done / total)
        if self.GetAbortExecute():
            raise _Aborted

    # ------------------------------------------------------------------------------------------ failures
    def _does_not_fit(self) -> None:
        """Values left the announced type: our own update announces another one, the filters of others rely on it."""
        assert self._plan is not None  # noqa: S101 - for the type checker: it has just been read by
        settled = self._settings.scalar_type is not None
        if self._raises and not settled:
            self._overflowed = True
            return
        dtype = self._plan.conversion.dtype
        wider_type = f"SetOutputScalarTypeTo{'Int' if dtype.itemsize <= 2 else 'Double'}()"
        self._failed(
            DicomLoadError(
                f"the values do not fit {dtype}, which was announced",
                files=self._plan.series.files[:1],
                remedies=[Use(wider_type if settled else "Update() of the source")],
            )
        )

    def _executive_said(self, text: str) -> None:
        if "returned failure for request" not in text:  # which is known already
            self._failed(ValueError(_clean_complaint(text)))

    def _failed(self, error: BaseException) -> None:
        """Keep an exception, its remedies in VTK's words, empty the output, and tell whoever listens."""
        if isinstance(error, DicomLoadError):
            error = error.reworded(word_for_vtk)
        self._error = _strip_traceback(error)
        self._error_code = _code_of(error, self._settings)
        self.GetOutput().Initialize()  # else it would go on showing what was there before
        said = f"{type(error).__name__}: {error}"
        self.InvokeEvent("ErrorEvent", said)
        if self._raises:
            self._fault = error
        elif isinstance(error, KeyboardInterrupt):
            # Raised here it would be lost: it comes back once VTK has returned.
            threading.Timer(_CTRL_C_AGAIN, _thread.interrupt_main).start()
        elif not self.HasObserver("ErrorEvent") and self.GetGlobalWarningDisplay():
            vtkOutputWindow.GetInstance().DisplayErrorText(f"DICOMSeriesSource: {said}\n")

    def __repr__(self) -> str:
        settings, plan = self._settings, self._plan
        several = None if settings.names is None else f"{len(settings.paths())} files"
        name = hide_credentials(settings.directory or settings.file or several or "nothing set")
        if plan is None:
            return f"<DICOMSeriesSource {name}: no headers read>"
        size = "×".join(map(str, plan.geometry.dimensions))
        spacing = "×".join(f"{s:.4g}" for s in self.GetDataSpacing())
        where = self.GetGeometryAsString()
        return f"<DICOMSeriesSource {name}: {size} {plan.conversion.dtype}, {spacing} mm, geometry {where}>"


def _read_like_volume(plan: Plan, chosen: slice) -> Pixels:
    """Read slices of the image, (k, j, i[, component]) in C order, as `Volume.frames` counts them."""
    return read(plan, chosen).pixels


def _read_like_vtk(plan: Plan, chosen: slice) -> Pixels:
    """Read them as vtkDICOMImageReader counts them, from the last slice and row: straight into that order."""

    def allocate(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
        return np.empty(shape, dtype)[::-1, ::-1]

    count = plan.shape[0]
    return read(plan, slice(count - chosen.stop, count - chosen.start), allocate).pixels[::-1, ::-1]


def _clean_complaint(complaint: str) -> str:
    """VTK's own words without the place in its source and the addresses of objects."""
    said = complaint.split("): ", 1)[-1]
    return " ".join(re.sub(r" on algorithm \w+ \([0-9a-fA-Fx]+\)", "", said).split())


def _strip_traceback(error: BaseException) -> BaseException:
    """A copy that keeps no frame, and so no pixels, alive."""
    if isinstance(error, DicomLoadError):
        return error.detached()
    try:
        error = copy.copy(error)
    except Exception:  # an exception of the caller's own that cannot be copied
        return error.with_traceback(None)
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _code_of(error: BaseException, settings: Settings) -> int:
    """The vtkErrorCode that comes nearest."""
    if isinstance(error, NoDicomError):
        named = settings.directory is not None or settings.paths()
        return int(vtkErrorCode.FileNotFoundError if named else vtkErrorCode.NoFileNameError)
    if isinstance(error, CorruptFileError):
        return int(vtkErrorCode.FileFormatError)
    if isinstance(error, UnsupportedPixelDataError):
        return int(vtkErrorCode.UnrecognizedFileTypeError)
    return int(vtkErrorCode.CannotOpenFileError if isinstance(error, OSError) else vtkErrorCode.UnknownError)
