"""Structure sets, whole and damaged, against pydicom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian
from structure_sets import circle, closed, write_structure_set
from synthetic import write_dataset

from vtkdicomload import CorruptFileError
from vtkdicomload.headers.objects.structure_set import StructureSet, read_structure_set
from vtkdicomload.sources.local import LocalFile

if TYPE_CHECKING:
    from pathlib import Path


def read(path: str | Path) -> StructureSet:
    return read_structure_set(LocalFile(str(path)))


def test_places_are_those_of_pydicom() -> None:
    path = get_testdata_file("rtstruct.dcm", download=False)
    data_set = pydicom.dcmread(path, force=True)
    for region, lines in zip(read(path).regions, data_set.ROIContourSequence, strict=True):
        for contour, line in zip(region.contours, lines.ContourSequence, strict=True):
            np.testing.assert_array_equal(contour.points.ravel(), [float(v) for v in line.ContourData])
            assert contour.kind == line.ContourGeometricType


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_every_native_transfer_syntax(tmp_path: Path, syntax: str) -> None:
    ring = circle((1, -2, 3.5), 7)
    path = write_structure_set(tmp_path / "rs.dcm", {"it": [closed(ring)]})
    data_set = pydicom.dcmread(path)
    again = tmp_path / "again.dcm"
    plain = pydicom.Dataset()
    plain.update({element.tag: element for element in data_set})
    write_dataset(again, plain, syntax)
    np.testing.assert_allclose(read(again).regions[0].contours[0].points, ring, atol=1e-7)


DAMAGED = {
    "a number too few": "1\\2\\3\\4\\5",
    "a word": "1\\2\\x\\4\\5\\6",
    "nothing between": "1\\2\\\\4\\5\\6",
    "not finite": "1\\2\\nan\\4\\5\\6",
    "a decimal comma": "1,5\\2\\3\\4\\5\\6",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_contour_that_is_no_list_of_places_is_refused_with_its_region(tmp_path: Path, name: str) -> None:
    text = DAMAGED[name]
    path = write_structure_set(tmp_path / "rs.dcm", {"Liver": [closed([(1, 2, 3), (4, 5, 6)])]})
    content = path.read_bytes()
    before = b"1\\2\\3\\4\\5\\6 "
    assert before in content
    path.write_bytes(content.replace(before, text.encode().ljust(len(before))[: len(before)]))
    with pytest.raises(CorruptFileError, match="a ContourData of 'Liver' is no list of places"):
        read(path)


def test_blanks_around_numbers_and_names_do_not_matter(tmp_path: Path) -> None:
    path = write_structure_set(tmp_path / "rs.dcm", {" Liver ": [closed([(1, 2, 3), (4, 5, 6)])]})
    path.write_bytes(path.read_bytes().replace(b"1\\2\\3\\4\\5\\6 ", b" 1\\2\\3\\4\\5\\6"))
    (region,) = read(path).regions
    assert region.name == "Liver"
    np.testing.assert_array_equal(region.contours[0].points, [(1, 2, 3), (4, 5, 6)])


def test_a_region_without_contours_or_name(tmp_path: Path) -> None:
    path = write_structure_set(tmp_path / "rs.dcm", {"": [], "b": []})
    data_set = pydicom.dcmread(path)
    del data_set.ROIContourSequence
    plain = pydicom.Dataset()
    plain.update({element.tag: element for element in data_set})
    write_dataset(path, plain)
    found = read(path)
    assert [(r.name, r.color, r.contours) for r in found.regions] == [("ROI 1", None, ()), ("b", None, ())]
