"""The voxels of a volume whose centres lie inside a region of contours."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._util.wording import count_noun
from ..headers.objects.structure_set import CLOSED
from ..stacks.tolerances import GAP_SLACK
from .between import interpolate_shapes
from .contour_planes import (
    RIM,
    WIDE_GAP,
    ContourPlane,
    close_slits,
    find_normal,
    find_usual_distance,
    find_usual_distance_of_all,
    group_planes,
    is_flat,
    measure_reach,
)
from .fill import Polygon, contains, fill
from .grid import locate_slices
from .overlaps import apply, combine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats, Pixels
    from ..headers.objects.structure_set import Contour, Region
    from ..stacks.geometry import Geometry
    from .overlaps import Combination

_SPARSE = 1.5  # times the distance of slices: contours farther apart are told
_SAME_NORMAL = 0.9998  # the cosine of 1.1 degrees


class Slices(NamedTuple):
    """The slices of a volume, whatever lies between them."""

    places: Floats  # (nz, 3), LPS mm of voxel (0, 0, z), ascending along the normal
    along: Floats  # the same along the normal
    normal: Floats
    across: Floats  # (3, 2): mm from a column to the next, and from a row
    to_pixels: Floats  # (2, 3): mm from voxel (0, 0, z) → column, row
    size: tuple[int, int]  # columns, rows
    distance: float


def describe_slices(geometry: Geometry) -> Slices:
    """The slices of a geometry with a place in the patient; a GeometryError where they go to and fro."""
    if not geometry.even:
        geometry.measure_axes()
    assert geometry.direction is not None  # noqa: S101 - for the type checker: seen by the caller
    assert geometry.normal is not None  # noqa: S101 - as above
    places = locate_slices(geometry)
    normal = geometry.normal if geometry.direction[:, 2] @ geometry.normal > 0 else -geometry.normal
    across = geometry.direction[:, :2] * geometry.spacing[:2]
    nx, ny, _ = geometry.dimensions
    return Slices(
        places, places @ normal, normal, across, np.linalg.pinv(across), (nx, ny), float(geometry.slice_distance)
    )


def measure_usual_distance(regions: Sequence[Region], slices: Slices) -> float:
    """The usual distance of the contours of a structure set along the normal; that of the slices where none says."""
    flat = ([c for c in _closed(region) if is_flat(c, slices.normal, slices.distance)] for region in regions)
    planes = [group_planes(contours, slices.normal) for contours in flat if contours]
    return find_usual_distance_of_all(planes, slices.distance)


class _Sorted(NamedTuple):
    """The closed contours of a region."""

    flat: list[Contour]  # in planes of the slices
    leaning: list[tuple[Floats, list[Contour]]]  # in other planes, by their normal
    crooked: int  # how many lie in no plane


def fill_region(region: Region, slices: Slices, usual: float, interpolate: bool) -> tuple[Pixels, list[str]]:
    """The voxels of a region, (nz, ny, nx) bool, and what has to be told about it.

    Parameters
    ----------
    region : Region
        With its contours.
    slices : Slices
        Of the volume.
    usual : float
        The usual distance of the contours of the whole structure set in mm.
    interpolate : bool
        Whether slices between two planes of contours hold a shape between theirs.
    """
    nx, ny = slices.size
    mask = np.zeros((len(slices.places), ny, nx), bool)
    told = _tell_left_out(region)
    closed = _sort_contours(region, slices)
    found: Counter[str] = Counter()
    if closed.flat:
        planes = group_planes(closed.flat, slices.normal)
        own = find_usual_distance(planes, usual)
        found += _fill_flat(planes, own, slices, mask, interpolate)
        if own > _SPARSE * slices.distance + 1e-3 and not interpolate:
            told.append(
                f"its contours lie {own:.4g} mm apart, the slices {slices.distance:.4g} mm: each reaches half way to "
                "the next, nothing is interpolated (interpolate=True does)"
            )
    for normal, contours in closed.leaning:
        planes = group_planes(contours, normal)
        found += _fill_leaning(planes, normal, find_usual_distance(planes, usual), slices, mask)
    n = closed.crooked
    if n:
        told.append(f"{count_noun(n, 'closed contour')} that lie{'s' * (n == 1)} in no plane are left out")
    if found["nested"]:
        told.append(f"{count_noun(found['nested'], 'contour')} wholly within another in the same plane: holes")
    if found["overlapping"]:
        told.append(f"{count_noun(found['overlapping'], 'contour')} that overlap in the same plane: united")
    if found["mixed"]:
        told.append("CLOSEDPLANAR_XOR and CLOSED_PLANAR contours in the same plane: united")
    return mask, told


def _sort_contours(region: Region, slices: Slices) -> _Sorted:
    flat: list[Contour] = []
    leaning: list[tuple[Floats, list[Contour]]] = []
    crooked = 0
    for contour in _closed(region):
        if is_flat(contour, slices.normal, slices.distance):
            flat.append(contour)
        elif (normal := find_normal(contour)) is None:
            crooked += 1
        elif (group := next((g for n, g in leaning if abs(n @ normal) > _SAME_NORMAL), None)) is not None:
            group.append(contour)
        else:
            leaning.append((normal, [contour]))
    return _Sorted(flat, leaning, crooked)


def _closed(region: Region) -> list[Contour]:
    return [c for c in region.contours if c.kind in CLOSED and len(c.points) >= 3]


def _tell_left_out(region: Region) -> list[str]:
    open_kinds = Counter(c.kind or "no type" for c in region.contours if c.kind not in CLOSED)
    short = sum(1 for c in region.contours if c.kind in CLOSED and len(c.points) < 3)
    if short:
        open_kinds["closed with fewer than three points"] = short
    if not open_kinds:
        return []
    words = ", ".join(f"{n} {kind}" for kind, n in open_kinds.items())
    return [f"{open_kinds.total()} of {count_noun(len(region.contours), 'contour')} bound no area ({words})"]


def _count_kinds(combination: Combination, kinds: Sequence[str]) -> Counter[str]:
    mixed = bool(combination.parents) and len(combination.parents) < len(combination.kept)
    return Counter(nested=combination.nested, overlapping=combination.overlapping, mixed=int(mixed))


# ---------------------------------------------------------------------------------------------------- planes of slices
class _Shape(NamedTuple):
    """The contours of one plane on the pixels of the first slice, and how they make an area."""

    lines: list[Floats]
    kinds: list[str]
    combination: Combination

    def move_to(self, z: int, slices: Slices) -> list[Polygon]:
        """Its contours on the pixels of slice `z`, which may lie beside the first one."""
        moved = slices.to_pixels @ (slices.places[0] - slices.places[z])
        return [Polygon(z, points + moved) for points in self.lines]

    def fill_on(self, z: int, slices: Slices) -> Pixels:
        """Its pixels on slice `z`."""
        insides = []
        for polygon in self.move_to(z, slices):
            plane = np.zeros((1, *reversed(slices.size)), bool)
            fill([polygon._replace(slice=0)], plane)
            insides.append(plane[0])
        return apply(self.combination, self.kinds, insides)


def _fill_flat(
    planes: Sequence[ContourPlane], usual: float, slices: Slices, mask: Pixels, interpolate: bool
) -> Counter[str]:
    """Fill contours that lie in planes along the slices: all at once, but for planes where some overlap."""
    closed = iter(close_slits([_to_millimetres(c.points, slices) for plane in planes for c in plane.contours]))
    shapes = []
    for plane in planes:
        lines = [next(closed) / _pixel_size(slices) for _ in plane.contours]
        kinds = [c.kind for c in plane.contours]
        shapes.append(_Shape(lines, kinds, combine(lines, kinds)))
    every: list[Polygon] = []
    for z, number in enumerate(measure_reach(planes, usual).find(slices.along)):
        if number < 0:
            continue
        shape = shapes[number]
        if shape.combination.odd:
            polygons = shape.move_to(z, slices)
            every += [polygons[i] for i in shape.combination.kept]
        else:
            mask[z] = shape.fill_on(z, slices)
    fill(every, mask)
    if interpolate:
        _interpolate_shapes(planes, shapes, usual, slices, mask)
    return sum((_count_kinds(shape.combination, shape.kinds) for shape in shapes), Counter())


def _interpolate_shapes(
    planes: Sequence[ContourPlane], shapes: Sequence[_Shape], usual: float, slices: Slices, mask: Pixels
) -> None:
    """Put a shape between theirs onto every slice between two planes, but for wide gaps."""
    at = np.array([plane.at for plane in planes])
    for z, along in enumerate(slices.along):
        above = int(np.searchsorted(at, along))
        if not 0 < above < len(at) or at[above] - at[above - 1] > WIDE_GAP * usual + GAP_SLACK:
            continue
        weight = float((along - at[above - 1]) / (at[above] - at[above - 1]))
        if min(weight, 1 - weight) * (at[above] - at[above - 1]) > GAP_SLACK:
            first, second = (shapes[i].fill_on(z, slices) for i in (above - 1, above))
            mask[z] = interpolate_shapes(first, second, weight, _pixel_size(slices))


def _pixel_size(slices: Slices) -> Floats:
    size: Floats = np.linalg.norm(slices.across, axis=0)
    return size


def _to_millimetres(points: Floats, slices: Slices) -> Floats:
    """Places in the patient as mm along the rows and columns of the first slice."""
    flat: Floats = (points - slices.places[0]) @ slices.to_pixels.T * _pixel_size(slices)
    return flat


# ---------------------------------------------------------------------------------------------------- other planes
def _fill_leaning(
    planes: Sequence[ContourPlane], normal: Floats, usual: float, slices: Slices, mask: Pixels
) -> Counter[str]:
    """Fill contours whose planes lean against the slices: each voxel centre is looked up in the plane next to it."""
    found: Counter[str] = Counter()
    first = np.cross(normal, np.eye(3)[np.abs(normal).argmin()])
    first /= np.linalg.norm(first)
    axes = np.column_stack([first, np.cross(normal, first)])
    reach = measure_reach(planes, usual)
    for plane, lower, upper in zip(planes, reach.lower - RIM, reach.upper - RIM, strict=True):
        kinds = [c.kind for c in plane.contours]
        lines = close_slits([c.points @ axes for c in plane.contours])
        combination = combine(lines, kinds)
        found += _count_kinds(combination, kinds)
        ends = np.concatenate([[line.min(axis=0), line.max(axis=0)] for line in lines])
        (u0, v0), (u1, v1) = ends.min(axis=0), ends.max(axis=0)
        corners = np.array([(u, v, t) for u in (u0, u1) for v in (v0, v1) for t in (lower, upper)])
        box = corners[:, :2] @ axes.T + corners[:, 2:] * normal
        at = box @ slices.normal
        for z in np.flatnonzero((slices.along >= at.min() - RIM) & (slices.along <= at.max() + RIM)):
            places, where = _list_centres(slices, int(z), box)
            along = places @ normal
            near = (along >= lower) & (along < upper)
            if near.any():
                uv = places[near] @ axes
                inside = apply(combination, kinds, [contains(line, uv) for line in lines])
                row, column = (index[near][inside] for index in where)
                mask[z, row, column] = True
    return found


def _list_centres(slices: Slices, z: int, box: Floats) -> tuple[Floats, tuple[Pixels, Pixels]]:
    """The voxel centres of slice `z` within a box of places, (n, 3), and their rows and columns."""
    nx, ny = slices.size
    at = (box - slices.places[z]) @ slices.to_pixels.T
    low, high = np.floor(at.min(axis=0)).astype(int), np.ceil(at.max(axis=0)).astype(int) + 1
    columns = np.arange(max(low[0], 0), min(high[0], nx))
    rows = np.arange(max(low[1], 0), min(high[1], ny))
    row, column = (index.ravel() for index in np.meshgrid(rows, columns, indexing="ij"))
    places: Floats = slices.places[z] + np.column_stack([column, row]) @ slices.across.T
    return places, (row, column)
