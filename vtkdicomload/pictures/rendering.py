"""Renderings of a volume, or of a surface of one value, by VTK off-screen, seen from a side of the patient.

What has no place in the patient is seen from its first slice, as it is stored.

VTK ends the whole process where it finds no OpenGL; whether it would is tried once, in a process of its own.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._util.wording import describe_argument
from ..conversions.grid import is_placed
from ..errors import DicomLoadError, GeometryError
from ..errors.remedies import Install
from ..loading.facts import has_scale
from ..stacks.geometry import find_opposite, name_side
from .canvas import BRIGHT, MARGIN, MARK, QUIET, Sheet
from .planes import Letters
from .sheets import LETTER, paint_letters
from .surfaces import extract_surface, make_solid_image, require_solid, smooth_surface
from .windows import choose_window, explain_no_hounsfield, write_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from vtkmodules.vtkCommonDataModel import vtkPolyData
    from vtkmodules.vtkRenderingCore import vtkActor, vtkRenderer, vtkVolume, vtkVolumeProperty

    from .._util.arrays import Floats
    from ..loading.volume_data import VolumeData
    from .canvas import Canvas
    from .windows import Grey, Wanted, Window

# From where one looks, in LPS, and what is up: axial views as radiologists look at them, the front up.
VIEWS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "front": ((0, -1, 0), (0, 0, 1)),
    "back": ((0, 1, 0), (0, 0, 1)),
    "left": ((1, 0, 0), (0, 0, 1)),
    "right": ((-1, 0, 0), (0, 0, 1)),
    "head": ((0, 0, 1), (0, -1, 0)),
    "feet": ((0, 0, -1), (0, -1, 0)),
}
# (HU, red, green, blue, opacity a mm): air and fat clear, skin and muscle a veil, bone solid.
_FIRST_SLICE = "first slice"
_FRONT = "front"
_CT_TISSUES: tuple[tuple[float, ...], ...] = (
    (-1024, 0.0, 0.0, 0.0, 0.0),
    (-150, 0.55, 0.25, 0.15, 0.0),
    (0, 0.75, 0.40, 0.28, 0.02),
    (120, 0.88, 0.58, 0.42, 0.05),
    (220, 0.90, 0.78, 0.62, 0.30),
    (500, 0.94, 0.90, 0.80, 0.80),
    (1500, 1.0, 1.0, 0.96, 0.95),
)
BACKGROUND = (0.078, 0.086, 0.102)
_BONE_COLOUR = (0.93, 0.88, 0.78)
_PROBE_SECONDS = 60
_one_at_a_time = threading.Lock()


class Rendering(NamedTuple):
    """A rendered picture; notebooks show it with the sides of the patient and a scale bar.

    Attributes
    ----------
    pixels : numpy.ndarray, shape (rows, columns, 3), uint8
        RGB, row 0 at the top.
    letters : Letters or None
        The sides of the patient at the left, right, top and bottom; None where the files do not say.
    mm : float or None
        The size of a pixel: the projection is parallel, so lengths across the view are true. None where the files do
        not say how large the volume is.
    words : str
        What is drawn, with its units.
    side : str
        From where: the side of the patient, or ``first slice``; empty for a direction.
    """

    pixels: Grey
    letters: Letters | None
    mm: float | None
    words: str
    side: str

    def _repr_png_(self) -> bytes:
        from .canvas import encode_png

        return encode_png(draw_rendering(self, ""))


def render(
    volume: VolumeData,
    *,
    iso: float | None = None,
    view: str | Sequence[float] | None = None,
    window: Wanted = None,
    size: tuple[int, int] = (900, 900),
) -> Rendering:
    """Look at a volume from a side of the patient: as a body of translucent tissues, or the surface of one value.

    The body is cast on the processor, at full resolution; OpenGL puts the picture together and draws surfaces, with a
    graphics card or without. Renderings of several threads follow one another. On macOS VTK renders on the main thread
    alone.

    Parameters
    ----------
    volume : Volume
        Grey, on a regular grid. A single slice is a slab as thick as it is.
    iso : float, optional
        Draw the surface of this value, smoothed, instead of the volume; in the units of the volume.
    view : str or sequence of three float, optional
        From where: ``"front"`` (the patient's right is at the left of the picture, the head up), ``"back"``,
        ``"left"``, ``"right"``, ``"head"``, ``"feet"`` (the front up); or a direction in LPS, the head up. By default
        the front, of a single slice the side that shows it; of what has no place in the patient its first slice, the
        first row at the top.
    window : str or (center, width), optional
        As for `Volume.plot`: below the window all is clear, above it solid. By default bone under translucent soft
        tissue for a CT in Hounsfield units, else percentiles of the values. Not with `iso`.
    size : tuple of int
        Width and height in pixels.

    Returns
    -------
    Rendering

    Raises
    ------
    ValueError, TypeError
        A view or window that does not exist, `window` with `iso`, a size below 16, colour, too few voxels, or no
        surface at `iso`; the message gives the range of the values.
    GeometryError
        Slices on no regular grid; a view of what has no place in the patient.
    DicomLoadError
        VTK cannot render here.
    """
    require_solid(volume)
    placed = is_placed(volume.geometry)
    if view is not None and not placed:
        raise GeometryError(f"the files hold no position or orientation, so nothing is known of a view from {view!r}")
    side = view if view is not None else _choose_view(volume) if placed else _FIRST_SLICE
    toward_eye, up = _view(side)
    if iso is not None and window is not None:
        raise ValueError("a surface (iso) has no window: give one of the two")
    if len(size) != 2 or not all(16 <= side <= 8192 for side in size):
        raise ValueError(f"size must be (width, height) of 16 to 8192 pixels, not {describe_argument(size)}")
    # Mappers made before these two are known draw nothing.
    import vtkmodules.vtkRenderingOpenGL2
    import vtkmodules.vtkRenderingVolumeOpenGL2  # noqa: F401

    prop: vtkActor | vtkVolume
    if iso is None:
        words, prop = _make_body(volume, window)
    else:
        skin = _make_skin(smooth_surface(extract_surface(volume, iso)))
        words, prop = f"surface at {iso:g}{write_units(volume)}", skin
    require_rendering()
    with _one_at_a_time:
        pixels, mm = _draw_picture(prop, toward_eye, up, size)
    return Rendering(
        pixels,
        _name_sides(toward_eye, up) if placed else None,
        mm if has_scale(volume) else None,
        words,
        side if isinstance(side, str) else "",
    )


def _name_sides(toward_eye: Floats, up: Floats) -> Letters:
    right = np.cross(up, toward_eye)
    return Letters(find_opposite(name_side(right)), name_side(right), name_side(up), find_opposite(name_side(up)))


def require_rendering() -> None:
    """Raise a DicomLoadError where VTK cannot render off-screen; tried once in a process of its own."""
    if _find_window_class() is None:
        raise DicomLoadError(
            "VTK cannot render here: neither a display nor EGL or OSMesa for off-screen OpenGL was found",
            remedies=[Install(packages, "apt-get") for packages in (("libegl1", "libgl1-mesa-dri"), ("libosmesa6",))],
        )


def _choose_view(volume: VolumeData) -> str:
    """The front; of a single slice the side that it is looked at from."""
    normal = volume.geometry.normal
    if volume.frames.shape[0] > 1 or normal is None:
        return _FRONT
    return min(VIEWS, key=lambda name: float(normal @ VIEWS[name][0]))


def _view(view: str | Sequence[float]) -> tuple[Floats, Floats]:
    """Unit vectors in LPS from the patient to the eye, and up."""
    if isinstance(view, str):
        # Of a stack along x, y and z the first slice is the nearest to the feet.
        named = {**VIEWS, _FIRST_SLICE: VIEWS["feet"]}
        if view not in named:
            raise ValueError(f"view= is {describe_argument(view)}; there are {', '.join(VIEWS)}")
        eye, up = (np.array(vector, np.float64) for vector in named[view])
        return eye, up
    eye = np.array(view, np.float64)
    if eye.shape != (3,) or not np.isfinite(eye).all() or not np.linalg.norm(eye):
        raise ValueError(
            f"a view is one of {', '.join(VIEWS)}, or a direction (x, y, z) in LPS, not {describe_argument(view)}"
        )
    eye /= np.linalg.norm(eye)
    head = np.array((0.0, -1.0, 0.0) if abs(eye[2]) > 0.999 else (0.0, 0.0, 1.0))
    up = head - (head @ eye) * eye
    return eye, up / np.linalg.norm(up)


# ---------------------------------------------------------------------------------------------------- what is drawn
def _make_skin(surface: vtkPolyData) -> vtkActor:
    from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper

    actor = vtkActor(mapper=vtkPolyDataMapper(input_data=surface, scalar_visibility=False))
    look = actor.GetProperty()
    look.SetColor(*_BONE_COLOUR)
    look.SetAmbient(0.1)
    look.SetDiffuse(0.85)
    look.SetSpecular(0.15)
    look.SetSpecularPower(20)
    look.SetInterpolationToPhong()
    return actor


def _make_body(volume: VolumeData, wanted: Wanted) -> tuple[str, vtkVolume]:
    from vtkmodules.vtkCommonMath import vtkMatrix4x4
    from vtkmodules.vtkRenderingCore import vtkVolume
    from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper

    words, tissues = _choose_tissues(volume, wanted)
    image = make_solid_image(volume)
    # This mapper ignores the direction matrix (VTK 9.7), so the matrix is the body's own.
    place = vtkMatrix4x4()
    for row in range(3):
        for column in range(3):
            place.SetElement(row, column, image.GetDirectionMatrix().GetElement(row, column))
        place.SetElement(row, 3, image.GetOrigin()[row])
    image.SetOrigin(0, 0, 0)
    image.SetDirectionMatrix(1, 0, 0, 0, 1, 0, 0, 0, 1)
    mapper = vtkFixedPointVolumeRayCastMapper(input_data=image, auto_adjust_sample_distances=False)
    mapper.SetSampleDistance(min(volume.spacing))
    body = vtkVolume(mapper=mapper)
    body.SetProperty(tissues)
    body.SetUserMatrix(place)
    return words, body


def _choose_tissues(volume: VolumeData, wanted: Wanted) -> tuple[str, vtkVolumeProperty]:
    from vtkmodules.vtkCommonDataModel import vtkPiecewiseFunction
    from vtkmodules.vtkRenderingCore import vtkColorTransferFunction, vtkVolumeProperty

    if wanted is None and not explain_no_hounsfield(volume) and float(np.nanmax(volume.frames)) > _CT_TISSUES[2][0]:
        words, points = "bone and soft tissue by HU", _CT_TISSUES
    else:
        window = choose_window(volume, wanted if wanted is not None else "percentiles")
        words, points = window.words, _make_ramp(window)
    colour, opacity = vtkColorTransferFunction(), vtkPiecewiseFunction()
    for value, red, green, blue, solid in points:
        colour.AddRGBPoint(value, red, green, blue)
        opacity.AddPoint(value, solid)
    tissues = vtkVolumeProperty()
    tissues.SetColor(colour)
    tissues.SetScalarOpacity(opacity)
    tissues.SetScalarOpacityUnitDistance(1.0)
    tissues.SetInterpolationTypeToLinear()
    # Seen straight from its first slice, what a stack holds ends there, without a slope that light could fall on.
    tissues.SetShade(is_placed(volume.geometry) and volume.frames.shape[0] > 1)
    tissues.SetAmbient(0.3)
    tissues.SetDiffuse(0.8)
    tissues.SetSpecular(0.2)
    tissues.SetSpecularPower(15)
    return words, tissues


def _make_ramp(window: Window) -> tuple[tuple[float, ...], ...]:
    """From clear and dark below the window to solid and bright above it; the other way round for MONOCHROME1."""
    parts = ((0.0, 0.0), (0.15, 0.0), (0.4, 0.06), (0.7, 0.3), (1.0, 0.9))
    points = [(part, *(channel * (0.6 + 0.4 * part) for channel in _BONE_COLOUR), solid) for part, solid in parts]
    if window.inverted:
        points = [(1 - part, *rest) for part, *rest in reversed(points)]
    return tuple((window.low + part * window.width, *rest) for part, *rest in points)


# ---------------------------------------------------------------------------------------------------- OpenGL
def _draw_picture(prop: Any, eye: Floats, up: Floats, size: tuple[int, int]) -> tuple[Grey, float]:
    """The picture of an actor or volume, and the size of a pixel in mm."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkRenderingCore import vtkRenderer, vtkWindowToImageFilter

    renderer = vtkRenderer(background=BACKGROUND)
    renderer.AddViewProp(prop)
    _aim(renderer, prop.GetBounds(), eye, up, size)
    window = _open_window()
    window.SetSize(*size)
    window.AddRenderer(renderer)
    try:
        window.Render()
        grab = vtkWindowToImageFilter(input=window, read_front_buffer=False)
        grab.Update()
        image = grab.GetOutput()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(size[1], size[0], 3)[::-1].copy()
    finally:
        window.Finalize()
    return pixels, 2 * renderer.GetActiveCamera().GetParallelScale() / size[1]


def _aim(renderer: vtkRenderer, bounds: Sequence[float], eye: Floats, up: Floats, size: tuple[int, int]) -> None:
    """Look along parallel rays so that the whole box is in the picture."""
    from vtkmodules.vtkRenderingCore import vtkLight

    low, high = np.array(bounds[::2]), np.array(bounds[1::2])
    middle, half = (low + high) / 2, (high - low) / 2
    # Half the extent of a box along a unit vector.
    across, along = float(half @ np.abs(np.cross(up, eye))), float(half @ np.abs(up))
    camera = renderer.GetActiveCamera()
    camera.ParallelProjectionOn()
    camera.SetFocalPoint(*middle)
    camera.SetPosition(*(middle + eye * (2 * np.linalg.norm(half) + 1)))
    camera.SetViewUp(*up)
    camera.SetParallelScale(1.04 * max(along, across * size[1] / size[0]))
    renderer.ResetCameraClippingRange()
    # One from above the viewer's left shoulder, for relief, and a weaker one into its shadows.
    for position, intensity in (((-0.5, 0.7, 1.0), 0.8), ((0.5, -0.1, 1.0), 0.45)):
        light = vtkLight(position=position, focal_point=(0, 0, 0), intensity=intensity)
        light.SetLightTypeToCameraLight()
        renderer.AddLight(light)


def _open_window() -> Any:
    from vtkmodules import vtkRenderingOpenGL2 as factory  # noqa: N813
    from vtkmodules.vtkRenderingCore import vtkRenderWindow

    kind = getattr(factory, _find_window_class() or "", vtkRenderWindow)
    return kind(off_screen_rendering=True, multi_samples=8)


_PROBE = """
import sys
from vtkmodules import vtkRenderingOpenGL2 as factory
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow, vtkWindowToImageFilter
window = getattr(factory, sys.argv[1], vtkRenderWindow)(off_screen_rendering=True, size=(16, 16))
window.AddRenderer(vtkRenderer(background=(1, 1, 1)))
window.Render()
grab = vtkWindowToImageFilter(input=window, read_front_buffer=False)
grab.Update()
sys.exit(grab.GetOutput().GetScalarRange() != (255, 255))
"""


@functools.cache
def _find_window_class() -> str | None:
    """The render window that works here; None where none does."""
    # Without a display VTK's own choice tries X first, and says on stderr that there is none.
    headless = sys.platform == "linux" and not os.environ.get("DISPLAY")
    for name in ("vtkEGLRenderWindow", "vtkRenderWindow") if headless else ("vtkRenderWindow",):
        try:
            tried = subprocess.run(  # noqa: S603 - our own words
                [sys.executable, "-c", _PROBE, name],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PROBE_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if tried.returncode == 0:
            return name
    return None


def draw_rendering(rendering: Rendering, title: str) -> Figure:
    """A rendering with the sides of the patient around it, what it shows, and a scale bar, as far as they are known."""
    height, width = rendering.pixels.shape[:2]
    sheet = Sheet(width + 2 * MARGIN)
    sheet.words(title, size=15, color=BRIGHT, after=2, weight="bold")
    sheet.words(rendering.words, color=QUIET, after=4)
    if rendering.letters is None:
        sheet.words("no place in the patient: as stored, which side is which is not known", color=MARK, after=4)
    if rendering.mm is None:
        sheet.words("no pixel spacing in the files: there is no mm scale", color=MARK, after=4)

    def paint(canvas: Canvas, top: float) -> None:
        canvas.image(rendering.pixels, MARGIN, top + LETTER, width, height)
        if rendering.letters is not None:
            paint_letters(canvas, rendering.letters, MARGIN, top + LETTER, width, height)
        if rendering.mm is not None:
            canvas.bar(MARGIN, top + height + 2 * LETTER + 2, 1 / rendering.mm, 160)

    sheet.add(height + 2 * LETTER + 14, paint)
    return sheet.figure()
