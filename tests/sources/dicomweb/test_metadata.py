"""What a server says of an instance is written as the header of a file; pydicom reads it as it reads the file."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest

from vtkdicomload.headers.attributes import FIELDS
from vtkdicomload.sources.dicomweb import metadata
from vtkdicomload.sources.dicomweb.metadata import describe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERIES = ("small_ct", "enh_mr_phase", "mosaic", "seg_1bit", "rtdose_32bit", "rgb_stack", "mr_plain4", "not_images")


def refuse(uri: str) -> bytes:
    raise AssertionError(f"{uri} is not needed")


def say(data_set: pydicom.Dataset, apart: dict[str, bytes] | None = None) -> dict[str, Any]:
    """What a server says of a data set; all its binary data lies apart."""
    kept = {} if apart is None else apart

    def set_apart(element: Any) -> str:
        kept[str(element.tag)] = element.value
        return str(element.tag)

    return data_set.to_json_dict(0, set_apart)


def list_values(data_set: pydicom.Dataset) -> Iterator[tuple[str, Any]]:
    for element in data_set:
        if element.VR == "SQ":
            for k, item in enumerate(element.value):
                yield from ((f"{element.tag}[{k}]{name}", value) for name, value in list_values(item))
        elif element.VR not in ("OB", "OW", "UN", "OB or OW") and element.tag not in (0x00080005, 0x7FE00010):
            yield str(element.tag), element.value


@pytest.mark.parametrize("name", SERIES)
def test_it_says_what_the_file_says(data: Path, name: str) -> None:
    path = next(path for path in sorted((data / name).rglob("*")) if path.is_file() and path.suffix == ".dcm")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pydicom says of these files
        truth = pydicom.dcmread(path, stop_before_pixels=True)
        whole = pydicom.dcmread(path)
        header, _ = describe(say(whole), lambda uri: b"SV10")
        again = pydicom.dcmread(io.BytesIO(header), stop_before_pixels=True)
        ours, theirs = dict(list_values(again)), dict(list_values(truth))
    assert ours.keys() == theirs.keys()
    for tag, value in theirs.items():
        assert str(ours[tag]) == str(value) or np.allclose(
            np.array(ours[tag], float), np.array(value, float), rtol=1e-12, atol=0
        ), tag


@pytest.mark.parametrize(
    ("changes", "tag", "length"),
    [
        ({}, 0x7FE00010, 5 * 7 * 2 + 0),
        ({"BitsAllocated": 8}, 0x7FE00010, 36),
        ({"BitsAllocated": 1, "NumberOfFrames": 3}, 0x7FE00010, 14),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422", "Columns": 8}, 0x7FE00010, 160),
        ({"BitsAllocated": 32, "BitsStored": None}, 0x7FE00008, 140),
        ({"BitsAllocated": 64, "BitsStored": None}, 0x7FE00009, 280),
    ],
)
def test_the_pixels_that_a_server_does_not_mention(changes: dict[str, Any], tag: int, length: int) -> None:
    data_set = pydicom.Dataset()
    described = {"Rows": 5, "Columns": 7, "SamplesPerPixel": 1, "BitsAllocated": 16, "BitsStored": 12} | changes
    for keyword, value in described.items():
        if value is not None:
            setattr(data_set, keyword, value)
    header, pixel_bytes = describe(data_set.to_json_dict(), refuse)
    assert pixel_bytes == length
    element = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
    assert header[-12:-8] == element
    assert int.from_bytes(header[-4:], "little") == length


def test_what_has_no_size_has_no_pixels() -> None:
    data_set = pydicom.Dataset()
    data_set.Modality = "SR"
    assert describe(data_set.to_json_dict(), refuse).pixel_bytes == 0


def test_bulk_data_is_fetched_where_headers_need_it_and_only_there() -> None:
    asked: list[str] = []
    said: dict[str, Any] = {
        "00080008": {"vr": "CS", "Value": ["ORIGINAL", "PRIMARY", "MOSAIC"]},
        "00290010": {"vr": "LO", "Value": ["SIEMENS CSA HEADER"]},
        "00291010": {"vr": "OB", "BulkDataURI": "csa"},
        "00291020": {"vr": "OB", "BulkDataURI": "series"},
        "00431039": {"vr": "IS", "BulkDataURI": "b"},
        "00880200": {"vr": "SQ", "Value": [{"7FE00010": {"vr": "OW", "BulkDataURI": "icon"}}]},
    }

    def fetch(uri: str) -> bytes:
        asked.append(uri)
        return b"odd"

    header, _ = describe(said, fetch)
    assert asked == ["csa", "b"]
    read = pydicom.dcmread(io.BytesIO(header))
    assert read[0x00291010].value == b"odd\0"
    assert 0x00291020 not in read
    said["00080008"]["Value"] = ["ORIGINAL", "PRIMARY", "M"]  # whose CSA header nobody asks for
    asked.clear()
    describe(said, fetch)
    assert asked == ["b"]


def test_every_private_attribute_of_headers_is_among_the_needed_ones() -> None:
    creators = 0x0100  # elements below reserve a block
    private = {tag for tag in FIELDS if tag >> 16 & 1 and tag & 0xFFFF >= creators}
    assert private == metadata._NEEDED


@pytest.mark.parametrize(
    "element",
    [
        {"vr": "US", "Value": ["x"]},
        {"vr": "US", "Value": [70000]},
        {"vr": "FD", "Value": [None]},
        {"vr": "OB", "InlineBinary": "no base64"},
        {"vr": "OB", "Value": ["3"]},
        {"vr": "SQ", "Value": [3]},
        {"vr": "AT", "Value": [7]},
        "text",
        None,
    ],
)
def test_what_is_written_in_another_way_is_left_out(element: Any) -> None:
    header, _ = describe({"00280106": element, "xyz": {}, "00080060": {"vr": "CS", "Value": ["CT"]}}, refuse)
    read = pydicom.dcmread(io.BytesIO(header))
    assert [str(e.tag) for e in read] == ["(0008,0005)", "(0008,0060)"]


def test_long_and_odd_values() -> None:
    said = {
        "00181065": {"vr": "DS", "Value": [1.5] * 30_000},
        "00080018": {"vr": "UI", "Value": ["1.2.3"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Ä^B", "Ideographic": "山"}, "C"]},
        "00200013": {"vr": "IS", "Value": [7.0]},
        "00280009": {"vr": "AT", "Value": ["00181065"]},
        "00080008": {"vr": "CS", "Value": ["A", None, "C"]},
        "00209165": {"vr": "XX", "Value": ["a"]},
    }
    read = pydicom.dcmread(io.BytesIO(describe(said, refuse).header))
    assert read[0x00181065].value.strip().split(b"\\") == [b"1.5"] * 30_000
    assert read.SOPInstanceUID == "1.2.3"
    assert [str(name) for name in read.PatientName] == ["Ä^B=山", "C"]
    assert read.InstanceNumber == 7
    assert read.FrameIncrementPointer == 0x00181065
    assert list(read.ImageType) == ["A", "", "C"]
