"""Dates as DICOM writes them."""

from __future__ import annotations

import re
from datetime import date

_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})\Z")


def parse_date(text: str | None) -> date | None:
    """A date (DA, PS3.5 6.2: ``20240131``, and ``2024.01.31`` of ACR-NEMA); None where the text is none."""
    found = _DATE.match(text or "")
    if found is None:
        return None
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        return None
