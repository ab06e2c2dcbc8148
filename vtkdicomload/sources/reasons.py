"""The reasons for which a file is passed over."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from .._util.public import public


@public
class Reason(Enum):
    """A reason for which a file is passed over; its text is what tables and messages say."""

    HIDDEN = "hidden"
    FOLDER = "a folder"
    NOT_REGULAR = "not a regular file"
    UNFOLLOWED = "cannot be followed"
    LINK_TO_NOTHING = "a link to nothing"
    IGNORED = "ignored"
    EMPTY = "empty"
    ONLY_ZEROS = "only zeros"
    CUT_PREAMBLE = "cut short behind its preamble"
    NOT_DICOM = "not DICOM"
    MAYBE_DAMAGED = "not DICOM, or damaged"  # it begins like a data set without preamble and VRs
    GZIP = "gzip archive"
    GZIPPED_DICOM = "gzip-compressed DICOM"
    ARCHIVE = "archive"
    MISSING = "listed in the DICOMDIR, but not there"
    NO_PIXELS = "DICOM without pixel data"
    MAYBE_STRIPPED = "DICOM of a private class, without pixel data"  # it has rows and columns, as an image has

    def __str__(self) -> str:
        return self.value


@public
class Skipped(NamedTuple):
    """A file that was passed over.

    Attributes
    ----------
    path : str
        The file.
    reason : Reason
        Why.
    detail : str
        What the system says of it; mostly empty.
    """

    path: str
    reason: Reason
    detail: str = ""

    @property
    def words(self) -> str:
        """The reason with its detail."""
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)
