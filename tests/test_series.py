"""A series: what it says of itself, its data sets, pickling, and loading it."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


def _only(source: Path) -> vdl.Series:
    (found,) = vdl.scan(source)
    return found


def test_a_series_says_what_its_files_say(data: Path) -> None:
    found = _only(data / "small_ct")
    files = sorted((data / "small_ct").iterdir())
    d = pydicom.dcmread(files[0])
    assert (found.uid, found.number, found.modality) == (d.SeriesInstanceUID, d.SeriesNumber, d.Modality)
    assert (found.rows, found.columns) == (d.Rows, d.Columns)
    assert found.transfer_syntax == d.file_meta.TransferSyntaxUID
    assert found.files == tuple(map(str, files))
    assert len(found.frames) == len(files)


def test_what_the_files_do_not_say_is_none(series: Write) -> None:
    found = _only(series(Modality=None, SeriesDescription=None, SeriesNumber=None).folder)
    assert (found.modality, found.description, found.number) == (None, None, None)
    assert found.title == "unnamed series"


def test_title_and_repr(series: Write) -> None:
    found = _only(series(seed=4, SeriesDescription="chest").folder)
    assert found.title == "#4 CT chest"
    assert repr(found) == "<Series #4 CT chest: 5×6×8, axial, Explicit VR Little Endian>"


@pytest.mark.parametrize("said", ["", "None"])
def test_a_description_that_says_nothing_is_left_out(series: Write, said: str) -> None:
    found = vdl.scan(series(SeriesDescription=said).folder)[0]
    assert found.description is None
    assert found.title == "#1 CT"


def test_control_characters_of_a_description_do_not_reach_the_screen(series: Write) -> None:
    found = _only(series(SeriesDescription="red\x1b[31m").folder)
    assert "\x1b" not in repr(found) + found.title + (found.description or "")


def test_the_most_frequent_transfer_syntax_stands_for_the_series(series: Write, tmp_path: Path) -> None:
    series("a", count=2, names=["1", "2"])
    series("b", count=5, syntax=RLELossless, names=["1", "2", "3", "4", "5"])
    series("c", count=1, syntax=ImplicitVRLittleEndian, names=["1"])
    found = _only(tmp_path)
    assert found.transfer_syntax == RLELossless
    assert found.encoding == "3 transfer syntaxes"


def test_a_dataset_is_everything_but_the_pixels(series: Write) -> None:
    truth = series()
    found = _only(truth.folder)
    for k, frame in enumerate(found.frames):
        dataset = found.dataset(k)
        assert dataset == pydicom.dcmread(frame.path, stop_before_pixels=True)
        assert "PixelData" not in dataset
    assert found.dataset().PatientName == "Secret^Name"


@pytest.mark.parametrize(
    ("orientation", "plane"),
    [
        ((1, 0, 0, 0, 1, 0), "axial"),
        ((-1, 0, 0, 0, -1, 0), "axial"),
        ((1, 0, 0, 0, 0, -1), "coronal"),
        ((0, 1, 0, 0, 0, -1), "sagittal"),
        ((1, 0, 0, 0, 0.8660254, 0.5), "oblique axial"),
        ((0.5, 0.8660254, 0, 0, 0, -1), "oblique sagittal"),
    ],
)
def test_plane(series: Write, orientation: tuple[float, ...], plane: str) -> None:
    assert _only(series(orientation=orientation).folder).plane == plane


def test_plane_without_and_with_several_orientations(series: Write, tmp_path: Path) -> None:
    assert _only(series("a", ImageOrientationPatient=None).folder).plane == "unknown"
    series("b/1", names=list("12345"))
    series("b/2", names=list("12345"), orientation=(1, 0, 0, 0, 0, -1))
    assert _only(tmp_path / "b").plane == "mixed"


def test_a_clean_series_is_its_own_only_stack(series: Write) -> None:
    found = _only(series().folder)
    assert found.stacks() == (found,)
    assert found.labels == ()


def test_load_is_load(series: Write) -> None:
    truth = series()
    found = _only(truth.folder)
    volume = found.load(engine="pydicom")
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert volume.engine == "pydicom"
    assert volume.frames.flags.c_contiguous
    with pytest.raises(TypeError):
        found.load(nonsense=1)


def test_load_uses_the_headers_of_the_scan(series: Write) -> None:
    truth = series()
    found = _only(truth.folder)
    (truth.folder / "late.dcm").write_bytes(b"arrived after the scan")
    np.testing.assert_array_equal(found.load().frames, truth.frames)


def test_a_series_survives_pickling_and_loads(series: Write) -> None:
    truth = series()
    again = pickle.loads(pickle.dumps(_only(truth.folder)))
    assert again.uid == truth.series_uid
    assert again.frames == _only(truth.folder).frames
    np.testing.assert_array_equal(again.load().frames, truth.frames)


def test_a_stack_survives_pickling(data: Path) -> None:
    stack = _only(data / "asl_4d").stacks()[3]
    again = pickle.loads(pickle.dumps(stack))
    assert (again.labels, again.files) == (stack.labels, stack.files)


def test_damaged_files_beside_a_series_go_with_it(series: Write) -> None:
    truth = series()
    (truth.folder / "cut.dcm").write_bytes(truth.files[0].read_bytes()[:-9])
    found = _only(truth.folder)
    assert [p.path for p in found.problems] == [str(truth.folder / "cut.dcm")]
    with pytest.raises(vdl.CorruptFileError, match=r"cut\.dcm"):
        found.load()
    with pytest.warns(vdl.DicomLoadWarning, match=r"1 file left out, as ignore= says: cut\.dcm"):
        volume = found.load(ignore=[found.problems[0].path])
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert volume.ignored == (found.problems[0].path,)


def test_native_syntaxes_are_named(series: Write) -> None:
    assert _only(series("a").folder).transfer_syntax == ExplicitVRLittleEndian
    assert _only(series("b", syntax=ImplicitVRLittleEndian).folder).encoding == "Implicit VR Little Endian"
