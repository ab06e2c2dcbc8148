"""Encapsulated pixel data: decoded frame by frame with imagecodecs in several threads."""

from __future__ import annotations

import threading
import zlib
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .._util.threads import for_each
from .._util.warnings import warn
from ..errors import CorruptFileError, make_damaged_error, take_first_line
from ..headers.objects.tiles import cut_tile, find_whole_image
from ..headers.transfer_syntaxes import (
    DEFLATED_FRAME,
    JPEG,
    JPEG_2000,
    JPEG_LS,
    JPEG_XL,
    JPEG_XL_ANY,
    JPEG_XL_RECOMPRESSED_JPEG,
    LOSSY_JPEG,
    RLE_LOSSLESS,
    STORED_WORDS,
)
from . import colour, direct, rescale
from .codestream import CodestreamSize, has_end, read_codestream_size, read_declared_colour, strip_boxes
from .dtype import find_stored_dtype
from .encapsulation import CompressedFrames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._util.arrays import Pixels
    from ..headers.model import Frame, Header
    from ..sources.file import File
    from .dtype import Conversion

NAME = "codec"

SYNTAXES = JPEG | JPEG_LS | JPEG_2000 | JPEG_XL | STORED_WORDS
_CONVERTED = LOSSY_JPEG | {JPEG_XL_RECOMPRESSED_JPEG}  # whose decoder makes red, green and blue of chrominance
_STATES_COLOUR = LOSSY_JPEG | JPEG_2000  # whose streams may state their colour space
# What imagecodecs (its errors are RuntimeErrors, one for each codec) and zlib raise for damaged streams.
_DECODER_ERRORS = (RuntimeError, ValueError, zlib.error)
# The codecs of imagecodecs, which may be built without some of them.
_CODECS = {
    RLE_LOSSLESS: "DICOMRLE",
    **dict.fromkeys(JPEG, "JPEG8"),
    **dict.fromkeys(JPEG_LS, "JPEGLS"),
    **dict.fromkeys(JPEG_2000, "JPEG2K"),
    **dict.fromkeys(JPEG_XL, "JPEGXL"),
}


def colour_spaces(syntax: str) -> frozenset[str]:
    """The photometric interpretations that come out as red, green and blue from a transfer syntax (PS3.5 8.2)."""
    if syntax in _CONVERTED:
        return frozenset(("RGB", "YBR_FULL", "YBR_FULL_422"))
    if syntax in JPEG_2000:
        return frozenset(("RGB", "YBR_ICT", "YBR_RCT", "YBR_FULL"))
    if syntax == JPEG_XL_ANY:
        return frozenset(("RGB", "XYB"))
    return frozenset(("RGB",)) if syntax in JPEG_XL else frozenset(("RGB", "YBR_FULL"))


def refusal(frames: Sequence[Frame], conversion: Conversion) -> str | None:
    """Say why one of the frames is not for imagecodecs; see `protocol.Reader.refusal`."""
    for header in {id(f.header): f.header for f in frames}.values():
        syntax = header.transfer_syntax
        if not header.native and syntax not in SYNTAXES:
            return f"{header.path}: transfer syntax {syntax} is not decoded"
        if header.native:
            reason = direct.refusal([f for f in frames if f.header is header], conversion)
            if reason:
                return reason
        elif header.has_modality_lut and conversion.rescale:
            return f"{header.path}: it has a modality LUT"
        elif header.bits_allocated not in (8, 16, 32):
            return f"{header.path}: {header.bits_allocated} bits"
        elif not _is_available(syntax):
            return f"{header.path}: imagecodecs has no {_CODECS[syntax]} codec on this platform"
    return None if any(not f.header.native for f in frames) else "none of the files is encapsulated"


def _is_available(syntax: str) -> bool:
    import imagecodecs

    return syntax not in _CODECS or bool(getattr(imagecodecs, _CODECS[syntax]).available)


def fill(
    frames: Sequence[Frame],
    conversion: Conversion,
    out: Pixels,
    step: Callable[[], None],
    workers: int | None = None,
) -> tuple[str, ...]:
    """Decode every frame and convert it in place; native files among them are read as they are.

    See `protocol.Reader.fill`.
    """
    compressed = CompressedFrames()
    scratch, decoded = direct.Scratch(), _Decoded()
    believed: dict[str, set[str]] = {}

    def work(k: int) -> None:
        frame = frames[k]
        if frame.header.native:
            rescale.store(direct.view_stored_words(frame, scratch.of(frame.length)), frame, conversion, out[k])
        else:
            stored, belief = decoded.of(frame, compressed, scratch)
            rescale.store(stored, frame, conversion, out[k])
            if belief:
                believed.setdefault(belief, set()).add(frame.path)

    for_each(len(frames), work, step, workers)
    for belief, paths in believed.items():
        warn(f"the compressed streams of {len(paths)} file{'s' * (len(paths) != 1)} {belief}")
    return ()


