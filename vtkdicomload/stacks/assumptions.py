"""Assumptions about the frames of one volume: plain data, each with its sentence for a warning."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from .._util.wording import count_noun, name_files_of
from ..headers.diffusion import find_b_value
from .consistency import NUMBERS, describe_bits, name_files
from .series_data import Rank
from .split_attributes import Sort, rank_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..headers.model import Frame, Header
    from .findings import FindingKind
    from .series_data import SeriesData
    from .split_attributes import Attribute

T = TypeVar("T")


class AssumptionKind(Enum):
    """The kinds of assumption. The value is the sentence, with the facts that it needs in braces."""

    LIBERTY = "{files} of {all_files} files depart from the standard ({names}): {liberty}"

    IMAGER_PIXEL_SPACING = (
        "no PixelSpacing: ImagerPixelSpacing ({rows:g}\\{columns:g} mm, at the detector, without its magnification) is "
        "taken for it"
    )
    REGION_SPACING = "no PixelSpacing: that of the ultrasound regions ({rows:g}\\{columns:g} mm) is taken for it"
    ASPECT_RATIO = (
        "no PixelSpacing: pixels are {rows:g} times as high as wide by PixelAspectRatio, 1 mm is taken for their width"
    )
    UNIT_PIXEL_SPACING = "no PixelSpacing: 1 mm is taken for the distance of pixels"
    UNIT_THICKNESS = "one slice without SliceThickness: 1 mm is taken for it"
    SLICE_DISTANCE = "{mm:g} mm is taken for the distance of slices"

    NO_PLACE = "no {missing}: the volume has no place in the patient"
    UNUSABLE_ORIENTATION = "ImageOrientationPatient cannot be used ({fault}): the volume has no place in the patient"
    ROUNDED_COSINES = "the cosines of ImageOrientationPatient have not quite length 1: they are made unit vectors"

    FILE_ORDER = "no {missing}: frames are in file order"
    INSTANCE_ORDER = "no {missing}: slices are in the order of InstanceNumber, their direction is not known"
    NAME_ORDER = "no {missing}: slices are in natural order of the file names, their direction is not known"
    LOCATION_ORDER = (
        "no {missing}: SliceLocation gives the order and distance of the slices, its sense is not known: the volume "
        "has no place in the patient"
    )
    SEVERAL_IMAGES = "{images} images without a place in the patient, in {order}: they are no slices"
    NOT_MONOTONE = 'order="{order}" is not monotone in space: the volume has no affine'
    LEFT_HANDED = (
        'order="{order}" runs against the slice normal: the direction matrix is left-handed, and the GPU volume mapper '
        'of VTK draws nothing of it → order="position"'
    )

    NO_RESCALE = (
        "RescaleSlope or RescaleIntercept is missing or empty in {without} of {frames} frames ({names}): slope 1 and "
        "intercept 0 are taken for what is missing"
    )
    SHARED_UIDS = "{files} files have {uids} SOPInstanceUIDs among them: these are taken for untrue, not for copies"
    MIXED_BITS = "{respect} differ: {values}; each slice is read as its own file says"
    MIXED_VALUES = "{attribute} differs between the slices ({values} values): they are taken for one volume"
    INCOMPLETE = (
        "{missing} of {places} slices are missing that other stacks of this series have, the first at {place}: it ends "
        "before the others, or has a hole"
    )
    RANK_ALONE = "the volumes of this series are told apart by the order of {attribute} alone, nothing else says which"
    DAMAGED_BESIDE = "{files} in its folder may be of it or of another series there, which nothing says: {names}"
    EMPTY_MODALITY_LUT = "the modality LUT of {count} files is empty ({names}): slope and intercept are applied, if any"
    MODALITY_LUT_BITS = (
        "the modality LUT of {count} files holds more than the {bits} bits that it states ({names}): its entries are "
        "taken as they are"
    )
    ONE_SERIES = "no SeriesInstanceUID: {files} files are taken for one series"

    RESAMPLED = "irregular slices ({before}) were {how} ({after}): {change}"
    UNEVEN = (
        "the slices are not evenly spaced: the volume has no affine and makes no volume.image; geometry.positions says "
        "where they lie"
    )
    SHEARED = "the slices lean: the volume has a sheared affine, VTK filters that take spacing only will not see it"


@dataclass(frozen=True, slots=True)
class Assumption:
    """One thing that was taken for granted; `str` makes the sentence for a DicomLoadWarning.

    Attributes
    ----------
    kind : AssumptionKind or FindingKind
        What was assumed.
    facts : mapping of str to object
        The numbers, names and attributes of its sentence.
    consequence : Assumption or None
        What had to be assumed because of it, told in the same sentence.
    """

    kind: AssumptionKind | FindingKind
    facts: Mapping[str, object] = field(default_factory=dict, hash=False)
    consequence: Assumption | None = None

    def __str__(self) -> str:
        sentence = self.kind.value.format(**self.facts)
        return sentence if self.consequence is None else f"{sentence}, {self.consequence}"


class Assumed(NamedTuple, Generic[T]):
    """A value, and what was taken for granted for it."""

    value: T
    assumptions: tuple[Assumption, ...] = ()


def list_assumptions(series: SeriesData) -> tuple[Assumption, ...]:
    """List what is assumed about the values of a stack and about its being one volume."""
    return (
        *(Assumption(finding.kind, finding.facts) for finding in series.findings),
        *_assume_structure(series.frames),
        *_assume_whole(series),
        *_assume_rescale(series.frames),
        *_assume_bits(series.frames),
        *_assume_one_volume(series.frames),
        *_assume_ranks(series),
        *_tell_missing(series),
    )


def _assume_whole(series: SeriesData) -> list[Assumption]:
    if not series.beside:
        return []
    paths = [problem.path for problem in series.beside]
    facts = {"files": count_noun(len(paths), "damaged file"), "names": name_files_of(paths)}
    return [Assumption(AssumptionKind.DAMAGED_BESIDE, facts)]


def _assume_rescale(frames: Sequence[Frame]) -> list[Assumption]:
    """List what is assumed where RescaleSlope and RescaleIntercept are not both there, or not in all files."""
    grey = [f for f in frames if f.header.samples == 1 and not f.header.has_modality_lut]
    without = [f for f in grey if f.header.slope is None or f.header.intercept is None]
    blank = any("RescaleSlope" in f.header.blank or "RescaleIntercept" in f.header.blank for f in without)
    nowhere = all(f.header.slope is None and f.header.intercept is None for f in grey)
    if not without or (nowhere and not blank):
        return []
    facts = {"without": len(without), "frames": len(frames), "names": name_files(without)}
    return [Assumption(AssumptionKind.NO_RESCALE, facts)]


def _assume_bits(frames: Sequence[Frame]) -> list[Assumption]:
    """Name slices of other bits or another sign than the rest."""
    said = describe_bits(frames)
    return [Assumption(AssumptionKind.MIXED_BITS, {"respect": said[0], "values": said[1]})] if said else []


# What makes other values of the same tissue: where few of them alternate along the slices, two volumes may be mixed.
_SHARED: tuple[tuple[str, Callable[[Header], object]], ...] = (
    ("EchoTime", lambda h: h.echo_time),
    ("InversionTime", lambda h: h.inversion_time),
    ("DiffusionBValue", find_b_value),
)
# What one volume has one of, however few its slices are.
_UNITS: tuple[tuple[str, Callable[[Header], object]], ...] = (
    ("RescaleType", lambda h: h.rescale_type),
    ("Units", lambda h: h.units),
)


def _assume_one_volume(frames: Sequence[Frame]) -> list[Assumption]:
    few = len(frames) // 2
    counts = [(name, _count_settings([value(f.header) for f in frames]), few) for name, value in _SHARED]
    counts += [(name, len({value(f.header) for f in frames}), len(frames)) for name, value in _UNITS]
    return [
        Assumption(AssumptionKind.MIXED_VALUES, {"attribute": name, "values": count})
        for name, count, most in counts
        if 1 < count <= most
    ]


def _count_settings(values: Sequence[object]) -> int:
    """Count the values of a setting; those that are written in other digits are one."""
    return (
        1 if values.count(values[0]) == len(values) else len(set(rank_values("", Sort.SETTING, values).codes.tolist()))
    )


def _assume_ranks(series: SeriesData) -> list[Assumption]:
    names = [name for name, value in series.labels if name in NUMBERS and isinstance(value, Rank)]
    return [Assumption(AssumptionKind.RANK_ALONE, {"attribute": names[0]})] if names else []


def _assume_structure(frames: Sequence[Frame]) -> list[Assumption]:
    """List the deviations from the standard that leave one reading, with the files that have them."""
    found: dict[str, list[Frame]] = {}
    for frame in frames:
        for liberty in frame.header.liberties:
            found.setdefault(liberty.value, []).append(frame)
    all_files = len({frame.path for frame in frames}) if found else 0
    return [
        Assumption(
            AssumptionKind.LIBERTY,
            {
                "files": len({frame.path for frame in members}),
                "all_files": all_files,
                "names": name_files(members),
                "liberty": liberty,
            },
        )
        for liberty, members in found.items()
    ]


def _tell_missing(series: SeriesData) -> list[Assumption]:
    if not series.missing_places:
        return []
    missing = len(series.missing_places)
    place = "({:g}, {:g}, {:g}) mm".format(*series.missing_places[0])
    facts = {"missing": missing, "places": missing + len(series.frames), "place": place}
    return [Assumption(AssumptionKind.INCOMPLETE, facts)]


def assume_mixed(attributes: Sequence[Attribute]) -> tuple[Assumption, ...]:
    """List what is assumed where slices of one volume alternate in attributes, but for those told anyway."""
    told = [name for name, _ in _SHARED]
    mixed = {a.name: len(set(a.codes.tolist())) for a in attributes if a.name not in told}
    if not mixed:
        return ()
    names = ", ".join(mixed)
    facts = {"attribute": names if len(mixed) == 1 else f"each of {names}", "values": max(mixed.values())}
    return (Assumption(AssumptionKind.MIXED_VALUES, facts),)
