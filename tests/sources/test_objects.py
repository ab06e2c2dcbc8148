"""What is in memory already is a source: bytes, file-like objects and Datasets, and nothing of it is echoed."""

from __future__ import annotations

import io
import logging
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian, JPEGLSLossless, RLELossless

import vtkdicomload as vdl
from vtkdicomload.sources.objects import hold_content, is_content

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]

pytestmark = pytest.mark.filterwarnings("ignore:.*left out:vtkdicomload.DicomLoadWarning")  # as the test says


def _network(data: bytes) -> Any:
    """A file-like object that cannot be wound back, as one over a network."""

    class Response:
        def read(self) -> bytes:
            return data

    return Response()


KINDS: dict[str, Callable[[Path], Any]] = {
    "bytes": lambda p: p.read_bytes(),
    "bytearray": lambda p: bytearray(p.read_bytes()),
    "memoryview": lambda p: memoryview(p.read_bytes()),
    "BytesIO": lambda p: io.BytesIO(p.read_bytes()),
    "a stream without seek": lambda p: _network(p.read_bytes()),
    "Dataset of a file": pydicom.dcmread,
    "Dataset with deferred pixels": lambda p: pydicom.dcmread(p, defer_size=50),
    "Dataset of bytes": lambda p: pydicom.dcmread(io.BytesIO(p.read_bytes())),
}


def _take_all(kind: str, paths: Sequence[Path]) -> list[Any]:
    return [KINDS[kind](path) for path in paths]


@pytest.mark.parametrize("syntax", [None, ImplicitVRLittleEndian, RLELossless, JPEGLSLossless])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_of_what_is_in_memory_is_loaded(series: Write, kind: str, syntax: str | None) -> None:
    truth = series(RescaleIntercept=-1000, **({"syntax": syntax} if syntax else {}))
    for source in (_take_all(kind, truth.files[::-1]), tuple(_take_all(kind, truth.files))):
        (found,) = vdl.scan(source)
        assert sorted(found.files) == [f"memory/{k}.dcm" for k in range(5)]
        for volume in (vdl.load(source), vdl.load_all(source)[0], found.load(verify="all")):
            np.testing.assert_array_equal(volume.frames, truth.frames)
            np.testing.assert_array_equal(volume.affine, vdl.load(truth.folder).affine)
        assert found.dataset(0).Modality == "CT"


@pytest.mark.parametrize("kind", KINDS)
def test_one_alone_is_loaded(series: Write, kind: str) -> None:
    truth = series(count=1)
    source = KINDS[kind](truth.files[0])
    np.testing.assert_array_equal(vdl.load(source).frames, truth.frames)
    (result,) = vdl.load_many([source])
    assert result.volume is not None
    pipeline = vdl.DICOMSeriesSource(source=source)
    pipeline.Update()
    assert pipeline.GetOutput().GetDimensions() == truth.frames.shape[::-1]


def test_what_is_in_memory_is_mixed_with_paths(series: Write, tmp_path: Path) -> None:
    truth = series()
    kinds = list(KINDS)
    source = [path if k % 2 else KINDS[kinds[k]](path) for k, path in enumerate(truth.files)]
    volume = vdl.load(source)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert [name.startswith("memory/") for name in volume.series.files] == [True, False] * 2 + [True]
    without = vdl.load(source, ignore="memory/0.dcm")
    np.testing.assert_array_equal(without.frames, truth.frames[1:])
    assert vdl.scan(source).source == "5 sources"


def test_bytes_that_may_be_a_path_are_one(series: Write) -> None:
    truth = series()
    np.testing.assert_array_equal(vdl.load(os.fsencode(truth.folder)).frames, truth.frames)
    np.testing.assert_array_equal(vdl.load([os.fsencode(p) for p in truth.files]).frames, truth.frames)
    with pytest.raises(vdl.NoDicomError, match=r"there is nothing at|no path of anything"):
        vdl.load(b"/no/such/folder")


def test_a_stream_is_read_from_its_beginning_and_stays_where_it_was(series: Write) -> None:
    truth = series(count=1)
    stream = io.BytesIO(truth.files[0].read_bytes())
    stream.seek(77)
    np.testing.assert_array_equal(vdl.load(stream).frames, truth.frames)
    assert stream.tell() == 77
    with open(truth.files[0], "rb") as file:
        np.testing.assert_array_equal(vdl.load(file).frames, truth.frames)
        assert not file.closed


def test_a_caller_who_changes_his_bytes_changes_no_volume(series: Write) -> None:
    truth = series(count=1)
    data = bytearray(truth.files[0].read_bytes())
    (found,) = vdl.scan(data)
    data[:] = bytes(len(data))
    np.testing.assert_array_equal(found.load().frames, truth.frames)


# ------------------------------------------------------------------------------------------------- Datasets
def test_a_dataset_stays_as_it_is(series: Write) -> None:
    truth = series()
    datasets = [pydicom.dcmread(path) for path in truth.files]
    for dataset in datasets:
        del dataset.file_meta
        dataset[0x00000002] = pydicom.DataElement(0x00000002, "UI", "1.2.840.10008.1.1")  # left over from a transfer
    before = [str(dataset) for dataset in datasets]
    np.testing.assert_array_equal(vdl.load(datasets).frames, truth.frames)
    assert [str(dataset) for dataset in datasets] == before
    assert not any(hasattr(dataset, "file_meta") for dataset in datasets)


