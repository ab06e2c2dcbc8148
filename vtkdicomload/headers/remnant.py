"""The readable rest of a file that cannot be read whole: whose it is, of which class, and where it lies."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ..errors import CorruptFileError
from .attributes import FIELDS
from .elements import Source, walk
from .liberties import Liberties
from .preamble import NotDicomError, begin, find_data_set

if TYPE_CHECKING:
    from ..sources.file import File
    from .elements import Element
    from .model import Triple

_WANTED = {0x00080016: "sop_class_uid", 0x00080060: "modality", 0x0020000D: "study_uid", 0x0020000E: "series_uid"}
_WANTED |= {0x00200013: "instance_number", 0x00200032: "position", 0x00280010: "rows", 0x00280011: "columns"}
_WORDS = frozenset((0x00280010, 0x00280011))  # binary; all others are text, which every encoding writes alike
_PATIENT_ID = 0x00100020
_LONGEST = 256  # bytes of a value


class Remnant(NamedTuple):
    """The attributes of a damaged file that stand before its damage; None where they do not."""

    sop_class_uids: tuple[str, ...] = ()  # all that it says: of its data set and of its file meta information
    study_uid: str | None = None
    series_uid: str | None = None
    instance_number: int | None = None
    position: Triple | None = None
    modality: str | None = None
    rows: int | None = None
    columns: int | None = None


NOTHING_READ = Remnant()


def read_remnant(file: File) -> Remnant:
    """Read what is readable of the header of a damaged file; never an error."""
    found: dict[str, object] = {}
    twice: set[str] = set()
    classes: dict[str, None] = {}
    with suppress(CorruptFileError, NotDicomError, OSError), file.open() as handle:
        source = Source(handle)
        data_set = find_data_set(source, begin(source)[0], [], Liberties())
        if data_set.media_sop_class_uid:
            classes[data_set.media_sop_class_uid] = None
        for element in walk(source, data_set.start, data_set.encoding):
            name = _WANTED.get(element.tag)
            if name is None or element.depth or not 0 < element.length <= _LONGEST:
                continue
            if name in found:
                twice.add(name)  # which of the two is true, nothing says
            with suppress(ValueError):
                found[name] = _parse_value(source, element, big_endian=data_set.encoding.big_endian)
    for name in twice:
        found[name] = None
    if isinstance(uid := found.pop("sop_class_uid", None), str):
        classes[uid] = None
    return Remnant(tuple(classes), **found)  # type: ignore[arg-type]


def read_patient_id(file: File) -> bytes:
    """Read PatientID as it is written, to compare it with that of another file; it is not to be kept or shown.

    Empty where there is none, or where the header cannot be walked that far.
    """
    with suppress(CorruptFileError), file.open() as handle:
        source = Source(handle)
        data_set = find_data_set(source, begin(source)[0], [], Liberties())
        for element in walk(source, data_set.start, data_set.encoding):
            if element.tag >= _PATIENT_ID and element.depth == 0:
                known = element.tag == _PATIENT_ID and 0 < element.length <= _LONGEST
                return source.at(element.offset, element.length).strip(b" \0") if known else b""
    return b""


def _parse_value(source: Source, element: Element, *, big_endian: bool) -> object:
    value = source.at(element.offset, element.length)
    return FIELDS[element.tag].parse(value[::-1] if big_endian and element.tag in _WORDS else value)
