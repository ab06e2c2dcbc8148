"""Which files a source means: every kind, natural order, what is never opened, words for what is not there."""

from __future__ import annotations

import gzip
import os
import socket
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from vtkmodules.vtkCommonCore import vtkStringArray

import vtkdicomload as vdl
from vtkdicomload.sources.reasons import Reason
from vtkdicomload.sources.resolve import find_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]


def _string_array(paths: tuple[Path, ...]) -> vtkStringArray:
    names = vtkStringArray()
    for path in paths:
        names.InsertNextValue(str(path))
    return names


SOURCES: dict[str, Callable[[Truth], Any]] = {
    "folder as Path": lambda t: t.folder,
    "folder as str": lambda t: str(t.folder),
    "folder with a slash": lambda t: f"{t.folder}/",
    "list of Path": lambda t: list(t.files),
    "list of str": lambda t: [str(p) for p in t.files],
    "list of bytes": lambda t: [os.fsencode(p) for p in t.files],
    "tuple": lambda t: t.files,
    "generator": lambda t: (p for p in t.files),
    "numpy array of str": lambda t: np.array([str(p) for p in t.files]),
    "vtkStringArray": lambda t: _string_array(t.files),
    "list of the folder": lambda t: [t.folder],
    "file and files": lambda t: [t.files[3], *t.files[:3], t.files[4]],
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_kind_of_source_gives_the_same_volume(series: Write, kind: str) -> None:
    truth = series("study")
    np.testing.assert_array_equal(vdl.load(SOURCES[kind](truth)).frames, truth.frames)
    (found,) = vdl.scan(SOURCES[kind](truth))
    assert sorted(found.files) == sorted(map(str, truth.files))


def test_a_file_means_that_file_only(series: Write) -> None:
    truth = series(count=3)
    volume = vdl.load(truth.files[1])
    np.testing.assert_array_equal(volume.frames, truth.frames[1:2])
    assert volume.spacing == (0.5, 0.8, 2.0)  # SliceThickness, for want of a neighbour


@pytest.mark.parametrize("source", [None, 3, 2.5, [None], ["x", 3], object()])
def test_what_is_no_source_is_a_type_error_that_lists_what_is(source: Any) -> None:
    with pytest.raises(TypeError, match="a folder, a file, a sequence of paths, a vtkStringArray or a Series"):
        vdl.load(source)


def test_a_scan_is_no_source_and_the_message_says_how(series: Write) -> None:
    truth = series()
    with pytest.raises(TypeError, match=r"load\(scan\[0\]\)"):
        vdl.load(vdl.scan(truth.folder))


@pytest.mark.parametrize("source", [[], (), vtkStringArray()])
def test_an_empty_sequence_holds_nothing(source: Any) -> None:
    with pytest.raises(vdl.NoDicomError, match="empty sequence"):
        vdl.load(source)


def test_a_folder_lists_its_names_in_natural_order_files_before_folders(tmp_path: Path) -> None:
    names = ["IM10", "IM9", "IM1", "b/IM2", "a10/x", "a9/x"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = [os.path.relpath(p, tmp_path) for p in (file.name for file in find_files(tmp_path).files)]
    assert found == ["IM1", "IM9", "IM10", "a9/x", "a10/x", "b/IM2"]


def test_the_files_of_a_list_stay_in_the_order_given(series: Write) -> None:
    given = [str(p) for p in reversed(series().files)]
    assert [file.name for file in find_files(given).files] == given
    assert list(vdl.scan(given)[0].files) == given


def test_nested_folders_are_walked_unless_told_otherwise(series: Write, tmp_path: Path) -> None:
    truth = series("a/b/c")
    np.testing.assert_array_equal(vdl.load(tmp_path).frames, truth.frames)
    flat = vdl.scan(tmp_path, recursive=False)
    assert len(flat) == 0
    assert [(s.path, s.reason) for s in flat.skipped] == [(str(tmp_path / "a"), Reason.FOLDER)]


def test_hidden_entries_are_passed_over(series: Write) -> None:
    truth = series(count=3)
    (truth.folder / "._1-1.dcm").write_bytes(b"\0\5\x16\7")
    (truth.folder / ".backup.dcm").write_bytes(truth.files[0].read_bytes())
    (truth.folder / ".cache").mkdir()
    (truth.folder / ".cache" / "copy.dcm").write_bytes(truth.files[0].read_bytes())
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)
    assert [s.reason for s in vdl.scan(truth.folder).skipped] == [Reason.HIDDEN] * 3


def test_a_hidden_file_that_is_named_is_read(series: Write, tmp_path: Path) -> None:
    hidden = tmp_path / ".hidden.dcm"
    truth = series("s", count=1)
    truth.files[0].rename(hidden)
    np.testing.assert_array_equal(vdl.load(hidden).frames, truth.frames)


def test_unicode_and_spaces_in_names(series: Write, tmp_path: Path) -> None:
    truth = series("Früh Kopf 日本", names=[f"ß {k}.dcm" for k in range(5)])
    np.testing.assert_array_equal(vdl.load(tmp_path).frames, truth.frames)


# ------------------------------------------------------------------------------------------------------------- links
def test_links_to_folders_and_files_are_followed(series: Write, tmp_path: Path) -> None:
    truth = series("real", count=3)
    (tmp_path / "linked").symlink_to(truth.folder)
    (tmp_path / "files").mkdir()
    for path in truth.files:
        (tmp_path / "files" / path.name).symlink_to(path)
    for source in (tmp_path / "linked", tmp_path / "files"):
        np.testing.assert_array_equal(vdl.load(source).frames, truth.frames)


def test_a_folder_reached_twice_is_read_once(series: Write, tmp_path: Path) -> None:
    truth = series("real")
    (tmp_path / "again").symlink_to(truth.folder)
    np.testing.assert_array_equal(vdl.load(tmp_path).frames, truth.frames)


def test_a_loop_of_folders_is_harmless(series: Write, tmp_path: Path) -> None:
    truth = series("study")
    (truth.folder / "up").symlink_to(tmp_path)
    np.testing.assert_array_equal(vdl.load(tmp_path).frames, truth.frames)


@pytest.mark.parametrize("target", ["nowhere", "dead"])
def test_a_link_to_nothing_or_to_itself_is_passed_over(series: Write, target: str) -> None:
    truth = series()
    (truth.folder / "dead").symlink_to(target)
    np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)
    assert [s.path for s in vdl.scan(truth.folder).skipped] == [str(truth.folder / "dead")]


