"""The attributes of a file as pydicom reads them: without its pixels and without a word."""

from __future__ import annotations

import struct
import warnings
from typing import TYPE_CHECKING

import pydicom
import pytest
from synthetic import raw_image

from vtkdicomload.headers.data_set import open_data_set
from vtkdicomload.sources.local import as_file

if TYPE_CHECKING:
    from pathlib import Path


def test_values_that_pydicom_warns_of_are_read_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    path.write_bytes(raw_image((0x00200052, "UI", b"no UID")))
    with pytest.warns(UserWarning, match="Invalid value for VR UI"):
        assert pydicom.dcmread(path).FrameOfReferenceUID == "no UID"
    with warnings.catch_warnings(record=True) as said, open_data_set(as_file(path)) as data_set:
        assert data_set.get("FrameOfReferenceUID") == "no UID"
        assert data_set.get("PixelData") is None
    assert said == []


def test_warnings_are_heard_again_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "1.dcm"
    path.write_bytes(raw_image())
    with pytest.raises(ZeroDivisionError), open_data_set(as_file(path)):
        1 / 0  # noqa: B018
    with pytest.warns(UserWarning, match="heard"):
        warnings.warn("heard", UserWarning, stacklevel=1)


@pytest.mark.parametrize("size", [10, 70_000])  # pydicom itself knows a UN of up to 64 KiB
def test_groups_in_un_are_sequences(tmp_path: Path, size: int) -> None:
    """PS3.5 6.2.2: an archive that does not know an attribute writes UN, and implicit VR inside."""
    text = struct.pack("<HHI", 0x0040, 0xA160, size) + b"x" * size
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(text)) + text
    path = tmp_path / "1.dcm"
    path.write_bytes(raw_image((0x52009229, "UN", item)))
    with open_data_set(as_file(path)) as data_set:
        (item,) = data_set.items("SharedFunctionalGroupsSequence")
        assert item.get("TextValue") == "x" * size
