"""The plain pydicom loop: slow and independent; the oracle of the other readers and the fallback for legal oddities."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._util.warnings import silenced
from ..errors import CorruptFileError, UnsupportedPixelDataError, damaged, first_line
from ..headers.objects.mosaic import tile_of, whole_of
from ..headers.transfer_syntaxes import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from ..sources.stream import path_or_stream
from . import codec, colour, rescale
from .codestream import declared_colour
from .dtype import ValueOverflow
from .encapsulation import CompressedFrames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pydicom

    from .._util.arrays import Pixels
    from ..headers.model import Frame, Header
    from ..sources.file import File
    from .dtype import Conversion

NAME = "pydicom"

# pydicom's decoders in the order they are tried. Not GDCM: damaged JPEG streams make it abort the whole process.
_PLUGINS = ("pydicom", "pillow", "pyjpegls", "pylibjpeg")
_ADOBE_YCC = re.compile(rb"\xff\xee..Adobe.{6}\x01", re.DOTALL)


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
    if _plugins(syntax):
        return None
    missing = [words for words in decoder.missing_dependencies if not words.startswith("gdcm")]
    return "none of pydicom's decoders is installed: " + "; ".join(missing)


def plugins_for(syntax: str) -> tuple[str, ...]:
    """What to install so that pydicom decodes a transfer syntax; empty where nothing helps."""
    from pydicom import uid

    if syntax in uid.JPEGTransferSyntaxes:
        return "pylibjpeg", "pylibjpeg-libjpeg"
    if syntax in uid.JPEG2000TransferSyntaxes:  # HTJ2K among them
        return "pylibjpeg", "pylibjpeg-openjpeg"
    return ("pyjpegls",) if syntax in uid.JPEGLSTransferSyntaxes else ()


def _plugins(syntax: str) -> list[str]:
    """Which decoders of pydicom are there for a compressed transfer syntax."""
    from pydicom.pixels.decoders.base import get_decoder

    available = get_decoder(syntax).available_plugins
    return [name for name in _PLUGINS if name in available]


def fill(
    frames: Sequence[Frame],
    conversion: Conversion,
    out: Pixels,
    step: Callable[[], None],
    workers: int | None = None,
) -> tuple[str, ...]:
    """Read every frame with `pydicom.pixels.pixel_array`; see `protocol.Reader.fill`."""
    dataset: pydicom.Dataset | None = None
    file: File | None = None
    compressed, pixels = CompressedFrames(), np.empty(0)
    for k, frame in enumerate(frames):
        image = whole_of(frame)
        with _named(frame):
            if dataset is None or frame.header.file != file:
                dataset = _dataset(frame.header.file)
            if image is frame or frame.header.file != file:  # the tiles of a mosaic are decoded once
                pixels = _stored(dataset, image, _stream(image, compressed))
            file = frame.header.file
            stored = pixels if image is frame else tile_of(pixels, frame)
            if stored.shape != out.shape[1:]:
                raise ValueError(f"its pixels have shape {stored.shape}, its header says {out.shape[1:]}")
            if conversion.rescale and frame.header.has_modality_lut:
                stored = _through_lut(rescale.masked(stored, frame.header), dataset)
                rescale.put(stored, conversion, out[k])
            else:
                rescale.store(stored, frame, conversion, out[k])
        step()
    return ()


@silenced()
def _dataset(file: File) -> pydicom.Dataset:
    import pydicom

    with path_or_stream(file) as readable:
        dataset = pydicom.dcmread(readable, force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        implicit, little = dataset.original_encoding
        syntax = EXPLICIT_BIG if not little else IMPLICIT_LITTLE if implicit else EXPLICIT_LITTLE
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    return dataset


def _stream(frame: Frame, compressed: CompressedFrames) -> bytes | None:
    """The compressed stream of a frame; None where it is native.

    pydicom would find it too, but says nothing of frames beyond NumberOfFrames.
    """
    if not frame.header.encapsulated:
        return None
    return compressed.stream(frame, partial(np.empty, dtype=np.uint8))


@silenced()
def _stored(dataset: pydicom.Dataset, frame: Frame, stream: bytes | None) -> Pixels:
    """The stored values of one frame, whose compressed stream this is; colour as red, green and blue."""
    from pydicom.pixels.utils import pixel_array

    if frame.header.bits_allocated == 1 and not frame.header.encapsulated:
        return _bits(dataset, frame)
    index = frame.index_in_file if frame.header.number_of_frames > 1 else None
    pixels = pixel_array(dataset, index=index) if stream is None else _decoded(dataset, frame, index, stream)
    if frame.header.photometric_interpretation == colour.PALETTE:
        pixels = colour.palette_in(dataset).colours(pixels)
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


def _decoded(dataset: pydicom.Dataset, frame: Frame, index: int | None, stream: bytes) -> Pixels:
    """One compressed frame by the first decoder that can; the error of the last one where none can."""
    from pydicom.pixels.utils import pixel_array

    codec.checked_size(frame, stream)
    if frame.header.samples == 3:
        _refuse_disputed_colour(frame.header, stream)
    failure: Exception = ValueError("pydicom has no decoder for it")
    for plugin in _plugins(frame.header.transfer_syntax):
        try:
            pixels = pixel_array(dataset, index=index, decoding_plugin=plugin)
            codec.check_range(frame.header, pixels)
        except MemoryError:
            raise
        except Exception as error:
            failure = error
        else:
            return pixels
    raise failure


def _refuse_disputed_colour(header: Header, stream: bytes) -> None:
    """Refuse a stream whose colour the decoders do not agree about: what it states is not what the header says.

    Or it is in YCbCr by its Adobe marker, which Pillow undoes before pydicom does so again.
    """
    stated = declared_colour(stream)
    said = "YBR" if header.photometric_interpretation.startswith("YBR") else "RGB"
    if stated not in (None, said) or _ADOBE_YCC.search(stream, 0, 4096):
        raise UnsupportedPixelDataError(
            f"{header.path}: its header says {header.photometric_interpretation}, its stream states {stated} colour: "
            "pydicom's decoders do not agree about it",
            files=[header.path],
        )


@silenced()
def _through_lut(stored: Pixels, dataset: pydicom.Dataset) -> Pixels:
    from pydicom.pixels.processing import apply_modality_lut

    # apply_modality_lut subtracts the first mapped value in the type of the pixels, where it may wrap.
    result: Pixels = apply_modality_lut(stored.astype(np.int64), dataset)
    return result


@contextmanager
def _named(frame: Frame) -> Iterator[None]:
    """Turn whatever pydicom raises into a CorruptFileError that names the file."""
    try:
        yield
    except (ValueOverflow, CorruptFileError, UnsupportedPixelDataError, MemoryError):
        raise
    except Exception as error:
        what = f"pydicom cannot read it: {type(error).__name__}: {first_line(error)}"
        raise damaged(frame.path, what) from error
