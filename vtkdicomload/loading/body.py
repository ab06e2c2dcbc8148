"""The sizes of a body by which uptake is normalised: the patient's weight, lean mass and surface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .decay import NoUptake, require

if TYPE_CHECKING:
    from ..headers.objects.pet import PetFacts

Normalisation = Literal["bw", "lbm", "bsa"]

_TALLEST = 3.0  # m: more were cm


def measure_body(facts: PetFacts, kind: Normalisation) -> float:
    """The weight or lean mass of a patient in g, or the surface in cm².

    Lean mass is that of Janmahasatian et al. (Clin Pharmacokinet 2005; 44: 1051), which the recommendations for PET
    prefer: James's formula falls again with the weight of heavy patients. The surface is that of Du Bois and Du Bois
    (Arch Intern Med 1916; 17: 863).

    Raises
    ------
    NoUptake
        An attribute is missing or cannot be true.
    """
    weight = require(facts.weight, "PatientWeight")
    if kind == "bw":
        return weight * 1000
    size = require(facts.size, "PatientSize")
    if size > _TALLEST:
        raise NoUptake(f"PatientSize is {size:g}, which are no m")
    if kind == "bsa":
        return float(71.84 * weight**0.425 * (100 * size) ** 0.725)
    index = weight / size**2
    if facts.sex == "M":
        return 1000 * 9270 * weight / (6680 + 216 * index)
    if facts.sex == "F":
        return 1000 * 9270 * weight / (8780 + 244 * index)
    raise NoUptake(f"PatientSex is {'missing' if facts.sex is None else repr(facts.sex)}, and lean mass differs by it")
