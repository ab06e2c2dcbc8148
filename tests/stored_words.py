"""Types of stored words, and modality transforms that lead to every edge of the dtype rule."""

from __future__ import annotations

import numpy as np

TRANSFORMS = [
    (1, 0),
    (1, -1024),
    (1, -1),
    (1, 1),
    (1, 100),
    (2, -4096),
    (-1, 0),
    (-1, 4095),
    (1, -32768),
    (1, 32767),
    (1, 65535),
    (65536, 0),
    (1, -2147483648),
    (3, 2147483647),
    (0.5, 0),
    (1, 0.5),
    (-0.1206, 3),
    (21.276, -1e-3),
]


def word_type(allocated: int, signed: int) -> np.dtype:
    """The dtype of words with the given BitsAllocated and PixelRepresentation."""
    return np.dtype(f"{'i' if signed else 'u'}{allocated // 8}")
