"""Encapsulated pixel data: decoded frame by frame with imagecodecs in several threads."""

from __future__ import annotations

import threading
import zlib
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .._util.threads import for_each
from .._util.warnings import warn
from ..errors import CorruptFileError, make_damaged_error, take_first_line
from ..headers.objects.tiles import cut_tile, find_whole_image
from ..headers.transfer_syntaxes import (
    JPEG,
    JPEG_2000,
    JPEG_LS,
    JPEG_XL,
    JPEG_XL_ANY,
    JPEG_XL_RECOMPRESSED_JPEG,
    LOSSY_JPEG,
    RLE_LOSSLESS,
    STORED_WORDS,
    name_syntax,
)
from . import colour, direct, rescale, stored_bits
from .codestream import (
    CodestreamSize,
    Coding,
    find_stray_marker,
    has_end,
    read_codestream_size,
    read_declared_colour,
    strip_boxes,
)
from .dtype import find_stored_dtype
from .encapsulation import CompressedFrames
from .stored_words import decode_words, is_sound_rle
from .whole_jpeg import decode_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._util.arrays import Pixels
    from ..headers.model import Frame, Header
    from ..sources.file import File
    from .dtype import Conversion

NAME = "codec"

SYNTAXES = JPEG | JPEG_LS | JPEG_2000 | JPEG_XL | STORED_WORDS
_CODINGS = {
    **dict.fromkeys(LOSSY_JPEG, Coding.JPEG),
    **dict.fromkeys(JPEG - LOSSY_JPEG, Coding.JPEG_LOSSLESS),
    **dict.fromkeys(JPEG_LS, Coding.JPEG_LS),
    **dict.fromkeys(JPEG_2000, Coding.JPEG_2000),
    **dict.fromkeys(JPEG_XL, Coding.JPEG_XL),
}
_STATES_COLOUR = (Coding.JPEG, Coding.JPEG_2000)  # whose streams may state their colour space
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
    if syntax in JPEG or syntax == JPEG_XL_RECOMPRESSED_JPEG:
        return frozenset(("RGB", "YBR_FULL", "YBR_FULL_422"))
    if syntax in JPEG_2000:
        return frozenset(("RGB", "YBR_ICT", "YBR_RCT", "YBR_FULL"))
    if syntax == JPEG_XL_ANY:
        return frozenset(("RGB", "XYB"))
    return frozenset(("RGB",)) if syntax in JPEG_XL else frozenset(("RGB", "YBR_FULL"))


def refusal(frames: Sequence[Frame], conversion: Conversion) -> str | None:
    """Say why one of the frames is not for imagecodecs; see `protocol.Reader.refusal`."""
    native = [frame for frame in frames if frame.header.native]
    reason = direct.refusal(native, conversion)
    if reason:
        return reason
    for header in {id(f.header): f.header for f in frames if not f.header.native}.values():
        syntax = header.transfer_syntax
        if syntax not in SYNTAXES:
            return f"{header.path}: transfer syntax {syntax} is not decoded"
        if header.has_modality_lut and conversion.rescale:
            return f"{header.path}: it has a modality LUT"
        if header.bits_allocated not in (1, 8, 16, 32):
            return f"{header.path}: {header.bits_allocated} bits"
        if not _is_available(syntax):
            return f"{header.path}: imagecodecs has no {_CODECS[syntax]} codec on this platform"
    return None if len(native) < len(frames) else "none of the files is encapsulated"


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
            stored, beliefs = decoded.of(frame, compressed, scratch)
            rescale.store(stored, frame, conversion, out[k])
            for belief in beliefs:
                believed.setdefault(belief, set()).add(frame.path)

    for_each(len(frames), work, step, workers)
    for belief, paths in believed.items():
        warn(f"the compressed streams of {len(paths)} file{'s' * (len(paths) != 1)} {belief}")
    return ()


def may_round(frame: Frame) -> bool:
    """Tell whether two decoders of a frame may round differently: by its stream, whatever its transfer syntax says."""
    if not frame.header.encapsulated:
        return False
    whole = find_whole_image(frame)
    stream = CompressedFrames().stream(whole, direct.Scratch().of)
    size = check_size(whole, stream)
    return size is not None and stored_bits.is_lossy(whole.header, size)


