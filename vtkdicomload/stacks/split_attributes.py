"""Attributes that may tell volumes apart: echoes, time points, b-values, image types, and what each can prove."""

from __future__ import annotations

from enum import Enum
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..headers.diffusion import find_b_value, find_gradient_direction
from ..headers.model import Header
from . import consistency
from .tolerances import GAP_TOLERANCE, SETTING_TOLERANCE
from .uniform import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from ..headers.model import Frame

    Indices = NDArray[np.int64]
    Named = tuple[str, Callable[[Frame], object]]
    Column = Sequence[Any]  # a value a frame


class Sort(Enum):
    """The meanings that another value of an attribute may have."""

    CONTENT = "another picture of the same place, wherever it lies"
    SETTING = "another picture of the same place; slices of one volume may alternate in it"
    COUNT = "another acquisition, or another pack of the slices of one"
    TIME = "another moment: measured, so that it may be another one in every slice"


class Attribute(NamedTuple):
    """The values of one attribute in all frames."""

    name: str
    sort: Sort
    codes: Indices  # the rank of each frame's value; -1 where it has none
    values: Column  # as a label shows them

    def count_values(self) -> int:
        """Count its values, those of frames without one together as one."""
        return len(set(self.codes.tolist()))

    @property
    def divides_alternate(self) -> bool:
        """Tell whether its values divide slices that alternate in them, as the odd and even ones of a volume would."""
        return self.sort is Sort.CONTENT

    @property
    def tells_order(self) -> bool:
        """Tell whether its smaller values were acquired first."""
        return self.sort in (Sort.COUNT, Sort.TIME) or self.name in _ORDERED


class _Source(NamedTuple):
    """The fields of a header that the values of an attribute come from."""

    name: str
    sort: Sort
    fields: tuple[str, ...]  # of Header; where no frame differs in any of them, none differs in the attribute
    make: Callable[[Frame], object] | None = None  # its value, where that is not the one field


def _count_volume(header: Header) -> int | None:
    """Count the volumes before a PET image by its ImageIndex (PS3.3 C.8.9.4.1.9); None where that says nothing."""
    index, slices = header.image_index, header.number_of_slices
    if not index or not slices:
        return None
    intervals, slots = header.number_of_rr_intervals or 1, header.number_of_time_slots or 1
    volume = (index - 1) // slices
    return volume if volume < max(header.number_of_time_slices or 1, intervals * slots) else None


def _find_time_slice(frame: Frame) -> int | None:
    volume = _count_volume(frame.header)
    return None if volume is None or (frame.header.number_of_time_slices or 1) == 1 else volume + 1


def _find_rr_interval(frame: Frame) -> int | None:
    volume, slots = _count_volume(frame.header), frame.header.number_of_time_slots or 1
    return None if volume is None or (frame.header.number_of_rr_intervals or 1) == 1 else volume // slots + 1


def _find_time_slot(frame: Frame) -> int | None:
    volume, slots = _count_volume(frame.header), frame.header.number_of_time_slots or 1
    return None if volume is None or slots == 1 else volume % slots + 1


_INDEX = ("image_index", "number_of_slices", "number_of_time_slices", "number_of_rr_intervals", "number_of_time_slots")
_PARTS_OF_GE = ("frequency_part_of_ge", "phase_part_of_ge", "slice_part_of_ge", "phase_encoding")
_B_VALUE = (
    *("b_value", "b_value_of_siemens", "b_value_of_ge", "b_value_of_philips"),
    *("creator_0019", "creator_0043", "creator_2001"),
    *_PARTS_OF_GE,
)
_DIRECTION = ("diffusion_direction", "direction_of_siemens", "creator_0019", *_PARTS_OF_GE)
_WORDS_OF_TYPE = 2  # ORIGINAL or DERIVED, PRIMARY or SECONDARY: they say how an image came about, not what it shows

B_VALUE, DIRECTION = "DiffusionBValue", "DiffusionGradientOrientation"
IMAGE_TYPE, THICKNESS = "ImageType", "SliceThickness"
_ORDERED = ("time slice", "R-R interval", "time slot", "TemporalPositionIdentifier")
# Kinds, not values along a scale: the first, second … of them at each place mean nothing.
UNRANKED = (IMAGE_TYPE, "ComplexImageComponent", DIRECTION, "StackID", "KVP", "ConvolutionKernel", THICKNESS)

# The most meaningful first; the dimensions of multi-frame files come before the times.
_SETTINGS = (
    _Source("time slice", Sort.CONTENT, _INDEX, _find_time_slice),
    _Source("R-R interval", Sort.CONTENT, _INDEX, _find_rr_interval),
    _Source("time slot", Sort.CONTENT, _INDEX, _find_time_slot),
    _Source("ComplexImageComponent", Sort.CONTENT, ("complex_component",)),
    _Source("EchoNumbers", Sort.CONTENT, ("echo_number",)),
    _Source("EchoTime", Sort.CONTENT, ("echo_time",)),
    _Source("InversionTime", Sort.SETTING, ("inversion_time",)),
    _Source("FlipAngle", Sort.CONTENT, ("flip_angle",)),
    _Source(B_VALUE, Sort.CONTENT, _B_VALUE, lambda f: find_b_value(f.header)),
    _Source(DIRECTION, Sort.CONTENT, _DIRECTION, lambda f: find_gradient_direction(f.header)),
    _Source("TemporalPositionIdentifier", Sort.CONTENT, ("temporal_position",)),
    _Source("StackID", Sort.CONTENT, ("stack_id",)),
    _Source("KVP", Sort.CONTENT, ("kvp",)),
    _Source("ConvolutionKernel", Sort.CONTENT, ("convolution_kernel",)),
    _Source(THICKNESS, Sort.CONTENT, ("slice_thickness",)),
)
_TIMES = (
    _Source("TriggerTime", Sort.TIME, ("trigger_time",)),
    _Source("FrameReferenceTime", Sort.TIME, ("frame_reference_time",)),
    _Source("AcquisitionNumber", Sort.COUNT, ("acquisition_number",)),
    _Source("AcquisitionTime", Sort.TIME, ("acquisition_time",)),
    _Source("ContentTime", Sort.TIME, ("content_time",)),
)
KNOWN = frozenset((IMAGE_TYPE, *(source.name for source in (*_SETTINGS, *_TIMES))))
_ASKED = frozenset(("image_type", "dimensions", *(name for s in (*_SETTINGS, *_TIMES) for name in s.fields)))
# Where a slice lies says nothing of the volume that it belongs to.
_OF_PLACE = ("InStackPositionNumber", "ImagePositionPatient", "ImagePositionVolume", "SliceLocation")


