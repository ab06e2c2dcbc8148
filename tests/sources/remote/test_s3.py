"""Series in a bucket: what goes wrong on the way, and what logs in, which is seen nowhere."""

from __future__ import annotations

import io
import logging
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from sources.servers import Between, s3_server, server_between
from typer.testing import CliRunner

import vtkdicomload as vdl
from vtkdicomload.cli import app as cli
from vtkdicomload.sources.remote.sharing import keep_connections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from synthetic import Truth

SECRETS = ("AKIDEXAMPLE", "WORD0FPASSING", "Gehe1mnis")
BUSY = (503, b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")
# S3 itself quotes the key that it refuses.
REFUSED = (403, b"<Error><Code>InvalidAccessKeyId</Code><AWSAccessKeyId>AKIDEXAMPLE</AWSAccessKeyId></Error>")


class Bucket(NamedTuple):
    """A bucket with a series, and what stands between it and its clients."""

    client: Any
    between: Between
    options: dict[str, Any]
    truth: Truth

    @property
    def url(self) -> str:
        return "s3://bucket/study"

    def load(self, source: str = "s3://bucket/study", **options: Any) -> vdl.Volume:
        return vdl.load(source, storage_options=self.options, **options)

    def put(self, name: str, content: bytes) -> None:
        self.client.put_object(Bucket="bucket", Key=f"study/{name}", Body=content)

    def fail_for(self, name: str, fault: tuple[int, bytes] | str, times: int = 1 << 30) -> None:
        """Answer so when an object is asked for, the first times."""
        self.between.mood = lambda method, path, count: (
            fault if path.endswith(name) and method == "GET" and count < times else None
        )


@pytest.fixture(scope="module")
def _server() -> Iterator[tuple[Any, dict[str, str], Between]]:
    import boto3

    with s3_server() as options, server_between(options["endpoint_url"]) as between:
        client = boto3.client(
            "s3",
            aws_access_key_id=options["key"],
            aws_secret_access_key=options["secret"],
            endpoint_url=options["endpoint_url"],
            region_name="us-east-1",
        )
        client.create_bucket(Bucket="bucket")
        yield client, options, between
        client.close()


@pytest.fixture
def bucket(
    _server: tuple[Any, dict[str, str], Between], series: Callable[..., Truth], monkeypatch: pytest.MonkeyPatch
) -> Bucket:
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 2)  # each waits longer
    client, options, between = _server
    between.mood, between.asked = Between("").mood, []
    once = {"retries": {"total_max_attempts": 1}}  # of botocore's own, which wait for seconds
    truth = series("written", count=9, RescaleSlope=2, RescaleIntercept=-5)
    bucket = Bucket(client, between, {**options, "endpoint_url": between.address, "config_kwargs": once}, truth)
    for path in truth.files:
        bucket.put(path.name, path.read_bytes())
    return bucket


class TestFaults:
    @pytest.mark.parametrize("fault", [BUSY, "cut"], ids=["503", "cut"])
    def test_what_passes_is_asked_for_again(self, bucket: Bucket, fault: Any) -> None:
        bucket.options["config_kwargs"] = {"retries": {"total_max_attempts": 3}}
        bucket.fail_for("1-4.dcm", fault, times=1)
        np.testing.assert_array_equal(bucket.load().frames, bucket.truth.frames)

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            (BUSY, "the server answers 503"),
            ("cut", "the server does not give it"),
        ],
        ids=["503", "cut"],
    )
    def test_an_object_that_is_not_given_is_named(self, bucket: Bucket, fault: Any, words: str) -> None:
        found = vdl.scan(bucket.url, storage_options=bucket.options)
        bucket.fail_for("1-4.dcm", fault)
        with pytest.raises(vdl.CorruptFileError, match=words) as caught:
            found[0].load()
        assert caught.value.files == ("s3://bucket/study/1-4.dcm",)
        found = vdl.scan(bucket.url, storage_options=bucket.options)
        assert [p.path for p in found.problems] == ["s3://bucket/study/1-4.dcm"]

    def test_an_object_that_is_written_again_in_between_is_refused(self, bucket: Bucket) -> None:
        found = vdl.scan(bucket.url, storage_options=bucket.options)
        path = bucket.truth.files[2]
        bucket.put(path.name, path.read_bytes()[:-2] + b"xx")
        with pytest.raises(vdl.CorruptFileError, match=r"changed since it was scanned: .* → load again"):
            found[0].load()

    def test_an_object_that_is_written_again_while_pixels_are_read_is_refused(self, bucket: Bucket) -> None:
        found = vdl.scan(bucket.url, storage_options=bucket.options)
        path = bucket.truth.files[2]

        def write_again(method: str, asked: str, count: int) -> None:
            if method == "GET" and asked.endswith(path.name):
                bucket.put(path.name, path.read_bytes()[:-2] + b"xx")

        bucket.between.mood = write_again
        with pytest.raises(vdl.CorruptFileError, match=r"1-3\.dcm changed since it was scanned: it was written again"):
            found[0].load()

    def test_an_object_that_vanishes_is_refused(self, bucket: Bucket) -> None:
        found = vdl.scan(bucket.url, storage_options=bucket.options)
        bucket.client.delete_object(Bucket="bucket", Key="study/1-3.dcm")
        with pytest.raises(vdl.CorruptFileError, match=r"1-3\.dcm changed since it was scanned: it vanished"):
            found[0].load()


