"""Masks of structures against bodies of known volume, matplotlib's point-in-polygon, and highdicom's arrays."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.path import Path as Outline
from orientations import ORIENTATIONS
from pydicom import dcmread
from pydicom.data import get_testdata_file
from structure_sets import circle, closed, rectangle, write_structure_set
from synthetic import ROOT, Truth

import vtkdicomload as vdl
from vtkdicomload import DicomLoadWarning, GeometryError, Volume

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

Write = Callable[..., Truth]


@pytest.fixture
def ct(series: Write) -> Volume:
    """40 axial slices of 60 × 64 voxels of 1 × 1 × 2 mm; voxel (0, 0, 0) at (-32, -30, -40)."""
    truth = series("ct", count=40, rows=60, columns=64, PixelSpacing=[1.0, 1.0], gap=2.0, origin=(-32, -30, -40))
    return vdl.load(truth.folder)


def centres(volume: Volume) -> np.ndarray:
    """LPS mm of every voxel, (z, y, x, 3), of any geometry."""
    geometry = volume.geometry
    nx, ny, _ = geometry.dimensions
    row, column = (np.asarray(geometry.direction)[:, i] * geometry.spacing[i] for i in (0, 1))
    across = np.arange(nx)[None, :, None] * row + np.arange(ny)[:, None, None] * column
    return np.asarray(geometry.positions)[:, None, None] + across


def one(volume: Volume, path: Path, lines: Any, **options: Any) -> np.ndarray:
    return volume.mask_of(write_structure_set(path / "rs.dcm", {"it": lines}), **options)


# ------------------------------------------------------------------------------------------------ bodies
BODIES: dict[str, tuple[Callable[[float], list[float]], float]] = {
    # radii of the circles at a height, outer and inner ones; the volume in ml
    "sphere": (lambda h: [np.sqrt(400 - h * h)] if abs(h) < 20 else [], 4 / 3 * np.pi * 20**3 / 1000),
    "torus": (
        lambda h: [16 + np.sqrt(64 - h * h), 16 - np.sqrt(64 - h * h)] if abs(h) < 8 else [],
        2 * np.pi**2 * 16 * 64 / 1000,
    ),
}


@pytest.mark.parametrize("orientation", ["axial", "oblique", "coronal", "axial, turned round"])
@pytest.mark.parametrize("body", BODIES)
def test_a_body_has_its_volume_and_its_rim(series: Write, tmp_path: Path, body: str, orientation: str) -> None:
    cosines = np.array(ORIENTATIONS[orientation], float)
    u, v, n = cosines[:3], cosines[3:], np.cross(cosines[:3], cosines[3:])
    truth = series("ct", count=60, rows=60, columns=64, orientation=cosines, PixelSpacing=[1.0, 1.0], gap=0.75)
    volume = vdl.load(truth.folder)
    middle = truth.positions[0] + 30.3 * u + 29.6 * v + 21.9 * n
    radii, expected = BODIES[body]
    lines = [
        ("CLOSEDPLANAR_XOR", circle(middle + h * n, r, u=u, v=v, count=240))
        for h in [float((p - middle) @ n) for p in truth.positions]
        for r in radii(h)
    ]
    mask = one(volume, tmp_path, lines)
    assert volume.measure_mask(mask) == pytest.approx(expected, rel=0.01)
    at = centres(volume) - middle
    height, radius = at @ n, np.hypot(at @ u, at @ v)
    depth = 20 - np.hypot(height, radius) if body == "sphere" else 8 - np.hypot(height, radius - 16)
    assert mask[depth > 1.5].all()
    assert not mask[depth < -1.5].any()


def test_islands_in_the_lakes_of_islands(ct: Volume, tmp_path: Path) -> None:
    radii = [20, 14, 9, 4]
    lines = [closed(circle((0.2, 0.1, z), r)) for z in range(-10, 11, 2) for r in radii]
    with pytest.warns(DicomLoadWarning, match="'it': 33 contours wholly within another in the same plane: holes"):
        mask = one(ct, tmp_path, lines)
    area = np.pi * (20**2 - 14**2 + 9**2 - 4**2)
    assert mask[15:26].sum() == pytest.approx(11 * area, rel=0.01)
    as_xor = one(ct, tmp_path, [("CLOSEDPLANAR_XOR", places) for _, places in lines])
    np.testing.assert_array_equal(mask, as_xor)


# ------------------------------------------------------------------------------------------------ pixel by pixel
@pytest.mark.parametrize("orientation", ["axial", "oblique", "sagittal", "oblique coronal"])
def test_every_pixel_is_that_of_an_independent_fill(series: Write, tmp_path: Path, orientation: str) -> None:
    rng = np.random.default_rng(11)
    cosines = np.array(ORIENTATIONS[orientation], float)
    u, v = cosines[:3], cosines[3:]
    truth = series("ct", count=12, rows=40, columns=44, orientation=cosines)
    volume = vdl.load(truth.folder)
    shapes = [
        rng.uniform([-2, -2], [24, 34], (rng.integers(3, 30), 2)) for _ in truth.positions
    ]  # they cross themselves
    lines = [closed(p + s[:, :1] * u + s[:, 1:] * v) for p, s in zip(truth.positions, shapes, strict=True)]
    mask = one(volume, tmp_path, lines)
    y, x = np.mgrid[:40, :44]
    at = np.column_stack([x.ravel() * 0.5, y.ravel() * 0.8])
    for k, shape in enumerate(shapes):
        np.testing.assert_array_equal(mask[k].ravel(), even_odd(shape, at), err_msg=str(k))


def even_odd(shape: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The even-odd rule by winding in another way: signs of crossing a ray that runs down, edge by edge."""
    inside = np.zeros(len(points), bool)
    for (x0, y0), (x1, y1) in zip(shape, np.roll(shape, -1, axis=0), strict=True):
        if x0 == x1:
            continue
        below = y0 + (points[:, 0] - x0) * (y1 - y0) / (x1 - x0) > points[:, 1]
        inside ^= below & ((points[:, 0] >= min(x0, x1)) & (points[:, 0] < max(x0, x1)))
    return inside


