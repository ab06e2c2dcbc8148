"""Multi-frame files made for the tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import EnhancedMRImageStorage
from synthetic import ROOT, STUDY, write_dataset

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

ROWS, COLUMNS = 5, 7


def multi_frame(count: int, sop_class: str, modality: str = "CT") -> Dataset:
    """A file of `count` frames of ROWS × COLUMNS unsigned values of 16 bits that count up from 0."""
    d = Dataset()
    d.SOPClassUID, d.SOPInstanceUID = sop_class, f"{ROOT}.3.1"
    d.StudyInstanceUID, d.SeriesInstanceUID = STUDY, f"{ROOT}.3"
    d.Modality, d.SeriesNumber, d.InstanceNumber, d.NumberOfFrames = modality, 3, 1, count
    d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation = ROWS, COLUMNS, 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 0
    d.PixelData = np.arange(count * ROWS * COLUMNS, dtype="<u2").tobytes()
    return d


def group(**attributes: Any) -> list[Dataset]:
    """A sequence of one item, such as a functional group."""
    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return [item]


def write_enhanced(
    path: Path,
    places: Sequence[float],
    *,
    sop_class: str = EnhancedMRImageStorage,
    dimensions: Sequence[tuple[int, int | None]] = (),
    edit: Callable[[Dataset], None] | None = None,
    edit_frame: Callable[[Dataset, int], None] | None = None,
    **attributes: Any,
) -> NDArray[np.int64]:
    """Write an enhanced object whose frame *i* lies 2.5 mm × ``places[i]`` along z; returns its stored frames.

    Parameters
    ----------
    dimensions : sequence of (int, int or None)
        DimensionIndexPointer and FunctionalGroupPointer of each dimension.
    edit, edit_frame : callable, optional
        Called with the dataset before it is written, and with the groups of each frame and its number from 0. Those
        hold a FrameContentSequence of one item.
    **attributes
        Of the dataset, by keyword.
    """
    d = multi_frame(len(places), sop_class, "MR")
    shared = Dataset()
    shared.PlaneOrientationSequence = group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.PixelMeasuresSequence = group(PixelSpacing=[0.8, 0.5], SliceThickness=2)
    d.SharedFunctionalGroupsSequence = [shared]
    d.PerFrameFunctionalGroupsSequence = []
    for i, place in enumerate(places):
        own = Dataset()
        own.PlanePositionSequence = group(ImagePositionPatient=[-10, -20, 30 + 2.5 * place])
        own.FrameContentSequence = group(FrameReferenceDateTime="20200101120000")
        if edit_frame is not None:
            edit_frame(own, i)
        d.PerFrameFunctionalGroupsSequence.append(own)
    if dimensions:
        d.DimensionIndexSequence = [
            group(DimensionIndexPointer=tag, **({} if owner is None else {"FunctionalGroupPointer": owner}))[0]
            for tag, owner in dimensions
        ]
    for keyword, value in attributes.items():
        setattr(d, keyword, value)
    if edit is not None:
        edit(d)
    write_dataset(path, d)
    return np.arange(len(places) * ROWS * COLUMNS).reshape(len(places), ROWS, COLUMNS)


def without_place(path: Path) -> list[vdl.Volume]:
    """The volumes of a file whose frames have no place: in file order, and said so in a warning."""
    with pytest.warns(vdl.DicomLoadWarning) as caught:
        volumes = vdl.load_all(path)
    assert sum("frames are in file order" in str(w.message) for w in caught) == len(volumes)
    assert all(volume.affine is None for volume in volumes)
    return volumes


def highdicom_truth(data: Path) -> dict[str, dict[str, Any]]:
    """What highdicom makes of its own files: values and affine of (slice, row, column), by file and segment."""
    truth: dict[str, dict[str, Any]] = json.loads((data / "highdicom" / "truth.json").read_text())
    return truth


def assert_as_highdicom(volume: vdl.Volume, truth: dict[str, Any], **tolerance: float) -> None:
    """The values at every place are those of highdicom, whichever way its slices run and wherever they begin."""
    values, affine = np.array(truth["values"]), np.array(truth["affine"])
    assert volume.frames.shape[1:] == values.shape[1:]
    nz, ny, nx = volume.frames.shape
    own = volume.geometry
    for k in range(nz):
        for c, r in ((0, 0), (nx - 1, ny - 1)):
            place = own.to_patient((c, r, k))
            there = np.linalg.solve(affine, [*place, 1])[:3]
            np.testing.assert_allclose(there, [np.rint(there[0]), r, c], atol=1e-5)
        np.testing.assert_allclose(volume.frames[k], values[round(there[0])], **(tolerance or {"rtol": 0}))
    others = set(range(len(values))) - {round(np.linalg.solve(affine, [*p, 1])[0]) for p in own.positions}
    assert not any(np.any(values[k]) for k in others)