def test_an_archive_in_a_bucket_takes_few_requests(bucket: Bucket) -> None:
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", kind) as archive:
            for path in bucket.truth.files:
                archive.write(path, f"a/{path.name}")
        bucket.client.put_object(Bucket="bucket", Key="packed/study.zip", Body=written.getvalue())
        bucket.between.asked.clear()
        np.testing.assert_array_equal(bucket.load("zip::s3://bucket/packed/study.zip").frames, bucket.truth.frames)
        assert len(bucket.between.asked) <= 24, bucket.between.asked


class TestCredentials:
    def test_they_are_seen_nowhere(self, bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
        with keep_connections():  # to make one takes long
            self._look_everywhere(bucket, caplog)

    def _look_everywhere(self, bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, "vtkdicomload")
        options = bucket.options | {"token": "Gehe1mnis"}
        found = vdl.scan(bucket.url, storage_options=options)
        volume = vdl.load(bucket.url, storage_options=options)
        (loaded,) = vdl.load_many([bucket.url], storage_options=options)
        lazy = vdl.open(bucket.url, storage_options=options)
        seen = [repr(x) for x in (found, found[0], volume, loaded, found[0].frames[0], lazy, lazy.attrs)]
        seen += [str(x) for x in (found.source, volume.series.files, *caplog.messages)]
        for fault in (REFUSED, (400, b"<Error><Code>ExpiredToken</Code><Token-0>Gehe1mnis</Token-0></Error>")):
            bucket.between.mood = lambda method, path, count, fault=fault: fault  # type: ignore[misc]
            for act in (
                lambda: vdl.load(bucket.url, storage_options=options),
                lambda: vdl.scan([f"{bucket.url}/1-1.dcm"], storage_options=options),
                found[0].load,
                lambda: found[0].dataset(0),
                lazy.compute,
            ):
                with pytest.raises(vdl.DicomLoadError) as caught:
                    act()
                error = caught.value
                seen += [str(error), repr(error), repr(error.__cause__), repr(error.remedies), repr(error.__context__)]
        seen += [*caplog.messages]
        assert not any(secret in text for text in seen for secret in SECRETS)

    def test_a_signed_url_is_named_without_its_signature(self, bucket: Bucket) -> None:
        urls = [
            bucket.client.generate_presigned_url("get_object", {"Bucket": "bucket", "Key": f"study/{path.name}"})
            for path in bucket.truth.files
        ]
        address = bucket.client.meta.endpoint_url
        urls = [url.replace(address, bucket.between.address) for url in urls]
        assert all("Signature" in url for url in urls)
        found = vdl.scan(urls)
        np.testing.assert_array_equal(found[0].load().frames, bucket.truth.frames)
        seen = [repr(found), repr(found[0]), *found[0].files, repr(found[0].frames)]
        bucket.between.mood = lambda method, path, count: REFUSED
        for act in (lambda: vdl.load(urls), lambda: vdl.load(urls[0]), found[0].load, lambda: found[0].dataset(0)):
            with pytest.raises(vdl.DicomLoadError, match="answers 403") as caught:
                act()
            seen += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]
        seen.append(CliRunner().invoke(cli.app, ["info", urls[0]]).output)
        assert found[0].files[0] == f"{bucket.between.address}/bucket/study/1-1.dcm"
        assert not any(word in text for text in seen for word in ("Signature", "Expires", *SECRETS))
