"""`vtkdicomload decompress`: the same files as Explicit VR Little Endian, for readers that know no compression."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.atomic import Staged
from .._util.memory import measure_usable_bytes
from .._util.wording import count_noun
from ..catalog.damage import refuse_problems
from ..catalog.find import find_series, leaves_damaged, settle_ignored
from ..catalog.tables import list_passed_over
from ..errors import CompressedPixelDataError, DicomLoadError, DicomLoadWarning, UnsupportedPixelDataError
from ..errors.remedies import LeaveOut, SetOption, Step
from ..headers.model import Frame
from ..headers.objects.tiles import find_whole_image
from ..headers.transfer_syntaxes import NATIVE_SYNTAXES, STORED_WORDS, name_syntax
from ..loading.described import fetch_described
from ..readers import codec
from ..readers import pydicom as pydicom_reader
from ..readers.choose import explain_unsupported
from ..readers.colour import PALETTE
from ..readers.dtype import Conversion, find_pixel_shape, find_stored_dtype
from ..sources.holding import hold_each
from ..sources.reasons import Reason, Skipped
from .rewriting import rewrite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from .._util.arrays import Pixels
    from ..catalog.find import Ignore
    from ..headers.model import Header

_LONGEST = 0xFFFFFFFE  # PS3.5 7.1.1: a value length has 32 bits
_BATCH_BYTES = 64 << 20  # decoded at once: enough for several threads, little memory


@dataclass(frozen=True)
class Summary:
    """A summary of what `decompress` did.

    Attributes
    ----------
    written : tuple of str
        The new files.
    skipped : tuple of Skipped
        Files that were passed over, each with the reason: not DICOM, DICOM without an image, hidden or ignored.
    syntaxes : dict of str to int
        Transfer syntax UID of the source → how many files had it.
    bytes_read, bytes_written : int
        The sizes of the files written from, and of those written.
    """

    written: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    syntaxes: dict[str, int]
    bytes_read: int
    bytes_written: int


def decompress(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    ignore: Ignore = (),
    archives: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Write the DICOM images of a folder again as Explicit VR Little Endian. All of them, or none.

    Attributes and UIDs stay as they are; pixel data becomes native, and what describes its encoding is made true to it.
    Compressed colour comes out as RGB, pixel by pixel; palette indices stay indices.

    Parameters
    ----------
    source : path-like
        A folder (walked recursively), a file, an archive or a URL. It is never written to.
    target : path-like
        The folder for the new files, made where it does not exist, with the folders of `source` below it.
    overwrite : bool
        Replace files that exist in `target`.
    ignore : "damaged", iterable of path-like, or callable
        Files to leave out, as for `load`.
    archives : bool
        Whether archives in a folder are entered, as for `load`.
    storage_options : mapping, optional
        What fsspec is told of the server of a URL, as for `load`.
    workers : int, optional
        Threads that decode.
    progress : callable, optional
        Called with (files done, files in all). An exception from it ends the work; nothing is left behind then.

    Returns
    -------
    Summary

    Raises
    ------
    NoDicomError
        There is no DICOM image.
    CorruptFileError
        A file is damaged; the message names it.
    UnsupportedPixelDataError
        Pixel data that is not decoded, or does not fit a native element.
    DicomLoadError
        `target` is or lies in `source`, a file there exists already, or memory is short.

    Warns
    -----
    DicomLoadWarning
        Compressed icon images that could not be decoded were left out.
    """
    source, target = os.fspath(source), os.fspath(target)
    ignore = settle_ignored(ignore)
    found, left_out = find_series(source, ignore, workers=None, archives=archives, storage_options=storage_options)
    if leaves_damaged(ignore) and found.series:
        left_out = (*left_out, *(problem.path for problem in found.problems))
    else:
        refuse_problems(found.problems)
    frames = (frame for series in found for frame in fetch_described(series).frames)
    headers = list({frame.path: find_whole_image(frame).header for frame in frames}.values())
    _refuse_target(source, target)
    for header in headers:
        _check_supported(header)
    targets = _name_targets(source, target, headers, overwrite)
    lost_icons = 0
    with Staged() as staged:
        done = 0
        for batch in chain.from_iterable(map(_make_batches, _hold_files(headers))):
            for header, pixels in zip(batch, _collect_pixels(batch, workers), strict=True):
                lost_icons += rewrite(header, pixels, staged.new(targets[header.path]))
                done += 1
                if progress is not None:
                    progress(done, len(headers))
        size = staged.commit()
    if lost_icons:
        warnings.warn(
            f"the compressed icon images of {lost_icons} files could not be decoded and were left out",
            DicomLoadWarning,
            stacklevel=2,
        )
    return Summary(
        tuple(targets[header.path] for header in headers),
        (*found.skipped, *(Skipped(path, Reason.IGNORED) for path in left_out)),
        dict(Counter(header.transfer_syntax for header in headers)),
        sum(header.file.size or 0 for header in headers),
        size,
    )


