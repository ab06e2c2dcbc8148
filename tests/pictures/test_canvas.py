from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.image import imread

from vtkdicomload.pictures import canvas


def test_round_lengths() -> None:
    assert [canvas.round_length(x) for x in (0.3, 1, 7, 19.9, 60, 130)] == [0.2, 1, 5, 10, 50, 100]


@pytest.mark.parametrize(("words", "shown"), [("10 mm → L", "10 mm → L"), ("頭部 x", "□□ x"), ("", "")])
def test_signs_that_the_font_lacks_are_boxes(words: str, shown: str) -> None:
    assert canvas.replace_unprintable(words) == shown


def test_an_image_below_words_keeps_its_pixels() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    sheet = canvas.Sheet(200)
    for size in (15, 9, 10):
        sheet.words("some words", size=size)
    sheet.add(60, lambda drawn, top: drawn.image(pixels, 50, top, 80, 60))
    figure = sheet.figure()
    left, right, bottom, top = (int(edge) for edge in figure.axes[0].images[0].get_extent())
    drawn = (imread(io.BytesIO(canvas.encode_png(figure)))[..., :3] * 255).round().astype(int)
    assert np.abs(drawn[top:bottom, left:right] - pixels).max() <= 1
