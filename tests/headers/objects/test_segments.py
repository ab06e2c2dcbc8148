"""Segments of segmentation objects: colours against published CIELab values of sRGB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vtkdicomload import CorruptFileError
from vtkdicomload.headers.objects.segments import convert_lab, read_segment_set
from vtkdicomload.sources.local import LocalFile

if TYPE_CHECKING:
    from pathlib import Path

# sRGB → CIELab of D50, by the ICC's sRGB profile.
KNOWN = {
    (255, 255, 255): (100.0, 0.0, 0.0),
    (0, 0, 0): (0.0, 0.0, 0.0),
    (255, 0, 0): (54.29, 80.81, 69.89),
    (0, 255, 0): (87.82, -79.27, 80.99),
    (0, 0, 255): (29.57, 68.30, -112.03),
    (128, 128, 128): (53.59, 0.0, 0.0),
}


@pytest.mark.parametrize("rgb", KNOWN)
def test_colours_are_those_of_the_profile(rgb: tuple[int, int, int]) -> None:
    lightness, a, b = KNOWN[rgb]
    stored = round(lightness / 100 * 65535), round((a + 128) / 255 * 65535), round((b + 128) / 255 * 65535)
    assert convert_lab(*stored) == pytest.approx(rgb, abs=2)


@pytest.mark.parametrize(
    ("name", "kind", "full"),
    [("seg_binary", "BINARY", 1), ("seg_fractional", "FRACTIONAL", 200), ("seg_labelmap", "LABELMAP", 1)],
)
def test_what_values_mean(data: Path, name: str, kind: str, full: int) -> None:
    import pydicom

    path = data / "highdicom" / f"{name}.dcm"
    found = read_segment_set(LocalFile(str(path)))
    assert found.kind == kind
    assert found.full == int(pydicom.dcmread(path).get("MaximumFractionalValue", 1))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\x62\0\x02\0SQ\0\0\x10\0\0\0abc")
    with pytest.raises(CorruptFileError):
        read_segment_set(LocalFile(str(tmp_path / "x.dcm")))
