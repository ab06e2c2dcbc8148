"""Whatever else the headers say that may tell volumes apart, where nothing that is known does."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..errors import DicomLoadError
from ..headers.data_set import UnusableAttribute, open_data_set
from .series_data import Label, Rank
from .split_pieces import Piece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..headers.model import Frame
    from .split_attributes import Indices
    from .split_pieces import PlacedFrames

_MOST_FILES = 4096  # that pydicom is asked to read
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


class HeaderDivision(NamedTuple):
    """A division by the headers, or two attributes that contradict each other."""

    pieces: list[Piece] | None
    contradiction: tuple[str, ...] = ()  # the two attributes that would divide in different ways


class _Column(NamedTuple):
    """The values of an attribute in all files that have it, in words."""

    name: str
    vr: str
    values: dict[int, str]


def divide_by_header(frames: PlacedFrames) -> HeaderDivision:
    """Divide by any attribute that has the same values at every place, each once; all that do have to agree.

    UIDs, dates, times, what follows from the pixels and what identifies a person stand back until nothing else does.
    Only single-frame files that are no copies are read.
    """
    counts = frames.count_in_places()
    members = [frames.frames[k] for k in frames.members.tolist()]
    if len(counts) < 2 or counts.min() < counts.max() or len(members) > _MOST_FILES:
        return HeaderDivision(None)
    if not _are_files_of_their_own(members):
        return HeaderDivision(None)
    grid = frames.members[np.argsort(frames.places[frames.members], kind="stable")].reshape(-1, int(counts.max()))
    candidates = _list_candidates(frames, grid)
    for backward in (False, True):
        found = [c for c in candidates if _stands_back(c) is backward]
        if found:
            return _divide_by_agreement(frames, found)
    return HeaderDivision(None)


def _are_files_of_their_own(frames: Sequence[Frame]) -> bool:
    uids = {f.header.sop_instance_uid for f in frames}
    return len(uids) == len(frames) and all(f.header.number_of_frames == 1 for f in frames)


def divide_by_grids(frames: PlacedFrames, grids: Sequence[Indices]) -> list[Piece] | None:
    """Divide frames on several grids between each other by an attribute that has one value on each, another on every.

    UIDs, dates and what else stands back is asked last.
    """
    if len(frames.members) > _MOST_FILES or not _are_files_of_their_own([frames.frames[k] for k in frames.members]):
        return None
    for column in sorted(_read_columns(frames), key=_stands_back):
        values = [{column.values.get(k, "") for k in grid.tolist()} for grid in grids]
        if all(len(v) == 1 for v in values) and len(set.union(*values)) == len(grids):
            return _make_pieces(frames, column)
    return None


def _list_candidates(frames: PlacedFrames, grid: Indices) -> list[_Column]:
    """List the attributes that tell the frames of each place apart, alike at all places."""
    found = []
    for column in _read_columns(frames):
        places = [[column.values.get(k, "") for k in place] for place in grid.tolist()]
        values = set(places[0])
        if len(values) == grid.shape[1] and all(set(place) == values for place in places):
            found.append(column)
    return found


def _read_columns(frames: PlacedFrames) -> list[_Column]:
    """Read all plain attributes of the files; none where one cannot be read."""
    columns: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for k in frames.members.tolist():
        try:
            with open_data_set(frames.frames[k].header.file) as attributes:
                for tag, name, vr, value in attributes.list_plain():
                    if tag >> 16 not in (_FILE, _PIXELS):
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
