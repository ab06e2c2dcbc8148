"""Cases of volumes that lie beside each other by a part of a slice, or in the plane."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from archive import (
    CONTENT,
    CORONAL,
    OBLIQUE,
    STEP,
    Case,
    Image,
    even,
    images,
    label_by_maker,
    made,
    owe,
    owe_each,
    pair,
    several,
    single,
    write_images,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pydicom import Dataset

# Times and counters, which differ between interleaved packs of one volume too.
COUNTERS: dict[str, tuple[Any, Any]] = {
    "TriggerTime": (10, 400),
    "FrameReferenceTime": (500, 1500),
    "InversionTime": (150, 900),
    "AcquisitionNumber": (1, 2),
    "AcquisitionTime": ("101500.25", "101730.5"),
    "ContentTime": ("101501", "101731"),
}
PHILIPS = (["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"], ["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"])
# Group, creator, element and VR of what makers write in their own way, and two values of it; the b-values first.
MAKERS: dict[str, tuple[int, str, int, str, tuple[Any, Any]]] = {
    "GE": (0x0043, "GEMS_PARM_01", 0x39, "IS", ([1_000_000_000, 8, 0, 0], [1_000_001_000, 8, 0, 0])),
    "Siemens": (0x0019, "SIEMENS MR HEADER", 0x0C, "IS", (0, 1000)),
    "Philips": (0x2001, "Philips Imaging DD 001", 0x03, "FL", (0.0, 1000.0)),
    "GE, the kind of image": (0x0043, "GEMS_PARM_01", 0x2F, "SS", (0, 1)),
    "Canon": (0x700D, "TOSHIBA_MEC_MR3", 0x12, "FD", (0.0, 800.0)),
    "Hitachi": (0x001D, "HITACHI PRIVATE", 0x12, "US", (1, 2)),
}
WEIGHTED = ("GE", "Siemens", "Philips")
OFFSETS = {"at equal places": 0.0, "half a slice beside": STEP / 2, "0.9 mm beside": 0.9, "8 µm beside": 0.008}


def _move_second(slices: Sequence[Image]) -> Callable[[Dataset, int], None]:
    def edit(dataset: Dataset, k: int) -> None:
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [float(x) + 60 * slices[k].volume, y, z]

    return edit


def offset_stacks() -> Iterator[Case]:
    kind = "offset stacks"
    for name, (one, other) in CONTENT.items():
        for where, offset in OFFSETS.items():
            yield several(kind, f"{name} {where}", pair(one, other, offset))
    for name, (first, second) in COUNTERS.items():
        for where, offset in OFFSETS.items():
            slices = pair({name: first}, {name: second}, offset)
            if where != "half a slice beside":
                yield several(kind, f"{name} {where}", slices)
                continue
            build, owed = made(slices), (owe(slices),)
            yield Case(kind, f"{name} {where}", build, "volume", owed, warned=True, says=(name,))
    for name, orientation in (("coronal", CORONAL), ("oblique", OBLIQUE)):
        slices = pair(*CONTENT["EchoTime"], 1.5, 7)
        yield several(kind, f"EchoTime half a slice beside, {name}", slices, orientation=orientation)
    rng = np.random.default_rng(7)
    jittered = [
        image
        for volume in range(3)
        for image in images(
            [p + float(d) for p, d in zip(even(), rng.uniform(0.004, 0.03, 5), strict=True)],
            volume,
            TemporalPositionIdentifier=volume + 1,
        )
    ]
    yield several(kind, "time points some µm off their places", jittered)
    three = [*pair(*CONTENT["EchoTime"], 1.0), *images(even(5, 2.0), 2, EchoTime=13.8)]
    yield several(kind, "three echoes a third of a slice apart", three)
    parts = (*("MAGNITUDE", "PHASE", "REAL", "IMAGINARY"),)
    quarters = [s for v, c in enumerate(parts) for s in images(even(6, v * STEP / 4), v, ComplexImageComponent=c)]
    yield several(kind, "four components a quarter of a slice apart", quarters)
    uneven = [(5.0, 0.0), (9.0, 0.7), (13.0, 1.9)]
    slices = [s for v, (echo, offset) in enumerate(uneven) for s in images(even(6, offset), v, EchoTime=echo)]
    yield several(kind, "three echoes at uneven offsets", slices)
    yield several(
        kind, "ImageType of Philips half a slice beside", pair(*({"ImageType": t} for t in PHILIPS), STEP / 2, 7)
    )
    more = [*images(even(5), 0, EchoTime=5), *images(even(7, STEP / 2), 1, EchoTime=9)]
    yield several(kind, "five slices and seven beside them", more)
    coarse = [*images(even(9), 0, EchoTime=5), *images(even(5, STEP / 2, 2 * STEP), 1, EchoTime=9)]
    yield several(kind, "nine slices, and five twice as far apart beside them", coarse)
    drifting = [s for v in range(4) for s in images(even(6, 0.2 * v), v, TemporalPositionIdentifier=v + 1)]
    yield several(kind, "time points that drift by 0.2 mm each", drifting)
    shuffled = pair(*CONTENT["EchoTime"], STEP / 2, 8)
    order = np.random.default_rng(17).permutation(len(shuffled))
    yield several(kind, "echoes half a slice beside, in any order", [shuffled[i] for i in order], orientation=OBLIQUE)
    for maker, write in MAKERS.items():
        for where in ("at equal places", "half a slice beside", "0.9 mm beside"):
            slices = pair({}, {}, OFFSETS[where])
            build = partial(write_images, slices=slices, edit=label_by_maker(write, slices))
            if maker in WEIGHTED or where != "half a slice beside":
                yield Case(kind, f"private data of {maker} {where}", build, "volumes", owe_each(slices))
            else:  # which may be anything: odd and even slices of one volume differ in such, too
                yield Case(kind, f"private data of {maker} {where}", build, "volume", (owe(slices),), warned=True)
    # The second stands 60 mm beside the first in the plane, and nothing but that tells them apart.
    side_by_side = [*images(even(), 0), *images(even(), 1)]
    for name, order in {"in order": range(10), "in any order": np.random.default_rng(2).permutation(10)}.items():
        beside = [side_by_side[i] for i in order]
        owed = owe_each(side_by_side)
        owed[1].affine[0, 3] += 60
        build = partial(write_images, slices=beside, edit=_move_second(beside))
        yield Case(kind, f"two volumes side by side, {name}", build, "volumes", owed)
    packs = images(even(5, step=2 * STEP), 0) + [
        Image(0, 10 + k, place, {}) for k, place in enumerate(even(5, STEP, 2 * STEP))
    ]
    yield single(kind, "odd and even slices, nothing else differs", packs)
