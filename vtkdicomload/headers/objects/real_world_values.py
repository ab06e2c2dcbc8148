"""Real-world values: what stored values stand for by RealWorldValueMappingSequence (PS3.3 C.7.6.16.2.11)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from ...errors import UnsupportedPixelDataError
from ...errors.remedies import SetOption
from ..data_set import UnusableAttribute, convert_numbers, open_data_set
from ..transfer_syntaxes import DEFLATED_LITTLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..data_set import Attributes
    from ..model import Frame, Header

UNSPECIFIED = "US"  # RescaleType (PS3.3 C.11.1.1.2)
HOUNSFIELD = ("HU", "[hnsf'U]")  # RescaleType and UCUM
_SEQUENCE = "RealWorldValueMappingSequence"
_TAGS = (b"\x40\x00\x96\x90", b"\x00\x40\x90\x96")  # of it in a file, in either byte order
REAL_WORLD = "real-world"  # the value of ``rescale=``, with ``:LABEL`` behind it where there are several
_WITHOUT = SetOption("rescale", (True, False))


class Mapping(NamedTuple):
    """One item of RealWorldValueMappingSequence: stored values times slope plus intercept."""

    label: str  # LUTLabel
    units: str  # CodeValue of MeasurementUnitsCodeSequence, of UCUM
    slope: float | None  # None where it is a lookup table
    intercept: float | None
    stored: tuple[float, float] | None  # the first and last stored value that it is for


def map_real_world(frames: Sequence[Frame], label: str = "") -> tuple[Frame, ...]:
    """The frames with a real-world mapping in the place of their modality transform.

    Parameters
    ----------
    frames : sequence of Frame
        Of any files.
    label : str
        LUTLabel or units of the mapping, where there are several.

    Raises
    ------
    UnsupportedPixelDataError
        A frame has no mapping, several and none was chosen, or only a lookup table.
    """
    files: dict[str, list[list[Mapping]]] = {}
    result = []
    for frame in frames:
        if frame.path not in files:
            files[frame.path] = _read_mappings(frame)
        mapping, slope, intercept = _choose_mapping(frame, files[frame.path][frame.index_in_file], label)
        # Slope and intercept of the header stay those of the file: that is how a reader that applies them itself knows.
        header = frame.header._replace(
            units=mapping.units,
            rescale_type=None,
            has_modality_lut=False,
            window_center=None,
            window_width=None,
            mapped_values=mapping.stored,
        )
        result.append(frame._replace(header=header, slope=slope, intercept=intercept))
    units = {frame.header.units: frame for frame in result}
    if len(units) > 1:
        raise UnsupportedPixelDataError(
            f"real-world values have different units: {', '.join(map(str, units))}",
            files=[frame.path for frame in units.values()],
            remedies=[_WITHOUT],
        )
    return tuple(result)


def check_hounsfield_units(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """The frames of an enhanced CT without a claim to Hounsfield units that their real-world mapping disputes.

    It does where it has other units for these values. They are stated where it is by the slope and intercept of the
    modality transform, and unspecified else.
    """
    first = frames[0]
    header = first.header
    claims = header.rescale_type in HOUNSFIELD or (header.modality == "CT" and not header.rescale_type)
    if not header.functional_groups or not claims or header.units or not _has_mapping(header):
        return frames
    try:
        mappings = _read_mappings(first)[first.index_in_file]
    except (UnsupportedPixelDataError, IndexError):
        return frames  # nobody asked for it
    units = {m.units for m in mappings if (m.slope, m.intercept) == (first.slope, first.intercept)}
    if not mappings or units & {*HOUNSFIELD}:
        return frames
    stated = units.pop() if len(units) == 1 else None
    return tuple(f._replace(header=f.header._replace(rescale_type=UNSPECIFIED, units=stated)) for f in frames)


def _has_mapping(header: Header) -> bool:
    """Tell whether a file may hold a real-world mapping, at the cost of a glance at the bytes before its pixels."""
    if header.transfer_syntax == DEFLATED_LITTLE:
        return True
    before = header.file.read_at(0, header.pixel_offset)
    return any(tag in before for tag in _TAGS)


def _read_mappings(frame: Frame) -> list[list[Mapping]]:
    """The mappings of every frame of a file: its own, those of all frames, or those of a single-frame image."""
    try:
        with open_data_set(frame.header.file) as attributes:
            shared = attributes.first("SharedFunctionalGroupsSequence")
            common = list(map(_read_mapping, (shared and shared.items(_SEQUENCE)) or attributes.items(_SEQUENCE)))
            each = attributes.items("PerFrameFunctionalGroupsSequence")
            if not each:
                return [common] * frame.header.number_of_frames
            return [list(map(_read_mapping, own.items(_SEQUENCE))) or common for own in each]
    except UnusableAttribute as error:
        raise _make_refusal(frame, f"its real-world value mapping cannot be used: {error}") from error


def _read_mapping(item: Attributes) -> Mapping:
    code = item.first("MeasurementUnitsCodeSequence")
    slope, intercept = (
        None if value is None else convert_numbers(keyword, value, 1)
        for keyword in ("RealWorldValueSlope", "RealWorldValueIntercept")
        for value in (item.get(keyword),)
    )
    units = (code and code.text("CodeValue")) or ""
    return Mapping(item.text("LUTLabel") or "", units, slope, intercept, _read_stored_ends(item))


def _read_stored_ends(item: Attributes) -> tuple[float, float] | None:
    """Say what RealWorldValueFirstValueMapped and LastValueMapped say, or those of float pixel data."""
    for kind in ("", "DoubleFloat"):
        ends = [item.get(f"{kind}RealWorldValue{end}ValueMapped") for end in ("First", "Last")]
        if None not in ends:
            first, last = (convert_numbers("RealWorldValueFirstValueMapped", end, 1) for end in ends)
            return first, last
    return None


def _choose_mapping(frame: Frame, mappings: list[Mapping], label: str) -> tuple[Mapping, float, float]:
    """The mapping of a frame that is asked for, with its slope and intercept."""
    if frame.header.photometric_interpretation not in ("MONOCHROME1", "MONOCHROME2"):
        raise _make_refusal(frame, "colours stand for no real-world values")
    if not mappings:
        raise _make_refusal(frame, "it has no RealWorldValueMappingSequence")
    fitting = [m for m in mappings if not label or label in (m.label, m.units)]
    if len(fitting) != 1:
        labels = [m.label or m.units for m in mappings]
        single = [name for name in labels if labels.count(name) == 1]
        raise _make_refusal(
            frame,
            f"{len(fitting)} of its {len(mappings)} real-world value mappings ({', '.join(map(repr, labels))}) fit"
            f"{f' {label!r}' if label else ''}",
            SetOption("rescale", (f"{REAL_WORLD}:{single[0]}",)) if single else _WITHOUT,
        )
    chosen = fitting[0]
    if chosen.slope is None or chosen.intercept is None:
        raise _make_refusal(
            frame, f"its real-world value mapping {chosen.label!r} is a lookup table, which is not read"
        )
    if chosen.slope == 0 or not chosen.units:
        raise _make_refusal(
            frame, "its RealWorldValueSlope is 0" if chosen.units else "its real-world values have no units"
        )
    return chosen, chosen.slope, chosen.intercept


def _make_refusal(frame: Frame, what: str, remedy: SetOption = _WITHOUT) -> UnsupportedPixelDataError:
    return UnsupportedPixelDataError(f"{os.path.basename(frame.path)}: {what}", files=[frame.path], remedies=[remedy])
