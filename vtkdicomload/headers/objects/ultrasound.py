"""The size of a pixel in ultrasound, which regions of the image state in the place of PixelSpacing (PS3.3 C.8.5.5)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..data_set import data_set_of

if TYPE_CHECKING:
    import pydicom

    from ...sources.file import File

ULTRASOUND = ("US", "IVUS")  # Modality
_TWO_D = 1  # RegionSpatialFormat
_CM = 3  # PhysicalUnitsXDirection, PhysicalUnitsYDirection


def region_spacing(file: File) -> tuple[float, float] | None:
    """Distance of rows and of columns in mm in the 2-D regions of an ultrasound file, in the order of PixelSpacing.

    Returns
    -------
    tuple of float or None
        None where the file has no 2-D region, or one in other units than cm, or where the regions do not agree.
    """
    try:
        with data_set_of(file) as data_set:
            regions = data_set.get("SequenceOfUltrasoundRegions") or ()
            found = {_of_region(region) for region in regions if region.RegionSpatialFormat == _TWO_D}
    except MemoryError:
        raise
    except Exception:  # an optional value that cannot be parsed counts as absent
        return None
    return found.pop() if len(found) == 1 else None


def _of_region(region: pydicom.Dataset) -> tuple[float, float] | None:
    if (region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection) != (_CM, _CM):
        return None
    x, y = 10 * float(region.PhysicalDeltaX), 10 * float(region.PhysicalDeltaY)
    return (y, x) if math.isfinite(x) and math.isfinite(y) and min(x, y) > 0 else None
