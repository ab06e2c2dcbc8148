"""Pictures of words, images and scale bars, laid out in pixels (matplotlib, Agg).

Nothing here touches pyplot: figures are plain objects, and matplotlib is imported on first use.
"""

from __future__ import annotations

import io
import math
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from typing import Any

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .windows import Grey

    Painter = Callable[["Canvas", float], None]

_DPI = 100
WIDTH = 1400  # of a picture, in pixels, as are all lengths
MARGIN = 28

BACKGROUND, BRIGHT, TEXT, QUIET, MARK = "#14161a", "#ffffff", "#d5d9e0", "#8b93a1", "#ffb454"


class Canvas:
    """An empty picture with coordinates in pixels from the top left."""

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=BACKGROUND)
        FigureCanvasAgg(self.figure)
        self.axes: Axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set_autoscale_on(False)
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(height, 0)

    def text(
        self, x: float, y: float, words: str, *, size: float = 10, color: str = TEXT, over: bool = False, **options: Any
    ) -> None:
        """Words whose top left is at (x, y), unless `options` align them otherwise; outlined where `over` an image."""
        options = {"ha": "left", "va": "top", **options}
        if over:
            from matplotlib.patheffects import withStroke

            options["path_effects"] = [withStroke(linewidth=2.5, foreground="black")]
        # A $ in a description is no formula, and a sign that the font lacks is no reason for a warning.
        self.axes.text(x, y, replace_unprintable(words), fontsize=size, color=color, parse_math=False, **options)

    def image(self, pixels: Grey, x: float, y: float, width: float, height: float) -> None:
        """Brightness or RGB as uint8, stretched over a box."""
        enlarged = min(width / pixels.shape[1], height / pixels.shape[0]) > 1
        self.axes.imshow(
            pixels,
            cmap="gray",
            vmin=0,
            vmax=255,
            aspect="auto",
            extent=(x, x + width, y + height, y),
            interpolation="bicubic" if enlarged else "auto",
            origin="upper",
        )

    def bar(self, x: float, y: float, pixels_a_mm: float, room: float) -> None:
        """A scale bar of a round number of mm that fits the room."""
        millimetres = round_length(room / pixels_a_mm)
        end = x + millimetres * pixels_a_mm
        self.axes.plot([x, x, x, end, end, end], [y - 4, y + 4, y, y, y - 4, y + 4], color=TEXT, lw=1.2)
        self.text(end + 8, y, f"{millimetres:g} mm", size=9, va="center")


class Sheet:
    """Blocks from top to bottom, drawn once the height of all is known."""

    def __init__(self, width: float = WIDTH) -> None:
        self.width = width
        self._blocks: list[tuple[float, Painter]] = []

    def add(self, height: float, painter: Painter) -> None:
        """Append a block; `painter` gets the canvas and the block's top."""
        # Whole pixels: an image between them would be blurred.
        self._blocks.append((math.ceil(height), painter))

    def words(self, words: str, *, size: float = 10, color: str = TEXT, after: float = 0, **options: Any) -> None:
        """Append lines of words, wrapped to the width."""
        characters = max(20, int((self.width - 2 * MARGIN) / (size * 0.84)))
        lines = [part for line in words.splitlines() for part in textwrap.wrap(line, characters) or [""]]
        leading = size * _DPI / 72 * 1.35

        def paint(canvas: Canvas, top: float) -> None:
            for i, line in enumerate(lines):
                canvas.text(MARGIN, top + i * leading, line, size=size, color=color, **options)

        self.add(len(lines) * leading + after, paint)

    def figure(self) -> Figure:
        """The finished picture."""
        canvas = Canvas(self.width, sum(height for height, _ in self._blocks) + 2 * MARGIN)
        top = float(MARGIN)
        for height, painter in self._blocks:
            painter(canvas, top)
            top += height
        return canvas.figure


def encode_png(figure: Figure) -> bytes:
    """A figure as PNG bytes that name no person, program or time."""
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as PNG."""
    data = encode_png(figure)
    with open(path, "wb") as file:
        file.write(data)


def round_length(longest: float) -> float:
    """The longest of 1, 2, 5, 10, 20, 50, … that is not longer than `longest`."""
    power = 10.0 ** math.floor(math.log10(longest))
    return max(n * power for n in (1, 2, 5) if n * power <= longest)


def replace_unprintable(words: str) -> str:
    """Words with a box for every sign that the font of the pictures lacks."""
    from matplotlib.font_manager import findfont, get_font

    known = get_font(findfont("DejaVu Sans")).get_charmap()
    return "".join(c if ord(c) in known else "□" for c in words)
