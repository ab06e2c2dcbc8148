"""Positron emission tomography: what a file says of the dose, the patient's size and the time (PS3.3 C.8.9, C.8.22)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..data_set import UnusableAttribute, convert_numbers, list_values, open_data_set
from ..moments import parse_datetime, parse_moment, parse_time
from ..sop_classes import ENHANCED_PET

if TYPE_CHECKING:
    from datetime import datetime, time

    from ...sources.file import File
    from ..data_set import Attributes

_PHILIPS = (0x7053, "Philips PET Private Group")
_GE = (0x0009, "GEMS_PETD_01")


class PetFacts(NamedTuple):
    """Facts of one file, beside its pixels, that a standardized uptake value depends on.

    None is what is missing, empty or no number; times are those of the scanner.
    """

    units: str | None  # Units: BQML, GML, CM2ML, CNTS …
    suv_type: str | None
    decay_correction: str | None  # START, ADMIN, NONE
    corrected_image: tuple[str, ...]
    weight: float | None  # kg
    size: float | None  # m
    sex: str | None
    radiopharmaceuticals: int  # items of RadiopharmaceuticalInformationSequence
    dose: float | None  # RadionuclideTotalDose, Bq
    half_life: float | None  # s
    injected: datetime | None  # RadiopharmaceuticalStartDateTime
    injected_time: time | None  # RadiopharmaceuticalStartTime
    series: datetime | None  # SeriesDate and SeriesTime
    acquired: datetime | None  # AcquisitionDate and AcquisitionTime
    frame_reference: float | None  # FrameReferenceTime, ms from the start that decay is corrected to
    frame_duration: float | None  # ActualFrameDuration, ms
    dated: bool  # by SeriesDate, AcquisitionDate or DecayCorrectionDateTime
    ge_scan: datetime | None  # (0009,xx0D) of GE
    philips_suv: float | None  # (7053,xx00) of Philips
    philips_activity: float | None  # (7053,xx09)
    enhanced: bool  # an Enhanced PET Image, whose modules say it in other attributes
    decay_corrected: str | None  # YES, NO
    attenuation_corrected: str | None
    corrected_to: datetime | None  # DecayCorrectionDateTime


def read_pet_facts(file: File) -> PetFacts:
    """Read what a standardized uptake value depends on.

    Raises
    ------
    UnusableAttribute
        The file cannot be read.
    """
    with open_data_set(file) as attributes:
        return _read_pet_facts(attributes)


def _read_pet_facts(attributes: Attributes) -> PetFacts:
    injections = attributes.items("RadiopharmaceuticalInformationSequence")
    injection = injections[0] if injections else None
    series_date, acquired_date = (_read_words(attributes, name) for name in ("SeriesDate", "AcquisitionDate"))
    offset = _read_words(attributes, "TimezoneOffsetFromUTC")
    ge_scan = attributes.find_private_tag(*_GE, 0x0D)
    enhanced = attributes.text("SOPClassUID") == ENHANCED_PET
    corrected_to = parse_datetime(_read_words(attributes, "DecayCorrectionDateTime"), offset) if enhanced else None
    return PetFacts(
        units=_read_words(attributes, "Units"),
        suv_type=_read_words(attributes, "SUVType"),
        decay_correction=_read_words(attributes, "DecayCorrection"),
        corrected_image=tuple(str(word).strip() for word in list_values(attributes.get("CorrectedImage") or ())),
        weight=_read_optional_number(attributes, "PatientWeight"),
        size=_read_optional_number(attributes, "PatientSize"),
        sex=_read_words(attributes, "PatientSex"),
        radiopharmaceuticals=len(injections),
        dose=_read_optional_number(injection, "RadionuclideTotalDose"),
        half_life=_read_optional_number(injection, "RadionuclideHalfLife"),
        injected=parse_datetime(_read_words(injection, "RadiopharmaceuticalStartDateTime"), offset),
        injected_time=parse_time(_read_words(injection, "RadiopharmaceuticalStartTime")),
        series=parse_moment(series_date or acquired_date, _read_words(attributes, "SeriesTime")),
        acquired=parse_moment(acquired_date or series_date, _read_words(attributes, "AcquisitionTime")),
        frame_reference=_read_optional_number(attributes, "FrameReferenceTime"),
        frame_duration=_read_optional_number(attributes, "ActualFrameDuration"),
        dated=bool(series_date or acquired_date or corrected_to),
        ge_scan=None if ge_scan is None else parse_datetime(str(_strip_bytes(attributes.get(ge_scan))), offset),
        philips_suv=_read_private_number(attributes, 0x00),
        philips_activity=_read_private_number(attributes, 0x09),
        enhanced=enhanced,
        decay_corrected=_read_words(attributes, "DecayCorrected"),
        attenuation_corrected=_read_words(attributes, "AttenuationCorrected"),
        corrected_to=corrected_to,
    )


def _read_words(attributes: Attributes | None, name: str) -> str | None:
    if attributes is None:
        return None
    try:
        return (attributes.text(name) or "").strip() or None
    except UnusableAttribute:
        return None


def _read_optional_number(attributes: Attributes | None, name: str) -> float | None:
    """A single number; None where there is none, which is then named as missing."""
    if attributes is None:
        return None
    try:
        return float(convert_numbers(name, attributes.get(name), 1))
    except UnusableAttribute:
        return None


def _read_private_number(attributes: Attributes, element: int) -> float | None:
    tag = attributes.find_private_tag(*_PHILIPS, element)
    try:
        return None if tag is None else float(convert_numbers("", _strip_bytes(attributes.get(tag)), 1))
    except UnusableAttribute:
        return None


def _strip_bytes(value: object) -> object:
    """A value of private data, of which implicit VR leaves bytes."""
    return value.decode("latin-1").strip(" \0") if isinstance(value, bytes) else value
