"""The size of a pixel in ultrasound, which regions of the image state in the place of PixelSpacing (PS3.3 C.8.5.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..data_set import UnusableAttribute, data_set_of, numbers_of

if TYPE_CHECKING:
    from ...sources.file import File
    from ..data_set import Attributes

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
        with data_set_of(file) as attributes:
            regions = attributes.items("SequenceOfUltrasoundRegions")
            found = {_of_region(region) for region in regions if _number(region, "RegionSpatialFormat") == _TWO_D}
    except UnusableAttribute:  # an optional value that cannot be parsed counts as absent
        return None
    return found.pop() if len(found) == 1 else None


def _of_region(region: Attributes) -> tuple[float, float] | None:
    if any(_number(region, f"PhysicalUnits{axis}Direction") != _CM for axis in "XY"):
        return None
    x, y = (10 * _number(region, f"PhysicalDelta{axis}") for axis in "XY")
    return (y, x) if min(x, y) > 0 else None


def _number(region: Attributes, keyword: str) -> float:
    return float(numbers_of(keyword, region.get(keyword), 1))
