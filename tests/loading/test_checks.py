"""The guard: true blanks pass, false zeros and disagreeing readers do not, and its words name files but no patient."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom.uid import ExplicitVRBigEndian, JPEGLSLossless, RLELossless

import vtkdicomload as vdl
from vtkdicomload import ReaderMismatchError, UnsupportedPixelDataError, ZeroPixelDataError
from vtkdicomload.errors import make_damaged_error
from vtkdicomload.headers.frames import make_frames
from vtkdicomload.headers.parser import read_header
from vtkdicomload.loading import second_reader
from vtkdicomload.readers import codec, direct, vtk
from vtkdicomload.readers import pydicom as plain
from vtkdicomload.readers.dtype import Conversion, choose_conversion

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydicom import Dataset
    from synthetic import Truth

    from vtkdicomload.headers.model import Frame

    Write = Callable[..., Truth]

READER = SimpleNamespace(NAME="direct")


def frames(truth: Truth) -> list[Frame]:
    return [make_frames(read_header(f))[0] for f in truth.files]


def blank(*slices: int, value: int = 0) -> Callable[[Dataset, int], None]:
    def edit(dataset: Dataset, k: int) -> None:
        if k in slices:
            dataset.PixelData = np.full((6, 8), value, np.int16).tobytes()

    return edit


def giving(change: Callable[[Any, int], None], fill: Callable[..., Any] = direct.fill) -> Callable[..., Any]:
    """A reader's `fill` whose result is changed afterwards."""

    def changed(frames: Any, conversion: Conversion, out: Any, step: Any, workers: int | None = None) -> Any:
        words = fill(frames, conversion, out, step, workers)
        for k in range(len(frames)):
            change(out[k], k)
        return words

    return changed


def zero(slice_: int) -> Callable[[Any, int], None]:
    def change(out: Any, k: int) -> None:
        if k == slice_:
            out[...] = 0

    return change


# ------------------------------------------------------------------------------------------------------ zeros
def test_stored_zeros_are_true_blanks(series: Write) -> None:
    truth = series(edit=blank(0, 4))
    volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert dict(volume.checks)["zero guard"] == "2 of 5 slices are blank, as in the files"


def test_values_that_rescale_to_zero_are_true_blanks(series: Write) -> None:
    truth = series(edit=blank(1, value=1024), RescaleIntercept=-1024)
    volume = vdl.load(truth.folder)
    assert not volume.frames[1].any()
    assert dict(volume.checks)["zero guard"].startswith("1 of 5")


def test_zeros_with_an_intercept_are_no_blanks(series: Write) -> None:
    truth = series(edit=blank(1), RescaleIntercept=-1024)
    volume = vdl.load(truth.folder)
    assert (volume.frames[1] == -1024).all()
    assert dict(volume.checks)["zero guard"].startswith("0 of 5")


@pytest.mark.parametrize("verify", ["none", "probe", "all"])
def test_false_zeros_are_refused(series: Write, monkeypatch: pytest.MonkeyPatch, verify: str) -> None:
    truth = series()
    monkeypatch.setattr(direct, "fill", giving(zero(3)))
    with pytest.raises(ZeroPixelDataError, match=r"direct gave zeros for 1-4\.dcm \(Explicit VR Little Endian\)") as e:
        vdl.load(truth.folder, verify=verify)
    assert e.value.files == (str(truth.files[3]),)
    assert 'engine="pydicom"' in str(e.value)


