from __future__ import annotations

import gc
import sys
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from drawn import ACQUISITIONS, rendered
from matplotlib.figure import Figure

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matplotlib.axes import Axes
    from synthetic import Truth

    Write = Callable[..., Truth]

ORIGIN = (-20.0, 35.0, -50.0)


def spotted(series: Write, acquired: str) -> tuple[vdl.Volume, Any]:
    """A volume with one bright voxel that is near no middle and no symmetry, and its LPS mm."""

    def spot(dataset: Any, k: int) -> None:
        pixels = np.zeros((20, 24), np.int16)
        if k == 3:
            pixels[5, 17] = 1000
        dataset.PixelData = pixels.tobytes()

    options = {"count": 12, "rows": 20, "columns": 24, "orientation": ACQUISITIONS[acquired], "origin": ORIGIN}
    truth = series(edit=spot, **options)
    return vdl.load(truth.folder), (truth.affine @ (17, 5, 3, 1))[:3]


def words_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts] + [axes.get_title() for axes in figure.axes]


@pytest.mark.parametrize("acquired", [n for n in ACQUISITIONS if n != "oblique"])
def test_a_point_is_drawn_at_its_lps_mm(series: Write, acquired: str) -> None:
    volume, at = spotted(series, acquired)
    figure = volume.plot((500, 1000), at=at)
    picture = rendered(figure).astype(int)
    assert len(figure.axes) == 3
    for axes in figure.axes:
        x, y = (at["xyz".index(label[0])] for label in (axes.get_xlabel(), axes.get_ylabel()))
        column, row = axes.transData.transform((x, y))
        assert picture[picture.shape[0] - round(row), round(column)].min() > 200
        image = np.asarray(axes.images[0].get_array())
        assert (image > 200).sum() == 1


def test_an_oblique_volume_is_cut_through_the_point(series: Write) -> None:
    volume, at = spotted(series, "oblique")
    for axes in volume.plot((500, 1000), at=at).axes:
        assert (np.asarray(axes.images[0].get_array()) > 200).sum() == 1
        assert axes.get_title().startswith("oblique ")
        # Along oblique axes the ticks are no coordinates of the patient, and do not say so.
        words = " ".join((axes.get_title(), axes.get_xlabel(), axes.get_ylabel()))
        assert "LPS" not in words
        assert " = " not in words
        assert axes.get_xlabel().startswith("mm toward ")


def test_letters_axes_and_titles(series: Write) -> None:
    volume, at = spotted(series, "coronal")
    figure = volume.plot(at=at)
    assert [axes.get_xlabel()[0] + axes.get_ylabel()[0] for axes in figure.axes] == ["xy", "xz", "yz"]
    assert ["".join(text.get_text() for text in axes.texts) for axes in figure.axes] == ["RLAP", "RLHF", "APHF"]
    titles = [axes.get_title() for axes in figure.axes]
    assert [title.split(",")[0] for title in titles] == ["axial", "coronal", "sagittal"]
    assert f"y = {at[1]:.4g} mm, frames[3]" in titles[1]
    axial, coronal, _ = figure.axes
    assert axial.get_ylim()[0] > axial.get_ylim()[1]  # the front up: y grows downward
    assert coronal.get_ylim()[0] < coronal.get_ylim()[1]


def test_a_place_that_rounding_moved_off_zero_is_zero(series: Write) -> None:
    orientation = (1, -1e-16, 0, 1e-16, 0.8, -0.6)
    axes = vdl.load(series(columns=9, orientation=orientation, origin=(-2 + 1e-14, 0, 0)).folder).plot().axes
    assert any("x = 0 mm" in a.get_title() for a in axes)


def test_one_true_scale(series: Write) -> None:
    volume, _ = spotted(series, "sagittal")
    figure = volume.plot(width=10)
    width, height = figure.get_size_inches()
    assert width == 10

    def scales(axes: Axes) -> list[float]:
        box, (left, right), (bottom, top) = axes.get_position(), axes.get_xlim(), axes.get_ylim()
        return [box.width * width / abs(right - left), box.height * height / abs(top - bottom)]

    found = [scale for axes in figure.axes for scale in scales(axes)]
    assert np.ptp(found) < 1e-9


