"""Memory of volumes that nobody refers to any more, filled again: its pages need not be cleared by the system."""

from __future__ import annotations

import ctypes
import threading
import weakref
from math import prod
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from .._util.arrays import Pixels


class Buffers:
    """Gives arrays; takes their memory back once no array, view, image or tensor over it is left.

    Parameters
    ----------
    most : int
        How many buffers are kept for the next volumes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._free: list[Pixels] = []  # of bytes, the smallest first
        self._lock = threading.Lock()
        # A collection of garbage may give one back in the middle of anything, for which this kind of queue is made.
        self._returned: SimpleQueue[Pixels] = SimpleQueue()

    def allocate(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Pixels:
        """An array over the smallest free buffer that is large enough, else over a new one."""
        memory = self._take(prod(shape) * dtype.itemsize)
        # Whatever is made of the array leads to this loan, which ends with the last of it; nothing leads past it.
        loan = (ctypes.c_char * memory.size).from_buffer(memory.data)
        weakref.finalize(loan, self._returned.put, memory).atexit = False
        return np.ndarray(shape, dtype, cast("memoryview", loan))

    def _take(self, size: int) -> Pixels:
        with self._lock:
            while not self._returned.empty():
                self._free.append(self._returned.get())
            self._free.sort(key=len)
            del self._free[: -self._most]
            fitting = next((i for i, memory in enumerate(self._free) if memory.size >= size), None)
            if fitting is not None:
                return self._free.pop(fitting)
            if self._free:
                self._free.pop()  # the largest gives way to the new one
        return np.empty(size, np.uint8)
