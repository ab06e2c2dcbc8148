"""The beginning of a file: whether it is DICOM, where its data set begins, how that is written (PS3.10 section 7)."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from ..errors import CorruptFileError
from ..sources.archives.enter import is_archive
from ..sources.reasons import Reason
from .attributes import parse_text
from .elements import LONG_VRS, SHORT_VRS, UNDEFINED, Encoding, walk
from .liberties import STRICT, Liberties, Liberty
from .transfer_syntaxes import DEFLATED_LITTLE, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE

if TYPE_CHECKING:
    from .elements import Element, Source

_MEDIA_SOP_CLASS, _TRANSFER_SYNTAX = 0x00020002, 0x00020010
META_UIDS = (_MEDIA_SOP_CLASS, _TRANSFER_SYNTAX)
_COMMAND_GROUP_LENGTH = b"\0\0\0\0\4\0\0\0"  # tag and length in implicit VR


class NotDicomError(Exception):
    """The file does not say that it is DICOM, or holds no image.

    Attributes
    ----------
    reason : Reason
        Which of the two, and as what it is passed over.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class DataSet(NamedTuple):
    """The start of the data set of an opened file, and how it is written (PS3.10 section 7)."""

    start: int
    encoding: Encoding
    transfer_syntax: str
    media_sop_class_uid: str | None


def open_data_set_of(source: Source) -> DataSet:
    """The data set of an opened file; a deflated one is inflated in place: offsets count in the inflated bytes then."""
    start, _ = begin(source)
    return find_data_set(source, start, [], STRICT)


def begin(source: Source) -> tuple[int, bool]:
    """Offset of the first element, and whether the file says that it is DICOM (rather than merely looking so)."""
    head = source.at(0, min(132, source.size))
    if head[128:132] == b"DICM":
        return 132, True
    if len(head) >= 8 and (looks := _looks_bare(head)):
        return 0, looks == "explicit"
    if not head:
        raise NotDicomError(Reason.EMPTY)
    if head[:2] == b"\x1f\x8b":
        inner = _gunzip_start(source)
        raise NotDicomError(Reason.GZIPPED_DICOM if inner[128:132] == b"DICM" else Reason.GZIP)
    if is_archive(source.at(0, min(512, source.size))):
        raise NotDicomError(Reason.ARCHIVE)
    if not any(head):
        raise NotDicomError(Reason.ONLY_ZEROS)
    if not any(head[:128]) and b"DICM".startswith(head[128:]):
        raise NotDicomError(Reason.CUT_PREAMBLE)
    raise NotDicomError(Reason.NOT_DICOM)


def _gunzip_start(source: Source) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(source.at(0, min(4096, source.size)), 132)
    except zlib.error:
        return b""


def _looks_bare(head: bytes) -> str:
    """Say how a file without preamble begins if it looks like a data set: ``explicit`` or ``implicit``, else empty.

    A valid VR says enough; without one any few bytes may look like that.
    """
    group, element, low, high = struct.unpack_from("<HHHH", head)
    if group == 0x0000:  # a message as it was sent, PS3.7 E.1: CommandGroupLength, then AffectedSOPClassUID
        return "implicit" if head[:8] == _COMMAND_GROUP_LENGTH and head[12:16] == b"\0\0\2\0" else ""
    if group not in (0x0002, 0x0008):
        return ""
    if head[4:6] in SHORT_VRS or head[4:6] in (b"OB", b"UN", b"SQ"):
        return "explicit"
    last = 0x0010 if group == 2 else 0x2200
    return "implicit" if high == 0 and low <= 1024 and element <= last else ""


def find_data_set(source: Source, start: int, visited: list[Element], liberties: Liberties) -> DataSet:
    """The data set behind the file meta information, if there is any, that begins at `start`."""
    syntax = ""
    meta: dict[int, str | None] = {}
    if struct.unpack("<H", source.at(start, 2))[0] == 0x0002:
        encoding = Encoding(explicit=_is_meta_explicit(source, start, liberties))
        for element in walk(source, start, encoding, only_group=0x0002):
            visited.append(element)
            if element.tag in META_UIDS and 0 <= element.length <= 64:
                meta[element.tag] = parse_text(source.at(element.offset, element.length))
            if element.depth == 0 and element.length != UNDEFINED:
                start = element.offset + element.length
        syntax = meta.get(_TRANSFER_SYNTAX) or ""
        if not syntax:
            raise source.corrupt("its file meta information holds no TransferSyntaxUID")
    if syntax == DEFLATED_LITTLE:
        source.inflate(start)
        start = 0
    start = _skip_command_elements(source, start, big_endian=syntax == EXPLICIT_BIG, liberties=liberties)
    if not syntax and source.size >= start + 8:
        syntax = EXPLICIT_LITTLE if source.at(start + 4, 2).isupper() else IMPLICIT_LITTLE
    encoding = Encoding(explicit=syntax != IMPLICIT_LITTLE, big_endian=syntax == EXPLICIT_BIG)
    return DataSet(start, encoding, syntax, meta.get(_MEDIA_SOP_CLASS))


def _is_meta_explicit(source: Source, start: int, liberties: Liberties) -> bool:
    """Tell whether the file meta information is in explicit VR, as PS3.10 7.1 has it, or for sure in implicit VR."""
    if source.size < start + 8:
        return True
    vr, high = source.at(start + 4, 2), source.at(start + 6, 2)
    return vr in SHORT_VRS or vr in LONG_VRS or high != b"\0\0" or not liberties.take(Liberty.IMPLICIT_META)


def _skip_command_elements(source: Source, start: int, *, big_endian: bool, liberties: Liberties) -> int:
    """Step over the elements of group 0000 that are left of a network message (PS3.7 6.3.1: none may be in a file)."""
    if source.size < start + 8 or source.at(start, 2) != b"\0\0" or not any(source.at(start, 8)):
        return start
    vr = source.at(start + 4, 2)
    explicit = vr in SHORT_VRS or vr in LONG_VRS
    try:
        elements = [*walk(source, start, Encoding(explicit, big_endian and explicit), only_group=0x0000)]
    except CorruptFileError as error:
        raise _make_command_error(source) from error
    for element in elements:
        start = element.offset + max(element.length, 0)
    # A single one, and not the CommandGroupLength (0000,0000), may be an element of the data set whose tag is damaged.
    told = len(elements) > 1 or (elements and elements[0].tag == 0)
    if not told or not liberties.take(Liberty.COMMAND_ELEMENTS):
        raise _make_command_error(source)
    return start


def _make_command_error(source: Source) -> CorruptFileError:
    return source.corrupt("elements of a network message (group 0000) stand before its data set")
