"""Filling a buffer through a reader, whatever kind the files are: what can only be read whole is held in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..sources.holding import hold_each

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from .._util.arrays import Pixels
    from ..headers.model import Frame, Header
    from ..readers.dtype import Conversion
    from ..readers.protocol import Reader
    from ..sources.file import File

_BATCH_BYTES = 8 << 20  # of files that are held, and of values that are made of them, at a time


def fill_frames(
    reader: Reader,
    frames: Sequence[Frame],
    conversion: Conversion,
    out: Pixels,
    step: Callable[[], None],
    workers: int | None = None,
    kept: Collection[int] = (),
) -> tuple[tuple[str, ...], Sequence[Frame]]:
    """Put the values of every frame into `out`, each file that has no ranges read once.

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
    for k, frame in enumerate(frames):
        if not frame.header.file.has_ranges:
            whole.setdefault(frame.header.file, []).append(k)
    if not whole:
        return reader.fill(frames, conversion, out, step, workers), frames
    away = {k for indices in whole.values() for k in indices}
    again = list(frames)
    words: dict[str, None] = {}  # of all batches, each once

    def fill(part: dict[int, Frame]) -> None:
        places = sorted(part)
        chosen = [part[k] for k in places]
        together = places[-1] - places[0] + 1 == len(places)
        values = (
            out[places[0] : places[-1] + 1] if together else np.empty((len(places), *out.shape[1:]), conversion.dtype)
        )
        words.update(dict.fromkeys(reader.fill(chosen, conversion, values, step, workers)))
        if not together:
            out[places] = values
        for k, frame in part.items():
            if k in away and (k in kept or _is_blank(out[k])):
                again[k] = frame

    if len(away) < len(frames):
        fill({k: frame for k, frame in enumerate(frames) if k not in away})
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


def _is_blank(pixels: Pixels) -> bool:
    return not pixels[len(pixels) // 2].any() and not pixels.any()