# ------------------------------------------------------------------------------------------ what is never opened
def test_pipes_and_sockets_in_a_folder_are_never_opened(series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = series()
    os.mkfifo(truth.folder / "0-pipe.dcm")
    monkeypatch.chdir(truth.folder)  # the address of a socket may be no longer than 107 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("0-socket.dcm")
        np.testing.assert_array_equal(vdl.load(truth.folder).frames, truth.frames)
        assert [s.reason for s in vdl.scan(truth.folder).skipped] == [Reason.NOT_REGULAR] * 2


@pytest.mark.parametrize("listed", [False, True])
def test_a_pipe_that_is_named_is_refused(tmp_path: Path, listed: bool) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(vdl.NoDicomError, match="neither a folder nor a regular file") as caught:
        vdl.load([pipe] if listed else pipe)
    assert caught.value.files == (str(pipe),)


def test_a_device_is_refused() -> None:
    with pytest.raises(vdl.NoDicomError, match="neither a folder nor a regular file"):
        vdl.load("/dev/null")


# -------------------------------------------------------------------------------------------- what is not there
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("~/study", r"load\(os\.path\.expanduser\(p\)\)"),
        ("/data/*.dcm", r"load\(sorted\(glob\.glob\(p\)\)\)"),
        ("/data/slice[12].dcm", "glob"),
        ("C:\temp\new", r'\'\\t\' in it is an escape of Python → write a Windows path as r"C:\\folder" or with /'),
        ("D:\new", "escape of Python"),
        ("nul\0byte", "NUL"),
        ("/no/such/folder", "'/' is the last part of it that exists"),
    ],
)
def test_a_missing_path_says_what_people_stumble_over(path: str, words: str) -> None:
    with pytest.raises(vdl.NoDicomError, match=words) as caught:
        vdl.load(path)
    assert isinstance(caught.value, FileNotFoundError)
    assert caught.value.files == (() if "\0" in path else (path,))  # what may be no path is not shown


