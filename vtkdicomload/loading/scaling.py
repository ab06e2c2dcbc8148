"""From stored values to those of a volume: which of the transforms that files hold is asked for by ``rescale=``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..headers.objects.philips_scaling import scale_precisely
from ..headers.objects.real_world_values import check_hounsfield_units, map_real_world
from ..stacks.assumptions import Assumption, AssumptionKind
from .checks import Check
from .lut_faults import check_modality_luts
from .uptake import scale_to_uptake

if TYPE_CHECKING:
    from ..headers.model import Frame
    from ..stacks.series_data import SeriesData
    from .body import Normalisation
    from .options import Rescale

_NORMALISATIONS: dict[str, Normalisation] = {"suv-bw": "bw", "suv-lbm": "lbm", "suv-bsa": "bsa"}


class Scaled(NamedTuple):
    """Frames whose slope and intercept lead to the values that are asked for."""

    frames: tuple[Frame, ...]
    checks: tuple[Check, ...] = ()
    assumptions: tuple[Assumption, ...] = ()


def scale_frames(frames: tuple[Frame, ...], series: SeriesData, rescale: Rescale) -> Scaled:
    """The frames of a stack with the transform that ``rescale=`` asks for.

    Raises
    ------
    UnsupportedPixelDataError
        Their files do not hold it, or not all that it takes.
    CorruptFileError
        A modality LUT cannot be used.
    """
    kind = _NORMALISATIONS.get(rescale) if isinstance(rescale, str) else None
    if kind is not None:
        uptake = scale_to_uptake(frames, series, kind)
        return Scaled(uptake.frames, (uptake.check,), uptake.assumptions)
    if rescale == "precise":
        scaled, disputed = scale_precisely(frames)
        check = Check("precise", "floating-point values of Philips: (PV * RS + RI) / (RS * SS), SS (2005,100E)")
        facts = {"said": disputed[0], "made": disputed[1]} if disputed else {}
        return Scaled(scaled, (check,), (Assumption(AssumptionKind.PRECISE, facts),) if disputed else ())
    if isinstance(rescale, str):
        return Scaled(map_real_world(frames, rescale.partition(":")[2].strip()))
    if not rescale:
        return Scaled(frames)
    looked_up, assumptions = check_modality_luts(check_hounsfield_units(frames))
    return Scaled(looked_up, (), assumptions)
