"""Cases of several volumes in one multi-frame file, told apart by its functional groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from archive import (
    AXIAL,
    COLUMNS,
    ORIGIN,
    PIXEL_SPACING,
    ROWS,
    STEP,
    THICKNESS,
    Case,
    Image,
    even,
    images,
    owe,
    owe_each,
)
from enhanced import group, multi_frame
from pydicom import Dataset
from pydicom.uid import EnhancedMRImageStorage
from synthetic import write_dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    Build = Callable[[Path], None]

# The groups of a frame of the first and of the second volume.
GROUPS: dict[str, Callable[[int], dict[str, list[Dataset]]]] = {
    "TemporalPositionIndex": lambda v: {"FrameContentSequence": group(TemporalPositionIndex=v + 1)},
    "StackID": lambda v: {"FrameContentSequence": group(StackID=str(v + 1))},
    "EffectiveEchoTime": lambda v: {"MREchoSequence": group(EffectiveEchoTime=5.0 + 4 * v)},
    "DiffusionBValue": lambda v: {"MRDiffusionSequence": group(DiffusionBValue=1000.0 * v)},
    "FrameType": lambda v: {
        "MRImageFrameTypeSequence": group(FrameType=["ORIGINAL", "PRIMARY", "M" if v else "P", "NONE"])
    },
}
# … of which odd and even frames of one volume have but one.
FURTHER: dict[str, Callable[[int], dict[str, list[Dataset]]]] = {
    "ComplexImageComponent": lambda v: {
        "MRImageFrameTypeSequence": group(ComplexImageComponent=("MAGNITUDE", "PHASE")[v])
    },
    "ConvolutionKernel": lambda v: {"CTReconstructionSequence": group(ConvolutionKernel=("B30f", "B60f")[v])},
    "KVP": lambda v: {"CTXRayDetailsSequence": group(KVP=80 + 60 * v)},
    "FlipAngle": lambda v: {"MRTimingAndRelatedParametersSequence": group(FlipAngle=5.0 + 10 * v)},
    "VelocityEncodingDirection": lambda v: {
        "MRVelocityEncodingSequence": group(VelocityEncodingDirection=[1.0 - v, float(v), 0.0])
    },
    "TemporalPositionTimeOffset": lambda v: {"TemporalPositionSequence": group(TemporalPositionTimeOffset=2.5 * v)},
    "DiffusionGradientOrientation": lambda v: {
        "MRDiffusionSequence": group(
            DiffusionBValue=800.0,
            DiffusionGradientDirectionSequence=group(DiffusionGradientOrientation=[1.0 - v, float(v), 0.0]),
        )
    },
    "DiffusionBValue, none of b = 0": lambda v: {
        "MRDiffusionSequence": group(DiffusionBValue=1000.0) if v else group(DiffusionDirectionality="NONE")
    },
    "ContrastBolusAgentNumber": lambda v: {"ContrastBolusUsageSequence": group(ContrastBolusAgentNumber=v + 1)},
}


def frames_of(slices: Sequence[Image], groups: Callable[[int], dict[str, list[Dataset]]]) -> Build:
    """A builder of one enhanced file with a frame for each slice."""

    def build(folder: Path) -> None:
        folder.mkdir()
        d = multi_frame(len(slices), EnhancedMRImageStorage, "MR")
        d.Rows, d.Columns = ROWS, COLUMNS
        d.PixelData = np.array([image.pixels for image in slices], "<u2").tobytes()
        shared = Dataset()
        shared.PlaneOrientationSequence = group(ImageOrientationPatient=list(AXIAL))
        shared.PixelMeasuresSequence = group(PixelSpacing=list(PIXEL_SPACING), SliceThickness=THICKNESS)
        d.SharedFunctionalGroupsSequence, d.PerFrameFunctionalGroupsSequence = [shared], []
        for image in slices:
            own = Dataset()
            own.PlanePositionSequence = group(ImagePositionPatient=(ORIGIN + np.array((0, 0, image.place))).tolist())
            content: dict[str, Any] = {"FrameContentSequence": group(), **groups(image.volume)}
            for keyword, items in content.items():
                setattr(own, keyword, items)
            d.PerFrameFunctionalGroupsSequence.append(own)
        write_dataset(folder / "1.dcm", d)

    return build


def enhanced_volumes() -> Iterator[Case]:
    kind = "volumes of one file"
    for name, groups in GROUPS.items():
        for where, offset in {"at equal places": 0.0, "half a slice beside": STEP / 2, "0.9 mm beside": 0.9}.items():
            slices = [*images(even(), 0), *images(even(5, offset), 1)]
            for order in ("one after the other", "in turn"):
                frames = slices if order == "one after the other" else sorted(slices, key=lambda image: image.index)
                build = frames_of(frames, groups)
                yield Case(kind, f"{name} {where}, {order}", build, "volumes", owe_each(slices))
        if name == "StackID":
            continue  # stacks with a name may be of any size
        lacking = [*images(even(), 0), *images(even(4), 1)]
        yield Case(kind, f"{name}, the second without its last slice", frames_of(lacking, groups), "told")
    for name, groups in FURTHER.items():
        for where, offset in {"at equal places": 0.0, "half a slice beside": STEP / 2}.items():
            slices = sorted([*images(even(), 0), *images(even(5, offset), 1)], key=lambda image: image.index)
            yield Case(kind, f"{name} {where}", frames_of(slices, groups), "volumes", owe_each(slices))
    quarters = [s for v in range(4) for s in images(even(6, v * STEP / 4), v)]
    shuffled = [quarters[i] for i in np.random.default_rng(9).permutation(len(quarters))]
    build = frames_of(shuffled, GROUPS["EffectiveEchoTime"])
    yield Case(kind, "four echoes a quarter of a slice apart, in any order", build, "volumes", owe_each(shuffled))
    any_order = [images(even(9))[i] for i in np.random.default_rng(9).permutation(9)]
    build = frames_of(any_order, lambda _: {})
    yield Case(kind, "guard: one volume in any order", build, "volume", (owe(any_order),), warned=False)
    lost = frames_of(images(even()), lambda _: {"PlanePositionSequence": []})
    yield Case(kind, "frames without a position", lost, "told")
    plain = frames_of(images(even()), lambda _: {})
    yield Case(kind, "guard: one volume", plain, "volume", (owe(images(even())),), warned=False)
