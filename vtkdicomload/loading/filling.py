"""Filling a buffer through a reader, whatever kind the files are.

What can only be read whole is held in memory, and what lies on a server is fetched ahead.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from ..sources.dicomweb.begun import BegunFile
from ..sources.holding import hold_each
from .begun import fetch_begun
from .fetching import fetch_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from .._util.arrays import Pixels
    from ..headers.model import Frame, Header
    from ..readers.dtype import Conversion
    from ..readers.protocol import Reader
    from ..sources.file import File

_BATCH_BYTES = 8 << 20  # of files that are held, and of values that are made of them, at a time
_READ_RANGES = ("direct", "codec")  # the readers that take the stored bytes of a frame, and no whole file


def fill_frames(
    reader: Reader,
    frames: Sequence[Frame],
    conversion: Conversion,
    out: Pixels,
    step: Callable[[], None],
    workers: int | None = None,
    kept: Collection[int] = (),
) -> tuple[tuple[str, ...], Sequence[Frame]]:
    """Put the values of every frame into `out`, each file that has no ranges or lies on a server read once.

    Parameters
    ----------
    reader, frames, conversion, out, step, workers
        As for `Reader.fill`.
    kept : collection of int
        The frames that will be read again.

    Returns
    -------
    words : tuple of str
        What the reader verified.
    frames : sequence of Frame
        The same frames; those that were kept, and blank ones, lie in memory where reading them again would be costly.

    Raises
    ------
    ValueOverflow, CorruptFileError
        As `Reader.fill`.
    """
    whole: dict[File, list[int]] = {}
    ranged: dict[int, Frame] = {}
    begun: dict[int, Frame] = {}
    for k, frame in enumerate(frames):
        file = frame.header.file
        if isinstance(file, BegunFile):
            begun[k] = frame
        elif not file.has_ranges or (file.is_remote and not _takes_range(reader, frame)):
            whole.setdefault(file, []).append(k)
        elif file.is_remote:
            ranged[k] = frame
    if not (whole or ranged or begun):
        return reader.fill(frames, conversion, out, step, workers), frames
    away = {*begun, *(k for indices in whole.values() for k in indices)}
    again = list(frames)
    words: dict[str, None] = {}  # of all batches, each once

    def fill(part: dict[int, Frame]) -> None:
        for run in _list_runs(sorted(part)):
            values = out[run[0] : run[-1] + 1]
            words.update(dict.fromkeys(reader.fill([part[k] for k in run], conversion, values, step, workers)))
        for k, frame in part.items():
            if k in away and (k in kept or _is_blank(out[k])):
                again[k] = frame

    if len(away) + len(ranged) < len(frames):
        fill({k: frame for k, frame in enumerate(frames) if k not in away and k not in ranged})
    for fetched in (fetch_begun(begun), fetch_frames(ranged, out)):
        with closing(fetched):
            for part in fetched:
                fill(part)
    _hold_again({k: frame for k, frame in ranged.items() if k in kept or _is_blank(out[k])}, again)
    batch: dict[int, Frame] = {}
    held_bytes = 0
    files = list(whole)
    for index, _, held, error in hold_each(files, _BATCH_BYTES, workers):
        if error is not None:
            raise error
        headers: dict[int, Header] = {}  # one for each header of the file, as before
        held_bytes += held.size or 0
        for k in whole[files[index]]:
            header = frames[k].header
            batch[k] = frames[k]._replace(header=headers.setdefault(id(header), header._replace(file=held)))
            if held_bytes + len(batch) * out[0].nbytes >= 2 * _BATCH_BYTES:
                fill(batch)
                batch, held_bytes = {}, 0
    if batch:
        fill(batch)
    return tuple(words), again


def _list_runs(places: Sequence[int]) -> Iterator[list[int]]:
    """List places, those that follow each other together."""
    run: list[int] = []
    for place in places:
        if run and place != run[-1] + 1:
            yield run
            run = []
        run.append(place)
    yield run


def _takes_range(reader: Reader, frame: Frame) -> bool:
    """Tell whether a reader needs no more of a file than the stored bytes of a frame."""
    return reader.NAME in _READ_RANGES and (frame.header.encapsulated or frame.offset >= 0)


def _hold_again(frames: dict[int, Frame], again: list[Frame]) -> None:
    """Hold the files of frames that will be read again whole in memory, where they are not too much."""
    files: dict[File, list[int]] = {}
    for k, frame in frames.items():
        files.setdefault(frame.header.file, []).append(k)
    small, total = [], 0
    for file in files:
        total += file.size or 0
        if total > _BATCH_BYTES:
            break
        small.append(file)
    for index, _, held, error in hold_each(small, _BATCH_BYTES):
        if error is not None:
            raise error
        for k in files[small[index]]:
            again[k] = frames[k]._replace(header=frames[k].header._replace(file=held))


def _is_blank(pixels: Pixels) -> bool:
    return not pixels[len(pixels) // 2].any() and not pixels.any()
