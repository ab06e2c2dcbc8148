"""The frames of one series or stack and what it is called: plain data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .._util.public import public
from .._util.wording import size_words
from ..headers.dates import parse_date
from ..headers.orientation import name_plane
from ..headers.remnant import NOTHING_READ, Remnant
from ..headers.transfer_syntaxes import name_syntax
from ..sources.folders import find_common_folder
from .consistency import list_paths

if TYPE_CHECKING:
    from datetime import date, datetime

    from ..errors import CorruptFileError
    from ..headers.model import Frame, Header, Triple
    from .assumptions import Assumption


UNKNOWN_YET = "unknown until fetched"  # what a server's metadata does not say


@dataclass(frozen=True, slots=True)
class Rank:
    """The place of a value among those of frames at one position, where the values themselves tell nothing.

    Attributes
    ----------
    number : int
        1 for the smallest.
    count : int
        How many there are.
    """

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number} of {self.count}"


class Label(NamedTuple):
    """One attribute that tells a stack apart from the others of its series.

    Attributes
    ----------
    attribute : str
        The keyword of PS3.6, or words such as ``plane``.
    value : str, int, float, tuple, Rank or None
        What all frames of the stack have of it; None where it is missing.
    """

    attribute: str
    value: object

    @property
    def words(self) -> str:
        """The value in words."""
        return _write_value(self.value)


def _write_value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return "\\".join(map(_write_value, value))
    return "none" if value is None else str(value)


class Doubts(NamedTuple):
    """Signs of several volumes in frames that their places do not divide.

    Attributes
    ----------
    mixed : tuple of Assumption
        In what slices alternate that are taken for one volume.
    unclear : tuple of str
        Attributes by which the frames may be several volumes, and that do not say which.
    """

    mixed: tuple[Assumption, ...] = ()
    unclear: tuple[str, ...] = ()


@dataclass(slots=True)
class Answers:
    """Answers about the frames of a series, each asked once; a copy of the series is asked again.

    Attributes
    ----------
    doubts : Doubts or None
        Where their places do not divide them; None where nobody has asked.
    uniform : bool or None
        Whether they are uniform (`are_uniform`); None where nobody has asked.
    """

    doubts: Doubts | None = None
    uniform: bool | None = None


@public
@dataclass(frozen=True, slots=True)
class Problem:
    """A file that says it is DICOM and cannot be read whole.

    Attributes
    ----------
    path : str
        The file.
    error : CorruptFileError
        What is wrong with it.
    remnant : Remnant
        What could be read of it.
    """

    path: str
    error: CorruptFileError
    remnant: Remnant = NOTHING_READ


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class SeriesData:
    """The frames that share a SeriesInstanceUID, or one stack of them.

    Attributes
    ----------
    frames : tuple of Frame
        In the order of the source: of a folder in natural order of the names.
    labels : tuple of Label
        For a stack, the attributes and values that tell it apart from the others of its series; else empty.
    problems : tuple of Problem
        Damaged files of the series: it is refused unless they are left out.
    beside : tuple of Problem
        Damaged files of its folder that may belong to this or another series there: it loads with a warning.
    strays : tuple of Problem
        Damaged files of its folder that belong to none of the series there: likewise.
    assumptions : tuple of Assumption
        Made of the whole series: copies that were left out, images that it lacks; each of its stacks tells them.
    missing_places : tuple of tuple of float
        For a stack, the positions (LPS, mm) at which it has no slice and other stacks of the same grid have one.
    first_acquired : datetime or None
        For a stack of PET, when the first frame of its whole series was acquired, as far as the files say.
    """

    frames: tuple[Frame, ...]
    labels: tuple[Label, ...] = ()
    problems: tuple[Problem, ...] = ()
    beside: tuple[Problem, ...] = ()
    strays: tuple[Problem, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    missing_places: tuple[Triple, ...] = ()
    first_acquired: datetime | None = None
    _answers: Answers = field(default_factory=Answers, init=False, repr=False)

    @property
    def header(self) -> Header:
        """The header of the first frame's file."""
        return self.frames[0].header

    @property
    def uid(self) -> str | None:
        """SeriesInstanceUID; None where the files hold none."""
        return self.header.series_uid

    @property
    def number(self) -> int | None:
        """SeriesNumber."""
        return self.header.series_number

    @property
    def modality(self) -> str | None:
        """Modality: CT, MR, PT, …"""
        return self.header.modality

    @property
    def description(self) -> str | None:
        """SeriesDescription; None where it is missing, or the word None that some exporters write for that."""
        text = self.header.series_description
        return text if text != "None" else None

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the frames, each once."""
        return tuple(list_paths(self.frames))

    @property
    def folder(self) -> str | None:
        """The innermost folder, archive or prefix that holds all of the files; None where they have none in common."""
        return find_common_folder(self.files)

    @property
    def date(self) -> date | None:
        """StudyDate; None where it is missing or no date."""
        return parse_date(self.header.study_date)

    @property
    def rows(self) -> int:
        """Rows of the first frame."""
        return self.header.rows

    @property
    def columns(self) -> int:
        """Columns of the first frame."""
        return self.header.columns

    @property
    def is_described(self) -> bool:
        """Tell whether its headers are what a server says of files that were not fetched yet."""
        return any(f.header.file.is_described for f in self.frames)

    @property
    def transfer_syntax(self) -> str:
        """Transfer syntax UID; of the most files where they differ, and empty where it is not known yet."""
        return Counter(f.header.transfer_syntax for f in self.frames).most_common(1)[0][0]

    @property
    def encoding(self) -> str:
        """The names of the transfer syntaxes of all files, in words; their number where there are many."""
        if self.is_described:
            return UNKNOWN_YET
        names = [name_syntax(uid) for uid in dict.fromkeys(f.header.transfer_syntax for f in self.frames)]
        return ", ".join(names) if len(names) <= 2 else f"{len(names)} transfer syntaxes"

    @property
    def plane(self) -> str:
        """axial, coronal or sagittal, with ``oblique`` before it where that fits; ``mixed``, or ``unknown``."""
        planes = {name_plane(o) for o in {f.orientation for f in self.frames}}
        return planes.pop() if len(planes) == 1 else "mixed"

    @property
    def label(self) -> str:
        """The attributes and values that tell a stack apart, in words; empty for a whole series."""
        return ", ".join(
            label.words if label.attribute == "plane" else f"{label.attribute} {label.words}" for label in self.labels
        )

    @property
    def title(self) -> str:
        """``#4 CT axial chest``: number, modality and description as far as they are known."""
        parts = [f"#{self.number}" if self.number is not None else None, self.modality, self.description, self.label]
        return " ".join(part for part in parts if part) or "unnamed series"

    def __repr__(self) -> str:
        size = size_words(len(self.frames), self.rows, self.columns)
        return f"<Series {self.title}: {size}, {self.plane}, {self.encoding}>"
