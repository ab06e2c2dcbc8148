"""Doses that may be measured: those in Gy, not relative ones and no differences (PS3.3 C.8.8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UnsupportedPixelDataError
from ..errors.remedies import SetOption, Use
from ..headers.objects.dose_kind import read_dose_kind
from ..headers.sop_classes import RT_DOSE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..errors.remedies import Remedy
    from ..headers.objects.dose_kind import DoseKind
    from ..loading.volume_data import VolumeData


def require_dose(volume: VolumeData) -> DoseKind:
    """Refuse what is no dose in Gy, and say what kind of dose it is.

    Raises
    ------
    UnsupportedPixelDataError
        No dose, one in other units, or a difference of doses (DoseType ERROR).
    """
    header = volume.series.header
    if header.sop_class_uid != RT_DOSE:
        raise UnsupportedPixelDataError(f"{volume.series.title} is no dose (RT Dose Storage)", files=[header.path])
    return _require_gray(volume, [] if volume.rescaled else [SetOption("rescale", (True,), function="load")])


def refuse_other_doses(volume: VolumeData) -> None:
    """Refuse to bring a dose onto another volume that would be taken for Gy there; what is no dose passes."""
    if volume.series.header.sop_class_uid == RT_DOSE and volume.rescaled:
        _require_gray(volume, [Use("like=other.geometry, for the values as they are")])


def _require_gray(volume: VolumeData, remedies: Sequence[Remedy]) -> DoseKind:
    header = volume.series.header
    kind = read_dose_kind(header.file)
    if volume.units == "Gy" and kind.type != "ERROR":
        return kind
    what = f"DoseUnits {volume.units or 'unknown (rescale=False)'}" if volume.units != "Gy" else "DoseType ERROR"
    raise UnsupportedPixelDataError(
        f"{volume.series.title} holds no dose in Gy: {what}", files=[header.path], remedies=remedies
    )
