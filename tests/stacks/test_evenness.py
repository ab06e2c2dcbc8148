"""Evenness of slices: what is called even loads as one grid, what is not is told with its gaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slices import stack, write_slices

import vtkdicomload as vdl
from vtkdicomload.stacks.evenness import Evenness, judge_evenness
from vtkdicomload.stacks.tolerances import GAP_SLACK, GAP_TOLERANCE

if TYPE_CHECKING:
    from pathlib import Path


def _load(folder: Path, gaps: list[float]) -> vdl.Volume:
    write_slices(folder, stack(1, np.cumsum([0.0, *gaps])))
    return vdl.load(folder)


@pytest.mark.parametrize("gaps", [[3, 3], [3, 3.13], [3, 3.06, 3.12], [3, 3, 3, 3.06, 2.95]])
def test_gaps_within_the_tolerance_of_the_median_are_even_for_whoever_asks(tmp_path: Path, gaps: list[float]) -> None:
    assert judge_evenness(np.cumsum([0.0, *gaps])) is Evenness.EVEN
    assert _load(tmp_path, gaps).affine is not None


@pytest.mark.parametrize("gaps", [[3, 3.2], [3, 3.06, 3.2], [3, 6], [3, 3, 9], [3.06] * 40 + [2.94] * 40])
def test_gaps_beyond_it_are_uneven_for_whoever_asks(tmp_path: Path, gaps: list[float]) -> None:
    """The last of them are alike each, and add up to slices beside the grid."""
    assert judge_evenness(np.cumsum([0.0, *gaps])) is not Evenness.EVEN
    with pytest.raises(vdl.MissingSliceError):
        _load(tmp_path, gaps)


def test_few_wide_gaps_are_holes() -> None:
    assert judge_evenness(np.array([0, 3, 9, 12, 15.0])) is Evenness.HOLES
    assert judge_evenness(np.array([0, 3, 7.5, 12, 15.0])) is Evenness.UNEVEN
    assert judge_evenness(np.array([0, 3.0])) is Evenness.UNEVEN


@settings(max_examples=200)
@given(st.lists(st.floats(0.5, 20), min_size=2, max_size=6), st.randoms())
def test_even_means_that_no_gap_is_off_the_median_whatever_the_order_of_the_slices(gaps: list[float], random) -> None:
    places = np.cumsum([0.0, *gaps])
    median = float(np.median(gaps))
    alike = np.abs(np.array(gaps) - median).max() <= GAP_TOLERANCE * median + GAP_SLACK + 1e-9
    shuffled = places.tolist()
    random.shuffle(shuffled)
    judged = judge_evenness(np.array(shuffled))
    assert judged is judge_evenness(places)
    if judged is Evenness.EVEN:
        assert alike
