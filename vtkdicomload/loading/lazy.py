"""An image that is read where it is indexed: only the frames, and of native pixels the rows, that are asked for."""

from __future__ import annotations

import os
import threading
from contextlib import closing
from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from .._util.wording import count_noun
from ..errors import DicomLoadError, GeometryError
from ..errors.remedies import SetOption
from ..readers.choose import choose
from ..readers.dtype import ValueOverflow, find_pixel_shape, widen_conversion
from ..sources.dicomweb.instances import DescribedFile
from .described import fetch_waiting_parts
from .plan import settle_conversion
from .read import read_frames
from .rows import cut_rows, may_cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .._util.arrays import Pixels
    from ..headers.model import Frame
    from .plan import Plan

    Indices = NDArray[np.intp]
    Key = int | np.integer[Any] | slice | Indices

_BATCH_BYTES = 32 << 20  # of frames that are read to take a part of each
_reading: set[int] = set()  # threads of this process that read a part
_compared: set[str] = set()  # tokens of the images of which a second reader has seen a frame, in this process
_MOST_COMPARED = 4096  # images that are remembered so: an archive may have any number

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reading.clear)  # those threads are not there


@dataclass(frozen=True, slots=True, eq=False)
class LazyImage:
    """One volume or several of one shape, none of their pixels read: plain data that pickles into any process.

    Attributes
    ----------
    plan : Plan
        Of the first volume, with the frames of all, one volume after another.
    lengths : tuple of int
        Of the further dimensions, the volumes in C order; empty for one volume.
    token : str
        What stands for the image in a graph of tasks.
    """

    plan: Plan
    lengths: tuple[int, ...] = ()
    token: str = field(default_factory=lambda: uuid4().hex)

    @property
    def shape(self) -> tuple[int, ...]:
        """The further dimensions, then those of `Volume.frames`."""
        return (*self.lengths, *self.plan.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values, which none that is read will change."""
        return self.plan.conversion.dtype

    def __dask_tokenize__(self) -> tuple[str, str]:
        return type(self).__name__, self.token

    def read(self, key: Sequence[Key]) -> Pixels:
        """Read a part of the image.

        Parameters
        ----------
        key : sequence of int, slice or numpy.ndarray, shape (n,)
            For every dimension of `shape`, each by itself: an integer, which drops it, a slice or indices.

        Returns
        -------
        numpy.ndarray
            C-contiguous, of `dtype`.

        Raises
        ------
        DicomLoadError
            As `load`; and values that do not fit the type.
        """
        chosen = [_resolve_key(k, n) for k, n in zip(key, self.shape, strict=True)]
        kept = [not isinstance(k, (int, np.integer)) for k in key]
        counted = len(self.lengths) + 1
        shape = tuple(map(len, chosen))
        result = tuple(n for n, keep in zip(shape, kept, strict=True) if keep)
        if 0 in shape:
            return np.empty(result, self.dtype)
        places: Sequence[int] = chosen[0]
        for indices, length in zip(chosen[1:counted], self.shape[1:counted], strict=True):
            places = [place * length + k for place in places for k in indices]
        return self._read_frames(places, chosen[counted:]).reshape(result)

    def _read_frames(self, places: Sequence[int], within: Sequence[Sequence[int]]) -> Pixels:
        """Read frames, (n, rows, columns[, 3]), cut to the indices within each."""
        if len(set(places)) < len(places):
            wanted, again = np.unique(places, return_inverse=True)
            return self._read_frames(wanted.tolist(), within)[again]
        frames = [self.plan.series.frames[k] for k in places]
        if any(frame.header.file.is_described for frame in frames):
            return self._guard(frames, lambda compare: self._read_waiting(frames, within, verify=compare))
        if all(indices == range(n) for indices, n in zip(within, self.plan.shape[1:], strict=True)):
            return self._guard(frames, lambda compare: self._read(frames, verify=compare))
        return self._guard(frames, lambda compare: self._read_parts(frames, within, verify=compare))

    def _guard(self, frames: Sequence[Frame], work: Callable[[bool], Pixels]) -> Pixels:
        """Let a second reader look at the first frames that are read, and no others."""
        compare = self.token not in _compared
        if len(_compared) >= _MOST_COMPARED:
            _compared.clear()  # at worst it looks once more
        _compared.add(self.token)
        try:
            return work(compare)
        except BaseException as error:
            if compare:
                _compared.discard(self.token)
            if isinstance(error, ValueOverflow):
                raise self._make_overflow_error(frames) from None
            raise

    def _read_parts(self, frames: Sequence[Frame], within: Sequence[Sequence[int]], *, verify: bool) -> Pixels:
        """Read a few frames at a time, and of each no more rows than are asked for, where its reader can do so."""
        out = np.empty((len(frames), *map(len, within)), self.dtype)
        rows = within[0]
        first, count = min(rows), max(rows) - min(rows) + 1
        cuts = (
            self.plan.options.verify != "all"
            and all(may_cut(frame, self.plan.reader) for frame in frames)
            and not any(isinstance(frame.header.file, DescribedFile) for frame in frames)
        )
        if cuts:
            if verify and self.plan.options.verify == "probe":
                self._read([frames[len(frames) // 2]], verify=True)  # readers beside `direct` read whole frames
            frames, verify = [cut_rows(frame, first, count) for frame in frames], False
            within = [[row - first for row in rows], *within[1:]]
        step = max(1, _BATCH_BYTES // max(1, self._count_frame_bytes(frames[0])))
        for start in range(0, len(frames), step):
            block = self._read(frames[start : start + step], verify=verify and start == 0)
            out[start : start + step] = _cut_block(block, within)
        return out

    def _read_waiting(self, frames: Sequence[Frame], within: Sequence[Sequence[int]], *, verify: bool) -> Pixels:
        """Read frames whose files have still to be fetched, a few at a time as they come."""
        out = np.empty((len(frames), *map(len, within)), self.dtype)
        with closing(fetch_waiting_parts(self.plan, frames, _BATCH_BYTES)) as fetched:
            for places, plan in fetched:
                block = replace(self, plan=plan)._read(plan.series.frames, verify=verify)
                out[places], verify = _cut_block(block, within), False
        return out

    def _read(self, frames: Sequence[Frame], *, verify: bool) -> Pixels:
        asked, thread = self.plan.options.verify, threading.get_ident()
        mode = "none" if asked == "probe" and not verify else asked
        # Where dask reads other parts beside: more threads would wait for each other.
        workers = self.plan.options.workers or (1 if _reading else None)
        _reading.add(thread)
        try:
            return read_frames(self.plan, frames, mode=mode, workers=workers).pixels
        finally:
            _reading.discard(thread)

    def _count_frame_bytes(self, frame: Frame) -> int:
        return prod(find_pixel_shape(frame.header)) * self.dtype.itemsize

    def _make_overflow_error(self, frames: Sequence[Frame]) -> DicomLoadError:
        wider = tuple(
            dict.fromkeys(str(d) for d in (widen_conversion(self.plan.conversion).dtype, np.dtype(np.float64)))
        )
        return DicomLoadError(
            f"values of {count_noun(len(frames), 'frame')} do not fit {self.dtype}, the type that was settled on when "
            "the series was opened",
            files=[frame.path for frame in frames],
            remedies=[SetOption("dtype", wider, function="open")],
        )


def make_lazy(plans: Sequence[Plan], lengths: Sequence[int] = ()) -> LazyImage:
    """One image of the volumes of some plans, all of one shape, reader and set of options.

    Parameters
    ----------
    plans : sequence of Plan
        In C order of the further dimensions.
    lengths : sequence of int
        Of these; empty for one plan.

    Raises
    ------
    UnsupportedPixelDataError
        No reader is right for all of them.
    GeometryError
        Slices would have to be interpolated.
    DicomLoadError
        The type that ``dtype=`` names does not hold the values of all.
    """
    first = plans[0]
    if any(plan.resampled for plan in plans):
        raise GeometryError(
            "interpolated slices cannot be read one by one",
            files=first.series.files[:1],
            remedies=[SetOption("irregular", ("resample",), function="load"), SetOption("irregular", ("keep",))],
        )
    if len(plans) == 1:
        return LazyImage(first, tuple(lengths))
    frames = tuple(frame for plan in plans for frame in plan.series.frames)
    conversion = settle_conversion(frames, first.options)
    reader = choose(first.options.engine, frames, conversion)
    series = replace(first.series, frames=frames)
    return LazyImage(replace(first, series=series, conversion=conversion, reader=reader), tuple(lengths))


def _cut_block(block: Pixels, within: Sequence[Sequence[int]]) -> Pixels:
    """Frames, (n, rows, columns[, 3]), cut to the indices within each."""
    for axis, indices in enumerate(within, 1):
        if indices != range(block.shape[axis]):
            block = block.take(indices, axis)
    return block


def _resolve_key(key: Key, count: int) -> Sequence[int]:
    """The indices along a dimension that a key stands for."""
    if isinstance(key, slice):
        return range(count)[key]
    if isinstance(key, (int, np.integer)):
        return (range(count)[key],)
    indices: list[int] = np.arange(count)[key].tolist()
    return indices