def test_a_simple_outline_is_that_of_matplotlib(ct: Volume, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    lines, outlines = [], []
    for z in range(-40, 40, 2):
        radius = 18 + 6 * np.sin(3 * angle + z) + rng.uniform(-1, 1, 60)
        flat = np.column_stack([radius * np.cos(angle) + 1.37, radius * np.sin(angle) - 2.11])
        outlines.append(Outline(flat))
        lines.append(closed(np.column_stack([flat, np.full(60, float(z))])))
    mask = one(ct, tmp_path, lines)
    at = centres(ct)[0, ..., :2].reshape(-1, 2)
    for k, outline in enumerate(outlines):
        np.testing.assert_array_equal(mask[k].ravel(), outline.contains_points(at))


# ------------------------------------------------------------------------------------------------ rules in a plane
@pytest.mark.parametrize("digits", [9, 4])
@pytest.mark.parametrize("slit", [0.0, 0.004, 0.5, 0.3331])
def test_the_slit_of_a_keyhole_is_closed(ct: Volume, tmp_path: Path, slit: float, digits: int) -> None:
    """A ring as one contour: round the outside, along a slit to the inside, round it, and back along the slit."""
    outer, inner = circle((0, slit, 0), 20, count=72), circle((0, slit, 0), 10, count=72)[::-1]
    start = inner[-1]  # at angle 0, as the first one of the outer circle
    ring = np.concatenate([outer, outer[:1], [start], inner, [start * [1, 1, 1] + [0, 0.004, 0]]])
    mask = ct.mask_of(write_structure_set(tmp_path / "rs.dcm", {"it": [closed(ring)]}, digits=digits))
    at = centres(ct)[20]
    radius = np.hypot(at[..., 0], at[..., 1] - slit)
    middle = np.pi / 72  # the sides of the polygons lie a little within the circles
    assert mask[20][(radius < 20 * np.cos(middle) - 0.02) & (radius > 10.02)].all()
    assert not mask[20][(radius > 20.02) | (radius < 10 * np.cos(middle) - 0.02)].any()


def test_neighbours_share_an_edge_and_no_voxel(ct: Volume, tmp_path: Path) -> None:
    """Edges through voxel centres: each belongs to one of both."""
    left = [closed(rectangle(-10, -12, 3, 8, z)) for z in (-2, 0, 2)]
    right = [closed(rectangle(3, -12, 11, 8, z)) for z in (-2, 0, 2)]
    path = write_structure_set(tmp_path / "rs.dcm", {"left": left, "right": right})
    a, b = ct.mask_of(path, "left"), ct.mask_of(path, "right")
    assert not (a & b).any()
    assert (a | b).sum() == 3 * 21 * 20
    assert a.sum() == 3 * 13 * 20
    assert a[20, 18, 22]  # the corner at (-10, -12)
    assert not b[20, 38, 40]


def test_overlapping_contours_unite(ct: Volume, tmp_path: Path) -> None:
    lines = [closed(rectangle(-10.5, -10.5, 2.5, 2.5, 0)), closed(rectangle(-3.5, -3.5, 9.5, 9.5, 0))]
    with pytest.warns(DicomLoadWarning, match="2 contours that overlap in the same plane: united"):
        mask = one(ct, tmp_path, lines)
    assert mask.sum() == 2 * 13 * 13 - 6 * 6
    xor = one(ct, tmp_path, [("CLOSEDPLANAR_XOR", places) for _, places in lines])
    assert xor.sum() == 2 * 13 * 13 - 2 * 6 * 6


def test_a_hole_stays_one_where_others_overlap(ct: Volume, tmp_path: Path) -> None:
    lines = [
        closed(rectangle(-20.5, -20.5, 2.5, 2.5, 0)),
        closed(rectangle(-3.5, -3.5, 9.5, 9.5, 0)),
        closed(rectangle(-15.5, -15.5, -10.5, -10.5, 0)),
    ]
    with pytest.warns(DicomLoadWarning, match=r"1 contour wholly .*2 contours that overlap"):
        mask = one(ct, tmp_path, lines)
    assert mask.sum() == 23 * 23 + 13 * 13 - 6 * 6 - 5 * 5


def test_a_repeated_contour_counts_once(ct: Volume, tmp_path: Path) -> None:
    ring = np.array(circle((0, 0, 0), 12))
    once = one(ct, tmp_path, [closed(ring)])
    np.testing.assert_array_equal(one(ct, tmp_path, [closed(ring), closed(np.roll(ring, 7, axis=0))]), once)
    np.testing.assert_array_equal(one(ct, tmp_path, [closed(ring), closed(ring[::-1])] * 2), once)


def test_contours_side_by_side_are_no_overlap(ct: Volume, tmp_path: Path) -> None:
    lines = [closed(circle((x, y, 0), 4)) for x in (-15, 0, 15) for y in (-15, 0, 15)]
    lines.append(closed(rectangle(19.0, 11, 25, 19, 0)))  # beside one of them, its box touches
    each = [one(ct, tmp_path, [line]) for line in lines]
    np.testing.assert_array_equal(one(ct, tmp_path, lines), np.any(each, axis=0))


def test_a_hole_that_touches_the_rim_is_one(ct: Volume, tmp_path: Path) -> None:
    lines = [closed(rectangle(-10.5, -10.5, 9.5, 9.5, 0)), closed(rectangle(-10.5, -5.5, 0.5, 4.5, 0))]
    with pytest.warns(DicomLoadWarning, match="1 contour wholly within another"):
        mask = one(ct, tmp_path, lines)
    assert mask.sum() == 20 * 20 - 11 * 10


def test_both_kinds_in_a_plane_are_united_with_a_warning(ct: Volume, tmp_path: Path) -> None:
    lines = [
        ("CLOSEDPLANAR_XOR", rectangle(-10.5, -10.5, 9.5, 9.5, 0)),
        ("CLOSEDPLANAR_XOR", rectangle(-5.5, -5.5, 4.5, 4.5, 0)),
        closed(rectangle(-2.5, -2.5, 1.5, 1.5, 0)),
    ]
    with pytest.warns(DicomLoadWarning, match="CLOSEDPLANAR_XOR and CLOSED_PLANAR contours in the same plane: united"):
        assert one(ct, tmp_path, lines).sum() == 400 - 100 + 16


# ------------------------------------------------------------------------------------------------ between the planes
def heights(mask: np.ndarray) -> list[int]:
    """The z in mm of the slices that hold something."""
    return [-40 + 2 * int(k) for k in np.flatnonzero(mask.any(axis=(1, 2)))]


REACH: dict[str, tuple[list[float], list[int]]] = {
    "one plane": ([0], [0]),
    "every slice": ([-2, 0, 2], [-2, 0, 2]),
    "beside the slices": ([-3.4, -1.4, 0.6, 2.6], [-4, -2, 0, 2]),
    "just between the slices": ([-3, -1, 1, 3], [-4, -2, 0, 2]),
    "denser than slices": ([-2, -1, 0, 1, 2, 3, 4], [-2, 0, 2, 4]),
    "a gap": ([-10, -8, -6, -4, 8, 10, 12], [-10, -8, -6, -4, 8, 10, 12]),
    "a slice left out": ([-10, -8, -6, -4, 0, 2, 4], [-10, -8, -6, -4, 0, 2, 4]),
    "a little uneven": ([-4, -2, 0.9, 3, 5], [-4, -2, 0, 2, 4, 6]),
    "two planes far apart": ([-10, 10], [-10, 10]),
}


@pytest.mark.parametrize("name", REACH)
def test_a_plane_reaches_half_way_to_the_next(ct: Volume, tmp_path: Path, name: str) -> None:
    planes, expected = REACH[name]
    mask = one(ct, tmp_path, [closed(circle((0, 0, z), 9)) for z in planes])
    assert heights(mask) == expected


def test_sparse_contours_are_told_and_each_reaches_half_way(ct: Volume, tmp_path: Path) -> None:
    lines = [closed(circle((0, 0, z), r)) for z, r in ((-12, 5), (-6, 9), (0, 12), (6, 9), (12, 5))]
    with pytest.warns(DicomLoadWarning, match="its contours lie 6 mm apart, the slices 2 mm"):
        mask = one(ct, tmp_path, lines)
    assert heights(mask) == list(range(-14, 15, 2))
    at_0 = mask[20]
    for k in (19, 21):
        np.testing.assert_array_equal(mask[k], at_0)


def test_a_shape_between_two_circles_is_a_circle_between_them(ct: Volume, tmp_path: Path) -> None:
    radii = {-12: 6.0, -6: 10.0, 0: 18.0, 6: 12.0, 12: 6.0, 36: 9.0}
    lines = [closed(circle((0.3, -0.4, z), r, count=200)) for z, r in radii.items()]
    mask = one(ct, tmp_path, lines, interpolate=True)
    at = centres(ct)[0] - [0.3, -0.4, 0]
    for k in range(14, 27):  # -12 to 12 mm
        radius = np.interp(-40 + 2 * k, list(radii)[:5], list(radii.values())[:5])
        off = np.abs(np.hypot(at[..., 0], at[..., 1]) - radius)
        inside = np.hypot(at[..., 0], at[..., 1]) < radius
        np.testing.assert_array_equal(mask[k][off > 1], inside[off > 1])
        assert mask[k].sum() == pytest.approx(np.pi * radius**2, rel=0.06)
    assert not mask[29:36].any()  # the wide gap stays empty
    with pytest.warns(DicomLoadWarning, match="6 mm apart"):
        plain = one(ct, tmp_path, lines)
    for k in (14, 17, 20, 23, 26):  # in the planes themselves nothing changes
        np.testing.assert_array_equal(mask[k], plain[k])


def test_the_usual_distance_is_that_of_the_whole_set(ct: Volume, tmp_path: Path) -> None:
    every = [closed(circle((0, 0, z), 9)) for z in range(-24, 25, 6)]
    path = write_structure_set(tmp_path / "rs.dcm", {"long": every, "alone": [closed(circle((0, 0, 0), 4))]})
    with pytest.warns(DicomLoadWarning, match="6 mm apart"):
        assert heights(ct.mask_of(path, "alone")) == [-2, 0, 2]
    with pytest.warns(DicomLoadWarning, match="6 mm apart"):
        assert heights(ct.mask_of(path, "long"))[0] == -26


# ------------------------------------------------------------------------------------------------ other stacks, planes
def test_uneven_and_sheared_slices_are_filled_where_they_lie(series: Write, tmp_path: Path) -> None:
    uneven = [0, 2, 5, 6, 9, 11]
    shear = [0.0, 1.3, 2.6, 3.9, 5.2, 6.5]
    for name, dz, dy in (("uneven", uneven, [0.0] * 6), ("sheared", [2.0 * k for k in range(6)], shear)):

        def edit(dataset: Dataset, k: int, dz: Any = dz, dy: Any = dy) -> None:
            dataset.ImagePositionPatient = [-20, -20 + dy[k], dz[k]]

        truth = series(name, count=6, rows=50, columns=60, PixelSpacing=[0.9, 0.7], edit=edit)
        with pytest.warns(DicomLoadWarning, match=r"not evenly spaced|lean"):
            volume = vdl.load(truth.folder, irregular="keep")
        lines = [closed(circle((1.11, 2.07, z), 11 + 0.3 * z)) for z in dz]
        mask = one(volume, tmp_path, lines)
        at = np.array(truth.positions)[:, None, None] + np.stack(
            np.broadcast_arrays(np.arange(60) * 0.7, np.arange(50)[:, None] * 0.9, 0), axis=-1
        )
        for k, (_, places) in enumerate(lines):
            outline = Outline(np.asarray(places)[:, :2])
            np.testing.assert_array_equal(mask[k].ravel(), outline.contains_points(at[k, ..., :2].reshape(-1, 2)))


@pytest.mark.parametrize("plane", ["sagittal", "coronal", "oblique"])
def test_contours_across_the_slices_make_the_same_body(ct: Volume, tmp_path: Path, plane: str) -> None:
    cosines = np.array(ORIENTATIONS[plane], float)
    u, v, n = cosines[:3], cosines[3:], np.cross(cosines[:3], cosines[3:])
    middle = np.array([0.37, -1.2, 0.6])
    lines = [
        closed(circle(middle + h * n, np.sqrt(400 - h * h), u=u, v=v, count=200)) for h in np.arange(-19, 19.1, 2.0)
    ]
    mask = one(ct, tmp_path, lines)
    assert ct.measure_mask(mask) == pytest.approx(4 / 3 * np.pi * 8, rel=0.01)
    depth = 20 - np.linalg.norm(centres(ct) - middle, axis=-1)
    assert mask[depth > 2.2].all()
    assert not mask[depth < -2.2].any()


# ------------------------------------------------------------------------------------------------ what is told, refused
def test_what_bounds_no_area_is_told(ct: Volume, tmp_path: Path) -> None:
    body = [closed(circle((0, 0, z), 9)) for z in (-2, 0, 2)]
    lines = [*body, ("OPEN_PLANAR", [(0, 0, 0), (5, 0, 0), (5, 5, 0)]), ("POINT", [(0, 0, 0)]), closed([(0, 0, 4)])]
    words = r"3 of 6 contours bound no area \(1 OPEN_PLANAR, 1 POINT, 1 closed with fewer than three points\)"
    with pytest.warns(DicomLoadWarning, match=words):
        mask = one(ct, tmp_path, lines)
    np.testing.assert_array_equal(mask, one(ct, tmp_path, body))
    crooked = np.array(circle((0, 0, 10), 9)) + np.random.default_rng(1).uniform(-3, 3, (90, 3))
    with pytest.warns(DicomLoadWarning, match="1 closed contour that lies in no plane"):
        np.testing.assert_array_equal(one(ct, tmp_path, [*body, closed(crooked)]), mask)


def test_a_structure_without_an_area_is_refused_and_not_among_all(ct: Volume, tmp_path: Path) -> None:
    path = write_structure_set(
        tmp_path / "rs.dcm", {"iso": [("POINT", [(0, 0, 0)])], "none": [], "body": [closed(circle((0, 0, 0), 9))]}
    )
    with pytest.raises(GeometryError, match=r"'iso' in .* bounds no area: 1 POINT → contours_of"):
        ct.mask_of(path, "iso")
    with pytest.raises(GeometryError, match=r"'none' in .* bounds no area: no contour at all"):
        ct.mask_of(path, "none")
    assert [s.name for s, _ in ct.masks_of(path)] == ["body"]


def test_a_structure_beside_the_volume_is_told(ct: Volume, tmp_path: Path) -> None:
    for centre in ((500, 0, 0), (0, 0, 300)):
        with pytest.warns(DicomLoadWarning, match="no voxel centre of the volume lies in it"):
            assert not one(ct, tmp_path, [closed(circle(centre, 9))]).any()
    half = one(ct, tmp_path, [closed(circle((32, 0, 0), 10))])
    assert half.sum() == pytest.approx(np.pi * 50, rel=0.1)


def test_names_are_forgiven_case_and_blanks_and_listed(ct: Volume, tmp_path: Path) -> None:
    ring = [closed(circle((0, 0, 0), 9))]
    path = write_structure_set(
        tmp_path / "rs.dcm", {"Left Lung": ring, "left_kidney ": ring, "LIVER": ring, "Liver": ring}
    )
    for name in ("left lung", "LEFTLUNG", " Left  Lung", "left_lung", 1):
        assert ct.mask_of(path, name).any()
    assert ct.mask_of(path, "Liver").any()
    with pytest.raises(ValueError, match=r"'liver' fits 2 of 4 structures in .*: 1 'Left Lung', 2"):
        ct.mask_of(path, "liver")
    with pytest.raises(ValueError, match="9 fits 0 of 4"):
        ct.mask_of(path, 9)
    with pytest.raises(ValueError, match=r"4 structures in .*, choose by name="):
        ct.mask_of(path)


def test_the_frame_of_reference_has_to_match(ct: Volume, tmp_path: Path) -> None:
    ring = {"it": [closed(circle((0, 0, 0), 9))]}
    expected = ct.mask_of(write_structure_set(tmp_path / "right.dcm", ring))
    for uid in ("1.2.3", None):
        other = write_structure_set(tmp_path / "other.dcm", ring, frame_of_reference=uid, series="1.2.4")
        with pytest.raises(GeometryError, match=r"not known to lie in .*drawn on another series") as error:
            ct.mask_of(other)
        assert error.value.remedies[0].options == {"frame_of_reference": "ignore"}
        np.testing.assert_array_equal(ct.mask_of(other, frame_of_reference="ignore"), expected)
        mine = write_structure_set(tmp_path / "mine.dcm", ring, frame_of_reference=uid)
        with pytest.warns(DicomLoadWarning, match="was drawn on this series"):
            np.testing.assert_array_equal(ct.mask_of(mine), expected)


def test_structures_of_another_series_are_told(ct: Volume, tmp_path: Path) -> None:
    ring = {"it": [closed(circle((0, 0, 0), 9))]}
    expected = ct.mask_of(write_structure_set(tmp_path / "right.dcm", ring))
    other = write_structure_set(tmp_path / "other.dcm", ring, series="1.2.4")
    with pytest.warns(DicomLoadWarning, match="was drawn on another series"):
        np.testing.assert_array_equal(ct.mask_of(other), expected)
    np.testing.assert_array_equal(ct.mask_of(other, frame_of_reference="ignore"), expected)


def test_a_volume_of_unknown_frame_of_reference_refuses(series: Write, tmp_path: Path) -> None:
    truth = series("ct", FrameOfReferenceUID=None, seed=5)
    path = write_structure_set(tmp_path / "rs.dcm", {"it": [closed(circle((-9, -19, 32.5), 2))]})
    with pytest.raises(GeometryError, match="unknown"):
        vdl.load(truth.folder).mask_of(path)
    assert vdl.load(truth.folder).mask_of(path, frame_of_reference="ignore").any()


def test_a_volume_without_a_place_refuses(series: Write, tmp_path: Path) -> None:
    truth = series("ct", count=1, ImagePositionPatient=None, ImageOrientationPatient=None)
    with pytest.warns(DicomLoadWarning, match="no place in the patient"):
        volume = vdl.load(truth.folder)
    with pytest.raises(GeometryError, match="no position or orientation"):
        one(volume, tmp_path, [closed(circle((0, 0, 0), 9))])


def test_a_resampled_volume_has_the_mask_on_its_own_grid(ct: Volume, tmp_path: Path) -> None:
    lines = [closed(circle((0, 0, z), 9)) for z in range(-20, 21, 2)]
    fine = ct.resampled(spacing=0.5, shape=(50, 48, 60))
    with pytest.warns(DicomLoadWarning, match="2 mm apart, the slices 0.5 mm"):
        mask = one(fine, tmp_path, lines)
    assert mask.shape == fine.frames.shape
    assert fine.measure_mask(mask) == pytest.approx(np.pi * 81 * 30 / 1000, rel=0.02)


# ------------------------------------------------------------------------------------------------ segmentations
def truth_of(data: Path, name: str, key: str) -> np.ndarray:
    """What highdicom says of a segment, in the six slices of the CT."""
    found = json.loads((data / "highdicom" / "truth.json").read_text())[name][key]
    affine, values = np.array(found["affine"]), np.array(found["values"])
    heights = affine[2, 0] * np.arange(len(values)) + affine[2, 3]
    placed = np.zeros((6, *values.shape[1:]))
    placed[np.rint((heights - 30) / 2).astype(int)] = values  # the slices ascend from 30 mm in steps of 2 mm
    return placed


# The slices that the segmentations name were converted to one file, of another series.
CONVERTED = pytest.mark.filterwarnings("ignore:.*was drawn on another series")


@pytest.fixture
def oblique_ct(data: Path) -> Volume:
    """The six slices that the segmentations were made of."""
    return vdl.load(data / "highdicom" / "legacy_ct.dcm")


@CONVERTED
@pytest.mark.parametrize(("number", "name"), [(1, "bone"), (2, " MARROW"), (3, 3)])
def test_segments_are_those_of_highdicom(oblique_ct: Volume, data: Path, number: int, name: Any) -> None:
    mask = oblique_ct.mask_of(data / "highdicom" / "seg_binary.dcm", name)
    np.testing.assert_array_equal(mask, truth_of(data, "seg_binary", str(number)))
    assert mask.dtype == bool


@CONVERTED
def test_labels_are_those_of_highdicom(oblique_ct: Volume, data: Path) -> None:
    path = data / "highdicom" / "seg_labelmap.dcm"
    expected = truth_of(data, "seg_labelmap", "None")
    for structure, mask in oblique_ct.masks_of(path):
        np.testing.assert_array_equal(mask, expected == structure.number)
    np.testing.assert_array_equal(oblique_ct.label_map_of(path), expected)
    assert vdl.structures(path)[0].name == "Background"
    np.testing.assert_array_equal(oblique_ct.mask_of(path, "background"), expected == 0)


@CONVERTED
def test_fractions_need_a_threshold(oblique_ct: Volume, data: Path) -> None:
    path, expected = data / "highdicom" / "seg_fractional.dcm", truth_of(data, "seg_fractional", "1")
    for threshold in (0.1, 0.29, 0.5, 1.0):
        if expected.max() >= threshold:
            mask = oblique_ct.mask_of(path, threshold=threshold)
            np.testing.assert_array_equal(mask, expected >= threshold - 1e-6)
    with pytest.raises(ValueError, match=re.escape("a threshold is needed: 0.5 takes the voxels")):
        oblique_ct.mask_of(path)
    with pytest.raises(ValueError, match="above 0 and up to 1"):
        oblique_ct.mask_of(path, threshold=128)
    with pytest.raises(ValueError, match="interpolate=True is for contours"):
        oblique_ct.mask_of(path, threshold=0.5, interpolate=True)


@CONVERTED
def test_overlapping_segments_are_kept_apart(oblique_ct: Volume, data: Path) -> None:
    path = data / "highdicom" / "seg_binary.dcm"
    masks = {s.name: mask for s, mask in oblique_ct.masks_of(path)}
    assert (masks["Bone"] & masks["Marrow"]).any()
    with pytest.raises(ValueError, match=r"'Marrow' overlaps 'Bone' in \d+ voxels"):
        oblique_ct.label_map_of(path, ["bone", "marrow"])


@CONVERTED
def test_a_segment_on_another_grid_is_that_of_the_nearest_voxel(oblique_ct: Volume, data: Path) -> None:
    path = data / "highdicom" / "seg_binary.dcm"
    fine = oblique_ct.resampled(spacing=(0.25, 0.4, 1.25))
    mask = fine.mask_of(path, "bone")
    np.testing.assert_array_equal(mask, oblique_ct.mask_of(path, "bone").repeat(2, 0).repeat(2, 1).repeat(2, 2))
    part = oblique_ct.crop(index=((1, 5), (2, 5), (1, 6)))
    np.testing.assert_array_equal(part.mask_of(path, "bone"), oblique_ct.mask_of(path, "bone")[1:6, 2:5, 1:5])


@CONVERTED
def test_a_series_of_segmentations_is_a_source_too(oblique_ct: Volume, data: Path) -> None:
    series = vdl.scan(data / "highdicom" / "seg_binary.dcm")[0]
    np.testing.assert_array_equal(
        oblique_ct.mask_of(series, "bone"), oblique_ct.mask_of(data / "highdicom" / "seg_binary.dcm", "bone")
    )
    with pytest.raises(vdl.DicomLoadError, match="is no segmentation"):
        oblique_ct.mask_of(vdl.scan(data / "highdicom" / "legacy_ct.dcm")[0])


# ------------------------------------------------------------------------------------------------ real, together
def test_a_real_structure_set_is_filled_as_by_matplotlib(series: Write) -> None:
    """The one that comes with pydicom: three contours of a phantom's outside, 3 mm apart or more."""
    path = get_testdata_file("rtstruct.dcm", download=False)
    (patient, *_), uid = vdl.structures(path), f"{ROOT}.2000"
    lines = vdl.contours_of(path, "patient")
    points = np.array([lines.GetPoint(i) for i in range(lines.GetNumberOfPoints())])
    low, high = points.min(axis=0), points.max(axis=0)
    size = np.ceil((high - low) / 2).astype(int) + 4
    truth = series(
        count=int(size[2]) * 2, rows=int(size[1]), columns=int(size[0]), PixelSpacing=[2, 2], gap=1.0, origin=low - 3.7
    )
    volume = vdl.load(truth.folder)
    assert patient.frame_of_reference_uid != uid
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DicomLoadWarning)
        mask = volume.mask_of(path, "PATIENT", frame_of_reference="ignore")
    filled = np.flatnonzero(mask.any(axis=(1, 2)))
    assert len(filled)
    heights = np.unique(points[:, 2])
    for k in filled:
        z = truth.positions[k][2]
        height = heights[np.abs(heights - z).argmin()]
        outline = Outline(points[points[:, 2] == height][:, :2])
        at = centres(volume)[k][..., :2].reshape(-1, 2)
        expected = outline.contains_points(at)
        assert np.count_nonzero(mask[k].ravel() != expected) <= 0.002 * expected.sum()


