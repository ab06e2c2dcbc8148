"""Roots of an index other than plain folders: archives in them, archives themselves, servers."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from catalog.index.same import check_index
from sources.packing import KINDS, write_archive
from sources.servers import Web, web_server

import vtkdicomload as vdl
from vtkdicomload.sources.remote.stores import _Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from synthetic import Truth

    Write = Callable[..., Truth]

SECRET = "Gehe1mnis"


def read_members(folder: Path) -> dict[str, bytes]:
    """The files below a folder, by their path there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def pack(folder: Path, kind: str) -> Path:
    """Put an archive of a folder in its place."""
    members = read_members(folder)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    folder.rmdir()
    return write_archive(folder.with_name(f"{folder.name}.{kind}"), kind, members)


def touch(path: Path) -> None:
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))


# ---------------------------------------------------------------------------------------------------- archives
@pytest.fixture
def packed(archive: Path) -> Path:
    """An archive of which some folders are packed, one file is, and one is only named so."""
    pack(archive / "patient2", "deflated.zip")
    pack(archive / "patient3" / "ct", "tar.gz")
    pack(archive / "patient4" / "pet", "tar")
    (archive / "patient1" / "thesis.zip").write_bytes(b"no archive")
    return archive


def test_archives_in_a_folder_are_entered_as_by_a_scan(packed: Path, tmp_path: Path) -> None:
    index = vdl.Index.build(packed, tmp_path / "index", archives=True)
    found = vdl.scan(packed, archives=True)
    assert check_index(index, found) == [True] * 5
    assert index.files_read == len(found.files) == 27
    assert check_index(vdl.Index.open(index.path), found) == [True] * 5


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_is_a_root(series: Write, tmp_path: Path, kind: str, opened: list[str]) -> None:
    truth = series("in/a/b", seed=1)
    series("in/c", seed=2, count=3)
    (tmp_path / "in/note.txt").write_text("none")
    path = pack(tmp_path / "in", kind)
    index = vdl.Index.build(path, tmp_path / "index")
    assert index.root == str(path)
    assert check_index(index, vdl.scan(path)) == [True, True]
    opened.clear()
    assert vdl.Index.build(path, tmp_path / "index").files_read == 0
    assert opened == []
    row = next(iter(vdl.Index.open(tmp_path / "index")))
    np.testing.assert_array_equal(vdl.load(row).frames, truth.frames)
    touch(path)
    with pytest.raises(
        vdl.CorruptFileError, match=r"out of date: .* changed since it was scanned: it was written again"
    ):
        vdl.load(row)


def test_a_second_run_opens_no_archive_and_a_changed_one_alone(
    packed: Path, tmp_path: Path, opened: list[str], series: Write
) -> None:
    vdl.Index.build(packed, tmp_path / "index", archives=True)
    opened.clear()
    assert vdl.Index.build(packed, tmp_path / "index", archives=True).files_read == 0
    assert opened == []
    changed = series("more", seed=9, count=3)
    with zipfile.ZipFile(packed / "patient2.deflated.zip", "a") as opened_zip:
        for path in changed.files:
            opened_zip.write(path, f"more/{path.name}")
    opened.clear()
    index = vdl.Index.build(packed, tmp_path / "index", archives=True)
    assert index.files_read == 5 + 3
    assert {Path(name).name for name in opened} == {"patient2.deflated.zip"}
    assert check_index(index, vdl.scan(packed, archives=True)) == [True] * 6


def test_whether_archives_are_entered_may_change(packed: Path, tmp_path: Path) -> None:
    key = b"secret"
    fresh = [*vdl.Index.build(packed, tmp_path / "fresh", archives=True, patient_key=key)]
    for archives in (False, True, False):
        index = vdl.Index.build(packed, tmp_path / "index", archives=archives, patient_key=key)
        assert len(check_index(index, vdl.scan(packed, archives=archives))) == (5 if archives else 1)
        if archives:
            assert [*index] == fresh
            assert index.files_read == 26 - 5 - 1 + 1


