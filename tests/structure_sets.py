"""RT structure sets made for the tests, with pydicom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import Dataset
from pydicom.uid import RTStructureSetStorage
from synthetic import ROOT, STUDY, write_dataset

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Line = tuple[str, Any]  # ContourGeometricType, places (n, 3) in LPS mm


def write_structure_set(
    path: Path,
    regions: dict[str, Iterable[Line]],
    *,
    frame_of_reference: str | None = f"{ROOT}.2000",
    series: str = f"{ROOT}.1",
    digits: int = 9,
    **attributes: Any,
) -> Path:
    """Write a structure set whose regions, numbered from 1, are given by name as contours."""
    d = Dataset()
    d.SOPClassUID, d.SOPInstanceUID = RTStructureSetStorage, f"{ROOT}.77.1"
    d.Modality, d.StudyInstanceUID, d.SeriesInstanceUID = "RTSTRUCT", STUDY, f"{ROOT}.77"
    d.PatientName, d.PatientID = "Secret^Name", "SECRET-ID"
    d.StructureSetLabel = "made"
    referenced = Dataset()
    if frame_of_reference:
        referenced.FrameOfReferenceUID = frame_of_reference
    study, one = Dataset(), Dataset()
    study.ReferencedSOPInstanceUID = STUDY
    one.SeriesInstanceUID = series
    study.RTReferencedSeriesSequence = [one]
    referenced.RTReferencedStudySequence = [study]
    d.ReferencedFrameOfReferenceSequence = [referenced]
    rois, contours, observations = [], [], []
    for number, (name, lines) in enumerate(regions.items(), 1):
        roi, item, observation = Dataset(), Dataset(), Dataset()
        roi.ROINumber, roi.ROIName = number, name
        if frame_of_reference:
            roi.ReferencedFrameOfReferenceUID = frame_of_reference
        item.ReferencedROINumber, item.ROIDisplayColor = number, [10 * number % 256, 20, 30]
        item.ContourSequence = [_contour(kind, places, digits) for kind, places in lines]
        observation.ReferencedROINumber, observation.RTROIInterpretedType = number, "ORGAN"
        rois.append(roi)
        contours.append(item)
        observations.append(observation)
    d.StructureSetROISequence, d.ROIContourSequence, d.RTROIObservationsSequence = rois, contours, observations
    for keyword, value in attributes.items():
        setattr(d, keyword, value)
    write_dataset(path, d)
    return path


def _contour(kind: str, places: Any, digits: int) -> Dataset:
    line = Dataset()
    places = np.asarray(places, float).reshape(-1, 3)
    line.ContourGeometricType, line.NumberOfContourPoints = kind, len(places)
    line.ContourData = [f"{v:.{digits}g}" for v in places.ravel()]
    return line


def closed(places: Any) -> Line:
    """A closed contour."""
    return "CLOSED_PLANAR", places


def circle(centre: Sequence[float], radius: float, *, u: Any = (1, 0, 0), v: Any = (0, 1, 0), count: int = 90) -> Any:
    """A circle about a place in the patient, in the plane of two unit vectors."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)[:, None]
    return np.asarray(centre) + radius * (np.cos(angle) * np.asarray(u) + np.sin(angle) * np.asarray(v))


def rectangle(x0: float, y0: float, x1: float, y1: float, z: float) -> Any:
    """A rectangle in an axial plane."""
    return [(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)]
