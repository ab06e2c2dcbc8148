"""Dose grids: planes at offsets along the normal, scaled to Gy (PS3.3 C.8.8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..data_set import UnusableAttribute, convert_numbers
from ..orientation import compute_normal

if TYPE_CHECKING:
    from ..data_set import Attributes
    from ..model import Header


def read_dose_grid(header: Header, attributes: Attributes) -> list[Header]:
    """Read a dose grid: planes at offsets along the normal, scaled to Gy or to what DoseUnits says."""
    scaling = convert_numbers("DoseGridScaling", attributes.get("DoseGridScaling"), 1)
    if scaling == 0:
        raise UnusableAttribute("DoseGridScaling is 0")
    units = attributes.text("DoseUnits")
    common = header._replace(slope=scaling, intercept=0.0, units="Gy" if units == "GY" else units)
    if header.number_of_frames == 1:
        return [common]
    name = "GridFrameOffsetVector"
    offsets = np.array(convert_numbers(name, attributes.get(name), header.number_of_frames))
    if header.position is None or header.orientation is None:
        raise UnusableAttribute("it has no position")
    # PS3.3 C.8.8.3.2: offsets from the first plane along the normal, or the z coordinates of an axial grid's planes.
    normal, first = compute_normal(header.orientation), np.array(header.position)
    if offsets[0] == 0:
        steps = np.outer(offsets, normal)
    elif abs(normal[2]) > 1 - 1e-6 and abs(offsets[0] - first[2]) < 1e-2:
        steps = np.outer(offsets - offsets[0], (0.0, 0.0, 1.0))
    else:
        raise UnusableAttribute(f"{name} begins with {offsets[0]:g}, neither 0 nor the z of the first plane")
    return [common._replace(position=(x, y, z)) for x, y, z in (first + steps).tolist()]
