"""Members of archives on servers: the bytes that many of them need are fetched together, neighbours by one request."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from ...errors import CorruptFileError
from ..file import Request, read_many
from ..part import PartFile

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from ..file import File

_MOST_TOGETHER = 2 << 20  # bytes of neighbours that one request asks for
_MOST_AT_ONCE = 24 << 20  # bytes that are fetched at the same time
_MOST_BETWEEN = 1 << 16  # bytes between two of them that cost less than another request


class Range(NamedTuple):
    """Bytes of a file."""

    start: int
    length: int


class Brought(NamedTuple):
    """A member, and the archive to read it from."""

    place: int  # among the members that were asked for
    archive: File


def bring_parts(holders: Sequence[File], ranges: Sequence[Range], limit_bytes: int) -> Generator[list[Brought]]:
    """Fetch the parts of archives on servers that members need.

    Parameters
    ----------
    holders : sequence of File
        The archive of each member, on a server or not.
    ranges : sequence of Range
        What each needs of its archive.
    limit_bytes : int
        The bytes that may be at hand at a time.

    Yields
    ------
    list of Brought
        Members with the part of their archive; with the archive itself where that is at hand, or does not give its
        bytes: reading them one by one says of each why.
    """
    archives: dict[File, dict[int, Range]] = defaultdict(dict)
    near: list[Brought] = []
    for place, archive in enumerate(holders):
        if not archive.is_remote:
            near.append(Brought(place, archive))
        elif archive.origin.has_ranges:
            archives[archive][place] = ranges[place]
        else:
            archives[archive][place] = Range(0, archive.size or 0)
    if near:
        yield near
    for batch in _divide(archives, limit_bytes):
        missing = dict(enumerate(batch))
        requests = [Request(group.archive, group.start, memoryview(bytearray(group.length))) for group in batch]
        try:
            with closing(read_many(requests, limit_bytes)) as filled:
                for k in filled:
                    part = PartFile.of(batch[k].archive, requests[k].offset, requests[k].buffer)
                    yield [Brought(place, part) for place in batch[k].places]
                    del part, missing[k]
        except CorruptFileError:
            yield [Brought(place, group.archive) for group in missing.values() for place in group.places]
        del requests  # before those of the next batch are made


class _Group(NamedTuple):
    """Neighbours that are fetched together."""

    archive: File
    start: int
    end: int
    places: list[int]

    @property
    def length(self) -> int:
        return self.end - self.start


def _divide(archives: Mapping[File, Mapping[int, Range]], limit_bytes: int) -> Iterable[list[_Group]]:
    """Divide what is wanted into what is fetched at the same time, in ascending order."""
    batch: list[_Group] = []
    for archive, wanted in archives.items():
        for group in _group_neighbours(archive, wanted, min(_MOST_TOGETHER, limit_bytes)):
            if batch and sum(other.length for other in batch) + group.length > min(_MOST_AT_ONCE, limit_bytes):
                yield batch
                batch = []
            batch.append(group)
    if batch:
        yield batch


def _group_neighbours(archive: File, wanted: Mapping[int, Range], most: int) -> Iterable[_Group]:
    """Put ranges together that lie beside each other, up to the end of the file; one that is longer goes alone."""
    group: _Group | None = None
    size = archive.size or 0
    for place, (start, length) in sorted(wanted.items(), key=lambda item: item[1]):
        start, end = min(start, size), min(start + length, size)  # noqa: PLW2901
        if group is not None and start - group.end <= _MOST_BETWEEN and (end <= group.end or end - group.start <= most):
            group = group._replace(end=max(group.end, end), places=[*group.places, place])
        else:
            if group is not None:
                yield group
            group = _Group(archive, start, end, [place])
    if group is not None:
        yield group
