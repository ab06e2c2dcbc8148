"""Volumes from servers: the same as from a folder whatever the server does, or an error; nothing secret is seen."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
import os
import pickle
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
import pytest
from sources.servers import Web, web_server
from typer.testing import CliRunner

import vtkdicomload as vdl
from vtkdicomload.cli import app as cli
from vtkdicomload.sources.remote.pages import list_links
from vtkdicomload.sources.remote.urls import hide_credentials, is_url, parse_address, strip_credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from synthetic import Truth

SECRET = "Gehe1mnis"


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as web:
        yield web


@pytest.fixture
def truth(series: Callable[..., Truth]) -> Truth:
    return series("written", count=9, RescaleSlope=2, RescaleIntercept=-5)


@pytest.fixture
def study(web: Web, truth: Truth) -> str:
    """The URL of a folder that is served, with the series in a folder of it."""
    for path in truth.files:
        web.put(f"study/a b/{path.name}", path.read_bytes())
    return f"{web.address}/study/"


def pixel_requests(web: Web) -> list[str]:
    """The paths that were asked for other bytes than the first."""
    return [asked.path for asked in web.asked if asked.wanted and not asked.wanted.startswith("bytes=0-")]


# ---------------------------------------------------------------------------------------------------- the same volume
class TestSameVolume:
    @pytest.mark.parametrize("ranges", [True, False])
    @pytest.mark.parametrize("lengths", [True, False])
    @pytest.mark.parametrize("etags", [True, False])
    @pytest.mark.parametrize("slash", ["/", ""])
    def test_from_the_page_of_a_folder(
        self, web: Web, study: str, truth: Truth, ranges: bool, lengths: bool, etags: bool, slash: str
    ) -> None:
        web.ranges, web.lengths, web.etags = ranges, lengths, etags
        volume = vdl.load(study.rstrip("/") + slash)
        np.testing.assert_array_equal(volume.frames, truth.frames)
        assert sorted(volume.series.files) == sorted(f"{study}a%20b/{path.name}" for path in truth.files)
        assert "equal to pydicom" in dict(volume.checks)["second reader"]

    def test_from_a_list_of_files(self, web: Web, study: str, truth: Truth) -> None:
        volume = vdl.load([f"{study}a%20b/{path.name}" for path in truth.files])
        np.testing.assert_array_equal(volume.frames, truth.frames)
        assert not any(urlsplit(study).path == asked.path for asked in web.asked), "a page was asked for"

    @pytest.mark.parametrize(
        "name", ["IM%20%281%29.dcm", "IM (1)+~.dcm", "%E4%B8%AD,;=.dcm?a=%2Fb%3D%28&c=d%20e", "ü.dcm"]
    )
    def test_a_url_is_asked_for_as_it_is_written(self, web: Web, truth: Truth, name: str) -> None:
        path, _, query = name.replace(" ", "%20").replace("ü", "%C3%BC").partition("?")
        web.objects["/" + path] = truth.files[0].read_bytes()
        assert vdl.load(f"{web.address}/{name}").frames.shape[0] == 1
        assert {(asked.path, asked.query) for asked in web.asked} == {("/" + path, query)}

    def test_from_files_that_only_a_query_tells_apart(self, web: Web, study: str, truth: Truth) -> None:
        web.objects = {f"/get{k}": path.read_bytes() for k, path in enumerate(truth.files)}
        urls = [f"{web.address}/get{k}?objectUID={k}&token={SECRET}" for k in range(9)]
        again = [url.replace(f"get{k}?", "get?") for k, url in enumerate(urls)]
        np.testing.assert_array_equal(vdl.load(urls).frames, truth.frames)
        web.objects = {"/get": truth.files[0].read_bytes()}
        assert len(vdl.scan(again).files) == 9
        assert len(vdl.scan([again[0], again[0]]).files) == 1

    def test_from_an_archive_on_a_server(self, web: Web, truth: Truth) -> None:
        for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            written = io.BytesIO()
            with zipfile.ZipFile(written, "w", kind) as archive:
                for path in truth.files:
                    archive.write(path, f"in/{path.name}")
                archive.writestr("other/notes.txt", "nothing")
            url = web.put("study.zip", written.getvalue())
            for source in (url, f"zip::{url}", f"zip://in::{url}"):
                volume = vdl.load(source)
                np.testing.assert_array_equal(volume.frames, truth.frames)
                assert volume.series.files[0].startswith(f"{url}/in/")
            with pytest.raises(vdl.NoDicomError, match=r"there is nothing at .*study\.zip/out"):
                vdl.load(f"zip://out::{url}")

    def test_from_the_memory_of_fsspec_and_a_upath(self, truth: Truth) -> None:
        import fsspec
        import upath

        store = fsspec.filesystem("memory")
        for path in truth.files:
            store.pipe(f"/stored/{path.name}", path.read_bytes())
        try:
            for source in (
                "memory://stored",
                upath.UPath("memory://stored"),
                [upath.UPath("memory://stored") / path.name for path in truth.files],
                [f"memory://stored/{truth.files[0].name}", *truth.files[1:]],
            ):
                np.testing.assert_array_equal(vdl.load(source).frames, truth.frames)
        finally:
            store.rm("/stored", recursive=True)

    def test_from_a_file_url(self, truth: Truth) -> None:
        volume = vdl.load(truth.files[0].parent.as_uri())
        np.testing.assert_array_equal(volume.frames, truth.frames)
        assert volume.series.files[0] == str(truth.files[0])

    def test_from_every_door(self, web: Web, study: str, truth: Truth) -> None:
        found = vdl.scan(study)
        assert str(found[0].dataset(0).SOPInstanceUID) == found[0].frames[0].header.sop_instance_uid
        (loaded,) = vdl.load_many([study])
        (all_of_it,) = vdl.load_all(study)
        algorithm = vdl.DICOMSeriesSource()
        algorithm.SetSource(study)
        algorithm.SetGeometryToPatient()
        algorithm.Update()
        image = vdl.load(study).image
        assert algorithm.GetOutput().GetPointData().GetScalars().GetTuple1(
            77
        ) == image.GetPointData().GetScalars().GetTuple1(77)
        for volume in (loaded.volume, all_of_it):
            assert volume is not None
            np.testing.assert_array_equal(volume.frames, truth.frames)
        assert CliRunner().invoke(cli.app, ["info", study]).exit_code == 0

    def test_in_the_loop_of_a_notebook(self, study: str, truth: Truth) -> None:
        async def cell() -> vdl.Volume:
            return vdl.load(study)

        np.testing.assert_array_equal(asyncio.run(cell()).frames, truth.frames)

    def test_folders_are_gone_into_unless_they_are_not_to(self, study: str) -> None:
        found = vdl.scan(study, recursive=False)
        assert (found.files, [(s.path, s.reason) for s in found.skipped]) == (
            (),
            [(f"{study}a%20b/", vdl.Reason.FOLDER)],
        )

    def test_headers_are_read_by_little_more_than_they_take(self, web: Web, series: Callable[..., Truth]) -> None:
        large = series("large", count=40, rows=200, columns=300)
        urls = [web.put(path.name, path.read_bytes()) for path in large.files]
        found = vdl.scan(urls, workers=1)
        lengths = [int(asked.wanted.rpartition("-")[2]) + 1 for asked in web.asked]
        header = found[0].frames[0].offset
        assert len(web.asked) == 40
        assert lengths[0] == 65_536
        assert max(lengths[5:]) <= max(header, 8192) + 2048

    def test_a_load_takes_a_request_for_each_header_and_one_for_its_pixels(self, web: Web, study: str) -> None:
        vdl.load(study, verify="none")
        pages = [asked.path for asked in web.asked if asked.path.endswith("/")]
        files = [asked.path for asked in web.asked if asked.path.endswith(".dcm")]
        compared = 5  # the first in space, to tell odd and even slices of two volumes
        assert len(pages) == len(set(pages)) == 2
        assert sorted(map(files.count, set(files))) == [2] * (9 - compared) + [3] * compared


# ---------------------------------------------------------------------------------------------------- faults
class TestFaults:
    def test_a_bucket_that_denies_access_says_so_without_what_logs_in(self, web: Web) -> None:
        web.mood = lambda path, count: 403
        options = {"key": "AKIDEXAMPLE", "secret": SECRET, "endpoint_url": web.address}
        with pytest.raises(vdl.NoDicomError, match=r"s3://bucket/study.*(denies access|403)") as caught:
            vdl.load("s3://bucket/study", storage_options=options)
        assert not any(word in str(caught.value) + repr(caught.value) for word in (SECRET, "AKIDEXAMPLE"))
        assert caught.value.files == ("s3://bucket/study",)

    @pytest.mark.parametrize("fault", [503, 429, 500, "cut"])
    def test_what_passes_is_asked_for_again(self, web: Web, study: str, truth: Truth, fault: int | str) -> None:
        web.mood = lambda path, count: fault if count % 3 == 0 else None
        np.testing.assert_array_equal(vdl.load(study).frames, truth.frames)

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            (503, "the server answers 503 Service Unavailable, 4 times"),
            (403, "the server answers 403 Forbidden"),
            (404, "the server answers 404 Not Found"),
            ("cut", "the connection was cut, 4 times"),
        ],
    )
    def test_a_header_that_is_not_given_is_a_problem_of_its_series(
        self, web: Web, study: str, truth: Truth, fault: int | str, words: str
    ) -> None:
        bad = truth.files[4].name
        web.mood = lambda path, count: fault if path.endswith(bad) else None
        found = vdl.scan(study)
        assert [p.error.message for p in found.problems] == [f"{study}a%20b/{bad}: it cannot be read: {words}"]
        with pytest.raises(vdl.CorruptFileError, match=words):
            vdl.load(study)

    @pytest.mark.parametrize(
        ("fault", "words"),
        [(503, "cannot be read: the server answers 503"), (403, "answers 403"), (404, "vanished"), ("cut", "was cut")],
    )
    def test_pixels_that_are_not_given_are_an_error(
        self, web: Web, study: str, truth: Truth, fault: int | str, words: str
    ) -> None:
        found = vdl.scan(study)
        bad = truth.files[4].name
        web.mood = lambda path, count: fault if path.endswith(bad) else None
        with pytest.raises(vdl.CorruptFileError, match=words) as caught:
            found[0].load()
        assert caught.value.files == (f"{study}a%20b/{bad}",)
        assert caught.value.__cause__ is None, "a foreign error stands behind it"

    @pytest.mark.parametrize("ranges", [True, False])
    @pytest.mark.parametrize("change", [lambda b: b[:-2] + b"xx", lambda b: b + b"\0\0", lambda b: b[:-200]])
    def test_an_object_that_changes_in_between_is_refused(
        self, web: Web, study: str, truth: Truth, ranges: bool, change: Callable[[bytes], bytes]
    ) -> None:
        web.ranges = ranges
        found = vdl.scan(study)
        path = next(path for path in web.objects if path.endswith(truth.files[2].name))
        web.objects[path] = change(web.objects[path])
        with pytest.raises(vdl.CorruptFileError, match=r"changed since it was scanned: .* → load again"):
            found[0].load()

    def test_a_server_that_is_not_there(self, web: Web) -> None:
        with web_server() as gone:
            address = gone.address
        with pytest.raises(vdl.NoDicomError, match=r"the server cannot be reached .*, 4 times"):
            vdl.load(f"{address}/a.dcm")

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("{}/nothing", "there is nothing at .*/nothing: the server answers 404 Not Found"),
            ("memory://nothing", "there is nothing at memory://nothing: no such object or folder"),
        ],
    )
    def test_nothing_there(self, web: Web, url: str, words: str) -> None:
        with pytest.raises(vdl.NoDicomError, match=words):
            vdl.load(url.format(web.address))

    def test_a_protocol_that_does_not_exist(self) -> None:
        with pytest.raises(ValueError, match="there is no file system for nowhere://"):
            vdl.load("nowhere://a/b")

    def test_options_that_are_none(self) -> None:
        with pytest.raises(TypeError, match="storage_options must be a dictionary"):
            vdl.load("memory://a", storage_options="key=1")  # type: ignore[arg-type]

    def test_of_many_faults_one_is_told(
        self, web: Web, study: str, truth: Truth, caplog: pytest.LogCaptureFixture
    ) -> None:
        found = vdl.scan(study)
        web.mood = lambda path, count: 403
        with pytest.raises(vdl.CorruptFileError, match="answers 403"):
            found[0].load()
        gc.collect()  # of a task with an error that nobody has looked at, asyncio tells then
        assert not caplog.records

    @pytest.mark.parametrize("says_size", [True, False])
    def test_a_server_that_gives_no_range_beyond_the_end(
        self, web: Web, study: str, truth: Truth, says_size: bool
    ) -> None:
        web.strict, web.says_size = True, says_size
        np.testing.assert_array_equal(vdl.load(study).frames, truth.frames)

    def test_no_socket_and_no_thread_outlives_a_load(self, web: Web, study: str, truth: Truth) -> None:
        found = vdl.scan(study)
        found[0].load()
        web.objects.clear()
        with pytest.raises(vdl.CorruptFileError):
            found[0].load()
        for _ in range(200):
            if not web.open_sockets:
                break
            asyncio.run(asyncio.sleep(0.01))
        assert web.open_sockets == 0


# ---------------------------------------------------------------------------------------------------- credentials
class TestCredentials:
    def test_they_are_seen_nowhere(self, web: Web, study: str, truth: Truth, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, "vtkdicomload")
        host = study.removeprefix("http://")
        source = f"http://user:{SECRET}@{host}?sig={SECRET}"
        options = {"headers": {"X-Key": SECRET}}
        found = vdl.scan(source, storage_options=options)
        volume = vdl.load(source, storage_options=options)
        (loaded,) = vdl.load_many([source], storage_options=options)
        algorithm = vdl.DICOMSeriesSource()
        algorithm.SetDirectoryName(source)
        algorithm.SetStorageOptions(options)
        seen = [repr(x) for x in (found, found[0], volume, loaded, algorithm, found[0].frames[0], volume.series.frames)]
        seen += [str(x) for x in (found, volume, volume.series.files, found.skipped, found.source, *caplog.messages)]
        for fault in (503, 403, 404, "cut"):
            web.mood = lambda path, count, fault=fault: fault  # type: ignore[misc]
            for act in (lambda: vdl.load(source), found[0].load, lambda: found[0].dataset(0)):
                with pytest.raises(vdl.DicomLoadError) as caught:
                    act()
                seen += [
                    str(caught.value),
                    repr(caught.value.__cause__),
                    repr(caught.value.__notes__ if hasattr(caught.value, "__notes__") else ""),
                ]
        web.mood = lambda path, count: None
        seen += [CliRunner().invoke(cli.app, ["info", source, *more]).output for more in ([], ["--json"])]
        assert "a%20b" in seen[-1]
        assert not any(SECRET in text for text in seen), [text for text in seen if SECRET in text]
        assert all(asked.authorization for asked in web.asked)

    def test_a_server_that_wants_them_gets_them(self, web: Web, study: str, truth: Truth) -> None:
        web.login = f"Bearer {SECRET}"
        with pytest.raises(vdl.NoDicomError, match="the server answers 401 Unauthorized"):
            vdl.load(study)
        volume = vdl.load(study, storage_options={"headers": {"Authorization": web.login}})
        np.testing.assert_array_equal(volume.frames, truth.frames)

    def test_a_series_is_loaded_in_another_process(self, web: Web, study: str, truth: Truth, tmp_path: Path) -> None:
        web.login = f"Bearer {SECRET}"
        found = vdl.scan(study, storage_options={"headers": {"Authorization": web.login}})
        (tmp_path / "series").write_bytes(pickle.dumps(found[0]))
        code = (
            "import pathlib, pickle; series = pickle.loads(pathlib.Path('series').read_bytes()); "
            "print(int(series.load().frames.astype('int64').sum()))"
        )
        shown = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (shown.stdout.strip(), shown.stderr) == (str(int(truth.frames.astype("int64").sum())), "")

    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("https://u:p@host/a%20b/c.dcm?sig=1#x", "https://host/a%20b/c.dcm"),
            ("s3://bucket/a#b/c", "s3://bucket/a#b/c"),
            ("sftp://u:p@host:22/a/", "sftp://host:22/a/"),
            ("zip://in::https://u:p@host/a.zip?sig=1", "https://host/a.zip"),
            ("az://c/a?sig=1", "az://c/a"),
        ],
    )
    def test_urls_are_shown_without_them(self, url: str, shown: str) -> None:
        assert parse_address(url).name == strip_credentials(url) == shown
        assert hide_credentials([url, "C:\\a?b"])[1] == "C:\\a?b"

    @pytest.mark.parametrize("text", ["a/b", "C://a", "a::b", "s3:/a", "/a/http://b", ""])
    def test_a_path_is_no_url(self, text: str) -> None:
        assert not is_url(text)


def test_a_page_links_to_what_lies_below_it() -> None:
    page = (
        '<a href="?C=M">M</a><a href="/x/">up</a><a href="a b.dcm">1</a><a href="%2e%2e/">2</a><a href="sub/">3</a>'
        '<a href="https://other/x/y/c">4</a><a HREF=\'/x/y/d?t=1#f\'>5</a><a href="deep/e">6</a><a>7</a>'
        '<a href="http://[">8</a><A href="a b.dcm">9</A>'
    )
    assert list_links(page, "https://host/x/y/?k=1") == [
        "https://host/x/y/a b.dcm",
        "https://host/x/y/sub/",
        "https://host/x/y/d?t=1",
    ]


def test_values_of_the_shell_are_read_as_json_where_they_are() -> None:
    from vtkdicomload.cli.options import read_storage_options

    given = ["anon=true", "key=a=b", 'client_kwargs={"region_name": "x"}']
    assert json.dumps(read_storage_options(given)) == (
        '{"anon": true, "key": "a=b", "client_kwargs": {"region_name": "x"}}'
    )
