"""The files that a source means, and what to say where it means none; of what is given, only archives are opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .._util.threads import for_each
from .._util.wording import describe_argument
from ..errors import CorruptFileError, NoDicomError
from .archives.enter import enter_archive, is_named_as_archive
from .archives.members import LostFile
from .dicomdir import enter_dicomdir, is_named_as_dicomdir
from .dicomweb.address import find_address
from .dicomweb.listing import list_instances
from .dicomweb.retrieval import retrieve_series
from .file import File
from .folders import walk_folder
from .hints import looks_like_path, make_missing_error
from .keeping import Keeping
from .local import LocalFile
from .objects import hold_content, is_content
from .remote.find import Finder, check_storage_options
from .remote.server import REQUESTS
from .remote.sharing import keep_connections
from .remote.urls import find_local_path, is_upath, is_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pydicom

    from .reasons import Skipped
    from .remote.find import Found

    Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]

    class Readable(Protocol):
        """What of a file-like object is used."""

        def read(self) -> bytes: ...  # noqa: D102 - a method of files

    class RemotePath(Protocol):
        """What of a UPath on a server is used."""

        @property
        def protocol(self) -> str: ...  # noqa: D102 - as UPath has it
        @property
        def path(self) -> str: ...  # noqa: D102 - as above
        @property
        def storage_options(self) -> Mapping[str, Any]: ...  # noqa: D102 - as above

    Content = bytes | bytearray | memoryview | Readable | pydicom.Dataset

    class StringArray(Protocol):
        """The part of a vtkStringArray that is used."""

        def GetNumberOfValues(self) -> int: ...  # noqa: D102, N802 - a method of VTK's
        def GetValue(self, index: int, /) -> str: ...  # noqa: D102, N802 - as above

    Source = Path | RemotePath | Content | Iterable[Path | RemotePath | Content] | StringArray


class Files(NamedTuple):
    """The files that a source means."""

    name: str  # the source, for messages
    files: tuple[File, ...]  # of a folder in natural order, of a sequence as given
    skipped: tuple[Skipped, ...]  # what is no candidate by name or kind alone


def find_files(
    source: Any,
    *,
    recursive: bool = True,
    archives: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    keeping: Keeping | None = None,
) -> Files:
    """The files that a source means: a path, a URL, what is in memory, or a sequence of these.

    Parameters
    ----------
    source : path-like, URL, UPath, bytes, file-like, Dataset, a sequence of these, vtkStringArray, or Files
        A folder is walked in natural order of its names; symbolic links are followed, loops are harmless, hidden
        entries and everything that is no regular file are passed over. An archive (zip, tar, compressed or not) and
        a DICOMDIR that are given mean the files that they hold or list, the URL of a study or series on a DICOMweb
        server its instances.
    recursive : bool
        Whether a folder's folders are walked too.
    archives : bool
        Whether archives in a folder are entered, which are named as such.
    storage_options : mapping, optional
        How the caller is known to a server: what fsspec takes; of DICOMweb see `dicomweb.server.Server.at`.
    keeping : Keeping, optional
        What is kept of files that have to be passed through; their beginnings by default.

    Raises
    ------
    NoDicomError
        A path does not exist, or the sequence is empty.
    TypeError
        The source is none of these.
    """
    if isinstance(source, Files):
        return source
    keeping = keeping or Keeping()
    finder = Finder(check_storage_options(storage_options), recursive)
    if _is_remote(source):
        return _take_found(finder.find(source), recursive, archives, keeping, alone=True)
    if isinstance(source, (str, bytes, os.PathLike, File)) or is_content(source):
        return _find_part(source, 0, recursive, archives, storage_options, keeping, alone=True)
    if isinstance(source, Mapping):  # its keys may be a patient's
        raise _make_type_error(source)
    if hasattr(source, "GetNumberOfValues") and hasattr(source, "GetValue"):  # vtkStringArray, without importing VTK
        source = [source.GetValue(i) for i in range(source.GetNumberOfValues())]
    try:
        parts = [
            part if isinstance(part, File) or is_content(part) or is_upath(part) else os.fspath(part) for part in source
        ]
    except TypeError:
        raise _make_type_error(source) from None
    if not parts:
        raise NoDicomError("the source is an empty sequence: there is nothing to load")
    away = [place for place, part in enumerate(parts) if _is_remote(part)]
    remote = dict(zip(away, _name_apart(finder.find_each([parts[place] for place in away])), strict=True))
    found = [
        _take_found(remote[place], recursive, archives, keeping, alone=False)
        if place in remote
        else _find_part(part, place, recursive, archives, storage_options, keeping, alone=False)
        for place, part in enumerate(parts)
    ]
    # A path given twice is one file.
    by_name: dict[str, File] = {}
    for file in (file for f in found for file in f.files):
        if by_name.setdefault(file.name, file) != file:
            raise ValueError(f"two files of the source have the same name: {file.name!r}")
    skipped = tuple(s for f in found for s in f.skipped)
    noun = "sources" if any(map(is_content, parts)) else "paths"
    return Files(f"{len(parts)} {noun}", tuple(by_name.values()), skipped)


def retrieve_source(
    source: Any,
    storage_options: Mapping[str, Any] | None,
    keeping: Keeping,
    progress: Callable[[int, int], None] | None,
) -> Files | None:
    """The files of a source that is one series on a DICOMweb server, whose pixels are all wanted; else None.

    Parameters and errors are those of `retrieve_series`.
    """
    address = find_address(source)
    files = None if address is None else retrieve_series(address, storage_options, keeping, progress)
    return Files(address.url, files, ()) if address is not None and files is not None else None


def _make_type_error(source: object) -> TypeError:
    kinds = "a folder, a file, a sequence of paths, a vtkStringArray or a Series"
    return TypeError(f"source must be {kinds}, not {describe_argument(source)}")


def _is_remote(source: Any) -> bool:
    """Tell whether a source is a URL that is opened by fsspec."""
    return is_url(source) and find_address(source) is None and find_local_path(str(source)) is None


def _find_part(
    part: Any,
    place: int,
    recursive: bool,
    archives: bool,
    storage_options: Mapping[str, Any] | None,
    keeping: Keeping,
    *,
    alone: bool,
) -> Files:
    """The files that one path means, or the one that is given as it is; `place` is its place in the sequence."""
    if isinstance(part, File):
        return Files(part.name, (part,), ())
    if is_content(part):
        return _enter(hold_content(part, place), recursive, keeping)
    address = find_address(part)
    if address is not None:
        return Files(address.url, list_instances(address, storage_options), ())
    path = os.fsdecode(part)
    path = (find_local_path(path) if is_url(path) else None) or path
    try:
        start = "" if os.path.isabs(path) else os.getcwd()
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        # The cause names the path too.
        raise make_missing_error(part, error) from (error if looks_like_path(part) else None)
    if stat.S_ISDIR(mode):
        return _find_in_folder(path, start, recursive, archives, keeping)
    if not stat.S_ISREG(mode):
        raise NoDicomError(f"{path} is neither a folder nor a regular file", files=[path])
    file = LocalFile(path, folder=start)
    if is_named_as_dicomdir(path) and (listed := enter_dicomdir(file)) is not None:
        return Files(path, *listed)
    # Of a list of slices none is opened here: that would take as long as to read its header.
    return _enter(file, recursive, keeping) if alone or is_named_as_archive(path) else Files(path, (file,), ())


def _take_found(found: Found, recursive: bool, archives: bool, keeping: Keeping, *, alone: bool) -> Files:
    """The files of a URL, and those in the archives among them."""
    if not found.is_file:
        if not archives:
            return Files(found.name, found.files, found.skipped)
        return _enter_archives(found.name, found.files, found.skipped, recursive, keeping)
    (file,) = found.files
    if found.inside is not None:
        entered = _enter(file, recursive, keeping)
        inside = f"{file.name}/{found.inside}".rstrip("/")
        files = tuple(f for f in entered.files if f.name == inside or f.name.startswith(f"{inside}/"))
        if not files:
            raise NoDicomError(f"there is nothing at {inside}: the archive has {len(entered.files)} files elsewhere")
        return Files(inside, files, entered.skipped)
    return _enter(file, recursive, keeping) if alone or is_named_as_archive(file.name) else Files(*found[:3])


def _name_apart(found: list[Found]) -> list[Found]:
    """Number objects whose URLs differ by what no message shows: a query."""
    keys: dict[str, str] = {}
    named = []
    for place, each in enumerate(found):
        (file, *others) = each.files or (None,)
        if each.is_file and file is not None and not others:
            key = getattr(file, "key", "")
            if keys.setdefault(file.name, key) != key:
                each = each._replace(files=(replace(file, name=f"{file.name}#{place}"),))  # noqa: PLW2901
        named.append(each)
    return named


def _find_in_folder(path: str, start: str, recursive: bool, archives: bool, keeping: Keeping) -> Files:
    """The files in a folder, and in the archives there."""
    skipped: list[Skipped] = []
    names = walk_folder(path, recursive, skipped)
    if not archives:
        return Files(path, tuple(LocalFile(name, folder=start) for name in names), tuple(skipped))
    return _enter_archives(path, [LocalFile(name, folder=start) for name in names], skipped, recursive, keeping)


def _enter_archives(
    path: str, found: Iterable[File], passed_over: Iterable[Skipped], recursive: bool, keeping: Keeping
) -> Files:
    """The files of a folder, and in the archives among them."""
    candidates = list(found)
    archives = [file for file in candidates if is_named_as_archive(file.name)]
    entered: dict[str, Files] = {}

    def enter(k: int) -> None:
        entered[archives[k].name] = enter_if_readable(archives[k], recursive, keeping)

    with keep_connections():
        for_each(len(archives), enter, lambda: None, REQUESTS if any(file.is_remote for file in archives) else 1)
    files = [each for file in candidates for each in (entered[file.name].files if file.name in entered else (file,))]
    skipped = [*passed_over, *(each for file in archives for each in entered[file.name].skipped)]
    return Files(path, tuple(files), tuple(skipped))


def _enter(file: File, recursive: bool, keeping: Keeping) -> Files:
    """The files in an archive; the file itself where it is none, or cannot be opened: reading it says why."""
    try:
        listed = enter_archive(file, keeping, recursive=recursive)
    except (OSError, CorruptFileError):
        listed = None
    return Files(file.name, (file,), ()) if listed is None else Files(file.name, *listed)


def enter_if_readable(file: File, recursive: bool, keeping: Keeping) -> Files:
    """The files in an archive; one that a library is missing for is a file that cannot be read."""
    try:
        return _enter(file, recursive, keeping)
    except ImportError as error:
        return Files(file.name, (LostFile(file.name, what=str(error)),), ())
