"""Why files are passed over, as data and in words."""

from __future__ import annotations

import pickle
import sys
from typing import TYPE_CHECKING

import pytest

import vtkdicomload as vdl
from vtkdicomload.headers.preamble import NotDicomError
from vtkdicomload.sources.reasons import Reason, Skipped

if TYPE_CHECKING:
    from pathlib import Path


def test_every_reason_has_words_of_its_own() -> None:
    words = [str(reason) for reason in Reason]
    assert all(words)
    assert len(set(words)) == len(words)


def test_a_detail_stands_behind_the_reason() -> None:
    assert Skipped("a", Reason.HIDDEN).words == "hidden"
    assert Skipped("a", Reason.UNFOLLOWED, "a loop").words == "cannot be followed: a loop"


@pytest.mark.parametrize("reason", Reason)
def test_reasons_survive_pickling(reason: Reason) -> None:
    assert pickle.loads(pickle.dumps(reason)) is reason
    again = pickle.loads(pickle.dumps(NotDicomError(reason)))
    assert (again.reason, str(again)) == (reason, str(reason))


@pytest.mark.skipif(sys.platform == "win32", reason="links take rights there")
def test_links_to_nothing_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    (tmp_path / "gone.txt").symlink_to("nowhere")
    assert [s.reason for s in vdl.scan(tmp_path).skipped] == [Reason.LINK_TO_NOTHING] * 2
