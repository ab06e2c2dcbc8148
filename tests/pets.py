"""PET series made for the tests: what standardized uptake values depend on, each part of which may be changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydicom import Dataset
from pydicom.uid import PositronEmissionTomographyImageStorage
from synthetic import write_series

if TYPE_CHECKING:
    from pathlib import Path

    from synthetic import Edit, Truth

INJECTED = datetime(2024, 3, 1, 9, 0, 0)
STARTED = INJECTED + timedelta(seconds=3600)
HALF_LIFE, DOSE, WEIGHT, SIZE = 6586.2, 370e6, 70.0, 1.75

IMAGE: dict[str, Any] = {
    "SOPClassUID": PositronEmissionTomographyImageStorage,
    "Modality": "PT",
    "Units": "BQML",
    "DecayCorrection": "START",
    "CorrectedImage": ["ATTN", "DECY", "SCAT"],
    "PatientWeight": WEIGHT,
    "PatientSize": SIZE,
    "PatientSex": "F",
    "SeriesDate": "20240301",
    "SeriesTime": "100000",
    "RescaleSlope": 2.5,
    "RescaleIntercept": 0,
    "RescaleType": None,
}
INJECTION: dict[str, Any] = {
    "RadionuclideTotalDose": DOSE,
    "RadionuclideHalfLife": HALF_LIFE,
    "RadiopharmaceuticalStartDateTime": "20240301090000.00",
    "RadiopharmaceuticalStartTime": "090000.00",
}


def write_pet(folder: Path, *, edit: Edit | None = None, **changed: Any) -> Truth:
    """Write a PET series of which slice k is acquired k minutes after 10:00; None takes an attribute out."""
    injection = Dataset()
    for keyword, value in {**INJECTION, **{k: v for k, v in changed.items() if k in INJECTION}}.items():
        if value is not None:
            setattr(injection, keyword, value)
    image = {**IMAGE, **{k: v for k, v in changed.items() if k not in INJECTION}}

    def complete(dataset: Dataset, k: int) -> None:
        acquired = STARTED + timedelta(minutes=k)
        dataset.AcquisitionDate, dataset.AcquisitionTime = f"{acquired:%Y%m%d}", f"{acquired:%H%M%S}.00"
        dataset.RadiopharmaceuticalInformationSequence = [injection]
        if edit is not None:
            edit(dataset, k)

    return write_series(folder, edit=complete, **image)
