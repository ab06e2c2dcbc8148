"""Numbers and nouns in messages."""

from __future__ import annotations


def count_noun(n: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{n} {inflect_noun(n, noun)}"


def inflect_noun(n: int, noun: str) -> str:
    """``file`` for one, else ``files``."""
    return noun if n == 1 else f"{noun}s"


def size_words(*sizes: int) -> str:
    """``40×512×512``."""
    return "×".join(map(str, sizes))
