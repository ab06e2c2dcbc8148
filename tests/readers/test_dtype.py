"""The dtype rule: against VTK's choice of type, and spelled out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from stored_words import TRANSFORMS, word_type

from vtkdicomload import CorruptFileError
from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.parser import read_header
from vtkdicomload.readers.dtype import (
    Conversion,
    announce_conversion,
    choose_conversion,
    compute_stored_range,
    find_pixel_shape,
    find_stored_dtype,
    is_colour,
    is_fractional,
    is_identity,
    widen_conversion,
)


def vtk_type(path) -> np.dtype:
    from vtkmodules.util.numpy_support import get_numpy_array_type
    from vtkmodules.vtkIOImage import vtkDICOMImageReader

    reader = vtkDICOMImageReader()
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    return np.dtype(get_numpy_array_type(reader.GetDataScalarType()))


# VTK parses the two as float32, which cannot tell 2147483647 from 2147483648.
@pytest.mark.parametrize(("slope", "intercept"), [t for t in TRANSFORMS if t[1] != 2147483647])
@pytest.mark.parametrize(("allocated", "signed"), [(8, 0), (16, 0), (16, 1)])
def test_type_is_the_one_that_vtk_chooses(series, allocated, signed, slope, intercept):
    truth = series(count=1, dtype=word_type(allocated, signed), RescaleSlope=slope, RescaleIntercept=intercept)
    frames = make_frames(read_header(truth.files[0]))
    vtk = vtk_type(truth.files[0])
    conversion = choose_conversion(frames, rescale=True)
    if any(map(is_fractional, frames)):
        assert (conversion.dtype, vtk.kind) == (np.float32, "f")
    else:
        assert conversion.dtype == vtk


@pytest.mark.parametrize(
    ("stored", "signed", "slope", "intercept", "dtype", "checked"),
    [
        (8, 0, 1, 0, np.uint8, False),
        (8, 0, 1, 1, np.uint8, True),
        (8, 0, 1, -1, np.uint8, True),
        (7, 0, 2, 1, np.uint8, False),
        (7, 0, 2, 2, np.uint8, True),
        (8, 1, 1, 0, np.uint8, True),
        (8, 1, 1, 128, np.uint8, False),
        (8, 0, -1, 255, np.uint8, False),
        (12, 0, 1, -1024, np.int16, False),
        (15, 0, 1, -32768, np.int16, False),
        (15, 0, 1, -32769, np.int16, True),
        (15, 0, 1, -1, np.int16, False),
        (16, 0, 1, -1024, np.int16, True),
        (16, 0, 1, -32768, np.int16, False),
        (16, 0, 1, 0, np.uint16, False),
        (16, 0, 1, 1, np.uint16, True),
        (15, 0, 2, 1, np.uint16, False),
        (15, 0, 2, 2, np.uint16, True),
        (16, 1, 1, 0, np.int16, False),
        (16, 1, 1, 1, np.int16, True),
        (16, 1, 1, 32768, np.int16, True),
        (12, 1, -16, 0, np.int16, True),
        (12, 1, -15, 0, np.int16, False),
        (32, 0, 1, 0, np.uint32, False),
        (32, 1, 1, 0, np.int32, False),
        (32, 0, 1, -1, np.int32, True),
        (31, 0, 1, -1, np.int32, False),
        (31, 0, 1, 1, np.int32, True),
        (64, 0, 1, 0, np.uint64, False),
        (16, 0, 0.5, 0, np.float32, False),
        (8, 0, 1, 0.25, np.float32, False),
        (32, 0, 0.5, 0, np.float64, False),
    ],
)
def test_which_type_and_whether_it_is_checked(frame, stored, signed, slope, intercept, dtype, checked):
    allocated = next(a for a in (8, 16, 32, 64) if a >= stored)
    conversion = choose_conversion([frame(allocated, stored, signed, slope, intercept)], rescale=True)
    assert (conversion.dtype, conversion.checked) == (dtype, checked)


def test_all_frames_decide_together(frame):
    bits = {"allocated": 16, "stored": 12}
    plus, minus, half = frame(**bits), frame(**bits, intercept=-1024), frame(**bits, slope=0.5)
    high = frame(allocated=16, stored=16)
    assert choose_conversion([plus, plus], rescale=True).dtype == np.uint16
    assert choose_conversion([plus, minus], rescale=True) == Conversion(np.dtype(np.int16), rescale=True, checked=False)
    for order in itertools.permutations((plus, minus, high)):
        assert choose_conversion(order, rescale=True) == Conversion(np.dtype(np.int16), rescale=True, checked=True)
    for order in itertools.permutations((plus, minus, half)):
        assert choose_conversion(order, rescale=True).dtype == np.float32


@pytest.mark.parametrize(("slope", "intercept"), [(1e305, 0), (-1e305, 0), (1e304, 1.79e308)])
def test_values_beyond_every_float_are_refused(frame, slope, intercept):
    with pytest.raises(CorruptFileError, match="beyond every float64 → rescale=False"):
        choose_conversion([frame(slope=slope, intercept=intercept)], rescale=True)
    assert choose_conversion([frame(slope=slope, intercept=intercept)], rescale=False).dtype == np.uint16
    assert choose_conversion([frame(slope=1e303)], rescale=True).checked


@pytest.mark.parametrize(
    ("photometric", "shape"),
    [
        ("MONOCHROME1", (2, 3)),
        ("MONOCHROME2", (2, 3)),
        ("RGB", (2, 3, 3)),
        ("YBR_FULL", (2, 3, 3)),
        ("YBR_FULL_422", (2, 3, 3)),
        ("YBR_RCT", (2, 3, 3)),
        ("YBR_ICT", (2, 3, 3)),
        ("PALETTE COLOR", (2, 3, 3)),
    ],
)
def test_shape_of_a_frame(frame, photometric, shape):
    header = frame(photometric_interpretation=photometric).header
    assert find_pixel_shape(header) == shape
    assert is_colour(header) == (len(shape) == 3)


# ------------------------------------------------------------------------------------------------------- widening
@pytest.mark.parametrize(
    ("transforms", "dtype"),
    [
        ([{"signed": 1, "intercept": -1024}], np.int16),
        ([{"intercept": -1024}], np.int16),
        ([{"intercept": 1000}], np.uint16),
        ([{"stored": 12, "slope": 2, "intercept": -4096}], np.int16),
        ([{"signed": 1, "intercept": -1024, "padding_value": -2000.0}], np.int16),
        ([{"signed": 1, "intercept": -1024, "padding_value": -32768.0}], np.int32),
        ([{"signed": 1, "slope": 2}], np.int32),
        ([{"signed": 1, "slope": -3}], np.int32),
        ([{"signed": 1, "intercept": -1024}, {"signed": 1, "slope": 2}], np.int32),
        ([{"intercept": 100_000}], np.int32),
        ([{"slope": 1e9}], np.float64),
        ([{"allocated": 8, "intercept": -1}], np.int32),
        ([{"allocated": 8, "signed": 1}], np.int32),
        ([{"allocated": 8}], np.uint8),
        ([{"slope": 0.5}], np.float32),
        ([{"has_modality_lut": True}], np.uint16),
    ],
)
def test_the_announced_type_comes_from_headers_alone(frame, transforms, dtype):
    frames = [frame(**transform) for transform in transforms]
    assert announce_conversion(frames, choose_conversion(frames, rescale=True)).dtype == dtype


def test_wider_ends_with_float64():
    choices = [Conversion(np.dtype(t), rescale=True, checked=True) for t in (np.uint8, np.int16, np.uint16)]
    for conversion in choices:
        once = widen_conversion(conversion)
        assert once == Conversion(np.dtype(np.int32), rescale=True, checked=True)
        assert widen_conversion(once) == Conversion(np.dtype(np.float64), rescale=True, checked=False)


# ------------------------------------------------------------------------------------------------------- stored words
@pytest.mark.parametrize(("stored", "low", "high"), [(1, 0, 1), (8, 0, 255), (12, 0, 4095), (16, 0, 65535)])
def test_range_of_unsigned_words(frame, stored, low, high):
    assert compute_stored_range(frame(16, stored).header) == (low, high)


@pytest.mark.parametrize(("stored", "low", "high"), [(8, -128, 127), (12, -2048, 2047), (16, -32768, 32767)])
def test_range_of_signed_words(frame, stored, low, high):
    assert compute_stored_range(frame(16, stored, 1).header) == (low, high)


@pytest.mark.parametrize(
    ("allocated", "signed", "dtype"),
    [
        (1, 0, np.uint8),
        (8, 0, np.uint8),
        (8, 1, np.int8),
        (16, 0, np.uint16),
        (16, 1, np.int16),
        (32, 0, np.uint32),
        (32, 1, np.int32),
        (64, 1, np.int64),
    ],
)
def test_stored_type(frame, allocated, signed, dtype):
    assert find_stored_dtype(frame(allocated, signed=signed).header) == dtype


@pytest.mark.parametrize("allocated", [4, 12, 24, 40, 128])
def test_words_that_numpy_does_not_have(frame, allocated):
    with pytest.raises(TypeError):
        find_stored_dtype(frame(allocated).header)


@pytest.mark.parametrize(
    ("slope", "intercept", "same", "parts"),
    [
        (1, 0, True, False),
        (1, -0.0, True, False),
        (1, 1, False, False),
        (2, 0, False, False),
        (1e300, 0, False, False),
        (1, 0.1, False, True),
        (0.1, 0, False, True),
    ],
)
def test_identity_and_fractions(frame, slope, intercept, same, parts):
    one = frame(slope=slope, intercept=intercept)
    assert (is_identity(one), is_fractional(one)) == (same, parts)


@pytest.mark.parametrize("first", [0, 1])
def test_a_lookup_table_beside_fractions_gives_floats(frame, first):
    looked_up, halved = frame(allocated=16), frame(allocated=16)
    looked_up = looked_up._replace(header=looked_up.header._replace(has_modality_lut=True))
    halved = halved._replace(slope=0.5)
    frames = [looked_up, halved] if first == 0 else [halved, looked_up]
    assert choose_conversion(frames, rescale=True).dtype == np.float32


def test_a_lookup_table_is_always_checked(frame):
    looked_up, plain = frame(allocated=16), frame(allocated=16)
    looked_up = looked_up._replace(header=looked_up.header._replace(has_modality_lut=True))
    assert choose_conversion([plain._replace(intercept=-5.0), looked_up], rescale=True).checked
