"""The dtype rule, bit masks and the modality transform against float64 numpy, and the choice of type against VTK."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import raw_image

from vtkdicomload import CorruptFileError
from vtkdicomload.headers.attributes import DOUBLE_PIXEL_DATA, FLOAT_PIXEL_DATA
from vtkdicomload.headers.frames import frames_of
from vtkdicomload.headers.parser import read_header
from vtkdicomload.readers.dtype import (
    Conversion,
    ValueOverflow,
    announced,
    conversion_for,
    fractional,
    identity,
    is_colour,
    pixel_shape,
    stored_dtype,
    stored_range,
    wider,
)
from vtkdicomload.readers.rescale import masked, put, store

if TYPE_CHECKING:
    from vtkdicomload.headers.model import Frame


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Frame:
    path = tmp_path_factory.mktemp("values") / "a.dcm"
    path.write_bytes(raw_image())
    return frames_of(read_header(path))[0]


@pytest.fixture(scope="module")
def frame(plain):
    """A frame with the given bits and transform; its file does not matter here."""

    def make(allocated=16, stored=None, signed=0, slope=1.0, intercept=0.0, **fields) -> Frame:
        stored = allocated if stored is None else stored
        bits = {"bits_allocated": allocated, "bits_stored": stored, "high_bit": stored - 1}
        header = plain.header._replace(**bits, pixel_representation=signed, slope=slope, intercept=intercept, **fields)
        return plain._replace(header=header, slope=float(slope), intercept=float(intercept))

    return make


def loaded(stored, frames, *, rescale=True):
    """The values of a stack of frames, widened as often as they ask for it, and the conversion that held them."""
    conversion = conversion_for(frames, rescale=rescale)
    for _ in range(3):
        out = np.full(stored.shape, 77, conversion.dtype)
        try:
            for k, one in enumerate(frames):
                store(stored[k], one, conversion, out[k])
        except ValueOverflow:
            conversion = wider(conversion)
            continue
        return out, conversion
    raise AssertionError("nothing holds the values")


def words(allocated: int, signed: int) -> np.dtype:
    return np.dtype(f"{'i' if signed else 'u'}{allocated // 8}")


def edges(one: Frame) -> np.ndarray:
    """Stored words at and next to every edge that BitsStored allows, as one 2-D frame."""
    h = one.header
    low = -(1 << h.bits_stored - 1) if h.pixel_representation else 0
    high = low + (1 << h.bits_stored) - 1
    found = sorted(v for v in {low, low + 1, low // 2, 0, 1, high // 2, high - 1, high} if low <= v <= high)
    return np.array([found], words(h.bits_allocated, h.pixel_representation))


# ------------------------------------------------------------------------------------------------------- dtype
TRANSFORMS = [
    (1, 0),
    (1, -1024),
    (1, -1),
    (1, 1),
    (1, 100),
    (2, -4096),
    (-1, 0),
    (-1, 4095),
    (1, -32768),
    (1, 32767),
    (1, 65535),
    (65536, 0),
    (1, -2147483648),
    (3, 2147483647),
    (0.5, 0),
    (1, 0.5),
    (-0.1206, 3),
    (21.276, -1e-3),
]


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
    truth = series(count=1, dtype=words(allocated, signed), RescaleSlope=slope, RescaleIntercept=intercept)
    frames = frames_of(read_header(truth.files[0]))
    vtk = vtk_type(truth.files[0])
    conversion = conversion_for(frames, rescale=True)
    if any(map(fractional, frames)):
        assert (conversion.dtype, vtk.kind) == (np.float32, "f")
    else:
        assert conversion.dtype == vtk


@pytest.mark.parametrize(("slope", "intercept"), TRANSFORMS)
@pytest.mark.parametrize(
    ("allocated", "stored"), [(8, 8), (8, 7), (8, 1), (16, 16), (16, 12), (16, 9), (32, 32), (32, 20)]
)
@pytest.mark.parametrize("signed", [0, 1])
def test_values_are_those_of_float64_at_every_edge(frame, allocated, stored, signed, slope, intercept):
    one = frame(allocated, stored, signed, slope, intercept)
    pixels = edges(one)
    truth = pixels.astype(np.float64) * slope + intercept
    first = conversion_for([one], rescale=True)
    values, conversion = loaded(pixels[None], [one])
    if float(slope).is_integer() and float(intercept).is_integer():
        assert np.array_equal(values[0].astype(np.float64), truth)
    else:
        assert conversion.dtype == (np.float64 if allocated > 16 else np.float32)
        assert np.array_equal(values[0], truth.astype(conversion.dtype))
    # A type that needs no check really holds all that BitsStored allows.
    assert first.checked or conversion == first
    if first.dtype.kind in "iu":
        limits = np.iinfo(first.dtype)
        assert (truth.min() < limits.min or truth.max() > limits.max) == (conversion.dtype != first.dtype)


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
    conversion = conversion_for([frame(allocated, stored, signed, slope, intercept)], rescale=True)
    assert (conversion.dtype, conversion.checked) == (dtype, checked)


def test_all_frames_decide_together(frame):
    bits = {"allocated": 16, "stored": 12}
    plus, minus, half = frame(**bits), frame(**bits, intercept=-1024), frame(**bits, slope=0.5)
    high = frame(allocated=16, stored=16)
    assert conversion_for([plus, plus], rescale=True).dtype == np.uint16
    assert conversion_for([plus, minus], rescale=True) == Conversion(np.dtype(np.int16), rescale=True, checked=False)
    for order in itertools.permutations((plus, minus, high)):
        assert conversion_for(order, rescale=True) == Conversion(np.dtype(np.int16), rescale=True, checked=True)
    for order in itertools.permutations((plus, minus, half)):
        assert conversion_for(order, rescale=True).dtype == np.float32


def test_frames_with_different_transforms(frame):
    frames = [frame(stored=12, slope=s, intercept=i) for s, i in ((1, 0), (2, -5), (1, -4096), (-3, 7))]
    pixels = np.arange(4 * 12, dtype=np.uint16).reshape(4, 3, 4) * 80
    truth = np.array([p * f.slope + f.intercept for p, f in zip(pixels.astype(float), frames, strict=True)])
    values, conversion = loaded(pixels, frames)
    assert np.array_equal(values, truth)
    assert conversion.dtype == np.int16


def test_one_unscaled_frame_among_32_bit_frames_is_kept_whole(frame):
    frames = [frame(32), frame(32, intercept=-1)]
    pixels = np.array([[[0, 2**32 - 1]], [[5, 2**32 - 1]]], np.uint32)
    values, conversion = loaded(pixels, frames)
    assert conversion.dtype == np.float64
    assert values.tolist() == [[[0, 2**32 - 1]], [[4, 2**32 - 2]]]


@pytest.mark.parametrize("allocated", [8, 16, 32, 64])
@pytest.mark.parametrize("signed", [0, 1])
def test_without_rescale_the_stored_type_is_kept(frame, allocated, signed):
    one = frame(allocated, signed=signed, slope=0.5, intercept=-7)
    pixels = np.array([[0, 1, np.iinfo(words(allocated, signed)).max]], words(allocated, signed))
    values, conversion = loaded(pixels[None], [one], rescale=False)
    assert conversion == Conversion(words(allocated, signed), rescale=False, checked=False)
    assert np.array_equal(values[0], pixels)


@pytest.mark.parametrize(
    ("tag", "bits", "dtype"), [(FLOAT_PIXEL_DATA, 32, np.float32), (DOUBLE_PIXEL_DATA, 64, np.float64)]
)
def test_float_pixels(frame, tag, bits, dtype):
    one = frame(bits, signed=1, pixel_tag=tag)
    pixels = np.array([[-1.5, 0.1, 1e30]], dtype)
    values, conversion = loaded(pixels[None], [one])
    assert conversion.dtype == dtype
    assert np.array_equal(values[0], pixels)
    scaled = frame(bits, signed=1, pixel_tag=tag, slope=2, intercept=1)
    values, conversion = loaded(pixels[None], [scaled])
    assert conversion.dtype == np.float64
    assert np.array_equal(values[0], pixels.astype(np.float64) * 2 + 1)


@pytest.mark.parametrize(("slope", "intercept"), [(1e305, 0), (-1e305, 0), (1e304, 1.79e308)])
def test_values_beyond_every_float_are_refused(frame, slope, intercept):
    with pytest.raises(CorruptFileError, match="beyond every float64 → rescale=False"):
        conversion_for([frame(slope=slope, intercept=intercept)], rescale=True)
    assert conversion_for([frame(slope=slope, intercept=intercept)], rescale=False).dtype == np.uint16
    assert conversion_for([frame(slope=1e303)], rescale=True).checked


def test_colour_is_not_rescaled(frame):
    one = frame(8, samples=3, photometric_interpretation="RGB", slope=2, intercept=-1)
    pixels = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
    values, conversion = loaded(pixels, [one])
    assert conversion == Conversion(np.dtype(np.uint8), rescale=False, checked=False)
    assert np.array_equal(values, pixels)


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
    assert pixel_shape(header) == shape
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
    assert announced(frames, conversion_for(frames, rescale=True)).dtype == dtype


def test_wider_ends_with_float64():
    choices = [Conversion(np.dtype(t), rescale=True, checked=True) for t in (np.uint8, np.int16, np.uint16)]
    for conversion in choices:
        once = wider(conversion)
        assert once == Conversion(np.dtype(np.int32), rescale=True, checked=True)
        assert wider(once) == Conversion(np.dtype(np.float64), rescale=True, checked=False)


@pytest.mark.parametrize(
    ("intercept", "dtype"),
    [(-1024, np.int16), (-32769, np.int32), (2**31 - 1 - 2000, np.int32), (2**31 - 2000, np.float64)],
)
def test_only_values_that_do_not_fit_are_widened(frame, intercept, dtype):
    one = frame(16, intercept=intercept)
    pixels = np.array([[[0, 1, 2000]]], np.uint16)
    values, conversion = loaded(pixels, [one])
    assert conversion.dtype == dtype
    assert values.ravel().tolist() == [intercept, intercept + 1, intercept + 2000]


def test_an_empty_frame_fits_everything():
    out = np.empty((0, 3), np.int16)
    put(np.empty((0, 3)), Conversion(out.dtype, rescale=True, checked=True), out)
    assert out.size == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32])
def test_overflow_is_noticed_one_beyond_the_limit(dtype):
    limits = np.iinfo(dtype)
    conversion = Conversion(np.dtype(dtype), rescale=True, checked=True)
    out = np.zeros((1, 2), dtype)
    put(np.array([[limits.min, limits.max]], float), conversion, out)
    assert out.tolist() == [[limits.min, limits.max]]
    for beyond in (limits.min - 1, limits.max + 1):
        with pytest.raises(ValueOverflow):
            put(np.array([[0, beyond]], float), conversion, out)


@given(
    allocated=st.sampled_from([8, 16, 32]),
    signed=st.integers(0, 1),
    slope=st.integers(-70000, 70000).filter(bool),
    intercept=st.integers(-(2**33), 2**33),
    data=st.data(),
)
def test_integers_never_wrap(frame, allocated, signed, slope, intercept, data):
    stored = data.draw(st.integers(1 + signed, allocated))
    one = frame(allocated, stored, signed, slope, intercept)
    low, high = stored_range(one.header)
    pixels = data.draw(st.lists(st.integers(low, high), min_size=1, max_size=9))
    values, _ = loaded(np.array([[pixels]], words(allocated, signed)), [one])
    assert values.ravel().tolist() == [p * slope + intercept for p in pixels]


# ------------------------------------------------------------------------------------------------------- bits
@pytest.mark.parametrize(("allocated", "stored"), [(8, 8), (8, 5), (16, 16), (16, 12), (16, 2), (32, 24), (32, 32)])
@pytest.mark.parametrize("signed", [0, 1])
def test_bits_above_the_stored_ones_do_not_count(frame, allocated, stored, signed):
    header = frame(allocated, stored, signed).header
    raw = np.random.default_rng(5).integers(0, 1 << allocated, 500, np.uint64)
    truth = raw & ((1 << stored) - 1)
    truth = truth.astype(np.int64) - ((truth >> (stored - 1)) << stored).astype(np.int64) * signed
    pixels = raw.astype(f"u{allocated // 8}").view(words(allocated, signed))
    before = pixels.copy()
    result = masked(pixels, header)
    assert np.array_equal(result.astype(np.int64), truth)
    assert result.dtype == pixels.dtype
    # What was read is not changed in place.
    assert np.array_equal(pixels, before)


def test_clean_words_are_not_copied(frame):
    pixels = np.array([[0, 5, 4095]], np.uint16)
    assert masked(pixels, frame(16, 12).header) is pixels
    assert masked(pixels, frame(16, 16).header) is pixels


def test_words_without_sign_extension(frame):
    # 12 bits signed, as writers leave them that do not extend the sign: 0xFFF is -1.
    pixels = np.array([[0x0FFF, 0x0800, 0x07FF, 0]], np.int16)
    values, _ = loaded(pixels[None], [frame(16, 12, 1)])
    assert values.tolist() == [[[-1, -2048, 2047, 0]]]


def test_masking_leaves_floats_single_bits_and_nothing_alone(frame):
    floats = np.array([[1e9, -1e9]], np.float32)
    assert masked(floats, frame(32, 12, 1, pixel_tag=FLOAT_PIXEL_DATA).header) is floats
    bits = np.array([[0, 1]], np.uint8)
    assert masked(bits, frame(1, 1).header) is bits
    empty = np.empty((0, 2), np.uint16)
    assert masked(empty, frame(16, 12).header).shape == (0, 2)


@pytest.mark.parametrize(("stored", "low", "high"), [(1, 0, 1), (8, 0, 255), (12, 0, 4095), (16, 0, 65535)])
def test_range_of_unsigned_words(frame, stored, low, high):
    assert stored_range(frame(16, stored).header) == (low, high)


@pytest.mark.parametrize(("stored", "low", "high"), [(8, -128, 127), (12, -2048, 2047), (16, -32768, 32767)])
def test_range_of_signed_words(frame, stored, low, high):
    assert stored_range(frame(16, stored, 1).header) == (low, high)


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
    assert stored_dtype(frame(allocated, signed=signed).header) == dtype


@pytest.mark.parametrize("allocated", [4, 12, 24, 40, 128])
def test_words_that_numpy_does_not_have(frame, allocated):
    with pytest.raises(TypeError):
        stored_dtype(frame(allocated).header)


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
    assert (identity(one), fractional(one)) == (same, parts)


@pytest.mark.parametrize("first", [0, 1])
def test_a_lookup_table_beside_fractions_gives_floats(frame, first):
    looked_up, halved = frame(allocated=16), frame(allocated=16)
    looked_up = looked_up._replace(header=looked_up.header._replace(has_modality_lut=True))
    halved = halved._replace(slope=0.5)
    frames = [looked_up, halved] if first == 0 else [halved, looked_up]
    assert conversion_for(frames, rescale=True).dtype == np.float32


def test_a_lookup_table_is_always_checked(frame):
    looked_up, plain = frame(allocated=16), frame(allocated=16)
    looked_up = looked_up._replace(header=looked_up.header._replace(has_modality_lut=True))
    assert conversion_for([plain._replace(intercept=-5.0), looked_up], rescale=True).checked
