"""Stored members of zip archives are compared with their checksums."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless
from sources.packing import write_archive

import vtkdicomload as vdl
from vtkdicomload.sources.archives.stored import StoredHandle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEGLSLossless], ids=lambda s: s.keyword)
def test_a_stored_member_of_another_checksum_is_refused(series: Write, tmp_path: Path, syntax: str) -> None:
    truth = series("written", syntax=syntax)
    path = write_archive(tmp_path / "a.zip", "stored.zip", {p.name: p.read_bytes() for p in truth.files})
    np.testing.assert_array_equal(vdl.load(path).frames, truth.frames)
    data = bytearray(path.read_bytes())
    content = truth.files[1].read_bytes()
    data[data.index(content) + len(content) - 20] ^= 1  # a bit of a pixel, which nothing else would tell
    path.write_bytes(data)
    with pytest.raises(vdl.CorruptFileError, match=r"1-2\.dcm: its checksum is not that of the archive") as caught:
        vdl.load(path)
    assert caught.value.files == (f"{path}/1-2.dcm",)


def test_a_stored_member_is_compared_with_its_checksum_once_for_all_its_frames(
    series: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pydicom import dcmread

    (path,) = series("written", count=1).files
    dataset = dcmread(path)
    dataset.NumberOfFrames = 6
    dataset.PixelData *= 6
    dataset.save_as(path)
    compared: list[int] = []
    real = StoredHandle._compare
    monkeypatch.setattr(StoredHandle, "_compare", lambda h, known, at: compared.append(at) or real(h, known, at))
    archive = write_archive(tmp_path / "a.zip", "stored.zip", {"1.dcm": path.read_bytes()})
    with pytest.warns(vdl.DicomLoadWarning, match="no ImagePositionPatient"):
        vdl.load(archive, workers=1)
    assert len(compared) == 1
