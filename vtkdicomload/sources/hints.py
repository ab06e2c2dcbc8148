"""What to say of a path that is not there, or that is no DICOM."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import NoDicomError

if TYPE_CHECKING:
    Path = str | os.PathLike[str]


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
