"""The types of arrays, for annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[Any]  # of a volume or a frame, whatever its dtype
    Floats = NDArray[np.float64]  # positions, directions, matrices