def test_masks_come_one_after_another(ct: Volume, tmp_path: Path) -> None:
    path = write_structure_set(tmp_path / "rs.dcm", {f"r{i}": [closed(circle((0, 0, 0), 3 + i))] for i in range(4)})
    found = list(ct.masks_of(path, ["r2", "r0"]))
    assert [s.name for s, _ in found] == ["r2", "r0"]
    assert found[0][1].sum() > found[1][1].sum()
    with pytest.raises(TypeError, match="names must be a list"):
        ct.masks_of(path, "r2")


# ------------------------------------------------------------------------------------------------ wrong options, sets
def test_a_threshold_is_a_fraction_of_segments(ct: Volume, tmp_path: Path) -> None:
    path = write_structure_set(tmp_path / "rs.dcm", {"it": [closed(circle((0, 0, 0), 5))]})
    with pytest.raises(ValueError, match=r"threshold= is for fractional segments, .*rs\.dcm is an RT structure set"):
        ct.mask_of(path, threshold=0.5)
    for wrong, error, words in (
        ("0.5", TypeError, "threshold must be a number, not a str of 3 characters"),
        (True, TypeError, "threshold must be a number, not True"),
        (float("nan"), ValueError, "above 0 and up to 1, not nan"),
    ):
        for make in (ct.mask_of, ct.masks_of, ct.label_map_of):
            with pytest.raises(error, match=words):
                make(path, threshold=wrong)


