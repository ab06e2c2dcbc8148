"""The table of cases, by kind."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from archive import CORONAL, OBLIQUE, STEP, Case, Image, even, images, made, owe, several, single, write_images
from archive_bytes import damage_contained, structure
from archive_enhanced import enhanced_volumes
from archive_pixels import tiles, values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

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
OFFSETS = {"at equal places": 0.0, "half a slice beside": STEP / 2, "0.9 mm beside": 0.9, "8 µm beside": 0.008}


def pair(one: dict[str, Any], other: dict[str, Any], offset: float, count: int = 5) -> list[Image]:
    """Two volumes of the same slices, the second an offset beside the first."""
    return [*images(even(count), 0, **one), *images(even(count, offset), 1, **other)]


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
TEXTS = ("ContrastBolusAgent", "ProtocolName", "ImageComments")


def what_tells_volumes_apart() -> Iterator[Case]:
    kind = "what tells volumes apart"
    for name, three in ANY.items():
        slices = [image for v, value in enumerate(three) for image in images(even(), v, **{name: value})]
        yield several(kind, f"{name}, volume by volume", slices)
        by_place = sorted(slices, key=lambda image: image.index)
        yield several(kind, f"{name}, place by place", by_place)
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

    def numbered(places: Sequence[float], numbers: Sequence[int], **more: Any) -> list[Image]:
        return images(places, 0, InstanceNumber=lambda k: numbers[k], **more)

    for name, slices in {
        "every second slice by SpacingBetweenSlices": numbered(
            even(10, step=2.4), range(1, 21, 2), SpacingBetweenSlices=1.2, SliceThickness=1.2
        ),
        "150 of 196 ImagesInAcquisition": numbered(even(15), range(1, 16), ImagesInAcquisition=20, AcquisitionNumber=1),
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
        "InstanceNumber from 0": numbered(even(10), range(10)),
        "InstanceNumber backwards": numbered(even(10), range(10, 0, -1)),
        "InstanceNumber beside another series": numbered(even(10), range(101, 111)),
        "complete by NumberOfSlices of PET": numbered(even(10), range(1, 11), Modality="PT", NumberOfSlices=10),
        "SpacingBetweenSlices beyond the gap": numbered(even(10, step=2.4), range(1, 11), SpacingBetweenSlices=3.0),
    }.items():
        yield single(kind, f"guard: {name}", slices, warned=False)


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
