"""The directory of a zip archive is believed where it is whole, whatever stands around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sources.packing import ZipEntry, make_zip

import vtkdicomload as vdl
from vtkdicomload.errors.remedies import Unpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


@pytest.fixture
def entries(series: Write) -> tuple[Truth, list[ZipEntry]]:
    truth = series("written")
    return truth, [ZipEntry(path.name.encode(), path.read_bytes()) for path in truth.files]


Entries = tuple["Truth", list[ZipEntry]]


@pytest.mark.parametrize("comment", [b"", b"PK\5\6", b"PK\5\6 and more, as long as an end record" * 40, b"x" * 0xFFFF])
@pytest.mark.parametrize(("before", "behind"), [(b"", b""), (b"MZ" + bytes(5000), b""), (b"", b"padding" * 50)])
def test_what_stands_around_an_archive_does_not_matter(
    entries: Entries, tmp_path: Path, comment: bytes, before: bytes, behind: bytes
) -> None:
    truth, members = entries
    (tmp_path / "a.zip").write_bytes(before + make_zip(members, comment=comment) + behind)
    np.testing.assert_array_equal(vdl.load(tmp_path / "a.zip").frames, truth.frames)


def test_an_empty_archive_has_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(make_zip([]))
    with pytest.raises(vdl.NoDicomError, match=r"no DICOM image in .*a\.zip: it is empty"):
        vdl.load(tmp_path / "a.zip")


def test_the_last_part_of_an_archive_that_is_split_says_so(entries: Entries, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(make_zip(entries[1], parts=3))
    with pytest.raises(vdl.CorruptFileError, match=r"it is the last of 3 parts of a zip archive → unpack it") as caught:
        vdl.load(path)
    assert caught.value.remedies == (Unpack(str(path)),)


def test_an_archive_that_only_numbers_its_parts_otherwise_is_whole(entries: Entries, tmp_path: Path) -> None:
    truth, members = entries
    as_numbered = [ZipEntry(m.name, m.content, part=1) for m in members]
    (tmp_path / "a.zip").write_bytes(make_zip(as_numbered, parts=2))
    np.testing.assert_array_equal(vdl.load(tmp_path / "a.zip").frames, truth.frames)


@pytest.mark.parametrize("cut", [slice(1000, None), slice(None, -1), slice(None, -30), slice(None, 3000), slice(0, 4)])
def test_an_archive_that_lacks_bytes_is_refused(entries: Entries, tmp_path: Path, cut: slice) -> None:
    (tmp_path / "a.zip").write_bytes(make_zip(entries[1])[cut])
    with pytest.raises(vdl.CorruptFileError, match=r"a\.zip: it is no whole zip archive → get the file again"):
        vdl.load(tmp_path / "a.zip")


@pytest.mark.parametrize("method", [1, 6, 9, 12, 14, 93, 95, 98, 99])
def test_a_method_that_is_not_read_is_named(entries: Entries, tmp_path: Path, method: int) -> None:
    truth, members = entries
    members[-1] = ZipEntry(members[-1].name, members[-1].content, method=method)
    (tmp_path / "a.zip").write_bytes(make_zip(members))
    with pytest.raises(vdl.CorruptFileError, match=rf"1-5\.dcm: it is packed by method {method} of zip, which is not"):
        vdl.load(tmp_path / "a.zip")
    with pytest.warns(vdl.DicomLoadWarning, match="left out"):
        volume = vdl.load(tmp_path / "a.zip", ignore="1-5.dcm")
    np.testing.assert_array_equal(volume.frames, truth.frames[:-1])
