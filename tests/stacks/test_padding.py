"""Padding of grey images: values, ranges of them, and what is told of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import Dataset

import vtkdicomload as vdl
from vtkdicomload.headers.parser import read_header
from vtkdicomload.stacks.padding import PaddingRange

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthetic import Truth

    Write = Callable[..., Truth]

_VR = {0: "US", 1: "SS"}


def pad(value: int | None, limit: int | None, signed: int = 1) -> Callable[[Dataset, int], None]:
    """Write PixelPaddingValue and PixelPaddingRangeLimit where they are given."""

    def edit(dataset: Dataset, _: int) -> None:
        for tag, word in ((0x00280120, value), (0x00280121, limit)):
            if word is not None:
                dataset.add_new(tag, _VR[signed], word)

    return edit


@pytest.mark.parametrize(
    ("value", "limit", "slope", "intercept", "told"),
    [
        (-2000, None, 1, 0, (-2000, -2000)),
        (-2000, -1500, 1, 0, (-2000, -1500)),
        (-1500, -2000, 1, 0, (-2000, -1500)),
        (-2000, -1500, 1, -24, (-2024, -1524)),
        (-2000, -1500, -2, 5, (3005, 4005)),
        (-7, -7, 1, 0, (-7, -7)),
        (None, -1500, 1, 0, None),
        (None, None, 1, 0, None),
    ],
)
def test_the_range_is_told_lowest_first_in_the_units_of_the_pixels(
    series: Write, value: int | None, limit: int | None, slope: int, intercept: int, told: tuple[float, float] | None
) -> None:
    truth = series(edit=pad(value, limit), RescaleSlope=slope, RescaleIntercept=intercept)
    volume = vdl.load(truth.folder)
    assert volume.padding_range == told
    assert volume.padding_value == (None if value is None else value * slope + intercept)
    stored = vdl.load(truth.folder, rescale=False)
    assert stored.padding_value == value
    ends = (value, limit) if limit is not None else (value, value)
    assert stored.padding_range == (None if value is None else (min(ends), max(ends)))


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
@pytest.mark.parametrize(("signed", "low", "high"), [(1, -32768, -30000), (0, 63000, 65535)])
def test_the_limit_is_signed_as_the_pixels_are(series: Write, syntax: str, signed: int, low: int, high: int) -> None:
    dtype = np.int16 if signed else np.uint16
    truth = series(edit=pad(high, low, signed), dtype=dtype, syntax=syntax)
    header = read_header(truth.files[0])
    assert (header.padding_value, header.padding_limit) == (high, low)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
@pytest.mark.parametrize(("kind", "bits"), [("Float", 32), ("DoubleFloat", 64)])
def test_padding_of_floats_has_attributes_of_its_own(series: Write, syntax: str, kind: str, bits: int) -> None:
    """The attributes of whole pixels, and of floats of another length, say nothing of it."""
    order = ">" if syntax.endswith(".2.2") else "<"

    def edit(dataset: Dataset, k: int) -> None:
        stored = np.frombuffer(dataset.PixelData, "<i2").astype(f"{order}f{bits // 8}")
        setattr(dataset, f"{kind}PixelData", stored.tobytes())
        for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
            delattr(dataset, name)
        dataset.BitsAllocated = bits
        dataset.PixelPaddingValue, dataset["PixelPaddingValue"].VR = 7, "SS"
        dataset.FloatPixelPaddingValue = dataset.DoubleFloatPixelPaddingValue = 3.5
        setattr(dataset, f"{kind}PixelPaddingValue", -1000.25)
        setattr(dataset, f"{kind}PixelPaddingRangeLimit", -999.5)

    truth = series(edit=edit, syntax=syntax, dtype=np.int16)
    volume = vdl.load(truth.folder)
    assert (volume.padding_value, volume.padding_range) == (-1000.25, (-1000.25, -999.5))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_padding_that_is_no_number_is_none(series: Write, value: float) -> None:
    """NaN pads without being told of."""

    def edit(dataset: Dataset, k: int) -> None:
        stored = np.frombuffer(dataset.PixelData, np.int16).astype("<f4")
        stored[0] = np.nan
        dataset.FloatPixelData, dataset.BitsAllocated = stored.tobytes(), 32
        dataset.FloatPixelPaddingValue = value
        for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
            delattr(dataset, name)

    volume = vdl.load(series(edit=edit, dtype=np.int16).folder)
    assert volume.padding_range is None
    assert np.isnan(volume.frames[:, 0, 0]).all()


def test_colour_and_values_of_a_lookup_table_have_none(series: Write) -> None:
    colour = series("colour", edit=pad(0, 9, 0), dtype=np.uint8, SamplesPerPixel=3)
    assert vdl.load(colour.folder).padding_value is None
    assert vdl.load(colour.folder).padding_range is None

    def look_up(dataset: Dataset, k: int) -> None:
        pad(0, 9, 0)(dataset, k)
        item = Dataset()
        item.add_new("LUTDescriptor", "US", [256, 0, 16])
        item.add_new("LUTData", "OW", (np.arange(256, dtype="<u2") * 3 + 7).tobytes())
        dataset.ModalityLUTSequence = [item]
        del dataset.RescaleSlope, dataset.RescaleIntercept

    mapped = series("mapped", edit=look_up, dtype=np.uint8)
    assert vdl.load(mapped.folder).padding_range is None
    assert vdl.load(mapped.folder, rescale=False).padding_range == (0, 9)


def test_slices_of_other_ranges_have_none_in_common(series: Write) -> None:
    truth = series(edit=lambda d, k: pad(-2000, -1000 - k)(d, k))
    assert vdl.load(truth.folder).padding_range is None
    assert vdl.load(truth.folder).padding_value == -2000


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.int32, np.float32, np.float64])
@pytest.mark.parametrize(
    ("slope", "intercept"), [(1, 0), (2, -100), (0.1, -100), (-3e-9, 0), (1e-3, 7.25), (0.7, -0.7)]
)
@pytest.mark.parametrize(("low", "high"), [(1, 1), (10, 30), (-40, 0), (0, 0)])
def test_stored_values_between_the_ends_are_padding_and_no_others(
    dtype: Any, slope: float, intercept: float, low: int, high: int
) -> None:
    """Whatever becomes of values in the type of a volume, padding is found as it was stored."""
    stored = np.arange(-128, 128)
    values = (stored * np.float64(slope) + intercept).astype(np.float64)
    kept = np.isfinite(values)
    if np.dtype(dtype).kind in "iu":
        limits = np.iinfo(dtype)
        kept = (values == np.rint(values)) & (values >= limits.min) & (values <= limits.max)
    ends = sorted((low * slope + intercept, high * slope + intercept))
    found = PaddingRange(*ends).covers(values[kept].astype(dtype))
    np.testing.assert_array_equal(found, ((stored >= low) & (stored <= high))[kept])


def test_a_range_that_no_pixel_can_have_covers_none() -> None:
    values = np.arange(256).astype(np.uint8)
    for ends in ((-2000.0, -1500.0), (300.0, 400.0), (2.25, 2.75)):
        assert not PaddingRange(*ends).covers(values).any()
    assert PaddingRange(-2000.0, 1.5).covers(values).sum() == 2
