"""Names of members, in whatever encoding and however they are written: each is there once, under its own name."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sources.packing import ZipEntry, make_unicode_path, make_zip
from typer.testing import CliRunner

import vtkdicomload as vdl
from vtkdicomload.cli import app
from vtkdicomload.sources.archives.names import MemberNames, clean_name, decode_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from synthetic import Truth

    Write = Callable[..., Truth]

UTF8 = 0x800


def _load(truth: Truth, entries: Sequence[ZipEntry]) -> list[str]:
    """Load the volume of an archive, compare it, and give the names of its files."""
    archive = truth.folder / "a.zip"
    archive.write_bytes(make_zip(entries))
    volume = vdl.load(archive)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    return [name.removeprefix(f"{archive}/") for name in volume.series.files]


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp437", "Schädel/Größe {}"),
        ("cp850", "Schädel/Öhr {}"),
        ("latin-1", "Schädel/Öhr {}"),
        ("cp932", "頭部/画像 {}"),
        ("cp932", "能力表/ソ{}"),  # of both the last byte is that of a backslash
        ("gbk", "头部/模型 {}"),
        ("utf-8", "头部/Größe {}"),
        ("utf-8", "頭部/画像 {}"),
    ],
)
def test_names_are_read_in_the_encoding_that_they_are_written_in(series: Write, encoding: str, name: str) -> None:
    truth = series("written")
    names = [f"{name.format(k)}.dcm" for k in range(5)]
    entries = [ZipEntry(name.encode(encoding), p.read_bytes()) for name, p in zip(names, truth.files, strict=True)]
    assert _load(truth, entries) == names


@pytest.mark.parametrize("written", [b"\xe4\xf6\xfc", b"\xb0\xdb\xdb", b"\xed\xa0\x80", b"a\xff\\b"])
def test_what_fits_no_encoding_has_a_name_all_the_same(written: bytes) -> None:
    assert decode_names([written, b"1.dcm"]) == [written.decode("cp437"), "1.dcm"]


@pytest.mark.parametrize("flags", [UTF8, 0])
def test_a_name_that_is_not_in_the_encoding_that_is_said_is_read_in_another(series: Write, flags: int) -> None:
    truth = series("written")
    entries = [ZipEntry(b"S\xe4%d" % k, path.read_bytes(), flags) for k, path in enumerate(truth.files)]
    assert _load(truth, entries) == [f"Sä{k}" for k in range(5)]


def test_a_field_with_a_name_counts_only_where_it_was_made_for_the_one_that_is_written(series: Write) -> None:
    truth = series("written")
    fields = [
        make_unicode_path(b"0", "頭".encode()),
        make_unicode_path(b"renamed since", b"x"),
        make_unicode_path(b"2", b"\xff"),
        make_unicode_path(b"3", "ö".encode())[:-2],
        b"\x75\x70",
    ]
    entries = [
        ZipEntry(b"%d" % k, p.read_bytes(), extra=e) for k, (p, e) in enumerate(zip(truth.files, fields, strict=True))
    ]
    assert _load(truth, entries) == ["頭", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ([b"1", b"../1", b"/1", b"C:\\1", b".\\1"], ["1", "1#2", "1#3", "1#4", "1#5"]),
        ([b"", b"/", b"..", b"a/", b"a/2"], ["(nameless)", "(nameless)#2", "(nameless)#3", "a", "a/2"]),
        ([b"A: 1/x", b"A: 2/x", b"S 1:/x", b"S 2:/x", b"C:/x"], ["A: 1/x", "A: 2/x", "S 1:/x", "S 2:/x", "x"]),
        ([b"a\n", b"a\r", b"a\0", b"\x1b[1mb", b"b"], ["a�", "a�#2", "a�#3", "�[1mb", "b"]),
    ],
)
def test_members_that_would_be_called_alike_are_told_apart(
    series: Write, written: list[bytes], named: list[str]
) -> None:
    truth = series("written")
    entries = [ZipEntry(name, path.read_bytes()) for name, path in zip(written, truth.files, strict=True)]
    assert _load(truth, entries) == named


def test_members_whose_names_are_alike_once_decoded_are_told_apart(series: Write) -> None:
    truth = series("written")
    (a, b, c, d, e) = (path.read_bytes() for path in truth.files)
    written = "ü".encode()
    entries = [
        ZipEntry(written, a, UTF8),
        ZipEntry(written, b),
        ZipEntry(b"?", c, extra=make_unicode_path(b"?", written)),
        ZipEntry(b"??", d, extra=make_unicode_path(b"??", written)),
        ZipEntry(b"4", b"replaced below"),
        ZipEntry(b"4", e),
    ]
    assert _load(truth, entries) == ["ü", "ü#2", "ü#3", "ü#4", "4"]


def test_the_same_in_a_tar(series: Write) -> None:
    truth = series("written")
    path = truth.folder / "a.tar"
    written = ["../1", "./1", "1", "S\udce4", "a\nb", "c"]
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as archive:
        for name, content in zip(written, [0, None, 1, 2, 3, 4], strict=True):
            info = tarfile.TarInfo(name)
            data = b"replaced below" if content is None else truth.files[content].read_bytes()
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    volume = vdl.load(path)
    np.testing.assert_array_equal(volume.frames, truth.frames)
    assert [name.removeprefix(f"{path}/") for name in volume.series.files] == ["1", "1#2", "Sä", "a�b", "c"]


@pytest.mark.parametrize(
    ("encoding", "flags", "name"), [("cp932", 0, "頭部/表{}"), ("ascii", 0, "\x1b[31m{}"), ("utf-8", UTF8, "{}\ud800")]
)
def test_foreign_names_go_through_tables_indexes_and_commands(
    series: Write, tmp_path: Path, encoding: str, flags: int, name: str
) -> None:
    truth = series("written")
    names = [name.format(k).encode(encoding, "surrogatepass") for k in range(5)]
    path = tmp_path / "a.zip"
    contents = [*(path.read_bytes() for path in truth.files[:4]), truth.files[4].read_bytes()[:-9]]
    path.write_bytes(make_zip([ZipEntry(n, c, flags) for n, c in zip(names, contents, strict=True)]))
    found = vdl.scan(path)
    told = " ".join([repr(found), *found.files, found.problems[0].path, str(found.to_table())])
    assert told.encode()
    assert "\x1b" not in told
    ran = CliRunner().invoke(app.app, ["info", str(path), "--json", "--files"])
    assert json.loads(ran.stdout)["series"][0]["paths"] == list(found[0].files)
    index = vdl.Index.build(path, tmp_path / "index")
    with pytest.warns(vdl.DicomLoadWarning, match="left out"):
        volume = index[truth.series_uid].load(ignore="damaged")
    np.testing.assert_array_equal(volume.frames, truth.frames[:4])


def test_the_same_member_has_the_same_name_every_time() -> None:
    names = MemberNames()
    assert [names.give(key, "x/../ü") for key in "aba"] == ["x/ü", "x/ü#2", "x/ü"]
    assert clean_name("\\\\server\\share/1") == "server/share/1"
