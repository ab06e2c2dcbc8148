"""Legends: names in their colours, and bars of colour from one value to another, side by side in lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .canvas import replace_unprintable
from .windows import find_colormap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from .overlays import Key

LINE = 26  # of a legend, in pixels, as are all lengths
_LETTER = 7.2  # width of a letter at most, on the average
_BAR, _MARK, _GAP = 180, 12, 22
_LONGEST = 48  # letters of a name


def measure_lines(keys: Sequence[Key], width: float) -> int:
    """Count the lines that the legend takes."""
    return len(_break_lines(keys, width))


def paint_legend(axes: Axes, keys: Sequence[Key], x: float, y: float, width: float, color: str) -> None:
    """Draw a legend on axes in pixels whose y runs down, from its top left corner, in words of a colour."""
    for row, line in enumerate(_break_lines(keys, width)):
        middle = y + (row + 0.5) * LINE
        for left, key in line:
            _paint_key(axes, key, x + left, middle, color)


def _break_lines(keys: Sequence[Key], width: float) -> list[list[tuple[float, Key]]]:
    """The lines of a legend, each as its parts and where they begin."""
    lines: list[list[tuple[float, Key]]] = []
    at = width + 1
    for key in keys:
        size = _measure_key(key)
        if at + size > width:
            lines.append([])
            at = 0.0
        lines[-1].append((at, key))
        at += size + _GAP
    return lines


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _measure_key(key: Key) -> float:
    words = len(_shorten(key.name)) * _LETTER
    if not key.colormap:
        return _MARK + 6 + words
    return _BAR + sum(len(f"{value:.4g}") * _LETTER + 12 for value in (key.low, key.high)) + words


def _paint_key(axes: Axes, key: Key, x: float, middle: float, color: str) -> None:
    from matplotlib.patches import Rectangle

    def write(at: float, words: str) -> None:
        words = replace_unprintable(words)
        axes.text(at, middle, words, fontsize=9, color=color, ha="left", va="center", parse_math=False)

    name = _shorten(key.name)
    if not key.colormap:
        mark = Rectangle((x, middle - _MARK / 2), _MARK, _MARK, facecolor=key.colour, edgecolor="none")
        axes.add_patch(mark)
        write(x + _MARK + 6, name)
        return
    low, high = f"{key.low:.4g}", f"{key.high:.4g}"
    write(x, low)
    x += len(low) * _LETTER + 6
    colours = find_colormap(key.colormap)(np.linspace(0, 1, 256))[None]
    axes.imshow(colours, extent=(x, x + _BAR, middle + 6, middle - 6), aspect="auto", interpolation="nearest")
    write(x + _BAR + 6, f"{high}  {name}")
