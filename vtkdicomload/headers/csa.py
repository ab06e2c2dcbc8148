"""The CSA header of Siemens, as far as it says how a mosaic is tiled.

Siemens does not document it; https://nipy.org/nibabel/dicom/siemens_csa.html does.
"""

from __future__ import annotations

import math
import struct

from .model import Csa

_TAG = struct.Struct("<64si4siii")  # name, number of values, VR, another VR, number of items, a fixed number
_ITEM = struct.Struct("<iiii")  # the second one is the length
_FIXED = (77, 205)


_NOTHING = Csa(0, ())


def parse_csa(value: bytes) -> Csa:
    """Say what a CSA image header says; nothing where it is not in the format of scanners since 2005, or damaged."""
    if value[:4] != b"SV10":
        return _NOTHING
    try:
        slices = _find_numbers(value, b"NumberOfImagesInMosaic")
        if not slices or slices[0] < 2:
            return _NOTHING
        return Csa(int(slices[0]), tuple(_find_numbers(value, b"SliceNormalVector")))
    except (ValueError, struct.error):
        return _NOTHING


def _find_numbers(value: bytes, name: bytes) -> list[float]:
    """The values of one tag; none where it is not there. Raises ValueError or struct.error where it is damaged."""
    start = value.find(name + b"\0")  # names fill 64 bytes with zeros, and no value looks like that
    if start < 0:
        return []
    *_, count, fixed = _TAG.unpack_from(value, start)
    if fixed not in _FIXED:
        raise ValueError("no tag")
    place, found = start + _TAG.size, []
    for _ in range(count):
        _, length, _, _ = _ITEM.unpack_from(value, place)
        place += _ITEM.size
        text = value[place : place + length].split(b"\0")[0].strip()
        if text:
            found.append(float(text))
        place += (max(0, length) + 3) // 4 * 4
    if not all(map(math.isfinite, found)):
        raise ValueError("not finite")
    return found
