"""The walker against pydicom's own traversal, and its limits."""

from __future__ import annotations

import struct
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian
from synthetic import UNDEFINED as WRITTEN_UNDEFINED
from synthetic import image_elements, raw_element, raw_file, raw_image

from vtkdicomload.errors import CorruptFileError
from vtkdicomload.headers import elements
from vtkdicomload.headers.elements import ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, Encoding, Source, name_of, walk
from vtkdicomload.headers.parser import read_header
from vtkdicomload.headers.preamble import open_data_set_of
from vtkdicomload.sources.local import as_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset
    from synthetic import Raw

    from vtkdicomload.headers.elements import Element

ITEMS = (ITEM, ITEM_END, SEQUENCE_END)


def item(tag: int, length: int = 0) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length)


SEQUENCE = raw_element((0x00081140, "SQ", b"", WRITTEN_UNDEFINED))


@contextmanager
def opened(path) -> Iterator[Source]:
    with as_file(path).open() as handle:
        yield Source(handle)


def walked(path) -> list[Element]:
    with opened(path) as source:
        start, encoding = open_data_set_of(source)[:2]
        return list(walk(source, start, encoding))


def traversed(dataset: Dataset, depth: int = 0) -> Iterator[tuple[int, int, str | None, int, int | None]]:
    """(depth, tag, VR, offset, length) from pydicom: into what has an undefined length, over what has a defined one."""
    for tag in sorted(dataset.keys()):
        element = dataset.get_item(tag)
        if isinstance(element, RawDataElement):
            length = UNDEFINED if element.length == 0xFFFFFFFF else element.length
            yield depth, int(tag), element.VR, element.value_tell, length
        elif not element.is_undefined_length:
            # pydicom has decoded it on reading and forgot its length.
            yield depth, int(tag), None, element.file_tell, None
        else:
            yield depth, int(tag), None, element.file_tell, UNDEFINED
            for item in element.value:
                if item.is_undefined_length_sequence_item:
                    yield from traversed(item, depth + 2)


@pytest.mark.parametrize(
    "folder",
    [
        *("small_ct", "mr_plain4", "mr_small_slope", "asl_4d", "slope_per_slice", "enh_mr_phase", "seg_1bit"),
        *("rtdose_32bit", "mono1", "comp_rle", "comp_j2k", "rgb_stack"),
    ],
)
def test_same_elements_as_pydicom_in_real_files(data, folder):
    for path in sorted((data / folder).iterdir())[:3]:
        found = [e for e in walked(path) if e.tag not in ITEMS]
        oracle = list(traversed(pydicom.dcmread(path)))
        assert [(e.depth, e.tag, e.offset) for e in found] == [(d, t, o) for d, t, _, o, _ in oracle]
        assert sum(n is None for *_, n in oracle) < 8
        for element, (_, tag, vr, _, length) in zip(found, oracle, strict=True):
            assert vr is None or element.vr.decode() == vr, name_of(tag)
            assert length is None or element.length == length, name_of(tag)


def test_real_files_have_sequences_of_undefined_length(data):
    # Else the test above would not see nested elements.
    found = walked(data / "mr_small_slope" / "0001.dcm")
    assert sum(e.vr == b"SQ" and e.length == UNDEFINED for e in found) >= 9
    assert max(e.depth for e in found) >= 2


@pytest.mark.parametrize(("explicit", "big_endian"), [(True, False), (False, False), (True, True)])
def test_items_and_delimiters_close_what_they_open(tmp_path, explicit, big_endian):
    path = tmp_path / "a.dcm"
    inner = [(0x00081140, "SQ", [[(0x00091001, "LO", b"ab")], []], WRITTEN_UNDEFINED)]
    path.write_bytes(
        raw_image((0x00081140, "SQ", [inner], WRITTEN_UNDEFINED), explicit=explicit, big_endian=big_endian)
    )
    found = walked(path)
    assert [(e.depth, e.tag) for e in found if e.depth and e.tag not in ITEMS] == [(2, 0x00081140), (4, 0x00091001)]
    items = [e for e in found if e.tag in ITEMS]
    assert [i.tag for i in items] == [ITEM, ITEM, ITEM_END, ITEM, ITEM_END, SEQUENCE_END, ITEM_END, SEQUENCE_END]
    assert [i.depth for i in items] == [1, 3, 4, 3, 4, 3, 2, 1]


