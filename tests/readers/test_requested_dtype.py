"""``dtype=``: exactly that type where it holds every value, by every reader; else an error with the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import RLELossless
from stored_words import word_type

import vtkdicomload as vdl
from vtkdicomload.errors import DicomLoadError
from vtkdicomload.errors.remedies import SetOption
from vtkdicomload.readers.dtype import ValueOverflow, choose_conversion, compute_stored_range
from vtkdicomload.readers.requested_dtype import DTYPES, make_overflow_error, request_dtype
from vtkdicomload.readers.rescale import store

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]

WHOLE = [d for d in DTYPES if d.kind in "iu"]


def holds(dtype: np.dtype[Any], value: int) -> bool:
    """Whether a type has just this whole number, by Python's own integers."""
    with np.errstate(all="ignore"):
        if dtype.kind == "f":
            return abs(value) <= 2 ** {4: 24, 8: 53}[dtype.itemsize]
    return int(np.iinfo(dtype).min) <= value <= int(np.iinfo(dtype).max)


@given(
    dtype=st.sampled_from(DTYPES),
    allocated=st.sampled_from([8, 16, 32]),
    signed=st.integers(0, 1),
    slope=st.sampled_from([1, 1, 1, -1, 2, 700, -70000]),
    intercept=st.sampled_from([0, 0, -1024, 1, 255, -32768, 40000, 2**24, -(2**31), 2**33]),
    data=st.data(),
)
def test_whole_numbers_come_out_exactly_or_not_at_all(
    frame: Any, dtype: np.dtype[Any], allocated: int, signed: int, slope: int, intercept: int, data: Any
) -> None:
    bits = data.draw(st.integers(1 + signed, allocated))
    one = frame(allocated, bits, signed, slope, intercept)
    low, high = compute_stored_range(one.header)
    near = st.sampled_from(sorted({low, high, 0, *(v for v in (-1, 1, 127, 128, 255, 256) if low <= v <= high)}))
    pixels = data.draw(st.lists(st.one_of(near, st.integers(low, high)), min_size=1, max_size=6))
    values = [p * slope + intercept for p in pixels]
    conversion = request_dtype([one], choose_conversion([one], rescale=True), dtype)
    assert conversion.dtype == dtype
    out = np.empty((1, len(pixels)), dtype)
    stored = np.array([pixels], word_type(allocated, signed))
    if all(holds(dtype, value) for value in values):
        store(stored, one, conversion, out)
        assert [int(v) for v in out[0]] == values
    else:
        with pytest.raises(ValueOverflow) as overflow:
            store(stored, one, conversion, out)
        assert (overflow.value.low, overflow.value.high) == (min(values), max(values))
        assert overflow.value.path == one.path


@pytest.mark.parametrize("dtype", WHOLE)
def test_fractions_are_no_whole_numbers(frame: Any, dtype: np.dtype[Any]) -> None:
    one = frame(16, slope=0.37)
    with pytest.raises(DicomLoadError, match=r"slope 0.37 and intercept 0 make fractions → dtype=\"float32\"") as error:
        request_dtype([one], choose_conversion([one], rescale=True), dtype)
    assert error.value.remedies[0].options == {"dtype": "float32"}
    stored = choose_conversion([one], rescale=False)
    assert request_dtype([one], stored, dtype).dtype == dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fractions_are_rounded_to_the_type(frame: Any, dtype: str) -> None:
    one = frame(32, slope=0.1, intercept=0.5)
    conversion = request_dtype([one], choose_conversion([one], rescale=True), np.dtype(dtype))
    stored = np.array([[0, 1, 2**31, 2**32 - 1]], np.uint32)
    out = np.empty((1, 4), dtype)
    store(stored, one, conversion, out)
    np.testing.assert_array_equal(out, (stored * 0.1 + 0.5).astype(dtype))


def test_fractions_beyond_single_precision_are_told(frame: Any) -> None:
    one = frame(16, slope=1e35, intercept=0.5)
    with pytest.raises(DicomLoadError, match=r'are beyond its range → dtype="float64"'):
        request_dtype([one], choose_conversion([one], rescale=True), np.dtype("float32"))


