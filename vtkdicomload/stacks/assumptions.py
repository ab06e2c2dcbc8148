"""Assumptions about the frames of one volume: plain data, each with its sentence for a warning."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    STRAYS_BESIDE = "{files} left out, damaged and of no series that is listed: {names}"
    EMPTY_MODALITY_LUT = "the modality LUT of {count} files is empty ({names}): slope and intercept are applied, if any"
    MODALITY_LUT_AND_RESCALE = (
        "{count} files have a modality LUT and another RescaleSlope or RescaleIntercept ({names}): the lookup table is "
        "taken"
    )
    MODALITY_LUT_BITS = (
        "the modality LUT of {count} files holds more than the {bits} bits that it states ({names}): its entries are "
        "taken as they are"
    )
    UPTAKE = "{what}"
    PRECISE = (
        "the Scale Intercept of Philips (2005,100D) is {said:g} where RescaleIntercept and RescaleSlope, which are "
        "taken, make it {made:g}"
    )
    ONE_SERIES = "no SeriesInstanceUID: {files} files are taken for one series"

    # What only a whole series tells, and each of its stacks has to know.
    COPIES = "{copies} of {files} files are copies of others, byte for byte ({names}): the first of each is taken"
    FRAMES_OF_REFERENCE = (
        "each of {files} files has a FrameOfReferenceUID of its own, though they make one even grid: the frame of "
        "reference is taken as unknown"
    )
    NO_FRAME_OF_REFERENCE = (
        "no FrameOfReferenceUID in {files} of {all_files} files, which lie on one even grid with the others ({names}): "
        "theirs is taken"
    )
    POSITIONS_FROM_LOCATION = (
        "all slices have the same ImagePositionPatient: SliceLocation, which agrees with it in {agreeing}, places them"
    )
    USELESS_POSITIONS = "all slices have the same ImagePositionPatient: it is taken for none"
    ROTATION = (
        "each of {frames} images has an orientation of its own, {step:.3g}° from the one before: they are views of a "
        "rotation, in the order of {order}, and no slices"
    )
    FEWER_SAID = "this may be a part of a series: {here} {what} where {attribute} says {said}"
    INSTANCE_STEP = (
        "this may be a part of a series: InstanceNumber runs from {first} to {last} in steps of {step} ({here} images)"
    )
    WIDE_GAPS = (
        "this may be a part of a series: the slices are {gap:.4g} mm apart, {said:.4g} mm by SpacingBetweenSlices"
    )

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
