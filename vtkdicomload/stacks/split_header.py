"""Whatever else the headers say that may tell volumes apart, where nothing that is known does."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import DicomLoadError
from ..headers.data_set import UnusableAttribute, open_data_set
from .series_data import Label, Rank
from .split_pieces import Piece
from .split_places import LEAST, Evenness, follow_each_other, judge_evenness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .split_attributes import Indices
    from .split_pieces import PlacedFrames

_MOST_FILES = 4096  # that pydicom is asked to read
_MOST_UNEVEN = 512  # where most likely it is asked for nothing
_TEXTS = ("LO", "LT", "PN", "SH", "ST", "UC", "UN", "UR", "UT")
_NUMBERS = ("DS", "FD", "FL", "IS", "SL", "SS", "UL", "US")
_STAND_BACK_VRS = ("AE", "AS", "DA", "DT", "PN", "TM", "UI")
_PATIENT = 0x0010  # the group of what identifies the patient
_FILE, _PIXELS = 0x0002, 0x7FE0
# Follow from the pixels, or say how to show them.
_STAND_BACK = frozenset(
    (
        *("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "RescaleIntercept", "RescaleSlope"),
        *("SmallestImagePixelValue", "LargestImagePixelValue", "SmallestPixelValueInSeries"),
        *("LargestPixelValueInSeries", "PixelPaddingValue", "BitsStored", "HighBit"),
    )
)
# PS3.15 table E.1-1, as far as its VRs do not say it.
_IDENTIFYING = frozenset(
    (
        *("AccessionNumber", "AcquisitionComments", "AcquisitionDeviceProcessingDescription", "AdmissionID"),
        *("CassetteID", "CurrentPatientLocation", "DerivationDescription", "DetectorID", "DeviceDescription"),
        *("DeviceSerialNumber", "FillerOrderNumberImagingServiceRequest", "FrameComments", "GantryID"),
        *("GeneratorID", "ImageComments", "ImagePresentationComments", "InstitutionAddress", "InstitutionName"),
        *("InstitutionalDepartmentName", "IssuerOfAdmissionID", "LensMake", "PatientInstitutionResidence"),
        *("PerformedLocation", "PerformedProcedureStepDescription", "PerformedProcedureStepID"),
        *("PerformedStationName", "PlacerOrderNumberImagingServiceRequest", "PlateID", "ProtocolName"),
        *("RequestedProcedureComments", "RequestedProcedureDescription", "RequestedProcedureID"),
        *("RequestedProcedureLocation", "ScheduledProcedureStepDescription", "ScheduledProcedureStepID"),
        *("SeriesDescription", "StationName", "StudyDescription", "StudyID", "StudyComments", "TextComments"),
        *("TextString", "UniqueDeviceIdentifier"),
    )
)


_GROUPS = "PerFrameFunctionalGroupsSequence"
_OF_FRAME = ("DimensionIndexValues", "InStackPositionNumber", "ImagePositionPatient", "ImagePositionVolume")


class HeaderDivision(NamedTuple):
    """A division by the headers, or two attributes that contradict each other."""

    pieces: list[Piece] | None
    contradiction: tuple[str, ...] = ()  # the attributes that say that there are several, and not which


class _Column(NamedTuple):
    """The values of an attribute in all files that have it, in words."""

    name: str
    vr: str
    values: dict[int, str]


def divide_by_header(frames: PlacedFrames) -> HeaderDivision:
    """Divide frames that share places by any attribute whose values are whole volumes or slabs; all that are agree.

    UIDs, dates, times, what follows from the pixels and what identifies a person stand back until nothing else does.
    Of multi-frame files the functional groups of each frame are read. An attribute that tells the frames of each place
    apart, with more values than frames lie there, says that slices are lost.
    """
    if len(frames.count_in_places()) < 2 or not _may_be_read(frames):
        return HeaderDivision(None)
    columns = _read_columns(frames)
    for fits in (_are_volumes, _are_slabs):
        for backward in (False, True):
            found = [c for c in columns if _stands_back(c) is backward and fits(frames, c)]
            if found:
                return _divide_by_agreement(frames, found)
    lossy = [c for c in columns if c.name not in _STAND_BACK and _are_fragments(frames, c)]
    return HeaderDivision(None, tuple(c.name for c in sorted(lossy, key=_stands_back)[:1]))


def _may_be_read(frames: PlacedFrames) -> bool:
    if len(frames.members) > _MOST_FILES:
        return False
    members = [frames.frames[k] for k in frames.members.tolist()]
    files = {f.path: f.header for f in members}
    uids = {header.sop_instance_uid for header in files.values()}
    return len(uids) == len(files) and all(h.number_of_frames == 1 or h.functional_groups for h in files.values())


def divide_uneven_by_header(frames: PlacedFrames) -> HeaderDivision:
    """Divide uneven frames at places of their own by an attribute each value of which lies evenly.

    UIDs, dates and what else stands back is asked last, the fewest parts first.
    """
    if len(frames.members) > _MOST_UNEVEN or not _may_be_read(frames):
        return HeaderDivision(None)
    doubtful = []
    for column in sorted(_read_columns(frames), key=lambda c: (_stands_back(c), len(set(c.values.values())))):
        parts = _list_parts(frames, column)
        if not 1 < len(parts) <= len(frames.members) // LEAST or min(map(len, parts)) < LEAST:
            continue
        even = [len(part) for part in parts if judge_evenness(frames.along[part]) is Evenness.EVEN]
        apart = follow_each_other([frames.along[part] for part in parts])
        if len(even) == len(parts) and (not apart or len(parts) ** 2 <= LEAST * len(frames.members)):
            return HeaderDivision(_make_pieces(frames, column))
        # One is even in spite of the others, and no chance few: they may lack slices.
        if not apart and max(even, default=0) * len(parts) >= len(frames.members) and column.name not in _STAND_BACK:
            doubtful.append(column.name)
    return HeaderDivision(None, tuple(doubtful[:1]))


def _list_parts(frames: PlacedFrames, column: _Column) -> list[Indices]:
    """List the frames that have each value of an attribute, or none."""
    parts: dict[str, list[int]] = defaultdict(list)
    for k in frames.members.tolist():
        parts[column.values.get(k, "")].append(k)
    return [np.array(part) for part in parts.values()]


def _are_volumes(frames: PlacedFrames, column: _Column) -> bool:
    """Tell whether an attribute has as many values as frames lie in the fullest place, each once at every place.

    Where a volume lacks places, another has them all, and what follows from the pixels is no proof.
    """
    counts, parts = frames.count_in_places(), _list_parts(frames, column)
    if len(parts) != counts.max() or not all(map(frames.shares_no_place, parts)):
        return False
    sizes = [len(part) for part in parts]
    return min(sizes) == len(counts) or (
        max(sizes) == len(counts) and min(sizes) > 1 and column.name not in _STAND_BACK
    )


def _are_slabs(frames: PlacedFrames, column: _Column) -> bool:
    """Tell whether each value of an attribute lies evenly, in ranges that overlap by less than half."""
    parts = _list_parts(frames, column)
    if not 1 < len(parts) <= len(frames.members) // LEAST or len(parts) ** 2 > LEAST * len(frames.members):
        return False
    along = [frames.along[part] for part in parts]
    return (
        all(map(frames.shares_no_place, parts))
        and all(judge_evenness(part) is Evenness.EVEN for part in along)
        and follow_each_other(along)
    )


def _are_fragments(frames: PlacedFrames, column: _Column) -> bool:
    """Tell whether an attribute has some values more than frames lie in a place, each of them at several places."""
    parts, fullest = _list_parts(frames, column), int(frames.count_in_places().max())
    few = fullest < len(parts) <= 2 * fullest and min(map(len, parts)) > 1
    return few and all(map(frames.shares_no_place, parts))


def _read_columns(frames: PlacedFrames) -> list[_Column]:
    """Read all plain attributes of the frames; none where a file cannot be read."""
    columns: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    of_file: dict[str, list[int]] = defaultdict(list)
    for k in frames.members.tolist():
        of_file[frames.frames[k].path].append(k)
    for members in of_file.values():
        header = frames.frames[members[0]].header
        try:
            with open_data_set(header.file) as attributes:
                groups = attributes.items(_GROUPS) if header.number_of_frames > 1 else []
                for k in members:
                    index = frames.frames[k].index_in_file
                    listed = groups[index].list_nested() if index < len(groups) else attributes.list_plain()
                    for tag, name, vr, value in listed:
                        if tag >> 16 not in (_FILE, _PIXELS) and name not in _OF_FRAME:
                            columns[name, vr][k] = _spell_value(value, vr)
        except (OSError, DicomLoadError, UnusableAttribute):
            return []
    return [_Column(name, vr, values) for (name, vr), values in columns.items()]


def _spell_value(value: object, vr: str) -> str:
    """Spell a value so that equal ones are spelt alike."""
    return "\\".join(_spell_one(v, vr) for v in (value if isinstance(value, tuple) else (value,)))


def _spell_one(value: Any, vr: str) -> str:
    try:
        return f"{float(value):.12g}" if vr in _NUMBERS else str(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)  # no number, whatever its VR says


def _stands_back(column: _Column) -> bool:
    return column.vr in _STAND_BACK_VRS or column.name in _STAND_BACK or _is_identifying(column)


def _is_identifying(column: _Column) -> bool:
    from pydicom.datadict import tag_for_keyword

    group = (tag_for_keyword(column.name) or 0) >> 16
    return column.name in _IDENTIFYING or group == _PATIENT


def _divide_by_agreement(frames: PlacedFrames, found: Sequence[_Column]) -> HeaderDivision:
    """Divide by the first candidate, if all the others make the same parts."""
    first, members = found[0], frames.members.tolist()
    values = [first.values.get(k, "") for k in members]
    for other in found[1:]:
        if len(set(zip(values, [other.values.get(k, "") for k in members], strict=True))) > len(set(values)):
            return HeaderDivision(None, (first.name, other.name))
    return HeaderDivision(_make_pieces(frames, first))


def _make_pieces(frames: PlacedFrames, column: _Column) -> list[Piece]:
    """Make a piece of every value, the first acquired first; what may identify a person is counted, never shown."""
    members: dict[str, list[int]] = defaultdict(list)
    for k in sorted(frames.members.tolist(), key=frames.number.codes.__getitem__):
        members[column.values.get(k, "")].append(k)
    hidden = column.vr in (*_TEXTS, *_STAND_BACK_VRS) or _is_identifying(column)
    shown = [Rank(k + 1, len(members)) if hidden else value or None for k, value in enumerate(members)]
    return [
        Piece((Label(column.name, word),), np.array(sorted(group)))
        for word, group in zip(shown, members.values(), strict=True)
    ]