class _Decoded(threading.local):
    """Decoded frames; for each thread the mosaic that its latest one was a tile of."""

    def __init__(self) -> None:
        self._file: File | None = None
        self._mosaic: tuple[Pixels, str | None] = np.empty(0), None

    def of(self, frame: Frame, compressed: CompressedFrames, scratch: direct.Scratch) -> tuple[Pixels, str | None]:
        """As `_decode_frame`."""
        if not frame.header.is_tile:
            return _decode_frame(frame, compressed.stream(frame, scratch.of))
        if frame.header.file != self._file:
            whole = find_whole_image(frame)
            self._file, self._mosaic = frame.header.file, _decode_frame(whole, compressed.stream(whole, scratch.of))
        words, belief = self._mosaic
        return cut_tile(words, frame), belief


def _decode_frame(frame: Frame, data: bytes) -> tuple[Pixels, str | None]:
    """The stored words of one compressed frame, colour as red, green and blue.

    And what was believed where stream and header do not agree, the end of a sentence for a warning.
    """
    header = frame.header
    shape = (header.rows, header.columns, header.samples)
    size = check_size(frame, data)
    ybr, belief = _find_coded_colour(header, data)
    pixels = _decode_words(frame, data) if size is None else _decode_image(frame, data, ybr)
    if pixels.size != np.prod(shape):
        raise _make_decoding_error(frame, f"{pixels.shape} pixels were decoded, the header says {shape}")
    if size is not None and header.samples == 1:
        pixels, belief = _apply_declared_sign(frame, size, pixels)
    words = _convert_words(frame, pixels.reshape(shape if header.samples > 1 else shape[:2]))
    if ybr and header.transfer_syntax not in _CONVERTED:
        words = colour.convert_ybr_full(words)
    elif header.photometric_interpretation == colour.PALETTE:
        words = colour.read_palette(header).colours(words)
    return words, belief


def _find_coded_colour(header: Header, data: bytes) -> tuple[bool, str | None]:
    """Tell whether luminance and chrominance are coded, and what was believed: the stream, where it states it."""
    ybr = header.photometric_interpretation in ("YBR_FULL", "YBR_FULL_422")
    if header.samples != 3 or header.bits_allocated != 8 or header.transfer_syntax not in _STATES_COLOUR:
        return ybr, None
    stated = read_declared_colour(data)
    if stated is None or stated == ("YBR" if ybr else "RGB"):
        return ybr, None
    said = header.photometric_interpretation
    return stated == "YBR", f"state {stated} colour, their headers say {said}: the streams are believed (PS3.5 8.2.1)"


def _apply_declared_sign(frame: Frame, size: CodestreamSize, pixels: Pixels) -> tuple[Pixels, str | None]:
    """Decoded pixels with the sign that the header gives them, and what was believed.

    Raises CorruptFileError where the stream's bits and the header's would make different values of them.
    """
    header = frame.header
    resigned = bool(header.pixel_representation) != bool(size.signed)
    if size.bits is None or header.transfer_syntax in JPEG or not (resigned or size.bits > header.bits_stored):
        return pixels, None
    belief = None
    high = int(pixels.max())
    if resigned and size.signed:
        if pixels.min() < 0:
            raise _make_decoding_error(
                frame, f"its stream is signed and goes down to {pixels.min()}, its header says unsigned"
            )
    elif resigned and high >= 1 << size.bits - 1:
        if size.bits < header.bits_stored:
            raise _make_decoding_error(
                frame,
                f"its stream has {size.bits} unsigned bits, its header {header.bits_stored} signed ones: values from "
                f"{1 << size.bits - 1} to {high} may be negative or not",
            )
        # As pydicom and GDCM do: the stream's bits are the stored word, its highest one the sign.
        spare = pixels.dtype.itemsize * 8 - size.bits
        pixels = (pixels.view(f"i{pixels.dtype.itemsize}") << spare) >> spare
        if size.signed is False:  # JPEG-LS has no sign to state
            belief = "are unsigned, their headers say signed: the highest bit is taken for the sign"
    fault = find_range_fault(header, pixels)
    if fault:
        raise _make_decoding_error(frame, fault)
    return pixels, belief


def find_range_fault(header: Header, pixels: Pixels) -> str | None:
    """That decoded pixels take more bits than are stored, what lies above which would be cut off; None otherwise."""
    low, high = int(pixels.min()), int(pixels.max())
    if high >= 1 << header.bits_stored or low < -(1 << header.bits_stored - 1):
        return f"its values go from {low} to {high}, its header says {header.bits_stored} bits stored"
    return None


