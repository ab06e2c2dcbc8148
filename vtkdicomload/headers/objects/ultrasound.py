"""The size of a pixel in ultrasound, which regions of the image state in the place of PixelSpacing (PS3.3 C.8.5.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..data_set import UnusableAttribute, convert_numbers, open_data_set

if TYPE_CHECKING:
    from ...sources.file import File
    from ..data_set import Attributes

ULTRASOUND = ("US", "IVUS")  # Modality
_TWO_D = 1  # RegionSpatialFormat
_CM = 3  # PhysicalUnitsXDirection, PhysicalUnitsYDirection


def read_region_spacing(file: File) -> tuple[float, float] | None:
    """Distance of rows and of columns in mm in the 2-D regions of an ultrasound file, in the order of PixelSpacing.

    Returns
    -------
    tuple of float or None
        None where the file has no 2-D region, or one in other units than cm, or where the regions do not agree.
    """
    try:
        with open_data_set(file) as attributes:
            regions = attributes.items("SequenceOfUltrasoundRegions")
            found = {
                _read_region(region)
                for region in regions
                if _read_region_number(region, "RegionSpatialFormat") == _TWO_D
            }
    except UnusableAttribute:  # an optional value that cannot be parsed counts as absent
        return None
    return found.pop() if len(found) == 1 else None


def _read_region(region: Attributes) -> tuple[float, float] | None:
    if any(_read_region_number(region, f"PhysicalUnits{axis}Direction") != _CM for axis in "XY"):
        return None
    x, y = (10 * _read_region_number(region, f"PhysicalDelta{axis}") for axis in "XY")
    return (y, x) if min(x, y) > 0 else None


def _read_region_number(region: Attributes, keyword: str) -> float:
    return float(convert_numbers(keyword, region.get(keyword), 1))
