"""The segments of a segmentation object: names, colours, what its values mean (PS3.3 C.8.20)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...errors import make_unreadable_error
from ..data_set import Attributes, UnusableAttribute, convert_integers, open_data_set
from ..sop_classes import LABEL_MAP

if TYPE_CHECKING:
    from ...sources.file import File

# CIELab of D50 → linear sRGB (PS3.3 C.10.7.1.1; Bradford-adapted matrix of http://www.brucelindbloom.com).
_BACKGROUND = ("125040", "DCM")  # of PS3.16
_XYZ_D50 = (0.9642, 1.0, 0.8249)
_TO_RGB = ((3.1338561, -1.6168667, -0.4906146), (-0.9787684, 1.9161415, 0.0334540), (0.0719453, -0.2289914, 1.4052427))


class Segment(NamedTuple):
    """One segment."""

    number: int  # SegmentNumber
    label: str
    type: str | None  # the meaning of SegmentedPropertyTypeCodeSequence
    color: tuple[int, int, int] | None
    is_background: bool  # by its code: what lies outside of the others, in a label map


class SegmentSet(NamedTuple):
    """A segmentation object without its frames."""

    path: str
    kind: str  # SegmentationType: BINARY, FRACTIONAL, LABELMAP
    full: int  # MaximumFractionalValue; 1 where the values are no fractions
    segments: tuple[Segment, ...]
    series_uids: tuple[str, ...]  # of the images that it was made from


def read_segment_set(file: File) -> SegmentSet:
    """Read what a segmentation object says of its segments.

    Raises
    ------
    CorruptFileError
        It cannot be read.
    """
    try:
        with open_data_set(file) as attributes:
            return _read_segment_set(file.name, attributes)
    except UnusableAttribute as error:
        raise make_unreadable_error(file.name, f"the segments cannot be read: {error}") from error


def _read_segment_set(path: str, attributes: Attributes) -> SegmentSet:
    label_map = attributes.text("SOPClassUID") == LABEL_MAP
    kind = (attributes.text("SegmentationType") or ("LABELMAP" if label_map else "BINARY")).upper()
    full = 1
    if kind == "FRACTIONAL":
        full = convert_integers("MaximumFractionalValue", attributes.get("MaximumFractionalValue"))[0]
    segments = [_read_segment(item) for item in attributes.items("SegmentSequence")]
    series = [item.text("SeriesInstanceUID") for item in attributes.items("ReferencedSeriesSequence")]
    return SegmentSet(path, kind, full, tuple(segments), tuple(dict.fromkeys(uid for uid in series if uid)))


def _read_segment(item: Attributes) -> Segment:
    number = convert_integers("SegmentNumber", item.get("SegmentNumber"))[0]
    code = item.first("SegmentedPropertyTypeCodeSequence")
    label = (item.text("SegmentLabel") or "").strip()
    meaning = None if code is None else code.text("CodeMeaning")
    is_background = code is not None and (code.text("CodeValue"), code.text("CodingSchemeDesignator")) == _BACKGROUND
    return Segment(number, label or f"segment {number}", meaning, _read_cielab(item), is_background)


def _read_cielab(item: Attributes) -> tuple[int, int, int] | None:
    try:
        values = convert_integers("RecommendedDisplayCIELabValue", item.get("RecommendedDisplayCIELabValue"))
    except ValueError:
        return None  # for display alone: a wrong colour is none
    return convert_lab(*values) if len(values) == 3 else None


def convert_lab(lightness: int, a: int, b: int) -> tuple[int, int, int]:
    """A colour of DICOM's 16-bit CIELab as sRGB, 0 to 255."""
    y = (lightness / 65535 * 100 + 16) / 116
    scaled = np.array([y + (a / 65535 * 255 - 128) / 500, y, y - (b / 65535 * 255 - 128) / 200])
    xyz = np.where(scaled > 6 / 29, scaled**3, 3 * (6 / 29) ** 2 * (scaled - 4 / 29)) * _XYZ_D50
    linear = np.clip(np.array(_TO_RGB) @ xyz, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (int(value) for value in np.rint(encoded * 255))
    return red, green, blue
