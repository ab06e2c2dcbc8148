"""Of a multi-frame instance just the frames that are asked for are fetched, or all of it; the values are the same."""

from __future__ import annotations

import logging
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
import pytest
from enhanced import group, write_enhanced
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from sources.dicomweb.pacs import give_frames

import vtkdicomload as vdl
from vtkdicomload.loading import begun, described
from vtkdicomload.loading.lazy import LazyImage
from vtkdicomload.sources.dicomweb.begun import BegunFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from sources.dicomweb.pacs import Pacs, Parts
    from synthetic import Truth

    Write = Callable[..., Truth]

COUNT, ROWS, COLUMNS = 12, 40, 48
FRAME_BYTES = 2 * ROWS * COLUMNS


@pytest.fixture(autouse=True)
def _all_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(described, "_LEAST_BEGUN_BYTES", 0)


def write(path: Path, syntax: str | None = None) -> NDArray[np.int64]:
    """Write a file of COUNT frames, and return its values."""

    stored = np.arange(COUNT * ROWS * COLUMNS).reshape(COUNT, ROWS, COLUMNS)

    def enlarge(d: pydicom.Dataset) -> None:
        d.Rows, d.Columns, d.PixelData = ROWS, COLUMNS, stored.astype("<u2").tobytes()

    def scale(own: pydicom.Dataset, k: int) -> None:
        own.PixelValueTransformationSequence = group(RescaleSlope=1, RescaleIntercept=-5, RescaleType="US")

    write_enhanced(path, range(COUNT), edit_frame=scale, edit=enlarge)
    d = pydicom.dcmread(path)
    if syntax in (RLELossless, JPEGLSLossless, JPEG2000Lossless):
        d.compress(syntax, generate_instance_uid=False)
        d.save_as(path)
    elif syntax == ImplicitVRLittleEndian:
        d.file_meta.TransferSyntaxUID = syntax
        d.save_as(path, implicit_vr=True)
    elif syntax == ExplicitVRBigEndian:
        d.PixelData = np.frombuffer(d.PixelData, "<u2").astype(">u2").tobytes()
        d.file_meta.TransferSyntaxUID = syntax
        pydicom.dcmwrite(path, d, implicit_vr=False, little_endian=False, force_encoding=True)
    return stored - 5


def list_asked(pacs: Pacs) -> list[str]:
    """What was asked of instances, behind their address, in order; each once."""
    return [path.partition("/instances/")[2].partition("/")[2] for path in pacs.asked if "/instances/" in path]


@pytest.fixture
def opened(pacs: Pacs, tmp_path: Path) -> tuple[Any, NDArray[np.int64]]:
    """A file that was opened, and its values."""
    values = write(tmp_path / "a.dcm")
    array = vdl.open(pacs.store([tmp_path / "a.dcm"]))
    assert list_asked(pacs) == ["", "frames/1"]
    pacs.asked.clear()
    return array, values


