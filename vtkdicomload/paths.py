"""Which files a source means, and what to say where it means none. No file is opened here."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import NoDicomError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Path = str | os.PathLike[str]


class Skipped(NamedTuple):
    """A file that was passed over."""

    path: str
    reason: str


class Files(NamedTuple):
    """The files that a source means."""

    name: str  # the source, for messages
    paths: tuple[str, ...]  # regular files: of a folder in natural order, of a sequence as given
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
    if isinstance(source, (str, bytes, os.PathLike)):
        return _of_path(os.fspath(source), recursive)
    if hasattr(source, "GetNumberOfValues") and hasattr(source, "GetValue"):  # vtkStringArray, without importing VTK
        source = [source.GetValue(i) for i in range(source.GetNumberOfValues())]
    try:
        parts = [os.fspath(part) for part in source]
    except TypeError as error:
        raise TypeError(
            f"source must be a folder, a file, a sequence of paths, a vtkStringArray or a Series, not {source!r:.80}"
        ) from error
    if not parts:
        raise NoDicomError("the source is an empty sequence: there is nothing to load")
    found = [_of_path(part, recursive) for part in parts]
    # A path given twice is one file.
    paths = tuple(dict.fromkeys(path for f in found for path in f.paths))
    skipped = tuple(s for f in found for s in f.skipped)
    return Files(f"{len(parts)} paths", paths, skipped, folder=False)


def _of_path(path: Any, recursive: bool) -> Files:
    path = os.fsdecode(path)
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise _missing(path, error) from error
    if stat.S_ISDIR(mode):
        skipped: list[Skipped] = []
        return Files(path, tuple(_walk(path, recursive, skipped)), tuple(skipped), folder=True)
    if not stat.S_ISREG(mode):
        raise NoDicomError(f"{path} is neither a folder nor a regular file", files=[path])
    return Files(path, (path,), (), folder=False)


def _walk(folder: str, recursive: bool, skipped: list[Skipped]) -> Iterator[str]:
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            status = os.stat(current)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(current) as listing:
                entries = _natural(listing)
        except OSError:
            yield current  # reading it as a file says why it cannot be listed
            continue
        folders = []
        for entry in entries:
            if entry.name.startswith("."):
                skipped.append(Skipped(entry.path, "hidden"))
            elif (kind := _kind(entry)) == "folder":
                folders.append(entry.path)
            elif kind == "file":
                yield entry.path
            else:
                skipped.append(Skipped(entry.path, kind))
        if recursive:
            waiting.extend(reversed(folders))
        else:
            skipped.extend(Skipped(path, "a folder") for path in folders)


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_symlink() and not os.path.exists(entry.path):
            return "file"  # a link to nothing may stand for a slice: reading it says so
        return "folder" if entry.is_dir() else "file" if entry.is_file() else "not a regular file"
    except OSError as error:  # a link to itself
        return f"cannot be followed: {error.strerror}"


def _natural(entries: Iterable[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
    from natsort import natsort_keygen

    key = natsort_keygen()  # without ns.PATH, which names of one folder do not need and which costs three times as much
    return sorted(entries, key=lambda entry: key(entry.name))


def natural_key() -> Any:
    """The sort key of file names in natural order: ``MR2`` before ``MR10`` (natsort)."""
    from natsort import natsort_keygen, ns

    return natsort_keygen(alg=ns.PATH)


def is_utf8(path: str) -> bool:
    """Whether the C++ of VTK and ITK can be given the path; SimpleITK ends the process where it cannot."""
    try:
        os.path.abspath(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _missing(path: str, error: Exception) -> NoDicomError:
    """The error for a path that cannot be found, with what people stumble over."""
    control = next((c for c in "\a\b\t\n\v\f\r" if c in path), None)
    if not path:
        return NoDicomError("the path is empty: there is nothing to load")
    if "\0" in path:
        hint = "it holds a NUL character"
    elif control is not None:
        hint = f'{control!r} in it is an escape of Python → write a Windows path as r"C:\\folder" or with /'
    elif path.startswith("~"):
        hint = "~ is expanded by the shell only → load(os.path.expanduser(p))"
    elif any(c in path for c in "*?["):
        hint = "wildcards are expanded by the shell only → load(sorted(glob.glob(p)))"
    elif "\\" in path and os.sep == "/":
        hint = "it is written as on Windows, this system separates folders with /"
    elif isinstance(error, PermissionError):
        hint = "permission denied"
    else:
        hint = _nearest(path)
    return NoDicomError(f"there is nothing at {path!r}: {hint}", files=[path])


def _nearest(path: str) -> str:
    """How far the path goes, and a name like the missing one."""
    import difflib

    parent, name = os.path.split(os.path.abspath(path))
    if not os.path.isdir(parent):
        while parent and not os.path.isdir(parent):
            parent = os.path.dirname(parent)
        return f"{parent!r} is the last part of it that exists"
    try:
        similar = difflib.get_close_matches(name, os.listdir(parent), n=1)
    except OSError:
        similar = []
    return f"did you mean {os.path.join(parent, similar[0])!r}?" if similar else f"no such entry in {parent!r}"


_KINDS = (
    (b"PK\x03\x04", "a zip archive, not a folder → python -m zipfile -e {name} {stem}"),
    (b"\x1f\x8b", "gzip-compressed → gunzip {name}, or tar -xzf {name}"),
    (b"7z\xbc\xaf", "a 7z archive, not a folder → unpack it first"),
    (b"Rar!", "a rar archive, not a folder → unpack it first"),
    (b"\x5c\x01\x00\x00", "a NIfTI file, not DICOM → nibabel.load(p)"),
    (b"NRRD", "an NRRD file, not DICOM → SimpleITK.ReadImage(p)"),
    (b"\x89PNG", "a PNG picture, not DICOM"),
    (b"\xff\xd8\xff", "a JPEG picture, not DICOM"),
    (b"<?xml", "an XML file, not DICOM"),
)
_SUFFIXES = (
    ((".nii", ".nii.gz", ".hdr", ".img"), "a NIfTI or Analyze file, not DICOM → nibabel.load(p)"),
    ((".tar", ".tgz", ".tar.gz"), "a tar archive, not a folder → tar -xf {name}"),
    ((".mha", ".mhd", ".nrrd"), "a MetaImage or NRRD file, not DICOM → SimpleITK.ReadImage(p)"),
    ((".vti",), "a VTK image, not DICOM → vtkXMLImageDataReader"),
)


def describe(path: str) -> str:
    """What a file that is not DICOM is, in words with the way past, by its name and first bytes."""
    name = os.path.basename(path)
    stem = name.split(".")[0] or "folder"
    words = next((words for suffixes, words in _SUFFIXES if name.lower().endswith(suffixes)), None)
    if words is None:
        try:
            with open(path, "rb") as file:
                head = file.read(8)
        except OSError:
            head = b""
        words = next((words for magic, words in _KINDS if head.startswith(magic)), "not DICOM")
    return f"{name} is {words.format(name=name, stem=stem)}"
