"""An archive to index, and how it is counted which files are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vtkdicomload.sources.local import LocalFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


@pytest.fixture
def archive(series: Write, tmp_path: Path) -> Path:
    """Four series in four top folders, one of them of two stacks, and a note beside."""
    for k in range(1, 4):
        series(f"in/patient{k}/ct", seed=k, PatientID=f"ID471{k % 2}", PatientName=f"Secret^Name{k}")
    for k in (1, 2):
        series("in/patient4/pet", seed=4 + k, SeriesInstanceUID="1.2.3", SeriesNumber=9, TemporalPositionIdentifier=k)
    (tmp_path / "in" / "patient1" / "note.txt").write_text("Secret")
    return tmp_path / "in"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are opened from now on, in order."""
    names: list[str] = []
    original = LocalFile.open

    def open_and_note(self: LocalFile) -> Any:
        names.append(self.name)
        return original(self)

    monkeypatch.setattr(LocalFile, "open", open_and_note)
    return names
