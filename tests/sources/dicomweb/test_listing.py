"""A study or series on a DICOMweb server is listed from its metadata, and loaded as the folder of its files is."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from pydicom.uid import JPEGLSLossless

import vtkdicomload as vdl

if TYPE_CHECKING:
    from collections.abc import Callable

    from sources.dicomweb.pacs import Pacs
    from synthetic import Truth

    Write = Callable[..., Truth]


def test_a_series_is_listed_without_its_files_and_loaded_with_them(pacs: Pacs, series: Write) -> None:
    truth = series("written", syntax=JPEGLSLossless, RescaleSlope=2, RescaleIntercept=-5)
    url = pacs.store(truth.files)
    found = vdl.scan(url)
    assert not any(path in pacs.asked for path in pacs.instances)
    (one,) = found
    assert (one.encoding, one.transfer_syntax) == ("unknown until fetched", "")
    assert str(found).count("unknown until fetched") == 2  # the encoding, and whether it loads
    told: list[tuple[int, int]] = []
    volume = one.load(progress=lambda done, total: told.append((done, total)))
    assert told == [(k, 5) for k in range(1, 6)]
    np.testing.assert_array_equal(volume.frames, truth.frames)
    np.testing.assert_array_equal(volume.affine, truth.affine)
    assert volume.series.encoding == "JPEG-LS Lossless"
    assert all(name.startswith(f"{url}/series/{truth.series_uid}/instances/") for name in volume.series.files)


def test_every_way_of_loading_takes_the_url(pacs: Pacs, series: Write) -> None:
    truth = series("written")
    url = f"{pacs.store(truth.files)}/series/{truth.series_uid}"
    for volume in (vdl.load(url), vdl.load([url]), *vdl.load_all(url), next(iter(vdl.load_many([url]))).volume):
        assert volume is not None
        np.testing.assert_array_equal(volume.frames, truth.frames)
    source = vdl.DICOMSeriesSource(source=url)
    source.SetGeometryToPatient()
    source.Update()
    scalars = np.asarray(source.GetOutput().GetPointData().GetScalars())
    np.testing.assert_array_equal(scalars.reshape(truth.frames.shape), truth.frames)
    (found,) = vdl.scan(url)
    assert found.dataset(1).PixelSpacing == list(truth.spacing[1::-1])
    one = vdl.scan(found.files[2])
    assert one[0].files == found.files[2:3]
    with pytest.raises(vdl.UnsupportedPixelDataError, match="VTK reads files on disk only"):
        vdl.load(url, engine="vtk")
    with pytest.warns(vdl.DicomLoadWarning, match="1 file left out"):
        assert len(vdl.load(url, ignore=[found.files[0]]).frames) == 4


def test_a_study_of_several_series_is_a_list_of_them(pacs: Pacs, series: Write) -> None:
    first, second = series("a", SeriesNumber=2), series("b", SeriesNumber=1, count=4, seed=7)
    url = pacs.store([*first.files, *second.files])
    assert [(s.number, len(s.frames)) for s in vdl.scan(url)] == [(1, 4), (2, 5)]
    with pytest.raises(vdl.MultipleSeriesError):
        vdl.load(url)
    np.testing.assert_array_equal(vdl.load(url, series=1).frames, first.frames)


@pytest.mark.parametrize("sop_class", ["1.2.840.10008.5.1.4.1.1.66", "1.3.12.2.1107.5.9.1"])
def test_raw_data_beside_images_is_none(pacs: Pacs, series: Write, sop_class: str) -> None:
    def strip(dataset: Any, k: int) -> None:
        dataset.SOPClassUID = sop_class
        del dataset.PixelData

    truth, raw = series("written"), series("raw", count=1, seed=7, edit=strip)
    url = pacs.store([*truth.files, *raw.files])
    pacs.edit = lambda metadata: metadata.pop("7FE00010", None)  # as Orthanc does for compressed pixels
    found = vdl.scan(url)
    assert [len(s.frames) for s in found] == [5]
    assert [str(s.reason)[:5] for s in found.skipped] == ["DICOM"]
    np.testing.assert_array_equal(vdl.load(url).frames, truth.frames)


def test_an_instance_whose_place_the_server_lost_is_fetched_for_its_header(pacs: Pacs, series: Write) -> None:
    def lose(metadata: dict[str, Any]) -> None:
        metadata["00200032"] = {"vr": "DS", "Value": []}

    truth = series("written")
    pacs.edit = lose
    (found,) = vdl.scan(pacs.store(truth.files))
    assert found.encoding == "Explicit VR Little Endian"
    np.testing.assert_array_equal(found.load().affine, truth.affine)


# ------------------------------------------------------------------------------------------------- in one answer
def _list_asked(pacs: Pacs, url: str) -> list[str]:
    """What was asked for, behind the address of the series."""
    path = url.removeprefix(f"{pacs.url}/")
    return [asked.removeprefix(path) for asked in pacs.asked if asked.startswith(path)]


def test_a_series_that_is_loaded_is_fetched_in_one_answer(pacs: Pacs, series: Write) -> None:
    truth = series("written")
    study = pacs.store(truth.files)
    url = f"{study}/series/{truth.series_uid}"
    told: list[tuple[int, int]] = []
    volume = vdl.load(url, progress=lambda done, total: told.append((done, total)))
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert told == [(k, 5) for k in range(1, 6)]
    assert _list_asked(pacs, url) == [""]
    assert sorted(volume.series.files) == sorted(f"{pacs.url}/{path}" for path in pacs.instances)
    np.testing.assert_array_equal(vdl.load(study).frames, truth.frames)
    np.testing.assert_array_equal(vdl.load_all(url)[0].frames, truth.frames)
    assert _list_asked(pacs, url) == [""]


def test_a_scanned_series_is_fetched_in_one_answer_too(pacs: Pacs, series: Write) -> None:
    truth = series("written")
    url = f"{pacs.store(truth.files)}/series/{truth.series_uid}"
    (found,) = vdl.scan(url)
    np.testing.assert_array_equal(found.load().frames, truth.frames)
    assert _list_asked(pacs, url) == ["/metadata", ""]


@pytest.mark.parametrize(("fault", "alone"), [("cut", 5), ("ended", 3)])
def test_what_an_answer_does_not_hold_is_asked_for_by_itself(pacs: Pacs, series: Write, fault: str, alone: int) -> None:
    truth = series("written")
    url = f"{pacs.store(truth.files)}/series/{truth.series_uid}"
    pacs.answer = lambda path, count: fault if f"{pacs.url}/{path}" == url else None
    (found,) = vdl.scan(url)
    np.testing.assert_array_equal(found.load().frames, truth.frames)
    assert sum("/instances/" in path for path in pacs.asked) == alone
    np.testing.assert_array_equal(vdl.load(url).frames, truth.frames)


def test_an_answer_with_fewer_files_than_the_series_has_is_no_volume(pacs: Pacs, series: Write) -> None:
    truth = series("written")
    url = f"{pacs.store(truth.files)}/series/{truth.series_uid}"
    pacs.left_out = 1
    np.testing.assert_array_equal(vdl.load(url).frames, truth.frames)
    assert sum("/instances/" in path for path in pacs.asked) == 1


def test_a_server_that_does_not_count_is_asked_for_metadata(pacs: Pacs, series: Write) -> None:
    truth = series("written")
    url = f"{pacs.store(truth.files)}/series/{truth.series_uid}"
    pacs.counts = False
    np.testing.assert_array_equal(vdl.load(url).frames, truth.frames)
    assert _list_asked(pacs, url) == ["/metadata", ""]


def test_a_file_that_changed_in_a_series_is_told(pacs: Pacs, series: Write) -> None:
    volume = vdl.load(pacs.store(series("written").files))
    path = list(pacs.instances)[2]
    pacs.instances[path] = pacs.instances[path][:-2] + b"\7\7"
    with pytest.raises(vdl.CorruptFileError, match="changed since it was scanned") as caught:
        volume.series.load()
    assert caught.value.files == (f"{pacs.url}/{path}",)


# ------------------------------------------------------------------------------------------------- contradictions
def _replace(tag: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def edit(metadata: dict[str, Any]) -> None:
        if metadata["00200013"]["Value"] == [3]:
            metadata[tag]["Value"] = value

    return edit


@pytest.mark.parametrize(
    ("tag", "value", "words"),
    [
        ("00200032", [0, 0, 4.0002], r"it lies at 0\\0\\4, by the server's metadata at 0\\0\\4.0002"),
        ("00280010", [99], "its rows and that of the server's metadata differ"),
        ("0020000D", ["1.2.3"], "its study_uid and that of the server's metadata differ: another one"),
    ],
)
def test_a_file_that_contradicts_the_metadata_is_refused(
    pacs: Pacs, series: Write, tag: str, value: Any, words: str
) -> None:
    url = pacs.store(series("written", gap=2, origin=(0, 0, 0)).files)
    (found,) = vdl.scan(url)
    pacs.edit = _replace(tag, value)
    changed = next(s for s in vdl.scan(url) if any(f.header.instance_number == 3 for f in s.frames))
    (three,) = (f.path for f in changed.frames if f.header.instance_number == 3)
    with pytest.raises(vdl.CorruptFileError, match=words) as caught:
        changed.load(order="natural", irregular="keep") if tag != "00280010" else changed.stacks()[-1].load()
    assert caught.value.files == (three,)
    assert found.load()


def test_what_servers_round_is_no_contradiction(pacs: Pacs, series: Write) -> None:
    truth = series("written", gap=2.123456789, origin=(0, 0, 1 / 3))

    def round_it(metadata: dict[str, Any]) -> None:
        metadata["00200032"]["Value"] = [round(x, 4) for x in metadata["00200032"]["Value"]]

    pacs.edit = round_it
    volume = vdl.load(pacs.store(truth.files))
    np.testing.assert_allclose(volume.affine, truth.affine, rtol=1e-12)  # by the files, not by what was said of them


def test_another_file_in_the_place_of_one_is_refused(pacs: Pacs, series: Write) -> None:
    truth = series("written")
    (found,) = vdl.scan(pacs.store(truth.files))
    first, second = list(pacs.instances)[:2]
    pacs.instances[first] = pacs.instances[second]
    with pytest.raises(vdl.CorruptFileError, match="its sop_instance_uid and that of the server's metadata differ"):
        found.load()


# ------------------------------------------------------------------------------------------------- faults
def test_a_busy_server_and_cut_connections_are_asked_again(pacs: Pacs, series: Write) -> None:
    truth = series("written")
    url = pacs.store(truth.files)
    pacs.answer = lambda path, count: (
        (503 if count < 2 else None) if "/metadata" in path else "cut" if count < 2 else None
    )
    np.testing.assert_array_equal(vdl.load(url).frames, truth.frames)
    assert all(pacs.asked[path] == 3 for path in pacs.instances)


@pytest.mark.parametrize("multipart", [True, False])
def test_an_answer_that_is_always_cut_is_an_error(pacs: Pacs, series: Write, multipart: bool) -> None:
    pacs.together = False
    pacs.multipart = multipart
    url = pacs.store(series("written").files)
    pacs.answer = lambda path, count: "cut" if path.endswith(list(pacs.instances)[1]) else None
    with pytest.raises(vdl.CorruptFileError, match="it cannot be read: the server's answer is cut short") as caught:
        vdl.load(url)
    assert caught.value.files == (f"{pacs.url}/{list(pacs.instances)[1]}",)


def test_an_answer_that_is_not_multipart_is_taken_as_it_is(pacs: Pacs, series: Write) -> None:
    truth = series("written")
    url = pacs.store(truth.files)
    pacs.multipart = False
    np.testing.assert_array_equal(vdl.load(url).frames, truth.frames)


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "404 Not Found"), (401, "401 Unauthorized → .*DICOMwebClient"), (500, "500 Internal"), (503, "503 Service")],
)
def test_the_answer_of_a_server_that_lists_nothing_is_told(pacs: Pacs, series: Write, status: int, words: str) -> None:
    url = pacs.store(series("written").files)
    pacs.answer = lambda path, count: status
    for call in (vdl.scan, vdl.load):
        with pytest.raises(vdl.NoDicomError, match=f"{url} cannot be read: the server answers {words}") as caught:
            call(url)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize("status", [404, 403, 500, 503])
def test_an_instance_that_the_server_does_not_give_is_named(pacs: Pacs, series: Write, status: int) -> None:
    pacs.together = False
    truth = series("written")
    url = pacs.store(truth.files)
    lost = list(pacs.instances)[-1]
    pacs.answer = lambda path, count: status if path == lost else None
    with pytest.raises(vdl.CorruptFileError, match=f"it cannot be read: the server answers {status}") as caught:
        vdl.load(url)
    assert caught.value.files == (f"{pacs.url}/{lost}",)
    with pytest.warns(vdl.DicomLoadWarning, match="1 file left out"):
        np.testing.assert_array_equal(vdl.load(url, ignore=caught.value.files).frames, truth.frames[:-1])


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(vdl.NoDicomError, match="there is no connection to the server: Connection refused"):
        vdl.load("http://127.0.0.1:9/web/studies/1.2", storage_options={"timeout": 1})


def test_what_is_no_dicom_is_told(pacs: Pacs, series: Write) -> None:
    (found,) = vdl.scan(pacs.store(series("written").files))
    pacs.instances[next(iter(pacs.instances))] = b"<html>Welcome</html>" * 100
    with pytest.raises(vdl.CorruptFileError, match="the server sent what is not DICOM"):
        found.load()


def test_metadata_that_is_none_is_told(pacs: Pacs, series: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    pacs.together = False
    url = pacs.store(series("written").files)
    monkeypatch.setattr(pacs, "metadata", lambda prefix: [3])
    with pytest.raises(vdl.NoDicomError, match="the server's metadata is no list of data sets"):
        vdl.load(url)


# ------------------------------------------------------------------------------------------------- who asks
def test_one_may_log_in_by_a_client_or_options(pacs: Pacs, series: Write) -> None:
    from requests import Session

    truth = series("written")
    url = pacs.store(truth.files)
    pacs.login = "ann:secret"
    session = Session()
    session.auth = ("ann", "secret")
    with session:
        client = DICOMwebClient(pacs.url, session=session)
        for options in ({"client": client}, {"auth": ("ann", "secret")}):
            np.testing.assert_array_equal(vdl.load(url, storage_options=options).frames, truth.frames)
            (found,) = vdl.scan(url, storage_options=options)
            np.testing.assert_array_equal(found.load().frames, truth.frames)
            (result,) = vdl.load_many([url], storage_options=options)
            assert result.volume is not None
            assert len(vdl.load_all(url, storage_options=options)) == 1
    pacs.login, pacs.header = "", ("X-Token", "secret")
    np.testing.assert_array_equal(
        vdl.load(url, storage_options={"headers": {"X-Token": "secret"}}).frames, truth.frames
    )


def test_credentials_appear_nowhere(pacs: Pacs, series: Write, caplog: pytest.LogCaptureFixture) -> None:
    truth = series("written")
    pacs.login = "ann:hunter2"
    url = pacs.store(truth.files).replace("http://", "http://ann:hunter2@")
    caplog.set_level(logging.DEBUG, "vtkdicomload")
    found = vdl.scan(url)
    volume = found[0].load()
    words = [
        str(found),
        found.source,
        repr(found[0]),
        repr(volume),
        *volume.series.files,
        repr(volume.series.frames[0]),
    ]
    pacs.answer = lambda path, count: 500
    for call in (found[0].load, lambda: vdl.load(url), lambda: vdl.load(url.replace("hunter2", "wrong-hunter2"))):
        with pytest.raises(vdl.DicomLoadError) as caught:
            call()
        words += traceback.format_exception(caught.value)
    words = [line for line in "\n".join([*words, caplog.text]).splitlines() if "vdl.load(url" not in line]
    assert not [line for line in words if "hunter2" in line or "ann:" in line]


def test_options_that_are_none_are_refused(pacs: Pacs) -> None:
    url = f"{pacs.url}/studies/1.2"
    with pytest.raises(ValueError, match="are client, headers, auth, timeout, not 'key'"):
        vdl.scan(url, storage_options={"key": "secret"})
    with pytest.raises(TypeError, match=r"client must be a dicomweb_client\.DICOMwebClient, not a str"):
        vdl.scan(url, storage_options={"client": "secret"})
    with pytest.raises(ValueError, match="'headers' goes to the client"):
        vdl.scan(url, storage_options={"client": DICOMwebClient(url), "headers": {}})


def test_without_dicomweb_client_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "dicomweb_client.web", None)
    with pytest.raises(ImportError, match=r'pip install "vtkdicomload\[dicomweb\]"'):
        vdl.scan("http://127.0.0.1:9/web/studies/1.2")