def test_all_structures_have_to_lie_in_the_frame_of_reference(ct: Volume, tmp_path: Path) -> None:
    """One of them says nothing of its own, and the file has two."""
    path = write_structure_set(tmp_path / "rs.dcm", {"a": [closed(circle((0, 0, 0), 5))]}, series="1.2.3")
    dataset = dcmread(path)
    second = deepcopy(dataset.ReferencedFrameOfReferenceSequence[0])
    second.FrameOfReferenceUID = "1.2.9"
    dataset.ReferencedFrameOfReferenceSequence.append(second)
    del dataset.StructureSetROISequence[0].ReferencedFrameOfReferenceUID
    dataset.save_as(path)
    with pytest.raises(GeometryError, match="their FrameOfReferenceUID is missing"):
        ct.mask_of(path)


def test_contours_of_a_structure_in_two_items_are_all_of_it(ct: Volume, tmp_path: Path) -> None:
    left, right = (closed(circle((x, 0, 0), 5)) for x in (-10, 10))
    whole = one(ct, tmp_path, [left, right])
    path = write_structure_set(tmp_path / "rs.dcm", {"it": [left], "more": [right]})
    dataset = dcmread(path)
    dataset.ROIContourSequence[1].ReferencedROINumber = 1
    dataset.save_as(path)
    np.testing.assert_array_equal(ct.mask_of(path, "it"), whole)
    dataset.ROIContourSequence[1].ReferencedROINumber = 7  # of no name
    dataset.save_as(path)
    assert [(s.number, s.name) for s in vdl.structures(path)] == [(1, "it"), (2, "more"), (7, "ROI 7")]
    assert (ct.mask_of(path, "it") | ct.mask_of(path, 7)).sum() == whole.sum()