def summarize(summary: Summary) -> list[str]:
    """Say what was written and passed over, a line each; the first is the sum."""
    read, written = (f"{size / 1e6:.1f} MB" for size in (summary.bytes_read, summary.bytes_written))
    lines = [f"{count_noun(len(summary.written), 'file')} written, {read} before, {written} now"]
    lines += [f"{count_noun(n, 'file')} of {name_syntax(uid)}" for uid, n in summary.syntaxes.items()]
    return lines + list_passed_over(summary.skipped)


# ---------------------------------------------------------------------------------------------------- what, and where
def _refuse_target(source: str, target: str) -> None:
    """Refuse a target that is, or lies in, the folder of the source, by whatever names."""
    if os.path.exists(target) and not os.path.isdir(target):
        raise DicomLoadError(f"{target} is a file; the new files need a folder", files=[target])
    if not os.path.isdir(source):
        return
    above = os.path.realpath(target)
    while True:
        if os.path.exists(above) and os.path.samefile(above, source):
            raise DicomLoadError(
                f"{target} lies in {source}, which is read", files=[target], remedies=[Step.ANOTHER_TARGET]
            )
        if above == os.path.dirname(above):
            return
        above = os.path.dirname(above)


def _name_targets(source: str, target: str, headers: Sequence[Header], overwrite: bool) -> dict[str, str]:
    """Path → new path, once none of them is a file to keep."""
    holds_them = all(header.path.startswith(os.path.join(source, "")) for header in headers)  # a folder, or an archive
    root = source if holds_them else os.path.dirname(source) or os.curdir
    targets = {h.path: os.path.join(target, os.path.relpath(h.path, root)) for h in headers}
    existing = [path for path in targets.values() if os.path.lexists(path)]
    paths = [header.file.local_path or source for header in headers] if existing else []
    read = {(status.st_dev, status.st_ino) for status in map(os.stat, paths)}
    for path in existing:
        if os.path.isdir(path):
            raise DicomLoadError(f"{path} is a folder", files=[path])
        if os.path.exists(path) and (os.stat(path).st_dev, os.stat(path).st_ino) in read:
            raise DicomLoadError(f"{path} is a file of the source", files=[path], remedies=[Step.ANOTHER_TARGET])
    if existing and not overwrite:
        more = f" and {len(existing) - 1} more files exist" if len(existing) > 1 else " exists"
        raise DicomLoadError(
            f"{existing[0]}{more} already",
            files=existing,
            remedies=[SetOption("overwrite", (True,)), Step.ANOTHER_TARGET],
        )
    return targets


def _check_supported(header: Header) -> None:
    """Refuse pixel data that cannot be written as native, before anything is written."""
    if header.transfer_syntax in NATIVE_SYNTAXES:
        return
    without = LeaveOut((header.path,))
    if header.transfer_syntax not in codec.SYNTAXES:
        name, uid = name_syntax(header.transfer_syntax), header.transfer_syntax
        raise CompressedPixelDataError(
            f"{header.path} is compressed as {name} ({uid}), which is not decoded",
            files=[header.path],
            remedies=[without],
        )
    unread = explain_unsupported(_restore_stored(header))
    if unread:
        raise UnsupportedPixelDataError(
            f"{header.path}: {unread} is not decoded",
            files=[header.path],
            remedies=[without],
            encoding=unread.encoding,
        )
    size = _count_decoded_bytes(header)
    if size > _LONGEST:
        raise UnsupportedPixelDataError(
            f"{header.path}: its pixels take {size / 2**30:.1f} GiB, a native element holds less than 4; load() reads "
            "it as it is",
            files=[header.path],
            remedies=[without],
        )
    if size > measure_usable_bytes():
        raise DicomLoadError(f"{header.path}: its pixels need {size / 2**20:.0f} MiB of memory", files=[header.path])


