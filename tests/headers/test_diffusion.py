"""Gradient directions that makers write in ways of their own, in the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import vtkdicomload as vdl
from vtkdicomload.headers.diffusion import find_b_value, find_gradient_direction
from vtkdicomload.headers.parser import read_header

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]

GRADIENT = (0.6, 0.64, 0.48)  # along frequency, phase and slice
AXIAL, SAGITTAL, CORONAL = (1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1)
# Orientation, InPlanePhaseEncodingDirection, and where dcm2niix 1.0.20260724 has this gradient in LPS, by its bvec.
TRUTH = [
    (AXIAL, "COL", (-0.6, -0.64, 0.48)),
    (AXIAL, "ROW", (-0.64, 0.6, 0.48)),
    (SAGITTAL, "COL", (0.48, 0.6, -0.64)),
    (SAGITTAL, "ROW", (0.48, 0.64, 0.6)),
    ((1, 0, 0, 0, 0.866025, -0.5), "COL", (-0.6, -0.3143, 0.7357)),
    ((1, 0, 0, 0, 0.866025, -0.5), "ROW", (-0.64, 0.7596, 0.1157)),
    ((1, 0, 0, 0, 0.819152, 0.573576), "COL", (-0.6, -0.7996, 0.0261)),
    ((0.939693, 0, -0.34202, 0, 1, 0), "ROW", (-0.4372, 0.6, 0.6699)),
    ((0.951251, 0.075999, 0.298907, -0.167731, 0.940788, 0.294591), "COL", (-0.5876, -0.8063, 0.0678)),
    ((0.951251, 0.075999, 0.298907, -0.167731, 0.940788, 0.294591), "ROW", (-0.8337, 0.3573, 0.4211)),
    ((0, 0.819152, 0.573576, 0, 0.573576, -0.819152), "COL", (0.48, 0.8586, -0.1801)),
    ((0.258819, 0.965926, 0, 0, 0, -1), "COL", (0.6189, 0.4553, -0.64)),
    ((-0.167731, 0.940788, 0.294591, 0.258819, 0.330366, -0.907673), "ROW", (0.194, 0.4404, 0.8766)),
]
# Nothing is sure to say where its axes run to.
UNSURE = {
    "coronal": (CORONAL, "COL"),
    "nearly coronal": ((1, 0, 0, 0, 0.76, -0.65), "COL"),
    "patient on the belly": ((-1, 0, 0, 0, -1, 0), "COL"),
    "mirrored": ((-1, 0, 0, 0, 1, 0), "ROW"),
    "no phase encoding": (AXIAL, None),
    "phase encoding OTHER": (AXIAL, "OTHER"),
}


def weigh(gradient: tuple[float, ...], b_value: int = 1000, creator: str = "GEMS_ACQU_01") -> Callable[..., None]:
    """Write a gradient and a b-value as GE does."""

    def edit(dataset: Dataset, _: int) -> None:
        block = dataset.private_block(0x0019, creator, create=True)
        for element, part in zip((0xBB, 0xBC, 0xBD), gradient, strict=False):
            block.add_new(element, "DS", f"{part:.6f}")
        dataset.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x39, "IS", [b_value, 8, 0, 0])

    return edit


def read(series: Write, gradient: tuple[float, ...] = GRADIENT, **options: Any) -> vdl.Header:
    """The header of a file of GE."""
    known = {"InPlanePhaseEncodingDirection": "COL", "edit": weigh(gradient)}
    return read_header(series(count=1, **{**known, **options}).files[0])


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
@pytest.mark.parametrize(("orientation", "phase", "truth"), TRUTH)
def test_the_gradients_of_ge_point_where_dcm2niix_has_them(
    series: Write, orientation: tuple[float, ...], phase: str, truth: tuple[float, ...], syntax: str
) -> None:
    """A gradient and its opposite weight alike."""
    header = read(series, orientation=orientation, InPlanePhaseEncodingDirection=phase, syntax=syntax)
    found = np.array(find_gradient_direction(header))
    assert min(np.abs(found - truth).max(), np.abs(found + truth).max()) < 2e-4


@pytest.mark.parametrize("case", UNSURE)
def test_what_may_point_elsewhere_is_not_told(series: Write, case: str) -> None:
    orientation, phase = UNSURE[case]
    header = read(series, orientation=orientation, InPlanePhaseEncodingDirection=phase)
    assert find_gradient_direction(header) is None
    assert find_b_value(header) == 1000


@pytest.mark.parametrize(
    ("gradient", "creator"),
    [((0, 0, 0), "GEMS_ACQU_01"), (GRADIENT[:2], "GEMS_ACQU_01"), (GRADIENT, "ACME"), ((0.6, 7, 0.48), "GEMS_ACQU_01")],
)
def test_what_is_no_gradient_of_ge_is_not_told(series: Write, gradient: tuple[float, ...], creator: str) -> None:
    assert find_gradient_direction(read(series, edit=weigh(gradient, creator=creator))) is None


def test_the_direction_of_the_standard_goes_first(series: Write) -> None:
    header = read(series, DiffusionGradientOrientation=[0.0, 0.0, 1.0], DiffusionBValue=700.0)
    assert (find_gradient_direction(header), find_b_value(header)) == ((0, 0, 1), 700)


@pytest.mark.parametrize(
    ("length", "b_value"), [(1, 1000), (0.5, 250), (0.70711, 500), (0.3, 90), (0.995, 1000), (0.02, 1000), (0, 1000)]
)
def test_a_shorter_gradient_weakens_the_b_value_as_dcm2niix_has_it(
    series: Write, length: float, b_value: float
) -> None:
    gradient = tuple(length * part for part in GRADIENT)
    assert find_b_value(read(series, gradient)) == b_value


def test_volumes_of_ge_are_labelled_by_direction(series: Write, tmp_path: Path) -> None:
    gradients = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]

    def edit(dataset: Dataset, k: int) -> None:
        volume, slice_ = divmod(k, 3)
        weigh(gradients[volume], 1000 if volume else 0)(dataset, k)
        dataset.ImagePositionPatient = [0, 0, 2.5 * slice_]

    truth = series(count=12, edit=edit, InPlanePhaseEncodingDirection="ROW")
    labels = [stack.label for stack in vdl.scan(truth.folder)[0].stacks()]
    told = ["none", "0\\-1\\0", "1\\0\\0", "0\\0\\-1"]
    assert [label.split("DiffusionGradientOrientation ")[1] for label in labels] == told
    array = vdl.open(truth.folder)
    parts = np.stack([array.coords[f"bvec_{axis}"].values for axis in "xyz"], axis=-1)
    np.testing.assert_allclose(parts, [(0, 0, 0), (0, -1, 0), (1, 0, 0), (0, 0, -1)])