def test_a_dataset_that_was_made_in_memory_is_loaded(series: Write) -> None:
    truth = series()
    made = []
    for path in truth.files:
        dataset = pydicom.Dataset()
        for element in pydicom.dcmread(path):
            dataset.add(element)
        made.append(dataset)
    np.testing.assert_array_equal(vdl.load(made).frames, truth.frames)


def test_a_dataset_that_was_decompressed_is_loaded(series: Write) -> None:
    truth = series(syntax=RLELossless)
    datasets = [pydicom.dcmread(path) for path in truth.files]
    for dataset in datasets:
        dataset.decompress()
    np.testing.assert_array_equal(vdl.load(datasets).frames, truth.frames)


def test_compressed_pixels_of_no_known_syntax_are_refused(series: Write) -> None:
    dataset = pydicom.dcmread(series(count=1, syntax=RLELossless).files[0])
    del dataset.file_meta
    with pytest.raises(vdl.CorruptFileError, match="compressed pixels, and its file_meta no TransferSyntaxUID"):
        vdl.load(dataset)


def test_a_dataset_that_cannot_be_written_is_one_damaged_file(series: Write) -> None:
    truth = series()
    datasets = [pydicom.dcmread(path) for path in truth.files]
    datasets[0].add_new(0x00090010, "ZZ", b"")  # a VR that there is not
    found = vdl.scan(datasets)
    assert [p.path for p in found.problems] == ["memory/0.dcm"]
    assert len(found[0].frames) == 4
    with pytest.raises(vdl.CorruptFileError, match=r"memory/0\.dcm: pydicom cannot write this Dataset") as caught:
        vdl.load(datasets)
    np.testing.assert_array_equal(vdl.load(datasets, **caught.value.remedies[-1].options).frames, truth.frames[1:])


# ------------------------------------------------------------------------------------------------- what is wrong
def test_text_streams_and_other_objects_are_refused(series: Write) -> None:
    with pytest.raises(TypeError, match="opened in binary mode: StringIO gives text"):
        vdl.load(io.StringIO("text"))
    for wrong in (3, [1, 2], {1: "a"}, object(), [object()], None):
        with pytest.raises(TypeError, match="source must be a folder"):
            vdl.load(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", bytes(600), b"no DICOM \0" * 100], ids=["empty", "zeros", "text"])
def test_bytes_that_are_no_dicom_are_a_problem(series: Write, content: bytes) -> None:
    truth = series()
    source = [content, *(path.read_bytes() for path in truth.files)]
    assert [p.path for p in vdl.scan(source).problems] == ["memory/0.dcm"]
    with pytest.raises(vdl.CorruptFileError, match=r"memory/0\.dcm: .*, where DICOM was expected"):
        vdl.load(source)


def test_nothing_of_what_was_passed_is_echoed(series: Write, caplog: pytest.LogCaptureFixture) -> None:
    truth = series(PatientName="SECRET^NAME", PatientID="SECRET")
    content = [path.read_bytes() for path in truth.files]
    datasets = [pydicom.dcmread(path) for path in truth.files]
    said: list[str] = []
    with caplog.at_level(logging.DEBUG, "vtkdicomload"):
        for source in (content, datasets):
            found = vdl.scan(source)
            said += [repr(found), found._repr_html_(), repr(found[0].frames), *map(repr, vdl.load_many([source]))]
            volume = found[0].load()
            said += [repr(volume), repr(volume.series)]
        for wrong in (
            lambda: vdl.load_many(content[0]),
            lambda: vdl.load_many(datasets[0]),
            lambda: vdl.load([content[0][:300], *content[1:]]),
            lambda: vdl.load(b"SECRET" * 200 + b"\0"),
            lambda: vdl.load([content, "SECRET"]),
        ):
            with pytest.raises((TypeError, vdl.DicomLoadError)) as caught:
                wrong()
            said += [str(caught.value), repr(caught.value)]
    said += [record.getMessage() for record in caplog.records]
    assert len(said) > 20
    assert not [words for words in said if "SECRET" in words or "\\x00" in words]


def test_what_is_content_and_what_is_a_path() -> None:
    assert all(map(is_content, (b"", b"a\0b", b"a\nb", b"a" * 5000, bytearray(b"a"), memoryview(b"a"), io.BytesIO())))
    assert not any(map(is_content, (b"a/path", "a\0b", ["a"], 3, None)))
    assert not is_content(pydicom)
    assert hold_content(b"a\0", 7).name == "memory/7.dcm"


def test_a_source_is_taken_while_another_thread_imports_pydicom(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series()
    monkeypatch.setitem(sys.modules, "pydicom", ModuleType("pydicom"))  # its Dataset is not there yet
    assert not is_content(str(truth.folder))
    np.testing.assert_array_equal(vdl.load(truth.folder, verify="none").frames, truth.frames)
