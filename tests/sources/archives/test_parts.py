"""Archives on servers are read by few requests, whatever their members are, and say which member they do not give."""

from __future__ import annotations

import io
import threading
import zipfile
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np
import pydicom
import pytest
from sources.packing import compress, make_tar
from sources.servers import Asked, Web, web_server

import vtkdicomload as vdl
from vtkdicomload.sources.archives.members import LostFile
from vtkdicomload.sources.archives.parts import Range, _group_neighbours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from synthetic import Truth

    Write = Callable[..., Truth]

ZIPS = {"stored.zip": zipfile.ZIP_STORED, "deflated.zip": zipfile.ZIP_DEFLATED}


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as web:
        yield web


def pack(truth: Truth, kind: str) -> bytes:
    members = {f"a/{path.name}": path.read_bytes() for path in truth.files}
    if kind == "tar":
        return make_tar(members)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", ZIPS[kind]) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return written.getvalue()


def noise(dataset: object, k: int) -> None:
    """Pixels that are not deflated to nothing."""
    size = len(dataset.PixelData)  # type: ignore[attr-defined]
    dataset.PixelData = np.random.default_rng(k).integers(0, 256, size, np.uint8).tobytes()  # type: ignore[attr-defined]


# ---------------------------------------------------------------------------------------------------- how many requests
@pytest.mark.parametrize("kind", ZIPS)
def test_small_files_of_an_archive_are_read_together(web: Web, series: Write, kind: str) -> None:
    truth = series("written", count=60, rows=64, columns=64)
    volume = vdl.load(web.put("study.zip", pack(truth, kind)))
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert len(web.asked) <= 12


@pytest.mark.parametrize("ranges", [True, False])
def test_compressed_files_are_fetched_whole_at_the_same_time(web: Web, series: Write, ranges: bool) -> None:
    truth = series("written", count=6, rows=300, columns=300, edit=noise)
    sizes = {}
    for path in truth.files:
        data = compress(path.read_bytes(), "gz")
        sizes[urlsplit(web.put(f"study/{path.name}.gz", data)).path] = len(data)
    web.ranges = ranges
    pair = threading.Barrier(2)

    def wait_for_another(asked: Asked) -> None:
        if asked.length == sizes.get(asked.path):
            pair.wait(20)

    web.refuse = wait_for_another
    volume = vdl.load(f"{web.address}/study/", archives=True)
    np.testing.assert_array_equal(volume.frames, np.array([pydicom.dcmread(path).pixel_array for path in truth.files]))


@pytest.mark.parametrize("kind", ZIPS)
def test_each_large_file_of_an_archive_takes_a_request_for_its_header(web: Web, series: Write, kind: str) -> None:
    truth = series("written", count=24, rows=256, columns=300, edit=noise)
    content = pack(truth, kind)
    found = vdl.scan(web.put("study.zip", content))
    assert len(web.asked) <= 24 + 4
    assert sum(asked.length for asked in web.asked) < len(content) // 2
    web.asked.clear()
    volume = found[0].load(verify="none")
    assert volume.frames.shape == (24, 256, 300)
    together = (2 << 20) // (256 * 300 * 2 + 10_000)
    assert len(web.asked) <= 24 // together + 1 + 5, "pixels are not fetched together"
    assert sum(asked.length for asked in web.asked) < len(content) * 1.4


def test_the_files_of_a_tar_are_read_together(web: Web, series: Write) -> None:
    truth = series("written", count=24, rows=128, columns=130)
    found = vdl.scan(web.put("study.tar", pack(truth, "tar")))
    web.asked.clear()
    np.testing.assert_array_equal(found[0].load(verify="none").frames, truth.frames)
    assert len(web.asked) <= 6


@pytest.mark.parametrize("kind", [*ZIPS, "tar"])
def test_an_archive_of_which_no_part_is_given_is_fetched_whole_once(web: Web, series: Write, kind: str) -> None:
    web.ranges = False
    truth = series("written", count=20, rows=128, columns=130, edit=noise)
    url = web.put(f"study.{kind}", pack(truth, kind))
    volume = vdl.load(url)
    assert volume.frames.shape == (20, 128, 130)
    assert len(web.asked) == 2, "once for its kind, of which no more is read, and once for all"
    web.asked.clear()
    np.testing.assert_array_equal(volume.series.load(verify="none").frames, volume.frames)
    assert len(web.asked) <= 2


