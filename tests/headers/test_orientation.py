"""ImageOrientationPatient against plain numpy: its normal, its faults, the plane it names, and its tolerances."""

from __future__ import annotations

import numpy as np
import pytest
from orientations import AXIAL, CORONAL, ORIENTATIONS, SAGITTAL, turned

from vtkdicomload.headers import orientation as tolerances
from vtkdicomload.headers.orientation import (
    compute_direction,
    compute_normal,
    find_orientation_fault,
    is_same_orientation,
    name_plane,
)


@pytest.mark.parametrize(
    ("orientation", "plane"),
    [
        (AXIAL, "axial"),
        ((-1, 0, 0, 0, -1, 0), "axial"),
        (SAGITTAL, "sagittal"),
        (CORONAL, "coronal"),
        (turned(0.5, 0, AXIAL), "axial"),
        (turned(1.5, 0, AXIAL), "oblique axial"),
        (turned(44, 0, AXIAL), "oblique axial"),
        (turned(46, 0, AXIAL), "oblique coronal"),
        (turned(20, 1, SAGITTAL), "oblique sagittal"),
        (None, "unknown"),
    ],
)
def test_plane(orientation, plane):
    assert name_plane(orientation) == plane


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_normal_and_direction(orientation):
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    assert compute_normal(orientation) == pytest.approx(np.cross(row, column), abs=1e-12)
    assert compute_direction(orientation) == pytest.approx(np.array([row, column, np.cross(row, column)]).T, abs=1e-12)
    assert find_orientation_fault(orientation) is None


def test_cosines_with_few_digits_are_made_unit_vectors():
    direction = compute_direction((0.71, 0.71, 0, 0, 0, -0.999))
    assert np.linalg.norm(direction, axis=0) == pytest.approx([1, 1, 1], abs=1e-15)


@pytest.mark.parametrize(
    ("orientation", "fault"),
    [
        ((0, 0, 0, 0, 0, 0), "lengths 0.0000 and 0.0000"),
        ((1, 0, 0, 1, 0, 0), "not orthogonal"),
        ((1, 0, 0, 0, 2, 0), "lengths 1.0000 and 2.0000"),
        ((1, 0, 0, 0.01, 1, 0), "row · column = 0.0100"),
        ((0.994, 0, 0, 0, 1, 0), "lengths 0.9940 and 1.0000"),
    ],
)
def test_faulty_orientation(orientation, fault):
    assert fault in find_orientation_fault(orientation)


@pytest.mark.parametrize("orientation", [(0.996, 0, 0, 0, 1.004, 0), (1, 0.0009, 0, 0, 1, 0), (1, 0, 0, 0, 1, 1e-5)])
def test_rounded_orientation_is_no_fault(orientation):
    assert find_orientation_fault(orientation) is None


def test_same_orientation_within_the_tolerance():
    near, far = 0.9 * tolerances.COSINE_TOLERANCE, 1.1 * tolerances.COSINE_TOLERANCE
    assert is_same_orientation(AXIAL, (1, 0, 0, 0, 1, near))
    assert not is_same_orientation(AXIAL, (1, 0, 0, 0, 1, far))
    assert not is_same_orientation(AXIAL, (1, 0, 0, 0, -1, 0))


def test_tolerances_are_those_that_are_promised():
    assert (tolerances.ORTHOGONAL_TOLERANCE, tolerances.COSINE_TOLERANCE) == (1e-3, 1e-4)
