from __future__ import annotations

import base64
import io
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from drawn import ACQUISITIONS, rendered
from matplotlib.image import imread

import vtkdicomload as vdl
from vtkdicomload.pictures import canvas, drawable, planes, sheets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from synthetic import Truth

    Write = Callable[..., Truth]

COUNT, ROWS, COLUMNS, GAP = 24, 40, 60, 2.0


def phantom(write: Write, orientation: tuple[float, ...], **attributes: Any) -> Truth:
    """A box, bright where two of left, anterior and head meet: each middle plane shows one bright corner."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(row, column)
    half = (row * 0.5 * (COLUMNS - 1) + column * 0.8 * (ROWS - 1) + normal * GAP * (COUNT - 1)) / 2

    def paint(dataset: Any, k: int) -> None:
        y, x = np.mgrid[:ROWS, :COLUMNS]
        points = x[..., None] * row * 0.5 + y[..., None] * column * 0.8 + k * GAP * normal - half
        left, front, head = (points * (1, -1, 1) > 8).transpose(2, 0, 1)
        bright = (left & front) | (left & head) | (front & head)
        dataset.PixelData = (bright * 1000).astype("<i2").tobytes()

    options = {"count": COUNT, "rows": ROWS, "columns": COLUMNS, "gap": GAP, "orientation": orientation}
    return write(origin=tuple(-half), edit=paint, **options, **attributes)


def corners(pixels: NDArray[Any]) -> list[bool]:
    """Whether top left, top right, bottom left and bottom right are bright."""
    rows, columns = (max(2, n // 5) for n in pixels.shape[:2])
    return [
        bool(corner.mean() > 0.5 * pixels.max())
        for corner in (
            pixels[:rows, :columns],
            pixels[:rows, -columns:],
            pixels[-rows:, :columns],
            pixels[-rows:, -columns:],
        )
    ]


# The name, the letters at the left, right, top and bottom, and the bright corner, in the radiological convention.
EXPECTED = (
    ("axial", "RLAP", [False, True, False, False]),
    ("coronal", "RLHF", [False, True, False, False]),
    ("sagittal", "APHF", [True, False, False, False]),
)


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_bright_corner_lies_on_its_side_of_every_plane(series: Write, name: str) -> None:
    volume = vdl.load(phantom(series, ACQUISITIONS[name]).folder)
    found = planes.cut_orthogonal_planes(volume)
    assert len(found) == 3
    for plane, (plane_name, letters, bright) in zip(found, EXPECTED, strict=True):
        assert plane_name in plane.name
        assert ("oblique" in plane.name) == (name == "oblique")
        assert plane.letters is not None
        assert "".join(plane.letters) == letters
        assert corners(plane.pixels) == bright, plane_name


@pytest.mark.parametrize("name", [n for n in ACQUISITIONS if n != "oblique"])
def test_true_size_in_mm_of_every_plane(series: Write, name: str) -> None:
    orientation = ACQUISITIONS[name]
    volume = vdl.load(phantom(series, orientation).folder)
    row, column = np.abs(orientation[:3]), np.abs(orientation[3:])
    box = row * COLUMNS * 0.5 + column * ROWS * 0.8 + np.abs(np.cross(row, column)) * COUNT * GAP
    axial, coronal, sagittal = (plane.size for plane in planes.cut_orthogonal_planes(volume))
    assert axial == pytest.approx((box[0], box[1]))
    assert coronal == pytest.approx((box[0], box[2]))
    assert sagittal == pytest.approx((box[1], box[2]))


@pytest.mark.parametrize("name", ["axial, turned about", "coronal", "sagittal", "oblique"])
def test_rendered_pixels_are_upright_and_at_true_aspect(series: Write, name: str) -> None:
    volume = vdl.load(phantom(series, ACQUISITIONS[name]).folder)
    figure = sheets.draw_volume(volume)
    picture = rendered(figure)
    drawn = figure.axes[0].images[:3]
    scales = []
    for image, plane, (_, _, bright) in zip(drawn, planes.cut_orthogonal_planes(volume), EXPECTED, strict=True):
        left, right, bottom, top = image.get_extent()
        assert corners(picture[round(top) + 1 : round(bottom) - 1, round(left) + 1 : round(right) - 1, 0]) == bright
        width, height = plane.size
        scales += [(right - left) / width, (bottom - top) / height]
    assert np.ptp(scales) < 1e-9  # one scale for all planes, both ways
    words = [text.get_text() for text in figure.axes[0].texts]
    for letter in "RLAPHF":
        assert letter in words
    assert any(word.endswith(" mm") for word in words)
    assert any("window center" in word for word in words)


def test_scale_bar_is_as_long_as_it_says(series: Write) -> None:
    volume = vdl.load(phantom(series, ACQUISITIONS["axial"]).folder)
    figure = sheets.draw_volume(volume)
    bar = figure.axes[0].lines[0].get_xdata()
    says = next(t.get_text() for t in figure.axes[0].texts if t.get_text().endswith(" mm"))
    left, right, *_ = figure.axes[0].images[0].get_extent()
    assert (max(bar) - min(bar)) / float(says.split()[0]) == pytest.approx((right - left) / (COLUMNS * 0.5))


@pytest.mark.parametrize("name", ACQUISITIONS)
def test_acquired_planes_are_the_frames_of_their_number(series: Write, name: str) -> None:
    volume = vdl.load(phantom(series, ACQUISITIONS[name]).folder)
    for plane in planes.cut_acquired_planes(volume, [0, 5, COUNT - 1]):
        assert plane.number is not None
        assert any(
            np.shares_memory(plane.pixels, volume.frames[plane.number]) and np.array_equal(candidate, plane.pixels)
            for turned in (volume.frames[plane.number], volume.frames[plane.number].T)
            for candidate in (turned[::a, ::b] for a, b in itertools.product((1, -1), repeat=2))
        )


def test_a_thin_stack_keeps_true_aspect(series: Write) -> None:
    volume = vdl.load(series(count=3, rows=200, columns=200, PixelSpacing=[1, 1], gap=1).folder)
    drawn = sheets.draw_volume(volume).axes[0].images[:3]
    sides = [((e := image.get_extent())[1] - e[0], e[2] - e[3]) for image in drawn]
    assert sides[0][0] == pytest.approx(sides[0][1])
    assert sides[1][0] / sides[1][1] == pytest.approx(200 / 3)


def test_a_window_that_is_asked_for(series: Write) -> None:
    volume = vdl.load(series().folder)
    words = [text.get_text() for text in sheets.draw_volume(volume, window="lung").axes[0].texts]
    assert any("window center -600, width 1500 HU (lung)" in word for word in words)


def test_blank_and_colour_volumes_are_drawn(series: Write) -> None:
    def blank(dataset: Any, _: int) -> None:
        dataset.PixelData = bytes(len(dataset.PixelData))

    colour = series("b", dtype=np.uint16, SamplesPerPixel=3, PhotometricInterpretation="RGB")
    for truth in (series("a", edit=blank), colour):
        assert rendered(sheets.draw_volume(vdl.load(truth.folder))).any()


def test_without_geometry_frames_are_shown_as_stored_and_it_says_so(series: Write) -> None:
    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load(series(ImagePositionPatient=None, ImageOrientationPatient=None).folder)
    (plane,) = planes.cut_orthogonal_planes(volume)
    assert plane.letters is None
    assert np.array_equal(plane.pixels, volume.frames[len(volume.frames) // 2])
    words = [text.get_text() for text in sheets.draw_volume(volume).axes[0].texts]
    assert any("which side is which is not known" in word for word in words)
    assert any(word.startswith("all 5 slices as stored ") for word in words)
    assert not {"R", "L", "A", "P", "H", "F"} & set(words)


def test_without_pixel_spacing_there_is_no_scale(series: Write) -> None:
    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load(series(PixelSpacing=None).folder)
    words = [text.get_text() for text in sheets.draw_volume(volume).axes[0].texts]
    assert not any(word.endswith(" mm") for word in words)
    assert any("no mm scale" in word for word in words)


@pytest.mark.parametrize("name", ["axial", "coronal", "sagittal"])
def test_irregular_stacks_show_their_stored_slices_only(series: Write, name: str) -> None:
    def lean(dataset: Any, k: int) -> None:
        position = np.array(dataset.ImagePositionPatient, float) + 0.7 * k * np.array(ACQUISITIONS[name][:3])
        dataset.ImagePositionPatient = [f"{p:.6f}" for p in position]

    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load(series(orientation=ACQUISITIONS[name], edit=lean).folder, irregular="keep")
    (plane,) = planes.cut_orthogonal_planes(volume)
    expected = {n: letters for n, letters, _ in EXPECTED}[name]
    assert plane.letters is not None
    assert "".join(plane.letters) == expected
    assert any("no regular grid" in w or "not lie on a regular grid" in w for w in sheets.list_notes(volume))


def test_drawing_any_description_gives_no_warning(series: Write) -> None:
    written = series(SeriesDescription="cost $5_x$ 頭部 \\frac", SpecificCharacterSet="ISO_IR 192")
    figure = sheets.draw_volume(vdl.load(written.folder))
    assert rendered(figure).any()
    assert "□" in figure.axes[0].texts[0].get_text()


def test_middle_slice_is_a_small_upright_png_that_names_nobody(series: Write) -> None:
    volume = vdl.load(phantom(series, ACQUISITIONS["axial, turned about"]).folder)
    data = base64.b64decode(sheets.draw_middle_slice(volume))
    for word in (b"Secret", b"SECRET", b"19700102", b"atplotlib"):
        assert word not in data
    picture = imread(io.BytesIO(data))[..., 0]
    assert max(picture.shape) < 300
    inner = picture[sheets.LETTER : -sheets.LETTER, sheets.LETTER : -sheets.LETTER]
    assert corners(inner) == [False, True, False, False]
    assert inner.shape[1] / inner.shape[0] == pytest.approx(COLUMNS * 0.5 / (ROWS * 0.8), rel=0.02)


def test_html_of_a_volume_holds_the_picture(series: Write) -> None:
    assert "data:image/png;base64," in vdl.load(series().folder)._repr_html_()


def test_figures_do_not_touch_pyplot(series: Write) -> None:
    import sys

    sheets.draw_volume(vdl.load(series().folder))
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_of_large_frames_no_more_is_drawn_than_a_picture_shows(series: Write, tmp_path: Path) -> None:
    figure = sheets.draw_volume(vdl.load(series(count=4, rows=2048, columns=2048).folder))
    drawn = [image.get_array().shape[:2] for axes in figure.axes for image in axes.get_images()]
    assert len(drawn) == 3 + 4
    assert max(drawn) == (1024, 1024)
    canvas.save(figure, tmp_path / "a.png")
    assert imread(tmp_path / "a.png")[..., :3].std() > 0.05


def test_evenly_takes_the_first_and_the_last() -> None:
    assert planes.space_evenly(3, 16) == [0, 1, 2]
    assert planes.space_evenly(93, 16)[0] == 0
    assert planes.space_evenly(93, 16)[-1] == 92
    assert len(set(planes.space_evenly(17, 16))) == 16


# ---------------------------------------------------------------------------------------------------- what is refused
def test_several_stacks_are_drawn_each_with_its_letters(series: Write) -> None:
    for seed, name in enumerate(("axial", "coronal", "sagittal")):
        written = series(orientation=ACQUISITIONS[name], seed=seed, SeriesInstanceUID="1.2.3")
    (found,) = vdl.scan(written.folder)
    strips = drawable.draw_series(found)
    letters = {"".join(strip.planes[0].letters or ()) for strip in strips}
    assert letters == {"RLAP", "RLHF", "APHF"}
    assert rendered(sheets.draw_strips(strips, "title", "the reason why")).any()


def test_frames_that_make_no_stack_are_drawn_one_by_one(series: Write) -> None:
    def odd(dataset: Any, k: int) -> None:
        if k == 2:
            del dataset.ImagePositionPatient

    (found,) = vdl.scan(series(edit=odd).folder)
    with pytest.raises(vdl.GeometryError):
        found.load()
    (strip,) = drawable.draw_series(found)
    assert len(strip.planes) == 5
    assert "one by one" in strip.caption


def test_where_nothing_can_be_drawn_there_is_the_table_and_the_reason(series: Write) -> None:
    (found,) = vdl.scan(series(HighBit=3).folder)
    assert drawable.draw_series(found) == []
    figure = sheets.draw_strips([], "title", "reason " * 60, table="1 series\n#  modality")
    words = [text.get_text() for text in figure.axes[0].texts]
    assert "#  modality" in words
    assert any(word.startswith("reason") for word in words)


@pytest.mark.parametrize("name", ["small_ct", "mr_plain4", "asl_4d", "mono1", "slope_per_slice"])
@pytest.mark.filterwarnings("ignore::vtkdicomload.DicomLoadWarning")
def test_real_series_give_pictures_that_are_not_blank(data: Path, name: str) -> None:
    found = vdl.scan(data / name)[0]
    try:
        figure = sheets.draw_volume(found.load())
    except vdl.GeometryError as error:
        figure = sheets.draw_strips(drawable.draw_series(found), found.title, str(error))
    picture = rendered(figure)
    assert len(np.unique(picture[..., 0])) > 50
