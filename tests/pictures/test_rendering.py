from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from drawn import ACQUISITIONS
from matplotlib.image import imread

import vtkdicomload as vdl
from vtkdicomload.pictures import canvas, rendering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from synthetic import Truth

    Write = Callable[..., Truth]

SIZE = (150, 150)
ORIGIN = np.array((40.0, -25.0, 310.0))


@pytest.fixture(autouse=True)
def _can_render(request: pytest.FixtureRequest) -> None:
    if rendering._find_window_class() is None and "without_opengl" not in request.node.name:
        pytest.skip("VTK finds no OpenGL here")


def cube(write: Write, acquired: str, **options: Any) -> Truth:
    """A cube of 10 mm in a box of 32 × 32 × 30 mm of air, near its left, anterior, head corner."""
    orientation = np.array(ACQUISITIONS[acquired], float)
    row, column, normal = orientation[:3], orientation[3:], np.cross(orientation[:3], orientation[3:])
    half = (row * 0.5 * 63 + column * 0.8 * 39 + normal * 1.5 * 19) / 2

    def paint(dataset: Any, k: int) -> None:
        y, x = np.mgrid[:40, :64]
        points = x[..., None] * row * 0.5 + y[..., None] * column * 0.8 + k * 1.5 * normal - half
        inside = np.abs(points - (8, -8, 8)).max(axis=-1) <= 5
        dataset.PixelData = np.where(inside, 1000, -1000).astype("<i2").tobytes()

    size = {"count": 20, "rows": 40, "columns": 64, "gap": 1.5}
    return write(origin=tuple(ORIGIN - half), orientation=tuple(orientation), edit=paint, **size, **options)


def bright(pixels: NDArray[np.uint8]) -> tuple[str, NDArray[np.bool_]]:
    """Where the bright part lies, as in ``"top left"``, and its mask."""
    mask = pixels.max(axis=2) > 90
    assert mask.any()
    rows, columns = np.nonzero(mask)
    vertical = "top" if rows.mean() < pixels.shape[0] / 2 - 5 else "bottom"
    horizontal = "left" if columns.mean() < pixels.shape[1] / 2 - 5 else "right"
    return f"{vertical} {horizontal}", mask


# The patient's right is at the left of the picture from the front; from head and feet the front is up.
PLACES = {
    "front": ("top right", "RLHF"),
    "back": ("top left", "LRHF"),
    "left": ("top left", "APHF"),
    "right": ("top right", "PAHF"),
    "head": ("top left", "LRAP"),
    "feet": ("top right", "RLAP"),
}


@pytest.mark.parametrize("iso", [None, 0])
@pytest.mark.parametrize("view", PLACES)
@pytest.mark.parametrize("acquired", ["axial", "coronal, feet up", "oblique"])
def test_the_cube_lies_on_its_side_of_every_view(series: Write, acquired: str, view: str, iso: float | None) -> None:
    made = rendering.render(vdl.load(cube(series, acquired).folder), iso=iso, view=view, size=SIZE)
    place, letters = PLACES[view]
    assert made.pixels.shape == (150, 150, 3)
    assert made.pixels.dtype == np.uint8
    assert "".join(made.letters) == letters
    if iso is None:
        assert bright(made.pixels)[0] == place
    else:  # the picture is filled by the surface alone
        assert bright(made.pixels)[1].mean() > 0.5


@pytest.mark.parametrize("acquired", [n for n in ACQUISITIONS if n != "oblique"])
def test_lengths_are_true(series: Write, acquired: str) -> None:
    volume = vdl.load(cube(series, acquired).folder)
    made = rendering.render(volume, size=(400, 300))
    mask = bright(made.pixels)[1]
    width, height = mask.any(axis=0).sum() * made.mm, mask.any(axis=1).sum() * made.mm
    assert (width, height) == pytest.approx((10, 10), abs=2.5)  # a voxel: the edge lies between two


@pytest.mark.parametrize("iso", [None, 0])
@pytest.mark.filterwarnings("ignore::vtkdicomload.DicomLoadWarning")
def test_a_left_handed_volume_is_not_mirrored(series: Write, iso: float | None) -> None:
    names = [f"{k:02d}.dcm" for k in range(20)]
    volumes = [
        vdl.load(cube(series, "axial").folder),
        vdl.load(cube(lambda **o: series("natural", **o), "axial", names=names[::-1]).folder, order="natural"),
    ]
    assert volumes[1].image.GetDirectionMatrix().Determinant() < 0
    one, other = (rendering.render(v, iso=iso, view=(1, -2, 1), size=SIZE).pixels.astype(int) for v in volumes)
    assert np.abs(one - other).mean() < 2


def test_a_direction_looks_as_its_name(series: Write) -> None:
    volume = vdl.load(cube(series, "axial").folder)
    for view, name in (((0, -3, 0), "front"), ((0, 0, 2), "head"), ((-1, 0, 0), "right")):
        one, other = (rendering.render(volume, view=v, size=SIZE) for v in (view, name))
        assert np.array_equal(one.pixels, other.pixels)
        assert one.letters == other.letters


