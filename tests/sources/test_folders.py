"""Walking folders, and folders that hold certain files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vtkdicomload.sources.folders import find_whole_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_a_whole_folder_holds_these_files_and_nothing_else(tmp_path: Path) -> None:
    one, two = tmp_path / "1.dcm", tmp_path / "2.dcm"
    one.touch()
    two.touch()
    assert find_whole_folder([str(two), str(one)]) == str(tmp_path)
    assert find_whole_folder([str(one)]) is None
    (tmp_path / "below").mkdir()
    assert find_whole_folder([str(one), str(two)]) is None
    assert find_whole_folder([str(one), str(tmp_path / "below" / "2.dcm")]) is None
    assert find_whole_folder([str(tmp_path / "gone" / "1.dcm")]) is None
    assert find_whole_folder([]) is None
