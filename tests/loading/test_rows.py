"""Rows of a frame as a frame of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

import vtkdicomload as vdl
from vtkdicomload.loading.options import Options
from vtkdicomload.loading.plan import plan_volume
from vtkdicomload.loading.rows import cut_rows, may_cut

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]

KINDS: dict[str, dict[str, Any]] = {
    "grey": {"RescaleIntercept": -1024},
    "odd": {"dtype": np.uint8, "rows": 5, "columns": 7},
    "colour": {"dtype": np.uint8, "SamplesPerPixel": 3},
    "big endian": {"syntax": ExplicitVRBigEndian},
    "implicit": {"syntax": ImplicitVRLittleEndian, "RescaleSlope": 0.5},
}


@pytest.mark.parametrize("name", KINDS)
def test_rows_have_the_values_that_they_have_in_the_frame(series: Write, name: str) -> None:
    truth = series(**KINDS[name])
    plan = plan_volume(vdl.scan(truth.folder)[0], Options())
    frames = plan.series.frames
    for first, count in ((0, 1), (2, 3), (4, 1), (0, truth.frames.shape[1])):
        assert all(may_cut(frame, plan.reader) for frame in frames)
        cut = [cut_rows(frame, first, count) for frame in frames]
        out = np.empty((len(cut), count, *plan.shape[2:]), plan.conversion.dtype)
        plan.reader.fill(cut, plan.conversion, out, lambda: None)
        np.testing.assert_array_equal(out, truth.frames[:, first : first + count])


def test_what_lies_elsewhere_in_its_file_is_not_cut(series: Write, data: Path) -> None:
    compressed = plan_volume(vdl.scan(series("rle", syntax=RLELossless).folder)[0], Options())
    planar = plan_volume(
        vdl.scan(series("rgb", dtype=np.uint8, SamplesPerPixel=3, PlanarConfiguration=1).folder)[0], Options()
    )
    mosaic = plan_volume(vdl.scan(data / "mosaic")[0], Options())
    for plan in (compressed, planar, mosaic):
        assert not any(may_cut(frame, plan.reader) for frame in plan.series.frames)
    grey = plan_volume(vdl.scan(series("vtk").folder)[0], Options(engine="vtk"))
    assert not any(may_cut(frame, grey.reader) for frame in grey.series.frames)
