"""What an error says goes past it does so: as data, and in the words of Python, of a shell and of a VTK pipeline."""

from __future__ import annotations

import copy
import os
import pickle
import shlex
import subprocess
import sys
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from synthetic import ROOT, Truth, write_dataset
from typer.testing import CliRunner

import vtkdicomload as vdl
from vtkdicomload.cli.app import app
from vtkdicomload.errors.remedies import (
    ENTER,
    RESAMPLE,
    GetAgain,
    LeaveOut,
    LoadFile,
    Remedy,
    SetOption,
    Step,
    TrustReader,
    Unpack,
)
from vtkdicomload.errors.wording import word_for_python, word_for_shell, word_for_vtk
from vtkdicomload.readers import direct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pydicom import Dataset

    Write = Callable[..., Truth]


@dataclass
class Case:
    """A source that is refused, and what goes past that."""

    error: type[vdl.DicomLoadError]
    source: Path
    remedies: tuple[Remedy, ...]
    options: dict[str, Any]  # with which it is refused


def _lean(dataset: Dataset, k: int) -> None:
    dataset.ImagePositionPatient = [-10, -20 + k, 30 + 2.5 * k]


def _two_echoes(dataset: Dataset, k: int) -> None:
    dataset.EchoTime = k % 2 + 1
    dataset.ImagePositionPatient = [0, 0, k // 2]


def _two_sizes(dataset: Dataset, k: int) -> None:
    if k % 2:
        dataset.Rows, dataset.Columns = dataset.Columns, dataset.Rows


def _share_a_place(dataset: Dataset, k: int) -> None:
    if k == 3:
        dataset.ImagePositionPatient = [-10, -20, 35]


IRREGULAR = SetOption("irregular", ("resample", "keep"))


def _build(name: str, series: Write, folder: Path) -> Case:
    """One refused source, by the name of what is wrong with it."""
    if name == "a file cut short":
        bad = str(folder / "cut.dcm")
        truth = series()
        (folder / "cut.dcm").write_bytes(truth.files[0].read_bytes()[:-9])
        return Case(vdl.CorruptFileError, folder, (GetAgain((bad,)), LeaveOut((bad,))), {})
    if name == "two empty files":
        series()
        bad_files = tuple(str(folder / f"it's {k}.dcm") for k in range(2))
        for k in range(2):
            (folder / f"it's {k}.dcm").touch()
        return Case(vdl.CorruptFileError, folder, (GetAgain(bad_files), SetOption("ignore", ("damaged",))), {})
    if name == "ten empty files":
        series()
        bad_files = tuple(str(folder / f"{k}.dcm") for k in range(10))
        for k in range(10):
            (folder / f"{k}.dcm").touch()
        return Case(vdl.CorruptFileError, folder, (GetAgain(bad_files), SetOption("ignore", ("damaged",))), {})
    if name == "two series":
        series("a", seed=1)
        series("b", seed=2, count=7)
        return Case(vdl.MultipleSeriesError, folder, (SetOption("series", (1, "largest")), Step.LOAD_ALL), {})
    if name == "two sizes":
        series(edit=_two_sizes)
        return Case(vdl.InconsistentSeriesError, folder, (SetOption("stack", (0, 1)), Step.LOAD_ALL), {})
    if name == "a slice missing":
        series().files[2].unlink()
        return Case(vdl.MissingSliceError, folder, (IRREGULAR,), {})
    if name == "a tilt":
        series(edit=_lean)
        return Case(vdl.ShearedSeriesError, folder, (IRREGULAR,), {})
    if name == "two echoes":
        series(edit=_two_echoes, count=6)
        return Case(vdl.DuplicateSliceError, folder, (SetOption("stack", (0, 1)), Step.LOAD_ALL), {})
    if name == "a useless orientation":
        series(ImageOrientationPatient=[1, 0, 0, 1, 0, 0])
        note = "loads the slices without a place in the patient"
        return Case(vdl.GeometryError, folder, (SetOption("order", ("natural",), note),), {})
    if name == "a reader for other files":
        series()
        return Case(vdl.UnsupportedPixelDataError, folder, (SetOption("engine", ("auto",)),), {"engine": "codec"})
    if name == "no real-world values":
        series()
        remedies = (SetOption("rescale", (True, False)),)
        return Case(vdl.UnsupportedPixelDataError, folder, remedies, {"rescale": "real-world"})
    if name == "too large":
        series()
        return Case(vdl.DicomLoadError, folder, (SetOption("max_bytes", (480,)),), {"max_bytes": 479})
    raise AssertionError(name)


# The first nine are refused by the commands too.
LOADABLE = (
    "a file cut short",
    "two empty files",
    "ten empty files",
    "two series",
    "two sizes",
    "a slice missing",
    "a tilt",
    "two echoes",
    "a useless orientation",
    "a reader for other files",
    "no real-world values",
    "too large",
)


@pytest.fixture(params=LOADABLE)
def case(request: pytest.FixtureRequest, series: Write, tmp_path: Path) -> Case:
    return _build(request.param, series, tmp_path)


def refused(case: Case) -> vdl.DicomLoadError:
    with pytest.raises(vdl.DicomLoadError) as caught:
        vdl.load(case.source, **case.options)
    return caught.value


def one_by_one(remedies: Sequence[Remedy]) -> Iterator[Remedy]:
    """The remedies that are options of `load`, one for each value that they offer."""
    for remedy in remedies:
        if isinstance(remedy, SetOption):
            yield from (SetOption(remedy.option, (value,)) for value in remedy.values)
        elif remedy.options:
            yield remedy


# ------------------------------------------------------------------------------------------------------- remedies load
def test_an_error_holds_its_remedies_as_data(case: Case) -> None:
    error = refused(case)
    assert type(error) is case.error
    assert error.remedies == case.remedies


def test_every_remedy_that_is_an_option_loads(case: Case) -> None:
    error = refused(case)
    for remedy in one_by_one(error.remedies):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", vdl.DicomLoadWarning)
            assert vdl.load(case.source, **{**case.options, **remedy.options}).frames.size
    if Step.LOAD_ALL in error.remedies:
        assert len(vdl.load_all(case.source)) == 2


def test_the_words_of_python_load(case: Case) -> None:
    error = refused(case)
    remedies = tuple(one_by_one(error.remedies))
    error.remedies = remedies  # which the words for many files refer to
    for words in word_for_python(remedies):
        names = {"vdl": vdl, "p": case.source, "error": error, "given": case.options}
        option, _, value = str(words).partition("=")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", vdl.DicomLoadWarning)
            call = f"vdl.load(p, **{{**given, {option!r}: {value}}})"
            assert eval(call, names).frames.size


@pytest.mark.parametrize("case", LOADABLE[:9], indirect=True)
@pytest.mark.parametrize("command", ["show", "surface", "bench"])
def test_the_words_of_the_shell_go_past_the_error_of_a_command(case: Case, tmp_path: Path, command: str) -> None:
    arguments = {"show": ["-o", "out.png"], "surface": ["--iso", "60", "-o", "out.stl"], "bench": ["--rounds", "1"]}
    output = [str(tmp_path / part) if part.startswith("out") else part for part in arguments[command]]
    error = refused(case)
    plain = CliRunner().invoke(app, [command, str(case.source), *output])
    if not isinstance(error, vdl.MultipleSeriesError):  # a command shows its series in a table
        assert error.message in plain.stderr
    options = {"--ignore", "--series", "--stack"} | ({"--irregular"} if command != "bench" else set())
    for words in word_for_shell(tuple(one_by_one(error.remedies)), options):
        if words is None or words == "an --ignore for each":
            continue
        if command == "surface" and words == "--irregular keep":
            continue  # which has no surface
        result = CliRunner().invoke(app, [command, str(case.source), *output, *shlex.split(words)])
        assert result.exit_code == 0, result.output
        assert not [line for line in result.stderr.splitlines() if not line.startswith("warning: ")]


def test_the_words_of_vtk_update_the_source(case: Case) -> None:
    source = vdl.DICOMSeriesSource(directory_name=case.source, recursive=True, **case.options)
    with pytest.raises(case.error) as caught:
        source.Update()
    error = source.GetError()
    assert isinstance(error, vdl.DicomLoadError)
    assert str(error) == str(caught.value)
    assert error.remedies == case.remedies
    words = [way for way in word_for_vtk(error.remedies) if way]
    assert str(error).startswith(error.message)
    assert all(way in str(error) for way in words)
    ways = tuple(one_by_one(error.remedies))
    for remedy, said in zip(ways, word_for_vtk(ways), strict=True):
        again = vdl.DICOMSeriesSource(directory_name=case.source, recursive=True, **case.options)
        with pytest.raises(case.error):
            again.Update()
        many = isinstance(remedy, LeaveOut) and len(remedy.files) > 8
        way = f"SetIgnore(source.GetError().remedies[{error.remedies.index(remedy)}].files)" if many else said
        exec(f"source.{way}", {"source": again})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", vdl.DicomLoadWarning)
            again.Update()
        assert again.GetOutput().GetNumberOfPoints()


def test_a_pipeline_is_offered_no_argument_of_load(series: Write, tmp_path: Path) -> None:
    series("a", seed=1)
    series("b", seed=2)
    with pytest.raises(vdl.MultipleSeriesError) as caught:
        vdl.DICOMSeriesSource(directory_name=tmp_path, recursive=True).Update()
    assert str(caught.value).endswith(' → SetSeries(0) or SetSeries("largest")')
    with pytest.raises(vdl.MultipleSeriesError) as caught:
        vdl.load(tmp_path)
    assert str(caught.value).endswith(' → series=0 or "largest", or load_all(p)')


# ------------------------------------------------------------------------------------------------------- other remedies
def test_an_archive_in_a_folder_is_entered_by_its_remedy(series: Write, tmp_path: Path) -> None:
    truth = series("in")
    (tmp_path / "out").mkdir()
    with zipfile.ZipFile(tmp_path / "out" / "a study.zip", "w") as archive:
        for path in truth.files:
            archive.write(path, path.name)
    with pytest.raises(vdl.NoDicomError) as caught:
        vdl.load(tmp_path / "out")
    assert caught.value.remedies == (ENTER,)
    np.testing.assert_array_equal(vdl.load(tmp_path / "out", **caught.value.remedies[0].options).frames, truth.frames)
    os.rename(tmp_path / "out" / "a study.zip", tmp_path / "out" / "study")
    with pytest.raises(vdl.NoDicomError) as caught:
        vdl.load(tmp_path / "out")
    (remedy,) = caught.value.remedies
    assert isinstance(remedy, LoadFile)
    np.testing.assert_array_equal(vdl.load(remedy.file).frames, truth.frames)


def test_a_compressed_file_in_a_folder_is_entered_by_its_remedy(series: Write) -> None:
    import gzip

    truth = series()
    path = truth.files[2]
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    with pytest.raises(vdl.CorruptFileError) as caught:
        vdl.load(truth.folder)
    enter, *_ = caught.value.remedies
    np.testing.assert_array_equal(vdl.load(truth.folder, **enter.options).frames, truth.frames)


def test_an_encrypted_archive_is_unpacked_by_its_remedy(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1.dcm", b"x")
    data = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + flags] |= 1
    path.write_bytes(data)
    with pytest.raises(vdl.CorruptFileError, match="its 1 files are encrypted") as caught:
        vdl.load(path)
    assert caught.value.remedies == (Unpack(str(path)),)


def test_which_of_two_images_in_one_place_is_the_slice_nothing_says(series: Write) -> None:
    truth = series(edit=_share_a_place)
    with pytest.raises(vdl.DuplicateSliceError) as caught:
        vdl.load(truth.folder)
    assert caught.value.remedies == ()
    assert {os.path.basename(path) for path in caught.value.files} == {"1-3.dcm", "1-4.dcm"}


def test_a_damaged_dicomdir_is_left_out_and_told(series: Write) -> None:
    from pydicom.data import get_testdata_file

    truth = series()
    index = Path(str(get_testdata_file("DICOMDIR"))).read_bytes()
    (truth.folder / "DICOMDIR").write_bytes(index[: len(index) // 2])
    with pytest.warns(vdl.DicomLoadWarning, match="1 file left out, damaged and of no series that is listed: DICOMDIR"):
        volume = vdl.load(truth.folder / "DICOMDIR")
    np.testing.assert_array_equal(volume.frames, truth.frames)


def test_what_is_no_image_has_the_remedy_to_load_images(data: Path) -> None:
    with pytest.raises(vdl.NoDicomError) as caught:
        vdl.load(data / "not_images" / "sr_document.dcm")
    assert caught.value.remedies == (Step.LOAD_IMAGES,)


@pytest.mark.parametrize(
    ("path", "remedy", "shell"),
    [
        ("~/no such", Step.EXPAND_HOME, "without the quotes"),
        ("no/*.dcm", Step.EXPAND_WILDCARDS, "without the quotes"),
        ("C:\new", Step.RAW_PATH, ""),
    ],
)
def test_a_path_that_a_shell_would_expand(path: str, remedy: Remedy, shell: str) -> None:
    with pytest.raises(vdl.NoDicomError) as caught:
        vdl.load(path)
    assert caught.value.remedies == (remedy,)
    assert str(caught.value.reworded(word_for_shell)) == caught.value.message + (f" → {shell}" if shell else "")


def test_an_encoding_without_a_decoder_is_exported_elsewhere(series: Write) -> None:
    truth = series(count=1)
    dataset = dcmread(truth.files[0])
    dataset.PixelData = encapsulate([b"\0\0\1\xb3" + bytes(60)])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    write_dataset(truth.files[0], dataset, "1.2.840.10008.1.2.4.100")
    with pytest.raises(vdl.CompressedPixelDataError) as caught:
        vdl.load(truth.folder)
    assert caught.value.remedies == (Step.EXPORT_UNCOMPRESSED,)


def _fill_with(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], None]) -> None:
    fill = direct.fill

    def changed(frames: Any, conversion: Any, out: Any, *rest: Any) -> Any:
        result = fill(frames, conversion, out, *rest)
        if len(frames) > 1:
            change(out)
        return result

    monkeypatch.setattr(direct, "fill", changed)


def test_zeros_that_are_not_in_the_file_ask_for_another_reader(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series()
    _fill_with(monkeypatch, lambda out: out[1].fill(0))
    with pytest.raises(vdl.ZeroPixelDataError) as caught:
        vdl.load(truth.folder)
    (remedy,) = caught.value.remedies
    assert remedy == SetOption("engine", ("pydicom",))
    np.testing.assert_array_equal(vdl.load(truth.folder, **remedy.options).frames, truth.frames)


def test_readers_that_disagree_leave_the_choice(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series()

    def add(out: Any) -> None:
        out[2, 3, 4] += 1

    _fill_with(monkeypatch, add)
    with pytest.raises(vdl.ReaderMismatchError) as caught:
        vdl.load(truth.folder)
    (remedy,) = caught.value.remedies
    assert remedy == TrustReader("direct")
    options = str(word_for_python([remedy])[0]).removesuffix(" once you know which is right")
    assert eval(f"vdl.load(p, {options})", {"vdl": vdl, "p": truth.folder}).frames.size
    source = vdl.DICOMSeriesSource(directory_name=truth.folder)
    for call in str(word_for_vtk([remedy])[0]).removesuffix(" once you know which is right").split(" and "):
        exec(f"source.{call}", {"source": source})
    source.Update()


def test_an_error_of_a_volume_asks_to_load_again(series: Write) -> None:
    truth = series()
    truth.files[2].unlink()
    with pytest.warns(vdl.DicomLoadWarning):
        volume = vdl.load(truth.folder, irregular="keep")
    with pytest.raises(vdl.GeometryError) as caught:
        volume.reorient("PSL")
    assert caught.value.remedies == (RESAMPLE,)
    assert str(caught.value).endswith(' → load(…, irregular="resample")')
    with pytest.warns(vdl.DicomLoadWarning):
        assert vdl.load(truth.folder, **RESAMPLE.options).reorient("PSL").frames.size


# ------------------------------------------------------------------------------------------------ kept on the way
@pytest.mark.parametrize("again", [lambda x: pickle.loads(pickle.dumps(x)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("wording", [word_for_python, word_for_shell, word_for_vtk])
def test_an_error_survives_pickling_and_copying(case: Case, again: Any, wording: Any) -> None:
    error = refused(case).reworded(wording)
    error.add_note("in the third of ten")
    made = again(error)
    assert type(made) is type(error)
    assert (str(made), made.message, made.files) == (str(error), error.message, error.files)
    assert made.remedies == error.remedies
    assert made.__notes__ == error.__notes__
    assert set(vars(made)) == set(vars(error))


def test_other_words_keep_the_cause_the_traceback_and_the_notes() -> None:
    cause = ValueError("no number")
    try:
        try:
            raise cause
        except ValueError as failure:
            raise vdl.MissingSliceError("a gap", files=["a"], remedies=[IRREGULAR], gaps=[1.0, 2.0]) from failure
    except vdl.MissingSliceError as caught:
        error = caught
    error.add_note("in one series")
    other = error.reworded(word_for_vtk)
    assert str(error) == 'a gap → irregular="resample" or "keep"'
    assert str(other) == 'a gap → SetIrregular("resample") or SetIrregular("keep")'
    assert other.__cause__ is cause
    assert other.__context__ is error.__context__
    assert other.__suppress_context__ is error.__suppress_context__
    assert other.__traceback__ is error.__traceback__
    assert (other.gaps, other.files, other.__notes__) == ((1.0, 2.0), ("a",), ["in one series"])
    other.add_note("and here")
    assert error.__notes__ == ["in one series"]


def test_other_words_leave_an_error_alone_where_dask_has_changed_how_exceptions_are_copied() -> None:
    code = (
        "import sys, distributed, vtkdicomload as vdl\n"
        "from vtkdicomload.errors.wording import word_for_vtk\n"
        "from vtkdicomload.errors.remedies import SetOption\n"
        "try:\n"
        "    raise vdl.GeometryError('a gap', remedies=[SetOption('irregular', ('keep',))])\n"
        "except vdl.GeometryError as caught:\n"
        "    error = caught\n"
        "other = error.reworded(word_for_vtk)\n"
        "print(error, other, error.detached().__traceback__, sep='|')\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'a gap → irregular="keep"|a gap → SetIrregular("keep")|None'


def test_series_uids_are_chosen_as_text(series: Write, tmp_path: Path) -> None:
    assert word_for_python([SetOption("series", (f"{ROOT}.1",))]) == [f'series="{ROOT}.1"']
    assert eval(str(word_for_python([SetOption("rescale", ('real-world:a "b"\\',))])[0].partition("=")[2])) == (
        'real-world:a "b"\\'
    )
