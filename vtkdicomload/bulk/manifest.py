"""What a conversion or verification has done, with which files: JSON lines, one an outcome."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from .._util.atomic import name_file
from .many import settle_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..stacks.series_data import SeriesData

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One outcome.

    Attributes
    ----------
    key : str
        What it was about: study, SeriesInstanceUID and label.
    path : str
        The new file, below the target folder; empty where none is made.
    status : str
        What became of it; "begun" where that is not known.
    reason : str or None
        Why not.
    warnings : list of str
        What was assumed.
    how : dict
        The options that were given.
    files : list of [name, size, stamp]
        What was read.
    size : int or None
        Of the new file, in bytes; None for a folder.
    """

    key: str
    path: str
    status: str
    reason: str | None
    warnings: list[str]
    how: dict[str, Any]
    files: list[list[Any]]
    size: int | None


_NAMES = tuple(field.name for field in fields(Entry))


class Manifest:
    """The entries of a file: the last of each key counts."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._entries: dict[str, Entry] = {}
        self.history: list[tuple[str, str]] = []  # of all entries, key and path
        self._torn = False
        try:
            with open(self._path, encoding="utf-8", errors="replace") as file:
                lines = file.read().split("\n")
        except FileNotFoundError:
            return
        self._torn = lines[-1] != ""  # a run that was killed while it wrote
        for line in lines:
            entry = _read_entry(line)
            if entry is not None:
                self._take(entry)

    def find(self, key: str) -> Entry | None:
        """The last entry of a key."""
        return self._entries.get(key)

    def list_entries(self) -> list[Entry]:
        """List the last entry of each key."""
        return list(self._entries.values())

    def list_begun(self) -> list[str]:
        """The files that were begun and not ended: a run was killed."""
        return [entry.path for entry in self._entries.values() if entry.status == "begun"]

    def add(self, entry: Entry) -> None:
        """Write an entry down, at once."""
        line = json.dumps({"version": _VERSION, **{name: getattr(entry, name) for name in _NAMES}}, ensure_ascii=True)
        with name_file(self._path), open(self._path, "a", encoding="utf-8") as file:
            file.write(f"{chr(10) if self._torn else ''}{line}\n")
        self._torn = False
        self._take(entry)

    def _take(self, entry: Entry) -> None:
        self._entries[entry.key] = entry
        self.history.append((entry.key, entry.path))


def _read_entry(line: str) -> Entry | None:
    """An entry of a line; None where it is torn, of another version, or leads out of the folder."""
    try:
        known = json.loads(line)
        entry = Entry(**known) if known.pop("version") == _VERSION else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if entry is None or not isinstance(entry.path, str) or os.path.isabs(entry.path):
        return None
    return None if os.pardir in re.split(r"[/\\]", entry.path) else entry


def make_key(group: Sequence[SeriesData]) -> str:
    """A key of a stack, or of the stacks of one series, that stays the same from one run to the next."""
    first = group[0]
    label = first.label if len(group) == 1 else f"{len(group)} stacks"
    return "|".join((first.header.study_uid or "", first.uid or first.files[0], label))


def stamp_files(stacks: Sequence[SeriesData]) -> list[list[Any]]:
    """List the files of stacks with their sizes and stamps, as JSON gives them back."""
    files = {frame.path: frame.header.file for stack in stacks for frame in stack.frames}
    return [[settle_path(file.name), file.size, repr(file.stamp)] for file in files.values()]
