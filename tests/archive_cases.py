"""Cases that need no refusal, and the table of all cases, by kind."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from archive import (
    STEP,
    Case,
    even,
    images,
    made,
    owe,
    single,
    write_images,
)
from archive_bytes import damage_contained, structure
from archive_contents import what_tells_volumes_apart
from archive_enhanced import enhanced_volumes
from archive_incomplete import incomplete
from archive_offsets import offset_stacks
from archive_pixels import tiles, values
from pydicom.uid import ImplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
