"""Polygons on pixels against matplotlib's point-in-polygon, and at ties against arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.path import Path as Outline

from vtkdicomload.conversions import fill as module
from vtkdicomload.conversions.fill import Polygon, contains, fill

PIXELS = np.stack(np.meshgrid(np.arange(22.0), np.arange(20.0)), axis=-1)


def filled(*polygons: Polygon, slices: int = 1) -> np.ndarray:
    out = np.zeros((slices, 20, 22), bool)
    fill(polygons, out)
    return out


def star(rng: np.random.Generator) -> np.ndarray:
    """A polygon that does not cross itself: a radius for each of many angles."""
    angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 50)))
    radius = rng.uniform(1, 14, len(angle))
    return rng.uniform(4, 16, 2) + np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])


@pytest.mark.parametrize("seed", range(40))
def test_pixels_are_those_of_matplotlib(seed: int) -> None:
    shape = star(np.random.default_rng(seed))
    expected = Outline(shape).contains_points(PIXELS.reshape(-1, 2)).reshape(20, 22)
    np.testing.assert_array_equal(filled(Polygon(0, shape))[0], expected)
    np.testing.assert_array_equal(filled(Polygon(0, shape[::-1]))[0], expected)
    np.testing.assert_array_equal(contains(shape, PIXELS.reshape(-1, 2)).reshape(20, 22), expected)


@pytest.mark.parametrize("seed", range(20))
def test_points_and_pixels_agree_where_edges_run_through_centres(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = rng.integers(-2, 24, (rng.integers(3, 12), 2)).astype(float)
    inside = contains(shape, PIXELS.reshape(-1, 2)).reshape(20, 22)
    np.testing.assert_array_equal(filled(Polygon(0, shape))[0], inside)


@pytest.mark.parametrize("seed", range(10))
def test_pieces_of_the_plane_share_no_pixel_and_leave_none(seed: int) -> None:
    """Triangles about points with whole coordinates, as of a fan that covers the whole picture."""
    rng = np.random.default_rng(seed)
    middle = rng.integers(3, 17, 2).astype(float)
    rim = np.array([(-1, -1), (7, -1), (22, -1), (22, 9), (22, 20), (8, 20), (-1, 20), (-1, 6)], float)
    pieces = [filled(Polygon(0, np.array([middle, a, b])))[0] for a, b in zip(rim, np.roll(rim, -1, 0), strict=True)]
    np.testing.assert_array_equal(np.sum(pieces, axis=0), 1)


def test_the_left_and_the_upper_edge_belong() -> None:
    square = np.array([(3, 5), (7, 5), (7, 8), (3, 8)], float)
    expected = np.zeros((20, 22), bool)
    expected[5:8, 3:7] = True
    np.testing.assert_array_equal(filled(Polygon(0, square))[0], expected)
    np.testing.assert_array_equal(filled(Polygon(0, square + 3e-7))[0], expected)  # what rounding did
    np.testing.assert_array_equal(filled(Polygon(0, square - 3e-7))[0], expected)


def test_polygons_of_one_slice_turn_each_other_over() -> None:
    a, b = np.array([(2, 2), (12, 2), (12, 12), (2, 12)], float), np.array([(5, 5), (9, 5), (9, 9), (5, 9)], float)
    both = filled(Polygon(1, a), Polygon(1, b), Polygon(2, b), slices=4)
    assert [int(s.sum()) for s in both] == [0, 100 - 16, 16, 0]


def test_what_lies_outside_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    huge = np.array([(-1e9, -1e9), (1e9, -1e9), (1e9, 1e9), (-1e9, 1e9)])
    assert filled(Polygon(0, huge)).all()
    assert not filled(Polygon(0, huge + np.array([3e9, 0]))).any()
    assert not filled(Polygon(-1, huge), Polygon(7, huge)).any()
    monkeypatch.setattr(module, "_MOST", 500)  # a slice at a time
    assert filled(*(Polygon(k, huge) for k in range(5)), slices=5).all()
