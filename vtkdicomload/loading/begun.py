"""Multi-frame files on a DICOMweb server of which a part is wanted: their own headers, then frames by themselves."""

from __future__ import annotations

import zlib
from contextlib import closing
from typing import TYPE_CHECKING

from .._util.log import logger
from .._util.threads import for_each, read_in_threads
from ..errors import CorruptFileError
from ..headers.frames import make_frames
from ..headers.parser import parse_beginning, read_header
from ..headers.pixel_bytes import count_pixel_bytes
from ..headers.preamble import NotDicomError
from ..headers.transfer_syntaxes import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from ..readers.encapsulation import encapsulate, read_first_fragment
from ..sources.dicomweb.answers import ServerError
from ..sources.dicomweb.begun import BegunFile, begin_instance
from ..sources.dicomweb.server import CONNECTIONS
from ..sources.holding import hold_each
from ..sources.memory import MemoryFile
from ..sources.part import PartFile

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from ..headers.model import Frame, Header
    from ..sources.dicomweb.begun import ComingHandle
    from ..sources.dicomweb.instances import DescribedFile

_TOGETHER_BYTES = 32 << 20  # of frames that are asked for at a time, uncompressed
_MOST_NUMBERS = 100  # of them: their numbers stand in the URL


def begin_file(file: DescribedFile) -> tuple[Frame, ...] | None:
    """Fetch the header of a multi-frame file as it is stored, and see that its server gives single frames so too.

    Returns
    -------
    tuple of Frame or None
        Its frames by its own header; None where it has to be fetched whole.
    """
    try:
        frames = make_frames(_fetch_header(file))
    except (CorruptFileError, NotDicomError, ServerError, _NotGiven) as error:
        logger.debug("%s has to be fetched whole: %s", file.name, error)
        return None
    return None if any(frame.header.is_tile for frame in frames) else frames


class _NotGiven(Exception):  # noqa: N818 - the whole file is fetched then
    """The server does not give the frames of a file as they are stored."""


def _fetch_header(file: DescribedFile) -> Header:
    with begin_instance(file.instance) as handle:
        header = parse_beginning(handle)
        first = _read_first_frame(handle, header)
        head = handle.read_at(0, header.pixel_offset)
    pixel_bytes = count_pixel_bytes(header)
    size = len(head) + pixel_bytes
    begun = BegunFile(file.name, size, zlib.crc32(head), file.instance, head, header.transfer_syntax)
    given = begun.fetch_frames([1])
    padding = b"\0" if header.encapsulated else b""
    # By the bytes: a server may count frames from 0, or give them in another way than it stores them.
    if given is None or given[0] not in (first, first.removesuffix(padding)):
        raise _NotGiven("the server does not give its frames as they are stored")
    return header._replace(file=begun, pixel_length=pixel_bytes)


def _read_first_frame(handle: ComingHandle, header: Header) -> bytes:
    """The bytes of the first frame, or of its first fragment."""
    if header.encapsulated:
        first = read_first_fragment(handle, header.pixel_offset)
    elif header.transfer_syntax in (EXPLICIT_LITTLE, IMPLICIT_LITTLE) and header.bits_allocated % 8 == 0:
        first = handle.read_at(header.pixel_offset, count_pixel_bytes(header) // header.number_of_frames)
    else:
        first = None  # PS3.5 8.1.1: a frame of single bits may begin within a byte
    if not first:
        raise _NotGiven("its frames are no bytes by themselves")
    return first


def fetch_begun(frames: Mapping[int, Frame]) -> Generator[dict[int, Frame]]:
    """Fetch frames of files of which only the headers are at hand, and yield them in memory, some at a time.

    Fewer than half of the frames of a file are fetched by themselves, and otherwise the file is.

    Raises
    ------
    CorruptFileError
        A file has changed, or is not given any more.
    """
    of_file: dict[BegunFile, dict[int, Frame]] = {}
    for k, frame in sorted(frames.items(), key=lambda item: item[1].index_in_file):
        if isinstance(frame.header.file, BegunFile):
            of_file.setdefault(frame.header.file, {})[k] = frame
    few = {file: own for file, own in of_file.items() if 2 * len(own) < _get_header(own).number_of_frames}
    parts = [(file, part) for file, own in few.items() for part in _divide_request(own)]
    left = {file: own for file, own in of_file.items() if file not in few}

    def fetch(k: int) -> tuple[int, dict[int, Frame] | None]:
        return k, _fetch_part(*parts[k])

    sizes = [sum(frame.length for frame in part.values()) for _, part in parts]
    with closing(read_in_threads(sizes, fetch, _TOGETHER_BYTES, CONNECTIONS)) as fetched:
        for k, held in fetched:
            if held is None:
                left.setdefault(parts[k][0], {}).update(parts[k][1])
            else:
                yield held
    came = [file for file in few if file not in left]
    for_each(len(came), lambda k: came[k].check_unchanged(), lambda: None, CONNECTIONS)
    yield from _fetch_whole(left)


def _get_header(frames: dict[int, Frame]) -> Header:
    return next(iter(frames.values())).header


def _divide_request(frames: dict[int, Frame]) -> Iterator[dict[int, Frame]]:
    """Divide the frames of a file into those that are asked for at a time."""
    places = list(frames)
    together = min(_MOST_NUMBERS, max(1, _TOGETHER_BYTES // max(1, frames[places[0]].length)))
    for start in range(0, len(places), together):
        yield {k: frames[k] for k in places[start : start + together]}


def _fetch_part(file: BegunFile, frames: dict[int, Frame]) -> dict[int, Frame] | None:
    """Fetch frames of a file by their numbers; None where the server does not give them so."""
    given = file.fetch_frames([frame.index_in_file + 1 for frame in frames.values()])
    return None if given is None else _hold_frames(file, frames, given)


def _hold_frames(file: BegunFile, frames: dict[int, Frame], given: list[bytes]) -> dict[int, Frame] | None:
    """The frames with their bytes in memory; None where these are too few or too many."""
    header = _get_header(frames)
    if not header.encapsulated:
        if any(len(data) != frame.length for frame, data in zip(frames.values(), given, strict=True)):
            return None
        return {
            k: _put_file(frame, PartFile.of(file, frame.offset, memoryview(data)), frame.header.pixel_length)
            for (k, frame), data in zip(frames.items(), given, strict=True)
        }
    streams = [b""] * header.number_of_frames
    for frame, data in zip(frames.values(), given, strict=True):
        streams[frame.index_in_file] = data
    pixels = encapsulate(streams)  # of the other frames there is nothing in it
    held = MemoryFile.of(file.data + pixels, file.name)
    return {k: _put_file(frame, held, len(pixels)) for k, frame in frames.items()}


def _fetch_whole(of_file: dict[BegunFile, dict[int, Frame]]) -> Generator[dict[int, Frame]]:
    """Fetch files, and yield their frames in memory, a file at a time."""
    parts = list(of_file.values())
    with closing(hold_each(list(of_file), _TOGETHER_BYTES)) as whole:
        for index, _, held, error in whole:
            if error is not None:
                raise error
            length = read_header(held).pixel_length
            yield {k: _put_file(frame, held, length) for k, frame in parts[index].items()}


def _put_file(frame: Frame, file: MemoryFile | PartFile, pixel_length: int) -> Frame:
    """The frame with its bytes in memory."""
    return frame._replace(header=frame.header._replace(file=file, pixel_length=pixel_length))