def test_what_is_lost_in_an_archive_is_told_as_a_scan_tells_it(series: Write, tmp_path: Path) -> None:
    for k in range(1, 4):
        series(f"in/{k}/ct", seed=k)
    torn = pack(tmp_path / "in/1/ct", "tar.gz")
    torn.write_bytes(torn.read_bytes()[:-2000])
    packed = pack(tmp_path / "in/2/ct", "stored.zip")
    content = bytearray(packed.read_bytes())
    at = content.rindex(b"PK\1\2")
    content[at + 8] |= 1  # the last member says that it is encrypted
    packed.write_bytes(content)
    index = vdl.Index.build(tmp_path / "in", tmp_path / "index", archives=True)
    loaded = check_index(index, vdl.scan(tmp_path / "in", archives=True))
    assert loaded[-1] is True
    assert False in loaded
    assert any("encrypted" in what for row in index for what in row.damage)
    assert vdl.Index.build(tmp_path / "in", tmp_path / "index", archives=True).files_read == 0


def test_an_archive_that_says_stale_names_the_call_that_enters_archives(packed: Path, tmp_path: Path) -> None:
    rows = vdl.Index.build(packed, tmp_path / "index", archives=True).to_table()
    touch(packed / "patient2.deflated.zip")
    stale = [row for row in rows if row.folder and "patient2" in row.folder]
    with pytest.raises(vdl.CorruptFileError, match=r"Index\.build\(.*, archives=True\)"):
        vdl.load(stale[0])


