"""Several contours in one plane: which are holes, which overlap, which are there twice.

PS3.3 C.8.8.6.3 says of CLOSEDPLANAR_XOR that an area inside an odd number of them belongs to the region. Of several
CLOSED_PLANAR it says nothing: one wholly within another is taken for a hole, and what overlaps is united.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .fill import contains

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats, Pixels

XOR = "CLOSEDPLANAR_XOR"
_NEAR = 0.05  # pixels: lines nearer than this to each other touch, they do not cross


class Combination(NamedTuple):
    """The ways in which the contours of one plane make an area.

    Attributes
    ----------
    kept : tuple of int
        Those that count: all but repeated ones.
    odd : bool
        Whether the area is what an odd number of them holds; else `parents` say.
    parents : dict
        Of each CLOSED_PLANAR one that is kept, the smallest one around it; None where there is none.
    nested, overlapping : int
        How many lie wholly within another, and how many cross another.
    """

    kept: tuple[int, ...]
    odd: bool
    parents: dict[int, int | None]
    nested: int = 0
    overlapping: int = 0


def combine(polygons: Sequence[Floats], kinds: Sequence[str]) -> Combination:
    """Find how contours of one plane make an area; points in pixels, (n, 2)."""
    plain = [i for i, kind in enumerate(kinds) if kind != XOR]
    boxes = [(p.min(axis=0), p.max(axis=0)) for p in polygons]
    repeated: set[int] = set()
    around: dict[int, set[int]] = {i: set() for i in plain}
    crossing: set[int] = set()
    for i, j in itertools.combinations(plain, 2):
        if i in repeated or j in repeated or _lie_beside(boxes[i], boxes[j]):
            continue
        if _are_equal(polygons[i], polygons[j]):
            repeated.add(j)
            continue
        match _relate(polygons[i], polygons[j]):
            case "inside":
                around[i].add(j)
            case "around":
                around[j].add(i)
            case "across":
                crossing |= {i, j}
    around = {i: outer - repeated for i, outer in around.items() if i not in repeated}
    crossing -= repeated
    mixed = bool(plain) and len(plain) < len(kinds)
    parents = {i: max(outer, key=lambda o: len(around[o]), default=None) for i, outer in around.items()}
    kept = tuple(i for i in range(len(kinds)) if i not in repeated)
    nested = sum(1 for outer in around.values() if outer)
    return Combination(kept, not crossing and not mixed, parents, nested, len(crossing))


def apply(combination: Combination, kinds: Sequence[str], insides: Sequence[Pixels]) -> Pixels:
    """Combine what lies inside each contour, arrays of bool of one shape; `insides` of repeated ones are not looked at.

    Where one is a hole of another, a third one that overlaps both covers the hole.
    """
    result = np.zeros_like(insides[0])
    for i in combination.kept:
        if combination.odd or kinds[i] == XOR:
            result ^= insides[i]
    if combination.odd:
        return result
    children: dict[int | None, list[int]] = {}
    for i, parent in combination.parents.items():
        children.setdefault(parent, []).append(i)

    def region(i: int) -> Pixels:
        area = insides[i].copy()
        for child in children.get(i, ()):
            area &= ~region(child)
        return area

    for root in children.get(None, ()):
        result |= region(root)
    return result


def _lie_beside(a: tuple[Floats, Floats], b: tuple[Floats, Floats]) -> bool:
    return bool(np.any(a[1] < b[0]) or np.any(b[1] < a[0]))


def _are_equal(a: Floats, b: Floats) -> bool:
    """Tell whether two contours have the same points, wherever they begin and whichever way they run."""
    if a.shape != b.shape:
        return False
    first, second = (p[np.lexsort(np.round(p, 2).T)] for p in (a, b))
    return bool(np.abs(first - second).max() < _NEAR)


def _relate(a: Floats, b: Floats) -> str:
    """Say how one contour lies to another: ``inside`` it, ``around`` it, ``across`` it or ``apart``."""
    a_to_b, b_to_a = _measure_distances(a, b), _measure_distances(b, a)
    a_in, b_in = contains(b, a)[a_to_b > _NEAR], contains(a, b)[b_to_a > _NEAR]
    if _cross(a, b) or (a_in.any() and not a_in.all()) or (b_in.any() and not b_in.all()):
        return "across"
    if a_in.any() and not b_in.any():
        return "inside"
    if b_in.any() and not a_in.any():
        return "around"
    if len(a_in) or len(b_in):
        return "across" if a_in.any() else "apart"
    # Every point of both lies on the other: the smaller area is the inner one.
    return "inside" if _measure_area(a) < _measure_area(b) else "around"


def _measure_area(polygon: Floats) -> float:
    x, y = polygon.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _measure_distances(points: Floats, polygon: Floats) -> Floats:
    """The distance of each point from the line of a polygon."""
    edge = np.roll(polygon, -1, axis=0) - polygon
    length = np.maximum((edge**2).sum(axis=1), 1e-12)
    from_start = points[:, None] - polygon
    part = np.clip((from_start * edge).sum(axis=2) / length, 0, 1)
    distances: Floats = np.sqrt(((from_start - part[..., None] * edge) ** 2).sum(axis=2).min(axis=1))
    return distances


def _cross(a: Floats, b: Floats) -> bool:
    """Tell whether an edge of one crosses an edge of the other, both ends of each clearly on either side."""
    return bool(np.any(_find_divided_edges(a, b) & _find_divided_edges(b, a).T))


def _find_divided_edges(a: Floats, b: Floats) -> Pixels:
    """Tell of each edge of `a` and each of `b` whether the line of the first runs between the ends of the second."""
    edge = np.roll(a, -1, axis=0) - a
    length = np.maximum(np.sqrt((edge**2).sum(axis=1)), 1e-12)
    from_start = b[None] - a[:, None]
    side = (edge[:, None, 0] * from_start[..., 1] - edge[:, None, 1] * from_start[..., 0]) / length[:, None]
    following = np.roll(side, -1, axis=1)
    divided: Pixels = ((side > _NEAR) & (following < -_NEAR)) | ((side < -_NEAR) & (following > _NEAR))
    return divided
