"""Orientations to draw, and what was drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

C, S = np.cos(np.radians(12)), np.sin(np.radians(12))
ACQUISITIONS: dict[str, tuple[float, ...]] = {
    "axial": (1, 0, 0, 0, 1, 0),
    "axial from below": (-1, 0, 0, 0, 1, 0),
    "axial, turned about": (-1, 0, 0, 0, -1, 0),
    "coronal": (1, 0, 0, 0, 0, -1),
    "coronal, feet up": (1, 0, 0, 0, 0, 1),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "sagittal from the right": (0, -1, 0, 0, 0, -1),
    "oblique": (C, S, 0, -S * C, C * C, S),
}


def rendered(figure: Any) -> NDArray[np.uint8]:
    figure.canvas.draw()
    pixels: NDArray[np.uint8] = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    return pixels
