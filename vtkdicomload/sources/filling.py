"""Ways to fill the buffers of many requests, for kinds of files that have to wait or have no ranges."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING

from .._util.threads import read_in_threads

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from .file import File, Request


def fill_from_whole(requests: Sequence[Request], limit_bytes: int, kind: type[File]) -> Generator[int]:
    """Fill buffers from files that are read from end to end: for kinds without ranges."""
    files: dict[File, list[int]] = defaultdict(list)
    for index, request in enumerate(requests):
        files[request.file].append(index)
    named = list(files)
    # One at a time: what of it is yielded, and not asked for on, is under way as well.
    with closing(kind.read_whole(named, 1, 1)) as whole:
        for at, file, data, error in whole:
            if error is not None:
                raise error
            for index in files[named[at]]:
                _, offset, buffer = requests[index]
                if offset < 0 or offset + len(buffer) > len(data):
                    raise file.changed(f"{max(0, len(data) - offset)} of {len(buffer)} bytes at {offset} could be read")
                buffer[:] = data[offset : offset + len(buffer)]
                yield index


def fill_in_threads(requests: Sequence[Request], limit_bytes: int, threads: int) -> Generator[int]:
    """Fill buffers in threads, in order of the requests but for neighbours: for kinds where each read has to wait."""

    def fill(index: int) -> int:
        file, offset, buffer = requests[index]
        file.read_into(buffer, offset)
        return index

    return read_in_threads([len(request.buffer) for request in requests], fill, limit_bytes, threads)