def list_attributes(frames: Sequence[Frame], *, most: int, uniform: bool) -> list[Attribute]:
    """List the attributes of which frames have 2 to `most` values, those of content first.

    ImageType is listed by its words from the third on and, where the first two differ too, by those as a setting.
    `uniform` is what `are_uniform` says of the frames.
    """
    columns = _find_differing(frames, _ASKED & OWN if uniform else _ASKED)
    found: list[Attribute] = []
    if "image_type" in columns:
        found += _list_image_types(columns["image_type"])
    found += _list_sources(_SETTINGS, columns, frames, most)
    if "dimensions" in columns:
        found += _list_dimensions(frames)
    found += _list_sources(_TIMES, columns, frames, most)
    return [a for a in found if 1 < a.count_values() <= most]


def number_frames(frames: Sequence[Frame]) -> Attribute:
    """The number that files give their frames: of use for its rank alone."""
    several = any(f.index_in_file for f in frames)
    values: list[object] = [
        None if f.header.instance_number is None else (f.header.instance_number, f.index_in_file) for f in frames
    ]
    return rank_values(consistency.NUMBERS[several], Sort.COUNT, values)


def _find_differing(frames: Sequence[Frame], names: Iterable[str]) -> dict[str, Column]:
    """Find the fields of their headers in which frames differ, with a value a frame."""
    headers = [f.header for f in frames]
    columns = {name: list(map(itemgetter(Header._fields.index(name)), headers)) for name in names}
    return {name: column for name, column in columns.items() if column.count(column[0]) < len(column)}


def _list_sources(
    sources: Sequence[_Source], columns: Mapping[str, Column], frames: Sequence[Frame], most: int
) -> list[Attribute]:
    found = []
    for source in sources:
        if any(field in columns for field in source.fields):
            values = columns[source.fields[0]] if source.make is None else [source.make(f) for f in frames]
            nearly_equal = 2 if _find_tolerance(source.name, source.sort) else 1  # values that may yet be one
            if len(set(values)) <= nearly_equal * most:
                found.append(rank_values(source.name, source.sort, values))
    return found


def _list_image_types(types: Sequence[tuple[str, ...]]) -> list[Attribute]:
    shown = ["\\".join(t) or None for t in types]
    whole = rank_values(IMAGE_TYPE, Sort.SETTING, shown)
    content = rank_values(IMAGE_TYPE, Sort.CONTENT, ["\\".join(t[_WORDS_OF_TYPE:]) for t in types])
    if whole.count_values() == content.count_values():
        return [content._replace(values=shown)]
    return [content._replace(values=["\\".join(t[_WORDS_OF_TYPE:]) or None for t in types]), whole]


def _list_dimensions(frames: Sequence[Frame]) -> list[Attribute]:
    """List the dimensions of multi-frame files, named by what they point at; none where the files disagree."""
    keywords = {tuple(d.keyword for d in f.header.dimensions) for f in frames}
    if len(keywords) > 1:
        return []
    found = []
    for i, name in enumerate(keywords.pop()):
        if name in _OF_PLACE:
            continue
        along = [f.header.dimensions[i] for f in frames]
        indices: list[object] = [d.ordinal for d in along]
        # The value itself is the better label where each index has one of its own.
        plain = None not in {d.value for d in along} and (
            len(set(indices)) == len({(d.ordinal, d.value) for d in along}) == len({d.value for d in along})
        )
        ranked = rank_values(name, Sort.CONTENT, indices)
        found.append(ranked._replace(values=[d.value for d in along] if plain else indices))
    return found


def rank_values(name: str, sort: Sort, values: Column) -> Attribute:
    """Give each value its rank among all; settings that are written in other digits are one."""
    ordered = sorted(set(values) - {None}, key=_sort_key)
    tolerance = _find_tolerance(name, sort)
    steps = [0 if _is_same_setting(a, b, tolerance) else 1 for a, b in pairwise(ordered)]
    ranks = dict(zip(ordered, np.cumsum([0, *steps]).tolist(), strict=False))
    return Attribute(name, sort, np.array([ranks.get(value, -1) for value in values], np.int64), values)


def _find_tolerance(name: str, sort: Sort) -> float:
    """By which part of them values may differ that are one; 0 where any two are two."""
    return GAP_TOLERANCE if name == THICKNESS else 0.0 if sort is Sort.TIME else SETTING_TOLERANCE


def _is_same_setting(a: object, b: object, tolerance: float) -> bool:
    return isinstance(a, float) and isinstance(b, float) and tolerance > 0 and b - a <= tolerance * abs(b)


def _sort_key(value: object) -> tuple[tuple[Any, ...], str]:
    numbers = value if isinstance(value, tuple) else (value,) if isinstance(value, (int, float)) else ()
    return numbers, value if isinstance(value, str) else ""
