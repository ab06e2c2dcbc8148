"""Paths that are not there or that are no DICOM: what they are, and what goes past that."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from .._util.wording import describe_argument
from ..errors import NoDicomError
from ..errors.remedies import ENTER, LoadFile, Remedy, Step, Unpack, Use
from .archives.enter import is_named_as_archive

if TYPE_CHECKING:
    from collections.abc import Callable

    Path = str | os.PathLike[str]


_LONGEST_PATH, _LONGEST_NAME = 1024, 255  # characters


def make_missing_error(source: Path | bytes | os.PathLike[bytes], error: Exception) -> NoDicomError:
    """The error for a path that cannot be found, with what people stumble over.

    What looks like no path may be what a file holds, a patient's name too: it is described, not shown.
    """
    path = str(os.fsdecode(source))  # NumPy's texts too
    if not path:
        return NoDicomError("the path is empty: there is nothing to load")
    control = next((c for c in "\a\b\t\n\v\f\r" if c in path), None)
    if not looks_like_path(source):
        hint = "it holds a NUL character" if "\0" in path else "is it what a file holds?"
        return NoDicomError(f"the source is {describe_argument(source)}, and no path of anything: {hint}")
    remedies: tuple[Remedy, ...] = ()
    if control is not None:
        hint, remedies = f"{control!r} in it is an escape of Python", (Step.RAW_PATH,)
    elif path.startswith("~"):
        hint, remedies = "~ is expanded by the shell only", (Step.EXPAND_HOME,)
    elif any(c in path for c in "*?["):
        hint, remedies = "wildcards are expanded by the shell only", (Step.EXPAND_WILDCARDS,)
    elif "\\" in path and os.sep == "/":
        hint = "it is written as on Windows, this system separates folders with /"
    elif isinstance(error, PermissionError):
        hint = "permission denied"
    else:
        hint = _find_nearest_path(path)
    return NoDicomError(f"there is nothing at {path!r}: {hint}", files=[path], remedies=remedies)


def looks_like_path(source: Path | bytes | os.PathLike[bytes]) -> bool:
    """Tell whether a text may be meant as a path, by its length and by its printing; bytes may be anything."""
    if isinstance(source, bytes):
        return False
    path = os.fsdecode(source)
    if len(path) > _LONGEST_PATH or max(map(len, re.split(r"[/\\]", path))) > _LONGEST_NAME:
        return False
    # What Python's escapes make of a Windows path, and what no path holds otherwise.
    return path.isprintable() or bool(re.match(r"[A-Za-z]:[\a\b\t\n\v\f\r\\/]", path))


def _find_nearest_path(path: str) -> str:
    """Say how far the path goes, and a name like the missing one."""
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


class Foreign(NamedTuple):
    """The kind of a file that is not DICOM."""

    words: str
    remedies: tuple[Remedy, ...]


def _suggest_entering(path: str) -> tuple[Remedy, ...]:
    return (ENTER if is_named_as_archive(path) else LoadFile(path),)


def _unpack(path: str) -> tuple[Remedy, ...]:
    return (Unpack(path),)


def _use(what: str) -> Callable[[str], tuple[Remedy, ...]]:
    return lambda _: (Use(what),)


def _offer_nothing(_: str) -> tuple[Remedy, ...]:
    return ()


_NIFTI, _METAIMAGE, _VTI = _use("nibabel.load(p)"), _use("SimpleITK.ReadImage(p)"), _use("vtkXMLImageDataReader")
# First bytes → what it is, and what goes past that.
_KINDS = (
    (b"PK\x03\x04", "a zip archive", _suggest_entering),
    (b"\x1f\x8b", "gzip-compressed", _suggest_entering),
    (b"7z\xbc\xaf", "a 7z archive", _unpack),
    (b"Rar!", "a rar archive", _unpack),
    (b"\x5c\x01\x00\x00", "a NIfTI file, not DICOM", _NIFTI),
    (b"NRRD", "an NRRD file, not DICOM", _METAIMAGE),
    (b"\x89PNG", "a PNG picture, not DICOM", _offer_nothing),
    (b"\xff\xd8\xff", "a JPEG picture, not DICOM", _offer_nothing),
    (b"<?xml", "an XML file, not DICOM", _offer_nothing),
)
_SUFFIXES = (
    ((".nii", ".nii.gz", ".hdr", ".img"), "a NIfTI or Analyze file, not DICOM", _NIFTI),
    ((".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst"), "a tar archive", _suggest_entering),
    ((".mha", ".mhd", ".nrrd"), "a MetaImage or NRRD file, not DICOM", _METAIMAGE),
    ((".vti",), "a VTK image, not DICOM", _VTI),
)


def describe_nested(path: str) -> Foreign:
    """Tell of an archive that lies in another one, which is to be unpacked first."""
    holder = os.path.dirname(path)
    while holder and not os.path.isfile(holder) and os.path.dirname(holder) != holder:
        holder = os.path.dirname(holder)
    past = (Unpack(holder),) if os.path.isfile(holder) else ()
    return Foreign(f"{os.path.basename(path)} is an archive in an archive, which is not entered", past)


def describe_foreign(path: str) -> Foreign:
    """Tell what a file that is not DICOM is, by its name and first bytes, and what reads or unpacks it."""
    name = os.path.basename(path)
    found = next(((what, past) for suffixes, what, past in _SUFFIXES if name.lower().endswith(suffixes)), None)
    if found is None:
        try:
            with open(path, "rb") as file:
                head = file.read(8)
        except OSError:
            head = b""
        found = next(
            ((what, past) for magic, what, past in _KINDS if head.startswith(magic)), ("not DICOM", _offer_nothing)
        )
    what, past = found
    return Foreign(f"{name} is {what}", past(path))
