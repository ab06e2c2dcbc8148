"""The tolerances keep the values that real series taught."""

from __future__ import annotations

from vtkdicomload.headers import orientation
from vtkdicomload.stacks import tolerances


def test_tolerances_are_those_that_are_promised():
    assert (tolerances.GAP_TOLERANCE, tolerances.GAP_SLACK) == (0.02, 0.01)
    assert (tolerances.DRIFT_TOLERANCE, tolerances.GRID_TOLERANCE) == (1e-3, 0.02)
    assert (orientation.ORTHOGONAL_TOLERANCE, orientation.COSINE_TOLERANCE) == (1e-3, 1e-4)
