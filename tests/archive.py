"""Small series of the kinds that archives hold, made from parameters, with the truth by construction.

A case is a folder of files and what a loader owes for it. Its slices are `Image`s: which volume, which slice of it, how
far along the normal, and what its header says. The values of a slice name its volume and its number.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from synthetic import write_series

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

    Floats = NDArray[np.float64]
    Outcome = Literal["volume", "volumes", "series", "unmixed", "told", "refused"]

ROWS, COLUMNS = 6, 8
PIXEL_SPACING = (0.8, 0.5)
THICKNESS = 2.0
ORIGIN = np.array((-10.0, -20.0, 30.0))
AXIAL, CORONAL, OBLIQUE = (1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1), (0.8, 0.6, 0, 0, 0, -1)
STEP = 3.0
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
DIXON = [["DERIVED", "PRIMARY", "DIXON", part] for part in ("IN_PHASE", "OPP_PHASE", "WATER", "FAT")]
_VALUES = 2000  # a volume may have


@dataclass(frozen=True)
class Image:
    """A slice: its volume, its number there, its place along the normal in mm, and attributes by keyword."""

    volume: int
    index: int
    place: float
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def pixels(self) -> NDArray[np.uint16]:
        """Values that no other slice of the case has, and that differ within it."""
        values = _VALUES * (self.volume + 1) + 60 * self.index + np.arange(ROWS * COLUMNS)
        return values.astype(np.uint16).reshape(ROWS, COLUMNS)


def volume_of(pixels: NDArray[Any]) -> set[int]:
    """The volumes that values belong to."""
    return set((np.unique(pixels).astype(int) // _VALUES - 1).tolist())


@dataclass(frozen=True, eq=False)
class Owed:
    """A volume that a loader owes."""

    frames: Floats  # (slices, rows, columns), ascending along row × column
    affine: Floats | None  # index (x, y, z, 1) → LPS mm; None where it is not known


def images(places: Iterable[float], volume: int = 0, **attributes: Any) -> list[Image]:
    """The slices of a volume; a callable attribute is asked for its value with the number of the slice."""
    return [
        Image(volume, k, place, {name: value(k) if callable(value) else value for name, value in attributes.items()})
        for k, place in enumerate(places)
    ]


def even(count: int = 5, start: float = 0.0, step: float = STEP) -> list[float]:
    """Places one step apart."""
    return [start + k * step for k in range(count)]


def owe(slices: Sequence[Image], orientation: Sequence[float] = AXIAL) -> Owed:
    """What a loader owes for slices that make one even volume."""
    ordered = sorted(slices, key=lambda image: image.place)
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    normal = np.cross(row, column)
    count = len(ordered)
    step = (ordered[-1].place - ordered[0].place) / (count - 1) if count > 1 else THICKNESS
    affine = np.eye(4)
    affine[:3] = np.column_stack(
        [row * PIXEL_SPACING[1], column * PIXEL_SPACING[0], normal * step, ORIGIN + normal * ordered[0].place]
    )
    return Owed(np.array([image.pixels for image in ordered], float), affine)


def owe_each(slices: Sequence[Image], orientation: Sequence[float] = AXIAL) -> tuple[Owed, ...]:
    """What a loader owes for several volumes, in the order of their numbers."""
    numbers = sorted({image.volume for image in slices})
    return tuple(owe([image for image in slices if image.volume == number], orientation) for number in numbers)


def write_images(
    folder: Path,
    slices: Sequence[Image],
    orientation: Sequence[float] = AXIAL,
    edit: Callable[[Dataset, int], None] | None = None,
    **common: Any,
) -> None:
    """Write a file for each slice, InstanceNumber in the order given; None takes an attribute out."""
    normal = np.cross(orientation[:3], orientation[3:])

    def finish(dataset: Dataset, k: int) -> None:
        image = slices[k]
        dataset.PixelData = image.pixels.tobytes()
        dataset.ImagePositionPatient = [f"{p:.8g}" for p in ORIGIN + normal * image.place]
        for name, value in image.attributes.items():
            if value is None:
                dataset.pop(name, None)
            else:
                setattr(dataset, name, value)
        if edit is not None:
            edit(dataset, k)

    size = {"count": len(slices), "rows": ROWS, "columns": COLUMNS, "dtype": np.uint16}
    write_series(folder, edit=finish, orientation=orientation, **size, **common)


@dataclass(frozen=True)
class Case:
    """Files, and what a loader owes for them.

    Attributes
    ----------
    kind, name : str
        What it is a case of.
    build : callable
        Writes the files into a folder.
    outcome : str
        ``volume``: `load` gives it. ``volumes``: `load` is refused and offers the stacks, which are these. ``unmixed``:
        refused, and no volume of any stack holds slices of two. ``told``: refused or warned of. ``refused``.
        ``series``: several series, each of which loads as its volume, or is refused where that is None.
    owed : tuple of Owed or None
        The volumes.
    warned : bool or None
        Whether a DicomLoadWarning is due; None where it may be.
    says : tuple of str
        Words of which a warning, or the error of a refusal, holds one.
    labels : tuple of str
        Words that labels hold, each in the label of one volume at least.
    hidden : tuple of str
        Words that stand in no label, message or warning.
    ordered : bool
        Whether the volumes come in the order of `owed`.
    options : dict
        Of `load`.
    error : type
        Of a refusal.
    """

    kind: str
    name: str
    build: Callable[[Path], None]
    outcome: Outcome
    owed: tuple[Owed | None, ...] = ()
    warned: bool | None = None
    says: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ("Secret", "SECRET", "19700102")
    ordered: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    error: type[vdl.DicomLoadError] = vdl.DicomLoadError

    @property
    def id(self) -> str:
        """The name of the test."""
        return f"{self.kind}: {self.name}"


def made(slices: Sequence[Image], orientation: Sequence[float] = AXIAL, **common: Any) -> Callable[[Path], None]:
    """A builder of one series."""
    return lambda folder: write_images(folder, slices, orientation, **common)


def single(kind: str, name: str, slices: Sequence[Image], *, warned: bool | None = False, **more: Any) -> Case:
    """A case of one volume."""
    orientation, common = more.pop("orientation", AXIAL), more.pop("common", {})
    owed = (owe(slices, orientation),)
    return Case(kind, name, made(slices, orientation, **common), "volume", owed, warned, **more)


def several(kind: str, name: str, slices: Sequence[Image], **more: Any) -> Case:
    """A case of several volumes."""
    orientation, common = more.pop("orientation", AXIAL), more.pop("common", {})
    return Case(kind, name, made(slices, orientation, **common), "volumes", owe_each(slices, orientation), **more)


def pair(one: dict[str, Any], other: dict[str, Any], offset: float, count: int = 5) -> list[Image]:
    """Two volumes of the same slices, the second an offset beside the first."""
    return [*images(even(count), 0, **one), *images(even(count, offset), 1, **other)]


def label_by_maker(
    write: tuple[int, str, int, str, tuple[Any, Any]], slices: Sequence[Image]
) -> Callable[[Dataset, int], None]:
    """An edit that writes an attribute of a maker's own, by the volume of each slice."""
    group, creator, element, vr, values = write

    def edit(dataset: Dataset, k: int) -> None:
        block = dataset.private_block(group, creator, create=True)
        block.add_new(element, vr, values[slices[k].volume])

    return edit