class _Decoded(threading.local):
    """Decoded frames; for each thread the mosaic that its latest one was a tile of."""

    def __init__(self) -> None:
        self._file: File | None = None
        self._mosaic: tuple[Pixels, tuple[str, ...]] = np.empty(0), ()

    def of(self, frame: Frame, compressed: CompressedFrames, scratch: direct.Scratch) -> tuple[Pixels, tuple[str, ...]]:
        """As `_decode_frame`."""
        if not frame.header.is_tile:
            return _decode_frame(frame, compressed.stream(frame, scratch.of))
        if frame.header.file != self._file:
            whole = find_whole_image(frame)
            self._file, self._mosaic = frame.header.file, _decode_frame(whole, compressed.stream(whole, scratch.of))
        words, beliefs = self._mosaic
        return cut_tile(words, frame), beliefs


def _decode_frame(frame: Frame, data: bytes) -> tuple[Pixels, tuple[str, ...]]:
    """The stored words of one compressed frame, colour as red, green and blue.

    And what was believed where stream and header do not agree, each the end of a sentence for a warning.
    """
    header = frame.header
    shape = (header.rows, header.columns, header.samples)
    size = check_size(frame, data)
    beliefs: list[str | None] = []
    ybr = header.photometric_interpretation in ("YBR_FULL", "YBR_FULL_422")
    if size is None:
        pixels = _decode_words(frame, data)
    else:
        ybr, belief = _find_coded_colour(header, size, data)
        beliefs += [_compare_coding(header, size), belief]
        pixels = _decode_image(frame, data, size, ybr)
    if pixels.size != np.prod(shape):
        raise _make_decoding_error(frame, f"{pixels.shape} pixels were decoded, the header says {shape}")
    if size is not None and header.samples == 1:
        pixels, belief = _apply_declared_sign(frame, size, pixels)
        beliefs.append(belief)
    words = _convert_words(frame, pixels.reshape(shape if header.samples > 1 else shape[:2]))
    if header.bits_allocated == 1 and words.max() > 1:
        raise _make_decoding_error(frame, f"its pixels of one bit go up to {words.max()}")
    if size is not None:
        words, belief = _fit_bits(frame, size, words)
        beliefs.append(belief)
    if ybr and not _converts_colour(header, size):
        words = colour.convert_ybr_full(words)
    elif header.photometric_interpretation == colour.PALETTE:
        words = colour.read_palette(header).colours(rescale.mask_words(words, header))
    return words, tuple(filter(None, beliefs))


def _compare_coding(header: Header, size: CodestreamSize) -> str | None:
    """Say what a stream is, where its transfer syntax says otherwise."""
    if size.coding == _CODINGS[header.transfer_syntax]:
        return None
    return f"are {size.coding.value}, their headers say {name_syntax(header.transfer_syntax)}: the streams are believed"


def _converts_colour(header: Header, size: CodestreamSize | None) -> bool:
    """Tell whether the decoder makes red, green and blue of luminance and chrominance."""
    return size is not None and (size.coding is Coding.JPEG or header.transfer_syntax == JPEG_XL_RECOMPRESSED_JPEG)


def _find_coded_colour(header: Header, size: CodestreamSize, data: bytes) -> tuple[bool, str | None]:
    """Tell whether luminance and chrominance are coded, and what was believed: the stream, where it states it."""
    ybr = header.photometric_interpretation in ("YBR_FULL", "YBR_FULL_422")
    if header.samples != 3 or header.bits_allocated != 8 or size.coding not in _STATES_COLOUR:
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
    if not resigned or size.bits is None or size.coding in (Coding.JPEG, Coding.JPEG_LOSSLESS):
        return pixels, None
    if size.signed:
        if pixels.min() < 0:
            raise _make_decoding_error(
                frame, f"its stream is signed and goes down to {pixels.min()}, its header says unsigned"
            )
        return pixels, None
    high = int(pixels.max())
    if high < 1 << size.bits - 1:
        return pixels, None
    if size.bits < header.bits_stored:
        raise _make_decoding_error(
            frame,
            f"its stream has {size.bits} unsigned bits, its header {header.bits_stored} signed ones: values from "
            f"{1 << size.bits - 1} to {high} may be negative or not",
        )
    # As pydicom and GDCM do: the stream's bits are the stored word, its highest one the sign.
    spare = pixels.dtype.itemsize * 8 - size.bits
    pixels = (pixels.view(f"i{pixels.dtype.itemsize}") << spare) >> spare
    if size.signed is None:  # JPEG-LS has no sign to state
        return pixels, None
    return pixels, "are unsigned, their headers say signed: the highest bit is taken for the sign"


