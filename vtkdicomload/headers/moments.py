"""Times of day, and moments made of them and dates (TM and DT of PS3.5 6.2), as Python's own."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from .dates import parse_date

_TIME = re.compile(r"(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.(\d{1,6}))?)?)?\Z")
_ZONE = re.compile(r"([+-])(\d\d)(\d\d)\Z")

UNDATED = date(1900, 1, 1)  # of a time of day whose date was removed


def parse_moment(day: str | None, clock: str | None) -> datetime | None:
    """A date and a time of day as one, of `UNDATED` where no date is given; None where one of them is none."""
    at, written = parse_time(clock), (day or "").strip()
    if at is None:
        return None
    if not written:
        return datetime.combine(UNDATED, at)
    known = parse_date(written)
    return None if known is None else datetime.combine(known, at)


def parse_time(text: str | None) -> time | None:
    """A time of day; None where the text is none."""
    parts = _TIME.match((text or "").strip())
    if parts is None:
        return None
    hour, minute, second = (int(part or 0) for part in parts.groups()[:3])
    try:
        # A leap second is one that Python does not know.
        return time(hour, minute, min(second, 59), int((parts[4] or "0").ljust(6, "0")))
    except ValueError:
        return None


def parse_datetime(text: str | None, offset: str | None = None) -> datetime | None:
    """A date and time in one value; None where the text is none, or a date alone.

    Parameters
    ----------
    text : str or None
        DT, with an offset from UTC or without.
    offset : str or None
        TimezoneOffsetFromUTC of the file: the result is the time there. Without it the offset of `text` is the file's.
    """
    words = (text or "").strip()
    zone = _ZONE.search(words)
    if zone is not None:
        words = words[: zone.start()].strip()
    moment = parse_moment(words[:8], words[8:])
    if moment is None or zone is None:
        return moment
    own, others = _parse_zone(zone[0]), _parse_zone(offset)
    return moment if own is None or others is None else moment - own + others


def _parse_zone(text: str | None) -> timedelta | None:
    parts = _ZONE.match((text or "").strip())
    if parts is None:
        return None
    size = timedelta(hours=int(parts[2]), minutes=int(parts[3]))
    return -size if parts[1] == "-" else size
