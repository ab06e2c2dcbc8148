"""The series of the benchmarks: made once in a folder, with the checksum of what a reader owes for them."""

from __future__ import annotations

import hashlib
import json
import shutil
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .works import EXPLICIT_LITTLE, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset, FileMetaDataset

_VERSION = 3  # of what is made: another number makes it anew


class Data(NamedTuple):
    """A work on disk."""

    work: Work
    folder: Path
    digest: str  # of its values, see `digest`
    headers: str  # of what its headers say, see `headers_digest`
    header_bytes: int  # of one file, all but its pixel data

    @property
    def folders(self) -> list[Path]:
        """One for each series."""
        return sorted((p for p in self.folder.iterdir() if p.is_dir()), key=lambda p: int(p.name.rpartition("-")[2]))

    @property
    def files(self) -> list[Path]:
        """All files, in order of their names."""
        return [file for folder in self.folders for file in sorted(folder.iterdir())]


def prepared(work: Work, root: Path, say: Callable[[str], None] = lambda _: None) -> Data:
    """A work on disk, made where it is not there yet."""
    folder = root / f"{work.name}-v{_VERSION}"
    record = folder / "truth.json"
    wanted = json.loads(json.dumps(work))
    if not record.is_file() or json.loads(record.read_text())["work"] != wanted:
        say(f"making {work.title} in {folder}")
        part = root / f"{work.name}.part"
        for leftover in (part, folder):
            shutil.rmtree(leftover, ignore_errors=True)
        truth = _write(work, part)
        (part / "truth.json").write_text(json.dumps({"work": wanted, **truth}))
        part.rename(folder)
    truth = json.loads(record.read_text())
    return Data(work, folder, truth["digest"], truth["headers"], truth["header_bytes"])


def _write(work: Work, folder: Path) -> dict[str, Any]:
    from pydicom import Dataset, dcmwrite

    from . import enhanced, headers, pixels

    values = hashlib.sha256(repr(work.shape).encode())
    encoder = _Encoder(work)
    for series in range(work.series):
        place = folder / f"series-{series:03d}"
        place.mkdir(parents=True)
        if work.enhanced:
            frames = [pixels.stored_frame(work, series, k) for k in range(work.slices)]
            for frame in frames:
                values.update(frame.astype("<i4").tobytes())
            dataset = enhanced.make_object(work, series)
            dataset.file_meta = headers.file_meta(work, series, 0)
            dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
            _put_pixels(dataset, [pixels.encoded(frame, work) for frame in frames], work)
            file = place / "IM-0001.dcm"
            dcmwrite(file, dataset, enforce_file_format=True)
            continue
        for k in range(work.slices):
            frame = pixels.stored_frame(work, series, k)
            values.update(frame.astype("<i4").tobytes())
            dataset = Dataset()
            _put_pixels(dataset, [pixels.encoded(frame, work)], work)
            file = place / f"IM-0001-{headers.instance_number(work, k):04d}.dcm"
            file.write_bytes(encoder.encode(series, k, dataset))
    return {
        "digest": values.hexdigest(),
        "headers": headers_digest(_header_rows(work)),
        "header_bytes": file.stat().st_size - len(dataset.PixelData),
    }


class _Encoder:
    """Writes the files of a work as pydicom does, what series of one kind have in common but once.

    Most of a header takes pydicom milliseconds, and an archive has many series of few kinds.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._common: dict[tuple[object, ...], list[bytes]] = {}

    def encode(self, series: int, k: int, pixels: Dataset) -> bytes:
        """One file with its pixels."""
        from . import headers

        own = headers.own(self._work, series, k)
        kind = (*headers.kind(self._work, series), k)
        if kind not in self._common:
            whole = headers.header(self._work, series, k)
            ends = [0, *sorted(own.keys()), *pixels.keys()]
            self._common[kind] = [_encode(whole[tag + 1 : end]) for tag, end in pairwise(ends)]
        between = self._common[kind]
        elements = [_encode(own[tag : tag + 1]) for tag in sorted(own.keys())]
        body = b"".join(part for pair in zip(between, elements, strict=False) for part in pair) + between[-1]
        meta = headers.file_meta(self._work, series, k)
        return bytes(128) + b"DICM" + _encode_meta(meta) + body + _encode(pixels)


def _encode(dataset: Dataset) -> bytes:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def _encode_meta(meta: FileMetaDataset) -> bytes:
    from pydicom.dataset import validate_file_meta
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_file_meta_info

    validate_file_meta(meta, enforce_standard=True)
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta, enforce_standard=True)
    return buffer.getvalue()


def _put_pixels(dataset: Any, frames: list[bytes], work: Work) -> None:
    from pydicom.encaps import encapsulate

    if work.syntax == EXPLICIT_LITTLE:
        data = b"".join(frames)
        dataset.PixelData = data + b"\0" * (len(data) % 2)
    else:
        dataset.PixelData = encapsulate([data + b"\0" * (len(data) % 2) for data in frames])
        dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB" if work.bits == 8 or work.syntax != EXPLICIT_LITTLE else "OW"


def digest(volumes: Iterable[NDArray[Any]], work: Work) -> str:
    """A checksum of values in one order: series after series, slices along their normal, row 0 first.

    Parameters
    ----------
    volumes : iterable of numpy.ndarray, each of shape (slices, rows, columns) or (slices, rows, columns, samples)
        Values after slope and intercept, of any dtype.
    work : Work
        Gives slope and intercept, so that the stored integers can be hashed: readers return floats of many kinds.

    Returns
    -------
    str
        Or ``different`` where values are no stored ones after slope and intercept.
    """
    result = hashlib.sha256(repr(work.shape).encode())
    for volume in volumes:
        if volume.shape != (work.slices, *work.shape[1:]):
            return "different"
        for frame in volume:
            stored = _stored(frame, work)
            if stored is None:
                return "different"
            result.update(stored.astype("<i4", copy=False).tobytes())
    return result.hexdigest()


def _stored(frame: NDArray[Any], work: Work) -> NDArray[Any] | None:
    """The integers that slope and intercept make a frame's values of; None where there are none."""
    if frame.dtype.kind in "iu" and work.slope == 1:
        return frame.astype(np.int32) - np.int32(work.intercept)
    exact = (frame.astype(np.float64) - work.intercept) / work.slope
    stored: NDArray[Any] = np.rint(exact)
    return stored if np.abs(exact - stored).max() < 1e-2 else None


def headers_digest(rows: Iterable[tuple[float, ...]]) -> str:
    """A checksum of (SeriesNumber, InstanceNumber, x, y, z, Rows, RescaleIntercept) of every file, in that order."""
    return hashlib.sha256(repr(sorted(tuple(float(v) for v in row) for row in rows)).encode()).hexdigest()


def _header_rows(work: Work) -> Iterable[tuple[float, ...]]:
    from . import headers

    for series in range(work.series):
        for k in range(work.slices):
            number = headers.instance_number(work, k)
            yield series + 1, number, *headers.position(k), work.rows, work.intercept