def check_size(frame: Frame, data: bytes) -> CodestreamSize | None:
    """Say what the stream of a compressed frame declares; None where its kind declares nothing.

    Raises
    ------
    CorruptFileError
        It is cut short, or declares another image than the header: better known before anything is decoded.
    """
    header = frame.header
    if header.transfer_syntax in STORED_WORDS:
        if header.transfer_syntax == RLE_LOSSLESS and not _is_sound_rle(header, data):
            raise _make_frame_error(frame, "its RLE header does not describe its segments")
        return None
    try:
        size = read_codestream_size(data)
    except ValueError as error:
        raise _make_frame_error(frame, str(error)) from error
    if size is None:
        raise _make_frame_error(frame, f"its compressed stream begins with {data[:4].hex()}, which is no image")
    if header.transfer_syntax not in JPEG_XL and not has_end(strip_boxes(data)):
        # JPEG decoders make up what is missing; the end of image marker tells a whole stream.
        raise _make_frame_error(frame, "its compressed stream has no end: it is truncated")
    if (size.rows, size.columns) != (header.rows, header.columns) or size.components not in (None, header.samples):
        raise _make_frame_error(
            frame,
            f"its compressed stream holds {size.rows} × {size.columns} × {size.components}, its header says "
            f"{header.rows} × {header.columns} × {header.samples}",
        )
    if size.bits is not None and size.bits > header.bits_allocated:
        raise _make_frame_error(frame, f"its compressed stream has {size.bits} bits in {header.bits_allocated}")
    return size


def _is_sound_rle(header: Header, data: bytes) -> bool:
    """Tell whether the segments of an RLE stream lie in order inside it (PS3.5 G.5); the decoder does not look."""
    count = header.samples * header.bits_allocated // 8
    if len(data) < 64 or int.from_bytes(data[:4], "little") != count:
        return False
    offsets = [int.from_bytes(data[i : i + 4], "little") for i in range(4, 4 + 4 * count, 4)]
    return offsets[0] == 64 and all(a < b for a, b in pairwise([*offsets, len(data)]))


def _decode_image(frame: Frame, data: bytes, ybr: bool) -> Pixels:
    """The pixels of a JPEG, JPEG-LS, JPEG 2000 or JPEG XL stream."""
    decode = _choose_decoder(frame.header, ybr)
    if frame.header.transfer_syntax in JPEG_2000:
        data = strip_boxes(data)
    try:
        return decode(data)
    except _DECODER_ERRORS as error:
        # No other decoder is asked: those of pydicom make up pixels for most of the damage that is refused here.
        raise _make_decoding_error(frame, take_first_line(error)) from error


def _choose_decoder(header: Header, ybr: bool) -> Callable[[bytes], Pixels]:
    """The function of imagecodecs for a transfer syntax."""
    import imagecodecs

    syntax = header.transfer_syntax
    if syntax in JPEG:
        if header.samples == 1:
            return imagecodecs.jpeg8_decode
        coded = "YCBCR" if ybr and syntax in _CONVERTED else "RGB"
        return partial(imagecodecs.jpeg8_decode, colorspace=coded, outcolorspace="RGB")
    if syntax in JPEG_LS:
        return imagecodecs.jpegls_decode
    if syntax in JPEG_2000:
        # OpenJPEG for HTJ2K too: damaged streams make the decoder of imagecodecs.htj2k_decode crash or hang.
        return partial(imagecodecs.jpeg2k_decode, numthreads=1)
    return partial(imagecodecs.jpegxl_decode, numthreads=1)


def _decode_words(frame: Frame, data: bytes) -> Pixels:
    """The pixels of a stream that holds the words of the image: as they are, deflated or run-length encoded."""
    header = frame.header
    word = np.dtype(f"<u{header.bits_allocated // 8}")
    expected = header.rows * header.columns * header.samples * word.itemsize
    stored: bytes | bytearray
    stored, padded, planar = data, expected + expected % 2, header.planar_configuration == 1
    try:
        if header.transfer_syntax == DEFLATED_FRAME:
            stored = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, expected + 2)
        elif header.transfer_syntax == RLE_LOSSLESS:
            import imagecodecs

            stored, padded = imagecodecs.dicomrle_decode(data, word), expected
            planar = True  # PS3.5 G.2: a segment a sample
    except _DECODER_ERRORS as error:
        raise _make_decoding_error(frame, take_first_line(error)) from error
    if len(stored) not in (expected, padded):
        raise _make_decoding_error(frame, f"it has {len(stored)} bytes, {expected} belong to it")
    words = np.frombuffer(stored[:expected], word)
    if header.samples > 1 and planar:
        return np.ascontiguousarray(words.reshape(header.samples, header.rows, header.columns).transpose(1, 2, 0))
    return words


def _convert_words(frame: Frame, pixels: Pixels) -> Pixels:
    """Decoded pixels in the type of the stored words: the same bits where the sign differs, else the same values."""
    dtype = find_stored_dtype(frame.header)
    if pixels.dtype.itemsize > dtype.itemsize:
        raise _make_decoding_error(
            frame, f"it decodes to {pixels.dtype}, more than the {dtype.itemsize * 8} bits allocated"
        )
    if pixels.dtype.itemsize == dtype.itemsize and pixels.dtype.kind in "iu":
        return pixels.view(dtype)
    return pixels.astype(dtype)


def _make_decoding_error(frame: Frame, what: str) -> CorruptFileError:
    return _make_frame_error(frame, f"imagecodecs cannot decode it: {what}")


def _make_frame_error(frame: Frame, what: str) -> CorruptFileError:
    part = f", frame {frame.index_in_file + 1}" if frame.header.number_of_frames > 1 else ""
    return make_damaged_error(frame.path, what, part=part)
