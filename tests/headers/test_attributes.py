"""The table of attributes against pydicom's dictionary, and each parser against spelled-out values."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_keyword, dictionary_VR, private_dictionary_description, private_dictionary_VR
from pydicom.valuerep import DSfloat

from vtkdicomload.headers.attributes import FIELDS, MODALITY_LUT, SEQUENCES, parse_text

BY_NAME = {field.name: field for field in FIELDS.values()}
decimal, integer = BY_NAME["slope"].parse, BY_NAME["instance_number"].parse


PRIVATE = [tag for tag in FIELDS if tag >> 16 & 1]
PUBLIC = [tag for tag in FIELDS if tag not in PRIVATE]


@pytest.mark.parametrize("tag", PUBLIC)
def test_tag_keyword_and_vr_are_those_of_the_dictionary(tag):
    field = FIELDS[tag]
    assert dictionary_keyword(tag) == field.keyword
    assert all(vr.encode() in field.written.vrs for vr in dictionary_VR(tag).split(" or "))


def test_sequences_have_the_keywords_of_the_dictionary():
    assert {tag: dictionary_keyword(tag) for tag in SEQUENCES} == SEQUENCES
    assert {dictionary_VR(tag) for tag in (*SEQUENCES, MODALITY_LUT)} == {"SQ"}
    assert dictionary_keyword(MODALITY_LUT) == "ModalityLUTSequence"


MAKERS = {
    **dict.fromkeys((0x001910BB, 0x001910BC, 0x001910BD), "GEMS_ACQU_01"),
    0x0019: "SIEMENS MR HEADER",
    0x0029: "SIEMENS CSA HEADER",
    0x0043: "GEMS_PARM_01",
    0x2001: "Philips Imaging DD 001",
}


@pytest.mark.parametrize("tag", PRIVATE)
def test_private_tag_keyword_and_vr_are_those_of_the_dictionary(tag):
    field = FIELDS[tag]
    if tag & 0xFF00 == 0:
        assert (field.keyword, field.parse) == ("PrivateCreator", parse_text)
        return
    maker = MAKERS.get(tag) or MAKERS[tag >> 16]
    # GE packs several values into one attribute.
    description = private_dictionary_description(tag, maker).split("...")[0]
    assert description.replace(" ", "") == field.keyword
    vr = private_dictionary_VR(tag, maker)
    assert vr.encode() in field.written.vrs
    assert field.written.width == {"FD": 8, "FL": 4, "SL": 4}.get(vr, 1)


@given(value=st.binary(max_size=40))
@pytest.mark.parametrize("tag", PRIVATE)
def test_private_data_of_another_maker_is_no_error(tag, value):
    """Nor None, which would have the files of a series parsed one by one."""
    result = FIELDS[tag].parse(value)
    assert result is not None or FIELDS[tag].parse is parse_text


def test_every_field_has_its_own_name():
    assert len(BY_NAME) == len(FIELDS)


def test_no_attribute_identifies_a_patient():
    # PS3.15 E.1: names, IDs, birth dates and addresses of patients, and of those who treat them.
    for tag in PUBLIC:
        field = FIELDS[tag]
        assert not field.keyword.startswith(("Patient", "Institution", "Physician", "Operator", "Referring"))
        assert dictionary_VR(tag) != "PN"
        # The date of a list of series and that of an acquisition, never of a birth.
        assert dictionary_VR(tag) != "DA" or field.keyword in ("StudyDate", "AcquisitionDate")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"1", 1.0),
        (b".5", 0.5),
        (b"5.", 5.0),
        (b"+1", 1.0),
        (b"-1.25", -1.25),
        (b"1E2", 100.0),
        (b"1e-2", 0.01),
        (b"+.5E+1", 5.0),
        (b" 7 ", 7.0),
        (b"7\0", 7.0),
        (b"  7 \0\0", 7.0),
        (b"-0", 0.0),
        (b"0.1234567890123456789", 0.1234567890123456789),
    ],
)
def test_decimal_string(text, value):
    assert decimal(text) == value


@pytest.mark.parametrize("text", [b"", b" ", b"\0\0", b"   \0"])
def test_an_empty_number_is_absent(text):
    assert decimal(text) is None
    assert integer(text) is None


@pytest.mark.parametrize(
    "text",
    [
        b"text",
        b"1,5",
        b"1.2.3",
        b"NaN",
        b"nan",
        b"inf",
        b"-Infinity",
        b"1e999",
        b"1\\2",
        b"1 2",
        b"0x10",
        b"1_000",
        b"--1",
        b"1e",
        b".",
        b"+",
        b"1\n2",
        b"\xb2",
        "١".encode(),
        b"1\0002",
        b"\t1",
    ],
)
def test_what_is_no_decimal_string(text):
    with pytest.raises(ValueError, match=r".+"):
        decimal(text)


def test_a_decimal_comma_is_named():
    with pytest.raises(ValueError, match="decimal comma"):
        decimal(b"0,5")


def test_a_decimal_that_is_not_finite_is_named():
    with pytest.raises(ValueError, match="not finite"):
        decimal(b"1e400")


@pytest.mark.parametrize(("text", "value"), [(b"12", 12), (b"+3 ", 3), (b" -7\0", -7), (b"007", 7)])
def test_integer_string(text, value):
    assert integer(text) == value
    assert isinstance(integer(text), int)


@pytest.mark.parametrize("text", [b"1.0", b"1A", b"1\\2", b"1e3", b"1" * 13, b"1_0", b"one"])
def test_what_is_no_integer_string(text):
    with pytest.raises(ValueError, match=r".+"):
        integer(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_read_as_pydicom_reads_it(number):
    text = repr(number)
    assert decimal(text.encode()) == float(DSfloat(text)) == number


@pytest.mark.parametrize(
    ("name", "count"), [("position", 3), ("orientation", 6), ("imager_pixel_spacing", 2), ("pixel_spacing", 2)]
)
def test_multiplicity(name, count):
    parse = BY_NAME[name].parse
    parts = [str(i + 1) for i in range(count + 1)]
    assert parse("\\".join(parts[:count]).encode()) == tuple(float(p) for p in parts[:count])
    for wrong in (parts, parts[: count - 1]):
        with pytest.raises(ValueError, match=rf"{len(wrong)} values where {count} belong"):
            parse("\\".join(wrong).encode())
    with pytest.raises(ValueError, match="not a number"):
        parse("\\".join(["", *parts[1:count]]).encode())


@pytest.mark.parametrize("value", [b"0\\1", b"1\\0", b"-1\\1", b"-1\\-1"])
def test_pixel_spacing_must_be_a_distance(value):
    with pytest.raises(ValueError, match="no distance"):
        BY_NAME["pixel_spacing"].parse(value)


@pytest.mark.parametrize("value", [b"", b"  ", b"0\\0 ", b"0.000\\0.000 "])
def test_pixel_spacing_may_say_nothing(value):
    assert BY_NAME["pixel_spacing"].parse(value) is None


@pytest.mark.parametrize("value", [b"40\\80", b"40", b" 40 \\300"])
def test_first_of_several_windows(value):
    assert BY_NAME["window_center"].parse(value) == 40.0


@pytest.mark.parametrize("value", [b"", b"\x01", b"\x01\x02\x03", b"\x01\0\0\0"])
def test_a_word_has_two_bytes(value):
    with pytest.raises(ValueError, match="bytes where 2 belong"):
        BY_NAME["rows"].parse(value)


@given(st.integers(0, 0xFFFF))
def test_word(number):
    assert BY_NAME["rows"].parse(struct.pack("<H", number)) == number


@given(st.floats())
def test_double(number):
    value = BY_NAME["b_value"].parse(struct.pack("<d", number))
    assert value == number if math.isfinite(number) else value is None


def test_double_of_another_length():
    assert BY_NAME["b_value"].parse(b"") is None
    with pytest.raises(ValueError, match="4 bytes where 8 belong"):
        BY_NAME["b_value"].parse(bytes(4))


@pytest.mark.parametrize(
    ("value", "text"),
    [(b"CT\0", "CT"), (b" MR ", "MR"), (b"", None), (b" \0", None), (b"a\nb\x1b[0m", "a b [0m"), (b"\xe9t\xe9", "été")],
)
def test_text(value, text):
    assert parse_text(value) == text


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (b"ORIGINAL\\PRIMARY", ("ORIGINAL", "PRIMARY")),
        (b"A\\\\B ", ("A", "", "B")),
        (b"", ()),
        (b" \0", ()),
    ],
)
def test_several_texts(value, texts):
    assert BY_NAME["image_type"].parse(value) == texts


@pytest.mark.parametrize("field", FIELDS.values(), ids=lambda f: f.name)
@given(value=st.binary(max_size=40))
def test_any_bytes_give_a_value_or_a_value_error(field, value):
    try:
        result = field.parse(value)
    except ValueError:
        return
    assert result is None or isinstance(result, (int, float, str, bytes, tuple))


def test_binary_numbers_have_the_width_of_their_vr():
    widths = {"US": 2, "SS": 2, "FD": 8, "UL": 4, "SL": 4, "FL": 4}
    assert {t: FIELDS[t].written.width for t in PUBLIC} == {
        t: widths.get(dictionary_VR(t).split(" ")[0], 1) for t in PUBLIC
    }