def test_stored_floats_beyond_single_precision_are_noticed(frame: Any) -> None:
    from vtkdicomload.headers.attributes import DOUBLE_PIXEL_DATA

    one = frame(64, pixel_tag=DOUBLE_PIXEL_DATA)
    conversion = request_dtype([one], choose_conversion([one], rescale=True), np.dtype("float32"))
    out = np.empty((1, 4), "float32")
    store(np.array([[0.1, np.nan, np.inf, -3e38]]), one, conversion, out)
    np.testing.assert_array_equal(out, np.float32([[0.1, np.nan, np.inf, -3e38]]))
    with pytest.raises(ValueOverflow):
        store(np.array([[0.1, np.nan, 1e39]]), one, conversion, np.empty((1, 3), "float32"))


@pytest.mark.parametrize("engine", ["auto", "direct", "codec", "vtk", "pydicom"])
@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "uint64", "float32", "float64", float, np.int64, "<i4"])
def test_every_engine_gives_the_type(series: Write, engine: str, dtype: Any) -> None:
    syntax = {"syntax": RLELossless} if engine == "codec" else {}
    truth = series(count=3, rows=4, columns=5, RescaleIntercept=40, **syntax)
    volume = vdl.load(truth.folder, engine=engine, dtype=dtype, verify="all")
    assert volume.engine == ("direct" if engine == "auto" else engine)
    assert volume.dtype == np.dtype(dtype)
    assert volume.frames.flags.c_contiguous
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert dict(volume.checks)["second reader"].startswith("3 of 3 frames equal to")


@pytest.mark.parametrize("engine", ["direct", "vtk", "pydicom"])
def test_a_value_that_does_not_fit_is_told_with_its_file(series: Write, engine: str) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        dataset.PixelData = np.full((6, 8), 300 if k == 3 else 7, np.int16).tobytes()

    truth = series(RescaleIntercept=-5, edit=edit)
    name = truth.files[3].name
    words = (
        rf"values 295 … 295 of {name} do not fit uint8, which holds 0 … 255 → dtype=\"int32\" or \"float32\", or leave"
    )
    with pytest.raises(DicomLoadError, match=words) as error:
        vdl.load(truth.folder, dtype="uint8", engine=engine)
    assert error.value.files == (str(truth.files[3]),)
    for remedy in error.value.remedies:
        assert isinstance(remedy, SetOption)
        assert vdl.load(truth.folder, **remedy.options).frames.max() == 295


def test_what_a_float_holds_exactly_is_said(frame: Any) -> None:
    one = frame(32)
    own = choose_conversion([one], rescale=True)
    conversion = request_dtype([one], own, np.dtype("float32"))
    overflow = ValueOverflow(0, 2**25 + 1)
    overflow.path = one.path
    error = make_overflow_error([one], own, conversion, overflow)
    assert "values 0 … 33554433 of a.dcm do not fit float32, which holds -16777216 … 16777216 exactly" in str(error)
    assert error.remedies[0] == SetOption("dtype", ("float64",))


def test_colour_and_stored_values_take_a_type_too(series: Write) -> None:
    colour = series("colour", dtype=np.uint8, SamplesPerPixel=3)
    volume = vdl.load(colour.folder, dtype=np.float32)
    assert (volume.dtype, volume.frames.shape[3]) == (np.float32, 3)
    np.testing.assert_array_equal(volume.frames, colour.frames)
    plain = series("plain", RescaleSlope=0.25)
    stored = vdl.load(plain.folder, dtype="int32", rescale=False)
    np.testing.assert_array_equal(stored.frames, plain.stored)


@pytest.mark.parametrize("dtype", ["float16", "bool", "complex64", ">i2", "f16", "S4", [("a", "i2")], "nonsense", 3])
def test_a_type_that_volumes_do_not_have_is_refused(series: Write, dtype: Any) -> None:
    with pytest.raises(ValueError, match=r"dtype must be one of int8, .* float64, in native byte order, not "):
        vdl.load(series().folder, dtype=dtype)
    with pytest.raises(ValueError, match="dtype must be one of"):
        vdl.load_many([], dtype=dtype)
