"""The second, independent reader: it reads frames again, and both have to agree."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._util.log import logger
from .._util.threads import Pool
from .._util.warnings import warn
from ..errors import CorruptFileError, ReaderMismatchError, UnsupportedPixelDataError
from ..errors.remedies import TrustReader
from ..headers.transfer_syntaxes import DEFLATED_FRAME, ENCAPSULATED_UNCOMPRESSED
from ..readers.choose import READERS
from ..readers.codec import may_round
from .checks import Check, IncompleteCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .._util.arrays import Pixels
    from ..headers.model import Frame
    from ..readers.dtype import Conversion
    from ..readers.protocol import Reader

SECOND_READER = "second reader"  # the name of its check
# How far two decoders of a lossy frame may round apart: a level in the samples, which the colour transform makes 1.772
# of chrominance and one of luminance, and half a level more where each rounds its result.
_LOSSY_LEVELS, _LOSSY_COLOUR_LEVELS = 2, 3
_LONGEST_REASON = 160  # characters
# Where there is nothing that two decoders could make differently.
_PLAIN = (ENCAPSULATED_UNCOMPRESSED, DEFLATED_FRAME)


def choose_compared(mode: str, count: int) -> Sequence[int]:
    """Choose which of `count` frames are read again: one from the middle (``"probe"``), ``"all"`` or ``"none"``."""
    if mode == "none":
        return ()
    return (count // 2,) if mode == "probe" else range(count)


class Again(NamedTuple):
    """A frame as a second reader gives it, and those that failed before it, with their reasons."""

    witness: Reader | None  # None where there is none that is right for the frame and could read it
    pixels: Pixels
    failures: tuple[tuple[str, str], ...]


@contextmanager
def read_beside(
    chosen: Sequence[int],
    frames: Sequence[Frame],
    conversion: Conversion,
    out: Pixels,
    reader: Reader,
    workers: int | None,
) -> Iterator[Callable[[int], Again]]:
    """A way to have each chosen frame read again: begun at once in a thread of its own where a core is free for it.

    Parameters
    ----------
    chosen, frames, conversion, out, reader
        As for `verify`; `out` for its shape and dtype alone.
    workers : int or None
        How many there are, None as many as cores; the first reader has use for one a frame.
    """

    def again(k: int) -> Again:
        return _read_again(frames[k], conversion, out[k], reader)

    seen = all(_is_compressed(frames[k]) and frames[k].header.file.local_path is not None for k in chosen)
    if not chosen or not seen or len(frames) >= (workers or os.cpu_count() or 1):
        yield again
        return
    with Pool(1) as pool:
        begun = {k: pool.submit(again, k) for k in chosen}
        yield lambda k: begun[k].result()


def verify(
    chosen: Sequence[int],
    frames: Sequence[Frame],
    conversion: Conversion,
    out: Pixels,
    reader: Reader,
    again: Callable[[int], Again] | None = None,
) -> Check:
    """Read frames again through a second, independent reader and compare.

    Parameters
    ----------
    chosen : sequence of int
        Which frames.
    frames, conversion, out, reader
        What was read, how, to where, and by which reader.
    again : callable, optional
        Gives a frame as it was read again already (`read_beside`).

    Raises
    ------
    ReaderMismatchError
        The two readers disagree.
    """
    if not chosen:
        return IncompleteCheck(SECOND_READER, "not asked for")
    comparisons = []
    for k in chosen:
        seen = _read_again(frames[k], conversion, out[k], reader) if again is None else again(k)
        if seen.witness is not None:
            _compare(frames[k], seen.pixels, out[k], seen.witness, reader)
        comparisons.append(_Comparison(seen.witness.NAME if seen.witness else None, seen.failures))
    result = (
        _describe_comparisons(comparisons, len(frames)) or f"none: {_explain_refusal(frames[chosen[0]], conversion)}"
    )
    logger.debug("second reader: %s", result)
    unseen = sum(_is_compressed(frames[k]) and c.witness is None for k, c in zip(chosen, comparisons, strict=True))
    if unseen:
        warn(
            f"no second reader could look at {unseen} of {len(comparisons)} compressed frames that were to be read "
            f"again, damage inside of them may go unnoticed ({result})"
        )
    kind = Check if all(c.witness is not None for c in comparisons) else IncompleteCheck
    return kind(SECOND_READER, result)


def _is_compressed(frame: Frame) -> bool:
    return frame.header.encapsulated and frame.header.transfer_syntax not in _PLAIN


class _Comparison(NamedTuple):
    """The second reader that gave the same pixels for a frame, and those that failed before it, with their reasons."""

    witness: str | None
    failures: tuple[tuple[str, str], ...]


def _describe_comparisons(comparisons: Sequence[_Comparison], total: int) -> str:
    """Say how many frames are equal to which reader, and why others failed; empty where none was right for any."""
    equal = Counter(c.witness for c in comparisons if c.witness)
    failed: dict[str, list[str]] = {}
    for name, why in (failure for c in comparisons for failure in c.failures):
        failed.setdefault(name, []).append(why)
    parts = [", ".join(f"{n} of {total} frames equal to {name}" for name, n in equal.items())] if equal else []
    parts += [f"{name} failed for {len(whys)} of {total} frames: {whys[0]}" for name, whys in failed.items()]
    return ("" if equal or not failed else "none: ") + "; ".join(parts)


def _explain_refusal(frame: Frame, conversion: Conversion) -> str:
    """Say why no second reader is right for a frame."""
    reasons = {r.NAME: r.refusal([frame], conversion) for r in READERS if r.NAME in ("vtk", "pydicom")}
    reason = reasons.get("pydicom") or reasons.get("vtk") or "there is no other reader"
    return reason.removeprefix(f"{frame.path}: ")


def _read_again(frame: Frame, conversion: Conversion, read: Pixels, reader: Reader) -> Again:
    """Read a frame through the first other reader that is right for it.

    One that fails is no witness: pydicom's plug-ins do not decode all that imagecodecs decodes.
    """
    # The C++ reader first: the pixels of `direct` are checked by another hand.
    others = sorted((r for r in READERS if r.NAME != reader.NAME), key=lambda r: r.NAME != "vtk")
    pixels = np.empty((1, *read.shape), read.dtype)
    failures: list[tuple[str, str]] = []
    for witness in others:
        if witness.refusal([frame], conversion) is not None:
            continue
        try:
            witness.fill([frame], conversion, pixels, lambda: None)
        except (CorruptFileError, UnsupportedPixelDataError) as error:
            failures.append((witness.NAME, error.what[:_LONGEST_REASON]))
            continue
        return Again(witness, pixels[0], tuple(failures))
    return Again(None, pixels[0], tuple(failures))


def _compare(frame: Frame, seen: Pixels, read: Pixels, witness: Reader, reader: Reader) -> None:
    same = _find_equal(frame, seen, read, 0)
    if not same.all() and may_round(frame):
        same = _find_equal(frame, seen, read, _LOSSY_COLOUR_LEVELS if frame.header.samples > 1 else _LOSSY_LEVELS)
    if not same.all():
        at = tuple(int(i) for i in np.argwhere(~same)[0])
        raise ReaderMismatchError(
            f"two readers disagree about {np.count_nonzero(~same)} of {same.size} pixels of "
            f"{os.path.basename(frame.path)}: {reader.NAME} has {read[at]}, {witness.NAME} {seen[at]} at row {at[0]}, "
            f"column {at[1]}",
            files=[frame.path],
            remedies=[TrustReader(reader.NAME)],
        )


def _find_equal(frame: Frame, seen: Pixels, read: Pixels, levels: int) -> Pixels:
    """Find where two readings are equal, up to so many levels of the stored values."""
    if read.dtype.kind == "f":
        # Two routes to a float may differ in the last place: VTK computes in float32 what others do in float64.
        same: Pixels = np.isclose(seen, read, rtol=1e-6, atol=(levels + 1e-6) * abs(frame.slope), equal_nan=True)
    elif levels:
        same = np.abs(seen.astype(np.int64) - read) <= levels * max(1.0, abs(frame.slope))
    else:
        same = seen == read
    return same