def test_sequences_of_defined_length_are_stepped_over(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image((0x00081140, "SQ", [[(0x00280010, "US", b"\7\0")]])))
    assert [e.tag for e in walked(path)] == sorted([0x00081140, *(e[0] for e in image_elements())])


SEQUENCES = frozenset((0x00081140, 0x00400275, 0x52009230))
leaves = st.tuples(st.sampled_from((0x00091001, 0x00280010, 0x7FE00010)), st.just("OB"), st.binary(max_size=6))


def data_sets(items: st.SearchStrategy[list[Raw]]) -> st.SearchStrategy[list[Raw]]:
    sequences = st.tuples(st.sampled_from(sorted(SEQUENCES)), st.just("SQ"), st.lists(items, max_size=3))
    return st.lists(
        leaves | sequences | sequences.map(lambda sequence: (*sequence, WRITTEN_UNDEFINED)),
        max_size=4,
        unique_by=lambda element: element[0],
    ).map(sorted)


def values(dataset: Dataset, depth: int = 0) -> Iterator[tuple[int, int, bytes | None]]:
    """(depth, tag, value) from pydicom: into every sequence."""
    for tag in sorted(dataset.keys()):
        element = dataset.get_item(tag)
        if tag in SEQUENCES:
            yield depth, int(tag), None
            for item in dataset[tag].value:
                yield from values(item, depth + 2)
        else:
            yield depth, int(tag), element.value or b""


@given(
    elements=st.recursive(data_sets(st.just([])), data_sets, max_leaves=12),
    explicit=st.booleans(),
    big_endian=st.booleans(),
)
def test_same_values_as_pydicom_in_sequences_of_both_kinds_of_length(tmp_path_factory, elements, explicit, big_endian):
    path = tmp_path_factory.getbasetemp() / "nested"
    encoding = Encoding(explicit, big_endian=explicit and big_endian)
    content = raw_file(elements, explicit=explicit, big_endian=encoding.big_endian)
    path.write_bytes(content)
    with opened(path) as source:
        start = open_data_set_of(source).start
        found = [e for e in walk(source, start, encoding, enter=SEQUENCES) if e.tag not in ITEMS]
    mine = [(e.depth, e.tag, None if e.tag in SEQUENCES else content[e.offset : e.offset + e.length]) for e in found]
    assert mine == list(values(pydicom.dcmread(path)))


# ------------------------------------------------------------------------------------------------------- limits
def nested(depth: int):
    content = []
    for _ in range(depth):
        content = [(0x00081140, "SQ", [content], WRITTEN_UNDEFINED)]
    return content[0]


