"""Readers that go wrong, for the tests of the benchmarks: the processes that run them import this module."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks import peers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.data import Data


def read_backwards(data: Data) -> list[NDArray[np.int16]]:
    """The slices in the wrong order."""
    return [volume[::-1] for volume in peers.DEFAULT.run(data)]


def crash(_: Data) -> None:
    """The end of the process."""
    os._exit(3)


def fail(_: Data) -> None:
    """An exception of two lines."""
    raise ValueError("no such luck\nat all")
