"""The memory that the pixels of a volume go to: fresh memory, or the caller's (``out=``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._util.wording import describe_argument, size_words
from ..readers.requested_dtype import DTYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._util.arrays import Pixels
    from .plan import Plan

    # Gives the buffer of a volume, from its shape (slices, rows, columns[, 3]) and dtype.
    Allocate = Callable[[tuple[int, ...], np.dtype[Any]], Pixels]


class Given:
    """Memory of the caller's, in the place of fresh memory: an `Allocate` that has one array to give.

    Parameters
    ----------
    array : numpy.ndarray
        As ``out=`` gives it: C-contiguous and writable, of a dtype that volumes have.

    Raises
    ------
    TypeError, ValueError
        It is no such array.
    """

    def __init__(self, array: Any) -> None:
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"out must be a numpy array, not {describe_argument(array)}; np.ndarray(shape, dtype, buffer) "
                "makes one of any memory"
            )
        if not array.flags.c_contiguous:
            raise ValueError("out must be C-contiguous, (slices, rows, columns[, 3])")
        if not array.flags.writeable:
            raise ValueError("out cannot be written to")
        if array.dtype not in DTYPES:
            raise ValueError(f"out must be of one of {', '.join(d.name for d in DTYPES)}, not {array.dtype}")
        self.array: Pixels = np.asarray(array)

    def __call__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
        """The array, which `check` has found right."""
        return self.array

    def check(self, plan: Plan) -> None:
        """Refuse another shape or dtype than the volume of a plan has: ValueError."""
        if self.array.shape != plan.shape:
            given = size_words(*self.array.shape)
            raise ValueError(f"out has the shape {given}, the volume is {size_words(*plan.shape)}")
        if self.array.dtype != plan.conversion.dtype:
            raise ValueError(
                f"out is {self.array.dtype}, the values are {plan.conversion.dtype} → out= of that dtype, or "
                f'dtype="{self.array.dtype}"'
            )
