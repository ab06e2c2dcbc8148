"""What is in memory already, as files: bytes, file-like objects and pydicom Datasets. None of it is ever echoed."""

from __future__ import annotations

import copy
import io
import sys
from typing import TYPE_CHECKING, Any

from ..errors import CorruptFileError
from ..errors.remedies import LeaveOut
from .archives.enter import is_archive
from .archives.members import LostFile
from .memory import MemoryFile

if TYPE_CHECKING:
    import pydicom
    from pydicom.uid import UID

    from .file import File

_LONGEST_PATH = 4096  # bytes; PATH_MAX of Linux
_FIRST_PRINTABLE = 0x20  # bytes below stand in files, not in names: NUL, line feed
_UNDEFINED = 0xFFFFFFFF  # the length of an element that a delimiter ends
_FIRST_GROUP = 0x00040000  # those below belong into the meta information, or into a command
_FOLDER = "memory"  # that such files are named below, so that each has a name and a natural order


def is_content(source: Any) -> bool:
    """Tell whether a source is the content of a file itself; bytes that may be a path are one."""
    if isinstance(source, bytes):
        return not source or len(source) > _LONGEST_PATH or min(source) < _FIRST_PRINTABLE
    if isinstance(source, (bytearray, memoryview)) or _is_dataset(source):
        return True
    return callable(getattr(source, "read", None)) and not hasattr(source, "__fspath__")


def hold_content(source: Any, place: int) -> File:
    """The file that a source holds; `place` among others is what it is named by.

    Returns
    -------
    File
        In memory; one that cannot be read where pydicom cannot write a Dataset.

    Raises
    ------
    TypeError
        A file-like object was opened as text.
    """
    name = f"{_FOLDER}/{place}"
    if _is_dataset(source):
        name += ".dcm"
        try:
            return MemoryFile.of(_write_dataset(source, name), name)
        except CorruptFileError as error:
            return LostFile(name, what=error.what, remedies=error.remedies)
    data = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else _read_whole(source)
    return MemoryFile.of(data, name if is_archive(data[:512]) else f"{name}.dcm")


def _read_whole(stream: Any) -> bytes:
    """Everything that a file-like object holds, wherever it stands, and it stands there again then."""
    try:
        place = stream.tell()
        stream.seek(0)
    except (AttributeError, OSError):  # what comes over a network is read on from where it is
        data = stream.read()
    else:
        try:
            data = stream.read()
        finally:
            stream.seek(place)
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"a file-like source has to be opened in binary mode: {type(stream).__name__} gives text")
    return bytes(data)


def _is_dataset(source: Any) -> bool:
    """Tell whether it is a pydicom Dataset, without importing pydicom."""
    known = getattr(sys.modules.get("pydicom"), "Dataset", None)  # another thread may be importing it
    return known is not None and isinstance(source, known)


def _write_dataset(source: pydicom.Dataset, name: str) -> bytes:
    """A Dataset as a file, with meta information of its own where it has none."""
    import pydicom

    data_set = copy.copy(source)  # its elements are those of the caller, its meta information is not
    if any(tag < _FIRST_GROUP for tag in data_set.keys()):  # noqa: SIM118 - iterating over a Dataset parses it
        data_set = data_set[_FIRST_GROUP:]  # a command set, left over from a transfer
    meta = pydicom.dataset.FileMetaDataset(getattr(source, "file_meta", None) or {})
    if not meta.get("TransferSyntaxUID"):
        if _has_compressed_pixels(source):
            raise _make_error(name, "this Dataset holds compressed pixels, and its file_meta no TransferSyntaxUID")
        meta.TransferSyntaxUID = _find_syntax(source)
    meta.MediaStorageSOPClassUID = meta.get("MediaStorageSOPClassUID") or data_set.get("SOPClassUID", "")
    meta.MediaStorageSOPInstanceUID = meta.get("MediaStorageSOPInstanceUID") or data_set.get("SOPInstanceUID", "")
    data_set.file_meta = meta
    written = io.BytesIO()
    try:
        pydicom.dcmwrite(written, data_set, enforce_file_format=True)
    except MemoryError:
        raise
    except Exception as error:  # pydicom documents no errors, and what it says may hold a value
        raise _make_error(name, f"pydicom cannot write this Dataset as a file ({type(error).__name__})") from error
    return written.getvalue()


def _make_error(name: str, what: str) -> CorruptFileError:
    return CorruptFileError(f"{name}: {what}", files=[name], remedies=[LeaveOut((name,))], what=what)


def _has_compressed_pixels(source: pydicom.Dataset) -> bool:
    if "PixelData" not in source:
        return False
    element = source.get_item("PixelData")
    return getattr(element, "is_undefined_length", getattr(element, "length", 0) == _UNDEFINED)


def _find_syntax(source: pydicom.Dataset) -> UID:
    """The transfer syntax of a Dataset that says none: as it was read, or as pydicom writes one that was made."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    implicit, little = source.original_encoding
    if implicit:
        return ImplicitVRLittleEndian
    return ExplicitVRBigEndian if little is False else ExplicitVRLittleEndian