def test_false_zeros_in_big_endian_are_refused(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series(syntax=ExplicitVRBigEndian)
    monkeypatch.setattr(direct, "fill", giving(zero(0)))
    with pytest.raises(ZeroPixelDataError, match="but the file holds values"):
        vdl.load(truth.folder, verify="none")


def test_zeros_where_the_intercept_belongs_are_refused(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series(edit=blank(1), RescaleIntercept=-1024)
    monkeypatch.setattr(direct, "fill", giving(zero(1)))
    with pytest.raises(ZeroPixelDataError):
        vdl.load(truth.folder, verify="none")


def test_zeros_where_stored_values_belong_are_refused(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series(edit=blank(1, value=1024), RescaleIntercept=-1024)
    monkeypatch.setattr(direct, "fill", giving(zero(1)))
    with pytest.raises(ZeroPixelDataError):
        vdl.load(truth.folder, verify="none", rescale=False)


def test_a_blank_middle_row_is_not_a_blank_slice(series: Write) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        pixels = np.frombuffer(dataset.PixelData, np.int16).reshape(6, 8).copy()
        pixels[3] = 0
        dataset.PixelData = pixels.tobytes()

    truth = series(edit=edit)
    volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert dict(volume.checks)["zero guard"].startswith("0 of 5")


def test_one_value_outside_the_middle_row_is_enough(series: Write) -> None:
    def edit(dataset: Dataset, k: int) -> None:
        pixels = np.zeros((6, 8), np.int16)
        pixels[0, 0] = k
        dataset.PixelData = pixels.tobytes()

    truth = series(edit=edit)
    volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert dict(volume.checks)["zero guard"].startswith("1 of 5")


@pytest.mark.parametrize("rescale", [True, False])
def test_what_lies_above_bits_stored_is_no_value(series: Write, rescale: bool) -> None:
    garbage = {"BitsStored": 12, "edit": lambda d, _: setattr(d, "PixelData", b"\0\xf0" * 48)}
    truth = series(count=2, dtype=np.uint16, **garbage, RescaleIntercept=0 if rescale else -5)
    volume = vdl.load(truth.folder, rescale=rescale)
    assert not volume.frames.any()
    assert dict(volume.checks)["zero guard"].startswith("2 of 2")


def test_the_padding_byte_of_an_odd_slice_is_no_value(series: Write) -> None:
    one = series(count=2, rows=1, columns=1, dtype=np.uint8, RescaleIntercept=-1, edit=lambda d, _: odd(d))
    assert not vdl.load(one.folder).frames.any()


def odd(dataset: Dataset) -> None:
    dataset.PixelData = b"\1\0"


# ------------------------------------------------------------------------------------------------------ second reader
def plus_one_at(slice_: int) -> Callable[[Any, int], None]:
    def change(out: Any, k: int) -> None:
        if k == slice_:
            out[4, 6] += 1

    return change


@pytest.mark.parametrize(("verify", "slice_", "seen"), [("probe", 2, True), ("probe", 1, False), ("all", 1, True)])
def test_one_wrong_pixel_is_seen_where_it_is_looked_for(
    series: Write, monkeypatch: pytest.MonkeyPatch, verify: str, slice_: int, seen: bool
) -> None:
    truth = series()
    monkeypatch.setattr(direct, "fill", giving(plus_one_at(slice_)))
    if not seen:
        vdl.load(truth.folder, verify=verify)
        return
    with pytest.raises(ReaderMismatchError) as caught:
        vdl.load(truth.folder, verify=verify)
    value = truth.stored[slice_, 4, 6]
    words = str(caught.value)
    assert f"1 of 48 pixels of 1-{slice_ + 1}.dcm" in words
    assert f"direct has {value + 1}, " in words
    assert f" {value} at row 4, column 6" in words
    assert 'engine="direct", verify="none"' in words
    assert caught.value.files == (str(truth.files[slice_]),)


@pytest.mark.parametrize("error", [ZeroPixelDataError, ReaderMismatchError])
def test_messages_name_no_patient(series: Write, monkeypatch: pytest.MonkeyPatch, error: type) -> None:
    truth = series(PatientName="Secret^Person", PatientID="ID-12345", PatientBirthDate="19630412")
    change = zero(2) if error is ZeroPixelDataError else plus_one_at(2)
    monkeypatch.setattr(direct, "fill", giving(change))
    with pytest.raises(error) as caught:
        vdl.load(truth.folder)
    for secret in ("Secret", "Person", "12345", "19630412"):
        assert secret not in str(caught.value).replace(str(truth.folder), "")


def test_nothing_is_read_twice_unasked(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series()
    for reader in (vtk, plain):
        monkeypatch.setattr(reader, "fill", None)
    monkeypatch.setattr(direct, "fill", giving(plus_one_at(2)))
    volume = vdl.load(truth.folder, verify="none")
    assert dict(volume.checks)["second reader"] == "not asked for"


@pytest.mark.parametrize(("verify", "words"), [("probe", "1 of 93 frames"), ("all", "93 of 93 frames")])
def test_vtk_is_the_witness_where_it_is_right(ct_head: Path, verify: str, words: str) -> None:
    checks = dict(vdl.load(ct_head, verify=verify).checks)
    assert checks["second reader"] == f"{words} equal to vtk"


@pytest.mark.parametrize("engine", ["vtk", "pydicom", "direct"])
def test_no_reader_is_its_own_witness(ct_head: Path, engine: str) -> None:
    checks = dict(vdl.load(ct_head, engine=engine, verify="all").checks)
    assert f"equal to {engine}" not in checks["second reader"]
    assert checks["second reader"].startswith("93 of 93")


def test_each_frame_has_the_best_witness_for_it(data: Path) -> None:
    # One of the files writes its position in a way that VTK may read wrongly.
    checks = dict(vdl.load(data / "small_ct", verify="all").checks)
    counted = [words.split(" of 17 frames equal to ") for words in checks["second reader"].split(", ")]
    assert [reader for _, reader in counted] == ["vtk", "pydicom"]
    assert sum(int(count) for count, _ in counted) == 17


def test_without_a_second_reader_it_is_said(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "_explain_missing_decoder", lambda _: "no decoder")
    path = series(syntax=JPEGLSLossless).folder
    with pytest.warns(vdl.DicomLoadWarning, match="no second reader could look at 5 of 5 compressed frames"):
        checks = dict(vdl.load(path, verify="all").checks)
    assert checks["second reader"].startswith("none: ")


def test_a_witness_that_cannot_read_is_no_witness(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series()

    def unable(*_: Any) -> Any:
        raise UnsupportedPixelDataError("cannot")

    def failing(frames: Any, *_: Any) -> Any:
        raise make_damaged_error(frames[0].path, "pydicom cannot read it: RuntimeError: bad marker", part=", frame 3")

    monkeypatch.setattr(vtk, "fill", unable)
    monkeypatch.setattr(plain, "fill", failing)
    volume = vdl.load(truth.folder)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    result = dict(volume.checks)["second reader"]
    assert result == (
        "none: vtk failed for 1 of 5 frames: cannot; "
        "pydicom failed for 1 of 5 frames: pydicom cannot read it: RuntimeError: bad marker"
    )


def test_a_witness_that_fails_for_some_frames_says_for_how_many(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series(syntax=RLELossless)
    fill = plain.fill

    def failing(frames: Any, *others: Any) -> Any:
        if frames[0].path in map(str, truth.files[1:3]):
            raise make_damaged_error(frames[0].path, "pydicom cannot read it: " + "x" * 500)
        return fill(frames, *others)

    monkeypatch.setattr(plain, "fill", failing)
    with pytest.warns(vdl.DicomLoadWarning, match="no second reader could look at 2 of 5 compressed frames"):
        volume = vdl.load(truth.folder, verify="all")
    result = dict(volume.checks)["second reader"]
    assert result.startswith("3 of 5 frames equal to pydicom; pydicom failed for 2 of 5 frames: pydicom cannot read it")
    assert str(truth.folder) not in result
    assert len(result) < 300


def test_a_fault_of_a_witness_is_not_silent(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: Any) -> Any:
        raise AttributeError("a fault of ours")

    monkeypatch.setattr(vtk, "fill", faulty)
    truth = series()
    with pytest.raises(AttributeError, match="a fault of ours"):
        vdl.load(truth.folder)


def verified(syntax: str, series: Write, difference: float, **options: Any) -> vdl.Check:
    """`verify` of pixels that are off by `difference`, of streams that are said to be lossy or not."""
    truth = series(**options)
    found = frames(truth)
    conversion = choose_conversion(found, rescale=True)
    out = truth.frames.astype(conversion.dtype)
    out[2, 1, 1] += np.array(difference).astype(conversion.dtype)

    def fill(asked: list[Frame], _: Any, again: Any, step: Any) -> tuple[str, ...]:
        again[0] = truth.frames[found.index(asked[0])]
        return ()

    witness = SimpleNamespace(NAME="witness", refusal=lambda *_: None, fill=fill)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(second_reader, "READERS", (READER, witness))
        patch.setattr(second_reader, "may_round", lambda _: syntax == LOSSY_J2K)
        return second_reader.verify(range(len(found)), found, conversion, out, READER)  # type: ignore[arg-type]


NATIVE, LOSSY_J2K, LOSSLESS_J2K = (f"1.2.840.10008.1.2.{x}" for x in ("1", "4.91", "4.90"))


@pytest.mark.parametrize(
    ("syntax", "difference", "slope", "same"),
    [
        (NATIVE, 0, 1, True),
        (NATIVE, 1, 1, False),
        (LOSSLESS_J2K, 1, 1, False),
        (LOSSY_J2K, 2, 1, True),
        (LOSSY_J2K, -2, 1, True),
        (LOSSY_J2K, 3, 1, False),
        (LOSSY_J2K, 4, 2, True),
        (LOSSY_J2K, 6, 2, False),
    ],
)
def test_lossy_decoders_may_round_apart_and_others_not(
    series: Write, syntax: str, difference: int, slope: int, same: bool
) -> None:
    if same:
        assert verified(syntax, series, difference, RescaleSlope=slope).result == "5 of 5 frames equal to witness"
        return
    with pytest.raises(ReaderMismatchError, match="1 of 48 pixels"):
        verified(syntax, series, difference, RescaleSlope=slope)


def test_floats_may_differ_in_their_last_place(series: Write) -> None:
    assert verified(NATIVE, series, 1e-6, RescaleSlope=0.37, RescaleIntercept=-5.5)
    with pytest.raises(ReaderMismatchError):
        verified(NATIVE, series, 0.01, RescaleSlope=0.37, RescaleIntercept=-5.5)


def test_lossy_floats_may_round_apart_as_integers_may(series: Write) -> None:
    assert verified(LOSSY_J2K, series, 0.37, RescaleSlope=0.37, RescaleIntercept=-5.5)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compressed_frames_are_compared_too(series: Write, monkeypatch: pytest.MonkeyPatch, syntax: str) -> None:
    truth = series(syntax=syntax)
    np.testing.assert_array_equal(vdl.load(truth.folder, verify="all").frames, truth.frames)
    if plain._explain_missing_decoder(syntax):
        return
    monkeypatch.setattr(codec, "fill", giving(plus_one_at(2), codec.fill))
    with pytest.raises(ReaderMismatchError, match="codec has"):
        vdl.load(truth.folder)
