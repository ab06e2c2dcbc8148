"""`Geometry` against plain numpy and SimpleITK, in every orientation."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st
from orientations import AXIAL, CORONAL, ORIENTATIONS, turned

from vtkdicomload.errors import GeometryError
from vtkdicomload.headers.orientation import direction_of
from vtkdicomload.stacks.geometry import Geometry, opposite, toward

DIMENSIONS, SPACING, ORIGIN = (7, 5, 4), (0.5, 0.75, 3.0), (-120.5, 33.25, 1010.0)


def grid(orientation, *, dimensions=DIMENSIONS, spacing=SPACING, origin=ORIGIN) -> Geometry:
    """A regular geometry whose slices lie where the grid says."""
    direction = direction_of(orientation)
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


# ------------------------------------------------------------------------------------------------------- flipped
@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_flipped_voxels_stay_where_they_are(orientation):
    g = grid(orientation)
    flipped = g.flipped()
    _, ny, nz = g.dimensions
    for i, j, k in np.ndindex(g.dimensions):
        assert flipped.to_patient((i, ny - 1 - j, nz - 1 - k)) == pytest.approx(g.to_patient((i, j, k)), abs=1e-9)
    assert (flipped.dimensions, flipped.spacing, flipped.regular) == (g.dimensions, g.spacing, True)
    assert flipped.direction == pytest.approx(g.direction * [1, -1, -1])
    assert np.linalg.det(flipped.direction) == pytest.approx(1)
    assert flipped.positions == pytest.approx(flipped.to_patient([(0, 0, k) for k in range(nz)]), abs=1e-9)


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_flipped_agrees_with_simpleitk(orientation):
    g = grid(orientation)
    oracle = SimpleITK.Flip(itk_image(g), (False, True, True), False)
    flipped = g.flipped()
    assert flipped.origin == pytest.approx(oracle.GetOrigin(), abs=1e-9)
    assert flipped.direction.ravel() == pytest.approx(oracle.GetDirection(), abs=1e-12)


def test_flipped_twice_is_the_same():
    g = grid(ORIENTATIONS["oblique"])
    again = g.flipped().flipped()
    assert again.affine == pytest.approx(g.affine, abs=1e-9)
    assert again.positions == pytest.approx(g.positions, abs=1e-9)


def test_flipped_without_known_slice_positions():
    g = grid(CORONAL)
    bare = Geometry(g.dimensions, g.spacing, g.origin, g.direction)
    assert bare.flipped().affine == pytest.approx(g.flipped().affine, abs=1e-9)
    assert bare.flipped().positions is None


def test_flipped_without_any_position():
    g = Geometry((2, 3, 4), (1.0, 1.0, 1.0))
    assert g.flipped().affine is None
    assert g.flipped().dimensions == g.dimensions


def test_the_wobble_of_the_last_slice_does_not_move_the_flipped_grid():
    g = grid(AXIAL)
    wobbly = g.positions + np.array([[0, 0, 0], [0, 0, 0.02], [0, 0, -0.02], [0, 0, 0.03]])
    flipped = Geometry(g.dimensions, g.spacing, g.origin, g.direction, wobbly).flipped()
    assert flipped.affine == pytest.approx(g.flipped().affine, abs=1e-9)
    assert flipped.positions[0] == pytest.approx(wobbly[-1] + [0, 0.75 * 4, 0])


# ------------------------------------------------------------------------------------------------------- irregular
def sheared(orientation=AXIAL) -> Geometry:
    """Slices that lean 20 degrees towards the columns, 3 mm apart along the normal."""
    g = grid(orientation)
    step = g.direction @ [0, 3.0 * math.tan(math.radians(20)), 3.0]
    positions = g.positions[:1] + np.arange(4)[:, None] * step
    return Geometry(g.dimensions, g.spacing, g.origin, g.direction, positions, regular=False, step=tuple(step))


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_a_tilt_keeps_its_exact_affine(orientation):
    g = sheared(orientation)
    for k in range(4):
        assert g.to_patient((0, 0, k)) == pytest.approx(g.positions[k], abs=1e-9)
    in_plane = g.direction[:, 0] * 2 * SPACING[0] + g.direction[:, 1] * 3 * SPACING[1]
    assert g.to_patient((2, 3, 1)) == pytest.approx(g.positions[1] + in_plane, abs=1e-9)
    assert g.to_index(g.to_patient((2, 3, 1))) == pytest.approx([2, 3, 1], abs=1e-9)


def test_a_flipped_tilt_stays_where_it_is():
    g = sheared(ORIENTATIONS["oblique"])
    flipped = g.flipped()
    assert not flipped.regular
    for i, j, k in np.ndindex(g.dimensions):
        assert flipped.to_patient((i, 4 - j, 3 - k)) == pytest.approx(g.to_patient((i, j, k)), abs=1e-9)


def uneven() -> Geometry:
    g = grid(AXIAL)
    z = np.array([0, 5.0, 10.0, 20.0])
    return Geometry(
        g.dimensions, (0.5, 0.75, 5.0), g.origin, g.direction, g.positions[:1] + z[:, None] * [0, 0, 1], regular=False
    )


def test_uneven_gaps_have_no_affine():
    g = uneven()
    assert g.affine is None
    assert g.flipped().affine is None
    for call in (g.to_patient, g.to_index):
        with pytest.raises(GeometryError, match=r'uneven.*irregular="resample"'):
            call((0, 0, 0))


def test_uneven_gaps_keep_their_true_positions_when_flipped():
    g = uneven()
    assert g.flipped().positions == pytest.approx(np.add(g.positions[::-1], [0, 3, 0]))
    assert g.flipped().origin == pytest.approx(np.add(g.positions[-1], [0, 3, 0]))


@pytest.mark.parametrize("g", [sheared(), uneven()], ids=["sheared", "uneven"])
@pytest.mark.parametrize("what", ["axes", "edges"])
def test_what_is_not_regular_has_no_mm_axes(g, what):
    with pytest.raises(GeometryError, match=f'no mm {what}.*irregular="resample"'):
        getattr(g, what)


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
    assert toward(vector) == letter
    assert toward(-np.array(vector)) == opposite(letter)


def test_toward_names_the_axes_as_simpleitk_does():
    for orientation in ORIENTATIONS.values():
        g = grid(orientation)
        named = SimpleITK.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(g.direction.ravel().tolist())
        # SimpleITK says S and I where DICOM's patient orientation says H and F.
        letters = "".join(toward(c) for c in g.direction.T).replace("H", "S").replace("F", "I")
        assert letters == named


def test_opposites_pair_up():
    assert {a: opposite(a) for a in "LRPAHF"} == dict(zip("LRPAHF", "RLAPFH", strict=True))


def test_repr_says_what_matters():
    text = repr(grid(CORONAL))
    assert "7×5×4" in text
    assert "0.5×0.75×3 mm" in text
    assert "(-120.5, 33.25, 1010)" in text
    assert "axes L F P" in text
    assert "not regular" in repr(uneven())
    assert "no position" in repr(Geometry((1, 1, 1), (1.0, 1.0, 1.0)))


def test_pickling():
    g = grid(ORIENTATIONS["oblique"])
    again = pickle.loads(pickle.dumps(g))
    assert again.affine == pytest.approx(g.affine)
    assert (again.dimensions, again.spacing, again.regular) == (g.dimensions, g.spacing, g.regular)
