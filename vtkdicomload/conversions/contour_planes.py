"""Contours in their planes, and how far each plane reaches: half way to the next one, and as far at the ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..stacks.tolerances import GAP_SLACK, GAP_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .._util.arrays import Floats, Pixels
    from ..headers.objects.structure_set import Contour

WIDE_GAP = 1.5  # times the usual distance: over a wider gap nothing reaches
_FLAT = 0.1  # mm that a contour may leave its plane ...
_FLAT_PART = 0.1  # ... or this part of the distance of slices
_FEW = 3  # gaps say too little of what is usual
RIM = 1e-4  # mm: a slice that lies on the border of two planes belongs to the upper one, whatever rounding says
_SLIT = 0.05  # mm: two sides of a slit are nearer to each other than this


class ContourPlane(NamedTuple):
    """The contours in one plane."""

    at: float  # mm along the normal
    contours: tuple[Contour, ...]


class Reach(NamedTuple):
    """The reach of planes along their normal: from the lower border up to, without, the upper."""

    lower: Floats
    upper: Floats

    def find(self, along: Floats) -> Pixels:
        """The plane that reaches each place; -1 where none does."""
        along = along + RIM
        number = np.searchsorted(self.lower, along, side="right") - 1
        return np.where((number >= 0) & (along < self.upper[number]), number, -1)


def is_flat(contour: Contour, normal: Floats, distance: float) -> bool:
    """Tell whether a contour lies in a plane across a normal, of slices that lie `distance` apart."""
    return float(np.ptp(contour.points @ normal)) <= max(_FLAT, _FLAT_PART * distance)


def find_normal(contour: Contour) -> Floats | None:
    """The normal of the plane that a contour lies in; None where it lies in none."""
    if len(contour.points) < 3:
        return None
    centred = contour.points - contour.points.mean(axis=0)
    normal: Floats = np.linalg.svd(centred, full_matrices=False)[2][2]
    normal = normal if normal[np.abs(normal).argmax()] > 0 else -normal
    return normal if float(np.ptp(centred @ normal)) <= _FLAT else None


def group_planes(contours: Sequence[Contour], normal: Floats) -> list[ContourPlane]:
    """The planes of contours that lie across a normal, ascending along it."""
    at = np.array([float(c.points.mean(axis=0) @ normal) for c in contours])
    order = np.argsort(at, kind="stable")
    gaps = np.diff(at[order])
    apart = gaps[gaps > GAP_SLACK]
    limit = GAP_SLACK + GAP_TOLERANCE * (float(np.median(apart)) if len(apart) else 0.0)
    groups = np.split(order, np.flatnonzero(gaps > limit) + 1)
    return [ContourPlane(float(at[group].mean()), tuple(contours[i] for i in sorted(group))) for group in groups]


def find_usual_distance(planes: Sequence[ContourPlane], fallback: float) -> float:
    """The usual distance of planes in mm; of few planes no more than `fallback`, which is that of others."""
    gaps = np.diff([plane.at for plane in planes])
    if len(gaps) >= _FEW:
        return float(np.median(gaps))
    return min(fallback, float(np.median(gaps))) if len(gaps) else fallback


def find_usual_distance_of_all(regions: Iterable[Sequence[ContourPlane]], fallback: float) -> float:
    """The usual distance of planes in mm over all regions of a structure set."""
    usual = [np.median(np.diff([p.at for p in planes])) for planes in regions if len(planes) > _FEW]
    return float(np.median(usual)) if usual else fallback


def measure_reach(planes: Sequence[ContourPlane], usual: float) -> Reach:
    """Measure how far planes reach: half way to the next, half the usual distance at the ends and into wide gaps."""
    at = np.array([plane.at for plane in planes])
    gaps = np.diff(at)
    half = np.where(gaps > WIDE_GAP * usual + GAP_SLACK, usual / 2, gaps / 2)
    ends = np.array([usual / 2])
    return Reach(at - np.concatenate([ends, half]), at + np.concatenate([half, ends]))


def close_slits(contours: Sequence[Floats]) -> list[Floats]:
    """Contours, each (n, 2) in mm, whose own points meet where they nearly do: a keyhole's slit becomes one line."""
    counts = [len(points) for points in contours]
    points = np.concatenate(contours)
    owner = np.repeat(np.arange(len(contours)), counts)
    # Two points that near to each other share a cell of one of four grids of twice the size.
    for shift in ((0.0, 0.0), (0.0, 0.5), (0.5, 0.0), (0.5, 0.5)):
        cells = np.floor(points / (2 * _SLIT) + shift).astype(np.int64)
        cells -= cells.min(axis=0)
        width, height = (int(n) + 1 for n in cells.max(axis=0))
        if len(contours) * width * height > np.iinfo(np.int64).max:
            break  # kilometres apart: no contours of a body
        key = (owner * width + cells[:, 0]) * height + cells[:, 1]
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        points = points[first[inverse]]
    return np.split(points, np.cumsum(counts)[:-1])
