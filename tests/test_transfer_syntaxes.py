"""Transfer syntaxes have the names of the standard, and lossy is what the standard calls lossy."""

from __future__ import annotations

import pydicom.uid
import pytest
from pydicom.uid import UID, AllTransferSyntaxes

from vtkdicomload.header import NATIVE_SYNTAXES
from vtkdicomload.readers.codec import SYNTAXES
from vtkdicomload.transfer_syntaxes import LOSSY, syntax_name

STANDARD = [str(uid) for uid in AllTransferSyntaxes]
WORDS = (
    ("JPIP", "JPIP"),
    ("High-Throughput", "HTJ2K"),
    ("RLE", "RLE"),
    ("JPEG-LS", "JPEG-LS"),
    ("JPEG 2000", "JPEG 2000"),
    ("JPEG XL", "JPEG XL"),
    ("JPEG Lossless", "JPEG Lossless"),
    ("JPEG Baseline", "JPEG Baseline"),
    ("JPEG Extended", "JPEG Extended"),
    ("MPEG2", "MPEG-2"),
    ("MPEG-4", "MPEG-4"),
    ("HEVC", "HEVC"),
    ("Deflated Explicit", "Deflated"),
    ("Big Endian", "Big Endian"),
)


@pytest.mark.parametrize("uid", [uid for uid in STANDARD if UID(uid).name != uid])
def test_names_are_those_of_the_standard(uid: str) -> None:
    name = syntax_name(uid)
    expected = [ours for theirs, ours in WORDS if theirs in UID(uid).name]
    assert all(word in name for word in expected[:1])
    assert UID(uid).is_compressed == (uid not in NATIVE_SYNTAXES) or "Deflated" in name


def test_every_syntax_that_is_read_has_a_name_of_its_own() -> None:
    names = [syntax_name(uid) for uid in (*NATIVE_SYNTAXES, *SYNTAXES)]
    assert len(set(names)) == len(names)
    assert not any(name.startswith("1.2.") for name in names)


def test_a_syntax_without_name_is_shown_as_it_is() -> None:
    assert syntax_name("1.2.3.4") == "1.2.3.4"
    assert syntax_name("1.2.840.10008.1.2.4.9999") == "1.2.840.10008.1.2.4.9999"
    assert syntax_name("") == "unknown"


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (100, "MPEG-2"),
        ("100.1", "MPEG-2"),
        (101, "MPEG-2"),
        (102, "MPEG-4 AVC"),
        ("106.1", "MPEG-4 AVC"),
        (107, "HEVC"),
    ],
)
def test_videos_are_named(number: object, name: str) -> None:
    assert syntax_name(f"1.2.840.10008.1.2.4.{number}") == name


def test_lossless_ones_are_not_called_lossy() -> None:
    for uid in LOSSY:
        assert "Lossless" not in UID(uid).name.replace("Near-Lossless", "")
        assert "Lossless" not in syntax_name(uid)
    assert not LOSSY & NATIVE_SYNTAXES


@pytest.mark.parametrize(
    "name", ["JPEGBaseline8Bit", "JPEGExtended12Bit", "JPEGLSNearLossless", "JPEG2000", "HTJ2K", "JPEG2000MC"]
)
def test_the_standards_lossy_ones_that_are_read_are_lossy(name: str) -> None:
    uid = str(getattr(pydicom.uid, name))
    assert uid in LOSSY or uid not in SYNTAXES
