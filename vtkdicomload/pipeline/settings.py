"""Settings of a DICOMSeriesSource: its Set methods and their getters, under the names of VTK's readers."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

from .._util.warnings import warn
from .._util.wording import describe_argument
from ..catalog.find import settle_ignored
from ..errors import NoDicomError
from ..errors.remedies import Use
from ..loading.options import Options
from ..sources.objects import is_content
from ..sources.remote.find import check_storage_options
from .stamps import list_folder_files, list_given_paths, stamp_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vtkmodules.vtkCommonCore import vtkStringArray

    from ..catalog.find import Ignore

    Path = str | os.PathLike[str]

ANY = "any"  # the further dimension of a series, whatever it is called
# What vtkDICOMImageReader inherits and overwrites with what the files say: no effect there, none here.
_OVERRULED = (
    "SetDataSpacing",
    "SetDataExtent",
    "SetDataScalarType",
    "SetNumberOfScalarComponents",
    "SetDataByteOrder",
    "SetSwapBytes",
    "SwapBytesO",
    "SetFileLowerLeft",
    "FileLowerLeftO",
    "SetFileDimensionality",
    "SetHeaderSize",
    "SetFileNameSliceOffset",
    "SetFileNameSliceSpacing",
)
# What names another kind of source.
_REFUSED = ("SetFilePattern", "SetFilePrefix", "SetMemoryBuffer", "SetMemoryBufferLength", "SetStream")


@dataclass(frozen=True, eq=False)
class Given:
    """A source of any kind, which is another one whenever it is given again: arrays in it have no plain equality."""

    source: Any = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """The settings: what to read, and how."""

    directory: str | None = None
    file: str | None = None
    names: Any = None  # a vtkStringArray, which its owner may still change, or a tuple of str
    anything: Given | None = None
    recursive: bool = False
    archives: bool = False
    storage: Given | None = None  # what fsspec is told; no `repr` shows it
    series: Any = None
    stack: Any = None
    time_dimension: str | None = None
    ignore: Any = ()
    scalar_type: int | None = None
    options: Options = field(default_factory=Options)

    def source(self) -> Any:
        """Say what `find_files` takes.

        Raises
        ------
        NoDicomError
            Nothing is set, or a folder where a file belongs or the other way round.
        """
        if self.directory is not None:
            if os.path.isfile(self.directory):
                raise NoDicomError(
                    f"{self.directory} is a file, not a folder", files=[self.directory], remedies=[Use("SetFileName")]
                )
            return self.directory
        if self.file is not None:
            if os.path.isdir(self.file):
                raise NoDicomError(
                    f"{self.file} is a folder, not a file", files=[self.file], remedies=[Use("SetDirectoryName")]
                )
            return self.file
        if self.anything is not None:
            return self.anything.source
        if self.names is None:
            names = ("SetDirectoryName", "SetFileName", "SetFileNames", "SetSource")
            raise NoDicomError("nothing to read is set", remedies=map(Use, names))
        return self.names

    def stamp(self) -> tuple[tuple[str, int, int], ...]:
        """Path, size and time of modification of every file that is meant; it differs once they do."""
        return tuple(stamp_paths(self.paths()))

    def storage_options(self) -> Mapping[str, Any] | None:
        """Say what fsspec is told of the servers of URLs."""
        options: Mapping[str, Any] | None = None if self.storage is None else self.storage.source
        return options

    def has_folders(self) -> bool:
        """Tell whether the folder that is meant holds others."""
        folders = next(os.walk(self.directory), ("", [], []))[1] if self.directory is not None else []
        return bool(folders)

    def paths(self) -> list[str]:
        """Every file that is meant, DICOM or not."""
        if self.anything is not None:
            return list(list_given_paths(self.anything.source))
        if self.directory is not None:
            return sorted(list_folder_files(self.directory, self.recursive))
        if self.file is not None:
            return [self.file]
        if hasattr(self.names, "GetNumberOfValues"):
            return [self.names.GetValue(i) for i in range(self.names.GetNumberOfValues())]
        return list(self.names or ())


class SourceSettings:
    """The Set and Get methods of a DICOMSeriesSource. A change makes the next update read again."""

    _settings: Settings
    Modified: Callable[[], None]

    def _change(self, **changed: Any) -> None:
        settings = replace(self._settings, **changed)
        if settings != self._settings:
            self._settings = settings
            self.Modified()

    def _change_option(self, **changed: Any) -> None:
        self._change(options=replace(self._settings.options, **changed))

    # ------------------------------------------------------------------------------------------ what to read
    def SetDirectoryName(self, name: Path | None) -> None:
        """Read the series in a folder; its own files only, as vtkDICOMImageReader, unless `SetRecursive`."""
        self._change(directory=None if name is None else os.fsdecode(name), file=None, names=None, anything=None)

    def GetDirectoryName(self) -> str | None:
        """The folder; None where files are set."""
        return self._settings.directory

    def SetFileName(self, name: Path | None) -> None:
        """Read one file."""
        self._change(file=None if name is None else os.fsdecode(name), directory=None, names=None, anything=None)

    def GetFileName(self) -> str | None:
        """The file; None where a folder or several are set."""
        return self._settings.file

    def SetFileNames(self, names: vtkStringArray | Sequence[Path] | None) -> None:
        """Read the files of a vtkStringArray or a sequence: sorted by position, or as `SetOrder` says."""
        if isinstance(names, (str, bytes, os.PathLike)):
            raise TypeError("SetFileNames takes a vtkStringArray or a sequence of paths → SetFileName")
        if names is not None and not hasattr(names, "GetNumberOfValues"):
            names = tuple(os.fsdecode(name) for name in names)
        self._change(names=names, directory=None, file=None, anything=None)

    def GetFileNames(self) -> vtkStringArray | tuple[str, ...] | None:
        """The files, as they were set; None where a folder or one file is set."""
        names: vtkStringArray | tuple[str, ...] | None = self._settings.names
        return names

    def SetSource(self, source: Any) -> None:
        """Read whatever `load` takes: an archive, a DICOMDIR, bytes, file-like objects, Datasets, lists of these.

        Folders in it are walked with theirs.
        """
        if hasattr(source, "__next__") and not is_content(source):
            source = list(source)
        self._change(anything=None if source is None else Given(source), directory=None, file=None, names=None)

    def GetSource(self) -> Any:
        """The source that `SetSource` was given; None where a folder or files are set."""
        given = self._settings.anything
        return None if given is None else given.source

    def SetArchives(self, archives: bool) -> None:
        """Tell whether archives and compressed files in a folder are entered; False by default."""
        self._change(archives=bool(archives))

    def GetArchives(self) -> bool:
        """Tell whether archives and compressed files in a folder are entered."""
        return self._settings.archives

    def ArchivesOn(self) -> None:
        """``SetArchives(True)``."""
        self.SetArchives(True)

    def ArchivesOff(self) -> None:
        """``SetArchives(False)``."""
        self.SetArchives(False)

    def SetStorageOptions(self, options: Mapping[str, Any] | None) -> None:
        """Tell fsspec of the servers of URLs, as ``storage_options=`` of `load` does; None by default."""
        self._change(storage=None if options is None else Given(check_storage_options(options)))

    def GetStorageOptions(self) -> Mapping[str, Any] | None:
        """The words for fsspec about the servers of URLs."""
        return self._settings.storage_options()

    def SetRecursive(self, recursive: bool) -> None:
        """Tell whether the folders in the folder are read too; False by default."""
        self._change(recursive=bool(recursive))

    def GetRecursive(self) -> bool:
        """Tell whether the folders in the folder are read too."""
        return self._settings.recursive

    def RecursiveOn(self) -> None:
        """``SetRecursive(True)``."""
        self.SetRecursive(True)

    def RecursiveOff(self) -> None:
        """``SetRecursive(False)``."""
        self.SetRecursive(False)

    # ------------------------------------------------------------------------------------------ the options of load
    def SetSeries(self, choice: Any) -> None:
        """Choose the series: a row of ``scan(source)``, a text, ``"largest"`` or a callable; None is the only one."""
        self._change(series=choice)

    def GetSeries(self) -> Any:
        """The series that was chosen."""
        return self._settings.series

    def SetStack(self, choice: Any) -> None:
        """Choose the stack of the series: a row, a label such as ``"axial"`` or a callable; None: the only one."""
        self._change(stack=choice)

    def GetStack(self) -> Any:
        """The stack that was chosen."""
        return self._settings.stack

    def SetTimeDimension(self, name: str | None) -> None:
        """Give the volumes of a series as steps of time, by the name of the dimension along which they lie.

        The names are those of `vtkdicomload.open`: ``"time"``, ``"phase"``, ``"echo"``, ``"b_value"`` …; ``"any"`` is
        the only one, ``"volume"`` counts all volumes, one after another. The source announces TIME_STEPS, the values
        of the dimension or their indices, and serves UPDATE_TIME_STEP. None: a series of several volumes is refused.
        """
        if name is not None and not isinstance(name, str):
            raise TypeError(f"SetTimeDimension takes the name of a dimension or None, not {describe_argument(name)}")
        self._change(time_dimension=name)

    def GetTimeDimension(self) -> str | None:
        """The dimension that is time, as it was set."""
        return self._settings.time_dimension

    def SetIgnore(self, ignore: Ignore | Path) -> None:
        """Files to leave out: ``"damaged"`` ones, paths, names, or a callable that gets a path and says whether to."""
        self._change(ignore=settle_ignored(ignore))

    def GetIgnore(self) -> Any:
        """Files to leave out."""
        return self._settings.ignore

    def SetOrder(self, order: str) -> None:
        """Slices by ``"position"``, in ``"natural"`` order of the names, or as ``"given"``."""
        self._change_option(order=order)

    def GetOrder(self) -> str:
        """``"position"``, ``"natural"`` or ``"given"``."""
        return self._settings.options.order

    def SetIrregular(self, irregular: str) -> None:
        """Say what to do with slices on no regular grid: ``"raise"``, ``"resample"`` or ``"keep"``."""
        self._change_option(irregular=irregular)

    def GetIrregular(self) -> str:
        """``"raise"``, ``"resample"`` or ``"keep"``."""
        return self._settings.options.irregular

    def SetTolerance(self, tolerance: float) -> None:
        """Say how far a gap may differ from the median and a slice lie off the grid, as a part of the spacing."""
        self._change_option(tolerance=tolerance)

    def GetTolerance(self) -> float:
        """Say how far gaps may differ, as a part of the spacing."""
        return self._settings.options.tolerance

    def SetEngine(self, engine: str) -> None:
        """The reader: ``"auto"``, ``"direct"``, ``"codec"``, ``"vtk"`` or ``"pydicom"``."""
        self._change_option(engine=engine)

    def GetEngine(self) -> str:
        """The reader, as it was set."""
        return self._settings.options.engine

    def SetVerify(self, verify: str) -> None:
        """Read one frame (``"probe"``), every one (``"all"``) or none again through a second reader, and compare."""
        self._change_option(verify=verify)

    def GetVerify(self) -> str:
        """``"probe"``, ``"all"`` or ``"none"``."""
        return self._settings.options.verify

    def SetRescale(self, rescale: bool | str) -> None:
        """Tell whether slope and intercept are applied; True by default. Or ``"suv-bw"`` …, as for `load`."""
        self._change_option(rescale=rescale if isinstance(rescale, str) else bool(rescale))

    def GetRescale(self) -> bool | str:
        """Tell whether slope and intercept are applied, or which other transform."""
        return self._settings.options.rescale

    def SetWorkers(self, workers: int | None) -> None:
        """Count how many threads read; None: as many as help."""
        self._change_option(workers=workers)

    def GetWorkers(self) -> int | None:
        """Count how many threads read."""
        return self._settings.options.workers

    def SetMaxBytes(self, max_bytes: int | None) -> None:
        """Refuse an image that takes more memory; None: three quarters of what is available."""
        self._change_option(max_bytes=max_bytes)

    def GetMaxBytes(self) -> int | None:
        """The most memory an image may take."""
        return self._settings.options.max_bytes

    # ------------------------------------------------------------------------------------------ scalar type
    def SetOutputScalarType(self, scalar_type: int | None) -> None:
        """Give the values in a wider type, a constant such as ``VTK_INT``; None: the one that the headers call for.

        The type is announced before a pixel is read. Where BitsStored leaves it open whether the rescaled values fit,
        it is the one that vtkDICOMImageReader would choose as long as that is likely to hold them, and never wraps:
        where they do not fit, `Update` announces a wider one and reads again. Filters that update from downstream rely
        on what was announced; for them it is an error.
        """
        from vtkmodules.util.vtkConstants import VTK_DOUBLE, VTK_FLOAT, VTK_INT

        if scalar_type not in (None, VTK_INT, VTK_FLOAT, VTK_DOUBLE):
            raise ValueError(
                f"the scalar type must be None, VTK_INT, VTK_FLOAT or VTK_DOUBLE, not {describe_argument(scalar_type)}"
            )
        self._change(scalar_type=scalar_type)

    def GetOutputScalarType(self) -> int | None:
        """The type that was set; `GetDataScalarType` says what the values have."""
        return self._settings.scalar_type

    def SetOutputScalarTypeToInt(self) -> None:
        """Give the values as int32."""
        from vtkmodules.util.vtkConstants import VTK_INT

        self.SetOutputScalarType(VTK_INT)

    def SetOutputScalarTypeToFloat(self) -> None:
        """Give the values as float32."""
        from vtkmodules.util.vtkConstants import VTK_FLOAT

        self.SetOutputScalarType(VTK_FLOAT)

    def SetOutputScalarTypeToDouble(self) -> None:
        """Give the values as float64."""
        from vtkmodules.util.vtkConstants import VTK_DOUBLE

        self.SetOutputScalarType(VTK_DOUBLE)

    # ------------------------------------------------------------------------------------------ what scripts also call
    def __getattr__(self, name: str) -> Any:
        if name.startswith(_OVERRULED):
            return lambda *_: warn(f"{name} has no effect: the files say it (vtkDICOMImageReader overwrites it too)")
        _refuse_name(type(self).__name__, name)


def _refuse_name(owner: str, name: str) -> NoReturn:
    if name in _REFUSED:
        raise AttributeError(
            f"{owner} has no {name}: a series is named by SetDirectoryName, SetFileName, SetFileNames or SetSource"
        )
    raise AttributeError(f"{owner!r} object has no attribute {name!r}")
