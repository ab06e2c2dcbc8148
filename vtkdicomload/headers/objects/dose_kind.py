"""The kind of dose that a dose grid holds (PS3.3 C.8.8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...errors import make_unreadable_error
from ..data_set import UnusableAttribute, open_data_set

if TYPE_CHECKING:
    from ...sources.file import File


class DoseKind(NamedTuple):
    """The kind of dose that a file holds."""

    type: str | None  # DoseType: PHYSICAL, EFFECTIVE, or ERROR, a difference of doses
    summation: str | None  # DoseSummationType: PLAN, FRACTION, BEAM …


def read_dose_kind(file: File) -> DoseKind:
    """Read what kind of dose a file holds; a CorruptFileError where it cannot be read."""
    try:
        with open_data_set(file) as attributes:
            return DoseKind(attributes.text("DoseType"), attributes.text("DoseSummationType"))
    except UnusableAttribute as error:
        raise make_unreadable_error(file.name, f"the kind of dose cannot be read: {error}") from error
