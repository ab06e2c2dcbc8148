"""One module a reader, behind one protocol, and the choice between them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, cast

from .._util.log import logger
from ..errors import CompressedPixelDataError, UnsupportedPixelDataError
from ..errors.remedies import Install, SetOption, Step
from ..headers.attributes import PIXEL_DATA
from ..headers.objects.mosaic import MOSAIC
from ..headers.sop_classes import WHOLE_SLIDE
from ..headers.transfer_syntaxes import NATIVE_SYNTAXES, name_syntax
from . import codec as _codec
from . import direct as _direct
from . import pydicom as _pydicom
from . import vtk as _vtk
from .colour import PALETTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..headers.model import Frame, Header
    from .dtype import Conversion
    from .protocol import Reader

# The fastest first.
READERS: tuple[Reader, ...] = (
    cast("Reader", _direct),
    cast("Reader", _codec),
    cast("Reader", _vtk),
    cast("Reader", _pydicom),
)

_NATIVE_COLOURS = frozenset(("RGB", "YBR_FULL", "YBR_FULL_422"))


def choose(engine: str, frames: Sequence[Frame], conversion: Conversion) -> Reader:
    """The reader that `engine` names, or for ``"auto"`` the fastest one that is right for all frames.

    Raises
    ------
    UnsupportedPixelDataError
        No reader is right, or the one that was named is not; the message holds its reason.
    """
    if engine == "auto":
        reasons = {}
        for reader in READERS:
            reason = reader.refusal(frames, conversion)
            if reason is None:
                logger.debug("%s reads %d frames as %s", reader.NAME, len(frames), conversion.dtype)
                return reader
            logger.debug("%s is not the reader: %s", reader.NAME, reason)
            reasons[reader.NAME] = reason
        raise _make_no_reader_error(frames, reasons)
    reader = find_reader(engine)
    reason = reader.refusal(frames, conversion)
    if reason is not None:
        for frame in frames:
            frame.header.file.check_unchanged()
        raise UnsupportedPixelDataError(
            f"the reader {engine!r} cannot read this: {reason}", remedies=[SetOption("engine", ("auto",))]
        )
    return reader


def find_reader(name: str) -> Reader:
    """Find a reader by its name."""
    return next(reader for reader in READERS if name == reader.NAME)


def _make_no_reader_error(frames: Sequence[Frame], reasons: dict[str, str]) -> UnsupportedPixelDataError:
    """The error where every reader refuses, with what was tried and the command that may help."""
    tried = "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if name in ("codec", "pydicom"))
    coded = next((f.header for f in frames if f.header.encapsulated), None)
    if coded is None:
        return UnsupportedPixelDataError(f"no reader is right for these files: {tried}", files=[frames[0].path])
    plugins = _pydicom.suggest_plugins(coded.transfer_syntax)
    return CompressedPixelDataError(
        f"{name_syntax(coded.transfer_syntax)} ({coded.transfer_syntax}) cannot be decoded here (vtkDICOMImageReader "
        f"gives zeros). Tried {tried}",
        files=[coded.path],
        remedies=[Install(plugins) if plugins else Step.EXPORT_UNCOMPRESSED],
    )


def check_supported(frames: Sequence[Frame], *, uniform: bool = False) -> None:
    """Refuse what no reader reads; of a file that was not fetched yet, that is not known.

    Parameters
    ----------
    frames : sequence of Frame
        Those of a volume.
    uniform : bool
        Whether what holds for one of them holds for all.

    Raises
    ------
    CompressedPixelDataError
        A transfer syntax that has no decoder, or is not known.
    UnsupportedPixelDataError
        Odd bit depths, colour spaces, Siemens mosaics.
    """
    for header in {id(f.header): f.header for f in (frames[:1] if uniform else frames)}.values():
        if header.file.is_described:
            continue
        if header.transfer_syntax not in (_codec.SYNTAXES if header.encapsulated else NATIVE_SYNTAXES):
            raise _make_undecodable_error(
                header, sum(f.header.transfer_syntax == header.transfer_syntax for f in frames)
            )
        unread = explain_unsupported(header)
        if unread:
            name = os.path.basename(header.path)
            raise UnsupportedPixelDataError(
                f"{unread} is not read ({name})", files=[header.path], encoding=unread.encoding
            )


def _make_undecodable_error(header: Header, count: int) -> CompressedPixelDataError:
    name, uid = name_syntax(header.transfer_syntax), header.transfer_syntax
    how = f"in the unknown transfer syntax {uid}" if name == uid else f"compressed as {name} ({uid})"
    return CompressedPixelDataError(
        f"{count} frame{'s' * (count != 1)} {how}, which neither imagecodecs nor pydicom decodes (vtkDICOMImageReader "
        f"gives zeros): {os.path.basename(header.path)}",
        files=[header.path],
        remedies=[Step.EXPORT_UNCOMPRESSED],
    )


class Unread(NamedTuple):
    """A pixel encoding that is not read."""

    encoding: str  # in a few words
    more: str = ""  # what else is to say of it

    def __str__(self) -> str:
        return self.encoding + self.more


def explain_unsupported(h: Header) -> Unread | None:
    """Say what of a file's pixel encoding is not read; None where it is."""
    if MOSAIC in h.image_type and not h.is_tile:
        more = " (many slices tiled in one image) whose header does not say where its slices lie"
        return Unread("a Siemens mosaic", more)
    if h.vframes:
        more = " (many slices tiled in one image, VFRAME) whose header does not say where its slices lie"
        return Unread("a tiled image of United Imaging", more)
    if _holds_tiles(h):
        return Unread("a stack of tiles of a whole slide image")
    if h.bits_allocated not in (1, 8, 16, 32, 64):
        return Unread(f"BitsAllocated {h.bits_allocated}")
    if h.bits_allocated == 64 and h.pixel_tag == PIXEL_DATA:
        return Unread("64-bit integer pixel data")
    if h.high_bit != h.bits_stored - 1:
        return Unread(f"HighBit {h.high_bit} with BitsStored {h.bits_stored}")
    if h.samples == 1 and h.photometric_interpretation in ("MONOCHROME1", "MONOCHROME2"):
        return None
    if h.pixel_representation or h.bits_allocated not in (8, 16) or not _is_read_colour(h):
        return Unread(f"{h.photometric_interpretation} with {h.samples} samples of {h.bits_allocated} bits")
    return None


def _holds_tiles(h: Header) -> bool:
    """Tell whether the frames are parts of a larger picture, as of a slide (PS3.3 C.7.6.17.3, C.8.12.4.1.1)."""
    total = h.total_rows, h.total_columns
    whole = total == (h.rows, h.columns)
    if h.sop_class_uid == WHOLE_SLIDE or (h.dimension_organization or "").startswith("TILED"):
        return not (whole and h.number_of_frames == 1)
    # Segmentations and maps of slides need not say how their frames are organized.
    return not whole and h.position is None and (h.on_slide or None not in total)


def _is_read_colour(h: Header) -> bool:
    if h.samples == 1:
        return h.photometric_interpretation == PALETTE and h.palette_bits is not None
    spaces = _codec.colour_spaces(h.transfer_syntax) if h.encapsulated else _NATIVE_COLOURS
    deep = h.bits_allocated > 8 and h.photometric_interpretation == "YBR_FULL"  # its transform is of 8 bits
    return h.samples == 3 and h.photometric_interpretation in spaces and not deep
