"""Cases of volumes at the same places: what in the header tells them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from archive import (
    DIXON,
    STEP,
    Case,
    Image,
    even,
    images,
    made,
    pair,
    several,
    single,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


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
