"""The files that a source means, and what to say where it means none. No file is opened here."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .._util.wording import describe_argument
from ..errors import NoDicomError
from .file import File
from .folders import walk_folder
from .hints import looks_like_path, make_missing_error
from .local import LocalFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .reasons import Skipped

    Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

    class StringArray(Protocol):
        """The part of a vtkStringArray that is used."""

        def GetNumberOfValues(self) -> int: ...  # noqa: D102, N802 - a method of VTK's
        def GetValue(self, index: int, /) -> str: ...  # noqa: D102, N802 - as above

    Source = Path | Iterable[Path] | StringArray


class Files(NamedTuple):
    """The files that a source means."""

    name: str  # the source, for messages
    files: tuple[File, ...]  # of a folder in natural order, of a sequence as given
    skipped: tuple[Skipped, ...]  # what is no candidate by name or kind alone
    folder: bool


def find_files(source: Any, *, recursive: bool = True) -> Files:
    """The regular files that a folder, a file, a sequence of paths or a vtkStringArray means.

    Parameters
    ----------
    source : path-like, sequence of path-like, or vtkStringArray
        A folder is walked in natural order of its names; symbolic links are followed, loops are harmless, hidden
        entries and everything that is no regular file are passed over.
    recursive : bool
        Whether a folder's folders are walked too.

    Raises
    ------
    NoDicomError
        A path does not exist, or the sequence is empty.
    TypeError
        The source is none of these.
    """
    if isinstance(source, (str, bytes, os.PathLike, File)):
        return _find_part(source, recursive)
    if isinstance(source, (bytearray, memoryview, Mapping)) or hasattr(source, "read"):
        raise _make_type_error(source)
    if hasattr(source, "GetNumberOfValues") and hasattr(source, "GetValue"):  # vtkStringArray, without importing VTK
        source = [source.GetValue(i) for i in range(source.GetNumberOfValues())]
    try:
        parts = [part if isinstance(part, File) else os.fspath(part) for part in source]
    except TypeError:
        raise _make_type_error(source) from None
    if not parts:
        raise NoDicomError("the source is an empty sequence: there is nothing to load")
    found = [_find_part(part, recursive) for part in parts]
    # A path given twice is one file.
    by_name: dict[str, File] = {}
    for file in (file for f in found for file in f.files):
        if by_name.setdefault(file.name, file) != file:
            raise ValueError(f"two files of the source have the same name: {file.name!r}")
    skipped = tuple(s for f in found for s in f.skipped)
    return Files(f"{len(parts)} paths", tuple(by_name.values()), skipped, folder=False)


def _make_type_error(source: object) -> TypeError:
    kinds = "a folder, a file, a sequence of paths, a vtkStringArray or a Series"
    return TypeError(f"source must be {kinds}, not {describe_argument(source)}")


def _find_part(part: Any, recursive: bool) -> Files:
    """The regular files that one path means, or the one file that is given as it is."""
    if isinstance(part, File):
        return Files(part.name, (part,), (), folder=False)
    path = os.fsdecode(part)
    try:
        start = "" if os.path.isabs(path) else os.getcwd()
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        # The cause names the path too.
        raise make_missing_error(part, error) from (error if looks_like_path(part) else None)
    if stat.S_ISDIR(mode):
        skipped: list[Skipped] = []
        files = tuple(LocalFile(name, folder=start) for name in walk_folder(path, recursive, skipped))
        return Files(path, files, tuple(skipped), folder=True)
    if not stat.S_ISREG(mode):
        raise NoDicomError(f"{path} is neither a folder nor a regular file", files=[path])
    return Files(path, (LocalFile(path, folder=start),), (), folder=False)
