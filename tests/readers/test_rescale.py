"""Bit masks and the modality transform against float64 numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_words import TRANSFORMS, word_type

from vtkdicomload.headers.attributes import DOUBLE_PIXEL_DATA, FLOAT_PIXEL_DATA
from vtkdicomload.readers.dtype import (
    Conversion,
    ValueOverflow,
    choose_conversion,
    compute_stored_range,
    widen_conversion,
)
from vtkdicomload.readers.rescale import mask_words, put, store

if TYPE_CHECKING:
    from vtkdicomload.headers.model import Frame


def loaded(stored, frames, *, rescale=True):
    """The values of a stack of frames, widened as often as they ask for it, and the conversion that held them."""
    conversion = choose_conversion(frames, rescale=rescale)
    for _ in range(3):
        out = np.full(stored.shape, 77, conversion.dtype)
        try:
            for k, one in enumerate(frames):
                store(stored[k], one, conversion, out[k])
        except ValueOverflow:
            conversion = widen_conversion(conversion)
            continue
        return out, conversion
    raise AssertionError("nothing holds the values")


def edges(one: Frame) -> np.ndarray:
    """Stored words at and next to every edge that BitsStored allows, as one 2-D frame."""
    h = one.header
    low = -(1 << h.bits_stored - 1) if h.pixel_representation else 0
    high = low + (1 << h.bits_stored) - 1
    found = sorted(v for v in {low, low + 1, low // 2, 0, 1, high // 2, high - 1, high} if low <= v <= high)
    return np.array([found], word_type(h.bits_allocated, h.pixel_representation))


@pytest.mark.parametrize(("slope", "intercept"), TRANSFORMS)
@pytest.mark.parametrize(
    ("allocated", "stored"), [(8, 8), (8, 7), (8, 1), (16, 16), (16, 12), (16, 9), (32, 32), (32, 20)]
)
@pytest.mark.parametrize("signed", [0, 1])
def test_values_are_those_of_float64_at_every_edge(frame, allocated, stored, signed, slope, intercept):
    one = frame(allocated, stored, signed, slope, intercept)
    pixels = edges(one)
    truth = pixels.astype(np.float64) * slope + intercept
    first = choose_conversion([one], rescale=True)
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
    pixels = np.array([[0, 1, np.iinfo(word_type(allocated, signed)).max]], word_type(allocated, signed))
    values, conversion = loaded(pixels[None], [one], rescale=False)
    assert conversion == Conversion(word_type(allocated, signed), rescale=False, checked=False)
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


def test_colour_is_not_rescaled(frame):
    one = frame(8, samples=3, photometric_interpretation="RGB", slope=2, intercept=-1)
    pixels = np.arange(24, dtype=np.uint8).reshape(1, 2, 4, 3)
    values, conversion = loaded(pixels, [one])
    assert conversion == Conversion(np.dtype(np.uint8), rescale=False, checked=False)
    assert np.array_equal(values, pixels)


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
    low, high = compute_stored_range(one.header)
    pixels = data.draw(st.lists(st.integers(low, high), min_size=1, max_size=9))
    values, _ = loaded(np.array([[pixels]], word_type(allocated, signed)), [one])
    assert values.ravel().tolist() == [p * slope + intercept for p in pixels]


@pytest.mark.parametrize(("allocated", "stored"), [(8, 8), (8, 5), (16, 16), (16, 12), (16, 2), (32, 24), (32, 32)])
@pytest.mark.parametrize("signed", [0, 1])
def test_bits_above_the_stored_ones_do_not_count(frame, allocated, stored, signed):
    header = frame(allocated, stored, signed).header
    raw = np.random.default_rng(5).integers(0, 1 << allocated, 500, np.uint64)
    truth = raw & ((1 << stored) - 1)
    truth = truth.astype(np.int64) - ((truth >> (stored - 1)) << stored).astype(np.int64) * signed
    pixels = raw.astype(f"u{allocated // 8}").view(word_type(allocated, signed))
    before = pixels.copy()
    result = mask_words(pixels, header)
    assert np.array_equal(result.astype(np.int64), truth)
    assert result.dtype == pixels.dtype
    # What was read is not changed in place.
    assert np.array_equal(pixels, before)


def test_clean_words_are_not_copied(frame):
    pixels = np.array([[0, 5, 4095]], np.uint16)
    assert mask_words(pixels, frame(16, 12).header) is pixels
    assert mask_words(pixels, frame(16, 16).header) is pixels


def test_words_without_sign_extension(frame):
    # 12 bits signed, as writers leave them that do not extend the sign: 0xFFF is -1.
    pixels = np.array([[0x0FFF, 0x0800, 0x07FF, 0]], np.int16)
    values, _ = loaded(pixels[None], [frame(16, 12, 1)])
    assert values.tolist() == [[[-1, -2048, 2047, 0]]]


def test_masking_leaves_floats_single_bits_and_nothing_alone(frame):
    floats = np.array([[1e9, -1e9]], np.float32)
    assert mask_words(floats, frame(32, 12, 1, pixel_tag=FLOAT_PIXEL_DATA).header) is floats
    bits = np.array([[0, 1]], np.uint8)
    assert mask_words(bits, frame(1, 1).header) is bits
    empty = np.empty((0, 2), np.uint16)
    assert mask_words(empty, frame(16, 12).header).shape == (0, 2)
