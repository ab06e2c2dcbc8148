"""The ways past an error, as data: `DicomLoadError.remedies`, in words by `vtkdicomload.errors.wording`.

A remedy that is an option of `load` has it in ``options``::

    except vtkdicomload.MissingSliceError as error:
        volume = vtkdicomload.load(path, **error.remedies[0].options)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = [
    "ENTER",
    "RESAMPLE",
    "BuildIndex",
    "GetAgain",
    "Install",
    "LeaveOut",
    "LoadFile",
    "LoadFolder",
    "Remedy",
    "SaveAs",
    "SetOption",
    "Step",
    "TrustReader",
    "Unpack",
    "Use",
]


class Remedy:
    """One way past an error."""

    @property
    def options(self) -> dict[str, Any]:
        """The options of `load` that go past the error; empty where it takes something else."""
        return {}


@dataclass(frozen=True)
class LeaveOut(Remedy):
    """Leave files out: ``ignore=``.

    Attributes
    ----------
    files : tuple of str
        Their paths.
    """

    files: tuple[str, ...]

    @property
    def options(self) -> dict[str, Any]:
        """The files as `load` takes them."""
        return {"ignore": list(self.files)}


@dataclass(frozen=True)
class SetOption(Remedy):
    """Give an option another value: choose a series or a stack, resample, take another order or engine …

    Attributes
    ----------
    option : str
        Its name for `load`, or for the function that was called.
    values : tuple
        Each of them goes past the error; of a choice that should be left out, None.
    note : str
        What the value brings with it, in a few words.
    function : str
        The function that takes the option, where it is not the one that was called.
    """

    option: str
    values: tuple[Any, ...]
    note: str = ""
    function: str = ""

    @property
    def options(self) -> dict[str, Any]:
        """The option with the first of its values."""
        return {self.option: self.values[0]}


@dataclass(frozen=True)
class TrustReader(Remedy):
    """Take what one reader gives without asking a second one, once you know that it is right.

    Attributes
    ----------
    engine : str
        Its name.
    """

    engine: str

    @property
    def options(self) -> dict[str, Any]:
        """The reader, and no second one."""
        return {"engine": self.engine, "verify": "none"}


@dataclass(frozen=True)
class LoadFolder(Remedy):
    """Load another folder.

    Attributes
    ----------
    folder : str
        Its path.
    """

    folder: str


@dataclass(frozen=True)
class LoadFile(Remedy):
    """Load a file by itself, such as an archive.

    Attributes
    ----------
    file : str
        Its path.
    """

    file: str


@dataclass(frozen=True)
class GetAgain(Remedy):
    """Get damaged files again from where they come from.

    Attributes
    ----------
    files : tuple of str
        Their paths.
    """

    files: tuple[str, ...]


@dataclass(frozen=True)
class Unpack(Remedy):
    """Unpack an archive.

    Attributes
    ----------
    archive : str
        Its path.
    command : tuple of str
        A command that does so, as its arguments; empty where it takes a program that may not be there.
    """

    archive: str
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Install(Remedy):
    """Install what is missing.

    Attributes
    ----------
    packages : tuple of str
        Their names.
    installer : {"pip", "apt-get"}
        What installs them.
    """

    packages: tuple[str, ...]
    installer: str = "pip"


@dataclass(frozen=True)
class SaveAs(Remedy):
    """Write another format.

    Attributes
    ----------
    suffixes : tuple of str
        Of formats that hold these voxels.
    """

    suffixes: tuple[str, ...]


@dataclass(frozen=True)
class Use(Remedy):
    """Use another function, method or attribute.

    Attributes
    ----------
    what : str
        As it is written in Python.
    """

    what: str


@dataclass(frozen=True)
class BuildIndex(Remedy):
    """Bring an index up to date.

    Attributes
    ----------
    root, index : str
        What is indexed, and the folder of the index.
    archives : bool
        Whether archives in the root are entered.
    """

    root: str
    index: str
    archives: bool = False


class Step(Remedy, Enum):
    """A step that is taken outside, or needs no facts."""

    LOAD_ALL = "load every stack of every series"
    SCAN_AGAIN = "scan again"
    LOAD_IMAGES = "load the folder of the images"
    ANOTHER_TARGET = "another folder"
    EXPAND_HOME = "expand ~"
    EXPAND_WILDCARDS = "expand wildcards"
    RAW_PATH = 'write a Windows path as r"C:\\folder" or with /'
    EXPORT_UNCOMPRESSED = "export the series uncompressed where it comes from"
    FREE_MEMORY = "free some memory"


ENTER = SetOption("archives", (True,))  # what reads archives that lie in a folder
RESAMPLE = SetOption("irregular", ("resample",), function="load")  # what goes past an error of a volume
