"""The plain pydicom loop: slow and independent; the oracle of the other readers and the fallback for legal oddities."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._util.warnings import silence_warnings
from ..errors import UnsupportedPixelDataError, make_damaged_error, take_first_line
from ..headers.data_set import Attributes, UnusableAttribute, ask_pydicom
from ..headers.objects.tiles import cut_tile, find_whole_image
from ..headers.transfer_syntaxes import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from ..sources.stream import path_or_stream
from . import codec, colour, rescale
from .codestream import read_declared_colour
from .encapsulation import CompressedFrames
from .modality_lut import parse_modality_lut
from .stored_bits import BeyondBitsStored, fit_bits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pydicom

    from .._util.arrays import Pixels
    from ..errors import CorruptFileError
    from ..headers.model import Frame, Header
    from ..sources.file import File
    from .dtype import Conversion

NAME = "pydicom"

# pydicom's decoders in the order they are tried. Not GDCM: damaged JPEG streams make it abort the whole process.
_PLUGINS = ("pydicom", "pillow", "pyjpegls", "pylibjpeg")
_ADOBE_YCC = re.compile(rb"\xff\xee..Adobe.{6}\x01", re.DOTALL)


def refusal(frames: Sequence[Frame], conversion: Conversion) -> str | None:
    """Say why pydicom reads one of the frames only with a plug-in that is missing; see `protocol.Reader.refusal`."""
    for header in {f.header.transfer_syntax: f.header for f in frames if f.header.encapsulated}.values():
        reason = _explain_missing_decoder(header.transfer_syntax)
        if reason:
            return f"{header.path}: {reason}"
    return None


def _explain_missing_decoder(syntax: str) -> str | None:
    from pydicom.pixels.decoders.base import get_decoder

    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        return f"pydicom has no decoder for transfer syntax {syntax}"
    if _list_plugins(syntax):
        return None
    missing = [words for words in decoder.missing_dependencies if not words.startswith("gdcm")]
    return "none of pydicom's decoders is installed: " + "; ".join(missing)


def suggest_plugins(syntax: str) -> tuple[str, ...]:
    """Say what to install so that pydicom decodes a transfer syntax; empty where nothing helps."""
    from pydicom import uid

    if syntax in uid.JPEGTransferSyntaxes:
        return "pylibjpeg", "pylibjpeg-libjpeg"
    if syntax in uid.JPEG2000TransferSyntaxes:  # HTJ2K among them
        return "pylibjpeg", "pylibjpeg-openjpeg"
    return ("pyjpegls",) if syntax in uid.JPEGLSTransferSyntaxes else ()


def _list_plugins(syntax: str) -> list[str]:
    """List the decoders of pydicom that are there for a compressed transfer syntax."""
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
        image = find_whole_image(frame)
        if dataset is None or frame.header.file != file:
            dataset = _read_dataset(frame)
        if image is frame or frame.header.file != file:  # the tiles of a mosaic are decoded once
            pixels = _read_stored_values(dataset, image, _read_stream(image, compressed))
        file = frame.header.file
        stored = pixels if image is frame else cut_tile(pixels, frame)
        if stored.shape != out.shape[1:]:
            raise _make_unread_error(frame, f"its pixels have shape {stored.shape}, its header says {out.shape[1:]}")
        if conversion.rescale and frame.header.has_modality_lut:
            rescale.put(_apply_lut(rescale.mask_words(stored, frame.header), dataset, frame), conversion, out[k])
        else:
            rescale.store(stored, frame, conversion, out[k])
        step()
    return ()


def _read_dataset(frame: Frame) -> pydicom.Dataset:
    import pydicom

    with path_or_stream(frame.header.file) as readable, _ask_of_frame(frame):
        dataset = pydicom.dcmread(readable, force=True)
        named = "TransferSyntaxUID" in dataset.file_meta
        if not dataset.get("SamplesPerPixel"):
            dataset.SamplesPerPixel = frame.header.samples  # 1, of an image that cannot have more
    if not named:
        implicit, little = dataset.original_encoding
        syntax = EXPLICIT_BIG if not little else IMPLICIT_LITTLE if implicit else EXPLICIT_LITTLE
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    if frame.header.bits_allocated == 1 and frame.header.encapsulated:
        # A pixel takes a byte in streams (PS3.5 G.2), and pydicom's decoders know whole bytes only.
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    return dataset


def _read_stream(frame: Frame, compressed: CompressedFrames) -> bytes | None:
    """The compressed stream of a frame; None where it is native.

    pydicom would find it too, but says nothing of frames beyond NumberOfFrames.
    """
    if not frame.header.encapsulated:
        return None
    return compressed.stream(frame, partial(np.empty, dtype=np.uint8))


def _read_stored_values(dataset: pydicom.Dataset, frame: Frame, stream: bytes | None) -> Pixels:
    """The stored values of one frame, whose compressed stream this is; colour as red, green and blue."""
    from pydicom.pixels.utils import pixel_array

    if frame.header.bits_allocated == 1 and not frame.header.encapsulated:
        return _unpack_bits(dataset, frame)
    index = frame.index_in_file if frame.header.number_of_frames > 1 else None
    if stream is None:
        with _ask_of_frame(frame):
            pixels = pixel_array(dataset, index=index)
    else:
        pixels = _decode_stream(dataset, frame, index, stream)
    if frame.header.photometric_interpretation == colour.PALETTE:
        pixels = _read_palette_of_dataset(dataset, frame).colours(rescale.mask_words(pixels, frame.header))
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _read_palette_of_dataset(dataset: pydicom.Dataset, frame: Frame) -> colour.Palette:
    try:
        with silence_warnings():
            return colour.parse_palette(Attributes(dataset))
    except UnusableAttribute as error:
        raise _make_unread_error(frame, str(error)) from error


def _unpack_bits(dataset: pydicom.Dataset, frame: Frame) -> Pixels:
    """The pixels of one frame of one bit each: it may begin within a byte (PS3.5 8.2), which pydicom does not read."""
    header = frame.header
    count = header.rows * header.columns
    first = frame.index_in_file * count
    with _ask_of_frame(frame):
        data, vr = dataset["PixelData"].value, dataset["PixelData"].VR
    swapped = header.transfer_syntax == EXPLICIT_BIG and vr == "OW"
    if not isinstance(data, bytes) or len(data) * 8 < header.number_of_frames * count or (swapped and len(data) % 2):
        raise _make_unread_error(frame, "its pixel data has not the length of its rows and columns")
    packed = np.frombuffer(data, np.uint8)
    if swapped:
        packed = packed.reshape(-1, 2)[:, ::-1].reshape(-1)  # words whose bytes are swapped
    bits = np.unpackbits(packed[first // 8 : (first + count + 7) // 8], bitorder="little")
    pixels: Pixels = bits[first % 8 : first % 8 + count].reshape(header.rows, header.columns)
    return pixels


def _decode_stream(dataset: pydicom.Dataset, frame: Frame, index: int | None, stream: bytes) -> Pixels:
    """One compressed frame by the first decoder that can; the error of the last one where none can."""
    from pydicom.pixels.utils import pixel_array

    size = codec.check_size(frame, stream)
    if frame.header.samples == 3:
        _refuse_disputed_colour(frame.header, stream)
    failure = _make_unread_error(frame, "pydicom has no decoder for it")
    for plugin in _list_plugins(frame.header.transfer_syntax):
        try:
            with silence_warnings():
                pixels = pixel_array(dataset, index=index, decoding_plugin=plugin)
        except MemoryError:
            raise
        except Exception as error:  # each of the four libraries raises what it likes for damaged streams
            failure = _make_unread_error(frame, f"{plugin}: {type(error).__name__}: {take_first_line(error)}")
            failure.__cause__ = error
            continue
        try:
            return pixels if size is None else fit_bits(frame.header, size, pixels)[0]
        except BeyondBitsStored as error:
            failure = _make_unread_error(frame, str(error))
    raise failure


def _refuse_disputed_colour(header: Header, stream: bytes) -> None:
    """Refuse a stream whose colour the decoders do not agree about: what it states is not what the header says.

    Or it is in YCbCr by its Adobe marker, which Pillow undoes before pydicom does so again.
    """
    stated = read_declared_colour(stream)
    said = "YBR" if header.photometric_interpretation.startswith("YBR") else "RGB"
    if stated not in (None, said) or _ADOBE_YCC.search(stream, 0, 4096):
        what = (
            f"its header says {header.photometric_interpretation}, its stream states {stated} colour: "
            "pydicom's decoders do not agree about it"
        )
        raise UnsupportedPixelDataError(f"{header.path}: {what}", files=[header.path], what=what)


def _apply_lut(stored: Pixels, dataset: pydicom.Dataset, frame: Frame) -> Pixels:
    try:
        with silence_warnings():
            lut = parse_modality_lut(Attributes(dataset), signed=frame.header.pixel_representation == 1)
    except UnusableAttribute as error:
        raise _make_unread_error(frame, f"its modality LUT cannot be used: {error}") from error
    return stored if lut is None else lut.map_values(stored)


@contextmanager
def _ask_of_frame(frame: Frame) -> Iterator[None]:
    """Turn what pydicom raises into a CorruptFileError that names the file; only calls of pydicom belong inside."""
    try:
        with silence_warnings(), ask_pydicom():
            yield
    except UnusableAttribute as error:
        raise _make_unread_error(frame, str(error)) from error


def _make_unread_error(frame: Frame, what: str) -> CorruptFileError:
    return make_damaged_error(frame.path, f"pydicom cannot read it: {what}")
