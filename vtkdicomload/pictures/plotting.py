"""`Volume.plot`: the planes of a volume as a matplotlib figure with mm axes, for notebooks.

Imported by the call, since matplotlib is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, MaxNLocator

from .._util.wording import describe_argument
from ..loading.facts import has_scale
from ..stacks.geometry import name_side
from .canvas import MARK, encode_png, replace_unprintable
from .legends import LINE, measure_lines, paint_legend
from .overlays import list_keys
from .planes import cut_orthogonal_planes, turn_toward_lps
from .sheets import describe_volume, list_notes
from .windows import choose_display

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from matplotlib.axes import Axes

    from .._util.arrays import Floats
    from ..loading.volume_data import VolumeData
    from .overlays import Key, Overlay
    from .planes import Letters, Plane
    from .windows import Wanted, Window

_ALIGNED = 1 - 1e-6  # a cosine: within 0.08° the position along an axis is the patient's coordinate, to 0.2 mm
# Room in inches: left of each picture for its ticks, below for those and the label, above for its name.
_LEFT, _BELOW, _ABOVE, _EDGE = 0.75, 0.6, 0.35, 0.15
_DPI = 100
_LINE = 0.24  # a line of words
_NARROWEST = 1.7  # a picture's cell, for its name
_TALLEST = 6.5  # picture
_LETTERED = 0.5  # the least side with letters at its ends
_LABELLED = 0.8  # inches of height that a label on the left needs
_AXES = {"L": "x", "R": "x", "P": "y", "A": "y", "H": "z", "F": "z"}


class VolumeFigure(Figure):
    """A figure that notebooks show though pyplot does not know it."""

    def _repr_png_(self) -> bytes:
        return encode_png(self)


def plot(
    volume: VolumeData,
    window: Wanted,
    *,
    at: Sequence[float] | None,
    title: str | None,
    width: float,
    colormap: str | None,
    overlay: Overlay | None,
) -> Figure:
    """The planes of a volume through a point, as a figure (`Volume.plot`)."""
    if not width > 0:
        raise ValueError(f"width must be above 0 inches, not {describe_argument(width)}")
    chosen = choose_display(volume, window, colormap)
    planes = cut_orthogonal_planes(volume, at)
    words = [describe_volume(volume, chosen), *list_notes(volume)]
    scale = _choose_scale(planes, width)
    cells = [_LEFT + max(plane.size[0] * scale, _NARROWEST) for plane in planes]
    tallest = max(plane.size[1] for plane in planes) * scale
    top = _EDGE + _LINE * (len(words) + 1)
    width = max(width, sum(cells) + _EDGE)
    keys = list_keys(volume, chosen, overlay)
    legend = measure_lines(keys, (width - 2 * _EDGE) * _DPI) * LINE / _DPI
    height = top + _ABOVE + tallest + _BELOW + legend
    figure = VolumeFigure(figsize=(width, height), dpi=_DPI)
    FigureCanvasAgg(figure)
    for i, line in enumerate([title or volume.series.title, *words]):
        style: dict[str, Any] = {"fontsize": 9, "color": "dimgray"} if i else {"fontsize": 12, "weight": "bold"}
        figure.text(
            _EDGE / width,
            1 - (_EDGE / 2 + i * _LINE) / height,
            replace_unprintable(line),
            va="top",
            parse_math=False,
            **style,
        )
    left = 0.0
    for plane, cell in zip(planes, cells, strict=True):
        w, h = (side * scale for side in plane.size)
        box = (left + _LEFT + (cell - _LEFT - w) / 2, height - top - _ABOVE - h, w, h)
        axes = figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
        _draw(axes, plane, chosen, (w, h), overlay, in_mm=has_scale(volume))
        if at is not None:
            _mark(axes, plane, at)
        left += cell
    if keys:
        _draw_legend(figure, keys, width, height, legend)
    return figure


def _draw_legend(figure: Figure, keys: Sequence[Key], width: float, height: float, lines: float) -> None:
    """A legend at the foot of a figure whose sizes are in inches."""
    room = width - 2 * _EDGE
    axes = figure.add_axes((_EDGE / width, 0, room / width, lines / height))
    axes.set_axis_off()
    axes.set_autoscale_on(False)
    axes.set_xlim(0, room * _DPI)
    axes.set_ylim(lines * _DPI, 0)
    paint_legend(axes, keys, 0, 0, room * _DPI, "black")


def _choose_scale(planes: Sequence[Plane], width: float) -> float:
    """One scale for all planes, with which they and their names fill the width."""
    wide, tall = [plane.size[0] for plane in planes], max(plane.size[1] for plane in planes)
    room = max(width - len(planes) * _LEFT - _EDGE, 1.0)
    scale = min(room / sum(wide), _TALLEST / tall)
    while max(wide) * scale > _NARROWEST and sum(max(w * scale, _NARROWEST) for w in wide) > room:
        scale *= 0.99
    return scale


def _draw(
    axes: Axes, plane: Plane, window: Window, size: tuple[float, float], overlay: Overlay | None, *, in_mm: bool
) -> None:
    pixels = window.grey(plane.pixels)
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=plane.extent, aspect="auto", origin="upper")
    axes.set_autoscale_on(False)  # what is drawn over may cover a part of it
    if overlay is not None:
        overlay.paint(axes, plane, plane.extent)
    axes.set_title(_write_title(plane), fontsize=10)
    axes.tick_params(labelsize=8)
    left, right, bottom, top = plane.extent
    for axis, room, middle in (
        (axes.xaxis, size[0] / 0.5, (left + right) / 2),
        (axes.yaxis, size[1] / 0.3, (bottom + top) / 2),
    ):
        axis.set_major_locator(MaxNLocator(min(9, int(room))) if room >= 2 else FixedLocator([round(middle, 1)]))
    if plane.direction is None:
        words = ("mm", "mm") if in_mm else ("columns", "rows")
    else:
        words = _label_axis(plane.direction[:, 0], in_mm=in_mm), _label_axis(plane.direction[:, 1], in_mm=in_mm)
    axes.set_xlabel(words[0], fontsize=8)
    if size[1] >= _LABELLED:  # beside a thin plane it would reach into the names above
        axes.set_ylabel(words[1], fontsize=8, labelpad=1)
    if plane.letters is not None:
        _letter(axes, plane.letters, size)


def _letter(axes: Axes, letters: Letters, size: tuple[float, float]) -> None:
    """The sides of the patient at the edges of a picture, as far as it has room for them."""
    sides = ((0.015, 0.5, "left", "center"), (0.985, 0.5, "right", "center"))
    places = (*sides, (0.5, 0.985, "center", "top"), (0.5, 0.015, "center", "bottom"))
    rooms = (size[0], size[0], size[1], size[1])
    for letter, (x, y, ha, va), room in zip(letters, places, rooms, strict=True):
        if room >= _LETTERED:
            outline = [withStroke(linewidth=2.5, foreground="black")]
            options: dict[str, Any] = {"ha": ha, "va": va, "fontsize": 11, "color": MARK, "path_effects": outline}
            axes.text(x, y, letter, transform=axes.transAxes, **options)


def _write_title(plane: Plane) -> str:
    if plane.mm is None or plane.direction is None:
        return plane.name
    frame = "" if plane.number is None else f", frames[{plane.number}]"
    along, mm = turn_toward_lps(plane.direction[:, 2]), f"{round(plane.mm, 3) + 0:.4g} mm"
    where = f"{_AXES[name_side(along)]} = {mm}" if _is_patient_axis(along) else f"{mm} toward {name_side(along)}"
    return f"{plane.name}, {where}{frame}"


def _label_axis(direction: Floats, *, in_mm: bool) -> str:
    """Name what the ticks of a side count: a coordinate, or of an oblique volume mm along its own axis."""
    along = turn_toward_lps(direction)
    if _is_patient_axis(along):
        return f"{_AXES[name_side(along)]} ({'LPS mm' if in_mm else 'no mm scale'})"
    return f"{'mm' if in_mm else 'no mm scale,'} toward {name_side(along)}"


def _is_patient_axis(direction: Floats) -> bool:
    return bool(np.abs(direction).max() > _ALIGNED)


def _mark(axes: Axes, plane: Plane, at: Sequence[float]) -> None:
    """Thin lines to the point that was asked for, open in the middle."""
    assert plane.direction is not None  # noqa: S101 - for the type checker: a point needs an orientation
    x, y = (float(turn_toward_lps(plane.direction[:, axis]) @ np.asarray(at, np.float64)) for axis in (0, 1))
    left, right, bottom, top = plane.extent
    gap = 0.06 * min(abs(right - left), abs(bottom - top))
    for a, b in ((left, x - gap), (x + gap, right)):
        axes.plot([a, b], [y, y], color=MARK, lw=0.6, alpha=0.8)
    for a, b in ((min(bottom, top), y - gap), (y + gap, max(bottom, top))):
        axes.plot([x, x], [a, b], color=MARK, lw=0.6, alpha=0.8)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
