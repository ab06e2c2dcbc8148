"""Attributes that no `Header` holds, of all frames of a series: which there are, and what each may be used for."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..errors import CorruptFileError
from ..headers.attributes import SEQUENCES
from ..headers.comparing import Comparison, compare_headers
from ..headers.data_set import find_keyword
from ..headers.preamble import NotDicomError
from ..headers.raw_values import find_vr, list_sequences, read_raw_values, spell_value
from ..sources.file import BegunHandle, begin_many
from ..sources.holding import hold_each
from .series_data import Label, Rank
from .split_pieces import Piece
from .tolerances import SETTING_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..headers.model import Frame, Header
    from ..headers.raw_values import Path, RawValue, RawValues
    from ..sources.file import Handle
    from .split_attributes import Indices
    from .split_pieces import PlacedFrames

_ENTERED = frozenset(SEQUENCES)  # without asking pydicom, which takes long to import
_HELD_BYTES = 32 << 20  # of files that are read whole for their headers, at a time
_DECIMALS = ("DS", "FD", "FL")
_TEXTS = ("AT", "LO", "LT", "PN", "SH", "SQ", "ST", "UC", "UN", "UR", "UT")
_STAND_BACK_VRS = ("AE", "AS", "DA", "DT", "TM", "UI")
_PATIENT = 0x0010  # the group of what identifies the patient
# Where a frame lies, which no volume has one of.
_OF_FRAME = ("DimensionIndexValues", "InStackPositionNumber", "ImagePositionPatient", "ImagePositionVolume")
_PIXEL_EXTREMES = (
    *("SmallestImagePixelValue", "LargestImagePixelValue", "SmallestPixelValueInSeries"),
    "LargestPixelValueInSeries",
)
# Follow from the pixels, or say how to show them.
_STAND_BACK = frozenset(
    (
        *("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "RescaleIntercept", "RescaleSlope"),
        *("PixelPaddingValue", "PixelPaddingRangeLimit", "BitsStored", "HighBit", *_PIXEL_EXTREMES),
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
# How slices of one volume were measured, or counted: odd and even ones may differ in it.
_MEASURED = frozenset(
    (
        *("AcquisitionDuration", "AcquisitionNumber", "ActualCardiacTriggerDelayTime", "ActualFrameDuration"),
        *("DeadTimeFactor", "DecayFactor", "DoseCalibrationFactor", "FrameAcquisitionDuration", "HeartRate"),
        *("FrameAcquisitionNumber", "FrameReferenceTime", "HighRRValue", "ImageType", "ImagingFrequency"),
        *("IntervalsAcquired", "IntervalsRejected", "InversionTime", "InversionTimes", "LowRRValue"),
        *("NominalCardiacTriggerDelayTime", "NominalInterval", "RotationDirection", "SAR", "ScatterFractionFactor"),
        *("SliceSensitivityFactor", "TriggerTime", "dBdt"),
    )
)


class Column(NamedTuple):
    """The values of an attribute in all frames that have it, in words."""

    tag: int
    name: str
    vr: str
    values: dict[int, str]

    @property
    def stands_back(self) -> bool:
        """Tell whether it is believed only where nothing else tells volumes apart."""
        return self.vr in _STAND_BACK_VRS or self.follows_from_pixels or self._identifies

    @property
    def is_hidden(self) -> bool:
        """Tell whether its values are counted, never shown."""
        return self.vr in (*_TEXTS, *_STAND_BACK_VRS) or self._identifies

    @property
    def divides_alternate(self) -> bool:
        """Tell whether its values divide slices that alternate in them, as the odd and even ones of a volume would."""
        is_private = self.tag >> 16 & 1
        is_measured = self.name in _MEASURED or self.vr in _STAND_BACK_VRS
        return not (is_private or is_measured or self.follows_from_pixels)

    @property
    def follows_from_pixels(self) -> bool:
        """Tell whether it says no more than the pixels do, or how to show them."""
        return self.name in _STAND_BACK

    @property
    def is_one_setting(self) -> bool:
        """Tell whether its values are one setting that is written in other digits."""
        try:
            numbers = [float(value) for value in set(self.values.values()) if self.vr in _DECIMALS]
        except ValueError:
            return False
        return len(numbers) > 1 and max(numbers) - min(numbers) <= SETTING_TOLERANCE * max(map(abs, numbers))

    @property
    def may_agree_by_chance(self) -> bool:
        """Tell whether it has few values, which may be those of other volumes by chance."""
        return self.name in _PIXEL_EXTREMES

    @property
    def _identifies(self) -> bool:
        return self.name in _IDENTIFYING or self.tag >> 16 == _PATIENT or self.vr == "PN"

    def list_values(self, members: Sequence[int]) -> list[str | None]:
        """List the value of each of some frames."""
        return [self.values.get(k) for k in members]

    def list_parts(self, members: Indices) -> list[Indices]:
        """List the frames that have each value, or none."""
        parts: dict[str, list[int]] = defaultdict(list)
        for k in members.tolist():
            parts[self.values.get(k, "")].append(k)
        return [np.array(part) for part in parts.values()]


def read_columns(frames: PlacedFrames, most: int) -> list[Column]:
    """Read all attributes of which frames have 2 to `most` values; none where a file cannot be read."""
    values: dict[Path, dict[int, RawValue]] = defaultdict(dict)
    known: dict[RawValue, RawValue] = {}  # equal ones once
    try:
        for k, of_frame in _read_each(frames.frames, frames.members.tolist(), list_sequences()):
            for path, value in of_frame.items():
                values[path][k] = known.setdefault(value, value)
    except (CorruptFileError, NotDicomError, OSError):
        return []
    columns = (_spell_column(path, column) for path, column in values.items() if len(set(column.values())) <= most)
    return [c for c in columns if c.name not in _OF_FRAME and 2 <= _count_values(c, len(frames.members)) <= most]


def _spell_column(path: Path, values: dict[int, RawValue]) -> Column:
    tag = path[-1]
    name = find_keyword(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
    vr = find_vr(path, next(iter(values.values())))
    spelt = {value: spell_value(value, vr) for value in set(values.values())}
    return Column(tag, name, vr, {k: spelt[value] for k, value in values.items()})


def _count_values(column: Column, count: int) -> int:
    """Count the values of so many frames; none is one."""
    return len(set(column.values.values())) + (len(column.values) < count)


def compare_frames(frames: Sequence[Frame], members: Sequence[int]) -> Comparison:
    """Compare the headers of some frames as they are written, whatever their elements are.

    Sequences of defined length are one value each. Errors as `read_raw_values`.
    """
    headers = [frames[k].header for k in members]
    if len({header.path for header in headers}) == len(headers):
        compared = compare_headers(headers, _ENTERED)
        if compared is not None:
            return compared
    elif not headers[0].functional_groups:
        return _compare_values([], len(members))  # tiles or frames that nothing tells apart
    read = dict(_read_each(frames, members, _ENTERED))
    columns = [[read[k].get(path) for k in members] for path in set().union(*read.values())]
    return _compare_values([column for column in columns if column.count(column[0]) < len(column)], len(members))


def _compare_values(columns: Sequence[Sequence[object]], count: int) -> Comparison:
    differs = [[value != column[0] for value in column] for column in columns]
    return Comparison(np.array(differs, np.bool_).reshape(len(columns), count).T, columns.__getitem__)


def _read_each(
    frames: Sequence[Frame], members: Sequence[int], enter: frozenset[int]
) -> Iterator[tuple[int, RawValues]]:
    """Read the values of each of some frames, file by file, in any order; errors as `read_raw_values`."""
    of_file: dict[str, list[int]] = defaultdict(list)
    for k in members:
        of_file[frames[k].path].append(k)
    groups = list(of_file.values())
    for row, handle in _open_each([frames[group[0]].header for group in groups]):
        header = frames[groups[row][0]].header
        indices = [frames[k].index_in_file for k in groups[row]]
        with handle:
            values = read_raw_values(header, indices, handle=handle, enter=enter)
        yield from zip(groups[row], values, strict=True)


def _open_each(headers: Sequence[Header]) -> Iterator[tuple[int, Handle]]:
    """Open the file of each header, and give it with its row, in any order; what is fetched, many at a time."""
    away, whole = [], []
    for row, header in enumerate(headers):
        if not header.file.has_beginning:
            whole.append(row)
        elif header.file.is_remote:
            away.append(row)
        else:
            yield row, header.file.open()
    longest = max((headers[row].pixel_offset for row in away), default=0)
    at_once = max(1, _HELD_BYTES // max(longest, 1))
    for start in range(0, len(away), at_once):
        rows = away[start : start + at_once]
        for row, begun in zip(rows, begin_many([headers[row].file for row in rows], longest), strict=True):
            if not isinstance(begun, BegunHandle):
                raise begun
            yield row, begun
    for place, _, held, error in hold_each([headers[row].file for row in whole], _HELD_BYTES):
        if error is not None:
            raise error
        yield whole[place], held.open()


def divide_by_column(frames: PlacedFrames, column: Column) -> list[Piece]:
    """Make a piece of every value, the first acquired first; what may identify a person is counted, never shown."""
    members: dict[str, list[int]] = defaultdict(list)
    for k in sorted(frames.members.tolist(), key=frames.number.codes.__getitem__):
        members[column.values.get(k, "")].append(k)
    shown = [Rank(k + 1, len(members)) if column.is_hidden else value or None for k, value in enumerate(members)]
    return [
        Piece((Label(column.name, word),), np.array(sorted(group)))
        for word, group in zip(shown, members.values(), strict=True)
    ]
