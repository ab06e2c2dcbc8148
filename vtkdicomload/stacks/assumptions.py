"""Assumptions about the frames of one volume: plain data, each with its sentence for a warning."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from .._util.wording import count_noun, name_files_of
from ..headers.diffusion import find_b_value
from .consistency import NUMBERS, name_files
from .series_data import Rank

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..headers.model import Frame, Header
    from .series_data import SeriesData

T = TypeVar("T")


class AssumptionKind(Enum):
    """The kinds of assumption. The value is the sentence, with the facts that it needs in braces."""

    IMAGER_PIXEL_SPACING = (
        "no PixelSpacing: ImagerPixelSpacing ({rows:g}\\{columns:g} mm, at the detector, without its magnification) is "
        "taken for it"
    )
    REGION_SPACING = "no PixelSpacing: that of the ultrasound regions ({rows:g}\\{columns:g} mm) is taken for it"
    UNIT_PIXEL_SPACING = "no PixelSpacing: 1 mm is taken for the distance of pixels"
    UNIT_THICKNESS = "one slice without SliceThickness: 1 mm is taken for it"
    SLICE_DISTANCE = "{mm:g} mm is taken for the distance of slices"

    NO_PLACE = "no {missing}: the volume has no place in the patient"
    UNUSABLE_ORIENTATION = "ImageOrientationPatient cannot be used ({fault}): the volume has no place in the patient"
    ROUNDED_COSINES = "the cosines of ImageOrientationPatient have not quite length 1: they are made unit vectors"

    FILE_ORDER = "no {missing}: frames are in file order"
    INSTANCE_ORDER = "no {missing}: slices are in the order of InstanceNumber, their direction is not known"
    NAME_ORDER = "no {missing}: slices are in natural order of the file names, their direction is not known"
    NOT_MONOTONE = 'order="{order}" is not monotone in space: the volume has no affine'
    LEFT_HANDED = (
        'order="{order}" runs against the slice normal: the direction matrix is left-handed, and the GPU volume mapper '
        'of VTK draws nothing of it → order="position"'
    )

    NO_RESCALE = (
        "RescaleSlope or RescaleIntercept is missing or empty in {without} of {frames} frames ({names}): slope 1 and "
        "intercept 0 are taken for what is missing"
    )
    MIXED_VALUES = "{attribute} differs between the slices ({values} values): they are taken for one volume"
    RANK_ALONE = "the volumes of this series are told apart by the order of {attribute} alone, nothing else says which"
    DAMAGED_BESIDE = "{files} in its folder, of which nothing says whose they are: {names} may be a slice of it"
    ONE_SERIES = "no SeriesInstanceUID: {files} files are taken for one series"

    RESAMPLED = "irregular slices ({before}) were {how} ({after})"
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
    kind : AssumptionKind
        What was assumed.
    facts : mapping of str to object
        The numbers, names and attributes of its sentence.
    consequence : Assumption or None
        What had to be assumed because of it, told in the same sentence.
    """

    kind: AssumptionKind
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
        *_assume_whole(series),
        *_assume_rescale(series.frames),
        *_assume_one_volume(series.frames),
        *_assume_ranks(series),
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
    counts = [(name, len({value(f.header) for f in frames}), few) for name, value in _SHARED]
    counts += [(name, len({value(f.header) for f in frames}), len(frames)) for name, value in _UNITS]
    return [
        Assumption(AssumptionKind.MIXED_VALUES, {"attribute": name, "values": count})
        for name, count, most in counts
        if 1 < count <= most
    ]


def _assume_ranks(series: SeriesData) -> list[Assumption]:
    # The time when an image was made says little of the volume it belongs to: slices may be reconstructed in any order.
    weak = (*NUMBERS, "ContentTime")
    names = [name for name, value in series.labels if name in weak and isinstance(value, Rank)]
    return [Assumption(AssumptionKind.RANK_ALONE, {"attribute": names[0]})] if names else []
