"""Legends stay within their width and say every name."""

from __future__ import annotations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from vtkdicomload.pictures.legends import LINE, measure_lines, paint_legend
from vtkdicomload.pictures.overlays import Key

KEYS = [
    Key("dose Gy", colormap="turbo", high=66.6),
    *(Key(f"structure {k} " + "x" * (k * 5), (0.5, 0.5, 0.5)) for k in range(14)),
]


@pytest.mark.parametrize("width", [500, 1200])
def test_lines_stay_within_the_width(width: int) -> None:
    lines = measure_lines(KEYS, width)
    figure = Figure((width / 100, lines * LINE / 100), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_autoscale_on(False)
    axes.set_xlim(0, width)
    axes.set_ylim(lines * LINE, 0)
    paint_legend(axes, KEYS, 0, 0, width, "black")
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert max(box.x1 for box in boxes) <= width
    assert min(box.y0 for box in boxes) >= 0
    for k, a in enumerate(boxes):
        assert not any(a.overlaps(b) for b in boxes[k + 1 :])


def test_no_key_takes_no_line() -> None:
    assert measure_lines([], 100) == 0
