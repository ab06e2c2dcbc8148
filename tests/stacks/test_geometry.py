"""`Geometry` against plain numpy and SimpleITK, in every orientation."""

from __future__ import annotations

import dataclasses
import itertools
import math
import pickle

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from orientations import AXIAL, CORONAL, ORIENTATIONS, SAGITTAL, turned

from vtkdicomload.errors import GeometryError
from vtkdicomload.headers.orientation import compute_direction
from vtkdicomload.stacks.geometry import Geometry, find_opposite, name_side

DIMENSIONS, SPACING, ORIGIN = (7, 5, 4), (0.5, 0.75, 3.0), (-120.5, 33.25, 1010.0)


def grid(orientation, *, dimensions=DIMENSIONS, spacing=SPACING, origin=ORIGIN) -> Geometry:
    """A regular geometry whose slices lie where the grid says."""
    direction = compute_direction(orientation)
    steps = np.arange(dimensions[2])[:, None] * direction[:, 2] * spacing[2]
    return Geometry(dimensions, spacing, origin, direction, np.array(origin) + steps)


def itk_image(g: Geometry) -> SimpleITK.Image:
    """The same grid as an image of SimpleITK, whose patient coordinates are LPS too."""
    image = SimpleITK.Image(*g.dimensions, SimpleITK.sitkUInt8)
    image.SetSpacing(g.spacing)
    image.SetOrigin(g.origin)
    image.SetDirection(g.direction.ravel().tolist())
    return image


# ------------------------------------------------------------------------------------------------------- the grid
@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_to_patient_agrees_with_simpleitk(orientation):
    g = grid(orientation)
    image = itk_image(g)
    indices = [(0, 0, 0), (6, 0, 0), (0, 4, 0), (0, 0, 3), (6, 4, 3), (3, 2, 1)]
    oracle = [image.TransformIndexToPhysicalPoint(i) for i in indices]
    assert g.to_patient(indices) == pytest.approx(np.array(oracle), abs=1e-9)
    halves = [(0.5, -0.5, 1.25), (6.5, 4.5, 3.5)]
    oracle = [image.TransformContinuousIndexToPhysicalPoint(i) for i in halves]
    assert g.to_patient(halves) == pytest.approx(np.array(oracle), abs=1e-9)


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_to_index_agrees_with_simpleitk(orientation):
    g = grid(orientation)
    points = np.random.default_rng(0).uniform(-200, 1200, (20, 3))
    oracle = [itk_image(g).TransformPhysicalPointToContinuousIndex(p.tolist()) for p in points]
    assert g.to_index(points) == pytest.approx(np.array(oracle), abs=1e-8)


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_affine_is_that_of_the_standard(orientation):
    # PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1, with the slice step as third column.
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    affine = np.zeros((4, 4))
    affine[:3, 0], affine[:3, 1] = row * SPACING[0], column * SPACING[1]
    affine[:3, 2] = np.cross(row, column) * SPACING[2]
    affine[:, 3] = [*ORIGIN, 1]
    result = grid(orientation).affine
    assert result == pytest.approx(affine, abs=1e-12)
    assert (result.dtype, result.shape) == (np.float64, (4, 4))


def test_shapes_of_to_patient_and_to_index():
    g = grid(ORIENTATIONS["oblique"])
    index = np.random.default_rng(1).uniform(0, 4, (2, 3, 3))
    points = g.to_patient(index)
    assert points.shape == (2, 3, 3)
    assert points.dtype == np.float64
    assert g.to_index(points) == pytest.approx(index, abs=1e-9)
    assert g.to_patient((0, 0, 0)).shape == (3,)
    assert g.to_patient([1, 2, 3]) == pytest.approx((g.affine @ [1, 2, 3, 1])[:3])


@given(
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.tuples(*[st.floats(0.01, 20)] * 3),
    st.tuples(*[st.floats(-2000, 2000)] * 3),
    st.tuples(*[st.floats(-500, 500)] * 3),
)
def test_to_index_undoes_to_patient(turns, spacing, origin, index):
    orientation = AXIAL
    for axis, degrees in enumerate(turns):
        orientation = turned(degrees, axis, orientation)
    g = grid(orientation, spacing=spacing, origin=origin)
    assert g.to_index(g.to_patient(index)) == pytest.approx(index, abs=1e-6)
    assert np.linalg.det(g.affine) == pytest.approx(np.prod(spacing), rel=1e-9)


def test_axes_and_edges():
    g = grid(AXIAL)
    for axis, edge, n, s in zip(g.axes, g.edges, DIMENSIONS, SPACING, strict=True):
        assert axis.tolist() == [i * s for i in range(n)]
        assert edge.tolist() == [(i - 0.5) * s for i in range(n + 1)]
        assert axis.dtype == edge.dtype == np.float64
        assert (edge[:-1] + edge[1:]) / 2 == pytest.approx(axis)


def test_axes_need_no_position():
    g = Geometry((2, 3, 1), (1.0, 2.0, 1.0))
    assert [a.tolist() for a in g.axes] == [[0, 1], [0, 2, 4], [0]]
    assert g.edges[2].tolist() == [-0.5, 0.5]