# ---------------------------------------------------------------------------------------------------- servers
@pytest.fixture
def stored(archive: Path) -> Iterator[str]:
    """The URL of the same archive in a store."""
    pack(archive / "patient2", "stored.zip")
    system = fsspec.filesystem("memory")
    for name, content in read_members(archive).items():
        system.pipe_file(f"/archive/{name}", content)
    yield "memory://archive"
    system.rm("/archive", recursive=True)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The objects of which bytes are fetched from now on."""
    names: list[str] = []
    fetch = _Store.fetch

    async def fetch_and_note(self: Any, key: str, *rest: Any) -> Any:
        names.append(key)
        return await fetch(self, key, *rest)

    monkeypatch.setattr(_Store, "fetch", fetch_and_note)
    return names


def test_a_store_is_a_root(stored: str, tmp_path: Path, fetched: list[str]) -> None:
    index = vdl.Index.build(stored, tmp_path / "index", archives=True)
    found = vdl.scan(stored, archives=True)
    assert index.root == stored
    assert index.files_read == len(found.files) == 26
    assert check_index(index, found) == [True] * 5
    rows = index.to_table()
    fetched.clear()
    assert vdl.Index.build(stored, tmp_path / "index", archives=True).files_read == 0
    assert fetched == []
    system = fsspec.filesystem("memory")
    name = sorted(system.find("/archive/patient1"))[0]
    system.pipe_file(name, system.cat_file(name))
    again = vdl.Index.build(stored, tmp_path / "index", archives=True)
    assert again.files_read == 1
    assert {*fetched} == {name}
    with pytest.raises(vdl.CorruptFileError, match="out of date"):
        vdl.load(rows[0])
    assert check_index(vdl.Index.open(tmp_path / "index"), vdl.scan(stored, archives=True)) == [True] * 5


def test_a_store_of_one_folder_is_divided_by_those_that_lie_deeper(series: Write, tmp_path: Path) -> None:
    for k in range(6):
        series(f"in/site/{k}/ct", seed=k, count=2)
    (tmp_path / "in" / "site" / "note.txt").write_text("nothing")
    system = fsspec.filesystem("memory")
    system.put(str(tmp_path / "in"), "/deep", recursive=True)
    index = vdl.Index.build("memory://deep", tmp_path / "index")
    tops = {top for path in (tmp_path / "index").glob("files/*/*") for top in read_tops(path)}
    assert tops == {"site", *(f"site/{k}" for k in range(6))}
    assert check_index(index, vdl.scan("memory://deep")) == [True] * 6
    assert vdl.Index.build("memory://deep", tmp_path / "index").files_read == 0
    system.rm("/deep", recursive=True)


def read_tops(path: Path) -> list[str]:
    tops: list[str] = pq.read_table(path, partitioning=None)["top"].to_pylist()
    return tops


def test_an_archive_in_a_store_is_a_root(stored: str, tmp_path: Path) -> None:
    url = f"{stored}/patient2.stored.zip"
    for given in (url, f"zip::{url}"):
        index = vdl.Index.build(given, tmp_path / "index")
        assert index.root == url
        assert check_index(vdl.Index.open(tmp_path / "index"), vdl.scan(url)) == [True]
    with pytest.raises(vdl.NoDicomError, match="is indexed as a whole, not ct in it"):
        vdl.Index.build(f"zip://ct::{url}", tmp_path / "other")


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as web:
        yield web


def test_a_web_server_is_a_root_and_credentials_are_written_nowhere(archive: Path, tmp_path: Path, web: Web) -> None:
    for name, content in read_members(archive).items():
        web.put(f"data/a b/{name}", content)
    web.login = SECRET
    options = {"headers": {"Authorization": SECRET}}
    url = f"{web.address}/data/"
    index = vdl.Index.build(url, tmp_path / "index", storage_options=options)
    assert check_index(index, vdl.scan(url, storage_options=options)) == [True] * 5
    for path in (tmp_path / "index").rglob("*"):
        assert path.is_dir() or SECRET.encode() not in path.read_bytes()
    assert SECRET not in repr(index) + repr([*index])
    web.asked.clear()
    assert vdl.Index.build(url, tmp_path / "index", storage_options=options).files_read == 0
    assert {asked.wanted for asked in web.asked} == {"", "bytes=0-0"}
    row = vdl.Index.open(tmp_path / "index").to_table()[0]
    with pytest.raises(vdl.DicomLoadError, match="401"):
        vdl.load(row)
    expected = vdl.load(archive / "patient1").frames
    np.testing.assert_array_equal(vdl.load(row, storage_options=options).frames, expected)
    row = vdl.Index.open(tmp_path / "index", storage_options=options).to_table()[0]
    np.testing.assert_array_equal(vdl.load(row).frames, expected)
    web.login = ""
    with pytest.raises(vdl.DicomLoadError, match=r"nothing can be listed|there is nothing"):
        vdl.Index.build(f"{web.address}/nowhere/", tmp_path / "other")


def test_what_a_server_does_not_give_is_tried_again(archive: Path, tmp_path: Path, web: Web) -> None:
    for name, content in read_members(archive / "patient1").items():
        web.put(f"data/{name}", content)
    victim = next(path for path in web.objects if path.endswith("3.dcm"))
    web.mood = lambda path, count: 403 if path == victim else None
    index = vdl.Index.build(f"{web.address}/data", tmp_path / "index")
    assert index.counts.damaged == 1
    web.mood = lambda path, count: None
    again = vdl.Index.build(f"{web.address}/data", tmp_path / "index")
    assert (again.files_read, again.counts.damaged) == (1, 0)


def test_a_dicomweb_server_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(vdl.NoDicomError, match=r"is on a DICOMweb server.*scan\(url\).*convert\(url, folder\)"):
        vdl.Index.build("https://pacs.example/dicom-web/studies/1.2.3", tmp_path / "index")
    assert not (tmp_path / "index").exists()


def test_an_object_that_a_store_does_not_give_is_not_called_stale(
    stored: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = vdl.Index.build(stored, tmp_path / "index").to_table()

    async def deny(self: Any, key: str) -> Any:
        raise OSError(5, "the server denies access")

    monkeypatch.setattr(_Store, "look_at", deny)
    with pytest.raises(vdl.CorruptFileError, match="it cannot be read: the server denies access") as caught:
        vdl.load(rows[0])
    assert "out of date" not in str(caught.value)
