"""Floating-point values of Philips: by hand arithmetic, of single frames and of enhanced files, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from enhanced import group, write_enhanced
from synthetic import write_series

import vtkdicomload as vdl

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset
    from synthetic import Edit

SCALED = {"Modality": "MR", "RescaleType": "normalized"}


def _add_scale(dataset: Dataset, slope: float | None, intercept: float | None = None) -> None:
    block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
    for element, value in ((0x0D, intercept), (0x0E, slope)):
        if value is not None:
            block.add_new(element, "FL", value)


def _with(slope: float | None, intercept: float | None = None) -> Edit:
    return lambda dataset, k: _add_scale(dataset, slope, intercept)


def test_a_figure_worked_out_on_paper(tmp_path: Path) -> None:
    """PV 100, RS 4, RI -80, SS 0.5: (400 - 80) / 2 = 160. Displayed it is 320."""

    def edit(dataset: Dataset, k: int) -> None:
        dataset.PixelData = np.full((6, 8), 100, np.int16).tobytes()
        _add_scale(dataset, 0.5, 20)

    write_series(tmp_path, RescaleSlope=4, RescaleIntercept=-80, edit=edit, **SCALED)
    assert (vdl.load(tmp_path, rescale="precise").frames == 160).all()
    assert (vdl.load(tmp_path).frames == 320).all()
    assert (vdl.load(tmp_path, rescale=False).frames == 100).all()


@pytest.mark.parametrize("engine", ["auto", "pydicom"])
def test_every_slice_by_its_own_scale(tmp_path: Path, engine: Any) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.RescaleSlope, dataset.WindowCenter, dataset.WindowWidth = 1.25 + k, 1000, 2000
        _add_scale(dataset, 0.0037 * (k + 1), -16 / (1.25 + k))

    truth = write_series(tmp_path, RescaleIntercept=16, edit=edit, **SCALED)
    volume = vdl.load(tmp_path, rescale="precise", engine=engine, verify="all")
    scale = np.float32(0.0037 * np.arange(1, 6)).astype(np.float64)[:, None, None]
    rescaled = (1.25 + np.arange(5))[:, None, None]
    np.testing.assert_allclose(volume.frames, truth.frames / (rescaled * scale), rtol=1e-6)
    assert (volume.dtype, volume.units) == (np.float32, None)
    assert volume.window == pytest.approx((1000 / (3.25 * scale[2, 0, 0]), 2000 / (3.25 * scale[2, 0, 0])))
    assert "(2005,100E)" in dict(volume.checks)["precise"]


def test_frames_of_an_enhanced_file(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"

    def edit(groups: Dataset, k: int) -> None:
        groups.PixelValueTransformationSequence = group(RescaleSlope=2 + k, RescaleIntercept=0, RescaleType="US")
        (item,) = group()
        _add_scale(item, 0.25 * (k + 1), 0)
        groups.private_block(0x2005, "Philips MR Imaging DD 005", create=True).add_new(0x0F, "SQ", [item])

    stored = write_enhanced(path, range(3), edit_frame=edit)
    volume = vdl.load(path, rescale="precise")
    np.testing.assert_allclose(volume.frames, stored / (0.25 * np.arange(1, 4)[:, None, None]), rtol=1e-6)


@pytest.mark.parametrize(
    ("edit", "changed", "named"),
    [
        (None, {}, r"Scale Slope of Philips \(2005,100E\) is missing"),
        (_with(0.0), {}, r"\(2005,100E\) is 0"),
        (_with(-1.0), {}, r"\(2005,100E\) is -1"),
        (_with(0.5), {"RescaleSlope": None}, "RescaleSlope is missing"),
        (_with(0.5), {"RescaleIntercept": None}, "RescaleIntercept is missing"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, edit: Edit | None, changed: dict[str, Any], named: str) -> None:
    write_series(tmp_path, edit=edit, **{**SCALED, **changed})
    with pytest.raises(vdl.UnsupportedPixelDataError, match=named):
        vdl.load(tmp_path, rescale="precise")


def test_an_intercept_that_disagrees_is_told(tmp_path: Path) -> None:
    truth = write_series(tmp_path, RescaleSlope=2, RescaleIntercept=-8, edit=_with(0.5, 0.0), **SCALED)
    with pytest.warns(vdl.DicomLoadWarning, match=r"\(2005,100D\) is 0 where .*, make it 4"):
        volume = vdl.load(tmp_path, rescale="precise")
    np.testing.assert_array_equal(volume.frames, truth.frames)


def test_the_block_of_another_maker_is_none_of_philips(tmp_path: Path) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.private_block(0x2005, "SOMEBODY ELSE", create=True).add_new(0x0E, "FL", 0.5)

    write_series(tmp_path, edit=edit, **SCALED)
    with pytest.raises(vdl.UnsupportedPixelDataError, match=r"\(2005,100E\) is missing"):
        vdl.load(tmp_path, rescale="precise")
