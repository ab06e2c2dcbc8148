"""The further dimensions of several volumes of one geometry: named by what tells the volumes apart."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import combinations
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..headers.diffusion import find_b_value, find_gradient_direction
from .series_data import Rank
from .split_attributes import B_VALUE, DIRECTION, IMAGE_TYPE
from .tolerances import GRID_TOLERANCE, SETTING_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._util.arrays import Floats, Pixels
    from ..headers.model import Header
    from .geometry import Geometry
    from .series_data import SeriesData

VOLUME = "volume"  # the dimension where nothing has a value of its own in each
_MOST_DIMENSIONS = 3
_REPEAT = "stack"  # the label that numbers volumes which nothing else tells apart


@dataclass(frozen=True, slots=True)
class StackCoordinate:
    """Values that volumes have along one or several of their further dimensions.

    Attributes
    ----------
    name : str
        As the dimension, or of its own.
    dimensions : tuple of str
        Along which it has values.
    values : numpy.ndarray
        Of these dimensions; NaN or an empty text where nothing is known.
    attributes : dict
        ``long_name``, and ``units`` where it has any.
    """

    name: str
    dimensions: tuple[str, ...]
    values: Pixels
    attributes: dict[str, str]


@dataclass(frozen=True, slots=True)
class StackGrid:
    """Volumes along further dimensions.

    Attributes
    ----------
    names : tuple of str
        Of the dimensions.
    lengths : tuple of int
        Of the dimensions.
    order : tuple of int
        Which of the stacks come one after another, in C order of the dimensions.
    coordinates : tuple of StackCoordinate
        What is known of them.
    """

    names: tuple[str, ...]
    lengths: tuple[int, ...]
    order: tuple[int, ...]
    coordinates: tuple[StackCoordinate, ...]


class _Meaning(NamedTuple):
    """The name and unit of an attribute as a dimension."""

    name: str
    units: str | None = None
    measure: Callable[[Header], float | None] | None = None  # a time in ms, of which every slice may have its own
    relative: bool = False  # whether only its differences mean something


def _read_clock(text: str | None) -> float | None:
    """A time of day (HHMMSS.FFFFFF, PS3.5 6.2) in ms; None where it is none."""
    found = re.fullmatch(r"(\d\d)(\d\d)(\d\d(?:\.\d{1,6})?)", (text or "").strip())
    if found is None:
        return None
    hours, minutes, seconds = (float(part) for part in found.groups())
    return 1000 * (3600 * hours + 60 * minutes + seconds)


_MEANINGS = {
    "time slice": _Meaning("time"),
    "R-R interval": _Meaning("rr_interval"),
    "time slot": _Meaning("phase"),
    "ComplexImageComponent": _Meaning("channel"),
    IMAGE_TYPE: _Meaning("channel"),
    "EchoNumbers": _Meaning("echo"),
    "EchoTime": _Meaning("echo", "ms"),
    "EffectiveEchoTime": _Meaning("echo", "ms"),
    "InversionTime": _Meaning("inversion_time", "ms"),
    "FlipAngle": _Meaning("flip_angle", "degree"),
    B_VALUE: _Meaning("b_value", "s/mm²"),
    "TemporalPositionIdentifier": _Meaning("time"),
    "TemporalPositionIndex": _Meaning("time"),
    "StackID": _Meaning("stack_id"),
    "KVP": _Meaning("kvp", "kV"),
    "ConvolutionKernel": _Meaning("kernel"),
    "SliceThickness": _Meaning("slice_thickness", "mm"),
    "TriggerTime": _Meaning("time", "ms", lambda h: h.trigger_time),
    "NominalCardiacTriggerDelayTime": _Meaning("phase", "ms"),
    "FrameReferenceTime": _Meaning("frame_time", "ms", lambda h: h.frame_reference_time),
    "AcquisitionNumber": _Meaning("acquisition"),
    "AcquisitionTime": _Meaning("time", "ms", lambda h: _read_clock(h.acquisition_time), relative=True),
    "ContentTime": _Meaning("time", "ms", lambda h: _read_clock(h.content_time), relative=True),
    "SegmentNumber": _Meaning("segment"),
    _REPEAT: _Meaning("repeat"),
}


class _Column(NamedTuple):
    """The values that stacks have of one attribute."""

    name: str
    values: Pixels
    codes: tuple[int, ...]  # the rank of each value among those that differ; -1 where there is none
    attributes: dict[str, str]


def group_by_geometry(geometries: Sequence[Geometry]) -> list[list[int]]:
    """Group volumes that lie in one place, on one grid; those that nothing places are alone."""
    groups: list[list[int]] = []
    for row, geometry in enumerate(geometries):
        alike = next((group for group in groups if _is_same_grid(geometries[group[0]], geometry)), None)
        if alike is None:
            groups.append([row])
        else:
            alike.append(row)
    return groups


def _is_same_grid(a: Geometry, b: Geometry) -> bool:
    if a.dimensions != b.dimensions or a.even != b.even or a.third_axis != b.third_axis:
        return False
    if a.origin is None or b.origin is None or a.direction is None or b.direction is None:
        return False
    limit = GRID_TOLERANCE * min(a.spacing)
    if a.positions is not None and b.positions is not None and np.abs(a.positions - b.positions).max() > limit:
        return False
    far = np.diag(np.array(a.dimensions) - 1.0)  # the voxels at the ends of the three axes
    corners = [np.array(g.origin) + far @ (g.direction * g.spacing).T for g in (a, b) if g.direction is not None]
    return bool(np.abs(corners[0] - corners[1]).max() <= limit)


def arrange_stacks(stacks: Sequence[SeriesData]) -> StackGrid:
    """Arrange volumes of one geometry along further dimensions, by what tells them apart.

    One attribute of which each has a value of its own makes one dimension, in ascending order; two or three of which
    each combination is there once make as many. Else they follow each other as they were acquired, along `volume`,
    and the attributes are coordinates of that.
    """
    columns = _list_columns(stacks)
    chosen = _choose_dimensions(columns, len(stacks))
    names = _number_names([column.name for column in chosen]) or (VOLUME,)
    lengths = tuple(len(set(column.codes)) for column in chosen) or (len(stacks),)
    order = sorted(range(len(stacks)), key=lambda row: tuple(column.codes[row] for column in chosen))
    others = [c for c in columns if all(c is not other for other in chosen)]
    others += [*_list_directions(stacks), *_list_times(stacks)]
    named = [
        *zip(chosen, names, strict=False),
        *zip(others, _number_names([c.name for c in others], names), strict=True),
    ]
    grid = StackGrid(names, lengths, tuple(order), ())
    return replace(grid, coordinates=tuple(_lay_out(column, name, grid) for column, name in named))


def _choose_dimensions(columns: Sequence[_Column], count: int) -> tuple[_Column, ...]:
    """Choose the attributes of which each combination is there once; none where there are no such."""
    whole = [column for column in columns if min(column.codes) >= 0 and len(set(column.codes)) > 1]
    for number in range(1, _MOST_DIMENSIONS + 1):
        for chosen in combinations(whole, number):
            combined = set(zip(*(column.codes for column in chosen), strict=True))
            if len(combined) == count == prod(len(set(column.codes)) for column in chosen):
                return chosen
    return ()


def _number_names(names: Sequence[str], taken: Sequence[str] = ()) -> tuple[str, ...]:
    """Number names that there are already."""
    used: list[str] = []
    for name in names:
        free = name
        number = 1
        while free in (*taken, *used):
            number += 1
            free = f"{name}_{number}"
        used.append(free)
    return tuple(used)


def _lay_out(column: _Column, name: str, grid: StackGrid) -> StackCoordinate:
    """Lay the values of a column out: along one dimension, or along those of several in which they differ."""
    order = list(grid.order)
    values, codes = column.values[order].reshape(grid.lengths), np.array(column.codes)[order].reshape(grid.lengths)
    kept = list(grid.names)
    for axis in reversed(range(codes.ndim)):
        if codes.ndim > 1 and (codes == codes.take([0], axis)).all():
            values, codes = values.take(0, axis), codes.take(0, axis)
            del kept[axis]
    return StackCoordinate(name, tuple(kept), values, column.attributes)


# ---------------------------------------------------------------------------------------- what tells volumes apart
def _list_columns(stacks: Sequence[SeriesData]) -> list[_Column]:
    """List the attributes in the labels of stacks, but for gradient directions."""
    told = [dict(stack.labels) for stack in stacks]
    names = dict.fromkeys(name for labels in told for name in labels)
    return [_make_column(name, [labels.get(name) for labels in told], stacks) for name in names if name != DIRECTION]


def _make_column(attribute: str, told: Sequence[object], stacks: Sequence[SeriesData]) -> _Column:
    meaning = _MEANINGS.get(attribute) or _Meaning(_write_snake_case(attribute))
    if attribute == "TriggerTime" and stacks[0].header.cardiac_number_of_images:
        meaning = meaning._replace(name="phase")
    units, values = meaning.units, _measure_times(meaning, stacks)
    codes = () if values is None else _rank_values(values)
    if values is None:
        units = None if any(isinstance(value, Rank) for value in told) else units
        values = _make_array([_simplify(value) for value in told])
        codes = _rank_values(values, SETTING_TOLERANCE if values.dtype.kind == "f" else 0.0)
        values = values[[codes.index(code) for code in codes]]  # settings that are written in other digits are one
    attributes = {"long_name": attribute} | ({} if units is None else {"units": units})
    return _Column(meaning.name, values, codes, attributes)


def _measure_times(meaning: _Meaning, stacks: Sequence[SeriesData]) -> Floats | None:
    """The time of the first frame of each stack in ms; None where the attribute is no time, or they are not apart."""
    if meaning.measure is None:
        return None
    measured = [[meaning.measure(frame.header) for frame in stack.frames] for stack in stacks]
    if any(time is None for times in measured for time in times):
        return None
    first = np.array([min(time for time in times if time is not None) for times in measured], np.float64)
    if meaning.relative:
        first = np.round(first - first.min(), 3)  # the sixth decimal of a second
    return first if len(np.unique(first)) == len(first) else None


def _list_directions(stacks: Sequence[SeriesData]) -> list[_Column]:
    """List the parts of the unit vectors of the gradients, where the labels tell of diffusion.

    Without weighting there is none, and the vector is 0; it is NaN where it is not known.
    """
    if not any(label.attribute in (B_VALUE, DIRECTION) for stack in stacks for label in stack.labels):
        return []
    vectors = np.array([_find_unit_vector(stack.header) for stack in stacks])
    if np.isnan(vectors).any(axis=1).all() or not np.nan_to_num(vectors).any():
        return []
    codes = tuple(np.unique(vectors, axis=0, return_inverse=True)[1].ravel().tolist())
    return [
        _Column(f"bvec_{axis}", part, codes, {"long_name": f"LPS {axis} of the gradient direction"})
        for axis, part in zip("xyz", vectors.T, strict=True)
    ]


def _find_unit_vector(header: Header) -> Sequence[float]:
    direction = find_gradient_direction(header)
    if direction is not None and len(direction) == 3 and np.linalg.norm(direction) > 0:
        unit: list[float] = (np.array(direction) / np.linalg.norm(direction)).tolist()
        return unit
    return (0.0,) * 3 if not find_b_value(header) or direction is not None else (np.nan,) * 3


def _list_times(stacks: Sequence[SeriesData]) -> list[_Column]:
    """List when each stack was acquired, where each has a time of its own and the labels do not say it."""
    told = {label.attribute for stack in stacks for label in stack.labels}
    if any((meaning := _MEANINGS.get(name)) is not None and meaning.measure is not None for name in told):
        return []
    found = []
    for attribute, name in (("FrameReferenceTime", "frame_time"), ("AcquisitionTime", "acquisition_time")):
        times = _measure_times(_MEANINGS[attribute], stacks)
        if times is not None:
            found.append(_Column(name, times, _rank_values(times), {"long_name": attribute, "units": "ms"}))
    return found


def _simplify(value: object) -> Any:
    if isinstance(value, Rank):
        return value.number
    if isinstance(value, str):
        return int(value) if value.isdecimal() else value
    return str(value) if isinstance(value, tuple) else value


def _make_array(values: Sequence[Any]) -> Pixels:
    """Numbers as an array of these, NaN where there is none; anything else as texts."""
    if all(value is None or isinstance(value, (int, float)) for value in values):
        if all(isinstance(value, int) for value in values):
            return np.array(values, np.int64)
        return np.array([np.nan if value is None else value for value in values], np.float64)
    return np.array(["" if value is None else str(value) for value in values])


def _rank_values(values: Pixels, tolerance: float = 0.0) -> tuple[int, ...]:
    """The rank of each value among those that differ by more than a part of it; -1 of what is not known."""
    if values.dtype.kind == "U":
        texts = list(dict.fromkeys(values.tolist()))  # as they were acquired
        return tuple(texts.index(text) if text else -1 for text in values.tolist())
    floats = values.astype(np.float64)
    known = np.unique(floats[~np.isnan(floats)])
    ranks = np.cumsum(np.diff(known, prepend=known[:1]) > tolerance * np.abs(known))
    return tuple(-1 if np.isnan(value) else int(ranks[np.searchsorted(known, value)]) for value in floats)


def _write_snake_case(keyword: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", keyword)
    return re.sub(r"\W+", "_", words).strip("_").lower()