def _count_decoded_bytes(header: Header) -> int:
    words = header.number_of_frames * header.rows * header.columns * header.samples
    return words * max(header.bits_allocated // 8, 1)


# ---------------------------------------------------------------------------------------------------- pixels
def _restore_stored(header: Header) -> Header:
    """The header as a reader must see it to give stored words: indices of a palette, mosaics that are not divided."""
    photometric = "MONOCHROME2" if header.photometric_interpretation == PALETTE else header.photometric_interpretation
    if header.transfer_syntax in STORED_WORDS:  # bits above HighBit are kept as they are: old overlays may lie there
        header = header._replace(bits_stored=header.bits_allocated, high_bit=header.bits_allocated - 1)
    return header._replace(image_type=(), photometric_interpretation=photometric)


def _hold_files(headers: Sequence[Header]) -> Iterator[Sequence[Header]]:
    """Files in order; those that can only be read whole in memory, as many as one batch holds."""
    if all(header.file.has_ranges for header in headers):
        yield headers
        return
    part: list[Header] = []
    for header in headers:
        part.append(header)
        if sum(h.file.size or 0 for h in part) >= _BATCH_BYTES or header is headers[-1]:
            for index, _, held, error in hold_each([h.file for h in part], _BATCH_BYTES):
                if error is not None:
                    raise error
                part[index] = part[index]._replace(file=held)
            yield part
            part = []


def _make_batches(headers: Iterable[Header]) -> Iterator[list[Header]]:
    """Files in order; neighbours of one pixel layout together, as many as one batch of frames holds."""

    def layout(header: Header) -> tuple[object, ...]:
        one_frame = header.number_of_frames == 1 and header.transfer_syntax not in NATIVE_SYNTAXES
        described = (header.transfer_syntax, header.bits_allocated, header.pixel_representation)
        return (*described, find_pixel_shape(header), header.samples) if one_frame else (header.path,)

    for _, alike in groupby(headers, layout):
        files = list(alike)
        count = max(1, _BATCH_BYTES // max(1, _count_decoded_bytes(files[0])))
        yield from (files[i : i + count] for i in range(0, len(files), count))


def _collect_pixels(headers: Sequence[Header], workers: int | None) -> Sequence[bytes | None]:
    """The native pixel data of each file of a batch; None where the file has it already."""
    if headers[0].transfer_syntax in NATIVE_SYNTAXES:
        return [None] * len(headers)
    words = _decode_frames(headers, workers)
    count = headers[0].number_of_frames
    each = (words[i * count : (i + 1) * count] for i in range(len(headers)))
    if headers[0].bits_allocated == 1:
        # PS3.5 8.1.1: pixels follow each other bit by bit, the lowest bit first, frames too.
        return [np.packbits(bits.ravel(), bitorder="little").tobytes() for bits in each]
    return [part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes() for part in each]


def _decode_frames(headers: Sequence[Header], workers: int | None) -> Pixels:
    """The stored words of all frames of some files, in file order, as (frames, rows, columns), or (…, 3) for colour."""
    frames = [
        Frame(seen, i, None, None, slope=1.0, intercept=0.0, offset=-1, length=0)
        for seen in map(_restore_stored, headers)
        for i in range(seen.number_of_frames)
    ]
    seen = frames[0].header
    conversion = Conversion(find_stored_dtype(seen), rescale=False, checked=False)
    reasons = []
    for reader in (codec, pydicom_reader):
        reason = reader.refusal(frames, conversion)
        if reason is None:
            out: Pixels = np.empty((len(frames), *find_pixel_shape(seen)), conversion.dtype)
            reader.fill(frames, conversion, out, lambda: None, workers)
            return out
        reasons.append(reason)
    raise CompressedPixelDataError(
        f"{seen.path}: no decoder for {name_syntax(seen.transfer_syntax)}: {'; '.join(reasons)}", files=[seen.path]
    )
