"""Series of tiny slices that say where they lie and which volume they are of: slice k of volume v holds 100 v + k."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pydicom import Dataset
from pydicom.uid import MRImageStorage
from synthetic import ROOT, STUDY, write_dataset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Attributes = dict[str, Any]


class Slice(NamedTuple):
    """One slice: where it lies along z in mm, what it holds, and its attributes."""

    z: float
    value: int
    attributes: Attributes


def stack(v: int, places: Iterable[float], **attributes: Any) -> list[Slice]:
    """List the slices of volume `v`; a callable attribute is called with the number of the slice.

    The attribute ``private`` is called with the dataset, once that is made.
    """

    def value_of(name: str, value: Any, k: int) -> Any:
        return value(k) if callable(value) and name != "private" else value

    return [
        Slice(z, 100 * v + k, {name: value_of(name, value, k) for name, value in attributes.items()})
        for k, z in enumerate(places)
    ]


def write_slices(folder: Path, slices: Sequence[Slice], **common: Any) -> None:
    """Write one series, in the order given by InstanceNumber, with names in another order."""
    for k, (z, value, attributes) in enumerate(slices):
        d = Dataset()
        d.SOPClassUID, d.SOPInstanceUID = MRImageStorage, f"{ROOT}.5.{k + 1}"
        d.StudyInstanceUID, d.SeriesInstanceUID = STUDY, f"{ROOT}.5"
        d.Modality, d.SeriesNumber, d.InstanceNumber = "MR", 1, k + 1
        d.FrameOfReferenceUID = f"{ROOT}.2000"
        d.ImagePositionPatient, d.ImageOrientationPatient = [0, 0, f"{z:.10g}"], [1, 0, 0, 0, 1, 0]
        d.PixelSpacing, d.Rows, d.Columns = [1, 1], 3, 4
        d.SamplesPerPixel, d.PhotometricInterpretation = 1, "MONOCHROME2"
        d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
        d.PixelData = np.full((3, 4), value, "<u2").tobytes()
        for keyword, given in {**common, **attributes}.items():
            if keyword == "private":
                given(d)
            else:
                setattr(d, keyword, given)
        write_dataset(folder / f"{(k * 37) % 9973:04}.dcm", d)


def list_volumes(frames: np.ndarray[Any, Any]) -> list[int]:
    """List the volumes that the slices of an array are of."""
    return sorted({int(frame.flat[0]) // 100 for frame in frames})
