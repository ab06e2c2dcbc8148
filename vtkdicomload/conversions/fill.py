"""Polygons on the pixels of slices: a pixel belongs to a polygon if its centre lies inside, by the even-odd rule.

Half-open: of an edge through pixel centres those at its left and upper side belong, so that polygons which share an
edge share no pixel and leave none out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._util.arrays import Floats, Pixels

_DIGITS = 5  # of a coordinate in pixels: what rounding moved off a pixel centre is put back
_MOST = 1 << 22  # pixels at a time


class Polygon(NamedTuple):
    """A closed line on a slice."""

    slice: int
    points: Floats  # (n, 2): column and row, pixel centres at whole numbers


def fill(polygons: Sequence[Polygon], out: Pixels) -> None:
    """Turn over the pixels inside polygons: of those of one slice, each pixel inside an odd number of them is True.

    Parameters
    ----------
    polygons : sequence of Polygon
        In any order; slices that there are not are passed over.
    out : numpy.ndarray, shape (nz, ny, nx), bool
        False before, but for what shall be turned over.
    """
    by_slice = sorted((p for p in polygons if 0 <= p.slice < out.shape[0]), key=lambda p: p.slice)
    if not by_slice:
        return
    crossings = _find_crossings(by_slice, out.shape[1], out.shape[2])
    if not len(crossings.column):
        return
    nx = out.shape[2]
    column = crossings.column
    left, right = int(column.min()), int(column.max())
    top, bottom = int(crossings.row.min()), int(crossings.row.max()) + 1
    width, height = right - left + 1, bottom - top
    at_once = max(1, _MOST // (width * height))
    for first in range(by_slice[0].slice, by_slice[-1].slice + 1, at_once):
        start, end = np.searchsorted(crossings.slice, [first, first + at_once])
        if start == end:
            continue
        last = int(crossings.slice[end - 1]) + 1
        turned = np.zeros((last - first, height, width), np.uint8)
        where = (crossings.slice[start:end] - first, crossings.row[start:end] - top, column[start:end] - left)
        np.bitwise_xor.at(turned.reshape(-1), np.ravel_multi_index(where, turned.shape), np.uint8(1))
        inside = np.bitwise_xor.accumulate(turned, axis=2)[:, :, : nx - left]
        out[first:last, top:bottom, left : left + inside.shape[2]] ^= inside.view(bool)


class _Crossings(NamedTuple):
    """The places where edges cross the rows of pixel centres: from that column on a pixel lies on the other side."""

    slice: Pixels  # ascending
    row: Pixels
    column: Pixels


def _find_crossings(polygons: Sequence[Polygon], ny: int, nx: int) -> _Crossings:
    counts = [len(p.points) for p in polygons]
    points = np.round(np.concatenate([p.points for p in polygons]), _DIGITS)
    ends = np.cumsum(counts)
    following = np.arange(1, len(points) + 1)
    following[ends - 1] = ends - counts  # each polygon is closed
    number = np.repeat([p.slice for p in polygons], counts)
    upper, lower = _order_ends(points, following)
    first, last = (np.clip(np.ceil(end[:, 1]), 0, ny).astype(np.intp) for end in (upper, lower))
    rows = np.maximum(last - first, 0)
    edge = np.repeat(np.arange(len(points)), rows)
    begin = np.cumsum(rows) - rows
    row = np.arange(len(edge)) - begin[edge] + first[edge]
    slope = np.divide(lower[:, 0] - upper[:, 0], lower[:, 1] - upper[:, 1], out=np.zeros(len(points)), where=rows > 0)
    x = upper[edge, 0] + (row - upper[edge, 1]) * slope[edge]
    column = np.clip(np.ceil(np.round(x, _DIGITS + 2)), 0, nx).astype(np.intp)
    return _Crossings(number[edge], row, column)


def _order_ends(points: Floats, following: Pixels) -> tuple[Floats, Floats]:
    """The upper and the lower end of each edge: both sides of a slit cross a row at one place, to the last bit."""
    swap = (points[:, 1] > points[following, 1])[:, None]
    return np.where(swap, points[following], points), np.where(swap, points, points[following])


def contains(polygon: Floats, points: Floats) -> Pixels:
    """Tell which of (n, 2) points lie inside a polygon, by the even-odd rule, half-open as `fill`."""
    points = np.round(points, _DIGITS)
    upper, lower = _order_ends(np.round(polygon, _DIGITS), np.roll(np.arange(len(polygon)), -1))
    (x1, y1), (x2, y2) = upper.T, lower.T
    inside = np.zeros(len(points), bool)
    at_once = max(1, _MOST // len(polygon))
    for first in range(0, len(points), at_once):
        x, y = points[first : first + at_once].T[..., None]
        crosses = (y1 <= y) & (y < y2)
        with np.errstate(divide="ignore", invalid="ignore"):
            at = np.round(x1 + (y - y1) * ((x2 - x1) / (y2 - y1)), _DIGITS + 2)
        inside[first : first + at_once] = np.count_nonzero(crosses & (at <= x), axis=1) % 2 == 1
    return inside