def test_a_misspelt_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "thorax_arterial").mkdir()
    with pytest.raises(vdl.NoDicomError, match=f"did you mean '{tmp_path}/thorax_arterial'"):
        vdl.load(tmp_path / "thorax_arteral")
    with pytest.raises(vdl.NoDicomError, match=f"no such entry in '{tmp_path}'"):
        vdl.load(tmp_path / "zzz")


def test_one_missing_file_of_a_list_is_an_error(series: Write) -> None:
    truth = series()
    truth.files[1].unlink()
    with pytest.raises(vdl.NoDicomError, match=r"there is nothing at .*1-2\.dcm"):
        vdl.load(truth.files)


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(vdl.NoDicomError, match=f"no DICOM image in {tmp_path}: it is empty"):
        vdl.load(tmp_path)


# ---------------------------------------------------------------------------------------- something else is there
def test_an_archive_without_images_says_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "scan.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", b"these are notes, and no image at all")
    with pytest.raises(vdl.NoDicomError, match=r"no DICOM image in \S+/scan.zip: 1 not DICOM .*notes\.txt"):
        vdl.load(path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("brain.nii", b"\x5c\1\0\0" + bytes(348), r"brain\.nii is a NIfTI.*nibabel\.load\(p\)"),
        ("brain.nii.gz", gzip.compress(bytes(400), mtime=0), r"NIfTI.*nibabel\.load\(p\)"),
        ("noname", b"\x5c\1\0\0" + bytes(348), "NIfTI"),
        ("study.tar.gz", gzip.compress(bytes(400), mtime=0), r"study\.tar\.gz holds no DICOM image: only zeros"),
        ("text.gz", gzip.compress(b"hello" * 100, mtime=0), r"text\.gz holds no DICOM image: not DICOM"),
        ("study.7z", b"7z\xbc\xaf\x27\x1c" + bytes(100), "7z archive"),
        ("study.rar", b"Rar!\x1a\7" + bytes(100), "rar archive"),
        ("v.nrrd", b"NRRD0004\n" + bytes(100), r"SimpleITK\.ReadImage"),
        ("v.mha", b"ObjectType = Image\n", r"SimpleITK\.ReadImage"),
        ("v.vti", b"<?xml version='1.0'?>", "vtkXMLImageDataReader"),
        ("p.png", b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG picture"),
        ("p.jpg", b"\xff\xd8\xff\xe0" + bytes(100), "JPEG picture"),
        ("notes.txt", b"these are notes, and no image at all", r"notes\.txt is not DICOM"),
    ],
)
def test_a_file_that_is_something_else_is_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(vdl.NoDicomError, match=words) as caught:
        vdl.load(path)
    assert caught.value.files == (str(path),)


def test_a_folder_without_images_counts_what_is_there(tmp_path: Path, data: Path) -> None:
    for name in ("a.txt", "b.json"):
        (tmp_path / name).write_bytes(b"{ nothing of DICOM in here }")
    (tmp_path / "report").write_bytes((data / "not_images" / "sr_document.dcm").read_bytes())
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr("1.dcm", b"x")
    with pytest.raises(vdl.NoDicomError, match="2 not DICOM, 1 archive, 1 DICOM without pixel data") as caught:
        vdl.load(tmp_path)
    assert str(caught.value).endswith("(images.zip is a zip archive) → archives=True")
    assert len(caught.value.files) == 4


def test_a_report_is_said_to_hold_no_image(data: Path) -> None:
    with pytest.raises(vdl.NoDicomError, match="DICOM without an image"):
        vdl.load(data / "not_images" / "sr_document.dcm")


def test_a_slice_that_is_a_link_to_nothing_is_a_problem(series: Write) -> None:
    truth = series()
    (truth.folder / "1-6.dcm").symlink_to("nowhere")
    with pytest.raises(vdl.CorruptFileError, match=r"1-6\.dcm: it cannot be read: No such file"):
        vdl.load(truth.folder)


def test_a_slice_whose_first_bytes_are_lost_is_a_problem(series: Write) -> None:
    truth = series(names=[f"IM{k}" for k in range(5)])
    data = truth.files[-1].read_bytes()
    truth.files[-1].write_bytes(b"x" * 256 + data[256:])
    with pytest.raises(vdl.CorruptFileError, match="the size and name of the slices beside it"):
        vdl.load(truth.folder)
