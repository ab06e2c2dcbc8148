"""Numbers and nouns in messages."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


_FEW = 16  # numbers that are told one by one


def count_noun(n: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{n} {inflect_noun(n, noun)}"


def inflect_noun(n: int, noun: str) -> str:
    """``file`` for one, else ``files``."""
    return noun if n == 1 else f"{noun}s"


def size_words(*sizes: float) -> str:
    """``40×512×512``."""
    return "×".join(map(str, sizes))


def point_words(point: Sequence[float]) -> str:
    """``(-10, 20.5, 30) mm``."""
    return "({:g}, {:g}, {:g}) mm".format(*point)


def name_files_of(paths: Sequence[str], most: int = 3) -> str:
    """``a.dcm, b.dcm and 7 more``: the names of a few files."""
    names = list(dict.fromkeys(map(os.path.basename, paths)))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def describe_argument(value: object) -> str:
    """Describe what a caller passed by its type and size: it may be a patient's data, so it is never echoed.

    Numbers, a few of them, truth values and None are told as they are.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    if (
        isinstance(value, (list, tuple))
        and len(value) <= _FEW
        and all(isinstance(n, (bool, int, float)) for n in value)
    ):
        return repr(value)
    kind = f"{'an' if type(value).__name__[0] in 'aeiouAEIOU' else 'a'} {type(value).__name__}"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"{kind} of {size_words(*shape) or 'one'} values" if all(isinstance(n, int) for n in shape) else kind
    if isinstance(value, str):
        return f"{kind} of {count_noun(len(value), 'character')}"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{kind} of {count_noun(len(value), 'byte')}"
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        return f"{kind} of {count_noun(len(value), 'item')}"
    return kind
