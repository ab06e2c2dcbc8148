"""Which files are damaged slices rather than passed over, and what is said of them."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

import vtkdicomload as vdl
from vtkdicomload.catalog.damage import judge_foreign, judge_unreadable, make_damage_error, refuse_problems
from vtkdicomload.errors.remedies import ENTER, GetAgain, LeaveOut, SetOption, Unpack
from vtkdicomload.sources.local import LocalFile
from vtkdicomload.sources.reasons import Reason
from vtkdicomload.stacks.series_data import Problem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("path", "reason", "damaged"),
    [
        ("a.dcm", Reason.NOT_DICOM, True),
        ("a.IMA", Reason.EMPTY, True),
        ("a.dcm", Reason.NO_PIXELS, False),
        ("0007", Reason.EMPTY, True),
        ("1.2.7", Reason.ONLY_ZEROS, True),
        ("0007", Reason.CUT_PREAMBLE, True),
        ("0007", Reason.NOT_DICOM, False),
        ("a.txt", Reason.EMPTY, False),
        ("a.gz", Reason.GZIP, False),
        ("a.gz", Reason.GZIPPED_DICOM, True),
    ],
)
def test_a_file_that_ought_to_be_dicom(path: str, reason: Reason, damaged: bool) -> None:
    error = judge_foreign(path, reason)
    assert (error is not None) == damaged
    if error is not None:
        assert error.remedies[-1] == LeaveOut((path,))
        assert str(reason) in error.message


def test_a_compressed_slice_is_unpacked_or_left_out() -> None:
    error = judge_foreign("a b", Reason.GZIPPED_DICOM)
    assert error is not None
    assert error.remedies == (Unpack("a b", ("python", "-m", "gzip", "-d", "a b")), LeaveOut(("a b",)))


def test_a_compressed_slice_that_is_named_so_is_entered_or_left_out() -> None:
    error = judge_foreign("a b.gz", Reason.GZIPPED_DICOM)
    assert error is not None
    assert error.remedies == (ENTER, LeaveOut(("a b.gz",)))


def test_what_cannot_be_read_says_what_the_system_says(tmp_path: Path) -> None:
    refusal = OSError(errno.EACCES, os.strerror(errno.EACCES))
    error = judge_unreadable(LocalFile(str(tmp_path / "a.dcm")), refusal)
    assert error is not None
    assert os.strerror(errno.EACCES) in error.message
    (tmp_path / "notes.txt").symlink_to("nowhere")
    assert judge_unreadable(LocalFile(str(tmp_path / "notes.txt")), refusal) is None


def test_one_damaged_file_has_its_own_error_and_several_a_common_one() -> None:
    problems = [
        Problem(
            f"{k}.dcm", vdl.CorruptFileError(f"{k}.dcm: cut", files=[f"{k}.dcm"], remedies=[LeaveOut((f"{k}.dcm",))])
        )
        for k in range(5)
    ]
    alone = make_damage_error(problems[:1])
    assert alone is not problems[0].error
    assert (str(alone), alone.files, alone.remedies) == (
        "0.dcm: cut → ignore=['0.dcm']",
        ("0.dcm",),
        (LeaveOut(("0.dcm",)),),
    )
    together = make_damage_error(problems)
    files = tuple(f"{k}.dcm" for k in range(5))
    assert together.message == "5 files cannot be read (0.dcm, 1.dcm, 2.dcm and 2 more), the first because: 0.dcm: cut"
    assert (together.files, together.remedies) == (
        files,
        (GetAgain(files), SetOption("ignore", ("damaged",))),
    )
    with pytest.raises(vdl.CorruptFileError, match="5 files cannot be read"):
        refuse_problems(problems)
    refuse_problems(())