def test_a_thin_plane_has_one_tick_and_no_letters_on_each_other(series: Write) -> None:
    options = {"count": 3, "rows": 100, "columns": 100, "PixelSpacing": [1, 1], "gap": 1}
    volume = vdl.load(series(orientation=ACQUISITIONS["sagittal"], **options).folder)
    axial, coronal, _ = volume.plot().axes
    for axes, letters in ((axial, "AP"), (coronal, "HF")):
        assert len(axes.get_xticks()) == 1
        assert len(axes.get_yticks()) > 3
        assert "".join(text.get_text() for text in axes.texts) == letters


def test_window_title_and_facts(series: Write) -> None:
    figure = vdl.load(series().folder).plot("bone", title="cost $5_x$ 頭")
    words = " ".join(words_of(figure))
    assert "window center 400, width 1800 HU (bone)" in words
    assert "cost $5_x$ □" in words
    assert rendered(figure).any()


# ---------------------------------------------------------------------------------------------------- other volumes
def test_irregular_single_and_unplaced_volumes_are_shown_alone(series: Write) -> None:
    def uneven(dataset: Any, k: int) -> None:
        dataset.ImagePositionPatient[2] = [0, 2, 4, 9, 11][k]

    with pytest.warns(vdl.DicomLoadWarning):
        irregular = vdl.load(series("a", edit=uneven).folder, irregular="keep")
    with pytest.warns(vdl.DicomLoadWarning):
        nowhere = vdl.load(series("b", ImagePositionPatient=None, ImageOrientationPatient=None).folder)
    single = vdl.load(series("c", count=1).folder)
    for volume, title, words in (
        (irregular, "axial, z = 4 mm, frames[2]", "regular grid"),
        (nowhere, "as stored", "which side is which"),
        (single, "axial, z = 30 mm, frames[0]", ""),
    ):
        (axes,) = (figure := volume.plot()).axes
        assert axes.get_title() == title
        assert words in " ".join(words_of(figure))
        assert rendered(figure).any()
    (axes,) = irregular.plot(at=(-10, -20, 9.5)).axes
    assert "frames[3]" in axes.get_title()
    with pytest.raises(vdl.GeometryError, match="no position or orientation"):
        nowhere.plot(at=(0, 0, 0))


def test_without_pixel_spacing_the_axes_claim_no_mm(series: Write) -> None:
    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load(series(PixelSpacing=None).folder)
    figure = volume.plot()
    assert all("no mm scale" in axes.get_xlabel() for axes in figure.axes)
    assert "there is no mm scale" in " ".join(words_of(figure))


@pytest.mark.parametrize("name", ["rgb_stack", "mono1", "mr_plain4", "enh_mr_phase", "seg_1bit", "rtdose_32bit"])
@pytest.mark.filterwarnings("ignore::vtkdicomload.DicomLoadWarning")
def test_real_volumes_are_drawn(data: Path, name: str) -> None:
    figure = vdl.load_all(data / name)[0].plot()
    assert max(np.ptp(np.asarray(axes.images[0].get_array())) for axes in figure.axes) > 50
    assert len(np.unique(rendered(figure)[..., 0])) > 20


# ---------------------------------------------------------------------------------------------------- notebooks
def test_a_figure_shows_itself_and_pyplot_knows_nothing(series: Write) -> None:
    volume = vdl.load(series().folder)
    figures = [volume.plot() for _ in range(30)]
    assert all(isinstance(figure, Figure) for figure in figures)
    assert figures[0]._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
    last = weakref.ref(figures[-1])
    del figures
    gc.collect()
    assert last() is None


def test_no_identity_in_the_picture(series: Write) -> None:
    figure = vdl.load(series().folder).plot()
    png = figure._repr_png_()  # type: ignore[attr-defined]
    for secret in ("Secret", "SECRET", "1970"):
        assert secret not in " ".join(words_of(figure))
        assert secret.encode() not in png


# ---------------------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"window": "bones"}, ValueError, "no window of that name"),
        ({"at": (0, 0)}, ValueError, "three finite numbers"),
        ({"at": (0, 0, float("nan"))}, ValueError, "three finite numbers"),
        ({"at": 5}, TypeError, "must be three numbers"),
        ({"at": "abc"}, TypeError, "must be three numbers"),
        ({"at": (-10, -20, 99)}, ValueError, "axial planes lie at 30 to 40 mm: there is none at 99 mm"),
        ({"width": 0}, ValueError, "width must be above 0"),
    ],
)
def test_wrong_arguments(series: Write, options: dict[str, Any], error: type[Exception], words: str) -> None:
    volume = vdl.load(series().folder)
    with pytest.raises(error, match=words):
        volume.plot(**options)
