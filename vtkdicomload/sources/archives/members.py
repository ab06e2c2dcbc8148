"""What archives have in common: names of their members, their order, and members that cannot be read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from ...errors import CorruptFileError
from ..file import File
from ..reasons import Reason, Skipped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...errors.remedies import Remedy


class Listed(NamedTuple):
    """The members of an archive: files in natural order, and what is passed over."""

    files: tuple[File, ...]
    skipped: tuple[Skipped, ...]


@dataclass(slots=True, unsafe_hash=True)
class LostFile(File):
    """A file that is known not to be readable; opening it says why.

    Attributes
    ----------
    what : str
        What is wrong with it.
    remedies : tuple of Remedy
        What goes past that.
    """

    what: str = ""
    remedies: tuple[Remedy, ...] = ()

    def open(self) -> NoReturn:
        """Raise the CorruptFileError."""
        raise self.make_error()

    def make_error(self) -> CorruptFileError:
        """Make the error that says why it cannot be read."""
        return CorruptFileError(f"{self.name}: {self.what}", files=[self.name], remedies=self.remedies, what=self.what)


def find_passed_over(name: str, path: str, *, recursive: bool) -> Skipped | None:
    """Say why a member is passed over, as it would be in a folder; None where it is not."""
    parts = name.split("/")
    if any(part.startswith(".") for part in parts) or parts[0] == "__MACOSX":
        return Skipped(path, Reason.HIDDEN)
    if len(parts) > 1 and not recursive:
        return Skipped(path, Reason.FOLDER)
    return None


def sort_members(files: Iterable[tuple[str, File]]) -> tuple[File, ...]:
    """Files by their names in the archive, as a folder is walked: those of a folder before those of its folders."""
    from natsort import natsort_keygen

    key = natsort_keygen()

    def place(item: tuple[str, File]) -> list[tuple[int, object]]:
        *folders, name = item[0].split("/")
        return [*((1, key(folder)) for folder in folders), (0, key(name))]

    return tuple(file for _, file in sorted(files, key=place))


def join_name(archive: File, name: str) -> str:
    """The name of a member behind that of its archive: ``study.zip/a/IM1``."""
    return os.sep.join((archive.name, *name.split("/")))
