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
    plain = frames_of(images(even()), lambda _: {})
    yield Case(kind, "guard: one volume", plain, "volume", (owe(images(even())),), warned=False)
