"""What the frames of one volume must share: the error, its numbers, its files and its hint where they do not."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.uid import ImplicitVRLittleEndian, JPEGLSLossless, RLELossless

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom import Dataset
    from synthetic import Truth

    Write = Callable[..., Truth]


def _at(k: int, **attributes: Any) -> Callable[[Dataset, int], None]:
    """An edit of slice `k` alone; None takes an attribute out."""

    def edit(dataset: Dataset, slice_: int) -> None:
        for keyword, value in attributes.items() if slice_ == k else ():
            if value is None:
                dataset.pop(keyword, None)
            else:
                setattr(dataset, keyword, value)

    return edit


def _as_bytes(dataset: Dataset, k: int) -> None:
    if k == 3:
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        dataset.PixelData = bytes(48)


def _as_float(dataset: Dataset, k: int) -> None:
    if k == 1:
        dataset.FloatPixelData = np.zeros(48, "<f4").tobytes()
        dataset.BitsAllocated = 32
        del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation


def _as_colour(dataset: Dataset, k: int) -> None:
    if k == 1:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
        dataset.PixelData = dataset.PixelData * 3


DIFFERENT = {
    "rows and columns": (_at(2, Rows=8, Columns=6), 2, "rows × columns differ: 6×8 in 4 frames, 8×6 in 1 frame"),
    "bits allocated": (_as_bytes, 3, "bits allocated differ: 16 in 4 frames, 8 in 1 frame"),
    "signedness": (_at(0, PixelRepresentation=0), 0, "signedness differ: signed in 4 frames, unsigned in 1 frame"),
    "photometric": (
        _at(4, PhotometricInterpretation="MONOCHROME1"),
        4,
        "photometric interpretation differ: MONOCHROME2 in 4 frames, MONOCHROME1 in 1 frame",
    ),
    "samples": (_as_colour, 1, "samples per pixel differ: 1 in 4 frames, 3 in 1 frame"),
    "spacing": (
        _at(1, PixelSpacing=[0.8, 0.51]),
        1,
        r"PixelSpacing differs: 0.8\0.5 mm in 4 frames, 0.8\0.51 mm in 1 frame",
    ),
    "no spacing": (
        _at(1, PixelSpacing=None),
        1,
        r"PixelSpacing differs: 0.8\0.5 mm in 4 frames, no PixelSpacing in 1 frame",
    ),
    "orientation": (
        _at(2, ImageOrientationPatient=[1, 0, 0, 0, 0, -1]),
        2,
        r"orientation differs: 1\0\0\0\1\0 in 4 frames, 1\0\0\0\0\-1 in 1 frame",
    ),
    "slight turn": (
        _at(2, ImageOrientationPatient=[0.999848, 0.017452, 0, -0.017452, 0.999848, 0]),
        2,
        "orientation differs",
    ),
    "no orientation": (_at(2, ImageOrientationPatient=None), 2, "no ImageOrientationPatient in 1 frame"),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_one_slice_that_differs_is_named_with_the_numbers(series: Write, case: str) -> None:
    edit, k, words = DIFFERENT[case]
    truth = series(edit=edit, dtype=np.uint8 if case == "samples" else np.int16)
    path = truth.folder / f"1-{k + 1}.dcm"
    with pytest.raises(vdl.InconsistentSeriesError, match=re.escape(words)) as caught:
        vdl.load(truth.folder)
    assert caught.value.files == (str(path),)
    assert path.name in str(caught.value)


def test_float_beside_integer_pixels_are_refused(series: Write) -> None:
    truth = series(edit=_as_float)
    with pytest.raises(vdl.InconsistentSeriesError):
        vdl.load(truth.folder)


@pytest.mark.parametrize("case", ["rows and columns", "spacing", "orientation", "signedness"])
def test_the_hint_goes_past_it(series: Write, case: str) -> None:
    """A localizer among the slices: chosen by ``stack=``, or left out by ``ignore=`` (a slice is then missing)."""
    edit, k, _ = DIFFERENT[case]
    truth = series(edit=edit)
    with pytest.raises(vdl.InconsistentSeriesError) as caught:
        vdl.load(truth.folder)
    message = str(caught.value)
    if "ignore=" in message:
        ignored = ast.literal_eval(message.split("ignore=")[1])
        assert ignored == [str(truth.folder / f"1-{k + 1}.dcm")]
        options: dict[str, Any] = {"ignore": ignored}
    else:
        assert message.endswith("→ stack=0 or 1, or load_all(p)" if k in (0, 4) else "→ stack=1")  # where all load
        assert len(caught.value.stacks) == 2
        options = {"stack": "largest"}
    rest = [i for i in range(5) if i != k]
    if k in (0, 4):
        volume = vdl.load(truth.folder, **options)
    else:
        with pytest.raises(vdl.MissingSliceError):
            vdl.load(truth.folder, **options)
        with pytest.warns(vdl.DicomLoadWarning, match="not evenly spaced"):
            volume = vdl.load(truth.folder, irregular="keep", **options)
    np.testing.assert_array_equal(volume.frames, truth.frames[rest])


def test_a_localizer_is_a_stack_of_its_own(series: Write) -> None:
    def localizer(dataset: Dataset, k: int) -> None:
        if k == 5:
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
            dataset.ImagePositionPatient = [0, 0, 100]
            dataset.PixelSpacing = [2, 2]

    truth = series(count=6, edit=localizer)
    with pytest.raises(vdl.InconsistentSeriesError) as caught:
        vdl.load(truth.folder)
    assert [len(s.frames) for s in caught.value.stacks] == [5, 1]
    np.testing.assert_array_equal(vdl.load(truth.folder, stack="largest").frames, truth.frames[:5])


@pytest.mark.parametrize(
    "edit",
    [
        _at(2, PixelSpacing=[0.80000001, 0.5]),
        _at(2, ImageOrientationPatient=[0.9999999, 0, 0.00005, 0, 1, 0]),
        _at(2, BitsStored=12, HighBit=11),
        _at(2, SliceThickness=7),
        _at(2, WindowCenter=7, WindowWidth=9, InstanceNumber=77),
    ],
    ids=["spacing in the 8th digit", "orientation in the 5th", "bits stored", "thickness", "window"],
)
def test_what_does_not_matter_may_differ(series: Write, edit: Callable[[Dataset, int], None]) -> None:
    truth = series(edit=edit, dtype=np.uint16)
    stored = truth.stored.copy()
    assert stored.max() < 4096
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)


def test_slices_in_other_encodings_are_one_volume(series: Write) -> None:
    truth = series("a")
    for k, syntax in ((0, ImplicitVRLittleEndian), (2, RLELossless)):
        truth.files[k].write_bytes(series(f"b{k}", syntax=syntax).files[k].read_bytes())
    for engine in ("auto", "pydicom"):
        np.testing.assert_array_equal(vdl.load(truth.folder, engine=engine).frames, truth.frames)
    truth.files[4].write_bytes(series("c", syntax=JPEGLSLossless).files[4].read_bytes())
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)


def test_a_multi_frame_file_among_single_ones_is_refused(series: Write) -> None:
    def two_frames(dataset: Dataset, k: int) -> None:
        if k == 1:
            dataset.NumberOfFrames = 2
            dataset.PixelData = dataset.PixelData * 2

    truth = series(edit=two_frames)
    with pytest.raises(vdl.DicomLoadError):
        vdl.load(truth.folder)


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
@pytest.mark.parametrize("how", ["missing", "empty"])
def test_a_rescale_that_one_slice_lacks_is_said(series: Write, keyword: str, how: str) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        if k == 2:
            setattr(dataset, keyword, "")
            if how == "missing":
                delattr(dataset, keyword)

    truth = series(RescaleSlope=2, RescaleIntercept=-10, edit=edit)
    with pytest.warns(vdl.DicomLoadWarning, match=r"missing or empty in 1 of 5 frames \(1-3\.dcm\): slope 1 and"):
        volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.frames)