def test_words_say_what_is_drawn(series: Write, ct_head: Path) -> None:
    volume = vdl.load(cube(series, "axial").folder)
    assert rendering.render(volume, size=SIZE).words == "bone and soft tissue by HU"
    assert rendering.render(volume, iso=300, size=SIZE).words == "surface at 300 HU"
    assert "HU (bone)" in rendering.render(volume, window="bone", size=SIZE).words
    assert "percentile" in rendering.render(vdl.load(ct_head), size=SIZE).words


def test_monochrome1_shows_small_values(series: Write) -> None:
    def inverted(dataset: Any, k: int) -> None:
        pixels = np.full((40, 64), 1000, np.uint16)
        if 8 <= k < 12:
            pixels[15:25, 25:40] = 0
        dataset.PixelData = pixels.tobytes()

    options = {"count": 20, "rows": 40, "columns": 64, "dtype": np.uint16, "Modality": "DX"}
    truth = series(edit=inverted, PhotometricInterpretation="MONOCHROME1", **options)
    mask = bright(rendering.render(vdl.load(truth.folder), window=(500, 1000), size=SIZE).pixels)[1]
    assert 0.005 < mask.mean() < 0.4
    assert mask[60:90, 60:90].any()


@pytest.mark.parametrize(
    "name", ["small_ct", "mr_plain4", "slope_per_slice", "enh_mr_phase", "seg_1bit", "rtdose_32bit", "mr_small_slope"]
)
def test_real_series_show_something(data: Path, name: str) -> None:
    made = rendering.render(vdl.load_all(data / name)[0], view=(1, -1, 1), size=(300, 300))
    assert made.pixels.reshape(-1, 3).std(axis=0).max() > 5


def test_several_threads_render(series: Write) -> None:
    volume = vdl.load(cube(series, "axial").folder)
    found: list[NDArray[np.uint8]] = []
    threads = [
        threading.Thread(target=lambda: found.append(rendering.render(volume, size=SIZE).pixels)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(np.array_equal(pixels, found[0]) for pixels in found)


def test_the_picture_has_letters_and_a_true_bar(series: Write, tmp_path: Path) -> None:
    made = rendering.render(vdl.load(cube(series, "axial").folder), size=(300, 300))
    figure = rendering.draw_rendering(made, "a title")
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words[:2] == ["a title", "bone and soft tissue by HU"]
    assert words[2:6] == ["R", "L", "H", "F"]
    bar = figure.axes[0].lines[0].get_xdata()
    assert (max(bar) - min(bar)) * made.mm == pytest.approx(float(words[6].split()[0]))
    assert made._repr_png_().startswith(b"\x89PNG")
    canvas.save(figure, tmp_path / "a.png")
    drawn = (imread(tmp_path / "a.png")[..., :3] * 255).round().astype(int)
    left, right, bottom, top = (round(v) for v in figure.axes[0].images[0].get_extent())
    assert np.abs(drawn[top:bottom, left:right] - made.pixels).max() <= 1


# ---------------------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"view": "sideways"}, "view= is a str of 8 characters; there are front, back"),
        ({"view": (0, 0, 0)}, "or a direction"),
        ({"view": (1, 2)}, "or a direction"),
        ({"iso": 0, "window": "bone"}, "has no window"),
        ({"iso": 5000}, "run from -1000 to 1000 HU"),
        ({"window": "bones"}, "no window of that name"),
        ({"size": (8, 8)}, "16 to 8192 pixels"),
        ({"size": (100,)}, "16 to 8192 pixels"),
    ],
)
def test_wrong_arguments(series: Write, options: dict[str, Any], words: str) -> None:
    volume = vdl.load(cube(series, "axial").folder)
    with pytest.raises(ValueError, match=words):
        rendering.render(volume, **options)


def test_colour_and_single_slices_are_refused(data: Path, series: Write) -> None:
    with pytest.raises(ValueError, match="is colour"):
        rendering.render(vdl.load(data / "rgb_stack"))
    with pytest.raises(ValueError, match="a body needs two"):
        rendering.render(vdl.load(series(count=1).folder))


@pytest.fixture
def _no_opengl(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(rendering, "_PROBE", "import os; os.abort()")  # as VTK does
    rendering._find_window_class.cache_clear()
    yield
    rendering._find_window_class.cache_clear()


@pytest.mark.usefixtures("_no_opengl")
def test_without_opengl_it_is_an_error(series: Write) -> None:
    volume = vdl.load(cube(series, "axial").folder)
    with pytest.raises(vdl.DicomLoadError, match="VTK cannot render here"):
        rendering.render(volume)


@pytest.mark.skipif(sys.platform != "linux", reason="the ways to OpenGL are those of Linux")
def test_without_opengl_the_process_lives(series: Write, tmp_path: Path) -> None:
    folder = cube(series, "axial").folder
    hidden = {"__EGL_VENDOR_LIBRARY_DIRS": str(tmp_path / "none"), "DISPLAY": ""}
    done = subprocess.run(
        [sys.executable, "-m", "vtkdicomload", "render", str(folder), "-o", str(tmp_path / "a.png")],
        capture_output=True,
        text=True,
        env={**os.environ, **hidden},
        check=False,
    )
    # OSMesa, where it is installed, is a way without EGL.
    assert done.returncode in (0, 1)
    if done.returncode == 1:
        assert done.stderr.startswith("error: VTK cannot render here: ")
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "a.png").exists()