def _fit_bits(frame: Frame, size: CodestreamSize, words: Pixels) -> tuple[Pixels, str | None]:
    """As `stored_bits.fit_bits`, with an error that names the frame."""
    try:
        return stored_bits.fit_bits(frame.header, size, words)
    except stored_bits.BeyondBitsStored as error:
        raise _make_decoding_error(frame, str(error)) from error


def check_size(frame: Frame, data: bytes) -> CodestreamSize | None:
    """Say what the stream of a compressed frame declares; None where its kind declares nothing.

    Raises
    ------
    CorruptFileError
        It is cut short, or declares another image than the header: better known before anything is decoded.
    """
    header = frame.header
    if header.transfer_syntax in STORED_WORDS:
        if header.transfer_syntax == RLE_LOSSLESS and not is_sound_rle(header, data):
            raise _make_frame_error(frame, "its RLE header does not describe its segments")
        return None
    try:
        size = read_codestream_size(data)
    except ValueError as error:
        raise _make_frame_error(frame, str(error)) from error
    if size is None:
        raise _make_frame_error(frame, f"its compressed stream begins with {data[:4].hex()}, which is no image")
    if size.coding is not Coding.JPEG_XL and not has_end(strip_boxes(data)):
        # JPEG decoders make up what is missing; the end of image marker tells a whole stream.
        raise _make_frame_error(frame, "its compressed stream has no end: it is truncated")
    if (size.rows, size.columns) != (header.rows, header.columns) or size.components not in (None, header.samples):
        raise _make_frame_error(
            frame,
            f"its compressed stream holds {size.rows} × {size.columns} × {size.components}, its header says "
            f"{header.rows} × {header.columns} × {header.samples}",
        )
    if size.bits is not None and size.bits > max(header.bits_allocated, 8):  # of pixels of one bit: what they may hold
        raise _make_frame_error(frame, f"its compressed stream has {size.bits} bits in {header.bits_allocated}")
    return size


def _decode_image(frame: Frame, data: bytes, size: CodestreamSize, ybr: bool) -> Pixels:
    """The pixels of a JPEG, JPEG-LS, JPEG 2000 or JPEG XL stream."""
    decode = _choose_decoder(frame.header, size.coding, ybr)
    try:
        if size.coding in (Coding.JPEG, Coding.JPEG_LOSSLESS):
            return decode_whole(data, decode)
        if size.coding is not Coding.JPEG_2000:
            return decode(data)
        codestream = strip_boxes(data)
        pixels = decode(codestream)
        stray = find_stray_marker(codestream)
        if stray is not None:
            raise ValueError(f"its coded data is damaged: it holds the marker {stray.hex()}")
        return pixels
    except _DECODER_ERRORS as error:
        # No other decoder is asked: those of pydicom make up pixels for most of the damage that is refused here.
        raise _make_decoding_error(frame, take_first_line(error)) from error


def _choose_decoder(header: Header, coding: Coding, ybr: bool) -> Callable[[bytes], Pixels]:
    """The function of imagecodecs for a stream."""
    import imagecodecs

    if coding in (Coding.JPEG, Coding.JPEG_LOSSLESS):
        if header.samples == 1:
            return imagecodecs.jpeg8_decode
        coded = "YCBCR" if ybr and coding is Coding.JPEG else "RGB"
        return partial(imagecodecs.jpeg8_decode, colorspace=coded, outcolorspace="RGB")
    if coding is Coding.JPEG_LS:
        return imagecodecs.jpegls_decode
    if coding is Coding.JPEG_2000:
        # OpenJPEG for HTJ2K too: damaged streams make the decoder of imagecodecs.htj2k_decode crash or hang.
        return partial(imagecodecs.jpeg2k_decode, numthreads=1)
    return partial(imagecodecs.jpegxl_decode, numthreads=1)


def _decode_words(frame: Frame, data: bytes) -> Pixels:
    """The pixels of a stream that holds the words of the image."""
    try:
        return decode_words(frame.header, data)
    except _DECODER_ERRORS as error:
        raise _make_decoding_error(frame, take_first_line(error)) from error


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