def test_a_number_of_two_structures_is_refused(ct: Volume, tmp_path: Path) -> None:
    path = write_structure_set(tmp_path / "rs.dcm", {n: [closed(circle((0, 0, 0), 5))] for n in ("a", "b")})
    dataset = dcmread(path)
    dataset.StructureSetROISequence[1].ROINumber = 1
    dataset.save_as(path)
    with pytest.raises(vdl.CorruptFileError, match="ROINumber 1 is that of two regions"):
        ct.mask_of(path, 1)


def test_a_color_that_is_none_is_left_out(ct: Volume, tmp_path: Path) -> None:
    path = write_structure_set(tmp_path / "rs.dcm", {"it": [closed(circle((0, 0, 0), 5))]})
    dataset = dcmread(path)
    dataset.ROIContourSequence[0].ROIDisplayColor = [300, 0, 0]
    dataset.save_as(path)
    assert vdl.structures(path)[0].color is None
    assert ct.plot(overlay=ct.masks_of(path)).axes


def test_the_one_structure_with_an_area_needs_no_name(ct: Volume, tmp_path: Path) -> None:
    lines = [closed(circle((0, 0, 0), 5))]
    path = write_structure_set(tmp_path / "rs.dcm", {"point": [("POINT", [(0, 0, 0)])], "empty": [], "it": lines})
    np.testing.assert_array_equal(ct.mask_of(path), ct.mask_of(path, "it"))
    with pytest.raises(ValueError, match=r"3 structures in .*, choose by name=: 1 'point', 2 'a', 3 'b'"):
        ct.mask_of(write_structure_set(tmp_path / "two.dcm", {"point": [], "a": lines, "b": lines}))


