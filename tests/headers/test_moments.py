"""Dates and times: as Python's own `strptime` has them, and what is none."""

from __future__ import annotations

from datetime import datetime

import pytest

from vtkdicomload.headers.moments import UNDATED, parse_datetime, parse_moment, parse_time


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        ("20240229", "235959.5"),
        ("2024.02.29", "23:59:59.500000"),
        (" 20240229 ", "235959.500000 "),
    ],
)
def test_the_spellings_of_one_moment(day: str, clock: str) -> None:
    assert parse_moment(day, clock) == datetime(2024, 2, 29, 23, 59, 59, 500000)


@pytest.mark.parametrize(("clock", "form"), [("07", "%H"), ("0703", "%H%M"), ("070309", "%H%M%S")])
def test_times_may_end_early(clock: str, form: str) -> None:
    assert parse_time(clock) == datetime.strptime(clock, form).time()


def test_a_leap_second_is_the_last_one() -> None:
    assert parse_moment("20161231", "235960") == datetime(2016, 12, 31, 23, 59, 59)


@pytest.mark.parametrize(
    ("day", "clock"),
    [("20230229", "10"), ("2024", "10"), ("20240101", "24"), ("20240101", ""), ("x", "10"), ("", None)],
)
def test_what_is_no_moment(day: str, clock: str | None) -> None:
    assert parse_moment(day, clock) is None


def test_a_time_without_a_date() -> None:
    moment = parse_moment(None, "1030")
    assert moment is not None
    assert (moment.date(), moment.hour) == (UNDATED, 10)


@pytest.mark.parametrize(
    ("text", "offset", "hour"),
    [
        ("20240301100000", None, 10),
        ("20240301100000+0200", None, 10),
        ("20240301100000+0200", "+0200", 10),
        ("20240301100000+0200", "-0100", 7),
        ("20240301100000-0500", "+0000", 15),
        ("20240301", None, None),
        ("", None, None),
    ],
)
def test_offsets_from_utc(text: str, offset: str | None, hour: int | None) -> None:
    moment = parse_datetime(text, offset)
    assert (None if moment is None else moment.hour) == hour
