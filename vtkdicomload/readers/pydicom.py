"""The plain pydicom loop: slow and independent; the oracle of the other readers and the fallback for legal oddities."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from ..errors import CorruptFileError
from ..header import EXPLICIT_BIG
from ..quiet import quiet_pydicom
from . import colour, values
from .files import check_unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pydicom

    from ..header import Frame
    from .values import Conversion, Pixels

NAME = "pydicom"


def refusal(frames: Sequence[Frame], conversion: Conversion) -> str | None:
    """Why pydicom reads one of the frames only with a plug-in that is missing; see `protocol.Reader.refusal`."""
    for header in {f.header.transfer_syntax: f.header for f in frames if f.header.encapsulated}.values():
        reason = _missing_decoder(header.transfer_syntax)
        if reason:
            return f"{header.path}: {reason}"
    return None


def _missing_decoder(syntax: str) -> str | None:
    from pydicom.pixels.decoders.base import get_decoder

    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        return f"pydicom has no decoder for transfer syntax {syntax}"
    return None if decoder.is_available else "; ".join(decoder.missing_dependencies)


def fill(
    frames: Sequence[Frame],
    conversion: Conversion,
    out: Pixels,
    step: Callable[[], None],
    workers: int | None = None,
) -> tuple[str, ...]:
    """Read every frame with `pydicom.pixels.pixel_array`; see `protocol.Reader.fill`."""
    dataset: pydicom.Dataset | None = None
    path = ""
    for k, frame in enumerate(frames):
        with quiet_pydicom(), _named(frame):
            if dataset is None or frame.path != path:
                check_unchanged(frame.header)
                dataset, path = _dataset(frame.path), frame.path
            stored = _stored(dataset, frame)
            if stored.shape != out.shape[1:]:
                raise ValueError(f"its pixels have shape {stored.shape}, its header says {out.shape[1:]}")
            if conversion.rescale and frame.header.has_modality_lut:
                stored = _through_lut(values.masked(stored, frame.header), dataset)
                values.put(stored, conversion, out[k])
            else:
                values.store(stored, frame, conversion, out[k])
        step()
    return ()


def _dataset(path: str) -> pydicom.Dataset:
    import pydicom

    dataset = pydicom.dcmread(path, force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = (
            pydicom.uid.ExplicitVRBigEndian
            if not little
            else pydicom.uid.ImplicitVRLittleEndian
            if implicit
            else pydicom.uid.ExplicitVRLittleEndian
        )
    return dataset


def _stored(dataset: pydicom.Dataset, frame: Frame) -> Pixels:
    """The stored values of one frame; colour as red, green and blue."""
    from pydicom.pixels.utils import pixel_array

    if frame.header.bits_allocated == 1 and not frame.header.encapsulated:
        return _bits(dataset, frame)
    one_of_many = frame.header.number_of_frames > 1
    pixels = pixel_array(dataset, index=frame.index_in_file if one_of_many else None)
    if frame.header.photometric_interpretation == colour.PALETTE:
        pixels = colour.from_palette(pixels, dataset)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _bits(dataset: pydicom.Dataset, frame: Frame) -> Pixels:
    """The pixels of one frame of one bit each: it may begin within a byte (PS3.5 8.2), which pydicom does not read."""
    count = frame.header.rows * frame.header.columns
    first = frame.index_in_file * count
    packed = np.frombuffer(dataset.PixelData, np.uint8)
    if frame.header.transfer_syntax == EXPLICIT_BIG and dataset["PixelData"].VR == "OW":
        packed = packed.reshape(-1, 2)[:, ::-1].reshape(-1)  # words whose bytes are swapped
    bits = np.unpackbits(packed[first // 8 : (first + count + 7) // 8], bitorder="little")
    pixels: Pixels = bits[first % 8 : first % 8 + count].reshape(frame.header.rows, frame.header.columns)
    return pixels


def _through_lut(stored: Pixels, dataset: pydicom.Dataset) -> Pixels:
    from pydicom.pixels.processing import apply_modality_lut

    result: Pixels = apply_modality_lut(stored, dataset)
    return result


@contextmanager
def _named(frame: Frame) -> Iterator[None]:
    """Turn whatever pydicom raises into a CorruptFileError that names the file."""
    try:
        yield
    except (values.ValueOverflow, CorruptFileError, MemoryError):
        raise
    except Exception as error:
        words = str(error).splitlines()[0][:200] if str(error) else ""
        raise CorruptFileError(
            f"{frame.path}: pydicom cannot read it: {type(error).__name__}: {words} → get the file again, or "
            f"ignore=[{frame.path!r}]",
            files=[frame.path],
        ) from error