def test_a_contour_without_points_bounds_no_area(ct: Volume, tmp_path: Path) -> None:
    lines = [closed(circle((0, 0, z), 5)) for z in (0, 2)]
    path = write_structure_set(tmp_path / "rs.dcm", {"it": lines})
    dataset = dcmread(path)
    dataset.ROIContourSequence[0].ContourSequence[1].ContourData = None
    dataset.save_as(path)
    with pytest.warns(DicomLoadWarning, match=r"1 of 2 contours bound no area \(1 closed with fewer than three points"):
        mask = ct.mask_of(path)
    np.testing.assert_array_equal(mask, one(ct, tmp_path, lines[:1]))
    assert vdl.contours_of(path).GetNumberOfCells() == 1


def test_a_structure_set_that_cannot_be_read_is_not_offered_to_be_left_out(ct: Volume, tmp_path: Path) -> None:
    path = write_structure_set(tmp_path / "rs.dcm", {"it": [closed(circle((0, 0, 0), 5))]})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(vdl.CorruptFileError) as error:
        ct.mask_of(path)
    assert [type(remedy).__name__ for remedy in error.value.remedies] == ["GetAgain"]
    with pytest.raises(TypeError, match="names must be a list"):
        ct.masks_of(path, 3)  # type: ignore[arg-type]


def test_frames_of_a_run_have_no_volume(ct: Volume) -> None:
    run = ct.replaced(ct.frames, replace(ct.geometry, third_axis="frames"))
    with pytest.raises(GeometryError, match="follow each other in time"):
        run.measure_mask(np.ones(ct.frames.shape, bool))
