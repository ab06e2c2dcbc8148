"""The plain pydicom loop: slow and independent; the oracle of the other readers and the fallback for legal oddities."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._util.warnings import silence_warnings
from ..errors import UnsupportedPixelDataError, make_damaged_error, take_first_line
from ..headers.attributes import FUNCTIONAL_GROUPS
from ..headers.data_set import Attributes, UnusableAttribute, ask_pydicom
from ..headers.objects.tiles import cut_tile, find_whole_image
from ..headers.transfer_syntaxes import DEFLATED_LITTLE, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from ..sources.stream import open_stream
from . import codec, colour, rescale
from .codestream import read_declared_colour
from .dtype import NamedOverflow
from .encapsulation import CompressedFrames
from .modality_lut import parse_modality_lut
from .stored_bits import BeyondBitsStored, fit_bits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

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
    """Read every frame with `pydicom.pixels.pixel_array`, each alone; see `protocol.Reader.fill`."""
    description: _Image | None = None
    file: File | None = None
    compressed, pixels = CompressedFrames(), np.empty(0)
    for k, frame in enumerate(frames):
        image = find_whole_image(frame)
        if description is None or frame.header.file != file:
            description = _read_image(frame)
        if image is frame or frame.header.file != file:  # the tiles of a mosaic are decoded once
            pixels = _read_stored_values(description, image, _read_stream(image, compressed))
        file = frame.header.file
        stored = pixels if image is frame else cut_tile(pixels, frame)
        if stored.shape != out.shape[1:]:
            raise _make_unread_error(frame, f"its pixels have shape {stored.shape}, its header says {out.shape[1:]}")
        if conversion.rescale and frame.header.has_modality_lut:
            values = _apply_lut(rescale.mask_words(stored, frame.header), description.dataset, frame)
            with NamedOverflow(frame):
                rescale.put(values, conversion, out[k])
        else:
            rescale.store(stored, frame, conversion, out[k])
        step()
    return ()


class _Image(NamedTuple):
    """A file as pydicom has read it: the data set that each of its frames is put into, to be decoded alone."""

    dataset: pydicom.Dataset
    inflated: bytes | None  # the pixels of a deflated file, whose frames have no offsets


def _read_image(frame: Frame) -> _Image:
    """Read what a file says of its image, up to the functional groups and pixels that may follow."""
    import pydicom
    from pydicom.filereader import read_partial

    header = frame.header
    deflated = header.transfer_syntax == DEFLATED_LITTLE
    with open_stream(header.file) as stream, _ask_of_frame(frame):
        dataset = read_partial(stream, None if deflated else _ends_description, force=True)
        inflated = bytes(dataset[header.pixel_tag].value) if deflated else None
        if not deflated:
            _check_pixel_place(stream, header)
        named = "TransferSyntaxUID" in dataset.file_meta
        if not dataset.get("SamplesPerPixel"):
            dataset.SamplesPerPixel = header.samples  # 1, of an image that cannot have more
        dataset.NumberOfFrames = 1
    if not named:
        implicit, little = dataset.original_encoding
        syntax = EXPLICIT_BIG if not little else IMPLICIT_LITTLE if implicit else EXPLICIT_LITTLE
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    if header.bits_allocated == 1 and header.encapsulated:
        # A pixel takes a byte in streams (PS3.5 G.2), and pydicom's decoders know whole bytes only.
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    return _Image(dataset, inflated)


def _ends_description(tag: int, _vr: str | None, _length: int) -> bool:
    return tag >= FUNCTIONAL_GROUPS[0]


def _check_pixel_place(stream: BinaryIO, header: Header) -> None:
    """Let pydicom read the head of the pixel data, just before the place where it was found."""
    from pydicom.filereader import data_element_generator

    found: list[int] = []

    def note(tag: int, _vr: str | None, _length: int) -> bool:
        found.append(int(tag))
        return True

    stream.seek(header.pixel_offset - (12 if header.pixel_vr else 8))
    is_little_endian = header.transfer_syntax != EXPLICIT_BIG
    next(data_element_generator(stream, not header.pixel_vr, is_little_endian, stop_when=note), None)
    if found != [header.pixel_tag]:
        raise UnusableAttribute("its pixel data begins elsewhere")


def _read_stream(frame: Frame, compressed: CompressedFrames) -> bytes | None:
    """The compressed stream of a frame; None where it is native."""
    if not frame.header.encapsulated:
        return None
    return compressed.stream(frame, partial(np.empty, dtype=np.uint8))


def _read_native_bytes(inflated: bytes | None, header: Header, start: int, length: int) -> bytes:
    """Bytes of native pixel data, counted from its first."""
    if inflated is not None:
        return inflated[start : start + length]
    return header.file.read_at(header.pixel_offset + start, length)


def _read_stored_values(image: _Image, frame: Frame, stream: bytes | None) -> Pixels:
    """The stored values of one frame, whose compressed stream this is; colour as red, green and blue."""
    dataset, inflated = image
    if frame.header.bits_allocated == 1 and not frame.header.encapsulated:
        return _unpack_bits(inflated, frame)
    pixels = _decode_native(dataset, inflated, frame) if stream is None else _decode_stream(dataset, frame, stream)
    if frame.header.photometric_interpretation == colour.PALETTE:
        pixels = _read_palette_of_dataset(dataset, frame).colours(rescale.mask_words(pixels, frame.header))
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _put_pixels(dataset: pydicom.Dataset, header: Header, data: bytes) -> None:
    """Make of a data set that of one frame alone."""
    from pydicom import DataElement

    vr = header.pixel_vr.decode() if header.pixel_vr in (b"OB", b"OF", b"OD") else "OW"
    dataset[header.pixel_tag] = DataElement(header.pixel_tag, vr, data, is_undefined_length=header.encapsulated)


def _decode_native(dataset: pydicom.Dataset, inflated: bytes | None, frame: Frame) -> Pixels:
    """One native frame, as long as pydicom counts it."""
    from pydicom.pixels.utils import get_expected_length, pixel_array

    with _ask_of_frame(frame):
        length = get_expected_length(dataset)
    data = _read_native_bytes(inflated, frame.header, frame.index_in_file * length, length)
    with _ask_of_frame(frame):
        _put_pixels(dataset, frame.header, data)
        return pixel_array(dataset)


def _read_palette_of_dataset(dataset: pydicom.Dataset, frame: Frame) -> colour.Palette:
    try:
        with silence_warnings():
            return colour.parse_palette(Attributes(dataset))
    except UnusableAttribute as error:
        raise _make_unread_error(frame, str(error)) from error


def _unpack_bits(inflated: bytes | None, frame: Frame) -> Pixels:
    """The pixels of one frame of one bit each: it may begin within a byte (PS3.5 8.2), which pydicom does not read."""
    header = frame.header
    count = header.rows * header.columns
    first = frame.index_in_file * count
    swapped = header.transfer_syntax == EXPLICIT_BIG and header.pixel_vr == b"OW"
    start, end = first // 16 * 2, min((first + count + 15) // 16 * 2, header.pixel_length)  # whole words
    packed = np.frombuffer(_read_native_bytes(inflated, header, start, end - start), np.uint8)
    if swapped and len(packed) % 2:
        raise _make_unread_error(frame, "its pixel data ends within a word")
    if swapped:
        packed = packed.reshape(-1, 2)[:, ::-1].reshape(-1)  # words whose bytes are swapped
    bits = np.unpackbits(packed, bitorder="little")[first - start * 8 :][:count]
    pixels: Pixels = bits.reshape(header.rows, header.columns)
    return pixels


def _decode_stream(dataset: pydicom.Dataset, frame: Frame, stream: bytes) -> Pixels:
    """One compressed frame by the first decoder that can; the error of the last one where none can."""
    from pydicom.encaps import encapsulate
    from pydicom.pixels.utils import pixel_array

    size = codec.check_size(frame, stream)
    if frame.header.samples == 3:
        _refuse_disputed_colour(frame.header, stream)
    failure = _make_unread_error(frame, "pydicom has no decoder for it")
    _put_pixels(dataset, frame.header, encapsulate([stream], has_bot=False))
    for plugin in _list_plugins(frame.header.transfer_syntax):
        try:
            with silence_warnings():
                pixels = pixel_array(dataset, decoding_plugin=plugin)
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
