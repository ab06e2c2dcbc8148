"""The tree of exceptions: who is a kind of whom, what each carries, and that all of it survives pickling."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from vtkdicomload import errors
from vtkdicomload.errors import (
    CompressedPixelDataError,
    CorruptFileError,
    DicomLoadError,
    DicomLoadWarning,
    DuplicateSliceError,
    GeometryError,
    InconsistentSeriesError,
    MissingSliceError,
    MultipleSeriesError,
    NoDicomError,
    ReaderMismatchError,
    ShearedSeriesError,
    UnsupportedPixelDataError,
    ZeroPixelDataError,
    make_damaged_error,
    take_first_line,
)

PARENTS = {
    DicomLoadError: Exception,
    NoDicomError: DicomLoadError,
    CorruptFileError: DicomLoadError,
    MultipleSeriesError: DicomLoadError,
    InconsistentSeriesError: DicomLoadError,
    GeometryError: DicomLoadError,
    MissingSliceError: GeometryError,
    DuplicateSliceError: GeometryError,
    ShearedSeriesError: GeometryError,
    UnsupportedPixelDataError: DicomLoadError,
    CompressedPixelDataError: UnsupportedPixelDataError,
    ZeroPixelDataError: DicomLoadError,
    ReaderMismatchError: DicomLoadError,
    DicomLoadWarning: UserWarning,
}
# What a class takes beyond a message and files, with a value that pickles.
EXTRAS = {
    MultipleSeriesError: {"scan": ["series 0", "series 1"]},
    InconsistentSeriesError: {"stacks": ("a", "b")},
    MissingSliceError: {"gaps": (5.0, 5.0, 10.0)},
    DuplicateSliceError: {"stacks": ("a", "b", "c")},
    ShearedSeriesError: {"tilt": 14.0},
}
ERRORS = [c for c in PARENTS if issubclass(c, DicomLoadError)]


@pytest.mark.parametrize(("child", "parent"), PARENTS.items())
def test_tree(child, parent):
    assert child.__bases__[0] is parent
    assert child.__doc__


def test_docstring_draws_the_tree_that_is_there():
    drawn = set(re.findall(r"^\s*[│├└─ ]*(\w+(?:Error|Warning))\b", errors.__doc__, re.MULTILINE))
    assert drawn == {c.__name__ for c in PARENTS} == set(errors.__all__)


def test_built_in_bases_where_they_fit():
    assert issubclass(NoDicomError, FileNotFoundError)
    assert issubclass(CorruptFileError, ValueError)
    others = [c for c in ERRORS if c not in (NoDicomError, CorruptFileError)]
    assert not any(issubclass(c, (OSError, ValueError)) for c in others)


def test_no_dicom_is_caught_as_file_not_found():
    with pytest.raises(FileNotFoundError, match="nothing in x") as caught:
        raise NoDicomError("nothing in x: 3 other files", files=["a"])
    assert caught.value.files == ("a",)
    assert str(caught.value) == "nothing in x: 3 other files"


@pytest.mark.parametrize("kind", ERRORS)
def test_files_are_strings_and_may_be_absent(kind):
    assert kind("why").files == ()
    assert kind("why", files=iter([Path("a/b.dcm"), "c.dcm"])).files == (str(Path("a/b.dcm")), "c.dcm")


@pytest.mark.parametrize("kind", EXTRAS)
def test_attributes_have_a_value_when_not_given(kind):
    (name,) = EXTRAS[kind]
    assert getattr(kind("why"), name) in (None, (), 0.0)


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_keeps_type_message_and_attributes(kind, protocol):
    error = kind("what → how", files=["a.dcm", "b.dcm"], **EXTRAS.get(kind, {}))
    again = pickle.loads(pickle.dumps(error, protocol))
    assert type(again) is kind
    assert str(again) == str(error) == "what → how"
    assert again.files == ("a.dcm", "b.dcm")
    for name, value in EXTRAS.get(kind, {}).items():
        assert getattr(again, name) == value


def test_a_damaged_file_is_named_with_both_ways_past_it():
    error = make_damaged_error("a/b.dcm", "its frame is no image", part=", frame 3")
    assert str(error) == "a/b.dcm, frame 3: its frame is no image → get the file again, or ignore=['a/b.dcm']"
    assert error.files == ("a/b.dcm",)


@pytest.mark.parametrize(
    ("said", "kept"), [("one\ntwo", "one"), ("", "ValueError"), ("\n", "ValueError"), ("x" * 500, "x" * 200)]
)
def test_of_a_foreign_error_one_line_is_kept(said, kept):
    assert take_first_line(ValueError(said)) == kept
