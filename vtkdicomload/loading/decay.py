"""The part of the injected dose that was left when a PET series was corrected for decay to: its reference time."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from ..headers.moments import UNDATED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..headers.objects.pet import PetFacts

_MOST_HALF_LIVES = 10.0  # then a thousandth of the dose is left, and a date is wrong more likely than not
_LEAST_DOSE = 1e4  # Bq: below lies what was written in MBq or kBq
_DAY = timedelta(days=1)
_DOUBTFUL = 0.02  # of the values: what another start would make of them
_AGREE = timedelta(minutes=1)  # between two spellings of the time of injection


class NoUptake(ValueError):  # noqa: N818 - a finding, which its catcher makes an error with the file
    """The files do not say enough for standardized uptake values, or contradict themselves."""


class Decay(NamedTuple):
    """The dose that the values of a series refer to.

    Attributes
    ----------
    dose : float
        In Bq, what is left of the injected one at the reference time.
    words : str
        How it was found.
    guessed : str
        What had to be taken for granted for it; empty where nothing.
    """

    dose: float
    words: str
    guessed: str = ""


def find_decayed_dose(facts: PetFacts, first: datetime | None) -> Decay:
    """The dose that is left at the time that a series was corrected for decay to.

    Parameters
    ----------
    facts : PetFacts
        Of any file of the series.
    first : datetime or None
        When the first image of the whole series was acquired, of all beds and time points.

    Raises
    ------
    NoUptake
        An attribute is missing or cannot be true.
    """
    dose = require(facts.dose, "RadionuclideTotalDose")
    if dose < _LEAST_DOSE:
        raise NoUptake(f"RadionuclideTotalDose is {dose:g}, which are no Bq")
    if facts.radiopharmaceuticals > 1:
        raise NoUptake(f"RadiopharmaceuticalInformationSequence has {facts.radiopharmaceuticals} items")
    if facts.decay_correction == "ADMIN":
        return Decay(dose, f"{dose / 1e6:g} MBq, decay corrected to the injection (DecayCorrection ADMIN)")
    half_life = require(facts.half_life, "RadionuclideHalfLife")
    reference, source, guessed = _find_reference(facts, first)
    guessed = guessed or _doubt_reference(facts, reference, half_life)
    seconds = _find_elapsed(facts, reference, half_life)
    left = dose * 2 ** (-seconds / half_life)
    at = f"{reference:%Y-%m-%d %H:%M:%S}" if facts.dated else f"{reference:%H:%M:%S}"
    words = f"{dose / 1e6:g} MBq, {left / 1e6:.6g} MBq left after {seconds:g} s at {at} ({source})"
    return Decay(left, words, guessed)


def require(value: float | None, name: str) -> float:
    """A number above 0 that a file has to have; NoUptake otherwise."""
    if value is None:
        raise NoUptake(f"{name} is missing")
    if not value > 0 or not math.isfinite(value):
        raise NoUptake(f"{name} is {value:g}")
    return value


def find_first_acquisition(facts: Sequence[PetFacts], known: datetime | None) -> datetime | None:
    """Find the first acquisition of some files, or `known` where that is earlier; None where a file does not say."""
    times = [f.acquired for f in facts]
    if any(moment is None for moment in times):
        return None
    own = min(moment for moment in times if moment is not None)
    if known is not None and known.date() == UNDATED:
        known = datetime.combine(own.date(), known.time())
    return own if known is None else min(own, known)


def _find_reference(facts: PetFacts, first: datetime | None) -> tuple[datetime, str, str]:
    """The time that DecayCorrection START means, what says so, and what is assumed for it (as QIBA's pseudo-code)."""
    if facts.enhanced:
        if facts.corrected_to is None:
            raise NoUptake("DecayCorrectionDateTime is missing or no time")
        return facts.corrected_to, "DecayCorrectionDateTime", ""
    if first is None:
        raise NoUptake("AcquisitionTime is missing or no time")
    if facts.series is not None and facts.series <= first:
        return facts.series, "SeriesTime; DecayCorrection START", ""
    if facts.ge_scan is not None and facts.ge_scan <= first:
        return facts.ge_scan, "GE's scan time (0009,100D); DecayCorrection START", ""
    why = "there is no SeriesTime" if facts.series is None else "SeriesTime lies after it"
    guessed = f"the first AcquisitionTime is taken for the start that decay is corrected to, since {why}"
    return first, "first AcquisitionTime; DecayCorrection START", guessed


def _doubt_reference(facts: PetFacts, reference: datetime, half_life: float) -> str:
    """Say where FrameReferenceTime, which counts from the start, puts that elsewhere; empty where it agrees.

    It lies where the mean activity of a frame is that of the moment (PS3.3 C.8.9.4.1.5).
    """
    if facts.acquired is None or not facts.frame_reference or not facts.frame_duration:
        return ""
    constant = math.log(2) / half_life
    decay = constant * facts.frame_duration / 1000
    if min(facts.frame_reference, decay) <= 0:
        return ""
    middle = math.log(decay / -math.expm1(-decay)) / constant
    implied = facts.acquired + timedelta(seconds=middle - facts.frame_reference / 1000)
    change = math.exp(constant * (implied - reference).total_seconds()) - 1
    if abs(change) < _DOUBTFUL:
        return ""
    return (
        f"{reference:%H:%M:%S} is taken for the start that decay is corrected to; by FrameReferenceTime it is "
        f"{implied:%H:%M:%S}, which would change the values by {change:+.0%}"
    )


def _find_elapsed(facts: PetFacts, reference: datetime, half_life: float) -> float:
    """Seconds from the injection to the reference time."""
    most = _MOST_HALF_LIVES * half_life
    if facts.injected is not None and facts.dated:
        _refuse_disagreement(facts, facts.injected)
        elapsed, name = reference - facts.injected, "RadiopharmaceuticalStartDateTime"
    elif facts.injected_time is not None:
        # A time of day: that of the last day or, over midnight, of the day before.
        elapsed = (reference - datetime.combine(reference.date(), facts.injected_time)) % _DAY
        name = "RadiopharmaceuticalStartTime"
        if (elapsed + _DAY).total_seconds() <= most:
            raise NoUptake(
                f"RadiopharmaceuticalStartDateTime is missing, and with a half-life of {half_life:g} s "
                "RadiopharmaceuticalStartTime may be of several days"
            )
    elif facts.injected is not None:
        raise NoUptake("SeriesDate and AcquisitionDate are missing")
    else:
        raise NoUptake("RadiopharmaceuticalStartDateTime and RadiopharmaceuticalStartTime are missing")
    seconds = elapsed.total_seconds()
    if not 0 <= seconds <= most:
        raise NoUptake(
            f"{seconds:g} s lie between {name} and the start of the series, outside 0 to "
            f"{_MOST_HALF_LIVES:g} half-lives of {half_life:g} s"
        )
    return seconds


def _refuse_disagreement(facts: PetFacts, injected: datetime) -> None:
    """Refuse two times of injection that are not the same time of day."""
    if facts.injected_time is None:
        return
    apart = (injected - datetime.combine(injected.date(), facts.injected_time)) % _DAY
    if min(apart, _DAY - apart) > _AGREE:
        raise NoUptake(
            f"RadiopharmaceuticalStartDateTime says {injected:%H:%M:%S}, RadiopharmaceuticalStartTime "
            f"{facts.injected_time:%H:%M:%S}"
        )