@pytest.mark.parametrize("explicit", [True, False])
def test_nesting_has_a_limit(tmp_path, explicit):
    path = tmp_path / "a.dcm"
    # A sequence and its item are two levels.
    path.write_bytes(raw_image(nested(elements.MAX_DEPTH // 2), explicit=explicit))
    assert read_header(path).rows == 2
    for depth in (elements.MAX_DEPTH // 2 + 1, 100):
        path.write_bytes(raw_image(nested(depth), explicit=explicit))
        with pytest.raises(CorruptFileError, match=f"nest more than {elements.MAX_DEPTH} deep"):
            read_header(path)


def test_sequences_nested_beyond_the_stack_are_refused_at_once(tmp_path):
    path = tmp_path / "a.dcm"
    sequence = raw_element((0x00081140, "SQ", b"", WRITTEN_UNDEFINED)) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, WRITTEN_UNDEFINED
    )
    path.write_bytes(raw_file([]) + sequence * 100_000)
    with pytest.raises(CorruptFileError, match="deep"):
        read_header(path)


def test_number_of_elements_has_a_limit(tmp_path, monkeypatch):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image())
    count = len(image_elements())
    monkeypatch.setattr(elements, "MAX_ELEMENTS", count)
    assert read_header(path).rows == 2
    monkeypatch.setattr(elements, "MAX_ELEMENTS", count - 1)
    with pytest.raises(CorruptFileError, match=f"more than {count - 1} elements"):
        read_header(path)


def test_elements_inside_sequences_count_too(tmp_path, monkeypatch):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image((0x00081140, "SQ", [[]] * 50, WRITTEN_UNDEFINED)))
    monkeypatch.setattr(elements, "MAX_ELEMENTS", 100)
    with pytest.raises(CorruptFileError, match="more than 100 elements"):
        read_header(path)


@pytest.mark.parametrize("size", [1001, 10_000_000])
def test_inflating_has_a_limit(tmp_path, size, monkeypatch):
    monkeypatch.setattr(elements, "MAX_INFLATED", 1000)
    path = tmp_path / "a"
    path.write_bytes(pack(bytes(size)))
    with opened(path) as source, pytest.raises(CorruptFileError, match="inflates to more than 1000 bytes"):
        source.inflate(0)


def pack(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def deflated(content: bytes) -> bytes:
    return raw_file([], syntax=DeflatedExplicitVRLittleEndian) + pack(content)


def test_inflated_to_exactly_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(elements, "MAX_INFLATED", 1000)
    path = tmp_path / "a"
    path.write_bytes(pack(b"x" * 1000))
    with opened(path) as source:
        source.inflate(0)
        assert source.size == 1000
        assert source.at(998, 2) == b"xx"


def test_a_deflated_file_reads_as_the_same_file_uncompressed(tmp_path):
    plain, packed = tmp_path / "plain.dcm", tmp_path / "packed.dcm"
    content = b"".join(raw_element(e) for e in image_elements())
    plain.write_bytes(raw_file(image_elements()))
    packed.write_bytes(deflated(content))
    start = len(plain.read_bytes()) - len(content)
    assert [e._replace(offset=e.offset + start) for e in walked(packed)] == walked(plain)


def test_padding_behind_a_deflated_data_set(tmp_path):
    # PS3.5 A.5: a null byte makes the deflated stream even in length.
    path = tmp_path / "a.dcm"
    path.write_bytes(deflated(b"".join(raw_element(e) for e in image_elements())) + b"\0")
    assert read_header(path).rows == 2


def test_trailing_zeros_have_a_limit(tmp_path, monkeypatch):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image(tail=bytes(1000)))
    assert read_header(path).rows == 2
    monkeypatch.setattr(elements, "MAX_TRAILING_ZEROS", 999)
    with pytest.raises(CorruptFileError, match=r".+"):
        read_header(path)


# ------------------------------------------------------------------------------------------------------- structure
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (item(ITEM), "misplaced"),
        (item(ITEM_END), "misplaced"),
        (item(SEQUENCE_END), "misplaced"),
        (item(ITEM, WRITTEN_UNDEFINED), "must not have an undefined length"),
        (SEQUENCE + item(ITEM_END), "misplaced"),
        (SEQUENCE + item(SEQUENCE_END, 4) + bytes(4), "misplaced"),
        (SEQUENCE + item(ITEM, WRITTEN_UNDEFINED) + item(SEQUENCE_END), "misplaced"),
        (SEQUENCE + raw_element((0x00280010, "US", b"\2\0")), "stands where a sequence item belongs|claims"),
        (SEQUENCE + item(0x00081140, WRITTEN_UNDEFINED), "stands where a sequence item belongs"),
        (SEQUENCE, "not closed"),
        (SEQUENCE + item(ITEM), "not closed"),
        (SEQUENCE + item(ITEM, 100), "claims 100 bytes"),
        (SEQUENCE + item(ITEM, WRITTEN_UNDEFINED), "not closed"),
        (raw_element((0x00280010, "UT", b"", WRITTEN_UNDEFINED)), "must not have an undefined length"),
        (raw_element((0x00280010, "ZZ", b"\2\0")), "no valid VR"),
        (raw_element((0x00280010, "us", b"\2\0")), "no valid VR"),
        (struct.pack("<HHI", 0x28, 0x10, 2) + b"\2\0", "no valid VR"),
        (b"\x28\0\x10", "truncated"),
        (b"\x28\0\x10\0US", "truncated"),
        (b"\x28\0\x10\0OB\0\0\4\0", "truncated"),
    ],
)
def test_broken_structure_is_refused(tmp_path, content, fault):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_file([(0x00080060, "CS", b"CT")]) + content)
    with pytest.raises(CorruptFileError, match=fault) as caught:
        walked(path)
    assert caught.value.files == (str(path),)
    assert f"ignore=[{str(path)!r}]" in str(caught.value)


