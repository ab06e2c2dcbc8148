"""RT structure sets: the regions of interest that contours in the patient outline (PS3.3 A.19.3, C.8.8.5, C.8.8.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...errors import CorruptFileError, make_unreadable_error
from ..data_set import Attributes, UnusableAttribute, convert_integers, list_values, open_data_set
from ..elements import Source, walk
from ..liberties import Liberties
from ..preamble import begin, find_data_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..._util.arrays import Floats
    from ...sources.file import File

_ROI_CONTOURS, _CONTOUR_DATA = 0x30060039, 0x30060050
CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")  # the kinds that bound an area, as the standard spells them


class Contour(NamedTuple):
    """One line through the patient."""

    kind: str  # ContourGeometricType: CLOSED_PLANAR, CLOSEDPLANAR_XOR, OPEN_PLANAR, POINT …
    points: Floats  # (n, 3), LPS mm


class Region(NamedTuple):
    """One region of interest."""

    number: int  # ROINumber
    name: str
    type: str | None  # RTROIInterpretedType: PTV, ORGAN, EXTERNAL …
    color: tuple[int, int, int] | None
    frame_of_reference_uid: str | None
    contours: tuple[Contour, ...]


class StructureSet(NamedTuple):
    """An RT structure set."""

    path: str
    regions: tuple[Region, ...]
    frame_of_reference_uids: tuple[str, ...]
    series_uids: tuple[str, ...]  # of the images that it was drawn on


def read_structure_set(file: File) -> StructureSet:
    """Read an RT structure set.

    Raises
    ------
    CorruptFileError
        It cannot be read or is truncated, or a contour is no list of places.
    """
    try:
        _require_whole(file)
        with open_data_set(file) as attributes:
            return _read_structures(file.name, attributes)
    except CorruptFileError as error:
        raise make_unreadable_error(file.name, error.what) from error
    except UnusableAttribute as error:
        raise make_unreadable_error(file.name, f"the structure set cannot be read: {error}") from error


def _require_whole(file: File) -> None:
    """Walk a file to its end: pydicom passes over what was cut off, and other regions would be left."""
    with file.open() as handle:
        source, liberties = Source(handle), Liberties()
        data_set = find_data_set(source, begin(source)[0], [], liberties)
        elements = walk(source, data_set.start, data_set.encoding, liberties=liberties)
        if max((element.tag for element in elements if element.depth == 0), default=0) < _ROI_CONTOURS:
            raise source.corrupt("it ends before its ROIContourSequence (3006,0039): it is truncated")


def _read_structures(path: str, attributes: Attributes) -> StructureSet:
    contours: dict[int, list[Attributes]] = {}
    for item in attributes.items("ROIContourSequence"):
        contours.setdefault(_number(item, "ReferencedROINumber"), []).append(item)
    observed = {
        _number(item, "ReferencedROINumber"): item.text("RTROIInterpretedType")
        for item in attributes.items("RTROIObservationsSequence")
    }
    named: dict[int, Attributes] = {}
    for item in attributes.items("StructureSetROISequence"):
        number = _number(item, "ROINumber")
        if number in named:
            raise UnusableAttribute(f"ROINumber {number} is that of two regions, whose contours cannot be told apart")
        named[number] = item
    regions = [
        _make_region(number, named.get(number), contours.get(number, []), observed.get(number))
        for number in dict.fromkeys([*named, *contours])
    ]
    frames = attributes.items("ReferencedFrameOfReferenceSequence")
    series = [
        uid
        for frame in frames
        for study in frame.items("RTReferencedStudySequence")
        for one in study.items("RTReferencedSeriesSequence")
        if (uid := one.text("SeriesInstanceUID"))
    ]
    uids = [*(f.text("FrameOfReferenceUID") for f in frames), *(r.frame_of_reference_uid for r in regions)]
    own = attributes.text("FrameOfReferenceUID")
    known = dict.fromkeys(uid for uid in (*uids, own) if uid)
    return StructureSet(path, tuple(regions), tuple(known), tuple(dict.fromkeys(series)))


def _make_region(number: int, item: Attributes | None, lines: Sequence[Attributes], observed: str | None) -> Region:
    """A region by its name, which may be missing, and its contours, which may be listed in several items."""
    name = "" if item is None else (item.text("ROIName") or "").strip()
    colors = (color for line in lines if (color := _read_display_color(line)) is not None)
    return Region(
        number,
        name or f"ROI {number}",
        observed,
        next(colors, None),
        None if item is None else item.text("ReferencedFrameOfReferenceUID"),
        tuple(contour for line in lines for contour in _read_contours(line, name)),
    )


def _number(item: Attributes, keyword: str) -> int:
    return convert_integers(keyword, item.get(keyword))[0]


def _read_display_color(item: Attributes) -> tuple[int, int, int] | None:
    value = item.get("ROIDisplayColor")
    if value is None:
        return None
    try:
        red, green, blue = convert_integers("ROIDisplayColor", value)
    except ValueError:
        return None  # for display alone: a wrong colour is none
    return (red, green, blue) if all(0 <= value < 256 for value in (red, green, blue)) else None


def _read_contours(item: Attributes, name: str) -> list[Contour]:
    found = []
    for line in item.items("ContourSequence"):
        kind = (line.text("ContourGeometricType") or "").strip().upper()
        found.append(Contour(kind, _read_contour_points(line, name)))
    return found


def _read_contour_points(line: Attributes, name: str) -> Floats:
    """The places of a contour, (n, 3): pydicom makes an object of each number, which takes 30 times as long."""
    raw = line.unparsed(_CONTOUR_DATA) if _CONTOUR_DATA in line.tags() else b""
    text = "" if raw is None else raw.decode("ascii", "replace").strip(" \0")
    if raw is None and (parsed := line.get(_CONTOUR_DATA)) is not None:
        values = np.array(list_values(parsed), np.float64)
        count = len(values)
    elif not text:
        return np.empty((0, 3))
    else:
        count = text.count("\\") + 1
        try:
            values = np.fromstring(text.replace("\\", " "), np.float64, sep=" ")
        except ValueError:  # older NumPy stops where a word is, and warns
            values = np.empty(0)
    if len(values) != count or count % 3 or not np.isfinite(values).all():
        raise UnusableAttribute(f"a ContourData of {name!r} is no list of places (x, y, z)")
    return values.reshape(-1, 3)