def test_the_normal_is_row_times_column_whichever_way_the_slices_go():
    g = grid(ORIENTATIONS["oblique"])
    mirrored = dataclasses.replace(g, direction=g.direction * [1, 1, -1])
    for one in (g, mirrored):
        assert one.normal == pytest.approx(np.cross(g.direction[:, 0], g.direction[:, 1]), abs=1e-12)
        assert (one.leans, one.slice_distance) == (False, 3.0)
    bare = Geometry((2, 3, 4), (1.0, 1.0, 2.5))
    assert (bare.normal, bare.leans, bare.slice_distance) == (None, False, 2.5)


# ------------------------------------------------------------------------------------------------------- irregular
def sheared(orientation=AXIAL) -> Geometry:
    """Slices that lean 20 degrees towards the columns, 3 mm apart along the normal."""
    g = grid(orientation)
    step = g.direction @ [0, 3.0 * math.tan(math.radians(20)), 3.0]
    positions = g.positions[:1] + np.arange(4)[:, None] * step
    return dataclasses.replace(uneven(), direction=g.direction, positions=positions).shear(step)


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_a_tilt_keeps_its_exact_affine(orientation):
    g = sheared(orientation)
    for k in range(4):
        assert g.to_patient((0, 0, k)) == pytest.approx(g.positions[k], abs=1e-9)
    in_plane = g.direction[:, 0] * 2 * SPACING[0] + g.direction[:, 1] * 3 * SPACING[1]
    assert g.to_patient((2, 3, 1)) == pytest.approx(g.positions[1] + in_plane, abs=1e-9)
    assert g.to_index(g.to_patient((2, 3, 1))) == pytest.approx([2, 3, 1], abs=1e-9)


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_the_affine_of_a_tilt_is_direction_times_spacing(orientation):
    g = sheared(orientation)
    assert g.affine[:3, :3] == pytest.approx(g.direction @ np.diag(g.spacing), abs=1e-12)
    assert np.linalg.norm(g.direction, axis=0) == pytest.approx([1, 1, 1], abs=1e-12)
    assert g.spacing[2] == pytest.approx(3 / math.cos(math.radians(20)))
    assert g.slice_distance == pytest.approx(3)
    assert (g.even, g.leans, g.regular) == (True, True, False)
    for axis, edge, n, step in zip(g.axes, g.edges, DIMENSIONS, g.spacing, strict=True):
        assert axis == pytest.approx(np.arange(n) * step)
        assert edge == pytest.approx((np.arange(n + 1) - 0.5) * step)


def test_a_step_along_the_normal_is_no_shear():
    g = uneven()
    assert g.shear(np.array([0.0, 1e-3, 5.0])) is g
    assert not Geometry((2, 2, 2), (1.0, 1.0, 1.0), even=False).shear(np.array([0.0, 1.0, 1.0])).even


def uneven() -> Geometry:
    g = grid(AXIAL)
    z = np.array([0, 5.0, 10.0, 20.0])
    positions = g.positions[:1] + z[:, None] * [0, 0, 1]
    return Geometry(g.dimensions, (0.5, 0.75, 5.0), g.origin, g.direction, positions, even=False)


def test_uneven_gaps_have_no_affine():
    g = uneven()
    assert g.affine is None
    for call in (g.to_patient, g.to_index):
        with pytest.raises(GeometryError, match=r'uneven.*irregular="resample"'):
            call((0, 0, 0))


@pytest.mark.parametrize("what", ["axes", "edges"])
def test_uneven_gaps_have_no_even_axes(what):
    with pytest.raises(GeometryError, match=r'uneven.*irregular="resample"'):
        getattr(uneven(), what)


def test_uneven_slices_are_measured_along_the_normal():
    x, y, z = uneven().measure_axes()
    assert (x.tolist(), y.tolist()) == ([i * 0.5 for i in range(7)], [j * 0.75 for j in range(5)])
    assert z.tolist() == [0, 5, 10, 20]


def test_slices_that_go_to_and_fro_have_no_axes():
    g = uneven()
    g = dataclasses.replace(g, positions=g.positions[[0, 2, 1, 3]])
    for call in (g.measure_axes, g.require_even, lambda: g.axes, lambda: g.to_patient((0, 0, 0))):
        with pytest.raises(GeometryError, match='do not follow each other in space → load\\(…, order="position"\\)'):
            call()


def test_without_position_there_is_no_affine():
    g = Geometry((2, 2, 2), (1.0, 1.0, 1.0))
    assert g.affine is None
    for call in (g.to_patient, g.to_index):
        with pytest.raises(GeometryError, match="no position or orientation"):
            call((0, 0, 0))


# ------------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("vector", "letter"),
    [
        ((1, 0, 0), "L"),
        ((-1, 0, 0), "R"),
        ((0, 1, 0), "P"),
        ((0, -1, 0), "A"),
        ((0, 0, 1), "H"),
        ((0, 0, -1), "F"),
        ((0.6, -0.7, 0.3), "A"),
        (np.array([-0.2, 0.1, -0.9]), "F"),
    ],
)
def test_toward(vector, letter):
    assert name_side(vector) == letter
    assert name_side(-np.array(vector)) == find_opposite(letter)


