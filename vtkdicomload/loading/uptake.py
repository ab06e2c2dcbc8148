"""Standardized uptake values of PET: activity by the dose that is left and the size of the patient (PS3.3 C.8.9.1)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, cast

from ..errors import UnsupportedPixelDataError
from ..errors.remedies import SetOption
from ..headers.data_set import UnusableAttribute
from ..headers.objects.pet import PetFacts, read_pet_facts
from ..headers.objects.real_world_values import map_real_world
from ..headers.sop_classes import ENHANCED_PET
from ..stacks.assumptions import Assumption, AssumptionKind
from .body import Normalisation, measure_body
from .checks import Check
from .decay import Decay, NoUptake, find_decayed_dose, find_first_acquisition

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..headers.model import Frame
    from ..stacks.series_data import SeriesData

UNITS: dict[Normalisation, str] = {"bw": "SUVbw g/ml", "lbm": "SUVlbm g/ml", "bsa": "SUVbsa cm2/ml"}
_NAMES = {"bw": "body weight", "lbm": "lean body mass by Janmahasatian", "bsa": "body surface area by Du Bois"}
# Units and SUVType of values that are SUV already, and by what they are normalised.
_STORED: dict[tuple[str, str | None], Normalisation] = {
    ("GML", None): "bw",
    ("GML", "BW"): "bw",
    ("GML", "LBMJANMA"): "lbm",
    ("CM2ML", None): "bsa",
    ("CM2ML", "BSA"): "bsa",
}
_ACTIVITY = "Bq/ml"  # of UCUM
# What the files of one series share, by the keywords to name them by.
_SHARED = {
    "units": "Units",
    "suv_type": "SUVType",
    "decay_correction": "DecayCorrection",
    "corrected_image": "CorrectedImage",
    "decay_corrected": "DecayCorrected",
    "attenuation_corrected": "AttenuationCorrected",
    "weight": "PatientWeight",
    "size": "PatientSize",
    "sex": "PatientSex",
    "radiopharmaceuticals": "RadiopharmaceuticalInformationSequence",
    "dose": "RadionuclideTotalDose",
    "half_life": "RadionuclideHalfLife",
    "injected": "RadiopharmaceuticalStartDateTime",
    "injected_time": "RadiopharmaceuticalStartTime",
    "series": "SeriesTime",
}


class _Factor(NamedTuple):
    """The factor of rescaled values, and how it was found."""

    value: float
    words: str
    guessed: tuple[str, ...] = ()


class Uptake(NamedTuple):
    """Frames whose rescaled values are uptake, and how they became that."""

    frames: tuple[Frame, ...]
    check: Check
    assumptions: tuple[Assumption, ...]


def scale_to_uptake(frames: tuple[Frame, ...], series: SeriesData, kind: Normalisation) -> Uptake:
    """The frames of a stack with standardized uptake values in the place of what they are rescaled to.

    Parameters
    ----------
    frames : tuple of Frame
        Those of the stack.
    series : SeriesData
        The stack; it knows when the first image of its whole series was acquired.
    kind : {"bw", "lbm", "bsa"}
        What uptake is normalised by.

    Raises
    ------
    UnsupportedPixelDataError
        The files do not say enough, or contradict themselves; the message names the attribute.
    """
    if frames[0].header.sop_class_uid == ENHANCED_PET:
        frames = map_real_world(frames, _ACTIVITY)
    one_each = {frame.path: frame for frame in frames}
    facts = {path: _read_facts(frame) for path, frame in one_each.items()}
    _refuse_differences(facts)
    first = find_first_acquisition(list(facts.values()), series.first_acquired)
    factors: dict[str, _Factor] = {}
    for frame in one_each.values():
        if frame.header.has_modality_lut:
            raise _make_uptake_error(frame.path, "its values are those of a lookup table")
        try:
            factors[frame.path] = _find_factor(facts[frame.path], kind, lambda own: find_decayed_dose(own, first))
        except NoUptake as error:
            raise _make_uptake_error(frame.path, str(error)) from error
    values = [factor.value for factor in factors.values()]
    one = next(iter(factors.values()))
    times = f"{values[0]:.9g}" if len(set(values)) == 1 else f"{min(values):.9g} to {max(values):.9g}, each file's own"
    check = Check(f"SUV{kind}", f"rescaled values times {times}: {_NAMES[kind]}; {one.words}")
    guessed = [Assumption(AssumptionKind.UPTAKE, {"what": what}) for what in one.guessed]
    return Uptake(tuple(_multiply(f, factors[f.path].value, UNITS[kind]) for f in frames), check, tuple(guessed))


def _read_facts(frame: Frame) -> PetFacts:
    try:
        return read_pet_facts(frame.header.file)
    except UnusableAttribute as error:
        raise _make_uptake_error(frame.path, str(error)) from error


def _refuse_differences(facts: dict[str, PetFacts]) -> None:
    """Refuse files of several doses, patients' sizes or corrections: which of them would be meant?"""
    (path, first), *others = facts.items()
    for other, own in others:
        for name, keyword in _SHARED.items():
            if getattr(own, name) != getattr(first, name):
                raise _make_uptake_error(path, f"{keyword} differs from that of {os.path.basename(other)}", other)


