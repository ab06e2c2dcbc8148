"""Cases of series of which a part is missing, and of complete ones that look so."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from archive import (
    CONTENT,
    DIXON,
    STEP,
    Case,
    Image,
    even,
    images,
    label_by_maker,
    made,
    owe,
    pair,
    single,
    write_images,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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
        build = partial(write_images, slices=slices, edit=label_by_maker(write, slices))
        yield Case(kind, f"10 of {said} slices by Philips", build, "volume", (owe(slices),), warned=said > 10)
