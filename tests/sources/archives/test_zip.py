"""Zip archives with the fields of ZIP64: large ones, and those of many members."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sources.packing import write_archive

import vtkdicomload as vdl
from vtkdicomload.errors.remedies import Unpack
from vtkdicomload.sources.resolve import find_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_with_sizes_of_zip64_are_read(series: Write, tmp_path: Path, method: int) -> None:
    truth = series("written")
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in truth.files:
            with archive.open(file.name, "w", force_zip64=True) as member:
                member.write(file.read_bytes())
    np.testing.assert_array_equal(vdl.load(path, verify="all").frames, truth.frames)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_behind_four_gibibytes_are_read(series: Write, tmp_path: Path, method: int) -> None:
    truth = series("written")
    path = tmp_path / "a.zip"
    with path.open("wb") as file:
        file.seek((1 << 32) + 10)  # a hole, which takes no room on disk
        file.write(b"\0")
        with zipfile.ZipFile(file, "a", method) as archive:
            for name in truth.files:
                archive.write(name, name.name)
    assert path.stat().st_size > 1 << 32
    np.testing.assert_array_equal(vdl.load(path, verify="all").frames, truth.frames)


def test_more_members_than_a_small_archive_counts_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(66_000):
            archive.writestr(f"{k}", b"")
    assert len(find_files(path).files) == 66_000


def test_an_archive_of_archives_is_to_be_unpacked_first(series: Write, tmp_path: Path) -> None:
    (file,) = series("written", count=1).files
    inner = write_archive(tmp_path / "inner.zip", "deflated.zip", {"1.dcm": file.read_bytes()})
    outer = write_archive(tmp_path / "outer.zip", "stored.zip", {"a/inner.zip": inner.read_bytes(), "b": b"text" * 99})
    assert [s.reason for s in vdl.scan(outer).skipped] == [vdl.Reason.NOT_DICOM, vdl.Reason.ARCHIVE]
    words = r"inner\.zip is an archive in an archive, which is not entered\) → unpack it first"
    with pytest.raises(vdl.NoDicomError, match=words) as caught:
        vdl.load(outer, archives=True)
    assert caught.value.remedies == (Unpack(str(outer)),)
    with pytest.raises(vdl.NoDicomError, match="is an archive in an archive, which is not entered"):
        vdl.load(outer.read_bytes())