def test_toward_names_the_axes_as_simpleitk_does():
    for orientation in ORIENTATIONS.values():
        g = grid(orientation)
        named = SimpleITK.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(g.direction.ravel().tolist())
        # SimpleITK says S and I where DICOM's patient orientation says H and F.
        letters = "".join(name_side(c) for c in g.direction.T).replace("H", "S").replace("F", "I")
        assert letters == named


def test_opposites_pair_up():
    assert {a: find_opposite(a) for a in "LRPAHF"} == dict(zip("LRPAHF", "RLAPFH", strict=True))


def test_repr_says_what_matters():
    text = repr(grid(CORONAL))
    assert "7×5×4" in text
    assert "0.5×0.75×3 mm" in text
    assert "(-120.5, 33.25, 1010)" in text
    assert "axes L F P" in text
    assert "uneven" in repr(uneven())
    assert "sheared" in repr(sheared())
    assert "no position" in repr(Geometry((1, 1, 1), (1.0, 1.0, 1.0)))


def test_pickling():
    g = grid(ORIENTATIONS["oblique"])
    again = pickle.loads(pickle.dumps(g))
    assert again.affine == pytest.approx(g.affine)
    assert (again.dimensions, again.spacing, again.regular) == (g.dimensions, g.spacing, g.regular)


# ------------------------------------------------------------------------------------------------------- reorientation
WORDS = ["".join(sides) for order in itertools.permutations(("LR", "PA", "SI")) for sides in itertools.product(*order)]


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
@pytest.mark.parametrize("word", WORDS)
def test_a_reoriented_grid_is_simpleitks(orientation, word):
    g = grid(orientation)
    oracle = SimpleITK.DICOMOrient(itk_image(g), word)
    turned, _ = g.reorient(word)
    assert turned.dimensions == oracle.GetSize()
    assert turned.spacing == pytest.approx(oracle.GetSpacing())
    assert turned.origin == pytest.approx(oracle.GetOrigin(), abs=1e-9)
    assert turned.direction.ravel() == pytest.approx(oracle.GetDirection(), abs=1e-12)
    assert turned.positions == pytest.approx(turned.to_patient([(0, 0, k) for k in range(turned.dimensions[2])]))


@pytest.mark.parametrize("word", WORDS)
def test_the_turn_moves_each_voxel_to_its_place(word):
    g = grid(ORIENTATIONS["oblique"])
    place = dict(zip(range(7 * 5 * 4), g.to_patient([(x, y, z) for z, y, x in np.ndindex(4, 5, 7)]), strict=True))
    turned, turn = g.reorient(word)
    pixels = turn.view(np.arange(7 * 5 * 4).reshape(4, 5, 7))
    assert pixels.shape == turned.dimensions[::-1]
    for z, y, x in np.ndindex(pixels.shape):
        assert turned.to_patient((x, y, z)) == pytest.approx(place[pixels[z, y, x]], abs=1e-9)


def test_colour_stays_together_in_a_turn():
    _, turn = grid(SAGITTAL).reorient("LPS")
    pixels = np.random.default_rng(3).integers(0, 255, (4, 5, 7, 3))
    for component in range(3):
        np.testing.assert_array_equal(turn.view(pixels)[..., component], turn.view(pixels[..., component]))


@pytest.mark.parametrize("word", ["LPS", "RPS", "LAI", "PLS", "ARI"])
def test_a_reoriented_tilt_stays_where_it_is(word):
    g = sheared()
    turned, turn = g.reorient(word)
    assert turned.leans
    assert turned.slice_distance == pytest.approx(3)
    index = turn.view(np.arange(7 * 5 * 4).reshape(4, 5, 7))
    for z, y, x in np.ndindex(index.shape):
        k, j, i = np.unravel_index(index[z, y, x], (4, 5, 7))
        assert turned.to_patient((x, y, z)) == pytest.approx(g.to_patient((i, j, k)), abs=1e-9)


def test_the_wobble_of_the_last_slice_does_not_move_the_reversed_grid():
    g = grid(AXIAL)
    wobble = np.array([[0, 0, 0], [0, 0, 0.02], [0, 0, -0.02], [0, 0, 0.03]])
    turned, _ = dataclasses.replace(g, positions=g.positions + wobble).reorient("LAI")
    assert turned.affine == pytest.approx(g.reorient("LAI")[0].affine, abs=1e-9)
    assert turned.positions[0] == pytest.approx(g.positions[-1] + wobble[-1] + [0, 0.75 * 4, 0])


def test_a_grid_without_known_slice_positions_is_turned_too():
    g = grid(CORONAL)
    for word in ("LPS", "RIA"):
        turned, _ = Geometry(g.dimensions, g.spacing, g.origin, g.direction).reorient(word)
        assert turned.affine == pytest.approx(g.reorient(word)[0].affine, abs=1e-9)