def _find_factor(facts: PetFacts, kind: Normalisation, find_dose: Callable[[PetFacts], Decay]) -> _Factor:
    """Find what the rescaled values of a file are multiplied by for standardized uptake values."""
    if facts.enhanced:
        return _divide_by_dose(facts, kind, find_dose, f"real-world values in {_ACTIVITY}", _check_enhanced(facts))
    if facts.units is None:
        raise NoUptake("Units is missing")
    if facts.units in ("GML", "CM2ML"):
        return _convert_stored(facts, kind)
    if facts.units not in ("BQML", "CNTS"):
        raise NoUptake(f"Units is {facts.units}, neither BQML, CNTS, GML nor CM2ML")
    guessed = _check_corrections(facts)
    if facts.units == "BQML":
        return _divide_by_dose(facts, kind, find_dose, "Units BQML", guessed)
    if facts.philips_suv:
        factor = _convert_normalisation(facts, "bw", kind)
        return _Factor(facts.philips_suv * factor, f"Units CNTS, {facts.philips_suv:g} of Philips (7053,1000)", guessed)
    if not facts.philips_activity:
        raise NoUptake("Units is CNTS, and the factors of Philips for it (7053,1000) and (7053,1009) are missing")
    words = f"Units CNTS, {facts.philips_activity:g} of Philips (7053,1009)"
    found = _divide_by_dose(facts, kind, find_dose, words, guessed)
    return found._replace(value=found.value * facts.philips_activity)


def _divide_by_dose(
    facts: PetFacts, kind: Normalisation, find_dose: Callable[[PetFacts], Decay], words: str, guessed: tuple[str, ...]
) -> _Factor:
    """Find what an activity in Bq/ml is multiplied by."""
    body = measure_body(facts, kind)
    decay = find_dose(facts)
    guessed = (*guessed, *([decay.guessed] if decay.guessed else []))
    unit = "cm2" if kind == "bsa" else "g"
    return _Factor(body / decay.dose, f"{words}, {body:.6g} {unit}, {decay.words}", guessed)


def _check_enhanced(facts: PetFacts) -> tuple[str, ...]:
    """`_check_corrections` of an enhanced object (PS3.3 C.8.22.5)."""
    if facts.decay_corrected != "YES":
        raise NoUptake(f"DecayCorrected is {facts.decay_corrected or 'missing'}")
    if facts.attenuation_corrected is None:
        return ("AttenuationCorrected is missing: the images are taken to be corrected for attenuation",)
    if facts.attenuation_corrected != "YES":
        raise NoUptake(f"AttenuationCorrected is {facts.attenuation_corrected}")
    return ()


def _check_corrections(facts: PetFacts) -> tuple[str, ...]:
    """Refuse activities without the corrections that uptake needs; say what is assumed of them."""
    if facts.decay_correction is None:
        raise NoUptake("DecayCorrection is missing")
    if facts.decay_correction not in ("START", "ADMIN"):
        raise NoUptake(f"DecayCorrection is {facts.decay_correction}, neither START nor ADMIN")
    if not any(facts.corrected_image):
        return ("CorrectedImage is missing: the images are taken to be corrected for attenuation",)
    for word, what in (("ATTN", "attenuation"), ("DECY", "decay")):
        if word not in facts.corrected_image:
            raise NoUptake(f"CorrectedImage says nothing of {what} ({word})")
    return ()


def _convert_stored(facts: PetFacts, kind: Normalisation) -> _Factor:
    """Values that are SUV already, of this kind or another."""
    words = f"Units {facts.units}, SUVType {facts.suv_type or 'missing'}"
    stored = _STORED.get((cast("str", facts.units), facts.suv_type))
    if stored is None:
        raise NoUptake(f"{words}: values of another formula")
    return _Factor(_convert_normalisation(facts, stored, kind), f"{words}, which is {_NAMES[stored]}")


def _convert_normalisation(facts: PetFacts, stored: Normalisation, kind: Normalisation) -> float:
    """The factor from one normalisation to another."""
    return 1.0 if stored == kind else measure_body(facts, kind) / measure_body(facts, stored)


def _multiply(frame: Frame, factor: float, units: str) -> Frame:
    """A frame whose modality transform gives its values times a factor."""
    header = frame.header
    center, width = header.window_center, header.window_width
    header = header._replace(
        units=units,
        rescale_type=None,
        window_center=None if center is None else center * factor,
        window_width=None if width is None else width * factor,
    )
    # Slope and intercept of the header stay those of the file: that is how a reader that applies them itself knows.
    return frame._replace(header=header, slope=frame.slope * factor, intercept=frame.intercept * factor)


def _make_uptake_error(path: str, what: str, *more: str) -> UnsupportedPixelDataError:
    return UnsupportedPixelDataError(
        f"{os.path.basename(path)}: no standardized uptake values: {what}",
        files=[path, *more],
        remedies=[SetOption("rescale", (True, False))],
    )
