"""Numbers and nouns in messages."""

from __future__ import annotations

import pytest

from vtkdicomload._util.wording import count_noun, inflect_noun, size_words


@pytest.mark.parametrize(("n", "words"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (21, "21 files")])
def test_only_one_is_no_plural(n: int, words: str) -> None:
    assert count_noun(n, "file") == f"{n} {inflect_noun(n, 'file')}" == words


def test_sizes_are_joined_by_a_cross() -> None:
    assert size_words(40, 512, 256) == "40×512×256"
