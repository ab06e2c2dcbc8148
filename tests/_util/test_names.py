"""Natural order of names: that of natsort, by whatever way."""

from __future__ import annotations

import random
from operator import itemgetter

import pytest
from natsort import natsorted

from vtkdicomload._util.names import sort_naturally

_FORMS = ("IM{0}", "IM{0:04}.dcm", "{0}", "{0}_{1}.dcm", "a{0}-1.{1}", "Schicht ä{0}", "a²{0}", "٣{0}", "{2}{0}")


@pytest.mark.parametrize("form", [*_FORMS, "all"])
def test_names_come_in_the_order_of_natsort(form: str) -> None:
    chance = random.Random(form)
    forms = _FORMS if form == "all" else (form,)
    names = [
        chance.choice(forms).format(chance.randrange(300), chance.randrange(20), chance.choice("aBc"))
        for _ in range(200)
    ]
    assert sort_naturally(names, str) == natsorted(names)


def test_names_of_very_many_digits_come_in_the_order_of_natsort() -> None:
    names = [f"{'7' * n}{k}" for n in (900, 2000) for k in (3, 1, 2)]
    assert sort_naturally(names, str) == natsorted(names)


def test_numbers_that_are_written_in_two_ways_keep_their_order() -> None:
    assert sort_naturally(["IM2", "IM01", "IM1"], str) == ["IM01", "IM1", "IM2"]


def test_items_are_sorted_by_the_names_that_they_are_asked_for() -> None:
    items = [("x", "IM10"), ("y", "IM9")]
    assert sort_naturally(items, itemgetter(1)) == items[::-1]
