"""Modality lookup tables as they are written: empty, of signed pixels under US, of entries that exceed their bits."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless

import vtkdicomload as vdl
from vtkdicomload import CorruptFileError, DicomLoadWarning

if TYPE_CHECKING:
    from collections.abc import Callable

    from synthetic import Truth

    Write = Callable[..., Truth]
    Edit = Callable[[Dataset, int], None]


def with_lut(descriptor: Any, data: Any, *, vr: str = "US", data_vr: str = "OW", rescale: bool = False) -> Edit:
    def edit(dataset: Dataset, k: int) -> None:
        item = Dataset()
        if descriptor is not None:
            item.add_new(0x00283002, vr, descriptor)
        if data is not None:
            item.add_new(0x00283006, data_vr, data)
        dataset.ModalityLUTSequence = Sequence([item])
        if not rescale:
            del dataset.RescaleSlope, dataset.RescaleIntercept

    return edit


TABLE = (np.arange(4096) * 13 + 7).astype(np.uint16)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize(
    ("vr", "first"), [("US", 65536 - 2048), ("SS", -2048), ("US", 0), ("US", 5), ("US", 65535), ("SS", -1)]
)
def test_the_first_mapped_value_has_the_sign_of_the_pixels(series: Write, syntax: str, vr: str, first: int) -> None:
    words = TABLE.astype(">u2" if syntax == ExplicitVRBigEndian else "<u2").tobytes()
    truth = series(syntax=syntax, BitsStored=12, edit=with_lut([4096, first, 16], words, vr=vr))
    assert truth.stored.min() < 0 < truth.stored.max()
    lowest = first - 65536 if first > 32767 else first
    expected = TABLE[(truth.stored.astype(int) - lowest).clip(0, 4095)]
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, expected)


@pytest.mark.parametrize(("vr", "first"), [("US", 40000), ("US", 3), ("SS", -5)])
def test_the_first_mapped_value_of_unsigned_pixels_is_as_written(series: Write, vr: str, first: int) -> None:
    truth = series(dtype=np.uint16, edit=with_lut([4096, first, 16], TABLE.tobytes(), vr=vr))
    expected = TABLE[(truth.stored.astype(int) - first).clip(0, 4095)]
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, expected)


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("data_vr", ["OW", "US"])
def test_entries_that_exceed_their_bits_are_as_written_with_a_warning(series: Write, bits: int, data_vr: str) -> None:
    data = TABLE.tobytes() if data_vr == "OW" else TABLE.tolist()
    truth = series(dtype=np.uint16, edit=with_lut([4096, 0, bits], data, data_vr=data_vr))
    with pytest.warns(DicomLoadWarning, match=f"modality LUT of 5 files holds more than the {bits} bits"):
        volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, TABLE[truth.stored])


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_entries_within_any_number_of_bits_are_no_news(series: Write, bits: int) -> None:
    table = (np.arange(300) * 11 % (1 << bits)).astype(np.uint16)
    truth = series(dtype=np.uint16, edit=with_lut([300, 0, bits], table.tobytes()))
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, table[truth.stored])


@pytest.mark.parametrize("count", [256, 255])
@pytest.mark.parametrize("data_vr", ["OW", "US"])
def test_entries_of_8_bits_two_in_a_word(series: Write, count: int, data_vr: str) -> None:
    table = np.random.default_rng(2).integers(0, 256, 256).astype(np.uint8)
    data = table.tobytes() if data_vr == "OW" else table.view("<u2").tolist()
    truth = series(dtype=np.uint8, edit=with_lut([count, 0, 8], data, data_vr=data_vr))
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, table[truth.stored.clip(0, count - 1)])


EMPTY: dict[str, Edit] = {
    "an empty item": with_lut(None, None),
    "elements without a value": with_lut(None, b""),
    "no item": lambda d, k: setattr(d, "ModalityLUTSequence", Sequence([])),
    "an explanation alone": lambda d, k: setattr(d, "ModalityLUTSequence", Sequence([explained()])),
}


def explained() -> Dataset:
    item = Dataset()
    item.LUTExplanation = "nothing"
    return item


@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.uint8])
@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_lut_is_no_transform(series: Write, name: str, dtype: Any) -> None:
    truth = series(dtype=dtype, edit=EMPTY[name])
    with pytest.warns(DicomLoadWarning, match="the modality LUT of 5 files is empty"):
        volume = vdl.load(truth.folder, verify="all")
    np.testing.assert_array_equal(volume.frames, truth.stored)
    assert volume.engine == "direct"
    assert volume.dtype == dtype


def test_beside_an_empty_lut_slope_and_intercept_are_applied(series: Write) -> None:
    truth = series(syntax=JPEG2000Lossless, RescaleIntercept=-1000, edit=with_lut(None, None, rescale=True))
    with pytest.warns(DicomLoadWarning, match="slope and intercept are applied"):
        volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.stored.astype(int) - 1000)


@pytest.mark.parametrize(("slope", "intercept", "warned"), [(1, 0, 0), (2, -5, 1), (1, -5, 1)])
def test_a_lut_goes_before_another_rescale(series: Write, slope: int, intercept: int, warned: int) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        with_lut([64, 0, 16], (np.arange(64, dtype="<u2") * 3).tobytes(), rescale=True)(dataset, k)
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept

    truth = series(dtype=np.uint8, BitsStored=6, edit=edit)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.stored.astype(int) * 3)
    said = [w for w in heard if "the lookup table is taken" in str(w.message)]
    assert len(said) == len(heard) == warned


def test_an_empty_lut_beside_stored_values_is_no_news(series: Write) -> None:
    truth = series(edit=with_lut(None, None))
    np.testing.assert_array_equal(vdl.load(truth.folder, rescale=False).frames, truth.stored)


BROKEN = {
    "no descriptor": (with_lut(None, TABLE.tobytes()), "LUTDescriptor is missing"),
    "no data": (with_lut([4096, 0, 16], None), "LUTData is missing"),
    "too few entries": (with_lut([4096, 0, 16], TABLE[:4000].tobytes()), "4000 entries, its descriptor says 4096"),
    "too many entries": (with_lut([4000, 0, 16], TABLE.tobytes()), "4096 entries, its descriptor says 4000"),
    "two values": (with_lut([4096, 0], TABLE.tobytes()), "holds 2 values where 3 belong"),
    "entries of 0 bits": (with_lut([4096, 0, 0], TABLE.tobytes()), "entries of 0 bits"),
    "entries of 32 bits": (with_lut([4096, 0, 32], TABLE.tobytes()), "entries of 32 bits"),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("engine", ["auto", "pydicom"])
def test_a_lut_that_says_too_little_is_refused(series: Write, name: str, engine: str) -> None:
    edit, words = BROKEN[name]
    truth = series(dtype=np.uint16, edit=edit)
    with pytest.raises(CorruptFileError, match=words):
        vdl.load(truth.folder, engine=engine)
    np.testing.assert_array_equal(vdl.load(truth.folder, rescale=False, engine=engine).frames, truth.stored)
