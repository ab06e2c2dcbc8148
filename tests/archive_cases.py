"""The table of cases, by kind."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from archive import (
    CORONAL,
    OBLIQUE,
    STEP,
    Case,
    Image,
    even,
    images,
    made,
    owe,
    owe_each,
    several,
    single,
    write_images,
)
from archive_bytes import damage_contained, structure
from archive_enhanced import enhanced_volumes
from archive_pixels import tiles, values
from pydicom.uid import ImplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pydicom import Dataset

# What tells volumes apart wherever they lie: two values each.
CONTENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ImageType": ({"ImageType": ["ORIGINAL", "PRIMARY", "M"]}, {"ImageType": ["ORIGINAL", "PRIMARY", "P"]}),
    "ComplexImageComponent": ({"ComplexImageComponent": "MAGNITUDE"}, {"ComplexImageComponent": "PHASE"}),
    "EchoTime": ({"EchoTime": 4.6}, {"EchoTime": 9.2}),
    "b-value": ({"DiffusionBValue": 0.0}, {"DiffusionBValue": 1000.0}),
    "direction": (
        {"DiffusionBValue": 800.0, "DiffusionGradientOrientation": [1.0, 0.0, 0.0]},
        {"DiffusionBValue": 800.0, "DiffusionGradientOrientation": [0.0, 0.6, 0.8]},
    ),
    "TemporalPositionIdentifier": ({"TemporalPositionIdentifier": 1}, {"TemporalPositionIdentifier": 2}),
    "KVP": ({"KVP": 80}, {"KVP": 140}),
    "ConvolutionKernel": ({"ConvolutionKernel": "B30f"}, {"ConvolutionKernel": "B60f"}),
}
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
DIXON = [["DERIVED", "PRIMARY", "DIXON", part] for part in ("IN_PHASE", "OPP_PHASE", "WATER", "FAT")]
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


def pair(one: dict[str, Any], other: dict[str, Any], offset: float, count: int = 5) -> list[Image]:
    """Two volumes of the same slices, the second an offset beside the first."""
    return [*images(even(count), 0, **one), *images(even(count, offset), 1, **other)]


def _label_by_maker(
    write: tuple[int, str, int, str, tuple[Any, Any]], slices: Sequence[Image]
) -> Callable[[Dataset, int], None]:
    group, creator, element, vr, values = write

    def edit(dataset: Dataset, k: int) -> None:
        block = dataset.private_block(group, creator, create=True)
        block.add_new(element, vr, values[slices[k].volume])

    return edit


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
            build = partial(write_images, slices=slices, edit=_label_by_maker(write, slices))
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


# Attributes of the header that may tell volumes at equal places apart, whatever they are.
ANY: dict[str, tuple[Any, ...]] = {
    "FlipAngle": (5, 15, 25),
    "EchoNumbers": (1, 2, 3),
    "RepetitionTime": (500, 1000, 2000),
    "SliceThickness": (1.0, 2.0, 3.0),
    "ReconstructionDiameter": (180, 240, 320),
    "XRayTubeCurrent": (50, 100, 200),
    "DiffusionBValue": (0.0, 500.0, 1000.0),
    "ScanOptions": ("AXIAL", "HELICAL", "CINE"),
    "FilterType": ("HEAD", "BODY", "NONE"),
    "SeriesNumber": (4, 5, 6),
}
# Each alone, at equal places.
FURTHER: dict[str, tuple[Any, ...]] = {
    "SequenceName": ("*ep_b0", "*ep_b1000#1", "*ep_b1000#2"),
    "ReceiveCoilName": ("H1", "H2", "H3", "H4"),
    "AcquisitionDateTime": ("20200101100000.5", "20200101110000.5", "20200101120000.5"),
    "InstanceCreationTime": ("100000", "110000", "120000"),
    "ReconstructionTargetCenterPatient": ([0.0, 0.0, 0.0], [0.0, 0.0, 1.0]),
    "DataCollectionDiameter": (250, 500),
    "ExposureTime": (250, 500, 750),
    "NumberOfAverages": (1, 4),
    "WindowCenter": (40, -600),
    "ImageType": (*DIXON,),
}
TEXTS = ("ContrastBolusAgent", "ProtocolName", "ImageComments")


def what_tells_volumes_apart() -> Iterator[Case]:
    kind = "what tells volumes apart"
    for name, three in ANY.items():
        slices = [image for v, value in enumerate(three) for image in images(even(), v, **{name: value})]
        yield several(kind, f"{name}, volume by volume", slices)
        by_place = sorted(slices, key=lambda image: image.index)
        yield several(kind, f"{name}, place by place", by_place)
    for name, told in FURTHER.items():
        yield several(kind, f"{name} alone", [s for v, x in enumerate(told) for s in images(even(), v, **{name: x})])
    for name, (one, other) in {"RepetitionTime": (500, 4000), "ReconstructionDiameter": (200, 400)}.items():
        for where, offset in {"0.9 mm beside": 0.9, "half a slice beside": STEP / 2}.items():
            yield several(kind, f"{name} {where}", pair({name: one}, {name: other}, offset))
    for name in TEXTS:
        slices = [s for v in range(2) for s in images(even(), v, **{name: f"Secret agent {v}"})]
        yield several(kind, f"a text, {name}, that is not shown", slices, labels=("1 of 2", "2 of 2"))
    for name in ("EchoTime", "TemporalPositionIdentifier"):
        # Each place lost another of three volumes.
        full = [s for v, value in enumerate((20, 40, 60)) for s in images(even(6), v, **{name: value})]
        lost = [s for s in full if s.volume != s.index % 3]
        yield Case(kind, f"each place lost another {name}", made(lost), "unmixed")
        parts = [*images(even(3), 0, **{name: 20}), *images(even(3), 1, **{name: 40})]
        apart = [Image(2, k, 3 * STEP + k * STEP, {name: 40}) for k in range(3)]
        other = [Image(3, k, 3 * STEP + k * STEP, {name: 60}) for k in range(3)]
        yield Case(kind, f"{name} overlaps in part", made([*parts, *apart, *other]), "told")
    shells = [(0.0, None), (700.0, (1, 0, 0)), (0.0, None), (1500.0, (0, 1, 0)), (700.0, (0, 0, 1))]
    yield several(
        kind,
        "two shells, b = 0 twice, in the order of acquisition",
        [
            s
            for v, (b, direction) in enumerate(shells)
            for s in images(
                even(),
                v,
                DiffusionBValue=b,
                DiffusionGradientOrientation=direction and [float(c) for c in direction],
                AcquisitionNumber=v + 1,
            )
        ],
        ordered=True,
        labels=("700", "1500"),
    )
    yield several(
        kind,
        "a cine whose first phase has trigger 0 everywhere and other values a beat",
        [
            s
            for v in range(4)
            for s in images(
                even(),
                v,
                TriggerTime=lambda k, v=v: v * (30 + k),
                CardiacNumberOfImages=4,
                InstanceNumber=lambda k, v=v: 4 * k + v + 1,
            )
        ],
        ordered=True,
    )
    yield several(
        kind,
        "dynamic PET, only FrameReferenceTime differs",
        [s for v in range(3) for s in images(even(), v, Modality="PT", FrameReferenceTime=1000 + 60000 * v)],
    )
    rng = np.random.default_rng(3)
    scrambled = [s for v in range(3) for s in images(even(), v, Modality="PT", FrameReferenceTime=1000 + 60000 * v)]
    order = rng.permutation(len(scrambled))
    yield several(kind, "… in any order of files and InstanceNumber", [scrambled[i] for i in order])
    yield several(
        kind,
        "PET by ImageIndex, NumberOfSlices and NumberOfTimeSlices",
        [
            s
            for v in range(3)
            for s in images(
                even(),
                v,
                Modality="PT",
                NumberOfSlices=5,
                NumberOfTimeSlices=3,
                ImageIndex=lambda k, v=v: 5 * v + k + 1,
                AcquisitionTime=lambda k, v=v: f"1200{v:02d}.{k}",
            )
        ],
        ordered=True,
    )
    yield several(
        kind, "two attributes that agree", pair({"EchoTime": 5, "FlipAngle": 10}, {"EchoTime": 9, "FlipAngle": 20}, 0.0)
    )
    crossed = [
        s
        for v, (echo, flip) in enumerate([(5, 10), (5, 20), (9, 10), (9, 20)])
        for s in images(even(), v, EchoTime=echo, FlipAngle=flip)
    ]
    yield several(kind, "two attributes crossed", crossed)
    crossed = [
        s
        for v, (echo, time) in enumerate((echo, time) for echo in (5.0, 9.0) for time in (1, 2, 3))
        for s in images(even(5, 0.4 * v), v, EchoTime=echo, TemporalPositionIdentifier=time)
    ]
    yield several(kind, "two echoes by three time points, 0.4 mm apart", crossed)
    interleaved = [
        s
        for v in range(6)
        for s in images(
            even(6), v, AcquisitionNumber=v + 1, AcquisitionTime=lambda k, v=v: f"1200{v * 2:02d}.{k * 3 % 6}5"
        )
    ]
    yield several(kind, "time points whose slices were acquired out of order", interleaved, ordered=True)
    passes = [s for v in range(4) for s in images(even(6), v, AcquisitionTime=lambda k, v=v: f"1200{v * 5:02d}.{k}37")]
    yield several(kind, "passes of perfusion, a time in each slice", passes)
    shuttle = [
        s
        for v in range(4)
        for s in images(even(6), v, AcquisitionTime=lambda k, v=v: f"1200{v * 5:02d}.{5 - k if v % 2 else k}37")
    ]
    yield several(kind, "… to and fro", shuttle)
    weights = (0.0, 0.0, 0.0, 1000.0, 1000.0)
    repeats = [s for v, b in enumerate(weights) for s in images(even(), v, DiffusionBValue=b, AcquisitionNumber=v + 1)]
    yield several(kind, "repeats of b-values", repeats, ordered=True)
    gated = [
        s
        for v in range(8)
        for s in images(
            even(),
            v,
            Modality="PT",
            TriggerTime=100.0 * v,
            NumberOfSlices=5,
            NumberOfRRIntervals=1,
            NumberOfTimeSlots=8,
            ImageIndex=lambda k, v=v: 5 * v + k + 1,
        )
    ]
    yield several(kind, "gated PET", gated, ordered=True)
    types = (["ORIGINAL", "PRIMARY", "OTHER"], ["ORIGINAL", "PRIMARY", "OTHER"], ["DERIVED", "PRIMARY", "SUB"])
    subtraction = [
        s for v, t in enumerate(types) for s in images(even(), v, ImageType=t, TemporalPositionIdentifier=v + 1)
    ]
    yield several(kind, "a subtraction beside what it was made of", subtraction)
    beds = [
        *images(even(6), 0, AcquisitionNumber=1),
        *[Image(0, 6 + k, (6 + k) * STEP, {"AcquisitionNumber": 2}) for k in range(6)],
    ]
    yield single(kind, "two beds that follow each other", beds, warned=None)
    slabs = [s for v in range(3) for s in images(even(8, v * 5 * STEP), v, AcquisitionNumber=v + 1)]
    yield several(kind, "three slabs that overlap by three slices", slabs)


def incomplete() -> Iterator[Case]:
    kind = "incomplete"
    for lacking in (0, 2, 4):
        full = [s for v in range(3) for s in images(even(), v, TemporalPositionIdentifier=v + 1)]
        short = [s for s in full if (s.volume, s.index) != (1, lacking)]
        yield Case(kind, f"a time point without slice {lacking}", made(short), "told")
    echoes = [s for s in pair({"EchoTime": 5}, {"EchoTime": 9}, 0.0, 8) if s.volume == 0 or s.index < 5]
    yield Case(kind, "an echo that ends early", made(echoes), "told")

    echoes = [s for v in range(4) for s in images(even(7), v, EchoTime=5.0 + 4 * v)]
    dixon = [s for v, t in enumerate(DIXON) for s in images(even(6), v, ImageType=t)]
    dti = [s for v in range(7) for s in images(even(6), v, DiffusionBValue=0.0 if v == 0 else 100.0 * v)]
    cine = [s for v in range(10) for s in images(even(4), v, TriggerTime=40.0 * v, CardiacNumberOfImages=10)]
    times = [s for v in range(3) for s in images(even(6), v, AcquisitionTime=f"10{v}000")]
    kernels = [s for v, k in enumerate(("B30f", "B60f")) for s in images(even(8), v, ConvolutionKernel=k)]
    alike = [s for v in range(3) for s in images(even(6), v)]
    frames = [
        s
        for v in range(3)
        for s in images(
            even(6),
            v,
            Modality="PT",
            NumberOfSlices=6,
            NumberOfTimeSlices=3,
            FrameReferenceTime=1000 + 60000 * v,
            ImageIndex=lambda k, v=v: 6 * v + k + 1,
        )
    ]
    lost: dict[str, tuple[Sequence[Image], set[tuple[int, int]]]] = {
        "one of four echoes without a middle slice": (echoes, {(2, 2)}),
        "two of four echoes without slices of their own": (echoes, {(0, 1), (3, 3)}),
        "four echoes without the same slice": (echoes, {(v, 3) for v in range(4)}),
        "fat without a slice that water has": (dixon, {(3, 4)}),
        "b = 0 without its first slice": (dti, {(0, 0)}),
        "a b-value without two slices": (dti, {(4, 2), (4, 3)}),
        "a phase of the heart without its last slice": (cine, {(6, 3)}),
        "a phase of the heart without its first slice": (cine, {(0, 0)}),
        "a time point by AcquisitionTime without a middle slice": (times, {(1, 2)}),
        "a kernel without three slices": (kernels, {(1, 2), (1, 3), (1, 4)}),
        "a kernel with two slices": (kernels, {(1, k) for k in range(6)}),
        "nothing but numbers, a slice lost at the end": (alike, {(1, 5)}),
        "nothing but numbers, a slice lost between": (alike, {(1, 2)}),
        "a slice of dynamic PET": (frames, {(1, 3)}),
        "a time slice of dynamic PET": (frames, {(2, k) for k in range(6)}),
        "an echo half a slice beside without a middle slice": (pair(*CONTENT["EchoTime"], STEP / 2, 9), {(1, 4)}),
        "a voltage half a slice beside without a middle slice": (pair(*CONTENT["KVP"], STEP / 2, 8), {(0, 3)}),
        "b = 0, 0.9 mm beside, without a middle slice": (pair(*CONTENT["b-value"], 0.9, 8), {(0, 3)}),
        "two kinds of image half a slice beside, each without one": (
            pair(*CONTENT["ImageType"], STEP / 2, 9),
            {(0, 3), (1, 6)},
        ),
    }
    for name, (slices, without) in lost.items():
        kept = [s for s in slices if (s.volume, s.index) not in without]
        yield Case(kind, f"lost: {name}", made(kept), "told")

    def numbered(places: Sequence[float], numbers: Sequence[int], **more: Any) -> list[Image]:
        return images(places, 0, InstanceNumber=lambda k: numbers[k], **more)

    for name, slices in {
        "every second slice by SpacingBetweenSlices": numbered(
            even(10, step=2.4), range(1, 21, 2), SpacingBetweenSlices=1.2, SliceThickness=1.2
        ),
        "150 of 196 ImagesInAcquisition": numbered(even(15), range(1, 16), ImagesInAcquisition=20, AcquisitionNumber=1),
        "every third slice by InstanceNumber": numbered(even(8, step=3.6), range(2, 26, 3), SliceThickness=1.2),
        "every second slice, numbered backwards": numbered(even(8, step=2.4), range(16, 0, -2)),
        "the first half by ImagesInAcquisition": numbered(even(10), range(1, 11), ImagesInAcquisition=20),
        "three times SpacingBetweenSlices, no numbers": images(
            even(9, step=3.6), 0, InstanceNumber=None, SpacingBetweenSlices=1.2, SliceThickness=1.2
        ),
        "fewer than NumberOfSlices of PET": numbered(even(10), range(1, 11), Modality="PT", NumberOfSlices=14),
    }.items():
        yield single(kind, name, slices, warned=True)
    yield Case(
        kind,
        "two of three NumberOfTemporalPositions",
        made(
            [
                s
                for v in range(2)
                for s in images(even(), v, TemporalPositionIdentifier=v + 1, NumberOfTemporalPositions=3)
            ]
        ),
        "told",
    )
    for name, slices in {
        "complete by SpacingBetweenSlices": numbered(even(10, step=2.4), range(1, 11), SpacingBetweenSlices=2.4),
        "SpacingBetweenSlices that is the gap of edges": numbered(
            even(10, step=2.4), range(1, 11), SpacingBetweenSlices=1.2, SliceThickness=1.2
        ),
        "complete by ImagesInAcquisition": numbered(even(15), range(1, 16), ImagesInAcquisition=15),
        "negative SpacingBetweenSlices": numbered(even(9), range(1, 10), SpacingBetweenSlices=-3.0),
        "slices that overlap": numbered(even(9, step=1.5), range(1, 10), SliceThickness=3.0, SpacingBetweenSlices=1.5),
        "ImagesInAcquisition of two acquisitions": [
            Image(0, k, k * STEP, {"AcquisitionNumber": k // 6 + 1, "ImagesInAcquisition": 12}) for k in range(12)
        ],
        "InstanceNumber from 0": numbered(even(10), range(10)),
        "InstanceNumber backwards": numbered(even(10), range(10, 0, -1)),
        "InstanceNumber beside another series": numbered(even(10), range(101, 111)),
        "complete by NumberOfSlices of PET": numbered(even(10), range(1, 11), Modality="PT", NumberOfSlices=10),
        "SpacingBetweenSlices beyond the gap": numbered(even(10, step=2.4), range(1, 11), SpacingBetweenSlices=3.0),
    }.items():
        yield single(kind, f"guard: {name}", slices, warned=False)

    for said in (10, 14):
        write = (0x2001, "Philips Imaging DD 001", 0x18, "SL", (said, said))
        slices = images(even(10))
        build = partial(write_images, slices=slices, edit=_label_by_maker(write, slices))
        yield Case(kind, f"10 of {said} slices by Philips", build, "volume", (owe(slices),), warned=said > 10)


def refused_though_loadable() -> Iterator[Case]:
    kind = "refused though loadable"
    for count in (4, 9):
        slices = images(even(count), 0, FrameOfReferenceUID=lambda k: f"1.2.826.0.1.{k + 5}")
        yield single(kind, f"FrameOfReferenceUID in each of {count} slices", slices, warned=True)

    def twice(folder: Path) -> None:
        write_images(folder, images(even()))
        for path in sorted(folder.iterdir()):
            (folder / f"copy of {path.name}").write_bytes(path.read_bytes())

    yield Case(kind, "every file twice", twice, "volume", (owe(images(even())),), warned=True)

    def copy_as_implicit(folder: Path) -> None:
        write_images(folder / "explicit", images(even()), PatientName="Secret^First")
        write_images(folder / "implicit", images(even()), PatientName="Secret^Else", syntax=ImplicitVRLittleEndian)

    build = copy_as_implicit
    yield Case(kind, "copies in implicit VR, of another name", build, "volume", (owe(images(even())),), warned=True)
    apart = images(even(), 0, SeriesInstanceUID=lambda k: f"1.2.826.0.9.{k + 1}")
    for name, slices in {
        "a SeriesInstanceUID in each slice": apart,
        "two SeriesInstanceUIDs": images(even(), 0, SeriesInstanceUID=lambda k: f"1.2.826.0.9.{k % 2 + 1}"),
    }.items():
        build = made(slices)
        yield Case(kind, f'{name}, series="all"', build, "volume", (owe(slices),), options={"series": "all"})
    other = images(even(), 0, SeriesInstanceUID=lambda k: f"1.2.3.{k + 1}", PatientID=lambda k: f"SECRET-{k}")
    yield Case(kind, 'other patients, series="all"', made(other), "refused", options={"series": "all"})
    blank = images(even(), 0, SOPInstanceUID="1.2.3.4.5")
    yield single(kind, "one SOPInstanceUID in every file", blank, warned=True)
    yield single(kind, "no SOPInstanceUID in any file", images(even(), 0, SOPInstanceUID=None), warned=None)


def geometry_lost() -> Iterator[Case]:
    kind = "geometry lost"
    for name, change in {
        "missing": {"ImagePositionPatient": None},
        "empty": {"ImagePositionPatient": ""},
        "and orientations missing": {"ImagePositionPatient": None, "ImageOrientationPatient": None},
        "all equal": {"ImagePositionPatient": [1, 2, 3]},
    }.items():
        rng = np.random.default_rng(5)
        slices = images(even(7), 0, SliceLocation=lambda k: 12.5 + STEP * k, **change)
        shuffled = [slices[i] for i in rng.permutation(7)]
        frames = owe(slices)
        unknown = type(frames)(frames.frames, None)
        yield Case(kind, f"positions {name}, SliceLocation good", made(shuffled), "volume", (unknown,), warned=True)


def cases() -> list[Case]:
    """Every case."""
    kinds = (
        *(offset_stacks, what_tells_volumes_apart, incomplete, refused_though_loadable, geometry_lost),
        *(damage_contained, structure, values, tiles, enhanced_volumes),
    )
    return list(chain.from_iterable(kind() for kind in kinds))
