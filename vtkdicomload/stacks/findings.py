"""What only a whole series tells, and each of its stacks has to know: plain data, with sentences for warnings."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..headers.model import Frame


class FindingKind(Enum):
    """The kinds of finding. The value is the sentence, with the facts that it needs in braces."""

    COPIES = "{copies} of {files} files are copies of others, byte for byte ({names}): the first of each is taken"
    FRAMES_OF_REFERENCE = (
        "each of {files} files has a FrameOfReferenceUID of its own, though they make one even grid: the frame of "
        "reference is taken as unknown"
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


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a whole series tells.

    Attributes
    ----------
    kind : FindingKind
        What was found.
    facts : mapping of str to object
        The numbers, names and attributes of its sentence.
    """

    kind: FindingKind
    facts: Mapping[str, object] = field(default_factory=dict, hash=False)


class Settled(NamedTuple):
    """The frames of a series as they are taken, and what was found."""

    frames: tuple[Frame, ...]
    findings: tuple[Finding, ...] = ()
