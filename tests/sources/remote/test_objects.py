"""Objects on servers keep the contract of every file: over HTTP, with ranges and without, in S3, in fsspec's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from sources.contract import ChangingFileContract
from sources.servers import Web, s3_server, web_server

from vtkdicomload.sources.remote import sharing
from vtkdicomload.sources.remote.find import Finder
from vtkdicomload.sources.remote.objects import RemoteFile
from vtkdicomload.sources.remote.server import REQUESTS
from vtkdicomload.sources.remote.sharing import keep_connections
from vtkdicomload.sources.resolve import find_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vtkdicomload.sources.file import File

    Make = Callable[[str, bytes], File]


class _OverHttp(ChangingFileContract):
    @pytest.fixture
    def web(self) -> Iterator[Web]:
        with web_server() as web:
            yield web

    @pytest.fixture
    def make(self, web: Web) -> Make:
        def made(name: str, content: bytes) -> File:
            (file,) = find_files([web.put(f"study/{name}", content)]).files
            return file

        return made

    @pytest.fixture
    def remove(self, web: Web) -> Callable[[File], None]:
        return lambda file: web.objects.clear()


class TestOverHttp(_OverHttp):
    pass


class TestOverHttpWithoutRanges(_OverHttp):
    @pytest.fixture
    def web(self) -> Iterator[Web]:
        with web_server() as web:
            web.ranges = False
            yield web


class TestOverHttpWithoutLengths(_OverHttp):
    @pytest.fixture
    def web(self) -> Iterator[Web]:
        with web_server() as web:
            web.ranges = web.lengths = False
            yield web


class TestOverHttpOnceKnown(_OverHttp):
    """Once a server has answered with a range: by connections of our own."""

    @pytest.fixture
    def web(self) -> Iterator[Web]:
        with web_server() as web, keep_connections():
            (first,) = find_files([web.put("study/first", b"first")]).files
            first.open().close()
            yield web


class _S3(NamedTuple):
    """A server with a bucket, a client of its own that puts things there, and what finds them, by one connection."""

    client: Any
    finder: Finder


@pytest.fixture(scope="class")
def s3() -> Iterator[_S3]:
    import boto3

    with s3_server() as options, keep_connections():
        client = boto3.client(
            "s3",
            aws_access_key_id=options["key"],
            aws_secret_access_key=options["secret"],
            endpoint_url=options["endpoint_url"],
            region_name="us-east-1",
        )
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="first", Body=b"")
        finder = Finder(options, recursive=True)
        finder.find("s3://bucket/first")
        yield _S3(client, finder)
        client.close()


class TestInS3(ChangingFileContract):
    def test_there_are_as_many_connections_as_requests_at_a_time(self, s3: _S3) -> None:
        (connection,) = (one for server, one in sharing._shared.connections.items() if server.protocol == "s3")
        assert connection._system.config_kwargs["max_pool_connections"] == REQUESTS

    @pytest.fixture
    def make(self, s3: _S3, tmp_path: Path) -> Make:
        def made(name: str, content: bytes) -> File:
            key = f"{tmp_path.name}/{name}"
            s3.client.put_object(Bucket="bucket", Key=key, Body=content)
            (file,) = s3.finder.find(f"s3://bucket/{key}").files
            return file

        return made

    @pytest.fixture
    def remove(self, s3: _S3) -> Callable[[File], None]:
        def removed(file: File) -> None:
            assert isinstance(file, RemoteFile)
            s3.client.delete_object(Bucket="bucket", Key=file.key.partition("/")[2])

        return removed


class TestInTheMemoryOfFsspec(ChangingFileContract):
    @pytest.fixture
    def store(self) -> Iterator[Any]:
        import fsspec

        store = fsspec.filesystem("memory")
        yield store
        store.rm("/study", recursive=True)

    @pytest.fixture
    def make(self, store: Any) -> Make:
        def made(name: str, content: bytes) -> File:
            store.pipe(f"/study/{name}", content)
            (file,) = find_files(f"memory://study/{name}").files
            return file

        return made

    @pytest.fixture
    def remove(self, store: Any) -> Callable[[File], None]:
        def removed(file: File) -> None:
            assert isinstance(file, RemoteFile)
            store.rm(file.key)
            store.pipe("/study/other", b"")

        return removed
