"""Pictures of volumes at true aspect, with the sides of the patient, a mm bar and the window stated."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, NamedTuple

from ..loading.facts import has_scale
from .canvas import BRIGHT, MARGIN, MARK, QUIET, TEXT, WIDTH, Canvas, Sheet, encode_png
from .legends import LINE, measure_lines, paint_legend
from .overlays import list_keys
from .planes import cut_acquired_planes, cut_orthogonal_planes, describe_slice_direction, space_evenly
from .windows import choose_display

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from .._util.arrays import Pixels
    from ..loading.volume_data import VolumeData
    from .overlays import Key, Overlay
    from .planes import Letters, Plane
    from .windows import Grey, Wanted, Window

_PLANES_HEIGHT = 460  # in pixels, as are all lengths below
_CELL = 130  # the least room of a plane, for its name
LETTER = 22  # room for the letter at each side
_TILES = 16
TILES_A_ROW = 8
_TILE_HEIGHT = 260
_GAP = 8
_DISPLAYED = 1024  # more pixels than this along a side are not seen


class Strip(NamedTuple):
    """A row of pictures of one stack, for a sheet of what can be drawn."""

    caption: str
    planes: tuple[Plane, ...]
    window: Window
    in_mm: bool
    height: float = _TILE_HEIGHT  # at most


# ---------------------------------------------------------------------------------------------------- whole pictures
def draw_volume(
    volume: VolumeData,
    *,
    window: Wanted = None,
    title: str | None = None,
    beside: tuple[str, Grey] | None = None,
    colormap: str | None = None,
    overlay: Overlay | None = None,
) -> Figure:
    """The three orthogonal planes of a volume at one scale, then a montage of its stored slices.

    Parameters
    ----------
    volume : Volume
        What to draw.
    window : str or (center, width), optional
        As for `Volume.plot`.
    title : str, optional
        By default the series' number, modality and description.
    beside : tuple of str and numpy.ndarray, optional
        One more picture in the row of the planes, with its name: uint8, shape (rows, columns, 3).
    colormap : str, optional
        As for `Volume.plot`.
    overlay : Overlay, optional
        What is drawn over the planes and slices.
    """
    sheet, chosen = Sheet(), choose_display(volume, window, colormap)
    planes = cut_orthogonal_planes(volume)
    sheet.words(title or volume.series.title, size=15, color=BRIGHT, after=2, weight="bold")
    sheet.words(describe_volume(volume, chosen), color=QUIET, after=12)
    for words in list_notes(volume):
        sheet.words(words, color=MARK, after=8)
    _add_planes(sheet, planes, chosen, in_mm=has_scale(volume), beside=beside, overlay=overlay)
    _add_keys(sheet, list_keys(volume, chosen, overlay))
    nz = volume.frames.shape[0]
    if nz > 1:
        indices = space_evenly(nz, _TILES)
        tiles = cut_acquired_planes(volume, indices)
        how, way = "turned upright" if tiles[0].letters else "as stored", describe_slice_direction(volume)
        of = f"{len(indices)} of {nz} slices" if len(indices) < nz else f"all {nz} slices"
        sheet.words(f"{of} {how}{', ' + way if way else ''}   volume.frames[k], k in the corner", after=8)
        _add_tiles(sheet, tiles, chosen, in_mm=has_scale(volume), overlay=overlay)
    return sheet.figure()


def draw_strips(strips: Sequence[Strip], title: str, reason: str, *, table: str = "") -> Figure:
    """Say what can be drawn of a series that `load` refuses, with the reason; its table where nothing can.

    Parameters
    ----------
    strips : sequence of Strip
        One for each stack.
    title, reason : str
        What it is, and why it is no volume.
    table : str
        Lines for the case that there are no strips.
    """
    longest = max((len(line) for line in table.splitlines()), default=0)
    sheet = Sheet(max(WIDTH, min(2400, longest * 8 + 2 * MARGIN)) if not strips else WIDTH)
    sheet.words(title, size=15, color=BRIGHT, after=4, weight="bold")
    sheet.words(reason, color=MARK, after=14)
    for strip in strips:
        sheet.words(strip.caption, after=0)
        sheet.words(strip.window.words, size=9, color=QUIET, after=6)
        _add_tiles(sheet, strip.planes, strip.window, in_mm=strip.in_mm, height=strip.height)
    if not strips:
        sheet.words("none of its images can be drawn", color=QUIET, after=14)

        def paint(canvas: Canvas, top: float) -> None:
            for i, line in enumerate(table.splitlines()):
                canvas.text(MARGIN, top + i * 18, line, size=9, family="DejaVu Sans Mono")

        sheet.add(18 * len(table.splitlines()), paint)
    return sheet.figure()


def draw_rows(rows: Sequence[tuple[str, Sequence[str], VolumeData]], title: str) -> Figure:
    """Several volumes one above the other in the same views, each with a caption and facts."""
    sheet = Sheet(1080)
    sheet.words(title, size=15, color=BRIGHT, after=12, weight="bold")
    for caption, words, volume in rows:
        sheet.words(caption, size=12, color=BRIGHT, after=2)
        for line in words:
            sheet.words(line, color=QUIET)
        sheet.add(10, lambda canvas, top: None)
        _add_planes(sheet, cut_orthogonal_planes(volume), choose_display(volume), in_mm=True, height=300)
    return sheet.figure()


def draw_middle_slice(volume: VolumeData) -> str:
    """The middle stored slice, upright and windowed, as a small PNG in base64."""
    (plane,) = cut_acquired_planes(volume, [volume.frames.shape[0] // 2])
    width, height = plane.size
    scale = 200 / max(width, height)
    width, height = max(1.0, width * scale), max(1.0, height * scale)
    canvas = Canvas(width + 2 * LETTER, height + 2 * LETTER)
    _paint_plane(canvas, plane, choose_display(volume), LETTER, LETTER, width, height, letters=True)
    return base64.b64encode(encode_png(canvas.figure)).decode("ascii")


def describe_volume(volume: VolumeData, window: Window) -> str:
    """Size, spacing, values and window in a line."""
    nz, ny, nx = volume.frames.shape[:3]
    spacing = " × ".join(f"{s:.4g}" for s in volume.spacing) + " mm"
    return f"{nx} × {ny} × {nz} voxels of {spacing if has_scale(volume) else 'unknown size'}   {window.words}"


def list_notes(volume: VolumeData) -> list[str]:
    """Say what a viewer must know before trusting the sides and sizes."""
    geometry = volume.geometry
    found = []
    if geometry.direction is None:
        found.append("no orientation in the files: shown as stored, which side is which is not known")
    if not has_scale(volume):
        found.append("no pixel spacing in the files: there is no mm scale")
    if not geometry.regular:
        found.append("the slices do not lie on a regular grid: only the stored slices are shown")
    return found


# ---------------------------------------------------------------------------------------------------- blocks
def _add_planes(
    sheet: Sheet,
    planes: Sequence[Plane],
    window: Window,
    *,
    in_mm: bool,
    height: float = _PLANES_HEIGHT,
    beside: tuple[str, Grey] | None = None,
    overlay: Overlay | None = None,
) -> None:
    """A row of planes at one scale, each with its name and letters, and a scale bar below."""
    sizes = [plane.size for plane in planes]
    room = sheet.width - 2 * MARGIN - len(planes) * 2 * LETTER - len(planes) * _GAP
    aspect = 0.0 if beside is None else beside[1].shape[1] / beside[1].shape[0]
    scale = _fit_scale(sizes, room, height, aspect)
    tallest = max(h for _, h in sizes) * scale

    def paint(canvas: Canvas, top: float) -> None:
        cells = [max(w * scale, _CELL) + 2 * LETTER for w, _ in sizes]
        x = float(MARGIN)
        for plane, (w, h), cell in zip(planes, sizes, cells, strict=True):
            canvas.text(x + cell / 2, top, plane.name, color=BRIGHT, ha="center")
            left, y = x + (cell - w * scale) / 2, top + 18 + LETTER
            _paint_plane(canvas, plane, window, left, y, w * scale, h * scale, overlay, letters=True)
            x += cell + _GAP
        if beside is not None:
            name, pixels = beside
            canvas.text(x + tallest * aspect / 2, top, name, color=BRIGHT, ha="center")
            canvas.image(pixels, x, top + 18 + LETTER, tallest * aspect, tallest)
        if in_mm:
            canvas.bar(MARGIN, top + 18 + 2 * LETTER + tallest + 6, scale, 160)

    sheet.add(18 + 2 * LETTER + tallest + 34, paint)


def _add_keys(sheet: Sheet, keys: Sequence[Key]) -> None:
    """Add what the colours of the planes above mean."""
    if not keys:
        return
    width = sheet.width - 2 * MARGIN
    lines = measure_lines(keys, width)
    sheet.add(lines * LINE + 14, lambda canvas, top: paint_legend(canvas.axes, keys, MARGIN, top, width, TEXT))


def _add_tiles(
    sheet: Sheet,
    planes: Sequence[Plane],
    window: Window,
    *,
    in_mm: bool,
    height: float = _TILE_HEIGHT,
    overlay: Overlay | None = None,
) -> None:
    """A montage of planes at one scale, the first one with letters, and a scale bar below."""
    columns = min(TILES_A_ROW, len(planes))
    box_width = (sheet.width - 2 * MARGIN - (columns - 1) * _GAP) / columns
    wide, high = (max(sizes) for sizes in zip(*(plane.size for plane in planes), strict=True))
    scale = min(box_width / wide, height / high)
    step_x, step_y = wide * scale + _GAP, high * scale + _GAP
    rows = math.ceil(len(planes) / columns)

    def paint(canvas: Canvas, top: float) -> None:
        for i, plane in enumerate(planes):
            w, h = plane.size[0] * scale, plane.size[1] * scale
            x, y = MARGIN + i % columns * step_x, top + i // columns * step_y
            _paint_plane(canvas, plane, window, x, y, w, h, overlay, letters=False)
            if plane.number is not None:
                canvas.text(x + 4, y + 3, str(plane.number), size=8, color=MARK, over=True)
            if i == 0 and plane.letters is not None:
                _place_letters(canvas, plane, x, y, w, h)
        if in_mm:
            canvas.bar(MARGIN, top + rows * step_y + 8, scale, 120)

    sheet.add(rows * step_y + (34 if in_mm else 14), paint)


def _paint_plane(
    canvas: Canvas,
    plane: Plane,
    window: Window,
    x: float,
    y: float,
    width: float,
    height: float,
    overlay: Overlay | None = None,
    *,
    letters: bool,
) -> None:
    """One plane in a box, with what is drawn over it and the letters of its sides around it."""
    canvas.image(window.grey(_thin_pixels(plane.pixels)), x, y, width, height)
    if overlay is not None:
        overlay.paint(canvas.axes, plane, (x, x + width, y + height, y))
    if letters and plane.letters is not None:
        paint_letters(canvas, plane.letters, x, y, width, height)


def paint_letters(canvas: Canvas, letters: Letters, x: float, y: float, width: float, height: float) -> None:
    """The sides of the patient around a box."""
    for letter, at_x, at_y in zip(
        letters,
        (x - LETTER / 2, x + width + LETTER / 2, x + width / 2, x + width / 2),
        (y + height / 2, y + height / 2, y - LETTER / 2, y + height + LETTER / 2),
        strict=True,
    ):
        canvas.text(at_x, at_y, letter, size=11, color=MARK, ha="center", va="center")


def _place_letters(canvas: Canvas, plane: Plane, x: float, y: float, width: float, height: float) -> None:
    if plane.letters is None or min(width, height) < 60:
        return
    left, right, top, bottom = plane.letters
    canvas.text(x + 4, y + height / 2, left, size=9, color=MARK, over=True, va="center")
    canvas.text(x + width - 4, y + height / 2, right, size=9, color=MARK, over=True, ha="right", va="center")
    canvas.text(x + width / 2, y + 3, top, size=9, color=MARK, over=True, ha="center")
    canvas.text(x + width / 2, y + height - 3, bottom, size=9, color=MARK, over=True, ha="center", va="bottom")


def _fit_scale(sizes: Sequence[tuple[float, float]], room: float, height: float, aspect: float) -> float:
    """Pixels a mm so that planes, none narrower than its name, fit side by side with a picture as tall as they are."""
    tallest = max(h for _, h in sizes)
    scale = height / tallest

    def width(scale: float) -> float:
        return sum(max(w * scale, _CELL) for w, _ in sizes) + aspect * tallest * scale

    while width(scale) > room and width(scale * 0.99) < width(scale):
        scale *= 0.99
    return scale


def _thin_pixels(pixels: Pixels) -> Pixels:
    """Every n-th row and column of what has more pixels than a picture shows."""
    rows, columns = (max(1, n // _DISPLAYED) for n in pixels.shape[:2])
    return pixels[::rows, ::columns]