# ------------------------------------------------------------------------------------------------- what is fetched
@pytest.mark.parametrize(
    "syntax", [None, ImplicitVRLittleEndian, RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=str
)
def test_frames_in_any_syntax_are_fetched_by_themselves(pacs: Pacs, tmp_path: Path, syntax: str | None) -> None:
    values = write(tmp_path / "a.dcm", syntax)
    local = vdl.load(tmp_path / "a.dcm")
    np.testing.assert_array_equal(local.frames, values)
    array = vdl.open(pacs.store([tmp_path / "a.dcm"]), verify="all")
    pacs.asked.clear()
    np.testing.assert_array_equal(array[3:6], values[3:6])
    np.testing.assert_array_equal(array[[11, 0, 7]], values[[11, 0, 7]])
    np.testing.assert_array_equal(array[9, 2:4, 1:5:2], values[9, 2:4, 1:5:2])
    assert list_asked(pacs) == ["frames/4,5,6", "", "frames/1,8,12", "frames/10"]
    assert array.dtype == local.frames.dtype
    np.testing.assert_array_equal(vdl.affine_of(array), vdl.affine_of(vdl.open(tmp_path / "a.dcm")))


def test_slices_of_a_volume_are_fetched_by_themselves(pacs: Pacs, tmp_path: Path) -> None:
    values = write(tmp_path / "a.dcm", JPEGLSLossless)
    url = pacs.store([tmp_path / "a.dcm"])
    volume = vdl.load(url, slices=slice(7, 10))
    assert list_asked(pacs) == ["", "frames/1", "frames/8,9,10"]
    same = vdl.load(tmp_path / "a.dcm", slices=slice(7, 10))
    np.testing.assert_array_equal(volume.frames, values[7:10])
    np.testing.assert_array_equal(volume.affine, same.affine)
    assert (volume.engine, volume.series.encoding) == ("codec", "JPEG-LS Lossless")
    assert str(volume.checks[-1].result) == "1 of 3 frames equal to pydicom"
    assert isinstance(volume.series.frames[0].header.file, BegunFile)
    assert volume.series.dataset(1).NumberOfFrames == COUNT
    np.testing.assert_array_equal(volume.series.load().frames, values[7:10])


def test_the_half_of_a_file_and_more_is_fetched_as_a_whole(pacs: Pacs, opened: Any) -> None:
    array, values = opened
    np.testing.assert_array_equal(array[:6], values[:6])
    np.testing.assert_array_equal(array, values)
    assert list_asked(pacs) == [""]


def test_small_files_are_fetched_when_they_are_opened(
    pacs: Pacs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(described, "_LEAST_BEGUN_BYTES", 1 << 20)
    values = write(tmp_path / "a.dcm")
    array = vdl.open(pacs.store([tmp_path / "a.dcm"]))
    assert list_asked(pacs) == [""]
    pacs.asked.clear()
    np.testing.assert_array_equal(array[2:4], values[2:4])
    assert not pacs.asked


def test_no_more_bytes_come_than_are_asked_for(pacs: Pacs, tmp_path: Path) -> None:
    def enlarge(d: pydicom.Dataset) -> None:
        d.Rows, d.Columns = 1024, 1024
        d.PixelData = np.arange(COUNT << 19, dtype="<u4").tobytes()

    write_enhanced(tmp_path / "a.dcm", range(COUNT), edit=enlarge)
    size = (tmp_path / "a.dcm").stat().st_size
    url = pacs.store([tmp_path / "a.dcm"])
    array = vdl.open(url)
    np.testing.assert_array_equal(array[4:6], vdl.load(tmp_path / "a.dcm", slices=slice(4, 6)).frames)
    (instance,) = pacs.instances
    frames = {path: sent for path, sent in pacs.sent.items() if "/frames/" in path}
    assert [sent >> 21 for sent in frames.values()] == [1, 2]  # of 2 MiB each
    assert pacs.asked[instance] == 2
    assert pacs.sent[instance] < size  # of both answers together, with what lies in the buffers of the system


def test_frames_are_asked_for_in_parts_that_fit_into_memory(
    pacs: Pacs, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(begun, "_TOGETHER_BYTES", 2 * FRAME_BYTES)
    array, values = opened
    np.testing.assert_array_equal(array[1:6], values[1:6])
    assert list_asked(pacs) == ["frames/2,3", "frames/4,5", "frames/6", ""]


def test_an_opened_file_pickles_with_its_header(pacs: Pacs, opened: Any) -> None:
    array, values = opened
    again = pickle.loads(pickle.dumps(array))
    np.testing.assert_array_equal(again[10], values[10])
    assert list_asked(pacs) == ["frames/11", ""]


def test_several_stacks_of_a_file_are_fetched_each_by_itself(pacs: Pacs, tmp_path: Path) -> None:
    def echo(own: pydicom.Dataset, k: int) -> None:
        own.MREchoSequence = group(EffectiveEchoTime=5.0 + 10 * (k % 2))

    write_enhanced(tmp_path / "a.dcm", [k // 2 for k in range(COUNT)], edit_frame=echo)
    local = vdl.open(tmp_path / "a.dcm")
    array = vdl.open(pacs.store([tmp_path / "a.dcm"]))
    pacs.asked.clear()
    assert array.dims == ("echo", "z", "y", "x")
    np.testing.assert_array_equal(array.echo, local.echo)
    np.testing.assert_array_equal(array[1, 2:4], local[1, 2:4])
    assert list_asked(pacs) == ["frames/6,8", ""]


def test_of_several_files_each_gives_its_own_frames(pacs: Pacs, tmp_path: Path) -> None:
    for number in range(3):
        values = write(tmp_path / f"{number}.dcm", JPEGLSLossless)
        d = pydicom.dcmread(tmp_path / f"{number}.dcm")
        d.SOPInstanceUID = d.file_meta.MediaStorageSOPInstanceUID = f"{d.SOPInstanceUID}.{number}"
        d.InstanceNumber, d.AcquisitionNumber = number + 1, number + 1
        for own in d.PerFrameFunctionalGroupsSequence:
            own.FrameContentSequence[0].TemporalPositionIndex = number + 1
            own.PixelValueTransformationSequence[0].RescaleIntercept = -5 - number
        d.save_as(tmp_path / f"{number}.dcm")
    array = vdl.open(pacs.store(sorted(tmp_path.glob("*.dcm"))))
    assert array.dims == ("time", "z", "y", "x")
    expected = values - np.arange(3).reshape(3, 1, 1, 1)
    pacs.asked.clear()
    np.testing.assert_array_equal(array[:, 7], expected[:, 7])
    np.testing.assert_array_equal(array[1:, 2:4], expected[1:, 2:4])
    assert sorted(asked for asked in list_asked(pacs) if asked) == ["frames/3,4"] * 2 + ["frames/8"] * 3
    pacs.answer = lambda path, count: 400 if "/frames/" in path else None
    np.testing.assert_array_equal(array[:, 11], expected[:, 11])


# ---------------------------------------------------------------------------------------------- fetched as a whole
def _ignore_the_list(content: bytes, numbers: list[int]) -> Parts:
    return give_frames(content, [*range(1, COUNT + 1)])


def _count_from_zero(content: bytes, numbers: list[int]) -> Parts:
    return give_frames(content, [number % COUNT + 1 for number in numbers])


def _give_fewer(content: bytes, numbers: list[int]) -> Parts:
    return give_frames(content, numbers)[: max(1, len(numbers) - 1)]


def _give_in_another_order(content: bytes, numbers: list[int]) -> Parts:
    parts = zip(give_frames(content, numbers), numbers, strict=True)
    said = [(f"{head}\r\nContent-Location: http://a/frames/{n}", data) for (head, data), n in parts]
    return said[::-1]


def test_native_frames_that_are_cut_are_not_taken(pacs: Pacs, opened: Any) -> None:
    array, values = opened
    pacs.frames = lambda content, numbers: [(head, data[:-2]) for head, data in give_frames(content, numbers)]
    np.testing.assert_array_equal(array[3:6], values[3:6])
    assert list_asked(pacs) == ["frames/4,5,6", ""]


def _say_another_syntax(content: bytes, numbers: list[int]) -> Parts:
    return [
        (f"Content-Type: image/jls; transfer-syntax={JPEGLSLossless}", data)
        for _, data in give_frames(content, numbers)
    ]


def _say_nothing(content: bytes, numbers: list[int]) -> Parts:
    return [("Content-Type: image/jls", data) for _, data in give_frames(content, numbers)]


ODD = (
    _ignore_the_list, _count_from_zero, _give_fewer, _give_in_another_order, _say_another_syntax,
    _say_nothing,
)  # fmt: skip


@pytest.mark.parametrize("syntax", [None, RLELossless], ids=str)
@pytest.mark.parametrize("give", ODD, ids=lambda f: f.__name__)
def test_what_is_not_the_frames_as_they_are_stored_is_not_taken(
    pacs: Pacs, tmp_path: Path, give: Callable[[bytes, list[int]], Parts], syntax: str | None
) -> None:
    values = write(tmp_path / "a.dcm", syntax)
    pacs.frames = give
    array = vdl.open(pacs.store([tmp_path / "a.dcm"]))
    np.testing.assert_array_equal(array[3:6], values[3:6])
    assert pacs.asked[next(iter(pacs.instances))] == 2  # its header, and all of it


@pytest.mark.parametrize("status", [400, 404, 406, 500, 501])
def test_a_server_without_frames_is_asked_once(pacs: Pacs, tmp_path: Path, status: int) -> None:
    values = write(tmp_path / "a.dcm")
    pacs.answer = lambda path, count: status if "/frames/" in path else None
    array = vdl.open(pacs.store([tmp_path / "a.dcm"]))
    assert list_asked(pacs) == ["", "frames/1"]
    pacs.asked.clear()
    np.testing.assert_array_equal(array[3], values[3])
    assert not pacs.asked


def test_a_server_that_has_other_frames_no_more_gives_the_file(pacs: Pacs, opened: Any) -> None:
    array, values = opened
    pacs.answer = lambda path, count: 400 if "/frames/" in path else None
    np.testing.assert_array_equal(array[3:5], values[3:5])
    assert list_asked(pacs) == ["frames/4,5", ""]


def test_frames_in_several_fragments_are_fetched_as_a_whole(pacs: Pacs, tmp_path: Path) -> None:
    write(tmp_path / "a.dcm", JPEGLSLossless)
    d = pydicom.dcmread(tmp_path / "a.dcm")
    d.PixelData = encapsulate([*generate_frames(d.PixelData, number_of_frames=COUNT)], fragments_per_frame=2)
    d.save_as(tmp_path / "a.dcm")
    array = vdl.open(pacs.store([tmp_path / "a.dcm"]))
    np.testing.assert_array_equal(array[2:4], vdl.load(tmp_path / "a.dcm").frames[2:4])
    assert list_asked(pacs) == ["", "frames/1"]


def test_big_endian_and_single_bits_are_never_asked_for(pacs: Pacs, tmp_path: Path, data: Path) -> None:
    values = write(tmp_path / "a.dcm", ExplicitVRBigEndian)
    np.testing.assert_array_equal(vdl.open(pacs.store([tmp_path / "a.dcm"]))[3:5], values[3:5])
    segments = data / "seg_1bit" / "seg_16x16.dcm"
    pacs.instances.clear()
    np.testing.assert_array_equal(vdl.open(pacs.store([segments]))[1], vdl.load(segments).frames[1])
    assert not any("frames" in asked for asked in list_asked(pacs))


# ------------------------------------------------------------------------------------------------------- in any way
def test_bytes_of_which_nothing_is_said_are_plain(pacs: Pacs, tmp_path: Path) -> None:
    """PS3.18 8.7.3.5.2: application/octet-stream is explicit VR, little endian."""
    pacs.frames = lambda content, numbers: [
        ("Content-Type: application/octet-stream", data) for _, data in give_frames(content, numbers)
    ]
    for syntax, asked in ((None, "frames/4,5"), (JPEGLSLossless, None)):
        values = write(tmp_path / "a.dcm", syntax)
        array = vdl.open(pacs.store([tmp_path / "a.dcm"]))
        pacs.asked.clear()
        np.testing.assert_array_equal(array[3:5], values[3:5])
        assert list_asked(pacs) == ([asked, ""] if asked else [])


@pytest.mark.parametrize(("multipart", "quoted"), [(False, False), (True, True)])
def test_answers_without_parts_and_quoted_boundaries(pacs: Pacs, opened: Any, multipart: bool, quoted: bool) -> None:
    pacs.multipart, pacs.quoted = multipart, quoted
    array, values = opened
    np.testing.assert_array_equal(array[3], values[3])
    assert list_asked(pacs) == ["frames/4", ""]


def test_a_busy_server_and_cut_answers_are_asked_again(pacs: Pacs, opened: Any) -> None:
    array, values = opened
    pacs.answer = lambda path, count: (503, "cut", "ended", None)[count] if count < 4 else None
    np.testing.assert_array_equal(array[3:5], values[3:5])
    (instance,) = pacs.instances
    assert pacs.asked == {f"{instance}/frames/4,5": 4, instance: 3}


def test_a_stream_that_is_damaged_is_an_error_that_names_its_frame(pacs: Pacs, tmp_path: Path) -> None:
    write(tmp_path / "a.dcm", JPEGLSLossless)
    array = vdl.open(pacs.store([tmp_path / "a.dcm"]))
    pacs.frames = lambda content, numbers: [(head, data[:-4]) for head, data in give_frames(content, numbers)]
    with pytest.raises(vdl.CorruptFileError, match=r"frame 4.*: its compressed stream has no end") as caught:
        array[3:5].load()
    assert caught.value.files == (f"{pacs.url}/{next(iter(pacs.instances))}",)


def test_one_logs_in_and_credentials_appear_nowhere(
    pacs: Pacs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "vtkdicomload")
    values = write(tmp_path / "a.dcm", RLELossless)
    pacs.login = "ann:hunter2"
    array = vdl.open(pacs.store([tmp_path / "a.dcm"]).replace("http://", "http://ann:hunter2@"))
    volume = vdl.load(
        pacs.url + "/" + next(iter(pacs.instances)), slices=slice(3, 5), storage_options={"auth": ("ann", "hunter2")}
    )
    np.testing.assert_array_equal(array[3:5], values[3:5])
    words = [repr(array), repr(volume), repr(volume.series.frames[0]), *volume.series.files, caplog.text]
    pacs.answer = lambda path, count: 500
    with pytest.raises(vdl.CorruptFileError) as caught:
        array[6:8].load()
    words += [str(caught.value), repr(caught.value.__cause__), repr(caught.value.__context__), caplog.text]
    assert not [line for line in words if "hunter2" in line or "ann:" in line]


# --------------------------------------------------------------------------------------------------------- changes
@pytest.mark.parametrize("part", [slice(3, 5), slice(None)], ids=["frames", "the whole"])
def test_a_header_that_changed_is_told(pacs: Pacs, opened: Any, part: slice) -> None:
    array, _ = opened
    (path,) = pacs.instances
    pacs.instances[path] = pacs.instances[path].replace(b"20200101120000", b"20200101120001", 1)
    with pytest.raises(vdl.CorruptFileError, match="changed since it was scanned: its header is another one") as caught:
        array[part].load()
    assert caught.value.files == (f"{pacs.url}/{path}",)


@pytest.mark.parametrize(
    ("status", "words"), [(404, "the server answers 404 Not Found"), (500, "the server answers 500")]
)
def test_an_instance_that_is_not_given_any_more_is_told(pacs: Pacs, opened: Any, status: int, words: str) -> None:
    array, _ = opened
    pacs.answer = lambda path, count: status
    with pytest.raises(vdl.CorruptFileError, match=words):
        array[3:5].load()


def test_an_instance_of_other_pixels_in_another_syntax_is_told(pacs: Pacs, opened: Any, tmp_path: Path) -> None:
    array, _ = opened
    write(tmp_path / "a.dcm", RLELossless)
    (path,) = pacs.instances
    pacs.instances[path] = (tmp_path / "a.dcm").read_bytes()
    with pytest.raises(vdl.CorruptFileError, match="its header is another one"):
        array[3:5].load()


def test_a_header_that_contradicts_the_metadata_is_refused(pacs: Pacs, tmp_path: Path) -> None:
    def move(metadata: dict[str, Any]) -> None:
        place = metadata["52009230"]["Value"][3]["00209113"]["Value"][0]["00200032"]
        place["Value"] = [place["Value"][0] + 0.001, *place["Value"][1:]]

    write(tmp_path / "a.dcm")
    pacs.edit = move
    url = pacs.store([tmp_path / "a.dcm"])
    with pytest.raises(vdl.CorruptFileError, match="by the server's metadata at"):
        vdl.open(url)


# --------------------------------------------------------------------------------------------- single-frame series
def test_of_a_series_only_the_files_that_are_asked_for_are_fetched(pacs: Pacs, series: Write) -> None:
    truth = series("written", count=8, syntax=JPEGLSLossless, RescaleSlope=2, RescaleIntercept=-5)
    url = pacs.store(truth.files)
    paths = list(pacs.instances)
    array = vdl.open(url)
    assert list_asked(pacs) == []
    np.testing.assert_array_equal(vdl.affine_of(array), truth.affine)
    np.testing.assert_array_equal(array[3:5], truth.frames[3:5])
    np.testing.assert_array_equal(array[6, 2, 3:5], truth.frames[6, 2, 3:5])
    assert sorted(path for path in pacs.asked if "/instances/" in path) == sorted(paths[k] for k in (3, 4, 6))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array)), truth.frames)
    again = vdl.load(url, slices=slice(2, 4))
    np.testing.assert_array_equal(again.frames, truth.frames[2:4])
    assert (again.engine, again.series.encoding) == ("codec", "JPEG-LS Lossless")


def test_a_series_is_read_a_few_files_at_a_time(pacs: Pacs, series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    from vtkdicomload.loading import lazy

    truth = series("written", count=8)
    monkeypatch.setattr(lazy, "_BATCH_BYTES", 2 * min(file.stat().st_size for file in truth.files))
    sizes = []
    read = LazyImage._read
    monkeypatch.setattr(
        LazyImage, "_read", lambda self, frames, **options: sizes.append(len(frames)) or read(self, frames, **options)
    )
    np.testing.assert_array_equal(vdl.open(pacs.store(truth.files)), truth.frames)
    assert sizes == [2, 2, 2, 2]
    assert list_asked(pacs) == []  # they came in one answer


def test_files_on_disk_and_on_a_server_make_one_array(pacs: Pacs, series: Write) -> None:
    truth = series("written", count=6, syntax=JPEGLSLossless)
    array = vdl.open([pacs.store(truth.files[:3]), *truth.files[3:]])
    np.testing.assert_array_equal(array[2:5], truth.frames[2:5])
    np.testing.assert_array_equal(array[4:], truth.frames[4:])
    assert sum("/instances/" in path for path in pacs.asked) == 1


def test_one_instance_is_opened_by_its_url(pacs: Pacs, tmp_path: Path) -> None:
    values = write(tmp_path / "a.dcm", RLELossless)
    pacs.store([tmp_path / "a.dcm"])
    url = f"{pacs.url}/{next(iter(pacs.instances))}"
    np.testing.assert_array_equal(vdl.open(url)[3:5], values[3:5])
    np.testing.assert_array_equal(vdl.load(url, slices=slice(9, None)).frames, values[9:])
    assert list_asked(pacs) == ["metadata", "", "frames/1", "frames/4,5", "frames/10,11,12"]


def test_an_encoding_that_is_not_read_is_told_when_a_series_is_opened(pacs: Pacs, series: Write) -> None:
    def change(dataset: pydicom.Dataset, k: int) -> None:
        dataset.BitsStored, dataset.HighBit = 12, 15

    url = pacs.store(series("written", edit=change).files)
    with pytest.raises(vdl.UnsupportedPixelDataError, match="HighBit 15 with BitsStored 12"):
        vdl.open(url)


def test_values_that_the_metadata_does_not_tell_are_refused_or_right(pacs: Pacs, series: Write) -> None:
    truth = series("written", RescaleSlope=1, RescaleIntercept=-5)
    url = pacs.store(truth.files)
    pacs.edit = lambda metadata: metadata["00281052"].update(Value=[-6])
    np.testing.assert_array_equal(vdl.open(url)[1:3], truth.frames[1:3])  # by the header in the file
    fractions = series("fractions", RescaleSlope=0.5)
    pacs.edit = lambda metadata: metadata["00281053"].update(Value=[1])
    pacs.instances.clear()
    array = vdl.open(pacs.store(fractions.files))
    with pytest.raises(vdl.CorruptFileError, match="its values are float32, by the server's metadata int16"):
        array[1:3].load()


def test_words_of_another_kind_than_the_metadata_says_are_refused(pacs: Pacs, series: Write) -> None:
    truth = series("written")
    pacs.edit = lambda metadata: metadata["00280101"].update(Value=[11]) or metadata["00280102"].update(Value=[10])
    array = vdl.open(pacs.store(truth.files))
    with pytest.raises(
        vdl.CorruptFileError, match="its bits_stored and that of the server's metadata differ: 16 and 11"
    ):
        array[1:3].load()


def test_what_is_taken_for_granted_of_a_file_is_said_when_it_is_read(pacs: Pacs, series: Write) -> None:
    truth = series("written")
    truth.files[3].write_bytes(truth.files[3].read_bytes() + b"\7\7\7")
    array = vdl.open(pacs.store(truth.files))
    np.testing.assert_array_equal(array[1:3], truth.frames[1:3])
    with pytest.warns(vdl.DicomLoadWarning, match="1 of 2 files depart from the standard"):
        np.testing.assert_array_equal(array[2:4], truth.frames[2:4])


def test_files_of_one_series_may_differ_in_their_words(pacs: Pacs, series: Write) -> None:
    def resign(dataset: pydicom.Dataset, k: int) -> None:
        dataset.PixelRepresentation = k % 2

    truth = series("written", dtype=np.uint16, BitsStored=12, edit=resign)
    with pytest.warns(vdl.DicomLoadWarning, match="signedness differ"):
        local = vdl.load(truth.folder, rescale=False)
    with pytest.warns(vdl.DicomLoadWarning, match="signedness differ"):
        array = vdl.open(pacs.store(truth.files), rescale=False)
    for k in range(5):
        np.testing.assert_array_equal(array[k], local.frames[k])


@pytest.mark.parametrize("options", [{"rescale": "precise"}, {"engine": "pydicom"}])
def test_what_metadata_does_not_say_is_fetched_when_a_series_is_opened(
    pacs: Pacs, series: Write, options: dict[str, Any]
) -> None:
    def scale(dataset: pydicom.Dataset, k: int) -> None:
        dataset.add_new(0x20050010, "LO", "Philips MR Imaging DD 001")
        dataset.add_new(0x2005100E, "FL", 0.123)

    truth = series("written", edit=scale)
    array = vdl.open(pacs.store(truth.files), **options)
    pacs.asked.clear()
    np.testing.assert_array_equal(array[1], vdl.load(truth.folder, **options).frames[1])
    assert not pacs.asked
