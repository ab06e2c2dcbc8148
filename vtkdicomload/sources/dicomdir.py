"""A DICOMDIR (PS3.10 section 8): the files that it lists in the order of its records, then those beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from .._util.warnings import silence_warnings
from ..errors import CorruptFileError, make_damaged_error
from ..errors.remedies import LeaveOut
from .archives.members import Listed, LostFile
from .folders import walk_folder
from .local import LocalFile
from .reasons import Reason, Skipped
from .stream import open_stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .file import File

_DIRECTORY_STORAGE = "1.2.840.10008.1.3.10"
# PS3.3 F.5: records of what holds no image. A file of another kind that is missing may be a slice.
_WITHOUT_IMAGE = frozenset((
    "SR DOCUMENT", "PRESENTATION", "KEY OBJECT DOC", "WAVEFORM", "ENCAP DOC", "RAW DATA", "RT STRUCTURE SET", "RT PLAN",
    "RT TREAT RECORD", "REGISTRATION", "FIDUCIAL", "SPECTROSCOPY", "VALUE MAP", "HANGING PROTOCOL", "PRIVATE",
    "STEREOMETRIC", "MEASUREMENT", "SURFACE", "SURFACE SCAN", "TRACT", "ASSESSMENT", "PLAN", "IMPLANT",
))  # fmt: skip


class _Record(NamedTuple):
    """What one directory record says."""

    kind: str
    parts: tuple[str, ...]  # of the name of its file: folders, then a file
    behind: int  # offset of the next record of its level; 0 where there is none
    below: int  # and of the first one of the level below


def is_named_as_dicomdir(path: str) -> bool:
    """Tell whether a file is named as the index of a medium, whatever the case."""
    return _fold_name(os.path.basename(path)) == "dicomdir"


def enter_dicomdir(file: LocalFile) -> Listed | None:
    """List the files of a medium: those of its records in their order, and what else lies there, in natural order.

    Returns
    -------
    Listed or None
        None where the file is no DICOMDIR. A listed image that is missing, and a DICOMDIR that is damaged, are files
        that cannot be read.
    """
    folder = os.path.dirname(file.name)
    finder = _Finder(os.path.dirname(file.local_path))
    listed: dict[str, File] = {}
    skipped: list[Skipped] = []
    try:
        records = _read_records(file)
    except CorruptFileError as error:
        listed[file.name], records = LostFile(file.name, what=error.what, remedies=error.remedies), []
    if records is None:
        return None
    for record in records:
        found = finder.find(record.parts)
        path = os.path.join(folder, *(found or record.parts))
        if found is not None:
            listed.setdefault(path, LocalFile(path, folder=file.folder))
        elif record.kind in _WITHOUT_IMAGE:
            skipped.append(Skipped(path, Reason.MISSING))
        else:
            what = f"{os.path.basename(file.name)} lists it, and it is not there"
            listed.setdefault(path, LostFile(path, what=what, remedies=(LeaveOut((path,)),)))
    real = {os.path.realpath(f.local_path) for f in listed.values() if f.local_path is not None}
    real.add(os.path.realpath(file.local_path))
    beside = walk_folder(folder or os.curdir, recursive=True, skipped=skipped)
    others = [os.path.normpath(path) if not folder else path for path in beside if os.path.realpath(path) not in real]
    return Listed((*listed.values(), *(LocalFile(path, folder=file.folder) for path in others)), tuple(skipped))


def _read_records(file: LocalFile) -> list[_Record] | None:
    """The records that name a file, in the order of the directory; None where the file is none."""
    import pydicom

    try:
        with open_stream(file) as stream, silence_warnings():
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            data_set: Any = pydicom.dcmread(stream)
            if data_set.file_meta.get("MediaStorageSOPClassUID") != _DIRECTORY_STORAGE:
                return None
            items = list(data_set.get("DirectoryRecordSequence") or ())
            read = {int(item.seq_item_tell): _read_values(item) for item in items}
            first = int(data_set.get("OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity") or 0)
    except (OSError, CorruptFileError, pydicom.errors.InvalidDicomError):
        return None  # reading it as an image says why
    except MemoryError:
        raise
    except Exception as error:  # pydicom documents no errors
        raise _make_unreadable_error(file, type(error).__name__) from error
    records = {place: _make_record(*values) for place, values in read.items()}
    if any(max(record.behind, record.below) >= size for record in records.values()):
        raise _make_unreadable_error(file, "it is cut short")
    ordered = dict(_follow(records, first))
    # What no offset leads to is there all the same.
    return [record for record in {**ordered, **records}.values() if record.parts]


def _make_unreadable_error(file: LocalFile, why: str) -> CorruptFileError:
    return make_damaged_error(file.name, f"its directory records cannot be read: {why}")


def _read_values(item: Any) -> tuple[str, list[str], int, int]:
    """Ask pydicom for the type of a record, its ReferencedFileID, and where the next one and those below begin."""
    value = item.get("ReferencedFileID")
    given = [] if value is None else [value] if isinstance(value, str) else list(value)
    behind, below = item.get("OffsetOfTheNextDirectoryRecord"), item.get("OffsetOfReferencedLowerLevelDirectoryEntity")
    return str(item.get("DirectoryRecordType") or ""), [str(text) for text in given], int(behind or 0), int(below or 0)


def _make_record(kind: str, given: list[str], behind: int, below: int) -> _Record:
    # Components are values of their own; some writers put the whole path into one.
    names = [name.strip() for text in given for name in text.replace("\\", "/").split("/")]
    return _Record(kind, tuple(name for name in names if name.strip(".") and not name.endswith(":")), behind, below)


def _follow(records: Mapping[int, _Record], first: int) -> Iterator[tuple[int, _Record]]:
    """Follow the offsets of the records, each with what is below it; every record once."""
    waiting, seen = [first], set[int]()
    while waiting:
        place = waiting.pop()
        if place in seen or place not in records:
            continue
        seen.add(place)
        record = records[place]
        yield place, record
        waiting += [record.behind, record.below]


class _Finder:
    """Finds files of a medium by the names that records give them, in whatever case a file system shows those."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._names: dict[str, dict[str, str]] = {}  # of each folder: name as it is compared → as it is

    def find(self, parts: tuple[str, ...]) -> tuple[str, ...] | None:
        """The parts of the path below the root as they are on disk; None where there is no such file."""
        folder, found = self._root, []
        for part in parts:
            names = self._list_names(folder)
            name = part if part in names.values() else names.get(_fold_name(part))
            if name is None:
                return None
            folder = os.path.join(folder, name)
            found.append(name)
        return tuple(found) if os.path.isfile(folder) else None

    def _list_names(self, folder: str) -> dict[str, str]:
        if folder not in self._names:
            try:
                self._names[folder] = {_fold_name(name): name for name in os.listdir(folder)}
            except OSError:
                self._names[folder] = {}
        return self._names[folder]


def _fold_name(name: str) -> str:
    """A name without case, trailing dot and version, which ISO 9660 adds to it."""
    return name.split(";")[0].rstrip(". ").lower()