def test_an_archive_in_the_memory_of_fsspec(series: Write) -> None:
    import fsspec

    truth = series("written", count=9)
    store = fsspec.filesystem("memory")
    store.pipe("/packed/study.zip", pack(truth, "deflated.zip"))
    try:
        for source in ("zip::memory://packed/study.zip", "zip://a::memory://packed/study.zip"):
            np.testing.assert_array_equal(vdl.load(source).frames, truth.frames)
    finally:
        store.rm("/packed", recursive=True)


# ---------------------------------------------------------------------------------------------------- faults
@pytest.mark.parametrize("kind", [*ZIPS, "tar"])
def test_an_archive_that_changes_in_between_is_refused(web: Web, series: Write, kind: str) -> None:
    truth = series("written", count=12)
    content = pack(truth, kind)
    found = vdl.scan(web.put(f"study.{kind}", content))
    web.put(f"study.{kind}", content[:-1] + b"\1")
    with pytest.raises(vdl.CorruptFileError, match=rf"changed since it was scanned: study\.{kind} did") as caught:
        found[0].load()
    assert caught.value.files[0].startswith(f"{web.address}/study.{kind}/a/")


@pytest.mark.parametrize("fault", [503, "cut"])
@pytest.mark.parametrize("kind", [*ZIPS, "tar"])
def test_what_passes_is_asked_for_again(web: Web, series: Write, kind: str, fault: int | str) -> None:
    truth = series("written", count=12)
    url = web.put(f"study.{kind}", pack(truth, kind))
    web.mood = lambda path, count: fault if count % 3 == 1 else None
    np.testing.assert_array_equal(vdl.load(url).frames, truth.frames)


@pytest.mark.parametrize("kind", [*ZIPS, "tar"])
def test_an_archive_that_is_not_given_any_more_names_the_file(web: Web, series: Write, kind: str) -> None:
    truth = series("written", count=12)
    found = vdl.scan(web.put(f"study.{kind}", pack(truth, kind)))
    web.mood = lambda path, count: 403
    with pytest.raises(vdl.CorruptFileError, match=rf"study\.{kind}: it cannot be read: the server answers 403"):
        found[0].load()


def test_a_stored_member_of_another_checksum_is_refused(web: Web, series: Write) -> None:
    truth = series("written", count=12)
    data = bytearray(pack(truth, "stored.zip"))
    content = truth.files[1].read_bytes()
    data[data.index(content) + len(content) - 20] ^= 1
    with pytest.raises(vdl.CorruptFileError, match=r"1-2\.dcm: its checksum is not that of the archive"):
        vdl.load(web.put("study.zip", bytes(data)))


def test_a_part_that_the_server_does_not_give_is_charged_to_its_file(web: Web, series: Write) -> None:
    truth = series("written", count=12, rows=256, columns=300)
    url = web.put("study.zip", pack(truth, "stored.zip"))
    bad = 256 * 300 * 2 * 5  # a byte of the fifth or sixth

    def refuse(asked: object) -> int | None:
        first, last = asked.span  # type: ignore[attr-defined]
        return 403 if first <= bad <= last else None

    web.refuse = refuse
    found = vdl.scan(url)
    assert len(found.problems) <= 1
    with pytest.raises(vdl.CorruptFileError, match="the server answers 403"):
        vdl.load(url)


# ---------------------------------------------------------------------------------------------------- neighbours
def test_neighbours_are_put_together_up_to_a_limit() -> None:
    near = {k: Range(k * 100, 90) for k in range(10)}
    archive = LostFile("a", 10_000)
    (group,) = _group_neighbours(archive, near, 1 << 20)
    assert (group.start, group.end, group.places) == (0, 990, list(range(10)))
    assert [g.places for g in _group_neighbours(archive, near, 300)] == [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
        [9],
    ]
    apart = {0: Range(1 << 20, 10), 1: Range(0, 10), 2: Range(5, 2)}
    assert [g.places for g in _group_neighbours(LostFile("a", 2 << 20), apart, 1 << 20)] == [[1, 2], [0]]
    (cut,) = _group_neighbours(LostFile("a", 100), {0: Range(90, 50)}, 1 << 20)
    assert (cut.start, cut.end) == (90, 100)