@pytest.mark.parametrize("explicit", [True, False])
def test_an_element_of_tag_zero_ends_nothing(tmp_path, explicit):
    behind = (0x00281053, "DS", b"5 ")
    content = b"".join(raw_element(e, explicit=explicit) for e in ((0, "UL", b"\0\0\0\0"), behind))
    path = tmp_path / "zero"
    path.write_bytes(content)
    with opened(path) as source:
        assert [e.tag for e in walk(source, 0, Encoding(explicit=explicit))] == [0, behind[0]]


def test_the_declared_byte_order_decides(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image(syntax=ExplicitVRBigEndian))
    with pytest.raises(CorruptFileError, match=r".+"):
        read_header(path)


def test_only_one_group(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_image())
    with opened(path) as source:
        meta = list(walk(source, 132, Encoding(explicit=True), only_group=2))
    assert [e.tag for e in meta] == [0x00020000, 0x00020010]


def test_name_of_a_tag():
    assert name_of(0x7FE00010) == "(7fe0,0010)"


# ------------------------------------------------------------------------------------------------------- bytes
@given(st.data())
def test_source_gives_the_bytes_of_the_file(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "bytes"
    content = bytes(range(256)) * 700  # several blocks
    if not path.exists():
        path.write_bytes(content)
    with opened(path) as source:
        assert source.size == len(content)
        for _ in range(data.draw(st.integers(1, 6))):
            start = data.draw(st.integers(0, len(content)))
            count = data.draw(st.integers(0, len(content) - start))
            assert source.at(start, count) == content[start : start + count]


@pytest.mark.parametrize(("start", "count"), [(0, 11), (10, 1), (11, 0), (1 << 40, 4), (9, 1 << 40), (-1, 2)])
def test_source_never_reads_outside_the_file(tmp_path, start, count):
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    with opened(path) as source, pytest.raises(CorruptFileError, match="ends at byte 10"):
        source.at(start, count)


def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 1_000_000)
    with opened(path) as source:
        path.write_bytes(b"x" * 10)
        with pytest.raises(CorruptFileError, match="could be read"):
            source.at(500_000, 100)


@given(st.binary(max_size=200))
def test_any_bytes_end_in_elements_or_a_promised_error(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "noise"
    path.write_bytes(raw_file([]) + content)
    try:
        found = walked(path)
    except CorruptFileError:
        return
    assert all(0 <= e.offset <= e.offset + max(e.length, 0) <= path.stat().st_size for e in found)


def test_only_sequences_and_pixel_data_may_have_an_undefined_length(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_file([(0x00091010, "OB", b"", 0xFFFFFFFF)]))
    with pytest.raises(CorruptFileError, match=r"\(0009,1010\) .* must not have an undefined length"):
        walked(path)
